"""Unit IDs: ``subject/site/index``, one string for URL, command line and database.

``demo/mlp.2/117`` is neuron 117 of the third MLP of subject ``demo``. The first two segments match
``[a-z0-9][a-z0-9._@-]*``; the index is a plain decimal without leading zeros. ``demo/L2.N117`` is
accepted as a short form of the same ID.

Sites, by what stands before their first dot: ``mlp`` neurons after the nonlinearity (input of the
block's down projection), ``resid`` residual stream entering block i (the last one leaves the last
block), ``residmid`` between attention and MLP, ``attn`` concatenated head outputs before the output
projection, ``attnout`` and ``mlpout`` outputs of the blocks, ``head`` attention heads (for
interventions only), ``cell`` and ``cellstate`` an LSTM's h and c, ``sae`` features of a registered
dictionary, ``dir`` a registered set of directions.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated

from pydantic import PlainSerializer, PlainValidator, WithJsonSchema

from core.errors import MalformedId

SEGMENT = r"[a-z0-9][a-z0-9._@-]*"
"""What a subject or a site may be called, as a regular expression."""
_SEGMENT = re.compile(SEGMENT)
_INDEX = re.compile(r"0|[1-9][0-9]{0,8}")
_SHORT = re.compile(r"L(0|[1-9][0-9]*)\.N(0|[1-9][0-9]{0,8})")


@dataclass(frozen=True, slots=True, order=True)
class UnitId:
    """The name of one unit. ``UnitId.parse(str(u)) == u`` for every valid ``u``."""

    subject: str
    site: str
    index: int

    def __post_init__(self) -> None:
        for segment in (self.subject, self.site):
            if not _SEGMENT.fullmatch(segment):
                raise MalformedId(
                    f"{segment!r} cannot be part of a unit ID",
                    "use lower-case letters, digits and . _ @ -",
                )
        if not 0 <= self.index < 10**9:
            raise MalformedId(f"unit index {self.index!r} is not between 0 and 999999999")

    def __str__(self) -> str:
        return f"{self.subject}/{self.site}/{self.index}"

    @classmethod
    def parse(cls, text: str) -> UnitId:
        """Read ``subject/site/index`` or the short form ``subject/L<layer>.N<index>``.

        Raises :class:`core.errors.MalformedId` for anything else.
        """
        hint = "write it as subject/site/index, for example demo/mlp.1/42"
        parts = text.split("/")
        if len(parts) == 2 and (short := _SHORT.fullmatch(parts[1])):
            return cls(parts[0], f"mlp.{short[1]}", int(short[2]))
        if len(parts) != 3:
            raise MalformedId(f"{text!r} is not a unit ID", hint)
        subject, site, index = parts
        if not _INDEX.fullmatch(index):
            raise MalformedId(f"{text!r} does not end in a unit index", hint)
        return cls(subject, site, int(index))


def _coerce(value: object) -> UnitId:
    if isinstance(value, UnitId):
        return value
    if not isinstance(value, str):
        raise ValueError("a unit is named by a string: subject/site/index")
    return UnitId.parse(value)


UnitIdField = Annotated[
    UnitId,
    PlainValidator(_coerce),
    PlainSerializer(str, return_type=str),
    WithJsonSchema({"type": "string", "examples": ["demo/mlp.2/163"]}),
]
"""A :class:`UnitId` inside a pydantic model: a plain string in JSON."""


def site_kind(site: str) -> str:
    """The part of a site before its first dot: ``mlp`` of ``mlp.2``."""
    return site.partition(".")[0]
