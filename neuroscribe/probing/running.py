"""A run of probes: what is at hand is taken, the rest is made, and findings are stored."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from agent.concepts import ConceptExamples
from core.errors import InvalidSetting, NotStored
from core.findings import Finding
from core.hashing import fingerprint
from core.results import Record
from discovery.probing import files
from discovery.probing.builders.catalogue import COLLECTIONS
from discovery.probing.dataset import ProbingDataset
from discovery.probing.experiment import probe
from discovery.probing.labels import Collection
from discovery.probing.parallel import kept_result
from discovery.probing.results import ProbingReport
from discovery.probing.sampling import dataset_fingerprint, sample, window_of
from neuroscribe.probing.after import AfterSettings, FeatureAfter, ask, plain_text_classes
from neuroscribe.probing.concept import Concept
from neuroscribe.probing.findings import findings_of
from neuroscribe.probing.request import ProbeRequest, sites_named
from neuroscribe.probing.stored import (
    Note,
    dataset_folder,
    remember,
    report_file,
    run_folder,
    stored,
)
from neuroscribe.workspace import Workspace
from subjects.index.files import locked, write_bytes
from subjects.protocol import Subject

Told = Callable[[str, int, int | None], None]
"""What is being done, how much is done, and of how much (None: unknown)."""


class Probed(Record):
    """The findings of a run, best first, its report, and what its neurons do, if that was asked."""

    findings: tuple[Finding, ...]
    report: ProbingReport
    concept: ConceptExamples | None = None
    """The texts that a language model proposed and checked, where it did."""
    after: tuple[FeatureAfter, ...] = ()


@dataclass(frozen=True, slots=True)
class Answer:
    """What was found; ``stored`` where it had been found before."""

    probed: Probed
    dataset: ProbingDataset
    stored: bool


def find_probe(
    workspace: Workspace,
    request: ProbeRequest,
    *,
    concept: Concept | None = None,
    fresh: bool = False,
    after: AfterSettings | None = None,
    told: Told | None = None,
) -> Answer:
    """Probe a subject for the features of a collection, and store a finding for each.

    ``concept`` has its labels made by a language model instead of taken from a collection. A run
    that was killed goes on where it was; one that was done is given again unless ``fresh``.
    ``after``: ask too what the neurons found do, on test documents of the first seed.
    Raises what the collection, the sampling and the probing raise.
    """
    tell = told or _silent
    opened = request.open() if concept is None else None
    examples = None
    if opened is not None and after is None and not fresh:
        known = stored(workspace, request, opened)
        if known is not None:
            report, dataset, weights = known
            return Answer(_probed(workspace, report, weights), dataset, stored=True)
    subject, sites = _where(workspace, request)  # told before anything is paid for
    if concept is not None:
        opened, examples = concept.labelled(workspace, request.corpus, fresh)
    assert opened is not None
    with workspace.holding.using(request.subject):
        dataset = dataset_of(workspace, request, subject, opened, tell, fresh=fresh)
        run = _run_key(subject, dataset, sites)
        folder = run_folder(workspace, run)
        with locked(folder):
            answer = _run(workspace, request, subject, (dataset, sites, folder), fresh, tell)
            found: tuple[FeatureAfter, ...] = ()
            asked = True
            if after is not None:
                found, asked = ask(
                    subject,
                    opened,
                    dataset,
                    answer.probed.report,
                    folder / "after" / request.settings.key,
                    settings=after,
                    fresh=fresh,
                    told=tell,
                )
    remember(
        workspace,
        request,
        opened,
        Note(run=run, dataset=dataset.fingerprint, weights=subject.spec.hash),
    )
    probed = answer.probed.model_copy(update={"concept": examples, "after": found})
    return replace(answer, probed=probed, stored=answer.stored and asked)


def _where(workspace: Workspace, request: ProbeRequest) -> tuple[Subject, tuple[str, ...]]:
    subject = workspace.subject(request.subject)
    sites = sites_named(request.sites, subject.sites())
    if not sites:
        raise InvalidSetting("no site is named", f"sites: {', '.join(subject.sites())}")
    return subject, sites


def _run(
    workspace: Workspace,
    request: ProbeRequest,
    subject: Subject,
    what: tuple[ProbingDataset, tuple[str, ...], Path],
    fresh: bool,
    tell: Told,
) -> Answer:
    dataset, sites, folder = what
    kept = report_file(folder, request.settings.key)
    if fresh:
        kept.unlink(missing_ok=True)
        shutil.rmtree(folder / "activations", ignore_errors=True)
        shutil.rmtree(folder / "parts" / request.settings.key, ignore_errors=True)
    report = kept_result(kept, ProbingReport)
    there = report is not None
    if report is None:
        report = probe(subject, dataset, sites, request.settings, folder=folder, told=tell)
        write_bytes(kept, report.model_dump_json().encode())
        shutil.rmtree(folder / "activations", ignore_errors=True)
        shutil.rmtree(folder / "parts" / request.settings.key, ignore_errors=True)
    return Answer(_probed(workspace, report, subject.spec.hash), dataset, stored=there)


def _probed(workspace: Workspace, report: ProbingReport, weights: str) -> Probed:
    found = findings_of(report, weights)
    _store(workspace, found)
    best = sorted(found, key=lambda finding: -_f1(finding))
    return Probed(findings=tuple(best), report=report)


def dataset_of(
    workspace: Workspace,
    request: ProbeRequest,
    subject: Subject,
    collection: Collection,
    tell: Told,
    *,
    fresh: bool = False,
) -> ProbingDataset:
    """The labelled rows, drawn once for a tokenizer and kept; ``fresh`` draws them again."""
    sampling, tokenizer = request.sampling, subject.spec.tokenizer
    window = window_of(collection, sampling, subject)
    key = dataset_fingerprint(collection, sampling, window, tokenizer)
    folder = dataset_folder(workspace, key)
    with locked(folder):
        if not fresh and (folder / "dataset.json").exists():
            return files.load(folder)
        known = COLLECTIONS.get(collection.name)
        on_corpus = known is not None and known.corpus
        documents = request.corpus.open().n_documents if on_corpus else None
        dataset = sample(
            collection,
            subject,
            sampling,
            by_token=_by_token(collection, subject),
            told=lambda done: tell("labelling", done, documents),
        )
        files.save(dataset, folder)
        return dataset


def _by_token(collection: Collection, subject: Subject) -> NDArray[np.bool_] | None:
    """Labels that hang on the token alone, of the features asked for."""
    if collection.name != "token-text":
        return None
    classes = plain_text_classes(subject)
    return np.stack([classes[feature.name] for feature in collection.features])


def _run_key(subject: Subject, dataset: ProbingDataset, sites: tuple[str, ...]) -> str:
    identity = [subject.spec.name, subject.spec.hash]
    return fingerprint([*identity, dataset.fingerprint, list(sites)])


def _store(workspace: Workspace, found: tuple[Finding, ...]) -> None:
    with workspace.store() as store:
        for finding in found:
            try:
                store.findings.get(finding.id)
            except NotStored:
                store.findings.save(finding)


def _f1(finding: Finding) -> float:
    value = finding.figures.get("f1")
    return float(value) if isinstance(value, int | float) else -1.0


def _silent(what: str, done: int, of: int | None) -> None:
    pass
