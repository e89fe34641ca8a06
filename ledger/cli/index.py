"""What an operator does with the index."""

import time
from pathlib import Path
from typing import Annotated

import typer

from ledger.chain.finality import parse_finality
from ledger.chain.rpc import Rpc
from ledger.chain.trust import trust_of
from ledger.cli.session import Options, run
from ledger.store.database import Database


def rebuild(
    context: typer.Context,
    database_url: Annotated[
        str | None,
        typer.Option("--database", envvar="SOCAI_DATABASE_URL", help="Default: the SQLite file in --data."),
    ] = None,
    finality: Annotated[
        str, typer.Option(envvar="SOCAI_FINALITY", help="Which block is final, as for the service.")
    ] = "instant",
    trust: Annotated[
        Path | None, typer.Option(envvar="SOCAI_TRUST", help="Trust file, as for the service.")
    ] = None,
) -> None:
    """Builds the index anew from the chain while the old one serves, and says what was wrong with the old."""
    from ledger.indexer.rebuild import rebuild as rebuild_index  # only here: its tables take long to import

    options: Options = context.obj

    async def work() -> None:
        started = time.monotonic()
        manifest, final = options.load_manifest(), parse_finality(finality)
        database = Database(database_url or f"sqlite:///{options.data / 'socai.sqlite'}")
        try:
            await database.migrate()
            async with Rpc(options.rpc_url) as rpc:
                await manifest.check(rpc)
                scratch = options.data / "index-rebuild.sqlite"
                anchor = trust_of(manifest, trust).anchor
                rebuilt = await rebuild_index(database, scratch, rpc, manifest, final, anchor)
        finally:
            await database.close()
        options.output.done(
            f"The index is rebuilt up to block {rebuilt.progress.block} after "
            f"{time.monotonic() - started:.1f} s. {_compared(rebuilt.wrong)}",
            {"block": rebuilt.progress.block, "final": rebuilt.progress.final, "differed": rebuilt.wrong},
        )

    run(options.output, work)


def _compared(wrong: tuple[str, ...] | None) -> str:
    if wrong is None:
        return "The old one stood at another block: the two were not compared."
    return (
        f"The old one differed in {', '.join(wrong)}." if wrong else "The old one was the same, bit for bit."
    )
