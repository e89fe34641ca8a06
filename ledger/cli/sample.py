"""What a listing gives away."""

from pathlib import Path
from typing import Annotated

import typer

from ledger.cli.session import Options, run
from ledger.client import samples


def sample(
    context: typer.Context,
    listing: Annotated[int, typer.Argument(help="Listing id.")],
    to: Annotated[Path, typer.Option(help="File to write.")],
    version: Annotated[int, typer.Option(help="Version number.")] = 1,
) -> None:
    """Gets the sample of a listing, and checks it against the chain. Anybody may, without a licence."""
    options: Options = context.obj

    async def work() -> None:
        async with options.listed(listing, version) as (service, listed):
            found, content = await samples.receive(service, listed.metadata)
        to.write_bytes(content)
        options.output.done(
            f"{to} is the sample that the listing names.",
            {
                "sha256": found.sha256.hex(),
                "bytes": found.size,
                "media_type": found.media_type,
                "metadata": listed.metadata,
            },
        )

    run(options.output, work)
