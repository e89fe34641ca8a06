"""The runner against a real chain: when it waits, when it halts, what a rebuild does to one that runs."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from random import Random

import pytest
import pytest_asyncio

from ledger.chain.devnet import Devnet
from ledger.chain.events import Decoder
from ledger.chain.finality import parse_finality
from ledger.chain.rpc import Rpc, from_quantity
from ledger.domain.history import AsOf
from ledger.indexer.fetch import OmittedLog, Source
from ledger.indexer.index import Index
from ledger.indexer.mirror import read_state
from ledger.indexer.past import Past
from ledger.indexer.rebuild import rebuild
from ledger.indexer.reconcile import BelowFinality
from ledger.indexer.replay import replay
from ledger.indexer.runner import Progress, Runner, _parts
from ledger.proofs.trust import Development
from ledger.store.database import Database
from ledger.store.index.history import IndexHistory
from ledger.store.index.rows import IndexRows, in_snapshot, in_transaction
from ledger.tasks import meanwhile
from tests.integration.indexer.market import CHOOSERS, Market, found
from tests.integration.node import Node, truth

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def market(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Market]:
    folder: Path = tmp_path_factory.mktemp("market")
    async with Devnet(port=18780, history=None) as chain, Rpc(chain.url, timeout=60) as rpc:
        market = await found(rpc, 13, folder)
        await some_blocks(market)
        yield market


async def some_blocks(market: Market) -> None:
    for _ in range(20):
        await market.block(CHOOSERS)


@pytest_asyncio.fixture(loop_scope="module")
async def database(database_url: str) -> AsyncIterator[Database]:
    database = Database(database_url)
    await database.migrate()
    yield database
    await database.close()


def runner(market: Market, database: Database, rpc: Rpc | None = None, finality: str = "instant") -> Runner:
    rpc = rpc or market.rpc
    source, index = Source(rpc, Decoder(market.manifest), Development()), Index(database, market.manifest)
    return Runner(rpc, source, index, market.manifest, parse_finality(finality), every=0.01)


async def test_R03_R10_after_a_step_the_index_is_at_the_head(market: Market, database: Database) -> None:
    follower = runner(market, database)
    assert follower.progress == Progress()
    await follower.step()
    assert await in_snapshot(database, read_state) == market.state
    await some_blocks(market)
    await follower.step()
    assert await in_snapshot(database, read_state) == market.state == replay(market.entries)
    head = int(await market.rpc.request("eth_blockNumber"), 16)
    assert follower.progress == Progress(block=head, final=head, head=head)
    assert follower.progress.lag == 0


async def test_R10_R13_a_few_blocks_at_a_time_make_the_same_index(
    market: Market, database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await runner(market, database).step()
    whole = await in_snapshot(database, lambda sql: sql.fingerprint())
    monkeypatch.setattr("ledger.indexer.runner.FULL", 3)
    other = Database(f"sqlite:///{tmp_path}/other.sqlite")
    await other.migrate()
    await runner(market, other).step()
    assert await in_snapshot(other, lambda sql: sql.fingerprint()) == whole
    source = Source(market.rpc, Decoder(market.manifest), Development())
    head = int(await market.rpc.request("eth_blockNumber"), 16)
    headers = await source.headers(market.manifest.block, head)
    parts = list(_parts(headers))
    assert [one for part in parts for one in part] == headers
    assert len(parts) > 5
    assert all(len(part) == 1 or sum(len(one.transactions) for one in part) <= 3 for part in parts)
    await other.close()


@pytest.mark.parametrize(("finality", "behind"), [("depth 4", 4), ("tag finalized", 64), ("instant", 0)])
async def test_undo_is_kept_for_what_is_not_final_only(
    market: Market, database: Database, finality: str, behind: int
) -> None:
    follower = runner(market, database, finality=finality)
    await follower.step()
    await market.rpc.request("evm_mine")
    await follower.step()
    progress = follower.progress
    assert progress.final == max(progress.head - behind, market.manifest.block - 1)

    def undone(sql: IndexRows) -> set[int]:
        found = sql._connection.exec_driver_sql("SELECT DISTINCT block_number FROM index_undo")
        return {number for (number,) in found}

    kept = await in_snapshot(database, undone)
    assert all(number > progress.final for number in kept)
    busy = {entry.block_number for entry, _ in market.entries if entry.block_number > progress.final}
    assert kept == busy


async def test_threat_S14_a_chain_that_leaves_ours_below_finality_halts_the_index(
    market: Market, database: Database
) -> None:
    snapshot = await market.rpc.request("evm_snapshot")
    follower = runner(market, database)
    await market.rpc.request("anvil_mine", ["0x3"])
    await follower.step()
    before = await in_snapshot(database, lambda sql: sql.fingerprint())
    await market.rpc.request("evm_revert", [snapshot])
    await follower.step()  # the node has less than before, but nothing else
    assert follower.progress.trouble is not None
    assert "went back" in follower.progress.trouble
    assert follower.progress.lag == 0
    await market.rpc.request("evm_setTime", [market.now + 1000])
    await market.rpc.request("anvil_mine", ["0x5"])
    with pytest.raises(BelowFinality):
        await follower.step()
    await follower.run()  # returns
    assert follower.progress.halted
    assert "socai index rebuild" in (follower.progress.trouble or "")
    assert await in_snapshot(database, lambda sql: sql.fingerprint()) == before
    block = await market.rpc.request("eth_getBlockByNumber", ["latest", False])
    market.now = int(block["timestamp"], 16)


async def test_threat_S14_a_lie_holds_the_index_where_it_is(market: Market, database: Database) -> None:
    async with Node.before(f"http://{market.rpc._node}") as proxy, Rpc(proxy.url) as rpc:
        follower = runner(market, database, rpc)
        proxy.alter = lambda method, params, result: (
            [receipt | {"logs": []} for receipt in result] if method == "eth_getBlockReceipts" else result
        )
        for _ in range(2):
            with pytest.raises(OmittedLog):
                await follower.step()
            assert follower.progress.block == market.manifest.block - 1
        proxy.alter = truth
        await follower.step()
    assert await in_snapshot(database, read_state) == market.state


async def test_R10_the_index_keeps_up_with_sustained_purchases(market: Market, database: Database) -> None:
    while not market.state.licences:
        await market.block(CHOOSERS)
    await runner(market, database).step()
    async with Rpc(f"http://{market.rpc._node}") as rpc:
        follower = Runner(
            *(rpc, Source(rpc, Decoder(market.manifest), Development()), Index(database, market.manifest)),
            *(market.manifest, parse_finality("instant")),
        )
        behind = []
        async with meanwhile(follower.run()):
            before = len(market.entries)
            for _ in range(8):
                await asyncio.gather(market.block(CHOOSERS, ["buy"]), asyncio.sleep(0.4))
                head = await market.rpc.request("eth_blockNumber")
                behind.append(from_quantity(head) - follower.progress.block)
    assert len(market.entries) > before
    assert max(behind) <= 2


async def test_R10_the_market_as_of_any_block_in_any_order(
    market: Market, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ledger.indexer.past.EVERY", 7)
    monkeypatch.setattr("ledger.indexer.past.MOST", 3)
    await runner(market, database).step()
    past, blocks = Past(market.manifest), {found.block_number for found, _ in market.entries}
    for number in Random(5).choices(sorted(blocks), k=30):  # noqa: S311
        then = replay(found for found in market.entries if found[0].block_number <= number)
        async with database.reading() as session:
            index = IndexHistory(session)
            row = await index.block(number)
            assert row is not None
            assert await past.after(index, AsOf(number, row.hash, number)) == then
            assert len(past._kept) <= 3
    assert past._kept


def beside(folder: Path) -> list[Path]:
    return list(folder.glob("beside*"))


async def test_R13_rebuilt_beside_what_serves(market: Market, database: Database, tmp_path: Path) -> None:
    follower = runner(market, database)
    await follower.step()
    before = await in_snapshot(database, lambda sql: sql.fingerprint())

    def spoil(sql: IndexRows) -> None:
        sql._connection.exec_driver_sql("UPDATE index_participants SET roles = roles + 1")
        sql._connection.exec_driver_sql("DELETE FROM index_currencies")

    await in_transaction(database, spoil)
    beside_it = (tmp_path / "beside.sqlite", market.rpc, market.manifest)
    arguments = (database, *beside_it, parse_finality("instant"), Development())
    async with database.reading() as session:
        old = await session.connection()
        count = "SELECT count(*) FROM index_currencies"
        assert (await old.exec_driver_sql(count)).scalar_one() == 0
        rebuilt = await rebuild(*arguments)
        assert (await old.exec_driver_sql(count)).scalar_one() == 0  # it reads on in the old index
    assert rebuilt.wrong == ("index_currencies", "index_participants")
    assert rebuilt.progress.block == follower.progress.block
    after = await in_snapshot(database, lambda sql: sql.fingerprint())
    assert {name for name in after if after[name] != before[name]} == {"index_cursor"}
    assert (await rebuild(*arguments)).wrong == ()
    assert not beside(tmp_path)
    market.state = replay(market.entries)
    await some_blocks(market)
    with pytest.raises(Exception, match="rebuilt by another process"):  # it cannot have kept what it knew
        await follower.step()
    await follower.step()
    assert await in_snapshot(database, read_state) == market.state


async def test_R13_a_rebuild_that_fails_leaves_the_old_index(
    market: Market, database: Database, tmp_path: Path
) -> None:
    await runner(market, database).step()
    before = await in_snapshot(database, lambda sql: sql.fingerprint())
    async with Node.before(f"http://{market.rpc._node}") as proxy, Rpc(proxy.url) as rpc:
        proxy.alter = lambda method, params, result: None if method == "eth_getBlockReceipts" else result
        with pytest.raises(Exception, match="has no receipts"):
            await rebuild(
                *(database, tmp_path / "beside.sqlite", rpc, market.manifest),
                *(parse_finality("instant"), Development()),
            )
    assert await in_snapshot(database, lambda sql: sql.fingerprint()) == before
    assert not beside(tmp_path)
