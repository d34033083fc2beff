"""One collection on several subjects: a run each, what changes with size, and neuron splitting."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from itertools import pairwise

from core.errors import InvalidSetting
from core.findings import Finding
from core.hashing import fingerprint
from core.ids import UnitId
from core.results import Record
from discovery.probing.after.records import Splitting
from discovery.probing.after.splitting import splitting
from discovery.probing.after.splitting_reading import RULE
from discovery.probing.after.windows import windows_of
from discovery.probing.best import best_at
from discovery.probing.parallel import kept_result
from discovery.probing.plan import ProbeSettings
from discovery.probing.results import FeatureReport, Measured, ProbeScore, ProbingReport
from discovery.probing.sampling import window_of
from discovery.probing.scaling import Scaling, scaling
from neuroscribe.probing.request import ProbeRequest, sites_named
from neuroscribe.probing.running import Answer, Told, find_probe
from neuroscribe.workspace import Workspace
from subjects.index.files import locked, write_bytes

LEAST_F1 = 0.6
"""F1 on training rows of a single unit that is worth splitting."""
MOST_UNITS = 10
"""Of one subject, where nothing else is asked for."""
MOST_WINDOWS = 512
VERSION = 1
"""Of what is kept of splittings; a change of how they are made raises it."""


class SplitUnit(Record):
    """The single unit of a smaller subject that tells ``feature`` best on training rows, against
    the next larger subject. ``f1`` is on test rows."""

    feature: str
    f1: Measured
    splitting: Splitting


class Scaled(Record):
    """Runs in the order of the subjects, their findings, and what stands between them."""

    reports: tuple[ProbingReport, ...]
    findings: tuple[Finding, ...]
    scaling: Scaling
    splitting: tuple[SplitUnit, ...]


@dataclass(frozen=True, slots=True)
class ScaledAnswer:
    """What was found; ``stored`` where every run had been found before."""

    scaled: Scaled
    stored: bool


def subjects_named(names: str) -> tuple[str, ...]:
    """``demo-tiny,demo`` as names. Raises :class:`InvalidSetting` for one that is empty or twice
    there."""
    found = tuple(name.strip() for name in names.split(","))
    if "" in found:
        raise InvalidSetting(f"{names!r} has an empty name in it", "such as demo-tiny,demo")
    for name in found:
        if found.count(name) > 1:
            raise InvalidSetting(f"subject {name!r} is named twice", "name each once")
    return found


def find_scaling(
    workspace: Workspace,
    request: ProbeRequest,
    subjects: Sequence[str],
    *,
    splits: int = 0,
    fresh: bool = False,
    told: Told | None = None,
) -> ScaledAnswer:
    """Probe every subject as :func:`find_probe` does, smallest first, and compare.

    ``request.subject`` is not looked at. Where subjects do not share a tokenizer each has rows of
    its own. So many of the best single units of each subject as ``splits`` are predicted from the
    next one's. Raises what :func:`find_probe` raises, and :class:`InvalidSetting` before any work.
    """
    if len(subjects) < 2:
        raise InvalidSetting("one subject does not scale", "name several, such as demo-tiny,demo")
    if splits and 1 not in request.settings.ks:
        raise InvalidSetting("splitting asks about single units", "probe k 1 too, as --k 1-8")
    for name in subjects:  # one that does not exist is told before the first is probed
        subject = workspace.subject(name)
        sites_named(request.sites, subject.sites())
        if request.sampling.window > subject.max_text:  # unless the collection has its own
            window_of(request.open(), request.sampling, subject)
    answers = [
        find_probe(
            workspace,
            replace(request, subject=name),
            fresh=fresh,
            told=_named(told, name),
        )
        for name in subjects
    ]
    split: list[SplitUnit] = []
    if splits:
        for at, _ in enumerate(pairwise(subjects)):
            pair = (subjects[at], subjects[at + 1])
            chosen = single_units(answers[at].probed.report, request.settings)[:splits]
            split += _splits(workspace, request, pair, answers[at], chosen, fresh, told)
    reports = tuple(answer.probed.report for answer in answers)
    found = Scaled(
        reports=reports,
        findings=tuple(one for answer in answers for one in answer.probed.findings),
        scaling=scaling(reports),
        splitting=tuple(split),
    )
    return ScaledAnswer(found, stored=all(answer.stored for answer in answers))


def _named(told: Told | None, subject: str) -> Told | None:
    if told is None:
        return None
    return lambda what, done, of: told(f"{subject}: {what}", done, of)


def single_units(
    report: ProbingReport, settings: ProbeSettings
) -> list[tuple[FeatureReport, ProbeScore]]:
    """Features that one unit tells well on training rows, best first, with that probe."""
    found = []
    for feature in report.features:
        score = best_at(feature.scores, settings.headline, settings.seeds[0], 1)
        if score is not None and score.train_f1 >= LEAST_F1:
            found.append((feature, score))
    return sorted(found, key=lambda one: -one[1].train_f1)


def _splits(
    workspace: Workspace,
    request: ProbeRequest,
    pair: tuple[str, str],
    answer: Answer,
    chosen: Sequence[tuple[FeatureReport, ProbeScore]],
    fresh: bool,
    told: Told | None,
) -> Iterator[SplitUnit]:
    with ExitStack() as stack:
        for name in pair:
            stack.enter_context(workspace.holding.using(name))
        smaller, larger = (workspace.subject(name) for name in pair)
        sites = sites_named(request.sites, larger.sites())
        for done, (feature, score) in enumerate(chosen):
            if told is not None:
                told(f"{pair[0]} in {pair[1]}: splitting", done, len(chosen))
            unit = UnitId(smaller.spec.name, score.site, score.units[0])
            seed = request.settings.seeds[0]
            hashes = (smaller.spec.hash, larger.spec.hash)
            asked = [VERSION, RULE, *hashes, str(unit), feature.feature, list(sites), seed]
            key = fingerprint([*asked, answer.dataset.fingerprint, MOST_WINDOWS])
            folder = workspace.home / "probing" / "splittings" / key
            with locked(folder):
                kept = None if fresh else kept_result(folder / "splitting.json", Splitting)
                if kept is None:
                    windows = windows_of(answer.dataset, feature.feature, over="groups")
                    windows = windows.sample(MOST_WINDOWS, seed)
                    kept = splitting(smaller, unit, larger, sites, windows, seed=seed)
                    write_bytes(folder / "splitting.json", kept.model_dump_json().encode())
            yield SplitUnit(feature=feature.feature, f1=score.f1, splitting=kept)
