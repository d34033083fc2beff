"""Documents of every case that a renderer must draw, made by hand."""

from __future__ import annotations

import math
from typing import Any

from core.documents import (
    BandShare,
    ExperimentShown,
    ExplainDocument,
    Histogram,
    PortToken,
    ShownExcerpt,
    Source,
    Statistics,
    UnitProfile,
)
from core.ids import UnitId
from core.results import Explanation, Provenance, Score, Usage
from tests.neuroscribe.render.render_steps import EXPERIMENTS, STEPS, arm, step, trial

UNIT = UnitId("demo", "mlp.2", 117)
NASTY = (
    "<script>alert(1)</script>",
    '"]]>',
    "</script>",
    "&amp;",
    "\x00",
    "\x1b[31mred\x1b[0m",
    "\u202eabc\u202c",
    "[bold]",
    "[/]",
    "{{ 7 * 7 }}",
    "\u0301",
    "漢字仮名",
    "שלום",
    "\ud800",
)

_CODE = [
    *("\n", "    ", "def", " parse", "_", "args", "(", "self", ",", " args", "=", "None", "):"),
    *("\n", "        ", '"""', "Return", " the", " parsed", " namespace", ".", '"""', "\n"),
    *("        ", "if", " args", " is", " not", " None", ":", "\n", "            ", "return"),
    *(" self", ".", "_", "parse", "_", "known", "(", "args", ")", "\n", "    ", "def", " error"),
    *("(", "self", ",", " message", "):", "\n", "        ", "#", " never", " returns", "\n"),
    *("        ", "raise", " System", "Exit", "(", "message", ")"),
]


def provenance() -> Provenance:
    return Provenance(
        method="pattern",
        seed=0,
        subject_spec="5ec0000000000001",
        corpus="c0ffee0000000002",
        index="1dec500000000003",
        code_version="0.1.0",
        parameters={"max_clauses": 6, "probe": True},
    )


def explanation(id: str = "e1", **changes: Any) -> Explanation:
    fields: dict[str, Any] = {
        "id": id,
        "unit": UNIT,
        "text": 'Fires on a lower-case token right after the token "def".',
        "method": "pattern",
        "symbols": 3,
        "provenance": provenance(),
    }
    return Explanation(**fields | changes)


def score(mode: str = "corpus", **changes: Any) -> Score:
    fields: dict[str, Any] = {
        "explanation_id": "e1",
        "scorer": "simulation",
        "simulator": "pattern",
        "mode": mode,
        "split": "report",
        "value": 0.831,
        "low": 0.712,
        "high": 0.902,
        "n_excerpts": 1044,
        "n_tokens": 66816,
        "status": "ok",
        "null_mean": 0.012,
        "null_p95": 0.064,
        "null_units": 32,
        "token_list_equal": 0.411,
        "token_list_50": 0.523,
        "token_table": 0.604,
    }
    return Score(**fields | changes)


def undefined(mode: str = "random_only", **changes: Any) -> Score:
    fields: dict[str, Any] = {
        "value": None,
        "low": None,
        "high": None,
        "status": "undefined",
        "reason": "the unit is constant on these excerpts",
        "null_mean": None,
        "null_p95": None,
        "null_units": 0,
        "token_list_equal": None,
        "token_list_50": None,
        "token_table": None,
    }
    return score(mode, **fields | changes)


def variance(mode: str = "corpus", **changes: Any) -> Score:
    fields: dict[str, Any] = {
        "scorer": "explained_variance",
        "calibration": "linear",
        "value": 0.655,
        "low": 0.49,
        "high": 0.77,
        "null_mean": None,
        "null_p95": None,
        "null_units": 0,
        "token_list_equal": None,
        "token_list_50": None,
        "token_table": None,
    }
    return score(mode, **fields | changes)


def excerpt(
    kind: str = "top", height: float = 4.25, turned: int = 0, **changes: Any
) -> ShownExcerpt:
    code = _CODE[turned:] + _CODE[:turned]
    values = [0.0] * len(code)
    for i, token in enumerate(code[:-1]):
        if token == "def":
            values[i + 1] = height * (1.0 if code[i + 1] == " parse" else 0.62)
        elif token == "    ":
            values[i] = height * 0.07
    fields: dict[str, Any] = {
        "kind": kind,
        "split": "explain",
        "document": "stdlib/argparse.py",
        "offset": 1280,
        "tokens": code,
        "activations": values,
        "simulated": [10.0 if v > 3 else 4.0 if v > 1 else 0.0 for v in values],
    }
    return ShownExcerpt(**fields | changes)


