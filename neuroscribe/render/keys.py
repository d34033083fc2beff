"""API keys as a table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from service.pages.visible import visible_text

if TYPE_CHECKING:
    from storage import KeyRecord


def keys_view(keys: Sequence[KeyRecord]) -> RenderableType:
    """One row a key; limits that there are not are left empty."""
    if not keys:
        return Text("no keys yet: neuroscribe keys create NAME")
    table = Table(box=None, pad_edge=False, header_style="dim")
    for name in ("id", "name", "scope", "state", "a minute", "usd", "calls", "created", "expires"):
        table.add_column(name, no_wrap=name == "id")
    for key in keys:
        limits = (key.per_minute, key.budget_usd, key.max_calls)
        table.add_row(
            key.id,
            Text(visible_text(key.name)),
            key.scope,
            key.ended() or "in use",
            *("" if limit is None else f"{limit:g}" for limit in limits),
            key.created[:10],
            (key.expires or "")[:10],
        )
    return table
