"""What can be certified, and from what: each claim is a generator that asks for facts and returns the claim.

    facts = yield (Read(…), Find(…), …)        one answer for each, in order

Who verifies answers from the proofs of a bundle, who gathers a bundle from a node: there is one derivation
for both. Claims are JSON: hashes and addresses `0x` and hexadecimal digits, times Unix seconds, numbers that
may pass 2^53 (ids of plans and licences, amounts, sizes) decimal strings, null for "never" and "none".
"""

from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from ledger.domain.ids import listing_of, plan_of
from ledger.proofs.canonical import Json
from ledger.proofs.error import ProofError
from ledger.proofs.trust import Value

NEVER: Final = (1 << 40) - 1
CUSTODY: Final = 1 << 3
"""The attestation that no reclassification voids."""
KINDS: Final = ("legal", "security", "quality", "custody")
JOURNALS: Final = ("Exchange", "Licences", "Listings")
"""Whose heads a certificate states: they name its place in the exported histories."""

STATUS: Final = ("none", "active", "revoked", "refunded")
ORDER: Final = ("none", "open", "disputed", "settled", "refunded")
PART: Final = ("fee", "tax", "upstream", "seller", "refund")
IMPORTANCE: Final = ("unclassified", "other", "important", "core")
SHARING: Final = ("unstated", "open", "shared", "private")
SUBJECT: Final = ("unstated", "people", "locations", "activities", "items")
PERSONAL: Final = ("none", "deidentified", "consented")

Fields: TypeAlias = Mapping[str, int]


class NothingToCertify(ProofError):
    """The chain holds no such licence, listing, version or payment, which is all that is proven."""


class DoesNotReconcile(ProofError):
    """The parts of a payment do not add up to its price."""


class UnknownClaim(ProofError):
    """No claim of this type, or one without what identifies its subject."""


@dataclass(frozen=True, slots=True)
class Read:
    """Fields of a variable by the storage layout (`Layout.place`); without any, the variable by itself.

    Answered by numbers, by field (the variable by itself under ""). `state` 0 is the block the claim is as
    of, 1 an earlier one.
    """

    contract: str
    path: tuple[int | bytes | str, ...]
    fields: tuple[str, ...] = ()
    state: int = 0


@dataclass(frozen=True, slots=True)
class Find:
    """The transaction in which a contract emitted `event` for `licence`; answered by a `Found`.

    `also` names other events of the contract for the same licence that the same transaction may have emitted.
    """

    contract: str
    event: str
    licence: int
    also: tuple[str, ...] = ()

    @property
    def events(self) -> tuple[str, ...]:
        return (self.event, *self.also)


@dataclass(frozen=True, slots=True)
class Entries:
    """All journal entries of a contract between two heads, `start` first; answered by their number."""

    contract: str
    start: bytes
    end: bytes


@dataclass(frozen=True, slots=True)
class Block:
    """A proven block; `time` in Unix seconds."""

    number: int
    hash: bytes
    time: int

    def to_json(self) -> Json:
        return {"number": self.number, "hash": _hex(self.hash), "time": self.time}


@dataclass(frozen=True, slots=True)
class Found:
    """A transaction by its place, and the events asked for, in the order it emitted them."""

    block: Block
    transaction: int
    events: tuple[tuple[str, Mapping[str, Value]], ...]

    def of(self, name: str) -> list[Mapping[str, Value]]:
        return [arguments for event, arguments in self.events if event == name]

    def place(self) -> Json:
        return {"block": self.block.to_json(), "transaction": self.transaction}


Ask: TypeAlias = Read | Find | Entries
Claim: TypeAlias = Generator[tuple[Ask, ...], Any, Json]
"""Made from a subject, which is a claim of which only the ids are read, and from the proven blocks: the one
it is as of and, for a part of a journal, an earlier one. Returns the claim without its type and block."""

_LICENCE: Final = ("version", "issuedAt", "expiresAt", "used", "pack", "byBank", "status", "order")
_LISTING: Final = ("home", "versions", "required", "epoch", "delisted", "frozenUntil", "pack")
_CLASS: Final = ("importance", "sharing", "subject", "personal")
_VERSION: Final = (
    "root",
    "metadata",
    "depositId",
    "size",
    "region",
    "publishedAt",
    "staleAt",
    "attestations",
    "epoch",
    "withdrawn",
)
_PLAN: Final = ("price", "currency", "duration", "quota", "flags", "onlyBuyer", "royaltyBps", "terms")