def short(tokens: list[str], values: list[float], **changes: Any) -> ShownExcerpt:
    fields: dict[str, Any] = {"tokens": tokens, "activations": values, "simulated": None}
    return excerpt(**fields | changes)


def index_edges() -> list[float]:
    """Edges as an index writes them: four bins an octave, mirrored, a gap about zero."""
    octaves = [2.0**o * (1 + q / 4) for o in range(-16, 16) for q in range(4)] + [2.0**16]
    return [-e for e in reversed(octaves)] + octaves


def histogram(*, negative: bool = False, empty: bool = False) -> Histogram:
    edges = index_edges()
    counts = [0] * (len(edges) - 1)
    if not empty:
        for i, low in enumerate(edges[:-1]):
            if 0 < low < 4.5:
                counts[i] = int(4000 * math.exp(-((math.log2(low) + 2.5) ** 2) / 6))
            elif negative and -8 < low < -1e-4:
                counts[i] = int(900 * math.exp(-((math.log2(-low) + 1) ** 2) / 4))
    return Histogram(edges=edges, counts=counts)


def statistics(**changes: Any) -> Statistics:
    fields: dict[str, Any] = {
        "mean": 0.0213,
        "variance": 0.0471,
        "skewness": 11.9,
        "kurtosis": 187.0,
        "min": 0.0,
        "max": 4.25,
        "share_active": 0.0312,
        "documents_active": 1893,
        "n_tokens": 2_345_984,
        "live": True,
    }
    return Statistics(**fields | changes)


def profile(**changes: Any) -> UnitProfile:
    fields: dict[str, Any] = {
        "unit": UNIT,
        "statistics": statistics(),
        "histogram": histogram(),
        "bands": [
            BandShare(name="band:0", low=None, high=0.4375, share=0.5012),
            BandShare(name="band:1", low=0.4375, high=1.75, share=0.3974),
            BandShare(name="band:2", low=1.75, high=3.0, share=0.0914),
            BandShare(name="band:3", low=3.0, high=3.5, share=0.0091),
            BandShare(name="band:4", low=3.5, high=None, share=0.0009),
        ],
        "excerpts": [
            *(excerpt(height=4.25 - i / 10, offset=64 * i, turned=9 * i) for i in range(7)),
            excerpt("band:2", 2.5, document="stdlib/email/message.py"),
            excerpt("band:1", 1.0, document="stdlib/json/decoder.py"),
            excerpt("random", 0.0, document="generated/agreement/00412"),
        ],
        "promoted": [
            PortToken(token=t, weight=1.52 - i / 9)
            for i, t in enumerate(["(self", "(", " (", "\n", ":", "漢字", "_", "[bold]"])
        ],
        "suppressed": [
            PortToken(token=t, weight=-1.31 + i / 9)
            for i, t in enumerate([" the", " of", ".", " and", '"', " is", "\t"])
        ],
        "source": Source(
            subject="demo",
            subject_source="shipped",
            spec_hash="5ec0000000000001",
            corpus="builtin",
            corpus_fingerprint="c0ffee0000000002",
            index="1dec500000000003",
            n_documents=6021,
            window=64,
        ),
    }
    return UnitProfile(**fields | changes)


def document(**changes: Any) -> ExplainDocument:
    """An explained unit; ``changes`` make the other cases."""
    fields: dict[str, Any] = {
        "unit": UNIT,
        "verdict": "explained",
        "reason": "beats the null in corpus and top_and_random",
        "explanations": [explanation()],
        "scores": [
            score("top_and_random", value=0.902, low=0.84, high=0.951, n_excerpts=20),
            score("random_only", value=0.701, low=0.42, high=0.86, n_excerpts=1000),
            score("corpus"),
            variance("random_only", value=0.47, low=0.11, high=0.71),
            variance("corpus"),
        ],
        "usage": Usage(),
        "seconds": 3.21,
        "run": "r-20250102-0001",
        "created": "2025-01-02T03:04:05Z",
        "code_version": "0.1.0",
        "seed": 0,
        "report_openings": 1,
        "experiments": EXPERIMENTS,
        "steps": STEPS,
        "arms": [
            arm("one_shot", 'Fires on the token "name".', [score("corpus", value=0.55)]),
            arm("resampling", "", [], same=True),
        ],
        "profile": profile(),
    }
    return ExplainDocument(**fields | changes)


