"""``neuroscribe export``: stored answers as files, the same each time, nothing overwritten."""

from __future__ import annotations

import errno
import gzip
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from core.ids import UnitId
from storage import open_store
from tests.neuroscribe.conftest import Ran
from tests.neuroscribe.interchange.interchange_documents import SPEC, store_answer
from tests.service.pages.page_documents import document, explanation

Run = Callable[..., Ran]
UNIT = "demo/mlp.2/117"


@pytest.fixture
def answered(begun_home: Path) -> Path:
    """A home with one stored answer about :data:`UNIT`."""
    store_answer(begun_home, document())
    return begun_home


def rows(path: Path) -> list[Any]:
    data = path.read_bytes()
    text = gzip.decompress(data) if path.suffix == ".gz" else data
    return [json.loads(line) for line in text.splitlines()]


def test_neuron_explainer_files_lie_where_that_tool_looks(
    run: Run, answered: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    told = run("export", UNIT, "--format", "neuron-explainer", "--out", out, "--json")
    assert told.code == 0
    record, said = (
        out / "collated-activations" / "2" / "117.json",
        out / "explanations" / "2" / "117.jsonl",
    )
    assert told.json["files"] == [str(record), str(said)]
    assert sorted(p for p in out.rglob("*") if p.is_file()) == [record, said]
    (value,) = rows(record)
    assert value["dataclass_name"] == "NeuronRecord"
    assert value["neuron_id"] == {
        "dataclass_name": "NeuronId",
        "layer_index": 2,
        "neuron_index": 117,
    }
    assert value["neuroscribe"]["version"] == 1
    (results,) = rows(said)
    assert results["scored_explanations"][0]["scored_simulation"]["ev_correlation_score"] == 0.902


def test_neuronpedia_batches_lie_as_that_site_exports_them(
    run: Run, answered: Path, tmp_path: Path
) -> None:
    """MLP neurons are sources named by their layer alone, and an index is text."""
    out = tmp_path / "out"
    told = run("export", UNIT, "--format", "neuronpedia", "--out", out, "--json")
    assert told.code == 0
    folder = out / "demo" / "2"
    assert told.json["files"] == [
        str(folder / table / "batch-0.jsonl.gz")
        for table in ("features", "explanations", "activations")
    ]
    (said,) = rows(folder / "explanations" / "batch-0.jsonl.gz")
    assert (said["modelId"], said["layer"], said["index"]) == ("demo", "2", "117")
    assert said["description"] == document().explanations[0].text
    assert "authorId" not in said
    first = rows(folder / "activations" / "batch-0.jsonl.gz")[0]
    top = first["maxValueTokenIndex"]
    assert first["values"][top] == first["maxValue"] == max(first["values"])
    assert {"kind", "split"} <= set(first["neuroscribe"])
    (feature,) = rows(folder / "features" / "batch-0.jsonl.gz")
    assert feature["frac_nonzero"] == document().profile.statistics.share_active


def test_a_whole_site_is_exported(run: Run, answered: Path, tmp_path: Path) -> None:
    for index, run_id in ((5, "r5"), (1, "r1")):
        unit = UnitId("demo", "mlp.2", index)
        store_answer(answered, document(unit=unit, run=run_id, explanations=[], scores=[]))
    other = UnitId("demo", "mlp.3", 5)
    store_answer(answered, document(unit=other, run="other", explanations=[], scores=[]))
    out = tmp_path / "out"
    told = run("export", "demo/mlp.2", "--format", "neuronpedia", "--out", out, "--json").json
    assert (told["units"], told["explanations"], told["scores"]) == (3, 1, 5)
    features = rows(out / "demo" / "2" / "features" / "batch-0.jsonl.gz")
    assert [row["index"] for row in features] == ["1", "5", "117"]


def test_the_newest_answer_is_exported(run: Run, answered: Path, tmp_path: Path) -> None:
    newer = document(run="newer", explanations=[explanation("e2", text="Says more.", version=2)])
    store_answer(answered, newer.model_copy(update={"scores": []}), finished="2026-01-01T00:00:00Z")
    failed = document(run="failed", explanations=[], scores=[])
    store_answer(answered, failed, status="failed", finished="2027-01-01T00:00:00Z")
    told = run("export", UNIT, "--format", "neuron-explainer", "--out", tmp_path / "out", "--json")
    (results,) = rows(Path(told.json["files"][1]))
    assert [e["explanation"] for e in results["scored_explanations"]] == ["Says more."]


def test_the_same_answer_gives_the_same_bytes(run: Run, answered: Path, tmp_path: Path) -> None:
    for format in ("neuron-explainer", "neuronpedia"):
        made = [
            run("export", UNIT, "--format", format, "--out", tmp_path / n, "--json").json["files"]
            for n in ("one", "two")
        ]
        for one, two in zip(*made, strict=True):
            assert Path(one).read_bytes() == Path(two).read_bytes()


def test_plain_files_hold_only_fields_of_the_format(
    run: Run, answered: Path, tmp_path: Path
) -> None:
    """OpenAI's own loader refuses any field that it does not know."""
    for format in ("neuron-explainer", "neuronpedia"):
        out = tmp_path / format
        made = run("export", UNIT, "--format", format, "--out", out, "--plain", "--json").json
        for file in made["files"]:
            assert "neuroscribe" not in json.dumps(rows(Path(file)))


PUBLIC = {
    "NeuronRecord": "neuron_id random_sample random_sample_by_quantile quantile_boundaries mean "
    "variance skewness kurtosis most_positive_activation_records",
    "NeuronId": "layer_index neuron_index",
    "ActivationRecord": "tokens activations",
    "NeuronSimulationResults": "neuron_id scored_explanations",
    "ScoredExplanation": "explanation scored_simulation",
    "ScoredSimulation": "scored_sequence_simulations ev_correlation_score rsquared_score "
    "absolute_dev_explained_score",
    "ScoredSequenceSimulation": "simulation true_activations ev_correlation_score rsquared_score "
    "absolute_dev_explained_score",
    "SequenceSimulation": "tokens expected_activations activation_scale distribution_values "
    "distribution_probabilities uncalibrated_simulation",
}


def test_plain_objects_can_be_made_by_the_classes_they_name(
    run: Run, answered: Path, tmp_path: Path
) -> None:
    """A loader that calls the class with every field of the object gets just the fields it has."""
    seen: set[str] = set()

    def check(value: Any) -> None:
        for item in value if isinstance(value, list) else []:
            check(item)
        if isinstance(value, dict):
            name = value["dataclass_name"]
            seen.add(name)
            assert set(value) == {"dataclass_name", *PUBLIC[name].split()}
            for item in value.values():
                check(item)

    words = ("--format", "neuron-explainer", "--out", tmp_path / "out", "--plain", "--json")
    for file in run("export", UNIT, *words).json["files"]:
        check(rows(Path(file)))
    assert seen == set(PUBLIC)


def test_plain_records_never_name_another_unit(run: Run, own_home: Path, tmp_path: Path) -> None:
    """A NeuronId has no site: without the extension it means an MLP neuron."""
    unit = UnitId("demo", "resid.2", 5)
    store_answer(own_home, document(unit=unit, explanations=[], scores=[]))
    words = ("export", "demo/resid.2", "--out", tmp_path / "out", "--json", "--format")
    told = run(*words, "neuron-explainer", "--plain")
    assert told.code == 2
    assert told.json["error"]["code"] == "invalid_setting"
    assert run(*words, "neuron-explainer").code == 0
    assert run(*words, "neuronpedia", "--plain").code == 0


def test_people_get_counts(run: Run, answered: Path, tmp_path: Path) -> None:
    told = run("export", UNIT, "--format", "neuronpedia", "--out", tmp_path / "out")
    assert told.code == 0
    assert "explanations            1" in told.out


@pytest.mark.parametrize("format", ["neuron-explainer", "neuronpedia"])
def test_nothing_is_overwritten_unasked(
    run: Run, answered: Path, tmp_path: Path, format: str
) -> None:
    words = ("export", UNIT, "--format", format, "--out", tmp_path / "out", "--json")
    files = [Path(f) for f in run(*words).json["files"]]
    files[-1].write_bytes(b"mine")
    files[0].unlink()
    told = run(*words)
    assert told.code == 2
    assert told.json["error"]["code"] == "output_exists"
    assert files[-1].read_bytes() == b"mine"
    assert not files[0].exists()
    assert run(*words, "--force").code == 0
    assert files[-1].read_bytes() != b"mine"


@pytest.mark.parametrize(
    ("words", "code", "exit_code"),
    [
        (["demo/mlp.2/3"], "not_stored", 1),
        (["demo/mlp.1"], "not_stored", 1),
        (["nobody/mlp.2/3"], "unknown_subject", 2),
        (["demo"], "malformed_id", 2),
        (["demo/mlp.2/x"], "malformed_id", 2),
        (["demo/MLP"], "malformed_id", 2),
        (["demo/mlp.2/-1"], "malformed_id", 2),
    ],
)
def test_misuse_is_named(
    run: Run, answered: Path, tmp_path: Path, words: list[str], code: str, exit_code: int
) -> None:
    out = tmp_path / "out"
    told = run("export", *words, "--format", "neuronpedia", "--out", out, "--json")
    assert told.code == exit_code
    assert told.json["error"]["code"] == code
    assert not out.exists()


def test_a_format_that_nobody_knows(run: Run, answered: Path, tmp_path: Path) -> None:
    told = run("export", UNIT, "--format", "pickle", "--out", tmp_path / "out", "--json")
    assert told.code == 2
    assert told.json["error"]["code"] == "invalid_setting"


def test_a_file_in_the_place_of_the_folder(run: Run, answered: Path, tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file")
    told = run("export", UNIT, "--format", "neuronpedia", "--out", tmp_path / "taken/out", "--json")
    assert told.code == 2
    assert told.json["error"]["code"] == "output_exists"
    assert "taken" in told.json["error"]["message"]


def test_a_full_disk_leaves_no_part_of_a_file(
    run: Run, answered: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    out = tmp_path / "out"
    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", full)
        told = run("export", UNIT, "--format", "neuronpedia", "--out", out, "--json")
    assert told.code == 1
    assert told.json["error"]["code"] == "disk_full"
    assert [p for p in out.rglob("*") if p.is_file()] == []


def test_an_answer_of_another_version_is_left_out_and_named(
    run: Run, answered: Path, tmp_path: Path
) -> None:
    words = ("--format", "neuronpedia", "--out", tmp_path / "out", "--json")
    with open_store(f"sqlite:///{answered / 'neuroscribe.db'}") as store:
        old = store.run(document().run)
        unit = UnitId("demo", "mlp.2", 8)
        changed = {**(old.document or {}), "verdict": "splendid"}
        fields = old.model_dump() | {"id": "old", "unit": unit, "document": changed}
        from storage import RunRecord

        store.save_run(RunRecord(**fields))
    alone = run("export", "demo/mlp.2/8", *words)
    assert alone.code == 1
    assert "'verdict'" in alone.json["error"]["message"]
    assert "--fresh" in alone.json["error"]["hint"]
    both = run("export", "demo/mlp.2", *words).json
    assert both["units"] == 1
    assert [item["unit"] for item in both["skipped"]] == ["demo/mlp.2/8"]


def test_the_stored_spec_does_not_matter(run: Run, answered: Path, tmp_path: Path) -> None:
    """Of two variants of a subject the newest answer counts; explanations keep their own spec."""
    newer = document(run="variant", explanations=[], scores=[])
    store_answer(answered, newer, spec_hash=SPEC[::-1], finished="2026-01-01T00:00:00Z")
    out = tmp_path / "out"
    told = run("export", UNIT, "--format", "neuron-explainer", "--out", out, "--json")
    assert told.json["explanations"] == 0
