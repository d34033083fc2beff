from __future__ import annotations

import numpy as np
import pytest
import torch
from after_examples import (
    CONTEXT,
    DEAD,
    EVEN,
    SITE,
    LinearSubject,
    linear,
    plain_values,
    windows,
)

from core.errors import InvalidSetting, UnitOutOfRange
from discovery.probing.after.ablation import ablate, next_token_loss
from discovery.probing.after.windows import LabelledWindows
from subjects.registry import load_subject


def test_the_only_unit_that_matters_in_context_stands_out() -> None:
    found = ablate(linear(), SITE, [CONTEXT], windows(), draws=15)
    rise = found.rises[0]
    assert rise.edit == "zero"
    assert rise.ratio.value is not None
    assert rise.ratio.value > 10
    assert rise.ratio.low is not None
    assert rise.ratio.low > 3
    assert rise.margin.low is not None
    assert rise.margin.low > 0, "more than three times as much"
    assert rise.null is not None
    assert rise.null.p_rise == rise.null.p_margin == 1 / 16
    assert found.clusters_in == found.clusters_out == 30
    assert found.tokens_in == 30 * 19, "the last token of a window has none after it"


def test_a_unit_that_matters_everywhere_alike_has_a_ratio_of_one() -> None:
    zero = ablate(linear(), SITE, [EVEN], windows(60, 60), draws=10).rises[0]
    assert zero.ratio.low is not None
    assert zero.ratio.high is not None
    assert zero.ratio.low < 1 < zero.ratio.high
    assert 0.6 < (zero.ratio.value or 0) < 1.6
    assert zero.margin.high is not None
    assert zero.margin.high < 0


def test_figures_are_those_of_the_definition() -> None:
    subject, text = linear(), windows(8, 8)
    rise = ablate(subject, SITE, [CONTEXT], text, draws=10).rises[0]
    values = plain_values()
    values[:, CONTEXT] = 0
    without = LinearSubject(values, subject.outputs)
    plain, edited = (next_token_loss(one, text.ids) for one in (subject, without))
    assert rise.in_nats.value == pytest.approx((edited - plain)[:8].mean(), rel=1e-5)
    assert rise.out_nats.value == pytest.approx((edited - plain)[8:].mean(), rel=1e-5)
    relative = edited[:8].mean() / plain[:8].mean() - 1
    assert rise.in_relative.value == pytest.approx(relative, rel=1e-5)


def test_the_mean_edit_leaves_text_out_of_context_alone() -> None:
    """The unit has one value out of context, so its mean there changes nothing."""
    mean = ablate(linear(), SITE, [CONTEXT], windows(), draws=10).rises[1]
    assert mean.edit == "mean"
    assert mean.out_nats.value == pytest.approx(0, abs=1e-6)
    assert mean.in_nats.value is not None
    assert mean.in_nats.value > 0.05


def test_without_a_rise_outside_there_is_a_margin_and_no_ratio() -> None:
    values = plain_values()
    values[10:, CONTEXT] = 0
    found = ablate(LinearSubject(values, linear().outputs), SITE, [CONTEXT], windows(), draws=10)
    rise = found.rises[0]
    assert rise.ratio.value is None
    assert rise.ratio.reason == "loss out of the context does not rise: see the margin"
    assert (rise.margin.low or 0) > 0


def test_a_dead_unit_does_nothing_and_is_no_null() -> None:
    found = ablate(linear(), SITE, [DEAD], windows(6, 6), draws=10)
    assert found.rises[0].in_nats.value == 0
    assert found.rises[0].null is not None
    assert found.rises[0].null.p_rise > 0.2


def test_few_documents_have_no_interval() -> None:
    rise = ablate(linear(), SITE, [CONTEXT], windows(4, 10), draws=10).rises[0]
    assert rise.in_nats.value is not None
    assert rise.in_nats.low is None
    assert rise.in_nats.reason == "no interval: fewer than 5 documents"
    assert rise.out_nats.low is not None


def test_too_few_other_units_leave_the_null_out() -> None:
    subject = LinearSubject(plain_values()[:, :4], linear().outputs[:4])
    rise = ablate(subject, SITE, [0, 1], windows(6, 6), draws=10).rises[0]
    assert rise.null is None
    assert rise.null_reason == "site 'mlp.0' has fewer than 2 other live units to compare with"


def test_what_has_no_next_token_gets_a_reason() -> None:
    silent = LinearSubject(plain_values(), None)
    assert ablate(silent, SITE, [0], windows(6, 6)).reason == "no output here"
    masked = load_subject("demo-bert")
    found = ablate(masked, "mlp.0", [0], windows(6, 6))
    assert found.reason == "'demo-bert' is masked: it predicts no next token"
    last = windows(6, 6)
    only_last = last.context * (np.arange(20) == 19)
    ended = LabelledWindows(last.ids, last.lengths, only_last.astype(np.int8), last.clusters)
    reason = ablate(linear(), SITE, [0], ended).reason
    assert reason == "no token in the context has a token after it"


def test_units_that_cannot_be_meant_are_refused() -> None:
    with pytest.raises(UnitOutOfRange):
        ablate(linear(), SITE, [99], windows(6, 6))
    with pytest.raises(InvalidSetting, match="twice"):
        ablate(linear(), SITE, [1, 1], windows(6, 6))
    with pytest.raises(InvalidSetting, match="no unit"):
        ablate(linear(), SITE, [], windows(6, 6))


def test_loss_is_the_model_s_own_cross_entropy() -> None:
    subject = load_subject("demo-tiny")
    ids = np.array([subject.tokenize("the cat sat on the mat and the dog ran home")[:8]])
    logits = subject.logits(subject.batch(ids))[0, :-1]
    wanted = torch.nn.functional.cross_entropy(logits, torch.tensor(ids[0, 1:]), reduction="none")
    np.testing.assert_allclose(next_token_loss(subject, ids)[0], wanted.numpy(), rtol=1e-5)
