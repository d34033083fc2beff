"""The parts of a sweep: which units, what is kept of the request, how a budget is shared."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from core.errors import BudgetReached, JobState, UnitOutOfRange
from core.ids import UnitId
from llms.protocol import ChatRequest, Message
from neuroscribe.models import ModelChoice
from neuroscribe.sweeps.request import SweepRequest, request_of
from neuroscribe.sweeps.shared_budget import SharedBudget
from neuroscribe.sweeps.units import choose, numbers
from neuroscribe.workspace import CorpusChoice
from storage import JobRecord, Store, StoredJob, open_store


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with open_store(f"sqlite:///{tmp_path}/neuroscribe.db") as opened:
        yield opened


def test_units_are_named_by_numbers_and_ranges() -> None:
    assert numbers("7, 0-3,2,120") == [0, 1, 2, 3, 7, 120]


def test_units_beyond_a_site_are_not_counted_out_one_by_one() -> None:
    """Written out they would take the memory of the whole machine."""
    asked = SweepRequest("demo", "mlp.0", units="0-999999999," * 800 + "5")
    with pytest.raises(UnitOutOfRange, match="has no units 10-999999999 "):
        choose(asked, 10, None)


def test_dead_units_are_left_out_and_counted() -> None:
    chosen = choose(SweepRequest("demo", "mlp.0"), 10, [1, 4, 7])
    assert [unit.index for unit in chosen.units] == [1, 4, 7]
    assert (chosen.live, chosen.dead) == (3, 7)


def test_a_sample_is_drawn_by_the_seed_and_a_larger_one_holds_a_smaller() -> None:
    def drawn(count: int, seed: int) -> set[int]:
        asked = SweepRequest("demo", "mlp.0", sample=count, seed=seed)
        return {unit.index for unit in choose(asked, 100, list(range(100))).units}

    assert drawn(10, 1) == drawn(10, 1)
    assert drawn(10, 1) < drawn(20, 1)
    assert drawn(10, 1) != drawn(10, 2)


def test_a_request_is_read_back_exactly_and_another_versions_is_refused() -> None:
    request = SweepRequest(
        "demo", "mlp.2", units="0-9", seed=4, mode="one-shot", arms=True, neighbours=3,
        corpus=CorpusChoice("texts", "body", 7, 32, 4),
        models=ModelChoice("openai:m", "anthropic:n", "indexed", 5, 6, 7),
    )  # fmt: skip

    def stored(parameters: dict[str, Any]) -> Any:
        return StoredJob(
            id="j", subject="demo", site="mlp.2", parameters=parameters, state="queued",
            created="2025-01-31T12:00:00Z", updated="2025-01-31T12:00:00Z",
        )  # fmt: skip

    held = json.loads(json.dumps(request.parameters()))
    assert request_of(stored(held)) == request
    for changed in ({"format": 99}, {"strange": 1}, {"corpus": 3}):
        with pytest.raises(JobState, match="another version"):
            request_of(stored(held | changed))


def test_every_process_may_spend_its_part_of_what_is_left(store: Store) -> None:
    """Two workers hold units: of 100 calls each may make 50, and hears when limits are raised."""
    units = [UnitId("demo", "mlp.0", index) for index in range(4)]
    record = JobRecord(
        id="shared-budget", subject="demo", site="mlp.0", parameters={}, max_calls=100,
        created="2025-01-31T12:00:00Z",
    )  # fmt: skip
    store.jobs.create(record, units)
    alone = SharedBudget(store.jobs, record.id)
    assert alone.calls == 100
    for worker in ("ada", "bob"):
        store.jobs.claim(record.id, worker, limit=2, lease_seconds=600)
    alone.refresh()
    assert alone.calls == 50
    alone.spent_calls = 50
    alone.refresh()
    assert alone.calls == 75
    store.jobs.allow(record.id, max_calls=50)
    alone.refresh()
    assert alone.calls == 50
    request = ChatRequest(role="chat", messages=(Message(role="user", text="x"),), max_tokens=1)
    with pytest.raises(BudgetReached, match="the job's budget of 50 calls"):
        alone.reserve(request, None)
    store.jobs.allow(record.id, max_calls=200)
    assert alone.reserve(request, None).tokens
