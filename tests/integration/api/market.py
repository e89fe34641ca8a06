"""A deployed exchange on anvil, and what its participants do there."""

import asyncio
import time
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar

from eth_account import Account
from eth_account.signers.local import LocalAccount

from ledger.chain.abi import Call, Event
from ledger.chain.bindings import exchange, listings, structs
from ledger.chain.deploy import Constitution, deploy
from ledger.chain.devnet import CHAIN_ID, Devnet, dev_accounts
from ledger.chain.erc1271 import MAGIC
from ledger.chain.manifest import Manifest
from ledger.chain.rpc import Rpc, from_hex, to_hex
from ledger.client import Client as Participant
from ledger.client.contracts import Contracts
from ledger.domain.custody import Custody
from ledger.domain.ids import plan_id
from ledger.domain.market import DONG, NO_LIMIT, Kind, Role
from ledger.keys import Cost, LocalKeyStore

E = TypeVar("E", bound=Event)

PASSPHRASE: Final = "a passphrase nobody should see"
DAY: Final = 86_400
GAS: Final = 10_000_000
NOBODY: Final = "0x" + "0" * 40
CLASSIFICATION: Final = structs.Classification(
    structs.Importance.OTHER, structs.Sharing.OPEN, structs.Subject.LOCATIONS, structs.PersonalData.NONE
)
PLAN: Final = structs.PlanDraft(
    price=0,
    currency=DONG,
    duration=0,
    cap=NO_LIMIT,
    quota=0,
    flags=0,
    royalty_bps=0,
    only_buyer=NOBODY,
    terms=b"\x02" * 32,
)


def account(name: str) -> LocalAccount:
    found: LocalAccount = Account.from_key(dev_accounts()[name].key)
    return found


SELLER: Final = account("seller")
SELLER2: Final = account("seller2")
BUYER: Final = account("buyer")
OUTSIDER: Final = account("outsider")


@dataclass(frozen=True, slots=True)
class Deployment:
    """One for all tests. `folder` holds what a service needs of it: `manifest.json` and `keys`."""

    url: str
    manifest: Manifest
    folder: Path


async def deployment(chain: Devnet, folder: Path) -> Deployment:
    """With a seller, another seller and a buyer accredited."""
    keys = LocalKeyStore.create(folder / "keys", PASSPHRASE, cost=Cost(memory_kib=64, iterations=1, lanes=1))
    known = {name: found.address for name, found in dev_accounts().items()}
    constitution = Constitution(
        operator=known["operator"],
        governor=known["governor"],
        guardian=known["guardian"],
        treasury=known["treasury"],
        tax_authority=known["tax"],
        oversight={
            Role.REVIEWER: known["reviewer"],
            Role.CUSTODIAN: keys.custodian().address,
            Role.SUPERVISOR: known["supervisor"],
            Role.PAYMENT_PROVIDER: known["provider"],
        },
        valid_until=int(time.time()) + DAY,
    )
    async with Rpc(chain.url) as rpc:
        manifest = await deploy(rpc, CHAIN_ID, constitution, folder / "deployment.json")
        manifest.save(folder / "manifest.json")
        market = Market(Deployment(chain.url, manifest, folder), rpc)
        for name, role in (("seller", Role.SELLER), ("seller2", Role.SELLER), ("buyer", Role.BUYER)):
            await market.accredit(name, role)
        return market.deployed


@dataclass(frozen=True, slots=True)
class Listed:
    """A listing with one version and its plans."""

    id: int
    plans: tuple[int, ...]


