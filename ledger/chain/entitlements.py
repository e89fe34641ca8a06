"""Whether an account may have a licence's key: one view call at one final block, which every node agrees on.

Who comes first asks for itself; what is asked meanwhile goes into the next question, so that a crowd costs
no more round trips than one caller, and nobody is answered from before they asked. The question is put at the
final block known so far, together with the question which block is final: as long as that is the same, it was
the right one, in one round trip. Answers are kept for as long as their block is the newest, by its hash only.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Coroutine, Sequence
from typing import Any, Final, TypeVar

from ledger.chain.abi import AbiError, ContractError
from ledger.chain.bindings import Licences
from ledger.chain.bindings.structs import Denial, Entitlement
from ledger.chain.finality import Finality, FinalityError, Header, Instant, final_header
from ledger.chain.rpc import Rpc, RpcError, at_block, from_hex, from_quantity, to_hex
from ledger.domain.entitlement import Block, Decision, NodesDisagree, NodeStale, NodeUnreachable

T = TypeVar("T")

AT_ONCE: Final = 100
"""Most licences asked about in one question."""
KEPT: Final = 10_000
"""Most answers kept, the newest, for as long as no block comes."""
NUMBER: Final = ("eth_blockNumber", ())

Asked = tuple[int, bytes]
"""Licence and account."""


class FinalBlocks:
    """The newest final block, which never goes back."""

    def __init__(self, rpc: Rpc, finality: Finality) -> None:
        self._rpc = rpc
        self._finality = finality
        self._newest: Header | None = None

    async def newest(self) -> Block:
        """Raises NodeUnreachable, NodeStale."""
        try:
            header = await final_header(self._rpc, self._finality)
        except (RpcError, FinalityError) as error:
            raise NodeUnreachable("the node does not name a final block") from error
        if self._newest is not None and header.number < self._newest.number:
            raise NodeStale(f"the node went back from final block {self._newest.number} to {header.number}")
        self._newest = header
        return Block(header.number, header.hash, header.timestamp)


class ChainEntitlements:
    """See `ledger.services.grants.Entitlements`. The first of `nodes` is ours, the others are witnesses.

    The block is the newest that is final for all of them; where they differ about it or about an answer,
    nothing is decided.
    """

    def __init__(self, nodes: Sequence[Rpc], finality: Finality, licences: str) -> None:
        self._nodes = nodes
        self._finality = finality
        self._question = Licences(licences).entitlement(0, f"0x{bytes(20).hex()}")
        self._newest: Header | None = None
        self._known: OrderedDict[Asked, Decision] = OrderedDict()
        self._waiting: dict[Asked, list[asyncio.Future[Decision]]] = {}
        self._asking = False
        self._crowd: asyncio.Task[None] | None = None  # held here, or it might be collected

    async def decide(self, licence: int, account: bytes) -> Decision:
        """Raises NodeUnreachable, NodeStale, NodesDisagree."""
        asked = (licence, account)
        if not self._asking:
            self._asking = True
            try:
                (outcome,) = await self._decide([asked])
            finally:
                self._asking = bool(self._waiting)
                if self._asking:
                    self._crowd = asyncio.create_task(self._ask())
            if isinstance(outcome, Exception):
                raise outcome
            return outcome
        answer: asyncio.Future[Decision] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(asked, []).append(answer)
        return await answer

    async def replay(self, decided: Decision) -> Decision:
        """The answer of our node at the block of an earlier one. Raises NodeUnreachable."""
        asked = (decided.licence, decided.account)
        try:
            found = await self._nodes[0].request(*self._at(asked, decided.block.hash))
            answer = self._question.decode_output(from_hex(found))
        except (RpcError, AbiError, ContractError) as error:
            raise NodeUnreachable(f"the node does not answer for block {decided.block.number}") from error
        return _decision(asked, decided.block, answer)

    async def _ask(self) -> None:
        """Until nobody waits."""
        try:
            while self._waiting:
                now = dict(list(self._waiting.items())[:AT_ONCE])
                for asked in now:
                    del self._waiting[asked]
                outcomes: list[Decision | Exception]
                try:
                    outcomes = await self._decide(list(now))
                except Exception as error:
                    outcomes = [error] * len(now)
                for answers, outcome in zip(now.values(), outcomes, strict=True):
                    for answer in answers:
                        if answer.done():  # whoever asked went away
                            continue
                        if isinstance(outcome, Exception):
                            answer.set_exception(outcome)
                        else:
                            answer.set_result(outcome)
        finally:
            self._asking = False

    async def _decide(self, asked: list[Asked]) -> list[Decision | Exception]:
        known = self._newest
        unknown = [question for question in asked if question not in self._known]
        header, answers = await self._round(known, unknown)
        if known is not None and header.number < known.number:
            raise NodeStale(f"the nodes went back from final block {known.number} to {header.number}")
        if known is None or header.hash != known.hash:
            self._newest, self._known, unknown = header, OrderedDict(), asked
            answers = await self._answers(header, unknown)
        block = Block(header.number, header.hash, header.timestamp)
        judged = {
            question: self._judge(question, block, of_nodes)
            for question, of_nodes in zip(unknown, answers, strict=True)
        }
        outcomes = [judged[question] if question in judged else self._known[question] for question in asked]
        self._known |= {question: found for question, found in judged.items() if isinstance(found, Decision)}
        while len(self._known) > KEPT:
            self._known.popitem(last=False)
        return outcomes

    async def _round(self, known: Header | None, asked: list[Asked]) -> tuple[Header, list[list[Any]]]:
        """The newest block that is final for all nodes, and what each says at `known`, by question."""
        try:
            if (tag := self._finality.tag) is None:
                headers = await _all([final_header(node, self._finality) for node in self._nodes])
                answers = [] if known is None else await self._answers(known, asked)
                return _common(headers), answers
            calls = [] if known is None else [self._at(question, known.hash) for question in asked]
            if known is not None and calls and isinstance(self._finality, Instant):
                of_nodes = await _all([node.outcomes([NUMBER, *calls]) for node in self._nodes])
                if all(_stands(known, outcomes) for outcomes in of_nodes):
                    headers = [known]
                else:
                    headers = await _all([final_header(node, self._finality) for node in self._nodes])
            else:
                head = ("eth_getBlockByNumber", (tag, False))
                of_nodes = await _all([node.outcomes([head, *calls]) for node in self._nodes])
                headers = [_header(outcomes[0]) for outcomes in of_nodes]
        except (RpcError, FinalityError) as error:
            raise NodeUnreachable("a node does not name a final block") from error
        return _common(headers), [list(answers) for answers in zip(*(o[1:] for o in of_nodes), strict=True)]

    async def _answers(self, header: Header, asked: list[Asked]) -> list[list[Any]]:
        """What each node says at a block, by question."""
        calls = [self._at(question, header.hash) for question in asked]
        try:
            of_nodes = await _all([node.outcomes(calls) for node in self._nodes])
        except RpcError as error:
            raise NodeUnreachable(f"a node does not answer for block {header.number}") from error
        return [list(answers) for answers in zip(*of_nodes, strict=True)]

    def _judge(self, asked: Asked, block: Block, of_nodes: list[Any]) -> Decision | Exception:
        if any(isinstance(answer, RpcError) for answer in of_nodes):
            return NodeUnreachable(f"a node does not answer for block {block.number}")
        if any(answer != of_nodes[0] for answer in of_nodes):
            return NodesDisagree(f"the nodes differ about licence {asked[0]} at block {block.number}")
        try:
            answer = self._question.decode_output(from_hex(of_nodes[0]))
        except (RpcError, AbiError):
            return NodeUnreachable(f"the node does not answer for block {block.number}")
        return _decision(asked, block, answer)

    def _at(self, asked: Asked, block_hash: bytes) -> tuple[str, list[Any]]:
        """Two words after the selector: a general encoder takes as long as the node does to answer."""
        licence, account = asked
        data = self._question.data[:4] + licence.to_bytes(32, "big") + bytes(12) + account
        return "eth_call", [{"to": self._question.to, "data": to_hex(data)}, at_block(block_hash)]


async def _all(works: Sequence[Coroutine[Any, Any, T]]) -> list[T]:
    """At once; one alone needs no task of its own."""
    return [await works[0]] if len(works) == 1 else await asyncio.gather(*works)


def reason(denial: Denial) -> str:
    """The name as the contract spells it: NotHolder."""
    return denial.name.title().replace("_", "")


def _common(headers: Sequence[Header]) -> Header:
    """The newest block that is final for all. Raises NodesDisagree."""
    lowest = min(headers, key=lambda header: header.number)
    if any(header.number == lowest.number and header.hash != lowest.hash for header in headers):
        raise NodesDisagree(f"the nodes have different blocks {lowest.number}")
    return lowest


def _stands(known: Header, outcomes: Sequence[Any]) -> bool:
    """Whether a node's newest block is the known one: it has that number, and was answered for by its hash,
    which is refused unless the block is canonical (EIP-1898)."""
    number, *answers = outcomes
    if isinstance(number, RpcError):
        raise number
    return from_quantity(number) == known.number and not any(isinstance(a, RpcError) for a in answers)


def _header(outcome: Any) -> Header:
    if isinstance(outcome, RpcError):
        raise outcome
    return Header.parse(outcome)


def _decision(asked: Asked, block: Block, answer: Entitlement) -> Decision:
    return Decision(
        licence=asked[0],
        account=asked[1],
        block=block,
        denial=None if answer.denial is Denial.GRANTED else reason(answer.denial),
        listing=answer.listing,
        version=answer.version,
        plan=answer.plan,
        expires_at=answer.expires_at,
        uses_left=answer.uses_left,
        flags=answer.flags,
        root=answer.root,
        size=answer.size,
        deposit=answer.deposit_id,
    )
