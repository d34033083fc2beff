"""An activation index collected by workers on Ray, bit for bit the one that this process makes.

Documents go to the workers, which tokenise, cut and collect; the sums of each shard come back and
are folded here in shard order. Workers use as many threads as this process would: the kernels of a
matrix product may round differently with another number.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray

from core.errors import SubjectError
from core.version import code_version
from neuroscribe.engines.fit import fit
from neuroscribe.engines.pool import ATTEMPTS, ActorPool
from neuroscribe.engines.ray import RayCluster, import_ray
from neuroscribe.engines.work import refuse_other_code
from subjects.index.shard import ShardResult, ShardWork
from subjects.index.state import SiteState
from subjects.index.windows import DocumentWindows
from subjects.protocol import SiteInfo, Subject

if TYPE_CHECKING:
    from neuroscribe.recipe import SubjectRecipe

Arrays = dict[str, NDArray[Any]]


@dataclass(frozen=True, slots=True)
class PackedShard:
    """A shard's result as arrays, which Ray moves without copying."""

    number: int
    states: dict[str, Arrays]
    cuts: list[DocumentWindows]

    @classmethod
    def of(cls, result: ShardResult) -> PackedShard:
        """Pack it."""
        states = {
            site: {name: tensor.numpy() for name, tensor in state.tensors().items()}
            for site, state in result.states.items()
        }
        return cls(result.number, states, result.cuts)

    def unpack(self, sites: list[SiteInfo]) -> ShardResult:
        """The result, in memory of its own: what Ray hands out is shared and cannot be changed."""
        states = {
            site.name: SiteState.from_tensors(_tensors(self.states[site.name]), site)
            for site in sites
            if site.name in self.states
        }
        return ShardResult(self.number, states, [_own(windows) for windows in self.cuts])


def _tensors(arrays: Arrays) -> dict[str, torch.Tensor]:
    return {name: torch.from_numpy(np.array(array)) for name, array in arrays.items()}


def _own(windows: DocumentWindows) -> DocumentWindows:
    return replace(
        windows,
        ids=windows.ids.copy(),
        offsets=windows.offsets.copy(),
        priorities=windows.priorities.copy(),
    )


class ShardWorker:
    """A subject that collects what it is sent."""

    def __init__(self, subject: Subject) -> None:
        self._subject = subject

    def run(self, item: ShardWork, stopped: Callable[[], bool]) -> PackedShard:
        """Collect one shard."""
        return PackedShard.of(item.run(self._subject))


@dataclass(frozen=True, slots=True)
class ShardSpec:
    """How a worker loads its subject, and what the subject must turn out to be."""

    recipe: SubjectRecipe
    spec_hash: str
    code: str

    def open(self) -> ShardWorker:
        """Load the subject; :class:`SubjectError` when it is not the one that was meant."""
        refuse_other_code(self.code)
        subject = self.recipe.load()
        if subject.spec.hash != self.spec_hash:
            raise SubjectError(
                f"a worker's subject {self.recipe.name!r} is another model than this process's",
                "give every machine the same files and revision",
            )
        return ShardWorker(subject)


class RayShards:
    """Collects shards on Ray. Use in a ``with`` block; Ray starts when the first shard is wanted.

    ``workers`` None is as many as fit: one a GPU, or one for every ``threads`` CPUs (threads being
    what torch uses in this process). ``address`` is a cluster's, None starts Ray on this machine.
    """

    def __init__(
        self,
        recipe: SubjectRecipe,
        *,
        workers: int | None = None,
        address: str | None = None,
        attempts: int = ATTEMPTS,
    ) -> None:
        self._recipe, self._workers, self._address = recipe, workers, address
        self._attempts = attempts
        self._spec_hash = ""
        self._cluster: RayCluster | None = None
        self._pool: ActorPool[ShardWork, PackedShard] | None = None
        import_ray()

    def __enter__(self) -> RayShards:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the workers, and Ray if it was started for them."""
        pool, self._pool = self._pool, None
        cluster, self._cluster = self._cluster, None
        try:
            if pool is not None:
                pool.close()
        finally:
            if cluster is not None:
                cluster.close()

    def results(self, subject: Subject, work: Iterator[ShardWork]) -> Generator[ShardResult]:
        """See :class:`subjects.index.shard.Shards`: two shards a worker are under way."""
        if self._pool is None:
            self._pool, self._spec_hash = self._open(subject), subject.spec.hash
        if subject.spec.hash != self._spec_hash:
            raise SubjectError(
                f"these workers hold another subject than {subject.spec.name!r}",
                "open an engine for each subject",
            )
        sites: dict[int, list[SiteInfo]] = {}

        def noted() -> Iterator[ShardWork]:
            for shard in work:
                sites[shard.number] = shard.sites
                yield shard

        packed = self._pool.map(noted(), label=str)
        try:
            for shard in packed:
                yield shard.unpack(sites.pop(shard.number))
        finally:
            packed.close()

    def _open(self, subject: Subject) -> ActorPool[ShardWork, PackedShard]:
        """Connect to Ray and prepare its workers."""
        fitted = fit(self._address, self._workers, self._recipe.device)
        self._cluster = fitted.cluster
        source = self._recipe.folder
        recipe = replace(
            self._recipe,
            threads=fitted.threads,
            device=fitted.device,
            source=str(source) if source else self._recipe.source,
        )
        return ActorPool(
            self._cluster,
            ShardSpec(recipe, subject.spec.hash, code_version()),
            fitted.workers,
            share=fitted.share,
            attempts=self._attempts,
            queued=2,
        )
