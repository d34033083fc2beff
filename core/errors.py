"""Every error the product raises on purpose, in one tree.

NeuroscribeError                code               exit
├── MisuseError                 misuse             2   the request itself is wrong
│   ├── MalformedId             malformed_id       2
│   ├── UnknownSubject          unknown_subject    2
│   ├── UnknownSite             unknown_site       2
│   ├── UnitOutOfRange          unit_out_of_range  2
│   ├── PatternSyntaxError      pattern_syntax     2
│   ├── InvalidSetting          invalid_setting    2
│   └── JobState                job_state          2
├── SubjectError                subject            1   a model cannot be read
│   ├── UnsupportedArchitecture unsupported_architecture
│   ├── ShapeMismatch           shape_mismatch
│   ├── SubjectLoadError        subject_load
│   │   └── HubUnavailable      hub_unavailable
│   ├── SubjectOutOfMemory      subject_out_of_memory
│   ├── MemoryShort             memory_short
│   └── UnsupportedOperation    unsupported_operation
├── CorpusError                 corpus             1   a text source cannot be used
│   ├── CorpusNotFound          corpus_not_found   2
│   ├── CorpusEmpty             corpus_empty
│   ├── CorpusNotText           corpus_not_text
│   ├── CorpusTooShort          corpus_too_short
│   └── LabelsUnusable          labels_unusable
├── IndexFault                  index              1   an activation index cannot be used
│   ├── IndexMissing            index_missing
│   ├── IndexDamaged            index_damaged
│   └── IndexMismatch           index_mismatch
├── StorageError                storage            1   the disk or the database said no
│   ├── DiskFull                disk_full
│   └── NotStored               not_stored
├── InterchangeError            interchange        1   a file of another tool cannot be used
│   ├── ForeignNotFound         foreign_not_found  2
│   ├── ForeignDamaged          foreign_damaged
│   └── OutputExists            output_exists      2
├── ModelError                  model              1   a language model gave no usable answer
│   ├── ModelKeyMissing         model_key_missing  2
│   ├── ModelKeyRefused         model_key_refused
│   ├── UnknownModel            unknown_model      2
│   ├── UnsupportedRequest      unsupported_request 2
│   ├── RequestRejected         request_rejected
│   │   └── ContextTooLong      context_too_long
│   ├── ModelUnavailable        model_unavailable
│   └── AnswerUnusable          answer_unusable
├── EngineError                 engine             1   other processes cannot do the work
│   ├── EngineUnavailable       engine_unavailable
│   ├── WorkerLost              worker_lost
│   └── WorkerFailed            worker_failed
├── RatingsUnusable             ratings_unusable   1   a file of ratings cannot be stored
├── MissingExtra                missing_extra      1   an optional package is not installed
└── BudgetReached               budget_reached     3   stopped before spending more

Each carries a one-line ``message`` that names the thing with ``!r`` and a ``hint`` that says what
to do. Exit codes: 0 done, 1 failed, 2 misuse, 3 budget reached, 130 interrupted.
"""

from __future__ import annotations


class NeuroscribeError(Exception):
    """Base of all deliberate errors: a message, a hint, a stable code and an exit code."""

    code = "error"
    exit_code = 1

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message} ({self.hint})" if self.hint else self.message


class MisuseError(NeuroscribeError):
    """The request cannot be meant: fix it and ask again."""

    code = "misuse"
    exit_code = 2


class MalformedId(MisuseError):
    """A string is not a unit ID."""

    code = "malformed_id"


class UnknownSubject(MisuseError):
    """No subject has this name."""

    code = "unknown_subject"


class UnknownSite(MisuseError):
    """The subject has no such site."""

    code = "unknown_site"


class UnitOutOfRange(MisuseError):
    """The site has fewer units than the index asked for."""

    code = "unit_out_of_range"


class PatternSyntaxError(MisuseError):
    """A text is not a sentence of the pattern language."""

    code = "pattern_syntax"


class InvalidSetting(MisuseError):
    """A setting or option has a value that cannot be used."""

    code = "invalid_setting"


class JobState(MisuseError):
    """A job is in a state in which this cannot be done with it."""

    code = "job_state"


class SubjectError(NeuroscribeError):
    """A model under study cannot be loaded, read or edited."""

    code = "subject"


class UnsupportedArchitecture(SubjectError):
    """The model's modules match no known layout, and guessing would be wrong."""

    code = "unsupported_architecture"


class ShapeMismatch(SubjectError):
    """A hooked module gave values of another shape than the architecture table says."""

    code = "shape_mismatch"


class SubjectLoadError(SubjectError):
    """Weights, config or tokenizer cannot be read."""

    code = "subject_load"


class SubjectOutOfMemory(SubjectError):
    """One window alone does not fit into the memory that is left."""

    code = "subject_out_of_memory"


class HubUnavailable(SubjectLoadError):
    """The Hugging Face hub cannot be reached, and the local cache does not hold the model."""

    code = "hub_unavailable"


