"""Bank payments against a bank's statement."""

from dataclasses import replace

from ledger.domain.reconciliation import BankPayment, Line, reconcile

A, B = b"\x0a" * 32, b"\x0b" * 32
PAID = BankPayment(
    reference=A,
    provider=bytes(20),
    licence=7,
    currency=1,
    amount=500,
    time=0,
    block_number=1,
    log_index=0,
    order="settled",
    confirmed=500,
    allocated=500,
)


def kinds(payments: list[BankPayment], lines: list[Line]) -> list[str]:
    return [one.kind for one in reconcile(payments, lines)]


def test_R27_what_agrees_is_no_exception() -> None:
    assert reconcile([PAID], [Line(A, 500)]) == []
    assert reconcile([replace(PAID, order="open", allocated=0)], [Line(A, 500)]) == []
    assert reconcile([], []) == []


def test_R27_every_disagreement_is_listed() -> None:
    assert kinds([PAID], []) == ["not-on-statement"]
    assert kinds([], [Line(A, 500)]) == ["not-on-chain"]
    (one,) = reconcile([PAID], [Line(A, 400)])
    assert (one.kind, one.on_chain, one.on_statement, one.licence) == ("amount", 500, 400, 7)
    assert kinds([PAID], [Line(A, 500), Line(A, 500)]) == ["twice-on-statement"]
    assert kinds([PAID], [Line(B, 500)]) == ["not-on-statement", "not-on-chain"]
    assert kinds([replace(PAID, allocated=499)], [Line(A, 500)]) == ["split"]
    assert kinds([replace(PAID, order="open", allocated=501)], [Line(A, 500)]) == ["split"]
