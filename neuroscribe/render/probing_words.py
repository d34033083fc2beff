"""What a probing run says in words and figures, the same on a terminal and on a page."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Final

from discovery.probing.comparison import chosen_f1
from discovery.probing.nulls import RANDOM_DRAWS
from discovery.probing.results import (
    Certificate,
    FeatureReport,
    Measured,
    Method,
    Null,
    ProbeScore,
    ProbingReport,
)
from service.pages.figures import figure, number

METHODS: Final[dict[Method, str]] = {
    "random": "random",
    "mean-difference": "mean difference",
    "f": "F statistic",
    "mutual-information": "mutual information",
    "l1": "L1 logistic",
    "svm": "linear SVM",
    "adaptive": "adaptive",
    "osp": "OSP",
}
BY_SITE: Final = (
    "F1 on test rows (mean over seeds) of the method and k that were chosen on training rows"
)

RANDOM_BESIDE: Final = f"as many random neurons of the site, mean of {RANDOM_DRAWS} draws"
RANDOM_ROW: Final = (
    "random: one draw for each feature, site and seed, from the whole site, at the site that is "
    f"best on training rows; beside a feature stands the mean of {RANDOM_DRAWS} draws"
)


def value_text(measured: Measured | None) -> str:
    """Three decimals; a dash where there is no value."""
    return figure(None if measured is None else measured.value)


def gain_text(gain: Measured | None) -> str:
    """How much a method gains over the headline's, with its sign and interval; empty for itself."""
    if gain is None:
        return ""
    if gain.value is None:
        return "–"
    if gain.low is None or gain.high is None:
        return f"{gain.value:+.3f}"
    return f"{gain.value:+.3f} [{gain.low:+.3f}, {gain.high:+.3f}]"


def between_text(measured: Measured | None) -> str:
    """``[low, high]``, or nothing where there is no interval."""
    if measured is None or measured.low is None or measured.high is None:
        return ""
    return f"[{figure(measured.low)}, {figure(measured.high)}]"


def measured_text(measured: Measured | None) -> str:
    """The value with its interval; what is missing with its reason."""
    if measured is None:
        return "not measured"
    if measured.value is None:
        return f"none: {measured.reason or 'no reason given'}"
    if between := between_text(measured):
        return f"{figure(measured.value)} {between}"
    reason = (measured.reason or "none was drawn").removeprefix("no interval: ")
    return f"{figure(measured.value)} (no interval: {reason})"


def units_text(score: ProbeScore, shown: int = 4) -> str:
    """The first neurons of a support, and how many more there are."""
    more = len(score.units) - shown
    return ", ".join(map(str, score.units[:shown])) + (f" +{more}" if more > 0 else "")


def p_text(null: Null | None) -> str:
    """The p-value in at most six characters."""
    if null is None:
        return "–"
    return "<0.001" if null.p < 0.001 else f"{null.p:.3f}"


def null_text(null: Null | None) -> str:
    """All of a null in one line."""
    if null is None:
        return "not measured"
    return (
        f"mean {figure(null.mean)}, 95th percentile {figure(null.p95)}, p = {number(null.p)} "
        f"({null.draws:,} draws with labels shuffled)"
    )


def basis_verdict(feature: FeatureReport) -> str | None:
    """How neurons stand to rotated bases, as plain comparison of the figures."""
    basis = feature.basis
    if basis is None or basis.neurons.value is None or not basis.rotated:
        return None
    rotated = fmean(basis.rotated)
    return (
        f"neurons {measured_text(basis.neurons)}, rotated bases {figure(rotated)} "
        f"({figure(min(basis.rotated))} to {figure(max(basis.rotated))}, {len(basis.rotated)} of "
        f"them)"
    )


def proven(certificate: Certificate) -> bool:
    """Whether a support is proven to be optimal: status and gap have to agree."""
    gap = certificate.gap
    return certificate.status == "optimal" and gap is not None and gap <= certificate.tolerance


def certificate_text(certificate: Certificate) -> str:
    """What is proven of one support, and under which loss and ridge."""
    c = certificate
    gap = "no gap is known" if c.gap is None else f"gap {number(c.gap)}"
    if proven(c):
        said = f"proven optimal ({gap}, tolerance {number(c.tolerance)})"
    elif c.status == "time_limit":
        said = f"stopped at the time limit, not proven ({gap})"
    elif c.status == "failed":
        said = f"failed, not proven ({gap})"
    else:
        said = f"not proven ({gap}, tolerance {number(c.tolerance)})"
    loss = "no loss" if c.loss is None else f"loss {number(c.loss)}"
    bound = "no bound" if c.bound is None else f"bound {number(c.bound)}"
    return (
        f"{said}; {c.loss_name} {loss}, {bound}, γ {number(c.gamma)}, {c.cuts:,} cuts, "
        f"{c.of:,} neurons, {c.seconds:.1f} s"
    )


@dataclass(frozen=True, slots=True)
class Proofs:
    """Certificates of one k, counted."""

    k: int
    total: int
    proven: int
    timed_out: int
    failed: int
    largest_gap: float | None
    unknown_gaps: int

    @property
    def text(self) -> str:
        """``k 5: 3 of 6 proven optimal, 2 at the time limit, 1 failed; largest gap 0.12``."""
        said = [f"{self.proven} of {self.total} proven optimal"]
        said += [f"{self.timed_out} stopped at the time limit"] if self.timed_out else []
        said += [f"{self.failed} failed"] if self.failed else []
        rest = self.total - self.proven - self.timed_out - self.failed
        said += [f"{rest} above the tolerance"] if rest else []
        if self.proven < self.total:
            gap = self.largest_gap
            said += ["no gap known" if gap is None else f"largest gap {number(gap)}"]
            if gap is not None and self.unknown_gaps:
                said += [f"{self.unknown_gaps} without a gap"]
        return f"k {self.k}: {', '.join(said)}"


