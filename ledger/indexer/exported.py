"""What an export proves, from nothing but its file and the trust of who holds it: no network, no index."""

import csv
import io
import json
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from ledger.chain.abi import AbiError
from ledger.chain.bindings import CONTRACTS
from ledger.chain.plain import arguments
from ledger.proofs import evidence
from ledger.proofs.claims import Block
from ledger.proofs.error import ProofError
from ledger.proofs.journal import Link
from ledger.proofs.trust import Trust

READABLE: Final = ("entries.ndjson", "entries.csv")
NOT_PROVEN: Final = "entries without a position: their contracts keep no journal"


class ExportDiffers(ProofError):
    """An export that is not what it says it is."""


@dataclass(frozen=True, slots=True)
class Proven:
    """Every event of the contracts' journals from `first_block` to `block`; `entries` by contract."""

    first_block: int
    block: Block
    anchor: str
    entries: Mapping[str, int]
    not_proven: tuple[str, ...]


def is_export(path: Path) -> bool:
    return zipfile.is_zipfile(path)


def told(path: Path) -> dict[str, Any]:
    """What the archive says of itself: `export.json`. Raises ExportDiffers."""
    try:
        with zipfile.ZipFile(path) as archive:
            found: dict[str, Any] = json.loads(archive.read("export.json"))
            return found
    except (zipfile.BadZipFile, KeyError, ValueError) as error:
        raise ExportDiffers("it is no export: export.json is missing or damaged") from error


def verify(path: Path, trust: Trust, now: float) -> Proven:
    """What an archive proves to who trusts `trust` and whose clock says `now` (Unix seconds).

    Raises a `ProofError`.
    """
    said = told(path)
    with zipfile.ZipFile(path) as archive:
        names = set(archive.namelist())
        files = [name for name in READABLE if name in names]
        if not files:
            raise ExportDiffers(
                "it holds neither entries.ndjson nor entries.csv: check the Parquet file otherwise"
            )
        counts: dict[str, int] = {}
        upto: Block | None = None
        for name in files:
            for contract in sorted(trust.contracts):
                if f"proofs/{contract}.json" not in names:
                    raise ExportDiffers(f"there is no proof for the entries of {contract}")
                bundle = archive.read(f"proofs/{contract}.json")
                links = _links(archive, name, contract, trust)
                proven = evidence.verify(bundle, trust, now, apart=links)
                claim = proven.claim
                if (claim["type"], claim["contract"]) != ("journal", contract):
                    raise ExportDiffers(f"proofs/{contract}.json proves something else")
                begins = claim["after"]["number"] + 1 if claim["after"] else said["first_block"]
                if (begins, claim["block"]["number"]) != (said["first_block"], said["last_block"]):
                    raise ExportDiffers(f"proofs/{contract}.json is of other blocks than export.json says")
                if upto not in (None, proven.block):
                    raise ExportDiffers(f"proofs/{contract}.json is of another chain than those before it")
                counts[contract], upto = claim["entries"], proven.block
    unproven = (*proven.not_proven, NOT_PROVEN)
    return Proven(said["first_block"], proven.block, proven.anchor, counts, unproven)


def _links(archive: zipfile.ZipFile, name: str, contract: str, trust: Trust) -> Iterator[Link]:
    """The contract's rows as its journal folds them, each compared with its readable part."""
    last, number = 0, 0
    try:
        with archive.open(name) as file:
            for number, row in enumerate(_rows(file, name), 1):
                if row["position"] and row["contract"] not in trust.contracts:
                    raise ExportDiffers(f"{name}, entry {number}: {row['contract']} is not trusted")
                if row["contract"] != contract or not row["position"]:
                    continue
                topic0, data = (
                    bytes.fromhex(row[column].removeprefix("0x")) for column in ("topic0", "data")
                )
                event = CONTRACTS[contract].events[topic0].from_journal(data)
                if last and int(row["position"]) != last + 1:
                    raise ExportDiffers(
                        f"{name}, entry {number}: position {row['position']} of {contract} comes after {last}"
                    )
                last = int(row["position"])
                shown = row["arguments"]
                if (event.abi_name, arguments(event)) != (
                    row["event"],
                    json.loads(shown) if isinstance(shown, str) else shown,
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
