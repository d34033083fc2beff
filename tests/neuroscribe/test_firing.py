"""``neuroscribe search --fires-on``: planted units whose word stands in the text come first."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sqlalchemy import event

from core.errors import IndexMissing, InvalidSetting, UnknownSite
from core.evidence import SPLITS
from core.ids import UnitId
from core.settings import Settings
from neuroscribe.firing import UNUSUAL, Own, fires_on
from neuroscribe.serving.server import ServeOptions, application
from neuroscribe.workspace import CorpusChoice, Workspace
from storage import Store, open_store
from subjects.corpora.generated import documents
from tests.neuroscribe.conftest import Ran
from tests.neuroscribe.test_search_command import save

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "service"))

from asgi_client import Client

Run = Callable[..., Ran]
TEXT = "The keys to the cabinet are on the table, and nobody knows why they are not lost."


@pytest.fixture(scope="module")
def collected(shared_home: Path, few: Path) -> Workspace:
    """A small model of which one kind of site was collected."""
    workspace = Workspace(Settings(home=shared_home, device="cpu"))
    workspace.index("demo-tiny", "mlp.0", CorpusChoice(str(few)))
    return workspace


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    with open_store(f"sqlite:///{tmp_path_factory.mktemp('firing')}/s.db") as opened:
        yield opened


@pytest.fixture
def find(collected: Workspace, store: Store, few: Path) -> Callable[..., Any]:
    """Units of a subject on a text."""

    def call(text: str, subject: str = "demo-tiny", **asked: Any) -> Any:
        index_of = partial(collected.index_if_there, subject, choice=CorpusChoice(str(few)))
        return fires_on(collected.subject(subject), text, index_of, store, **asked)

    return call


def test_each_figure_is_what_the_model_and_the_index_say(
    find: Callable[..., Any], collected: Workspace, few: Path
) -> None:
    found = find(TEXT, limit=5)
    subject = collected.subject("demo-tiny")
    index = collected.index_if_there("demo-tiny", "mlp.0", CorpusChoice(str(few)))
    assert index is not None
    ids = np.array([subject.tokenize(TEXT)])
    assert found.tokens == list(subject.vocabulary.decode(ids[0]))
    assert found.windows == 1
    for unit in found.units:
        site, number = unit.unit.site, unit.unit.index
        values = subject.activations(subject.batch(ids), [site])[site][0, :, number]
        assert unit.value == pytest.approx(float(values.max()), abs=1e-5)
        assert unit.position == int(values.argmax())
        assert unit.token == found.tokens[unit.position]
        assert unit.typical_peak == pytest.approx(index.typical_peak(unit.unit))
        assert unit.ratio == pytest.approx(unit.value / unit.typical_peak, rel=1e-4)
    assert [u.share for u in found.units] == sorted(u.share for u in found.units)


def test_a_share_counts_the_windows_that_peak_in_the_same_bin_or_above(
    collected: Workspace, few: Path
) -> None:
    index = collected.index_if_there("demo-tiny", "mlp.0", CorpusChoice(str(few)))
    assert index is not None
    own = Own.of(index, "mlp.0")
    unit = int(index.live_units("mlp.0")[0])
    counts = index.site("mlp.0").splits[0].maxima[unit]
    peaks = torch.zeros(3, len(own.live))
    peaks[1, unit], peaks[2, unit] = (
        index.statistics(UnitId("demo-tiny", "mlp.0", unit)).maximum,
        9e9,
    )
    silent, highest, beyond = own.shares(peaks)[:, unit].tolist()
    last, whole = int(counts[int(counts.nonzero().max())]), int(counts.sum())
    assert silent == 1.0
    assert beyond == pytest.approx(1 / (1 + whole))
    assert highest in (beyond, pytest.approx((1 + last) / (1 + whole)))


def test_a_text_is_set_against_random_text_of_its_own_length(
    find: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    found = find(TEXT)
    assert found.unusual == UNUSUAL
    assert found.reason is None
    assert found.null.draws > 20
    assert found.null.smallest_p == 1 / (1 + found.null.draws) <= found.null.p <= 1
    assert 0 <= found.null.mean <= found.ranked
    assert all(0 < u.random_share <= 1 for u in found.units)
    assert find(TEXT) == found
    long = find(TEXT * 8)
    assert long.windows > 1
    assert long.null.draws < found.null.draws
    monkeypatch.setattr("neuroscribe.firing.NULL_WINDOWS", 1)
    little = find(TEXT * 8)
    assert (little.null, little.reason) == (None, "too little random text of this length")
    assert little.above is not None
    assert {u.random_share for u in little.units} == {None}


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Short documents, of which each gives one window."""
    path = tmp_path_factory.mktemp("many") / "many.jsonl"
    found = [d for name in ("agreement", "prose") for d in documents(name, seed=3, count=130)]
    path.write_text("\n".join(json.dumps({"id": d.id, "text": d.text}) for d in found))
    return path


