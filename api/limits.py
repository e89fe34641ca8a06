"""Token buckets in this process's memory: with several processes, each counts for itself."""

import math
from collections import OrderedDict
from ipaddress import IPv6Address, ip_address
from typing import Final

from ledger.services.limits import RateLimited
from ledger.services.ports import Clock

MOST: Final = 100_000
"""Buckets kept; beyond that the one that was longest not asked for is forgotten."""


class TokenBuckets:
    """See `ledger.services.limits.Limiter`. `rate` in questions per second, 0 for no limit; `burst` of them
    may come at once. `clock` in seconds, never going back."""

    def __init__(self, rate: float, burst: int, clock: Clock) -> None:
        self._rate, self._burst, self._clock = rate, burst, clock
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, who: str) -> None:
        """Raises RateLimited."""
        if not self._rate:
            return
        now = self._clock()
        left, since = self._buckets.pop(who, (float(self._burst), now))
        left = min(left + (now - since) * self._rate, self._burst)
        self._buckets[who] = (max(left - 1, 0) if left >= 1 else left, now)
        if len(self._buckets) > MOST:
            self._buckets.popitem(last=False)
        if left < 1:
            raise RateLimited(math.ceil((1 - left) / self._rate))


def network(host: str) -> str:
    """Whom an address counts for: itself, or its /64, which is what one customer gets of IPv6."""
    try:
        address = ip_address(host)
    except ValueError:
        return host
    if isinstance(address, IPv6Address):
        return str(address.ipv4_mapped or IPv6Address(int(address) >> 64 << 64))
    return str(address)
