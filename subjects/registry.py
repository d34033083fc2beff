"""Subjects by name: the built-in ones, and any folder or Hugging Face model.

``demo`` and its relatives ship with the package. Everything else is given as a source: a folder, or
an ID such as ``EleutherAI/pythia-70m@step3000``, whose subject is named after its last part in
lower case (``pythia-70m``).
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from core.errors import InvalidSetting, SubjectLoadError, UnknownSubject
from core.ids import SEGMENT
from subjects.hub import folder_of, hub_id

if TYPE_CHECKING:  # the names of subjects are wanted without waiting for torch
    from subjects.protocol import Subject

_DEMO_FOLDER = Path(__file__).parent / "demo"
_DEMOS = dict.fromkeys(("demo", "demo-small", "demo-tiny", "demo-lstm", "demo-bert"), "1")
"""Built-in models and the version of their weights."""

_PLANTED = "planted"
_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*(@[\w./-]+)?")


@dataclass(frozen=True, slots=True)
class Source:
    """Where a model comes from and what its subject is called."""

    name: str
    source: str
    revision: str | None = None


def subject_names() -> tuple[str, ...]:
    """The built-in subjects."""
    return (*_DEMOS, _PLANTED)


def built_in_folder(name: str) -> Path | None:
    """The weights of a built-in subject; None for one without, and for any other name."""
    return _DEMO_FOLDER / name if name in _DEMOS else None


def parse_source(text: str, *, name: str | None = None, revision: str | None = None) -> Source:
    """Read a folder, ``org/model[@revision]``, or ``hf:org/model[@revision]``, which is no folder.

    ``name`` is an alias to use instead of its own.

    Raises :class:`UnknownSubject` when ``text`` is neither, and :class:`InvalidSetting` for an
    alias that is taken or cannot stand in a unit ID.
    """
    folder = folder_of(text) if text else None
    source, found = text, revision
    if folder is not None:
        own = folder.resolve().name
    elif _HUB_ID.fullmatch(hub_id(text) or text):
        source, _, stated = text.partition("@")
        if stated and revision and stated != revision:
            raise InvalidSetting(f"two revisions given: {stated!r} and {revision!r}")
        found = stated or revision
        own = source.rpartition("/")[2]
    else:
        raise UnknownSubject(
            f"there is no subject {text!r}",
            f"built in: {', '.join(subject_names())}; or give a folder, or an ID as org/model",
        )
    chosen = name or re.sub(r"[^a-z0-9._@-]", "-", own.lower()).lstrip("._@-")
    if not re.fullmatch(SEGMENT, chosen):
        raise InvalidSetting(
            f"{chosen!r} cannot name a subject", "use lower-case letters, digits and . _ @ -"
        )
    if chosen in subject_names():
        raise InvalidSetting(
            f"{chosen!r} is the name of a built-in subject", f"give {text!r} an alias"
        )
    return Source(chosen, source, found)


def load_subject(
    name_or_source: str,
    *,
    source: str | None = None,
    revision: str | None = None,
    device: Literal["auto", "cpu", "cuda"] = "auto",
    dtype: str = "float32",
    threads: int = 0,
    trust_remote_code: bool = False,
) -> Subject:
    """Load a subject by built-in name, or from a folder or ``org/model[@revision]``.

    With ``source``, ``name_or_source`` is the name the model gets. ``threads`` above 0 sets torch's
    number of threads for this process. Raises :class:`UnknownSubject`, :class:`SubjectLoadError`,
    :class:`UnsupportedArchitecture`, :class:`ShapeMismatch` or :class:`InvalidSetting`.
    """
    if threads > 0:
        import torch

        torch.set_num_threads(threads)
    if source is None and name_or_source == _PLANTED:
        from subjects.planted import load_planted

        planted: Subject = load_planted()
        return planted
    if source is None and name_or_source in _DEMOS:
        return _load_demo(name_or_source, device, dtype)
    if source is None:
        spec = parse_source(name_or_source, revision=revision)
    else:
        spec = parse_source(source, name=name_or_source, revision=revision)
    folder = folder_of(spec.source)
    if folder is not None and _is_lstm(folder):
        from subjects.lstm import load_lstm

        return load_lstm(
            folder, name=spec.name, revision=spec.revision or "", device=device, dtype=dtype
        )
    from subjects.huggingface import load_huggingface

    return load_huggingface(
        spec.source,
        name=spec.name,
        revision=spec.revision,
        device=device,
        dtype=dtype,
        trust_remote_code=trust_remote_code,
    )


def _load_demo(name: str, device: Literal["auto", "cpu", "cuda"], dtype: str) -> Subject:
    folder = _DEMO_FOLDER / name
    if not (folder / "config.json").is_file():
        raise SubjectLoadError(
            f"the weights of built-in subject {name!r} are not installed",
            "install a release, or build them with scripts/build_demo_subjects.py",
        )
    source, version = f"builtin:{name}", _DEMOS[name]
    if _is_lstm(folder):
        from subjects.lstm import load_lstm

        return load_lstm(
            folder, name=name, source=source, revision=version, device=device, dtype=dtype
        )
    from subjects.huggingface import load_huggingface

    return load_huggingface(
        str(folder), name=name, stated_source=source, revision=version, device=device, dtype=dtype
    )


def _is_lstm(folder: Path) -> bool:
    """Whether ``folder`` holds one of our LSTM language models."""
    try:
        data = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(data, dict) and data.get("model_type") == "neuroscribe-lstm"
