"""What is asked: everything once, in an order from a seed, with controls, blind, and resumable."""

from __future__ import annotations

import contextlib
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import InvalidSetting, MalformedId, NotStored, StorageError
from core.ids import UnitId
from neuroscribe.ratings.asking import Answer, Ask, hold, written_answers
from neuroscribe.ratings.claims import Target, claims_of, counted
from neuroscribe.ratings.session import Item, Plan, plan
from storage import Store
from tests.neuroscribe.ratings.stored_site import save, unit

SITE = Target("demo", "mlp.2")


def planned(store: Store, target: Target = SITE, **changes: object) -> Plan:
    given = {"seed": 0, "controls": 0.2, "again": False, "rater": "ada"} | changes
    return plan(store, target, **given)  # type: ignore[arg-type]


def items(store: Store, found: Plan) -> list[Item]:
    return [found.item(question, store) for question in found.questions]


def always(rating: int) -> Ask:
    return lambda item, number, total: Answer(rating)


# what is named


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("demo/mlp.2", Target("demo", "mlp.2")),
        ("demo/mlp.2/117", Target("demo", "mlp.2", 117)),
        ("demo/L2.N117", Target("demo", "mlp.2", 117)),
    ],
)
def test_a_site_or_a_unit_is_named(text: str, named: Target) -> None:
    assert Target.parse(text) == named
    assert Target.parse(str(named)) == named


@pytest.mark.parametrize("text", ["demo", "", "demo/", "demo/mlp.2/x", "Demo/mlp.2", "a/b/1/2"])
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(MalformedId, match="names no site and no unit"):
        Target.parse(text)


def test_nothing_stored_says_what_to_run(store: Store) -> None:
    with pytest.raises(NotStored) as site:
        planned(store, Target("demo", "mlp.1"))
    assert site.value.hint == "run neuroscribe explain demo/mlp.1/UNIT"
    with pytest.raises(NotStored) as one:
        planned(store, Target("demo", "mlp.2", 99))
    assert one.value.hint == "run neuroscribe explain demo/mlp.2/99"


# the order and the controls


def test_every_explanation_is_asked_once_and_controls_come_on_top(store: Store) -> None:
    asked = items(store, planned(store))
    real = [item.explanation.id for item in asked if item.explanation.unit == item.unit]
    controls = [item for item in asked if item.explanation.unit != item.unit]
    assert sorted(real) == sorted(f"e{i}" for i in range(10))
    assert len(controls) == 3  # 3 of 13 is the least share of at least 0.2
    assert len({item.id for item in asked}) == 13


def test_the_share_of_controls_is_chosen(store: Store) -> None:
    assert len(planned(store, controls=0.0).questions) == 10
    assert len(planned(store, controls=0.5).questions) == 20


def test_the_seed_draws_order_controls_and_excerpts(store: Store) -> None:
    def told(seed: int) -> list[tuple[str, UnitId, list[str]]]:
        asked = items(store, planned(store, seed=seed))
        return [(i.explanation.id, i.unit, [s.document for s in i.seen]) for i in asked]

    assert told(1) == told(1)
    assert told(1) != told(2)


def test_one_unit_gets_controls_from_its_site(store: Store) -> None:
    asked = items(store, planned(store, Target("demo", "mlp.2", 4)))
    assert [item.unit for item in asked] == [unit(4)] * 2
    assert sum(item.explanation.unit == unit(4) for item in asked) == 1


def test_a_lone_unit_of_a_variant_has_no_control(store: Store) -> None:
    save(store, 20, spec_hash="another")
    about = [q for q in planned(store, controls=0.5).questions if q.beside.unit == unit(20)]
    assert [question.claim.unit for question in about] == [unit(20)]


def test_a_sentence_written_about_both_units_is_no_control(store: Store) -> None:
    for index in range(20, 22):
        save(store, index, spec_hash="another", text="fires on anything")
    other = [q for q in planned(store, controls=0.5).questions if q.claim.spec_hash == "another"]
    assert all(question.claim is question.beside for question in other)
    assert len(other) == 2


def test_the_same_sentence_of_a_later_run_is_the_same_question(store: Store) -> None:
    save(store, 3, id="again", text="fires on the word 3")
    save(store, 3, id="new", text="fires on something else")
    asked = items(store, planned(store, controls=0.0))
    about_three = sorted(item.explanation.id for item in asked if item.unit == unit(3))
    assert about_three == ["again", "new"]
    hold(store, planned(store, Target("demo", "mlp.2", 3), controls=0.0), "ada", always(4))
    save(store, 3, id="once more", text="fires on the word 3")
    assert planned(store, Target("demo", "mlp.2", 3), controls=0.0).questions == ()


