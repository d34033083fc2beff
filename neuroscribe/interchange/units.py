"""Which units a subject has, without loading it where an index of it tells as much."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from core.errors import MalformedId, UnknownSubject
from core.hashing import fingerprint
from core.ids import UnitId
from neuroscribe.workspace import DEMO_FOLDER, Workspace


def check_subject(workspace: Workspace, name: str) -> None:
    """:class:`core.errors.UnknownSubject` unless ``name`` is built in or was added."""
    from subjects.registry import subject_names

    known = (*subject_names(), *workspace.registered())
    if name not in known:
        raise UnknownSubject(
            f"there is no subject {name!r}",
            f"known: {', '.join(known)}; neuroscribe subjects add gives a model a name",
        )


@dataclass(slots=True)
class KnownUnits:
    """The units of one subject: :meth:`problem` says why there is no such unit."""

    workspace: Workspace
    subject: str
    spec_hash: str = ""
    _widths: dict[str, int] = field(default_factory=dict)
    _loaded: bool = False

    def __post_init__(self) -> None:
        for manifest in self._manifests():
            if manifest["spec_hash"] == (self.spec_hash or manifest["spec_hash"]):
                self.spec_hash = manifest["spec_hash"]
                self._widths |= {s: int(e["width"]) for s, e in manifest["sites"].items()}

    def problem(self, site: str, index: int) -> str | None:
        """Why the subject has no such unit; None when it has it."""
        try:
            UnitId(self.subject, site, index)
        except MalformedId as error:
            return error.message
        if site[0].isdigit():  # no site of ours begins so: this needs no model to tell
            return f"{site!r} is no site but a source of its own, such as a dictionary of features"
        if site not in self._widths:
            self._load()
        if site not in self._widths:
            return f"subject {self.subject!r} has no site {site!r}"
        width = self._widths[site]
        if index >= width:
            return f"{self.subject}/{site} has units 0 to {width - 1}, not {index}"
        return None

    def _load(self) -> None:
        if self._loaded:
            return
        subject = self.workspace.subject(self.subject)
        self.spec_hash = subject.spec.hash
        self._widths = {name: info.width for name, info in subject.sites().items()}
        self._loaded = True

    def _manifests(self) -> list[dict[str, Any]]:
        """Manifests of the subject as it is now, the newest first."""
        folder = self.workspace.home / "indexes" / self.subject
        changed = self._changed()
        if changed is None:
            return []
        paths = sorted(folder.glob("*/manifest.json"), key=lambda p: -p.stat().st_mtime)
        found = (_manifest(path) for path in paths if path.stat().st_mtime > changed)
        dtype = self.workspace.settings.dtype
        return [m for m in found if m is not None and m["spec"].get("dtype") == dtype]

    def _changed(self) -> float | None:
        """When the subject's files last changed; 0 for a model on the hub, None where unknown."""
        entry = self.workspace.registered().get(self.subject)
        folder = Path(entry["source"]).expanduser() if entry else DEMO_FOLDER / self.subject
        if folder.is_dir():
            return max((p.stat().st_mtime for p in folder.iterdir()), default=0.0)
        return 0.0 if entry else None


def _manifest(path: Path) -> dict[str, Any] | None:
    """A manifest with its keys checked; None when it is damaged, which others report."""
    try:
        value = json.loads(path.read_bytes())
        whole = value.pop("checksum") == fingerprint(value) and value["format"] == 1
    except (OSError, ValueError, KeyError, AttributeError, TypeError):
        return None
    return value if whole else None
