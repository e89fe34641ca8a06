"""Events as they become final: none left out, none twice, also for who was away."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from typing import Any

import pytest

from ledger.services import live
from ledger.services.live import TooManySubscribers
from tests.integration.api.conftest import ON_BOTH, Client, indexed
from tests.integration.api.market import PLAN, Listed, Market, account

Event = dict[str, Any]


@asynccontextmanager
async def listening(client: Client, path: str, last: str | None = None) -> AsyncIterator[Any]:
    """A function that gives the next event."""
    headers = {} if last is None else {"Last-Event-ID": last}
    async with client.request("GET", path, headers=headers) as response:
        assert response.status == 200
        assert response.content_type == "text/event-stream"
        assert await response.content.readline() == b":\n"

        async def following() -> Event:
            event: Event = {}
            while True:
                line = (await response.content.readline()).decode().rstrip("\n")
                name, _, value = line.partition(": ")
                if name in ("id", "event", "data"):
                    event[name] = json.loads(value) if name == "data" else value
                elif not line and event:
                    return event

        yield lambda: asyncio.wait_for(following(), 30)


async def sale(market: Market, nonce: int) -> tuple[Listed, int]:
    listed = await market.publish(market.signed_for(bytes([nonce]) * 32, 1000, bytes([nonce]) * 32), [PLAN])
    return listed, await market.buy(listed.plans[0])


async def test_R03_a_supervisor_is_told_every_entry_and_goes_on_where_they_were(
    client: Client, market: Market
) -> None:
    supervisor = await client.sign_in(account("supervisor"))
    await indexed(client, market)
    async with listening(supervisor, "/v1/history/stream") as following:
        listed, licence = await sale(market, 1)
        told = [await following()]
        while told[-1]["data"]["event"] != "Purchased":
            told.append(await following())
    await market.revoke(licence)
    await indexed(client, market)
    _, page = await supervisor.call("GET", "/v1/history/entries?order=oldest&limit=200")
    first = next(at for at, entry in enumerate(page["items"]) if entry["listing"] == listed.id)
    expected = page["items"][first:]
    async with listening(supervisor, "/v1/history/stream", told[-1]["id"]) as following:
        while len(told) < len(expected):
            told.append(await following())
    assert [event["data"] for event in told] == expected
    assert [event["id"] for event in told] == [f"{e['block_number']}-{e['log_index']}" for e in expected]


@ON_BOTH
async def test_R10_anybody_is_told_blocks_and_the_listings_they_changed(
    client: Client, market: Market
) -> None:
    await indexed(client, market)
    before, _ = await market.head()
    listed, _ = await sale(market, 2)
    last, block_hash = await market.head()
    async with listening(client, "/v1/events", str(before)) as following:
        told: list[Event] = []
        while not told or told[-1].get("id") != str(last):
            told.append(await following())
    blocks = [event for event in told if event["event"] == "block"]
    assert [int(event["id"]) for event in blocks] == list(range(before + 1, last + 1))
    assert blocks[-1]["data"]["block_hash"] == f"0x{block_hash.hex()}"
    changed = [event["data"] for event in told if event["event"] == "listing"]
    assert {event["listing"] for event in changed} == {str(listed.id)}
    assert {"listing": str(listed.id), "block_number": last} in changed


async def test_threat_S13_subscribers_are_bounded_and_do_not_crowd_out_overseers(
    client: Client, market: Market, monkeypatch: pytest.MonkeyPatch
) -> None:
    await indexed(client, market)
    streams = client.services.live
    with ExitStack() as held:
        for _ in range(live.ANYBODY):
            held.enter_context(streams.subscribed(live.ANYBODY))
        with pytest.raises(TooManySubscribers):
            held.enter_context(streams.subscribed(live.ANYBODY))
        status, problem = await client.call("GET", "/v1/events")
        assert (status, problem["code"]) == (503, "subscribers")
        with streams.subscribed(live.OVERSEERS):
            pass
    monkeypatch.setattr(live, "HEARTBEAT", 0.0)
    supervisor = await client.sign_in(account("supervisor"))
    async with supervisor.request("GET", "/v1/history/stream") as response:
        assert [await response.content.readline() for _ in range(3)] == [b":\n", b"\n", b":\n"]
        streams.stopping = True
        await asyncio.wait_for(response.content.read(), 10)
