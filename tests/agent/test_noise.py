"""The whole pipeline on units that are noise: at most one in a hundred may be called explained."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Sequence

import numpy as np
import pytest
from evidence_pool import SitePool, Text, unseen
from numpy.typing import NDArray

from agent.experiments import Laboratory, Unseen
from agent.explainers.pattern import PatternExplainer
from agent.investigate import investigate
from agent.setup import Setup
from core.hashing import text_hash
from core.ids import UnitId
from core.results import Provenance
from subjects.planted import PlantedSubject
from subjects.planted.noise import RECTIFIED, SIGNED, noise, window_keys

KINDS = {"noise": RECTIFIED, "noisedense": SIGNED}
FOUND = ("explained", "polysemantic")
CHUNK = 100

log = logging.getLogger(__name__)


def noise_of(
    planted: PlantedSubject, site: str, ids: NDArray[np.int64], units: NDArray[np.int64]
) -> NDArray[np.float32]:
    """What the planted subject gives for some units of a noise site, [n, length, units].

    The subject computes whole sites; an experiment on one unit need not wait for the others.
    """
    keys = window_keys(ids, 0) ^ np.uint64(text_hash("planted/site/1", site))
    strengths = [planted.truth(UnitId("planted", site, int(u))).strength for u in units]
    drawn = noise(keys, ids.shape[1], units, KINDS[site])
    return drawn * np.array(strengths).astype(np.float32)


@pytest.fixture(scope="module")
def text(corpus: Text) -> Text:
    """Twelve hundred windows, few of them shared: chance has it easier than in a real index."""
    rows = np.sort(np.random.default_rng(0).permutation(len(corpus.ids))[:1200])
    tokens = [corpus.tokens[i] for i in rows]
    return Text(corpus.ids[rows], tokens, [corpus.documents[i] for i in rows], (160, 128, 256))


@pytest.fixture(scope="module")
def further(text: Text, corpus: Text) -> Unseen:
    """The windows of ``explain`` that are left: for experiments."""
    return unseen(text, corpus)


def verdicts(
    planted: PlantedSubject,
    text: Text,
    further: Unseen,
    site: str,
    units: Sequence[int],
    provenance: Provenance,
) -> Counter[str]:
    """How often each verdict was given; logs what was explained and should not have been."""
    found: Counter[str] = Counter()
    for start in range(0, len(units), CHUNK):
        chosen = np.array(units[start : start + CHUNK], dtype=np.int64)
        values = noise_of(planted, site, text.ids, chosen)
        pool = SitePool(site, text, values, signed=site == "noisedense")
        for column, unit in enumerate(chosen.tolist()):

            def probe(
                token_ids: NDArray[np.int64], unit: int = unit, site: str = site
            ) -> NDArray[np.float32]:
                return noise_of(planted, site, token_ids, np.array([unit]))[..., 0]

            evidence = pool.evidence(column, others=len(chosen) - 1)
            laboratory = Laboratory(probe, planted.vocabulary.decode, planted.tokenize, further)
            setup = Setup(PatternExplainer(), provenance, laboratory=laboratory)
            result = investigate(UnitId("planted", site, unit), evidence, setup)
            found[result.verdict] += 1
            if result.verdict in FOUND:
                texts = [e.text for e in result.explanations]
                figures = [(s.mode, s.value, s.low, s.null_p95) for s in result.scores]
                log.info("%s/%d %s %s %s", site, unit, result.verdict, texts, figures)
        log.info("%s: %d done, %s", site, start + len(chosen), dict(found))
    return found


def test_noise_can_be_drawn_for_one_unit_alone(planted: PlantedSubject, text: Text) -> None:
    ids = text.ids[:3]
    for site in KINDS:
        whole = planted.activations(planted.batch(ids), [site])[site].numpy()
        assert np.array_equal(noise_of(planted, site, ids, np.array([3, 7])), whole[..., [3, 7]])


def test_no_noise_is_explained(
    planted: PlantedSubject, text: Text, further: Unseen, provenance: Provenance
) -> None:
    """A sample of the units below, of which not one is explained."""
    found = verdicts(planted, text, further, "noise", range(0, 1000, 202), provenance)
    found += verdicts(planted, text, further, "noisedense", range(0, 200, 134), provenance)
    assert sum(found.values()) == 7
    assert sum(found[v] for v in FOUND) == 0
    assert set(found) <= {*FOUND, "abstained", "low_evidence"}


@pytest.mark.slow
@pytest.mark.timeout(4 * 3600)
@pytest.mark.parametrize(("site", "units"), [("noise", 1000), ("noisedense", 200)])
def test_at_most_one_in_a_hundred_noise_units_is_explained(
    planted: PlantedSubject,
    text: Text,
    further: Unseen,
    provenance: Provenance,
    site: str,
    units: int,
) -> None:
    found = verdicts(planted, text, further, site, range(units), provenance)
    assert sum(found[v] for v in FOUND) <= units / 100
