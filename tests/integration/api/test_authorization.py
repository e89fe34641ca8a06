"""Who may do what: every route, by every kind of account, with objects that are mostly somebody else's."""

import asyncio
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final

import pytest
from fastapi.routing import iter_route_contexts

from api import page
from api.app import create_app
from api.settings import Settings
from ledger.crypto.seal import PrivateKey
from ledger.domain.entitlement import STREAMING
from tests.integration.api.conftest import Client, captured, indexed
from tests.integration.api.dataset import Dataset
from tests.integration.api.market import SELLER, Market, account
from tests.integration.api.test_grants import Sold, asking, holder, registration, selling

ACCOUNTS: Final = ("outsider", "buyer", "seller2", "reviewer", "supervisor", "operator", "seller")
"""Whose objects they are comes last: what an owner does may end them."""
EVERYBODY: Final = ("nobody", *ACCOUNTS)
OK: Final = "ok"
SAMPLE: Final = b"a few rows of the seller's"


@dataclass(frozen=True, slots=True)
class Objects:
    """What the routes are tried with: the seller's deposits, the buyer's licence and registered key.

    `registration` is what the buyer signed for the next key.
    """

    open: Dataset
    sending: Dataset
    upload: str
    sold: Sold
    withdrawn: Dataset
    key: PrivateKey
    registration: dict[str, Any]


Arguments = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Row:
    """One route: how it is asked about `Objects`, and with which code each account is answered."""

    path: Callable[[Objects], str]
    answers: Mapping[str, str]
    arguments: Callable[[Objects], Arguments] = lambda _: {}


def public(path: Callable[[Objects], str]) -> Row:
    return Row(path, dict.fromkeys(EVERYBODY, OK))


def signed_in(others: str, allowed: tuple[str, ...]) -> dict[str, str]:
    """`allowed` may, `others` is the code for everybody else who is signed in."""
    return dict.fromkeys(EVERYBODY, others) | {"nobody": "not-signed-in"} | dict.fromkeys(allowed, OK)


TUS: Final = {"Tus-Resumable": "1.0.0"}
OVERSEEN: Final = signed_in("not-overseer", ("supervisor", "operator"))
OWNER: Final = signed_in("deposit-unknown", ("seller",))


def deposit(objects: Objects) -> str:
    return objects.open.path


def upload(objects: Objects) -> str:
    return objects.upload


def payload(objects: Objects) -> str:
    return f"/v1/payloads/0x{objects.sold.dataset.root.hex()}"


def erasure(objects: Objects) -> str:
    return f"/v1/erasures/0x{objects.withdrawn.root.hex()}"


def evidence(path: Callable[[Objects], str]) -> Row:
    """Of before there was a chain: none."""
    return Row(lambda at: f"/v1/evidence/{path(at)}?block=0", dict.fromkeys(EVERYBODY, "evidence-unknown"))


def sample(_: object = None) -> str:
    return f"/v1/samples/0x{sha256(SAMPLE).hexdigest()}"


def withdrawal(dataset: Dataset) -> dict[str, str]:
    return {"root": f"0x{dataset.root.hex()}", "reason": "tried"}


