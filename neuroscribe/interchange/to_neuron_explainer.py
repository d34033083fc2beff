"""A stored answer as neuron-explainer's two files: what was measured, and what was said.

``collated-activations/<layer>/<neuron>.json`` and ``explanations/<layer>/<neuron>.jsonl``, as that
tool lays them out. Nothing is computed: what a stored answer does not hold stays null.
"""

from __future__ import annotations

from pathlib import Path

from core.documents import ExplainDocument, ShownExcerpt
from core.ids import UnitId
from core.results import Explanation, Score
from neuroscribe.interchange.extension import (
    ExcerptExtension,
    ExplanationExtension,
    OtherStatistics,
    UnitExtension,
)
from neuroscribe.interchange.neuron_explainer import (
    NORMALIZED,
    ActivationRecord,
    NeuronId,
    NeuronRecord,
    NeuronRecordExtension,
    NeuronSimulationResults,
    ScoredExplanation,
    ScoredSequenceSimulation,
    ScoredSimulation,
    SequenceSimulation,
)


def layer_of(unit: UnitId) -> int:
    """The number at the end of the unit's site; 0 for a site without one."""
    number = unit.site.rpartition(".")[2]
    return int(number) if number.isdecimal() and number.isascii() else 0


def paths(out: Path, unit: UnitId) -> tuple[Path, Path]:
    """Where the record and the results of a unit are written."""
    layer, index = str(layer_of(unit)), unit.index
    return (
        out / "collated-activations" / layer / f"{index}.json",
        out / "explanations" / layer / f"{index}.jsonl",
    )


def neuron_record(document: ExplainDocument, *, plain: bool = False) -> NeuronRecord:
    """Moments and excerpts, the strongest first; ``plain`` leaves our extension out."""
    statistics = document.profile.statistics
    by_kind: dict[str, list[ActivationRecord]] = {"top": [], "random": [], "": []}
    for position, excerpt in enumerate(document.profile.excerpts):
        kind = excerpt.kind if excerpt.kind in by_kind else ""
        by_kind[kind].append(_activations(excerpt, position, plain))
    by_kind["top"].sort(key=lambda r: -max(r.activations, default=0.0))
    extension = NeuronRecordExtension.of(
        document, statistics=OtherStatistics.of(statistics), excerpts=by_kind[""]
    )
    return NeuronRecord(
        neuron_id=_neuron_id(document.unit),
        random_sample=by_kind["random"],
        mean=statistics.mean,
        variance=statistics.variance,
        skewness=statistics.skewness,
        kurtosis=statistics.kurtosis,
        most_positive_activation_records=by_kind["top"],
        neuroscribe=None if plain else extension,
    )


def simulation_results(
    document: ExplainDocument, *, plain: bool = False
) -> NeuronSimulationResults:
    """Explanations and scores; simulated windows stand with the first, which they belong to."""
    said = []
    for number, explanation in enumerate(document.explanations):
        own = ExplanationExtension.of(explanation, document.scores)
        shown = document.profile.excerpts if number == 0 else []
        said.append(
            ScoredExplanation(
                explanation=explanation.text,
                scored_simulation=ScoredSimulation(
                    scored_sequence_simulations=_sequences(explanation, shown),
                    ev_correlation_score=_correlation(own.scores),
                ),
                neuroscribe=None if plain else own,
            )
        )
    return NeuronSimulationResults(
        neuron_id=_neuron_id(document.unit),
        scored_explanations=said,
        neuroscribe=None if plain else UnitExtension.of(document),
    )


def _neuron_id(unit: UnitId) -> NeuronId:
    return NeuronId(layer_index=layer_of(unit), neuron_index=unit.index)


def _activations(excerpt: ShownExcerpt, position: int, plain: bool) -> ActivationRecord:
    return ActivationRecord(
        tokens=excerpt.tokens,
        activations=excerpt.activations,
        neuroscribe=None if plain else ExcerptExtension.of(excerpt, position),
    )


def _sequences(
    explanation: Explanation, excerpts: list[ShownExcerpt]
) -> list[ScoredSequenceSimulation]:
    """Windows whose every token was simulated, on the scale 0 to 10 that the format names."""
    if explanation.polarity == "negative":
        return []
    found = []
    for excerpt in excerpts:
        known = [v for v in excerpt.simulated or [] if v is not None]
        if not known or len(known) < len(excerpt.tokens):
            continue
        simulation = SequenceSimulation(
            tokens=excerpt.tokens,
            expected_activations=list(known),
            activation_scale=NORMALIZED,
            distribution_values=[[] for _ in known],
            distribution_probabilities=[[] for _ in known],
        )
        found.append(
            ScoredSequenceSimulation(simulation=simulation, true_activations=excerpt.activations)
        )
    return found


def _correlation(scores: tuple[Score, ...]) -> float | None:
    """The correlation on strong and random windows together, which is what the field means."""
    for score in scores:
        if (score.scorer, score.mode, score.split) == ("simulation", "top_and_random", "report"):
            return score.value
    return None
