"""Tiny random models of every supported architecture, and one block of each written out by hand.

A block function gets the block, what enters it (``x``), what enters the attention's output
projection (``z``) and ``at(site, value)``, through which every site's value passes: a test can
record it there, or change it. It uses nothing of the product and no module's ``forward``, only
weights.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

At = Callable[[str, Tensor], Tensor]
BlockFunction = Callable[[Any, Tensor, Tensor, At], Tensor]
VOCABULARY = 300
WIDTH, INNER = 16, 40


def affine(module: Any, value: Tensor) -> Tensor:
    weight = module.weight if type(module).__name__ == "Conv1D" else module.weight.T
    result = value @ weight
    return result if getattr(module, "bias", None) is None else result + module.bias


def layer_norm(module: Any, value: Tensor) -> Tensor:
    centred = value - value.mean(-1, keepdim=True)
    scaled = centred / (centred.pow(2).mean(-1, keepdim=True) + module.eps).sqrt()
    scaled = scaled * module.weight
    return scaled if module.bias is None else scaled + module.bias


def rms_norm(module: Any, value: Tensor, offset: float = 0.0) -> Tensor:
    eps = getattr(module, "variance_epsilon", None) or module.eps
    scale = (value.pow(2).mean(-1, keepdim=True) + eps).rsqrt()
    return value * scale * (module.weight + offset)


def gelu_tanh(value: Tensor) -> Tensor:
    return F.gelu(value, approximate="tanh")


def gpt2(act: Callable[[Tensor], Tensor], attention: str = "attn.c_proj") -> BlockFunction:
    def block(b: Any, x: Tensor, z: Tensor, at: At) -> Tensor:
        project = b.get_submodule(attention)
        mid = at("residmid", x + at("attnout", affine(project, at("attn", z))))
        units = at("mlp", act(affine(b.mlp.c_fc, layer_norm(b.ln_2, mid))))
        return mid + at("mlpout", affine(b.mlp.c_proj, units))

    return block


def neox(parallel: bool) -> BlockFunction:
    def block(b: Any, x: Tensor, z: Tensor, at: At) -> Tensor:
        attention = at("attnout", affine(b.attention.dense, at("attn", z)))
        mid = x if parallel else at("residmid", x + attention)
        read = layer_norm(b.post_attention_layernorm, mid)
        units = at("mlp", F.gelu(affine(b.mlp.dense_h_to_4h, read)))
        result = mid + at("mlpout", affine(b.mlp.dense_4h_to_h, units))
        return result + attention if parallel else result

    return block


def bloom(post: bool) -> BlockFunction:
    def block(b: Any, x: Tensor, z: Tensor, at: At) -> Tensor:
        attention = at("attnout", affine(b.self_attention.dense, at("attn", z)))
        mid = (layer_norm(b.input_layernorm, x) if post else x) + attention
        mid = mid if post else at("residmid", mid)
        read = layer_norm(b.post_attention_layernorm, mid)
        units = at("mlp", gelu_tanh(affine(b.mlp.dense_h_to_4h, read)))
        return (read if post else mid) + at("mlpout", affine(b.mlp.dense_4h_to_h, units))

    return block


def falcon(kind: str) -> BlockFunction:
    def block(b: Any, x: Tensor, z: Tensor, at: At) -> Tensor:
        attention = at("attnout", affine(b.self_attention.dense, at("attn", z)))
        mid = at("residmid", x + attention) if kind == "sequential" else x
        norm = {
            "sequential": "post_attention_layernorm",
            "parallel": "input_layernorm",
            "two norms": "ln_mlp",
        }[kind]
        units = F.gelu(affine(b.mlp.dense_h_to_4h, layer_norm(b.get_submodule(norm), mid)))
        result = mid + at("mlpout", affine(b.mlp.dense_4h_to_h, at("mlp", units)))
        return result if kind == "sequential" else result + attention

    return block


def gptj(b: Any, x: Tensor, z: Tensor, at: At) -> Tensor:
    attention = at("attnout", affine(b.attn.out_proj, at("attn", z)))
    units = at("mlp", gelu_tanh(affine(b.mlp.fc_in, layer_norm(b.ln_1, x))))
    return x + attention + at("mlpout", affine(b.mlp.fc_out, units))


def phi(b: Any, x: Tensor, z: Tensor, at: At) -> Tensor:
    attention = at("attnout", affine(b.self_attn.dense, at("attn", z)))
    units = at("mlp", gelu_tanh(affine(b.mlp.fc1, layer_norm(b.input_layernorm, x))))
    return x + attention + at("mlpout", affine(b.mlp.fc2, units))


def llama(
    act: Callable[[Tensor], Tensor] = F.silu, offset: float = 0.0, norms: str = "pre"
) -> BlockFunction:
    def block(b: Any, x: Tensor, z: Tensor, at: At) -> Tensor:
        def norm(name: str, value: Tensor) -> Tensor:
            return rms_norm(b.get_submodule(name), value, offset)

        attention = affine(b.self_attn.o_proj, at("attn", z))
        if norms != "pre":
            attention = norm("post_attention_layernorm", attention)
        mid = at("residmid", x + at("attnout", attention))
        read = {
            "pre": lambda: norm("post_attention_layernorm", mid),
            "both": lambda: norm("pre_feedforward_layernorm", mid),
            "post": lambda: mid,
        }[norms]()
        if hasattr(b.mlp, "gate_up_proj"):
            both = affine(b.mlp.gate_up_proj, read)
            units = act(both[..., :INNER]) * both[..., INNER:]
        else:
            units = act(affine(b.mlp.gate_proj, read)) * affine(b.mlp.up_proj, read)
        result = affine(b.mlp.down_proj, at("mlp", units))
        if norms != "pre":
            result = norm("post_feedforward_layernorm", result)
        return mid + at("mlpout", result)

    return block


def opt(pre: bool) -> BlockFunction:
    def block(b: Any, x: Tensor, z: Tensor, at: At) -> Tensor:
        mid = x + at("attnout", affine(b.self_attn.out_proj, at("attn", z)))
        mid = at("residmid", mid if pre else layer_norm(b.self_attn_layer_norm, mid))
        read = layer_norm(b.final_layer_norm, mid) if pre else mid
        units = at("mlp", F.relu(affine(b.fc1, read)))
        result = mid + at("mlpout", affine(b.fc2, units))
        return result if pre else layer_norm(b.final_layer_norm, result)

    return block


def bert(b: Any, x: Tensor, z: Tensor, at: At) -> Tensor:
    attention = at("attnout", affine(b.attention.output.dense, at("attn", z)))
    mid = at("residmid", layer_norm(b.attention.output.LayerNorm, x + attention))
    units = at("mlp", F.gelu(affine(b.intermediate.dense, mid)))
    return layer_norm(b.output.LayerNorm, mid + at("mlpout", affine(b.output.dense, units)))


def distilbert(b: Any, x: Tensor, z: Tensor, at: At) -> Tensor:
    attention = at("attnout", affine(b.attention.out_lin, at("attn", z)))
    mid = at("residmid", layer_norm(b.sa_layer_norm, x + attention))
    units = at("mlp", F.gelu(affine(b.ffn.lin1, mid)))
    return layer_norm(b.output_layer_norm, mid + at("mlpout", affine(b.ffn.lin2, units)))


def modernbert(b: Any, x: Tensor, z: Tensor, at: At) -> Tensor:
    mid = at("residmid", x + at("attnout", affine(b.attn.Wo, at("attn", z))))
    both = affine(b.mlp.Wi, layer_norm(b.mlp_norm, mid))
    units = at("mlp", F.gelu(both[..., :INNER]) * both[..., INNER:])
    return mid + at("mlpout", affine(b.mlp.Wo, units))


@dataclass(frozen=True)
class Case:
    """One architecture: a model class and config of ``transformers``, and its block by hand."""

    name: str
    model_class: str
    config_class: str
    block: BlockFunction
    options: dict[str, Any] = field(default_factory=dict)
    blocks: str = "layers"
    project: str = "self_attn.o_proj"
    down: str = "mlp.down_proj"
    inner: int = INNER
    absent: tuple[str, ...] = ()
    non_negative: bool = False
    masked: bool = False

    def build(self) -> Any:
        """The model, with weights large enough that every edit shows."""
        import transformers

        config = getattr(transformers, self.config_class)(**self.options)
        torch.manual_seed(0)
        model = getattr(transformers, self.model_class)(config).eval()
        randomise(model)
        return model


def randomise(model: nn.Module) -> None:
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for name, value in model.named_parameters():
            noise = torch.randn(value.shape, generator=generator)
            gain = "norm" in name.lower() or "ln_" in name
            value.copy_(1 + 0.2 * noise if gain and name.endswith("weight") else 0.3 * noise)


_IDS: dict[str, Any] = {"bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 0}
_COMMON: dict[str, Any] = {
    "vocab_size": VOCABULARY,
    "hidden_size": WIDTH,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": INNER,
    "max_position_embeddings": 32,
    **_IDS,
}
_GQA: dict[str, Any] = {**_COMMON, "num_key_value_heads": 1, "head_dim": 12}
_GPT: dict[str, Any] = {
    "vocab_size": VOCABULARY,
    "n_embd": WIDTH,
    "n_layer": 2,
    "n_head": 2,
    "n_positions": 32,
    "n_inner": INNER,
    **_IDS,
}
_BERT: dict[str, Any] = {**_COMMON, "hidden_act": "gelu"}
_FALCON: dict[str, Any] = {
    **{key: value for key, value in _COMMON.items() if key != "intermediate_size"},
    "ffn_hidden_size": INNER,
    "bias": True,
    "alibi": False,
}
_OPT: dict[str, Any] = {
    **{key: value for key, value in _COMMON.items() if key != "intermediate_size"},
    "ffn_dim": INNER,
    "word_embed_proj_dim": WIDTH,
}
_BLOOM: dict[str, Any] = {
    "vocab_size": VOCABULARY, "hidden_size": WIDTH, "n_layer": 2, "n_head": 2, **_IDS
}  # fmt: skip
_NO_MID = ("residmid",)
_H4 = "mlp.dense_4h_to_h"


def _causal(
    name: str, prefix: str, block: BlockFunction, options: dict[str, Any], **more: Any
) -> Case:
    model = {"GPT2": "GPT2LMHeadModel", "Gemma3Text": "Gemma3ForCausalLM"}.get(
        prefix, f"{prefix}ForCausalLM"
    )
    return Case(name, model, f"{prefix}Config", block, options, **more)


def _falcon(name: str, kind: str, **flags: Any) -> Case:
    return _causal(
        name,
        "Falcon",
        falcon(kind),
        {**_FALCON, **flags},
        blocks="h",
        project="self_attention.dense",
        down=_H4,
        absent=() if kind == "sequential" else _NO_MID,
    )


_H = {"blocks": "h", "project": "attn.c_proj", "down": "mlp.c_proj"}
_NEOX = {"project": "attention.dense", "down": _H4}
_BLOOM_AT = {"blocks": "h", "project": "self_attention.dense", "down": _H4, "inner": 4 * WIDTH}
_OPT_AT = {
    "blocks": "decoder.layers", "project": "self_attn.out_proj", "down": "fc2", "non_negative": True
}  # fmt: skip
_BERT_AT = {
    "blocks": "encoder.layer",
    "project": "attention.output.dense",
    "down": "output.dense",
    "masked": True,
}

CASES: tuple[Case, ...] = (
    _causal("gpt2", "GPT2", gpt2(gelu_tanh), _GPT, **_H),
    _causal(
        "gpt2-relu", "GPT2", gpt2(F.relu), {**_GPT, "activation_function": "relu"},
        non_negative=True, **_H,
    ),
    _causal(
        "gpt_neo",
        "GPTNeo",
        gpt2(gelu_tanh, "attn.attention.out_proj"),
        {
            "vocab_size": VOCABULARY,
            "hidden_size": WIDTH,
            "num_layers": 2,
            "num_heads": 2,
            "intermediate_size": INNER,
            "max_position_embeddings": 32,
            "attention_types": [[["global", "local"], 1]],
            **_IDS,
        },
        blocks="h",
        project="attn.attention.out_proj",
        down="mlp.c_proj",
    ),
    _causal("gpt_neox", "GPTNeoX", neox(True), _COMMON, absent=_NO_MID, **_NEOX),
    _causal(
        "gpt_neox-sequential", "GPTNeoX", neox(False),
        {**_COMMON, "use_parallel_residual": False}, **_NEOX,
    ),
    _causal("bloom", "Bloom", bloom(False), _BLOOM, **_BLOOM_AT),
    _causal(
        "bloom-post", "Bloom", bloom(True),
        {**_BLOOM, "apply_residual_connection_post_layernorm": True}, absent=_NO_MID, **_BLOOM_AT,
    ),
    _falcon("falcon-7b", "parallel", parallel_attn=True, multi_query=True),
    _falcon("falcon-rw", "sequential", parallel_attn=False, alibi=True, multi_query=False),
    _falcon("falcon-40b", "two norms", new_decoder_architecture=True, num_kv_heads=1),
    _causal(
        "gptj", "GPTJ", gptj, {**_GPT, "rotary_dim": 4},
        blocks="h", project="attn.out_proj", down="mlp.fc_out", absent=_NO_MID,
    ),
    _causal("llama", "Llama", llama(), _GQA),
    _causal("mistral", "Mistral", llama(), {**_GQA, "sliding_window": 8}),
    _causal("qwen2", "Qwen2", llama(), {**_COMMON, "num_key_value_heads": 1}),
    _causal("qwen3", "Qwen3", llama(), _GQA),
    _causal(
        "gemma", "Gemma", llama(gelu_tanh, 1.0), {**_GQA, "hidden_act": "gelu_pytorch_tanh"}
    ),
    _causal("gemma2", "Gemma2", llama(gelu_tanh, 1.0, "both"), {**_GQA, "sliding_window": 8}),
    _causal("gemma3", "Gemma3Text", llama(gelu_tanh, 1.0, "both"), {**_GQA, "sliding_window": 8}),
    _causal("phi3", "Phi3", llama(), {**_COMMON, "num_key_value_heads": 1}),
    _causal("olmo2", "Olmo2", llama(norms="post"), {**_COMMON, "num_key_value_heads": 1}),
    _causal(
        "phi", "Phi", phi, {**_COMMON, "hidden_act": "gelu_new"},
        project="self_attn.dense", down="mlp.fc2", absent=_NO_MID,
    ),
    _causal("opt", "OPT", opt(True), _OPT, **_OPT_AT),
    _causal(
        "opt-350m", "OPT", opt(False),
        {**_OPT, "do_layer_norm_before": False, "word_embed_proj_dim": 8}, **_OPT_AT,
    ),
    Case("bert", "BertForMaskedLM", "BertConfig", bert, _BERT, **_BERT_AT),
    Case("roberta", "RobertaForMaskedLM", "RobertaConfig", bert, _BERT, **_BERT_AT),
    Case(
        "distilbert",
        "DistilBertForMaskedLM",
        "DistilBertConfig",
        distilbert,
        {
            "vocab_size": VOCABULARY, "dim": WIDTH, "n_layers": 2, "n_heads": 2,
            "hidden_dim": INNER, "max_position_embeddings": 32, "pad_token_id": 0,
        },
        blocks="transformer.layer",
        project="attention.out_lin",
        down="ffn.lin2",
        masked=True,
    ),
    Case(
        "modernbert",
        "ModernBertForMaskedLM",
        "ModernBertConfig",
        modernbert,
        {**_COMMON, "cls_token_id": 1, "sep_token_id": 2, "local_attention": 8},
        project="attn.Wo",
        down="mlp.Wo",
        masked=True,
    ),
)  # fmt: skip
