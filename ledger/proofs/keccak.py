"""Keccak-256 by the fast backend, whichever `eth_hash.auto` takes: proofs are little else than hashes."""

from typing import Final

from eth_hash.backends.pysha3 import backend

keccak: Final = backend.keccak256
HASH: Final = 32
