"""Certificates of everything a busy market holds, on real anvil; and every way to spoil one."""

import json
import re
import timeit
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from importlib.resources import files
from itertools import pairwise
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
import pytest_asyncio
import rlp as other_rlp
from coincurve import PrivateKey
from eth_account import Account
from eth_account.messages import encode_typed_data
from eth_typing import Hash32
from trie import HexaryTrie

from ledger.chain.bindings import structs
from ledger.chain.capture import capture
from ledger.chain.devnet import Devnet, dev_accounts
from ledger.chain.rpc import Rpc, from_hex
from ledger.chain.trust import trust_file
from ledger.domain.signature import ORDER
from ledger.proofs import account as accounts
from ledger.proofs import claims, evidence, header, presentation, receipts, seals, trust
from ledger.proofs.claims import NothingToCertify, UnknownClaim
from ledger.proofs.error import ProofError
from ledger.proofs.evidence import (
    BadBundle,
    Bundle,
    ClaimMismatch,
    FromTheFuture,
    ProofMissing,
    ProofSurplus,
    Proven,
    TooOld,
    WrongChain,
    WrongCode,
    verify,
)
from ledger.proofs.journal import Link
from ledger.proofs.keccak import keccak
from ledger.proofs.presentation import BadPresentation, Challenge, NotTheHolder, OtherChallenge, Stale
from ledger.proofs.seals import ExtraData, OtherValidators, SealError, TooFewSeals
from ledger.proofs.trust import Development, Qbft, Trust, UnknownValidators
from tests.e2e.conftest import free_port
from tests.integration.indexer.market import Market, found

ACTS = 120
pytestmark = pytest.mark.asyncio(loop_scope="module")


def _address(key: PrivateKey) -> bytes:
    return keccak(key.public_key.format(compressed=False)[1:])[12:]


KEYS = sorted((PrivateKey(bytes([n]) * 32) for n in range(1, 5)), key=_address)
VALIDATORS = tuple(map(_address, KEYS))
QBFT = Qbft(((0, frozenset(VALIDATORS)),), True)


@dataclass(frozen=True, slots=True)
class Exchange:
    rpc: Rpc
    market: Market
    trust: Trust
    now: int

    async def certify(self, subject: Any, **options: Any) -> bytes:
        since = self.market.manifest.block
        return await capture(self.rpc, self.trust, subject, self.market.head, since=since, **options)

    def check(self, data: bytes, now: float | None = None, **changes: Any) -> Proven:
        return verify(data, replace(self.trust, **changes), self.now if now is None else now)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def exchange(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Exchange]:
    folder: Path = tmp_path_factory.mktemp("market")
    async with Devnet(port=free_port(), history=None) as devnet, Rpc(devnet.url, timeout=60) as rpc:
        market = await found(rpc, 4, folder)
        await market.run(ACTS)
        believed = trust.read(trust_file(market.manifest, Development(), None))
        head = await rpc.request("eth_getBlockByHash", ["0x" + market.head.hex(), False])
        yield Exchange(rpc, market, believed, int(head["timestamp"], 16))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def certificate(exchange: Exchange) -> bytes:
    """Of a licence whose payment is settled."""
    settled = [
        number
        for number, held in exchange.market.state.licences.items()
        if held.order == structs.OrderStatus.SETTLED
    ]
    return await exchange.certify({"type": "licence", "licence": str(settled[0])})


