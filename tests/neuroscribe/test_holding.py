"""Loaded subjects within a limit: what is in use stays, what is not makes room, and is really gone.

Three subjects of one size, and a limit that fits two of them.
"""

from __future__ import annotations

import asyncio
import gc
import json
import sys
import threading
import weakref
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from core.errors import MemoryShort
from core.ids import UnitId
from core.settings import Settings, load_settings
from neuroscribe.holding import memory_limit
from neuroscribe.interventions import Intervention, intervene
from neuroscribe.laboratory import unseen
from neuroscribe.recipe import SubjectRecipe
from neuroscribe.serving import worker as working
from neuroscribe.serving.server import ServeOptions, application
from neuroscribe.serving.worker import Worker
from neuroscribe.workspace import DEMO_FOLDER, CorpusChoice, Workspace
from storage import Store
from subjects.sizes import bytes_in, bytes_of, machine_bytes

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "service"))

from asgi_client import Answer, Client

NAMES = ("first", "second", "third")
SIZE = bytes_in(DEMO_FOLDER / "demo-tiny", "float32")
LIMIT = int(2.5 * SIZE)


@pytest.fixture
def workspace(own_home: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    monkeypatch.setenv("NEUROSCRIBE_SERVICE_MEMORY", f"{LIMIT}B")
    found = Workspace(load_settings())
    for name in NAMES:
        found.register(name, str(DEMO_FOLDER / "demo-tiny"), None)
    found.holding.limit = memory_limit(found.settings)
    return found


@pytest.fixture
def store(workspace: Workspace) -> Iterator[Store]:
    with workspace.store() as opened:
        yield opened


@pytest.fixture
def corpus(tmp_path: Path) -> CorpusChoice:
    path = tmp_path / "corpus.jsonl"
    rows = [{"id": str(n), "text": f"the {n}th cat sat on the mat and " * 4} for n in range(60)]
    path.write_text("\n".join(json.dumps(row) for row in rows), encoding="utf-8")
    return CorpusChoice(str(path), window=8)


@pytest.fixture
def client(workspace: Workspace, store: Store, corpus: CorpusChoice) -> Client:
    return Client(application(workspace, store, ServeOptions(corpus=corpus, work=False))[0])


def loaded(workspace: Workspace) -> list[str]:
    return list(workspace.holding.loaded())


def test_sizes_are_told_before_and_after_loading(workspace: Workspace) -> None:
    for name in ("demo-tiny", "demo-lstm"):
        recipe = workspace.recipe_of(name, None, None)
        assert recipe.expected_bytes() == bytes_of(recipe.load())
    assert bytes_in(DEMO_FOLDER / "demo-tiny", "bfloat16") == SIZE // 2
    assert workspace.recipe_of("planted", None, None).expected_bytes() == 0
    assert memory_limit(workspace.settings)() == LIMIT
    assert (
        memory_limit(Settings(device="cpu", service_memory=None))()
        == int(0.8 * machine_bytes("cpu"))
        > SIZE
    )


def test_the_one_asked_for_the_longest_ago_makes_room_and_is_gone(workspace: Workspace) -> None:
    first = weakref.ref(workspace.subject("first"))
    workspace.subject("second")
    assert workspace.subject("first") is first()
    second = weakref.ref(workspace.subject("second"))
    workspace.subject("first")
    workspace.subject("third")
    assert loaded(workspace) == ["first", "third"]
    gc.collect()
    assert second() is None
    assert first() is not None
    assert workspace.subject("second").spec.name == "second"
    assert loaded(workspace) == ["second", "third"]


def test_everything_that_was_made_of_a_subject_goes_with_it(
    workspace: Workspace, corpus: CorpusChoice
) -> None:
    index = workspace.index("first", "mlp.0", corpus)
    assert workspace.index_if_there("first", "mlp.0", corpus) is index
    assert workspace.holding.beside("first", "thing", lambda: [1]) == [1]
    unseen(index)
    intervene(index.subject, index, Intervention(UnitId("first", "mlp.0", 1), "ablate"))
    held = weakref.ref(index.subject), weakref.ref(index.subject.model), weakref.ref(index)  # type: ignore[attr-defined]
    del index
    workspace.subject("second")
    workspace.subject("third")
    gc.collect()
    assert [ref() for ref in held] == [None, None, None]
    assert workspace.holding.beside("first", "thing", lambda: [2]) == [2]


def test_what_is_in_use_is_never_dropped(workspace: Workspace) -> None:
    with workspace.holding.using("first"), workspace.holding.using("second"):
        first, second = workspace.subject("first"), workspace.subject("second")
        with pytest.raises(MemoryShort, match="beside those in use: 'first', 'second'"):
            workspace.subject("third")
        assert (workspace.subject("first"), workspace.subject("second")) == (first, second)
        assert not workspace.holding.drop("first")
    workspace.subject("third")  # "second" was let go of first
    assert loaded(workspace) == ["first", "third"]


def test_nothing_is_dropped_for_what_would_not_fit_anyhow(workspace: Workspace) -> None:
    workspace.subject("first")
    with pytest.raises(MemoryShort, match="all subjects together may take"):
        workspace.subject("demo")
    assert loaded(workspace) == ["first"]


def test_a_name_that_was_registered_anew_is_loaded_anew(
    workspace: Workspace, tmp_path: Path
) -> None:
    before = workspace.subject("first")
    register = workspace.home / "subjects.json"
    entries = json.loads(register.read_text(encoding="utf-8"))
    entries["first"]["source"] = str(DEMO_FOLDER / "demo-lstm")
    register.write_text(json.dumps(entries), encoding="utf-8")
    workspace.holding.limit = None
    assert before.spec.family == "causal"
    assert workspace.subject("first").spec.family == "lstm"


def test_what_was_made_before_the_first_load_is_kept(workspace: Workspace) -> None:
    holding = workspace.holding
    with holding.using("first"):
        made = holding.beside("first", "thing", lambda: [1])
        workspace.subject("first")
        assert holding.beside("first", "thing", lambda: [2]) is made


def test_what_is_made_of_a_subject_that_was_registered_anew_is_given_and_not_kept(
    workspace: Workspace,
) -> None:
    """It is emptied between the making and the giving."""
    holding = workspace.holding
    workspace.subject("first")

    def make() -> list[int]:
        holding.get(workspace.recipe_of("first", str(DEMO_FOLDER / "demo-tiny"), "other"))
        return [1]

    with holding.using("first"):
        assert holding.beside("first", "thing", make) == [1]
        assert holding.beside("first", "thing", lambda: [2]) == [2]


def test_turns_are_kept_only_as_long_as_somebody_has_one(workspace: Workspace) -> None:
    for number in range(3):
        workspace.holding.beside("first", number, lambda: 1)
    workspace.subject("first")
    assert workspace.holding._turns == {}


def test_who_looks_for_an_index_does_not_wait_for_who_collects_it(
    workspace: Workspace, corpus: CorpusChoice
) -> None:
    begun, enough = threading.Event(), threading.Event()

    def slow(progress: object) -> None:
        begun.set()
        assert enough.wait(60)

    with ThreadPoolExecutor(3) as pool:
        try:
            collected = pool.submit(workspace.index, "first", "mlp.0", corpus, slow)
            assert begun.wait(60)
            looked = pool.submit(workspace.index_if_there, "first", "mlp.0", corpus)
            assert looked.result(timeout=30) is None
            again = pool.submit(workspace.index, "first", "mlp.0", corpus)
        finally:
            enough.set()
        assert again.result(timeout=60) is collected.result(timeout=60)
    assert workspace.index_if_there("first", "mlp.0", corpus) is collected.result()


def test_many_threads_keep_within_the_limit(workspace: Workspace) -> None:
    """Two work at a time, so that there is always room for both."""

    def work(number: int) -> int:
        name = NAMES[number % 3]
        with workspace.holding.using(name):
            assert workspace.subject(name).spec.name == name
            assert name in workspace.holding.loaded()
            return sum(workspace.holding.loaded().values())

    with ThreadPoolExecutor(2) as pool:
        assert max(pool.map(work, range(7))) <= LIMIT
    assert workspace.holding.loaded()


def texts(name: str) -> dict[str, Any]:
    return {"unit": f"{name}/mlp.0/1", "texts": ["the cat sat"]}


def test_over_http_it_is_told_what_is_loaded(client: Client, workspace: Workspace) -> None:
    for name in NAMES:
        assert client.post("/v1/activations", texts(name)).status == 200
    shown = {s["name"]: (s["loaded"], s["bytes"]) for s in client.get("/v1/subjects").json}
    assert [shown[name] for name in NAMES] == [(False, None), (True, SIZE), (True, SIZE)]
    metrics = client.get("/metrics").body.decode()
    assert "neuroscribe_subjects_loaded 2.0" in metrics
    assert float(metrics.split("\nneuroscribe_subject_bytes ")[1].split()[0]) == 2 * SIZE


def test_over_http_a_full_memory_is_503_until_something_is_free(
    client: Client, workspace: Workspace
) -> None:
    with workspace.holding.using("first"), workspace.holding.using("second"):
        for name in NAMES[:2]:
            assert client.post("/v1/activations", texts(name)).status == 200
        refused = client.post("/v1/activations", texts("third"))
        assert (refused.status, refused.code) == (503, "memory_short")
        assert int(refused.headers["retry-after"]) > 0
        assert client.get("/v1/subjects/third").code == "memory_short"
    assert client.post("/v1/activations", texts("third")).status == 200


def test_requests_at_once_are_answered_or_told_to_come_again(
    client: Client, workspace: Workspace
) -> None:
    async def scene() -> list[Answer]:
        return await asyncio.gather(
            *(
                client.send(
                    "POST",
                    "/v1/activations",
                    [json.dumps(texts(NAMES[n % 3])).encode()],
                    {"content-type": "application/json"},
                )
                for n in range(12)
            )
        )

    answers = asyncio.run(scene())
    assert {a.status for a in answers} <= {200, 503}
    assert {a.code for a in answers if a.status == 503} <= {"memory_short"}
    assert sum(a.status == 200 for a in answers) >= 8
    same = [a.json for n, a in enumerate(answers) if a.status == 200 and n % 3 == 0]
    assert all(found == same[0] for found in same)
    for name in NAMES:  # nobody was left holding anything
        assert client.post("/v1/activations", texts(name)).status == 200
    assert sum(workspace.holding.loaded().values()) <= LIMIT


def test_who_waits_for_a_subject_to_be_loaded_takes_no_thread_from_others(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two threads; one loads, and four requests wait for it."""
    begun, enough = threading.Event(), threading.Event()
    load = SubjectRecipe.load

    def slow(recipe: SubjectRecipe) -> Any:
        begun.set()
        assert enough.wait(60)
        return load(recipe)

    monkeypatch.setattr(SubjectRecipe, "load", slow)

    async def scene() -> tuple[Answer, list[Answer]]:
        asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(2))
        asked = [client.send("GET", "/v1/subjects/first") for _ in range(5)]
        waiting = [asyncio.ensure_future(one) for one in asked]
        try:
            while not begun.is_set():
                await asyncio.sleep(0.01)
            waiting[0].cancel()
            read = await asyncio.wait_for(client.send("GET", "/v1/jobs"), 30)
        finally:
            enough.set()
        return read, await asyncio.gather(*waiting[1:])

    read, answers = asyncio.run(scene())
    assert read.status == 200
    assert [answer.status for answer in answers] == [200] * 4


def test_a_job_keeps_its_subject_and_waits_for_room(
    client: Client, workspace: Workspace, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, enough = threading.Event(), threading.Event()

    def slow(*arguments: Any, **named: Any) -> Any:
        begun.set()
        assert enough.wait(60)
        return SimpleNamespace(error=None)

    monkeypatch.setattr(working, "work", slow)
    monkeypatch.setattr(working, "AGAIN_SECONDS", 0.1)
    job = client.post("/v1/explanations", {"unit": "first/mlp.0/1", "wait": 0}).json["id"]
    workspace.holding.drop("first")
    worker = Worker(workspace, store)
    with workspace.holding.using("second"), workspace.holding.using("third"):
        for name in ("second", "third"):
            workspace.subject(name)
        worker.start()
        assert not begun.wait(0.3)  # there is no room for it
        assert store.jobs.get(job).state == "queued"
    assert begun.wait(60)
    for name in ("third", "second", "third"):
        assert client.post("/v1/activations", texts(name)).status == 200
        assert "first" in loaded(workspace)
    enough.set()
    assert worker.stop(60)
    workspace.holding.drop("first")
    assert "first" not in loaded(workspace)


def test_a_job_whose_subject_can_never_fit_is_paused_with_the_reason(
    client: Client, workspace: Workspace, store: Store
) -> None:
    job = client.post("/v1/explanations", {"unit": "first/mlp.0/1", "wait": 0}).json["id"]
    workspace.holding.drop("first")
    workspace.holding.limit = lambda: SIZE - 1
    worker = Worker(workspace, store)
    worker._do(store.jobs.get(job), units=1)
    stopped = store.jobs.get(job)
    assert stopped.state == "paused"
    assert stopped.reason is not None
    assert stopped.reason.startswith("memory_short: subject 'first' takes")
    assert "NEUROSCRIBE_SERVICE_MEMORY" in stopped.reason
