"""``neuroscribe find probe``: findings that can be explained, one document, one line for errors."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from safetensors.torch import load_file, save_file

from core.errors import SubjectLoadError
from discovery.probing.plan import METHODS
from neuroscribe.cli.find import SETS
from neuroscribe.workspace import Workspace
from storage import open_store
from subjects.registry import built_in_folder
from tests.neuroscribe.conftest import Ran

Run = Callable[..., Ran]
WORDS = ("red", "tree", "time", "blue", "house", "and", "the", "sun", "city", "or", "dog")


@pytest.fixture(scope="module")
def labels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ninety texts in which "the" is labelled: unit 0 of planted site exact fires on it."""
    rows = []
    for number in range(90):
        words = [WORDS[(number * 7 + place * (number % 5 + 1)) % 11] for place in range(30)]
        text, place = "list " + " ".join(words), 5
        for word in words:
            if word == "the":
                rows.append(
                    {"text": text, "start": place, "stop": place + 3, "label": "article"}
                    | {"document": f"d{number}", "group": f"g{number}"}
                )
            place += len(word) + 1
    path = tmp_path_factory.mktemp("labels") / "articles.jsonl"
    path.write_text("\n".join(json.dumps(row) for row in rows), encoding="utf-8")
    return path


def probing(labels: Path, *words: str) -> list[str]:
    sites = ["--site", "exact", "--site", "noise"]
    fixed = ["--labels", str(labels), *sites, "--nulls", "19", "--jobs", "1"]
    return ["find", "probe", "planted", "spans", *fixed, *words]


def test_the_planted_unit_becomes_a_stored_finding(run: Run, own_home: Path, labels: Path) -> None:
    told = run(*probing(labels, "--json"))
    assert told.code == 0, told
    found = told.json
    assert found["method"] == "probe"
    assert [unit["unit"] for unit in found["units"]] == ["planted/exact/0"]
    figures = found["figures"]
    assert figures["f1"] == figures["f1_high"] == 1.0
    assert 0.7 < figures["f1_low"] < 1.0
    assert figures["null_p"] == 0.05
    assert figures["null_p95"] < 0.7
    assert figures["random_f1"] is not None
    assert figures["token_control_f1"] == 1.0
    assert found["parameters"]["feature"] == "article"
    with open_store(f"sqlite:///{own_home}/neuroscribe.db") as store:
        assert store.findings.get(found["id"]).model_dump(mode="json") == {
            key: found[key] for key in ("id", "method", "subject", "question", "units", "figures")
        } | {key: found[key] for key in ("parameters", "seed", "data")}


def test_asked_again_it_is_stored_and_fresh_computes_the_same(
    run: Run, own_home: Path, labels: Path
) -> None:
    first = run(*probing(labels, "--json")).json
    again = run(*probing(labels))
    assert "stored answer" in again.err
    fresh = run(*probing(labels, "--fresh", "--json")).json
    assert _timeless(fresh) == _timeless(first)


