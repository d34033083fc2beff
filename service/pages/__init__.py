"""Pages that people look at: one of a unit, as a file or served, and those that lead to it.

:mod:`service.pages.unit` draws a unit, :mod:`service.pages.site` a layer, :mod:`service.pages.jobs`
a job. All lean on :mod:`service.pages.visible`, which makes any token safe and readable, and on
:mod:`service.pages.figures`, which decides how numbers are said and drawn.
"""
