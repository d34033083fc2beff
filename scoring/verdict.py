"""The rule that decides what may be said of a unit. It is written down so that it can be tested.

A unit is

* ``dead`` when it never changed: no token above zero (or constant values) in the whole corpus;
* ``low_evidence`` when it was active in fewer than five documents, or when a split holds no window
  in which it is active (``report`` is looked at only once an explanation is to be scored);
* ``explained`` when, on ``report``, the explanation beats the null in *both* the ``corpus`` and the
  ``top_and_random`` mode: the interval lies above zero, and the value lies above the largest of
  the null units' 95th percentile and ``FLOOR``;
* ``polysemantic`` when it is explained, and two or more separate readings each predict it alone
  (their own ``corpus`` intervals lie above zero);
* ``refused`` or ``failed`` when a language model simulated no token at all: that says nothing about
  the explanation;
* ``abstained`` otherwise.

Both modes are asked for because either alone is too easy to pass by chance: the first is won by one
outlier, the second by few windows. On pure noise the rule must say ``explained`` at most once in a
hundred units (tests/agent/test_noise.py runs it on a thousand).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from core.evidence import Evidence
from core.results import Score, Verdict

FLOOR = 0.05
REQUIRED_MODES = ("corpus", "top_and_random")


def verdict_before_scoring(evidence: Evidence) -> tuple[Verdict, str] | None:
    """``dead`` or ``low_evidence`` with the reason, or None when the unit can be explained."""
    statistics = evidence.statistics
    if statistics.variance == 0.0 and statistics.minimum == statistics.maximum == 0.0:
        return "dead", f"zero on all {statistics.n_tokens} tokens of the corpus"
    if statistics.variance == 0.0:
        return "dead", f"constant ({statistics.maximum:.4g}) on all {statistics.n_tokens} tokens"
    if not statistics.live:
        count = statistics.documents_active
        return "low_evidence", f"active in {count} document{'s' * (count != 1)}; 5 are needed"
    for split in (evidence.explain, evidence.select):
        if not len(split.top_rows):
            return "low_evidence", f"no active window in the {split.split} split"
    return None


def stands_alone(scores: Iterable[Score]) -> bool:
    """Whether one reading predicts the unit by itself: its ``corpus`` interval lies above zero."""
    own = [s for s in scores if s.mode == "corpus" and s.scorer == "simulation"]
    return any(score.low is not None and score.low > 0.0 for score in own)


def failed_simulation(scores: Sequence[Score]) -> tuple[Verdict, str] | None:
    """``refused`` or ``failed`` with the reason, when no simulated score could be computed."""
    chosen = [s for s in scores if s.scorer == "simulation"]
    lost = [s for s in chosen if s.value is None and s.status in ("error", "refused", "unparsed")]
    if not chosen or len(lost) < len(chosen):
        return None
    return "refused" if lost[
        0
    ].status == "refused" else "failed", f"not simulated: {lost[0].reason}"


def verdict(scores: Sequence[Score], readings: int) -> tuple[Verdict, str]:
    """The verdict on an explanation's ``report`` scores; ``readings`` counts the separate
    meanings that stand alone.
    """
    for mode in REQUIRED_MODES:
        chosen = [s for s in scores if s.mode == mode and s.scorer == "simulation"]
        if not chosen or chosen[0].value is None:
            reason = chosen[0].reason if chosen else "not scored"
            return "abstained", f"{mode}: no score ({reason})"
        score = chosen[0]
        value = chosen[0].value
        bar = max(FLOOR, score.null_p95 or 0.0)
        if score.low is None:
            return "abstained", f"{mode}: ρ = {value:.3f}, but {score.reason}"
        if score.low <= 0.0:
            return "abstained", f"{mode}: the interval of ρ = {value:.3f} reaches zero"
        if value <= bar:
            return "abstained", f"{mode}: ρ = {value:.3f} does not beat the null's {bar:.3f}"
    if readings > 1:
        return "polysemantic", f"{readings} separate readings, and together they beat the null"
    return "explained", "beats the null in corpus and top_and_random"
