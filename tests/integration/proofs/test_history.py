"""The exported history of a busy market: whole, or refused for every line that is missing or another."""

import json
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import pytest_asyncio

from ledger.chain.devnet import Devnet
from ledger.chain.history import export
from ledger.chain.rpc import Rpc
from ledger.chain.trust import trust_of
from ledger.proofs.error import ProofError
from ledger.proofs.history import BadHistory, Incomplete, SectionRefused, is_history, verify
from ledger.proofs.trust import Trust
from tests.e2e.conftest import free_port
from tests.integration.indexer.market import CHOOSERS, Market, found

pytestmark = pytest.mark.asyncio(loop_scope="module")
FUTURE = time.time() + 10**9


@dataclass
class Exported:
    market: Market
    trust: Trust
    lines: list[bytes]


async def exported(market: Market, after: bytes | None = None) -> Exported:
    trust, since = trust_of(market.manifest, None), market.manifest.block
    lines = [line async for line in export(market.rpc, trust, market.head, since=since, after=after)]
    return Exported(market, trust, lines)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def whole(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Exported]:
    folder: Path = tmp_path_factory.mktemp("market")
    async with Devnet(port=free_port(), history=None) as devnet, Rpc(devnet.url, timeout=60) as rpc:
        market = await found(rpc, 4, folder)
        while len(market.state.licences) < 2:
            await market.block(CHOOSERS)
        yield await exported(market)


async def test_R03_the_history_is_proven_whole(whole: Exported) -> None:
    proven = verify(whole.lines, whole.trust, FUTURE)
    assert proven.entries == {name: found.length for name, found in whole.market.state.journals.items()}
    assert (proven.block.hash, proven.after) == (whole.market.head, None)
    assert is_history(b"".join(whole.lines))
    signatures = {json.loads(line)["event"] for line in whole.lines if line.startswith(b'{"args"')}
    assert "Purchased(uint96,address,uint24,uint24,uint96,uint16,uint16,uint40)" in signatures


async def test_R03_part_of_the_history_says_after_which_block_it_begins(whole: Exported) -> None:
    entry, _ = whole.market.entries[len(whole.market.entries) // 2]
    part = await exported(whole.market, entry.id.block_hash)
    proven = verify(part.lines, whole.trust, FUTURE)
    assert proven.after["number"] == entry.block_number
    later = sum(found.block_number > entry.block_number for found, _ in whole.market.entries)
    assert 0 < sum(proven.entries.values()) <= later
    mixed = [*part.lines[: 1 + proven.entries["Exchange"]]]
    at = next(n for n, line in enumerate(whole.lines) if b'"contract":"Licences"' in line)
    with pytest.raises(Incomplete, match="other blocks"):
        verify([*mixed, *whole.lines[at:]], whole.trust, FUTURE)


async def test_R03_every_line_that_is_left_out_is_missed(whole: Exported) -> None:
    for at in range(len(whole.lines)):
        with pytest.raises(ProofError):
            verify(whole.lines[:at] + whole.lines[at + 1 :], whole.trust, FUTURE)


Spoil = Callable[[list[bytes]], list[bytes]]


@pytest.mark.parametrize(
    ("spoil", "error", "words"),
    [
        (lambda lines: lines[:-1], SectionRefused, "journal of"),
        (lambda lines: [], Incomplete, "any contract"),
        (lambda lines: [*lines, lines[-1]], BadHistory, "begins no section"),
        (lambda lines: [*lines, *lines], BadHistory, "second one"),
        (lambda lines: [*lines[:-1], lines[-1][:-1]], BadHistory, "cut off"),
        (lambda lines: [lines[0], lines[2], lines[1], *lines[3:]], SectionRefused, "Exchange"),
        (lambda lines: [lines[0], lines[1].replace(b",", b", "), *lines[2:]], BadHistory, "line 2"),
        (lambda lines: [lines[0], b"[1]\n", *lines[2:]], BadHistory, "line 2"),
        (lambda lines: [lines[0], b"{\n", *lines[2:]], BadHistory, "line 2"),
        (
            lambda lines: [lines[0], lines[1].replace(b'"event":"', b'"event":"X'), *lines[2:]],
            SectionRefused,
            "Exchange",
        ),
    ],
)
async def test_R03_what_is_not_the_history_is_refused(
    whole: Exported, spoil: Spoil, error: type[ProofError], words: str
) -> None:
    with pytest.raises(error, match=words):
        verify(spoil(whole.lines), whole.trust, FUTURE)


async def test_R03_a_contract_that_is_left_out_is_missed(whole: Exported) -> None:
    at = next(n for n, line in enumerate(whole.lines) if b'"contract":"Licences"' in line)
    with pytest.raises(Incomplete, match="Licences"):
        verify(whole.lines[:at], whole.trust, FUTURE)
    believed = {"Exchange": whole.trust.contracts["Exchange"]}
    verify(whole.lines[:at], replace(whole.trust, contracts=believed), FUTURE)
