"""A ministry's catalogue, listed by one command."""

import json
from pathlib import Path
from typing import Any

import pytest

from ledger.client import harvest
from ledger.client.harvest import Harvested
from tests.integration.api.conftest import Client, indexed
from tests.integration.api.market import CLASSIFICATION, PLAN, Market

NAMES = ("https://example.vn/data/wards", "https://example.vn/data/schools")


@pytest.fixture
def catalogue(tmp_path: Path) -> Path:
    folder = tmp_path / "ministry"
    folder.mkdir()
    for name in NAMES:
        (folder / f"{name.rpartition('/')[2]}.csv").write_text(f"name\n{name}\n" * 100)
    path = folder / "catalogue.jsonld"
    context = {"dcat": "http://www.w3.org/ns/dcat#", "dct": "http://purl.org/dc/terms/"}
    datasets = [
        {
            "@id": name,
            "@type": "dcat:Dataset",
            "dct:title": [{"@value": "Dữ liệu mở", "@language": "vi"}, "Open data"],
            "dct:modified": "2026-11-01",
            "dcat:distribution": [{"dcat:downloadURL": f"{name.rpartition('/')[2]}.csv", "x": {"y": [1.5]}}],
        }
        for name in NAMES
    ]
    top = {"@context": context, "@type": "dcat:Catalog", "dcat:dataset": datasets}
    path.write_text(json.dumps(top, ensure_ascii=False))
    return path


async def harvested(market: Market, client: Client, catalogue: Path, folder: Path) -> list[Harvested]:
    async with market.acting("seller", client.origin, folder) as seller:
        return [one async for one in harvest.harvest(seller, harvest.read(catalogue), CLASSIFICATION, [PLAN])]


def changed(catalogue: Path, date: str) -> list[Any]:
    """The second dataset is modified; the documents as they are now."""
    top = json.loads(catalogue.read_text())
    top["dcat:dataset"][1]["dct:modified"] = date
    catalogue.write_text(json.dumps(top))
    return [{"@context": top["@context"], **document} for document in top["dcat:dataset"]]


async def test_R08_a_catalogue_is_listed_once_and_comes_back_as_it_was(
    client: Client, market: Market, catalogue: Path, tmp_path: Path
) -> None:
    first = await harvested(market, client, catalogue, tmp_path / "here")
    assert [(one.version, one.new) for one in first] == [(1, True), (1, True)]
    listings = [one.listing for one in first]

    again = await harvested(market, client, catalogue, tmp_path / "another-machine")
    assert [(one.listing, one.version, one.new) for one in again] == [(at, 1, False) for at in listings]

    documents = changed(catalogue, "2026-11-22")
    (catalogue.parent / "schools.csv").write_text("name\nmore\n")
    newer = await harvested(market, client, catalogue, tmp_path / "here")
    assert [(one.listing, one.version, one.new) for one in newer] == [
        (listings[0], 1, False),
        (listings[1], 2, True),
    ]
    assert [one.new for one in await harvested(market, client, catalogue, tmp_path / "here")] == [False] * 2

    await indexed(client, market)
    _, exported = await client.call("GET", "/v1/catalogue")
    assert [one for one in exported["dcat:dataset"] if one.get("@id") in NAMES] == documents
