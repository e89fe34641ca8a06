"""How long the vault waits for a body."""

import asyncio
from collections.abc import AsyncIterable, AsyncIterator


class UploadTooSlow(Exception):
    """The body arrives more slowly than the vault waits for."""


async def paced(body: AsyncIterable[bytes], least: int, window: float) -> AsyncIterator[bytes]:
    """The body; raises UploadTooSlow when `window` seconds of waiting for it bring less than `least` bytes
    each. What the caller does with a piece takes no time of the sender's."""
    pieces, loop = aiter(body), asyncio.get_running_loop()
    waited, came = 0.0, 0
    while True:
        since = loop.time()
        try:
            async with asyncio.timeout(window - waited):
                piece = await anext(pieces)
        except StopAsyncIteration:
            return
        except TimeoutError:
            raise UploadTooSlow(f"less than {least} bytes a second") from None
        waited += loop.time() - since
        came += len(piece)
        if came >= least * window:
            waited, came = 0.0, 0
        yield piece
