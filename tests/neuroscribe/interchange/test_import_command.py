"""``neuroscribe import``: foreign explanations are stored once, and say where they come from."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from core.ids import UnitId
from core.results import Explanation
from storage import open_store
from tests.neuroscribe.conftest import Ran
from tests.neuroscribe.interchange.interchange_documents import (
    SPEC,
    activation_row,
    explanation_row,
    index_of_demo,
    neuron_record,
    simulation_results,
    store_answer,
    write,
)
from tests.service.pages.page_documents import document

Run = Callable[..., Ran]
UNIT = UnitId("demo", "mlp.2", 117)


@pytest.fixture
def collected(own_home: Path) -> Path:
    """A home where ``demo`` was collected, so that its units are known."""
    index_of_demo(own_home)
    return own_home


def stored(home: Path, unit: UnitId = UNIT) -> list[Explanation]:
    with open_store(f"sqlite:///{home / 'neuroscribe.db'}") as store:
        return store.explanations(unit)


def test_a_neuron_explainer_file_is_told_by_its_content(
    run: Run, collected: Path, tmp_path: Path
) -> None:
    path = write(tmp_path / "117.jsonl", simulation_results())
    told = run("import", path, "--subject", "demo", "--json")
    assert told.code == 0
    assert told.err == ""
    assert told.json["formats"] == {"neuron-explainer": 1}
    assert (told.json["units"], told.json["explanations"], told.json["stored"]) == (1, 1, 1)
    (said,) = stored(collected)
    assert said.text == "references to dogs"
    assert said.method == "imported:neuron-explainer"
    assert said.provenance.subject_spec == SPEC
    assert said.provenance.parameters == {
        "file": "117.jsonl",
        "line": 1,
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        "foreign.ev_correlation_score": 0.31,
        "foreign.rsquared_score": None,
        "foreign.absolute_dev_explained_score": 0.08,
    }


def test_a_neuronpedia_folder_is_told_by_its_content(
    run: Run, collected: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "2"
    write(folder / "explanations" / "batch-0.jsonl.gz", explanation_row(scoreV2=0.5))
    write(folder / "activations" / "batch-0.jsonl.gz", activation_row())
    told = run("import", folder, "--subject", "demo", "--json").json
    assert told["formats"] == {"neuronpedia": 2}
    assert (told["files"], told["excerpts"], told["scores"]) == (2, 1, 1)
    (said,) = stored(collected)
    assert said.method == "imported:neuronpedia"
    assert said.provenance.model == "gpt-4o-mini"
    assert said.provenance.parameters["foreign.scoreV2"] == 0.5
    assert said.provenance.parameters["foreign.model"] == "demo"


def test_foreign_scores_never_become_scores(run: Run, collected: Path, tmp_path: Path) -> None:
    path = write(tmp_path / "117.jsonl", simulation_results())
    run("import", path, "--subject", "demo")
    with open_store(f"sqlite:///{collected / 'neuroscribe.db'}") as store:
        (said,) = store.explanations(UNIT)
        assert store.scores(said.id) == []


def test_the_same_file_twice_stores_nothing_new_and_says_so(
    run: Run, collected: Path, tmp_path: Path
) -> None:
    rows = [explanation_row(), explanation_row(), explanation_row("3")]
    path = write(tmp_path / "a.jsonl", *rows)
    first = run("import", path, "--subject", "demo", "--json").json
    assert (first["stored"], first["already_stored"]) == (2, 1)
    before = stored(collected)
    again = run("import", path, "--subject", "demo", "--json").json
    assert (again["stored"], again["already_stored"]) == (0, 3)
    assert stored(collected) == before
    assert "nothing new" in run("import", path, "--subject", "demo").out


def test_a_file_that_grew_stores_what_is_new(run: Run, collected: Path, tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", explanation_row())
    run("import", path, "--subject", "demo")
    write(path, explanation_row(), explanation_row(description="barking"))
    told = run("import", path, "--subject", "demo", "--json").json
    assert (told["stored"], told["already_stored"]) == (1, 1)
    assert [(e.version, e.text) for e in stored(collected)] == [
        (1, "references to dogs"),
        (2, "barking"),
    ]


@pytest.mark.parametrize("format", ["neuron-explainer", "neuronpedia"])
def test_what_was_exported_here_is_not_imported_here(
    run: Run, collected: Path, tmp_path: Path, format: str
) -> None:
    store_answer(collected, document())
    out = tmp_path / "out"
    assert run("export", "demo/mlp.2/117", "--format", format, "--out", out).code == 0
    told = run("import", out, "--subject", "demo", "--json").json
    assert (told["explanations"], told["stored"], told["already_stored"]) == (1, 0, 1)
    assert told["skipped"] == 0
    assert told["unknown_fields"] == {}


def test_what_another_store_exported_is_foreign_here(
    run: Run, collected: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Scores that a file claims to be ours stay figures as well: anyone can write such a file."""
    store_answer(collected, document())
    out = tmp_path / "out"
    run("export", "demo/mlp.2/117", "--format", "neuronpedia", "--out", out)
    other = tmp_path / "other"
    index_of_demo(other)
    monkeypatch.setenv("NEUROSCRIBE_HOME", str(other))
    assert run("import", out, "--subject", "demo", "--json").json["stored"] == 1
    (said,) = stored(other)
    assert said.text == document().explanations[0].text
    parameters = said.provenance.parameters
    assert parameters["foreign.id"] == "e1"
    name = "foreign.neuroscribe.simulation.correlation.corpus.report.pattern.none"
    assert parameters[name] == 0.831


