"""What is put around a provider: limits that adapt, budgets that hold, a record that survives."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fake_answers import Answer, Call
from fake_server import FakeServer, running

from core.errors import BudgetReached, InvalidSetting, ModelUnavailable, UnsupportedRequest
from llms.budget import Budget
from llms.capabilities import capabilities_of
from llms.fake import FakeChatModel
from llms.gather import all_of
from llms.names import ModelName
from llms.open import Options, open_model
from llms.prices import price_of
from llms.protocol import ChatRequest, ChatResponse, Message, TokenUsage, Tool
from llms.providers.http import from_status
from llms.wrappers.limits import Gate, Limits
from llms.wrappers.record import Record, Recorder
from llms.wrappers.retry import Retry
from llms.wrappers.spend import Spend
from storage import open_store


def question(text: str = "Hello", **more: Any) -> ChatRequest:
    return ChatRequest(role="agent", messages=(Message(role="user", text=text),), **more)


def answer(tokens: int = 10) -> ChatResponse:
    usage = TokenUsage(input_tokens=tokens, output_tokens=tokens)
    return ChatResponse(model="m", usage=usage, text="yes", finish="stop")


def test_the_gate_halves_once_for_a_burst_and_recovers_slowly() -> None:
    gate = Gate(16)

    async def one(fails: bool) -> None:
        async with gate.slot():
            await asyncio.sleep(0.001)
            if fails:
                raise ModelUnavailable("slow down", rate_limited=True)

    async def burst(count: int, fails: bool) -> None:
        await asyncio.gather(*(one(fails) for _ in range(count)), return_exceptions=True)

    asyncio.run(burst(16, True))
    assert gate.limit == 8
    asyncio.run(burst(8, False))
    assert 8 < gate.limit < 10
    asyncio.run(burst(400, False))
    assert gate.limit == 16


def test_a_waiting_retry_holds_no_slot() -> None:
    failed = False
    order: list[str] = []

    def say(request: ChatRequest) -> ChatResponse:
        nonlocal failed
        text = request.messages[0].text
        order.append(text)
        if text == "first" and not failed:
            failed = True
            raise ModelUnavailable("busy", transient=True, retry_after=0.05)
        return answer()

    async def go() -> None:
        model = Retry(Limits(FakeChatModel(say), Gate(1)), attempts=2)
        await asyncio.gather(model.chat(question("first")), model.chat(question("second")))

    asyncio.run(go())
    assert order == ["first", "second", "first"]


def test_a_budget_counts_the_worst_case_of_what_is_open() -> None:
    price = price_of(ModelName.parse("openai:gpt-4o"))
    budget = Budget(usd=0.02)
    model = Spend(FakeChatModel(lambda _: answer(100)), budget, price)
    asked = question("x" * 100, max_tokens=1000)

    async def go() -> list[Any]:
        return await asyncio.gather(*(model.chat(asked) for _ in range(3)), return_exceptions=True)

    kinds = [type(result) for result in asyncio.run(go())]
    assert kinds == [ChatResponse, BudgetReached, BudgetReached] or kinds == [ChatResponse] * 3
    assert budget.spent_usd <= 0.02
    tight = Budget(usd=0.001)
    with pytest.raises(BudgetReached, match="budget-usd"):
        asyncio.run(Spend(FakeChatModel(lambda _: answer()), tight, price).chat(asked))
    assert tight.spent_calls == 0


@pytest.mark.parametrize(("limit", "made"), [(0, 0), (1, 1), (3, 3)])
def test_a_budget_of_calls(limit: int, made: int) -> None:
    inner = FakeChatModel(lambda _: answer())
    model = Spend(inner, Budget(calls=limit), None)

    async def go() -> None:
        await all_of(model.chat(question(str(i))) for i in range(5))

    with pytest.raises(BudgetReached):
        asyncio.run(go())
    assert len(inner.requests) == made


def test_an_unknown_price_is_no_zero() -> None:
    assert price_of(ModelName.parse("openai:some-new-model")) is None
    assert price_of(ModelName.parse("openai:gpt-4o@http://localhost/v1")) is None
    with pytest.raises(InvalidSetting, match="unknown"):
        Spend(FakeChatModel(lambda _: answer()), Budget(usd=1), None)
    said = asyncio.run(Spend(FakeChatModel(lambda _: answer()), Budget(), None).chat(question()))
    assert said.usd is None


def test_cached_tokens_cost_their_own_price() -> None:
    price = price_of(ModelName.parse("anthropic:claude-sonnet-4-5"))
    assert price is not None
    usage = TokenUsage(
        input_tokens=1_000_000, cached_tokens=600_000, cache_write_tokens=100_000, output_tokens=0
    )
    assert price.of(usage) == pytest.approx(0.3 * 3 + 0.6 * 0.3 + 0.1 * 3.75)


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("openai:gpt-4o", ("openai", "gpt-4o", None)),
        ("openai:org/m:1@http://h:8000/v1/", ("openai", "org/m:1", "http://h:8000/v1")),
        ("anthropic:claude-x", ("anthropic", "claude-x", None)),
        ("vllm:/models/a@b", ("vllm", "/models/a@b", None)),
    ],
)
def test_names_of_models(text: str, parts: tuple[str, str, str | None]) -> None:
    name = ModelName.parse(text)
    assert (name.provider, name.model, name.base_url) == parts


@pytest.mark.parametrize(
    "text",
    [
        "",
        "gpt-4o",
        "openai:",
        "other:m",
        "openai:@http://h",
        "openai:m@ftp://h/",
        "openai:m@http://u:p@h/v1",
    ],
)
def test_what_is_no_name(text: str) -> None:
    with pytest.raises(InvalidSetting):
        ModelName.parse(text)


def test_capabilities_are_declared_and_may_be_overridden() -> None:
    claude = ModelName.parse("anthropic:claude-x")
    assert "temperature" not in capabilities_of(claude)
    assert "slots" not in capabilities_of(ModelName.parse("openai:gpt-4o"))
    own = ModelName.parse("openai:m@http://h/v1")
    assert "slots" in capabilities_of(own)
    assert capabilities_of(own, {str(own): ["chat"]}) == {"chat"}
    with pytest.raises(InvalidSetting, match="fly"):
        capabilities_of(own, {str(own): ["fly"]})
    model = FakeChatModel(lambda _: "x", capabilities=frozenset({"chat"}))
    with pytest.raises(UnsupportedRequest, match="tool calls"):
        asyncio.run(model.chat(question(tools=(Tool(name="t", description="", parameters={}),))))
    result = Message(role="tool", text="42", call_id="c")
    with pytest.raises(UnsupportedRequest, match="tool calls"):
        asyncio.run(model.chat(question().model_copy(update={"messages": (result,)})))
    assert model.requests == []


@pytest.fixture
def url(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    def script(body: dict[str, Any]) -> Answer | None:
        if body.get("tools"):
            return Answer(
                calls=(Call("look", {"unit": "demo/mlp.0/1"}), Call("look", {"unit": "b"}))
            )
        return None

    for variable in ("OPENAI_API_KEY", "ANTHROPIC_API_KEY"):
        monkeypatch.setenv(variable, "k")
    with running(FakeServer(script=script)) as url:
        yield url


@pytest.mark.parametrize("provider", ["openai", "anthropic"])
def test_streams_and_tool_calls_are_alike_for_both_providers(
    url: str, provider: str, tmp_path: Path
) -> None:
    name = f"{provider}:tiny@{url}" + "/v1" * (provider == "openai")
    tool = Tool(
        name="look",
        description="Look at a unit.",
        parameters={
            "type": "object",
            "properties": {"unit": {"type": "string"}},
            "required": ["unit"],
            "additionalProperties": False,
        },
    )

    async def go() -> tuple[list[Any], list[Any], ChatResponse, ChatResponse]:
        with open_store(f"sqlite:///{tmp_path / 'c.db'}") as store:
            model = open_model(name, Recorder(store), Budget(), Options())
            pieces = [piece async for piece in model.stream(question("Tell me"))]
            streamed = [piece async for piece in model.stream(question("Use", tools=(tool,)))]
            called = await model.chat(question("Use it", tools=(tool,)))
            results = [Message(role="tool", text="42", call_id=c.id) for c in called.calls]
            more = Message(role="assistant", text="", calls=called.calls)
            ask = question("Use")
            after = await model.chat(
                ask.model_copy(update={"messages": (*ask.messages, more, *results)})
            )
            await model.close()
            assert [c.status for c in store.calls()] == ["ok"] * 4
            return pieces, streamed, called, after

    pieces, streamed, called, after = asyncio.run(go())
    assert "".join(pieces[:-1]) == pieces[-1].text != ""
    assert pieces[-1].usage.output_tokens > 0
    for said in (streamed[-1], called):
        assert said.finish == "tools"
        assert [(c.name, c.arguments["unit"]) for c in said.calls] == [
            ("look", "demo/mlp.0/1"),
            ("look", "b"),
        ]
    assert after.finish in ("stop", "length")


def test_a_killed_process_has_paid_for_nothing_twice(url: str, tmp_path: Path) -> None:
    program = textwrap.dedent(
        f"""
        import asyncio, os, sys
        from llms.budget import Budget
        from llms.open import Options, open_model
        from llms.protocol import ChatRequest, Message
        from llms.wrappers.record import Recorder
        from storage import open_store

        async def go():
            with open_store("sqlite:///{tmp_path / "k.db"}") as store:
                model = open_model("openai:tiny@{url}/v1", Recorder(store), Budget(), Options())
                for i in range(6):
                    ask = ChatRequest(role="agent", messages=(Message(role="user", text=str(i)),))
                    said = await model.chat(ask)
                    print(said.cached, flush=True)
                    if i == int(sys.argv[1]):
                        os.kill(os.getpid(), {int(signal.SIGKILL)})
                await model.close()

        asyncio.run(go())
        """
    )

    def run(stop: int) -> tuple[int, list[str]]:
        done = subprocess.run(
            [sys.executable, "-c", program, str(stop)],
            capture_output=True,
            text=True,
            cwd=Path(__file__).resolve().parents[2],
            env=os.environ,
            check=False,
        )
        return done.returncode, done.stdout.split()

    assert run(2) == (-signal.SIGKILL, ["False"] * 3)
    assert run(99) == (0, ["True"] * 3 + ["False"] * 3)


def test_cancelling_keeps_what_was_answered_and_stops_what_was_not(tmp_path: Path) -> None:
    class Slow(FakeChatModel):
        async def chat(self, request: ChatRequest) -> ChatResponse:
            said = await super().chat(request)
            if request.messages[0].text == "slow":
                await asyncio.sleep(60)
            return said

    async def go() -> None:
        with open_store(f"sqlite:///{tmp_path / 'c.db'}") as store:
            model = Record(Slow(lambda _: answer()), Recorder(store))
            both = asyncio.gather(model.chat(question("fast")), model.chat(question("slow")))
            await asyncio.sleep(0.3)
            both.cancel()
            with pytest.raises(asyncio.CancelledError):
                await both
            assert [c.request["messages"][0]["text"] for c in store.calls()] == ["fast"]  # type: ignore[index,call-overload]

    asyncio.run(go())


def test_one_failure_cancels_the_others_but_a_budget_waits_for_them() -> None:
    ended: list[str] = []

    async def work(seconds: float, error: Exception | None = None) -> None:
        try:
            await asyncio.sleep(seconds)
            if error:
                raise error
            ended.append("done")
        except asyncio.CancelledError:
            ended.append("cancelled")
            raise

    with pytest.raises(BudgetReached):
        asyncio.run(all_of([work(0.05), work(0.0, BudgetReached("no"))]))
    with pytest.raises(ModelUnavailable):
        asyncio.run(all_of([work(5), work(0.0, ModelUnavailable("no"))]))
    assert ended == ["done", "cancelled"]
    assert asyncio.run(all_of([])) == []


def test_a_stream_spends_what_it_said_or_its_worst_case(tmp_path: Path) -> None:
    price = price_of(ModelName.parse("openai:gpt-4o"))
    budget = Budget(calls=2)
    model = Spend(FakeChatModel(lambda _: answer(10)), budget, price)

    async def go(stop: bool) -> None:
        stream = model.stream(question("x", max_tokens=500))
        async for _ in stream:
            if stop:
                break
        await stream.aclose()  # type: ignore[attr-defined]

    asyncio.run(go(False))
    assert budget.spent_tokens == 20
    asyncio.run(go(True))
    assert budget.spent_tokens > 500
    with pytest.raises(BudgetReached):
        asyncio.run(go(False))


def test_a_call_that_is_given_up_counts_with_its_worst_case() -> None:
    """Else whoever stops an answer again and again asks for nothing."""
    budget = Budget(calls=2)

    async def go() -> None:
        begun = asyncio.Event()

        class Endless(FakeChatModel):
            async def chat(self, request: ChatRequest) -> ChatResponse:
                begun.set()
                await asyncio.sleep(60)
                raise AssertionError

        asked = Spend(Endless(lambda _: answer()), budget, None)
        task = asyncio.create_task(asked.chat(question("x", max_tokens=500)))
        await begun.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(go())
    assert budget.spent_calls == 1
    assert budget.spent_tokens > 500


def test_a_key_that_a_server_repeats_is_masked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "very-own-key")
    said = from_status("m", 401, "wrong key very-own-key or sk-abcdefgh1234", "", {})
    assert "very-own-key" not in str(said)
    assert "sk-abcdefgh1234" not in str(said)
