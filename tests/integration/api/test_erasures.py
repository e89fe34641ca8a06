"""Erasure: keys stop at once, are destroyed, and stay so after a restore; the record can be checked."""

import asyncio
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from api.settings import Settings
from ledger.crypto.chunked import CommitmentMismatch
from ledger.crypto.message import Message
from ledger.crypto.seal import PrivateKey
from ledger.domain.erasure import Erasure, verify
from ledger.domain.signature import BadSignature
from ledger.keys import LocalKeyStore, wrap_aad
from ledger.keys.shares import FolderShares
from tests.integration.api.conftest import ON_BOTH, Client, Clock, query, running
from tests.integration.api.dataset import Dataset
from tests.integration.api.market import BUYER, PASSPHRASE, SELLER, Market, account
from tests.integration.api.test_grants import asking, holder, records, selling

DAY = 24 * 3600
KEY = PrivateKey.generate()


def hexed(value: bytes) -> str:
    return f"0x{value.hex()}"


async def ask(seller: Client, dataset: Dataset) -> dict[str, Any]:
    body = {"root": hexed(dataset.root), "reason": "consent-withdrawn"}
    status, info = await seller.call("POST", "/v1/erasures", json=body)
    assert status == 202, info
    return dict(info)


def parsed(settings: Settings, root: bytes) -> Erasure:
    columns = "deposit, root, seller, reason, asked_at, erased_at, signature"
    statement = f"SELECT {columns} FROM erasures WHERE root = :root"  # noqa: S608 - no input
    (row,) = query(settings, statement, root=root)
    return Erasure(*row)


@ON_BOTH
async def test_R22_withdrawal_stops_keys_at_once_and_R23_then_they_are_destroyed(
    client: Client, clock: Clock, market: Market, settings: Settings
) -> None:
    seller = await client.sign_in(SELLER)
    dataset, other = await Dataset.deposited(seller), await Dataset.deposited(seller)
    buyer = await holder(client, market, KEY)
    path = (await selling(market, dataset)).path
    assert (await buyer.call("POST", path, json=asking(KEY)))[0] == 201

    info = await ask(seller, dataset)
    assert (info["erased_at"], info["overdue"]) == (None, False)
    status, refused = await buyer.call("POST", path, json=asking(KEY))
    assert (status, refused["code"]) == (410, "payload-withdrawn")
    assert records(settings)[-1][0] == "payload-withdrawn"
    erasures = client.services.erasures
    assert await erasures.carry_out() == 0  # it can be taken back for a day
    assert (await seller.call("DELETE", f"/v1/erasures/{hexed(dataset.root)}"))[0] == 204
    assert (await buyer.call("POST", path, json=asking(KEY)))[0] == 201

    first = await ask(seller, dataset)
    assert await ask(seller, dataset) == first  # once
    clock.ahead = DAY + 1
    assert [await erasures.carry_out() for _ in range(2)] == [1, 0]
    _, info = await client.call("GET", f"/v1/erasures/{hexed(dataset.root)}")
    assert info["erased_at"] is not None
    seller = await client.sign_in(SELLER)  # a day later
    assert (await seller.call("GET", "/v1/erasures"))[1] == {"erasures": [info]}
    status, refused = await seller.call("DELETE", f"/v1/erasures/{hexed(dataset.root)}")
    assert (status, refused["code"]) == (409, "erasure-done")
    status, refused = await dataset.complete(seller)
    assert (status, refused["code"]) == (410, "payload-erased")  # no receipt for what is not held
    kept = query(settings, "SELECT root, wrapped_key FROM payloads")
    assert {root: bool(wrapped) for root, wrapped in kept} == {dataset.root: False, other.root: True}

    record, chain_id = parsed(settings, dataset.root), market.manifest.chain_id
    signer, listings = client.services.erasures.custodian.address, client.services.erasures.listings
    verify(record, chain_id, listings, signer)
    assert record.signature is not None
    for wrong in (
        replace(record, root=b"\x01" * 32),
        replace(record, deposit=b"\x01" * 32),
        replace(record, seller=b"\x01" * 20),
        replace(record, reason="other"),
        replace(record, supervisor=b"\x01" * 20),
        replace(record, asked_at=record.asked_at + 1),
        replace(record, erased_at=1),
        replace(record, erased_at=None),
    ):
        with pytest.raises(BadSignature):
            verify(wrong, chain_id, listings, signer)
    for chain, contract in ((1, listings), (chain_id, b"\x01" * 20)):
        with pytest.raises(BadSignature):
            verify(record, chain, contract, signer)


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)  # a file is a backup
async def test_threat_S27_a_restored_backup_opens_everything_but_what_was_erased(
    settings: Settings, clock: Clock, market: Market, tmp_path: Path
) -> None:
    places = [tmp_path / "share-1", tmp_path / "share-2"]
    live = settings.model_copy(update={"shares": places})
    backup = live.model_copy(update={"data": tmp_path / "backup"})
    async with running(live, clock) as client:
        seller = await client.sign_in(SELLER)
        gone, kept = await Dataset.deposited(seller), await Dataset.deposited(seller)
        licences = [await selling(market, dataset) for dataset in (gone, kept)]
        await holder(client, market, KEY)
        # everything but the shares: they are not backed up
        shutil.copytree(live.data, backup.data, ignore=shutil.ignore_patterns("share-*", "backup"))
        await ask(seller, gone)
        clock.ahead = DAY + 1
        assert await client.services.erasures.carry_out() == 1
        clock.ahead = 0

    async with running(backup, clock) as client:  # knows nothing of the erasure
        assert (await client.call("GET", f"/v1/erasures/{hexed(gone.root)}"))[0] == 404
        buyer = await client.sign_in(BUYER)
        status, refused = await buyer.call("POST", licences[0].path, json=asking(KEY))
        assert (status, refused["code"]) == (410, "payload-erased")
        assert (await buyer.call("POST", licences[1].path, json=asking(KEY)))[0] == 201

    # and whoever has the backup, the passphrase and no scruples, has half a key
    ((wrapped,),) = query(backup, "SELECT wrapped_key FROM payloads WHERE root = :root", root=gone.root)
    half = await LocalKeyStore.open(backup.data / "keys", PASSPHRASE).unwrap(wrapped, wrap_aad(gone.context))
    with pytest.raises(CommitmentMismatch):
        Message.unlock(half, gone.context.payload_context(), gone.ciphertext[:56])
    Message.unlock(gone.data_key, gone.context.payload_context(), gone.ciphertext[:56])


