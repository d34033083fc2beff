"""‖w_in‖ · b_in of every neuron by layer: what many features in few neurons leave in the weights.

Large weights with a negative bias let a neuron react to a whole pattern and to none of its parts
(Gurnee et al. 2023, section 5.1 and appendix C). Weights are taken as they are stored: the gain
and bias of the norm before the MLP are not folded in. Of gated MLPs it is the gate that is read.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from discovery.probing.after.reading import check
from discovery.probing.after.records import InputWeights, LayerWeights, UnitWeights
from discovery.probing.statistics import Array
from subjects.protocol import Subject

_LEVELS = (0.0, 0.05, 0.25, 0.5, 0.75, 0.95, 1.0)


def input_weights(subject: Subject, units: Mapping[str, Sequence[int]]) -> InputWeights:
    """The product for all layers that have it, and where ``units`` (by site) stand among them.

    A model without biases gets a reason: the product would be zero everywhere. Units of sites
    without input weights are left out.
    """
    for site, indices in units.items():
        check(subject, site, indices)
    layers, found, any_bias = [], [], False
    for site in subject.sites():
        parts = _norms_and_biases(subject, site)
        if parts is None:
            continue
        norms, biases = parts
        any_bias |= bool(biases.any())
        products = norms * biases
        layers.append(_layer(site, products))
        found += [
            UnitWeights(
                site=site,
                unit=unit,
                norm=float(norms[unit]),
                bias=float(biases[unit]),
                product=float(products[unit]),
                percentile=float((products < products[unit]).mean()),
            )
            for unit in units.get(site, ())
        ]
    if not layers:
        return _nothing(f"no site of {subject.spec.name!r} reads along one direction")
    if not any_bias:
        return _nothing(f"the MLPs of {subject.spec.name!r} have no input bias")
    return InputWeights(layers=tuple(layers), found=tuple(found))


def _norms_and_biases(subject: Subject, site: str) -> tuple[Array, Array] | None:
    """‖w_in‖ and b_in [width] each; None where the site has none."""
    weights, bias = subject.input_weights(site), subject.input_bias(site)
    if weights is None or bias is None:
        return None
    norms = weights.norm(dim=1).double().cpu().numpy()
    return norms, bias.double().cpu().numpy()


def _layer(site: str, products: Array) -> LayerWeights:
    levels = np.quantile(products, _LEVELS)
    return LayerWeights(
        site=site,
        units=len(products),
        mean=float(products.mean()),
        negative=float((products < 0).mean()),
        quantiles={f"{level:g}": float(q) for level, q in zip(_LEVELS, levels, strict=True)},
    )


def _nothing(reason: str) -> InputWeights:
    return InputWeights(layers=(), found=(), reason=reason)
