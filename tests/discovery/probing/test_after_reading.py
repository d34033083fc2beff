"""Logits by token class, tokens by context, the label's share and input weights."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
import torch
from after_examples import CONTEXT, EVEN, SITE, LinearSubject, linear, plain_values, windows

from discovery.probing.after.logits import CHARACTERS, logit_effects, token_classes
from discovery.probing.after.share import label_share
from discovery.probing.after.tokens import token_contexts
from discovery.probing.after.weights import input_weights
from discovery.probing.after.windows import LabelledWindows
from subjects.protocol import Batch, Vocabulary
from subjects.registry import load_subject


def test_classes_are_of_text_tokens() -> None:
    vocabulary = Vocabulary((" Cat", "dog", "USA", "12", "!", "\n", "<x>"), frozenset({6}))
    found = {
        name: np.flatnonzero(flags).tolist()
        for name, flags in token_classes(vocabulary, CHARACTERS).items()
    }
    assert found == {
        "upper": [2],
        "lower": [1],
        "title": [0],
        "digits": [3],
        "punctuation": [4],
        "space": [5],
        "starts_word": [0],
    }


def test_a_unit_that_pushes_a_class_is_told_by_its_difference() -> None:
    below_20 = np.arange(40) < 20
    classes = {"below 20": below_20, "even": np.arange(40) % 2 == 0, "one": np.arange(40) == 0}
    found = logit_effects(linear(), SITE, [CONTEXT, EVEN], classes, draws=20)
    context, even = found.units
    assert [effect.name for effect in context.classes] == ["below 20", "even"], "one is too small"
    assert context.classes[0].difference == pytest.approx(2.0), "half of all tokens, 1 against 0"
    assert context.classes[0].auroc == 1.0
    assert context.classes[0].p == pytest.approx(1 / 21)
    assert context.classes[1].difference == pytest.approx(0, abs=1e-6)
    assert context.classes[1].auroc == 0.5
    assert even.classes[0].name == "even"


def test_logits_without_a_direct_path_have_a_reason() -> None:
    silent = LinearSubject(plain_values(), None)
    found = logit_effects(silent, SITE, [0], {"low": np.arange(40) < 20})
    assert found.reason == "site 'mlp.0' of 'linear' has no direct path to logits"
    nothing = logit_effects(linear(), SITE, [0], {})
    assert nothing.reason == "no class has 5 tokens and as many outside"


def in_turn() -> LabelledWindows:
    """40 documents of tokens 0 to 4, the first 20 of them in the context."""
    ids = np.tile(np.arange(5), (40, 4))
    context = np.where(np.arange(40)[:, None] < 20, 1, -1) * np.ones_like(ids)
    return LabelledWindows(ids, np.full(40, 20), context.astype(np.int8), np.arange(40))


class PlaceSubject(LinearSubject):
    """Where a window begins with token 9, unit 0 is 2 on token 3 and 0.2 elsewhere."""

    def activations(self, batch: Batch, sites: Sequence[str]) -> dict[str, torch.Tensor]:
        ids = torch.from_numpy(batch.ids)
        values = self.values[ids]
        values[..., CONTEXT] = torch.where((ids == 3) & (ids[:, :1] == 9), 2.0, 0.2)
        return dict.fromkeys(sites, values)


def test_the_token_that_differs_by_context_comes_first() -> None:
    """Windows in the context begin with token 9; there token 3 has 2, elsewhere 0.2."""
    text = in_turn()
    ids = text.ids.copy()
    ids[:20, 0] = 9
    marked = LabelledWindows(ids, text.lengths, text.context, text.clusters)
    values = plain_values()
    values[:10, CONTEXT] = 0.2
    subject = PlaceSubject(values, None)
    found = token_contexts(subject, SITE, [CONTEXT], marked, draws=15).units[0]
    assert found.compared == 5, "token 9 occurs in the context alone"
    first = found.tokens[0]
    assert (first.token, first.tokens_in, first.tokens_out) == (" w3", 80, 80)
    assert first.difference.value == pytest.approx(1.8)
    assert first.difference.low == pytest.approx(1.8)
    assert first.mean_in.value == pytest.approx(2.0)
    assert found.tokens[1].difference.value == pytest.approx(0, abs=1e-6)
    assert found.p == pytest.approx(1 / 16)


def test_tokens_that_never_occur_in_both_contexts_cannot_be_compared() -> None:
    found = token_contexts(linear(), SITE, [CONTEXT], windows())
    assert found.reason == "no token occurs 10 times in the context and out of it"


def test_the_share_of_a_rare_label_is_counted_on_all_text() -> None:
    """The unit is 4 in the context and 0.2 out of it, where 19 of 20 tokens are."""
    text = windows(5, 95)
    found = label_share(linear(), SITE, [CONTEXT, EVEN], text, draws=15)
    context, even = found.units
    assert found.label_share.value == 0.05
    assert context.sum_in == pytest.approx(5 * 20 * 4.0)
    assert context.sum_out == pytest.approx(95 * 20 * 0.2, rel=1e-5)
    assert context.share.value == pytest.approx(400 / 780, rel=1e-5)
    assert context.p == pytest.approx(1 / 16)
    assert (even.share.value or 1) < 0.08, "it says as much about other text"
    assert [one.tokens_out for one in context.firings] == [1900, 0, 0]
    assert context.firings[1].share.value == 1.0


def test_a_share_of_sampled_labels_is_refused() -> None:
    text = windows()
    sampled = text.context * (np.arange(20) % 4 == 0)
    found = label_share(
        linear(), SITE, [0], LabelledWindows(text.ids, text.lengths, sampled, text.clusters)
    )
    assert found.reason == "900 of 1200 tokens have no label"
    assert found.units == ()


def test_input_weights_times_bias_by_layer() -> None:
    found = input_weights(linear(), {SITE: [3]})
    assert found.layers[0].quantiles["1"] == -2.0, "the first unit's norm is 2"
    assert found.layers[0].negative == 1.0
    unit = found.found[0]
    assert (unit.norm, unit.bias, unit.product) == (8.0, -1.0, -8.0)
    assert unit.percentile == 20 / 24


def test_every_layer_of_a_model_is_there() -> None:
    demo = load_subject("demo-tiny")
    found = input_weights(demo, {"mlp.1": [7], "resid.0": [1]})
    assert [layer.site for layer in found.layers] == ["mlp.0", "mlp.1"]
    assert [unit.site for unit in found.found] == ["mlp.1"]
    lstm = input_weights(load_subject("demo-lstm"), {})
    assert lstm.reason == "no site of 'demo-lstm' reads along one direction"
