"""Probes of the demo subject: how fast all neurons are ranked, and how well a few of them tell.

Parts, by ``--part`` (all by default); ``benchmarks.probing_recovery``, ``probing_osp``,
``probing_context`` and ``probing_scaling`` measure the rest.

* ``ranking``: mean difference and F of 100 token features at all MLP neurons of ``demo`` in one
  pass, against scikit-learn's ``f_classif`` for each feature and layer on the same rows. Keys:
  ``ranking.ratio_f_classif`` (with ``_low``, ``_high``), ``seconds_one_pass``,
  ``seconds_f_classif``, ``worst_difference`` (relative, of F), ``rows``, ``neurons``.
* ``features``: F1 at k = 1 by every method, three divisions into train and test, at the layer that
  is best on training rows. Keys: ``features.<collection>.<feature>.<method>`` = ``{"f1": [one a
  seed], "site": [...], "unit": [...], "low", "high"}`` (interval over documents, first seed),
  beside ``null_p95``, ``token``, ``place``.
* ``treebank``: the comparison of methods on parts of speech (UD English-EWT, named by
  ``--treebank``, skipped where it is not there), as Table 4 of paper 001. Keys: ``treebank.
  <method>`` = ``{"f1": {k: [value, low, high]}, "gain", "seconds", "failures"}``.
"""

from __future__ import annotations

import argparse
import json
import os
import string
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.timing import interleaved, ratio
from discovery.probing.activations import Part, read_rows
from discovery.probing.best import best_at
from discovery.probing.builders.catalogue import open_collection
from discovery.probing.builders.token_text import TOKEN_FEATURES, label_vocabulary, token_text
from discovery.probing.experiment import probe
from discovery.probing.labels import Annotation, Collection, Feature
from discovery.probing.moments import Moments
from discovery.probing.plan import METHODS, ProbeSettings
from discovery.probing.results import FeatureReport, Method, ProbingReport
from discovery.probing.sampling import Sampling, sample
from neuroscribe.probing.request import only
from neuroscribe.render.probing_words import gain_text
from neuroscribe.workspace import Workspace
from subjects.corpora.open import open_corpus
from subjects.protocol import Subject

PARTS = ("ranking", "features", "treebank")
TREEBANK = Path("../shared/data/ud-english-ewt/en_ewt-ud-train.conllu")
ROWS = 3000
FEATURES = {
    "python-code": ("comment", "docstring", "string", "keyword"),
    "natural-language": (),
    "token-text": ("all_digits", "contains_capital", "all_capitals"),
}


def ranking(subject: Subject, repeats: int) -> dict[str, Any]:
    """One pass against ``f_classif`` a feature and layer, on rows that are in memory."""
    from sklearn.feature_selection import f_classif

    sites = _sites(subject)
    features, table = _hundred(subject)
    corpus = open_corpus("builtin")
    collection = Collection(
        "tokens",
        features,
        lambda: (Annotation(document, {}) for document in corpus.documents()),
        "hundred",
    )
    dataset = sample(collection, subject, Sampling(most=400, share=0.5), by_token=table)
    rows = read_rows(subject, dataset, sites)
    # Every feature is labelled on every row: 100 questions about the same places.
    labels = np.where(table[:, dataset.last_tokens].T, 1, -1).astype(np.int8)
    known = [index for index in range(labels.shape[1]) if len(set(labels[:, index])) == 2]
    labels = labels[:, known]
    found: dict[str, Moments] = {}

    def one_pass() -> None:
        moments = Moments(labels, sites)
        for start in range(0, len(labels), 4096):
            numbers = np.arange(start, min(start + 4096, len(labels)))
            moments.add(Part(numbers, {s: _tensor(rows.arrays[s][numbers]) for s in sites}))
        found["moments"] = moments
        for site in sites:
            moments.ranking(site)

    expected: dict[tuple[str, int], Any] = {}

    def one_by_one() -> None:
        for site in sites:
            for task in range(labels.shape[1]):
                expected[site, task], _ = f_classif(rows.arrays[site], labels[:, task])

    seconds = interleaved({"one_pass": one_pass, "f_classif": one_by_one}, repeats)
    worst = 0.0
    for site in sites:
        ranked = found["moments"].ranking(site).f
        for task in range(labels.shape[1]):
            centred = rows.arrays[site] - rows.arrays[site].mean(0, dtype=np.float64)
            reference, _ = f_classif(centred, labels[:, task])
            live = np.isfinite(reference) & np.isfinite(ranked[task])
            apart = np.abs(ranked[task] - reference)[live] / np.maximum(reference[live], 1e-9)
            worst = max(worst, float(apart.max(initial=0.0)))
    return {
        "rows": len(labels),
        "features": labels.shape[1],
        "neurons": sum(rows.arrays[site].shape[1] for site in sites),
        "seconds_one_pass": round(float(np.median(seconds["one_pass"])), 3),
        "seconds_f_classif": round(float(np.median(seconds["f_classif"])), 3),
        "worst_difference": worst,
        **ratio("f_classif", seconds["f_classif"], seconds["one_pass"]),
    }


