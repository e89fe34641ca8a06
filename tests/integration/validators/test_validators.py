"""Sales on a network of four real nodes, while one is killed and brought back and two stop answering.

Consensus is the driver's (`network`): no QBFT client can be had from the registries that the tests may use.
What QBFT adds, seals over headers, is tested with vectors in tests/unit/proofs/test_seals.py.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

from eth_account import Account
from eth_account.signers.local import LocalAccount

from ledger.chain.abi import Event
from ledger.chain.bindings import exchange, listings, structs
from ledger.chain.bindings.errors import ERRORS
from ledger.chain.capture import capture
from ledger.chain.deploy import Constitution, deploy
from ledger.chain.devnet import dev_accounts
from ledger.chain.manifest import Manifest
from ledger.chain.rpc import Rpc, from_hex
from ledger.chain.sender import Receipt, Sender
from ledger.chain.trust import trust_file
from ledger.client.contracts import Contracts
from ledger.domain.custody import Custody
from ledger.domain.ids import plan_id
from ledger.domain.market import Kind, Role
from ledger.proofs import trust
from ledger.proofs.evidence import verify
from ledger.proofs.trust import Development
from ledger.store.database import Database
from ledger.store.intents import IntentLog
from tests.integration.api.market import CLASSIFICATION, DAY, PLAN
from tests.integration.validators.network import CHAIN_ID, Client, Network

E = TypeVar("E", bound=Event)
BUYERS = ("buyer", "outsider", "seller2")
EACH = 2
"""Purchases of each buyer, one after the other."""


def account(name: str) -> LocalAccount:
    found: LocalAccount = Account.from_key(dev_accounts()[name].key)
    return found


class Acting:
    """Each account's sender over one node, with intents that outlive it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._senders: dict[str, Sender] = {}
        self._databases: list[Database] = []

    async def send(self, name: str, rpc: Rpc, key: str, call: Any) -> Receipt:
        if name not in self._senders:
            database = Database(f"sqlite:///{self._folder}/{name}.sqlite")
            self._databases.append(database)
            await database.migrate()
            self._senders[name] = sender = Sender(
                rpc, account(name), IntentLog(database), CHAIN_ID, clock=time.time, errors=ERRORS, timeout=240
            )
            await sender.recover()
        return await self._senders[name].send(key, call)

    async def close(self) -> None:
        for database in self._databases:
            await database.close()


@asynccontextmanager
async def driven(network: Network) -> AsyncIterator[None]:
    task = asyncio.create_task(network.drive())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])


async def founded(rpc: Rpc, folder: Path) -> Manifest:
    known = {name: found.address for name, found in dev_accounts().items()}
    constitution = Constitution(
        operator=known["operator"],
        governor=known["governor"],
        guardian=known["guardian"],
        treasury=known["treasury"],
        tax_authority=known["tax"],
        oversight={Role.REVIEWER: known["reviewer"], Role.CUSTODIAN: known["custodian"]},
        valid_until=int(time.time()) + DAY,
    )
    return await deploy(rpc, CHAIN_ID, constitution, folder / "deployment.json")


async def listed(acting: Acting, rpc: Rpc, contracts: Contracts) -> int:
    """A plan that is for sale."""
    for name, role in (("seller", Role.SELLER), *((buyer, Role.BUYER) for buyer in BUYERS)):
        accredited = contracts.participants.accredit(
            account(name).address, role, b"VN", False, int(time.time()) + DAY, b"\x01" * 32
        )
        await acting.send("operator", rpc, f"accredit {name}", accredited)
    draft = signed(contracts)
    published = contracts.listings.publish(CLASSIFICATION, bytes(32), draft, (PLAN,), ())
    receipt = await acting.send("seller", rpc, "publish", published)
    listing = event(receipt, listings.Listed).listing
    for kind in (Kind.LEGAL, Kind.SECURITY, Kind.QUALITY):
        attested = contracts.reviews.attest(listing, 1, kind, b"\x03" * 32, 0)
        await acting.send("reviewer", rpc, f"attest {kind}", attested)
    return plan_id(listing, 0)


