"""A whole database as one file, as of one moment, while others write: by the engine's own means.

SQLite by its backup API; PostgreSQL by `pg_dump` and `pg_restore` of its own version, which must be on PATH.
"""

import asyncio
import os
import sqlite3
from contextlib import closing
from pathlib import Path

from sqlalchemy import URL, make_url

PAGES: int = 1024
"""Copied at a time: writers wait for no longer."""


class DumpFailed(Exception):
    """The database could not be written out or read in; the message holds no address."""


class NotEmpty(DumpFailed):
    """There is something in the database that was to be restored."""


async def dump(url: str, to: Path) -> None:
    """Raises DumpFailed."""
    parsed = make_url(url)
    if parsed.get_backend_name() == "sqlite":
        await asyncio.to_thread(_copy, _file(parsed), to)
        return
    await _run(parsed, "pg_dump", "--format=custom", "--no-owner", "--no-acl", f"--file={to}")


async def load(url: str, source: Path) -> None:
    """Into an empty database, all or nothing. Raises NotEmpty, DumpFailed."""
    parsed = make_url(url)
    if parsed.get_backend_name() == "sqlite":
        file = _file(parsed)
        if file.exists():
            raise NotEmpty("there is a database already: restore where there is none")
        file.parent.mkdir(parents=True, exist_ok=True)
        half = file.with_suffix(".restoring")
        half.unlink(missing_ok=True)
        await asyncio.to_thread(_copy, source, half)
        half.rename(file)
        return
    listing = await _run(parsed, "psql", "--no-psqlrc", "--tuples-only", "--no-align", "--command=\\dt")
    if "alembic_version" in listing:
        raise NotEmpty("there are tables already: restore into an empty database")
    arguments = ("--single-transaction", "--exit-on-error", "--no-owner", "--no-acl")
    await _run(parsed, "pg_restore", *arguments, f"--dbname={parsed.database}", str(source))


def _file(url: URL) -> Path:
    if url.database is None:
        raise DumpFailed("SQLite needs a file")
    return Path(url.database)


def _copy(source: Path, to: Path) -> None:
    try:
        with (
            closing(sqlite3.connect(f"{source.resolve().as_uri()}?mode=ro", uri=True)) as reading,
            closing(sqlite3.connect(to)) as writing,
        ):
            reading.backup(writing, pages=PAGES)
    except sqlite3.Error as error:
        raise DumpFailed(f"the database cannot be copied: {error}") from error


async def _run(url: URL, program: str, *arguments: str) -> str:
    """The address goes by environment: other people see a process's arguments."""
    given = {
        "PGHOST": url.host,
        "PGUSER": url.username,
        "PGPASSWORD": url.password,
        "PGDATABASE": url.database,
    }
    given |= {"PGPORT": None if url.port is None else str(url.port)}
    if isinstance(socket := url.query.get("host"), str):
        given["PGHOST"] = socket
    environment = os.environ | {name: value for name, value in given.items() if value}
    try:
        process = await asyncio.create_subprocess_exec(
            program,
            *arguments,
            env=environment,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
    except FileNotFoundError:
        raise DumpFailed(f"{program} is not on PATH: install PostgreSQL's client programs") from None
    out, error = await process.communicate()
    if process.returncode:
        lines = error.decode(errors="replace").strip().splitlines()
        raise DumpFailed(f"{program} ended with status {process.returncode}: {lines[0] if lines else ''}")
    return out.decode()
