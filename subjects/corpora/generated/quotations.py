"""Stories with direct speech, nested quotation marks, parentheses and brackets.

Whether a quotation or a bracket is open, and how deep, is a state that a model must carry.
"""

from __future__ import annotations

from .draw import pattern_frame
from .lexicon import CITIES, DAYS, NAMES, OBJECTS, PLACES, phrases

_LINES = phrases(
    "I have to go now, We are almost there, It is getting late, The door is open, "
    "Nobody will believe us, You were right, The train has left, This is my home, "
    "I found it near the river, She will be here soon, He lost the way, We need more time"
)
_SLOTS = {
    "name": NAMES,
    "place": PLACES,
    "city": CITIES,
    "day": DAYS,
    "object": OBJECTS,
    "said": phrases("said, asked, whispered, shouted, answered, cried, replied"),
    "how": phrases("softly, quickly, at last, with a smile, in a low voice, again"),
    "line": _LINES,
    "cont": tuple(line if line.startswith("I ") else line[0].lower() + line[1:] for line in _LINES),
    "question": phrases(
        "Where are you going, Who left the window open, What is in the box, Can you hear it, "
        "Why are you so quiet, Is this yours, When will they come, Do you remember me"
    ),
    "act": phrases(
        "closed the door, looked up, sat down, laughed, turned around, drank some water, "
        "stood by the window, picked up the bag, nodded, waited"
    ),
    "answer": phrases("Yes, No, Never, Maybe, Tomorrow, Home, Later, Enough"),
    "word": phrases("yes, no, never, maybe, tomorrow, home, later, enough"),
}
PATTERNS: tuple[tuple[str, ...], ...] = (
    ('"{line}," said {name} {how}.', '"{question}?" asked {name} {how}.', "{name} {act}."),
    ('{name} {said} {how}: "{line}."', '{name} {act} and {said}: "{question}?"',
     "Nobody at the {place} moved."),
    ('"{line}," {name} {said}, "and {cont}."', '"{answer}," {name} {said}. "{question}?"',
     "Then {name} {act}."),
    ('"{name} told me \'{line}\' on {day}," said {name2}.',
     '"Did {name} say \'{word}\' or \'{word2}\'?" asked {name2}.', "{name} {act}."),
    ("{name} (who came from {city}) {act}.", "The {object} (the one from the {place}) was gone.",
     "{name} {act} (it was {day}) and {said} nothing."),
    ("{name} [the friend of {name2} (from {city})] {act}.",
     "The {place} [see the map (page two)] was closed on {day}.",
     "{name} took the {object} [the old one] to {city} (by train)."),
    ("“{line},” said {name}.", "“{question}?” {name} {said} {how}.",
     "“{answer},” {name} {said}, and {act}."),
    ("'{line},' said {name}.", "'{question}?' {name} {said} {how}.",
     "'{name} said \"{word}\",' {name2} {said}."),
    ("- {question}?\n- {line}, {name}.", "- {answer}!\n- {answer2}? {question}?",
     "{name} and {name2} were at the {place}."),
    ('{name2}: "{question}?"', '{name}: "{line}."', '{name} ({how}): "{answer}, {cont}."',
     "[{name} and {name2} leave the {place}.]"),
    ('In the letter {name} wrote: "{line}. {answer}, {cont}."',
     'The sign at the {place} read "{word}" (in red) and "{word2}" (in blue).',
     "{name} read the letter in {city}."),
    ('{name} thought, "{line}." But {name2} only {said}, "{answer}."',
     'What did "{word}" mean? {name} {act} and thought about it.',
     '"{question}?" The {place} was silent. "{question2}?" Still nothing.'),
)  # fmt: skip
FRAMES = tuple(
    pattern_frame(patterns, _SLOTS, separator="\n" if index in (8, 9) else " ")
    for index, patterns in enumerate(PATTERNS)
)
