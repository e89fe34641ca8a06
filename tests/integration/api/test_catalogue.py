"""The catalogue: found by what sellers say and what the chain knows, and exported without loss."""

import asyncio
import time
from collections.abc import Mapping
from typing import Any

import pytest
import rfc8785
from eth_hash.auto import keccak
from msgspec.structs import replace

from ledger.chain.bindings import structs
from ledger.domain.ids import plan_id
from ledger.domain.market import Kind, Role
from tests.integration.api.conftest import ON_BOTH, Client, indexed
from tests.integration.api.market import BUYER, CLASSIFICATION, PLAN, SELLER, Listed, Market

PROVINCES = {
    "@type": "dcat:Dataset",
    "dct:title": "Tỉnh thành Việt Nam",
    "dct:description": "Danh sách ",
}
ROADS = {
    "@type": "dcat:Dataset",
    "@id": "https://example.vn/roads",
    "dct:title": "Đường bộ Đà Nẵng",
    "x": 1.5,
}


async def offer(
    client: Client, market: Market, nonce: int, document: Any, *plans: structs.PlanDraft
) -> Listed:
    digest = keccak(rfc8785.dumps(document))
    seller = await client.sign_in(SELLER)
    assert (await seller.call("PUT", f"/v1/metadata/0x{digest.hex()}", json=document))[0] == 200
    draft = market.signed_for(bytes([nonce]) * 32, 1000, bytes([nonce]) * 32)
    return await market.publish(replace(draft, metadata=digest, stale_at=int(time.time()) + 10**6), plans)


@pytest.fixture
async def offered(client: Client, market: Market) -> tuple[Listed, Listed]:
    cheap = replace(PLAN, price=5000, duration=86400, flags=2)
    provinces = await offer(client, market, 1, PROVINCES, PLAN, cheap)
    roads = await offer(client, market, 2, ROADS, replace(PLAN, only_buyer=BUYER.address, price=9000))
    await indexed(client, market)
    return provinces, roads


async def ids(client: Client, query: str) -> list[int]:
    status, page = await client.call("GET", f"/v1/listings?{query}")
    assert status == 200, page
    assert page["total"] == len(page["items"])
    return [int(item["id"]) for item in page["items"]]


@ON_BOTH
async def test_R08_R21_listings_are_found_by_words_and_by_what_they_are(
    client: Client, offered: tuple[Listed, Listed]
) -> None:
    provinces, roads = (listed.id for listed in offered)
    for query, found in (
        ("", [roads, provinces]),
        ("order=oldest", [provinces, roads]),
        ("q=tinh", [provinces]),
        ("q=TỈNH viet", [provinces]),
        ("q=đà nang", [roads]),
        ("q=da", [roads, provinces]),  # "Danh sách ", "Đà Nẵng"
        ("q=tinh nang", []),
        ("price=negotiated", [roads]),
        ("price=subscription", [provinces]),
        ("price=free", [provinces]),
        ("price=metered", []),
        ("right=derivable", [provinces]),
        ("subject=locations&sharing=open&importance=other&personal=none&home=VN", [roads, provinces]),
        ("subject=people", []),
        (f"seller={SELLER.address}&freshness=fresh", [roads, provinces]),
        (f"seller={BUYER.address}", []),
        ("freshness=stale", []),
    ):
        assert await ids(client, query) == found, query
    _, page = await client.call("GET", "/v1/listings?limit=1")
    assert (page["total"], page["next"]) == (2, str(roads))
    _, rest = await client.call("GET", f"/v1/listings?limit=1&cursor={page['next']}")
    assert [item["title"] for item in page["items"] + rest["items"]] == [
        "Đường bộ Đà Nẵng",
        "Tỉnh thành Việt Nam",
    ]
    assert page["facets"] == {
        "importance": {"other": 2},
        "sharing": {"open": 2},
        "subject": {"locations": 2},
        "personal": {"none": 2},
        "home": {"VN": 2},
        "seller": {SELLER.address.lower(): 2},
        "price": {"free": 1, "subscription": 1, "negotiated": 1},
        "right": {"derivable": 1},
        "freshness": {"fresh": 2},
    }


@ON_BOTH
async def test_R01_what_waits_for_a_reviewer_is_found(
    client: Client, market: Market, offered: tuple[Listed, Listed]
) -> None:
    provinces, roads = (listed.id for listed in offered)
    assert await ids(client, "awaiting=true") == []
    refusal = market.contracts.reviews.refuse(provinces, 1, Kind.LEGAL, b"\x05" * 32, 0)
    await market.send("reviewer", refusal)
    anew = replace(CLASSIFICATION, subject=structs.Subject.ITEMS)
    await market.send("seller", market.contracts.listings.reclassify(roads, anew, bytes(32), b"\x08" * 32))
    await indexed(client, market)
    assert await ids(client, "awaiting=true&order=oldest") == [provinces, roads]
    await market.send("reviewer", market.contracts.reviews.attest(provinces, 1, Kind.LEGAL, b"\x06" * 32, 0))
    await market.send("seller", market.contracts.listings.withdraw_version(roads, 1, b"\x07" * 32))
    await indexed(client, market)
    assert await ids(client, "awaiting=true") == []


