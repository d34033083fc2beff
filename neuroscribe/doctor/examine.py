"""Which checks are made, in which order, and what is left out when an earlier one failed."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from core.errors import NeuroscribeError
from core.settings import load_settings
from neuroscribe.doctor import indexes, installation, models, places
from neuroscribe.doctor.check import Check, Diagnosis, looked

if TYPE_CHECKING:
    from core.settings import Settings

ALWAYS: dict[str, Callable[[], Check]] = {
    "python": installation.python,
    "packages": installation.packages,
    "extras": installation.extras,
}
WITH_SETTINGS: dict[str, Callable[[Settings], Check]] = {
    "device": installation.device,
    "home": places.home,
    "indexes": indexes.indexes,
    "store": places.store,
    "checkpoints": places.checkpoints,
    "jobs": places.jobs,
    "subject": models.subject,
    "keys": models.keys,
    "embedder": models.embedder,
}


def examine(ask: str | None = None) -> Diagnosis:
    """Make every check. With ``ask``, a language model is asked one short question: it may cost."""
    checks = [looked(name, look) for name, look in ALWAYS.items()]
    try:
        settings = load_settings()
    except NeuroscribeError as error:
        checks.append(Check(name="settings", state="fail", seen=error.message, hint=error.hint))
        left = [*WITH_SETTINGS, "ask"]
        skipped = "the settings cannot be read"
        return Diagnosis.of(
            [*checks, *(Check(name=name, state="skipped", seen=skipped) for name in left)]
        )
    checks.append(Check(name="settings", state="ok", seen=f"home {str(settings.home)!r}"))
    for name, look in WITH_SETTINGS.items():
        checks.append(looked(name, lambda look=look: look(settings)))  # type: ignore[misc]
    checks.append(_ask(settings, ask, checks))
    return Diagnosis.of(checks)


def _ask(settings: Settings, model: str | None, before: list[Check]) -> Check:
    if model is None:
        return Check(name="ask", state="skipped", seen="no language model was asked (--ask MODEL)")
    if any(check.name == "store" and check.state == "fail" for check in before):
        seen = "the store, where requests are recorded, cannot be used"
        return Check(name="ask", state="skipped", seen=seen)
    return looked("ask", lambda: models.ask(settings, model))
