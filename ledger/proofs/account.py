"""Accounts and their storage: what EIP-1186 proofs prove under a block's state root."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from ledger.proofs import mpt, rlp
from ledger.proofs.error import ProofError
from ledger.proofs.keccak import HASH, keccak
from ledger.proofs.rlp import RlpError

NO_CODE: Final = keccak(b"")
"""`code_hash` of an account without code."""


class BadAccount(ProofError):
    """What the trie holds is no account, or no storage word."""


@dataclass(frozen=True, slots=True)
class Account:
    """An account in the state trie. The balance is in wei; root and hash have 32 bytes."""

    nonce: int
    balance: int
    storage_root: bytes
    code_hash: bytes


def account(state_root: bytes, address: bytes, proof: Sequence[bytes]) -> Account | None:
    """What the state under the trusted root has at `address` (20 bytes): None is proven to be no account.

    Raises BadAccount, and a `TrieError` for a proof that proves nothing.
    """
    if len(address) != 20:
        raise BadAccount(f"an address of {len(address)} bytes")
    data = mpt.prove(state_root, mpt.secure(address), proof)
    if data is None:
        return None
    try:
        nonce, balance, storage_root, code_hash = rlp.as_list(rlp.decode(data), 4)
        return Account(
            rlp.as_int(nonce, 8),
            rlp.as_int(balance),
            rlp.as_bytes(storage_root, HASH),
            rlp.as_bytes(code_hash, HASH),
        )
    except RlpError as error:
        raise BadAccount(f"not an account: {error}") from error


def storage(storage_root: bytes, slot: int, proof: Sequence[bytes]) -> int:
    """The word in storage slot `slot`, from the account's root: 0 is proven, by the slot's absence.

    Or by a stored 0: anvil keeps slots that were cleared, and what the root commits to is what counts.
    Raises BadAccount, and a `TrieError` for a proof that proves nothing.
    """
    if not 0 <= slot < 1 << 256:
        raise BadAccount(f"there is no slot {slot}")
    data = mpt.prove(storage_root, mpt.secure(slot.to_bytes(HASH)), proof)
    if data is None:
        return 0
    try:
        return rlp.as_int(rlp.decode(data))
    except RlpError as error:
        raise BadAccount(f"not a storage word: {error}") from error