def proofs(report: ProbingReport) -> list[Proofs]:
    """What was proven at each k, over features, sites and seeds."""
    by_k: dict[int, list[Certificate]] = {}
    for score in every_score(report):
        if score.certificate is not None:
            by_k.setdefault(score.k, []).append(score.certificate)
    return [_proofs(k, by_k[k]) for k in sorted(by_k)]


def _proofs(k: int, found: Sequence[Certificate]) -> Proofs:
    rest = [c for c in found if not proven(c)]
    gaps = [c.gap for c in rest if c.gap is not None]
    return Proofs(
        k=k,
        total=len(found),
        proven=len(found) - len(rest),
        timed_out=sum(c.status == "time_limit" for c in rest),
        failed=sum(c.status == "failed" for c in rest),
        largest_gap=max(gaps, default=None),
        unknown_gaps=len(rest) - len(gaps),
    )


def proof_terms(report: ProbingReport) -> str:
    """Under which losses, ridges and tolerances anything was proven."""
    found = [s.certificate for s in every_score(report) if s.certificate is not None]
    losses = " and ".join(sorted({c.loss_name for c in found}))
    gammas = sorted({c.gamma for c in found})
    tolerances = ", ".join(number(t) for t in sorted({c.tolerance for c in found}))
    gamma = number(gammas[0])
    if gammas[0] != gammas[-1]:
        gamma = f"{gamma} to {number(gammas[-1])}"
    among = max(c.of for c in found)
    return (
        f"for {losses} loss on training rows with ridge γ {gamma}, among at most {among:,} "
        f"prefiltered neurons; tolerance {tolerances}"
    )


def every_score(report: ProbingReport) -> Iterable[ProbeScore]:
    """Every score of a report once, curves left out."""
    for feature in report.features:
        yield from scores_of(feature)


def scores_of(feature: FeatureReport) -> tuple[ProbeScore, ...]:
    """The scores of a feature; the best one even where ``scores`` leaves it out."""
    if feature.best is None or feature.best in feature.scores:
        return feature.scores
    return (*feature.scores, feature.best)


@dataclass(frozen=True, slots=True)
class Chosen:
    """A mean F1 over seeds, and what was chosen on training rows to reach it."""

    f1: float
    method: Method
    k: int


def means(feature: FeatureReport) -> dict[tuple[str, Method, int], float | None]:
    """Mean F1 over seeds by site, method and k; None where no seed has a value."""
    found: dict[tuple[str, Method, int], list[float]] = {}
    for score in feature.scores:
        values = found.setdefault((score.site, score.method, score.k), [])
        if score.f1.value is not None:
            values.append(score.f1.value)
    return {key: fmean(values) if values else None for key, values in found.items()}


def by_site(report: ProbingReport, feature: FeatureReport) -> dict[str, Chosen]:
    """By site, what the first method reaches at the size that was chosen for the feature."""
    if feature.best is None:
        return {}
    method, k = feature.best.method, feature.best.k
    found = {site: chosen_f1(feature, report.seeds, method, k, site) for site in report.sites}
    return {site: Chosen(f1, method, k) for site, f1 in found.items() if f1 is not None}


def failures(report: ProbingReport) -> list[tuple[str, int]]:
    """Why single probes failed, and how many did."""
    said = Counter(s.failure for s in every_score(report) if s.failure is not None)
    return said.most_common()


def warnings(report: ProbingReport) -> list[tuple[str, list[str]]]:
    """Each warning once, with the features that it is about."""
    found: dict[str, list[str]] = {}
    for feature in report.features:
        for said in () if feature.controls is None else feature.controls.warnings:
            found.setdefault(said, []).append(feature.feature)
    return list(found.items())


def warned(feature: FeatureReport) -> bool:
    """Whether anything was warned of."""
    return feature.controls is not None and bool(feature.controls.warnings)


def measured_features(report: ProbingReport) -> list[FeatureReport]:
    """Those with a best probe, in the report's order."""
    return [f for f in report.features if f.status == "ok" and f.best is not None]


def unmeasured(report: ProbingReport) -> list[tuple[FeatureReport, str]]:
    """Those without, each with its reason."""
    return [
        (f, f.reason or "no reason given")
        for f in report.features
        if f.status != "ok" or f.best is None
    ]


def status_text(feature: FeatureReport) -> str:
    """``failed`` or ``left out``."""
    return "left out" if feature.status == "left_out" else "failed"


def fact_text(value: float | int | str | bool | None) -> str:
    """One entry of the summary or the settings."""
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return value if isinstance(value, str) else number(value)


def head_text(report: ProbingReport) -> str:
    """What was probed for what."""
    sites, seeds = len(report.sites), len(report.seeds)
    return (
        f"{len(measured_features(report))} of {len(report.features)} features measured · "
        f"{sites} site{'s' * (sites != 1)} · {seeds} seed{'s' * (seeds != 1)} · "
        f"{report.seconds:,.1f} s"
    )


def missing_intervals(report: ProbingReport) -> list[str]:
    """Why figures of the comparison have no interval, each reason once."""
    cells = [f for row in report.comparison for f in (*row.f1.values(), row.gain, row.seconds)]
    known = [found for found in cells if found is not None and found.value is not None]
    bare = [found for found in known if not between_text(found)]
    return sorted({found.reason or "no reason given" for found in bare})


def missing_methods(report: ProbingReport) -> list[tuple[str, int, str]]:
    """Cells of the comparison without a value: method, k, reason."""
    return [
        (METHODS[row.method], k, found.reason or "no reason given")
        for row in report.comparison
        for k, found in sorted(row.f1.items())
        if found.value is None
    ]
