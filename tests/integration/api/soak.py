"""A participant in a process of its own, which does one thing and is killed on the way."""

import asyncio
import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from api.__main__ import main
from ledger.chain.manifest import Manifest
from ledger.client import Client
from tests.integration.api.market import CLASSIFICATION, PLAN, account


def serve(environment: Mapping[str, str], log: Path) -> None:
    """The service as `python -m api` runs it."""
    os.environ.update(environment)
    with log.open("a") as sys.stderr:
        sys.exit(main())


def act(name: str, urls: tuple[str, str], folder: Path, step: str, argument: Any, done: Path) -> None:
    """`urls`: of service and node. What it did is in `done` once it is done, an error beside it."""

    async def work() -> dict[str, Any]:
        async with Client.open(
            service_url=urls[0],
            rpc_url=urls[1],
            manifest=Manifest.load(folder / "manifest.json"),
            account=account(name),
            folder=folder / "clients",
        ) as client:
            if step == "publish":
                path, price = argument
                published = await client.publish(
                    path,
                    metadata={"@type": "dcat:Dataset", "dct:title": path.name},
                    media_type="text/csv",
                    classification=CLASSIFICATION,
                    plans=[replace(PLAN, price=price)],
                )
                return {"listing": published.listing, "plan": published.plans[0]}
            if step == "buy":
                return {"licence": (await client.buy(argument)).licence}
            licence, path = argument
            return {"sha256": (await client.fetch(licence, path)).sha256.hex()}

    try:
        did = asyncio.run(work())
    except Exception as error:
        done.with_suffix(".error").write_text(f"{type(error).__name__}: {error}")
        os._exit(1)
    staged = done.with_suffix(".new")
    staged.write_text(json.dumps(did))
    staged.replace(done)
