"""Identifiers as `contracts/types/Ids.sol` builds them: a licence names its plan, a plan its listing.

listing  48 bits                  plan  listing ‖ 16 bits                  licence  plan ‖ 32 bits
"""


def plan_id(listing: int, index: int) -> int:
    """The plan numbered `index`, from 0, of a listing."""
    return listing << 16 | index


def listing_of_plan(plan: int) -> int:
    return plan >> 16


def plan_of(licence: int) -> int:
    return licence >> 32


def listing_of(licence: int) -> int:
    return licence >> 48