def licence(subject: Json, blocks: Sequence[Block]) -> Claim:
    """Who holds a licence, to what, under which terms, how it stands, and how it was bought."""
    number = _id(subject, "licence", 96)
    plan, listing_number = plan_of(number), listing_of(number)
    held, owner, plan_fields, *facts = yield (
        Read("Licences", ("_licences", number), _LICENCE),
        Read("Licences", ("_owners", number)),
        Read("Listings", ("_plans", plan), _PLAN),
        *_listing_reads(listing_number),
        *_heads(),
    )
    _exists(held["status"], f"there is no licence {number}")
    version, bought = yield (
        Read("Listings", ("_versions", listing_number, held["version"]), _VERSION),
        Find("Exchange", "Purchased", number),
    )
    expired = held["status"] == 1 and held["expiresAt"] <= blocks[0].time
    return {
        "licence": str(number),
        "holder": _address(owner[""]),
        "status": "expired" if expired else _name(STATUS, held["status"]),
        "issued_at": held["issuedAt"],
        "expires_at": _never(held["expiresAt"]),
        "used": held["used"],
        "rule_pack": held["pack"],
        "order": _name(ORDER, held["order"]),
        "plan": {
            "id": str(plan),
            "price": str(plan_fields["price"]),
            "currency": plan_fields["currency"],
            "duration": plan_fields["duration"] or None,
            "quota": plan_fields["quota"] or None,
            "flags": plan_fields["flags"],
            "only_buyer": _address(plan_fields["onlyBuyer"]) if plan_fields["onlyBuyer"] else None,
            "royalty_bps": plan_fields["royaltyBps"],
            "terms": _hash(plan_fields["terms"]),
        },
        "version": _version(held["version"], version, facts[0]),
        "listing": _listing(listing_number, facts),
        "purchase": _purchase(bought),
        "journals": _journals(facts[3:]),
    }


def listing(subject: Json, blocks: Sequence[Block]) -> Claim:
    """What a version of a listing is, who sells it, and how it is classified and attested."""
    number, version = _id(subject, "listing", 48), _id(subject.get("version"), "number", 24)
    version_fields, *facts = yield (
        Read("Listings", ("_versions", number, version), _VERSION),
        *_listing_reads(number),
        *_heads(),
    )
    _exists(version_fields["publishedAt"], f"there is no version {version} of listing {number}")
    return {
        "listing": str(number),
        "version": _version(version, version_fields, facts[0]),
        "state": _listing(number, facts),
        "journals": _journals(facts[3:]),
    }


def payment(subject: Json, blocks: Sequence[Block]) -> Claim:
    """What was paid for a licence, under which rates and reference, and where the money went.

    Of a renewal nothing is said: it is a payment of its own.
    """
    number = _id(subject, "licence", 96)
    held, plan, *heads = yield (
        Read("Licences", ("_licences", number), ("status", "order", "deadline")),
        Read("Listings", ("_plans", plan_of(number)), ("currency",)),
        *_heads(),
    )
    _exists(held["status"], f"there is no licence {number}")
    (money, bought) = yield (
        Read("Exchange", ("_money", plan["currency"]), ("token",)),
        Find("Exchange", "Purchased", number),
    )
    purchase, order = _purchase(bought), _name(ORDER, held["order"])
    settlement = None
    if order in ("settled", "refunded") and purchase["price"] != "0":
        event = "Settled" if order == "settled" else "Refunded"
        (settled,) = yield (Find("Exchange", event, number, ("Allocated",)),)
        settlement = _settlement(settled, int(purchase["price"]))
    return {
        "licence": str(number),
        "order": order,
        "deadline": held["deadline"] or None,
        "currency": {"id": plan["currency"], "token": _address(money["token"]) if money["token"] else None},
        "purchase": purchase,
        "settlement": settlement,
        "journals": _journals(heads),
    }


def journal(subject: Json, blocks: Sequence[Block]) -> Claim:
    """Every event that a contract emitted up to the block, or after an earlier one: none is left out.

    Without an earlier block it is the whole journal.
    """
    contract = subject.get("contract")
    if not isinstance(contract, str):
        raise UnknownClaim("a journal is a contract's")
    whole = len(blocks) == 1
    if not whole and blocks[1].number >= blocks[0].number:
        raise UnknownClaim("part of a journal begins after an earlier block")
    head = (Read(contract, ("journalHead",)),)
    facts = yield head if whole else (*head, Read(contract, ("journalHead",), state=1))
    end, start = facts[0][""].to_bytes(32), b"\0" * 32 if whole else facts[1][""].to_bytes(32)
    (count,) = yield (Entries(contract, start, end),)
    after = None if whole else blocks[1].to_json()
    return {"contract": contract, "after": after, "start": _hex(start), "end": _hex(end), "entries": count}


CLAIMS: Final[Mapping[str, Callable[[Json, Sequence[Block]], Claim]]] = {
    "licence": licence,
    "listing": listing,
    "payment": payment,
    "journal": journal,
}

