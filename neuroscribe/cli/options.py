"""Options that several commands share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from neuroscribe.workspace import CorpusChoice, Workspace

Unit = Annotated[
    str, typer.Argument(metavar="UNIT", help="Which unit: subject/site/index, e.g. demo/mlp.2/117.")
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document on stdout.")]
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
