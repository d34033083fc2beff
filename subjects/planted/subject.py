"""The subject ``planted``: units that are known functions of the text, behind the usual protocol.

Start with :func:`load_planted`. Every consumer of an ordinary subject can be pointed at it, and
:meth:`PlantedSubject.truth` says what the answer should have been.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from core.errors import UnknownSite, UnsupportedOperation
from core.hashing import fingerprint, text_hash, unit_interval
from core.ids import UnitId
from core.patterns import SCALE, TokenGrid, evaluate
from core.patterns.grid import Vocabulary as GridVocabulary
from subjects.planted.families import build
from subjects.planted.noise import Draws, Words, noise, window_keys
from subjects.planted.tokens import TokenSource, load_tokens
from subjects.planted.truth import Definition, Family, Truth
from subjects.protocol import Aligned, Batch, Edit, SiteInfo, SubjectSpec, Vocabulary, resolve

NAME = "planted"
REVISION = "planted@1"
JITTER = 0.15
WEAKEST, STRONGEST = 0.5, 20.0
MAX_TEXT = 4096
_JITTER_STREAM, _NOISE_STREAM = 101, 102

Floats = NDArray[np.float32]


class PlantedSubject:
    """A subject without a network; see the module's docstring and ``docs/planted.md``.

    A unit depends on the tokens of its window alone: never on the other rows of the batch, nor on
    the beginning-of-text token. ``seed`` moves strengths, jitter and noise, not the patterns.
    """

    def __init__(self, tokens: TokenSource, *, seed: int = 0) -> None:
        self._tokens = tokens
        self._seed = seed
        strings = tokens.vocabulary.strings
        text = (s for i, s in enumerate(strings) if i not in tokens.vocabulary.special)
        self._families = build(text)
        number = {s: i for i, s in enumerate(dict.fromkeys(strings))}
        self._grid_vocabulary = GridVocabulary(tuple(number))
        self._grid_ids = np.array([number[s] for s in strings], dtype=np.int32)
        self._strengths = {
            name: np.array([self._strength(name, i) for i in range(len(family.units))])
            for name, family in self._families.items()
        }
        definitions = [[name, list(map(_identity, f.units))] for name, f in self._families.items()]
        self._spec = SubjectSpec(
            name=NAME,
            family="planted",
            source="builtin:planted",
            revision=REVISION,
            weights=fingerprint([definitions, seed, tokens.digest]),
            tokenizer=tokens.digest,
        )

    @property
    def spec(self) -> SubjectSpec:
        """Identity; ``weights`` names the definitions, the seed and the tokenizer."""
        return self._spec

    @property
    def vocabulary(self) -> Vocabulary:
        """Token strings by ID."""
        return self._tokens.vocabulary

    @property
    def max_text(self) -> int:
        """The longest window; nothing here depends on a fixed number of positions."""
        return MAX_TEXT

    def sites(self) -> Mapping[str, SiteInfo]:
        """One site a family, expressible ones first."""
        return {
            name: SiteInfo(name, len(family.units), 0, family.non_negative)
            for name, family in self._families.items()
        }

    def tokenize(self, text: str) -> list[int]:
        """Token IDs of ``text`` without any prefix."""
        return self._tokens.encode(text)

    def aligned(self, text: str) -> Aligned:
        """:meth:`tokenize`, and which characters each token stands for."""
        return self._tokens.align(text)

    def batch(self, windows: NDArray[np.int64]) -> Batch:
        """Windows [n, length] with the beginning-of-text token before each."""
        rows = np.asarray(windows, dtype=np.int64)
        prefix = np.full((len(rows), 1), self._tokens.bos, dtype=np.int64)
        return Batch(np.concatenate([prefix, rows], axis=1), 1, rows.shape[1])

    def activations(self, batch: Batch, sites: Sequence[str]) -> dict[str, torch.Tensor]:
        """Values at ``sites``, each [n, text length, width] float32, on the CPU.

        Raises :class:`core.errors.UnknownSite`, and :class:`core.errors.UnsupportedOperation` for
        a batch with padding: a unit's noise hangs on the whole window.
        """
        ids, grid = self._read(batch, sites)
        keys = window_keys(ids, self._seed)
        return {site: torch.from_numpy(self._values(site, grid, keys)) for site in sites}

    def oracle(self, batch: Batch, sites: Sequence[str]) -> dict[str, torch.Tensor]:
        """As :meth:`activations`, without jitter and noise: the best any explanation can predict.

        Zero where there is nothing to explain (dead units and pure noise).
        """
        _, grid = self._read(batch, sites)
        return {site: torch.from_numpy(self._signal(site, grid)) for site in sites}

    def truth(self, unit: UnitId) -> Truth:
        """What ``unit`` really does.

        Raises :class:`core.errors.UnknownSite` or :class:`core.errors.UnitOutOfRange`.
        """
        resolve(self, unit)
        family = self._families[unit.site]
        definition = family.units[unit.index]
        strength = float(self._strengths[unit.site][unit.index])
        jitter = JITTER if _jittered(definition, unit.index) else 0.0
        return Truth.of(str(unit), family, definition, strength, jitter)

    def logits(
        self, batch: Batch, edits: Sequence[Edit] = (), *, gradients: bool = False
    ) -> torch.Tensor:
        """Always raises :class:`core.errors.UnsupportedOperation`: there is no output."""
        raise _no_output("logits")

    def generate(self, prompt: str, *, max_new_tokens: int, edits: Sequence[Edit] = ()) -> str:
        """Always raises :class:`core.errors.UnsupportedOperation`: there is no output."""
        raise _no_output("generated text")

    def unembed(self) -> torch.Tensor | None:
        """None: planted units write to nothing."""
        return None

    def output_weights(self, site: str) -> torch.Tensor | None:
        """None: planted units write to nothing."""
        return None

    def input_weights(self, site: str) -> torch.Tensor | None:
        """None: planted units read the text."""
        return None

    def input_bias(self, site: str) -> torch.Tensor | None:
        """None: planted units read the text."""
        return None

    def logit_weights(self, site: str, indices: Sequence[int]) -> torch.Tensor | None:
        """None: planted units write to nothing."""
        return None

    def promoted(
        self, site: str, index: int, count: int
    ) -> tuple[list[tuple[str, float]], list[tuple[str, float]]] | None:
        """None: planted units promote no token."""
        return None

    def _read(self, batch: Batch, sites: Sequence[str]) -> tuple[NDArray[np.int64], TokenGrid]:
        for site in sites:
            if site not in self._families:
                raise UnknownSite(
                    f"subject {NAME!r} has no site {site!r}", "sites: " + ", ".join(self._families)
                )
        if batch.mask is not None and not batch.mask.all():
            raise UnsupportedOperation(
                f"subject {NAME!r} cannot read padded windows", "give windows of one length"
            )
        ids = batch.ids[:, batch.start : batch.start + batch.length]
        known = np.ones(ids.shape, dtype=np.bool_)
        return ids, TokenGrid(self._grid_vocabulary, self._grid_ids[ids], known)

    def _strength(self, site: str, index: int) -> float:
        position = unit_interval("planted/strength/1", str(self._seed), site, str(index))
        return WEAKEST * float((STRONGEST / WEAKEST) ** position)

    def _signal(self, site: str, grid: TokenGrid) -> Floats:
        family = self._families[site]
        if not any(d.pattern or d.rule for d in family.units):
            return np.zeros((*grid.shape, len(family.units)), dtype=np.float32)
        columns = np.stack([_plain(definition, grid) for definition in family.units])
        columns *= (family.sign * self._strengths[site]).astype(np.float32)[:, None, None]
        return np.ascontiguousarray(columns.transpose(1, 2, 0))

    def _values(self, site: str, grid: TokenGrid, keys: Words) -> Floats:
        family, length = self._families[site], grid.shape[1]
        keys = keys ^ np.uint64(text_hash("planted/site/1", site))
        if family.noise_kinds:
            units = np.arange(len(family.units), dtype=np.int64)
            drawn = noise(keys, length, units, family.noise_kinds)
            return drawn * self._strengths[site].astype(np.float32)
        values = self._signal(site, grid)
        self._jitter(family, values, keys)
        self._add_noise(family, values, keys)
        return np.maximum(values, 0, out=values) if family.non_negative else values

    def _jitter(self, family: Family, values: Floats, keys: Words) -> None:
        units = np.array([i for i, d in enumerate(family.units) if _jittered(d, i)], dtype=np.int64)
        if len(units) and len(keys):
            draws = Draws(keys, values.shape[1], units)
            spread = 2 * Draws.uniform(draws.bits(_JITTER_STREAM)) - 1
            values[:, :, units] *= 1 + np.float32(JITTER) * spread

    def _add_noise(self, family: Family, values: Floats, keys: Words) -> None:
        shares = np.array([d.noise for d in family.units])
        units = np.flatnonzero(shares)
        if len(units) and len(keys):
            spread = (shares * self._strengths[family.name])[units].astype(np.float32)
            draws = Draws(keys, values.shape[1], units)
            values[:, :, units] += spread * Draws.normal(draws.bits(_NOISE_STREAM))


def load_planted(tokenizer_source: Path | None = None, *, seed: int = 0) -> PlantedSubject:
    """The planted subject, with the demo subject's tokenizer or the one at ``tokenizer_source``.

    Raises :class:`core.errors.SubjectLoadError` when there is no such tokenizer.
    """
    return PlantedSubject(load_tokens(tokenizer_source), seed=seed)


def _identity(definition: Definition) -> str:
    """What a unit computes, whatever words describe it."""
    return repr((definition.pattern, definition.rule, definition.noise))


def _plain(definition: Definition, grid: TokenGrid) -> Floats:
    if definition.pattern is not None:
        return (evaluate(definition.pattern, grid) / SCALE).astype(np.float32)
    if definition.rule is not None:
        return definition.rule(grid)
    return np.zeros(grid.shape, dtype=np.float32)


def _jittered(definition: Definition, index: int) -> bool:
    return index % 2 == 1 and (definition.pattern is not None or definition.rule is not None)


def _no_output(what: str) -> UnsupportedOperation:
    return UnsupportedOperation(
        f"subject {NAME!r} has no {what}: its units are functions of the text, not of a network",
        "use it to check explanations; interventions need a trained subject such as 'demo'",
    )
