"""A plain LSTM language model whose h and c can be read and edited at every step.

Each layer is its own one-layer `torch.nn.LSTM`.  Two ways to run it:

- `forward` uses the fused kernels: quick, for training and for plain logits;
- `trace` steps through time with the same weights, returns h and c of every layer at
  every position, and lets a caller replace them as they are made.  An edit at (layer,
  position) is seen by the layers above at that position and by the layer itself at the
  next one, as an intervention on a recurrent state must be.

Both give the same logits up to rounding.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Self

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

MODEL_TYPE = "neuroscribe-lstm"

StateEdit = Callable[[int, int, Tensor, Tensor], tuple[Tensor, Tensor]]
"""(layer, position, h, c) -> (h, c); both tensors are [batch, width]."""


@dataclass(frozen=True)
class LSTMConfig:
    """Shape of an LSTM language model."""

    vocab_size: int
    width: int
    layers: int = 2
    tied: bool = True
    bos_token_id: int | None = None
    pad_token_id: int | None = None

    def __post_init__(self) -> None:
        """Refuse shapes that cannot be built.

        Raises:
            ValueError: a size is below 1.
        """
        for name in ("vocab_size", "width", "layers"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, not {getattr(self, name)!r}")

    @classmethod
    def from_json(cls, path: Path) -> LSTMConfig:
        """Read a `config.json` written by `LSTMLanguageModel.save_pretrained`.

        Raises:
            ValueError: the file describes another kind of model.
        """
        data = json.loads(path.read_text(encoding="utf-8"))
        if data.get("model_type") != MODEL_TYPE:
            raise ValueError(
                f"{str(path)!r} has model_type {data.get('model_type')!r}, not {MODEL_TYPE!r}"
            )
        known = {field.name for field in fields(cls)}
        return cls(**{name: value for name, value in data.items() if name in known})


@dataclass(frozen=True)
class LSTMTrace:
    """What `LSTMLanguageModel.trace` saw.

    `logits` is [batch, time, vocab]; `hidden[layer]` and `cell[layer]` are
    [batch, time, width] and hold the states *after* any edit.
    """

    logits: Tensor
    hidden: tuple[Tensor, ...]
    cell: tuple[Tensor, ...]


def lstm_step(layer: nn.LSTM, x: Tensor, h: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
    """One step of a one-layer `nn.LSTM`: x, h, c [batch, width] -> new (h, c).

    With i, f, g, o the four row blocks of W_ih x + b_ih + W_hh h + b_hh (PyTorch's order):
    c' = σ(f)·c + σ(i)·tanh(g) and h' = σ(o)·tanh(c')  (Hochreiter and Schmidhuber 1997, with
    the forget gate of Gers et al. 2000).
    """
    part = layer.get_parameter
    gates = nn.functional.linear(x, part("weight_ih_l0"), part("bias_ih_l0"))
    gates = gates + nn.functional.linear(h, part("weight_hh_l0"), part("bias_hh_l0"))
    i, f, g, o = gates.chunk(4, dim=-1)
    new_c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
    return torch.sigmoid(o) * torch.tanh(new_c), new_c


class LSTMLanguageModel(nn.Module):
    """Embedding, a stack of LSTM layers, and an output projection (tied by default)."""

    def __init__(self, config: LSTMConfig) -> None:
        """Build with fresh weights.

        Forget gates start open (bias 1) and every gate's matrices orthogonal, so that the
        upper layer sees a signal from the first step.  Embeddings are unit normal, or
        smaller where they are also the output matrix.
        """
        super().__init__()
        self.config = config
        self.embedding = nn.Embedding(config.vocab_size, config.width)
        self.layers = nn.ModuleList(
            nn.LSTM(config.width, config.width, batch_first=True) for _ in range(config.layers)
        )
        self.output = nn.Linear(config.width, config.vocab_size)
        nn.init.normal_(self.embedding.weight, std=0.3 if config.tied else 1.0)
        nn.init.zeros_(self.output.bias)
        if config.tied:
            self.output.weight = self.embedding.weight
        for layer in self.lstm_layers():
            for name in ("weight_ih_l0", "weight_hh_l0"):
                for gate in layer.get_parameter(name).detach().chunk(4):
                    nn.init.orthogonal_(gate)
            bias = layer.get_parameter("bias_ih_l0")
            nn.init.zeros_(layer.get_parameter("bias_hh_l0"))
            nn.init.zeros_(bias)
            with torch.no_grad():
                bias[config.width : 2 * config.width] = 1.0

    def lstm_layers(self) -> list[nn.LSTM]:
        """The layers, bottom first."""
        return [layer for layer in self.layers if isinstance(layer, nn.LSTM)]

    def features(self, input_ids: Tensor) -> Tensor:
        """input_ids [batch, time] -> h of the top layer [batch, time, width]."""
        x: Tensor = self.embedding(input_ids)
        for layer in self.lstm_layers():
            x, _ = layer(x)
        return x

    def forward(self, input_ids: Tensor) -> Tensor:
        """input_ids [batch, time] -> logits [batch, time, vocab], from zero states."""
        logits: Tensor = self.output(self.features(input_ids))
        return logits

    def trace(self, input_ids: Tensor, edit: StateEdit | None = None) -> LSTMTrace:
        """Step through time, keeping (and, with `edit`, replacing) every h and c.

        Differentiable, so that an edit may hold parameters being learned.
        """
        layers = self.lstm_layers()
        embedded: Tensor = self.embedding(input_ids)
        batch, time, width = embedded.shape
        h = [embedded.new_zeros(batch, width) for _ in layers]
        c = [embedded.new_zeros(batch, width) for _ in layers]
        hidden: list[list[Tensor]] = [[] for _ in layers]
        cell: list[list[Tensor]] = [[] for _ in layers]
        for position in range(time):
            x = embedded[:, position]
            for index, layer in enumerate(layers):
                new_h, new_c = lstm_step(layer, x, h[index], c[index])
                if edit is not None:
                    new_h, new_c = edit(index, position, new_h, new_c)
                h[index], c[index] = new_h, new_c
                hidden[index].append(new_h)
                cell[index].append(new_c)
                x = new_h
        stacked_h = tuple(torch.stack(steps, dim=1) for steps in hidden)
        stacked_c = tuple(torch.stack(steps, dim=1) for steps in cell)
        return LSTMTrace(self.output(stacked_h[-1]), stacked_h, stacked_c)

    def save_pretrained(self, directory: Path | str, dtype: torch.dtype | None = None) -> None:
        """Write `config.json` and `model.safetensors` (in `dtype`, when given)."""
        folder = Path(directory)
        folder.mkdir(parents=True, exist_ok=True)
        tensors = {
            name: value.detach().to(device="cpu", dtype=dtype or value.dtype).contiguous()
            for name, value in self.state_dict().items()
            if not (self.config.tied and name == "output.weight")
        }
        save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
        data = {"model_type": MODEL_TYPE, **asdict(self.config)}
        (folder / "config.json").write_text(json.dumps(data, indent=2) + "\n", encoding="utf-8")

    @classmethod
    def from_pretrained(cls, directory: Path | str, dtype: torch.dtype = torch.float32) -> Self:
        """Read a model written by `save_pretrained`, in evaluation mode.

        Raises:
            ValueError: `config.json` is of another kind of model.
            RuntimeError: the weights do not fit the configuration.
        """
        folder = Path(directory)
        config = LSTMConfig.from_json(folder / "config.json")
        tensors = load_file(folder / "model.safetensors")
        if config.tied:
            tensors["output.weight"] = tensors["embedding.weight"]
        model = cls(config)
        model.load_state_dict(tensors)
        return model.to(dtype).eval()
