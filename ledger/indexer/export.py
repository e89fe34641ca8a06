"""An export: the entries of a range of blocks, and the proof that none is missing, in one archive.

It is written to a file, a few entries at a time in memory, and given to nobody before the entries fold to
the heads that the chain is proven to hold.
"""

import asyncio
import csv
import json
import zipfile
from collections.abc import Callable, Collection, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from hashlib import file_digest
from importlib.resources import files
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from ledger.chain.capture import prove_journal
from ledger.chain.manifest import Manifest
from ledger.chain.rpc import Rpc, RpcError, from_hex, to_hex
from ledger.domain.entitlement import NodeUnreachable
from ledger.domain.history import (
    AsOf,
    BlockUnknown,
    ExportTooLarge,
    Filter,
    FormatUnavailable,
    HistoryEntry,
)
from ledger.indexer.history import NOTHING, entry
from ledger.proofs.error import ProofError
from ledger.proofs.journal import fold
from ledger.proofs.trust import Trust
from ledger.store.database import Begin
from ledger.store.index.history import IndexHistory

FORMAT: Final = "socai-export-1"
MOST: Final = 1_000_000
"""Entries of one export."""
AT_ONCE: Final = 1000
COLUMNS: Final[Mapping[str, type]] = {
    "block_number": int,
    "block_hash": str,
    "block_time": int,
    "transaction": str,
    "transaction_index": int,
    "log_index": int,
    "contract": str,
    "event": str,
    "position": int,
    "listing": int,
    "licence": str,
    "topic0": str,
    "data": str,
    "arguments": str,
}

Row = dict[str, Any]
Write = Callable[[list[Row]], None]


class Incomplete(ProofError):
    """The index holds other entries than the chain is proven to."""


@dataclass(frozen=True, slots=True)
class Exporter:
    """See `ledger.services.history.Exports`."""

    rpc: Rpc
    trust: Trust
    manifest: Manifest
    read: Begin[IndexHistory]

    async def write(self, to: Path, first: int | None, last: int | None, formats: Collection[str]) -> AsOf:
        """Writes the archive of the blocks `first` to `last`; by default all that are final.

        Raises BlockUnknown, ExportTooLarge, FormatUnavailable, NodeUnreachable; Incomplete, and then the
        index is to be rebuilt.
        """
        async with self.read() as index:
            held = await index.as_of() or NOTHING
            start = self.manifest.block if first is None else max(first, self.manifest.block)
            end = held.final if last is None else last
            before, upto = await index.block(start - 1), await index.block(end)
            if before is None or upto is None or not start <= end <= held.final:
                raise BlockUnknown(
                    f"the index holds no final blocks {start} to {end}; the newest is {held.final}"
                )
            counts = await index.counts(start, end)
            if (total := sum(count for count, _ in counts.values())) > MOST:
                raise ExportTooLarge(f"{total} entries, at most {MOST} go into one export")
            after = None if start == self.manifest.block else before.hash
            proofs: dict[str, tuple[bytes, Any]] = {}
            for contract in self.trust.contracts:
                _, count = counts.get(contract, (0, 0))
                try:
                    found = await prove_journal(self.rpc, self.trust, contract, upto.hash, after, count)
                except RpcError as error:
                    raise NodeUnreachable("the node does not prove the journals of these blocks") from error
                proofs[contract] = found
            with TemporaryDirectory(dir=to.parent) as name:
                folder = Path(name)
                wanted = Filter(first_block=start, last_block=end)
                await self._entries(index, wanted, folder, formats, proofs)
                told = {
                    "format": FORMAT,
                    "chain_id": self.manifest.chain_id,
                    "genesis_hash": to_hex(self.manifest.genesis_hash),
                    "first_block": start,
                    "last_block": end,
                    "last_block_hash": to_hex(upto.hash),
                    "entries": {contract: count for contract, (count, _) in sorted(counts.items())},
                }
                await asyncio.to_thread(_pack, to, folder, told, proofs)
            return AsOf(end, upto.hash, held.final)

    async def _entries(
        self,
        index: IndexHistory,
        wanted: Filter,
        folder: Path,
        formats: Collection[str],
        proofs: Mapping[str, tuple[bytes, Any]],
    ) -> None:
        heads = {contract: from_hex(claim["start"], 32) for contract, (_, claim) in proofs.items()}
        with ExitStack() as stack:
            writers = [WRITERS[name](stack, folder / f"entries.{name}") for name in formats]
            batch: list[HistoryEntry] = []
            async for row, time in index.stream(wanted):
                batch.append(entry(row, time))
                if len(batch) == AT_ONCE:
                    await asyncio.to_thread(_write, batch, heads, writers)
                    batch = []
            await asyncio.to_thread(_write, batch, heads, writers)
        for contract, (_, claim) in proofs.items():
            if to_hex(heads[contract]) != claim["end"]:
                raise Incomplete(f"the entries of {contract} fold to another head than the chain holds")


