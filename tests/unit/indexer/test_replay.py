"""Replay: every event has its projection, a sale told by hand, and what cannot have happened is refused.

That the state is the contracts' is shown by tests/integration/indexer on real histories.
"""

import subprocess
import sys
from collections.abc import Iterable
from copy import deepcopy

import pytest
from msgspec.structs import replace

from ledger.chain.abi import Event
from ledger.chain.bindings import (
    CONTRACTS,
    access_manager,
    exchange,
    licences,
    listings,
    log_anchor,
    participants,
    reviews,
    settlement_token,
    structs,
)
from ledger.chain.bindings.structs import LicenceStatus, OrderStatus, Part, PlanStatus
from ledger.chain.events import Entry, EntryId
from ledger.domain.ids import plan_id
from ledger.domain.market import NEVER, Kind, Right, Role
from ledger.indexer.projections import IGNORED, PROJECTIONS
from ledger.indexer.replay import (
    JOURNALLED,
    ImpossibleEvent,
    OutOfOrder,
    UnknownEvent,
    apply,
    replay,
)
from ledger.indexer.state import NOBODY, Journal, Pack, Payment, State
from ledger.proofs.journal import EMPTY, fold


def account(number: int) -> str:
    return f"0x{number:040d}"


def h(number: int) -> bytes:
    return bytes([number]) * 32


SELLER, BUYER, OTHER, TREASURY, TAX, REVIEWER, TOKEN = (account(number) for number in range(1, 8))
PLAN = plan_id(1, 0)
FREE = plan_id(1, 1)
LICENCE = PLAN << 32 | 1
CLASS = structs.Classification(
    structs.Importance.OTHER, structs.Sharing.SHARED, structs.Subject.ITEMS, structs.PersonalData.NONE
)
DRAFT = structs.PlanDraft(1000, 1, 3600, 2, 10, Right.TRANSFERABLE, 0, NOBODY, h(9))
CONTRACT_OF = {event: name for name, contract in CONTRACTS.items() for event in contract.events.values()}


def entries(events: Iterable[Event], block: int = 1, first: int = 0) -> list[tuple[Entry, int]]:
    """All in one block, at second 1000 + its number."""
    return [
        (
            Entry(
                EntryId(1, h(block), h(block), index, account(99)),
                block,
                0,
                CONTRACT_OF[type(event)],
                event,
                event.journal_args(),
            ),
            1000 + block,
        )
        for index, event in enumerate(events, first)
    ]


FOUNDED: list[Event] = [
    participants.AuthorityUpdated(account(90)),
    listings.AuthorityUpdated(account(90)),
    listings.RulePackSet(account(91), 1),
    exchange.AuthorityUpdated(account(90)),
    exchange.CurrencyAdded(0, NOBODY),
    exchange.TermsSet(250, 1000, 7200, 10800),
    exchange.RecipientsSet(TREASURY, TAX),
    exchange.CurrencyAdded(1, TOKEN),
    participants.Accredited(SELLER, Role.SELLER, b"VN", True, 9999, h(1)),
    participants.Accredited(BUYER, Role.SELLER | Role.BUYER, b"VN", False, 9999, h(2)),
]
LISTED: list[Event] = [
    listings.Transfer(NOBODY, SELLER, 1),
    listings.Listed(1, SELLER, b"VN", CLASS, Kind.CUSTODY | Kind.LEGAL, 1, bytes(32)),
    listings.VersionPublished(1, 1, h(3), h(4), h(5), 640, b"VN", 1001, 0, 0, account(92)),
    listings.MetadataUpdate(1),
    listings.PlanAdded(PLAN, 1, NOBODY, DRAFT),
    listings.PlanAdded(FREE, 1, OTHER, replace(DRAFT, price=0, duration=0, only_buyer=OTHER)),
    listings.MetadataUpdate(1),
    reviews.Attested(1, 1, REVIEWER, Kind.LEGAL, h(6), 0, 1001),
]
BOUGHT: list[Event] = [
    exchange.Purchased(LICENCE, BUYER, 1, 1, 1000, 250, 1000, 8201),
    licences.Transfer(NOBODY, BUYER, LICENCE),
    licences.TokenExpiryUpdated(LICENCE, 1001, 4601),
]
STORY = [*FOUNDED, *LISTED, *BOUGHT]


