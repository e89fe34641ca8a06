"""Deposits of one account: a file into the vault, and the vault's receipt for it."""

import asyncio
import hashlib
import time
from base64 import b64encode
from pathlib import Path
from typing import BinaryIO, Final

from ledger.chain.rpc import from_hex, to_hex
from ledger.client.payload import Encryption, Progress
from ledger.client.service import Refused, Service, ServiceUnreachable
from ledger.client.spool import Pending, Spool
from ledger.crypto.chunked import HEADER, SEALED_BLOCK
from ledger.crypto.seal import DepositContext, seal
from ledger.keys import new_data_key

TUS: Final = {"tus-resumable": "1.0.0"}
CHUNK_BLOCKS: Final = 8
"""Blocks in one request: it is kept whole or not at all."""
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
        pending = spool.pending(path)
        if pending is not None:
            progress(pending.payload.size)
            try:
                return await self._complete(spool, pending, media_type, progress)
            except Refused as error:
                if error.code != "deposit-unknown":  # thrown away meanwhile, for want of a listing
                    raise
        return await self._complete(spool, await self._encrypted(spool, path, progress), media_type, progress)

    async def _encrypted(self, spool: Spool, path: Path, progress: Progress) -> Pending:
        opened = await self._service.once("POST", "/v1/deposits")
        context = DepositContext(self._chain_id, self._listings, self._seller, from_hex(opened["id"], 32))
        data_key = new_data_key(context.payload_context())
        sealed = seal(data_key, from_hex(opened["vault_public_key"]), context)
        encryption = Encryption(path, data_key, context.payload_context(), progress)
        return await spool.encrypt(encryption, context.deposit_id, sealed)

    async def _complete(self, spool: Spool, pending: Pending, media_type: str, progress: Progress) -> Pending:
        if pending.receipt is not None and pending.receipt["deadline"] > time.time() + MARGIN_SECONDS:
            return pending
        path = f"/v1/deposits/{to_hex(pending.deposit_id)}"
        with spool.ciphertext() as file:
            await self._send(f"{path}/uploads", file, pending.payload.size, progress)
        completion = {
            "root": to_hex(pending.payload.root),
            "size": pending.payload.size,
            "media_type": media_type,
            "sealed_key": to_hex(pending.sealed_key),
        }
        return spool.received(pending, await self._service.once("POST", f"{path}/complete", completion))

    async def _send(self, path: str, file: BinaryIO, size: int, progress: Progress) -> None:
        """By tus, from what the service says that it has."""
        cuts, reached = 0, 0
        while True:
            try:
                headers = TUS | {"upload-length": str(size)}
                opened = await self._service.headers("POST", path, headers)
                at, offset = opened["location"], int(opened["upload-offset"])
                while True:
                    progress(offset - reached)
                    reached, cuts = offset, 0 if offset > reached else cuts
                    if reached == size:
                        return
                    offset = await self._patch(at, file, reached, size)
            except Refused as error:
                if error.code == "deposit-taken":  # all of it arrived, and the answer was lost
                    return
                if error.code not in ("offset-mismatch", "checksum-mismatch", "upload-too-slow"):
                    raise
                cause: Refused | ServiceUnreachable = error
            except ServiceUnreachable as error:
                cause = error
            cuts += 1
            if cuts == CUTS:
                raise cause
            await asyncio.sleep(PAUSE * cuts)

    async def _patch(self, path: str, file: BinaryIO, offset: int, size: int) -> int:
        """Sends some blocks; how far it is then."""
        blocks = max(offset - HEADER, 0) // SEALED_BLOCK + CHUNK_BLOCKS
        end = min(HEADER + blocks * SEALED_BLOCK, size)
        file.seek(offset)
        body = await asyncio.to_thread(file.read, end - offset)
        digest = b64encode(await asyncio.to_thread(lambda: hashlib.sha256(body).digest())).decode()
        headers = TUS | {
            "upload-offset": str(offset),
            "upload-checksum": f"sha256 {digest}",
            "content-type": "application/offset+octet-stream",
        }
        return int((await self._service.headers("PATCH", path, headers, body))["upload-offset"])
