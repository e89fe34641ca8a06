"""Evidence: one file that states a claim and carries what proves it, checked against a trust file alone.

The format is `docs/evidence.md`, its JSON Schema `evidence.schema.json`. A bundle has one spelling, its
canonical JSON (RFC 8785), and nothing in it may be left over once the claim is proven.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from ledger.proofs import account as accounts
from ledger.proofs import canonical, journal, receipts
from ledger.proofs import header as headers
from ledger.proofs.canonical import Json
from ledger.proofs.claims import (
    CLAIMS,
    NEVER_PROVEN,
    NOT_PROVEN,
    Ask,
    Block,
    Claim,
    Entries,
    Find,
    Found,
    Read,
    UnknownClaim,
)
from ledger.proofs.error import ProofError
from ledger.proofs.header import Header
from ledger.proofs.journal import Link
from ledger.proofs.keccak import HASH
from ledger.proofs.receipts import Receipt
from ledger.proofs.slots import Place
from ledger.proofs.trust import Pinned, Trust, Value

FORMAT: Final = "socai-evidence-1"
SKEW: Final = 900
"""Seconds that a block may be ahead of the verifier's clock."""
_BYTES: Final = re.compile(r"0x(?:[0-9a-f]{2})*")


class EvidenceError(ProofError):
    """Any refusal of this module; proofs that do not hold are refused by the modules that check them."""


class BadBundle(EvidenceError):
    """Not a bundle: another format, something missing, unknown, or not in canonical JSON."""


class WrongChain(EvidenceError):
    """A bundle of another chain, or one whose chain id or genesis block is another."""


class WrongCode(EvidenceError):
    """Where the contract is trusted to stand stands nothing, or other code."""


class ProofMissing(EvidenceError):
    """The bundle lacks a proof that its claim rests on."""


class ProofSurplus(EvidenceError):
    """The bundle holds proofs that its claim does not rest on."""


class EventMissing(EvidenceError):
    """The transaction did not emit, just once, the event that the claim rests on."""


class ClaimMismatch(EvidenceError):
    """The proofs hold and prove another claim."""


class TooOld(EvidenceError):
    """The claim is as of a block older than the trust file allows."""


class FromTheFuture(EvidenceError):
    """The claim is as of a block later than the verifier's clock, or rests on one later than its own."""


@dataclass(frozen=True, slots=True)
class AccountProof:
    """EIP-1186: nodes from the state root to the account; by slot, nodes from its storage root."""

    proof: tuple[bytes, ...]
    storage: Mapping[int, tuple[bytes, ...]]


@dataclass(frozen=True, slots=True)
class State:
    """A header's canonical RLP, and the contracts proven under its state root, by name."""

    header: bytes
    accounts: Mapping[str, AccountProof]


@dataclass(frozen=True, slots=True)
class ReceiptProof:
    """A header's canonical RLP, and receipt `index` under its receipts root."""

    header: bytes
    index: int
    proof: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Bundle:
    """States: the block the claim is as of, then, for part of a journal, the block it begins after."""

    chain_id: int
    genesis_hash: bytes
    claim: Json
    states: tuple[State, ...]
    receipts: tuple[ReceiptProof, ...] = ()
    entries: tuple[Link, ...] = ()

    def encode(self) -> bytes:
        """The file: canonical JSON (RFC 8785), one line."""
        return canonical.dumps(
            {
                "format": FORMAT,
                "chain": {"id": self.chain_id, "genesis_hash": _hex(self.genesis_hash)},
                "claim": self.claim,
                "states": [
                    {
                        "header": _hex(state.header),
                        "accounts": {
                            name: {
                                "proof": [_hex(node) for node in found.proof],
                                "storage": {
                                    _hex(slot.to_bytes(HASH)): [_hex(node) for node in proof]
                                    for slot, proof in found.storage.items()
                                },
                            }
                            for name, found in state.accounts.items()
                        },
                    }
                    for state in self.states
                ],
                "receipts": [
                    {
                        "header": _hex(found.header),
                        "index": found.index,
                        "proof": [_hex(node) for node in found.proof],
                    }
                    for found in self.receipts
                ],
                "entries": [[_hex(link.topic0), _hex(link.args)] for link in self.entries],
            }
        )


@dataclass(frozen=True, slots=True)
class Proven:
    """What is proven, as of which block, on whose word, and what is not."""

    claim: Json
    block: Block
    anchor: str
    not_proven: tuple[str, ...]


def decode(data: bytes) -> Bundle:
    """The bundle that the file is the one spelling of. Raises BadBundle."""
    try:
        top = _object(canonical.loads(data), "chain", "claim", "entries", "format", "receipts", "states")
        if top["format"] != FORMAT:
            raise BadBundle(f"the format is {str(top['format'])[:40]!r}, {FORMAT!r} is expected")
        chain = _object(top["chain"], "id", "genesis_hash")
        bundle = Bundle(
            chain_id=_count(chain["id"]),
            genesis_hash=_bytes(chain["genesis_hash"], HASH),
            claim=top["claim"],
            states=tuple(map(_state, _list(top["states"]))),
            receipts=tuple(map(_receipt, _list(top["receipts"]))),
            entries=tuple(Link(*map(_bytes, _list(entry, 2))) for entry in _list(top["entries"])),
        )
        if not isinstance(bundle.claim, dict):
            raise BadBundle("a claim is an object")
        if bundle.encode() != data:
            raise BadBundle("not in canonical JSON (RFC 8785)")
    except ValueError as error:
        raise BadBundle(f"not a bundle: {error}") from error
    return bundle


