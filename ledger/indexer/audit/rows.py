"""The index in SQL, row by row, against what the chain makes of it; all within one snapshot."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from sqlalchemy import Connection, Table

from ledger.indexer.audit.report import Finding
from ledger.indexer.mirror import state_rows
from ledger.indexer.state import State
from ledger.proofs import journal
from ledger.store.index.rows import Cursor, IndexRows, Row, index_table

READ: Final = ("blocks", "entries", "mentions")
"""Tables of what was read."""

_ENTRIES: Final = index_table("entries")


class Rows:
    """`counts` says how many rows of each table were compared."""

    def __init__(self, connection: Connection) -> None:
        self._sql = IndexRows(connection)
        self.counts: dict[str, int] = {}

    def cursor(self) -> Cursor | None:
        return self._sql.cursor()

    def compare_read(self, first: int, last: int, read: Mapping[str, Sequence[Row]]) -> list[Finding]:
        """What was read of blocks `first` to `last`, by table."""
        findings: list[Finding] = []
        for name in READ:
            table = index_table(name)
            findings += self._compare(table, read[name], self._sql.within(table, first, last))
        return findings

    def compare_folds(self, last: int, heads: Mapping[str, bytes]) -> list[Finding]:
        """The entries up to a block by what they fold to, which does not tell which of them is altered."""
        folded: dict[str, bytes] = {}
        for row in self._sql.within(_ENTRIES, 0, last):
            entry = dict(zip(_ENTRIES.columns.keys(), row, strict=True))
            if (name := entry["contract"]) in heads:
                folded[name] = journal.fold(folded.get(name, journal.EMPTY), entry["topic0"], entry["args"])
        return [
            Finding(
                "row-altered", f"index_entries: those of {name} up to block {last} do not fold to its head"
            )
            for name, head in heads.items()
            if folded.get(name, journal.EMPTY) != head
        ]

    def compare_state(self, state: State) -> list[Finding]:
        """What it made of the market: all other rows."""
        findings: list[Finding] = []
        for name, rows in state_rows(state):
            table = index_table(name)
            findings += self._compare(table, rows, self._sql.rows(table))
        return findings

    def beyond(self, first: int, last: int) -> list[Finding]:
        """Rows of blocks before `first` or after `last`, which no index holds."""
        findings: list[Finding] = []
        for name in READ:
            table = index_table(name)
            for row in (*self._sql.within(table, 0, first - 1), *self._sql.within(table, last + 1, None)):
                findings.append(_added(table, row))
        return findings

    def _compare(self, table: Table, expected: Iterable[Row], held: Iterable[Row]) -> Iterator[Finding]:
        width = len(table.primary_key.columns)
        wanted = {row[:width]: row for row in expected}
        self.counts[table.name] = self.counts.get(table.name, 0) + len(wanted)
        for row in held:
            right = wanted.pop(row[:width], None)
            if right is None:
                yield _added(table, row)
            elif right != row:
                names = table.columns.keys()
                told = ", ".join(
                    f"{name} is {_text(value)}, the chain makes it {_text(other)}"
                    for name, value, other in zip(names, row, right, strict=True)
                    if value != other
                )
                yield Finding("row-altered", f"{_name(table, row)}: {told}")
        for row in wanted.values():
            yield Finding("row-missing", f"{_name(table, row)} is not there")


def _added(table: Table, row: Row) -> Finding:
    return Finding("row-added", f"{_name(table, row)} is none of the chain's")


def _name(table: Table, row: Sequence[Any]) -> str:
    """The table, and the row by its key."""
    names = [column.name for column in table.primary_key.columns]
    return f"{table.name}[{', '.join(f'{name}={_text(row[at])}' for at, name in enumerate(names))}]"


def _text(value: Any) -> str:
    return f"0x{value.hex()}" if isinstance(value, bytes) else str(value)
