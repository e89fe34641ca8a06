"""The access log for anybody: static tiles under a signed checkpoint (C2SP), anchored on chain."""

from dataclasses import dataclass
from typing import Protocol

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from ledger.proofs import tlog
from ledger.proofs.tlog import BadTile, Checkpoint, Verifier
from ledger.services.ports import Begin


class TileUnknown(Exception):
    """The log has no such tile, or not so many entries yet."""


class LogStore(Protocol):
    async def size(self) -> int: ...
    async def root(self, size: int) -> bytes: ...
    async def hashes(self, level: int, tile: int, width: int) -> list[bytes]: ...
    async def entries(self, tile: int, width: int) -> list[bytes]: ...


class Anchors(Protocol):
    async def anchor(self, size: int, root: bytes) -> None:
        """Returns once the chain holds this checkpoint, now or earlier. Raises when not."""
        ...


@dataclass(frozen=True, slots=True)
class AccessLog:
    """`origin` names the log and its key."""

    origin: str
    key: Ed25519PrivateKey
    read: Begin[LogStore]
    anchors: Anchors

    @property
    def verifier(self) -> Verifier:
        return Verifier(self.origin, self.key.public_key().public_bytes_raw())

    async def checkpoint(self) -> Checkpoint:
        """What the log commits to now."""
        async with self.read() as log:
            size = await log.size()
            return Checkpoint(self.origin, size, await log.root(size))

    async def tile(self, path: str) -> bytes:
        """The bytes at a path of tlog-tiles. Raises TileUnknown."""
        try:
            level, index, width = tlog.parse_tile_path(path)
        except BadTile as error:
            raise TileUnknown("there is no such tile") from error
        async with self.read() as log:
            if level is None:
                parts = await log.entries(index, width)
            else:
                parts = await log.hashes(level, index, width)
        if len(parts) != width:
            raise TileUnknown("the log has not so many entries")
        return tlog.encode_entries(parts) if level is None else b"".join(parts)

    async def anchor(self) -> int:
        """Puts the checkpoint of now on chain, unless the log is empty; its size."""
        found = await self.checkpoint()
        if found.size:
            await self.anchors.anchor(found.size, found.root)
        return found.size