@pytest.fixture
def sold() -> State:
    """As of block 1, log 20: one licence is sold, its money in escrow."""
    return replay(entries(STORY))


def after(state: State, *events: Event) -> State:
    """The same, with more events in block 2."""
    return replay(entries(events, block=2), deepcopy(state))


# Every event


def test_every_event_of_the_bindings_is_projected_or_ignored_with_a_reason() -> None:
    """A new event fails here until it has a projection function, or a reason in IGNORED."""
    declared = set(CONTRACT_OF)
    named = {
        f"{CONTRACT_OF[event]}.{event.abi_name}" for event in declared - PROJECTIONS.keys() - IGNORED.keys()
    }
    assert not named, f"neither projected nor ignored: {sorted(named)}"
    assert PROJECTIONS.keys() | IGNORED.keys() == declared
    assert not PROJECTIONS.keys() & IGNORED.keys()
    assert all(IGNORED.values())


def test_no_event_that_is_journalled_is_ignored_as_unjournalled() -> None:
    for event, reason in IGNORED.items():
        assert (event in JOURNALLED) != ("without a journal" in reason) or "never" in reason
    assert {CONTRACT_OF[event] for event in JOURNALLED} == {
        *("Exchange", "Licences", "Listings", "LogAnchor", "Participants", "Reviews")
    }


def test_one_function_per_event() -> None:
    assert len({id(projection) for projection in PROJECTIONS.values()}) == len(PROJECTIONS)


def test_an_event_of_no_contract_is_refused() -> None:
    class Foreign(Event, frozen=True):
        topic0 = h(1)
        abi_name = "Foreign"
        abi_params = ()

    state = State()
    entry = replace(entries([licences.MetadataUpdate(1)])[0][0], event=Foreign())
    with pytest.raises(UnknownEvent, match=r"block 1, log 0, Licences\.Foreign: no projection"):
        apply(state, entry, 1001)
    assert state == State()


def test_replay_is_pure() -> None:
    """Importing it brings no network, no SQL and no web framework along."""
    program = (
        "import sys, ledger.indexer.replay; "
        "print(*({'web3', 'aiohttp', 'sqlalchemy', 'sqlmodel', 'fastapi'} & sys.modules.keys()))"
    )
    output = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert output.stdout.split() == []


# A sale


def test_before_and_after_the_sale(sold: State) -> None:
    assert sold.place == (1, 20)
    assert sold.block_time == 1001
    assert sold.authorities == dict.fromkeys(("Participants", "Listings", "Exchange"), account(90))
    assert sold.participants[SELLER] == structs.Participant(Role.SELLER, b"VN", True, 9999, 0)
    assert sold.credentials == {SELLER: h(1), BUYER: h(2)}
    assert sold.listings[1] == structs.Listing(
        CLASS, b"VN", 1, 2, 0, Kind.CUSTODY | Kind.LEGAL, 0, False, 0, 1, False
    )
    assert sold.versions[1, 1] == structs.Version(
        h(3), h(4), h(5), 640, b"VN", 1001, 0, Kind.CUSTODY | Kind.LEGAL, 0, False
    )
    assert sold.deposits == {h(5): (1, 1)}
    assert sold.attestations == {(1, 1, 1): structs.Attestation(REVIEWER, 1001, h(6))}
    assert sold.plans[PLAN] == structs.Plan(
        1000, 1, 3600, 2, 1, 10, Right.TRANSFERABLE, PlanStatus.OPEN, NOBODY, 0, h(9)
    )
    assert sold.plans[FREE].status == PlanStatus.RESERVED
    assert sold.licences[LICENCE] == structs.Licence(
        1, 1001, 4601, 0, 1, False, LicenceStatus.ACTIVE, OrderStatus.OPEN, 250, 1000, 8201
    )
    assert sold.licence_tokens.owners == {LICENCE: BUYER}
    assert (sold.treasury, sold.tax_authority) == (TREASURY, TAX)
    assert sold.terms == structs.Terms(250, 1000, 7200, 10800, False)
    assert sold.currencies == {0: structs.Money(NOBODY, False), 1: structs.Money(TOKEN, True)}
    assert sold.rule_pack == Pack(account(91), 1)
    assert sold.escrow == {1: 1000}
    assert sold.liabilities(1) == 1000
    assert sold.liabilities(0) == 0


