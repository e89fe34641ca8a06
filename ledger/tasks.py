"""Work in the background that ends with a block."""

import asyncio
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from typing import Any, Final, TypeVar

LOG: Final = logging.getLogger("socai.tasks")

T = TypeVar("T")


async def ahead(items: AsyncGenerator[T, None]) -> AsyncGenerator[T, None]:
    """The same items: the next is made while the caller works on this one. Closes `items`."""

    async def step() -> T:
        return await anext(items)

    following = asyncio.create_task(step())
    try:
        while True:
            try:
                item = await following
            except StopAsyncIteration:
                return
            following = asyncio.create_task(step())
            yield item
    finally:
        following.cancel()
        with suppress(asyncio.CancelledError, Exception):
            await following
        await items.aclose()


@asynccontextmanager
async def meanwhile(work: Coroutine[Any, Any, T]) -> AsyncIterator[asyncio.Task[T]]:
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
