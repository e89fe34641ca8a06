"""The journal fold, recomputed from decoded events, equals the contract's head."""

import importlib
import sys
from pathlib import Path

from eth_hash.auto import keccak

from ledger.chain import bindgen
from ledger.chain.compiler import compile_contracts
from ledger.chain.devnet import CHAIN_ID, dev_accounts
from ledger.chain.events import Decoder
from ledger.chain.manifest import Deployed, Manifest
from ledger.chain.rpc import Rpc, from_hex
from tests.unit.chain.conftest import SAMPLE, project

from .test_bindings import send, web3


async def test_head_is_the_fold_of_the_decoded_events(rpc: Rpc, tmp_path: Path) -> None:
    compilation = compile_contracts(project(tmp_path / "root", SAMPLE / "Sample.sol"))
    bindgen.write(bindgen.generate(compilation), tmp_path / "journal_bindings")
    sys.path.insert(0, str(tmp_path))
    bindings = importlib.import_module("journal_bindings")
    structs = importlib.import_module("journal_bindings.structs")
    sys.path.remove(str(tmp_path))
    operator, seller = dev_accounts()["operator"].address, dev_accounts()["seller"].address

    receipt = await send(rpc, bindings.Sample.creation(operator, 5))
    async with web3("") as w3:
        sample = bindings.Sample(w3.to_checksum_address(receipt["contractAddress"]))
    logs = []
    for text in ("", "sổ cái", "\udcff not UTF-8 \udc80", "x" * 1000):
        parts = (structs.Part(b"VN", structs.Colour.GREEN, text),) * 2
        thing = structs.Thing(2**96 - 1, seller, parts, (1, 65535))
        call = sample.store(3, structs.Colour.DARK_RED, text, thing, (operator, seller))
        receipt = await send(rpc, call.data, call.to)
        logs += receipt["logs"]
    block = from_hex(receipt["blockHash"])
    assert await rpc.call(sample.echo(thing), block) == (thing, structs.Colour.GREEN)
    assert await rpc.call(sample.limit(), block) == 5

    manifest = Manifest(CHAIN_ID, bytes(32), 0, {"Sample": Deployed(sample.address, bytes(32))})
    head = bytes(32)
    for entry in Decoder(manifest, bindings.CONTRACTS).decode_all(logs):
        head = keccak(head + entry.event.topic0 + keccak(entry.event.journal_args()))
    assert head == await rpc.call(sample.journal_head(), block)
    assert len(logs) == 8
