"""What operators see of a running service: readiness, metrics, traces; and how it stops."""

import asyncio
import os
import signal
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.error import HTTPError, URLError

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from api.settings import Settings
from tests.e2e.conftest import free_port
from tests.integration.api.conftest import Client
from tests.integration.api.market import PASSPHRASE
from tests.integration.api.test_start import FORKS, _main
from tests.integration.node import Node

PARTS = {"database", "chain", "index", "keys", "objects"}


async def test_ready_names_the_part_that_is_not(client: Client, node: Node, settings: Settings) -> None:
    status, ready = await client.call("GET", "/v1/ready")
    assert (status, ready) == (200, {"parts": dict.fromkeys(PARTS, "ok")})
    node.down = True
    (settings.data / "objects").rename(settings.data / "elsewhere")
    for _ in range(100):  # an answer is kept for a while
        status, refused = await client.call("GET", "/v1/ready")
        if status == 503:
            break
        await asyncio.sleep(0.1)
    assert refused["code"] == "not-ready"
    wrong = {"chain": "node-unreachable", "objects": "unavailable"}
    assert refused["parts"] | {"index": "ok"} == dict.fromkeys(PARTS, "ok") | wrong
    assert (await client.call("GET", "/v1/health"))[0] == 200  # it lives all the same


@contextmanager
def collector() -> Iterator[tuple[str, list[Span]]]:
    """Where OTLP over HTTP is received."""
    spans: list[Span] = []

    class Receive(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            message = ExportTraceServiceRequest.FromString(body)
            spans.extend(s for r in message.resource_spans for scope in r.scope_spans for s in scope.spans)
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Receive)
    threading.Thread(target=server.serve_forever).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/v1/traces", spans
    finally:
        server.shutdown()
        server.server_close()


def get(url: str) -> tuple[int, str, str]:
    """Status, body and request id; status 0 while nothing listens."""
    try:
        with urllib.request.urlopen(url, timeout=20) as answer:  # noqa: S310 (ours)
            return answer.status, answer.read().decode(), answer.headers.get("X-Request-Id", "")
    except HTTPError as error:
        with error:
            return error.code, error.read().decode(), error.headers.get("X-Request-Id", "")
    except (URLError, ConnectionError):
        return 0, "", ""


async def until(status: int, url: str) -> tuple[int, str, str]:
    for _ in range(600):
        found = await asyncio.to_thread(get, url)
        if found[0] == status:
            return found
        await asyncio.sleep(0.1)
    raise AssertionError(f"{url}: {found}, not {status}")


async def test_R13_metrics_traces_and_an_orderly_end(settings: Settings, node: Node, tmp_path: Path) -> None:
    port, metrics = free_port(), free_port()
    url, log = f"http://127.0.0.1:{port}", tmp_path / "stderr"
    with collector() as (otlp, spans):
        environment = {
            "SOCAI_DATA": str(settings.data),
            "SOCAI_PASSPHRASE": PASSPHRASE,
            "SOCAI_RPC_URL": node.url,
            "SOCAI_PORT": str(port),
            "SOCAI_METRICS_PORT": str(metrics),
            "SOCAI_OTLP_URL": otlp,
            "SOCAI_DRAIN_SECONDS": "2",
        }
        process = FORKS.Process(target=_main, args=(environment, log))
        process.start()
        try:
            await until(200, f"{url}/v1/ready")
            _, _, request = await until(404, f"{url}/v1/licences/281474976710657")
            _, _, reading = await until(200, f"{url}/v1/log/checkpoint")
            text = (await until(200, f"http://127.0.0.1:{metrics}/metrics"))[1]
            assert 'socai_request_seconds_count{method="GET",route="/licences/{licence_id}",' in text
            assert 'socai_problems_total{code="licence-unknown"} 1.0' in text
            assert 'socai_ready{part="database"} 1.0' in text
            assert "socai_sender_queue 0.0" in text
            assert 'socai_custody_seconds_count{operation="current_version",outcome="ok"}' in text
            assert process.pid is not None
            os.kill(process.pid, signal.SIGTERM)
            body = (await until(503, f"{url}/v1/ready"))[1]
            assert '"service":"stopping"' in body
            assert (await asyncio.to_thread(get, f"{url}/v1/health"))[0] == 200  # and answers meanwhile
            await asyncio.to_thread(process.join, 60)
            assert process.exitcode == -signal.SIGTERM  # as uvicorn ends when all is done
            assert "Application shutdown complete." in log.read_text()
        finally:
            process.kill()
            process.join()
    for request_id, name, within in (
        (request, "GET /licences/{licence_id}", "chain "),
        (reading, "GET /log/checkpoint", "SQL SELECT"),
    ):
        (asked,) = (span for span in spans if _text(span, "socai.request_id") == request_id)
        assert asked.name == name
        names = {s.name for s in spans if s.trace_id == asked.trace_id}
        assert any(found.startswith(within) for found in names), names
    assert PASSPHRASE not in str(spans)
    assert any(request in line for line in log.read_text().splitlines())


def _text(span: Span, key: str) -> str:
    return next((a.value.string_value for a in span.attributes if a.key == key), "")
