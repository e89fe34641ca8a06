"""What sellers do."""

import mimetypes
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer
from msgspec.structs import replace

from ledger.chain.bindings import structs
from ledger.cli.market import DAY, digest
from ledger.cli.session import Options, run
from ledger.domain.market import DONG, NO_LIMIT, Right

STANDARD_LICENCE = "Socai standard licence 1.0"
NOBODY = f"0x{'0' * 40}"


class Importance(StrEnum):
    other = "other"
    important = "important"
    core = "core"


class Sharing(StrEnum):
    unstated = "unstated"
    open = "open"
    shared = "shared"
    private = "private"


class Subject(StrEnum):
    unstated = "unstated"
    people = "people"
    locations = "locations"
    activities = "activities"
    items = "items"


class RightName(StrEnum):
    transferable = "transferable"
    derivable = "derivable"
    updates = "updates"
    streaming = "streaming"
    research = "research"
    state_fee = "state-fee"


def publish(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="The dataset.")],
    title: Annotated[str, typer.Option(help="DCAT title.")],
    price: Annotated[int, typer.Option(min=0, help="đồng; 0 for open data.")],
    description: Annotated[str, typer.Option(help="DCAT description.")] = "",
    importance: Annotated[Importance, typer.Option()] = Importance.other,
    sharing: Annotated[Sharing, typer.Option()] = Sharing.shared,
    subject: Annotated[Subject, typer.Option()] = Subject.unstated,
    days: Annotated[int, typer.Option(min=0, help="How long a licence lasts; 0 for ever.")] = 0,
    cap: Annotated[int, typer.Option(min=1, help="Most licences ever sold.")] = NO_LIMIT,
    quota: Annotated[int, typer.Option(min=0, help="Uses of a licence; 0 for unmetered.")] = 0,
    right: Annotated[list[RightName] | None, typer.Option(help="What the licence grants; repeat.")] = None,
    royalty: Annotated[int, typer.Option(min=0, max=10_000, help="Basis points; needs derivable.")] = 0,
    only_buyer: Annotated[str | None, typer.Option(help="The one account that may buy.")] = None,
    terms: Annotated[str, typer.Option(help="Licence text, or its hash (0x…).")] = STANDARD_LICENCE,
    sample: Annotated[
        Path | None,
        typer.Option(exists=True, dir_okay=False, help="A few rows that anybody may have; not encrypted."),
    ] = None,
) -> None:
    """Encrypts a dataset, deposits it, and mints its listing with one plan (seller)."""
    options: Options = context.obj
    flags = Right(0)
    for name in right or []:
        flags |= Right[name.value.upper().replace("-", "_")]
    plan = replace(
        plan_of(price, days, terms),
        cap=cap,
        quota=quota,
        flags=flags,
        royalty_bps=royalty,
        only_buyer=only_buyer or NOBODY,
    )
    classification = classified(importance, sharing, subject)
    media_type = media_type_of(file)
    size = file.stat().st_size

    async def work() -> None:
        async with options.client() as client:
            with options.output.progress(f"Encrypting and sending {file.name}", 2 * size) as progress:
                published = await client.publish(
                    file,
                    metadata=dcat(title, description, media_type, size),
                    media_type=media_type,
                    classification=classification,
                    plans=[plan],
                    sample=None if sample is None else (sample, media_type_of(sample)),
                    progress=progress,
                )
        options.output.done(
            f"Listing {published.listing} is minted. It is for sale once it is attested.",
            {
                "listing": published.listing,
                "plans": list(published.plans),
                "root": published.payload.root,
                "ciphertext_bytes": published.payload.size,
                "sha256": published.payload.sha256.hex(),
                "transaction": published.receipt.transaction_hash,
            },
        )

    run(options.output, work)


def add_version(
    context: typer.Context,
    listing: Annotated[int, typer.Argument(help="The listing.")],
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="The dataset as it is now.")],
    title: Annotated[str, typer.Option(help="DCAT title.")],
    description: Annotated[str, typer.Option(help="DCAT description.")] = "",
) -> None:
    """Encrypts and deposits a dataset as a listing's next version, for sale once attested (seller)."""
    options: Options = context.obj
    media_type, size = media_type_of(file), file.stat().st_size

    async def work() -> None:
        async with options.client() as client:
            with options.output.progress(f"Encrypting and sending {file.name}", 2 * size) as progress:
                version = await client.add_version(
                    listing,
                    file,
                    metadata=dcat(title, description, media_type, size),
                    media_type=media_type,
                    progress=progress,
                )
        options.output.done(
            f"Version {version} of listing {listing} is on chain. It is for sale once it is attested.",
            {"listing": listing, "version": version},
        )

    run(options.output, work)


def plan_of(price: int, days: int, terms: str) -> structs.PlanDraft:
    """For anybody, any number of times; `days` 0 is for ever."""
    return structs.PlanDraft(
        price=price,
        currency=DONG,
        duration=days * DAY,
        cap=NO_LIMIT,
        quota=0,
        flags=0,
        royalty_bps=0,
        only_buyer=NOBODY,
        terms=digest(terms),
    )


def classified(importance: Importance, sharing: Sharing, subject: Subject) -> structs.Classification:
    return structs.Classification(
        structs.Importance[importance.name.upper()],
        structs.Sharing[sharing.name.upper()],
        structs.Subject[subject.name.upper()],
        structs.PersonalData.NONE,
    )


def media_type_of(path: Path) -> str:
    return mimetypes.guess_type(path.name)[0] or "application/octet-stream"


def dcat(title: str, description: str, media_type: str, size: int) -> dict[str, Any]:
    """A minimal DCAT 3 dataset."""
    return {
        "@context": {"dcat": "http://www.w3.org/ns/dcat#", "dct": "http://purl.org/dc/terms/"},
        "@type": "dcat:Dataset",
        "dct:title": title,
        "dct:description": description,
        "dcat:distribution": {
            "@type": "dcat:Distribution",
            "dcat:mediaType": media_type,
            "dcat:byteSize": str(size),
        },
    }
