"""Rate limits, idempotency keys, CORS, logs: what every route shares."""

import asyncio
import json
import logging
import re
from typing import Any

import pytest

from api.app import create_app
from api.errors import INTERNAL, NOT_ALLOWED, NOT_FOUND, kinds
from api.logs import FIELDS, JsonLines
from api.settings import Settings
from tests.integration.api.conftest import Client, Clock, running
from tests.integration.api.market import BUYER, SELLER, SELLER2

OPENAPI: dict[str, Any] = create_app(Settings()).openapi()
REPEATABLE = {
    "/v1/auth/verify": "a nonce works once",
    "/v1/deposits/{deposit_id}/uploads": "the same section is opened once",
    "/v1/deposits/{deposit_id}/complete": "a repetition changes nothing and gives a fresh receipt",
    "/v1/erasures": "asked again, the first request stands",
}
"""Writes that need no idempotency key, and why; PUT and DELETE are idempotent (RFC 9110, 9.2.2)."""


async def test_threat_S13_one_account_is_limited_and_no_other(settings: Settings, clock: Clock) -> None:
    limited = settings.model_copy(update={"account_rate": 0.001, "account_burst": 3})
    async with running(limited, clock) as client:
        seller, buyer = await client.sign_in(SELLER), await client.sign_in(BUYER)
        answers = [await seller.call("GET", "/v1/auth/session") for _ in range(5)]
        assert [status for status, _ in answers] == [200] * 3 + [429] * 2
        assert answers[-1][1]["code"] == "rate-limited"
        again = await client.sign_in(SELLER)  # another session is the same account
        async with again.request("GET", "/v1/auth/session") as response:
            assert (response.status, int(response.headers["Retry-After"]) > 100) == (429, True)
        assert (await buyer.call("GET", "/v1/auth/session"))[0] == 200


async def test_threat_S13_one_address_is_limited_before_anything_is_asked(
    settings: Settings, clock: Clock
) -> None:
    limited = settings.model_copy(update={"address_rate": 0.001, "address_burst": 3})
    async with running(limited, clock) as client:
        statuses = [(await client.call("GET", "/v1/auth/nonce"))[0] for _ in range(5)]
        assert statuses == [200] * 3 + [429] * 2
        async with client.request("GET", "/v1/nothing") as response:
            problem = json.loads(await response.read())
            assert (response.status, problem["code"]) == (429, "rate-limited")
            assert problem["request_id"] == response.headers["X-Request-Id"]
            assert response.headers["X-Content-Type-Options"] == "nosniff"


async def test_R13_the_same_idempotency_key_opens_one_deposit(client: Client) -> None:
    seller, other = await client.sign_in(SELLER), await client.sign_in(SELLER2)
    once = {"headers": {"Idempotency-Key": "once"}}
    answers = await asyncio.gather(*(seller.call("POST", "/v1/deposits", **once) for _ in range(4)))
    assert {status for status, _ in answers} == {201}
    assert len({opened["id"] for _, opened in answers}) == 1
    different = [
        await seller.call("POST", "/v1/deposits", headers={"Idempotency-Key": "twice"}),
        await seller.call("POST", "/v1/deposits"),
        await other.call("POST", "/v1/deposits", **once),
    ]
    assert len({opened["id"] for _, opened in [answers[0], *different]}) == 4
    status, refused = await seller.call("POST", "/v1/deposits", headers={"Idempotency-Key": "x" * 129})
    assert (status, refused["code"]) == (422, "invalid-request")


def test_R13_every_write_that_is_not_idempotent_takes_a_key() -> None:
    for path, operations in OPENAPI["paths"].items():
        if "post" in operations:
            headers = [given["name"].lower() for given in operations["post"].get("parameters", [])]
            assert ("idempotency-key" in headers) is (path not in REPEATABLE), path


async def test_threat_S22_no_other_origin_is_let_in(client: Client) -> None:
    seller = await client.sign_in(SELLER)
    asked = {"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"}
    for method in ("OPTIONS", "GET", "POST"):
        async with seller.request(method, "/v1/auth/session", headers=asked) as response:
            assert not [name for name in response.headers if name.lower().startswith("access-control")]
            assert response.headers["Cross-Origin-Resource-Policy"] == "same-origin"
            assert response.status == (200 if method == "GET" else 405)


def test_every_code_is_documented_where_it_can_come_and_on_one_route_at_least() -> None:
    said = re.findall(r"`([a-z-]+)`:", json.dumps(OPENAPI))
    everywhere = {NOT_FOUND.code, NOT_ALLOWED.code}
    assert {kind.code for kind in kinds()} - everywhere == set(said)
    assert INTERNAL.code in said


def test_threat_S10_a_log_record_carries_what_is_allowed_and_nothing_else() -> None:
    record = logging.makeLogRecord(
        {"msg": "%s bought", "args": ("Nguyễn",), "route": "/v1/x", "token": "secret", "account": "0x1"}
    )
    line = json.loads(JsonLines().format(record))
    assert set(line) <= {"time", "level", "logger", "event", *FIELDS}
    assert (line["event"], line["route"]) == ("%s bought", "/v1/x")


@pytest.mark.parametrize("value", ["' or 1=1", "x\r\nX-Injected: 1", "0" * 64])
async def test_a_request_id_is_ours_whatever_the_caller_sends(client: Client, value: str) -> None:
    sent = {"X-Request-Id": value.replace("\r\n", " ")}
    async with client.request("GET", "/v1/problems", headers=sent) as response:
        assert re.fullmatch("[0-9a-f]{16}", response.headers["X-Request-Id"])
        assert response.headers["X-Request-Id"] != value
