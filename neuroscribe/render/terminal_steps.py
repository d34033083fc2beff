"""The steps of an investigation, and the arms that stand beside its explanation."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from rich.console import RenderableType
from rich.padding import Padding
from rich.text import Text

from core.documents import ExperimentShown, TrialShown
from core.results import Arm, Step
from service.pages.figures import ARMS, HELD
from service.pages.visible import visible_text

_TRIALS: Final = 3


def step_line(step: Step, width: int) -> RenderableType:
    """One step on one line, or on several where what was said is long."""
    where = f"round {step.round}" if step.round else "start"
    side = " −" if step.polarity == "negative" else ""
    line = Text(f"{where + side:<10}", style="dim")
    line.append(f"{step.name.replace('_', ' '):<11}", style="not dim bold")
    line.append(visible_text(step.said), style="not dim")
    line.overflow = "fold"
    return Padding(line, (0, 0, 0, 0), expand=False) if len(line) <= width else line


def arm_lines(arms: Iterable[Arm]) -> Iterable[RenderableType]:
    """What each arm says, its ρ, and what the explanation predicts better than it."""
    for arm in arms:
        line = Text(ARMS[arm.name], style="bold")
        if arm.same:
            yield line.append("  says the same, word for word", style="not bold dim")
            continue
        yield line.append(f"  {visible_text(arm.text)}", style="not bold")
        for gain in arm.gains:
            score = next((s for s in arm.scores if s.mode == gain.mode), None)
            value = "—" if score is None or score.value is None else f"{score.value:.3f}"
            said = Text(f"  {gain.mode:<15} its ρ {value}   gain over it ", style="dim")
            if gain.value is None:
                said.append(f"— {visible_text(gain.reason or '')}")
            else:
                said.append(f"{gain.value:+.3f}", style="not dim")
                if gain.low is not None and gain.high is not None:
                    said.append(f" [{gain.low:+.3f}, {gain.high:+.3f}]", style="not dim")
                if gain.p is not None:
                    said.append(f"  p {gain.p:.3f}")
            yield said


def trial_lines(experiment: ExperimentShown, width: int) -> Iterable[Text]:
    """The most telling trials of an experiment: text, prediction, what the unit did."""
    for trial in [t for t in experiment.trials if t.predicted is not None][:_TRIALS]:
        yield _trial(trial, width)


def _trial(trial: TrialShown, width: int) -> Text:
    mark, style = HELD[trial.held]
    quantile = "" if trial.quantile is None else f"{trial.quantile:.2f}"
    figures = f"said {trial.predicted or 0:.0f}/10, did q{quantile}"
    line = Text(f"      {mark} ", style=style)
    line.append(f"{figures:<22}", style="dim")
    tokens = [visible_text(t) for t in trial.tokens]
    before = "".join(tokens[: trial.position])
    room = max(10, width - 36 - len(tokens[trial.position]))
    line.append("…" + before[-room:] if len(before) > room else before, style="not dim")
    line.append(tokens[trial.position], style="not dim bold underline")
    line.truncate(width, overflow="ellipsis")
    return line
