"""All that is asked about the units of one probe, part by part."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from core.errors import NeuroscribeError
from discovery.probing.after.ablation import ablate
from discovery.probing.after.cooccurrence import cooccurrence
from discovery.probing.after.logits import CHARACTERS, logit_effects, token_classes
from discovery.probing.after.reading import check
from discovery.probing.after.records import AfterReport
from discovery.probing.after.share import label_share
from discovery.probing.after.tokens import token_contexts
from discovery.probing.after.weights import input_weights
from discovery.probing.after.windows import LabelledWindows, Over, windows_of
from discovery.probing.dataset import ProbingDataset
from discovery.probing.statistics import Flags
from subjects.protocol import Subject

_MOST_WINDOWS = 256
_DRAWS = 20

Part = TypeVar("Part")


def after_probe(
    subject: Subject,
    dataset: ProbingDataset,
    feature: str,
    site: str,
    units: Sequence[int],
    *,
    documents: NDArray[np.int64] | None = None,
    running: LabelledWindows | None = None,
    classes: Mapping[str, Flags] | None = None,
    most_windows: int = _MOST_WINDOWS,
    draws: int = _DRAWS,
    over: Over = "documents",
    seed: int = 0,
) -> AfterReport:
    """Ablation, logits, tokens, share, co-occurrence and weights of the units of one probe.

    ``documents`` are numbers of those to look at (the probe's test documents: units look better
    where they were chosen); of their windows at most ``most_windows`` are drawn. ``running`` is
    unsampled text, without which there is no share. ``classes`` are added to those by characters.
    A part that cannot be made for this subject is a reason in ``failures``; a feature, site or unit
    that does not exist raises.
    """
    check(subject, site, units)
    windows = windows_of(dataset, feature, documents=documents, over=over)
    windows = windows.sample(most_windows, seed)
    every = {**token_classes(subject.vocabulary, CHARACTERS), **(classes or {})}
    failures: dict[str, str] = {}

    def part(name: str, make: Callable[[], Part]) -> Part | None:
        try:
            made = make()
        except NeuroscribeError as error:
            failures[name] = str(error)
            return None
        reason = getattr(made, "reason", None)
        if reason is not None:
            failures[name] = reason
        return made

    # Windows that end at the labelled token have no next token to predict there.
    edited = windows
    if running is not None and not windows.followed:
        edited = running.sample(most_windows, seed)
    share = None
    if running is None:
        failures["share"] = "no running text was given"
    else:
        text = running
        share = part(
            "share", lambda: label_share(subject, site, units, text, draws=draws, seed=seed)
        )
    return AfterReport(
        subject=subject.spec.name,
        collection=dataset.collection,
        feature=feature,
        site=site,
        units=tuple(units),
        ablation=part(
            "ablation", lambda: ablate(subject, site, units, edited, draws=draws, seed=seed)
        ),
        logits=part("logits", lambda: logit_effects(subject, site, units, every, seed=seed)),
        tokens=part(
            "tokens", lambda: token_contexts(subject, site, units, windows, draws=draws, seed=seed)
        ),
        share=share,
        cooccurrence=part(
            "cooccurrence", lambda: cooccurrence(subject, site, units, windows, seed=seed)
        ),
        weights=part("weights", lambda: input_weights(subject, {site: units})),
        failures=failures,
    )
