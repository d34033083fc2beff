"""Files of other tools, whole and broken: what is wrong is named by file, line and field."""

from __future__ import annotations

import gzip
import json
import tracemalloc
from pathlib import Path
from typing import Any

import pytest

from core.errors import ForeignDamaged, ForeignNotFound
from neuroscribe.interchange import streams
from neuroscribe.interchange.files import writing
from neuroscribe.interchange.reading import read
from neuroscribe.interchange.records import ReadUnit, Skipped
from tests.neuroscribe.interchange.interchange_documents import (
    activation_row,
    activations,
    explanation_row,
    neuron_id,
    neuron_record,
    simulation_results,
    write,
)


def one(path: Path) -> ReadUnit:
    (found,) = read(path)
    assert isinstance(found, ReadUnit), found
    return found


def skipped(path: Path) -> Skipped:
    (found,) = read(path)
    assert isinstance(found, Skipped), found
    assert found.file == str(path)
    assert "\n" not in found.told()
    return found


def test_a_neuron_record_as_openai_publishes_it(tmp_path: Path) -> None:
    path = tmp_path / "collated-activations" / "2" / "117.json"
    found = one(write(path, neuron_record()))
    assert (found.format, found.site, found.index) == ("neuron-explainer", "mlp.2", 117)
    assert found.moments == {"mean": -0.05, "variance": 0.04, "skewness": 3.5, "kurtosis": 21.0}
    assert [(e.place, e.tokens) for e in found.excerpts] == [
        ("random_sample", (" the", " cat")),
        ("most_positive_activation_records", (" dog", "s")),
        ("random_sample_by_quantile[0]", (" a",)),
    ]
    assert found.statistics is None, "moments alone are not our statistics"


def test_scored_simulations_as_openai_publishes_them(tmp_path: Path) -> None:
    """One JSON object a line; NaN and infinity are missing, and a note says which."""
    found = one(write(tmp_path / "117.jsonl", simulation_results()))
    (said,) = found.explanations
    assert said.text == " references to dogs"
    assert said.figures == {
        "ev_correlation_score": 0.31,
        "rsquared_score": None,
        "absolute_dev_explained_score": 0.08,
    }
    assert said.own is None
    assert said.scores == ()
    start = "scored_explanations[0].scored_simulation."
    assert found.notes == (
        start + "scored_sequence_simulations[0].ev_correlation_score is missing (NaN or infinite)",
        start + "rsquared_score is missing (NaN or infinite)",
    )


def test_files_older_than_dataclass_name(tmp_path: Path) -> None:
    value = json.loads(json.dumps(simulation_results()).replace('"dataclass_name"', '"_"'))
    found = one(write(tmp_path / "a.jsonl", {k: v for k, v in value.items() if k != "_"}))
    assert len(found.explanations) == 1


def test_a_moment_that_is_nan_is_missing(tmp_path: Path) -> None:
    found = one(write(tmp_path / "1.json", neuron_record(skewness=float("nan"))))
    assert found.moments["skewness"] is None
    assert found.notes == ("skewness is missing (NaN or infinite)",)


def test_rows_of_a_neuronpedia_export(tmp_path: Path) -> None:
    write(tmp_path / "explanations" / "batch-0.jsonl.gz", explanation_row(scoreV1=0.2))
    write(tmp_path / "activations" / "batch-0.jsonl.gz", activation_row())
    seen, said = read(tmp_path)
    assert isinstance(seen, ReadUnit)
    assert isinstance(said, ReadUnit)
    assert [(e.tokens, e.activations) for e in seen.excerpts] == [((" dog", "s"), (4.5, 1.25))]
    assert (said.model, said.site, said.index) == ("demo", "mlp.2", 117)
    assert said.explanations[0].text == "references to dogs"
    assert said.explanations[0].figures == {"scoreV1": 0.2}
    assert said.explanations[0].model == "gpt-4o-mini"


def test_fields_that_nobody_knows_are_kept_aside_and_named(tmp_path: Path) -> None:
    found = one(write(tmp_path / "a.jsonl", explanation_row(hue=3)))
    assert set(found.unknown) == {"ExplanationRow.umap_x", "ExplanationRow.hue"}
    inside = neuron_record(random_sample=[activations([], []) | {"source": "x"}])
    assert one(write(tmp_path / "b.json", inside)).unknown == ("ActivationRecord.source",)


def test_a_list_of_rows_is_read_row_by_row(tmp_path: Path) -> None:
    """As Neuronpedia's API gives explanations."""
    rows = [explanation_row(), explanation_row("-4", scoreV1=float("nan"))]
    good, bad = read(write(tmp_path / "export.json", rows))
    assert isinstance(good, ReadUnit)
    assert isinstance(bad, Skipped)