async def test_R05_a_listings_page_has_its_attestations_and_the_history_of_its_prices(
    client: Client, market: Market, offered: tuple[Listed, Listed]
) -> None:
    listed, _ = offered
    await market.send("seller", market.contracts.listings.close_plan(listed.plans[0]))
    await indexed(client, market)
    status, details = await client.call("GET", f"/v1/listings/{listed.id}/details")
    assert status == 200
    assert [one["kind"] for one in details["attestations"] if one["stands"]] == [1, 2, 4]
    assert [(one["plan"], one["price"], one["closed"]) for one in details["prices"]] == [
        (str(plan_id(listed.id, 0)), "0", False),
        (str(plan_id(listed.id, 1)), "5000", False),
        (str(plan_id(listed.id, 0)), "0", True),
    ]
    assert [one["number"] for one in details["versions"]] == [1]
    assert (details["upstream"], details["derived"]) == ([], [])
    assert await ids(client, "price=free") == []
    assert (await client.call("GET", "/v1/listings/999/details"))[1]["code"] == "listing-unknown"


async def test_R06_a_page_names_what_was_made_of_it(client: Client, market: Market) -> None:
    upstream = await offer(client, market, 3, PROVINCES, replace(PLAN, flags=2))
    licence = await market.buy(upstream.plans[0])
    await market.accredit("buyer", Role.SELLER | Role.BUYER)
    named = (structs.Upstream(licence, 500),)
    draft = market.signed_for(b"\x04" * 32, 1000, b"\x04" * 32, seller=BUYER)
    await market.send(
        "buyer", market.contracts.listings.publish(CLASSIFICATION, bytes(32), draft, (PLAN,), named)
    )
    await indexed(client, market)
    derived = upstream.id + 1
    _, details = await client.call("GET", f"/v1/listings/{upstream.id}/details")
    assert details["derived"] == [{"listing": str(derived), "licence": str(licence), "share_bps": 500}]
    _, details = await client.call("GET", f"/v1/listings/{derived}/details")
    assert details["upstream"] == [{"listing": str(upstream.id), "licence": str(licence), "share_bps": 500}]


async def test_R08_the_export_is_dcat_and_gives_every_document_back(
    client: Client, offered: tuple[Listed, Listed]
) -> None:
    status, catalogue = await client.call("GET", "/v1/catalogue")
    assert (status, catalogue["@type"]) == (200, "dcat:Catalog")
    assert catalogue["dcat:dataset"][1] == ROADS
    hashes = {record["foaf:primaryTopic"]["@id"]: record for record in catalogue["dcat:record"]}
    for dataset in catalogue["dcat:dataset"]:
        record: Mapping[str, Any] = hashes[dataset["@id"]]
        if dataset["@id"].startswith("urn:socai:metadata:"):
            dataset = {name: value for name, value in dataset.items() if name != "@id"}
        assert f"0x{keccak(rfc8785.dumps(dataset)).hex()}" == record["socai:metadata"]
    assert [record["dct:identifier"] for record in catalogue["dcat:record"]] == [
        str(one.id) for one in offered
    ]


async def test_threat_S11_no_address_in_a_document_is_fetched(client: Client, market: Market) -> None:
    asked = list[bytes]()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(await reader.read(100))
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/context.jsonld"
    names = ("dcat:landingPage", "dct:conformsTo", "foaf:page", "dct:license", "dct:relation", "@included")
    document = {
        "@context": [url, {"@import": url, "dcat": "http://www.w3.org/ns/dcat#"}],
        "@id": url,
        "@type": ["dcat:Dataset", url],
        "dct:title": f"![]({url})",
        "dcat:distribution": [{"dcat:accessURL": {"@id": url}, "dcat:downloadURL": url}],
    } | {name: {"@id": url} for name in names}
    async with server:
        listed = await offer(client, market, 5, document, PLAN)
        await indexed(client, market)
        for path in ("listings", f"listings/{listed.id}", f"listings/{listed.id}/details", "catalogue"):
            assert (await client.call("GET", f"/v1/{path}"))[0] == 200
        assert asked == []


async def test_R08_an_empty_catalogue_is_one_too(client: Client) -> None:
    _, catalogue = await client.call("GET", "/v1/catalogue")
    assert (catalogue["dcat:dataset"], catalogue["dcat:record"]) == ([], [])
    _, page = await client.call("GET", "/v1/listings?q=nothing")
    assert (page["items"], page["total"], page["next"]) == ([], 0, None)
