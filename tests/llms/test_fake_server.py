"""The fake providers keep their word: real SDKs on one side, the tiny model on the other."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import anthropic
import httpx2
import openai
import pytest
import torch
from fake_answers import Answer, Call
from fake_model import TinyModel, tiny_model
from fake_openai import chat_prompt, slots_at
from fake_server import FakeServer, running

HELLO = [{"role": "user", "content": "Hello there"}]
TEXT = "one\ntwo é 😀 “quoted”\n\n3 7\n"
SCHEMA = {
    "type": "object",
    "properties": {"texts": {"type": "array", "items": {"type": "string"}}},
    "required": ["texts"],
    "additionalProperties": False,
}
FORMAT = {"type": "json_schema", "json_schema": {"name": "t", "schema": SCHEMA, "strict": True}}
WEATHER = {
    "type": "object",
    "properties": {"city": {"type": "string"}},
    "required": ["city"],
    "additionalProperties": False,
}
TOOL = {"type": "function", "function": {"name": "weather", "parameters": WEATHER}}
CLAUDE_TOOL = {"name": "weather", "description": "", "input_schema": WEATHER}

Served = Callable[..., tuple[FakeServer, Any]]


@pytest.fixture(scope="module")
def model() -> TinyModel:
    return tiny_model()


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as opened:
        yield opened


@pytest.fixture(scope="module")
def openai_client() -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url="http://127.0.0.1", api_key="k", max_retries=0) as client:
        yield client


@pytest.fixture(scope="module")
def anthropic_client() -> Iterator[anthropic.Anthropic]:
    with anthropic.Anthropic(base_url="http://127.0.0.1", api_key="k", max_retries=0) as client:
        yield client


@pytest.fixture
def gpt(stack: ExitStack, openai_client: openai.OpenAI) -> Served:
    """A server, and a client of the kind that OpenAI's users have."""

    def serve(**options: Any) -> tuple[FakeServer, Any]:
        server = FakeServer(**options)
        url = stack.enter_context(running(server))
        return server, openai_client.with_options(base_url=f"{url}/v1")

    return serve


@pytest.fixture
def claude(stack: ExitStack, anthropic_client: anthropic.Anthropic) -> Served:
    """A server, and a client of the kind that Anthropic's users have."""

    def serve(**options: Any) -> tuple[FakeServer, Any]:
        server = FakeServer(**options)
        url = stack.enter_context(running(server))
        return server, anthropic_client.with_options(base_url=url)

    return serve


def direct(model: TinyModel, ids: list[int]) -> torch.Tensor:
    """Log-probabilities straight from the weights."""
    with torch.no_grad():
        return torch.log_softmax(model.network(torch.tensor([ids])).logits[0], dim=-1)


def ask(client: Any, **more: Any) -> Any:
    return client.chat.completions.create(model="tiny", messages=HELLO, **more)


def complete(client: Any, prompt: Any = TEXT, **more: Any) -> Any:
    return client.completions.create(model="tiny", prompt=prompt, **more).choices[0]


def tell(client: Any, **more: Any) -> Any:
    asked = {"model": "tiny", "max_tokens": 50, "messages": HELLO} | more
    return client.messages.create(**asked)


def test_a_chat_is_greedy_and_its_log_probabilities_are_the_models(
    gpt: Served, model: TinyModel
) -> None:
    server, client = gpt()
    answer = ask(client, logprobs=True, top_logprobs=5, max_completion_tokens=4)
    prompt = chat_prompt(model, server.requests[0].body)
    choice = answer.choices[0]
    assert choice.finish_reason == "length"
    said = [bytes(token.bytes) for token in choice.logprobs.content]
    assert b"".join(said).decode() == choice.message.content
    by_bytes = {piece.raw: piece.id for piece in model.pieces(range(model.size))}
    ids = [by_bytes[raw] for raw in said]
    rows = direct(model, [*prompt, *ids])[len(prompt) - 1 : -1]
    assert ids[0] in rows[0].topk(5)[1]
    for token, id, row in zip(choice.logprobs.content, ids, rows, strict=True):
        assert token.logprob == pytest.approx(float(row[id]), abs=1e-4)
        tops, top_ids = row.topk(5)
        assert [top.logprob for top in token.top_logprobs] == pytest.approx(tops.tolist(), abs=1e-4)
        assert [top.token for top in token.top_logprobs] == [model.decode([i]) for i in top_ids]
    assert answer.usage.prompt_tokens == len(prompt)
    assert answer.usage.completion_tokens == 4


