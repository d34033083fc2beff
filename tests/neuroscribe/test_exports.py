"""Files of our own: the same from the command line and over HTTP."""

from __future__ import annotations

import asyncio
import io
import json
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest

from core.documents import ExplainDocument
from core.findings import Finding, FoundUnit
from core.ids import UnitId
from core.settings import load_settings
from neuroscribe.interchange.exporting import Target
from neuroscribe.serving import exports
from neuroscribe.serving.exports import archive
from neuroscribe.serving.server import ServeOptions, application
from neuroscribe.workspace import Workspace
from storage import Store
from tests.neuroscribe.conftest import Ran
from tests.neuroscribe.interchange.interchange_documents import store_answer
from tests.service.pages.page_documents import document, explanation, score

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "service"))

from asgi_client import Answer, Client

Run = Callable[..., Ran]
SITE, UNIT = "demo/mlp.2", "demo/mlp.2/117"
SPLITTING = "a\u2028b\x85c\ud800"


def answer(index: int) -> ExplainDocument:
    unit = UnitId("demo", "mlp.2", index)
    said = explanation(f"e{index}", unit=unit, text=SPLITTING if index == 3 else "Fires.")
    return document(
        unit=unit, run=f"r{index}", explanations=[said], scores=[score(explanation_id=said.id)]
    )


@pytest.fixture
def answered(begun_home: Path) -> Path:
    for index in (117, 3):
        store_answer(begun_home, answer(index))
    return begun_home


@pytest.fixture
def store(answered: Path) -> Iterator[Store]:
    with Workspace(load_settings()).store() as opened:
        yield opened


@pytest.fixture
def client(store: Store) -> Client:
    options = ServeOptions(work=False)
    return Client(application(Workspace(load_settings()), store, options)[0])


def test_archives_are_made_one_at_a_time_and_a_crowd_is_sent_away(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NEUROSCRIBE_SERVICE_QUEUE", "2")
    workspace = Workspace(load_settings())
    client = Client(application(workspace, store, ServeOptions(work=False))[0])
    begun, enough = threading.Semaphore(0), threading.Event()
    export = exports.export_answers

    def slow(*arguments: Any, **named: Any) -> Any:
        begun.release()
        assert enough.wait(60)
        return export(*arguments, **named)

    monkeypatch.setattr(exports, "export_answers", slow)
    path = f"/v1/units/{SITE}/export?format="

    async def scene() -> tuple[Answer, Answer, list[Answer]]:
        asked = [client.send("GET", f"{path}neuronpedia") for _ in range(2)]
        waiting = [asyncio.ensure_future(one) for one in asked]
        try:
            while not begun.acquire(blocking=False):
                await asyncio.sleep(0.01)
            refused = await client.send("GET", f"{path}neuronpedia")
            lines = await client.send("GET", f"{path}jsonl")
            assert not begun.acquire(blocking=False), "the other waits for its turn"
        finally:
            enough.set()
        return refused, lines, await asyncio.gather(*waiting)

    refused, lines, made = asyncio.run(scene())
    assert (refused.status, refused.code) == (503, "queue_full")
    assert [answer.status for answer in (lines, *made)] == [200] * 3
    assert made[0].body == made[1].body


@pytest.mark.parametrize(
    ("target", "asked", "name"),
    [
        (SITE, ["--format", "html"], "demo-mlp.2.html"),
        (SITE, ["--format", "html", "--details"], "demo-mlp.2.html"),
        (SITE, ["--format", "jsonl"], "demo-mlp.2.jsonl"),
        (UNIT, ["--format", "html"], "demo-mlp.2-117.html"),
        (UNIT, ["--format", "jsonl"], "demo-mlp.2-117.jsonl"),
    ],
)
def test_both_ways_write_the_same_bytes(
    run: Run, client: Client, tmp_path: Path, target: str, asked: list[str], name: str
) -> None:
    made = run("export", target, *asked, "--out", tmp_path, "--json")
    assert (made.code, made.json["files"]) == (0, [str(tmp_path / name)])
    query = f"format={asked[1]}" + ("&details=true" if "--details" in asked else "")
    sent = client.get(f"/v1/units/{target}/export?{query}")
    assert (sent.status, sent.complete) == (200, True)
    assert sent.headers["content-disposition"] == f'attachment; filename="{name}"'
    assert sent.body == (tmp_path / name).read_bytes()


def test_a_line_is_a_document_whatever_a_text_holds(client: Client) -> None:
    body = client.get(f"/v1/units/{SITE}/export?format=jsonl").body
    lines = body.decode().splitlines()  # splits at every line break that Unicode knows
    assert [ExplainDocument.model_validate_json(x).unit.index for x in lines[1:]] == [117]
    assert json.loads(lines[0])["explanations"][0]["text"] == SPLITTING


def test_what_was_written_is_counted(run: Run, answered: Path, tmp_path: Path) -> None:
    def counts(*words: str) -> list[int]:
        made = run("export", SITE, *words, "--out", tmp_path, "--force", "--json").json
        return [made[name] for name in ("units", "explanations", "scores", "excerpts")]

    excerpts = 2 * len(document().profile.excerpts)
    assert counts("--format", "html") == [2, 2, 2, 0]
    for words in (["html", "--details"], ["jsonl"], ["neuronpedia"]):
        assert counts("--format", *words) == [2, 2, 2, excerpts]


@pytest.mark.parametrize("format", ["neuronpedia", "neuron-explainer"])
def test_files_of_other_tools_come_in_one_archive(
    run: Run, client: Client, tmp_path: Path, format: str
) -> None:
    out = tmp_path / "out"
    run("export", SITE, "--format", format, "--out", out)
    sent = client.get(f"/v1/units/{SITE}/export?format={format}")
    assert sent.headers["content-type"] == "application/zip"
    with ZipFile(io.BytesIO(sent.body)) as packed:
        assert packed.testzip() is None
        files = {str(p.relative_to(out)) for p in out.rglob("*") if p.is_file()}
        told = json.loads(packed.read("export.json"))
        assert set(packed.namelist()) == files | {"export.json"} == {*told["files"], "export.json"}
        assert all(packed.read(name) == (out / name).read_bytes() for name in files)
        assert (told["units"], told["folder"], told["skipped"]) == (2, "", [])
    assert client.get(f"/v1/units/{SITE}/export?format={format}").body == sent.body


def test_what_an_archive_is_made_of_goes_with_whoever_asked_for_it(
    answered: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    aside = tmp_path / "aside"
    aside.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(aside))
    pieces = archive(Workspace(load_settings()), Target("demo", "mlp.2"), "neuron-explainer")
    next(pieces)
    assert list(aside.iterdir()) != []
    del pieces  # the line broke
    assert list(aside.iterdir()) == []


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("demo/mlp.1/export?format=html", 404, "not_stored"),
        ("demo/mlp.2/4/export?format=jsonl", 404, "not_stored"),
        ("demo/mlp.9/export?format=neuronpedia", 404, "unknown_site"),
        ("demo/mlp.2/99999/export?format=html", 404, "unit_out_of_range"),
        ("nope/mlp.2/export?format=jsonl", 404, "unknown_subject"),
        ("demo/mlp.2/export?format=jsonl&details=true", 422, "invalid_setting"),
        ("demo/mlp.2/export?format=html&plain=true", 422, "invalid_setting"),
    ],
)
def test_what_cannot_be_written_says_why(client: Client, path: str, status: int, code: str) -> None:
    found = client.get(f"/v1/units/{path}")
    assert (found.status, found.code) == (status, code)


