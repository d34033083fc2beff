"""Files that are either whole or absent: written aside, checked by digest, renamed into place."""

from __future__ import annotations

import errno
import fcntl
import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

from core.errors import DiskFull, IndexDamaged, StorageError

LOCK = ".lock"
_NO_SPACE = {errno.ENOSPC, errno.EDQUOT}
_REBUILD = "run neuroscribe collect with --rebuild to make the index anew"


def cannot_write(path: Path, error: OSError) -> StorageError:
    """The error to raise when ``path`` could not be written."""
    if error.errno in _NO_SPACE:
        return DiskFull(
            f"no space left to write {str(path)!r}",
            "free space and run again: it goes on at the last finished shard",
        )
    return StorageError(f"cannot write {str(path)!r}: {error.strerror}")


@contextmanager
def _replacing(path: Path) -> Iterator[Path]:
    aside = path.with_name(f"{path.name}.partial-{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield aside
        os.replace(aside, path)
        _sync_folder(path.parent)
    except OSError as error:
        raise cannot_write(path, error) from error
    finally:
        aside.unlink(missing_ok=True)


def _sync_folder(folder: Path) -> None:
    """Make renames durable: after a power cut no manifest names a file that is not there."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_bytes(path: Path, data: bytes) -> str:
    """Write ``data`` atomically and durably; returns its digest."""
    with _replacing(path) as aside, aside.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    return digest(data)


def write_tensors(path: Path, tensors: dict[str, torch.Tensor]) -> str:
    """Write a safetensors file atomically; returns its digest."""
    from safetensors.torch import save

    return write_bytes(path, save(tensors))


def write_json(path: Path, value: dict[str, Any]) -> str:
    """Write a JSON document atomically; returns its digest."""
    return write_bytes(path, json.dumps(value, indent=1, sort_keys=True).encode())


def digest(data: bytes) -> str:
    """32 hexadecimal digits of a file's content."""
    return hashlib.blake2b(data, digest_size=16).hexdigest()


def read_bytes(path: Path, expected: str | None = None) -> bytes:
    """A file's content, compared with its digest; :class:`IndexDamaged` names the file if wrong."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise IndexDamaged(
            f"index file {str(path)!r} cannot be read: {error.strerror}", _REBUILD
        ) from error
    if expected is not None and digest(data) != expected:
        raise IndexDamaged(f"index file {str(path)!r} does not match its checksum", _REBUILD)
    return data


def read_tensors(path: Path, expected: str | None = None) -> dict[str, torch.Tensor]:
    """The tensors of a safetensors file, checked against its digest."""
    from safetensors import SafetensorError
    from safetensors.torch import load

    try:
        tensors: dict[str, torch.Tensor] = load(read_bytes(path, expected))
    except SafetensorError as error:
        raise IndexDamaged(
            f"index file {str(path)!r} is not a whole safetensors file", _REBUILD
        ) from error
    return tensors


def read_json(path: Path, expected: str | None = None) -> dict[str, Any]:
    """A JSON object from disk; :class:`IndexDamaged` when it is not one."""
    try:
        value = json.loads(read_bytes(path, expected))
    except (ValueError, RecursionError) as error:
        raise IndexDamaged(f"index file {str(path)!r} is not JSON", _REBUILD) from error
    if not isinstance(value, dict):
        raise IndexDamaged(f"index file {str(path)!r} does not hold an object", _REBUILD)
    return value


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """One writer a folder: a second process waits, then finds the work done."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = (folder / LOCK).open("a")
    except OSError as error:
        raise cannot_write(folder, error) from error
    with lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        try:
            yield
        finally:
            fcntl.flock(lock, fcntl.LOCK_UN)
