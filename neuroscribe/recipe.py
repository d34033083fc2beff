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
        from subjects.hub import folder_of

        folder = folder_of(self.source) if self.source else None
        return None if folder is None else folder.resolve()

    def expected_bytes(self) -> int:
        """What its weights will take, as far as files on this machine tell; else 0.

        A model that is named as of the hub (``hf:``) is fetched first, so that this is known before
        it is loaded. Raises what loading does.
        """
        from subjects.hub import fetched, hub_id
        from subjects.loading import one_line_errors
        from subjects.registry import built_in_folder
        from subjects.sizes import bytes_in

        with one_line_errors(self.source or self.name):
            if self.source is None:
                folder = built_in_folder(self.name)
            elif (id := hub_id(self.source)) is not None:
                folder = fetched(id, self.revision)
            else:
                folder = self.folder
            return 0 if folder is None else bytes_in(folder, self.dtype)
