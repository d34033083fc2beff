"""A pool of worker processes: items in, answers out in the same order, dead workers replaced.

An item goes to a worker only once that worker has opened its spec. When a worker dies (killed, out
of memory, its machine gone) a new one is started and its items are sent again; an item that lost
``attempts`` workers fails with :class:`WorkerLost`, as it is likely to be what kills them. At most
``ahead`` items are taken before their answers are wanted, so memory is bounded.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Generator, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import repeat
from typing import Any, Generic

from core.errors import NeuroscribeError, WorkerFailed, WorkerLost
from neuroscribe.engines.ray import Lost, RayCluster, Share
from neuroscribe.engines.work import Done, Failed, Host, Item, Result, Spec

ATTEMPTS = 3
_LOOK_SECONDS = 1.0
_LAST_WORDS_SECONDS = 30.0


@dataclass(slots=True)
class _Task(Generic[Item, Result]):
    """One item under way, and how many workers it has lost."""

    item: Item
    lost: int = 0
    answer: Done[Result] | Failed | None = None


@dataclass(slots=True)
class _Member(Generic[Item, Result]):
    """One worker process, and its tasks in the order in which it works on them."""

    actor: Any
    ready: bool = False
    asked_to_stop: bool = False
    tasks: deque[_Task[Item, Result]] = field(default_factory=deque)


class ActorPool(Generic[Item, Result]):
    """``size`` workers opened from ``spec``, started when the first item is at hand.

    ``share`` is what each reserves of the cluster (where it is taken, workers wait for it),
    ``queued`` how many items one holds: two keep it busy while the caller looks at a result. When
    answers are no longer wanted, workers are asked to stop and given ``grace`` seconds to end; then
    they are killed. Use in a ``with`` block.
    """

    def __init__(
        self,
        cluster: RayCluster,
        spec: Spec[Item, Result],
        size: int,
        *,
        share: Share | None = None,
        attempts: int = ATTEMPTS,
        queued: int = 1,
        grace: float = 0.0,
    ) -> None:
        self._cluster, self._spec, self._size = cluster, spec, size
        self._share = share or Share()
        self._attempts, self._queued, self._grace = attempts, queued, grace
        self._members: list[_Member[Item, Result]] = []
        self._waiting: dict[Any, tuple[_Member[Item, Result], _Task[Item, Result] | None]] = {}
        self._to_send: deque[_Task[Item, Result]] = deque()
        self._failed_starts = 0

    def __enter__(self) -> ActorPool[Item, Result]:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End every worker now."""
        for member in list(self._members):
            self._remove(member)
        self._to_send.clear()

    def map(
        self, items: Iterable[Item], *, label: Callable[[Item], str] = repr
    ) -> Generator[Result]:
        """Results in the order of ``items``; the first error is raised in its place.

        ``label`` names an item in messages.
        """
        answers = self.answers(items, label=label)
        try:
            for answer in answers:
                if isinstance(answer, Failed):
                    raise _traced(answer)
                yield answer.value
        finally:
            answers.close()

    def answers(
        self,
        items: Iterable[Item],
        *,
        label: Callable[[Item], str] = repr,
        stopped: Callable[[], bool] = lambda: False,
    ) -> Generator[Done[Result] | Failed]:
        """Answers in the order of ``items``. What ``items`` raises comes after all of them.

        Once ``stopped`` says so, workers are asked to stop; what they answer is still given. Raises
        what opening the spec raised, and :class:`WorkerLost` when no worker can be started.
        """
        source, ahead = iter(items), self._size * self._queued
        taken: deque[_Task[Item, Result]] = deque()
        ended = False
        trouble: Exception | None = None
        try:
            while True:
                while not ended and len(taken) < ahead:
                    try:
                        task: _Task[Item, Result] = _Task(next(source))
                    except StopIteration:
                        ended = True
                    except Exception as error:
                        ended, trouble = True, error
                    else:
                        taken.append(task)
                        self._to_send.append(task)
                if not taken:
                    break
                self._start()
                if stopped():
                    self._ask_to_stop()
                self._send()
                if taken[0].answer is not None:
                    yield _named(taken.popleft(), label)
                else:
                    self._wait(_LOOK_SECONDS, label)
        finally:
            self._abandon(label)
        if trouble is not None:
            raise trouble

    def _start(self) -> None:
        """Start workers until there are enough of them."""
        if not self._members:
            self._cluster.check(self._share)
        while len(self._members) < self._size:
            actor = self._cluster.actor(Host, self._share, self._spec)
            member: _Member[Item, Result] = _Member(actor)
            self._members.append(member)
            self._waiting[actor.start.remote()] = (member, None)

    def _send(self) -> None:
        """Give waiting items to the workers that hold fewest."""
        while self._to_send:
            free = [m for m in self._members if m.ready and len(m.tasks) < self._queued]
            if not free:
                return
            member = min(free, key=lambda m: len(m.tasks))
            task = self._to_send.popleft()
            member.tasks.append(task)
            self._waiting[member.actor.run.remote(task.item)] = (member, task)

    def _wait(self, seconds: float, label: Callable[[Item], str]) -> None:
        """Look once at what has come back."""
        ready = self._cluster.ready(list(self._waiting), seconds)
        for reference in [r for r in self._waiting if r in ready]:
            if reference in self._waiting and not self._took(reference):
                self._replace(self._waiting[reference][0], label)

    def _took(self, reference: Any) -> bool:
        """Take one answer; False when there is none because its worker died."""
        answer = self._cluster.answer(reference)
        if isinstance(answer, Lost):
            return False
        member, task = self._waiting.pop(reference)
        if task is not None:
            task.answer = answer
            member.tasks.remove(task)
        elif isinstance(answer, Failed):
            raise _traced(answer)
        else:
            member.ready = True
            self._failed_starts = 0
        return True

    def _replace(self, member: _Member[Item, Result], label: Callable[[Item], str]) -> None:
        """Forget a dead worker; its items go to others, the one it was at with a count."""
        # It may have died after it had finished items: those are no suspects.
        own = [reference for reference, held in self._waiting.items() if held[0] is member]
        reason = Lost("it did not answer")
        for reference in own:
            if reference in self._cluster.all_ready([reference], _LAST_WORDS_SECONDS):
                if self._took(reference):
                    continue
                reason = self._cluster.answer(reference)
            break
        self._remove(member)
        if not member.tasks:
            self._failed_starts += 1
            if self._failed_starts >= self._attempts:
                raise WorkerLost(
                    f"no worker could be started, {self._failed_starts} died at it: {reason}",
                    "is the same neuroscribe installed on every machine, with memory to spare?",
                )
            return
        suspect = member.tasks[0]
        suspect.lost += 1
        if suspect.lost >= self._attempts:
            member.tasks.popleft()
            suspect.answer = Failed(
                WorkerLost(
                    f"{label(suspect.item)} lost its worker {suspect.lost} times: {reason}",
                    "memory may have run out: start fewer workers, or try --engine local",
                )
            )
        self._to_send.extendleft(reversed(member.tasks))

    def _remove(self, member: _Member[Item, Result]) -> None:
        """End a worker and wait for nothing of it."""
        self._cluster.kill(member.actor)
        self._members.remove(member)
        self._waiting = {r: held for r, held in self._waiting.items() if held[0] is not member}

    def _ask_to_stop(self) -> None:
        """Ask every worker, once; one that is starting will end its first item at once."""
        for member in self._members:
            if not member.asked_to_stop:
                member.asked_to_stop = True
                self._cluster.aside(member.actor.stop)

    def _abandon(self, label: Callable[[Item], str]) -> None:
        """End what nobody waits for: workers with items get ``grace`` seconds, then are killed."""
        self._to_send.clear()
        try:
            if self._grace and any(m.tasks for m in self._members):
                self._ask_to_stop()
                until = time.monotonic() + self._grace
                while any(m.tasks for m in self._members) and time.monotonic() < until:
                    with suppress(NeuroscribeError):  # whoever left does not ask any more
                        self._wait(_LOOK_SECONDS, label)
                    self._to_send.clear()
        finally:
            for member in [m for m in self._members if m.tasks]:
                self._remove(member)


