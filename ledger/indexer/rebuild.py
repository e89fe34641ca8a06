"""The index made anew from the chain, beside the old one, which serves until the new one takes its place."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ledger.chain.events import Decoder
from ledger.chain.finality import Finality
from ledger.chain.manifest import Manifest
from ledger.chain.rpc import Rpc
from ledger.indexer.fetch import Source
from ledger.indexer.index import Index
from ledger.indexer.runner import Progress, Runner
from ledger.proofs.trust import Anchor
from ledger.store.database import Database
from ledger.store.index.rows import IndexRows, in_snapshot

BOOKKEEPING: Final = frozenset({"index_cursor", "index_undo"})


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """`wrong` are the tables of the old index that differed; None when it stood at another block."""

    progress: Progress
    wrong: tuple[str, ...] | None


@asynccontextmanager
async def beside(
    scratch: Path, rpc: Rpc, manifest: Manifest, finality: Finality, anchor: Anchor
) -> AsyncIterator[tuple[Database, Progress]]:
    """A new index of the whole chain in a SQLite file at `scratch`, which is gone at the end.

    Raises FetchError, ReplayError, RpcError, BelowFinality, FinalityError.
    """
    _remove(scratch)
    database = Database(f"sqlite:///{scratch}")
    try:
        await database.migrate()
        source = Source(rpc, Decoder(manifest), anchor)
        runner = Runner(rpc, source, Index(database, manifest), manifest, finality)
        await runner.step()
        yield database, runner.progress
    finally:
        await database.close()
        await asyncio.to_thread(_remove, scratch)


async def rebuild(
    database: Database, scratch: Path, rpc: Rpc, manifest: Manifest, finality: Finality, anchor: Anchor
) -> Rebuilt:
    """Replaces the index by one made `beside` it, in one transaction. When that fails, it is as it was."""
    async with beside(scratch, rpc, manifest, finality, anchor) as (made, progress):
        wrong = await _compare(database, made)
        async with made.reading() as reading, database.transaction(queue=False) as writing:
            new = (await reading.connection()).sync_connection
            assert new is not None  # noqa: S101 - a connection that is open has it
            await (await writing.connection()).run_sync(lambda old: IndexRows(old).become(IndexRows(new)))
        return Rebuilt(progress, wrong)


async def _compare(database: Database, beside: Database) -> tuple[str, ...] | None:
    old, new = [
        await in_snapshot(one, lambda sql: (sql.cursor(), sql.fingerprint())) for one in (database, beside)
    ]
    places = [None if one is None else (one.deployment, one.head_hash) for one, _ in (old, new)]
    if places[0] != places[1]:
        return None
    return tuple(name for name in sorted(new[1]) if name not in BOOKKEEPING and old[1][name] != new[1][name])


def _remove(path: Path) -> None:
    for suffix in ("", "-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)
