"""``neuroscribe chat``: questions and answers about units, on a terminal or one at a time."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from neuroscribe.cli import options
from neuroscribe.cli.output import console, fail, print_json

if TYPE_CHECKING:
    from agent.chat.session import Turn
    from neuroscribe.talking import Conversation

_PROMPT = "> "
_LEAVE = ("exit", "quit", "bye", ":q")


def chat(
    model: Annotated[
        str,
        typer.Option(
            "--model",
            metavar="MODEL",
            help="Who answers: pattern (the built-in planner), openai:MODEL[@URL] or "
            "anthropic:MODEL.",
        ),
    ] = "pattern",
    message: Annotated[
        str | None, typer.Option("-m", "--message", help="Ask this one question and end.")
    ] = None,
    thread: Annotated[
        str | None, typer.Option("--thread", metavar="ID", help="Go on with this conversation.")
    ] = None,
    list_: Annotated[
        bool, typer.Option("--list", help="List conversations, newest first.")
    ] = False,
    yes: Annotated[
        bool, typer.Option("--yes", "-y", help="Confirm whatever costs time or money.")
    ] = False,
    json: options.Json = False,
    explainer: options.Explainer = "pattern",
    simulator: options.Simulator = None,
    strategy: options.Strategy = "auto",
    budget_usd: options.BudgetUsd = None,
    max_calls: options.MaxCalls = None,
    max_tokens: options.MaxTokens = None,
    corpus: options.Corpus = "builtin",
) -> None:
    """Talk about units: what they do, why, and what happens without them.

    Answers cite stored scores and experiments. What costs time or money is asked about first.
    """
    from core.errors import InvalidSetting
    from neuroscribe.models import ModelChoice, Spending, strategy_named
    from neuroscribe.talking import ChatChoice, conversation
    from neuroscribe.workspace import CorpusChoice, Workspace

    workspace = Workspace()
    if list_:
        _list(workspace, json)
        return
    if json and message is None and thread is None:
        raise InvalidSetting("--json needs a question", "give -m MESSAGE, or --thread ID")
    choice = ChatChoice(
        model,
        ModelChoice(explainer, simulator, strategy_named(strategy)),
        CorpusChoice(corpus),
        Spending(budget_usd, max_calls, max_tokens),
    )
    with conversation(workspace, choice, thread, streams=not json) as opened:
        screen = _Screen(quiet=json)
        if message is None and not json:
            _loop(opened, screen, yes, known=thread is not None)
            return
        turn = opened.go_on(screen.hear) if message is None else opened.say(message, screen.hear)
        while turn.waiting and (yes or screen.can_ask):
            turn = opened.decide(yes or screen.confirms(turn), screen.hear)
        if json:
            print_json(turn.model_dump(mode="json"))
            return
        screen.show(turn)


def _loop(opened: Conversation, screen: _Screen, yes: bool, *, known: bool) -> None:
    """Until the end of the input. An error ends the question, a budget the conversation."""
    from core.errors import BudgetReached, NeuroscribeError

    screen.say(f'conversation {opened.thread}; "help" tells what can be asked, "exit" leaves')
    turn = opened.go_on(screen.hear) if known else None
    while True:
        try:
            while turn is not None and turn.waiting:
                turn = opened.decide(yes or screen.confirms(turn), screen.hear)
            if turn is not None:
                screen.show(turn)
            text = screen.read()
            if text is None or text.strip().lower() in _LEAVE:
                return
            turn = opened.say(text, screen.hear) if text.strip() else None
        except BudgetReached:
            raise
        except NeuroscribeError as error:
            fail(error.code, error.message, error.hint, False)
            turn = None


class _Screen:
    """Answers on stdout; questions, calls and estimates on stderr."""

    def __init__(self, *, quiet: bool) -> None:
        self.quiet = quiet
        self.can_ask = sys.stdin.isatty() and not quiet
        self._heard = ""

    def hear(self, event: dict[str, Any]) -> None:
        """Print what comes, as it comes."""
        if self.quiet:
            return
        match event["kind"]:
            case "piece":
                self._heard += event["text"]
                _write(event["text"])
            case "call":
                self._end_of_line()
                told = ", ".join(f"{k}={v!r}" for k, v in event["arguments"].items())
                self.say(f"  [{event['tool']}: {told}]")
            case "result" if event["error"]:
                self.say(f"  [{event['tool']}: {event['error']}]")

    def show(self, turn: Turn) -> None:
        """The answer, unless it was heard already; what waits, and how to decide."""
        if turn.waiting:
            self._estimates(turn)
            self.say(f"to run it: neuroscribe chat --thread {turn.thread} -m yes")
            return
        if turn.answer is None:
            return
        heard, self._heard = self._heard, ""
        if heard and heard.endswith(turn.answer.text):
            _write("\n")
        else:
            if heard:
                _write("\n")
                self.say("corrected, because what it cites was not in the record:")
            _write(turn.answer.text + "\n")
        if turn.answer.note:
            self.say(f"note: {turn.answer.note}")

    def confirms(self, turn: Turn) -> bool:
        """Ask; anything but yes, the end of the input too, is no."""
        self._estimates(turn)
        said = self.read("run it? [y/N] ")
        return said is not None and said.strip().lower() in ("y", "yes")

    def read(self, prompt: str = _PROMPT) -> str | None:
        """A line of the user, None at the end. The prompt is on stderr, for terminals only."""
        if sys.stdin.isatty():
            sys.stderr.write(prompt)
            sys.stderr.flush()
        line = sys.stdin.readline()
        return line.rstrip("\n") if line else None

    def say(self, text: str) -> None:
        """One line on stderr."""
        from service.pages.visible import visible_text

        sys.stderr.write(visible_text(text) + "\n")
        sys.stderr.flush()

    def _estimates(self, turn: Turn) -> None:
        self._end_of_line()
        for one in turn.waiting:
            self.say(f"{one.tool}: {one.said}")

    def _end_of_line(self) -> None:
        if self._heard:
            _write("\n")
        self._heard = ""


def _write(text: str) -> None:
    """To stdout, with everything visible but the ends of lines."""
    from service.pages.visible import visible_text

    sys.stdout.write("\n".join(visible_text(line) for line in text.split("\n")))
    sys.stdout.flush()


def _list(workspace: Any, json: bool) -> None:
    from neuroscribe.talking import list_threads

    found = list_threads(workspace)
    if json:
        print_json({"threads": [one.model_dump(mode="json") for one in found]})
        return
    from rich.table import Table
    from rich.text import Text

    from service.pages.visible import visible_text

    if not found:
        console().print("no conversations yet: neuroscribe chat begins one", markup=False)
        return
    table = Table(box=None, pad_edge=False)
    for name in ("thread", "state", "questions", "begins with"):
        table.add_column(name)
    for one in found:
        title = Text(visible_text(one.title))
        table.add_row(one.thread, one.state, str(one.questions), title)
    console().print(table)
