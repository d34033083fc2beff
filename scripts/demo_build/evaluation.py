"""How good a demo subject is: held-out losses and task accuracies, with intervals."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from tokenizers import Tokenizer
from torch import Tensor, nn

from demo_build.data import SOURCES, STDLIB, source_documents
from demo_build.models import Recipe, hidden_states, logits_of
from demo_build.tokenizer import BOS_ID, PAD_ID
from demo_build.training import IGNORED, mask_tokens

WINDOW = 64
BATCH = 64
TASKS = ("agreement_simple", "agreement", "arithmetic", "arithmetic_hard", "ioi", "pronoun")


class Choice(Protocol):
    """One item of a task: which continuation fits the prompt?"""

    @property
    def prompt(self) -> str: ...  # noqa: D102

    @property
    def correct(self) -> str: ...  # noqa: D102

    @property
    def wrong(self) -> str: ...  # noqa: D102


@dataclass(frozen=True)
class Windows:
    """Held-out windows of 64 tokens.

    `ids` is [n, 1 + 64]: <|bos|> first, <|pad|> after a short document's end.  For each
    window there are the document's type, its id, and the character range of every token
    ([length, 2]) in the document's text.
    """

    ids: Tensor
    types: tuple[str, ...]
    documents: tuple[str, ...]
    offsets: tuple[NDArray[np.int64], ...]
    texts: dict[str, str]


def wilson(successes: int, n: int, z: float = 1.96) -> tuple[float, float]:
    """The Wilson (1927) score interval of a proportion.

    Raises:
        ValueError: n is 0.
    """
    if n < 1:
        raise ValueError("an interval needs at least one trial")
    share = successes / n
    middle = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    return max(0.0, middle - half), min(1.0, middle + half)


def proportion(successes: int, n: int) -> dict[str, float | int]:
    """A proportion with its interval, for the card."""
    low, high = wilson(successes, n)
    return {
        "value": round(successes / n, 4),
        "low": round(low, 4),
        "high": round(high, 4),
        "n": n,
    }


def heldout_windows(
    shares: dict[str, float], total: int, seed: int, tokenizer: Tokenizer
) -> Windows:
    """About `total` windows of held-out documents, divided as the training mix was.

    A generated document gives one window, 64 tokens from somewhere in it; a file of the
    library gives several where there are not enough files.
    """
    rng = np.random.default_rng(seed)
    rows: list[list[int]] = []
    types: list[str] = []
    names: list[str] = []
    offsets: list[NDArray[np.int64]] = []
    texts: dict[str, str] = {}
    for source in SOURCES:
        if source not in shares:
            continue
        wanted = max(8, round(total * shares[source]))
        documents: Iterable[Any] = source_documents(source, "heldout", seed)
        if source == STDLIB:
            documents = list(documents)
            per_document = max(1, math.ceil(wanted / max(1, len(documents))))
            documents = [documents[i] for i in rng.permutation(len(documents))]
        else:
            documents, per_document = islice(documents, wanted), 1
        found = 0
        for document in documents:
            encoding = tokenizer.encode(document.text)
            ids = encoding.ids
            texts[document.id] = document.text
            room = len(ids) - WINDOW
            starts = (
                [0]
                if room <= 0
                else sorted(set(rng.integers(0, room + 1, size=per_document).tolist()))
            )
            for start in starts:
                if found < wanted:
                    piece = ids[start : start + WINDOW]
                    rows.append([BOS_ID, *piece, *[PAD_ID] * (WINDOW - len(piece))])
                    types.append(document.type)
                    names.append(document.id)
                    spans = encoding.offsets[start : start + WINDOW]
                    offsets.append(np.array(spans, dtype=np.int64).reshape(-1, 2))
                    found += 1
    return Windows(torch.tensor(rows), tuple(types), tuple(names), tuple(offsets), texts)


def unigram_entropy(tokens: Sequence[int]) -> float:
    """Entropy in nats of the tokens' own frequencies: the best any fixed guess can do."""
    counts = np.array(list(Counter(tokens).values()), dtype=float)
    shares = counts / counts.sum()
    return float(-(shares * np.log(shares)).sum())


@torch.no_grad()
def causal_losses(model: nn.Module, windows: Windows) -> Tensor:
    """Loss in nats of every token after <|bos|>, [n, 64]; NaN at <|pad|>."""
    device = next(model.parameters()).device
    out = []
    for first in range(0, len(windows.ids), BATCH):
        ids = windows.ids[first : first + BATCH].to(device)
        hidden = hidden_states(model, ids[:, :-1])
        logits = logits_of(model, hidden.flatten(0, 1))
        losses = nn.functional.cross_entropy(logits, ids[:, 1:].flatten(), reduction="none")
        losses[ids[:, 1:].flatten() == PAD_ID] = float("nan")
        out.append(losses.view(len(ids), -1).cpu())
    return torch.cat(out)


