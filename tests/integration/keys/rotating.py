"""Rotates in processes that are killed, each at its moment of its row, and then in one that ends.

`python -m tests.integration.keys.rotating KEYS DATABASE PASSPHRASE ROWS` prints two lines for each moment and
row: who rotated, its exit status, how many keys open after it, and the versions that they are under.
"""

import asyncio
import os
import signal
import sys
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

from ledger.crypto.seal import DepositContext
from ledger.domain.deposit import Payload
from ledger.keys import LocalKeyStore, wrap_aad
from ledger.services.rotation import Rotation
from ledger.store.database import Database, reading, writing
from ledger.store.deposits import Deposits

CHAIN, LISTINGS = 1337, b"\x11" * 20
MOMENTS = ("asked", "wrapped", "written")


def aad(payload: Payload) -> bytes:
    return wrap_aad(DepositContext(CHAIN, LISTINGS, payload.seller, payload.deposit))


class Mortal:
    """Dies at the `row`-th time that it comes to `moment`."""

    def __init__(self, moment: str, row: int) -> None:
        self.moment, self.row = moment, row

    def at(self, moment: str) -> None:
        if moment == self.moment:
            self.row -= 1
            if self.row < 0:
                os.kill(os.getpid(), signal.SIGKILL)


async def rotate(keys: Path, url: str, passphrase: str, mortal: Mortal) -> None:
    store, database = LocalKeyStore.open(keys, passphrase), Database(url)

    class Custody(LocalKeyStore):
        async def rewrap(self, wrapped: bytes, aad: bytes) -> bytes:
            mortal.at("asked")
            new = await super().rewrap(wrapped, aad)
            mortal.at("wrapped")
            return new

    class Rows(Deposits):
        async def rewrap(self, deposit_id: bytes, old: bytes, new: bytes) -> bool:
            done = await super().rewrap(deposit_id, old, new)
            mortal.at("written")
            return done

    store.__class__ = Custody
    await Rotation(CHAIN, LISTINGS, store, reading(database, Rows), writing(database, Rows)).run()
    await database.close()


async def show(keys: Path, url: str, passphrase: str) -> None:
    """How many keys open, under which versions."""
    store, database = LocalKeyStore.open(keys, passphrase), Database(url)
    async with database.reading() as session:
        payloads = await Deposits(session).wrapped(b"", 1000)
    for payload in payloads:
        assert await store.unwrap(payload.wrapped_key, aad(payload)) == payload.deposit[::-1]
    await database.close()
    versions = sorted({int(store.version(payload.wrapped_key)) for payload in payloads})
    print(len(payloads), *versions, flush=True)  # noqa: T201


def forked(work: Coroutine[Any, Any, None]) -> int:
    child = os.fork()
    if child == 0:
        asyncio.run(work)
        os._exit(0)
    work.close()
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def main() -> None:
    where = Path(sys.argv[1]), sys.argv[2], sys.argv[3]
    for row in range(int(sys.argv[4])):
        for moment in MOMENTS:
            print(moment, row, forked(rotate(*where, Mortal(moment, row))), end=" ", flush=True)  # noqa: T201
            forked(show(*where))
            print("end", row, forked(rotate(*where, Mortal("never", 0))), end=" ", flush=True)  # noqa: T201
            forked(show(*where))


if __name__ == "__main__":
    main()
