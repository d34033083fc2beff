"""Texts as vectors, by a Hugging Face encoder: the mean of its last layer over a text's tokens."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from core.errors import SubjectLoadError
from core.hashing import fingerprint
from subjects.loading import one_line_errors, quiet_loading, resolve_device
from subjects.tokens import open_tokenizer
from subjects.weights import digest_tensors

BATCH = 32
LONGEST = 512


class Encoder:
    """A model of the hub, or of a folder, that gives a text the mean of its tokens' last states.

    The mean is over the tokens of the attention mask, special tokens among them, as sentence
    encoders are trained. Texts are cut at what the model reads, 512 tokens at most. Nothing is put
    before a text, though some encoders are trained with words such as ``query:``.
    """

    def __init__(self, model: Any, tokenizer: Any, name: str) -> None:
        self._model, self._tokenizer, self.name = model.eval(), tokenizer, name
        self._longest = _longest(model.config, tokenizer)

    @cached_property
    def fingerprint(self) -> str:
        """16 hexadecimal digits that change when the vectors of texts would."""
        weights = digest_tensors(self._model.state_dict())
        tokens = open_tokenizer(self._tokenizer).digest()
        return fingerprint(["encoder/1", weights, tokens, self._longest])

    @torch.inference_mode()
    def embed(self, texts: Sequence[str]) -> NDArray[np.float64]:
        """Vectors [texts, hidden size]. A text without a token gets zeros: no direction."""
        parts = [self._batch(texts[i : i + BATCH]) for i in range(0, len(texts), BATCH)]
        return np.concatenate(parts) if parts else np.zeros((0, self._model.config.hidden_size))

    def _batch(self, texts: Sequence[str]) -> NDArray[np.float64]:
        given = self._tokenizer(
            list(texts),
            padding=True,
            truncation=True,
            max_length=self._longest,
            return_tensors="pt",
        )
        given = {k: v.to(self._model.device) for k, v in given.items()}
        mask = given["attention_mask"].unsqueeze(-1).double()
        states = self._model(**given).last_hidden_state.double()
        pooled = (states * mask).sum(dim=1) / mask.sum(dim=1).clamp(min=1)
        return np.asarray(pooled.cpu().numpy())


def load_encoder(
    source: str, *, revision: str | None = None, device: str = "auto", name: str | None = None
) -> Encoder:
    """The encoder of ``source``, a folder or a Hugging Face ID, at ``revision`` of the hub.

    It is called ``name``; without one, after its source.
    Weights are read from safetensors alone and no code of a repository is run. Raises
    :class:`UnknownSubject` (no such repository) or :class:`SubjectLoadError` (anything else).
    """
    place = resolve_device(device)
    folder = Path(source).expanduser()
    local = folder.is_dir()
    where = str(folder) if local else source
    if local and not (folder / "config.json").is_file():
        raise SubjectLoadError(
            f"folder {source!r} has no config.json", "save_pretrained() writes such a folder"
        )
    common: dict[str, Any] = {"trust_remote_code": False}
    if revision and not local:
        common["revision"] = revision
    try:
        with quiet_loading(), one_line_errors(source):
            model, tokenizer = _files(source, where, common)
    except SubjectLoadError as error:
        if "needs code" in error.message:
            hint = "give an encoder that the installed transformers knows"
            raise SubjectLoadError(error.message, hint) from error
        raise
    tokenizer.padding_side = "right"
    if name is None:
        name = source if local or not revision else f"{source}@{revision}"
    return Encoder(model.to(place), tokenizer, name)


def _files(source: str, where: str, common: dict[str, Any]) -> tuple[Any, Any]:
    """Model and tokenizer; what would embed by chance, or not at all, is refused."""
    import transformers

    config = transformers.AutoConfig.from_pretrained(where, **common)
    if config.is_encoder_decoder:
        raise SubjectLoadError(
            f"{source!r} has an encoder and a decoder", "give a model that only encodes"
        )
    tokenizer = transformers.AutoTokenizer.from_pretrained(where, **common)
    options = {**common, "use_safetensors": True, "dtype": torch.float32}
    model, report = transformers.AutoModel.from_pretrained(
        where, config=config, output_loading_info=True, **options
    )
    lost = sorted(name for name in report["missing_keys"] if not name.startswith("pooler."))
    if lost:
        raise SubjectLoadError(
            f"the weights of {source!r} do not fit the model: {len(lost)} tensors are missing, "
            f"first {lost[0]!r}",
            "check that config and weights belong together",
        )
    if tokenizer.pad_token is None:
        if tokenizer.eos_token is None:
            raise SubjectLoadError(f"the tokenizer of {source!r} cannot pad", "give another model")
        tokenizer.pad_token = tokenizer.eos_token
    return model, tokenizer


def _longest(config: Any, tokenizer: Any) -> int:
    """Tokens that the model reads; families of RoBERTa count positions from the padding token."""
    positions = getattr(config, "max_position_embeddings", None) or LONGEST
    if any(kind in config.model_type for kind in ("roberta", "camembert", "mpnet")):
        positions -= (config.pad_token_id or 0) + 1
    return int(min(positions, tokenizer.model_max_length, LONGEST))
