"""The generator and the code it writes."""

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from eth_abi.abi import encode
from eth_hash.auto import keccak

from ledger.chain import bindgen
from ledger.chain.abi import (
    AbiError,
    Call,
    ContractError,
    Event,
    Panicked,
    Reverted,
    UndeclaredError,
)
from ledger.chain.bindgen import BINDINGS, BindingsError
from ledger.chain.bindings import CONTRACTS, decode_error, errors
from ledger.chain.compiler import ROOT, Compilation, compile_contracts

ALICE = "0xd8dA6BF26964aF9D7eEd9e03E53415D37aA96045"
BOB = "0x00000000219ab540356cBB839Cbe05303d7705Fa"


@pytest.fixture(scope="module")
def thing(sample: ModuleType) -> Any:
    from sample_bindings import structs  # type: ignore[import-not-found]

    parts = (
        structs.Part(b"VN", structs.Colour.DARK_RED, "đồng"),
        structs.Part(b"LA", structs.Colour.GREEN, ""),
    )
    return structs.Thing(id=7, owner=ALICE, parts=parts, sizes=(1, 2))


THING = "(uint96,address,(bytes2,uint8,string)[],uint16[2])"
PLAIN_THING = (7, ALICE, [(b"VN", 1, "đồng"), (b"LA", 2, "")], [1, 2])


def test_bindings_are_not_stale() -> None:
    bindgen.check(bindgen.generate(compile_contracts()))


def test_check_names_what_is_stale(sample_compilation: Compilation, tmp_path: Path) -> None:
    files = bindgen.generate(sample_compilation)
    bindgen.write(files, tmp_path)
    bindgen.check(files, tmp_path)
    (tmp_path / "sample.py").write_text("")
    (tmp_path / "gone.json").write_text("{}")
    (tmp_path / "errors.py").unlink()
    with pytest.raises(BindingsError, match=r"stale: errors\.py, gone\.json, sample\.py"):
        bindgen.check(files, tmp_path)
    bindgen.write(files, tmp_path)
    assert not (tmp_path / "gone.json").exists()
    bindgen.check(files, tmp_path)


def test_generating_twice_gives_the_same(sample_compilation: Compilation) -> None:
    assert bindgen.generate(sample_compilation) == bindgen.generate(sample_compilation)


def test_generated_code_passes_the_linters(sample: ModuleType) -> None:
    folder = str(Path(str(sample.__file__)).parent)
    for command in (
        ["ruff", "check", "--config", str(ROOT / "pyproject.toml"), folder],
        ["ruff", "format", "--check", "--config", str(ROOT / "pyproject.toml"), folder],
        ["mypy", "--strict", "--cache-dir", str(ROOT / ".mypy_cache"), folder],
    ):
        run = subprocess.run([sys.executable, "-m", *command], capture_output=True, text=True, cwd=ROOT)
        assert run.returncode == 0, run.stdout + run.stderr


def test_events_decode_and_give_their_journal_arguments(sample: ModuleType, thing: Any) -> None:
    from sample_bindings import structs
    from sample_bindings.sample import Plain, Stored

    others = [BOB, ALICE]
    topics = [Stored.topic0, (5).to_bytes(32), (2).to_bytes(32)]
    data = encode(["address", "string", THING, "address[]"], [ALICE, "chữ", PLAIN_THING, others])
    event, args = Stored.decode(topics, data)
    assert event == Stored(5, ALICE, structs.Colour.GREEN, "chữ", thing, (BOB, ALICE))
    assert isinstance(event.colour, structs.Colour)
    assert (
        args
        == event.journal_args()
        == encode(
            ["uint96", "address", "uint8", "string", THING, "address[]"],
            [5, ALICE, 2, "chữ", PLAIN_THING, others],
        )
    )
    assert Plain.decode([Plain.topic0], b"") == (Plain(), b"")
    assert sample.Sample.events[Stored.topic0] is Stored
    with pytest.raises(AttributeError):
        event.id = 6


