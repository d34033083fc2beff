"""What keys of a subject's units have in common, worked out once: that reads all its weights."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from core.ids import UnitId

if TYPE_CHECKING:
    from collections.abc import Callable

    from neuroscribe.explaining import ExplainRequest
    from neuroscribe.workspace import Workspace

MOST = 256


@dataclass(slots=True)
class KnownKeys:
    """The shared parts of requests about one subject. They must be of what is loaded, so they are
    dropped with it: :func:`known_keys`."""

    workspace: Workspace
    _plain: Callable[[ExplainRequest], list[Any]] = field(init=False)

    def __post_init__(self) -> None:
        self._plain = lru_cache(maxsize=MOST)(lambda request: request.shared(self.workspace))

    def shared(self, request: ExplainRequest) -> list[Any]:
        """:meth:`ExplainRequest.shared`, whatever unit, seed and mode is asked for."""
        unit = UnitId(request.unit.subject, request.unit.site, 0)
        return self._plain(
            replace(request, unit=unit, seed=0, mode="agent", arms=True, neighbours=0)
        )


def known_keys(workspace: Workspace, subject: str) -> KnownKeys:
    """Those that are held beside a subject."""
    return workspace.holding.beside(subject, KnownKeys, lambda: KnownKeys(workspace))
