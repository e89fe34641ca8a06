"""The index made anew from the chain, beside the old one, which serves until the new one takes its place."""

import asyncio
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


async def rebuild(
    database: Database, scratch: Path, rpc: Rpc, manifest: Manifest, finality: Finality, anchor: Anchor
) -> Rebuilt:
    """Builds in a new SQLite file at `scratch`, then replaces the index in one transaction.

    Raises FetchError, ReplayError, RpcError, BelowFinality, FinalityError; the old index is then as it was.
    """
    _remove(scratch)
    beside = Database(f"sqlite:///{scratch}")
    try:
        await beside.migrate()
        source = Source(rpc, Decoder(manifest), anchor)
        runner = Runner(rpc, source, Index(beside, manifest), manifest, finality)
        await runner.step()
        wrong = await _compare(database, beside)
        async with beside.reading() as reading, database.transaction(queue=False) as writing:
            new = (await reading.connection()).sync_connection
            assert new is not None  # noqa: S101 - a connection that is open has it
            await (await writing.connection()).run_sync(lambda old: IndexRows(old).become(IndexRows(new)))
        return Rebuilt(runner.progress, wrong)
    finally:
        await beside.close()
        await asyncio.to_thread(_remove, scratch)


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
