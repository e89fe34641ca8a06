"""How this replica and what it stands on are, for those who run or supervise the exchange."""

from collections.abc import Mapping, Sequence, Sized
from dataclasses import dataclass
from typing import Protocol

from ledger.domain.health import NodeState
from ledger.services.exchange import Following, Progress
from ledger.services.history import Overseers
from ledger.services.readiness import Readiness


class Nodes(Protocol):
    async def states(self) -> Sequence[NodeState]:
        """Of every node that the service asks, its own first."""
        ...


class Leading(Protocol):
    async def leads(self) -> bool:
        """Whether this process leads at this moment."""
        ...


class Intents(Protocol):
    async def open(self) -> Sized:
        """The vault's transactions that are not settled."""
        ...


@dataclass(frozen=True, slots=True)
class Report:
    """`parts` as `Readiness` has them; `custody` names the kind; `waiting` transactions of the vault."""

    parts: Mapping[str, str]
    leads: bool
    nodes: Sequence[NodeState]
    index: Progress
    custody: str
    waiting: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    overseers: Overseers
    readiness: Readiness
    leader: Leading
    nodes: Nodes
    index: Following
    intents: Intents
    custody: str

    async def report(self, account: bytes) -> Report:
        """Raises NotOverseer, Undecidable."""
        await self.overseers.role(account)
        return Report(
            parts=await self.readiness.parts(),
            leads=await self.leader.leads(),
            nodes=await self.nodes.states(),
            index=self.index.progress,
            custody=self.custody,
            waiting=len(await self.intents.open()),
        )
