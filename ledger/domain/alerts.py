"""What a supervisor is to look at: thresholds crossed by purchases together, trades for show, odd prices.

An alert accuses nobody: it says what was seen, under which figure, and which entries show it. The figures
are ours, dated, and not legal advice.
"""

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from statistics import median
from typing import Any, Final

from ledger.domain.history import Trade
from ledger.domain.ids import listing_of, plan_of

TABLE: Final = "socai-alerts-2026-11-22"
"""The figures below. The numbers of people are those that Decision 20/2025 is read to set (R28)."""
THRESHOLDS: Final[Mapping[str, Mapping[str, int]]] = {
    "basic": {"important": 100_000, "core": 1_000_000},
    "sensitive": {"important": 10_000, "core": 100_000},
}
"""How many people's data, of a kind, make what one buyer holds together important, or core."""
RECIPROCAL_SECONDS: Final = 30 * 86_400
"""Two accounts that buy from each other within this time."""
REPEATED: Final = 5
REPEATED_SECONDS: Final = 86_400
"""So many paid purchases of one plan by one buyer within this time."""
FEWEST: Final = 8
"""Plans sold that are needed to say what a usual price is."""
OUTLYING: Final = 3.5
"""Modified z-score (Iglewicz and Hoaglin 1993) of a price's logarithm, beyond which it is odd."""
LEAST_SPREAD: Final = math.log(1.25)
"""Prices that differ by less are never odd."""
MOST_ENTRIES: Final = 100
"""Entries named with one alert, the first."""


@dataclass(frozen=True, slots=True)
class Sold:
    """What a trade was about. `people` counts those in the data by kind, None where nobody says how many."""

    seller: bytes
    subject: str
    importance: str
    personal: bool
    people: Mapping[str, int] | None


@dataclass(frozen=True, slots=True)
class Alert:
    """`kind` is one of threshold, uncounted, reciprocal, repeated, price. `accounts` are those concerned,
    `entries` the places of the trades that caused it."""

    kind: str
    accounts: tuple[bytes, ...]
    facts: Mapping[str, Any]
    entries: tuple[tuple[int, int], ...]


def alerts(trades: Iterable[tuple[Trade, Sold]]) -> list[Alert]:
    """All of them, over trades in order."""
    whole = list(trades)
    return [*_thresholds(whole), *_reciprocal(whole), *_repeated(whole), *_prices(whole)]


def _thresholds(trades: list[tuple[Trade, Sold]]) -> Iterator[Alert]:
    """Of a listing bought in several versions, the one with most people counts: they are mostly the same."""
    by_buyer: dict[bytes, list[tuple[Trade, Sold]]] = defaultdict(list)
    for trade, sold in trades:
        if sold.personal:
            by_buyer[trade.buyer].append((trade, sold))
    for buyer, bought in sorted(by_buyer.items()):
        for kind, levels in THRESHOLDS.items():
            people: dict[int, int] = defaultdict(int)
            causes: list[Trade] = []
            for trade, sold in bought:
                count = (sold.people or {}).get(kind, 0)
                listing = listing_of(trade.licence)
                if count > people[listing]:
                    people[listing] = count
                    causes.append(trade)
            total = sum(people.values())
            crossed = [level for level, least in levels.items() if total >= least]
            if crossed:
                level = crossed[-1]
                facts = {"people": kind, "count": total, "threshold": levels[level], "together": level}
                yield _alert("threshold", [buyer], facts, causes)
        unsaid = [trade for trade, sold in bought if sold.people is None]
        if unsaid:
            listings = sorted({listing_of(trade.licence) for trade in unsaid})
            yield _alert("uncounted", [buyer], {"listings": [str(one) for one in listings]}, unsaid)


def _reciprocal(trades: list[tuple[Trade, Sold]]) -> Iterator[Alert]:
    paid: dict[tuple[bytes, bytes], list[Trade]] = defaultdict(list)
    for trade, sold in trades:
        if trade.price:
            paid[trade.buyer, sold.seller].append(trade)
    for (buyer, seller), bought in sorted(paid.items()):
        returned = paid.get((seller, buyer), [])
        if buyer > seller or (buyer != seller and not returned):
            continue
        near = [
            one
            for one in {*bought, *returned}
            if buyer == seller
            or any(
                abs(one.time - other.time) <= RECIPROCAL_SECONDS
                for other in (returned if one in bought else bought)
            )
        ]
        if near:
            value = sum(one.price for one in near)
            facts = {"trades": len(near), "value": str(value), "within_seconds": RECIPROCAL_SECONDS}
            yield _alert("reciprocal", sorted({buyer, seller}), facts, near)


def _repeated(trades: list[tuple[Trade, Sold]]) -> Iterator[Alert]:
    by_plan: dict[tuple[int, bytes, bytes], list[Trade]] = defaultdict(list)
    for trade, sold in trades:
        if trade.price and not trade.renewal:
            by_plan[plan_of(trade.licence), trade.buyer, sold.seller].append(trade)
    for (plan, buyer, seller), bought in sorted(by_plan.items()):
        causes: dict[Trade, None] = {}
        for first in range(len(bought) - REPEATED + 1):
            window = bought[first : first + REPEATED]
            if window[-1].time - window[0].time <= REPEATED_SECONDS:
                causes |= dict.fromkeys(window)
        if causes:
            facts = {"plan": str(plan), "purchases": len(causes), "within_seconds": REPEATED_SECONDS}
            yield _alert("repeated", [buyer, seller], facts, list(causes))


def _prices(trades: list[tuple[Trade, Sold]]) -> Iterator[Alert]:
    """A plan counts once, however often it was sold; compared is with what is of its currency and classes."""
    sold_by: dict[int, tuple[bytes, list[Trade]]] = {}
    groups: dict[tuple[int, str, str], dict[int, float]] = defaultdict(dict)
    for trade, sold in trades:
        if trade.price and not trade.renewal:
            plan = plan_of(trade.licence)
            sold_by.setdefault(plan, (sold.seller, []))[1].append(trade)
            groups[trade.currency, sold.subject, sold.importance][plan] = math.log(trade.price)
    for (currency, subject, importance), prices in sorted(groups.items()):
        if len(prices) < FEWEST:
            continue
        usual = median(prices.values())
        spread = max(median(abs(price - usual) for price in prices.values()), LEAST_SPREAD)
        for plan, price in sorted(prices.items()):
            score = 0.6745 * (price - usual) / spread
            if abs(score) > OUTLYING:
                seller, causes = sold_by[plan]
                facts = {
                    "plan": str(plan),
                    "price": str(causes[0].price),
                    "usual": str(round(math.exp(usual))),
                    "score": round(score, 1),
                    "compared": len(prices),
                    "currency": currency,
                    "subject": subject,
                    "importance": importance,
                }
                yield _alert("price", [seller], facts, causes)


def _alert(kind: str, accounts: list[bytes], facts: Mapping[str, Any], causes: Iterable[Trade]) -> Alert:
    places = sorted((cause.block_number, cause.log_index) for cause in causes)
    return Alert(kind, tuple(dict.fromkeys(accounts)), facts, tuple(places[:MOST_ENTRIES]))