async def test_R18_every_licence(exchange: Exchange) -> None:
    state = exchange.market.state
    seen = set()
    for number, held in state.licences.items():
        proven = exchange.check(await exchange.certify({"type": "licence", "licence": str(number)}))
        claim, plan = proven.claim, state.plans[number >> 32]
        assert claim["licence"] == str(number)
        assert claim["holder"] == state.licence_tokens.owners[number].lower()
        expired = held.status == structs.LicenceStatus.ACTIVE and held.expires_at <= exchange.now
        assert claim["status"] == ("expired" if expired else held.status.name.lower())
        assert claim["order"] == held.order.name.lower()
        assert claim["plan"]["price"] == str(plan.price)
        assert claim["plan"]["terms"] == "0x" + plan.terms.hex()
        assert claim["purchase"]["price"] == str(plan.price)
        assert claim["rule_pack"] == held.pack
        assert claim["version"]["number"] == held.version
        assert claim["version"]["root"] == "0x" + state.versions[number >> 48, held.version].root.hex()
        assert claim["journals"]["Exchange"] == "0x" + state.journals["Exchange"].head.hex()
        assert proven.block.hash == exchange.market.head
        assert "development" in proven.anchor
        seen.add((claim["status"], claim["order"]))
    assert len(seen) > 3


async def test_every_listing_version(exchange: Exchange) -> None:
    state = exchange.market.state
    for (number, version), held in state.versions.items():
        subject = {"type": "listing", "listing": str(number), "version": {"number": version}}
        claim = exchange.check(await exchange.certify(subject)).claim
        listing = state.listings[number]
        assert claim["version"]["root"] == "0x" + held.root.hex()
        assert claim["version"]["attested"] == claims._kinds(exchange.market.standing(number, version))
        assert claim["version"]["withdrawn"] == held.withdrawn
        assert claim["state"]["home"] == listing.home.decode()
        assert claim["state"]["importance"] == listing.class_.importance.name.lower()
        assert claim["state"]["personal_data"] == listing.class_.personal.name.lower()
        assert claim["state"]["seller"] == state.listing_tokens.owners[number].lower()
    assert len(state.versions) > 3


async def test_R26_every_payment_adds_up(exchange: Exchange) -> None:
    parts = set()
    for number in exchange.market.state.licences:
        claim = exchange.check(await exchange.certify({"type": "payment", "licence": str(number)})).claim
        for part in (claim["settlement"] or {"parts": []})["parts"]:
            parts.add(part["part"])
    assert {"fee", "tax", "seller", "refund"} <= parts


async def test_R03_every_journal_whole_and_in_part(exchange: Exchange) -> None:
    state = exchange.market.state
    middle = await exchange.rpc.request("eth_getBlockByNumber", [hex(state.place[0] - 20), False])
    for name in exchange.trust.contracts:
        data = await exchange.certify({"type": "journal", "contract": name})
        assert exchange.check(data).claim["entries"] == state.journals[name].length
        part = await exchange.certify({"type": "journal", "contract": name}, after=from_hex(middle["hash"]))
        claim = exchange.check(part).claim
        assert claim["after"]["hash"] == middle["hash"]
        assert claim["entries"] <= state.journals[name].length
        bundle = evidence.decode(data)
        for entries in (bundle.entries[1:], bundle.entries[:-1], bundle.entries[::-1]):
            if entries != bundle.entries:
                with pytest.raises(ProofError):
                    exchange.check(replace(bundle, entries=entries).encode())


def resealed(data: bytes, signers: Sequence[PrivateKey], *, blocks: Sequence[int] | None = None) -> bytes:
    """The bundle as a QBFT network would have made it: its headers (or those of `blocks`) with seals."""
    bundle = evidence.decode(data)

    def sealed(encoded: bytes) -> bytes:
        plain = header.decode(encoded)
        if blocks is not None and plain.number not in blocks:
            return encoded
        extra = ExtraData(bytes(32), VALIDATORS, None, 0, ())
        bare = replace(plain, extra_data=extra.encode(), mix_hash=seals.MIX_HASH, nonce=bytes(8))
        bare = replace(bare, difficulty=1, beneficiary=VALIDATORS[0])
        digest = seals.seal_digest(bare)
        made = tuple(key.sign_recoverable(digest, hasher=None) for key in signers)
        return replace(bare, extra_data=replace(extra, seals=made).encode()).encode()

    states = tuple(replace(state, header=sealed(state.header)) for state in bundle.states)
    proofs = tuple(replace(proof, header=sealed(proof.header)) for proof in bundle.receipts)
    text = json.dumps(bundle.claim)
    for old, new in zip((*bundle.states, *bundle.receipts), (*states, *proofs), strict=True):
        was, now = header.decode(old.header), header.decode(new.header)
        if was != now:
            text = text.replace(was.hash.hex(), seals.block_hash(now).hex())
    return replace(bundle, claim=json.loads(text), states=states, receipts=proofs).encode()


