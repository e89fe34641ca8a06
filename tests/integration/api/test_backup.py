"""The drill: sell, back up, sell more, lose everything, restore."""

import asyncio
import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from api.settings import Settings
from ledger.cli.app import app
from ledger.crypto.seal import GrantContext, PrivateKey, open_sealed
from ledger.crypto.stream import decrypt
from tests.integration.api.conftest import ON_BOTH, Client, Clock, running
from tests.integration.api.dataset import Dataset
from tests.integration.api.market import BUYER, PASSPHRASE, SELLER, Market
from tests.integration.api.test_erasures import DAY, ask
from tests.integration.api.test_grants import Sold, asking, holder, selling
from tests.postgresql import Postgresql
from tests.s3 import S3

KEY = PrivateKey.generate()
SECRET = b"province,population\n"


@pytest.fixture
def places(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """With key shares apart from the data, as every profile but development asks for."""
    shares = [tmp_path / "share-1", tmp_path / "share-2"]
    data = tmp_path / "data"
    data.mkdir()
    for name in ("keys", "manifest.json", "socai.sqlite"):
        if (tmp_path / name).exists():
            (tmp_path / name).rename(data / name)
    monkeypatch.setenv("SOCAI_PASSPHRASE", PASSPHRASE)
    monkeypatch.setenv("SOCAI_SHARES", ":".join(map(str, shares)))
    if settings.database_url is not None:
        monkeypatch.setenv("SOCAI_DATABASE_URL", settings.database_url)
    return settings.model_copy(update={"shares": shares, "data": data})


@pytest.fixture
def elsewhere(
    database: str | None, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[[Settings], Settings]]:
    """After a disaster: an empty folder, and an empty database on the same server if there is one."""
    if database is None:
        yield lambda settings: settings
        return
    server: Postgresql = request.getfixturevalue("postgresql")
    url = server.empty()

    def moved(settings: Settings) -> Settings:
        monkeypatch.setenv("SOCAI_DATABASE_URL", url)
        return settings.model_copy(update={"database_url": url})

    yield moved
    server.drop(url)


async def socai(settings: Settings, *arguments: str) -> tuple[int, dict[str, Any]]:
    """Exit code and what the command printed."""
    command = ["--json", "--data", str(settings.data), *arguments]
    result = await asyncio.to_thread(CliRunner().invoke, app, command)
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, json.loads(result.stdout)


async def opened(buyer: Client, market: Market, sold: Sold) -> bytes:
    """What the licence opens."""
    status, grant = await buyer.call("POST", sold.path, json=asking(KEY))
    assert status == 201, grant
    licences = bytes.fromhex(market.manifest.address("Licences")[2:])
    decided = bytes.fromhex(grant["block_hash"][2:])
    context = GrantContext(market.manifest.chain_id, licences, sold.licence, 1, decided, "download")
    data_key = open_sealed(bytes.fromhex(grant["sealed_key"][2:]), KEY, context)
    async with buyer.request("GET", f"/v1/payloads/{grant['root']}") as response:
        ciphertext = await response.read()
    return b"".join(map(bytes, decrypt(data_key, bytes.fromhex(grant["context"][2:]), [ciphertext])))


async def refusal(buyer: Client, sold: Sold) -> str:
    _, refused = await buyer.call("POST", sold.path, json=asking(KEY))
    return str(refused["code"])


async def caught_up(client: Client, market: Market) -> None:
    for _ in range(600):
        _, health = await client.call("GET", "/v1/health")
        if health["index_block"] == (await market.head())[0]:
            return
        await asyncio.sleep(0.05)
    raise AssertionError(health)


@ON_BOTH
async def test_R13_R23_threat_S27_the_restore_drill(
    places: Settings,
    elsewhere: Callable[[Settings], Settings],
    clock: Clock,
    market: Market,
    tmp_path: Path,
) -> None:
    folder = tmp_path / "backups"
    async with running(places, clock) as client:
        seller = await client.sign_in(SELLER)
        kept = await selling(market, await Dataset.deposited(seller, SECRET * 2000))
        withdrawn = await selling(market, await Dataset.deposited(seller))
        buyer = await holder(client, market, KEY)
        assert await opened(buyer, market, kept) == kept.dataset.plaintext
        code, first = await socai(places, "backup", "--to", str(folder))
        assert (code, first["objects"]) == (0, first["new"])

        late = await selling(market, await Dataset.deposited(seller))
        assert await opened(buyer, market, late) == late.dataset.plaintext
        await ask(seller, withdrawn.dataset)
        clock.ahead = DAY + 1
        assert await client.services.erasures.carry_out() == 1
        clock.ahead = 0
        logged = await client.services.access_log.anchor()
    everything = b"".join(path.read_bytes() for path in files(folder))
    for secret in (SECRET, kept.dataset.data_key, b"SQLite format 3", b"PGDMP", PASSPHRASE.encode()):
        assert secret not in everything
    for share in (path for place in places.shares for path in files(place)):
        assert not share.read_bytes() or share.read_bytes()[:32] not in everything

    shutil.rmtree(places.data)
    places.data.mkdir()
    places = elsewhere(places)
    code, restored = await socai(places, "--rpc", market.deployed.url, "restore", str(folder))
    assert (code, restored["time"], restored["put_back"]) == (0, first["time"], first["objects"])
    assert restored["log_entries"] < restored["log_anchored"] == logged  # and it says so
    async with running(places, clock) as client:
        await caught_up(client, market)
        buyer = await client.sign_in(BUYER)
        assert await opened(buyer, market, kept) == kept.dataset.plaintext
        assert await refusal(buyer, late) == "payload-unknown"  # the chain knows it, the vault lost it
        assert await refusal(buyer, withdrawn) == "payload-erased"  # though its wrapped key is back
    code, second = await socai(places, "backup", "--to", str(folder))
    assert (code, second["objects"] - second["new"]) == (0, first["objects"])  # they never change
    code, refused = await socai(places, "restore", str(folder))
    assert (code, refused["error"]) == (1, "NotEmpty")


def files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


async def test_threat_S27_an_altered_backup_restores_nothing(
    places: Settings, clock: Clock, tmp_path: Path
) -> None:
    async with running(places, clock) as client:
        await Dataset.deposited(await client.sign_in(SELLER))
    folder = tmp_path / "backups"
    assert (await socai(places, "backup", "--to", str(folder)))[0] == 0
    shutil.rmtree(places.data)
    places.data.mkdir()
    for what in ("objects", "database", "keys", "manifest", "contents"):
        file = next(path for path in files(folder) if what in path.relative_to(folder).parts)
        whole = file.read_bytes()
        altered = bytearray(whole)
        altered[len(whole) // 2] ^= 1
        forged = whole.replace(b'"objects":{', b'"objects":{"x":[1,"y"],')
        file.write_bytes(forged if what == "contents" else altered)
        code, refused = await socai(places, "restore", str(folder))
        assert (code, refused["error"]) == (1, "BackupUnusable"), what
        assert not (places.data / "socai.sqlite").exists()
        file.write_bytes(whole)
    code, restored = await socai(places, "--rpc", "http://127.0.0.1:9", "restore", str(folder))
    assert (code, restored["log_anchored"]) == (0, None)


async def test_R13_objects_in_s3_are_backed_up_and_put_back_into_another_bucket(
    places: Settings, clock: Clock, tmp_path: Path, s3: S3, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in s3.environment.items():
        monkeypatch.setenv(name, value)
    folder = tmp_path / "backups"
    places = places.model_copy(update={"objects": s3.bucket()})
    monkeypatch.setenv("SOCAI_OBJECTS", str(places.objects))
    async with running(places, clock) as client:
        dataset = await Dataset.deposited(await client.sign_in(SELLER), SECRET * 2000)
    code, made = await socai(places, "backup", "--to", str(folder))
    assert (code, made["objects"], made["new"]) == (0, 1, 1)
    shutil.rmtree(places.data)
    places.data.mkdir()
    places = places.model_copy(update={"objects": s3.bucket()})
    monkeypatch.setenv("SOCAI_OBJECTS", str(places.objects))
    code, restored = await socai(places, "--rpc", "http://127.0.0.1:9", "restore", str(folder))
    assert (code, restored["put_back"]) == (0, 1), restored
    async with (
        running(places, clock) as client,
        client.request("GET", f"/v1/payloads/0x{dataset.root.hex()}") as answer,
    ):
        assert await answer.read() == dataset.ciphertext
