"""Connections, transactions and migrations.

SQLite: WAL, `synchronous=FULL` (a commit that returned survives a power cut), foreign keys on. A writer
begins with BEGIN IMMEDIATE, so that two writers queue instead of failing when both try to upgrade a read
lock; within a process they queue fairly on the one writing connection, between processes on the busy timeout.
Readers get a snapshot on connections that refuse to write.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any, Final, TypeVar

from alembic import command
from alembic.config import Config
from alembic.util import CommandError
from sqlalchemy import URL, Connection, event, make_url, text
from sqlalchemy.exc import ArgumentError, DBAPIError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool
from sqlmodel.ext.asyncio.session import AsyncSession

Repository = TypeVar("Repository")
Begin = Callable[[], AbstractAsyncContextManager[Repository]]

MIGRATIONS: Final = Path(__file__).parent / "migrations"
BUSY_SECONDS: Final = 30
READERS: Final = 8


class DatabaseUrlRefused(Exception):
    """The address of the database cannot be used; the message says why."""


class NotMigratable(Exception):
    """The schema cannot be brought to this version of the program; the message holds no address."""


class NestedTransaction(Exception):
    """A task that is inside `transaction()` opened another: pass the session down instead."""


class Database:
    """One database. Build it once per process; `close()` it at the end.

    `url` is `sqlite:///relative/path`, `sqlite:////absolute/path` or that of another database with an async
    driver.
    """

    #: Alembic keeps its context in module globals: one migration at a time.
    _migrating: Final = asyncio.Lock()

    def __init__(self, url: str) -> None:
        self._url = _async_url(url)
        self._sqlite = self._url.get_backend_name() == "sqlite"
        self._writer = _engine(self._url, writes=True)
        self._reader = _engine(self._url, writes=False) if self._sqlite else self._writer
        self._writing: set[asyncio.Task[Any] | None] = set()

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncSession]:
        """The one way to write: commits at the end, rolls back when the block raises.

        On cancellation during the commit the outcome is unknown, as after a crash: callers look before they
        repeat.
        """
        task = asyncio.current_task()
        if task in self._writing:
            raise NestedTransaction("this task is already inside a transaction: use its session")
        self._writing.add(task)
        try:
            async with AsyncSession(self._writer, expire_on_commit=False) as session, session.begin():
                yield session
        finally:
            self._writing.discard(task)

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncSession]:
        """A session over one snapshot; on SQLite its connection refuses to write."""
        async with AsyncSession(self._reader, expire_on_commit=False, autoflush=False) as session:
            yield session

    async def migrate(self, revision: str = "head") -> None:
        """Brings the schema up to `revision`, all or nothing; several processes wait for each other.

        Raises NotMigratable.
        """
        try:
            await self._alembic(lambda config: command.upgrade(config, revision))
        except CommandError as error:
            raise NotMigratable(f"the database is not of this version: {error}") from error
        except SQLAlchemyError as error:
            why = error.orig if isinstance(error, DBAPIError) else type(error).__name__
            raise NotMigratable(f"the database cannot be brought to this version: {why}") from error

    async def downgrade(self, revision: str) -> None:
        """Takes the schema down to `revision` ("base" removes every table), all or nothing."""
        await self._alembic(lambda config: command.downgrade(config, revision))

    async def ping(self) -> None:
        """Raises SQLAlchemyError or OSError when the database does not answer."""
        async with self._reader.connect() as connection:
            await connection.execute(text("SELECT 1 FROM alembic_version"))

    async def close(self) -> None:
        await self._writer.dispose()
        if self._reader is not self._writer:
            await self._reader.dispose()

    async def _alembic(self, run: Any) -> None:
        config = Config()
        config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
        # SQLite rebuilds a table to alter it, which foreign keys would turn into deletions: they are off here
        # and checked at the end (migrations/env.py), and cannot be switched inside a transaction.
        engine = _engine(self._url, writes=True, foreign_keys=False)

        def migrate(connection: Connection) -> None:
            config.attributes["connection"] = connection
            run(config)

        try:
            async with self._migrating, engine.begin() as connection:
                await connection.run_sync(migrate)
        finally:
            await engine.dispose()


def _async_url(url: str) -> URL:
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise DatabaseUrlRefused("the address of the database is none") from error
    if parsed.get_backend_name() != "sqlite":
        return parsed
    if parsed.database in (None, "", ":memory:") or "mode=memory" in url:
        raise DatabaseUrlRefused("SQLite needs a file: in memory every connection would see its own database")
    return parsed.set(drivername="sqlite+aiosqlite")


def _engine(url: URL, *, writes: bool, foreign_keys: bool = True) -> AsyncEngine:
    if url.get_backend_name() != "sqlite":
        return create_async_engine(url, poolclass=None if foreign_keys else NullPool)
    pool: dict[str, Any] = {
        "pool_size": 1 if writes else READERS,
        "max_overflow": 0,
        "pool_timeout": BUSY_SECONDS,
    }
    engine = create_async_engine(
        url,
        connect_args={"isolation_level": None, "timeout": BUSY_SECONDS},
        **(pool if foreign_keys else {"poolclass": NullPool}),
    )
    pragmas = [
        f"busy_timeout = {BUSY_SECONDS * 1000}",
        "journal_mode = WAL",
        "synchronous = FULL",
        f"foreign_keys = {'ON' if foreign_keys else 'OFF'}",
        f"query_only = {'OFF' if writes else 'ON'}",
    ]

    @event.listens_for(engine.sync_engine, "connect")
    def _connect(connection: Any, _record: object) -> None:
        cursor = connection.cursor()
        for pragma in pragmas:
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine.sync_engine, "begin")
    def _begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


def writing(database: Database, repository: Callable[[AsyncSession], Repository]) -> Begin[Repository]:
    """Opens `repository` in a transaction that commits when the block ends well."""

    @asynccontextmanager
    async def begin() -> AsyncIterator[Repository]:
        async with database.transaction() as session:
            yield repository(session)

    return begin


def reading(database: Database, repository: Callable[[AsyncSession], Repository]) -> Begin[Repository]:
    """Opens `repository` over one snapshot."""

    @asynccontextmanager
    async def begin() -> AsyncIterator[Repository]:
        async with database.reading() as session:
            yield repository(session)

    return begin
