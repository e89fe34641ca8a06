"""Evidence gathered from a node at one final block, and verified before it is given to anybody."""

from collections.abc import Sequence
from typing import Any, Final

from ledger.chain.bindings import CONTRACTS
from ledger.chain.rpc import MalformedAnswer, Rpc, from_hex, from_quantity, to_hex
from ledger.proofs import account as accounts
from ledger.proofs import evidence, header, mpt, receipts
from ledger.proofs.canonical import Json
from ledger.proofs.claims import Block, Entries, Find, Found, Read
from ledger.proofs.evidence import AccountProof, Bundle, ReceiptProof, State
from ledger.proofs.header import Header
from ledger.proofs.journal import Link
from ledger.proofs.mpt import proof_from_rpc
from ledger.proofs.trust import Trust

SPAN: Final = 10_000
"""Blocks asked for at once in a search for logs."""


async def capture(
    rpc: Rpc, trust: Trust, subject: Json, block_hash: bytes, *, since: int, after: bytes | None = None
) -> bytes:
    """The bundle of the claim about `subject` (its type and ids) as of the block.

    `since` is the first block that may hold a log of the contracts; `after` the hash of the block after
    which part of a journal begins. Raises RpcError, and a `ProofError` also when the node's proofs do not
    hold.
    """
    gathering = _Gathering(rpc, trust, since)
    for wanted in (block_hash, *([after] if after else [])):
        await gathering.open(wanted)
    derivation = evidence.claim_of(subject, gathering.blocks)
    answers: Sequence[Any] | None = None
    try:
        while True:
            answers = await gathering.answer(derivation.send(answers))
    except StopIteration as done:
        claim = evidence.whole_claim(subject["type"], done.value, gathering.blocks[0])
    data = gathering.bundle(claim).encode()
    evidence.verify(data, trust, gathering.blocks[0].time)
    return data


async def prove_journal(
    rpc: Rpc, trust: Trust, contract: str, block_hash: bytes, after: bytes | None, count: int
) -> tuple[bytes, Json]:
    """A journal's bundle without its `count` entries, which come apart (`evidence.verify`), and its claim.

    Raises RpcError, and a `ProofError` when the node's proofs do not hold.
    """
    gathering = _Gathering(rpc, trust, 0)
    for wanted in (block_hash, *([after] if after else [])):
        await gathering.open(wanted)
    derivation = evidence.claim_of({"type": "journal", "contract": contract}, gathering.blocks)
    answers: Sequence[Any] | None = None
    try:
        while True:
            asked = derivation.send(answers)
            counted = isinstance(asked[0], Entries)
            answers = [count] if counted else await gathering.answer(asked)
    except StopIteration as done:
        claim = evidence.whole_claim("journal", done.value, gathering.blocks[0])
    return gathering.bundle(claim).encode(), claim


