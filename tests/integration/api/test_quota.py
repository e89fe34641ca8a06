"""Per-use quota over a real chain: what is counted, what is released, what a kill in between leaves."""

import asyncio
import json
import os
import signal
import socket
import sqlite3
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from eth_account.messages import encode_defunct
from msgspec.structs import replace

from ledger.chain.rpc import Rpc, to_hex
from ledger.chain.sender import Sender
from ledger.client import Client as Participant
from ledger.client import Refused
from ledger.crypto.seal import PrivateKey
from ledger.domain.market import Kind
from ledger.domain.siwe import Message
from tests.integration.api.market import BUYER, CLASSIFICATION, PASSPHRASE, PLAN
from tests.integration.api.test_grants import registration
from tests.integration.api.test_on_chain import Exchange, exchange  # noqa: F401 - a fixture

QUOTA = 2


class Metered:
    """A licence of two uses, and who holds it."""

    def __init__(self, market: Exchange, licence: int, buyer: Participant) -> None:
        self.exchange, self.licence, self.buyer = market, licence, buyer
        self.registered = b""

    async def _register(self, key: PrivateKey) -> None:
        body = registration(self.exchange.market, BUYER, key, time.time_ns() // 1000)
        await self.buyer.service.json("PUT", "/v1/encryption-keys", body)

    async def ask(self, key: PrivateKey, once: str | None = None, purpose: str = "use") -> dict[str, Any]:
        """Raises Refused."""
        if self.registered != key.public:
            self.registered = key.public
            await self._register(key)
        answer: dict[str, Any] = await self.buyer.service.json(
            "POST",
            f"/v1/licences/{self.licence}/grants",
            {"public_key": to_hex(key.public), "purpose": purpose},
            headers={"Idempotency-Key": once} if once else None,
        )
        return answer

    async def refused(self, once: str | None = None, key: PrivateKey | None = None) -> tuple[str, str]:
        with pytest.raises(Refused) as refused:
            await self.ask(key or PrivateKey.generate(), once)
        return refused.value.code, refused.value.extra.get("reason", "")

    async def used(self) -> int:
        return (await self.buyer.licence(self.licence)).licence.used

    def records(self) -> list[tuple[Any, ...]]:
        with sqlite3.connect(self.exchange.folder / "socai.sqlite") as connection:
            rows = connection.execute("SELECT denial, use FROM grants ORDER BY rowid").fetchall()
        connection.close()
        return rows


@pytest.fixture
async def metered(exchange: Exchange, tmp_path: Path) -> AsyncIterator[Metered]:  # noqa: F811
    plan = replace(PLAN, quota=QUOTA)
    file = tmp_path / "rows.csv"
    file.write_bytes(b"row\n" * 1000)
    async with exchange.acting("seller") as seller:
        published = await seller.publish(
            file, metadata={"a": "b"}, media_type="text/csv", classification=CLASSIFICATION, plans=[plan]
        )
    async with exchange.acting("reviewer") as reviewer:
        for kind in (Kind.LEGAL, Kind.SECURITY, Kind.QUALITY):
            await reviewer.attest(published.listing, 1, kind, b"\x03" * 32)
    async with exchange.acting("buyer") as buyer:
        bought = await buyer.buy(published.plans[0])
        await buyer.service.sign_in(buyer.account)
        yield Metered(exchange, bought.licence, buyer)


async def test_R05_each_release_is_counted_until_the_quota_is_spent(metered: Metered, tmp_path: Path) -> None:
    for used in range(1, QUOTA + 1):
        await metered.buyer.fetch(metered.licence, tmp_path / f"got-{used}")
        assert (tmp_path / f"got-{used}").read_bytes() == b"row\n" * 1000
        assert await metered.used() == used
    assert await metered.refused() == ("denied", "QuotaSpent")
    assert await metered.refused("never-asked-before") == ("denied", "QuotaSpent")
    assert await metered.used() == QUOTA
    assert [denial for denial, _ in metered.records()] == [None] * QUOTA + ["denied"] * 2


async def test_R05_the_same_question_with_the_same_idempotency_key_is_one_use(metered: Metered) -> None:
    key = PrivateKey.generate()
    await metered.ask(key, "first")
    await metered.ask(key, "first")
    assert await metered.used() == 1
    await metered.ask(key, "second")
    again = await metered.ask(key, "second")  # after the last use, and that one was this
    assert again["version"] == 1
    assert await metered.used() == QUOTA
    for other in ({"once": "third"}, {"once": "second", "key": PrivateKey.generate()}):
        assert await metered.refused(**{"key": key} | other) == ("denied", "QuotaSpent")  # type: ignore[arg-type]
    assert len({use for denial, use in metered.records() if denial is None}) == QUOTA

    async with metered.exchange.acting("supervisor") as supervisor:
        await supervisor.suspend(BUYER.address, int(time.time()) + 3600, b"\x05" * 32)
    assert await metered.refused("second", key) == ("denied", "HolderIneligible")


async def test_R05_of_concurrent_releases_of_the_last_use_one_gets_the_key(metered: Metered) -> None:
    key = PrivateKey.generate()
    await metered.ask(key)
    async with Rpc(metered.exchange.market.deployed.url) as rpc:
        await rpc.request("evm_setAutomine", [False])
        node, send = metered.exchange.node, "eth_sendRawTransaction"
        before = node.asked[send]
        simulated = node.held[send] = asyncio.Event()  # all pass the simulation before one is sent
        asking = [asyncio.create_task(metered.ask(key)) for _ in range(4)]
        while int((await rpc.request("txpool_status"))["pending"], 16) < 4:
            done, _ = await asyncio.wait(asking, timeout=0.02, return_when=asyncio.FIRST_COMPLETED)
            assert not done, [task.exception() or task.result() for task in done]  # not mined, so no key
            if node.asked[send] - before >= 4:
                simulated.set()
        await rpc.request("evm_setAutomine", [True])
        await rpc.request("evm_mine")
    outcomes = await asyncio.gather(*asking, return_exceptions=True)
    refused = [outcome for outcome in outcomes if isinstance(outcome, Refused)]
    assert [(error.code, error.extra["reason"]) for error in refused] == [
        ("use-refused", "Licences_QuotaExceeded")
    ] * 3
    assert await metered.used() == QUOTA
    assert sorted(str(denial) for denial, _ in metered.records()) == ["None"] * 2 + ["use-refused"] * 3


async def test_R23_nothing_is_released_once_erasure_was_asked_for(metered: Metered) -> None:
    key = PrivateKey.generate()
    node, send = metered.exchange.node, "eth_sendRawTransaction"
    before, sent = node.asked[send], asyncio.Event()
    node.held[send] = sent
    asking = asyncio.create_task(metered.ask(key))  # decided, and waits for its use to be counted
    while node.asked[send] == before:  # noqa: ASYNC110
        await asyncio.sleep(0.02)
    try:
        listings = metered.buyer.contracts.listings
        root = (await metered.buyer.read(listings.version(metered.licence >> 48, 1))).root
        async with metered.exchange.acting("seller") as seller:
            await seller.service.sign_in(seller.account)
            await seller.service.json(
                "POST", "/v1/erasures", {"root": to_hex(root), "reason": "consent-withdrawn"}
            )
    finally:
        sent.set()
    with pytest.raises(Refused) as refused:
        await asking
    assert refused.value.code == "payload-withdrawn"
    assert [denial for denial, _ in metered.records()] == ["payload-withdrawn"]


async def test_threat_S05_a_use_that_is_not_mined_in_time_releases_no_key(
    metered: Metered, monkeypatch: pytest.MonkeyPatch
) -> None:
    send = Sender.send

    async def impatient(self: Sender, key: str, call: Any, timeout: float) -> Any:  # noqa: ASYNC109
        assert timeout == 20
        return await send(self, key, call, timeout=0.5)

    monkeypatch.setattr(Sender, "send", impatient)
    key = PrivateKey.generate()
    async with Rpc(metered.exchange.market.deployed.url) as rpc:
        await rpc.request("evm_setAutomine", [False])
        assert (await metered.refused("once", key))[0] == "use-uncounted"
        await rpc.request("evm_setAutomine", [True])
        await rpc.request("evm_mine")
    await metered.ask(key, "once")
    assert await metered.used() == 1
    (lost, use), (given, same) = metered.records()
    assert (lost, given, use) == ("use-uncounted", None, same)


async def test_threat_S05_a_custodian_that_may_not_count_releases_no_key(metered: Metered) -> None:
    custodian = (await metered.buyer.service.json("GET", "/v1/exchange"))["custodian"]
    async with metered.exchange.acting("supervisor") as supervisor:
        await supervisor.suspend(custodian, int(time.time()) + 3600, b"\x05" * 32)
    assert await metered.refused() == ("use-refused", "Participants_Ineligible")
    assert await metered.used() == 0
    assert [denial for denial, _ in metered.records()] == ["use-refused"]


@asynccontextmanager
async def process(market: Exchange, *arguments: str) -> AsyncIterator[tuple[Any, str]]:
    """The service as a process of its own over the same folder, and where it answers."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    environment = {
        "SOCAI_DATA": str(market.folder),
        "SOCAI_RPC_URL": market.market.deployed.url,
        "SOCAI_PASSPHRASE": PASSPHRASE,
        "SOCAI_PORT": str(port),
    }
    running = await asyncio.create_subprocess_exec(
        *(sys.executable, *(arguments or ("-m", "api"))),
        env=os.environ | environment,
        cwd=Path(__file__).parents[3],
        stderr=asyncio.subprocess.DEVNULL,
    )
    url = f"http://127.0.0.1:{port}"
    try:
        async with aiohttp.ClientSession() as http:
            for _ in range(300):
                try:
                    async with http.get(f"{url}/v1/health"):
                        break
                except aiohttp.ClientError:
                    await asyncio.sleep(0.1)
        yield running, url
    finally:
        if running.returncode is None:
            running.terminate()
        await running.wait()


DIES = """
import os, signal
from ledger.chain import uses
count = uses.ChainUses.count
async def dies(self, licence, use):
    await count(self, licence, use)
    os.kill(os.getpid(), signal.SIGKILL)
uses.ChainUses.count = dies
from api.__main__ import main
main()
"""


async def test_R13_killed_between_the_count_and_the_release_the_key_can_be_asked_again(
    metered: Metered,
) -> None:
    key = PrivateKey.generate()
    await metered.ask(key)
    headers = {"Idempotency-Key": "once"}
    body = {"public_key": to_hex(key.public), "purpose": "use"}
    path = f"/v1/licences/{metered.licence}/grants"
    async with process(metered.exchange, "-c", DIES) as (running, url), aiohttp.ClientSession() as http:
        headers["Authorization"] = f"Bearer {await token(http, url)}"
        with pytest.raises(aiohttp.ClientError):
            await http.post(url + path, json=body, headers=headers)
        assert await running.wait() == -signal.SIGKILL
    assert await metered.used() == QUOTA
    async with process(metered.exchange) as (_, url), aiohttp.ClientSession() as http:
        async with http.post(url + path, json=body, headers=headers) as answer:
            assert answer.status == 201, await answer.text()
        async with http.post(url + path, json=body, headers=headers | {"Idempotency-Key": "two"}) as answer:
            assert (answer.status, (await answer.json())["reason"]) == (403, "QuotaSpent")
    assert await metered.used() == QUOTA


async def token(http: aiohttp.ClientSession, url: str) -> str:
    async with http.get(f"{url}/v1/auth/nonce") as answer:
        challenge = await answer.json()
    challenge.pop("version")
    message = str(Message(address=BUYER.address, **challenge))
    signature = BUYER.sign_message(encode_defunct(text=message)).signature
    async with http.post(
        f"{url}/v1/auth/verify", json={"message": message, "signature": "0x" + signature.hex()}
    ) as answer:
        return str(json.loads(await answer.text())["token"])
