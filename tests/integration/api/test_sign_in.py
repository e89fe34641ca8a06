import asyncio
import dataclasses
import json
from typing import Any

import pytest

from ledger.chain.erc1271 import MAGIC
from tests.integration.api.conftest import ON_BOTH, Client, Clock, signed
from tests.integration.api.market import BUYER, SELLER, Market

pytestmark = ON_BOTH


async def test_signing_in_opens_a_session_and_signing_out_ends_it(client: Client) -> None:
    status, refused = await client.call("GET", "/v1/auth/session")
    assert (status, refused["code"]) == (401, "not-signed-in")
    seller = await client.sign_in(SELLER)
    status, session = await seller.call("GET", "/v1/auth/session")
    assert (status, session["account"]) == (200, SELLER.address)
    assert await seller.call("DELETE", "/v1/auth/session") == (204, None)
    status, refused = await seller.call("GET", "/v1/auth/session")
    assert (status, refused["code"]) == (401, "session-unknown")


async def test_signing_out_everywhere_leaves_others_alone(client: Client) -> None:
    first, second, other = [await client.sign_in(who) for who in (SELLER, SELLER, BUYER)]
    assert await first.call("DELETE", "/v1/auth/session?everywhere=true") == (204, None)
    statuses = [(await caller.call("GET", "/v1/auth/session"))[0] for caller in (first, second, other)]
    assert statuses == [401, 401, 200]


async def test_threat_S1_of_concurrent_posts_of_one_message_one_succeeds(client: Client) -> None:
    body = signed(await client.message(SELLER), SELLER)
    answers = await asyncio.gather(*(client.call("POST", "/v1/auth/verify", json=body) for _ in range(8)))
    assert sorted(status for status, _ in answers) == [200] + [401] * 7
    assert {answer["code"] for status, answer in answers if status == 401} == {"nonce-unknown"}


async def test_threat_S1_a_nonce_expires(client: Client, clock: Clock) -> None:
    message = dataclasses.replace(await client.message(SELLER), expiration_time=None)
    clock.ahead = 601
    status, refused = await client.call("POST", "/v1/auth/verify", json=signed(message, SELLER))
    assert (status, refused["code"]) == (401, "nonce-unknown")


async def test_a_session_expires(client: Client, clock: Clock) -> None:
    seller = await client.sign_in(SELLER)
    clock.ahead = 12 * 3600 + 1
    assert (await seller.call("GET", "/v1/auth/session"))[0] == 401


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"domain": "evil.example"}, "message-domain"),
        ({"uri": "http://evil.example"}, "message-uri"),
        ({"chain_id": 1}, "message-chain"),
        ({"scheme": "https"}, "message-scheme"),
        ({"issued_at": "2999-01-01T00:00:00Z"}, "message-early"),
        ({"expiration_time": "2020-01-01T00:00:00Z"}, "message-expired"),
        ({"nonce": "0123456789abcdef"}, "nonce-unknown"),
        ({"statement": "ngôn ngữ"}, "message-malformed"),
    ],
)
async def test_threat_S2_a_message_for_elsewhere(client: Client, change: dict[str, Any], code: str) -> None:
    message = await client.message(SELLER, **change)
    status, refused = await client.call("POST", "/v1/auth/verify", json=signed(message, SELLER))
    assert (status in (400, 401), refused["code"]) == (True, code)


async def test_a_wrong_signature_does_not_use_up_the_nonce(client: Client) -> None:
    message = await client.message(SELLER)
    status, refused = await client.call("POST", "/v1/auth/verify", json=signed(message, BUYER))
    assert (status, refused["code"]) == (401, "signature-wrong")
    assert (await client.call("POST", "/v1/auth/verify", json=signed(message, SELLER)))[0] == 200


async def test_a_contract_account_signs_in_by_what_its_contract_accepts(
    client: Client, market: Market
) -> None:
    body = {"message": str(await client.message(BUYER)), "signature": "0x" + b"any bytes".hex()}
    assert (await client.call("POST", "/v1/auth/verify", json=body))[1]["code"] == "signature-malformed"
    accepts_anything = f"0x63{MAGIC.hex()}60e01b60005260206000f3"
    await market.rpc.request("anvil_setCode", [BUYER.address, accepts_anything])
    await market.rpc.request("evm_mine")
    assert (await client.call("POST", "/v1/auth/verify", json=body))[0] == 200


async def test_every_answer_is_dressed(client: Client) -> None:
    async with client.request("GET", "/v1/auth/nonce") as response:
        assert response.headers["Cache-Control"] == "no-store"
        assert response.headers["X-Content-Type-Options"] == "nosniff"
        assert "default-src 'none'" in response.headers["Content-Security-Policy"]
        assert len(response.headers["X-Request-Id"]) == 16


@pytest.mark.parametrize(
    ("method", "path", "body", "expected"),
    [
        ("GET", "/v1/nothing", None, (404, "not-found")),
        ("PUT", "/v1/auth/nonce", None, (405, "method-not-allowed")),
        ("POST", "/v1/auth/verify", b"{", (422, "invalid-request")),
        ("POST", "/v1/auth/verify", b'{"message": "", "signature": "0xzz"}', (422, "invalid-request")),
        (
            "POST",
            "/v1/auth/verify",
            b'{"message": "", "signature": "0x00", "x": 1}',
            (422, "invalid-request"),
        ),
    ],
)
async def test_every_error_is_a_problem(
    client: Client, method: str, path: str, body: bytes | None, expected: tuple[int, str]
) -> None:
    headers = {"Content-Type": "application/json"}
    async with client.request(method, path, data=body, headers=headers) as response:
        problem = json.loads(await response.read())
        assert response.content_type == "application/problem+json"
        assert (response.status, problem["code"]) == expected
        assert problem["request_id"] == response.headers["X-Request-Id"]
    status, kind = await client.call("GET", problem["type"])
    assert (status, kind["title"]) == (200, problem["title"])
