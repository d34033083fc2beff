"""A real vLLM on the CPU, in process and as a server: what it says must be what the weights say.

Run with ``make test-vllm``; skipped where vLLM is not installed.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from core.evidence import ExcerptSet
from llms.budget import Budget
from llms.open import Options, open_model
from llms.protocol import ChatRequest, ChatResponse, Message, Model
from llms.wrappers.record import Recorder
from scoring.simulators.all_at_once import AllAtOnceSimulator, slot_request
from scoring.simulators.digits import DIGITS, SCALE
from scoring.simulators.outcome import expected
from storage import open_store
from subjects.planted.tokens import DEMO_TOKENIZER

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(find_spec("vllm") is None, reason="vLLM is not installed: make test-vllm"),
    pytest.mark.filterwarnings("ignore"),
    pytest.mark.timeout(900),
]
LENGTH = 2048
ENGINE = {
    "dtype": "float32",
    "max_model_len": LENGTH,
    "enforce_eager": True,
    "max_num_seqs": 8,
}
PLACE = {
    "HF_HUB_OFFLINE": "1",
    "VLLM_NO_USAGE_STATS": "1",
    "DO_NOT_TRACK": "1",
    "VLLM_CPU_KVCACHE_SPACE": "1",
    "VLLM_ENABLE_V1_MULTIPROCESSING": "0",
}
TEMPLATE = "{% for m in messages %}{{ m['role'] }}: {{ m['content'] }}\n{% endfor %}assistant:"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random Llama with heads of 32 (vLLM's CPU kernels want that) and the demo's tokenizer."""
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    path = tmp_path_factory.mktemp("llama")
    tokenizer = PreTrainedTokenizerFast(tokenizer_file=str(DEMO_TOKENIZER))
    tokenizer.chat_template = TEMPLATE
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=64,
        intermediate_size=128,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=2,
        max_position_embeddings=LENGTH,
    )
    LlamaForCausalLM(config).save_pretrained(path)
    tokenizer.save_pretrained(path)
    return path


@pytest.fixture(scope="module", autouse=True)
def place() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {**PLACE, "OPENAI_API_KEY": "k", "ANTHROPIC_API_KEY": "k"}.items():
            patch.setenv(name, value)
        yield


@pytest.fixture(scope="module")
def server(folder: Path, place: None) -> Iterator[str]:
    """``vllm serve`` on loopback, ended by its PID."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    flags = [
        f"--model={folder}", "--served-model-name=tiny", "--host=127.0.0.1", f"--port={port}",
        "--dtype=float32", f"--max-model-len={LENGTH}", "--enforce-eager", "--max-num-seqs=8",
        "--max-logprobs=-1",
    ]  # fmt: skip
    process = subprocess.Popen(
        [sys.executable, "-m", "vllm.entrypoints.openai.api_server", *flags],
        env={**os.environ, **PLACE},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    url = f"http://127.0.0.1:{port}"
    try:
        for _ in range(600):
            assert process.poll() is None, "the server ended by itself"
            try:
                urllib.request.urlopen(f"{url}/health", timeout=1)
                break
            except (urllib.error.URLError, OSError):
                time.sleep(0.5)
        yield url
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(60)


@pytest.fixture(scope="module")
def excerpts() -> ExcerptSet:
    """Windows with line ends, digits, and characters of several bytes, split into their tokens."""
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(DEMO_TOKENIZER))
    text = (
        'def f(x):\n\treturn x + 10  # naïve “sum” 🙂\n\nIn 2024, 137 trains <stopped>. "Why?" ' * 3
    )
    ids = tokenizer.encode(text).ids
    rows = np.array([ids[:24], ids[10:34]], dtype=np.int64)
    tokens = [tuple(tokenizer.decode([int(t)]) for t in row) for row in rows]
    numbers = np.arange(len(rows))
    return ExcerptSet(
        split="report",
        windows=numbers,
        token_ids=rows,
        tokens=tokens,
        activations=np.zeros(rows.shape, dtype=np.float32),
        documents=["a", "b"],
        offsets=numbers,
        kinds=["random"] * 2,
    )


def computed(folder: Path, excerpts: ExcerptSet, explanation: str) -> np.ndarray:
    """The same expectations straight from the weights, with transformers."""
    from transformers import AutoModelForCausalLM, AutoTokenizer

    network = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    tokenizer = AutoTokenizer.from_pretrained(folder)

    def encode(text: str) -> list[int]:
        return list(tokenizer.encode(text, add_special_tokens=False))

    digits = {d: encode(d)[0] for d in DIGITS}
    rows = []
    for tokens in excerpts.tokens:
        request = slot_request(explanation, tokens)
        ids: list[int] = []
        places = []
        for number, segment in enumerate(request.segments):
            ids += encode(segment)
            if number < len(tokens):
                places.append(len(ids))
                ids += encode(request.filler)
        with torch.no_grad():
            logs = network(torch.tensor([ids])).logits[0].log_softmax(-1)
        row = []
        for at in places:
            listed = set(logs[at - 1].topk(request.top).indices.tolist()) | {ids[at]}
            told = {d: float(logs[at - 1, t]) for d, t in digits.items() if t in listed}
            row.append(expected(told, SCALE))
        rows.append(row)
    return np.array(rows)


async def asked(name: str, folder: Path, use: Any) -> Any:
    with open_store(f"sqlite:///{folder / 'calls.db'}") as store:
        options = Options(engine=ENGINE, reuse=False, timeout=120)
        model: Model = open_model(name, Recorder(store), Budget(), options)
        try:
            return await use(model)
        finally:
            await model.close()


def all_digits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ask for so many alternatives that every digit is among them: a random model prefers none."""
    import scoring.simulators.all_at_once as strategy

    original = strategy.slot_request

    def wide(explanation: str, tokens: tuple[str, ...]) -> Any:
        return original(explanation, tokens).model_copy(update={"top": 4000})

    monkeypatch.setattr(strategy, "slot_request", wide)
    monkeypatch.setitem(globals(), "slot_request", wide)


