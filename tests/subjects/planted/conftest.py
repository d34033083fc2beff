"""A planted subject over a small tokenizer trained here, and windows of the standard library."""

from __future__ import annotations

import sysconfig
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

from subjects.planted import PlantedSubject, load_planted

WINDOW = 64
FOLDERS = ("asyncio", "email", "http", "json", "logging", "unittest", "xml/dom", "concurrent")


def texts() -> Iterator[str]:
    root = Path(sysconfig.get_paths()["stdlib"])
    files = sorted(root.glob("*.py"))[::3]
    for folder in FOLDERS:
        files += sorted((root / folder).glob("*.py"))
    return (file.read_text(encoding="utf-8", errors="replace") for file in files)


@pytest.fixture(scope="session")
def tokenizer_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
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
    tokenizer.train_from_iterator(texts(), trainer=trainer)
    path = tmp_path_factory.mktemp("tokenizer") / "tokenizer.json"
    tokenizer.save(str(path))
    return path


@pytest.fixture(scope="session")
def planted(tokenizer_file: Path) -> PlantedSubject:
    return load_planted(tokenizer_file)


@pytest.fixture(scope="session")
def windows(planted: PlantedSubject) -> NDArray[np.int64]:
    """Windows of real text, [n, 64], at most 24 a file."""
    rows = []
    for text in texts():
        ids = planted.tokenize(text[: 24 * WINDOW * 6])
        rows += [ids[i : i + WINDOW] for i in range(0, len(ids) - WINDOW + 1, WINDOW)][:24]
    return np.array(rows, dtype=np.int64)