def test_journals_fold_what_each_contract_emitted_ignored_events_included(sold: State) -> None:
    assert {name: found.length for name, found in sold.journals.items()} == {
        "Participants": 3,
        "Listings": 9,
        "Reviews": 1,
        "Exchange": 6,
        "Licences": 2,
    }
    head = EMPTY
    for event in STORY:
        if CONTRACT_OF[type(event)] == "Listings":
            head = fold(head, event.topic0, event.journal_args())
    assert sold.journals["Listings"].head == head
    unjournalled = after(
        sold, settlement_token.Transfer(BUYER, TOKEN, 5), access_manager.RoleLabel(1, "OPERATOR")
    )
    assert unjournalled.journals == sold.journals
    assert Journal() == Journal(0, EMPTY)


def test_confirmed_and_withdrawn(sold: State) -> None:
    settled = after(
        sold,
        exchange.Settled(LICENCE, BUYER),
        exchange.Allocated(LICENCE, TREASURY, Part.FEE, 1, 25, False),
        exchange.Allocated(LICENCE, TAX, Part.TAX, 1, 100, False),
        exchange.Allocated(LICENCE, SELLER, Part.SELLER, 1, 875, False),
        licences.OrderChanged(LICENCE, OrderStatus.SETTLED, 0),
        exchange.Withdrawn(SELLER, 1, 875),
    )
    assert settled.escrow == {1: 0}
    assert settled.owed == {(1, TREASURY): 25, (1, TAX): 100, (1, SELLER): 0}
    assert settled.liabilities(1) == 125
    order = settled.licences[LICENCE]
    assert (order.order, order.deadline, order.status) == (OrderStatus.SETTLED, 0, LicenceStatus.ACTIVE)


def test_R27_an_order_for_each_purchase_and_renewal(sold: State) -> None:
    [order] = sold.orders.values()
    assert (order.licence, order.buyer, order.price, order.currency) == (LICENCE, BUYER, 1000, 1)
    assert (order.renewal, order.time) == (False, 1001)
    paid = after(
        sold,
        licences.OrderChanged(LICENCE, OrderStatus.SETTLED, 0),
        exchange.Renewed(LICENCE, BUYER, 1, 1, 1000, 9000),
        exchange.PaymentUsed(h(8), OTHER, LICENCE, 1, 1000),
    )
    assert paid.orders[2, 1] == replace(order, renewal=True, time=paid.block_time)
    assert paid.payments == {h(8): Payment(LICENCE, OTHER, 1, 1000, paid.block_time)}