def _traced(failed: Failed) -> NeuroscribeError:
    """The error, with a note on where it was raised (seen with ``--debug``)."""
    if failed.trace:
        failed.error.add_note(f"In a worker:\n{failed.trace}")
    return failed.error


def _named(task: _Task[Item, Result], label: Callable[[Item], str]) -> Done[Result] | Failed:
    """The task's answer; a failure that says nothing of the item is told which one it was."""
    answer = task.answer
    assert answer is not None
    if isinstance(answer, Failed) and isinstance(answer.error, WorkerFailed):
        error = WorkerFailed(f"{label(task.item)}: {answer.error.message}", answer.error.hint)
        return Failed(error, answer.trace)
    return answer


def run_on_each(
    cluster: RayCluster,
    spec: Spec[Item, Result],
    item: Item,
    *,
    workers: int,
    share: Share | None = None,
    attempts: int = ATTEMPTS,
    stopped: Callable[[], bool] = lambda: False,
    grace: float = 30.0,
) -> list[Result | NeuroscribeError]:
    """Run one job on ``workers`` workers at once and return how each ended: a result or an error.

    For jobs whose workers claim their work from a shared database: ``item`` is the job's ID, and a
    run ends when nothing is left to claim. A worker that dies is replaced and runs the job again,
    ``attempts`` times in all. A worker that ends before another has started may take its place.
    When ``stopped`` turns true, or the caller is interrupted, every worker is asked to stop (its
    ``stopped()`` turns true); interrupted, it has ``grace`` seconds to end by itself.
    """
    with ActorPool(
        cluster, spec, workers, share=share, attempts=attempts, grace=grace
    ) as pool:  # fmt: skip
        ends = pool.answers(repeat(item, workers), stopped=stopped)
        return [end.error if isinstance(end, Failed) else end.value for end in ends]
