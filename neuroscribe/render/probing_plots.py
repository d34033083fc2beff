"""Which plots a probing run has, drawn from its records alone."""

from __future__ import annotations

import math
from collections.abc import Sequence

from discovery.probing.results import FeatureReport, MethodRow, ProbeScore, ProbingReport
from neuroscribe.render.plots import (
    Axis,
    Band,
    Cell,
    Dot,
    Dots,
    Figure,
    Heat,
    Line,
    Mark,
    Plot,
    Rule,
    Tone,
)
from neuroscribe.render.probing_words import (
    BY_SITE,
    METHODS,
    Chosen,
    by_site,
    measured_features,
    measured_text,
)
from service.pages.figures import figure
from service.pages.visible import visible_text

UNIT = ((0.0, "0"), (0.25, ".25"), (0.5, ".5"), (0.75, ".75"), (1.0, "1"))
ROW = 22


def figures(report: ProbingReport) -> list[Figure]:
    """All of them, those over all features first."""
    over_all = [site_heat(report), precision_recall(report), methods(report), bases(report)]
    of_each = [draw(f) for draw in (curve, losses) for f in report.features]
    return [found for found in (*over_all, *of_each) if found is not None]


def curve(feature: FeatureReport) -> Plot | None:
    """F1 against k of adaptive thresholding, with its interval, random neurons and the null."""
    found = sorted((s for s in feature.curve if s.f1.value is not None), key=lambda s: s.k)
    if not found:
        return None
    marks: list[Mark] = [Band(band) for band in _bands(found)]
    points = tuple((float(s.k), s.f1.value) for s in found if s.f1.value is not None)
    marks += [Line("adaptive", points), _dots_of(points)]
    if feature.random is not None and feature.random.value is not None:
        k = "" if feature.best is None else f" (k {feature.best.k})"
        marks.append(Rule(f"random{k}", feature.random.value, "other"))
    if feature.null is not None:
        marks.append(Rule("null p95", feature.null.p95))
    said = ", ".join(f"{figure(f1)} at k {k:g}" for k, f1 in points)
    return Plot(
        feature.feature,
        f"F1 of adaptive thresholding by number of neurons at {found[0].site}: {said}. Beside it "
        "that of random neurons, and the 95th percentile with labels shuffled",
        _powers(found[-1].k),
        Axis("F1", 0, 1, UNIT),
        tuple(marks),
    )


def _dots_of(points: Sequence[tuple[float, float]]) -> Dots:
    return Dots("", tuple(Dot(k, f1, f"k {k:g}: {figure(f1)}") for k, f1 in points))


def _bands(found: Sequence[ProbeScore]) -> list[tuple[tuple[float, float, float], ...]]:
    """Runs of neighbouring k that have an interval."""
    runs: list[list[tuple[float, float, float]]] = [[]]
    for score in found:
        if score.f1.low is None or score.f1.high is None:
            runs.append([])
        else:
            runs[-1].append((float(score.k), score.f1.low, score.f1.high))
    return [tuple(run) for run in runs if len(run) > 1]


def _powers(largest: int) -> Axis:
    last = max(1, math.ceil(math.log2(largest)))
    step = 1 if last <= 4 else 2
    ticks = tuple((float(2**i), str(2**i)) for i in range(0, last + 1, step))
    return Axis("k neurons", 1, 2**last, ticks, log=True)


def site_heat(report: ProbingReport) -> Heat | None:
    """F1 of every feature at every site; the site chosen on training rows is framed."""
    found = measured_features(report)
    if not found or not any(f.scores for f in found):
        return None
    best = [by_site(report, feature) for feature in found]
    least = min((one.f1 for row in best for one in row.values()), default=0.0)
    cells = tuple(
        tuple(_cell(feature, site, row.get(site), least) for site in report.sites)
        for feature, row in zip(found, best, strict=True)
    )
    return Heat(
        "F1 by site",
        f"Features by sites, lighter where F1 is lower: {BY_SITE}. Framed: the site chosen on "
        "training rows",
        tuple(visible_text(f.feature) for f in found),
        tuple(visible_text(site) for site in report.sites),
        cells,
    )


def _cell(feature: FeatureReport, site: str, best: Chosen | None, least: float) -> Cell:
    marked = feature.best is not None and feature.best.site == site
    where = f"{feature.feature}, {site}"
    if best is None:
        return Cell(None, "–", f"{where}: not measured", marked)
    by = f"{METHODS[best.method]}, k {best.k}"
    return Cell(
        0.1 + 0.9 * (best.f1 - least) / max(1e-9, 1.0 - least),
        f"{best.f1:.2f}".removeprefix("0"),
        f"{where}: {figure(best.f1)} ({by})",
        marked,
    )


def methods(report: ProbingReport) -> Plot | None:
    """F1 of every method with its interval, at the smallest and the largest k."""
    ks = sorted({k for row in report.comparison for k in row.f1})
    if not ks:
        return None
    rows = report.comparison
    marks = [_of_size(rows, ks[0], 0.0 if len(ks) == 1 else 0.16, "other")]
    if len(ks) > 1:
        marks.append(_of_size(rows, ks[-1], -0.16, "main"))
    said = "; ".join(
        f"{METHODS[row.method]} " + ", ".join(f"k {k}: {measured_text(row.f1.get(k))}" for k in ks)
        for row in rows
    )
    return Plot(
        "Methods",
        f"Mean F1 over features, of the best site. {said}",
        _near(marks),
        _names([METHODS[row.method] for row in rows]),
        tuple(marks),
        tall=26 * len(rows),
        width=400,
    )