def test_R19_a_dispute_keeps_who_opened_and_who_decided_it(sold: State) -> None:
    opened = after(
        sold,
        exchange.Disputed(LICENCE, BUYER, 9000, h(7)),
        licences.OrderChanged(LICENCE, OrderStatus.DISPUTED, 9000),
    )
    dispute = opened.disputes[LICENCE]
    assert (dispute.buyer, dispute.deadline, dispute.reason, dispute.closed_at) == (BUYER, 9000, h(7), 0)
    with pytest.raises(ImpossibleEvent, match="its order is disputed"):
        replay(entries([exchange.Disputed(LICENCE, BUYER, 9000, h(7))], block=3), deepcopy(opened))
    decided = replay(
        entries([exchange.Resolved(LICENCE, OTHER, 400, h(6)), exchange.Settled(LICENCE, OTHER)], block=3),
        opened,
    )
    closed = decided.disputes[LICENCE]
    assert (closed.arbiter, closed.refund, closed.decision) == (OTHER, 400, h(6))
    assert closed.closed_at == decided.block_time > 0
    with pytest.raises(ImpossibleEvent, match="it is closed already"):
        replay(entries([exchange.Resolved(LICENCE, OTHER, 1, h(6))], block=4), decided)
    with pytest.raises(ImpossibleEvent, match=r"dispute of licence .* is unknown"):
        after(sold, exchange.Resolved(LICENCE, OTHER, 1, h(6)))


def test_disputed_and_refunded_after_revocation(sold: State) -> None:
    ended = after(
        sold,
        licences.LicenceRevoked(LICENCE, OTHER, h(7)),
        exchange.Disputed(LICENCE, BUYER, 9000, h(7)),
        licences.OrderChanged(LICENCE, OrderStatus.DISPUTED, 9000),
    )
    assert ended.licences[LICENCE].deadline == 9000
    assert ended.licences[LICENCE].status == LicenceStatus.REVOKED
    ended = replay(
        entries(
            [
                exchange.Refunded(LICENCE, OTHER, 1000),
                exchange.Allocated(LICENCE, BUYER, Part.REFUND, 1, 1000, False),
                licences.OrderChanged(LICENCE, OrderStatus.REFUNDED, 0),
            ],
            block=3,
        ),
        ended,
    )
    assert ended.licences[LICENCE].status == LicenceStatus.REFUNDED
    assert ended.owed == {(1, BUYER): 1000}


def test_R27_paid_at_a_bank_no_token_is_held(sold: State) -> None:
    second = LICENCE + 1
    bought = after(
        sold,
        exchange.Purchased(second, BUYER, 1, 1, 1000, 250, 1000, 8202),
        licences.Transfer(NOBODY, BUYER, second),
        licences.TokenExpiryUpdated(second, 1002, 4602),
        exchange.PaymentUsed(h(8), OTHER, second, 1, 1000),
        exchange.Allocated(second, BUYER, Part.REFUND, 1, 1000, True),
        licences.OrderChanged(second, OrderStatus.REFUNDED, 0),
    )
    assert bought.payments[h(8)].licence == second
    assert bought.licences[second].by_bank
    assert bought.escrow == sold.escrow
    assert bought.owed == {}
    assert bought.plans[PLAN].sold == 2
    assert bought.licence_tokens.balances == {BUYER: 2}


def test_free_is_settled_at_once(sold: State) -> None:
    free = FREE << 32 | 1
    taken = after(
        sold,
        exchange.Purchased(free, OTHER, 1, 1, 0, 250, 1000, 8202),
        licences.Transfer(NOBODY, OTHER, free),
        licences.TokenExpiryUpdated(free, 1002, NEVER),
    )
    assert taken.licences[free].order == OrderStatus.SETTLED
    assert taken.licences[free].expires_at == NEVER
    assert taken.liabilities(1) == sold.liabilities(1)


