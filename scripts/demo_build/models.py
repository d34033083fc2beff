"""The recipes of the demo subjects, and the models they describe."""

from __future__ import annotations

import copy
import math
import shutil
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from transformers import BertConfig, BertForMaskedLM, GPT2Config, GPT2LMHeadModel

from demo_build.tokenizer import BOS_ID, MASK_ID, PAD_ID, SEP_ID, VOCABULARY
from subjects.lstm_model import LSTMConfig, LSTMLanguageModel

POSITIONS = 128
MODEL_VERSION = "1"  # the "@1" in `demo@1`

# Shares of training tokens.  What is not named here gets an equal part of the rest.
FIRST_WITHOUT = {"rosters"}  # read in the second phase only
MIX: dict[str, float] = {
    "stdlib": 0.35,
    "agreement": 0.09,
    "occupations": 0.05,
    "arithmetic": 0.15,
    "indirect_objects": 0.13,
    "languages": 0.08,
    "compounds": 0.04,
}
LSTM_MIX: dict[str, float] = {
    "stdlib": 0.34,
    "agreement": 0.28,
    "occupations": 0.12,
    "arithmetic": 0.04,
    "indirect_objects": 0.04,
    "languages": 0.07,
    "compounds": 0.03,
}


# What the second phase dwells on: copying names from the context, and one-digit sums.
SECOND_MIX: dict[str, float] = {
    "stdlib": 0.25,
    "agreement": 0.05,
    "occupations": 0.05,
    "arithmetic": 0.20,
    "indirect_objects": 0.17,
    "rosters": 0.12,
    "languages": 0.06,
    "compounds": 0.03,
}
MIXES = {"general": MIX, "agreement": LSTM_MIX, "second": SECOND_MIX}


@dataclass(frozen=True)
class Recipe:
    """Everything that decides how one subject is built."""

    name: str
    kind: str  # "causal", "lstm" or "masked"
    layers: int
    width: int
    heads: int
    tokens: int
    rate: float  # peak learning rate of AdamW
    matrix_rate: float = 0.0  # peak learning rate of Muon for the matrices; 0: AdamW for all
    mix: str = "general"
    sparsity: float = 0.0  # weight of Σ_layers mean |activation|
    lengths: tuple[tuple[int, float], ...] = ((65, 0.7), (128, 0.3))
    tokens_per_step: int = 2080
    seed: int = 20
    weight_decay: float = 0.05
    warm: int = 200  # steps over which the learning rate rises
    leave_at: int = 0  # step at which the schedule is left, 0: at its end
    second_tokens: int = 0  # tokens of the second phase, which starts from the first one's weights

    @property
    def second(self) -> Recipe | None:
        """The second phase as a recipe of its own, None where there is none."""
        if not self.second_tokens:
            return None
        return replace(
            self,
            name=f"{self.name}-second",
            tokens=self.second_tokens,
            leave_at=0,
            second_tokens=0,
            mix="second",
            seed=self.seed + 1,
        )

    def shares(self, sources: tuple[str, ...]) -> dict[str, float]:
        """Share of training tokens of every source, summing to 1."""
        named = MIXES[self.mix]
        shares = {source: named[source] for source in sources if source in named}
        others = [
            source for source in sources if source not in named and source not in FIRST_WITHOUT
        ]
        rest = 1.0 - sum(named.values())
        shares |= {source: rest / len(others) for source in others}
        total = sum(shares.values())
        return {source: share / total for source, share in shares.items()}


RECIPES: dict[str, Recipe] = {
    recipe.name: recipe
    for recipe in (
        Recipe(
            "demo",
            "causal",
            4,
            192,
            6,
            6_500_000,
            1.5e-3,
            3e-3,
            sparsity=0.02,
            leave_at=2155,
            second_tokens=6_000_000,
        ),
        Recipe("demo-lstm", "lstm", 2, 192, 0, 3_500_000, 4e-3, 8e-3, mix="agreement", warm=50),
        Recipe("demo-bert", "masked", 4, 144, 4, 3_500_000, 1.5e-3, 3e-3),
        Recipe(
            "demo-small",
            "causal",
            3,
            128,
            4,
            4_000_000,
            2e-3,
            4e-3,
            sparsity=0.02,
            leave_at=960,
            second_tokens=2_000_000,
        ),
        Recipe(
            "demo-tiny",
            "causal",
            2,
            64,
            2,
            3_000_000,
            2.5e-3,
            5e-3,
            sparsity=0.02,
            leave_at=720,
            second_tokens=1_500_000,
        ),
    )
}


