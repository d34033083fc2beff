"""The collection pass: progress, resuming, one writer, rebuilding, bounded memory."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from index_examples import (
    WINDOW,
    ListCorpus,
    TableSubject,
    all_cuts,
    contents,
    document,
    make_plan,
    named_files,
    random_documents,
)

from core.errors import CorpusTooShort, SubjectError
from subjects.index.collect import CollectPlan, Progress, collect, read_site, read_windows
from subjects.index.manifest import Manifest
from subjects.index.store import RANDOM

HERE = Path(__file__).parent
ROOT = HERE.parents[2]


def test_the_manifest_counts_what_was_read(plan: CollectPlan, home: Path) -> None:
    manifest = collect(plan, home)
    cuts = all_cuts(plan)
    assert manifest.complete
    assert manifest.shards_done == 3
    assert sum(manifest.n_windows) == sum(len(c.ids) for c in cuts)
    assert sum(manifest.n_documents) == sum(1 for c in cuts if len(c.ids))
    assert manifest.n_too_short == sum(1 for c in cuts if not len(c.ids))
    assert manifest.n_tokens == sum(c.ids.size for c in cuts)
    assert manifest.tokens_left_out == sum(c.tokens_left_out for c in cuts)
    assert manifest.types == {
        kind: sum(1 for c in cuts if len(c.ids) and c.type == kind) for kind in ("test", "copy")
    }
    assert (manifest.sites["mlp.0"].histogram_every, manifest.sites["resid.0"].histogram_every) == (
        1,
        5,
    )
    assert manifest.size(plan.folder(home)) == sum(
        (plan.folder(home) / name).stat().st_size for name in named_files(plan.folder(home))
    )


def test_progress_is_told_after_every_shard(plan: CollectPlan, home: Path) -> None:
    told: list[Progress] = []
    manifest = collect(plan, home, progress=told.append)
    assert [p.documents for p in told] == [128, 256, 300]
    assert all(p.documents_total == 300 and not p.resumed for p in told)
    assert told[-1].tokens == manifest.n_tokens


def test_an_interrupted_collection_goes_on_to_the_same_index(
    plan: CollectPlan, home: Path, tmp_path: Path
) -> None:
    whole = tmp_path / "whole"
    collect(plan, whole)
    told: list[Progress] = []
    for shards_done in (1, 2):
        partial = collect(plan, home, stop_after=1, progress=told.append)
        assert (partial.complete, partial.shards_done) == (False, shards_done)
    assert collect(plan, home, progress=told.append).complete
    assert [p.resumed for p in told] == [False, True, True]
    assert contents(plan.folder(home)) == contents(plan.folder(whole))


def test_a_keyboard_interrupt_in_the_subject_loses_no_finished_shard(
    home: Path, tmp_path: Path
) -> None:
    passes = 0

    def interrupt() -> None:
        nonlocal passes
        passes += 1
        if passes == 14:
            raise KeyboardInterrupt

    corpus = ListCorpus(random_documents(300, seed=1))
    whole = make_plan(TableSubject(), corpus)
    collect(whole, tmp_path / "whole")
    plan = make_plan(TableSubject(on_batch=interrupt), corpus)
    with pytest.raises(KeyboardInterrupt):
        collect(plan, home)
    done = Manifest.read(plan.folder(home)).shards_done
    assert done >= 1
    told: list[Progress] = []
    collect(plan, home, progress=told.append)
    assert len(told) == 3 - done
    assert contents(plan.folder(home)) == contents(whole.folder(tmp_path / "whole"))


def test_after_every_shard_only_its_own_files_are_there(plan: CollectPlan, home: Path) -> None:
    folder = plan.folder(home)

    def check(_: Progress) -> None:
        assert named_files(folder) == Manifest.read(folder).file_names()

    collect(plan, home, progress=check)
    assert named_files(folder) == Manifest.read(folder).file_names()


def test_a_finished_index_is_not_touched_again(plan: CollectPlan, home: Path) -> None:
    first = collect(plan, home)
    folder = plan.folder(home)
    times = {p.name: p.stat().st_mtime_ns for p in folder.iterdir() if p.name != ".lock"}
    plan.subject.passes = 0
    assert collect(plan, home) == first
    assert plan.subject.passes == 0
    assert times == {p.name: p.stat().st_mtime_ns for p in folder.iterdir() if p.name != ".lock"}


def test_what_a_killed_run_left_beside_a_finished_index_is_removed(
    plan: CollectPlan, home: Path
) -> None:
    collect(plan, home)
    folder = plan.folder(home)
    (folder / "mlp.0.99.safetensors").write_bytes(b"an older generation")
    (folder / "manifest.json.partial-1").write_bytes(b"half")
    collect(plan, home)
    assert named_files(folder) == Manifest.read(folder).file_names()


def test_rebuilding_makes_the_same_index_and_keeps_the_old_one_till_then(
    plan: CollectPlan, home: Path
) -> None:
    collect(plan, home)
    folder = plan.folder(home)
    before = contents(folder)
    files = named_files(folder)

    def interrupt() -> None:
        raise KeyboardInterrupt

    plan.subject.on_batch = interrupt
    with pytest.raises(KeyboardInterrupt):
        collect(plan, home, rebuild=True)
    assert contents(folder) == before
    plan.subject.on_batch = lambda: None
    collect(plan, home, rebuild=True)
    assert contents(folder) == before
    assert not files & named_files(folder)


@pytest.mark.parametrize("damage", [b"", b"{}", b"not json", b"[1]", b"\xff\xfe"])
def test_rebuilding_works_over_a_damaged_manifest(
    plan: CollectPlan, home: Path, damage: bytes
) -> None:
    collect(plan, home)
    before = contents(plan.folder(home))
    (plan.folder(home) / "manifest.json").write_bytes(damage)
    collect(plan, home, rebuild=True)
    assert contents(plan.folder(home)) == before
    assert len(named_files(plan.folder(home))) == 4


def test_plans_that_differ_have_indexes_of_their_own(subject: TableSubject, home: Path) -> None:
    documents = random_documents(20, seed=1)
    corpus = ListCorpus(documents)
    plans = [
        make_plan(subject, corpus),
        make_plan(subject, corpus, window=4),
        make_plan(subject, corpus, per_document=2),
        make_plan(subject, ListCorpus(documents[:-1])),
        make_plan(TableSubject(tokenizer="other"), corpus),
        CollectPlan(subject, corpus, [subject.sites()["mlp.0"]], window=WINDOW),
    ]
    assert len({p.folder(home) for p in plans}) == len(plans)
    for p in plans:
        assert collect(p, home).key == p.key


@pytest.mark.parametrize("documents", [[], [("a", 7)], [("a", 0), ("b", 3)]])
def test_a_corpus_shorter_than_one_window_says_so(
    subject: TableSubject, home: Path, documents: list[tuple[str, int]]
) -> None:
    corpus = ListCorpus([document(name, [1] * words) for name, words in documents])
    for _ in range(2):
        with pytest.raises(CorpusTooShort, match="8 tokens"):
            collect(make_plan(subject, corpus), home)


def test_shards_of_short_documents_alone_do_no_harm(subject: TableSubject, home: Path) -> None:
    short = [document(f"s{i}", [1, 2]) for i in range(128)]
    long = [document(f"l{i}", [i % 50] * 20) for i in range(40)]
    plan = make_plan(subject, ListCorpus([*short, *long]))
    assert collect(plan, home, stop_after=1).shards_done == 1
    manifest = collect(plan, home)
    assert sum(manifest.n_documents) == 40
    assert read_site(plan.folder(home), manifest, "mlp.0").sums.count == 40 * 16


def test_values_that_are_no_numbers_stop_the_run_and_name_the_site(home: Path) -> None:
    subject = TableSubject()
    subject.tables["resid.0"][5, 4] = float("nan")
    with pytest.raises(SubjectError, match=r"resid\.0"):
        collect(make_plan(subject, ListCorpus(random_documents(20, seed=1))), home)


def test_what_is_kept_does_not_grow_with_the_corpus(home: Path) -> None:
    """Eight shards hold as many table entries as two, and windows within the samples' sizes."""
    subject = TableSubject()
    sizes = []
    for count in (2, 8):
        documents = random_documents(128 * count, seed=5, longest=60)
        plan = make_plan(subject, ListCorpus(documents), window=4)
        manifest = collect(plan, home)
        folder = plan.folder(home)
        tables = [read_site(folder, manifest, s.name).tensors() for s in plan.sites]
        sizes.append(sum(t.nbytes for site in tables for t in site.values()))
        kept = len(read_windows(folder, manifest).numbers)
        held = {name: value for name, value in tables[0].items() if value.dim() == 2}
        entries = sum(v.numel() for name, v in held.items() if not name.endswith("maxima"))
        assert kept <= 2 * entries + sum(RANDOM)
    assert sizes[0] == sizes[1]
    assert sum(manifest.n_windows) > 2 * kept