class Market:
    """Transactions by anvil's unlocked accounts, which anvil signs; a refusal ends the test."""

    def __init__(self, deployed: Deployment, rpc: Rpc) -> None:
        self.deployed = deployed
        self.manifest = deployed.manifest
        self.contracts = Contracts.of(deployed.manifest)
        self.rpc = rpc

    async def send(self, name: str, call: Call[Any]) -> dict[str, Any]:
        """The receipt."""
        transaction = {
            "from": dev_accounts()[name].address,
            "to": call.to,
            "data": to_hex(call.data),
            "gas": hex(GAS),
            "gasPrice": "0x0",
        }
        sent = await self.rpc.request("eth_sendTransaction", [transaction])
        for _ in range(1000):
            if (receipt := await self.rpc.request("eth_getTransactionReceipt", [sent])) is not None:
                break
            await asyncio.sleep(0.002)
        assert receipt["status"] == "0x1", f"{call.function} of {name} was refused"
        found: dict[str, Any] = receipt
        return found

    async def read(self, call: Call[Any]) -> Any:
        head = await self.rpc.request("eth_getBlockByNumber", ["latest", False])
        return await self.rpc.call(call, from_hex(head["hash"], 32))

    async def head(self) -> tuple[int, bytes]:
        block = await self.rpc.request("eth_getBlockByNumber", ["latest", False])
        return int(block["number"], 16), from_hex(block["hash"], 32)

    async def accredit(self, name: str, role: Role) -> None:
        await self.send(
            "operator",
            self.contracts.participants.accredit(
                dev_accounts()[name].address, role, b"VN", False, int(time.time()) + DAY, b"\x01" * 32
            ),
        )

    async def suspend(self, address: str) -> None:
        until = int(time.time()) + 3600
        await self.send("supervisor", self.contracts.participants.suspend(address, until, b"\x05" * 32))

    async def accept_any_signature(self, address: str) -> None:
        """From now on the account is a contract to which every signature is good (ERC-1271)."""
        await self.rpc.request("anvil_setCode", [address, f"0x63{MAGIC.hex()}60e01b60005260206000f3"])
        await self.rpc.request("evm_mine")

    async def publish(
        self,
        draft: structs.VersionDraft,
        plans: Sequence[structs.PlanDraft] = (PLAN,),
        classification: structs.Classification = CLASSIFICATION,
    ) -> Listed:
        """By the seller, with every attestation that a sale needs."""
        receipt = await self.send(
            "seller", self.contracts.listings.publish(classification, bytes(32), draft, tuple(plans), ())
        )
        listing = _event(receipt, listings.Listed).listing
        await self.attest(listing)
        return Listed(listing, tuple(plan_id(listing, index) for index in range(len(plans))))

    async def attest(self, listing: int) -> None:
        """By the reviewer, of every kind that a sale may need."""
        for kind in (Kind.LEGAL, Kind.SECURITY, Kind.QUALITY):
            await self.send("reviewer", self.contracts.reviews.attest(listing, 1, kind, b"\x03" * 32, 0))

    async def buy(self, plan: int, name: str = "buyer") -> int:
        """The licence."""
        held = await self.read(self.contracts.licences.balance_of(dev_accounts()[name].address))
        receipt = await self.send(name, self.contracts.exchange.buy(plan, 1, held))
        return _event(receipt, exchange.Purchased).licence

    async def buy_at_bank(self, plan: int, price: int, reference: bytes) -> int:
        """The licence, paid by the provider's word."""
        deadline = int(time.time()) + DAY
        held = await self.read(self.contracts.licences.balance_of(BUYER.address))
        domain = {
            "name": "Socai Exchange",
            "version": "1",
            "chainId": CHAIN_ID,
            "verifyingContract": self.contracts.exchange.address,
        }
        fields = ("bytes32 paymentRef", "address buyer", "uint64 plan", "uint24 version", "uint96 licence")
        kinds = [*fields, "uint8 currency", "uint96 amount", "uint64 deadline"]
        payment = [{"type": kind.split()[0], "name": kind.split()[1]} for kind in kinds]
        values = (reference, BUYER.address, plan, 1, 0, DONG, price, deadline)
        message = {field["name"]: value for field, value in zip(payment, values, strict=True)}
        signed = account("provider").sign_typed_data(domain, {"Payment": payment}, message)
        word = structs.BankPayment(reference, account("provider").address, deadline, bytes(signed.signature))
        receipt = await self.send("buyer", self.contracts.exchange.buy_with_bank(plan, 1, held, word))
        return _event(receipt, exchange.Purchased).licence

    async def revoke(self, licence: int) -> int:
        """The block number."""
        receipt = await self.send("supervisor", self.contracts.licences.revoke(licence, b"\x04" * 32))
        return int(receipt["blockNumber"], 16)

    def signed_for(
        self, root: bytes, size: int, deposit: bytes, seller: LocalAccount = SELLER
    ) -> structs.VersionDraft:
        """What the custodian's key signs, whether or not the vault holds it."""
        custodian = LocalKeyStore.open(self.deployed.folder / "keys", PASSPHRASE).custodian()
        custody = Custody(
            bytes.fromhex(seller.address[2:]), root, size, deposit, b"VN", int(time.time()) + 3600
        )
        digest = custody.digest(CHAIN_ID, bytes.fromhex(self.contracts.reviews.address[2:]))
        return structs.VersionDraft(
            root=root,
            metadata=b"\x06" * 32,
            deposit_id=deposit,
            size=size,
            region=b"VN",
            stale_at=0,
            custodian=custodian.address,
            deadline=custody.deadline,
            signature=bytes(custodian.unsafe_sign_hash(digest).signature),  # type: ignore[arg-type]
        )

    def acting(self, name: str, service_url: str, folder: Path) -> AbstractAsyncContextManager[Participant]:
        """`name` with a client of their own."""
        return Participant.open(
            service_url=service_url,
            rpc_url=self.deployed.url,
            manifest=self.manifest,
            account=account(name),
            folder=folder / "clients",
        )


def _event(receipt: dict[str, Any], kind: type[E]) -> E:
    (found,) = (
        kind.decode([from_hex(topic) for topic in log["topics"]], from_hex(log["data"]))[0]
        for log in receipt["logs"]
        if from_hex(log["topics"][0]) == kind.topic0
    )
    return found
