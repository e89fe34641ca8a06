"""How much a decision costs beyond the one call that it needs. p50 of calls taken in turns, one at a time."""

import json
import os
import socket
import statistics
import time
from collections.abc import Awaitable, Callable

import uvloop

from ledger.chain.bindings import Licences
from ledger.chain.entitlements import ChainEntitlements
from ledger.chain.finality import Instant
from ledger.chain.rpc import Rpc, at_block, to_hex
from tests.bench.service import serving

ROUNDS = 100
TURNS = 5


class Http:
    """The floor: a keep-alive socket, a request, an answer."""

    def __init__(self, url: str) -> None:
        host, _, port = url.removeprefix("http://").partition(":")
        self._socket = socket.create_connection((host, int(port)))
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def ask(self, method: str, path: str, body: bytes = b"") -> bytes:
        head = f"{method} {path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        self._socket.sendall(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
        got = b""
        while b"\r\n\r\n" not in got:
            got += self._socket.recv(65536)
        head_got, _, rest = got.partition(b"\r\n\r\n")
        assert b" 200 " in head_got.split(b"\r\n")[0], head_got
        length = int(head_got.lower().split(b"content-length:")[1].split(b"\r\n")[0])
        while len(rest) < length:
            rest += self._socket.recv(65536)
        return rest


async def main() -> None:
    async with serving() as running:
        market = running.market
        listed = await market.publish(market.signed_for(b"\x01" * 32, 1000, b"\x02" * 32))
        licence = await market.buy(listed.plans[0])
        at = market.manifest.address("Licences")
        _, block_hash = await market.head()
        node, service = Http(market.deployed.url), Http(running.url)

        def account() -> bytes:
            return os.urandom(20)

        async def bare() -> None:
            call = Licences(at).entitlement(licence, f"0x{account().hex()}")
            params = [{"to": call.to, "data": to_hex(call.data)}, at_block(block_hash)]
            question = {"jsonrpc": "2.0", "id": 1, "method": "eth_call", "params": params}
            answer = json.loads(node.ask("POST", "/", json.dumps(question).encode()))
            assert "result" in answer

        async with Rpc(market.deployed.url) as rpc:
            entitlements = ChainEntitlements([rpc], Instant(), at)
            holder = account()

            async def decided() -> None:
                await entitlements.decide(licence, account())

            async def kept() -> None:
                await entitlements.decide(licence, holder)

            async def empty() -> None:
                service.ask("GET", "/v1/problems/denied")

            async def over_http() -> None:
                service.ask("GET", f"/v1/licences/{licence}/entitlement?account=0x{account().hex()}")

            kinds: dict[str, Callable[[], Awaitable[None]]] = {
                "bare eth_call": bare,
                "decision": decided,
                "decision, kept": kept,
                "empty route": empty,
                "decision over HTTP": over_http,
            }
            took: dict[str, list[float]] = {name: [] for name in kinds}
            for round_ in range(ROUNDS):
                for name, ask in kinds.items():
                    for _ in range(TURNS):
                        since = time.perf_counter()
                        await ask()
                        if round_ >= ROUNDS // 10:
                            took[name].append(time.perf_counter() - since)
    p50 = {name: statistics.median(times) * 1e6 for name, times in took.items()}
    for name, micros in p50.items():
        print(f"{name:22} p50 {micros:8.0f} µs")  # noqa: T201
    print(f"decision / bare call                       {p50['decision'] / p50['bare eth_call']:.2f}")  # noqa: T201
    both = p50["empty route"] + p50["bare eth_call"]
    print(f"over HTTP / (empty route + bare call)      {p50['decision over HTTP'] / both:.2f}")  # noqa: T201


if __name__ == "__main__":
    uvloop.run(main())
