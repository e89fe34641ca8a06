"""An audit of a busy market: nothing to find when all is honest, and each thing that is wrong by its name."""

import json
import shutil
import sqlite3
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from msgspec import structs

from ledger.chain import bindings
from ledger.chain.bindings import exchange, licences, reviews
from ledger.chain.devnet import Devnet
from ledger.chain.events import Decoder, Entry
from ledger.chain.finality import parse_finality
from ledger.chain.rpc import Rpc
from ledger.chain.trust import trust_of
from ledger.indexer.audit import checkpoint
from ledger.indexer.audit.checkpoint import BadCheckpoint
from ledger.indexer.audit.report import CODES, Report
from ledger.indexer.audit.run import Audited, Base, audit
from ledger.indexer.fetch import Block, Sealed, Source
from ledger.indexer.index import Index
from ledger.indexer.nouns import NOUNS
from ledger.indexer.projections import register
from ledger.indexer.runner import Runner
from ledger.store.database import Database
from tests.e2e.conftest import free_port
from tests.integration.indexer.market import Market, address, found, saying
from tests.postgresql import Postgresql

pytestmark = pytest.mark.asyncio(loop_scope="module")
Tamper = Callable[[Any], Any]


class Liar(Rpc):
    """A node whose answers to one method are tampered with."""

    method = ""
    tamper: Tamper = staticmethod(lambda answer: answer)

    async def batch(self, calls: Any) -> list[Any]:
        answers = await super().batch(calls)
        return [
            self.tamper(answer) if method == self.method else answer
            for (method, _), answer in zip(calls, answers, strict=True)
        ]


class Altered(Source):
    """Blocks that were checked, and then altered: as if the contracts had emitted something else."""

    alter: Callable[[Entry], Entry | None] = staticmethod(lambda entry: entry)

    async def read(self, headers: Sequence[Sealed]) -> list[Block]:
        return [
            replace(
                block,
                entries=tuple(found for entry in block.entries if (found := self.alter(entry)) is not None),
            )
            for block in await super().read(headers)
        ]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def market(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Market]:
    folder: Path = tmp_path_factory.mktemp("market")
    async with Devnet(port=free_port(), history=None) as devnet, Liar(devnet.url, timeout=60) as rpc:
        market = await found(rpc, 4, folder)
        await market.run(80)
        yield market


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def database(market: Market, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Database]:
    """With the index of the market."""
    database = Database(f"sqlite:///{tmp_path_factory.mktemp('index')}/socai.sqlite")
    await database.migrate()
    await index(market, database)
    yield database
    await database.close()


async def index(market: Market, database: Database, finality: str = "instant") -> None:
    source = Source(market.rpc, Decoder(market.manifest), trust_of(market.manifest, None).anchor)
    following = Index(database, market.manifest)
    await Runner(market.rpc, source, following, market.manifest, parse_finality(finality)).step()


async def audited(
    market: Market,
    database: Database | None = None,
    *,
    final: int | None = None,
    since: Base | None = None,
    alter: Callable[[Entry], Entry | None] | None = None,
) -> Audited:
    trust = trust_of(market.manifest, None)
    source = Altered(market.rpc, Decoder(market.manifest), trust.anchor)
    if alter is not None:
        source.alter = alter  # type: ignore[method-assign]
    head = int(await market.rpc.request("eth_blockNumber"), 16) if final is None else final
    return await audit(market.rpc, source, market.manifest, trust, head, database=database, since=since)


async def report(market: Market, database: Database | None = None, **options: Any) -> Report:
    return (await audited(market, database, **options)).report


def only(found: Report, code: str, *words: object) -> None:
    """One kind of finding, whose code is the exit code, and that names all these."""
    assert {finding.code for finding in found.findings} == {code}, found.findings
    assert found.exit_code == CODES[code][0] != 0
    assert found.state is None
    text = "\n".join(finding.message for finding in found.findings)
    assert all(str(word) in text for word in words), text


async def test_R03_an_honest_history_has_no_findings(market: Market, database: Database) -> None:
    made = await report(market, database)
    assert made.findings == []
    assert made.exit_code == 0
    assert made.journals == market.state.journals
    assert made.entries == len(market.entries)
    assert made.licences == len(market.state.licences) > 3
    assert made.compared["index_entries"] == len(market.entries)
    assert len(made.compared) == len(NOUNS) + 4
    assert min(made.compared.values()) > 0, made.compared
    said = made.to_json()
    assert json.loads(json.dumps(said))["findings"] == []


# What the node says


