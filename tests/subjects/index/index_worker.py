"""A process that collects, to be killed: ``index_worker.py HOME WHERE``.

``pass:N`` stops in the N-th pass of the subject, ``write:N`` in the middle of the N-th file; there
it prints ``here`` and waits.
"""

from __future__ import annotations

import sys
from pathlib import Path

import torch
from index_examples import ListCorpus, TableSubject, make_plan, random_documents

from subjects.index import files
from subjects.index.collect import collect

torch.set_num_threads(1)


def wait() -> None:
    sys.stdout.write("here\n")
    sys.stdout.flush()
    sys.stdin.read()


def main(home: str, where: str) -> None:
    kind, _, number = where.partition(":")
    left = int(number or 0)

    def countdown() -> None:
        nonlocal left
        left -= 1
        if left == 0:
            wait()

    subject = TableSubject(on_batch=countdown if kind == "pass" else lambda: None)
    plan = make_plan(subject, ListCorpus(random_documents(300, seed=1)))
    if kind == "write":
        whole = files.write_bytes

        def write_bytes(path: Path, data: bytes) -> str:
            nonlocal left
            left -= 1
            if left == 0:
                path.with_name(f"{path.name}.partial-0").write_bytes(data[: len(data) // 2])
                wait()
            return whole(path, data)

        files.write_bytes = write_bytes
    collect(plan, Path(home))


if __name__ == "__main__":
    main(*sys.argv[1:])
