"""Pictures of the main pages, for the README: ``make screenshots`` writes them where it shows them.

Elsewhere they are made in a temporary folder, so that what makes them stays true.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

from tests.browser.conftest import PATIENCE, until
from tests.browser.test_pages_live import begin_sweep

FOLDER = os.environ.get("NEUROSCRIBE_SCREENSHOTS")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(FOLDER) if FOLDER else tmp_path


@pytest.fixture
def opened(browser: Browser) -> Page:
    context = browser.new_context(viewport={"width": 1100, "height": 800})
    context.set_default_timeout(PATIENCE)
    return context.new_page()


@pytest.mark.parametrize(
    ("name", "path", "height"),
    [
        ("unit", "/units/demo/mlp.2/163", 1500),
        ("investigation", "/units/demo/mlp.2/163#h-steps", 1000),
        ("layer", "/units/demo/mlp.2", 1000),
        ("search", "/search?q=after", 700),
    ],
)
def test_a_page_is_drawn(
    opened: Page, site: str, folder: Path, name: str, path: str, height: int
) -> None:
    opened.set_viewport_size({"width": 1100, "height": height})
    opened.goto(site + path)
    drawn(opened, folder / f"{name}.png")


def test_a_job_under_way_is_drawn(opened: Page, site: str, folder: Path) -> None:
    begin_sweep(opened, site, "70-75")
    until(opened, "document.querySelector('progress').value >= 3")
    drawn(opened, folder / "job.png")


def test_a_conversation_is_drawn(opened: Page, site: str, folder: Path) -> None:
    opened.goto(f"{site}/chat")
    for number, text in enumerate(
        ("explain demo/mlp.2/163", "run 'def main(): return 1' on it", "explain demo/mlp.2/99")
    ):
        opened.locator("textarea").fill(text)
        opened.keyboard.press("Enter")
        opened.wait_for_url("**/chat/*")
        if number < 2:
            opened.locator(".talk .assistant").nth(number).wait_for()
    opened.get_by_role("button", name="Run it").wait_for()
    opened.set_viewport_size({"width": 1100, "height": 1000})
    drawn(opened, folder / "chat.png")


def drawn(page: Page, path: Path) -> None:
    page.screenshot(path=path)
    assert path.stat().st_size > 10_000
    page.context.close()
