"""A model that is a Python function, for tests and for trying prompts out."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

from llms.capabilities import KNOWN, check
from llms.protocol import (
    Capability,
    ChatRequest,
    ChatResponse,
    SlotRequest,
    SlotResponse,
    TokenUsage,
)

ALL: frozenset[Capability] = KNOWN  # type: ignore[assignment]


class FakeChatModel:
    """Answers with what ``function`` returns: a whole response, or just its text.

    Keeps every request in ``requests``. Raises whatever the function raises.
    """

    def __init__(
        self,
        function: Callable[[ChatRequest], str | ChatResponse],
        *,
        slots: Callable[[SlotRequest], tuple[dict[str, float], ...]] | None = None,
        name: str = "openai:fake",
        capabilities: frozenset[Capability] = ALL,
    ) -> None:
        self._function = function
        self._slots = slots
        self._name = name
        self._capabilities = capabilities if slots else capabilities - {"slots"}
        self.requests: list[ChatRequest | SlotRequest] = []

    @property
    def name(self) -> str:
        """As given."""
        return self._name

    @property
    def capabilities(self) -> frozenset[Capability]:
        """As given; ``slots`` only with a function for it."""
        return self._capabilities

    async def chat(self, request: ChatRequest) -> ChatResponse:
        """Call the function."""
        check(self.name, self.capabilities, request)
        self.requests.append(request)
        answer = self._function(request)
        if isinstance(answer, ChatResponse):
            return answer
        words = TokenUsage(input_tokens=1, output_tokens=1)
        return ChatResponse(model=self.name, usage=words, text=answer, finish="stop")

    async def slots(self, request: SlotRequest) -> SlotResponse:
        """Call the function for slots."""
        check(self.name, self.capabilities, request)
        self.requests.append(request)
        assert self._slots is not None
        return SlotResponse(model=self.name, usage=TokenUsage(), slots=self._slots(request))

    async def stream(self, request: ChatRequest) -> AsyncIterator[str | ChatResponse]:
        """The answer word by word."""
        answer = await self.chat(request)
        for word in answer.text.split(" "):
            yield word
        yield answer

    async def close(self) -> None:
        """Nothing to give back."""