def test_a_stream_says_the_same_in_pieces(gpt: Served) -> None:
    _, client = gpt()
    whole = ask(client, logprobs=True)
    chunks = list(ask(client, logprobs=True, stream=True, stream_options={"include_usage": True}))
    pieces = [chunk.choices[0] for chunk in chunks if chunk.choices]
    said = [piece.delta.content or "" for piece in pieces]
    assert "".join(said) == whole.choices[0].message.content
    assert len([text for text in said if text]) > 3
    assert pieces[-1].finish_reason == "stop"
    assert chunks[-1].usage == whole.usage
    told = [token for piece in pieces if piece.logprobs for token in piece.logprobs.content]
    assert told == whole.choices[0].logprobs.content


def test_echo_tells_where_every_token_of_the_prompt_begins(gpt: Served, model: TinyModel) -> None:
    _, client = gpt()
    ids = model.encode(TEXT)
    for prompt in (TEXT, ids):
        choice = complete(client, prompt, echo=True, logprobs=3, max_tokens=0)
        assert choice.text == TEXT
        found = choice.logprobs
        assert found.token_logprobs[0] is None
        assert found.top_logprobs[0] is None
        rows = direct(model, ids)
        actual = [float(rows[i - 1][ids[i]]) for i in range(1, len(ids))]
        assert found.token_logprobs[1:] == pytest.approx(actual, abs=1e-4)
        for row, tops in zip(rows, found.top_logprobs[1:], strict=False):
            assert sorted(tops.values())[-3:] == pytest.approx(sorted(row.topk(3)[0].tolist()))
        for token, offset in zip(found.tokens, found.text_offset, strict=True):
            if not token.startswith("bytes:"):
                assert TEXT[offset:].startswith(token)
            else:
                assert ord(TEXT[offset]) > 127
        assert any(token.startswith("bytes:") for token in found.tokens)


def test_prompt_logprobs_are_keyed_by_token_id(gpt: Served, model: TinyModel) -> None:
    _, client = gpt()
    ids = model.encode(TEXT)
    found = complete(client, ids, max_tokens=1, extra_body={"prompt_logprobs": 4}).prompt_logprobs
    assert found[0] is None
    for actual, row, entry in zip(ids[1:], direct(model, ids), found[1:], strict=False):
        wanted = {str(i) for i in [actual, *row.topk(4)[1].tolist()]}
        assert set(entry) == wanted
        for id, told in entry.items():
            assert told["logprob"] == pytest.approx(float(row[int(id)]), abs=1e-4)
            assert told["rank"] == 1 + int((row > row[int(id)]).sum())
    assert len(found) == len(ids)


def test_tokenize_counts_what_a_completion_reads(gpt: Served) -> None:
    server, client = gpt(model=tiny_model(bos=True, context=512))
    for special in (True, False):
        asked = {"model": "tiny", "prompt": TEXT, "add_special_tokens": special}
        url = str(client.base_url).removesuffix("/v1/")
        told = httpx2.post(f"{url}/tokenize", json=asked).json()
        extra = {"add_special_tokens": special}
        answer = client.completions.create(
            model="tiny", prompt=TEXT, max_tokens=1, extra_body=extra
        )
        assert told["count"] == len(told["tokens"]) == answer.usage.prompt_tokens
        assert told["max_model_len"] == 512
    assert server.model.encode(TEXT) == told["tokens"]
    assert [listed.id for listed in client.models.list()] == ["tiny"]


@pytest.mark.parametrize("bos", [False, True])
def test_a_script_fills_the_slots_of_a_prompt(gpt: Served, bos: bool) -> None:
    model = tiny_model(bos=bos)
    text = "é\nthe\t0\ncat\t0\n"
    wanted = {text.index("0"): {"7": -0.1, "3": -3.0}, text.rindex("0"): {"9": 0.0}}

    def script(body: dict[str, Any]) -> Answer:
        return Answer(slots=slots_at(model, body, wanted))

    _, client = gpt(model=model, script=script)
    extra = {"prompt_logprobs": 2}
    choice = complete(client, text, echo=True, logprobs=2, max_tokens=0, extra_body=extra)
    places = [n for n, token in enumerate(choice.logprobs.tokens) if token == "0"]
    for place, slot in zip(places, wanted.values(), strict=True):
        tops = choice.logprobs.top_logprobs[place]
        told = {t["decoded_token"]: t["logprob"] for t in choice.prompt_logprobs[place].values()}
        for token, value in slot.items():
            assert tops[token] == told[token] == pytest.approx(value)
        assert max(tops, key=tops.__getitem__) == next(iter(slot))
        assert choice.logprobs.token_logprobs[place] == tops["0"]


