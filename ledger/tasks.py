"""Work in the background that ends with a block."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any, Final

LOG: Final = logging.getLogger("socai.tasks")


@asynccontextmanager
async def meanwhile(work: Coroutine[Any, Any, None]) -> AsyncIterator[asyncio.Task[None]]:
    """Has `work` done in the background, by the task that is given, until the block ends.

    It is cancelled until it ends: `asyncio.wait_for`, on which drivers wait, loses a cancellation that comes
    with its result (before Python 3.12).
    """
    task = asyncio.create_task(work)
    try:
        yield task
    finally:
        while not task.done():
            task.cancel()
            await asyncio.wait([task], timeout=5)


async def repeat(
    what: str, work: Callable[[], Awaitable[int | None]], every: float, first: float = 0
) -> None:
    """Does `work` every so many seconds, from `first` on; an error is logged and it goes on."""
    await asyncio.sleep(first)
    while True:
        try:
            if count := await work():
                LOG.info(what, extra={"count": count})
        except Exception:
            LOG.exception("failed: " + what)
        await asyncio.sleep(every)
