"""Which subjects were added under a home folder, and where each comes from."""

from __future__ import annotations

import fcntl
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from core.errors import InvalidSetting, StorageError, UnknownSubject

NAME = "subjects.json"
Entries = dict[str, dict[str, str]]
"""``{"source", "revision"}`` by the subject's name; without a revision it is empty."""


@dataclass(frozen=True, slots=True)
class Register:
    """One file; changes of several processes come one after the other."""

    home: Path

    def all(self) -> Entries:
        """Every entry; :class:`StorageError` when the file cannot be read."""
        path = self.home / NAME
        if not path.exists():
            return {}
        try:
            found = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise StorageError(
                f"the subject register {str(path)!r} cannot be read", "mend or delete it"
            ) from error
        return {str(k): {str(a): str(b) for a, b in v.items()} for k, v in found.items()}

    def check(self, name: str, source: str, revision: str | None) -> None:
        """:class:`InvalidSetting` when a subject of this name comes from elsewhere."""
        _entry(self.all(), name, source, revision)

    def add(self, name: str, source: str, revision: str | None) -> None:
        """Remember where a subject comes from; :class:`InvalidSetting` as for :meth:`check`."""
        with self._changing() as known:
            known[name] = _entry(known, name, source, revision)

    def remove(self, name: str) -> None:
        """Forget a subject; :class:`UnknownSubject` when it was not added."""
        with self._changing() as known:
            if known.pop(name, None) is None:
                raise UnknownSubject(
                    f"subject {name!r} was not added", "neuroscribe subjects list shows which were"
                )

    @contextmanager
    def _changing(self) -> Iterator[Entries]:
        from subjects.index.files import cannot_write, write_json

        try:
            self.home.mkdir(parents=True, exist_ok=True)
            lock = (self.home / f".{NAME}.lock").open("a")
        except OSError as error:
            raise cannot_write(self.home, error) from error
        with lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            known = self.all()
            before = {name: dict(entry) for name, entry in known.items()}
            yield known
            if known != before:
                write_json(self.home / NAME, known)


def _entry(known: Entries, name: str, source: str, revision: str | None) -> dict[str, str]:
    entry = {"source": source, "revision": revision or ""}
    if known.get(name, entry) != entry:
        raise InvalidSetting(
            f"subject {name!r} is already registered from {known[name]['source']!r}",
            "choose another name",
        )
    return entry
