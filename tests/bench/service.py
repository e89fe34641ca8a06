"""What is measured: the service as a process of its own, over an exchange on anvil."""

import asyncio
import os
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import aiohttp

from ledger.chain.devnet import Devnet
from ledger.chain.rpc import Rpc
from tests.e2e.conftest import free_port
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
        async with Devnet(port=free_port()) as chain, Rpc(chain.url) as rpc:
            deployed = await deployment(chain, folder)
            async with process(folder, chain.url) as (pid, url):
                yield Running(Market(deployed, rpc), url, pid, folder)


@asynccontextmanager
async def process(folder: Path, rpc_url: str) -> AsyncIterator[tuple[int, str]]:
    """`python -m api` over a folder that has keys and a manifest; its id and where it answers."""
    port = free_port()
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
        await answering(f"{url}/v1/health")
        yield running.pid, url
    finally:
        if running.returncode is None:
            running.terminate()
        await running.wait()


async def answering(url: str) -> None:
    """Until it does, with 200."""
    async with aiohttp.ClientSession() as http, asyncio.timeout(300):
        while True:
            with suppress(aiohttp.ClientError):
                async with http.get(url) as answer:
                    if answer.status == 200:
                        return
            await asyncio.sleep(0.02)