def _tensor(values: Any) -> Any:
    import torch

    return torch.from_numpy(values)


def _hundred(subject: Subject) -> tuple[tuple[Feature, ...], Any]:
    """The eleven of the paper, and letters that a token holds, begins or ends with."""
    strings = [text.strip().lower() for text in subject.vocabulary.strings]
    names = [feature for feature, _ in TOKEN_FEATURES]
    rows = list(label_vocabulary(subject.vocabulary))
    tests: dict[str, Callable[[str, str], bool]] = {
        "holds": lambda text, letter: letter in text,
        "begins": lambda text, letter: text.startswith(letter),
        "ends": lambda text, letter: text.endswith(letter),
    }
    for name, test in tests.items():
        for letter in string.ascii_lowercase:
            names.append(Feature(f"{name}_{letter}", f"a token that {name} with {letter}"))
            rows.append(np.array([test(text, letter) for text in strings]))
    for length in range(1, 12):
        names.append(Feature(f"length_{length}", f"{length} characters"))
        rows.append(np.array([len(text) == length for text in strings]))
    return tuple(names[:100]), np.stack(rows[:100])


def features(subject: Subject, seeds: int, rows: int) -> dict[str, Any]:
    """F1 of one neuron by method, for features of code, of languages and of tokens."""
    found: dict[str, Any] = {}
    for name, kept in FEATURES.items():
        corpus = open_corpus("builtin")
        whole = open_collection(name, corpus)
        collection = only(whole, kept)
        table = None
        if name == "token-text":
            names = [feature.name for feature, _ in TOKEN_FEATURES]
            places = [names.index(feature.name) for feature in collection.features]
            table = label_vocabulary(subject.vocabulary)[places]
            collection = only(token_text(corpus), kept)
        dataset = sample(collection, subject, Sampling(most=rows), by_token=table)
        settings = ProbeSettings(
            methods=METHODS, ks=(1,), seeds=tuple(range(seeds)), jobs=os.cpu_count() or 1
        )
        report = probe(subject, dataset, _sites(subject), settings, told=_tell(name))
        found[name] = {feature.feature: _of_feature(feature, report) for feature in report.features}
    return found


def _of_feature(feature: FeatureReport, report: ProbingReport) -> dict[str, Any]:
    if feature.best is None:
        return {"status": feature.status, "reason": feature.reason}
    told: dict[str, Any] = {
        "null_p95": _rounded(None if feature.null is None else feature.null.p95),
        "token": _rounded(feature.controls.token.value if feature.controls else None),
        "place": _rounded(feature.controls.position.value if feature.controls else None),
    }
    for method in report.methods:
        scores = [best_at(feature.scores, method, seed, 1) for seed in report.seeds]
        there = [score for score in scores if score is not None]
        told[method] = {
            "f1": [_rounded(score.f1.value) for score in there],
            "site": [score.site for score in there],
            "unit": [score.units[0] for score in there],
            "low": _rounded(there[0].f1.low) if there else None,
            "high": _rounded(there[0].f1.high) if there else None,
        }
    return told


