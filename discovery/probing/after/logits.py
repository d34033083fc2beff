"""What a unit does to the next token by the direct path, by class of token.

The unit's row of logit weights (:meth:`subjects.protocol.Subject.logit_weights`) is compared
between the tokens of a class and all others. Classes are boolean [classes, vocabulary], made by
whoever knows them; :data:`CHARACTERS` are a few that hang on a token's characters alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from discovery.probing.after.reading import check
from discovery.probing.after.records import ClassEffect, LogitEffects, UnitLogits
from discovery.probing.statistics import Array, Flags, reached
from subjects.protocol import Subject, Vocabulary

_AT_ONCE = 1 << 23  # numbers of one block [units, vocabulary]
_DRAWS = 100
_LEAST_TOKENS = 5

Test = Callable[[str], bool]

CHARACTERS: Mapping[str, Test] = {
    "upper": lambda token: token.strip().isalpha() and token.strip().isupper(),
    "lower": lambda token: token.strip().isalpha() and token.strip().islower(),
    "title": lambda token: token.strip().isalpha() and token.strip().istitle(),
    "digits": lambda token: token.strip().isdigit(),
    "punctuation": lambda token: bool(token.strip()) and not any(map(str.isalnum, token)),
    "space": str.isspace,
    "starts_word": lambda token: token[:1] == " " and token[1:2].isalpha(),
}
"""Classes by a token's characters, spaces around it left aside."""


def token_classes(vocabulary: Vocabulary, tests: Mapping[str, Test]) -> dict[str, Flags]:
    """Which tokens pass each test, by its name [vocabulary]; special tokens are in no class."""
    text = _text(vocabulary)
    return {
        name: text & np.array([test(token) for token in vocabulary.strings], dtype=np.bool_)
        for name, test in tests.items()
    }


def logit_effects(
    subject: Subject,
    site: str,
    units: Sequence[int],
    classes: Mapping[str, Flags],
    *,
    draws: int = _DRAWS,
    seed: int = 0,
) -> LogitEffects:
    """Difference and AUROC between each class and all other tokens, for each unit.

    ``classes`` are [vocabulary]; one with fewer than five tokens, or with fewer outside, is left
    out. The null are ``draws`` other units of the site (all of them where there are no more). A
    site without a direct path to the logits gets a reason.
    """
    check(subject, site, units)
    others = np.setdiff1d(np.arange(subject.sites()[site].width), units)
    drawn = np.random.default_rng(seed).permutation(others)[:draws]
    text = _text(subject.vocabulary)
    kept = {
        name: flags[text]
        for name, flags in classes.items()
        if min(int(flags[text].sum()), int((~flags[text]).sum())) >= _LEAST_TOKENS
    }
    if not kept:
        return _nothing(site, f"no class has {_LEAST_TOKENS} tokens and as many outside")
    found: list[tuple[float, Array, Array]] = []
    null: list[tuple[float, Array]] = []
    members = np.stack(list(kept.values()))
    for block in _weights(subject, site, [*units, *drawn.tolist()], text):
        left = len(units) - len(found)
        found += [(float(row.std()), *_compared(row, members)) for row in block[: max(left, 0)]]
        null += [(float(row.std()), _differences(row, members)) for row in block[max(left, 0) :]]
    if not found:
        return _nothing(
            site, f"site {site!r} of {subject.spec.name!r} has no direct path to logits"
        )
    return LogitEffects(
        site=site,
        draws=len(drawn),
        units=tuple(_unit(unit, one, null, kept) for unit, one in zip(units, found, strict=True)),
    )


def _weights(
    subject: Subject, site: str, units: Sequence[int], text: Flags
) -> Iterator[NDArray[np.float32]]:
    """Logit weights of text tokens, a few units at a time; nothing where the site has none."""
    step = max(1, _AT_ONCE // len(text))
    for start in range(0, len(units), step):
        weights = subject.logit_weights(site, units[start : start + step])
        if weights is None:
            return
        columns = np.flatnonzero(text[: weights.shape[1]])
        rows = np.zeros((len(weights), int(text.sum())), dtype=np.float32)
        rows[:, : len(columns)] = weights[:, columns].cpu().numpy()
        yield rows


def _differences(row: NDArray[np.float32], members: Flags) -> Array:
    """Mean of each class less mean of the rest, in standard deviations [classes]."""
    sizes = members.sum(1)
    sums = members @ row.astype(np.float64)
    rest = (row.sum(dtype=np.float64) - sums) / (members.shape[1] - sizes)
    spread = float(row.std())
    return np.asarray((sums / sizes - rest) / spread if spread > 0 else np.zeros(len(members)))


def _compared(row: NDArray[np.float32], members: Flags) -> tuple[Array, Array]:
    """Differences and AUROCs [classes] of one unit."""
    from scipy.stats import rankdata

    sizes = members.sum(1).astype(np.float64)
    ranks = members @ rankdata(row)
    pairs = sizes * (members.shape[1] - sizes)
    return _differences(row, members), (ranks - sizes * (sizes + 1) / 2) / pairs


def _unit(
    unit: int,
    found: tuple[float, Array, Array],
    null: Sequence[tuple[float, Array]],
    classes: Mapping[str, Flags],
) -> UnitLogits:
    spread, differences, aurocs = found
    others = np.abs(np.array([row for _, row in null])).reshape(len(null), len(classes))
    effects = [
        ClassEffect(
            name=name,
            tokens=int(flags.sum()),
            difference=float(differences[c]),
            auroc=float(aurocs[c]),
            null_p95=float(np.quantile(others[:, c], 0.95)) if len(null) else None,
            p=reached(abs(differences[c]), others[:, c]) if len(null) else None,
        )
        for c, (name, flags) in enumerate(classes.items())
    ]
    return UnitLogits(
        unit=unit,
        spread=spread,
        null_spread=float(np.median([one for one, _ in null])) if null else None,
        classes=tuple(sorted(effects, key=lambda effect: -abs(effect.difference))),
    )


def _text(vocabulary: Vocabulary) -> Flags:
    text = np.ones(len(vocabulary.strings), dtype=np.bool_)
    text[[i for i in vocabulary.special if i < len(text)]] = False
    return text


def _nothing(site: str, reason: str) -> LogitEffects:
    return LogitEffects(site=site, draws=0, units=(), reason=reason)
