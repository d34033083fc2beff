"""Neuronpedia's export batches: their rows, named as there, and how they are read.

A row names its unit by model, layer and index, all text. A layer that is a plain number holds the
MLP neurons of that layer; any other names a source of its own, such as a dictionary of features.
Rows have many more fields than are read here: those are kept aside.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Self

from pydantic import BeforeValidator, Field, StrictStr, model_validator

from core.documents import Statistics
from core.results import Finite
from neuroscribe.interchange.extension import (
    ExcerptExtension,
    ExplanationExtension,
    UnitExtension,
)
from neuroscribe.interchange.foreign import Foreign, Unreadable, read_as, unknown_fields
from neuroscribe.interchange.records import ReadExcerpt, ReadExplanation, ReadUnit

Number = Annotated[Finite, Field(strict=True)]
SCORES = ("scoreV1", "scoreV2")
_LAYER = re.compile(r"0|[1-9][0-9]*")
_INDEX = re.compile(r"0|[1-9][0-9]*")


def _index(value: object) -> object:
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if isinstance(value, str) and not _INDEX.fullmatch(value):
        raise ValueError(f"{value!r} is no index: write 0 or a positive whole number")
    return value


class Row(Foreign):
    """What every row has."""

    modelId: StrictStr
    layer: StrictStr
    index: Annotated[StrictStr, BeforeValidator(_index)]


class ExplanationRowExtension(UnitExtension):
    """The unit's run, and the rest of the explanation."""

    said: ExplanationExtension


class ScoreObject(Foreign):
    """One score of an explanation, as Neuronpedia's API lists them."""

    value: Number | None = None
    explanationScoreTypeName: StrictStr | None = None


class ExplanationRow(Row):
    """A row of ``explanations/``; of the fields of the site's own upkeep none is used."""

    id: StrictStr | None = None
    description: StrictStr
    explanationModelName: StrictStr | None = None
    typeName: StrictStr | None = None
    authorId: StrictStr | None = None
    notes: StrictStr | None = None
    embedding: Any = None
    scoreV1: Number | None = None
    scoreV2: Number | None = None
    scores: list[ScoreObject] | None = None
    neuroscribe: ExplanationRowExtension | None = None


class ActivationRow(Row):
    """A row of ``activations/``: a window, ``tokens[t]`` fired at ``values[t]``."""

    id: StrictStr | None = None
    tokens: list[StrictStr]
    values: list[Number]
    maxValue: Number | None = None
    minValue: Number | None = None
    maxValueTokenIndex: int | None = None
    dataSource: StrictStr | None = None
    neuroscribe: ExcerptExtension | None = None

    @model_validator(mode="after")
    def _of_one_length(self) -> Self:
        if len(self.tokens) != len(self.values):
            raise ValueError(f"{len(self.tokens)} tokens and {len(self.values)} values")
        return self


class FeatureRowExtension(UnitExtension):
    """The unit's run and all its statistics."""

    statistics: Statistics


class FeatureRow(Row):
    """A row of ``features/``: a unit and figures over its values."""

    maxActApprox: Number | None = None
    frac_nonzero: Number | None = None
    pos_str: list[StrictStr] = Field(default_factory=list)
    pos_values: list[Number | None] = Field(default_factory=list)
    neg_str: list[StrictStr] = Field(default_factory=list)
    neg_values: list[Number | None] = Field(default_factory=list)
    neuroscribe: FeatureRowExtension | None = None


def belongs(value: dict[str, Any]) -> bool:
    """Whether an object is a row of this format."""
    return "modelId" in value and "layer" in value and "index" in value


def unit_name(value: dict[str, Any]) -> str | None:
    """What messages call the unit of a row that may be broken."""
    return repr("/".join(str(value[name]) for name in ("modelId", "layer", "index")))


def layer_of(site: str) -> str:
    """What Neuronpedia calls a site: MLP neurons by their layer alone."""
    kind, _, number = site.partition(".")
    return number if kind == "mlp" and _LAYER.fullmatch(number) else site


def site_of(layer: str) -> str:
    """The site of a layer: the inverse of :func:`layer_of`."""
    return f"mlp.{layer}" if _LAYER.fullmatch(layer) else layer


def read(value: dict[str, Any], missing: list[str], file: str, line: int) -> ReadUnit:
    """One row; :class:`Unreadable` says what is wrong with it."""
    row: ExplanationRow | ActivationRow | FeatureRow
    found: dict[str, Any]
    if "description" in value:
        row = read_as(ExplanationRow, value, missing)
        found = {"explanations": (_said(row),)}
    elif "tokens" in value or "values" in value:
        row = read_as(ActivationRow, value, missing)
        found = {"excerpts": (_excerpt(row),)}
    else:
        row = read_as(FeatureRow, value, missing)
        own = row.neuroscribe
        found = {
            "moments": {"maxActApprox": row.maxActApprox, "frac_nonzero": row.frac_nonzero},
            "statistics": own.statistics if own else None,
        }
    site, index = site_of(row.layer), int(row.index)
    if isinstance(row, ExplanationRow | FeatureRow) and row.neuroscribe is not None:
        unit = row.neuroscribe.unit
        if (unit.site, unit.index) != (site, index):
            raise Unreadable(
                f"neuroscribe.unit is {str(unit)!r}, but layer and index say {site}/{index}"
            )
    return ReadUnit(
        format="neuronpedia",
        file=file,
        line=line,
        model=row.modelId,
        site=site,
        index=index,
        notes=tuple(f"{path} is missing (NaN or infinite)" for path in missing),
        unknown=tuple(unknown_fields(row)),
        **found,
    )


def _said(row: ExplanationRow) -> ReadExplanation:
    own = row.neuroscribe
    figures = {name: getattr(row, name) for name in SCORES if name in row.model_fields_set}
    for number, score in enumerate(row.scores or []):
        figures[score.explanationScoreTypeName or f"scores[{number}]"] = score.value
    return ReadExplanation(
        text=row.description,
        figures=figures,
        model=row.explanationModelName,
        own=own.said.whole(own.unit, row.description) if own else None,
        scores=own.said.scores if own else (),
    )


def _excerpt(row: ActivationRow) -> ReadExcerpt:
    own = row.neuroscribe
    return ReadExcerpt(
        place="activations",
        tokens=tuple(row.tokens),
        activations=tuple(row.values),
        own=own.excerpt(row.tokens, row.values) if own else None,
        position=own.position if own else None,
    )
