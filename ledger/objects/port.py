"""The port of object storage: what the vault asks of any place that keeps ciphertext.

An object is a sequence of bytes under a name. It appears whole or not at all, never changes, and is named by
its content (a payload: the hex of its Merkle root), so that writing one name twice writes the same bytes
twice.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import TracebackType
from typing import TYPE_CHECKING, BinaryIO, Final, Protocol, Self

if TYPE_CHECKING:
    from typing_extensions import Buffer

MAX_NAME: Final = 255
_NAME: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,127}(/[a-z0-9][a-z0-9_-]{0,127}){0,3}")


class ObjectError(Exception):
    """Any refusal of an object store."""


class BadObjectName(ObjectError):
    """The name is not one that every store keeps as it is. Nothing was looked up."""


class ObjectNotFound(ObjectError):
    """No object has this name."""


class ObjectExists(ObjectError):
    """The name is taken by an object of another size."""


class BadRange(ObjectError):
    """The range does not lie in the object."""


class StorageFull(ObjectError):
    """No space left, or over the quota. Nothing was stored."""


class StorageFailed(ObjectError):
    """The store answered with an error of its own. Nothing is known to be stored."""


class WriterClosed(ObjectError):
    """The writer was committed or aborted before."""


@dataclass(frozen=True, slots=True)
class ObjectInfo:
    """Name, size in bytes, and when the store says that it was written (UTC)."""

    name: str
    size: int
    modified: datetime


class ObjectWriter(Protocol):
    """An object in the making, invisible until `commit`. Leaving its ``async with`` without a commit aborts
    it."""

    @property
    def size(self) -> int:
        """Bytes written so far."""
        ...

    async def write(self, data: Buffer) -> None:
        """Append; `data` may be reused when this returns. Raises `StorageFull`, `StorageFailed`,
        `WriterClosed`."""
        ...

    async def commit(self, name: str) -> ObjectInfo:
        """Make it visible under `name`, durably: after this returns, a power cut does not lose it.

        When the name exists with the same size, that object stays and this one is dropped. Raises
        `ObjectExists` for another size, `BadObjectName`, `StorageFull`, `StorageFailed`, `WriterClosed`.
        """
        ...

    async def abort(self) -> None:
        """Drop what was written. May be called at any time, also twice."""
        ...

    async def __aenter__(self) -> Self: ...

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


class ObjectStore(Protocol):
    """Immutable objects by name. Every method raises `BadObjectName` first, and `StorageFailed` last."""

    @property
    def largest(self) -> int | None:
        """Most bytes of an object, None where only the space limits it. A writer refuses more with
        `StorageFailed`."""
        ...

    async def create(self) -> ObjectWriter:
        """A writer for a new object; its name is given at `commit`, when the content is known."""
        ...

    async def info(self, name: str) -> ObjectInfo:
        """Raises `ObjectNotFound`."""
        ...

    def read(self, name: str, start: int = 0, end: int | None = None) -> AsyncIterator[Buffer]:
        """The bytes ``[start, end)`` in pieces of at most 1 MiB, to the end of the object by default.

        Raises `ObjectNotFound`, and `BadRange` unless ``0 <= start <= end <= size``, before the first piece.
        """
        ...

    async def file(self, name: str) -> BinaryIO | None:
        """The object as an open file, which the caller closes; None when the store keeps it elsewhere.

        Raises `ObjectNotFound`.
        """
        ...

    async def signed_url(self, name: str, seconds: int) -> str | None:
        """Where anybody may GET the object for so long, also in ranges; None when the store signs nothing."""
        ...

    def list(self, prefix: str = "") -> AsyncIterator[ObjectInfo]:
        """All objects whose name starts with the folder `prefix` (all by default), in no order."""
        ...

    async def delete(self, name: str) -> None:
        """Remove an object, durably. Raises `ObjectNotFound`."""
        ...

    async def ping(self) -> None:
        """Raises `StorageFailed` when the store does not answer."""
        ...

    async def sweep(self, older_than: timedelta) -> int:
        """Remove what writers left behind that never finished (crashed processes); how many. Live writers
        are younger."""
        ...


def check_name(name: str) -> str:
    """The name, when it is safe: one to four segments of ``[a-z0-9_-]``, none starting with ``-`` or ``_``.

    There is no dot, so no ``..`` and no hidden file; no upper case, which some file systems fold; nothing
    that a store or a URL would escape. Raises `BadObjectName`.
    """
    if len(name) > MAX_NAME or not _NAME.fullmatch(name):
        raise BadObjectName(
            f"no object name: {name[:80]!r} (lower-case letters, digits, - and _ between slashes)"
        )
    return name
