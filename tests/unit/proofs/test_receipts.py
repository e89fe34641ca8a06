"""Receipts: encodings and blooms by hand and by `rlp`; blocks with something forged, left out or invented."""

from dataclasses import replace

import pytest
import rlp as other_rlp

from ledger.proofs import header, mpt, receipts, rlp
from ledger.proofs.keccak import keccak
from ledger.proofs.mpt import SurplusNodes, TrieError
from ledger.proofs.receipts import (
    BadReceipt,
    BloomMismatch,
    Log,
    Receipt,
    ReceiptAbsent,
    ReceiptsMismatch,
    bloom_of,
    may_contain,
)
from tests.unit.proofs.test_header import GENESIS

ADDRESS, TOPIC = b"\xaa" * 20, keccak(b"Sold(uint256)")


def receipt(index: int, *logs: Log, kind: int = 2, outcome: bytes = b"\1") -> Receipt:
    return Receipt(kind, outcome, 21_000 * (index + 1), bloom_of(logs), logs)


def log(seed: int, topics: int = 2, data: int = 32) -> Log:
    digest = keccak(bytes([seed]))
    return Log(digest[:20], tuple(keccak(digest + bytes([i])) for i in range(topics)), (digest * 9)[:data])


def as_rpc(found: Receipt, index: int) -> dict[str, object]:
    outcome = (
        {"root": "0x" + found.outcome.hex()}
        if len(found.outcome) == 32
        else {"status": hex(len(found.outcome))}
    )
    return {
        **outcome,
        "type": hex(found.type),
        "transactionIndex": hex(index),
        "cumulativeGasUsed": hex(found.cumulative_gas),
        "logsBloom": "0x" + found.bloom.hex(),
        "logs": [
            {
                "address": "0x" + log.address.hex(),
                "topics": ["0x" + topic.hex() for topic in log.topics],
                "data": "0x" + log.data.hex(),
                "logIndex": "0x0",
            }
            for log in found.logs
        ],
    }


BLOCK = [
    receipt(0, log(0)),
    receipt(1, kind=0, outcome=b""),
    receipt(2, log(1, 0, 0), log(2, 4, 200), kind=1),
    receipt(3, log(3, 1, 1), kind=3),
    receipt(4, log(4, 3, 55), kind=4),
    receipt(5, log(5, 3, 56), kind=0, outcome=keccak(b"a state root")),
    *(receipt(i, log(i)) for i in range(6, 140)),
]
HEADER = replace(
    header.from_rpc(GENESIS),
    receipts_root=receipts.trie(BLOCK).root,
    logs_bloom=bloom_of(log for found in BLOCK for log in found.logs),
)


def test_bloom_by_hand() -> None:
    """The Yellow Paper's M3:2048: the low eleven bits of the first three pairs of bytes of the hash."""
    digest, expected = keccak(ADDRESS), [0] * 2048
    for pair in (0, 2, 4):
        expected[int.from_bytes(digest[pair : pair + 2]) % 2048] = 1
    bits = int.from_bytes(bloom_of([Log(ADDRESS, (), b"data does not count")]))
    assert [bits >> i & 1 for i in range(2048)] == expected


def test_a_bloom_is_a_set() -> None:
    assert bloom_of([]) == bytes(256)
    assert bloom_of([Log(ADDRESS, (TOPIC,), b"")] * 2) == bloom_of([Log(ADDRESS, (TOPIC,), b"")])


def test_may_contain() -> None:
    bloom = bloom_of([Log(ADDRESS, (TOPIC,), b"")])
    assert may_contain(bloom)
    assert may_contain(bloom, ADDRESS, TOPIC)
    assert not may_contain(bloom, ADDRESS, b"\xbb" * 20)
    assert not may_contain(bytes(256), ADDRESS)


