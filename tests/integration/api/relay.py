"""A network that cuts connections: a TCP relay in front of a server."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Self


class Relay:
    """Every connection ends after `most` bytes in one direction; `cuts` counts how often that was."""

    def __init__(self, port: int) -> None:
        self._behind = port
        self.url = ""
        self.most = 1 << 60
        self.cuts = 0

    @classmethod
    @asynccontextmanager
    async def before(cls, url: str) -> AsyncIterator[Self]:
        relay = cls(int(url.rpartition(":")[2]))
        server = await asyncio.start_server(relay._accept, "127.0.0.1", 0)
        relay.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        try:
            yield relay
        finally:
            server.close()
            await server.wait_closed()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        theirs, ours = await asyncio.open_connection("127.0.0.1", self._behind)
        await asyncio.wait(
            [asyncio.create_task(self._pump(reader, ours)), asyncio.create_task(self._pump(theirs, writer))],
            return_when=asyncio.FIRST_COMPLETED,
        )
        for end in (writer, ours):
            end.transport.abort()

    async def _pump(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        passed = 0
        with suppress(ConnectionError):
            while piece := await source.read(1 << 16):
                passed += len(piece)
                if passed > self.most:
                    self.cuts += 1
                    return
                sink.write(piece)
                await sink.drain()
