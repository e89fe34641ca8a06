"""Which logs become events."""

from collections.abc import Callable
from typing import Any

import pytest

from ledger.chain.bindings import CONTRACTS
from ledger.chain.bindings.settlement_token import Transfer
from ledger.chain.events import BadLog, Decoder, EntryId
from ledger.chain.manifest import Deployed, Manifest

TOKEN = "0xd8dA6BF26964aF9D7eEd9e03E53415D37aA96045"
MANAGER = "0x00000000219ab540356cBB839Cbe05303d7705Fa"

DECODER = Decoder(
    Manifest(
        chain_id=84_084,
        genesis_hash=bytes(32),
        block=0,
        contracts={
            "SettlementToken": Deployed(TOKEN, bytes(32)),
            "AccessManager": Deployed(MANAGER, bytes(32)),
        },
    )
)


def log() -> dict[str, Any]:
    return {
        "address": TOKEN.lower(),
        "topics": [
            "0x" + Transfer.topic0.hex(),
            "0x" + "00" * 32,
            "0x" + "00" * 12 + MANAGER[2:].lower(),
        ],
        "data": "0x" + (5).to_bytes(32).hex(),
        "blockHash": "0x" + "11" * 32,
        "blockNumber": "0x10",
        "transactionHash": "0x" + "22" * 32,
        "transactionIndex": "0x1",
        "logIndex": "0x3",
        "removed": False,
    }


def test_a_log_of_ours_has_all_of_its_identity() -> None:
    entry = DECODER.decode(log())
    assert entry is not None
    assert entry.id == EntryId(84_084, b"\x11" * 32, b"\x22" * 32, 3, TOKEN)
    assert (entry.block_number, entry.transaction_index, entry.contract) == (16, 1, "SettlementToken")
    assert entry.event == Transfer("0x" + "00" * 20, MANAGER, 5)
    assert set(DECODER.addresses) == {TOKEN, MANAGER}


def test_logs_of_other_emitters_are_ignored() -> None:
    foreign = log() | {"address": "0x" + "33" * 20}
    assert DECODER.decode(foreign) is None
    assert len(DECODER.decode_all([foreign, log(), foreign])) == 1


@pytest.mark.parametrize(
    "change",
    [
        lambda found: found.update(address=MANAGER),  # which has no Transfer
        lambda found: found.update(topics=[]),
        lambda found: found.update(topics=found["topics"][:2]),
        lambda found: found.update(topics=[*found["topics"][:2], "0x12"]),
        lambda found: found.update(data="0x"),
        lambda found: found.update(data="zz"),
        lambda found: found.update(blockHash=None),  # pending
        lambda found: found.update(removed=True),
        lambda found: found.pop("logIndex"),
        lambda found: found.update(logIndex=3),
        lambda found: found.update(address=None),
    ],
)
def test_threat_S14_an_impossible_log_is_an_error(change: Callable[[dict[str, Any]], object]) -> None:
    found = log()
    change(found)
    with pytest.raises(BadLog):
        DECODER.decode(found)


def test_what_is_no_object_is_an_error() -> None:
    for found in (None, [], "log", 1):
        with pytest.raises(BadLog):
            DECODER.decode(found)


def test_every_contract_can_be_an_emitter() -> None:
    contracts = {
        name: Deployed(f"0x{index:040}", bytes(32)) for index, name in enumerate(sorted(CONTRACTS), start=1)
    }
    assert len(Decoder(Manifest(1, bytes(32), 0, contracts)).addresses) == len(CONTRACTS)
