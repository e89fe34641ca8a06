"""Samples: for anybody, and the ones that the chain names."""

import hashlib
import json
from pathlib import Path

import pytest
import rfc8785
from eth_hash.auto import keccak

from api.settings import Settings
from ledger.client import samples
from ledger.client.results import Published
from ledger.client.service import Service
from ledger.domain.sample import BadSample, Sample, described, sample_of
from tests.integration.api.conftest import ON_BOTH, Client, Clock, running
from tests.integration.api.market import CLASSIFICATION, PLAN, SELLER, SELLER2, Market, account

ROWS = "mã,tên\n01,Hà Nội\n".encode()
METADATA = {"@type": "dcat:Dataset", "dct:title": "Tỉnh"}


def path(content: bytes) -> str:
    return f"/v1/samples/0x{hashlib.sha256(content).hexdigest()}"


async def published(client: Client, market: Market, folder: Path) -> Published:
    rows, sample = folder / "rows.csv", folder / "sample.csv"
    rows.write_bytes(ROWS * 100)
    sample.write_bytes(ROWS)
    async with market.acting("seller", client.origin, folder) as seller:
        return await seller.publish(
            rows,
            metadata=METADATA,
            media_type="text/csv",
            classification=CLASSIFICATION,
            plans=[PLAN],
            sample=(sample, "text/csv"),
        )


@ON_BOTH
async def test_R16_anybody_has_the_sample_that_the_chain_names(
    client: Client, market: Market, tmp_path: Path
) -> None:
    listing = (await published(client, market, tmp_path)).listing
    version = await market.read(market.contracts.listings.version(listing, 1))
    async with Service(client.origin) as anybody:
        assert await samples.receive(anybody, version.metadata) == (
            Sample(hashlib.sha256(ROWS).digest(), len(ROWS), "text/csv"),
            ROWS,
        )
    async with client.request("GET", path(ROWS)) as response:
        assert (response.status, await response.read()) == (200, ROWS)
        assert response.headers["Cache-Control"].startswith("public")
        assert (response.content_type, response.headers["Content-Disposition"]) == ("text/csv", "attachment")


async def test_R16_a_sample_or_document_that_is_not_the_one_named_is_refused(
    client: Client, market: Market, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    listing = (await published(client, market, tmp_path)).listing
    version = await market.read(market.contracts.listings.version(listing, 1))
    true = Service.whole
    for part, error in (("metadata", samples.MetadataAltered), ("samples", samples.SampleAltered)):

        async def altered(self: Service, path: str, limit: int, part: str = part) -> bytes:
            body = await true(self, path, limit)
            return body.replace(b"T", b"t").replace(b"01", b"02") if part in path else body

        monkeypatch.setattr(Service, "whole", altered)
        async with Service(client.origin) as anybody:
            with pytest.raises(error):
                await samples.receive(anybody, version.metadata)


async def test_what_is_no_sample(settings: Settings, clock: Clock) -> None:
    limited = settings.model_copy(update={"sample_bytes": 100, "samples": 2})
    async with running(limited, clock) as client:
        seller = await client.sign_in(SELLER)
        for content, at, code in (
            (b"x" * 101, b"x" * 101, "sample-too-large"),
            (b"x", b"y", "hash-mismatch"),
        ):
            _, refused = await seller.call("PUT", path(at), data=content)
            assert refused["code"] == code
        for content in (b"1", b"2", b"2"):
            assert (await seller.call("PUT", path(content), data=content))[0] == 200
        assert (await seller.call("PUT", path(b"3"), data=b"3"))[1]["code"] == "quota-exceeded"
        assert (await client.call("GET", path(b"3")))[1]["code"] == "sample-unknown"


@ON_BOTH
async def test_R22_a_sample_is_withdrawn_by_who_sent_it_or_a_supervisor(client: Client) -> None:
    seller, other = await client.sign_in(SELLER), await client.sign_in(SELLER2)
    supervisor = await client.sign_in(account("supervisor"))
    assert (await seller.call("PUT", path(ROWS), data=ROWS))[0] == 200
    assert (await supervisor.call("DELETE", path(ROWS)))[0] == 204
    assert (await seller.call("PUT", path(ROWS), data=ROWS))[0] == 200
    assert (await other.call("PUT", path(ROWS), data=ROWS))[0] == 200
    assert (await other.call("DELETE", path(ROWS)))[1]["code"] == "not-seller"
    assert (await seller.call("DELETE", path(ROWS)))[0] == 204
    assert (await client.call("GET", path(ROWS)))[0] == 404


async def test_a_document_without_a_sample(client: Client) -> None:
    seller = await client.sign_in(SELLER)
    digest = keccak(rfc8785.dumps(METADATA))
    await seller.call("PUT", f"/v1/metadata/0x{digest.hex()}", data=json.dumps(METADATA))
    async with Service(client.origin) as anybody:
        with pytest.raises(samples.NoSample):
            await samples.receive(anybody, digest)


def test_a_sample_is_read_as_it_was_described() -> None:
    sample = Sample(b"\x01" * 32, 12, "text/csv")
    document = described(METADATA, sample)
    assert sample_of(document) == sample
    for changes in ({"dcat:byteSize": "-1"}, {"spdx:checksum": {}}, {"spdx:checksum": None}):
        with pytest.raises(BadSample):
            sample_of(document | {"adms:sample": document["adms:sample"] | changes})
    for broken in (None, [], "https://elsewhere.example/sample"):
        with pytest.raises(BadSample):
            sample_of(document | {"adms:sample": broken})
