"""The store: what can be asked of the record, and the one way to add to it.

Reading methods see one consistent state each. :meth:`Store.save_run` writes a run with everything
it found in one transaction, :meth:`Store.save_calls` all the calls they are given,
so a crash, a full disk or a contradiction leaves the store as it
was.
"""

from __future__ import annotations

from collections.abc import Sequence
from types import TracebackType
from typing import Any, Self

from sqlalchemy import Engine, Row, Select, insert, select

from core.errors import NotStored, StorageError
from core.ids import UnitId
from core.results import Explanation, Score
from storage import answer_rows, call_rows, cost_rows, search_rows
from storage.answers import SiteAnswers
from storage.calls import CallRecord, CallStatus, Spent
from storage.conversations import ConversationStore
from storage.costs import PastRun, UnitCost
from storage.documents import DocumentStore
from storage.engine import display_name, make_engine, read_url
from storage.faults import translated
from storage.findings import FindingStore
from storage.found import SearchPage
from storage.job_store import JobStore
from storage.keys import KeyStore
from storage.lookup import find_by_id
from storage.migrations import bring_up_to_date
from storage.part import Part
from storage.rating_store import RatingStore
from storage.records import ExperimentRecord, Opening, RunRecord, StoredRun
from storage.rows import fields, is_unit, raise_version, unit_number, write_run
from storage.schema import (
    experiments,
    explanations,
    llm_calls,
    report_openings,
    runs,
    scores,
    units,
)
from storage.search_rows import Search
from storage.vectors import VectorStore

_KEYS_AT_ONCE = 500
_RUNS = select(runs, units.c.subject, units.c.site, units.c.unit_index, units.c.spec_hash).join(
    units
)


def open_store(url: str, *, busy_timeout: float = 30.0) -> Store:
    """Open the database at an SQLAlchemy URL, creating or upgrading its tables where needed.

    ``sqlite:////folder/neuroscribe.db`` (missing folders are created) or ``postgresql+psycopg://``.
    ``busy_timeout`` is how many seconds to wait while another process writes. Raises
    :class:`StorageError` when the database cannot be used, :class:`MissingExtra` without a driver.
    """
    address = read_url(url)
    name = display_name(address)
    with translated(name):
        engine = make_engine(address, busy_timeout)
        try:
            bring_up_to_date(engine, name, busy_timeout)
        except BaseException:
            engine.dispose()
            raise
    return Store(engine, name)


