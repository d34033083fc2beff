"""LSTM subjects against a step loop written out from the weights."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from core.errors import InvalidSetting, SubjectLoadError, UnknownSite
from subjects.lstm import LstmSubject, load_lstm
from subjects.lstm_model import LSTMConfig, LSTMLanguageModel
from subjects.protocol import Batch, Edit, Subject

WIDTH = 6
State = dict[str, Tensor]


@pytest.fixture(scope="module")
def subject(backend_tokenizer: Any) -> LstmSubject:
    torch.manual_seed(0)
    model = LSTMLanguageModel(LSTMConfig(300, WIDTH, layers=2, bos_token_id=1))
    with torch.no_grad():
        for value in model.parameters():
            value.normal_(0, 0.6)
    return LstmSubject(model, backend_tokenizer, name="tiny-lstm")


def by_hand(subject: LstmSubject, batch: Batch, change: Any = None) -> tuple[Tensor, State]:
    """Logits and states at every position; ``change(site, position, value)`` may replace one."""
    model = subject.model
    change = change or (lambda site, position, value: value)
    h = {layer: torch.zeros(len(batch.ids), WIDTH) for layer in (0, 1)}
    c = {layer: torch.zeros(len(batch.ids), WIDTH) for layer in (0, 1)}
    states: dict[str, list[Tensor]] = {site: [] for site in subject.sites()}
    logits = []
    for position, ids in enumerate(torch.as_tensor(batch.ids).T):
        x = model.embedding.weight[ids]
        for layer in (0, 1):
            cell: Any = model.layers[layer]
            gates = x @ cell.weight_ih_l0.T + cell.bias_ih_l0
            gates = gates + h[layer] @ cell.weight_hh_l0.T + cell.bias_hh_l0
            i, f, g, o = gates.split(WIDTH, dim=1)
            new = f.sigmoid() * c[layer] + i.sigmoid() * g.tanh()
            h[layer] = change(f"cell.{layer}", position, o.sigmoid() * new.tanh())
            c[layer] = change(f"cellstate.{layer}", position, new)
            states[f"cell.{layer}"].append(h[layer])
            states[f"cellstate.{layer}"].append(c[layer])
            x = h[layer]
        logits.append(x @ model.output.weight.T + model.output.bias)
    return torch.stack(logits, 1), {site: torch.stack(s, 1) for site, s in states.items()}


def batch_of(subject: LstmSubject) -> Batch:
    return subject.batch(np.random.default_rng(0).integers(4, 300, size=(3, 6)))


def test_it_is_a_subject(subject: LstmSubject) -> None:
    assert isinstance(subject, Subject)
    assert list(subject.sites()) == ["cellstate.0", "cell.0", "cellstate.1", "cell.1"]
    assert subject.spec.family == "lstm"
    assert subject.vocabulary.strings[subject.tokenize("the")[0]] == "the"


@pytest.mark.parametrize("sites", [["cell.0"], ["cell.0", "cell.1"], ["cellstate.1", "cell.0"]])
def test_states_are_those_of_the_step_loop(subject: LstmSubject, sites: list[str]) -> None:
    batch = batch_of(subject)
    assert batch.ids[:, 0].tolist() == [1, 1, 1]
    _, states = by_hand(subject, batch)
    values = subject.activations(batch, sites)
    for site in sites:
        assert values[site].shape == (3, 6, WIDTH)
        torch.testing.assert_close(values[site], states[site][:, 1:])


@pytest.mark.parametrize("site", ["cell.0", "cellstate.0", "cell.1", "cellstate.1"])
def test_an_edit_enters_the_recurrence(subject: LstmSubject, site: str) -> None:
    batch = batch_of(subject)

    def change(where: str, position: int, value: Tensor) -> Tensor:
        if where == site and position == 1 + 2:
            value = value.clone()
            value[:, [0, 4]] = 0.8
        return value

    expected, _ = by_hand(subject, batch, change)
    edited = subject.logits(batch, [Edit(site, "set", [0, 4], 0.8, positions=[2])])
    torch.testing.assert_close(edited, expected[:, 1:])
    plain = subject.logits(batch)
    torch.testing.assert_close(edited[:, :2], plain[:, :2])
    assert (edited[:, 3:] - plain[:, 3:]).abs().max() > 1e-3
    shows_at_once = (edited[:, 2] - plain[:, 2]).abs().max() > 1e-3
    assert shows_at_once == site.startswith("cell.")


def test_h_and_c_edited_together(subject: LstmSubject) -> None:
    """With h and c of both layers zero up to a point, the rest is a text that starts there."""
    batch = batch_of(subject)
    edits = [Edit(site, "zero", positions=[0, 1]) for site in subject.sites()]
    start = [Edit(site, "zero") for site in subject.sites()]
    bare = Batch(batch.ids[:, 2:], 0, 5)
    first = subject.logits(Batch(batch.ids[:, 2:], 0, 1), start)
    assert torch.equal(first, subject.model.output.bias.expand_as(first))
    edited = subject.logits(batch, edits)[:, 2:]
    whole = subject.logits(Batch(bare.ids[:, 1:], 0, 4))
    torch.testing.assert_close(edited, whole)


@pytest.mark.parametrize("kind", ["zero", "mean", "set", "add", "scale", "mask"])
def test_every_kind_of_edit(subject: LstmSubject, kind: Any) -> None:
    batch = batch_of(subject)
    value = torch.linspace(-0.5, 0.5, WIDTH)
    new = {
        "zero": lambda v: v * 0,
        "mean": lambda v: v * 0 + value,
        "set": lambda v: v * 0 + value,
        "add": lambda v: v + value,
        "scale": lambda v: v * value,
        "mask": lambda v: (1 - value) * v + value * 0.3,
    }[kind]

    def change(site: str, position: int, old: Tensor) -> Tensor:
        return new(old) if site == "cell.0" and position >= 1 else old

    expected, _ = by_hand(subject, batch, change)
    edit = Edit("cell.0", kind, value=value, baseline=torch.full((WIDTH,), 0.3))
    torch.testing.assert_close(subject.logits(batch, [edit]), expected[:, 1:])


def test_gradients_flow_through_a_mask(subject: LstmSubject) -> None:
    mask = torch.full((WIDTH,), 0.5, requires_grad=True)
    edit = Edit("cellstate.0", "mask", value=mask, baseline=torch.zeros(WIDTH))
    subject.logits(batch_of(subject), [edit], gradients=True).sum().backward()
    assert mask.grad is not None
    assert (mask.grad.abs() > 0).all()


def test_generation_follows_the_logits(subject: LstmSubject) -> None:
    edit = Edit("cell.1", "scale", value=-2.0)
    ids = subject.tokenize("the cat")
    begin = len(ids)
    for _ in range(3):
        ids.append(int(subject.logits(subject.batch(np.array([ids])), [edit])[0, -1].argmax()))
    text = subject._tokens.decode(ids[begin:])
    assert subject.generate("the cat", max_new_tokens=3, edits=[edit]) == text
    assert isinstance(subject.generate("", max_new_tokens=2), str)


def test_ports_of_the_top_layer(subject: LstmSubject) -> None:
    ports = subject.promoted("cell.1", 2, 3)
    assert ports is not None
    column = subject.unembed()[:, 2]
    assert ports[0][0][0] == subject.vocabulary.strings[int(column.argmax())]
    assert ports[1][0][0] == subject.vocabulary.strings[int(column.argmin())]
    assert ports[0][0][1] == pytest.approx(float(column.max() - column.mean()), rel=1e-5)
    assert subject.promoted("cell.0", 2, 3) is None
    weights = subject.logit_weights("cell.1", [0, 2])
    assert weights is not None
    assert weights[1].max().item() == pytest.approx(ports[0][0][1])
    assert subject.logit_weights("cell.0", [2]) is None
    assert subject.output_weights("cellstate.1") is None


def test_bad_requests_are_refused(subject: LstmSubject) -> None:
    with pytest.raises(UnknownSite, match=r"mlp\.0"):
        subject.activations(batch_of(subject), ["mlp.0"])
    with pytest.raises(InvalidSetting, match="at most 512"):
        subject.batch(np.zeros((1, 513), dtype=np.int64))
    with pytest.raises(InvalidSetting, match="outside"):
        subject.batch(np.array([[300]]))


def test_a_saved_subject_loads_again(
    subject: LstmSubject, backend_tokenizer: Any, tmp_path: Path
) -> None:
    subject.model.save_pretrained(tmp_path)
    with pytest.raises(SubjectLoadError, match=r"tokenizer\.json"):
        load_lstm(tmp_path, name="again")
    backend_tokenizer.save(str(tmp_path / "tokenizer.json"))
    again = load_lstm(tmp_path, name="again", device="cpu")
    batch = batch_of(subject)
    torch.testing.assert_close(again.logits(batch), subject.logits(batch))
    assert again.spec.tokenizer == subject.spec.tokenizer
    weights = tmp_path / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:100])
    with pytest.raises(SubjectLoadError, match="no LSTM"):
        load_lstm(tmp_path, name="again")
