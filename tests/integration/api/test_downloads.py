"""What a buyer's client makes of a network that cuts and of a service that lies."""

import hashlib
from pathlib import Path

import pytest

from ledger.client import ServiceUnreachable
from ledger.client import payload as client_payload
from ledger.crypto.merkle import FIRST_LEAF, leaf_hash
from ledger.crypto.verified import BlockSwapped, WrongLeaves
from tests.integration.api.conftest import Client
from tests.integration.api.dataset import Dataset
from tests.integration.api.market import SELLER, Market
from tests.integration.api.relay import Relay
from tests.integration.api.test_grants import Sold, selling

PLAINTEXT = bytes(range(256)) * 4 * 4096
"""Four blocks and the end."""


@pytest.fixture
async def sold(client: Client, market: Market) -> Sold:
    return await selling(market, await Dataset.deposited(await client.sign_in(SELLER), PLAINTEXT))


def left(folder: Path, name: str) -> list[Path]:
    """Files that a download left behind."""
    return [path for path in folder.iterdir() if name in path.name]


async def test_R13_a_download_that_is_cut_again_and_again_arrives(
    client: Client, market: Market, sold: Sold, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client_payload, "PAUSE", 0.01)
    target = tmp_path / "got"
    async with Relay.before(client.origin) as relay:
        async with market.acting("buyer", relay.url, tmp_path) as buyer:
            relay.most = int(1.5 * FIRST_LEAF)
            got = await buyer.fetch(sold.licence, target)
        assert relay.cuts >= 3
        assert target.read_bytes() == PLAINTEXT
        assert got.sha256 == hashlib.sha256(PLAINTEXT).digest()
        async with market.acting("buyer", relay.url, tmp_path) as buyer:
            relay.most = FIRST_LEAF // 2  # never a whole block
            with pytest.raises(ServiceUnreachable):
                await buyer.fetch(sold.licence, tmp_path / "never")
    assert left(tmp_path, "never") == []


async def test_threat_S07_a_payload_swapped_in_the_vault_gives_no_plaintext(
    client: Client, market: Market, sold: Sold, tmp_path: Path
) -> None:
    (file,) = (path for path in (tmp_path / "objects").rglob("*") if path.is_file())
    stored = bytearray(file.read_bytes())
    stored[2 * FIRST_LEAF] ^= 1
    file.chmod(0o600)
    file.write_bytes(stored)
    async with market.acting("buyer", client.origin, tmp_path) as buyer:
        with pytest.raises(BlockSwapped) as refused:
            await buyer.fetch(sold.licence, tmp_path / "got")
        assert refused.value.index == 2
        size = len(sold.dataset.ciphertext)
        stored[size : size + 32] = leaf_hash(b"another block")
        file.write_bytes(stored)
        with pytest.raises(WrongLeaves):
            await buyer.fetch(sold.licence, tmp_path / "got")
    assert left(tmp_path, "got") == []
