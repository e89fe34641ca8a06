"""QBFT as Besu has it: what a header's `extraData` holds, and whether enough validators sealed it.

    extraData = rlp([vanity, [validator, …], [] or [recipient, 0xff adds or empty drops], round, [seal, …]])

The seals are not known when the block is proposed, nor is the round when it is proposed again. So the block's
hash is taken with no seals and round 0, and what validators sign with no seals and the round that succeeded.
A quorum is ⌈2n/3⌉ of n validators.

Whom to trust is an argument. Either headers list the validators, who vote on one another (`Tally` follows
the votes from a trusted block on), or a contract keeps them, and headers list none. The genesis block has no
seals: its hash is trusted, not proven.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from typing import Final

from coincurve import PublicKey

from ledger.proofs import rlp
from ledger.proofs.error import ProofError
from ledger.proofs.header import HashMismatch, Header
from ledger.proofs.keccak import HASH, keccak
from ledger.proofs.rlp import Item, RlpError

ADDRESS: Final = 20
SEAL: Final = 65
MIX_HASH: Final = bytes.fromhex("63746963616c2062797a616e74696e65206661756c7420746f6c6572616e6365")
"""`mixHash` of every QBFT block: "ctical byzantine fault tolerance"."""
ADD: Final = b"\xff"
DROP: Final = b""


class SealError(ProofError):
    """Any refusal of this module, but `HashMismatch` for a broken chain."""


class BadExtraData(SealError):
    """`extraData` is not QBFT's, or the header has another mark of a QBFT block wrong."""


class BadSeal(SealError):
    """A seal is no signature, or not one by a validator."""


class DuplicateSeal(SealError):
    """A validator sealed twice."""


class TooFewSeals(SealError):
    """Fewer validators sealed than make a quorum."""


class OtherValidators(SealError):
    """The header lists other validators than the trusted ones, or some where a contract keeps them."""


@dataclass(frozen=True, slots=True)
class Vote:
    """What the block's proposer would have: `validator` added, or dropped."""

    validator: bytes
    add: bool


@dataclass(frozen=True, slots=True)
class ExtraData:
    """A QBFT header's `extraData`. Vanity is 32 bytes, a validator 20, a seal 65 (r ‖ s ‖ 0 or 1)."""

    vanity: bytes
    validators: tuple[bytes, ...]
    vote: Vote | None
    round: int
    seals: tuple[bytes, ...]

    def encode(self) -> bytes:
        """The canonical RLP."""
        vote = () if self.vote is None else (self.vote.validator, ADD if self.vote.add else DROP)
        return rlp.encode((self.vanity, self.validators, vote, rlp.encode_int(self.round), self.seals))


def decode(data: bytes) -> ExtraData:
    """The contents of `extraData`. Raises BadExtraData."""
    try:
        vanity, validators, vote, number, seals = rlp.as_list(rlp.decode(data), 5)
        return ExtraData(
            rlp.as_bytes(vanity, HASH),
            tuple(rlp.as_bytes(validator, ADDRESS) for validator in rlp.as_list(validators)),
            _vote(vote),
            rlp.as_int(number, 4),
            tuple(rlp.as_bytes(seal, SEAL) for seal in rlp.as_list(seals)),
        )
    except RlpError as error:
        raise BadExtraData(str(error)) from error


def block_hash(header: Header) -> bytes:
    """The hash by which QBFT names the block. Raises BadExtraData."""
    return _hash(header, replace(_extra(header), round=0, seals=()))


def seal_digest(header: Header) -> bytes:
    """What a validator signs to seal the block. Raises BadExtraData."""
    return _hash(header, replace(_extra(header), seals=()))


