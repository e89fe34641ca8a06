"""The index in a process of its own, to be killed."""

import asyncio
from pathlib import Path

from ledger.chain.events import Decoder
from ledger.chain.finality import parse_finality
from ledger.chain.manifest import Manifest
from ledger.chain.rpc import Rpc
from ledger.indexer.fetch import Source
from ledger.indexer.index import Index
from ledger.indexer.runner import Runner
from ledger.proofs.trust import Development
from ledger.store.database import Database


def follow(database: str, manifest: Path, url: str, finality: str) -> None:
    """Until killed, or halted."""
    asyncio.run(_follow(database, Manifest.load(manifest), url, finality))


async def _follow(address: str, manifest: Manifest, url: str, finality: str) -> None:
    database = Database(address)
    async with Rpc(url, timeout=2) as rpc:
        index, source = Index(database, manifest), Source(rpc, Decoder(manifest), Development())
        await Runner(rpc, source, index, manifest, parse_finality(finality), every=0.01).run()
    await database.close()
