"""What language models are told: templates with strict variables, and how text is shown to them.

A template is a Markdown file in ``texts/`` with front matter. Its version must rise when its
text changes; ``prompts.lock`` remembers both (``python -m prompts.lock`` brings it up to date), and
every stored result names the prompt's id, version and hash.
"""

from prompts.excerpts import demonstrations, fenced, listing, marked, numbered, shown
from prompts.templates import Prompt, Turn, load

__all__ = [
    "Prompt",
    "Turn",
    "demonstrations",
    "fenced",
    "listing",
    "load",
    "marked",
    "numbered",
    "shown",
]
