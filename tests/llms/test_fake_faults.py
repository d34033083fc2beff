"""Every fault reaches the users of the real SDKs as the error that they would expect."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import anthropic
import openai
import pytest
from fake_answers import Answer
from fake_faults import Fault
from fake_server import FakeServer, running

HELLO = [{"role": "user", "content": "Hello there"}]
SCHEMA = {
    "type": "object",
    "properties": {"text": {"type": "string"}},
    "required": ["text"],
    "additionalProperties": False,
}


@pytest.fixture(scope="module")
def served() -> Iterator[tuple[FakeServer, str]]:
    server = FakeServer()
    with running(server) as url:
        yield server, url


@pytest.fixture
def server(served: tuple[FakeServer, str]) -> FakeServer:
    return served[0]


@pytest.fixture(scope="module")
def gpt(served: tuple[FakeServer, str]) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{served[1]}/v1", api_key="k", max_retries=0) as client:
        yield client


@pytest.fixture(scope="module")
def claude(served: tuple[FakeServer, str]) -> Iterator[anthropic.Anthropic]:
    with anthropic.Anthropic(base_url=served[1], api_key="k", max_retries=0) as client:
        yield client


def always(server: FakeServer, fault: Fault) -> None:
    server.faults = lambda _: fault


def ask(client: Any, **more: Any) -> Any:
    return client.chat.completions.create(model="tiny", messages=HELLO, **more)


def tell(client: Any, **more: Any) -> Any:
    return client.messages.create(model="tiny", max_tokens=50, messages=HELLO, **more)


@pytest.mark.parametrize(
    ("kind", "kind_of_error", "status", "code"),
    [
        ("rate_limit", openai.RateLimitError, 429, "rate_limit_exceeded"),
        ("quota", openai.RateLimitError, 429, "insufficient_quota"),
        ("server_error", openai.InternalServerError, 500, None),
        ("overloaded", openai.InternalServerError, 503, None),
        ("timeout", openai.APIStatusError, 408, "request_timeout"),
        ("too_long", openai.BadRequestError, 400, "context_length_exceeded"),
        ("gateway", openai.InternalServerError, 502, None),
    ],
)
def test_errors_of_openai(
    server: FakeServer, gpt: openai.OpenAI, kind: Any, kind_of_error: Any, status: int, code: Any
) -> None:
    always(server, Fault(kind))
    with pytest.raises(kind_of_error) as caught:
        ask(gpt)
    assert (caught.value.status_code, caught.value.code) == (status, code)


@pytest.mark.parametrize(
    ("kind", "kind_of_error", "status", "type"),
    [
        ("rate_limit", anthropic.RateLimitError, 429, "rate_limit_error"),
        ("quota", anthropic.APIStatusError, 402, "billing_error"),
        ("server_error", anthropic.InternalServerError, 500, "api_error"),
        ("overloaded", anthropic.APIStatusError, 529, "overloaded_error"),
        ("timeout", anthropic.APIStatusError, 408, "timeout_error"),
        ("too_long", anthropic.BadRequestError, 400, "invalid_request_error"),
        ("gateway", anthropic.APIStatusError, 502, None),
    ],
)
def test_errors_of_anthropic(
    server: FakeServer,
    claude: anthropic.Anthropic,
    kind: Any,
    kind_of_error: Any,
    status: int,
    type: str | None,
) -> None:
    always(server, Fault(kind))
    with pytest.raises(kind_of_error) as caught:
        tell(claude)
    assert (caught.value.status_code, caught.value.type) == (status, type)


def test_what_the_headers_say_about_trying_again(server: FakeServer, gpt: openai.OpenAI) -> None:
    always(server, Fault("rate_limit", retry_after=1.5))
    with pytest.raises(openai.RateLimitError) as later:
        ask(gpt)
    assert later.value.response.headers["retry-after"] == "1.5"
    always(server, Fault("server_error", should_retry=False))
    before = len(server.requests)
    with pytest.raises(openai.InternalServerError) as never:
        ask(gpt.with_options(max_retries=2))
    assert never.value.response.headers["x-should-retry"] == "false"
    assert len(server.requests) == before + 1


def test_a_request_that_is_really_too_long(gpt: openai.OpenAI, server: FakeServer) -> None:
    server.faults = ()
    with pytest.raises(openai.BadRequestError) as caught:
        gpt.completions.create(model="tiny", prompt=[5] * 2048, max_tokens=1)
    assert caught.value.code == "context_length_exceeded"
    assert gpt.completions.create(model="tiny", prompt=[5] * 2047, max_tokens=1).choices


def test_connections_that_break(
    server: FakeServer, gpt: openai.OpenAI, claude: anthropic.Anthropic
) -> None:
    always(server, Fault("reset"))
    with pytest.raises(openai.APIConnectionError):
        ask(gpt)
    assert server.requests[-1].status is None
    with pytest.raises(anthropic.APIConnectionError):
        tell(claude)
    always(server, Fault("dropped"))
    with pytest.raises(openai.APIConnectionError):
        ask(gpt)
    with pytest.raises(openai.APIConnectionError):
        list(ask(gpt, stream=True))


def test_half_an_answer(
    server: FakeServer, gpt: openai.OpenAI, claude: anthropic.Anthropic
) -> None:
    always(server, Fault("cut"))
    with pytest.raises(json.JSONDecodeError):
        ask(gpt)
    with pytest.raises((json.JSONDecodeError, anthropic.APIError)):
        tell(claude)
    chunks = list(ask(gpt, stream=True))
    assert [chunk.choices[0].finish_reason for chunk in chunks] == [None] * len(chunks)
    assert "".join(chunk.choices[0].delta.content for chunk in chunks)


def test_an_error_in_the_middle_of_a_stream(
    server: FakeServer, gpt: openai.OpenAI, claude: anthropic.Anthropic
) -> None:
    always(server, Fault("stream_error"))
    told = []
    with pytest.raises(openai.APIError, match="Overloaded"):
        told.extend(ask(gpt, stream=True))  # extend keeps what came before the error
    with pytest.raises(anthropic.APIStatusError, match="Overloaded"):
        list(tell(claude, stream=True))
    assert told


def test_answers_that_are_late(server: FakeServer, gpt: openai.OpenAI) -> None:
    always(server, Fault("slow", delay=0.3))
    with pytest.raises(openai.APITimeoutError):
        ask(gpt.with_options(timeout=0.05))
    began = time.monotonic()
    assert ask(gpt).choices
    assert time.monotonic() - began >= 0.3
    always(server, Fault("stall", delay=0.3))
    began = time.monotonic()
    assert list(ask(gpt, stream=True))
    assert time.monotonic() - began >= 0.3


def test_answers_that_are_none(
    server: FakeServer, gpt: openai.OpenAI, claude: anthropic.Anthropic
) -> None:
    always(server, Fault("empty"))
    assert ask(gpt).choices[0].message.content == ""
    assert tell(claude).content == []
    always(server, Fault("no_choices"))
    assert ask(gpt).choices == []
    assert gpt.completions.create(model="tiny", prompt="a", max_tokens=1).choices == []
    always(server, Fault("refusal"))
    assert ask(gpt).choices[0].message.refusal
    deltas = [chunk.choices[0].delta for chunk in ask(gpt, stream=True)]
    assert any(delta.refusal for delta in deltas)
    assert tell(claude).stop_reason == "refusal"


def test_json_of_another_schema(
    server: FakeServer, gpt: openai.OpenAI, claude: anthropic.Anthropic
) -> None:
    always(server, Fault("wrong_schema"))
    wanted = {"type": "json_schema", "json_schema": {"name": "t", "schema": SCHEMA}}
    assert "text" not in json.loads(ask(gpt, response_format=wanted).choices[0].message.content)
    tool: Any = {"name": "t", "description": "", "input_schema": SCHEMA}
    assert "text" not in tell(claude, tools=[tool]).content[0].input


def test_log_probabilities_that_are_missing(server: FakeServer, gpt: openai.OpenAI) -> None:
    always(server, Fault("lost_logprobs", lost=2))
    answer = gpt.completions.create(
        model="tiny",
        prompt="one two three four",
        echo=True,
        logprobs=1,
        max_tokens=0,
        extra_body={"prompt_logprobs": 1},
    ).choices[0]
    found = answer.logprobs
    assert found is not None
    tokens = len(found.tokens)
    assert len(found.token_logprobs) == len(found.top_logprobs) == tokens - 2
    assert len(answer.model_dump()["prompt_logprobs"]) == tokens - 2
    always(server, Fault("lost_logprobs"))
    assert ask(gpt, logprobs=True, max_tokens=1).choices[0].logprobs.content == []


def test_the_server_ends_without_waiting_for_slow_answers(gpt: openai.OpenAI) -> None:
    slow = FakeServer(faults=[Fault("slow", delay=60), Fault("stall", delay=60)])
    with running(slow) as url:
        hasty = gpt.with_options(base_url=f"{url}/v1", timeout=0.3)
        for streamed in (False, True):
            with pytest.raises(openai.APITimeoutError):
                list(ask(hasty, stream=streamed))
        left = time.monotonic()
    assert time.monotonic() - left < 5


def test_a_request_without_a_question(server: FakeServer, gpt: openai.OpenAI) -> None:
    server.faults = ()
    with pytest.raises(openai.BadRequestError, match="messages: Field required"):
        gpt.chat.completions.create(model="tiny", messages=[])
    with pytest.raises(openai.BadRequestError, match="prompt: Field required"):
        gpt.completions.create(model="tiny", prompt="")


def test_faults_come_in_order_and_then_no_more(gpt: openai.OpenAI) -> None:
    server = FakeServer(
        faults=[None, Fault("server_error")], script=lambda _: Answer(text="fine"), key="k"
    )
    with running(server) as url:
        client = gpt.with_options(base_url=f"{url}/v1")
        client.models.list()
        ask(client)
        with pytest.raises(openai.InternalServerError):
            ask(client)
        assert ask(client).choices[0].message.content == "fine"
    assert [request.fault for request in server.questions] == [None, Fault("server_error"), None]
