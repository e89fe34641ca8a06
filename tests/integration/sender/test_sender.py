import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from random import Random
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from ledger.chain.rpc import Rpc, TransportError
from ledger.chain.sender import (
    CallReverted,
    FeeAboveCap,
    Fees,
    InsufficientFunds,
    KeyReused,
    NotMined,
    Receipt,
    Sender,
    Transaction,
    TransactionReverted,
    WrongChain,
)
from ledger.store.database import Database
from ledger.store.intents import IntentLog
from tests.integration.node import Forward
from tests.integration.node import Node as Hostile
from tests.integration.sender.conftest import ON_BOTH
from tests.integration.sender.support import (
    DOOR,
    FREE,
    MARKET,
    OWNER,
    FaultyRpc,
    Interfering,
    Node,
    Nope,
    payee,
    sender,
)

log = logging.getLogger(__name__)
Start = Callable[..., Node]


async def pay(through: Sender, number: int, **options: Any) -> Receipt:
    return await through.send(f"pay-{number}", Transaction(payee(number)), 1, **options)


async def paid(node: Node, numbers: Sequence[int]) -> list[int]:
    return await asyncio.gather(*(node.balance(payee(number)) for number in numbers))


async def eventually(seen: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(10):
        while not await seen():  # noqa: ASYNC110 - the node has no event for it
            await asyncio.sleep(0.01)


async def pooled(node: Node, count: int) -> None:
    """Returns once `count` transactions wait to be mined."""

    async def seen() -> bool:
        return int((await node.rpc.request("txpool_status"))["pending"], 16) == count

    await eventually(seen)


async def all_replaced(log: IntentLog) -> bool:
    return all(len(intent.attempts) > 1 for intent in await log.open())


async def log_of(database: Database, rpc: Rpc) -> IntentLog:
    genesis = await rpc.request("eth_getBlockByNumber", ["0x0", False])
    log = IntentLog(database)
    chain_id = int(await rpc.request("eth_chainId"), 16)
    await log.bind(chain_id, bytes.fromhex(genesis["hash"][2:]), bytes.fromhex(OWNER.address[2:]))
    return log


async def lose_broadcast(node: Node, database: Database, number: int) -> None:
    """Leaves payment `number` written down and not sent, as a crash would."""

    def before(method: str, params: Sequence[Any]) -> None:
        if method == "eth_sendRawTransaction":
            raise TransportError

    with pytest.raises(NotMined):
        await pay(sender(Interfering(node.rpc, before), database), number, timeout=0.0)


@ON_BOTH
async def test_threat_S16_concurrent_sends_leave_no_gap(node: Node, database: Database) -> None:
    ours = sender(node.rpc, database)
    started = time.perf_counter()
    receipts = await asyncio.gather(*(pay(ours, number) for number in range(60)))
    log.info("%.0f concurrent sends per second", 60 / (time.perf_counter() - started))
    assert sorted(receipt.nonce for receipt in receipts) == list(range(60))
    assert await paid(node, range(60)) == [1] * 60
    started = time.perf_counter()
    for number in range(60, 90):
        await pay(ours, number)
    log.info("%.0f sends per second, one after the other", 30 / (time.perf_counter() - started))


@ON_BOTH
async def test_threat_S15_one_key_twenty_times_is_one_transaction(
    node: Node, database: Database, database_url: str
) -> None:
    other = Database(database_url)
    senders = [sender(node.rpc, database), sender(node.rpc, other)]
    receipts = await asyncio.gather(*(pay(senders[index % 2], 7) for index in range(20)))
    assert len(set(receipts)) == 1
    assert await node.count() == 1
    assert await paid(node, [7]) == [1]
    assert await pay(sender(node.rpc, database), 7) == receipts[0]
    await other.close()


async def test_threat_S17_only_who_leads_compares_and_whoever_asks_is_served(
    start: Start, database: Database
) -> None:
    """A broadcast that was lost is repeated by who leads, and by nobody else."""
    node, leading = start(*FREE), False

    async def leads() -> bool:
        return leading

    follower = sender(node.rpc, database, leads=leads)
    await node.rpc.request("evm_setAutomine", [False])
    asked = asyncio.create_task(pay(follower, 1))
    await pooled(node, 1)
    await node.rpc.request("anvil_dropAllTransactions")
    assert not (await follower.recover()).broadcast
    await asyncio.sleep(0.3)
    assert await node.rpc.request("txpool_status") == {"pending": "0x0", "queued": "0x0"}
    leader = sender(node.rpc, database)
    assert (await leader.recover()).broadcast == 1
    await pooled(node, 1)
    await node.rpc.request("evm_mine")
    await leader.settle()
    assert (await asked).nonce == 0
    leading = True
    assert not (await follower.recover()).waiting


async def test_threat_S15_a_key_whose_repetition_would_revert_gives_the_first_outcome(
    node: Node, database: Database
) -> None:
    """The second call is simulated after the first was mined: what it made impossible is not an error."""
    ours = sender(node.rpc, database)
    door = (await ours.send("deploy", Transaction(None, DOOR))).contract
    first = await ours.send("knock", Transaction(door, b"\1"))
    await ours.send("close", Transaction(door))
    assert await ours.send("knock", Transaction(door, b"\1")) == first

    found = IntentLog.find

    class Late(IntentLog):
        """Does not see the key the first time, as when both calls come at once."""

        seen = False

        async def find(self, key: str) -> Any:
            if not self.seen:
                self.seen = True
                return None
            return await found(self, key)

    late = Sender(node.rpc, OWNER, Late(database), await _chain_id(node), clock=time.time)
    assert await late.send("knock", Transaction(door, b"\1")) == first


async def _chain_id(node: Node) -> int:
    return int(await node.rpc.request("eth_chainId"), 16)


async def test_threat_S15_a_key_with_other_content_is_refused(node: Node, database: Database) -> None:
    ours = sender(node.rpc, database)
    await ours.send("key", Transaction(payee(1)), 1)
    for other, value in (
        (Transaction(payee(2)), 1),
        (Transaction(payee(1)), 2),
        (Transaction(payee(1), b"x"), 1),
    ):
        with pytest.raises(KeyReused, match="key was used for another transaction"):
            await ours.send("key", other, value)
    assert await node.count() == 1


@pytest.mark.parametrize("key", ["", "x" * 201, "filler:3"])
async def test_keys_that_are_none(node: Node, database: Database, key: str) -> None:
    with pytest.raises(ValueError, match="a key has"):
        await sender(node.rpc, database).send(key, Transaction(payee(1)))


async def test_threat_S16_a_revert_is_decoded_and_takes_no_nonce(node: Node, database: Database) -> None:
    ours = sender(node.rpc, database)
    door = (await ours.send("deploy", Transaction(None, DOOR))).contract
    await ours.send("close", Transaction(door))
    with pytest.raises(CallReverted, match=r"knock: Nope\(code=7\)") as refused:
        await ours.send("knock", Transaction(door, b"\1"))
    assert isinstance(refused.value.reason, Nope)
    assert refused.value.reason.code == 7
    assert (await pay(ours, 1)).nonce == 2
    assert await node.count() == 3


async def test_threat_S16_a_mined_revert_is_reported_with_its_error(start: Start, database: Database) -> None:
    """The simulation sees a door that the transaction before it closes in the same block."""
    node = start(*FREE, "--order", "fifo")

    def before(method: str, params: Sequence[Any]) -> Any:
        return ("0xffff",) if method == "eth_estimateGas" and params[0]["data"] == "0x01" else None

    ours = sender(Interfering(node.rpc, before), database)
    door = (await ours.send("deploy", Transaction(None, DOOR))).contract
    await node.rpc.request("evm_setAutomine", [False])
    closing = asyncio.create_task(ours.send("close", Transaction(door)))
    await pooled(node, 1)
    knocking = asyncio.create_task(ours.send("knock", Transaction(door, b"\1")))
    await pooled(node, 2)
    await node.rpc.request("evm_mine")
    await closing
    for again in (knocking, ours.send("knock", Transaction(door, b"\1"))):
        with pytest.raises(TransactionReverted, match=r"Nope\(code=7\)") as reverted:
            await again
        assert reverted.value.receipt.nonce == 2


async def test_threat_S15_a_faulty_connection_loses_and_doubles_nothing(
    node: Node, database: Database
) -> None:
    for seed in range(3):
        log.info("seed %d", seed)
        faulty = FaultyRpc(node.rpc, Random(seed), 0.3)  # noqa: S311
        ours = sender(faulty, database)
        numbers = range(40 * seed, 40 * seed + 40)
        receipts = await asyncio.gather(*(pay(ours, number) for number in numbers))
        assert faulty.faults > 40
        assert sorted(receipt.nonce for receipt in receipts) == list(numbers)
        assert await paid(node, numbers) == [1] * 40
    assert await node.count() == 120


async def test_threat_S15_a_node_that_takes_a_transaction_and_hangs_up_is_told_again(
    node: Node, database: Database
) -> None:
    """Over HTTP, on a connection that was kept: the same request goes again over a new one."""
    async with Hostile.before(node.url) as hostile, Rpc(hostile.url) as rpc:
        taken = 0

        async def hang_up(forward: Forward) -> Any:
            nonlocal taken
            answers = await forward()
            if hostile.asked["eth_sendRawTransaction"] == 1 and not taken:
                taken += 1
                raise ConnectionError
            return answers

        hostile.fault = hang_up
        receipt = await pay(sender(rpc, database), 1)
        assert (receipt.nonce, taken, hostile.asked["eth_sendRawTransaction"]) == (0, 1, 2)
    assert (await paid(node, [1]), await node.count()) == ([1], 1)


async def test_threat_S17_a_full_disk_sends_nothing(node: Node, database: Database) -> None:
    ours = sender(node.rpc, database)
    await pay(ours, 1)
    async with database.transaction() as session:
        connection = await session.connection()
        pages = (await connection.execute(text("PRAGMA page_count"))).scalar_one()
        await connection.execute(text(f"PRAGMA max_page_count = {pages}"))
    with pytest.raises(OperationalError, match="full"):
        await ours.send("large", Transaction(payee(2), b"x" * 20_000), 1)
    assert await node.count() == 1
    async with database.transaction() as session:
        await (await session.connection()).execute(text("PRAGMA max_page_count = 1000000"))
    assert (await ours.send("large", Transaction(payee(2), b"x" * 20_000), 1)).nonce == 1


@ON_BOTH
async def test_threat_S16_recovery_sends_what_was_only_written_down(node: Node, database: Database) -> None:
    for number in range(3):
        await lose_broadcast(node, database, number)
    assert await node.count() == 0
    ours = sender(node.rpc, database)
    assert (await ours.recover()).broadcast == 3
    await ours.settle()
    assert await paid(node, range(3)) == [1] * 3
    assert await node.count() == 3


async def test_threat_S16_dropped_from_the_pool(start: Start, database: Database) -> None:
    node = start(*FREE, "--no-mining")
    ours = sender(node.rpc, database)
    waiting = asyncio.create_task(pay(ours, 1))
    await pooled(node, 1)
    content = (await node.rpc.request("txpool_content"))["pending"]
    ((transaction,),) = (list(of.values()) for of in content.values())
    await node.rpc.request("anvil_dropTransaction", [transaction["hash"]])
    await asyncio.sleep(0.3)
    await node.rpc.request("evm_mine")
    async with asyncio.timeout(10):
        assert (await waiting).nonce == 0
    assert await paid(node, [1]) == [1]


@ON_BOTH
@pytest.mark.parametrize("depth", [0, 3])
async def test_threat_S16_mined_and_reorganised_away(node: Node, database: Database, depth: int) -> None:
    ours = sender(node.rpc, database, depth=depth)
    await pay(ours, 0)
    snapshot = await node.rpc.request("evm_snapshot")
    first = await asyncio.gather(*(pay(ours, number) for number in (1, 2, 3)))
    await node.rpc.request("evm_revert", [snapshot])
    await node.rpc.request("anvil_mine", ["0x1"])
    assert await paid(node, range(4)) == [1, 0, 0, 0]
    assert (await ours.recover()).reopened == 3
    await ours.settle()
    assert await paid(node, range(4)) == [1, 1, 1, 1]
    second = await asyncio.gather(*(pay(ours, number) for number in (1, 2, 3)))
    assert [r.transaction_hash for r in second] == [r.transaction_hash for r in first]
    assert [r.block_hash for r in second] != [r.block_hash for r in first]
    assert await node.count() == 4


@ON_BOTH
async def test_threat_S16_reorganised_into_another_block(node: Node, database: Database) -> None:
    """The node itself puts the transaction in another block: the receipt that is given out follows."""
    ours = sender(node.rpc, database, depth=5)
    before = await pay(ours, 1)
    raw = (await (await log_of(database, node.rpc)).open())[0].attempts[0].raw
    bystander = (await node.rpc.request("eth_accounts"))[1]
    await node.rpc.request(
        "anvil_reorg", [1, [["0x" + raw.hex(), 0], [{"from": bystander, "to": payee(0), "value": "0x1"}, 0]]]
    )
    after = await pay(ours, 1)
    assert after.transaction_hash == before.transaction_hash
    assert after.block_hash != before.block_hash
    assert await paid(node, [1]) == [1]


async def test_threat_S17_node_restarted_with_older_state(
    start: Start, database: Database, tmp_path: Path
) -> None:
    state = tmp_path / "state.json"
    node = start(*FREE, "--state", str(state))
    await pay(sender(node.rpc, database), 0)
    node.stop()
    old = state.read_bytes()
    node = start(*FREE, "--state", str(state))
    ours = sender(node.rpc, database)
    await asyncio.gather(*(pay(ours, number) for number in range(5)))
    node.stop()
    state.write_bytes(old)
    node = start(*FREE, "--state", str(state))
    assert await paid(node, range(5)) == [1, 0, 0, 0, 0]
    ours = sender(node.rpc, database)
    assert (await ours.recover()).reopened == 4
    await ours.settle()
    assert await paid(node, range(5)) == [1] * 5
    assert (await pay(ours, 5)).nonce == 5


@ON_BOTH
async def test_threat_S16_a_nonce_spent_elsewhere(node: Node, database: Database) -> None:
    await lose_broadcast(node, database, 1)
    await lose_broadcast(node, database, 2)
    await node.foreign(0)
    ours = sender(node.rpc, database)
    assert (await ours.recover()).reassigned == 1
    await ours.settle()
    assert [(await pay(ours, number)).nonce for number in (1, 2)] == [2, 1]
    assert await paid(node, [1, 2]) == [1, 1]
    assert await node.count() == 3


async def test_threat_S16_a_nonce_spent_elsewhere_waits_for_depth(node: Node, database: Database) -> None:
    await lose_broadcast(node, database, 1)
    await node.foreign(0)
    ours = sender(node.rpc, database, depth=3)
    assert (await ours.recover()).reassigned == 0
    await node.rpc.request("anvil_mine", ["0x2"])
    assert (await ours.recover()).reassigned == 0
    await node.rpc.request("anvil_mine", ["0x1"])
    assert (await ours.recover()).reassigned == 1
    assert (await pay(ours, 1)).nonce == 1


async def test_threat_S15_a_hidden_receipt_is_no_reason_to_pay_again(node: Node, database: Database) -> None:
    """Count and receipts of a node disagree: the blocks are asked, and they have the transaction."""

    def before(method: str, params: Sequence[Any]) -> Any:
        return (None,) if method == "eth_getTransactionReceipt" else None

    ours = sender(Interfering(node.rpc, before), database)
    with pytest.raises(NotMined):
        await pay(ours, 1, timeout=0.5)
    assert (await ours.recover()).reassigned == 0
    assert (await pay(sender(node.rpc, database), 1)).nonce == 0
    assert await node.count() == 1


async def test_threat_S16_a_gap_that_nobody_owns_is_filled(node: Node, database: Database) -> None:
    snapshot = await node.rpc.request("evm_snapshot")
    await node.foreign(0)
    ours = sender(node.rpc, database)
    assert (await pay(ours, 1)).nonce == 1
    await node.rpc.request("evm_revert", [snapshot])
    assert (await ours.recover()).filled == 1
    await ours.settle()
    assert await paid(node, [1]) == [1]
    assert await node.count() == 2
    assert (await pay(ours, 2)).nonce == 2


@ON_BOTH
async def test_threat_S16_a_filler_gives_way(node: Node, database: Database) -> None:
    """Whoever spent the nonce comes back before the filler is mined."""
    snapshot = await node.rpc.request("evm_snapshot")
    await node.foreign(0)
    await pay(sender(node.rpc, database), 1)
    await node.rpc.request("evm_revert", [snapshot])

    def before(method: str, params: Sequence[Any]) -> None:
        if method == "eth_sendRawTransaction":
            raise TransportError

    assert (await sender(Interfering(node.rpc, before), database).recover()).filled == 1
    await node.foreign(0)
    ours = sender(node.rpc, database)
    await ours.recover()
    await ours.settle()
    assert await paid(node, [1]) == [1]
    assert await node.count() == 2


@ON_BOTH
async def test_threat_S16_a_stuck_transaction_is_replaced(start: Start, database: Database) -> None:
    node = start("--no-mining", "--base-fee", "1000000000")
    now = 1_800_000_000.0
    ours = sender(node.rpc, database, fees=MARKET, clock=lambda: now, stuck=30.0)
    waiting = [asyncio.create_task(pay(ours, number)) for number in range(3)]
    await pooled(node, 0x3)
    await node.rpc.request("anvil_setNextBlockBaseFeePerGas", [hex(20_000_000_000)])
    await node.rpc.request("evm_mine")
    await asyncio.sleep(0.2)
    assert await node.count() == 0
    now += 31
    kept = await log_of(database, node.rpc)
    await eventually(lambda: all_replaced(kept))
    await asyncio.sleep(0.2)
    await node.rpc.request("evm_mine")
    async with asyncio.timeout(10):
        receipts = await asyncio.gather(*waiting)
    assert sorted(receipt.nonce for receipt in receipts) == [0, 1, 2]
    assert await paid(node, range(3)) == [1] * 3
    assert await node.count() == 3


@ON_BOTH
async def test_threat_S16_the_replaced_one_may_be_mined_instead(start: Start, database: Database) -> None:
    node = start("--no-mining", "--base-fee", "1000000000")
    now = 1_800_000_000.0
    ours = sender(node.rpc, database, fees=MARKET, clock=lambda: now, stuck=30.0)
    waiting = asyncio.create_task(pay(ours, 1))
    await pooled(node, 0x1)
    now += 31
    kept = await log_of(database, node.rpc)
    await eventually(lambda: all_replaced(kept))
    old, new = (await kept.open())[0].attempts[:2]
    await asyncio.sleep(0.2)
    await node.rpc.request("anvil_dropTransaction", ["0x" + new.hash.hex()])
    await node.rpc.request("eth_sendRawTransaction", ["0x" + old.raw.hex()])
    await node.rpc.request("evm_mine")
    async with asyncio.timeout(10):
        assert (await waiting).transaction_hash in (old.hash, new.hash)
    assert await paid(node, [1]) == [1]


def test_fees() -> None:
    fees = Fees(tip=10, cap=1000)
    assert fees.offer(100) == (210, 10)
    assert fees.offer(600) == (1000, 10)
    with pytest.raises(FeeAboveCap, match="cap 1000"):
        fees.offer(991)
    assert fees.within(5000) == (1000, 10)
    assert fees.raised(210, 10, 100) == (237, 12)
    assert fees.raised(210, 10, 400) == (812, 12)
    assert fees.raised(900, 10, 100) is None
    assert Fees().offer(0) == (0, 0)
    assert Fees().raised(0, 0, 0) is None


@ON_BOTH
async def test_fee_above_cap_and_empty_account_take_no_nonce(start: Start, database: Database) -> None:
    node = start("--base-fee", "1000000000")
    with pytest.raises(FeeAboveCap):
        await pay(sender(node.rpc, database), 1)
    await node.rpc.request("anvil_setBalance", [OWNER.address, hex(21_000 * 10**9)])
    with pytest.raises(InsufficientFunds, match="needs"):
        await pay(sender(node.rpc, database, fees=MARKET), 1)
    assert await (await log_of(database, node.rpc)).open() == []


async def test_threat_S18_a_clock_set_back_stops_nothing(start: Start, database: Database) -> None:
    node = start(*FREE, "--no-mining")
    now = 1_800_000_000.0
    ours = sender(node.rpc, database, clock=lambda: now)
    waiting = asyncio.create_task(pay(ours, 1))
    await pooled(node, 0x1)
    now -= 900
    await node.rpc.request("anvil_dropAllTransactions")
    await asyncio.sleep(0.2)
    await node.rpc.request("evm_mine")
    async with asyncio.timeout(10):
        assert (await waiting).nonce == 0


async def test_threat_S14_another_chain_is_refused(start: Start, node: Node, database: Database) -> None:
    ours = sender(node.rpc, database)
    await pay(ours, 1)
    with pytest.raises(WrongChain, match="expected 5"):
        await Sender(node.rpc, OWNER, IntentLog(database), 5, clock=time.time).recover()
    fresh = start(*FREE, "--timestamp", "1700000000")

    def before(method: str, params: Sequence[Any]) -> None:
        moved._inner = fresh.rpc if moved_now else node.rpc

    moved_now = False
    moved = Interfering(node.rpc, before)
    there = sender(moved, database)
    await pay(there, 2)
    moved_now = True
    with pytest.raises(WrongChain, match="first block"):
        await pay(there, 3)
    with pytest.raises(WrongChain, match="first block"):
        await there.recover()
    assert await fresh.count() == 0
    # A sender made anew takes the wiped chain for what it is: another one, where nothing was sent yet.
    assert (await pay(sender(fresh.rpc, database), 1)).nonce == 0
