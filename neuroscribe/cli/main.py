"""The ``neuroscribe`` program: one line for an error, one JSON document under ``--json``.

Exit codes: 0 done, 1 failed, 2 misuse, 3 budget reached, 130 interrupted. A traceback appears only
with ``--debug``.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Sequence
from functools import cache
from typing import Any

import typer

from core.errors import NeuroscribeError
from neuroscribe.cli import (
    bench,
    chat,
    collect,
    doctor,
    explain,
    explain_layer,
    export,
    find,
    import_files,
    intervene,
    jobs,
    keys,
    llm,
    rate,
    report,
    score,
    search,
    serve,
    show,
    subjects,
    work,
)
from neuroscribe.cli.output import fail

INTERRUPTED = 130
# Typer carries its own click: its usage errors are reached through the one that it exports.
USAGE_ERRORS: Any = typer.BadParameter.__bases__

app = typer.Typer(
    name="neuroscribe",
    help="Explain single units of language models, score every explanation, show the evidence.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("explain")(explain.explain)
app.command("explain-layer")(explain_layer.explain_layer)
app.command("score")(score.score)
app.command("collect")(collect.collect)
app.command("show")(show.show)
app.command("intervene")(intervene.intervene)
app.command("chat")(chat.chat)
app.command("search")(search.search)
app.command("rate")(rate.rate)
app.command("report")(report.report)
app.command("serve")(serve.serve)
app.command("work")(work.work)
app.command("export")(export.export)
app.command("import")(import_files.import_files)
app.command("doctor")(doctor.doctor)
app.add_typer(subjects.app, name="subjects")
app.add_typer(find.app, name="find")
app.add_typer(jobs.app, name="jobs")
app.add_typer(keys.app, name="keys")
app.add_typer(llm.app, name="llm")
app.add_typer(bench.app, name="bench")


def _version(value: bool) -> None:
    if value:
        from importlib.metadata import version

        typer.echo(version("neuroscribe"))
        raise typer.Exit()


@app.callback()
def _root(
    version: bool = typer.Option(
        False, "--version", callback=_version, is_eager=True, help="Print the version and exit."
    ),
    debug: bool = typer.Option(False, "--debug", help="Show tracebacks."),
) -> None:
    """Explain single units of language models, score every explanation, show the evidence."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the program and exit with its code."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    debug, as_json = "--debug" in given, "--json" in given
    # --debug is accepted anywhere on the line.
    given = ["--debug"] * debug + [word for word in given if word != "--debug"]
    try:
        code = run(given, as_json=as_json)
    except KeyboardInterrupt:
        if arguments is None:  # the program itself: nothing but its end is left to interrupt
            signal.signal(signal.SIGINT, signal.SIG_IGN)
        fail("interrupted", "interrupted", "run it again: it goes on where it was", as_json)
        code = INTERRUPTED
    except BrokenPipeError:
        # The reader of our output is gone; keep Python from complaining about it at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 1
    except NeuroscribeError as error:
        if debug:
            raise
        fail(error.code, error.message, error.hint, as_json)
        code = error.exit_code
    except Exception as error:
        if debug:
            raise
        named = f"{type(error).__name__}: {error}".splitlines()[0]
        fail("internal", named, "this is a defect: run with --debug and report it", as_json)
        code = 1
    raise SystemExit(code)


def run(arguments: list[str], *, as_json: bool) -> int:
    """Run one command; usage errors are reported here, the product's own errors are raised."""
    try:
        result = _command().main(arguments, prog_name="neuroscribe", standalone_mode=False)
    except typer.Exit as stop:
        result = int(stop.exit_code)
    except USAGE_ERRORS as error:
        fail("misuse", str(error.format_message()), "see neuroscribe --help", as_json)
        return 2
    if result == INTERRUPTED:  # what typer makes of Ctrl-C
        raise KeyboardInterrupt
    return result if isinstance(result, int) else 0


@cache
def _command() -> Any:
    """What typer makes of ``app``: making it takes longer than many a command."""
    return typer.main.get_command(app)
