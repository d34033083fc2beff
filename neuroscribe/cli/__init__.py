"""The command line: ``neuroscribe`` and its commands. Start with :mod:`neuroscribe.cli.main`."""

from neuroscribe.cli.main import main

__all__ = ["main"]
