"""The whole history replayed from genesis and compared with what the chain is proven to hold at one block.

A node's logs are not believed: their fold has to be the `journalHead` of each contract, proven under the
block's header. Then none is missing, altered, added or out of order. What follows from them (who holds which
licence, how it stands, what is owed to whom) is compared with proven storage, what is owed with the money.
"""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from ledger.chain.bindings import SettlementToken
from ledger.chain.bindings.structs import OrderStatus
from ledger.chain.events import BadLog, Decoder, Entry
from ledger.chain.manifest import Manifest
from ledger.chain.rpc import MalformedAnswer, Rpc, from_quantity, to_hex
from ledger.domain.ids import plan_of
from ledger.indexer.replay import ReplayError, apply
from ledger.indexer.state import Journal, State
from ledger.proofs import account as accounts
from ledger.proofs import header
from ledger.proofs.canonical import Json
from ledger.proofs.header import Header
from ledger.proofs.mpt import proof_from_rpc
from ledger.proofs.trust import Trust

FORMAT: Final = "socai-audit-1"
SPAN: Final = 10_000
"""Blocks asked for at once."""
BATCH: Final = 100
"""Slots proven at once."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is not as it must be: `code` is one of journal, replay, storage, money."""

    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Report:
    """What was audited, as of which block, under which anchor, and what was found."""

    block: header.Header
    block_hash: bytes
    anchor: str
    chain_id: int
    journals: dict[str, Journal]
    licences: int
    findings: tuple[Finding, ...]

    def to_json(self) -> Json:
        return {
            "format": FORMAT,
            "chain_id": self.chain_id,
            "block": {
                "number": self.block.number,
                "hash": to_hex(self.block_hash),
                "time": self.block.timestamp,
            },
            "anchor": self.anchor,
            "journals": {
                name: {"entries": found.length, "head": to_hex(found.head)}
                for name, found in sorted(self.journals.items())
            },
            "licences": self.licences,
            "findings": [{"code": found.code, "message": found.message} for found in self.findings],
        }


async def audit(rpc: Rpc, manifest: Manifest, trust: Trust, block_hash: bytes) -> Report:
    """Raises RpcError, and a `ProofError` when the node's proofs do not hold: then nothing is known."""
    return await _Audit(rpc, manifest, trust).run(block_hash)


