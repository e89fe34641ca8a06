"""Search with a million licences in SQL: scripts/bench search [LICENCES]

A licence has its row, its order, the entry of its purchase and the mention of its buyer; every fifty have a
listing with a version, two plans and a document. Rows are written as the indexer writes them. Each question
is asked of SQLite, and of a PostgreSQL that is durable in nothing, a hundred times or for PATIENCE, each time
about another thing.
"""

import asyncio
import json
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from itertools import islice
from pathlib import Path
from random import Random
from typing import Any, Final

from sqlalchemy import Boolean, Connection, String, Table, delete, insert, select, text

from ledger.chain.bindings.exchange import Purchased
from ledger.chain.manifest import Deployed, Manifest
from ledger.domain.catalogue import Wanted
from ledger.domain.history import Filter
from ledger.domain.ids import plan_id
from ledger.indexer.catalogue import CatalogueReader
from ledger.indexer.figures import FigureReader
from ledger.indexer.history import IndexReader
from ledger.store import columns
from ledger.store.bulk import bulk_insert
from ledger.store.database import Database, reading
from ledger.store.index.catalogue import IndexCatalogue
from ledger.store.index.history import IndexHistory
from ledger.store.index.rows import index_table
from tests.bench.figures import Figure, percentile, show
from tests.postgresql import running

ASKED: Final = 100
PATIENCE: Final = 5.0
"""Seconds for one question to one database."""
AT_ONCE: Final = 10_000
COPIED: Final = 20_000
PER_BLOCK: Final = 100
PER_LISTING: Final = 50
BLOCK_SECONDS: Final = 3600
"""From one block with sales to the next, so that a million licences are sold in 14 months."""
HOLDERS: Final = 10_000
SELLERS: Final = 500
VOCABULARY: Final = 3_000
HOMES: Final = ("VN", "LA", "KH", "TH", "SG")
ARGUMENTS: Final = bytes(32 * len(Purchased.abi_params))
PAGE: Final = 50
DAY: Final = 86_400
WEEK: Final = 7 * DAY
NOWHERE: Final = Manifest(1, bytes(32), 0, {"Exchange": Deployed(f"0x{'0' * 40}", bytes(32))})
"""Only what was at an earlier block would need the deployment."""

Row = tuple[Any, ...]
Ask = Callable[[Database, Random], Awaitable[object]]


# What is in it


def holder(number: int) -> bytes:
    return (number * 7919 % HOLDERS).to_bytes(20)


def hashed(number: int) -> bytes:
    return (number + 1).to_bytes(32)


