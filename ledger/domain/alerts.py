"""What a supervisor is to look at: thresholds crossed by purchases together, trades for show, odd prices.

An alert accuses nobody: it says what was seen, under which figure, and which entries show it. The figures
are ours, dated, and not legal advice.
"""

import math
from collections import defaultdict, deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
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


@dataclass(slots=True)
class _Causes:
    """Trades that caused an alert: how many, worth how much together, and the places of the first."""

    count: int = 0
    value: int = 0
    places: list[tuple[int, int]] = field(default_factory=list)

    def add(self, trade: Trade) -> None:
        self.count += 1
        self.value += trade.price
        if len(self.places) < MOST_ENTRIES:
            self.places.append((trade.block_number, trade.log_index))


class Watch:
    """Trades in, in order, alerts out. Held is what each buyer, pair and plan comes to, and only those trades
    that a later one may still join."""

    def __init__(self) -> None:
        self._holdings: dict[bytes, _Holding] = defaultdict(_Holding)
        self._pairs: dict[tuple[bytes, bytes], _Pair] = defaultdict(_Pair)
        self._runs: dict[tuple[int, bytes, bytes], _Run] = defaultdict(_Run)
        self._plans: dict[int, _Plan] = {}

    def add(self, trade: Trade, sold: Sold) -> None:
        if sold.personal:
            self._holdings[trade.buyer].add(trade, sold)
        if trade.price:
            low, high = sorted((trade.buyer, sold.seller))
            self._pairs[low, high].add(trade, sold.seller)
        if trade.price and not trade.renewal:
            plan = plan_of(trade.licence)
            self._runs[plan, trade.buyer, sold.seller].add(trade)
            self._plans.setdefault(plan, _Plan(sold, trade.price)).add(trade, sold)

    def alerts(self) -> list[Alert]:
        """All of them, so far."""
        return [*self._thresholds(), *self._reciprocal(), *self._repeated(), *self._prices()]

    def _thresholds(self) -> Iterator[Alert]:
        for buyer, held in sorted(self._holdings.items()):
            for kind, levels in THRESHOLDS.items():
                total = sum(held.people[kind].values())
                crossed = [level for level, least in levels.items() if total >= least]
                if crossed:
                    level = crossed[-1]
                    facts = {"people": kind, "count": total, "threshold": levels[level], "together": level}
                    yield _alert("threshold", [buyer], facts, held.causes[kind])
            if held.uncounted.count:
                listings = [str(one) for one in sorted(held.listings)]
                yield _alert("uncounted", [buyer], {"listings": listings}, held.uncounted)

    def _reciprocal(self) -> Iterator[Alert]:
        for accounts, pair in sorted(self._pairs.items()):
            near = pair.near
            if near.count:
                facts = {"trades": near.count, "value": str(near.value), "within_seconds": RECIPROCAL_SECONDS}
                yield _alert("reciprocal", accounts, facts, near)

    def _repeated(self) -> Iterator[Alert]:
        for (plan, buyer, seller), run in sorted(self._runs.items()):
            if run.causes.count:
                purchases = run.causes.count
                facts = {"plan": str(plan), "purchases": purchases, "within_seconds": REPEATED_SECONDS}
                yield _alert("repeated", [buyer, seller], facts, run.causes)

    def _prices(self) -> Iterator[Alert]:
        """A plan counts once, however often it was sold; compared is with what is of its currency and
        classes."""
        groups: dict[tuple[int, str, str], dict[int, float]] = defaultdict(dict)
        for number, plan in self._plans.items():
            for group, price in plan.prices.items():
                groups[group][number] = price
        for (currency, subject, importance), prices in sorted(groups.items()):
            if len(prices) < FEWEST:
                continue
            usual = median(prices.values())
            spread = max(median(abs(price - usual) for price in prices.values()), LEAST_SPREAD)
            for number, price in sorted(prices.items()):
                score = 0.6745 * (price - usual) / spread
                if abs(score) > OUTLYING:
                    plan = self._plans[number]
                    facts = {
                        "plan": str(number),
                        "price": str(plan.price),
                        "usual": str(round(math.exp(usual))),
                        "score": round(score, 1),
                        "compared": len(prices),
                        "currency": currency,
                        "subject": subject,
                        "importance": importance,
                    }
                    yield _alert("price", [plan.seller], facts, plan.causes)


class _Holding:
    """Of a buyer: how many people's data. Of a listing bought in several versions, the one with most people
    counts: they are mostly the same."""

    def __init__(self) -> None:
        self.people: dict[str, dict[int, int]] = {kind: defaultdict(int) for kind in THRESHOLDS}
        self.causes = {kind: _Causes() for kind in THRESHOLDS}
        self.listings: set[int] = set()
        self.uncounted = _Causes()

    def add(self, trade: Trade, sold: Sold) -> None:
        listing = listing_of(trade.licence)
        if sold.people is None:
            self.listings.add(listing)
            self.uncounted.add(trade)
            return
        for kind, people in self.people.items():
            count = sold.people.get(kind, 0)
            if count > people[listing]:
                people[listing] = count
                self.causes[kind].add(trade)


class _Pair:
    """Two accounts, or one that buys from itself. `near` are trades with one the other way in time."""

    def __init__(self) -> None:
        self.near = _Causes()
        self._waiting: dict[bytes, deque[Trade]] = defaultdict(deque)
        """By buyer: those without, that may still get one."""
        self._last: dict[bytes, int] = {}

    def add(self, trade: Trade, seller: bytes) -> None:
        self._last[trade.buyer] = trade.time
        earliest = trade.time - RECIPROCAL_SECONDS
        mine, other = self._waiting[trade.buyer], self._waiting[seller]
        for waiting in (mine, other):
            while waiting and waiting[0].time < earliest:
                waiting.popleft()
        if self._last.get(seller, earliest - 1) < earliest:
            mine.append(trade)
            return
        while other:
            self.near.add(other.popleft())
        self.near.add(trade)


class _Run:
    """Of a buyer, purchases of one plan: the newest, and those that came too fast."""

    def __init__(self) -> None:
        self.causes = _Causes()
        self._newest: deque[Trade] = deque(maxlen=REPEATED)
        self._caused = 0
        """How many of the newest are causes already: the first."""

    def add(self, trade: Trade) -> None:
        if len(self._newest) == REPEATED:
            self._caused = max(0, self._caused - 1)
        self._newest.append(trade)
        if len(self._newest) == REPEATED and trade.time - self._newest[0].time <= REPEATED_SECONDS:
            for one in list(self._newest)[self._caused :]:
                self.causes.add(one)
            self._caused = REPEATED


class _Plan:
    """What is sold under it: by whom, at which price first, and the price by currency and classes."""

    def __init__(self, sold: Sold, price: int) -> None:
        self.seller, self.price = sold.seller, price
        self.causes = _Causes()
        self.prices: dict[tuple[int, str, str], float] = {}

    def add(self, trade: Trade, sold: Sold) -> None:
        self.causes.add(trade)
        self.prices[trade.currency, sold.subject, sold.importance] = math.log(trade.price)


def _alert(kind: str, accounts: Iterable[bytes], facts: Mapping[str, Any], causes: _Causes) -> Alert:
    return Alert(kind, tuple(dict.fromkeys(accounts)), facts, tuple(sorted(causes.places)))
