"""One thing that was looked at, and how a look that fails becomes a finding."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from core.errors import NeuroscribeError
from core.results import Record

State = Literal["ok", "warn", "fail", "skipped"]


class Check(Record):
    """``seen`` says in one line what was found, ``hint`` what to do where something is wrong."""

    name: str
    state: State
    seen: str
    hint: str = ""


class Diagnosis(Record):
    """All checks, in the order in which they were made; ``healthy`` when none failed."""

    healthy: bool
    checks: list[Check]

    @classmethod
    def of(cls, checks: list[Check]) -> Diagnosis:
        """Healthy unless a check failed."""
        return cls(healthy=all(check.state != "fail" for check in checks), checks=checks)


def looked(name: str, look: Callable[[], Check]) -> Check:
    """What ``look`` finds; whatever it raises is a finding, because a doctor must not fall ill."""
    try:
        return look()
    except NeuroscribeError as error:
        return Check(name=name, state="fail", seen=error.message, hint=error.hint)
    except Exception as error:
        said = " ".join(str(error).split())[:300]
        return Check(
            name=name,
            state="fail",
            seen=f"{type(error).__name__}: {said}",
            hint="this was not foreseen; --debug on the command that fails shows more",
        )


def size(count: float) -> str:
    """Bytes as people read them."""
    for unit in ("B", "KB", "MB", "GB"):
        if count < 1000:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} TB"
