"""Headers: real mainnet ones with the hashes everybody knows, every fork's width, every byte flipped."""

from dataclasses import fields, replace

import pytest

from ledger.proofs import header, rlp
from ledger.proofs.header import BadHeader, HashMismatch, Header, verify_ancestry, verify_hash
from ledger.proofs.keccak import keccak

EMPTY = "0x56e81f171bcc55a6ff8345e692c0f86e5b48e01b996cadc001622fb5e363b421"
NO_OMMERS = "0x1dcc4de8dec75d7aab85b567b6ccd41ad312451b948a7413f0a142fd40d49347"
GENESIS_HASH = "d4e56740f876aef8c010b86a40d5f56745a118d0906a34e69aec8c0db1cb8fa3"
BLOCK_1_HASH = "88e96d4537bea4d9c05d12549907b32561d3bf31f45aae734cdc119f13406cb6"

GENESIS: dict[str, object] = {  # of Ethereum's main network, as nodes answer it
    "parentHash": "0x" + "00" * 32,
    "sha3Uncles": NO_OMMERS,
    "miner": "0x" + "00" * 20,
    "stateRoot": "0xd7f8974fb5ac78d9ac099b9ad5018bedc2ce0a72dad1827a1709da30580f0544",
    "transactionsRoot": EMPTY,
    "receiptsRoot": EMPTY,
    "logsBloom": "0x" + "00" * 256,
    "difficulty": "0x400000000",
    "number": "0x0",
    "gasLimit": "0x1388",
    "gasUsed": "0x0",
    "timestamp": "0x0",
    "extraData": "0x11bbe8db4e347b4e8c937c1c8370e4b5ed33adb3db69cbdb7a38e1e50b1b82fa",
    "mixHash": "0x" + "00" * 32,
    "nonce": "0x0000000000000042",
    "hash": "0x" + GENESIS_HASH,
    "baseFeePerGas": None,
    "transactions": [],
}
BLOCK_1: dict[str, object] = {
    **GENESIS,
    "parentHash": "0x" + GENESIS_HASH,
    "miner": "0x05a56e2d52c817161883f50c441c3228cfe54d9f",
    "stateRoot": "0xd67e4d450343046425ae4271474353857ab860dbc0a1dde64b41b5cd3a532bf3",
    "difficulty": "0x3ff800000",
    "number": "0x1",
    "timestamp": "0x55ba4224",
    "extraData": "0x476574682f76312e302e302f6c696e75782f676f312e342e32",
    "mixHash": "0x969b900de27b6ac6a67742365dd65f55a0526c41fd18e1b16f1a1215c2e66f59",
    "nonce": "0x539bd4979fef1ec4",
}
LATER: dict[str, object] = {  # what the forks added, in order
    "baseFeePerGas": "0x7",
    "withdrawalsRoot": EMPTY,
    "blobGasUsed": "0x20000",
    "excessBlobGas": "0x0",
    "parentBeaconBlockRoot": "0x" + "be" * 32,
    "requestsHash": "0xe3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "blockAccessListHash": NO_OMMERS,
    "slotNumber": "0xbeef",
}


def of_width(width: int) -> dict[str, object]:
    return {**BLOCK_1, **dict(list(LATER.items())[: width - 15])}


def test_mainnet() -> None:
    genesis, first = header.from_rpc(GENESIS), header.from_rpc(BLOCK_1)
    verify_hash(genesis, bytes.fromhex(GENESIS_HASH))
    verify_hash(first, bytes.fromhex(BLOCK_1_HASH))
    verify_ancestry([genesis, first], bytes.fromhex(BLOCK_1_HASH))
    assert genesis.ommers_hash == header.EMPTY_LIST_HASH
    assert len(first.encode()) == 0x211 + 3
    assert first.encode().hex().startswith("f90211a0" + GENESIS_HASH + "a0" + NO_OMMERS[2:])


@pytest.mark.parametrize("width", header.FORKS)
def test_every_fork(width: int) -> None:
    found = header.from_rpc(of_width(width))
    items = rlp.as_list(rlp.decode(found.encode()))
    assert len(items) == width
    assert header.decode(found.encode()) == found
    assert [getattr(found, field.name) is None for field in fields(Header)] == [False] * width + [True] * (
        23 - width
    )
    given = list(of_width(width).values())
    assert [items[0], items[2], items[8]] == [bytes.fromhex(str(given[i])[2:]) for i in (0, 2)] + [b"\1"]
    assert found.hash == keccak(found.encode())


