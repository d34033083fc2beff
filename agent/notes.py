"""Where an investigation puts its work away between steps, so that a killed one can go on.

Checkpoints hold names of notes only; what is big lies here. Experiments are written once and
referred to by name.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from agent.experiments import Experiment
from agent.investigate import Work


class Notes(Protocol):
    """JSON values by name, for one investigation. A name is written once and never changed."""

    async def get(self, names: Sequence[str]) -> dict[str, Any]:
        """The values that there are, by name."""
        ...

    async def put(self, values: dict[str, Any]) -> None:
        """Keep values, all or none; those that are kept already stay as they are."""
        ...

    async def drop(self) -> None:
        """Forget all of them."""
        ...


@dataclass(slots=True)
class MemoryNotes:
    """Notes that end with the process."""

    values: dict[str, Any] = field(default_factory=dict)

    async def get(self, names: Sequence[str]) -> dict[str, Any]:
        """The values that there are, by name."""
        return {name: self.values[name] for name in names if name in self.values}

    async def put(self, values: dict[str, Any]) -> None:
        """Keep values."""
        self.values = {**values, **self.values}

    async def drop(self) -> None:
        """Forget all of them."""
        self.values = {}


async def put_away(notes: Notes, name: str, work: Work, before: Work | None) -> None:
    """Keep ``work`` under ``name``; experiments that ``before`` holds are kept already."""
    known = set() if before is None else {_name(e, work) for e in before.experiments}
    own = {_name(e, work): e for e in work.experiments}
    new = {n: e.model_dump(mode="json") for n, e in own.items() if n not in known}
    held = work.model_dump(mode="json", exclude={"experiments"})
    held["experiments"] = list(own)
    await notes.put({name: held, **new})


async def take_up(notes: Notes, name: str) -> Work | None:
    """The work that was kept under ``name``; None if any part of it is gone."""
    held = (await notes.get([name])).get(name)
    if held is None:
        return None
    names = held["experiments"]
    found = await notes.get(names) if names else {}
    if any(known not in found for known in names):
        return None
    whole = [Experiment.model_validate(found[known]) for known in names]
    return Work.model_validate({**held, "experiments": whole})


def _name(experiment: Experiment, work: Work) -> str:
    return f"{work.polarity}/{experiment.id}"