async def test_R18_sealed_by_validators(exchange: Exchange, certificate: bytes) -> None:
    proven = exchange.check(resealed(certificate, KEYS[:3]), anchor=QBFT)
    assert "quorum of 4" in proven.anchor
    assert proven.claim["status"] == exchange.check(certificate).claim["status"]


async def test_threat_S20_seals(exchange: Exchange, certificate: bytes) -> None:
    """Too few, duplicated, of others, of one header only, of validators who were not yet or no longer."""
    with pytest.raises(TooFewSeals):
        exchange.check(resealed(certificate, KEYS[:2]), anchor=QBFT)
    with pytest.raises(SealError):
        exchange.check(resealed(certificate, [KEYS[0], KEYS[0], KEYS[1]]), anchor=QBFT)
    strangers = [PrivateKey(bytes([n]) * 32) for n in range(11, 15)]
    with pytest.raises(SealError):
        exchange.check(resealed(certificate, strangers), anchor=QBFT)
    others = Qbft(((0, frozenset(map(_address, strangers))),), True)
    with pytest.raises(OtherValidators):
        exchange.check(resealed(certificate, KEYS), anchor=others)
    bundle = evidence.decode(certificate)
    bought, proven = (header.decode(part.header).number for part in (bundle.receipts[0], bundle.states[0]))
    for one in (bought, proven):
        with pytest.raises(SealError):
            exchange.check(resealed(certificate, KEYS, blocks=[one]), anchor=QBFT)
    members = frozenset(VALIDATORS)
    later = Qbft(((bought + 1, members),), True)
    with pytest.raises(UnknownValidators):
        exchange.check(resealed(certificate, KEYS), anchor=later)
    changed = Qbft(((0, members), (proven, frozenset(map(_address, strangers)))), True)
    with pytest.raises(OtherValidators):
        exchange.check(resealed(certificate, KEYS), anchor=changed)
    before = Qbft(((0, members), (proven + 1, frozenset(map(_address, strangers)))), True)
    exchange.check(resealed(certificate, KEYS), anchor=before)
    with pytest.raises(SealError):
        exchange.check(certificate, anchor=QBFT)


async def test_threat_S20_every_byte_flipped(exchange: Exchange, certificate: bytes) -> None:
    """In the file: all bytes but those of nodes and headers, and one in 41 of these, which come next."""
    inside = {at for found in re.finditer(rb"[0-9a-f]{80,}", certificate) for at in range(*found.span())}
    flipped = [at for at in range(len(certificate)) if at not in inside or at % 41 == 0]
    assert len(flipped) > 4000
    for at in flipped:
        with pytest.raises(ProofError):
            exchange.check(flip(certificate, at))


async def test_threat_S20_every_byte_of_every_node_and_header_flipped(
    exchange: Exchange, certificate: bytes
) -> None:
    bundle, flips = evidence.decode(certificate), 0

    def every(proof: Sequence[bytes], check: Callable[[Sequence[bytes]], object]) -> None:
        nonlocal flips
        check(proof)
        for index, node in enumerate(proof):
            for at in range(len(node)):
                with pytest.raises(ProofError):
                    check([*proof[:index], flip(node, at), *proof[index + 1 :]])
                flips += 1

    for state in bundle.states:
        root = header.decode(state.header).state_root
        for name, held in state.accounts.items():
            address = exchange.trust.contracts[name].address
            every(held.proof, partial(accounts.account, root, address))
            found = accounts.account(root, address, held.proof)
            assert found is not None
            for slot, proof in held.storage.items():
                every(proof, partial(accounts.storage, found.storage_root, slot))
    for receipt in bundle.receipts:
        root = header.decode(receipt.header).receipts_root
        every(receipt.proof, partial(receipts.verify, root, receipt.index))
    for at in range(len(bundle.states[0].header)):
        states = (replace(bundle.states[0], header=flip(bundle.states[0].header, at)),)
        with pytest.raises(ProofError):
            exchange.check(replace(bundle, states=states).encode())
    for at in range(len(bundle.receipts[0].header)):
        spoilt = (replace(bundle.receipts[0], header=flip(bundle.receipts[0].header, at)),)
        with pytest.raises(ProofError):
            exchange.check(replace(bundle, receipts=spoilt).encode())
    assert flips > 10_000


