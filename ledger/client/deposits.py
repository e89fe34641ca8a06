"""Deposits of one account: a file into the vault, and the vault's receipt for it."""

import asyncio
import os
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, Final

from ledger.chain.rpc import from_hex, to_hex
from ledger.client.payload import Encryption, Progress
from ledger.client.service import Refused, Service, ServiceUnreachable
from ledger.client.spool import Growing, Pending, Spool
from ledger.crypto.chunked import HEADER, SEALED_BLOCK
from ledger.crypto.seal import DepositContext, seal
from ledger.keys import new_data_key
from ledger.tasks import meanwhile

TUS: Final = {"tus-resumable": "1.0.0"}
REQUEST_BLOCKS: Final = 256
"""Most blocks in one request. Of one that is cut, the vault keeps those that arrived."""
PIECE: Final = 1 << 20
ANEW: Final = ("deposit-unknown", "root-mismatch")
"""Refusals of what was kept: the vault has thrown it away, for want of a listing; or it was spoilt."""
CUTS: Final = 5
"""How often in a row an upload may be cut before anything new arrived."""
PAUSE: Final = 0.5
"""Seconds to wait after a cut, times how many it were in a row."""
MARGIN_SECONDS: Final = 60
"""What a receipt must be good for."""


class Deposits:
    """`listings`, `seller`: 20 bytes. Raises Refused, ServiceUnreachable."""

    def __init__(self, service: Service, chain_id: int, listings: bytes, seller: bytes) -> None:
        self._service = service
        self._chain_id, self._listings, self._seller = chain_id, listings, seller

    async def hold(self, spool: Spool, path: Path, media_type: str, progress: Progress) -> Pending:
        """Has the vault hold the file, from where it was when an earlier program ended. Raises FileChanged.

        `progress` counts each byte twice: as it is encrypted, and as it is sent.
        """
        pending, counted = spool.pending(path), 0

        def count(size: int) -> None:
            nonlocal counted
            progress(size)
            counted += size

        if pending is not None:
            count(pending.payload.size)
            try:
                return await self._resumed(spool, pending, media_type, count)
            except Refused as error:
                if error.code not in ANEW:
                    raise
        count(-counted)
        given_up = spool.unfinished() if pending is None else pending.deposit_id
        if given_up is not None:
            with suppress(Refused):  # the vault gave it up itself
                await self._service.json("DELETE", _path(given_up))
        return await self._completed(spool, await self._sent(spool, path, progress), media_type)

    async def _sent(self, spool: Spool, path: Path, progress: Progress) -> Pending:
        """Encrypts the file, and sends what is encrypted meanwhile."""
        opened = await self._service.once("POST", "/v1/deposits")
        context = DepositContext(self._chain_id, self._listings, self._seller, from_hex(opened["id"], 32))
        data_key = new_data_key(context.payload_context())
        sealed = seal(data_key, from_hex(opened["vault_public_key"]), context)
        encryption, growing = Encryption(path, data_key, context.payload_context(), progress), Growing(0)
        spool.begin(context.deposit_id)
        await self._open(context.deposit_id, encryption.size)  # refused, if so, before the work
        with spool.ciphertext() as file:
            sending = self._send(context.deposit_id, file, growing, encryption.size, progress)
            async with meanwhile(sending) as sent:
                pending = await spool.encrypt(encryption, context.deposit_id, sealed, growing.to)
                await sent
        return pending

    async def _resumed(self, spool: Spool, pending: Pending, media_type: str, progress: Progress) -> Pending:
        if pending.receipt is not None and pending.receipt["deadline"] > time.time() + MARGIN_SECONDS:
            return pending
        size = pending.payload.size
        with spool.ciphertext() as file:
            await self._send(pending.deposit_id, file, Growing(size), size, progress)
        return await self._completed(spool, pending, media_type)

    async def _completed(self, spool: Spool, pending: Pending, media_type: str) -> Pending:
        completion = {
            "root": to_hex(pending.payload.root),
            "size": pending.payload.size,
            "media_type": media_type,
            "sealed_key": to_hex(pending.sealed_key),
        }
        path = f"{_path(pending.deposit_id)}/complete"
        return spool.received(pending, await self._service.once("POST", path, completion))

    async def _open(self, deposit_id: bytes, size: int) -> tuple[str, int]:
        """Where to send the ciphertext, and how much of it is there."""
        headers = TUS | {"upload-length": str(size)}
        opened = await self._service.headers("POST", f"{_path(deposit_id)}/uploads", headers)
        return opened["location"], int(opened["upload-offset"])

    async def _send(
        self, deposit_id: bytes, file: BinaryIO, growing: Growing, size: int, progress: Progress
    ) -> None:
        """By tus, from what the service says that it has."""
        cuts, reached, counted = 0, 0, 0

        def count(position: int) -> None:
            nonlocal counted
            progress(position - counted)
            counted = position

        while True:
            try:
                at, offset = await self._open(deposit_id, size)
                while True:
                    count(offset)
                    reached, cuts = offset, 0 if offset > reached else cuts
                    if reached == size:
                        return
                    offset = await self._patch(at, file, growing, reached, size, count)
            except Refused as error:
                if error.code == "deposit-taken":  # all of it arrived, and the answer was lost
                    count(size)
                    return
                if error.code not in ("offset-mismatch", "upload-too-slow"):
                    raise
                cause: Refused | ServiceUnreachable = error
            except ServiceUnreachable as error:
                cause = error
            cuts += 1
            if cuts == CUTS:
                raise cause
            await asyncio.sleep(PAUSE * cuts)

    async def _patch(
        self, path: str, file: BinaryIO, growing: Growing, offset: int, size: int, count: Progress
    ) -> int:
        """Sends some blocks, as they come to be there; how far it is then."""
        blocks = max(offset - HEADER, 0) // SEALED_BLOCK + REQUEST_BLOCKS
        end = min(HEADER + blocks * SEALED_BLOCK, size)

        async def body() -> AsyncIterator[bytes]:
            at = offset
            while at < end:
                there = min(await growing.beyond(at), end)
                while at < there:
                    piece = await asyncio.to_thread(os.pread, file.fileno(), min(PIECE, there - at), at)
                    yield piece
                    at += len(piece)
                    count(at)

        headers = TUS | {
            "upload-offset": str(offset),
            "content-type": "application/offset+octet-stream",
            "content-length": str(end - offset),
        }
        return int((await self._service.headers("PATCH", path, headers, body()))["upload-offset"])


def _path(deposit_id: bytes) -> str:
    return f"/v1/deposits/{to_hex(deposit_id)}"
