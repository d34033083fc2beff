"""How far a model's output moves, against the same computed step by step."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from core.errors import UnsupportedOperation
from core.ids import UnitId
from subjects.effects import UnitEffects
from subjects.planted.subject import load_planted
from subjects.protocol import Edit, Subject
from subjects.registry import load_subject


@pytest.fixture(scope="module")
def subject() -> Subject:
    return load_subject("demo-tiny")


def test_divergence_is_jensen_and_shannons(subject: Subject) -> None:
    unit = UnitId(subject.spec.name, "mlp.0", 3)
    rng = np.random.default_rng(0)
    ids = rng.integers(3, 20, size=(4, 6))
    values = rng.normal(size=(4, 6))
    where = rng.random((4, 6)) < 0.7
    found = UnitEffects(subject, unit, 0.0).divergence(ids, values, where)
    edit = Edit(
        "mlp.0", "set", [3], torch.tensor(values[..., None], dtype=torch.float32), positions=where
    )
    batch = subject.batch(ids)
    p = subject.logits(batch).double().softmax(-1)
    q = subject.logits(batch, [edit]).double().softmax(-1)
    m = (p + q) / 2
    expected = ((p * (p / m).log() + q * (q / m).log()).sum(-1) / 2).mean(1)
    assert found == pytest.approx(expected.numpy(), rel=1e-3, abs=1e-7)
    assert (found > 0).any()


def test_setting_a_unit_to_what_it_is_moves_nothing(subject: Subject) -> None:
    ids = np.arange(3, 15).reshape(2, 6)
    own = subject.activations(subject.batch(ids), ["mlp.0"])["mlp.0"][..., 3].double().numpy()
    effects = UnitEffects(subject, UnitId(subject.spec.name, "mlp.0", 3), 0.0)
    assert effects.divergence(ids, own, np.ones(ids.shape, dtype=bool)) == pytest.approx(
        [0.0, 0.0], abs=1e-6
    )


def test_a_push_changes_log_probabilities_as_the_edit_does(subject: Subject) -> None:
    ids = np.arange(3, 15).reshape(2, 6)
    found = UnitEffects(subject, UnitId(subject.spec.name, "mlp.0", 3), 0.0).pushed(ids, 2.5)
    batch = subject.batch(ids)
    edited = subject.logits(batch, [Edit("mlp.0", "add", [3], 2.5)]).log_softmax(-1)
    expected = (edited - subject.logits(batch).log_softmax(-1)).mean(1)
    assert found == pytest.approx(expected.double().numpy(), abs=1e-5)


def test_large_outputs_are_computed_in_parts(
    subject: Subject, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = np.arange(3, 15).reshape(2, 6)
    unit = UnitId(subject.spec.name, "mlp.0", 3)
    whole = UnitEffects(subject, unit, 0.0).pushed(ids, 1.0)
    monkeypatch.setattr("subjects.effects._LOGITS_AT_ONCE", 1)
    assert UnitEffects(subject, unit, 0.0).pushed(ids, 1.0) == pytest.approx(whole, abs=1e-4)


def test_a_subject_without_output_says_so() -> None:
    effects = UnitEffects(load_planted(), UnitId("planted", "exact", 0), 0.0)
    with pytest.raises(UnsupportedOperation):
        effects.pushed(np.ones((1, 4), dtype=np.int64), 1.0)
