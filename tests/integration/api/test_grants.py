import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import pytest
from eth_account.signers.local import LocalAccount
from msgspec import structs

from api.metrics import TimedCustody
from api.schemas.grants import EntitlementInfo
from api.settings import Settings
from ledger.client.keys import sign
from ledger.crypto.seal import GrantContext, OpenFailed, PrivateKey, Suite, open_sealed
from ledger.crypto.stream import decrypt
from ledger.domain.encryption_key import EncryptionKey
from ledger.keys import LocalKeyStore
from tests.integration.api.conftest import ON_BOTH, Client, Clock, query
from tests.integration.api.dataset import Dataset
from tests.integration.api.market import BUYER, OUTSIDER, PLAN, SELLER, Market
from tests.integration.node import Node

HOUR = 3600


@dataclass
class Sold:
    """A dataset in the vault, its listing, and the buyer's licence of it."""

    dataset: Dataset
    listing: int
    licence: int

    @property
    def path(self) -> str:
        return f"/v1/licences/{self.licence}/grants"


@pytest.fixture
async def sold(client: Client, market: Market) -> Sold:
    return await selling(market, await Dataset.deposited(await client.sign_in(SELLER)))


async def selling(market: Market, dataset: Dataset, *, flags: int = 0, **changes: Any) -> Sold:
    """What is listed may be something else than what the vault holds."""
    held = {"root": dataset.root, "size": len(dataset.ciphertext), "deposit": dataset.context.deposit_id}
    listed = await market.publish(market.signed_for(**held | changes), [structs.replace(PLAN, flags=flags)])
    return Sold(dataset, listed.id, await market.buy(listed.plans[0]))


def records(settings: Settings) -> list[tuple[Any, ...]]:
    columns = "denial, reason, block_number, block_hash, purpose, account, deposit"
    return query(settings, f"SELECT {columns} FROM grants ORDER BY entry")  # noqa: S608 - no input


async def holder(client: Client, market: Market, key: PrivateKey) -> Client:
    """The buyer, signed in, with this key registered."""
    buyer = await client.sign_in(BUYER)
    status, info = await buyer.call("PUT", "/v1/encryption-keys", json=registration(market, BUYER, key))
    assert status == 200, info
    return buyer


def registration(market: Market, account: LocalAccount, key: PrivateKey, sequence: int = 1) -> dict[str, Any]:
    """What `account` signed."""
    address = bytes.fromhex(account.address[2:])
    wanted = EncryptionKey(address, key.public, sequence, int(time.time()) + 60)
    signature = sign(account, wanted, market.manifest.chain_id, market.manifest.address("Licences"))
    return {
        "public_key": f"0x{key.public.hex()}",
        "sequence": sequence,
        "deadline": wanted.deadline,
        "signature": f"0x{signature.hex()}",
    }


def asking(key: PrivateKey, purpose: str = "download") -> dict[str, str]:
    return {"public_key": f"0x{key.public.hex()}", "purpose": purpose}


@pytest.mark.parametrize("suite", list(Suite))
async def test_the_holder_gets_the_key_and_with_it_the_very_bytes(
    client: Client, market: Market, sold: Sold, settings: Settings, suite: Suite
) -> None:
    key = PrivateKey.generate(suite)
    buyer = await holder(client, market, key)
    number, block_hash = await market.head()
    status, grant = await buyer.call("POST", sold.path, json=asking(key))
    assert status == 201, grant
    assert (grant["licence"], grant["version"], grant["block_number"]) == (str(sold.licence), 1, number)
    licences = bytes.fromhex(market.manifest.address("Licences")[2:])
    context = GrantContext(market.manifest.chain_id, licences, sold.licence, 1, block_hash, "download")
    data_key = open_sealed(bytes.fromhex(grant["sealed_key"][2:]), key, context)
    async with client.request("GET", f"/v1/payloads/{grant['root']}") as response:
        ciphertext = await response.read()
    plaintext = b"".join(
        decrypt(data_key, bytes.fromhex(grant["context"][2:]), [ciphertext], size=grant["size"])
    )
    assert plaintext == sold.dataset.plaintext
    with pytest.raises(OpenFailed):
        open_sealed(bytes.fromhex(grant["sealed_key"][2:]), key, replace(context, purpose="research"))
    assert [(row[0], row[2], row[4]) for row in records(settings)] == [(None, number, "download")]


