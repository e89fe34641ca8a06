import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from eth_account import Account
from eth_account.messages import encode_typed_data

from api.settings import Settings
from ledger.crypto.seal import seal
from ledger.keys import LocalKeyStore
from ledger.services.deposits import QuotaExceeded, UploadTooLarge, ciphertext_name
from tests.integration.api.conftest import ON_BOTH, Client, Clock, running
from tests.integration.api.dataset import Dataset
from tests.integration.api.market import OUTSIDER, PASSPHRASE, SELLER, SELLER2, Market


def objects(settings: Settings) -> list[Path]:
    """Every file in the object store, staging included."""
    return [path for path in (settings.data / "objects").rglob("*") if path.is_file()]


@ON_BOTH
async def test_a_deposit_ends_in_a_receipt_that_the_contract_would_accept(
    client: Client, settings: Settings, clock: Clock, market: Market
) -> None:
    seller = await client.sign_in(SELLER)
    dataset = await Dataset.open(seller)
    assert bytes.fromhex(dataset.info["context"][2:]) == dataset.context.payload_context()
    assert await dataset.send(seller) == (
        200,
        {"root": f"0x{dataset.root.hex()}", "size": len(dataset.ciphertext)},
    )
    status, receipt = await dataset.complete(seller)
    assert status == 200
    assert receipt["custodian"] == LocalKeyStore.open(settings.data / "keys", PASSPHRASE).custodian().address
    assert abs(receipt["deadline"] - clock() - settings.receipt_seconds) < 5
    typed = {
        "types": {
            "EIP712Domain": [
                {"name": "name", "type": "string"},
                {"name": "version", "type": "string"},
                {"name": "chainId", "type": "uint256"},
                {"name": "verifyingContract", "type": "address"},
            ],
            "Custody": [
                {"name": "seller", "type": "address"},
                {"name": "root", "type": "bytes32"},
                {"name": "size", "type": "uint64"},
                {"name": "depositId", "type": "bytes32"},
                {"name": "region", "type": "bytes2"},
                {"name": "deadline", "type": "uint64"},
            ],
        },
        "primaryType": "Custody",
        "domain": {
            "name": "Socai Reviews",
            "version": "1",
            "chainId": market.manifest.chain_id,
            "verifyingContract": market.manifest.address("Reviews"),
        },
        "message": {
            "seller": SELLER.address,
            "root": dataset.root,
            "size": len(dataset.ciphertext),
            "depositId": bytes.fromhex(dataset.info["id"][2:]),
            "region": b"VN",
            "deadline": receipt["deadline"],
        },
    }
    signer = Account.recover_message(encode_typed_data(full_message=typed), signature=receipt["signature"])
    assert signer == receipt["custodian"]


async def test_R13_repeating_changes_nothing_and_gives_a_fresh_receipt(client: Client, clock: Clock) -> None:
    seller = await client.sign_in(SELLER)
    dataset = await Dataset.deposited(seller)
    clock.ahead = 60
    (_, first), (_, second) = [await dataset.complete(seller) for _ in range(2)]
    clock.ahead = 120
    status, later = await dataset.complete(seller)
    assert status == 200
    assert later["deadline"] > first["deadline"]
    same = ("seller", "root", "size", "deposit_id", "region", "custodian")
    assert [later[name] for name in same] == [second[name] for name in same]


@ON_BOTH
async def test_R13_of_concurrent_completions_all_give_the_same(client: Client) -> None:
    seller = await client.sign_in(SELLER)
    dataset = await Dataset.open(seller)
    await dataset.send(seller)
    answers = await asyncio.gather(*(dataset.complete(seller) for _ in range(4)))
    assert [status for status, _ in answers] == [200] * 4
    assert len({answer["root"] for _, answer in answers}) == 1


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"root": "0x" + "00" * 32}, "root-mismatch"),
        ({"size": 1}, "size-mismatch"),
        ({"sealed_key": "0x" + "00" * 86}, "sealed-key-unopened"),
        ({"media_type": "text/html; x=<script>"}, "invalid-request"),
        ({"size": 0}, "invalid-request"),
        ({"size": 1 << 63}, "invalid-request"),
    ],
)
async def test_what_does_not_fit_is_not_held(client: Client, changes: dict[str, Any], code: str) -> None:
    seller = await client.sign_in(SELLER)
    dataset = await Dataset.open(seller)
    await dataset.send(seller)
    status, refused = await dataset.complete(seller, **changes)
    assert (status, refused["code"]) == (422, code)
    assert (await seller.call("GET", f"/v1/payloads/0x{dataset.root.hex()}"))[0] == 404
    assert (await dataset.complete(seller))[0] == 200


async def test_threat_S07_a_key_that_does_not_open_the_ciphertext_is_refused(client: Client) -> None:
    seller = await client.sign_in(SELLER)
    dataset = await Dataset.open(seller)
    await dataset.send(seller)
    recipient = bytes.fromhex(dataset.info["vault_public_key"][2:])
    wrong = seal(b"\x07" * 32, recipient, dataset.context)
    status, refused = await dataset.complete(seller, sealed_key=f"0x{wrong.hex()}")
    assert (status, refused["code"]) == (422, "key-mismatch")


