"""A node as a bad day makes it: a JSON-RPC proxy in front of a real one."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, Self

import aiohttp
from aiohttp import web

Lie = Callable[[Any], Any]


class Node:
    """Hands questions on to the node at `url`; what tests set makes it worse.

    `down` hangs up on every caller, `delay` is in seconds before an answer, `lies` changes the result of a
    method, `held` makes a method wait for an event. `asked` counts the questions of each method.
    """

    def __init__(self, behind: str) -> None:
        self._behind = behind
        self.url = ""
        self.down = False
        self.delay = 0.0
        self.lies: dict[str, Lie] = {}
        self.held: dict[str, asyncio.Event] = {}
        self.asked: Counter[str] = Counter()

    @classmethod
    @asynccontextmanager
    async def before(cls, behind: str) -> AsyncIterator[Self]:
        node = cls(behind)
        app = web.Application(client_max_size=1 << 26)
        app.router.add_post("/", node._answer)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        async with aiohttp.ClientSession(trust_env=False) as node._http:
            await site.start()
            node.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
            try:
                yield node
            finally:
                await runner.cleanup()

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        asked = await request.json()
        methods = {
            question["id"]: question["method"] for question in (asked if isinstance(asked, list) else [asked])
        }
        self.asked.update(methods.values())
        await asyncio.sleep(self.delay)
        for method in methods.values():
            if method in self.held:
                await self.held[method].wait()
        if self.down:
            assert request.transport is not None
            request.transport.abort()
            return web.Response()
        async with self._http.post(self._behind, json=asked) as response:
            answers = await response.json(content_type=None)
        for answer in answers if isinstance(answers, list) else [answers]:
            lie = self.lies.get(methods[answer["id"]])
            if lie is not None and "result" in answer:
                answer["result"] = lie(answer["result"])
        return web.json_response(answers)
