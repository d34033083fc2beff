"""Which run answered a request, told without loading the model.

The name of a run hangs on the weights and the tokenizer, which only a loaded model tells. For the
models that ship with the package a note, under a name made of their files and the request, says
what they came to.
"""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

from core.errors import IndexFault
from core.hashing import fingerprint
from core.results import Record
from core.version import code_version
from discovery.probing import files, sampling
from discovery.probing.dataset import ProbingDataset
from discovery.probing.labels import Collection
from discovery.probing.parallel import kept_result
from discovery.probing.results import ProbingReport
from neuroscribe.probing.request import ProbeRequest
from neuroscribe.workspace import Workspace
from subjects.index.files import write_bytes
from subjects.registry import subject_names


class Note(Record):
    """Where the run of a request lies: its folder, its dataset's, and the hash of its weights."""

    run: str
    dataset: str
    weights: str


def remember(workspace: Workspace, request: ProbeRequest, collection: Collection, to: Note) -> None:
    """Note which run a request has come to."""
    if _ships(workspace, request):
        write_bytes(_note(workspace, request, collection), to.model_dump_json().encode())


def stored(
    workspace: Workspace, request: ProbeRequest, collection: Collection
) -> tuple[ProbingReport, ProbingDataset, str] | None:
    """The report of an earlier run, its rows and the hash of its weights; None: it is to be run."""
    if not _ships(workspace, request):
        return None
    note = kept_result(_note(workspace, request, collection), Note)
    if note is None:
        return None
    report = kept_result(
        report_file(run_folder(workspace, note.run), request.settings.key), ProbingReport
    )
    if report is None:
        return None
    try:
        return report, files.load(dataset_folder(workspace, note.dataset)), note.weights
    except IndexFault:
        return None


def _ships(workspace: Workspace, request: ProbeRequest) -> bool:
    """Whether the model's files are the package's, which no one writes while a run goes on.

    Those of a user may be written between loading and noting, and what the hub calls by a name may
    be another model tomorrow: such models are loaded to be known.
    """
    name = request.subject
    return name in subject_names() and name not in workspace.registered()


def run_folder(workspace: Workspace, key: str) -> Path:
    """What is kept of a run."""
    return workspace.home / "probing" / "runs" / key


def dataset_folder(workspace: Workspace, key: str) -> Path:
    """Where the rows drawn under a fingerprint are."""
    return workspace.home / "probing" / "datasets" / key


def report_file(folder: Path, settings: str) -> Path:
    """The report of a run under some settings."""
    return folder / "reports" / f"{settings}.json"


def _note(workspace: Workspace, request: ProbeRequest, collection: Collection) -> Path:
    key = fingerprint(
        [
            code_version(),
            sampling.VERSION,
            request.subject,
            workspace.subject_identity(request.subject),
            [collection.name, collection.fingerprint, collection.window],
            asdict(request.sampling),
            list(request.sites),
        ]
    )
    return workspace.home / "probing" / "requests" / f"{key}.json"
