"""Stored answers as files of our own: a page, or documents as JSON lines.

Both the command line and the service write them, byte for byte the same: :class:`OwnFile`. Files of
other tools are made by :mod:`neuroscribe.interchange`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Literal

from core.errors import InvalidSetting, NotStored
from neuroscribe.interchange.answers import Answers
from neuroscribe.interchange.exporting import Exported, Target, nothing_about
from neuroscribe.interchange.files import check_folder, refuse_existing, writing
from neuroscribe.interchange.units import check_subject
from neuroscribe.workspace import Workspace
from service.bodies import ExportFormat
from service.pages.layer import Detail, layer_page
from service.pages.unit import unit_page
from storage.documents import SiteLine

OwnFormat = Literal["html", "jsonl"]
PAGE_SIZE = 500
_MEDIA: dict[OwnFormat, str] = {"html": "text/html", "jsonl": "application/x-ndjson"}
_BREAKS = re.compile("[\x85\u2028\u2029]")


def check_asked(format: ExportFormat, *, details: bool, plain: bool) -> None:
    """:class:`InvalidSetting` for an option that a format has no use for."""
    if details and format != "html":
        raise InvalidSetting(f"{format} has no details to add", "choose html")
    if plain and format in ("html", "jsonl"):
        raise InvalidSetting(
            f"{format} is our own: there is nothing to leave out",
            "plain is for neuron-explainer and neuronpedia",
        )


def file_name(target: Target) -> str:
    """A target as the beginning of a file's name: ``demo-mlp.2``."""
    return str(target).replace("/", "-")


@dataclass(slots=True)
class OwnFile:
    """A file that is made while it is read; ``answers`` counts what went into it.

    ``details`` of every unit are for the page of a site.
    """

    answers: Answers
    target: Target
    format: OwnFormat
    details: bool = False

    @property
    def name(self) -> str:
        """What the file is called."""
        return f"{file_name(self.target)}.{self.format}"

    @property
    def media_type(self) -> str:
        """What is in it."""
        return _MEDIA[self.format]

    def chunks(self) -> Iterator[bytes]:
        """The file from its beginning.

        :class:`NotStored`, before the first piece, where nothing was explained, or where the answer
        of the only unit cannot be read.
        """
        lines = self._lines()
        first = next(lines, None)
        if first is None:
            raise nothing_about(self.target)
        if self.format == "jsonl":
            return map(self._document, chain([first], lines))
        if self.target.index is None:
            return self._layer([first, *lines])
        return iter([self._unit(first)])

    def _lines(self) -> Iterator[SiteLine]:
        """Newest answers, in pages; a page is read when it is needed."""
        subject, site, index = self.target.subject, self.target.site, self.target.index
        read = self.answers.store.documents.lines
        if index is not None:
            yield from (x for x in read(subject, site, index - 1, 1) if x.unit.index == index)
            return
        after = -1
        while found := read(subject, site, after, PAGE_SIZE):
            yield from found
            after = found[-1].unit.index

    def _document(self, line: SiteLine) -> bytes:
        found = self.answers.store.documents.of_run(line.run)
        if found is None:
            raise NotStored(f"run {line.run!r} is not in the store any more")
        held = json.loads(found.text)
        excerpts = held.get("profile", {}).get("excerpts", ())
        self.answers.count(
            len(held.get("explanations", ())), len(held.get("scores", ())), len(excerpts)
        )
        # whoever splits at every line break that Unicode knows must not split within a document
        text = _BREAKS.sub(lambda broken: f"\\u{ord(broken[0]):04x}", found.text)
        return text.encode() + b"\n"

    def _layer(self, lines: list[SiteLine]) -> Iterator[bytes]:
        if self.details:
            return layer_page(str(self.target), lines, map(self._detail, lines))
        for line in lines:
            self.answers.count(line.text is not None, line.value is not None)
        return layer_page(str(self.target), lines)

    def _detail(self, line: SiteLine) -> Detail:
        document = self.answers.read(line.unit, line.run)
        if document is None:
            return Detail.unread(line, self.answers.skipped[-1].reason)
        return Detail.of(line, document)

    def _unit(self, line: SiteLine) -> bytes:
        document = self.answers.read(line.unit, line.run)
        if document is None:
            raise self.answers.unreadable()
        return unit_page(document).encode("utf-8", "replace")


def export_own(
    workspace: Workspace,
    target: Target,
    format: OwnFormat,
    out: Path,
    *,
    force: bool = False,
    details: bool = False,
) -> Exported:
    """Write the newest stored answer of each unit of ``target`` as one file under ``out``.

    Raises what :func:`neuroscribe.interchange.exporting.export_answers` does.
    """
    check_subject(workspace, target.subject)
    check_folder(out)
    with workspace.store() as store:
        file = OwnFile(Answers(store), target, format, details)
        path = out / file.name
        if not force:
            refuse_existing([path])
        chunks = file.chunks()
        with writing(path) as (opened,):
            opened.writelines(chunks)
        return Exported.of(format, target, out, file.answers, [str(path)])
