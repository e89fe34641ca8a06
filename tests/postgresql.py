"""A PostgreSQL of the tests' own: on a socket in a temporary folder, durable in nothing, gone at the end."""

import asyncio
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Final

import psycopg

from ledger.store.database import Database

SETTINGS: Final = {
    "listen_addresses": "",
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "max_connections": "200",
    "autovacuum": "off",
}


class Postgresql:
    """A running server. Databases are made from one that is migrated, which takes milliseconds."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._numbers = count(1)

    def url(self, name: str) -> str:
        return f"postgresql://socai@/{name}?host={self._folder}"

    def empty(self) -> str:
        """The address of a new database without a table."""
        return self._create("template0")

    def migrated(self) -> str:
        """The address of a new database of this version."""
        return self._create("migrated")

    def drop(self, url: str) -> None:
        name = url.partition("@/")[2].partition("?")[0]
        self._run(f'DROP DATABASE "{name}" WITH (FORCE)')

    def _create(self, template: str) -> str:
        name = f"test{next(self._numbers)}"
        self._run(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
        return self.url(name)

    def _run(self, statement: str) -> None:
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(statement.encode())

    def make_template(self) -> None:
        self._run("CREATE DATABASE migrated TEMPLATE template0")

        async def migrate() -> None:
            database = Database(self.url("migrated"))
            await database.migrate()
            await database.close()

        with ThreadPoolExecutor(1) as other:  # a loop may be running in this thread
            other.submit(asyncio.run, migrate()).result()


@contextmanager
def running() -> Iterator[Postgresql]:
    """As another user when we are root, which PostgreSQL refuses to run as."""
    folder = Path(tempfile.mkdtemp(prefix="socai-postgresql-"))
    setpriv = ["setpriv", "--pdeathsig", "INT"]
    if os.geteuid() == 0:
        user = pwd.getpwnam("nobody")
        os.chown(folder, user.pw_uid, user.pw_gid)
        setpriv += [f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups"]
    folder.chmod(0o755)  # the socket is reached from outside
    data, log = folder / "data", folder / "log"
    initdb = [_binary("initdb"), "-D", str(data), "-U", "socai", "-A", "trust", "-E", "UTF8", "--no-sync"]
    subprocess.run([*setpriv, *initdb, "--locale=C.UTF-8"], check=True, capture_output=True, cwd=folder)
    options = [f"-c{name}={value}" for name, value in SETTINGS.items()]
    with log.open("wb") as output:
        server = subprocess.Popen(
            [*setpriv, _binary("postgres"), "-D", str(data), "-k", str(folder), *options],
            stdout=output,
            stderr=output,
            cwd=folder,
        )
    try:
        found = Postgresql(folder)
        _wait(found, server, log)
        found.make_template()
        yield found
    finally:
        server.send_signal(signal.SIGINT)  # cuts off whoever is still connected
        server.wait()
        shutil.rmtree(folder)


def _wait(found: Postgresql, server: subprocess.Popen[bytes], log: Path) -> None:
    for _ in range(600):
        try:
            psycopg.connect(found.url("postgres")).close()
        except psycopg.OperationalError:
            if server.poll() is not None:
                raise RuntimeError(f"PostgreSQL ended: {log.read_text()}") from None
            time.sleep(0.05)
        else:
            return
    raise RuntimeError(f"PostgreSQL does not answer: {log.read_text()}")


def _binary(name: str) -> str:
    """Debian keeps those of each version in a folder that is not on the path."""
    found = shutil.which(name) or max(
        map(str, Path("/usr/lib/postgresql").glob(f"*/bin/{name}")), default=None
    )
    if found is None:
        raise RuntimeError(f"{name} is not installed: scripts/setup tests installs it")
    return found
