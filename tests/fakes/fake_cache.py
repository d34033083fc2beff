"""Which beginnings of prompts the server has seen before."""

from __future__ import annotations

from collections.abc import Sequence

STEP = 128


class PromptCache:
    """Prefixes of prompts, of ``least`` tokens and more."""

    def __init__(self, least: int) -> None:
        self._least = least
        self._seen: set[tuple[int, ...]] = set()

    def automatic(self, ids: Sequence[int]) -> int:
        """How many tokens were known, in steps, as OpenAI counts; ``ids`` are known from now on."""
        lengths = range(self._least, len(ids) + 1, STEP)
        return self.marked(ids, lengths)[0]

    def marked(self, ids: Sequence[int], ends: Sequence[int]) -> tuple[int, int]:
        """How many tokens were read and how many written, with a mark at each of ``ends``."""
        usable = [end for end in ends if end >= self._least]
        read = max((end for end in usable if tuple(ids[:end]) in self._seen), default=0)
        self._seen |= {tuple(ids[:end]) for end in usable}
        return read, max(usable, default=0) - read
