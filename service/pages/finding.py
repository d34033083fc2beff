"""Pages of findings: which there are, and one with its units and what made it."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from service.bodies import FindingsAsked
from service.documents import Page
from service.pages import figures
from service.pages.served import page
from storage.findings import FindingLine, StoredFinding

UNITS_SHOWN = 500


def findings_page(found: Page[FindingLine], asked: FindingsAsked) -> str:
    """A page of the list, with its filters."""
    filters = {
        name: value for name in ("subject", "site", "method") if (value := getattr(asked, name))
    }
    more = None if found.next is None else "?" + urlencode(filters | {"after": found.next})
    return page(
        "findings.html.j2", findings=found.items, asked=asked, filtered=bool(filters), more=more
    )


def finding_page(stored: StoredFinding) -> str:
    """One finding."""
    finding = stored.finding
    names = dict.fromkeys(name for found in finding.units for name in found.figures)
    sites: dict[str, int] = {}
    for found in finding.units:
        sites[found.unit.site] = sites.get(found.unit.site, 0) + 1
    return page(
        "finding.html.j2",
        finding=finding,
        created=stored.created,
        names=list(names),
        sites=sites,
        rows=[
            (found.unit, said(found.weight), [said(found.figures.get(name)) for name in names])
            for found in finding.units[:UNITS_SHOWN]
        ],
        figures=[(words(name), said(value)) for name, value in finding.figures.items()],
        made=[
            ("method", finding.method),
            *((words(name), said(value)) for name, value in finding.parameters.items()),
            ("seed", str(finding.seed)),
            ("data", finding.data),
        ],
    )


def words(name: str) -> str:
    """A name of a figure as it is read."""
    return name.replace("_", " ")


def said(value: Any) -> str:
    """A figure or parameter: numbers in four digits, what is missing as a dash."""
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float):
        return figures.number(value)
    if isinstance(value, list):
        return ", ".join(map(said, value))
    if isinstance(value, dict):
        return ", ".join(f"{words(name)} {said(one)}" for name, one in value.items())
    return str(value)
