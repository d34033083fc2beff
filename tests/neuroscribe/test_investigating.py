"""Investigations on a real index: what they may read, what they put away, what is left of it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.errors import StorageError
from core.ids import UnitId
from core.settings import Settings
from neuroscribe.explaining import ExplainRequest, explain_unit
from neuroscribe.investigating import investigator
from neuroscribe.laboratory import laboratory, unseen
from neuroscribe.models import Spending
from neuroscribe.workspace import CorpusChoice, Workspace
from storage import open_store
from tests.neuroscribe.conftest import Ran

Run = Callable[..., Ran]


def request(corpus: Path, unit: str, **given: Any) -> ExplainRequest:
    return ExplainRequest(UnitId.parse(unit), corpus=CorpusChoice(str(corpus)), **given)


@pytest.fixture
def workspace(home: Path) -> Workspace:
    """The shared home, without what investigations of other tests left when they were stopped."""
    opened = Workspace(Settings())
    with opened.store() as store, store.engine.begin() as link:
        link.exec_driver_sql("DELETE FROM run_notes")
    for file in opened.settings.home.glob("checkpoints.db*"):
        file.unlink()
    return opened


def left(workspace: Workspace) -> tuple[int, int]:
    """How many notes and how many checkpoints are kept."""
    import sqlite3

    with workspace.store() as store, store.engine.connect() as link:
        notes = link.exec_driver_sql("SELECT COUNT(*) FROM run_notes").scalar_one()
    held = sqlite3.connect(workspace.settings.checkpoints)
    try:
        kept = held.execute("SELECT COUNT(*) FROM checkpoints").fetchone()[0]
        return notes, kept + held.execute("SELECT COUNT(*) FROM writes").fetchone()[0]
    finally:
        held.close()


# what may be read


def test_unseen_text_is_of_the_explain_split_and_shows_no_values(
    workspace: Workspace, corpus: Path
) -> None:
    index = workspace.index("planted", "after", CorpusChoice(str(corpus)))
    excerpts = unseen(index).excerpts
    split = dict(zip(index.windows.numbers.tolist(), index.windows.split.tolist(), strict=True))
    assert len(excerpts) > 100
    assert {split[number] for number in excerpts.windows.tolist()} == {0}
    assert excerpts.split == "explain"
    assert not excerpts.activations.any()
    shared = set(index.windows.random[0].tolist())
    assert not shared & set(excerpts.windows.tolist())
    evidence = index.evidence(UnitId("planted", "after", 0))
    others = {*evidence.select.pool.documents, *evidence.open_report("test").pool.documents}
    assert not others & set(excerpts.documents)


def test_a_laboratory_gives_what_the_index_measured(workspace: Workspace, corpus: Path) -> None:
    index = workspace.index("planted", "after", CorpusChoice(str(corpus)))
    unit = UnitId("planted", "after", 2)
    pool = index.evidence(unit).explain.pool
    asked = laboratory(index, unit)
    assert asked.table(pool.token_ids[:70]) == pytest.approx(pool.activations[:70], abs=1e-5)
    assert asked.runs == len({tuple(row) for row in pool.token_ids[:70].tolist()})
    text = "".join(pool.tokens[0])
    assert asked.encode(text), "text can be written for it"
    assert asked.decode(pool.token_ids[0].tolist()) == pool.tokens[0]


# what is put away


def test_nothing_is_left_of_a_run_that_is_stored(workspace: Workspace, corpus: Path) -> None:
    answer = explain_unit(workspace, request(corpus, "planted/after/4"))
    assert answer.document.experiments
    assert left(workspace) == (0, 0)


def test_a_run_that_was_killed_goes_on_and_leaves_nothing(
    workspace: Workspace, corpus: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from agent.explainers.pattern.explainer import PatternSession

    asked = request(corpus, "planted/after/5")
    real, calls = PatternSession.revise, []

    async def dies(self: PatternSession, *given: Any) -> Any:
        calls.append("revise")
        if len(calls) == 1:
            raise KeyboardInterrupt
        return await real(self, *given)

    proposed: list[str] = []
    propose = PatternSession.propose

    async def counted(self: PatternSession) -> Any:
        proposed.append("propose")
        return await propose(self)

    monkeypatch.setattr(PatternSession, "revise", dies)
    monkeypatch.setattr(PatternSession, "propose", counted)
    with pytest.raises(KeyboardInterrupt):
        explain_unit(workspace, asked)
    notes, kept = left(workspace)
    assert notes > 0
    assert kept > 0
    document = explain_unit(workspace, asked).document
    assert proposed == ["propose"], "what was done is not done again"
    assert left(workspace) == (0, 0)
    monkeypatch.setattr(PatternSession, "revise", real)
    whole = explain_unit(workspace, asked, fresh=True).document
    assert [e.text for e in whole.explanations] == [e.text for e in document.explanations]
    assert whole.experiments == document.experiments
    assert [s.value for s in whole.scores] == [s.value for s in document.scores]


def test_a_damaged_file_of_checkpoints_is_told_in_one_line(
    run: Run, own_home: Path, corpus: Path
) -> None:
    own_home.mkdir(parents=True)
    Path(Settings().checkpoints).write_bytes(b"no database" * 500)
    answer = run("explain", "planted/exact/1", "--corpus", corpus, "--json")
    assert (answer.code, answer.json["error"]["code"]) == (1, StorageError.code)
    assert "begin again" in answer.json["error"]["hint"]
    assert "\n" not in answer.json["error"]["message"]


@pytest.mark.parametrize("count", [2, pytest.param(4, marks=pytest.mark.slow)])
def test_units_are_investigated_at_the_same_time_as_if_alone(
    workspace: Workspace, corpus: Path, count: int
) -> None:
    asked = [request(corpus, f"planted/exact/{i}", seed=7) for i in range(count)]

    async def together() -> list[Any]:
        with workspace.store() as store:
            models = asked[0].models
            async with investigator(workspace, store, models, Spending()) as at_work:
                return list(
                    await asyncio.gather(
                        *(at_work.answer(r, key=r.key(workspace), fresh=True) for r in asked)
                    )
                )

    found = [answer.document for answer in asyncio.run(together())]
    for one, document in zip(asked, found, strict=True):
        alone = explain_unit(workspace, one, fresh=True).document
        assert alone.unit == document.unit == one.unit
        assert [e.text for e in alone.explanations] == [e.text for e in document.explanations]
        assert [s.value for s in alone.scores] == [s.value for s in document.scores]
        assert alone.experiments == document.experiments
    assert left(workspace) == (0, 0)


# the command


def test_the_document_tells_how_the_investigation_went(run: Run, home: Path, corpus: Path) -> None:
    asked = ("explain", "planted/after/1", "--corpus", corpus, "--json")
    document = run(*asked).json
    assert document["mode"] == "agent"
    names = [step["name"] for step in document["steps"]]
    assert names[:6] == ["propose", "choose", "design", "experiment", "revise", "choose"]
    assert names[-1] == "publish"
    ids = [e["id"] for e in document["experiments"]]
    assert document["explanations"][0]["provenance"]["experiments"] == ids
    trials = [t for e in document["experiments"] for t in e["trials"]]
    assert trials
    for trial in trials:
        assert 0 <= trial["position"] < len(trial["tokens"])
        assert trial["measured"] is not None
        assert trial["held"] in (True, False, None)
    assert [arm["name"] for arm in document["arms"]] == ["one_shot", "resampling", "paraphrase"]
    for arm in document["arms"]:
        assert {s["split"] for s in arm["scores"]} == {"report"}
        assert {g["mode"] for g in arm["gains"]} == {"top_and_random", "random_only", "corpus"}
    assert document["report_openings"] == 1, "the arms are scored on the same opening"
    again = run(*asked)
    assert again.json == document
    with open_store(f"sqlite:///{home / 'neuroscribe.db'}") as store:
        kept = store.experiments(document["run"])
    assert [e.id for e in kept] == ids
    shown = {e["id"]: len(e["trials"]) for e in document["experiments"]}
    assert all(len(e.input["trials"]) >= shown[e.id] for e in kept), "every text is stored"


def test_steps_are_told_where_they_are_asked_for(run: Run, home: Path, corpus: Path) -> None:
    asked = ("explain", "planted/after/3", "--corpus", corpus)
    told = run(*asked, "--mode", "agent", "--show-steps")
    assert told.code == 0
    for name in ("propose", "design", "experiment", "revise", "choose"):
        assert name in told.err
        assert name in told.out
    stored = run(*asked, "--show-steps")
    assert "stored answer" in stored.err
    assert "experiment " in stored.out
    assert "propose" not in run(*asked).out


def test_arms_can_be_left_out(run: Run, home: Path, corpus: Path) -> None:
    document = run("explain", "planted/after/6", "--corpus", corpus, "--no-arms", "--json").json
    assert document["arms"] == []
    assert "resample" not in [step["name"] for step in document["steps"]]


def test_one_shot_is_another_question(run: Run, home: Path, corpus: Path) -> None:
    asked = ("explain", "planted/after/3", "--corpus", corpus, "--json")
    agent = run(*asked).json
    alone = run(*asked, "--mode", "one-shot").json
    assert (agent["mode"], alone["mode"]) == ("agent", "one-shot")
    assert agent["run"] != alone["run"]
    assert (alone["experiments"], agent["experiments"] != []) == ([], True)
    assert [arm["name"] for arm in alone["arms"]] == ["paraphrase"]
    assert {step["name"] for step in alone["steps"]} <= {"propose", "choose", "divide", "publish"}
    assert run(*asked, "--mode", "one-shot").json["run"] == alone["run"]


def test_a_mode_that_is_none_is_refused_at_once(run: Run, home: Path, corpus: Path) -> None:
    answer = run("explain", "planted/after/3", "--corpus", corpus, "--mode", "nonsense", "--json")
    assert (answer.code, answer.json["error"]["code"]) == (2, "invalid_setting")
    assert "agent, one-shot" in answer.json["error"]["hint"]


def test_what_was_shown_can_be_read_again(run: Run, home: Path, corpus: Path) -> None:
    """The text around the judged token is that of the window, not of its decoded pieces."""
    document = run("explain", "planted/after/1", "--corpus", corpus, "--json").json
    pairs = [e for e in document["experiments"] if e["kind"] == "minimal_pair"]
    for trial in (t for e in pairs for t in e["trials"]):
        assert trial["before"] > 0
        assert np.isfinite(trial["measured"])
