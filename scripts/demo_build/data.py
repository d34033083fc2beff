"""Training text: the standard library of the running Python and the generated phenomena.

Text becomes one token stream a source and split, documents joined by <|bos|>, cached as
`.npy` (uint16).  A training row is <|bos|> and then consecutive tokens from anywhere in a
stream, so that most rows start in the middle of a document, as the windows in which the
subjects will be read do.  Which rows a step sees is a pure function of (seed, step).
"""

from __future__ import annotations

import hashlib
import re
import sysconfig
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count, islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from demo_build.tokenizer import BOS_ID, VOCABULARY
from subjects.corpora import generated

Tokens = NDArray[np.uint16]

STDLIB = "stdlib"
SOURCES: tuple[str, ...] = (STDLIB, *generated.PHENOMENA)
HELDOUT_PERCENT = 5
ENCODINGS_KEPT_PERCENT = 8
_LEFT_OUT = {"test", "tests", "idle_test", "site-packages", "dist-packages", "__pycache__"}
_MACHINE_SPECIFIC = re.compile(r"^(_sysconfigdata|config-)")
TOKENIZER_WITHOUT = {"rosters"}  # the words are those of indirect_objects
TOKENIZER_WEIGHTS = {"agreement": 2.5, "arithmetic": 0.3}
_BLOCK = 200  # generated documents tokenised at a time


@dataclass(frozen=True)
class Text:
    """One document: `type` is what the card reports losses by."""

    id: str
    text: str
    type: str


def _percentile(name: str) -> int:
    """A stable number 0..99 for a name."""
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big") % 100


def stdlib_files(root: Path | None = None) -> list[tuple[str, Path]]:
    """(relative POSIX path, path) of the sources used, sorted.

    Left out: tests, third-party packages, files that describe one machine's build, and
    most of `encodings/` (character tables).
    """
    base = root or Path(sysconfig.get_paths()["stdlib"])
    found = []
    for path in base.rglob("*.py"):
        relative = path.relative_to(base)
        name = relative.as_posix()
        if _LEFT_OUT & set(relative.parts) or any(
            _MACHINE_SPECIFIC.match(part) for part in relative.parts
        ):
            continue
        if relative.parts[0] == "encodings" and _percentile("kept " + name) >= (
            ENCODINGS_KEPT_PERCENT
        ):
            continue
        found.append((name, path))
    return sorted(found)


def stdlib_documents(split: generated.Split) -> Iterator[Text]:
    """Sources of one split; about 5 % of the files, by a hash of the path, are held out."""
    for name, path in stdlib_files():
        if (_percentile(name) < HELDOUT_PERCENT) == (split == "heldout"):
            text = path.read_bytes().decode("utf-8", errors="replace").replace("\r\n", "\n")
            if text.strip():
                yield Text(f"stdlib/{name}", text, STDLIB)


def source_documents(
    source: str, split: generated.Split, seed: int, start: int = 0
) -> Iterator[Text]:
    """Documents of one source; endless for generated text."""
    if source == STDLIB:
        yield from stdlib_documents(split)
        return
    for first in count(start, _BLOCK):
        for document in generated.documents(
            source, seed=seed, count=_BLOCK, start=first, split=split
        ):
            yield Text(document.id, document.text, document.type)


def tokenizer_sample(seed: int, characters: int) -> Iterator[str]:
    """Text for the tokenizer: every other file of the library, and `characters` of every
    phenomenon (more of agreement, whose many verb forms must each become one token; with all
    of the library a third of them did not)."""
    for document in islice(stdlib_documents("train"), 0, None, 2):
        yield document.text
    for phenomenon in generated.PHENOMENA:
        if phenomenon in TOKENIZER_WITHOUT:
            continue
        used = 0.0
        for document in source_documents(phenomenon, "train", seed):
            yield document.text
            used += len(document.text) / TOKENIZER_WEIGHTS.get(phenomenon, 1.0)
            if used >= characters:
                break


