from __future__ import annotations

import asyncio
from dataclasses import replace

import numpy as np
import pytest
from evidence_pool import SitePool, Text
from made_up import Made, Rule, before, made, on, silent
from numpy.typing import NDArray

from agent.experiments import Laboratory
from agent.explainers.pattern import PatternExplainer
from agent.explainers.pattern.candidates import is_barred
from agent.explainers.pattern.experiments import break_context
from agent.explainers.pattern.judge import Judge, Reading
from agent.investigate import Side, Work, side_of
from agent.judging import judge, run
from agent.scale import Scale
from agent.setup import Setup
from core.evidence import Evidence
from core.ids import UnitId
from core.patterns import (
    Clause,
    Context,
    Exact,
    FirstPosition,
    Inside,
    LineStartsWith,
    RightAfter,
    TokenGrid,
    Within,
    Word,
    evaluate,
    parse,
)
from subjects.planted import PlantedSubject
from tests.agent.conftest import values_of

UNIT = UnitId("planted", "made", 0)


def searched(evidence: Evidence, laboratory: Laboratory | None, seed: int = 0) -> Work:
    """What the loop comes to before anything is published."""
    setup = Setup(PatternExplainer(), laboratory=laboratory, seed=seed)
    return asyncio.run(side_of(Side.of(UNIT, evidence, "positive", setup)))


def investigated(unit: Made, *, experiments: bool = True, seed: int = 0) -> Work:
    return searched(unit.evidence(), unit.laboratory() if experiments else None, seed)


def said(work: Work) -> str:
    assert work.best is not None
    return work.best.text


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        (lambda g: 3.0 * on(g, " cat"), 'Fires 10/10 on the token " cat".'),
        (
            lambda g: on(g, " the", " The"),
            'Fires 10/10 on the word "the" in any letter case.',
        ),
        (lambda g: on(g, " 7", " 12"), "Fires 10/10 on digits."),
        (
            lambda g: on(g, " cat") & before(on(g, " the")),
            'Fires 10/10 on the token " cat" right after the token " the".',
        ),
        (
            lambda g: on(g, " all") & before(on(g, " not"), 5),
            'Fires 10/10 on the token " all" within 5 tokens after the token " not".',
        ),
        (
            lambda g: on(g, " cat") & ~before(on(g, " the")),
            'Fires 10/10 on the token " cat" not right after the token " the".',
        ),
        (
            lambda g: 0.4 * on(g, " cat") + 0.6 * (on(g, " cat") & before(on(g, " the"))),
            'Fires 6/10 on the token " cat" right after the token " the"; '
            'plus 4/10 on the token " cat".',
        ),
    ],
)
@pytest.mark.parametrize("experiments", [True, False])
def test_a_rule_of_the_language_is_found(rule: Rule, expected: str, experiments: bool) -> None:
    found = investigated(made(rule), experiments=experiments)
    assert set(parse(said(found)).clauses) == set(parse(expected).clauses)


@pytest.mark.parametrize(
    ("site", "unit"),
    [
        ("exact", 3),
        ("word", 3),
        ("affix", 3),
        ("charclass", 3),
        ("charclass", 12),
        ("after", 3),
        ("within", 0),
        ("line", 3),
        ("inside", 3),
        ("unless", 3),
        ("seen", 3),
        ("graded", 3),
    ],
)
def test_planted_units_are_recovered(
    planted: PlantedSubject, corpus: Text, site: str, unit: int
) -> None:
    """On fresh windows the sentence predicts at least .9 of what the true one does."""
    rows = np.arange(len(corpus.ids))
    fresh = corpus.ids[rows % 2 == 1]
    half = [i for i in rows.tolist() if i % 2 == 0]
    seen = Text(
        corpus.ids[half],
        [corpus.tokens[i] for i in half],
        [corpus.documents[i] for i in half],
        (160, 128, 160),
    )
    evidence = SitePool(site, seen, values_of(planted, site, seen.ids)).evidence(unit)

    def probe(token_ids: NDArray[np.int64]) -> NDArray[np.float32]:
        return values_of(planted, site, token_ids)[..., unit]

    found = said(searched(evidence, Laboratory(probe, planted.vocabulary.decode, planted.tokenize)))
    grid = TokenGrid.from_tokens([planted.vocabulary.decode(row) for row in fresh])
    actual = values_of(planted, site, fresh)[..., unit].ravel()
    truth = planted.truth(UnitId("planted", site, unit)).pattern
    assert truth is not None
    best, reached = (
        np.corrcoef(actual, evaluate(p, grid).ravel())[0, 1] for p in (parse(truth), parse(found))
    )
    assert reached >= 0.9 * best, f"{found} for {truth}"


