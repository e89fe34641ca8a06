"""Listings with their versions and plans, and what reviewers say of them."""

from msgspec.structs import replace

from ledger.chain.bindings import listings, reviews
from ledger.chain.bindings.structs import Attestation, Listing, Plan, PlanStatus, Upstream, Version
from ledger.domain.ids import plan_id
from ledger.domain.market import Kind
from ledger.indexer.projections.register import known, on, require
from ledger.indexer.state import NOBODY, Pack, State


@on(listings.Listed)
def _listed(state: State, event: listings.Listed) -> None:
    require(event.listing == len(state.listings) + 1, f"the next listing is {len(state.listings) + 1}")
    require(state.listing_tokens.owners.get(event.listing) == event.seller, "its token is not the seller's")
    state.listings[event.listing] = Listing(
        class_=event.class_,
        home=event.home,
        versions=0,
        plans=0,
        upstreams=0,
        required=event.required,
        epoch=0,
        delisted=False,
        frozen_until=0,
        pack=event.pack,
        imposed=False,
    )
    state.legal_bases[event.listing] = event.legal_basis


@on(listings.UpstreamNamed)
def _upstream_named(state: State, event: listings.UpstreamNamed) -> None:
    listing = known(state.listings, event.listing, "listing")
    known(state.licences, event.licence, "licence")
    named = state.upstreams.get(event.listing, ())
    state.upstreams[event.listing] = (*named, Upstream(event.licence, event.share_bps))
    state.listings[event.listing] = replace(listing, upstreams=len(named) + 1)


@on(listings.VersionPublished)
def _version_published(state: State, event: listings.VersionPublished) -> None:
    listing = known(state.listings, event.listing, "listing")
    require(event.version == listing.versions + 1, f"the next version is {listing.versions + 1}")
    require(event.deposit_id not in state.deposits, "its deposit is another version's")
    state.versions[event.listing, event.version] = Version(
        root=event.root,
        metadata=event.metadata,
        deposit_id=event.deposit_id,
        size=event.size,
        region=event.region,
        published_at=event.published_at,
        stale_at=event.stale_at,
        attestations=Kind.CUSTODY.value,
        epoch=event.epoch,
        withdrawn=False,
    )
    state.deposits[event.deposit_id] = (event.listing, event.version)
    state.listings[event.listing] = replace(listing, versions=event.version)


@on(listings.VersionWithdrawn)
def _version_withdrawn(state: State, event: listings.VersionWithdrawn) -> None:
    key = (event.listing, event.version)
    version = known(state.versions, key, "version")
    require(not version.withdrawn, "it is withdrawn already")
    state.versions[key] = replace(version, withdrawn=True)


@on(listings.PlanAdded)
def _plan_added(state: State, event: listings.PlanAdded) -> None:
    listing = known(state.listings, event.listing, "listing")
    require(event.plan == plan_id(event.listing, listing.plans), f"the next plan is {listing.plans}")
    draft = event.draft
    require(draft.currency in state.currencies, f"currency {draft.currency} is unknown")
    state.plans[event.plan] = Plan(
        price=draft.price,
        currency=draft.currency,
        duration=draft.duration,
        cap=draft.cap,
        sold=0,
        quota=draft.quota,
        flags=draft.flags,
        status=PlanStatus.OPEN if draft.only_buyer == NOBODY else PlanStatus.RESERVED,
        only_buyer=draft.only_buyer,
        royalty_bps=draft.royalty_bps,
        terms=draft.terms,
    )
    state.listings[event.listing] = replace(listing, plans=listing.plans + 1)


@on(listings.PlanClosed)
def _plan_closed(state: State, event: listings.PlanClosed) -> None:
    plan = known(state.plans, event.plan, "plan")
    require(plan.status != PlanStatus.CLOSED, "it is closed already")
    state.plans[event.plan] = replace(plan, status=PlanStatus.CLOSED)


@on(listings.Reclassified)
def _reclassified(state: State, event: listings.Reclassified) -> None:
    listing = known(state.listings, event.listing, "listing")
    require(event.epoch == listing.epoch + 1, f"the next epoch is {listing.epoch + 1}")
    state.listings[event.listing] = replace(
        listing,
        class_=event.class_,
        required=event.required,
        epoch=event.epoch,
        pack=event.pack,
        imposed=listing.imposed or event.by != state.listing_tokens.owners[event.listing],
    )
    state.legal_bases[event.listing] = event.legal_basis


@on(listings.Delisted)
def _delisted(state: State, event: listings.Delisted) -> None:
    listing = known(state.listings, event.listing, "listing")
    require(not listing.delisted, "it is delisted already")
    state.listings[event.listing] = replace(listing, delisted=True)


@on(listings.Frozen)
def _frozen(state: State, event: listings.Frozen) -> None:
    listing = known(state.listings, event.listing, "listing")
    state.listings[event.listing] = replace(listing, frozen_until=event.until)


@on(listings.Unfrozen)
def _unfrozen(state: State, event: listings.Unfrozen) -> None:
    listing = known(state.listings, event.listing, "listing")
    state.listings[event.listing] = replace(listing, frozen_until=0)


@on(listings.TransferApproved)
def _transfer_approved(state: State, event: listings.TransferApproved) -> None:
    known(state.listings, event.listing, "listing")
    state.transfer_approvals[event.listing, event.account] = event.until


@on(listings.RulePackSet)
def _rule_pack_set(state: State, event: listings.RulePackSet) -> None:
    require(event.version > state.rule_pack.version, f"version {state.rule_pack.version} is in force")
    state.rule_pack = Pack(event.pack, event.version)


@on(listings.AuthorityUpdated)
def _listings_authority(state: State, event: listings.AuthorityUpdated) -> None:
    state.authorities["Listings"] = event.authority


# Reviews


@on(reviews.Attested)
def _attested(state: State, event: reviews.Attested) -> None:
    _review(state, event, stands=True)
    state.attestations[event.listing, event.version, event.kind] = Attestation(
        reviewer=event.reviewer, time=event.time, evidence=event.evidence
    )


@on(reviews.Refused)
def _refused(state: State, event: reviews.Refused) -> None:
    _review(state, event, stands=False)


def _review(state: State, event: reviews.Attested | reviews.Refused, *, stands: bool) -> None:
    """A review of an earlier epoch no longer stands; custody does, whatever the classification."""
    key = (event.listing, event.version)
    version = known(state.versions, key, "version")
    epoch = known(state.listings, event.listing, "listing").epoch
    require(event.epoch == epoch, f"the listing's epoch is {epoch}")
    standing = version.attestations if version.epoch == epoch else version.attestations & Kind.CUSTODY.value
    standing = standing | event.kind if stands else standing & ~event.kind
    state.versions[key] = replace(version, attestations=standing, epoch=epoch)