def token_stream(
    source: str, split: generated.Split, seed: int, tokens: int, tokenizer: Tokenizer, cache: Path
) -> Tokens:
    """At least `tokens` tokens of a source (all there is, for the library), from the cache
    or made now.  Every document is preceded by <|bos|>."""
    file = cache / f"{source}-{split}-{seed}-{tokens}.npy"
    if file.exists():
        loaded: Tokens = np.load(file, allow_pickle=False)
        return loaded
    parts: list[Tokens] = []
    total = 0
    documents = source_documents(source, split, seed)
    while total < tokens or source == STDLIB:
        block = [document for document, _ in zip(documents, range(_BLOCK), strict=False)]
        if not block:
            break
        for encoding in tokenizer.encode_batch([document.text for document in block]):
            parts.append(np.array([BOS_ID, *encoding.ids], dtype=np.uint16))
            total += len(parts[-1])
    stream = np.concatenate(parts)
    cache.mkdir(parents=True, exist_ok=True)
    partial = file.with_suffix(".partial.npy")
    np.save(partial, stream, allow_pickle=False)
    partial.replace(file)
    return stream


@dataclass(frozen=True)
class Plan:
    """Which rows each step sees: every row's source and offset, and each step's length."""

    lengths: NDArray[np.int64]  # [steps], tokens a row including <|bos|>
    first_row: NDArray[np.int64]  # [steps + 1]
    source: NDArray[np.int64]  # [rows], index into SOURCES
    offset: NDArray[np.int64]  # [rows], into that source's stream

    @property
    def steps(self) -> int:
        """Number of steps."""
        return len(self.lengths)


def make_plan(
    streams: dict[str, Tokens],
    mix: dict[str, float],
    *,
    tokens: int,
    tokens_per_step: int,
    lengths: tuple[tuple[int, float], ...],
    seed: int,
) -> Plan:
    """Lay out a whole training run.

    Offsets within a source follow the golden-ratio sequence, so that a stream is covered
    evenly (no token is seen much more often than another) whatever the budget.
    """
    rng = np.random.default_rng(seed)
    steps = max(1, tokens // tokens_per_step)
    sizes = np.array([length for length, _ in lengths])
    chances = np.array([share for _, share in lengths])
    step_lengths = rng.choice(sizes, size=steps, p=chances / chances.sum())
    rows_per_step = tokens_per_step // step_lengths
    first_row = np.concatenate([[0], np.cumsum(rows_per_step)])
    rows = int(first_row[-1])
    shares = np.array([mix.get(source, 0.0) for source in SOURCES])
    source = rng.choice(len(SOURCES), size=rows, p=shares / shares.sum())
    offset = np.zeros(rows, dtype=np.int64)
    golden = (5**0.5 - 1) / 2
    for index, name in enumerate(SOURCES):
        chosen = np.flatnonzero(source == index)
        if len(chosen):
            room = len(streams[name]) - int(sizes.max())
            if room < 1:
                raise ValueError(f"the stream of {name!r} is shorter than one row")
            place = (rng.random() + golden * np.arange(len(chosen))) % 1.0
            offset[chosen] = (place * room).astype(np.int64)
    return Plan(step_lengths, first_row, source, offset)


def batch(plan: Plan, streams: dict[str, Tokens], step: int) -> NDArray[np.int64]:
    """Token ids of one step, [rows, length]; the first column is <|bos|>."""
    length = int(plan.lengths[step])
    rows = range(int(plan.first_row[step]), int(plan.first_row[step + 1]))
    out = np.full((len(rows), length), BOS_ID, dtype=np.int64)
    for place, row in enumerate(rows):
        start = int(plan.offset[row])
        stream = streams[SOURCES[int(plan.source[row])]]
        if stream[start] == BOS_ID:  # the row brings its own
            start += 1
        out[place, 1:] = stream[start : start + length - 1]
    return out


def token_frequencies(plan: Plan, streams: dict[str, Tokens]) -> NDArray[np.float64]:
    """How often each token comes in a plan's rows, summing to 1; none is quite 0."""
    rows = np.bincount(plan.source, minlength=len(SOURCES))
    total = np.full(VOCABULARY, 1e-7)
    for source, share in zip(SOURCES, rows / rows.sum(), strict=True):
        if share:
            counts = np.bincount(streams[source], minlength=VOCABULARY)
            total += share * counts / counts.sum()
    frequencies: NDArray[np.float64] = total / total.sum()
    return frequencies
