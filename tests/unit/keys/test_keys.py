"""Key custody and the secret file: real files, real kills, cheap Argon2id."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import pickle
import subprocess
import sys
import time
import traceback
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.crypto.seal import DepositContext, PrivateKey, Suite, SuiteMismatch, open_sealed, seal
from ledger.keys import (
    BadSecret,
    BadWrappedKey,
    Cost,
    CustodyUnavailable,
    KeyCustody,
    LocalKeyStore,
    SecretFileDamaged,
    SecretFileError,
    SecretFileExists,
    SecretFileMissing,
    UnknownKeyVersion,
    UnsafePermissions,
    UnwrapFailed,
    WrongPassphrase,
    new_data_key,
    port,
    secretfile,
    wrap_aad,
)

CHEAP = Cost(memory_kib=64, iterations=1, lanes=1)
WORDS = "mật khẩu của tôi"
DEPOSIT = DepositContext(1337, b"\xaa" * 20, b"\xbb" * 20, b"\xcc" * 32)
OTHER = DepositContext(1337, b"\xaa" * 20, b"\xbb" * 20, b"\xcd" * 32)
AAD = wrap_aad(DEPOSIT)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "keys.json"


@pytest.fixture
def store(path: Path) -> LocalKeyStore:
    return LocalKeyStore.create(path, WORDS, cost=CHEAP)


# Data keys --------------------------------------------------------------------------------------------------


def test_threat_S08_data_keys_differ_when_a_snapshot_repeats_the_random_bytes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Machines restored from one snapshot draw the same bytes: clock, process and deposit still differ."""
    monkeypatch.setattr(os, "urandom", lambda size: bytes(size))
    assert len({new_data_key() for _ in range(1000)}) == 1000
    monkeypatch.setattr(time, "time_ns", lambda: 1)
    monkeypatch.setattr(time, "monotonic_ns", lambda: 1)
    assert new_data_key(b"one deposit") != new_data_key(b"another")
    assert new_data_key(b"one") == new_data_key(b"one")  # nothing else went in: the test tests something


def test_threat_S08_data_keys_rest_on_the_random_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(port.time, "time_ns", lambda: 1)
    monkeypatch.setattr(port.time, "monotonic_ns", lambda: 1)
    keys = {new_data_key() for _ in range(1000)}
    assert len(keys) == 1000
    assert {len(key) for key in keys} == {32}


# Wrapping ---------------------------------------------------------------------------------------------------


async def test_R13_wrap_and_unwrap(store: LocalKeyStore, path: Path) -> None:
    custody: KeyCustody = store
    key = new_data_key()
    wrapped = await custody.wrap(key, AAD)
    assert len(wrapped) == 53
    assert key not in wrapped
    assert custody.version(wrapped) == await custody.current_version() == "1"
    assert await custody.unwrap(wrapped, AAD) == key
    assert await LocalKeyStore.open(path, WORDS).unwrap(wrapped, AAD) == key
    assert await custody.rewrap(wrapped, AAD) == wrapped
    with pytest.raises(ValueError, match="32 bytes, not 31"):
        await custody.wrap(key[:-1], AAD)


async def test_threat_S07_a_wrapped_key_opens_for_its_deposit_only(
    store: LocalKeyStore, tmp_path: Path
) -> None:
    wrapped = await store.wrap(new_data_key(), AAD)
    for aad in (wrap_aad(OTHER), b"", AAD + b"\0"):
        with pytest.raises(UnwrapFailed):
            await store.unwrap(wrapped, aad)
        with pytest.raises(UnwrapFailed):
            await store.rewrap(wrapped, aad)
    foreign = LocalKeyStore.create(tmp_path / "other.json", WORDS, cost=CHEAP)
    with pytest.raises(UnwrapFailed):
        await foreign.unwrap(wrapped, AAD)
    for bad in (b"", wrapped[:-1], wrapped + b"\0", b"\x02" + wrapped[1:]):
        with pytest.raises(BadWrappedKey):
            await store.unwrap(bad, AAD)
        with pytest.raises(BadWrappedKey):
            store.version(bad)
    with pytest.raises(UnknownKeyVersion, match="version 9"):
        await store.unwrap(wrapped[:4] + b"\x09" + wrapped[5:], AAD)


