"""The trust file of a deployment (`ledger.proofs.trust`), with what the bindings know of each contract."""

import json
from pathlib import Path
from typing import Any, Final

from ledger.chain.bindings import CONTRACTS
from ledger.chain.manifest import Manifest
from ledger.chain.rpc import to_hex
from ledger.proofs import trust
from ledger.proofs.trust import Anchor, BadTrust, Development, Qbft, Trust

EVENTS: Final = {"Exchange": ("Purchased", "Settled", "Refunded", "Allocated")}
"""What claims rest on."""


def trust_file(manifest: Manifest, anchor: Anchor, maximum_age: int | None) -> bytes:
    """For whoever believes the manifest. Of the contracts, those with a journal."""
    return json.dumps(
        {
            "format": trust.FORMAT,
            "chain_id": manifest.chain_id,
            "genesis_hash": to_hex(manifest.genesis_hash),
            "anchor": _anchor(anchor),
            "maximum_age": maximum_age,
            "contracts": {
                name: {
                    "address": deployed.address.lower(),
                    "code_hash": to_hex(deployed.code_hash),
                    "storage": _storage(name),
                    "events": _events(name),
                }
                for name, deployed in sorted(manifest.contracts.items())
                if any(variable["label"] == "journalHead" for variable in _storage(name)["storage"])
            },
        }
    ).encode()


def published(manifest: Manifest, path: Path | None) -> bytes:
    """The trust file at `path`, or without one the manifest's, under which a block is what a node says.

    Raises BadTrust when there is none at the path.
    """
    if path is None:
        return trust_file(manifest, Development(), None)
    try:
        return path.read_bytes()
    except OSError as error:
        raise BadTrust(f"the trust file cannot be read: {error.strerror}") from error


def trust_of(manifest: Manifest, path: Path | None) -> Trust:
    """What the published trust file says. Raises BadTrust, also for a file of another deployment."""
    found = trust.read(published(manifest, path))
    ours = {name: bytes.fromhex(deployed.address[2:]) for name, deployed in manifest.contracts.items()}
    if found.genesis_hash != manifest.genesis_hash or any(
        ours.get(name) != pinned.address for name, pinned in found.contracts.items()
    ):
        raise BadTrust("the trust file is of another deployment than the manifest")
    return found


def _storage(name: str) -> Any:
    return CONTRACTS[name].artifact().storage


def _events(name: str) -> list[Any]:
    wanted = EVENTS.get(name, ())
    return [
        {"name": entry["name"], "inputs": entry["inputs"]}
        for entry in CONTRACTS[name].artifact().abi
        if entry["type"] == "event" and entry["name"] in wanted
    ]


def _anchor(anchor: Anchor) -> Any:
    if not isinstance(anchor, Qbft):
        return {"type": "development"}
    return {
        "type": "qbft",
        "listed": anchor.listed,
        "validators": [
            {"from": first, "addresses": sorted(map(to_hex, members))} for first, members in anchor.validators
        ],
    }
