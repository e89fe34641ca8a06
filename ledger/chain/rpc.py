"""A thin JSON-RPC client over kept HTTP connections: no caches, no environment proxies.

    async with Rpc("http://127.0.0.1:8545") as rpc:
        head = await rpc.request("eth_blockNumber")
        logs, receipts = await rpc.batch([("eth_getLogs", [{…}]), ("eth_getBlockReceipts", [head])])
        fee = await rpc.call(exchange.fee_bps(), block_hash)

A node may end a kept connection at any time: what is safe to ask twice is then asked once more, nothing else
is. A node may lie: what comes back is checked for form here, for truth by whoever uses it.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeVar

import aiohttp
import orjson
from yarl import URL

from ledger.chain.abi import Call
from ledger.chain.bindings import decode_error
from ledger.chain.wire import AnswerTooLarge, Wire

if TYPE_CHECKING:
    from web3 import AsyncWeb3

T = TypeVar("T")

TWICE = (
    *("eth_get", "eth_call", "eth_estimateGas", "eth_blockNumber", "eth_chainId", "eth_feeHistory"),
    *("eth_sendRawTransaction", "net_", "web3_"),
)
"""How the methods begin that change nothing, or twice no more than once (a transaction has one hash)."""
Params = Sequence[Any]


class RpcError(Exception):
    """Base of what goes wrong between us and a node."""


class TransportError(RpcError, ConnectionError):
    """No answer: refused, timed out, an HTTP error. Whether the node acted stays open."""


class MalformedAnswer(TransportError):
    """An answer that is no JSON-RPC answer to what was asked, or larger than allowed."""


class NodeError(RpcError):
    """The node's own error. `data` is what came with it: for a revert mostly the hex of its data."""

    def __init__(self, code: int, message: str, data: Any = None) -> None:
        super().__init__(f"{message} ({code})")
        self.code = code
        self.message = message
        self.data = data

    def revert_data(self) -> bytes | None:
        """What the contract reverted with, empty when the node does not say; None when this is no revert."""
        if isinstance(self.data, str) and self.data.startswith("0x"):
            return from_hex(self.data)
        return b"" if "revert" in self.message.lower() else None


