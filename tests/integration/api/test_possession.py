"""Anybody spot-checks that a payload is held, against the chain alone."""

import pytest

from api.settings import Settings
from ledger.client import possession
from ledger.client.service import Refused, Service
from ledger.crypto.merkle import RootMismatch, leaf_count
from tests.integration.api.conftest import Client
from tests.integration.api.dataset import Dataset
from tests.integration.api.market import SELLER
from tests.integration.api.test_deposits import objects


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
    client: Client, dataset: Dataset, settings: Settings, lost: int
) -> None:
    size = len(dataset.ciphertext)
    (held,) = objects(settings)
    with held.open("r+b") as file:
        file.seek(lost % size)
        there = file.read(1)
        file.seek(lost % size)
        file.write(bytes([there[0] ^ 1]))
    async with Service(client.origin) as service:
        with pytest.raises(RootMismatch):
            await possession.check(service, dataset.root, size, 5)
        with pytest.raises(Refused):
            await possession.check(service, b"\x01" * 32, size, 1)
