"""What a metadata document (DCAT 3, JSON-LD) says to people, and the words that it is found by."""

import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from ledger.domain.listing import Listing

MOST_WORDS: Final = 2000
"""Words of one document that it is found by."""
LONGEST: Final = 40
"""Letters of a word that count."""
DEPTH: Final = 24
BY_HASH: Final = "urn:socai:metadata:"
"""How a dataset that names itself nothing is named: by its document's hash."""
CONTEXT: Final = {
    "dcat": "http://www.w3.org/ns/dcat#",
    "dct": "http://purl.org/dc/terms/",
    "foaf": "http://xmlns.com/foaf/0.1/",
    "socai": "urn:socai:terms:",
}
_WORD: Final = re.compile(r"[^\W_]+")
_PREFIXES: Final = ("dct:", "dcterms:", "dcat:", "http://purl.org/dc/terms/", "http://www.w3.org/ns/dcat#")


@dataclass(frozen=True, slots=True)
class Described:
    """A dataset in its seller's words; None for what is not said."""

    title: str | None
    description: str | None
    keywords: tuple[str, ...]


NOT_DESCRIBED: Final = Described(None, None, ())


def described(document: Any) -> Described:
    """Of a JSON-LD object whose terms are DCAT's, prefixed as usual or not at all."""
    title, description = (next(_texts(term(document, name)), None) for name in ("title", "description"))
    return Described(title, description, tuple(_texts(term(document, "keyword"))))


def term(document: Mapping[str, Any], name: str) -> Any:
    """What a document says under a term of DCAT or Dublin Core, prefixed as usual or not, else None."""
    for key in (f"{prefix}{name}" for prefix in _PREFIXES):
        if key in document:
            return document[key]
    return document.get(name)


def is_a(document: Mapping[str, Any], kind: str) -> bool:
    """Whether a document's type, or one of several, is that class of DCAT."""
    types = document.get("@type")
    return any(
        f"{prefix}{kind}" in (types if isinstance(types, list) else [types]) for prefix in ("", *_PREFIXES)
    )


def catalogue(chain_id: int, listings: bytes) -> dict[str, Any]:
    """A catalogue without its datasets and records; `listings` is the register's address, 20 bytes."""
    return {
        "@context": CONTEXT,
        "@type": "dcat:Catalog",
        "@id": f"did:pkh:eip155:{chain_id}:0x{listings.hex()}",
        "dct:title": "Socai",
    }


def dataset(listing: Listing, document: Any) -> Any:
    """The metadata document as its seller wrote it; if it names itself nothing, by its hash."""
    return document if "@id" in document else {"@id": _named(listing), **document}


def record(listing: Listing, document: Any) -> dict[str, Any]:
    """What the ledger knows of a listing, as a record of its dataset."""
    topic = _named(listing) if document is None else dataset(listing, document)["@id"]
    return {
        "@type": "dcat:CatalogRecord",
        "dct:identifier": str(listing.id),
        "foaf:primaryTopic": {"@id": topic},
        "socai:metadata": f"0x{listing.newest.metadata.hex()}",
        "socai:holder": f"0x{listing.holder.hex()}",
        "socai:home": listing.home,
        "socai:importance": listing.importance,
        "socai:sharing": listing.sharing,
        "socai:subject": listing.subject,
        "socai:personal": listing.personal,
        "socai:version": listing.newest.number,
        "socai:root": f"0x{listing.newest.root.hex()}",
        "socai:plans": [
            {
                "socai:plan": str(plan.id),
                "socai:price": str(plan.price),
                "socai:currency": plan.currency,
                "socai:duration": plan.duration,
                "socai:quota": plan.quota,
                "socai:flags": plan.flags,
                "socai:status": plan.status,
            }
            for plan in listing.plans
        ],
    }


def _named(listing: Listing) -> str:
    return f"{BY_HASH}0x{listing.newest.metadata.hex()}"


def fold(text: str) -> str:
    """Lower case without diacritics, also those of Vietnamese: "Đà Nẵng" is "da nang"."""
    plain = unicodedata.normalize("NFD", text.casefold()).replace("đ", "d")
    return "".join(letter for letter in plain if not unicodedata.combining(letter))


def words(text: str) -> list[str]:
    """The words of a text, folded, in order."""
    return [word[:LONGEST] for word in _WORD.findall(fold(text))]


def words_of(document: Any) -> set[str]:
    """What a document is found by: the words of all that it says, but not of its structure."""
    found: set[str] = set()
    for text in _strings(document, DEPTH):
        for word in words(text):
            if len(found) == MOST_WORDS:
                return found
            found.add(word)
    return found


def _texts(value: Any) -> Iterator[str]:
    """A literal, one with a language, or several of them."""
    for one in value if isinstance(value, list) else [value]:
        literal = one.get("@value") if isinstance(one, dict) else one
        if isinstance(literal, str):
            yield literal


def _strings(value: Any, depth: int) -> Iterator[str]:
    if isinstance(value, str) and "://" not in value:
        yield value
    elif isinstance(value, list) and depth:
        for one in value:
            yield from _strings(one, depth - 1)
    elif isinstance(value, dict) and depth:
        for key, one in value.items():
            if key == "@value" or not key.startswith("@"):
                yield from _strings(one, depth - 1)
