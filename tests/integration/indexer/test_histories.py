"""Random histories on a real chain: what replaying the events makes is what the contracts hold, all of it.

SOCAI_HISTORIES=n runs n histories from new seeds; SOCAI_ACTS is how many acts each has at least.
Failures name their seed.
"""

import os
import secrets
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import pytest
import pytest_asyncio
from eth_utils.address import to_checksum_address
from msgspec.structs import replace

from ledger.chain import bindings
from ledger.chain.abi import Call, Event
from ledger.chain.bindings import CONTRACTS, structs
from ledger.chain.devnet import Devnet, dev_accounts
from ledger.chain.events import Entry
from ledger.chain.rpc import Rpc, at_block, from_hex, to_hex
from ledger.domain.ids import plan_of
from ledger.domain.market import Kind
from ledger.indexer.projections import IGNORED, PROJECTIONS
from ledger.indexer.replay import JOURNALLED, ReplayError, replay
from ledger.indexer.state import NOBODY, UNKNOWN, State, Tokens
from ledger.proofs.journal import JournalMismatch, Link, fold_all, heads, verify
from tests.integration.indexer import storage
from tests.integration.indexer.market import Market, found, saying

SEEDS = [secrets.randbits(32) for _ in range(int(os.environ.get("SOCAI_HISTORIES", "0")))] or [1, 2]
ACTS = int(os.environ.get("SOCAI_ACTS", "250"))
JOURNALS = sorted(name for name, contract in CONTRACTS.items() if hasattr(contract, "journal_head"))
NEVER = {event for event, why in IGNORED.items() if "never" in why}

NOT_BY_ACCOUNTS = {
    *("Listings.sell", "Listings.review", "Licences.issue", "Licences.setOrder", "Licences.renew"),
    *(f"{name}.setAuthority" for name in ("Participants", "Listings", "Exchange")),  # through the manager
}

pytestmark = pytest.mark.asyncio(loop_scope="module")