@pytest.mark.parametrize("where", ["in process", "server"])
def test_all_at_once_reads_what_the_weights_say(
    where: str,
    folder: Path,
    excerpts: ExcerptSet,
    request: pytest.FixtureRequest,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    all_digits(monkeypatch)
    name = f"vllm:{folder}"
    if where == "server":
        name = f"openai:tiny@{request.getfixturevalue('server')}/v1"

    async def use(model: Model) -> Any:
        return await AllAtOnceSimulator(model).simulate("numbers", excerpts)

    said = asyncio.run(asked(name, tmp_path, use))
    wanted = computed(folder, excerpts, "numbers")
    assert said.status == "ok"
    assert np.isfinite(wanted).all()
    difference = float(np.abs(said.predicted - wanted).max())
    sys.stderr.write(f"all-at-once, {where}: largest difference {difference:.2e} on 0-10\n")
    assert difference <= 1e-4


def hello(**more: Any) -> ChatRequest:
    turns = (Message(role="system", text="Be short."), Message(role="user", text="Say a number."))
    return ChatRequest(role="chat", messages=turns, **{"max_tokens": 12, **more})


@pytest.mark.parametrize("provider", ["openai", "anthropic"])
def test_both_sdks_run_against_the_server(provider: str, server: str, tmp_path: Path) -> None:
    name = f"{provider}:tiny@{server}" + "/v1" * (provider == "openai")

    async def use(model: Model) -> tuple[ChatResponse, list[Any]]:
        streamed = [piece async for piece in model.stream(hello())]
        return await model.chat(hello()), streamed

    said, streamed = asyncio.run(asked(name, tmp_path, use))
    assert said.text
    assert 0 < said.usage.output_tokens <= 12
    assert "".join(streamed[:-1]) == streamed[-1].text


@pytest.mark.parametrize("where", ["in process", "server"])
def test_a_schema_binds_even_a_random_model(
    where: str, folder: Path, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    # No object: between its parts a model may put blanks, and a random one never stops.
    schema = {"type": "string", "enum": ["yes", "no"]}
    name = f"vllm:{folder}"
    if where == "server":
        name = f"openai:tiny@{request.getfixturevalue('server')}/v1"

    async def use(model: Model) -> ChatResponse:
        return await model.chat(hello(answer_name="v", answer_schema=schema, max_tokens=40))

    said = asyncio.run(asked(name, tmp_path, use))
    assert json.loads(said.text) in ("yes", "no")


def test_callers_in_process_are_batched_each_with_its_own_sampling(
    folder: Path, tmp_path: Path
) -> None:
    async def use(model: Model) -> list[ChatResponse]:
        lengths = range(1, 9)
        return await asyncio.gather(
            *(model.chat(hello(max_tokens=n, temperature=0.0)) for n in lengths)
        )

    said = asyncio.run(asked(f"vllm:{folder}", tmp_path, use))
    assert [s.usage.output_tokens for s in said] == list(range(1, 9))
    assert all(long.text.startswith(short.text) for short, long in pairwise(said))
