"""The local chain: what it keeps, and how it starts, against real anvil processes."""

import asyncio
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from ledger.chain import devnet as module
from ledger.chain.devnet import (
    CHAIN_ID,
    AnvilMissing,
    Devnet,
    DevnetBusy,
    DevnetError,
    dev_accounts,
    find_anvil,
)
from ledger.chain.rpc import NodeError, Rpc, from_quantity
from tests.e2e.conftest import free_port


def value_of(name: str) -> str:
    return dev_accounts()[name].address


async def pay(rpc: Rpc, times: int = 1) -> dict[str, Any]:
    """Sends 1 wei from buyer to seller, at fee zero, a block each; the newest block."""
    for _ in range(times):
        sent = await rpc.request(
            "eth_sendTransaction",
            [
                {
                    "from": value_of("buyer"),
                    "to": value_of("seller"),
                    "value": "0x1",
                    "gas": "0x5208",
                    "maxFeePerGas": "0x0",
                    "maxPriorityFeePerGas": "0x0",
                }
            ],
        )
        while await rpc.request("eth_getTransactionReceipt", [sent]) is None:  # noqa: ASYNC110
            await asyncio.sleep(0.005)
    return await block(rpc, "latest")


async def block(rpc: Rpc, tag: str) -> dict[str, Any]:
    found: dict[str, Any] = await rpc.request("eth_getBlockByNumber", [tag, False])
    return found


async def received(rpc: Rpc, at: str = "latest") -> int:
    return from_quantity(await rpc.request("eth_getBalance", [value_of("seller"), at])) - 10_000 * 10**18


def alive(pid: int) -> bool:
    stat = Path(f"/proc/{pid}/stat")
    return stat.exists() and stat.read_text().rpartition(")")[2].split()[0] != "Z"


async def test_restart_keeps_state_and_genesis_hash(tmp_path: Path) -> None:
    async with Devnet(tmp_path, port=18600) as chain, Rpc(chain.url) as rpc:
        genesis = await block(rpc, "0x0")
        head = await pay(rpc, 5)
        middle = await rpc.request("eth_getProof", [value_of("seller"), [], "0x3"])
    await asyncio.sleep(1.1)  # a genesis made anew would have another second
    async with Devnet(tmp_path, port=18600) as chain, Rpc(chain.url) as rpc:
        assert (await block(rpc, "0x0"))["hash"] == genesis["hash"]
        assert (await block(rpc, "latest"))["hash"] == head["hash"]
        assert [await received(rpc, hex(number)) for number in range(1, 6)] == [1, 2, 3, 4, 5]
        assert await rpc.request("eth_getProof", [value_of("seller"), [], "0x3"]) == middle
        after = await pay(rpc)
        assert (after["number"], after["parentHash"]) == ("0x6", head["hash"])
    for _ in range(3):  # what anvil dumps once restored is another thing than what it dumps at first
        await asyncio.sleep(1.1)
        async with Devnet(tmp_path, port=18600) as chain, Rpc(chain.url) as rpc:
            assert (await block(rpc, "0x0"))["hash"] == genesis["hash"]
            assert (await block(rpc, "0x1"))["parentHash"] == genesis["hash"]
            assert await received(rpc, "0x4") == 4


async def test_two_folders_are_two_chains(tmp_path: Path) -> None:
    first = Devnet(tmp_path / "a", port=18600, genesis_time=1_800_000_000)
    second = Devnet(tmp_path / "b", port=18600, genesis_time=1_800_000_001)
    async with first, second, Rpc(first.url) as one, Rpc(second.url) as other:
        assert first.url != second.url
        assert (await block(one, "0x0"))["hash"] != (await block(other, "0x0"))["hash"]
        assert from_quantity((await block(one, "0x0"))["timestamp"]) == 1_800_000_000


async def test_threat_S17_anvil_killed_keeps_what_was_saved(tmp_path: Path) -> None:
    async with Devnet(tmp_path, port=18600) as chain, Rpc(chain.url) as rpc:
        genesis = await block(rpc, "0x0")
        await pay(rpc, 3)
    chain = Devnet(tmp_path, port=18600)
    await chain.start()
    async with Rpc(chain.url) as rpc:
        await pay(rpc, 3)
        await asyncio.sleep(1)
        os.kill(chain.pid, signal.SIGKILL)
        assert await chain.wait() == -signal.SIGKILL
    with pytest.raises(DevnetError, match="ended by itself"):
        await chain.stop()
    async with Devnet(tmp_path, port=18600) as chain, Rpc(chain.url) as rpc:
        assert (await block(rpc, "0x0"))["hash"] == genesis["hash"]
        assert await rpc.request("eth_blockNumber") == "0x6"
        assert await received(rpc) == 6
        assert [await received(rpc, hex(number)) for number in (1, 2)] == [1, 2]
        with pytest.raises(NodeError):  # its state is not in the file: said, not guessed
            await received(rpc, "0x4")
        assert (await pay(rpc))["number"] == "0x7"


