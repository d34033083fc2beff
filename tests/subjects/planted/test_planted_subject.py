from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from core.errors import SubjectLoadError, UnitOutOfRange, UnknownSite, UnsupportedOperation
from core.ids import UnitId
from core.patterns import TokenGrid, evaluate, parse
from subjects.planted import PlantedSubject, load_planted
from subjects.protocol import Subject

Windows = NDArray[np.int64]


def test_it_is_an_ordinary_subject(planted: PlantedSubject) -> None:
    assert isinstance(planted, Subject)
    assert planted.spec.name == planted.spec.family == "planted"
    assert all(site.width > 0 for site in planted.sites().values())


def test_every_site_can_stand_in_a_unit_id(planted: PlantedSubject) -> None:
    for site, info in planted.sites().items():
        assert site == info.name
        assert UnitId.parse(f"planted/{site}/{info.width - 1}").site == site


def test_noise_and_dead_sites_have_the_promised_width(planted: PlantedSubject) -> None:
    sites = planted.sites()
    assert (sites["noise"].width, sites["noisedense"].width, sites["dead"].width) == (1000, 200, 20)


def test_a_batch_puts_the_beginning_of_text_outside(
    planted: PlantedSubject, windows: Windows
) -> None:
    batch = planted.batch(windows[:3])
    assert (batch.start, batch.length) == (1, 64)
    assert np.array_equal(batch.ids[:, 1:], windows[:3])
    assert set(batch.ids[:, 0]) <= planted.vocabulary.special


def test_activations_have_the_shape_and_sign_of_their_site(
    planted: PlantedSubject, windows: Windows
) -> None:
    sites = planted.sites()
    values = planted.activations(planted.batch(windows[:32]), list(sites))
    for name, info in sites.items():
        assert values[name].shape == (32, 64, info.width)
        assert values[name].dtype == torch.float32
        assert bool((values[name] >= 0).all()) or not info.non_negative
        assert bool(torch.isfinite(values[name]).all())


def test_only_the_sites_asked_for_are_computed(planted: PlantedSubject, windows: Windows) -> None:
    assert list(planted.activations(planted.batch(windows[:2]), ["after"])) == ["after"]


def test_a_window_has_the_same_values_in_every_batch(
    planted: PlantedSubject, windows: Windows
) -> None:
    names = list(planted.sites())
    together = planted.activations(planted.batch(windows[:40]), names)
    turned = planted.activations(planted.batch(windows[:40][::-1]), names)
    alone = planted.activations(planted.batch(windows[7:8]), names)
    for name in names:
        assert torch.equal(together[name], turned[name].flip(0))
        assert torch.equal(together[name][7:8], alone[name])


def test_another_load_gives_the_same_values(
    planted: PlantedSubject, tokenizer_file: Path, windows: Windows
) -> None:
    other = load_planted(tokenizer_file.parent)
    assert other.spec == planted.spec
    batch = planted.batch(windows[:8])
    names = list(planted.sites())
    first, second = planted.activations(batch, names), other.activations(batch, names)
    assert all(torch.equal(first[n], second[n]) for n in names)


def test_a_seed_moves_strengths_and_noise_and_the_spec(
    planted: PlantedSubject, tokenizer_file: Path, windows: Windows
) -> None:
    other = load_planted(tokenizer_file, seed=1)
    batch = planted.batch(windows[:8])
    assert other.spec.hash != planted.spec.hash
    unit = UnitId("planted", "word", 0)
    assert other.truth(unit).pattern == planted.truth(unit).pattern
    assert other.truth(unit).strength != planted.truth(unit).strength
    mine, theirs = (s.activations(batch, ["noise"])["noise"] for s in (planted, other))
    assert not torch.equal(mine, theirs)


def test_an_empty_batch_is_no_special_case(planted: PlantedSubject) -> None:
    empty = planted.batch(np.zeros((0, 64), dtype=np.int64))
    values = planted.activations(empty, list(planted.sites()))
    assert all(v.shape[:2] == (0, 64) for v in values.values())


def test_every_truth_is_json_and_its_sentence_parses(planted: PlantedSubject) -> None:
    for site, info in planted.sites().items():
        for index in range(min(info.width, 40)):
            truth = planted.truth(UnitId("planted", site, index))
            shown = truth.to_json()
            assert json.loads(json.dumps(shown)) == shown
            assert {"family", "description", "expressible"} <= shown.keys()
            assert truth.family == site
            assert truth.expressible == (truth.pattern is not None)
            assert 0.5 <= truth.strength <= 20
            if truth.pattern is not None:
                parse(truth.pattern)


def test_units_of_a_family_differ(planted: PlantedSubject) -> None:
    for site, info in planted.sites().items():
        if site not in ("dead", "noise", "noisedense"):
            units = [planted.truth(UnitId("planted", site, i)) for i in range(info.width)]
            assert len({truth.description for truth in units}) == info.width, site


def test_wrong_units_are_named(planted: PlantedSubject, windows: Windows) -> None:
    with pytest.raises(UnknownSite, match="'nowhere'"):
        planted.truth(UnitId("planted", "nowhere", 0))
    with pytest.raises(UnitOutOfRange, match="planted/dead/20"):
        planted.truth(UnitId("planted", "dead", 20))
    with pytest.raises(UnknownSite, match="'nowhere'"):
        planted.activations(planted.batch(windows[:1]), ["nowhere"])


def test_what_needs_an_output_says_so(planted: PlantedSubject, windows: Windows) -> None:
    batch = planted.batch(windows[:1])
    with pytest.raises(UnsupportedOperation, match="no logits"):
        planted.logits(batch)
    with pytest.raises(UnsupportedOperation, match="no generated text"):
        planted.generate("def", max_new_tokens=1)
    assert planted.unembed() is None
    assert planted.output_weights("word") is None
    assert planted.input_weights("word") is None
    assert planted.promoted("word", 0, 5) is None
    assert planted.logit_weights("word", [0]) is None


def test_padding_is_refused(planted: PlantedSubject, windows: Windows) -> None:
    batch = planted.batch(windows[:1])
    mask = np.ones(batch.ids.shape, dtype=np.bool_)
    mask[0, -1] = False
    with pytest.raises(UnsupportedOperation, match="padded"):
        planted.activations(replace(batch, mask=mask), ["word"])


def test_a_missing_or_foreign_tokenizer_is_named(tmp_path: Path) -> None:
    with pytest.raises(SubjectLoadError, match=r"nothing\.json"):
        load_planted(tmp_path / "nothing.json")
    (tmp_path / "tokenizer.json").write_text("[]", encoding="utf-8")
    with pytest.raises(SubjectLoadError, match="not a tokenizer file"):
        load_planted(tmp_path)


def test_the_sentence_of_a_unit_predicts_its_oracle(
    planted: PlantedSubject, windows: Windows
) -> None:
    grid = TokenGrid.from_tokens([planted.vocabulary.decode(row) for row in windows[:100]])
    for site in ("within", "graded", "negative", "noisy"):
        clean = planted.oracle(planted.batch(windows[:100]), [site])[site].numpy()
        for index in range(0, planted.sites()[site].width, 5):
            truth = planted.truth(UnitId("planted", site, index))
            assert truth.pattern is not None
            sign = -1 if truth.polarity == "negative" else 1
            predicted = sign * truth.strength * evaluate(parse(truth.pattern), grid) / 10
            np.testing.assert_allclose(clean[:, :, index], predicted, rtol=1e-5)