@pytest.mark.parametrize("index", range(8))
def test_encoding_against_the_rlp_package(index: int) -> None:
    found = BLOCK[index]
    fields = [
        found.outcome,
        found.cumulative_gas,
        found.bloom,
        [[x.address, list(x.topics), x.data] for x in found.logs],
    ]
    kind = bytes([found.type]) if found.type else b""
    assert found.encode() == kind + other_rlp.encode(fields)
    assert receipts.decode(found.encode()) == found
    assert receipts.from_rpc(as_rpc(found, index)) == found


def test_a_whole_block() -> None:
    found = receipts.block_from_rpc([as_rpc(r, i) for i, r in enumerate(BLOCK)])
    assert found == BLOCK
    receipts.verify_block(HEADER, found)
    receipts.verify_block(header.from_rpc(GENESIS), [])


def test_threat_S14_forged_omitted_invented_logs() -> None:
    forged = replace(BLOCK[0], logs=(replace(BLOCK[0].logs[0], data=b"another price"),))
    hidden = receipt(2, BLOCK[2].logs[0], kind=1)
    for spoiled in (
        [forged, *BLOCK[1:]],
        [replace(BLOCK[0], cumulative_gas=1), *BLOCK[1:]],
        [replace(BLOCK[0], outcome=b""), *BLOCK[1:]],
        [replace(BLOCK[0], type=1), *BLOCK[1:]],
        [BLOCK[1], BLOCK[0], *BLOCK[2:]],
    ):
        with pytest.raises(ReceiptsMismatch):
            receipts.verify_block(HEADER, spoiled)
    for spoiled in ([*BLOCK[:2], hidden, *BLOCK[3:]], BLOCK[:-1], [*BLOCK, receipt(140, log(200))], []):
        with pytest.raises(BloomMismatch):
            receipts.verify_block(HEADER, spoiled)


@pytest.mark.parametrize("spoil", ["logs", "logsBloom"])
def test_threat_S14_a_bloom_that_does_not_fit(spoil: str) -> None:
    rpc = as_rpc(BLOCK[0], 0)
    rpc[spoil] = as_rpc(BLOCK[2], 2)[spoil]
    with pytest.raises(BloomMismatch):
        receipts.from_rpc(rpc)
    with pytest.raises(BloomMismatch):
        receipts.decode(replace(BLOCK[0], bloom=BLOCK[2].bloom).encode())


@pytest.mark.parametrize("index", [0, 1, 5, 127, 128, 139])
def test_inclusion_proofs(index: int) -> None:
    trie = receipts.trie(BLOCK)
    proof = trie.proof(mpt.index_key(index))
    assert receipts.verify(HEADER.receipts_root, index, proof) == BLOCK[index]
    with pytest.raises(TrieError):
        receipts.verify(HEADER.receipts_root, index + 1, proof)
    with pytest.raises(SurplusNodes):
        receipts.verify(HEADER.receipts_root, index, [*proof, proof[0]])


def test_absence_is_proven() -> None:
    trie = receipts.trie(BLOCK)
    for index in (140, 300, 70_000):
        with pytest.raises(ReceiptAbsent):
            receipts.verify(HEADER.receipts_root, index, trie.proof(mpt.index_key(index)))
    with pytest.raises(ReceiptAbsent):
        receipts.verify(mpt.EMPTY_ROOT, 0, [])
    with pytest.raises(ReceiptAbsent):
        receipts.verify(HEADER.receipts_root, -1, [])


@pytest.mark.parametrize("index", [2, 5])
def test_threat_S20_every_byte_flipped(index: int) -> None:
    proof = receipts.trie(BLOCK).proof(mpt.index_key(index))
    for i, node in enumerate(proof):
        for at in range(len(node)):
            spoiled = node[:at] + bytes([node[at] ^ 1]) + node[at + 1 :]
            with pytest.raises(TrieError):
                receipts.verify(HEADER.receipts_root, index, [*proof[:i], spoiled, *proof[i + 1 :]])