def test_scores_as_neuronpedias_api_lists_them(tmp_path: Path) -> None:
    scores = [{"value": 0.7, "explanationScoreTypeName": "recall_alt"}, {"value": 0.1}]
    found = one(write(tmp_path / "a.jsonl", explanation_row(scores=scores)))
    assert found.explanations[0].figures == {"recall_alt": 0.7, "scores[1]": 0.1}


def test_an_extension_of_a_later_version_is_left_alone(tmp_path: Path) -> None:
    found = one(write(tmp_path / "a.jsonl", explanation_row(neuroscribe={"version": 2, "x": 1})))
    assert found.explanations[0].own is None
    assert found.notes == ("neuroscribe is of an unknown version: read without it",)
    assert "ExplanationRow.neuroscribe" not in found.unknown


def extended(**changes: Any) -> dict[str, Any]:
    own = {"version": 1, "unit": "demo/mlp.2/117", "run": "r"} | changes
    return neuron_record(neuroscribe=own)


WRONG_RECORDS: list[tuple[str, Any, str]] = [
    ("another class", {"dataclass_name": "Attention"}, "dataclass_name is 'Attention'"),
    (
        "another class inside",
        neuron_record(neuron_id={**neuron_id(), "dataclass_name": "AttentionHeadId"}),
        "neuron_id: dataclass_name is 'AttentionHeadId', not 'NeuronId'",
    ),
    ("no unit", {"dataclass_name": "NeuronRecord"}, "neuron_id: Field required"),
    (
        "no explanations",
        {"dataclass_name": "NeuronSimulationResults", "neuron_id": neuron_id()},
        "scored_explanations: Field required",
    ),
    (
        "a negative index",
        neuron_record(neuron_id=neuron_id(2, -3)),
        "neuron_id.neuron_index: Input should be greater than or equal to 0",
    ),
    ("an index that is no number", neuron_record(neuron_id=neuron_id(2, "3")), "neuron_index"),
    (
        "one activation too few",
        neuron_record(random_sample=[activations(["a"], [1.0]), activations(["a", "b"], [1.0])]),
        "random_sample[1]: 2 tokens and 1 activations",
    ),
    (
        "an activation that is NaN",
        neuron_record(
            most_positive_activation_records=[activations(["a", "b"], [1.0, float("nan")])]
        ),
        "most_positive_activation_records[0].activations[1] is NaN or infinite",
    ),
    (
        "an activation without end",
        neuron_record(random_sample=[activations(["a"], [float("-inf")])]),
        "random_sample[0].activations[0] is NaN or infinite",
    ),
    (
        "a token that is no text",
        neuron_record(random_sample=[activations([1], [1.0])]),
        "tokens[0]",
    ),  # type: ignore[list-item]
    ("a text where a list should be", neuron_record(random_sample="x"), "random_sample"),
    ("a number beyond all floats", neuron_record(mean=10**400), "mean"),
    ("a layer that is true", neuron_record(neuron_id=neuron_id(True)), "neuron_id.layer_index"),
    ("a wrong extension", extended(), "neuroscribe.created: Field required"),
    ("no description to read", explanation_row(description=None), "description"),
    ("a negative row", explanation_row("-1"), "index: '-1' is no index"),
    ("a row with a word for an index", explanation_row("first"), "index: 'first' is no index"),
    ("values that are missing", activation_row(values=[1.0]), "2 tokens and 1 values"),
    (
        "a value that is NaN",
        activation_row(values=[1.0, float("nan")]),
        "values[1] is NaN or infinite",
    ),
    ("something else", {"name": "config", "size": 3}, "its fields are 'name', 'size'"),
    ("nothing", {}, "it has no fields"),
    ("a number", 7, "it is a int, not an object"),
]


@pytest.mark.parametrize(
    ("value", "reason"), [c[1:] for c in WRONG_RECORDS], ids=[c[0] for c in WRONG_RECORDS]
)
def test_a_wrong_record_is_skipped_with_its_field(tmp_path: Path, value: Any, reason: str) -> None:
    found = skipped(write(tmp_path / "records.jsonl", value))
    assert reason in found.reason
    assert found.line == 1
    assert len(found.told()) < 600


def test_the_unit_of_a_wrong_record_is_named(tmp_path: Path) -> None:
    bad = neuron_record(5, 131, random_sample=[activations(["a"], [float("nan")])])
    assert skipped(write(tmp_path / "a.json", bad)).unit == "layer 5 neuron 131"
    row = activation_row("9", values=[0.0])
    assert skipped(write(tmp_path / "b.jsonl", row)).unit == "'demo/2/9'"


