"""Results of tools in sentences: every score with its interval, null, baseline and citation."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

_EXCERPTS = 4
_EXPERIMENTS = 6
_MOVED = 6


def tell(tool: str, arguments: Mapping[str, Any], data: Mapping[str, Any]) -> str:
    """One result for a person."""
    if "error" in data:
        error = data["error"]
        if error["code"] == "declined":
            return "Not run, as you wish."
        return f"That cannot be done ({error['code']}): {error['message']}"
    return _TELLERS.get(tool, _plain)(data)


def _plain(data: Mapping[str, Any]) -> str:
    return json.dumps(data, ensure_ascii=False)


def _unit(data: Mapping[str, Any], *, every: bool = False) -> str:
    """Verdict and explanations, with their main scores or ``every`` one."""
    if data.get("verdict") is None:
        return "\n".join([str(data["hint"]), *_excerpts(data)])
    reason = f": {data['reason']}" if data["reason"] else ""
    lines = [f"{data['unit']}: {data['verdict']}{reason} {data['cite']}"]
    for said in _items(data, "explanations"):
        share = "" if said["share"] is None else f", share {_number(said['share'])}"
        lines.append(f"  “{said['text']}” ({said['polarity']}{share}) {said['cite']}")
        scores = [s for s in _items(data, "scores") if s["explanation"] == said["id"]]
        told = scores if every else [s for s in scores if _is_main(s)] or scores[:1]
        lines += [f"    {_score(score)}" for score in told]
        if len(told) < len(scores):
            lines.append(f'    {len(scores) - len(told)} more figures: ask "why?"')
    return "\n".join(lines)


def _evidence(data: Mapping[str, Any]) -> str:
    lines = [_unit(data, every=True)]
    if data.get("verdict") is None:
        return lines[0]
    told = _items(data, "experiments")[:_EXPERIMENTS]
    if told:
        lines.append("Tested on the model:")
    for one in told:
        figures = ", ".join(f"{k} {_number(v)}" for k, v in one["outcome"].items())
        lines.append(f"  {one['description']}: {figures} {one['cite']}")
    return "\n".join([*lines, *_excerpts(data)])


def _excerpts(data: Mapping[str, Any]) -> list[str]:
    shown = _items(data, "excerpts")[:_EXCERPTS]
    lines = ["Text on which it is active (peak in its own scale):"] if shown else []
    for one in shown:
        lines.append(
            f"  {_number(one['peak'])} at {_quoted(one['token'])} in {_quoted(one['text'])} "
            f"({one['kind']}, {one['split']})"
        )
    return lines


def _is_main(score: Mapping[str, Any]) -> bool:
    simulated = (score["scorer"], score["measure"]) == ("simulation", "correlation")
    return simulated and score["mode"] in ("corpus", "top_and_random")


def _score(score: Mapping[str, Any]) -> str:
    fitted = "" if score["calibration"] == "none" else f", calibrated: {score['calibration']}"
    name = f"{score['scorer']} ({score['measure']}, {score['mode']}{fitted})"
    if score["value"] is None:
        return f"{name}: no figure, {score['reason']} {score['cite']}"
    return (
        f"{name}: {_number(score['value'])}, interval {_span(score)}, "
        f"null {_number(score['null_mean'])} (95 % below {_number(score['null_p95'])}), "
        f"token list of equal length {_number(score['token_list_equal'])}, "
        f"{score['n_excerpts']} excerpts {score['cite']}"
    )


def _run(data: Mapping[str, Any]) -> str:
    pairs = [pair for pair in data["activations"] if isinstance(pair, list)]
    values = " ".join(f"{_quoted(token)} {_number(value)}" for token, value in pairs)
    peak = data["typical_peak"]
    beside = "not known: no index yet" if peak is None else _number(peak)
    return (
        f"{data['unit']} on {_quoted(data['text'])}: {values}\n"
        f"Its typical peak in the corpus: {beside} {data['cite']}"
    )


_BESIDE = {
    "same": "edited alike on the same text",
    "own excerpts": "edited alike on their own strongest text",
}


def _edited(data: Mapping[str, Any]) -> str:
    null = data["null_divergence"]
    lines = [
        f"{data['unit']}, {data['edit']}, after {_quoted(data['text'])}: the next token's "
        f"distribution moves by {_number(data['divergence'])} nats (Jensen-Shannon); "
        + (
            f"no other units to compare with: {data['null_reason']}"
            if null is None
            else f"{null['units']} other units of the site, {_BESIDE[null['texts']]}: mean "
            f"{_number(null['mean'])}, largest {_number(null['largest'])}, p {_number(null['p'])} "
            f"(at least {_number(null['smallest_p'])})"
        )
        + f" {data['cite']}"
    ]
    for title, key in (("more likely", "raised"), ("less likely", "lowered")):
        moved = ", ".join(
            f"{_quoted(m['token'])} {_number(m['before'])} → {_number(m['after'])}"
            for m in _items(data, key)[:_MOVED]
        )
        lines.append(f"  {title}: {moved or 'none'}")
    return "\n".join(lines)


def _compared(data: Mapping[str, Any]) -> str:
    lines = [_unit(data["first"]), _unit(data["second"])]
    both = data["together"]
    if both is None:
        lines.append("How they go together was not measured: " + data["reason"])
    else:
        lines.append(
            f"Correlation of their activations on {both['n_tokens']} tokens of "
            f"{both['n_excerpts']} random windows: {_number(both['value'])}, interval "
            f"{_span(both)}, null (other units) {_number(both['null_mean'])} "
            f"(95 % below {_number(both['null_p95'])}) {data['cite']}"
        )
    return "\n".join(lines)


def _jobs(data: Mapping[str, Any]) -> str:
    found = _items(data, "jobs")
    return "\n".join(_job(job) for job in found) if found else "There are no jobs."


def _job(job: Mapping[str, Any]) -> str:
    counts = ", ".join(f"{n} {state}" for state, n in job["items"].items() if n)
    reason = f" ({job['reason']})" if job["reason"] else ""
    eta = job["eta_seconds"]
    left = "" if eta is None else f", about {_number(eta)} s left"
    return f"{job['site']}: {job['state']}{reason}, units: {counts}{left} {job['cite']}"


def _started(data: Mapping[str, Any]) -> str:
    return f"Begun in a process of its own; ask for it at any time.\n{_job(data)}"


_TELLERS: dict[str, Callable[[Mapping[str, Any]], str]] = {
    "explain_unit": _unit,
    "score_explanation": _unit,
    "show_evidence": _evidence,
    "run_text": _run,
    "edit_unit": _edited,
    "compare_units": _compared,
    "list_jobs": _jobs,
    "job_status": _job,
    "start_sweep": _started,
}


def _items(data: Mapping[str, Any], key: str) -> list[Any]:
    """The items of a list; what says that some were left out is none."""
    return [item for item in data.get(key, []) if isinstance(item, dict)]


def _span(figure: Mapping[str, Any]) -> str:
    if figure["low"] is None:
        return "not known"
    return f"{_number(figure['low'])} to {_number(figure['high'])}"


def _number(value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return "not known" if value is None else str(value)
    return f"{value:.3g}"


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)
