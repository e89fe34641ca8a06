"""Whether the exchange still holds what is listed."""

from typing import Annotated

import typer

from ledger.cli.session import Options, run
from ledger.client import possession as spot


def possession(
    context: typer.Context,
    listing: Annotated[int, typer.Argument(help="Listing id.")],
    version: Annotated[int, typer.Option(help="Version number.")] = 1,
    samples: Annotated[int, typer.Option(min=1, max=1000, help="Blocks to be shown.")] = 16,
) -> None:
    """Has the exchange show random blocks of a version, and checks them against the chain. Anybody may."""
    options: Options = context.obj

    async def work() -> None:
        async with options.listed(listing, version) as (service, listed):
            held = await spot.check(service, listed.root, listed.size, samples)
        options.output.done(
            f"{len(held.blocks)} of {held.count} blocks were shown, and are those that were listed.",
            {"root": listed.root, "size": listed.size, "blocks": len(held.blocks), "of": held.count},
        )

    run(options.output, work)
