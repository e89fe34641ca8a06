"""The keys that data keys are sealed to: who registers them, and how they go."""

import time
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from api.settings import Settings
from ledger.client.keys import EncryptionKeys
from ledger.client.service import Refused, Service
from ledger.crypto.seal import PrivateKey, Suite
from ledger.domain.encryption_key import EncryptionKey
from tests.integration.api.conftest import ON_BOTH, Client, Clock
from tests.integration.api.dataset import Dataset
from tests.integration.api.market import BUYER, PLAN, SELLER, Market
from tests.integration.api.test_grants import (
    Sold,
    asking,
    holder,
    records,
    registration,
    sold,  # noqa: F401 - a fixture
)

KEYS = "/v1/encryption-keys"


async def test_R33_only_a_registered_key_gets_anything_and_the_refusal_is_recorded(
    client: Client,
    market: Market,
    sold: Sold,  # noqa: F811
    settings: Settings,
) -> None:
    mine, theirs = PrivateKey.generate(), PrivateKey.generate()
    buyer = await holder(client, market, mine)
    seller = await client.sign_in(SELLER)
    assert (await seller.call("PUT", KEYS, json=registration(market, SELLER, theirs)))[0] == 200
    for key in (PrivateKey.generate(), PrivateKey.generate(Suite.MLKEM768_X25519), theirs):
        status, refused = await buyer.call("POST", sold.path, json=asking(key))
        assert (status, refused["code"]) == (403, "key-unregistered")
        assert "sealed_key" not in refused
    assert [row[0] for row in records(settings)] == ["key-unregistered"] * 3
    assert (await buyer.call("POST", sold.path, json=asking(mine)))[0] == 201


@ON_BOTH
async def test_a_key_is_replaced_and_revoked_for_good_and_again_is_no_error(
    client: Client,
    clock: Clock,
    market: Market,
    sold: Sold,  # noqa: F811
) -> None:
    first, second = PrivateKey.generate(), PrivateKey.generate()
    hybrid = PrivateKey.generate(Suite.MLKEM768_X25519)
    old = registration(market, BUYER, first)
    buyer = await holder(client, market, first)
    await holder(client, market, hybrid)
    new = registration(market, BUYER, second, 2)
    status, info = await buyer.call("PUT", KEYS, json=new)
    assert status == 200
    clock.ahead = 600  # long after its deadline
    assert await buyer.call("PUT", KEYS, json=new) == (200, info)
    clock.ahead = 0
    other = registration(market, BUYER, PrivateKey.generate(), 2)
    assert (await buyer.call("PUT", KEYS, json=other))[1]["code"] == "registration-stale"
    assert (await buyer.call("POST", sold.path, json=asking(first)))[1]["code"] == "key-unregistered"
    for key in (second, hybrid):
        assert (await buyer.call("POST", sold.path, json=asking(key)))[0] == 201

    assert (await buyer.call("DELETE", f"{KEYS}/X25519"))[0] == 204
    assert (await buyer.call("DELETE", f"{KEYS}/X25519"))[0] == 204
    assert (await buyer.call("POST", sold.path, json=asking(second)))[1]["code"] == "key-unregistered"
    assert (await buyer.call("POST", sold.path, json=asking(hybrid)))[0] == 201
    for replayed in (old, new, registration(market, BUYER, first, 1)):
        status, refused = await buyer.call("PUT", KEYS, json=replayed)
        assert (status, refused["code"]) == (409, "registration-stale")
    status, listed = await buyer.call("GET", KEYS)
    assert [(key["suite"], key["sequence"], key["revoked_at"] is None) for key in listed["keys"]] == [
        ("MLKEM768_X25519", 1, True),
        ("X25519", 2, False),
    ]
    seller = await client.sign_in(SELLER)
    assert (await seller.call("GET", KEYS))[1] == {"keys": []}
    assert (await seller.call("DELETE", f"{KEYS}/X25519"))[1]["code"] == "key-unregistered"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"sequence": 2}, "signature-wrong"),
        ({"deadline": int(time.time()) + 999}, "signature-wrong"),
        ({"public_key": f"0x{PrivateKey.generate().public.hex()}"}, "signature-wrong"),
        ({"deadline": int(time.time()) - 1}, "registration-stale"),
        ({"signature": "0x00"}, "signature-malformed"),
        ({"public_key": "0x" + "00" * 38}, "public-key-malformed"),
        ({"public_key": "0x002000010002" + "00" * 32}, "public-key-malformed"),
    ],
    ids=("sequence", "deadline", "another's", "late", "signature", "zeros", "short"),
)
async def test_threat_S03_what_the_account_did_not_sign_is_not_registered(
    client: Client, market: Market, changes: dict[str, Any], code: str
) -> None:
    buyer = await client.sign_in(BUYER)
    body = registration(market, BUYER, PrivateKey.generate()) | changes
    status, refused = await buyer.call("PUT", KEYS, json=body)
    assert (status >= 400, refused["code"]) == (True, code)
    assert (await buyer.call("GET", KEYS))[1] == {"keys": []}


