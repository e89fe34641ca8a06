"""The state over rows of SQL: the pure replay runs on it as on any other, and what it writes is kept.

`ledger.indexer.replay` has the only rules. Here its tables read a row when first asked for it and note what
is written; `flush` then tells how each row was and is, which is all that SQL needs to be changed, and changed
back. So an index is a replay that can be interrupted, and equals one done at once.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache
from operator import attrgetter
from typing import Any, Final, NamedTuple, TypeVar

from ledger.chain.abi import Event, of_event
from ledger.chain.bindings import CONTRACTS
from ledger.chain.bindings.exchange import Purchased
from ledger.chain.events import Entry
from ledger.domain.ids import listing_of, listing_of_plan, plan_of
from ledger.indexer.nouns import EXCHANGE, NOUNS, Noun, Part, account_of
from ledger.indexer.state import State
from ledger.store.index.rows import Change, IndexRows, Row, index_table

K = TypeVar("K")
V = TypeVar("V")

ROWS: Final = 100_000
"""Most rows kept in memory from one transaction to the next."""
_NO_WORD: Final = bytes(32)
ONLY: Final = 0
"""Key of the only row of `index_exchange`."""


class _Rows(dict[K, V]):
    """A table of the state: what is known of it so far. There is no going over all of it."""

    def __init__(self, table: "_Table", index: int, part: Part) -> None:
        super().__init__()
        self._table, self._part = table, part
        self._known, self._written = table.known, table.written
        self._column = table.noun.head + sum(before.width for before in table.noun.parts[:index])
        self._before: int | None = None

    def __missing__(self, key: K) -> V:
        if key in self._known:
            raise KeyError(key)
        self._table.load([key])
        return self[key]

    def get(self, key: K, default: Any = None) -> Any:
        if key not in self._known:
            self._table.load([key])
        return dict.get(self, key, default)

    def __contains__(self, key: object) -> bool:
        if key not in self._known:
            self._table.load([key])
        return dict.__contains__(self, key)

    def __setitem__(self, key: K, value: V) -> None:
        if key not in self._known:
            self._table.load([key])
        self._written[key] = None
        dict.__setitem__(self, key, value)

    def __len__(self) -> int:
        """In SQL, and those not yet there."""
        if self._before is None:
            self._before = self._table.count(self._column)
        return self._before + sum(
            dict.__contains__(self, key) and not self._held(key) for key in self._written
        )

    def __iter__(self) -> Iterator[K]:
        raise TypeError("a table in SQL is read by its keys; ask SQL for all of it")

    def items(self) -> Any:
        return iter(self)

    values = keys = items

    def flushed(self) -> None:
        self._before = None

    def read(self, key: K, value: V) -> None:
        dict.__setitem__(self, key, value)

    def lower(self, key: K) -> Row:
        if dict.__contains__(self, key):
            return self._part.lower(self[key])
        return (None,) * self._part.width

    def _held(self, key: K) -> bool:
        row = self._table.known[key]
        return row is not None and row[self._column] is not None


class _Table:
    """The rows of one noun, as SQL holds them (`known`) and as the state has them (`parts`)."""

    def __init__(self, noun: Noun, state: State) -> None:
        self.noun = noun
        self.sql: IndexRows | None = None
        self.known: dict[Any, Row | None] = {}
        self.written: dict[Any, None] = {}
        self._table = index_table(noun.name)
        self._parts: dict[str, _Rows[Any, Any]] = {}
        for index, part in enumerate(noun.parts):
            self._parts[part.path] = _Rows(self, index, part)
            _put(state, part.path, self._parts[part.path])

    def load(self, keys: Iterable[Any]) -> None:
        wanted = {self.noun.lower_key(key): key for key in keys if key not in self.known}
        if self.noun.lasting:
            self.known.update(dict.fromkeys(wanted.values()))
            return
        if self.sql is None:
            raise RuntimeError("the state over SQL is used outside a transaction")
        rows = self.sql.load(self._table, list(wanted)) if wanted else {}
        for lowered, key in wanted.items():
            self.known[key] = row = rows.get(lowered)
            for path, value in self.noun.lift(row).items() if row is not None else ():
                self._parts[path].read(key, value)

    def count(self, column: int) -> int:
        if self.sql is None:
            raise RuntimeError("the state over SQL is used outside a transaction")
        return self.sql.count(self._table, self._table.columns[column].name)

    def flush(self) -> Iterator[Change]:
        for key in self.written:
            before, after = self.known[key], self.noun.lower_head(key)
            for part in self._parts.values():
                after += part.lower(key)
            if after != before:
                yield Change(self._table, self.noun.lower_key(key), before, after)
            self.known[key] = after
        self.written.clear()
        for part in self._parts.values():
            part.flushed()


class Mirror:
    """`state` is good between `begin` and the end of the transaction; `forget` when that fails or reverts."""

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        """Drops what is in memory: SQL is read anew."""
        self.state = State()
        self._tables = {noun.name: _Table(noun, self.state) for noun in NOUNS}
        self._exchange: Row | None = None
        self._read = False

    def begin(self, sql: IndexRows) -> None:
        """In a new transaction."""
        if sum(len(table.known) for table in self._tables.values()) > ROWS:
            self.forget()
        for table in self._tables.values():
            table.sql = sql
        if not self._read:
            self._exchange = sql.load(index_table(EXCHANGE.name), [(ONLY,)]).get((ONLY,))
            for path, value in EXCHANGE.lift(self._exchange).items() if self._exchange is not None else ():
                _put(self.state, path, value)
            self._read = True

    def expect(self, entries: Sequence[Entry]) -> None:
        """Reads at once what entries are about; what this misses is read when it is asked for."""
        events: dict[type[Event], list[Any]] = {}
        for entry in entries:
            events.setdefault(type(entry.event), []).append(entry.event)
        wanted: dict[str, set[Any]] = {}
        for kind, found in events.items():
            for noun, keys in _about(kind, found):
                wanted.setdefault(noun, set()).update(keys)
        for sold in (entry.event for entry in entries if isinstance(entry.event, Purchased)):
            for noun in ("licences", "disputes"):
                self._tables[noun].known.setdefault(sold.licence)  # else the replay, or SQL, refuses it
        for noun, keys in wanted.items():
            self._tables[noun].load(keys)

    def flush(self) -> list[Change]:
        """What was written since the last time."""
        changes = [change for table in self._tables.values() for change in table.flush()]
        row: Row = (ONLY,)
        for part in EXCHANGE.parts:
            row += part.lower(getattr(self.state, part.path))
        if row != self._exchange:
            changes.append(Change(index_table(EXCHANGE.name), (ONLY,), self._exchange, row))
            self._exchange = row
        return changes


def read_state(sql: IndexRows) -> State:
    """All that the index says, as a replay would give it."""
    return lift_state(lambda name: sql.rows(index_table(name)))


def lift_state(rows: Callable[[str], Iterable[Row]]) -> State:
    """The state that has these rows, by the name of their noun."""
    state = State()
    for noun in NOUNS:
        put(state, noun, rows(noun.name))
    for row in rows(EXCHANGE.name):
        for path, value in EXCHANGE.lift(row).items():
            _put(state, path, value)
    return state


def put(state: State, noun: Noun, rows: Iterable[Row]) -> None:
    """Has the state hold what rows of the noun's table say."""
    for row in rows:
        for path, value in noun.lift(row).items():
            _table(state, path)[noun.lift_key(row)] = value