def test_renewed_upgraded_counted(sold: State) -> None:
    settled = after(
        sold,
        exchange.Allocated(LICENCE, SELLER, Part.SELLER, 1, 1000, False),
        licences.OrderChanged(LICENCE, OrderStatus.SETTLED, 0),
        licences.UsesCounted(LICENCE, OTHER, 3, 3),
        licences.VersionChanged(LICENCE, 2, 4),
    )
    upgraded = settled.licences[LICENCE]
    assert (upgraded.used, upgraded.version, upgraded.pack) == (3, 2, 4)

    def renewed(by_bank: bool) -> State:
        payment = [exchange.PaymentUsed(h(8), OTHER, LICENCE, 1, 1000)] if by_bank else []
        renewal: list[Event] = [
            exchange.Renewed(LICENCE, BUYER, 3, 5, 1000, 8201),
            licences.TokenExpiryUpdated(LICENCE, 1001, 8201),
            licences.MetadataUpdate(LICENCE),
            exchange.Allocated(LICENCE, SELLER, Part.SELLER, 1, 1000, by_bank),
            *payment,
        ]
        return replay(entries(renewal, block=3), deepcopy(settled))

    anew = replace(settled.licences[LICENCE], version=3, pack=5, expires_at=8201, used=0, by_bank=True)
    assert renewed(True).licences[LICENCE] == anew
    assert renewed(True).owed == {(1, SELLER): 1000}
    assert renewed(False).licences[LICENCE] == replace(anew, by_bank=False)
    assert renewed(False).owed == {(1, SELLER): 2000}
    assert renewed(False).escrow == {1: 0}
    cheaper = exchange.Renewed(LICENCE, BUYER, 3, 5, 999, 8201)
    with pytest.raises(ImpossibleEvent, match="its plan's price is 1000"):
        replay(entries([cheaper], block=3), settled)


def test_tokens_move(sold: State) -> None:
    moved = after(
        sold,
        licences.ApprovalForAll(BUYER, SELLER, True),
        licences.Approval(BUYER, OTHER, LICENCE),
        licences.Transfer(BUYER, OTHER, LICENCE),
        listings.Approval(SELLER, OTHER, 1),
        listings.ApprovalForAll(SELLER, BUYER, False),
    )
    tokens = moved.licence_tokens
    assert tokens.owners == {LICENCE: OTHER}
    assert tokens.balances == {BUYER: 0, OTHER: 1}
    assert tokens.approved == {LICENCE: NOBODY}
    assert tokens.operators == {(BUYER, SELLER): True}
    assert moved.listing_tokens.approved == {1: OTHER}
    assert moved.listing_tokens.operators == {(SELLER, BUYER): False}


def test_R04_a_new_classification_leaves_only_custody_standing(sold: State) -> None:
    again = after(
        sold,
        listings.Reclassified(1, SELLER, CLASS, 128, 1, 2, h(8), h(7)),
        reviews.Attested(1, 1, REVIEWER, Kind.QUALITY, h(6), 1, 1002),
    )
    assert (again.listings[1].required, again.listings[1].epoch, again.listings[1].pack) == (128, 1, 2)
    assert again.legal_bases == {1: h(8)}
    assert again.versions[1, 1].attestations == Kind.CUSTODY | Kind.QUALITY
    refused = replay(entries([reviews.Refused(1, 1, REVIEWER, Kind.QUALITY, h(6), 1)], block=3), again)
    assert refused.versions[1, 1].attestations == Kind.CUSTODY
    assert refused.versions[1, 1].epoch == 1
    assert len(refused.attestations) == 2  # on record, though it no longer stands


