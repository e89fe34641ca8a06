"""The access log in SQL: its tree is the tree at any size, an entry falls with its transaction."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from ledger.crypto.merkle import RootBuilder, leaf_hash
from ledger.domain.grant import Grant
from ledger.domain.history import Inquiry
from ledger.proofs import access, tlog
from ledger.store.access_log import AccessLog
from ledger.store.database import Database
from ledger.store.grants import Grants
from ledger.store.inquiries import Inquiries

WIDTH = tlog.WIDTH


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    database = Database(database_url)
    await database.migrate()
    yield database
    await database.close()


async def test_roots_and_tiles_as_the_log_grows(database: Database) -> None:
    builder, entries = RootBuilder(), []
    async with database.transaction() as session:
        log = AccessLog(session)
        for index in range(2 * WIDTH + 3):
            if index in (0, 1, 2, 255, 256, 257, 511, 512):
                assert await log.size() == index
                assert await log.root(index) == builder.root()
            entries.append(b"entry %d" % index)
            builder.append(leaf_hash(entries[-1]))
            assert await log.append(entries[-1]) == index
    async with database.reading() as session:
        log = AccessLog(session)
        assert await log.root(2 * WIDTH + 3) == builder.root()
        assert await log.hashes(0, 2, WIDTH) == [leaf_hash(entry) for entry in entries[2 * WIDTH :]]
        assert await log.entries(1, 5) == entries[WIDTH : WIDTH + 5]
        assert await log.hashes(1, 0, WIDTH) == [
            tlog.root_of_tile([leaf_hash(entry) for entry in entries[at : at + WIDTH]]) for at in (0, WIDTH)
        ]
        assert await log.hashes(2, 0, WIDTH) == []


async def test_what_is_rolled_back_leaves_no_entry(database: Database) -> None:
    async def fail() -> None:
        async with database.transaction() as session:
            await AccessLog(session).append(b"never")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()
    async with database.transaction() as session:
        assert await AccessLog(session).append(b"first") == 0


async def test_entries_at_once_take_different_places(database: Database) -> None:
    async def add(data: bytes) -> int:
        async with database.transaction() as session:
            return await AccessLog(session).append(data)

    places = await asyncio.gather(*(add(b"%d" % n) for n in range(20)))
    assert sorted(places) == list(range(20))


async def test_R34_grants_and_inquiries_come_back_as_their_leaves_say(database: Database) -> None:
    grants = [Grant(bytes([n]) * 16, n, 1 << 48, bytes(20), bytes(32), "audit", None, None) for n in (1, 2)]
    inquiry = Inquiry(bytes(16), 3, bytes(20), "supervisor", "entries", {"licence": str(1 << 95)})
    async with database.transaction() as session:
        for grant in grants:
            await Grants(session).record(grant)
        await Inquiries(session).add(inquiry)
    async with database.reading() as session:
        assert await Grants(session).every() == [(grant, at) for at, grant in enumerate(grants)]
        assert await Inquiries(session).every() == [(inquiry, 2)]
        leaves = [*map(access.grant_leaf, grants), access.inquiry_leaf(inquiry)]
        assert await AccessLog(session).entries(0, 3) == leaves
