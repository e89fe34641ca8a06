"""The access log against what it committed to, and against the records that it is of."""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from ledger.domain.grant import Grant
from ledger.domain.history import Inquiry
from ledger.domain.retention import YEAR, YEARS
from ledger.indexer.audit.report import Finding, LogSeen, Report
from ledger.proofs import access, tlog
from ledger.proofs.tlog import Checkpoint, LogError

RECORDED: Final = ("grant", "denial", "inquiry")
"""Kinds of entries that have a row of their own."""


def check_log(
    report: Report, entries: Sequence[bytes], checkpoint: Checkpoint, known: Mapping[int, bytes]
) -> None:
    """All entries against the checkpoint and every root known from before."""
    try:
        tlog.fsck(entries, checkpoint, known)
    except LogError as error:
        report.found("access-log", str(error))
        return
    kinds = Counter(str(json.loads(entry)["kind"]) for entry in entries)
    report.access_log = LogSeen(checkpoint.size, checkpoint.root, len(known), dict(sorted(kinds.items())))


@dataclass(frozen=True, slots=True)
class Record:
    """A row that the log has an entry of: its name, that entry's bytes and index."""

    row: str
    leaf: bytes
    index: int | None

    @classmethod
    def of_grant(cls, grant: Grant, index: int | None) -> "Record":
        return cls(f"grants[id=0x{grant.id.hex()}]", access.grant_leaf(grant), index)

    @classmethod
    def of_inquiry(cls, inquiry: Inquiry, index: int) -> "Record":
        return cls(f"inquiries[id=0x{inquiry.id.hex()}]", access.inquiry_leaf(inquiry), index)


def check_records(
    report: Report, entries: Sequence[bytes], kept: Sequence[bytes], records: Sequence[Record]
) -> None:
    """Each record has its leaf and each leaf its record, but for those whose time was over.

    `entries` are the log's as served, `kept` those of the database, from one snapshot with the records; it
    may be later.
    """
    for index, entry in enumerate(entries):
        if index >= len(kept) or kept[index] != entry:
            report.found("access-log", f"access_log[index={index}] is not what the service gives")
            return
    report.records = len(records)
    report.findings += [*_without_leaf(kept, records), *_without_record(kept, records)]


def _without_leaf(kept: Sequence[bytes], records: Iterable[Record]) -> Iterator[Finding]:
    taken: dict[int, Record] = {}
    for one in records:
        if one.index is None or not 0 <= one.index < len(kept):
            yield Finding("record", f"{one.row}: the access log has no entry of it")
        elif kept[one.index] != one.leaf:
            yield Finding("record", f"{one.row}: entry {one.index} of the access log says something else")
        elif one.index in taken:
            yield Finding("record", f"{one.row}: entry {one.index} is that of {taken[one.index].row}")
        else:
            taken[one.index] = one


def _without_record(kept: Sequence[bytes], records: Iterable[Record]) -> Iterator[Finding]:
    recorded = {one.index for one in records}
    said = [json.loads(entry) for entry in kept]
    over = max((entry["before"] for entry in said if entry.get("kind") == "retention"), default=0)
    for index, entry in enumerate(said):
        kind = entry.get("kind")
        if kind == "retention" and entry["before"] > entry["at"] - YEARS * YEAR:
            yield Finding(
                "record", f"entry {index} of the access log: records younger than {YEARS} years went"
            )
        if kind in RECORDED and index not in recorded and entry["at"] >= over:
            yield Finding("record", f"entry {index} of the access log, of kind {kind}, has no row")
