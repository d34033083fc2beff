"""``neuroscribe search``: explanations by words or meaning, or units that fire on a text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from neuroscribe.cli import options
from neuroscribe.cli.output import comparing, console, print_json

if TYPE_CHECKING:
    from neuroscribe.workspace import CorpusChoice
    from storage.found import MeaningPage, SearchPage
    from storage.search_rows import Search


def search(
    text: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[TEXT]",
            help='Words that must all be there; "a phrase", -without, beginn*. Put -- before '
            "a text that begins with a dash.",
            show_default=False,
        ),
    ] = None,
    subject: Annotated[
        str | None, typer.Option("--subject", metavar="NAME", help="Of this subject, e.g. demo.")
    ] = None,
    site: Annotated[
        str | None, typer.Option("--site", metavar="NAME", help="Of this site, e.g. mlp.2.")
    ] = None,
    verdict: Annotated[
        str | None, typer.Option("--verdict", help="explained, abstained, polysemantic, …")
    ] = None,
    method: Annotated[
        str | None, typer.Option("--method", help="Made this way, e.g. pattern.")
    ] = None,
    min_score: Annotated[
        float | None,
        typer.Option("--min-score", help="With this correlation or more on the whole corpus."),
    ] = None,
    every: Annotated[
        bool,
        typer.Option("--all", help="Also what was said before a unit was investigated again."),
    ] = False,
    limit: Annotated[int, typer.Option("--limit", min=1, max=1000, help="At most so many.")] = 20,
    after: Annotated[
        str | None,
        typer.Option("--after", metavar="PLACE", help="Go on where a page before ended."),
    ] = None,
    meaning: Annotated[
        str | None,
        typer.Option(
            "--meaning",
            metavar="TEXT",
            help="Nearest in meaning instead of by words (extra embed).",
        ),
    ] = None,
    embedder: Annotated[
        str | None,
        typer.Option(
            "--embedder",
            metavar="MODEL",
            help="What compares meanings: minilm (extra embed), or folder or Hugging Face ID of an "
            "encoder. Default: NEUROSCRIBE_SERVICE_EMBEDDER, else minilm.",
        ),
    ] = None,
    embedder_revision: options.EmbedderRevision = None,
    fires_on: Annotated[
        str | None,
        typer.Option(
            "--fires-on",
            metavar="TEXT",
            help="Units of --subject (and --site) that are unusually high on this text, instead of "
            "explanations. Sites must have been collected, from --corpus.",
        ),
    ] = None,
    corpus: options.Corpus = "builtin",
    column: options.Column = "text",
    rows: Annotated[
        int | None,
        typer.Option("--rows", min=1, help="With --fires-on: what collect was given as --limit."),
    ] = None,
    window: options.Window = 64,
    per_document: options.PerDocument = None,
    json: options.Json = False,
) -> None:
    """Search stored explanations, best match first; without TEXT the newest come first."""
    from core.errors import InvalidSetting
    from storage.search_rows import Search

    if fires_on is not None:
        others = (text, meaning, embedder, embedder_revision, verdict, method, min_score, after)
        if every or any(other is not None and other != [] for other in others):
            raise InvalidSetting(
                "--fires-on with what is asked of explanations",
                "beside it only --subject, --site, --limit and the corpus count",
            )
        if subject is None:
            raise InvalidSetting("--fires-on without a subject", "give --subject, e.g. demo")
        choice = options.corpus_choice(corpus, column, rows, window, per_document)
        _firing(fires_on, subject, site, limit, choice, json)
        return
    filters = Search("", subject, site, verdict, method, min_score, not every)
    if meaning is not None:
        if text:
            raise InvalidSetting("words and --meaning at once", "give one of them")
        page: SearchPage | MeaningPage = _by_meaning(
            meaning, filters, limit, after, embedder, embedder_revision, quiet=json
        )
    elif embedder is not None or embedder_revision is not None:
        raise InvalidSetting("--embedder without --meaning", "give --meaning a text")
    else:
        page = _by_words(" ".join(text or ()), filters, limit, after)
    if json:
        print_json(page.model_dump(mode="json"))
        return
    from neuroscribe.render.search import page_view

    console().print(page_view(page))


def _firing(
    text: str, name: str, site: str | None, limit: int, choice: CorpusChoice, json: bool
) -> None:
    from neuroscribe.firing import fires_on
    from neuroscribe.workspace import Workspace

    workspace = Workspace()
    subject = workspace.subject(name)
    with workspace.store() as store:
        found = fires_on(
            subject,
            text,
            lambda site: workspace.index_if_there(name, site, choice),
            store,
            site=site,
            limit=limit,
        )
    if json:
        print_json(found.model_dump(mode="json"))
        return
    from neuroscribe.render.firing import firing_view

    console().print(firing_view(found))


def _by_words(text: str, filters: Search, limit: int, after: str | None) -> SearchPage:
    from neuroscribe.workspace import Workspace

    with Workspace().store() as store:
        return store.search(
            text,
            subject=filters.subject,
            site=filters.site,
            verdict=filters.verdict,
            method=filters.method,
            min_score=filters.min_score,
            only_newest=filters.only_newest,
            limit=limit,
            after=after,
        )


def _by_meaning(
    text: str,
    filters: Search,
    limit: int,
    after: str | None,
    embedder: str | None,
    revision: str | None,
    *,
    quiet: bool,
) -> MeaningPage:
    from neuroscribe.embedders import MINILM, open_encoder
    from neuroscribe.meaning import Meant, search_by_meaning
    from neuroscribe.workspace import Workspace

    meant, workspace = Meant(text, filters), Workspace()
    name = embedder or workspace.settings.service_embedder or MINILM
    encoder = open_encoder(name, revision, workspace.settings)
    with workspace.store() as store, comparing(quiet) as told:
        return search_by_meaning(store, encoder, meant, limit=limit, after=after, told=told)
