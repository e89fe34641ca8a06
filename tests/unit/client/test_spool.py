"""What is kept of a file on its way."""

import fcntl
import os
import resource
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ledger.client.payload import Encryption, FileChanged
from ledger.client.spool import OLD_SECONDS, NoRoom, Pending, PublishUnderWay, Spool
from ledger.crypto.stream import decrypt

ACCOUNT = "0x" + "11" * 20
KEY, CONTEXT, DEPOSIT = b"\x01" * 32, b"context", b"\x02" * 32


@pytest.fixture
def content() -> bytes:
    return os.urandom(3 << 20)


@pytest.fixture
def file(tmp_path: Path, content: bytes) -> Path:
    path = tmp_path / "rows.csv"
    path.write_bytes(content)
    return path


def replace_content(file: Path) -> None:
    """With another of the same size and times."""
    before = file.stat()
    file.write_bytes(os.urandom(before.st_size))
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))


async def encrypted(spool: Spool, file: Path) -> Pending:
    spool.begin(DEPOSIT)
    encryption, written = Encryption(file, KEY, CONTEXT, lambda _: None), list[int]()
    pending = await spool.encrypt(encryption, DEPOSIT, b"sealed", written.append)
    assert (written, written[-1]) == (sorted(written), pending.payload.size)
    return pending


async def test_R13_what_was_kept_is_found_again_until_it_is_cleared(
    tmp_path: Path, file: Path, content: bytes
) -> None:
    with Spool.of(tmp_path / "uploads", ACCOUNT, file) as spool:
        assert spool.pending(file) is None
        kept = await encrypted(spool, file)
        kept = spool.received(kept, {"deadline": 1})
    with Spool.of(tmp_path / "uploads", ACCOUNT, file) as spool:
        assert spool.pending(file) == kept
        with spool.ciphertext() as ciphertext:
            assert b"".join(decrypt(KEY, CONTEXT, [ciphertext.read()])) == content
        spool.clear()
        spool.clear()
        assert spool.pending(file) is None
    with Spool.of(tmp_path / "uploads", "0x" + "22" * 20, file) as other:
        assert other.pending(file) is None


async def test_R12_a_file_of_another_content_is_never_sent_under_an_earlier_key(
    tmp_path: Path, file: Path
) -> None:
    with Spool.of(tmp_path / "uploads", ACCOUNT, file) as spool:
        await encrypted(spool, file)
        replace_content(file)
        assert spool.pending(file) is None


async def test_R13_a_record_that_is_not_whole_is_none(tmp_path: Path, file: Path) -> None:
    with Spool.of(tmp_path / "uploads", ACCOUNT, file) as spool:
        await encrypted(spool, file)
        (record,) = (tmp_path / "uploads").glob("*.json")
        whole = record.read_text()
        record.write_text(whole[:-9])
        assert spool.pending(file) is None
        record.write_text(whole)
        assert spool.pending(file) is not None
        (ciphertext,) = (tmp_path / "uploads").glob("*.ciphertext")
        os.truncate(ciphertext, 1 << 20)
        assert spool.pending(file) is None


async def test_a_file_that_shrinks_while_it_is_read_leaves_no_record(tmp_path: Path, file: Path) -> None:
    encryption = Encryption(file, KEY, CONTEXT, lambda _: None)
    os.truncate(file, 1 << 20)
    with Spool.of(tmp_path / "uploads", ACCOUNT, file) as spool:
        spool.begin(DEPOSIT)
        with pytest.raises(FileChanged):
            await spool.encrypt(encryption, DEPOSIT, b"sealed", lambda _: None)
        assert (spool.pending(file), spool.unfinished()) == (None, DEPOSIT)


@pytest.mark.parametrize("early", [True, False])
async def test_threat_S17_without_room_nothing_is_kept_and_the_error_says_so(
    tmp_path: Path, file: Path, early: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Known before, or shown by the disk: a limit of this process stands for the disk's."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    if early:
        usage = shutil.disk_usage(tmp_path)._replace(free=1 << 20)
        monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    with Spool.of(tmp_path / "uploads", ACCOUNT, file) as spool:
        spool.begin(DEPOSIT)
        encryption = Encryption(file, KEY, CONTEXT, lambda _: None)
        if not early:
            resource.setrlimit(resource.RLIMIT_FSIZE, (2_000_000, limits[1]))
        try:
            with pytest.raises(NoRoom, match="no room for 3148872 bytes"):
                await spool.encrypt(encryption, DEPOSIT, b"sealed", lambda _: None)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        assert (spool.pending(file), spool.unfinished()) == (None, DEPOSIT)
        assert not list((tmp_path / "uploads").glob("*.ciphertext"))
        monkeypatch.undo()
        kept = await encrypted(spool, file)
        assert spool.pending(file) == kept


async def test_what_nobody_came_back_for_is_forgotten(tmp_path: Path, file: Path) -> None:
    folder, long_ago = tmp_path / "uploads", time.time() - OLD_SECONDS - 60
    accounts = ["0x" + digit * 40 for digit in "123"]
    for account in accounts:
        with Spool.of(folder, account, file) as spool:
            await encrypted(spool, file)
    (first, second, third) = sorted(folder.glob("*.ciphertext"))
    for path in (first, second):
        os.utime(path, (long_ago, long_ago))
    with second.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # it is being sent
        Spool.sweep(folder)
    assert sorted(folder.glob("*.ciphertext")) == [second, third]
    assert sorted(folder.glob("*.json")) == [second.with_suffix(".json"), third.with_suffix(".json")]


HOLDER = """
import sys, time
from pathlib import Path
from ledger.client.spool import Spool
with Spool.of(Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3])):
    print("held", flush=True)
    time.sleep(60)
"""


def test_threat_S17_one_program_publishes_a_file_at_a_time_and_a_kill_lets_go(
    tmp_path: Path, file: Path
) -> None:
    arguments = [tmp_path / "uploads", ACCOUNT, file]
    with subprocess.Popen([sys.executable, "-c", HOLDER, *arguments], stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(PublishUnderWay), Spool.of(*arguments):
            pass
        holder.kill()
    with Spool.of(*arguments):
        pass
