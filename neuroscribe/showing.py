"""Look at a unit without explaining it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from uuid import uuid4

from core.documents import UnitProfile
from core.ids import UnitId
from core.version import code_version
from neuroscribe.profile import profile
from neuroscribe.workspace import CorpusChoice, Workspace

if TYPE_CHECKING:
    from subjects.index.collect import Progress


def show_unit(
    workspace: Workspace,
    unit: UnitId,
    choice: CorpusChoice,
    *,
    excerpts: int = 5,
    with_report: bool = False,
    progress: Callable[[Progress], None] | None = None,
) -> UnitProfile:
    """The unit's profile. ``with_report`` opens the report split, and that is stored."""
    from subjects.protocol import resolve

    resolve(workspace.subject(unit.subject), unit)
    index = workspace.index(unit.subject, unit.site, choice, progress)
    evidence = index.evidence(unit)
    shown = profile(index, unit, evidence, excerpts=excerpts, with_report=with_report)
    if evidence.openings:
        from storage import Opening, RunRecord

        now = datetime.now(UTC).isoformat()
        with workspace.store() as store:
            store.save_run(
                RunRecord(
                    id=uuid4().hex[:16],
                    unit=unit,
                    spec_hash=index.manifest.spec_hash,
                    key=f"show/{unit}",
                    seed=0,
                    code_version=code_version(),
                    status="failed",
                    reason="not an investigation: the report split was shown to a person",
                    started=now,
                    finished=now,
                    openings=tuple(Opening(reason=r, time=now) for r in evidence.openings),
                )
            )
    return shown
