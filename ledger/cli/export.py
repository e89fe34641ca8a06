"""The history as one archive, by which anybody sees with no network that nothing was left out."""

from enum import StrEnum
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Final

import typer

from ledger.chain.finality import parse_finality
from ledger.chain.rpc import Rpc
from ledger.cli.evidence import FinalityRule, TrustPath, trusted
from ledger.cli.session import Options, run
from ledger.client.service import Service
from ledger.indexer.exported import told

WITHIN: Final = 600
"""Seconds for the service to write an archive."""


class ExportFormat(StrEnum):
    csv = "csv"
    ndjson = "ndjson"
    parquet = "parquet"


def history(
    context: typer.Context,
    to: Annotated[Path, typer.Option(help="Archive to write.")] = Path("history.zip"),
    first: Annotated[int | None, typer.Option(help="First block; default: the exchange's first.")] = None,
    last: Annotated[int | None, typer.Option(help="Last block; default: the newest final one.")] = None,
    formats: Annotated[
        list[ExportFormat] | None, typer.Option("--format", help="Once for each; default: ndjson.")
    ] = None,
    stored: Annotated[
        bool,
        typer.Option("--stored", help="What the service holds of it (supervisor, operator), not the node."),
    ] = False,
    trust: TrustPath = None,
    finality: FinalityRule = "instant",
) -> None:
    """Every event of every contract, with the proof that none is missing. Check it with `socai verify`.

    It comes from the node that --rpc names, every block of which is checked; no account is needed.
    """
    options: Options = context.obj
    wanted = [one.value for one in formats or [ExportFormat.ndjson]]

    async def work() -> None:
        if stored:
            await _from_service(options, to, first, last, wanted)
        else:
            await _from_node(options, to, first, last, wanted, trust, finality)
        said = told(to)
        options.output.done(
            f"{to} holds blocks {said['first_block']} to {said['last_block']}. "
            "Verify it with `socai verify`.",
            {
                "entries": sum(said["entries"].values()),
                "block": said["last_block"],
                "bytes": to.stat().st_size,
            },
        )

    run(options.output, work)


async def _from_service(
    options: Options, to: Path, first: int | None, last: int | None, formats: list[str]
) -> None:
    asked = [f"format={one}" for one in formats]
    asked += [
        f"{name}={block}"
        for name, block in (("first_block", first), ("last_block", last))
        if block is not None
    ]
    async with Service(options.service_url, timeout=WITHIN) as service:
        await service.sign_in(options.account())
        with to.open("wb") as file:
            async for piece in service.receive(f"/v1/history/export?{'&'.join(asked)}"):
                file.write(piece)


async def _from_node(
    options: Options,
    to: Path,
    first: int | None,
    last: int | None,
    formats: list[str],
    trust: Path | None,
    finality: str,
) -> None:
    from ledger.indexer.export import Exporter  # only here: its tables take long to import
    from ledger.indexer.rebuild import beside
    from ledger.store.database import reading
    from ledger.store.index.history import IndexHistory

    manifest, believed = options.load_manifest(), trusted(options, trust)
    async with Rpc(options.rpc_url, timeout=60) as rpc:
        await manifest.check(rpc)
        with TemporaryDirectory(dir=to.parent, prefix=f".{to.name}.") as folder:
            scratch, final = Path(folder) / "index.sqlite", parse_finality(finality)
            async with beside(scratch, rpc, manifest, final, believed.anchor) as (database, _):
                exporter = Exporter(rpc, believed, manifest, reading(database, IndexHistory))
                await exporter.write(to, first, last, formats)
