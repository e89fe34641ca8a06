"""Metadata documents: JSON objects named by the Keccak-256 of their canonical form (RFC 8785)."""

import json
from dataclasses import dataclass
from typing import Any

import rfc8785
from eth_hash.auto import keccak


class BadDocument(Exception):
    """Not one JSON object with a canonical form."""


@dataclass(frozen=True, slots=True)
class Document:
    """`canonical` is what `hash` is the hash of."""

    hash: bytes
    canonical: bytes


def read(raw: bytes) -> Document:
    """Raises BadDocument, also for a name given twice and for numbers that have no exact canonical form."""
    try:
        value = json.loads(raw.decode(), object_pairs_hook=_once, parse_constant=_refuse)
        canonical = rfc8785.dumps(value)
    except (ValueError, RecursionError) as error:
        raise BadDocument("not JSON with a canonical form (RFC 8785)") from error
    if not isinstance(value, dict):
        raise BadDocument("a metadata document is a JSON object")
    return Document(keccak(canonical), canonical)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name is given twice")
    return found


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")
