"""The journal of a contract: one hash that commits to every event it ever emitted, in order.

    head' = keccak256(head ‖ topic0 ‖ keccak256(abi.encode(all arguments in declared order)))

from head 0, as `contracts/interfaces/IJournal.sol` states it. Entries that fold to the contract's
`journalHead` are all there are: none altered, reordered, left out, added or cut off. What is not among the
arguments (block, transaction, time) is not committed to here.
"""

from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Final, NamedTuple

from ledger.proofs.error import ProofError
from ledger.proofs.keccak import keccak

HASH: Final = 32
EMPTY: Final = bytes(HASH)
"""The head before the first event."""

_NONE: Final[Mapping[int, bytes]] = MappingProxyType({})


class Link(NamedTuple):
    """An event as the journal folds it: 32 bytes, and `abi.encode` of all arguments in declared order."""

    topic0: bytes
    args: bytes


class JournalError(ProofError):
    """Any refusal of this module."""


class NotAHash(JournalError):
    """A head or topic0 that is not 32 bytes: joined with others it would commit to nothing."""


class JournalMismatch(JournalError):
    """The entries are not the journal's.

    The first `proven` are; of any after them nothing can be said. `upto` of them fold to `found`, where the
    trusted head is `expected`.
    """

    def __init__(self, proven: int, upto: int, expected: bytes, found: bytes) -> None:
        self.proven, self.upto, self.expected, self.found = proven, upto, expected, found
        super().__init__(self._message())

    def _message(self) -> str:
        return (
            f"{self._trusted()}; from entry {self.proven + 1} on nothing can be said: the first {self.upto} "
            f"fold to 0x{self.found.hex()}, the head is 0x{self.expected.hex()}"
        )

    def _trusted(self) -> str:
        return f"the first {self.proven} entries are proven" if self.proven else "no entry is proven"


class JournalCutOff(JournalMismatch):
    """A trusted head is known after more entries than there are."""

    def _message(self) -> str:
        return (
            f"{self._trusted()}; the entries end at {self.upto}, and the journal goes on to head "
            f"0x{self.expected.hex()}"
        )


class JournalSurplus(JournalMismatch):
    """The first `proven` entries fold to the head; those after them are later than the head, or invented."""

    def _message(self) -> str:
        return (
            f"the first {self.proven} entries are the whole journal at head 0x{self.expected.hex()}; "
            f"the {self.upto - self.proven} after them are no part of it"
        )


def fold(head: bytes, topic0: bytes, args: bytes) -> bytes:
    """The head after one more event. Raises NotAHash."""
    if len(head) != HASH or len(topic0) != HASH:
        raise NotAHash(f"{len(head)} bytes of head, {len(topic0)} of topic0: each must be {HASH}")
    return bytes(keccak(head + topic0 + keccak(args)))


def heads(links: Iterable[Link], head: bytes = EMPTY) -> Iterator[bytes]:
    """The head after each entry. Raises NotAHash."""
    for topic0, args in links:
        head = fold(head, topic0, args)
        yield head


def fold_all(links: Iterable[Link], head: bytes = EMPTY) -> bytes:
    """The head after all entries. Raises NotAHash."""
    for topic0, args in links:
        head = fold(head, topic0, args)
    return head


def verify(
    links: Iterable[Link], expected: bytes, *, start: bytes = EMPTY, known: Mapping[int, bytes] = _NONE
) -> int:
    """How many entries there are, once shown to be exactly those between heads `start` and `expected`.

    `known` are further trusted heads, each by the number of entries (from `start`) it comes after: they tell
    how far the entries can be trusted when the whole cannot. Raises JournalMismatch, JournalCutOff,
    JournalSurplus, NotAHash.
    """
    for trusted in (expected, *known.values()):
        if len(trusted) != HASH:
            raise NotAHash(f"a trusted head of {len(trusted)} bytes: it must be {HASH}")
    head, count, proven = start, 0, 0
    whole = 0 if start == expected else None
    if 0 in known and known[0] != start:
        raise JournalMismatch(0, 0, known[0], start)
    for count, head in enumerate(heads(links, start), 1):
        if known.get(count, head) != head:
            raise JournalMismatch(proven, count, known[count], head)
        if count in known:
            proven = count
        if head == expected:
            proven = whole = count
    if (beyond := max(known, default=0)) > count:
        raise JournalCutOff(proven, count, known[beyond], head)
    if head == expected:
        return count
    raise (JournalMismatch if whole is None else JournalSurplus)(proven, count, expected, head)
