"""Processes that do parts of a run: who does what, what fails where, and that none is left over."""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import sys
import time
from multiprocessing.reduction import ForkingPickler
from pathlib import Path

import numpy as np
import pytest

from core.errors import InvalidSetting, WorkerLost
from discovery.probing.activations import Rows
from discovery.probing.processes import Workers
from tests.discovery.probing.probing_jobs import (
    Ended,
    Endless,
    Killed,
    Locked,
    Refused,
    Square,
    Unsendable,
)


def test_results_have_their_places_and_processes_are_used_again() -> None:
    with Workers(2) as workers:
        first = dict(workers.results([Square(n) for n in range(7)]))
        again = dict(workers.results([Square(n) for n in range(7)]))
    assert [first[n][0] for n in range(7)] == [n**2 for n in range(7)]
    others = {process for _, process, _ in first.values()}
    assert len(others) <= 2
    assert os.getpid() not in others
    assert {process for _, process, _ in again.values()} <= others
    assert {threads for _, _, threads in first.values()} == {"1"}


def test_one_process_is_this_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    with Workers(1) as workers:
        assert list(workers.results([Square(2)])) == [(0, (4, os.getpid(), "3"))]


def test_what_fails_there_fails_here() -> None:
    with Workers(2) as workers, pytest.raises(InvalidSetting, match="not so") as refused:
        list(workers.results([Refused(), Square(1)]))
    assert refused.value.hint == "but so"
    assert any("probing_jobs.py" in note for note in refused.value.__notes__)
    with Workers(2) as workers, pytest.raises(RuntimeError, match="_OfTwo: this and that"):
        list(workers.results([Unsendable(), Square(1)]))


def test_a_result_that_cannot_be_sent_fails_here_and_says_what_it_is() -> None:
    with Workers(2) as workers, pytest.raises(TypeError, match="cannot pickle"):
        list(workers.results([Locked(), Square(1)]))


def test_a_process_that_was_killed_is_an_error_that_says_so() -> None:
    with Workers(2) as workers, pytest.raises(WorkerLost, match="by signal 9") as lost:
        list(workers.results([Killed(), Square(1)]))
    assert "memory" in lost.value.hint


def test_a_process_that_ended_otherwise_does_not_speak_of_memory() -> None:
    with Workers(2) as workers, pytest.raises(WorkerLost, match="with exit code 3") as lost:
        list(workers.results([Ended(), Square(1)]))
    assert lost.value.hint.startswith("see what it printed above")


def test_modules_are_found_as_here_and_none_takes_the_place_of_pythons_own(tmp_path: Path) -> None:
    """A folder as that of a notebook: on the path as '', with a name that PATHs cannot hold."""
    folder = tmp_path / "notebooks: mine"
    folder.mkdir()
    (folder / "types.py").write_text("raise SystemExit('not the types of Python')")
    (folder / "beside.py").write_text(
        "from tests.discovery.probing.probing_jobs import Square\nclass Mine(Square): pass\n"
    )
    program = (
        "import sys; assert sys.path[0] == '';"
        "from beside import Mine; from discovery.probing.processes import Workers;"
        "workers = Workers(2).__enter__();"
        "print([result[0] for _, result in sorted(workers.results([Mine(2), Mine(3)]))]);"
        "workers.__exit__()"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[3])},
        capture_output=True,
        text=True,
    )
    assert (done.stdout, done.stderr) == ("[4, 9]\n", "")


def test_ctrl_c_ends_all_of_them(tmp_path: Path, ctrl_c: None) -> None:
    lock = tmp_path / "lock"
    with pytest.raises(KeyboardInterrupt), Workers(2) as workers:
        list(workers.results([Endless(lock, signal.SIGINT), Square(1)]))
    _gone(lock)


def test_kill_9_leaves_none_over(tmp_path: Path) -> None:
    lock = tmp_path / "lock"
    program = (
        "import sys; from pathlib import Path;"
        "from discovery.probing.processes import Workers;"
        "from tests.discovery.probing.probing_jobs import Endless, Square;"
        "list(Workers(2).results([Endless(Path(sys.argv[1])), Square(1)]))"
    )
    running = subprocess.Popen([sys.executable, "-c", program, str(lock)])
    while not lock.with_suffix(".locked").exists():
        assert running.poll() is None
        time.sleep(0.01)
    running.kill()
    running.wait()
    _gone(lock)


def test_activations_in_files_travel_as_names(tmp_path: Path) -> None:
    rows = Rows.empty(1000, {"mlp.0": 64}, tmp_path)
    rows.arrays["mlp.0"][:] = np.arange(64)
    for kept in (rows, Rows.opened(tmp_path, ["mlp.0"])):
        sent = ForkingPickler.dumps(kept)
        assert len(sent) < 1000
        assert np.array_equal(ForkingPickler.loads(sent).arrays["mlp.0"], rows.arrays["mlp.0"])
    held = Rows({"mlp.0": np.ones((3, 2), dtype=np.float32)})
    assert np.array_equal(
        ForkingPickler.loads(ForkingPickler.dumps(held)).arrays["mlp.0"], held.arrays["mlp.0"]
    )


def _gone(lock: Path) -> None:
    """Waits for the process that holds the lock."""
    with lock.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