@contextmanager
def lying(market: Market, method: str, tamper: Tamper) -> Iterator[None]:
    assert isinstance(market.rpc, Liar)
    market.rpc.method, market.rpc.tamper = method, tamper  # type: ignore[method-assign]
    try:
        yield
    finally:
        market.rpc.method = ""


async def test_R03_threat_S14_an_event_that_the_node_omits_or_alters_is_found(market: Market) -> None:
    at = market.at("Exchange").lower()

    def omitted(receipts: Any) -> Any:
        return [
            receipt | {"logs": [log for log in receipt["logs"] if log["address"] != at]}
            for receipt in receipts
        ]

    def altered(receipts: Any) -> Any:
        return json.loads(json.dumps(receipts).replace('"data": "0x00', '"data": "0x01'))

    for tamper in (omitted, altered):
        with lying(market, "eth_getBlockReceipts", tamper):
            only(await report(market), "block", "block")


async def test_R03_an_omitted_event_does_not_fold_to_the_head(market: Market) -> None:
    """Whoever left it out."""
    for kind in (licences.UsesCounted, exchange.Halted):
        last = [entry for entry, _ in market.entries if isinstance(entry.event, kind)][-1]
        made = await report(market, alter=lambda entry, last=last: None if entry.id == last.id else entry)
        assert made.exit_code in (CODES["journal"][0], CODES["replay"][0])
        assert last.contract in made.findings[0].message


async def test_R03_an_impossible_order_of_events_is_found(market: Market) -> None:
    first = next(entry for entry, _ in market.entries if isinstance(entry.event, bindings.listings.PlanAdded))
    only(await report(market, alter=lambda entry: None if entry.id == first.id else entry), "replay", "plan")


# What the rules ask


async def test_R01_a_licence_without_a_decision_is_found(market: Market) -> None:
    """As if the contracts had sold without the review."""
    sold = next(entry for entry, _ in market.entries if isinstance(entry.event, exchange.Purchased))
    listing = sold.event.licence >> 48

    def unreviewed(entry: Entry) -> Entry | None:
        skip = isinstance(entry.event, reviews.Attested) and entry.event.listing == listing
        return None if skip else entry

    made = await report(market, alter=unreviewed)
    assert made.findings[0].code == "decision"
    assert made.exit_code == CODES["decision"][0]
    assert f"licence {sold.event.licence}" in made.findings[0].message
    assert "LEGAL" in made.findings[0].message

    def undecided(entry: Entry) -> Entry:
        return saying(entry, structs.replace(entry.event, pack=0)) if entry.id == sold.id else entry

    made = await report(market, alter=undecided)
    assert made.findings[0].code == "decision"
    assert "rule pack 0" in made.findings[0].message


async def test_R01_a_licence_that_nobody_bought_is_found(market: Market) -> None:
    """On the chain itself: minted by whoever took over the Exchange."""
    snapshot = await market.rpc.request("evm_snapshot")
    thief = market.at("Exchange")
    await market.rpc.request("anvil_impersonateAccount", [thief])
    await market.rpc.request("anvil_setBalance", [thief, "0xde0b6b3a7640000"])
    number = (1 << 48) + 99_999
    held = market.state.licence_tokens.balances.get(address("outsider"), 0)
    await sent(market, thief, market.licences.issue(number, address("outsider"), held, 1 << 168))
    made = await report(market)
    assert made.findings[0].code == "decision"
    assert f"licence {number}" in made.findings[0].message
    await market.rpc.request("evm_revert", [snapshot])


async def sent(market: Market, sender: str, call: Any) -> None:
    transaction = {"from": sender, "to": call.to, "data": "0x" + call.data.hex(), "gas": "0x5b8d80"}
    done = await market.rpc.request("eth_sendTransaction", [transaction | {"gasPrice": "0x0"}])
    await market.rpc.request("evm_mine")
    assert (await market.rpc.request("eth_getTransactionReceipt", [done]))["status"] == "0x1"


async def test_R26_money_that_is_not_there_is_found(market: Market) -> None:
    snapshot = await market.rpc.request("evm_snapshot")
    thief = market.at("Exchange")
    await market.rpc.request("anvil_impersonateAccount", [thief])
    await market.rpc.request("anvil_setBalance", [thief, "0xde0b6b3a7640000"])
    token = bindings.SettlementToken(market.tokens[0])
    head = await market.rpc.request("eth_getBlockByNumber", ["latest", False])
    balance = await market.rpc.call(token.balance_of(thief), bytes.fromhex(head["hash"][2:]))
    liable = market.state.liabilities(1)
    assert 0 < liable <= balance
    await sent(market, thief, token.transfer(address("outsider"), balance - liable + 1))
    only(await report(market), "money", f"{liable} is owed, {liable - 1} is there")
    await market.rpc.request("evm_revert", [snapshot])


