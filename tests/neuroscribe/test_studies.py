"""The validity study tells what it should, on a small corpus."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from core.patterns import CharClass, Clause, Exact, Pattern, RightAfter, parse
from neuroscribe.studies.protocol import DEFAULTS
from neuroscribe.studies.validity import Validity
from neuroscribe.studies.wrong import wrong_explanations
from tests.neuroscribe.conftest import Ran, Served

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


@pytest.mark.slow
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
        "bench", "validity", "--families", "union", "--per-family", "1", "--corpus", corpus
    )
    assert answer.code == 0
    assert max(map(len, answer.out.splitlines())) <= 80
    assert "one of 2" in answer.out


@pytest.mark.slow
def test_scaling_tells_every_unit_that_has_no_score(
    run: Run, corpus: Path, monkeypatch: pytest.MonkeyPatch, study_home: Path
) -> None:
    monkeypatch.setenv("NEUROSCRIBE_HOME", str(study_home))
    asked = ("bench", "scaling", "--subjects", "demo-tiny", "--units", "3", "--corpus", corpus)
    answer = run(*asked, "--json")
    assert answer.code == 0
    rows = answer.json["rows"]
    assert [row["mode"] for row in rows] == ["top_and_random", "corpus"]
    for row in rows:
        assert row["parameters"] > 100_000
        assert row["scored"] + sum(row["lost"].values()) == row["units"] == 3
    again = run(*asked)
    assert "pattern explains, pattern simulates" in again.out
    assert max(map(len, again.out.splitlines())) <= 84


def test_scaling_needs_neurons(run: Run, home: Path, corpus: Path) -> None:
    answer = run("bench", "scaling", "--subjects", "demo-lstm", "--corpus", corpus)
    assert answer.code == 2
    assert "has no MLP neurons" in answer.err


def test_the_sweep_compares_every_setting_with_the_default(corpus: Path, tmp_path: Path) -> None:
    from core.settings import Settings
    from neuroscribe.render.studies import protocol_page
    from neuroscribe.render.terminal_studies import protocol_view
    from neuroscribe.studies.protocol import BANDS, EXCERPTS, WINDOWS, Place, run_protocol
    from neuroscribe.workspace import Workspace

    heard: list[tuple[int, int]] = []
    study = run_protocol(
        Workspace(Settings(home=tmp_path)),
        [Place("planted", ("exact",), 1)],
        corpus=str(corpus),
        told=lambda done, total: heard.append((done, total)),
    )
    assert heard[-1][0] == heard[-1][1]
    by_axis = {axis: [s for s in study.settings if s.axis == axis] for axis in DEFAULTS}
    assert {s.value for s in by_axis["window"]} == {str(w) for w in WINDOWS}
    assert {s.value for s in by_axis["excerpts"]} == {str(n) for n in EXCERPTS}
    assert {s.value for s in by_axis["strength"]} == set(BANDS)
    (default,) = [s for s in by_axis["window"] if s.value == "64"]
    assert default.gain is None
    assert "Protocol sweep" in protocol_page(study)
    assert protocol_view(study)


@pytest.mark.slow
def test_what_an_explainer_says_stands_beside_the_truth(
    run: Run, corpus: Path, monkeypatch: pytest.MonkeyPatch, study_home: Path
) -> None:
    monkeypatch.setenv("NEUROSCRIBE_HOME", str(study_home))
    asked = ("bench", "validity", "--families", "exact", "--per-family", "3", "--corpus", corpus)
    answer = run(*asked, "--explainer", "pattern", "--json")
    study = Validity.model_validate(answer.json)
    assert study.explainer == "pattern"
    found = [f for f in study.overall if f.kind == "found" and f.scorer == "simulation"]
    assert found
    for figure in found:
        if figure.auroc is not None:
            assert figure.mean_wrong == pytest.approx(figure.mean_true, abs=0.05)
    assert "found" not in study.best
    assert "as good as the truth" in run(*asked, "--explainer", "pattern").out


def test_a_language_model_may_simulate_the_study(
    run: Run, corpus: Path, served: Served, monkeypatch: pytest.MonkeyPatch, study_home: Path
) -> None:
    """The scripted model reads every sentence as it stands, and a negation as one."""
    monkeypatch.setenv("NEUROSCRIBE_HOME", str(study_home))
    asked = (
        "bench", "validity", "--families", "exact", "--per-family", "1", "--corpus", corpus,
        "--simulator", served.openai, "--strategy", "indexed", "--score-excerpts", "4",
    )  # fmt: skip
    refused = run(*asked, "--max-calls", "0")
    assert refused.code == 3
    answer = run(*asked, "--json")
    assert answer.code == 0, answer.out
    study = Validity.model_validate(answer.json)
    assert study.simulator != "pattern"
    negated = [f for f in study.overall if f.kind == "negation" and f.scorer == "simulation"]
    assert all(f.auroc == 1.0 for f in negated if f.auroc is not None)
    assert len(served.server.questions) > 0
    before = len(served.server.questions)
    assert run(*asked, "--json").code == 0
    assert len(served.server.questions) == before  # nothing is paid for twice