async def test_R23_the_clock_shows_what_could_not_be_destroyed_in_time(
    client: Client, clock: Clock, settings: Settings
) -> None:
    seller = await client.sign_in(SELLER)
    dataset = await Dataset.deposited(seller)
    await ask(seller, dataset)
    clock.ahead = 3 * DAY + 60
    erasures, path = client.services.erasures, f"/v1/erasures/{hexed(dataset.root)}"
    shares = settings.data / "shares"
    shares.rename(settings.data / "away")
    shares.write_text("not mounted")
    assert await erasures.carry_out() == 0
    _, info = await client.call("GET", path)
    assert (info["overdue"], info["erased_at"]) == (True, None)
    seller = await client.sign_in(SELLER)
    status, refused = await seller.call("DELETE", path)
    assert (status, refused["code"]) == (409, "erasure-done")  # some place may have destroyed it
    shares.unlink()
    (settings.data / "away").rename(shares)
    assert await erasures.carry_out() == 1
    _, info = await client.call("GET", path)
    assert info["overdue"] is True
    assert info["erased_at"] is not None


async def test_R13_killed_after_the_destruction_and_before_the_record_it_is_done_again(
    client: Client, clock: Clock, settings: Settings
) -> None:
    seller = await client.sign_in(SELLER)
    dataset = await Dataset.deposited(seller)
    await ask(seller, dataset)
    clock.ahead = DAY + 1
    await FolderShares([settings.data / "shares"]).destroy(dataset.context.deposit_id)
    results = await asyncio.gather(*(client.services.erasures.carry_out() for _ in range(3)))
    assert sum(results) >= 1
    first = parsed(settings, dataset.root)
    assert await client.services.erasures.carry_out() == 0
    assert parsed(settings, dataset.root) == first


@ON_BOTH
async def test_R22_a_supervisor_has_a_payload_erased_and_its_seller_cannot_take_that_back(
    client: Client,
) -> None:
    seller, supervisor = await client.sign_in(SELLER), await client.sign_in(account("supervisor"))
    dataset = await Dataset.deposited(seller)
    path, first = f"/v1/erasures/{hexed(dataset.root)}", await ask(seller, dataset)
    assert first["asked_by"] == SELLER.address
    body = {"root": hexed(dataset.root), "reason": "decision-12-2026"}
    status, over = await supervisor.call("POST", "/v1/erasures", json=body)
    assert (status, over["asked_by"], over["reason"]) == (202, account("supervisor").address, body["reason"])
    assert over["asked_at"] == first["asked_at"]
    assert (await ask(seller, dataset)) == over
    status, refused = await seller.call("DELETE", path)
    assert (status, refused["code"]) == (403, "not-seller")
    for who in (seller, supervisor):
        assert (await who.call("GET", "/v1/erasures"))[1] == {"erasures": [over]}
    assert (await supervisor.call("DELETE", path))[0] == 204


async def test_threat_S24_only_the_seller_has_a_payload_erased(client: Client) -> None:
    seller = await client.sign_in(SELLER)
    dataset = await Dataset.deposited(seller)
    other = await client.sign_in(BUYER)
    body = {"root": hexed(dataset.root), "reason": "consent-withdrawn"}
    status, refused = await other.call("POST", "/v1/erasures", json=body)
    assert (status, refused["code"]) == (403, "not-seller")
    assert (await client.call("POST", "/v1/erasures", json=body))[0] == 401
    await ask(seller, dataset)
    status, refused = await other.call("DELETE", f"/v1/erasures/{hexed(dataset.root)}")
    assert (status, refused["code"]) == (403, "not-seller")
    assert (await other.call("GET", "/v1/erasures"))[1] == {"erasures": []}
    for bad in ({"reason": "Nguyễn Văn A"}, {"root": "0x00"}):
        assert (await seller.call("POST", "/v1/erasures", json=body | bad))[0] == 422
    unknown = await seller.call("POST", "/v1/erasures", json=body | {"root": "0x" + "01" * 32})
    assert (unknown[0], unknown[1]["code"]) == (404, "payload-unknown")
