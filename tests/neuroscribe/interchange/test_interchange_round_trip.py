"""What is exported and read back is what was stored: explanations, scores, statistics, excerpts."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.documents import ExplainDocument
from core.ids import UnitId
from neuroscribe.interchange import neuron_explainer, to_neuron_explainer, to_neuronpedia
from neuroscribe.interchange.exporting import Target, export_answers
from neuroscribe.interchange.reading import read
from neuroscribe.interchange.records import FORMATS, Format, ReadUnit
from neuroscribe.interchange.text import parsed, written
from neuroscribe.workspace import Workspace
from tests.neuroscribe.interchange.interchange_documents import (
    any_text,
    documents,
    neuron_record,
    simulation_results,
    store_answer,
)
from tests.service.pages.page_documents import document, excerpt

many = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def lines(answer: ExplainDocument, format: Format) -> list[bytes]:
    """Everything that is written about a unit."""
    if format == "neuronpedia":
        return [written(row) for table in to_neuronpedia.rows(answer) for row in table]
    record = to_neuron_explainer.neuron_record(answer)
    results = to_neuron_explainer.simulation_results(answer)
    return [written(r.model_dump()) for r in (record, results)]


def read_back(path: Path) -> list[ReadUnit]:
    found = list(read(path))
    assert [item for item in found if not isinstance(item, ReadUnit)] == []
    return [item for item in found if isinstance(item, ReadUnit)]


def assert_same(parts: list[ReadUnit], answer: ExplainDocument) -> None:
    unit = answer.unit
    assert {(p.site, p.index) for p in parts} == {(unit.site, unit.index)}
    said = [e for part in parts for e in part.explanations]
    assert [e.own for e in said] == answer.explanations
    for found in said:
        expected = [s for s in answer.scores if found.own and s.explanation_id == found.own.id]
        assert list(found.scores) == expected
    assert [p.statistics for p in parts if p.statistics] == [answer.profile.statistics]
    shown = [e for part in parts for e in part.excerpts]
    shown.sort(key=lambda e: -1 if e.position is None else e.position)
    assert [e.own for e in shown] == answer.profile.excerpts
    assert [p.unknown for p in parts if p.unknown] == []
    assert [p.notes for p in parts if p.notes] == []


@pytest.mark.parametrize("format", FORMATS)
@many
@given(answer=documents())
def test_an_answer_comes_back_equal(format: Format, answer: ExplainDocument) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "records.jsonl"
        path.write_bytes(b"".join(lines(answer, format)))
        assert_same(read_back(path), answer)


@pytest.mark.parametrize("format", FORMATS)
@many
@given(answer=documents())
def test_what_is_written_is_strict_json_in_utf8(format: Format, answer: ExplainDocument) -> None:
    def refuse(name: str) -> None:
        raise AssertionError(f"{name} was written")

    for line in lines(answer, format):
        text = line.decode("utf-8")
        json.loads(text, parse_constant=refuse).keys()
        assert text.count("\n") == 1
        assert "\\ud8" not in text.lower().replace("\\\\", "")


@given(text=any_text)
def test_any_text_survives_in_an_object_that_is_ours(text: str) -> None:
    value = {text: [text, {"neuroscribe": text}], "neuroscribe": {"version": 1}}
    assert parsed(written(value).decode()) == (value, [])


@given(text=st.text())
def test_text_of_others_is_taken_as_it_stands(text: str) -> None:
    """A SUB and four digits in a foreign file mean just that."""
    value = {"tokens": [text, "\x1ad800"]}
    assert parsed(json.dumps(value)) == (value, [])


@pytest.mark.parametrize(
    ("shape", "value"),
    [
        (neuron_explainer.NeuronRecord, neuron_record()),
        (neuron_explainer.NeuronRecord, neuron_record(skewness=None, quantile_boundaries=None)),
        (neuron_explainer.NeuronSimulationResults, simulation_results()),
    ],
)
def test_a_public_record_is_written_as_it_was_read(shape: Any, value: dict[str, Any]) -> None:
    clean, _ = parsed(json.dumps(value))
    assert shape.model_validate(clean).model_dump(mode="json") == clean


@pytest.mark.parametrize("format", FORMATS)
def test_the_way_through_store_and_files_changes_nothing(
    own_home: Path, tmp_path: Path, format: Format
) -> None:
    answers = [
        document(
            unit=UnitId("demo", "mlp.2", index),
            run=f"run-{index}",
            explanations=[
                e.model_copy(update={"id": f"e{index}", "unit": UnitId("demo", "mlp.2", index)})
                for e in document().explanations
            ],
            scores=[
                s.model_copy(update={"explanation_id": f"e{index}"}) for s in document().scores
            ],
        )
        for index in (3, 40, 117)
    ]
    for answer in reversed(answers):
        store_answer(own_home, answer)
    out = tmp_path / "out"
    export_answers(Workspace(), Target("demo", "mlp.2"), format, out)
    by_index: dict[int, list[ReadUnit]] = {}
    for part in read_back(out):
        by_index.setdefault(part.index, []).append(part)
    assert sorted(by_index) == [3, 40, 117]
    for answer in answers:
        assert_same(by_index[answer.unit.index], answer)


def test_excerpts_stand_where_the_format_has_a_place_for_them() -> None:
    """The strongest, strongest first; random ones; bands and the weakest only for us."""
    shown = [
        excerpt("top", 1.0, split="report"),
        excerpt("top", 3.0, split="explain"),
        excerpt("band:2", 2.0),
        excerpt("bottom", 0.5),
        excerpt("random", 0.0, split="select"),
    ]
    answer = document()
    answer = answer.model_copy(
        update={"profile": answer.profile.model_copy(update={"excerpts": shown})}
    )
    record = to_neuron_explainer.neuron_record(answer).model_dump(mode="json")
    strongest = record["most_positive_activation_records"]
    assert [max(r["activations"]) for r in strongest] == [3.0, 1.0]
    assert [(r["neuroscribe"]["kind"], r["neuroscribe"]["split"]) for r in strongest] == [
        ("top", "explain"),
        ("top", "report"),
    ]
    assert [r["neuroscribe"]["split"] for r in record["random_sample"]] == ["select"]
    assert [r["neuroscribe"]["kind"] for r in record["neuroscribe"]["excerpts"]] == [
        "band:2",
        "bottom",
    ]


def test_only_windows_that_were_simulated_whole_stand_as_simulations() -> None:
    part = excerpt()
    known = list(part.simulated or [])
    shown = [part, part.model_copy(update={"simulated": [None, *known[1:]]})]
    answer = document()
    answer = answer.model_copy(
        update={"profile": answer.profile.model_copy(update={"excerpts": shown})}
    )
    (said,) = to_neuron_explainer.simulation_results(answer).scored_explanations
    (sequence,) = said.scored_simulation.scored_sequence_simulations
    assert sequence.simulation.expected_activations == known
    assert sequence.ev_correlation_score is None, "nothing is computed on the way out"
    assert said.scored_simulation.ev_correlation_score == 0.902


def test_the_negative_side_has_no_place_on_a_scale_from_0_to_10() -> None:
    answer = document(
        explanations=[document().explanations[0].model_copy(update={"polarity": "negative"})]
    )
    (said,) = to_neuron_explainer.simulation_results(answer).scored_explanations
    assert said.scored_simulation.scored_sequence_simulations == []
