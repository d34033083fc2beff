"""The only retrier: providers say which errors may pass, their SDKs never retry themselves."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from tenacity import AsyncRetrying, RetryCallState, retry_if_exception, stop_after_attempt
from tenacity.wait import wait_random_exponential

from core.errors import ModelError
from llms.protocol import Model, Request
from llms.wrappers.base import R, Wrapper

ATTEMPTS = 6
LONGEST_WAIT = 60.0


class Retry(Wrapper):
    """Asks again after errors that may pass, at most ``attempts`` times in all.

    Waits as long as the server says (at most ``longest`` seconds), else a random time that doubles.
    The answer's ``attempts`` counts every request; an error's count is in its message.
    """

    def __init__(
        self,
        inner: Model,
        *,
        attempts: int = ATTEMPTS,
        first_wait: float = 1.0,
        longest: float = LONGEST_WAIT,
    ) -> None:
        super().__init__(inner)
        self.attempts = attempts
        self.longest = longest
        self._random = wait_random_exponential(multiplier=first_wait, max=longest)

    async def around(self, request: Request, ask: Callable[[], Awaitable[R]]) -> R:
        """Ask until there is an answer, an error that will stay, or no attempt left."""
        made = 0
        try:
            async for attempt in AsyncRetrying(
                stop=stop_after_attempt(self.attempts),
                wait=self._wait,
                retry=retry_if_exception(_may_pass),
                reraise=True,
            ):
                with attempt:
                    made += 1
                    answer = await ask()
        except ModelError as error:
            error.attempts = made
            raise
        return answer.model_copy(update={"attempts": made})

    def _wait(self, state: RetryCallState) -> float:
        error = state.outcome.exception() if state.outcome else None
        told = error.retry_after if isinstance(error, ModelError) else None
        return self._random(state) if told is None else min(max(told, 0.0), self.longest)


def _may_pass(error: BaseException) -> bool:
    return isinstance(error, ModelError) and error.transient
