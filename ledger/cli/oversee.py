"""The supervisor's and the operator's looks at the history. Each is on record in the access log."""

from pathlib import Path
from typing import Annotated, Any, Final

import typer

from ledger.cli.session import Options, run
from ledger.client.service import Service

LARGEST: Final = 1 << 26
"""Bytes of a dossier."""


def alerts(context: typer.Context) -> None:
    """What is to be looked at: thresholds crossed by purchases together, trades for show, odd prices."""
    options: Options = context.obj

    async def work() -> None:
        async with Service(options.service_url) as service:
            await service.sign_in(options.account())
            found = await service.json("GET", "/v1/history/alerts")
        said = (
            f"{len(found['alerts'])} alert(s) as of block {found['block_number']}, by table {found['table']}."
        )
        facts: dict[str, Any] = {"alerts": found["alerts"]}
        if not options.output.as_json:
            facts = {f"{at}. {alert['kind']}": _line(alert) for at, alert in enumerate(found["alerts"], 1)}
        options.output.done(said, facts)

    run(options.output, work)


def _line(alert: dict[str, Any]) -> str:
    told = ", ".join(f"{name} {value}" for name, value in alert["facts"].items())
    places = " ".join(f"{one['block_number']}-{one['log_index']}" for one in alert["entries"])
    return f"{' '.join(alert['accounts'])}: {told}; entries {places}"


def dossier(
    context: typer.Context,
    licence: Annotated[int, typer.Argument(metavar="LICENCE")],
    to: Annotated[Path | None, typer.Option(help="File to write, .pdf or .json.")] = None,
) -> None:
    """Everything about one transaction, with proofs: for its parties, supervisors and the operator."""
    options: Options = context.obj
    written = to or Path(f"dossier-{licence}.pdf")
    form = written.suffix.removeprefix(".")
    if form not in ("pdf", "json"):
        raise typer.BadParameter("--to ends in .pdf or .json")

    async def work() -> None:
        async with Service(options.service_url) as service:
            await service.sign_in(options.account())
            data = await service.whole(f"/v1/dossiers/licences/{licence}?format={form}", LARGEST)
        written.write_bytes(data)
        options.output.done(
            f"{written} is the dossier of licence {licence}. Verify it with `socai verify`.",
            {"file": str(written), "bytes": len(data)},
        )

    run(options.output, work)
