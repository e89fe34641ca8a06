"""The access log: entries, and roots of full tiles. An entry is written with what it tells of."""

from sqlalchemy import LargeBinary, update
from sqlmodel import Field, col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from ledger.crypto.merkle import leaf_hash
from ledger.proofs import tlog
from ledger.proofs.tlog import WIDTH
from ledger.store.columns import Hash, Integer64, Table


class EntryRow(Table, table=True):
    """Never changed or deleted. `index` counts from 0 without a gap; `leaf` is the leaf's hash (RFC 6962)."""

    __tablename__ = "access_log"

    index: int = Field(primary_key=True, sa_type=Integer64, sa_column_kwargs={"autoincrement": False})
    data: bytes = Field(sa_type=LargeBinary)
    leaf: bytes = Field(sa_type=Hash)


class NodeRow(Table, table=True):
    """The root of full tile `index` of the level below: a hash of tlog-tiles level `level`, at least 1."""

    __tablename__ = "access_nodes"

    level: int = Field(primary_key=True, sa_type=Integer64, sa_column_kwargs={"autoincrement": False})
    index: int = Field(primary_key=True, sa_type=Integer64, sa_column_kwargs={"autoincrement": False})
    hash: bytes = Field(sa_type=Hash)


class SizeRow(Table, table=True):
    """One row, which writers lock so that no two take one index."""

    __tablename__ = "access_size"

    id: int = Field(primary_key=True, sa_type=Integer64, sa_column_kwargs={"autoincrement": False})
    size: int = Field(sa_type=Integer64)


class AccessLog:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def append(self, data: bytes) -> int:
        """Adds an entry; its index."""
        grown = update(SizeRow).values(size=col(SizeRow.size) + 1).returning(col(SizeRow.size))
        index = int((await self._session.exec(grown)).scalar_one()) - 1
        self._session.add(EntryRow(index=index, data=data, leaf=leaf_hash(data)))
        level, place = 0, index
        while place % WIDTH == WIDTH - 1:
            await self._session.flush()
            place //= WIDTH
            node = tlog.root_of_tile(await self.hashes(level, place, WIDTH))
            level += 1
            self._session.add(NodeRow(level=level, index=place, hash=node))
        return index

    async def size(self) -> int:
        """How many entries there are."""
        return (await self._session.exec(select(SizeRow.size))).one()

    async def root(self, size: int) -> bytes:
        """The root of the log at its present `size`."""
        edges, level = [], 0
        while size >> 8 * level:
            count = size >> 8 * level
            edges.append(await self.hashes(level, count // WIDTH, count % WIDTH))
            level += 1
        return tlog.root(edges)

    async def hashes(self, level: int, tile: int, width: int) -> list[bytes]:
        """The first hashes of a tile, as many of `width` as there are."""
        first = tile * WIDTH
        if level:
            nodes = col(NodeRow.index).between(first, first + width - 1)
            found = select(NodeRow.hash).where(NodeRow.level == level, nodes).order_by(col(NodeRow.index))
        else:
            leaves = col(EntryRow.index).between(first, first + width - 1)
            found = select(EntryRow.leaf).where(leaves).order_by(col(EntryRow.index))
        return list((await self._session.exec(found)).all())

    async def entries(self, tile: int, width: int) -> list[bytes]:
        """The first entries of a tile of level 0, as many of `width` as there are."""
        first = tile * WIDTH
        within = col(EntryRow.index).between(first, first + width - 1)
        wanted = select(EntryRow.data).where(within).order_by(col(EntryRow.index))
        return list((await self._session.exec(wanted)).all())
