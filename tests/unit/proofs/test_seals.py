"""QBFT: the official vectors (Consensys/qbft-tests), a block of a real Besu network, networks signed here.

The official vectors are older than Besu's first release with QBFT: they write the round as four fixed bytes,
and hash without the fields that Besu (`QbftExtraDataCodec`, March 2026) empties or zeroes; it refuses such a
round (`incorrectlyEncodedRoundThrowsRlpException`). Their `extraData` is checked with the round as a number.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace

import pytest
from coincurve import PrivateKey

from ledger.proofs import header, rlp, seals
from ledger.proofs.header import HashMismatch, Header
from ledger.proofs.keccak import keccak
from ledger.proofs.seals import (
    BadExtraData,
    BadSeal,
    DuplicateSeal,
    ExtraData,
    OtherValidators,
    SealError,
    Tally,
    TooFewSeals,
    Vote,
    verify_contract,
    verify_listed,
)

EMPTY = bytes.fromhex("56e81f171bcc55a6ff8345e692c0f86e5b48e01b996cadc001622fb5e363b421")
# Block 7528 of a four-validator Besu network, round 1, three seals; with the digest they sign
# (datachainlab/besu-qbft-elc, elc/src/header.rs).
BESU = header.decode(
    bytes.fromhex(
        "f9033fa00af93e70b1c6d3974a88a42eb70bb61adbd523bfac0c83027ba4637c52746a0f"
        "a01dcc4de8dec75d7aab85b567b6ccd41ad312451b948a7413f0a142fd40d49347"
        "94ee3353e587cfa91625a1adaef308a726de3803d3"
        "a0166ed98eea93ab2b6f6b1a425526994adc2d675bf9a0d77d600ed1e02d8f77df"
        "a056e81f171bcc55a6ff8345e692c0f86e5b48e01b996cadc001622fb5e363b421"
        "a056e81f171bcc55a6ff8345e692c0f86e5b48e01b996cadc001622fb5e363b421"
        "b90100" + "00" * 256 + "01821d688347b76080846640618bb90147f90144a0" + "00" * 32 + "f854"
        "94647bfdd19655e51e69d35454ff3a92f8828e6302"
        "94a5c8416b9d13417b45b45ada76408f39d1e504ef"
        "94b92e91f4dcc9d28503be521afa2a8fbf3c1acf60"
        "94ee3353e587cfa91625a1adaef308a726de3803d3"
        "c001f8c9"
        "b841bc7633fd65570f610a595086e9a34e5bf6aacfb67b8f8cd01852e6b285147f04"
        "6a50577b49378b86723ac9b456ef59ef7ab57cda7139d807f10f58e8cb10c67600"
        "b841ad1defc2b0b4a48158cff24778bb5ba4d9f373c171022ab0a42e37bdb0d40257"
        "18434d303a8d94df56ef9ad5219be9f27b2f67179a7fb82d3323dde29546f9f701"
        "b841e233d3670dd97c715f72b440eeb1ccb1e22c8c23f6ab470c46c99c2d0ee6509f"
        "0341a42e0e4569782557e93c3815e8ca4294043595f69a90f73f135de8ecf41e00"
        "a063746963616c2062797a616e74696e65206661756c7420746f6c6572616e6365880000000000000000"
    )
)
BESU_DIGEST = "75ea184f58cd3f0ef89032a069df01f07ec524ef3a85cf6d3e424d62130c0a32"
BESU_VALIDATORS = [
    bytes.fromhex(address)
    for address in (
        "647bfdd19655e51e69d35454ff3a92f8828e6302",
        "a5c8416b9d13417b45b45ada76408f39d1e504ef",
        "b92e91f4dcc9d28503be521afa2a8fbf3c1acf60",
        "ee3353e587cfa91625a1adaef308a726de3803d3",
    )
]

# BftExtraDataRLPTests/bft_extra_data.json, the rounds 16702650 written as numbers
ONE, TWO = bytes(19) + b"\1", bytes(19) + b"\2"
WHO = f"94{ONE.hex()}"
SEALS = (bytes(31) + b"\1" + bytes(31) + b"\x0a\0", bytes(31) + b"\x0a" + bytes(31) + b"\1\0")
VANITY = bytes.fromhex("b740340b0b7fca7b58baa59b90b02f2cc73e7541c5ca1ccf802955401d8955fb")
ROUND = 16_702_650
TAIL = f"83fedcbaf886b841{SEALS[0].hex()}b841{SEALS[1].hex()}"
OFFICIAL = {
    "add": (
        ExtraData(VANITY, (ONE, TWO), Vote(ONE, True), ROUND, SEALS),
        f"f8f0a0{VANITY.hex()}ea{WHO}94{TWO.hex()}d7{WHO}81ff{TAIL}",
    ),
    "drop": (
        ExtraData(VANITY, (ONE, TWO), Vote(ONE, False), ROUND, SEALS),
        f"f8efa0{VANITY.hex()}ea{WHO}94{TWO.hex()}d6{WHO}80{TAIL}",
    ),
    "no vote, empty lists": (
        ExtraData(bytes(32), (), None, ROUND, ()),
        f"e8a0{bytes(32).hex()}c0c083fedcbac0",
    ),
    "drop, empty lists": (
        ExtraData(bytes(32), (), Vote(ONE, False), ROUND, ()),
        f"f83ea0{bytes(32).hex()}c0d6{WHO}8083fedcbac0",
    ),
}

# BftBlockHeaderHashTests/bft_block_headers_data.json
HASHED = Header(
    bytes.fromhex("a7762d3307dbf2ae6a1ae1b09cf61c7603722b2379731b6b90409cdb8c8288a0"),
    header.EMPTY_LIST_HASH,
    bytes(20),
    bytes.fromhex("ca07595b82f908822971b7e848398e3395e59ee52565c7ef3603df1a1fa7bc80"),
    EMPTY,
    EMPTY,
    bytes(256),
    1,
    1,
    4_704_588,
    0,
    1_530_674_616,
    bytes.fromhex(
        "f90178a0000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1fea94000000000000000000000000"
        "000000000000000194000000000000000000000000000000000000000002d7940000000000000000000000000000000000"
        "00000381ff8400fedcbaf9010cb8412d98a30d2844aa05b4fcf3abcd333e195d4ad365726a7b9a5bc19744dcec0ad42d129a"
        "d2890b86c32a969a9b511d8c1c846f7eb694455bb29b7365ab260a188100b8416e65e1097c802f12fe12048871f228fc394f"
        "b005cbf5c55225adbff7e82c94d352fc83967effa3a777a9d50e677108b732258c7ef6e1a3e8fc34919b90e0f34e00b841b8"
        "462060df24936c7da7413fbf8ac706775d06ba052831075fd2059458ca91e971f35a7a90ec5225328fe25d6dec51de3a2d71"
        "e81a581ceb98acdafd5bcd12f801b841be1cb71a2525013ae8ac676505597229265960b4d34654dc88249d1bc7e07a324f44"
        "b16542adad19bddade1785ac9687b656cbf64685a2e6e6b4f04d9aad23cd00".replace(
            "94000000000000000000000000000000000000000002d7", "94" + TWO.hex() + "d7"
        )
    ),
    seals.MIX_HASH,
    bytes(8),
)
ON_CHAIN_HASH = "8d8736980278155e486cf0543c0a53cd3a3c961c3b976c6a4ac7dc5310dad88d"
COMMITTED_SEAL_HASH = "b1d26d018658f2556a2c3f0080596055cb0d05bcab91397f8ae8f01ea831559c"


def address_of(key: PrivateKey) -> bytes:
    return keccak(key.public_key.format(compressed=False)[1:])[12:]


KEYS = sorted((PrivateKey(bytes([i]) * 32) for i in range(1, 8)), key=address_of)


def seal(block: Header, keys: Iterable[PrivateKey]) -> Header:
    """The block with the seals of the keys."""
    digest = seals.seal_digest(block)
    given = tuple(key.sign_recoverable(digest, hasher=None) for key in keys)
    return replace(block, extra_data=replace(seals.decode(block.extra_data), seals=given).encode())


def propose(
    keys: Sequence[PrivateKey],
    *,
    parent: bytes = bytes(32),
    number: int = 1,
    turn: int = 0,
    vote: Vote | None = None,
    signers: Sequence[PrivateKey] | None = None,
    listed: bool = True,
) -> Header:
    validators = tuple(sorted(map(address_of, keys))) if listed else ()
    extra = ExtraData(bytes(32), validators, vote, turn, ())
    block = replace(
        HASHED,
        parent_hash=parent,
        number=number,
        beneficiary=address_of(keys[0]),
        extra_data=extra.encode(),
        base_fee=0,
    )
    return seal(block, keys if signers is None else signers)


def addresses(keys: Iterable[PrivateKey]) -> list[bytes]:
    return list(map(address_of, keys))


def test_a_block_of_a_real_network() -> None:
    assert seals.seal_digest(BESU).hex() == BESU_DIGEST
    verify_listed(BESU, BESU_VALIDATORS)
    extra = seals.decode(BESU.extra_data)
    assert (extra.round, len(extra.seals), extra.vote) == (1, 3, None)
    assert extra.encode() == BESU.extra_data
    assert len({seals.block_hash(BESU), seals.seal_digest(BESU), BESU.hash}) == 3
    for fewer in range(3):
        short = replace(BESU, extra_data=replace(extra, seals=extra.seals[:fewer]).encode())
        assert seals.block_hash(short) == seals.block_hash(BESU)
        with pytest.raises(TooFewSeals):
            verify_listed(short, BESU_VALIDATORS)


@pytest.mark.parametrize(("extra", "encoded"), OFFICIAL.values(), ids=OFFICIAL)
def test_official_extra_data(extra: ExtraData, encoded: str) -> None:
    assert extra.encode().hex() == encoded
    assert seals.decode(bytes.fromhex(encoded)) == extra


def test_hashes_of_the_draft() -> None:
    """What the draft left out of `extraData`, Besu empties; the draft's vectors hold for its own rule."""
    with pytest.raises(BadExtraData):
        seals.block_hash(HASHED)
    items = rlp.as_list(rlp.decode(HASHED.extra_data))
    for kept, expected in ((3, ON_CHAIN_HASH), (4, COMMITTED_SEAL_HASH)):
        assert replace(HASHED, extra_data=rlp.encode(items[:kept])).hash.hex() == expected
    turn = rlp.encode_int(ROUND)
    number = replace(HASHED, extra_data=rlp.encode([*items[:3], turn, items[4]]))
    assert seals.block_hash(number) == replace(HASHED, extra_data=rlp.encode([*items[:3], b"", []])).hash
    assert seals.seal_digest(number) == replace(HASHED, extra_data=rlp.encode([*items[:3], turn, []])).hash


