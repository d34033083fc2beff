"""Transformer subjects: batches, vocabulary, generation, gradients, dtypes and refusals."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
import pytest
import torch
from tiny_models import CASES, WIDTH

from core.errors import (
    InvalidSetting,
    MisuseError,
    ShapeMismatch,
    UnitOutOfRange,
    UnknownSite,
    UnsupportedArchitecture,
    UnsupportedOperation,
)
from core.ids import UnitId
from subjects.huggingface import HuggingFaceSubject, wrap_model
from subjects.protocol import Edit, resolve

BY_NAME = {case.name: case for case in CASES}


@pytest.fixture(scope="module")
def gpt2(causal_tokenizer: Any) -> HuggingFaceSubject:
    return wrap_model(BY_NAME["gpt2"].build(), causal_tokenizer, name="tiny")


@pytest.fixture(scope="module")
def bert(masked_tokenizer: Any) -> HuggingFaceSubject:
    return wrap_model(BY_NAME["bert"].build(), masked_tokenizer, name="tiny-bert")


def window(subject: HuggingFaceSubject, text: str = "the cat sat on the mat") -> np.ndarray:
    return np.array([subject.tokenize(text)])


def test_a_causal_batch_begins_with_the_bos_token(gpt2: HuggingFaceSubject) -> None:
    ids = window(gpt2)
    batch = gpt2.batch(ids)
    assert batch.ids[0].tolist() == [1, *ids[0].tolist()]
    assert (batch.start, batch.length) == (1, ids.shape[1])
    assert gpt2.max_text == 31


def test_a_masked_batch_stands_between_cls_and_sep(bert: HuggingFaceSubject) -> None:
    ids = window(bert)
    batch = bert.batch(ids)
    assert batch.ids[0].tolist() == [1, *ids[0].tolist(), 2]
    assert (batch.start, batch.length) == (1, ids.shape[1])
    assert bert.max_text == 30
    assert bert.logits(batch).shape == (1, ids.shape[1], 300)


def test_roberta_counts_positions_from_its_padding_token(masked_tokenizer: Any) -> None:
    case = BY_NAME["roberta"]
    subject = wrap_model(case.build(), masked_tokenizer)
    assert subject.max_text == 32 - 1 - 2
    full = subject.batch(np.full((1, subject.max_text), 9))
    assert subject.activations(full, ["mlp.0"])["mlp.0"].shape[1] == subject.max_text


def test_a_model_without_bos_gets_no_prefix(backend_tokenizer: Any) -> None:
    from transformers import PreTrainedTokenizerFast

    tokenizer = PreTrainedTokenizerFast(tokenizer_object=backend_tokenizer)
    subject = wrap_model(BY_NAME["qwen2"].build(), tokenizer)
    batch = subject.batch(np.array([[7, 8]]))
    assert batch.ids.tolist() == [[7, 8]]
    assert batch.start == 0
    with pytest.raises(MisuseError, match="empty prompt"):
        subject.generate("", max_new_tokens=1)


def test_token_strings_join_to_the_text(gpt2: HuggingFaceSubject) -> None:
    text = "the cat\n\tsat   on thé 帽子"
    ids = gpt2.tokenize(text)
    shown = gpt2.vocabulary.decode(ids)
    assert shown[:2] == ("the", " cat")
    assert "".join(shown).startswith("the cat\n\tsat   on th")
    assert "\\xe5" in "".join(shown), "bytes that are no text on their own are escapes"


def test_special_tokens_in_a_text_are_plain_text(gpt2: HuggingFaceSubject) -> None:
    ids = gpt2.tokenize("<bos> the <mask>")
    assert not gpt2.vocabulary.special & set(ids)
    assert {0, 1} <= gpt2.vocabulary.special
    assert len(gpt2.vocabulary.strings) == 300


def test_windows_that_do_not_fit_are_refused(gpt2: HuggingFaceSubject) -> None:
    with pytest.raises(InvalidSetting, match="32 tokens does not fit"):
        gpt2.batch(np.zeros((1, 32), dtype=np.int64))
    with pytest.raises(InvalidSetting, match="outside"):
        gpt2.batch(np.array([[300]]))
    with pytest.raises(InvalidSetting, match="axes"):
        gpt2.batch(np.array([1, 2]))


def test_unknown_sites_and_units_are_refused(gpt2: HuggingFaceSubject) -> None:
    batch = gpt2.batch(window(gpt2))
    with pytest.raises(UnknownSite, match=r"mlp\.9"):
        gpt2.activations(batch, ["mlp.9"])
    with pytest.raises(UnknownSite, match="head"):
        gpt2.logits(batch, [Edit("head.0", "zero")])
    with pytest.raises(UnitOutOfRange, match="0 to 39"):
        gpt2.logits(batch, [Edit("mlp.0", "zero", units=[40])])
    with pytest.raises(UnitOutOfRange):
        resolve(gpt2, UnitId.parse("tiny/mlp.1/40"))


def test_what_comes_before_the_text_is_never_edited(gpt2: HuggingFaceSubject) -> None:
    """What block 0 gives out at the BOS position is the same with and without the edit."""
    block = gpt2.model.base_model.get_submodule("h.0")
    seen: list[torch.Tensor] = []
    handle = block.register_forward_hook(lambda _m, _a, out: seen.append(out[:, 0].clone()))
    gpt2.logits(gpt2.batch(np.array([[7, 9]])), [Edit("mlp.0", "set", value=9.0)])
    gpt2.logits(gpt2.batch(np.array([[7, 9]])))
    handle.remove()
    assert torch.equal(seen[0], seen[1])


def test_a_padded_batch_reads_like_each_row_alone(gpt2: HuggingFaceSubject) -> None:
    from subjects.protocol import Batch

    ids = np.array([[1, 7, 8, 9], [1, 7, 8, 0]])
    mask = np.array([[True] * 4, [True, True, True, False]])
    both = gpt2.activations(Batch(ids, 1, 3, mask), ["mlp.1"])["mlp.1"]
    alone = gpt2.activations(Batch(ids[1:, :3], 1, 2), ["mlp.1"])["mlp.1"]
    torch.testing.assert_close(both[1, :2], alone[0], rtol=1e-4, atol=1e-5)


def test_several_edits_hold_together_and_in_order(gpt2: HuggingFaceSubject) -> None:
    batch = gpt2.batch(window(gpt2))
    twice = [
        Edit("mlp.1", "set", units=[4], value=1.0),
        Edit("mlp.1", "scale", units=[4], value=3.0),
        Edit("mlp.0", "zero", units=[1]),
    ]
    once = [Edit("mlp.0", "zero", units=[1]), Edit("mlp.1", "set", units=[4], value=3.0)]
    torch.testing.assert_close(gpt2.logits(batch, twice), gpt2.logits(batch, once))


def test_edits_leave_no_trace(gpt2: HuggingFaceSubject) -> None:
    batch = gpt2.batch(window(gpt2))
    before = gpt2.logits(batch)
    gpt2.logits(batch, [Edit("mlp.0", "set", value=5.0), Edit("residmid.1", "zero")])
    with pytest.raises(InvalidSetting):
        gpt2.logits(batch, [Edit("mlp.0", "set", value=5.0), Edit("mlp.1", "add")])
    assert torch.equal(gpt2.logits(batch), before)
    hooks = [
        len(module._forward_hooks) + len(module._forward_pre_hooks)
        for module in gpt2.model.modules()
    ]
    assert sum(hooks) == 0


def test_gradients_reach_a_mask_and_its_baseline(gpt2: HuggingFaceSubject) -> None:
    """The gradient of a logit equals its finite difference."""
    batch = gpt2.batch(window(gpt2))
    mean = gpt2.activations(batch, ["mlp.0"])["mlp.0"].mean((0, 1))[:3]

    def logit(mask: torch.Tensor, base: torch.Tensor, gradients: bool) -> torch.Tensor:
        edit = Edit("mlp.0", "mask", units=[0, 1, 2], value=mask, baseline=base)
        return gpt2.logits(batch, [edit], gradients=gradients)[0, -1].mul(0.1).sum()

    mask = torch.tensor([0.2, 0.5, 0.9], requires_grad=True)
    base = (mean + 1).requires_grad_(True)
    logit(mask, base, True).backward()
    assert mask.grad is not None
    assert base.grad is not None
    for unit in range(3):
        step = torch.zeros(3)
        step[unit] = 5e-3
        for value, shifted in ((mask, (step, 0)), (base, (0, step))):
            high = logit(mask.detach() + shifted[0], base.detach() + shifted[1], False)
            low = logit(mask.detach() - shifted[0], base.detach() - shifted[1], False)
            assert value.grad is not None
            expected = (high - low) / 1e-2
            torch.testing.assert_close(value.grad[unit], expected, rtol=5e-2, atol=5e-3)
    assert not gpt2.logits(batch).requires_grad


def test_generation_under_an_edit(gpt2: HuggingFaceSubject) -> None:
    """Pushing the last residual towards one token's unembedding makes it come out every time."""
    unembed = gpt2.unembed()
    assert unembed is not None
    token = 40
    push = Edit("resid.2", "set", value=unembed[token] * 1e4)
    ports = [float((unembed[i] / unembed[i].norm()) @ unembed[token]) for i in range(300)]
    assert int(np.argmax(ports)) == token
    generated = gpt2.generate("the cat", max_new_tokens=4, edits=[push])
    assert generated != gpt2.generate("the cat", max_new_tokens=4)
    assert len(set(gpt2.tokenize(generated))) == 1


