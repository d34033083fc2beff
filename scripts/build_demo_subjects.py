"""Build the demo subjects that ship with Neuroscribe: text, tokenizer, training, cards.

    python scripts/build_demo_subjects.py --subject all --work DIR

trains `demo`, `demo-lstm`, `demo-bert`, `demo-small` and `demo-tiny`, in this order, and writes
each to `subjects/demo/<name>/`: fp16 weights (safetensors), `config.json`, tokenizer files and
`card.json`, which says what it was trained on and how good it is on held-out text.

`--work` holds the tokenizer, the token streams and a checkpoint for each subject: a run that
was stopped goes on where it stood.  A GPU is used if there is one and none is needed; on two
cores without one the whole build takes about an hour and a half.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch import nn

ROOT = Path(__file__).resolve().parent.parent
for _folder in (ROOT, ROOT / "scripts"):
    if str(_folder) not in sys.path:
        sys.path.insert(0, str(_folder))

from demo_build.card import build_card, task_items  # noqa: E402 - needs the path above
from demo_build.data import SOURCES, Tokens, make_plan, token_stream, tokenizer_sample  # noqa: E402
from demo_build.evaluation import (  # noqa: E402
    choose,
    heldout_windows,
    loss_report,
    masked_report,
)
from demo_build.models import RECIPES, Recipe, load_model, save_model  # noqa: E402
from demo_build.tokenizer import load_tokenizer, save_tokenizer, train_tokenizer  # noqa: E402
from demo_build.training import train  # noqa: E402
from tokenizers import Tokenizer  # noqa: E402

DATA_SEED = 1
TOKENIZER_CHARACTERS = 1_200_000  # of each phenomenon, beside the library's
EPOCHS = 2.0  # at most so many passes over a stream of generated text
PROBE_ITEMS = 200


def prepare_tokenizer(work: Path) -> Tokenizer:
    """The shared tokenizer: from the work folder, or trained now."""
    file = work / "tokenizer.json"
    if not file.exists():
        started = time.monotonic()
        train_tokenizer(tokenizer_sample(DATA_SEED, TOKENIZER_CHARACTERS)).save(str(file))
        print(f"tokenizer trained in {time.monotonic() - started:.0f} s", flush=True)
    return load_tokenizer(file)


def prepare_streams(work: Path, tokenizer: Tokenizer) -> dict[str, Tokens]:
    """Training tokens of every source, enough for the hungriest recipe."""
    streams = {}
    for source in SOURCES:
        phases = [p for r in RECIPES.values() for p in (r, r.second) if p is not None]
        wanted = max(p.tokens * p.shares(SOURCES).get(source, 0.0) for p in phases) / EPOCHS
        streams[source] = token_stream(
            source, "train", DATA_SEED, int(wanted), tokenizer, work / "tokens"
        )
        print(f"{source}: {len(streams[source]):,} training tokens", flush=True)
    return streams


def make_probe(recipe: Recipe, tokenizer: Tokenizer) -> Callable[[nn.Module], str]:
    """A function that sums up, in one line, what a half-trained subject can do."""
    windows = heldout_windows(recipe.shares(SOURCES), 300, DATA_SEED, tokenizer)
    items = {} if recipe.kind == "masked" else task_items(PROBE_ITEMS)

    def probe(model: nn.Module) -> str:
        if recipe.kind == "masked":
            report = masked_report(model, windows, recipe)
            return f"masked accuracy {report['accuracy']['value']} ratio {report['ratio']}"
        report = loss_report(model, windows)
        parts = [f"held-out {report['loss']} reduction {report['reduction']:.3f}"]
        for task, chosen in items.items():
            result = choose(model, chosen, tokenizer)
            parts.append(f"{task} {result.preferred / result.n:.2f}/{result.exact / result.n:.2f}")
        return " | ".join(parts)

    return probe


def write_card(recipe: Recipe, folder: Path, device: torch.device, seconds: float | None) -> None:
    """Evaluate what stands in `folder` and write its card."""
    tokenizer = load_tokenizer(folder / "tokenizer.json")
    file = folder / "card.json"
    if seconds is None and file.exists():
        seconds = json.loads(file.read_text(encoding="utf-8"))["training"]["seconds"]
    model = load_model(recipe, folder).to(device)
    card = build_card(recipe, model, tokenizer, DATA_SEED, seconds)
    partial = file.with_suffix(".partial")
    partial.write_text(json.dumps(card, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    partial.replace(file)
    print(f"{recipe.name}: wrote {file}", flush=True)


def build(
    recipe: Recipe,
    streams: dict[str, Tokens],
    tokenizer: Tokenizer,
    work: Path,
    folder: Path,
    device: torch.device,
) -> None:
    """Train one subject and write its folder."""
    model: nn.Module | None = None
    seconds = 0.0
    for phase in (recipe, recipe.second):
        if phase is None:
            continue
        plan = make_plan(
            streams,
            phase.shares(SOURCES),
            tokens=phase.tokens,
            tokens_per_step=phase.tokens_per_step,
            lengths=phase.lengths,
            seed=phase.seed,
        )
        probe = make_probe(recipe, tokenizer)
        model, spent = train(phase, plan, streams, work, device, probe, model)
        seconds += spent
    assert model is not None  # the first phase always runs
    folder.mkdir(parents=True, exist_ok=True)
    save_tokenizer(tokenizer, folder, masked=recipe.kind == "masked")
    save_model(model, folder)
    write_card(recipe, folder, device, seconds)


def main() -> None:
    """Parse the command line and build."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--subject", choices=["all", *RECIPES], default="all")
    parser.add_argument("--work", type=Path, required=True, help="cache and checkpoints")
    parser.add_argument("--out", type=Path, default=ROOT / "subjects" / "demo")
    parser.add_argument("--device", choices=["auto", "cpu", "cuda"], default="auto")
    parser.add_argument("--threads", type=int, default=0, help="0: PyTorch's choice")
    parser.add_argument(
        "--tokens", action="append", default=[], metavar="NAME=N", help="another token budget"
    )
    parser.add_argument("--evaluate-only", action="store_true", help="rewrite the cards")
    options = parser.parse_args()

    recipes = dict(RECIPES)
    for setting in options.tokens:
        name, _, number = setting.partition("=")
        if name not in recipes or not number.isdigit():
            parser.error(f"--tokens wants NAME=N with a subject's name, not {setting!r}")
        recipes[name] = dataclasses.replace(recipes[name], tokens=int(number))
    chosen = list(recipes.values()) if options.subject == "all" else [recipes[options.subject]]
    cuda = options.device == "cuda" or (options.device == "auto" and torch.cuda.is_available())
    device = torch.device("cuda" if cuda else "cpu")
    if options.threads:
        torch.set_num_threads(options.threads)
    torch.set_flush_denormal(True)

    if options.evaluate_only:
        for recipe in chosen:
            write_card(recipe, options.out / recipe.name, device, None)
        return
    options.work.mkdir(parents=True, exist_ok=True)
    tokenizer = prepare_tokenizer(options.work)
    streams = prepare_streams(options.work, tokenizer)
    for recipe in chosen:
        finished = options.work / f"{recipe.name}.done"
        if finished.exists():
            print(f"{recipe.name}: already built", flush=True)
            continue
        build(recipe, streams, tokenizer, options.work, options.out / recipe.name, device)
        finished.touch()


if __name__ == "__main__":
    main()