@pytest.mark.parametrize(
    ("n", "quorum"), [(1, 1), (2, 2), (3, 2), (4, 3), (5, 4), (6, 4), (7, 5), (10, 7), (100, 67)]
)
def test_quorum(n: int, quorum: int) -> None:
    assert seals.quorum(n) == quorum


@pytest.mark.parametrize("n", range(1, 8))
def test_a_quorum_is_needed_and_enough(n: int) -> None:
    keys, needed = KEYS[:n], seals.quorum(n)
    for signers in (keys[:needed], keys[-needed:], keys, keys[::-1]):
        verify_listed(propose(keys, signers=signers, turn=n), addresses(keys))
        verify_contract(propose(keys, signers=signers, listed=False), addresses(keys))
    with pytest.raises(TooFewSeals):
        verify_listed(propose(keys, signers=keys[: needed - 1]), addresses(keys))
    with pytest.raises(TooFewSeals):
        verify_contract(propose(keys, signers=keys[: needed - 1], listed=False), addresses(keys))


def test_threat_S20_duplicated_and_foreign_seals() -> None:
    keys, trusted = KEYS[:4], addresses(KEYS[:4])
    with pytest.raises(DuplicateSeal):
        verify_listed(propose(keys, signers=[*keys[:2], keys[0]]), trusted)
    with pytest.raises(DuplicateSeal):
        verify_listed(propose(keys, signers=[*keys, keys[0]]), trusted)
    with pytest.raises(BadSeal):
        verify_listed(propose(keys, signers=[*keys[:2], KEYS[4]]), trusted)
    with pytest.raises(BadSeal):
        verify_listed(propose(keys, signers=[*keys, KEYS[4]]), trusted)


