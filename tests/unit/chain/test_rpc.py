"""The JSON-RPC client against a node that answers whatever the test says."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
from aiohttp import web

from ledger.chain.abi import AbiError, UndeclaredError
from ledger.chain.bindings import AccessManager
from ledger.chain.bindings.errors import AccessManagerUnauthorizedAccount
from ledger.chain.rpc import MalformedAnswer, NodeError, Rpc, TransportError, from_hex, from_quantity

ALICE = "0xd8dA6BF26964aF9D7eEd9e03E53415D37aA96045"

Answer = Callable[[Any], Any]


class Node:
    """`answer` turns the parsed question into the body, or the whole response."""

    answer: Answer
    url: str

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.headers = request.headers
        self.question = await request.json()
        found = self.answer(self.question)
        if isinstance(found, Awaitable):
            found = await found
        if isinstance(found, web.StreamResponse):
            return found
        return web.Response(text=found if isinstance(found, str) else json.dumps(found))


@pytest.fixture
async def node() -> AsyncIterator[Node]:
    node = Node()
    app = web.Application()
    app.router.add_post("/secret-key", node.handle)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    node.url = f"http://127.0.0.1:{runner.addresses[0][1]}/secret-key"
    yield node
    await runner.cleanup()


@pytest.fixture
async def rpc(node: Node) -> AsyncIterator[Rpc]:
    async with Rpc(node.url, timeout=0.5, limit=1 << 20) as client:
        yield client


def result(value: Any) -> Answer:
    return lambda question: {"jsonrpc": "2.0", "id": question["id"], "result": value}


async def test_a_request(node: Node, rpc: Rpc, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    node.answer = result([1, None])
    assert await rpc.request("eth_x", ["a"]) == [1, None]
    assert node.question == {"jsonrpc": "2.0", "id": 1, "method": "eth_x", "params": ["a"]}
    node.answer = result(None)
    assert await rpc.request("eth_x") is None


async def test_a_batch_is_put_in_order(node: Node, rpc: Rpc) -> None:
    node.answer = lambda questions: [result(q["method"])(q) for q in reversed(questions)]
    assert await rpc.batch([("a", []), ("b", []), ("c", [])]) == ["a", "b", "c"]
    assert await rpc.batch([]) == []


async def test_the_nodes_errors(node: Node, rpc: Rpc) -> None:
    refused = {"code": -32000, "message": "no", "data": "0x12"}
    node.answer = lambda question: {"jsonrpc": "2.0", "id": question["id"], "error": refused}
    with pytest.raises(NodeError) as raised:
        await rpc.request("x")
    assert (raised.value.code, raised.value.message, raised.value.data) == (-32000, "no", "0x12")
    node.answer = lambda qs: [result(1)(qs[0]), {"jsonrpc": "2.0", "id": qs[1]["id"], "error": refused}]
    with pytest.raises(NodeError):
        await rpc.batch([("a", []), ("b", [])])
    node.answer = lambda qs: {"jsonrpc": "2.0", "id": None, "error": refused}  # batches not allowed
    with pytest.raises(NodeError):
        await rpc.batch([("a", []), ("b", [])])
    node.answer = lambda q: web.Response(status=400, text=json.dumps({"id": q["id"], "error": refused}))
    with pytest.raises(NodeError):
        await rpc.request("x")


@pytest.mark.usefixtures("high_recursion_limit")
@pytest.mark.parametrize(
    "answer",
    [
        lambda q: "",
        lambda q: "not json",
        lambda q: "[" * 200_000,
        lambda q: "\udcff".encode("utf-8", "surrogateescape").decode("latin1"),
        lambda q: [],
        lambda q: "null",
        lambda q: {"jsonrpc": "2.0", "id": q["id"]},
        lambda q: {"jsonrpc": "2.0", "id": q["id"] + 1, "result": 1},
        lambda q: {"jsonrpc": "2.0", "id": q["id"], "error": "no"},
        lambda q: {"jsonrpc": "2.0", "id": q["id"], "error": {"message": "no"}},
        lambda q: result("x" * (2 << 20))(q),
    ],
)
async def test_threat_S14_malformed_answers(node: Node, rpc: Rpc, answer: Answer) -> None:
    node.answer = answer
    with pytest.raises(MalformedAnswer):
        await rpc.request("x")


@pytest.mark.parametrize(
    "answer",
    [
        lambda qs: [result(1)(qs[0])],
        lambda qs: [result(1)(qs[0]), result(1)(qs[0])],
        lambda qs: [result(1)(qs[0]), None],
        lambda qs: [*map(result(1), qs), result(1)(qs[0])],
        lambda qs: result([1, 2])(qs[0]),
    ],
)
async def test_threat_S14_malformed_batches(node: Node, rpc: Rpc, answer: Answer) -> None:
    node.answer = answer
    with pytest.raises(MalformedAnswer):
        await rpc.batch([("a", []), ("b", [])])


async def test_threat_S15_no_answer_is_a_transport_error_without_the_access_key(node: Node, rpc: Rpc) -> None:
    redirects = [web.Response(status=307, headers={"location": node.url})]
    answers: list[Answer] = [
        lambda q: web.Response(status=502, text="<html>"),
        lambda q: redirects.pop() if redirects else result(1)(q),
        lambda q: asyncio.sleep(1),
    ]
    for answer in answers:
        node.answer = answer
        with pytest.raises(TransportError) as raised:
            await rpc.request("x")
        assert not isinstance(raised.value, MalformedAnswer)
        assert isinstance(raised.value, OSError)
        assert "secret" not in str(raised.value)
    assert "secret" not in repr(rpc)
    async with Rpc("http://127.0.0.1:1/secret") as nobody:
        with pytest.raises(TransportError, match=r"127\.0\.0\.1:1") as raised:
            await nobody.request("x")
        assert "secret" not in str(raised.value)


async def test_calls_are_pinned_to_a_block_and_their_reverts_decoded(node: Node, rpc: Rpc) -> None:
    call = AccessManager(ALICE).has_role(0, ALICE)
    node.answer = result("0x" + (1).to_bytes(32).hex() + "00" * 31 + "05")
    assert await rpc.call(call, b"\1" * 32) == (True, 5)
    assert node.question["params"] == [
        {"to": ALICE, "data": "0x" + call.data.hex()},
        {"blockHash": "0x" + "01" * 32, "requireCanonical": True},
    ]
    node.answer = result("0x")
    with pytest.raises(AbiError):
        await rpc.call(call, b"\1" * 32)

    def refuse(**error: Any) -> Answer:
        return lambda q: {"jsonrpc": "2.0", "id": q["id"], "error": error}

    data = AccessManagerUnauthorizedAccount.selector + bytes(12) + bytes.fromhex(ALICE[2:]) + (3).to_bytes(32)
    node.answer = refuse(code=3, message="execution reverted", data="0x" + data.hex())
    with pytest.raises(AccessManagerUnauthorizedAccount) as raised:
        await rpc.call(call, b"\1" * 32)
    assert raised.value.arguments == {"msgsender": ALICE, "role_id": 3}
    node.answer = refuse(code=-32000, message="execution reverted")
    with pytest.raises(UndeclaredError):
        await rpc.call(call, b"\1" * 32)
    node.answer = refuse(code=-32000, message="header not found")
    with pytest.raises(NodeError, match="header not found"):
        await rpc.call(call, b"\1" * 32)


def test_hex_and_quantities() -> None:
    assert from_hex("0x0aFF") == b"\x0a\xff"
    assert from_quantity("0x1A") == 26
    for wrong in (None, 1, "", "0x1", "0aff", "0xzz", b"0x", "0x0a 0b", "0x 0a"):
        with pytest.raises(MalformedAnswer):
            from_hex(wrong)
    with pytest.raises(MalformedAnswer):
        from_hex("0x0a", 2)
    for wrong in (None, 1, "", "0x", "12", "0x-1", "0x_1", "0x 1"):
        with pytest.raises(MalformedAnswer):
            from_quantity(wrong)
