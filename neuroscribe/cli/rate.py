"""``neuroscribe rate SITE_OR_UNIT``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from core.errors import InvalidSetting, MisuseError
from neuroscribe.cli import options
from neuroscribe.cli.output import console, print_json
from service.pages.visible import visible_text

if TYPE_CHECKING:
    from neuroscribe.ratings.asking import Answer, Ask
    from neuroscribe.ratings.claims import Target
    from neuroscribe.ratings.session import Item, Plan
    from storage import Store

NOTHING_LEFT = "nothing left to rate; --again asks again"


def rate(
    target: Annotated[
        str | None,
        typer.Argument(
            metavar="SITE_OR_UNIT", help="What to rate, e.g. demo/mlp.2 or demo/mlp.2/117."
        ),
    ] = None,
    json: options.Json = False,
    html: Annotated[
        Path | None,
        typer.Option(
            "--html",
            help="Write one self-contained HTML file to rate in instead.",
            callback=options.page_place,
        ),
    ] = None,
    imported: Annotated[
        Path | None, typer.Option("--import", help="Store the ratings downloaded from that page.")
    ] = None,
    report: Annotated[
        bool, typer.Option("--report", help="Say how ratings agree with scores and raters.")
    ] = False,
    answers: Annotated[
        str | None,
        typer.Option("--answers", metavar="FILE", help="Read answers from a file, or - for stdin."),
    ] = None,
    rater: Annotated[
        str | None, typer.Option("--rater", help="Who rates. Default: the login name.")
    ] = None,
    controls: Annotated[
        float,
        typer.Option(
            "--controls",
            min=0.0,
            max=0.5,
            help="Share of questions that show the explanation of another unit, untold.",
        ),
    ] = 0.2,
    again: Annotated[
        bool, typer.Option("--again", help="Also ask what this rater has rated already.")
    ] = False,
    seed: Annotated[
        int,
        typer.Option(
            "--seed",
            min=0,
            max=2**63 - 1,
            help="Seed of the order, the excerpts and the intervals.",
        ),
    ] = 0,
) -> None:
    """Rate explanations from 1 to 5 without knowing their scores, and compare the two."""
    _one_at_most(
        {"--html": html is not None, "--import": imported is not None, "--report": report,
         "--answers": answers is not None}
    )  # fmt: skip
    if imported is not None:
        if target is not None or rater is not None:
            raise InvalidSetting(
                "--import takes site and rater from the file", "leave the others out"
            )
        _import(imported, json)
        return
    if target is None:
        raise InvalidSetting("nothing to rate is named", "give a site or a unit, e.g. demo/mlp.2")
    from neuroscribe.ratings.claims import Target
    from neuroscribe.workspace import Workspace

    named = Target.parse(target)
    with Workspace().store() as store:
        if report:
            _report(store, named, seed, json)
            return
        from neuroscribe.ratings.session import plan

        name = _rater(rater)
        planned = plan(store, named, name, seed=seed, controls=controls, again=again)
        if html is not None:
            _page(store, planned, name, html, json)
        else:
            _session(store, planned, name, answers, json)


def _one_at_most(given: dict[str, bool]) -> None:
    chosen = [option for option, is_given in given.items() if is_given]
    if len(chosen) > 1:
        raise InvalidSetting(f"{' and '.join(chosen)} exclude each other", "choose one")


def _rater(name: str | None) -> str:
    import getpass

    from pydantic import TypeAdapter, ValidationError

    from storage.ratings import RaterName

    if name is None:
        try:
            name = getpass.getuser()
        except (OSError, KeyError, ImportError) as error:
            raise InvalidSetting("there is no login name", "give --rater NAME") from error
    try:
        return TypeAdapter(RaterName).validate_python(name)
    except ValidationError as error:
        said = error.errors()[0]["msg"].removeprefix("Value error, ")
        raise InvalidSetting(f"--rater: {said}", "give --rater NAME") from None


def _session(store: Store, plan: Plan, rater: str, answers: str | None, json: bool) -> None:
    from neuroscribe.ratings.asking import hold, written_answers

    ask: Ask
    if answers is not None:
        ask = written_answers(_lines(answers), len(plan.questions))
    elif plan.questions and not _is_terminal():
        raise MisuseError(
            "rating needs a terminal", "give --answers FILE, or --html FILE for a page"
        )
    else:
        ask = _keyboard(to_stderr=json)
    done = hold(store, plan, rater, ask)
    if json:
        print_json(done.model_dump())
        return
    if not plan.questions:
        _say(NOTHING_LEFT)
        return
    said = f"{len(done.ratings)} rated, {done.skipped} skipped, {done.left} left"
    _say(f"{said}; neuroscribe rate {plan.target} --report compares them with scores")


def _say(line: str) -> None:
    console().print(visible_text(line), markup=False, soft_wrap=True)


def _is_terminal() -> bool:
    try:
        return sys.stdin is not None and sys.stdin.isatty()
    except ValueError:  # it was closed
        return False


def _lines(answers: str) -> list[str]:
    try:
        if answers == "-":
            return [] if sys.stdin is None else sys.stdin.read().splitlines()
        return Path(answers).read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError) as error:
        said = error.strerror if isinstance(error, OSError) else "it is closed or not UTF-8 text"
        raise InvalidSetting(f"answers {answers!r} cannot be read: {said}", "check it") from error


def _keyboard(*, to_stderr: bool) -> Ask:
    """Show an item and wait for a key; the screen is stderr where stdout is for a program."""
    from neuroscribe.ratings.asking import Answer
    from neuroscribe.render.terminal_rating import item_view

    screen = console(stderr=to_stderr)

    def ask(item: Item, number: int, total: int) -> Answer | None:
        screen.print(item_view(item, number, total))
        comment: str | None = None
        while True:
            try:
                key = typer.getchar().lower()
                if key == "c":
                    comment = screen.input("  comment: ")
                    continue
            except EOFError:
                return None
            if key in ("1", "2", "3", "4", "5"):
                screen.print(f"  {key}")
                return Answer(int(key), comment)
            if key == "s":
                screen.print("  skipped")
                return Answer(None)
            if key == "q":
                return None

    return ask


def _page(store: Store, plan: Plan, rater: str, path: Path, json: bool) -> None:
    from neuroscribe.ratings.documents import PageDocument
    from neuroscribe.ratings.page import Sheet
    from neuroscribe.render.rating_page import rating_page
    from subjects.index.files import write_bytes

    sheet = Sheet.of(plan, store)
    if sheet.items:
        write_bytes(path, rating_page(sheet, rater).encode("utf-8"))
    document = PageDocument(
        target=str(plan.target),
        rater=rater,
        seed=plan.seed,
        file=str(path) if sheet.items else None,
        items=len(sheet.items),
        digest=sheet.digest if sheet.items else None,
    )
    if json:
        print_json(document.model_dump())
    elif document.file is None:
        _say(NOTHING_LEFT)
    else:
        _say(f"{document.items} questions in {document.file}")


def _import(path: Path, json: bool) -> None:
    from neuroscribe.ratings.page import import_ratings
    from neuroscribe.workspace import Workspace

    with Workspace().store() as store:
        document = import_ratings(store, path)
    if json:
        print_json(document.model_dump())
        return
    said = f"{document.stored} ratings of {document.target} by {document.rater} stored"
    if not document.stored:
        said = "nothing new"
    if document.already_stored:
        said += f", {document.already_stored} were stored already"
    _say(said)


def _report(store: Store, target: Target, seed: int, json: bool) -> None:
    from neuroscribe.ratings.report import rating_report

    found = rating_report(store, target, seed=seed)
    if json:
        print_json(found.model_dump())
        return
    from neuroscribe.render.terminal_rating import report_view

    console().print(report_view(found))
