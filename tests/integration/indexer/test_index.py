"""The index in SQL over the history of a real market: it holds what a replay gives, whatever happened."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest
import pytest_asyncio
from msgspec import structs

from ledger.chain.bindings import exchange
from ledger.chain.devnet import Devnet
from ledger.chain.events import Decoder
from ledger.chain.rpc import Rpc
from ledger.indexer.fetch import Block, Source
from ledger.indexer.index import Index, OtherDeployment
from ledger.indexer.mirror import read_state
from ledger.indexer.reconcile import Chain
from ledger.indexer.replay import ImpossibleEvent, replay
from ledger.indexer.state import State
from ledger.proofs.trust import Development
from ledger.store.database import Database
from ledger.store.index.rows import CursorMoved, in_snapshot, in_transaction, index_table
from tests.integration.indexer.market import Market, found

pytestmark = pytest.mark.asyncio(loop_scope="module")

Prints = dict[str, str]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def market(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Market]:
    folder: Path = tmp_path_factory.mktemp("market")
    async with Devnet(port=18750, history=None) as chain, Rpc(chain.url, timeout=60) as rpc:
        market = await found(rpc, 11, folder)
        await market.run(200)
        yield market


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def blocks(market: Market) -> list[Block]:
    """From the one before the first, all of the chain."""
    source = Source(market.rpc, Decoder(market.manifest), Development())
    head = await source.head()
    return await source.read(await source.headers(market.manifest.block - 1, head.link.number))


@pytest_asyncio.fixture(loop_scope="module")
async def database(database_url: str) -> AsyncIterator[Database]:
    database = Database(database_url)
    await database.migrate()
    yield database
    await database.close()


async def prints(database: Database) -> Prints:
    return await in_snapshot(database, lambda sql: sql.fingerprint())


async def state(database: Database) -> State:
    return await in_snapshot(database, read_state)


async def whole(database: Database, market: Market, blocks: list[Block]) -> Prints:
    index = Index(database, market.manifest)
    await index.start(blocks[0])
    await index.write([], blocks[1:], blocks[-1].link.number)
    return await prints(database)


async def test_R03_R10_the_tables_are_what_a_replay_gives(
    database: Database, market: Market, blocks: list[Block]
) -> None:
    await whole(database, market, blocks)
    expected = replay(market.entries)
    held = await state(database)
    for name in State.__slots__:
        assert getattr(held, name) == getattr(expected, name), name
    assert expected.orders
    assert any(dispute.closed_at for dispute in expected.disputes.values())
    assert any(dispute.decision != bytes(32) for dispute in expected.disputes.values())


async def test_entries_keep_their_identity(database: Database, market: Market, blocks: list[Block]) -> None:
    await whole(database, market, blocks)
    rows = await in_snapshot(database, lambda sql: list(sql.rows(index_table("entries"))))
    names = index_table("entries").columns.keys()
    for row, (entry, _) in zip(rows, market.entries, strict=True):
        told = dict(zip(names, row, strict=True))
        assert (told["block_number"], told["log_index"]) == (entry.block_number, entry.id.log_index)
        assert (told["chain_id"], told["block_hash"]) == (entry.id.chain_id, entry.id.block_hash)
        assert (told["transaction_hash"], told["emitter"].hex()) == (
            entry.id.transaction_hash,
            entry.id.emitter[2:].lower(),
        )
        assert (told["event"], told["args"]) == (entry.event.abi_name, entry.event.journal_args())
        if isinstance(entry.event, exchange.Purchased):
            assert (told["licence"], told["listing"]) == (entry.event.licence, entry.event.licence >> 48)


@pytest.mark.parametrize(
    ("database_url", "seed"), [("sqlite", 1), ("sqlite", 2), ("postgresql", 3)], indirect=["database_url"]
)
async def test_threat_S06_reverted_blocks_leave_no_trace(
    database: Database, market: Market, blocks: list[Block], seed: int, tmp_path: Path
) -> None:
    """At each of some places blocks are applied one by one, reverted in part, and applied otherwise."""
    random = Random(seed)  # noqa: S311
    index = Index(database, market.manifest)
    await index.start(blocks[0])
    at = 0
    for place in sorted(random.sample(range(1, len(blocks) - 8), 6)):
        if place <= at:
            continue
        await index.write([], blocks[at + 1 : place + 1], final := blocks[place].link.number)
        at, seen = place, {place: await prints(database)}
        for _ in range(6):
            at += 1
            await index.write([], [blocks[at]], final)
            seen[at] = await prints(database)
        assert len({tuple(one.values()) for one in seen.values()}) == len(seen)
        for _ in range(3):
            index = Index(database, market.manifest)  # a restart
            chain = await index.chain()
            assert chain is not None
            assert (chain.final, chain.tip) == (blocks[place].link, blocks[at].link)
            back = random.randint(1, at - place)
            await index.write(chain.unfinalised[::-1][:back], [], final)
            at -= back
            assert await prints(database) == seen[at]
            forward = random.randint(1, place + 6 - at)
            await index.write([], blocks[at + 1 : at + 1 + forward], final)
            at += forward
            assert await prints(database) == seen[at]
    await index.write([], blocks[at + 1 :], blocks[-1].link.number)
    await index.write([], [], blocks[-1].link.number)
    assert await prints(database) == await elsewhere(tmp_path, market, blocks)


async def elsewhere(folder: Path, market: Market, blocks: list[Block]) -> Prints:
    other = Database(f"sqlite:///{folder}/other.sqlite")
    await other.migrate()
    try:
        return await whole(other, market, blocks)
    finally:
        await other.close()


async def test_threat_S17_a_write_that_fails_changes_nothing(
    database: Database, market: Market, blocks: list[Block]
) -> None:
    index = Index(database, market.manifest)
    half = len(blocks) // 2
    await index.start(blocks[0])
    await index.write([], blocks[1:half], blocks[half - 4].link.number)
    before, chain = await prints(database), await index.chain()
    assert chain is not None
    busy = next(block for block in blocks[half:] if block.entries)
    last = busy.entries[-1]
    invented = structs.replace(
        last,
        id=structs.replace(last.id, log_index=last.id.log_index + 1),
        contract="Exchange",
        event=exchange.Withdrawn("0x" + "00" * 19 + "01", 1, 5),
    )
    wrong = [replace(b, entries=(*b.entries, invented)) if b is busy else b for b in blocks[half:]]
    with pytest.raises(ImpossibleEvent):
        await index.write(chain.unfinalised[::-1][:1], [blocks[half - 1], *wrong], 0)
    assert await prints(database) == before
    assert await index.chain() == chain
    await index.write([], blocks[half:], blocks[-1].link.number)
    assert await state(database) == replay(market.entries)


async def test_two_writers_do_not_mix(database: Database, market: Market, blocks: list[Block]) -> None:
    one, two = Index(database, market.manifest), Index(database, market.manifest)
    await one.start(blocks[0])
    assert await two.chain() == Chain(blocks[0].link)
    half = len(blocks) // 2
    await one.write([], blocks[1:half], 0)
    before = await prints(database)
    with pytest.raises(CursorMoved):
        await two.write([], blocks[1:5], 0)
    assert await prints(database) == before
    assert (await two.chain()) is not None
    await two.write([], blocks[half:], blocks[-1].link.number)
    with pytest.raises(CursorMoved):
        await one.write([], blocks[half:], 0)
    assert await state(database) == replay(market.entries)


async def test_an_index_of_another_deployment_is_not_written_on(
    database: Database, market: Market, blocks: list[Block]
) -> None:
    await Index(database, market.manifest).start(blocks[0])
    other = Index(database, replace(market.manifest, genesis_hash=b"\1" * 32))
    with pytest.raises(OtherDeployment, match="socai index rebuild"):
        await other.chain()


async def test_one_bit_in_any_table_changes_its_fingerprint(
    database: Database, market: Market, blocks: list[Block]
) -> None:
    before = await whole(database, market, blocks)

    def spoil(sql: object) -> None:
        sql._connection.exec_driver_sql("UPDATE index_orders SET version = version + 1")  # type: ignore[attr-defined]

    await in_transaction(database, spoil)
    after = await prints(database)
    assert {name for name in after if after[name] != before[name]} == {"index_orders"}
