"""``neuroscribe search --meaning``: nearest first, beside what all similarities are like."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from core.errors import HubUnavailable, InvalidSetting
from core.settings import Settings
from neuroscribe.embedders import minilm_folder, open_embedder
from neuroscribe.meaning import Directions, Meant, give_vectors, search_by_meaning
from neuroscribe.serving.finding import Finding
from service.bodies import SearchAsked
from service.problems import ServiceError, status_of
from storage import Store, open_store
from storage.search_rows import Search
from storage.vectors import VectorStore
from tests.neuroscribe.conftest import Ran
from tests.neuroscribe.test_search_command import save

Run = Callable[..., Ran]
TEXTS = ("rivers and lakes", "a deep ocean", "the word def", "a class of code", "!!!")
WATER = {"rivers", "lakes", "ocean", "water", "sea"}
CODE = {"def", "class", "code", "python"}


class Topics:
    """An encoder that knows what two topics mean: how many words of a text are about each."""

    name, fingerprint = "topics", "0123456789abcdef"

    def __init__(self) -> None:
        self.seen: list[str] = []

    def embed(self, texts: Sequence[str]) -> NDArray[np.float64]:
        self.seen += texts
        words = [set(text.split()) for text in texts]
        return np.array([[len(w & WATER), len(w & CODE), bool(w & {"a"})] for w in words], float)


@pytest.fixture
def store(begun_home: Path) -> Iterator[Store]:
    with open_store(f"sqlite:///{begun_home}/neuroscribe.db") as opened:
        yield opened


@pytest.fixture
def filled(store: Store) -> Store:
    for index, text in enumerate(TEXTS):
        save(store, index, text)
    return store


def units(page: Any) -> list[int]:
    return [hit.unit.index for hit in page.hits]


def test_what_means_the_same_is_found_though_it_shares_no_word(filled: Store) -> None:
    page = search_by_meaning(filled, Topics(), Meant("the sea"))
    assert units(page) == [0, 1, 3, 2]
    assert [hit.similarity for hit in page.hits] == [1.0, pytest.approx(0.707107), 0.0, 0.0]
    assert page.embedder == "topics"


def test_beside_every_similarity_stands_what_all_of_them_are_like(filled: Store) -> None:
    page = search_by_meaning(filled, Topics(), Meant("the sea", Search(min_score=0.9)))
    assert page.hits == ()
    values = [1.0, 0.707107, 0.0, 0.0]
    assert (page.all.count, page.all.not_compared, page.all.waiting) == (4, 1, 0)
    assert page.all.mean == pytest.approx(np.mean(values))
    assert page.all.p95 == pytest.approx(np.quantile(values, 0.95))
    first = search_by_meaning(filled, Topics(), Meant("the sea")).hits[0]
    assert first.z == pytest.approx((1 - np.mean(values)) / np.std(values))


def test_each_explanation_is_given_its_vector_once(filled: Store) -> None:
    encoder = Topics()
    told: list[tuple[int, int]] = []
    waiting = give_vectors(filled, encoder, Search(), most=2, told=lambda *n: told.append(n))
    assert (waiting, told) == (3, [(0, 2), (2, 2)])
    save(filled, 9, TEXTS[2])
    page = search_by_meaning(filled, encoder, Meant("sea"), most=0)
    assert (page.all.waiting, len(page.hits)) == (4, 2)
    search_by_meaning(filled, encoder, Meant("sea"))
    assert sorted(t for t in encoder.seen if t != "sea") == sorted(TEXTS)


def test_vectors_are_read_once_and_new_ones_added_wherever_they_stand(
    filled: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[int] = []
    kept = VectorStore.kept

    def counted(vectors: VectorStore, embedder: str, first: int = 0) -> list[tuple[int, bytes]]:
        found = kept(vectors, embedder, first)
        read.extend(number for number, _ in found)
        return found

    monkeypatch.setattr(VectorStore, "kept", counted)
    held, encoder = Directions(), Topics()

    def search() -> Any:
        page = search_by_meaning(filled, encoder, Meant("the sea"), held=held)
        assert page == search_by_meaning(filled, encoder, Meant("the sea"))
        return page

    filled.vectors.save(encoder.fingerprint, {"ex-2": np.array([0, 1, 0], "<f4").tobytes()})
    assert held.read(filled, encoder.fingerprint, np.array([3]))  # others of lower numbers follow
    assert units(search()) == [0, 1, 3, 2]
    read.clear()
    search_by_meaning(filled, encoder, Meant("the sea"), held=held)
    search_by_meaning(filled, encoder, Meant("code"), held=held)
    assert read == []
    save(filled, 9, "water")
    search_by_meaning(filled, encoder, Meant("the sea"), held=held)
    assert read == [6]
    assert units(search())[:3] == [9, 0, 1]


def test_pages_stay_where_they_are_while_explanations_are_added(filled: Store) -> None:
    encoder, meant = Topics(), Meant("the sea")
    seen: list[int] = []
    after = None
    for number in range(4):
        page = search_by_meaning(filled, encoder, meant, limit=1, after=after)
        seen += units(page)
        after = page.after
        save(filled, 20 + number, "rivers")
    assert (seen, after) == ([0, 1, 3, 2], None)
    again = search_by_meaning(filled, encoder, meant, limit=1)
    for other in ("x", again.after and again.after.replace("-", "+"), "0" * 16 + "-1-1"):
        with pytest.raises(InvalidSetting):
            search_by_meaning(filled, encoder, meant, after=other)
    with pytest.raises(InvalidSetting):
        search_by_meaning(filled, encoder, Meant("water"), after=again.after)


def test_a_text_without_direction_and_an_empty_store(store: Store) -> None:
    with pytest.raises(InvalidSetting, match="makes nothing"):
        search_by_meaning(store, Topics(), Meant("!!!"))
    page = search_by_meaning(store, Topics(), Meant("sea"))
    assert (page.hits, page.all.count, page.all.p95) == ((), 0, None)


@pytest.fixture(scope="module")
def encoder_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random one-layer BERT of eight dimensions with the tokenizer of the shipped one."""
    import torch
    from transformers import AutoTokenizer, BertConfig, BertModel

    from neuroscribe.workspace import DEMO_FOLDER

    path = tmp_path_factory.mktemp("encoder")
    tokenizer = AutoTokenizer.from_pretrained(DEMO_FOLDER / "demo-bert")
    tokenizer.save_pretrained(path)
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=len(tokenizer), hidden_size=8, num_hidden_layers=1, num_attention_heads=1,
        intermediate_size=8, pad_token_id=tokenizer.pad_token_id,
    )  # fmt: skip
    BertModel(config).save_pretrained(path)
    return path


