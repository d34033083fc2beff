"""What sums of a larger subject's units say of one unit: one unit, split, or undecided."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from after_examples import SITE, LinearSubject, plain_values
from numpy.typing import NDArray

from core.ids import UnitId
from discovery.probing.after.records import Splitting
from discovery.probing.after.splitting import splitting
from discovery.probing.after.windows import LabelledWindows
from subjects.protocol import SiteInfo

TARGET = 5


def text() -> LabelledWindows:
    ids: NDArray[np.int64] = np.random.default_rng(1).integers(0, 40, (80, 20))
    return LabelledWindows(
        ids, np.full(80, 20), np.zeros(ids.shape, dtype=np.int8), np.arange(80), "groups"
    )


def read(target: torch.Tensor, *units: torch.Tensor) -> Splitting:
    """The target against a larger subject that has ``units`` among others."""
    small, large = plain_values(), plain_values()
    small[:, TARGET] = target
    for column, values in enumerate(units):
        large[:, 10 + column] = values
    return splitting(
        LinearSubject(small, None, "small"),
        UnitId("small", SITE, TARGET),
        LinearSubject(large, None, "large"),
        [SITE],
        text(),
        most=4,
    )


def on(*tokens: int) -> torch.Tensor:
    values = torch.zeros(40)
    values[list(tokens)] = 1.0
    return values


def test_parts_that_answer_to_different_tokens_are_a_split() -> None:
    first, second = on(11, 12, 13), on(21, 22, 23)
    found = read(first + second, first, second)
    assert found.reading == "split"
    assert {part.unit for part in found.parts} == {"large/mlp.0/10", "large/mlp.0/11"}
    shares = [part.share.value for part in found.parts]
    assert sum(share for share in shares if share is not None) == pytest.approx(1)
    assert found.gain is not None
    assert found.gain.low is not None
    assert found.gain.low > 0.05
    assert [step.train_r2 for step in found.steps] == sorted(s.train_r2 for s in found.steps)
    assert "split: the largest sum" in found.rule


def test_a_unit_that_is_there_again_is_one_unit() -> None:
    same = on(11, 12, 13, 21)
    found = read(same, same)
    assert found.reading == "one unit"
    assert found.parts == ()


def test_two_noisy_copies_are_no_split_though_they_do_better_than_one() -> None:
    draw = torch.Generator().manual_seed(2)
    target = torch.randn(40, generator=draw)
    copies = [target + 0.6 * torch.randn(40, generator=draw) for _ in range(2)]
    found = read(target, *copies)
    assert found.gain is not None
    assert found.gain.low is not None
    assert found.gain.low > 0.05
    assert found.reading == "undecided"


def test_a_unit_that_the_larger_subject_does_not_have_is_undecided() -> None:
    draw = torch.Generator().manual_seed(3)
    assert read(torch.randn(40, generator=draw)).reading == "undecided"


class TwoSites(LinearSubject):
    """The same units at ``mlp.0``; at ``mlp.1`` those of ``other``."""

    def __init__(self, values: torch.Tensor, other: torch.Tensor) -> None:
        super().__init__(values, None, "large")
        self.tables = {SITE: values, "mlp.1": other}

    def sites(self) -> dict[str, SiteInfo]:
        return {s: SiteInfo(s, v.shape[1], 0, non_negative=True) for s, v in self.tables.items()}

    def activations(self, batch, sites):  # type: ignore[no-untyped-def]
        return {site: self.tables[site][torch.from_numpy(batch.ids)] for site in sites}


def test_the_site_is_chosen_and_units_of_it_alone_are_summed() -> None:
    small, other = plain_values(), plain_values()
    small[:, TARGET] = other[:, 7] = on(11, 12, 13)
    large = TwoSites(plain_values(), other)
    found = splitting(
        LinearSubject(small, None, "small"),
        UnitId("small", SITE, TARGET),
        large,
        [SITE, "mlp.1"],
        text(),
    )
    assert found.site == "mlp.1"
    assert found.steps[0].units == ("large/mlp.1/7",)
    assert all("/mlp.1/" in unit for unit in found.steps[-1].units)