async def test_threat_S07_a_key_sealed_for_another_deposit_is_refused(client: Client) -> None:
    seller = await client.sign_in(SELLER)
    dataset = await Dataset.open(seller)
    await dataset.send(seller)
    recipient = bytes.fromhex(dataset.info["vault_public_key"][2:])
    foreign = seal(dataset.data_key, recipient, replace(dataset.context, deposit_id=b"\x01" * 32))
    status, refused = await dataset.complete(seller, sealed_key=f"0x{foreign.hex()}")
    assert (status, refused["code"]) == (422, "sealed-key-unopened")


async def test_threat_S07_another_deposits_ciphertext_is_not_held_twice(client: Client) -> None:
    seller, thief = await client.sign_in(SELLER), await client.sign_in(SELLER2)
    original = await Dataset.deposited(seller)
    copy = await Dataset.open(thief)
    copy.ciphertext = original.ciphertext
    assert (await copy.send(thief))[0] == 200
    status, refused = await copy.complete(thief)
    assert (status, refused["code"]) == (422, "key-mismatch")
    copy.data_key = original.data_key
    status, refused = await copy.complete(thief)
    assert (status, refused["code"]) == (422, "key-mismatch")
    assert (await thief.call("DELETE", copy.path))[0] == 204
    async with client.request("GET", f"/v1/payloads/0x{original.root.hex()}") as response:
        assert await response.read() == original.ciphertext


async def test_threat_S24_somebody_elses_deposit_looks_like_none(client: Client) -> None:
    seller, other = await client.sign_in(SELLER), await client.sign_in(SELLER2)
    dataset = await Dataset.open(seller)
    await dataset.send(seller)
    for method, path, body in [
        ("GET", "", {}),
        ("PUT", "/ciphertext", {"data": b"x" * 100}),
        ("DELETE", "", {}),
    ]:
        status, refused = await other.call(method, dataset.path + path, **body)
        assert (status, refused["code"]) == (404, "deposit-unknown")
        assert (await client.call(method, dataset.path + path, **body))[0] == 401
    assert (await dataset.complete(other))[1]["code"] == "deposit-unknown"
    assert (await dataset.complete(client))[0] == 401
    assert (await dataset.complete(seller))[0] == 200


async def test_R02_only_who_may_sell_opens_a_deposit(client: Client, market: Market) -> None:
    seller, outsider = await client.sign_in(SELLER), await client.sign_in(OUTSIDER)
    status, refused = await outsider.call("POST", "/v1/deposits")
    assert (status, refused["code"]) == (403, "seller-ineligible")
    assert (await seller.call("POST", "/v1/deposits"))[0] == 201
    await market.suspend(SELLER.address)
    status, refused = await seller.call("POST", "/v1/deposits")
    assert (status, refused["code"]) == (403, "seller-ineligible")


async def test_one_ciphertext_each(client: Client, settings: Settings) -> None:
    seller = await client.sign_in(SELLER)
    dataset = await Dataset.open(seller)
    status, refused = await dataset.complete(seller)
    assert (status, refused["code"]) == (409, "nothing-uploaded")
    answers = await asyncio.gather(*(dataset.send(seller) for _ in range(3)))
    assert sorted(status for status, _ in answers) == [200, 409, 409]
    assert len(objects(settings)) == 1
    await dataset.complete(seller)
    status, refused = await seller.call("DELETE", dataset.path)
    assert (status, refused["code"]) == (409, "deposit-taken")


async def test_threat_S13_an_interrupted_upload_leaves_nothing(client: Client, settings: Settings) -> None:
    seller = await client.sign_in(SELLER)
    dataset = await Dataset.open(seller, b"x" * 3_000_000)

    async def cut() -> AsyncIterator[bytes]:
        yield dataset.ciphertext[:2_000_000]
        await asyncio.sleep(0.1)
        raise ConnectionAbortedError

    headers = {"Content-Length": str(len(dataset.ciphertext))}
    with contextlib.suppress(ConnectionError, aiohttp.ClientError):
        await seller.call("PUT", f"{dataset.path}/ciphertext", data=cut(), headers=headers)
    for _ in range(100):
        if not objects(settings):
            break
        await asyncio.sleep(0.01)
    assert objects(settings) == []
    assert (await seller.call("GET", dataset.path))[1]["upload"] is None
    assert (await dataset.send(seller))[0] == 200
    assert (await dataset.complete(seller))[0] == 200


@pytest.mark.parametrize("length", [0, 1, 71, 56 + 16400])
async def test_a_size_that_no_ciphertext_has_is_refused(
    client: Client, settings: Settings, length: int
) -> None:
    seller = await client.sign_in(SELLER)
    dataset = await Dataset.open(seller)
    status, refused = await dataset.send(seller, bytes(length))
    assert (status, refused["code"]) == (422, "ciphertext-truncated")
    assert objects(settings) == []


class Sending:
    """A body that counts what was taken of it."""

    def __init__(self, pieces: int) -> None:
        self.pieces, self.taken = pieces, 0

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for _ in range(self.pieces):
            self.taken += 65536
            yield bytes(65536)


