"""Where the units of each model architecture are: a table from site to module path and side.

Paths are relative to one block. A *side* says how the place is read and written:

* ``input``: the first argument of the module;
* ``output``: what the module returns (the first element of a tuple);
* ``branch``: the first argument of a module that sits on a branch off the residual stream. Reading
  is as ``input``; an edit must also change the stream itself, so its difference is added once more
  to the block's output.

Sites: ``mlp`` is the input of the block's down projection (for gated MLPs the gated product);
``attn`` the input of the attention's output projection; ``attnout`` and ``mlpout`` what each adds
to the residual stream (after the norm where one follows, as in Gemma 2); ``residmid`` the stream
between the two (absent where they run in parallel); ``resid.i`` what enters block ``i``. In
post-norm encoders (BERT) ``resid`` and ``residmid`` are what the norms give out.

Start at :func:`find_layout`. To support an architecture, add a row here and a case to
``tests/subjects/test_architectures.py``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from torch import Tensor, nn

from core.errors import UnsupportedArchitecture
from subjects.protocol import SiteInfo

Side = Literal["input", "output", "branch"]
Family = Literal["causal", "masked"]
Condition = Callable[[Any], bool]


@dataclass(frozen=True, slots=True)
class Place:
    """A module inside a block and the side of it where a site lives."""

    path: str
    side: Side


@dataclass(frozen=True, slots=True)
class Architecture:
    """One row: how the blocks of a model type are laid out.

    ``down``, ``read``, ``project`` are the MLP's down projection, the linear map whose rows are
    what MLP units read (the gate of gated MLPs) and the attention's output projection.
    ``gate_first`` marks a fused gate-and-up matrix whose first half is the gate. ``attn_norm`` and
    ``mlp_norm`` name norms between a branch and the stream. ``gain_offset`` is 1 where norms
    multiply by 1 + weight. ``when`` chooses between variants of one model type.
    """

    model_types: tuple[str, ...]
    blocks: str
    down: str
    read: str | None = None
    project: str | None = None
    attnout: Place | None = None
    mlpout: Place | None = None
    residmid: Place | None = None
    final_norm: str | None = None
    family: Family = "causal"
    gated: bool = False
    gate_first: bool = False
    attn_norm: str | None = None
    mlp_norm: str | None = None
    gain_offset: float = 0.0
    pre_norm: bool = True
    when: Condition | None = None


_GPT2 = Architecture(
    model_types=("gpt2",),
    blocks="h",
    down="mlp.c_proj",
    read="mlp.c_fc",
    project="attn.c_proj",
    attnout=Place("attn", "output"),
    mlpout=Place("mlp", "output"),
    residmid=Place("ln_2", "branch"),
    final_norm="ln_f",
)
_NEOX = Architecture(
    model_types=("gpt_neox",),
    blocks="layers",
    down="mlp.dense_4h_to_h",
    read="mlp.dense_h_to_4h",
    project="attention.dense",
    attnout=Place("attention", "output"),
    mlpout=Place("mlp", "output"),
    residmid=Place("post_attention_layernorm", "branch"),
    final_norm="final_layer_norm",
    when=lambda config: not config.use_parallel_residual,
)
_BLOOM = Architecture(
    model_types=("bloom",),
    blocks="h",
    down="mlp.dense_4h_to_h",
    read="mlp.dense_h_to_4h",
    project="self_attention.dense",
    attnout=Place("self_attention.dense", "output"),
    mlpout=Place("mlp.dense_4h_to_h", "output"),
    residmid=Place("post_attention_layernorm", "branch"),
    final_norm="ln_f",
    when=lambda config: not config.apply_residual_connection_post_layernorm,
)
_FALCON = Architecture(
    model_types=("falcon",),
    blocks="h",
    down="mlp.dense_4h_to_h",
    read="mlp.dense_h_to_4h",
    project="self_attention.dense",
    attnout=Place("self_attention.dense", "output"),
    mlpout=Place("mlp", "output"),
    residmid=Place("post_attention_layernorm", "branch"),
    final_norm="ln_f",
    when=lambda config: not (config.parallel_attn or config.new_decoder_architecture),
)
_LLAMA = Architecture(
    model_types=("llama", "mistral", "qwen2", "qwen3"),
    blocks="layers",
    down="mlp.down_proj",
    read="mlp.gate_proj",
    project="self_attn.o_proj",
    attnout=Place("self_attn", "output"),
    mlpout=Place("mlp", "output"),
    residmid=Place("post_attention_layernorm", "branch"),
    final_norm="norm",
    gated=True,
)
_OPT = Architecture(
    model_types=("opt",),
    blocks="decoder.layers",
    down="fc2",
    read="fc1",
    project="self_attn.out_proj",
    attnout=Place("self_attn", "output"),
    mlpout=Place("fc2", "output"),
    residmid=Place("final_layer_norm", "branch"),
    final_norm="decoder.final_layer_norm",
    when=lambda config: bool(config.do_layer_norm_before),
)

ARCHITECTURES: tuple[Architecture, ...] = (
    _GPT2,
    replace(_GPT2, model_types=("gpt_neo",), project="attn.attention.out_proj"),
    _NEOX,
    replace(_NEOX, residmid=None, when=None),
    _BLOOM,
    replace(_BLOOM, residmid=None, when=None),
    _FALCON,
    replace(_FALCON, residmid=None, when=None),
    replace(
        _GPT2,
        model_types=("gptj",),
        down="mlp.fc_out",
        read="mlp.fc_in",
        project="attn.out_proj",
        residmid=None,
    ),
    _LLAMA,
    replace(_LLAMA, model_types=("gemma",), gain_offset=1.0),
    replace(
        _LLAMA,
        model_types=("gemma2", "gemma3_text", "gemma3"),
        attnout=Place("post_attention_layernorm", "output"),
        mlpout=Place("post_feedforward_layernorm", "output"),
        residmid=Place("pre_feedforward_layernorm", "branch"),
        attn_norm="post_attention_layernorm",
        mlp_norm="post_feedforward_layernorm",
        gain_offset=1.0,
    ),
    replace(_LLAMA, model_types=("phi3",), read="mlp.gate_up_proj", gate_first=True),
    replace(
        _LLAMA,
        model_types=("olmo2",),
        attnout=Place("post_attention_layernorm", "output"),
        mlpout=Place("post_feedforward_layernorm", "output"),
        residmid=Place("mlp", "branch"),
        attn_norm="post_attention_layernorm",
        mlp_norm="post_feedforward_layernorm",
    ),
    replace(
        _LLAMA,
        model_types=("phi",),
        down="mlp.fc2",
        read="mlp.fc1",
        project="self_attn.dense",
        residmid=None,
        final_norm="final_layernorm",
        gated=False,
    ),
    _OPT,
    replace(
        _OPT,
        residmid=Place("self_attn_layer_norm", "output"),
        final_norm=None,
        pre_norm=False,
        when=None,
    ),
    Architecture(
        model_types=("bert", "roberta"),
        blocks="encoder.layer",
        down="output.dense",
        read="intermediate.dense",
        project="attention.output.dense",
        attnout=Place("attention.output.dense", "output"),
        mlpout=Place("output.dense", "output"),
        residmid=Place("attention", "output"),
        family="masked",
        pre_norm=False,
    ),
    Architecture(
        model_types=("distilbert",),
        blocks="transformer.layer",
        down="ffn.lin2",
        read="ffn.lin1",
        project="attention.out_lin",
        attnout=Place("attention", "output"),
        mlpout=Place("ffn", "output"),
        residmid=Place("sa_layer_norm", "output"),
        family="masked",
        pre_norm=False,
    ),
    Architecture(
        model_types=("modernbert",),
        blocks="layers",
        down="mlp.Wo",
        read="mlp.Wi",
        project="attn.Wo",
        attnout=Place("attn", "output"),
        mlpout=Place("mlp", "output"),
        residmid=Place("mlp_norm", "branch"),
        final_norm="final_norm",
        family="masked",
        gated=True,
        gate_first=True,
    ),
)


@dataclass(frozen=True, slots=True)
class Location:
    """A site of one loaded model: the module (path from the trunk), the side and its block."""

    info: SiteInfo
    module: str
    side: Side
    block: str


@dataclass(frozen=True, slots=True)
class Layout:
    """All sites of one loaded model in order of depth, and the row they came from."""

    architecture: Architecture
    d_model: int
    depth: int
    locations: Mapping[str, Location]

    def in_block(self, layer: int, path: str) -> str:
        """The path from the trunk of a module inside block ``layer``."""
        return f"{self.architecture.blocks}.{layer}.{path}"


def architecture_of(config: Any) -> Architecture | None:
    """The row for a Hugging Face config, or None when the model type is not in the table."""
    for row in ARCHITECTURES:
        if config.model_type in row.model_types and (row.when is None or row.when(config)):
            return row
    return None


def linear_map(module: nn.Module) -> Tensor | None:
    """The matrix [inputs, outputs] of a linear module, None for any other module."""
    weight = getattr(module, "weight", None)
    if not isinstance(weight, Tensor) or weight.ndim != 2:
        return None
    if isinstance(module, nn.Linear):
        return weight.detach().T
    if type(module).__name__ == "Conv1D":  # transformers' transposed linear (GPT-2)
        return weight.detach()
    return None


def find_layout(trunk: nn.Module, config: Any) -> Layout:
    """The layout of a base model (no LM head).

    Raises :class:`UnsupportedArchitecture`, naming the modules seen, when the model type is not in
    the table and its blocks do not have one unique linear map from d_ff to d_model.
    """
    row = architecture_of(config) or _guess(trunk, config)
    try:
        blocks = trunk.get_submodule(row.blocks)
        depth = len(list(blocks.children()))
        downs = [_matrix(trunk, f"{row.blocks}.{layer}.{row.down}").shape for layer in range(depth)]
    except AttributeError as error:
        raise _unsupported(config, f"{error}", trunk) from None
    if not downs:
        raise _unsupported(config, f"{row.blocks!r} holds no blocks", trunk)
    d_model = int(downs[0][1])
    relu = _activation_name(config) in ("relu", "relu2", "relu6") and not row.gated
    found: dict[str, Location] = {}

    def add(
        kind: str, layer: int, place: Place | None, width: int, *, positive: bool = False
    ) -> None:
        if place is not None:
            block = f"{row.blocks}.{layer}"
            info = SiteInfo(f"{kind}.{layer}", width, layer, positive)
            module = f"{block}.{place.path}" if place.path else block
            found[info.name] = Location(info, module, place.side, block)

    known = architecture_of(config) is not None
    for layer, (d_ff, _) in enumerate(downs):
        add("resid", layer, Place("", "input"), d_model)
        if row.project is not None:
            heads = _matrix(trunk, f"{row.blocks}.{layer}.{row.project}").shape[0]
            add("attn", layer, Place(row.project, "input"), int(heads))
        add("attnout", layer, row.attnout, d_model)
        add("residmid", layer, row.residmid, d_model)
        add("mlp", layer, Place(row.down, "input"), int(d_ff), positive=relu and known)
        add("mlpout", layer, row.mlpout, d_model)
    last = f"{row.blocks}.{depth - 1}"
    found[f"resid.{depth}"] = Location(
        SiteInfo(f"resid.{depth}", d_model, depth), last, "output", last
    )
    return Layout(row, d_model, depth, found)


def _matrix(trunk: nn.Module, path: str) -> Tensor:
    matrix = linear_map(trunk.get_submodule(path))
    if matrix is None:
        kind = type(trunk.get_submodule(path)).__name__
        raise AttributeError(f"module {path!r} is a {kind}, not a linear map")
    return matrix


def _activation_name(config: Any) -> str:
    for key in ("activation_function", "hidden_activation", "hidden_act", "activation"):
        value = getattr(config, key, None)
        if isinstance(value, str):
            return value
    return ""


def _guess(trunk: nn.Module, config: Any) -> Architecture:
    """A row for an unknown model type: sites ``mlp`` and ``resid`` only, or an error."""
    depth = getattr(config, "num_hidden_layers", None)
    d_model = getattr(config, "hidden_size", None)
    d_ff = getattr(config, "intermediate_size", None)
    stacks = [
        name
        for name, module in trunk.named_modules()
        if isinstance(module, nn.ModuleList) and len(module) == depth and "." not in name
    ] or [
        name
        for name, module in trunk.named_modules()
        if isinstance(module, nn.ModuleList) and len(module) == depth
    ]
    if len(stacks) != 1:
        raise _unsupported(config, f"{len(stacks)} stacks of {depth} blocks were found", trunk)
    downs: set[str] = set()
    for block in trunk.get_submodule(stacks[0]).children():
        if any(_is_experts(module) for module in block.modules()):
            raise _unsupported(config, "its MLP is made of experts", block)
        names = [
            name
            for name, module in block.named_modules()
            if (matrix := linear_map(module)) is not None
            and matrix.shape[1] == d_model
            and (matrix.shape[0] == d_ff if d_ff else matrix.shape[0] > matrix.shape[1])
        ]
        if len(names) != 1:
            seen = f"{len(names)} linear maps lead from d_ff ({d_ff}) to d_model ({d_model})"
            raise _unsupported(config, seen + " in a block", block)
        downs.add(names[0])
    if len(downs) != 1:
        raise _unsupported(config, f"its blocks differ: {sorted(downs)}", trunk)
    return Architecture((config.model_type,), stacks[0], downs.pop(), pre_norm=False)


def _is_experts(module: nn.Module) -> bool:
    """Fused experts hold their maps as one 3-dimensional parameter."""
    if isinstance(module, nn.Conv1d):
        return False
    return any(value.ndim == 3 for value in module.parameters(recurse=False))


def _unsupported(config: Any, why: str, seen: nn.Module) -> UnsupportedArchitecture:
    modules = [f"{name} ({type(child).__name__})" for name, child in seen.named_modules() if name]
    shown = ", ".join(modules[:24]) + (", ..." if len(modules) > 24 else "")
    return UnsupportedArchitecture(
        f"model type {config.model_type!r} is not supported: {why}; modules seen: {shown}",
        "docs/subjects.md lists the architectures that can be read",
    )
