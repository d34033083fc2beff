"""Python, packages, extras and the device that models run on."""

from __future__ import annotations

import platform
import sys
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, metadata, requires, version
from typing import TYPE_CHECKING

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

from neuroscribe.doctor.check import Check, size

if TYPE_CHECKING:
    from core.settings import Settings

PRODUCT = "neuroscribe"
SHOWN = ("torch", "transformers")
FOR_WORK_ON_IT = ("dev",)


def python() -> Check:
    """Whether this Python is one that the product runs on."""
    found = platform.python_version()
    seen = f"Python {found} at {sys.executable}"
    try:
        wanted = metadata(PRODUCT)["Requires-Python"] or ""
    except PackageNotFoundError:
        return Check(name="python", state="ok", seen=seen)
    if not SpecifierSet(wanted).contains(found, prereleases=True):
        hint = f"install Python {wanted}"
        return Check(name="python", state="fail", seen=f"{seen}; {wanted} is needed", hint=hint)
    return Check(name="python", state="ok", seen=f"{seen} ({wanted})")


def packages() -> Check:
    """Whether every package that is needed is there, in a version that fits."""
    try:
        wanted = _requirements(None)
    except PackageNotFoundError:
        seen = "neuroscribe runs from sources that were never installed"
        return Check(name="packages", state="warn", seen=seen, hint="pip install -e .")
    wrong = _wrong(wanted)
    if wrong:
        hint = "pip install --upgrade neuroscribe, in an environment of its own"
        return Check(name="packages", state="fail", seen="; ".join(wrong), hint=hint)
    held = ", ".join(f"{name} {version(name)}" for name in (PRODUCT, *SHOWN))
    return Check(name="packages", state="ok", seen=f"all {len(wanted)} fit: {held}")


def extras() -> Check:
    """Which optional parts are installed; one that is there in part, or too old, is told of."""
    try:
        named = metadata(PRODUCT).get_all("Provides-Extra") or []
    except PackageNotFoundError:
        return Check(name="extras", state="skipped", seen="neuroscribe is not installed")
    there, absent, wrong = [], [], []
    for name in sorted(set(named) - set(FOR_WORK_ON_IT)):
        wanted = _requirements(name)
        faults = _wrong(wanted)
        if not faults:
            there.append(name)
        elif all(fault.endswith(_MISSING) for fault in faults):
            absent.append(name)
        else:
            wrong.append(f"{name}: {', '.join(faults)}")
    seen = f"installed: {', '.join(there) or 'none'}; not installed: {', '.join(absent) or 'none'}"
    if wrong:
        hint = "pip install --upgrade 'neuroscribe[EXTRA]'"
        return Check(name="extras", state="warn", seen=f"{seen}; {'; '.join(wrong)}", hint=hint)
    return Check(name="extras", state="ok", seen=seen)


def device(settings: Settings) -> Check:
    """What models run on, and what memory it has."""
    import torch

    from subjects.loading import resolve_device

    place = resolve_device(settings.device)
    if place.type == "cuda":
        free, whole = torch.cuda.mem_get_info(place)
        name = torch.cuda.get_device_name(place)
        seen = f"{name}, {size(free)} of {size(whole)} free, CUDA {torch.version.cuda}"
        return Check(name="device", state="ok", seen=seen)
    seen = f"CPU, {settings.threads or torch.get_num_threads()} threads"
    if torch.cuda.is_available():
        hint = "set NEUROSCRIBE_DEVICE=cuda to use it"
        return Check(name="device", state="warn", seen=f"{seen}; a GPU is left unused", hint=hint)
    return Check(name="device", state="ok", seen=f"{seen}; torch sees no GPU")


_MISSING = "is not installed"


def _requirements(extra: str | None) -> list[Requirement]:
    """What the product needs, or what ``extra`` adds to it."""
    every = [Requirement(text) for text in requires(PRODUCT) or []]
    if extra is None:
        return [r for r in every if r.marker is None or r.marker.evaluate({"extra": ""})]
    return [
        r
        for r in every
        if r.marker is not None
        and r.marker.evaluate({"extra": extra})
        and not r.marker.evaluate({"extra": ""})
    ]


def _wrong(wanted: Sequence[Requirement]) -> list[str]:
    """Packages that are missing, or that do not fit."""
    faults = []
    for requirement in wanted:
        try:
            found = version(requirement.name)
        except PackageNotFoundError:
            faults.append(f"{requirement.name} {_MISSING}")
            continue
        if not requirement.specifier.contains(found, prereleases=True):
            faults.append(f"{requirement.name} {found} ({requirement.specifier} is needed)")
    return faults
