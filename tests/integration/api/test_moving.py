"""The whole exchange exported from SQLite and taken up by PostgreSQL (R30)."""

import json
from pathlib import Path

import pytest

from api.settings import Settings
from ledger.chain.devnet import Devnet
from ledger.chain.rpc import Rpc, to_hex
from ledger.store.database import Database
from ledger.store.portable import state
from tests.e2e.conftest import free_port
from tests.integration.api.conftest import Clock, indexed, query, running
from tests.integration.api.dataset import Dataset
from tests.integration.api.market import BUYER, PASSPHRASE, SELLER, Market
from tests.integration.api.test_backup import KEY, opened, socai
from tests.integration.api.test_grants import holder, selling
from tests.postgresql import Postgresql

pytestmark = pytest.mark.parametrize("database", ["sqlite"], indirect=True)


async def hashes(url: str) -> dict[str, str]:
    database = Database(url)
    try:
        return await state(database)
    finally:
        await database.close()


async def test_R30_an_exchange_moves_to_another_database_and_is_equal(
    settings: Settings,
    clock: Clock,
    market: Market,
    tmp_path: Path,
    postgresql: Postgresql,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SOCAI_PASSPHRASE", PASSPHRASE)
    settings = settings.model_copy(update={"shares": [tmp_path / "share"]})
    async with running(settings, clock) as client:
        dataset = await Dataset.deposited(await client.sign_in(SELLER))
        sold = await selling(market, dataset)
        before = await opened(await holder(client, market, KEY), market, sold)
    old = await hashes(settings.database)
    rpc = ["--rpc", market.deployed.url]
    files = tmp_path / "files"
    code, said = await socai(settings, *rpc, "export", "exchange", "--to", str(files))
    assert (code, said["chain"]) == (0, True), said

    url, new = postgresql.empty(), tmp_path / "new"
    moved = settings.model_copy(update={"data": new, "database_url": url})
    monkeypatch.setenv("SOCAI_DATABASE_URL", url)
    table = files / "grants.jsonl"
    whole = table.read_text()
    table.write_text(whole.replace('"download"', '"upload"'))
    assert (await socai(moved, "import", "exchange", str(files)))[1]["error"] == "NotImportable"
    table.write_text(whole)
    code, said = await socai(moved, "import", "exchange", str(files))
    assert code == 0, said
    assert await hashes(url) == old == json.loads((files / "exchange.json").read_text())["tables"]
    assert len(set(old.values())) > 10  # there was something in them
    assert (await socai(moved, "import", "exchange", str(files)))[1]["error"] == "NotImportable"  # not twice
    back = tmp_path / "back"
    code, said = await socai(moved, *rpc, "export", "exchange", "--to", str(back))
    assert code == 0, said
    assert json.loads((back / "exchange.json").read_text())["tables"] == old

    async with running(moved, clock) as client:
        buyer = await client.sign_in(BUYER)
        assert await opened(buyer, market, sold) == before
    assert query(moved, "SELECT count(*) FROM grants") == [(2,)]
    postgresql.drop(url)


async def test_R30_a_local_chain_moves_with_its_exchange(
    settings: Settings, clock: Clock, market: Market, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOCAI_PASSPHRASE", PASSPHRASE)
    settings = settings.model_copy(update={"shares": [tmp_path / "share"]})
    async with running(settings, clock) as client:
        dataset = await Dataset.deposited(await client.sign_in(SELLER))
        sold = await selling(market, dataset)
        before = await opened(await holder(client, market, KEY), market, sold)
    files = tmp_path / "files"
    code, said = await socai(settings, "--rpc", market.deployed.url, "export", "exchange", "--to", str(files))
    assert (code, said["chain"]) == (0, True), said
    head = await market.head()

    new = tmp_path / "new"
    moved = settings.model_copy(update={"data": new})
    code, said = await socai(moved, "import", "exchange", "--chain", str(files))
    assert code == 0, said
    async with Devnet(new / "chain", port=free_port()) as chain, Rpc(chain.url) as rpc:
        there = Market(market.deployed, rpc)
        await there.manifest.check(rpc)
        assert await rpc.request("eth_getBlockByNumber", [hex(head[0]), False]) is not None
        async with running(moved.model_copy(update={"rpc_url": chain.url}), clock) as client:
            assert await opened(await client.sign_in(BUYER), there, sold) == before
            listed = await there.publish(there.signed_for(b"\x01" * 32, 1000, b"\x02" * 32))
            assert await there.buy(listed.plans[0]) > 0  # and it goes on
            await indexed(client, there)
        head = await there.head()
    async with Devnet(new / "chain", port=free_port()) as chain, Rpc(chain.url) as rpc:
        await market.manifest.check(rpc)
        assert (await rpc.request("eth_getBlockByNumber", [hex(head[0]), False]))["hash"] == to_hex(head[1])
