"""One edit of a unit, asked for in code, on the command line and over HTTP."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from core.errors import InvalidSetting, UnsupportedOperation
from core.ids import UnitId
from core.settings import load_settings
from neuroscribe.interventions import Intervention, intervene
from neuroscribe.serving.server import ServeOptions, application
from neuroscribe.workspace import CorpusChoice, Workspace
from storage import Store
from subjects.effects import jensen_shannon
from subjects.index.reader import ActivationIndex
from subjects.protocol import Edit, Subject
from tests.neuroscribe.conftest import Ran

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "service"))

from asgi_client import Client

Run = Callable[..., Ran]
UNIT = UnitId("demo-tiny", "mlp.1", 3)
TEXTS = ("The cat sat on", "Nobody knows why the", "The keys are", "She said that", "In the")


@pytest.fixture
def workspace(home: Path) -> Workspace:
    return Workspace(load_settings())


@pytest.fixture
def index(workspace: Workspace, few: Path) -> ActivationIndex:
    return workspace.index_of("demo-tiny", ["mlp.1"], CorpusChoice(str(few), window=32))


def alone(subject: Subject, text: str, *edits: Edit) -> torch.Tensor:
    """Log-probabilities after a text that runs through the subject by itself."""
    batch = subject.batch(np.array([subject.tokenize(text)]))
    return subject.logits(batch, edits)[0, -1].double().log_softmax(-1)


@pytest.mark.parametrize(("kind", "by"), [("ablate", None), ("push", None), ("push", -2.5)])
def test_rows_of_a_batch_are_edited_as_each_would_be_alone(
    index: ActivationIndex, kind: Any, by: float | None
) -> None:
    subject = index.subject
    found = intervene(subject, index, Intervention(UNIT, kind, by, TEXTS, null_units=3))

    def edit(number: int) -> Edit:
        unit = UnitId(UNIT.subject, UNIT.site, number)
        if kind == "ablate":
            return Edit(unit.site, "mean", [number], index.statistics(unit).mean)
        amount = (1.0 if by is None else by) * index.typical_peak(unit)
        return Edit(unit.site, "add", [number], amount)

    def moved(text: str, number: int) -> float:
        return float(jensen_shannon(alone(subject, text), alone(subject, text, edit(number))))

    for text, told in zip(TEXTS, found.texts, strict=True):
        assert told.divergence == pytest.approx(moved(text, UNIT.index), rel=1e-3, abs=1e-9)
        before = alone(subject, text).exp()
        after = alone(subject, text, edit(UNIT.index)).exp()
        top = int((after - before).argmax())
        assert told.raised[0].token == subject.vocabulary.strings[top]
        assert told.raised[0].after == pytest.approx(float(after[top]), rel=1e-4)
        assert all(t.after < t.before for t in told.lowered)
    others = [np.mean([moved(text, n) for text in TEXTS]) for n in index.null_units(UNIT)[:3]]
    assert found.null is not None
    assert found.null.mean.value == pytest.approx(np.mean(others), rel=1e-3, abs=1e-9)
    assert found.null.largest == pytest.approx(max(others), rel=1e-3, abs=1e-9)
    assert found.null.at_least == sum(o >= found.divergence.value for o in others)
    assert (found.null.texts, found.null.units, found.null.smallest_p) == ("same", 3, 0.25)
    assert found.null.p == (1 + found.null.at_least) / 4


@pytest.mark.parametrize("name", ["demo-lstm", "demo-bert"])
def test_other_kinds_of_models_can_be_edited_too(workspace: Workspace, name: str) -> None:
    subject = workspace.subject(name)
    site = next(iter(subject.sites()))
    found = intervene(subject, None, Intervention(UnitId(name, site, 0), "push", 30.0, TEXTS[:1]))
    assert found.divergence.value > 0
    assert (found.scale, found.amount) == ("own", 30.0)
    assert found.predicts == ("token_itself" if name == "demo-bert" else "next_token")


def test_an_interval_is_over_texts_and_one_text_has_none(index: ActivationIndex) -> None:
    many = intervene(index.subject, index, Intervention(UNIT, "push", 3.0, TEXTS)).divergence
    assert many.low is not None
    assert many.high is not None
    assert many.low <= many.value <= many.high
    one = intervene(index.subject, index, Intervention(UNIT, "push", 3.0, TEXTS[:1]))
    assert (one.divergence.low, one.divergence.high) == (None, None)
    assert one.divergence.reason == "no interval: fewer than 5 texts"


def test_without_a_text_the_strongest_excerpts_are_read_up_to_their_peaks(
    index: ActivationIndex,
) -> None:
    found = intervene(index.subject, index, Intervention(UNIT, "ablate", excerpts=5))
    top = index.evidence(UNIT).explain.top
    peaks = top.activations[:5].argmax(axis=1)
    assert [(t.origin, t.tokens) for t in found.texts] == [("excerpt", p + 1) for p in peaks]
    decoded = index.subject.vocabulary.decode(top.token_ids[0][: peaks[0] + 1])
    assert found.texts[0].text == "".join(decoded)
    assert found.divergence.low is not None


@pytest.mark.parametrize("kind", ["ablate", "push"])
def test_other_units_are_edited_on_their_own_strongest_excerpts(
    index: ActivationIndex, kind: Any
) -> None:
    """A text on which a unit is at its strongest says more of that unit than of any other."""
    found = intervene(index.subject, index, Intervention(UNIT, kind, excerpts=2, null_units=5))

    def alone_on_its_own(number: int) -> float:
        other = UnitId(UNIT.subject, UNIT.site, number)
        told = intervene(index.subject, index, Intervention(other, kind, excerpts=2, null_units=0))
        return told.divergence.value

    others = [alone_on_its_own(number) for number in index.null_units(UNIT)[:5]]
    assert found.null is not None
    assert (found.null.texts, found.null.units) == ("own excerpts", 5)
    assert found.null.mean.value == pytest.approx(np.mean(others), rel=1e-3, abs=1e-9)
    assert found.null.largest == pytest.approx(max(others), rel=1e-3, abs=1e-9)
    assert found.null.excess.value == pytest.approx(
        found.divergence.value - np.mean(others), rel=1e-3, abs=1e-9
    )
    assert [text.null_mean for text in found.texts] == [None, None]


def test_p_of_units_on_their_own_excerpts_is_a_p_value(index: ActivationIndex) -> None:
    """Units drawn at random move it as far as others do: their p is that of chance."""
    units = np.random.default_rng(0).permutation(index.live_units("mlp.1"))[:24].tolist()

    def p(number: int) -> float:
        asked = Intervention(UnitId("demo-tiny", "mlp.1", number), "ablate")
        null = intervene(index.subject, index, asked).null
        assert null is not None
        return null.p

    found = np.array([p(number) for number in units])
    few = 1 / len(units) + 1 / 32  # both are samples
    assert abs(found.mean() - 0.5) < 3 * np.sqrt(few / 12)
    for level in (0.1, 0.5):
        assert abs(np.mean(found <= level) - level) < 3 * np.sqrt(few * level * (1 - level))


def test_without_excerpts_of_other_units_there_is_no_p(
    index: ActivationIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    strongest = ActivationIndex.strongest

    def of_one(self: ActivationIndex, site: str, unit: int, split: int) -> Any:
        return strongest(self, site, unit, split)[: 9 if unit == UNIT.index else 1]

    monkeypatch.setattr(ActivationIndex, "strongest", of_one)
    found = intervene(index.subject, index, Intervention(UNIT, "ablate", excerpts=2))
    assert len(found.texts) == 2
    assert found.null is None
    assert found.null_reason == "no other live unit of the site has as many excerpts"


def test_a_push_by_nothing_moves_nothing(index: ActivationIndex) -> None:
    found = intervene(index.subject, index, Intervention(UNIT, "push", 0.0, TEXTS[:2]))
    assert found.divergence.value == pytest.approx(0.0, abs=1e-9)
    assert found.random.largest == pytest.approx(0.0, abs=1e-9)
    assert found.null is not None
    assert found.null.p <= 1.0


def test_only_the_end_of_a_long_text_is_read(index: ActivationIndex) -> None:
    text = "the cat sat on the mat and " * 200
    found = intervene(index.subject, index, Intervention(UNIT, "push", 1.0, (text,), null_units=0))
    (told,) = found.texts
    assert told.tokens + told.left_out == len(index.subject.tokenize(text))
    assert told.left_out > 0
    assert text.endswith(told.text)
    assert (found.null, found.null_reason) == (None, "none was asked for")


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"kind": "ablate", "by": 2.0}, "no size"),
        ({"kind": "push", "by": float("nan")}, "cannot push"),
        ({"kind": "push", "by": 1.0, "texts": ("a",) * 17}, "at most 16"),
        ({"kind": "push", "by": 1.0, "texts": ("",)}, "no tokens"),
        ({"kind": "push", "texts": ("a",)}, "not known"),
        ({"kind": "ablate"}, "no text is known"),
        ({"kind": "ablate", "excerpts": 0}, "cannot read 0 excerpts"),
        ({"kind": "ablate", "excerpts": 17}, "cannot read 17 excerpts"),
        ({"kind": "ablate", "null_units": -1}, "cannot compare with -1 units"),
        ({"kind": "ablate", "null_units": 101}, "cannot compare with 101 units"),
    ],
)
def test_what_cannot_be_done_is_said(
    workspace: Workspace, asked: dict[str, Any], words: str
) -> None:
    with pytest.raises(InvalidSetting, match=words):
        intervene(workspace.subject("demo-tiny"), None, Intervention(UNIT, **asked))


def test_a_subject_without_output_cannot_be_asked(workspace: Workspace) -> None:
    asked = Intervention(UnitId("planted", "exact", 0), "ablate", texts=("the cat",))
    with pytest.raises(UnsupportedOperation):
        intervene(workspace.subject("planted"), None, asked)


@pytest.fixture
def client(workspace: Workspace, few: Path) -> Iterator[Client]:
    with workspace.store() as store:
        yield served(workspace, store, few)


def served(workspace: Workspace, store: Store, few: Path) -> Client:
    options = ServeOptions(corpus=CorpusChoice(str(few), window=32), work=False)
    return Client(application(workspace, store, options)[0])


def test_command_line_and_http_say_the_same(
    run: Run, client: Client, few: Path, index: ActivationIndex
) -> None:
    words = [word for text in TEXTS for word in ("--text", text)]
    chosen = ("--corpus", few, "--window", "32", "--null-units", "4")
    told = run("intervene", str(UNIT), "--push", "2", *words, *chosen, "--json")
    assert told.code == 0
    body = {"unit": str(UNIT), "kind": "push", "by": 2, "texts": TEXTS, "null_units": 4}
    answer = client.post("/v1/interventions", body)
    assert answer.status == 200
    assert (answer.json["unit"], answer.json["edit"]) == (str(UNIT), "pushed by 2 typical peaks")
    same = intervene(index.subject, index, Intervention(UNIT, "push", 2.0, TEXTS, null_units=4))
    assert answer.json["divergence"] == same.model_dump(mode="json")["divergence"]
    # The command line collects all layers together: same texts, so the same peaks but for rounding.
    assert told.json["divergence"]["value"] == pytest.approx(same.divergence.value, rel=1e-3)
    shown = run("intervene", str(UNIT), "--ablate", *words[:2], *chosen)
    assert (shown.code, "other units" in shown.out, "smallest p possible 0.2" in shown.out) == (
        0, True, True,
    )  # fmt: skip
    own = run("intervene", str(UNIT), "--ablate", *chosen)
    assert "each on its own strongest excerpts" in own.out
    assert "own strongest excerpts" not in shown.out


def test_refusals_over_http_and_on_the_command_line(run: Run, client: Client) -> None:
    body = {"unit": str(UNIT), "kind": "ablate", "texts": ["the cat"]}
    for change, status, code in (
        ({"by": 2.0}, 422, "invalid_setting"),
        ({"unit": "demo-tiny/mlp.1/99999"}, 404, "unit_out_of_range"),
        ({"unit": "planted/exact/0"}, 422, "unsupported_operation"),
        ({"kind": "double"}, 422, "invalid_request"),
        ({"texts": ["a"] * 17}, 422, "invalid_request"),
    ):
        answer = client.post("/v1/interventions", body | change)
        assert (answer.status, answer.code) == (status, code)
    for words in ((), ("--ablate", "--push", "1"), ("--ablate", *("--text", "a") * 17)):
        refused = run("intervene", str(UNIT), *words, "--json")
        assert (refused.code, refused.json["error"]["code"]) == (2, "invalid_setting")
