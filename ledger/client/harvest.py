"""Lists what a DCAT 3 catalogue describes, each dataset once, however often it is run.

A dataset is known again by its name (`@id`), and unchanged while its document is: whoever has new rows says
so in the document (`dct:modified`), which then becomes a new version of the listing. Documents go on record
as they are written, with the catalogue's context where they have none: what is exported is what was imported.
"""

import asyncio
import mimetypes
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote, urlsplit

import rfc8785
from eth_utils.crypto import keccak

from ledger.chain.bindings import structs
from ledger.chain.rpc import from_hex, from_quantity, to_hex
from ledger.client.client import Client
from ledger.client.errors import ClientError
from ledger.domain.dcat import is_a, term
from ledger.recursion import parse_json

MOST: Final = 256 << 20
"""Bytes of a catalogue."""
INDEXED: Final = 60.0
"""Seconds that the service's index may take to come up to the newest block."""


class BadCatalogue(ClientError):
    """No DCAT catalogue in JSON-LD, or a dataset in it that cannot be listed."""


class IndexBehind(ClientError):
    """The service does not know the newest block: what is listed already cannot be told."""


@dataclass(frozen=True, slots=True)
class Dataset:
    """A document, the name it gives itself, and its file."""

    name: str
    document: Mapping[str, Any]
    file: Path
    media_type: str

    @property
    def digest(self) -> bytes:
        """What the chain knows the document by."""
        return keccak(rfc8785.dumps(dict(self.document)))


@dataclass(frozen=True, slots=True)
class Harvested:
    """`version` is 1 for a new listing; `new` is false for what was listed before."""

    dataset: Dataset
    listing: int
    version: int
    new: bool


def read(catalogue: Path) -> list[Dataset]:
    """The datasets of a `dcat:Catalog` whose files lie beside it. Raises BadCatalogue, which names all that
    is wrong, before anything is listed."""
    try:
        top = parse_json(catalogue.read_bytes())
    except (ValueError, RecursionError) as error:
        raise BadCatalogue(f"{catalogue.name} is not JSON: {error}") from error
    if not isinstance(top, dict) or not is_a(top, "Catalog"):
        raise BadCatalogue(f"{catalogue.name} is no dcat:Catalog")
    inherited = {"@context": top["@context"]} if "@context" in top else {}
    found: list[Dataset] = []
    wrong: list[str] = []
    for place, document in enumerate(_several(term(top, "dataset")), 1):
        try:
            if not isinstance(document, dict) or not isinstance(document.get("@id"), str):
                raise BadCatalogue("it does not name itself (@id)")
            found.append(_dataset(inherited | document, catalogue.parent.resolve()))
        except BadCatalogue as error:
            wrong.append(f"dataset {place}: {error}")
    names = [dataset.name for dataset in found]
    wrong += [f"two datasets are called {name}" for name in sorted(set(names)) if names.count(name) > 1]
    if wrong:
        raise BadCatalogue("; ".join(wrong))
    return found


async def harvest(
    client: Client,
    datasets: Iterable[Dataset],
    classification: structs.Classification,
    plans: Sequence[structs.PlanDraft],
) -> AsyncIterator[Harvested]:
    """Lists what is new, adds versions of what has changed. Killed anywhere, the same call goes on.

    Raises IndexBehind, and what `Client.publish` raises.
    """
    held = await _held(client)
    for dataset in datasets:
        if (known := held.get(dataset.name)) is None:
            published = await client.publish(
                dataset.file,
                metadata=dataset.document,
                media_type=dataset.media_type,
                classification=classification,
                plans=plans,
            )
            yield Harvested(dataset, published.listing, 1, new=True)
            continue
        listing, version, digest = known
        if new := digest != dataset.digest:
            version = await client.add_version(
                listing, dataset.file, metadata=dataset.document, media_type=dataset.media_type
            )
        yield Harvested(dataset, listing, version, new)


async def _held(client: Client) -> dict[str, tuple[int, int, bytes]]:
    """The account's listings by the name of their dataset: number, newest version, its document's hash."""
    head = await client.rpc.request("eth_blockNumber")
    await _indexed(client, from_quantity(head))
    whole = parse_json(await client.service.whole("/v1/catalogue", MOST))
    mine = to_hex(bytes.fromhex(client.account.address[2:]))
    return {
        record["foaf:primaryTopic"]["@id"]: (
            int(record["dct:identifier"]),
            record["socai:version"],
            from_hex(record["socai:metadata"], 32),
        )
        for record in whole["dcat:record"]
        if record["socai:holder"] == mine
    }


async def _indexed(client: Client, block: int) -> None:
    try:
        async with asyncio.timeout(INDEXED):
            while (await client.service.json("GET", "/v1/listings?limit=1"))["block_number"] < block:  # noqa: ASYNC110 - theirs
                await asyncio.sleep(0.2)
    except TimeoutError:
        raise IndexBehind(f"the service's index has not come to block {block}") from None


def _dataset(document: Mapping[str, Any], folder: Path) -> Dataset:
    name = document["@id"]
    files = [
        (one, distribution)
        for distribution in _several(term(document, "distribution"))
        if isinstance(distribution, dict)
        for one in _links(term(distribution, "downloadURL"))
    ]
    if len(files) != 1:
        raise BadCatalogue(f"{name} has {len(files)} distributions with a dcat:downloadURL, not one")
    ((link, distribution),) = files
    return Dataset(name, document, _file(name, link, folder), _media_type(distribution, link))


def _file(name: str, link: str, folder: Path) -> Path:
    """A relative IRI, below the catalogue's folder."""
    parts = urlsplit(link)
    if parts.scheme or parts.netloc:
        raise BadCatalogue(f"{name}: {link} is not beside the catalogue; only files beside it are read")
    path = (folder / unquote(parts.path)).resolve()
    if not path.is_relative_to(folder):
        raise BadCatalogue(f"{name}: {link} is not below the catalogue's folder")
    if not path.is_file():
        raise BadCatalogue(f"{name}: there is no file {link}")
    return path


def _media_type(distribution: Mapping[str, Any], link: str) -> str:
    """DCAT has the IANA registry's IRI; many write the bare type."""
    for said in _links(term(distribution, "mediaType")):
        return said.rpartition("/media-types/")[2]
    return mimetypes.guess_type(link)[0] or "application/octet-stream"


def _links(value: Any) -> Iterator[str]:
    """IRIs as strings or as `{"@id": …}`, one or several."""
    for one in _several(value):
        link = one.get("@id") if isinstance(one, dict) else one
        if isinstance(link, str):
            yield link


def _several(value: Any) -> list[Any]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]
