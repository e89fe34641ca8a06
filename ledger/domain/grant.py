"""A question whether a key may be released, and the answer, as kept on record (R33)."""

from dataclasses import dataclass
from typing import Final

from ledger.domain.entitlement import QUOTA_SPENT, Decision

RULES: Final = "release-1"
"""The rules of key release, and their version: who reads `rule` finds them in this commit and in
`Licences.entitlement`."""


@dataclass(frozen=True, slots=True)
class Grant:
    """One answer. `denial` is None when the key was released, else the code of the refusal: `denied` with the
    chain's own reason in `decision`, or what kept it from being decided; `decision` may then be missing.

    `use` is what was counted on chain for it, or tried to be: 16 bytes, None under a plan without a quota. A
    use that was counted can be answered again, then also when `decision` says that the quota is spent.

    `valid_until` is how long a released key may be used under this grant, in Unix seconds: never longer than
    the licence runs. None without one.

    `public_key` and `purpose` are what was asked with, `at` is in Unix seconds, `id` 16 random bytes.
    """

    id: bytes
    at: int
    licence: int
    account: bytes
    public_key: bytes
    purpose: str
    denial: str | None
    decision: Decision | None
    use: bytes | None = None
    valid_until: int | None = None

    @property
    def rule(self) -> str:
        """The rule that it was decided by (R14): the chain's, by its name there, or the vault's, by its code.
        The chain's can be replayed: it follows from `decision` alone."""
        chain = None if self.decision is None else self.decision.denial
        if self.denial is None:
            return f"{RULES}:chain:{'UseCounted' if chain == QUOTA_SPENT else 'Granted'}"
        return f"{RULES}:chain:{chain}" if self.denial == "denied" else f"{RULES}:vault:{self.denial}"
