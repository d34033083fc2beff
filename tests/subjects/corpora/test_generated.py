"""Generated text: reproducible, varied, and honest about what it holds out."""

from __future__ import annotations

import random
import re

import pytest

from subjects.corpora.document import Document
from subjects.corpora.generated import (
    PHENOMENA,
    TASKS,
    ChoiceItem,
    agreement,
    arithmetic,
    choice_items,
    compounds,
    documents,
    frames,
    indirect_objects,
)
from subjects.corpora.generated.draw import Draw, is_heldout, polish, substitute

SINGULAR = dict(
    pair[::-1] for pair in (*agreement.THINGS, *agreement.BEINGS)
)  # plural noun -> singular
THIRD = {plural: singular for singular, plural in agreement.VERBS_ANY | agreement.VERBS_BEING}
PLAIN = re.compile(r"The (\w+) (?:near|behind|beside|by|with|next to|in front of) the (\w+) (\w+) ")


def sample(phenomenon: str, split: str = "train", count: int = 40) -> list[Document]:
    assert split in ("train", "heldout")
    return list(
        documents(phenomenon, seed=3, count=count, split="train" if split == "train" else "heldout")
    )


def triples(texts: list[Document]) -> set[tuple[str, str, str]]:
    """(noun, attractor, verb) in the singular, read back from the text."""
    found = (match for document in texts for match in PLAIN.findall(document.text))
    return {
        (SINGULAR.get(n, n), SINGULAR.get(a, a), THIRD.get(v, v))
        for n, a, v in found
        if v in THIRD or v in THIRD.values()
    }


@pytest.mark.parametrize("phenomenon", PHENOMENA)
def test_a_document_depends_on_its_number_alone(phenomenon: str) -> None:
    whole = list(documents(phenomenon, seed=1, count=6))
    assert list(documents(phenomenon, seed=1, count=6)) == whole
    assert list(documents(phenomenon, seed=1, count=2, start=3)) == whole[3:5]
    assert [d.text for d in documents(phenomenon, seed=2, count=6)] != [d.text for d in whole]
    heldout = documents(phenomenon, seed=1, count=6, split="heldout")
    assert not {d.id for d in heldout} & {d.id for d in whole}


def test_text_is_the_same_on_every_machine() -> None:
    (document,) = documents("indirect_objects", seed=0, count=1)
    assert document.id == "generated/indirect_objects/frame-05/000000"
    assert document.type == "generated:indirect_objects"
    assert document.text.startswith("Friends Simon and Karen found a gift at the hotel.")


@pytest.mark.parametrize("phenomenon", PHENOMENA)
def test_documents_have_sound_names_lengths_and_texts(phenomenon: str) -> None:
    both = sample(phenomenon) + sample(phenomenon, "heldout", 15)
    assert len({d.text for d in both}) == len({d.id for d in both}) == len(both)
    for document in both:
        assert document.id.startswith(f"{document.group}/")
        assert document.group.startswith(f"generated/{phenomenon}/")
        assert 60 <= len(document.text.split()) <= 250
        assert 450 <= len(document.text) <= 2200
        assert document.text == document.text.strip()
        if "markup" not in phenomenon:
            assert not re.search(r"\{[a-z]", document.text), "a slot was left open"


@pytest.mark.parametrize("phenomenon", PHENOMENA)
def test_at_least_ten_frames_are_reached(phenomenon: str) -> None:
    assert len(frames(phenomenon)) >= 10
    assert len({d.group for d in sample(phenomenon, count=60)}) >= 10


@pytest.mark.parametrize("phenomenon", PHENOMENA)
def test_each_frame_finds_combinations_of_each_split(phenomenon: str) -> None:
    for frame in frames(phenomenon)[:: 5 if phenomenon == "languages" else 2]:
        heldout = Draw(random.Random(1), "heldout")
        frame.render(heldout)
        assert heldout.used
        assert all(is_heldout(combination) for combination in heldout.used)
        train = Draw(random.Random(1), "train")
        frame.render(train)
        assert not any(is_heldout(combination) for combination in train.used)


def test_heldout_agreement_does_not_stand_in_training_text() -> None:
    train = triples(sample("agreement", count=150))
    heldout = triples(sample("agreement", "heldout", 60))
    assert len(train) > 200
    assert len(heldout) > 40
    assert not any(is_heldout(triple) for triple in train)
    assert all(is_heldout(triple) for triple in heldout)


def test_languages_are_typed_and_grouped_one_by_one() -> None:
    found = sample("languages", count=120)
    assert {d.type for d in found} == {
        f"generated:language:{code}" for code in ("fr", "de", "es", "it", "nl")
    }
    for document in found:
        code = document.type.rpartition(":")[2]
        assert document.group.startswith(f"generated/languages/{code}/frame-")