def test_order_of_the_later_fields() -> None:
    items = rlp.as_list(rlp.decode(header.from_rpc(of_width(23)).encode()))[15:]
    assert items[0] == b"\x07"
    assert [i.hex() for i in items[1:3] if isinstance(i, bytes)] == [EMPTY[2:], "020000"]
    assert items[3] == b""
    assert [rlp.as_bytes(i).hex() for i in items[4:]] == [
        "be" * 32,
        str(LATER["requestsHash"])[2:],
        NO_OMMERS[2:],
        "beef",
    ]


@pytest.mark.parametrize("width", [0, 1, 14, 18, 19, 22, 24])
def test_refuses_widths_of_no_fork(width: int) -> None:
    items = [*rlp.as_list(rlp.decode(header.from_rpc(of_width(23)).encode())), b""][:width]
    with pytest.raises(BadHeader):
        header.decode(rlp.encode(items))
    if width in (18, 19, 22):
        with pytest.raises(BadHeader):
            header.from_rpc(of_width(width))


@pytest.mark.parametrize(
    "name", [name for name in of_width(21) if name not in ("hash", "transactions", "requestsHash")]
)
def test_refuses_a_field_left_out(name: str) -> None:
    block = of_width(21)
    for gone in ({k: v for k, v in block.items() if k != name}, {**block, name: None}):
        with pytest.raises(BadHeader):
            header.from_rpc(gone)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("number", "0x01"),
        ("number", "1"),
        ("number", 1),
        ("number", "0x"),
        ("number", "0xG"),
        ("number", "-0x1"),
        ("number", "0x1\n"),
        ("gasUsed", "0x1" + "0" * 64),
        ("parentHash", "0x" + "00" * 31),
        ("parentHash", "00" * 32),
        ("parentHash", "0x" + "00" * 33),
        ("parentHash", "0x" + "0" * 63),
        ("parentHash", "0x" + "zz" * 32),
        ("parentHash", "0x" + "00 " * 32),
        ("parentHash", 7),
        ("miner", "0x" + "00" * 32),
        ("nonce", "0x42"),
        ("logsBloom", "0x00"),
        ("extraData", "0xabc"),
    ],
)
def test_refuses_odd_notation(name: str, value: object) -> None:
    with pytest.raises(BadHeader):
        header.from_rpc({**GENESIS, name: value}).encode()


@pytest.mark.parametrize(
    "field", ["parent_hash", "beneficiary", "logs_bloom", "nonce", "number", "timestamp"]
)
def test_refuses_odd_values(field: str) -> None:
    whole = header.from_rpc(GENESIS)
    for value in (b"\0" * 7, -1, 1 << 256, None):
        with pytest.raises(BadHeader):
            replace(whole, **{field: value}).encode()  # type: ignore[arg-type]
    for value in (b"\0\1", [b""]):
        items = rlp.as_list(rlp.decode(whole.encode()))
        items[[f.name for f in fields(Header)].index(field)] = value  # type: ignore[call-overload]
        with pytest.raises(BadHeader):
            header.decode(rlp.encode(items))


@pytest.mark.parametrize("width", [15, 21])
def test_threat_S20_every_byte_flipped(width: int) -> None:
    whole = header.from_rpc(of_width(width))
    encoded = whole.encode()
    for at in range(len(encoded)):
        spoiled = encoded[:at] + bytes([encoded[at] ^ 1]) + encoded[at + 1 :]
        with pytest.raises((BadHeader, HashMismatch)):
            verify_hash(header.decode(spoiled), whole.hash)
    for spoiled in (encoded + b"\0", encoded[:-1], b""):
        with pytest.raises(BadHeader):
            header.decode(spoiled)


def test_ancestry_is_whole() -> None:
    chain = [header.from_rpc(GENESIS)]
    for number in range(1, 5):
        chain.append(replace(chain[-1], number=number, parent_hash=chain[-1].hash))
    verify_ancestry(chain, chain[-1].hash)
    verify_ancestry(chain[2:3], chain[2].hash)
    skipping = replace(chain[4], parent_hash=chain[2].hash)
    for bad, trusted in (
        ([], chain[-1].hash),
        (chain, chain[-2].hash),
        (chain[:-1], chain[-1].hash),
        (chain[:2] + chain[3:], chain[-1].hash),
        (chain[::-1], chain[-1].hash),
        ([*chain[:2], replace(chain[2], timestamp=9), *chain[3:]], chain[-1].hash),
        ([*chain[:3], skipping], skipping.hash),
    ):
        with pytest.raises(HashMismatch):
            verify_ancestry(bad, trusted)


@pytest.mark.parametrize(
    ("name", "size"), [("stateRoot", 31), ("miner", 21), ("logsBloom", 255), ("nonce", 7)]
)
def test_a_node_that_gives_a_field_of_another_size_is_refused(name: str, size: int) -> None:
    with pytest.raises(BadHeader):
        header.from_rpc({**BLOCK_1, name: f"0x{bytes(size).hex()}"})
