"""``neuroscribe find probe --after``: what the neurons do, kept beside the report, and shown."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from rich.cells import cell_len
from rich.console import Console

from core.findings import Finding
from discovery.probing.after.records import AfterReport, InputWeights, LayerWeights, UnitWeights
from discovery.probing.builders.compounds import compounds
from discovery.probing.experiment import probe
from discovery.probing.plan import ProbeSettings
from discovery.probing.sampling import sample
from discovery.probing.splits import groups_of
from discovery.probing.splits import test_rows as rows_for_testing
from neuroscribe.probing.after import AfterSettings, Asked, FeatureAfter, ask
from neuroscribe.probing.request import ProbeRequest
from neuroscribe.probing.running import find_probe
from neuroscribe.render.after_plots import weights_plot
from neuroscribe.render.probing_after import after_view
from neuroscribe.workspace import CorpusChoice, Workspace
from subjects.corpora.document import Document
from subjects.corpora.generated import documents
from subjects.corpora.open import open_corpus
from subjects.registry import load_subject
from tests.neuroscribe.conftest import Ran

Run = Callable[..., Ran]


def written(path: Path, found: list[Document]) -> Path:
    rows = [{"id": d.id, "text": d.text, "type": d.type, "group": d.group} for d in found]
    path.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def languages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Short texts in five languages, ten topics each."""
    found = [replace(d, text=d.text[:90]) for d in documents("languages", seed=3, count=110)]
    return written(tmp_path_factory.mktemp("languages") / "texts.jsonl", found)


@pytest.fixture
def words(languages: Path) -> list[str]:
    """The least that a run needs."""
    return [
        *("find", "probe", "demo-tiny", "natural-language", "--feature", "french", "--corpus"),
        *(str(languages), "--site", "mlp.1", "--k", "1", "--nulls", "2", "--jobs", "1"),
        *("--methods", "mean-difference"),
    ]


@pytest.fixture
def french(run: Run, home: Path, words: list[str]) -> dict[str, Any]:
    document: dict[str, Any] = run(*words, "--after", "--json").json
    return document


def kept(home: Path) -> list[Path]:
    return sorted(home.glob("probing/runs/*/after/*/*.json"))


def test_each_feature_has_a_record_of_what_its_neurons_do(french: dict[str, Any]) -> None:
    (after,) = french["after"]
    found = FeatureAfter.model_validate(after)
    best = french["report"]["features"][0]["best"]
    assert (found.feature, found.reason) == ("french", None)
    assert found.report is not None
    assert (found.report.site, list(found.report.units)) == (best["site"], best["units"])
    assert found.report.ablation is not None
    assert [rise.edit for rise in found.report.ablation.rises] == ["zero", "mean"]
    assert found.report.share is not None
    assert found.report.share.unknown == 0
    assert found.compound is None


def test_tokens_are_classed_by_the_plain_text_features_too(french: dict[str, Any]) -> None:
    (unit,) = french["after"][0]["report"]["logits"]["units"]
    names = {effect["name"] for effect in unit["classes"]}
    assert {"leading_capital", "is_not_alphanumeric", "has_leading_space", "title"} <= names


def test_without_the_option_nothing_is_asked_and_the_finding_is_the_same(
    run: Run, home: Path, words: list[str], french: dict[str, Any]
) -> None:
    plain = run(*words, "--json").json
    assert plain["after"] == []
    assert plain["findings"] == french["findings"]
    Finding.model_validate(plain["findings"][0])


def test_what_was_asked_is_given_again_and_a_kill_costs_one_feature(
    run: Run, home: Path, words: list[str], french: dict[str, Any]
) -> None:
    again = run(*words, "--after")
    assert "stored answer" in again.err
    for said in ("What the neurons do", "loss rises, at zero", "french  mlp.1"):
        assert said in again.out
    (path,) = kept(home)
    before = path.read_bytes()
    path.write_bytes(before[:50])
    assert run(*words, "--after", "--json").json["after"] == french["after"]
    assert path.read_bytes() == before


def test_the_page_shows_it(
    run: Run, home: Path, words: list[str], french: dict[str, Any], tmp_path: Path
) -> None:
    page = tmp_path / "run.html"
    assert run(*words, "--after", "--plot", page).code == 0
    text = page.read_text(encoding="utf-8")
    for said in ("What the neurons do", "Tokens they push", "‖w_in‖ · b_in by layer", "mlp.0"):
        assert said in text
    assert "<script src" not in text


@pytest.mark.parametrize("width", [60, 80, 140])
def test_no_line_is_wider_than_the_screen(french: dict[str, Any], width: int) -> None:
    found = [FeatureAfter.model_validate(one) for one in french["after"]]
    found.append(FeatureAfter(feature="\u202e[b]x", documents=0, report=None, reason="no [b]"))
    console = Console(width=width, color_system=None)
    with console.capture() as captured:
        console.print(after_view(found))
    lines = captured.get().splitlines()
    assert max(map(cell_len, lines)) <= width
    assert "\\u202e[b]x" in captured.get()
    assert "not asked: no [b]" in captured.get()


