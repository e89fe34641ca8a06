"""Rotation of the master key under everything that the vault holds."""

import asyncio
import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from ledger.chain.manifest import Deployed, Manifest
from ledger.domain.deposit import Deposit, Payload
from ledger.keys import Cost, CustodyUnavailable, KeyCustody, LocalKeyStore
from ledger.services.rotation import Rotation
from ledger.store.database import Database, reading, writing
from ledger.store.deposits import Deposits
from tests.integration.keys.conftest import WORDS, Case
from tests.integration.keys.rotating import CHAIN, LISTINGS, MOMENTS, aad

ROWS = 3


@pytest.fixture
async def database(database_url: str) -> Database:
    database = Database(database_url)
    await database.migrate()
    return database


async def fill(database: Database, custody: KeyCustody, rows: int = ROWS) -> None:
    """Payloads whose data key is their deposit's id, backwards."""
    for index in range(rows):
        deposit = bytes([index + 1]) + bytes(31)
        empty = Payload("o", bytes([index]) * 32, deposit, b"\xbb" * 20, 1, "text/csv", 0, b"")
        wrapped = await custody.wrap(deposit[::-1], aad(empty))
        async with database.transaction() as session:
            await Deposits(session).open(Deposit(deposit, empty.seller, 0, 0), None)
            await session.flush()
            await Deposits(session).hold(replace(empty, wrapped_key=wrapped))


def rotation(database: Database, custody: KeyCustody) -> Rotation:
    return Rotation(CHAIN, LISTINGS, custody, reading(database, Deposits), writing(database, Deposits))


async def test_R13_everything_moves_once_and_opens(case: Case, database: Database) -> None:
    await fill(database, case.custody)
    before = await case.custody.current_version()
    done = await rotation(database, case.custody).run()
    assert (done.moved, done.kept, done.unopened) == (ROWS, 0, ())
    assert before != done.version == await case.custody.current_version()
    async with database.reading() as session:
        payloads = await Deposits(session).wrapped(b"", 100)
    for payload in payloads:
        assert case.custody.version(payload.wrapped_key) == done.version
        assert await case.custody.unwrap(payload.wrapped_key, aad(payload)) == payload.deposit[::-1]
    await database.close()


async def test_threat_S09_one_that_was_cut_short_goes_on_without_another_version(
    case: Case, database: Database
) -> None:
    await fill(database, case.custody)
    version = await case.custody.rotate()
    async with database.transaction() as session:
        first = (await Deposits(session).wrapped(b"", 1))[0]
        new = await case.custody.rewrap(first.wrapped_key, aad(first))
        assert await Deposits(session).rewrap(first.deposit, first.wrapped_key, new)
    done = await rotation(database, case.custody).run()
    assert (done.version, done.moved, done.kept) == (version, ROWS - 1, 1)
    await database.close()


def test_threat_S09_killed_at_every_row_all_payloads_open(tmp_path: Path) -> None:
    cheap = Cost(memory_kib=64, iterations=1, lanes=1)
    keys, url = tmp_path / "keys", f"sqlite:///{tmp_path}/socai.sqlite"

    async def prepare() -> None:
        database = Database(url)
        await database.migrate()
        await fill(database, LocalKeyStore.create(keys, WORDS, cost=cheap))
        await database.close()

    asyncio.run(prepare())
    command = [sys.executable, "-m", "tests.integration.keys.rotating", keys, url, WORDS, str(ROWS)]
    root = Path(__file__).parents[3]
    printed = subprocess.run(command, check=True, cwd=root, capture_output=True, text=True).stdout
    lines = [line.split() for line in printed.splitlines()]
    assert [(line[0], line[2]) for line in lines] == [
        pair for _ in range(ROWS) for moment in MOMENTS for pair in ((moment, "-9"), ("end", "0"))
    ]
    assert {line[3] for line in lines} == {str(ROWS)}  # all opened, after each kill and after each end
    versions = [line[4:] for line in lines]
    assert versions[1::2] == [[str(n + 2)] for n in range(len(lines) // 2)]  # a kill costs no version
    assert any(len(found) == 2 for found in versions)  # some died between two rows


async def test_one_key_that_does_not_open_is_named_and_keeps_nobody_waiting(
    case: Case, database: Database
) -> None:
    await fill(database, case.custody)
    async with database.transaction() as session:
        second = (await Deposits(session).wrapped(b"", 2))[1]
        await Deposits(session).rewrap(second.deposit, second.wrapped_key, b"no wrapped key")
    done = await rotation(database, case.custody).run()
    assert (done.moved, done.unopened) == (ROWS - 1, (second.deposit,))
    await database.close()


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_a_custodian_out_of_reach_stops_it(tmp_path: Path, database: Database) -> None:
    store = LocalKeyStore.create(tmp_path / "k", WORDS, cost=Cost(memory_kib=64, iterations=1, lanes=1))
    await fill(database, store)
    store._agent._process.kill()
    with pytest.raises(CustodyUnavailable):
        await rotation(database, store).run()
    await database.close()


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_R13_the_command_does_it(tmp_path: Path, database: Database) -> None:
    store = LocalKeyStore.create(tmp_path / "keys", WORDS, cost=Cost(memory_kib=64, iterations=1, lanes=1))
    await fill(database, store)
    await database.close()
    Manifest(CHAIN, bytes(32), 1, {"Listings": Deployed(f"0x{LISTINGS.hex()}", bytes(32))}).save(
        tmp_path / "manifest.json"
    )
    command = [sys.executable, "-c", "from ledger.cli import main; main()"]
    process = await asyncio.create_subprocess_exec(
        *[*command, "--data", str(tmp_path), "--json", "keys", "rotate"],
        env=os.environ | {"SOCAI_PASSPHRASE": WORDS},
        stdout=asyncio.subprocess.PIPE,
    )
    printed, _ = await process.communicate()
    assert process.returncode == 0, printed
    assert json.loads(printed) == {"version": "2", "moved": ROWS, "kept": 0}
    assert await store.current_version() == "2"  # seen by the service that runs meanwhile
