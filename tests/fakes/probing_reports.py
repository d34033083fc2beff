"""Reports of probing runs with everything in them that a page has to show. Seeded, no model."""

from __future__ import annotations

import numpy as np

from discovery.probing.results import (
    Basis,
    Certificate,
    Controls,
    FeatureReport,
    Measured,
    Method,
    MethodRow,
    Null,
    ProbeScore,
    ProbingReport,
    Round,
)

NASTY = "<img src=x onerror=alert(1)>"
TURNED = "is_\u202eright-to-left\u2066 שלום"
METHODS: tuple[Method, ...] = (
    *("random", "mean-difference", "f", "mutual-information", "l1", "svm", "adaptive", "osp"),
)
KS = (1, 2, 3, 4, 5, 6, 7, 8)
SCHEDULE = (256, 192, 128, 96, 64, 48, 32, 24, 16, 12, 10, 8, 7, 6, 5, 4, 3, 2, 1)
WARNING = "a probe of the token alone reaches F1 0.91: the label follows from the token"


def report(
    features: int = 6, sites: int = 4, subject: str = "demo", seed: int = 0
) -> ProbingReport:
    """The first four features are: plain, warned of, nasty by name, without intervals.

    The last two failed and were left out. Certificates are of every status.
    """
    made = Maker(seed, tuple(f"mlp.{i}" for i in range(sites)))
    reports = [made.feature(i) for i in range(features - 2)]
    return ProbingReport(
        subject=subject,
        collection="code-context",
        sites=made.sites,
        dataset="9c1d" * 4,
        seeds=(0,),
        methods=METHODS,
        ks=KS,
        features=(*reports, failed(), left_out()),
        comparison=tuple(made.row(m) for m in METHODS),
        summary={"windows": 1820, "tokens": 116_480, "positive_share": 0.2137, "source": NASTY},
        settings={"gamma": 0.0141, "aggregate": None, "prefilter": 1024, "balanced": True},
        seconds=312.4,
    )


def failed() -> FeatureReport:
    return FeatureReport(
        collection="code-context", feature="is_constant", description="", among=None,
        positives=412, negatives=412, documents=9, best=None, null=None, random=None,
        controls=None, status="failed", reason="every neuron is constant in the training rows",
    )  # fmt: skip


def left_out() -> FeatureReport:
    return failed().model_copy(
        update={
            "feature": "is_rare",
            "status": "left_out",
            "positives": 7,
            "reason": "7 positives, and 20 are needed",
        }
    )


