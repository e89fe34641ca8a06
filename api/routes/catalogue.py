import json
from collections.abc import AsyncIterator
from typing import Annotated, Literal, get_args

from fastapi import APIRouter, Path, Query
from fastapi.responses import StreamingResponse

from api.deps import CatalogueService, ExchangeFacts, OfferService
from api.errors import documented
from api.routes.metadata import JSON
from api.schemas.catalogue import (
    AttestationInfo,
    CatalogueItem,
    LicenceAnswer,
    LicenceInfo,
    ListingAnswer,
    ListingDetails,
    ListingInfo,
    ListingPage,
    PlanInfo,
    PricingInfo,
    ShareInfo,
    VersionAnswer,
    VersionInfo,
)
from api.schemas.values import Address, Importance, LicenceId, Personal, Sharing, Subject
from ledger.domain import dcat
from ledger.domain.catalogue import Offered, Wanted
from ledger.domain.dcat import words
from ledger.domain.entitlement import Undecidable
from ledger.domain.listing import LicenceUnknown, ListingUnknown

router = APIRouter()

Price = Literal["free", "fixed", "subscription", "metered", "negotiated", "state-fee"]
Right = Literal["transferable", "derivable", "updates", "streaming", "research"]
ListingId = Annotated[int, Path(gt=0, lt=1 << 48, description="The listing's token id.")]


@router.get("/listings", tags=["listings"], responses=documented())
async def listings(
    offers: OfferService,
    q: Annotated[
        str,
        Query(max_length=200, description="Beginnings of words of the metadata, with or without diacritics."),
    ] = "",
    importance: Annotated[Importance | None, Query()] = None,
    sharing: Annotated[Sharing | None, Query()] = None,
    subject: Annotated[Subject | None, Query()] = None,
    personal: Annotated[Personal | None, Query()] = None,
    home: Annotated[str | None, Query(pattern="^[A-Z]{2}$", description="ISO 3166-1 alpha-2.")] = None,
    seller: Annotated[Address | None, Query()] = None,
    price: Annotated[Price | None, Query(description="Of a plan that is not closed.")] = None,
    right: Annotated[Right | None, Query(description="That a plan which is not closed grants.")] = None,
    freshness: Annotated[Literal["fresh", "stale"] | None, Query()] = None,
    awaiting: Annotated[bool, Query(description="Those that wait for a reviewer only.")] = False,
    delisted: Annotated[bool, Query(description="Those delisted too.")] = False,
    order: Annotated[Literal["newest", "oldest"], Query(description="Which come first.")] = "newest",
    cursor: Annotated[int | None, Query(ge=0, lt=1 << 48, description="`next` of the page before.")] = None,
    limit: Annotated[int, Query(ge=1, le=50)] = 20,
) -> ListingPage:
    """Listings that meet every condition, and how many there are of each sort. From the index."""
    wanted = Wanted(
        words=tuple(words(q)),
        importance=None if importance is None else get_args(Importance).index(importance),
        sharing=None if sharing is None else get_args(Sharing).index(sharing),
        subject=None if subject is None else get_args(Subject).index(subject),
        personal=None if personal is None else get_args(Personal).index(personal),
        home=home,
        seller=seller,
        price=price,
        right=right,
        fresh=None if freshness is None else freshness == "fresh",
        awaiting=awaiting,
        delisted=delisted,
    )
    held, found = await offers.search(wanted, cursor, limit, newest_first=order == "newest")
    return ListingPage(
        block_number=held.number,
        block_hash=held.hash,
        items=[item(offered) for offered in found.items],
        total=found.total,
        facets={name: dict(counts) for name, counts in found.facets.items()},
        next=str(found.items[-1].listing.id) if len(found.items) == limit else None,
    )


@router.get("/listings/{listing_id}/details", tags=["listings"], responses=documented(ListingUnknown))
async def details(listing_id: ListingId, offers: OfferService) -> ListingDetails:
    """All about a listing: versions, plans, attestations, what it was made of, its prices. From the index."""
    held, found = await offers.details(listing_id)
    return ListingDetails(
        block_number=held.number,
        block_hash=held.hash,
        listing=item(found.offered),
        versions=[VersionInfo.model_validate(one, from_attributes=True) for one in found.versions],
        plans=[PlanInfo.model_validate(one, from_attributes=True) for one in found.plans],
        attestations=[
            AttestationInfo.model_validate(one, from_attributes=True) for one in found.attestations
        ],
        upstream=[ShareInfo.model_validate(one, from_attributes=True) for one in found.upstream],
        derived=[ShareInfo.model_validate(one, from_attributes=True) for one in found.derived],
        prices=[PricingInfo.model_validate(one, from_attributes=True) for one in found.prices],
    )


@router.get(
    "/catalogue",
    tags=["listings"],
    response_class=StreamingResponse,
    responses=documented() | {200: {"description": "A dcat:Catalog (DCAT 3).", "content": JSON}},
)
async def catalogue_export(offers: OfferService, facts: ExchangeFacts) -> StreamingResponse:
    """The whole catalogue as JSON-LD: metadata documents as sellers wrote them, a record of each listing."""
    return StreamingResponse(_catalogue(offers, facts), media_type="application/ld+json")


async def _catalogue(offers: OfferService, facts: ExchangeFacts) -> AsyncIterator[bytes]:
    head = json.dumps(dcat.catalogue(facts.chain_id, facts.contracts["Listings"]))
    yield f'{head[:-1]}, "dcat:dataset": ['.encode()
    comma = ""
    async for some in offers.export():
        for offered, document in some:
            if document is not None:
                yield (comma + json.dumps(dcat.dataset(offered.listing, document))).encode()
                comma = ", "
    yield b'], "dcat:record": ['
    comma = ""
    async for some in offers.export():
        for offered, document in some:
            yield (comma + json.dumps(dcat.record(offered.listing, document))).encode()
            comma = ", "
    yield b"]}"


def item(offered: Offered) -> CatalogueItem:
    info = ListingInfo.model_validate(offered.listing, from_attributes=True)
    said = offered.described
    return CatalogueItem(
        **dict(info), title=said.title, description=said.description, keywords=list(said.keywords)
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
