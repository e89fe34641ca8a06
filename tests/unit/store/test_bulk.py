"""Many rows at once are the rows that were given, however many they are."""

import pytest
from psycopg.errors import UniqueViolation
from sqlalchemy import Connection, delete, insert, select
from sqlalchemy.exc import IntegrityError

from ledger.store.bulk import TOGETHER, bulk_insert
from ledger.store.database import Database
from ledger.store.index.rows import index_table


async def test_R13_rows_inserted_together_are_those_inserted_one_by_one(database_url: str) -> None:
    orders = index_table("orders")
    rows = [
        (number, 1, number << 64, bytes(20), None, 1, None, 0, number % 2 == 0, None)
        for number in range(2 * TOGETHER + 3)
    ]

    def kept(connection: Connection) -> None:
        for count in (0, 1, 9, TOGETHER - 1, TOGETHER, TOGETHER + 1, len(rows)):
            connection.execute(delete(orders))
            bulk_insert(connection, orders, iter(rows[:count]))
            found = connection.execute(select(orders).order_by(orders.c.block_number))
            assert [tuple(row) for row in found] == rows[:count]
        connection.execute(delete(orders))
        names = orders.columns.keys()
        connection.execute(insert(orders), [dict(zip(names, row, strict=True)) for row in rows])
        found = connection.execute(select(orders).order_by(orders.c.block_number))
        assert [tuple(row) for row in found] == rows

    def twice(connection: Connection) -> None:
        bulk_insert(connection, orders, [*rows, rows[0]])

    database = Database(database_url)
    await database.migrate()
    async with database.transaction() as session:
        await (await session.connection()).run_sync(kept)
    with pytest.raises((IntegrityError, UniqueViolation)):
        async with database.transaction() as session:
            await (await session.connection()).run_sync(twice)
    with pytest.raises(ValueError, match="expected 20 bytes"):
        async with database.transaction() as session:
            await (await session.connection()).run_sync(
                lambda sync: bulk_insert(sync, orders, [(*row[:3], bytes(19), *row[4:]) for row in rows])
            )
    await database.close()