def test_a_script_says_which_tokens_were_likely(gpt: Served) -> None:
    likely = [{"8": -0.2, "2": -2.0}]
    _, client = gpt(script=lambda _: Answer(tokens=likely, reasoning_tokens=7))
    answer = ask(client, logprobs=True, top_logprobs=2)
    (token,) = answer.choices[0].logprobs.content
    assert answer.choices[0].message.content == "8"
    assert [(top.token, top.logprob) for top in token.top_logprobs] == [("8", -0.2), ("2", -2.0)]
    assert answer.usage.completion_tokens_details.reasoning_tokens == 7
    assert answer.usage.completion_tokens == 8


def test_json_of_a_schema(gpt: Served, claude: Served) -> None:
    form = {"format": {"type": "json_schema", "schema": SCHEMA}}
    _, client = gpt()
    assert json.loads(ask(client, response_format=FORMAT).choices[0].message.content) == {
        "texts": ["text"]
    }
    _, client = claude()
    assert json.loads(tell(client, output_config=form).content[0].text) == {"texts": ["text"]}
    data = {"texts": ["é", "b"]}
    _, client = gpt(script=lambda _: Answer(data=data))
    assert json.loads(ask(client, response_format=FORMAT).choices[0].message.content) == data


def test_a_schema_that_is_not_strict_is_refused(gpt: Served, claude: Served) -> None:
    loose = {"type": "object", "properties": {}}
    form = {"type": "json_schema", "json_schema": {"name": "t", "schema": loose, "strict": True}}
    _, client = gpt()
    with pytest.raises(openai.BadRequestError, match="additionalProperties"):
        ask(client, response_format=form)
    _, client = claude()
    with pytest.raises(anthropic.BadRequestError, match="additionalProperties"):
        tell(client, output_config={"format": {"type": "json_schema", "schema": loose}})


def test_tools_of_openai(gpt: Served) -> None:
    _, client = gpt(script=lambda body: None if "tool_choice" in body else sunny())
    forced = ask(client, tools=[TOOL], tool_choice="required").choices[0]
    assert forced.message.tool_calls[0].function.arguments == '{"city": "text"}'
    assert forced.finish_reason == "tool_calls"
    (call,) = ask(client, tools=[TOOL]).choices[0].message.tool_calls
    assert json.loads(call.function.arguments) == {"city": "Köln"}
    deltas = [chunk.choices[0].delta for chunk in ask(client, tools=[TOOL], stream=True)]
    parts = [part for delta in deltas for part in delta.tool_calls or ()]
    assert parts[0].function.name == "weather"
    assert json.loads("".join(part.function.arguments for part in parts)) == {"city": "Köln"}
    turns = [*HELLO, {"role": "tool", "tool_call_id": "nobody", "content": "sun"}]
    with pytest.raises(openai.BadRequestError, match="must be a response"):
        client.chat.completions.create(model="tiny", messages=turns)


