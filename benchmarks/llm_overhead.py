"""What the layer around language models costs, and what a scored unit costs with each simulator.

Keys of ``--json``: ``calls``, ``latency``, ``concurrency``, ``ideal`` seconds (calls × latency /
concurrency), medians ``bare`` (the openai SDK alone), ``product`` (record, budget, retries, limits
around it) and ``warm`` (the same again, all from the record), ``warm_requests``; ``ratio_product``
= product / bare and ``ratio_warm`` = product / warm with ``_low`` and ``_high`` over the repeats;
``simulators``: requests and prompt tokens of one scored unit by strategy, at ``excerpts`` windows
of ``window`` tokens.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import multiprocessing
import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.timing import ratio
from core.evidence import ExcerptSet
from llms.budget import Budget
from llms.fake import FakeChatModel
from llms.open import Options, open_model
from llms.protocol import ChatRequest, ChatResponse, Message, SlotRequest, TokenUsage
from llms.wrappers.record import Recorder
from scoring.simulators.all_at_once import AllAtOnceSimulator
from scoring.simulators.indexed import IndexedSimulator
from scoring.simulators.token_by_token import TokenByTokenSimulator
from storage import open_store
from subjects.planted.tokens import DEMO_TOKENIZER

SAID = "x" * 400


def _serve(latency: float, port: Any) -> None:
    """A server that answers everything alike after ``latency`` seconds; counts on ``/count``."""
    import socket

    import uvicorn
    from fastapi import FastAPI

    app, asked = FastAPI(), {"n": 0}

    @app.post("/v1/chat/completions")
    async def chat() -> dict[str, Any]:
        asked["n"] += 1
        await asyncio.sleep(latency)
        message = {"role": "assistant", "content": SAID}
        return {
            "id": "c",
            "object": "chat.completion",
            "created": 0,
            "model": "m",
            "choices": [{"index": 0, "finish_reason": "stop", "message": message}],
            "usage": {"prompt_tokens": 100, "completion_tokens": 100, "total_tokens": 200},
        }

    @app.get("/count")
    async def count() -> int:
        return asked["n"]

    listening = socket.create_server(("127.0.0.1", 0), backlog=1024)
    port.value = listening.getsockname()[1]
    uvicorn.Server(uvicorn.Config(app, log_level="error")).run([listening])


@contextmanager
def server(latency: float) -> Iterator[str]:
    """The server in a process of its own, ended by its PID."""
    context = multiprocessing.get_context("spawn")
    port = context.Value("i", 0)
    process = context.Process(target=_serve, args=(latency, port), daemon=True)
    process.start()
    try:
        while not port.value:
            time.sleep(0.02)
        yield f"http://127.0.0.1:{port.value}"
    finally:
        process.terminate()
        process.join()


def questions(calls: int, repeat: int) -> list[ChatRequest]:
    """Prompts of the size of an explanation; no two alike, in no repeat."""
    return [
        ChatRequest(
            role="simulator",
            messages=(Message(role="user", text=f"{repeat} {i} " + "word " * 300),),
            max_tokens=100,
        )
        for i in range(calls)
    ]


async def bare(url: str, asked: list[ChatRequest], concurrency: int) -> float:
    """The openai SDK alone, with a semaphore."""
    import httpx2
    import openai

    limits = httpx2.Limits(max_connections=1024, max_keepalive_connections=1024)
    http = openai.DefaultAsyncHttpxClient(limits=limits)
    gate = asyncio.Semaphore(concurrency)
    async with openai.AsyncOpenAI(
        base_url=f"{url}/v1", api_key="k", max_retries=0, http_client=http
    ) as client:

        async def one(request: ChatRequest) -> None:
            async with gate:
                messages: Any = [{"role": m.role, "content": m.text} for m in request.messages]
                await client.chat.completions.create(
                    model="m", messages=messages, max_tokens=request.max_tokens
                )

        began = time.perf_counter()
        await asyncio.gather(*(one(request) for request in asked))
        return time.perf_counter() - began


async def product(url: str, asked: list[ChatRequest], concurrency: int, database: str) -> float:
    """The same through everything the product puts around a provider."""
    with open_store(database) as store:
        options = Options(concurrency=concurrency)
        model = open_model(f"openai:m@{url}/v1", Recorder(store), Budget(), options)
        began = time.perf_counter()
        await asyncio.gather(*(model.chat(request) for request in asked))
        seconds = time.perf_counter() - began
        await model.close()
    return seconds


def overhead(calls: int, latency: float, concurrency: int, repeats: int) -> dict[str, Any]:
    """Interleaved repeats of all three."""
    import httpx2

    os.environ.setdefault("OPENAI_API_KEY", "k")
    seconds: dict[str, list[float]] = {"bare": [], "product": [], "warm": []}
    warm_requests = 0
    with server(latency) as url, tempfile.TemporaryDirectory() as home:
        asyncio.run(bare(url, questions(concurrency, -1), concurrency))
        for repeat in range(repeats):
            asked = questions(calls, repeat)
            database = f"sqlite:///{Path(home) / f'{repeat}.db'}"
            seconds["bare"].append(asyncio.run(bare(url, asked, concurrency)))
            seconds["product"].append(asyncio.run(product(url, asked, concurrency, database)))
            before = httpx2.get(f"{url}/count").json()
            seconds["warm"].append(asyncio.run(product(url, asked, concurrency, database)))
            warm_requests += httpx2.get(f"{url}/count").json() - before
    figures: dict[str, Any] = {
        "calls": calls,
        "latency": latency,
        "concurrency": concurrency,
        "repeats": repeats,
        "ideal": round(calls * latency / concurrency, 3),
        "warm_requests": warm_requests,
    }
    figures |= {name: round(float(np.median(each)), 3) for name, each in seconds.items()}
    figures |= ratio("product", seconds["product"], seconds["bare"])
    return figures | ratio("warm", seconds["product"], seconds["warm"])


def simulators(excerpts: int, window: int) -> dict[str, dict[str, int]]:
    """Requests and prompt tokens (of the demo tokenizer) for one explanation on ``excerpts``."""
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(DEMO_TOKENIZER))
    text = "The committee that the mayor chose meets on the first Monday of every month. " * 40
    encoded = tokenizer.encode(text)
    ids = np.array([encoded.ids[i : i + window] for i in range(excerpts)], dtype=np.int64)
    tokens = [tuple(tokenizer.decode([int(t)]) for t in row) for row in ids]
    numbers = np.arange(excerpts)
    sample = ExcerptSet(
        split="report",
        windows=numbers,
        token_ids=ids,
        tokens=tokens,
        activations=np.zeros(ids.shape, dtype=np.float32),
        documents=[str(i) for i in numbers],
        offsets=numbers,
        kinds=["random"] * excerpts,
    )
    found = {}
    for kind in (AllAtOnceSimulator, IndexedSimulator, TokenByTokenSimulator):
        model = FakeChatModel(_nothing, slots=lambda r: tuple({} for _ in r.segments[1:]))
        simulator = kind(model)
        asyncio.run(simulator.simulate("words for days of the week", sample))
        sent = sum(len(tokenizer.encode(_sent(r)).ids) for r in model.requests)
        name = simulator.name.split(":")[0]
        found[name] = {"requests": len(model.requests), "prompt_tokens": sent}
    return found


def _nothing(request: ChatRequest) -> ChatResponse:
    return ChatResponse(model="m", usage=TokenUsage(), text='{"sequences": []}', finish="stop")


def _sent(request: ChatRequest | SlotRequest) -> str:
    if isinstance(request, SlotRequest):
        return request.text
    return "\n".join(message.text for message in request.messages)


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--calls", type=int, default=2000)
    parser.add_argument("--latency", type=float, default=0.2)
    parser.add_argument("--concurrency", type=int, default=64)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--excerpts", type=int, default=30)
    parser.add_argument("--window", type=int, default=64)
    options = parser.parse_args()
    figures = overhead(options.calls, options.latency, options.concurrency, options.repeats)
    figures["simulators"] = simulators(options.excerpts, options.window)
    figures |= {"excerpts": options.excerpts, "window": options.window}
    if options.json:
        print(json.dumps(figures))
        return
    print(f"{figures['calls']} calls of {figures['latency']} s, {figures['concurrency']} at once")
    for name in ("ideal", "bare", "product", "warm"):
        print(f"  {name:<8} {figures[name]:>8.2f} s")
    for name, what in (("product", "product / bare"), ("warm", "product / warm")):
        key = f"ratio_{name}"
        print(f"  {what:<15} {figures[key]} [{figures[key + '_low']}, {figures[key + '_high']}]")
    print(f"  requests made by the warm runs: {figures['warm_requests']}")
    print(f"one explanation on {options.excerpts} windows of {options.window} tokens")
    for name, cost in figures["simulators"].items():
        print(
            f"  {name:<15} {cost['requests']:>6} requests {cost['prompt_tokens']:>9} prompt tokens"
        )


if __name__ == "__main__":
    main()
