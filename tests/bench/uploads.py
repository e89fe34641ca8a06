"""A large upload through a small process: scripts/bench uploads [GIBIBYTES]

A stream made up as it goes is sent in sections at once; meanwhile another client asks small questions. The
throughput, the most memory that the process had resident, and how long the other client waited. Needs twice
the size on disk while the parts are joined.
"""

import asyncio
import statistics
import sys
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import aiohttp

from ledger.crypto.chunked import SEALED_BLOCK, ciphertext_size
from ledger.crypto.merkle import leaf_count, leaf_range
from tests.bench.figures import Figure, show
from tests.bench.service import Running, serving
from tests.integration.api.market import SELLER
from tests.integration.api.sign_in import token

SECTIONS: Final = 2
PIECE: Final = bytes(range(256)) * 1024
TUS: Final = {"Tus-Resumable": "1.0.0"}


@dataclass(frozen=True, slots=True)
class Measured:
    """Seconds; bytes resident at most, before and after; seconds of the other client's questions, before and
    during the upload."""

    seconds: float
    before: int
    resident: int
    quiet: list[float]
    busy: list[float]


async def measure(running: Running, total: int) -> Measured:
    """Sends `total` bytes of ciphertext, which must be the size of one."""
    headers = {"Authorization": f"Bearer {await token(running.url, SELLER)}"}
    async with aiohttp.ClientSession(running.url, headers=headers, timeout=aiohttp.ClientTimeout()) as http:
        quiet = [await _ask(http) for _ in range(50)]
        before = resident(running.pid)
        async with http.post("/v1/deposits") as response:
            deposit = (await response.json())["id"]
        blocks, cuts = leaf_count(total), [0]
        cuts += [leaf_range(blocks * n // SECTIONS, total)[0] for n in range(1, SECTIONS)]
        sending = asyncio.gather(
            *(
                _send(http, deposit, start, end, total)
                for start, end in zip(cuts, [*cuts[1:], total], strict=True)
            )
        )
        since, busy = time.perf_counter(), []
        while not sending.done():
            busy.append(await _ask(http))
            await asyncio.sleep(0.02)
        await sending
        seconds = time.perf_counter() - since
        async with http.get(f"/v1/deposits/{deposit}") as response:
            upload = (await response.json())["upload"]
        assert upload is not None
        assert upload["size"] == total
    return Measured(seconds, before, resident(running.pid), quiet, busy)


def resident(pid: int) -> int:
    """The most bytes that a process ever had resident."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) * 1024


async def _send(http: aiohttp.ClientSession, deposit: str, start: int, end: int, total: int) -> None:
    query = f"?start={start}&total={total}"
    length = TUS | {"Upload-Length": str(end - start)}
    async with http.post(f"/v1/deposits/{deposit}/uploads{query}", headers=length) as response:
        assert response.status == 201, await response.text()
        location = response.headers["Location"]

    async def body() -> AsyncIterator[bytes]:
        for at in range(start, end, len(PIECE)):
            yield PIECE[: end - at]

    stream = {"Content-Type": "application/offset+octet-stream", "Upload-Offset": "0"}
    async with http.patch(location, headers=TUS | stream, data=body()) as response:
        assert response.status == 204, await response.text()


async def _ask(http: aiohttp.ClientSession) -> float:
    since = time.perf_counter()
    async with http.get("/v1/problems/denied") as response:
        await response.read()
    return time.perf_counter() - since


def p95(times: list[float]) -> float:
    return statistics.quantiles(times, n=20)[-1] * 1e3


async def figures(gibibytes: float = 20) -> list[Figure]:
    total = ciphertext_size(int(gibibytes * (1 << 30)) // SEALED_BLOCK * SEALED_BLOCK)
    async with serving() as running:
        found = await measure(running, total)
    waited, alone = p95(found.busy), p95(found.quiet)
    return [
        Figure(name=f"upload of {gibibytes:g} GiB", value=total / found.seconds / 1e9, unit="GB/s"),
        Figure(
            name="most memory during the upload",
            value=found.resident / 1e6,
            unit="MB",
            reference="before",
            ratio=found.resident / found.before,
            less=True,
        ),
        Figure(
            name="another client's p95 meanwhile",
            value=waited,
            unit="ms",
            reference="alone",
            ratio=waited / alone,
            less=True,
        ),
    ]


if __name__ == "__main__":
    show(asyncio.run(figures(*map(float, sys.argv[1:]))))