def flip(data: bytes, at: int) -> bytes:
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]


async def test_threat_S20_every_field_exchanged(exchange: Exchange, certificate: bytes) -> None:
    """Each number, string and truth of the claim replaced by another of its kind, in canonical JSON."""

    def altered(value: Any) -> Iterator[Any]:
        match value:
            case dict():
                for name in value:
                    yield from ({**value, name: other} for other in altered(value[name]))
                    yield {key: inner for key, inner in value.items() if key != name}
                yield {**value, "surplus": 1}
            case list():
                yield [*value, "custody"]
                yield value[1:] if value else ["custody"]
            case bool():
                yield from (not value, int(value))
            case int():
                yield from (value + 1, str(value), bool(value) if value in (0, 1) else -value)
            case str():
                yield from (value + "0", value.upper() if value != value.upper() else value + "1", None)
            case None:
                yield from (0, False, "")

    bundle, count = evidence.decode(certificate), 0
    for claim in altered(bundle.claim):
        with pytest.raises(ProofError):
            exchange.check(replace(bundle, claim=claim).encode())
        count += 1
    assert count > 150


def spoiled(bundle: Bundle) -> Iterator[Bundle]:
    """Nodes dropped, repeated, swapped and added, slots dropped, renamed and added; likewise accounts,
    receipts, states and entries."""

    def lists(proof: tuple[bytes, ...]) -> Iterator[tuple[bytes, ...]]:
        for at in range(len(proof)):
            yield (*proof[:at], *proof[at + 1 :])
            yield (*proof[:at], proof[at], *proof[at:])
        yield (*proof, b"\x80")
        if len(proof) > 1:
            yield proof[::-1]

    (state,) = bundle.states

    def with_account(name: str, **changes: Any) -> Bundle:
        held = {**state.accounts, name: replace(state.accounts[name], **changes)}
        return replace(bundle, states=(replace(state, accounts=held),))

    for name, held in state.accounts.items():
        for proof in lists(held.proof):
            yield with_account(name, proof=proof)
        for slot, proof in held.storage.items():
            for other in lists(proof):
                yield with_account(name, storage={**held.storage, slot: other})
            rest = {key: nodes for key, nodes in held.storage.items() if key != slot}
            yield with_account(name, storage=rest)
            yield with_account(name, storage={**rest, slot ^ 1: proof})
            yield with_account(name, storage={**held.storage, slot ^ 1 << 255: proof})
        for first, second in pairwise(held.storage):
            swapped = {first: held.storage[second], second: held.storage[first]}
            if held.storage[first] != held.storage[second]:
                yield with_account(name, storage={**held.storage, **swapped})
        rest_of = {key: value for key, value in state.accounts.items() if key != name}
        yield replace(bundle, states=(replace(state, accounts=rest_of),))
        yield replace(bundle, states=(replace(state, accounts={**state.accounts, f"{name}2": held}),))
        yield replace(bundle, states=(replace(state, accounts={**state.accounts, "Reviews": held}),))
    names = list(state.accounts)
    for first, second in pairwise(names):
        swapped_accounts = {first: state.accounts[second], second: state.accounts[first]}
        yield replace(bundle, states=(replace(state, accounts={**state.accounts, **swapped_accounts}),))
    (receipt,) = bundle.receipts
    for nodes in lists(receipt.proof):
        yield replace(bundle, receipts=(replace(receipt, proof=nodes),))
    yield replace(bundle, receipts=(replace(receipt, index=receipt.index + 1),))
    yield replace(bundle, receipts=(replace(receipt, header=state.header),))
    yield replace(bundle, receipts=())
    yield replace(bundle, receipts=(receipt, receipt))
    yield replace(bundle, states=())
    yield replace(bundle, states=(state, state))
    yield replace(bundle, states=(replace(state, header=receipt.header),))
    yield replace(bundle, entries=(Link(bytes(32), b""),))
    yield replace(bundle, chain_id=bundle.chain_id + 1)
    yield replace(bundle, genesis_hash=bytes(32))


