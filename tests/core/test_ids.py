from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from core.errors import MalformedId
from core.ids import UnitId, UnitIdField, site_kind

segments = st.from_regex(r"[a-z0-9][a-z0-9._@-]*", fullmatch=True)


@given(segments, segments, st.integers(0, 10**9 - 1))
def test_every_id_survives_its_string(subject: str, site: str, index: int) -> None:
    unit = UnitId(subject, site, index)
    assert UnitId.parse(str(unit)) == unit


@given(st.text())
def test_any_text_is_an_id_or_one_clear_error(text: str) -> None:
    try:
        unit = UnitId.parse(text)
    except MalformedId:
        return
    assert UnitId.parse(str(unit)) == unit


def test_the_short_form_names_a_neuron() -> None:
    assert UnitId.parse("demo/L2.N117") == UnitId("demo", "mlp.2", 117)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "demo",
        "demo/mlp.2",
        "demo/mlp.2/",
        "demo/mlp.2/-1",
        "demo/mlp.2/007",
        "demo/mlp.2/1.0",
        "demo/mlp.2/1/2",
        "demo/mlp.2/1000000000",
        "demo/mlp.2/1\n",
        "demo/mlp.2/٣",
        "Demo/mlp.2/1",
        "/mlp.2/1",
        "../mlp.2/1",
        "de mo/mlp.2/1",
        "demo/L2.N07",
        "demo/l2.n7",
    ],
)
def test_what_is_no_id_is_refused(text: str) -> None:
    with pytest.raises(MalformedId):
        UnitId.parse(text)


def test_an_id_cannot_be_made_out_of_range() -> None:
    with pytest.raises(MalformedId, match="-1"):
        UnitId("demo", "mlp.0", -1)


def test_ids_are_plain_strings_in_json() -> None:
    class Holder(BaseModel):
        unit: UnitIdField

    held = Holder.model_validate({"unit": "demo/mlp.2/117"})
    assert held.unit == UnitId("demo", "mlp.2", 117)
    assert held.model_dump_json() == '{"unit":"demo/mlp.2/117"}'
    with pytest.raises(MalformedId):
        Holder.model_validate({"unit": "117"})


def test_a_site_has_a_kind() -> None:
    assert site_kind("mlp.2") == "mlp"
    assert site_kind("word") == "word"
