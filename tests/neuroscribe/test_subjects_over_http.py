"""Models of the hub that are registered over HTTP: from the settings' list, never from the disk."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from core.settings import load_settings
from neuroscribe.serving.server import ServeOptions, application
from neuroscribe.workspace import DEMO_FOLDER, Workspace
from storage import Store
from tests.neuroscribe.conftest import Ran

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "service"))

from asgi_client import Client

Run = Callable[..., Ran]
COMMIT = "0123456789abcdef0123456789abcdef01234567"
ALLOWED = ["org/tiny", "org/pinned@main", "org/absent", "org/empty"]


@pytest.fixture(autouse=True)
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An offline cache of the hub with two models; one has no weights in it."""
    for name in ("tiny", "pinned", "empty"):
        repository = tmp_path / "hub" / f"models--org--{name}"
        snapshot = repository / "snapshots" / COMMIT
        snapshot.parent.mkdir(parents=True)
        shutil.copytree(DEMO_FOLDER / "demo-tiny", snapshot)
        (repository / "refs").mkdir()
        (repository / "refs" / "main").write_text(COMMIT)
    (snapshot / "model.safetensors").unlink()
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setenv("NEUROSCRIBE_SERVICE_SUBJECTS", json.dumps(ALLOWED))


@pytest.fixture
def workspace(own_home: Path) -> Workspace:
    return Workspace(load_settings())


@pytest.fixture
def store(workspace: Workspace) -> Iterator[Store]:
    with workspace.store() as opened:
        yield opened


@pytest.fixture
def client(workspace: Workspace, store: Store) -> Client:
    return Client(application(workspace, store, ServeOptions(work=False))[0])


def names(client: Client) -> list[str]:
    return [s["name"] for s in client.get("/v1/subjects").json if not s["built_in"]]


def test_a_listed_model_is_registered_and_can_be_asked(client: Client, run: Run) -> None:
    made = client.post("/v1/subjects", {"source": "org/tiny", "name": "mine"})
    assert (made.status, made.headers["location"]) == (201, "/v1/subjects/mine")
    assert (made.json["source"], made.json["loaded"]) == ("hf:org/tiny", True)
    assert made.json["sites"] == client.get("/v1/subjects/mine").json["sites"]
    body = {"unit": "mine/mlp.0/1", "texts": ["the cat"]}
    assert client.post("/v1/activations", body).status == 200
    again = client.post("/v1/subjects", {"source": "org/tiny", "name": "mine"})
    assert (again.status, again.json["spec_hash"]) == (201, made.json["spec_hash"])
    added = [s for s in run("subjects", "list", "--json").json["subjects"] if s["name"] == "mine"]
    assert added == [{"name": "mine", "source": "hf:org/tiny", "revision": ""}]
    other = client.post(
        "/v1/subjects", {"source": "org/pinned", "revision": "main", "name": "mine"}
    )
    assert (other.status, other.code) == (422, "invalid_setting")


def test_a_folder_of_that_name_is_not_loaded(
    client: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = tmp_path / "here"
    for place in ("org/absent", "org/tiny", "hf:org/absent"):
        shutil.copytree(DEMO_FOLDER / "demo-lstm", here / place)
    monkeypatch.chdir(here)
    absent = client.post("/v1/subjects", {"source": "org/absent"})
    assert (absent.status, absent.code) == (502, "hub_unavailable")
    found = client.post("/v1/subjects", {"source": "org/tiny"})
    assert (found.status, found.json["family"]) == (201, "causal")
    assert names(client) == ["tiny"]


@pytest.mark.parametrize(
    "body",
    [
        {"source": "org/other"},
        {"source": "org/pinned"},
        {"source": "org/pinned", "revision": "step1"},
    ],
)
def test_what_is_not_listed_is_refused(client: Client, body: dict[str, str]) -> None:
    refused = client.post("/v1/subjects", body)
    assert (refused.status, refused.code) == (403, "subject_not_allowed")
    assert refused.json["hint"] == "allowed: " + ", ".join(ALLOWED)
    assert names(client) == []


@pytest.mark.parametrize(
    "body",
    [
        {"source": "/etc/passwd"},
        {"source": "../org/tiny"},
        {"source": "hf:org/tiny"},
        {"source": "~/org"},
        {"source": "tiny"},
        {"source": "org/tiny", "revision": "../../x"},
        {"source": "org/tiny", "revision": "a/../b"},
        {"source": "org/tiny", "name": "../x"},
        {"source": "org/tiny", "trust_remote_code": True},
    ],
)
def test_no_path_gets_through(client: Client, body: dict[str, object]) -> None:
    refused = client.post("/v1/subjects", body)
    assert (refused.status, refused.code) == (422, "invalid_request")


def test_what_cannot_be_loaded_is_not_registered(client: Client) -> None:
    for body, status, code in (
        ({"source": "org/absent"}, 502, "hub_unavailable"),
        ({"source": "org/empty"}, 422, "subject_load"),
        ({"source": "org/tiny", "name": "demo"}, 422, "invalid_setting"),
    ):
        answer = client.post("/v1/subjects", body)
        assert (answer.status, answer.code) == (status, code)
    assert names(client) == []


def test_one_that_does_not_fit_is_not_registered(client: Client, workspace: Workspace) -> None:
    workspace.holding.limit = lambda: 1000
    answer = client.post("/v1/subjects", {"source": "org/tiny"})
    assert (answer.status, answer.code) == (503, "memory_short")
    assert names(client) == []


def test_a_subject_is_forgotten_unless_it_is_in_use(
    client: Client, workspace: Workspace, store: Store
) -> None:
    client.post("/v1/subjects", {"source": "org/tiny"})
    with workspace.holding.using("tiny"):
        busy = client.delete("/v1/subjects/tiny")
        assert (busy.status, busy.code) == (409, "subject_in_use")
    job = client.post("/v1/jobs", {"site": "tiny/mlp.0", "units": "0-1"}).json["id"]
    busy = client.delete("/v1/subjects/tiny")
    assert (busy.code, job in busy.json["hint"]) == ("subject_in_use", True)
    client.post(f"/v1/jobs/{job}/cancel")
    assert client.delete("/v1/subjects/tiny").status == 204
    assert (names(client), list(workspace.holding.loaded())) == ([], [])
    assert client.get("/v1/subjects/tiny").code == "unknown_subject"
    assert store.jobs.get(job).subject == "tiny"
    for name, status, code in (
        ("tiny", 404, "unknown_subject"),
        ("demo", 409, "subject_built_in"),
    ):
        gone = client.delete(f"/v1/subjects/{name}")
        assert (gone.status, gone.code) == (status, code)
