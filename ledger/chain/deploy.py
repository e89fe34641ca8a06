"""Deploys the exchange: one fixed list of transactions of an account that does nothing else.

The contracts name each other, so each address is known before its contract exists: the one that the
deployer's nonce gives. All transactions are signed and written down before the first is sent; a deployment
cut short is finished by sending the same bytes again. The last one takes every right from the deployer.
"""

import asyncio
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from eth_account import Account
from eth_account.signers.local import LocalAccount
from eth_utils.address import to_checksum_address
from eth_utils.crypto import keccak
from rlp import encode as rlp_encode  # type: ignore[import-untyped]

from ledger.chain import bindings
from ledger.chain.abi import Call
from ledger.chain.bindings import structs
from ledger.chain.manifest import Deployed, Manifest
from ledger.chain.rpc import NodeError, Rpc, from_hex, from_quantity, to_hex
from ledger.domain.market import Role

GAS: Final = 16_000_000
ADMIN: Final = 0
OPERATOR: Final = 1
GOVERNOR: Final = 2
GUARDIAN: Final = 3
MINTER: Final = 4

ORDER: Final = (
    *("AccessManager", "Participants", "RulePack", "SettlementToken", "LogAnchor"),
    *("Listings", "Licences", "Exchange", "Reviews"),
)
"""The contracts, by the deployer's nonce."""

POWERS: Final[Mapping[tuple[str, str], int]] = {
    ("Participants", "accredit"): OPERATOR,
    ("Participants", "appoint"): GOVERNOR,
    ("Participants", "retire"): GOVERNOR,
    ("Listings", "setRulePack"): GOVERNOR,
    ("Exchange", "setTerms"): GOVERNOR,
    ("Exchange", "setRecipients"): GOVERNOR,
    ("Exchange", "addCurrency"): GOVERNOR,
    ("Exchange", "activateCurrency"): GOVERNOR,
    ("Exchange", "halt"): GUARDIAN,
    ("Exchange", "resume"): GOVERNOR,
    ("SettlementToken", "mint"): MINTER,
}
"""Who may call each administrative function."""


TERMS: Final = structs.Terms(
    fee_bps=250, tax_bps=1000, confirm_window=7 * 86_400, arbitration_window=14 * 86_400, halted=False
)


class DeployError(Exception):
    """The deployment cannot go on; nothing that was deployed is lost."""


@dataclass(frozen=True, slots=True)
class Constitution:
    """What a new exchange starts with.

    `delay` is the seconds between a governor's decision and its effect. `oversight` are the first holders of
    oversight roles, accredited until `valid_until`; `credentials` their salted identity hashes.
    """

    operator: str
    governor: str
    guardian: str
    treasury: str
    tax_authority: str
    oversight: Mapping[Role, str]
    valid_until: int
    delay: int = 2 * 86_400
    terms: structs.Terms = TERMS
    jurisdiction: bytes = b"VN"
    credentials: Mapping[str, bytes] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Step:
    name: str
    to: str | None
    data: bytes


@dataclass(frozen=True, slots=True)
class _Signed:
    """All transactions, by nonce, each with a name for messages."""

    deployer: str
    transactions: tuple[tuple[str, bytes], ...]


def addresses(deployer: str) -> dict[str, str]:
    """Where each contract of ORDER will be."""
    return {name: _created(deployer, nonce) for nonce, name in enumerate(ORDER)}


async def deploy(
    rpc: Rpc, chain_id: int, constitution: Constitution, progress: Path, deployer: LocalAccount | None = None
) -> Manifest:
    """The manifest of the exchange: deployed now, finished, or found as an earlier call left it.

    `progress` keeps the signed transactions. `deployer` must be unused; by default it is an account made for
    this and forgotten at once. Raises DeployError, RpcError.
    """
    signed = _written(progress)
    if signed is None:
        signed = _sign(chain_id, await _unused(rpc, deployer or Account.create()), constitution)
        _write(progress, signed)
    for transaction in signed.transactions:
        await _mine(rpc, transaction)
    return await _manifest(rpc, chain_id, signed)


def _steps(deployer: str, c: Constitution) -> list[_Step]:
    at = addresses(deployer)
    access = bindings.AccessManager(at["AccessManager"])
    creations = {
        "AccessManager": bindings.AccessManager.creation(deployer),
        "Participants": bindings.Participants.creation(at["AccessManager"]),
        "RulePack": bindings.RulePack.creation(),
        "SettlementToken": bindings.SettlementToken.creation(at["AccessManager"]),
        "LogAnchor": bindings.LogAnchor.creation(at["Participants"]),
        "Listings": bindings.Listings.creation(
            *(at[n] for n in ("AccessManager", "Participants", "Reviews", "Licences", "Exchange", "RulePack"))
        ),
        "Licences": bindings.Licences.creation(at["Participants"], at["Listings"], at["Exchange"]),
        "Exchange": bindings.Exchange.creation(
            at["AccessManager"],
            at["Participants"],
            at["Listings"],
            at["Licences"],
            c.terms,
            c.treasury,
            c.tax_authority,
        ),
        "Reviews": bindings.Reviews.creation(at["Participants"], at["Listings"]),
    }
    participants = bindings.Participants(at["Participants"])
    calls: list[Call[Any]] = [
        bindings.Exchange(at["Exchange"]).add_currency(at["SettlementToken"]),
        *(
            participants.appoint(
                account,
                role,
                c.jurisdiction,
                c.valid_until,
                c.credentials.get(account) or keccak(text=f"{role.name} of a local chain"),
            )
            for role, account in c.oversight.items()
        ),
        access.multicall(tuple(call.data for call in _grants(access, at, deployer, c))),
    ]
    return [
        *(_Step(name, None, creations[name]) for name in ORDER),
        *(_Step(call.function, call.to, call.data) for call in calls),
    ]


