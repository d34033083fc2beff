"""``neuroscribe explain``: the answer, its JSON, its page, and that it is computed once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from storage import open_store
from tests.neuroscribe.conftest import Ran

Run = Callable[..., Ran]

SCORE_KEYS = {
    "explanation_id", "scorer", "simulator", "calibration", "mode", "split", "value", "low", "high",
    "n_excerpts", "n_tokens", "status", "reason", "null_mean", "null_p95", "token_list_equal",
    "token_list_50", "token_table", "oracle",
}  # fmt: skip
SHORT = ("--mode", "one-shot", "--no-arms", "--json")
"""For what has nothing to do with experiments."""


def test_a_planted_unit_is_explained_by_its_truth(run: Run, home: Path, corpus: Path) -> None:
    answer = run("explain", "planted/exact/0", "--corpus", corpus, "--json")
    assert answer.code == 0
    document = answer.json
    assert document["verdict"] == "explained"
    assert document["explanations"][0]["text"] == document["profile"]["truth"]["pattern"]
    scores = {s["mode"]: s for s in document["scores"] if s["scorer"] == "simulation"}
    assert set(scores) == {"top_and_random", "random_only", "corpus", "hard_negatives"}
    for score in scores.values():
        assert set(score) >= SCORE_KEYS
        assert score["split"] == "report"
        assert score["value"] == pytest.approx(score["oracle"], abs=0.02)
        assert score["low"] - 1e-9 <= score["value"] <= score["high"] + 1e-9
        assert score["null_p95"] < score["value"]


def test_the_json_holds_the_promised_keys(run: Run, home: Path, corpus: Path) -> None:
    document = run("explain", "planted/exact/0", "--corpus", corpus, "--json").json
    assert {"unit", "verdict", "explanations", "scores", "usage", "seconds"} <= set(document)
    assert {"id", "text", "polarity", "share", "method", "version", "provenance"} <= set(
        document["explanations"][0]
    )
    assert set(document["usage"]) == {"requests", "input_tokens", "output_tokens", "usd"}


def test_the_second_call_is_answered_from_the_store(run: Run, home: Path, corpus: Path) -> None:
    asked = ("explain", "planted/word/1", "--corpus", corpus, *SHORT)
    first, second = run(*asked).json, run(*asked).json
    assert second == first
    assert second["report_openings"] == 1


def test_fresh_recomputes_and_counts_another_look_at_report(
    run: Run, home: Path, corpus: Path
) -> None:
    asked = ("explain", "planted/word/2", "--corpus", corpus, *SHORT)
    first, again = run(*asked).json, run(*asked, "--fresh").json
    assert again["explanations"][0]["text"] == first["explanations"][0]["text"]
    assert again["explanations"][0]["version"] == first["explanations"][0]["version"] + 1
    assert again["report_openings"] == first["report_openings"] + 1
    with open_store(f"sqlite:///{home / 'neuroscribe.db'}") as store:
        from core.ids import UnitId

        assert len(store.explanations(UnitId("planted", "word", 2))) == 2


def test_another_seed_never_moves_a_document(run: Run, home: Path, corpus: Path) -> None:
    one, two = (
        run("explain", "planted/word/3", "--corpus", corpus, *SHORT, "--seed", seed).json
        for seed in ("1", "2")
    )
    shown = [
        {(e["split"], e["document"]) for e in d["profile"]["excerpts"] if e["kind"] == "top"}
        for d in (one, two)
    ]
    assert shown[0] == shown[1]


def test_one_shot_runs_no_experiment(run: Run, home: Path, corpus: Path) -> None:
    asked = ("explain", "planted/exact/0", "--corpus", corpus, "--json")
    with_tests = run(*asked).json
    without = run(*asked, "--mode", "one-shot").json
    assert (with_tests["mode"], without["mode"]) == ("agent", "one-shot")
    assert with_tests["experiments"]
    assert without["experiments"] == []
    assert [arm["name"] for arm in with_tests["arms"]] == ["one_shot", "resampling", "paraphrase"]
    assert [arm["name"] for arm in without["arms"]] == ["paraphrase"]


def test_real_and_simulated_values_stand_together(run: Run, home: Path, corpus: Path) -> None:
    document = run("explain", "planted/exact/0", "--corpus", corpus, "--json").json
    beside = [e for e in document["profile"]["excerpts"] if e["simulated"] is not None]
    assert beside
    for excerpt in beside:
        assert excerpt["split"] == "report"
        assert len(excerpt["tokens"]) == len(excerpt["activations"]) == len(excerpt["simulated"])


def test_a_dead_unit_is_a_result_not_an_error(run: Run, home: Path, corpus: Path) -> None:
    answer = run("explain", "planted/dead/0", "--corpus", corpus, "--json")
    assert answer.code == 0
    assert answer.json["verdict"] == "dead"
    assert answer.json["explanations"] == answer.json["scores"] == []
    assert answer.json["report_openings"] == 0


def test_noise_is_not_explained(run: Run, home: Path, corpus: Path) -> None:
    document = run("explain", "planted/noise/0", "--corpus", corpus, "--json").json
    assert document["verdict"] == "abstained"
    assert document["reason"]


def test_people_get_the_sentence_the_figures_and_the_baselines(
    run: Run, home: Path, corpus: Path
) -> None:
    answer = run("explain", "planted/exact/0", "--corpus", corpus)
    assert answer.code == 0
    for word in ("planted/exact/0", "explained", "Fires", "null", "list"):
        assert word in answer.out


def test_html_is_one_file_that_fetches_nothing(
    run: Run, home: Path, corpus: Path, tmp_path: Path
) -> None:
    page = tmp_path / "unit.html"
    assert run("explain", "planted/exact/0", "--corpus", corpus, "--html", page).code == 0
    text = page.read_text(encoding="utf-8")
    assert "planted/exact/0" in text
    assert "Content-Security-Policy" in text
    assert "src=" not in text
    assert "<link" not in text


@pytest.mark.slow
def test_all_scorers_explain_the_output_side_and_edit_the_model(
    run: Run, home: Path, corpus: Path
) -> None:
    asked = ("explain", "demo-tiny/mlp.1/3", "--corpus", corpus, "--scorers", "all", "--json")
    answer = run(*asked)
    assert answer.code == 0
    document = answer.json
    if not document["explanations"]:
        pytest.skip(f"nothing was said of this unit: {document['reason']}")
    sides = [e["side"] for e in document["explanations"]]
    assert sides[0] == "input"
    ablation = [s for s in document["scores"] if s["scorer"] == "ablation"]
    assert [s["measure"] for s in ablation] == ["divergence_explained"]
    output = [e for e in document["explanations"] if e["side"] == "output"]
    for explanation in output:
        assert explanation["text"].startswith("Promotes ")
        (score,) = [s for s in document["scores"] if s["explanation_id"] == explanation["id"]]
        assert (score["scorer"], score["mode"]) == ("intervention", "random_only")
        assert score["low"] <= score["value"] <= score["high"]
        assert score["null_units"] > 0
    assert run(*asked).json["scores"] == document["scores"]


def test_a_subject_without_output_has_no_output_side(run: Run, home: Path, corpus: Path) -> None:
    answer = run(
        "explain", "planted/exact/0", "--corpus", corpus, "--scorers", "ablation,intervention",
        "--json",
    )  # fmt: skip
    document = answer.json
    assert [e["side"] for e in document["explanations"]] == ["input"]
    (ablation,) = [s for s in document["scores"] if s["scorer"] == "ablation"]
    assert (ablation["value"], ablation["status"]) == (None, "undefined")
    assert "planted" in ablation["reason"]
