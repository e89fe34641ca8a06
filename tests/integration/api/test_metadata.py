import json
from typing import Any

import pytest
import rfc8785
from eth_hash.auto import keccak

from tests.integration.api.conftest import ON_BOTH, Client
from tests.integration.api.market import SELLER

DOCUMENT = {
    "@context": {"dcat": "http://www.w3.org/ns/dcat#"},
    "@type": "dcat:Dataset",
    "dct:title": "Tỉnh thành Việt Nam",
    "dcat:byteSize": 1234.5,
}


def path(document: Any) -> str:
    return f"/v1/metadata/0x{keccak(rfc8785.dumps(document)).hex()}"


@ON_BOTH
async def test_a_document_is_kept_in_canonical_form(client: Client) -> None:
    seller = await client.sign_in(SELLER)
    body = json.dumps(DOCUMENT, indent=4)
    for _ in range(2):
        assert (await seller.call("PUT", path(DOCUMENT), data=body))[0] == 200
    async with client.request("GET", path(DOCUMENT)) as response:
        assert await response.read() == rfc8785.dumps(DOCUMENT)
        assert response.content_type == "application/ld+json"
        assert response.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b'{"a": 1}', "hash-mismatch"),
        (b"[]", "document-malformed"),
        (b"", "document-malformed"),
        (b'{"a": 1, "a": 2}', "document-malformed"),
        (b'{"a": NaN}', "document-malformed"),
        (b'{"a": 9007199254740993}', "document-malformed"),
        (b'{"a": "\\ud800"}', "document-malformed"),
        (b'{"a": "\xff"}', "document-malformed"),
        (b'{"a": ' + b"[" * 100_000, "document-malformed"),
        (b'{"a": ' + b"9" * 5000 + b"}", "document-malformed"),
        (b'"' + b"x" * 300_000 + b'"', "document-too-large"),
    ],
    ids=lambda value: str(value)[:24],
)
async def test_what_is_no_document(client: Client, body: bytes, code: str) -> None:
    seller = await client.sign_in(SELLER)
    status, refused = await seller.call("PUT", path(DOCUMENT), data=body)
    assert (status in (413, 422), refused["code"]) == (True, code)
    status, refused = await client.call("GET", path(DOCUMENT))
    assert (status, refused["code"]) == (404, "document-unknown")
