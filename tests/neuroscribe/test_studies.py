"""The validity study tells what it should, on a small corpus."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from core.patterns import CharClass, Clause, Exact, Pattern, RightAfter, parse
from neuroscribe.studies.validity import Validity
from neuroscribe.studies.wrong import wrong_explanations
from tests.neuroscribe.conftest import Ran

Run = Callable[..., Ran]

TRUE = parse('Fires 10/10 on the token " cat" right after the token " the".')


def made(true: Pattern, kept: float = 0.5) -> dict[str, Pattern]:
    other = Pattern((Clause(Exact((" dog",))),))
    return {w.kind: w.pattern for w in wrong_explanations(true, [true, other], lambda _: kept)}


def test_each_fault_is_what_its_name_says() -> None:
    found = made(TRUE)
    assert found["other"].clauses[0].predicate == Exact((" dog",))
    assert found["broader"].clauses[0].contexts == ()
    assert len(found["narrower"].clauses[0].contexts) == 2
    assert found["late"] == Pattern((Clause(CharClass("any"), (RightAfter(Exact((" cat",))),)),))
    assert found["negation"] == TRUE
    assert "one_of_two" not in found


def test_without_a_context_the_kind_of_token_is_widened() -> None:
    found = made(parse('Fires 10/10 on the token " cat".'))
    assert found["broader"].clauses[0].predicate == CharClass("lowercase")


def test_one_meaning_of_several_is_the_strongest() -> None:
    found = made(parse('Fires 4/10 on the token "a"; plus 9/10 on the token "b".'))
    assert found["one_of_two"] == parse('Fires 9/10 on the token "b".')


@pytest.mark.parametrize("kept", [0.0, 0.99])
def test_a_context_that_changes_nothing_or_leaves_nothing_is_not_narrower(kept: float) -> None:
    assert "narrower" not in made(TRUE, kept)


@pytest.fixture(scope="module")
def study_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


def test_the_study_sees_what_each_score_is_blind_to(
    run: Run, corpus: Path, monkeypatch: pytest.MonkeyPatch, study_home: Path, tmp_path: Path
) -> None:
    monkeypatch.setenv("NEUROSCRIBE_HOME", str(study_home))
    page = tmp_path / "page.html"
    asked = ("bench", "validity", "--families", "exact,union", "--per-family", "3")
    answer = run(*asked, "--corpus", corpus, "--json", "--html", page)
    assert answer.code == 0
    study = Validity.model_validate(answer.json)
    assert study.units == 6

    def cell(kind: str, scorer: str, mode: str, calibration: str = "none") -> Any:
        (found,) = [
            f
            for f in study.overall
            if (f.kind, f.scorer, f.mode, f.calibration) == (kind, scorer, mode, calibration)
            and f.measure != "balanced_accuracy"
        ]
        return found

    assert cell("negation", "simulation", "corpus").auroc == 1.0
    line = cell("negation", "explained_variance", "corpus", "linear").auroc
    assert line == pytest.approx(0.5, abs=0.2)  # a fitted line turns a negation round
    late = cell("late", "fuzzing", "corpus")
    assert late.auroc == 1.0
    assert late.low < 1.0
    assert study.best["other"] == 1.0
    text = page.read_text(encoding="utf-8")
    assert "negation" in text
    assert "<script>" not in text


def test_a_family_that_no_sentence_can_say_is_refused(run: Run, home: Path, corpus: Path) -> None:
    answer = run("bench", "validity", "--families", "noise", "--corpus", corpus)
    assert answer.code == 2
    assert "no planted family 'noise' can be put in words" in answer.err


def test_the_table_fits_a_narrow_terminal(
    run: Run, corpus: Path, monkeypatch: pytest.MonkeyPatch, study_home: Path
) -> None:
    monkeypatch.setenv("NEUROSCRIBE_HOME", str(study_home))
    answer = run(
        "bench", "validity", "--families", "union", "--per-family", "2", "--corpus", corpus
    )
    assert answer.code == 0
    assert max(map(len, answer.out.splitlines())) <= 80
    assert "one of 2" in answer.out
