from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from ledger.store.database import Database
from tests.integration.sender.support import FREE, Node


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
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    database = Database(f"sqlite:///{tmp_path}/socai.sqlite")
    await database.migrate()
    yield database
    await database.close()
