"""Exports of the history: got from the service by who oversees it, checked by anybody with no network."""

import csv
import io
import json
import time
import zipfile
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from ledger.chain.abi import AbiError
from ledger.chain.bindings import CONTRACTS
from ledger.chain.plain import arguments
from ledger.cli.session import Options, run
from ledger.client.service import Service
from ledger.proofs import evidence
from ledger.proofs.error import ProofError
from ledger.proofs.journal import Link
from ledger.proofs.trust import Trust

READABLE: Final = ("entries.ndjson", "entries.csv")


class ExportDiffers(ProofError):
    """An export that is not what it says it is."""


class ExportFormat(StrEnum):
    csv = "csv"
    ndjson = "ndjson"
    parquet = "parquet"


def entries(
    context: typer.Context,
    to: Annotated[Path, typer.Option(help="Archive to write.")] = Path("history.zip"),
    first: Annotated[int | None, typer.Option(help="First block; default: the exchange's first.")] = None,
    last: Annotated[int | None, typer.Option(help="Last block; default: the newest final one.")] = None,
    formats: Annotated[
        list[ExportFormat] | None, typer.Option("--format", help="Once for each; default: ndjson.")
    ] = None,
) -> None:
    """Writes all entries of some blocks, with the proof that none is missing (supervisor, operator)."""
    options: Options = context.obj
    asked = [f"format={one.value}" for one in formats or [ExportFormat.ndjson]]
    asked += [f"{name}={block}" for name, block in (("first_block", first), ("last_block", last)) if block]

    async def work() -> None:
        async with Service(options.service_url, timeout=600) as service:
            await service.sign_in(options.account())
            with to.open("wb") as file:
                async for piece in service.receive(f"/v1/history/export?{'&'.join(asked)}"):
                    file.write(piece)
        told = _told(to)
        options.output.done(
            f"{to} holds blocks {told['first_block']} to {told['last_block']}. Check it with `socai verify`.",
            {"entries": sum(told["entries"].values()), "bytes": to.stat().st_size},
        )

    run(options.output, work)


def is_export(path: Path) -> bool:
    return zipfile.is_zipfile(path)


def verify_export(path: Path, trust: Trust, now: float) -> dict[str, Any]:
    """What is proven of an archive: entries by contract, blocks, anchor. Raises a `ProofError`."""
    told = _told(path)
    with zipfile.ZipFile(path) as archive:
        names = set(archive.namelist())
        files = [name for name in READABLE if name in names]
        if not files:
            raise ExportDiffers(
                "it holds neither entries.ndjson nor entries.csv: check the Parquet file otherwise"
            )
        counts, block, anchor = {}, None, ""
        for name in files:
            for contract in sorted(trust.contracts):
                if f"proofs/{contract}.json" not in names:
                    raise ExportDiffers(f"there is no proof for the entries of {contract}")
                bundle = archive.read(f"proofs/{contract}.json")
                links = _links(archive, name, contract)
                proven = evidence.verify(bundle, trust, now, apart=links)
                claim = proven.claim
                if (claim["type"], claim["contract"]) != ("journal", contract):
                    raise ExportDiffers(f"proofs/{contract}.json proves something else")
                begins = claim["after"]["number"] + 1 if claim["after"] else told["first_block"]
                if (begins, claim["block"]["number"]) != (told["first_block"], told["last_block"]):
                    raise ExportDiffers(f"proofs/{contract}.json is of other blocks than export.json says")
                counts[contract], block, anchor = claim["entries"], proven.block, proven.anchor
    return {"counts": counts, "block": block, "anchor": anchor, "first_block": told["first_block"]}


def _told(path: Path) -> dict[str, Any]:
    try:
        with zipfile.ZipFile(path) as archive:
            told: dict[str, Any] = json.loads(archive.read("export.json"))
            return told
    except (zipfile.BadZipFile, KeyError, ValueError) as error:
        raise ExportDiffers("it is no export: export.json is missing or damaged") from error


def _links(archive: zipfile.ZipFile, name: str, contract: str) -> Iterator[Link]:
    """The contract's rows as its journal folds them, each compared with its readable part."""
    last, number = 0, 0
    try:
        with archive.open(name) as file:
            for number, row in enumerate(_rows(file, name), 1):
                if row["contract"] != contract or not row["position"]:
                    continue
                topic0, data = (
                    bytes.fromhex(row[column].removeprefix("0x")) for column in ("topic0", "data")
                )
                event = CONTRACTS[contract].events[topic0].from_journal(data)
                if last and int(row["position"]) != last + 1:
                    raise ExportDiffers(
                        f"{name}, entry {number}: position {row['position']} comes after {last}"
                    )
                last = int(row["position"])
                said = row["arguments"]
                if (event.abi_name, arguments(event)) != (
                    row["event"],
                    json.loads(said) if isinstance(said, str) else said,
                ):
                    raise ExportDiffers(f"{name}, entry {number}: what is to be read is not what `data` says")
                yield Link(topic0, data)
    except (LookupError, ValueError, TypeError, AttributeError, AbiError, zipfile.BadZipFile) as error:
        raise ExportDiffers(f"{name} is damaged after entry {number}: {error!r}") from error


def _rows(file: Any, name: str) -> Iterator[dict[str, Any]]:
    text = io.TextIOWrapper(file, encoding="utf-8", newline="")
    if name.endswith(".csv"):
        csv.field_size_limit(1 << 24)
        yield from csv.DictReader(text)
        return
    for line in text:
        row: dict[str, Any] = json.loads(line)
        yield row


def shown(path: Path, found: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """What to print of a verified archive."""
    block = found["block"]
    when = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(block.time))
    total = sum(found["counts"].values())
    said = f"Complete: {total} entries up to block {block.number} ({when}), none missing, altered or added."
    return said, {**found["counts"], "anchor": found["anchor"], "from block": found["first_block"]}
