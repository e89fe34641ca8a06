"""Storage words: absent, held, and cleared as anvil keeps them."""

import pytest

from ledger.proofs import mpt, rlp
from ledger.proofs.account import BadAccount, storage


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
