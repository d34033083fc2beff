"""Which scores are asked for beside those that follow from the simulation, and who gives them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from core.errors import InvalidSetting, UnsupportedRequest
from llms.protocol import Capability
from neuroscribe.embedders import LEXICAL, MINILM, open_embedder, source_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from core.settings import Settings
    from llms.protocol import Model
    from scoring.raters import Rater

SIMULATION: Final = "simulation"
RATED: Final = ("detection", "fuzzing", "intruder")
EMBEDDING: Final = "embedding"
ABLATION: Final = "ablation"
INTERVENTION: Final = "intervention"
ALL: Final = "all"
NAMES: Final = (SIMULATION, *RATED, EMBEDDING, ABLATION, INTERVENTION, ALL)
NEEDS: Final[frozenset[Capability]] = frozenset({"chat", "schema"})


@dataclass(frozen=True, slots=True)
class ScorerChoice:
    """``rated`` scores are given by the language model that simulates, at a price.

    ``embedder`` is ``lexical``, ``minilm``, or the folder or Hugging Face ID of an encoder at
    ``revision``; None where no embedding is asked for. ``ablation`` edits the model by what was
    predicted; ``intervention`` explains and scores what the unit promotes. Scores of the simulation
    are there whatever is chosen, because the verdict rests on them.
    """

    rated: tuple[str, ...] = ()
    embedder: str | None = None
    revision: str | None = None
    ablation: bool = False
    intervention: bool = False

    @classmethod
    def named(
        cls, names: str, embedder: str | None, revision: str | None, *, model: bool
    ) -> ScorerChoice:
        """From names between commas; ``all`` is what can be had with or without a ``model``."""
        asked = {name.strip() for name in names.split(",") if name.strip()}
        if strange := sorted(asked - set(NAMES)):
            raise InvalidSetting(f"{strange[0]!r} is no scorer", f"known: {', '.join(NAMES)}")
        if ALL in asked:
            asked |= {EMBEDDING, ABLATION, INTERVENTION, *(RATED if model else ())}
        if embedder is None and EMBEDDING in asked:
            embedder = LEXICAL
        if revision is not None and embedder in (None, LEXICAL, MINILM):
            raise InvalidSetting(
                "--embedder-revision without a model", "give --embedder a Hugging Face ID"
            )
        rated = tuple(name for name in RATED if name in asked)
        return cls(rated, embedder, revision, ABLATION in asked, INTERVENTION in asked)

    def check(self, name: str, held: frozenset[Capability] | None) -> None:
        """Refuse ratings by ``name``, a model of capabilities ``held``, None if it is none."""
        if not self.rated:
            return
        said = ",".join(self.rated)
        if held is None:
            raise InvalidSetting(
                f"--scorers {said}: no language model is there to be asked",
                "give --simulator a model",
            )
        if lacks := sorted(NEEDS - held):
            raise UnsupportedRequest(
                f"{name!r} cannot rate ({said}): declared without {', '.join(lacks)}",
                "choose another model, or override NEUROSCRIBE_LLM_CAPABILITIES",
            )

    def identity(self) -> str | None:
        """What the embedder's weights are, if they lie in a folder whose content may change."""
        from neuroscribe.workspace import folder_digest

        if self.embedder in (None, LEXICAL):
            return None
        folder = Path(source_of(self.embedder)).expanduser()
        return folder_digest(folder) if folder.is_dir() else None

    def raters(self, model: Model | None, batch: int, settings: Settings) -> tuple[Rater, ...]:
        """The raters themselves; ``model`` is asked, ``batch`` excerpts at a time."""
        from scoring.raters import DetectionRater, EmbeddingRater, FuzzingRater, IntruderRater

        found: list[Rater] = []
        if model is not None:
            kinds: dict[str, Callable[[Model], Rater]] = {
                "detection": lambda m: DetectionRater(m, batch),
                "fuzzing": lambda m: FuzzingRater(m, batch),
                "intruder": IntruderRater,
            }
            found += [kinds[name](model) for name in self.rated]
        if self.embedder is not None:
            found.append(EmbeddingRater(open_embedder(self.embedder, self.revision, settings)))
        return tuple(found)