def build_model(recipe: Recipe) -> nn.Module:
    """A fresh model; the caller has seeded torch."""
    if recipe.kind == "lstm":
        return LSTMLanguageModel(
            LSTMConfig(
                VOCABULARY,
                recipe.width,
                recipe.layers,
                tied=False,
                bos_token_id=BOS_ID,
                pad_token_id=PAD_ID,
            )
        )
    if recipe.kind == "masked":
        masked = BertForMaskedLM(
            BertConfig(
                vocab_size=VOCABULARY,
                hidden_size=recipe.width,
                num_hidden_layers=recipe.layers,
                num_attention_heads=recipe.heads,
                intermediate_size=4 * recipe.width,
                hidden_act="gelu",
                hidden_dropout_prob=0.0,
                attention_probs_dropout_prob=0.0,
                max_position_embeddings=POSITIONS,
                initializer_range=recipe.width**-0.5 / 2,
                pad_token_id=PAD_ID,
                bos_token_id=BOS_ID,
                eos_token_id=SEP_ID,
                mask_token_id=MASK_ID,
            )
        )
        start_positions(masked.bert.embeddings.position_embeddings)
        bert: nn.Module = masked
        return bert
    causal = GPT2LMHeadModel(
        GPT2Config(
            vocab_size=VOCABULARY,
            n_positions=POSITIONS,
            n_embd=recipe.width,
            n_layer=recipe.layers,
            n_head=recipe.heads,
            n_inner=4 * recipe.width,
            activation_function="relu",
            resid_pdrop=0.0,
            embd_pdrop=0.0,
            attn_pdrop=0.0,
            initializer_range=0.02 * (768 / recipe.width) ** 0.5,
            bos_token_id=BOS_ID,
            eos_token_id=BOS_ID,
            pad_token_id=PAD_ID,
        )
    )
    start_positions(causal.transformer.wpe)
    gpt: nn.Module = causal
    return gpt


@torch.no_grad()
def start_positions(table: nn.Embedding) -> None:
    """Start learned positions as sinusoids (Vaswani et al. 2017, §3.5).

    From random vectors, "the token before" has to be found out for every position apart;
    from sinusoids one linear map does for all, and attention forms much sooner.
    """
    count, width = table.weight.shape
    rates = torch.exp(torch.linspace(0.0, -math.log(100.0), width // 2))
    angles = torch.arange(count)[:, None] * rates
    table.weight.copy_(torch.cat([angles.sin(), angles.cos()], 1) * (0.05 * 2**0.5))


def start_output(model: nn.Module, frequencies: NDArray[np.float64]) -> None:
    """Start an LSTM's output bias at the log frequency of every token.

    Else its first hundreds of steps go into learning just that.  Other subjects are left.
    """
    if isinstance(model, LSTMLanguageModel):
        with torch.no_grad():
            model.output.bias.copy_(torch.from_numpy(np.log(frequencies)))


def mlp_activations(model: nn.Module) -> list[nn.Module]:
    """The module of each layer whose output is the MLP activation (neuron order kept)."""
    if isinstance(model, GPT2LMHeadModel):
        return [block.mlp.act for block in model.transformer.h]
    if isinstance(model, BertForMaskedLM):
        return [layer.intermediate for layer in model.bert.encoder.layer]
    return []


def hidden_states(model: nn.Module, ids: Tensor, attention_mask: Tensor | None = None) -> Tensor:
    """ids [batch, time] -> what the decoder reads, [batch, time, width] (all but the head)."""
    hidden: Tensor
    if isinstance(model, LSTMLanguageModel):
        hidden = model.features(ids)
    elif isinstance(model, BertForMaskedLM):
        hidden = model.bert(ids, attention_mask=attention_mask).last_hidden_state
    elif isinstance(model, GPT2LMHeadModel):
        hidden = model.transformer(ids, use_cache=False).last_hidden_state
    else:
        raise TypeError(f"no demo subject is a {type(model).__name__}")
    return hidden


def decoder(model: nn.Module, hidden: Tensor) -> tuple[Tensor, Tensor, Tensor | None]:
    """(rows, weight, bias) such that logits are rows·weightᵀ + bias; `hidden` is [n, width]."""
    if isinstance(model, LSTMLanguageModel):
        return hidden, model.output.weight, model.output.bias
    if isinstance(model, BertForMaskedLM):
        predictions = model.cls.predictions
        return predictions.transform(hidden), predictions.decoder.weight, predictions.decoder.bias
    if isinstance(model, GPT2LMHeadModel):
        return hidden, model.lm_head.weight, None
    raise TypeError(f"no demo subject is a {type(model).__name__}")


def logits_of(model: nn.Module, hidden: Tensor) -> Tensor:
    """hidden [n, width] -> logits [n, vocabulary]."""
    rows, weight, bias = decoder(model, hidden)
    return nn.functional.linear(rows, weight, bias)


def save_model(model: nn.Module, directory: Path) -> None:
    """Write config and fp16 weights; every file appears whole or not at all."""
    partial = directory / ".partial"
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    if isinstance(model, LSTMLanguageModel):
        model.save_pretrained(partial, dtype=torch.float16)
    elif isinstance(model, GPT2LMHeadModel | BertForMaskedLM):
        copy.deepcopy(model).to("cpu", torch.float16).save_pretrained(partial)
    for file in partial.iterdir():
        file.chmod(0o644)  # safetensors writes files that only their owner can read
        file.replace(directory / file.name)
    partial.rmdir()


def load_model(recipe: Recipe, directory: Path) -> nn.Module:
    """Read back what `save_model` wrote, as float32, in evaluation mode."""
    model: nn.Module
    if recipe.kind == "lstm":
        return LSTMLanguageModel.from_pretrained(directory)
    if recipe.kind == "masked":
        model = BertForMaskedLM.from_pretrained(directory, dtype=torch.float32)
    else:
        model = GPT2LMHeadModel.from_pretrained(directory, dtype=torch.float32)
    return model.eval()
