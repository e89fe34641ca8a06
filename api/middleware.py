"""What every request gets: an id, security headers, one log line, silence about what went wrong inside."""

import logging
import secrets
import time
from typing import Any, Final

from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api import zerocopy
from api.errors import INTERNAL, BodyTooLarge, known, problem
from api.limits import network
from api.metrics import Metrics
from ledger.services.limits import Limiter, RateLimited

LOG: Final = logging.getLogger("socai.api")

BODY_LIMIT: Final = 64 * 1024
"""Most bytes of a body that is read whole."""

HEADERS: Final = {
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}
"""A route that knows better sets its own."""


def unbounded(request: Request) -> None:
    """For a route that reads its body in pieces and counts them itself."""
    request.state.body_limit = None


class Envelope:
    """The outermost layer of the application."""

    def __init__(self, app: ASGIApp, *, addresses: Limiter, secure: bool, metrics: Metrics) -> None:
        self._app = app
        self._addresses = addresses
        self._metrics = metrics
        self._headers = HEADERS | ({"Strict-Transport-Security": "max-age=63072000"} if secure else {})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request = Request(scope)
        request.state.request_id = secrets.token_hex(8)
        request.state.body_limit = BODY_LIMIT
        started, seen = time.perf_counter(), {"status": 499, "bytes_in": 0, "bytes_out": 0}

        async def counted_receive() -> Message:
            message = await receive()
            seen["bytes_in"] += len(message.get("body", b""))
            limit = request.state.body_limit
            if limit is not None and seen["bytes_in"] > limit:
                raise BodyTooLarge(f"at most {limit} bytes")
            return message

        async def dressed_send(message: Message) -> None:
            if message["type"] == "http.response.start":
                seen["status"] = message["status"]
                headers = MutableHeaders(scope=message)
                for name, value in self._headers.items():
                    headers.setdefault(name, value)
                headers["X-Request-Id"] = request.state.request_id
            elif message["type"] == "http.response.body":
                seen["bytes_out"] += len(message.get("body", b""))
            elif message["type"] == zerocopy.EXTENSION:
                seen["bytes_out"] += message["count"]
            await send(message)

        try:
            self._addresses.take(network(request.client.host if request.client else ""))
            await self._app(scope, counted_receive, dressed_send)
        except RateLimited as error:
            await known(request, error)(scope, receive, dressed_send)
        except Exception:
            LOG.exception("request failed", extra={"request_id": request.state.request_id})
            if seen["status"] != 499:
                raise  # too late for an answer: the server cuts the connection
            await problem(request, INTERNAL)(scope, receive, dressed_send)
        finally:
            self._record(request, seen, time.perf_counter() - started)

    def _record(self, request: Request, seen: dict[str, int], seconds: float) -> None:
        route = getattr(request.scope.get("route"), "path", None)
        code = getattr(request.state, "code", None)
        facts: dict[str, Any] = {
            "request_id": request.state.request_id,
            "method": request.method,
            "route": route,
            "code": code,
            "milliseconds": round(seconds * 1000, 1),
        }
        LOG.info("request", extra=seen | facts)
        self._metrics.request(request.method, route or "none", seen, seconds, code)
