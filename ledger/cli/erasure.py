"""Erasure of a payload: its keys stop at once, and are destroyed within 72 hours."""

import time
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any

import typer

from ledger.chain.rpc import to_hex
from ledger.cli.market import digest
from ledger.cli.session import Options, run
from ledger.client import Client

Listing = Annotated[int, typer.Argument(help="Listing id.")]
Version = Annotated[int, typer.Option(min=1, help="Version number.")]


def request(
    context: typer.Context,
    listing: Listing,
    reason: Annotated[str, typer.Option(help="A word, like consent-withdrawn; no personal data.")],
    version: Version = 1,
) -> None:
    """Has a version's payload erased: no key from now on, and none to come (seller, supervisor).

    For a day it can be taken back. What the chain says about sales stays.
    """
    options: Options = context.obj

    async def work() -> None:
        async with options.client() as client:
            root = await _root(client, listing, version)
            await client.service.sign_in(client.account)
            asked = {"root": to_hex(root), "reason": reason}
            info = await client.service.once("POST", "/v1/erasures", asked)
        options.output.done("From now on no key to it is released.", _facts(info))

    run(options.output, work)


def show(context: typer.Context, listing: Listing, version: Version = 1) -> None:
    """Shows how far an erasure is, and what is left of its 72 hours. Anybody may."""
    options: Options = context.obj

    async def work() -> None:
        async with options.client() as client:
            root = await _root(client, listing, version)
            info = await client.service.json("GET", f"/v1/erasures/{to_hex(root)}")
        said = "The keys are being destroyed, or wait to be."
        options.output.done("The keys are destroyed." if info["erased_at"] else said, _facts(info))

    run(options.output, work)


def take_back(context: typer.Context, listing: Listing, version: Version = 1) -> None:
    """Takes one's own request back while nothing is destroyed."""
    options: Options = context.obj

    async def work() -> None:
        async with options.client() as client:
            root = await _root(client, listing, version)
            await client.service.sign_in(client.account)
            await client.service.json("DELETE", f"/v1/erasures/{to_hex(root)}")
        options.output.done("It is taken back; keys are released again.", {"root": root})

    run(options.output, work)


def withdraw(
    context: typer.Context,
    listing: Listing,
    reason: Annotated[str, typer.Option(help="The decision, or its hash (0x…).")],
    version: Version = 1,
) -> None:
    """Withdraws a version on chain: no sale of it and no key from the next block on (seller, supervisor)."""
    options: Options = context.obj

    async def work() -> None:
        async with options.client() as client:
            receipt = await client.withdraw_version(listing, version, digest(reason))
        options.output.done(
            f"Version {version} of listing {listing} is withdrawn.",
            {"transaction": receipt.transaction_hash, "block": receipt.block_number},
        )

    run(options.output, work)


async def _root(client: Client, listing: int, version: int) -> bytes:
    return (await client.read(client.contracts.listings.version(listing, version))).root


def _facts(info: Mapping[str, Any]) -> dict[str, Any]:
    hours = (datetime.fromisoformat(info["due_at"]).timestamp() - time.time()) / 3600
    left = {} if info["erased_at"] else {"hours_left": round(hours, 1)}
    return {name: value for name, value in info.items() if value is not None} | left