def test_threat_S20_other_validators() -> None:
    keys, trusted = KEYS[:4], addresses(KEYS[:4])
    for other in (trusted[:3], [*trusted, address_of(KEYS[5])], addresses(KEYS[3:7]), []):
        with pytest.raises(OtherValidators):
            verify_listed(propose(keys), other)
    with pytest.raises(OtherValidators):  # listed, where a contract keeps them
        verify_contract(propose(keys), trusted)
    with pytest.raises(OtherValidators):
        verify_contract(propose(keys, listed=False, vote=Vote(ONE, True)), trusted)
    with pytest.raises(OtherValidators):
        verify_listed(propose(keys, listed=False), trusted)
    with pytest.raises(OtherValidators):  # a set of strangers seals itself
        verify_contract(propose(KEYS[4:7], listed=False), trusted)
    extra = seals.decode(propose(keys).extra_data)
    for listed in (extra.validators[::-1], (*extra.validators, extra.validators[0])):
        twisted = replace(
            HASHED, beneficiary=trusted[0], extra_data=replace(extra, validators=listed).encode()
        )
        with pytest.raises(OtherValidators):
            verify_listed(seal(twisted, keys), trusted)
    stranger = replace(propose(keys, signers=()), beneficiary=address_of(KEYS[6]))
    with pytest.raises(OtherValidators):
        verify_listed(seal(stranger, keys), trusted)


