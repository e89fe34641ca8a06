"""Files from the page cache to the socket, past this process: ASGI's zero copy send extension.

https://asgi.readthedocs.io/en/latest/extensions.html#zero-copy-send. uvicorn does not offer it;
`ZeroCopyProtocol` does, by sendfile(2), on connections that are not encrypted.
"""

import asyncio
import os
from collections.abc import Mapping
from typing import Any, BinaryIO, Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send
from uvicorn._types import ASGI3Application, ASGIReceiveCallable, ASGISendCallable
from uvicorn._types import Scope as ServerScope
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

EXTENSION: Final = "http.response.zerocopysend"
PORTION: Final = 8 << 20
"""Bytes asked of the kernel to be read ahead while those before them are sent."""


class ZeroCopyProtocol(HttpToolsProtocol):
    """uvicorn's protocol, and the extension."""

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        async def extended(scope: ServerScope, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
            async def sending(message: Any) -> None:
                if message["type"] == EXTENSION:
                    await _send_file(cycle, message["file"], message["offset"], message["count"])
                    message = {"type": "http.response.body", "more_body": message.get("more_body", False)}
                await send(message)

            await app(scope, receive, sending)

        if cycle.scope["scheme"] == "https":
            super()._start_asgi_task(cycle, app)
        else:
            cycle.scope.setdefault("extensions", {})[EXTENSION] = {}
            super()._start_asgi_task(cycle, extended)


async def _send_file(cycle: RequestResponseCycle, file: BinaryIO, offset: int, count: int) -> None:
    """The bytes [offset, offset + count), after what was written before. To one who has left, no more.

    Raises RuntimeError when the file is shorter or the answer was to be.
    """
    if count > cycle.expected_content_length:
        raise RuntimeError("Response content longer than Content-Length")
    transport, end = cycle.transport, offset + count
    transport.set_write_buffer_limits(0)
    try:
        await cycle.flow.drain()
    finally:
        transport.set_write_buffer_limits()
    if cycle.disconnected or transport.is_closing():
        return
    out = os.dup(transport.get_extra_info("socket").fileno())  # the loop watches the other
    try:
        while offset < end and not cycle.disconnected:
            try:
                sent = os.sendfile(out, file.fileno(), offset, end - offset)
            except BlockingIOError:
                await _writable(out)
                continue
            except (ConnectionError, TimeoutError):
                transport.abort()
                return
            if not sent:
                raise RuntimeError("the file is shorter than it was")
            offset += sent
            await asyncio.sleep(0)
    finally:
        os.close(out)
    cycle.expected_content_length -= count


async def _writable(descriptor: int) -> None:
    loop = asyncio.get_running_loop()
    ready = asyncio.Event()
    loop.add_writer(descriptor, ready.set)
    try:
        await ready.wait()
    finally:
        loop.remove_writer(descriptor)


def offered(request: Request) -> bool:
    """By the server, for this request."""
    return EXTENSION in request.scope.get("extensions", {})


class ZeroCopyResponse(Response):
    """The bytes [start, end) of an open file, which it closes. Only where the extension is `offered`."""

    def __init__(
        self, file: BinaryIO, start: int, end: int, status: int, headers: Mapping[str, str], media_type: str
    ) -> None:
        super().__init__(None, status, headers, media_type)
        self._file, self._start, self._end = file, start, end

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        with self._file:
            await send(
                {"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers}
            )
            handle = self._file.fileno()
            os.posix_fadvise(handle, self._start, PORTION, os.POSIX_FADV_WILLNEED)
            for at in range(self._start, self._end, PORTION):
                os.posix_fadvise(handle, at + PORTION, PORTION, os.POSIX_FADV_WILLNEED)
                count = min(PORTION, self._end - at)
                message = {"type": EXTENSION, "file": self._file, "offset": at, "count": count}
                await send(message | {"more_body": at + count < self._end})