def test_generation_slides_over_long_text(gpt2: HuggingFaceSubject) -> None:
    prompt = "the cat " * 20
    assert len(gpt2.tokenize(prompt)) > gpt2.max_text
    edit = Edit("mlp.0", "zero", units=[1], positions=[0, 3])
    assert isinstance(gpt2.generate(prompt, max_new_tokens=2, edits=[edit]), str)
    per_token = Edit("mlp.0", "set", value=np.zeros((1, 3, 40), dtype=np.float32))
    with pytest.raises(InvalidSetting, match="while generating"):
        gpt2.generate("the cat", max_new_tokens=1, edits=[per_token])


def test_masked_models_do_not_generate(bert: HuggingFaceSubject) -> None:
    with pytest.raises(UnsupportedOperation, match="masked"):
        bert.generate("the", max_new_tokens=1)


def test_a_model_without_head_can_be_read_but_not_asked_for_logits(masked_tokenizer: Any) -> None:
    from transformers import BertModel

    model = BertModel(BY_NAME["bert"].build().config)
    subject = wrap_model(model, masked_tokenizer)
    batch = subject.batch(np.array([[7, 8]]))
    assert subject.activations(batch, ["mlp.1"])["mlp.1"].shape == (1, 2, 40)
    assert subject.unembed() is None
    with pytest.raises(UnsupportedOperation, match="head"):
        subject.logits(batch)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision(causal_tokenizer: Any, dtype: torch.dtype) -> None:
    exact = wrap_model(BY_NAME["llama"].build(), causal_tokenizer)
    subject = wrap_model(BY_NAME["llama"].build().to(dtype), causal_tokenizer)
    assert subject.spec.dtype == str(dtype).removeprefix("torch.")
    assert subject.spec.hash != exact.spec.hash
    batch = subject.batch(np.array([[7, 8, 9]]))
    value = subject.activations(batch, ["mlp.0"])["mlp.0"]
    assert value.dtype == torch.float32
    expected = exact.activations(batch, ["mlp.0"])["mlp.0"]
    torch.testing.assert_close(value, expected, rtol=0.1, atol=0.1)
    edited = subject.logits(batch, [Edit("mlp.0", "set", units=[1], value=torch.tensor([2.0]))])
    assert edited.dtype == torch.float32
    assert subject.promoted("mlp.0", 0, 3) is not None


