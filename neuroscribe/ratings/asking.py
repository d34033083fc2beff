"""A rating session: one question after the other, each answer stored before the next is asked."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from core.errors import InvalidSetting
from neuroscribe.ratings.documents import GivenRating, SessionDocument
from neuroscribe.ratings.session import Item, Plan
from storage import Store
from storage.ratings import LONGEST_COMMENT


@dataclass(frozen=True, slots=True)
class Answer:
    """What a rater says to one item; ``rating`` None leaves it for another session."""

    rating: int | None
    comment: str | None = None


Ask = Callable[[Item, int, int], Answer | None]
"""Put an item (number, of how many) to the rater; None ends the session."""


def hold(store: Store, plan: Plan, rater: str, ask: Ask) -> SessionDocument:
    """Put the questions of a plan to a rater; an interruption loses nothing that was answered."""
    given: list[GivenRating] = []
    skipped = 0
    for number, question in enumerate(plan.questions, 1):
        item = plan.item(question, store)
        answer = ask(item, number, len(plan.questions))
        if answer is None:
            break
        if answer.rating is None:
            skipped += 1
            continue
        record = item.rated(rater, answer.rating, answer.comment, plan.seed)
        store.ratings.save([record])
        given.append(
            GivenRating(
                id=record.id,
                explanation=record.explanation_id,
                rating=record.rating,
                comment=record.comment,
            )
        )
    return SessionDocument(
        target=str(plan.target),
        rater=rater,
        seed=plan.seed,
        ratings=given,
        skipped=skipped,
        left=len(plan.questions) - len(given) - skipped,
        done=plan.done,
    )


def written_answers(lines: Sequence[str], questions: int) -> Ask:
    """Answers of a script, one line each: ``4``, ``4 and why``, ``s`` to skip, ``q`` to end.

    Empty lines and those that begin with ``#`` do not count. Raises :class:`InvalidSetting`, before
    anything is asked, for a line that is no answer and for more answers than ``questions``.
    """
    answers = list(_answers(lines))
    if len(answers) > questions:
        raise InvalidSetting(
            f"{len(answers)} answers for {questions} questions", "give at most one answer each"
        )
    rest = iter(answers)

    def ask(item: Item, number: int, total: int) -> Answer | None:
        return next(rest, None)

    return ask


def _answers(lines: Sequence[str]) -> Iterator[Answer | None]:
    for number, line in enumerate(lines, 1):
        word, _, comment = line.strip().partition(" ")
        if not word or word.startswith("#"):
            continue
        if len(comment) > LONGEST_COMMENT:
            raise InvalidSetting(
                f"line {number} of the answers is longer than a comment may be",
                f"write at most {LONGEST_COMMENT:,} characters",
            )
        if word in ("1", "2", "3", "4", "5"):
            yield Answer(int(word), comment.strip() or None)
        elif word in ("s", "q") and not comment:
            yield Answer(None) if word == "s" else None
        else:
            raise InvalidSetting(
                f"line {number} of the answers is {line.strip()[:40]!r}",
                "write 1 to 5 and a comment if you like, s to skip or q to end",
            )
