import asyncio
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, CursorResult, inspect, text
from sqlalchemy.exc import DBAPIError
from sqlmodel.ext.asyncio.session import AsyncSession

from ledger.store.columns import Hash, Table, Uint256
from ledger.store.database import Database, DatabaseUrlRefused, NestedTransaction


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    database = Database(f"sqlite:///{tmp_path}/socai.sqlite")
    await database.migrate()
    yield database
    await database.close()


def schema(path: Path) -> dict[str, str]:
    """Every table and index as the database keeps it, white space aside."""
    with sqlite3.connect(path) as connection:
        rows = connection.execute("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL").fetchall()
    connection.close()
    return {name: " ".join(sql.split()) for name, sql in rows}


async def run(session: AsyncSession, sql: str, parameters: dict[str, int] | None = None) -> CursorResult[Any]:
    return await (await session.connection()).execute(text(sql), parameters)


async def test_models_and_migrations_agree(database: Database) -> None:
    def compare(connection: Connection) -> list[object]:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        return list(compare_metadata(context, Table.metadata))

    def checks(connection: Connection) -> dict[str, set[str | None]]:
        inspector = inspect(connection)
        return {
            table: {check["name"] for check in inspector.get_check_constraints(table)}
            for table in inspector.get_table_names()
            if table != "alembic_version"
        }

    async with database.reading() as session:
        connection = await session.connection()
        assert await connection.run_sync(compare) == []
        from_migrations = await connection.run_sync(checks)
        assert set(from_migrations) == set(Table.metadata.tables)
        async with database.transaction() as writing:
            # Autogeneration does not see check constraints: build the models' own tables and compare those
            # too.
            second = await writing.connection()
            await second.run_sync(Table.metadata.drop_all)
            await second.run_sync(Table.metadata.create_all)
            assert await second.run_sync(checks) == from_migrations


async def test_downgrade_and_upgrade_round_trip(database: Database, tmp_path: Path) -> None:
    path = tmp_path / "socai.sqlite"
    before = schema(path)
    await database.downgrade("base")
    assert set(schema(path)) == {"alembic_version", "sqlite_autoindex_alembic_version_1"} & set(schema(path))
    await database.migrate()
    assert schema(path) == before


async def test_two_processes_migrate_at_once(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/new.sqlite"
    databases = [Database(url), Database(url)]
    await asyncio.gather(*(database.migrate() for database in databases))
    for database in databases:
        await database.close()


async def test_settings_of_connections(database: Database) -> None:
    wanted = {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "busy_timeout": 30000}
    for opened in (database.reading(), database.transaction()):
        async with opened as session:
            for pragma, value in wanted.items():
                assert (await run(session, f"PRAGMA {pragma}")).scalar_one() == value


async def test_a_reader_cannot_write(database: Database) -> None:
    async with database.reading() as session:
        with pytest.raises(DBAPIError, match="readonly"):
            await run(session, "CREATE TABLE t (x)")


async def test_rolls_back_on_error(database: Database) -> None:
    async def fail_half_way() -> None:
        async with database.transaction() as session:
            await run(session, "CREATE TABLE t (x)")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail_half_way()
    async with database.reading() as session:
        assert (await run(session, "SELECT 1 FROM sqlite_master WHERE name = 't'")).all() == []


async def test_writers_queue_and_readers_keep_their_snapshot(database: Database, tmp_path: Path) -> None:
    async with database.transaction() as session:
        await run(session, "CREATE TABLE counter (x INTEGER)")
        await run(session, "INSERT INTO counter VALUES (0)")
    other = Database(f"sqlite:///{tmp_path}/socai.sqlite")

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


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:", "sqlite:///file:x?mode=memory&uri=true"])
def test_a_database_in_memory_is_refused(url: str) -> None:
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
