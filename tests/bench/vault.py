"""What encryption costs: scripts/bench vault [MEBIBYTES]

In memory against OpenSSL's own figure at the same block size; over HTTP, encrypted against plain, and against
nginx. Medians of rounds taken in turns; what is read is thrown away. Last, how much the service had resident.
"""

import asyncio
import os
import shutil
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from multiprocessing import get_context
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import aiohttp
from cryptography.hazmat.backends.openssl import backend
from msgspec.structs import replace

from ledger.client import Client
from ledger.client.deposits import Deposits
from ledger.client.spool import Spool
from ledger.crypto.chunked import BLOCK, CHUNK, ciphertext_size
from ledger.crypto.merkle import FIRST_LEAF
from ledger.crypto.stream import Decryptor, Encryptor, encrypt
from ledger.domain.entitlement import STREAMING
from ledger.domain.market import Kind
from tests.bench.figures import Figure, show
from tests.bench.service import Running, answering, serving
from tests.bench.uploads import PIECE, TUS, resident
from tests.e2e.conftest import free_port
from tests.integration.api.market import BUYER, CLASSIFICATION, PLAN, SELLER
from tests.integration.api.sign_in import token

ROUNDS: Final = 5
SECONDS: Final = 1
SMALL: Final = 10 << 20


# in memory


def in_memory() -> list[Figure]:
    """Bytes per second of each, one after the other in every round. Threads share the interpreter's lock,
    which `cryptography` takes for each chunk; processes show what the format and the machine allow."""
    took: dict[str, list[float]] = {}
    with ThreadPoolExecutor(2) as threads, ProcessPoolExecutor(2, get_context("spawn")) as processes:
        _rate(processes, 2, _sealing)  # what imports take
        for _ in range(ROUNDS):
            took.setdefault("openssl", []).append(_openssl())
            for kind, work in (("seal", _sealing), ("open", _opening)):
                took.setdefault(kind, []).append(_rate(threads, 1, work))
                took.setdefault(f"{kind}, two threads", []).append(_rate(threads, 2, work))
                took.setdefault(f"{kind}, two processes", []).append(_rate(processes, 2, work))
    rate = {name: statistics.median(found) for name, found in took.items()}
    ours = " ".join(backend.openssl_version_text().split()[:2])
    theirs = f"openssl speed, {CHUNK >> 10} KiB, one core, OpenSSL {_output('openssl', 'version').split()[1]}"
    found = []
    for kind in ("seal", "open"):
        for how, aim in (("", 0.9), (", two threads", 1.6), (", two processes", None)):
            found.append(_figure(f"{kind}, {ours}{how}", rate[f"{kind}{how}"], theirs, rate["openssl"], aim))
    return found


def _figure(name: str, rate: float, of: str, reference: float, aim: float | None = None) -> Figure:
    return Figure(name=name, value=rate / 1e9, unit="GB/s", reference=of, ratio=rate / reference, aim=aim)


def _openssl() -> float:
    command = ["openssl", "speed", "-mr", "-evp", "aes-256-gcm", "-aead", "-elapsed", "-bytes", str(CHUNK)]
    done = _output(*command, "-seconds", str(SECONDS))
    (line,) = (line for line in done.splitlines() if line.startswith("+F:"))
    return float(line.rpartition(":")[2])


