"""A strict wallet: signs what a good wallet would, refuses what it would, and remembers every request."""

import json
import time
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from eth_account import Account
from eth_account.messages import encode_defunct, encode_typed_data
from playwright.sync_api import BrowserContext, Page
from web3 import Web3

from ledger.chain.devnet import CHAIN_ID, dev_accounts

SCRIPT: Final = Path(__file__).with_name("wallet.js")
BINDINGS: Final = Path(__file__).parents[2] / "ledger" / "chain" / "bindings"
READING: Final = (
    "eth_call",
    "eth_getTransactionReceipt",
    "eth_blockNumber",
    "eth_estimateGas",
    "eth_gasPrice",
)


class Refusal(Exception):
    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass
class Wallet:
    """Of one development account at a time; knows other chains, and ours only when told."""

    rpc_url: str
    name: str = "buyer"
    chain_id: int = 1
    connected: bool = False
    knows: set[int] = field(default_factory=lambda: {1})
    declining: list[str] = field(default_factory=list)
    """Methods that the person says no to, once each."""
    delay: float = 0
    second_thought: str = ""
    """Of the next transaction, before it is mined: sent once more (`again`), or taken back (`cancel`)."""
    meanwhile: Callable[[], object] = lambda: None
    """What happens between the page's last look and the transaction."""
    asked: list[tuple[str, Any]] = field(default_factory=list)
    page: Page | None = None

    def install(self, context: BrowserContext) -> None:
        context.expose_function("socaiWallet", self._answer)
        context.add_init_script(path=SCRIPT)

    @property
    def address(self) -> str:
        return dev_accounts()[self.name].address

    def of(self, method: str) -> list[Any]:
        """The parameters of every request for it."""
        return [params for name, params in self.asked if name == method]

    def emit(self, page: Page, event: str, value: object) -> None:
        page.evaluate("([event, value]) => window.socaiEmit(event, value)", [event, value])

    def switch_account(self, page: Page, name: str) -> None:
        self.name = name
        self.emit(page, "accountsChanged", [self.address])

    def _answer(self, method: str, params: str) -> str:
        given = json.loads(params)
        self.asked.append((method, given))
        try:
            if method in self.declining:
                self.declining.remove(method)
                raise Refusal(4001, "User rejected the request.")
            return json.dumps({"result": self._do(method, given)})
        except Refusal as refusal:
            return json.dumps({"error": {"code": refusal.code, "message": str(refusal)}})

    def _do(self, method: str, params: Any) -> Any:
        if method == "eth_requestAccounts":
            self.connected = True
        if method in ("eth_accounts", "eth_requestAccounts"):
            return [self.address.lower()] if self.connected else []
        if method == "eth_chainId":
            return hex(self.chain_id)
        if method in READING:
            return self._rpc(method, params)
        if not self.connected:
            raise Refusal(4100, "not authorized")
        time.sleep(self.delay)
        match method:
            case "wallet_switchEthereumChain":
                wanted = int(params[0]["chainId"], 16)
                if wanted not in self.knows:
                    raise Refusal(4902, "Unrecognized chain ID")
                self.chain_id = wanted
                return None
            case "wallet_addEthereumChain":
                (chain,) = params
                assert int(chain["chainId"], 16) == CHAIN_ID
                assert chain["rpcUrls"] == [self.rpc_url]
                assert chain["nativeCurrency"]["decimals"] == 18
                assert chain["chainName"]
                self.knows.add(CHAIN_ID)
                return None
            case "personal_sign":
                text, account = bytes.fromhex(params[0][2:]).decode(), params[1]
                self._mine(account)
                signed = self._account.sign_message(encode_defunct(text=text))
                return "0x" + signed.signature.hex().removeprefix("0x")
            case "eth_signTypedData_v4":
                self._mine(params[0])
                return self._sign_typed(json.loads(params[1]))
            case "eth_sendTransaction":
                return self._send(params[0])
        raise Refusal(4200, f"{method} is not supported")

    @property
    def _account(self) -> Any:
        return Account.from_key(dev_accounts()[self.name].key)

    def _mine(self, account: str) -> None:
        if account.lower() != self.address.lower():
            raise Refusal(4100, "not this account")

    def _sign_typed(self, data: dict[str, Any]) -> str:
        """Refuses a domain of another chain, and types with fields that are missing or too many."""
        if int(data["domain"]["chainId"]) != self.chain_id:
            raise Refusal(-32603, "Provided chainId must match the active chainId")
        if set(data) != {"domain", "types", "primaryType", "message"}:
            raise Refusal(-32602, "not typed data")
        if {one["name"] for one in data["types"][data["primaryType"]]} != set(data["message"]):
            raise Refusal(-32602, "the message is not of its type")
        if {one["name"] for one in data["types"]["EIP712Domain"]} != set(data["domain"]):
            raise Refusal(-32602, "the domain is not of its type")
        signed = self._account.sign_message(encode_typed_data(full_message=data))
        return "0x" + signed.signature.hex().removeprefix("0x")

    def _send(self, asked: dict[str, str]) -> str:
        self._mine(asked["from"])
        if self.chain_id != CHAIN_ID:
            raise Refusal(4901, "on another chain")
        decoded(asked)
        self.meanwhile()
        transaction = {
            "to": asked["to"],
            "data": asked["data"],
            "value": 0,
            "chainId": self.chain_id,
            "nonce": int(self._rpc("eth_getTransactionCount", [self.address, "pending"]), 16),
            "gas": 3_000_000,
            "gasPrice": int(asked.get("gasPrice", "0x0"), 16),
        }
        first = self._account.sign_transaction(transaction)
        thought, self.second_thought = self.second_thought, ""
        if thought == "again":
            transaction["gas"] = 2_900_000
        elif thought == "cancel":
            transaction |= {"to": self.address, "data": "0x", "gas": 21_000}
        raw = self._account.sign_transaction(transaction).raw_transaction
        self._rpc("eth_sendRawTransaction", ["0x" + raw.hex().removeprefix("0x")])
        return "0x" + first.hash.hex().removeprefix("0x")

    def _rpc(self, method: str, params: Any) -> Any:
        body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).encode()
        request = urllib.request.Request(self.rpc_url, body, {"content-type": "application/json"})  # noqa: S310
        with urllib.request.urlopen(request, timeout=20) as response:  # noqa: S310
            answer = json.load(response)
        if "error" in answer:
            raise Refusal(-32603, str(answer["error"]["message"]))
        return answer["result"]


def decoded(transaction: dict[str, str]) -> tuple[str, dict[str, Any]]:
    """The function of our contracts that is called, and its arguments, unpacked as the page lists them.

    Raises for data that is of none of them.
    """
    for path in BINDINGS.glob("*.json"):
        contract = Web3().eth.contract(abi=json.loads(path.read_text())["abi"])
        try:
            function, arguments = contract.decode_function_input(transaction["data"])
        except ValueError:
            continue
        return function.fn_name, dict(flat(arguments))
    raise Refusal(-32602, "data of no function of ours")


def flat(values: Any, name: str = "") -> list[tuple[str, Any]]:
    if isinstance(values, dict):
        pairs = [(f"{name}.{key}" if name else key, value) for key, value in values.items()]
    elif isinstance(values, (list, tuple)):
        pairs = [(f"{name}[{index}]", value) for index, value in enumerate(values)]
    else:
        return [(name, "0x" + values.hex() if isinstance(values, bytes) else values)]
    return [one for key, value in pairs for one in flat(value, key)]
