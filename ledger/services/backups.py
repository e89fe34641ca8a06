"""Backups: the database, the objects and the key store, in a place that anybody may read.

A backup is a set of objects under one time, in any `ObjectStore` (a folder by default)::

    objects/<name>                  ciphertext, as it is; shared by all backups of the place
    backups/<time>/database         the database as of that time, encrypted under the backup's own key
    backups/<time>/keys             the passphrase-protected key store, where that is the custodian
    backups/<time>/manifest         the deployment
    backups/<time>/contents         what there must be, with sizes and SHA-256, sealed by HMAC-SHA256; written
                                    last, so that a backup without it is none

The backup's key is wrapped by the custodian, so whoever has the place alone reads and alters nothing unseen.
Key shares are never in a backup: what they forget stays erased (`ledger.keys.shares`).
"""

import asyncio
import hashlib
import hmac
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from ledger.crypto.chunked import ChunkedError
from ledger.crypto.stream import Decryptor, encrypt
from ledger.keys.port import CustodyError, KeyCustody, new_data_key
from ledger.objects import ObjectNotFound, ObjectStore
from ledger.proofs import canonical
from ledger.services.ports import Clock

FORMAT: Final = "socai/backup@v1"
PIECE: Final = 1 << 20


class BackupUnusable(Exception):
    """The backup is not whole, was altered, or is not of this exchange; the message says which."""


@dataclass(frozen=True, slots=True)
class Made:
    """`copied` of `objects` were not in the place before; sizes in bytes."""

    time: str
    database: int
    objects: int
    copied: int