@pytest.mark.parametrize("kind", ["Mixtral", "GptOss", "Qwen2Moe"])
def test_experts_are_refused_with_the_modules_seen(causal_tokenizer: Any, kind: str) -> None:
    import transformers

    options = {**BY_NAME["llama"].options, "num_local_experts": 2, "num_experts": 2}
    if kind == "Qwen2Moe":
        options["moe_intermediate_size"] = 8
    config = getattr(transformers, f"{kind}Config")(**options)
    model = getattr(transformers, f"{kind}ForCausalLM")(config)
    with pytest.raises(UnsupportedArchitecture, match=r"experts.*mlp\.experts") as caught:
        wrap_model(model, causal_tokenizer)
    assert "\n" not in str(caught.value)


def test_an_unknown_architecture_is_read_at_its_unique_down_projection(
    causal_tokenizer: Any,
) -> None:
    from transformers import StableLmConfig, StableLmForCausalLM

    options = {**BY_NAME["phi"].options, "num_key_value_heads": 2, "hidden_act": "silu"}
    subject = wrap_model(StableLmForCausalLM(StableLmConfig(**options)), causal_tokenizer)
    assert list(subject.sites()) == ["resid.0", "mlp.0", "resid.1", "mlp.1", "resid.2"]
    assert subject.promoted("mlp.0", 0, 1) is None, "its final norm is not known"


