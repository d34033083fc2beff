"""Edits of a tensor, one rule a test, and what is refused before a model runs."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from core.errors import InvalidSetting, UnitOutOfRange, UnknownSite
from subjects.edits import apply_to_input, prepare
from subjects.protocol import Batch, Edit, SiteInfo

SITES = {"mlp.0": SiteInfo("mlp.0", 4, 0)}
BATCH = Batch(np.zeros((2, 5), dtype=np.int64), start=1, length=3)


def apply(edit: Edit) -> tuple[torch.Tensor, torch.Tensor]:
    """(old, new) values [2, 5, 4]; text stands at positions 1 to 3."""
    values = torch.arange(40.0).reshape(2, 5, 4)
    prepared = prepare(edit, SITES, BATCH, torch.device("cpu"), torch.float32)
    return values, apply_to_input(values, [prepared], BATCH)


def test_zero_changes_the_text_and_nothing_around_it() -> None:
    old, new = apply(Edit("mlp.0", "zero"))
    assert torch.equal(new[:, 1:4], torch.zeros(2, 3, 4))
    assert torch.equal(new[:, [0, 4]], old[:, [0, 4]])


def test_values_are_given_for_the_named_units_in_their_order() -> None:
    old, new = apply(Edit("mlp.0", "set", units=[3, 1], value=np.array([7, 8], dtype=np.float32)))
    assert (new[:, 1:4, 3] == 7).all()
    assert (new[:, 1:4, 1] == 8).all()
    assert torch.equal(new[..., [0, 2]], old[..., [0, 2]])


def test_a_value_for_every_token() -> None:
    value = torch.randn(2, 3, 2, generator=torch.Generator().manual_seed(0))
    _, new = apply(Edit("mlp.0", "set", units=[0, 2], value=value))
    assert torch.equal(new[:, 1:4, [0, 2]], value)


def test_positions_are_text_positions() -> None:
    old, new = apply(Edit("mlp.0", "add", value=100.0, positions=[0, 2]))
    assert torch.equal(new[:, [1, 3]], old[:, [1, 3]] + 100)
    assert torch.equal(new[:, [0, 2, 4]], old[:, [0, 2, 4]])


def test_positions_by_row() -> None:
    where = np.array([[True, False, False], [False, False, True]])
    old, new = apply(Edit("mlp.0", "scale", value=0.0, units=[1], positions=where))
    changed = (new != old).nonzero().tolist()
    assert changed == [[0, 1, 1], [1, 3, 1]]


def test_no_positions_means_no_change() -> None:
    old, new = apply(Edit("mlp.0", "zero", positions=[]))
    assert torch.equal(old, new)


def test_the_argument_is_left_alone() -> None:
    values = torch.ones(2, 5, 4)
    edit = prepare(
        Edit("mlp.0", "zero", units=[1]), SITES, BATCH, torch.device("cpu"), values.dtype
    )
    apply_to_input(values, [edit], BATCH)
    assert (values == 1).all()


@given(
    mask=st.lists(st.floats(0, 1, width=32), min_size=2, max_size=2),
    base=st.lists(st.floats(-3, 3, width=32), min_size=2, max_size=2),
)
def test_a_mask_slides_from_the_value_to_the_baseline(mask: list[float], base: list[float]) -> None:
    m, b = torch.tensor(mask), torch.tensor(base)
    old, new = apply(Edit("mlp.0", "mask", units=[0, 1], value=m, baseline=b))
    assert torch.equal(new[:, 1:4, :2], (1 - m) * old[:, 1:4, :2] + m * b)


@given(st.data())
def test_steps_add_up_to_the_whole(data: st.DataObject) -> None:
    """A recurrent model applies an edit step by step: the result is that of all steps at once."""
    kind = data.draw(st.sampled_from(["zero", "mean", "set", "add", "scale"]))
    units = data.draw(st.none() | st.lists(st.integers(0, 3), unique=True, min_size=1))
    positions = data.draw(st.none() | st.lists(st.integers(0, 2), unique=True))
    count = 4 if units is None else len(units)
    shape = data.draw(st.sampled_from([(), (count,), (2, 3, count)]))
    value = torch.full(shape, 1.5) + torch.arange(max(1, int(np.prod(shape)))).reshape(shape)
    edit = Edit("mlp.0", kind, units=units, value=value, positions=positions)
    prepared = prepare(edit, SITES, BATCH, torch.device("cpu"), torch.float32)
    text = torch.arange(24.0).reshape(2, 3, 4)
    steps = [prepared.apply(text[:, i : i + 1], i) for i in range(3)]
    assert torch.equal(torch.cat(steps, dim=1), prepared.apply(text))


BAD: list[tuple[dict[str, Any], type[Exception], str]] = [
    ({"site": "mlp.7", "kind": "zero"}, UnknownSite, "mlp.7"),
    ({"kind": "zero", "units": [4]}, UnitOutOfRange, "0 to 3"),
    ({"kind": "zero", "units": [-1]}, UnitOutOfRange, "unit -1"),
    ({"kind": "set"}, InvalidSetting, "needs a value"),
    ({"kind": "mask", "value": 0.5}, InvalidSetting, "needs a baseline"),
    ({"kind": "set", "value": np.zeros(3, np.float32)}, InvalidSetting, r"shape \[3\]"),
    ({"kind": "add", "value": np.zeros((3, 4), np.float32)}, InvalidSetting, r"shape \[3, 4\]"),
    ({"kind": "zero", "positions": [3]}, InvalidSetting, "0 to 2"),
    ({"kind": "zero", "positions": [-1]}, InvalidSetting, "text position -1"),
    ({"kind": "zero", "positions": np.zeros((2, 5), bool)}, InvalidSetting, r"\[2, 5\]"),
]


@pytest.mark.parametrize(("edit", "error", "words"), BAD)
def test_bad_edits_are_named(edit: dict[str, Any], error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        apply(Edit(**{"site": "mlp.0", **edit}))