def licence(number: int) -> int:
    return (number // PER_LISTING + 1 << 48) + number % PER_LISTING + 1


def place(number: int) -> tuple[int, int]:
    return number // PER_BLOCK + 1, number % PER_BLOCK


def words(listing: int) -> set[str]:
    """Up to eight; the first of the vocabulary are in many documents."""
    random = Random(listing)  # noqa: S311
    return {word(random) for _ in range(8)}


def word(random: Random) -> str:
    return f"w{int(VOCABULARY * random.random() ** 2):04}"


def document(listing: int) -> bytes:
    return json.dumps({"dct:title": f"Dataset {listing}", "dcat:keyword": sorted(words(listing))}).encode()


def row(table: Table, **known: Any) -> Row:
    """With nought for what is not told."""
    return tuple(known.get(column.name, _nought(column.type)) for column in table.columns)


def _nought(kind: Any) -> Any:
    if isinstance(kind, columns.Bytes):
        return bytes(kind.length)
    return False if isinstance(kind, Boolean) else "[]" if isinstance(kind, String) else 0


def tables(count: int) -> Iterator[tuple[Table, Iterator[Row]]]:
    """Every table that has rows, with them."""
    last, listings, numbers = count // PER_BLOCK + 1, range(1, count // PER_LISTING + 1), range(count)
    of = index_table
    yield of("cursor"), iter([(bytes(32), 1, last, hashed(last), last)])
    yield of("blocks"), ((n, hashed(n), hashed(n - 1), n * BLOCK_SECONDS) for n in range(1, last + 1))
    table = of("participants")
    yield table, (row(table, account=holder(n), jurisdiction=HOMES[n % 5].encode()) for n in range(HOLDERS))
    table = of("listings")
    yield table, (row(table, listing=n, **_listed(n)) for n in listings)
    table = of("versions")
    yield table, (row(table, listing=n, number=1, metadata=hashed(n)) for n in listings)
    table = of("plans")
    yield (
        table,
        (
            row(table, plan=plan_id(n, at), status=1, price=n % 4 * 1000, flags=n % 32)
            for n in listings
            for at in range(2)
        ),
    )
    table = columns.Table.metadata.tables["documents"]
    yield table, ((hashed(n), document(n), holder(n), 0) for n in listings)
    table = columns.Table.metadata.tables["document_words"]
    yield table, ((found.encode(), hashed(n)) for n in listings for found in words(n))
    zero = bytes(20)
    yield (
        of("licences"),
        (
            (licence(n), n // PER_LISTING + 1, 1, n, 0, 0, 1, False, n % 3, 1, 100, 0, 0, holder(n), zero)
            for n in numbers
        ),
    )
    yield (
        of("orders"),
        (
            (*place(n), licence(n), holder(n), 1, 1, 1000, 1, False, place(n)[0] * BLOCK_SECONDS)
            for n in numbers
        ),
    )
    yield of("entries"), map(_purchase, numbers)
    yield of("mentions"), ((holder(n).rjust(32, b"\0"), *place(n)) for n in numbers)


def _listed(number: int) -> dict[str, Any]:
    return {
        "importance": 1 + number % 3,
        "sharing": 1 + number % 3,
        "subject": 1 + number % 4,
        "home": HOMES[number % 5].encode(),
        "versions": 1,
        "plans": 2,
        "delisted": number % 100 == 0,
        "holder": holder(number % SELLERS),
    }


def _purchase(number: int) -> Row:
    block, index = place(number)
    of = (1, hashed(block), hashed(number), index, bytes(20), "Exchange", "Purchased", Purchased.topic0)
    return (block, index, *of, ARGUMENTS, number // PER_LISTING + 1, licence(number), number + 1)


async def fill(database: Database, count: int) -> float:
    """Rows per second."""
    started, written = time.perf_counter(), 0
    for table, rows in tables(count):
        while some := list(islice(rows, AT_ONCE)):
            await within(database, lambda sync, table=table, some=some: bulk_insert(sync, table, some))
            written += len(some)
    seconds = time.perf_counter() - started
    await within(database, lambda sync: sync.execute(text("ANALYZE")))
    return written / seconds


async def within(database: Database, work: Callable[[Connection], Any]) -> Any:
    async with database.transaction(queue=False) as session:
        return await (await session.connection()).run_sync(work)


# What is asked


def questions(count: int) -> dict[str, Ask]:
    last = count // PER_BLOCK + 1

    def someone(random: Random) -> bytes:
        return holder(random.randrange(HOLDERS))

    def period(random: Random, blocks: int) -> tuple[int, int]:
        first = random.randrange(max(last - blocks, 1))
        return first * BLOCK_SECONDS, (first + blocks) * BLOCK_SECONDS

    def day(random: Random) -> Filter:
        since, until = period(random, DAY // BLOCK_SECONDS)
        return Filter(since=since, until=until, importance=3)

    history = {
        "an account's entries": lambda r: Filter(account=someone(r)),
        "a licence's entries": lambda r: Filter(licence=licence(r.randrange(count))),
        "a listing's entries": lambda r: Filter(listing=1 + r.randrange(count // PER_LISTING)),
        "an account's entries of a day": lambda r: Filter(
            **dict(zip(("since", "until"), period(r, DAY // BLOCK_SECONDS), strict=True)),
            account=someone(r),
        ),
        "important entries of a day": day,
        "entries of a jurisdiction": lambda r: Filter(jurisdiction=r.choice(HOMES)),
        "entries of a jurisdiction that has none": lambda _: Filter(jurisdiction="XX"),
        "entries of a contract that has none": lambda _: Filter(contract="LogAnchor"),
        "entries of an event that never was": lambda _: Filter(event="PaymentUsed"),
        "a payment reference": lambda r: Filter(reference=r.randbytes(32)),
    }
    catalogue = {
        "the catalogue's first page": lambda _: Wanted(),
        "listings by a word": lambda r: Wanted(words=(word(r),)),
        "listings by two beginnings": lambda r: Wanted(words=(word(r)[:3], word(r)[:4])),
        "listings by price and right": lambda _: Wanted(price="fixed", right="research"),
        "listings of a seller": lambda r: Wanted(seller=holder(r.randrange(SELLERS))),
        "listings by class and home": lambda r: Wanted(importance=2, subject=3, home=r.choice(HOMES)),
    }
    return {
        **{name: _searching(wanted) for name, wanted in history.items()},
        **{name: _offering(wanted) for name, wanted in catalogue.items()},
        "a further page of the catalogue": _paging(count // PER_LISTING),
        "an account's licences": lambda database, r: _licences(database, someone(r)),
        "figures of a week": lambda database, r: FigureReader(reading(database, IndexHistory)).summary(
            *period(r, WEEK // BLOCK_SECONDS), "day"
        ),
        "figures of all time": lambda database, _: FigureReader(reading(database, IndexHistory)).summary(
            0, last * BLOCK_SECONDS, "week"
        ),
    }


def _searching(wanted: Callable[[Random], Filter]) -> Ask:
    async def ask(database: Database, random: Random) -> object:
        entries = IndexReader(reading(database, IndexHistory), NOWHERE)
        return await entries.search(wanted(random), None, PAGE, newest_first=True)

    return ask


def _offering(wanted: Callable[[Random], Wanted]) -> Ask:
    async def ask(database: Database, random: Random) -> object:
        offers = CatalogueReader(reading(database, IndexCatalogue), time.time)
        return await offers.search(wanted(random), None, PAGE, newest_first=True)

    return ask


def _paging(listings: int) -> Ask:
    """By a reader that is kept, as the service's is, and so are its counts."""
    kept: dict[Database, CatalogueReader] = {}

    async def ask(database: Database, random: Random) -> object:
        offers = kept.setdefault(database, CatalogueReader(reading(database, IndexCatalogue), time.time))
        return await offers.search(Wanted(), random.randrange(PAGE, listings), PAGE, newest_first=True)

    return ask


async def _licences(database: Database, account: bytes) -> object:
    table = index_table("licences")
    async with database.reading() as session:
        found = select(table).where(table.c.holder == account).limit(PAGE)
        return (await (await session.connection()).execute(found)).all()


async def asked(database: Database, ask: Ask) -> list[float]:
    """Milliseconds of each."""
    random, times = Random(1), list[float]()  # noqa: S311
    while len(times) < ASKED and (not times or sum(times) < 1000 * PATIENCE):
        started = time.perf_counter()
        await ask(database, random)
        times.append(1000 * (time.perf_counter() - started))
    return times


async def copying(database: Database) -> Figure:
    table, rows = (
        index_table("licences"),
        list(islice(next(r for t, r in tables(COPIED) if t.name == "index_licences"), COPIED)),
    )
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
    await within(database, lambda sync: sync.execute(delete(table)))
    return Figure(
        name="PostgreSQL: licences written",
        value=COPIED / min(took["COPY"]),
        unit="rows/s",
        reference="executemany",
        ratio=min(took["executemany"]) / min(took["COPY"]),
    )


async def figures(count: int = 1_000_000) -> list[Figure]:
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        server = stack.enter_context(running())
        databases = {
            "SQLite": Database(f"sqlite:///{folder}/search.sqlite"),
            "PostgreSQL": Database(server.migrated()),
        }
        for database in databases.values():
            stack.push_async_callback(database.close)
            await database.migrate()
        found = [await copying(databases["PostgreSQL"])]
        for name, database in databases.items():
            rate = await fill(database, count)
            found.append(Figure(name=f"{name}: {count:,} licences written", value=rate, unit="rows/s"))
        for what, ask in questions(count).items():
            for name, database in databases.items():
                times = await asked(database, ask)
                for of, share in (("p50", 0.5), ("p99", 0.99)):
                    value = percentile(times, share)
                    found.append(Figure(name=f"{name}: {what}, {of}", value=value, unit="ms", less=True))
        return found


if __name__ == "__main__":
    show(asyncio.run(figures(*map(int, sys.argv[1:]))))
