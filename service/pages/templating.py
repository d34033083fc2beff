"""Templates whose every string is made visible and escaped, and what pages are made of."""

from __future__ import annotations

import base64
import hashlib
import json
from functools import lru_cache
from importlib.resources import files
from typing import Any

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from service.pages import figures
from service.pages.visible import visible_text, visible_token

HERE = "service.pages"


def inert_json(value: Any) -> str:
    """JSON that no HTML parser can mistake for markup."""
    text = json.dumps(value, ensure_ascii=True, allow_nan=False)
    for character in "<>&":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text


@lru_cache(maxsize=16)
def asset(name: str, package: str = HERE, folder: str = "templates") -> str:
    """A style sheet or a script of ours, to be written into a page."""
    return (files(package) / folder / name).read_text(encoding="utf-8")


def source_hash(source: str) -> str:
    """What a Content-Security-Policy calls this very style sheet or script."""
    digest = hashlib.sha256(source.encode("utf-8")).digest()
    return "sha256-" + base64.b64encode(digest).decode("ascii")


@lru_cache(maxsize=4)
def environment(*packages: str) -> Environment:
    """The templates of ``packages``, then those of this one."""
    made = Environment(
        loader=ChoiceLoader([PackageLoader(name, "templates") for name in (*packages, HERE)]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_finalize,
    )
    made.filters.update(
        token=visible_token,
        typed=typed,
        number=figures.number,
        nats=figures.nats,
        figure=figures.figure,
        percent=figures.percent,
        interval=figures.interval,
        band_range=figures.band_range,
        scorer=figures.scorer_name,
        source=figures.source,
        mode=figures.mode_name,
        cautions=figures.cautions,
        without_value=figures.without_value,
        outcome=figures.outcome_text,
        arm=figures.ARMS.__getitem__,
        signed=figures.signed,
    )
    return made


def typed(text: str) -> Markup:
    """What a reader typed, for a text area: as it was, so that sending it again sends the same.

    The first line break in a text area is not part of its text.
    """
    return Markup("\n") + escape(text)


def encodable(page: str) -> str:
    """The page such that it can be encoded as UTF-8, whatever the tokens hold."""
    return page.encode("utf-8", "backslashreplace").decode("utf-8")


def _finalize(value: Any) -> Any:
    return (
        visible_text(value) if isinstance(value, str) and not isinstance(value, Markup) else value
    )
