"""Pages of findings: which there are, and one with its units and what made it."""

from __future__ import annotations

from urllib.parse import urlencode

from service.bodies import FindingsAsked
from service.documents import Page
from service.pages.joined import WARNINGS, columns, joined, said, warnings, with_interval, words
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
    names = columns([found.figures for found in finding.units])
    figures = joined(finding.figures)
    sites: dict[str, int] = {}
    for found in finding.units:
        sites[found.unit.site] = sites.get(found.unit.site, 0) + 1
    return page(
        "finding.html.j2",
        finding=finding,
        created=stored.created,
        names=[words(name) for name in names],
        sites=sites,
        rows=[
            (
                found.unit,
                said(found.weight),
                [with_interval(name, found.figures) for name in names],
            )
            for found in finding.units[:UNITS_SHOWN]
        ],
        figures=[one for one in figures if not one.long],
        sentences=[one for one in figures if one.long],
        warnings=warnings(finding.figures, finding.parameters),
        made=[
            ("method", finding.method),
            *(
                (words(name), said(value))
                for name, value in finding.parameters.items()
                if name not in WARNINGS
            ),
            ("seed", str(finding.seed)),
            ("data", finding.data),
        ],
    )
