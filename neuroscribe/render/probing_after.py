"""What the neurons of a probe do, on a terminal: a block a feature."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from rich.console import RenderableType
from rich.padding import Padding
from rich.text import Text

from discovery.probing.after.records import AfterReport
from neuroscribe.render import after_words as words
from neuroscribe.render.terminal import View
from service.pages.visible import visible_text

if TYPE_CHECKING:
    from neuroscribe.probing.after import FeatureAfter

Said = tuple[str, str]


def after_view(after: Sequence[FeatureAfter], *, width: int | None = None) -> View:
    """Loss, logits, tokens, share, co-occurrence, weights and compounds of every feature."""

    def draw(columns: int, colour: bool) -> Iterable[RenderableType]:
        yield Text("\nWhat the neurons do", style="bold underline")
        yield Padding(Text(words.NOTE, style="dim"), (0, 0, 0, 2), expand=False)
        for found in after:
            yield from _feature(found)

    return View(draw, width)


def _feature(found: FeatureAfter) -> Iterable[RenderableType]:
    head = Text("\n  ").append(visible_text(found.feature), style="bold")
    if found.report is not None:
        named = ", ".join(map(str, found.report.units))
        head.append(f"  {visible_text(found.report.site)}: {named}", style="not bold")
    yield head
    for name, said in _lines(found):
        text = Text(f"{name}  ", style="dim").append(said, style="not dim")
        yield Padding(text, (0, 0, 0, 4), expand=False)
    for name, reason in words.unanswered(found):
        text = Text(f"{name}: {reason}", style="yellow")
        yield Padding(text, (0, 0, 0, 4), expand=False)


def _lines(found: FeatureAfter) -> Iterable[Said]:
    if found.report is not None:
        yield from _loss(found.report)
        yield from _units(found.report)
    if found.compound is not None:
        yield from (
            (f"compound, {name}", said) for name, said in words.compound_texts(found.compound)
        )


def _loss(report: AfterReport) -> Iterable[Said]:
    if report.ablation is None or not report.ablation.rises:
        return
    yield "loss", words.counted_text(report.ablation)
    for rise in report.ablation.rises:
        said = " · ".join(f"{name} {text}" for name, text in words.rise_texts(rise))
        yield f"loss rises, {words.EDITS[rise.edit]}", said


def _units(report: AfterReport) -> Iterable[Said]:
    for logits in () if report.logits is None else report.logits.units:
        yield f"{logits.unit} pushes", words.logits_text(logits)
    for tokens in () if report.tokens is None else report.tokens.units:
        yield f"{tokens.unit} on the same token", words.overall_text(tokens)
        for token in tokens.tokens[: words.MOST_TOKENS]:
            yield f"{tokens.unit} on", words.token_text(token)
    if report.share is not None:
        for share in report.share.units:
            yield f"{share.unit} in the context", words.unit_share_text(report.share, share)
            yield f"{share.unit} fires", words.firings_text(share)
    if report.cooccurrence is not None and report.cooccurrence.reason is None:
        yield "together", words.together_text(report.cooccurrence)
    if report.weights is not None:
        yield from (("‖w_in‖ · b_in", said) for said in words.weights_texts(report.weights))
