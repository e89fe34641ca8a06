"""A service that cannot start says why in one line."""

import json
import multiprocessing
import os
import socket
import sqlite3
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

from api.__main__ import main
from ledger.chain.devnet import Devnet
from ledger.chain.manifest import Deployed, Manifest
from ledger.keys import Cost, LocalKeyStore
from tests.integration.api.market import PASSPHRASE

MANIFEST = Manifest(
    chain_id=84084,
    genesis_hash=bytes(32),
    block=1,
    contracts={"Listings": Deployed("0x" + "11" * 20, bytes(32))},
)


FORKS: Final = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload(["api.__main__"])  # each start would import for seconds


@dataclass(frozen=True, slots=True)
class Ended:
    status: int | None
    stderr: str


def start(folder: Path, **changes: str) -> Ended:
    """The service in a process of its own, until it ends."""
    environment = {
        "SOCAI_DATA": str(folder),
        "SOCAI_PASSPHRASE": PASSPHRASE,
        "SOCAI_RPC_URL": "http://127.0.0.1:9",
        "SOCAI_PORT": "0",
    }
    log = folder / "stderr"
    process = FORKS.Process(target=_main, args=(environment | changes, log))
    process.start()
    process.join(60)
    return Ended(process.exitcode, log.read_text())


def _main(environment: dict[str, str], log: Path) -> None:
    os.environ.update(environment)
    with log.open("w") as sys.stderr:
        sys.exit(main())


def said(done: Ended) -> str:
    """The one line that is no log."""
    assert done.status == 1, done.stderr
    assert "Traceback" not in done.stderr
    (line,) = (line for line in done.stderr.splitlines() if not line.startswith("{"))
    assert PASSPHRASE not in done.stderr
    return line


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    LocalKeyStore.create(tmp_path / "keys", PASSPHRASE, cost=Cost(memory_kib=64, iterations=1, lanes=1))
    MANIFEST.save(tmp_path / "manifest.json")
    return tmp_path


def from_the_future(folder: Path) -> None:
    connection = sqlite3.connect(folder / "socai.sqlite")
    connection.execute("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)")
    connection.execute("INSERT INTO alembic_version VALUES ('9999')")
    connection.commit()
    connection.close()


def garbage(folder: Path) -> None:
    (folder / "socai.sqlite").write_bytes(b"no database at all" * 100)


@pytest.mark.parametrize(
    ("spoil", "changes", "expected"),
    [
        (lambda at: (at / "manifest.json").unlink(), {}, "manifest.json is missing"),
        (lambda at: (at / "manifest.json").write_text("[" * 99_999), {}, "manifest.json"),
        (lambda at: (at / "keys").unlink(), {}, "there is no"),
        (lambda at: (at / "keys").chmod(0o644), {}, "chmod 600"),
        (lambda at: None, {"SOCAI_PASSPHRASE": "another"}, "this passphrase does not open"),
        (lambda at: None, {"SOCAI_FINALITY": "soon"}, "finality is"),
        (lambda at: None, {}, "127.0.0.1:9"),
        (from_the_future, {}, "the database is not of this version"),
        (garbage, {}, "file is not a database"),
        (lambda at: None, {"SOCAI_DATABASE_URL": "no address"}, "the address of the database"),
        (lambda at: None, {"SOCAI_DATABASE_URL": "sqlite:////no/such/folder/db"}, "unable to open"),
    ],
)
def test_each_known_reason_is_one_line(
    folder: Path, spoil: Callable[[Path], object], changes: dict[str, str], expected: str
) -> None:
    spoil(folder)
    line = said(start(folder, **changes))
    assert line.startswith("socai cannot start: ")
    assert expected in line


def test_a_taken_port_is_said(folder: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert f"127.0.0.1:{port} cannot be listened on" in said(start(folder, SOCAI_PORT=str(port)))


async def test_another_chain_is_said(folder: Path, devnet: Devnet) -> None:
    assert "genesis block" in said(start(folder, SOCAI_RPC_URL=devnet.url))
    other = MANIFEST.to_json() | {"chain_id": 1}
    Manifest.from_json(json.loads(json.dumps(other))).save(folder / "manifest.json")
    assert "chain 84084, the manifest is for chain 1" in said(start(folder, SOCAI_RPC_URL=devnet.url))


def test_R31_a_production_profile_says_everything_that_is_missing(folder: Path, tmp_path: Path) -> None:
    production = {"SOCAI_PROFILE": "production"}
    line = said(start(folder, **production))
    for missing in ("SOCAI_PUBLIC_URL", "TLS", "key custody", "key shares", "backup"):
        assert missing in line
    line = said(start(folder, **production, SOCAI_BACKUP=str(folder / "data"), SOCAI_ADDRESS_RATE="0"))
    assert "SOCAI_BACKUP is no folder apart" in line
    assert "rate limits" in line


def test_R31_a_production_profile_starts_when_nothing_is_missing(folder: Path, tmp_path: Path) -> None:
    apart = tmp_path / "apart"
    (apart / "backup").mkdir(parents=True)
    data = tmp_path / "data"
    data.mkdir()
    (folder / "manifest.json").rename(data / "manifest.json")
    (folder / "keys").rename(apart / "keys")
    whole = {
        "SOCAI_PROFILE": "production",
        "SOCAI_DATA": str(data),
        "SOCAI_PUBLIC_URL": "https://data.example",
        "SOCAI_PROXY": "127.0.0.1",
        "SOCAI_KEYS": str(apart / "keys"),
        "SOCAI_BACKUP": str(apart / "backup"),
        "SOCAI_SHARES": f"{apart / 'one'}:{apart / 'two'}",
        "SOCAI_WITNESSES": "http://127.0.0.1:9",
    }
    assert "127.0.0.1:9" in said(start(folder, **whole))  # as far as the node, which does not answer
    for name, missing in (
        ("SOCAI_PUBLIC_URL", "https"),
        ("SOCAI_PROXY", "TLS"),
        ("SOCAI_KEYS", "key custody"),
        ("SOCAI_BACKUP", "backup"),
        ("SOCAI_SHARES", "key shares"),
        ("SOCAI_WITNESSES", "nodes"),
    ):
        line = said(start(folder, **{key: value for key, value in whole.items() if key != name}))
        assert missing in line
        assert ";" not in line  # nothing else


def test_half_of_tls_is_none(folder: Path) -> None:
    done = start(folder, SOCAI_TLS_KEY="key.pem")
    assert (done.status, "go together" in done.stderr) == (2, True)
