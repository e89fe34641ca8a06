"""Uploads by tus 1.0: cut, resumed, in parallel, refused."""

import asyncio
import contextlib
import hashlib
import resource
from base64 import b64encode
from collections.abc import AsyncIterator, Mapping
from io import BytesIO
from itertools import pairwise
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from api.settings import Settings
from ledger.crypto.chunked import SEALED_BLOCK
from ledger.crypto.merkle import FIRST_LEAF, leaf_range
from ledger.services import uploads
from tests.integration.api.conftest import ON_BOTH, Client, Clock, running
from tests.integration.api.dataset import Dataset
from tests.integration.api.market import SELLER
from tests.integration.api.relay import Relay

TUS = {"Tus-Resumable": "1.0.0"}
PLAINTEXT = bytes(range(256)) * 4 * 4096 + b"and the end"
"""Four blocks and a bit."""


async def call(
    client: Client, method: str, path: str, headers: Mapping[str, str], **body: Any
) -> tuple[int, Mapping[str, str], Any]:
    async with client.request(method, path, headers=TUS | dict(headers), **body) as response:
        problem = await response.json(content_type=None) if await response.read() else None
        return response.status, response.headers, problem


async def opened(seller: Client, dataset: Dataset, size: int | None = None, query: str = "") -> str:
    """Where to send it."""
    length = {"Upload-Length": str(len(dataset.ciphertext) if size is None else size)}
    status, headers, problem = await call(seller, "POST", f"{dataset.path}/uploads{query}", length)
    assert status == 201, problem
    return headers["Location"]


async def sent(seller: Client, path: str, offset: int, body: Any) -> tuple[int, Mapping[str, str], Any]:
    stream = {"Content-Type": "application/offset+octet-stream", "Upload-Offset": str(offset)}
    data = BytesIO(body) if isinstance(body, bytes) else body
    return await call(seller, "PATCH", path, stream, data=data)


async def offset(seller: Client, path: str) -> int:
    status, headers, _ = await call(seller, "HEAD", path, {})
    assert (status, headers["Cache-Control"]) == (200, "no-store")
    return int(headers["Upload-Offset"])


def files(settings: Settings) -> list[Path]:
    return [path for path in (settings.data / "objects").rglob("*") if path.is_file()]


async def assert_held(seller: Client, dataset: Dataset, settings: Settings) -> None:
    status, receipt = await dataset.complete(seller)
    assert (status, receipt.get("root")) == (200, f"0x{dataset.root.hex()}")
    async with seller.request("GET", f"/v1/payloads/0x{dataset.root.hex()}") as response:
        assert await response.read() == dataset.ciphertext
    assert len(files(settings)) == 1


async def test_one_upload_of_all(client: Client, settings: Settings) -> None:
    seller = await client.sign_in(SELLER)
    dataset = await Dataset.open(seller, PLAINTEXT)
    async with client.request("OPTIONS", "/v1/uploads") as response:
        assert (response.status, response.headers["Tus-Version"]) == (204, "1.0.0")
        assert response.headers["Tus-Extension"] == "creation,checksum,termination"
        assert response.headers["Tus-Checksum-Algorithm"] == "sha256"
    path = await opened(seller, dataset)
    assert await opened(seller, dataset) == path
    status, headers, _ = await sent(seller, path, 0, dataset.ciphertext)
    assert (status, headers["Upload-Offset"]) == (204, str(len(dataset.ciphertext)))
    await assert_held(seller, dataset, settings)


