"""Digests of weights: which exact model gave a result.

A model that comes from files is named by the SHA-256 of its weight files. The Hugging Face cache
stores such files under that very hash, so nothing is read twice; local files are read once. A model
that only exists in memory is named by its tensors: all their bytes up to 64 MiB, and beyond that,
for each tensor, its name, shape and type, 4,096 evenly spaced elements and the wrapping 64-bit sum
of its bit patterns (which any single changed weight changes).
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import torch
from torch import Tensor

_ALL_BYTES = 64 * 2**20
_INTEGERS = {1: torch.uint8, 2: torch.int16, 4: torch.int32, 8: torch.int64}


def weight_files(folder: Path) -> list[Path]:
    """The weight files that loading ``folder`` reads: safetensors first, else PyTorch's."""
    for single, index in (
        ("model.safetensors", "model.safetensors.index.json"),
        ("pytorch_model.bin", "pytorch_model.bin.index.json"),
    ):
        if (folder / single).is_file():
            return [folder / single]
        if (folder / index).is_file():
            data = json.loads((folder / index).read_text(encoding="utf-8"))
            return [folder / name for name in sorted(set(data["weight_map"].values()))]
    return []


def digest_files(files: list[Path]) -> str:
    """16 hexadecimal digits for weight files; raises OSError when one cannot be read."""
    with ThreadPoolExecutor(max_workers=2) as pool:
        hashes = list(pool.map(_sha256, files))
    return hashlib.blake2b("".join(hashes).encode("ascii"), digest_size=8).hexdigest()


def digest_tensors(tensors: Mapping[str, Tensor]) -> str:
    """16 hexadecimal digits for tensors in memory, as the module docstring says."""
    total = sum(tensor.numel() * tensor.element_size() for tensor in tensors.values())
    state = hashlib.blake2b(digest_size=8)
    for name in sorted(tensors):
        tensor = tensors[name].detach().contiguous()
        state.update(f"{name}:{list(tensor.shape)}:{tensor.dtype};".encode())
        if tensor.numel() == 0:
            continue
        bits = tensor.reshape(-1).view(_INTEGERS[tensor.element_size()])
        if total > _ALL_BYTES:
            state.update(str(int(bits.sum(dtype=torch.int64))).encode())
            bits = bits[:: max(1, bits.numel() // 4096)]
        state.update(bits.cpu().numpy().tobytes())
    return state.hexdigest()


def _sha256(path: Path) -> str:
    blob = path.resolve()
    if blob.parent.name == "blobs" and re.fullmatch("[0-9a-f]{64}", blob.name):
        return blob.name
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