def test_a_subject_that_predicts_nothing_has_reasons(home: Path, languages: Path) -> None:
    """The planted subject has neither logits nor weights: the run goes on all the same."""
    request = ProbeRequest(
        "planted",
        "natural-language",
        features=("french",),
        corpus=CorpusChoice(str(languages)),
        sites=("charclass",),
        settings=ProbeSettings(methods=("mean-difference",), ks=(1,), nulls=2),
    )
    few = AfterSettings(windows=16, draws=2, tokens=2_000)
    (found,) = find_probe(Workspace(), request, after=few).probed.after
    assert found.report is not None
    assert {"ablation", "logits", "weights"} <= set(found.report.failures)
    assert found.report.tokens is not None


def test_features_of_tokens_are_labelled_by_token_on_running_text(
    home: Path, languages: Path
) -> None:
    request = ProbeRequest(
        "planted",
        "token-text",
        features=("has_leading_space",),
        corpus=CorpusChoice(str(languages)),
        sites=("charclass",),
        settings=ProbeSettings(methods=("mean-difference",), ks=(1,), nulls=2),
    )
    few = AfterSettings(windows=16, draws=2, tokens=2_000)
    (found,) = find_probe(Workspace(), request, after=few).probed.after
    assert found.report is not None
    share = found.report.share
    assert share is not None
    assert share.unknown == 0
    assert share.tokens_in > 100
    assert share.tokens_out > 100


@pytest.fixture(scope="module")
def compound(tmp_path_factory: pytest.TempPathFactory) -> tuple[Asked, FeatureAfter]:
    """One compound on the tiny demo, with other compounds' texts beside it."""
    found = [
        document
        for document in documents("compounds", seed=3, count=700)
        if " ice" in document.text or " cream" in document.text or document.id[-1] in "05"
    ]
    folder = tmp_path_factory.mktemp("compounds")
    subject = load_subject("demo-tiny")
    corpus = open_corpus(str(written(folder / "texts.jsonl", found)))
    collection = compounds(corpus, ["ice cream", "high school"])
    dataset = sample(collection, subject)
    settings = ProbeSettings(methods=("mean-difference",), ks=(1, 3), nulls=2)
    report = probe(subject, dataset, ["mlp.1"], settings)
    few = AfterSettings(windows=20, draws=3, tokens=2_000)
    after, _ = ask(subject, collection, dataset, report, folder / "after", settings=few)
    ice = report.features[0]
    return Asked(subject, collection, dataset, ice, few), after[0]


def test_compounds_are_told_by_sums_chosen_on_training_documents(
    compound: tuple[Asked, FeatureAfter],
) -> None:
    asked, found = compound
    assert found.feature == "ice cream"
    assert found.compound is not None
    assert found.compound.reason is None
    assert found.compound.single is not None
    assert found.compound.summed is not None
    candidates = max((s for s in asked.found.scores), key=lambda score: score.k).units
    assert set(found.compound.summed.units) <= set(candidates)
    assert len(found.compound.null) == 3


def test_only_test_documents_are_read(compound: tuple[Asked, FeatureAfter]) -> None:
    asked, found = compound
    dataset = asked.dataset
    labels = dataset.labels[:, dataset.column("ice cream")]
    test = rows_for_testing(labels, groups_of(dataset), 0)
    assert test is not None
    tested = set(dataset.row_documents[test & (labels != 0)].tolist())
    trained = set(dataset.row_documents[~test & (labels != 0)].tolist())
    assert found.documents == len(tested)
    assert not tested & trained
    assert isinstance(found.report, AfterReport)
    counted = found.report.share
    assert counted is not None
    assert counted.tokens_in <= int((labels[test] == 1).sum())


def test_the_name_of_an_answer_hangs_on_neurons_and_settings(
    compound: tuple[Asked, FeatureAfter],
) -> None:
    asked, _ = compound
    other = Asked(asked.subject, asked.collection, asked.dataset, asked.found, AfterSettings())
    assert asked.name != other.name


def test_layers_without_spread_are_drawn() -> None:
    level = {"0.05": -1.0, "0.5": -1.0, "0.95": -1.0}
    layer = LayerWeights(site="mlp.0", units=4, mean=-1.0, negative=1.0, quantiles=level)
    unit = UnitWeights(site="mlp.0", unit=2, norm=1.0, bias=-1.0, product=-1.0, percentile=0.0)
    plot = weights_plot(InputWeights(layers=(layer,), found=(unit,)))
    assert plot is not None
    assert plot.x.low < plot.x.high
    assert weights_plot(InputWeights(layers=(), found=(), reason="none")) is None
