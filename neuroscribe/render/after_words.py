"""What is said of the neurons of a probe, the same on a terminal and on a page.

Whatever was read from files or models is made visible here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from discovery.probing.after.records import (
    Ablation,
    ClassEffect,
    CompoundSum,
    Cooccurrence,
    InputWeights,
    LabelShare,
    Rise,
    Separation,
    TokenMean,
    UnitLogits,
    UnitShare,
    UnitTokens,
)
from discovery.probing.results import Measured
from service.pages.figures import figure, number, percent, signed
from service.pages.visible import visible_text, visible_token

if TYPE_CHECKING:
    from neuroscribe.probing.after import FeatureAfter

EDITS: Final = {"zero": "at zero", "mean": "at their mean outside"}
PARTS: Final = {
    "ablation": "loss without them",
    "logits": "tokens they push",
    "tokens": "same token in and out",
    "share": "share of activation",
    "cooccurrence": "together or in turn",
    "weights": "weights",
}
LONE: Final = "cooccurrence"
MOST_CLASSES: Final = 4
MOST_TOKENS: Final = 6
NOTE: Final = (
    "on test documents of the first seed, on which no neuron was chosen; intervals over groups of "
    "documents, where five of them hold what is measured; random: other live neurons of the site"
)


def amount_text(measured: Measured) -> str:
    """A figure of any size with its interval, never broken over lines; no value has a reason."""
    if measured.value is None:
        return none_text(measured.reason)
    if measured.low is None or measured.high is None:
        return f"{number(measured.value)}\u00a0(no\u00a0interval)"
    ends = f"[{number(measured.low)},\u00a0{number(measured.high)}]"
    return f"{number(measured.value)}\u00a0{ends}"


def share_text(measured: Measured) -> str:
    """The same in per cent."""
    if measured.value is None:
        return none_text(measured.reason)
    if measured.low is None or measured.high is None:
        return f"{percent_text(measured.value)}\u00a0(no\u00a0interval)"
    ends = f"[{percent_text(measured.low)},\u00a0{percent_text(measured.high)}]"
    return f"{percent_text(measured.value)}\u00a0{ends}"


def none_text(reason: str | None) -> str:
    """Instead of a figure."""
    return f"none: {visible_text(reason or 'no reason given')}"


def percent_text(share: float) -> str:
    """A share or a change in per cent, in one piece."""
    sign = "−" if share < 0 else ""
    return sign + percent(abs(share)).replace(" ", "\u00a0")


def rise_texts(rise: Rise) -> list[tuple[str, str]]:
    """Everything of one edit: name and words."""
    found = [
        ("in the context", f"{amount_text(rise.in_nats)} nats, {share_text(rise.in_relative)}"),
        ("outside", f"{amount_text(rise.out_nats)} nats, {share_text(rise.out_relative)}"),
        ("ratio", amount_text(rise.ratio)),
        (f"in less {rise.times:g} × outside", f"{amount_text(rise.margin)} nats"),
    ]
    null = rise.null
    if null is None:
        return [*found, ("random", none_text(rise.null_reason))]
    ratio = "" if null.p_ratio is None else f", ratio {figure(null.p_ratio)}"
    said = (
        f"of {null.draws} sets at most {number(max(null.rises_in))} nats in the context; p: rise "
        f"{figure(null.p_rise)}{ratio}, margin {figure(null.p_margin)}"
    )
    return [*found, ("random", said)]


def counted_text(ablation: Ablation) -> str:
    """On how much text it rests."""
    return (
        f"{ablation.tokens_in:,} tokens in the context ({ablation.clusters_in} groups), "
        f"{ablation.tokens_out:,} outside ({ablation.clusters_out}); loss "
        f"{amount_text(ablation.loss_in)} and {amount_text(ablation.loss_out)}"
    )


def logits_text(unit: UnitLogits) -> str:
    """The classes that differ most; of those with the same tokens, one."""
    distinct = {(one.tokens, one.difference): one for one in reversed(unit.classes)}
    found = sorted(distinct.values(), key=lambda one: -abs(one.difference))
    return "; ".join(class_text(effect) for effect in found[:MOST_CLASSES])


def class_text(effect: ClassEffect) -> str:
    """One class of tokens."""
    p = "" if effect.p is None else f", p\u00a0{figure(effect.p)}"
    difference = signed(effect.difference)
    return f"{effect.name} {difference}\u00a0sd (AUROC\u00a0{figure(effect.auroc)}{p})"


def overall_text(unit: UnitTokens) -> str:
    """The mean difference over all tokens that were compared."""
    p = "" if unit.p is None else f", p {figure(unit.p)}"
    return f"{amount_text(unit.overall)} sd over {unit.compared} tokens{p}"


def token_text(found: TokenMean) -> str:
    """One token of the vocabulary, in the context and out of it."""
    means = [m.value for m in (found.mean_in, found.mean_out)]
    said = " and ".join("–" if value is None else number(value) for value in means)
    return f"{visible_token(found.token)} {said}, difference {amount_text(found.difference)}"


def unit_share_text(share: LabelShare, unit: UnitShare) -> str:
    """Sums and share of one unit beside the label's share of the text."""
    p = "" if unit.p is None else f", p {figure(unit.p)}"
    return (
        f"{share_text(unit.share)} of its activation ({number(unit.sum_in)} in, "
        f"{number(unit.sum_out)} out{p}) beside {share_text(share.label_share)} of the tokens"
    )


