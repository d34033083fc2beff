"""Models of the Hugging Face hub that are named as such: ``hf:org/model``.

``org/model`` alone may also be a folder of this machine, and the libraries look there first. What
is named here is taken from the hub, or from its copy in the local cache, whatever lies on the
disk under that name.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

PREFIX = "hf:"
_READ = ["*.json", "*.txt", "*.model", "*.jinja"]
_NESTED = ["*/*", "consolidated*"]


def hub_id(source: str) -> str | None:
    """The ID in ``hf:org/model``; None for any other source."""
    return source.removeprefix(PREFIX) if source.startswith(PREFIX) else None


def folder_of(source: str) -> Path | None:
    """The folder of this machine that a source names, None for what is no folder."""
    if hub_id(source) is not None:
        return None
    folder = Path(source).expanduser()
    return folder if folder.is_dir() else None


def fetched(id: str, revision: str | None) -> Path:
    """The folder in the local cache that holds a model of the hub; what is missing is fetched.

    Safetensors are preferred: other weights are fetched where there are none. Raises what
    ``huggingface_hub`` does.
    """
    from huggingface_hub import snapshot_download
    from huggingface_hub.utils.tqdm import tqdm

    from subjects.weights import weight_files

    class Unseen(tqdm):
        """No progress bar: what stands on stderr is ours."""

        def __init__(self, *arguments: Any, **named: Any) -> None:
            super().__init__(*arguments, **{**named, "disable": True})  # type: ignore[no-untyped-call]

    def get(kind: str) -> Path:
        return Path(
            snapshot_download(
                id,
                revision=revision,
                allow_patterns=[*_READ, kind],
                ignore_patterns=_NESTED,
                tqdm_class=Unseen,
            )
        )

    folder = get("*.safetensors")
    return folder if weight_files(folder) else get("pytorch_model*.bin")
