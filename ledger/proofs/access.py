"""Leaves of the access log: what is public of a key release, a refusal, a download. Canonical JSON.

    {"kind": "grant" | "denial", "at": …, "licence": "…", "block": {"number": …, "hash": "0x…"} | null,
     "reason": null | "denied: Revoked" | "node-stale" | …, "commitment": "0x…"}
    {"kind": "download", "at": …, "root": "0x…", "start": …, "end": …}
    {"kind": "inquiry", "at": …, "role": "supervisor" | "operator", "view": "entries" | …,
     "commitment": "0x…"}

None holds personal data (R12). The commitment is SHA-256 over a tag, the grant's id and its whole record in
canonical JSON. The id is 16 random bytes that only the vault and who asked know: who asked can open the
commitment, nobody else can guess the account. An inquiry's commits to who asked and with which parameters
in the same way.
"""

import hashlib
from typing import Any, Final

from ledger.domain.grant import Grant
from ledger.domain.history import Inquiry
from ledger.proofs import canonical

_TAG: Final = b"socai/access@v1\0"
_INQUIRY: Final = b"socai/inquiry@v1\0"


def grant_leaf(grant: Grant) -> bytes:
    """Of a key release or its refusal."""
    decision = grant.decision
    block = None if decision is None else {"number": decision.block.number, "hash": _hex(decision.block.hash)}
    reason = grant.denial
    if decision is not None and reason == "denied":
        reason = f"{reason}: {decision.denial}"
    return canonical.dumps(
        {
            "kind": "grant" if grant.denial is None else "denial",
            "at": grant.at,
            "licence": str(grant.licence),
            "block": block,
            "reason": reason,
            "commitment": _hex(commitment(grant)),
        }
    )


def commitment(grant: Grant) -> bytes:
    """What a grant's leaf holds of the rest of its record: 32 bytes."""
    record: dict[str, Any] = {
        "account": _hex(grant.account),
        "at": grant.at,
        "licence": str(grant.licence),
        "public_key": _hex(grant.public_key),
        "purpose": grant.purpose,
        "denial": grant.denial,
        "use": None if grant.use is None else _hex(grant.use),
        "valid_until": grant.valid_until,
        "decision": None,
    }
    if (decision := grant.decision) is not None:
        record["decision"] = {
            "block": {
                "number": decision.block.number,
                "hash": _hex(decision.block.hash),
                "time": decision.block.time,
            },
            "denial": decision.denial,
            "listing": decision.listing,
            "version": decision.version,
            "plan": str(decision.plan),
            "expires_at": decision.expires_at,
            "uses_left": decision.uses_left,
            "flags": decision.flags,
            "root": _hex(decision.root),
            "size": str(decision.size),
            "deposit": _hex(decision.deposit),
        }
    return hashlib.sha256(_TAG + grant.id + canonical.dumps(record)).digest()


def download_leaf(at: int, root: bytes, start: int, end: int) -> bytes:
    """Of ciphertext bytes [start, end) that were sent, to nobody in particular."""
    return canonical.dumps({"kind": "download", "at": at, "root": _hex(root), "start": start, "end": end})


def inquiry_leaf(inquiry: Inquiry) -> bytes:
    """Of an overseer's look at the history."""
    record = {
        "account": _hex(inquiry.account),
        "at": inquiry.at,
        "role": inquiry.role,
        "view": inquiry.view,
        "parameters": dict(inquiry.parameters),
    }
    committed = hashlib.sha256(_INQUIRY + inquiry.id + canonical.dumps(record)).digest()
    return canonical.dumps(
        {
            "kind": "inquiry",
            "at": inquiry.at,
            "role": inquiry.role,
            "view": inquiry.view,
            "commitment": _hex(committed),
        }
    )


def retention_leaf(at: int, before: int) -> bytes:
    """Of the throwing away of all records of before that time."""
    return canonical.dumps({"kind": "retention", "at": at, "before": before})


def _hex(data: bytes) -> str:
    return f"0x{data.hex()}"
