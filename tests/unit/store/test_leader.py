"""One process of many leads, on every database."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import psycopg

from ledger.store.leader import Leader
from ledger.tasks import meanwhile
from tests.postgresql import Postgresql


class Replica:
    """Counts how often it began its duties, and knows whether it is at them."""

    def __init__(self, url: str) -> None:
        self.leader, self.began, self.at_work = Leader(url), 0, False

    async def work(self) -> None:
        self.began, self.at_work = self.began + 1, True
        try:
            await asyncio.Event().wait()
        finally:
            self.at_work = False

    def run(self) -> Coroutine[Any, Any, None]:
        return self.leader.run(self.work)


async def until(met: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not met():  # noqa: ASYNC110
            await asyncio.sleep(0.02)


async def test_R13_one_leads_and_the_next_takes_over(database_url: str) -> None:
    first, second = Replica(database_url), Replica(database_url)
    async with meanwhile(second.run()):
        async with meanwhile(first.run()):
            await until(lambda: first.at_work or second.at_work)
            await asyncio.sleep(1.2)
            assert first.at_work != second.at_work
            assert await first.leader.leads() == first.at_work
            assert await second.leader.leads() == second.at_work
        await until(lambda: second.at_work)
        assert not first.at_work
    assert not second.at_work
    assert not await second.leader.leads()


async def test_threat_S17_who_loses_the_lock_does_not_lead_at_once(postgresql: Postgresql) -> None:
    url = postgresql.migrated()
    replica = Replica(url)
    async with meanwhile(replica.run()):
        await until(lambda: replica.at_work)
        with psycopg.connect(url, autocommit=True) as operator:
            operator.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE application_name LIKE 'socai leader %'"
            )
            assert not await replica.leader.leads()
        await until(lambda: replica.began == 2)  # nobody else wanted it
    postgresql.drop(url)


async def test_R13_duties_that_fail_are_taken_up_again(database_url: str) -> None:
    replica = Replica(database_url)

    async def failing() -> None:
        if replica.began == 0:
            replica.began += 1
            raise OSError("the disk is full")
        await replica.work()

    async with meanwhile(replica.leader.run(failing)):
        await until(lambda: replica.at_work)
    assert replica.began == 2
