"""Anybody spot-checks that a payload is held, against the chain alone."""

from typing import Any

import pytest

from ledger.client import possession
from ledger.client.service import Refused, Service
from ledger.crypto.merkle import RootMismatch, leaf_count
from ledger.objects import ObstoreObjects
from tests.integration.api.conftest import Client
from tests.integration.api.dataset import Dataset
from tests.integration.api.market import SELLER


@pytest.fixture
async def dataset(client: Client) -> Dataset:
    return await Dataset.deposited(await client.sign_in(SELLER), b"xin chao " * 500_000)


async def test_random_blocks_are_shown_to_anybody(client: Client, dataset: Dataset) -> None:
    size = len(dataset.ciphertext)
    async with Service(client.origin) as service:
        held = await possession.check(service, dataset.root, size, 3)
        assert held.count == leaf_count(size) == 5
        assert len(set(held.blocks)) == 3
        assert (await possession.check(service, dataset.root, size, 99)).blocks == tuple(range(5))
    status, refused = await client.call("GET", f"/v1/payloads/0x{dataset.root.hex()}/proof/5")
    assert (status, refused["code"]) == (404, "block-unknown")


@pytest.mark.parametrize("lost", [0, 2_500_000, -40])
async def test_threat_S07_a_payload_that_is_not_held_whole_is_found_out(
    client: Client, dataset: Dataset, monkeypatch: pytest.MonkeyPatch, lost: int
) -> None:
    size, read = len(dataset.ciphertext), ObstoreObjects.read
    at = lost % size

    async def damaged(self: ObstoreObjects, name: str, start: int = 0, end: int | None = None) -> Any:
        where = start
        async for piece in read(self, name, start, end):
            spoiled = bytearray(piece)
            if where <= at < where + len(spoiled):
                spoiled[at - where] ^= 1
            where += len(spoiled)
            yield spoiled

    monkeypatch.setattr(ObstoreObjects, "read", damaged)
    async with Service(client.origin) as service:
        with pytest.raises(RootMismatch):
            await possession.check(service, dataset.root, size, 5)
        with pytest.raises(Refused):
            await possession.check(service, b"\x01" * 32, size, 1)