def _output(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def _rate(pool: Executor, at_once: int, work: Callable[[float], int]) -> float:
    until = time.perf_counter() + SECONDS
    return sum(pool.map(work, [until] * at_once)) / SECONDS


def _sealing(until: float) -> int:
    stream, plain, out, done = Encryptor(os.urandom(32), b""), bytes(BLOCK), bytearray(FIRST_LEAF), 0
    while time.perf_counter() < until:
        done += stream.update_into(plain, out)
    return done


def _opening(until: float) -> int:
    key, plain, done = os.urandom(32), bytearray(BLOCK), 0
    sealed = list(encrypt(key, b"", [bytes(BLOCK)] * 4))
    while True:
        stream = Decryptor(key, b"")
        for piece in sealed:
            if time.perf_counter() > until:
                return done
            done += stream.update_into(piece, plain)


# over HTTP


async def over_http(running: Running, size: int) -> list[Figure]:
    folder = running.folder / "bench"
    folder.mkdir(exist_ok=True)
    _made(folder / "large", size)
    licence, root = await sold(running, folder, folder / "large")
    stored = next(running.folder.glob(f"objects/**/{root}/*"))
    bearer = {
        name: f"Authorization: Bearer {await token(running.url, account)}\r\n"
        for name, account in (("seller", SELLER), ("buyer", BUYER))
    }

    async def uploaded() -> None:
        await _upload(running.url, bearer["seller"], ciphertext_size(size))

    async def encrypted() -> None:
        """As `socai publish` does, up to the vault's receipt."""
        with Spool.of(folder / "uploads", seller.account.address, folder / "large") as spool:
            await deposits.hold(spool, folder / "large", "application/octet-stream", lambda _: None)
            spool.clear()

    async def downloaded() -> None:
        await asyncio.to_thread(drain, f"{running.url}/v1/payloads/0x{root}", ciphertext_size(size))

    async def streamed() -> None:
        url = f"{running.url}/v1/licences/{licence}/plaintext"
        await asyncio.to_thread(drain, url, size, bearer["buyer"])

    async with AsyncExitStack() as stack:
        seller = await stack.enter_async_context(running.market.acting("seller", running.url, folder))
        await seller.service.sign_in(seller.account)
        listings = bytes.fromhex(seller.contracts.listings.address[2:])
        mine = bytes.fromhex(seller.account.address[2:])
        deposits = Deposits(seller.service, seller.manifest.chain_id, listings, mine)
        url = stack.enter_context(nginx(stored.parent, folder / "nginx"))

        plain = await stack.enter_async_context(plainly(stored))

        async def unsealed() -> None:
            await asyncio.to_thread(drain, plain, ciphertext_size(size))

        async def served() -> None:
            await asyncio.to_thread(drain, f"{url}/{stored.name}", ciphertext_size(size))

        kinds: dict[str, Callable[[], Awaitable[None]]] = {
            "plain upload": uploaded,
            "encrypted upload": encrypted,
            "nginx": served,
            "download": downloaded,
            "plain stream": unsealed,
            "stream": streamed,
        }
        took: dict[str, list[float]] = {name: [] for name in kinds}
        for _ in range(ROUNDS):
            for name, work in kinds.items():
                since = time.perf_counter()
                await work()
                took[name].append(time.perf_counter() - since)
    seconds = {name: statistics.median(found) for name, found in took.items()}
    return [
        Figure(
            name=name,
            value=size / seconds[kind] / 1e9,
            unit="GB/s",
            reference=of,
            ratio=seconds[of] / seconds[kind],
            aim=aim,
        )
        for name, kind, of, aim in (
            ("upload, encrypted by the client", "encrypted upload", "plain upload", 0.75),
            ("ciphertext served", "download", "nginx", 0.9),
            ("plaintext streamed", "stream", "plain stream", 0.55),
            ("plaintext streamed, against zero copy", "stream", "download", None),
        )
    ]


@asynccontextmanager
async def plainly(path: Path) -> AsyncIterator[str]:
    """The file, streamed by the same server as the service's."""
    port = free_port()
    command = (sys.executable, "-m", "tests.bench.plain", str(path), str(port))
    running = await asyncio.create_subprocess_exec(*command)
    try:
        await answering(f"http://127.0.0.1:{port}/openapi.json")
        yield f"http://127.0.0.1:{port}/"
    finally:
        running.terminate()
        await running.wait()


def drain(url: str, size: int, headers: str = "") -> None:
    """GETs over a plain socket and throws the body away."""
    at = urlsplit(url)
    with socket.create_connection((at.hostname or "", at.port or 0)) as connection:
        connection.sendall(
            f"GET {at.path} HTTP/1.1\r\nHost: x\r\n{headers}Connection: close\r\n\r\n".encode()
        )
        buffer, got = bytearray(1 << 20), 0
        while read := connection.recv_into(buffer):
            if not got:
                assert b" 200 " in buffer[:20], bytes(buffer[:300])
            got += read
    assert got > size, f"{got} of {size} bytes"


@contextmanager
def nginx(root: Path, folder: Path) -> Iterator[str]:
    """Serving the files of `root`."""
    folder.mkdir(exist_ok=True)
    port = free_port()
    (folder / "nginx.conf").write_text(
        f"daemon off; pid {folder}/pid; error_log {folder}/error.log; worker_processes 1; user root;\n"
        "events {}\n"
        f"http {{ access_log off; sendfile on; server {{ listen 127.0.0.1:{port}; root {root}; }} }}\n"
    )
    binary = shutil.which("nginx") or "/usr/sbin/nginx"
    running = subprocess.Popen([binary, "-c", f"{folder}/nginx.conf", "-p", str(folder)])
    try:
        for _ in range(100):
            try:
                socket.create_connection(("127.0.0.1", port)).close()
                break
            except ConnectionRefusedError:
                time.sleep(0.05)
        yield f"http://127.0.0.1:{port}"
    finally:
        running.terminate()
        running.wait()


async def _upload(url: str, authorization: str, total: int) -> None:
    """Bytes that cost nothing to make."""
    headers = {"Authorization": authorization.partition(": ")[2].strip()} | TUS
    async with aiohttp.ClientSession(url, headers=headers, timeout=aiohttp.ClientTimeout()) as http:
        async with http.post("/v1/deposits") as response:
            deposit = (await response.json())["id"]
        length = {"Upload-Length": str(total)}
        path = f"/v1/deposits/{deposit}/uploads?start=0&total={total}"
        async with http.post(path, headers=length) as response:
            location = response.headers["Location"]

        async def body() -> AsyncIterator[bytes]:
            for at in range(0, total, len(PIECE)):
                yield PIECE[: total - at]

        stream = {"Content-Type": "application/offset+octet-stream", "Upload-Offset": "0"}
        async with http.patch(location, headers=stream, data=body()) as response:
            assert response.status == 204, await response.text()


async def _publish(seller: Client, path: Path) -> tuple[int, int, bytes]:
    """Listing, plan, root."""
    published = await seller.publish(
        path,
        metadata={"@type": "dcat:Dataset", "dct:title": path.name},
        media_type="application/octet-stream",
        classification=CLASSIFICATION,
        plans=[replace(PLAN, flags=STREAMING)],
    )
    return published.listing, published.plans[0], published.payload.root


async def sold(running: Running, folder: Path, path: Path) -> tuple[int, str]:
    """Licence and root of a payload that the buyer may stream."""
    async with running.market.acting("seller", running.url, folder) as seller:
        listing, plan, root = await _publish(seller, path)
    async with running.market.acting("reviewer", running.url, folder) as reviewer:
        for kind in (Kind.LEGAL, Kind.SECURITY, Kind.QUALITY):
            await reviewer.attest(listing, 1, kind, b"\x03" * 32)
    async with running.market.acting("buyer", running.url, folder) as buyer:
        return (await buyer.buy(plan)).licence, root.hex()


def _made(path: Path, size: int) -> None:
    with path.open("wb") as file:
        for at in range(0, size, len(PIECE)):
            file.write(PIECE[: size - at])


async def figures(mebibytes: int = 512) -> list[Figure]:
    found = in_memory()
    async with serving() as running:
        folder = running.folder / "small"
        folder.mkdir()
        _made(folder / "small", SMALL)
        licence, root = await sold(running, folder, folder / "small")
        buyer = f"Authorization: Bearer {await token(running.url, BUYER)}\r\n"
        await asyncio.to_thread(drain, f"{running.url}/v1/payloads/0x{root}", SMALL)
        await asyncio.to_thread(drain, f"{running.url}/v1/licences/{licence}/plaintext", SMALL, buyer)
        small = resident(running.pid)
        found += await over_http(running, mebibytes << 20)
        large = resident(running.pid)
    grown = Figure(
        name=f"most memory, {mebibytes} MiB up and down",
        value=large / 1e6,
        unit="MB",
        reference=f"{SMALL >> 20} MiB",
        ratio=large / small,
        less=True,
    )
    return [*found, grown]


if __name__ == "__main__":
    show(asyncio.run(figures(*map(int, sys.argv[1:]))))