async def test_any_byte_of_a_wrapped_key_changed_is_refused(store: LocalKeyStore) -> None:
    wrapped = await store.wrap(new_data_key(), AAD)
    await store.rotate()  # so that the version byte can name another key that exists
    for place in range(len(wrapped)):
        for flip in (1, 3, 128):
            damaged = bytearray(wrapped)
            damaged[place] ^= flip
            with pytest.raises((BadWrappedKey, UnknownKeyVersion, UnwrapFailed)):
                await store.unwrap(bytes(damaged), AAD)


async def test_R13_rotation_keeps_old_keys_until_destroyed(store: LocalKeyStore, path: Path) -> None:
    key = new_data_key()
    old = await store.wrap(key, AAD)
    assert await store.rotate() == "2" == await store.current_version()
    assert await store.unwrap(old, AAD) == key
    new = await store.rewrap(old, AAD)
    assert (store.version(old), store.version(new)) == ("1", "2")
    with pytest.raises(BadSecret, match="in use"):
        store.destroy_version("2", WORDS)
    for absent in ("3", "0", "x"):
        with pytest.raises(BadSecret, match="no master key"):
            store.destroy_version(absent, WORDS)
    store.destroy_version("1", WORDS)
    for custody in (store, LocalKeyStore.open(path, WORDS)):
        with pytest.raises(UnknownKeyVersion):
            await custody.unwrap(old, AAD)
        assert await custody.unwrap(new, AAD) == key
    assert await store.rotate() == "3"


async def test_threat_S09_killed_at_every_row_of_a_rotation(store: LocalKeyStore, path: Path) -> None:
    keys = [new_data_key() for _ in range(6)]
    rows = [await store.wrap(key, AAD) for key in keys]
    for row in range(len(rows) + 1):
        custody = LocalKeyStore.open(path, WORDS)
        await custody.rotate()
        for index in range(row):  # dies before row `row`
            rows[index] = await custody.rewrap(rows[index], AAD)
        restarted = LocalKeyStore.open(path, WORDS)
        assert [await restarted.unwrap(wrapped, AAD) for wrapped in rows] == keys
        for _ in range(2):  # done again from the start, and once more
            rows = [await restarted.rewrap(wrapped, AAD) for wrapped in rows]
        assert {restarted.version(wrapped) for wrapped in rows} == {str(row + 2)}
        assert [await restarted.unwrap(wrapped, AAD) for wrapped in rows] == keys


KILLED = """
import os, signal, sys
from pathlib import Path
from ledger.keys import agent
from ledger.keys.secretfile import Opener
die = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
if sys.argv[3] == "fsync": os.fsync = die
else: Path.replace = die
agent._rotate(Opener(Path(sys.argv[1]), sys.argv[2]))
"""


@pytest.mark.parametrize("moment", ["fsync", "replace"])
def test_threat_S09_killed_while_the_file_is_written(store: LocalKeyStore, path: Path, moment: str) -> None:
    command = [sys.executable, "-c", KILLED, str(path), WORDS, moment]
    assert subprocess.run(command, check=False, cwd=Path(__file__).parents[3]).returncode == -9
    again = LocalKeyStore.open(path, WORDS)
    assert asyncio.run(again.rotate()) == "2"  # the lock died with its holder, the file is the old one


async def test_two_writers_lose_nothing(store: LocalKeyStore, path: Path) -> None:
    other = LocalKeyStore.open(path, WORDS)
    other.put_secret("token/one", b"1", WORDS)
    store.put_secret("token/two", b"2", WORDS)
    assert await other.rotate() == "2"
    assert await store.rotate() == "3"
    assert {"token/one", "token/two"} <= set(LocalKeyStore.open(path, WORDS).names())


# The vault's own keys ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("suite", Suite)
def test_sellers_seal_to_the_vault(store: LocalKeyStore, path: Path, suite: Suite) -> None:
    key, public = new_data_key(), store.recipient(suite).public
    sealed = seal(key, public, DEPOSIT)
    assert open_sealed(sealed, LocalKeyStore.open(path, WORDS).recipient_for(public), DEPOSIT) == key
    with pytest.raises(SuiteMismatch):
        store.recipient_for(PrivateKey.generate(suite).public)


def test_the_custodian_stays_the_same(store: LocalKeyStore, path: Path) -> None:
    assert store.custodian().address == LocalKeyStore.open(path, WORDS).custodian().address
    assert store.names() == ["account/custodian", "hpke/mlkem768-x25519", "hpke/x25519", "log/ed25519"]


