"""What collection costs: tokens per second against a bare forward pass of the same model.

Keys of ``--json``: ``model``, ``tokens``, ``repeats``, ``threads``, ``device``, tokens per second
of ``base`` (base model, keeps nothing), ``full`` (with LM head), ``collect`` (all MLP sites,
everything kept) and ``naive`` (store all activations, then top-k); ``ratio_collect_base``,
``ratio_collect_full``, ``ratio_naive_base``, each with ``_low`` and ``_high``; ``memory`` with peak
resident megabytes at one and at ten times the corpus and ``ratio_memory``. With ``--gpt2`` also
``gpt2``: the same ratios for a random model of GPT-2 small's shape.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from benchmarks.timing import interleaved, ratio
from core.hashing import unit_interval
from subjects.corpora.builtin import BuiltinCorpus
from subjects.huggingface import HuggingFaceSubject
from subjects.index.shard import batch_windows, collect_shard
from subjects.index.state import SiteState
from subjects.index.windows import DocumentWindows, cut
from subjects.protocol import SiteInfo
from subjects.registry import load_subject

WINDOW = 64


def documents(subject: HuggingFaceSubject, windows: int) -> list[DocumentWindows]:
    """Cut documents of the built-in corpus until ``windows`` windows are reached."""
    found: list[DocumentWindows] = []
    held = 0
    for document in BuiltinCorpus().documents():
        part = cut(document, subject, WINDOW, 16)
        if len(part.ids):
            found.append(part)
            held += len(part.ids)
        if held >= windows:
            break
    return found


def contestants(
    subject: HuggingFaceSubject, cuts: list[DocumentWindows], sites: list[SiteInfo]
) -> dict[str, Callable[[], object]]:
    """The four ways to run the model over the same windows, in batches of the same size."""
    ids = np.concatenate([c.ids for c in cuts])
    step = batch_windows(sites, WINDOW)
    names = [s.name for s in sites]
    batches = [
        torch.from_numpy(subject.batch(ids[i : i + step]).ids).to(subject.device)
        for i in range(0, len(ids), step)
    ]
    empty = {s.name: SiteState.empty(s) for s in sites}

    @torch.no_grad()
    def base() -> None:
        for batch in batches:
            subject.model.base_model(input_ids=batch, use_cache=False)
        _synchronise()

    @torch.no_grad()
    def full() -> None:
        for batch in batches:
            subject.model(input_ids=batch, use_cache=False)
        _synchronise()

    def collect() -> None:
        result = collect_shard(subject, sites, 0, cuts)
        for name, state in empty.items():
            state.fold(result.states[name])
        _synchronise()

    def naive() -> None:
        kept: dict[str, list[torch.Tensor]] = {name: [] for name in names}
        for i in range(0, len(ids), step):
            values = subject.activations(subject.batch(ids[i : i + step]), names)
            for name in names:
                kept[name].append(values[name].clone())
        for name in names:
            torch.cat(kept[name]).amax(1).topk(min(20, len(ids)), dim=0)
        _synchronise()

    return {"base": base, "full": full, "collect": collect, "naive": naive}


def measure(subject: HuggingFaceSubject, windows: int, repeats: int) -> dict[str, Any]:
    """Speeds and ratios of one model."""
    sites = [s for name, s in subject.sites().items() if name.startswith("mlp.")]
    cuts = documents(subject, windows)
    tokens = sum(c.ids.size for c in cuts)
    seconds = interleaved(contestants(subject, cuts, sites), repeats)
    figures: dict[str, Any] = {"model": subject.spec.name, "tokens": tokens, "repeats": repeats}
    for name, values in seconds.items():
        figures[name] = round(tokens / float(np.median(values)))
    figures |= ratio("collect_base", seconds["base"], seconds["collect"])
    figures |= ratio("collect_full", seconds["full"], seconds["collect"])
    figures |= ratio("naive_base", seconds["base"], seconds["naive"])
    return figures


def gpt2_shaped() -> HuggingFaceSubject:
    """A random model of GPT-2 small's shape behind the demo's tokenizer."""
    from transformers import GPT2Config, GPT2LMHeadModel, PreTrainedTokenizerFast

    from subjects.huggingface import wrap_model
    from subjects.planted.tokens import DEMO_TOKENIZER

    tokenizer = PreTrainedTokenizerFast(tokenizer_file=str(DEMO_TOKENIZER))
    torch.manual_seed(0)
    config = GPT2Config(bos_token_id=0, eos_token_id=0)
    return wrap_model(GPT2LMHeadModel(config), tokenizer, name="gpt2-shaped")


def memory() -> dict[str, float]:
    """Peak resident memory of ``collect`` in its own process, at 1 and at 10 times the corpus."""
    peaks = {}
    for scale in (1, 10):
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.collect", "--memory-child", str(scale)],
            check=True,
            capture_output=True,
            text=True,
        )
        peaks[scale] = float(done.stdout.split()[-1])
    return {
        "peak_mb": round(peaks[1], 1),
        "peak_mb_ten_times": round(peaks[10], 1),
        "ratio_memory": round(peaks[10] / peaks[1], 3),
    }


def _memory_child(scale: int) -> None:
    """Collect ``scale`` times a small corpus into a temporary home and print the peak in MiB."""
    import tempfile
    from pathlib import Path

    from subjects.corpora.document import Document
    from subjects.index.collect import CollectPlan, collect

    class Slice:
        name = "slice"
        n_documents = None
        fingerprint = f"slice-{scale}"

        def documents(self) -> Any:
            chosen = [
                d
                for d in BuiltinCorpus(per_phenomenon=20).documents()
                if unit_interval("slice", d.id) < 0.5
            ]
            for copy in range(scale):
                for d in chosen:
                    name = f"{copy}/{d.id}"
                    yield Document(name, f"{copy} {d.text}", d.type, f"{copy}/{d.group}")

    subject = load_subject("demo")
    sites = [s for name, s in subject.sites().items() if name.startswith("mlp.")]
    with tempfile.TemporaryDirectory() as home:
        collect(CollectPlan(subject, Slice(), sites, per_document=4), Path(home))
    # Not ru_maxrss, which a child process inherits from the larger parent that started it.
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    print(next(int(line.split()[1]) for line in status.splitlines() if "VmHWM" in line) / 1024)


def _synchronise() -> None:
    if torch.cuda.is_available():
        torch.cuda.synchronize()


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--windows", type=int, default=1024)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--gpt2", action="store_true")
    parser.add_argument("--no-memory", action="store_true")
    parser.add_argument("--memory-child", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.memory_child:
        _memory_child(options.memory_child)
        return
    subject = load_subject("demo")
    assert isinstance(subject, HuggingFaceSubject)
    figures = measure(subject, options.windows, options.repeats)
    figures |= {
        "threads": torch.get_num_threads(),
        "device": str(subject.device),
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
    }
    if not options.no_memory:
        figures["memory"] = memory()
    if options.gpt2:
        figures["gpt2"] = measure(gpt2_shaped(), 96, max(3, options.repeats // 2))
    if options.json:
        print(json.dumps(figures))
        return
    _table(figures)
    if "gpt2" in figures:
        _table(figures["gpt2"])
    if "memory" in figures:
        held = figures["memory"]
        print(
            f"peak memory {held['peak_mb']} MiB, at ten times the corpus "
            f"{held['peak_mb_ten_times']} MiB: ratio {held['ratio_memory']}"
        )


def _table(figures: dict[str, Any]) -> None:
    print(f"{figures['model']}: {figures['tokens']:,} tokens, {figures['repeats']} repeats")
    for name in ("base", "full", "collect", "naive"):
        print(f"  {name:<8} {figures[name]:>9,} tokens/s")
    for name in ("collect_base", "collect_full", "naive_base"):
        key = f"ratio_{name}"
        print(f"  {key:<20} {figures[key]} [{figures[key + '_low']}, {figures[key + '_high']}]")


if __name__ == "__main__":
    main()
