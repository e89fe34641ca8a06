import asyncio
import os
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp
import pytest

from api.settings import Settings
from tests.integration.api.conftest import Client
from tests.integration.api.dataset import Dataset
from tests.integration.api.market import SELLER


@pytest.fixture
async def dataset(client: Client) -> Dataset:
    return await Dataset.deposited(await client.sign_in(SELLER), b"0123456789" * 300_000)


async def test_anybody_gets_the_ciphertext_for_ever(client: Client, dataset: Dataset) -> None:
    path = f"/v1/payloads/0x{dataset.root.hex()}"
    async with client.request("GET", path) as response:
        assert await response.read() == dataset.ciphertext
        assert response.headers["ETag"] == f'"0x{dataset.root.hex()}"'
        assert "immutable" in response.headers["Cache-Control"]
    async with client.request("HEAD", path) as response:
        assert (response.status, await response.read()) == (200, b"")
        assert response.headers["Content-Length"] == str(len(dataset.ciphertext))
    async with client.request(
        "GET", path, headers={"If-None-Match": f'"x", W/"0x{dataset.root.hex()}"'}
    ) as response:
        assert (response.status, await response.read()) == (304, b"")


@pytest.mark.parametrize(
    ("header", "start", "end"),
    [
        ("bytes=0-0", 0, 1),
        ("bytes=56-1049655", 56, 1_049_656),
        ("bytes=1000000-", 1_000_000, None),
        ("bytes=-10", -10, None),
        ("bytes=-99999999", 0, None),
        ("bytes=5-99999999999", 5, None),
        ("Bytes=5-6", 5, 7),
    ],
)
async def test_a_part(client: Client, dataset: Dataset, header: str, start: int, end: int | None) -> None:
    path, part = f"/v1/payloads/0x{dataset.root.hex()}", dataset.ciphertext[start:end]
    first = start if start >= 0 else len(dataset.ciphertext) + start
    for method in ("GET", "HEAD"):
        async with client.request(method, path, headers={"Range": header}) as response:
            assert response.status == 206
            assert response.headers["Content-Length"] == str(len(part))
            assert response.headers["Content-Range"] == (
                f"bytes {first}-{first + len(part) - 1}/{len(dataset.ciphertext)}"
            )
            assert await response.read() == (part if method == "GET" else b"")


@pytest.mark.parametrize("header", ["bytes=99999999-", "bytes=-0", "bytes=3050000-3050001"])
async def test_a_part_behind_the_end(client: Client, dataset: Dataset, header: str) -> None:
    async with client.request(
        "GET", f"/v1/payloads/0x{dataset.root.hex()}", headers={"Range": header}
    ) as response:
        assert response.status == 416
        assert response.headers["Content-Range"] == f"bytes */{len(dataset.ciphertext)}"
        assert (await response.json(content_type=None))["code"] == "range-not-satisfiable"


@pytest.mark.parametrize(
    "header", ["bytes=2-1", "bytes=-", "bytes=0-1,3-4", "lines=0-1", "bytes=a-b", "bytes=1"]
)
async def test_what_is_no_single_range_gets_the_whole(client: Client, dataset: Dataset, header: str) -> None:
    async with client.request(
        "HEAD", f"/v1/payloads/0x{dataset.root.hex()}", headers={"Range": header}
    ) as response:
        assert (response.status, response.headers["Content-Length"]) == (200, str(len(dataset.ciphertext)))


async def test_if_range(client: Client, dataset: Dataset) -> None:
    path = f"/v1/payloads/0x{dataset.root.hex()}"
    for condition, expected in [
        (f'"0x{dataset.root.hex()}"', 206),
        (f'W/"0x{dataset.root.hex()}"', 200),
        ('"other"', 200),
        ("Sun, 22 Nov 2026 00:00:00 GMT", 200),
    ]:
        async with client.request(
            "HEAD", path, headers={"Range": "bytes=0-9", "If-Range": condition}
        ) as response:
            assert response.status == expected


async def test_threat_S12_only_roots_are_looked_up(client: Client, dataset: Dataset) -> None:
    for name in ("0x" + "00" * 32, dataset.root.hex(), "..%2f..%2fkeys", "0x" + dataset.root.hex() + "00"):
        status, problem = await client.call("GET", f"/v1/payloads/{name}")
        assert status in (404, 422), (name, problem)


def opened(root: bytes) -> list[Path]:
    """The descriptors of this process, which is also the server's, that are the payload's file."""
    found = []
    for descriptor in Path("/proc/self/fd").iterdir():
        with suppress(FileNotFoundError):
            found.append(descriptor.readlink())
    return [path for path in found if root.hex() in str(path)]


async def test_a_reader_may_be_slow_or_leave(client: Client) -> None:
    seller = await client.sign_in(SELLER)
    dataset = await Dataset.deposited(seller, os.urandom(1 << 20) * 24)
    at = urlsplit(client.origin)
    for taken in (len(dataset.ciphertext), 100_000):
        reader, writer = await asyncio.open_connection(at.hostname, at.port, limit=1 << 16)
        writer.write(f"GET /v1/payloads/0x{dataset.root.hex()} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        assert b" 200 " in await reader.readuntil(b"\r\n\r\n")
        await asyncio.sleep(0.2)
        assert opened(dataset.root), "all of it fits into the socket: there is nothing to wait for"
        assert (await client.call("GET", "/v1/health"))[0] == 200
        assert await reader.readexactly(taken) == dataset.ciphertext[:taken]
        writer.close()
        async with asyncio.timeout(10):
            while opened(dataset.root):  # noqa: ASYNC110
                await asyncio.sleep(0.01)


async def test_an_object_that_was_cut_cuts_the_answer(
    client: Client, dataset: Dataset, settings: Settings
) -> None:
    (path,) = (settings.data / "objects").rglob(f"{dataset.root.hex()}/*")
    os.truncate(path, 2_000_000)
    async with client.request("GET", f"/v1/payloads/0x{dataset.root.hex()}") as response:
        with pytest.raises(aiohttp.ClientPayloadError):
            await response.read()
