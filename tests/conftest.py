"""The servers that tests of SQL and of objects run on."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.postgresql import Postgresql, running
from tests.s3 import S3
from tests.s3 import running as s3_running


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Postgresql]:
    """One server for all tests, started by the first that asks."""
    with running() as server:
        yield server


@pytest.fixture(scope="session")
def s3() -> Iterator[S3]:
    """One server for all tests, started by the first that asks."""
    with s3_running() as server:
        yield server


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The address of an empty database of each kind."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/socai.sqlite"
        return
    server: Postgresql = request.getfixturevalue("postgresql")
    url = server.empty()
    yield url
    server.drop(url)


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The address of a database of each kind; `migrate` it: the one of PostgreSQL is already."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/socai.sqlite"
        return
    server: Postgresql = request.getfixturevalue("postgresql")
    url = server.migrated()
    yield url
    server.drop(url)
