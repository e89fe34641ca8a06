"""scripts/bench search [LICENCES]: search in SQL on both databases, and COPY against executemany.

Each licence has its row, the entry of its purchase and the mention of its buyer. Databases are measured in
turn, each question a hundred times; times are in milliseconds.
"""

# ruff: noqa: T201 - it prints what it measures
import asyncio
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from itertools import islice
from pathlib import Path
from random import Random
from typing import Any

from sqlalchemy import Connection, delete, insert, select, text

from ledger.domain.history import Filter
from ledger.store.bulk import bulk_insert
from ledger.store.database import Database
from ledger.store.index.history import IndexHistory
from ledger.store.index.rows import index_table
from tests.postgresql import running

QUESTIONS = 100
AT_ONCE = 10_000
A_BLOCK = 100
ROWS_COPIED = 20_000


def holder(number: int) -> bytes:
    """One of ten thousand."""
    return (number * 7919 % 10_000).to_bytes(20)


def licences(count: int) -> Iterator[tuple[Any, ...]]:
    zero = bytes(20)
    for n in range(count):
        yield (n << 48, 1, n, 0, 0, 1, False, 1, 1, 100, 0, 0, holder(n), zero)


def blocks(count: int) -> Iterator[tuple[Any, ...]]:
    for n in range(count // A_BLOCK + 1):
        yield (n, n.to_bytes(32), bytes(32), n)


def entries(count: int) -> Iterator[tuple[Any, ...]]:
    for n in range(count):
        place = (n // A_BLOCK, n % A_BLOCK, 1, (n // A_BLOCK).to_bytes(32), n.to_bytes(32), n % A_BLOCK)
        yield (*place, bytes(20), "Exchange", "Purchased", bytes(32), bytes(256), n % 1000, n << 48, n)


def mentions(count: int) -> Iterator[tuple[Any, ...]]:
    for n in range(count):
        yield (holder(n).rjust(32, b"\0"), n // A_BLOCK, n % A_BLOCK)


NOUNS = (("blocks", blocks), ("licences", licences), ("entries", entries), ("mentions", mentions))


async def within(database: Database, work: Callable[[Connection], Any]) -> Any:
    async with database.transaction(queue=False) as session:
        return await (await session.connection()).run_sync(work)


async def fill(database: Database, count: int) -> float:
    """Seconds."""
    started = time.perf_counter()
    for name, made in NOUNS:
        rows, table = made(count), index_table(name)
        while some := list(islice(rows, AT_ONCE)):
            await within(database, lambda sync, table=table, some=some: bulk_insert(sync, table, some))
    await within(database, lambda sync: sync.execute(text("ANALYZE")))
    return time.perf_counter() - started


async def ask(database: Database, question: Callable[[Any], Awaitable[object]], random: Random) -> str:
    times = []
    for _ in range(QUESTIONS):
        number = random.randrange(10_000)
        started = time.perf_counter()
        async with database.reading() as session:
            await question((session, number))
        times.append(1000 * (time.perf_counter() - started))
    times.sort()
    return f"{times[len(times) // 2]:8.1f} {times[int(0.99 * len(times))]:8.1f}"


async def held(given: Any) -> None:
    session, number = given
    table = index_table("licences")
    await (await session.connection()).execute(
        select(table).where(table.c.holder == holder(number)).limit(50)
    )


async def one(given: Any) -> None:
    session, number = given
    table = index_table("licences")
    await (await session.connection()).execute(select(table).where(table.c.licence == number << 48))


def searching(**wanted: Any) -> Callable[[Any], Awaitable[object]]:
    async def search(given: Any) -> None:
        session, number = given
        found = {name: value(number) for name, value in wanted.items()}
        await IndexHistory(session).search(Filter(**found), None, 50, newest_first=True)

    return search


QUESTIONS_ASKED = {
    "a licence by its number": one,
    "an account's licences, 50": held,
    "an account's entries, newest 50": searching(account=holder),
    "a licence's entries": searching(licence=lambda n: n << 48),
    "a listing's entries, newest 50": searching(listing=lambda n: n % 1000),
}


async def copying(database: Database) -> None:
    table, rows = index_table("licences"), list(licences(ROWS_COPIED))
    names = table.columns.keys()
    plain = [dict(zip(names, row, strict=True)) for row in rows]
    took: dict[str, list[float]] = {"COPY": [], "executemany": []}
    for _ in range(3):
        for name, work in (
            ("COPY", lambda sync: bulk_insert(sync, table, rows)),
            ("executemany", lambda sync: sync.execute(insert(table), plain)),
        ):
            await within(database, lambda sync: sync.execute(delete(table)))
            started = time.perf_counter()
            await within(database, work)
            took[name].append(time.perf_counter() - started)
    best = {name: ROWS_COPIED / min(times) for name, times in took.items()}
    print(f"{ROWS_COPIED} rows into PostgreSQL: COPY {best['COPY']:.0f} rows/s, executemany "
          f"{best['executemany']:.0f} rows/s, ratio {best['COPY'] / best['executemany']:.1f}")  # fmt: skip


async def main(count: int) -> None:
    with tempfile.TemporaryDirectory() as folder, running() as server:
        empty = Database(server.migrated())
        await copying(empty)
        await empty.close()
        file = Path(folder) / "search.sqlite"
        databases = {"SQLite": Database(f"sqlite:///{file}"), "PostgreSQL": Database(server.migrated())}
        for name, database in databases.items():
            await database.migrate()
            print(f"{name}: {count} licences written in {await fill(database, count):.0f} s")
        print(f"{'':34}" + "".join(f"{name + ' p50':>14} {'p99':>8}" for name in databases))
        for what, question in QUESTIONS_ASKED.items():
            random = Random(1)  # noqa: S311
            measured = [await ask(database, question, random) for database in databases.values()]
            print(f"{what:34}" + "".join(f"     {one}" for one in measured))
        for database in databases.values():
            await database.close()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000))