def test_of_new_random_texts_as_many_are_unusual_as_p_says(
    collected: Workspace, store: Store, many: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Texts that no index has seen in its shares or its null are unusual by chance alone."""
    choice = CorpusChoice(str(many), window=16, per_document=1)
    index = collected.index("demo-tiny", "mlp.0", choice)
    new = index.windows.random[SPLITS.index("report")]
    texts = index.windows.ids[index.windows.rows(new)].tolist()

    index_of = {"mlp.0": index}.get

    def p(ids: list[int]) -> float:
        monkeypatch.setattr("neuroscribe.firing.windows_of", lambda *_: (tuple(ids),))
        found = fires_on(index.subject, "as given", index_of, store, limit=1)
        assert found.null is not None
        return found.null.p

    found = np.array([p(ids) for ids in texts])
    draws = len(index.windows.random[SPLITS.index("select")])
    few = 1 / len(texts) + 1 / draws  # both are samples
    tied = np.mean(found[:, None] == found)  # as many units on both texts: counted against both
    assert len(texts) > 40
    assert abs(found.mean() - (1 + tied) / 2) < 3 * np.sqrt(few / 12)
    for level in (0.1, 0.25):
        assert np.mean(found <= level) < level + 3 * np.sqrt(few * level * (1 - level))
    assert np.mean(found <= 0.25) > 0.05


def test_where_no_share_can_be_small_nothing_is_counted(
    run: Run, collected: Workspace, store: Store, many: Path, home: Path
) -> None:
    choice = CorpusChoice(str(many), window=16, per_document=1, limit=100)
    index = collected.index("demo-tiny", "mlp.0", choice)
    found = fires_on(index.subject, TEXT, lambda _: index, store, site="mlp.1")
    windows = index.manifest.n_windows[0]
    assert 50 < windows < 99
    assert found.units
    assert (found.above, found.null) == (None, None)
    assert found.reason == f"a share of 1 % takes 99 windows, and the index has {windows}"
    given = ("--corpus", many, "--window", "16", "--per-document", "1", "--rows", "100")
    told = run("search", "--subject", "demo-tiny", "--site", "mlp.1", "--fires-on", TEXT, *given)
    assert f"is not told: {found.reason}" in " ".join(told.out.split())


def test_what_was_not_collected_is_named_and_left_out(find: Callable[..., Any]) -> None:
    found = find(TEXT)
    assert all(site.startswith("mlp.") for site in found.sites)
    assert "resid.0" in found.not_collected
    assert {u.unit.site for u in find(TEXT, site="mlp.1").units} == {"mlp.1"}
    with pytest.raises(IndexMissing, match=r"demo-tiny/resid\.0"):
        find(TEXT, site="resid.0")
    with pytest.raises(IndexMissing):
        find(TEXT, "demo-lstm")
    with pytest.raises(UnknownSite, match="sites: "):
        find(TEXT, site="mlp.99")
    for wrong in ("", "a" * 8_001):
        with pytest.raises(InvalidSetting):
            find(wrong)


def test_a_planted_unit_is_found_by_its_word_with_what_was_said_of_it(
    run: Run, home: Path, few: Path, collected: Workspace
) -> None:
    """Of the units that fire on one token each, the one whose token is rarest here."""
    index = collected.index("planted", "exact", CorpusChoice(str(few)))
    live = [UnitId("planted", "exact", int(i)) for i in index.live_units("exact")]
    seen = [u for u in live if index.typical_peak(u)]
    unit = min(seen, key=lambda u: index.statistics(u).documents_active)
    truth = run("show", str(unit), "--corpus", few, "--json").json["truth"]["pattern"]
    token = truth.split('"')[1]
    asked = ("search", "--subject", "planted", "--corpus", few, "--fires-on", f"over{token} there")
    first = run(*asked, "--json").json["units"][0]
    assert (first["unit"], first["token"], first["ratio"]) == (str(unit), token, 1.0)
    assert first["verdict"] is None
    with Workspace().store() as store:
        save(store, unit.index, "fires on [bold]a word\x1b[31m", unit=str(unit))
    told = run(*asked)
    assert "explained: fires on [bold]a word" in told.out
    assert "\x1b" not in told.out
    assert "on random text" in told.out
    assert "smallest possible" in " ".join(told.out.split())


def test_what_was_said_of_many_units_is_asked_for_at_once(
    find: Callable[..., Any], store: Store
) -> None:
    sent: list[str] = []

    def note(connection: Any, cursor: Any, statement: str, *others: Any) -> None:
        sent.append(statement)

    event.listen(store.engine, "before_cursor_execute", note)
    try:
        one, first = len(find(TEXT, limit=1).units), len(sent)
        many, then = len(find(TEXT, limit=9).units), len(sent) - first
    finally:
        event.remove(store.engine, "before_cursor_execute", note)
    assert (one, many) == (1, 9)
    assert 0 < then == first


@pytest.mark.parametrize(
    "words",
    [
        ("--fires-on", "a"),
        ("--fires-on", "a", "--subject", "demo", "word"),
        ("--fires-on", "a", "--subject", "demo", "--meaning", "x"),
        ("--fires-on", "a", "--subject", "demo", "--min-score", "0"),
        ("--fires-on", "a", "--subject", "demo", "--all"),
        ("--fires-on", "a" * 8_001, "--subject", "demo-tiny"),
    ],
)
def test_what_cannot_be_asked_together_is_one_line(
    run: Run, own_home: Path, words: tuple[str, ...]
) -> None:
    told = run("search", *words, "--json")
    assert (told.code, told.json["error"]["code"]) == (2, "invalid_setting")


def test_over_http_it_is_the_same_answer(
    find: Callable[..., Any], collected: Workspace, store: Store, few: Path
) -> None:
    options = ServeOptions(corpus=CorpusChoice(str(few)), work=False)
    client = Client(application(collected, store, options)[0])
    body = {"subject": "demo-tiny", "text": TEXT, "limit": 3}
    answer = client.post("/v1/search/firing", body)
    assert answer.status == 200
    assert answer.json == find(TEXT, limit=3).model_dump(mode="json")
    for change, status, code in (
        ({"site": "resid.0"}, 409, "index_missing"),
        ({"site": "mlp.99"}, 404, "unknown_site"),
        ({"subject": "nobody"}, 404, "unknown_subject"),
        ({"text": "a" * 8_001}, 422, "invalid_request"),
    ):
        wrong = client.post("/v1/search/firing", body | change)
        assert (wrong.status, wrong.code) == (status, code)
    asked = client.get("/v1/search?q=water&by=meaning")
    assert (asked.status, asked.code) == (501, "no_embedder")
