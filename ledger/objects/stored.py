"""Objects in an `obstore` store: a local folder, S3, GCS, Azure, memory.

A writer streams into ``.staging/<random>`` and `commit` renames it. No name that callers can use starts with
a dot, so staging is invisible by construction, wherever the process dies.

Durability. A cloud store answers when the bytes are durable. obstore's `LocalStore` renames without ever
calling fsync (0.12.1, seen with strace), so that a power cut may leave a visible, empty object. In a local
folder `commit` therefore does by itself: fsync of the staged file, link to the final name (which, other than
rename, never replaces), unlink, fsync of the folders. A cut before the link leaves staging for `sweep`;
after it, a whole object.

On S3 a rename is a server-side copy, which S3 itself refuses when the name is taken, and a delete. S3 copies
at most 5 GiB in one go: there an object is no larger, and a writer of more is refused before S3 would.
"""

from __future__ import annotations

import asyncio
import errno
import os
import re
import secrets
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import aclosing, contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, BinaryIO, Final, Self

import obstore
from obstore.exceptions import AlreadyExistsError, BaseError
from obstore.store import LocalStore, S3Store

from ledger.objects.port import (
    BadRange,
    ObjectExists,
    ObjectInfo,
    ObjectNotFound,
    ObjectWriter,
    StorageFailed,
    StorageFull,
    WriterClosed,
    check_name,
)
from ledger.tasks import ahead

if TYPE_CHECKING:
    from obstore import ObjectMeta
    from obstore.store import ObjectStore as Backend
    from typing_extensions import Buffer

PIECE: Final = 1024 * 1024
"""Bytes read at once. obstore's own stream reads a local file by 8 KiB and is six times slower."""
_PART: Final = 8 * 1024 * 1024
"""Bytes buffered and uploaded as one part; S3 asks for at least 5 MiB and allows 10 000 parts."""
_PARTS_AT_ONCE: Final = 2
_COPIED: Final = 5 << 30
"""Most bytes that S3 copies in one go."""
_STAGING: Final = ".staging"
_FULL: Final = re.compile(
    rf"os error ({errno.ENOSPC}|{errno.EDQUOT}|{errno.EFBIG})\b|no space left|quotaexceeded",
    re.I,
)


