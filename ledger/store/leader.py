"""At most one of all the processes on a database leads: it alone does what must not be done twice at once.

On PostgreSQL whoever holds an advisory lock leads. The lock lives on a connection of its own, so that it ends
with the process, however that ends, and within seconds with its machine; the connection must be to the server
itself, not to a pooler that lends out sessions. On SQLite it is a lock on a file beside the database.
"""

import asyncio
import contextlib
import fcntl
import logging
import os
from collections.abc import Callable, Coroutine
from typing import Any, Final, Protocol

from sqlalchemy import URL, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine
from sqlalchemy.pool import NullPool

from ledger.store.engine import parse
from ledger.tasks import meanwhile

LOG: Final = logging.getLogger("socai.leader")
EVERY_SECONDS: Final = 0.5
"""Between two tries to lead, and between two looks whether we still do."""
ANSWER_SECONDS: Final = 5.0
"""A server that takes longer to confirm the lock has lost it for us."""
TAKE: Final = text("SELECT pg_try_advisory_lock(1, 2)")
KEEPALIVE: Final = text(
    "SELECT set_config('tcp_keepalives_idle', '5', false), "
    "set_config('tcp_keepalives_interval', '2', false), set_config('tcp_keepalives_count', '3', false)"
)


class Lock(Protocol):
    async def take(self) -> bool:
        """Whether we hold it now; waits for nobody."""
        ...

    async def held(self) -> bool:
        """Whether we still do, in the word of whoever keeps it."""
        ...

    async def release(self) -> None: ...


class Leader:
    """This process among those on the database at `url`."""

    def __init__(self, url: str) -> None:
        parsed = parse(url)
        self._lock: Lock = FileLock(parsed) if parsed.get_backend_name() == "sqlite" else ServerLock(parsed)

    async def leads(self) -> bool:
        """Whether this process leads at this moment: asked before each act, so that one that lost its lock
        stops."""
        return await self._lock.held()

    async def run(self, duties: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Has `duties` done while this process leads, anew each time and after a failure; until cancelled."""
        while True:
            if await self._lock.take():
                LOG.info("leading")
                try:
                    await self._do(duties)
                finally:
                    await self._lock.release()
                LOG.warning("no longer leading")
            await asyncio.sleep(EVERY_SECONDS)

    async def _do(self, duties: Callable[[], Coroutine[Any, Any, None]]) -> None:
        async with meanwhile(duties()) as task:
            while not task.done() and await self.leads():  # noqa: ASYNC110 - the server tells nobody
                await asyncio.sleep(EVERY_SECONDS)
        if not task.cancelled() and (error := task.exception()) is not None:
            LOG.error("duties failed", exc_info=error)


class FileLock:
    """`flock` on a file beside the SQLite database; the kernel ends it with the process."""

    def __init__(self, url: URL) -> None:
        self._path = f"{url.database}.leader"
        self._file: int | None = None

    async def take(self) -> bool:
        file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(file)
            return False
        self._file = file
        return True

    async def held(self) -> bool:
        return self._file is not None

    async def release(self) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None


class ServerLock:
    """An advisory lock of a PostgreSQL session that does nothing else."""

    def __init__(self, url: URL) -> None:
        named = {"application_name": f"socai leader {os.getpid()}"}  # tells operators which process leads
        self._engine = create_async_engine(
            url, poolclass=NullPool, isolation_level="AUTOCOMMIT", connect_args=named
        )
        self._connection: AsyncConnection | None = None
        self._asking = asyncio.Lock()

    async def take(self) -> bool:
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                self._connection = await self._engine.connect()
                await self._connection.execute(KEEPALIVE)
                if (await self._connection.execute(TAKE)).scalar_one():
                    return True
        except (SQLAlchemyError, OSError, TimeoutError) as error:
            LOG.warning("no lock to lead with", extra={"reason": type(error).__name__})
        await self.release()
        return False

    async def held(self) -> bool:
        async with self._asking:
            if self._connection is None:
                return False
            try:
                async with asyncio.timeout(ANSWER_SECONDS):
                    await self._connection.execute(text("SELECT 1"))
            except (SQLAlchemyError, OSError, TimeoutError):
                await self.release()
                return False
            return True

    async def release(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with contextlib.suppress(SQLAlchemyError, OSError):
                await connection.invalidate()
                await connection.close()
