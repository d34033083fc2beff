"""Conversations of the service: the same answers as the command line, answers that outlive."""

from __future__ import annotations

import asyncio
import sqlite3
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from agent.chat.planner import Planner
from agent.chat.session import Chat
from core.errors import BudgetReached, JobState, NotStored
from core.settings import load_settings
from neuroscribe.serving import answering as answering_module
from neuroscribe.serving.allowances import within
from neuroscribe.serving.answering import Answering
from neuroscribe.serving.desk import LocalDesk
from neuroscribe.serving.talks import LocalTalks
from neuroscribe.serving.worker import Worker
from neuroscribe.sweeping import SweepOptions
from neuroscribe.workspace import CorpusChoice, Workspace
from service.auth import ANYBODY, Caller
from service.conversations import Begun, ChatBody, ChatEvent, DecideBody, Voice
from service.problems import ServiceError
from storage import Store
from storage.conversations import SpeakerChoice
from tests.neuroscribe.conftest import Ran

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "service"))

Run = Callable[..., Ran]
ADA, EVE = Caller("aaaa", "run"), Caller("bbbb", "run", max_calls=5)
NOBODY = "there is no conversation"


@pytest.fixture
def workspace(shared_home: Path, own_home: Path) -> Workspace:
    """An empty store beside activations that were collected before."""
    own_home.mkdir()
    (shared_home / "indexes").mkdir(exist_ok=True, parents=True)
    (own_home / "indexes").symlink_to(shared_home / "indexes")
    return Workspace(load_settings())


@pytest.fixture
def store(workspace: Workspace) -> Iterator[Store]:
    with workspace.store() as opened:
        yield opened


@pytest.fixture
def desk(workspace: Workspace, store: Store, corpus: Path) -> LocalDesk:
    return LocalDesk(workspace, store, CorpusChoice(str(corpus)))


def held(desk: LocalDesk, talk: Callable[[LocalTalks], Awaitable[Any]]) -> Any:
    """What ``talk`` comes to, in the service's own loop."""

    async def go() -> Any:
        async with desk:
            return await talk(desk.talks)

    return asyncio.run(go())


async def ended(talks: LocalTalks, begun: Begun, caller: Caller = ANYBODY) -> list[ChatEvent]:
    """Everything that happened in an answering."""
    assert begun.turn is not None
    seen: list[ChatEvent] = []
    while not seen or seen[-1].kind != "end":
        found = await talks.heard(begun.thread, caller, begun.turn, len(seen), 60)
        assert found
        seen += found
    return seen


async def asked(talks: LocalTalks, text: str, caller: Caller = ANYBODY, **body: Any) -> Any:
    """How a question ended."""
    begun = await talks.say(ChatBody(text=text, **body), caller, None)
    return (await ended(talks, begun, caller))[-1].data


def test_command_line_and_service_hold_the_same_conversations(
    run: Run, desk: LocalDesk, corpus: Path
) -> None:
    said = run("chat", "--corpus", corpus, "--json", "-m", "help", "--thread", "both").json

    async def talk(talks: LocalTalks) -> Any:
        (line,) = await talks.all(ANYBODY, 10)
        assert (line.thread, line.title, line.state) == ("both", "help", "answered")
        return await asked(talks, "run 'the cat' on demo-tiny/mlp.0/1", thread="both")

    end = held(desk, talk)
    assert said["answer"]["text"] != end["answer"]["text"]
    listed = run("chat", "--list", "--json").json["threads"]
    assert [(t["thread"], t["questions"]) for t in listed] == [("both", 2)]


def test_what_is_allowed_is_done_as_a_job_that_can_be_followed(
    desk: LocalDesk, workspace: Workspace, store: Store
) -> None:
    worker = Worker(workspace, store)
    desk.worker = worker

    async def talk(talks: LocalTalks) -> Any:
        waiting = await asked(talks, "explain planted/exact/3", ADA, thread="t")
        assert waiting["state"] == "waiting"
        assert store.jobs.newest(5) == []
        begun = await talks.decide("t", DecideBody(allow=True), ADA)
        events = await ended(talks, begun, ADA)
        shown = await talks.one("t", ADA)
        assert (shown.state, shown.turn, shown.waiting) == ("answered", None, [])
        again = await asked(talks, "explain planted/exact/3", ADA, thread="t")
        assert again["state"] == "answered"
        return events

    events = held(desk, talk)
    kinds = [e.kind for e in events]
    assert kinds[0] == "call"
    assert "step" in kinds
    assert kinds[-3:] == ["result", "piece", "end"]
    assert "planted/exact/3: explained" in events[-1].data["answer"]["text"]
    (job,) = store.jobs.newest(5)
    assert (job.owner, job.engine, job.state) == ("aaaa", "service", "done")


def test_a_sweep_is_a_job_of_the_service(desk: LocalDesk, store: Store) -> None:
    async def talk(talks: LocalTalks) -> Any:
        await asked(talks, "explain the layer planted/word units 0-2", ADA, thread="t")
        begun = await talks.decide("t", DecideBody(allow=True), ADA)
        return (await ended(talks, begun, ADA))[-1].data

    end = held(desk, talk)
    (job,) = store.jobs.newest(5)
    assert end["answer"]["cited"] == [f"job {job.id}"]
    assert (job.owner, job.engine) == ("aaaa", "service")


