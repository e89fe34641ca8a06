"""The bank payments of a day, for the provider and for overseers."""

from datetime import date, timedelta

from msgspec.structs import replace

from tests.integration.api.conftest import Client, indexed
from tests.integration.api.market import PLAN, Market, account


async def test_R27_a_days_payments_and_what_became_of_them(client: Client, market: Market) -> None:
    plan = replace(PLAN, price=1_000_003)
    listed = await market.publish(market.signed_for(b"\x01" * 32, 1000, b"\x02" * 32), [plan])
    references = b"\x71" * 32, b"\x72" * 32
    first, second = [await market.buy_at_bank(listed.plans[0], plan.price, one) for one in references]
    await market.send("buyer", market.contracts.exchange.confirm(first))
    await indexed(client, market)
    supervisor, provider = [await client.sign_in(account(name)) for name in ("supervisor", "provider")]
    _, page = await supervisor.call("GET", f"/v1/history/entries?reference=0x{references[0].hex()}")
    (used,) = page["items"]
    assert used["event"] == "PaymentUsed"
    found = []
    for caller in (provider, supervisor):
        for day in _around(used["block_time"][:10]):
            status, answer = await caller.call("GET", f"/v1/reconciliations/{day}")
            assert (status, answer["exceptions"]) == (200, [])
            found += answer["payments"]
    assert found[: len(found) // 2] == found[len(found) // 2 :]
    told = {one["reference"]: one for one in found}
    assert sorted(told) == [f"0x{one.hex()}" for one in references]
    settled, still_open = (told[f"0x{one.hex()}"] for one in references)
    assert (settled["order"], settled["licence"]) == ("settled", str(first))
    assert settled["confirmed"] == settled["allocated"] == settled["amount"] == "1000003"
    assert (still_open["order"], still_open["licence"]) == ("open", str(second))
    assert still_open["allocated"] == "0"
    buyer = await client.sign_in(account("buyer"))
    assert (await buyer.call("GET", "/v1/reconciliations/2026-11-22"))[1]["code"] == "not-overseer"
    other = f"/v1/reconciliations/2026-11-22?provider={account('buyer').address}"
    assert (await provider.call("GET", other))[1]["code"] == "not-overseer"
    assert (await supervisor.call("GET", other))[1]["payments"] == []


def _around(day: str) -> list[str]:
    """The day and the next: it is later in Việt Nam."""
    return [day, (date.fromisoformat(day) + timedelta(days=1)).isoformat()]
