"""Stored answers to files of another tool. Nothing is computed and no model is loaded."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import BinaryIO, Self

from pydantic import ValidationError

from core.documents import ExplainDocument
from core.errors import InvalidSetting, NotStored
from core.ids import UnitId, site_kind
from core.results import Record
from neuroscribe.interchange import to_neuron_explainer, to_neuronpedia
from neuroscribe.interchange.files import check_folder, refuse_existing, writing
from neuroscribe.interchange.records import Format
from neuroscribe.interchange.text import written
from neuroscribe.interchange.units import check_subject
from neuroscribe.workspace import Workspace
from storage import Store


@dataclass(frozen=True, slots=True)
class Target:
    """A unit, or with ``index`` None every unit of a site that has a stored answer."""

    subject: str
    site: str
    index: int | None = None

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read ``subject/site/index``, its short form, or ``subject/site``.

        Raises :class:`core.errors.MalformedId` for anything else.
        """
        subject, slash, site = text.partition("/")
        if slash and "/" not in site and not site.startswith("L"):
            UnitId(subject, site, 0)
            return cls(subject, site)
        unit = UnitId.parse(text)
        return cls(unit.subject, unit.site, unit.index)

    def __str__(self) -> str:
        whole = f"{self.subject}/{self.site}"
        return whole if self.index is None else f"{whole}/{self.index}"


class Unreadable(Record):
    """A stored answer that could not be exported."""

    unit: str
    reason: str


class Exported(Record):
    """What was written (``export --json``)."""

    format: Format
    target: str
    folder: str
    units: int
    explanations: int
    scores: int
    excerpts: int
    files: list[str]
    skipped: list[Unreadable]


@dataclass(slots=True)
class _Writer:
    """Writes groups of units, and counts."""

    store: Store
    format: Format
    plain: bool
    units: int = 0
    explanations: int = 0
    scores: int = 0
    excerpts: int = 0
    files: list[str] = field(default_factory=list)
    skipped: list[Unreadable] = field(default_factory=list)

    def write(self, paths: Sequence[Path], answers: Iterable[tuple[UnitId, str]]) -> None:
        """One group of files; none where no answer of the group can be read."""
        documents = self._read(answers)
        first = next(documents, None)
        if first is None:
            return
        with writing(*paths) as opened:
            for document in chain([first], documents):
                self._put(document, opened)
        self.files += map(str, paths)

    def _read(self, answers: Iterable[tuple[UnitId, str]]) -> Iterator[ExplainDocument]:
        for unit, run in answers:
            try:
                document = ExplainDocument.model_validate(self.store.run(run).document)
            except ValidationError as error:
                where = ".".join(str(part) for part in error.errors()[0]["loc"])
                reason = f"its stored answer is of another version, from {where!r} on"
                self.skipped.append(Unreadable(unit=str(unit), reason=reason))
                continue
            self._count(document)
            yield document

    def _count(self, document: ExplainDocument) -> None:
        self.units += 1
        self.explanations += len(document.explanations)
        self.scores += len(document.scores)
        self.excerpts += len(document.profile.excerpts)

    def _put(self, document: ExplainDocument, opened: Sequence[BinaryIO]) -> None:
        if self.format == "neuron-explainer":
            record = to_neuron_explainer.neuron_record(document, plain=self.plain)
            results = to_neuron_explainer.simulation_results(document, plain=self.plain)
            opened[0].write(written(record.model_dump()))
            opened[1].write(written(results.model_dump()))
            return
        tables = to_neuronpedia.rows(document, plain=self.plain)
        for file, table in zip(opened, tables, strict=True):
            file.writelines(map(written, table))


def export_answers(
    workspace: Workspace,
    target: Target,
    format: Format,
    out: Path,
    *,
    force: bool = False,
    plain: bool = False,
) -> Exported:
    """Write the newest stored answer of each unit of ``target`` under ``out``.

    ``plain`` leaves our extension out, for readers that refuse fields they do not know. Raises
    :class:`core.errors.UnknownSubject`, :class:`core.errors.NotStored` where nothing was explained,
    :class:`core.errors.OutputExists` unless ``force``, :class:`core.errors.StorageError`, and
    :class:`core.errors.InvalidSetting` where plain records would name other units.
    """
    check_subject(workspace, target.subject)
    if plain and format == "neuron-explainer" and site_kind(target.site) != "mlp":
        raise InvalidSetting(
            f"{str(target)!r} without the extension would be read as MLP neurons",
            "leave out --plain, or choose --format neuronpedia",
        )
    check_folder(out)
    with workspace.store() as store:
        answers = store.answered(target.subject, target.site, target.index)
        hint = "neuroscribe explain makes one"
        if not answers:
            raise NotStored(f"no answer about {str(target)!r} is stored", hint)
        groups = _groups(out, answers, format)
        if not force:
            refuse_existing(path for paths, _ in groups for path in paths)
        writer = _Writer(store, format, plain)
        for paths, members in groups:
            writer.write(paths, members)
    if not writer.units:
        first = writer.skipped[0]
        raise NotStored(f"{first.unit!r}: {first.reason}", "explain it again with --fresh")
    return Exported(
        format=format,
        target=str(target),
        folder=str(out),
        units=writer.units,
        explanations=writer.explanations,
        scores=writer.scores,
        excerpts=writer.excerpts,
        files=writer.files,
        skipped=writer.skipped,
    )


def _groups(
    out: Path, answers: Sequence[tuple[UnitId, str]], format: Format
) -> list[tuple[tuple[Path, ...], Sequence[tuple[UnitId, str]]]]:
    """Files that are written together, and the answers that go into them."""
    if format == "neuron-explainer":
        return [(to_neuron_explainer.paths(out, unit), [(unit, run)]) for unit, run in answers]
    unit, size = answers[0][0], to_neuronpedia.BATCH
    return [
        (
            to_neuronpedia.paths(out, unit.subject, unit.site, start // size),
            answers[start : start + size],
        )
        for start in range(0, len(answers), size)
    ]
