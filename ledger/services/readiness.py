"""Whether this replica can do its work: every part that it stands on is asked."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from ledger.services.ports import Clock

OK: Final = "ok"
FRESH_SECONDS: Final = 2.0
"""For how long an answer is given again: anybody may ask, and a custodian elsewhere is not to be worn out."""
WAIT_SECONDS: Final = 5.0

Part = Callable[[], Awaitable[str]]
"""Returns `OK` or a word for what is wrong; what it raises means `unavailable`."""


class NotReady(Exception):
    """Some part is not; the facts say which."""

    def __init__(self, parts: Mapping[str, str]) -> None:
        wrong = [f"{name} {state}" for name, state in parts.items() if state != OK]
        super().__init__(", ".join(wrong))
        self.facts = {"parts": dict(parts)}


class Readiness:
    """`clock` counts seconds and is never set."""

    def __init__(self, parts: Mapping[str, Part], clock: Clock) -> None:
        self._parts = parts
        self._clock = clock
        self._known: tuple[float, dict[str, str]] | None = None
        self._asking = asyncio.Lock()
        self.stopping = False

    async def check(self) -> dict[str, str]:
        """Every part, all `OK`. Raises NotReady."""
        parts = await self.parts()
        if self.stopping:
            parts = parts | {"service": "stopping"}
        if set(parts.values()) != {OK}:
            raise NotReady(parts)
        return parts

    async def parts(self) -> dict[str, str]:
        """The state of every part, at most `FRESH_SECONDS` old."""
        async with self._asking:
            if self._known is None or self._clock() - self._known[0] > FRESH_SECONDS:
                states = await asyncio.gather(*(_state(part) for part in self._parts.values()))
                self._known = (self._clock(), dict(zip(self._parts, states, strict=True)))
            return self._known[1]


async def _state(part: Part) -> str:
    try:
        async with asyncio.timeout(WAIT_SECONDS):
            return await part()
    except TimeoutError:
        return "silent"
    except Exception:
        return "unavailable"
