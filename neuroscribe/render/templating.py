"""The templates of this package, beside those of the pages that are served as well."""

from __future__ import annotations

from jinja2 import Environment

from service.pages import templating

HERE = "neuroscribe.render"
_OWN = ("plots.css", "probing.css", "rate.css", "rate.js", "report.css", "study.css")


def environment() -> Environment:
    """See :func:`service.pages.templating.environment`."""
    return templating.environment(HERE)


def asset(name: str) -> str:
    """A style sheet or a script, of this package or of the served pages."""
    return templating.asset(name, HERE) if name in _OWN else templating.asset(name)
