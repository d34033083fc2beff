"""Hard negatives are silent, near the unit, and of the report split only."""

from __future__ import annotations

from itertools import islice

import numpy as np
import pytest
from index_examples import ListCorpus

from core.evidence import Evidence
from core.ids import UnitId
from subjects.corpora.builtin import BuiltinCorpus
from subjects.index.collect import CollectPlan, collect
from subjects.index.contrast import KEPT_EACH
from subjects.index.reader import ActivationIndex
from subjects.planted.subject import load_planted


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> ActivationIndex:
    """Of a beginning of the built-in corpus, which holds some of every kind of text."""
    home = tmp_path_factory.mktemp("home")
    subject = load_planted()
    corpus = ListCorpus(list(islice(BuiltinCorpus().documents(), 600)))
    sites = [subject.sites()[name] for name in ("after", "exact", "dead")]
    plan = CollectPlan(subject=subject, corpus=corpus, sites=sites, window=64, per_document=2)
    collect(plan, home)
    return ActivationIndex.open(plan.folder(home), subject)


@pytest.fixture(scope="module")
def evidence(index: ActivationIndex) -> Evidence:
    return index.evidence(UnitId("planted", "after", 3))


def test_every_hard_negative_was_seen_to_be_silent(evidence: Evidence) -> None:
    report = evidence.open_report("test")
    assert 0 < len(report.hard_rows) <= 3 * KEPT_EACH
    assert (report.pool.activations[report.hard_rows].max(axis=1) == 0).all()


def test_one_changed_token_silences_a_window_that_fired(
    index: ActivationIndex, evidence: Evidence
) -> None:
    """The context goes before the token: the unit needs both, and keeps its token in most."""
    report = evidence.open_report("test")
    changed = [row for row in report.hard_rows if report.pool.kinds[row] == "hard:changed"]
    assert changed
    kept = 0
    for row in changed:
        source = int(np.flatnonzero(report.pool.windows == -1 - report.pool.windows[row])[0])
        differs = report.pool.token_ids[row] != report.pool.token_ids[source]
        assert differs.sum() == 1
        peak = int(report.pool.activations[source].argmax())
        assert 0 <= peak - int(differs.argmax()) <= 5
        kept += not differs[peak]
    assert kept > len(changed) / 2
    subject = index.subject
    ids = report.pool.token_ids[changed]
    values = subject.activations(subject.batch(ids), ["after"])["after"][..., 3].numpy()
    assert (values == report.pool.activations[changed]).all()


def test_they_change_no_other_sample(evidence: Evidence) -> None:
    report = evidence.open_report("test")
    drawn = np.concatenate([report.top_rows, report.active_rows, report.random_rows])
    assert not np.isin(report.hard_rows, drawn).any()
    assert report.others.shape[0] == len(report.pool)


def test_explain_and_select_hold_none(evidence: Evidence) -> None:
    assert not len(evidence.explain.hard_rows)
    assert not len(evidence.select.hard_rows)


def test_a_dead_unit_has_none(index: ActivationIndex) -> None:
    report = index.evidence(UnitId("planted", "dead", 0)).open_report("test")
    assert not len(report.hard_rows)


def test_they_are_the_same_whatever_was_asked_before(
    index: ActivationIndex, evidence: Evidence
) -> None:
    index.evidence(UnitId("planted", "exact", 1))
    again = index.evidence(UnitId("planted", "after", 3)).open_report("test")
    first = evidence.open_report("test")
    assert (again.hard_rows == first.hard_rows).all()
    assert (again.pool.windows == first.pool.windows).all()
