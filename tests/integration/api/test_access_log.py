"""The access log as anybody reads it, and every way to tamper with it (threat S19)."""

import asyncio
import json
import time
from collections.abc import Iterator
from dataclasses import fields, replace
from typing import Any

import pytest
from eth_typing import Hash32

from api.settings import Settings
from ledger.chain.anchors import NotAnchored, anchored
from ledger.crypto.merkle import EMPTY_ROOT, leaf_hash, verify_consistency, verify_inclusion
from ledger.crypto.seal import PrivateKey, Suite
from ledger.domain.encryption_key import EncryptionKey
from ledger.domain.entitlement import Block, Decision
from ledger.domain.grant import Grant
from ledger.proofs import access, tlog
from ledger.proofs.tlog import Checkpoint, LogMismatch, LogShrunk, Verifier, fsck
from tests.integration.api.conftest import Client, query
from tests.integration.api.market import BUYER, OUTSIDER, Market
from tests.integration.api.test_grants import Sold, asking, sold

__all__ = ["sold"]


async def read(client: Client, path: str) -> bytes:
    async with client.request("GET", f"/v1/log/{path}") as response:
        assert response.status == 200, await response.text()
        return bytes(await response.read())


async def checkpoint(client: Client) -> Checkpoint:
    verifier = Verifier.parse((await read(client, "key")).decode().strip())
    return Checkpoint.open(await read(client, "checkpoint"), verifier)


async def entries(client: Client, size: int) -> list[bytes]:
    found: list[bytes] = []
    for index, width in tlog.tiles(0, size):
        found += tlog.decode_entries(await read(client, tlog.tile_path(None, index, width)), width)
    return found


async def use(client: Client, sold: Sold, times: int = 1) -> None:
    """A grant, a denial and two downloads, `times` over."""
    buyer, outsider = await client.sign_in(BUYER), await client.sign_in(OUTSIDER)
    key, root = PrivateKey.generate(Suite.X25519), f"0x{sold.dataset.root.hex()}"
    keys = client.services.encryption_keys
    wanted = EncryptionKey(
        bytes.fromhex(BUYER.address[2:]), key.public, time.time_ns() // 1000, int(time.time()) + 60
    )
    digest = Hash32(wanted.digest(keys.chain_id, keys.licences))
    await keys.register(wanted, bytes(BUYER.unsafe_sign_hash(digest).signature))
    for _ in range(times):
        assert (await buyer.call("POST", sold.path, json=asking(key, "private-purpose")))[0] == 201
        assert (await outsider.call("POST", sold.path, json=asking(key)))[0] == 403
        for headers in ({}, {"Range": "bytes=10-19"}):
            async with client.request("GET", f"/v1/payloads/{root}", headers=headers) as response:
                await response.read()


async def on_chain(client: Client, market: Market, settings: Settings) -> dict[int, bytes]:
    """What the vault anchored."""
    custodian = (await client.call("GET", "/v1/exchange"))[1]["custodian"]
    _, head = await market.head()
    return await anchored(market.rpc, market.manifest.address("LogAnchor"), custodian, head)


async def test_R33_every_grant_denial_and_download_is_an_entry(
    client: Client, sold: Sold, settings: Settings
) -> None:
    assert (await checkpoint(client)).size == 0
    await use(client, sold)
    found = await checkpoint(client)
    said = [json.loads(entry) for entry in await entries(client, found.size)]
    assert [entry["kind"] for entry in said] == ["grant", "denial", "download", "download"]
    assert [entry.get("reason") for entry in said[:2]] == [None, "denied: NotHolder"]
    assert said[0]["licence"] == said[1]["licence"] == str(sold.licence)
    assert said[0]["block"]["number"] <= said[1]["block"]["number"]
    assert [(entry["start"], entry["end"]) for entry in said[2:]] == [
        (0, len(sold.dataset.ciphertext)),
        (10, 20),
    ]
    fsck(await entries(client, found.size), found, {})
    assert query(settings, "SELECT entry FROM grants ORDER BY entry") == [(0,), (1,)]


async def test_R12_entries_hold_no_account_purpose_or_key(
    client: Client, sold: Sold, settings: Settings
) -> None:
    await use(client, sold)
    (row,) = query(settings, "SELECT id, account, public_key FROM grants WHERE entry = 0")
    said = b"".join(await entries(client, 4)).lower()
    for secret in (row[1].hex(), row[2].hex(), row[0].hex(), "private-purpose", BUYER.address[2:].lower()):
        assert secret.encode() not in said