@ON_BOTH
async def test_R33_a_denial_is_recorded_with_reason_block_and_inputs(
    client: Client, market: Market, sold: Sold, settings: Settings
) -> None:
    buyer, outsider = await client.sign_in(BUYER), await client.sign_in(OUTSIDER)
    status, refused = await outsider.call("POST", sold.path, json=asking(PrivateKey.generate()))
    assert (status, refused["code"], refused["reason"]) == (403, "denied", "NotHolder")
    before = await market.head()
    block = await market.revoke(sold.licence)
    status, refused = await buyer.call("POST", sold.path, json=asking(PrivateKey.generate()))
    assert (status, refused["code"], refused["reason"]) == (403, "denied", "Revoked")
    assert refused["block_number"] == block
    _, block_hash = await market.head()
    deposit = sold.dataset.context.deposit_id
    who = [bytes.fromhex(caller.address[2:]) for caller in (OUTSIDER, BUYER)]
    assert records(settings) == [
        ("denied", "NotHolder", *before, "download", who[0], deposit),
        ("denied", "Revoked", block, block_hash, "download", who[1], deposit),
    ]


async def _dead(node: Node, clock: Clock, market: Market) -> None:
    node.down = True


async def _erring(node: Node, clock: Clock, market: Market) -> None:
    node.lies["eth_call"] = lambda _: "0x"


async def _garbled(node: Node, clock: Clock, market: Market) -> None:
    node.lies["eth_call"] = lambda answer: answer[:-64]


async def _headless(node: Node, clock: Clock, market: Market) -> None:
    node.lies["eth_getBlockByNumber"] = lambda _: None


async def _going_back(node: Node, clock: Clock, market: Market) -> None:
    node.lies["eth_getBlockByNumber"] = lambda block: block | {"number": "0x0"}


async def _old(node: Node, clock: Clock, market: Market) -> None:
    clock.ahead = HOUR


async def _from_the_future(node: Node, clock: Clock, market: Market) -> None:
    clock.ahead = -HOUR


@pytest.mark.parametrize(
    ("spoil", "code"),
    [
        (_dead, "node-unreachable"),
        (_erring, "node-unreachable"),
        (_garbled, "node-unreachable"),
        (_headless, "node-unreachable"),
        (_going_back, "node-stale"),
        (_old, "node-stale"),
        (_from_the_future, "node-stale"),
    ],
)
async def test_threat_S05_anything_unclear_fails_closed_and_is_recorded(
    client: Client,
    market: Market,
    node: Node,
    clock: Clock,
    sold: Sold,
    settings: Settings,
    spoil: Callable[[Node, Clock, Market], Any],
    code: str,
) -> None:
    key = PrivateKey.generate()
    buyer = await holder(client, market, key)
    assert (await buyer.call("POST", sold.path, json=asking(key)))[0] == 201
    await market.rpc.request("evm_mine")  # an answer is kept for its block
    await spoil(node, clock, market)
    found, refused = await buyer.call("POST", sold.path, json=asking(key))
    assert (found, refused["code"]) == (503, code)
    assert "sealed_key" not in refused
    assert [row[0] for row in records(settings)] == [None, code]


