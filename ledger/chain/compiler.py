"""The contracts, compiled through py-solc-x with the settings of foundry.toml: the same bytes as forge.

Source units carry project-relative names, as forge gives them. Those of `src` are handed over; what they
import, the compiler itself reads below the project root.
"""

import hashlib
import json
import os
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import solcx

ROOT: Final = Path(__file__).resolve().parents[2]

DEPLOYED_AS_IS: Final = ("node_modules/@openzeppelin/contracts/access/manager/AccessManager.sol",)
"""Source units that the exchange deploys unchanged: their contracts are compiled and bound like our own."""

UNDERSTOOD: Final = {
    *("optimizer", "optimizer_runs", "evm_version", "bytecode_hash", "cbor_metadata", "via_ir", "remappings"),
    *("src", "solc"),
}
"""Keys of foundry.toml that are followed here."""

HARMLESS: Final = {
    *("test", "script", "out", "libs", "cache", "cache_path", "offline", "extra_output", "gas_limit"),
    *("ignored_warnings_from", "ignored_error_codes", "deny", "fuzz", "invariant", "snapshots"),
    *("gas_reports", "verbosity", "fs_permissions", "ffi", "isolate", "fmt", "lint"),
    "dynamic_test_linking",  # of tests only
}
"""Keys that change no bytecode. Any other key is refused, lest forge follow it and py-solc-x not."""


class CompilerError(Exception):
    """The settings are not understood, no compiler was found, or the sources do not compile."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What foundry.toml and package.json say; `json` is the `settings` object of standard JSON."""

    src: Path
    solc: Path
    version: str
    json: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Contract:
    """One concrete contract.

    `immutables` maps `Contract.variable` to the (offset, length) places in `runtime` that the constructor
    fills. `storage` is the compiler's storage layout without AST ids, which change with unrelated edits.
    """

    name: str
    unit: str
    abi: list[dict[str, Any]]
    creation: bytes
    runtime: bytes
    immutables: Mapping[str, tuple[tuple[int, int], ...]]
    storage: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Compilation:
    """Every concrete contract by (source unit, name); the members of every enum by canonical name."""

    contracts: Mapping[tuple[str, str], Contract]
    enums: Mapping[str, tuple[str, ...]]

    def ours(self) -> list[Contract]:
        """Concrete contracts of contracts/ and DEPLOYED_AS_IS, by name."""
        chosen = (
            c for c in self.contracts.values() if c.unit in DEPLOYED_AS_IS or c.unit.startswith("contracts/")
        )
        return sorted(chosen, key=lambda contract: contract.name)

    def deployable(self) -> list[Contract]:
        """Those that the exchange deploys: not what lies in a folder of contracts/, by name."""
        return [c for c in self.ours() if c.unit in DEPLOYED_AS_IS or c.unit.count("/") == 1]


def load_settings(root: Path = ROOT) -> Settings:
    """Reads foundry.toml and the compiler version that package.json pins. Raises CompilerError."""
    profile = _profile(root)
    if unknown := profile.keys() - UNDERSTOOD - HARMLESS:
        raise CompilerError(f"foundry.toml sets {', '.join(sorted(unknown))}: teach ledger/chain/compiler.py")
    package = json.loads((root / "package.json").read_text())
    return Settings(
        src=root / profile["src"],
        solc=root / profile["solc"],
        version=package["dependencies"]["solc"],
        json={
            "remappings": profile.get("remappings", []),
            "optimizer": {
                "enabled": profile.get("optimizer", False),
                "runs": profile.get("optimizer_runs", 200),
            },
            "evmVersion": profile["evm_version"],
            "viaIR": profile.get("via_ir", False),
            "metadata": {
                "bytecodeHash": profile.get("bytecode_hash", "ipfs"),
                "appendCBOR": profile.get("cbor_metadata", True),
            },
            "outputSelection": {
                "*": {
                    "": ["ast"],
                    "*": [
                        "abi",
                        "evm.bytecode.object",
                        "evm.bytecode.linkReferences",
                        "evm.deployedBytecode.object",
                        "evm.deployedBytecode.immutableReferences",
                        "storageLayout",
                    ],
                }
            },
        },
    )


def hardfork(root: Path = ROOT) -> str:
    """The EVM that the contracts are compiled for."""
    return str(_profile(root)["evm_version"])


def _profile(root: Path) -> dict[str, Any]:
    profile: dict[str, Any] = tomllib.loads((root / "foundry.toml").read_text())["profile"]["default"]
    return profile


def find_solc(settings: Settings, root: Path = ROOT) -> Path:
    """The pinned compiler: native where py-solc-x has it installed, else npm `solc` behind scripts/solc."""
    for version in solcx.get_installed_solc_versions():
        if str(version) == settings.version:
            return solcx.install.get_executable(version)
    package = root / "node_modules/solc/package.json"
    if not package.is_file():
        raise CompilerError("no Solidity compiler: run scripts/setup")
    if (found := json.loads(package.read_text())["version"]) != settings.version:
        raise CompilerError(f"package.json pins solc {settings.version}, found {found}: run scripts/setup")
    return settings.solc


