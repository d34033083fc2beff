"""Excerpts and tests as a model sees them: token by token, activations from 0 to 10."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from agent.experiments import Experiment, Laboratory
from agent.explainers.llm.answers import ExplanationSaid, MeaningSaid
from core.evidence import ExcerptSet, Floats
from llms.protocol import Message
from prompts import Prompt, demonstrations, fenced, listing, shown

SPARSE = 0.2


def excerpts_of(part: ExcerptSet, scale: float) -> str:
    """Every excerpt in its fence."""
    rows = zip(part.tokens, scaled(part.activations, scale), strict=True)
    return "\n".join(fenced(listing(tokens, row.tolist())) for tokens, row in rows)


def variables(part: ExcerptSet, scale: float, promoted: Sequence[str]) -> dict[str, str]:
    """What ``explain`` is filled with."""
    values = scaled(part.activations, scale)
    active = ""
    if values.size and (values > 0).mean() < SPARSE:
        lines = [
            f"{shown(tokens[t])}\t{row[t]}"
            for tokens, row in zip(part.tokens, values, strict=True)
            for t in np.flatnonzero(row)
        ]
        active = "\nThe tokens that are not 0 again:\n" + fenced("\n".join(lines)) + "\n"
    hint = ""
    if promoted:
        listed = ", ".join(shown(token) for token in promoted)
        hint = f"\nWhen it is active, the model is more likely to go on with: {listed}\n"
    return {
        "excerpts": excerpts_of(part, scale),
        "active_tokens": active,
        "promoted": hint,
        "count": str(len(part)),
    }


def tests_of(done: Sequence[Experiment], laboratory: Laboratory, scale: float) -> str:
    """Every text that was run, with what was foretold and what came out."""
    told = []
    for experiment in done:
        for trial in experiment.trials:
            (values,) = laboratory.run([trial.tokens])
            row = scaled(np.asarray(values)[None], scale)[0]
            foretold = "nothing was foretold"
            if trial.predicted is not None:
                foretold = "it should fire" if trial.predicted >= 5 else "it should be silent"
            found = {True: "as foretold", False: "not as foretold", None: "undecided"}[trial.held]
            text = fenced(listing(laboratory.decode(trial.tokens), row.tolist()))
            told.append(f"{foretold}; it came out {found}:\n{text}")
    return "These texts were tested:\n" + "\n".join(told) + "\n" if told else ""


def scaled(activations: Floats, scale: float) -> NDArray[np.int64]:
    """``min(10, floor(10·relu(a)/max))`` as integers (Bills et al. 2023)."""
    if scale <= 0:
        return np.zeros(activations.shape, dtype=np.int64)
    steps = np.floor(10 * np.maximum(activations, 0) / scale)
    return np.minimum(10, steps).astype(np.int64)


def worked(prompt: Prompt) -> list[Message]:
    """The worked examples as earlier turns; what follows them changes with every unit."""
    turns: list[Message] = []
    for d in demonstrations():
        filled = {
            "excerpts": fenced(listing(d.tokens, d.activations)),
            "active_tokens": "",
            "promoted": "",
            "count": "1",
        }
        active = [t for t, a in zip(d.tokens, d.activations, strict=True) if a]
        said = MeaningSaid(text=d.explanation, tokens=active, confidence=8)
        answer = ExplanationSaid(verdict="explained", meanings=[said])
        turns.append(Message(role="user", text=prompt.render(filled)[1].text))
        turns.append(Message(role="assistant", text=answer.model_dump_json()))
    return [*turns[:-1], turns[-1].model_copy(update={"cached": True})]