def verify(data: bytes, trust: Trust, now: float, *, apart: Iterable[Link] = ()) -> Proven:
    """What the bundle proves to who trusts `trust` and whose clock says `now` (Unix seconds). `apart` are the
    entries of a journal whose bundle holds none: the rows of an export.

    Raises a `ProofError`: one of this module's, or of what checks headers, seals, tries, receipts, journals.
    """
    bundle = decode(data)
    if (bundle.chain_id, bundle.genesis_hash) != (trust.chain_id, trust.genesis_hash):
        raise WrongChain(f"of chain {bundle.chain_id}, trusted is {trust.chain_id} with its genesis block")
    proofs = _Proofs(bundle, trust, bundle.entries or apart)
    block = proofs.states[0].block
    if block.time > now + SKEW:
        raise FromTheFuture(f"block {block.number} is {block.time - now:.0f} seconds ahead of this clock")
    if trust.maximum_age is not None and now - block.time > trust.maximum_age:
        raise TooOld(f"block {block.number} is {now - block.time:.0f} seconds old")
    derivation = claim_of(bundle.claim, [state.block for state in proofs.states])
    answers: Sequence[Any] | None = None
    try:
        while True:
            asked = derivation.send(answers)
            answers = [proofs.answer(ask) for ask in asked]
    except StopIteration as done:
        claim = whole_claim(bundle.claim["type"], done.value, block)
    proofs.close()
    if canonical.dumps(claim) != canonical.dumps(bundle.claim):
        raise ClaimMismatch(f"{_difference(bundle.claim, claim)}")
    return Proven(claim, block, str(trust.anchor), (*NOT_PROVEN[claim["type"]], *NEVER_PROVEN))


def claim_of(subject: Json, blocks: Sequence[Block]) -> Claim:
    """The derivation of a claim. Raises UnknownClaim."""
    kind = subject.get("type")
    if not isinstance(kind, str) or kind not in CLAIMS:
        raise UnknownClaim(f"there are claims of type {', '.join(CLAIMS)}")
    if not 1 <= len(blocks) <= (2 if kind == "journal" else 1):
        raise ProofSurplus(f"a {kind} certificate is as of one block")
    return CLAIMS[kind](subject, blocks)


def whole_claim(kind: str, derived: Json, block: Block) -> Json:
    return {"type": kind, "block": block.to_json(), **derived}


def places(pinned: Pinned, read: Read) -> dict[str, Place]:
    """Where each field of the variable is, or the variable itself under "". Raises SlotError."""
    variable, *path = read.path
    return {
        field: pinned.layout.place(str(variable), *path, *filter(None, [field]))
        for field in read.fields or ("",)
    }


def events_in(receipt: Receipt, pinned: Pinned, find: Find) -> tuple[tuple[str, Mapping[str, Value]], ...]:
    """The events asked for in a receipt: of that contract, for that licence, in order."""
    kinds = {pinned.event(name).topic0: (name, pinned.event(name)) for name in find.events}
    found = []
    for log in receipt.logs:
        if log.address == pinned.address and log.topics and log.topics[0] in kinds:
            name, kind = kinds[log.topics[0]]
            arguments = kind.decode(log)
            if arguments["licence"] == find.licence:
                found.append((name, arguments))
    if [name for name, _ in found].count(find.event) != 1:
        raise EventMissing(f"the transaction did not emit one {find.event} of licence {find.licence}")
    return tuple(found)


class _State:
    """What is proven under one header, and whether all that is given was needed."""

    def __init__(self, state: State, trust: Trust) -> None:
        self._trust, self._given = trust, state.accounts
        self._header = headers.decode(state.header)
        self._roots: dict[str, bytes] = {}
        self._words: dict[tuple[str, int], int] = {}
        self.block = _block(self._header, trust)

    def read(self, read: Read) -> dict[str, int]:
        pinned = pinned_of(self._trust, read.contract)
        return {
            field: place.read(self._word(read.contract, pinned, place.slot))
            for field, place in places(pinned, read).items()
        }

    def _word(self, contract: str, pinned: Pinned, slot: int) -> int:
        if (contract, slot) in self._words:
            return self._words[contract, slot]
        if (given := self._given.get(contract)) is None or slot not in given.storage:
            raise ProofMissing(f"there is no proof of slot 0x{slot:x} of {contract}")
        if contract not in self._roots:
            found = accounts.account(self._header.state_root, pinned.address, given.proof)
            if found is None or found.code_hash != pinned.code_hash:
                raise WrongCode(f"at the address of {contract} stands nothing, or other code")
            self._roots[contract] = found.storage_root
        word = accounts.storage(self._roots[contract], slot, given.storage[slot])
        self._words[contract, slot] = word
        return word

    def close(self) -> None:
        given = {(name, slot) for name, found in self._given.items() for slot in found.storage}
        if given - self._words.keys() or self._given.keys() - self._roots.keys():
            raise ProofSurplus("proofs of accounts or slots that the claim does not rest on")


