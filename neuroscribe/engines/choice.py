"""The engine that someone chose by name."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING

from core.errors import InvalidSetting

if TYPE_CHECKING:
    from neuroscribe.workspace import Workspace
    from subjects.index.shard import Shards

ENGINES = ("local", "ray")


@dataclass(frozen=True, slots=True)
class EngineChoice:
    """``local`` (this process) or ``ray``, with how many workers and at which cluster.

    Raises :class:`InvalidSetting` for another name, and for workers where there are none.
    """

    name: str = "local"
    workers: int | None = None
    address: str | None = None

    def __post_init__(self) -> None:
        if self.name not in ENGINES:
            raise InvalidSetting(f"{self.name!r} is no engine", f"known: {', '.join(ENGINES)}")
        if self.name == "local" and (self.workers is not None or self.address is not None):
            raise InvalidSetting(
                "engine 'local' has no workers: it is this process", "add --engine ray"
            )

    def shards(self, workspace: Workspace, subject: str) -> AbstractContextManager[Shards | None]:
        """What collects a subject's shards; None stands for this process.

        Raises :class:`MissingExtra` when Ray is asked for and not installed.
        """
        if self.name == "local":
            return nullcontext()
        from neuroscribe.engines.shards import RayShards

        return RayShards(
            workspace.recipe(subject),
            workers=self.workers,
            address=self.address or workspace.settings.ray_address,
        )
