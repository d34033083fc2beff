"""Stored answers as Neuronpedia's export batches: features, explanations and activations.

``<model>/<layer>/<table>/batch-<n>.jsonl.gz``, 1,024 units a batch. Only fields whose meaning is
sure are written: no author (a user of that site) and no type of explanation (a method it knows).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from core.documents import ExplainDocument
from core.hashing import fingerprint
from neuroscribe.interchange.extension import (
    ExcerptExtension,
    ExplanationExtension,
    UnitExtension,
)
from neuroscribe.interchange.neuronpedia import layer_of
from neuroscribe.interchange.text import EXTENSION

BATCH = 1024
TABLES = ("features", "explanations", "activations")


def paths(out: Path, subject: str, site: str, batch: int) -> tuple[Path, ...]:
    """Where the three tables of a batch are written."""
    folder = out / subject / layer_of(site)
    return tuple(folder / table / f"batch-{batch}.jsonl.gz" for table in TABLES)


def rows(document: ExplainDocument, *, plain: bool = False) -> tuple[list[dict[str, Any]], ...]:
    """The unit's rows of each of :data:`TABLES`; ``plain`` leaves our extension out."""
    tables = (_features(document), _explanations(document), _activations(document))
    if plain:
        for row in (row for table in tables for row in table):
            del row[EXTENSION]
    return tables


def _unit(document: ExplainDocument) -> dict[str, Any]:
    unit = document.unit
    return {"modelId": unit.subject, "layer": layer_of(unit.site), "index": str(unit.index)}


def _features(document: ExplainDocument) -> list[dict[str, Any]]:
    profile = document.profile
    statistics = profile.statistics
    row = _unit(document) | {"maxActApprox": statistics.max}
    if statistics.min >= 0:  # where values may be negative, active and not zero are two things
        row["frac_nonzero"] = statistics.share_active
    for name, tokens in (("pos", profile.promoted), ("neg", profile.suppressed)):
        row[f"{name}_str"] = [t.token for t in tokens]
        row[f"{name}_values"] = [t.weight for t in tokens]
    own = {**UnitExtension.of(document).model_dump()}
    return [row | {EXTENSION: own | {"statistics": statistics.model_dump()}}]


def _explanations(document: ExplainDocument) -> list[dict[str, Any]]:
    own = UnitExtension.of(document).model_dump()
    found = []
    for explanation in document.explanations:
        said = ExplanationExtension.of(explanation, document.scores).model_dump()
        row = _unit(document) | {
            "id": explanation.id,
            "description": explanation.text,
            "explanationModelName": explanation.provenance.model,
        }
        found.append(row | {EXTENSION: own | {"said": said}})
    return found


def _activations(document: ExplainDocument) -> list[dict[str, Any]]:
    found = []
    for position, excerpt in enumerate(document.profile.excerpts):
        values = excerpt.activations
        row = _unit(document) | {
            "id": "a" + fingerprint([document.run, position]),
            "tokens": excerpt.tokens,
            "values": values,
            "maxValue": max(values, default=None),
            "minValue": min(values, default=None),
            "maxValueTokenIndex": values.index(max(values)) if values else None,
            "dataSource": document.profile.source.corpus,
        }
        own = ExcerptExtension.of(excerpt, position).model_dump()
        found.append(row | {EXTENSION: own})
    return found
