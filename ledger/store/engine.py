"""Engines of the databases that can be used, and how each of their connections is set.

SQLite: WAL, `synchronous=FULL` (a commit that returned survives a power cut), foreign keys on, BEGIN
IMMEDIATE for writers. PostgreSQL: a reader has one snapshot for its transaction and refuses to write; who
waits too long for a lock, or dozes inside a transaction, is cut off, lest a hung process hold up all others.
"""

from typing import Any, Final

from sqlalchemy import URL, Connection, event, make_url
from sqlalchemy.exc import ArgumentError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool

BUSY_SECONDS: Final = 30
SLOW_SECONDS: Final = 600
"""How long a reader may wait for whoever it reads for."""
READERS: Final = 8
WRITERS: Final = 4
"""Connections of a process that write, or queue to; SQLite has one."""


class DatabaseUrlRefused(Exception):
    """The address of the database cannot be used; the message says why."""


def parse(url: str) -> URL:
    """With the driver to use. Raises DatabaseUrlRefused."""
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise DatabaseUrlRefused("the address of the database is none") from error
    match parsed.get_backend_name():
        case "postgresql":
            return parsed.set(drivername="postgresql+psycopg")
        case "sqlite" if parsed.database in (None, "", ":memory:") or "mode=memory" in url:
            raise DatabaseUrlRefused(
                "SQLite needs a file: in memory every connection would see its own database"
            )
        case "sqlite":
            return parsed.set(drivername="sqlite+aiosqlite")
        case other:
            raise DatabaseUrlRefused(f"the database is postgresql:// or sqlite:///, not {other}")


def open_engine(url: URL, *, writes: bool, migrates: bool = False) -> AsyncEngine:
    """An engine for `parse(url)`; one that migrates keeps no connection, and on SQLite no foreign keys."""
    sqlite = url.get_backend_name() == "sqlite"
    pool: dict[str, Any] = {
        "pool_size": READERS if not writes else 1 if sqlite else WRITERS,
        "max_overflow": 0,
        "pool_timeout": BUSY_SECONDS,
    }
    if migrates:
        pool = {"poolclass": NullPool}
    return _sqlite(url, pool, writes, migrates) if sqlite else _postgresql(url, pool, writes)


def _sqlite(url: URL, pool: dict[str, Any], writes: bool, migrates: bool) -> AsyncEngine:
    engine = create_async_engine(url, connect_args={"isolation_level": None, "timeout": BUSY_SECONDS}, **pool)
    _on_connect(
        engine,
        f"PRAGMA busy_timeout = {BUSY_SECONDS * 1000}",
        "PRAGMA journal_mode = WAL",
        "PRAGMA synchronous = FULL",
        f"PRAGMA foreign_keys = {'OFF' if migrates else 'ON'}",
        f"PRAGMA query_only = {'OFF' if writes else 'ON'}",
    )

    @event.listens_for(engine.sync_engine, "begin")
    def _begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


def _postgresql(url: URL, pool: dict[str, Any], writes: bool) -> AsyncEngine:
    engine = create_async_engine(url, pool_pre_ping=True, **pool)
    mode = "READ COMMITTED, READ WRITE" if writes else "REPEATABLE READ, READ ONLY"
    _on_connect(
        engine,
        f"SET lock_timeout = '{BUSY_SECONDS}s'",
        f"SET idle_in_transaction_session_timeout = '{BUSY_SECONDS if writes else SLOW_SECONDS}s'",
        f"SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL {mode}",
    )
    return engine


def _on_connect(engine: AsyncEngine, *statements: str) -> None:
    @event.listens_for(engine.sync_engine, "connect")
    def _connect(connection: Any, _record: object) -> None:
        cursor = connection.cursor()
        for statement in statements:
            cursor.execute(statement)
        cursor.close()
        connection.commit()
