"""Runs the program in forks of a process that has imported everything, so that it can be killed
at work and not at importing torch. Reads lists of words, one a line; says a PID, then a code.
"""

from __future__ import annotations

import json
import os
import sys

import torch

from neuroscribe.cli import main


def run(words: list[str], output: str) -> None:
    """The command, in this process, which ends with it."""
    into = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(into, 1)
    os.dup2(into, 2)
    code = 1
    try:
        main(words)
    except SystemExit as stop:
        code = int(stop.code or 0)
    finally:
        sys.stdout.flush()
        os._exit(code)


if __name__ == "__main__":
    import agent.graph
    import neuroscribe.sweeping
    import neuroscribe.writing
    from llms.providers import openai
    from neuroscribe.workspace import Workspace

    torch.set_num_threads(1)
    Workspace().subject("demo-tiny")
    agent.graph.build()
    assert openai
    assert neuroscribe.sweeping
    assert neuroscribe.writing
    sys.stdout.write("ready\n")
    for line in sys.stdin:
        sys.stdout.flush()
        pid = os.fork()
        if pid == 0:
            run(json.loads(line), sys.argv[1])
        sys.stdout.write(f"{pid}\n")
        sys.stdout.flush()
        sys.stdout.write(f"{os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])}\n")
        sys.stdout.flush()
