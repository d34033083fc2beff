"""The page: blind, self-contained, safe whatever the corpus holds; and the file that comes back."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from core.errors import RatingsUnusable
from neuroscribe.ratings.claims import Target
from neuroscribe.ratings.page import Sheet, import_ratings
from neuroscribe.ratings.session import plan
from neuroscribe.render.rating_page import rating_page
from storage import RunRecord, Store
from tests.neuroscribe.ratings import stored_site
from tests.neuroscribe.ratings.stored_site import SECRETS, unit
from tests.service.pages.page_documents import NASTY

SITE = Target("demo", "mlp.2")
MARKUP = "</script><img src=x onerror=alert(1)>"
FETCHING = {"src", "href", "srcset", "action", "poster", "data", "background", "xlink:href"}
VOID = {"meta", "br", "input"}
Change = Callable[[dict[str, Any]], Any]


class Page(HTMLParser):
    """Reads a page strictly: every element is closed, in order."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[str] = []
        self.style = ""
        self.text = ""
        self.labelled: list[str] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag in ("input", "textarea", "progress") and "label" in self.open:
            self.labelled.append(tag)
        if tag not in VOID:
            self.open.append(tag)
        if tag == "script":
            self.scripts.append("")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] == "script":
            self.scripts[-1] += data
        elif self.open and self.open[-1] == "style":
            self.style += data
        else:
            self.text += data

    def having(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


def sheet_of(store: Store, target: Target = SITE) -> Sheet:
    return Sheet.of(plan(store, target, "ada", seed=0, controls=0.2, again=False), store)


def page_of(store: Store, target: Target = SITE) -> str:
    return rating_page(sheet_of(store, target), "ada")


def nasty_unit(store: Store, text: str) -> Target:
    """Unit 50 with ``text`` for its explanation, its tokens and its documents."""
    said = stored_site.explanation(50, text=text)
    excerpts = [
        excerpt.model_copy(update={"document": text})
        for excerpt in stored_site.excerpts(50, token=text)[:3]
    ]
    profile = stored_site.document(50).profile.model_copy(update={"excerpts": excerpts})
    told = stored_site.document(50, explanations=[said], profile=profile)
    store.save_run(
        RunRecord(
            id="nasty",
            unit=unit(50),
            spec_hash=stored_site.SPEC,
            key="nasty",
            seed=0,
            code_version="0.1.0",
            status="done",
            verdict=told.verdict,
            started="2025-01-31T12:00:00Z",
            finished="2025-01-31T12:00:00Z",
            document=told.model_dump(mode="json"),
            explanations=(said,),
        )
    )
    return Target("demo", "mlp.2", 50)


# the page


def test_every_item_can_be_rated_with_labelled_controls(store: Store) -> None:
    page = Page(page_of(store))
    inputs = page.having("input")
    radios = [a for a in inputs if a.get("type") == "radio"]
    assert len(radios) == 13 * 5
    assert len({a["name"] for a in radios}) == 13
    assert len(page.having("fieldset")) == len(page.having("legend")) == 13
    controls = len(inputs) + len(page.having("textarea")) + len(page.having("progress"))
    assert len(page.labelled) == controls
    ids = [a["id"] for _, a in page.elements if "id" in a]
    assert len(ids) == len(set(ids))
    assert {"rater", "count", "progress", "download", "previous", "next", "status"} <= set(ids)
    hidden = ["hidden" in a for a in page.having("section")]
    assert hidden == [False] + [True] * 12


def test_the_page_says_nothing_that_a_rater_must_not_know(store: Store) -> None:
    for index in range(10, 14):
        stored_site.save(store, index)
    source = page_of(store)
    assert [secret for secret in SECRETS if secret in source] == []
    assert not re.search(r"control|simulat|verdict|explained|polysemantic", Page(source).text)
    data = json.loads(Page(source).scripts[0])
    assert set(data) == {"format", "target", "seed", "digest", "items"}
    assert {frozenset(item) for item in data["items"]} == {
        frozenset({"item", "explanation", "unit", "seen"})
    }


def test_the_page_fetches_nothing_and_runs_its_own_script_only(store: Store) -> None:
    source = page_of(store)
    page = Page(source)
    for tag, attributes in page.elements:
        assert tag not in {"img", "iframe", "object", "embed", "link", "base", "form", "a"}
        assert not FETCHING & set(attributes)
        assert "style" not in attributes
        assert not [name for name in attributes if name.startswith("on")]
    assert not re.search(r"url\(|@import|https?:", page.style)
    assert not re.search(r"fetch\(|XMLHttpRequest|https?:|innerHTML|eval\(", page.scripts[1])

    def digest(text: str) -> str:
        return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()

    policy = next(a["content"] for a in page.having("meta") if "http-equiv" in a)
    assert policy == (
        f"default-src 'none'; style-src '{digest(page.style)}'; "
        f"script-src '{digest(page.scripts[1])}'; base-uri 'none'; form-action 'none'"
    )


@pytest.mark.parametrize("text", [MARKUP, "{{ 7 * 7 }}", *NASTY])
def test_corpus_text_is_text_and_nothing_else(store: Store, text: str) -> None:
    source = page_of(store, nasty_unit(store, text))
    source.encode("utf-8")
    page = Page(source)
    assert len(page.having("script")) == len(page.scripts) == 2
    assert page.having("img") == []
    assert json.loads(page.scripts[0])["items"][0]["seen"][0]["document"] == text
    assert not {"\x00", "\x1b", "\u202e", "\u202c", "\ud800"} & set(source)


def test_a_name_and_a_comment_of_the_rater_are_text_too(store: Store) -> None:
    page = Page(rating_page(sheet_of(store), f'"{MARKUP}'))
    assert len(page.scripts) == 2
    assert page.having("img") == []


# what comes back


def downloaded(store: Store, ratings: int = 13) -> dict[str, Any]:
    """What the page's download button writes after some of its items were rated."""
    data = json.loads(Page(page_of(store)).scripts[0])
    rated = [
        {**item, "rating": 1 + n % 5, "comment": None, "time": f"2025-03-01T12:00:{n:02}.000Z"}
        for n, item in enumerate(data["items"][:ratings])
    ]
    names = [item["item"] for item in data["items"]]
    return {**data, "items": names, "rater": "eva", "ratings": rated}


def written(folder: Path, content: object) -> Path:
    path = folder / "ratings.json"
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


def test_ratings_come_back_with_what_was_seen(store: Store, tmp_path: Path) -> None:
    sheet = sheet_of(store)
    done = import_ratings(store, written(tmp_path, downloaded(store, 12)))
    assert (done.stored, done.already_stored, done.rater) == (12, 0, "eva")
    kept = store.ratings.of("demo", "mlp.2")
    assert [(r.explanation_id, r.unit, r.seen) for r in kept] == [
        (item.explanation.id, item.unit, item.seen) for item in sheet.items[:12]
    ]
    assert any(r.control for r in kept)
    left = plan(store, SITE, "eva", seed=0, controls=0.2, again=False)
    assert (len(left.questions), left.done) == (1, 12)


def test_importing_twice_stores_nothing_new(store: Store, tmp_path: Path) -> None:
    import_ratings(store, written(tmp_path, downloaded(store, 5)))
    again = import_ratings(store, written(tmp_path, downloaded(store, 5)))
    assert (again.stored, again.already_stored) == (0, 5)
    more = import_ratings(store, written(tmp_path, downloaded(store, 7)))
    assert (more.stored, more.already_stored) == (2, 5)
    assert len(store.ratings.of("demo", "mlp.2")) == 7


def setting(**changes: Any) -> Change:
    """Change the third rating of a file."""
    return lambda content: content["ratings"][2].update(changes)


@pytest.mark.parametrize(
    ("change", "says", "names_the_item"),
    [
        (setting(rating=0), "rating: Input should be greater than or equal to 1", True),
        (setting(rating=6), "rating: Input should be less than or equal to 5", True),
        (setting(rating=2.5), "rating: Input should be a valid integer", True),
        (setting(rating="4"), "rating: Input should be a valid integer", True),
        (setting(time="yesterday"), "time: ", True),
        (setting(score=0.9), "score: Extra inputs are not permitted", True),
        (setting(explanation="e99"), "explanation 'e99' is not stored for 'demo/mlp.2'", True),
        (setting(unit="demo/mlp.2/99"), "the digest does not match what was shown", True),
        (setting(seen=[]), "the digest does not match what was shown", True),
        (setting(unit="demo"), "'demo' is not a unit ID", False),
        (setting(item="other"), "item 'other' is not one of the page's items", False),
        (lambda c: c["ratings"].append(c["ratings"][2]), "is rated twice", True),
        (lambda c: c["items"].pop(), "the digest does not match the items", False),
        (lambda c: c.update(seed="1"), "the digest does not match the items", False),
        (lambda c: c.update(format="neuroscribe-ratings/2"), "format: ", False),
        (lambda c: c.update(rater=" "), "a rater has a name", False),
        (lambda c: c.update(ratings={}), "ratings: ", False),
        (lambda c: c.pop("digest"), "digest: Field required", False),
    ],
)
def test_a_bad_file_is_named_and_nothing_of_it_is_stored(
    store: Store, tmp_path: Path, change: Change, says: str, names_the_item: bool
) -> None:
    content = downloaded(store)
    third = content["ratings"][2]["item"]
    change(content)
    with pytest.raises(RatingsUnusable) as refused:
        import_ratings(store, written(tmp_path, content))
    assert says in refused.value.message
    assert "\n" not in refused.value.message
    assert (f"item {third!r}" in refused.value.message) == names_the_item
    assert store.ratings.of("demo", "mlp.2") == []


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe", b"[" * 100_000, b"[]", b"3"])
def test_what_is_no_file_of_ratings_is_refused(
    store: Store, tmp_path: Path, content: bytes
) -> None:
    path = tmp_path / "ratings.json"
    path.write_bytes(content)
    with pytest.raises(RatingsUnusable):
        import_ratings(store, path)


def test_a_missing_file_is_named(store: Store, tmp_path: Path) -> None:
    with pytest.raises(RatingsUnusable, match="cannot be read: No such file"):
        import_ratings(store, tmp_path / "nowhere.json")
    with pytest.raises(RatingsUnusable, match="cannot be read: Is a directory"):
        import_ratings(store, tmp_path)
