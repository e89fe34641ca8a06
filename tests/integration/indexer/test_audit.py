"""An audit of a busy market: nothing to find on an honest node, and every lie of another one found."""

import socket
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from ledger.chain.devnet import Devnet
from ledger.chain.rpc import Rpc
from ledger.chain.trust import trust_file
from ledger.indexer.audit import Report, audit
from ledger.proofs import trust
from ledger.proofs.trust import Development
from tests.integration.indexer.market import Market, found

pytestmark = pytest.mark.asyncio(loop_scope="module")
Logs = list[dict[str, Any]]


class Liar(Rpc):
    """A node whose logs are tampered with."""

    tamper: Callable[[Logs], Logs] = staticmethod(lambda logs: logs)

    async def request(self, method: str, params: Any = ()) -> Any:
        answer = await super().request(method, params)
        return self.tamper(answer) if method == "eth_getLogs" else answer


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def market(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Market]:
    folder: Path = tmp_path_factory.mktemp("market")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = int(taken.getsockname()[1])
    async with Devnet(port=port, history=None) as devnet, Liar(devnet.url, timeout=60) as rpc:
        market = await found(rpc, 4, folder)
        await market.run(80)
        yield market


async def report(market: Market, tamper: Callable[[Logs], Logs] = lambda logs: logs) -> Report:
    assert isinstance(market.rpc, Liar)
    believed = trust.read(trust_file(market.manifest, Development(), None))
    market.rpc.tamper = tamper  # type: ignore[method-assign]
    try:
        return await audit(market.rpc, market.manifest, believed, market.head)
    finally:
        market.rpc.tamper = lambda logs: logs  # type: ignore[method-assign]


async def test_R03_an_honest_history_has_no_findings(market: Market) -> None:
    made = await report(market)
    assert made.findings == ()
    assert made.journals == market.state.journals
    assert made.to_json()["licences"] == len(market.state.licences) > 3


async def test_R03_every_omission_is_found(market: Market) -> None:
    exchange = market.at("Exchange").lower()
    logs = await market.rpc.request("eth_getLogs", [{"fromBlock": "0x0", "address": exchange}])
    for at in (0, len(logs) // 2, len(logs) - 1):
        gone = (logs[at]["blockHash"], logs[at]["logIndex"])
        made = await report(
            market, lambda found, gone=gone: [x for x in found if (x["blockHash"], x["logIndex"]) != gone]
        )
        assert any(finding.code in ("journal", "replay") for finding in made.findings)
        assert any("Exchange" in finding.message for finding in made.findings)


async def test_R03_every_alteration_is_found(market: Market) -> None:
    exchange = market.at("Exchange").lower()

    def more_money(found: Logs) -> Logs:
        altered = [dict(log) for log in found]
        log = next(log for log in reversed(altered) if log["address"] == exchange and len(log["data"]) >= 130)
        log["data"] = log["data"][:-1] + ("1" if log["data"][-1] == "0" else "0")
        return altered

    def twice(found: Logs) -> Logs:
        last = dict(found[-1])
        last["logIndex"] = hex(int(last["logIndex"], 16) + 1)
        return [*found, last]

    for tamper in (more_money, twice, lambda found: [], lambda found: found[::-1]):
        made = await report(market, tamper)
        assert made.findings, tamper
