"""Does a single neuron that tells a context carry it? Loss without it, in the context and outside.

Groups of documents are divided in three. On the first part the 20 neurons of largest mean
difference at each MLP are fitted alone, and the one is kept that reaches the highest F1 there. On
the second its F1 is told, and where that is at least 0.9 it is set to zero, and to its mean out of
the context. Of each feature the neuron and edit are chosen whose margin (rise in the context less
three times the rise outside) is the largest there, and confirmed on the third part, which nothing
was chosen on, beside other live neurons of the site.

Keys of ``--json``: ``subject``; ``f1`` and ``times`` (the goal); ``compared`` (neurons times
edits); ``met`` and ``met_over_groups`` (features whose neuron has F1 of at least 0.9 on part three
too, and whose margin there has its lower end above zero, over documents and over groups);
``features``; ``seconds``. A feature: ``text``, ``feature``, ``reading``, ``tried`` (each neuron:
``site``, ``unit``, ``f1_train``, ``f1``, ``f1_confirm``, and where it was edited ``zero`` and
``mean``), ``confirmed`` or the ``reason`` why nothing was. An edit: ``rise_in``, ``rise_out``
(nats), ``share_in`` (of the unedited loss), ``ratio``, ``margin``, each with ``value``, ``low``,
``high``, ``reason``. ``confirmed``: ``site``, ``unit``, ``edit``, ``f1``, ``documents`` and
``groups`` (the edit with intervals over each), ``n_in`` (documents and groups in the context), and,
of ``draws`` other neurons, ``p_rise``, ``p_ratio``, ``p_margin``.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from discovery.probing.activations import Rows, read_rows
from discovery.probing.after.ablation import ablate
from discovery.probing.after.records import Ablation, Rise
from discovery.probing.after.windows import LabelledWindows, running_windows
from discovery.probing.builders.catalogue import open_collection
from discovery.probing.dataset import ProbingDataset
from discovery.probing.fit import fit, train_f1
from discovery.probing.labels import Annotation, Collection
from discovery.probing.metrics import f1_of
from discovery.probing.moments import Moments, strongest
from discovery.probing.plan import Split
from discovery.probing.results import Measured
from discovery.probing.sampling import sample
from discovery.probing.splits import groups_of
from neuroscribe.probing.request import only
from subjects.corpora.builtin import BuiltinCorpus
from subjects.protocol import Subject
from subjects.registry import load_subject

GOAL_F1, TIMES = 0.9, 3.0
SHARES = (0.3, 0.5)
"""Of the groups of either class: the first 30 % to choose neurons on, the last 50 % to confirm."""
TRAIN, CHOOSE, CONFIRM = range(3)
CANDIDATES = 20
DOCUMENTS = 120
"""Read of either class."""
CHOOSE_WINDOWS, CONFIRM_WINDOWS = 128, 256
PYTHON = ("comment", "docstring", "string")


@dataclass(frozen=True, slots=True)
class Text:
    """A collection on the builtin corpus with ``generated`` documents of each phenomenon."""

    name: str
    generated: int = 160
    features: tuple[str, ...] = ()
    together: bool = False
    """Rows are means over labelled spans, not single tokens."""

    def open(self) -> Collection:
        """The collection."""
        corpus = BuiltinCorpus(per_phenomenon=self.generated)
        opened = only(open_collection(self.name, corpus), self.features)
        if not self.together:
            return opened
        return replace(opened, reading="mean", fingerprint=f"{opened.fingerprint}-mean")


QUICK = (Text("natural-language", features=("french", "italian")),)
TEXTS = (
    Text("natural-language"),
    Text("natural-language", 1600),
    Text("document-source"),
    Text("python-code", features=PYTHON),
    Text("python-code", features=PYTHON, together=True),
)


@dataclass(frozen=True, slots=True)
class Neuron:
    """The one kept at a site, with its F1 on all three parts."""

    site: str
    unit: int
    f1_train: float
    f1: Measured
    f1_confirm: Measured

    def told(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "site": self.site,
            "unit": self.unit,
            "f1_train": round(self.f1_train, 3),
            "f1": plain(self.f1),
            "f1_confirm": plain(self.f1_confirm),
        }


@dataclass
class Search:
    """All features of one collection on one subject."""

    subject: Subject
    text: Text
    draws: int

    @cached_property
    def annotations(self) -> list[Annotation]:
        """All documents, read once."""
        return list(self.collection.annotations())

    @cached_property
    def collection(self) -> Collection:
        """What is looked through."""
        return self.text.open()

    @cached_property
    def dataset(self) -> ProbingDataset:
        """Its rows."""
        return sample(self.collection, self.subject)

    @property
    def sites(self) -> tuple[str, ...]:
        """All MLPs."""
        return tuple(site for site in self.subject.sites() if site.startswith("mlp."))

    def features(self) -> Iterable[dict[str, Any]]:
        """What was found of each."""
        dataset = self.dataset
        groups = groups_of(dataset)
        parts = np.stack([divided(labels, groups) for labels in dataset.labels.T], axis=1)
        moments = Moments(np.where(parts == TRAIN, dataset.labels, np.int8(0)), self.sites)
        rows = read_rows(self.subject, dataset, self.sites, each=moments.add)
        for index, feature in enumerate(dataset.features):
            split = Split(index, 0, dataset.labels[:, index], parts[:, index] != TRAIN, groups)
            neurons = [
                neuron
                for site in self.sites
                if (neuron := kept(rows, split, parts[:, index], moments, site)) is not None
            ]
            yield {
                "text": f"{self.text.name}, {self.text.generated} of each",
                "feature": feature.name,
                "reading": self.collection.reading,
                **self._edited(feature.name, parts[:, index], neurons),
            }

    def _edited(
        self, feature: str, parts: NDArray[np.int8], neurons: list[Neuron]
    ) -> dict[str, Any]:
        tried = [neuron.told() for neuron in neurons]
        able = [i for i, one in enumerate(neurons) if (one.f1.value or 0.0) >= GOAL_F1]
        if not able:
            return {"tried": tried, "reason": f"no single neuron reaches F1 {GOAL_F1}"}
        documents, _ = self._windows(feature, parts, CHOOSE, CHOOSE_WINDOWS)
        best: tuple[float, Neuron, str] | None = None
        for i in able:
            neuron = neurons[i]
            found = ablate(self.subject, neuron.site, [neuron.unit], documents, draws=1)
            for rise in found.rises:
                tried[i][rise.edit] = edit(rise)
                margin = rise.margin.value
                if margin is not None and (best is None or margin > best[0]):
                    best = (margin, neuron, rise.edit)
        if best is None:
            return {"tried": tried, "reason": "nothing could be edited on part two"}
        return {"tried": tried, "confirmed": self._confirmed(feature, parts, *best[1:])}

    def _confirmed(
        self, feature: str, parts: NDArray[np.int8], neuron: Neuron, kind: str
    ) -> dict[str, Any]:
        documents, groups = self._windows(feature, parts, CONFIRM, CONFIRM_WINDOWS)
        by_document, by_group = (
            ablate(self.subject, neuron.site, [neuron.unit], windows, draws=draws)
            for windows, draws in ((documents, 1), (groups, self.draws))
        )
        null = of_kind(by_group, kind).null
        return {
            "site": neuron.site,
            "unit": neuron.unit,
            "edit": kind,
            "f1": plain(neuron.f1_confirm),
            "documents": edit(of_kind(by_document, kind)),
            "groups": edit(of_kind(by_group, kind)),
            "n_in": [by_document.clusters_in, by_group.clusters_in],
            "draws": self.draws,
            "p_rise": null and null.p_rise,
            "p_ratio": null and null.p_ratio,
            "p_margin": null and null.p_margin,
        }

    def _windows(
        self, feature: str, parts: NDArray[np.int8], part: int, most: int
    ) -> tuple[LabelledWindows, LabelledWindows]:
        """Completely labelled windows of a part, clustered by documents and by groups."""
        dataset = self.dataset
        documents = np.unique(dataset.row_documents[parts == part])
        groups = {dataset.groups[document] for document in documents}
        chosen: list[Annotation] = []
        order = np.random.default_rng(part).permutation(len(self.annotations))
        there = [self.annotations[i] for i in order if self.annotations[i].document.group in groups]
        for positive in (True, False):
            chosen += [a for a in there if bool(a.positive.get(feature)) == positive][:DOCUMENTS]
        text = replace(self.collection, annotations=lambda: iter(chosen))
        found = running_windows(self.subject, text, feature, length=64, most_tokens=2_000_000)
        found = found.sample(most, seed=part)
        _, numbers = np.unique([a.document.group for a in chosen], return_inverse=True)
        return found, replace(found, clusters=numbers.reshape(-1)[found.clusters], over="groups")


def divided(labels: NDArray[np.int8], groups: NDArray[np.int64]) -> NDArray[np.int8]:
    """The part of each row [rows]: groups with positives and groups without are dealt out alike."""
    part = np.full(int(groups.max()) + 1, CHOOSE, dtype=np.int8)
    positive = np.unique(groups[labels == 1])
    for some in (positive, np.setdiff1d(groups, positive)):
        order = np.random.default_rng(0).permutation(some)
        part[order[: round(SHARES[0] * len(order))]] = TRAIN
        part[order[len(order) - round(SHARES[1] * len(order)) :]] = CONFIRM
    return np.where(labels == 0, np.int8(-1), part[groups])


def kept(
    rows: Rows, split: Split, parts: NDArray[np.int8], moments: Moments, site: str
) -> Neuron | None:
    """The neuron of highest F1 on part one among those of largest mean difference there."""
    strength = moments.ranking(site, slice(split.feature, split.feature + 1)).strength[0]
    neurons = strongest(strength, CANDIDATES)
    train = np.where(parts == TRAIN, split.labels, 0)
    if not len(neurons) or not ((train == 1).any() and (train == -1).any()):
        return None
    trials = [
        replace(
            split,
            labels=np.where((parts == TRAIN) | (parts == part), split.labels, 0).astype(np.int8),
        ).trial(rows, site, neurons)
        for part in (CHOOSE, CONFIRM)
    ]
    probes = [fit(trials[0].train, trials[0].train_labels, [i]) for i in range(len(neurons))]
    reached = [train_f1(trials[0], probe) for probe in probes]
    best = int(np.argmax(reached))
    f1, confirm = (f1_of(trial.scored(probes[best])) for trial in trials)
    return Neuron(site, int(neurons[best]), reached[best], f1, confirm)


def of_kind(found: Ablation, kind: str) -> Rise:
    """One of its edits."""
    return next(rise for rise in found.rises if rise.edit == kind)


def edit(rise: Rise) -> dict[str, Any]:
    """An edit as JSON."""
    return {
        "rise_in": plain(rise.in_nats),
        "rise_out": plain(rise.out_nats),
        "share_in": plain(rise.in_relative),
        "ratio": plain(rise.ratio),
        "margin": plain(rise.margin),
    }


def plain(measured: Measured) -> dict[str, Any]:
    """A figure as JSON, four digits that count."""

    def short(value: float | None) -> float | None:
        return None if value is None else float(f"{value:.4g}")

    return {
        "value": short(measured.value),
        "low": short(measured.low),
        "high": short(measured.high),
        "reason": measured.reason,
    }


def met(features: list[dict[str, Any]], over: str) -> list[str]:
    """Those that reach the goal on part three, with intervals over ``over``."""
    found = []
    for one in features:
        confirmed = one.get("confirmed")
        if confirmed is not None and (confirmed["f1"]["value"] or 0.0) >= GOAL_F1:
            low = confirmed[over]["margin"]["low"]
            if low is not None and low > 0:
                found.append(f"{one['feature']} ({one['text']}, {one['reading']})")
    return found


def between(figure: dict[str, Any]) -> str:
    """An interval in words."""
    return "without interval" if figure["low"] is None else f"{figure['low']} to {figure['high']}"


def line(one: dict[str, Any]) -> str:
    """A feature in words."""
    best = max((n["f1"]["value"] or 0.0 for n in one["tried"]), default=0.0)
    head = f"{one['text']:<32} {one['reading']:<6} {one['feature']:<28} F1 {best:.3f}  "
    if "reason" in one:
        return head + str(one["reason"])
    c = one["confirmed"]
    by = c["groups"]

    def said(name: str) -> str:
        over = (f"{one} {between(c[one][name])}" for one in ("documents", "groups"))
        return f"{name} {by[name]['value']} ({'; '.join(over)})"

    figures = ", ".join(said(name) for name in ("rise_in", "rise_out", "ratio", "margin"))
    return (
        f"{head}{c['site']}/{c['unit']} {c['edit']}, F1 {c['f1']['value']}: {figures}; in the "
        f"context {c['n_in'][0]} documents of {c['n_in'][1]} groups; p rise {c['p_rise']}, margin "
        f"{c['p_margin']}"
    )


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--subject", default="demo")
    parser.add_argument("--draws", type=int, default=19, help="other neurons, to compare with")
    parser.add_argument("--only", type=int, help="number of the text, from 0")
    parser.add_argument("--feature", action="append", help="only this one (may be repeated)")
    options = parser.parse_args()
    began = time.perf_counter()
    subject = load_subject(options.subject)
    texts = QUICK if options.quick else TEXTS
    features: list[dict[str, Any]] = []
    for text in texts if options.only is None else texts[options.only : options.only + 1]:
        wanted = tuple(options.feature or text.features)
        for one in Search(subject, replace(text, features=wanted), options.draws).features():
            features.append(one)
            print(line(one), file=sys.stderr if options.json else sys.stdout, flush=True)
    compared = sum(kind in n for one in features for n in one["tried"] for kind in ("zero", "mean"))
    found = {
        "subject": options.subject,
        "f1": GOAL_F1,
        "times": TIMES,
        "compared": compared,
        "met": met(features, "documents"),
        "met_over_groups": met(features, "groups"),
        "features": features,
        "seconds": round(time.perf_counter() - began, 1),
    }
    if options.json:
        print(json.dumps(found))
    else:
        print(f"{compared} edits compared; met over documents: {found['met']}")
        print(f"met over groups: {found['met_over_groups']}")


if __name__ == "__main__":
    main()
