"""What encryption costs: scripts/bench vault [MEBIBYTES], 512 by default.

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
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import aiohttp
from cryptography.hazmat.backends.openssl import backend

from ledger.client import Client
from ledger.crypto.chunked import BLOCK, CHUNK, SEALED_BLOCK, Message, ciphertext_size
from ledger.domain.entitlement import STREAMING
from ledger.domain.market import Kind
from tests.bench.service import Running, serving
from tests.bench.uploads import PIECE, TUS, resident
from tests.integration.api.market import BUYER, CLASSIFICATION, PLAN, SELLER
from tests.integration.api.sign_in import token

ROUNDS: Final = 5
SECONDS: Final = 1
SMALL: Final = 10 << 20


def report(name: str, ratio: float, aim: float, detail: str) -> None:
    print(f"{name:46} {ratio:5.2f}  (aim {aim:.2f})  {detail}")  # noqa: T201


# in memory


def in_memory() -> None:
    """Bytes per second of each, one after the other in every round."""
    took: dict[str, list[float]] = {"openssl": [], "seal": [], "open": [], "seal twice": [], "open twice": []}
    for _ in range(ROUNDS):
        took["openssl"].append(_openssl())
        took["seal"].append(_rate(1, _sealing))
        took["open"].append(_rate(1, _opening))
        took["seal twice"].append(_rate(2, _sealing))
        took["open twice"].append(_rate(2, _opening))
    rate = {name: statistics.median(found) for name, found in took.items()}
    named = _output("openssl", "version").strip()
    print(f"openssl speed: {named}; ours: {backend.openssl_version_text()}")  # noqa: T201
    for kind in ("seal", "open"):
        detail = f"{rate[kind] / 1e9:.2f} / {rate['openssl'] / 1e9:.2f} GB/s"
        report(f"{kind} / openssl speed aes-256-gcm", rate[kind] / rate["openssl"], 0.9, detail)
        report(f"{kind}, two threads / one", rate[f"{kind} twice"] / rate[kind], 1.6, "")


def _openssl() -> float:
    command = ["openssl", "speed", "-mr", "-evp", "aes-256-gcm", "-aead", "-elapsed", "-bytes", str(CHUNK)]
    done = _output(*command, "-seconds", str(SECONDS))
    (line,) = (line for line in done.splitlines() if line.startswith("+F:"))
    return float(line.rpartition(":")[2])


def _output(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def _rate(threads: int, work: Callable[[float], int]) -> float:
    until = time.perf_counter() + SECONDS
    with ThreadPoolExecutor(threads) as pool:
        return sum(pool.map(work, [until] * threads)) / SECONDS


def _sealing(until: float) -> int:
    message, plain, out, done = Message.new(os.urandom(32), b""), bytes(BLOCK), bytearray(SEALED_BLOCK), 0
    while time.perf_counter() < until:
        done += message.seal_into(0, plain, out, last=False)
    return done


def _opening(until: float) -> int:
    message, plain, sealed, done = (
        Message.new(os.urandom(32), b""),
        bytearray(BLOCK),
        bytearray(SEALED_BLOCK),
        0,
    )
    message.seal_into(0, plain, sealed, last=False)
    while time.perf_counter() < until:
        done += message.open_into(0, sealed, plain, last=False)
    return done


# over HTTP


async def over_http(running: Running, size: int) -> None:
    folder = running.folder / "bench"
    folder.mkdir(exist_ok=True)
    _made(folder / "large", size)
    licence, root = await _sold(running, folder, folder / "large")
    stored = next(running.folder.glob(f"objects/**/{root}/*"))
    bearer = {
        name: f"Authorization: Bearer {await token(running.url, account)}\r\n"
        for name, account in (("seller", SELLER), ("buyer", BUYER))
    }

    async def uploaded() -> None:
        await _upload(running.url, bearer["seller"], ciphertext_size(size))

    async def encrypted() -> None:
        async with running.market.acting("seller", running.url, folder) as seller:
            await _publish(seller, folder / "large")

    async def downloaded() -> None:
        await asyncio.to_thread(drain, f"{running.url}/v1/payloads/0x{root}", ciphertext_size(size))

    async def streamed() -> None:
        url = f"{running.url}/v1/licences/{licence}/plaintext"
        await asyncio.to_thread(drain, url, size, bearer["buyer"])

    with nginx(stored.parent, folder / "nginx") as url:

        async def served() -> None:
            await asyncio.to_thread(drain, f"{url}/{stored.name}", ciphertext_size(size))

        kinds: dict[str, Callable[[], Awaitable[None]]] = {
            "plain upload": uploaded,
            "encrypted upload": encrypted,
            "nginx": served,
            "download": downloaded,
            "stream": streamed,
        }
        took: dict[str, list[float]] = {name: [] for name in kinds}
        for _ in range(ROUNDS):
            for name, work in kinds.items():
                since = time.perf_counter()
                await work()
                took[name].append(time.perf_counter() - since)
    seconds = {name: statistics.median(found) for name, found in took.items()}
    for name, of, aim in (
        ("encrypted upload", "plain upload", 0.75),
        ("download", "nginx", 0.9),
        ("stream", "download", 0.55),
    ):
        detail = f"{size / seconds[name] / 1e9:.2f} / {size / seconds[of] / 1e9:.2f} GB/s"
        report(f"{name} / {of}", seconds[of] / seconds[name], aim, detail)


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
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
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


async def _sold(running: Running, folder: Path, path: Path) -> tuple[int, str]:
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


async def main(mebibytes: int) -> None:
    in_memory()
    async with serving() as running:
        folder = running.folder / "small"
        folder.mkdir()
        _made(folder / "small", SMALL)
        licence, root = await _sold(running, folder, folder / "small")
        buyer = f"Authorization: Bearer {await token(running.url, BUYER)}\r\n"
        await asyncio.to_thread(drain, f"{running.url}/v1/payloads/0x{root}", SMALL)
        await asyncio.to_thread(drain, f"{running.url}/v1/licences/{licence}/plaintext", SMALL, buyer)
        small = resident(running.pid)
        await over_http(running, mebibytes << 20)
        large = resident(running.pid)
    print(f"most resident: {small / 1e6:.0f} MB after 10 MiB, {large / 1e6:.0f} MB after {mebibytes} MiB")  # noqa: T201


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 512))
