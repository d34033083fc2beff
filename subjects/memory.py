"""Runs a subject on many windows with what memory there is: half as many at once where it ran out.

How many windows go through the subject together changes nothing but speed (and, on some kernels,
the last bits of a sum), so a batch that does not fit is cut in two instead of failing its unit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch

from core.errors import SubjectOutOfMemory
from core.evidence import Ints

_SIGNS = ("out of memory", "can't allocate memory", "not enough memory")


def in_parts(
    run: Callable[[Ints], torch.Tensor], ids: Ints, at_once: int, *, subject: str
) -> Iterator[tuple[int, torch.Tensor]]:
    """``run`` on ``ids`` [n, tokens], at most ``at_once`` windows together: (first window, values).

    Where memory runs out, half as many windows are run at once from then on. Raises
    :class:`SubjectOutOfMemory` when a single one does not fit; ``subject`` is named in it.
    """
    start, size = 0, max(1, at_once)
    while start < len(ids):
        part = ids[start : start + size]
        try:
            values = run(part)
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
            if len(part) == 1:
                raise SubjectOutOfMemory(
                    f"subject {subject!r} ran out of memory on one window of {part.shape[1]} "
                    "tokens",
                    "end other programs, take a smaller --window, or NEUROSCRIBE_DTYPE=bfloat16",
                ) from error
        else:
            yield start, values
            start += len(part)
            continue
        # outside of the handler, where the error no longer holds what the pass had allocated
        size = len(part) // 2
        if torch.cuda.is_available():
            torch.cuda.empty_cache()


def is_out_of_memory(error: BaseException) -> bool:
    """Whether torch or Python says that memory ran out, on whatever device."""
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    return isinstance(error, RuntimeError) and any(sign in str(error) for sign in _SIGNS)