def test_an_answer_that_a_stop_cuts_short_is_gone_on_with(
    desk: LocalDesk, workspace: Workspace, store: Store, corpus: Path
) -> None:
    """The job that it waits for is done by nobody, until the service is started again."""

    async def first(talks: LocalTalks) -> None:
        await asked(talks, "explain planted/exact/5", thread="t")
        begun = await talks.decide("t", DecideBody(allow=True), ANYBODY)
        assert (await talks.one("t", ANYBODY)).turn == begun.turn
        while not store.jobs.newest(1):
            await asyncio.sleep(0.05)
        await talks.close(0.1)
        assert (await ended(talks, begun))[-1].data["problem"]["code"] == "stopped"

    held(desk, first)
    again = LocalDesk(workspace, store, CorpusChoice(str(corpus)), Worker(workspace, store))

    async def later(talks: LocalTalks) -> Any:
        shown = await talks.one("t", ANYBODY)
        assert (shown.state, shown.turn) == ("interrupted", None)
        with pytest.raises(JobState, match="nothing waits"):
            await talks.decide("t", DecideBody(allow=True), ANYBODY)
        return (await ended(talks, await talks.go_on("t", Voice(), ANYBODY)))[-1].data

    end = held(again, later)
    assert "planted/exact/5: explained" in end["answer"]["text"]
    assert len(store.jobs.newest(5)) == 1


def test_the_same_key_is_the_same_question(desk: LocalDesk, store: Store) -> None:
    async def talk(talks: LocalTalks) -> None:
        body = ChatBody(text="help")
        begun = await talks.say(body, ADA, "k")
        joined = await talks.say(body, ADA, "k")
        assert joined == begun
        await ended(talks, begun, ADA)
        assert (await talks.say(body, ADA, "k")).thread == begun.thread
        other = await talks.say(body, EVE, "k")
        assert other.thread != begun.thread
        await ended(talks, other, EVE)
        with pytest.raises(ServiceError) as refused:
            await talks.say(ChatBody(text="something else"), ADA, "k")
        assert refused.value.code == "idempotency_key_reused"
        (line,) = await talks.all(ADA, 10)
        assert line.questions == 1

    held(desk, talk)


def test_conversations_belong_to_their_key(desk: LocalDesk) -> None:
    async def talk(talks: LocalTalks) -> None:
        await asked(talks, "help", ADA, thread="same")
        for work in (
            talks.one("same", EVE),
            talks.stop("same", EVE),
            talks.forget("same", EVE),
            talks.decide("same", DecideBody(allow=True), EVE),
        ):
            with pytest.raises(NotStored, match=NOBODY):
                await work
        await talks.forget("same", ADA)
        with pytest.raises(NotStored, match=NOBODY):
            await talks.one("same", ADA)
        assert await talks.all(ADA, 10) == []

    held(desk, talk)


def test_a_conversation_is_there_as_soon_as_it_was_begun(desk: LocalDesk) -> None:
    """The page that is led to from the form would not be found otherwise."""

    async def talk(talks: LocalTalks) -> None:
        begun = await talks.say(ChatBody(text="help"), ADA, None)
        assert (await talks.one(begun.thread, ADA)).title == "help"
        await ended(talks, begun, ADA)

    held(desk, talk)


def test_what_is_kept_of_a_conversation_grows_with_it_and_no_faster(
    desk: LocalDesk, workspace: Workspace
) -> None:
    async def talk(talks: LocalTalks) -> None:
        for _ in range(3):
            await asked(talks, "help", ADA, thread="t")
        assert len((await talks.one("t", ADA)).said) == 6

    held(desk, talk)
    with closing(sqlite3.connect(workspace.settings.checkpoints)) as kept:
        assert kept.execute("SELECT count(*) FROM checkpoints").fetchone() == (1,)


def test_nothing_follows_the_end_of_an_answer(desk: LocalDesk) -> None:
    """Who asks beyond it is told so: told of no events, a stream would ask again without end."""

    async def talk(talks: LocalTalks) -> None:
        begun = await talks.say(ChatBody(text="help"), ADA, None)
        assert begun.turn is not None
        events = await ended(talks, begun, ADA)
        for after in (len(events), 10**8):
            assert await talks.heard(begun.thread, ADA, begun.turn, after, 0) is None
        assert await talks.heard(begun.thread, ADA, begun.turn, len(events) - 1, 0)

    held(desk, talk)