# excerpts


def test_strong_weaker_and_random_excerpts_are_mixed(store: Store) -> None:
    for item in items(store, planned(store)):
        kinds = [excerpt.kind.partition(":")[0] for excerpt in item.excerpts]
        assert Counter(kinds) == {"top": 4, "band": 4, "random": 2}
        places = [(excerpt.document, excerpt.offset) for excerpt in item.excerpts]
        assert len(set(places)) == len(places)
        assert all(place[0].startswith(f"unit{item.unit.index}/") for place in places)
    orders = {tuple(e.kind for e in item.excerpts) for item in items(store, planned(store))}
    assert len(orders) > 5


def test_text_that_the_explainer_did_not_read_comes_first(store: Store) -> None:
    splits = {e.split for item in items(store, planned(store)) for e in item.excerpts}
    assert splits == {"select", "report"}


def test_no_excerpt_carries_what_was_simulated(store: Store) -> None:
    assert all(e.simulated is None for i in items(store, planned(store)) for e in i.excerpts)


def test_a_document_that_cannot_be_read_is_named(store: Store) -> None:
    with store.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE runs SET document = '{}' WHERE id = 'run-e3'")
    with pytest.raises(StorageError, match="document of run 'run-e3' is of another version"):
        items(store, planned(store))


# asking


def test_ratings_are_stored_with_what_was_seen(store: Store) -> None:
    asked = items(store, planned(store, seed=7))
    hold(store, planned(store, seed=7), "ada", always(4))
    kept = store.ratings.of("demo", "mlp.2")
    assert [r.explanation_id for r in kept] == [item.explanation.id for item in asked]
    assert [r.seen for r in kept] == [item.seen for item in asked]
    assert [r.control for r in kept] == [item.explanation.unit != item.unit for item in asked]
    assert {(r.rater, r.seed, r.rating) for r in kept} == {("ada", 7, 4)}


def test_an_interruption_keeps_what_was_answered_and_is_resumed(store: Store) -> None:
    def interrupted(item: Item, number: int, total: int) -> Answer | None:
        if number == 4:
            raise KeyboardInterrupt
        return Answer(number)

    whole = planned(store)
    with pytest.raises(KeyboardInterrupt):
        hold(store, whole, "ada", interrupted)
    assert [r.rating for r in store.ratings.of("demo", "mlp.2")] == [1, 2, 3]
    resumed = planned(store)
    assert resumed.questions == whole.questions[3:]
    assert resumed.done == 3
    assert planned(store, rater="ben").questions == whole.questions
    assert planned(store, again=True).questions == whole.questions


def test_skipped_items_are_asked_again(store: Store) -> None:
    done = hold(store, planned(store), "ada", lambda *_: Answer(None))
    assert (done.skipped, done.left, done.ratings) == (13, 0, [])
    assert len(planned(store).questions) == 13


def test_a_second_rating_counts_and_the_first_is_kept(store: Store) -> None:
    one = Target("demo", "mlp.2", 1)
    for rating in (5, 2):
        hold(store, planned(store, one, controls=0.0, again=True), "ada", always(rating))
    every = store.ratings.of("demo", "mlp.2")
    assert [r.rating for r in every] == [5, 2]
    assert [r.rating for r in counted(every, claims_of(store, SITE)).values()] == [2]


# answers of scripts


def test_answers_can_be_written_down(store: Store) -> None:
    lines = ["# mine", "4", "", "s", " 2 because  it says so ", "q", "5"]
    ask = written_answers(lines, questions=13)
    done = hold(store, planned(store), "ada", ask)
    assert [(r.rating, r.comment) for r in done.ratings] == [(4, None), (2, "because  it says so")]
    assert (done.skipped, done.left) == (1, 10)


def test_answers_that_end_early_leave_the_rest(store: Store) -> None:
    done = hold(store, planned(store), "ada", written_answers(["3"], questions=13))
    assert (len(done.ratings), done.left) == (1, 12)


@pytest.mark.parametrize("line", ["0", "6", "four", "s later", "4.5", "-1", "4 " + "x" * 10_001])
def test_a_line_that_is_no_answer_is_named(line: str) -> None:
    with pytest.raises(InvalidSetting, match="line 2 of the answers"):
        written_answers(["3", line], questions=13)


def test_more_answers_than_questions_are_refused() -> None:
    with pytest.raises(InvalidSetting, match="3 answers for 2 questions"):
        written_answers(["1", "2", "3"], questions=2)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.text(max_size=8), max_size=5))
def test_any_text_is_answers_or_a_clear_refusal(lines: list[str]) -> None:
    with contextlib.suppress(InvalidSetting):
        written_answers(lines, questions=5)