def test_named_secrets_are_added_never_replaced(store: LocalKeyStore, path: Path) -> None:
    store.put_secret("token/provider", b"value", WORDS)
    assert LocalKeyStore.open(path, WORDS).secret("token/provider") == b"value"
    for taken in ("token/provider", "master/1", "master/7", "hpke/x25519"):
        with pytest.raises(BadSecret, match="taken"):
            store.put_secret(taken, b"other", WORDS)
    for bad in ("", "A", "../x", "a/", "a b"):
        with pytest.raises(BadSecret, match="no name"):
            store.put_secret(bad, b"value", WORDS)
    for hidden in ("nothing", "master/1"):
        with pytest.raises(BadSecret, match="there is no secret"):
            store.secret(hidden)


# The file ---------------------------------------------------------------------------------------------------


def test_each_failure_of_the_file_is_its_own(store: LocalKeyStore, path: Path, tmp_path: Path) -> None:
    with pytest.raises(SecretFileExists):
        LocalKeyStore.create(path, WORDS, cost=CHEAP)
    with pytest.raises(SecretFileMissing):
        LocalKeyStore.open(tmp_path / "none", WORDS)
    with pytest.raises(SecretFileMissing):
        LocalKeyStore.create(tmp_path / "none" / "keys", WORDS, cost=CHEAP)
    for wrong in ("wrong", WORDS + " ", WORDS.upper(), ""):
        with pytest.raises(WrongPassphrase):
            LocalKeyStore.open(path, wrong)
        with pytest.raises(WrongPassphrase):
            store.put_secret("token/one", b"1", wrong)
    with pytest.raises(WrongPassphrase, match="empty"):
        LocalKeyStore.create(tmp_path / "new", "", cost=CHEAP)
    assert not (tmp_path / "new").exists()
    good = path.read_bytes()
    content = json.loads(good)
    for bad in (
        b"",
        b"\xff",
        b"[]",
        b"{}",
        good[:-40],
        json.dumps({**content, "sealed": content["sealed"][:-2]}).encode(),
        json.dumps({**content, "sealed": ""}).encode(),
        json.dumps({**content, "version": 2}).encode(),
        json.dumps({**content, "memory_kib": 1 << 40}).encode(),
        json.dumps({**content, "lanes": True}).encode(),
        json.dumps({**content, "salt": "00"}).encode(),
        json.dumps({**content, "extra": 1}).encode(),
    ):
        path.write_bytes(bad)
        with pytest.raises(SecretFileDamaged):
            LocalKeyStore.open(path, WORDS)
    empty = tmp_path / "empty"
    secretfile.write_new(empty, WORDS, {}, CHEAP)
    with pytest.raises(SecretFileDamaged, match="no master key"):
        LocalKeyStore.open(empty, WORDS)


def test_a_vietnamese_passphrase_typed_in_either_form(store: LocalKeyStore, path: Path) -> None:
    assert unicodedata.normalize("NFD", WORDS) != unicodedata.normalize("NFC", WORDS)
    for form in ("NFC", "NFD"):
        LocalKeyStore.open(path, unicodedata.normalize(form, WORDS))  # type: ignore[arg-type]


def test_the_file_is_for_its_owner_only(store: LocalKeyStore, path: Path) -> None:
    assert path.stat().st_mode & 0o777 == 0o600
    asyncio.run(store.rotate())
    assert path.stat().st_mode & 0o777 == 0o600
    for mode in (0o640, 0o604, 0o620, 0o666):
        path.chmod(mode)
        with pytest.raises(UnsafePermissions, match="chmod 600"):
            LocalKeyStore.open(path, WORDS)


def test_each_write_takes_a_fresh_salt(store: LocalKeyStore, path: Path) -> None:
    before = json.loads(path.read_bytes())
    secretfile.change_passphrase(path, WORDS, "another", Cost(memory_kib=128, iterations=2, lanes=2))
    after = json.loads(path.read_bytes())
    assert (after["memory_kib"], after["iterations"], after["lanes"]) == (128, 2, 2)
    assert not {before[name] for name in ("salt", "check", "sealed")} & set(map(str, after.values()))
    assert LocalKeyStore.open(path, "another").names() == store.names()
    with pytest.raises(WrongPassphrase):
        LocalKeyStore.open(path, WORDS)


def test_the_default_cost_is_that_of_rfc_9106() -> None:
    assert Cost() == Cost(memory_kib=64 * 1024, iterations=3, lanes=4)


