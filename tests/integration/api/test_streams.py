"""Plaintext streams: for whom, which part, and for how long."""

from contextlib import suppress

import aiohttp
import pytest

from api.settings import Settings
from ledger.crypto.chunked import BLOCK
from ledger.domain.entitlement import STREAMING
from tests.integration.api.conftest import Client, Clock, running
from tests.integration.api.dataset import Dataset
from tests.integration.api.market import BUYER, SELLER, Market
from tests.integration.api.test_grants import Sold, records, selling
from tests.integration.node import Node

PLAINTEXT = bytes(range(251)) * 13_000
"""Three blocks and a bit."""


async def streamed(client: Client, market: Market, plaintext: bytes = PLAINTEXT) -> Sold:
    dataset = await Dataset.deposited(await client.sign_in(SELLER), plaintext)
    return await selling(market, dataset, flags=STREAMING)


@pytest.mark.parametrize(
    ("header", "part"),
    [
        (None, slice(None)),
        ("bytes=0-0", slice(0, 1)),
        (f"bytes={BLOCK - 1}-{BLOCK}", slice(BLOCK - 1, BLOCK + 1)),
        (f"bytes={BLOCK + 5}-", slice(BLOCK + 5, None)),
        ("bytes=-10", slice(-10, None)),
    ],
)
async def test_the_holder_reads_in_the_clear_whole_or_in_part(
    client: Client, market: Market, settings: Settings, header: str | None, part: slice
) -> None:
    sold = await streamed(client, market)
    buyer = await client.sign_in(BUYER)
    headers = {"Range": header} if header else {}
    async with buyer.request("GET", f"/v1/licences/{sold.licence}/plaintext", headers=headers) as response:
        assert response.status == (206 if header else 200)
        assert response.content_type == "text/csv"
        assert response.headers["Cache-Control"] == "no-store"
        assert response.headers["Content-Disposition"] == "attachment"
        assert await response.read() == PLAINTEXT[part]
    assert [row[0] for row in records(settings)] == [None]


async def test_an_empty_payload_and_a_part_behind_the_end(client: Client, market: Market) -> None:
    sold = await streamed(client, market, b"")
    buyer = await client.sign_in(BUYER)
    path = f"/v1/licences/{sold.licence}/plaintext"
    async with buyer.request("GET", path) as response:
        assert (response.status, await response.read()) == (200, b"")
    assert (await buyer.call("GET", path, headers={"Range": "bytes=5-"}))[0] == 416


async def test_R16_a_plan_without_streaming_releases_keys_only(
    client: Client, market: Market, settings: Settings
) -> None:
    sold = await selling(market, await Dataset.deposited(await client.sign_in(SELLER)))
    buyer = await client.sign_in(BUYER)
    status, refused = await buyer.call("GET", f"/v1/licences/{sold.licence}/plaintext")
    assert (status, refused["code"]) == (403, "not-streamed")
    assert [row[0] for row in records(settings)] == ["not-streamed"]


@pytest.mark.parametrize("end", ["revoked", "unreachable"])
async def test_threat_S04_a_stream_stops_when_the_right_ends(
    settings: Settings, clock: Clock, market: Market, node: Node, end: str
) -> None:
    eager = settings.model_copy(update={"stream_check_seconds": 0})
    async with running(eager, clock) as client:
        plaintext = bytes(64 * BLOCK)
        sold = await streamed(client, market, plaintext)
        buyer = await client.sign_in(BUYER)
        path, got = f"/v1/licences/{sold.licence}/plaintext", 0
        with suppress(aiohttp.ClientPayloadError):
            async with buyer.request("GET", path) as response:
                assert response.status == 200
                async for piece in response.content.iter_chunked(1 << 16):
                    if not got and end == "revoked":
                        await market.revoke(sold.licence)
                    node.down = end == "unreachable"
                    got += len(piece)
        assert 0 < got < len(plaintext)
        node.down = False
        assert [row[0] for row in records(settings)] == [
            None,
            "denied" if end == "revoked" else "node-unreachable",
        ]
        if end == "revoked":
            status, refused = await buyer.call("GET", path, headers={"Range": f"bytes={got}-"})
            assert (status, refused["reason"]) == (403, "Revoked")
