"""Many rows into one table: COPY on PostgreSQL, one statement for all elsewhere."""

from collections.abc import Callable, Iterable, Sequence
from functools import cache
from typing import Any, Final

from psycopg import AsyncConnection, sql
from sqlalchemy import Boolean, Connection, Dialect, LargeBinary, String, Table, insert
from sqlalchemy.types import TypeDecorator, TypeEngine

FEW: Final = 8
"""Rows for which COPY is not worth its round trips."""


def bulk_insert(connection: Connection, table: Table, rows: Iterable[Sequence[Any]]) -> None:
    """Rows with the values of all columns, in the order of the table."""
    found = list(rows)
    if connection.dialect.name == "postgresql" and len(found) > FEW:
        _copy(connection, table, found)
    elif found:
        statement, bind = _inserting(table, connection.dialect)
        connection.exec_driver_sql(statement, [bind(row) for row in found])


@cache
def _inserting(table: Table, dialect: Dialect) -> tuple[str, Callable[[Sequence[Any]], Any]]:
    """The statement, and what makes its parameters of a row: SQLAlchemy's own way takes several times as long
    for many rows."""
    compiled = insert(table).compile(dialect=dialect)
    binders = [column.type.dialect_impl(dialect).bind_processor(dialect) for column in table.columns]
    names, order = table.columns.keys(), compiled.positiontup

    def values(row: Sequence[Any]) -> tuple[Any, ...]:
        return tuple(
            [value if bind is None else bind(value) for bind, value in zip(binders, row, strict=True)]
        )

    if order is None:
        return str(compiled), lambda row: dict(zip(names, values(row), strict=True))
    if order != names:
        raise TypeError(f"the columns of {table.name} are not inserted in their order")
    return str(compiled), values


def _copy(connection: Connection, table: Table, rows: list[Sequence[Any]]) -> None:
    statement = sql.SQL("COPY {} ({}) FROM STDIN (FORMAT BINARY)").format(
        sql.Identifier(table.name), sql.SQL(", ").join(sql.Identifier(c.name) for c in table.columns)
    )
    kinds = [_kind(column.type) for column in table.columns]
    bind = [_binder(connection, column.type) for column in table.columns]

    async def copy(driver: AsyncConnection[Any]) -> None:
        async with driver.cursor() as cursor, cursor.copy(statement) as into:
            into.set_types(kinds)
            for row in rows:
                await into.write_row([value(cell) for value, cell in zip(bind, row, strict=True)])

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


def _binder(connection: Connection, of: TypeEngine[Any]) -> Callable[[Any], Any]:
    """What SQLAlchemy does to a value before it gives it to the driver."""
    if isinstance(of, TypeDecorator):
        return lambda value: of.process_bind_param(value, connection.dialect)
    return lambda value: value
