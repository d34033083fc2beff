"""A dataset on disk: arrays as safetensors, names and features as JSON beside them."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import numpy as np

from core.errors import IndexDamaged, IndexMissing
from discovery.probing.dataset import LeftOut, ProbingDataset
from discovery.probing.labels import Feature
from subjects.index.files import write_bytes

_ARRAYS = ("ids", "lengths", "documents", "offsets", "rows", "labels")
_VALUES = ("collection", "document_names", "groups", "aggregate", "fingerprint")
_COUNTS = ("cut", "outside", "seen", "tokens_seen")
FORMAT = 2


def save(dataset: ProbingDataset, folder: Path) -> None:
    """Write ``dataset`` to a folder, the manifest last: a folder without one is no dataset."""
    from safetensors.numpy import save as serialised

    arrays = {name: np.ascontiguousarray(getattr(dataset, name)) for name in _ARRAYS}
    manifest = {name: getattr(dataset, name) for name in (*_VALUES, *_COUNTS)}
    manifest |= {
        "format": FORMAT,
        "features": [asdict(feature) for feature in dataset.features],
        "left_out": [asdict(one) for one in dataset.left_out],
    }
    folder.mkdir(parents=True, exist_ok=True)
    write_bytes(folder / "rows.safetensors", serialised(arrays))
    write_bytes(folder / "dataset.json", json.dumps(manifest).encode())


def load(folder: Path) -> ProbingDataset:
    """What :func:`save` wrote. Raises :class:`IndexMissing`, :class:`IndexDamaged`."""
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    path = folder / "dataset.json"
    if not path.is_file():
        raise IndexMissing(f"there is no dataset in {str(folder)!r}", "it is made by find probe")
    try:
        manifest = json.loads(path.read_bytes())
        if manifest["format"] != FORMAT:
            raise ValueError(f"its format is {manifest['format']!r}")
        arrays = load_file(folder / "rows.safetensors")
        return ProbingDataset(
            features=tuple(Feature(**feature) for feature in manifest["features"]),
            left_out=tuple(LeftOut(**one) for one in manifest["left_out"]),
            collection=manifest["collection"],
            document_names=tuple(manifest["document_names"]),
            groups=tuple(manifest["groups"]),
            aggregate=manifest["aggregate"],
            fingerprint=manifest["fingerprint"],
            cut=int(manifest["cut"]),
            outside=int(manifest["outside"]),
            seen=int(manifest["seen"]),
            tokens_seen=int(manifest["tokens_seen"]),
            ids=arrays["ids"],
            lengths=arrays["lengths"],
            documents=arrays["documents"],
            offsets=arrays["offsets"],
            rows=arrays["rows"],
            labels=arrays["labels"],
        )
    except (OSError, ValueError, KeyError, TypeError, SafetensorError) as error:
        raise IndexDamaged(
            f"the dataset in {str(folder)!r} cannot be read: {error}", "delete the folder"
        ) from error
