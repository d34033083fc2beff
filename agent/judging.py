"""What trials showed, in numbers: did predictions come true, and how far did activations fall?"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from agent.experiments import Experiment, Laboratory, Trial
from agent.scale import Scale

OCCLUSION, MINIMAL_PAIR = "occlusion", "minimal_pair"

Outcome = dict[str, float | int | str]


def run(experiments: Sequence[Experiment], laboratory: Laboratory) -> list[Experiment]:
    """The same with what the unit did on every text; all texts go to the subject together."""
    laboratory.run([trial.tokens for e in experiments for trial in e.trials])
    done = []
    for experiment in experiments:
        values = laboratory.run([trial.tokens for trial in experiment.trials])
        trials = []
        for trial, row in zip(experiment.trials, values, strict=True):
            place = int(row.argmax()) if trial.position is None else trial.position
            trials.append(trial.model_copy(update={"measured": float(row[place])}))
        done.append(experiment.model_copy(update={"trials": tuple(trials)}))
    return done


def judge(experiment: Experiment, scale: Scale) -> Experiment:
    """The same with each trial's quantile, whether its prediction held, and the outcome.

    The outcome counts predictions that ``held`` and that ``failed`` (those between count as
    ``unclear``), gives the mean quantile, and the mean relative fall where text was changed.
    """
    trials = tuple(_judged(trial, scale) for trial in experiment.trials)
    experiment = experiment.model_copy(update={"trials": trials})
    outcome = occluded(trials) if experiment.kind == OCCLUSION else _counted(trials)
    return experiment.model_copy(update={"outcome": outcome})


def drop(trial: Trial) -> float:
    """How far an activation fell, as a share of what it was; a rise counts as -1 at most.

    ValueError for a trial that was not run, or whose text was made from no other.
    """
    if trial.measured is None or not trial.before:
        raise ValueError(f"nothing fell in a trial of {trial.label!r}: it has no before or after")
    return max(1.0 - trial.measured / trial.before, -1.0)


def replaced(trial: Trial) -> tuple[int, str]:
    """How far back the replaced token of an occlusion stood, and what it was."""
    back, _, token = trial.label.partition(":")
    return int(back), token


def occluded(trials: Sequence[Trial]) -> Outcome:
    """The outcome of an occlusion: the mean fall by distance."""
    falls: dict[int, list[float]] = {}
    for trial in trials:
        falls.setdefault(replaced(trial)[0], []).append(drop(trial))
    means = {f"drop_{b}_back": round(float(np.mean(d)), 4) for b, d in sorted(falls.items())}
    return {**means, "runs": len(trials)}


def _judged(trial: Trial, scale: Scale) -> Trial:
    if trial.measured is None:
        return trial
    return trial.model_copy(
        update={
            "quantile": round(scale.quantile(trial.measured), 4),
            "held": scale.held(trial.predicted, trial.measured),
        }
    )


def _counted(trials: Sequence[Trial]) -> Outcome:
    counted: Outcome = {"runs": len(trials)}
    if any(trial.predicted is not None for trial in trials):
        held = [trial.held for trial in trials]
        counted |= {
            "held": sum(h is True for h in held),
            "failed": sum(h is False for h in held),
            "unclear": sum(h is None for h in held),
        }
    quantiles = [trial.quantile for trial in trials if trial.quantile is not None]
    if quantiles:
        counted["mean_quantile"] = round(float(np.mean(quantiles)), 4)
    changed = [trial for trial in trials if trial.before]
    if changed:
        counted["mean_drop"] = round(float(np.mean([drop(t) for t in changed])), 4)
        counted["pairs"] = len(changed)
    return counted
