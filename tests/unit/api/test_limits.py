import pytest

from api import limits
from api.limits import TokenBuckets, network
from ledger.services.limits import RateLimited


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def taken(buckets: TokenBuckets, who: str, most: int = 1000) -> int:
    """How many questions pass at once."""
    for count in range(most):
        try:
            buckets.take(who)
        except RateLimited:
            return count
    return most


def test_threat_S13_a_burst_passes_then_the_rate_and_each_for_themselves() -> None:
    clock = Clock()
    buckets = TokenBuckets(2, 5, clock)
    assert taken(buckets, "a") == 5
    clock.now += 1
    assert taken(buckets, "a") == 2
    assert taken(buckets, "b") == 5
    clock.now += 3600
    assert taken(buckets, "a") == 5


def test_a_refusal_says_when_to_ask_again_and_costs_nothing() -> None:
    clock = Clock()
    buckets = TokenBuckets(0.1, 1, clock)
    buckets.take("a")
    for _ in range(10):
        with pytest.raises(RateLimited) as refused:
            buckets.take("a")
    assert refused.value.headers == {"Retry-After": "10"}
    clock.now += 10
    buckets.take("a")


def test_no_rate_is_no_limit() -> None:
    assert taken(TokenBuckets(0, 1, Clock()), "a") == 1000


def test_threat_S13_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MOST", 10)
    buckets = TokenBuckets(1, 1, Clock())
    for number in range(100):
        buckets.take(str(number))
    assert len(buckets._buckets) == 10


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
        ("", ""),
    ],
)
def test_an_address_counts_for_its_network(host: str, expected: str) -> None:
    assert network(host) == expected
