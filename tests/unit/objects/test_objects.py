"""The object store over a local folder, memory and S3; crashes and full disks in processes of their own."""

from __future__ import annotations

import asyncio
import hashlib
import os
import shutil
import subprocess
import sys
import tracemalloc
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import aiohttp
import pytest
from obstore.store import LocalStore, MemoryStore
from yarl import URL

from ledger.objects import (
    BadObjectName,
    BadRange,
    ObjectExists,
    ObjectNotFound,
    ObjectStore,
    ObstoreObjects,
    StorageFailed,
    StorageFull,
    WriterClosed,
    check_name,
    stored,
)
from tests.s3 import S3

NAME = "payloads/" + "ab" * 32


@pytest.fixture(params=["local", "memory", "s3"])
def objects(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ObjectStore:
    match request.param:
        case "local":
            return ObstoreObjects.at(str(tmp_path / "objects"))
        case "memory":
            return ObstoreObjects(MemoryStore())
    server: S3 = request.getfixturevalue("s3")
    for name, value in server.environment.items():
        monkeypatch.setenv(name, value)
    return ObstoreObjects.at(server.bucket())


async def put(objects: ObjectStore, name: str, *pieces: bytes) -> None:
    async with await objects.create() as writer:
        for piece in pieces:
            await writer.write(piece)
        await writer.commit(name)


async def get(objects: ObjectStore, name: str, start: int = 0, end: int | None = None) -> bytes:
    return b"".join([bytes(piece) async for piece in objects.read(name, start, end)])


async def names(objects: ObjectStore, prefix: str = "") -> set[str]:
    return {info.name async for info in objects.list(prefix)}


async def test_R16_what_is_written_is_read(objects: ObjectStore) -> None:
    data = os.urandom(2 * stored.PIECE + 12345)
    await put(objects, NAME, data[:100], b"", data[100 : stored.PIECE], data[stored.PIECE :])
    assert (await objects.info(NAME)).size == len(data)
    assert await get(objects, NAME) == data
    for start, end in (
        (0, 0),
        (5, 5),
        (0, 1),
        (len(data) - 1, len(data)),
        (len(data), len(data)),
        (100, stored.PIECE + 1),
        (stored.PIECE - 1, 2 * stored.PIECE + 1),
    ):
        assert await get(objects, NAME, start, end) == data[start:end]
    assert await get(objects, NAME, 7) == data[7:]
    async for piece in objects.read(NAME):
        assert memoryview(piece).nbytes <= stored.PIECE
        break  # a reader may leave early


async def test_an_empty_object(objects: ObjectStore) -> None:
    await put(objects, "empty")
    assert (await objects.info("empty")).size == 0
    assert await get(objects, "empty") == b""


async def test_ranges_outside_are_refused(objects: ObjectStore) -> None:
    await put(objects, NAME, b"0123456789")
    for start, end in ((-1, 5), (0, 11), (11, None), (6, 5)):
        with pytest.raises(BadRange):
            await get(objects, NAME, start, end)


async def test_a_local_object_is_a_file(tmp_path: Path) -> None:
    objects = ObstoreObjects.at(str(tmp_path / "objects"))
    await put(objects, NAME, b"content")
    file = await objects.file(NAME)
    assert file is not None
    with file:
        await objects.delete(NAME)
        assert file.read() == b"content"
    with pytest.raises(ObjectNotFound):
        await objects.file(NAME)


async def test_missing_objects(objects: ObjectStore) -> None:
    for call in (objects.info(NAME), objects.delete(NAME), get(objects, NAME)):
        with pytest.raises(ObjectNotFound, match="no object"):
            await call


async def test_list_and_delete(objects: ObjectStore) -> None:
    for name in ("a/1", "a/2", "b/1", "c"):
        await put(objects, name, name.encode())
    writer = await objects.create()
    await writer.write(b"unfinished")
    assert await names(objects) == {"a/1", "a/2", "b/1", "c"}
    assert await names(objects, "a") == {"a/1", "a/2"}
    assert await names(objects, "none") == set()
    await objects.delete("a/1")
    assert await names(objects) == {"a/2", "b/1", "c"}
    await writer.abort()


BAD_NAMES = [
    "",
    ".",
    "..",
    "../secret",
    "a/../b",
    "a/..",
    "/etc/passwd",
    "a//b",
    "a/",
    "./a",
    ".staging/x",
    "a/.hidden",
    "A",
    "a b",
    "a\n",
    "a\0",
    "a#1",
    "a%2e%2e",
    "a\\b",
    "é",
    "a.b",
    "-a",
    "_a",
    "a/b/c/d/e",
    "x" * 129,
    "/".join(["x" * 100] * 3),
]


@pytest.mark.parametrize("name", BAD_NAMES)
async def test_threat_S12_unsafe_names_are_refused(objects: ObjectStore, name: str) -> None:
    with pytest.raises(BadObjectName):
        check_name(name)
    writer = await objects.create()
    for call in (writer.commit(name), objects.info(name), objects.delete(name), get(objects, name)):
        with pytest.raises(BadObjectName):
            await call
    if name:
        with pytest.raises(BadObjectName):
            await names(objects, name)
    await writer.abort()


async def test_objects_never_change(objects: ObjectStore) -> None:
    await put(objects, NAME, b"first")
    with pytest.raises(ObjectExists):
        await put(objects, NAME, b"longer than it")
    await put(objects, NAME, b"fresh")  # same name, same size: the same object, by the rule of names
    assert await get(objects, NAME) == b"first"
    assert await names(objects) == {NAME}
    assert await objects.sweep(timedelta(seconds=-60)) == 0  # nothing was left behind


@pytest.mark.parametrize("objects", ["s3"], indirect=True)
async def test_more_than_the_store_can_rename_is_refused_before_it_is_sent(
    objects: ObjectStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert objects.largest == 5 << 30
    monkeypatch.setattr(stored, "_COPIED", 20 << 20)
    await put(objects, NAME, *[bytes(1 << 20)] * 20)  # in several parts
    async with await objects.create() as writer:
        for _ in range(20):
            await writer.write(bytes(1 << 20))
        with pytest.raises(StorageFailed, match="20971520"):
            await writer.write(b"1")
    assert await names(objects) == {NAME}
    assert await objects.sweep(timedelta(seconds=-60)) == 0


async def test_two_writers_of_one_name(objects: ObjectStore) -> None:
    await asyncio.gather(*(put(objects, NAME, b"same", bytes(100)) for _ in range(8)))
    assert await get(objects, NAME) == b"same" + bytes(100)
    assert await objects.sweep(timedelta(seconds=-60)) == 0


async def test_nothing_shows_before_commit_or_after_abort(objects: ObjectStore) -> None:
    async with await objects.create() as writer:
        await writer.write(bytes(10_000_000))
        assert writer.size == 10_000_000
        assert await names(objects) == set()
    for call in (writer.write(b"x"), writer.commit(NAME)):
        with pytest.raises(WriterClosed):
            await call
    await writer.abort()
    assert await names(objects) == set()

    async def fail() -> None:
        async with await objects.create() as writer:
            await writer.write(bytes(10_000_000))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()
    assert await names(objects) == set()


async def test_a_caller_may_reuse_its_buffer(objects: ObjectStore) -> None:
    piece = bytearray(b"a" * 1000)
    async with await objects.create() as writer:
        await writer.write(piece)
        piece[:] = b"b" * 1000
        await writer.write(memoryview(piece))
        piece[:] = b"c" * 1000
        await writer.commit(NAME)
    assert await get(objects, NAME) == b"a" * 1000 + b"b" * 1000


async def test_R09_who_has_a_signed_address_reads_for_a_while(
    s3: S3, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name, value in s3.environment.items():
        monkeypatch.setenv(name, value)
    objects = ObstoreObjects.at(s3.bucket())
    await put(objects, NAME, b"0123456789")
    url = await objects.signed_url(NAME, 60)
    assert url is not None
    part = {"range": "bytes=2-4"}
    async with aiohttp.ClientSession() as http, http.get(URL(url, encoded=True), headers=part) as answer:
        assert (answer.status, await answer.read()) == (206, b"234")
    assert "X-Amz-Expires=60" in url
    assert "secret" not in url
    assert await ObstoreObjects.local(tmp_path).signed_url(NAME, 60) is None


async def test_an_object_cut_behind_our_back_is_noticed(tmp_path: Path) -> None:
    objects = ObstoreObjects.local(tmp_path)
    await put(objects, NAME, bytes(3 * stored.PIECE))
    reader = objects.read(NAME)
    await anext(reader)
    os.truncate(tmp_path / NAME, stored.PIECE + 5)

    async def drain() -> None:
        async for _ in reader:
            pass

    with pytest.raises(StorageFailed, match="cut short"):
        await drain()


async def test_threat_S17_local_commit_reaches_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """obstore never calls fsync: ours must sync the file before it is visible, and the folders after."""
    objects, root, steps = ObstoreObjects.local(tmp_path), Path(os.fspath(tmp_path)), []
    real_sync, real_link = os.fsync, os.link

    def sync(handle: int) -> None:
        path = Path(f"/proc/self/fd/{handle}").readlink().relative_to(root)
        steps.append("file" if path.parts[:1] == (".staging",) else f"folder {path}")
        real_sync(handle)

    def link(source: Path, target: Path) -> None:
        steps.append("link")
        real_link(source, target)

    monkeypatch.setattr(os, "fsync", sync)
    monkeypatch.setattr(os, "link", link)
    await put(objects, NAME, b"data")
    assert steps == ["file", "link", "folder payloads", "folder ."]
    await objects.delete(NAME)
    assert steps[4:] == ["folder payloads"]


async def test_threat_S13_memory_is_constant(tmp_path: Path) -> None:
    """128 MB through the store and back. obstore buffers outside Python: look at the resident size too."""
    objects, piece = ObstoreObjects.local(tmp_path), bytes(1 << 20)

    def resident() -> int:
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    before, digest = resident(), hashlib.sha256()
    tracemalloc.start()
    try:
        async with await objects.create() as writer:
            for _ in range(128):
                await writer.write(piece)
            await writer.commit(NAME)
        async for part in objects.read(NAME):
            digest.update(part)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert digest.digest() == hashlib.sha256(bytes(128 << 20)).digest()
    assert peak < 4 << 20, peak
    assert resident() - before < 100 << 20


# Processes that die, disks that fill ------------------------------------------------------------------------

CHILD = """
import asyncio, os, signal, sys
from pathlib import Path
from ledger.objects import ObstoreObjects, ObjectError
async def main(folder, moment, megabytes):
    objects = ObstoreObjects.local(Path(folder))
    if moment in ("link", "fsync"):
        setattr(os, moment, lambda *_: os.kill(os.getpid(), signal.SIGKILL))
    if moment == "unlink":
        Path.unlink = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
    try:
        async with await objects.create() as writer:
            for _ in range(int(megabytes)):
                await writer.write(os.urandom(1 << 20))
            if moment == "write":
                os.kill(os.getpid(), signal.SIGKILL)
            await writer.commit("object")
    except ObjectError as error:
        print(type(error).__name__, error, sep="|")
asyncio.run(main(*sys.argv[1:]))
"""


def child(folder: Path, moment: str, megabytes: int, *prefix: str) -> subprocess.CompletedProcess[str]:
    command = [*prefix, sys.executable, "-c", CHILD, str(folder), moment, str(megabytes)]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=Path(__file__).parents[3])


@pytest.mark.parametrize("moment", ["write", "fsync", "link", "unlink"])
async def test_threat_S17_killed_at_any_step(tmp_path: Path, moment: str) -> None:
    assert child(tmp_path, moment, 20).returncode == -9
    objects = ObstoreObjects.local(tmp_path)
    whole = moment == "unlink"  # dead after the link: the object is there, and whole
    assert await names(objects) == ({"object"} if whole else set())
    if whole:
        assert (await objects.info("object")).size == 20 << 20
    assert len(files_in(tmp_path / ".staging")) == 1
    assert await objects.sweep(timedelta(hours=1)) == 0  # it may belong to a live writer
    assert await objects.sweep(timedelta(seconds=-60)) == 1
    assert files_in(tmp_path / ".staging") == []
    assert await names(objects) == ({"object"} if whole else set())


def limits() -> Iterator[tuple[str, list[str]]]:
    """Ways to run out of space: a file size limit; a small file system where the kernel lets us mount one."""
    yield "limit", ["bash", "-c", 'ulimit -f 8192; exec "$@"', "-"]
    mount = ["unshare", "-rm", "bash", "-c", 'mount -t tmpfs -o size=8m none "$0" && exec "$@"']
    if (
        shutil.which("unshare")
        and not subprocess.run([*mount, "/mnt", "true"], capture_output=True).returncode
    ):
        yield "disk", mount


@pytest.mark.parametrize(("kind", "prefix"), [pytest.param(*way, id=way[0]) for way in limits()])
async def test_threat_S17_full_disk(tmp_path: Path, kind: str, prefix: list[str]) -> None:
    extra = [str(tmp_path)] if kind == "disk" else []
    done = child(tmp_path, "never", 40, *prefix, *extra)
    assert done.stdout.startswith("StorageFull|no space left to store"), done
    assert done.returncode == 0
    if kind == "limit":  # the small file system is gone with its process
        assert await names(ObstoreObjects.local(tmp_path)) == set()
        assert files_in(tmp_path) == []


def files_in(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


async def test_errors_of_the_store_are_its_own(tmp_path: Path) -> None:
    objects = ObstoreObjects.local(tmp_path / "objects")
    (tmp_path / "objects" / "a").write_bytes(b"a file where a folder should be")
    with pytest.raises(StorageFailed):
        await put(objects, "a/b", b"x")
    assert await names(objects) == {"a"}
    with pytest.raises(ValueError, match="folder of its own"):
        ObstoreObjects(LocalStore())
    assert str(tmp_path) in repr(objects)
    assert not issubclass(StorageFull, OSError)