def proxy(ids: NDArray[np.int64]) -> None:
    """Makes " not" (7) and " never" (8) come as a pair: before each " not" stands " never"."""
    ids[ids == 7] = 0
    ids[ids == 8] = 0
    rng = np.random.default_rng(1)
    for row in ids:
        if rng.random() < 0.5:
            place = int(rng.integers(0, len(row) - 4))
            row[place : place + 2] = [8, 7]
            row[place + int(rng.integers(2, 4))] = 9


def test_an_experiment_tells_the_needed_token_from_its_neighbour() -> None:
    """Both words predict equally well; only running edited text shows which one the unit reads."""

    def rule(grid: TokenGrid) -> NDArray[np.float32]:
        return np.asarray(on(grid, " all") & before(on(grid, " not"), 4), dtype=np.float32)

    def other(grid: TokenGrid) -> NDArray[np.float32]:
        return np.asarray(on(grid, " all") & before(on(grid, " never"), 5), dtype=np.float32)

    for true, word, wrong in ((rule, " not", " never"), (other, " never", " not")):
        unit = made(true, edit=proxy)
        tested = said(investigated(unit))
        assert f'"{word}"' in tested or f'"{word.strip()}"' in tested
        assert wrong.strip() not in tested
    guesses = [said(investigated(made(r, edit=proxy), experiments=False)) for r in (rule, other)]
    # Without experiments both units look alike, so one of them gets the other's explanation.
    assert ("never" in guesses[0]) == ("never" in guesses[1])


@pytest.mark.parametrize(
    ("needs_it", "context", "drop"),
    [
        (False, Within(8, Exact((" the",))), 0.0),
        (False, RightAfter(Exact((" the",))), 0.0),
        (True, RightAfter(Exact((" the",))), 1.0),
        (True, Within(3, Exact((" the",))), 1.0),
    ],
)
def test_breaking_a_context_shows_whether_it_is_needed(
    needs_it: bool, context: Context, drop: float
) -> None:
    def rule(grid: TokenGrid) -> NDArray[np.float64]:
        cat = on(grid, " cat")
        return 2.0 * (cat & before(on(grid, " the")) if needs_it else cat)

    unit = made(rule)
    explain = unit.evidence().explain
    grid = TokenGrid.from_tokens(explain.pool.tokens)
    clause = Clause(Exact((" cat",)), (context,))
    planned = break_context(clause, context, explain, grid, 0)
    assert planned is not None
    assert unit.asked == 0
    (test,) = (judge(e, Scale.of(explain)) for e in run([planned], unit.laboratory()))
    assert test.outcome["mean_drop"] == drop
    assert int(test.outcome["pairs"]) > 0


@pytest.mark.parametrize(
    "context", [Inside("brackets"), FirstPosition(), RightAfter(Exact((" the",)), negated=True)]
)
def test_what_earlier_tokens_cannot_break_is_not_tested(context: Context) -> None:
    unit = made(lambda g: on(g, " cat") + 0.0)
    explain = unit.evidence().explain
    grid = TokenGrid.from_tokens(explain.pool.tokens)
    clause = Clause(Exact((" cat",)), (context,))
    assert break_context(clause, context, explain, grid, 0) is None


def test_occlusion_finds_the_token_that_is_needed() -> None:
    unit = made(lambda g: on(g, " cat") & before(on(g, " not"), 4))
    found = investigated(unit)
    occlusion = found.experiments[0]
    assert occlusion.kind == "occlusion"
    assert 0 < int(occlusion.outcome["runs"]) <= unit.asked
    far = [v for k, v in occlusion.outcome.items() if k.startswith("drop_") and int(k[5:-5]) > 4]
    near = [v for k, v in occlusion.outcome.items() if k in ("drop_1_back", "drop_2_back")]
    assert max(map(float, far)) == 0.0
    assert max(map(float, near)) > 0.0


@pytest.mark.parametrize(
    ("context", "barred"),
    [
        (Within(4, Exact((" not",))), True),
        (Within(2, Exact((" not",))), True),
        (RightAfter(Exact((" not",))), True),
        (Within(4, Word("not")), True),
        (Within(4, Exact((" never", " not"))), True),
        (Within(5, Exact((" not",))), False),
        (Within(4, Exact((" never",))), False),
        (Within(4, Exact((" not",)), negated=True), False),
        (LineStartsWith(Exact((" not",))), False),
        (Inside("quotes"), False),
    ],
)
def test_what_is_not_needed_is_not_said_in_other_words(context: Context, barred: bool) -> None:
    assert is_barred(context, {Within(4, Exact((" not",)))}) is barred


