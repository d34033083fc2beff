"""Lines of fixed columns: text cut and filled by what it takes on a terminal, figures never cut."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from rich.cells import cell_len, set_cell_size

from service.pages.visible import visible_text

_MORE: Final = "…"


def fit(text: str, cells: int, *, right: bool = False) -> str:
    """Stored text made visible, in exactly ``cells`` columns; what is cut ends in ``…``."""
    shown = visible_text(text)
    over = cell_len(shown) > cells
    if over:
        return set_cell_size(set_cell_size(shown, cells - 1).rstrip() + _MORE, cells)
    space = " " * (cells - cell_len(shown))
    return space + shown if right else shown + space


def some(names: Sequence[str], cells: int) -> str:
    """As many names as go into ``cells`` columns, then how many more there are."""
    for shown in range(len(names), 0, -1):
        rest = len(names) - shown
        said = ", ".join(names[:shown]) + (f" +{rest}" if rest else "")
        if len(said) <= cells:
            return said
    return f"{len(names)} of them"[:cells]


def blocks(columns: Sequence[int], width: int, cell: int) -> list[Sequence[int]]:
    """Columns of ``cell`` characters parted into as few tables as fit ``width``, evenly filled."""
    fitting = max(1, width // cell)
    tables = max(1, -(-len(columns) // fitting))
    each = max(1, -(-len(columns) // tables))
    return [columns[at : at + each] for at in range(0, len(columns), each)]
