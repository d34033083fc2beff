"""A run finds planted units, tells noise from a feature, and is the same after a kill."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from core.errors import InvalidSetting, UnknownSite
from discovery.probing.best import best_score, reading
from discovery.probing.dataset import ProbingDataset
from discovery.probing.experiment import probe
from discovery.probing.labels import Annotation, Feature, Span
from discovery.probing.plan import ProbeSettings
from discovery.probing.results import Measured, ProbingReport
from discovery.probing.sampling import Sampling, sample
from subjects.corpora.document import Document
from subjects.planted.subject import PlantedSubject
from tests.discovery.probing.conftest import collection, texts, words_of

SITES = ("exact", "charclass", "noise")
THE = Feature("the", "the word the")
CHANCE = Feature("chance", "nothing at all")
SETTINGS = ProbeSettings(ks=(1, 2), nulls=19)


def by_chance(document: Document, rng: np.random.Generator) -> tuple[Span, ...]:
    """Six of its words, whichever they are."""
    ends = np.cumsum([len(word) + 1 for word in document.text.split(" ")])
    starts = np.concatenate([[0], ends[:-1]])
    drawn = np.sort(rng.choice(len(ends), size=6, replace=False))
    return tuple(Span(int(starts[w]), int(ends[w]) - 1) for w in drawn)


@pytest.fixture(scope="module")
def dataset(planted: PlantedSubject) -> ProbingDataset:
    rng = np.random.default_rng(3)
    annotations = [
        Annotation(one.document, {**one.positive, "chance": by_chance(one.document, rng)})
        for one in words_of(texts(90), "the", "the")
    ]
    return sample(collection(annotations, THE, CHANCE), planted, Sampling(most=600))


@pytest.fixture(scope="module")
def report(planted: PlantedSubject, dataset: ProbingDataset) -> ProbingReport:
    return probe(planted, dataset, SITES, SETTINGS)


def test_the_planted_unit_is_found(report: ProbingReport) -> None:
    """Unit 0 of exact fires on the token " the" and on nothing else."""
    found = report.features[0]
    assert found.feature == "the"
    assert found.best is not None
    assert (found.best.site, found.best.units) == ("exact", (0,))
    assert found.best.f1.value == 1.0
    assert found.null is not None
    assert found.null.p == pytest.approx(1 / 20)
    assert found.null.p95 < 0.6
    assert found.random is not None
    assert found.random.value is not None
    assert found.random.value < 0.6


def test_labels_without_meaning_are_no_better_than_their_null(report: ProbingReport) -> None:
    null = report.features[1].null
    assert null is not None
    assert null.p > 0.05


def test_the_null_calls_few_features_of_chance_real(planted: PlantedSubject) -> None:
    rng = np.random.default_rng(4)
    names = [f"chance-{number}" for number in range(20)]
    annotations = [
        Annotation(one, {name: by_chance(one, rng) for name in names}) for one in texts(90)
    ]
    made = collection(annotations, *(Feature(name, name) for name in names))
    found = probe(planted, sample(made, planted, Sampling(most=400)), SITES, SETTINGS)
    called = [report.null is not None and report.null.p <= 0.1 for report in found.features]
    assert sum(called) <= 6  # of 20; 2 are expected, more than 6 once in 400 such tests


def test_a_token_feature_is_warned_of_as_one(report: ProbingReport) -> None:
    controls = report.features[0].controls
    assert controls is not None
    assert controls.token.value == 1.0
    assert any("nothing here needs context" in warning for warning in controls.warnings)


def test_the_same_seed_gives_the_same_report_in_any_number_of_processes(
    planted: PlantedSubject, dataset: ProbingDataset, report: ProbingReport
) -> None:
    again = probe(planted, dataset, SITES, replace(SETTINGS, jobs=2))
    assert _timeless(again) == _timeless(report)


def test_a_run_that_was_killed_goes_on_with_what_it_has(
    planted: PlantedSubject, dataset: ProbingDataset, report: ProbingReport, tmp_path: Path
) -> None:
    class Killed(Exception):
        pass

    def kill(what: str, done: int, of: int) -> None:
        if what == "probing" and done == 3:
            raise Killed

    with pytest.raises(Killed):
        probe(planted, dataset, SITES, SETTINGS, folder=tmp_path, told=kill)
    kept = {path.name: path.stat().st_mtime_ns for path in tmp_path.rglob("site-*.json")}
    assert len(kept) == 3
    stages: list[tuple[str, int]] = []
    again = probe(
        planted, dataset, SITES, SETTINGS, folder=tmp_path,
        told=lambda what, done, of: stages.append((what, done)),
    )  # fmt: skip
    assert not [stage for stage in stages if stage[0] == "reading"]
    assert ("probing", 3) in stages
    assert all(p.stat().st_mtime_ns == kept[p.name] for p in tmp_path.rglob("*") if p.name in kept)
    assert _timeless(again) == _timeless(report)


def test_more_neurons_than_there_are_is_a_result_with_its_reason(
    planted: PlantedSubject, dataset: ProbingDataset
) -> None:
    found = probe(planted, dataset, ["exact"], replace(SETTINGS, ks=(1, 4000)))
    scores = [score for score in found.features[0].scores if score.k == 4000]
    assert {score.f1.value for score in scores} == {None}
    assert all("not constant" in (score.failure or "") for score in scores)
    assert found.features[0].best is not None


def test_without_draws_there_is_no_null(planted: PlantedSubject, dataset: ProbingDataset) -> None:
    found = probe(planted, dataset, ["exact"], replace(SETTINGS, nulls=0)).features[0]
    assert found.best is not None
    assert found.null is None


def test_rounds_take_away_what_was_found(planted: PlantedSubject, dataset: ProbingDataset) -> None:
    settings = replace(SETTINGS, ks=(1,), rounds=2)
    found = probe(planted, dataset, ["exact", "noise"], settings).features[0]
    assert found.best is not None
    units = [found.best.units, *(again.units for again in found.rounds)]
    assert len({unit for group in units for unit in group}) == 3


def test_a_site_where_nothing_fires_fails_with_a_reason(
    planted: PlantedSubject, dataset: ProbingDataset
) -> None:
    found = probe(planted, dataset, ["dead"], SETTINGS).features[0]
    assert found.status == "failed"
    assert found.best is None
    assert "not constant" in (found.reason or "")


def test_groups_that_cannot_be_divided_leave_a_feature_out(planted: PlantedSubject) -> None:
    documents = [replace(document, group="one") for document in texts(40)]
    made = collection(words_of(documents, "the", "the"), THE)
    told = probe(planted, sample(made, planted), SITES, SETTINGS)
    assert told.features[0].status == "left_out"
    assert "cannot be divided" in (told.features[0].reason or "")
    assert (told.summary["features"], told.summary["left_out"]) == (0, 1)


@pytest.mark.parametrize(
    ("precision", "recall", "said"),
    [
        (0.6, 0.9, "recall above precision"),
        (0.9, 0.6, "precision above recall"),
        (0.7, 0.75, "balanced"),
        (1.0, 1.0, None),
        (0.96, 0.99, None),
        (0.7, None, None),
    ],
)
def test_precision_and_recall_are_read_where_they_say_something(
    report: ProbingReport, precision: float, recall: float | None, said: str | None
) -> None:
    best = report.features[0].best
    assert best is not None
    figures = {"precision": Measured(value=precision), "recall": Measured(value=recall)}
    told = reading(best.model_copy(update=figures))
    assert told is None if said is None else said in (told or "")


def test_labels_that_hang_on_the_place_are_warned_of(planted: PlantedSubject) -> None:
    """The first word of every document: any neuron that counts would find it."""
    annotations = [Annotation(d, {"first": (Span(0, 4),)}) for d in texts(120)]
    made = collection(annotations, Feature("first", "the first word"))
    found = probe(planted, sample(made, planted), SITES, SETTINGS).features[0]
    assert found.controls is not None
    assert any("leak through position" in warning for warning in found.controls.warnings)


def test_sites_are_chosen_on_training_rows(report: ProbingReport) -> None:
    for feature in report.features:
        best = best_score(feature.scores, "mean-difference", 0)
        assert best == feature.best
        rivals = [
            score
            for score in feature.scores
            if (score.method, score.k) == ("mean-difference", best.k)  # type: ignore[union-attr]
        ]
        assert best.train_f1 == max(score.train_f1 for score in rivals)  # type: ignore[union-attr]


def test_unknown_and_missing_sites_are_refused(
    planted: PlantedSubject, dataset: ProbingDataset
) -> None:
    with pytest.raises(UnknownSite, match="no site 'nowhere'"):
        probe(planted, dataset, ["nowhere"])
    with pytest.raises(InvalidSetting, match="no site"):
        probe(planted, dataset, [])


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"methods": ("guess",)}, "no method"),
        ({"methods": ("random",)}, "find nothing"),
        ({"ks": ()}, "no sizes"),
        ({"ks": (0,)}, "no sizes"),
        ({"osp_loss": "absolute"}, "no loss"),
        ({"seeds": ()}, "no seed"),
        ({"gamma": 0.0}, "gamma"),
    ],
)
def test_settings_that_cannot_be_meant_are_refused(settings: dict[str, object], said: str) -> None:
    with pytest.raises(InvalidSetting, match=said):
        ProbeSettings(**settings)  # type: ignore[arg-type]


def _timeless(report: ProbingReport) -> dict[str, object]:
    """Without what a clock says."""

    def cut(value: object) -> object:
        if isinstance(value, dict):
            return {k: cut(v) for k, v in value.items() if k != "seconds"}
        return [cut(v) for v in value] if isinstance(value, list | tuple) else value

    return cut(report.model_dump())  # type: ignore[return-value]
