"""Purchases per second through the whole stack, against what the chain alone can: scripts/bench purchases

BUYERS buy at once, with the client that people have: it looks at the terms, signs a permit for the price,
writes its intent down, sends, waits for the receipt; and the service indexes what was bought. The chain
alone: as many purchases of the same plan, signed before, sent a hundred at a time. Taking turns.
"""

import asyncio
import statistics
import sys
import time
from contextlib import AsyncExitStack
from typing import Any, Final

import aiohttp
from eth_account import Account
from eth_account.signers.local import LocalAccount
from msgspec.structs import replace

from ledger.chain.abi import Call
from ledger.chain.devnet import CHAIN_ID
from ledger.chain.rpc import to_hex
from ledger.client import Client
from ledger.domain.market import Role
from tests.bench.figures import Figure, show
from tests.bench.service import Running, serving
from tests.integration.api.market import DAY, GAS, PLAN, Market

BUYERS: Final = 8
ROUNDS: Final = 3
PRICE: Final = 1000
AT_ONCE: Final = 100


async def figures(each: int = 10) -> list[Figure]:
    whole, chain = list[float](), list[float]()
    async with serving() as running, AsyncExitStack() as stack:
        market = running.market
        plan = await _listed(market)
        accounts = [await _accredited(market, (2 * ROUNDS + 1) * each * PRICE) for _ in range(BUYERS)]
        buyers = [
            await stack.enter_async_context(
                Client.open(
                    service_url=running.url,
                    rpc_url=market.deployed.url,
                    manifest=market.manifest,
                    account=account,
                    folder=running.folder / "clients",
                )
            )
            for account in accounts
        ]
        count = BUYERS * each
        for _ in range(ROUNDS):
            whole.append(count / await _through(running, buyers, plan, each))
            chain.append(count / await _alone(market, accounts, plan, each))
    rate, ceiling = statistics.median(whole), statistics.median(chain)
    return [
        Figure(
            name=f"purchases, whole stack, {BUYERS} buyers",
            value=rate,
            unit="1/s",
            reference="chain alone",
            ratio=rate / ceiling,
        ),
        Figure(name="purchases, chain alone", value=ceiling, unit="1/s"),
    ]


async def _listed(market: Market) -> int:
    """A plan that costs something."""
    draft = market.signed_for(b"\x01" * 32, 1000, b"\x02" * 32)
    return (await market.publish(draft, [replace(PLAN, price=PRICE)])).plans[0]


async def _accredited(market: Market, money: int) -> LocalAccount:
    account: LocalAccount = Account.create()
    participants, until = market.contracts.participants, int(time.time()) + DAY
    await market.send(
        "operator", participants.accredit(account.address, Role.BUYER, b"VN", False, until, b"\x01" * 32)
    )
    await market.send("operator", market.contracts.token.mint(account.address, money))
    return account


async def _through(running: Running, buyers: list[Client], plan: int, each: int) -> float:
    """Seconds until all is bought and indexed."""
    started = time.perf_counter()

    async def buy(buyer: Client) -> None:
        for _ in range(each):
            await buyer.buy(plan, 1, again=True)

    await asyncio.gather(*map(buy, buyers))
    head, _ = await running.market.head()
    async with aiohttp.ClientSession() as http:
        while True:
            async with http.get(f"{running.url}/v1/health") as response:
                if (await response.json())["index_block"] >= head:
                    return time.perf_counter() - started
            await asyncio.sleep(0.01)


async def _alone(market: Market, accounts: list[LocalAccount], plan: int, each: int) -> float:
    """Seconds until all is mined."""
    exchange, signed = market.contracts.exchange, list[str]()
    nonces = {}
    for account in accounts:
        asked = [account.address, "latest"]
        nonces[account] = int(await market.rpc.request("eth_getTransactionCount", asked), 16)
        held = await market.read(market.contracts.licences.balance_of(account.address))
        approve = market.contracts.token.approve(exchange.address, each * PRICE)
        calls = [approve, *(exchange.buy(plan, 1, held + n) for n in range(each))]
        signed += [_signed(account, nonces[account] + at, call) for at, call in enumerate(calls)]
    started = time.perf_counter()
    for first in range(0, len(signed), AT_ONCE):
        await market.rpc.batch([("eth_sendRawTransaction", [raw]) for raw in signed[first : first + AT_ONCE]])
    async with asyncio.timeout(120):
        for account, nonce in nonces.items():
            while True:
                asked = [account.address, "latest"]
                if int(await market.rpc.request("eth_getTransactionCount", asked), 16) == nonce + each + 1:
                    break
                await asyncio.sleep(0.002)
    return time.perf_counter() - started


def _signed(account: LocalAccount, nonce: int, call: Call[Any]) -> str:
    transaction = {
        "to": call.to,
        "data": call.data,
        "gas": GAS // 10,
        "nonce": nonce,
        "chainId": CHAIN_ID,
        "gasPrice": 0,
        "value": 0,
    }
    return to_hex(bytes(account.sign_transaction(transaction).raw_transaction))


if __name__ == "__main__":
    show(asyncio.run(figures(*map(int, sys.argv[1:]))))
