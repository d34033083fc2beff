"""OpenAI's neuron-explainer JSON: its objects, named as there, and how they are read.

Every object states its class in ``dataclass_name``; older files leave it out. Scores are as that
tool defines them: ``ev_correlation_score`` is a correlation with expected activations.
"""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Self

from pydantic import Field, StrictStr, model_serializer, model_validator
from pydantic_core.core_schema import SerializerFunctionWrapHandler

from core.documents import Statistics
from core.results import Finite
from neuroscribe.interchange.extension import (
    ExcerptExtension,
    ExplanationExtension,
    OtherStatistics,
    UnitExtension,
)
from neuroscribe.interchange.foreign import Foreign, Unreadable, read_as, unknown_fields
from neuroscribe.interchange.records import ReadExcerpt, ReadExplanation, ReadUnit

NORMALIZED = "simulated_normalized_activations"
Number = Annotated[Finite, Field(strict=True)]
Index = Annotated[int, Field(ge=0, strict=True)]
SCORES = ("ev_correlation_score", "rsquared_score", "absolute_dev_explained_score")
MOMENTS = ("mean", "variance", "skewness", "kurtosis")


class Dataclass(Foreign):
    """An object that states its class. ``also`` are further names that it is known by."""

    also: ClassVar[tuple[str, ...]] = ()

    @model_validator(mode="before")
    @classmethod
    def _is_named_so(cls, value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        found = value.get("dataclass_name", cls.__name__)
        if found not in (cls.__name__, *cls.also):
            raise ValueError(f"dataclass_name is {found!r}, not {cls.__name__!r}")
        return {k: v for k, v in value.items() if k != "dataclass_name"}

    @model_serializer(mode="wrap")
    def _named(self, rest: SerializerFunctionWrapHandler) -> dict[str, Any]:
        fields = rest(self)
        if fields.get("neuroscribe", 0) is None:
            del fields["neuroscribe"]
        return {"dataclass_name": type(self).__name__, **fields}


class NeuronId(Dataclass):
    """Layer and index; both count from 0."""

    layer_index: Index
    neuron_index: Index


class ActivationRecord(Dataclass):
    """A window: ``tokens[t]`` fired at ``activations[t]``."""

    tokens: list[StrictStr]
    activations: list[Number]
    neuroscribe: ExcerptExtension | None = None

    @model_validator(mode="after")
    def _of_one_length(self) -> Self:
        if len(self.tokens) != len(self.activations):
            raise ValueError(f"{len(self.tokens)} tokens and {len(self.activations)} activations")
        return self


class NeuronRecordExtension(UnitExtension):
    """Also the excerpts that fit no list of the record."""

    statistics: OtherStatistics
    excerpts: list[ActivationRecord]


class NeuronRecord(Dataclass):
    """What was measured of one neuron."""

    neuron_id: NeuronId
    random_sample: list[ActivationRecord] = Field(default_factory=list)
    random_sample_by_quantile: list[list[ActivationRecord]] | None = None
    quantile_boundaries: list[Number | None] | None = None
    mean: Number | None = None
    variance: Number | None = None
    skewness: Number | None = None
    kurtosis: Number | None = None
    most_positive_activation_records: list[ActivationRecord] = Field(default_factory=list)
    neuroscribe: NeuronRecordExtension | None = None


class SequenceSimulation(Dataclass):
    """Expected activations of one window, on the scale that ``activation_scale`` names."""

    also = ("TokenProbabilitySequenceSimulation", "CalibratedSequenceSimulation")

    tokens: list[StrictStr]
    expected_activations: list[Number | None]
    activation_scale: StrictStr = NORMALIZED
    distribution_values: list[list[Number | None]] = Field(default_factory=list)
    distribution_probabilities: list[list[Number | None]] = Field(default_factory=list)
    uncalibrated_simulation: SequenceSimulation | None = None

    @model_validator(mode="after")
    def _of_one_length(self) -> Self:
        expected = len(self.expected_activations)
        if len(self.tokens) != expected:
            raise ValueError(f"{len(self.tokens)} tokens and {expected} expected_activations")
        return self


class ScoredSequenceSimulation(Dataclass):
    """A simulated window beside its real activations."""

    simulation: SequenceSimulation
    true_activations: list[Number]
    ev_correlation_score: Number | None = None
    rsquared_score: Number | None = None
    absolute_dev_explained_score: Number | None = None

    @model_validator(mode="after")
    def _of_one_length(self) -> Self:
        tokens = len(self.simulation.tokens)
        if tokens != len(self.true_activations):
            raise ValueError(f"{tokens} tokens and {len(self.true_activations)} true_activations")
        return self


class ScoredSimulation(Dataclass):
    """Scores over all windows together."""

    scored_sequence_simulations: list[ScoredSequenceSimulation] = Field(default_factory=list)
    ev_correlation_score: Number | None = None
    rsquared_score: Number | None = None
    absolute_dev_explained_score: Number | None = None


class ScoredExplanation(Dataclass):
    """A sentence and how it scored."""

    explanation: StrictStr
    scored_simulation: ScoredSimulation
    neuroscribe: ExplanationExtension | None = None


class NeuronSimulationResults(Dataclass):
    """Everything said about one neuron."""

    neuron_id: NeuronId
    scored_explanations: list[ScoredExplanation]
    neuroscribe: UnitExtension | None = None


def belongs(value: dict[str, Any]) -> bool:
    """Whether an object is a record of this format."""
    return "dataclass_name" in value or "neuron_id" in value


def unit_name(value: dict[str, Any]) -> str | None:
    """What messages call the unit of a record that may be broken."""
    found = value.get("neuron_id")
    if not isinstance(found, dict):
        return None
    return f"layer {found.get('layer_index')!r} neuron {found.get('neuron_index')!r}"


def read(value: dict[str, Any], missing: list[str], file: str, line: int) -> ReadUnit:
    """One record; :class:`Unreadable` says what is wrong with it."""
    name = value.get("dataclass_name")
    if name is None:
        name = "NeuronSimulationResults" if "scored_explanations" in value else "NeuronRecord"
    if name == "NeuronRecord":
        record = read_as(NeuronRecord, value, missing)
        return _placed(record, _measured(record), missing, file, line)
    if name == "NeuronSimulationResults":
        results = read_as(NeuronSimulationResults, value, missing)
        return _placed(results, _said(results), missing, file, line)
    raise Unreadable(f"dataclass_name is {name!r}, not 'NeuronRecord' or 'NeuronSimulationResults'")


def _placed(
    record: NeuronRecord | NeuronSimulationResults,
    found: dict[str, Any],
    missing: list[str],
    file: str,
    line: int,
) -> ReadUnit:
    own, index = record.neuroscribe, record.neuron_id.neuron_index
    if own is not None and own.unit.index != index:
        raise Unreadable(f"neuroscribe.unit is {str(own.unit)!r}, but neuron_index is {index}")
    return ReadUnit(
        format="neuron-explainer",
        file=file,
        line=line,
        model=own.unit.subject if own else None,
        site=own.unit.site if own else f"mlp.{record.neuron_id.layer_index}",
        index=index,
        notes=tuple(f"{path} is missing (NaN or infinite)" for path in missing),
        unknown=tuple(unknown_fields(record)),
        **found,
    )


def _measured(record: NeuronRecord) -> dict[str, Any]:
    moments = {name: getattr(record, name) for name in MOMENTS}
    places = {
        "random_sample": record.random_sample,
        "most_positive_activation_records": record.most_positive_activation_records,
    }
    for number, quantile in enumerate(record.random_sample_by_quantile or []):
        places[f"random_sample_by_quantile[{number}]"] = quantile
    statistics, own = None, record.neuroscribe
    if own is not None:
        places["neuroscribe.excerpts"] = own.excerpts
        if moments["mean"] is not None and moments["variance"] is not None:
            statistics = Statistics(**moments, **own.statistics.model_dump())
    return {
        "moments": moments,
        "statistics": statistics,
        "excerpts": tuple(_excerpt(place, e) for place, some in places.items() for e in some),
    }


def _excerpt(place: str, found: ActivationRecord) -> ReadExcerpt:
    own = found.neuroscribe
    return ReadExcerpt(
        place=place,
        tokens=tuple(found.tokens),
        activations=tuple(found.activations),
        own=own.excerpt(found.tokens, found.activations) if own else None,
        position=own.position if own else None,
    )


def _said(results: NeuronSimulationResults) -> dict[str, Any]:
    unit = results.neuroscribe.unit if results.neuroscribe else None
    explanations = []
    for said in results.scored_explanations:
        scored, own = said.scored_simulation, said.neuroscribe
        explanations.append(
            ReadExplanation(
                text=said.explanation,
                figures={name: getattr(scored, name) for name in SCORES},
                own=own.whole(unit, said.explanation) if own and unit else None,
                scores=own.scores if own and unit else (),
            )
        )
    return {"explanations": tuple(explanations)}