class Store(Part):
    """An open database; close it, or use it in a ``with`` block. May be shared by threads.

    Every method raises :class:`StorageError` when the database fails, :class:`DiskFull` when there
    is no room.
    """

    def __init__(self, engine: Engine, name: str) -> None:
        super().__init__(engine, name, self._check_open)
        self.engine = engine
        self.name = name
        self._closed = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close all connections; the store cannot be used afterwards."""
        self._closed = True
        self.engine.dispose()

    @property
    def jobs(self) -> JobStore:
        """Jobs about many units, and their items."""
        return JobStore(self.engine, self.name, self._check_open)

    @property
    def vectors(self) -> VectorStore:
        """Directions of explanations by what they mean."""
        return VectorStore(self.engine, self.name, self._check_open)

    @property
    def documents(self) -> DocumentStore:
        """What investigations wrote, whole."""
        return DocumentStore(self.engine, self.name, self._check_open)

    @property
    def findings(self) -> FindingStore:
        """What methods of discovery found."""
        return FindingStore(self.engine, self.name, self._check_open)

    @property
    def keys(self) -> KeyStore:
        """API keys of the service."""
        return KeyStore(self.engine, self.name, self._check_open)

    @property
    def ratings(self) -> RatingStore:
        """What people said of explanations."""
        return RatingStore(self.engine, self.name, self._check_open)

    @property
    def conversations(self) -> ConversationStore:
        """Which conversations there are, whose, and what they cost."""
        return ConversationStore(self.engine, self.name, self._check_open)

    # reading

    def find_run(self, key: str) -> StoredRun | None:
        """The run for a request ``key`` that finished last; failed and running ones do not count.

        ``key`` is a fingerprint of unit, subject spec, corpus, index, method, parameters and seed.
        """
        asked = (
            _RUNS.where(runs.c.key == key, runs.c.status == "done")
            .order_by(runs.c.finished.desc(), runs.c.number.desc())
            .limit(1)
        )
        rows = self._rows(asked)
        return self._run(rows[0]) if rows else None

    def run(self, id: str) -> StoredRun:
        """The run of an id; :class:`NotStored` if there is none."""
        rows = self._rows(_RUNS.where(runs.c.id == id))
        if not rows:
            raise NotStored(f"run {id!r} is not in the store", "check the id")
        return self._run(rows[0])

    def finished(self, keys: Sequence[str]) -> set[str]:
        """Those of ``keys`` for which there is a finished run with another verdict than failed."""
        known: set[str] = set()
        for start in range(0, len(keys), _KEYS_AT_ONCE):
            part = runs.c.key.in_(keys[start : start + _KEYS_AT_ONCE])
            good = runs.c.verdict.is_distinct_from("failed")
            asked = select(runs.c.key).where(part, runs.c.status == "done", good).distinct()
            known |= {row.key for row in self._rows(asked)}
        return known

    def past_runs(self, subject: str, site: str | None, limit: int) -> list[PastRun]:
        """What the newest finished investigations of a site (``None``: a subject) came to cost."""
        with self._reading() as connection:
            return cost_rows.past_runs(connection, subject, site, limit)

    def dearest(self, job: str, limit: int) -> list[UnitCost]:
        """The units of a job on which most was spent since it was made, dearest first."""
        with self._reading() as connection:
            return cost_rows.dearest(connection, job, limit)

    def answered(
        self, subject: str, site: str, index: int | None = None
    ) -> list[tuple[UnitId, str]]:
        """Units of a site that were investigated, by index, each with its newest finished run."""
        asked = (
            select(units.c.unit_index, runs.c.id)
            .join(units)
            .where(units.c.subject == subject, units.c.site == site, runs.c.status == "done")
            .order_by(units.c.unit_index, runs.c.finished, runs.c.number)
        )
        if index is not None:
            asked = asked.where(units.c.unit_index == index)
        newest = {row.unit_index: row.id for row in self._rows(asked)}
        return [(UnitId(subject, site, number), run) for number, run in newest.items()]

    def site_answers(self, subject: str, site: str) -> SiteAnswers:
        """Every unit of a site that was investigated, with all that its newest finished run found.

        Documents are not read.
        """
        with self._reading() as connection:
            return answer_rows.of_site(connection, subject, site)

    def known_explanations(self, ids: Sequence[str]) -> set[str]:
        """Those of ``ids`` that name a stored explanation."""
        known: set[str] = set()
        for start in range(0, len(ids), _KEYS_AT_ONCE):
            part = ids[start : start + _KEYS_AT_ONCE]
            asked = select(explanations.c.id).where(explanations.c.id.in_(part))
            known |= {row.id for row in self._rows(asked)}
        return known

    def explanations(self, unit: UnitId, spec_hash: str | None = None) -> list[Explanation]:
        """Everything ever said about a unit, oldest version first.

        Without ``spec_hash``, for every variant of the subject that carries this name: first one
        variant, then the next.
        """
        asked = (
            select(explanations)
            .join(units)
            .where(*is_unit(unit, spec_hash))
            .order_by(units.c.number, explanations.c.version)
        )
        rows = self._rows(asked)
        with translated(self.name):
            return [Explanation(unit=unit, **fields(row, Explanation, "unit")) for row in rows]

    def scores(self, explanation_id: str) -> list[Score]:
        """All figures of an explanation as they came in; :class:`NotStored` if there is none."""
        asked = (
            select(scores)
            .where(scores.c.explanation_id == explanation_id)
            .order_by(scores.c.number)
        )
        exists = select(explanations.c.id).where(explanations.c.id == explanation_id)
        rows = self._rows(asked, exists, f"explanation {explanation_id!r} is not in the store")
        with translated(self.name):
            return [Score(**fields(row, Score)) for row in rows]

    def experiments(self, run_id: str) -> list[ExperimentRecord]:
        """The experiments of a run in their order; :class:`NotStored` if there is no such run."""
        asked = (
            select(experiments).where(experiments.c.run_id == run_id).order_by(experiments.c.number)
        )
        exists = select(runs.c.id).where(runs.c.id == run_id)
        rows = self._rows(asked, exists, f"run {run_id!r} is not in the store")
        with translated(self.name):
            return [ExperimentRecord(**fields(row, ExperimentRecord)) for row in rows]

    def openings(self, unit: UnitId, spec_hash: str | None = None) -> list[Opening]:
        """Every look at the ``report`` split of a unit, oldest first; their number is its length.

        Without ``spec_hash``, for every variant of the subject that carries this name.
        """
        asked = (
            select(report_openings)
            .join(runs, report_openings.c.run_id == runs.c.id)
            .join(units)
            .where(*is_unit(unit, spec_hash))
            .order_by(report_openings.c.time, report_openings.c.number)
        )
        rows = self._rows(asked)
        with translated(self.name):
            return [Opening(**fields(row, Opening)) for row in rows]

    def search(
        self,
        text: str = "",
        *,
        subject: str | None = None,
        site: str | None = None,
        verdict: str | None = None,
        method: str | None = None,
        min_score: float | None = None,
        only_newest: bool = True,
        limit: int = 50,
        after: str | None = None,
    ) -> SearchPage:
        """Explanations that hold the words of ``text`` and fit the rest, best match first.

        ``after`` is the end of the page before. :mod:`storage.search_query` says what words may be,
        :class:`storage.search_rows.Search` what else is asked. :class:`InvalidSetting` for what
        cannot be meant.
        """
        asked = Search(text, subject, site, verdict, method, min_score, only_newest)
        with self._reading() as connection:
            return search_rows.page(connection, asked, limit, after)

    # calls of language models

    def find_answers(self, keys: Sequence[str], run: str | None) -> dict[str, CallRecord]:
        """:meth:`find_answer` for many keys at once; keys without an answer are left out."""
        found: dict[str, CallRecord] = {}
        for start in range(0, len(keys), _KEYS_AT_ONCE):
            rows = self._rows(call_rows.answers(keys[start : start + _KEYS_AT_ONCE], run))
            with translated(self.name):
                for row in rows:
                    if row.key not in found:
                        found[row.key] = CallRecord(**fields(row, CallRecord))
        return found

    def find_answer(self, key: str, run: str | None) -> CallRecord | None:
        """The call that answers a request asked before, or ``None`` when it must be asked (again).

        The newest of ``key`` that went well; failing that, the newest that was refused or truncated
        in this same ``run``. Those of other runs do not count, nor do any when ``run`` is ``None``.
        """
        rows = self._rows(call_rows.answer(key, run))
        return self._calls(rows)[0] if rows else None

    def call(self, id: str) -> CallRecord:
        """The call of an id, or of the only id that begins so (6 characters or more).

        :class:`NotStored` when there is none, or when several begin so.
        """
        with self._reading() as connection:
            row = find_by_id(connection, llm_calls, "call", id)
        return self._calls([row])[0]

    def calls(
        self,
        *,
        run: str | None = None,
        role: str | None = None,
        status: CallStatus | None = None,
        limit: int = 50,
    ) -> list[CallRecord]:
        """Calls by the time they started, newest first, at most ``limit``; ``None`` means any."""
        return self._calls(self._rows(call_rows.newest(run, role, status, limit)))

    def spent(self, run: str | None = None) -> Spent:
        """What the calls of a run came to, failed ones included; without ``run``, all calls."""
        rows = self._rows(call_rows.totals_by_role(*call_rows.of_run(run)))
        with translated(self.name):
            return call_rows.add_up(rows)

    def _run(self, row: Row[Any]) -> StoredRun:
        with translated(self.name):
            unit = UnitId(row.subject, row.site, row.unit_index)
            return StoredRun(unit=unit, **fields(row, StoredRun, "unit"))

    def _calls(self, rows: list[Row[Any]]) -> list[CallRecord]:
        with translated(self.name):
            return [CallRecord(**fields(row, CallRecord)) for row in rows]

    # writing

    def next_version(self, unit: UnitId, spec_hash: str) -> int:
        """Reserve the next explanation version of a unit (the first is 1).

        Two callers never get the same number, whatever their process; a number that is not used
        stays a gap.
        """
        with self._writing() as connection:
            return raise_version(connection, unit_number(connection, unit, spec_hash))

    def save_run(self, run: RunRecord) -> None:
        """Write a run with all it found, or nothing.

        A run saved as ``running`` is completed by saving it again under its id; any other id,
        explanation or version that is stored already is refused: nothing is overwritten.
        """
        with self._writing() as connection:
            write_run(connection, run, unit_number(connection, run.unit, run.spec_hash))

    def save_runs(self, found: Sequence[RunRecord]) -> None:
        """Write all of these runs, or none.

        Their explanations get the next version numbers of their units, in this order.
        """
        with self._writing() as connection:
            for run in found:
                number = unit_number(connection, run.unit, run.spec_hash)
                count = len(run.explanations)
                first = raise_version(connection, number, by=count) - count + 1
                numbered = tuple(
                    e.model_copy(update={"version": first + i})
                    for i, e in enumerate(run.explanations)
                )
                write_run(connection, run.model_copy(update={"explanations": numbered}), number)

    def save_calls(self, calls: Sequence[CallRecord]) -> None:
        """Write all of these calls, or none when one has an id that is stored already."""
        if not calls:
            return
        with self._writing() as connection:
            connection.execute(insert(llm_calls), [call.model_dump() for call in calls])

    def _check_open(self) -> None:
        if self._closed:
            raise StorageError(f"{self.name!r} was closed", "open the store again")

    def _rows(
        self, asked: Select[Any], exists: Select[Any] | None = None, missing: str = ""
    ) -> list[Row[Any]]:
        """The rows of ``asked``; :class:`NotStored` when there are none and ``exists`` has none."""
        with self._reading() as connection:
            found = list(connection.execute(asked))
            if not found and exists is not None and connection.execute(exists).first() is None:
                raise NotStored(missing, "check the id")
        return found