@pytest.mark.parametrize(
    ("change"),
    [
        {"mix_hash": bytes(32)},
        {"difficulty": 0},
        {"difficulty": 2},
        {"extra_data": b""},
        {"extra_data": b"\xc0"},
        {"extra_data": bytes(32)},
    ],
)
def test_refuses_what_is_not_qbft(change: dict[str, bytes | int]) -> None:
    block = replace(propose(KEYS[:1], signers=()), **change)  # type: ignore[arg-type]
    with pytest.raises(BadExtraData):
        verify_listed(block if "extra_data" in change else seal(block, KEYS[:1]), addresses(KEYS[:1]))


@pytest.mark.parametrize(
    "items",
    [
        [bytes(31), [], [], b"", []],
        [bytes(32), [], [], b""],
        [bytes(32), [], [], b"", [], []],
        [bytes(32), [bytes(19)], [], b"", []],
        [bytes(32), b"", [], b"", []],
        [bytes(32), [], b"", b"", []],
        [bytes(32), [], [ONE], b"", []],
        [bytes(32), [], [ONE, b"\1"], b"", []],
        [bytes(32), [], [ONE, b"\0"], b"", []],
        [bytes(32), [], [ONE[1:], b"\xff"], b"", []],
        [bytes(32), [], [ONE, b"", b""], b"", []],
        [bytes(32), [], [], b"\0", []],
        [bytes(32), [], [], b"\1" * 5, []],
        [bytes(32), [], [], b"", [bytes(64)]],
        [bytes(32), [], [], b"", b""],
    ],
)
def test_refuses_odd_extra_data(items: rlp.Item) -> None:
    with pytest.raises(BadExtraData):
        seals.decode(rlp.encode(items))


def check(encoded: bytes, name: bytes) -> None:
    block = header.decode(encoded)
    verify_listed(block, BESU_VALIDATORS)
    header.verify_ancestry([block], name, seals.block_hash)


def test_threat_S20_every_byte_flipped() -> None:
    """With the hash that names it, a header has one spelling but for its seals, and those must hold."""
    encoded, name = BESU.encode(), seals.block_hash(BESU)
    for at in range(len(encoded)):
        spoiled = encoded[:at] + bytes([encoded[at] ^ 1]) + encoded[at + 1 :]
        with pytest.raises((SealError, header.HeaderError)):
            check(spoiled, name)


def test_seals_bind_the_round() -> None:
    extra = seals.decode(BESU.extra_data)
    with pytest.raises(BadSeal):
        verify_listed(replace(BESU, extra_data=replace(extra, round=0).encode()), BESU_VALIDATORS)


class Network:
    """Seals block after block and follows its own tally."""

    def __init__(self, keys: Sequence[PrivateKey], epoch: int = 100) -> None:
        self.keys = list(keys)
        self.tally = Tally(0, bytes(32), frozenset(addresses(keys)), epoch)

    def block(self, proposer: PrivateKey, vote: Vote | None = None) -> Header:
        keys = [key for key in KEYS if address_of(key) in self.tally.validators]
        keys.sort(key=lambda key: key.secret != proposer.secret)
        return propose(keys, parent=self.tally.hash, number=self.tally.number + 1, vote=vote)

    def vote(self, proposer: PrivateKey, subject: PrivateKey, add: bool) -> set[bytes]:
        self.tally = self.tally.follow(self.block(proposer, Vote(address_of(subject), add)))
        return set(self.tally.validators)