def test_on_the_command_line_a_text_is_nearest_to_itself(
    run: Run, filled: Store, encoder_folder: Path
) -> None:
    asked = ("search", "--meaning", TEXTS[1], "--embedder", encoder_folder)
    told = run(*asked)
    assert told.out.splitlines()[0].startswith("demo/mlp.2/1  sim 1.000 (z ")
    assert "all 5 explanations: median" in told.out
    assert "giving 5 explanations a vector" in told.err
    found = run(*asked, "--json", "--limit", "1").json
    assert found["hits"][0]["similarity"] == 1.0
    assert found["all"]["count"] == 5
    assert run(*asked, "--json", "--after", found["after"]).json["hits"][0]["similarity"] < 1


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("--meaning", " "), "invalid_setting"),
        (("--meaning", "x", "--embedder", "lexical"), "invalid_setting"),
        (("--embedder", "minilm"), "invalid_setting"),
        (("words", "--meaning", "x"), "invalid_setting"),
        (("--meaning", "x", "--verdict", "perhaps"), "invalid_setting"),
    ],
)
def test_what_cannot_be_compared_is_one_line(
    run: Run, own_home: Path, words: tuple[str, ...], code: str
) -> None:
    told = run("search", *words, "--json")
    assert (told.code, told.json["error"]["code"]) == (2, code)
    assert run("search", *words).err.count("\n") == 1


def test_without_the_extra_one_line_says_how_to_install_it(
    run: Run, own_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("neuroscribe.embedders.MINILM_PACKAGE", "no_such_package")
    told = run("search", "--meaning", "water", "--json")
    assert (told.code, told.json["error"]["code"]) == (1, "missing_extra")
    assert "neuroscribe[embed]" in told.json["error"]["hint"]


@pytest.mark.skipif(minilm_folder() is None, reason="the extra embed is not installed")
def test_minilm_knows_that_rivers_are_water(filled: Store) -> None:
    encoder: Any = open_embedder("minilm", None, Settings(device="cpu"))
    assert encoder.name == "minilm"
    assert set(units(search_by_meaning(filled, encoder, Meant("water"), limit=2))) == {0, 1}
    assert set(units(search_by_meaning(filled, encoder, Meant("python"), limit=2))) == {2, 3}


def test_over_http_only_the_configured_embedder_compares(
    filled: Store, encoder_folder: Path
) -> None:
    asked = SearchAsked(q=TEXTS[1], by="meaning", limit=1)
    nobody = Finding(Settings(), filled)
    with pytest.raises(ServiceError) as refused:
        asyncio.run(nobody.by_meaning(asked))
    assert (refused.value.status, refused.value.code) == (501, "no_embedder")
    somebody = Finding(Settings(service_embedder=str(encoder_folder)), filled)
    page = asyncio.run(somebody.by_meaning(asked))
    assert (units(page), page.embedder) == ([1], encoder_folder.name)
    broken = Finding(Settings(service_embedder=str(encoder_folder / "nowhere")), filled)
    with pytest.raises(ServiceError) as refused:
        asyncio.run(broken.by_meaning(asked))
    assert (refused.value.status, refused.value.code) == (501, "embedder_unusable")
    assert str(encoder_folder) not in str(refused.value)


def test_over_http_a_network_that_is_away_is_no_broken_embedder(
    filled: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*arguments: Any) -> None:
        raise HubUnavailable("'models/own' is not in the local cache")

    monkeypatch.setattr("neuroscribe.embedders.open_encoder", away)
    finding = Finding(Settings(service_embedder="models/own"), filled)
    with pytest.raises(HubUnavailable, match="hub cannot be reached") as refused:
        asyncio.run(finding.by_meaning(SearchAsked(q="sea", by="meaning")))
    assert status_of(refused.value) == 502
    assert "models/own" not in str(refused.value)
