"""How long the service and the command take to start, and what the idle service holds.

The service: from its start, over an exchange that it indexed before, until it is ready; against a bare
FastAPI application under the same server until it answers. The command: `socai --help` against Python alone.
Medians of rounds taken in turns.
"""

import asyncio
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from ledger.chain.devnet import Devnet
from tests.bench.figures import Figure, show
from tests.bench.service import answering, process
from tests.bench.uploads import resident
from tests.e2e.conftest import free_port
from tests.integration.api.market import deployment

ROUNDS: Final = 3
BARE: Final = """
import sys, fastapi, uvicorn
uvicorn.run(fastapi.FastAPI(), port=int(sys.argv[1]), log_level="error")
"""
COMMANDS: Final = {
    "socai": [str(Path(sys.executable).parent / "socai"), "--help"],
    "python": [sys.executable, "-c", "pass"],
}


async def figures() -> list[Figure]:
    seconds: dict[str, list[float]] = {"service": [], "bare": [], "socai": [], "python": []}
    memory: dict[str, list[int]] = {"service": [], "bare": []}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        async with Devnet(port=free_port()) as chain:
            await deployment(chain, folder)
            async with process(folder, chain.url):
                pass  # indexes
            for _ in range(ROUNDS):
                for kind, starting in (("service", process(folder, chain.url)), ("bare", _bare())):
                    started = time.perf_counter()
                    async with starting as (pid, url):
                        await answering(f"{url}/v1/ready" if kind == "service" else f"{url}/docs")
                        seconds[kind].append(time.perf_counter() - started)
                        memory[kind].append(resident(pid))
                for kind, command in COMMANDS.items():
                    started = time.perf_counter()
                    await asyncio.to_thread(subprocess.run, command, check=True, capture_output=True)
                    seconds[kind].append(time.perf_counter() - started)
    took = {kind: statistics.median(found) for kind, found in seconds.items()}
    held = {kind: statistics.median(found) for kind, found in memory.items()}
    return [
        Figure(name=name, value=value, unit=unit, reference=reference, ratio=value / other, less=True)
        for name, value, unit, reference, other in (
            ("start-up of the service", took["service"], "s", "bare FastAPI", took["bare"]),
            ("memory of the idle service", held["service"] / 1e6, "MB", "bare FastAPI", held["bare"] / 1e6),
            ("start-up of socai", took["socai"], "s", "Python", took["python"]),
        )
    ]


@asynccontextmanager
async def _bare() -> AsyncIterator[tuple[int, str]]:
    port = free_port()
    running = await asyncio.create_subprocess_exec(sys.executable, "-c", BARE, str(port))
    try:
        yield running.pid, f"http://127.0.0.1:{port}"
    finally:
        running.terminate()
        await running.wait()


if __name__ == "__main__":
    show(asyncio.run(figures()))
