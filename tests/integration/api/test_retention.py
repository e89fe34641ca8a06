"""Records go when their time is over, and the log says that they did."""

import json

from api.settings import Settings
from ledger.domain.retention import YEAR
from tests.integration.api.conftest import ON_BOTH, Client, Clock, query
from tests.integration.api.market import Market, account
from tests.integration.api.test_access_log import checkpoint, entries, use
from tests.integration.api.test_grants import Sold, sold

__all__ = ["sold"]


@ON_BOTH
async def test_R30_answers_and_inquiries_are_kept_for_ten_years(
    client: Client, sold: Sold, settings: Settings, clock: Clock, market: Market
) -> None:
    await use(client, sold)
    supervisor = await client.sign_in(account("supervisor"))
    assert (await supervisor.call("GET", "/v1/history/entries"))[0] == 200
    retention, before = client.services.retention, (await checkpoint(client)).size

    def kept() -> list[int]:
        return [query(settings, f"select count(*) from {table}")[0][0] for table in ("grants", "inquiries")]  # noqa: S608

    async def later(seconds: int) -> None:
        """By the chain's clock."""
        await market.rpc.request("evm_setNextBlockTimestamp", [int(clock()) - clock.ahead + seconds])
        await market.rpc.request("evm_mine")

    clock.ahead = 20 * YEAR
    assert (await retention.forget(), kept()) == (0, [2, 1])  # our clock is wrong: the chain says so
    await later(10 * YEAR - 60)
    assert (await retention.forget(), kept()) == (0, [2, 1])
    await later(10 * YEAR + 60)
    clock.ahead = 0
    assert (await retention.forget(), kept()) == (0, [2, 1])  # and the other way about
    clock.ahead = 20 * YEAR
    assert (await retention.forget(), kept()) == (3, [0, 0])
    assert await retention.forget() == 0
    found = await checkpoint(client)
    assert found.size == before + 1
    last = json.loads((await entries(client, found.size))[-1])
    assert (last["kind"], last["at"] - last["before"]) == ("retention", 10 * YEAR)
