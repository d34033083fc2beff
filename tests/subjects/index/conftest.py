"""One index over a hand-made subject, large enough for every sample to be full."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from index_examples import ListCorpus, TableSubject, make_plan, random_documents

from subjects.index.collect import CollectPlan, collect
from subjects.index.reader import ActivationIndex

torch.set_num_threads(1)


@pytest.fixture
def subject() -> TableSubject:
    return TableSubject()


@pytest.fixture
def plan(subject: TableSubject) -> CollectPlan:
    """Three shards of short documents."""
    return make_plan(subject, ListCorpus(random_documents(300, seed=1)))


@pytest.fixture(scope="session")
def large(tmp_path_factory: pytest.TempPathFactory) -> ActivationIndex:
    """Five shards, about 6,400 windows."""
    home = tmp_path_factory.mktemp("large")
    documents = random_documents(640, seed=2, longest=160)
    plan = make_plan(TableSubject(), ListCorpus(documents))
    collect(plan, home)
    return ActivationIndex.open(plan.folder(home), plan.subject)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"