def polysemantic() -> ExplainDocument:
    texts = ('Fires on the word "def".', 'Fires on the word "not".')
    first = explanation("e0", text='Fires on the word "def"; plus on the word "not".')
    readings = [
        explanation(f"e{i}", text=text, share=share)
        for i, (text, share) in enumerate(zip(texts, (0.62, 0.38), strict=True), 1)
    ]
    return document(
        verdict="polysemantic",
        reason="2 separate readings, and together they beat the null",
        explanations=[first, *readings],
        scores=[score(explanation_id=e.id) for e in (first, *readings)],
    )


def abstained() -> ExplainDocument:
    return document(
        verdict="abstained",
        reason="corpus: the interval of ρ = 0.021 reaches zero",
        scores=[score(value=0.021, low=-0.14, high=0.11), undefined()],
        experiments=[],
    )


def dead() -> ExplainDocument:
    nothing = statistics(
        mean=0.0,
        variance=0.0,
        skewness=None,
        kurtosis=None,
        max=0.0,
        share_active=0.0,
        documents_active=0,
        live=False,
    )
    return document(
        verdict="dead",
        reason="zero on all 2345984 tokens of the corpus",
        explanations=[],
        scores=[],
        experiments=[],
        report_openings=0,
        profile=profile(
            statistics=nothing,
            histogram=histogram(empty=True),
            bands=[],
            excerpts=[],
            promoted=[],
            suppressed=[],
        ),
    )


def low_evidence() -> ExplainDocument:
    rare = statistics(documents_active=2, share_active=2e-6, live=False)
    return document(
        verdict="low_evidence",
        reason="active in 2 documents; 5 are needed",
        explanations=[],
        scores=[],
        experiments=[],
        report_openings=0,
        profile=profile(statistics=rare, excerpts=[excerpt(simulated=None)], bands=[], promoted=[]),
    )


def negative() -> ExplainDocument:
    low = excerpt("bottom")
    down = [-v for v in low.activations], [-(v or 0.0) for v in low.simulated or []]
    low = low.model_copy(update={"activations": down[0], "simulated": down[1]})
    return document(
        explanations=[explanation(polarity="negative")],
        profile=profile(
            excerpts=[low],
            histogram=histogram(negative=True),
            statistics=statistics(min=-4.25, max=0.4),
            bands=[],
        ),
    )


def planted() -> ExplainDocument:
    truth = {
        "unit": "planted/after/3",
        "family": "after",
        "description": 'fires on the word "name" right after the word "def"',
        "expressible": True,
        "pattern": 'Fires on the word "name" right after the word "def".',
        "polarity": "positive",
        "parts": [],
        "strength": 3.5,
        "expected": ["explained"],
    }
    unit = UnitId("planted", "after", 3)
    scores = [score(m, oracle=0.987) for m in ("top_and_random", "random_only", "corpus")]
    return document(unit=unit, scores=scores, profile=profile(unit=unit, truth=truth))


def nasty() -> ExplainDocument:
    tokens = [t for t in NASTY if t != "\ud800"]
    values = [float(i) for i in range(len(tokens))]
    hurt = "<img src=x onerror=alert(1)> [red]\x1b[2J\u202e</script>"
    return document(
        reason=hurt,
        explanations=[explanation(text=hurt)],
        run=hurt,
        experiments=[
            ExperimentShown(
                id="x1",
                kind=hurt,
                description=hurt,
                outcome={hurt: hurt, "n": 1},
                trials=[trial(tokens=tokens, position=i, label=hurt) for i in range(len(tokens))],
            )
        ],
        steps=[step(hurt, hurt, 1, hurt)],
        arms=[arm("one_shot", hurt, [score("corpus", value=0.55)])],
        profile=profile(
            excerpts=[short(tokens, values, document=hurt)],
            promoted=[PortToken(token=t, weight=0.5) for t in tokens],
            suppressed=[],
            truth={"description": hurt, "family": hurt, hurt: [hurt]},
        ),
    )


ALL = {
    "explained": document,
    "polysemantic": polysemantic,
    "abstained": abstained,
    "dead": dead,
    "low_evidence": low_evidence,
    "negative": negative,
    "planted": planted,
    "nasty": nasty,
}
