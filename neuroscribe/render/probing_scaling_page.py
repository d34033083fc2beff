"""Several subjects on one self-contained page, and its plots as files."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from markupsafe import Markup

from core.version import code_version
from discovery.probing.scaling import Scaling
from neuroscribe.probing.scaling import Scaled, SplitUnit
from neuroscribe.render import probing_scaling, probing_words
from neuroscribe.render.plot_svg import variables
from neuroscribe.render.plots import Axis, Band, Dot, Dots, Figure, Line, Mark, Plot
from neuroscribe.render.probing_page import OWN_STYLE, PLOT_STYLE, Drawer, file_of
from neuroscribe.render.probing_plots import UNIT
from neuroscribe.render.probing_words import measured_text
from neuroscribe.render.templating import asset, environment
from service.pages.templating import encodable, inert_json, source_hash
from service.pages.unit import STYLE
from service.pages.visible import visible_text

PAGE: Final = "probing_scaling.html.j2"


def scaling_page(scaled: Scaled) -> str:
    """The whole page. Its document leaves out the runs of single subjects."""
    style = asset(STYLE) + variables() + asset(PLOT_STYLE) + asset(OWN_STYLE)
    draw = Drawer()
    found = scaled.scaling
    twin = scaled.model_dump(mode="json", include={"scaling", "splitting"})
    page = (
        environment()
        .get_template(PAGE)
        .render(
            found=found,
            scaled=scaled,
            words=probing_scaling,
            probing=probing_words,
            by_k=[(k, draw(by_subject(found, k))) for k in found.ks],
            splits=[(one, draw(by_sum(one))) for one in scaled.splitting],
            code_version=code_version(),
            style=Markup(style),
            style_hash=source_hash(style),
            twin=Markup(inert_json(twin)),
        )
    )
    return encodable(page)


def scaling_file(scaled: Scaled, path: Path) -> bytes:
    """The plots as ``.png`` or ``.svg``, or the page; see :func:`.probing_page.file_of`."""
    return file_of(path, lambda: figures(scaled), lambda: scaling_page(scaled))


def figures(scaled: Scaled) -> list[Figure]:
    """F1 by subject at each k, then the sums of each unit that was split."""
    drawn = [by_subject(scaled.scaling, k) for k in scaled.scaling.ks]
    drawn += [by_sum(one) for one in scaled.splitting]
    return [one for one in drawn if one is not None]


def by_subject(found: Scaling, k: int) -> Plot | None:
    """Features as thin lines, their mean with its interval as a thick one, and random neurons."""
    marks: list[Mark] = []
    for feature in found.features:
        cells = [cell.value for cell in feature.f1[k]]
        points = tuple((float(i), f1) for i, f1 in enumerate(cells) if f1 is not None)
        if points:
            marks.append(Line(feature.feature, points, "quiet", thin=True))
    ends = []
    for i, mean in enumerate(found.means):
        one = mean.f1[k]
        if one.low is not None and one.high is not None:
            ends.append((float(i), one.low, one.high))
    if len(ends) == len(found.means):
        marks.append(Band(tuple(ends)))
    means = [(i, mean.f1[k]) for i, mean in enumerate(found.means)]
    random = [(float(i), m.random[k].value) for i, m in enumerate(found.means)]
    known = [(float(i), one.value) for i, one in means if one.value is not None]
    beside = tuple((i, value) for i, value in random if value is not None)
    if not marks:
        return None
    if known:
        marks.append(Line("mean", tuple(known)))
        said = [f"{found.subjects[i]}: {measured_text(one)}" for i, one in means]
        marks.append(Dots("", tuple(Dot(i, f1, said[int(i)]) for i, f1 in known)))
    if beside:
        marks.append(Line("random neurons", beside, "other"))
    told = "; ".join(
        f"{mean.subject} {measured_text(mean.f1[k])}, random {measured_text(mean.random[k])}"
        for mean in found.means
    )
    return Plot(
        f"F1 at k = {k}",
        f"A thin line a feature, and the mean over {found.means[0].n} features that every subject "
        f"has: {told}",
        _subjects(found),
        Axis("F1", 0, 1, UNIT),
        tuple(marks),
        width=420,
        tall=220,
    )


def _subjects(found: Scaling) -> Axis:
    ticks = tuple((float(i), visible_text(name)) for i, name in enumerate(found.subjects))
    return Axis("", -0.3, len(ticks) - 0.7, ticks)


def by_sum(one: SplitUnit) -> Plot | None:
    """R² of sums against their number of units, with its interval, and the best random sets."""
    steps = one.splitting.steps
    points = tuple((float(s.k), s.r2.value) for s in steps if s.r2.value is not None)
    if not points:
        return None
    marks: list[Mark] = []
    between = [
        (float(s.k), s.r2.low, s.r2.high)
        for s in steps
        if s.r2.low is not None and s.r2.high is not None
    ]
    if len(between) == len(points) > 1:
        marks.append(Band(tuple(between)))
    marks.append(Line("chosen units", points))
    marks.append(Dots("", tuple(Dot(k, value, f"k {k:g}: {value:.3f}") for k, value in points)))
    random = tuple((float(s.k), max(s.random)) for s in steps if s.random)
    if random:
        marks.append(Line("best of random sets", random, "other"))
    ticks = tuple((float(s.k), str(s.k)) for s in steps)
    told = ", ".join(f"{measured_text(step.r2)} at k {step.k}" for step in steps)
    return Plot(
        f"{one.feature}: {one.splitting.unit}",
        f"R² of the unit from sums of units of {one.splitting.larger}: {told}",
        Axis("units in the sum", 0.7, max(len(steps), 2) + 0.3, ticks),
        Axis("R²", 0, 1, UNIT),
        tuple(marks),
    )
