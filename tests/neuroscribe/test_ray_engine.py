"""Ray as an engine: the same index whoever collects it, and nothing lost when a worker dies."""

from __future__ import annotations

import builtins
import json
import os
import pickle
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from core import errors
from core.errors import (
    EngineUnavailable,
    MissingExtra,
    ModelUnavailable,
    NeuroscribeError,
    SubjectError,
    WorkerFailed,
    WorkerLost,
)
from core.settings import Settings
from neuroscribe.engines.pool import ActorPool, run_on_each
from neuroscribe.engines.ray import RayCluster, Share
from neuroscribe.engines.shards import RayShards
from neuroscribe.recipe import SubjectRecipe
from neuroscribe.workspace import CorpusChoice, Workspace
from subjects.corpora.generated import documents
from subjects.index import files
from subjects.index.collect import CollectPlan, Progress, collect
from subjects.index.manifest import NAME, Manifest
from tests.neuroscribe.conftest import Ran
from tests.neuroscribe.ray_workers import LoadedSpec, SweepSpec, ToySpec, Trouble, ray_cluster

pytest.importorskip("ray", reason="Ray is not installed")
SUBJECT = "demo-tiny"


@pytest.fixture(scope="module")
def cluster() -> Iterator[RayCluster]:
    """Ray, started once, with room for the workers of several tests."""
    with ray_cluster(cpus=8) as opened:
        yield opened


