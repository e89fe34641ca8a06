"""HTTP/1.1 to one server over kept connections, for JSON-RPC: POST a body, get a status and a body.

No redirects, no proxies, no cookies, no compression. A general client costs as much again as the call to the
node that it carries.
"""

import asyncio
import ssl
from base64 import b64encode
from typing import Final, cast

from yarl import URL

HEAD_LIMIT: Final = 64 << 10
IDLE: Final = 16
"""Most connections kept while nobody asks."""


class WireError(ConnectionError):
    """The server hung up, or what it sent is not HTTP."""


class HungUp(WireError):
    """The server hung up before it said anything. Whether it acted stays open."""


class AnswerTooLarge(WireError):
    """The answer is larger than allowed."""


class Wire:
    """`limit`: bytes of an answer; `connect_timeout` in seconds. Requests may be made at the same time."""

    def __init__(self, url: URL, *, limit: int, connect_timeout: float) -> None:
        self._url, self._limit, self._connect_timeout = url, limit, connect_timeout
        lines = [
            f"POST {url.raw_path_qs} HTTP/1.1",
            f"Host: {url.raw_authority.rpartition('@')[2]}",
            "Content-Type: application/json",
        ]
        if url.user is not None:
            user = b64encode(f"{url.user}:{url.password or ''}".encode()).decode()
            lines.append(f"Authorization: Basic {user}")
        self._head = "\r\n".join(lines).encode()
        self._idle: list[_Connection] = []

    def close(self) -> None:
        """Ends idle connections; a later request opens another."""
        while self._idle:
            self._idle.pop().abort()

    async def post(self, body: bytes, *, again: bool = False) -> tuple[int, bytes]:
        """Raises WireError, OSError. When cancelled, the connection is given up.

        A server may end a kept connection at any time, also as we write to it. With `again` the body, which
        must be safe to send twice, then goes once more over a new one.
        """
        request = b"%b\r\nContent-Length: %d\r\n\r\n%b" % (self._head, len(body), body)
        kept = self._kept()
        if kept is not None:
            try:
                return await self._ask(kept, request)
            except HungUp:
                if not again:
                    raise
        return await self._ask(await self._open(), request)

    async def _ask(self, connection: "_Connection", request: bytes) -> tuple[int, bytes]:
        try:
            status, answer = await connection.ask(request)
        except BaseException:
            connection.abort()
            raise
        if connection.reusable and len(self._idle) < IDLE:
            self._idle.append(connection)
        else:
            connection.abort()
        return status, answer

    def _kept(self) -> "_Connection | None":
        while self._idle:
            connection = self._idle.pop()
            if connection.reusable:
                return connection
        return None

    async def _open(self) -> "_Connection":
        async with asyncio.timeout(self._connect_timeout):
            _, made = await asyncio.get_running_loop().create_connection(
                lambda: _Connection(self._limit),
                self._url.host or "",
                self._url.port or 0,
                ssl=ssl.create_default_context() if self._url.scheme == "https" else None,
            )
        return made


class _Connection(asyncio.Protocol):
    """One request at a time."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._transport: asyncio.Transport | None = None
        self._answer: asyncio.Future[tuple[int, bytes]] | None = None
        self._buffer = bytearray()
        self.reusable = True
        self._begin()

    def _begin(self) -> None:
        self._status = 0
        self._length: int | None = None
        self._chunked = False
        self._body = bytearray()

    async def ask(self, request: bytes) -> tuple[int, bytes]:
        if self._transport is None or self._transport.is_closing():
            raise HungUp("the server hung up")
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return await self._answer

    def abort(self) -> None:
        self.reusable = False
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # TCP's, of whichever loop

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        if self._answer is None or self._answer.done():  # nobody asked
            self.abort()
            return
        try:
            if len(self._buffer) + len(self._body) > self._limit + HEAD_LIMIT:
                raise AnswerTooLarge(f"an answer of more than {self._limit} bytes")
            if self._take():
                self._finish()
        except (WireError, ValueError) as error:
            self._fail(error if isinstance(error, WireError) else WireError("not HTTP"))

    def connection_lost(self, error: Exception | None) -> None:
        self.reusable = False
        if self._answer is None or self._answer.done():
            return
        if self._status and self._length is None and not self._chunked:  # a body that lasts to the end
            self._body += self._buffer
            self._finish()
        else:
            silent = not self._status and not self._buffer
            self._fail((HungUp if silent else WireError)("the server hung up"))

    def _finish(self) -> None:
        assert self._answer is not None  # noqa: S101
        if len(self._body) > self._limit:
            raise AnswerTooLarge(f"an answer of more than {self._limit} bytes")
        self._answer.set_result((self._status, bytes(self._body)))
        self._begin()

    def _fail(self, error: Exception) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(error)
        self.abort()

    def _take(self) -> bool:
        """Moves what has arrived from the buffer; whether the answer is whole."""
        if not self._status and not self._take_head():
            return False
        if self._chunked:
            return self._take_chunks()
        if self._length is None or len(self._buffer) < self._length:
            return False
        self._body = self._buffer[: self._length]
        del self._buffer[: self._length]
        return True

    def _take_head(self) -> bool:
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0:
            if len(self._buffer) > HEAD_LIMIT:
                raise WireError("a head without an end")
            return False
        first, *lines = bytes(self._buffer[:end]).decode("latin-1").split("\r\n")
        del self._buffer[: end + 4]
        version, status, *_ = first.split(" ")
        if not version.startswith("HTTP/1."):
            raise WireError("not HTTP/1")
        headers = {
            name.strip().lower(): value.strip() for name, _, value in (x.partition(":") for x in lines)
        }
        self._chunked = headers.get("transfer-encoding", "").lower() == "chunked"
        if not self._chunked and "content-length" in headers:
            self._length = int(headers["content-length"])
            if not 0 <= self._length <= self._limit:
                raise AnswerTooLarge(f"an answer of more than {self._limit} bytes")
        if version == "HTTP/1.0" or headers.get("connection", "").lower() == "close":
            self.reusable = False
        self._status = int(status)
        return True

    def _take_chunks(self) -> bool:
        while True:
            end = self._buffer.find(b"\r\n")
            if end < 0:
                return False
            size = int(bytes(self._buffer[:end]).partition(b";")[0], 16)
            after = end + 2 + size
            if len(self._buffer) < after + 2:
                return False
            self._body += self._buffer[end + 2 : after]
            if bytes(self._buffer[after : after + 2]) != b"\r\n":
                raise WireError("a chunk without an end")
            del self._buffer[: after + 2]
            if size == 0:
                return True