@pytest.mark.parametrize("ahead", [-900, 900])
async def test_threat_S18_a_clock_wrong_by_a_quarter_of_an_hour_loses_nothing_and_releases_nothing(
    client: Client, market: Market, clock: Clock, settings: Settings, ahead: int
) -> None:
    key = PrivateKey.generate()
    buyer = await holder(client, market, key)
    clock.ahead = ahead
    seller = await client.sign_in(SELLER)  # by the service's own clock
    sold = await selling(market, await Dataset.deposited(seller))  # the receipt is good on chain
    status, refused = await buyer.call("POST", sold.path, json=asking(key))
    assert (status, refused["code"]) == (503, "node-stale")
    assert await client.services.deposits.collect(int(clock())) == 0
    clock.ahead = 0
    assert (await buyer.call("POST", sold.path, json=asking(key)))[0] == 201
    assert (await seller.call("GET", "/v1/auth/session"))[0] == 200
    assert [row[0] for row in records(settings)] == ["node-stale", None]


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({"deposit": b"\x01" * 32}, 404, "payload-unknown"),
        ({"root": b"\x01" * 32}, 409, "payload-mismatch"),
        ({"size": 1}, 409, "payload-mismatch"),
    ],
    ids=str,
)
async def test_threat_S07_what_was_listed_and_is_not_held_is_not_released(
    client: Client, market: Market, settings: Settings, changes: dict[str, Any], status: int, code: str
) -> None:
    dataset = await Dataset.deposited(await client.sign_in(SELLER))
    sold = await selling(market, dataset, **changes)
    key = PrivateKey.generate()
    buyer = await holder(client, market, key)
    found, refused = await buyer.call("POST", sold.path, json=asking(key))
    assert (found, refused["code"]) == (status, code)
    assert [row[0] for row in records(settings)] == [code]


@pytest.mark.parametrize(
    ("licence", "body"),
    [
        (None, {"public_key": "0x" + "00" * 38}),
        (None, {"public_key": "0x002000010002" + "00" * 32}),
        (None, {"purpose": "Người <script>"}),
        (0, {}),
        (1 << 96, {}),
        (-1, {}),
    ],
)
async def test_what_cannot_be_asked(
    client: Client, sold: Sold, licence: int | None, body: dict[str, str]
) -> None:
    buyer = await client.sign_in(BUYER)
    path = sold.path if licence is None else f"/v1/licences/{licence}/grants"
    status, refused = await buyer.call("POST", path, json=asking(PrivateKey.generate()) | body)
    assert (status, refused["code"] in ("invalid-request", "public-key-malformed")) == (422, True)


async def test_threat_S24_nobody_asks_for_somebody_else(
    client: Client, node: Node, settings: Settings
) -> None:
    asked = node.asked["eth_call"]
    status, _ = await client.call("POST", "/v1/licences/1/grants", json=asking(PrivateKey.generate()))
    assert (status, records(settings), node.asked["eth_call"]) == (401, [], asked)


async def test_anybody_asks_what_the_chain_says_of_a_right(
    client: Client, market: Market, sold: Sold
) -> None:
    path = f"/v1/licences/{sold.licence}/entitlement?account="
    number, _ = await market.head()
    for account, denial in ((BUYER, None), (OUTSIDER, "NotHolder")):
        status, answer = await client.call("GET", path + account.address)
        assert (status, answer["denial"], answer["block_number"]) == (200, denial, number)
        EntitlementInfo.model_validate(answer)


async def test_R33_a_custodian_out_of_reach_releases_nothing_and_is_recorded(
    client: Client, market: Market, sold: Sold, settings: Settings
) -> None:
    timed = client.services.grants.keys.custody
    assert isinstance(timed, TimedCustody)
    keys = timed._custody
    assert isinstance(keys, LocalKeyStore)
    keys._agent._process.kill()
    key = PrivateKey.generate()
    buyer = await holder(client, market, key)
    status, refused = await buyer.call("POST", sold.path, json=asking(key))
    assert (status, refused["code"]) == (503, "custody-unavailable")
    assert [row[0] for row in records(settings)] == ["custody-unavailable"]