def treebank(
    subject: Subject, path: Path, rows: int, seeds: int, methods: Sequence[Method], kind: str
) -> dict[str, Any] | None:
    """Methods on parts of speech at the sites of one kind; None without the treebank."""
    if not path.is_file():
        return None
    collection = open_collection("part-of-speech", files=[path])
    dataset = sample(collection, subject, Sampling(most=rows, per_document=None))
    settings = ProbeSettings(
        methods=tuple(methods), seeds=tuple(range(seeds)), jobs=os.cpu_count() or 1, nulls=19
    )
    report = probe(subject, dataset, _sites(subject, kind), settings, told=_tell("part-of-speech"))
    return {
        row.method: {
            "f1": {
                k: [_rounded(cell.value), _rounded(cell.low), _rounded(cell.high)]
                for k, cell in row.f1.items()
            },
            "gain": gain_text(row.gain),
            "seconds": _rounded(row.seconds.value),
            "n": row.n,
            "failures": row.failures,
        }
        for row in report.comparison
    }


def _sites(subject: Subject, kind: str = "mlp.") -> list[str]:
    return [site for site in subject.sites() if site.startswith(kind)]


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 3)


def _tell(name: str) -> Callable[[str, int, int], None]:
    began = time.monotonic()

    def tell(what: str, done: int, of: int) -> None:
        if done == of:
            sys.stderr.write(f"{name}: {what} {of} after {time.monotonic() - began:.0f} s\n")

    return tell


def _show(found: dict[str, Any]) -> None:
    if ranked := found.get("ranking"):
        print(
            f"{ranked['features']} features x {ranked['neurons']} neurons, {ranked['rows']} rows: "
            f"one pass {ranked['seconds_one_pass']} s, f_classif {ranked['seconds_f_classif']} s, "
            f"ratio {ranked['ratio_f_classif']} [{ranked['ratio_f_classif_low']}, "
            f"{ranked['ratio_f_classif_high']}], worst difference {ranked['worst_difference']:.1e}"
        )
    for name, of_collection in found.get("features", {}).items():
        print(f"\n{name}: F1 of one neuron, by seed")
        for feature, told in of_collection.items():
            _show_feature(feature, told)
    if "treebank" in found:
        _show_methods(found["treebank"])


def _show_feature(feature: str, told: dict[str, Any]) -> None:
    if "reason" in told:
        print(f"  {feature}: {told['status']}: {told['reason']}")
        return
    beside = ", ".join(f"{name} {told[name]}" for name in ("null_p95", "token", "place"))
    print(f"  {feature}  ({beside})")
    for method in METHODS:
        one = told[method]
        values = " ".join("  -  " if value is None else f"{value:.3f}" for value in one["f1"])
        units = " ".join(f"{s}/{u}" for s, u in zip(one["site"], one["unit"], strict=True))
        print(f"    {method:18} {values}  [{one['low']}, {one['high']}]  {units}")


def _show_methods(methods: dict[str, Any] | None) -> None:
    if methods is None:
        print("\ntreebank: skipped, no file")
        return
    print(
        "\nparts of speech, mean F1 over features at the best site by k; at the last k: interval,"
    )
    print("gain over the first method that is not random, feature by feature, and seconds")
    for method, row in methods.items():
        cells = " ".join(f"{row['f1'][k][0]:.3f}" for k in row["f1"])
        ends = row["f1"][max(row["f1"])]
        print(
            f"  {method:18} {cells}  [{ends[1]}, {ends[2]}]  gain {row['gain'] or '-':24} "
            f"{row['seconds']:.3f} s"
        )


def main(arguments: Sequence[str] | None = None) -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--part", action="append", choices=PARTS)
    parser.add_argument("--subject", default="demo")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--rows", type=int, default=ROWS)
    parser.add_argument("--treebank", type=Path, default=TREEBANK)
    parser.add_argument("--kind", default="mlp.", help="sites of the treebank: how names begin")
    parser.add_argument("--methods", help="of the treebank, comma-separated; default: all")
    options = parser.parse_args(arguments)
    parts = options.part or PARTS
    subject = Workspace().subject(options.subject)
    found: dict[str, Any] = {}
    if "ranking" in parts:
        found["ranking"] = ranking(subject, options.repeats)
    if "features" in parts:
        found["features"] = features(subject, options.seeds, options.rows)
    if "treebank" in parts:
        known: dict[str, Method] = {method: method for method in METHODS}
        methods = (
            [known[name] for name in options.methods.split(",")] if options.methods else METHODS
        )
        found["treebank"] = treebank(
            subject, options.treebank, options.rows, options.seeds, methods, options.kind
        )
    if options.json:
        print(json.dumps(found))
    else:
        _show(found)


if __name__ == "__main__":
    main()
