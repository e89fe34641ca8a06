"""The supervisor's and the operator's looks at the history. Each is on record in the access log."""

from typing import Any

import typer

from ledger.cli.session import Options, run
from ledger.client.service import Service


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
