"""What is measured: the service as a process of its own, over an exchange on anvil."""

import asyncio
import os
import socket
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp

from ledger.chain.devnet import Devnet
from ledger.chain.rpc import Rpc
from tests.integration.api.market import PASSPHRASE, Market, deployment


@dataclass(frozen=True, slots=True)
class Running:
    market: Market
    url: str
    pid: int
    folder: Path


@asynccontextmanager
async def serving() -> AsyncIterator[Running]:
    with tempfile.TemporaryDirectory(prefix="socai-bench-") as name:
        folder = Path(name)
        async with Devnet(port=18745) as chain, Rpc(chain.url) as rpc:
            deployed = await deployment(chain, folder)
            async with process(folder, chain.url) as (pid, url):
                yield Running(Market(deployed, rpc), url, pid, folder)


@asynccontextmanager
async def process(folder: Path, rpc_url: str) -> AsyncIterator[tuple[int, str]]:
    """`python -m api` over a folder that has keys and a manifest; its id and where it answers."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    environment = {
        "SOCAI_DATA": str(folder),
        "SOCAI_RPC_URL": rpc_url,
        "SOCAI_PASSPHRASE": PASSPHRASE,
        "SOCAI_PORT": str(port),
        "SOCAI_PUBLIC_URL": "http://127.0.0.1:8000",
        "SOCAI_ADDRESS_RATE": "0",
        "SOCAI_ACCOUNT_RATE": "0",
        "SOCAI_BLOCK_AGE_SECONDS": "86400",
    }
    running = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "api"),
        env=os.environ | environment,
        cwd=Path(__file__).parents[2],
        stderr=asyncio.subprocess.DEVNULL,
    )
    url = f"http://127.0.0.1:{port}"
    try:
        async with aiohttp.ClientSession() as http:
            for _ in range(600):
                try:
                    async with http.get(f"{url}/v1/health"):
                        break
                except aiohttp.ClientError:
                    await asyncio.sleep(0.1)
        yield running.pid, url
    finally:
        if running.returncode is None:
            running.terminate()
        await running.wait()
