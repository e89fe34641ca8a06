"""The vectors that the page's own cryptography is judged by (api/web/src/crypto/vectors.test.ts).

`python -m tests.unit.crypto.test_page_vectors` writes the file anew.
"""

import json
from pathlib import Path
from typing import Any, Final

from ledger.crypto.chunked import BLOCK, CHUNK, HEADER, ciphertext_size, payload_context
from ledger.crypto.merkle import PayloadHasher
from ledger.crypto.message import Message
from ledger.crypto.seal import GrantContext, PrivateKey, Suite, open_sealed, seal

FILE: Final = Path(__file__).parents[2] / "vectors" / "payload.json"
SIZES: Final = (0, 1, CHUNK - 1, CHUNK, BLOCK - 1, BLOCK, 3 * BLOCK + 12_345)
KEY: Final = bytes(range(32))
SALT: Final = bytes(range(100, 124))
CHAIN_ID: Final = 84_084
LISTINGS, SELLER, DEPOSIT = b"\x11" * 20, b"\x22" * 20, b"\x33" * 32
CONTEXT: Final = payload_context(CHAIN_ID, LISTINGS, SELLER, DEPOSIT)
GRANT: Final = GrantContext(CHAIN_ID, b"\x44" * 20, 281_474_976_710_657, 3, b"\x55" * 32, "use")
RECIPIENT: Final = PrivateKey(Suite.X25519, bytes(range(1, 33)))
QUANTUM: Final = PrivateKey(Suite.MLKEM768_X25519, bytes(range(1, 33)))


def plaintext(size: int) -> bytes:
    return bytes((index * 31 + (index >> 8)) & 0xFF for index in range(size))


def ciphertext(text: bytes) -> bytes:
    message = Message(KEY, CONTEXT, SALT)
    sealed = bytearray(ciphertext_size(len(text)) - HEADER)
    message.seal_into(0, text, sealed, last=True)
    return message.header + bytes(sealed)


def payload(size: int) -> dict[str, Any]:
    leaves: list[bytes] = []
    hasher = PayloadHasher(lambda _, leaf: leaves.append(leaf))
    hasher.update(ciphertext(plaintext(size)))
    return {"size": size, "root": "0x" + hasher.finish().hex(), "leaves": "0x" + b"".join(leaves).hex()}


def vectors() -> dict[str, Any]:
    """All that is the same each time; sealing is not."""
    return {
        "key": "0x" + KEY.hex(),
        "salt": "0x" + SALT.hex(),
        "chain_id": CHAIN_ID,
        "listings": "0x" + LISTINGS.hex(),
        "seller": "0x" + SELLER.hex(),
        "deposit": "0x" + DEPOSIT.hex(),
        "payloads": [payload(size) for size in SIZES],
        "small": {
            "plaintext": "0x" + plaintext(100).hex(),
            "ciphertext": "0x" + ciphertext(plaintext(100)).hex(),
        },
    }


def test_R12_the_page_is_judged_by_what_we_write() -> None:
    kept = json.loads(FILE.read_text())
    sealed = kept.pop("sealed")
    assert kept == vectors()
    assert open_sealed(bytes.fromhex(sealed["sealed"][2:]), RECIPIENT, GRANT) == KEY
    quantum = bytes.fromhex(sealed["quantum"]["sealed"][2:])
    assert open_sealed(quantum, QUANTUM, GRANT) == KEY


if __name__ == "__main__":
    FILE.parent.mkdir(exist_ok=True)
    sealed = {
        "secret": "0x" + RECIPIENT.encode()[6:].hex(),
        "public": "0x" + RECIPIENT.public.hex(),
        "sealed": "0x" + seal(KEY, RECIPIENT.public, GRANT).hex(),
        "licences": "0x" + GRANT.licences_address.hex(),
        "licence": str(GRANT.licence_id),
        "version": GRANT.listing_version,
        "block_hash": "0x" + GRANT.block_hash.hex(),
        "purpose": GRANT.purpose,
        "quantum": {
            "public": "0x" + QUANTUM.public.hex(),
            "sealed": "0x" + seal(KEY, QUANTUM.public, GRANT).hex(),
        },
    }
    FILE.write_text(json.dumps(vectors() | {"sealed": sealed}, indent=1) + "\n")