def test_a_stored_answer_needs_no_model(
    run: Run, own_home: Path, labels: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is found by the model's files, the labels and what was asked; else the model is loaded."""
    first = run(*probing(labels, "--json")).json

    def loaded(workspace: Workspace, name: str) -> Any:
        raise SubjectLoadError("loaded")

    monkeypatch.setattr(Workspace, "subject", loaded)
    assert run(*probing(labels, "--json")).json == first
    other = tmp_path / "other.jsonl"
    other.write_text("\n".join(labels.read_text(encoding="utf-8").splitlines()[:-1]))
    for file, words in (
        (labels, ["--k", "1"]),
        (labels, ["--fresh"]),
        (labels, ["--after"]),
        (other, []),
    ):
        assert "loaded" in run(*probing(file, *words)).err
    for report in (own_home / "probing" / "runs").glob("*/reports/*.json"):
        report.unlink()
    assert "loaded" in run(*probing(labels)).err


def test_a_model_of_ones_own_is_loaded_to_be_known(
    run: Run, own_home: Path, labels: Path, tmp_path: Path
) -> None:
    """Its files may be written while a run goes on: an answer is of the weights that gave it."""
    folder = tmp_path / "model"
    shutil.copytree(built_in_folder("demo-tiny"), folder)  # type: ignore[arg-type]
    asked = ["find", "probe", "mine", "spans", "--labels", labels, "--source", folder]
    words = [*asked, "--site", "mlp.0", "--k", "1", "--nulls", "9", "--json"]
    first = run(*words)
    assert first.code == 0, first.err
    assert not list((own_home / "probing" / "requests").glob("*"))
    weights = load_file(folder / "model.safetensors")
    save_file({name: -one for name, one in weights.items()}, folder / "model.safetensors")
    assert run(*words).json["report"]["features"] != first.json["report"]["features"]


def test_people_see_figures_with_what_stands_beside_them(
    run: Run, own_home: Path, labels: Path
) -> None:
    told = run(*probing(labels))
    assert told.code == 0
    for word in ("article", "exact", "null", "rand.", "explain --finding probe-"):
        assert word in told.out, word
    assert "the tokens alone give F1 1.00" in told.out


@pytest.mark.parametrize("suffix", ["html", "svg"])
def test_plots_are_files(
    run: Run, own_home: Path, labels: Path, tmp_path: Path, suffix: str
) -> None:
    path = tmp_path / f"plot.{suffix}"
    assert run(*probing(labels, "--plot", str(path))).code == 0
    assert path.read_text(encoding="utf-8").lstrip().startswith("<")


def test_collections_are_listed_with_what_they_need(run: Run) -> None:
    listed = {row["name"]: row for row in run("find", "probe", "--list", "--json").json}
    assert listed["part-of-speech"]["needs"] == "CoNLL-U files"
    assert "token-text" in run("find", "probe", "--list").out


def test_help_and_readme_say_which_methods_the_short_names_mean(run: Run) -> None:
    told = " ".join(run("find", "probe", "--help").out.replace("│", " ").split())
    fast, added = (", ".join(part) for part in (SETS["fast"], SETS["paper"][3:]))
    assert SETS["paper"][:3] == SETS["fast"]
    assert f"fast: {fast}. paper: these and {added} (with proofs). all: all eight." in told
    assert len(METHODS) == 8
    readme = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
    assert all(f"--methods {name}" in readme for name in (*SETS, "all"))


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["--k", "0"], "invalid_setting", "no sizes"),
        (["--k", "1-999999999"], "invalid_setting", "more than 10,000"),
        (["--k", "x"], "invalid_setting", "--k 'x'"),
        (["--seed", "-1"], "misuse", "--seed"),
        (["--methods", "guess"], "invalid_setting", "no method"),
        (["--methods", "random"], "invalid_setting", "find nothing"),
        (["--feature", "verbs"], "invalid_setting", "no feature 'verbs'"),
        (["--site", "nowhere"], "invalid_setting", "no site"),
        (["--option", "reading"], "invalid_setting", "NAME=VALUE"),
        (["--option", "files=x"], "invalid_setting", "--labels"),
        (["--option", "reading=sideways"], "invalid_setting", "sideways"),
        (["--rows", "10"], "invalid_setting", "too few"),
        (["--positive-share", "1"], "invalid_setting", "between 0 and 1"),
        (["--osp-loss", "absolute"], "invalid_setting", "no loss"),
        (["--gamma", "-1"], "invalid_setting", "gamma"),
        (["--gamma", "1e12"], "invalid_setting", "at most 1,000,000"),
        (["--gamma", "nan"], "invalid_setting", "gamma nan"),
        (["--window", "99999"], "invalid_setting", "window 99999 does not fit subject 'planted'"),
        (["--concept", "rivers"], "invalid_setting", "at once"),
        (["--plot", "x.pdf"], "invalid_setting", "cannot be written"),
        (["--plot", "missing/folder/x.svg"], "invalid_setting", "'missing/folder' of plot 'x.svg'"),
    ],
)
def test_what_cannot_be_meant_is_one_line(
    run: Run, own_home: Path, labels: Path, words: list[str], code: str, said: str
) -> None:
    told = run(*probing(labels, *words))
    assert told.code == 2, told
    assert len(told.err.strip().splitlines()) == 1
    assert said in told.err
    assert run(*probing(labels, *words, "--json")).json["error"]["code"] == code


