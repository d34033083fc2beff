"""The graph does what the plain loop does, and goes on wherever it was killed."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from made_up import Made, before, made, on
from mortal import Counted, Fragile, Killed, Mortal

from agent import graph as graphs
from agent.checkpoints import checkpoints
from agent.experiments import Experiment
from agent.explainers.pattern import PatternExplainer
from agent.graph import Bench, State, build, forget, investigate_in
from agent.investigate import Work, investigate
from agent.notes import MemoryNotes, put_away, take_up
from agent.setup import Investigation, Setup
from core.errors import StorageError
from core.ids import UnitId
from core.results import ARMS, Provenance

UNIT = UnitId("planted", "made", 0)
THREAD = "unit/0"
SMALL: dict[str, Any] = {
    "vocabulary": (" the", " cat", " dog", " sat", " on", ",", ".", "\n"),
    "windows": 240,
    "further": 100,
    "length": 12,
}
"""What is searched again and again."""


def one_sided() -> Made:
    return made(lambda g: on(g, " cat") & before(on(g, " the")), **SMALL)


def two_sided() -> Made:
    return made(lambda g: 2.0 * on(g, " cat") - 1.5 * on(g, " sat"), signed=True, **SMALL)


@pytest.fixture
def setup(provenance: Provenance) -> Setup:
    return Setup(PatternExplainer(), provenance, arms=ARMS, runs=100, scorers=())


def bench(unit: Made, setup: Setup, kind: type[Bench] = Bench, **given: Any) -> Any:
    ready = replace(setup, laboratory=unit.laboratory())
    return kind(UNIT, unit.evidence(), ready, **given)


def run_in(path: Path, at: Bench, thread: str = THREAD) -> Investigation:
    """One process: opens the checkpoints, runs, closes them."""

    async def go() -> Investigation:
        async with checkpoints(str(path)) as kept:
            return await investigate_in(build(kept), at, thread)

    return asyncio.run(go())


def plainly(unit: Made, setup: Setup) -> Investigation:
    return investigate(UNIT, unit.evidence(), replace(setup, laboratory=unit.laboratory()))


@pytest.mark.parametrize("make", [one_sided, two_sided])
def test_the_graph_gives_what_the_loop_gives(
    make: Callable[[], Made], setup: Setup, tmp_path: Path
) -> None:
    found = run_in(tmp_path / "kept.db", bench(make(), setup))
    assert found == plainly(make(), setup)
    assert {e.polarity for e in found.explanations} == (
        {"positive"} if make is one_sided else {"positive", "negative"}
    )


def test_a_graph_without_checkpoints_does_the_same(setup: Setup) -> None:
    unit = one_sided()
    found = asyncio.run(investigate_in(build(), bench(unit, setup), THREAD))
    assert found == plainly(unit, setup)


def test_one_shot_and_nothing_at_all_go_through_the_graph(setup: Setup, tmp_path: Path) -> None:
    unit = one_sided()
    at = Bench(UNIT, unit.evidence(), setup)
    assert run_in(tmp_path / "kept.db", at) == investigate(UNIT, unit.evidence(), setup)
    dead = replace(
        unit.evidence(),
        statistics=replace(unit.evidence().statistics, variance=0.0, maximum=0.0),
    )
    assert run_in(tmp_path / "kept.db", Bench(UNIT, dead, setup), "other").verdict == "dead"


def test_steps_are_told_once_by_whoever_made_them(setup: Setup, tmp_path: Path) -> None:
    told: list[str] = []

    def tell(step: Any) -> None:
        told.append(f"{step.polarity} {step.name}")

    at = bench(two_sided(), setup, Mortal, dies_before=6, told=tell)
    with pytest.raises(Killed):
        run_in(tmp_path / "kept.db", at)
    again = bench(two_sided(), setup, notes=at.notes, told=tell)
    found = run_in(tmp_path / "kept.db", again)
    assert told == [f"{step.polarity} {step.name}" for step in found.steps]


@pytest.mark.parametrize(("make", "first", "steps"), [(one_sided, 0, 9), (two_sided, 7, 17)])
def test_killed_before_any_step_it_goes_on_and_does_every_step_once(
    make: Callable[[], Made], first: int, steps: int, setup: Setup, tmp_path: Path
) -> None:
    unit = make()
    whole = Counted()
    expected = plainly(unit, replace(setup, explainer=whole))
    for k in range(first, steps):
        path, counted = tmp_path / f"{k}.db", Counted()
        mine = replace(setup, explainer=counted)
        at = bench(unit, mine, Mortal, dies_before=k)
        with pytest.raises(Killed):
            run_in(path, at)
        found = run_in(path, bench(unit, mine, notes=at.notes))
        assert found == expected, k
        assert counted.asked == whole.asked, k
    alive = bench(unit, setup, Mortal)
    run_in(tmp_path / "alive.db", alive)
    assert alive.begun == steps, "there is no further step to be killed before"


def test_killed_between_note_and_checkpoint_it_makes_the_step_again(
    setup: Setup, tmp_path: Path
) -> None:
    unit = one_sided()
    expected = plainly(unit, setup)
    for k in range(1, 9):
        path, notes = tmp_path / f"{k}.db", Fragile(dies_after=k)
        with pytest.raises(Killed):
            run_in(path, bench(unit, setup, notes=notes))
        assert run_in(path, bench(unit, setup, notes=notes)) == expected, k


def test_killed_at_every_step_it_still_comes_to_its_end(setup: Setup, tmp_path: Path) -> None:
    unit, notes, counted = one_sided(), MemoryNotes(), Counted()
    mine = replace(setup, explainer=counted)
    for _ in range(9):
        with pytest.raises(Killed):
            run_in(tmp_path / "kept.db", bench(unit, mine, Mortal, dies_before=1, notes=notes))
        if counted.asked["resample"]:
            break
    assert run_in(tmp_path / "kept.db", bench(unit, mine, notes=notes)) == plainly(unit, setup)
    assert set(counted.asked.values()) == {1}


def test_killed_after_its_last_step_only_the_scores_are_made_again(
    setup: Setup, tmp_path: Path
) -> None:
    unit, counted = one_sided(), Counted()
    mine = replace(setup, explainer=counted)
    at = bench(unit, mine)
    first = run_in(tmp_path / "kept.db", at)
    assert run_in(tmp_path / "kept.db", bench(unit, mine, notes=at.notes)) == first
    assert (counted.asked["propose"], counted.asked["paraphrase"]) == (1, 2)


# what an older version or a cleaner left


def test_checkpoints_of_another_version_are_begun_again(
    setup: Setup, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    unit, counted = one_sided(), Counted()
    mine = replace(setup, explainer=counted)
    at = bench(unit, mine, Mortal, dies_before=4)
    with pytest.raises(Killed):
        run_in(tmp_path / "kept.db", at)
    at.notes.values = {name: {"of": "another version"} for name in at.notes.values}
    monkeypatch.setattr(graphs, "VERSION", graphs.VERSION + 1)
    found = run_in(tmp_path / "kept.db", bench(unit, mine, notes=at.notes))
    assert found == plainly(unit, setup)
    assert counted.asked["propose"] == 2


@pytest.mark.parametrize("lost", ["all", "work", "experiments"])
def test_without_its_notes_an_investigation_begins_again(
    lost: str, setup: Setup, tmp_path: Path
) -> None:
    unit, counted = one_sided(), Counted()
    mine = replace(setup, explainer=counted)
    at = bench(unit, mine, Mortal, dies_before=5)
    with pytest.raises(Killed):
        run_in(tmp_path / "kept.db", at)
    kept = {
        name: value
        for name, value in at.notes.values.items()
        if lost != "all" and ("/p" in name) is (lost == "work")
    }
    assert len(kept) < len(at.notes.values)
    found = run_in(tmp_path / "kept.db", bench(unit, mine, notes=MemoryNotes(kept)))
    assert found == plainly(unit, setup)
    assert counted.asked["propose"] == 2


def test_notes_of_a_finished_side_may_be_lost_too(setup: Setup, tmp_path: Path) -> None:
    unit = two_sided()
    at = bench(unit, setup, Mortal, dies_before=16)
    with pytest.raises(Killed):
        run_in(tmp_path / "kept.db", at)
    kept = {n: v for n, v in at.notes.values.items() if not n.startswith("positive")}
    found = run_in(tmp_path / "kept.db", bench(unit, setup, notes=MemoryNotes(kept)))
    assert found == plainly(unit, setup)


def test_a_forgotten_thread_begins_again_whatever_notes_are_left(
    setup: Setup, tmp_path: Path
) -> None:
    """As when the file of checkpoints was moved away."""
    unit = one_sided()
    at = bench(unit, setup, Mortal, dies_before=5)
    with pytest.raises(Killed):
        run_in(tmp_path / "kept.db", at)
    at.notes.values = {name: {"stale": True} for name in at.notes.values}
    assert run_in(tmp_path / "new.db", bench(unit, setup, notes=at.notes)) == plainly(unit, setup)


# what is kept


def test_checkpoints_are_small_json(setup: Setup, tmp_path: Path) -> None:
    unit = two_sided()

    async def states() -> list[Any]:
        async with checkpoints(str(tmp_path / "kept.db")) as kept:
            graph = build(kept)
            await investigate_in(graph, bench(unit, setup), THREAD)
            config: Any = {"configurable": {"thread_id": THREAD}}
            return [held.values async for held in graph.aget_state_history(config)]

    def scalars(value: Any) -> bool:
        if isinstance(value, list):
            return all(type(item) is str for item in value)
        return value is None or type(value) in (str, int)

    found = asyncio.run(states())
    assert len(found) > 15
    for state in found:
        assert set(state) <= set(State.__annotations__)
        assert all(scalars(value) for value in state.values()), state
        assert json.loads(json.dumps(state)) == state
        assert len(json.dumps(state)) < 400


def test_a_forgotten_thread_leaves_nothing_behind(setup: Setup, tmp_path: Path) -> None:
    async def go() -> list[Any]:
        async with checkpoints(str(tmp_path / "kept.db")) as kept:
            graph = build(kept)
            await investigate_in(graph, bench(one_sided(), setup), THREAD)
            await forget(graph, THREAD)
            return [held async for held in kept.alist(None)]

    assert asyncio.run(go()) == []


def test_experiments_are_noted_once(setup: Setup) -> None:
    notes = MemoryNotes()
    one, two = (Experiment(kind="k", description="d", id=name) for name in ("p1", "p2"))
    first = Work(polarity="positive", experiments=(one,))
    second = Work(polarity="positive", experiments=(one, two), round=1)

    async def go() -> None:
        await put_away(notes, "a", first, None)
        await put_away(notes, "b", second, first)
        assert await take_up(notes, "a") == first
        assert await take_up(notes, "b") == second
        assert await take_up(notes, "c") is None

    asyncio.run(go())
    assert sorted(notes.values) == ["a", "b", "positive/p1", "positive/p2"]
    assert notes.values["b"]["experiments"] == ["positive/p1", "positive/p2"]


@pytest.mark.parametrize(
    "content", [b"no database at all" * 100, b"SQLite format 3\0" + b"x" * 4000]
)
def test_a_damaged_file_of_checkpoints_is_one_line(
    content: bytes, setup: Setup, tmp_path: Path
) -> None:
    path = tmp_path / "kept.db"
    path.write_bytes(content)
    with pytest.raises(StorageError) as raised:
        run_in(path, bench(one_sided(), setup))
    assert str(path) in raised.value.message
    assert "\n" not in raised.value.message
    assert "begin again" in (raised.value.hint or "")


def test_a_place_that_cannot_be_opened_is_one_line(setup: Setup, tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="cannot be used"):
        run_in(tmp_path / "no" / "folder" / "kept.db", bench(one_sided(), setup))


def test_a_database_server_that_cannot_be_reached_is_one_line(setup: Setup) -> None:
    pytest.importorskip("psycopg")
    pytest.importorskip("langgraph.checkpoint.postgres")

    async def go() -> None:
        async with checkpoints("postgresql://nobody:secret@127.0.0.1:9/none"):
            raise AssertionError("it was opened")

    with pytest.raises(StorageError) as raised:
        asyncio.run(go())
    assert "\n" not in raised.value.message
    assert "secret" not in raised.value.message


def test_many_investigations_share_one_file(setup: Setup, tmp_path: Path) -> None:
    units = {t: made(lambda g, t=t: on(g, t) + 0.0, **SMALL) for t in (" cat", " dog")}

    async def go() -> list[Investigation]:
        async with checkpoints(str(tmp_path / "kept.db")) as kept:
            graph = build(kept)
            asked = (
                investigate_in(graph, bench(unit, setup), f"{thread}/{copy}")
                for thread, unit in units.items()
                for copy in range(3)
            )
            return list(await asyncio.gather(*asked))

    found = asyncio.run(go())
    expected = [plainly(unit, setup) for unit in units.values()]
    assert found == [expected[0]] * 3 + [expected[1]] * 3