def test_R19_measures_and_their_end(sold: State) -> None:
    held = after(
        sold,
        participants.Suspended(OTHER, REVIEWER, 5000, h(7)),  # never accredited
        participants.Suspended(BUYER, REVIEWER, 5000, h(7)),
        participants.Accredited(BUYER, Role.BUYER, b"SG", False, 8888, h(3)),
        participants.Retired(SELLER, h(7)),
        listings.Frozen(1, REVIEWER, 6000, h(7)),
        listings.TransferApproved(1, BUYER, 7000, h(7)),
        listings.VersionWithdrawn(1, 1, SELLER, h(7)),
        listings.PlanClosed(PLAN, 1),
        listings.Delisted(1, h(7)),
        exchange.Halted(OTHER, h(7)),
        exchange.TermsSet(1, 2, 3, 4),
    )
    assert held.participants[OTHER] == structs.Participant(0, bytes(2), False, 0, 5000)
    assert held.participants[BUYER] == structs.Participant(Role.BUYER, b"SG", False, 8888, 5000)
    assert held.participants[SELLER] == replace(sold.participants[SELLER], roles=0)
    assert held.ever_held == {SELLER: Role.SELLER, BUYER: Role.SELLER | Role.BUYER}
    assert (held.listings[1].frozen_until, held.listings[1].delisted) == (6000, True)
    assert held.transfer_approvals == {(1, BUYER): 7000}
    assert held.versions[1, 1].withdrawn
    assert held.plans[PLAN].status == PlanStatus.CLOSED
    assert held.terms == structs.Terms(1, 2, 3, 4, True)
    free = replay(
        entries(
            [
                participants.Reinstated(BUYER, OTHER, h(7)),
                listings.Unfrozen(1, OTHER, h(7)),
                exchange.Resumed(OTHER),
                exchange.CurrencyActivated(1, False),
                settlement_token.AuthorityUpdated(OTHER),
            ],
            block=3,
        ),
        held,
    )
    assert free.participants[BUYER].suspended_until == 0
    assert free.listings[1].frozen_until == 0
    assert not free.terms.halted
    assert free.currencies[1] == structs.Money(TOKEN, False)
    assert free.authorities["SettlementToken"] == OTHER


def test_R06_upstreams_in_the_order_named(sold: State) -> None:
    derived = after(
        sold,
        listings.Transfer(NOBODY, BUYER, 2),
        listings.Listed(2, BUYER, b"VN", CLASS, 9, 1, bytes(32)),
        listings.UpstreamNamed(2, LICENCE, 500),
    )
    assert derived.upstreams == {2: (structs.Upstream(LICENCE, 500),)}
    assert derived.listings[2].upstreams == 1


def test_a_listing_and_a_version_as_they_are_published(sold: State) -> None:
    first = LISTED[2]
    assert isinstance(first, listings.VersionPublished)
    token = listings.Transfer(NOBODY, BUYER, 2)
    listed = listings.Listed(2, BUYER, b"SG", CLASS, 9, 3, h(8))
    more = after(sold, token, listed, replace(first, listing=2, deposit_id=h(7), epoch=4, stale_at=2000))
    assert more.legal_bases == {1: bytes(32), 2: h(8)}
    assert (more.listings[2].home, more.listings[2].pack) == (b"SG", 3)
    assert (more.versions[2, 1].epoch, more.versions[2, 1].stale_at) == (4, 2000)
    with pytest.raises(ImpossibleEvent, match="the next listing is 2"):
        after(sold, replace(token, token_id=3), replace(listed, listing=3))


def test_R19_a_revocation_is_lifted(sold: State) -> None:
    revoked = after(sold, licences.LicenceRevoked(LICENCE, OTHER, h(7)))
    assert revoked.licences[LICENCE].status == LicenceStatus.REVOKED
    lifted = replay(entries([licences.LicenceReinstated(LICENCE, OTHER, h(7))], block=3), revoked)
    assert lifted.licences == sold.licences


def test_every_custodian_has_a_log_of_its_own(sold: State) -> None:
    anchored = after(
        sold,
        log_anchor.Anchored(OTHER, 0, 5, h(1), 1002),
        log_anchor.Anchored(REVIEWER, 0, 9, h(3), 1002),
        log_anchor.Anchored(OTHER, 1, 6, h(2), 1002),
    )
    assert anchored.anchored == {OTHER: 2, REVIEWER: 1}
    assert anchored.log(OTHER) == [structs.Checkpoint(5, 1002, h(1)), structs.Checkpoint(6, 1002, h(2))]
    assert anchored.log(REVIEWER) == [structs.Checkpoint(9, 1002, h(3))]


