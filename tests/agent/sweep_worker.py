"""A process that sweeps a job and hangs at some units: started by a test, to be killed there."""

from __future__ import annotations

import asyncio
import sys

from sweep_examples import JOB, Asked, forever

from agent.sweep import sweep
from storage import open_store


async def main(url: str, hanging: list[int]) -> None:
    asked = Asked(dict.fromkeys(hanging, forever))
    with open_store(url) as store:
        running = asyncio.create_task(sweep(store.jobs, JOB, asked, concurrency=4, lease=1.0))
        await asked.begun(int(sys.argv[3]))
        while store.jobs.counts(JOB).done < int(sys.argv[3]) - len(hanging):
            await asyncio.sleep(0.01)
        sys.stdout.write("hanging\n")
        sys.stdout.flush()
        await running


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], [int(index) for index in sys.argv[2].split(",")]))
