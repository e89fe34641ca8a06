"""kill -9 of a real process, anywhere."""

import asyncio
import logging
import os
import signal
import sys
from collections.abc import Callable
from itertools import cycle
from pathlib import Path
from random import Random

import pytest

from ledger.store.database import Database
from tests.integration.sender.support import FREE, Node, payee, sender
from tests.integration.sender.test_sender import log_of, pay
from tests.integration.sender.victim import STEPS

log = logging.getLogger(__name__)
ROOT = Path(__file__).parents[3]
KILLS = int(os.environ.get("SOCAI_KILLS", "8"))
SEED = int(os.environ.get("SOCAI_SEED", "20261122"))


async def victim(node: Node, database_url: str, *arguments: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.integration.sender.victim", node.url, database_url, *arguments,
        cwd=ROOT, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("database_url", "mining"),
    [("sqlite", ()), ("postgresql", ("--block-time", "1"))],
    ids=["automine", "blocks"],
    indirect=["database_url"],
)
async def test_threat_S17_killed_at_random_points_each_payment_is_made_once(
    start: Callable[..., Node], database: Database, database_url: str, mining: tuple[str, ...]
) -> None:
    node, random = start(*FREE, *mining), Random(SEED)  # noqa: S311
    log.info("seed %d, %d kills", SEED, KILLS)
    kept = await log_of(database, node.rpc)
    confirmed: set[int] = set()
    left = 0
    for _ in range(KILLS):
        first = max(0, max(confirmed, default=0) - 8)  # a few that are known, then new ones
        process = await victim(node, database_url, str(first), "400", "4")
        assert process.stdout is not None
        assert await process.stdout.readline() == b"sending\n"
        await asyncio.sleep(random.random() * 0.8)
        process.kill()
        confirmed.update(int(line) for line in (await process.stdout.read()).split())
        assert await process.wait() == -signal.SIGKILL
        left += len(await kept.open())
    assert left > 0  # the kills did interrupt something
    ours = sender(node.rpc, database)
    log.info("%s; %d confirmed, %d interrupted", await ours.recover(), len(confirmed), left)
    await ours.settle()
    numbers = range(max(confirmed) + 10)
    balances = await asyncio.gather(*(node.balance(payee(number)) for number in numbers))
    assert set(balances) == {0, 1}  # what was never written down may be missing, nothing is there twice
    assert all(balances[number] == 1 for number in confirmed)
    assert await node.count() == sum(balances)
    # What was asked for again under its key was not paid again, and nothing is stuck.
    receipts = await asyncio.gather(*(pay(ours, number) for number in numbers))
    assert sorted(receipt.nonce for receipt in receipts) == list(numbers)
    assert await asyncio.gather(*(node.balance(payee(number)) for number in numbers)) == [1] * len(numbers)
    assert await node.count() == len(numbers)


@pytest.mark.parametrize(
    ("step", "database_url"),
    list(zip(STEPS, cycle(["sqlite", "postgresql"]), strict=False)),
    indirect=["database_url"],
)
async def test_threat_S17_killed_at_a_named_step(
    node: Node, database: Database, database_url: str, step: str
) -> None:
    process = await victim(node, database_url, "0", "1", "1", step)
    await process.communicate()
    assert process.returncode == -signal.SIGKILL
    written = step not in ("before persist", "inside persist")
    ours = sender(node.rpc, database)
    await ours.recover()
    await ours.settle()
    assert await node.balance(payee(0)) == written
    assert (await pay(ours, 0)).nonce == 0
    assert await node.balance(payee(0)) == 1
    assert await node.count() == 1