def test_a_second_writer_waits_and_finds_the_work_done(home: Path) -> None:
    inside, go_on = threading.Event(), threading.Event()

    def pause() -> None:
        inside.set()
        go_on.wait(60)

    corpus = ListCorpus(random_documents(300, seed=1))
    first = make_plan(TableSubject(on_batch=pause), corpus)
    second = make_plan(TableSubject(), corpus)
    threads = [threading.Thread(target=collect, args=(p, home)) for p in (first, second)]
    threads[0].start()
    assert inside.wait(60)
    with (first.folder(home) / ".lock").open("a") as lock, pytest.raises(BlockingIOError):
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    threads[1].start()
    go_on.set()
    for thread in threads:
        thread.join(60)
    assert second.subject.passes == 0
    assert Manifest.read(first.folder(home)).complete


def worker(home: Path, where: str) -> subprocess.Popen[str]:
    paths = os.pathsep.join([str(ROOT), str(HERE)])
    return subprocess.Popen(
        [sys.executable, str(HERE / "index_worker.py"), str(home), where],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": paths},
    )


def test_a_process_killed_while_it_saves_leaves_its_last_finished_shard(
    plan: CollectPlan, home: Path, tmp_path: Path
) -> None:
    """Killed with all files of the second shard written, and half of the manifest."""
    with worker(home, "write:10") as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "here\n"
        process.kill()
    folder = plan.folder(home)
    left = Manifest.read(folder)
    assert (left.shards_done, left.complete) == (1, False)
    assert left.file_names() < named_files(folder)
    for name in left.sites:
        assert read_site(folder, left, name).sums.count == left.n_tokens
    told: list[Progress] = []
    collect(plan, home, progress=told.append)
    assert len(told) == 2
    collect(plan, tmp_path / "whole")
    assert contents(folder) == contents(plan.folder(tmp_path / "whole"))
    assert named_files(folder) == Manifest.read(folder).file_names()


def test_a_waiting_process_goes_on_where_a_killed_one_stopped(
    plan: CollectPlan, home: Path, tmp_path: Path
) -> None:
    """The first is killed in a forward pass of its second shard, while the second waits."""
    told: list[Progress] = []
    waiting = threading.Thread(target=collect, args=(plan, home), kwargs={"progress": told.append})
    with worker(home, "pass:12") as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "here\n"
        waiting.start()
        assert Manifest.read(plan.folder(home)).shards_done == 1
        process.kill()
    waiting.join(60)
    assert len(told) == 2
    collect(plan, tmp_path / "whole")
    assert contents(plan.folder(home)) == contents(plan.folder(tmp_path / "whole"))
