"""Account signatures: secp256k1 over a 32-byte digest, 65 bytes r ‖ s ‖ v, one valid spelling for each.

Stricter than the recovery precompile: s in the lower half (EIP-2) and v of 27 or 28 only, so that nobody can
turn a signature into a second one for the same digest.
"""

from coincurve import PublicKey
from eth_hash.auto import keccak

ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
"""Order of the secp256k1 group."""


class BadSignature(Exception):
    """The signature is not one this account made over this digest."""


class MalformedSignature(BadSignature):
    """Not 65 bytes, v not 27 or 28, r or s outside the group, or no point on the curve."""


class MalleableSignature(BadSignature):
    """s is in the upper half: the twin of a signature that would be accepted."""


def personal_digest(text: str) -> bytes:
    """ERC-191 version 0x45 (`personal_sign`): the 32 bytes a wallet signs when it shows `text`."""
    message = text.encode()
    return keccak(b"\x19Ethereum Signed Message:\n%d" % len(message) + message)


def recover(digest: bytes, signature: bytes) -> bytes:
    """The address (20 bytes) whose key signed `digest`. Raises MalformedSignature, MalleableSignature."""
    if len(signature) != 65 or signature[64] not in (27, 28):
        raise MalformedSignature("a signature is 65 bytes ending in 27 or 28")
    r, s = int.from_bytes(signature[:32]), int.from_bytes(signature[32:64])
    if not (0 < r < ORDER and 0 < s < ORDER):
        raise MalformedSignature("r and s lie between 1 and the group order")
    if s > ORDER // 2:
        raise MalleableSignature("s lies in the upper half")
    compact = signature[:64] + bytes([signature[64] - 27])
    try:
        key = PublicKey.from_signature_and_message(compact, digest, hasher=None)
    except ValueError:
        raise MalformedSignature("no key recovers from this signature") from None
    return keccak(key.format(compressed=False)[1:])[-20:]