def test_threat_S14_malformed_logs_are_refused(sample: ModuleType) -> None:
    from sample_bindings.sample import Plain, Stored, Transfer

    topics = [Transfer.topic0, bytes(32), bytes(12) + bytes.fromhex(ALICE[2:]), bytes(32)]
    assert Transfer.decode(topics, b"")[0].to == ALICE
    for bad in (
        topics[:3],
        [*topics, bytes(32)],
        [Plain.topic0, *topics[1:]],
        [topics[0], topics[1], b"\1" * 32, topics[3]],  # an address with dirt above it
        [topics[0], topics[1], topics[2] + bytes(16), topics[3][16:]],
        [],
    ):
        with pytest.raises(AbiError):
            Transfer.decode(bad, b"")
    stored = [Stored.topic0, bytes(32), (3).to_bytes(32)]
    data = encode(["address", "string", THING, "address[]"], [ALICE, "", PLAIN_THING, []])
    with pytest.raises(AbiError):
        Stored.decode(stored, data)  # no such colour
    with pytest.raises(AbiError):
        Stored.decode([*stored[:2], bytes(32)], data[:-32])
    with pytest.raises(AbiError):
        Stored.decode([*stored[:2], bytes(32)], b"\xff" * 320)


def test_text_that_is_no_utf8_stops_no_reader(sample: ModuleType, thing: Any) -> None:
    from sample_bindings.sample import Stored

    topics = [Stored.topic0, (5).to_bytes(32), (2).to_bytes(32)]
    data = encode(["address", "bytes", THING, "address[]"], [ALICE, b"\x80\xff", PLAIN_THING, []])
    event, _ = Stored.decode(topics, data)
    assert event.text == "\udc80\udcff"
    assert event.journal_args() == encode(
        ["uint96", "address", "uint8", "bytes", THING, "address[]"],
        [5, ALICE, 2, b"\x80\xff", PLAIN_THING, []],
    )


def test_functions_build_calls(sample: ModuleType, thing: Any) -> None:
    from sample_bindings import structs

    contract = sample.Sample(BOB)
    call: Call[int] = contract.store(5, structs.Colour.GREEN, "chữ", thing, (ALICE,))
    assert (call.to, call.function) == (BOB, "Sample.store")
    signature = f"store(uint96,uint8,string,{THING},address[])"
    assert call.data[:4] == keccak(signature.encode())[:4]
    assert call.data[4:] == encode(
        ["uint96", "uint8", "string", THING, "address[]"], [5, 2, "chữ", PLAIN_THING, [ALICE]]
    )
    assert call.decode_output((9).to_bytes(32)) == 9
    assert contract.refuse(1).decode_output(b"") is None
    echoed = contract.echo(thing).decode_output(encode([THING, "uint8"], [PLAIN_THING, 1]))
    assert echoed == (thing, structs.Colour.DARK_RED)
    assert contract.safe_transfer_from_with_data(ALICE, BOB, 1, b"x").data[:4].hex() == "b88d4fde"
    with pytest.raises(AbiError):
        contract.owner_of(1).decode_output(b"")  # what a call of an address without code returns


@pytest.mark.parametrize(
    "wrong",
    [
        lambda s, c, t: c.supports_interface(b"\1"),
        lambda s, c, t: c.owner_of(-1),
        lambda s, c, t: c.owner_of(2**256),
        lambda s, c, t: c.owner_of("1"),
        lambda s, c, t: c.balance_of("0x12"),
        lambda s, c, t: c.balance_of(ALICE[:-1] + "6"),  # a mistyped checksum address
        lambda s, c, t: c.store(1, 3, "", t, ()),
        lambda s, c, t: c.store(1, s.Colour.NONE, "", (1, 2, 3), ()),
        lambda s, c, t: c.store(1, s.Colour.NONE, "", s.Thing(1, ALICE, (), (1, 2, 3)), ()),
    ],
)
def test_arguments_that_do_not_fit_are_refused(
    sample: ModuleType, thing: Any, wrong: Callable[[Any, Any, Any], object]
) -> None:
    from sample_bindings import structs

    with pytest.raises(AbiError):
        wrong(structs, sample.Sample(BOB), thing)