def test_validators_are_voted_in_and_out() -> None:
    net = Network(KEYS[:4])
    four, five = set(addresses(KEYS[:4])), set(addresses(KEYS[:5]))
    assert net.vote(KEYS[0], KEYS[4], True) == four
    assert net.vote(KEYS[0], KEYS[4], True) == four, "twice by the same counts once"
    assert net.vote(KEYS[1], KEYS[4], True) == four, "half is not more than half"
    assert net.vote(KEYS[2], KEYS[4], True) == five
    assert not net.tally.votes, "what has passed is no longer open"
    for voter in KEYS[1:3]:
        assert net.vote(voter, KEYS[0], False) == five
    assert net.vote(KEYS[0], KEYS[1], False) == five
    assert net.vote(KEYS[3], KEYS[0], False) == five - {address_of(KEYS[0])}
    assert not net.tally.votes, "the dropped validator's own votes are gone"


def test_a_vote_may_be_taken_back() -> None:
    net = Network(KEYS[:3])
    net.vote(KEYS[0], KEYS[3], True)
    net.vote(KEYS[0], KEYS[3], False)
    assert net.vote(KEYS[1], KEYS[3], True) == set(addresses(KEYS[:3]))
    assert net.vote(KEYS[0], KEYS[3], True) == set(addresses(KEYS[:4]))


def test_a_sunken_limit_counts_at_the_next_vote() -> None:
    """As in Besu: two of four adds are not enough, two of three are, once anybody votes on it again."""
    net = Network(KEYS[:4])
    net.vote(KEYS[0], KEYS[5], True)
    net.vote(KEYS[1], KEYS[5], True)
    for voter in KEYS[:3]:
        net.vote(voter, KEYS[3], False)
    assert net.tally.validators == set(addresses(KEYS[:3]))
    assert net.vote(KEYS[2], KEYS[5], False) == {*addresses(KEYS[:3]), address_of(KEYS[5])}


def test_votes_end_with_the_epoch() -> None:
    net = Network(KEYS[:3], epoch=3)
    net.vote(KEYS[0], KEYS[3], True)
    net.tally = net.tally.follow(net.block(KEYS[0]))
    assert net.tally.votes
    assert net.vote(KEYS[1], KEYS[3], True) == set(addresses(KEYS[:3])), "block 3 ends the epoch"
    assert not net.tally.votes


def test_follow_refuses() -> None:
    net = Network(KEYS[:4])
    start, chain = net.tally, []
    for proposer in KEYS[:3]:
        chain.append(net.block(proposer, Vote(address_of(KEYS[4]), True)))
        net.tally = net.tally.follow(chain[-1])
    chain.append(net.block(KEYS[4]))
    end = seals.follow(start, chain)
    assert end == net.tally.follow(chain[-1])
    assert end.hash == seals.block_hash(chain[-1])
    assert end.validators == set(addresses(KEYS[:5]))
    header.verify_ancestry(chain, end.hash, seals.block_hash)
    for broken in (chain[1:], [*chain[:1], *chain[2:]], [chain[0], chain[0]], chain[::-1]):
        with pytest.raises(HashMismatch):
            seals.follow(start, broken)
    with pytest.raises(HashMismatch):  # the right parent, a number too many
        start.follow(propose(KEYS[:4], parent=start.hash, number=2))
    with pytest.raises(OtherValidators):  # a validator that nobody voted in
        start.follow(propose(KEYS[:5], parent=start.hash))
    with pytest.raises(OtherValidators):  # one that was voted in is missing
        end.follow(propose(KEYS[:4], parent=end.hash, number=end.number + 1))
    with pytest.raises(TooFewSeals):
        start.follow(propose(KEYS[:4], parent=start.hash, signers=KEYS[:2]))


@pytest.mark.parametrize("last", [2, 3, 27, 28, 255])
def test_threat_S20_a_seal_has_one_spelling(last: int) -> None:
    extra = seals.decode(BESU.extra_data)
    respelt = (extra.seals[0][:64] + bytes([last]), *extra.seals[1:])
    with pytest.raises(BadSeal, match="ends in 0 or 1"):
        verify_listed(replace(BESU, extra_data=replace(extra, seals=respelt).encode()), BESU_VALIDATORS)
