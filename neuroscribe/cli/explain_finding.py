"""``neuroscribe explain --finding ID``: the units of a finding, whose feature is withheld."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from neuroscribe.cli.output import collecting, console, print_json

if TYPE_CHECKING:
    from core.findings import Finding
    from core.ids import UnitId
    from core.results import Step
    from neuroscribe.explaining import ExplainRequest
    from neuroscribe.models import Spending
    from neuroscribe.workspace import Workspace


def stored_finding(id: str) -> Finding:
    """The finding of an id or its beginning; :class:`core.errors.NotStored`."""
    from neuroscribe.workspace import Workspace

    with Workspace().store() as store:
        return store.findings.get(id)


def answer_finding(
    workspace: Workspace,
    finding: Finding,
    request: Callable[[UnitId], ExplainRequest],
    spending: Spending,
    *,
    top: int,
    fresh: bool,
    json: bool,
    told: Callable[[Step], None] | None,
) -> None:
    """Explain its units, and print whether that names its feature."""
    from neuroscribe.studies.naming import explain_finding

    with collecting(quiet=json) as progress:
        document = explain_finding(
            workspace,
            finding,
            request,
            top=top,
            fresh=fresh,
            progress=progress,
            spending=spending,
            told=told,
        )
    if json:
        print_json(document.model_dump(mode="json"))
        return
    from neuroscribe.render.terminal_naming import finding_view

    console().print(finding_view(document))