def compile_contracts(root: Path = ROOT, *, cache: Path = ROOT / "var/solc") -> Compilation:
    """Compiles all below `src`, and DEPLOYED_AS_IS. Raises CompilerError with the compiler's words.

    It takes half a minute: what was compiled is kept in `cache`, named by everything that it was made from.
    """
    settings = load_settings(root)
    units = [path.relative_to(root).as_posix() for path in sorted(settings.src.rglob("*.sol"))]
    source = {
        "language": "Solidity",
        "sources": {unit: {"content": (root / unit).read_text()} for unit in (*units, *DEPLOYED_AS_IS)},
        "settings": settings.json,
    }
    made_from = json.dumps([source, settings.version, (root / "package-lock.json").read_text()])
    kept = cache / f"{hashlib.sha256(made_from.encode()).hexdigest()}.json"
    if kept.is_file():
        output = json.loads(kept.read_text())
    else:
        try:
            output = solcx.compile_standard(source, base_path=root, solc_binary=find_solc(settings, root))
        except solcx.exceptions.SolcError as error:
            raise CompilerError(error.message) from None  # its text holds the whole output
        _keep(output, kept)
    names = dict(_variables(output["sources"]))
    libraries = {
        (node["absolutePath"], member["name"])
        for node in _nodes(output["sources"])
        if node.get("nodeType") == "SourceUnit"
        for member in node["nodes"]
        if member.get("contractKind") == "library"
    }
    return Compilation(
        contracts={
            (unit, name): _contract(unit, name, found, names)
            for unit, contracts in output["contracts"].items()
            for name, found in contracts.items()
            if found["evm"]["bytecode"]["object"] and (unit, name) not in libraries
        },
        enums={
            node["canonicalName"]: tuple(member["name"] for member in node["members"])
            for node in _nodes(output["sources"])
            if node.get("nodeType") == "EnumDefinition"
        },
    )


def _keep(output: dict[str, Any], kept: Path, newest: int = 6) -> None:
    kept.parent.mkdir(parents=True, exist_ok=True)
    written = kept.with_suffix(f".{os.getpid()}")
    written.write_text(json.dumps(output))
    written.replace(kept)
    for old in sorted(kept.parent.glob("*.json"), key=lambda path: -path.stat().st_mtime)[newest:]:
        old.unlink(missing_ok=True)


def _contract(unit: str, name: str, found: dict[str, Any], names: Mapping[int, str]) -> Contract:
    if found["evm"]["bytecode"]["linkReferences"]:
        raise CompilerError(f"{name} needs a linked library: make the library's functions internal")
    runtime = found["evm"]["deployedBytecode"]
    return Contract(
        name=name,
        unit=unit,
        abi=found["abi"],
        creation=bytes.fromhex(found["evm"]["bytecode"]["object"]),
        runtime=bytes.fromhex(runtime["object"]),
        immutables={
            names[int(ast_id)]: tuple((place["start"], place["length"]) for place in places)
            for ast_id, places in runtime["immutableReferences"].items()
        },
        storage=_without_ids(found["storageLayout"]),
    )


def _without_ids(layout: dict[str, Any]) -> dict[str, Any]:
    """The storage layout with `t_struct(Plan)_storage` for `t_struct(Plan)123_storage`, and no `astId`."""

    def clean(value: Any) -> Any:
        if isinstance(value, dict):
            return {clean(key): clean(inner) for key, inner in value.items() if key != "astId"}
        if isinstance(value, list):
            return [clean(inner) for inner in value]
        if isinstance(value, str):
            return re.sub(r"t_(struct|enum|contract|userDefinedValueType)\((\w+)\)\d+", r"t_\1(\2)", value)
        return value

    cleaned: dict[str, Any] = clean(layout)
    if len(cleaned["types"] or ()) != len(layout["types"] or ()):
        raise CompilerError("two storage types share one name: rename one")
    return cleaned


def _nodes(tree: Any) -> Iterator[dict[str, Any]]:
    """Every object of the compiler's syntax trees."""
    if isinstance(tree, dict):
        yield tree
        for inner in tree.values():
            yield from _nodes(inner)
    elif isinstance(tree, list):
        for inner in tree:
            yield from _nodes(inner)


def _variables(sources: Any) -> Iterator[tuple[int, str]]:
    """AST id and `Contract.variable` of every state variable."""
    for node in _nodes(sources):
        if node.get("nodeType") == "ContractDefinition":
            for member in node["nodes"]:
                if member["nodeType"] == "VariableDeclaration":
                    yield member["id"], f"{node['name']}.{member['name']}"
