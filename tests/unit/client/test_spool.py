"""What is kept of a file on its way."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from ledger.client.payload import Encryption, FileChanged
from ledger.client.spool import Pending, PublishUnderWay, Spool
from ledger.crypto.chunked import decrypt

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
    return await spool.encrypt(Encryption(file, KEY, CONTEXT, lambda _: None), DEPOSIT, b"sealed")


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
        record.write_text(record.read_text()[:-9])
        assert spool.pending(file) is None


async def test_a_file_that_shrinks_while_it_is_read_leaves_no_record(tmp_path: Path, file: Path) -> None:
    encryption = Encryption(file, KEY, CONTEXT, lambda _: None)
    os.truncate(file, 1 << 20)
    with Spool.of(tmp_path / "uploads", ACCOUNT, file) as spool:
        with pytest.raises(FileChanged):
            await spool.encrypt(encryption, DEPOSIT, b"sealed")
        assert spool.pending(file) is None


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