@dataclass(frozen=True, slots=True)
class Backups:
    """One place. `dump` and `load` write a database to a file and read it from one."""

    place: ObjectStore
    clock: Clock

    async def times(self) -> list[str]:
        """Of whole backups, oldest first."""
        names = [found.name.split("/") async for found in self.place.list("backups")]
        return sorted(name[1] for name in names if name[-1] == "contents")

    async def make(
        self,
        dump: Callable[[Path], Awaitable[None]],
        objects: ObjectStore,
        custody: KeyCustody,
        manifest: Path,
        keys: Path | None,
    ) -> Made:
        """The database first: an object that comes later is in the next backup, one that goes meanwhile was
        to be thrown away."""
        time = datetime.fromtimestamp(self.clock(), UTC).strftime("%Y%m%dt%H%M%Sz")
        folder, key = f"backups/{time}", new_data_key(FORMAT.encode())
        known = await self._known()
        with TemporaryDirectory(prefix="socai-backup-") as scratch:
            file = Path(scratch) / "database"
            await dump(file)
            files = {"database": await self._put(f"{folder}/database", _sealed(key, time, file))}
            files["manifest"] = await self._put(f"{folder}/manifest", _file(manifest))
            if keys is not None:
                files["keys"] = await self._put(f"{folder}/keys", _file(keys))
        kept, copied = {}, 0
        async for found in objects.list():
            name = f"objects/{found.name}"
            entry = known.get(found.name)
            if entry is None or not await _has(self.place, name, entry[0]):
                try:
                    entry = await self._put(name, objects.read(found.name))
                except ObjectNotFound:
                    continue
                copied += 1
            kept[found.name] = entry
        contents = {
            "format": FORMAT,
            "time": time,
            "key": (await custody.wrap(key, _aad(time))).hex(),
            "files": files,
            "objects": kept,
        }
        sealed = canonical.dumps(contents | {"seal": _seal(key, contents)})
        await self._put(f"{folder}/contents", _one(sealed))
        return Made(time, files["database"][0], len(kept), copied)

    async def contents(self, time: str) -> dict[str, Any]:
        """What the backup says it holds; believed only after `restore`. Raises BackupUnusable."""
        try:
            found = json.loads(await self._get(f"backups/{time}/contents"))
        except (ObjectNotFound, ValueError) as error:
            raise BackupUnusable(f"there is no whole backup of {time}") from error
        if not isinstance(found, dict) or found.get("format") != FORMAT or found.get("time") != time:
            raise BackupUnusable(f"the backup of {time} is none of this version")
        return found

    async def file(self, contents: dict[str, Any], name: str) -> bytes:
        """A small file of the backup, checked. Raises BackupUnusable."""
        size, digest = contents["files"][name]
        data = await self._get(f"backups/{contents['time']}/{name}")
        if (len(data), hashlib.sha256(data).hexdigest()) != (size, digest):
            raise BackupUnusable(f"{name} of the backup of {contents['time']} was altered")
        return data

    async def restore(
        self,
        contents: dict[str, Any],
        load: Callable[[Path], Awaitable[None]],
        objects: ObjectStore,
        custody: KeyCustody,
    ) -> int:
        """How many objects were put back; the database comes last, so what was cut short starts again. Raises
        BackupUnusable."""
        time, found = contents["time"], dict(contents)
        try:
            key = await custody.unwrap(bytes.fromhex(found["key"]), _aad(time))
        except (CustodyError, ValueError) as error:
            raise BackupUnusable(f"this custodian does not open the backup of {time}: {error}") from error
        seal = found.pop("seal", "")
        if not hmac.compare_digest(str(seal), _seal(key, found)):
            raise BackupUnusable(f"the contents of the backup of {time} were altered")
        put = 0
        for name, (size, digest) in found["objects"].items():
            put += await self._back(objects, name, size, digest)
        with TemporaryDirectory(prefix="socai-restore-") as scratch:
            file = Path(scratch) / "database"
            try:
                await self._open(key, time, file)
            except (ChunkedError, ObjectNotFound) as error:
                raise BackupUnusable(f"the database of the backup of {time} was altered") from error
            await load(file)
        return put

    async def _open(self, key: bytes, time: str, to: Path) -> None:
        """The database, decrypted; every byte is authentic, and no other backup's."""
        opener = Decryptor(key, _aad(time))
        with to.open("wb") as file:
            async for piece in self.place.read(f"backups/{time}/database"):
                file.write(opener.update(memoryview(piece)))
            file.write(opener.finish())

    async def _back(self, objects: ObjectStore, name: str, size: int, digest: str) -> bool:
        if await _has(objects, name, size):
            return False
        async with await objects.create() as writer:
            hashed = hashlib.sha256()
            try:
                async for piece in self.place.read(f"objects/{name}"):
                    hashed.update(piece)
                    await writer.write(piece)
            except ObjectNotFound:
                raise BackupUnusable(f"the object {name} is missing from the backup") from None
            if (writer.size, hashed.hexdigest()) != (size, digest):
                raise BackupUnusable(f"the object {name} of the backup was altered")
            await writer.commit(name)
        return True

    async def _known(self) -> dict[str, list[Any]]:
        """Objects of the newest backup, so that they need not be read again."""
        times = await self.times()
        found: dict[str, list[Any]] = (await self.contents(times[-1]))["objects"] if times else {}
        return found

    async def _put(self, name: str, pieces: AsyncIterator[Any]) -> list[Any]:
        """Size and SHA-256 of what was written."""
        hashed = hashlib.sha256()
        async with await self.place.create() as writer:
            async for piece in pieces:
                hashed.update(piece)
                await writer.write(piece)
            await writer.commit(name)
            return [writer.size, hashed.hexdigest()]

    async def _get(self, name: str) -> bytes:
        return b"".join([bytes(piece) async for piece in self.place.read(name)])


async def _has(store: ObjectStore, name: str, size: int) -> bool:
    try:
        return bool((await store.info(name)).size == size)
    except ObjectNotFound:
        return False


def _aad(time: str) -> bytes:
    return f"{FORMAT}\0{time}".encode()


def _seal(key: bytes, contents: dict[str, Any]) -> str:
    derived = hmac.digest(key, b"socai/backup-contents@v1", "sha256")
    return hmac.digest(derived, canonical.dumps(contents), "sha256").hex()


async def _sealed(key: bytes, time: str, path: Path) -> AsyncIterator[bytes]:
    with path.open("rb") as file:
        for piece in encrypt(key, _aad(time), _pieces(file)):
            yield bytes(piece)
            await asyncio.sleep(0)


def _pieces(file: Any) -> Iterator[bytes]:
    while piece := file.read(PIECE):
        yield piece


async def _file(path: Path) -> AsyncIterator[bytes]:
    yield await asyncio.to_thread(path.read_bytes)


async def _one(data: bytes) -> AsyncIterator[bytes]:
    yield data
