"""Plain requests in plain words: which tool they mean, with which arguments.

Only what the user says is read here, never what a tool returned.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from pydantic import JsonValue

from core.ids import SEGMENT

# Names are looked for at the beginning of their characters only, so that it takes no longer than
# a text is long.
_UNIT = re.compile(rf"(?<![\w/.@-]){SEGMENT}/(?:L\d+\.N\d+|{SEGMENT}/\d+)(?![\w/])")
_SITE = re.compile(rf"(?<![\w/.@-]){SEGMENT}/{SEGMENT}(?![\w/])")
_QUOTES = {'"': '"', "'": "'", "`": "`", "“": "”", "‘": "’", "«": "»"}
_NUMBER = r"(-?\d+(?:\.\d+)?)"
_IT = re.compile(r"\b(it|its|this|that|the unit|this unit|same)\b")


@dataclass(frozen=True, slots=True)
class Request:
    """A call of a tool that was understood."""

    tool: str
    arguments: dict[str, JsonValue] = field(default_factory=dict)


class NotUnderstood(Exception):
    """What is missing, for the user."""


HELP = """\
I am the built-in planner: no language model, fixed phrases, figures straight from the record.
  explain demo/mlp.2/163            an explanation, tested and scored on untouched text
  why?  /  show excerpts of it      what is stored of it: scores, tests, excerpts
  run 'the cat sat' on it           its activation on every token
  what happens if I ablate it?      what the model then expects next (also: push it by 2)
  compare demo/mlp.2/163 and demo/mlp.2/7
  is 'Fires 10/10 on digits.' a good explanation of it?
  explain the layer demo/mlp.2 (units 0-9, or: sample 5)
  jobs  /  job ID
"It" is the unit that was spoken of last. With --model a language model answers freely."""
CANNOT = """\
I do not understand that. I am the built-in planner and know some plain requests only; "help" \
lists them. I have no files, shell, keys or settings to act on. With --model a language model \
answers freely, with the same tools."""


def understood(text: str, last: str | None) -> Request | None:
    """The request, None where it is none that is known; ``last`` is the unit spoken of before.

    Raises :class:`NotUnderstood` where something is missing.
    """
    quoted, rest = _unquoted(text)
    units = _UNIT.findall(rest)
    words = _UNIT.sub(" ", rest).lower()
    if (job := re.search(r"\bjob\s+([0-9a-f]{4,32})\b", words)) is not None:
        return Request("job_status", {"job": job[1]})
    if re.search(r"\bjobs?\b", words):
        return Request("list_jobs")
    if re.search(r"\b(layer|site|sweep)\b", words):
        return _sweep(rest)
    if re.search(r"\bcompare|\bdiffer|\bversus\b|\bvs\b", words):
        pair = units if len(units) > 1 else [*([last] if last else []), *units]
        if len(pair) < 2:
            raise NotUnderstood("Compare which two units? Name both as subject/site/index.")
        return Request("compare_units", {"first": pair[0], "second": pair[1]})
    if quoted and re.search(r"\bexplanation|\bexplains?\b|\bscore\b|\bdescri", words):
        return Request("score_explanation", {"unit": _one(units, last), "explanation": quoted})
    if re.search(r"\b(ablat|knock|zero|remov|switch(ing)? off|without|silenc)", words):
        return _edit("ablate", None, units, last, quoted)
    if re.search(r"\b(push|boost|amplif|stimulat|increas|turn(ing)? up)", words):
        by = re.search(rf"\b(?:by|times|x)\s*{_NUMBER}", words)
        return _edit("push", float(by[1]) if by else None, units, last, quoted)
    if quoted and re.search(r"\b(run|try|test|activation|fire|react|do)", words):
        return Request("run_text", {"unit": _one(units, last), "text": quoted})
    if re.search(r"\b(why|evidence|excerpts?|scores?|experiments?|tests|stored|show)\b", words):
        if units or last or _IT.search(words):
            return Request("show_evidence", {"unit": _one(units, last)})
        if words.strip(" ?!.") in ("why", "show evidence", "show excerpts"):
            raise NotUnderstood("Of which unit? Name it as subject/site/index.")
        return None
    asks = re.search(r"\b(explain|explanation|what does|what is|tell me about|mean)", words)
    if asks and (units or _IT.search(words)):
        return Request("explain_unit", {"unit": _one(units, last)})
    if units and not words.strip(" ?!."):
        return Request("explain_unit", {"unit": units[0]})
    if words.strip(" \t\n?!.") == "explain":
        return Request("explain_unit", {"unit": _one(units, last)})
    return None


def wants_help(text: str) -> bool:
    """Whether the phrases are to be listed."""
    return text.strip(" ?!.").lower() in ("", "help", "hello", "hi", "what can you do", "commands")


def spoken_of(text: str) -> str | None:
    """The unit that a text is about: the first it names, none if that is compared with another."""
    rest = _unquoted(text)[1]
    found = _UNIT.findall(rest)
    against = len(found) == 1 and re.search(r"\bcompare|\bdiffer|\bversus\b|\bvs\b", rest.lower())
    return found[0] if found and not against else None


def _one(units: list[str], last: str | None) -> str:
    found = units[0] if units else last
    if found is None:
        raise NotUnderstood("Which unit? Name it as subject/site/index, such as demo/mlp.2/163.")
    return found


def _edit(
    kind: str, by: float | None, units: list[str], last: str | None, quoted: str | None
) -> Request:
    arguments: dict[str, JsonValue] = {"unit": _one(units, last), "kind": kind}
    if by is not None:
        arguments["by"] = by
    if quoted is not None:
        arguments["text"] = quoted
    return Request("edit_unit", arguments)


def _sweep(rest: str) -> Request:
    site = _SITE.search(rest)
    if site is None:
        raise NotUnderstood("Which layer? Name it as subject/site, such as demo/mlp.2.")
    arguments: dict[str, JsonValue] = {"site": site[0]}
    if (numbers := re.search(r"\bunits?\s+(\d[\d,\-]*)", rest)) is not None:
        arguments["units"] = numbers[1].rstrip(",-")
    if (sample := re.search(r"\bsample\s+(?:of\s+)?(\d+)", rest)) is not None:
        arguments["sample"] = int(sample[1])
    return Request("start_sweep", arguments)


def _unquoted(text: str) -> tuple[str | None, str]:
    """What stands between the first opening quote and the last that closes it, and the rest."""
    opened = re.search(r"""(?:^|(?<=[\s(:=]))["'`“‘«]""", text)
    if opened is None:
        return None, text
    start = opened.start()
    end = text.rfind(_QUOTES[text[start]])
    if end <= start:
        return None, text
    return text[start + 1 : end], text[:start] + " " + text[end + 1 :]