def test_the_command_line_says_why_as_well(run: Run, answered: Path, tmp_path: Path) -> None:
    def code(*words: str) -> tuple[int, str]:
        told = run("export", *words, "--out", tmp_path, "--json")
        return told.code, told.json["error"]["code"]

    assert code(SITE, "--format", "pdf") == (2, "invalid_setting")
    assert code(SITE, "--format", "html", "--plain") == (2, "invalid_setting")
    assert code("demo/mlp.1", "--format", "html") == (1, "not_stored")
    assert run("export", SITE, "--format", "html", "--out", tmp_path).code == 0
    assert code(SITE, "--format", "html") == (2, "output_exists")


def test_an_answer_of_another_version_is_told_and_not_lost(
    run: Run, answered: Path, client: Client, tmp_path: Path
) -> None:
    old = answer(5).model_dump(mode="json")
    del old["profile"]
    store_answer(answered, answer(5), document=old)
    made = run("export", SITE, "--format", "html", "--details", "--out", tmp_path, "--json").json
    assert ([s["unit"] for s in made["skipped"]], made["units"]) == (["demo/mlp.2/5"], 2)
    assert b"is of another version" in (tmp_path / "demo-mlp.2.html").read_bytes()
    assert len(client.get(f"/v1/units/{SITE}/export?format=jsonl").body.split(b"\n")) == 4
    alone = client.get("/v1/units/demo/mlp.2/5/export?format=html")
    assert (alone.status, alone.code) == (404, "not_stored")


def test_a_sweep_over_http_takes_the_units_of_a_finding(client: Client, store: Store) -> None:
    named = [UnitId("planted", "exact", n) for n in (5, 2)]
    finding = Finding(
        id="f" * 16,
        method="test",
        subject="planted",
        question="which?",
        units=tuple(FoundUnit(unit=unit, weight=1.0) for unit in named),
        seed=0,
        data="x",
    )
    store.findings.save(finding)
    assert client.get("/v1/findings/ffffff").json == finding.model_dump(mode="json")
    body = {"site": "planted/exact", "finding": "ffffff"}
    made = client.post("/v1/jobs", body)
    assert made.status == 202
    assert [item.unit.index for item in store.jobs.items(made.json["id"])] == [2, 5]
    for wrong, code in (
        ({"units": "1"}, "invalid_setting"),
        ({"site": "planted/negated"}, "invalid_setting"),
        ({"finding": "none"}, "not_stored"),
    ):
        assert client.post("/v1/jobs", body | wrong).code == code
