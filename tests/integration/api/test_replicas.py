"""Several replicas on one PostgreSQL database: any of them serves anybody, and one leads."""

import asyncio
import json
import multiprocessing
import os
import signal
import socket
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from io import BytesIO
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Final

import aiohttp
import pytest
from aiohttp import web

from api.__main__ import main
from api.settings import Settings
from ledger.crypto.merkle import leaf_count, leaf_range
from ledger.crypto.seal import PrivateKey
from tests.integration.api.conftest import Client, Clock, query, running
from tests.integration.api.dataset import Dataset
from tests.integration.api.market import PASSPHRASE, SELLER, Market
from tests.integration.api.test_grants import asking, holder, selling
from tests.integration.api.test_uploads import PLAINTEXT, assert_held, offset, opened, sent

pytestmark = pytest.mark.parametrize("database", ["postgresql"], indirect=True)
KEY: Final = PrivateKey.generate()
LEADER: Final = (
    "SELECT application_name FROM pg_locks JOIN pg_stat_activity USING (pid) "
    "WHERE locktype = 'advisory' AND objid = 2 AND granted AND datname = current_database()"
)
FORKS: Final = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload(["api.__main__"])


@asynccontextmanager
async def in_turn(*origins: str) -> AsyncIterator[str]:
    """A proxy that sends each request to the next replica; its address."""
    turns = 0

    async def forward(request: web.Request) -> web.StreamResponse:
        nonlocal turns
        turns += 1
        headers = {name: value for name, value in request.headers.items() if name.lower() != "host"}
        async with http.request(
            request.method,
            origins[turns % len(origins)] + request.path_qs,
            headers=headers,
            data=BytesIO(body) if (body := await request.read()) else None,
            allow_redirects=False,
            auto_decompress=False,
        ) as answer:
            return web.Response(status=answer.status, headers=answer.headers, body=await answer.read())

    app = web.Application(client_max_size=1 << 28)
    app.router.add_route("*", "/{path:.*}", forward)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0)
    await runner.setup()
    async with aiohttp.ClientSession(auto_decompress=False) as http:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        try:
            yield f"http://127.0.0.1:{runner.addresses[0][1]}"
        finally:
            await runner.cleanup()


@pytest.fixture
async def both(settings: Settings, clock: Clock) -> AsyncIterator[Client]:
    """A caller of two replicas in turn."""
    async with (
        running(settings, clock) as one,
        running(settings, clock) as two,
        in_turn(one.origin, two.origin) as origin,
        aiohttp.ClientSession() as http,
    ):
        yield Client(http, origin, one.app)


async def test_R13_a_sale_goes_through_replicas_in_turn(both: Client, market: Market) -> None:
    seller = await both.sign_in(SELLER)  # a nonce of one, a session of the other
    once = {"headers": {"Idempotency-Key": "the-same"}}
    opened = [await seller.call("POST", "/v1/deposits", **once) for _ in range(4)]
    assert len({json.dumps(body) for _, body in opened}) == 1
    dataset = await Dataset.deposited(seller)
    sold = await selling(market, dataset)
    buyer = await holder(both, market, KEY)
    answers = [await buyer.call("POST", sold.path, json=asking(KEY)) for _ in range(2)]
    assert [status for status, _ in answers] == [201, 201]
    assert (await buyer.call("DELETE", "/v1/auth/session"))[0] == 204
    for _ in range(2):  # signed out of all
        assert (await buyer.call("POST", sold.path, json=asking(KEY)))[0] == 401


async def test_R13_chunks_of_one_upload_go_to_replicas_in_turn(both: Client, settings: Settings) -> None:
    seller = await both.sign_in(SELLER)
    dataset = await Dataset.open(seller, PLAINTEXT)
    path, total = await opened(seller, dataset), len(dataset.ciphertext)
    blocks = [leaf_range(block, total) for block in range(leaf_count(total))]
    for start, end in blocks:
        assert await offset(seller, path) == start
        for status in (204, 409) if end < total else (204,):  # three requests for each: they alternate
            assert (await sent(seller, path, start, dataset.ciphertext[start:end]))[0] == status
    assert len(blocks) > 2
    await assert_held(seller, dataset, settings)


# Processes, and kill -9 ------------------------------------------------------------------------------------


def serve(environment: dict[str, str], log: Path) -> None:
    os.environ.update(environment)
    with log.open("w") as sys.stderr:
        sys.exit(main())


def replica(settings: Settings, name: str) -> tuple[BaseProcess, str]:
    """A service in a process of its own, and its address."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    environment = {
        "SOCAI_DATA": str(settings.data),
        "SOCAI_DATABASE_URL": settings.database,
        "SOCAI_PASSPHRASE": PASSPHRASE,
        "SOCAI_RPC_URL": settings.rpc_url,
        "SOCAI_PORT": str(port),
    }
    process = FORKS.Process(target=serve, args=(environment, settings.data / f"{name}.log"))
    process.start()
    return process, f"http://127.0.0.1:{port}"


async def leading(settings: Settings, but: int = 0) -> int:
    """The process that leads, another than `but`."""
    async with asyncio.timeout(120):
        while True:
            found = await asyncio.to_thread(query, settings, LEADER)
            if found and (pid := int(found[0][0].split()[-1])) != but:
                return pid
            await asyncio.sleep(0.05)


async def indexed(settings: Settings, number: int) -> None:
    async with asyncio.timeout(120):
        while True:
            found = await asyncio.to_thread(query, settings, "SELECT head_number FROM index_cursor")
            if found and found[0][0] >= number:
                return
            await asyncio.sleep(0.05)


async def test_threat_S17_R13_another_leads_after_kill_9(
    settings: Settings, market: Market, capsys: pytest.CaptureFixture[str]
) -> None:
    replicas = [replica(settings, name) for name in ("one", "two")]
    try:
        first = await leading(settings)
        assert first in {process.pid for process, _ in replicas}
        await indexed(settings, (await market.head())[0])
        started = time.monotonic()
        os.kill(first, signal.SIGKILL)
        second = await leading(settings, but=first)
        took = time.monotonic() - started
        assert second in {process.pid for process, _ in replicas}
        await market.rpc.request("evm_mine")
        await indexed(settings, (await market.head())[0])
        with capsys.disabled():
            print(f"\nanother replica leads {took:.2f} s after kill -9")  # noqa: T201
        assert took < 30  # on a loaded machine; half a second between two tries
    finally:
        for process, _ in replicas:
            process.kill()
            process.join()
