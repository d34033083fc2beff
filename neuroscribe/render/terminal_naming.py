"""The explanations of a finding's units, and whether they name its feature, on a terminal."""

from __future__ import annotations

from collections.abc import Iterable

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.text import Text

from neuroscribe.studies.naming_records import ExplainedUnit, FindingExplained, Naming
from service.pages.figures import VERDICTS, figure, number
from service.pages.visible import visible_text

WAYS = {
    "judge": "a language model picks it among {options}",
    "words": "half of its content words are there",
}


def finding_view(document: FindingExplained) -> RenderableType:
    """A few lines a unit; below, how many name the feature, beside what chance would give."""
    lines: list[RenderableType] = [
        Text(f"finding {document.finding}", style="bold"),
        Text(visible_text(document.question)),
        Text(f"feature: {visible_text(document.feature)} (withheld from the explainer)"),
    ]
    for unit in document.units:
        lines += _unit(unit)
    lines += [Text(), Text("Names the feature", style="bold")]
    shown = [document.named]
    if document.named.by != document.by_words.by:
        shown.append(document.by_words)
    lines += [_share(one, 1 + len(document.others)) for one in shown]
    if document.stated:
        made_up = f"{document.stated} of {len(document.others)} other features are of no finding"
        lines.append(Text(f"  {made_up}: too few are stored", style="dim"))
    return Group(*lines)


def _unit(unit: ExplainedUnit) -> Iterable[RenderableType]:
    sign, name = VERDICTS[unit.verdict]
    head = Text(f"\n{unit.unit}", style="bold")
    yield head.append(f"  {sign} {name}  weight {number(unit.weight)}", style="not bold")
    if unit.explanation is None:
        yield _indented(Text(visible_text(unit.reason), style="dim"))
    else:
        yield _indented(Text(visible_text(unit.explanation)))
    yield _indented(_score(unit))
    words, judge = unit.named.words, unit.named.judge
    if words.share is None:
        yield _indented(Text(f"words: no ({visible_text(words.reason or '')})"))
    else:
        there = f": {', '.join(map(visible_text, words.words))}" if words.words else ""
        beside = "" if words.chance is None else f", of others {figure(words.chance)}"
        share = f"{figure(words.share)} of the feature's{there}{beside}"
        yield _indented(Text(f"words: {_yes(words.named)} ({share})"))
    if judge is not None:
        told = judge.reason if judge.choice is None else f"picked “{judge.choice}”"
        yield _indented(Text(f"judge: {_yes(judge.named)} ({visible_text(told or '')})"))


def _score(unit: ExplainedUnit) -> Text:
    if unit.score is None:
        return Text("ρ –", style="dim")
    ends = "no interval"
    if unit.low is not None and unit.high is not None:
        ends = f"[{figure(unit.low)}, {figure(unit.high)}]"
    return Text(f"ρ {figure(unit.score)} {ends}  null {figure(unit.null)}")


def _share(naming: Naming, options: int) -> Text:
    way = WAYS[naming.by].format(options=options)
    if naming.value is None:
        return Text(f"  {naming.by}: – ({naming.reason})")
    ends = f"[{figure(naming.low)}, {figure(naming.high)}]"
    said = f"{figure(naming.value)} {ends} of {naming.n}, chance {figure(naming.chance)}"
    return Text(f"  {naming.by}: {said}  ").append(way, style="dim")


def _yes(named: bool) -> str:
    return "yes" if named else "no"


def _indented(part: RenderableType) -> RenderableType:
    return Padding(part, (0, 0, 0, 2))
