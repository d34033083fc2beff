"""Which conversations there are: whose, how they begin, how they stand, what they cost.

What was said in one lies in the checkpoints of its graph; this is what a list of them needs.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field
from sqlalchemy import ColumnElement, func, insert, select, update

from core.results import Finite, Record
from storage.faults import translated
from storage.jobs import utc_text
from storage.part import Part
from storage.records import UtcTime
from storage.rows import fields
from storage.service_tables import conversations

ConversationState = Literal["working", "answered", "waiting", "interrupted"]
LONGEST_TITLE = 80


class SpeakerChoice(Record):
    """Who speaks, explains and simulates: names of models, "pattern" for none.

    ``simulator`` None: whoever explains.
    """

    model: str = "pattern"
    explainer: str = "pattern"
    simulator: str | None = None


class ConversationRecord(Record):
    """A conversation in a list. ``owner`` is an API key's id, or "" for those who need none.

    ``working`` is what was last heard: a process that was killed leaves it standing. ``usd`` and
    ``calls`` are what language models took, jobs that were begun in it not counted.
    """

    thread: str
    owner: str
    title: str
    choice: SpeakerChoice
    questions: int
    state: ConversationState
    updated: UtcTime
    usd: Finite = Field(ge=0)
    calls: int = Field(ge=0)


class ConversationStore(Part):
    """May be shared by threads. Got from :attr:`storage.Store.conversations`."""

    def begin(self, thread: str, owner: str, question: str | None, choice: SpeakerChoice) -> None:
        """Something is being done in a conversation: ``question`` is asked, or one goes on."""
        here = _here(thread, owner)
        asked = 0 if question is None else 1
        title = " ".join((question or "").split())[:LONGEST_TITLE]
        with self._writing() as connection:
            row = connection.execute(select(conversations).where(*here)).first()
            if row is None or row.forgotten:
                values = {"title": title, "questions": asked, "forgotten": False}
            else:
                values = {"questions": row.questions + asked}
                if not row.questions:
                    values["title"] = title
            values |= {
                "state": "working",
                "updated": utc_text(None),
                "choice": choice.model_dump(),
            }
            if row is None:
                named = {"thread": thread, "owner": owner, "usd": 0.0, "calls": 0}
                connection.execute(insert(conversations).values(values | named))
            else:
                connection.execute(update(conversations).where(*here).values(values))

    def end(
        self, thread: str, owner: str, state: ConversationState, usd: float, calls: int
    ) -> None:
        """How a conversation stands now, and what was spent since it began to be worked at."""
        values = {
            "state": state,
            "updated": utc_text(None),
            "usd": conversations.c.usd + usd,
            "calls": conversations.c.calls + calls,
        }
        with self._writing() as connection:
            connection.execute(update(conversations).where(*_here(thread, owner)).values(values))

    def all(self, owner: str, limit: int = 50) -> list[ConversationRecord]:
        """An owner's conversations, the one that was last spoken in first."""
        asked = (
            select(conversations)
            .where(conversations.c.owner == owner, conversations.c.forgotten.is_(False))
            .order_by(conversations.c.updated.desc(), conversations.c.thread)
            .limit(max(limit, 0))
        )
        with self._reading() as connection:
            rows = list(connection.execute(asked))
        with translated(self._name):
            return [ConversationRecord(**fields(row, ConversationRecord)) for row in rows]

    def get(self, thread: str, owner: str) -> ConversationRecord | None:
        """An owner's conversation by its name."""
        asked = select(conversations).where(
            *_here(thread, owner), conversations.c.forgotten.is_(False)
        )
        with self._reading() as connection:
            row = connection.execute(asked).first()
        with translated(self._name):
            return None if row is None else ConversationRecord(**fields(row, ConversationRecord))

    def forget(self, thread: str, owner: str) -> None:
        """Take a conversation off the list; what it cost is still counted."""
        values = {"title": "", "questions": 0, "forgotten": True}
        with self._writing() as connection:
            connection.execute(update(conversations).where(*_here(thread, owner)).values(values))

    def spent(self, owner: str) -> tuple[float, int]:
        """Dollars and calls of all of an owner's conversations, forgotten ones too."""
        sums = func.sum(conversations.c.usd), func.sum(conversations.c.calls)
        with self._reading() as connection:
            usd, calls = connection.execute(
                select(*sums).where(conversations.c.owner == owner)
            ).one()
        return float(usd or 0.0), int(calls or 0)


def _here(thread: str, owner: str) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return conversations.c.thread == thread, conversations.c.owner == owner
