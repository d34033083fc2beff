"""``neuroscribe find probe`` on several subjects."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from neuroscribe.cli.output import console, print_json, working

if TYPE_CHECKING:
    from neuroscribe.probing.request import ProbeRequest
    from neuroscribe.workspace import Workspace


def several(
    names: str | None, splitting: bool, after: bool, source: str | None, concept: str | None
) -> tuple[str, ...]:
    """The subjects of ``demo-tiny,demo``; nothing where there is only one.

    Raises :class:`InvalidSetting` for names and options that do not go together.
    """
    from core.errors import InvalidSetting

    if names is None or "," not in names:
        if splitting:
            raise InvalidSetting("--splitting is about several subjects", "such as demo-tiny,demo")
        return ()
    if source is not None:
        raise InvalidSetting(
            "--source is for one subject",
            "register each with: neuroscribe subjects add PLACE --name NAME",
        )
    if after:
        raise InvalidSetting(
            "--after is for one subject", "probe each alone: what was found is kept"
        )
    if concept is not None:
        raise InvalidSetting(
            "--concept is for one subject: changes are told over several features",
            "probe each alone: the texts are kept, so they are the same",
        )
    from neuroscribe.probing.scaling import subjects_named

    return subjects_named(names)


def compared(
    workspace: Workspace,
    request: ProbeRequest,
    subjects: tuple[str, ...],
    splitting: bool,
    fresh: bool,
    shown: tuple[bool, bool, list[Path]],
) -> None:
    """Probe all, and show them side by side; ``shown``: JSON, intervals, files of plots."""
    from neuroscribe.probing.scaling import MOST_UNITS, find_scaling

    json, intervals, plots = shown
    with working(quiet=json) as told:
        answer = find_scaling(
            workspace,
            request,
            subjects,
            splits=MOST_UNITS if splitting else 0,
            fresh=fresh,
            told=told,
        )
    if plots:
        from neuroscribe.render.probing_scaling_page import scaling_file
        from subjects.index.files import write_bytes

        for path in plots:
            write_bytes(path, scaling_file(answer.scaled, path))
    if json:
        print_json(answer.scaled.model_dump(mode="json"))
        return
    from neuroscribe.render.probing_scaling import NO_UNITS, scaling_view

    console().print(scaling_view(answer.scaled, intervals=intervals))
    if splitting and not answer.scaled.splitting:
        console(stderr=True).print(NO_UNITS)
    if answer.stored:
        console(stderr=True).print("stored answers; --fresh recomputes", style="dim")
