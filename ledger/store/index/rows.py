"""All SQL that writes the index, or reads it to write on."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final, TypeAlias, TypeVar

from sqlalchemy import (
    Connection,
    Table,
    bindparam,
    delete,
    func,
    insert,
    select,
    tuple_,
    update,
)

from ledger.store import columns, portable
from ledger.store.bulk import bulk_insert
from ledger.store.database import Database
from ledger.store.index.tables import BlockRow, CursorRow, EntryRow, MentionRow, UndoRow

T = TypeVar("T")
Key: TypeAlias = tuple[Any, ...]
Row: TypeAlias = tuple[Any, ...]
"""Values of all columns, in the order of the table; those of the key come first."""

AT_ONCE: Final = 200
"""Most keys asked for in one statement."""

_CURSOR: Final = columns.Table.metadata.tables[CursorRow.__tablename__]
_BLOCKS: Final = columns.Table.metadata.tables[BlockRow.__tablename__]
_ENTRIES: Final = columns.Table.metadata.tables[EntryRow.__tablename__]
_MENTIONS: Final = columns.Table.metadata.tables[MentionRow.__tablename__]
_UNDO: Final = columns.Table.metadata.tables[UndoRow.__tablename__]


class CursorMoved(Exception):
    """Another process wrote the index, or rebuilt it: what was read of it no longer holds."""


@dataclass(frozen=True, slots=True)
class Cursor:
    """How far the index is. `deployment` is 32 bytes that name chain and contracts."""

    deployment: bytes
    generation: int
    head_number: int
    head_hash: bytes
    final_number: int


@dataclass(frozen=True, slots=True)
class IndexedBlock:
    """A block applied; `time` in Unix seconds."""

    number: int
    hash: bytes
    parent: bytes
    time: int


@dataclass(frozen=True, slots=True)
class Change:
    """A row as it was and as it is; None for no row."""

    table: Table
    key: Key
    before: Row | None
    after: Row | None


def index_table(name: str) -> Table:
    """The table `index_` and `name`."""
    return columns.Table.metadata.tables[f"index_{name}"]


def index_tables() -> list[Table]:
    """All tables of the index, by name."""
    return [table for name, table in sorted(columns.Table.metadata.tables.items()) if name[:6] == "index_"]


class IndexRows:
    """The index within one transaction; `connection` is the transaction's."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    # What was read

    def cursor(self) -> Cursor | None:
        """None when nothing was ever indexed."""
        row = self._connection.execute(select(_CURSOR)).one_or_none()
        return None if row is None else Cursor(*row)

    def blocks(self, first: int) -> list[IndexedBlock]:
        """Those numbered `first` and above, oldest first."""
        found = select(_BLOCKS).where(_BLOCKS.c.number >= first).order_by(_BLOCKS.c.number)
        return [IndexedBlock(*row) for row in self._connection.execute(found)]

    def hash_at(self, number: int) -> bytes | None:
        found = select(_BLOCKS.c.hash).where(_BLOCKS.c.number == number)
        return self._connection.execute(found).scalar_one_or_none()

    def start(self, cursor: Cursor, base: IndexedBlock) -> None:
        """Begins an empty index after the block `base`."""
        self._connection.execute(insert(_CURSOR), [_plain(_CURSOR, _values(cursor))])
        self.add_blocks([base])

    def move(self, before: Cursor, after: Cursor) -> None:
        """Raises CursorMoved unless the cursor is where it is thought to be."""
        moved = self._connection.execute(
            update(_CURSOR)
            .where(_CURSOR.c.deployment == before.deployment)
            .where(_CURSOR.c.generation == before.generation)
            .where(_CURSOR.c.head_number == before.head_number)
            .where(_CURSOR.c.head_hash == before.head_hash)
            .where(_CURSOR.c.final_number == before.final_number)
            .values(_plain(_CURSOR, _values(after)))
        )
        if moved.rowcount != 1:
            raise CursorMoved("the index was written or rebuilt by another process")

    def add_blocks(self, blocks: Sequence[IndexedBlock]) -> None:
        self._insert(_BLOCKS, map(_values, blocks))

    def add_entries(self, rows: Iterable[Row]) -> None:
        """Rows of `index_entries`."""
        self._insert(_ENTRIES, rows)

    def add_mentions(self, rows: Iterable[Row]) -> None:
        """Rows of `index_mentions`."""
        self._insert(_MENTIONS, rows)

    # What it made of the market

    def load(self, table: Table, keys: Sequence[Key]) -> dict[Key, Row]:
        """The rows of these keys, as far as there are any."""
        primary = list(table.primary_key.columns)
        found: dict[Key, Row] = {}
        for first in range(0, len(keys), AT_ONCE):
            some = keys[first : first + AT_ONCE]
            if len(primary) == 1:
                wanted = primary[0].in_([key[0] for key in some])
            else:
                wanted = tuple_(*primary).in_(some)
            for row in self._connection.execute(select(table).where(wanted)):
                found[tuple(row[: len(primary)])] = tuple(row)
        return found

    def count(self, table: Table, column: str) -> int:
        """Rows in which the column is not NULL."""
        return self._connection.execute(select(func.count(table.c[column]))).scalar_one()

    def write(self, changes: Sequence[Change], undo_of: int | None = None) -> None:
        """Changes rows, each at most once; keeps what they were when `undo_of` is a block not yet final."""
        if undo_of is not None:
            self._insert(_UNDO, (_undo(undo_of, index, change) for index, change in enumerate(changes)))
        by_table: dict[Table, list[Change]] = {}
        for change in changes:
            by_table.setdefault(change.table, []).append(change)
        for table, found in by_table.items():
            self._insert(table, (c.after for c in found if c.before is None and c.after is not None))
            self._update(table, [c.after for c in found if c.before is not None and c.after is not None])
            for change in found:
                if change.after is None:
                    self._delete(table, change.key)

    def revert(self, number: int) -> None:
        """Takes back the newest block: every row is what it was before, bit for bit."""
        undo = select(_UNDO).where(_UNDO.c.block_number == number).order_by(_UNDO.c.ordinal.desc())
        for _, _, name, key, before in self._connection.execute(undo).all():
            table = columns.Table.metadata.tables[name]
            self._delete(table, tuple(portable.loads(table, key)))
            if before is not None:
                self._insert(table, [tuple(portable.loads(table, before))])
        self._connection.execute(delete(_UNDO).where(_UNDO.c.block_number == number))
        self._connection.execute(delete(_MENTIONS).where(_MENTIONS.c.block_number == number))
        self._connection.execute(delete(_ENTRIES).where(_ENTRIES.c.block_number == number))
        self._connection.execute(delete(_BLOCKS).where(_BLOCKS.c.number == number))

    def forget(self, final: int) -> None:
        """Drops the undo of blocks that are final."""
        self._connection.execute(delete(_UNDO).where(_UNDO.c.block_number <= final))

    # The whole of it

    def clear(self) -> None:
        for table in index_tables():
            self._connection.execute(delete(table))

    def rows(self, table: Table) -> Iterator[Row]:
        """All rows, by key, a few at a time."""
        return portable.rows(self._connection, table)

    def within(self, table: Table, first: int, last: int | None) -> Iterator[Row]:
        """Rows of what was read, of these blocks."""
        number = table.c.number if table is _BLOCKS else table.c.block_number
        found = select(table).where(number >= first).order_by(*table.primary_key.columns)
        if last is not None:
            found = found.where(number <= last)
        for row in self._connection.execute(found, execution_options={"yield_per": 1000}):
            yield tuple(row)

    def fingerprint(self) -> dict[str, str]:
        """SHA-256 over the rows of each table: equal for equal contents, whatever the database."""
        return {table.name: portable.fingerprint(self._connection, table) for table in index_tables()}

    def become(self, other: "IndexRows") -> None:
        """Takes the place of this index by another, a few rows at a time; whoever wrote this one notices."""
        old = self.cursor()
        self.clear()
        for table in index_tables():
            rows = other.rows(table)
            while some := list(islice(rows, 1000)):
                self._insert(table, some)
        if old is not None:
            self._connection.execute(update(_CURSOR).values(generation=old.generation + 1))

    def _insert(self, table: Table, rows: Iterable[Row]) -> None:
        bulk_insert(self._connection, table, rows)

    def _update(self, table: Table, rows: Sequence[Row]) -> None:
        if not rows:
            return
        keys = set(table.primary_key.columns)
        statement = update(table).values(
            {column.name: bindparam(f"v_{column.name}") for column in table.columns if column not in keys}
        )
        for column in table.primary_key.columns:
            statement = statement.where(column == bindparam(f"v_{column.name}"))
        names = [f"v_{column.name}" for column in table.columns]
        self._connection.execute(statement, [dict(zip(names, row, strict=True)) for row in rows])

    def _delete(self, table: Table, key: Key) -> None:
        statement = delete(table)
        for column, value in zip(table.primary_key.columns, key, strict=True):
            statement = statement.where(column == value)
        self._connection.execute(statement)


async def in_transaction(database: Database, work: Callable[[IndexRows], T]) -> T:
    """What `work` returns; commits what it wrote unless it raises."""
    async with database.transaction(queue=False) as session:
        connection = await session.connection()
        return await connection.run_sync(lambda sync: work(IndexRows(sync)))


async def in_snapshot(database: Database, work: Callable[[IndexRows], T]) -> T:
    """What `work` returns of one snapshot."""
    async with database.reading() as session:
        connection = await session.connection()
        return await connection.run_sync(lambda sync: work(IndexRows(sync)))


def _values(value: Cursor | IndexedBlock) -> Row:
    return tuple(getattr(value, name) for name in value.__slots__)


def _plain(table: Table, row: Row) -> dict[str, Any]:
    return dict(zip(table.columns.keys(), row, strict=True))


def _undo(number: int, ordinal: int, change: Change) -> Row:
    before = None if change.before is None else portable.dumps(change.before)
    return (number, ordinal, change.table.name, portable.dumps(change.key), before)
