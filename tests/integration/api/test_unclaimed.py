"""Deposits that no listing claims are thrown away, and never one that still can be."""

import asyncio
import time
from typing import Any

import pytest

from api.settings import Settings
from ledger.domain.entitlement import Undecidable
from ledger.keys import CustodyUnavailable
from ledger.keys.shares import KeyErased
from tests.integration.api.conftest import ON_BOTH, Client, Clock, query
from tests.integration.api.dataset import Dataset
from tests.integration.api.market import SELLER, Market
from tests.integration.api.test_grants import selling
from tests.integration.node import Node

pytestmark = ON_BOTH

DAY = 24 * 3600


async def later(market: Market, clock: Clock, seconds: int) -> None:
    """The chain's clock and the service's."""
    clock.ahead = seconds
    await market.rpc.request("anvil_setTime", [int(time.time()) + seconds])
    await market.rpc.request("evm_mine")


def held(settings: Settings) -> set[bytes]:
    return {row[0] for row in query(settings, "SELECT id FROM deposits")}


async def test_R13_what_nobody_can_claim_any_more_goes_and_what_is_claimed_stays(
    client: Client, clock: Clock, market: Market, settings: Settings
) -> None:
    seller = await client.sign_in(SELLER)
    claimed, unclaimed = await Dataset.deposited(seller), await Dataset.deposited(seller)
    await selling(market, claimed)
    collect = client.services.unclaimed.collect
    for seconds in (0, 8 * 3600, 6 * DAY):  # the receipt runs a day, the grace seven
        await later(market, clock, seconds)
        assert await collect() == 0
    await later(market, clock, 7 * DAY + 60)
    assert [await collect() for _ in range(2)] == [1, 0]
    assert held(settings) == {claimed.context.deposit_id}
    for path in ("", "/leaves"):
        status, _ = await client.call("GET", f"/v1/payloads/0x{unclaimed.root.hex()}{path}")
        assert status == 404
    seller = await client.sign_in(SELLER)
    assert (await unclaimed.complete(seller))[1]["code"] == "deposit-unknown"
    with pytest.raises(KeyErased):
        await client.services.unclaimed.keys.open(b"", unclaimed.context)
    assert (await client.call("GET", f"/v1/payloads/0x{claimed.root.hex()}/proof/0"))[0] == 200


async def test_a_fresh_receipt_keeps_a_deposit(
    client: Client, clock: Clock, market: Market, settings: Settings
) -> None:
    dataset = await Dataset.deposited(await client.sign_in(SELLER))
    await later(market, clock, 8 * DAY)
    seller = await client.sign_in(SELLER)
    outcomes = await asyncio.gather(
        client.services.unclaimed.collect(), *(dataset.complete(seller) for _ in range(4))
    )
    signed = [answer for answer in outcomes[1:] if answer[0] == 200]
    assert bool(signed) is (held(settings) == {dataset.context.deposit_id})
    if signed:  # and it can be used
        assert await client.services.unclaimed.collect() == 0


async def test_killed_midway_the_next_run_goes_on(
    client: Client, clock: Clock, market: Market, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset = await Dataset.deposited(await client.sign_in(SELLER))
    await later(market, clock, 8 * DAY)
    unclaimed = client.services.unclaimed

    async def dies(_: Any) -> None:
        raise CustodyUnavailable("killed")

    with monkeypatch.context() as patch:
        patch.setattr(type(unclaimed.keys), "erase", lambda _self, deposit: dies(deposit))
        with pytest.raises(CustodyUnavailable):
            await unclaimed.collect()
    seller = await client.sign_in(SELLER)
    assert (await dataset.complete(seller))[1]["code"] == "deposit-unknown"  # given up for good
    assert (await client.call("GET", f"/v1/payloads/0x{dataset.root.hex()}"))[0] == 404
    results = await asyncio.gather(*(unclaimed.collect() for _ in range(3)))
    assert sum(results) >= 1
    assert held(settings) == set()
    assert not [one async for one in unclaimed.objects.list()]


async def test_threat_S14_without_an_answer_of_the_chain_nothing_goes(
    client: Client, clock: Clock, market: Market, settings: Settings, node: Node
) -> None:
    await Dataset.deposited(await client.sign_in(SELLER))
    await later(market, clock, 8 * DAY)
    node.down = True
    with pytest.raises(Undecidable):
        await client.services.unclaimed.collect()
    assert len(held(settings)) == 1
