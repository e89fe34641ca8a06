from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest

from ledger.store.database import Database
from tests.integration.sender.support import FREE, Node
from tests.postgresql import Postgresql


@pytest.fixture
async def start() -> AsyncIterator[Callable[..., Node]]:
    """Starts nodes; they are stopped at the end."""
    nodes: list[Node] = []

    def start(*arguments: str) -> Node:
        node = Node(*arguments)
        nodes.append(node)
        return node

    yield start
    for node in nodes:
        await node.rpc.close()
        node.stop()


@pytest.fixture
def node(start: Callable[..., Node]) -> Node:
    return start(*FREE)


@pytest.fixture
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """SQLite, unless the test asks for the other, or for both: `ON_BOTH`."""
    if getattr(request, "param", "sqlite") == "sqlite":
        yield f"sqlite:///{tmp_path}/socai.sqlite"
        return
    server: Postgresql = request.getfixturevalue("postgresql")
    url = server.migrated()
    yield url
    server.drop(url)


ON_BOTH = pytest.mark.parametrize("database_url", ["sqlite", "postgresql"], indirect=True)


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    database = Database(database_url)
    await database.migrate()
    yield database
    await database.close()
