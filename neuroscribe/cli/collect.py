"""``neuroscribe collect SUBJECT``."""

from __future__ import annotations

from typing import Annotated

import typer

from core.errors import UnknownSite
from core.ids import site_kind
from neuroscribe.cli import options
from neuroscribe.cli.output import collecting, console, print_json


def collect(
    subject: Annotated[str, typer.Argument(help="Which subject, e.g. demo.")],
    sites: Annotated[
        list[str] | None,
        typer.Option("--sites", help="A site (mlp.2) or a kind of site (mlp). May be repeated."),
    ] = None,
    json: options.Json = False,
    rebuild: Annotated[
        bool, typer.Option("--rebuild", help="Discard an existing index and collect anew.")
    ] = False,
    corpus: options.Corpus = "builtin",
    column: options.Column = "text",
    limit: options.Limit = None,
    window: options.Window = 64,
    per_document: options.PerDocument = None,
    source: options.Source = None,
    revision: options.Revision = None,
    trust_remote_code: options.Trust = False,
    engine: options.Engine = "local",
    workers: options.Workers = None,
    ray_address: options.RayAddress = None,
) -> None:
    """Run a subject over a corpus once and keep what explanations need. Resumes when killed."""
    from core.documents import Collected
    from neuroscribe.engines.choice import EngineChoice
    from subjects.index.collect import collect as run

    chosen = EngineChoice(engine, workers, ray_address)
    workspace = options.workspace(subject, source, revision, trust_remote_code)
    choice = options.corpus_choice(corpus, column, limit, window, per_document)
    wanted = _wanted(list(workspace.subject(subject).sites()), sites or ["mlp"], subject)
    made: list[Collected] = []
    with chosen.shards(workspace, subject) as shards:
        for group in wanted:
            plan = workspace.plan(subject, group, choice)
            with collecting(quiet=json) as progress:
                manifest = run(
                    plan, workspace.home, rebuild=rebuild, progress=progress, engine=shards
                )
            folder = plan.folder(workspace.home)
            made.append(
                Collected(
                    subject=subject,
                    sites=list(manifest.sites),
                    index=manifest.key,
                    folder=str(folder),
                    bytes=manifest.size(folder),
                    tokens=manifest.n_tokens,
                    tokens_left_out=manifest.tokens_left_out,
                    documents=sum(manifest.n_documents),
                    documents_too_short=manifest.n_too_short,
                    windows=sum(manifest.n_windows),
                    left_out_positions=manifest.left_out_positions,
                    seconds=round(manifest.seconds, 2),
                )
            )
    if json:
        print_json({"indexes": [item.model_dump() for item in made]})
        return
    for item in made:
        console().print(item.told(), markup=False)


def _wanted(known: list[str], asked: list[str], subject: str) -> list[list[str]]:
    """Groups of sites to collect together: whole kinds, or the one kind of a named site."""
    groups: dict[str, list[str]] = {}
    for name in asked:
        kind = site_kind(name)
        found = [site for site in known if site_kind(site) == kind]
        if not found or (name not in known and name != kind):
            raise UnknownSite(
                f"subject {subject!r} has no site {name!r}", "sites: " + ", ".join(known)
            )
        groups[kind] = found
    return list(groups.values())
