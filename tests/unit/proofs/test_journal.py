"""The journal fold: against the formula by hand, and against every way to spoil a history."""

from random import Random

import pytest
from eth_abi.abi import encode
from eth_hash.auto import keccak

from ledger.chain.abi import Event
from ledger.chain.bindings import exchange, listings, structs
from ledger.proofs.journal import (
    EMPTY,
    JournalCutOff,
    JournalError,
    JournalMismatch,
    JournalSurplus,
    Link,
    NotAHash,
    fold,
    fold_all,
    heads,
    verify,
)

A, B = "0x" + "aA" * 20, "0x" + "Bb" * 20


def links(count: int, seed: int = 7) -> list[Link]:
    random = Random(seed)  # noqa: S311
    return [Link(random.randbytes(32), random.randbytes(32 * random.randrange(9))) for _ in range(count)]


def test_one_entry_by_hand() -> None:
    topic0, args = keccak(b"Resumed(address)"), bytes(12) + b"\x11" * 20
    by_hand = keccak(encode(["bytes32", "bytes32", "bytes32"], [EMPTY, topic0, keccak(args)]))
    assert fold(EMPTY, topic0, args) == by_hand
    assert fold(by_hand, topic0, args) == keccak(by_hand + topic0 + keccak(args))


def test_known_answer() -> None:
    # computed with another library (pysha3), for other implementations to be checked against
    two = [Link(b"\x01" * 32, b""), Link(b"\x02" * 32, bytes(32))]
    assert [head.hex() for head in heads(two)] == [
        "36a0c33c94955b8ba02fcebb20ad230e140b8131bb7558ed6a11733c44c9b741",
        "436066c395fc180e3595704e6e998d90396478c8fb3ecf2f2ee042774bab4879",
    ]


def test_heads_and_fold_all_agree_and_continue() -> None:
    history = links(20)
    running = list(heads(history))
    assert fold_all(history) == running[-1]
    assert fold_all([]) == EMPTY
    assert fold_all(history[7:], running[6]) == running[-1]
    assert len(set(running)) == 20


def test_the_arguments_of_an_event_are_all_folded_in_declared_order() -> None:
    terms = exchange.TermsSet(1, 2, 3, 4)
    assert terms.journal_args() == b"".join(value.to_bytes(32, "big") for value in (1, 2, 3, 4))
    approval = listings.Approval("0x" + "11" * 20, "0x" + "22" * 20, 5)  # indexed, so in no log's data
    assert approval.journal_args() == bytes(12) + b"\x11" * 20 + bytes(12) + b"\x22" * 20 + bytes(31) + b"\5"


def test_every_journalled_event_has_arguments_of_fixed_size() -> None:
    """Then a log's topics and data, put in declared order, are the journal's bytes: no encoder is needed."""
    draft = structs.PlanDraft(1, 1, 1, 1, 1, 0, 0, "0x" + "00" * 20, bytes(32))
    event: Event = listings.PlanAdded(1 << 16, 1, "0x" + "00" * 20, draft)
    assert len(event.journal_args()) == 32 * (3 + 9)


def test_verify_counts() -> None:
    history = links(9)
    running = list(heads(history))
    assert verify(history, running[-1]) == 9
    assert verify([], EMPTY) == 0
    assert verify(history[4:], running[-1], start=running[3]) == 5
    assert verify(history, running[-1], known={0: EMPTY, 3: running[2], 9: running[-1]}) == 9


@pytest.mark.parametrize("way", ["remove", "alter topic", "alter args", "swap", "double", "invent"])
def test_threat_C24_each_entry_spoilt_is_seen(way: str) -> None:
    history = links(12)
    running = list(heads(history))
    for at in range(len(history) - (way == "swap")):
        spoilt = spoil(history, at, way)
        with pytest.raises(JournalMismatch) as caught:
            verify(spoilt, running[-1])
        assert caught.value.proven in (0, 12)  # 12: something was added after a whole journal
        assert fold_all(spoilt) != running[-1]
        # a head known for every place finds it
        known = dict(enumerate(running, 1))
        with pytest.raises(JournalMismatch) as caught:
            verify(spoilt, running[-1], known=known)
        assert caught.value.proven == {"double": at + 1}.get(way, at)


