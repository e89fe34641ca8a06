"""Settings, compiler and what is taken from its output."""

import json
from pathlib import Path

import pytest
import solcx

from ledger.chain import compiler
from ledger.chain.compiler import (
    ROOT,
    Compilation,
    CompilerError,
    _without_ids,
    compile_contracts,
    find_solc,
    load_settings,
)

from .conftest import SAMPLE, project


def test_settings_are_those_of_foundry_toml() -> None:
    text = (ROOT / "foundry.toml").read_text()
    settings = load_settings().json
    assert f"optimizer_runs = {settings['optimizer']['runs']}" in text.replace("_000", "000")
    assert f'evm_version = "{settings["evmVersion"]}"' in text
    assert ("via_ir = true" in text) is settings["viaIR"]
    assert settings["metadata"] == {"bytecodeHash": "none", "appendCBOR": False}
    assert "@openzeppelin/=node_modules/@openzeppelin/" in settings["remappings"]


def test_an_unknown_setting_is_refused(tmp_path: Path) -> None:
    root = project(tmp_path / "root")
    with (root / "foundry.toml").open("r+") as file:
        text = file.read().replace("[profile.default]", '[profile.default]\nrevert_strings = "strip"', 1)
        file.seek(0)
        file.write(text)
    with pytest.raises(CompilerError, match="revert_strings"):
        compile_contracts(root)


def test_a_native_compiler_is_preferred(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = load_settings()
    monkeypatch.setattr(solcx, "get_installed_solc_versions", lambda: ["0.8.1", settings.version])
    monkeypatch.setattr(solcx.install, "get_executable", lambda version: Path("/native") / version)
    assert find_solc(settings) == Path("/native") / settings.version
    monkeypatch.setattr(solcx, "get_installed_solc_versions", lambda: ["0.8.1"])
    assert find_solc(settings) == ROOT / "scripts/solc"


def test_another_compiler_than_the_pinned_is_refused(tmp_path: Path) -> None:
    root = project(tmp_path / "root")
    package = json.loads((root / "package.json").read_text())
    package["dependencies"]["solc"] = "0.8.1"
    (root / "package.json").write_text(json.dumps(package))
    with pytest.raises(CompilerError, match=r"pins solc 0\.8\.1"):
        find_solc(load_settings(root), root)
    (root / "node_modules").unlink()
    with pytest.raises(CompilerError, match="scripts/setup"):
        find_solc(load_settings(root), root)


def test_errors_are_the_compilers_words(tmp_path: Path) -> None:
    root = project(tmp_path / "root")
    (root / "contracts/Bad.sol").write_text('pragma solidity 0.8.37;\nimport "./Missing.sol";\n')
    with pytest.raises(CompilerError, match=r"contracts/Missing\.sol") as raised:
        compile_contracts(root, cache=tmp_path / "cache")
    assert len(str(raised.value)) < 1000
    (root / "contracts/Bad.sol").write_text('pragma solidity 0.8.37;\nimport "/etc/passwd";\n')
    with pytest.raises(CompilerError, match="outside"):
        compile_contracts(root, cache=tmp_path / "cache")


def test_a_kept_output_is_used_only_for_the_same_input(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = project(tmp_path / "root", SAMPLE / "Sample.sol")
    ran = []

    def run(*_: object, **__: object) -> dict[str, object]:
        ran.append(1)
        return {"sources": {}, "contracts": {}}

    monkeypatch.setattr(compiler.solcx, "compile_standard", run)
    for _ in range(2):
        compile_contracts(root, cache=tmp_path / "cache")
    assert len(ran) == 1
    (root / "contracts/Sample.sol").write_text("// another")
    compile_contracts(root, cache=tmp_path / "cache")
    assert len(ran) == 2
    (root / "package-lock.json").write_text("{}")
    compile_contracts(root, cache=tmp_path / "cache")
    assert len(ran) == 3


def test_what_is_deployed(sample_compilation: Compilation) -> None:
    assert [contract.name for contract in sample_compilation.deployable()] == ["AccessManager", "Sample"]
    sample = sample_compilation.contracts["contracts/Sample.sol", "Sample"]
    assert sample_compilation.enums["Colour"] == ("None", "DarkRed", "Green")
    (at, length), *_ = sample.immutables["Sample.LIMIT"]
    assert sample.runtime[at : at + length] == bytes(32)
    assert {"label", "slot", "offset", "type", "contract"} == sample.storage["storage"][0].keys()
    assert sample.storage["types"]["t_struct(Part)_storage"]["label"] == "struct Part"


def test_storage_types_of_one_name_are_refused() -> None:
    types = {"t_struct(A)1_storage": {"label": "struct X.A"}, "t_struct(A)2_storage": {"label": "struct Y.A"}}
    with pytest.raises(CompilerError, match="share one name"):
        _without_ids({"storage": [], "types": types})
    arrays = {"t_array(t_uint256)49_storage": {}, "t_array(t_uint256)50_storage": {}}
    assert _without_ids({"storage": [], "types": arrays})["types"] == arrays
