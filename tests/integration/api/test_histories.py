"""Random histories of listing, sale, revocation and erasure through the API, against real anvil and a model.

Few in a test run, always the same; many, and other ones, with SOCAI_HISTORIES=200.
"""

import asyncio
import os
from collections.abc import Coroutine
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    rule,
    run_state_machine_as_test,
)

from ledger.crypto.seal import GrantContext, PrivateKey, open_sealed
from ledger.crypto.stream import decrypt
from tests.integration.api.conftest import Client, Clock
from tests.integration.api.dataset import Dataset
from tests.integration.api.market import OUTSIDER, SELLER, Market, account
from tests.integration.api.test_grants import asking, holder

T = TypeVar("T")
HISTORIES: Final = int(os.environ.get("SOCAI_HISTORIES", "0"))
STEPS: Final = 12
DAY: Final = 24 * 3600


@dataclass
class Sale:
    """What the model knows of a dataset: its licences, and which of them are revoked; `asked_by` is who asked
    for its erasure, None when nobody has."""

    dataset: Dataset
    listing: int
    plan: int
    licences: dict[int, bool] = field(default_factory=dict)
    withdrawn: bool = False
    asked_by: str | None = None
    erased: bool = False

    @property
    def erasure(self) -> str:
        return f"/v1/erasures/0x{self.dataset.root.hex()}"


@dataclass
class World:
    """The exchange, and who acts there."""

    loop: asyncio.AbstractEventLoop
    anybody: Client
    people: dict[str, Client]
    market: Market
    clock: Clock
    key: PrivateKey

    def do(self, work: Coroutine[Any, Any, T]) -> T:
        """Hypothesis runs in a thread of its own."""
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(60)


class History(RuleBasedStateMachine):
    """After each act, all that it may have changed is looked at."""

    world: World
    sales = Bundle("sales")
    who = st.sampled_from(["seller", "supervisor"])

    def __init__(self) -> None:
        super().__init__()
        self.all: list[Sale] = []

    @initialize(target=sales)
    def begin(self) -> Sale:
        sale = self.publish(b"row\n" * 100)
        self.buy(sale)
        return sale

    @rule(target=sales, content=st.binary(min_size=1, max_size=2000))
    def publish(self, content: bytes) -> Sale:
        async def work() -> Sale:
            dataset, market = await Dataset.deposited(self.world.people["seller"], content), self.world.market
            deposit, size = dataset.context.deposit_id, len(dataset.ciphertext)
            listed = await market.publish(market.signed_for(dataset.root, size, deposit))
            return Sale(dataset, listed.id, listed.plans[0])

        self.all.append(self.world.do(work()))
        return self.all[-1]

    @rule(sale=sales)
    def buy(self, sale: Sale) -> None:
        if not sale.withdrawn and len(sale.licences) < 3:  # the chain's refusals are tested elsewhere
            sale.licences[self.world.do(self.world.market.buy(sale.plan))] = False
            self.look(sale)

    @rule(sale=sales)
    def revoke(self, sale: Sale) -> None:
        if good := [licence for licence, revoked in sale.licences.items() if not revoked]:
            self.world.do(self.world.market.revoke(good[0]))
            sale.licences[good[0]] = True
            self.look(sale)

    @rule(sale=sales)
    def withdraw(self, sale: Sale) -> None:
        if not sale.withdrawn:
            market = self.world.market
            call = market.contracts.listings.withdraw_version(sale.listing, 1, b"\x07" * 32)
            self.world.do(market.send("seller", call))
            sale.withdrawn = True
            self.look(sale)

    @rule(sale=sales, who=who)
    def ask_for_erasure(self, sale: Sale, who: str) -> None:
        body = {"root": f"0x{sale.dataset.root.hex()}", "reason": f"asked-by-{who}"}
        status, info = self.world.do(self.world.people[who].call("POST", "/v1/erasures", json=body))
        if sale.asked_by is None or (who == "supervisor" and not sale.erased):
            sale.asked_by = who
        assert (status, info["asked_by"]) == (202, account(sale.asked_by).address)
        self.look(sale)

    @rule(sale=sales, who=who)
    def take_erasure_back(self, sale: Sale, who: str) -> None:
        status, _ = self.world.do(self.world.people[who].call("DELETE", sale.erasure))
        if sale.asked_by is None:
            assert status == 404
        elif sale.asked_by != who:
            assert status == 403
        elif sale.erased:
            assert status == 409
        else:
            assert status == 204
            sale.asked_by = None
        self.look(sale)

    @rule()
    def a_day_passes(self) -> None:
        self.world.clock.ahead = DAY + 1
        try:
            self.world.do(self.world.anybody.services.erasures.carry_out())
        finally:
            self.world.clock.ahead = 0
        for sale in self.all:
            sale.erased = sale.asked_by is not None
            self.look(sale)

    def look(self, sale: Sale) -> None:
        """What was sold stays on record, anybody sees how far the erasure is, and who may have the key has
        it."""
        self.world.do(self._look(sale))

    async def _look(self, sale: Sale) -> None:
        world = self.world
        _, shown = await world.anybody.call("GET", f"/v1/listings/{sale.listing}/versions/1")
        assert shown["version"]["root"] == f"0x{sale.dataset.root.hex()}"
        assert shown["version"]["withdrawn"] is sale.withdrawn
        status, erasure = await world.anybody.call("GET", sale.erasure)
        assert status == (404 if sale.asked_by is None else 200)
        assert status == 404 or (erasure["erased_at"] is not None) is sale.erased
        for licence, revoked in sale.licences.items():
            path, asked = f"/v1/licences/{licence}/grants", asking(world.key)
            status, refused = await world.people["outsider"].call("POST", path, json=asked)
            assert (status, refused["reason"]) == (403, "NotHolder")
            status, grant = await world.people["buyer"].call("POST", path, json=asked)
            if revoked or sale.withdrawn:
                assert (status, grant["reason"]) == (403, "Revoked" if revoked else "VersionWithdrawn")
            elif sale.asked_by is not None:
                assert (status, grant["code"]) == (410, "payload-withdrawn")
            else:
                assert status == 201, grant
                assert self._opened(sale, licence, grant) == sale.dataset.plaintext

    def _opened(self, sale: Sale, licence: int, grant: dict[str, Any]) -> bytes:
        manifest, block_hash = self.world.market.manifest, bytes.fromhex(grant["block_hash"][2:])
        contract = bytes.fromhex(manifest.address("Licences")[2:])
        context = GrantContext(manifest.chain_id, contract, licence, 1, block_hash, "download")
        data_key = open_sealed(bytes.fromhex(grant["sealed_key"][2:]), self.world.key, context)
        encrypted = bytes.fromhex(grant["context"][2:])
        return b"".join(decrypt(data_key, encrypted, [sale.dataset.ciphertext], size=grant["size"]))


async def test_R13_R22_R23_R33_random_histories_end_as_the_model_says(
    client: Client, clock: Clock, market: Market
) -> None:
    key = PrivateKey.generate()
    people = {
        "seller": await client.sign_in(SELLER),
        "supervisor": await client.sign_in(account("supervisor")),
        "outsider": await client.sign_in(OUTSIDER),
        "buyer": await holder(client, market, key),
    }
    History.world = World(asyncio.get_running_loop(), client, people, market, clock, key)
    chosen = settings(
        max_examples=HISTORIES or 3,
        stateful_step_count=STEPS,
        derandomize=not HISTORIES,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    await asyncio.to_thread(run_state_machine_as_test, History, settings=chosen)
