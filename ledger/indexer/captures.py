"""Certificates captured as soon as a block that changes their subject is final: nodes forget old states.

What is to be captured stands in SQL, written with a cursor over the index, so that neither a kill nor a node
that is down passes anything over. An object is written before the row that names it.
"""

import asyncio
import logging
from hashlib import sha256
from typing import Final

from ledger.chain.capture import capture
from ledger.chain.rpc import NodeError, Rpc
from ledger.domain.evidence import EvidenceUnknown, Stored
from ledger.objects import ObjectStore
from ledger.proofs.error import ProofError
from ledger.proofs.trust import Trust
from ledger.store.database import Database, reading, writing
from ledger.store.evidence import Due, Evidence

LOG: Final = logging.getLogger("socai.evidence")
AT_ONCE: Final = 32
"""Most certificates captured before the newest changes are looked for again."""


class Captures:
    """Of one index, from one node. `every`: seconds between looks at the index, and before a retry."""

    def __init__(
        self, rpc: Rpc, trust: Trust, database: Database, objects: ObjectStore, *, every: float = 0.5
    ) -> None:
        self._rpc = rpc
        self._trust = trust
        self._objects = objects
        self._every = every
        self._write = writing(database, Evidence)
        self._read = reading(database, Evidence)
        self._refused: dict[Due, str] = {}

    async def run(self) -> None:
        """Until cancelled; an error is logged once and it goes on."""
        trouble = None
        while True:
            try:
                if await self.step():
                    continue
                trouble = None
            except Exception as error:
                if trouble is None:
                    LOG.warning("evidence waits", extra={"reason": str(error) or type(error).__name__})
                trouble = error
            await asyncio.sleep(self._every)

    async def step(self) -> bool:
        """Captures what is due; whether there is more. Raises RpcError and what storage raises.

        What the node's proofs do not show stays due, and is tried again when the process starts anew.
        """
        async with self._write() as evidence:
            more = await evidence.plan()
        async with self._read() as evidence:
            found = await evidence.due(AT_ONCE + len(self._refused))
        due = [one for one in found if one not in self._refused][:AT_ONCE]
        for one in due:
            try:
                stored = await self._answer(one)
            except ProofError as error:
                self._refused[one] = str(error)
                LOG.error("no evidence", extra={"subject": str(one.subject), "reason": str(error)})
                continue
            async with self._write() as evidence:
                await evidence.keep(one.subject, one.changed, stored)
        return more or len(due) == AT_ONCE

    async def _answer(self, due: Due) -> Stored:
        try:
            return await self._captured(due, due.changed, due.block_hash)
        except NodeError:  # it has forgotten that state
            async with self._read() as evidence:
                try:
                    return await evidence.newest(due.subject, least=due.changed)
                except EvidenceUnknown:
                    number, block_hash = await evidence.final()
        return await self._captured(due, number, block_hash)

    async def _captured(self, due: Due, number: int, block_hash: bytes) -> Stored:
        data = await capture(self._rpc, self._trust, due.subject.to_json(), block_hash, since=due.since)
        stored = Stored(number, sha256(data).digest(), len(data))
        async with await self._objects.create() as writer:
            await writer.write(data)
            await writer.commit(stored.name)
        return stored
