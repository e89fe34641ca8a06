"""Listings and licences straight from the chain, each answer at one final block."""

import asyncio
from typing import TypeVar

from ledger.chain import records
from ledger.chain.abi import AbiError, Call, ContractError
from ledger.chain.bindings import Licences, Listings, structs
from ledger.chain.entitlements import FinalBlocks
from ledger.chain.rpc import Rpc, RpcError
from ledger.domain.entitlement import Block, NodeUnreachable
from ledger.domain.listing import Licence, LicenceUnknown, Listing, ListingUnknown, Plan, Version

T = TypeVar("T")


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
        return block, records.licence(licence, record, holder)

    async def _listing(self, listing: int, block: Block) -> Listing:
        unknown = ListingUnknown(f"there is no listing {listing}")
        record = await self._call(self._listings.listing(listing), block, unknown)
        holder, version, plans = await asyncio.gather(
            self._call(self._listings.holder_of(listing), block, unknown),
            self._version(listing, record.versions, block),
            asyncio.gather(*(self._plan(plan, block) for plan in records.newest_plans(listing, record))),
        )
        return records.listing(listing, record, holder, version, plans)

    async def _version(self, listing: int, number: int, block: Block) -> Version:
        unknown = ListingUnknown(f"there is no version {number} of listing {listing}")
        version, attestations = await asyncio.gather(
            self._call(self._listings.version(listing, number), block, unknown),
            self._call(self._listings.attestations(listing, number), block, unknown),
        )
        return records.version(number, version, attestations)

    async def _plan(self, plan: int, block: Block) -> Plan:
        record: structs.Plan = await self._call(
            self._listings.plan(plan), block, ListingUnknown(f"there is no plan {plan}")
        )
        return records.plan(plan, record)

    async def _call(self, call: Call[T], block: Block, unknown: Exception) -> T:
        """These functions revert for want of what they are asked for, and for nothing else."""
        try:
            return await self._rpc.call(call, block.hash)
        except ContractError as error:
            raise unknown from error
        except (RpcError, AbiError) as error:
            raise NodeUnreachable(f"the node does not answer for block {block.number}") from error
