from typing import Annotated

from fastapi import APIRouter, Path, Query

from api.deps import CatalogueService
from api.errors import documented
from api.schemas.catalogue import (
    LicenceAnswer,
    LicenceInfo,
    ListingAnswer,
    ListingInfo,
    ListingPage,
    VersionAnswer,
    VersionInfo,
)
from api.schemas.values import LicenceId
from ledger.domain.entitlement import Undecidable
from ledger.domain.listing import LicenceUnknown, ListingUnknown

router = APIRouter()

ListingId = Annotated[int, Path(gt=0, lt=1 << 48, description="The listing's token id.")]


@router.get("/listings", tags=["listings"], responses=documented(Undecidable))
async def listings(
    catalogue: CatalogueService,
    cursor: Annotated[int, Query(ge=0, lt=1 << 48, description="`next` of the page before.")] = 0,
    limit: Annotated[int, Query(ge=1, le=50)] = 20,
) -> ListingPage:
    """Listings in the order they were made."""
    block, found = await catalogue.listings(cursor, limit)
    return ListingPage(
        block_number=block.number,
        block_hash=block.hash,
        items=[ListingInfo.model_validate(listing, from_attributes=True) for listing in found],
        next=str(found[-1].id) if len(found) == limit else None,
    )


@router.get("/listings/{listing_id}", tags=["listings"], responses=documented(Undecidable, ListingUnknown))
async def listing(listing_id: ListingId, catalogue: CatalogueService) -> ListingAnswer:
    """A listing with its newest version and plans."""
    block, found = await catalogue.listing(listing_id)
    info = ListingInfo.model_validate(found, from_attributes=True)
    return ListingAnswer(block_number=block.number, block_hash=block.hash, listing=info)


@router.get(
    "/listings/{listing_id}/versions/{number}",
    tags=["listings"],
    responses=documented(Undecidable, ListingUnknown),
)
async def version(
    listing_id: ListingId, number: Annotated[int, Path(gt=0, lt=1 << 24)], catalogue: CatalogueService
) -> VersionAnswer:
    """One version of a listing."""
    block, found = await catalogue.version(listing_id, number)
    info = VersionInfo.model_validate(found, from_attributes=True)
    return VersionAnswer(block_number=block.number, block_hash=block.hash, version=info)


@router.get("/licences/{licence_id}", tags=["licences"], responses=documented(Undecidable, LicenceUnknown))
async def licence(
    licence_id: Annotated[LicenceId, Path(description="The licence's token id.")],
    catalogue: CatalogueService,
) -> LicenceAnswer:
    """A licence and the order it was bought under."""
    block, found = await catalogue.licence(licence_id)
    info = LicenceInfo.model_validate(found, from_attributes=True)
    return LicenceAnswer(block_number=block.number, block_hash=block.hash, licence=info)
