"""Ciphertext in S3: downloads go to the store itself, and are checked as any other."""

import hashlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from api.settings import Settings
from ledger.client import payload as client_payload
from ledger.crypto.chunked import SEALED_BLOCK, ciphertext_size
from ledger.crypto.merkle import FIRST_LEAF
from tests.integration.api.conftest import Client, Clock, running
from tests.integration.api.dataset import Dataset
from tests.integration.api.market import SELLER, Market
from tests.integration.api.relay import Relay
from tests.integration.api.test_downloads import PLAINTEXT
from tests.integration.api.test_grants import selling
from tests.s3 import S3


@pytest.fixture
async def relay(s3: S3, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Relay]:
    """In front of the store, which everybody reaches through it."""
    async with Relay.before(s3.environment["AWS_ENDPOINT_URL"]) as relay:
        for name, value in (s3.environment | {"AWS_ENDPOINT_URL": relay.url}).items():
            monkeypatch.setenv(name, value)
        yield relay


@pytest.fixture
async def client(settings: Settings, clock: Clock, s3: S3, relay: Relay) -> AsyncIterator[Client]:
    chosen = {"objects": s3.bucket(), "sign_seconds": 60}
    async with running(settings.model_copy(update=chosen), clock) as client:
        yield client


async def test_R09_R16_bytes_bypass_the_service_and_a_cut_download_goes_on(
    client: Client, market: Market, relay: Relay, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client_payload, "PAUSE", 0.01)
    sold = await selling(market, await Dataset.deposited(await client.sign_in(SELLER), PLAINTEXT))
    async with market.acting("buyer", client.origin, tmp_path) as buyer:
        relay.most = int(1.5 * FIRST_LEAF)
        got = await buyer.fetch(sold.licence, tmp_path / "got")
    assert relay.cuts >= 3
    assert (tmp_path / "got").read_bytes() == PLAINTEXT
    assert got.sha256 == hashlib.sha256(PLAINTEXT).digest()


async def test_R12_only_an_exact_range_is_sent_elsewhere_and_it_is_logged(client: Client) -> None:
    seller = await client.sign_in(SELLER)
    dataset = await Dataset.deposited(seller)
    path, size = f"/v1/payloads/0x{dataset.root.hex()}", len(dataset.ciphertext)
    before = (await client.services.access_log.checkpoint()).size
    for asked, status in (
        ("bytes=10-19", 307),
        (f"bytes=0-{size - 1}", 307),
        ("bytes=10-", 206),  # the store would add the leaves, which it keeps behind the ciphertext
        ("bytes=-10", 206),
        (f"bytes=10-{size}", 206),
        ("", 200),
    ):
        headers = {"Range": asked} if asked else {}
        async with client.request("GET", path, headers=headers, allow_redirects=False) as answer:
            assert answer.status == status, asked
            if status == 307:
                assert answer.headers["Cache-Control"] == "no-store"
                assert answer.headers["Location"].startswith("http://127.0.0.1:")
            else:
                await answer.read()
    assert (await client.services.access_log.checkpoint()).size == before + 6
    async with client.request("GET", path, headers={"Range": "bytes=10-19"}) as answer:
        assert await answer.read() == dataset.ciphertext[10:20]


async def test_R09_no_payload_is_promised_that_the_store_cannot_rename(client: Client) -> None:
    seller = await client.sign_in(SELLER)
    _, exchange = await client.call("GET", "/v1/exchange")
    assert (5 << 30) - (1 << 20) < exchange["deposit_bytes"] < 5 << 30
    deposit = (await seller.call("POST", "/v1/deposits"))[1]["id"]
    total = ciphertext_size(SEALED_BLOCK * ((5 << 30) // SEALED_BLOCK))
    status, problem = await seller.call(
        "POST",
        f"/v1/deposits/{deposit}/uploads?start=0&total={total}",
        headers={"Tus-Resumable": "1.0.0", "Upload-Length": str(total)},
    )
    assert (status, problem["code"]) == (413, "upload-too-large")