def _grants(
    access: bindings.AccessManager, at: Mapping[str, str], deployer: str, c: Constitution
) -> list[Call[Any]]:
    holders = {
        (OPERATOR, "OPERATOR"): (c.operator, 0),
        (GOVERNOR, "GOVERNOR"): (c.governor, c.delay),
        (GUARDIAN, "GUARDIAN"): (c.guardian, 0),
        (MINTER, "MINTER"): (c.operator, 0),
    }
    return [
        *(
            access.set_target_function_role(at[name], (_selector(name, function),), role)
            for (name, function), role in POWERS.items()
        ),
        *(access.label_role(role, label) for role, label in holders),
        *(access.grant_role(role, account, delay) for (role, _), (account, delay) in holders.items()),
        access.grant_role(ADMIN, c.governor, c.delay),
        access.renounce_role(ADMIN, deployer),
    ]


def _selector(name: str, function: str) -> bytes:
    abi = bindings.CONTRACTS[name].artifact().abi
    (entry,) = (e for e in abi if e["type"] == "function" and e["name"] == function)
    signature = f"{function}({','.join(i['type'] for i in entry['inputs'])})"
    return keccak(text=signature)[:4]


async def _unused(rpc: Rpc, account: LocalAccount) -> LocalAccount:
    used = from_quantity(await rpc.request("eth_getTransactionCount", [account.address, "latest"]))
    if used:
        raise DeployError(f"{account.address} has sent {used} transactions: deploy with an unused account")
    return account


def _sign(chain_id: int, deployer: LocalAccount, constitution: Constitution) -> _Signed:
    def sign(nonce: int, step: _Step) -> bytes:
        target = {"to": step.to} if step.to else {}
        fees = {"maxFeePerGas": 0, "maxPriorityFeePerGas": 0, "gas": GAS, "value": 0}
        transaction: dict[str, Any] = {
            "chainId": chain_id,
            "nonce": nonce,
            "data": step.data,
            **fees,
            **target,
        }
        return bytes(deployer.sign_transaction(transaction).raw_transaction)

    steps = _steps(deployer.address, constitution)
    return _Signed(
        deployer.address,
        tuple((step.name, sign(nonce, step)) for nonce, step in enumerate(steps)),
    )


def _written(progress: Path) -> _Signed | None:
    if not progress.exists():
        return None
    try:
        content = json.loads(progress.read_text())
        transactions = tuple((name, bytes.fromhex(raw)) for name, raw in content["transactions"])
        return _Signed(content["deployer"], transactions)
    except (ValueError, KeyError, TypeError) as error:
        raise DeployError(f"{progress} is damaged: {error}") from error


def _write(progress: Path, signed: _Signed) -> None:
    content = {
        "deployer": signed.deployer,
        "transactions": [[name, raw.hex()] for name, raw in signed.transactions],
    }
    new = progress.with_suffix(".new")
    with new.open("w") as file:
        json.dump(content, file, indent=1)
        file.flush()
        os.fsync(file.fileno())
    new.replace(progress)


async def _mine(rpc: Rpc, transaction: tuple[str, bytes], within: float = 60) -> None:
    """Has the transaction mined, sending it unless it is. Raises DeployError."""
    name, raw = transaction
    transaction_hash = to_hex(keccak(raw))
    loop = asyncio.get_running_loop()
    deadline = loop.time() + within
    while (receipt := await rpc.request("eth_getTransactionReceipt", [transaction_hash])) is None:
        if loop.time() > deadline:
            raise DeployError(f"{name} was not mined within {within:.0f} s: try again")
        try:
            await rpc.request("eth_sendRawTransaction", [to_hex(raw)])
        except NodeError as error:
            if "already" not in error.message and "nonce too low" not in error.message:
                raise DeployError(f"{name}: {error}") from error
        await asyncio.sleep(0.05)
    if from_quantity(receipt["status"]) != 1:
        raise DeployError(f"{name} failed in transaction {transaction_hash}")


async def _manifest(rpc: Rpc, chain_id: int, signed: _Signed) -> Manifest:
    at = addresses(signed.deployer)
    first_hash = to_hex(keccak(signed.transactions[0][1]))
    genesis, first, *codes = await rpc.batch(
        [
            ("eth_getBlockByNumber", ["0x0", False]),
            ("eth_getTransactionReceipt", [first_hash]),
            *(("eth_getCode", [address, "latest"]) for address in at.values()),
        ]
    )
    return Manifest(
        chain_id=chain_id,
        genesis_hash=from_hex(genesis["hash"], 32),
        block=from_quantity(first["blockNumber"]),
        contracts={
            name: Deployed(address, keccak(from_hex(code)))
            for (name, address), code in zip(at.items(), codes, strict=True)
        },
    )


def _created(deployer: str, nonce: int) -> str:
    """The address of a contract created by `deployer`'s transaction of this nonce."""
    return to_checksum_address(keccak(rlp_encode([bytes.fromhex(deployer[2:]), nonce]))[12:])
