"""Studies as self-contained HTML pages with their plots."""

from __future__ import annotations

from typing import Final

from markupsafe import Markup

from neuroscribe.render.templating import asset, environment
from neuroscribe.render.terminal_studies import GOOD, POOR, find, scores_of
from neuroscribe.studies.protocol import Protocol, Setting
from neuroscribe.studies.validity import Figure, Validity
from neuroscribe.studies.wrong import KINDS
from service.pages.templating import inert_json, source_hash

STYLES: Final = ("unit.css", "study.css")


def validity_page(study: Validity) -> str:
    """The table as a heat map with intervals drawn in every cell."""
    style = "".join(asset(name) for name in STYLES)
    kinds = {k: v for k, v in KINDS.items() if any(f.kind == k for f in study.overall)}
    rows = [
        (name, mode, [find(study, name, mode, kind) for kind in kinds])
        for name, mode in scores_of(study)
    ]
    page = (
        environment()
        .get_template("validity.html.j2")
        .render(
            study=study,
            kinds=kinds,
            rows=rows,
            shade=shade,
            style=Markup(style),
            style_hash=source_hash(style),
            twin=Markup(inert_json(study.model_dump())),
        )
    )
    return page.encode("utf-8", "backslashreplace").decode("utf-8")


def protocol_page(study: Protocol) -> str:
    """A plot an axis: mean ρ with its interval at every setting, one line a subject."""
    style = "".join(asset(name) for name in STYLES)
    plots: dict[tuple[str, str], list[Setting]] = {}
    for setting in study.settings:
        plots.setdefault((setting.subject, setting.axis), []).append(setting)
    page = (
        environment()
        .get_template("protocol.html.j2")
        .render(
            study=study,
            plots=plots,
            style=Markup(style),
            style_hash=source_hash(style),
            twin=Markup(inert_json(study.model_dump())),
        )
    )
    return page.encode("utf-8", "backslashreplace").decode("utf-8")


def shade(found: Figure | None) -> str:
    """The class of a cell: told apart, partly, or blind."""
    if found is None or found.auroc is None:
        return "none"
    if found.auroc >= GOOD:
        return "told"
    return "blind" if found.auroc < POOR else "partly"
