"""From a Hugging Face ID or a folder to a model and a tokenizer, with errors in one line.

Weights are read from safetensors; where a repository has none, from PyTorch files with
``weights_only=True``, which runs no code. Code from a repository runs only with
``trust_remote_code``.
"""

from __future__ import annotations

import os
import pickle
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from torch import nn

from core.errors import (
    HubUnavailable,
    InvalidSetting,
    SubjectError,
    SubjectLoadError,
    UnknownSubject,
    UnsupportedArchitecture,
)
from subjects.architectures import Family, architecture_of
from subjects.hub import fetched, folder_of, hub_id
from subjects.weights import digest_files, weight_files

Device = Literal["auto", "cpu", "cuda"]
_NO_FILE = ("no file named", "does not appear to have a file named")
_DTYPES = {"float32": torch.float32, "float16": torch.float16, "bfloat16": torch.bfloat16}
_ONE_AT_A_TIME = threading.RLock()


@dataclass(frozen=True, slots=True)
class Loaded:
    """A model on its device, its tokenizer, and where both came from.

    ``weights`` is the digest of the weight files, None when they have names of their own.
    """

    model: nn.Module
    tokenizer: Any
    revision: str
    weights: str | None
    has_head: bool


def resolve_device(device: str) -> torch.device:
    """``auto`` is the GPU when there is one; asking for a GPU that is not there is an error."""
    if device == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if device.partition(":")[0] not in ("cpu", "cuda"):
        raise InvalidSetting(f"device {device!r} is not known", "use auto, cpu or cuda")
    if device.startswith("cuda") and not torch.cuda.is_available():
        raise InvalidSetting(f"device {device!r} asked for, but torch sees no GPU", "use cpu")
    return torch.device(device)


def resolve_dtype(dtype: str) -> torch.dtype:
    """``float32``, ``float16`` or ``bfloat16``."""
    if dtype not in _DTYPES:
        raise InvalidSetting(f"dtype {dtype!r} is not known", "use " + ", ".join(_DTYPES))
    return _DTYPES[dtype]


def model_family(config: Any) -> Family:
    """Whether a config is of a causal or of a masked language model."""
    from transformers.models.auto import modeling_auto as auto

    row = architecture_of(config)
    if row is not None:
        return row.family
    built = " ".join(getattr(config, "architectures", None) or ())
    if "MaskedLM" in built:
        return "masked"
    if config.model_type in auto.MODEL_FOR_CAUSAL_LM_MAPPING_NAMES:
        return "causal"
    if config.model_type in auto.MODEL_FOR_MASKED_LM_MAPPING_NAMES:
        return "masked"
    raise UnsupportedArchitecture(
        f"model type {config.model_type!r} is neither a causal nor a masked language model",
        "docs/subjects.md lists the architectures that can be read",
    )


def load_files(
    source: str, *, revision: str | None, device: str, dtype: str, trust_remote_code: bool
) -> Loaded:
    """Read config, weights and tokenizer of ``source`` (a folder, an ID, or ``hf:`` and an ID).

    Raises :class:`UnknownSubject` (no such repository), :class:`SubjectLoadError` (no network, no
    weights, gated, damaged) or :class:`UnsupportedArchitecture`.
    """
    place = resolve_device(device)
    number = resolve_dtype(dtype)
    import transformers

    folder = folder_of(source)
    if folder is not None and not (folder / "config.json").is_file():
        raise SubjectLoadError(
            f"folder {source!r} has no config.json", "save_pretrained() writes such a folder"
        )
    common: dict[str, Any] = {"trust_remote_code": trust_remote_code}
    commit = None
    if (id := hub_id(source)) is not None:
        with one_line_errors(source):  # before the turn: others may load while it is fetched
            folder = fetched(id, revision)
        commit = _commit(folder)
    with quiet_loading(), one_line_errors(source):
        if folder is None:
            commit = _commit(_snapshot(source, revision))
            if commit or revision:  # config, tokenizer and weights of one and the same commit
                common["revision"] = commit or revision
        where = source if folder is None else str(folder)
        config = transformers.AutoConfig.from_pretrained(where, **common)
        if model_family(config) == "causal":
            auto = transformers.AutoModelForCausalLM
        else:
            auto = transformers.AutoModelForMaskedLM
        tokenizer = transformers.AutoTokenizer.from_pretrained(where, **common)
        model, report = _read_weights(auto, where, config, {**common, "dtype": number})
        files = weight_files(_snapshot(source, commit) if folder is None else folder)
    if len(tokenizer) <= len(tokenizer.all_special_ids):
        raise SubjectLoadError(
            f"{source!r} has no tokenizer", "a folder needs tokenizer.json beside the weights"
        )
    prefix = f"{model.base_model_prefix}."
    lost = sorted(name for name in report["missing_keys"] if name.startswith(prefix))
    if lost:
        raise SubjectLoadError(
            f"the weights of {source!r} do not fit the model: {len(lost)} tensors are missing, "
            f"first {lost[0]!r}",
            "download the model again, or check that config and weights belong together",
        )
    model.to(place)
    return Loaded(
        model=model,
        tokenizer=tokenizer,
        revision=commit or (revision or ""),
        weights=digest_files(files) if files else None,
        has_head=not report["missing_keys"],
    )


