"""From documents to what people look at. Draws, and computes nothing that is not in the document.

Start with :mod:`neuroscribe.render.terminal` (``explain_view``, ``profile_view``) and
:mod:`service.pages.unit` (``unit_page``, one self-contained file). Both lean on
:mod:`service.pages.visible`, which makes any token safe and readable, and
:mod:`service.pages.figures`, which decides how numbers are said and drawn.

Nothing is imported here: rich and Jinja are loaded by whoever draws.
"""
