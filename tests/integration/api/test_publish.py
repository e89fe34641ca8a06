"""Publishing from the command line: killed half-way, and run again."""

import asyncio
import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

import pytest

from ledger.client.spool import Spool
from ledger.crypto.chunked import BLOCK, ciphertext_size
from tests.integration.api.conftest import Client
from tests.integration.api.market import SELLER, Market
from tests.integration.api.relay import Relay

SOCAI = Path(sys.executable).parent / "socai"
CHUNK = 8 * BLOCK
SIZE = CHUNK + CHUNK // 2


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "rows.bin"
    path.write_bytes(os.urandom(SIZE))
    return path


async def publish(market: Market, url: str, file: Path) -> asyncio.subprocess.Process:
    where = ("--data", file.parent, "--manifest", market.deployed.folder / "manifest.json")
    at = ("--url", url, "--rpc", market.deployed.url, "--json", "--as", "seller")
    return await asyncio.create_subprocess_exec(
        *(SOCAI, *where, *at, "publish", file, "--title", "Rows", "--price", "0"),
        stdout=asyncio.subprocess.PIPE,
    )


async def answer(process: asyncio.subprocess.Process) -> tuple[int | None, Any]:
    printed, _ = await process.communicate()
    return process.returncode, json.loads(printed)


async def killed(market: Market, client: Client, file: Path, most: int) -> None:
    """A publish that is killed once `most` bytes are through and all is encrypted."""
    async with Relay.before(client.origin) as relay:
        relay.most = most
        process = await publish(market, relay.url, file)
        async with asyncio.timeout(60):
            while not relay.cuts or ".json" not in spooled(file):  # noqa: ASYNC110 - neither has an event
                await asyncio.sleep(0.01)
        process.kill()
        assert await process.wait() == -signal.SIGKILL


def spooled(file: Path) -> list[str]:
    return sorted(path.suffix for path in (file.parent / "client" / "uploads").iterdir())


async def listings(market: Market) -> int:
    found: int = await market.read(market.contracts.listings.balance_of(SELLER.address))
    return found


async def test_R13_threat_S17_a_publish_that_was_killed_goes_on_where_it_was(
    client: Client, market: Market, file: Path
) -> None:
    before = await listings(market)
    await killed(market, client, file, CHUNK + CHUNK // 4)
    assert spooled(file) == [".ciphertext", ".json", ".lock"]
    async with Relay.before(client.origin) as relay:
        relay.most = CHUNK // 2  # too little for what is there already
        code, published = await answer(await publish(market, relay.url, file))
        assert (code, relay.cuts) == (0, 0), published
    assert (await listings(market), spooled(file)) == (before + 1, [".lock"])


async def test_R13_threat_S17_killed_while_it_was_encrypted_it_begins_anew(
    client: Client, market: Market, file: Path
) -> None:
    seller = await client.sign_in(SELLER)
    _, opened = await seller.call("POST", "/v1/deposits")
    sections = {"Tus-Resumable": "1.0.0", "Upload-Length": str(ciphertext_size(SIZE))}
    path = f"/v1/deposits/{opened['id']}"
    assert (await seller.call("POST", f"{path}/uploads", headers=sections))[0] == 201
    with Spool.of(file.parent / "client" / "uploads", SELLER.address, file) as spool:
        spool.begin(bytes.fromhex(opened["id"][2:]))
    assert spooled(file) == [".ciphertext", ".deposit", ".lock"]
    before = await listings(market)
    code, published = await answer(await publish(market, client.origin, file))
    assert code == 0, published
    assert (await listings(market), spooled(file)) == (before + 1, [".lock"])
    assert (await seller.call("GET", path))[0] == 404  # nor does it count for the quota any more


async def test_R13_what_was_kept_and_spoilt_is_encrypted_anew(
    client: Client, market: Market, file: Path
) -> None:
    """As by a power cut: the program does not wait for the disk."""
    await killed(market, client, file, CHUNK // 2)
    (ciphertext,) = (file.parent / "client" / "uploads").glob("*.ciphertext")
    with ciphertext.open("r+b") as spoilt:
        spoilt.seek(-BLOCK, os.SEEK_END)
        spoilt.write(bytes(BLOCK))
    before = await listings(market)
    code, published = await answer(await publish(market, client.origin, file))
    assert code == 0, published
    assert (await listings(market), spooled(file)) == (before + 1, [".lock"])


async def test_R12_what_is_kept_of_an_upload_is_no_key_and_nobody_elses_to_read(
    client: Client, market: Market, file: Path
) -> None:
    await killed(market, client, file, CHUNK // 2)
    kept = [path for path in (file.parent / "client" / "uploads").iterdir() if path.suffix != ".lock"]
    assert {path.stat().st_mode & 0o777 for path in kept} == {0o600}
    record = json.loads(next(path for path in kept if path.suffix == ".json").read_text())
    assert set(record) == {"format", "deposit_id", "root", "size", "sha256", "sealed_key", "receipt"}
    with file.open("r+b") as open_file:
        start = open_file.read(64)
        assert all(start not in path.read_bytes() for path in kept)
        open_file.write(b"another content is another deposit")
    code, published = await answer(await publish(market, client.origin, file))
    assert (code, published["root"] == f"0x{record['root']}") == (0, False)