class _Gathering:
    """Answers what a claim asks from a node, and keeps the proofs."""

    def __init__(self, rpc: Rpc, trust: Trust, since: int) -> None:
        self._rpc, self._trust, self._since = rpc, trust, since
        self._headers: list[Header] = []
        self._accounts: list[dict[str, AccountProof]] = []
        self._receipts: list[ReceiptProof] = []
        self._entries: tuple[Link, ...] = ()
        self.blocks: list[Block] = []

    async def open(self, block_hash: bytes) -> None:
        """Takes a block's state as the next that reads are of."""
        found, block = await self._block(block_hash)
        self._headers.append(found)
        self._accounts.append({})
        self.blocks.append(block)

    async def answer(self, asked: Sequence[Read | Find | Entries]) -> list[Any]:
        wanted: dict[tuple[int, str], set[int]] = {}
        for ask in asked:
            if isinstance(ask, Read):
                places = evidence.places(evidence.pinned_of(self._trust, ask.contract), ask).values()
                wanted.setdefault((ask.state, ask.contract), set()).update(place.slot for place in places)
        words = {key: await self._words(*key, sorted(slots)) for key, slots in wanted.items()}
        answers: list[Any] = []
        for ask in asked:
            match ask:
                case Read():
                    places_of = evidence.places(evidence.pinned_of(self._trust, ask.contract), ask)
                    held = words[ask.state, ask.contract]
                    answers.append({name: place.read(held[place.slot]) for name, place in places_of.items()})
                case Find():
                    answers.append(await self._find(ask))
                case Entries():
                    self._entries = await self._links(ask.contract)
                    answers.append(len(self._entries))
        return answers

    def bundle(self, claim: Json) -> Bundle:
        states = tuple(
            State(found.encode(), held) for found, held in zip(self._headers, self._accounts, strict=True)
        )
        return Bundle(
            self._trust.chain_id,
            self._trust.genesis_hash,
            claim,
            states,
            tuple(self._receipts),
            self._entries,
        )

    async def _words(self, state: int, contract: str, slots: list[int]) -> dict[int, int]:
        address = evidence.pinned_of(self._trust, contract).address
        found = await self._rpc.proof(
            to_hex(address), [slot.to_bytes(32) for slot in slots], self.blocks[state].hash
        )
        path, proofs = proof_from_rpc(found.get("accountProof")), found.get("storageProof")
        if not isinstance(proofs, list) or len(proofs) != len(slots):
            raise MalformedAnswer("eth_getProof did not answer for every slot")
        holder = accounts.account(self._headers[state].state_root, address, path)
        root = mpt.EMPTY_ROOT if holder is None else holder.storage_root
        storage = {
            slot: tuple(proof_from_rpc(proof["proof"])) for slot, proof in zip(slots, proofs, strict=True)
        }
        held = self._accounts[state]
        known = held[contract].storage if contract in held else {}
        held[contract] = AccountProof(tuple(path), {**known, **storage})
        return {slot: accounts.storage(root, slot, proof) for slot, proof in storage.items()}

    async def _find(self, find: Find) -> Found:
        pinned = evidence.pinned_of(self._trust, find.contract)
        topics = [to_hex(pinned.event(find.event).topic0), to_hex(find.licence.to_bytes(32))]
        logs = await self._logs(pinned.address, topics, self._since)
        if len(logs) != 1:
            raise evidence.EventMissing(f"the node has {len(logs)} {find.event} of licence {find.licence}")
        found, block = await self._block(from_hex(logs[0]["blockHash"], 32))
        listed = await self._rpc.request("eth_getBlockReceipts", [to_hex(block.hash)])
        whole = receipts.block_from_rpc(listed)
        receipts.verify_block(found, whole)
        index = from_quantity(logs[0]["transactionIndex"])
        proof = receipts.trie(whole).proof(mpt.index_key(index))
        self._receipts.append(ReceiptProof(found.encode(), index, tuple(proof)))
        return Found(block, index, evidence.events_in(whole[index], pinned, find))

    async def _links(self, contract: str) -> tuple[Link, ...]:
        first = self.blocks[1].number + 1 if len(self.blocks) > 1 else self._since
        events = CONTRACTS[contract].events
        links = []
        for log in await self._logs(evidence.pinned_of(self._trust, contract).address, [], first):
            topics = [from_hex(topic, 32) for topic in log["topics"]]
            _, args = events[topics[0]].decode(topics, from_hex(log["data"]))
            links.append(Link(topics[0], args))
        return tuple(links)

    async def _logs(self, address: bytes, topics: list[str], first: int) -> list[dict[str, Any]]:
        last, logs = self.blocks[0].number, []
        for start in range(first, last + 1, SPAN):
            wanted = {
                "address": to_hex(address),
                "topics": topics,
                "fromBlock": hex(start),
                "toBlock": hex(min(start + SPAN - 1, last)),
            }
            logs += await self._rpc.request("eth_getLogs", [wanted])
        return logs

    async def _block(self, block_hash: bytes) -> tuple[Header, Block]:
        block = await self._rpc.request("eth_getBlockByHash", [to_hex(block_hash), False])
        if not isinstance(block, dict):
            raise MalformedAnswer(f"the node has no block {to_hex(block_hash)}")
        found = header.from_rpc(block)
        if self._trust.anchor.check(found) != block_hash:
            raise MalformedAnswer(f"the node's block {found.number} is not the one it names")
        return found, Block(found.number, block_hash, found.timestamp)
