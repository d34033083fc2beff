"""``neuroscribe find METHOD``: units that answer a question."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from neuroscribe.cli import options
from neuroscribe.cli.find_after import After, after_settings, show_after
from neuroscribe.cli.output import console, print_json, working

if TYPE_CHECKING:
    from discovery.probing.plan import ProbeSettings
    from neuroscribe.probing.request import ProbeRequest
    from neuroscribe.probing.running import Answer, Probed

app = typer.Typer(help="Find units that answer a question.", no_args_is_help=True)

MOST_NEURONS = 10_000
SETS = {
    "fast": ("random", "mean-difference", "f"),
    "paper": ("random", "mean-difference", "f", "l1", "mutual-information", "osp"),
}
"""Names for several methods at once; ``all`` is every one."""


@app.command("probe")
def probe(
    subject: Annotated[
        str | None,
        typer.Argument(
            metavar="SUBJECT",
            help="Which model, e.g. demo; several as demo-tiny,demo are compared.",
        ),
    ] = None,
    collection: Annotated[
        str | None,
        typer.Argument(metavar="COLLECTION", help="Which features, e.g. python-code; see --list."),
    ] = None,
    listed: Annotated[
        bool, typer.Option("--list", help="Only list the collections, and what each needs.")
    ] = False,
    concept: Annotated[
        str | None,
        typer.Option(
            "--concept",
            metavar="WORDS",
            help="Instead of COLLECTION: texts with and nearly with this, such as 'mentions of "
            "rivers', proposed and checked by --explainer.",
        ),
    ] = None,
    explainer: options.Explainer = "pattern",
    texts: Annotated[
        int, typer.Option("--texts", min=20, help="Checked texts of each kind for --concept.")
    ] = 60,
    budget_usd: options.BudgetUsd = None,
    max_calls: options.MaxCalls = None,
    max_tokens: options.MaxTokens = None,
    feature: Annotated[
        list[str] | None,
        typer.Option("--feature", metavar="NAME", help="Only this feature (may be repeated)."),
    ] = None,
    labels: Annotated[
        list[Path] | None,
        typer.Option("--labels", metavar="FILE", help="Label file of the collection."),
    ] = None,
    option: Annotated[
        list[str] | None,
        typer.Option(
            "--option", metavar="NAME=VALUE", help="An option of the collection, as JSON or a word."
        ),
    ] = None,
    site: Annotated[
        list[str] | None,
        typer.Option("--site", metavar="NAME", help="Sites (mlp.2) or kinds of sites (mlp)."),
    ] = None,
    methods: Annotated[
        str,
        typer.Option(
            "--methods",
            metavar="NAMES",
            help="Who chooses neurons: random, mean-difference, f, mutual-information, l1, svm, "
            "adaptive, osp. fast: random, mean-difference, f. paper: these and l1, "
            "mutual-information, osp (with proofs). all: all eight. The first but random leads.",
        ),
    ] = "fast",
    k: Annotated[
        str, typer.Option("--k", metavar="NUMBERS", help="Neurons in a probe, such as 1-8.")
    ] = "1-8",
    seeds: Annotated[
        int, typer.Option("--seeds", min=1, max=100, help="Divisions into train and test.")
    ] = 1,
    seed: Annotated[int, typer.Option("--seed", min=0, help="The first of them.")] = 0,
    rounds: Annotated[
        int,
        typer.Option(
            "--rounds", min=0, max=50, help="Take away what was found and look again, so often."
        ),
    ] = 0,
    nulls: Annotated[
        int, typer.Option("--nulls", min=0, max=10_000, help="Draws of shuffled labels.")
    ] = 99,
    basis: Annotated[
        bool, typer.Option("--basis", help="Compare neurons with random rotations of the site.")
    ] = False,
    after: After = False,
    osp_loss: Annotated[
        str, typer.Option("--osp-loss", help="logistic or hinge (the paper's).")
    ] = "logistic",
    gamma: Annotated[
        float | None,
        typer.Option("--gamma", help="Ridge of osp, larger is weaker. Default: 1/sqrt(rows)."),
    ] = None,
    time_limit: Annotated[
        float, typer.Option("--time-limit", min=0.01, help="Seconds for one solve of osp.")
    ] = 60.0,
    rows: Annotated[int, typer.Option("--rows", min=1, help="Rows of one feature at most.")] = 5000,
    share: Annotated[
        float, typer.Option("--positive-share", help="Share of positives that is aimed at.")
    ] = 0.2,
    splitting: Annotated[
        bool,
        typer.Option(
            "--splitting", help="Of several subjects: is a unit of one a sum of the next one's?"
        ),
    ] = False,
    jobs: Annotated[
        int | None, typer.Option("--jobs", min=1, help="Processes. Default: one a core.")
    ] = None,
    fresh: options.Fresh = False,
    json: options.Json = False,
    intervals: Annotated[
        bool, typer.Option("--intervals", help="Intervals in the comparison of methods too.")
    ] = False,
    plot: Annotated[
        list[Path] | None,
        typer.Option(
            "--plot", metavar="FILE", help="Also draw it: .html, .svg or .png (extra plots)."
        ),
    ] = None,
    corpus: options.Corpus = "builtin",
    column: options.Column = "text",
    limit: options.Limit = None,
    window: Annotated[
        int, typer.Option("--window", min=1, help="Tokens in one window; some collections fix it.")
    ] = 64,
    per_document: options.PerDocument = None,
    source: options.Source = None,
    revision: options.Revision = None,
    trust_remote_code: options.Trust = False,
) -> None:
    """Which few neurons tell whether a feature of the text is there?

    Labels come from a collection of features, neurons and sites are chosen on training documents,
    and every figure is from test documents, with an interval, a null of shuffled labels, random
    neurons, and what the token or the place alone would give. Each feature becomes a finding.
    """
    if listed:
        _list(json)
        return
    from neuroscribe.cli.find_scaling import compared, several

    subjects = several(subject, splitting, after, source, concept)
    request = _request(
        subject,
        _collection_name(collection, concept, bool(feature or labels or option)),
        {
            "features": tuple(feature or ()),
            "files": tuple(labels or ()),
            "options": _options(option or []),
            "sites": tuple(site or ("mlp",)),
            "corpus": options.corpus_choice(corpus, column, limit, window, per_document),
        },
        (window, rows, share, per_document),
        _settings(
            methods,
            k,
            (seed, seeds),
            {
                "rounds": rounds,
                "nulls": nulls,
                "basis": basis,
                "osp_loss": osp_loss,
                "gamma": gamma,
                "time_limit": time_limit,
                "jobs": jobs or os.cpu_count() or 1,
            },
        ),
    )
    if concept is None:
        request.check()
    if plot:
        from neuroscribe.render.plot_files import check_plots

        check_plots(plot)
    workspace = options.workspace(request.subject, source, revision, trust_remote_code)
    asked = None
    if concept is not None:
        from neuroscribe.models import Spending
        from neuroscribe.probing.concept import Concept

        asked = Concept(concept, explainer, texts, Spending(budget_usd, max_calls, max_tokens))
    if subjects:
        compared(workspace, request, subjects, splitting, fresh, (json, intervals, plot or []))
        return
    from neuroscribe.probing.running import find_probe

    with working(quiet=json) as told:
        answer = find_probe(
            workspace,
            request,
            concept=asked,
            fresh=fresh,
            after=after_settings(after),
            told=told,
        )
    _show(answer, plot or [], json, intervals)


def _show(answer: Answer, plots: list[Path], json: bool, intervals: bool) -> None:
    report = answer.probed.report
    found = {str(f.parameters["feature"]): f.id for f in answer.probed.findings}
    if plots:
        from neuroscribe.render.probing_page import plots_file
        from subjects.index.files import write_bytes

        for path in plots:
            write_bytes(path, plots_file(report, path, findings=found, after=answer.probed.after))
    if json:
        print_json(document(answer.probed))
        _end(answer)
        return
    from neuroscribe.render.probing import probing_view

    screen = console()
    screen.print(probing_view(report, findings=found, intervals=intervals, width=screen.width))
    show_after(answer.probed)
    if answer.stored:
        console(stderr=True).print("stored answer; --fresh recomputes", style="dim")
    _end(answer)


def _end(answer: Answer) -> None:
    """Exit code 1 where no feature could be measured."""
    if not answer.probed.findings:
        raise typer.Exit(1)


def document(probed: Probed) -> dict[str, Any]:
    """The report and its findings; of one finding alone its keys stand at the top as well."""
    found = probed.model_dump(mode="json")
    if len(found["findings"]) == 1:
        return {**found["findings"][0], **found}
    return found


def _collection_name(collection: str | None, concept: str | None, cut: bool) -> str | None:
    from core.errors import InvalidSetting

    if concept is None:
        return collection
    if collection is not None:
        raise InvalidSetting("a collection and --concept at once", "give one of them")
    if cut:
        raise InvalidSetting(
            "--feature, --labels and --option are about collections", "--concept has one feature"
        )
    return "concept"


def _request(
    subject: str | None,
    collection: str | None,
    what: dict[str, Any],
    drawn: tuple[int, int, float, int | None],
    settings: ProbeSettings,
) -> ProbeRequest:
    from core.errors import InvalidSetting
    from discovery.probing.sampling import Sampling
    from neuroscribe.probing.request import ProbeRequest

    if subject is None or collection is None:
        raise InvalidSetting(
            "no subject or no collection is named",
            "such as: neuroscribe find probe demo python-code; --list tells the collections",
        )
    window, rows, share, per_document = drawn
    sampling = Sampling(window=window, most=rows, share=share, per_document=per_document or 16)
    return ProbeRequest(subject, collection, **what, sampling=sampling, settings=settings)


def _settings(
    methods: str, k: str, seeds: tuple[int, int], others: dict[str, Any]
) -> ProbeSettings:
    from core.errors import InvalidSetting
    from discovery.probing.plan import METHODS, ProbeSettings

    sets = {**SETS, "all": METHODS}
    named: list[Any] = []
    for name in (part.strip() for part in methods.split(",")):
        if name not in (*METHODS, *sets):
            raise InvalidSetting(
                f"{name!r} is no method of choosing neurons",
                f"known: {', '.join(METHODS)}; for several: {', '.join(sets)}",
            )
        named += sets.get(name, (name,))
    first, count = seeds
    return ProbeSettings(
        methods=tuple(dict.fromkeys(named)),
        ks=_sizes(k),
        seeds=tuple(range(first, first + count)),
        **others,
    )


def _sizes(k: str) -> tuple[int, ...]:
    """``1-4,8`` as numbers."""
    from core.errors import InvalidSetting
    from neuroscribe.sweeps.units import numbers

    if any(int(number) > MOST_NEURONS for number in re.findall(r"[0-9]+", k)):
        raise InvalidSetting(
            f"--k {k!r} asks for more than {MOST_NEURONS:,} neurons",
            "probes are sparse: such as 1-8",
        )
    try:
        return tuple(numbers(k))
    except InvalidSetting:
        raise InvalidSetting(f"--k {k!r} is no list of numbers", "such as 1-8 or 1,2,4") from None


def _options(given: list[str]) -> dict[str, Any]:
    """``NAME=VALUE`` pairs; values that are no JSON are words."""
    import json

    from core.errors import InvalidSetting

    found: dict[str, Any] = {}
    for pair in given:
        name, equals, value = pair.partition("=")
        if not equals or not name:
            raise InvalidSetting(f"--option {pair!r} is no NAME=VALUE", "such as pairs=paper")
        try:
            found[name.replace("-", "_")] = json.loads(value)
        except (ValueError, RecursionError):
            found[name.replace("-", "_")] = value
    return found


def _list(json: bool) -> None:
    from discovery.probing.builders.catalogue import COLLECTIONS

    if json:
        print_json(
            [
                {"name": name, "description": one.description, "needs": one.needs}
                for name, one in COLLECTIONS.items()
            ]
        )
        return
    from rich.table import Table

    table = Table(box=None, show_header=True, header_style="bold")
    for heading in ("collection", "features", "needs"):
        table.add_column(heading)
    for name, one in COLLECTIONS.items():
        table.add_row(name, one.description, one.needs)
    console().print(table)