class _Proofs:
    """Answers what a claim asks from a bundle."""

    def __init__(self, bundle: Bundle, trust: Trust, entries: Iterable[Link]) -> None:
        self._trust, self._entries = trust, entries
        self._receipts: Iterator[ReceiptProof] = iter(bundle.receipts)
        self._folded = not bundle.entries
        self.states = [_State(state, trust) for state in bundle.states]
        if not self.states:
            raise ProofMissing("there is no state that anything could be proven under")

    def answer(self, ask: Ask) -> Any:
        match ask:
            case Read():
                return self.states[ask.state].read(ask)
            case Find():
                return self._find(ask)
            case Entries():
                pinned_of(self._trust, ask.contract)
                self._folded = True
                return journal.verify(self._entries, ask.end, start=ask.start)

    def _find(self, find: Find) -> Found:
        given = next(self._receipts, None)
        if given is None:
            raise ProofMissing(f"there is no receipt of {find.event}")
        header = headers.decode(given.header)
        block, latest = _block(header, self._trust), self.states[0].block
        if block.number > latest.number or (block.number == latest.number and block != latest):
            raise FromTheFuture(f"a receipt of block {block.number} is not from before block {latest.number}")
        receipt = receipts.verify(header.receipts_root, given.index, given.proof)
        pinned = pinned_of(self._trust, find.contract)
        return Found(block, given.index, events_in(receipt, pinned, find))

    def close(self) -> None:
        for state in self.states:
            state.close()
        if next(self._receipts, None) is not None:
            raise ProofSurplus("receipts that the claim does not rest on")
        if not self._folded:
            raise ProofSurplus("journal entries that the claim does not rest on")


def pinned_of(trust: Trust, contract: str) -> Pinned:
    """Raises UnknownClaim."""
    if contract not in trust.contracts:
        raise UnknownClaim(f"the trust file has no contract {contract[:40]!r}")
    return trust.contracts[contract]


def _block(header: Header, trust: Trust) -> Block:
    return Block(header.number, trust.anchor.check(header), header.timestamp)


def _difference(claimed: Json, found: Json, where: str = "") -> str:
    """The first field that differs."""
    if isinstance(claimed, dict) and isinstance(found, dict):
        for name in sorted(claimed.keys() | found.keys()):
            if canonical.dumps(claimed.get(name)) != canonical.dumps(found.get(name)):
                return _difference(claimed.get(name), found.get(name), f"{where}.{name}".strip("."))
    return f"{where or 'the claim'} is proven to be {str(found)[:80]}, claimed is {str(claimed)[:80]}"


def _state(value: Json) -> State:
    fields = _object(value, "accounts", "header")
    if not isinstance(fields["accounts"], dict):
        raise BadBundle("accounts are an object")
    return State(
        _bytes(fields["header"]), {name: _account(found) for name, found in fields["accounts"].items()}
    )


def _account(value: Json) -> AccountProof:
    fields = _object(value, "proof", "storage")
    if not isinstance(fields["storage"], dict):
        raise BadBundle("storage is an object")
    return AccountProof(
        _nodes(fields["proof"]),
        {int.from_bytes(_bytes(slot, HASH)): _nodes(proof) for slot, proof in fields["storage"].items()},
    )


def _receipt(value: Json) -> ReceiptProof:
    fields = _object(value, "header", "index", "proof")
    return ReceiptProof(_bytes(fields["header"]), _count(fields["index"]), _nodes(fields["proof"]))


def _nodes(value: Json) -> tuple[bytes, ...]:
    return tuple(map(_bytes, _list(value)))


def _object(value: Json, *names: str) -> dict[str, Json]:
    if not isinstance(value, dict) or value.keys() != set(names):
        raise BadBundle(f"an object with exactly {', '.join(names)} is expected")
    return value


def _list(value: Json, size: int | None = None) -> list[Json]:
    if not isinstance(value, list) or size not in (None, len(value)):
        raise BadBundle("an array is expected" if size is None else f"an array of {size} is expected")
    return value


def _count(value: Json) -> int:
    if type(value) is not int or not 0 <= value < 1 << 53:
        raise BadBundle("a number is expected")
    return value


def _bytes(value: Json, size: int | None = None) -> bytes:
    if not isinstance(value, str) or not _BYTES.fullmatch(value):
        raise BadBundle("0x and pairs of lower-case hexadecimal digits are expected")
    if size is not None and len(value) != 2 + 2 * size:
        raise BadBundle(f"{size} bytes are expected")
    return bytes.fromhex(value[2:])


def _hex(value: bytes) -> str:
    return f"0x{value.hex()}"