def test_R04_what_a_supervisor_classifies_is_imposed(sold: State) -> None:
    own = after(sold, listings.Reclassified(1, SELLER, CLASS, 9, 1, 1, h(1), h(1)))
    assert not own.listings[1].imposed
    imposed = after(sold, listings.Reclassified(1, OTHER, CLASS, 9, 1, 1, h(1), h(1)))
    assert imposed.listings[1].imposed
    raised = listings.Reclassified(1, SELLER, CLASS, 9, 2, 1, h(1), h(1))
    assert replay(entries([raised], block=3), imposed).listings[1].imposed


# What cannot have happened


def impossible() -> list[Event]:
    purchase = BOUGHT[0]
    assert isinstance(purchase, exchange.Purchased)
    second = replace(purchase, licence=LICENCE + 1)
    published = LISTED[2]
    assert isinstance(published, listings.VersionPublished)
    return [
        participants.Reinstated(OTHER, BUYER, h(1)),
        listings.Listed(3, SELLER, b"VN", CLASS, 9, 1, bytes(32)),
        listings.Listed(2, SELLER, b"VN", CLASS, 9, 1, bytes(32)),  # without its token
        replace(published, version=3, deposit_id=h(8)),
        listings.UpstreamNamed(1, LICENCE + 1, 500),
        listings.UpstreamNamed(2, LICENCE, 500),
        replace(published, version=3),
        replace(published, version=2),  # of the same deposit
        listings.VersionWithdrawn(1, 2, SELLER, h(1)),
        listings.PlanAdded(plan_id(1, 3), 1, NOBODY, DRAFT),
        listings.PlanAdded(plan_id(1, 2), 1, NOBODY, replace(DRAFT, currency=7)),
        listings.PlanClosed(plan_id(1, 2), 1),
        listings.Reclassified(1, SELLER, CLASS, 9, 2, 1, h(1), h(1)),
        listings.Delisted(2, h(1)),
        listings.Frozen(2, SELLER, 5, h(1)),
        listings.Unfrozen(2, SELLER, h(1)),
        listings.TransferApproved(2, SELLER, 5, h(1)),
        listings.RulePackSet(OTHER, 1),
        listings.Transfer(BUYER, OTHER, 1),
        listings.Approval(BUYER, OTHER, 1),
        licences.Transfer(NOBODY, OTHER, LICENCE),
        licences.Transfer(NOBODY, OTHER, LICENCE + 1),
        licences.Approval(SELLER, OTHER, LICENCE),
        reviews.Attested(1, 2, REVIEWER, Kind.LEGAL, h(1), 0, 1002),
        reviews.Attested(1, 1, REVIEWER, Kind.LEGAL, h(1), 1, 1002),
        reviews.Refused(1, 1, REVIEWER, Kind.LEGAL, h(1), 1),
        licences.TokenExpiryUpdated(LICENCE + 1, 1, 2),
        licences.OrderChanged(LICENCE + 1, OrderStatus.SETTLED, 0),
        licences.VersionChanged(LICENCE, 1, 1),
        licences.LicenceReinstated(LICENCE, OTHER, h(1)),
        licences.LicenceRevoked(LICENCE + 1, OTHER, h(1)),
        licences.UsesCounted(LICENCE, OTHER, 2, 3),
        purchase,
        replace(second, licence=LICENCE + 2),
        replace(second, licence=plan_id(1, 7) << 32 | 1),
        replace(second, price=999),
        exchange.Renewed(LICENCE, BUYER, 1, 1, 1000, 8201),  # its order is open
        exchange.Renewed(LICENCE + 1, BUYER, 1, 1, 1000, 8201),
        exchange.Allocated(LICENCE, SELLER, Part.SELLER, 1, 1001, False),
        exchange.Allocated(LICENCE, SELLER, Part.SELLER, 0, 1, False),
        exchange.Allocated(LICENCE + 1, SELLER, Part.SELLER, 1, 1, False),
        exchange.Withdrawn(SELLER, 1, 5),
        exchange.CurrencyAdded(3, TOKEN),
        exchange.CurrencyActivated(2, True),
        exchange.PaymentUsed(h(8), OTHER, LICENCE + 1, 1, 1000),
        exchange.PaymentUsed(h(8), OTHER, LICENCE, 1, 999),
        exchange.PaymentUsed(h(8), OTHER, LICENCE, 0, 1000),
        log_anchor.Anchored(OTHER, 1, 5, h(1), 1002),
    ]


