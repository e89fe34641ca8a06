"""Which catalogues are taken, and how datasets are read from them."""

import json
from pathlib import Path
from typing import Any

import pytest

from ledger.client.harvest import BadCatalogue, read

CONTEXT = {"dcat": "http://www.w3.org/ns/dcat#"}


def dataset(name: str = "urn:a", link: Any = "a.csv", **more: Any) -> dict[str, Any]:
    return {
        "@id": name,
        "@type": "dcat:Dataset",
        "dcat:distribution": {"@type": "dcat:Distribution", "dcat:downloadURL": link, **more},
    }


def written(folder: Path, *datasets: Any, **more: Any) -> Path:
    inside = folder / "open"
    inside.mkdir()
    (folder / "secret.csv").write_text("not for sale")
    (inside / "a.csv").write_text("a,b\n1,2\n")
    (inside / "đường bộ.csv").write_text("a,b\n1,2\n")
    path = inside / "catalogue.jsonld"
    path.write_text(json.dumps({"@type": "dcat:Catalog", "dcat:dataset": list(datasets), **more}))
    return path


def test_R08_a_dataset_is_its_document_and_the_file_beside_the_catalogue(tmp_path: Path) -> None:
    spelled = "https://www.iana.org/assignments/media-types/text/csv"
    roads = dataset(
        "urn:b", {"@id": "%C4%91%C6%B0%E1%BB%9Dng%20b%E1%BB%99.csv"}, **{"dcat:mediaType": {"@id": spelled}}
    )
    one, other = read(written(tmp_path, dataset(), roads, **{"@context": CONTEXT}))
    assert (one.name, one.file.name, one.media_type) == ("urn:a", "a.csv", "text/csv")
    assert (other.file.name, other.media_type) == ("đường bộ.csv", "text/csv")
    assert one.document == {"@context": CONTEXT, **dataset()}


@pytest.mark.parametrize(
    ("datasets", "why"),
    [
        ([dataset(link="../secret.csv")], "urn:a: ../secret.csv is not below"),
        ([dataset(link="%2e%2e/secret.csv")], "is not below"),
        ([dataset(link="/etc/hostname")], "is not below"),
        ([dataset(link="file:///etc/hostname")], "is not beside the catalogue"),
        ([dataset(link="https://example.vn/a.csv")], "is not beside the catalogue"),
        ([dataset(link="//example.vn/a.csv")], "is not beside the catalogue"),
        ([dataset(link="b.csv")], "there is no file b.csv"),
        ([dataset(link=[])], "urn:a has 0 distributions with a dcat:downloadURL"),
        ([dataset(link=["a.csv", "a.csv"])], "urn:a has 2 distributions"),
        ([{"@type": "dcat:Dataset"}], "dataset 1: it does not name itself"),
        (["urn:a"], "dataset 1: it does not name itself"),
        ([dataset(), dataset()], "two datasets are called urn:a"),
        (
            [dataset(link="b.csv"), dataset("urn:c", "c.csv")],
            "no file b.csv; dataset 2: urn:c: there is no file c.csv",
        ),
    ],
)
def test_R08_a_catalogue_that_cannot_be_listed_whole_is_refused(
    tmp_path: Path, datasets: list[Any], why: str
) -> None:
    with pytest.raises(BadCatalogue) as refused:
        read(written(tmp_path, *datasets))
    assert why in str(refused.value)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"@type": "dcat:Dataset"}', "[" * 100_000])
def test_R08_what_is_no_catalogue_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "catalogue.jsonld"
    path.write_text(text)
    with pytest.raises(BadCatalogue, match="catalogue"):
        read(path)
