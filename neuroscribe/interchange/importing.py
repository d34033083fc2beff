"""Explanations from files of another tool into the store, each with where it comes from.

Foreign scores stay named figures in the provenance, and activations are not taken over: both
belong to excerpts that nobody here has seen. ``neuroscribe score`` measures an imported sentence.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

from core.errors import ForeignDamaged, PatternSyntaxError
from core.hashing import fingerprint
from core.ids import UnitId
from core.patterns import parse
from core.results import Explanation, Provenance, Record
from core.version import code_version
from neuroscribe.interchange.reading import read
from neuroscribe.interchange.records import Format, ReadExplanation, ReadUnit, Skipped
from neuroscribe.interchange.streams import digest
from neuroscribe.interchange.units import KnownUnits, check_subject
from neuroscribe.workspace import Workspace
from storage import RunRecord, Store

REASON = "not an investigation: explanations were imported"
TOLD = 1000
"""At most so many skipped records and notes are told one by one."""

NAME = 80
"""Longer names of unknown fields are cut."""


class Imported(Record):
    """What was read and what was stored (``import --json``).

    ``scores`` counts foreign figures. ``skipped`` records are told in ``reasons``, the first 1,000
    of them. ``unknown_fields`` counts what was kept aside.
    """

    subject: str
    source: str
    formats: dict[Format, int]
    files: int
    units: int
    explanations: int
    scores: int
    excerpts: int
    stored: int
    already_stored: int
    skipped: int
    reasons: list[Skipped]
    notes: list[str]
    unknown_fields: dict[str, int]


@dataclass(frozen=True, slots=True)
class _Said:
    """One sentence and where it stands."""

    unit: UnitId
    text: str
    read: ReadExplanation
    format: Format
    file: str
    line: int
    model: str | None

    @property
    def figures(self) -> dict[str, str | int | float | bool | None]:
        """What the file says of the sentence, under names that say so."""
        named: dict[str, str | int | float | bool | None] = {
            f"foreign.{name}": value for name, value in self.read.figures.items()
        }
        for s in self.read.scores:
            where = f"{s.scorer}.{s.measure}.{s.mode}.{s.split}.{s.simulator}.{s.calibration}"
            named[f"foreign.neuroscribe.{where}"] = s.value
        if self.read.own is not None:
            named["foreign.id"] = self.read.own.id
        if self.model is not None:
            named["foreign.model"] = self.model
        return named

    @property
    def n_scores(self) -> int:
        """Figures that the file has."""
        figures = (*self.read.figures.values(), *(s.value for s in self.read.scores))
        return sum(figure is not None for figure in figures)


@dataclass(slots=True)
class _Found:
    """What was read so far; of activations only their number is kept."""

    formats: Counter[Format] = field(default_factory=Counter)
    files: set[str] = field(default_factory=set)
    units: set[UnitId] = field(default_factory=set)
    said: list[_Said] = field(default_factory=list)
    excerpts: int = 0
    skipped: int = 0
    reasons: list[Skipped] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    unknown: Counter[str] = field(default_factory=Counter)

    def skip(self, record: Skipped) -> None:
        """Count a record that is left out."""
        self.files.add(record.file)
        self.skipped += 1
        if len(self.reasons) < TOLD:
            self.reasons.append(record)


def import_files(
    workspace: Workspace, path: Path, subject: str, format: Format | None = None
) -> Imported:
    """Read a file or folder about units of ``subject``, and store its explanations, all or none.

    Raises :class:`core.errors.UnknownSubject`, :class:`core.errors.ForeignNotFound`, and
    :class:`core.errors.ForeignDamaged` where a file cannot be read to its end or no record of them
    all can be used.
    """
    check_subject(workspace, subject)
    found, known = _Found(), KnownUnits(workspace, subject)
    for record in read(path, format):
        if isinstance(record, Skipped):
            found.skip(record)
        elif (reason := known.problem(record.site, record.index)) is not None:
            found.skip(Skipped(file=record.file, line=record.line, reason=reason))
        else:
            _take(record, UnitId(subject, record.site, record.index), found)
    if not found.units:
        first = found.reasons[0]
        raise ForeignDamaged(first.told(), f"none of {found.skipped} records can be used")
    with workspace.store() as store:
        new = _new(store, found.said, known.spec_hash)
        store.save_runs(_runs(new, known.spec_hash))
    return Imported(
        subject=subject,
        source=str(path),
        formats=dict(found.formats),
        files=len(found.files),
        units=len(found.units),
        explanations=len(found.said),
        scores=sum(said.n_scores for said in found.said),
        excerpts=found.excerpts,
        stored=len(new),
        already_stored=len(found.said) - len(new),
        skipped=found.skipped,
        reasons=found.reasons,
        notes=found.notes,
        unknown_fields=dict(sorted(found.unknown.items())),
    )


def _take(record: ReadUnit, unit: UnitId, found: _Found) -> None:
    file, line = record.file, record.line
    found.formats[record.format] += 1
    found.files.add(file)
    found.units.add(unit)
    found.excerpts += len(record.excerpts)
    found.unknown.update(name[:NAME] for name in record.unknown)
    for note in record.notes[: TOLD - len(found.notes)]:
        found.notes.append(f"{file!r}, line {line}: {note}")
    for said in record.explanations:
        if text := " ".join(said.text.split()):
            model = record.model
            found.said.append(_Said(unit, text, said, record.format, file, line, model))
        else:
            reason = "the explanation is empty"
            found.skip(Skipped(file=file, line=line, reason=reason, unit=str(unit)))


def _new(store: Store, found: list[_Said], spec_hash: str) -> list[Explanation]:
    """The explanations that are not stored: neither imported before nor, if ours, made here."""
    by_id: dict[str, _Said] = {}
    for said in found:
        by_id.setdefault(_id(said, spec_hash), said)
    own = {id: said.read.own.id for id, said in by_id.items() if said.read.own is not None}
    known = store.known_explanations([*by_id, *own.values()])
    new = {id: said for id, said in by_id.items() if not {id, own.get(id)} & known}
    digests = {file: digest(Path(file)) for file in {said.file for said in new.values()}}
    return [_explanation(id, s, spec_hash, digests[s.file]) for id, s in new.items()]


def _id(said: _Said, spec_hash: str) -> str:
    """A name that depends on what is said of which unit, not on the file that says it."""
    figures = sorted(said.figures.items())
    content = [said.format, str(said.unit), spec_hash, said.text, said.read.model, figures]
    return "i" + fingerprint(content)


def _explanation(id: str, said: _Said, spec_hash: str, digest: str) -> Explanation:
    own, method = said.read.own, f"imported:{said.format}"
    return Explanation(
        id=id,
        unit=said.unit,
        text=said.text,
        polarity=own.polarity if own else "positive",
        share=own.share if own else None,
        method=method,
        symbols=_symbols(said.text),
        provenance=Provenance(
            method=method,
            seed=0,
            subject_spec=spec_hash,
            corpus="",
            index="",
            code_version=code_version(),
            model=said.read.model,
            parameters={
                "file": Path(said.file).name,
                "line": said.line,
                "sha256": digest,
                **said.figures,
            },
        ),
    )


def _symbols(text: str) -> int:
    """The length of a sentence, in symbols of the pattern language or, if it is prose, in words."""
    try:
        return parse(text).symbols
    except PatternSyntaxError:
        return len(text.split())


def _runs(explanations: list[Explanation], spec_hash: str) -> list[RunRecord]:
    """One run a unit. It is marked failed, which keeps it from being taken for an answer."""
    by_unit: dict[UnitId, list[Explanation]] = {}
    for explanation in explanations:
        by_unit.setdefault(explanation.unit, []).append(explanation)
    now = datetime.now(UTC).isoformat()
    return [
        RunRecord(
            id=uuid4().hex[:16],
            unit=unit,
            spec_hash=spec_hash,
            key=f"import/{unit}",
            seed=0,
            code_version=code_version(),
            status="failed",
            reason=REASON,
            started=now,
            finished=now,
            explanations=tuple(said),
        )
        for unit, said in by_unit.items()
    ]