class Rpc:
    """`timeout`: seconds for an answer, `connect_timeout` to connect. `limit`: bytes of an answer."""

    def __init__(
        self, url: str, *, timeout: float = 10.0, connect_timeout: float = 2.0, limit: int = 64 << 20
    ) -> None:
        self._url = URL(url)
        self._timeout = timeout
        self._wire = Wire(self._url, limit=limit, timeout=timeout, connect_timeout=connect_timeout)
        self._last_id = 0

    def __repr__(self) -> str:
        return f"Rpc({self._node})"

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Ends the connections; a later request opens another."""
        self._wire.close()
        await asyncio.sleep(0)

    async def request(self, method: str, params: Params = ()) -> Any:
        """The result. Raises NodeError, TransportError, MalformedAnswer."""
        question = self._question(method, params)
        return self._result(await self._post(question), question["id"])

    async def batch(self, calls: Sequence[tuple[str, Params]]) -> list[Any]:
        """The results in order, from one HTTP request. Raises like `request`, for the first that failed."""
        outcomes = await self.outcomes(calls)
        for outcome in outcomes:
            if isinstance(outcome, RpcError):
                raise outcome
        return outcomes

    async def outcomes(self, calls: Sequence[tuple[str, Params]]) -> list[Any]:
        """Like `batch`, with the error itself in the place of each result that failed. Raises TransportError,
        or NodeError when the batch as a whole was refused."""
        if not calls:
            return []
        questions = [self._question(method, params) for method, params in calls]
        answers = await self._post(questions)
        if isinstance(answers, dict):
            self._result(answers, answers.get("id"))  # the batch as a whole was refused
        if not isinstance(answers, list) or len(answers) != len(questions):
            raise MalformedAnswer(f"{self._node}: not one answer per question of a batch")
        by_id = {answer.get("id"): answer for answer in answers if isinstance(answer, dict)}
        return [self._outcome(by_id.get(question["id"]), question["id"]) for question in questions]

    async def call(self, call: Call[T], block_hash: bytes, *, sender: str | None = None) -> T:
        """What a function returns at one block of the canonical chain.

        Raises ContractError when it reverts, AbiError when it returns something else, NodeError when the
        node does not know the block or no longer has its state.
        """
        transaction = {"to": call.to, "data": to_hex(call.data)} | ({"from": sender} if sender else {})
        try:
            result = await self.request("eth_call", [transaction, at_block(block_hash)])
        except NodeError as error:
            if (reverted := error.revert_data()) is None:
                raise
            raise decode_error(reverted) from error
        return call.decode_output(from_hex(result))

    async def proof(self, address: str, slots: Sequence[bytes], block_hash: bytes) -> dict[str, Any]:
        """`eth_getProof` (EIP-1186) as the node gives it: of the account and of each 32-byte slot."""
        found = await self.request(
            "eth_getProof", [address, [to_hex(slot) for slot in slots], at_block(block_hash)]
        )
        if not isinstance(found, dict):
            raise MalformedAnswer(f"{self._node}: eth_getProof gave no object")
        return found

    @property
    def _node(self) -> str:
        """For messages: not the path or user, which may hold an access key."""
        return f"{self._url.host}:{self._url.port}"

    def _question(self, method: str, params: Params) -> dict[str, Any]:
        self._last_id += 1
        return {"jsonrpc": "2.0", "id": self._last_id, "method": method, "params": list(params)}

    async def _post(self, body: Any) -> Any:
        try:
            status, received = await self._wire.post(orjson.dumps(body), again=_safe_twice(body))
        except AnswerTooLarge as error:
            raise MalformedAnswer(f"{self._node}: {error}") from error
        except TimeoutError as error:
            raise TransportError(f"{self._node}: no answer within {self._timeout} s") from error
        except OSError as error:
            raise TransportError(f"{self._node}: {error or type(error).__name__}") from error
        try:
            answer = orjson.loads(received)
        except ValueError as error:
            if status == 200:
                raise MalformedAnswer(f"{self._node}: not JSON") from error
            answer = None
        # some nodes send their JSON-RPC errors with an HTTP error status
        if status != 200 and not (isinstance(answer, dict) and "error" in answer):
            raise TransportError(f"{self._node}: HTTP {status}")
        return answer

    def _outcome(self, answer: Any, question: Any) -> Any:
        try:
            return self._result(answer, question)
        except RpcError as error:
            return error

    def _result(self, answer: Any, question: Any) -> Any:
        if not isinstance(answer, dict):
            raise MalformedAnswer(f"{self._node}: no answer to question {question}")
        if error := answer.get("error"):
            if not isinstance(error, dict) or not isinstance(error.get("code"), int):
                raise MalformedAnswer(f"{self._node}: an error without a code")
            raise NodeError(error["code"], str(error.get("message", "")), error.get("data"))
        if answer.get("id") != question or "result" not in answer:
            raise MalformedAnswer(f"{self._node}: not an answer to question {question}")
        return answer["result"]


def _safe_twice(body: Any) -> bool:
    questions = body if isinstance(body, list) else [body]
    return all(question["method"].startswith(TWICE) for question in questions)


@asynccontextmanager
async def web3(url: str, *, within: float = 10.0) -> AsyncIterator["AsyncWeb3[Any]"]:
    """A web3.py client, for deployments and tests. `within`: seconds per request."""
    from web3 import AsyncHTTPProvider, AsyncWeb3  # takes half a second to import

    provider = AsyncHTTPProvider(url, request_kwargs={"timeout": aiohttp.ClientTimeout(total=within)})
    try:
        yield AsyncWeb3(provider)
    finally:
        await provider.disconnect()


def at_block(block_hash: bytes) -> dict[str, Any]:
    """The EIP-1898 parameter that pins a question to one block of the canonical chain."""
    return {"blockHash": to_hex(block_hash), "requireCanonical": True}


def to_hex(data: bytes) -> str:
    """`0x…`, two digits a byte."""
    return f"0x{data.hex()}"


def from_hex(text: Any, size: int | None = None) -> bytes:
    """The bytes of `0x…`, exactly `size` of them when given. Raises MalformedAnswer."""
    try:
        if isinstance(text, str) and text.startswith("0x"):
            data = bytes.fromhex(text[2:])
            if len(text) == 2 + 2 * len(data) and size in (None, len(data)):  # fromhex skips blanks
                return data
    except ValueError:
        pass
    raise MalformedAnswer(f"not {size if size is not None else 'hex'} bytes: {str(text)[:80]!r}")


def from_quantity(text: Any) -> int:
    """The number of a JSON-RPC quantity, as `0x1a`. Raises MalformedAnswer."""
    try:
        if isinstance(text, str) and text.startswith("0x") and text.isalnum():
            return int(text[2:], 16)
    except ValueError:
        pass
    raise MalformedAnswer(f"not a quantity: {str(text)[:80]!r}")
