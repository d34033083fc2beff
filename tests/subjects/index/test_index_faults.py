"""Full disks and damaged files: the error names the file, and nothing stored before is lost."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from index_examples import (
    ListCorpus,
    TableSubject,
    contents,
    make_plan,
    named_files,
    random_documents,
    signed_table,
)

from core.errors import (
    DiskFull,
    IndexDamaged,
    IndexMismatch,
    IndexMissing,
    StorageError,
    SubjectError,
)
from core.hashing import fingerprint
from subjects.index import files
from subjects.index.collect import CollectPlan, collect
from subjects.index.manifest import Manifest
from subjects.index.reader import ActivationIndex

FILES_A_SHARD = 5  # two sites, windows, documents, manifest


def failing_after(calls: int, real: Callable[..., Any], code: int) -> Callable[..., Any]:
    """``real``, until it has been called ``calls`` times; then the disk says no."""

    def call(*args: Any, **options: Any) -> Any:
        nonlocal calls
        calls -= 1
        if calls < 0:
            raise OSError(code, os.strerror(code))
        return real(*args, **options)

    return call


@pytest.mark.parametrize("written", range(FILES_A_SHARD, 2 * FILES_A_SHARD))
@pytest.mark.parametrize("operation", ["fsync", "replace"])
def test_a_full_disk_leaves_the_last_finished_shard(
    plan: CollectPlan,
    home: Path,
    monkeypatch: pytest.MonkeyPatch,
    operation: str,
    written: int,
) -> None:
    """Each file of the second shard in turn is the one that no longer fits."""
    calls = written * (2 if operation == "fsync" else 1)  # a file is synced, then its folder
    folder = plan.folder(home)
    with monkeypatch.context() as patch:
        patch.setattr(os, operation, failing_after(calls, getattr(os, operation), errno.ENOSPC))
        with pytest.raises(DiskFull, match="no space left") as raised:
            collect(plan, home)
    assert "goes on at the last finished shard" in raised.value.hint
    left = Manifest.read(folder)
    assert left.shards_done == 1
    assert named_files(folder) == left.file_names(), "nothing half-written stays on a full disk"
    collect(plan, home)
    collect(plan, home / "whole")
    assert contents(folder) == contents(plan.folder(home / "whole"))


def test_a_disk_that_is_full_from_the_start_is_named(
    plan: CollectPlan, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", failing_after(0, os.fsync, errno.ENOSPC))
        with pytest.raises(DiskFull, match=r"mlp\.0"):
            collect(plan, home)
    assert named_files(plan.folder(home)) == set()
    assert collect(plan, home).complete


def test_a_full_disk_at_the_very_end_leaves_all_shards(
    plan: CollectPlan, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = 3 * FILES_A_SHARD
    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", failing_after(calls, os.replace, errno.EDQUOT))
        with pytest.raises(DiskFull):
            collect(plan, home)
    plan.subject.passes = 0
    assert collect(plan, home).complete
    assert plan.subject.passes == 0


def test_another_refusal_of_the_disk_is_a_storage_error(
    plan: CollectPlan, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "replace", failing_after(0, os.replace, errno.EROFS))
    with pytest.raises(StorageError, match="Read-only") as raised:
        collect(plan, home)
    assert not isinstance(raised.value, DiskFull)


def test_a_home_that_is_no_folder_is_named(plan: CollectPlan, home: Path) -> None:
    home.write_text("a file")
    with pytest.raises(StorageError, match="home"):
        collect(plan, home)


# Damage: every way a file can be wrong, in every file.


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-20])


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(bytes(data))


def remove(path: Path) -> None:
    path.unlink()


def empty(path: Path) -> None:
    path.write_bytes(b"")


def folder_in_its_place(path: Path) -> None:
    path.unlink()
    path.mkdir()


DAMAGE = (truncate, flip, remove, empty, folder_in_its_place)


@pytest.fixture(scope="module")
def small_plan() -> CollectPlan:
    return make_plan(TableSubject(), ListCorpus(random_documents(60, seed=6)))


def read_everything(plan: CollectPlan, folder: Path) -> None:
    index = ActivationIndex.open(folder, plan.subject)
    for site in plan.sites:
        index.site(site.name)


@pytest.mark.parametrize("damage", DAMAGE)
@pytest.mark.parametrize("part", ["mlp.0", "resid.0", "windows", "documents"])
def test_a_damaged_file_is_named_and_can_be_made_anew(
    small_plan: CollectPlan, home: Path, part: str, damage: Callable[[Path], None]
) -> None:
    collect(small_plan, home)
    folder = small_plan.folder(home)
    before = contents(folder)
    path = next(folder / name for name in named_files(folder) if name.startswith(part))
    damage(path)
    with pytest.raises(IndexDamaged, match=part) as raised:
        read_everything(small_plan, folder)
    assert "--rebuild" in raised.value.hint
    collect(small_plan, home, rebuild=True)
    read_everything(small_plan, folder)
    assert contents(folder) == before


@pytest.mark.parametrize("damage", [truncate, empty, folder_in_its_place])
def test_a_damaged_manifest_is_named(
    small_plan: CollectPlan, home: Path, damage: Callable[[Path], None]
) -> None:
    collect(small_plan, home)
    folder = small_plan.folder(home)
    damage(folder / "manifest.json")
    with pytest.raises(IndexDamaged, match=r"manifest\.json") as raised:
        ActivationIndex.open(folder, small_plan.subject)
    assert "--rebuild" in raised.value.hint
    with pytest.raises(IndexDamaged, match=r"manifest\.json"):
        collect(small_plan, home)


@pytest.mark.parametrize(
    "text",
    ["no JSON", "[]", "3", '{"checksum": 1}', "{}", "[" * 100_000, '{"format": 9}', "\x00\x01"],
)
def test_a_manifest_of_anything_else_is_named(
    small_plan: CollectPlan, tmp_path: Path, text: str
) -> None:
    (tmp_path / "manifest.json").write_text(text)
    with pytest.raises(IndexDamaged, match=r"manifest\.json"):
        ActivationIndex.open(tmp_path, small_plan.subject)


def test_a_changed_digit_of_the_manifest_is_seen(small_plan: CollectPlan, home: Path) -> None:
    manifest = collect(small_plan, home)
    path = small_plan.folder(home) / "manifest.json"
    text = path.read_text()
    changed = text.replace(f'"n_tokens": {manifest.n_tokens}', f'"n_tokens": {manifest.n_tokens}1')
    assert changed != text
    path.write_text(changed)
    with pytest.raises(IndexDamaged, match="checksum"):
        Manifest.read(path.parent)


@pytest.mark.parametrize("change", [{"format": 2}, {"window": "eight"}, {"sites": {"mlp.0": 1}}])
def test_a_manifest_of_another_form_names_the_wrong_entry(
    small_plan: CollectPlan, home: Path, change: dict[str, object]
) -> None:
    manifest = collect(small_plan, home)
    value = {**manifest.model_dump(), **change}
    files.write_json(home / "manifest.json", {**value, "checksum": fingerprint(value)})
    with pytest.raises(IndexDamaged, match=next(iter(change))):
        Manifest.read(home)


@pytest.mark.parametrize("damage", [truncate, flip, remove])
def test_resuming_over_a_damaged_file_asks_for_a_rebuild(
    plan: CollectPlan, home: Path, damage: Callable[[Path], None]
) -> None:
    collect(plan, home, stop_after=1)
    folder = plan.folder(home)
    damage(next(folder / name for name in named_files(folder) if name.startswith("resid")))
    with pytest.raises(IndexDamaged, match="resid"):
        collect(plan, home)
    assert collect(plan, home, rebuild=True).complete


def test_a_whole_file_that_lacks_a_table_is_damaged(small_plan: CollectPlan, home: Path) -> None:
    manifest = collect(small_plan, home)
    folder = small_plan.folder(home)
    entry = manifest.sites["mlp.0"]
    tensors = files.read_tensors(folder / entry.file)
    del tensors["explain.top"]
    digest = files.write_tensors(folder / entry.file, tensors)
    changed = entry.model_copy(update={"digest": digest})
    manifest.model_copy(update={"sites": {**manifest.sites, "mlp.0": changed}}).write(folder)
    with pytest.raises(IndexDamaged, match=r"mlp\.0.*explain\.top"):
        ActivationIndex.open(folder, small_plan.subject).site("mlp.0")


def test_there_is_no_index_yet(small_plan: CollectPlan, tmp_path: Path) -> None:
    with pytest.raises(IndexMissing, match="no index"):
        ActivationIndex.open(tmp_path / "nowhere", small_plan.subject)


def test_an_unfinished_index_is_not_read(plan: CollectPlan, home: Path) -> None:
    collect(plan, home, stop_after=1)
    with pytest.raises(IndexMissing, match="unfinished"):
        ActivationIndex.open(plan.folder(home), plan.subject)


def test_an_index_of_another_tokenizer_or_of_other_weights_is_refused(
    small_plan: CollectPlan, home: Path
) -> None:
    collect(small_plan, home)
    folder = small_plan.folder(home)
    with pytest.raises(IndexMismatch, match="another tokenizer"):
        ActivationIndex.open(folder, TableSubject(tokenizer="other"))
    tables = {**TableSubject().tables, "resid.0": signed_table() + 1}
    with pytest.raises(IndexMismatch, match="other weights"):
        ActivationIndex.open(folder, TableSubject(tables))


def test_an_index_folder_of_another_plan_is_refused(
    plan: CollectPlan, small_plan: CollectPlan, home: Path
) -> None:
    manifest = collect(small_plan, home)
    plan.folder(home).mkdir(parents=True)
    manifest.write(plan.folder(home))
    with pytest.raises(IndexMismatch, match="another index"):
        collect(plan, home)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_value_that_is_no_number_is_named_with_its_unit_and_excerpt(
    value: float, home: Path
) -> None:
    table = torch.rand(50, 12, generator=torch.Generator().manual_seed(0))
    corpus = ListCorpus(random_documents(20, seed=3))
    plan = make_plan(TableSubject({"mlp.0": table}), corpus)
    collect(plan, home)
    index = ActivationIndex.open(plan.folder(home), plan.subject)
    table[7, 4] = value
    with pytest.raises(SubjectError, match=r"unit 4 of site 'mlp\.0' .* window \d+ of document"):
        collect(make_plan(TableSubject({"mlp.0": table}), corpus), home)
    with pytest.raises(SubjectError, match=r"unit 4 of site 'mlp\.0' .* in excerpt 'w"):
        index.values_of("mlp.0", np.full((1, plan.window), 7), [3, 4])
