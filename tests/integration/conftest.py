"""One anvil for all integration tests of a session."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from ledger.chain.devnet import Devnet
from ledger.chain.rpc import Rpc
from tests.e2e.conftest import free_port


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def devnet() -> AsyncIterator[Devnet]:
    """The session's chain, with every historical state. Tests that stop or kill a chain start their own."""
    async with Devnet(port=free_port(), history=None) as chain:
        yield chain


@pytest.fixture
async def rpc(devnet: Devnet) -> AsyncIterator[Rpc]:
    """A client of the session's chain, which is rewound after the test."""
    async with Rpc(devnet.url) as client:
        snapshot = await client.request("evm_snapshot")
        yield client
        await client.request("evm_revert", [snapshot])
