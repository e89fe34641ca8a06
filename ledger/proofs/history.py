"""The whole history of an exchange as one file that shows by itself that nothing was left out.

    {"chain": …, "claim": {"type": "journal", "contract": "Exchange", "entries": 812, …}, …}
    {"args":"0x…","event":"Purchased(uint96,address,…)"}        812 lines
    {"chain": …, "claim": {"type": "journal", "contract": "Licences", …}, …}
    …

Lines of canonical JSON (RFC 8785). Each contract of the trust file has one section: the bundle of its journal
(`docs/evidence.md`) without its entries, then the entries in order. `args` is the `abi.encode` of all
arguments, Keccak-256 of `event` the topic.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import islice

from ledger.proofs import canonical, evidence
from ledger.proofs.canonical import Json
from ledger.proofs.claims import Block
from ledger.proofs.error import ProofError
from ledger.proofs.evidence import Bundle, EvidenceError
from ledger.proofs.journal import Link
from ledger.proofs.keccak import keccak
from ledger.proofs.quantity import BadQuantity, bytes_of
from ledger.proofs.trust import Trust


class HistoryError(ProofError):
    """Any refusal of this module; bundles that do not hold are refused by `evidence`."""


class BadHistory(HistoryError):
    """A line that is none of this format; the message says which."""


class Incomplete(HistoryError):
    """A section is missing, or is not as of the same blocks as the others."""


class SectionRefused(HistoryError):
    """The entries of a section are not all that the contract emitted: the message says why."""


@dataclass(frozen=True, slots=True)
class Proven:
    """Every event of every contract up to `block`, from the first on or after the block `after`."""

    block: Block
    after: Json
    anchor: str
    entries: Mapping[str, int]
    not_proven: tuple[str, ...]


def encode(bundle: Bundle, signatures: Mapping[bytes, str]) -> Iterator[bytes]:
    """The lines of a section from the bundle of a journal; `signatures` by topic."""
    yield replace(bundle, entries=()).encode() + b"\n"
    for topic0, args in bundle.entries:
        yield canonical.dumps({"args": f"0x{args.hex()}", "event": signatures[topic0]}) + b"\n"


def is_history(data: bytes) -> bool:
    """A bundle is one line without an end."""
    return b"\n" in data


def verify(lines: Iterable[bytes], trust: Trust, now: float) -> Proven:
    """What a file proves to who trusts `trust` and whose clock says `now` (Unix seconds).

    Holds the entries of one contract at a time. Raises HistoryError, and what `evidence.verify` does.
    """
    found: dict[str, int] = {}
    proven: evidence.Proven | None = None
    numbered = enumerate(lines, 1)
    for number, line in numbered:
        bundle = _section(number, line)
        contract, count = bundle.claim.get("contract"), bundle.claim.get("entries")
        if not isinstance(contract, str) or type(count) is not int or contract in found:
            raise BadHistory(f"line {number} is no journal, or is a second one of {contract}")
        try:
            links = tuple(_link(*one) for one in islice(numbered, max(0, count)))
        except BadHistory as error:
            raise BadHistory(f"{error}, where the journal of {contract} has {count}") from error
        whole = _verified(contract, replace(bundle, entries=links), trust, now)
        if proven is not None and _range(whole) != _range(proven):
            raise Incomplete(f"the journal of {contract} is as of other blocks than those before it")
        proven, found[contract] = whole, count
    if proven is None or (missing := trust.contracts.keys() - found.keys()):
        raise Incomplete(f"there is no journal of {', '.join(sorted(missing)) if proven else 'any contract'}")
    return Proven(proven.block, proven.claim["after"], proven.anchor, found, proven.not_proven)


def _range(proven: evidence.Proven) -> tuple[Block, Json]:
    return proven.block, proven.claim["after"]


def _verified(contract: str, bundle: Bundle, trust: Trust, now: float) -> evidence.Proven:
    try:
        return evidence.verify(bundle.encode(), trust, now)
    except EvidenceError:
        raise
    except ProofError as error:
        raise SectionRefused(f"the journal of {contract}: {error}") from error


def _section(number: int, line: bytes) -> Bundle:
    try:
        bundle = evidence.decode(_text(number, line))
    except EvidenceError as error:
        raise BadHistory(f"line {number} begins no section: {error}") from error
    if bundle.claim.get("type") != "journal" or bundle.entries:
        raise BadHistory(f"line {number} begins no section")
    return bundle


def _link(number: int, line: bytes) -> Link:
    text = _text(number, line)
    try:
        entry = canonical.loads(text)
        args, event = bytes_of(entry["args"]), str(entry["event"])
        if canonical.dumps({"args": f"0x{args.hex()}", "event": event}) != text:
            raise BadHistory(f"line {number} is no entry, or not in canonical JSON")
        return Link(keccak(event.encode()), args)
    except (ValueError, LookupError, TypeError, BadQuantity) as error:
        raise BadHistory(f"line {number} is no entry: {error}") from error


def _text(number: int, line: bytes) -> bytes:
    if not line.endswith(b"\n"):
        raise BadHistory(f"line {number} is cut off")
    return line[:-1]
