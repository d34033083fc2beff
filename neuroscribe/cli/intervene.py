"""``neuroscribe intervene UNIT``: what the model does without a unit, or with more of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from core.errors import InvalidSetting
from core.ids import UnitId
from core.intervention_bounds import MOST_NULL_UNITS, MOST_TEXTS, NULL_UNITS
from neuroscribe.cli import options
from neuroscribe.cli.output import collecting, console, print_json

if TYPE_CHECKING:
    from core.interventions import InterventionKind


def intervene(
    unit: options.Unit,
    ablate: Annotated[bool, typer.Option("--ablate", help="Set the unit to its mean.")] = False,
    push: Annotated[
        float | None,
        typer.Option("--push", metavar="BY", help="Add so many of its typical peaks."),
    ] = None,
    text: Annotated[
        list[str] | None,
        typer.Option(
            "--text",
            help=f"What the model reads (up to {MOST_TEXTS} times). Default: the unit's strongest "
            "excerpts.",
        ),
    ] = None,
    excerpts: Annotated[
        int,
        typer.Option("--excerpts", min=1, max=MOST_TEXTS, help="So many excerpts, without --text."),
    ] = 1,
    null_units: Annotated[
        int,
        typer.Option("--null-units", min=0, max=MOST_NULL_UNITS, help="Other units, edited alike."),
    ] = NULL_UNITS,
    json: options.Json = False,
    seed: options.Seed = 0,
    corpus: options.Corpus = "builtin",
    column: options.Column = "text",
    limit: options.Limit = None,
    window: options.Window = 64,
    per_document: options.PerDocument = None,
    source: options.Source = None,
    revision: options.Revision = None,
    trust_remote_code: options.Trust = False,
) -> None:
    """Edit a unit while the model reads: how the prediction after the last token moves."""
    from neuroscribe.interventions import Intervention
    from neuroscribe.interventions import intervene as done
    from subjects.protocol import resolve

    if ablate == (push is not None):
        raise InvalidSetting("say what to do to the unit", "give either --ablate or --push BY")
    named = UnitId.parse(unit)
    kind: InterventionKind = "ablate" if ablate else "push"
    asked = Intervention(named, kind, push, tuple(text or ()), excerpts, null_units, seed)
    asked.check()
    workspace = options.workspace(named.subject, source, revision, trust_remote_code)
    subject = workspace.subject(named.subject)
    resolve(subject, named)
    choice = options.corpus_choice(corpus, column, limit, window, per_document)
    with collecting(quiet=json) as progress:
        index = workspace.index(named.subject, named.site, choice, progress)
    found = done(subject, index, asked)
    if json:
        print_json(found.model_dump(mode="json"))
        return
    from neuroscribe.render.interventions import intervention_view

    screen = console()
    screen.print(intervention_view(found, width=screen.width))