ROWS: Final[dict[str, Row]] = {
    "GET /v1/openapi.json": public(lambda _: "/v1/openapi.json"),
    "HEAD /v1/openapi.json": public(lambda _: "/v1/openapi.json"),
    "GET /v1/auth/nonce": public(lambda _: "/v1/auth/nonce"),
    "POST /v1/auth/verify": Row(
        lambda _: "/v1/auth/verify",
        dict.fromkeys(EVERYBODY, "message-malformed"),
        lambda _: {"json": {"message": "x", "signature": "0x00"}},
    ),
    "GET /v1/auth/session": Row(lambda _: "/v1/auth/session", signed_in("", ACCOUNTS)),
    "DELETE /v1/auth/session": Row(lambda _: "/v1/auth/session", signed_in("", ACCOUNTS)),
    "POST /v1/deposits": Row(lambda _: "/v1/deposits", signed_in("seller-ineligible", ("seller", "seller2"))),
    "GET /v1/deposits/{deposit_id}": Row(deposit, OWNER),
    "PUT /v1/deposits/{deposit_id}/ciphertext": Row(
        lambda at: f"{at.open.path}/ciphertext", OWNER, lambda at: {"data": at.open.ciphertext}
    ),
    "POST /v1/deposits/{deposit_id}/complete": Row(
        lambda at: f"{at.sold.dataset.path}/complete",
        OWNER,
        lambda at: {"json": at.sold.dataset.completion()},
    ),
    "DELETE /v1/deposits/{deposit_id}": Row(deposit, OWNER),
    "OPTIONS /v1/uploads": public(lambda _: "/v1/uploads"),
    "POST /v1/deposits/{deposit_id}/uploads": Row(
        lambda at: f"{at.open.path}/uploads",
        OWNER,
        lambda at: {"headers": TUS | {"Upload-Length": str(len(at.open.ciphertext))}},
    ),
    "HEAD /v1/uploads/{upload_id}": Row(upload, OWNER, lambda _: {"headers": TUS}),
    "PATCH /v1/uploads/{upload_id}": Row(
        upload,
        OWNER,
        lambda at: {
            "headers": TUS | {"Upload-Offset": "0", "Content-Type": "application/offset+octet-stream"},
            "data": at.sending.ciphertext,
        },
    ),
    "DELETE /v1/uploads/{upload_id}": Row(upload, OWNER, lambda _: {"headers": TUS}),
    "GET /v1/payloads/{root}": public(payload),
    "HEAD /v1/payloads/{root}": public(payload),
    "GET /v1/payloads/{root}/proof/{index}": public(lambda at: f"{payload(at)}/proof/0"),
    "GET /v1/payloads/{root}/leaves": public(lambda at: f"{payload(at)}/leaves"),
    "PUT /v1/metadata/{digest}": Row(
        lambda _: "/v1/metadata/0xb48d38f93eaa084033fc5970bf96e559c33c4cdc07d889ab00b4d63f9590739d",
        signed_in("", ACCOUNTS),
        lambda _: {"data": b"{}"},
    ),
    "GET /v1/metadata/{digest}": Row(
        lambda _: "/v1/metadata/0x" + "11" * 32, dict.fromkeys(EVERYBODY, "document-unknown")
    ),
    "PUT /v1/samples/{sha256}": Row(
        lambda _: f"/v1/samples/0x{sha256(b'tried').hexdigest()}",
        signed_in("seller-ineligible", ("seller", "seller2")),
        lambda _: {"data": b"tried"},
    ),
    "GET /v1/samples/{sha256}": public(sample),
    "DELETE /v1/samples/{sha256}": Row(
        sample,
        signed_in("not-seller", ("supervisor",)) | dict.fromkeys(("operator", "seller"), "sample-unknown"),
    ),
    "GET /v1/listings": public(lambda _: "/v1/listings"),
    "GET /v1/catalogue": public(lambda _: "/v1/catalogue"),
    "GET /v1/listings/{listing_id}/details": public(lambda at: f"/v1/listings/{at.sold.listing}/details"),
    "GET /v1/listings/{listing_id}": public(lambda at: f"/v1/listings/{at.sold.listing}"),
    "GET /v1/listings/{listing_id}/versions/{number}": public(
        lambda at: f"/v1/listings/{at.sold.listing}/versions/1"
    ),
    "GET /v1/licences/{licence_id}": public(lambda at: f"/v1/licences/{at.sold.licence}"),
    "POST /v1/licences/{licence_id}/grants": Row(
        lambda at: at.sold.path,
        signed_in("denied", ("buyer",)),
        lambda at: {"json": asking(at.key)},
    ),
    "GET /v1/account/licences": Row(lambda _: "/v1/account/licences", signed_in("", ACCOUNTS)),
    "GET /v1/account/sales": Row(lambda _: "/v1/account/sales", signed_in("", ACCOUNTS)),
    "GET /v1/account/statement": Row(lambda _: "/v1/account/statement", signed_in("", ACCOUNTS)),
    "GET /v1/log/checkpoint": public(lambda _: "/v1/log/checkpoint"),
    "GET /v1/log/key": public(lambda _: "/v1/log/key"),
    "GET /v1/log/tile/{path}": Row(lambda _: "/v1/log/tile/0/999", dict.fromkeys(EVERYBODY, "tile-unknown")),
    "GET /v1/evidence/trust": public(lambda _: "/v1/evidence/trust"),
    "GET /v1/evidence/licences/{licence_id}": evidence(lambda at: f"licences/{at.sold.licence}"),
    "GET /v1/evidence/payments/{licence_id}": evidence(lambda at: f"payments/{at.sold.licence}"),
    "GET /v1/evidence/listings/{listing_id}/versions/{number}": evidence(
        lambda at: f"listings/{at.sold.listing}/versions/1"
    ),
    "GET /v1/licences/{licence_id}/entitlement": public(
        lambda at: f"/v1/licences/{at.sold.licence}/entitlement?account={SELLER.address}"
    ),
    "GET /v1/licences/{licence_id}/plaintext": Row(
        lambda at: f"/v1/licences/{at.sold.licence}/plaintext", signed_in("denied", ("buyer",))
    ),
    "GET /v1/grants": Row(lambda _: "/v1/grants", signed_in("", ACCOUNTS)),
    "PUT /v1/encryption-keys": Row(
        lambda _: "/v1/encryption-keys",
        signed_in("signature-wrong", ("buyer",)),
        lambda at: {"json": at.registration},
    ),
    "GET /v1/encryption-keys": Row(lambda _: "/v1/encryption-keys", signed_in("", ACCOUNTS)),
    "DELETE /v1/encryption-keys/{suite}": Row(
        lambda _: "/v1/encryption-keys/X25519", signed_in("key-unregistered", ("buyer",))
    ),
    "POST /v1/erasures": Row(
        lambda _: "/v1/erasures",
        signed_in("not-seller", ("seller", "supervisor")),
        lambda at: {"json": withdrawal(at.sold.dataset)},
    ),
    "GET /v1/erasures": Row(lambda _: "/v1/erasures", signed_in("", ACCOUNTS)),
    "GET /v1/erasures/{root}": public(erasure),
    "DELETE /v1/erasures/{root}": Row(erasure, signed_in("not-seller", ("seller",))),
    "GET /v1/history/entries": Row(lambda _: "/v1/history/entries", OVERSEEN),
    "GET /v1/history/export": Row(lambda _: "/v1/history/export", OVERSEEN),
    "GET /v1/events": public(lambda _: "/v1/events"),
    "GET /v1/history/stream": Row(lambda _: "/v1/history/stream", OVERSEEN),
    "GET /v1/history/alerts": Row(lambda _: "/v1/history/alerts", OVERSEEN),
    "GET /v1/dossiers/licences/{licence_id}": Row(
        lambda at: f"/v1/dossiers/licences/{at.sold.licence}",
        signed_in("not-overseer", ("supervisor", "operator", "buyer", "seller")),
    ),
    "GET /v1/reconciliations/{day}": Row(lambda _: "/v1/reconciliations/2026-11-22", OVERSEEN),
    "GET /v1/history/summary": Row(lambda _: "/v1/history/summary", OVERSEEN),
    "GET /v1/history/participants/{account}": Row(
        lambda _: f"/v1/history/participants/{SELLER.address}", OVERSEEN
    ),
    "GET /v1/history/participants/{account}/timeline": Row(
        lambda _: f"/v1/history/participants/{SELLER.address}/timeline", OVERSEEN
    ),
    "GET /v1/history/listings/{listing_id}": Row(
        lambda at: f"/v1/history/listings/{at.sold.listing}", OVERSEEN
    ),
    "GET /v1/history/licences/{licence_id}": Row(
        lambda at: f"/v1/history/licences/{at.sold.licence}", OVERSEEN
    ),
    "GET /v1/exchange": public(lambda _: "/v1/exchange"),
    "GET /v1/health": public(lambda _: "/v1/health"),
    "GET /v1/health/report": Row(lambda _: "/v1/health/report", OVERSEEN),
    "GET /v1/ready": public(lambda _: "/v1/ready"),
    "GET /v1/problems": public(lambda _: "/v1/problems"),
    "GET /v1/problems/{code}": public(lambda _: "/v1/problems/denied"),
    "GET /": public(lambda _: "/"),
    "GET /worker.js": public(lambda _: "/worker.js"),
    "GET /assets/{name}": public(lambda _: f"/assets/{next(page.BUILT.glob('assets/*.js')).name}"),
}