def _read_weights(
    auto: Any, where: str, config: Any, options: dict[str, Any]
) -> tuple[Any, dict[str, Any]]:
    options = {**options, "config": config, "output_loading_info": True, "weights_only": True}
    try:
        model, report = auto.from_pretrained(where, use_safetensors=True, **options)
    except OSError as error:
        if not any(words in str(error) for words in _NO_FILE):
            raise
        model, report = auto.from_pretrained(where, use_safetensors=False, **options)
    return model, report


def _commit(snapshot: Path) -> str | None:
    """The commit that a folder of the cache holds (None: the cache does not say)."""
    return snapshot.name if re.fullmatch("[0-9a-f]{40}", snapshot.name) else None


def _snapshot(source: str, revision: str | None) -> Path:
    """The folder of the local cache that holds this revision, fetched when it is not there."""
    from transformers.utils import cached_file

    return Path(str(cached_file(source, "config.json", revision=revision))).parent


@contextmanager
def quiet_loading() -> Iterator[None]:
    """No progress bars (ours stand on stderr alone), no background conversion of weights.

    One thread at a time: all of that, and how transformers builds a model, is of the whole process.
    Two models loaded at once may end up without their weights.
    """
    from huggingface_hub.utils import logging as hub_logging
    from transformers.utils import logging

    with _ONE_AT_A_TIME:
        bars = logging.is_progress_bar_enabled()
        before = os.environ.get("DISABLE_SAFETENSORS_CONVERSION")
        os.environ["DISABLE_SAFETENSORS_CONVERSION"] = "1"
        level, hub_level = logging.get_verbosity(), hub_logging.get_verbosity()
        logging.disable_progress_bar()
        logging.set_verbosity_error()
        # Retries without a network are not worth a line each: the error says it once.
        hub_logging.set_verbosity(logging.ERROR)
        try:
            yield
        finally:
            logging.set_verbosity(level)
            hub_logging.set_verbosity(hub_level)
            if bars:
                logging.enable_progress_bar()
            if before is None:
                del os.environ["DISABLE_SAFETENSORS_CONVERSION"]
            else:
                os.environ["DISABLE_SAFETENSORS_CONVERSION"] = before


@contextmanager
def one_line_errors(source: str) -> Iterator[None]:
    """Turn what the libraries raise while loading into the product's errors."""
    try:
        yield
    except SubjectError:
        raise
    except pickle.UnpicklingError as error:
        raise SubjectLoadError(
            f"a weight file of {source!r} holds more than tensors and was not opened",
            "ask its author for safetensors",
        ) from error
    except (OSError, ValueError, RuntimeError, ImportError, KeyError) as error:
        raise _explain(source, error) from error
    except Exception as error:
        if type(error).__module__.partition(".")[0] in ("safetensors", "safetensors_rust"):
            raise SubjectLoadError(
                f"a weight file of {source!r} is damaged: {_line(error)}", "download it again"
            ) from error
        raise


def _explain(source: str, error: Exception) -> Exception:
    names = _causes(error)
    text = str(error)
    if "GatedRepoError" in names or "gated repo" in text:
        return SubjectLoadError(
            f"{source!r} is gated", "accept its terms on its page, then run `hf auth login`"
        )
    if "RevisionNotFoundError" in names or "not a valid git identifier" in text:
        return SubjectLoadError(f"{source!r} has no such revision", "look at its branches and tags")
    if "RepositoryNotFoundError" in names or "HFValidationError" in names:
        return UnknownSubject(
            f"there is no model {source!r}", "give a folder, or an ID as org/model"
        )
    offline = {"LocalEntryNotFoundError", "OfflineModeIsEnabled", "ConnectError", "ConnectionError"}
    if names & offline or "couldn't connect" in text.lower() or "offline mode" in text.lower():
        return HubUnavailable(
            f"{source!r} is not in the local cache and the Hugging Face hub cannot be reached",
            "check the network, or give a folder",
        )
    if "trust_remote_code" in text:
        return SubjectLoadError(
            f"{source!r} needs code from its repository",
            "read that code, then pass --trust-remote-code if you trust it",
        )
    if any(words in text for words in _NO_FILE):
        return SubjectLoadError(
            f"{source!r} has no weights that can be read: {_line(error)}",
            "weights are read from safetensors, or PyTorch files that hold nothing but tensors",
        )
    return SubjectLoadError(f"{source!r} cannot be loaded: {_line(error)}")


def _causes(error: BaseException | None) -> set[str]:
    names: set[str] = set()
    while error is not None:
        names |= {kind.__name__ for kind in type(error).__mro__}
        error = error.__cause__ or error.__context__
    return names


def _line(error: Exception) -> str:
    first = next((line.strip() for line in str(error).splitlines() if line.strip()), "")
    return f"{type(error).__name__}: {first[:200]}" if first else type(error).__name__
