"""``neuroscribe rate``: keys, files, pages and reports, and every way in which it can go wrong."""

from __future__ import annotations

import io
import json
import os
import select
import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest
import typer

from storage import Store
from tests.neuroscribe.conftest import Ran
from tests.neuroscribe.ratings.stored_site import SECRETS

Run = Callable[..., Ran]
Keys = Callable[[Iterable[str]], None]


@pytest.fixture
def keys(monkeypatch: pytest.MonkeyPatch) -> Keys:
    """A terminal at which these keys are pressed; ``^C`` and ``^D`` are what they mean there."""

    def press(given: Iterable[str]) -> None:
        rest = iter(given)

        def getchar() -> str:
            key = next(rest)
            if key == "^C":
                raise KeyboardInterrupt
            if key == "^D":
                raise EOFError
            return key

        monkeypatch.setattr(typer, "getchar", getchar)
        monkeypatch.setattr("sys.stdin", io.StringIO("a comment\nanother\n"))
        monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)

    return press


def rated(store: Store) -> list[tuple[int, str | None]]:
    return [(record.rating, record.comment) for record in store.ratings.of("demo", "mlp.2")]


# at the terminal


def test_keys_rate_skip_comment_and_quit(run: Run, store: Store, keys: Keys) -> None:
    keys(["4", "x", "s", "c", "2", "5", "Q"])
    told = run("rate", "demo/mlp.2", "--rater", "ada")
    assert told.code == 0
    assert rated(store) == [(4, None), (2, "a comment"), (5, None)]
    assert "3 rated, 1 skipped, 9 left" in told.out


def test_the_screen_is_blind(run: Run, store: Store, keys: Keys) -> None:
    keys(["3"] * 13)
    told = run("rate", "demo/mlp.2")
    assert [secret for secret in SECRETS if secret in told.out] == []
    assert "control" not in told.out
    assert told.out.count("fires on the word") == 13
    assert "1 of 13" in told.out
    assert "5 exactly" in told.out


def test_ctrl_c_keeps_what_was_rated(run: Run, store: Store, keys: Keys) -> None:
    keys(["4", "2", "^C"])
    told = run("rate", "demo/mlp.2", "--rater", "ada")
    assert told.code == 130
    assert rated(store) == [(4, None), (2, None)]
    assert told.err.splitlines() == [
        "neuroscribe: interrupted (run it again: it goes on where it was)"
    ]
    keys(["^D"])
    assert "0 rated, 0 skipped, 11 left" in run("rate", "demo/mlp.2", "--rater", "ada").out


def test_with_json_the_screen_is_stderr(run: Run, store: Store, keys: Keys) -> None:
    keys(["4", "q"])
    told = run("rate", "demo/mlp.2", "--rater", "ada", "--json")
    assert (told.json["rater"], told.json["left"]) == ("ada", 12)
    assert [given["rating"] for given in told.json["ratings"]] == [4]
    assert "1 of 13" in told.err


def test_what_was_rated_is_not_asked_again_unless_wanted(
    run: Run, store: Store, keys: Keys
) -> None:
    keys(["3"] * 13)
    run("rate", "demo/mlp.2", "--rater", "ada")
    again = run("rate", "demo/mlp.2", "--rater", "ada", "--json", "--answers", os.devnull)
    assert (again.json["left"], again.json["done"]) == (0, 13)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("sys.stdin", None)
        assert "nothing left to rate" in run("rate", "demo/mlp.2", "--rater", "ada").out
    keys(["q"])
    assert "13 left" in run("rate", "demo/mlp.2", "--rater", "ada", "--again").out


