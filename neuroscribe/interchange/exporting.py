"""Stored answers to files of another tool. Nothing is computed and no model is loaded."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import BinaryIO, Self

from core.documents import ExplainDocument
from core.errors import InvalidSetting, NotStored
from core.ids import UnitId, site_kind
from core.results import Record
from neuroscribe.interchange import to_neuron_explainer, to_neuronpedia
from neuroscribe.interchange.answers import Answers, Unreadable
from neuroscribe.interchange.files import check_folder, refuse_existing, writing
from neuroscribe.interchange.records import Format
from neuroscribe.interchange.text import written
from neuroscribe.interchange.units import check_subject
from neuroscribe.workspace import Workspace
from service.bodies import ExportFormat


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


class Exported(Record):
    """What was written (``export --json``)."""

    format: ExportFormat
    target: str
    folder: str
    units: int
    explanations: int
    scores: int
    excerpts: int
    files: list[str]
    skipped: list[Unreadable]

    @classmethod
    def of(
        cls, format: ExportFormat, target: Target, out: Path, answers: Answers, files: list[str]
    ) -> Self:
        """From what was read."""
        return cls(
            format=format,
            target=str(target),
            folder=str(out),
            units=answers.units,
            explanations=answers.explanations,
            scores=answers.scores,
            excerpts=answers.excerpts,
            files=files,
            skipped=answers.skipped,
        )


@dataclass(slots=True)
class _Writer:
    """Writes groups of units."""

    answers: Answers
    format: Format
    plain: bool
    files: list[str] = field(default_factory=list)

    def write(self, paths: Sequence[Path], answers: Iterable[tuple[UnitId, str]]) -> None:
        """One group of files; none where no answer of the group can be read."""
        read = (self.answers.read(unit, run) for unit, run in answers)
        documents = (document for document in read if document is not None)
        first = next(documents, None)
        if first is None:
            return
        with writing(*paths) as opened:
            for document in chain([first], documents):
                self._put(document, opened)
        self.files += map(str, paths)

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


def nothing_about(target: Target) -> NotStored:
    """The error where nothing was explained."""
    return NotStored(f"no answer about {str(target)!r} is stored", "neuroscribe explain makes one")


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
        found = store.answered(target.subject, target.site, target.index)
        if not found:
            raise nothing_about(target)
        groups = _groups(out, found, format)
        if not force:
            refuse_existing(path for paths, _ in groups for path in paths)
        answers = Answers(store)
        writer = _Writer(answers, format, plain)
        for paths, members in groups:
            writer.write(paths, members)
    if not answers.units:
        raise answers.unreadable()
    return Exported.of(format, target, out, answers, writer.files)


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