class _Audit:
    def __init__(self, rpc: Rpc, manifest: Manifest, trust: Trust) -> None:
        self._rpc, self._manifest, self._trust = rpc, manifest, trust
        self._findings: list[Finding] = []
        self._state = State()

    async def run(self, block_hash: bytes) -> Report:
        block = await self._rpc.request("eth_getBlockByHash", [to_hex(block_hash), False])
        if not isinstance(block, dict):
            raise MalformedAnswer(f"the node has no block {to_hex(block_hash)}")
        head = header.from_rpc(block)
        if self._trust.anchor.check(head) != block_hash:
            raise MalformedAnswer(f"the node's block {head.number} is not the one it names")
        await self._replay(head)
        await self._compare_heads(head, block_hash)
        if not self._findings:  # else what follows from the entries is not to be believed
            await self._compare_storage(head, block_hash)
            await self._compare_money(block_hash)
        return Report(
            head,
            block_hash,
            str(self._trust.anchor),
            self._trust.chain_id,
            self._state.journals,
            len(self._state.licences),
            tuple(self._findings),
        )

    async def _replay(self, head: Header) -> None:
        try:
            entries = await self._entries(head.number)
            times = await self._times({entry.block_number for entry in entries})
            for entry in entries:
                apply(self._state, entry, times[entry.block_number])
        except (BadLog, ReplayError) as error:
            self._findings.append(Finding("replay", str(error)))

    async def _entries(self, last: int) -> list[Entry]:
        decoder, entries = Decoder(self._manifest), []
        for first in range(self._manifest.block, last + 1, SPAN):
            wanted = {
                "address": decoder.addresses,
                "fromBlock": hex(first),
                "toBlock": hex(min(first + SPAN - 1, last)),
            }
            entries += decoder.decode_all(await self._rpc.request("eth_getLogs", [wanted]))
        return entries

    async def _times(self, numbers: set[int]) -> dict[int, int]:
        wanted, times = sorted(numbers), {}
        for at in range(0, len(wanted), BATCH):
            some = wanted[at : at + BATCH]
            blocks = await self._rpc.batch([("eth_getBlockByNumber", [hex(n), False]) for n in some])
            times.update(
                {n: from_quantity(block["timestamp"]) for n, block in zip(some, blocks, strict=True)}
            )
        return times

    async def _compare_heads(self, head: Header, block_hash: bytes) -> None:
        for name in self._trust.contracts:
            place = self._trust.contracts[name].layout.place("journalHead")
            held = (await self._words(head, block_hash, name, [place.slot]))[place.slot].to_bytes(32)
            told = self._state.journals.get(name, Journal())
            if told.head != held:
                self._findings.append(
                    Finding(
                        "journal",
                        f"the {told.length} entries of {name} fold to {to_hex(told.head)}, the chain holds "
                        f"{to_hex(held)}: some are missing, altered, added or out of order",
                    )
                )

    async def _compare_storage(self, head: Header, block_hash: bytes) -> None:
        by_contract: dict[str, list[tuple[tuple[Any, ...], int]]] = defaultdict(list)
        for contract, path, value in self._expected():
            by_contract[contract].append((path, value))
        for contract, expected in by_contract.items():
            layout = self._trust.contracts[contract].layout
            places = [(path, layout.place(*path), value) for path, value in expected]
            for at in range(0, len(places), BATCH):
                some = places[at : at + BATCH]
                slots = sorted({place.slot for _, place, _ in some})
                words = await self._words(head, block_hash, contract, slots)
                for path, place, value in some:
                    if (held := place.read(words[place.slot])) != value:
                        named = ".".join(
                            part.hex() if isinstance(part, bytes) else str(part) for part in path
                        )
                        self._findings.append(
                            Finding(
                                "storage", f"{contract}.{named} is {value} by the entries, {held} on chain"
                            )
                        )

    def _expected(self) -> Iterator[tuple[str, tuple[Any, ...], int]]:
        state = self._state
        for number, held in state.licences.items():
            yield "Licences", ("_owners", number), int(state.licence_tokens.owners[number], 16)
            for field, value in (
                ("version", held.version),
                ("expiresAt", held.expires_at),
                ("used", held.used),
                ("status", int(held.status)),
                ("order", int(held.order)),
            ):
                yield "Licences", ("_licences", number, field), value
        for (currency, account), amount in state.owed.items():
            yield "Exchange", ("owed", currency, bytes.fromhex(account[2:])), amount

    async def _compare_money(self, block_hash: bytes) -> None:
        """Per token: what is owed and what is in escrow, against the Exchange's balance."""
        state, liable = self._state, defaultdict[int, int](int)
        for (currency, _), amount in state.owed.items():
            liable[currency] += amount
        for number, held in state.licences.items():
            plan = state.plans[plan_of(number)]
            if held.order in (OrderStatus.OPEN, OrderStatus.DISPUTED) and not held.by_bank:
                liable[plan.currency] += plan.price
        for currency, amount in liable.items():
            if amount:
                token = SettlementToken(state.currencies[currency].token)
                balance = await self._rpc.call(
                    token.balance_of(self._manifest.address("Exchange")), block_hash
                )
                if balance < amount:
                    self._findings.append(
                        Finding("money", f"currency {currency}: {amount} is owed, {balance} is there")
                    )

    async def _words(
        self, head: Header, block_hash: bytes, contract: str, slots: list[int]
    ) -> dict[int, int]:
        address = self._trust.contracts[contract].address
        found = await self._rpc.proof(to_hex(address), [slot.to_bytes(32) for slot in slots], block_hash)
        holder = accounts.account(head.state_root, address, proof_from_rpc(found.get("accountProof")))
        if holder is None or holder.code_hash != self._trust.contracts[contract].code_hash:
            raise MalformedAnswer(f"at the address of {contract} stands nothing, or other code")
        return {
            slot: accounts.storage(holder.storage_root, slot, proof_from_rpc(proof["proof"]))
            for slot, proof in zip(slots, found["storageProof"], strict=True)
        }
