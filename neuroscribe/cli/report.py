"""``neuroscribe report SITE``."""

from __future__ import annotations

from typing import Annotated

import typer

from neuroscribe.cli import options
from neuroscribe.cli.output import console, print_json


def report(
    site: Annotated[
        str, typer.Argument(metavar="SITE", help="Which site: subject/site, e.g. demo/mlp.2.")
    ],
    json: options.Json = False,
    html: options.Html = None,
    seed: options.Seed = 0,
) -> None:
    """Say what the stored answers of a whole site come to; no model is loaded."""
    from neuroscribe.reports.site import site_of, site_report
    from neuroscribe.workspace import Workspace

    target = site_of(site)
    with Workspace().store() as store:
        found = site_report(store, target, seed=seed)
    if html is not None:
        from neuroscribe.render.report_page import report_page
        from subjects.index.files import write_bytes

        write_bytes(html, report_page(found).encode("utf-8"))
    if json:
        print_json(found.model_dump(mode="json"))
        return
    from neuroscribe.render.terminal_report import report_view

    console().print(report_view(found))
