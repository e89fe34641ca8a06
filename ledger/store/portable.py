"""Rows as text that is the same on every database, their hashes, and whole databases as files of them.

A row is one line of JSON, the values of all columns in their order, bytes in hexadecimal; rows of a table
stand by primary key. Equal hashes are equal contents, whatever the database.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from hashlib import sha256
from itertools import islice
from pathlib import Path
from typing import Any, Final

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Integer,
    LargeBinary,
    String,
    Table,
    collate,
    delete,
    func,
    select,
    text,
)
from sqlalchemy.types import TypeDecorator

from ledger.store import columns
from ledger.store.bulk import bulk_insert
from ledger.store.database import Database

AT_ONCE: Final = 1000
LEFT_BEHIND: Final = frozenset({"sessions", "sign_in_nonces"})
"""People sign in anew."""


class NotImportable(Exception):
    """The database is in use, or the files are not what they were; the message says which."""


def dumps(values: Sequence[Any]) -> str:
    """Values of the first columns, or of all."""
    return json.dumps([value.hex() if isinstance(value, bytes) else value for value in values])


def loads(table: Table, line: str) -> list[Any]:
    return [
        bytes.fromhex(value) if isinstance(value, str) and _binary(column.type) else value
        for column, value in zip(table.columns, json.loads(line), strict=False)
    ]


def rows(connection: Connection, table: Table) -> Iterator[tuple[Any, ...]]:
    """All, by primary key, a few at a time."""
    found = select(table).order_by(*(_order(connection, column) for column in table.primary_key.columns))
    for row in connection.execute(found, execution_options={"yield_per": AT_ONCE}):
        yield tuple(row)


def fingerprint(connection: Connection, table: Table) -> str:
    """SHA-256 over all rows."""
    digest = sha256()
    for row in rows(connection, table):
        digest.update(dumps(row).encode() + b"\n")
    return digest.hexdigest()


async def state(database: Database) -> dict[str, str]:
    """The fingerprint of every table that is exported, as of one moment."""
    async with database.reading() as session:
        return await (await session.connection()).run_sync(
            lambda sync: {table.name: fingerprint(sync, table) for table in _tables()}
        )


async def write_rows(database: Database, folder: Path) -> dict[str, str]:
    """A file `<table>.jsonl` for each table, as of one moment; their SHA-256, which are the fingerprints."""

    def write(connection: Connection) -> dict[str, str]:
        digests = {}
        for table in _tables():
            digest = sha256()
            with (folder / f"{table.name}.jsonl").open("wb") as file:
                for row in rows(connection, table):
                    line = dumps(row).encode() + b"\n"
                    digest.update(line)
                    file.write(line)
            digests[table.name] = digest.hexdigest()
        return digests

    async with database.reading() as session:
        return await (await session.connection()).run_sync(write)


async def read_rows(database: Database, folder: Path, digests: Mapping[str, str]) -> None:
    """What `write_rows` wrote, into a database of this version that nobody used, all or nothing.

    What is in it afterwards was compared with `digests`. Raises NotImportable.
    """

    def read(connection: Connection) -> None:
        for table in _tables():
            if table.name != "access_size" and connection.execute(select(table).limit(1)).first() is not None:
                raise NotImportable(f"there are rows in {table.name}: import into a new database")
        connection.execute(delete(columns.Table.metadata.tables["access_size"]))
        for table in _tables():
            with (folder / f"{table.name}.jsonl").open() as file:
                while some := list(islice(file, AT_ONCE)):
                    bulk_insert(connection, table, [loads(table, line) for line in some])
            if fingerprint(connection, table) != digests.get(table.name):
                raise NotImportable(f"the rows of {table.name} are not those that were exported")
            _continue_numbers(connection, table)

    if set(digests) != {table.name for table in _tables()}:
        raise NotImportable("the export is of another version of the program")
    async with database.transaction() as session:
        await (await session.connection()).run_sync(read)


def _tables() -> list[Table]:
    """Those that others refer to come first."""
    return [table for table in columns.Table.metadata.sorted_tables if table.name not in LEFT_BEHIND]


def _continue_numbers(connection: Connection, table: Table) -> None:
    """Of rows that the database numbers: after the highest."""
    column = table.autoincrement_column
    if connection.dialect.name == "sqlite" or column is None or type(column.type) is not Integer:
        return
    highest = connection.execute(select(func.max(column))).scalar_one()
    if highest is not None:
        connection.execute(
            text("SELECT setval(pg_get_serial_sequence(:of, :number), :highest)"),
            {"of": table.name, "number": column.name, "highest": highest},
        )


def _order(connection: Connection, column: Column[Any]) -> ColumnElement[Any]:
    """Text by its code points, which SQLite does by itself."""
    plain = connection.dialect.name == "sqlite" or not isinstance(column.type, String)
    return column if plain else collate(column, "C")


def _binary(kind: Any) -> bool:
    return isinstance(kind.impl if isinstance(kind, TypeDecorator) else kind, LargeBinary)