def routed() -> Iterator[str]:
    """Every operation that the router knows, in the document or not."""
    for route in iter_route_contexts(create_app(Settings()).routes):
        for method in route.methods or ():
            yield f"{method} {route.path.replace(':path}', '}')}"


ROUTES: Final = sorted(routed())


def test_threat_S24_every_route_has_a_row() -> None:
    assert len(ROUTES) > 20
    assert sorted(ROWS) == ROUTES
    for route, row in ROWS.items():
        assert set(row.answers) == set(EVERYBODY), route


def test_threat_S24_the_document_says_who_has_to_sign_in() -> None:
    for path, operations in create_app(Settings()).openapi()["paths"].items():
        for method, operation in operations.items():
            answers = set(ROWS[f"{method.upper()} {path}"].answers.values())
            asks = "not-signed-in" in answers
            assert ("security" in operation) is asks, (method, path)
            assert ("401" in operation["responses"]) is (asks or path == "/v1/auth/verify"), (method, path)


@pytest.fixture
async def objects(client: Client, market: Market) -> Objects:
    seller = await client.sign_in(SELLER)
    opened, sending = await Dataset.open(seller), await Dataset.open(seller)
    held, withdrawn = await Dataset.deposited(seller), await Dataset.deposited(seller)
    assert (await seller.call("POST", "/v1/erasures", json=withdrawal(withdrawn)))[0] == 202
    headers = TUS | {"Upload-Length": str(len(sending.ciphertext))}
    async with seller.request("POST", f"{sending.path}/uploads", headers=headers) as response:
        location = response.headers["Location"]
    assert (await seller.call("PUT", sample(), data=SAMPLE))[0] == 200
    sold, key = await selling(market, held, flags=STREAMING), PrivateKey.generate()
    await holder(client, market, key)
    following = registration(market, account("buyer"), PrivateKey.generate(), 2)
    await indexed(client, market)
    await captured(client, f"licences/{sold.licence}")
    return Objects(opened, sending, location, sold, withdrawn, key, following)


@pytest.mark.parametrize("route", ROUTES)
async def test_threat_S24_every_route_by_every_account(client: Client, objects: Objects, route: str) -> None:
    method, row = route.partition(" ")[0], ROWS[route]
    callers = {"nobody": client} | dict(
        zip(
            ACCOUNTS,
            await asyncio.gather(*(client.sign_in(account(name)) for name in ACCOUNTS)),
            strict=True,
        )
    )
    answers = {}
    for name, caller in callers.items():
        async with caller.request(method, row.path(objects), **row.arguments(objects)) as response:
            ok = response.status < 300
            if method == "HEAD" and not ok:  # a problem without its body
                answers[name] = {401: "not-signed-in", 404: "deposit-unknown"}[response.status]
            else:
                answers[name] = OK if ok else (await response.json(content_type=None))["code"]
    assert answers == row.answers
