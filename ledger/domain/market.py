"""The bit masks of `contracts/types/`, which the contracts' ABI does not tell."""

from enum import IntFlag


class Role(IntFlag):
    """What an account may do: market roles (seller, buyer, or both) or exactly one oversight role (R20)."""

    SELLER = 1 << 0
    BUYER = 1 << 1
    REVIEWER = 1 << 2
    CUSTODIAN = 1 << 3
    PAYMENT_PROVIDER = 1 << 4
    ARBITER = 1 << 5
    SUPERVISOR = 1 << 6


class Kind(IntFlag):
    """What a listing version is attested for."""

    LEGAL = 1 << 0
    SECURITY = 1 << 1
    QUALITY = 1 << 2
    CUSTODY = 1 << 3


class Right(IntFlag):
    """What a plan grants beyond access."""

    TRANSFERABLE = 1 << 0
    DERIVABLE = 1 << 1
    UPDATES = 1 << 2
    STREAMING = 1 << 3
    RESEARCH = 1 << 4
    STATE_FEE = 1 << 5


NEVER = 2**40 - 1
"""The expiry of a licence without one."""

NO_LIMIT = 2**32 - 1
"""The cap of a plan without one."""

DONG = 1
"""The currency that a deployment adds: its settlement token, or a bank's word for it."""
