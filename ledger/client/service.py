"""The service over HTTP: JSON in and out, problems (RFC 9457) as exceptions, bodies streamed both ways."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager
from io import BytesIO
from types import TracebackType
from typing import Any, Final, Self
from uuid import uuid4

import aiohttp
from eth_account.messages import encode_defunct
from eth_account.signers.local import LocalAccount
from yarl import URL

from ledger.chain.rpc import to_hex
from ledger.domain.siwe import Message

BLOCK: Final = 1 << 20
JOIN_SECONDS: Final = 300
"""How long an answer to what was sent may take: the service joins what arrived, 20 GB in some minutes."""
PAUSES: Final = (0.5, 2.0)
"""Seconds between two questions for the same answer."""


class ServiceError(Exception):
    """Base of what goes wrong between us and the service."""


class ServiceUnreachable(ServiceError):
    """No answer, or none that the service would give."""


class Refused(ServiceError):
    """The service's own refusal: `code` is stable, `extra` what the problem says beyond RFC 9457."""

    def __init__(self, status: int, code: str, detail: str, extra: dict[str, Any]) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code
        self.detail = detail
        self.extra = extra


class Service:
    """One service, and the session of one account once `sign_in` was called."""

    def __init__(self, url: str, *, timeout: float = 30.0) -> None:
        self.url = url.rstrip("/")
        self._http = aiohttp.ClientSession(
            trust_env=False, timeout=aiohttp.ClientTimeout(total=None, sock_connect=5, sock_read=timeout)
        )
        self._token: str | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._http.close()

    async def sign_in(self, account: LocalAccount) -> None:
        """Opens a session by EIP-4361. Raises Refused, ServiceUnreachable."""
        if self._token is not None:
            return
        challenge = await self.json("GET", "/v1/auth/nonce")
        challenge.pop("version")
        message = str(Message(address=account.address, **challenge))
        signature = bytes(account.sign_message(encode_defunct(text=message)).signature)
        signed = {"message": message, "signature": to_hex(signature)}
        opened = await self.json("POST", "/v1/auth/verify", signed)
        self._token = opened["token"]

    async def json(
        self, method: str, path: str, body: Any = None, *, headers: dict[str, str] | None = None
    ) -> Any:
        """The JSON answer; None for an empty one. Raises Refused, ServiceUnreachable."""
        async with self._request(method, path, json=body, headers=headers) as answer:
            return await answer.json() if answer.status != 204 else None

    async def once(self, method: str, path: str, body: Any = None, *, again: Collection[str] = ()) -> Any:
        """Like `json`, for what must happen once: under an Idempotency-Key of its own, and asked again when
        the answer was lost on the way or is one of the codes `again`."""
        headers = {"idempotency-key": uuid4().hex}
        for pause in PAUSES:
            try:
                return await self.json(method, path, body, headers=headers)
            except ServiceUnreachable:
                await asyncio.sleep(pause)
            except Refused as error:
                if error.code not in again:
                    raise
                await asyncio.sleep(pause)
        return await self.json(method, path, body, headers=headers)

    async def put(self, path: str, content: bytes, media_type: str) -> Any:
        """Sends bytes of a media type. Raises Refused, ServiceUnreachable."""
        async with self._request(
            "PUT", path, data=BytesIO(content), headers={"content-type": media_type}
        ) as answer:
            return await answer.json()

    async def headers(
        self, method: str, path: str, headers: dict[str, str], body: AsyncIterator[bytes] | None = None
    ) -> Mapping[str, str]:
        """The headers of an answer without a body, which may take its time. Raises Refused,
        ServiceUnreachable."""
        patient = aiohttp.ClientTimeout(total=None, sock_connect=5, sock_read=JOIN_SECONDS)
        async with self._request(method, path, data=body, headers=headers, timeout=patient) as answer:
            return answer.headers

    async def receive(
        self, path: str, start: int = 0, end: int | None = None, *, etag: str = ""
    ) -> AsyncGenerator[bytes, None]:
        """The bytes [start, end) of a GET's body, in pieces. Raises Refused, ServiceUnreachable."""
        last = "" if end is None else end - 1
        headers = {"range": f"bytes={start}-{last}", "if-range": etag} if start or end else {}
        async with self._request("GET", path, headers=headers) as answer:
            if start and not answer.headers.get("content-range", "").startswith(f"bytes {start}-"):
                raise ServiceUnreachable(f"{self.url}: what was cut cannot be taken up again")
            async for piece in answer.content.iter_chunked(BLOCK):
                yield piece

    async def whole(self, path: str, limit: int) -> bytes:
        """The body of a GET of at most `limit` bytes. Raises Refused, ServiceUnreachable."""
        body = bytearray()
        async for piece in self.receive(path):
            body += piece
            if len(body) > limit:
                raise ServiceUnreachable(f"{self.url}: more than the {limit} bytes that were to come")
        return bytes(body)

    @asynccontextmanager
    async def _request(
        self, method: str, path: str, *, headers: dict[str, str] | None = None, **body: Any
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        sent = dict(headers or {})
        if self._token is not None:
            sent["authorization"] = f"Bearer {self._token}"
        try:
            async with self._http.request(
                method, self.url + path, headers=sent, allow_redirects=False, **body
            ) as answer:
                if method == "GET" and answer.status == 307:
                    async with self._elsewhere(answer.headers["location"], sent) as bytes_:
                        yield bytes_
                    return
                if answer.status >= 300:
                    raise await _refusal(answer)
                yield answer
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise ServiceUnreachable(f"{self.url}: {error or type(error).__name__}") from error

    @asynccontextmanager
    async def _elsewhere(self, url: str, headers: Mapping[str, str]) -> AsyncIterator[aiohttp.ClientResponse]:
        """Where the service sent us, which need not know who we are: what comes is checked all the same."""
        asked = {"range": headers["range"]} if "range" in headers else {}
        async with self._http.get(URL(url, encoded=True), headers=asked, allow_redirects=False) as answer:
            if answer.status >= 300:
                raise ServiceUnreachable(f"{answer.url.origin()}: HTTP {answer.status}")
            yield answer


async def _refusal(answer: aiohttp.ClientResponse) -> ServiceError:
    if answer.content_type != "application/problem+json":
        return ServiceUnreachable(f"{answer.url.origin()}: HTTP {answer.status}, not from this service")
    problem = await answer.json(content_type=None)
    standard = ("type", "title", "status", "detail", "code")
    extra = {name: value for name, value in problem.items() if name not in standard}
    return Refused(answer.status, problem["code"], problem["detail"], extra)
