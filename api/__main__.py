"""Runs the service: `python -m api`. Every setting is an environment variable, see `api.settings`.

Exit codes: 0 stopped; 1 could not start, standard error says why in one line; 2 a setting is none.
"""

import asyncio
import ctypes
import logging
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import AbstractContextManager, AsyncExitStack, ExitStack, asynccontextmanager, suppress
from types import FrameType
from typing import Final

import uvicorn
from fastapi import FastAPI
from pydantic import ValidationError
from starlette.types import ASGIApp

from api.adapters import Adapters, SettingMissing, real_adapters
from api.app import create_app
from api.logs import configure
from api.metrics import served
from api.production import NotForProduction
from api.settings import Settings
from api.zerocopy import ZeroCopyProtocol
from ledger.chain.finality import FinalityError
from ledger.chain.manifest import ManifestError, WrongChain
from ledger.chain.rpc import RpcError
from ledger.keys import CustodyError, SecretFileError
from ledger.proofs.trust import BadTrust
from ledger.store.database import NotMigratable
from ledger.store.engine import DatabaseUrlRefused

START_ERRORS: Final = (
    SettingMissing,
    NotForProduction,
    ManifestError,
    FinalityError,
    BadTrust,
    SecretFileError,
    CustodyError,
    DatabaseUrlRefused,
    NotMigratable,
    RpcError,
    WrongChain,
    OSError,
)
"""What keeps the service from starting and an operator can mend; no message holds a secret."""

KEEP_ALIVE_SECONDS: Final = 75
"""Longer than clients and proxies keep a connection idle (aiohttp 15, nginx 60), lest one writes a request
into a connection that is being closed: what is no GET is then not repeated."""

_M_ARENA_MAX: Final = -8
"""Of glibc's malloc.h."""


def main() -> int:
    configure()
    _few_heaps()
    try:
        settings = Settings()
    except ValidationError as error:
        for fault in error.errors(include_input=False, include_url=False):
            where = f"SOCAI_{'.'.join(map(str, fault['loc'])).upper()}: " if fault["loc"] else ""
            sys.stderr.write(f"{where}{fault['msg']}\n")
        return 2
    refused: list[Exception] = []

    @asynccontextmanager
    async def opening(settings: Settings) -> AsyncIterator[Adapters]:
        async with AsyncExitStack() as stack:
            try:
                if settings.otlp_url is not None:  # within, for uvicorn ends by the signal it got
                    stack.enter_context(_exported(settings.otlp_url))
                adapters = await stack.enter_async_context(real_adapters(settings))
            except START_ERRORS as error:
                refused.append(error)
                logging.getLogger("uvicorn.error").disabled = True  # it would print the traceback
                raise
            yield adapters

    app = create_app(settings, opening)
    config = uvicorn.Config(
        app if settings.otlp_url is None else _traced(app),
        http=ZeroCopyProtocol,
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=settings.proxy is not None,
        forwarded_allow_ips=settings.proxy,
        ssl_certfile=settings.tls_certificate,
        ssl_keyfile=settings.tls_key,
        lifespan="on",
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
    )
    server = _Server(config, app, settings.drain_seconds)
    with ExitStack() as stack:
        try:
            listening = stack.enter_context(_listen(settings.host, settings.port))
            if settings.metrics_port is not None:
                metrics = served(app.state.metrics, settings.metrics_host, settings.metrics_port)
                stack.enter_context(metrics)
        except OSError as error:
            refused.append(error)
        else:
            with suppress(SystemExit):  # uvicorn's own, when it could not start
                server.run([listening])
    for why in refused:
        sys.stderr.write(f"socai cannot start: {' '.join(str(why).split())}\n")
    return 0 if server.started else 1


def _few_heaps() -> None:
    """glibc has a heap for every thread, and keeps in each what a large upload freed: two are enough."""
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).mallopt(_M_ARENA_MAX, 2)


class _Server(uvicorn.Server):
    """Told to stop, goes on for `drain` seconds, not ready; then finishes what is under way and ends."""

    def __init__(self, config: uvicorn.Config, app: FastAPI, drain: float) -> None:
        super().__init__(config)
        self._app = app
        self._drain = drain

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        services = getattr(self._app.state, "services", None)
        if services is not None:
            services.live.stopping = True  # else its streams would keep the server for ever
        if not self._drain or services is None or services.readiness.stopping:
            super().handle_exit(sig, frame)
            return
        services.readiness.stopping = True
        loop = asyncio.get_running_loop()  # which a signal alone does not wake
        loop.call_soon_threadsafe(loop.call_later, self._drain, super().handle_exit, sig, frame)


def _traced(app: FastAPI) -> ASGIApp:
    try:
        from api.tracing import TracedRequests
    except ImportError:
        return app  # `_exported` says why
    return TracedRequests(app)


def _exported(url: str) -> AbstractContextManager[None]:
    try:
        from api.tracing import exported
    except ImportError as error:
        raise SettingMissing(
            f"SOCAI_OTLP_URL is set but {error.name} is not installed: pip install 'socai[otel]'"
        ) from None
    return exported(url)


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listening = socket.create_server((host, port), family=family, backlog=2048)
    except OSError as error:
        raise OSError(f"{host}:{port} cannot be listened on: {error.strerror}") from None
    # asyncio does it only for sockets that name their protocol; without it each answer waits 40 ms for an
    # acknowledgement between its head and its body
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listening


if __name__ == "__main__":
    sys.exit(main())
