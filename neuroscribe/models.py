"""Who explains and who simulates: from names on the command line to open models."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, get_args

from core.errors import InvalidSetting, UnsupportedRequest
from core.settings import Settings
from llms.budget import Budget
from llms.protocol import Capability
from neuroscribe.scorers import ScorerChoice

if TYPE_CHECKING:
    from agent.explainers.proposal import Explainer
    from llms.open import Options
    from llms.protocol import Model
    from llms.wrappers.record import Recorder
    from scoring.raters import Rater
    from scoring.simulators import Simulator, SlowSimulator
    from storage import Store

PATTERN = "pattern"
ASKING = ("explainer", "simulator", "rater")
"""The roles of prompts that an explanation or its scores depend on."""
Strategy = Literal["auto", "all-at-once", "token-by-token", "indexed"]
STRATEGIES: tuple[Strategy, ...] = get_args(Strategy)
# In the order in which "auto" prefers them: fewest requests for most information first.
NEEDS: dict[Strategy, frozenset[Capability]] = {
    "all-at-once": frozenset({"slots"}),
    "indexed": frozenset({"chat", "schema"}),
    "token-by-token": frozenset({"chat", "token_logprobs"}),
}


def strategy_named(name: str) -> Strategy:
    """How a language model simulates; :class:`InvalidSetting` for a name that there is not."""
    for known in STRATEGIES:
        if name == known:
            return known
    raise InvalidSetting(f"{name!r} is no strategy", f"known: {', '.join(STRATEGIES)}")


@dataclass(frozen=True, slots=True)
class ModelChoice:
    """Names of models, ``pattern`` for none. ``simulator`` None: whoever explains also simulates.

    ``scored`` windows of each kind are simulated by a language model and, if ``scorers`` say so,
    rated by it. Everything here is part of the question that an answer is stored under.
    """

    explainer: str = PATTERN
    simulator: str | None = None
    strategy: Strategy = "auto"
    candidates: int = 3
    scored: int = 10
    batch: int = 5
    scorers: ScorerChoice = field(default_factory=ScorerChoice)

    @property
    def simulates(self) -> str:
        """The simulator's name."""
        return self.explainer if self.simulator is None else self.simulator

    @property
    def asked(self) -> frozenset[str]:
        """The names of the language models that are asked, if any."""
        return frozenset((self.explainer, self.simulates)) - {PATTERN}

    def prompts(self) -> list[str]:
        """The prompts that an answer depends on, if a language model is asked at all."""
        if not self.asked:
            return []
        from prompts.lock import current

        return [prompt.label for prompt in current() if prompt.role in ASKING]

    def check(self, settings: Settings) -> None:
        """Refuse what cannot be, before anything is loaded, collected or sent."""
        for name, what in ((self.explainer, "--explainer"), (self.simulates, "--simulator")):
            if name != PATTERN:
                _declared(name, settings, what)
        if self.simulates == PATTERN:
            if self.explainer != PATTERN:
                raise InvalidSetting(
                    "the simulator 'pattern' reads sentences of the pattern language only",
                    "give --simulator a model",
                )
            self.scorers.check(PATTERN, None)
            return
        held = _declared(self.simulates, settings, "--simulator")
        self.resolved(held)
        self.scorers.check(self.simulates, held)

    def resolved(self, held: frozenset[Capability]) -> Strategy:
        """The strategy for a model of these capabilities; :class:`UnsupportedRequest` if none."""
        wanted = [self.strategy] if self.strategy != "auto" else list(NEEDS)
        for strategy in wanted:
            if NEEDS[strategy] <= held:
                return strategy
        lacks = ", ".join(sorted(NEEDS[wanted[-1]] - held))
        raise UnsupportedRequest(
            f"{self.simulates!r} cannot simulate {wanted[-1]}: declared without {lacks}",
            "choose another --strategy or model, or override NEUROSCRIBE_LLM_CAPABILITIES",
        )


@dataclass(frozen=True, slots=True)
class Spending:
    """Limits of one command (None: no limit), and how many requests at once."""

    usd: float | None = None
    calls: int | None = None
    tokens: int | None = None
    concurrency: int | None = None


@dataclass(frozen=True, slots=True)
class Voices:
    """The open explainer, simulator and raters of one run."""

    explainer: Explainer
    simulator: Simulator | SlowSimulator
    raters: tuple[Rater, ...] = ()
    label: str | None = None
    prompt: str | None = None
    parameters: dict[str, str | int | float | bool | None] = field(default_factory=dict)


