"""Storage words: absent, held, and cleared as anvil keeps them."""

import pytest

from ledger.proofs import mpt, rlp
from ledger.proofs.account import Account, BadAccount, account, storage

ADDRESS = b"\xaa" * 20
FIELDS = [b"\7", b"\1" * 10, b"\2" * 32, b"\3" * 32]


def known(*fields: bytes) -> Account | None:
    key = mpt.secure(ADDRESS)
    trie = mpt.Trie({key: rlp.encode(list(fields))})
    return account(trie.root, ADDRESS, trie.proof(key))


def held(word: bytes) -> int:
    key = mpt.secure((7).to_bytes(32))
    trie = mpt.Trie({key: word})
    return storage(trie.root, 7, trie.proof(key))


def test_a_cleared_slot_that_is_kept_is_zero() -> None:
    assert held(rlp.encode(b"")) == 0
    assert storage(mpt.EMPTY_ROOT, 7, []) == 0
    assert held(rlp.encode(b"\5")) == 5


@pytest.mark.parametrize("word", [b"\x82\0\5", b"\xc0", b"\x80\x80", bytes([0xA1]) + b"\1" * 33])
def test_what_is_no_word(word: bytes) -> None:
    with pytest.raises(BadAccount):
        held(word)


def test_the_first_slot_and_the_last_are_slots_and_no_other() -> None:
    for slot in (0, (1 << 256) - 1):
        key = mpt.secure(slot.to_bytes(32))
        trie = mpt.Trie({key: rlp.encode(b"\5")})
        assert storage(trie.root, slot, trie.proof(key)) == 5
    for slot in (-1, 1 << 256):
        with pytest.raises(BadAccount, match="no slot"):
            storage(mpt.EMPTY_ROOT, slot, [])


def test_an_account_is_what_the_state_holds() -> None:
    assert known(*FIELDS) == Account(7, int.from_bytes(FIELDS[1]), FIELDS[2], FIELDS[3])
    assert account(mpt.EMPTY_ROOT, ADDRESS, []) is None


@pytest.mark.parametrize(
    "fields",
    [
        FIELDS[:3],
        [*FIELDS, b""],
        [b"\1" * 9, *FIELDS[1:]],
        [b"\0\1", *FIELDS[1:]],
        [FIELDS[0], b"\1" * 33, *FIELDS[2:]],
        [*FIELDS[:2], FIELDS[2][1:], FIELDS[3]],
        [*FIELDS[:3], FIELDS[3][1:]],
        [*FIELDS[:3], b""],
    ],
)
def test_what_is_no_account(fields: list[bytes]) -> None:
    with pytest.raises(BadAccount, match="not an account"):
        known(*fields)


@pytest.mark.parametrize("size", [0, 19, 21, 32])
def test_what_is_no_address(size: int) -> None:
    with pytest.raises(BadAccount, match="address"):
        account(mpt.EMPTY_ROOT, bytes(size), [])