async def test_threat_S13_an_announced_size_over_the_limit_is_refused_before_the_first_byte(
    settings: Settings, clock: Clock
) -> None:
    async with running(settings.model_copy(update={"deposit_bytes": 1 << 20}), clock) as client:
        seller = await client.sign_in(SELLER)
        dataset = await Dataset.open(seller)
        body = Sending(64)
        async with seller.request(
            "PUT",
            f"{dataset.path}/ciphertext",
            data=body.__aiter__(),
            headers={"Content-Length": str(64 * 65536)},
            expect100=True,
        ) as response:
            assert response.status == 413
            assert (await response.json(content_type=None))["code"] == "upload-too-large"
        assert body.taken == 0
        assert objects(settings) == []


@pytest.mark.parametrize(
    ("limits", "error"),
    [({"deposit_bytes": 1 << 20}, UploadTooLarge), ({"quota_bytes": 1 << 20}, QuotaExceeded)],
)
async def test_threat_S13_an_unannounced_size_is_cut_off_at_the_limit(
    settings: Settings, clock: Clock, limits: dict[str, int], error: type[Exception]
) -> None:
    async with running(settings.model_copy(update=limits), clock) as client:
        seller = await client.sign_in(SELLER)
        dataset = await Dataset.open(seller)
        body = Sending(64)
        with pytest.raises(error):
            await client.services.deposits.receive(
                dataset.context.deposit_id, dataset.context.seller, body, None
            )
        assert body.taken <= (1 << 20) + 65536
        assert objects(settings) == []


async def test_the_quota_counts_what_the_account_holds(settings: Settings, clock: Clock) -> None:
    async with running(settings.model_copy(update={"quota_bytes": 100_000}), clock) as client:
        seller = await client.sign_in(SELLER)
        await Dataset.deposited(seller)
        second = await Dataset.open(seller, b"x" * 60_000)
        status, refused = await second.send(seller)
        assert (status, refused["code"]) == (413, "quota-exceeded")
        assert (await Dataset.deposited(await client.sign_in(SELLER2))).ciphertext


@ON_BOTH
async def test_incomplete_deposits_are_limited_and_collected(settings: Settings, clock: Clock) -> None:
    async with running(settings.model_copy(update={"deposits_waiting": 2}), clock) as client:
        seller = await client.sign_in(SELLER)
        held = await Dataset.deposited(seller)
        left = [await Dataset.open(seller) for _ in range(2)]
        await left[0].send(seller)
        status, refused = await seller.call("POST", "/v1/deposits")
        assert (status, refused["code"]) == (429, "deposits-waiting")
        assert len(objects(settings)) == 2
        deposits = client.services.deposits
        assert await deposits.collect(int(clock())) == 0
        assert await deposits.collect(int(clock()) + settings.deposit_seconds + 1) == 2
        assert len(objects(settings)) == 1
        assert (await held.complete(seller))[0] == 200
        assert (await left[0].complete(seller))[0] == 404


@ON_BOTH
async def test_R13_threat_S17_an_object_whose_row_was_never_written_is_collected(
    settings: Settings, clock: Clock
) -> None:
    """A kill came between the two."""
    async with running(settings, clock) as client:
        seller = await client.sign_in(SELLER)
        held, deposits = await Dataset.deposited(seller), client.services.deposits
        before = objects(settings)
        async with await deposits.objects.create() as writer:
            await writer.write(b"of something else")
            await writer.commit("captures/1")
        async with await deposits.objects.create() as writer:
            await writer.write(held.ciphertext)
            await writer.commit(ciphertext_name(held.root, held.context.deposit_id))
        assert len(objects(settings)) == len(before) + 2
        await deposits.collect(int(clock()))
        assert len(objects(settings)) == len(before) + 2  # its row may be under way
        await deposits.collect(int(clock()) + settings.deposit_seconds + 1)
        assert len(objects(settings)) == len(before) + 1
        assert (await held.complete(seller))[0] == 200
        assert await deposits.objects.info("captures/1")
        async with client.request("GET", f"/v1/payloads/0x{held.root.hex()}") as response:
            assert await response.read() == held.ciphertext


async def test_the_service_collects_by_itself(settings: Settings, clock: Clock) -> None:
    async with running(settings.model_copy(update={"collect_seconds": 1}), clock) as client:
        seller = await client.sign_in(SELLER)
        dataset = await Dataset.open(seller)
        await dataset.send(seller)
        clock.ahead = settings.deposit_seconds + 1
        for _ in range(300):
            if not objects(settings):
                break
            await asyncio.sleep(0.01)
        assert objects(settings) == []


async def test_R13_a_restart_loses_nothing(settings: Settings, clock: Clock) -> None:
    async with running(settings, clock) as client:
        seller = await client.sign_in(SELLER)
        dataset = await Dataset.open(seller)
        await dataset.send(seller)
    async with running(settings, clock) as again:
        seller = replace(again, token=seller.token)
        assert (await dataset.complete(seller))[0] == 200
