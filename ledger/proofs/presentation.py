"""Who shows a licence certificate is its holder: their signature over a verifier's fresh challenge.

EIP-712 typed data, so that a wallet shows what it signs:

    domain   name "Socai Presentation", version "1", chainId, verifyingContract = Licences
    type     Presentation(bytes32 certificate,string verifier,bytes32 challenge,uint64 deadline)

`certificate` is Keccak-256 of the bundle, `verifier` names who asked, `challenge` are 32 random bytes that
they use once, `deadline` is the last Unix second. A holder that is a contract (ERC-1271) cannot present:
only its chain could tell.

    {"format": "socai-presentation-1", "certificate": {…}, "verifier": "…", "challenge": "0x…",
     "deadline": 1795000000, "signature": "0x… r ‖ s ‖ v"}        in canonical JSON
"""

from dataclasses import dataclass
from typing import Final

from ledger.domain.signature import BadSignature, recover
from ledger.proofs import canonical, evidence
from ledger.proofs.error import ProofError
from ledger.proofs.evidence import Proven
from ledger.proofs.keccak import HASH, keccak
from ledger.proofs.quantity import BadQuantity, bytes_of
from ledger.proofs.trust import Trust

FORMAT: Final = "socai-presentation-1"
LONGEST: Final = 3600
"""Seconds that a signature may still be good for when it is checked: an older challenge is not fresh."""

_DOMAIN: Final = keccak(b"EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)")
_TYPE: Final = keccak(b"Presentation(bytes32 certificate,string verifier,bytes32 challenge,uint64 deadline)")


class PresentationError(ProofError):
    """Any refusal of this module."""


class BadPresentation(PresentationError):
    """Not a presentation, not of a licence certificate, or not in canonical JSON."""


class OtherChallenge(PresentationError):
    """It answers another verifier or another challenge: it was copied."""


class Stale(PresentationError):
    """The deadline is past, or so far ahead that the signature is not a fresh one."""


class NotTheHolder(PresentationError):
    """The signature is not by the account that holds the licence."""


@dataclass(frozen=True, slots=True)
class Challenge:
    """What a holder signs for `verifier`: `nonce` has 32 bytes."""

    verifier: str
    nonce: bytes
    deadline: int

    def digest(self, certificate: bytes, trust: Trust) -> bytes:
        """The 32 bytes to be signed for the bundle `certificate`. Raises PresentationError."""
        if len(self.nonce) != HASH or not 0 <= self.deadline < 1 << 64 or not self.verifier.isascii():
            raise BadPresentation("a challenge is 32 bytes, for a verifier with an ASCII name")
        domain = (
            _DOMAIN,
            keccak(b"Socai Presentation"),
            keccak(b"1"),
            trust.chain_id.to_bytes(HASH),
            evidence.pinned_of(trust, "Licences").address.rjust(HASH, b"\0"),
        )
        struct = (
            _TYPE,
            keccak(certificate),
            keccak(self.verifier.encode()),
            self.nonce,
            self.deadline.to_bytes(HASH),
        )
        return keccak(b"\x19\x01" + keccak(b"".join(domain)) + keccak(b"".join(struct)))


def encode(certificate: bytes, challenge: Challenge, signature: bytes) -> bytes:
    """The file."""
    return canonical.dumps(
        {
            "format": FORMAT,
            "certificate": canonical.loads(certificate),
            "verifier": challenge.verifier,
            "challenge": f"0x{challenge.nonce.hex()}",
            "deadline": challenge.deadline,
            "signature": f"0x{signature.hex()}",
        }
    )


def is_presentation(data: bytes) -> bool:
    """Whether the file says it is one."""
    try:
        top = canonical.loads(data)
    except ValueError:
        return False
    return isinstance(top, dict) and top.get("format") == FORMAT


def verify(data: bytes, trust: Trust, now: float, verifier: str, nonce: bytes) -> Proven:
    """What the certificate proves, once shown to be presented by the licence's holder to this verifier.

    The verifier sees to it that a nonce is used once. Raises a `ProofError`.
    """
    certificate, challenge, signature = _decode(data)
    if (challenge.verifier, challenge.nonce) != (verifier, nonce):
        raise OtherChallenge("the presentation answers another challenge")
    if not now <= challenge.deadline <= now + LONGEST:
        raise Stale("the presentation's deadline is past, or too far ahead")
    proven = evidence.verify(certificate, trust, now)
    if proven.claim["type"] != "licence":
        raise BadPresentation("only a licence has a holder to present it")
    try:
        signer = recover(challenge.digest(certificate, trust), signature)
    except BadSignature as error:
        raise NotTheHolder(str(error)) from error
    if f"0x{signer.hex()}" != proven.claim["holder"]:
        raise NotTheHolder(f"signed by 0x{signer.hex()}, the holder is {proven.claim['holder']}")
    return proven


def _decode(data: bytes) -> tuple[bytes, Challenge, bytes]:
    names = {"format", "certificate", "verifier", "challenge", "deadline", "signature"}
    try:
        top = canonical.loads(data)
        if not isinstance(top, dict) or top.keys() != names or top["format"] != FORMAT:
            raise BadPresentation("not a presentation")
        if type(top["deadline"]) is not int or not isinstance(top["verifier"], str):
            raise BadPresentation("a deadline is a number, a verifier a name")
        challenge = Challenge(top["verifier"], bytes_of(top["challenge"], HASH), top["deadline"])
        certificate, signature = canonical.dumps(top["certificate"]), bytes_of(top["signature"], 65)
        if encode(certificate, challenge, signature) != data:
            raise BadPresentation("not in canonical JSON (RFC 8785)")
    except (ValueError, BadQuantity) as error:
        raise BadPresentation(f"not a presentation: {error}") from error
    return certificate, challenge, signature
