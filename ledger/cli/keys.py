"""Keys: those that data keys are sealed to, and the vault's own."""

import os
from pathlib import Path
from typing import Annotated

import typer

from ledger.chain.rpc import from_hex
from ledger.cli.session import Options, run
from ledger.crypto.seal import Suite, fingerprint
from ledger.keys import CustodyError, KeyCustody, LocalKeyStore
from ledger.keys.choice import open_custody
from ledger.services.rotation import Rotation
from ledger.store.database import Database, reading, writing
from ledger.store.deposits import Deposits


def rotate(
    context: typer.Context,
    database_url: Annotated[
        str | None, typer.Option(envvar="SOCAI_DATABASE_URL", help="Default: socai.sqlite in --data.")
    ] = None,
    custody: Annotated[
        str | None,
        typer.Option(envvar="SOCAI_CUSTODY", help="Address of the custodian; default: the key store."),
    ] = None,
    key_store: Annotated[
        Path | None, typer.Option("--keys", envvar="SOCAI_KEYS", help="Key store; default: keys in --data.")
    ] = None,
) -> None:
    """The operator of the vault: a new master key, and every payload's key under it.

    Killed, it is run again and goes on.

    The service may run meanwhile. SOCAI_PASSPHRASE opens the key store, SOCAI_CUSTODY_SECRET any other
    custodian.
    """
    options: Options = context.obj

    async def work() -> None:
        manifest = options.load_manifest()
        database = Database(database_url or f"sqlite:///{options.data / 'socai.sqlite'}")
        try:
            await database.migrate()
            done = await Rotation(
                manifest.chain_id,
                bytes.fromhex(manifest.address("Listings")[2:]),
                custodian(custody, key_store or options.data / "keys", options.data / "passphrase"),
                reading(database, Deposits),
                writing(database, Deposits),
            ).run()
        finally:
            await database.close()
        facts = {"version": done.version, "moved": done.moved, "kept": done.kept}
        options.output.done(f"Master key version {done.version} is current.", facts)
        if done.unopened:
            names = ", ".join(f"0x{deposit.hex()}" for deposit in done.unopened)
            raise CustodyError(f"{len(done.unopened)} keys do not open and stay as they are: {names}")

    run(options.output, work)


def register(
    context: typer.Context,
    post_quantum: Annotated[
        bool, typer.Option("--post-quantum", help="MLKEM768-X25519 in place of X25519.")
    ] = False,
) -> None:
    """Makes a new key that data keys are sealed to, and registers it in place of your last of its kind."""
    options: Options = context.obj

    async def work() -> None:
        async with options.client() as client:
            key = await client.keys.register(_suite(post_quantum))
        options.output.done(
            "Data keys are sealed to this key from now on.",
            {"suite": key.suite.name, "fingerprint": fingerprint(key.public)},
        )

    run(options.output, work)


def show(context: typer.Context) -> None:
    """Shows your registered keys."""
    options: Options = context.obj

    async def work() -> None:
        async with options.client() as client:
            found = await client.keys.listed()
        facts = {
            key["suite"]: f"{fingerprint(from_hex(key['public_key']))} "
            + (f"revoked {key['revoked_at']}" if key["revoked_at"] else f"since {key['registered_at']}")
            for key in found
        }
        options.output.done(f"{len(found)} registered.", facts)

    run(options.output, work)


def revoke(
    context: typer.Context,
    post_quantum: Annotated[bool, typer.Option("--post-quantum", help="The one of MLKEM768-X25519.")] = False,
) -> None:
    """Has nothing more sealed to your key, and deletes it here."""
    options: Options = context.obj

    async def work() -> None:
        async with options.client() as client:
            await client.keys.revoke(_suite(post_quantum))
        options.output.done("The key is revoked.", {"suite": _suite(post_quantum).name})

    run(options.output, work)


def _suite(post_quantum: bool) -> Suite:
    return Suite.MLKEM768_X25519 if post_quantum else Suite.X25519


def custodian(address: str | None, store: Path, local: Path) -> KeyCustody:
    """The service's own. `local` is where `socai up` keeps the passphrase of a local exchange."""
    if address is not None:
        return open_custody(address, os.environ.get("SOCAI_CUSTODY_SECRET", ""))
    passphrase = os.environ.get("SOCAI_PASSPHRASE")
    if passphrase is None and local.exists():
        passphrase = local.read_text()
    return LocalKeyStore.open(store, passphrase or typer.prompt("Passphrase", hide_input=True, err=True))