class Maker:
    """Draws figures that look like those of a run."""

    def __init__(self, seed: int, sites: tuple[str, ...]) -> None:
        self.draw = np.random.default_rng(seed)
        self.sites = sites

    def measured(self, value: float, spread: float = 0.02, missing: str = "") -> Measured:
        value = round(float(min(0.999, max(0.0, value))), 4)
        if missing:
            return Measured(value=value, reason=missing)
        low, high = max(0.0, value - spread), min(1.0, value + 0.8 * spread)
        return Measured(value=value, low=round(low, 4), high=round(high, 4))

    def score(
        self, method: Method, site: str, k: int, f1: float, width: int = 512, missing: str = ""
    ) -> ProbeScore:
        lean = float(self.draw.normal(0, 0.06))
        units = self.draw.choice(width, k, replace=False)
        return ProbeScore(
            method=method, site=site, k=k, seed=0,
            units=tuple(int(u) for u in units),
            coefficients=tuple(round(float(c), 4) for c in self.draw.normal(0, 3, k)),
            f1=self.measured(f1, missing=missing),
            precision=self.measured(f1 + lean, missing=missing),
            recall=self.measured(f1 - lean, missing=missing),
            mcc=self.measured(f1 - 0.12, missing=missing),
            average_precision=self.measured(f1 + 0.03, missing=missing),
            roc_auc=self.measured(f1 + 0.05, missing=missing),
            log_loss=round(float(0.7 * (1.05 - f1)), 4), seconds=0.02 * k,
            train_f1=0.9,
            certificate=self.certificate(k) if method == "osp" else None,
        )  # fmt: skip

    def certificate(self, k: int) -> Certificate:
        loss = round(float(self.draw.uniform(0.2, 0.5)), 4)
        terms = {"gamma": 0.0141, "tolerance": 1e-4, "cuts": 40 * k, "of": 50}
        if k <= 4:
            return Certificate(
                loss_name="logistic", loss=loss, bound=loss, gap=0.0, status="optimal",
                seconds=0.4 * k, **terms,  # type: ignore[arg-type]
            )  # fmt: skip
        if k <= 7:
            gap = round(0.03 * (k - 4), 4)
            return Certificate(
                loss_name="logistic", loss=loss, bound=round(loss * (1 - gap), 4), gap=gap,
                status="time_limit", seconds=60.0, **terms,  # type: ignore[arg-type]
            )  # fmt: skip
        return Certificate(
            loss_name="logistic", loss=None, bound=None, gap=None, status="failed", seconds=1.5,
            **terms,  # type: ignore[arg-type]
        )  # fmt: skip

    def feature(self, number: int) -> FeatureReport:
        names = ("is_docstring", "is_string_literal", NASTY, TURNED)
        name = names[number] if number < len(names) else f"is_feature_{number}"
        at, top = int(self.draw.integers(len(self.sites))), float(self.draw.uniform(0.62, 0.96))
        missing = "fewer than 2 documents in the test rows" if number == 3 else ""
        scores = tuple(
            self.score(m, site, k, self.f1(m, top, k, abs(i - at)), missing=missing)
            for i, site in enumerate(self.sites)
            for m in METHODS
            for k in (1, 2, 5, 8)
        )
        best = next(
            s for s in scores if (s.site, s.method, s.k) == (self.sites[at], "mean-difference", 2)
        )
        curve = tuple(
            self.score(
                "adaptive", self.sites[at], k, self.f1("adaptive", top, k, 0), missing=missing
            )
            for k in SCHEDULE
        )
        warnings = (WARNING,) if number == 1 else ()
        return FeatureReport(
            collection="code-context", feature=name, description=f"{name}, in words",
            among="code" if number == 0 else None,
            positives=2140 + number, negatives=8560, documents=61, best=best,
            null=None if number == 3 else Null(mean=0.21, p95=0.2431, p=1 / 201, draws=200),
            random=self.measured(top - 0.3),
            controls=Controls(
                token=self.measured(0.91 if number == 1 else 0.44),
                position=self.measured(0.38),
                majority=Measured(value=0.3333, reason="a constant"),
                warnings=warnings,
            ),
            basis=self.basis(top) if number % 2 == 0 else None,
            scores=scores, curve=curve,
            rounds=self.rounds(best, top) if number == 0 else (),
            reading="high recall with low precision: a broader or polysemantic unit"
            if number == 1 else None,
        )  # fmt: skip

    def rounds(self, best: ProbeScore, top: float) -> tuple[Round, ...]:
        return tuple(
            Round(number=r, site=best.site, units=best.units, f1=self.measured(top - 0.1 * r))
            for r in range(1, 3)
        )

    def basis(self, top: float) -> Basis:
        rotated = tuple(round(float(r), 4) for r in self.draw.normal(top - 0.2, 0.01, 5))
        return Basis(
            neurons=self.measured(top - 0.1),
            rotated=rotated,
            log_loss_neurons={k: round(0.6 * k**-0.4, 4) for k in KS},
            log_loss_rotated={k: round(0.66 * k**-0.3, 4) for k in KS},
        )

    def f1(self, method: Method, top: float, k: int, away: int) -> float:
        chosen = {"random": 0.25}.get(method, 0.02)
        return (
            top - chosen - 0.1 * away / len(self.sites) - 0.1 / k + float(self.draw.normal(0, 0.01))
        )

    def gain(self, method: Method) -> Measured | None:
        """Against mean difference, which is the headline."""
        if method == "mean-difference":
            return None
        if method == "osp":
            return Measured(value=None, reason="nothing was measured")
        return Measured(value=0.012, low=-0.003, high=0.027)

    def row(self, method: Method) -> MethodRow:
        floor = 0.57 if method == "random" else 0.82
        seconds = {"osp": 53.028, "mutual-information": 32.241, "l1": 7.8}.get(method, 0.29)
        f1 = {k: self.measured(floor + 0.03 * float(np.log2(k))) for k in KS}
        if method == "osp":
            f1[8] = Measured(value=None, reason="no support was found in time")
        return MethodRow(
            method=method, f1=f1, seconds=self.measured(0.3) if seconds < 1 else
            Measured(value=seconds, low=seconds * 0.9, high=seconds * 1.1),
            n=18, failures=2 if method == "osp" else 0, gain=self.gain(method),
        )  # fmt: skip
