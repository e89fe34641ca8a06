"""Listings and licences straight from the chain, each answer at one final block."""

import asyncio
from enum import IntEnum
from typing import Final, TypeVar

from ledger.chain.abi import AbiError, Call, ContractError
from ledger.chain.bindings import Licences, Listings, structs
from ledger.chain.entitlements import FinalBlocks
from ledger.chain.rpc import Rpc, RpcError
from ledger.domain.entitlement import Block, NodeUnreachable
from ledger.domain.ids import plan_id
from ledger.domain.listing import Licence, LicenceUnknown, Listing, ListingUnknown, Plan, Version

T = TypeVar("T")

PLANS: Final = 32
"""Most plans given with a listing, the newest."""


class ChainCatalogue:
    """See `ledger.services.catalogue.Catalogue`."""

    def __init__(self, rpc: Rpc, blocks: FinalBlocks, listings: str, licences: str) -> None:
        self._rpc = rpc
        self._blocks = blocks
        self._listings = Listings(listings)
        self._licences = Licences(licences)

    async def listing(self, listing: int) -> tuple[Block, Listing]:
        """Raises ListingUnknown."""
        block = await self._blocks.newest()
        return block, await self._listing(listing, block)

    async def version(self, listing: int, number: int) -> tuple[Block, Version]:
        """Raises ListingUnknown."""
        block = await self._blocks.newest()
        return block, await self._version(listing, number, block)

    async def licence(self, licence: int) -> tuple[Block, Licence]:
        """Raises LicenceUnknown."""
        block = await self._blocks.newest()
        unknown = LicenceUnknown(f"there is no licence {licence}")
        unknown = LicenceUnknown(f"there is no licence {licence}")
        record, holder = await asyncio.gather(
            self._call(self._licences.licence(licence), block, unknown),
            self._call(self._licences.holder_of(licence), block, unknown),
        )
        return block, Licence(
            id=licence,
            holder=_address(holder),
            version=record.version,
            issued_at=record.issued_at,
            expires_at=record.expires_at,
            used=record.used,
            pack=record.pack,
            by_bank=record.by_bank,
            status=_name(record.status),
            order=_name(record.order),
            fee_bps=record.fee_bps,
            tax_bps=record.tax_bps,
            deadline=record.deadline,
        )

    async def _listing(self, listing: int, block: Block) -> Listing:
        unknown = ListingUnknown(f"there is no listing {listing}")
        record = await self._call(self._listings.listing(listing), block, unknown)
        newest = range(max(record.plans - PLANS, 0), record.plans)
        holder, version, plans = await asyncio.gather(
            self._call(self._listings.holder_of(listing), block, unknown),
            self._version(listing, record.versions, block),
            asyncio.gather(*(self._plan(plan_id(listing, index), block) for index in newest)),
        )
        return Listing(
            id=listing,
            holder=_address(holder),
            home=record.home.decode("ascii", "replace"),
            importance=_name(record.class_.importance),
            sharing=_name(record.class_.sharing),
            subject=_name(record.class_.subject),
            personal=_name(record.class_.personal),
            required=record.required,
            delisted=record.delisted,
            frozen_until=record.frozen_until,
            pack=record.pack,
            versions=record.versions,
            newest=version,
            plan_count=record.plans,
            plans=tuple(plans),
        )

    async def _version(self, listing: int, number: int, block: Block) -> Version:
        unknown = ListingUnknown(f"there is no version {number} of listing {listing}")
        version, attestations = await asyncio.gather(
            self._call(self._listings.version(listing, number), block, unknown),
            self._call(self._listings.attestations(listing, number), block, unknown),
        )
        return Version(
            number=number,
            root=version.root,
            metadata=version.metadata,
            deposit=version.deposit_id,
            size=version.size,
            region=version.region.decode("ascii", "replace"),
            published_at=version.published_at,
            stale_at=version.stale_at,
            attestations=attestations,
            withdrawn=version.withdrawn,
        )

    async def _plan(self, plan: int, block: Block) -> Plan:
        record: structs.Plan = await self._call(
            self._listings.plan(plan), block, ListingUnknown(f"there is no plan {plan}")
        )
        only_buyer = _address(record.only_buyer)
        return Plan(
            id=plan,
            price=record.price,
            currency=record.currency,
            duration=record.duration,
            cap=record.cap,
            sold=record.sold,
            quota=record.quota,
            flags=record.flags,
            status=_name(record.status),
            only_buyer=only_buyer if any(only_buyer) else None,
            royalty_bps=record.royalty_bps,
            terms=record.terms,
        )

    async def _call(self, call: Call[T], block: Block, unknown: Exception) -> T:
        """These functions revert for want of what they are asked for, and for nothing else."""
        try:
            return await self._rpc.call(call, block.hash)
        except ContractError as error:
            raise unknown from error
        except (RpcError, AbiError) as error:
            raise NodeUnreachable(f"the node does not answer for block {block.number}") from error


def _name(state: IntEnum) -> str:
    return state.name.title().replace("_", "")


def _address(text: str) -> bytes:
    return bytes.fromhex(text[2:])