@pytest.mark.parametrize("event", impossible(), ids=lambda event: event.abi_name)
def test_threat_S14_impossible_events_are_refused_and_change_nothing(sold: State, event: Event) -> None:
    before = deepcopy(sold)
    with pytest.raises(ImpossibleEvent, match=r"^block 2, log 0, \w+\.\w+: "):
        replay(entries([event], block=2), sold)
    assert sold == before


@pytest.mark.parametrize(
    "twice",
    [
        listings.VersionWithdrawn(1, 1, SELLER, h(7)),
        listings.PlanClosed(PLAN, 1),
        listings.Delisted(1, h(7)),
        licences.LicenceRevoked(LICENCE, OTHER, h(7)),
        licences.OrderChanged(LICENCE, OrderStatus.SETTLED, 0),
    ],
    ids=lambda event: event.abi_name,
)
def test_what_happens_once_cannot_happen_twice(sold: State, twice: Event) -> None:
    once = after(sold, twice)
    with pytest.raises(ImpossibleEvent):
        replay(entries([twice], block=3), once)


def test_R27_a_payment_reference_is_used_once(sold: State) -> None:
    second = exchange.Purchased(LICENCE + 1, BUYER, 1, 1, 1000, 250, 1000, 8202)
    payment = exchange.PaymentUsed(h(8), OTHER, LICENCE + 1, 1, 1000)
    paid = after(sold, second, payment, licences.OrderChanged(LICENCE, OrderStatus.SETTLED, 0))
    renewal = exchange.Renewed(LICENCE, BUYER, 1, 1, 1000, 8201)
    with pytest.raises(ImpossibleEvent, match="its payment was used before"):
        replay(entries([renewal, replace(payment, licence=LICENCE)], block=3), paid)


def test_no_sale_beyond_the_cap_or_from_a_closed_plan(sold: State) -> None:
    third = exchange.Purchased(LICENCE + 2, BUYER, 1, 1, 1000, 250, 1000, 8202)
    full = after(sold, replace(third, licence=LICENCE + 1))
    with pytest.raises(ImpossibleEvent, match="of 2 licences 2 are sold"):
        replay(entries([third], block=3), full)
    with pytest.raises(ImpossibleEvent, match="its plan is closed"):
        after(sold, listings.PlanClosed(PLAN, 1), replace(third, licence=LICENCE + 1))


def test_entries_come_in_order(sold: State) -> None:
    before = deepcopy(sold)
    harmless = exchange.Resumed(OTHER)
    for block, index in ((1, 20), (1, 19), (0, 30)):
        with pytest.raises(OutOfOrder, match="comes after block 1, log 20"):
            replay(entries([harmless], block, index), sold)
    entry = entries([harmless], 1, 21)[0][0]
    for time in (1000, 1002):  # of one block all have one time
        with pytest.raises(OutOfOrder):
            apply(sold, entry, time)
    with pytest.raises(OutOfOrder):  # time does not run back
        apply(sold, replace(entry, block_number=2), 1000)
    assert sold == before
    apply(sold, entry, 1001)
    assert sold.place == (1, 21)
    apply(sold, replace(entry, block_number=2), 1001)  # blocks within one second
    assert sold.place == (2, 21)
