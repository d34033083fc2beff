"""What was collected: the room it takes, and what is unfinished, damaged or left over."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from core.errors import IndexDamaged
from neuroscribe.doctor.check import Check, size

if TYPE_CHECKING:
    from core.settings import Settings

_NOT_DATA = frozenset({".lock"})


def indexes(settings: Settings) -> Check:
    """Looks at every index under the home folder; their numbers are not read."""
    from neuroscribe.workspace import Workspace
    from subjects.registry import subject_names

    folders = sorted(path for path in (settings.home / "indexes").glob("*/*") if path.is_dir())
    if not folders:
        return Check(name="indexes", state="ok", seen="nothing was collected yet")
    known = {*subject_names(), *Workspace(settings).registered()}
    found: Counter[str] = Counter()
    whole = 0
    first: dict[str, Path] = {}
    for folder in folders:
        whole += _bytes(folder)
        fault = _fault(folder, known)
        found[fault] += 1
        first.setdefault(fault, folder)
    seen = f"{len(folders)} indexes, {size(whole)}"
    faults = [f"{found[f]} {f} (such as {first[f].name} of {first[f].parent.name!r})"
              for f in sorted(found) if f]  # fmt: skip
    if not faults:
        return Check(name="indexes", state="ok", seen=f"{seen}, all finished")
    return Check(
        name="indexes",
        state="fail" if any(f.startswith("damaged") for f in found) else "warn",
        seen=f"{seen}; {'; '.join(faults)}",
        hint="neuroscribe collect goes on with an unfinished one and --rebuild makes a damaged one "
        "anew; what is not needed may be deleted",
    )


def _fault(folder: Path, known: set[str]) -> str:
    """What is wrong with an index; nothing where it is finished and whole."""
    from subjects.index.manifest import NAME, Manifest

    if not (folder / NAME).exists():
        return "unfinished"
    try:
        manifest = Manifest.read(folder)
    except IndexDamaged:
        return "damaged"
    if any(not (folder / name).is_file() for name in manifest.file_names()):
        return "damaged, with files missing"
    if not manifest.complete:
        return "unfinished"
    if folder.parent.name not in known:
        return "of a subject that is not registered"
    expected = manifest.file_names() | {NAME} | _NOT_DATA
    if any(path.is_file() and path.name not in expected for path in folder.iterdir()):
        return "with files left over from a collection that was stopped"
    return ""


def _bytes(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.iterdir() if path.is_file())