@pytest.fixture(scope="module")
def small_corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """600 generated documents: five shards."""
    path = tmp_path_factory.mktemp("ray") / "small.jsonl"
    rows = [
        {"id": d.id, "text": d.text, "type": d.type, "group": d.group}
        for name in ("agreement", "negation", "prose", "quotations")
        for d in documents(name, seed=3, count=150)
    ]
    path.write_text("\n".join(json.dumps(row) for row in rows), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def plans(small_corpus: Path) -> list[CollectPlan]:
    """A site that is never negative, and one that is, of one subject."""
    workspace = Workspace(Settings(home=small_corpus.parent / "home"))
    choice = CorpusChoice(str(small_corpus), window=16, per_document=2)
    return [
        workspace.plan(SUBJECT, workspace.sites_like(SUBJECT, kind), choice)
        for kind in ("mlp.0", "resid.0")
    ]


@pytest.fixture(scope="module")
def local(plans: list[CollectPlan], small_corpus: Path) -> list[dict[str, Any]]:
    """The indexes that this process makes."""
    home = small_corpus.parent / "local"
    for plan in plans:
        collect(plan, home)
    return [content(plan, home) for plan in plans]


@pytest.fixture(scope="module")
def engine(cluster: RayCluster) -> Iterator[RayShards]:
    """Two workers with the subject loaded."""
    with RayShards(SubjectRecipe(SUBJECT), workers=2) as opened:
        yield opened


def content(plan: CollectPlan, home: Path) -> dict[str, Any]:
    """The manifest (digests of every tensor file in it) without seconds and generations."""
    folder = plan.folder(home)
    manifest = Manifest.read(folder)
    for name, site in manifest.sites.items():
        files.read_tensors(folder / site.file, site.digest)
        assert name in site.file
    told = manifest.model_dump(exclude={"seconds", "windows_file", "documents_file"})
    for site in told["sites"].values():
        del site["file"]
    return told


def test_two_workers_make_the_same_index_bit_for_bit(
    engine: RayShards, plans: list[CollectPlan], local: list[dict[str, Any]], tmp_path: Path
) -> None:
    for plan, expected in zip(plans, local, strict=True):
        told: list[Progress] = []
        assert collect(plan, tmp_path, engine=engine, progress=told.append).shards_done == 5
        assert content(plan, tmp_path) == expected
        assert [p.documents for p in told] == [128, 256, 384, 512, 600]


def test_what_one_engine_began_the_other_ends(
    engine: RayShards, plans: list[CollectPlan], local: list[dict[str, Any]], tmp_path: Path
) -> None:
    engines = (engine, None)
    for home, (first, second) in zip(("a", "b"), (engines, engines[::-1]), strict=True):
        begun = collect(plans[0], tmp_path / home, engine=first, stop_after=2)
        assert (begun.shards_done, begun.complete) == (2, False)
        assert collect(plans[0], tmp_path / home, engine=second).complete
        assert content(plans[0], tmp_path / home) == local[0]


@pytest.mark.slow
def test_one_worker_makes_the_same_index_even_when_interrupted(
    cluster: RayCluster, plans: list[CollectPlan], local: list[dict[str, Any]], tmp_path: Path
) -> None:
    """The shards that were folded before the interruption are kept, the others done again."""

    def interrupt(progress: Progress) -> None:
        if progress.documents == 256:
            raise KeyboardInterrupt

    with RayShards(SubjectRecipe(SUBJECT), workers=1) as one:
        with pytest.raises(KeyboardInterrupt):
            collect(plans[0], tmp_path, engine=one, progress=interrupt)
        assert Manifest.read(plans[0].folder(tmp_path)).shards_done == 2
        told: list[Progress] = []
        collect(plans[0], tmp_path, engine=one, progress=told.append)
    assert [p.resumed for p in told] == [True] * 3
    assert content(plans[0], tmp_path) == local[0]


@pytest.mark.slow
def test_a_killed_run_is_ended_by_the_local_engine(
    plans: list[CollectPlan], local: list[dict[str, Any]], small_corpus: Path, tmp_path: Path
) -> None:
    words = ["collect", SUBJECT, "--corpus", str(small_corpus), "--window", "16"]
    words += ["--per-document", "2", "--engine", "ray", "--workers", "2", "--json"]
    process = subprocess.Popen(
        [sys.executable, "-m", "neuroscribe", *words],
        env={**os.environ, "NEUROSCRIBE_HOME": str(tmp_path), "NEUROSCRIBE_THREADS": "1"},
        stdout=subprocess.DEVNULL,
    )
    with process:
        while process.poll() is None and not (plans[0].folder(tmp_path) / NAME).exists():
            threading.Event().wait(0.02)
        process.kill()
    assert 1 <= Manifest.read(plans[0].folder(tmp_path)).shards_done <= 5
    collect(plans[0], tmp_path)
    assert content(plans[0], tmp_path) == local[0]


def test_a_worker_that_is_killed_is_replaced_and_its_shard_done_again(
    cluster: RayCluster,
    plans: list[CollectPlan],
    local: list[dict[str, Any]],
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
) -> None:
    recipe = Trouble(SUBJECT, marker=str(tmp_path / "killed"))
    with RayShards(recipe, workers=1) as engine:
        collect(plans[0], tmp_path, engine=engine)
    assert (tmp_path / "killed").exists()
    assert capfd.readouterr() == ("", "")
    assert content(plans[0], tmp_path) == local[0]


@pytest.mark.slow
def test_a_shard_that_kills_every_worker_is_named(
    cluster: RayCluster, plans: list[CollectPlan], tmp_path: Path
) -> None:
    with (
        RayShards(Trouble(SUBJECT), workers=1, attempts=2) as engine,
        pytest.raises(WorkerLost, match=r"shard 0 \(documents .* lost its worker 2 times"),
    ):
        collect(plans[0], tmp_path, engine=engine)


@pytest.mark.slow
def test_a_worker_with_another_model_is_refused(
    cluster: RayCluster, plans: list[CollectPlan], tmp_path: Path
) -> None:
    with (
        RayShards(SubjectRecipe("demo-lstm"), workers=1) as engine,
        pytest.raises(SubjectError, match="another model"),
    ):
        collect(plans[0], tmp_path, engine=engine)


@pytest.mark.slow
def test_workers_use_as_many_threads_as_this_process(cluster: RayCluster) -> None:
    recipe = SubjectRecipe(SUBJECT, threads=2)
    with ActorPool(cluster, LoadedSpec(recipe), 1) as pool:
        assert list(pool.map(["threads"])) == ["2"]


# The pool


def test_answers_come_in_the_order_of_the_items(cluster: RayCluster) -> None:
    with ActorPool(cluster, ToySpec(), 2, queued=2) as pool:
        assert list(pool.map(f"item {i}" for i in range(20))) == [f"ITEM {i}" for i in range(20)]
        assert list(pool.map([])) == []


@pytest.mark.slow
def test_no_more_items_are_taken_than_two_a_worker(cluster: RayCluster) -> None:
    taken: list[int] = []

    def items() -> Iterator[str]:
        for i in range(50):
            taken.append(i)
            yield str(i)

    with ActorPool(cluster, ToySpec(), 2, queued=2) as pool:
        for given, _ in enumerate(pool.map(items())):
            assert len(taken) <= given + 1 + 4


def test_errors_in_the_source_come_after_what_it_gave(cluster: RayCluster) -> None:
    def items() -> Iterator[str]:
        yield from "abc"
        raise SubjectError("the source is broken")

    with ActorPool(cluster, ToySpec(), 2, queued=2) as pool:
        results = pool.map(items())
        assert [next(results) for _ in "abc"] == ["A", "B", "C"]
        with pytest.raises(SubjectError, match="source"):
            next(results)


def test_errors_keep_class_message_hint_and_fields(cluster: RayCluster) -> None:
    with ActorPool(cluster, ToySpec(), 1) as pool:
        with pytest.raises(ModelUnavailable) as raised:
            list(pool.map(["refuse all"]))
        error = raised.value
        assert (error.message, error.hint) == ("no 'all'", "ask later")
        assert (error.retry_after, error.attempts) == (2.5, 4)
        with pytest.raises(WorkerFailed, match=r"item 'crash \(x\)': ZeroDivisionError: \(x\)"):
            list(pool.map(["crash (x)"], label=lambda item: f"item {item!r}"))
        with pytest.raises(WorkerFailed, match="MemoryError: no room") as full:
            list(pool.map(["exhaust"]))
        assert "fewer workers" in full.value.hint
        # The same worker goes on.
        assert list(pool.map(["still here"])) == ["STILL HERE"]


@pytest.mark.slow
def test_dead_workers_are_replaced_up_to_a_limit(cluster: RayCluster, tmp_path: Path) -> None:
    marker = tmp_path / "died"
    with ActorPool(cluster, ToySpec(), 2, queued=2, attempts=2) as pool:
        items = ["a", f"die-once {marker}", "b", "c", "die", "d"]
        answers = list(pool.answers(items))
    said = [getattr(a, "value", None) or getattr(a, "error", None) for a in answers]
    assert [said[0], *said[2:4], said[5]] == ["A", "B", "C", "D"]
    assert str(said[1]).startswith("DIE-ONCE")
    assert isinstance(said[4], WorkerLost)
    assert "'die' lost its worker 2 times" in said[4].message


@pytest.mark.slow
@pytest.mark.parametrize(
    ("trouble", "kind", "said"),
    [("error", SubjectError, "'toy' is broken"), ("death", WorkerLost, "no worker could be")],
)
def test_workers_that_cannot_start_say_why(
    cluster: RayCluster, trouble: str, kind: type[NeuroscribeError], said: str
) -> None:
    with (
        ActorPool(cluster, ToySpec(trouble), 1, attempts=2) as pool,
        pytest.raises(kind, match=said),
    ):
        list(pool.map(["a"]))


@pytest.mark.slow
def test_a_share_that_no_machine_has_is_refused(cluster: RayCluster) -> None:
    with (
        ActorPool(cluster, ToySpec(), 1, share=Share(cpus=64)) as pool,
        pytest.raises(EngineUnavailable, match="64 CPUs"),
    ):
        list(pool.map(["a"]))


# One job on many workers


def test_a_job_is_run_on_each_worker_and_survives_one(cluster: RayCluster, tmp_path: Path) -> None:
    """The number that the dead worker had claimed is the lease's concern, not the engine's."""
    spec = SweepSpec(str(tmp_path), dies_at=5)
    ends = run_on_each(cluster, spec, "job", workers=2)
    assert all(isinstance(end, list) for end in ends)
    assert len(ends) == 2
    assert len(list(tmp_path.glob("*.done"))) == 19


@pytest.mark.slow
def test_a_job_ends_when_it_is_told_to(cluster: RayCluster, tmp_path: Path) -> None:
    def stopped() -> bool:
        return (tmp_path / "endless-3.done").exists()

    ends = run_on_each(cluster, SweepSpec(str(tmp_path)), "endless", workers=2, stopped=stopped)
    done = [number for end in ends if isinstance(end, list) for number in end]
    assert len(ends) == 2
    assert sorted(done) == sorted(set(done))
    assert len(done) == len(list(tmp_path.glob("*.done")))


@pytest.mark.slow
def test_an_interruption_is_forwarded_to_the_workers(
    cluster: RayCluster, tmp_path: Path, ctrl_c: None
) -> None:
    """Ctrl-C: what a worker is at is finished, nothing is left claimed and undone."""

    def watch() -> None:
        while not (tmp_path / "endless-3.done").exists():
            event.wait(0.01)
        signal.raise_signal(signal.SIGINT)

    event = threading.Event()
    thread = threading.Thread(target=watch)
    thread.start()
    with pytest.raises(KeyboardInterrupt):
        run_on_each(cluster, SweepSpec(str(tmp_path)), "endless", workers=1)
    thread.join(60)
    claimed, done = (len(list(tmp_path.glob(f"*.{what}"))) for what in ("claimed", "done"))
    assert claimed == done


# What can be asked for


@pytest.mark.parametrize(
    "made",
    sorted(
        {c for c in vars(errors).values() if isinstance(c, type) and issubclass(c, Exception)},
        key=lambda c: c.__name__,
    ),
)
def test_every_error_can_be_sent(made: type[NeuroscribeError]) -> None:
    error = made("what is wrong", "what to do")
    error.more = 3  # type: ignore[attr-defined]
    back = pickle.loads(pickle.dumps(error))  # noqa: S301
    assert type(back) is made
    assert vars(back) == vars(error)
    assert str(back) == "what is wrong (what to do)"


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["--engine", "cloud"], "invalid_setting"),
        (["--workers", "2"], "invalid_setting"),
        (["--engine", "ray", "--workers", "0"], "misuse"),
    ],
)
def test_wrong_choices_are_misuse(
    run: Callable[..., Ran], own_home: Path, words: list[str], code: str
) -> None:
    told = run("collect", SUBJECT, *words, "--json")
    assert told.code == 2
    assert told.json["error"]["code"] == code


def test_without_ray_the_extra_is_named(
    run: Callable[..., Ran], own_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = builtins.__import__

    def without(name: str, *rest: Any) -> Any:
        if name == "ray":
            raise ImportError(name)
        return whole(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(MissingExtra):
        RayCluster()
    told = run("collect", SUBJECT, "--engine", "ray", "--json")
    assert told.code == 1
    assert told.json["error"]["code"] == "missing_extra"
    assert "neuroscribe[ray]" in told.json["error"]["hint"]
