"""Events in, state out: every event through its projection (`ledger.indexer.projections`).

    state = replay((entry, block_time) …)

The index in SQL is this replay over tables in SQL (`ledger.indexer.mirror`): there are no other rules.

No contract is asked anything. An order of events that the contracts cannot have emitted raises, so what comes
out is a state that they can have been in; that no event is missing, only `state.journals` against the
contracts' `journalHead` shows.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

from ledger.chain.bindings import CONTRACTS
from ledger.indexer.projections import IGNORED, PROJECTIONS, Impossible
from ledger.indexer.state import Journal, State
from ledger.proofs import journal

if TYPE_CHECKING:
    from ledger.chain.events import Entry


class ReplayError(Exception):
    """The entries cannot be replayed. The state is as of the entry before this one."""

    def __init__(self, entry: "Entry", why: str) -> None:
        super().__init__(
            f"block {entry.block_number}, log {entry.id.log_index}, {entry.contract}."
            f"{entry.event.abi_name}: {why}"
        )
        self.entry = entry


class OutOfOrder(ReplayError):
    """The entry is not after the one before it."""


class UnknownEvent(ReplayError):
    """No projection handles the event and none ignores it."""


class ImpossibleEvent(ReplayError):
    """The contracts cannot have emitted it after what came before: it is invented, or others are missing."""


_NONE: Final = Journal()
JOURNALLED: Final = frozenset(
    event
    for contract in CONTRACTS.values()
    if hasattr(contract, "journal_head")
    for event in contract.events.values()
)


def replay(entries: Iterable[tuple["Entry", int]], state: State | None = None) -> State:
    """The state after all entries, each with the time of its block; `state`, when given, is carried on.

    Raises OutOfOrder, UnknownEvent, ImpossibleEvent.
    """
    state = State() if state is None else state
    for entry, block_time in entries:
        apply(state, entry, block_time)
    return state


def apply(state: State, entry: "Entry", block_time: int) -> None:
    """Carries the state on by one entry. Raises OutOfOrder, UnknownEvent, ImpossibleEvent."""
    event, kind = entry.event, type(entry.event)
    place = (entry.block_number, entry.id.log_index)
    before = (state.place, state.block_time)
    if place <= state.place:
        raise OutOfOrder(entry, f"comes after block {state.place[0]}, log {state.place[1]}")
    same_block = place[0] == state.place[0]
    if block_time != state.block_time if same_block else block_time < state.block_time:
        raise OutOfOrder(entry, f"its time {block_time} comes after {state.block_time}")
    project = PROJECTIONS.get(kind)
    if project is None and kind not in IGNORED:
        raise UnknownEvent(entry, "no projection handles it and none ignores it")
    state.place, state.block_time = place, block_time
    try:
        if project is not None:
            project(state, event)
    except Impossible as error:
        state.place, state.block_time = before
        raise ImpossibleEvent(entry, str(error)) from None
    if kind in JOURNALLED:
        past = state.journals.get(entry.contract, _NONE)
        head = journal.fold(past.head, event.topic0, entry.args)
        state.journals[entry.contract] = Journal(past.length + 1, head)
