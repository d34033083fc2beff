"""Running text is labelled as sampled text is, and drawn evenly from all documents."""

from __future__ import annotations

from discovery.probing.after.windows import IN, running_windows
from discovery.probing.labels import Feature
from subjects.planted.subject import PlantedSubject
from tests.discovery.probing.conftest import collection, texts, words_of

CAT = Feature("cat", "the word cat")


def test_a_word_after_a_space_is_in_the_context(planted: PlantedSubject) -> None:
    """The token is " cat": its space is no character that the label must cover."""
    made = collection(words_of(texts(12), "cat", "cat"), CAT)
    found = running_windows(planted, made, "cat")
    spans = sum(len(one.positive["cat"]) for one in made.annotations())
    assert (found.context == IN).sum() == spans
    inside = found.ids[found.context == IN].tolist()
    assert set(planted.vocabulary.decode(inside)) == {" cat"}


def test_a_part_of_the_text_is_drawn_from_all_of_it(planted: PlantedSubject) -> None:
    made = collection(words_of(texts(60), "cat", "cat"), CAT)
    some = running_windows(planted, made, "cat", length=8, most_tokens=400)
    assert len(some.ids) == 50
    assert len(set(some.clusters.tolist())) > 25
    again = running_windows(planted, made, "cat", length=8, most_tokens=400)
    assert some.ids.tolist() == again.ids.tolist()
