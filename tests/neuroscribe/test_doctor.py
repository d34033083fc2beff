"""``neuroscribe doctor``: what it says of a sound installation, and of broken ones."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
import torch
from fake_answers import Answer
from fake_server import FakeServer, running

from core.ids import UnitId
from core.settings import Settings
from neuroscribe.doctor import Check, indexes, installation, models, places
from neuroscribe.doctor.check import looked
from neuroscribe.workspace import CorpusChoice, Workspace
from storage import JobRecord, Store, open_store
from storage.schema import HEAD
from subjects.protocol import Batch
from tests.neuroscribe.conftest import KEY, Ran

Run = Callable[..., Ran]
NAMES = (
    *("python", "packages", "extras", "settings", "device", "home", "indexes", "store"),
    *("checkpoints", "jobs", "subject", "keys", "embedder", "ask"),
)


def told(run: Run, *words: str, code: int = 0) -> dict[str, dict[str, str]]:
    """The checks of one run by name."""
    ran = run("doctor", "--json", *words)
    assert ran.code == code
    assert ran.json["healthy"] == (code == 0)
    assert tuple(check["name"] for check in ran.json["checks"]) == NAMES
    return {check["name"]: check for check in ran.json["checks"]}


def settings(home: Path) -> Settings:
    return Settings(home=home, device="cpu", database_url=None)


def opened(home: Path) -> Store:
    return open_store(f"sqlite:///{home}/neuroscribe.db")


def change(home: Path, statement: str) -> None:
    with closing(sqlite3.connect(home / "neuroscribe.db")) as connection:
        connection.execute(statement)
        connection.commit()


def test_a_home_that_does_not_exist_yet_is_well_and_stays_away(run: Run, own_home: Path) -> None:
    found = told(run)
    assert {check["state"] for check in found.values()} <= {"ok", "skipped"}
    assert "does not exist yet" in found["home"]["seen"]
    assert "does not exist yet" in found["store"]["seen"]
    assert found["jobs"]["seen"] == "there are none"
    assert "chance 8.3" in found["subject"]["seen"]
    assert found["ask"]["state"] == "skipped"
    assert not own_home.exists()


def test_people_get_a_line_a_check_and_what_to_do(
    run: Run, own_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NEUROSCRIBE_DEVICE", "[bold]tpu")
    ran = run("doctor")
    assert ran.code == 1
    assert "[bold]tpu" in ran.out
    assert "→ unset it or give a valid value" in ran.out
    assert ran.out.splitlines()[-1] == "does not work: settings"
    assert ran.err == ""


def test_settings_that_cannot_be_read_skip_what_rests_on_them(
    run: Run, own_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NEUROSCRIBE_THREADS", "many")
    found = told(run, code=1)
    assert found["settings"]["state"] == "fail"
    assert {found[name]["state"] for name in NAMES[4:]} == {"skipped"}


def test_keys_are_told_of_and_never_shown(
    run: Run, own_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.delenv("ANTHROPIC_API_KEY", raising=False)
    ran = run("doctor", "--json")
    assert "OPENAI_API_KEY set, ANTHROPIC_API_KEY not set" in ran.out
    assert KEY not in ran.out + ran.err


def test_a_home_that_is_a_file_fails_and_nothing_else_falls_over(run: Run, own_home: Path) -> None:
    own_home.write_text("mine")
    found = told(run, code=1)
    assert "is no folder" in found["home"]["seen"]
    assert found["store"]["state"] in ("ok", "fail")
    assert found["subject"]["state"] == "ok"


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="there is no folder like /proc here")
def test_a_home_that_cannot_be_written_fails() -> None:
    """Not even the administrator can write there."""
    check = places.home(settings(Path("/proc/neuroscribe")))
    assert (check.state, "cannot be written" in check.seen) == ("fail", True)
    assert "NEUROSCRIBE_HOME" in check.hint


def test_little_room_is_told_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for free, state in ((10**7, "fail"), (10**9, "warn"), (10**11, "ok")):
        usage = shutil._ntuple_diskusage(10**12, 10**12 - free, free)  # type: ignore[attr-defined]
        monkeypatch.setattr(places.shutil, "disk_usage", lambda _, usage=usage: usage)
        assert places.home(settings(tmp_path)).state == state


def test_a_sound_store_is_described(own_home: Path) -> None:
    opened(own_home).close()
    check = places.store(settings(own_home))
    assert check.state == "ok"
    assert f"schema {HEAD}" in check.seen
    assert "whole, journal wal" in check.seen


def test_a_store_of_a_newer_schema_fails_and_one_of_an_older_is_left_as_it_is(
    run: Run, own_home: Path
) -> None:
    opened(own_home).close()
    change(own_home, "UPDATE alembic_version SET version_num = '9999'")
    found = told(run, code=1)
    assert found["store"]["state"] == "fail"
    assert f"has schema 9999, and this version knows {HEAD}" in found["store"]["seen"]
    assert found["jobs"]["state"] == "skipped"
    change(own_home, "UPDATE alembic_version SET version_num = '0001'")
    for _ in range(2):
        check = places.store(settings(own_home))
        assert (check.state, "has schema 0001" in check.seen) == ("warn", True)


def test_what_is_no_database_or_damaged_fails(run: Run, own_home: Path) -> None:
    own_home.mkdir()
    file = own_home / "neuroscribe.db"
    file.write_text("this is a letter" * 100)
    found = told(run, code=1)
    assert "is not a database" in found["store"]["seen"]
    assert found["jobs"]["state"] == "fail"
    file.unlink()
    opened(own_home).close()
    content = bytearray(file.read_bytes())
    for start in range(8192, len(content), 4096):
        content[start : start + 64] = b"\xff" * 64
    file.write_bytes(bytes(content))
    check = looked("store", lambda: places.store(settings(own_home)))
    assert (check.state, "damaged" in check.seen) == ("fail", True)
    assert check.hint


def test_a_database_of_another_program_fails(own_home: Path) -> None:
    own_home.mkdir()
    change(own_home, "CREATE TABLE recipes (name TEXT)")
    check = looked("store", lambda: places.store(settings(own_home)))
    assert (check.state, "another program" in check.seen) == ("fail", True)


def test_a_password_is_never_shown(
    run: Run, own_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = "postgresql+psycopg://me:hush-hush@127.0.0.1:1/none"
    monkeypatch.setenv("NEUROSCRIBE_DATABASE_URL", url)
    ran = run("doctor", "--json")
    assert ran.code == 1
    assert "hush-hush" not in ran.out
    states = {check["name"]: check["state"] for check in ran.json["checks"]}
    assert states["store"] == "fail"


def test_checkpoints_are_looked_at(own_home: Path) -> None:
    own_home.mkdir()
    assert "does not exist yet" in places.checkpoints(settings(own_home)).seen
    with closing(sqlite3.connect(own_home / "checkpoints.db")) as connection:
        connection.execute("CREATE TABLE checkpoints (thread_id TEXT)")
    check = places.checkpoints(settings(own_home))
    assert (check.state, "whole" in check.seen) == ("ok", True)
    (own_home / "checkpoints.db").write_text("nothing of the kind" * 50)
    assert looked("checkpoints", lambda: places.checkpoints(settings(own_home))).state == "fail"


def test_jobs_whose_workers_are_dead_are_named(own_home: Path) -> None:
    units = [UnitId("demo", "mlp.0", index) for index in range(3)]
    long_ago = datetime(2025, 1, 1, tzinfo=UTC)
    with opened(own_home) as store:
        for id in ("job-live", "job-dead", "job-left", "job-waits"):
            job = JobRecord(
                id=id, subject="demo", site="mlp.0", parameters={}, created="2025-01-01T00:00:00Z"
            )
            store.jobs.create(job, units)
        store.jobs.claim("job-live", "ada", limit=1, lease_seconds=3600)
        store.jobs.claim("job-dead", "bob", limit=2, lease_seconds=1, now=long_ago)
        store.jobs.pause("job-waits", "paused by request")
    check = places.jobs(settings(own_home))
    assert check.state == "warn"
    assert "4 open" in check.seen
    assert "2 units are held by workers that do not answer (job-dead)" in check.seen
    assert "nobody works at job-dead, job-left" in check.seen


@pytest.fixture
def collected(shared_home: Path, own_home: Path, few: Path) -> Path:
    """A copy of a finished index, in a home of its own."""
    workspace = Workspace(settings(shared_home))
    index = workspace.index("demo-tiny", "mlp.0", CorpusChoice(str(few)))
    return Path(shutil.copytree(index.folder, own_home / "indexes" / "demo-tiny" / "made"))


def test_indexes_that_are_finished_are_counted(own_home: Path, collected: Path) -> None:
    check = indexes.indexes(settings(own_home))
    assert (check.state, "1 indexes" in check.seen) == ("ok", True)
    (collected / "mlp.0.9.safetensors.partial-1").touch()
    assert "left over" in indexes.indexes(settings(own_home)).seen


def test_indexes_that_cannot_be_used_are_told_apart(own_home: Path, collected: Path) -> None:
    folder = collected.parent
    shutil.copytree(collected, folder.parent / "stranger" / "a")
    (folder / "begun").mkdir()
    check = indexes.indexes(settings(own_home))
    assert check.state == "warn"
    assert "1 unfinished (such as begun of 'demo-tiny')" in check.seen
    assert "1 of a subject that is not registered (such as a of 'stranger')" in check.seen
    shutil.copytree(collected, folder / "torn")
    (folder / "torn" / "manifest.json").write_text("{")
    shutil.copytree(collected, folder / "robbed")
    next((folder / "robbed").glob("mlp.0.*")).unlink()
    check = indexes.indexes(settings(own_home))
    assert check.state == "fail"
    assert "1 damaged (such as torn of 'demo-tiny')" in check.seen
    assert "1 damaged, with files missing (such as robbed of 'demo-tiny')" in check.seen


def test_packages_that_are_missing_or_too_old_fail(monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = [
        "numpy>=1",
        "rich>=999",
        "no-such-package>=1",
        "pydantic>=2; extra == 'half'",
        "no-such-package; extra == 'half'",
        "no-such-package; extra == 'none'",
        "rich>=999; extra == 'old'",
        "colorama; platform_system == 'NoSuchSystem'",
    ]
    monkeypatch.setattr(installation, "requires", lambda _: wanted)
    check = installation.packages()
    assert check.state == "fail"
    assert "no-such-package is not installed" in check.seen
    assert "(>=999 is needed)" in check.seen
    assert "numpy" not in check.seen

    class Metadata(dict[str, str]):
        def get_all(self, name: str) -> list[str]:
            return ["half", "none", "old", "dev"]

    monkeypatch.setattr(installation, "metadata", lambda _: Metadata({"Requires-Python": ">=99"}))
    extras = installation.extras()
    assert (extras.state, "not installed: half, none" in extras.seen) == ("warn", True)
    assert "old: rich" in extras.seen
    assert installation.python().state == "fail"


@pytest.mark.parametrize("factor", [-1.0, float("nan")])
def test_a_subject_that_computes_nonsense_fails(
    own_home: Path, monkeypatch: pytest.MonkeyPatch, factor: float
) -> None:
    sound = Workspace(settings(own_home)).subject("demo")

    class Nonsense:
        def __getattr__(self, name: str) -> object:
            return getattr(sound, name)

        def logits(self, batch: Batch) -> torch.Tensor:
            return sound.logits(batch) * factor

    monkeypatch.setattr(Workspace, "subject", lambda *_: Nonsense())
    assert models.subject(settings(own_home)).state == "fail"


def test_an_embedder_that_is_not_there_fails(tmp_path: Path) -> None:
    configured = settings(tmp_path).model_copy(update={"service_embedder": str(tmp_path / "no")})
    assert models.embedder(configured).state == "fail"
    there = settings(tmp_path).model_copy(update={"service_embedder": str(tmp_path)})
    assert models.embedder(there).state == "ok"


def test_what_nobody_foresaw_is_a_finding() -> None:
    def fall() -> Check:
        raise ZeroDivisionError("oh\nno")

    check = looked("legs", fall)
    assert (check.state, check.seen) == ("fail", "ZeroDivisionError: oh no")


def test_a_language_model_is_asked_once_and_only_when_told_to(
    run: Run, own_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    server = FakeServer(key=KEY, script=lambda body: Answer(text="ready"))
    with running(server) as url:
        found = told(run, "--ask", f"openai:tiny@{url}/v1")
        assert "said 'ready'" in found["ask"]["seen"]
        assert len(server.questions) == 1
        told(run)
        assert len(server.questions) == 1
    log = run("llm", "log", "--json").json
    assert [call["status"] for call in log["calls"]] == ["ok"]
    wrong = told(run, "--ask", "nobody:x", code=1)
    assert wrong["ask"]["state"] == "fail"
    assert wrong["ask"]["hint"]
    assert json.dumps(wrong).count(KEY) == 0
