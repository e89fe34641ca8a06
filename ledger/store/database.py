"""Transactions and migrations, with the same promises on SQLite and PostgreSQL.

Writers queue, those of all processes together, so that what a transaction has looked at holds until it
commits: on SQLite since they begin with BEGIN IMMEDIATE, on PostgreSQL on an advisory lock that ends with the
transaction. Readers get a snapshot on connections that refuse to write, and wait for nobody.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any, Final, TypeVar
from weakref import WeakKeyDictionary

from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlmodel.ext.asyncio.session import AsyncSession

from ledger.store.engine import open_engine, parse

Repository = TypeVar("Repository")
Begin = Callable[[], AbstractAsyncContextManager[Repository]]

MIGRATIONS: Final = Path(__file__).parent / "migrations"
QUEUE: Final = text("SELECT pg_advisory_xact_lock(1, 1)")
"""What writers and migrations wait for on PostgreSQL."""
IMPATIENT: Final = text("SET LOCAL lock_timeout = '3s'")
"""For migrations: whoever waits for a whole table keeps everybody else waiting behind."""


class NotMigratable(Exception):
    """The schema cannot be brought to this version of the program; the message holds no address."""


class NestedTransaction(Exception):
    """A task that is inside `transaction()` opened another: pass the session down instead."""


class Database:
    """One database. Build it once per process; `close()` it at the end.

    `url` is `sqlite:///relative/path`, `sqlite:////absolute/path` or
    `postgresql://user@host/name`, with libpq's parameters after `?`.
    """

    #: Alembic keeps its context in module globals: one migration at a time, on each event loop.
    _migrating: Final = WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Lock]()

    def __init__(self, url: str) -> None:
        self._url = parse(url)
        self._sqlite = self._url.get_backend_name() == "sqlite"
        self._writer = open_engine(self._url, writes=True)
        self._reader = open_engine(self._url, writes=False)
        self._writing: set[asyncio.Task[Any] | None] = set()

    @asynccontextmanager
    async def transaction(self, *, queue: bool = True) -> AsyncIterator[AsyncSession]:
        """The one way to write: commits at the end, rolls back when the block raises.

        Without `queue`, on PostgreSQL it waits for nobody: for who alone writes some tables, and finds out
        by itself whether anybody else did.

        On cancellation during the commit the outcome is unknown, as after a crash: callers look before they
        repeat.
        """
        task = asyncio.current_task()
        if task in self._writing:
            raise NestedTransaction("this task is already inside a transaction: use its session")
        self._writing.add(task)
        try:
            async with AsyncSession(self._writer, expire_on_commit=False) as session, session.begin():
                if queue and not self._sqlite:
                    await (await session.connection()).execute(QUEUE)
                yield session
        finally:
            self._writing.discard(task)

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncSession]:
        """A session over one snapshot; its connection refuses to write."""
        async with AsyncSession(self._reader, expire_on_commit=False, autoflush=False) as session:
            yield session

    async def migrate(self, revision: str = "head") -> None:
        """Brings the schema up to `revision`, all or nothing; several processes wait for each other.

        Raises NotMigratable.
        """
        from alembic import command  # most commands open a database that is as it should be
        from alembic.util import CommandError

        try:
            await self._alembic(lambda config: command.upgrade(config, revision))
        except CommandError as error:
            raise NotMigratable(f"the database is not of this version: {error}") from error
        except SQLAlchemyError as error:
            why = error.orig if isinstance(error, DBAPIError) else type(error).__name__
            raise NotMigratable(f"the database cannot be brought to this version: {why}") from error

    async def downgrade(self, revision: str) -> None:
        """Takes the schema down to `revision` ("base" removes every table), all or nothing."""
        from alembic import command

        await self._alembic(lambda config: command.downgrade(config, revision))

    async def ping(self) -> None:
        """Raises SQLAlchemyError or OSError when the database does not answer."""
        async with self._reader.connect() as connection:
            await connection.execute(text("SELECT 1 FROM alembic_version"))

    async def close(self) -> None:
        await self._writer.dispose()
        await self._reader.dispose()

    async def _alembic(self, run: Callable[[Any], None]) -> None:
        from alembic.config import Config

        config = Config()
        config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
        # SQLite rebuilds a table to alter it, which foreign keys would turn into deletions: they are off here
        # and checked at the end (migrations/env.py), and cannot be switched inside a transaction.
        engine = open_engine(self._url, writes=True, migrates=True)

        def migrate(connection: Connection) -> None:
            if not self._sqlite:
                connection.execute(QUEUE)
                connection.execute(IMPATIENT)
            config.attributes["connection"] = connection
            run(config)

        alone = self._migrating.setdefault(asyncio.get_running_loop(), asyncio.Lock())
        try:
            async with alone, engine.begin() as connection:
                await connection.run_sync(migrate)
        finally:
            await engine.dispose()


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
