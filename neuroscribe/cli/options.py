"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from neuroscribe.explaining import InvestigationMode
    from neuroscribe.interchange.records import Format
    from neuroscribe.models import ModelChoice
    from neuroscribe.workspace import CorpusChoice, Workspace
    from service.bodies import ExportFormat

Unit = Annotated[
    str, typer.Argument(metavar="UNIT", help="Which unit: subject/site/index, e.g. demo/mlp.2/117.")
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document on stdout.")]


def page_place(path: Path | None) -> Path | None:
    """A page that cannot be written is refused before anything is computed for it."""
    from neuroscribe.render.place import check_place

    if path is not None:
        check_place(path, "page")
    return path


Html = Annotated[
    Path | None,
    typer.Option("--html", help="Also write one self-contained HTML file.", callback=page_place),
]
Seed = Annotated[int, typer.Option("--seed", help="Seed of experiments and intervals.")]
Fresh = Annotated[
    bool, typer.Option("--fresh", help="Recompute instead of giving the stored answer.")
]
Corpus = Annotated[
    str,
    typer.Option(
        "--corpus",
        help="builtin, a file or folder, or hf:dataset[:config[:split]].",
        metavar="TEXT",
    ),
]
Column = Annotated[str, typer.Option("--column", help="Column that holds the text of a row.")]
Limit = Annotated[
    int | None, typer.Option("--limit", min=1, help="At most this many rows of a hub data set.")
]
Window = Annotated[int, typer.Option("--window", min=1, help="Tokens in one window.")]
PerDocument = Annotated[
    int | None,
    typer.Option("--per-document", min=1, help="At most this many windows of one document."),
]
Source = Annotated[
    str | None,
    typer.Option(
        "--source", help="Folder or Hugging Face ID of a subject that is not registered yet."
    ),
]
Revision = Annotated[str | None, typer.Option("--revision", help="Revision of --source.")]
Trust = Annotated[
    bool,
    typer.Option(
        "--trust-remote-code", help="Run code that comes with the model. Off for a reason."
    ),
]
Engine = Annotated[
    str, typer.Option("--engine", metavar="NAME", help="Who works: local (this process) or ray.")
]
Workers = Annotated[
    int | None,
    typer.Option("--workers", min=1, help="Processes of --engine ray. Default: what fits."),
]
RayAddress = Annotated[
    str | None,
    typer.Option(
        "--ray-address",
        metavar="HOST:PORT",
        help="The Ray cluster to use (or auto); default: NEUROSCRIBE_RAY_ADDRESS, else Ray is "
        "started on this machine.",
    ),
]

Explainer = Annotated[
    str,
    typer.Option(
        "--explainer",
        metavar="MODEL",
        help="pattern (no language model), openai:MODEL[@URL], anthropic:MODEL or vllm:MODEL.",
    ),
]
Simulator = Annotated[
    str | None,
    typer.Option("--simulator", metavar="MODEL", help="The same; default: whoever explains."),
]
Strategy = Annotated[
    str,
    typer.Option("--strategy", help="auto, all-at-once, token-by-token or indexed simulation."),
]
Candidates = Annotated[
    int, typer.Option("--candidates", min=1, max=50, help="Explanations to choose from.")
]
Mode = Annotated[
    str,
    typer.Option(
        "--mode", help="agent (tests what it says on the model) or one-shot (from excerpts alone)."
    ),
]
Arms = Annotated[
    bool,
    typer.Option(
        "--arms/--no-arms",
        help="Score beside it what would have been said without experiments, and in other words.",
    ),
]
Scored = Annotated[
    int,
    typer.Option(
        "--score-excerpts", min=1, help="Windows of each kind that a language model simulates."
    ),
]
Scorers = Annotated[
    str,
    typer.Option(
        "--scorers",
        metavar="NAMES",
        help="simulation (always there), and any of detection, fuzzing, intruder (a language model "
        "rates excerpts: more requests), embedding; or all.",
    ),
]
Embedder = Annotated[
    str | None,
    typer.Option(
        "--embedder",
        metavar="MODEL",
        help="Adds embedding: lexical (no model), minilm (extra embed), or folder or Hugging Face "
        "ID of an encoder.",
    ),
]
EmbedderRevision = Annotated[
    str | None, typer.Option("--embedder-revision", help="Revision of --embedder.")
]
BudgetUsd = Annotated[
    float | None, typer.Option("--budget-usd", min=0.0, help="Stop before spending more dollars.")
]
MaxCalls = Annotated[
    int | None, typer.Option("--max-calls", min=0, help="Stop before making more requests.")
]
MaxTokens = Annotated[
    int | None, typer.Option("--max-tokens", min=0, help="Stop before using more tokens.")
]
Concurrency = Annotated[
    int | None, typer.Option("--concurrency", min=1, max=1024, help="Requests at once.")
]


def model_choice(
    explainer: str,
    simulator: str | None,
    strategy: str,
    candidates: int,
    scored: int,
    scorers: tuple[str, str | None, str | None],
) -> ModelChoice:
    """Who explains, simulates and rates, as chosen on the command line.

    ``scorers`` are their names, the embedder and its revision.
    """
    from neuroscribe.models import PATTERN, ModelChoice, strategy_named
    from neuroscribe.scorers import ScorerChoice

    how = strategy_named(strategy)
    asked = ScorerChoice.named(*scorers, model=(simulator or explainer) != PATTERN)
    return ModelChoice(explainer, simulator, how, candidates, scored, scorers=asked)


def investigation_mode(name: str) -> InvestigationMode:
    """How a unit is investigated, as chosen on the command line."""
    from core.errors import InvalidSetting
    from neuroscribe.explaining import MODES

    for known in MODES:
        if name == known:
            return known
    raise InvalidSetting(f"{name!r} is no mode", f"known: {', '.join(MODES)}")


def interchange_format(name: str) -> Format:
    """The format of another tool, as chosen on the command line."""
    from core.errors import InvalidSetting
    from neuroscribe.interchange.records import FORMATS

    for known in FORMATS:
        if name == known:
            return known
    raise InvalidSetting(f"{name!r} is no format", f"known: {', '.join(FORMATS)}")


def export_format(name: str) -> ExportFormat:
    """The format of an export, as chosen on the command line."""
    from core.errors import InvalidSetting
    from service.bodies import EXPORT_FORMATS

    for known in EXPORT_FORMATS:
        if name == known:
            return known
    raise InvalidSetting(f"{name!r} is no format", f"known: {', '.join(EXPORT_FORMATS)}")


def corpus_choice(
    source: str, column: str, limit: int | None, window: int, per_document: int | None
) -> CorpusChoice:
    """The corpus as chosen on the command line."""
    from neuroscribe.workspace import CorpusChoice

    return CorpusChoice(source, column, limit, window, per_document)


def workspace(
    subject: str, source: str | None, revision: str | None, trust_remote_code: bool
) -> Workspace:
    """The workspace of this process; ``source`` registers the subject first."""
    from neuroscribe.workspace import Workspace

    opened = Workspace(trust_remote_code=trust_remote_code)
    if source is not None:
        opened.register(subject, source, revision)
    return opened