@ON_BOTH
async def test_R13_an_upload_that_is_cut_goes_on_where_it_was_also_after_a_restart(
    settings: Settings, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(uploads, "PART_BLOCKS", 2)
    async with running(settings, clock) as client:
        seller = await client.sign_in(SELLER)
        dataset = await Dataset.open(seller, PLAINTEXT)
        path = await opened(seller, dataset)
        async with Relay.before(client.origin) as relay:
            relay.most = int(1.6 * FIRST_LEAF)
            cut = Client(client.http, relay.url, client.app, seller.token)
            with contextlib.suppress(aiohttp.ClientError, ConnectionError):
                await sent(cut, path, 0, dataset.ciphertext)
        for _ in range(200):
            if reached := await offset(seller, path):
                break
            await asyncio.sleep(0.01)
        assert reached == leaf_range(0, len(dataset.ciphertext))[1]
    async with running(settings, clock) as client:
        seller = Client(client.http, client.origin, client.app, seller.token)
        assert await offset(seller, path) == reached
        status, _, refused = await sent(seller, path, 0, dataset.ciphertext)
        assert (status, refused["code"], refused["offset"]) == (409, "offset-mismatch", reached)
        assert (await sent(seller, path, reached, dataset.ciphertext[reached:]))[0] == 204
        await assert_held(seller, dataset, settings)


async def test_R13_killed_after_the_last_block_and_before_the_parts_are_joined(
    settings: Settings, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def killed(*_: object) -> None:
        """Before it did anything."""

    async with running(settings, clock) as client:
        seller = await client.sign_in(SELLER)
        datasets = [await Dataset.open(seller, PLAINTEXT) for _ in range(2)]
        paths = [await opened(seller, dataset) for dataset in datasets]
        with monkeypatch.context() as patched:
            patched.setattr(uploads.Uploads, "_join", killed)
            for dataset, path in zip(datasets, paths, strict=True):
                assert (await sent(seller, path, 0, dataset.ciphertext))[0] == 204
        first, second = datasets
        assert await opened(seller, first) == paths[0]  # what a client does that goes on
        end = len(second.ciphertext)
        assert (await sent(seller, paths[1], end, b""))[0] == 204  # and another
        for dataset in datasets:
            assert (await dataset.complete(seller))[0] == 200


async def test_threat_S07_with_a_checksum_all_of_a_body_is_kept_or_nothing(
    client: Client, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(uploads, "PART_BLOCKS", 1)
    seller = await client.sign_in(SELLER)
    dataset = await Dataset.open(seller, PLAINTEXT)
    path = await opened(seller, dataset)
    half = leaf_range(1, len(dataset.ciphertext))[1]
    first, second = dataset.ciphertext[:half], dataset.ciphertext[half:]

    async def checked(offset: int, body: bytes, of: bytes, algorithm: str = "sha256") -> tuple[int, Any]:
        digest = b64encode(hashlib.sha256(of).digest()).decode()
        stream = {"Content-Type": "application/offset+octet-stream", "Upload-Offset": str(offset)}
        told = stream | {"Upload-Checksum": f"{algorithm} {digest}"}
        status, _, problem = await call(seller, "PATCH", path, told, data=BytesIO(body))
        return status, problem and problem["code"]

    altered = first[:-1] + bytes([first[-1] ^ 1])
    assert await checked(0, altered, first) == (460, "checksum-mismatch")
    assert await checked(0, first[:-9], first) == (460, "checksum-mismatch")
    assert await checked(0, first, first, "sha1") == (400, "checksum-malformed")
    assert (await offset(seller, path), files(settings)) == (0, [])
    assert await checked(0, first, first) == (204, None)
    assert await offset(seller, path) == half
    assert await checked(half, second, second) == (204, None)
    await assert_held(seller, dataset, settings)


async def test_an_upload_that_is_terminated_leaves_nothing_and_its_deposit_open(
    client: Client, settings: Settings
) -> None:
    seller = await client.sign_in(SELLER)
    dataset = await Dataset.open(seller, PLAINTEXT)
    path = await opened(seller, dataset)
    await sent(seller, path, 0, dataset.ciphertext[:FIRST_LEAF])
    assert len(files(settings)) == 1
    assert (await call(seller, "DELETE", path, {}))[0] == 204
    assert files(settings) == []
    assert (await call(seller, "HEAD", path, {}))[0] == 404
    path = await opened(seller, dataset)
    assert (await sent(seller, path, 0, dataset.ciphertext))[0] == 204
    await assert_held(seller, dataset, settings)


@ON_BOTH
async def test_sections_arrive_at_once_and_in_any_order(client: Client, settings: Settings) -> None:
    seller = await client.sign_in(SELLER)
    dataset = await Dataset.open(seller, PLAINTEXT)
    total = len(dataset.ciphertext)
    cuts = [0, FIRST_LEAF, FIRST_LEAF + SEALED_BLOCK, FIRST_LEAF + 3 * SEALED_BLOCK, total]
    sections = []
    for start, end in pairwise(cuts):
        path = await opened(seller, dataset, end - start, f"?start={start}&total={total}")
        sections.append((path, dataset.ciphertext[start:end]))
    assert (await dataset.complete(seller))[1]["code"] == "nothing-uploaded"
    answers = await asyncio.gather(*(sent(seller, path, 0, body) for path, body in reversed(sections)))
    assert [status for status, _, _ in answers] == [204] * 4
    await assert_held(seller, dataset, settings)


async def test_of_two_that_send_the_same_one_succeeds(client: Client, settings: Settings) -> None:
    seller = await client.sign_in(SELLER)
    dataset = await Dataset.open(seller, PLAINTEXT)
    path = await opened(seller, dataset)
    answers = await asyncio.gather(*(sent(seller, path, 0, dataset.ciphertext) for _ in range(3)))
    assert {status for status, _, _ in answers} <= {204, 404, 409}
    assert [status for status, _, _ in answers].count(204) >= 1
    await assert_held(seller, dataset, settings)


@pytest.mark.parametrize(
    ("size", "query", "status", "code"),
    [
        (1 << 40, "", 413, "upload-too-large"),
        (3_000_000, "", 413, "quota-exceeded"),
        (71, "", 422, "ciphertext-truncated"),
        (FIRST_LEAF, "?start=1&total=1500000", 409, "section-misplaced"),
        (FIRST_LEAF - 1, "?start=0&total=1500000", 409, "section-misplaced"),
        (FIRST_LEAF, "?start=FIRST&total=1500000", 409, "section-misplaced"),
        (9, "?start=1500000&total=1500000", 409, "section-misplaced"),
        (0, "", 422, "invalid-request"),
    ],
)
async def test_threat_S13_what_can_never_be_taken_is_refused_before_the_first_byte(
    settings: Settings, clock: Clock, size: int, query: str, status: int, code: str
) -> None:
    limited = settings.model_copy(update={"quota_bytes": 2_000_000})
    async with running(limited, clock) as client:
        seller = await client.sign_in(SELLER)
        dataset = await Dataset.open(seller)
        found, _, refused = await call(
            seller,
            "POST",
            f"{dataset.path}/uploads{query.replace('FIRST', str(FIRST_LEAF))}",
            {"Upload-Length": str(size)},
        )
        assert (found, refused["code"]) == (status, code)


async def test_threat_S13_the_quota_counts_what_sections_are_for(settings: Settings, clock: Clock) -> None:
    limited = settings.model_copy(update={"quota_bytes": 5_000_000})
    async with running(limited, clock) as client:
        seller = await client.sign_in(SELLER)
        first, second = [await Dataset.open(seller, PLAINTEXT) for _ in range(2)]
        await opened(seller, first)
        length = {"Upload-Length": str(len(second.ciphertext))}
        status, _, refused = await call(seller, "POST", f"{second.path}/uploads", length)
        assert (status, refused["code"]) == (413, "quota-exceeded")
        await seller.call("DELETE", first.path)
        await opened(seller, second)


async def test_sections_of_one_deposit_fit_together(client: Client) -> None:
    seller = await client.sign_in(SELLER)
    dataset = await Dataset.open(seller, PLAINTEXT)
    total = len(dataset.ciphertext)
    await opened(seller, dataset, FIRST_LEAF, f"?total={total}")
    for query in (f"?total={total}", f"?start={FIRST_LEAF}&total={total + 1}"):
        size = {"Upload-Length": str(FIRST_LEAF + SEALED_BLOCK if "start" not in query else SEALED_BLOCK)}
        status, _, refused = await call(seller, "POST", f"{dataset.path}/uploads{query}", size)
        assert (status, refused["code"]) == (409, "section-misplaced")


async def test_what_is_no_tus(client: Client) -> None:
    seller = await client.sign_in(SELLER)
    dataset = await Dataset.open(seller)
    path = await opened(seller, dataset)
    other = {
        "Tus-Resumable": "0.2.2",
        "Upload-Offset": "0",
        "Content-Type": "application/offset+octet-stream",
    }
    status, headers, refused = await call(seller, "PATCH", path, other, data=b"x")
    assert (status, refused["code"], headers["Tus-Version"]) == (412, "tus-version", "1.0.0")
    status, _, refused = await call(
        seller, "PATCH", path, {"Upload-Offset": "0", "Content-Type": "text/plain"}, data=b"x"
    )
    assert (status, refused["code"]) == (415, "not-an-offset-stream")
    status, _, refused = await sent(seller, path, 0, dataset.ciphertext + b"x")
    assert (status, refused["code"]) == (409, "offset-mismatch")


async def test_threat_S13_who_sends_too_slowly_is_cut_off_and_may_go_on(
    settings: Settings, clock: Clock
) -> None:
    slow = settings.model_copy(update={"upload_rate": 1000, "upload_window_seconds": 0.2})
    async with running(slow, clock) as client:
        seller = await client.sign_in(SELLER)
        dataset = await Dataset.open(seller, PLAINTEXT)
        path = await opened(seller, dataset)

        async def trickle() -> AsyncIterator[bytes]:
            for at in range(0, FIRST_LEAF + 10, 65536):
                yield dataset.ciphertext[at : min(at + 65536, FIRST_LEAF + 10)]
            for _ in range(100):
                await asyncio.sleep(0.05)
                yield b"x"

        status, _, refused = await sent(seller, path, 0, trickle())
        assert (status, refused["code"]) == (408, "upload-too-slow")
        assert await offset(seller, path) == FIRST_LEAF
        assert (await sent(seller, path, FIRST_LEAF, dataset.ciphertext[FIRST_LEAF:]))[0] == 204
        assert (await dataset.complete(seller))[0] == 200


async def test_threat_S17_a_full_disk_refuses_an_upload_and_loses_nothing(
    client: Client, settings: Settings
) -> None:
    """A limit of this process stands for the disk's."""
    seller = await client.sign_in(SELLER)
    dataset = await Dataset.open(seller, PLAINTEXT)
    path, limits = await opened(seller, dataset), resource.getrlimit(resource.RLIMIT_FSIZE)
    assert (await sent(seller, path, 0, dataset.ciphertext[:FIRST_LEAF]))[1]["Upload-Offset"] == str(
        FIRST_LEAF
    )
    resource.setrlimit(resource.RLIMIT_FSIZE, (2_000_000, limits[1]))
    try:
        status, _, refused = await sent(seller, path, FIRST_LEAF, dataset.ciphertext[FIRST_LEAF:])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert (status, refused["code"]) == (507, "storage-full")
    assert (await offset(seller, path), len(files(settings))) == (FIRST_LEAF, 1)
    assert (await sent(seller, path, FIRST_LEAF, dataset.ciphertext[FIRST_LEAF:]))[0] == 204
    await assert_held(seller, dataset, settings)


async def test_threat_S13_an_abandoned_upload_leaves_nothing(client: Client, settings: Settings) -> None:
    seller = await client.sign_in(SELLER)
    for collected in (False, True):
        dataset = await Dataset.open(seller, PLAINTEXT)
        path = await opened(seller, dataset)
        with contextlib.suppress(aiohttp.ClientError):
            await sent(seller, path, 0, dataset.ciphertext[: 2 * FIRST_LEAF])
        assert len(files(settings)) == 1
        if collected:
            later = int(client.services.deposits.clock()) + settings.deposit_seconds + 1
            await client.services.deposits.collect(later)
        else:
            assert (await seller.call("DELETE", dataset.path))[0] == 204
        assert files(settings) == []
        assert (await call(seller, "HEAD", path, {}))[0] == 404
