"""Writes the certificates beside this file anew, of a market on a chain of its own:

    PYTHONPATH=. .venv/bin/python tests/vectors/evidence/make.py

They are for other verifiers as well as ours. The chain is `development`; nothing in them is secret.
"""

import asyncio
import json
import tempfile
from pathlib import Path
from typing import Any

from ledger.chain.bindings import structs
from ledger.chain.capture import capture
from ledger.chain.devnet import Devnet
from ledger.chain.rpc import Rpc
from ledger.chain.trust import trust_file
from ledger.proofs import trust
from ledger.proofs.trust import Development
from tests.integration.indexer.market import found

HERE = Path(__file__).parent
CONTRACTS = ("Exchange", "Licences", "Listings", "LogAnchor")


async def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        async with Devnet(port=18795, history=None) as chain, Rpc(chain.url, timeout=60) as rpc:
            market = await found(rpc, 4, Path(folder))
            await market.run(80)
            whole = json.loads(trust_file(market.manifest, Development(), None))
            whole["contracts"] = {name: whole["contracts"][name] for name in CONTRACTS}
            believed = (json.dumps(whole, indent=1) + "\n").encode()
            (HERE / "trust.json").write_bytes(believed)
            state = market.state

            def licence(order: structs.OrderStatus) -> str:
                held = [n for n, one in state.licences.items() if one.order == order and not one.by_bank]
                return str(next(n for n in held if state.plans[n >> 32].price))

            subjects: dict[str, Any] = {
                "licence": {"type": "licence", "licence": licence(structs.OrderStatus.OPEN)},
                "payment-open": {"type": "payment", "licence": licence(structs.OrderStatus.OPEN)},
                "payment-settled": {"type": "payment", "licence": licence(structs.OrderStatus.SETTLED)},
                "payment-refunded": {"type": "payment", "licence": licence(structs.OrderStatus.REFUNDED)},
                "listing": {"type": "listing", "listing": "1", "version": {"number": 1}},
                "journal": {"type": "journal", "contract": "LogAnchor"},
            }
            since = market.manifest.block
            for name, subject in subjects.items():
                data = await capture(rpc, trust.read(believed), subject, market.head, since=since)
                (HERE / f"{name}.json").write_bytes(data)
            anchored = [entry for entry, _ in market.entries if entry.contract == "LogAnchor"]
            data = await capture(
                rpc,
                trust.read(believed),
                subjects["journal"],
                market.head,
                since=since,
                after=anchored[0].id.block_hash,
            )
            (HERE / "journal-part.json").write_bytes(data)


asyncio.run(main())
