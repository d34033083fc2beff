"""The planted subject over a small tokenizer trained here, on windows of the standard library."""

from __future__ import annotations

import sysconfig
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from evidence_pool import Text
from numpy.typing import NDArray
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

from core.results import Provenance
from subjects.planted import PlantedSubject, load_planted

WINDOW = 64
PER_DOCUMENT = 12
FOLDERS = ("asyncio", "email", "http", "json", "logging", "unittest", "xml/dom", "concurrent")

torch.set_num_threads(1)


def files() -> Iterator[tuple[str, str]]:
    root = Path(sysconfig.get_paths()["stdlib"])
    paths = sorted(root.glob("*.py"))
    for folder in FOLDERS:
        paths += sorted((root / folder).glob("*.py"))
    for path in paths:
        yield str(path.relative_to(root)), path.read_text(encoding="utf-8", errors="replace")


@pytest.fixture(scope="session")
def planted(tmp_path_factory: pytest.TempPathFactory) -> PlantedSubject:
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Digits(individual_digits=True),
            pre_tokenizers.ByteLevel(add_prefix_space=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=4096,
        special_tokens=["<|bos|>", "<|pad|>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    sample = [text for _, text in files()][::3]
    tokenizer.train_from_iterator(sample, trainer=trainer)
    path = tmp_path_factory.mktemp("tokenizer") / "tokenizer.json"
    tokenizer.save(str(path))
    return load_planted(path)


@pytest.fixture(scope="session")
def corpus(planted: PlantedSubject) -> Text:
    """Windows of the standard library, a document a file."""
    return cut(planted, PER_DOCUMENT)


def cut(planted: PlantedSubject, per_document: int) -> Text:
    rows: list[list[int]] = []
    documents: list[str] = []
    for name, text in files():
        ids = planted.tokenize(text[: per_document * WINDOW * 12])
        starts = range(0, len(ids) - WINDOW + 1, WINDOW)
        found = [ids[i : i + WINDOW] for i in starts][:per_document]
        rows += found
        documents += [name] * len(found)
    ids = np.array(rows, dtype=np.int64)
    return Text(ids, [planted.vocabulary.decode(row) for row in ids], documents)


def values_of(planted: PlantedSubject, site: str, ids: NDArray[np.int64]) -> NDArray[np.float32]:
    """Activations of every unit of ``site`` [n, length, units]."""
    parts = [
        planted.activations(planted.batch(ids[i : i + 64]), [site])[site].numpy()
        for i in range(0, len(ids), 64)
    ]
    return np.concatenate(parts)


@pytest.fixture(scope="session")
def provenance() -> Provenance:
    return Provenance(
        method="pattern",
        seed=0,
        subject_spec="planted",
        corpus="stdlib",
        index="none",
        code_version="0",
    )
