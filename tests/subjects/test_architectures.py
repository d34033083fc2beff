"""Every architecture: what is read and what an edit does equal the block written out by hand."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from tiny_models import CASES, Case
from torch import Tensor

from core.errors import UnknownSite
from subjects.huggingface import HuggingFaceSubject, wrap_model
from subjects.protocol import Batch, Edit, Subject

Pair = tuple[Case, HuggingFaceSubject]
Change = Callable[[str, Tensor], Tensor]


@pytest.fixture(scope="module", params=CASES, ids=lambda case: case.name)
def built(request: pytest.FixtureRequest, causal_tokenizer: Any, masked_tokenizer: Any) -> Pair:
    case: Case = request.param
    tokenizer = masked_tokenizer if case.masked else causal_tokenizer
    return case, wrap_model(case.build(), tokenizer, name=case.name)


def windows(subject: HuggingFaceSubject) -> Batch:
    ids = np.random.default_rng(0).integers(4, 300, size=(3, 7))
    return subject.batch(ids)


def block_of(case: Case, subject: HuggingFaceSubject, layer: int) -> Any:
    return subject.model.base_model.get_submodule(f"{case.blocks}.{layer}")


def by_hand(
    case: Case, subject: HuggingFaceSubject, batch: Batch, layer: int, change: Change
) -> Tensor:
    """What block ``layer`` gives out, from its weights; ``change`` sees every site's value."""
    block = block_of(case, subject, layer)
    seen: dict[str, Tensor] = {}

    def entering_block(_module: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        seen["x"] = (args[0] if args else kwargs["hidden_states"]).clone()

    def entering_projection(_module: Any, args: tuple[Any, ...]) -> None:
        seen["z"] = args[0].clone()

    handles = [
        block.register_forward_pre_hook(entering_block, with_kwargs=True),
        block.get_submodule(case.project).register_forward_pre_hook(entering_projection),
    ]
    with torch.no_grad():
        subject.model(input_ids=torch.as_tensor(batch.ids))
        for handle in handles:
            handle.remove()
        change("resid", seen["x"])
        return case.block(block, seen["x"], seen["z"].reshape(*seen["x"].shape[:2], -1), change)


def logits_by_hand(case: Case, subject: HuggingFaceSubject, batch: Batch, change: Change) -> Tensor:
    """Logits at text positions when block 0 is replaced by its hand-written twin."""
    replacement = by_hand(case, subject, batch, 0, change)
    block = block_of(case, subject, 0)
    original = block.forward

    def forward(*args: Any, **kwargs: Any) -> Any:
        result = original(*args, **kwargs)
        return (replacement, *result[1:]) if isinstance(result, tuple) else replacement

    block.forward = forward
    try:
        with torch.no_grad():
            logits = subject.model(input_ids=torch.as_tensor(batch.ids)).logits
    finally:
        del block.forward
    return text(logits, batch)


def text(values: Tensor, batch: Batch) -> Tensor:
    return values[:, batch.start : batch.start + batch.length]


def close(left: Tensor, right: Tensor) -> None:
    torch.testing.assert_close(left, right, rtol=1e-4, atol=1e-4)


def test_every_site_reads_what_the_weights_give(built: Pair) -> None:
    case, subject = built
    batch = windows(subject)
    values = subject.activations(batch, list(subject.sites()))
    for layer in (0, 1):
        expected: dict[str, Tensor] = {}

        def record(site: str, value: Tensor, to: dict[str, Tensor] = expected) -> Tensor:
            to[site] = value
            return value

        result = by_hand(case, subject, batch, layer, record)
        assert set(expected) == {
            site.split(".")[0] for site, info in subject.sites().items() if info.layer == layer
        }
        for kind, value in expected.items():
            close(values[f"{kind}.{layer}"], text(value, batch))
        close(values[f"resid.{layer + 1}"], text(result, batch))


def test_sites_have_the_shapes_of_the_model(built: Pair) -> None:
    case, subject = built
    sites = subject.sites()
    assert isinstance(subject, Subject)
    assert sites["mlp.1"].width == case.inner
    assert sites["mlp.0"].non_negative is case.non_negative
    assert sites["resid.2"].width == 16
    assert not any(site.split(".")[0] in case.absent for site in sites)
    batch = windows(subject)
    for site, value in subject.activations(batch, list(sites)).items():
        assert value.shape == (3, 7, sites[site].width)
        assert value.dtype == torch.float32


@pytest.mark.parametrize("kind", ["attn", "attnout", "residmid", "mlp", "mlpout"])
def test_an_edit_of_some_units_at_some_positions(built: Pair, kind: str) -> None:
    case, subject = built
    batch = windows(subject)
    if kind in case.absent:  # parallel blocks have no stream between attention and MLP
        with pytest.raises(UnknownSite):
            subject.logits(batch, [Edit(f"{kind}.0", "zero")])
        return
    units, positions, amount = [2, 5], [1, 4], torch.tensor([1.5, -2.0])

    def change(site: str, value: Tensor) -> Tensor:
        if site == kind:
            value = value.clone()
            for position in positions:
                value[:, batch.start + position, units] += amount
        return value

    edit = Edit(f"{kind}.0", "add", units=units, value=amount, positions=positions)
    edited = subject.logits(batch, [edit])
    close(edited, logits_by_hand(case, subject, batch, change))
    assert (edited - subject.logits(batch)).abs().max() > 1e-2


EDITS: dict[str, tuple[Edit, Callable[[Tensor], Tensor]]] = {
    "zero": (Edit("mlp.0", "zero"), torch.zeros_like),
    "mean": (Edit("mlp.0", "mean", value=0.7), lambda v: torch.full_like(v, 0.7)),
    "set": (Edit("mlp.0", "set", value=-1.2), lambda v: torch.full_like(v, -1.2)),
    "add": (Edit("mlp.0", "add", value=0.4), lambda v: v + 0.4),
    "scale": (Edit("mlp.0", "scale", value=3.0), lambda v: v * 3),
    "mask": (
        Edit("mlp.0", "mask", value=0.25, baseline=torch.tensor(2.0)),
        lambda v: 0.75 * v + 0.5,
    ),
}


@pytest.mark.parametrize("kind", EDITS)
def test_each_kind_of_edit_at_every_text_position(built: Pair, kind: str) -> None:
    case, subject = built
    batch = windows(subject)
    edit, expected = EDITS[kind]
    where = slice(batch.start, batch.start + batch.length)

    def change(site: str, value: Tensor) -> Tensor:
        if site == "mlp":
            value = value.clone()
            value[:, where] = expected(value[:, where])
        return value

    close(subject.logits(batch, [edit]), logits_by_hand(case, subject, batch, change))


def test_zeroing_units_equals_zeroing_their_weights(built: Pair) -> None:
    """Another path to the same logits: no output weights, no effect. The batch is all text."""
    case, subject = built
    batch = windows(subject)
    everything = Batch(batch.ids, 0, batch.ids.shape[1])
    units = [0, 3, 11]
    edited = subject.logits(everything, [Edit("mlp.1", "zero", units=units)])
    down = block_of(case, subject, 1).get_submodule(case.down)
    kept = down.weight.detach().clone()
    with torch.no_grad():
        if type(down).__name__ == "Conv1D":
            down.weight[units] = 0
        else:
            down.weight[:, units] = 0
        expected = subject.logits(everything)
        down.weight.copy_(kept)
    close(edited, expected)


def test_a_residual_edit_replaces_what_enters_the_block(built: Pair) -> None:
    """Setting resid.1 for one text to what it is for another gives the other's logits."""
    _, subject = built
    ids = windows(subject).ids
    batch = Batch(ids, 0, ids.shape[1])
    other = Batch(ids[::-1].copy(), 0, ids.shape[1])
    stream = subject.activations(other, ["resid.1"])["resid.1"]
    edited = subject.logits(batch, [Edit("resid.1", "set", value=stream)])
    close(edited, subject.logits(other))


def test_output_weights_are_what_a_unit_adds(built: Pair) -> None:
    """Raising a unit moves mlpout along its output weights (exactly, where no norm follows)."""
    case, subject = built
    weights = subject.output_weights("mlp.0")
    assert weights is not None
    assert weights.shape == (case.inner, 16)
    batch = windows(subject)
    if case.name in ("gemma2", "gemma3", "olmo2"):
        return
    values = subject.activations(batch, ["mlp.0", "mlpout.0"])
    down = block_of(case, subject, 0).get_submodule(case.down)
    bias = 0 if down.bias is None else down.bias
    close(values["mlpout.0"], values["mlp.0"] @ weights + bias)
    attention = subject.output_weights("attn.1")
    assert attention is not None
    assert attention.shape == (subject.sites()["attn.1"].width, 16)


def test_input_weights_have_one_row_a_unit(built: Pair) -> None:
    case, subject = built
    weights = subject.input_weights("mlp.1")
    assert weights is not None
    assert weights.shape == (case.inner, 16)
    assert subject.input_weights("resid.0") is None


def test_stopping_early_reads_the_same_as_a_full_run(built: Pair) -> None:
    _, subject = built
    batch = windows(subject)
    together = subject.activations(batch, list(subject.sites()))
    for site in ("resid.0", "mlp.0", "attnout.1", "resid.2"):
        assert torch.equal(subject.activations(batch, [site])[site], together[site])


def test_generation_follows_the_logits(built: Pair) -> None:
    case, subject = built
    if case.masked:
        return
    ids = subject.tokenize("the cat")
    following = []
    for _ in range(3):
        token = int(subject.logits(subject.batch(np.array([ids + following])))[0, -1].argmax())
        if token == 2:
            break
        following.append(token)
    backend = subject._tokens
    assert subject.generate("the cat", max_new_tokens=3) == backend.decode(following)


def test_promoted_tokens_are_those_a_huge_activation_brings(built: Pair) -> None:
    """The last block's unit so large that nothing else counts: the final norm takes its direction,
    so the difference between a huge positive and a huge negative value ranks the tokens."""
    case, subject = built
    if case.masked or case.name == "opt-350m":
        assert subject.promoted("mlp.1", 3, 5) is None
        return
    # A norm on the MLP's output would bound the unit; there the stream itself is pushed.
    site = "resid.2" if case.name in ("gemma2", "gemma3", "olmo2") else "mlp.1"
    batch = windows(subject)
    up, down = (
        subject.logits(batch, [Edit(site, "set", units=[3], value=sign * 1e6)])[0, 0]
        for sign in (1, -1)
    )
    ranked = subject.vocabulary.decode((up - down).argsort(descending=True).tolist())
    strings = tuple(token for token in ranked if not token.startswith("<unused "))
    ports = subject.promoted(site, 3, 5)
    assert ports is not None
    assert tuple(token for token, _ in ports[0]) == strings[:5]
    assert tuple(token for token, _ in ports[1]) == strings[::-1][:5]
    assert ports[0][0][1] > 0 > ports[1][0][1]
    weights = subject.logit_weights(site, [0, 3])
    assert weights is not None
    given = [not string.startswith("<unused ") for string in subject.vocabulary.strings]
    known = weights[1, torch.tensor(given)]
    assert known.max().item() == pytest.approx(ports[0][0][1], rel=1e-4)
    assert known.mean().item() == pytest.approx(0, abs=1e-5)
