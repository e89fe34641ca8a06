import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from sqlalchemy import CursorResult, inspect, text
from sqlalchemy.exc import DBAPIError
from sqlmodel.ext.asyncio.session import AsyncSession

from ledger.store.columns import Hash, Uint256
from ledger.store.database import Database, NestedTransaction, NotMigratable
from ledger.store.engine import DatabaseUrlRefused
from tests.postgresql import Postgresql


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    database = Database(database_url)
    await database.migrate()
    yield database
    await database.close()


async def run(session: AsyncSession, sql: str, parameters: dict[str, int] | None = None) -> CursorResult[Any]:
    return await (await session.connection()).execute(text(sql), parameters)


async def test_processes_that_migrate_at_once_wait_for_each_other(empty_url: str) -> None:
    databases = [Database(empty_url) for _ in range(3)]
    await asyncio.gather(*(database.migrate() for database in databases))
    for database in databases:
        await database.close()


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_settings_of_connections_to_sqlite(database: Database) -> None:
    wanted = {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "busy_timeout": 30000}
    for opened in (database.reading(), database.transaction()):
        async with opened as session:
            for pragma, value in wanted.items():
                assert (await run(session, f"PRAGMA {pragma}")).scalar_one() == value


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
async def test_settings_of_connections_to_postgresql(database: Database) -> None:
    for opened, isolation, refuses, idle in (
        (database.reading(), "repeatable read", "on", "10min"),
        (database.transaction(), "read committed", "off", "30s"),
    ):
        async with opened as session:
            assert (await run(session, "SHOW transaction_isolation")).scalar_one() == isolation
            assert (await run(session, "SHOW transaction_read_only")).scalar_one() == refuses
            assert (await run(session, "SHOW lock_timeout")).scalar_one() == "30s"
            assert (await run(session, "SHOW idle_in_transaction_session_timeout")).scalar_one() == idle


async def test_a_reader_cannot_write(database: Database) -> None:
    async with database.reading() as session:
        with pytest.raises(DBAPIError, match=r"read-?only"):
            await run(session, "CREATE TABLE t (x INTEGER)")


async def test_rolls_back_on_error(database: Database) -> None:
    async def fail_half_way() -> None:
        async with database.transaction() as session:
            await run(session, "CREATE TABLE t (x INTEGER)")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail_half_way()
    async with database.reading() as session:
        connection = await session.connection()
        assert not await connection.run_sync(lambda sync: inspect(sync).has_table("t"))


async def test_writers_queue_and_readers_keep_their_snapshot(database: Database, database_url: str) -> None:
    async with database.transaction() as session:
        await run(session, "CREATE TABLE counter (x INTEGER)")
        await run(session, "INSERT INTO counter VALUES (0)")
    other = Database(database_url)

    async def increment(through: Database) -> None:
        async with through.transaction() as session:
            value = (await run(session, "SELECT x FROM counter")).scalar_one()
            await asyncio.sleep(0)
            await run(session, "UPDATE counter SET x = :x", {"x": value + 1})

    async with database.reading() as before:
        assert (await run(before, "SELECT x FROM counter")).scalar_one() == 0
        await asyncio.gather(*(increment(through) for _ in range(15) for through in (database, other)))
        assert (await run(before, "SELECT x FROM counter")).scalar_one() == 0
    async with database.reading() as after:
        assert (await run(after, "SELECT x FROM counter")).scalar_one() == 30
    await other.close()


async def test_a_nested_transaction_is_refused_at_once(database: Database) -> None:
    async with database.transaction():
        with pytest.raises(NestedTransaction):
            async with database.transaction():
                pass
    async with database.transaction():
        pass


async def test_R13_a_migration_does_not_wait_long_for_who_uses_a_table(postgresql: Postgresql) -> None:
    database = Database(postgresql.empty())
    await database.migrate("0022")
    async with asyncio.timeout(25), database.transaction(queue=False) as session:
        await run(session, "LOCK TABLE index_entries IN ROW EXCLUSIVE MODE")  # as who writes it does
        with pytest.raises(NotMigratable, match="lock timeout"):
            await database.migrate()
    await database.migrate()
    await database.close()


async def test_who_asks_not_to_queue_waits_for_nobody_on_postgresql(postgresql: Postgresql) -> None:
    database = Database(postgresql.migrated())
    async with asyncio.timeout(20), database.transaction():
        await asyncio.create_task(_pass_by(database))
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await asyncio.create_task(_queue(database))
    await database.close()


async def _pass_by(database: Database) -> None:
    async with database.transaction(queue=False) as session:
        await run(session, "CREATE TABLE mine (x INTEGER)")


async def _queue(database: Database) -> None:
    async with database.transaction():
        pass


@pytest.mark.parametrize(
    "url",
    [
        "no address",
        "mysql://host/name",
        "sqlite://",
        "sqlite:///:memory:",
        "sqlite:///file:x?mode=memory&uri=true",
    ],
)
def test_what_is_no_database_is_refused(url: str) -> None:
    with pytest.raises(DatabaseUrlRefused):
        Database(url)


def test_columns_keep_their_shape() -> None:
    dialect = None
    assert Uint256().process_bind_param(7, dialect) == "7".zfill(78)  # type: ignore[arg-type]
    assert len(str(2**256 - 1)) == 78
    for wrong in (-1, 2**256):
        with pytest.raises(ValueError, match="256 bits"):
            Uint256().process_bind_param(wrong, dialect)  # type: ignore[arg-type]
    for length in (31, 33):
        with pytest.raises(ValueError, match="32 bytes"):
            Hash().process_bind_param(bytes(length), dialect)  # type: ignore[arg-type]