def spoil(history: list[Link], at: int, way: str) -> list[Link]:
    before, (topic0, args), after = history[:at], history[at], history[at + 1 :]
    match way:
        case "remove":
            return before + after
        case "alter topic":
            return [*before, Link(flip(topic0), args), *after]
        case "alter args":
            return [*before, Link(topic0, flip(args) if args else b"\0"), *after]
        case "swap":
            return [*before, after[0], history[at], *after[1:]]
        case "double":
            return [*before, history[at], history[at], *after]
        case _:
            return [*before, Link(bytes(32), b""), *history[at:]]


def flip(data: bytes) -> bytes:
    return data[:-1] + bytes([data[-1] ^ 1])


def test_every_byte_counts() -> None:
    history = links(3)
    head = fold_all(history)
    for number, (topic0, args) in enumerate(history):
        for at in range(32 + len(args)):
            whole = bytearray(topic0 + args)
            whole[at] ^= 1 << at % 8
            spoilt = [*history]
            spoilt[number] = Link(bytes(whole[:32]), bytes(whole[32:]))
            with pytest.raises(JournalMismatch):
                verify(spoilt, head)


def test_truncated() -> None:
    history = links(8)
    running = list(heads(history))
    for count in range(8):
        with pytest.raises(JournalMismatch) as caught:
            verify(history[:count], running[-1])
        assert caught.value.proven == 0
        with pytest.raises(JournalCutOff) as cut:
            verify(history[:count], running[-1], known=dict(enumerate(running, 1)))
        assert (cut.value.proven, cut.value.upto) == (count, count)
        assert f"end at {count}" in str(cut.value)


def test_surplus_says_where_the_journal_ends() -> None:
    history = links(8)
    running = list(heads(history))
    with pytest.raises(
        JournalSurplus, match=r"the first 5 entries are the whole journal .* the 3 after"
    ) as caught:
        verify(history, running[4])
    assert caught.value.proven == 5
    with pytest.raises(JournalSurplus) as caught:
        verify(history, EMPTY)
    assert caught.value.proven == 0


def test_the_message_says_from_where_nothing_can_be_said() -> None:
    history = links(10)
    running = list(heads(history))
    spoilt = spoil(history, 6, "alter args")
    with pytest.raises(
        JournalMismatch, match=r"the first 4 entries are proven; from entry 5 on nothing can be said"
    ):
        verify(spoilt, running[-1], known={4: running[3], 8: running[7]})
    with pytest.raises(JournalMismatch, match="no entry is proven; from entry 1 on"):
        verify(spoilt, running[-1])
    with pytest.raises(JournalMismatch, match="no entry is proven"):
        verify(history, running[-1], known={0: running[0]})


def test_another_start_is_another_journal() -> None:
    history = links(4)
    with pytest.raises(JournalMismatch):
        verify(history, fold_all(history), start=b"\1" * 32)


def test_bytes_cannot_move_between_the_parts() -> None:
    with pytest.raises(NotAHash):
        fold(b"\1" * 31, b"\2" * 33, b"")
    with pytest.raises(NotAHash):
        fold(EMPTY, b"\2" * 33, b"")
    with pytest.raises(NotAHash):
        verify([], b"")
    with pytest.raises(NotAHash):
        verify([], EMPTY, known={1: b"\1"})
    assert issubclass(NotAHash, JournalError)


def test_a_refusal_says_what_was_proven_and_what_was_found() -> None:
    history = links(3)
    running = list(heads(history))
    cases: list[tuple[list[Link], bytes, dict[int, bytes], tuple[int, int, bytes, bytes]]] = [
        (history, running[-1], {0: running[0]}, (0, 0, running[0], EMPTY)),
        (history, running[-1], {2: running[0]}, (0, 2, running[0], running[1])),
        (history[:2], running[-1], {3: running[-1]}, (0, 2, running[-1], running[1])),
        (history, EMPTY, {}, (0, 3, EMPTY, running[-1])),
    ]
    for given, expected, known, said in cases:
        with pytest.raises(JournalMismatch) as caught:
            verify(given, expected, known=known)
        error = caught.value
        assert (error.proven, error.upto, error.expected, error.found) == said
