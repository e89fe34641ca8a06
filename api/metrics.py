"""What Prometheus reads, in its text format. No label names a person.

The listener is its own, at `SOCAI_METRICS_HOST` and `SOCAI_METRICS_PORT`: keep it inside.
"""

import time
from collections.abc import Awaitable, Iterator, Mapping
from contextlib import contextmanager
from typing import Final, TypeVar

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, start_http_server

from ledger.domain.entitlement import Decision
from ledger.keys import KeyCustody
from ledger.services.grants import REFUSALS, Entitlements
from ledger.services.readiness import OK

T = TypeVar("T")

METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"})
SAMPLE_SECONDS: Final = 5.0
SECONDS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)


class Metrics:
    """Of one application."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        counted, gauged = self._counter, self._gauge
        self.requests = Histogram(
            "socai_request_seconds",
            "Requests, by how long they took. Route is the pattern, never an address with ids in it.",
            ("method", "route", "status"),
            buckets=SECONDS,
            registry=self.registry,
        )
        self.problems = counted("socai_problems", "Refusals and faults, by problem code.", "code")
        self.received = counted("socai_received_bytes", "Bytes of request bodies: uploads.", "route")
        self.sent = counted("socai_sent_bytes", "Bytes of answers: downloads.", "route")
        self.decisions = counted("socai_decisions", "Questions to the chain about a right.", "outcome")
        self.custody = Histogram(
            "socai_custody_seconds",
            "Calls of the custodian of keys.",
            ("operation", "outcome"),
            buckets=SECONDS,
            registry=self.registry,
        )
        self.ready = gauged("socai_ready", "Whether a part of readiness is ok.", "part")
        self.index_block = gauged("socai_index_block", "The newest block in the index.")
        self.index_lag = gauged("socai_index_lag_blocks", "How many blocks the node has beyond the index.")
        self.index_halted = gauged("socai_index_halted", "1 once the index stands still for good.")
        self.block_age = gauged("socai_final_block_age_seconds", "Age of the newest final block.")
        self.sender_queue = gauged("socai_sender_queue", "Transactions of the vault that are not mined.")
        self.log_entries = gauged("socai_access_log_entries", "Entries of the access log.")
        self.log_anchored = gauged(
            "socai_access_log_anchored_seconds", "When the log's checkpoint was last put on chain."
        )

    def _counter(self, name: str, what: str, *labels: str) -> Counter:
        return Counter(name, what, labels, registry=self.registry)

    def _gauge(self, name: str, what: str, *labels: str) -> Gauge:
        return Gauge(name, what, labels, registry=self.registry)

    def request(
        self, method: str, route: str, seen: Mapping[str, int], seconds: float, code: str | None
    ) -> None:
        """`seen` has the status, and the bytes in and out."""
        known = method if method in METHODS else "other"
        self.requests.labels(known, route, str(seen["status"])).observe(seconds)
        self.received.labels(route).inc(seen["bytes_in"])
        self.sent.labels(route).inc(seen["bytes_out"])
        if code is not None:
            self.problems.labels(code).inc()


class CountedEntitlements:
    """See `ledger.services.grants.Entitlements`."""

    def __init__(self, entitlements: Entitlements, metrics: Metrics) -> None:
        self._entitlements = entitlements
        self._decisions = metrics.decisions

    async def decide(self, licence: int, account: bytes) -> Decision:
        try:
            decision = await self._entitlements.decide(licence, account)
        except Exception as error:
            self._decisions.labels(REFUSALS.get(type(error), "failed")).inc()
            raise
        self._decisions.labels(decision.denial or "entitled").inc()
        return decision

    async def replay(self, decided: Decision) -> Decision:
        return await self._entitlements.replay(decided)


class TimedCustody:
    """See `ledger.keys.KeyCustody`."""

    def __init__(self, custody: KeyCustody, metrics: Metrics) -> None:
        self._custody = custody
        self._seconds = metrics.custody

    def version(self, wrapped: bytes) -> str:
        return self._custody.version(wrapped)

    async def current_version(self) -> str:
        return await self._timed("current_version", self._custody.current_version())

    async def wrap(self, data_key: bytes, aad: bytes) -> bytes:
        return await self._timed("wrap", self._custody.wrap(data_key, aad))

    async def unwrap(self, wrapped: bytes, aad: bytes) -> bytes:
        return await self._timed("unwrap", self._custody.unwrap(wrapped, aad))

    async def rewrap(self, wrapped: bytes, aad: bytes) -> bytes:
        return await self._timed("rewrap", self._custody.rewrap(wrapped, aad))

    async def rotate(self) -> str:
        return await self._timed("rotate", self._custody.rotate())

    async def _timed(self, operation: str, call: Awaitable[T]) -> T:
        started, outcome = time.perf_counter(), "failed"
        try:
            result = await call
            outcome = OK
            return result
        finally:
            self._seconds.labels(operation, outcome).observe(time.perf_counter() - started)


@contextmanager
def served(metrics: Metrics, host: str, port: int) -> Iterator[int]:
    """Answers at http://host:port/metrics, in a thread, until the block ends; the port. Raises OSError."""
    server, thread = start_http_server(port, host, metrics.registry)
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
