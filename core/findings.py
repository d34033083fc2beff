"""What a method of discovery returned: units that answer a question, with weights and figures."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, JsonValue, model_validator

from core.ids import UnitIdField
from core.results import Finite, Record

Figures = dict[str, Finite | int | str | None]


class FoundUnit(Record):
    """A unit, how much it weighs in the answer, and what was measured of it."""

    unit: UnitIdField
    weight: Finite
    figures: Figures = Field(default_factory=dict)


class Finding(Record):
    """Units of one subject that answer ``question``, heaviest first as the method ranks them.

    ``parameters`` and ``seed`` are those of ``method``, ``data`` the fingerprint of the text or the
    examples that it worked on.
    """

    id: Annotated[str, Field(min_length=1, max_length=64)]
    method: str
    subject: str
    question: str
    units: tuple[FoundUnit, ...]
    figures: Figures = Field(default_factory=dict)
    parameters: dict[str, JsonValue] = Field(default_factory=dict)
    seed: int
    data: str

    @model_validator(mode="after")
    def _of_one_subject_each_once(self) -> Self:
        names = [str(found.unit) for found in self.units]
        if len(set(names)) != len(names):
            raise ValueError("a unit is found twice")
        if any(found.unit.subject != self.subject for found in self.units):
            raise ValueError("a unit of another subject")
        return self

    def on(self, site: str) -> tuple[FoundUnit, ...]:
        """Those of one site, in their order."""
        return tuple(found for found in self.units if found.unit.site == site)
