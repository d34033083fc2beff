"""How to load a subject, as names and settings: small enough to be sent to another process."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from subjects.protocol import Subject


@dataclass(frozen=True, slots=True)
class SubjectRecipe:
    """The arguments of :func:`subjects.registry.load_subject`."""

    name: str
    source: str | None = None
    revision: str | None = None
    device: Literal["auto", "cpu", "cuda"] = "auto"
    dtype: str = "float32"
    threads: int = 0
    trust_remote_code: bool = False

    def load(self) -> Subject:
        """Load it into this process."""
        from subjects.registry import load_subject

        return load_subject(
            self.name,
            source=self.source,
            revision=self.revision,
            device=self.device,
            dtype=self.dtype,
            threads=self.threads,
            trust_remote_code=self.trust_remote_code,
        )

    @property
    def folder(self) -> Path | None:
        """The model's folder, where its source is one on this machine."""
        folder = Path(self.source).expanduser() if self.source else None
        return folder.resolve() if folder is not None and folder.is_dir() else None
