"""How fast the service answers on loopback: stored units, texts run together, many event streams.

Keys of ``--json``. Reading a stored unit in an open loop (requests leave on a clock, whatever the
answers do): ``rate``, ``p50_ms``, ``p99_ms`` at the first rate; ``sustained`` is the highest rate
asked of which 99 % is answered within 50 ms. Texts: ``together`` and ``alone``, requests a second
of ``clients`` clients with and without joining those that wait; ``ratio_batching`` of the two with
``_low``, ``_high`` over repeats. Streams: ``streams`` open at once while a job runs, ``events``
each should hear, ``lost`` those that any did not.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import httpx2

from benchmarks.served import served
from benchmarks.timing import interleaved, ratio

UNIT = "planted/exact/3"
PATIENCE = 0.05
EACH = 12
LINES = 64
RATES = (200, 300, 400, 600, 800)


def batched(most: int) -> dict[str, str]:
    """The environment of a service that answers so many requests together."""
    return {"NEUROSCRIBE_SERVICE_BATCH": str(most), "NEUROSCRIBE_SERVICE_QUEUE": "1000"}


def made_corpus(folder: Path) -> Path:
    """A small corpus, so that the unit is explained in a moment."""
    from subjects.corpora.generated import documents

    path = folder / "corpus.jsonl"
    rows = [
        {"id": d.id, "text": d.text, "type": d.type, "group": d.group}
        for name in ("agreement", "prose")
        for d in documents(name, seed=3, count=60)
    ]
    path.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    return path


class Line:
    """A connection that is kept open, and hardly costs the one who asks anything."""

    def __init__(self, port: int) -> None:
        self.port = port

    async def open(self) -> Line:
        """Connect."""
        self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self.port)
        return self

    async def get(self, path: str) -> int:
        """The status of the answer, which is read whole."""
        if self.reader.at_eof():  # it was idle for so long that the service closed it
            self.writer.close()
            await self.open()
        self.writer.write(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        head = await self.reader.readuntil(b"\r\n\r\n")
        length = next(
            int(line.split(b":")[1])
            for line in head.lower().split(b"\r\n")
            if line.startswith(b"content-length:")
        )
        await self.reader.readexactly(length)
        return int(head[9:12])


async def reading(url: str, rate: float, seconds: float) -> list[float]:
    """Seconds that each request took from the moment it should have left."""
    port = int(url.rsplit(":", 1)[1])
    free: asyncio.LifoQueue[Line] = asyncio.LifoQueue()
    for _ in range(LINES):
        free.put_nowait(await Line(port).open())
    took: list[float] = []
    began = time.perf_counter()

    async def one(due: float) -> None:
        line = await free.get()
        assert await line.get(f"/v1/units/{UNIT}") == 200
        took.append(time.perf_counter() - began - due)
        free.put_nowait(line)

    tasks = []
    for i in range(int(rate * seconds)):
        due = i / rate
        if (ahead := began + due - time.perf_counter()) > 0:
            await asyncio.sleep(ahead)
        tasks.append(asyncio.create_task(one(due)))
    await asyncio.gather(*tasks)
    return took


async def running(url: str, clients: int, each: int) -> None:
    """``clients`` that send text after text, ``each`` so many."""
    limits = httpx2.Limits(max_connections=clients)
    async with httpx2.AsyncClient(base_url=url, limits=limits, timeout=60) as client:
        body = {"unit": "demo/mlp.2/163", "texts": ["warm"]}
        await client.post("/v1/activations", json=body)

        async def one(number: int) -> None:
            for i in range(each):
                text = f"Client {number} has the keys to cabinet {i}, " * 4
                answer = await client.post(
                    "/v1/activations", json={"unit": "demo/mlp.2/163", "texts": [text]}
                )
                assert answer.status_code == 200, answer.text

        await asyncio.gather(*(one(n) for n in range(clients)))


async def following(url: str, streams: int, units: int) -> tuple[int, int]:
    """Events that a job had, and how many of them were not heard, over all streams."""
    limits = httpx2.Limits(max_connections=streams + 8)
    async with httpx2.AsyncClient(base_url=url, limits=limits, timeout=300) as client:
        body = {"site": "planted/word", "units": f"0-{units - 1}", "mode": "one-shot"}
        job = (await client.post("/v1/jobs", json=body)).json()["id"]

        async def one() -> set[int]:
            heard = set()
            async with client.stream("GET", f"/v1/jobs/{job}/events") as stream:
                async for line in stream.aiter_lines():
                    if line.startswith("id: "):
                        heard.add(int(line[4:]))
            return heard

        everyone = await asyncio.gather(*(one() for _ in range(streams)))
    most = max(max(heard, default=0) for heard in everyone)
    return most, sum(most - len(heard) for heard in everyone)


def measure(arguments: argparse.Namespace) -> dict[str, Any]:
    """All figures."""
    found: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "home"
        corpus = made_corpus(Path(folder))
        with served(home, corpus, **batched(64)) as service:
            url = service.url
            body = {"unit": UNIT, "wait": 60}
            assert httpx2.post(f"{url}/v1/explanations", json=body, timeout=90).status_code == 200
            for rate in RATES:
                took = sorted(asyncio.run(reading(url, rate, arguments.seconds)))
                p99 = took[int(len(took) * 0.99)]
                if rate == RATES[0]:
                    found |= {
                        "rate": rate,
                        "p50_ms": 1000 * statistics.median(took),
                        "p99_ms": 1000 * p99,
                    }
                if p99 > PATIENCE:
                    break
                found["sustained"] = rate
            most, lost = asyncio.run(following(url, arguments.streams, 30))
            found |= {"streams": arguments.streams, "events": most, "lost": lost}
            with served(home, corpus, **batched(1)) as single:
                ways = {
                    "together": lambda: asyncio.run(running(url, arguments.clients, EACH)),
                    "alone": lambda: asyncio.run(running(single.url, arguments.clients, EACH)),
                }
                took_them = interleaved(ways, arguments.repeats)
    asked = arguments.clients * EACH
    found |= {name: asked / statistics.median(took) for name, took in took_them.items()}
    found["clients"] = arguments.clients
    return found | ratio("batching", took_them["alone"], took_them["together"])


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--clients", type=int, default=16)
    parser.add_argument("--streams", type=int, default=200)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    found = measure(arguments)
    if arguments.json:
        print(json.dumps(found))
        return
    for name, value in found.items():
        print(f"  {name:20} {value:.3f}" if isinstance(value, float) else f"  {name:20} {value}")


if __name__ == "__main__":
    main()