def test_units_that_the_subject_lacks_are_skipped_with_their_reason(
    run: Run, collected: Path, tmp_path: Path
) -> None:
    rows = [
        explanation_row("767"),
        explanation_row("768"),
        explanation_row("9999999999"),
        explanation_row("0", layer="6-res-jb"),
        explanation_row("0", layer="6 RES"),
        neuron_record(4, 0),
    ]
    told = run("import", write(tmp_path / "a.jsonl", *rows), "--subject", "demo", "--json").json
    assert (told["units"], told["stored"], told["skipped"]) == (1, 1, 5)
    reasons = {r["line"]: r["reason"] for r in told["reasons"]}
    assert reasons[2] == "demo/mlp.2 has units 0 to 767, not 768"
    assert "9999999999" in reasons[3]
    assert "'6-res-jb' is no site" in reasons[4]
    assert "'6 RES' cannot be part of a unit ID" in reasons[5]
    assert reasons[6] == "subject 'demo' has no site 'mlp.4'"


def test_people_get_a_table_and_the_reasons(run: Run, collected: Path, tmp_path: Path) -> None:
    bad = neuron_record(2, 7, random_sample=[{"tokens": ["\x1b[31m"], "activations": []}])
    rows = [explanation_row(), bad, simulation_results(), explanation_row(description=" \n ")]
    told = run("import", write(tmp_path / "a.jsonl", *rows), "--subject", "demo")
    assert told.code == 0
    flat = " ".join(told.out.split())
    for words in (
        "units 1",
        "explanations 2",
        "foreign scores 2",
        "stored 2",
        "skipped 2",
        "line 2: layer 2 neuron 7: random_sample[0]: 1 tokens and 0 activations",
        "line 4: demo/mlp.2/117: the explanation is empty",
        "rsquared_score is missing",
        "ExplanationRow.umap_x: 2",
    ):
        assert words in flat, words
    assert "\x1b" not in told.out


def test_records_without_explanations_store_nothing(
    run: Run, collected: Path, tmp_path: Path
) -> None:
    told = run("import", write(tmp_path / "117.json", neuron_record()), "--subject", "demo")
    assert told.code == 0
    assert "nothing to store" in told.out
    assert stored(collected) == []


