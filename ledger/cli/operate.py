"""What an operator does: run a whole local exchange, or deploy the contracts on a real chain."""

import asyncio
import contextlib
import json
import os
import secrets
import signal
import time
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Annotated

import typer
from eth_account.signers.local import LocalAccount

from ledger.chain.deploy import Constitution, DeployError
from ledger.chain.deploy import deploy as deploy_contracts
from ledger.chain.devnet import CHAIN_ID, Devnet, dev_accounts
from ledger.chain.rpc import Rpc, from_quantity
from ledger.cli.child import ChildError, service
from ledger.cli.session import Options, run
from ledger.client.service import Service, ServiceError
from ledger.domain.market import Role
from ledger.keys import LocalKeyStore
from ledger.keys.local import LOG_KEY

YEAR = 365 * 86_400
HEARTBEAT = 10.0
"""Seconds of quiet after which the local chain makes a block: the service trusts none that is too old."""


def up(
    context: typer.Context,
    port: Annotated[int, typer.Option(min=1, max=65535, help="Of the service.")] = 8000,
    rpc_port: Annotated[int, typer.Option(help="Of the chain; a free one is chosen when taken.")] = 8545,
) -> None:
    """Runs a whole exchange on this machine until Ctrl-C: chain, contracts, service. --data keeps it."""
    options: Options = context.obj
    run(options.output, lambda: _up(options, port, rpc_port))


def deploy(
    context: typer.Context,
    constitution: Annotated[
        Path, typer.Argument(exists=True, dir_okay=False, help="JSON: who holds which power at the start.")
    ],
) -> None:
    """Deploys the contracts on the chain at --rpc and writes the manifest; finishes what was cut short."""
    options: Options = context.obj

    async def work() -> None:
        async with Rpc(options.rpc_url) as rpc:
            chain_id = from_quantity(await rpc.request("eth_chainId"))
            options.data.mkdir(parents=True, exist_ok=True)
            deployer = options.account() if os.environ.get("SOCAI_KEY_FILE") else None
            manifest = await deploy_contracts(
                rpc, chain_id, _constitution(constitution), options.data / "deployment.json", deployer
            )
        manifest.save(options.manifest)
        options.output.done(
            f"The exchange is deployed on chain {chain_id}. The deployer holds no right.",
            {name: deployed.address for name, deployed in manifest.contracts.items()}
            | {"manifest": str(options.manifest)},
        )

    run(options.output, work)


def _constitution(path: Path) -> Constitution:
    try:
        content = json.loads(path.read_text())
        return Constitution(
            **{
                **content,
                "oversight": {Role[name]: account for name, account in content["oversight"].items()},
                "credentials": {
                    account: bytes.fromhex(hashed.removeprefix("0x"))
                    for account, hashed in content.get("credentials", {}).items()
                },
            }
        )
    except (ValueError, KeyError, TypeError) as error:
        raise DeployError(f"{path} is no constitution: {error}") from error


async def _up(options: Options, port: int, rpc_port: int) -> None:
    started = time.monotonic()
    data, say = options.data, options.output.say
    data.mkdir(parents=True, exist_ok=True)
    async with AsyncExitStack() as stack:
        passphrase = os.environ.get("SOCAI_PASSPHRASE") or _local_passphrase(data)
        keys = _key_store(data / "keys", passphrase)
        chain = await stack.enter_async_context(Devnet(data / "chain", port=rpc_port, heartbeat=HEARTBEAT))
        say(f"• chain {CHAIN_ID} at {chain.url}")
        async with Rpc(chain.url) as rpc:
            manifest = await deploy_contracts(
                rpc, CHAIN_ID, _local_constitution(keys.custodian()), data / "deployment.json"
            )
        manifest.save(options.manifest)
        say(f"• contracts deployed since block {manifest.block}, manifest {options.manifest}")
        url = f"http://127.0.0.1:{port}"
        settings = {
            "SOCAI_DATA": str(data),
            "SOCAI_MANIFEST": str(options.manifest),
            "SOCAI_RPC_URL": chain.url,
            "SOCAI_PUBLIC_RPC_URL": chain.url,
            "SOCAI_PORT": str(port),
            "SOCAI_PUBLIC_URL": url,
            "SOCAI_PASSPHRASE": passphrase,
            "SOCAI_CHAIN_NAME": "Socai (local)",
        }
        process = await stack.enter_async_context(service(data, settings))
        await _healthy(url, process, data / "service.log")
        running = {"service": url, "chain": chain.url}
        (data / "running.json").write_text(json.dumps(running))
        options.output.done(
            f"The exchange is up after {time.monotonic() - started:.1f} s. Ctrl-C stops it; state is kept.",
            running | {"log": str(data / "service.log"), "data": str(data.resolve())},
        )
        say(_LOCAL_ONLY)
        await _until_stopped(process, chain)
        say("• stopping")


_LOCAL_ONLY = (
    "For development only: the keys of this chain are public knowledge. Try `scripts/demo`, or "
    "`.venv/bin/socai --as buyer status`."
)


async def _until_stopped(process: asyncio.subprocess.Process, chain: Devnet) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for sign in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(sign, stop.set)
    waits = {
        "a signal": asyncio.create_task(stop.wait()),
        "the service": asyncio.create_task(process.wait()),
        "the chain": asyncio.create_task(chain.wait()),
    }
    await asyncio.wait(waits.values(), return_when=asyncio.FIRST_COMPLETED)
    ended = [name for name, task in waits.items() if task.done()]
    for task in waits.values():
        task.cancel()
    if "a signal" not in ended:
        raise ChildError(f"{ended[0]} ended by itself")


async def _healthy(url: str, process: asyncio.subprocess.Process, log: Path) -> None:
    async with Service(url) as caller:
        for _ in range(600):
            with contextlib.suppress(ServiceError):
                await caller.json("GET", "/v1/health")
                if process.returncode is None:
                    return
            if process.returncode is not None:
                last = log.read_text(errors="replace").splitlines()[-1:]  # noqa: ASYNC240 - small
                raise ChildError(f"{''.join(last)} (status {process.returncode}, see {log})")
            await asyncio.sleep(0.1)
    raise ChildError(f"the service did not answer within 60 s: see {log}")


def _local_passphrase(data: Path) -> str:
    """Of a local exchange: kept beside what it protects, which is why this is for development only."""
    path = data / "passphrase"
    if not path.exists():
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(secrets.token_urlsafe(32))
    return path.read_text()


def _key_store(path: Path, passphrase: str) -> LocalKeyStore:
    if not path.exists():
        return LocalKeyStore.create(path, passphrase)
    store = LocalKeyStore.open(path, passphrase)
    if LOG_KEY not in store.names():  # made before there was an access log
        store.put_secret(LOG_KEY, os.urandom(32), passphrase)
    return store


def _local_constitution(custodian: LocalAccount) -> Constitution:
    known = {name: account.address for name, account in dev_accounts().items()}
    return Constitution(
        operator=known["operator"],
        governor=known["governor"],
        guardian=known["guardian"],
        treasury=known["treasury"],
        tax_authority=known["tax"],
        oversight={
            Role.REVIEWER: known["reviewer"],
            Role.CUSTODIAN: custodian.address,
            Role.PAYMENT_PROVIDER: known["provider"],
            Role.ARBITER: known["arbiter"],
            Role.SUPERVISOR: known["supervisor"],
        },
        valid_until=int(time.time()) + 10 * YEAR,
        delay=300,
    )
