"""Readiness asks each part, not often, and waits for none for ever."""

import asyncio

import pytest

from ledger.services import readiness
from ledger.services.readiness import FRESH_SECONDS, OK, NotReady, Readiness


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


async def test_a_crowd_asks_once_and_again_when_the_answer_is_old() -> None:
    asked, clock = 0, Clock()

    async def part() -> str:
        nonlocal asked
        asked += 1
        await asyncio.sleep(0)
        return OK

    found = Readiness({"keys": part}, clock)
    await asyncio.gather(*(found.check() for _ in range(20)))
    assert asked == 1
    clock.now = FRESH_SECONDS + 1
    assert await found.check() == {"keys": OK}
    assert asked == 2


async def test_what_raises_or_does_not_answer_is_not_ready(monkeypatch: pytest.MonkeyPatch) -> None:
    async def fails() -> str:
        raise RuntimeError("a password in the message")

    async def hangs() -> str:
        await asyncio.sleep(60)
        return OK

    async def behind() -> str:
        return "behind"

    monkeypatch.setattr(readiness, "WAIT_SECONDS", 0.01)
    with pytest.raises(NotReady) as refused:
        await Readiness({"a": fails, "b": hangs, "c": behind}, Clock()).check()
    assert refused.value.facts == {"parts": {"a": "unavailable", "b": "silent", "c": "behind"}}
    assert "password" not in str(refused.value)


async def test_who_is_stopping_is_not_ready() -> None:
    async def part() -> str:
        return OK

    found = Readiness({"keys": part}, Clock())
    found.stopping = True
    with pytest.raises(NotReady, match="service stopping"):
        await found.check()