def test_a_model_that_is_no_language_model_is_refused(causal_tokenizer: Any) -> None:
    from transformers import ViTConfig, ViTModel

    config = ViTConfig(hidden_size=16, num_hidden_layers=1, num_attention_heads=2)
    with pytest.raises(UnsupportedArchitecture, match="'vit'"):
        wrap_model(ViTModel(config), causal_tokenizer)


def test_a_block_that_does_not_fit_the_table_is_refused(causal_tokenizer: Any) -> None:
    model = BY_NAME["gpt2"].build()
    model.transformer.h[1].mlp.c_proj = torch.nn.Identity()
    with pytest.raises(UnsupportedArchitecture, match=r"h\.1\.mlp\.c_proj.*Identity"):
        wrap_model(model, causal_tokenizer)


def test_shapes_are_checked_at_load(causal_tokenizer: Any) -> None:
    model = BY_NAME["gpt2"].build()
    attention = model.transformer.h[0].attn
    original = attention.forward

    def transposed(*args: Any, **kwargs: Any) -> Any:
        return original(*args, **kwargs)[0][..., None], None

    attention.forward = transposed
    with pytest.raises(ShapeMismatch, match=r"attnout\.0.*\[1, 3, 16, 1\].*\[1, 3, 16\]"):
        wrap_model(model, causal_tokenizer)


def test_a_module_that_never_runs_is_refused(causal_tokenizer: Any) -> None:
    model = BY_NAME["llama"].build()
    mlp = model.model.layers[1].mlp

    def fused(value: torch.Tensor) -> torch.Tensor:
        return (mlp.up_proj(value) * mlp.gate_proj(value)) @ mlp.down_proj.weight.T

    mlp.forward = fused
    with pytest.raises(ShapeMismatch, match=r"mlp\.1.*down_proj.*did not run"):
        wrap_model(model, causal_tokenizer)


def test_the_digest_follows_the_weights(causal_tokenizer: Any) -> None:
    first = wrap_model(BY_NAME["gpt2"].build(), causal_tokenizer, name="a")
    same = wrap_model(BY_NAME["gpt2"].build(), causal_tokenizer, name="b")
    model = BY_NAME["gpt2"].build()
    with torch.no_grad():
        model.transformer.h[1].mlp.c_proj.weight[3, 2] += 1e-3
    other = wrap_model(model, causal_tokenizer, name="a")
    assert first.spec.hash == same.spec.hash
    assert first.spec.hash != other.spec.hash


def test_threads_may_share_a_subject(gpt2: HuggingFaceSubject) -> None:
    batch = gpt2.batch(window(gpt2))
    plain = gpt2.logits(batch)
    wrong: list[str] = []

    def edit() -> None:
        for _ in range(5):
            gpt2.logits(batch, [Edit("mlp.0", "set", value=9.0)])

    def read() -> None:
        for _ in range(5):
            if not torch.equal(gpt2.logits(batch), plain):
                wrong.append("an edit of another thread was seen")

    threads = [threading.Thread(target=work) for work in (edit, read)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_resid_units_write_themselves(gpt2: HuggingFaceSubject) -> None:
    weights = gpt2.output_weights("resid.1")
    assert weights is not None
    assert torch.equal(weights, torch.eye(WIDTH))
    assert gpt2.activations(gpt2.batch(window(gpt2)), []) == {}