@dataclass(frozen=True, slots=True)
class History:
    market: Market
    rpc: Rpc

    @property
    def state(self) -> State:
        return self.market.state

    def links(self, contract: str) -> list[Link]:
        return [
            Link(entry.event.topic0, entry.event.journal_args())
            for entry, _ in self.market.entries
            if entry.contract == contract
        ]

    async def ask(self, calls: Sequence[Call[Any]]) -> list[Any]:
        """What views answer at the last block."""
        at, answers = at_block(self.market.head), []
        for first in range(0, len(calls), 200):
            some = calls[first : first + 200]
            batch = [("eth_call", [{"to": call.to, "data": to_hex(call.data)}, at]) for call in some]
            for call, result in zip(some, await self.rpc.batch(batch), strict=True):
                answers.append(call.decode_output(from_hex(result)))
        return answers

    async def check(self, claims: Iterable[tuple[Call[Any], Any]]) -> int:
        """Each view answers what is claimed; how many there were."""
        listed = list(claims)
        answers = await self.ask([call for call, _ in listed])
        wrong = [
            (call.function, claim, answer)
            for (call, claim), answer in zip(listed, answers, strict=True)
            if claim != answer
        ]
        assert not wrong, wrong[:5]
        return len(listed)


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=SEEDS, ids=lambda seed: f"seed {seed}")
async def history(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[History]:
    folder: Path = tmp_path_factory.mktemp("history")
    async with Devnet(port=18710, history=None) as chain, Rpc(chain.url, timeout=60) as rpc:
        market = await found(rpc, request.param, folder)
        await market.run(ACTS)
        print(  # noqa: T201
            f"seed {request.param}: {sum(market.done.values())} acts, {sum(market.reverted.values())} "
            f"reverted, {len(market.entries)} entries"
        )
        yield History(market, rpc)


async def test_every_act_event_and_function_happened(history: History) -> None:
    assert history.market.missing() == {}
    happened = {type(entry.event) for entry, _ in history.market.entries}
    assert PROJECTIONS.keys() - happened == set()
    assert (JOURNALLED - NEVER) - happened == set()
    assert happened & NEVER == set()
    assert functions() - NOT_BY_ACCOUNTS == {
        f for f in history.market.functions if f.split(".")[0] in JOURNALS
    }


def functions() -> set[str]:
    """Those that change something, of the contracts that have a journal."""
    return {
        f"{name}.{entry['name']}"
        for name in JOURNALS
        for entry in CONTRACTS[name].artifact().abi
        if entry["type"] == "function" and entry["stateMutability"] not in ("view", "pure")
    }


async def test_journal_heads(history: History) -> None:
    asked = [CONTRACTS[name](history.market.at(name)).journal_head() for name in JOURNALS]  # type: ignore[attr-defined]
    answers = dict(zip(JOURNALS, await history.ask(asked), strict=True))
    assert {name: found.head for name, found in history.state.journals.items()} == answers
    for name in JOURNALS:
        assert verify(history.links(name), answers[name]) == history.state.journals[name].length > 1


async def test_storage_is_what_the_state_says_and_nothing_else(history: History) -> None:
    """Here at the end; `Market.run` has compared it on the way, before later acts wrote over it."""
    assert sorted(storage.expected(history.state)) == JOURNALS
    await storage.compare(history.rpc, history.market.manifest, history.state)


async def test_participants(history: History) -> None:
    state, contract = history.state, history.market.participants
    for account in accounts(state):
        await history.check(
            [
                (contract.participant(account), state.participants.get(account, UNKNOWN)),
                (contract.credential_of(account), state.credentials.get(account, bytes(32))),
            ]
        )
    await history.check([(contract.authority(), state.authorities["Participants"])])


async def test_listings(history: History) -> None:
    state, contract = history.state, history.market.listings
    market = history.market
    await history.check(
        [
            (contract.authority(), state.authorities["Listings"]),
            (contract.rule_pack(), (state.rule_pack.address, state.rule_pack.version)),
            *((contract.listing(n), listing) for n, listing in state.listings.items()),
            *((contract.legal_basis(n), basis) for n, basis in state.legal_bases.items()),
            *((contract.upstreams(n), state.upstreams.get(n, ())) for n in state.listings),
            *((contract.version(*key), version) for key, version in state.versions.items()),
            *((contract.attestations(*key), market.standing(*key)) for key in state.versions),
            *((contract.plan(n), plan) for n, plan in state.plans.items()),
            *((contract.deposit_used(deposit), True) for deposit in state.deposits),
            (contract.deposit_used(b"\1" * 32), False),
            *(
                (contract.transfer_approval(n, account), state.transfer_approvals.get((n, account), 0))
                for n in state.listings
                for account in accounts(state)
            ),
            *register(state, state.listing_tokens, contract),
        ]
    )
    assert {versions for versions, _ in state.versions} == state.listings.keys()


async def test_reviews(history: History) -> None:
    state, contract = history.state, history.market.reviews
    none = structs.Attestation(NOBODY, 0, bytes(32))
    await history.check(
        (contract.attestation(*key, kind.value), state.attestations.get((*key, kind.value), none))
        for key in state.versions
        for kind in Kind
    )
    assert any(row.time for row in state.attestations.values())


async def test_licences(history: History) -> None:
    state, contract = history.state, history.market.licences
    await history.check(
        [
            *((contract.licence(n), licence) for n, licence in state.licences.items()),
            *((contract.start_time(n), licence.issued_at) for n, licence in state.licences.items()),
            *((contract.end_time(n), licence.expires_at) for n, licence in state.licences.items()),
            *register(state, state.licence_tokens, contract),
        ]
    )
    assert state.licences.keys() == state.licence_tokens.owners.keys()


async def test_exchange(history: History) -> None:
    state, contract = history.state, history.market.exchange
    await history.check(
        [
            (contract.authority(), state.authorities["Exchange"]),
            (contract.terms(), state.terms),
            (contract.treasury(), state.treasury),
            (contract.tax_authority(), state.tax_authority),
            (contract.currencies(), len(state.currencies)),
            *((contract.money(n), money) for n, money in state.currencies.items()),
            *(
                (contract.owed(n, account), state.owed.get((n, account), 0))
                for n in state.currencies
                for account in accounts(state)
            ),
            *((contract.payment_used(reference), True) for reference in state.payments),
            (contract.payment_used(b"\1" * 32), False),
            (
                bindings.SettlementToken(history.market.tokens[0]).authority(),
                state.authorities["SettlementToken"],
            ),
        ]
    )


async def test_escrow_and_what_is_owed_are_all_the_exchange_holds(history: History) -> None:
    state = history.state
    running = (structs.OrderStatus.OPEN, structs.OrderStatus.DISPUTED)
    for currency in state.currencies:
        open_orders = sum(
            state.plans[plan_of(n)].price
            for n, licence in state.licences.items()
            if licence.order in running
            and not licence.by_bank
            and state.plans[plan_of(n)].currency == currency
        )
        assert state.escrow.get(currency, 0) == open_orders
    assert sum(state.escrow.values()) > 0
    for token in history.market.tokens:
        of = bindings.SettlementToken(token).balance_of(history.market.at("Exchange"))
        listed = [n for n, money in state.currencies.items() if money.token == token]
        assert await history.ask([of]) == [sum(state.liabilities(n) for n in listed)]


async def test_anchor(history: History) -> None:
    state, contract = history.state, history.market.anchor
    assert state.checkpoints
    for custodian, log in ((custodian, state.log(custodian)) for custodian in state.anchored):
        await history.check(
            [
                (contract.count(custodian), len(log)),
                (contract.latest(custodian), log[-1]),
                *((contract.checkpoint(custodian, n), checkpoint) for n, checkpoint in enumerate(log)),
            ]
        )


def accounts(state: State) -> list[str]:
    known = {account.address for account in dev_accounts().values()} | state.participants.keys()
    return sorted(known | {account for _, account in state.owed} | {to_checksum_address(b"\7" * 20)})


def register(
    state: State, tokens: Tokens, contract: bindings.Listings | bindings.Licences
) -> Iterable[tuple[Call[Any], Any]]:
    for token, owner in tokens.owners.items():
        yield contract.owner_of(token), owner
        yield contract.holder_of(token), owner
        yield contract.get_approved(token), tokens.approved.get(token, NOBODY)
    for account in accounts(state):
        yield contract.balance_of(account), tokens.balances.get(account, 0)
        for operator in accounts(state):
            yield (
                contract.is_approved_for_all(account, operator),
                tokens.operators.get((account, operator), False),
            )


async def test_replayed_at_once_or_bit_by_bit_is_the_same(history: History) -> None:
    entries = history.market.entries
    assert replay(entries) == history.state
    half = len(entries) // 2
    assert replay(entries[half:], replay(entries[:half])) == history.state
    assert replay(entries[:half]) != history.state


async def test_threat_S04_one_entry_spoilt_changes_the_fold(history: History) -> None:
    """Removed, altered, swapped, truncated or put in: the head is another, and verification names it."""
    random = Random(1)  # noqa: S311
    for name in JOURNALS:
        links = history.links(name)
        running = list(heads(links))
        for at in sorted(random.sample(range(len(links)), min(5, len(links)))):
            for spoilt in spoilt_links(links, at, random):
                if spoilt == links:
                    continue  # two equal entries were swapped
                assert fold_all(spoilt[at:], running[at - 1] if at else bytes(32)) != running[-1]
                with pytest.raises(JournalMismatch):
                    verify(spoilt, running[-1])


def spoilt_links(links: list[Link], at: int, random: Random) -> Iterable[list[Link]]:
    before, link, after = links[:at], links[at], links[at + 1 :]
    other = random.choice(links)
    yield [*before, *after]
    yield before
    yield [*before, link, *links[at:]]
    yield [*before, other, *links[at:]]
    yield [*before, link._replace(args=altered(link.args, random)), *after]
    yield [*before, link._replace(topic0=altered(link.topic0, random)), *after]
    yield [*before, link._replace(args=link.args[:-32]), *after]
    if after:
        yield [*before, after[0], link, *after[1:]]


def altered(data: bytes, random: Random) -> bytes:
    changed = bytearray(data)
    changed[random.randrange(len(changed))] ^= 1 << random.randrange(8)
    return bytes(changed)


async def test_threat_S14_an_entry_left_out_doubled_or_altered_is_seen(history: History) -> None:
    """By replay itself, or by the journal heads it ends with."""
    entries, heads_of = history.market.entries, history.state.journals
    random = Random(2)  # noqa: S311
    journalled = [n for n, (entry, _) in enumerate(entries) if type(entry.event) in JOURNALLED]
    raised = 0
    for at in random.sample(journalled, 5):
        entry, time = entries[at]
        for spoilt in (
            [*entries[:at], *entries[at + 1 :]],
            [*entries[:at], *entries[at:][::-1]],
            [*entries[:at], entries[at], *entries[at:]],
            [*entries[:at], (saying(entry, other_event(entry, random)), time), *entries[at + 1 :]],
        ):
            if spoilt == entries:
                continue
            try:
                assert replay(spoilt).journals != heads_of
            except ReplayError:
                raised += 1
    assert raised >= 5


def other_event(entry: Entry, random: Random) -> Event:
    """The event with one of its plain values changed."""
    event: Any = entry.event
    plain = [param for param in event.abi_params if isinstance(param.spec, str)]
    name = random.choice(plain).name
    value = getattr(event, name)
    if isinstance(value, bool):
        changed: Any = not value
    elif isinstance(value, int):
        changed = value ^ 1
    elif isinstance(value, bytes):
        changed = altered(value, random)
    else:
        changed = to_checksum_address(altered(bytes.fromhex(value[2:]), random))
    spoilt: Event = replace(event, **{name: changed})
    return spoilt