@dataclass(slots=True)
class Models:
    """Open models that many runs share: one budget, one record, one limit of requests at once.

    Each run has its own name in the record, so what it spent can be told.
    """

    choice: ModelChoice
    settings: Settings
    recorder: Recorder
    budget: Budget
    _shared: dict[str, Model] = field(default_factory=dict)

    def voices(
        self,
        explainer: Explainer | None,
        *,
        run: str,
        reuse: bool = True,
        promoted: tuple[str, ...] = (),
        neighbours: tuple[tuple[str, str], ...] = (),
    ) -> Voices:
        """Who explains, simulates and rates in one run; ``explainer`` stands in where no model
        does.
        """
        opened = {name: self.model(name, run=run, reuse=reuse) for name in self._shared}
        choice = self.choice
        raters = choice.scorers.raters(opened.get(choice.simulates), choice.batch, self.settings)
        return _voices(choice, explainer, opened, raters, promoted, neighbours)

    def model(self, name: str, *, run: str, reuse: bool = True) -> Model:
        """An open model whose calls are recorded under ``run``; KeyError where it is not open."""
        from llms.wrappers.record import Record

        return Record(self._shared[name], self.recorder, run=run, reuse=reuse)

    async def close(self) -> None:
        """Close every model."""
        for model in self._shared.values():
            await model.close()


def open_models(
    choice: ModelChoice,
    store: Store,
    settings: Settings,
    spending: Spending,
    *,
    explains: bool = True,
    budget: Budget | None = None,
) -> Models:
    """Open what ``choice`` names (the explainer only if it ``explains``); close it in the end.

    ``budget`` takes the place of one from ``spending``.
    """
    from llms.open import shared
    from llms.wrappers.record import Recorder

    if budget is None:
        budget = Budget(spending.usd, spending.calls, spending.tokens)
    options = options_of(settings, spending)
    asked = [choice.simulates, *([choice.explainer] if explains else [])]
    named = dict.fromkeys(name for name in asked if name != PATTERN)
    opened = {name: shared(name, budget, options) for name in named}
    return Models(choice, settings, Recorder(store), budget, opened)


@asynccontextmanager
async def voices(
    choice: ModelChoice,
    explainer: Explainer | None,
    store: Store,
    settings: Settings,
    spending: Spending,
    *,
    run: str,
    reuse: bool,
) -> AsyncIterator[Voices]:
    """The voices of a single run; the models behind them are closed at the end."""
    models = open_models(choice, store, settings, spending, explains=explainer is None)
    try:
        yield models.voices(explainer, run=run, reuse=reuse)
    finally:
        await models.close()


def _voices(
    choice: ModelChoice,
    explainer: Explainer | None,
    opened: dict[str, Model],
    raters: tuple[Rater, ...],
    promoted: tuple[str, ...],
    neighbours: tuple[tuple[str, str], ...],
) -> Voices:
    from agent.explainers.llm import PROMPT, LanguageModelExplainer
    from prompts import load

    simulator = _simulator(choice, opened)
    if explainer is not None:
        return Voices(explainer, simulator, raters)
    asked = LanguageModelExplainer(
        opened[choice.explainer],
        candidates=choice.candidates,
        promoted=promoted,
        neighbours=neighbours,
    )
    return Voices(asked, simulator, raters, choice.explainer, load(PROMPT).label)


def _simulator(choice: ModelChoice, opened: dict[str, Model]) -> Simulator | SlowSimulator:
    from scoring.simulators import PatternSimulator
    from scoring.simulators.all_at_once import AllAtOnceSimulator
    from scoring.simulators.indexed import IndexedSimulator
    from scoring.simulators.token_by_token import TokenByTokenSimulator

    if choice.simulates == PATTERN:
        return PatternSimulator()
    model = opened[choice.simulates]
    match choice.resolved(model.capabilities):
        case "all-at-once":
            return AllAtOnceSimulator(model)
        case "token-by-token":
            return TokenByTokenSimulator(model)
        case _:
            return IndexedSimulator(model, choice.batch)


def _declared(name: str, settings: Settings, what: str) -> frozenset[Capability]:
    from llms.capabilities import capabilities_of
    from llms.names import ModelName

    try:
        return capabilities_of(ModelName.parse(name), settings.llm_capabilities)
    except InvalidSetting as error:
        raise InvalidSetting(f"{what}: {error.message}", error.hint) from error


def options_of(
    settings: Settings, spending: Spending, *, run: str | None = None, reuse: bool = True
) -> Options:
    """How the settings say that models are asked."""
    from llms.open import Options

    return Options(
        concurrency=spending.concurrency or settings.llm_concurrency,
        timeout=settings.llm_timeout,
        attempts=settings.llm_attempts,
        first_wait=settings.llm_first_wait,
        reuse=reuse,
        run=run,
        capabilities=settings.llm_capabilities,
        prices=settings.prices,
        engine=settings.llm_engine,
    )
