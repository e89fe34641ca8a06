"""The application: adapters are opened here, use cases put on top, all of it closed at the end."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from typing import Final

from fastapi import APIRouter, FastAPI

from api import errors, page
from api.adapters import Adapters, real_adapters
from api.auth import routes as auth
from api.deps import Services
from api.limits import TokenBuckets
from api.metrics import SAMPLE_SECONDS, CountedEntitlements, Metrics, TimedCustody
from api.middleware import Envelope
from api.routes import (
    access_log,
    catalogue,
    dealings,
    deposits,
    dossiers,
    encryption_keys,
    erasures,
    evidence,
    exchange,
    grants,
    history,
    live,
    metadata,
    payloads,
    problems,
    reconciliations,
    samples,
    streams,
    uploads,
)
from api.settings import Settings
from api.wiring import VERSION, wire
from ledger.recursion import limit_recursion
from ledger.services.readiness import OK
from ledger.tasks import meanwhile, repeat

LOOK_SECONDS: Final = 1.0

Open = Callable[[Settings], AbstractAsyncContextManager[Adapters]]


def create_app(settings: Settings, open_adapters: Open | None = None) -> FastAPI:
    """An application whose adapters are opened when it starts and closed when it stops."""
    opening = open_adapters or real_adapters
    limit_recursion()
    metrics = Metrics()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with opening(settings) as opened:
            adapters = replace(
                opened,
                custody=TimedCustody(opened.custody, metrics),
                entitlements=CountedEntitlements(opened.entitlements, metrics),
            )
            app.state.services = wire(settings, adapters)
            services: Services = app.state.services
            collect, anchor = settings.collect_seconds, settings.anchor_seconds

            async def abandoned() -> int:
                return await services.deposits.collect(int(adapters.clock()))

            async def anchored() -> None:
                await services.access_log.anchor()
                metrics.log_anchored.set_to_current_time()

            async def sampled() -> None:
                await _sample(services, adapters, metrics)

            async def lead() -> None:
                chores = [
                    *(chore() for chore in adapters.chores),
                    repeat("deposits collected", abandoned, collect),
                    repeat("unclaimed payloads collected", services.unclaimed.collect, collect),
                    repeat("payloads erased", services.erasures.carry_out, collect),
                    repeat("old records thrown away", services.retention.forget, collect),
                    repeat("access log anchored", anchored, anchor, anchor),
                ]
                async with asyncio.TaskGroup() as group:
                    for chore in chores:
                        group.create_task(chore)

            async def looked() -> None:
                if not await adapters.leader.leads():
                    await adapters.index.look()

            async with (
                meanwhile(adapters.leader.run(lead)),
                meanwhile(repeat("index looked at", looked, LOOK_SECONDS)),
                meanwhile(repeat("metrics sampled", sampled, SAMPLE_SECONDS)),
            ):
                yield

    app = FastAPI(
        title="Socai",
        summary="The transaction ledger of a data exchange",
        version=VERSION,
        lifespan=lifespan,
        openapi_url="/v1/openapi.json",
        docs_url=None,  # FastAPI's pages load scripts from elsewhere
        redoc_url=None,
        # the framework's own spans and records carry queries and messages of exceptions: see `api.tracing`
        telemetry={"tracing": False, "metrics": False, "logs": False, "auto_configure": False},
    )
    v1 = APIRouter(prefix="/v1")
    for module in (
        *(auth, deposits, uploads, payloads, metadata, samples, catalogue, grants, streams),
        *(encryption_keys, erasures, exchange, access_log),
        *(evidence, live, dealings, dossiers, reconciliations, history, problems),
    ):
        v1.include_router(module.router)
    app.include_router(v1)
    app.include_router(page.router(settings.public_rpc_url))
    errors.install(app)
    app.state.accounts = TokenBuckets(settings.account_rate, settings.account_burst, time.monotonic)
    app.add_middleware(
        Envelope,
        addresses=TokenBuckets(settings.address_rate, settings.address_burst, time.monotonic),
        secure=settings.secure,
        metrics=metrics,
    )
    app.state.metrics = metrics
    return app


async def _sample(services: Services, adapters: Adapters, metrics: Metrics) -> None:
    for part, found in (await services.readiness.parts()).items():
        metrics.ready.labels(part).set(found == OK)
    progress = adapters.index.progress
    metrics.index_block.set(progress.block)
    metrics.index_lag.set(progress.lag)
    metrics.index_halted.set(progress.halted)
    metrics.sender_queue.set(len(await adapters.intents.open()))
    metrics.log_entries.set((await services.access_log.checkpoint()).size)
    if (age := (await services.exchange.state()).age) is not None:
        metrics.block_age.set(age)
