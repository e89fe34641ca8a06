"""How the chain is asked: once for a crowd, at one block that every node agrees on."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace

import pytest

from api.settings import Settings
from ledger.chain import entitlements
from ledger.chain.entitlements import ChainEntitlements
from ledger.chain.finality import Depth, Instant
from ledger.chain.rpc import Rpc
from ledger.crypto.seal import PrivateKey
from ledger.domain.entitlement import Decision, NodesDisagree, NodeStale, NodeUnreachable
from tests.integration.api.conftest import Client, Clock, query, running
from tests.integration.api.dataset import Dataset
from tests.integration.api.market import BUYER, OUTSIDER, SELLER, Market
from tests.integration.api.test_grants import Sold, asking, holder, records, selling
from tests.integration.node import Node

HOLDER = bytes.fromhex(BUYER.address[2:])


@dataclass
class Asking:
    """Entitlements over two nodes, our own and a witness, and a licence to ask about."""

    market: Market
    ours: Node
    witness: Node
    entitlements: ChainEntitlements
    licence: int

    async def decide(self, account: bytes = HOLDER) -> Decision:
        return await self.entitlements.decide(self.licence, account)


@pytest.fixture
async def asked(market: Market, node: Node) -> AsyncIterator[Asking]:
    listed = await market.publish(market.signed_for(b"\x01" * 32, 1000, b"\x02" * 32))
    licence = await market.buy(listed.plans[0])
    async with Node.before(market.deployed.url) as witness, Rpc(node.url) as ours, Rpc(witness.url) as theirs:
        licences = market.manifest.address("Licences")
        yield Asking(market, node, witness, ChainEntitlements([ours, theirs], Instant(), licences), licence)


async def test_threat_S05_a_decision_is_of_the_newest_block_and_a_revocation_bites_on_the_next(
    asked: Asking,
) -> None:
    for _ in range(3):
        decision = await asked.decide()
        number, block_hash = await asked.market.head()
        assert (decision.denial, decision.block.number, decision.block.hash) == (None, number, block_hash)
        await asked.market.rpc.request("evm_mine")
    block = await asked.market.revoke(asked.licence)
    decision = await asked.decide()
    assert (decision.denial, decision.block.number) == ("Revoked", block)


async def test_a_crowd_is_one_question_and_a_block_that_stays_is_asked_once(asked: Asking) -> None:
    await asked.decide()
    before = asked.ours.asked.copy()
    crowd = [account.to_bytes(20, "big") for account in range(1, 51)]
    decisions = await asyncio.gather(*(asked.decide(account) for account in crowd * 4))
    assert {decision.denial for decision in decisions} == {"NotHolder"}
    assert asked.ours.asked["eth_call"] - before["eth_call"] == len(crowd)
    assert asked.ours.asked["eth_getBlockByNumber"] - before["eth_getBlockByNumber"] <= 4
    before = asked.ours.asked.copy()
    await asyncio.gather(*(asked.decide(account) for account in crowd))
    assert asked.ours.asked["eth_call"] == before["eth_call"]
    assert asked.ours.asked["eth_getBlockByNumber"] > before["eth_getBlockByNumber"]
    await asked.market.rpc.request("evm_mine")
    await asked.decide(crowd[0])
    assert asked.ours.asked["eth_call"] > before["eth_call"]


async def test_answers_kept_while_no_block_comes_are_not_too_many(
    asked: Asking, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(entitlements, "KEPT", 10)
    crowd = [account.to_bytes(20, "big") for account in range(1, 41)]
    assert [(await asked.decide(account)).account for account in crowd] == crowd
    before = asked.ours.asked["eth_call"]
    decisions = await asyncio.gather(*(asked.decide(account) for account in crowd))
    assert [decision.account for decision in decisions] == crowd
    assert 30 <= asked.ours.asked["eth_call"] - before < 40


async def test_who_asks_meanwhile_is_answered_though_the_first_goes_away(asked: Asking) -> None:
    asked.ours.delay = 0.2
    first = asyncio.create_task(asked.decide())
    await asyncio.sleep(0.1)
    others = [asyncio.create_task(asked.decide(account.to_bytes(20, "big"))) for account in (1, 2)]
    await asyncio.sleep(0)
    first.cancel()
    async with asyncio.timeout(10):
        assert [(await other).denial for other in others] == ["NotHolder"] * 2
        assert (await asked.decide()).denial is None
    assert first.cancelled()


async def test_threat_S05_nobody_is_answered_from_before_they_asked(asked: Asking) -> None:
    """A question that arrives while another is on its way waits for the next."""
    await asked.decide()
    asked.ours.delay = 0.2
    first = asyncio.create_task(asked.decide())
    await asyncio.sleep(0.1)
    block = await asked.market.revoke(asked.licence)
    asked.ours.delay = 0
    second = await asked.decide()
    assert (second.denial, second.block.number) == ("Revoked", block)
    assert (await first).denial in (None, "Revoked")


async def test_threat_S14_a_witness_that_says_otherwise_stops_everything(asked: Asking) -> None:
    assert (await asked.decide()).denial is None
    granted = asked.witness.lies
    granted["eth_call"] = lambda answer: "0x" + answer[2:].replace("01" * 32, "09" * 32)
    await asked.market.rpc.request("evm_mine")
    with pytest.raises(NodesDisagree):
        await asked.decide()
    granted.clear()
    assert (await asked.decide()).denial is None


async def test_threat_S14_our_own_node_forging_a_grant_is_seen(asked: Asking) -> None:
    genuine: list[str] = []
    asked.ours.lies["eth_call"] = lambda answer: genuine.append(answer) or answer  # type: ignore[func-returns-value]
    await asked.decide()
    await asked.market.revoke(asked.licence)
    asked.ours.lies["eth_call"] = lambda _: genuine[0]
    with pytest.raises(NodesDisagree):
        await asked.decide()


async def test_threat_S14_another_block_of_the_same_number_is_another_chain(asked: Asking) -> None:
    asked.witness.lies["eth_getBlockByNumber"] = lambda block: block | {"hash": "0x" + "77" * 32}
    with pytest.raises(NodesDisagree):
        await asked.decide()


async def test_threat_S14_nodes_that_go_back_or_fall_silent_decide_nothing(asked: Asking) -> None:
    await asked.decide()
    asked.ours.lies["eth_getBlockByNumber"] = lambda block: block | {"number": "0x1"}
    with pytest.raises(NodeStale):
        await asked.decide()
    asked.ours.lies.clear()
    asked.witness.down = True
    with pytest.raises(NodeUnreachable):
        await asked.decide()


async def test_a_witness_that_is_behind_sets_the_pace(asked: Asking) -> None:
    await asked.decide()
    behind = await asked.market.rpc.request("eth_getBlockByNumber", ["latest", False])
    asked.witness.lies["eth_getBlockByNumber"] = lambda _: behind
    await asked.market.rpc.request("evm_mine")
    assert (await asked.decide()).block.number == int(behind["number"], 16)


async def test_finality_by_depth_decides_below_the_head(asked: Asking) -> None:
    await asked.market.rpc.request("anvil_mine", ["0x5"])
    async with Rpc(asked.ours.url) as ours:
        deep = ChainEntitlements([ours], Depth(2), asked.market.manifest.address("Licences"))
        for _ in range(2):
            decision = await deep.decide(asked.licence, HOLDER)
            assert decision.block.number == (await asked.market.head())[0] - 2
            await asked.market.rpc.request("evm_mine")


async def test_threat_S14_the_service_releases_nothing_while_nodes_disagree(
    settings: Settings, clock: Clock, market: Market, node: Node
) -> None:
    async with AsyncExitStack() as stack:
        witness = await stack.enter_async_context(Node.before(market.deployed.url))
        two = settings.model_copy(update={"witnesses": witness.url})
        client = await stack.enter_async_context(running(two, clock))
        sold = await selling(market, await Dataset.deposited(await client.sign_in(SELLER)))
        key = PrivateKey.generate()
        buyer = await holder(client, market, key)
        witness.lies["eth_call"] = lambda answer: answer[:-1] + ("0" if answer[-1] == "1" else "1")
        status, refused = await buyer.call("POST", sold.path, json=asking(key))
        assert (status, refused["code"]) == (503, "nodes-disagree")
        witness.lies.clear()
        assert (await buyer.call("POST", sold.path, json=asking(key)))[0] == 201
        assert [row[0] for row in records(settings)] == ["nodes-disagree", None]


async def test_R33_R14_recorded_decisions_are_replayed_at_their_blocks_to_the_same_rules(
    client: Client, market: Market, settings: Settings
) -> None:
    sold: Sold = await selling(market, await Dataset.deposited(await client.sign_in(SELLER)))
    key = PrivateKey.generate()
    buyer, outsider = await holder(client, market, key), await client.sign_in(OUTSIDER)
    for caller, asked in ((buyer, key), (outsider, key), (buyer, PrivateKey.generate())):
        await caller.call("POST", sold.path, json=asking(asked))
    await market.revoke(sold.licence)
    await buyer.call("POST", sold.path, json=asking(key))
    await market.suspend(BUYER.address)  # what was decided before is not touched by what came after
    grants = client.services.grants
    async with grants.write() as store:
        recorded = {grant.id: grant for grant, _ in await store.answers(sold.licence)}
    rules = query(settings, "SELECT id, rule FROM grants ORDER BY entry")
    assert [rule for _, rule in rules] == [
        "release-1:chain:Granted",
        "release-1:chain:NotHolder",
        "release-1:vault:key-unregistered",
        "release-1:chain:Revoked",
    ]
    for row, rule in rules:
        grant = recorded[row]
        assert grant.decision is not None
        replayed = await grants.entitlements.replay(grant.decision)
        assert replayed == grant.decision
        assert replace(grant, decision=replayed).rule == rule