WITHOUT_TORCH = """
import sys
sys.modules["torch"] = None  # an import of it fails
from neuroscribe.cli import main
for words in sys.stdin.read().splitlines():
    try:
        main(["find", "probe", "demo", *words.split()])
    except SystemExit as stop:
        assert stop.code == 2, words
"""


def test_mistakes_that_need_no_model_are_told_before_torch_is_loaded(own_home: Path) -> None:
    """Torch alone takes seconds to load."""
    mistakes = {
        "token-text --methods guess": "for several: fast, paper, all",
        "token-text --k 0": "no sizes",
        "token-text --seeds 0": "--seeds",
        "token-text --osp-loss absolute": "no loss",
        "token-text --rows 10": "too few",
        "token-text --option reading=last": "no option 'reading'",
        "token-text --labels a.csv": "takes no label file",
        "people": "got 0 label files",
        "verbs": "no collection is named 'verbs'",
        "token-text --plot missing/x.html": "'missing' of plot 'x.html' does not exist",
        "token-text --splitting": "several subjects",
    }
    told = subprocess.run(
        [sys.executable, "-c", WITHOUT_TORCH],
        input="\n".join(mistakes), capture_output=True, text=True,
    )  # fmt: skip
    lines = told.stderr.splitlines()
    assert [said in line for said, line in zip(mistakes.values(), lines, strict=True)] == 11 * [
        True
    ]
    assert not own_home.exists()


def test_plots_are_never_the_reason_for_a_folder(
    run: Run, own_home: Path, labels: Path, tmp_path: Path
) -> None:
    for place in (tmp_path / "missing" / "a.svg", tmp_path / "missing.svg" / "a.svg"):
        told = run(*probing(labels, "--plot", str(place)))
        assert (told.code, "does not exist" in told.err) == (2, True)
        assert not place.parent.exists()
    told = run(*probing(labels, "--plot", str(tmp_path / ("x" * 300 + ".svg"))))
    assert (told.code, "cannot be written: File name too long" in told.err) == (2, True)
    (tmp_path / "folder.svg").mkdir()
    told = run(*probing(labels, "--plot", str(tmp_path / "folder.svg")))
    assert "is a folder" in told.err


def test_few_labels_are_an_error_that_counts_them(run: Run, own_home: Path, tmp_path: Path) -> None:
    path = tmp_path / "few.jsonl"
    path.write_text('{"text": "the dog", "start": 0, "stop": 3, "label": "a"}\n')
    told = run(*probing(path))
    assert told.code == 1
    assert "1 positives; 20 are needed" in told.err


def test_names_from_files_reach_the_terminal_as_text(
    run: Run, own_home: Path, tmp_path: Path
) -> None:
    path = tmp_path / "hostile.jsonl"
    row = {"text": "the dog", "start": 0, "stop": 3, "label": "\x1b[31mred\u202e"}
    path.write_text(json.dumps(row))
    told = run(*probing(path))
    assert "\x1b" not in told.err
    assert "\u202e" not in told.err
    assert r"\x1b[31mred\u202e" in told.err


def test_nothing_measured_is_a_failure_that_says_why(
    run: Run, own_home: Path, labels: Path, tmp_path: Path
) -> None:
    path = tmp_path / "one-group.jsonl"
    rows = [json.loads(line) | {"group": "g"} for line in labels.read_text().splitlines()]
    path.write_text("\n".join(map(json.dumps, rows)))
    told = run(*probing(path))
    assert told.code == 1
    assert "cannot be divided" in told.out


def test_a_broken_label_names_its_line(run: Run, own_home: Path, tmp_path: Path) -> None:
    path = tmp_path / "broken.jsonl"
    row = {"text": "the dog", "start": 0, "stop": 3, "label": "a"}
    path.write_text(f"{json.dumps(row)}\n{json.dumps(row | {'stop': 99})}\n")
    told = run(*probing(path))
    assert told.code != 0
    assert "line 2" in told.err


def test_a_concept_needs_a_language_model(run: Run, own_home: Path) -> None:
    told = run("find", "probe", "planted", "--concept", "mentions of rivers", "--site", "exact")
    assert told.code == 2
    assert "language model" in told.err


def _timeless(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _timeless(v) for k, v in value.items() if k != "seconds"}
    return [_timeless(one) for one in value] if isinstance(value, list) else value