async def test_R26_a_split_that_does_not_reconcile_is_found(market: Market) -> None:
    parts = [entry for entry, _ in market.entries if isinstance(entry.event, exchange.Allocated)]
    fee = next(entry for entry in parts if entry.event.part == bindings.structs.Part.FEE)

    def less(entry: Entry) -> Entry:
        if entry.id != fee.id:
            return entry
        return saying(entry, structs.replace(entry.event, amount=entry.event.amount - 1))

    def shifted(entry: Entry) -> Entry:
        """From the fee to the tax: the sum is right."""
        same = (
            isinstance(entry.event, exchange.Allocated)
            and entry.id.transaction_hash == fee.id.transaction_hash
        )
        if same and entry.event.part == bindings.structs.Part.TAX:
            return saying(entry, structs.replace(entry.event, amount=entry.event.amount + 1))
        return less(entry)

    for alter in (less, shifted):
        made = await report(market, alter=alter)
        assert made.findings[0].code == "money"
        assert f"licence {fee.event.licence}" in made.findings[0].message


async def test_R10_a_wrong_projection_is_found(market: Market, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of every kind of event that says something of storage: the chain has what the event made."""

    def wrong(state: Any, event: Any) -> None:
        licence = state.licences[event.licence]
        state.licences[event.licence] = structs.replace(licence, used=event.total + 1)

    last = [entry.event for entry, _ in market.entries if isinstance(entry.event, licences.UsesCounted)][-1]
    monkeypatch.setitem(register._PROJECTIONS, licences.UsesCounted, wrong)
    made = await report(market)
    only(made, "storage", f"Licences._licences.{last.licence}.used is {last.total + 1}", last.total)


# The index


ALTERED = [
    (
        "UPDATE index_orders SET price = substr(price, 1, 77) || '7'",
        "index_orders",
        "price",
    ),
    ("UPDATE index_balances SET owed = '1' || substr(owed, 2)", "index_balances", "owed"),
    ("UPDATE index_participants SET roles = roles + 1", "index_participants", "roles"),
    ("UPDATE index_entries SET args = x'00' WHERE event = 'Purchased'", "index_entries", "args"),
    ("UPDATE index_blocks SET time = time + 1", "index_blocks", "time"),
    ("UPDATE index_exchange SET fee_bps = fee_bps + 1", "index_exchange", "fee_bps"),
    ("UPDATE index_listings SET upstream = '[]' WHERE upstream IS NOT NULL", "index_listings", "upstream"),
]


@contextmanager
def spoiled(database: Database, *statements: str) -> Iterator[None]:
    """The index with something changed by hand, until the block ends."""
    path = Path(str(database._url.database))
    kept = path.with_suffix(".kept")
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    shutil.copy(path, kept)
    with sqlite3.connect(path) as connection:
        for statement in statements:
            assert connection.execute(statement).rowcount != 0, statement
    connection.close()
    try:
        yield
    finally:
        with sqlite3.connect(kept) as old, sqlite3.connect(path) as new:
            old.backup(new)
        old.close()
        new.close()


@pytest.mark.parametrize(("statement", "table", "column"), ALTERED)
async def test_R03_an_altered_row_is_named(
    market: Market, database: Database, statement: str, table: str, column: str
) -> None:
    with spoiled(database, statement):
        only(
            await report(market, database), "row-altered", f"{table}[", f"{column} is ", "the chain makes it"
        )
    assert (await report(market, database)).findings == []


TABLES = [
    *(
        "orders",
        "entries",
        "mentions",
        "blocks",
        "licences",
        "balances",
        "payments",
        "versions",
        "contracts",
        "exchange",
    ),
]


@pytest.mark.parametrize("table", TABLES)
async def test_R03_a_deleted_row_is_named(market: Market, database: Database, table: str) -> None:
    name = f"index_{table}"
    with spoiled(database, f"DELETE FROM {name} WHERE rowid = (SELECT max(rowid) FROM {name})"):  # noqa: S608
        only(await report(market, database), "row-missing", f"{name}[", "is not there")


ADDED = [
    "INSERT INTO index_payments (reference, licence) VALUES (zeroblob(32), NULL)",
    'INSERT INTO index_anchors (custodian, "index") VALUES (zeroblob(20), 7)',
    "INSERT INTO index_blocks SELECT number + 1000, randomblob(32), parent, time FROM index_blocks LIMIT 1",
    "INSERT INTO index_entries SELECT block_number, log_index + 1000, chain_id, block_hash, "
    "transaction_hash, transaction_index, emitter, contract, event, topic0, args, listing, licence, "
    "position FROM index_entries LIMIT 1",
    "INSERT INTO index_mentions SELECT zeroblob(32), block_number, log_index FROM index_mentions LIMIT 1",
]


@pytest.mark.parametrize("statement", ADDED)
async def test_R03_an_added_row_is_named(market: Market, database: Database, statement: str) -> None:
    table = statement.split()[2]
    with spoiled(database, statement):
        only(await report(market, database), "row-added", f"{table}[", "none of the chain's")


async def test_an_index_of_another_chain_or_none_is_found(
    market: Market, database: Database, tmp_path: Path
) -> None:
    with spoiled(database, "UPDATE index_cursor SET deployment = zeroblob(32)"):
        only(await report(market, database), "row-missing", "no index of this deployment")
    with spoiled(database, "UPDATE index_cursor SET head_hash = zeroblob(32)"):
        only(await report(market, database), "row-altered", "index_cursor")


async def test_an_index_ahead_or_behind_what_is_audited_is_compared_where_it_is(
    market: Market, database: Database
) -> None:
    head = int(await market.rpc.request("eth_blockNumber"), 16)
    ahead = await report(market, database, final=head - 5)
    assert (ahead.findings, ahead.block.number) == ([], head - 5)
    assert ahead.compared["index_entries"] == len(market.entries)
    snapshot = await market.rpc.request("evm_snapshot")
    await market.rpc.request("anvil_mine", ["0x3"])
    behind = await report(market, database)
    assert (behind.findings, behind.block.number) == ([], head + 3)
    with spoiled(database, "UPDATE index_licences SET used = used + 1"):
        only(await report(market, database), "row-altered", "index_licences")
    await market.rpc.request("evm_revert", [snapshot])


async def test_R03_an_audit_over_postgresql(market: Market, postgresql: Postgresql) -> None:
    database = Database(postgresql.migrated())
    await index(market, database)
    made = await report(market, database)
    assert (made.findings, len(made.compared)) == ([], len(NOUNS) + 4)
    await _execute(database, "UPDATE index_licences SET used = used + 1")
    only(await report(market, database), "row-altered", "index_licences", "used")
    await _execute(database, "UPDATE index_licences SET used = used - 1")
    await _execute(database, "DELETE FROM index_orders WHERE NOT renewal")
    only(await report(market, database), "row-missing", "index_orders")
    await database.close()


async def _execute(database: Database, statement: str) -> None:
    async with database.transaction() as session:
        done = await (await session.connection()).exec_driver_sql(statement)
        assert done.rowcount > 0, statement


# From a checkpoint


async def test_an_audit_goes_on_from_what_an_earlier_one_proved(market: Market, database: Database) -> None:
    head = int(await market.rpc.request("eth_blockNumber"), 16)
    early = await audited(market, database, final=head // 2)
    assert early.report.findings == []
    block, digest = early.report.block, early.report.state
    assert digest is not None
    state = checkpoint.decode(early.state, digest)
    since = Base(block.number, block.hash, state)
    later = await report(market, database, since=since)
    assert later.findings == []
    assert (later.since, later.block.number) == (block.number + 1, head)
    assert later.journals == market.state.journals
    assert later.entries < len(market.entries)
    full = await audited(market)
    assert full.report.state == later.state

    def base() -> Base:
        return Base(block.number, block.hash, checkpoint.decode(early.state, digest))

    with spoiled(database, f"UPDATE index_entries SET args = x'00' WHERE block_number < {block.number}"):  # noqa: S608
        only(await report(market, database, since=base()), "row-altered", "do not fold")
    with spoiled(database, "UPDATE index_orders SET log_index = log_index + 500"):
        made = await report(market, database, since=base())
        assert {finding.code for finding in made.findings} == {"row-missing", "row-added"}
    only(await report(market, since=replace(base(), hash=bytes(32))), "block", "audited before")
    with pytest.raises(BadCheckpoint, match="not the one"):
        checkpoint.decode(early.state + b" ", digest)
    wrong = base()
    wrong.state.journals["Exchange"] = structs.replace(wrong.state.journals["Exchange"], head=bytes(32))
    assert (await report(market, since=wrong)).findings[0].code == "journal"