def test_errors_decode_across_contracts(sample: ModuleType) -> None:
    from sample_bindings import structs
    from sample_bindings.errors import Helper_Odd, Sample_Empty, Sample_Refused

    part = "(bytes2,uint8,string)"
    data = keccak(f"Sample_Refused(address,uint8,{part})".encode())[:4]
    data += encode(["address", "uint8", part], [ALICE, 1, (b"VN", 2, "x")])
    error = sample.decode_error(data)
    assert isinstance(error, Sample_Refused)
    assert (error.from_, error.class_) == (ALICE, structs.Colour.DARK_RED)
    assert error.part == structs.Part(b"VN", structs.Colour.GREEN, "x")
    assert str(error).startswith(f"Sample_Refused(from_={ALICE}, class_=DARK_RED, part=")
    assert isinstance(sample.decode_error(keccak(b"Sample_Empty()")[:4]), Sample_Empty)
    odd = sample.decode_error(keccak(b"Helper_Odd(uint256)")[:4] + (7).to_bytes(32))
    assert isinstance(odd, Helper_Odd)
    assert odd.arguments == {"value": 7}


def test_what_is_no_known_error_decodes_too() -> None:
    text = decode_error(bytes.fromhex("08c379a0") + encode(["string"], ["no"]))
    panic = decode_error(bytes.fromhex("4e487b71") + (0x11).to_bytes(32))
    assert isinstance(text, Reverted)
    assert text.reason == "no"
    assert isinstance(panic, Panicked)
    assert panic.code == 0x11
    for data in (b"", b"\1\2", bytes(4), bytes.fromhex("08c379a0"), bytes.fromhex("08c379a0") + b"\xff" * 96):
        undeclared = decode_error(data)
        assert isinstance(undeclared, UndeclaredError)
        assert undeclared.data == data


def test_creation_code_carries_its_arguments(sample: ModuleType, sample_compilation: Compilation) -> None:
    compiled = sample_compilation.contracts["contracts/Sample.sol", "Sample"]
    assert sample.Sample.creation(ALICE, 9) == compiled.creation + encode(["address", "uint256"], [ALICE, 9])
    artifact = sample.Sample.artifact()
    assert (artifact.runtime, artifact.immutables) == (compiled.runtime, compiled.immutables)
    assert (artifact.abi, artifact.storage) == (compiled.abi, compiled.storage)


@pytest.mark.parametrize(
    ("entry", "reason"),
    [
        ({"type": "event", "anonymous": True}, "anonymous"),
        ({"type": "event", "inputs": [{"name": "a", "type": "string", "indexed": True}]}, "only its hash"),
        ({"type": "event", "inputs": [{"name": "a", "type": "uint8[]", "indexed": True}]}, "only its hash"),
        ({"type": "function", "inputs": [{"name": "a", "type": "fixed128x18"}]}, "no Python type"),
        (
            {"type": "function", "inputs": [{"name": "a", "type": "uint8", "internalType": "enum X"}]},
            "enum X",
        ),
    ],
)
def test_what_cannot_be_bound_is_refused(entry: dict[str, Any], reason: str) -> None:
    from ledger.chain.compiler import Contract

    whole = {"name": "x", "inputs": [], "outputs": [], "anonymous": False, "stateMutability": "view"} | entry
    contract = Contract("X", "contracts/X.sol", [whole], b"", b"", {}, {})
    with pytest.raises(BindingsError, match=reason):
        bindgen.generate(Compilation({("contracts/X.sol", "X"): contract}, {}))


def test_topics_and_selectors_of_the_real_contracts() -> None:
    """Against the ABI, by another route than the generator's."""
    assert "AccessManager" in CONTRACTS
    for name, contract in CONTRACTS.items():
        source = (BINDINGS / f"{bindgen._snake(name)}.py").read_text()
        for entry in contract.artifact().abi:
            signature = f"{entry.get('name')}({','.join(map(_flat, entry.get('inputs', ())))})"
            topic0 = keccak(signature.encode())
            if entry["type"] == "event":
                assert contract.events[topic0].abi_name == entry["name"]
            elif entry["type"] == "function":
                assert f'"{topic0[:4].hex()}"' in source
            elif entry["type"] == "error":
                assert errors.ERRORS[topic0[:4]].abi_name == entry["name"]


def _flat(param: dict[str, Any]) -> str:
    kind: str = param["type"]
    if not kind.startswith("tuple"):
        return kind
    return re.sub("^tuple", f"({','.join(map(_flat, param['components']))})", kind)


def test_generated_names_hide_nothing() -> None:
    for contract in CONTRACTS.values():
        for event in contract.events.values():
            assert issubclass(event, Event)
            assert {param.name for param in event.abi_params} == set(event.__struct_fields__)
    for error in errors.ERRORS.values():
        assert issubclass(error, ContractError)
        assert not {param.name for param in error.abi_params} & set(dir(Exception))
