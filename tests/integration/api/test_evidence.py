"""Certificates that were captured, as anybody gets them."""

import asyncio
import json
import time
from typing import Any

from ledger.chain.trust import trust_file
from ledger.proofs import evidence
from ledger.proofs import trust as trusts
from ledger.proofs.trust import Development
from tests.integration.api.conftest import ON_BOTH, Client
from tests.integration.api.market import Market
from tests.integration.api.test_grants import Sold, sold

__all__ = ["sold"]


async def got(client: Client, path: str, **headers: str) -> tuple[int, dict[str, str], bytes]:
    async with client.request("GET", path, headers=headers) as response:
        return response.status, {k.lower(): v for k, v in response.headers.items()}, await response.read()


async def kept(client: Client, path: str, after: int) -> tuple[dict[str, str], bytes]:
    """Once one as of block `after` or later is there."""
    for _ in range(400):
        status, headers, body = await got(client, path)
        if status == 200 and json.loads(body)["claim"]["block"]["number"] >= after:
            return headers, body
        await asyncio.sleep(0.05)
    raise AssertionError(f"no evidence at {path}: {status} {body!r}")


@ON_BOTH
async def test_R18_the_newest_certificate_is_kept_and_served_to_anybody(
    client: Client, sold: Sold, market: Market
) -> None:
    _, _, published = await got(client, "/v1/evidence/trust")
    assert published == trust_file(market.manifest, Development(), None)
    trust = trusts.read(published)
    licence, listing = f"/v1/evidence/licences/{sold.licence}", f"/v1/evidence/listings/{sold.listing}"
    for path, kind in (
        (licence, "licence"),
        (f"/v1/evidence/payments/{sold.licence}", "payment"),
        (f"{listing}/versions/1", "listing"),
    ):
        headers, body = await kept(client, path, 0)
        assert headers["content-type"] == "application/json"
        proven = evidence.verify(body, trust, time.time() + 60)
        assert proven.claim["type"] == kind
    headers, body = await kept(client, licence, 0)
    status, same, empty = await got(client, licence, **{"If-None-Match": headers["etag"]})
    assert (status, same["etag"], empty) == (304, headers["etag"], b"")

    before = json.loads(body)["claim"]
    await market.send("supervisor", market.contracts.licences.revoke(sold.licence, b"\x09" * 32))
    revoked, _ = await market.head()
    headers, fresh = await kept(client, licence, revoked)
    claim: dict[str, Any] = json.loads(fresh)["claim"]
    assert (before["status"], claim["status"]) == ("active", "revoked")
    assert (await got(client, licence, **{"If-None-Match": same["etag"]}))[0] == 200
    status, _, old = await got(client, f"{licence}?block={revoked - 1}")
    assert (status, json.loads(old)["claim"]) == (200, before)


async def test_what_is_not_kept_is_said_so(client: Client, sold: Sold) -> None:
    for path in (
        "licences/1",
        "payments/1",
        "listings/999/versions/1",
        f"listings/{sold.listing}/versions/9",
    ):
        status, problem = await client.call("GET", f"/v1/evidence/{path}")
        assert (status, problem["code"]) == (404, "evidence-unknown")