NOT_PROVEN: Final[Mapping[str, tuple[str, ...]]] = {
    "licence": (
        "anything after this block: since then the licence may have been revoked, refunded, transferred or "
        "renewed",
        "that whoever shows this certificate is the holder: that takes a presentation",
        "that the exchange would release the key: the holder's standing is no part of it",
    ),
    "listing": (
        "anything after this block: since then the version may have been withdrawn, the listing frozen or "
        "reclassified",
        "what the payload contains: only its Merkle root and size are on chain",
    ),
    "payment": (
        "anything after this block: an open or disputed order may since have been settled or refunded",
        "that a bank moved money: on chain is the payment provider's signed confirmation",
        "renewals of the licence: each is a payment of its own",
    ),
    "journal": (
        "anything after this block",
        "block, transaction and time of each entry: the journal commits to their order and contents only",
    ),
}
NEVER_PROVEN: Final = ("who the persons behind the accounts are",)


def _heads() -> tuple[Read, ...]:
    return tuple(Read(contract, ("journalHead",)) for contract in JOURNALS)


def _journals(heads: list[Fields]) -> Json:
    return {contract: _hash(head[""]) for contract, head in zip(JOURNALS, heads, strict=True)}


def _listing_reads(number: int) -> tuple[Read, Read, Read]:
    return (
        Read("Listings", ("_listings", number), _LISTING),
        Read("Listings", ("_listings", number, "class"), _CLASS),
        Read("Listings", ("_owners", number)),
    )


def _listing(number: int, facts: list[Fields]) -> Json:
    fields, kind, owner = facts[:3]
    return {
        "id": str(number),
        "seller": _address(owner[""]),
        "home": _letters(fields["home"]),
        "importance": _name(IMPORTANCE, kind["importance"]),
        "sharing": _name(SHARING, kind["sharing"]),
        "subject": _name(SUBJECT, kind["subject"]),
        "personal_data": _name(PERSONAL, kind["personal"]),
        "versions": fields["versions"],
        "required": _kinds(fields["required"]),
        "refused": bool(fields["required"] & 1 << 7),
        "delisted": bool(fields["delisted"]),
        "frozen_until": fields["frozenUntil"] or None,
        "rule_pack": fields["pack"],
    }


def _version(number: int, fields: Fields, listing_fields: Fields) -> Json:
    same = fields["epoch"] == listing_fields["epoch"]
    return {
        "number": number,
        "root": _hash(fields["root"]),
        "metadata": _hash(fields["metadata"]),
        "deposit": _hash(fields["depositId"]),
        "size": str(fields["size"]),
        "region": _letters(fields["region"]),
        "published_at": fields["publishedAt"],
        "stale_at": fields["staleAt"] or None,
        "attested": _kinds(fields["attestations"] & (0xFF if same else CUSTODY)),
        "withdrawn": bool(fields["withdrawn"]),
    }


def _purchase(found: Found) -> Json:
    (arguments,) = found.of("Purchased")
    told = {_snake(name): _argument(value) for name, value in arguments.items() if name != "licence"}
    return {**told, "price": str(arguments["price"]), **found.place()}


def _settlement(found: Found, price: int) -> Json:
    parts = [
        {
            "part": _name(PART, _number(arguments["part"])),
            "account": _argument(arguments["account"]),
            "amount": str(arguments["amount"]),
        }
        for arguments in found.of("Allocated")
    ]
    if (total := sum(int(part["amount"]) for part in parts)) != price:
        raise DoesNotReconcile(f"the parts add up to {total}, the price is {price}")
    return {"parts": parts, **found.place()}


def _id(subject: Json, name: str, bits: int) -> int:
    value = subject.get(name) if isinstance(subject, dict) else None
    if isinstance(value, str) and value.isascii() and value.isdecimal() and len(value) <= 40:
        value = int(value)
    if type(value) is not int or not 0 <= value < 1 << bits:
        raise UnknownClaim(f"{name} must be a number of at most {bits} bits")
    return value


def _exists(word: int, message: str) -> None:
    if not word:
        raise NothingToCertify(message)


def _name(names: tuple[str, ...], value: int) -> str:
    if value >= len(names):
        raise NothingToCertify(f"{value} is none of {', '.join(names)}")
    return names[value]


def _kinds(bits: int) -> list[str]:
    return [name for bit, name in enumerate(KINDS) if bits & 1 << bit]


def _never(time: int) -> int | None:
    return None if time == NEVER else time


def _letters(value: int) -> str:
    """Two letters (ISO 3166-1), as the contracts store no other."""
    return value.to_bytes(2).decode("ascii", "replace")


def _number(value: Value) -> int:
    return value if isinstance(value, int) else int.from_bytes(value)


def _argument(value: Value) -> int | str:
    return value if isinstance(value, int) else _hex(value)


def _hash(value: int) -> str:
    return f"0x{value:064x}"


def _address(value: int) -> str:
    return f"0x{value:040x}"


def _hex(value: bytes) -> str:
    return f"0x{value.hex()}"


def _snake(name: str) -> str:
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name)
