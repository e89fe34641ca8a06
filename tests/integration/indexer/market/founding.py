"""What a deployment needs before anybody acts."""

import asyncio
from pathlib import Path
from random import Random

from eth_account import Account
from eth_account.signers.local import LocalAccount
from eth_utils.address import to_checksum_address

from ledger.chain import bindings
from ledger.chain.bindings import structs
from ledger.chain.deploy import Constitution, deploy
from ledger.chain.devnet import CHAIN_ID
from ledger.chain.rpc import Rpc, from_quantity, to_hex
from ledger.domain.market import Role
from tests.integration.indexer.market import drafts
from tests.integration.indexer.market.accounts import (
    DAY,
    HOUR,
    OVERSIGHT,
    TRADERS,
    address,
)
from tests.integration.indexer.market.driver import Act, Market


async def found(rpc: Rpc, seed: int, folder: Path) -> Market:
    """A new exchange on the chain, with traders accredited and in funds."""
    random = Random(seed)  # noqa: S311
    head = await rpc.request("eth_getBlockByNumber", ["latest", False])
    now = from_quantity(head["timestamp"])
    deployer: LocalAccount = Account.from_key(random.randbytes(32))
    await rpc.request("evm_setAutomine", [True])
    constitution = Constitution(
        operator=address("operator"),
        governor=address("governor"),
        guardian=address("guardian"),
        treasury=address("treasury"),
        tax_authority=address("tax"),
        oversight={role: address(name) for role, name in OVERSIGHT.items()},
        valid_until=now + 3650 * DAY,
        delay=0,
        terms=structs.Terms(250, 1000, 2 * HOUR, 3 * HOUR, False),
    )
    manifest = await deploy(rpc, CHAIN_ID, constitution, folder / f"{seed}.json", deployer)
    access = manifest.address("AccessManager")
    second_manager = await create(rpc, bindings.AccessManager.creation(address("governor")))
    second_token = await create(rpc, bindings.SettlementToken.creation(access))
    await rpc.request("evm_setAutomine", [False])
    tokens = (manifest.address("SettlementToken"), second_token)
    market = Market(rpc, manifest, random, second_manager, tokens)
    await market.catch_up()
    for token in tokens:
        domain = bindings.SettlementToken(token).domain_separator()
        market.separators[token] = await rpc.call(domain, market.head)
    market.now += 1
    for name in TRADERS:
        minter = {tokens[0]: "operator", tokens[1]: "governor"}
        await market.mine(
            [
                ("accredit", Act("operator", drafts.accreditation(market, name, Role.SELLER | Role.BUYER))),
                *(
                    ("mint", Act(minter[token], bindings.SettlementToken(token).mint(address(name), 10**15)))
                    for token in tokens
                ),
                *(
                    (
                        "allow",
                        Act(name, bindings.SettlementToken(token).approve(market.at("Exchange"), 10**15)),
                    )
                    for token in tokens
                ),
            ]
        )
        market.now += 1
    assert not market.reverted
    market.done.clear()
    return market


async def create(rpc: Rpc, creation: bytes) -> str:
    """Deploys a contract of the governor's; its address."""
    sent = await rpc.request(
        "eth_sendTransaction",
        [
            {
                "from": address("governor"),
                "data": to_hex(creation),
                "gas": hex(12_000_000),
                "maxFeePerGas": "0x0",
                "maxPriorityFeePerGas": "0x0",
            }
        ],
    )
    while (receipt := await rpc.request("eth_getTransactionReceipt", [sent])) is None:  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    assert from_quantity(receipt["status"]) == 1
    return to_checksum_address(receipt["contractAddress"])
