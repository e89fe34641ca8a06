import sqlite3
import time
from dataclasses import replace
from typing import Any

import pytest

from api.settings import Settings
from ledger.crypto.chunked import decrypt
from ledger.crypto.seal import GrantContext, OpenFailed, PrivateKey, Suite, open_sealed
from ledger.domain.entitlement import Block, Decision, NodeStale, NodeUnreachable
from tests.integration.api.conftest import BUYER, CONTRACTS, MANIFEST, SELLER, Chain, Client
from tests.integration.api.dataset import Dataset

LICENCE = (7 << 48) | 1
PATH = f"/v1/licences/{LICENCE}/grants"


@pytest.fixture
async def dataset(client: Client, chain: Chain) -> Dataset:
    dataset = await Dataset.deposited(await client.sign_in(SELLER))
    chain.decision = entitled(dataset)
    return dataset


def entitled(dataset: Dataset) -> Decision:
    return Decision(
        licence=0,
        account=b"",
        block=Block(41, b"\xbb" * 32, int(time.time())),
        denial=None,
        listing=7,
        version=3,
        plan=7 << 16,
        expires_at=(1 << 40) - 1,
        uses_left=(1 << 32) - 1,
        root=dataset.root,
        size=len(dataset.ciphertext),
        deposit=bytes.fromhex(dataset.info["id"][2:]),
    )


def records(settings: Settings) -> list[tuple[Any, ...]]:
    with sqlite3.connect(settings.data / "socai.sqlite") as connection:
        rows = connection.execute(
            "SELECT denial, reason, block_number, block_hash, purpose, account, deposit FROM grants"
        ).fetchall()
    connection.close()
    return rows


def asking(key: PrivateKey, purpose: str = "download") -> dict[str, str]:
    return {"public_key": f"0x{key.public.hex()}", "purpose": purpose}


@pytest.mark.parametrize("suite", list(Suite))
async def test_the_holder_gets_the_key_and_with_it_the_very_bytes(
    client: Client, chain: Chain, dataset: Dataset, settings: Settings, suite: Suite
) -> None:
    buyer, key = await client.sign_in(BUYER), PrivateKey.generate(suite)
    status, grant = await buyer.call("POST", PATH, json=asking(key))
    assert status == 201, grant
    assert chain.asked == [(LICENCE, bytes.fromhex(BUYER.address[2:]))]
    assert (grant["licence"], grant["version"], grant["block_number"]) == (str(LICENCE), 3, 41)
    context = GrantContext(MANIFEST.chain_id, CONTRACTS["Licences"], LICENCE, 3, b"\xbb" * 32, "download")
    data_key = open_sealed(bytes.fromhex(grant["sealed_key"][2:]), key, context)
    async with client.request("GET", f"/v1/payloads/{grant['root']}") as response:
        ciphertext = await response.read()
    plaintext = b"".join(
        decrypt(data_key, bytes.fromhex(grant["context"][2:]), [ciphertext], size=grant["size"])
    )
    assert plaintext == dataset.plaintext
    with pytest.raises(OpenFailed):
        open_sealed(bytes.fromhex(grant["sealed_key"][2:]), key, replace(context, purpose="research"))
    assert [(row[0], row[2], row[4]) for row in records(settings)] == [(None, 41, "download")]


async def test_R33_a_denial_is_recorded_with_reason_block_and_inputs(
    client: Client, chain: Chain, dataset: Dataset, settings: Settings
) -> None:
    assert isinstance(chain.decision, Decision)
    chain.decision = replace(chain.decision, denial="Revoked")
    buyer = await client.sign_in(BUYER)
    status, refused = await buyer.call("POST", PATH, json=asking(PrivateKey.generate()))
    assert (status, refused["code"], refused["reason"], refused["block_number"]) == (
        403,
        "denied",
        "Revoked",
        41,
    )
    account = bytes.fromhex(BUYER.address[2:])
    deposit = bytes.fromhex(dataset.info["id"][2:])
    assert records(settings) == [("denied", "Revoked", 41, b"\xbb" * 32, "download", account, deposit)]


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        (NodeUnreachable("nothing listens there"), 503, "node-unreachable"),
        (NodeStale("behind"), 503, "node-stale"),
        ({"block": Block(41, b"\xbb" * 32, int(time.time()) - 3600)}, 503, "node-stale"),
        ({"block": Block(41, b"\xbb" * 32, int(time.time()) + 3600)}, 503, "node-stale"),
        ({"deposit": b"\x01" * 32}, 404, "payload-unknown"),
        ({"root": b"\x01" * 32}, 409, "payload-mismatch"),
        ({"size": 1}, 409, "payload-mismatch"),
    ],
    ids=str,
)
async def test_threat_S05_anything_unclear_fails_closed_and_is_recorded(
    client: Client, chain: Chain, dataset: Dataset, settings: Settings, changes: Any, status: int, code: str
) -> None:
    assert isinstance(chain.decision, Decision)
    chain.decision = changes if isinstance(changes, Exception) else replace(chain.decision, **changes)
    buyer = await client.sign_in(BUYER)
    found, refused = await buyer.call("POST", PATH, json=asking(PrivateKey.generate()))
    assert (found, refused["code"]) == (status, code)
    assert "sealed_key" not in refused
    assert [row[0] for row in records(settings)] == [code]


@pytest.mark.parametrize(
    ("path", "body"),
    [
        (PATH, {"public_key": "0x" + "00" * 38}),
        (PATH, {"public_key": "0x002000010002" + "00" * 32}),
        (PATH, {"purpose": "Người <script>"}),
        ("/v1/licences/0/grants", {}),
        (f"/v1/licences/{1 << 96}/grants", {}),
        ("/v1/licences/-1/grants", {}),
    ],
)
async def test_what_cannot_be_asked(
    client: Client, dataset: Dataset, path: str, body: dict[str, str]
) -> None:
    buyer = await client.sign_in(BUYER)
    status, refused = await buyer.call("POST", path, json=asking(PrivateKey.generate()) | body)
    assert (status, refused["code"] in ("invalid-request", "public-key-malformed")) == (422, True)


async def test_threat_S24_nobody_asks_for_somebody_else(
    client: Client, chain: Chain, dataset: Dataset
) -> None:
    status, _ = await client.call("POST", PATH, json=asking(PrivateKey.generate()))
    assert (status, chain.asked) == (401, [])
