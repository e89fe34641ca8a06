"""How much a decision costs beyond the one call that it needs, and the release of a key beyond the decision.

p50 of calls taken in turns, one at a time.
"""

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
from tests.bench.figures import Figure, show
from tests.bench.service import serving
from tests.bench.vault import sold
from tests.integration.api.market import BUYER
from tests.integration.api.sign_in import token

ROUNDS = 100
TURNS = 5


class Http:
    """The floor: a keep-alive socket, a request, an answer."""

    def __init__(self, url: str) -> None:
        host, _, port = url.removeprefix("http://").partition(":")
        self._socket = socket.create_connection((host, int(port)))
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def ask(self, method: str, path: str, body: bytes = b"", headers: str = "") -> bytes:
        head = f"{method} {path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n{headers}"
        self._socket.sendall(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
        got = b""
        while b"\r\n\r\n" not in got:
            got += self._socket.recv(65536)
        head_got, _, rest = got.partition(b"\r\n\r\n")
        assert b" 20" in head_got.split(b"\r\n")[0], head_got
        length = int(head_got.lower().split(b"content-length:")[1].split(b"\r\n")[0])
        while len(rest) < length:
            rest += self._socket.recv(65536)
        return rest


async def figures() -> list[Figure]:
    async with serving() as running:
        market = running.market
        (running.folder / "rows").write_bytes(b"some rows")
        licence, _ = await sold(running, running.folder, running.folder / "rows")
        async with market.acting("buyer", running.url, running.folder) as buyer:
            await buyer.service.sign_in(BUYER)
            public = to_hex((await buyer.keys.current()).public)
        bearer = f"Authorization: Bearer {await token(running.url, BUYER)}\r\n"
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

            async def granted() -> None:
                asked = json.dumps({"public_key": public, "purpose": "use"}).encode()
                once = f"{bearer}Idempotency-Key: {os.urandom(16).hex()}\r\n"
                service.ask("POST", f"/v1/licences/{licence}/grants", asked, once)

            kinds: dict[str, Callable[[], Awaitable[None]]] = {
                "bare eth_call": bare,
                "decision": decided,
                "decision, kept": kept,
                "empty route": empty,
                "decision over HTTP": over_http,
                "key grant": granted,
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
    both = p50["empty route"] + p50["bare eth_call"]

    def figure(name: str, reference: str, micros: float) -> Figure:
        ratio = p50[name] / micros
        return Figure(name=name, value=p50[name], unit="µs", reference=reference, ratio=ratio, less=True)

    return [
        figure("decision", "bare eth_call", p50["bare eth_call"]),
        figure("decision, kept", "bare eth_call", p50["bare eth_call"]),
        figure("decision over HTTP", "empty route + bare eth_call", both),
        figure("key grant", "decision over HTTP", p50["decision over HTTP"]),
    ]


if __name__ == "__main__":
    show(uvloop.run(figures()))
