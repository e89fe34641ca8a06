"""A node as a bad day makes it: a JSON-RPC proxy in front of a real one."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, Self

import aiohttp
from aiohttp import web

Lie = Callable[[Any], Any]
Alter = Callable[[str, list[Any], Any], Any]
"""From method, parameters and true result to what is answered."""
Forward = Callable[[], Awaitable[Any]]
Fault = Callable[[Forward], Awaitable[Any]]
"""Asks the real node, or not, or twice: may wait, may give another answer, may raise ConnectionError to hang
up."""


async def no_fault(forward: Forward) -> Any:
    return await forward()


def truth(method: str, params: list[Any], result: Any) -> Any:
    return result


class Node:
    """Hands questions on to the node at `url`; what tests set makes it worse.

    `down` hangs up on every caller, `delay` is in seconds before an answer, `lies` changes the result of a
    method, `held` makes a method wait for an event. `fault` and `alter` are for what these cannot say.
    `asked` counts the questions of each method.
    """

    def __init__(self, behind: str) -> None:
        self._behind = behind
        self.url = ""
        self.down = False
        self.delay = 0.0
        self.lies: dict[str, Lie] = {}
        self.held: dict[str, asyncio.Event] = {}
        self.fault: Fault = no_fault
        self.alter: Alter = truth
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
        questions = {question["id"]: question for question in (asked if isinstance(asked, list) else [asked])}
        methods = [question["method"] for question in questions.values()]
        self.asked.update(methods)
        await asyncio.sleep(self.delay)
        for method in methods:
            if method in self.held:
                await self.held[method].wait()

        async def forward() -> Any:
            async with self._http.post(self._behind, json=asked) as response:
                return await response.json(content_type=None)

        try:
            if self.down:
                raise ConnectionError
            answers = await self.fault(forward)
        except ConnectionError:
            assert request.transport is not None
            request.transport.abort()
            return web.Response()
        if isinstance(answers, web.StreamResponse):
            return answers
        for answer in answers if isinstance(answers, list) else [answers]:
            if "result" in answer:
                question = questions[answer["id"]]
                lie = self.lies.get(question["method"])
                told = answer["result"] if lie is None else lie(answer["result"])
                answer["result"] = self.alter(question["method"], question["params"], told)
        return web.json_response(answers)
