"""What is kept between runs: units, runs and all they found, ratings, calls of models, jobs.

Text and numbers in SQL (SQLite by default, PostgreSQL by URL); activations stay in index shards.
:func:`open_store` brings the schema up to date and gives a :class:`Store`; a run is written whole
or not at all, and what is written is never overwritten.

Start with :mod:`storage.store` (what can be asked and saved), then :mod:`storage.records`,
:mod:`storage.calls`, :mod:`storage.ratings` and :mod:`storage.answers` (what goes in and out),
:mod:`storage.call_rows` (which call answers a repeated request), :mod:`storage.cost_rows` (what
units cost), :mod:`storage.rating_rows` (which ratings are refused), :mod:`storage.answer_rows`
(which run answers for a unit), :mod:`storage.search_rows` (which explanations a search finds, in
which order; :mod:`storage.words` what a word is) and :mod:`storage.schema` (the tables; its
docstring says how to change one). Jobs about many units are in :mod:`storage.job_store`;
:mod:`storage.jobs` says what states they and their items go through, :mod:`storage.event_rows` how
what happens in them is numbered. :mod:`storage.engine` opens databases, :mod:`storage.looking`
looks at one without changing it, :mod:`storage.faults` turns their failures into
:class:`core.errors.StorageError`.
"""

from storage.answers import Answer, SiteAnswers, Unanswered
from storage.calls import CallRecord, CallStatus, Spent, Totals
from storage.costs import PastRun, UnitCost
from storage.found import FoundByMeaning, FoundExplanation, FoundScore, MeaningPage, SearchPage
from storage.job_store import JobStore
from storage.jobs import (
    Ending,
    EventKind,
    Held,
    ItemStatus,
    JobCounts,
    JobEvent,
    JobItem,
    JobRecord,
    JobStatus,
    JobSummary,
    StoredJob,
)
from storage.keys import KeyRecord, KeyStore, Scope
from storage.ratings import RatingRecord, Seen, StoredExplanation
from storage.records import ExperimentRecord, Opening, RunRecord, StoredRun
from storage.store import Store, open_store

__all__ = [
    "Answer",
    "CallRecord",
    "CallStatus",
    "Ending",
    "EventKind",
    "ExperimentRecord",
    "FoundByMeaning",
    "FoundExplanation",
    "FoundScore",
    "Held",
    "ItemStatus",
    "JobCounts",
    "JobEvent",
    "JobItem",
    "JobRecord",
    "JobStatus",
    "JobStore",
    "JobSummary",
    "KeyRecord",
    "KeyStore",
    "MeaningPage",
    "Opening",
    "PastRun",
    "RatingRecord",
    "RunRecord",
    "Scope",
    "SearchPage",
    "Seen",
    "SiteAnswers",
    "Spent",
    "Store",
    "StoredExplanation",
    "StoredJob",
    "StoredRun",
    "Totals",
    "Unanswered",
    "UnitCost",
    "open_store",
]