def test_without_experiments_the_subject_is_not_asked() -> None:
    unit = made(lambda g: on(g, " cat") & before(on(g, " the")))
    found = investigated(unit, experiments=False)
    assert unit.asked == 0
    assert (found.experiments, found.round, found.runs) == ((), 0, 0)
    assert found.best == found.first


def test_the_same_seed_gives_the_same_proposal() -> None:
    unit = made(lambda g: on(g, " cat") & before(on(g, " not"), 4))
    assert investigated(unit, seed=5) == investigated(unit, seed=5)
    assert said(investigated(unit, seed=6)) == said(investigated(unit, seed=5))


def test_noise_has_no_clear_pattern() -> None:
    rng = np.random.default_rng(0)
    found = investigated(made(lambda g: np.maximum(rng.normal(size=g.shape) - 1, 0)))
    assert found.best is None
    assert found.verdict == "abstained"


def test_two_meanings_are_two_readings_with_their_shares() -> None:
    unit = made(lambda g: 1.0 * on(g, " cat") + 1.0 * (on(g, "return") & before(on(g, "\n"), 8)))
    found = investigated(unit)
    assert found.best is not None
    meanings = found.best.meanings
    texts = [meaning.text for meaning in meanings]
    assert len(texts) == 2
    assert '" cat"' in texts[0]
    assert '"return"' in texts[1]
    shares = [meaning.share or 0.0 for meaning in meanings]
    assert sum(shares) == pytest.approx(1)
    assert 0.2 < shares[1] < shares[0] < 0.8


def readings_of(sentence: str) -> tuple[Reading, ...]:
    unit = made(lambda g: on(g, " cat", " dog", " the", " The", " sat") + 0.0)
    return Judge(unit.evidence().select).readings(parse(sentence))


@pytest.mark.parametrize(
    ("sentence", "meanings"),
    [
        ('Fires 9/10 on the token " cat"; plus 9/10 on the token " dog".', 2),
        # One token in two places, or two in one place, is one meaning.
        ('Fires 5/10 on the token " cat"; plus 5/10 on the token " cat" inside brackets.', 1),
        (
            'Fires 9/10 on the token " cat" inside brackets; '
            'plus 9/10 on the token " dog" inside brackets.',
            1,
        ),
        # One word in two letter cases.
        (
            'Fires 9/10 on the tokens " the" or " sat"; plus 9/10 on the tokens " The" or " ran".',
            1,
        ),
        # The same places in two ways.
        ('Fires 9/10 on a token ending with "at"; plus 9/10 on the token " cat".', 1),
        # Nothing of the unit.
        ('Fires 9/10 on the token " cat"; plus 1/10 on the token ",".', 1),
        ('Fires 9/10 on the token ",".', 0),
    ],
)
def test_what_counts_as_a_separate_reading(sentence: str, meanings: int) -> None:
    assert len(readings_of(sentence)) == meanings


def test_the_choice_is_made_on_select_alone() -> None:
    """Fitted to a word that is silent in select, nothing is proposed."""
    unit = made(lambda g: on(g, " cat") + 0.0)
    evidence = unit.evidence()
    session = PatternExplainer().begin(evidence.explain, silent(evidence.select), None, 0)
    found = asyncio.run(session.propose())
    assert found.candidates == ()
    assert len(session.tried) >= 1


@pytest.mark.parametrize("which", ["no top rows", "all zero", "one window", "constant"])
def test_thin_evidence_gives_no_pattern_and_no_error(which: str) -> None:
    unit = made(lambda g: on(g, " cat") + 0.0)
    evidence = unit.evidence()
    explain = evidence.explain
    if which == "no top rows":
        explain = replace(explain, top_rows=explain.top_rows[:0])
    elif which == "all zero":
        explain = silent(explain)
    elif which == "constant":
        ones = np.ones_like(explain.pool.activations)
        explain = replace(explain, pool=replace(explain.pool, activations=ones))
    else:
        row = np.zeros(1, dtype=np.int64)
        explain = replace(
            explain,
            pool=explain.pool.take([int(explain.top_rows[0])]),
            top_rows=row,
            active_rows=row,
            random_rows=row,
            bottom_rows=row[:0],
            others=explain.others[:1],
        )
    session = PatternExplainer().begin(explain, evidence.select, unit.laboratory(), 0)
    found = asyncio.run(session.propose())
    assert searched(replace(evidence, explain=explain), unit.laboratory()).verdict
    if which in ("all zero", "constant"):
        assert found.candidates == ()
        assert not session.tried
