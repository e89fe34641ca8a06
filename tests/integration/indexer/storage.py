"""What the storage of each contract must hold, slot by slot, if a replayed state is right.

Built on the compiler's storage layout: a variable that no table stands for is a KeyError, so one that is
added to a contract and that the events do not tell is found here.
"""

import gzip
import json
from collections import defaultdict
from collections.abc import Mapping
from enum import IntEnum
from typing import Any

import msgspec
from eth_hash.auto import keccak

from ledger.chain.abi import Contract, Spec, Struct
from ledger.chain.bindings import CONTRACTS
from ledger.chain.manifest import Manifest
from ledger.chain.rpc import Rpc, from_hex
from ledger.indexer.state import State, Tokens

Slots = dict[int, int]
"""Value by slot, zeros left out."""


def expected(state: State) -> dict[str, Slots]:
    """By contract, of those that have a journal."""
    variables: dict[str, dict[str, Any]] = {
        "Participants": {
            "_participants": state.participants,
            "credentialOf": state.credentials,
            "_everHeld": state.ever_held,
        },
        "Listings": {
            "_name": "Socai Listing",
            "_symbol": "SCL",
            **_register(state.listing_tokens),
            "_pack": {
                "rules": state.rule_pack.address,
                "version": state.rule_pack.version,
                "listings": len(state.listings),
            },
            "_listings": state.listings,
            "_versions": _nested(state.versions),
            "_plans": state.plans,
            "_upstreams": state.upstreams,
            "transferApproval": _nested(state.transfer_approvals),
            "legalBasis": state.legal_bases,
            "depositUsed": dict.fromkeys(state.deposits, True),
        },
        "Reviews": {
            "_nameFallback": "",
            "_versionFallback": "",
            "_attestations": {
                listing: _nested(found) for listing, found in _nested_first(state.attestations).items()
            },
        },
        "Licences": {
            "_name": "Socai Licence",
            "_symbol": "SCX",
            **_register(state.licence_tokens),
            "_licences": state.licences,
        },
        "Exchange": {
            "_nameFallback": "",
            "_versionFallback": "",
            "_terms": state.terms,
            "currencies": len(state.currencies),
            "treasury": state.treasury,
            "taxAuthority": state.tax_authority,
            "_money": state.currencies,
            "owed": _nested(state.owed),
            "paymentUsed": dict.fromkeys(state.payments, True),
        },
        "LogAnchor": {"_checkpoints": {custodian: state.log(custodian) for custodian in state.anchored}},
    }
    for name, found in variables.items():
        found["journalHead"] = state.journals[name].head
        if name in state.authorities:
            found |= {"_authority": state.authorities[name], "_consumingSchedule": False}
    return {name: slots(CONTRACTS[name], found) for name, found in variables.items()}


async def actual(rpc: Rpc, manifest: Manifest) -> dict[str, Slots]:
    """By contract, every slot that the node holds."""
    dump = json.loads(gzip.decompress(from_hex(await rpc.request("anvil_dumpState", [False]))))
    accounts = {address.lower(): account["storage"] for address, account in dump["accounts"].items()}
    return {
        name: {
            int(slot, 16): int(value, 16)
            for slot, value in accounts[found.address.lower()].items()
            if int(value, 16)
        }
        for name, found in manifest.contracts.items()
    }


async def compare(rpc: Rpc, manifest: Manifest, state: State) -> None:
    """Raises AssertionError unless the contracts hold what the state says, and nothing else."""
    held = await actual(rpc, manifest)
    for name, said in expected(state).items():
        assert len(said) > 1
        different = {
            hex(slot): (hex(said.get(slot, 0)), hex(held[name].get(slot, 0)))
            for slot in said.keys() | held[name].keys()
            if said.get(slot, 0) != held[name].get(slot, 0)
        }
        assert not different, f"{name} after {state.place}, slot: (said, held): {different}"


def slots(contract: type[Contract], variables: Mapping[str, Any]) -> Slots:
    layout = contract.artifact().storage
    found: Slots = defaultdict(int)
    for variable in layout["storage"]:
        value = variables[variable["label"]]
        _write(found, layout["types"], variable["type"], int(variable["slot"]), variable["offset"], value)
    return {slot: value for slot, value in found.items() if value}


def _write(found: Slots, types: Mapping[str, Any], kind: str, slot: int, offset: int, value: Any) -> None:
    told = types[kind]
    if told["encoding"] == "mapping":
        for key, row in value.items():
            _write(found, types, told["value"], _hash(_key(key) + _word(slot)), 0, row)
    elif told["encoding"] == "dynamic_array":
        found[slot] = len(value)
        size = int(types[told["base"]]["numberOfBytes"]) // 32
        assert size, "elements that share a slot"
        for index, row in enumerate(value):
            _write(found, types, told["base"], _hash(_word(slot)) + index * size, 0, row)
    elif told["encoding"] == "bytes":
        text = value.encode()
        assert len(text) < 32
        found[slot] = int.from_bytes(text.ljust(31, b"\0") + bytes([2 * len(text)]), "big")
    elif "members" in told:
        for member in told["members"]:
            row = _member(value, member["label"])
            _write(found, types, member["type"], slot + int(member["slot"]), member["offset"], row)
    else:
        number, size = _number(value), int(told["numberOfBytes"])
        assert number < 1 << 8 * size
        found[slot] |= number << 8 * offset


def _member(value: Any, label: str) -> Any:
    if not isinstance(value, msgspec.Struct):
        return value[label]
    name = "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in label)
    return getattr(value, name if hasattr(value, name) else f"{name}_")


def _number(value: Any) -> int:
    if isinstance(value, Struct):
        return _packed(value)
    if isinstance(value, str):
        return int(value, 16)
    return int.from_bytes(value, "big") if isinstance(value, bytes) else int(value)


def _key(key: Any) -> bytes:
    return key if isinstance(key, bytes) else _word(_number(key))


def _word(number: int) -> bytes:
    return number.to_bytes(32, "big")


def _hash(data: bytes) -> int:
    return int.from_bytes(keccak(data), "big")


def _nested(table: Mapping[tuple[Any, Any], Any]) -> dict[Any, dict[Any, Any]]:
    found: dict[Any, dict[Any, Any]] = {}
    for (first, second), row in table.items():
        found.setdefault(first, {})[second] = row
    return found


def _nested_first(table: Mapping[tuple[Any, Any, Any], Any]) -> dict[Any, dict[Any, Any]]:
    found: dict[Any, dict[Any, Any]] = {}
    for (first, second, third), row in table.items():
        found.setdefault(first, {})[second, third] = row
    return found


def _register(tokens: Tokens) -> dict[str, Any]:
    return {
        "_owners": tokens.owners,
        "_balances": tokens.balances,
        "_tokenApprovals": tokens.approved,
        "_operatorApprovals": _nested(tokens.operators),
    }


def _packed(value: Struct) -> int:
    """As `contracts/types/` packs a struct into a word: declared order, the first field lowest."""
    word, at = 0, 0
    for param in value.abi_params:
        word |= _number(getattr(value, param.name)) << at
        at += _bits(param.spec)
    return word


def _bits(spec: Spec) -> int:
    if spec == "bool" or (isinstance(spec, type) and issubclass(spec, IntEnum)):
        return 8
    assert isinstance(spec, str)
    return int(spec[4:]) if spec.startswith("uint") else 8 * int(spec.removeprefix("bytes"))
