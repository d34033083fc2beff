"""Stored answers of every shape, and files as the other tools publish them, made here."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from core.documents import ExplainDocument, PortToken, ShownExcerpt, Statistics
from core.hashing import fingerprint
from core.ids import UnitId
from core.results import Explanation, Provenance, Score
from storage import RunRecord, open_store
from tests.service.pages.page_documents import document, profile

SPEC = "5ec0000000000001"

any_text = st.one_of(
    st.text(st.characters(exclude_categories=()), max_size=12),
    st.sampled_from(
        ["\ud800", "\ud83d\ude00", "\x00", "\x1a001a", "\x1ad800", "\u2028", '"]}', ""]
    ),
)
finite = st.floats(allow_nan=False, allow_infinity=False)
maybe = st.none() | finite
count = st.integers(0, 2**53)
names = st.sampled_from(
    ["demo/mlp.2/117", "planted/exact/0", "gpt2/resid.12/5", "x/cell.0/999999998"]
)
parameters = st.dictionaries(
    any_text, any_text | finite | st.integers() | st.booleans() | st.none(), max_size=3
)


@st.composite
def explanations(draw: st.DrawFn, unit: UnitId, number: int) -> Explanation:
    text = st.one_of(st.none(), any_text)
    return Explanation(
        id=f"e{number}",
        unit=unit,
        text=draw(any_text),
        polarity=draw(st.sampled_from(["positive", "negative"])),
        share=draw(maybe),
        method=draw(any_text),
        version=draw(count),
        symbols=draw(count),
        provenance=Provenance(
            method=draw(any_text),
            seed=draw(st.integers()),
            subject_spec=SPEC,
            corpus=draw(any_text),
            index=draw(any_text),
            code_version="0.1.0",
            prompt=draw(text),
            prompt_hash=draw(text),
            model=draw(text),
            parameters=draw(parameters),
        ),
    )


@st.composite
def scores(draw: st.DrawFn, explanation_id: str) -> Score:
    value = draw(maybe)
    ends = sorted(draw(st.tuples(finite, finite)))
    interval = draw(st.booleans())
    return Score(
        explanation_id=explanation_id,
        scorer=draw(st.sampled_from(["simulation", "explained_variance", "detection"])),
        simulator=draw(any_text),
        calibration=draw(st.sampled_from(["none", "linear", "percentile"])),
        mode=draw(st.sampled_from(["top_and_random", "random_only", "corpus"])),
        split=draw(st.sampled_from(["select", "report"])),
        value=value,
        low=ends[0] if interval else None,
        high=ends[1] if interval else None,
        n_excerpts=draw(count),
        n_tokens=draw(count),
        status="ok" if value is not None else draw(st.sampled_from(["undefined", "refused"])),
        reason=draw(any_text) or "why not",
        null_mean=draw(maybe),
        null_p95=draw(maybe),
        null_units=draw(count),
        token_list_equal=draw(maybe),
        token_list_50=draw(maybe),
        token_table=draw(maybe),
        oracle=draw(maybe),
    )


@st.composite
def excerpts(draw: st.DrawFn) -> ShownExcerpt:
    length = draw(st.integers(0, 4))

    def some(values: st.SearchStrategy[Any]) -> list[Any]:
        return draw(st.lists(values, min_size=length, max_size=length))

    return ShownExcerpt(
        kind=draw(st.sampled_from(["top", "bottom", "band:0", "band:3", "random", ""])),
        split=draw(st.sampled_from(["explain", "select", "report"])),
        document=draw(any_text),
        offset=draw(count),
        tokens=some(any_text),
        activations=some(finite),
        simulated=some(maybe) if draw(st.booleans()) else None,
    )


@st.composite
def statistics(draw: st.DrawFn) -> Statistics:
    return Statistics(
        mean=draw(finite),
        variance=draw(finite),
        skewness=draw(maybe),
        kurtosis=draw(maybe),
        min=draw(finite),
        max=draw(finite),
        share_active=draw(finite),
        documents_active=draw(count),
        n_tokens=draw(count),
        live=draw(st.booleans()),
    )


@st.composite
def documents(draw: st.DrawFn) -> ExplainDocument:
    """Stored answers with any text in them."""
    unit = UnitId.parse(draw(names))
    said = [draw(explanations(unit, n)) for n in range(draw(st.integers(0, 2)))]
    token = st.builds(PortToken, token=any_text, weight=finite)
    return document(
        unit=unit,
        reason=draw(any_text),
        explanations=said,
        scores=[s for e in said for s in draw(st.lists(scores(e.id), max_size=2))],
        profile=profile(
            unit=unit,
            statistics=draw(statistics()),
            excerpts=draw(st.lists(excerpts(), max_size=4)),
            promoted=draw(st.lists(token, max_size=2)),
        ),
    )


def store_answer(home: Path, answer: ExplainDocument, **changes: Any) -> None:
    """Put an answer into the store of ``home`` as ``explain`` does."""
    fields: dict[str, Any] = {
        "id": answer.run,
        "unit": answer.unit,
        "spec_hash": SPEC,
        "key": f"key of {answer.run}",
        "seed": answer.seed,
        "code_version": answer.code_version,
        "status": "done",
        "verdict": answer.verdict,
        "reason": answer.reason,
        "started": answer.created,
        "finished": "2025-01-02T03:04:08Z",
        "document": answer.model_dump(mode="json"),
        "explanations": tuple(answer.explanations),
        "scores": tuple(answer.scores),
    }
    with open_store(f"sqlite:///{home / 'neuroscribe.db'}") as store:
        store.save_run(RunRecord(**fields | changes))


def index_of_demo(home: Path) -> None:
    """A manifest as a collection leaves it: the units of ``demo`` are known without loading it."""
    value: dict[str, Any] = {
        "format": 1,
        "spec_hash": SPEC,
        "spec": {"dtype": "float32"},
        "sites": {f"mlp.{layer}": {"width": 768} for layer in range(4)},
    }
    path = home / "indexes" / "demo" / "0123456789abcdef" / "manifest.json"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(value | {"checksum": fingerprint(value)}))


# As OpenAI publishes them: every object states its class.


def neuron_record(layer: int = 2, neuron: int = 117, **changes: Any) -> dict[str, Any]:
    return {
        "dataclass_name": "NeuronRecord",
        "neuron_id": neuron_id(layer, neuron),
        "random_sample": [activations([" the", " cat"], [0.0, -0.17])],
        "random_sample_by_quantile": [[activations([" a"], [0.5])], []],
        "quantile_boundaries": [0.5, 0.99],
        "mean": -0.05,
        "variance": 0.04,
        "skewness": 3.5,
        "kurtosis": 21.0,
        "most_positive_activation_records": [activations([" dog", "s"], [4.5, 1.25])],
    } | changes


def neuron_id(layer: object = 2, neuron: object = 117) -> dict[str, Any]:
    return {"dataclass_name": "NeuronId", "layer_index": layer, "neuron_index": neuron}


def activations(tokens: list[str], values: list[Any]) -> dict[str, Any]:
    return {"dataclass_name": "ActivationRecord", "tokens": tokens, "activations": values}


def simulation_results(
    layer: int = 2, neuron: int = 117, text: str = " references to dogs", **changes: Any
) -> dict[str, Any]:
    simulation = {
        "dataclass_name": "SequenceSimulation",
        "tokens": [" dog", "s"],
        "expected_activations": [8.1, 2.0],
        "activation_scale": "simulated_normalized_activations",
        "distribution_values": [[8.0, 9.0], [2.0]],
        "distribution_probabilities": [[0.9, 0.1], [1.0]],
        "uncalibrated_simulation": None,
    }
    scored = {
        "dataclass_name": "ScoredSequenceSimulation",
        "simulation": simulation | {"uncalibrated_simulation": simulation},
        "true_activations": [4.5, 1.25],
        "ev_correlation_score": float("nan"),
        "rsquared_score": None,
        "absolute_dev_explained_score": 0.1,
    }
    return {
        "dataclass_name": "NeuronSimulationResults",
        "neuron_id": neuron_id(layer, neuron),
        "scored_explanations": [
            {
                "dataclass_name": "ScoredExplanation",
                "explanation": text,
                "scored_simulation": {
                    "dataclass_name": "ScoredSimulation",
                    "scored_sequence_simulations": [scored],
                    "ev_correlation_score": 0.31,
                    "rsquared_score": float("-inf"),
                    "absolute_dev_explained_score": 0.08,
                }
                | changes,
            }
        ],
    }


# As Neuronpedia's exports have them: one object a line.


def explanation_row(index: object = "117", layer: str = "2", **changes: Any) -> dict[str, Any]:
    return {
        "id": "clxyz",
        "modelId": "demo",
        "layer": layer,
        "index": index,
        "authorId": "someone",
        "description": "references to dogs",
        "embedding": None,
        "typeName": "oai_token-act-pair",
        "explanationModelName": "gpt-4o-mini",
        "umap_x": 0.0,
    } | changes


def activation_row(index: str = "117", layer: str = "2", **changes: Any) -> dict[str, Any]:
    return {
        "id": "clabc",
        "modelId": "demo",
        "layer": layer,
        "index": index,
        "tokens": [" dog", "s"],
        "values": [4.5, 1.25],
        "maxValue": 4.5,
        "minValue": 1.25,
        "maxValueTokenIndex": 0,
        "dfaValues": [],
    } | changes


def write(path: Path, *rows: Any) -> Path:
    """One JSON value a line, NaN as the other tools write it; gzipped where the name says so."""
    data = "".join(json.dumps(row) + "\n" for row in rows).encode()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return path
