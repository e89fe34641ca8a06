"""Migrations up and down, with rows, on every database."""

from collections.abc import AsyncIterator
from itertools import pairwise
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Boolean, Connection, LargeBinary, String, func, insert, inspect, select, table

from ledger.store.columns import Bytes, Table, Uint256
from ledger.store.database import MIGRATIONS, Database

Schema = dict[str, dict[str, Any]]


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    database = Database(database_url)
    await database.migrate()
    yield database
    await database.close()


def schema(connection: Connection) -> Schema:
    """Every table as the database tells it."""
    found = inspect(connection)

    def described(name: str) -> dict[str, Any]:
        foreign = found.get_foreign_keys(name)
        return {
            "columns": {(c["name"], str(c["type"]), c["nullable"]) for c in found.get_columns(name)},
            "needed": {
                c["name"] for c in found.get_columns(name) if not c["nullable"] and c["default"] is None
            },
            "key": found.get_pk_constraint(name)["constrained_columns"],
            "unique": {(c["name"], *c["column_names"]) for c in found.get_unique_constraints(name)},
            "foreign": {(*c["constrained_columns"], c["referred_table"]) for c in foreign},
            "checks": {c["name"] for c in found.get_check_constraints(name)},
            "indexes": {(i["name"], *i["column_names"]) for i in found.get_indexes(name)},
        }

    return {name: described(name) for name in found.get_table_names() if name != "alembic_version"}


def fill(connection: Connection) -> None:
    """One row in every table that has none, with a value in every column."""
    for each in Table.metadata.sorted_tables:
        if not connection.execute(select(func.count()).select_from(each)).scalar_one():
            values = {column.name: value(column) for column in each.columns}
            connection.execute(insert(each), [values | {"state": "mined"} if "state" in values else values])


def value(column: Any) -> Any:
    kind = column.type
    if isinstance(kind, Bytes):
        return b"\x01" * kind.length
    if isinstance(kind, Uint256):
        return 2**255
    plain = getattr(kind, "impl", kind)
    if isinstance(plain, Boolean):
        return True
    if isinstance(plain, LargeBinary):
        return b"{}"
    return "[]" if isinstance(plain, String) else 1


def rows(connection: Connection) -> dict[str, int]:
    """How many each table has; access_size has one from the start."""
    names = set(inspect(connection).get_table_names()) - {"alembic_version"}
    return {n: connection.execute(select(func.count()).select_from(table(n))).scalar_one() for n in names}


async def read(database: Database, what: Any) -> Any:
    async with database.reading() as session:
        return await (await session.connection()).run_sync(what)


async def test_models_and_migrations_agree(database: Database) -> None:
    def compare(connection: Connection) -> list[object]:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        return list(compare_metadata(context, Table.metadata))

    assert await read(database, compare) == []
    migrated = await read(database, schema)
    assert set(migrated) == set(Table.metadata.tables)
    async with database.transaction() as session:
        # Autogeneration sees no check constraint: make the models' own tables and compare those too.
        connection = await session.connection()
        await connection.run_sync(Table.metadata.drop_all)
        await connection.run_sync(Table.metadata.create_all)
        made = await connection.run_sync(schema)
    assert {name: table["checks"] for name, table in made.items()} == {
        name: table["checks"] for name, table in migrated.items()
    }


async def test_R13_each_revision_goes_down_and_up_with_rows(database: Database) -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    revisions = [script.revision for script in ScriptDirectory.from_config(config).walk_revisions()]
    whole = await read(database, schema)
    async with database.transaction() as session:
        await (await session.connection()).run_sync(fill)
    left: dict[str, int] = {}
    for above, below in pairwise([*revisions, "base"]):
        await database.downgrade(below)
        left = await read(database, rows)
        kept = {name: count for name, count in left.items() if not name.startswith("index_")}  # made anew
        assert set(kept.values()) <= {1}, below  # what the older version knows is all there
        await database.migrate(above)
        assert kept.items() <= (await read(database, rows)).items(), above
        await database.downgrade(below)
    assert left == {}
    await database.migrate()
    assert await read(database, schema) == whole


FIRST = "0022"
"""From here on the version before goes on working on what a revision makes."""


async def test_R13_the_version_before_works_on_what_a_revision_makes(empty_url: str) -> None:
    """Expand, then contract: a revision adds what may be left out. What goes must have been unused since an
    earlier revision, which `unused_since` in its file names."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    later = list(ScriptDirectory.from_config(config).iterate_revisions("head", FIRST))
    database = Database(empty_url)
    await database.migrate(FIRST)
    before = await read(database, schema)
    for script in reversed(later):
        await database.migrate(script.revision)
        after = await read(database, schema)
        said = getattr(script.module, "unused_since", None)
        if said is None:
            assert not broken(before, after), script.revision
        else:
            assert said in {older.revision for older in later} - {script.revision}
        before = after
    await database.close()


def broken(before: Schema, after: Schema) -> set[Any]:
    """What keeps a program that knows the schema before from working on the one after."""
    found: set[Any] = set(before) - set(after)
    for name in set(before) & set(after):
        old, new = before[name], after[name]
        found |= old["columns"] - new["columns"]  # gone, of another type, or no longer to be left out
        found |= {each for each in new["columns"] - old["columns"] if each[0] in new["needed"]}
        for kind in ("unique", "foreign", "checks"):
            found |= new[kind] - old[kind]
    return found


def test_what_breaks_the_version_before() -> None:
    empty = {"columns": set(), "needed": set(), "unique": set(), "foreign": set(), "checks": set()}
    old = {"t": empty | {"columns": {("a", "INTEGER", False)}}}
    assert not broken(
        old, {"t": empty | {"columns": {("a", "INTEGER", False), ("b", "TEXT", True)}}, "u": empty}
    )
    for new in (
        {},
        {"t": empty},
        {"t": old["t"] | {"columns": {("a", "TEXT", False)}}},
        {"t": old["t"] | {"columns": {("a", "INTEGER", False), ("b", "TEXT", False)}, "needed": {"b"}}},
        {"t": old["t"] | {"unique": {("once", "a")}}},
    ):
        assert broken(old, new), new
