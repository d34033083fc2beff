"""How many workers fit, and what each reserves."""

from __future__ import annotations

import os
from dataclasses import dataclass
from math import ceil
from typing import Any

import torch

from neuroscribe.engines.ray import RayCluster, Share
from subjects.loading import resolve_device


@dataclass(frozen=True, slots=True)
class Fit:
    """A cluster, ``workers`` of it with their ``share`` each, and how each loads a subject."""

    cluster: RayCluster
    workers: int
    share: Share
    threads: int
    device: Any


def fit(address: str | None, workers: int | None, device: Any) -> Fit:
    """Connect to Ray and see what fits.

    ``workers`` None is one a GPU, or one for every ``threads`` CPUs (threads being what torch uses
    in this process). ``address`` None starts Ray on this machine.
    """
    threads = torch.get_num_threads()
    kind = resolve_device(device).type
    here = max(1, (os.cpu_count() or 1) // threads)
    if kind == "cuda":
        here = torch.cuda.device_count()
    wanted = workers or here
    cluster = RayCluster(address, cpus=wanted * threads)
    has = cluster.resources()
    gpus = has.get("GPU", 0.0) if kind == "cuda" else 0.0
    if workers is None and address is not None:
        wanted = max(1, int(gpus or has.get("CPU", 1) / threads))
    share = Share(cpus=threads)
    if kind == "cuda":
        share = Share(cpus=1, gpus=1 / ceil(max(1.0, wanted / max(gpus, 1.0))))
    return Fit(cluster, wanted, share, threads, kind)
