"""``neuroscribe search``: a table for people, one document as JSON, one line for what is wrong."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from core.ids import UnitId
from core.results import Explanation, Provenance, Score
from neuroscribe.render.search import page_view
from storage import RunRecord, Store, open_store
from tests.neuroscribe.conftest import Ran

Run = Callable[..., Ran]


@pytest.fixture
def store(begun_home: Path) -> Iterator[Store]:
    with open_store(f"sqlite:///{begun_home}/neuroscribe.db") as opened:
        yield opened


def save(store: Store, index: int, text: str, **changes: Any) -> None:
    unit = UnitId.parse(changes.pop("unit", f"demo/mlp.2/{index}"))
    id = f"ex-{index}"
    provenance = Provenance(
        method="pattern", seed=0, subject_spec="s", corpus="c", index="i", code_version="0"
    )
    said = Explanation(
        id=id, unit=unit, text=text, method="pattern", symbols=2, provenance=provenance
    )
    figures: dict[str, Any] = {"value": 0.5, "low": 0.4, "high": 0.6, "status": "ok"}
    score = Score(
        explanation_id=id, scorer="simulation", simulator="pattern", mode="corpus",
        split="report", n_excerpts=20, n_tokens=1280, null_p95=0.125,
        **(figures | changes.pop("score", {})),
    )  # fmt: skip
    values: dict[str, Any] = {"verdict": "explained", "scores": (score,)} | changes
    store.save_run(
        RunRecord(
            id=f"run-{index}", unit=unit, spec_hash="s", key=f"key-{index}", seed=0,
            code_version="0", status="done", started="2025-01-31T12:00:00Z",
            finished="2025-01-31T12:00:09Z", document={}, explanations=(said,), **values,
        )
    )  # fmt: skip


def test_json_is_the_promised_document(run: Run, store: Store) -> None:
    save(store, 7, "fires after 'def'")
    save(store, 8, "fires on names", verdict="abstained")
    told = run("search", "def", "fires", "--json")
    assert told.code == 0
    assert told.json == {
        "hits": [
            {
                "unit": "demo/mlp.2/7",
                "explanation": "ex-7",
                "run": "run-7",
                "version": 1,
                "text": "fires after 'def'",
                "side": "input",
                "method": "pattern",
                "verdict": "explained",
                "finished": "2025-01-31T12:00:09.000000Z",
                "score": {
                    "value": 0.5, "low": 0.4, "high": 0.6, "caution": None, "null_p95": 0.125,
                    "n_excerpts": 20, "status": "ok", "reason": None,
                },
                "snippet": [
                    ["fires", True], [" after '", False], ["def", True], ["'", False]
                ],
            }
        ],
        "after": None,
    }  # fmt: skip


def test_options_narrow_what_is_found(run: Run, store: Store) -> None:
    save(store, 7, "fires after 'def'")
    save(store, 8, "fires on names", verdict="abstained", score={"value": 0.9, "high": 1.0})

    def units(*words: str) -> list[str]:
        return [hit["unit"].split("/")[-1] for hit in run("search", "--json", *words).json["hits"]]

    assert units() == ["8", "7"]
    assert units("fires", "--min-score", "0.8") == ["8"]
    assert units("--verdict", "explained", "--subject", "demo", "--site", "mlp.2") == ["7"]
    assert units("--method", "person") == []
    assert units("--", "fires -names") == ["7"]
    assert units("--", "-names") == ["7"]
    first = run("search", "--limit", "1", "--json").json
    assert units("--limit", "1", "--after", first["after"]) == ["7"]


def test_people_get_a_table_and_the_way_to_the_next_page(run: Run, store: Store) -> None:
    save(store, 7, "fires after 'def'")
    save(store, 8, "fires on [bold]markup\x1b[31m\nand more")
    undefined = {"value": None, "low": None, "high": None, "status": "undefined", "reason": "flat"}
    save(store, 9, "fires", score=undefined)
    out = run("search", "fires", "--limit", "2").out
    lines = [line.rstrip() for line in out.splitlines()]
    assert lines[0] == "demo/mlp.2/9  explained     ρ undefined: flat"
    assert lines[1] == "  fires"
    assert lines[2] == "demo/mlp.2/7  explained     ρ 0.500 [0.400, 0.600]  null 0.125"
    assert lines[-1].startswith("more: --after ")
    whole = run("search", "markup").out
    assert "[bold]" in whole
    assert "\x1b" not in whole
    assert run("search", "nowhere").out == "nothing found\n"


@pytest.mark.parametrize("width", [40, 60, 80, 200])
def test_no_line_is_wider_than_the_screen_and_no_word_is_lost(store: Store, width: int) -> None:
    text = "fires on the name right after the token def at the start of a line of a class"
    save(store, 7, text)
    console = Console(file=io.StringIO(), width=width, color_system=None)
    console.print(page_view(store.search("name")))
    out = console.file.getvalue()  # type: ignore[attr-defined]
    assert all(len(line) <= width for line in out.splitlines())
    assert all(word in out for word in text.split())


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("!!!",), "invalid_setting"),
        (("x " * 100,), "invalid_setting"),
        (("--verdict", "perhaps"), "invalid_setting"),
        (("--min-score", "nan"), "invalid_setting"),
        (("--after", "x"), "invalid_setting"),
        (("--limit", "0"), "misuse"),
        (("--min-score", "much"), "misuse"),
    ],
)
def test_what_cannot_be_meant_is_one_line(
    run: Run, own_home: Path, words: tuple[str, ...], code: str
) -> None:
    told = run("search", *words, "--json")
    assert (told.code, told.json["error"]["code"]) == (2, code)
    said = run("search", *words)
    assert (said.out, said.err.count("\n")) == ("", 1)


def test_an_empty_store_holds_nothing(run: Run, own_home: Path) -> None:
    assert run("search", "def", "--json").json == {"hits": [], "after": None}
