"""How much memory the weights of a subject take: those that are loaded, and those in a folder."""

from __future__ import annotations

import json
import math
import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from subjects.protocol import Subject

ITEM_BYTES = {"float32": 4, "float16": 2, "bfloat16": 2}


def bytes_of(subject: Subject) -> int:
    """Bytes of parameters and buffers, shared ones once; 0 for a subject without weights."""
    model = getattr(subject, "model", None)
    if model is None:
        return 0
    tensors = {t.data_ptr(): t.nbytes for t in (*model.parameters(), *model.buffers())}
    return sum(tensors.values())


def bytes_in(folder: Path, dtype: str) -> int:
    """Bytes that the weight files of a folder take when they are loaded as ``dtype``.

    Told by the heads of safetensors; other files count as large as they are.
    """
    from subjects.weights import weight_files

    return sum(_bytes(path, ITEM_BYTES[dtype]) for path in weight_files(folder))


def _bytes(path: Path, item: int) -> int:
    if path.suffix != ".safetensors":
        return path.stat().st_size
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        if length > path.stat().st_size:
            return path.stat().st_size  # damaged: loading says so
        try:
            head = json.loads(file.read(length))
        except ValueError:
            return path.stat().st_size
    tensors = (tensor for name, tensor in head.items() if name != "__metadata__")
    return item * sum(int(math.prod(tensor["shape"])) for tensor in tensors)


def machine_bytes(device: str) -> int:
    """Memory of the GPU that ``device`` means, else of this machine or of its control group."""
    if device != "cpu":
        import torch

        if torch.cuda.is_available():
            return int(torch.cuda.get_device_properties(0).total_memory)
    found = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    for limit in ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"):
        try:
            found = min(found, int(Path(limit).read_text(encoding="ascii")))
        except (OSError, ValueError):  # no such kind of group, or "max"
            continue
    return found