async def test_threat_S20_every_part_dropped_added_and_swapped(
    exchange: Exchange, certificate: bytes
) -> None:
    count = 0
    for other in spoiled(evidence.decode(certificate)):
        with pytest.raises(ProofError):
            exchange.check(other.encode())
        count += 1
    assert count > 100


async def test_threat_S20_wrong_chain_contract_code_and_time(exchange: Exchange, certificate: bytes) -> None:
    with pytest.raises(WrongChain):
        exchange.check(certificate, chain_id=1)
    with pytest.raises(WrongChain):
        exchange.check(certificate, genesis_hash=bytes(32))
    for name in claims.JOURNALS:
        pinned = exchange.trust.contracts[name]
        for other, error in (
            (replace(pinned, address=b"\x99" * 20), ProofError),
            (replace(pinned, code_hash=bytes(32)), WrongCode),
        ):
            with pytest.raises(error):
                exchange.check(certificate, contracts={**exchange.trust.contracts, name: other})
    exchange.check(certificate, now=exchange.now + 100, maximum_age=100)
    with pytest.raises(TooOld):
        exchange.check(certificate, now=exchange.now + 101, maximum_age=100)
    exchange.check(certificate, now=exchange.now - evidence.SKEW)
    with pytest.raises(FromTheFuture):
        exchange.check(certificate, now=exchange.now - evidence.SKEW - 1)


async def test_threat_S20_another_block_and_another_fork(exchange: Exchange, certificate: bytes) -> None:
    """The same licence's proofs under another block, and a block of a fork that validators did not seal."""
    bundle = evidence.decode(certificate)
    earlier = await exchange.rpc.request(
        "eth_getBlockByNumber", [hex(bundle.claim["block"]["number"] - 1), False]
    )
    other = header.from_rpc(earlier)
    with pytest.raises(ProofError):
        exchange.check(replace(bundle, states=(replace(bundle.states[0], header=other.encode()),)).encode())
    forked = replace(header.decode(bundle.states[0].header), timestamp=exchange.now + 1)
    with pytest.raises(ClaimMismatch):
        exchange.check(replace(bundle, states=(replace(bundle.states[0], header=forked.encode()),)).encode())
    sealed = evidence.decode(resealed(certificate, KEYS))
    forked = replace(header.decode(sealed.states[0].header), timestamp=exchange.now + 1)
    claim = {**sealed.claim, "block": {**sealed.claim["block"], "time": exchange.now + 1}}
    claim["block"]["hash"] = "0x" + seals.block_hash(forked).hex()
    state = replace(sealed.states[0], header=forked.encode())
    with pytest.raises(SealError):
        exchange.check(replace(sealed, claim=claim, states=(state,)).encode(), anchor=QBFT)


async def test_what_is_not_there_is_not_certified(exchange: Exchange) -> None:
    for subject in (
        {"type": "licence", "licence": str((1 << 96) - 1)},
        {"type": "listing", "listing": "1", "version": {"number": 999}},
        {"type": "payment", "licence": str((1 << 96) - 1)},
    ):
        with pytest.raises(NothingToCertify):
            await exchange.certify(subject)
    for subject in (
        {"type": "nothing"},
        {"type": "licence"},
        {"type": "licence", "licence": str(1 << 96)},
        {"type": "licence", "licence": "-1"},
        {"type": "licence", "licence": True},
        {"type": "journal", "contract": "SettlementToken"},
    ):
        with pytest.raises(UnknownClaim):
            await exchange.certify(subject)