async def test_threat_S02_a_registration_is_for_one_chain_one_contract_and_one_account(
    client: Client, market: Market
) -> None:
    buyer = await client.sign_in(BUYER)
    key = PrivateKey.generate()
    mine = registration(market, BUYER, key)
    wanted = EncryptionKey(bytes.fromhex(BUYER.address[2:]), key.public, 1, mine["deadline"])
    licences, listings = (bytes.fromhex(market.manifest.address(n)[2:]) for n in ("Licences", "Listings"))
    for chain_id, contract in ((1, licences), (market.manifest.chain_id, listings)):
        signature = BUYER.unsafe_sign_hash(wanted.digest(chain_id, contract)).signature
        status, refused = await buyer.call("PUT", KEYS, json=mine | {"signature": f"0x{signature.hex()}"})
        assert (status, refused["code"]) == (401, "signature-wrong")
    seller = await client.sign_in(SELLER)
    assert (await seller.call("PUT", KEYS, json=mine))[1]["code"] == "signature-wrong"
    # what a wallet signs by the typed data that it shows is what the service checks
    digest = wanted.digest(market.manifest.chain_id, licences)
    assert mine["signature"] == f"0x{BUYER.unsafe_sign_hash(digest).signature.hex()}"


async def test_a_contract_account_registers_by_erc_1271(client: Client, market: Market) -> None:
    buyer = await client.sign_in(BUYER)
    body = registration(market, BUYER, PrivateKey.generate()) | {"signature": "0x1271"}
    assert (await buyer.call("PUT", KEYS, json=body))[1]["code"] == "signature-malformed"
    await market.accept_any_signature(BUYER.address)
    assert (await buyer.call("PUT", KEYS, json=body))[0] == 200


@ON_BOTH
async def test_grants_are_listed_to_their_owner_and_expire(
    client: Client,
    market: Market,
    sold: Sold,  # noqa: F811
) -> None:
    key = PrivateKey.generate()
    buyer = await holder(client, market, key)
    before = int(time.time())
    ids = []
    for purpose in ("download", "research", "audit"):
        status, grant = await buyer.call("POST", sold.path, json=asking(key, purpose))
        assert status == 201
        ids.append(grant["id"])
    await buyer.call("POST", sold.path, json=asking(PrivateKey.generate()))
    found: list[dict[str, Any]] = []
    cursor = ""
    while True:
        _, page = await buyer.call("GET", f"/v1/grants?limit=3{cursor}")
        found += page["grants"]
        if page["next"] is None:
            break
        cursor = f"&cursor={page['next']}"
    assert sorted(one["id"] for one in found if one["denial"] is None) == sorted(ids)
    (denied,) = [one for one in found if one["denial"]]
    assert (denied["denial"], denied["valid_until"]) == ("key-unregistered", None)
    assert {one["decision"]["block_number"] for one in found} == {(await market.head())[0]}
    until = {one["valid_until"] for one in found if one["denial"] is None}
    assert all(
        time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(before + 3600)) <= one <= grant["valid_until"]
        for one in until
    )
    seller = await client.sign_in(SELLER)
    assert (await seller.call("GET", "/v1/grants"))[1] == {"grants": [], "next": None}
    assert (await buyer.call("GET", "/v1/grants?cursor=x"))[0] == 422


async def test_a_grant_ends_with_its_licence(client: Client, market: Market) -> None:
    dataset = await Dataset.deposited(await client.sign_in(SELLER))
    draft = market.signed_for(dataset.root, len(dataset.ciphertext), dataset.context.deposit_id)
    listed = await market.publish(draft, (replace(PLAN, duration=60),))
    licence = await market.buy(listed.plans[0])
    key = PrivateKey.generate()
    buyer = await holder(client, market, key)
    status, grant = await buyer.call("POST", f"/v1/licences/{licence}/grants", json=asking(key))
    assert status == 201
    ends = (await market.read(market.contracts.licences.licence(licence))).expires_at
    assert grant["valid_until"] == time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(ends))


async def test_the_client_keeps_registers_and_revokes_its_keys(
    client: Client, market: Market, tmp_path: Path
) -> None:
    licences = market.manifest.address("Licences")
    async with Service(client.origin) as service:
        keys = EncryptionKeys(service, BUYER, market.manifest.chain_id, licences, tmp_path)
        first = await keys.current()
        assert (await keys.current()).public == first.public
        path = tmp_path / f"{BUYER.address}.x25519.key"
        assert path.stat().st_mode & 0o777 == 0o600
        hybrid = await keys.register(Suite.MLKEM768_X25519)
        assert (await keys.current()).public == hybrid.public  # post-quantum first
        await keys.revoke(Suite.MLKEM768_X25519)
        assert (await keys.current()).public == first.public
        await keys.revoke(Suite.X25519)
        assert not path.exists()
        assert (await keys.current()).public != first.public
        with pytest.raises(Refused):
            await service.json("DELETE", f"{KEYS}/NONE")
