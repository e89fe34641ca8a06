"""Daily reconciliation of bank payments: the statement stays where it is."""

import csv
import re
from datetime import date
from pathlib import Path
from typing import Annotated, Any

import typer

from ledger.cli.session import UNTRUE, Options, run
from ledger.client.service import Service
from ledger.domain.reconciliation import BankPayment, Difference, Line
from ledger.domain.reconciliation import reconcile as compare


def reconcile(
    context: typer.Context,
    day: Annotated[str, typer.Argument(metavar="DATE", help="A day in Việt Nam: 2026-11-22.")],
    statement: Annotated[
        Path,
        typer.Option(
            exists=True, dir_okay=False, help="The bank's statement: CSV with reference and amount."
        ),
    ],
    provider: Annotated[str | None, typer.Option(help="Whose payments, for overseers; default: all.")] = None,
) -> None:
    """Compares a day's bank payments on chain with the bank's own statement; 4 if there are exceptions."""
    options: Options = context.obj
    try:
        date.fromisoformat(day)
        lines = _lines(statement)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None

    async def work() -> bool:
        async with Service(options.service_url) as service:
            await service.sign_in(options.account())
            of = f"?provider={provider}" if provider else ""
            found = await service.json("GET", f"/v1/reconciliations/{day}{of}")
        payments = [_payment(one) for one in found["payments"]]
        exceptions = compare(payments, lines)
        shown: dict[str, Any] = {"exceptions": [_shown(one) for one in exceptions]}
        if not options.output.as_json:
            shown = {f"{at}. {one.kind}": _said(one) for at, one in enumerate(exceptions, 1)}
        options.output.done(
            f"{day}: {len(payments)} payments on chain, {len(lines)} on the statement, {len(exceptions)} "
            f"exception(s), as of block {found['block_number']}.",
            shown,
        )
        return bool(exceptions)

    if run(options.output, work):
        raise typer.Exit(UNTRUE)


def _lines(path: Path) -> list[Line]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        found = []
        for number, row in enumerate(csv.DictReader(file), 2):
            reference, amount = (row.get(name) or "" for name in ("reference", "amount"))
            if not re.fullmatch("0x[0-9a-fA-F]{64}", reference) or not re.fullmatch("[0-9]{1,28}", amount):
                raise ValueError(
                    f"{path}, line {number}: reference is 0x and 64 digits, amount a whole number"
                )
            found.append(Line(bytes.fromhex(reference[2:]), int(amount)))
        return found


def _payment(one: dict[str, Any]) -> BankPayment:
    return BankPayment(
        reference=bytes.fromhex(one["reference"][2:]),
        provider=bytes.fromhex(one["provider"][2:]),
        licence=int(one["licence"]),
        currency=one["currency"],
        amount=int(one["amount"]),
        time=0,
        block_number=one["block_number"],
        log_index=one["log_index"],
        order=one["order"],
        confirmed=int(one["confirmed"]),
        allocated=int(one["allocated"]),
    )


def _shown(one: Difference) -> dict[str, Any]:
    return {
        "kind": one.kind,
        "reference": f"0x{one.reference.hex()}",
        "on_chain": one.on_chain,
        "on_statement": one.on_statement,
        "licence": None if one.licence is None else str(one.licence),
    }


def _said(one: Difference) -> str:
    amounts = f"on chain {one.on_chain or '-'}, on the statement {one.on_statement or '-'}"
    return f"0x{one.reference.hex()}: {amounts}" + (f", licence {one.licence}" if one.licence else "")