async def test_not_a_bundle(exchange: Exchange, certificate: bytes) -> None:
    for data in (
        b"",
        b"[]",
        b"null",
        b"\xff",
        b"{}",
        b"[" * 100_000,
        certificate + b"\n",
        b" " + certificate,
        certificate.replace(b'"claim":', b'"claim" :'),
        certificate.replace(b'"header":"0xf9', b'"header":"0xF9'),
        certificate.replace(b'"entries":[]', b'"entries":[],"entries":[]'),
        certificate.replace(b'"index":', b'"index":0.0,"was":'),
        certificate.replace(b"socai-evidence-1", b"socai-evidence-2"),
    ):
        with pytest.raises(BadBundle):
            exchange.check(data)


async def test_every_proof_is_needed(exchange: Exchange, certificate: bytes) -> None:
    bundle = evidence.decode(certificate)
    with pytest.raises(ProofMissing):
        exchange.check(replace(bundle, receipts=()).encode())
    with pytest.raises(ProofSurplus):
        exchange.check(replace(bundle, receipts=bundle.receipts * 2).encode())


async def test_differential_with_the_trie_package(exchange: Exchange, certificate: bytes) -> None:
    """Every node list of the bundle shows another implementation the same."""
    bundle, compared = evidence.decode(certificate), 0
    for state in bundle.states:
        root = header.decode(state.header).state_root
        for name, held in state.accounts.items():
            account = other_trie(root, keccak(exchange.trust.contracts[name].address), held.proof)
            storage_root = other_rlp.decode(account)[2]
            for slot, proof in held.storage.items():
                theirs = other_trie(storage_root, keccak(slot.to_bytes(32)), proof)
                ours = accounts.storage(storage_root, slot, proof)
                assert int.from_bytes(other_rlp.decode(theirs) if theirs else b"") == ours
                compared += 1
    for receipt in bundle.receipts:
        root = header.decode(receipt.header).receipts_root
        theirs = other_trie(root, other_rlp.encode(receipt.index), receipt.proof)
        assert receipts.verify(root, receipt.index, receipt.proof).encode() == theirs
    assert compared > 10


def other_trie(root: bytes, key: bytes, proof: Sequence[bytes]) -> bytes:
    found: bytes = HexaryTrie.get_from_proof(root, key, [other_rlp.decode(node) for node in proof])
    return found


async def test_R18_a_licence_certificate_checks_in_under_20_ms(
    exchange: Exchange, certificate: bytes
) -> None:
    def seconds(data: bytes, anchor: Development | Qbft) -> float:
        return min(timeit.repeat(lambda: exchange.check(data, anchor=anchor), number=1, repeat=30))

    unsealed, sealed = seconds(certificate, Development()), seconds(resealed(certificate, KEYS), QBFT)
    print(f"{1000 * unsealed:.2f} ms unsealed, {1000 * sealed:.2f} ms with 4 seals")  # noqa: T201
    assert max(unsealed, sealed) < 0.02


async def test_the_published_schema(exchange: Exchange, certificate: bytes) -> None:
    """It accepts every kind of bundle, and refuses one with a part missing, unknown or of another kind."""
    schema = json.loads(files("ledger.proofs").joinpath("evidence.schema.json").read_text())
    validator = jsonschema_rs.Draft202012Validator(schema)
    number = json.loads(certificate)["claim"]["licence"]
    for subject in (
        {"type": "payment", "licence": number},
        {"type": "listing", "listing": "1", "version": {"number": 1}},
        {"type": "journal", "contract": "Exchange"},
    ):
        validator.validate(json.loads(await exchange.certify(subject)))
    whole = json.loads(certificate)
    validator.validate(whole)
    for name in whole:
        assert not validator.is_valid({key: value for key, value in whole.items() if key != name})
        assert not validator.is_valid({**whole, name: 1})
    for name in whole["claim"].keys() - {"used", "rule_pack", "issued_at", "expires_at"}:
        assert not validator.is_valid({**whole, "claim": {**whole["claim"], name: None}})
    assert not validator.is_valid({**whole, "surplus": 1})


