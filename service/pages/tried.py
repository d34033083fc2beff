"""What a reader tried on a unit's page: a text to run on it, or to edit it on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from core.documents import ShownExcerpt
from core.interventions import InterventionDocument
from service.documents import TextRun
from service.pages.figures import Shading
from service.pages.moved import EditShown
from service.pages.unit import Row, excerpt_row

PUSHED_BY = "2"


@dataclass(frozen=True, slots=True)
class Tried:
    """What was typed, and what came of it or why nothing did.

    ``ran`` and ``fault`` are of the text without an ``edit``, ``edited`` and ``edit_fault`` of one
    with it. ``peak`` is the unit's strongest activation on the corpus.
    """

    text: str = ""
    edit: Literal["", "ablate", "push"] = ""
    by: str = PUSHED_BY
    ran: TextRun | None = None
    peak: float | None = None
    fault: str = ""
    edited: InterventionDocument | None = None
    edit_fault: str = ""

    @property
    def row(self) -> Row | None:
        """The text, shaded from zero to the stronger of its own and the corpus' peak."""
        if self.ran is None:
            return None
        excerpt = ShownExcerpt(
            kind="own",
            split="explain",
            document="own text",
            offset=0,
            tokens=self.ran.tokens,
            activations=self.ran.activations,
        )
        known = [] if self.peak is None else [abs(self.peak)]
        return excerpt_row(excerpt, Shading(max([abs(v) for v in self.ran.activations] + known)))

    @property
    def moved(self) -> EditShown | None:
        """What the edit did, ready to be drawn."""
        return None if self.edited is None else EditShown.of(self.edited)