def quorum(validators: int) -> int:
    """How many of so many validators must seal a block."""
    return -(-2 * validators // 3)


def verify_listed(header: Header, validators: Collection[bytes]) -> None:
    """Check that the header lists exactly the trusted validators, and that a quorum of them sealed it.

    Raises BadExtraData, OtherValidators, BadSeal, DuplicateSeal, TooFewSeals.
    """
    if _extra(header).validators != tuple(sorted(set(validators))):
        raise OtherValidators(f"block {header.number} lists other validators, or the same in another order")
    _verify_seals(header, validators)


def verify_contract(header: Header, validators: Collection[bytes]) -> None:
    """The same where a contract keeps the validators: the header must list none, and hold no vote.

    Who they are is the caller's to prove, for instance from the contract's storage in the parent block.
    Raises as `verify_listed`.
    """
    extra = _extra(header)
    if extra.validators or extra.vote:
        raise OtherValidators(f"block {header.number} lists validators or votes, where a contract keeps them")
    _verify_seals(header, validators)


@dataclass(frozen=True, slots=True)
class Tally:
    """The validators who seal the block after `number`, and the votes on them still open.

    Begins at a block whose hash and validators are trusted: genesis, or one at a multiple of `epoch`, where
    all votes end (`epochlength` in the genesis file). `votes` holds (proposer, vote).
    """

    number: int
    hash: bytes
    validators: frozenset[bytes]
    epoch: int
    votes: frozenset[tuple[bytes, Vote]] = frozenset()

    def follow(self, header: Header) -> "Tally":
        """The tally after the next block, once that is verified.

        A vote passes with more than half of the validators, and then ends, as do the votes that a dropped
        validator cast (Besu's `VoteTally`). Raises HashMismatch, and what `verify_listed` raises.
        """
        if header.number != self.number + 1 or header.parent_hash != self.hash:
            raise HashMismatch(f"block {header.number} does not follow block {self.number}")
        verify_listed(header, self.validators)
        after = replace(self, number=header.number, hash=block_hash(header))
        if header.number % self.epoch == 0:
            return replace(after, votes=frozenset())
        vote = _extra(header).vote
        return after if vote is None else after._with(header.beneficiary, vote)

    def _with(self, proposer: bytes, vote: Vote) -> "Tally":
        subject, limit = vote.validator, len(self.validators) // 2 + 1
        votes = self.votes - {(proposer, Vote(subject, not vote.add))} | {(proposer, vote)}
        for add in (True, False):  # not only `vote.add`: the limit may have sunk since the others voted
            if sum(cast == Vote(subject, add) for _, cast in votes) >= limit:
                votes = frozenset((by, cast) for by, cast in votes if cast.validator != subject)
                if add:
                    return replace(self, validators=self.validators | {subject}, votes=votes)
                votes = frozenset((by, cast) for by, cast in votes if by != subject)
                return replace(self, validators=self.validators - {subject}, votes=votes)
        return replace(self, votes=votes)


def follow(tally: Tally, headers: Iterable[Header]) -> Tally:
    """The tally after all headers, in ascending order without a gap. Raises as `Tally.follow`."""
    for header in headers:
        tally = tally.follow(header)
    return tally


def _verify_seals(header: Header, validators: Collection[bytes]) -> None:
    trusted = set(validators)
    if header.mix_hash != MIX_HASH or header.difficulty != 1:
        raise BadExtraData(f"block {header.number} has not the mixHash and difficulty of a QBFT block")
    if header.beneficiary not in trusted:
        raise OtherValidators(f"block {header.number} was not proposed by a validator")
    digest, sealed = seal_digest(header), set[bytes]()
    for seal in _extra(header).seals:
        validator = _signer(digest, seal)
        if validator not in trusted:
            raise BadSeal(f"0x{validator.hex()} sealed block {header.number}, and is no validator")
        if validator in sealed:
            raise DuplicateSeal(f"0x{validator.hex()} sealed block {header.number} twice")
        sealed.add(validator)
    if len(sealed) < quorum(len(trusted)):
        raise TooFewSeals(f"{len(sealed)} of {len(trusted)} validators sealed block {header.number}")


def _signer(digest: bytes, seal: bytes) -> bytes:
    if seal[64] > 1:
        raise BadSeal("a seal ends in 0 or 1")
    try:
        key = PublicKey.from_signature_and_message(seal, digest, hasher=None)
    except ValueError:
        raise BadSeal("no key recovers from a seal") from None
    return keccak(key.format(compressed=False)[1:])[12:]


def _extra(header: Header) -> ExtraData:
    return decode(header.extra_data)


def _hash(header: Header, extra: ExtraData) -> bytes:
    return replace(header, extra_data=extra.encode()).hash


def _vote(item: Item) -> Vote | None:
    fields = rlp.as_list(item)
    if not fields:
        return None
    validator, kind = rlp.as_list(fields, 2)
    if kind not in (ADD, DROP):
        raise BadExtraData("a vote neither adds nor drops")
    return Vote(rlp.as_bytes(validator, ADDRESS), kind == ADD)
