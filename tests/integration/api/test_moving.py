"""The whole exchange exported from SQLite and taken up by PostgreSQL (R30)."""

import json
from pathlib import Path

import pytest

from api.settings import Settings
from ledger.store.database import Database
from ledger.store.portable import state
from tests.integration.api.conftest import Clock, query, running
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

    async with running(moved, clock) as client:
        buyer = await client.sign_in(BUYER)
        assert await opened(buyer, market, sold) == before
    assert query(moved, "SELECT count(*) FROM grants") == [(2,)]
    postgresql.drop(url)
