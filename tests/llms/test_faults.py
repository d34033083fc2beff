"""Each fault of a server: how often it is asked, and what comes of it, with both real SDKs."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from shutil import copyfile

import pytest
from fake_faults import Fault
from fake_server import FakeServer, running

from core.errors import ModelError
from llms.budget import Budget
from llms.open import Options, open_model
from llms.protocol import ChatRequest, ChatResponse, Message, SlotRequest
from llms.wrappers.record import Recorder
from storage import Store, open_store

HELLO = ChatRequest(role="simulator", messages=(Message(role="user", text="Hello"),), max_tokens=8)


@pytest.fixture(scope="module")
def served() -> Iterator[tuple[FakeServer, str]]:
    server = FakeServer(key="k")
    with running(server) as url:
        yield server, url


@pytest.fixture
def server(served: tuple[FakeServer, str]) -> FakeServer:
    served[0].requests.clear()
    served[0].faults = ()
    return served[0]


@pytest.fixture
def store(tmp_path: Path, empty_file: Path) -> Iterator[Store]:
    file = copyfile(empty_file, tmp_path / "calls.db")
    with open_store(f"sqlite:///{file}") as store:
        yield store


@pytest.fixture(params=["openai", "anthropic"])
def name(
    request: pytest.FixtureRequest, served: tuple[FakeServer, str], monkeypatch: pytest.MonkeyPatch
) -> str:
    for variable in ("OPENAI_API_KEY", "ANTHROPIC_API_KEY"):
        monkeypatch.setenv(variable, "k")
    return f"{request.param}:tiny@{served[1]}" + "/v1" * (request.param == "openai")


def ask(
    store: Store, name: str, *, budget: Budget | None = None, run: str | None = None, times: int = 1
) -> ChatResponse:
    async def go() -> ChatResponse:
        options = Options(first_wait=0.001, timeout=5, attempts=3, run=run)
        model = open_model(name, Recorder(store), budget or Budget(), options)
        try:
            answers = await asyncio.gather(*(model.chat(HELLO) for _ in range(times)))
            return answers[-1]
        finally:
            await model.close()

    return asyncio.run(go())


PASSING = [
    Fault("rate_limit", retry_after=0.01),
    Fault("server_error"),
    Fault("overloaded"),
    Fault("timeout"),
    Fault("gateway"),
    Fault("reset"),
    Fault("cut"),
    Fault("empty"),
]


@pytest.mark.parametrize("fault", PASSING, ids=lambda f: f.kind)
def test_what_may_pass_is_asked_again(
    server: FakeServer, store: Store, name: str, fault: Fault
) -> None:
    server.faults = [fault, fault]
    answer = ask(store, name)
    assert answer.attempts == 3
    assert len(server.requests) == 3
    assert store.calls()[0].attempts == 3
    assert store.calls()[0].status == "ok"


@pytest.mark.parametrize("fault", PASSING, ids=lambda f: f.kind)
def test_what_does_not_pass_is_an_error_after_the_last_attempt(
    server: FakeServer, store: Store, name: str, fault: Fault
) -> None:
    server.faults = lambda _: fault
    with pytest.raises(ModelError) as raised:
        ask(store, name)
    assert raised.value.code in ("model_unavailable", "answer_unusable")
    assert raised.value.attempts == len(server.requests) == 3
    kept = store.calls()[0]
    assert (kept.status, kept.attempts, kept.response) == ("failed", 3, None)
    assert str(kept.error).startswith(raised.value.code)


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        (Fault("quota"), ("model_unavailable", "request_rejected")),
        (Fault("too_long"), ("context_too_long",)),
        (Fault("server_error", should_retry=False), ("model_unavailable",)),
    ],
    ids=["quota", "too_long", "should_not_retry"],
)
def test_what_will_stay_is_asked_once(
    server: FakeServer, store: Store, name: str, fault: Fault, code: tuple[str, ...]
) -> None:
    server.faults = lambda _: fault
    with pytest.raises(ModelError) as raised:
        ask(store, name)
    assert raised.value.code in code
    assert len(server.requests) == 1


def test_a_wrong_key_and_an_unknown_model_are_asked_once(
    server: FakeServer, store: Store, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ModelError) as unknown:
        ask(store, name.replace("tiny", "other"))
    assert unknown.value.code == "unknown_model"
    for variable in ("OPENAI_API_KEY", "ANTHROPIC_API_KEY"):
        monkeypatch.setenv(variable, "wrong")
    with pytest.raises(ModelError) as refused:
        ask(store, name)
    assert refused.value.code == "model_key_refused"
    assert len(server.requests) == 2


def test_nobody_listening_is_an_error_with_the_address(store: Store, name: str) -> None:
    nobody = name.split("@")[0] + "@http://127.0.0.1:9/v1"
    with pytest.raises(ModelError) as raised:
        ask(store, nobody)
    assert raised.value.code == "model_unavailable"
    assert "127.0.0.1:9" in raised.value.message
    assert raised.value.attempts == 3


def test_a_server_that_is_slow_beyond_the_timeout_is_given_up(
    server: FakeServer, store: Store, name: str
) -> None:
    server.faults = lambda _: Fault("slow", delay=1.0)

    async def go() -> None:
        options = Options(first_wait=0.001, timeout=0.2, attempts=2)
        model = open_model(name, Recorder(store), Budget(), options)
        try:
            await model.chat(HELLO)
        finally:
            await model.close()

    with pytest.raises(ModelError) as raised:
        asyncio.run(go())
    assert (raised.value.code, raised.value.attempts) == ("model_unavailable", 2)


def test_a_refusal_is_an_answer_kept_for_its_own_run(
    server: FakeServer, store: Store, name: str
) -> None:
    server.faults = [Fault("refusal")]
    assert ask(store, name, run="one").finish == "refused"
    assert ask(store, name, run="one").cached
    assert len(server.requests) == 1
    assert ask(store, name, run="two").finish != "refused"
    assert len(server.requests) == 2


def test_the_same_question_is_asked_once_at_a_time_and_once_ever(
    server: FakeServer, store: Store, name: str
) -> None:
    server.latency = 0.05
    ask(store, name, times=20)
    ask(store, name, times=3)
    server.latency = 0.0
    assert len(server.requests) == 1
    assert len(store.calls()) == 1


def test_lost_log_probabilities_leave_places_missing_not_wrong(
    server: FakeServer,
    store: Store,
    served: tuple[FakeServer, str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "k")
    request = SlotRequest(
        role="simulator",
        segments=("one\t", "\ntwo\t", "\nthree\t", "\n"),
        filler="unknown",
        candidates=tuple("0123456789"),
    )

    async def go(without: tuple[str, ...]) -> tuple[dict[str, float], ...]:
        server.without = without
        name = f"openai:tiny@{served[1]}/v1"
        options = Options(first_wait=0.001, attempts=2, reuse=False)
        model = open_model(name, Recorder(store), Budget(), options)
        try:
            return (await model.slots(request)).slots
        finally:
            await model.close()
            server.without = ()

    by_id, by_echo = asyncio.run(go(())), asyncio.run(go(("/tokenize",)))
    assert [set(slot) for slot in by_id] == [set(slot) for slot in by_echo]
    for one, other in zip(by_id, by_echo, strict=True):
        assert one == pytest.approx(other, abs=1e-4)
    server.faults = lambda _: Fault("lost_logprobs", lost=4)
    assert asyncio.run(go(())) == ({}, {}, {})
    assert asyncio.run(go(("/tokenize",))) == ({}, {}, {})