async def buying(
    acting: Acting, name: str, network: Network, node: int, contracts: Contracts, plan: int
) -> list[int]:
    """The licences, bought one after the other through one node, whatever happens to it."""
    async with Client(network.nodes[node].url) as rpc:
        licences = []
        for held in range(EACH):
            while True:
                try:
                    receipt = await acting.send(
                        name, rpc, f"buy {held}", contracts.exchange.buy(plan, 1, held)
                    )
                    break
                except (ConnectionError, TimeoutError):  # the node is away: the same key again
                    await asyncio.sleep(0.5)
            licences.append(event(receipt, exchange.Purchased).licence)
        return licences


async def test_R13_nothing_is_lost_while_validators_die_return_and_part(tmp_path: Path) -> None:
    rich = {known.address: hex(10**24) for known in dev_accounts().values()}
    network, acting = await Network.open(tmp_path, rich), Acting(tmp_path)
    try:
        async with driven(network), Client(network.nodes[0].url) as rpc:
            await blocks(network, 2)  # a client that saw none takes no transactions
            manifest = await founded(rpc, tmp_path)
            contracts = Contracts.of(manifest)
            plan = await listed(acting, rpc, contracts)
            sales = [
                asyncio.create_task(buying(acting, name, network, node, contracts, plan))
                for node, name in enumerate(BUYERS)
            ]
            await blocks(network, 2)
            await network.nodes[2].kill()  # through which one of them buys
            before = len(network.payloads)
            await blocks(network, 2)
            await network.nodes[2].start()
            network.nodes[2].height = 0
            await network.connect()
            for node in network.nodes[2:]:
                node.freeze()
            stopped = len(network.payloads)
            await asyncio.sleep(4)
            assert len(network.payloads) <= stopped + 1  # two of four are no quorum
            for node in network.nodes[2:]:
                node.thaw()
            licences = [licence for bought in await asyncio.gather(*sales) for licence in bought]
            assert len(network.payloads) > before
            assert len(set(licences)) == len(licences) == EACH * len(BUYERS)
            await together(network)
        heads = set()
        for node in network.nodes:
            async with Client(node.url) as each:
                block = await each.request("eth_getBlockByNumber", [hex(len(network.payloads)), False])
                heads.add((block["hash"], block["stateRoot"]))
                for name in BUYERS:
                    balance = contracts.licences.balance_of(account(name).address)
                    assert await each.call(balance, from_hex(block["hash"], 32)) == EACH
        assert len(heads) == 1
        await evidence(network, manifest, licences[-1])
    finally:
        await network.close()
        await acting.close()


async def evidence(network: Network, manifest: Manifest, licence: int) -> None:
    """From one node, checked against what another says."""
    believed = trust.read(trust_file(manifest, Development(), None))
    async with Client(network.nodes[3].url) as rpc:
        subject = {"type": "licence", "licence": str(licence)}
        data = await capture(rpc, believed, subject, from_hex(network.head, 32), since=manifest.block)
    proven = verify(data, believed, time.time())
    assert proven.block.hash.hex() == network.head[2:]


def event(receipt: Receipt, kind: type[E]) -> E:
    (found,) = (
        kind.decode(list(log.topics), log.data)[0] for log in receipt.logs if log.topics[0] == kind.topic0
    )
    return found


async def together(network: Network) -> None:
    """Waits until every node has every block."""
    for _ in range(600):
        if all(node.height == len(network.payloads) for node in network.nodes):
            return
        await asyncio.sleep(0.1)
    raise AssertionError([node.height for node in network.nodes])


async def blocks(network: Network, count: int) -> None:
    """Waits for so many more."""
    until = len(network.payloads) + count
    for _ in range(600):
        if len(network.payloads) >= until:
            return
        await asyncio.sleep(0.1)
    raise AssertionError("no blocks")


def signed(contracts: Contracts) -> Any:
    custodian, root, deposit = account("custodian"), b"\x07" * 32, b"\x08" * 32
    seller = bytes.fromhex(account("seller").address[2:])
    custody = Custody(seller, root, 1024, deposit, b"VN", int(time.time()) + 3600)
    digest = custody.digest(CHAIN_ID, bytes.fromhex(contracts.reviews.address[2:]))
    return structs.VersionDraft(
        root=root,
        metadata=b"\x06" * 32,
        deposit_id=deposit,
        size=1024,
        region=b"VN",
        stale_at=0,
        custodian=custodian.address,
        deadline=custody.deadline,
        signature=bytes(custodian.unsafe_sign_hash(digest).signature),  # type: ignore[arg-type]
    )