@pytest.mark.parametrize(
    ("name", "data", "code", "exit_code"),
    [
        ("nowhere.json", None, "foreign_not_found", 2),
        ("empty.jsonl", b"", "foreign_damaged", 1),
        ("blank.jsonl", b"\n \n", "foreign_damaged", 1),
        ("text.json", b"these are notes", "foreign_damaged", 1),
        ("cut.jsonl.gz", b"\x1f\x8b\x08\x00\x00\x00", "foreign_damaged", 1),
        ("other.json", b'{"hello": 1}', "foreign_damaged", 1),
        ("pickle.json", b"\x80\x04\x95\x0b\x00", "foreign_damaged", 1),
    ],
)
def test_a_file_that_cannot_be_used_is_one_line(
    run: Run,
    collected: Path,
    tmp_path: Path,
    name: str,
    data: bytes | None,
    code: str,
    exit_code: int,
) -> None:
    path = tmp_path / name
    if data is not None:
        path.write_bytes(data)
    told = run("import", path, "--subject", "demo")
    assert told.code == exit_code
    assert told.out == ""
    assert len(told.err.splitlines()) == 1
    assert name in told.err
    under_json = run("import", path, "--subject", "demo", "--json")
    assert under_json.json["error"]["code"] == code


def test_a_file_that_breaks_off_stores_nothing(run: Run, collected: Path, tmp_path: Path) -> None:
    write(tmp_path / "a" / "batch-0.jsonl", explanation_row())
    late = write(tmp_path / "a" / "batch-1.jsonl.gz", *(explanation_row(i) for i in range(99)))
    late.write_bytes(late.read_bytes()[:-12])
    assert run("import", tmp_path / "a", "--subject", "demo", "--json").code == 1
    assert stored(collected) == []


def test_an_unknown_subject_is_misuse(run: Run, collected: Path, tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", explanation_row())
    told = run("import", path, "--subject", "nobody", "--json")
    assert told.code == 2
    assert told.json["error"]["code"] == "unknown_subject"
    assert run("import", path, "--json").code == 2
    assert run("import", path, "--subject", "demo", "--format", "csv", "--json").code == 2


def test_a_subject_that_was_never_collected_is_loaded(
    run: Run, own_home: Path, tmp_path: Path
) -> None:
    path = write(tmp_path / "a.jsonl", simulation_results(0, 5), simulation_results(9, 5))
    told = run("import", path, "--subject", "demo-tiny", "--json").json
    assert (told["stored"], told["skipped"]) == (1, 1)
    assert told["reasons"][0]["reason"] == "subject 'demo-tiny' has no site 'mlp.9'"


def test_a_collected_subject_is_not_loaded(collected: Path, tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", explanation_row(), explanation_row(layer="6-res-jb"))
    code = (
        "import sys\n"
        "from neuroscribe.cli import main\n"
        "try:\n    main(sys.argv[1:])\n"
        "except SystemExit as stop:\n"
        "    print('HEAVY', sorted({'torch', 'transformers'} & set(sys.modules)), stop.code)\n"
    )
    words = ["import", str(path), "--subject", "demo"]
    done = subprocess.run(
        [sys.executable, "-c", code, *words], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.splitlines()[-1] == "HEAVY [] 0"


def test_imports_do_not_disturb_explain_and_show(
    run: Run, own_home: Path, corpus: Path, tmp_path: Path
) -> None:
    """An imported sentence is no answer: the unit is explained as if it were not there."""
    path = write(tmp_path / "a.jsonl", explanation_row("0", layer="exact", modelId="planted"))
    unit, text = "planted/exact/0", ("--corpus", corpus, "--json")
    asked = ("explain", unit, *text, "--mode", "one-shot")
    assert run("import", path, "--subject", "planted", "--json").json["stored"] == 1
    first: dict[str, Any] = run(*asked).json
    assert first["verdict"] == "explained"
    assert first["report_openings"] == 1
    assert first["explanations"][0]["version"] == 2, "the imported one is the first"
    assert run("import", path, "--subject", "planted", "--json").json["stored"] == 0
    assert run(*asked).json == first
    assert run("show", unit, *text).code == 0
    out = tmp_path / "out"
    exported = run("export", "planted/exact", "--format", "neuronpedia", "--out", out, "--json")
    assert exported.json["explanations"] == len(first["explanations"])


def test_every_answer_under_json_is_one_document(run: Run, collected: Path, tmp_path: Path) -> None:
    rows = [explanation_row(description="\ud83d broken"), {"a": "\ud800"}]
    told = run("import", write(tmp_path / "a.jsonl", *rows), "--subject", "demo", "--json")
    assert json.loads(told.out)["stored"] == 1
    assert stored(collected)[0].text == "\ud83d broken"
