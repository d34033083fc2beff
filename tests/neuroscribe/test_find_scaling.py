"""``neuroscribe find probe`` on two subjects that are the same model under two names."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from neuroscribe.workspace import DEMO_FOLDER
from tests.neuroscribe.conftest import Ran

QUICK = (
    *("--feature", "leading_capital", "--feature", "has_leading_space", "--site", "mlp.0"),
    *("--methods", "random,mean-difference", "--k", "1-2", "--nulls", "5", "--jobs", "1"),
    *("--rows", "400"),
)

Run = Callable[..., Ran]


@pytest.fixture(scope="module")
def module_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with pytest.MonkeyPatch.context() as patch:
        home = tmp_path_factory.mktemp("scaling-home")
        patch.setenv("NEUROSCRIBE_HOME", str(home))
        yield home


@pytest.fixture
def twins(module_home: Path, run: Run, few: Path) -> Callable[..., Ran]:
    """Probe ``demo-tiny`` and its twin."""
    run("subjects", "add", DEMO_FOLDER / "demo-tiny", "--name", "twin")

    def probe(*words: str | Path, subjects: str = "demo-tiny,twin") -> Ran:
        return run("find", "probe", subjects, "token-text", "--corpus", few, *QUICK, *words)

    return probe


def test_the_same_model_twice_changes_nothing_and_splits_into_itself(
    twins: Callable[..., Ran], tmp_path: Path
) -> None:
    page = tmp_path / "scaling.html"
    ran = twins("--splitting", "--plot", page, "--json")
    assert ran.code == 0, ran.err
    found: dict[str, Any] = ran.json
    assert list(found) == ["reports", "findings", "scaling", "splitting"]
    assert [report["subject"] for report in found["reports"]] == ["demo-tiny", "twin"]
    assert {finding["subject"] for finding in found["findings"]} == {"demo-tiny", "twin"}
    assert found["scaling"]["ks"] == [1, 2]
    for change in found["scaling"]["changes"]:
        assert (change["n"], change["f1"]["value"], change["rose"]) == (2, 0.0, 0)
    for one in found["splitting"]:
        itself = one["splitting"]["unit"].replace("demo-tiny", "twin")
        assert one["splitting"]["reading"] == "one unit"
        assert one["splitting"]["steps"][0]["units"] == [itself]
        assert one["splitting"]["steps"][0]["r2"]["value"] == pytest.approx(1, abs=1e-6)
    assert found["splitting"]
    assert "Neuron splitting" in page.read_text("utf-8")
    assert twins("--splitting", "--json").json == found


def test_a_screen_shows_both_and_stored_answers_are_told(twins: Callable[..., Ran]) -> None:
    twins()
    ran = twins()
    assert ran.code == 0
    assert "token-text on demo-tiny → twin" in ran.out
    assert "demo-tiny → twin: 0.000" in ran.out
    assert "stored answers" in ran.err


def test_one_subject_answers_as_before(twins: Callable[..., Ran]) -> None:
    assert "report" in twins("--json", subjects="demo-tiny").json


@pytest.mark.parametrize(
    ("subjects", "words", "said"),
    [
        ("demo-tiny,demo-tiny", (), "subject 'demo-tiny' is named twice"),
        ("demo-tiny,", (), "has an empty name in it"),
        ("demo-tiny", ("--splitting",), "--splitting is about several subjects"),
        ("demo-tiny,twin", ("--splitting", "--k", "2"), "splitting asks about single units"),
        ("demo-tiny,twin", ("--window", "128"), "give 1 to 127 tokens"),
        ("demo-tiny,twin", ("--source", "x"), "--source is for one subject"),
        ("demo-tiny,twin", ("--concept", "rivers"), "--concept is for one subject"),
        ("demo-tiny,nobody", (), "nobody"),
    ],
)
def test_what_does_not_go_together_is_told_before_any_work(
    twins: Callable[..., Ran], subjects: str, words: tuple[str, ...], said: str
) -> None:
    ran = twins(*words, subjects=subjects)
    assert ran.code != 0
    assert said in ran.err
    assert ran.out == ""