def test_a_commitment_binds_the_whole_record() -> None:
    decision = Decision(
        7, b"\2" * 20, Block(41, b"\5" * 32, 1000), None, 1, 1, 1 << 16, 9, 9, 0, b"\6" * 32, 8
    )
    grant = Grant(b"\1" * 16, 5, 7, b"\2" * 20, b"\3" * 36, "use", None, decision, b"\4" * 16, 1000)
    assert json.loads(access.grant_leaf(grant))["commitment"] == "0x" + access.commitment(grant).hex()

    def others(record: Any, *kept: str) -> Iterator[Any]:
        for field in fields(record):
            value = getattr(record, field.name)
            if field.name in kept:
                continue
            if isinstance(value, Block):
                yield from (replace(record, block=other) for other in others(value))
            elif isinstance(value, Decision):
                yield from (replace(record, decision=other) for other in others(value, "licence", "account"))
                yield replace(record, decision=None)
            elif isinstance(value, int):
                yield replace(record, **{field.name: value + 1})
            elif isinstance(value, bytes):
                yield replace(record, **{field.name: value[:-1] + b"\xff"})
            else:
                yield replace(record, **{field.name: "another"})

    altered = [access.commitment(other) for other in others(grant)]
    assert len({*altered, access.commitment(grant)}) == len(altered) + 1 > 20


async def test_proofs_from_the_tiles(client: Client, sold: Sold) -> None:
    await use(client, sold, 2)
    old = await checkpoint(client)
    await use(client, sold, 3)
    new = await checkpoint(client)
    tile = await read(client, tlog.tile_path(0, 0, new.size))
    tree = tlog.proof_tree(new.size, lambda path: tile)
    verify_consistency(old.size, new.size, tree.consistency_proof(old.size), old.root, new.root)
    for index, entry in enumerate(await entries(client, new.size)):
        proof = tree.inclusion_proof(index)
        verify_inclusion(leaf_hash(entry), index, new.size, proof, new.root)


async def test_tiles_that_there_are_not(client: Client, sold: Sold) -> None:
    await use(client, sold)
    for path in ("tile/0/000", "tile/0/000.p/5", "tile/1/000", "tile/entries/001.p/1", "tile/x", "tile/0/0"):
        status, problem = await client.call("GET", f"/v1/log/{path}")
        assert (status, problem["code"]) == (404, "tile-unknown")


async def tamper_with(settings: Settings, script: str) -> None:
    """In a thread: the service, which shares this loop, may be in the middle of a transaction of its own."""
    for statement in script.split(";"):
        await asyncio.to_thread(query, settings, statement)


@pytest.mark.parametrize(
    ("tamper", "error"),
    [
        ('UPDATE access_log SET data = substr(data, 1, 2) WHERE "index" = 1', LogMismatch),
        (
            'DELETE FROM access_log WHERE "index" = 1; UPDATE access_log SET "index" = "index" - 1 '
            'WHERE "index" > 1; UPDATE access_size SET size = size - 1',
            LogShrunk,
        ),
        ('DELETE FROM access_log WHERE "index" >= 4; UPDATE access_size SET size = 4', LogShrunk),
        (
            "UPDATE access_log SET (data, leaf) = "
            '(SELECT data, leaf FROM access_log WHERE "index" = 1) WHERE "index" = 0',
            LogMismatch,
        ),
    ],
)
async def test_threat_S19_tampering_with_the_database_is_found(
    client: Client,
    market: Market,
    sold: Sold,
    settings: Settings,
    tamper: str,
    error: type[Exception],
) -> None:
    """The operator signs whatever the database says; what was anchored before tells."""
    await use(client, sold, 2)
    assert await client.services.access_log.anchor() == 8
    honest = await checkpoint(client)
    assert await client.services.access_log.anchor() == 8
    known = await on_chain(client, market, settings)
    assert known == {8: honest.root}
    fsck(await entries(client, 8), honest, known)
    await tamper_with(settings, tamper)
    now = await checkpoint(client)
    with pytest.raises(error):
        fsck(await entries(client, now.size), now, known)


async def test_threat_S19_a_fork_is_found(
    client: Client, market: Market, sold: Sold, settings: Settings
) -> None:
    await use(client, sold)
    await client.services.access_log.anchor()
    known = await on_chain(client, market, settings)
    await tamper_with(settings, "DELETE FROM access_log; UPDATE access_size SET size = 0")
    await use(client, sold, 2)
    now = await checkpoint(client)
    assert now.size == 8
    with pytest.raises(LogMismatch):
        fsck(await entries(client, 8), now, known)
    await tamper_with(settings, "UPDATE access_size SET size = 3")
    with pytest.raises(NotAnchored):  # nor does the chain take a smaller one
        await client.services.access_log.anchor()


async def test_an_empty_log_is_not_anchored(client: Client, market: Market, settings: Settings) -> None:
    assert await client.services.access_log.anchor() == 0
    assert await on_chain(client, market, settings) == {}
    assert (await checkpoint(client)).root == EMPTY_ROOT
