"""The installed version of the product, which enters every stored answer."""

from __future__ import annotations

from functools import cache
from importlib.metadata import PackageNotFoundError, version


@cache
def code_version() -> str:
    """Like ``1.2.3``; ``uninstalled`` when run from sources that were never installed."""
    try:
        return version("neuroscribe")
    except PackageNotFoundError:
        return "uninstalled"
