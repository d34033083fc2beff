"""Models: the shipped subject runs, keys of language models are set, one of them answers."""

from __future__ import annotations

import asyncio
import math
import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from neuroscribe.doctor.check import Check

if TYPE_CHECKING:
    from core.settings import Settings
    from llms.protocol import ChatResponse

SUBJECT = "demo"
TEXT = "def parse(self, text):\n    return None\n"
QUESTION = "Answer with the one word: ready"
MOST_TOKENS = 256


def subject(settings: Settings) -> Check:
    """Loads the shipped model and has it predict a line of code."""
    import torch

    from neuroscribe.workspace import Workspace

    loaded = Workspace(settings).subject(SUBJECT)
    ids = np.array([loaded.tokenize(TEXT)], dtype=np.int64)
    with torch.inference_mode():
        logits = loaded.logits(loaded.batch(ids))[0].float().cpu()
    wanted = torch.from_numpy(ids[0, 1:])
    loss = float(torch.nn.functional.cross_entropy(logits[:-1], wanted))
    chance = math.log(logits.shape[-1])
    seen = f"{SUBJECT} predicts a line of code at {loss:.2f} nats a token (chance {chance:.2f})"
    if not loss < chance:
        hint = "the shipped weights are damaged, or torch computes wrongly here: install both anew"
        return Check(name="subject", state="fail", seen=seen, hint=hint)
    return Check(name="subject", state="ok", seen=seen)


def keys(settings: Settings) -> Check:
    """Which API keys are set; never what they are."""
    from llms.names import KEYS

    said = [f"{name} {'set' if os.environ.get(name) else 'not set'}" for name in KEYS.values()]
    seen = ", ".join(said)
    if not any(os.environ.get(name) for name in KEYS.values()):
        seen += "; the explainer 'pattern' needs none"
    return Check(name="keys", state="ok", seen=seen)


def embedder(settings: Settings) -> Check:
    """Whether what compares meanings is there; it is not loaded."""
    from neuroscribe.embedders import MINILM, minilm_folder, source_of

    name = settings.service_embedder
    if name is None:
        there = "installed" if minilm_folder() is not None else "not installed (extra embed)"
        return Check(name="embedder", state="ok", seen=f"{MINILM} is {there}")
    source = Path(source_of(name)).expanduser()
    if source.is_dir():
        return Check(name="embedder", state="ok", seen=f"{name!r} is there")
    if source.is_absolute():
        hint = "set NEUROSCRIBE_SERVICE_EMBEDDER to minilm, a folder or a Hugging Face ID"
        return Check(name="embedder", state="fail", seen=f"{name!r} is no folder", hint=hint)
    seen = f"{name!r} is read from the Hugging Face cache, or fetched, when it is first needed"
    return Check(name="embedder", state="ok", seen=seen)


def ask(settings: Settings, name: str) -> Check:
    """Puts one short question to a language model, once, and records it like any other."""
    answer = asyncio.run(_asked(settings, name))
    said = " ".join(answer.text.split())[:60]
    usage = answer.usage
    seen = f"{name} said {said!r} ({usage.input_tokens} tokens in, {usage.output_tokens} out)"
    return Check(name="ask", state="ok", seen=seen)


async def _asked(settings: Settings, name: str) -> ChatResponse:
    from llms.budget import Budget
    from llms.open import open_model
    from llms.protocol import ChatRequest, Message
    from llms.wrappers.record import Recorder
    from neuroscribe.models import Spending, options_of
    from neuroscribe.workspace import Workspace

    question = ChatRequest(
        role="chat", messages=(Message(role="user", text=QUESTION),), max_tokens=MOST_TOKENS
    )
    options = replace(options_of(settings, Spending(), reuse=False), attempts=1)
    with Workspace(settings).store() as store:
        model = open_model(name, Recorder(store), Budget(calls=1), options)
        try:
            return await model.chat(question)
        finally:
            await model.close()
