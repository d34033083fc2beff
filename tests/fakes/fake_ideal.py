"""A model without faults of judgement: it knows the truth, and predicts what an explanation says.

Asked to explain, before or after experiments, it gives ``truth``. Asked for experiments, it takes
texts that it was shown: up to a token on which the explanation predicts something, and up to the
one before. Asked to say a sentence in other words, it turns the clauses round. Asked to simulate,
it reads the explanation and the tokens from the prompt, evaluates the sentence, and answers in
whatever form was asked for. Asked to rate excerpts or marks, it does the same with the text; how a
text is split it remembers from the simulation. Asked for the intruder, it needs no explanation but
``truth``. What is lost between it and the oracle's score is lost by the product.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from fake_answers import Answer
from fake_model import TinyModel
from fake_openai import slots_at

from core.errors import PatternSyntaxError
from core.patterns import SCALE, Pattern, TokenGrid, evaluate, parse, render

_SAID = re.compile(r"^Explanation: (\"(?:[^\"\\]|\\.)*\")$", re.MULTILINE)
_SLOT = re.compile(r"^(\"(?:[^\"\\]|\\.)*\")\tunknown$", re.MULTILINE)
_EXCERPT = re.compile(r"^<excerpt>[^\n]*\n(.*?)\n</excerpt>", re.DOTALL | re.MULTILINE)
_TEXT = re.compile(r"^<excerpt>[^\n]*\n(\"[^\n]*)\n</excerpt>", re.MULTILINE)
_MARK = re.compile(r"\[\[|\]\]")
_LISTED = re.compile(r"^(\"(?:[^\"\\]|\\.)*\")\t\d+$", re.MULTILINE)
_SENTENCE = re.compile(r"^Sentence: (\"(?:[^\"\\]|\\.)*\")$", re.MULTILINE)
_ASKED = re.compile(r"token number (\d+)")


FIRING = 5
NOT = "Fires everywhere except where this holds: "


@dataclass
class IdealModel:
    """A script for the fake server; ``truth`` is what the unit under study does."""

    model: TinyModel
    truth: str = ""
    splits: dict[str, list[str]] = field(default_factory=dict)
    shown: dict[str, list[str]] = field(default_factory=dict)

    def __call__(self, body: dict[str, Any]) -> Answer:
        """Answer one request in the words of its own prompt."""
        if "prompt" in body:
            return self._slots(body)
        text = "\n".join(_texts(body))
        if "texts of each kind." in text:
            return Answer(data=self._tests(json.loads(_SAID.findall(text)[-1])))
        if said := _SENTENCE.findall(text):
            return Answer(data={"text": _turned(json.loads(said[-1]))})
        if "These are" in text:
            self.shown |= {"".join(tokens): tokens for tokens in _listed(text)}
            meaning = {"text": self.truth, "tokens": [], "confidence": 10}
            return Answer(data={"verdict": "explained", "meanings": [meaning]})
        if "the intruder?" in text:
            shown = map(json.loads, _TEXT.findall(text))
            silent = [not _evaluated(self.truth, self.splits[said]).any() for said in shown]
            return Answer(data={"intruder": silent.index(True) + 1 if any(silent) else 1})
        if "Rate the" in text:
            return Answer(data={"ratings": self._ratings(text)})
        for part in _excerpts(text):
            self.splits["".join(part)] = part
        values = [_values(text, part) for part in _excerpts(text)]
        if "Predict the" in text:
            return Answer(data={"sequences": [_entry(i, v) for i, v in enumerate(values, 1)]})
        asked = _ASKED.findall(text)
        if not asked:
            raise AssertionError(f"no question that this model knows: {text[-500:]!r}")
        return Answer(tokens=[_digits(values[-1][int(asked[-1]) - 1])])

    def _tests(self, explanation: str) -> dict[str, Any]:
        """Texts in which the explanation predicts something at the end, and without that end."""
        fires, silent = [], []
        for tokens in self.shown.values():
            values = _evaluated(explanation, tokens)
            first = int(np.argmax(values >= FIRING))
            if first and values[first] >= FIRING and not values[:first].any():
                fires.append("".join(tokens[: first + 1]))
                silent.append("".join(tokens[:first]))
        pairs = [{"fires": a, "silent": b} for a, b in zip(fires, silent, strict=True)]
        return {"fires": fires[:6], "silent": silent[:6], "pairs": pairs[:6]}

    def _ratings(self, text: str) -> list[dict[str, int]]:
        """The strongest token of every excerpt or, where some are marked, their mean."""
        explanation = json.loads(_SAID.findall(text)[-1])
        found = []
        for number, said in enumerate(_TEXT.findall(text), 1):
            if "the marked tokens are" in text:
                strength = self._marked(explanation, said).mean()
            else:
                strength = _evaluated(explanation, self.splits[json.loads(said)]).max()
            found.append({"sequence": number, "rating": round(float(strength))})
        return found

    def _marked(self, explanation: str, said: str) -> np.ndarray:
        """Values on the marked tokens of a text."""
        pieces = [json.loads(f'"{piece}"') for piece in _MARK.split(said[1:-1])]
        tokens = self.splits["".join(pieces)]
        ends = np.cumsum([len(token) for token in tokens])
        inside = np.searchsorted(np.cumsum([len(piece) for piece in pieces]), ends) % 2 == 1
        return _evaluated(explanation, tokens)[inside]

    def _slots(self, body: dict[str, Any]) -> Answer:
        text = self.model.decode(body["prompt"])
        places = list(_SLOT.finditer(text))
        values = _values(text, [json.loads(m[1]) for m in places])
        wanted = {m.end(1) + 1: _digits(v) for m, v in zip(places, values, strict=True)}
        return Answer(slots=slots_at(self.model, body, wanted))


def _texts(body: dict[str, Any]) -> list[str]:
    """Every text of a chat request of either provider."""
    found = []
    for message in body["messages"]:
        content = message["content"]
        blocks = [content] if isinstance(content, str) else [b.get("text", "") for b in content]
        found += blocks
    return found


def _excerpts(text: str) -> list[list[str]]:
    """The tokens of every numbered excerpt."""
    return [
        [json.loads(line.split("\t", 1)[1]) for line in body.split("\n")]
        for body in _EXCERPT.findall(text)
        if body.startswith("1\t")
    ]


def _listed(text: str) -> list[list[str]]:
    """The tokens of every excerpt that shows activations."""
    found = ([json.loads(token) for token in _LISTED.findall(b)] for b in _EXCERPT.findall(text))
    return [tokens for tokens in found if tokens]


def _turned(sentence: str) -> str:
    """The same clauses, last first; what is no sentence of the language stays."""
    try:
        return render(Pattern(tuple(reversed(parse(sentence).clauses))))
    except PatternSyntaxError:
        return sentence


def _values(text: str, tokens: list[str]) -> np.ndarray:
    return _evaluated(json.loads(_SAID.findall(text)[-1]), tokens)


def _evaluated(explanation: str, tokens: list[str]) -> np.ndarray:
    if explanation.startswith(NOT):
        return SCALE - _evaluated(explanation.removeprefix(NOT), tokens)
    return evaluate(parse(explanation), TokenGrid.from_tokens([tuple(tokens)]))[0]


def _entry(number: int, values: np.ndarray) -> dict[str, Any]:
    rounded = np.rint(values).astype(int)
    listed = [[int(i) + 1, int(rounded[i])] for i in np.flatnonzero(rounded)]
    return {"sequence": number, "values": listed}


def _digits(value: float) -> Mapping[str, float]:
    """Log-probabilities of one or two digits whose expected value is ``value`` (of 10)."""
    exact = min(max(value * 0.9, 0.0), 9.0)
    low = min(int(exact), 8)
    share = exact - low
    chances = {str(low): (1 - share) * 0.999, str(low + 1): share * 0.999}
    return {digit: float(np.log(p)) for digit, p in chances.items() if p > 1e-9}