def _of_size(rows: Sequence[MethodRow], k: int, shift: float, tone: Tone) -> Dots:
    dots = []
    for i, row in enumerate(rows):
        found = row.f1.get(k)
        if found is not None and found.value is not None:
            name = f"{METHODS[row.method]}, k {k}: {measured_text(found)}"
            dots.append(Dot(found.value, -i + shift, name, found.low, found.high))
    return Dots(f"k = {k}", tuple(dots), tone)


def bases(report: ProbingReport) -> Plot | None:
    """1-sparse F1 of single neurons against directions of rotated bases, a row a feature."""
    found = [(f.feature, f.basis) for f in report.features if f.basis is not None]
    neurons, rotated = [], []
    for i, (name, basis) in enumerate(found):
        one = basis.neurons
        if one.value is not None:
            said = f"{name}, neurons: {measured_text(one)}"
            neurons.append(Dot(one.value, -i + 0.12, said, one.low, one.high))
        for number, value in enumerate(basis.rotated, 1):
            rotated.append(Dot(value, -i - 0.12, f"{name}, basis {number}: {figure(value)}"))
    marks = [Dots("rotated bases", tuple(rotated), "other"), Dots("neurons", tuple(neurons))]
    if not neurons and not rotated:
        return None
    return Plot(
        "Neurons against rotated bases",
        "Mean F1 of single neurons and of single directions of random bases. "
        + "; ".join(dot.name for dots in marks for dot in dots.dots),
        _near(marks),
        _names([visible_text(name) for name, _ in found]),
        tuple(marks),
        tall=ROW * len(found),
        width=440,
    )


def losses(feature: FeatureReport) -> Plot | None:
    """Test log-loss against k, of neurons and of rotated bases."""
    basis = feature.basis
    if basis is None or not (basis.log_loss_neurons or basis.log_loss_rotated):
        return None
    of_both: tuple[tuple[str, dict[int, float], Tone], ...] = (
        ("neurons", basis.log_loss_neurons, "main"),
        ("rotated bases", basis.log_loss_rotated, "other"),
    )
    lines = tuple(
        Line(name, tuple((float(k), value) for k, value in sorted(by_k.items())), tone)
        for name, by_k, tone in of_both
        if by_k
    )
    points = [point for line in lines for point in line.points]
    top = max(0.1, math.ceil(max(value for _, value in points) * 5) / 5)
    ticks = tuple((top * part / 4, f"{top * part / 4:.2g}") for part in range(5))
    said = "; ".join(
        f"{line.name}: " + ", ".join(f"{value:.4g} at k {k:g}" for k, value in line.points)
        for line in lines
    )
    return Plot(
        feature.feature,
        f"Log-loss on test rows by number of units. {said}",
        _powers(int(max(k for k, _ in points))),
        Axis("log-loss", 0, top, ticks),
        lines,
    )


def precision_recall(report: ProbingReport) -> Plot | None:
    """Every feature's best probe: recall along x, precision along y, numbered as in the table."""
    dots = []
    for number, feature in enumerate(measured_features(report), 1):
        best = feature.best
        if best is None or best.precision.value is None or best.recall.value is None:
            continue
        said = f"{feature.feature}: precision {figure(best.precision.value)}"
        name = f"{said}, recall {figure(best.recall.value)}"
        dots.append(Dot(best.recall.value, best.precision.value, name, label=str(number)))
    if not dots:
        return None
    return Plot(
        "Precision against recall",
        "Best probe of every feature, on test rows. " + "; ".join(dot.name for dot in dots),
        _axis("recall", [dot.x for dot in dots]),
        _axis("precision", [dot.y for dot in dots]),
        (*_equal_f1(dots), Dots("", tuple(dots))),
        tall=340,
        width=480,
    )


def _equal_f1(dots: Sequence[Dot]) -> list[Line]:
    """Where precision and recall give the same F1, within the axes that hold ``dots``."""
    right, up = (_axis("", values).low for values in ([d.x for d in dots], [d.y for d in dots]))
    found = []
    for f1 in (0.5, 0.7, 0.9):
        first, last = max(right, f1 / (2 - f1)), 1.0
        if up > f1 / 2:
            last = min(last, f1 * up / (2 * up - f1))
        recalls = [first + (last - first) * i / 40 for i in range(41)]
        if last > first:
            found.append((f1, tuple((r, f1 * r / (2 * r - f1)) for r in recalls)))
    name = "F1 = " + ", ".join(f"{f1:g}".removeprefix("0") for f1, _ in found)
    return [Line(name, points, "quiet") for _, points in found]


def _near(marks: Sequence[Dots]) -> Axis:
    """An axis of F1 that begins a tenth below what is drawn on it."""
    return _axis("F1", [v for m in marks for d in m.dots for v in (d.x, d.low) if v is not None])


def _axis(label: str, values: Sequence[float]) -> Axis:
    """From the tenth below the smallest value to 1."""
    low = min(0.9, max(0.0, math.floor(min(values, default=0.0) * 10 - 1e-9) / 10))
    step = 0.1 if low >= 0.5 else 0.2
    ticks = [round(1 - step * i, 2) for i in range(11)]
    return Axis(label, low, 1, tuple((t, f"{t:g}".replace("0.", ".")) for t in ticks if t >= low))


def _names(names: Sequence[str]) -> Axis:
    """One row a name, the first on top."""
    ticks = tuple((float(-i), name) for i, name in enumerate(names))
    return Axis("", -len(names) + 0.4, 0.6, ticks)
