"""What is sent to the API. Sizes are bounded here, meaning is checked by who does the work."""

from __future__ import annotations

from typing import Annotated, Literal, get_args

from pydantic import Field

from core.ids import SEGMENT, UnitIdField
from core.intervention_bounds import MOST_BY, MOST_NULL_UNITS, MOST_TEXTS, NULL_UNITS
from core.interventions import InterventionKind
from core.results import Finite, Record

MOST_RUN = 16
LONGEST_TEXT = 8_000
LONGEST_SENTENCE = 2_000
LONGEST_WAIT = 60.0
ExportFormat = Literal["html", "jsonl", "neuron-explainer", "neuronpedia"]
EXPORT_FORMATS: tuple[ExportFormat, ...] = get_args(ExportFormat)

HUB_ID = r"^[A-Za-z0-9][A-Za-z0-9_.-]*/[A-Za-z0-9][A-Za-z0-9_.-]*$"
REVISION = r"^[A-Za-z0-9][A-Za-z0-9_.-]*(/[A-Za-z0-9][A-Za-z0-9_.-]*)*$"
WHOLE_SEGMENT = f"^{SEGMENT}$"
LONGEST_NAME = 200

Name = Annotated[str, Field(min_length=1, max_length=200)]
Text = Annotated[str, Field(min_length=1, max_length=LONGEST_TEXT)]
Sentence = Annotated[str, Field(min_length=1, max_length=LONGEST_SENTENCE)]


class Spend(Record):
    """Who explains and simulates, and what that may cost; as on the command line.

    Without ``budget_usd`` and ``max_calls`` the limits of the API key hold.
    """

    explainer: Name = "pattern"
    simulator: Name | None = None
    strategy: Name = "auto"
    scorers: Name = "simulation"
    mode: Literal["agent", "one-shot"] = "agent"
    seed: Annotated[int, Field(ge=-(2**63), lt=2**63)] = 0
    budget_usd: Annotated[Finite, Field(ge=0, le=1e6)] | None = None
    max_calls: Annotated[int, Field(ge=0, lt=2**31)] | None = None


class ExplainBody(Spend):
    """A unit to explain. ``wait`` is how many seconds the answer may be waited for.

    An answer that is stored is given at once; one that takes longer goes on as a job.
    """

    unit: UnitIdField
    wait: Annotated[float, Field(ge=0, le=LONGEST_WAIT)] = LONGEST_WAIT


class SweepBody(Spend):
    """Units of a site (``subject/site``) to explain: ``units`` like "0-99,120", ``sample`` live
    ones, or those that a stored ``finding`` names; without any of these all that are live."""

    site: Name
    units: Annotated[str, Field(min_length=1, max_length=10_000)] | None = None
    sample: Annotated[int, Field(ge=1, lt=10**9)] | None = None
    finding: Annotated[str, Field(min_length=1, max_length=64)] | None = None
    concurrency: Annotated[int, Field(ge=1, le=1024)] | None = None


class RunBody(Record):
    """Texts to run on a unit; with ``explanation``, a sentence of the pattern language, what it
    predicts is shown beside."""

    unit: UnitIdField
    texts: Annotated[list[Text], Field(min_length=1, max_length=MOST_RUN)]
    explanation: Sentence | None = None


class ExportAsked(Record):
    """What a file holds: ``details`` of every unit in the HTML of a layer; ``plain``, for the
    formats of other tools, leaves out fields that are not theirs."""

    format: ExportFormat
    details: bool = False
    plain: bool = False


class FiringBody(Record):
    """A text, to find units of ``subject`` (of one ``site``, or of all) that fire on it."""

    subject: Name
    text: Annotated[str, Field(min_length=1, max_length=LONGEST_TEXT)]
    site: Name | None = None
    limit: Annotated[int, Field(ge=1, le=100)] = 20


class InterveneBody(Record):
    """A unit to edit while the model reads ``texts``, or the unit's strongest ``excerpts``.

    ``ablate`` sets it to its mean, ``push`` adds ``by`` typical peaks (where its site was not
    collected: zero, and ``by`` in its own scale). ``null_units`` other units are edited alike.
    """

    unit: UnitIdField
    kind: InterventionKind
    by: Annotated[Finite, Field(ge=-MOST_BY, le=MOST_BY)] | None = None
    texts: Annotated[list[Text], Field(max_length=MOST_TEXTS)] = Field(default_factory=list)
    excerpts: Annotated[int, Field(ge=1, le=MOST_TEXTS)] = 1
    null_units: Annotated[int, Field(ge=0, le=MOST_NULL_UNITS)] = NULL_UNITS
    seed: Annotated[int, Field(ge=0, lt=2**63)] = 0


class SubjectBody(Record):
    """A model of the Hugging Face hub to register: ``source`` is its ID, never a folder.

    ``name`` is what to call it (default: the last part of the ID, in lower case).
    """

    source: Annotated[
        str, Field(pattern=HUB_ID, max_length=200, examples=["openai-community/gpt2"])
    ]
    revision: Annotated[str, Field(pattern=REVISION, max_length=200)] | None = None
    name: Annotated[str, Field(pattern=WHOLE_SEGMENT, max_length=LONGEST_NAME)] | None = None


class LimitsBody(Record):
    """New limits of a job, for all of it from its beginning; None leaves one as it is."""

    budget_usd: Annotated[Finite, Field(ge=0, le=1e6)] | None = None
    max_calls: Annotated[int, Field(ge=0, lt=2**31)] | None = None


class FindingsAsked(Record):
    """Which findings: of a subject, of a method, that name a unit of a site (``mlp.2``).

    ``after`` is the end of the page before.
    """

    subject: Name | None = None
    site: Name | None = None
    method: Name | None = None
    limit: Annotated[int, Field(ge=1, le=500)] = 50
    after: Annotated[int, Field(ge=0, lt=2**31)] | None = None


class SearchAsked(Record):
    """What is looked for: all words of ``q`` ("phrases", -without, beginn*), and filters.

    ``by`` meaning: what is nearest to ``q`` in meaning, where the service can compare meanings.
    ``everything``: also what was said before the newest investigation. ``after`` is the end of the
    page before.
    """

    q: Annotated[str, Field(max_length=LONGEST_SENTENCE)] = ""
    by: Literal["words", "meaning"] = "words"
    subject: Name | None = None
    site: Name | None = None
    verdict: Name | None = None
    method: Name | None = None
    min_score: Annotated[Finite, Field(ge=-1, le=1)] | None = None
    everything: bool = False
    limit: Annotated[int, Field(ge=1, le=500)] = 50
    after: Annotated[str, Field(min_length=1, max_length=500)] | None = None