def test_arithmetic_is_true_and_mostly_one_digit() -> None:
    text = "\n".join(d.text for d in sample("arithmetic"))
    facts = re.findall(r"(?<!\d)(\d+)([-+*/])(\d+)=(\d+)", text)
    for left, operation, right, result in facts:
        a, b, c = int(left), int(right), int(result)
        assert {"+": a + b, "-": a - b, "*": a * b, "/": a // b if b else None}[operation] == c
    short = sum(len(left) == len(right) == 1 for left, _, right, _ in facts)
    assert short / len(facts) > 0.6
    seen = {(left, o, right) for left, o, right, _ in facts if o == "+" and len(left + right) == 2}
    assert len(seen) == 100


def test_every_pronoun_leans_as_the_table_says() -> None:
    text = " ".join(d.text for d in sample("occupations", count=150))
    she = len(re.findall(r"The nurse (?:said that|thinks|hopes) she", text))
    he = len(re.findall(r"The nurse (?:said that|thinks|hopes) he", text))
    assert she > 3 * he


def test_compounds_and_their_parts_are_as_common() -> None:
    text = " ".join(d.text for d in sample("compounds", count=60))
    counts = [0, 0, 0]
    for compound, (after, before) in compounds.COMPOUNDS.items():
        x, y = compound.split()
        counts[0] += len(re.findall(rf"\b{compound}\b", text))
        counts[1] += sum(len(re.findall(rf"\b{x} {w}\b", text)) for w in after)
        counts[2] += sum(len(re.findall(rf"\b{z} {y}\b", text)) for z in before)
    assert len(compounds.COMPOUNDS) == 21
    assert min(counts) > 0.8 * max(counts)


@pytest.mark.parametrize("task", TASKS)
def test_items_are_well_formed_and_stable(task: str) -> None:
    items = choice_items(task, seed=5, count=60)
    assert choice_items(task, seed=5, count=20) == items[:20]
    assert len({item.prompt for item in items}) > 30
    for item in items:
        assert item.correct != item.wrong
        assert item.prompt == item.prompt.strip()
        assert item.label
        spaced = not task.startswith("arithmetic")
        assert item.correct.startswith(" ") == item.wrong.startswith(" ") == spaced
        assert item.correct.strip().isalnum()


def test_agreement_items_have_an_attractor_of_the_other_number() -> None:
    for item in choice_items("agreement", seed=0, count=50):
        words = item.prompt.split()
        assert words[-1] in SINGULAR or words[-1] in SINGULAR.values()
        assert (words[-1] in SINGULAR) == (item.label == "singular")
        assert (item.correct.strip() in THIRD) == (item.label == "plural")
    assert {item.label for item in choice_items("agreement_simple", seed=0, count=20)} == {
        "singular",
        "plural",
    }


def test_arithmetic_items_are_true() -> None:
    for item in (
        *choice_items("arithmetic", seed=0, count=40),
        *choice_items("arithmetic_hard", seed=0, count=40),
    ):
        match = re.fullmatch(r"(\d+)([-+*/])(\d+)=", item.prompt)
        assert match
        a, b = int(match[1]), int(match[3])
        right = {"+": a + b, "-": a - b, "*": a * b, "/": a // b if b else None}[match[2]]
        assert right == int(item.correct)
        assert len(item.wrong) == len(item.correct)
        assert item.label == arithmetic.NAMES_OF[match[2]]


def test_indirect_object_items_name_the_giver_twice() -> None:
    orders = set()
    for item in choice_items("ioi", seed=0, count=50):
        assert item.prompt.count(item.wrong.strip()) == 2
        assert item.prompt.count(item.correct.strip()) == 1
        assert item.prompt.endswith(" to")
        orders.add(item.label)
    assert orders == {"ABBA", "BABA"}
    assert len(indirect_objects.PATTERNS) >= 10


def test_prompts_occur_in_documents() -> None:
    """With its blanks masked, the prompt of each kind of item is the start of a sentence."""
    text = " ".join(d.text for d in sample("agreement", count=100))
    item = ChoiceItem("The keys near the door", " are", " is", "plural")
    shape = re.compile(r"The \w+ near the \w+ (?:are|is) ")
    assert shape.search(text)
    assert shape.match(item.prompt + item.correct + " ")


@pytest.mark.parametrize("call", [documents, choice_items])
def test_unknown_names_are_refused(call: object) -> None:
    assert callable(call)
    with pytest.raises(ValueError, match="unknown"):
        call("nothing", seed=0, count=1)


def test_sentences_are_finished() -> None:
    assert polish("a apple and a uniform") == "An apple and a uniform"
    assert polish('"yes," said a old man') == '"Yes," said an old man'
    assert substitute("\\frac{a}{b} {name}", {"a": "a", "b": "b", "name": "Eva"}) == "\\fracab Eva"
