from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from core.results import Explanation, Provenance, Score, Simulation


def score(**figures: Any) -> Score:
    given = {
        "explanation_id": "e1",
        "scorer": "simulation",
        "simulator": "pattern",
        "mode": "corpus",
        "split": "report",
        "value": 0.5,
        "n_excerpts": 20,
        "n_tokens": 1280,
        "status": "ok",
    }
    return Score.model_validate(given | figures)


PROVENANCE = {
    "method": "pattern",
    "seed": 0,
    "subject_spec": "s",
    "corpus": "c",
    "index": "i",
    "code_version": "1",
}


@pytest.mark.parametrize("field", ["value", "low", "null_mean", "null_p95", "token_table"])
@pytest.mark.parametrize("bad", [float("nan"), float("inf"), "NaN"])
def test_a_score_holds_no_nan(field: str, bad: object) -> None:
    with pytest.raises(ValidationError):
        score(**{"low": 0.1, "high": 0.9, field: bad})


@pytest.mark.parametrize(
    "figures",
    [
        {"value": None, "status": "ok", "reason": "why not"},
        {"value": None, "status": "undefined"},
        {"value": None, "status": "undefined", "reason": ""},
        {"low": 0.1},
        {"high": 0.1},
        {"low": 0.6, "high": 0.4},
        {"split": "explain"},
        {"mode": "best"},
        {"surprise": 1},
    ],
)
def test_half_a_score_is_none(figures: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        score(**figures)


def test_a_missing_value_has_a_reason() -> None:
    missing = score(value=None, status="undefined", reason="the unit is constant")
    assert Score.model_validate_json(missing.model_dump_json()) == missing


def test_records_do_not_change() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        score().value = 1.0  # type: ignore[misc]


def test_an_explanation_survives_json() -> None:
    given = {
        "id": "e1",
        "unit": "demo/mlp.1/3",
        "text": 'Fires 10/10 on the token "é".',
        "method": "pattern",
        "symbols": 1,
        "provenance": PROVENANCE,
    }
    explanation = Explanation.model_validate(given)
    assert Explanation.model_validate_json(explanation.model_dump_json()) == explanation
    with pytest.raises(ValidationError):
        Explanation.model_validate(given | {"share": float("nan")})
    with pytest.raises(ValidationError):
        Provenance.model_validate(PROVENANCE | {"author": "me"})


def test_a_token_that_was_not_read_is_missing_and_not_zero() -> None:
    known = np.array([[True, False, True, True]])
    simulated = Simulation(np.array([[1.0, np.nan, 0.0, 2.0]]), known)
    assert simulated.coverage == 0.75
    assert Simulation(np.zeros((0, 4)), np.zeros((0, 4), bool)).coverage == 0.0


def test_a_known_prediction_is_a_number() -> None:
    with pytest.raises(ValueError, match="not finite"):
        Simulation(np.array([[np.nan]]), np.array([[True]]))
    with pytest.raises(ValueError, match=r"\(1, 2\)"):
        Simulation(np.zeros((1, 2)), np.zeros((1, 3), bool))
