"""Words in running text: where they stand, and what may stand between two of them."""

from __future__ import annotations

import re

WORD = re.compile(r"(?<!\w)[^\W\d_]+(?!\w)")
"""Letters alone, with no digit or underscore beside them."""
GAP = r"(?:[^\S\r\n]+|[^\S\r\n]*\r?\n[^\S\r\n]*)"
"""Between the words of one name or compound: blanks, or one line break among blanks."""
