"""Work in the background that ends with a block."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Any


@asynccontextmanager
async def meanwhile(work: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """Has `work` done in the background until the block ends.

    It is cancelled until it ends: `asyncio.wait_for`, on which drivers wait, loses a cancellation that comes
    with its result (before Python 3.12).
    """
    task = asyncio.create_task(work)
    try:
        yield
    finally:
        while not task.done():
            task.cancel()
            await asyncio.wait([task], timeout=5)
