"""The manifest file."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ledger.chain.manifest import Deployed, Manifest, ManifestError

ALICE = "0xd8dA6BF26964aF9D7eEd9e03E53415D37aA96045"
BOB = "0x00000000219ab540356cBB839Cbe05303d7705Fa"

MANIFEST = Manifest(
    chain_id=84_084,
    genesis_hash=b"\1" * 32,
    block=3,
    contracts={"Listings": Deployed(ALICE, b"\2" * 32), "Exchange": Deployed(BOB, b"\3" * 32)},
)


def test_the_file_gives_the_manifest_back(tmp_path: Path) -> None:
    path = tmp_path / "manifest.json"
    MANIFEST.save(path)
    assert Manifest.load(path) == MANIFEST
    assert list(tmp_path.iterdir()) == [path]
    assert json.loads(path.read_text())["contracts"]["Listings"]["address"] == ALICE
    with pytest.raises(TypeError):
        MANIFEST.contracts["Listings"] = MANIFEST.contracts["Exchange"]  # type: ignore[index]


@pytest.mark.usefixtures("high_recursion_limit")
def test_missing_and_unreadable_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match=r"gone\.json is missing: nothing was deployed"):
        Manifest.load(tmp_path / "gone.json")
    for text in ("", "{", "[]", "\udcff", "[" * 100_000, '{"chain_id": 1, "chain_id": 1}'):
        (tmp_path / "bad.json").write_text(text, errors="surrogateescape")
        with pytest.raises(ManifestError, match=r"bad\.json: "):
            Manifest.load(tmp_path / "bad.json")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda m: m.pop("block"), "lacks block"),
        (lambda m: m.update(more=1), "unknown more"),
        (lambda m: m.update(chain_id="84084"), "chain_id must be"),
        (lambda m: m.update(chain_id=True), "chain_id must be"),
        (lambda m: m.update(chain_id=0), "chain_id must be"),
        (lambda m: m.update(block=-1), "block must be"),
        (lambda m: m.update(block=1.0), "block must be"),
        (lambda m: m.update(genesis_hash="0x01"), "genesis_hash must be"),
        (lambda m: m.update(genesis_hash="0x" + "zz" * 32), "genesis_hash must be"),
        (lambda m: m.update(contracts=[]), "contracts must be"),
        (lambda m: m.update(contracts={}), "contracts must not be empty"),
        (lambda m: m["contracts"]["Listings"].pop("code_hash"), r"contracts\.Listings lacks code_hash"),
        (lambda m: m["contracts"]["Listings"].update(address=ALICE.lower()), "EIP-55"),
        (lambda m: m["contracts"]["Listings"].update(address=7), "EIP-55"),
        (lambda m: m["contracts"]["Listings"].update(address=BOB), "one address"),
        (
            lambda m: m["contracts"]["Listings"].update(code_hash=None),
            r"contracts\.Listings\.code_hash must be",
        ),
    ],
)
def test_anything_else_is_refused(change: Callable[[Any], object], said: str) -> None:
    value = MANIFEST.to_json()
    assert Manifest.from_json(value) == MANIFEST
    change(value)
    with pytest.raises(ManifestError, match=said):
        Manifest.from_json(value)


def test_a_contract_that_is_not_there_is_said() -> None:
    assert MANIFEST.address("Listings") == ALICE
    with pytest.raises(ManifestError, match="no Licences"):
        MANIFEST.address("Licences")
