"""The local chain: anvil as a subprocess, for development and tests only.

    async with Devnet(Path("var/chain")) as chain:
        … chain.url …

Chain id 84084 (84 is Việt Nam's telephone code; ethereum-lists/chains has no such chain), gas price zero,
the hardfork that foundry.toml compiles for. A new folder is a new chain with its own genesis hash; that of a
folder never changes.

What is kept. anvil writes its own `--state` file in place, so a kill can tear it, and it then refuses to
start. Here the state is asked for over RPC and replaces the old file atomically: about every quarter of a
second when there are new blocks, and whole (with the newest `history` historical states) at a clean stop.

    clean stop                      nothing is lost
    this process killed             nothing: anvil goes on, the next start takes its state over
    anvil or the machine killed     the blocks of the last quarter second or so, as if they had never been;
                                    of those from the last clean stop to there, only the historical states
"""

import asyncio
import contextlib
import fcntl
import gzip
import json
import logging
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import Any, Final, Self

from eth_account import Account
from eth_account.hdaccount import key_from_seed, seed_from_mnemonic

from ledger.chain.compiler import ROOT, hardfork
from ledger.chain.rpc import Rpc, RpcError, TransportError, from_quantity

log = logging.getLogger(__name__)

CHAIN_ID: Final = 84_084
PORT: Final = 8545
LISTENING: Final = "listening.json"
"""Written by anvil once the port is its own."""
HISTORY: Final = 256
"""Blocks back for which state and proofs are answered. Besu's Bonsai storage: 512."""

MNEMONIC: Final = "test test test test test test test test test test test junk"  # anvil's, known to everybody
ROLES: Final = (
    *("operator", "governor", "guardian", "seller", "buyer", "reviewer", "custodian", "provider", "arbiter"),
    *("supervisor", "treasury", "tax", "outsider", "seller2", "buyer2", "reviewer2"),
)


class DevnetError(Exception):
    """The local chain did not start or stop as it should."""


class AnvilMissing(DevnetError):
    """No anvil binary."""


class DevnetBusy(DevnetError):
    """Another process runs the chain of this folder."""


@dataclass(frozen=True, slots=True)
class DevAccount:
    """An account whose key everybody knows. Never to be used on a chain that matters."""

    name: str
    address: str
    key: bytes = field(repr=False)


@cache
def dev_accounts() -> Mapping[str, DevAccount]:
    """One account for each of ROLES, in order those of anvil's mnemonic. For the development profile only."""
    seed = seed_from_mnemonic(MNEMONIC, "")
    keys = {name: key_from_seed(seed, f"m/44'/60'/0'/0/{index}") for index, name in enumerate(ROLES)}
    return MappingProxyType(
        {name: DevAccount(name, Account.from_key(key).address, bytes(key)) for name, key in keys.items()}
    )


def find_anvil(root: Path = ROOT) -> Path:
    """The binary of the npm package, else the one on PATH. Raises AnvilMissing."""
    for binary in sorted((root / "node_modules/@foundry-rs").glob("anvil-*/bin/anvil")):
        return binary
    if found := shutil.which("anvil"):
        return Path(found)
    raise AnvilMissing("anvil is missing: run scripts/setup, or install Foundry (https://getfoundry.sh)")


