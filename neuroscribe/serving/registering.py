"""Subjects that are registered over HTTP: models of the hub that settings list, never a path."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.errors import HubUnavailable, MemoryShort, SubjectError, SubjectOutOfMemory
from neuroscribe.register import Register
from neuroscribe.serving.worker import ENGINE
from service.problems import ServiceError

if TYPE_CHECKING:
    from core.settings import Settings
    from neuroscribe.workspace import Workspace
    from service.bodies import SubjectBody
    from storage import Store

_PASSING = (HubUnavailable, MemoryShort, SubjectOutOfMemory)


def add(workspace: Workspace, body: SubjectBody) -> str:
    """Register a model of the hub as ``neuroscribe subjects add`` does, once it could be loaded.

    Gives its name. :class:`ServiceError` for one that is not listed (403) or is no subject (422),
    :class:`core.errors.InvalidSetting` for a name that is taken.
    """
    from subjects.hub import PREFIX
    from subjects.registry import parse_source

    _refuse_unlisted(workspace.settings, body)
    found = parse_source(PREFIX + body.source, name=body.name, revision=body.revision)
    register = Register(workspace.home)
    register.check(found.name, found.source, found.revision)
    try:
        workspace.holding.get(workspace.recipe_of(found.name, found.source, found.revision))
    except SubjectError as error:
        if isinstance(error, _PASSING):
            raise
        raise ServiceError(422, error.code, error.message, error.hint) from error
    register.add(found.name, found.source, found.revision)
    return found.name


def remove(workspace: Workspace, store: Store, name: str) -> None:
    """Forget a subject that was registered and that nothing works on; its results stay stored."""
    from subjects.registry import subject_names

    if name in subject_names():
        raise ServiceError(
            409, "subject_built_in", f"subject {name!r} is built in", "it cannot be removed"
        )
    jobs = [job.id for job in store.jobs.unended(ENGINE) if job.subject == name]
    if jobs:
        raise _in_use(name, f"cancel its jobs first: {', '.join(jobs)}")
    if not workspace.holding.drop(name):
        raise _in_use(name, "try again when its requests are answered")
    Register(workspace.home).remove(name)
    workspace.holding.drop(name)  # somebody may have loaded it meanwhile


def _refuse_unlisted(settings: Settings, body: SubjectBody) -> None:
    asked = {body.source, f"{body.source}@{body.revision}"}
    if asked.isdisjoint(settings.service_subjects):
        listed = ", ".join(settings.service_subjects)
        raise ServiceError(
            403,
            "subject_not_allowed",
            f"model {body.source!r} may not be registered over HTTP"
            + (f" at revision {body.revision!r}" if body.revision else ""),
            f"allowed: {listed}" if listed else "NEUROSCRIBE_SERVICE_SUBJECTS lists which may be",
        )


def _in_use(name: str, hint: str) -> ServiceError:
    return ServiceError(409, "subject_in_use", f"subject {name!r} is in use", hint)
