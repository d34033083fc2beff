"""A small language of explanations whose every sentence has exactly one reading.

A sentence such as

    Fires 8/10 on the token "return" on a line starting with the token "def" and not inside quotes;
    plus 3/10 on digits.

is plain English to a reader and a program to the simulator: no model has to guess what it predicts.

- :mod:`core.patterns.language`: the nouns (``Pattern``, ``Clause``, predicates, contexts); start
  here for what a sentence can say.
- :mod:`core.patterns.render` and :mod:`core.patterns.parse`: to English and back,
  ``parse(render(p)) == p``; the grammar stands in ``parse``.
- :mod:`core.patterns.grid` and :mod:`core.patterns.evaluate`: what a pattern predicts on many
  excerpts at once; ``evaluate(pattern, TokenGrid.from_tokens(rows))`` is [rows, tokens] in 0-10.
- :mod:`core.patterns.lexing`: what exactly counts as inside quotes, brackets, comment, docstring.
"""

from core.patterns.evaluate import clause_mask, evaluate
from core.patterns.grid import Mask, TokenGrid
from core.patterns.language import (
    CHAR_CLASSES,
    INSIDE_KINDS,
    MAX_CLAUSES,
    MAX_CONTEXTS,
    MAX_STRENGTH,
    MAX_WITHIN,
    SCALE,
    CharClass,
    CharClassName,
    Clause,
    Context,
    Exact,
    FirstPosition,
    Inside,
    InsideKind,
    LineStartsWith,
    Pattern,
    Prefix,
    RightAfter,
    SeenBefore,
    Suffix,
    TokenPredicate,
    Within,
    Word,
    case_free_form,
    context_symbols,
    predicate_symbols,
)
from core.patterns.parse import parse
from core.patterns.render import render, render_context, render_predicate

__all__ = [
    "CHAR_CLASSES",
    "INSIDE_KINDS",
    "MAX_CLAUSES",
    "MAX_CONTEXTS",
    "MAX_STRENGTH",
    "MAX_WITHIN",
    "SCALE",
    "CharClass",
    "CharClassName",
    "Clause",
    "Context",
    "Exact",
    "FirstPosition",
    "Inside",
    "InsideKind",
    "LineStartsWith",
    "Mask",
    "Pattern",
    "Prefix",
    "RightAfter",
    "SeenBefore",
    "Suffix",
    "TokenGrid",
    "TokenPredicate",
    "Within",
    "Word",
    "case_free_form",
    "clause_mask",
    "context_symbols",
    "evaluate",
    "parse",
    "predicate_symbols",
    "render",
    "render_context",
    "render_predicate",
]
