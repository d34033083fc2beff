"""LSTM language models as subjects: sites on h and c, and edits that the recurrence sees.

``cell.<layer>`` is the layer's output h, ``cellstate.<layer>`` its c. An edit at (layer, position)
replaces the state right after that step has made it: the layers above see it at the same position,
the layer itself at the next one. Since h of a step is made from c before the edit, an edit of c
alone shows in h one step later; edit both to change the present as well.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from core.errors import InvalidSetting, MisuseError, SubjectLoadError, UnknownSite
from subjects.edits import PreparedEdit, by_site, for_growing_text
from subjects.loading import resolve_device, resolve_dtype
from subjects.lstm_model import LSTMLanguageModel, lstm_step
from subjects.protocol import Aligned, Batch, Edit, SiteInfo, SubjectSpec, Vocabulary
from subjects.tokens import open_tokenizer, special_digest
from subjects.weights import digest_files, digest_tensors, weight_files

MAX_TEXT = 512
"""An LSTM has no longest input; windows are capped here because each token is one step in time."""


def load_lstm(
    folder: Path | str,
    *,
    name: str,
    source: str | None = None,
    revision: str = "",
    device: str = "auto",
    dtype: str = "float32",
) -> LstmSubject:
    """Load what ``LSTMLanguageModel.save_pretrained`` wrote, with ``tokenizer.json`` beside it.

    Raises :class:`SubjectLoadError` when a file is missing or does not fit.
    """
    from safetensors import SafetensorError
    from tokenizers import Tokenizer

    folder = Path(folder)
    place, number = resolve_device(device), resolve_dtype(dtype)
    try:
        model = LSTMLanguageModel.from_pretrained(folder, number).to(place)
        weights = digest_files(weight_files(folder))
        serialised = (folder / "tokenizer.json").read_text(encoding="utf-8")
    except (OSError, ValueError, TypeError, KeyError, RuntimeError, SafetensorError) as error:
        first = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise SubjectLoadError(
            f"no LSTM language model can be read from {str(folder)!r}: {first}",
            "a folder needs config.json, model.safetensors and tokenizer.json",
        ) from error
    return LstmSubject(
        model,
        Tokenizer.from_str(serialised),
        name=name,
        source=source or str(folder),
        revision=revision,
        weights=weights,
    )


class LstmSubject:
    """An LSTM language model behind the protocol."""

    def __init__(
        self,
        model: LSTMLanguageModel,
        tokenizer: Any,
        *,
        name: str = "lstm",
        source: str = "memory",
        revision: str = "",
        weights: str | None = None,
    ) -> None:
        """Wrap a model in memory; ``tokenizer`` is of ``transformers`` or ``tokenizers``."""
        self.model = model.eval().requires_grad_(False)
        self._lock = threading.RLock()
        self._tokens = open_tokenizer(tokenizer)
        config = model.config
        self._vocabulary = self._tokens.vocabulary(config.vocab_size)
        self._bos = config.bos_token_id
        self._prefix = () if self._bos is None else (self._bos,)
        self.device: torch.device = model.embedding.weight.device
        self._dtype: torch.dtype = model.embedding.weight.dtype
        self._sites: dict[str, SiteInfo] = {}
        for layer in range(config.layers):
            for kind in ("cellstate", "cell"):
                site = f"{kind}.{layer}"
                self._sites[site] = SiteInfo(site, config.width, layer)
        self._spec = SubjectSpec(
            name=name,
            family="lstm",
            source=source,
            revision=revision,
            weights=digest_tensors(model.state_dict()) if weights is None else weights,
            tokenizer=special_digest(self._tokens.digest(), self._bos),
            dtype=str(self._dtype).removeprefix("torch."),
        )

    @property
    def spec(self) -> SubjectSpec:
        """Identity of model, weights and tokenizer."""
        return self._spec

    @property
    def vocabulary(self) -> Vocabulary:
        """Token strings by ID."""
        return self._vocabulary

    @property
    def max_text(self) -> int:
        """The most text tokens one window may have."""
        return MAX_TEXT

    def sites(self) -> Mapping[str, SiteInfo]:
        """``cellstate`` and ``cell`` of every layer, bottom first."""
        return self._sites

    def tokenize(self, text: str) -> list[int]:
        """Token IDs of ``text``; names of special tokens in it are plain text."""
        return self._tokens.encode(text)

    def aligned(self, text: str) -> Aligned:
        """:meth:`tokenize`, and which characters each token stands for."""
        return self._tokens.align(text)

    def batch(self, windows: NDArray[np.int64]) -> Batch:
        """Windows [n, length] behind the beginning-of-text token, where the model has one."""
        windows = np.asarray(windows, dtype=np.int64)
        if windows.ndim != 2:
            raise InvalidSetting(f"windows have {windows.ndim} axes", "give [n, length]")
        rows, length = windows.shape
        if length > MAX_TEXT:
            raise InvalidSetting(
                f"a window of {length} tokens does not fit {self._spec.name!r}",
                f"it takes at most {MAX_TEXT}",
            )
        size = self.model.config.vocab_size
        if windows.size and (int(windows.min()) < 0 or int(windows.max()) >= size):
            raise InvalidSetting("windows hold token IDs outside the model's vocabulary")
        before = np.tile(np.array(self._prefix, dtype=np.int64), (rows, 1))
        return Batch(np.concatenate([before, windows], axis=1), len(self._prefix), length)

    def activations(self, batch: Batch, sites: Sequence[str]) -> dict[str, Tensor]:
        """h or c at text positions, each [n, text length, width] float32.

        h alone is read from the fused kernels; c needs a walk through time. Layers above the
        highest one asked for are not run, nor is the output projection.
        """
        for site in sites:
            self._info(site)
        if not sites:
            return {}
        top = max(self._sites[site].layer for site in sites)
        stepped = any(site.startswith("cellstate.") for site in sites)
        with self._lock, torch.no_grad():
            hidden, cell = self._states(batch, top, stepped)
        values = {f"cell.{layer}": h for layer, h in enumerate(hidden)}
        values |= {f"cellstate.{layer}": c for layer, c in enumerate(cell)}
        end = batch.start + batch.length
        return {site: values[site][:, batch.start : end].float() for site in sites}

    def logits(
        self, batch: Batch, edits: Sequence[Edit] = (), *, gradients: bool = False
    ) -> Tensor:
        """Next-token logits at text positions [n, text length, vocabulary], float32."""
        end = batch.start + batch.length
        return self._logits(batch, edits, gradients)[:, batch.start : end].float()

    def generate(self, prompt: str, *, max_new_tokens: int, edits: Sequence[Edit] = ()) -> str:
        """Greedy continuation of ``prompt``; edits as for transformers. Stops at the BOS token."""
        ids = self.tokenize(prompt)
        if not ids and not self._prefix:
            raise MisuseError("an empty prompt cannot be continued", "give at least one token")
        begin = len(ids)
        while len(ids) - begin < max_new_tokens:
            offset = max(0, len(ids) - MAX_TEXT)
            batch = self.batch(np.array([ids[offset:]], dtype=np.int64))
            here = [for_growing_text(edit, offset, batch.length) for edit in edits]
            token = int(self._logits(batch, here, False)[0, -1].argmax())
            if token == self._bos:
                break
            ids.append(token)
        return self._tokens.decode(ids[begin:])

    def unembed(self) -> Tensor:
        """The output projection [vocabulary, width]."""
        return self.model.output.weight.detach().float()

    def output_weights(self, site: str) -> Tensor | None:
        """The identity for h of the top layer, which the output projection reads; else None."""
        info = self._info(site)
        if site != f"cell.{self.model.config.layers - 1}":
            return None
        return torch.eye(info.width, device=self.device)

    def input_weights(self, site: str) -> Tensor | None:
        """None: a cell reads its input through four gates, not along one direction."""
        self._info(site)
        return None

    def input_bias(self, site: str) -> Tensor | None:
        """None, as :meth:`input_weights`."""
        return self.input_weights(site)

    def logit_weights(self, site: str, indices: Sequence[int]) -> Tensor | None:
        """W_U's columns less their means [units, vocabulary], for h of the top layer; else None."""
        if self.output_weights(site) is None:
            return None
        size = min(len(self._vocabulary.strings), self.model.config.vocab_size)
        pushes = self.unembed()[:size, list(indices)].T
        return pushes - pushes.mean(1, keepdim=True)

    def promoted(
        self, site: str, index: int, count: int
    ) -> tuple[list[tuple[str, float]], list[tuple[str, float]]] | None:
        """Tokens that h of the top layer pushes up and down: :meth:`logit_weights`."""
        weights = self.logit_weights(site, [index])
        if weights is None:
            return None
        pushes = weights[0]
        order = pushes.argsort(descending=True, stable=True).tolist()
        pairs = [(self._vocabulary.strings[i], float(pushes[i])) for i in order]
        return pairs[:count], pairs[::-1][:count]

    def _info(self, site: str) -> SiteInfo:
        if site not in self._sites:
            raise UnknownSite(
                f"subject {self._spec.name!r} has no site {site!r}",
                "sites: " + ", ".join(self._sites),
            )
        return self._sites[site]

    def _states(self, batch: Batch, top: int, stepped: bool) -> tuple[list[Tensor], list[Tensor]]:
        """h (and c, when ``stepped``) of layers 0 .. ``top`` at every position."""
        x: Tensor = self.model.embedding(self._ids(batch))
        hidden: list[Tensor] = []
        cell: list[Tensor] = []
        for layer in self.model.lstm_layers()[: top + 1]:
            if stepped:
                h = c = x.new_zeros(x.shape[0], layer.hidden_size)
                steps: list[tuple[Tensor, Tensor]] = []
                for position in range(x.shape[1]):
                    h, c = lstm_step(layer, x[:, position], h, c)
                    steps.append((h, c))
                x = torch.stack([h for h, _ in steps], dim=1)
                cell.append(torch.stack([c for _, c in steps], dim=1))
            else:
                x, _ = layer(x)
            hidden.append(x)
        return hidden, cell

    def _logits(self, batch: Batch, edits: Sequence[Edit], gradients: bool) -> Tensor:
        prepared = by_site(edits, self._sites, batch, self.device, self._dtype)

        def edited(values: Tensor, here: Sequence[PreparedEdit], step: int) -> Tensor:
            for edit in here:
                values = edit.apply(values[:, None], step)[:, 0]
            return values

        def change(layer: int, position: int, h: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
            step = position - batch.start
            if not 0 <= step < batch.length:
                return h, c
            h = edited(h, prepared.get(f"cell.{layer}", ()), step)
            return h, edited(c, prepared.get(f"cellstate.{layer}", ()), step)

        with self._lock, torch.set_grad_enabled(gradients):
            ids = self._ids(batch)
            if not prepared:
                plain: Tensor = self.model(ids)
                return plain
            return self.model.trace(ids, change).logits

    def _ids(self, batch: Batch) -> Tensor:
        return torch.as_tensor(batch.ids, device=self.device)
