"""The planted subject: units whose truth is known, so that anyone can check what the tool says.

Start with :mod:`subjects.planted.subject` (the protocol), then :mod:`subjects.planted.families`
(what there is). ``docs/planted.md`` has the table.
"""

from subjects.planted.subject import PlantedSubject, load_planted
from subjects.planted.truth import Truth

__all__ = ["PlantedSubject", "Truth", "load_planted"]
