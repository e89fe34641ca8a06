"""OpenTelemetry traces, in this one place; imported only when `SOCAI_OTLP_URL` is set.

A request is a span; the questions to the chain and the SQL statements that it leads to are its children. What
nobody asked for (the index, the sender) makes none. A span carries no parameter, body or address: of SQL the
statement with its placeholders, of the chain the method, of a request its route pattern and its id.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

from opentelemetry import propagate, trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import SpanKind, Status, StatusCode
from sqlalchemy import Engine, event
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ledger.chain.rpc import Params, Rpc

TRACER: Final = trace.get_tracer("socai")


@contextmanager
def exported(url: str) -> Iterator[None]:
    """Sends the spans of this process to `url` until the block ends; once per process."""
    provider = TracerProvider(resource=Resource.create({"service.name": "socai"}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=url)))
    trace.set_tracer_provider(provider)
    listeners = (
        ("before_cursor_execute", _statement),
        ("after_cursor_execute", _done),
        ("handle_error", _failed),
    )
    for name, listener in listeners:
        event.listen(Engine, name, listener)
    try:
        yield
    finally:
        for name, listener in listeners:
            event.remove(Engine, name, listener)
        provider.shutdown()


class TracedRequests:
    """The layer around the application's own outermost one."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def seen(message: Message) -> None:
            if message["type"] == "http.response.start":
                span.set_attribute("http.response.status_code", message["status"])
            await send(message)

        above = propagate.extract(dict(Headers(scope=scope)))
        with TRACER.start_as_current_span(scope["method"], above, SpanKind.SERVER) as span:
            try:
                await self._app(scope, receive, seen)
            finally:
                if route := getattr(scope.get("route"), "path", None):
                    span.update_name(f"{scope['method']} {route}")
                    span.set_attribute("http.route", route)
                span.set_attribute("http.request.method", scope["method"])
                span.set_attribute("socai.request_id", scope.get("state", {}).get("request_id", ""))


class TracedRpc(Rpc):
    """A node whose questions are spans of the request that asks them."""

    async def request(self, method: str, params: Params = ()) -> Any:
        with _asked(method):
            return await super().request(method, params)

    async def outcomes(self, calls: Sequence[tuple[str, Params]]) -> list[Any]:
        with _asked("batch"):
            return await super().outcomes(calls)


@contextmanager
def _asked(method: str) -> Iterator[None]:
    if not trace.get_current_span().is_recording():
        yield
        return
    attributes = {"rpc.system": "jsonrpc", "rpc.method": method}
    with TRACER.start_as_current_span(f"chain {method}", kind=SpanKind.CLIENT, attributes=attributes):
        yield


def _statement(connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
    if trace.get_current_span().is_recording():
        attributes = {"db.system.name": connection.dialect.name, "db.query.text": statement}
        name = f"SQL {statement.split(maxsplit=1)[0]}"
        connection.info["socai.span"] = TRACER.start_span(name, kind=SpanKind.CLIENT, attributes=attributes)


def _done(connection: Any, *_: Any) -> None:
    if span := connection.info.pop("socai.span", None):
        span.end()


def _failed(context: Any) -> None:
    if context.connection is not None and (span := context.connection.info.pop("socai.span", None)):
        span.set_status(Status(StatusCode.ERROR, type(context.original_exception).__name__))
        span.end()
