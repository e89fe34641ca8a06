"""What an account was paid."""

from datetime import datetime
from pathlib import Path
from typing import Annotated, Final

import typer

from ledger.cli.session import Options, run
from ledger.client.service import Service

FORMS: Final = ("csv", "json", "pdf")
LARGEST: Final = 1 << 26
"""Bytes of a statement."""
DAY: Final = 86_400

Day = Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="A day, in this machine's time.")]


def statement(
    context: typer.Context,
    to: Annotated[Path, typer.Option(help="File to write, .pdf, .csv or .json.")] = Path("statement.pdf"),
    since: Day = None,
    until: Day = None,
) -> None:
    """Everything the account came to be owed, and what it withdrew."""
    options: Options = context.obj
    form = to.suffix.removeprefix(".")
    if form not in FORMS:
        raise typer.BadParameter("--to ends in .pdf, .csv or .json")
    asked = f"format={form}"
    if since is not None:
        asked += f"&since={int(since.timestamp())}"
    if until is not None:
        asked += f"&until={int(until.timestamp()) + DAY - 1}"

    async def work() -> None:
        async with Service(options.service_url) as service:
            await service.sign_in(options.account())
            data = await service.whole(f"/v1/account/statement?{asked}", LARGEST)
        to.write_bytes(data)
        options.output.done(f"{to} is the account's statement.", {"file": str(to), "bytes": len(data)})

    run(options.output, work)