class MemoryShort(SubjectError):
    """A model does not fit beside those that are in use; nothing was dropped for it.

    It would not fit alone either where it is ``too_large``: waiting does not help.
    """

    code = "memory_short"

    def __init__(self, message: str, hint: str = "", *, too_large: bool = False) -> None:
        super().__init__(message, hint)
        self.too_large = too_large


class UnsupportedOperation(SubjectError):
    """The subject exists but cannot do this (a masked LM cannot generate, say)."""

    code = "unsupported_operation"


class CorpusError(NeuroscribeError):
    """A text source cannot be used."""

    code = "corpus"


class CorpusNotFound(CorpusError):
    """No such file, folder or data set."""

    code = "corpus_not_found"
    exit_code = 2


class CorpusEmpty(CorpusError):
    """The source holds no text."""

    code = "corpus_empty"


class CorpusNotText(CorpusError):
    """The source holds bytes that are not UTF-8 text."""

    code = "corpus_not_text"


class CorpusTooShort(CorpusError):
    """No document fills one window."""

    code = "corpus_too_short"


class LabelsUnusable(CorpusError):
    """A file of labels says something that cannot be meant; the message names file and line."""

    code = "labels_unusable"


class IndexFault(NeuroscribeError):
    """An activation index cannot be used as it is."""

    code = "index"


class IndexMissing(IndexFault):
    """There is no index for this subject, corpus and site yet."""

    code = "index_missing"


class IndexDamaged(IndexFault):
    """A file of the index is unreadable, truncated or fails its checksum."""

    code = "index_damaged"


class IndexMismatch(IndexFault):
    """The index was made with another tokenizer, subject or corpus."""

    code = "index_mismatch"


class StorageError(NeuroscribeError):
    """The disk or the database refused; what was stored before is intact."""

    code = "storage"


class DiskFull(StorageError):
    """No space left; partial files were removed, finished ones kept."""

    code = "disk_full"


class NotStored(StorageError):
    """The record asked for does not exist."""

    code = "not_stored"


class InterchangeError(NeuroscribeError):
    """A file for or from another tool cannot be read or written."""

    code = "interchange"


class ForeignNotFound(InterchangeError):
    """No such file, or a folder that holds nothing to read."""

    code = "foreign_not_found"
    exit_code = 2


class ForeignDamaged(InterchangeError):
    """A file is empty, cut short, or holds no record that can be read."""

    code = "foreign_damaged"


class OutputExists(InterchangeError):
    """Something lies where a file would be written."""

    code = "output_exists"
    exit_code = 2


class ModelError(NeuroscribeError):
    """A language model gave no usable answer.

    ``transient`` errors may go away when asked again, after ``retry_after`` seconds if the server
    said so; ``rate_limited`` ones also ask for fewer requests at once. ``attempts`` counts the
    requests that were made.
    """

    code = "model"

    def __init__(
        self,
        message: str,
        hint: str = "",
        *,
        transient: bool = False,
        rate_limited: bool = False,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message, hint)
        self.transient = transient or rate_limited
        self.rate_limited = rate_limited
        self.retry_after = retry_after
        self.attempts = 1


class ModelKeyMissing(ModelError):
    """No API key is set for the provider."""

    code = "model_key_missing"
    exit_code = 2


class ModelKeyRefused(ModelError):
    """The server does not accept the API key, or not for this model."""

    code = "model_key_refused"


class UnknownModel(ModelError):
    """The server has no model of this name."""

    code = "unknown_model"
    exit_code = 2


class UnsupportedRequest(ModelError):
    """The model is declared unable to do what is asked; nothing was sent."""

    code = "unsupported_request"
    exit_code = 2


class RequestRejected(ModelError):
    """The server calls the request wrong; asking again would not help."""

    code = "request_rejected"


class ContextTooLong(RequestRejected):
    """The prompt is longer than the model's context."""

    code = "context_too_long"


class ModelUnavailable(ModelError):
    """The server could not be reached, was overloaded, or failed."""

    code = "model_unavailable"


class AnswerUnusable(ModelError):
    """The server answered with something that is no answer: cut short, empty, malformed."""

    code = "answer_unusable"


class EngineError(NeuroscribeError):
    """Work that was given to other processes cannot be done there."""

    code = "engine"


class EngineUnavailable(EngineError):
    """Ray cannot be started or reached, or has no machine that is large enough."""

    code = "engine_unavailable"


class WorkerLost(EngineError):
    """Worker processes died at the same thing, as often as was allowed."""

    code = "worker_lost"


class WorkerFailed(EngineError):
    """Something unforeseen was raised in a worker process."""

    code = "worker_failed"


class RatingsUnusable(NeuroscribeError):
    """A file is no ratings, or not of what the store holds; nothing of it was stored."""

    code = "ratings_unusable"


class MissingExtra(NeuroscribeError):
    """An optional dependency is needed: the hint names the extra to install."""

    code = "missing_extra"


class BudgetReached(NeuroscribeError):
    """The budget would be broken by the next call, so it was not made."""

    code = "budget_reached"
    exit_code = 3