async def test_threat_S17_killed_at_once_keeps_the_genesis_hash(tmp_path: Path) -> None:
    chain = Devnet(tmp_path, port=18600)
    await chain.start()
    async with Rpc(chain.url) as rpc:
        genesis = await block(rpc, "0x0")
    os.kill(chain.pid, signal.SIGKILL)
    with pytest.raises(DevnetError, match="ended by itself"):
        await chain.stop()
    await asyncio.sleep(1.1)
    async with Devnet(tmp_path, port=18600) as chain, Rpc(chain.url) as rpc:
        assert (await block(rpc, "0x0"))["hash"] == genesis["hash"]


async def test_threat_S17_killed_while_saving_keeps_the_older_state(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with Devnet(tmp_path, port=18600) as chain, Rpc(chain.url) as rpc:
        await pay(rpc, 2)

    class Killed(BaseException):
        pass

    def torn(file: int) -> None:
        os.ftruncate(file, 100)
        raise Killed

    monkeypatch.setattr(module.os, "fsync", torn)
    with pytest.raises(Killed):
        module._write_state(tmp_path, "0x" + __import__("gzip").compress(b"{}" * 1000).hex(), whole=False)
    monkeypatch.undo()
    async with Devnet(tmp_path, port=18600) as chain, Rpc(chain.url) as rpc:
        assert await received(rpc) == 2
        assert await received(rpc, "0x1") == 1


@contextlib.asynccontextmanager
async def owner(folder: Path) -> AsyncIterator[tuple[subprocess.Popen[str], str, int]]:
    """Another process that runs the folder's chain and does not save by itself; url and anvil's pid."""
    program = (
        "import asyncio, sys, pathlib\n"
        "from ledger.chain.devnet import Devnet\n"
        "async def main():\n"
        "    async with Devnet(pathlib.Path(sys.argv[1]), port=18600, save_every=3600) as chain:\n"
        "        print(chain.url, chain.pid, flush=True)\n"
        "        await asyncio.sleep(60)\n"
        "asyncio.run(main())\n"
    )
    process = subprocess.Popen(  # noqa: ASYNC220
        [sys.executable, "-c", program, str(folder)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    )
    with process:
        assert process.stdout is not None
        url, pid = (await asyncio.to_thread(process.stdout.readline)).split()
        yield process, url, int(pid)
        process.kill()


async def test_threat_S17_owner_killed_loses_nothing(tmp_path: Path) -> None:
    async with owner(tmp_path) as (process, url, pid), Rpc(url) as rpc:
        genesis = await block(rpc, "0x0")
        with pytest.raises(DevnetBusy, match=url):
            await Devnet(tmp_path, port=18600).start()
        process.kill()
        await asyncio.to_thread(process.wait)
        assert alive(pid)
        head = await pay(rpc, 4)
    async with Devnet(tmp_path, port=18600) as chain, Rpc(chain.url) as rpc:
        assert not alive(pid)
        assert (await block(rpc, "0x0"))["hash"] == genesis["hash"]
        assert (await block(rpc, "latest"))["hash"] == head["hash"]
        assert await received(rpc, "0x2") == 2


async def test_ctrl_c_stops_all_and_loses_nothing(tmp_path: Path) -> None:
    async with owner(tmp_path) as (process, url, pid), Rpc(url) as rpc:
        head = await pay(rpc, 4)
        os.killpg(process.pid, signal.SIGINT)  # what a terminal does
        await asyncio.to_thread(process.wait, 60)
        assert not alive(pid)
    async with Devnet(tmp_path, port=18600) as chain, Rpc(chain.url) as rpc:
        assert (await block(rpc, "latest"))["hash"] == head["hash"]
        assert await received(rpc, "0x2") == 2


async def test_of_two_that_take_one_port_each_has_its_own_chain(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = iter([True, True])  # the second looked before the first had the port
    monkeypatch.setattr(module, "_is_free", lambda _: next(looks, False))
    async with Devnet(tmp_path / "a", port=free_port()) as first, Rpc(first.url) as rpc:
        head = await pay(rpc)
        async with Devnet(tmp_path / "b", port=int(first.url.rpartition(":")[2])) as second:
            assert second.url != first.url
            assert second.pid != first.pid
            async with Rpc(second.url) as other:
                assert (await block(other, "latest"))["number"] == "0x0"
        assert await block(rpc, "latest") == head


async def test_stop_ends_anvil_and_frees_the_folder(tmp_path: Path) -> None:
    chain = Devnet(tmp_path, port=18600)
    await chain.start()
    pid = chain.pid
    await chain.stop()
    assert not alive(pid)
    await chain.stop()  # nothing more to do
    await chain.start()
    await chain.stop()


async def test_a_taken_port_is_left_alone(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        async with Devnet(tmp_path, port=port) as chain, Rpc(chain.url) as rpc:
            assert chain.url != f"http://127.0.0.1:{port}"
            assert from_quantity(await rpc.request("eth_chainId")) == CHAIN_ID


async def test_missing_binary_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(AnvilMissing, match="scripts/setup"):
        find_anvil(tmp_path)
    on_path = tmp_path / "anvil"
    on_path.write_text("#!/bin/sh\n")
    on_path.chmod(0o755)
    assert find_anvil(tmp_path) == on_path
    assert "node_modules" in str(find_anvil())


async def test_a_state_that_does_not_load_is_said(tmp_path: Path) -> None:
    (tmp_path / "state.json").write_text('{"block":')
    with pytest.raises(DevnetError, match="failed to parse json"):
        await Devnet(tmp_path, port=18600).start()
    async with Devnet(tmp_path / "other", port=18600):  # and the failed one left nothing behind
        pass


async def test_gas_is_free(rpc: Rpc) -> None:
    assert await rpc.request("eth_gasPrice") == "0x0"
    before = from_quantity(await rpc.request("eth_getBalance", [value_of("buyer"), "latest"]))
    head = await pay(rpc)
    (transaction,) = head["transactions"]
    receipt = await rpc.request("eth_getTransactionReceipt", [transaction])
    assert (receipt["status"], receipt["effectiveGasPrice"], head["baseFeePerGas"]) == ("0x1", "0x0", "0x0")
    assert from_quantity(await rpc.request("eth_getBalance", [value_of("buyer"), "latest"])) == before - 1


async def test_blocks_at_an_interval() -> None:
    async with Devnet(port=18600, interval=1) as chain, Rpc(chain.url) as rpc:
        await asyncio.sleep(2.5)
        assert 1 <= from_quantity(await rpc.request("eth_blockNumber")) <= 3


async def test_a_quiet_chain_has_a_heartbeat_and_mines_a_transaction_at_once(tmp_path: Path) -> None:
    async with Devnet(tmp_path, port=18600, heartbeat=1.5) as chain, Rpc(chain.url) as rpc:
        await asyncio.sleep(5)
        quiet = await block(rpc, "latest")
        assert 2 <= from_quantity(quiet["number"]) <= 3
        assert abs(from_quantity(quiet["timestamp"]) - time.time()) < 4
        started = time.monotonic()
        head = await pay(rpc)
        assert time.monotonic() - started < 0.7
        assert len(head["transactions"]) == 1
        last = await block(rpc, "latest")
    async with Devnet(tmp_path, port=18600) as chain, Rpc(chain.url) as rpc:
        assert from_quantity((await block(rpc, "latest"))["number"]) - from_quantity(last["number"]) in (0, 1)
        assert (await block(rpc, last["number"]))["hash"] == last["hash"]
        still = await block(rpc, "latest")
        await asyncio.sleep(2)
        assert await block(rpc, "latest") == still


async def test_time_goes_on_and_never_back(tmp_path: Path) -> None:
    async with Devnet(tmp_path, port=18600, genesis_time=1_700_000_000) as chain, Rpc(chain.url) as rpc:
        now = from_quantity((await pay(rpc))["timestamp"])
        assert abs(now - time.time()) < 5
        await rpc.request("evm_increaseTime", [86_400])
        ahead = from_quantity((await pay(rpc))["timestamp"])
        assert ahead - now >= 86_400
    async with Devnet(tmp_path, port=18600, genesis_time=1_700_000_000) as chain, Rpc(chain.url) as rpc:
        again = from_quantity((await pay(rpc))["timestamp"])
        assert ahead < again < ahead + 5


async def test_history_is_bounded_and_older_state_refused(tmp_path: Path) -> None:
    async with Devnet(tmp_path, port=18600, history=8) as chain, Rpc(chain.url) as rpc:
        await pay(rpc, 20)
        assert await received(rpc, "0xf") == 15
        with pytest.raises(NodeError, match="BlockOutOfRange"):
            await received(rpc, "0x2")
        assert len(json.dumps(await block(rpc, "0x2"))) > 100  # blocks are all kept


async def test_dev_accounts_are_those_of_the_chain(rpc: Rpc) -> None:
    addresses = [account.address.lower() for account in dev_accounts().values()]
    assert await rpc.request("eth_accounts") == addresses
    assert "ac0974be" not in repr(dev_accounts()["operator"])


async def test_another_genesis_is_refused(tmp_path: Path) -> None:
    async with Devnet(tmp_path, port=18600, genesis_time=1_700_000_000):
        pass
    kept = tmp_path / "genesis.json"
    kept.write_text(kept.read_text().replace("1700000000", "1700000001"))
    (tmp_path / "state.json").unlink()
    with pytest.raises(DevnetError, match="Remove the folder"):
        await Devnet(tmp_path, port=18600).start()
