"""Where found neurons stand in ‖w_in‖ · b_in of their layer, as a plot."""

from __future__ import annotations

import math

from discovery.probing.after.records import InputWeights, LayerWeights
from neuroscribe.render.plots import Axis, Dot, Dots, Plot
from service.pages.figures import number
from service.pages.visible import visible_text

_LOW, _MIDDLE, _HIGH = "0.05", "0.5", "0.95"
_ROW = 22


def weights_plot(found: InputWeights) -> Plot | None:
    """A row a layer: median with the 5th to 95th percentile, and the neurons found beside it."""
    layers = [layer for layer in found.layers if _ends(layer) is not None]
    if not layers:
        return None
    rows = {layer.site: -i for i, layer in enumerate(layers)}
    spans = tuple(_span(layer, rows[layer.site] + 0.15) for layer in layers)
    own = tuple(
        Dot(one.product, rows[one.site] - 0.15, f"{one.site}/{one.unit}: {number(one.product)}")
        for one in found.found
        if one.site in rows
    )
    values = [v for dot in (*spans, *own) for v in (dot.x, dot.low, dot.high) if v is not None]
    return Plot(
        "‖w_in‖ · b_in by layer",
        "Median and 5th to 95th percentile of each layer, and the neurons found. "
        + "; ".join(dot.name for dot in (*spans, *own)),
        _axis(min(values), max(values)),
        Axis(
            "",
            -len(layers) + 0.4,
            0.6,
            tuple((float(row), visible_text(site)) for site, row in rows.items()),
        ),
        (Dots("all of the layer", spans, "other"), Dots("found", own)),
        tall=_ROW * len(layers) + 10,
    )


def _ends(layer: LayerWeights) -> tuple[float, float, float] | None:
    found = [layer.quantiles.get(level) for level in (_LOW, _MIDDLE, _HIGH)]
    known = [value for value in found if value is not None]
    return (known[0], known[1], known[2]) if len(known) == len(found) else None


def _span(layer: LayerWeights, row: float) -> Dot:
    ends = _ends(layer)
    assert ends is not None
    low, middle, high = ends
    said = f"{layer.site}: median {number(middle)}, {number(low)} to {number(high)}"
    return Dot(middle, row, said, low, high)


def _axis(low: float, high: float) -> Axis:
    """From below the lowest to above the highest value, at five ticks of round steps."""
    step = 10.0 ** math.floor(math.log10(max(high - low, 1e-9)))
    step = next(s for s in (step / 5, step / 2, step, 2 * step) if (high - low) / s <= 6)
    first, last = math.floor(low / step), math.ceil(high / step)
    last = max(last, first + 1)
    ticks = tuple((n * step, f"{n * step:.4g}") for n in range(first, last + 1))
    return Axis("‖w_in‖ · b_in", first * step, last * step, ticks)
