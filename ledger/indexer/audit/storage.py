"""What the contracts' storage must hold if the events were understood: variables, by contract and path."""

from collections.abc import Iterator
from typing import Any, TypeAlias

from ledger.chain.bindings.structs import Classification
from ledger.indexer.state import State, Tokens

Path: TypeAlias = tuple[int | bytes | str, ...]


def expected(state: State) -> Iterator[tuple[str, Path, int]]:
    """Contract, path as `Layout.place` takes it, and the value there."""
    for account, held in state.participants.items():
        yield from _record("Participants", ("_participants", _bytes(account)), held)
        yield "Participants", ("_everHeld", _bytes(account)), state.ever_held.get(account, 0)
        yield (
            "Participants",
            ("credentialOf", _bytes(account)),
            _word(state.credentials.get(account, bytes(32))),
        )
    yield "Listings", ("_pack", "rules"), _word(state.rule_pack.address)
    yield "Listings", ("_pack", "version"), state.rule_pack.version
    yield "Listings", ("_pack", "listings"), len(state.listings)
    yield from _tokens("Listings", state.listing_tokens)
    for number, listing in state.listings.items():
        yield from _record("Listings", ("_listings", number), listing)
        yield "Listings", ("legalBasis", number), _word(state.legal_bases[number])
        for index, upstream in enumerate(state.upstreams.get(number, ())):
            yield from _record("Listings", ("_upstreams", number, index), upstream)
    for (number, count), version in state.versions.items():
        yield from _record("Listings", ("_versions", number, count), version)
    for number, plan in state.plans.items():
        yield from _record("Listings", ("_plans", number), plan)
    for (number, account), until in state.transfer_approvals.items():
        yield "Listings", ("transferApproval", number, _bytes(account)), until
    for key, attestation in state.attestations.items():
        yield from _record("Reviews", ("_attestations", *key), attestation)
    yield from _tokens("Licences", state.licence_tokens)
    for number, licence in state.licences.items():
        yield from _record("Licences", ("_licences", number), licence)
    yield from _record("Exchange", ("_terms",), state.terms)
    yield "Exchange", ("treasury",), _word(state.treasury)
    yield "Exchange", ("taxAuthority",), _word(state.tax_authority)
    yield "Exchange", ("currencies",), len(state.currencies)
    for number, money in state.currencies.items():
        yield from _record("Exchange", ("_money", number), money)
    for (number, account), amount in state.owed.items():
        yield "Exchange", ("owed", number, _bytes(account)), amount
    for reference in state.payments:
        yield "Exchange", ("paymentUsed", reference), 1
    for (account, index), checkpoint in state.checkpoints.items():
        yield from _record("LogAnchor", ("_checkpoints", _bytes(account), index), checkpoint)
    for account, count in state.anchored.items():
        yield "LogAnchor", ("_checkpoints", _bytes(account)), count


def _tokens(contract: str, tokens: Tokens) -> Iterator[tuple[str, Path, int]]:
    for number, owner in tokens.owners.items():
        yield contract, ("_owners", number), _word(owner)
    for account, balance in tokens.balances.items():
        yield contract, ("_balances", _bytes(account)), balance


def _record(contract: str, path: Path, held: Any) -> Iterator[tuple[str, Path, int]]:
    for told in held.__struct_fields__:
        value, name = getattr(held, told), _camel(told)
        if isinstance(value, Classification):
            yield from _record(contract, (*path, name), value)
        else:
            yield contract, (*path, name), _word(value)


def _camel(name: str) -> str:
    first, *others = name.strip("_").split("_")
    return first + "".join(word.capitalize() for word in others)


def _word(value: Any) -> int:
    if isinstance(value, str):
        return int(value, 16)
    return int.from_bytes(value) if isinstance(value, bytes) else int(value)


def _bytes(account: str) -> bytes:
    return bytes.fromhex(account[2:])
