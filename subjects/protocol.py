"""What a subject is: a model whose units can be read and edited, behind a narrow protocol.

A *site* is a place in the model with one value per unit and token (``mlp.2``). A *batch* is a
matrix of token IDs as the model receives them, which knows where the text begins; activations are
returned for text positions only, so beginning-of-text tokens never enter statistics or excerpts.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, runtime_checkable

import numpy as np
import torch
from numpy.typing import NDArray

from core.errors import UnitOutOfRange, UnknownSite
from core.hashing import fingerprint
from core.ids import UnitId


@dataclass(frozen=True, slots=True)
class SiteInfo:
    """One site. ``non_negative`` sites (ReLU) never go below zero, so 0 means silent."""

    name: str
    width: int
    layer: int
    non_negative: bool = False


@dataclass(frozen=True, slots=True)
class SubjectSpec:
    """What makes two runs the same model: stored with every result as ``hash``.

    ``source`` is a Hugging Face ID, a path or ``builtin:...``; ``weights`` a digest of the weights;
    ``edits`` names anything applied to the plain model (adapter, edit set).
    """

    name: str
    family: Literal["causal", "masked", "lstm", "planted"]
    source: str
    revision: str
    weights: str
    tokenizer: str
    dtype: str = "float32"
    edits: str = ""

    @property
    def hash(self) -> str:
        """16 hexadecimal digits over every field but the name and the place it was loaded from."""
        return fingerprint(
            [self.family, self.revision, self.weights, self.tokenizer, self.dtype, self.edits]
        )


@dataclass(frozen=True, slots=True)
class Batch:
    """Model input: ``ids`` [n, positions] int64; text occupies ``start`` .. ``start + length``.

    ``mask`` [n, positions] is True where a real token stands (None: everywhere).
    """

    ids: NDArray[np.int64]
    start: int
    length: int
    mask: NDArray[np.bool_] | None = None


EditKind = Literal["zero", "mean", "set", "add", "scale", "mask"]


@dataclass(frozen=True, slots=True)
class Edit:
    """A change of one site's values during a forward pass.

    ``units`` are indices at ``site`` (None: all). ``kind``:

    * ``zero``: v := 0
    * ``mean``: v := ``value`` (a mean the caller measured; [units] or a number)
    * ``set``: v := ``value`` ([units], a number, or [n, text positions, units] per token)
    * ``add``: v := v + ``value``
    * ``scale``: v := v * ``value``
    * ``mask``: v := (1 - m) v + m b with ``value`` = m and ``baseline`` = b, both [units] tensors
      that may require gradients (differentiable masking)

    ``positions`` are text positions (0 = first text token; None: every text position), the same for
    all rows, or a boolean [n, text positions].
    """

    site: str
    kind: EditKind
    units: Sequence[int] | None = None
    value: torch.Tensor | NDArray[np.float32] | float | None = None
    baseline: torch.Tensor | None = None
    positions: Sequence[int] | NDArray[np.bool_] | None = None


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """Token strings by ID as they are shown, and the IDs that are not text (BOS, padding, ...)."""

    strings: tuple[str, ...]
    special: frozenset[int] = field(default_factory=frozenset)

    def decode(self, ids: Sequence[int] | NDArray[np.int64]) -> tuple[str, ...]:
        """The strings of ``ids``, one for each."""
        return tuple(self.strings[int(i)] for i in ids)


@dataclass(frozen=True, slots=True)
class Aligned:
    """Tokens of a text and where they stand in it.

    ``offsets`` [n, 2] are the first character of each token and the one after its last. Tokens that
    share a character (bytes of one emoji) both have it; a space that a tokenizer counts to no token
    is in none.
    """

    ids: list[int]
    offsets: NDArray[np.int64]


@runtime_checkable
class Subject(Protocol):
    """A model under study. Implementations: Hugging Face, LSTM, planted."""

    @property
    def spec(self) -> SubjectSpec:
        """Identity of model, weights and tokenizer."""
        ...

    @property
    def vocabulary(self) -> Vocabulary:
        """Token strings by ID."""
        ...

    @property
    def max_text(self) -> int:
        """The most text tokens one window may have (positions less prefix and suffix)."""
        ...

    def sites(self) -> Mapping[str, SiteInfo]:
        """Every readable site by name, in order of depth."""
        ...

    def tokenize(self, text: str) -> list[int]:
        """Token IDs of ``text`` without any prefix or suffix."""
        ...

    def aligned(self, text: str) -> Aligned:
        """:meth:`tokenize`, and which characters of ``text`` each token stands for."""
        ...

    def batch(self, windows: NDArray[np.int64]) -> Batch:
        """Text windows [n, length] as model input (beginning-of-text token added)."""
        ...

    def activations(self, batch: Batch, sites: Sequence[str]) -> dict[str, torch.Tensor]:
        """Values at ``sites``, each [n, text length, width] float32, on the subject's device.

        No LM head is run, and nothing after the last site asked for.
        """
        ...

    def logits(
        self, batch: Batch, edits: Sequence[Edit] = (), *, gradients: bool = False
    ) -> torch.Tensor:
        """Next-token (or masked) logits at text positions [n, text length, vocabulary].

        With ``edits`` applied; ``gradients`` keeps the graph for learned masks. This is the
        architecture's ``intervene``.
        """
        ...

    def generate(self, prompt: str, *, max_new_tokens: int, edits: Sequence[Edit] = ()) -> str:
        """Greedy continuation of ``prompt`` under edits at every position."""
        ...

    def unembed(self) -> torch.Tensor | None:
        """The unembedding matrix [vocabulary, d_model], or None when there is none."""
        ...

    def output_weights(self, site: str) -> torch.Tensor | None:
        """What each unit writes to the residual stream [width, d_model], or None."""
        ...

    def input_weights(self, site: str) -> torch.Tensor | None:
        """What each unit reads from its block's input [width, d_model], or None."""
        ...

    def input_bias(self, site: str) -> torch.Tensor | None:
        """What is added to each unit's input before the nonlinearity [width], or None."""
        ...

    def logit_weights(self, site: str, indices: Sequence[int]) -> torch.Tensor | None:
        """Change of every logit per activation of the units [units, vocabulary], or None.

        The direct path only: final norm's gain, then unembedding, less the mean over the tokens
        that the tokenizer gives.
        """
        ...

    def promoted(
        self, site: str, index: int, count: int
    ) -> tuple[list[tuple[str, float]], list[tuple[str, float]]] | None:
        """Next tokens the unit pushes up and down most, with their logit weight per activation.

        Read from :meth:`logit_weights`; None where the site has none.
        """
        ...


SubjectFactory = Callable[[], Subject]


def resolve(subject: Subject, unit: UnitId) -> SiteInfo:
    """The site of ``unit``; raises with the nearest valid answer when site or index is wrong."""
    sites = subject.sites()
    if unit.site not in sites:
        raise UnknownSite(
            f"subject {subject.spec.name!r} has no site {unit.site!r}",
            "sites: " + ", ".join(sites),
        )
    info = sites[unit.site]
    if unit.index >= info.width:
        raise UnitOutOfRange(
            f"unit {str(unit)!r} does not exist",
            f"{unit.site} has units 0 to {info.width - 1}",
        )
    return info


class Known(Protocol):
    """What is true of a planted unit."""

    def to_json(self) -> dict[str, Any]:
        """``family``, ``description``, ``expressible`` and more, as plain JSON values."""
        ...


@runtime_checkable
class KnownTruth(Protocol):
    """A subject whose units' truth is known (planted ones)."""

    def truth(self, unit: UnitId) -> Known:
        """What ``unit`` really does."""
        ...

    def oracle(self, batch: Batch, sites: Sequence[str]) -> dict[str, torch.Tensor]:
        """The signal without noise at ``sites``, shaped as ``activations``."""
        ...