def loss_report(model: nn.Module, windows: Windows) -> dict[str, Any]:
    """Held-out loss by document type, and against the unigram entropy of the same tokens."""
    losses = causal_losses(model, windows).numpy()
    kept = ~np.isnan(losses)
    by_type: dict[str, dict[str, float | int]] = {}
    for name in sorted(set(windows.types)):
        rows = np.array([kind == name for kind in windows.types])
        part = losses[rows][kept[rows]]
        by_type[name] = {"loss": round(float(part.mean()), 4), "tokens": int(part.size)}
    entropy = unigram_entropy(windows.ids[:, 1:].numpy()[kept].tolist())
    loss = float(losses[kept].mean())
    return {
        "loss": round(loss, 4),
        "tokens": int(kept.sum()),
        "unigram_entropy": round(entropy, 4),
        "reduction": round(1 - loss / entropy, 4),
        "by_type": by_type,
    }


@torch.no_grad()
def masked_report(
    model: nn.Module, windows: Windows, recipe: Recipe, seed: int = 7
) -> dict[str, Any]:
    """Top-1 accuracy at masked positions, and that of always saying the commonest token."""
    device = next(model.parameters()).device
    hits: dict[str, list[bool]] = defaultdict(list)
    answers: Counter[int] = Counter()
    loss = 0.0
    for first in range(0, len(windows.ids), BATCH):
        ids = windows.ids[first : first + BATCH].numpy()
        masked, targets = mask_tokens(ids, recipe.seed + seed, first)
        targets[ids == PAD_ID] = IGNORED
        masked[ids == PAD_ID] = PAD_ID
        asked = torch.from_numpy(targets != IGNORED)
        attention = torch.from_numpy((masked != PAD_ID).astype(np.int64)).to(device)
        hidden = hidden_states(model, torch.from_numpy(masked).to(device), attention)
        logits = logits_of(model, hidden[asked.to(device)]).cpu()
        right = torch.from_numpy(targets)[asked]
        loss += float(nn.functional.cross_entropy(logits, right, reduction="sum"))
        answers.update(right.tolist())
        rows = asked.nonzero()[:, 0].tolist()
        for row, hit in zip(rows, (logits.argmax(1) == right).tolist(), strict=True):
            hits[windows.types[first + row]].append(hit)
    every = [hit for part in hits.values() for hit in part]
    (_, commonest), *_ = answers.most_common(1)
    accuracy, unigram = proportion(sum(every), len(every)), commonest / len(every)
    return {
        "loss": round(loss / len(every), 4),
        "accuracy": accuracy,
        "unigram_accuracy": round(unigram, 4),
        "ratio": round(sum(every) / len(every) / unigram, 3),
        "by_type": {name: proportion(sum(part), len(part)) for name, part in sorted(hits.items())},
    }


@dataclass(frozen=True)
class ChoiceResult:
    """Counts over the items of one task."""

    n: int
    preferred: int  # the correct continuation got the higher probability
    exact: int  # and was the most probable of all tokens


@torch.no_grad()
def choose(model: nn.Module, items: Sequence[Choice], tokenizer: Tokenizer) -> ChoiceResult:
    """Ask for every item which of its two continuations the subject prefers.

    Both are tokenised with the prompt; the probabilities compared are those of the first
    token in which they differ, after all that they share.  Items in which one continuation
    begins with the other are left out (`n` counts the rest).
    """
    device = next(model.parameters()).device
    asked: list[tuple[list[int], int, int]] = []
    for item in items:
        right = tokenizer.encode(item.prompt + item.correct).ids
        wrong = tokenizer.encode(item.prompt + item.wrong).ids
        same = next((i for i, (a, b) in enumerate(zip(right, wrong, strict=False)) if a != b), None)
        if same is None:  # one begins with the other: no single token tells them apart
            continue
        asked.append(([BOS_ID, *right[:same]], right[same], wrong[same]))
    preferred = exact = 0
    for first in range(0, len(asked), BATCH):
        part = asked[first : first + BATCH]
        longest = max(len(ids) for ids, _, _ in part)
        padded = torch.tensor([ids + [PAD_ID] * (longest - len(ids)) for ids, _, _ in part])
        hidden = hidden_states(model, padded.to(device))
        last = torch.tensor([len(ids) - 1 for ids, _, _ in part], device=device)
        logits = logits_of(model, hidden[torch.arange(len(part), device=device), last]).cpu()
        for row, (_, right_id, wrong_id) in enumerate(part):
            preferred += int(logits[row, right_id] > logits[row, wrong_id])
            exact += int(logits[row].argmax() == right_id)
    return ChoiceResult(len(asked), preferred, exact)