def state_rows(state: State) -> Iterator[tuple[str, Iterator[Row]]]:
    """The rows that a state has in SQL, by noun: what `lift_state` makes the state of."""
    for noun in NOUNS:
        yield noun.name, _noun_rows(noun, state)
    row: Row = (ONLY,)
    for part in EXCHANGE.parts:
        row += part.lower(getattr(state, part.path))
    yield EXCHANGE.name, iter([row])


def _noun_rows(noun: Noun, state: State) -> Iterator[Row]:
    tables = [(part, _table(state, part.path)) for part in noun.parts]
    for key in dict.fromkeys(key for _, table in tables for key in table):
        row = noun.lower_head(key)
        for part, table in tables:
            row += part.lower(table[key]) if key in table else (None,) * part.width
        yield row


def _table(state: State, path: str) -> dict[Any, Any]:
    holder, _, name = path.rpartition(".")
    found: dict[Any, Any] = getattr(getattr(state, holder) if holder else state, name)
    return found


def _put(state: State, path: str, value: Any) -> None:
    holder, _, name = path.rpartition(".")
    setattr(getattr(state, holder) if holder else state, name, value)


def subject(entry: Entry) -> tuple[int | None, int | None]:
    """The listing and the licence that an entry is about."""
    event, names = entry.event, _subject(type(entry.event))
    licence = None if names.licence is None else getattr(event, names.licence)
    if names.listing is not None:
        return getattr(event, names.listing), licence
    if licence is not None:
        return listing_of(licence), licence
    return None if names.plan is None else listing_of_plan(getattr(event, names.plan)), None


