"""A node between the index and the real one, that lies and fails as it is told."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Any, Self

import aiohttp
from aiohttp import web

Alter = Callable[[str, list[Any], Any], Any]
"""From method, parameters and true result to what is answered."""
Fault = Callable[[], Awaitable[web.Response | None]]
"""Before an answer: may wait, may answer otherwise, may raise ConnectionError to hang up."""


async def no_fault() -> web.Response | None:
    return None


def truth(method: str, params: list[Any], result: Any) -> Any:
    return result


class Proxy:
    """JSON-RPC at `url`, forwarded to `target`."""

    def __init__(self, target: str) -> None:
        self._target = target
        self.alter: Alter = truth
        self.fault: Fault = no_fault
        self.asked: list[str] = []
        self.url = ""

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(trust_env=False)
        app = web.Application(client_max_size=64 << 20)
        app.router.add_post("/", self._handle)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}/"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._runner.cleanup()
        await self._session.close()

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        question = await request.json()
        try:
            if (failed := await self.fault()) is not None:
                return failed
        except ConnectionError:
            assert request.transport is not None
            request.transport.abort()
            await asyncio.sleep(0)
            return web.Response(status=500)
        async with self._session.post(self._target, json=question) as response:
            answer = json.loads(await response.read())
        if isinstance(question, list):
            by_id = {one["id"]: one for one in answer}
            return web.json_response([self._altered(one, by_id[one["id"]]) for one in question])
        return web.json_response(self._altered(question, answer))

    def _altered(self, question: dict[str, Any], answer: dict[str, Any]) -> dict[str, Any]:
        self.asked.append(question["method"])
        if "result" not in answer:
            return answer
        return answer | {"result": self.alter(question["method"], question["params"], answer["result"])}