def firings_text(unit: UnitShare) -> str:
    """Counts of tokens above each threshold."""
    return "; ".join(
        f"above {number(one.threshold)}: {one.tokens_in:,} in, {one.tokens_out:,} out"
        for one in unit.firings
    )


def together_text(found: Cooccurrence) -> str:
    """How the neurons share the positives among them."""
    null = found.mean_phi_null
    by_chance = "" if null is None else f" (shuffled: {figure(null[0])} to {figure(null[1])})"
    covered = ", ".join(f"{one.unit}: {amount_text(one.coverage)}" for one in found.coverage)
    return (
        f"{found.reading or 'no reading'}; mean φ {amount_text(found.mean_phi)}{by_chance}; "
        f"positives covered so far {covered}; precision where all fire "
        f"{amount_text(found.all_precision)}"
    )


def weights_texts(found: InputWeights) -> list[str]:
    """Where each unit stands in its layer."""
    return [
        f"{one.unit}: {number(one.product)}, above {percent_text(one.percentile)} of "
        f"{visible_text(one.site)}"
        for one in found.found
    ]


def compound_texts(found: CompoundSum) -> list[tuple[str, str]]:
    """The sum beside the best single neuron: name and words."""
    if found.single is None or found.summed is None:
        return [("sum", none_text(found.reason))]
    p = "" if found.p is None else f", p {figure(found.p)} of {len(found.null)} random sums"
    return [
        ("best alone", separation_text(found.single)),
        ("sum", separation_text(found.summed) + p),
        ("gain", amount_text(found.gain)),
    ]


def separation_text(found: Separation) -> str:
    """How well a score tells the compound."""
    return (
        f"{' + '.join(map(str, found.units))}: AUROC {amount_text(found.everything)} (near misses "
        f"{amount_text(found.near)}, other text {amount_text(found.other)})"
    )


def unanswered(found: FeatureAfter) -> list[tuple[str, str]]:
    """Parts that could not be answered, with reasons; one neuron alone has none to fire with."""
    reason = [] if found.reason is None else [("not asked", visible_text(found.reason))]
    if found.report is None:
        return reason
    alone = len(found.report.units) == 1
    return reason + [
        (PARTS.get(part, part), visible_text(said))
        for part, said in found.report.failures.items()
        if not (alone and part == LONE)
    ]
