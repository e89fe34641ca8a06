"""The index in a process of its own, to be killed."""

import asyncio
from pathlib import Path

from ledger.chain.events import Decoder
from ledger.chain.finality import parse_finality
from ledger.chain.manifest import Manifest
from ledger.chain.rpc import Rpc
from ledger.indexer import runner
from ledger.indexer.fetch import Source
from ledger.indexer.index import Index
from ledger.proofs.trust import Development
from ledger.store.database import Database


def follow(database: str, manifest: Path, url: str, finality: str) -> None:
    """Until killed, or halted. Few blocks are written at a time, so that kills come between."""
    runner.FULL = 5  # type: ignore[misc]  # in this process only
    asyncio.run(_follow(database, Manifest.load(manifest), url, finality))


async def _follow(address: str, manifest: Manifest, url: str, finality: str) -> None:
    database = Database(address)
    async with Rpc(url, timeout=2) as rpc:
        index, source = Index(database, manifest), Source(rpc, Decoder(manifest), Development())
        follower = runner.Runner(rpc, source, index, manifest, parse_finality(finality), every=0.01)
        await follower.run()
        print(f"halted: {follower.progress.trouble}", flush=True)  # noqa: T201
    await database.close()
