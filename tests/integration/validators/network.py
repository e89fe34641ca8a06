"""Several nodes of a real client, `@ethereumjs/client`, each with its own state, database and peers.

What decides which block is next is not theirs but this driver's: in turn, one builds a block over the Engine
API, all that are up and reachable check and execute it, and with three of four it is final. It stands in for
consensus, and for nothing else: gossip, execution, storage, loss and return of nodes are the client's. A node
that was away gets the blocks that it missed from the driver.
"""

import asyncio
import contextlib
import json
import signal
import socket
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Self

from ledger.chain.rpc import Params, Rpc, RpcError

CHAIN_ID: Final = 84086
NODE: Final = Path(__file__).with_name("node.mjs")
NOBODY: Final = "0x" + "00" * 20
BLOCK_SECONDS: Final = 0.5


def genesis(alloc: dict[str, str]) -> dict[str, Any]:
    """Merged and at the contracts' fork since block 0, with a base fee of zero."""
    forks = (
        "homestead",
        "eip150",
        "eip155",
        "eip158",
        "byzantium",
        "constantinople",
        "petersburg",
        "istanbul",
    )
    zero = f"0x{bytes(32).hex()}"
    return {
        "config": {
            "chainId": CHAIN_ID,
            **{f"{fork}Block": 0 for fork in (*forks, "berlin", "london")},
            "terminalTotalDifficulty": 0,
            "terminalTotalDifficultyPassed": True,
            "shanghaiTime": 0,
            "cancunTime": 0,
            "blobSchedule": {"cancun": {"target": 3, "max": 6, "baseFeeUpdateFraction": 3338477}},
        },
        "nonce": "0x0",
        "timestamp": hex(int(time.time())),
        "extraData": "0x",
        "gasLimit": hex(200_000_000),
        "difficulty": "0x0",
        "baseFeePerGas": "0x0",
        "mixHash": zero,
        "parentHash": zero,
        "coinbase": NOBODY,
        "alloc": {account: {"balance": balance} for account, balance in alloc.items()},
    }


@dataclass
class Node:
    """One process. `frozen`: it neither hears nor says anything."""

    folder: Path
    p2p: int
    rpc_port: int
    engine_port: int
    process: asyncio.subprocess.Process | None = None
    frozen: bool = False
    height: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.rpc_port}"

    @property
    def up(self) -> bool:
        return self.process is not None and self.process.returncode is None

    async def start(self) -> None:
        arguments = {
            "gethGenesis": self.folder.parent / "genesis.json",
            "dataDir": self.folder,
            "port": self.p2p,
            "extIP": "127.0.0.1",
            "rpc": "true",
            "rpcPort": self.rpc_port,
            "rpcAddr": "127.0.0.1",
            "rpcEngine": "true",
            "rpcEnginePort": self.engine_port,
            "rpcEngineAddr": "127.0.0.1",
            "rpcEngineAuth": "false",
            "discDns": "false",
            "discV4": "false",
            "logLevel": "warn",
            "logFile": "false",
            "saveReceipts": "true",
        }
        given = [f"--{name}={value}" for name, value in arguments.items()]
        with (self.folder / "log").open("ab") as log:
            self.process = await asyncio.create_subprocess_exec(
                *("node", str(NODE), *given), cwd=self.folder, stdout=log, stderr=log, start_new_session=True
            )
        async with Rpc(self.url) as rpc:
            for _ in range(600):
                with contextlib.suppress(RpcError):
                    await rpc.request("eth_blockNumber")
                    return
                if not self.up:
                    break
                await asyncio.sleep(0.1)
        raise AssertionError((self.folder / "log").read_text()[-2000:])

    async def kill(self) -> None:
        if self.process is not None and self.up:
            self.process.kill()
            await self.process.wait()

    def freeze(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGSTOP)
        self.frozen = True

    def thaw(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGCONT)
        self.frozen = False


