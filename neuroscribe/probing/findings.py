"""What a probe found about a feature, as a finding that can be stored and explained."""

from __future__ import annotations

from pydantic import JsonValue

from core.findings import Figures, Finding, FoundUnit
from core.hashing import fingerprint
from core.ids import UnitId
from discovery.probing.results import Certificate, FeatureReport, Measured, ProbingReport, Round

METHOD = "probe"


def findings_of(report: ProbingReport, identity: str) -> tuple[Finding, ...]:
    """One finding for every feature that was probed; ``identity`` names the subject's weights."""
    return tuple(_finding(report, feature, identity) for feature in report.features if feature.best)


def _finding(report: ProbingReport, feature: FeatureReport, identity: str) -> Finding:
    best = feature.best
    assert best is not None
    parameters: dict[str, JsonValue] = {
        "collection": feature.collection,
        "feature": feature.feature,
        "method": best.method,
        "sites": list(report.sites),
        **report.settings,
    }
    # The figures are part of the name: a finding is written once and never changed.
    result = [best.site, list(best.units), best.f1.model_dump()]
    what = [report.subject, identity, report.dataset, feature.feature, parameters]
    key = fingerprint([*what, result])
    units = [
        FoundUnit(
            unit=UnitId(report.subject, best.site, unit),
            weight=coefficient,
            figures={"coefficient": coefficient, **_figure("f1_alone", alone)},
        )
        for unit, coefficient, alone in zip(
            best.units, best.coefficients, feature.alone, strict=True
        )
    ]
    taken = set(best.units)
    for again in told_rounds(feature):
        for unit in again.units:
            if unit not in taken:
                taken.add(unit)
                figures: Figures = {"round": again.number, **_figure("f1_of_round", again.f1)}
                units.append(
                    FoundUnit(
                        unit=UnitId(report.subject, again.site, unit), weight=0.0, figures=figures
                    )
                )
    own = len(best.units)
    units[:own] = sorted(units[:own], key=lambda found: -abs(found.weight))
    return Finding(
        id=f"{METHOD}-{key}",
        method=METHOD,
        subject=report.subject,
        question=f"which units tell {feature.description}",
        units=tuple(units),
        figures=_figures(feature),
        parameters=parameters,
        seed=best.seed,
        data=report.dataset,
    )


def told_rounds(feature: FeatureReport) -> list[Round]:
    """Rounds up to the first that does no better than shuffled labels."""
    found: list[Round] = []
    for again in feature.rounds:
        value = again.f1.value
        if value is None or (feature.null is not None and value <= feature.null.p95):
            break
        found.append(again)
    return found


def _figures(feature: FeatureReport) -> Figures:
    best = feature.best
    assert best is not None
    found: Figures = {
        "description": feature.description,
        "site": best.site,
        "k": best.k,
        "positives": feature.positives,
        "negatives": feature.negatives,
        "documents": feature.documents,
    }
    for name in ("f1", "precision", "recall", "mcc", "average_precision", "roc_auc"):
        found |= _figure(name, getattr(best, name))
    if feature.null is not None:
        null = feature.null
        found |= {"null_mean": null.mean, "null_p95": null.p95, "null_p": null.p}
    if feature.random is not None:
        found |= _figure("random_f1", feature.random)
    if feature.controls is not None:
        controls = feature.controls
        found |= _figure("token_control_f1", controls.token)
        found |= _figure("position_control_f1", controls.position)
        found |= _figure("always_yes_f1", controls.majority)
        if controls.warnings:
            found["warnings"] = "; ".join(controls.warnings)
    if best.certificate is not None:
        found |= _certificate(best.certificate)
    if feature.reading is not None:
        found["reading"] = feature.reading
    return found


def _figure(name: str, measured: Measured) -> Figures:
    found: Figures = {name: measured.value}
    found |= {f"{name}_low": measured.low, f"{name}_high": measured.high}
    if measured.reason is not None:
        found[f"{name}_reason"] = measured.reason
    return found


def _certificate(certificate: Certificate) -> Figures:
    return {
        "proof": certificate.status,
        "proof_gap": certificate.gap,
        "proof_gamma": certificate.gamma,
        "proof_loss": certificate.loss,
        "proof_among": certificate.of,
    }