NO_BLOOM = bytes(256)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\0" + rlp.encode([b"\1", b"", NO_BLOOM, []]),
        b"\5" + rlp.encode([b"\1", b"", NO_BLOOM, []]),
        b"\x7e" + rlp.encode([b"\1", b"", NO_BLOOM, []]),
        b"\2",
        b"\2" + rlp.encode(b"\1"),
        rlp.encode([b"\1", b"", NO_BLOOM]),
        rlp.encode([b"\1", b"", NO_BLOOM, [], b""]),
        rlp.encode([b"\2", b"", NO_BLOOM, []]),
        rlp.encode([b"\0", b"", NO_BLOOM, []]),
        b"\2" + rlp.encode([bytes(32), b"", NO_BLOOM, []]),
        rlp.encode([bytes(31), b"", NO_BLOOM, []]),
        rlp.encode([b"\1", b"\0\1", NO_BLOOM, []]),
        rlp.encode([b"\1", b"", NO_BLOOM[1:], []]),
        rlp.encode([b"\1", b"", NO_BLOOM, b""]),
        rlp.encode([b"\1", b"", NO_BLOOM, [[ADDRESS, []]]]),
        rlp.encode([b"\1", b"", NO_BLOOM, [[ADDRESS[1:], [], b""]]]),
        rlp.encode([b"\1", b"", NO_BLOOM, [[ADDRESS, [TOPIC[1:]], b""]]]),
        rlp.encode([b"\1", b"", NO_BLOOM, [[ADDRESS, [TOPIC] * 5, b""]]]),
        rlp.encode([b"\1", b"", NO_BLOOM, [[ADDRESS, [], []]]]),
        rlp.encode([b"\1", b"", NO_BLOOM, []]) + b"\0",
    ],
)
def test_refuses_what_is_no_receipt(data: bytes) -> None:
    with pytest.raises(BadReceipt):
        receipts.decode(data)


@pytest.mark.parametrize(
    "change",
    [
        {"type": "0x5"},
        {"type": 2},
        {"status": "0x2"},
        {"status": None},
        {"status": None, "root": "0x" + "00" * 31},
        {"status": None, "root": "0x" + "00" * 32},  # of a type that never had one
        {"cumulativeGasUsed": None},
        {"cumulativeGasUsed": "0x01"},
        {"logsBloom": "0x00"},
        {"logs": None},
        {"logs": ["0x"]},
        {"logs": [{"address": "0x" + "aa" * 20, "data": "0x"}]},
        {"logs": [{"address": "0x" + "aa" * 19, "topics": [], "data": "0x"}]},
        {"logs": [{"address": "0x" + "aa" * 20, "topics": ["0x00"], "data": "0x"}]},
        {"logs": [{"address": "0x" + "aa" * 20, "topics": ["0x" + "aa" * 32] * 5, "data": "0x"}]},
        {"logs": [{"address": "0x" + "aa" * 20, "topics": [], "data": "0x0"}]},
        {"logs": [{"address": "0x" + "aa" * 20, "topics": []}]},
    ],
)
def test_refuses_odd_json(change: dict[str, object]) -> None:
    with pytest.raises(BadReceipt):
        receipts.from_rpc({**as_rpc(receipt(0), 0), **change})


def test_refuses_receipts_out_of_order() -> None:
    rpc = [as_rpc(r, i) for i, r in enumerate(BLOCK[:3])]
    for spoiled in (rpc[::-1], rpc[1:], [rpc[0], rpc[2]]):
        with pytest.raises(BadReceipt):
            receipts.block_from_rpc(spoiled)


def test_a_node_may_leave_out_the_type_of_a_legacy_receipt_and_give_a_root_for_its_status() -> None:
    legacy = receipt(0, log(0), kind=0, outcome=b"\7" * 32)
    told = as_rpc(legacy, 0)
    del told["type"]
    assert receipts.from_rpc(told) == legacy
    for root in ("0x" + "07" * 31, "0x" + "07" * 33, None):
        with pytest.raises(BadReceipt):
            receipts.from_rpc({**told, "root": root})