VERIFIER, NONCE = "bank.example", b"\x07" * 32


def presented(exchange: Exchange, data: bytes, name: str, **changes: Any) -> bytes:
    challenge = replace(Challenge(VERIFIER, NONCE, exchange.now + 60), **changes)
    digest = challenge.digest(data, exchange.trust)
    key = Account.from_key(dev_accounts()[name].key)
    return presentation.encode(data, challenge, bytes(key.unsafe_sign_hash(Hash32(digest)).signature))


@pytest.fixture
def holder(certificate: bytes) -> str:
    owner = evidence.decode(certificate).claim["holder"]
    return next(name for name, account in dev_accounts().items() if account.address.lower() == owner)


async def test_R18_the_holder_presents(exchange: Exchange, certificate: bytes, holder: str) -> None:
    data = presented(exchange, certificate, holder)
    proven = presentation.verify(data, exchange.trust, exchange.now, VERIFIER, NONCE)
    assert proven.claim["holder"] == dev_accounts()[holder].address.lower()


async def test_what_is_signed_is_typed_data_as_wallets_hash_it(
    exchange: Exchange, certificate: bytes
) -> None:
    challenge = Challenge(VERIFIER, NONCE, 1_795_000_000)
    licences = "0x" + exchange.trust.contracts["Licences"].address.hex()
    message = encode_typed_data(
        {"name": "Socai Presentation", "version": "1", "chainId": 84084, "verifyingContract": licences},
        {
            "Presentation": [
                {"name": "certificate", "type": "bytes32"},
                {"name": "verifier", "type": "string"},
                {"name": "challenge", "type": "bytes32"},
                {"name": "deadline", "type": "uint64"},
            ]
        },
        {
            "certificate": keccak(certificate),
            "verifier": VERIFIER,
            "challenge": NONCE,
            "deadline": 1_795_000_000,
        },
    )
    theirs = keccak(b"\x19" + message.version + message.header + message.body)
    assert challenge.digest(certificate, exchange.trust) == theirs


async def test_threat_S20_presentations_copied_stale_or_by_another(
    exchange: Exchange, certificate: bytes, holder: str
) -> None:
    def check(data: bytes, now: float = exchange.now, verifier: str = VERIFIER, nonce: bytes = NONCE) -> None:
        presentation.verify(data, exchange.trust, now, verifier, nonce)

    data = presented(exchange, certificate, holder)
    check(data, exchange.now + 60)
    with pytest.raises(Stale):
        check(data, exchange.now + 61)
    with pytest.raises(Stale):
        check(presented(exchange, certificate, holder, deadline=exchange.now + presentation.LONGEST + 1))
    with pytest.raises(OtherChallenge):
        check(data, verifier="shop.example")
    with pytest.raises(OtherChallenge):
        check(data, nonce=bytes(32))
    with pytest.raises(NotTheHolder):
        check(presented(exchange, certificate, "arbiter"))
    other = await exchange.certify({"type": "listing", "listing": "1", "version": {"number": 1}})
    with pytest.raises(BadPresentation):
        check(presented(exchange, other, holder))
    at = data.index(b'"signature":"0x') + len(b'"signature":"0x')
    s = int(data[at + 64 : at + 128], 16)
    malleable = data[: at + 64] + b"%064x" % (ORDER - s) + data[at + 128 :]
    with pytest.raises(NotTheHolder):
        check(
            malleable[: at + 128]
            + (b"1c" if data[at + 128 : at + 130] == b"1b" else b"1b")
            + data[at + 130 :]
        )
    outside = [n for n in range(len(data)) if not 20 < n < data.index(b'"challenge"')]
    for n in (*outside, *range(20, len(data), 997)):
        with pytest.raises(ProofError):
            check(flip(data, n))
    for spoilt in (b"", b"{}", b"[" * 100_000, data + b" ", certificate):
        with pytest.raises(BadPresentation):
            check(spoilt)
