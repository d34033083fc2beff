"""Whether what the service stands on can be used."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.errors import StorageError

if TYPE_CHECKING:
    from neuroscribe.workspace import Workspace
    from storage import Store


def looked_at(workspace: Workspace, store: Store) -> dict[str, str]:
    """``ok`` for each part, or the kind of its fault."""
    parts = {}
    try:
        store.jobs.newest(1)
        parts["store"] = "ok"
    except StorageError as error:
        parts["store"] = error.code
    try:
        workspace.home.mkdir(parents=True, exist_ok=True)
        probe = workspace.home / ".writable"
        probe.touch()
        probe.unlink()
        parts["home"] = "ok"
    except OSError as error:
        parts["home"] = type(error).__name__
    return parts
