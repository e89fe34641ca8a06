"""Runs the service: `python -m api`. Every setting is an environment variable, see `api.settings`.

Exit codes: 0 stopped; 1 could not start, standard error says why in one line; 2 a setting is none.
"""

import logging
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from typing import Final

import uvicorn
from pydantic import ValidationError

from api.app import Adapters, SettingMissing, create_app, real_adapters
from api.logs import configure
from api.production import NotForProduction
from api.settings import Settings
from ledger.chain.finality import FinalityError
from ledger.chain.manifest import ManifestError, WrongChain
from ledger.chain.rpc import RpcError
from ledger.keys import CustodyError, SecretFileError
from ledger.proofs.trust import BadTrust
from ledger.store.database import DatabaseUrlRefused, NotMigratable

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


def main() -> int:
    configure()
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
                adapters = await stack.enter_async_context(real_adapters(settings))
            except START_ERRORS as error:
                refused.append(error)
                logging.getLogger("uvicorn.error").disabled = True  # it would print the traceback
                raise
            yield adapters

    config = uvicorn.Config(
        create_app(settings, opening),
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
    server = uvicorn.Server(config)
    try:
        listening = _listen(settings)
    except OSError as error:
        refused.append(OSError(f"{settings.host}:{settings.port} cannot be listened on: {error.strerror}"))
    else:
        with listening, suppress(SystemExit):  # uvicorn's own, when it could not start
            server.run([listening])
    for why in refused:
        sys.stderr.write(f"socai cannot start: {' '.join(str(why).split())}\n")
    return 0 if server.started else 1


def _listen(settings: Settings) -> socket.socket:
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    listening = socket.create_server((settings.host, settings.port), family=family, backlog=2048)
    # asyncio does it only for sockets that name their protocol; without it each answer waits 40 ms for an
    # acknowledgement between its head and its body
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listening


if __name__ == "__main__":
    sys.exit(main())
