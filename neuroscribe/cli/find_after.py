"""``neuroscribe find probe --after``: what the neurons found do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from neuroscribe.cli.output import console

if TYPE_CHECKING:
    from neuroscribe.probing.after import AfterSettings
    from neuroscribe.probing.running import Probed

After = Annotated[
    bool,
    typer.Option(
        "--after",
        help="Also ask what the neurons found do: loss without them in the context and out of it, "
        "tokens they push, their share of activation, and more.",
    ),
]


def after_settings(asked: bool) -> AfterSettings | None:
    """What is read, where it was asked."""
    from neuroscribe.probing.after import AfterSettings

    return AfterSettings() if asked else None


def show_after(probed: Probed) -> None:
    """Print what was asked."""
    if not probed.after:
        return
    from neuroscribe.render.probing_after import after_view

    screen = console()
    screen.print(after_view(probed.after, width=screen.width))
