"""What an intervention did, for people. Text of models is never read as markup."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from core.interventions import InterventionDocument, MeanOverTexts, MovedText, MovedToken
from neuroscribe.render.terminal_tables import bar
from service.pages.figures import number
from service.pages.visible import visible_text, visible_token

_NARROWEST = 40


def intervention_view(found: InterventionDocument, *, width: int) -> RenderableType:
    """The divergence beside what it is compared with, then each text with the tokens that moved."""
    asked = "the token itself" if found.predicts == "token_itself" else "the next token"
    title = Text(str(found.unit), style="bold").append(f" {found.edit}", style="default")
    note = f"Jensen-Shannon divergence of {asked} (nats, at most 0.6931)"
    parts: list[RenderableType] = [title, Text(note, style="dim"), _figures(found)]
    for text in found.texts:
        parts += [Text(), _heading(text), Padding(_moved(text, width - 2), (0, 0, 0, 2))]
    return Group(*parts)


def _figures(found: InterventionDocument) -> RenderableType:
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    table.add_row("this unit", _mean(found.divergence))
    if found.null is None:
        table.add_row("other units", Text(found.null_reason or "", style="dim"))
    else:
        null = found.null
        beside = _mean(null.mean).append(f"  largest {number(null.largest)}", style="dim")
        table.add_row(f"{null.units} other units", beside)
        if null.texts == "own excerpts":
            table.add_row("", Text("each on its own strongest excerpts", style="dim"))
        rank = f"p {number(null.p)} ({null.at_least} of them move it as far; "
        table.add_row("", Text(f"{rank}smallest p possible {number(null.smallest_p)})"))
    random = found.random
    table.add_row(
        f"{random.directions} random directions",
        Text(number(random.mean)).append(f"  largest {number(random.largest)}", style="dim"),
    )
    return table


def _mean(found: MeanOverTexts) -> Text:
    text = Text(number(found.value))
    if found.low is not None and found.high is not None:
        return text.append(f" [{number(found.low)}, {number(found.high)}]")
    return text.append(f"  {found.reason}", style="dim")


def _heading(text: MovedText) -> Text:
    line = Text(overflow="fold").append(visible_text(text.text), style="cyan")
    if text.left_out:
        line.append(f"  ({text.left_out} tokens before were not read)", style="dim")
    return line.append(f"  {number(text.divergence)}", style="dim")


def _moved(text: MovedText, width: int) -> RenderableType:
    cells = max(4, min(30, width - _NARROWEST))
    moved = [*text.raised, *text.lowered]
    most = max((abs(m.after - m.before) for m in moved), default=0.0)
    table = Table(box=None, padding=(0, 1), pad_edge=False, show_header=False)
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True, max_width=16, overflow="ellipsis")
    table.add_column(justify="right", no_wrap=True)
    table.add_column(width=cells, no_wrap=True)
    for sign, tokens in (("+", text.raised), ("−", text.lowered)):
        for token in tokens:
            table.add_row(*_row(sign, token, most, cells))
    return table if moved else Text("no token moved", style="dim")


def _row(sign: str, moved: MovedToken, most: float, cells: int) -> tuple[Text, Text, Text, Text]:
    probabilities = f"{moved.before:.4f} → {moved.after:.4f}"
    length = abs(moved.after - moved.before) / most
    return (
        Text(sign),
        Text(visible_token(moved.token)),
        Text(probabilities, style="dim"),
        bar(length, cells),
    )