@settings(max_examples=150, deadline=None)
@given(place=st.integers(0, 2**20), flip=st.integers(1, 255))
def test_any_byte_of_the_file_changed_changes_no_secret(
    tmp_path_factory: pytest.TempPathFactory, place: int, flip: int
) -> None:
    path = tmp_path_factory.getbasetemp() / "flip.json"
    secrets = {"a": b"\x01" * 32}
    path.unlink(missing_ok=True)
    secretfile.write_new(path, WORDS, secrets, CHEAP)
    damaged = bytearray(path.read_bytes())
    damaged[place % len(damaged)] ^= flip
    path.write_bytes(damaged)
    try:
        found = secretfile.read(path, WORDS)
    except SecretFileError:
        return
    assert found == secrets  # white space, or the case of a hex digit


# Canary -----------------------------------------------------------------------------------------------------


async def test_threat_S10_no_secret_is_shown(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    passphrase = "canary-" + os.urandom(8).hex()
    store = LocalKeyStore.create(path, passphrase, cost=CHEAP)
    key = new_data_key()
    wrapped = await store.wrap(key, AAD)
    shown = [
        repr(store),
        str(store),
        f"{store}",
        repr(store.recipient()),
        repr(store.custodian()),
        repr(store.log_key()),
        Path.read_text(path),
    ]
    refused = 0
    for failing in (
        lambda: LocalKeyStore.open(path, passphrase + "x"),
        lambda: asyncio.run(store.unwrap(wrapped, b"")),
        lambda: asyncio.run(store.unwrap(wrapped[:-1], AAD)),
        lambda: store.secret("nothing"),
        lambda: store.put_secret("master/1", key, passphrase),
        lambda: store.destroy_version("1", passphrase),
        lambda: pickle.dumps(store),
    ):
        try:
            await asyncio.to_thread(failing)
        except Exception as error:
            refused += 1
            logging.getLogger("test").exception("refused")
            shown += [repr(error), "".join(traceback.format_exception(error))]
    assert refused == 7
    shown.append(caplog.text)
    secrets = secretfile.read(path, passphrase)
    assert len(secrets) == 5
    for secret in (key, passphrase.encode(), *secrets.values()):
        for form in (secret.hex(), repr(secret)[2:-1], str(int.from_bytes(secret, "big"))):
            assert not any(form in text for text in shown)


# Memory -----------------------------------------------------------------------------------------------------

SERVICE = """
import asyncio, sys
from pathlib import Path
from ledger.keys import LocalKeyStore, new_data_key
async def main():
    store = LocalKeyStore.open(Path(sys.argv[1]), sys.argv[2])
    for _ in range(20):
        assert await store.unwrap(await store.rewrap(await store.wrap(new_data_key(), b"x"), b"x"), b"x")
    await store.rotate()
    await store.wrap(new_data_key(), b"x")
    print(store._agent._process.pid, flush=True)
    sys.stdin.read()
asyncio.run(main())
"""


def memory(pid: int) -> bytes:
    """All that a process can read of its own."""
    found = b""
    maps = [line.split() for line in Path(f"/proc/{pid}/maps").read_text().splitlines()]
    with Path(f"/proc/{pid}/mem").open("rb", buffering=0) as file:
        for where, mode, *_, name in maps:
            if mode.startswith("r") and name not in ("[vvar]", "[vsyscall]", "[vvar_vclock]"):
                start, end = (int(part, 16) for part in where.split("-"))
                file.seek(start)
                found += file.read(end - start)
    return found


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_threat_S10_no_master_key_stays_in_memory_after_a_call(store: LocalKeyStore, path: Path) -> None:
    command = [sys.executable, "-c", SERVICE, str(path), WORDS]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as service:
        assert service.stdin is not None
        assert service.stdout is not None
        agent = int(service.stdout.readline())
        secrets = secretfile.read(path, WORDS)
        masters = [secrets["master/1"], secrets["master/2"]]
        kept = memory(service.pid)
        assert secrets["account/custodian"] in kept  # the scan finds what is there
        shown = [kept]
        try:
            shown.append(memory(agent))
            assert WORDS.encode() in shown[1]
        except PermissionError:  # what everybody but root gets: the agent is not to be traced
            assert os.geteuid() != 0
        for master in masters:
            for form in (master, master[:32], master[32:], master.hex().encode()):
                assert not any(form in text for text in shown)
        service.stdin.close()
        assert service.wait(10) == 0
    assert not Path(f"/proc/{agent}").exists()  # it ended with the service


async def test_without_its_agent_the_store_says_so(store: LocalKeyStore) -> None:
    store._agent._process.kill()
    store._agent._process.wait()
    with pytest.raises(CustodyUnavailable, match="restart"):
        await store.wrap(new_data_key(), AAD)
