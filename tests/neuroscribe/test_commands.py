"""``collect``, ``show``, ``subjects`` and the Python API."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import neuroscribe
from tests.neuroscribe.conftest import Ran

Run = Callable[..., Ran]


def test_collect_says_what_it_kept_and_what_it_left_out(run: Run, home: Path, corpus: Path) -> None:
    answer = run("collect", "planted", "--sites", "exact", "--corpus", corpus, "--json")
    assert answer.code == 0
    (made,) = answer.json["indexes"]
    assert made["sites"] == ["exact"]
    assert made["tokens"] == made["windows"] * 64
    assert made["tokens_left_out"] > 0
    assert Path(made["folder"]).is_dir()
    assert made["bytes"] == sum(
        f.stat().st_size for f in Path(made["folder"]).iterdir() if f.suffix != ".lock"
        and f.name not in ("manifest.json", ".lock")
    )  # fmt: skip


def test_show_tells_the_truth_of_a_planted_unit(run: Run, home: Path, corpus: Path) -> None:
    shown = run("show", "planted/exact/0", "--corpus", corpus, "--json").json
    assert set(shown["statistics"]) >= {
        "mean", "variance", "skewness", "kurtosis", "min", "max", "share_active",
    }  # fmt: skip
    assert {"family", "description", "expressible"} <= set(shown["truth"])
    assert sum(shown["histogram"]["counts"]) > 0
    assert sum(band["share"] for band in shown["bands"]) == pytest.approx(1.0)


def test_show_hides_the_report_split_unless_asked(run: Run, home: Path, corpus: Path) -> None:
    plain = run("show", "planted/exact/1", "--corpus", corpus, "--json").json
    assert {e["split"] for e in plain["excerpts"]} == {"explain", "select"}
    opened = run("show", "planted/exact/1", "--corpus", corpus, "--json", "--report").json
    assert "report" in {e["split"] for e in opened["excerpts"]}
    later = run("explain", "planted/exact/1", "--corpus", corpus, "--json").json
    assert later["report_openings"] == 2


def test_show_prints_for_people(run: Run, home: Path, corpus: Path) -> None:
    answer = run("show", "planted/exact/0", "--corpus", corpus)
    assert answer.code == 0
    assert "planted/exact/0" in answer.out


def test_the_python_api_gives_the_same_document(run: Run, home: Path, corpus: Path) -> None:
    printed = run("explain", "planted/exact/0", "--corpus", corpus, "--json").json
    document = neuroscribe.explain("planted/exact/0", corpus=str(corpus))
    assert document.model_dump(mode="json") == printed


def test_the_public_names_are_these() -> None:
    assert neuroscribe.__all__ == ["explain", "explain_layer", "score", "show"]


def test_subjects_can_be_added_and_listed(run: Run, own_home: Path, tmp_path: Path) -> None:
    folder = tmp_path / "My Model"
    folder.mkdir()
    assert run("subjects", "add", folder, "--json").json["name"] == "my-model"
    names = [row["name"] for row in run("subjects", "list", "--json").json["subjects"]]
    assert "demo" in names
    assert "my-model" in names


def test_help_loads_no_heavy_library() -> None:
    code = (
        "import sys\n"
        "from neuroscribe.cli import main\n"
        "try:\n    main(['--help'])\n"
        "except SystemExit as stop:\n"
        "    heavy = {'torch', 'transformers', 'sqlalchemy', 'numpy', 'scipy'} & set(sys.modules)\n"
        "    print('HEAVY', sorted(heavy), stop.code)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.splitlines()[-1] == "HEAVY [] 0"
