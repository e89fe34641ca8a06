"""Certificates captured when their block is final: all of them, whatever node and process do meanwhile."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import pytest
import pytest_asyncio

from ledger.chain.devnet import Devnet
from ledger.chain.events import Decoder
from ledger.chain.finality import parse_finality
from ledger.chain.rpc import NodeError, Rpc, RpcError, TransportError
from ledger.chain.trust import trust_of
from ledger.domain.evidence import EvidenceUnknown, Subject
from ledger.indexer.captures import Captures
from ledger.indexer.fetch import Source
from ledger.indexer.index import Index
from ledger.indexer.mirror import subject as about
from ledger.indexer.runner import Runner
from ledger.objects import ObstoreObjects
from ledger.proofs import evidence
from ledger.store.database import Database, reading
from ledger.store.evidence import Evidence
from tests.e2e.conftest import free_port
from tests.integration.indexer.market import CHOOSERS, Market, found

pytestmark = pytest.mark.asyncio(loop_scope="module")


class Node(Rpc):
    """One that is down, or has forgotten every state but that of block `knows`."""

    down = False
    knows: bytes | None = None

    async def request(self, method: str, params: Any = ()) -> Any:
        if self.down:
            raise TransportError("down")
        return await super().request(method, params)

    async def proof(self, address: str, slots: Any, block_hash: bytes) -> dict[str, Any]:
        if self.knows not in (None, block_hash):
            raise NodeError(-32000, "missing trie node")
        return await super().proof(address, slots, block_hash)


@dataclass
class Archive:
    """A database, a folder and what captures into them."""

    market: Market
    node: Node
    database: Database
    objects: ObstoreObjects
    index: Runner

    @classmethod
    async def open(
        cls, market: Market, folder: Path, finality: str = "instant", url: str | None = None
    ) -> "Archive":
        database = Database(url or f"sqlite:///{folder}/socai.sqlite")
        await database.migrate()
        trust = trust_of(market.manifest, None)
        source = Source(market.rpc, Decoder(market.manifest), trust.anchor)
        index = Index(database, market.manifest)
        runner = Runner(market.rpc, source, index, market.manifest, parse_finality(finality))
        node = Node(str(market.rpc._url), timeout=60)
        return cls(market, node, database, ObstoreObjects.local(folder / "objects"), runner)

    def captures(self) -> Captures:
        return Captures(self.node, trust_of(self.market.manifest, None), self.database, self.objects)

    async def capture_all(self) -> None:
        captures = self.captures()
        while await captures.step():
            pass

    async def claim(self, subject: Subject, most: int | None = None) -> dict[str, Any]:
        """What the newest kept certificate proves."""
        async with reading(self.database, Evidence)() as rows:
            stored = await rows.newest(subject, most=most)
        data = b"".join([bytes(piece) async for piece in self.objects.read(stored.name)])
        proven = evidence.verify(data, trust_of(self.market.manifest, None), self.market.now)
        assert proven.block.number == stored.block
        claim: dict[str, Any] = proven.claim
        return claim

    async def rows(self) -> list[tuple[Any, ...]]:
        async with self.database.reading() as session:
            connection = await session.connection()
            query = "SELECT kind, id, version, changed, block FROM evidence ORDER BY 1, 2, 3, 4"
            return [tuple(row) for row in await connection.exec_driver_sql(query)]

    async def check_newest(self) -> None:
        """Everything that there is has a certificate which says how it stands."""
        state = self.market.state
        for number, held in state.licences.items():
            claim = await self.claim(Subject("licence", number))
            assert claim["holder"] == state.licence_tokens.owners[number].lower()
            assert claim["order"] == held.order.name.lower()
            assert claim["used"] == held.used
            assert (await self.claim(Subject("payment", number)))["order"] == held.order.name.lower()
        for listing, version in state.versions:
            subject = Subject("listing", listing, version)
            claim = await self.claim(subject)
            assert claim["version"]["withdrawn"] == state.versions[listing, version].withdrawn
            assert claim["state"]["delisted"] == state.listings[listing].delisted

    async def close(self) -> None:
        await self.node.close()
        await self.database.close()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def market(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Market]:
    folder: Path = tmp_path_factory.mktemp("market")
    async with Devnet(port=free_port(), history=None) as chain, Rpc(chain.url, timeout=60) as rpc:
        market = await found(rpc, 4, folder)
        while len(market.state.licences) < 4:
            await market.block(CHOOSERS)
        yield market


@pytest_asyncio.fixture(loop_scope="module")
async def archive(market: Market, tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[Archive]:
    """On SQLite, unless the test asks for both."""
    url: str | None = None
    if getattr(request, "param", "sqlite") == "postgresql":
        url = request.getfixturevalue("postgresql").migrated()
    archive = await Archive.open(market, tmp_path, url=url)
    yield archive
    await archive.close()


async def test_R18_every_change_is_certified_as_of_its_own_block(archive: Archive) -> None:
    await archive.index.step()
    await archive.capture_all()
    rows = await archive.rows()
    assert rows
    assert {row[0] for row in rows} == {"licence", "payment", "listing"}
    assert all(block == changed for *_, changed, block in rows)
    await archive.check_newest()
    changed = next(row for row in rows if row[0] == "licence")
    subject = Subject("licence", int(changed[1]))
    assert (await archive.claim(subject, most=changed[3]))["block"]["number"] == changed[3]
    with pytest.raises(EvidenceUnknown):
        await archive.claim(subject, most=changed[3] - 1)
    before = len(rows)
    await archive.capture_all()
    assert len(await archive.rows()) == before
    while len(archive.market.state.licences) < 6:
        await archive.market.block(CHOOSERS)
    await archive.index.step()
    await archive.capture_all()
    assert len(await archive.rows()) > before
    await archive.check_newest()


async def test_threat_S15_a_node_that_is_down_delays_and_skips_nothing(archive: Archive) -> None:
    await archive.index.step()
    archive.node.down = True
    for _ in range(2):
        with pytest.raises(RpcError):
            await archive.capture_all()
    rows = await archive.rows()
    assert rows
    assert {row[-1] for row in rows} == {None}
    archive.node.down = False
    await archive.capture_all()
    assert None not in {row[-1] for row in await archive.rows()}
    await archive.check_newest()


@pytest.mark.parametrize("archive", ["sqlite", "postgresql"], indirect=True)
async def test_what_the_node_has_forgotten_is_certified_as_of_the_newest_final_block(
    archive: Archive,
) -> None:
    await archive.index.step()
    archive.node.knows = archive.market.head
    await archive.capture_all()
    rows = await archive.rows()
    assert {row[-1] for row in rows} == {archive.index.progress.final}
    assert len({row[3] for row in rows}) > 1
    await archive.check_newest()


async def test_R13_stopped_anywhere_it_ends_the_same(archive: Archive) -> None:
    await archive.index.step()
    random, cut = Random(3), 0  # noqa: S311
    for _ in range(300):
        try:
            async with asyncio.timeout(random.random() * 0.1):
                await archive.capture_all()
            break
        except TimeoutError:
            cut += 1
    assert cut > 2
    await archive.capture_all()
    assert all(block == changed for *_, changed, block in await archive.rows())
    await archive.check_newest()


async def test_nothing_is_certified_before_it_is_final(market: Market, tmp_path: Path) -> None:
    archive = await Archive.open(market, tmp_path, finality="depth 3")
    await archive.index.step()
    await archive.capture_all()
    final = archive.index.progress.final
    assert final < archive.index.progress.block
    changed = {entry.block_number for entry, _ in market.entries if about(entry)[1] is not None}
    assert {row[3] for row in await archive.rows() if row[0] == "licence"} == {
        number for number in changed if number <= final
    }
    await archive.close()