def test_the_login_name_is_the_rater(
    run: Run, store: Store, keys: Keys, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOGNAME", "grace")
    keys(["4", "q"])
    run("rate", "demo/mlp.2")
    assert [record.rater for record in store.ratings.of("demo", "mlp.2")] == ["grace"]


@pytest.mark.skipif(sys.platform == "win32", reason="needs a pseudo-terminal")
def test_a_real_terminal_takes_single_keys_and_ctrl_c(own_home: Path, store: Store) -> None:
    import pty

    main_end, child_end = pty.openpty()
    program = [sys.executable, "-m", "neuroscribe", "rate", "demo/mlp.2", "--rater", "ada"]
    process = subprocess.Popen(
        program, stdin=child_end, stdout=child_end, stderr=child_end, start_new_session=True
    )
    os.close(child_end)

    def press_until(key: bytes, text: bytes) -> None:
        """What is pressed before the program listens is lost, so press again after silence."""
        shown, presses = b"", 0
        while text not in shown and presses < 60:
            if select.select([main_end], [], [], 1.0)[0]:
                shown += os.read(main_end, 65536)
            else:
                os.write(main_end, key)
                presses += 1
        assert text in shown

    try:
        press_until(b"4", b"2 of 13")
        press_until(b"5", b"3 of 13")
        press_until(b"\x03", b"interrupted")
        assert process.wait(timeout=60) == 130
    finally:
        process.kill()
        process.wait()
        os.close(main_end)
    assert rated(store) == [(4, None), (5, None)]


# without one


def test_without_a_terminal_there_is_one_line(
    run: Run, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed = io.StringIO()
    closed.close()
    for stdin in (io.StringIO(), closed, None):
        monkeypatch.setattr("sys.stdin", stdin)
        told = run("rate", "demo/mlp.2")
        assert (told.code, told.out) == (2, "")
        assert told.err == (
            "neuroscribe: rating needs a terminal "
            "(give --answers FILE, or --html FILE for a page)\n"
        )
    assert rated(store) == []


def test_a_name_that_is_no_text_is_still_a_name(run: Run, store: Store, tmp_path: Path) -> None:
    file, page = tmp_path / "answers.txt", tmp_path / "page.html"
    file.write_text("4\n", encoding="utf-8")
    name = os.fsdecode(b"\xff")  # as an argument arrives that is not UTF-8
    for words in (["--answers", file], ["--html", page], ["--report"]):
        for form in ([], ["--json"]):
            given = [] if words == ["--report"] else ["--rater", name]
            assert run("rate", "demo/mlp.2", *words, *given, *form).code == 0


def test_answers_come_from_a_file_or_from_stdin(
    run: Run, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "answers.txt"
    file.write_text("4 because\ns\n", encoding="utf-8")
    told = run("rate", "demo/mlp.2", "--answers", file, "--json")
    assert told.json["ratings"][0]["comment"] == "because"
    monkeypatch.setattr("sys.stdin", io.StringIO("2\n"))
    assert run("rate", "demo/mlp.2", "--answers", "-").code == 0
    assert rated(store) == [(4, "because"), (2, None)]


def test_bad_answers_store_nothing(run: Run, store: Store, tmp_path: Path) -> None:
    file = tmp_path / "answers.txt"
    for content in (b"4\n9\n", b"\xff\xfe4\n", b"3\n" * 14):
        file.write_bytes(content)
        told = run("rate", "demo/mlp.2", "--answers", file)
        assert (told.code, told.out, len(told.err.splitlines())) == (2, "", 1)
    assert rated(store) == []


@pytest.mark.parametrize(
    ("words", "code", "exit_code"),
    [
        (["rate"], "invalid_setting", 2),
        (["rate", "demo"], "malformed_id", 2),
        (["rate", "demo/mlp.2/x"], "malformed_id", 2),
        (["rate", "demo/mlp.1"], "not_stored", 1),
        (["rate", "demo/mlp.2/99"], "not_stored", 1),
        (["rate", "demo/mlp.1", "--report"], "not_stored", 1),
        (["rate", "demo/mlp.1", "--html", "x.html"], "not_stored", 1),
        (["rate", "demo/mlp.2", "--controls", "0.6"], "misuse", 2),
        (["rate", "demo/mlp.2", "--controls", "nan"], "misuse", 2),
        (["rate", "demo/mlp.2", "--report", "--html", "x.html"], "invalid_setting", 2),
        (["rate", "demo/mlp.2", "--answers", "/does/not/exist"], "invalid_setting", 2),
        (["rate", "demo/mlp.2", "--rater", " "], "invalid_setting", 2),
        (["rate", "demo/mlp.2", "--rater", "sk-abcdefghijklmnop1234"], "invalid_setting", 2),
        (["rate", "demo/mlp.2", "--seed", str(2**63)], "misuse", 2),
        (["rate", "demo/mlp.2", "--import", "x.json"], "invalid_setting", 2),
        (["rate", "--import", "/does/not/exist"], "ratings_unusable", 1),
    ],
)
def test_misuse_is_named(
    run: Run, store: Store, words: list[str], code: str, exit_code: int
) -> None:
    told = run(*words)
    assert (told.code, told.out) == (exit_code, "")
    assert len(told.err.splitlines()) == 1
    under_json = run(*words, "--json")
    assert (under_json.code, under_json.err) == (exit_code, "")
    assert under_json.json["error"]["code"] == code


def test_an_empty_home_says_to_explain_first(run: Run, own_home: Path) -> None:
    told = run("rate", "demo/mlp.2")
    assert told.code == 1
    assert "run neuroscribe explain demo/mlp.2/UNIT" in told.err


# pages and reports


def test_a_page_is_written_and_its_ratings_are_imported(
    run: Run, store: Store, tmp_path: Path
) -> None:
    page = tmp_path / "rate.html"
    made = run("rate", "demo/mlp.2", "--html", page, "--rater", "eva", "--json").json
    assert (made["items"], made["file"]) == (13, str(page))
    source = page.read_text(encoding="utf-8")
    data = json.loads(source.split('id="sheet">')[1].split("</script>")[0])
    assert data["digest"] == made["digest"]
    answers = [{**i, "rating": 4, "time": "2025-03-01T12:00:00Z"} for i in data["items"]]
    items = [item["item"] for item in data["items"]]
    file = tmp_path / "ratings.json"
    file.write_text(json.dumps({**data, "items": items, "rater": "eva", "ratings": answers}))
    assert "13 ratings of demo/mlp.2 by eva stored" in run("rate", "--import", file).out
    assert "nothing new, 13 were stored already" in run("rate", "--import", file).out
    page.unlink()
    nothing = run("rate", "demo/mlp.2", "--html", page, "--rater", "eva")
    assert "nothing left to rate" in nothing.out
    assert not page.exists()


def test_a_page_that_cannot_be_written_is_named(run: Run, store: Store, tmp_path: Path) -> None:
    told = run("rate", "demo/mlp.2", "--html", tmp_path)
    assert told.code == 2
    assert told.err == f"neuroscribe: page {str(tmp_path)!r} is a folder (name a file)\n"


def test_the_report_is_printed_for_people_and_programs(
    run: Run, store: Store, tmp_path: Path
) -> None:
    empty = run("rate", "demo/mlp.2", "--report")
    assert empty.code == 0
    assert "none rated yet" in empty.out
    assert "(nothing was rated)" in empty.out
    file = tmp_path / "answers.txt"
    file.write_text("\n".join("1234512345123"), encoding="utf-8")
    for rater in ("ada", "ben"):
        run("rate", "demo/mlp.2", "--answers", file, "--rater", rater)
    told = run("rate", "demo/mlp.2", "--report")
    for part in (
        "ada (10 and 3 controls)",
        "controls' mean",
        "simulation ρ",
        "detection, AUROC",
        "n = 10",
        "1.000",
    ):
        assert part in told.out
    report = run("rate", "demo/mlp.2", "--report", "--json").json
    assert report["agreement"]["alpha"] == 1.0
    assert report["correlations"][0]["n"] == 10


def test_help_of_rate_loads_no_heavy_library() -> None:
    code = (
        "import sys\n"
        "from neuroscribe.cli import main\n"
        "try:\n    main(['rate', '--help'])\n"
        "except SystemExit as stop:\n"
        "    heavy = {'torch', 'sqlalchemy', 'numpy', 'scipy', 'jinja2'} & set(sys.modules)\n"
        "    print('HEAVY', sorted(heavy), stop.code)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.splitlines()[-1] == "HEAVY [] 0"


def test_rating_needs_no_model(store: Store, own_home: Path) -> None:
    code = (
        "import sys\n"
        "from neuroscribe.cli import main\n"
        "try:\n    main(['rate', 'demo/mlp.2', '--report'])\n"
        "except SystemExit as stop:\n"
        "    print('TORCH', 'torch' in sys.modules, stop.code)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.splitlines()[-1] == "TORCH False 0"
