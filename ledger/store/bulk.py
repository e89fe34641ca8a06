"""Many rows into one table: COPY on PostgreSQL, many rows to a statement on SQLite.

SQLAlchemy's own way takes several times as long for many rows, and lets nobody else run meanwhile: Python's
SQLite gives way to other threads once for each statement.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache
from itertools import chain
from typing import Any, Final, TypeAlias

from psycopg import AsyncConnection, sql
from psycopg.types.string import BytesBinaryDumper
from sqlalchemy import Boolean, Connection, Dialect, LargeBinary, String, Table, insert
from sqlalchemy.types import TypeDecorator, TypeEngine

Cells: TypeAlias = Iterator[tuple[Any, ...]]

FEW: Final = 8
"""Rows for which COPY is not worth its round trips."""
TOGETHER: Final = 500
"""Rows of a statement on SQLite."""


def bulk_insert(connection: Connection, table: Table, rows: Iterable[Sequence[Any]]) -> None:
    """Rows with the values of all columns, in the order of the table."""
    found = list(rows)
    if connection.dialect.name == "postgresql" and len(found) > FEW:
        _copy(connection, table, found)
    elif found:
        _insert(connection, table, found)


def _insert(connection: Connection, table: Table, rows: list[Sequence[Any]]) -> None:
    statement, bind = _inserting(table, connection.dialect)
    if connection.dialect.name != "sqlite":
        names = table.columns.keys()
        connection.exec_driver_sql(statement, [dict(zip(names, row, strict=True)) for row in bind(rows)])
        return
    cells = list(bind(rows))
    whole = len(cells) - len(cells) % TOGETHER
    if whole:
        flat = (chain.from_iterable(cells[at : at + TOGETHER]) for at in range(0, whole, TOGETHER))
        connection.exec_driver_sql(_together(statement), list(map(tuple, flat)))
    if cells[whole:]:
        connection.exec_driver_sql(statement, cells[whole:])


@cache
def _together(statement: str) -> str:
    """The statement for as many rows as are inserted together."""
    head, values, row = statement.partition(" VALUES ")
    return head + values + ", ".join([row] * TOGETHER)


@cache
def _inserting(table: Table, dialect: Dialect) -> tuple[str, Callable[[list[Sequence[Any]]], Cells]]:
    """The statement, and what makes its parameters of rows, a column at a time."""
    compiled = insert(table).compile(dialect=dialect)
    if compiled.positiontup not in (None, table.columns.keys()):
        raise TypeError(f"the columns of {table.name} are not inserted in their order")
    return str(compiled), _bound(
        [column.type.dialect_impl(dialect).bind_processor(dialect) for column in table.columns]
    )


@cache
def _copying(table: Table, dialect: Dialect) -> tuple[sql.Composed, list[str], Callable[..., Cells]]:
    """The statement, what PostgreSQL calls the columns' types, and what makes cells of rows."""
    statement = sql.SQL("COPY {} ({}) FROM STDIN (FORMAT BINARY)").format(
        sql.Identifier(table.name), sql.SQL(", ").join(sql.Identifier(c.name) for c in table.columns)
    )
    types = [column.type for column in table.columns]
    binders = [of.bind_processor(dialect) if isinstance(of, TypeDecorator) else None for of in types]
    return statement, list(map(_kind, types)), _bound(binders)


def _bound(binders: Sequence[Callable[[Any], Any] | None]) -> Callable[[list[Sequence[Any]]], Cells]:
    """What does to the cells what SQLAlchemy does to a value before it gives it to the driver."""

    def bound(rows: list[Sequence[Any]]) -> Cells:
        columns = zip(*rows, strict=True)
        bound = (
            values if bind is None else map(bind, values)
            for bind, values in zip(binders, columns, strict=True)
        )
        return zip(*bound, strict=True)

    return bound


def _copy(connection: Connection, table: Table, rows: list[Sequence[Any]]) -> None:
    statement, kinds, bound = _copying(table, connection.dialect)

    async def copy(driver: AsyncConnection[Any]) -> None:
        async with driver.cursor() as cursor:
            cursor.adapters.register_dumper(bytes, BytesBinaryDumper)  # else one in Python is taken
            async with cursor.copy(statement) as into:
                into.set_types(kinds)
                for row in bound(rows):
                    await into.write_row(row)

    connection.connection.dbapi_connection.run_async(copy)  # type: ignore[union-attr]


def _kind(of: TypeEngine[Any]) -> str:
    plain = of.impl if isinstance(of, TypeDecorator) else of
    match plain:
        case LargeBinary():
            return "bytea"
        case String():
            return "text"
        case Boolean():
            return "bool"
        case _:
            return "int8"