class Devnet:
    """One chain. `folder` keeps it across restarts; without one it is gone when stopped.

    `port` is the wish: when taken, a free one is chosen, so ask `url`. `interval` is seconds between blocks,
    None for a block per transaction; `heartbeat` are the seconds of quiet after which there is one without.
    (anvil's own mixed mining cannot be switched on once the clock is set.) `history` is how many historical
    states are answered, None for all. `genesis_time` is the timestamp of a new chain's genesis, by default
    now.
    """

    def __init__(
        self,
        folder: Path | None = None,
        *,
        port: int = PORT,
        interval: int | None = None,
        heartbeat: float | None = None,
        history: int | None = HISTORY,
        genesis_time: int | None = None,
        save_every: float = 0.25,
        start_within: float = 30.0,
    ) -> None:
        self.folder = folder
        self._port = port
        self._interval = interval
        self._heartbeat = heartbeat
        self._history = history
        self._genesis_time = genesis_time
        self._save_every = save_every
        self._start_within = start_within
        self._stack = contextlib.ExitStack()
        self._process: subprocess.Popen[bytes] | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._saved: str | None = None
        self._saving = asyncio.Lock()
        self._stopping = asyncio.Event()

    @property
    def url(self) -> str:
        """Where it answers JSON-RPC."""
        return f"http://127.0.0.1:{self._port}"

    @property
    def pid(self) -> int:
        """anvil's process id. Raises DevnetError unless started."""
        if self._process is None:
            raise DevnetError("the local chain is not running")
        return self._process.pid

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    async def start(self) -> None:
        """Returns once it answers. Raises AnvilMissing, DevnetBusy, DevnetError."""
        binary = find_anvil()
        try:
            inherited = await self._own_folder() if self.folder else None
            await self._launch(binary, inherited)
            self._rpc = Rpc(self.url, timeout=60, limit=1 << 30)
            await self._check_genesis()
            await self._begin_mining()
            self._stopping.clear()
            if self._heartbeat is not None:
                self._tasks.append(asyncio.create_task(self._beat(self._heartbeat)))
            if self.folder:
                self._tasks.append(asyncio.create_task(self._keep_saving()))
        except BaseException:
            self._end_process()
            await self._close()
            raise

    async def stop(self) -> None:
        """Keeps the state and ends anvil. Raises DevnetError when it was gone already or cannot be saved."""
        if self._process is None:
            return
        self._stopping.set()
        while self._tasks:
            await self._tasks.pop()  # not cancelled: it may be writing
        try:
            if self.folder:
                await _save_last(self._rpc, self.folder)
        except RpcError as error:
            with contextlib.suppress(subprocess.TimeoutExpired):
                status = await asyncio.to_thread(self._process.wait, 1)
                raise DevnetError(
                    f"anvil had ended by itself, status {status}{self._last_words()}"
                ) from error
            raise DevnetError(f"the state could not be saved: {error}") from error
        finally:
            await asyncio.to_thread(self._end_process)
            await self._close()

    async def wait(self) -> int:
        """Returns anvil's exit status once it ended, by itself or by `stop`."""
        process = self._process
        return 0 if process is None else await asyncio.to_thread(process.wait)

    async def save(self) -> None:
        """Keeps the blocks so far, if there are new ones."""
        if self.folder is None:
            return
        async with self._saving:
            head = (await self._rpc.request("eth_getBlockByNumber", ["latest", False]))["hash"]
            if head != self._saved:
                dump = await self._rpc.request("anvil_dumpState", [False])
                await asyncio.to_thread(_write_state, self.folder, dump, whole=False)
                self._saved = head

    async def _own_folder(self) -> int:
        """Locks the folder and takes over what a killed owner left; gives the lock that anvil inherits."""
        assert self.folder is not None  # noqa: S101
        self.folder.mkdir(parents=True, exist_ok=True)
        owner = self._stack.enter_context((self.folder / "owner.lock").open("a"))
        if not _lock(owner.fileno()):
            raise DevnetBusy(
                f"the chain in {self.folder} is already running: {_running(self.folder).get('url')}"
            )
        inherited = self._stack.enter_context((self.folder / "anvil.lock").open("a"))
        if not _lock(inherited.fileno()):
            await _take_over(self.folder, inherited.fileno())
        return inherited.fileno()

    async def _launch(self, binary: Path, inherited: int | None) -> None:
        folder = self.folder or Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix="devnet-")))
        restored = _restore(folder)
        listening = folder / LISTENING
        self._genesis = _genesis(folder, self._genesis_time)
        deadline = time.monotonic() + self._start_within
        while True:
            if not _is_free(self._port):
                self._port = _free_port()
            listening.unlink(missing_ok=True)
            with (folder / "anvil.log").open("wb") as output:
                self._log = folder / "anvil.log"
                self._process = subprocess.Popen(  # noqa: ASYNC220, S603 (returns at once; own arguments)
                    [binary, *self._arguments(folder, restored)],
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=output,
                    pass_fds=[] if inherited is None else [inherited],
                    start_new_session=True,  # a terminal's Ctrl-C is for us, who save before anvil ends
                )
            if inherited is not None:
                (folder / "running.json").write_text(json.dumps({"pid": self.pid, "url": self.url}))
            async with Rpc(self.url, timeout=2) as rpc:
                while self._process.poll() is None:
                    with contextlib.suppress(TransportError):
                        if listening.exists():  # else who answers at this port is another's anvil
                            await rpc.request("eth_chainId")
                            return
                    if time.monotonic() > deadline:
                        raise DevnetError(
                            f"anvil did not answer within {self._start_within} s{self._last_words()}"
                        )
                    await asyncio.sleep(0.02)
            if "in use" not in self._last_words() or time.monotonic() > deadline:  # taken since we looked
                raise DevnetError(f"anvil ended with status {self._process.returncode}{self._last_words()}")

    def _arguments(self, folder: Path, restored: bool) -> list[str]:
        arguments = {
            "port": self._port,
            "chain-id": CHAIN_ID,
            "hardfork": hardfork(),
            "mnemonic": MNEMONIC,
            "accounts": len(ROLES),
            "gas-price": 0,
            "block-base-fee-per-gas": 0,
            "cache-path": folder / "anvil",
            "prune-history": self._history,
            "config-out": folder / LISTENING,
            # also when restored: anvil makes a genesis block first and dumps it later beside the loaded one,
            # so unless the two are the same, block 0 is either of them two restarts on
            "timestamp": self._genesis["timestamp"],
            "load-state": folder / "state.json" if restored else None,
        }
        given = [
            text
            for name, value in arguments.items()
            if value is not None
            for text in (f"--{name}", str(value))
        ]
        return ["--quiet", "--disable-min-priority-fee", "--no-mining", *given]

    async def _check_genesis(self) -> None:
        block = await self._rpc.request("eth_getBlockByNumber", ["0x0", False])
        if self._genesis.setdefault("hash", block["hash"]) != block["hash"]:
            raise DevnetError(
                f"the chain in {self.folder} began with block {self._genesis['hash']}, anvil now begins with "
                f"{block['hash']}: another anvil or EVM version? Remove the folder to begin anew"
            )
        if self.folder:
            _replace(self.folder / "genesis.json", json.dumps(self._genesis).encode())

    async def _begin_mining(self) -> None:
        """Sets the clock first, lest a block be older than its parent: to now, or where a test had put it."""
        head = await self._rpc.request("eth_getBlockByNumber", ["latest", False])
        now = max(int(time.time()), from_quantity(head["timestamp"]) + 1)
        await self._rpc.request("anvil_setTime", [now])
        if self._interval is not None:
            await self._rpc.request("evm_setIntervalMining", [self._interval])
            return
        await self._rpc.request("evm_setAutomine", [True])
        if from_quantity((await self._rpc.request("txpool_status"))["pending"]):
            await self._rpc.request("evm_mine")

    async def _keep_saving(self) -> None:
        while not self._stopping.is_set():
            started = time.monotonic()
            try:
                await self.save()
            except (RpcError, OSError) as error:
                log.warning("the local chain's state could not be saved: %s", error)
            await self._pause(max(self._save_every, 4 * (time.monotonic() - started)))

    async def _beat(self, every: float) -> None:
        """Mines a block whenever there was none for so long by our clock, whatever the chain's says."""
        head, since = "", time.monotonic()
        while not self._stopping.is_set():
            try:
                newest = await self._rpc.request("eth_blockNumber")
                if newest != head:
                    head, since = newest, time.monotonic()
                elif time.monotonic() - since >= every:
                    await self._rpc.request("evm_mine")
                    continue
            except RpcError as error:
                log.warning("the local chain's heart does not beat: %s", error)
            await self._pause(every / 10)

    async def _pause(self, seconds: float) -> None:
        """Or less, when it is time to stop."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._stopping.wait(), seconds)

    def _end_process(self) -> None:
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(10)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._process = None

    async def _close(self) -> None:
        if hasattr(self, "_rpc"):
            await self._rpc.close()
        self._stack.close()

    def _last_words(self) -> str:
        words = self._log.read_text(errors="replace").strip()[-500:]
        return f": {words}" if words else ""


async def _take_over(folder: Path, lock: int) -> None:
    """Saves and ends the anvil that holds `lock`, its owner having been killed."""
    running = _running(folder)
    if not running:
        raise DevnetBusy(f"an unknown process holds {folder / 'anvil.lock'}: end it")
    log.warning("taking over from the anvil (process %s) that an earlier run left", running["pid"])
    try:
        async with Rpc(running["url"], timeout=60, limit=1 << 30) as rpc:
            await _save_last(rpc, folder)
    except RpcError as error:
        log.warning("its newest blocks are lost: %s", error)
    for sign in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.kill(running["pid"], sign)
        for _ in range(100):
            if _lock(lock):
                return
            await asyncio.sleep(0.1)
    raise DevnetBusy(f"process {running['pid']} does not end")


async def _save_last(rpc: Rpc, folder: Path) -> None:
    """Mines nothing more, then keeps everything."""
    await rpc.request("evm_setIntervalMining", [0])
    await rpc.request("evm_setAutomine", [False])
    _write_state(folder, await rpc.request("anvil_dumpState", [True]), whole=True)


def take_up(folder: Path, dump: str, genesis: Mapping[str, Any]) -> None:
    """Makes a new folder that a Devnet goes on from. `dump` is what `anvil_dumpState` gave, `genesis` the
    first block's `timestamp` and `hash`. Raises FileExistsError.

    (A chain that `anvil_loadState` loads keeps the node's own first block, and cannot be started again.)
    """
    folder.mkdir(parents=True)
    _replace(folder / "genesis.json", json.dumps(dict(genesis)).encode())
    _write_state(folder, dump, whole=True)


def _write_state(folder: Path, dump: str, *, whole: bool) -> None:
    """Replaces state.json. While that lacks the historical states, history.json has the last ones."""
    state, history = folder / "state.json", folder / "history.json"
    if not whole and state.exists() and not history.exists():
        history.hardlink_to(state)
    _replace(state, gzip.decompress(bytes.fromhex(dump[2:])))
    if whole:
        history.unlink(missing_ok=True)


def _restore(folder: Path) -> bool:
    """Makes state.json what anvil is to load, joining the historical states; False when there is none."""
    state, history = folder / "state.json", folder / "history.json"
    if not state.exists():
        return False
    if history.exists():
        newest: dict[str, Any] = json.loads(state.read_bytes())
        newest["historical_states"] = json.loads(history.read_bytes()).get("historical_states")
        _replace(state, json.dumps(newest).encode())
        history.unlink()
    return True


def _replace(path: Path, content: bytes) -> None:
    """Atomically, and for good."""
    new = path.with_suffix(".new")
    with new.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _genesis(folder: Path, timestamp: int | None) -> dict[str, Any]:
    """The genesis block's timestamp and, once it was seen, hash; remembered before there is a block."""
    path = folder / "genesis.json"
    if not path.exists():
        _replace(path, json.dumps({"timestamp": timestamp or int(time.time())}).encode())
    found: dict[str, Any] = json.loads(path.read_text())
    return found


def _running(folder: Path) -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.loads((folder / "running.json").read_text())
    except (OSError, ValueError):
        return {}
    return found


def _lock(file: int) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
