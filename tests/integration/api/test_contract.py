"""What the OpenAPI document promises."""

import contextlib
import json
import re
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from api.app import create_app
from api.errors import kinds
from api.settings import Settings
from tests.integration.api.conftest import Client
from tests.integration.api.market import Market
from tests.integration.node import Node

OPENAPI: dict[str, Any] = create_app(Settings()).openapi()
OPERATIONS = [
    (method.upper(), path, operation)
    for path, operations in OPENAPI["paths"].items()
    for method, operation in operations.items()
]


@pytest.mark.parametrize(("method", "path", "operation"), OPERATIONS, ids=lambda value: str(value)[:48])
def test_every_error_is_documented_as_a_problem(method: str, path: str, operation: dict[str, Any]) -> None:
    assert operation.get("summary")
    assert operation.get("description")
    known = {kind.code for kind in kinds()}
    for status, response in operation["responses"].items():
        if int(status) >= 400:
            assert list(response["content"]) == ["application/problem+json"]
            assert set(re.findall(r"`([a-z-]+)`:", response["description"])) <= known


def test_every_reference_leads_somewhere() -> None:
    references = set(re.findall(r'"\$ref": "([^"]+)"', json.dumps(OPENAPI)))
    assert "#/components/schemas/Fault" in references
    known = {f"#/components/schemas/{name}" for name in OPENAPI["components"]["schemas"]}
    assert references <= known


def test_codes_are_unique_and_settings_described() -> None:
    codes = [kind.code for kind in kinds()]
    assert len(set(codes)) == len(codes)
    assert all(field.description for field in Settings.model_fields.values())


@pytest.mark.parametrize(
    "path", ["/v1/auth/verify", "/v1/licences/1/grants", "/v1/deposits/0x" + "11" * 32 + "/complete"]
)
async def test_threat_S13_no_body_is_read_whole_beyond_its_limit(client: Client, path: str) -> None:
    async def endless() -> AsyncIterator[bytes]:
        for _ in range(10_000):
            yield bytes(65536)

    with contextlib.suppress(ConnectionError, aiohttp.ClientError):
        status, refused = await client.call("POST", path, data=endless())
        assert (status, refused["code"]) in ((413, "body-too-large"), (401, "not-signed-in"))
    status, refused = await client.call("POST", path, data=b'{"a":' * 10_000)
    assert (status, refused["code"]) in ((422, "invalid-request"), (401, "not-signed-in"))
    assert (await client.call("GET", "/v1/health"))[0] == 200


async def test_exchange_and_health(client: Client, node: Node, market: Market) -> None:
    status, exchange = await client.call("GET", "/v1/exchange")
    assert (status, exchange["chain_id"], exchange["finality"]) == (200, 84084, "instant")
    assert [len(key) for key in exchange["vault_public_keys"]] == [2 + 2 * 38, 2 + 2 * 1222]
    status, health = await client.call("GET", "/v1/health")
    assert (status, health["status"], health["chain"]) == (200, "ok", None)
    assert health["block_number"] == (await market.head())[0]
    node.down = True
    status, health = await client.call("GET", "/v1/health")
    assert (status, health["status"], health["chain"]) == (200, "degraded", "node-unreachable")