@dataclass
class Network:
    folder: Path
    nodes: list[Node] = field(default_factory=list)
    payloads: list[dict[str, Any]] = field(default_factory=list)
    genesis_hash: str = ""

    @classmethod
    async def open(cls, folder: Path, alloc: dict[str, str], count: int = 4) -> Self:
        (folder / "genesis.json").write_text(json.dumps(genesis(alloc)))
        ports = _ports(3 * count)
        network = cls(folder)
        for number in range(count):
            (folder / str(number)).mkdir()
            network.nodes.append(Node(folder / str(number), *ports[3 * number : 3 * number + 3]))
        await asyncio.gather(*(node.start() for node in network.nodes))
        async with Rpc(network.nodes[0].url) as rpc:
            network.genesis_hash = (await rpc.request("eth_getBlockByNumber", ["0x0", False]))["hash"]
        await network.connect()
        return network

    async def close(self) -> None:
        await asyncio.gather(*(node.kill() for node in self.nodes))

    async def connect(self) -> None:
        """Makes peers of all that are up."""
        for node in filter(lambda node: node.up, self.nodes):
            async with Rpc(node.url) as rpc:
                for other in self.nodes:
                    if other is not node and other.up:
                        at = {"address": "127.0.0.1", "tcpPort": other.p2p, "udpPort": other.p2p}
                        with contextlib.suppress(RpcError):
                            await rpc.request("admin_addPeer", [at])

    @property
    def quorum(self) -> int:
        return -(-2 * len(self.nodes) // 3)

    @property
    def head(self) -> str:
        return self.payloads[-1]["blockHash"] if self.payloads else self.genesis_hash

    async def drive(self) -> None:
        """Blocks, until cancelled; none without a quorum."""
        turn = 0
        while True:
            started = time.monotonic()
            with contextlib.suppress(RpcError, TimeoutError):
                await self.block(turn)
            turn += 1
            await asyncio.sleep(max(0.05, BLOCK_SECONDS - (time.monotonic() - started)))

    async def block(self, turn: int) -> None:
        ready = [node for node in self.nodes if node.up and not node.frozen]
        await asyncio.gather(*(self._catch_up(node) for node in ready), return_exceptions=True)
        ready = [node for node in ready if node.height == len(self.payloads)]
        if len(ready) < self.quorum:
            return
        payload = await self._build(ready[turn % len(ready)])
        answers = await asyncio.gather(*(_take(node, payload) for node in ready), return_exceptions=True)
        agreed = [node for node, answer in zip(ready, answers, strict=True) if answer is True]
        if len(agreed) < self.quorum:
            return
        self.payloads.append(payload)
        await asyncio.gather(*(self._choose(node) for node in agreed), return_exceptions=True)

    async def _build(self, node: Node) -> dict[str, Any]:
        before = int(self.payloads[-1]["timestamp"], 16) if self.payloads else 0
        attributes = {
            "timestamp": hex(max(int(time.time()), before + 1)),
            "prevRandao": f"0x{bytes(32).hex()}",
            "suggestedFeeRecipient": NOBODY,
            "withdrawals": [],
            "parentBeaconBlockRoot": f"0x{bytes(32).hex()}",
        }
        answer = await _engine(node, "engine_forkchoiceUpdatedV3", self._state(), attributes)
        await asyncio.sleep(0.2)
        built = await _engine(node, "engine_getPayloadV3", answer["payloadId"])
        found: dict[str, Any] = built["executionPayload"]
        return found

    def _state(self) -> dict[str, str]:
        return dict.fromkeys(("headBlockHash", "safeBlockHash", "finalizedBlockHash"), self.head)

    async def _choose(self, node: Node) -> None:
        await _engine(node, "engine_forkchoiceUpdatedV3", self._state(), None)
        node.height = len(self.payloads)

    async def _catch_up(self, node: Node) -> None:
        if node.height == len(self.payloads):
            return
        while node.height < len(self.payloads):
            if not await _take(node, self.payloads[node.height]):
                return
            node.height += 1
        await self._choose(node)


async def _take(node: Node, payload: dict[str, Any]) -> bool:
    answer = await _engine(node, "engine_newPayloadV3", payload, [], f"0x{bytes(32).hex()}")
    return bool(answer["status"] == "VALID")


async def _engine(node: Node, method: str, *params: Any) -> Any:
    async with Rpc(f"http://127.0.0.1:{node.engine_port}", timeout=10) as rpc:
        return await rpc.request(method, params)


def _ports(count: int) -> list[int]:
    with contextlib.ExitStack() as stack:
        probes = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
        return [probe.getsockname()[1] for probe in probes]


class Client(Rpc):
    """What this client lacks: it takes no block's hash where a number will do (EIP-1898), and of a filter no
    topic but the first."""

    def __init__(self, url: str) -> None:
        super().__init__(url, timeout=30)
        self._numbers: dict[str, str] = {}

    async def request(self, method: str, params: Params = ()) -> Any:
        found = await super().request(method, await self._translated(method, params))
        if method != "eth_getLogs":
            return found
        wanted = params[0].get("topics", [])
        return [log for log in found if _fits(log["topics"], wanted)]

    async def outcomes(self, calls: Sequence[tuple[str, Params]]) -> list[Any]:
        return await super().outcomes([(name, await self._translated(name, given)) for name, given in calls])

    async def _translated(self, method: str, params: Params) -> Params:
        if method == "eth_getBlockReceipts":
            return [await self._number(one) if len(one) == 66 else one for one in params]
        return [await self._number(one["blockHash"]) if _by_hash(one) else one for one in params]

    async def _number(self, block_hash: str) -> str:
        if block_hash not in self._numbers:
            block = await super().request("eth_getBlockByHash", [block_hash, False])
            self._numbers[block_hash] = block["number"]
        return self._numbers[block_hash]


def _by_hash(parameter: Any) -> bool:
    return isinstance(parameter, dict) and set(parameter) <= {"blockHash", "requireCanonical"}


def _fits(topics: list[str], wanted: list[Any]) -> bool:
    return len(topics) >= len(wanted) and all(
        one is None or topic in (one if isinstance(one, list) else [one])
        for topic, one in zip(topics, wanted, strict=False)
    )
