"""The web page in a real browser: headless Chromium, over a service in a process of its own.

``make test-browser`` runs these. They skip, saying so, without the ``browser`` extra or Chromium.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

from benchmarks.served import served
from subjects.corpora.builtin import BuiltinCorpus

CHROMIUM = next((p for n in ("chromium", "chromium-browser") if (p := shutil.which(n))), None)
WIDE, NARROW = {"width": 1200, "height": 900}, {"width": 390, "height": 800}
PATIENCE = 60_000
NASTY = (
    '<img src=x onerror="window.broken = 1"> \u202e"];alert(1)//</script><script>alert(2)</script>'
)
LAYER = "0-7"
ONE_IN = 10


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.slow)
            item.add_marker(pytest.mark.timeout(600))


def neuroscribe(home: Path, *words: str) -> dict[str, object]:
    """What a command prints as JSON."""
    done = subprocess.run(
        [sys.executable, "-m", "neuroscribe", *words, "--json"],
        env={**os.environ, "NEUROSCRIBE_HOME": str(home)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, object] = json.loads(done.stdout)
    return found


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The service over a part of the built-in corpus, with some units of the demo explained."""
    home = tmp_path_factory.mktemp("site") / "home"
    corpus = home.parent / "part.jsonl"
    rows = [
        {"id": d.id, "text": d.text, "type": d.type, "group": d.group}
        for d in islice(BuiltinCorpus().documents(), 0, None, ONE_IN)
    ]
    corpus.write_text("\n".join(json.dumps(row) for row in rows), encoding="utf-8")
    on = ("--corpus", str(corpus))
    neuroscribe(home, "explain-layer", "demo/mlp.2", "--units", LAYER, "--mode", "one-shot", *on)
    neuroscribe(home, "explain", "demo/mlp.2/163", *on)
    with served(home, corpus) as service:
        yield service.url


@pytest.fixture(scope="session")
def nasty_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The service over a corpus whose texts try to be markup and scripts."""
    folder = tmp_path_factory.mktemp("nasty")
    corpus = folder / "corpus"
    corpus.mkdir()
    for number in range(60):
        words = f"It will return home {number} times. {NASTY} They return again. " * 8
        (corpus / f"{number}.txt").write_text(words, encoding="utf-8")
    home = folder / "home"
    neuroscribe(home, "explain", "planted/exact/3", "--corpus", str(corpus))
    with served(home, corpus) as service:
        yield service.url


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    sync_api = pytest.importorskip("playwright.sync_api", reason="the browser extra is missing")
    if CHROMIUM is None:
        pytest.skip("there is no Chromium here: apt-get install chromium")
    with sync_api.sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield launched
        launched.close()


def until(page: Page, script: str) -> None:
    """Wait until a script says true; asked from outside, as the page lets nobody evaluate text."""
    for _ in range(PATIENCE // 100):
        if page.evaluate(script):
            return
        page.wait_for_timeout(100)
    raise AssertionError(f"it never came to that: {script}")


@dataclass
class Seen:
    """What a page asked for and complained about."""

    urls: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def watch(self, page: Page) -> None:
        page.on("request", lambda request: self.urls.append(request.url))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("console", self._told)
        page.on("dialog", lambda dialog: self._asked(dialog))

    def _told(self, message: object) -> None:
        if getattr(message, "type", "") == "error":
            self.complaints.append(str(getattr(message, "text", "")))

    def _asked(self, dialog: object) -> None:
        self.complaints.append("a dialog was opened")
        dialog.dismiss()  # type: ignore[attr-defined]


@pytest.fixture
def seen() -> Seen:
    return Seen()


@pytest.fixture
def page(browser: Browser, seen: Seen) -> Iterator[Page]:
    """A page that asks nothing of anybody else, and has nothing to complain about."""
    context = browser.new_context(viewport=WIDE)
    context.set_default_timeout(PATIENCE)
    opened = context.new_page()
    seen.watch(opened)
    yield opened
    context.close()
    assert [url for url in seen.urls if not url.startswith("http://127.0.0.1:")] == []
    assert seen.complaints == []