def test_one_answer_at_a_time_and_not_too_many(
    desk: LocalDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(answering_module, "MOST_AT_ONCE", 1)

    async def talk(talks: LocalTalks) -> None:
        await asked(talks, "explain planted/exact/6", thread="t")
        begun = await talks.decide("t", DecideBody(allow=True), ANYBODY)
        for thread, status, code in (("t", 409, "conversation_busy"), ("u", 503, "queue_full")):
            with pytest.raises(ServiceError) as refused:
                await talks.say(ChatBody(text="help", thread=thread), ANYBODY, None)
            assert (refused.value.status, refused.value.code) == (status, code)
        await talks.stop("t", ANYBODY)
        assert (await talks.one("t", ANYBODY)).state in ("interrupted", "waiting")
        assert (await ended(talks, begun))[-1].kind == "end"
        assert (await asked(talks, "help", thread="u"))["state"] == "answered"

    held(desk, talk)


def test_what_happens_after_the_end_changes_nothing() -> None:
    """Tools run in threads, and may tell of a step when nobody waits any more."""

    async def scene() -> list[str]:
        answering = Answering()
        answering.start(asyncio.sleep(9))
        await answering.stop()  # before it began
        answering.happen("step", {"said": "late"})
        assert answering.ended
        late = Answering()
        await late.stop()
        late.start(asyncio.sleep(9))
        assert late.ended
        return [e.kind for e in answering.events]

    assert asyncio.run(scene()) == ["end"]


def test_an_answer_that_ends_while_it_is_looked_at_is_shown_or_to_be_followed(
    desk: LocalDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It ends between the reading of what was said and the telling of it."""
    said, speaks = Chat.said, Planner.say

    async def talk(talks: LocalTalks) -> None:
        read = asyncio.Event()

        async def waits(*given: Any) -> Any:
            await read.wait()
            return await speaks(*given)

        async def slowly(chat: Chat, thread: str) -> Any:
            found = await said(chat, thread)
            read.set()
            await ended(talks, begun, ADA)
            return found

        monkeypatch.setattr(Planner, "say", waits)
        monkeypatch.setattr(Chat, "said", slowly)
        begun = await talks.say(ChatBody(text="help"), ADA, None)
        shown = await talks.one(begun.thread, ADA)
        answered = any(s.role == "assistant" for s in shown.said)
        assert answered or shown.turn == begun.turn

    held(desk, talk)


def test_what_is_forgotten_while_it_begins_stays_forgotten(desk: LocalDesk) -> None:
    async def talk(talks: LocalTalks) -> None:
        await asked(talks, "a secret", ADA, thread="t")
        said, _ = await asyncio.gather(
            talks.say(ChatBody(text="more", thread="t"), ADA, None), talks.forget("t", ADA)
        )
        assert said.turn is not None
        assert await talks.all(ADA, 10) == []
        assert await talks.heard("t", ADA, said.turn, 0, 0) is None

    held(desk, talk)


def test_two_requests_of_one_key_at_one_moment_are_one(desk: LocalDesk) -> None:
    async def talk(talks: LocalTalks) -> None:
        body = ChatBody(text="help")
        first, second = await asyncio.gather(talks.say(body, ADA, "k"), talks.say(body, ADA, "k"))
        assert first == second
        await ended(talks, first, ADA)

    held(desk, talk)


@pytest.mark.parametrize("name", ["openai:m", "openai:m@http://localhost:1/v1", "vllm:m"])
@pytest.mark.parametrize("role", ["model", "explainer", "simulator"])
def test_models_that_are_not_allowed_are_not_opened(desk: LocalDesk, name: str, role: str) -> None:
    async def talk(talks: LocalTalks) -> None:
        with pytest.raises(ServiceError) as refused:
            await talks.say(ChatBody.model_validate({"text": "x", role: name}), ADA, None)
        assert refused.value.code == "model_not_allowed"
        assert await talks.all(ADA, 10) == []

    held(desk, talk)


def test_no_folder_can_be_made_a_subject_by_its_name(
    desk: LocalDesk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "private-model").mkdir()
    (tmp_path / "private-model" / "config.json").write_text("{}")
    monkeypatch.chdir(tmp_path)

    async def talk(talks: LocalTalks) -> list[str]:
        asked_for = [
            "run 'the cat' on private-model/mlp.0/1",
            "explain private-model/mlp.0/1",
            "ablate private-model/mlp.0/1 after 'the cat'",
            "compare private-model/mlp.0/1 and private-model/mlp.0/2",
            "explain the layer private-model/mlp.0 units 0-2",
            "score 'Fires 10/10 on digits.' as an explanation of private-model/mlp.0/1",
        ]
        return [(await asked(talks, text))["answer"]["text"] for text in asked_for]

    for said in held(desk, talk):
        assert "(unknown_subject)" in said
        assert "known: demo" in said


def test_a_layer_is_not_collected_unasked(desk: LocalDesk) -> None:
    async def talk(talks: LocalTalks) -> Any:
        return await asked(talks, "explain the layer demo-lstm/cellstate.0")

    end = held(desk, talk)
    assert "(index_missing)" in end["answer"]["text"]


def test_what_conversations_cost_counts_towards_the_key(store: Store) -> None:
    alone = SpeakerChoice()
    store.conversations.begin("t", EVE.name, "x", alone)
    store.conversations.end("t", EVE.name, "answered", 0.0, 3)
    assert within(store, EVE, SweepOptions(max_calls=9)).max_calls == 2
    store.conversations.end("t", EVE.name, "answered", 0.0, 2)
    with pytest.raises(BudgetReached):
        within(store, EVE, SweepOptions())
