"""vLLM in this process: requests that wait together run as one batch of the engine."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

from core.errors import ContextTooLong, MissingExtra, ModelUnavailable
from llms.capabilities import check
from llms.names import ModelName
from llms.protocol import (
    Capability,
    ChatRequest,
    ChatResponse,
    Finish,
    SlotRequest,
    SlotResponse,
    TokenUsage,
)
from llms.providers.slots import from_prompt_logprobs, laid_out

_FINISH: dict[str, Finish] = {"stop": "stop", "length": "length"}


class VllmModel:
    """One engine and one worker thread. Every request has sampling parameters of its own.

    ``engine`` is keyword arguments of ``vllm.LLM``. Concurrent callers are batched: while one batch
    runs, the next gathers.
    """

    def __init__(
        self, name: ModelName, capabilities: frozenset[Capability], engine: dict[str, Any]
    ) -> None:
        try:
            import vllm
        except ImportError as error:
            raise MissingExtra(
                "models in process need vLLM", "install neuroscribe[vllm] on a GPU host"
            ) from error
        self._vllm = vllm
        self._name = str(name)
        self._capabilities = capabilities
        try:
            self._llm = vllm.LLM(name.model, max_logprobs=-1, **engine)
        except Exception as error:
            raise ModelUnavailable(
                f"{self._name!r} cannot be loaded: {str(error).splitlines()[0]}",
                "check the path, the memory and llm_engine in the settings",
            ) from error
        self._tokenizer = self._llm.get_tokenizer()
        self._longest = int(self._llm.llm_engine.model_config.max_model_len)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="vllm")
        self._waiting: list[tuple[dict[str, Any], Any, asyncio.Future[Any]]] = []
        self._runner: asyncio.Task[None] | None = None
        self._pieces: dict[str, tuple[int, ...]] = {}

    @property
    def name(self) -> str:
        """As the user wrote it."""
        return self._name

    @property
    def capabilities(self) -> frozenset[Capability]:
        """As declared."""
        return self._capabilities

    async def close(self) -> None:
        """Let the running batch end and give the engine's memory back."""
        await asyncio.to_thread(self._thread.shutdown)
        del self._llm

    async def chat(self, request: ChatRequest) -> ChatResponse:
        """One conversation through the model's chat template."""
        check(self.name, self.capabilities, request)
        prompt = self._templated(request)
        sampling = self._vllm.SamplingParams(
            max_tokens=request.max_tokens,
            temperature=0.0 if request.temperature is None else request.temperature,
            seed=None if request.seed is None else request.seed + request.sample,
            logprobs=request.top_logprobs or None,
            structured_outputs=self._structured(request),
        )
        answer = await self._run(prompt, sampling)
        said = answer.outputs[0]
        first: tuple[tuple[str, float], ...] = ()
        if request.top_logprobs and said.logprobs:
            listed = said.logprobs[0].values()
            first = tuple((t.decoded_token or "", float(t.logprob)) for t in listed)
        return ChatResponse(
            model=self.name,
            usage=TokenUsage(input_tokens=len(prompt), output_tokens=len(said.token_ids)),
            text=said.text,
            finish=_FINISH.get(said.finish_reason or "stop", "stop"),
            first_token=first,
        )

    async def stream(self, request: ChatRequest) -> AsyncIterator[str | ChatResponse]:
        """The whole answer in one piece: a batch engine in process does not stream."""
        answer = await self.chat(request)
        yield answer.text
        yield answer

    async def slots(self, request: SlotRequest) -> SlotResponse:
        """One request for the whole text; its own tokens are positions, so alignment is exact."""
        check(self.name, self.capabilities, request)
        pieces = (*request.segments, request.filler, *request.candidates)
        ids = {piece: self._encode(piece) for piece in pieces}
        prompt, places = laid_out(request, ids, self._start())
        sampling = self._vllm.SamplingParams(
            max_tokens=1, temperature=0.0, prompt_logprobs=request.top
        )
        answer = await self._run(prompt, sampling)
        found = from_prompt_logprobs(
            answer.prompt_logprobs or [],
            len(prompt),
            places,
            {c: ids[c] for c in request.candidates},
        )
        return SlotResponse(
            model=self.name,
            usage=TokenUsage(input_tokens=len(prompt), output_tokens=1),
            slots=tuple(found),
        )

    def _encode(self, piece: str) -> tuple[int, ...]:
        if piece not in self._pieces:
            self._pieces[piece] = tuple(
                self._tokenizer.encode(piece, add_special_tokens=False) if piece else ()
            )
        return self._pieces[piece]

    def _start(self) -> tuple[int, ...]:
        return tuple(self._tokenizer.encode("", add_special_tokens=True))

    def _templated(self, request: ChatRequest) -> list[int]:
        turns = [{"role": m.role, "content": m.text} for m in request.messages]
        if getattr(self._tokenizer, "chat_template", None):
            text = self._tokenizer.apply_chat_template(
                turns, tokenize=False, add_generation_prompt=True
            )
            return list(self._tokenizer.encode(text, add_special_tokens=False))
        text = "\n\n".join(f"{t['role']}: {t['content']}" for t in turns) + "\n\nassistant:"
        return list(self._tokenizer.encode(text))

    def _structured(self, request: ChatRequest) -> Any:
        if request.answer_schema is None:
            return None
        from vllm.sampling_params import StructuredOutputsParams

        return StructuredOutputsParams(json=request.answer_schema)

    async def _run(self, prompt: list[int], sampling: Any) -> Any:
        if len(prompt) + sampling.max_tokens > self._longest:
            raise ContextTooLong(
                f"{self.name!r}: {len(prompt)} tokens and {sampling.max_tokens} to write do not "
                f"fit in {self._longest}",
                "give fewer or shorter excerpts",
            )
        done: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._waiting.append(({"prompt_token_ids": prompt}, sampling, done))
        if self._runner is None or self._runner.done():
            self._runner = asyncio.create_task(self._batches())
        return await done

    async def _batches(self) -> None:
        await asyncio.sleep(0)  # let everyone who is about to ask join the first batch
        while self._waiting:
            batch, self._waiting = self._waiting, []
            batch = [item for item in batch if not item[2].cancelled()]
            if not batch:
                continue
            prompts, samplings = [b[0] for b in batch], [b[1] for b in batch]
            try:
                answers = await asyncio.get_running_loop().run_in_executor(
                    self._thread, partial(self._llm.generate, prompts, samplings, use_tqdm=False)
                )
            except Exception as error:
                failed = ModelUnavailable(f"{self.name!r} failed: {error}", transient=False)
                for _, _, done in batch:
                    if not done.done():
                        done.set_exception(failed)
                continue
            for (_, _, done), answer in zip(batch, answers, strict=True):
                if not done.done():
                    done.set_result(answer)