class _Subject(NamedTuple):
    """An event's contract, and names of the arguments that say what it is about."""

    contract: str
    listing: str | None
    licence: str | None
    plan: str | None


@of_event
def _subject(kind: type[Event]) -> _Subject:
    contract = next(name for name, of in CONTRACTS.items() if kind in of.events.values())
    names = {param.name for param in kind.abi_params}

    def called(name: str, register: str = "") -> str | None:
        if name in names:
            return name
        return "token_id" if contract == register and "token_id" in names else None

    return _Subject(contract, called("listing", "Listings"), called("licence", "Licences"), called("plan"))


def mentioned(entry: Entry) -> set[bytes]:
    """What the entry is found by: each account that it names, and a payment's reference."""
    event = entry.event
    accounts, references = _words(type(event))
    words = {_word_of(getattr(event, name)) for name in accounts}
    words.update(getattr(event, name) for name in references)
    words.discard(_NO_WORD)
    return words


@of_event
def _words(kind: type[Event]) -> tuple[list[str], list[str]]:
    """Names of the arguments that are accounts, and of those that are references."""
    return (
        [param.name for param in kind.abi_params if param.spec == "address"],
        [param.name for param in kind.abi_params if param.name == "payment_ref"],
    )


def word_of(account: bytes) -> bytes:
    """An account (20 bytes) as a word of `index_mentions`."""
    return account.rjust(32, b"\0")


@lru_cache(maxsize=1 << 14)
def _word_of(address: str) -> bytes:
    return word_of(account_of(address))


def _about(kind: type[Event], events: Sequence[Any]) -> Iterator[tuple[str, Iterable[Any]]]:
    """The keys, by noun, that events of one kind are about."""
    names = _subject(kind)
    yield "contracts", (names.contract,)
    if names.licence is not None:
        licences = set(map(attrgetter(names.licence), events))
        yield "licences", licences
        yield "plans", map(plan_of, licences)
        if names.contract == "Exchange":
            yield "disputes", licences
    elif names.listing is not None:
        yield "listings", map(attrgetter(names.listing), events)
    elif names.plan is not None:
        yield "listings", map(listing_of_plan, map(attrgetter(names.plan), events))
    for noun, name in _tables_of(kind):
        if noun == "versions":
            if names.listing is not None and names.licence is None:
                yield noun, map(attrgetter(names.listing, name), events)
        elif noun == "balances":
            yield noun, map(attrgetter("currency", "account"), events)
        else:
            yield noun, map(attrgetter(name), events)


@of_event
def _tables_of(kind: type[Event]) -> list[tuple[str, str]]:
    """Nouns that an event is about, each with the argument that is its key, or part of it."""
    found = []
    for param in kind.abi_params:
        if param.name == "payment_ref":
            found.append(("payments", param.name))
        elif param.name == "version":
            found.append(("versions", param.name))
        elif param.spec == "address":
            found.append(("participants", param.name))
    if {"currency", "account"} <= {param.name for param in kind.abi_params}:
        found.append(("balances", "account"))
    return found
