"""``neuroscribe report SITE``."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from neuroscribe.reports.documents import SiteReport
from storage import Store
from tests.neuroscribe.conftest import Ran
from tests.neuroscribe.reports.report_site import twelve

Run = Callable[..., Ran]


def test_a_site_is_reported_from_what_is_stored(run: Run, own_home: Path, corpus: Path) -> None:
    asked = ("explain-layer", "planted/exact", "--units", "0-5", "--mode", "one-shot")
    assert run(*asked, "--corpus", corpus, "--json").code == 0
    found = SiteReport.model_validate(run("report", "planted/exact", "--json").json)
    assert found.units == 6
    assert found.distributions[0].mean.low is not None
    assert found.distributions[0].baselines.oracle.value is not None
    assert all(line.q is not None for line in found.lines if line.value is not None)


def test_the_same_store_gives_the_same_report(run: Run, store: Store) -> None:
    twelve(store)
    first = run("report", "demo/mlp.2", "--json")
    assert first.code == 0
    assert run("report", "demo/mlp.2", "--json").out == first.out
    moved = run("report", "demo/mlp.2", "--json", "--seed", "1").json
    assert moved["distributions"][0]["mean"]["value"] == pytest.approx(0.46)
    assert moved["seed"] == 1


def test_a_page_is_written_beside_what_is_printed(run: Run, store: Store, tmp_path: Path) -> None:
    twelve(store)
    told = run("report", "demo/mlp.2", "--html", tmp_path / "site.html")
    assert "demo/mlp.2  11 units answered" in told.out
    assert (tmp_path / "site.html").read_text(encoding="utf-8").startswith("<!DOCTYPE html>")


def test_page_and_document_can_be_asked_for_at_once(run: Run, store: Store, tmp_path: Path) -> None:
    twelve(store)
    assert run("report", "demo/mlp.2", "--json", "--html", tmp_path / "s.html").json["units"] == 11


def test_nothing_stored_is_an_error_in_one_line(run: Run, own_home: Path) -> None:
    told = run("report", "demo/mlp.2")
    assert (told.code, told.out) == (1, "")
    assert told.err == (
        "neuroscribe: no unit of 'demo/mlp.2' was explained yet "
        "(run neuroscribe explain demo/mlp.2/UNIT)\n"
    )
    assert run("report", "demo/mlp.2", "--json").json["error"]["code"] == "not_stored"


def test_a_unit_is_no_site(run: Run, own_home: Path) -> None:
    told = run("report", "demo/mlp.2/117")
    assert (told.code, told.err) == (
        2,
        "neuroscribe: 'demo/mlp.2/117' names a unit (a report is about a site: demo/mlp.2)\n",
    )


def test_a_page_that_cannot_be_written_is_told_before_any_work(
    run: Run, own_home: Path, tmp_path: Path
) -> None:
    there = tmp_path / "nowhere"
    answer = run("report", "demo/mlp.2", "--html", there / "site.html")
    assert answer.code == 2
    assert answer.err == (
        f"neuroscribe: folder {str(there)!r} of page 'site.html' does not exist (make it first)\n"
    )
    assert not there.exists()


def test_no_model_is_loaded(store: Store) -> None:
    twelve(store)
    code = (
        "import sys\n"
        "from neuroscribe.cli import main\n"
        "try:\n    main(['report', 'demo/mlp.2', '--json'])\n"
        "except SystemExit as stop:\n"
        "    heavy = {'torch', 'transformers', 'openai', 'anthropic'} & set(sys.modules)\n"
        "    print('HEAVY', sorted(heavy), stop.code)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120
    )
    assert done.stdout.splitlines()[-1] == "HEAVY [] 0"