class ObstoreObjects:
    """An `ObjectStore` over `backend`; for a local folder use `ObstoreObjects.local`."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._folder = backend.prefix if isinstance(backend, LocalStore) else None
        if isinstance(backend, LocalStore) and self._folder is None:
            raise ValueError("a local store needs a folder of its own")

    @classmethod
    def local(cls, folder: Path) -> ObstoreObjects:
        """Objects in a local folder, made with mode 0700 when it is missing."""
        folder = folder.resolve()
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return cls(LocalStore(folder))

    @classmethod
    def at(cls, address: str) -> ObstoreObjects:
        """Objects in a folder, or under `s3://bucket/prefix`.

        Where S3 is and who we are there comes from the variables that its own tools read: AWS_ENDPOINT_URL,
        AWS_REGION, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and so on. Raises StorageFailed.
        """
        if not address.startswith("s3://"):
            return cls.local(Path(address))
        with _errors(address):
            return cls(S3Store.from_url(address, config={"copy_if_not_exists": "multipart"}))

    def __repr__(self) -> str:
        return f"<ObstoreObjects {self._folder or type(self._backend).__name__}>"

    @property
    def largest(self) -> int | None:
        """See `ObjectStore.largest`."""
        return _COPIED if isinstance(self._backend, S3Store) else None

    async def create(self) -> ObjectWriter:
        """See `ObjectStore.create`."""
        return _Writer(self._backend, self._folder, self.largest)

    async def info(self, name: str) -> ObjectInfo:
        """See `ObjectStore.info`."""
        return await _info(self._backend, check_name(name))

    async def read(self, name: str, start: int = 0, end: int | None = None) -> AsyncIterator[Buffer]:
        """See `ObjectStore.read`. The next piece is fetched while the caller works on this one."""
        async with aclosing(ahead(self._pieces(name, *await self._range(name, start, end)))) as pieces:
            async for piece in pieces:
                yield piece

    async def file(self, name: str) -> BinaryIO | None:
        """See `ObjectStore.file`."""
        if self._folder is None:
            return None
        with _errors(check_name(name)):
            return (self._folder / name).open("rb")

    async def _range(self, name: str, start: int, end: int | None) -> tuple[int, int]:
        size = (await self.info(name)).size
        end = size if end is None else end
        if not 0 <= start <= end <= size:
            raise BadRange(f"bytes {start} to {end} of {size}")
        return start, end

    async def _pieces(self, name: str, start: int, end: int) -> AsyncGenerator[Buffer, None]:
        for at in range(start, end, PIECE):
            stop = min(at + PIECE, end)
            with _errors(name):
                piece = await obstore.get_range_async(self._backend, name, start=at, end=stop)
            if memoryview(piece).nbytes != stop - at:
                raise StorageFailed(f"{name} was cut short while it was read")
            yield piece

    async def signed_url(self, name: str, seconds: int) -> str | None:
        """See `ObjectStore.signed_url`."""
        if not isinstance(self._backend, S3Store):
            return None
        with _errors(check_name(name)):
            return await obstore.sign_async(self._backend, "GET", name, expires_in=timedelta(seconds=seconds))

    async def list(self, prefix: str = "") -> AsyncIterator[ObjectInfo]:
        """See `ObjectStore.list`."""
        stream = obstore.list(self._backend, check_name(prefix) if prefix else None)
        while True:
            with _errors(prefix):
                try:
                    page = await anext(stream)
                except StopAsyncIteration:
                    return
            for meta in page:
                if not meta["path"].startswith("."):
                    yield _read(meta)

    async def delete(self, name: str) -> None:
        """See `ObjectStore.delete`."""
        await self.info(name)  # cloud stores delete what is not there without a word
        with _errors(name):
            await obstore.delete_async(self._backend, name)
            if self._folder is not None:
                await asyncio.to_thread(_sync, (self._folder / name).parent)

    async def ping(self) -> None:
        """See `ObjectStore.ping`."""
        if self._folder is not None and not self._folder.is_dir():
            raise StorageFailed("the folder of objects is gone")
        with suppress(ObjectNotFound):
            await _info(self._backend, "ping")

    async def sweep(self, older_than: timedelta) -> int:
        """See `ObjectStore.sweep`."""
        before = datetime.now(UTC) - older_than
        if self._folder is not None:
            return await asyncio.to_thread(_sweep_folder, self._folder / _STAGING, before)
        swept = 0
        with _errors(_STAGING):
            async for page in obstore.list(self._backend, _STAGING):
                for meta in page:
                    if meta["last_modified"] < before:
                        await obstore.delete_async(self._backend, meta["path"])
                        swept += 1
        return swept


class _Writer:
    """See `ObjectWriter`."""

    def __init__(self, backend: Backend, folder: Path | None, largest: int | None) -> None:
        self._backend, self._folder, self._largest = backend, folder, largest
        self._staged = f"{_STAGING}/{secrets.token_hex(16)}"
        self._stream: obstore.AsyncWritableFile | None = obstore.open_writer_async(
            backend,
            self._staged,
            buffer_size=_PART if folder is None else PIECE,  # a folder gains nothing from large parts
            max_concurrency=_PARTS_AT_ONCE,
        )
        self._closed = False
        self.size = 0

    async def write(self, data: Buffer) -> None:
        if self._stream is None:
            raise WriterClosed("this object was committed or aborted")
        try:
            if self._largest is not None and self.size + memoryview(data).nbytes > self._largest:
                raise StorageFailed(f"the store holds no object of more than {self._largest} bytes")
            with _errors(self._staged):
                # obstore holds on to the memory it gets until the part is sent: only bytes never change.
                await self._stream.write(data if isinstance(data, bytes) else bytes(data))
        except BaseException:
            await self.abort()
            raise
        self.size += memoryview(data).nbytes

    async def commit(self, name: str) -> ObjectInfo:
        check_name(name)
        stream, self._stream = self._stream, None
        if stream is None:
            raise WriterClosed("this object was committed or aborted")
        try:
            with _errors(name):
                await stream.close()
                try:
                    if self._folder is None:
                        await obstore.rename_async(self._backend, self._staged, name, overwrite=False)
                    else:
                        await asyncio.to_thread(_publish, self._folder, self._staged, name)
                except (AlreadyExistsError, FileExistsError):
                    await self._same(name)
        except BaseException:
            await self.abort()
            raise
        self._closed = True
        return await _info(self._backend, name)

    async def _same(self, name: str) -> None:
        """Content names the object, so one that is there already is this one; its size is checked all the
        same."""
        found = await _info(self._backend, name)
        if found.size != self.size:
            raise ObjectExists(f"{name} is there with {found.size} bytes, not {self.size}")
        await obstore.delete_async(self._backend, self._staged)

    async def abort(self) -> None:
        if self._closed:
            return
        self._closed = True
        self._stream = None  # dropping it cancels the parts; what has become a file is removed here
        with suppress(Exception):
            await obstore.delete_async(self._backend, self._staged)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.abort()


def _publish(folder: Path, staged: str, name: str) -> None:
    """Move a staged file to its final name so that a power cut leaves it whole or not at all. Raises
    `FileExistsError`."""
    source, target = folder / staged, folder / name
    _sync(source)
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    os.link(source, target)
    source.unlink()
    for parent in target.parents:
        _sync(parent)
        if parent == folder:
            break


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _sweep_folder(staging: Path, before: datetime) -> int:
    """obstore hides its own unfinished files (``name#1``) from its listing: look at the folder itself."""
    swept = 0
    for entry in staging.iterdir() if staging.is_dir() else ():
        with suppress(FileNotFoundError):
            if entry.stat().st_mtime < before.timestamp():
                entry.unlink()
                swept += 1
    return swept


async def _info(backend: Backend, name: str) -> ObjectInfo:
    with _errors(name):
        return _read(await obstore.head_async(backend, name))


def _read(meta: ObjectMeta) -> ObjectInfo:
    return ObjectInfo(meta["path"], meta["size"], meta["last_modified"])


@contextmanager
def _errors(name: str) -> Iterator[None]:
    """Turn the errors of obstore and the system into those of the port; its own text may hold paths: first
    line only."""
    try:
        yield
    except FileNotFoundError:
        raise ObjectNotFound(f"no object {name}") from None
    except FileExistsError:
        raise
    except (BaseError, OSError, ValueError) as error:
        if isinstance(error, AlreadyExistsError):
            raise
        line = str(error).partition("\n")[0]
        if _FULL.search(str(error)) or (
            isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)
        ):
            raise StorageFull(f"no space left to store {name}") from error
        raise StorageFailed(f"{name}: {line}") from error
