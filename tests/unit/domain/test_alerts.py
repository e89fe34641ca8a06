"""Alerts, each with the trades that caused it and with none that did not."""

import tracemalloc
from collections.abc import Iterable, Iterator
from itertools import count

import pytest

from ledger.domain.alerts import REPEATED_SECONDS, Alert, Sold, Watch
from ledger.domain.history import Trade

A, B, C = (bytes([n]) * 20 for n in (1, 2, 3))
DAY = 86_400
Deal = tuple[Trade, Sold]


@pytest.fixture
def places() -> Iterator[int]:
    return count(1)


def deal(
    places: Iterator[int],
    buyer: bytes,
    seller: bytes,
    price: int,
    *,
    at: int = 0,
    listing: int = 1,
    people: dict[str, int] | None = None,
    personal: bool = False,
) -> Deal:
    trade = Trade(
        block_number=next(places),
        log_index=0,
        licence=(listing << 48) + 1,
        buyer=buyer,
        version=1,
        price=price,
        currency=1,
        renewal=False,
        time=at,
    )
    return trade, Sold(seller, "people" if personal else "items", "other", personal, people)


def alerts(deals: Iterable[Deal]) -> list[Alert]:
    watch = Watch()
    for trade, sold in deals:
        watch.add(trade, sold)
    return watch.alerts()


def of(found: list[Alert], kind: str) -> list[Alert]:
    return [alert for alert in found if alert.kind == kind]


def test_R28_purchases_together_cross_a_threshold(places: Iterator[int]) -> None:
    deals = [
        deal(places, A, B, 0, listing=1, people={"basic": 60_000}, personal=True),
        deal(places, A, C, 0, listing=2, people={"basic": 39_999}, personal=True),
        deal(places, C, B, 0, listing=1, people={"basic": 60_000}, personal=True),
    ]
    assert of(alerts(deals), "threshold") == []
    deals.append(deal(places, A, C, 0, listing=3, people={"basic": 1, "sensitive": 9_999}, personal=True))
    (alert,) = of(alerts(deals), "threshold")
    assert (alert.accounts, alert.entries) == ((A,), ((1, 0), (2, 0), (4, 0)))
    assert alert.facts == {"people": "basic", "count": 100_000, "threshold": 100_000, "together": "important"}
    deals.append(deal(places, A, C, 0, listing=4, people={"basic": 900_000, "sensitive": 1}, personal=True))
    basic, sensitive = of(alerts(deals), "threshold")
    assert (basic.facts["together"], sensitive.facts["together"]) == ("core", "important")
    assert sensitive.entries == ((4, 0), (5, 0))


def test_R28_the_same_people_count_once_and_the_uncounted_are_told(places: Iterator[int]) -> None:
    deals = [deal(places, A, B, 0, people={"basic": 60_000}, personal=True) for _ in range(3)]
    assert alerts(deals) == []
    (alert,) = alerts([*deals, deal(places, A, B, 0, listing=9, personal=True)])
    assert (alert.kind, alert.facts, alert.entries) == ("uncounted", {"listings": ["9"]}, ((4, 0),))
    assert alerts([deal(places, A, B, 0, listing=9)]) == []


def test_R03_two_who_buy_from_each_other(places: Iterator[int]) -> None:
    there, back = deal(places, A, B, 100), deal(places, B, A, 100, listing=2, at=29 * DAY)
    (alert,) = alerts([there, back])
    assert (alert.kind, alert.accounts, alert.entries) == ("reciprocal", (A, B), ((1, 0), (2, 0)))
    assert alert.facts["value"] == "200"
    assert alerts([there, deal(places, B, A, 100, listing=2, at=31 * DAY)]) == []
    assert alerts([there, deal(places, B, A, 0, listing=2)]) == []
    assert alerts([there, deal(places, B, C, 100, listing=2)]) == []
    (alert,) = alerts([deal(places, A, A, 100)])
    assert (alert.kind, alert.accounts) == ("reciprocal", (A,))


def test_R03_one_plan_bought_again_and_again(places: Iterator[int]) -> None:
    deals = [deal(places, A, B, 100, at=n * REPEATED_SECONDS // 4) for n in range(5)]
    (alert,) = alerts(deals)
    assert (alert.kind, alert.accounts, len(alert.entries)) == ("repeated", (A, B), 5)
    assert alerts(deals[:4]) == []
    assert alerts([deal(places, A, B, 100, at=n * REPEATED_SECONDS // 3) for n in range(5)]) == []


def test_R03_a_price_far_from_the_usual(places: Iterator[int]) -> None:
    usual = [deal(places, A, B, 1000 + n, listing=n + 1) for n in range(8)]
    assert alerts(usual) == []
    assert alerts([*usual, deal(places, A, C, 2500, listing=20)]) == []
    (alert,) = alerts([*usual, deal(places, A, C, 10_000, listing=20)])
    assert (alert.kind, alert.accounts, alert.entries) == ("price", (C,), ((10, 0),))
    assert (alert.facts["price"], alert.facts["compared"]) == ("10000", 9)
    (alert,) = alerts([*usual, deal(places, A, C, 100, listing=20)])
    assert alert.facts["score"] < 0
    assert alerts([*usual[:6], deal(places, A, C, 10_000, listing=20)]) == []


def test_R28_trades_are_not_kept(places: Iterator[int]) -> None:
    tracemalloc.start()
    watch, sizes = Watch(), []
    for day in range(3000):
        watch.add(*deal(places, A, B, 100, at=day * DAY))
        if day % 1000 == 999:
            sizes.append(tracemalloc.get_traced_memory()[0])
    tracemalloc.stop()
    assert watch.alerts() == []
    assert sizes[2] - sizes[0] < 10_000
