"""Uploads and purchases, killed at random points behind a node that fails: nothing lost, nothing doubled.

Each run prints its seed and its counts. Many rounds, with a new seed: scripts/soak 50
"""

import asyncio
import hashlib
import json
import multiprocessing
import os
import secrets
import socket
import sqlite3
import time
from collections import Counter
from contextlib import suppress
from multiprocessing.process import BaseProcess
from pathlib import Path
from random import Random
from typing import Any, Final

import aiohttp
from aiohttp import web

from api.settings import Settings
from ledger.chain.devnet import dev_accounts
from tests.integration.api.market import PASSPHRASE, Market
from tests.integration.api.soak import act, serve
from tests.integration.api.test_backup import socai
from tests.integration.node import Forward, Node

ROUNDS: Final = int(os.environ.get("SOCAI_SOAK", "0"))
SEED: Final = int(os.environ.get("SOCAI_SEED", "0")) or (secrets.randbits(32) if ROUNDS else 20261122)
SHARE: Final = 0.05
"""Of the answers of the node."""
KILLS: Final = 2
"""Most for one thing that a participant does."""
ATTEMPTS: Final = 12
SIZE: Final = 3 << 20
SENT: Final = "killed once it was sent"
MINED: Final = "killed before it heard that it was mined"
PROCESSES: Final = multiprocessing.get_context("forkserver")


class Soak:
    """`seen` counts what went wrong, on purpose."""

    def __init__(self, market: Market, node: Node, folder: Path, random: Random) -> None:
        self.market, self.node, self.folder, self.random = market, node, folder, random
        self.seen = Counter[str]()
        self.failing = True
        self.answered = {moment: asyncio.Event() for moment in (SENT, MINED)}
        self.killing_at: str | None = None
        self.took = dict.fromkeys(("publish", "buy", "fetch"), 1.5)
        """Seconds, when nothing was killed."""
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.service: BaseProcess | None = None

    async def fault(self, forward: Forward) -> Any:
        if self.killing_at == MINED:
            return await self._before_it_is_told(forward)
        if not self.failing or self.random.random() > SHARE:
            return await forward()
        kind = self.random.choice(["dropped", "unanswered", "twice", "busy", "late"])
        self.seen[kind] += 1
        if kind == "dropped":
            raise ConnectionError
        if kind == "busy":
            return web.Response(status=503)
        if kind == "late":
            await asyncio.sleep(self.random.random() / 4)
        answers = await forward()
        if kind == "unanswered":
            raise ConnectionError
        return await forward() if kind == "twice" else answers

    async def serving(self) -> None:
        """Returns once the service answers; starts it as often as that takes."""
        environment = {
            "SOCAI_DATA": str(self.folder),
            "SOCAI_PASSPHRASE": PASSPHRASE,
            "SOCAI_RPC_URL": self.node.url,
            "SOCAI_PORT": str(self.port),
        }
        async with aiohttp.ClientSession() as http, asyncio.timeout(120):
            while True:
                if self.service is None or not self.service.is_alive():
                    self.seen["service started"] += 1
                    self.service = PROCESSES.Process(target=serve, args=(environment, self.folder / "log"))
                    self.service.start()
                try:
                    async with http.get(f"{self.url}/v1/exchange") as answer:
                        if answer.status == 200:
                            return
                except aiohttp.ClientError:
                    pass
                await asyncio.sleep(0.02)

    async def stop(self) -> None:
        if self.service is not None:
            await _kill(self.service)

    async def do(self, name: str, step: str, argument: Any) -> dict[str, Any]:
        """As often as it takes, like a person who starts the command again."""
        done = self.folder / f"{name}-{step}-{secrets.token_hex(4)}.json"
        for attempt in range(ATTEMPTS):
            await self.serving()
            self.failing = attempt < ATTEMPTS // 2
            urls = (self.url, self.node.url)
            client = PROCESSES.Process(target=act, args=(name, urls, self.folder, step, argument, done))
            client.start()
            begun, killing = time.monotonic(), attempt < KILLS and self.random.random() < 0.8
            if killing:
                victim = await self._moment(step)
                self.seen[f"{victim} killed"] += 1
                killed = client if victim == "client" else self.service
                assert killed is not None
                await _kill(killed)
                self.killing_at = None
            await asyncio.to_thread(client.join, 120)
            if done.exists():
                self.took[step] = self.took[step] if killing else time.monotonic() - begun
                did: dict[str, Any] = json.loads(done.read_text())
                return did
            if (held := self._held_already(done)) is not None:
                return held
            self.seen["started again"] += 1
        raise AssertionError((step, done.with_suffix(".error").read_text(), dict(self.seen)))

    async def _moment(self, step: str) -> str:
        """Any time of a step; or when most can be lost or doubled: its transaction went out, or was mined.

        Who is to be killed.
        """
        self.killing_at = None if step == "fetch" else self.random.choice([None, *self.answered])
        if self.killing_at is None:
            await asyncio.sleep(self.random.random() * self.took[step])
        else:
            self.answered[self.killing_at].clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(4 * self.took[step]):
                    await self.answered[self.killing_at].wait()
                self.seen[self.killing_at] += 1
        return "client" if self.killing_at == MINED else self.random.choice(["client", "service"])

    async def _before_it_is_told(self, forward: Forward) -> Any:
        """The node's answer; one with a receipt comes too late for whoever is killed now."""
        answers = await forward()
        for answer in answers if isinstance(answers, list) else [answers]:
            if isinstance(answer.get("result"), dict) and "cumulativeGasUsed" in answer["result"]:
                self.answered[MINED].set()
                await asyncio.sleep(1)
        return answers

    def note(self, method: str, params: list[Any], result: Any) -> Any:
        """What the node answers, as it is."""
        if method == "eth_sendRawTransaction":
            self.answered[SENT].set()
        return result

    @staticmethod
    def _held_already(done: Path) -> dict[str, Any] | None:
        """Bought by a run that was killed before it could say so."""
        error = done.with_suffix(".error")
        said = error.read_text() if error.exists() else ""
        return {"licence": int(said.split("licence ")[1].split()[0])} if "AlreadyHeld" in said else None


