"""Transformers as subjects: reading, editing and describing their units with plain hooks.

A batch is the beginning-of-text token (where the tokenizer has one) and one window of text; masked
models get their separator behind the text as well. Nothing here keeps state between calls, and a
lock lets several threads share one subject.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from core.errors import InvalidSetting, MisuseError, UnknownSite, UnsupportedOperation
from subjects.architectures import Layout, Location, find_layout, linear_map
from subjects.edits import apply_to_input, by_site, for_growing_text
from subjects.hooks import Transform, capture, editing
from subjects.loading import load_files, model_family
from subjects.protocol import Aligned, Batch, Edit, SiteInfo, SubjectSpec, Vocabulary
from subjects.tokens import open_tokenizer, special_digest, unused
from subjects.weights import digest_tensors

Ports = tuple[list[tuple[str, float]], list[tuple[str, float]]]


def load_huggingface(
    source: str,
    *,
    name: str,
    revision: str | None = None,
    device: Literal["auto", "cpu", "cuda"] = "auto",
    dtype: str = "float32",
    trust_remote_code: bool = False,
    stated_source: str | None = None,
) -> HuggingFaceSubject:
    """Load a subject from a folder or the Hugging Face hub.

    ``stated_source`` stands in the spec instead of a folder whose place says nothing (built-in
    subjects).

    Raises :class:`UnknownSubject`, :class:`SubjectLoadError`, :class:`UnsupportedArchitecture` or
    :class:`ShapeMismatch`.
    """
    loaded = load_files(
        source,
        revision=revision,
        device=device,
        dtype=dtype,
        trust_remote_code=trust_remote_code,
    )
    return wrap_model(
        loaded.model,
        loaded.tokenizer,
        name=name,
        source=stated_source or source,
        revision=loaded.revision,
        weights=loaded.weights,
        has_head=loaded.has_head,
    )


def wrap_model(
    model: nn.Module,
    tokenizer: Any,
    *,
    name: str = "model",
    source: str = "memory",
    revision: str = "",
    weights: str | None = None,
    has_head: bool = True,
) -> HuggingFaceSubject:
    """A subject around a ``transformers`` model that is already in memory.

    The model is put in evaluation mode and its parameters no longer require gradients; learned
    masks carry their own. ``weights`` is a digest of the weights (computed when None).
    """
    model.eval().requires_grad_(False)
    if weights is None:
        weights = digest_tensors(model.state_dict())
    return HuggingFaceSubject(model, tokenizer, name, source, revision, weights, has_head)


class HuggingFaceSubject:
    """A causal or masked transformer behind the protocol; see :func:`load_huggingface`."""

    def __init__(
        self,
        model: Any,
        tokenizer: Any,
        name: str,
        source: str,
        revision: str,
        weights: str,
        has_head: bool,
    ) -> None:
        self.model = model
        self._lock = threading.RLock()
        base = model.base_model
        self._trunk: Any = getattr(base, "language_model", base)
        self._config = model.config.get_text_config()
        self._family = model_family(self._config)
        self._layout: Layout = find_layout(self._trunk, self._config)
        self._has_head = has_head and model is not base
        first = next(self._trunk.parameters())
        self.device: torch.device = first.device
        self._tokens = open_tokenizer(tokenizer)
        self._rows = int(self._trunk.get_input_embeddings().weight.shape[0])
        self._vocabulary = self._tokens.vocabulary(self._rows)
        used = [
            i for i, text in enumerate(self._vocabulary.strings[: self._rows]) if text != unused(i)
        ]
        self._known = torch.tensor(used, device=self.device)
        self._prefix, self._suffix = _around(tokenizer, self._family)
        self._stop = getattr(tokenizer, "eos_token_id", None)
        self._max_text = _max_positions(self._config, tokenizer)
        self._max_text -= len(self._prefix) + len(self._suffix)
        if self._family == "causal":
            # Windows are never padded; transformers would warn whenever one holds this token.
            self._config.pad_token_id = None
        self._dtype: torch.dtype = first.dtype
        self._spec = SubjectSpec(
            name=name,
            family=self._family,
            source=source,
            revision=revision,
            weights=weights,
            tokenizer=special_digest(self._tokens.digest(), *self._prefix, None, *self._suffix),
            dtype=str(first.dtype).removeprefix("torch."),
        )
        self._sites = {name: place.info for name, place in self._layout.locations.items()}
        self._check_shapes()

    @property
    def spec(self) -> SubjectSpec:
        """Identity of model, weights and tokenizer."""
        return self._spec

    @property
    def vocabulary(self) -> Vocabulary:
        """Token strings by ID; IDs of the model that the tokenizer never gives are special."""
        return self._vocabulary

    @property
    def max_text(self) -> int:
        """The most text tokens one window may have."""
        return self._max_text

    def sites(self) -> Mapping[str, SiteInfo]:
        """Every site by name, in order of depth."""
        return self._sites

    def tokenize(self, text: str) -> list[int]:
        """Token IDs of ``text``; names of special tokens in it are plain text."""
        return self._tokens.encode(text)

    def aligned(self, text: str) -> Aligned:
        """:meth:`tokenize`, and which characters each token stands for."""
        return self._tokens.align(text)

    def batch(self, windows: NDArray[np.int64]) -> Batch:
        """Windows [n, length] between the prefix and the suffix.

        Raises :class:`InvalidSetting` for windows that are too long or hold unknown IDs.
        """
        windows = np.asarray(windows, dtype=np.int64)
        if windows.ndim != 2:
            raise InvalidSetting(f"windows have {windows.ndim} axes", "give [n, length]")
        rows, length = windows.shape
        if length > self._max_text:
            raise InvalidSetting(
                f"a window of {length} tokens does not fit {self._spec.name!r}",
                f"it takes at most {self._max_text}",
            )
        if windows.size and (int(windows.min()) < 0 or int(windows.max()) >= self._rows):
            raise InvalidSetting("windows hold token IDs outside the model's vocabulary")
        before = np.tile(np.array(self._prefix, dtype=np.int64), (rows, 1))
        after = np.tile(np.array(self._suffix, dtype=np.int64), (rows, 1))
        ids = np.concatenate([before, windows, after], axis=1)
        return Batch(ids, len(self._prefix), length)

    def activations(self, batch: Batch, sites: Sequence[str]) -> dict[str, Tensor]:
        """Values at ``sites``, each [n, text length, width] float32; the LM head is not run."""
        locations = [self._location(site) for site in dict.fromkeys(sites)]
        if not locations:
            return {}
        # no_grad, not inference_mode: what is read here may become the baseline of a learned mask,
        # and inference tensors cannot enter a graph.
        with self._lock, torch.no_grad():
            rows, positions = batch.ids.shape
            values = capture(
                self._trunk, locations, rows, positions, lambda: self._run(self._trunk, batch)
            )
        end = batch.start + batch.length
        return {site: values[site][:, batch.start : end].float() for site in sites}

    def logits(
        self, batch: Batch, edits: Sequence[Edit] = (), *, gradients: bool = False
    ) -> Tensor:
        """Logits at text positions [n, text length, vocabulary], float32, under ``edits``.

        Raises :class:`UnsupportedOperation` when the model has no LM head.
        """
        end = batch.start + batch.length
        return self._logits(batch, edits, gradients)[:, batch.start : end].float()

    def generate(self, prompt: str, *, max_new_tokens: int, edits: Sequence[Edit] = ()) -> str:
        """The text that greedily follows ``prompt``, up to the end-of-text token.

        Edits hold at every text position, the new ones too, or at their own positions counted from
        the first token of the prompt. Raises :class:`UnsupportedOperation` for masked models.
        """
        if self._family == "masked":
            raise UnsupportedOperation(
                f"{self._spec.name!r} is a masked language model and cannot generate",
                "ask for logits at a masked position instead",
            )
        ids = self.tokenize(prompt)
        if not ids and not self._prefix:
            raise MisuseError("an empty prompt cannot be continued", "give at least one token")
        begin = len(ids)
        while len(ids) - begin < max_new_tokens:
            offset = max(0, len(ids) - self._max_text)
            batch = self.batch(np.array([ids[offset:]], dtype=np.int64))
            here = [for_growing_text(edit, offset, batch.length) for edit in edits]
            token = int(self._logits(batch, here, False)[0, -1].argmax())
            if token == self._stop:
                break
            ids.append(token)
        return self._tokens.decode(ids[begin:])

    def unembed(self) -> Tensor | None:
        """The unembedding matrix [vocabulary, d_model] float32."""
        matrix = self._unembed()
        return None if matrix is None else matrix.float()

    def output_weights(self, site: str) -> Tensor | None:
        """What each unit writes to the residual stream [width, d_model].

        Rows of the down projection or of the attention's output projection, times the gain of a
        norm that follows (Gemma 2, OLMo 2; the norm's division is left out, so these are known up
        to a positive factor). Units of the other sites are directions of the stream themselves.
        """
        info = self._location(site).info
        kind = site.partition(".")[0]
        row = self._layout.architecture
        paths = {"mlp": (row.down, row.mlp_norm), "attn": (row.project, row.attn_norm)}
        if kind not in paths:
            return torch.eye(self._layout.d_model, device=self.device)
        path, norm = paths[kind]
        if path is None:
            return None
        weights = self._map(self._layout.in_block(info.layer, path))
        if weights is not None and norm is not None:
            weights = weights * self._gain(self._layout.in_block(info.layer, norm))
        return weights

    def input_weights(self, site: str) -> Tensor | None:
        """What MLP units read [width, d_model]: rows of the up projection (of the gate, where the
        MLP is gated). The norm before it is not folded in. None for other sites."""
        info = self._location(site).info
        row = self._layout.architecture
        if site.partition(".")[0] != "mlp" or row.read is None:
            return None
        weights = self._map(self._layout.in_block(info.layer, row.read))
        return None if weights is None else weights.T[: info.width]

    def input_bias(self, site: str) -> Tensor | None:
        """Biases of MLP units [width] (of the gate, where the MLP is gated); zero where the model
        has none. None for other sites."""
        info = self._location(site).info
        path = self._layout.architecture.read
        if site.partition(".")[0] != "mlp" or path is None:
            return None
        module = self._trunk.get_submodule(self._layout.in_block(info.layer, path))
        bias = getattr(module, "bias", None)
        if not isinstance(bias, Tensor):
            return torch.zeros(info.width, device=self.device)
        return bias.detach().float()[: info.width]

    def logit_weights(self, site: str, indices: Sequence[int]) -> Tensor | None:
        """Logits per unit of activation by the direct path [units, vocabulary] float32.

        W_U · (g ⊙ w), less its mean over the tokens that the tokenizer gives: w is what the unit
        writes (without its mean, where the final norm subtracts it), g the final norm's gain, W_U
        the unembedding. The norm's division is left out. None for masked models and post-norm
        blocks, which have no direct path.
        """
        row = self._layout.architecture
        if self._family == "masked" or not row.pre_norm:
            return None
        weights, unembed = self.output_weights(site), self._unembed()
        if weights is None or unembed is None:
            return None
        directions = weights[list(indices)]
        if row.final_norm is not None:
            if isinstance(self._trunk.get_submodule(row.final_norm), nn.LayerNorm):
                directions = directions - directions.mean(1, keepdim=True)
            directions = directions * self._gain(row.final_norm)
        pushes = (directions.to(unembed.dtype) @ unembed.T).float()
        return pushes - pushes[:, self._known].mean(1, keepdim=True)

    def promoted(self, site: str, index: int, count: int) -> Ports | None:
        """Tokens pushed up and down most, with their :meth:`logit_weights`."""
        pushes = self.logit_weights(site, [index])
        if pushes is None:
            return None
        known = pushes[0, self._known]
        return self._ranked(known, count), self._ranked(-known, count, -1.0)

    def _ranked(self, pushes: Tensor, count: int, sign: float = 1.0) -> list[tuple[str, float]]:
        top = pushes.topk(min(count, len(pushes)))
        strings = self._vocabulary.decode(self._known[top.indices].tolist())
        return list(zip(strings, (top.values * sign).tolist(), strict=True))

    def _unembed(self) -> Tensor | None:
        """The unembedding in the model's dtype (not copied: it may be the largest matrix)."""
        head = self.model.get_output_embeddings() if self._has_head else None
        if head is None:
            return None
        matrix: Tensor = head.weight.detach()
        project = getattr(getattr(self._trunk, "decoder", None), "project_out", None)
        if project is not None:  # OPT-350m: a projection stands between stream and unembedding
            matrix = matrix @ project.weight.detach()
        return matrix

    def _logits(self, batch: Batch, edits: Sequence[Edit], gradients: bool) -> Tensor:
        if not self._has_head:
            raise UnsupportedOperation(
                f"{self._spec.name!r} has no trained language-model head",
                "its units can be read, but it has no logits",
            )
        rows, positions = batch.ids.shape
        prepared = by_site(edits, self._sites, batch, self.device, self._dtype)
        transforms: dict[str, Transform] = {
            site: partial(apply_to_input, edits=here, batch=batch)
            for site, here in prepared.items()
        }
        with (
            self._lock,
            torch.set_grad_enabled(gradients),
            editing(self._trunk, transforms, self._layout.locations, rows, positions),
        ):
            output: Tensor = self._run(self.model, batch).logits
            return output

    def _run(self, module: Any, batch: Batch) -> Any:
        ids = torch.as_tensor(batch.ids, device=self.device)
        options: dict[str, Any] = {}
        if batch.mask is not None:
            options["attention_mask"] = torch.as_tensor(batch.mask, device=self.device).long()
        if self._family == "causal":
            options["use_cache"] = False
        return module(input_ids=ids, **options)

    def _location(self, site: str) -> Location:
        if site not in self._layout.locations:
            raise UnknownSite(
                f"subject {self._spec.name!r} has no site {site!r}",
                "sites: " + ", ".join(self._sites),
            )
        return self._layout.locations[site]

    def _map(self, path: str) -> Tensor | None:
        matrix = linear_map(self._trunk.get_submodule(path))
        return None if matrix is None else matrix.float()

    def _gain(self, path: str) -> Tensor:
        weight = getattr(self._trunk.get_submodule(path), "weight", None)
        if not isinstance(weight, Tensor):  # a norm without gain
            return torch.ones(self._layout.d_model, device=self.device)
        return weight.detach().float() + self._layout.architecture.gain_offset

    def _check_shapes(self) -> None:
        """Run two tokens and read every site once; :class:`ShapeMismatch` when one does not fit."""
        ids = np.array([[*self._prefix, 0, min(1, self._rows - 1), *self._suffix]], dtype=np.int64)
        batch = Batch(ids, len(self._prefix), 2)
        self.activations(batch, list(self._sites))


def _around(tokenizer: Any, family: str) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """IDs before and after every text: BOS for causal models, CLS and SEP for masked ones."""

    def ids(*names: str) -> tuple[int, ...]:
        for name in names:
            value = getattr(tokenizer, name, None)
            if value is not None:
                return (int(value),)
        return ()

    if family == "causal":
        return ids("bos_token_id"), ()
    return ids("cls_token_id", "bos_token_id"), ids("sep_token_id", "eos_token_id")


def _max_positions(config: Any, tokenizer: Any) -> int:
    """The longest input; 2,048 where the architecture sets no limit (BLOOM)."""
    limit = getattr(config, "max_position_embeddings", None) or getattr(config, "n_positions", None)
    positions = int(limit) if limit else 2048
    if config.model_type == "roberta":  # its positions are counted from padding_idx + 1
        positions -= int(config.pad_token_id or 0) + 1
    stated = getattr(tokenizer, "model_max_length", None)
    return min(positions, int(stated)) if stated else positions
