"""HTTP/1.1 to one server over kept connections, for JSON-RPC: POST a body, get a status and a body.

No redirects, no proxies, no cookies, no compression. A general client costs as much again as the call to the
node that it carries.
"""

import asyncio
import ssl
from base64 import b64encode
from typing import Final, cast

from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser
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
    """`limit`: bytes of an answer. `timeout`: seconds for an answer, `connect_timeout` to connect. Requests
    may be made at the same time."""

    def __init__(self, url: URL, *, limit: int, timeout: float, connect_timeout: float) -> None:
        self._url, self._limit = url, limit
        self._timeout, self._connect_timeout = timeout, connect_timeout
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
        """Raises WireError, TimeoutError, OSError. When cancelled, the connection is given up.

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
            status, answer = await connection.ask(request, self._timeout)
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
    """One request at a time, which httptools calls back about its answer."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._transport: asyncio.Transport | None = None
        self._answer: asyncio.Future[tuple[int, bytes]] | None = None
        self._parser = HttpResponseParser(self)
        self.reusable = True

    async def ask(self, request: bytes, within: float) -> tuple[int, bytes]:
        if self._transport is None or self._transport.is_closing():
            raise HungUp("the server hung up")
        self._body = bytearray()
        self._received = self._length = 0
        self._begun = self._until_end = self._bounded = self._whole = False
        loop = asyncio.get_running_loop()
        self._answer = loop.create_future()
        self._transport.write(request)
        patience = loop.call_later(within, self._fail, TimeoutError())  # cheaper than asyncio.timeout
        try:
            return await self._answer
        finally:
            patience.cancel()

    def abort(self) -> None:
        self.reusable = False
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # TCP's, of whichever loop

    def data_received(self, data: bytes) -> None:
        if self._answer is None or self._answer.done():  # nobody asked
            self.abort()
            return
        self._received += len(data)
        try:
            self._parser.feed_data(data)
        except (HttpParserError, HttpParserUpgrade):
            self._fail(WireError("not HTTP/1"))
            return
        if max(self._length, len(self._body)) > self._limit or self._received > self._limit + HEAD_LIMIT:
            self._fail(AnswerTooLarge(f"an answer of more than {self._limit} bytes"))
        elif self._whole:
            self._finish()

    def connection_lost(self, error: Exception | None) -> None:
        self.reusable = False
        if self._answer is None or self._answer.done():
            return
        if self._until_end and not self._whole:
            self._finish()
        else:
            self._fail((WireError if self._received else HungUp)("the server hung up"))

    def on_message_begin(self) -> None:
        if self._begun:
            raise WireError("more than one answer")
        self._begun = True

    def on_header(self, name: bytes, value: bytes) -> None:
        field = name.lower()
        if field == b"content-length":
            self._length = int(value)
        self._bounded |= field in (b"content-length", b"transfer-encoding")

    def on_headers_complete(self) -> None:
        self._until_end = not self._bounded

    def on_body(self, piece: bytes) -> None:
        self._body += piece

    def on_message_complete(self) -> None:
        self._whole = True
        self.reusable &= self._parser.should_keep_alive()

    def _finish(self) -> None:
        assert self._answer is not None  # noqa: S101
        self._answer.set_result((self._parser.get_status_code(), bytes(self._body)))

    def _fail(self, error: Exception) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(error)
        self.abort()