async def _kill(process: BaseProcess) -> None:
    process.kill()
    await asyncio.to_thread(process.join)


async def test_R13_threat_S15_S17_killed_anywhere_nothing_is_lost_and_nothing_doubled(
    market: Market, node: Node, settings: Settings
) -> None:
    PROCESSES.set_forkserver_preload(["tests.integration.api.soak"])  # each would import for seconds
    rounds, started = ROUNDS or 1, time.monotonic()
    print(f"seed {SEED}")  # noqa: T201
    soak = Soak(market, node, settings.data, Random(SEED))  # noqa: S311
    buyer = dev_accounts()["buyer"].address
    prices = [1000 + number for number in range(rounds)]
    await market.send("operator", market.contracts.token.mint(buyer, sum(prices)))
    before = await counts(market)
    node.fault, node.alter = soak.fault, soak.note
    licences = set()
    try:
        for number, price in enumerate(prices):
            file, got = settings.data / f"rows-{number}.csv", settings.data / f"got-{number}.csv"
            content = soak.random.randbytes(SIZE)
            file.write_bytes(content)
            listed = await soak.do("seller", "publish", (file, price))
            await market.attest(listed["listing"])
            bought = await soak.do("buyer", "buy", listed["plan"])
            licences.add(bought["licence"])
            fetched = await soak.do("buyer", "fetch", (bought["licence"], got))
            assert fetched["sha256"] == hashlib.sha256(content).hexdigest()
            assert got.read_bytes() == content
        soak.failing = False
        await soak.serving()
        to = str(settings.data / "audit.json")
        code, said = await socai(settings, "--rpc", node.url, "--url", soak.url, "audit", "--to", to)
        assert code == 0, said
    finally:
        await soak.stop()
    after = await counts(market)
    changed = {name: after[name] - before[name] for name in after}
    print(f"seed {SEED}: {rounds} rounds in {time.monotonic() - started:.0f} s, {dict(soak.seen)}, {changed}")  # noqa: T201
    assert len(licences) == rounds
    assert changed == {
        "listings": rounds,
        "licences": rounds,
        "paid": sum(prices),
        "seller's transactions": rounds,
        "buyer's transactions": rounds,
    }
    with sqlite3.connect(settings.data / "socai.sqlite") as connection:
        (held,) = connection.execute("SELECT count(*) FROM payloads").fetchone()
    connection.close()
    assert held == rounds
    assert not list((settings.data / "clients" / "uploads").glob("*.json"))
    assert soak.seen["client killed"] + soak.seen["service killed"] > 0


async def counts(market: Market) -> dict[str, int]:
    seller, buyer = dev_accounts()["seller"].address, dev_accounts()["buyer"].address
    contracts = market.contracts
    sent = [
        int(await market.rpc.request("eth_getTransactionCount", [a, "latest"]), 16) for a in (seller, buyer)
    ]
    return {
        "listings": await market.read(contracts.listings.balance_of(seller)),
        "licences": await market.read(contracts.licences.balance_of(buyer)),
        "paid": -await market.read(contracts.token.balance_of(buyer)),
        "seller's transactions": sent[0],
        "buyer's transactions": sent[1],
    }
