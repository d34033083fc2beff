"""From documents to what people look at. Draws, and computes nothing that is not in the document.

Start with :mod:`neuroscribe.render.terminal` (``explain_view``, ``profile_view``) and
:mod:`neuroscribe.render.html` (``unit_page``, one self-contained file). Both lean on
:mod:`neuroscribe.render.visible`, which makes any token safe and readable, and
:mod:`neuroscribe.render.figures`, which decides how numbers are said and drawn.

Nothing is imported here: rich and Jinja are loaded by whoever draws.
"""
