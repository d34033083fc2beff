"""One self-contained HTML file to rate explanations in: :func:`rating_page`.

The file fetches nothing; its Content-Security-Policy allows one style sheet and one script, each by
its hash. Text of corpora and explanations goes through :mod:`service.pages.visible` and
Jinja's escaping, what the script reads through :func:`service.pages.unit.inert_json`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from markupsafe import Markup

from core.version import code_version
from neuroscribe.ratings.page import Sheet
from neuroscribe.ratings.session import Item
from neuroscribe.render.templating import asset, environment
from neuroscribe.render.terminal_rating import QUESTION, STARS, says
from service.pages import figures
from service.pages.templating import inert_json, source_hash
from service.pages.unit import STYLE, Row, excerpt_row

PAGE: Final = "rate.html.j2"
OWN_STYLE: Final = "rate.css"
SCRIPT: Final = "rate.js"


@dataclass(frozen=True, slots=True)
class ItemShown:
    """An item as the template draws it."""

    item: Item
    says: str
    rows: list[Row]
    below: bool

    @classmethod
    def of(cls, item: Item) -> ItemShown:
        """From what is asked."""
        shading = figures.Shading(item.scale)
        rows = [excerpt_row(excerpt, shading) for excerpt in item.excerpts]
        below = any(value < 0 for excerpt in item.excerpts for value in excerpt.activations)
        return cls(item, says(item), rows, below)


def rating_page(sheet: Sheet, rater: str) -> str:
    """The whole page. It can be encoded as UTF-8 whatever the tokens hold."""
    style, script = asset(STYLE) + asset(OWN_STYLE), asset(SCRIPT)
    page = (
        environment()
        .get_template(PAGE)
        .render(
            target=str(sheet.plan.target),
            rater=rater,
            items=[ItemShown.of(item) for item in sheet.items],
            question=QUESTION,
            stars=STARS,
            code_version=code_version(),
            style=Markup(style),
            style_hash=source_hash(style),
            script=Markup(script),
            script_hash=source_hash(script),
            data=Markup(inert_json(sheet.data())),
        )
    )
    return page.encode("utf-8", "backslashreplace").decode("utf-8")