def _write(batch: list[HistoryEntry], heads: dict[str, bytes], writers: list[Write]) -> None:
    for found in batch:
        if found.contract in heads and found.position is not None:
            heads[found.contract] = fold(heads[found.contract], found.topic0, found.data)
    rows = [row_of(found) for found in batch]
    for write in writers:
        write(rows)


def row_of(found: HistoryEntry) -> Row:
    """An entry as one row of an export."""
    return {
        "block_number": found.block_number,
        "block_hash": to_hex(found.block_hash),
        "block_time": found.block_time,
        "transaction": to_hex(found.transaction),
        "transaction_index": found.transaction_index,
        "log_index": found.log_index,
        "contract": found.contract,
        "event": found.event,
        "position": found.position,
        "listing": found.listing,
        "licence": None if found.licence is None else str(found.licence),
        "topic0": to_hex(found.topic0),
        "data": to_hex(found.data),
        "arguments": json.dumps(found.arguments),
    }


def _ndjson(stack: ExitStack, path: Path) -> Write:
    file = stack.enter_context(path.open("w", encoding="utf-8"))

    def write(rows: list[Row]) -> None:
        file.writelines(json.dumps(row | {"arguments": json.loads(row["arguments"])}) + "\n" for row in rows)

    return write


def _csv(stack: ExitStack, path: Path) -> Write:
    """RFC 4180; empty for none."""
    writer = csv.DictWriter(stack.enter_context(path.open("w", encoding="utf-8", newline="")), list(COLUMNS))
    writer.writeheader()
    return writer.writerows


def _parquet(stack: ExitStack, path: Path) -> Write:
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError as error:
        raise FormatUnavailable("Parquet needs pyarrow: pip install 'socai[parquet]'") from error
    kinds = {int: pyarrow.int64(), str: pyarrow.string()}
    schema = pyarrow.schema([(name, kinds[kind]) for name, kind in COLUMNS.items()])
    writer = stack.enter_context(parquet.ParquetWriter(path, schema))

    def write(rows: list[Row]) -> None:
        writer.write_table(pyarrow.Table.from_pylist(rows, schema=schema))

    return write


WRITERS: Final[Mapping[str, Callable[[ExitStack, Path], Write]]] = {
    "csv": _csv,
    "ndjson": _ndjson,
    "parquet": _parquet,
}


def _pack(to: Path, folder: Path, told: dict[str, Any], proofs: Mapping[str, tuple[bytes, Any]]) -> None:
    digests = {}
    with zipfile.ZipFile(to, "w", zipfile.ZIP_DEFLATED) as archive:
        page = files("ledger.indexer").joinpath("export.md").read_bytes()
        (folder / "README.md").write_bytes(page)
        (folder / "proofs").mkdir()
        for contract, (bundle, _) in proofs.items():
            (folder / "proofs" / f"{contract}.json").write_bytes(bundle)
        for path in sorted(found for found in folder.rglob("*") if found.is_file()):
            name = path.relative_to(folder).as_posix()
            with path.open("rb") as file:
                digests[name] = file_digest(file, "sha256").hexdigest()
            archive.write(path, name)
        archive.writestr("export.json", json.dumps(told | {"sha256": digests}, indent=2) + "\n")