def test_an_extension_about_another_unit_is_not_believed(tmp_path: Path) -> None:
    from neuroscribe.interchange.to_neuron_explainer import neuron_record as ours
    from neuroscribe.interchange.to_neuronpedia import rows
    from tests.service.pages.page_documents import document

    moved = ours(document()).model_dump() | {"neuron_id": neuron_id(2, 4)}
    assert "neuron_index is 4" in skipped(write(tmp_path / "a.json", _plain(moved))).reason
    _, (row,), _ = rows(document())
    moved = _plain(row) | {"index": "5"}
    assert "mlp.2/5" in skipped(write(tmp_path / "b.jsonl", moved)).reason


def _plain(value: dict[str, Any]) -> dict[str, Any]:
    from neuroscribe.interchange.text import written

    found: dict[str, Any] = json.loads(written(value))
    return found


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"{not json}\n", "not JSON"),
        (b'{"a": \xff}\n', "not UTF-8"),
        (b"[" * 100_000 + b"\n", "not JSON"),
        (b'{"a": ' + b"9" * 5000 + b"}\n", "not JSON"),
    ],
)
def test_a_line_that_is_no_json_is_skipped_and_the_next_is_read(
    tmp_path: Path, data: bytes, reason: str
) -> None:
    path = write(tmp_path / "a.jsonl", explanation_row())
    path.write_bytes(path.read_bytes() + b"\n" + data + path.read_bytes())
    first, wrong, last = read(path)
    assert isinstance(first, ReadUnit)
    assert isinstance(wrong, Skipped)
    assert reason in wrong.reason
    assert wrong.line == 3
    assert isinstance(last, ReadUnit)


def test_the_line_of_a_fault_is_counted_inside_a_file_of_one_record(tmp_path: Path) -> None:
    path = tmp_path / "117.json"
    path.write_text(json.dumps(neuron_record(), indent=1).replace('"mean":', '"mean"'))
    found = skipped(path)
    faulty = path.read_text().splitlines()[found.line - 1]
    assert '"mean" ' in faulty
    assert found.reason == f"not JSON: Expecting ':' delimiter at column {faulty.index('-') + 1}"


def test_a_byte_order_mark_is_no_fault(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", explanation_row())
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert one(path).index == 117


def test_one_format_can_be_insisted_on(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", neuron_record(), explanation_row())
    first, second = read(path, "neuronpedia")
    assert isinstance(first, Skipped)
    assert "no neuronpedia record" in first.reason
    assert isinstance(second, ReadUnit)


def test_an_empty_file_is_named(tmp_path: Path) -> None:
    for name in ("a.json", "a.jsonl", "a.jsonl.gz"):
        assert skipped(write(tmp_path / name)).reason == "the file is empty"


@pytest.mark.parametrize("keep", [5, 40, -5])
def test_a_truncated_gzip_is_named(tmp_path: Path, keep: int) -> None:
    path = write(tmp_path / "batch-0.jsonl.gz", *(explanation_row(i) for i in range(200)))
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(ForeignDamaged, match=r"batch-0.jsonl.gz' is cut short or damaged") as told:
        list(read(path))
    assert told.value.exit_code == 1
    assert "\n" not in str(told.value)


def test_a_damaged_gzip_is_named(tmp_path: Path) -> None:
    path = write(tmp_path / "batch-0.jsonl.gz", *(explanation_row(i) for i in range(200)))
    data = bytearray(path.read_bytes())
    data[60:90] = b"\x00" * 30
    path.write_bytes(data)
    with pytest.raises(ForeignDamaged, match="is cut short or damaged"):
        list(read(path))


def test_what_is_not_there_is_misuse(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("no records")
    for path in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(ForeignNotFound) as told:
            list(read(path))
        assert told.value.exit_code == 2


@pytest.mark.parametrize("name", ["a.jsonl", "a.jsonl.gz", "a.json"])
def test_a_huge_record_is_passed_over_in_little_memory(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streams, "LONGEST", 1 << 20)
    path = write(tmp_path / name, {"x": "y" * (24 << 20)}, explanation_row())
    tracemalloc.start()
    found = list(read(path))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert isinstance(found[0], Skipped)
    assert found[0].reason == "the record is longer than 1 MiB"
    assert [type(f) for f in found[1:]] == ([] if name == "a.json" else [ReadUnit])
    assert peak < 8 << 20


def test_gzip_is_told_by_content_not_by_name(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(gzip.compress(json.dumps(explanation_row()).encode()))
    assert one(path).index == 117


def test_files_are_written_whole_or_not_at_all(tmp_path: Path) -> None:
    one, two = tmp_path / "one.json", tmp_path / "two.jsonl.gz"
    one.write_bytes(b"before")

    def stopped_halfway() -> None:
        with writing(one, two) as opened:
            opened[0].write(b"half")
            raise KeyError

    with pytest.raises(KeyError):
        stopped_halfway()
    assert one.read_bytes() == b"before"
    assert [p.name for p in tmp_path.iterdir()] == ["one.json"]