def test_tools_of_anthropic(claude: Served) -> None:
    _, client = claude(script=lambda body: None if "tool_choice" in body else sunny())
    forced = tell(client, tools=[CLAUDE_TOOL], tool_choice={"type": "tool", "name": "weather"})
    assert forced.content[0].input == {"city": "text"}
    answer = tell(client, tools=[CLAUDE_TOOL])
    said, call = answer.content
    assert (said.text, call.input, answer.stop_reason) == ("Well.", {"city": "Köln"}, "tool_use")
    with client.messages.stream(
        model="tiny", max_tokens=50, messages=HELLO, tools=[CLAUDE_TOOL]
    ) as stream:
        final = stream.get_final_message()
    assert [block.to_dict() for block in final.content] == [said.to_dict(), call.to_dict()]
    assert final.usage.output_tokens == answer.usage.output_tokens
    turns = [
        *HELLO,
        {"role": "assistant", "content": [call.model_dump(exclude_none=True)]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": call.id}]},
    ]
    assert tell(client, messages=turns, tools=[CLAUDE_TOOL]).content
    with pytest.raises(anthropic.BadRequestError, match="without `tool_result`"):
        tell(client, messages=[*turns[:2], HELLO[0]], tools=[CLAUDE_TOOL])


def sunny() -> Answer:
    return Answer(text="Well.", calls=(Call("weather", {"city": "Köln"}),))


def test_a_message_of_anthropic_whole_and_streamed(claude: Served) -> None:
    _, client = claude(script=lambda _: Answer(text="naïve 😀 text\n"))
    whole = tell(client)
    assert whole.content[0].text == "naïve 😀 text\n"
    assert whole.stop_reason == "end_turn"
    assert tell(client, max_tokens=1).stop_reason == "max_tokens"
    with client.messages.stream(model="tiny", max_tokens=50, messages=HELLO) as stream:
        assert "".join(stream.text_stream) == "naïve 😀 text\n"
        final = stream.get_final_message()
    assert final.stop_reason == "end_turn"
    assert final.usage.output_tokens == whole.usage.output_tokens


def test_a_marked_prefix_is_written_once_and_read_afterwards(claude: Served) -> None:
    _, client = claude(cache_from=16)
    system = [{"type": "text", "text": "word " * 30, "cache_control": {"type": "ephemeral"}}]
    first, second = (tell(client, system=system).usage for _ in range(2))
    assert first.cache_creation_input_tokens == second.cache_read_input_tokens > 16
    assert first.cache_read_input_tokens == second.cache_creation_input_tokens == 0
    assert first.input_tokens == second.input_tokens > 0


def test_a_long_prompt_is_cached_without_a_mark(gpt: Served) -> None:
    _, client = gpt(cache_from=128)
    long = [{"role": "user", "content": "word " * 200}]
    usages = [client.chat.completions.create(model="tiny", messages=long).usage for _ in range(2)]
    assert [usage.prompt_tokens_details.cached_tokens for usage in usages] == [
        0,
        usages[0].prompt_tokens // 128 * 128,
    ]


def test_keys_models_and_paths_of_openai(gpt: Served) -> None:
    server, client = gpt(key="right-key", without={"/v1/completions"})
    with pytest.raises(openai.AuthenticationError) as no_key:
        ask(client.with_options(api_key="wrong-key"))
    assert no_key.value.code == "invalid_api_key"
    client = client.with_options(api_key="right-key")
    with pytest.raises(openai.NotFoundError) as no_model:
        client.chat.completions.create(model="x", messages=HELLO)
    assert no_model.value.code == "model_not_found"
    with pytest.raises(openai.NotFoundError):
        complete(client)
    assert [request.status for request in server.requests] == [401, 404, 404]
    assert "-key" not in str(server.requests)


def test_keys_models_and_roles_of_anthropic(claude: Served) -> None:
    server, client = claude(key="right-key")
    with pytest.raises(anthropic.AuthenticationError) as no_key:
        tell(client.with_options(api_key="wrong-key"))
    assert no_key.value.type == "authentication_error"
    client = client.with_options(api_key="right-key")
    with pytest.raises(anthropic.NotFoundError):
        tell(client, model="x")
    with pytest.raises(anthropic.BadRequestError, match="Unexpected role"):
        tell(client, messages=[{"role": "tool", "content": "a"}])
    assert tell(client).content
    assert "-key" not in str(server.requests)


def test_fields_that_a_server_does_not_know(gpt: Served) -> None:
    server, client = gpt(unsupported={"temperature"}, ignored={"prompt_logprobs"})
    with pytest.raises(openai.BadRequestError) as refused:
        ask(client, temperature=0.5)
    assert (refused.value.code, refused.value.param) == ("unsupported_parameter", "temperature")
    choice = complete(client, max_tokens=1, extra_body={"prompt_logprobs": 4})
    assert "prompt_logprobs" not in choice.model_dump()
    assert server.requests[1].body["prompt_logprobs"] == 4


def test_what_came_in_is_on_record(stack: ExitStack) -> None:
    server = FakeServer(latency=0.1)
    url = stack.enter_context(running(server))

    async def all_at_once() -> None:
        async with openai.AsyncOpenAI(base_url=f"{url}/v1", api_key="k", max_retries=0) as client:
            await asyncio.gather(*(ask(client, seed=n, max_tokens=1) for n in range(5)))

    asyncio.run(all_at_once())
    assert server.most_in_flight == 5
    assert sorted(request.body["seed"] for request in server.questions) == [0, 1, 2, 3, 4]
    for request in server.questions:
        assert request.answered is not None
        assert request.answered - request.started >= 0.1


def test_a_script_that_fails_fails_the_test(openai_client: openai.OpenAI) -> None:
    def broken(_: dict[str, Any]) -> Answer:
        raise ZeroDivisionError("of the script")

    with (
        pytest.raises(ZeroDivisionError, match="of the script"),
        running(FakeServer(script=broken)) as url,
        pytest.raises(openai.InternalServerError, match="of the script"),
    ):
        ask(openai_client.with_options(base_url=f"{url}/v1"))
