"""What the contracts' structs say, as the nouns of `ledger.domain.listing`."""

from collections.abc import Sequence
from enum import IntEnum
from typing import Final

from ledger.chain.bindings import structs
from ledger.domain.ids import plan_id
from ledger.domain.listing import Licence, Listing, Plan, Version

PLANS: Final = 32
"""Most plans given with a listing, the newest."""


def listing(
    number: int, found: structs.Listing, holder: str, newest: Version, plans: Sequence[Plan]
) -> Listing:
    """With its newest version, and those of its plans that `newest_plans` names."""
    return Listing(
        id=number,
        holder=address(holder),
        home=region(found.home),
        importance=name(found.class_.importance),
        sharing=name(found.class_.sharing),
        subject=name(found.class_.subject),
        personal=name(found.class_.personal),
        required=found.required,
        delisted=found.delisted,
        frozen_until=found.frozen_until,
        pack=found.pack,
        versions=found.versions,
        newest=newest,
        plan_count=found.plans,
        plans=tuple(plans),
    )


def newest_plans(number: int, found: structs.Listing) -> list[int]:
    """Ids of the plans given with a listing."""
    return [plan_id(number, index) for index in range(max(found.plans - PLANS, 0), found.plans)]


def version(number: int, found: structs.Version, attestations: int) -> Version:
    """`attestations` are those that stand."""
    return Version(
        number=number,
        root=found.root,
        metadata=found.metadata,
        deposit=found.deposit_id,
        size=found.size,
        region=region(found.region),
        published_at=found.published_at,
        stale_at=found.stale_at,
        attestations=attestations,
        withdrawn=found.withdrawn,
    )


def plan(number: int, found: structs.Plan) -> Plan:
    only_buyer = address(found.only_buyer)
    return Plan(
        id=number,
        price=found.price,
        currency=found.currency,
        duration=found.duration,
        cap=found.cap,
        sold=found.sold,
        quota=found.quota,
        flags=found.flags,
        status=name(found.status),
        only_buyer=only_buyer if any(only_buyer) else None,
        royalty_bps=found.royalty_bps,
        terms=found.terms,
    )


def licence(number: int, found: structs.Licence, holder: str) -> Licence:
    return Licence(
        id=number,
        holder=address(holder),
        version=found.version,
        issued_at=found.issued_at,
        expires_at=found.expires_at,
        used=found.used,
        pack=found.pack,
        by_bank=found.by_bank,
        status=name(found.status),
        order=name(found.order),
        fee_bps=found.fee_bps,
        tax_bps=found.tax_bps,
        deadline=found.deadline,
    )


def name(member: IntEnum) -> str:
    """As the contract spells it."""
    return member.name.title().replace("_", "")


def region(code: bytes) -> str:
    """ISO 3166-1 alpha-2, or nothing."""
    return code.decode("ascii", "replace").rstrip("\0")


def address(text: str) -> bytes:
    """20 bytes."""
    return bytes.fromhex(text[2:])
