"""Who runs the command, on which exchange; and what an error means to a person."""

import asyncio
import json
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final, TypeVar

import typer
from eth_account.signers.local import LocalAccount

from ledger.chain.abi import ContractError
from ledger.chain.bindings import structs
from ledger.chain.deploy import DeployError
from ledger.chain.devnet import CHAIN_ID, DevnetError, dev_accounts
from ledger.chain.events import BadLog
from ledger.chain.finality import FinalityError
from ledger.chain.manifest import Manifest, ManifestError, WrongChain
from ledger.chain.rpc import Rpc, RpcError, from_hex
from ledger.chain.sender import CallReverted, SenderError
from ledger.cli.child import ChildError
from ledger.cli.output import Output
from ledger.client import Client, ClientError, Refused, ServiceUnreachable
from ledger.client.contracts import Contracts
from ledger.client.samples import MetadataAltered, SampleAltered
from ledger.client.service import Service
from ledger.crypto.chunked import ChunkedError
from ledger.crypto.merkle import MerkleError
from ledger.crypto.seal import SealError
from ledger.domain.document import BadDocument
from ledger.domain.entitlement import NodeUnreachable
from ledger.domain.history import BlockUnknown, ExportTooLarge, FormatUnavailable
from ledger.domain.sample import BadSample
from ledger.indexer.fetch import FetchError
from ledger.indexer.reconcile import ReconcileError
from ledger.indexer.replay import ReplayError
from ledger.keys import CustodyError, SecretFileError
from ledger.keys import account as accounts
from ledger.objects import ObjectError
from ledger.paper import NoAttachment
from ledger.proofs.error import ProofError
from ledger.services.backups import BackupUnusable
from ledger.store.database import NotMigratable
from ledger.store.dump import DumpFailed
from ledger.store.engine import DatabaseUrlRefused
from ledger.store.portable import NotImportable

T = TypeVar("T")

REFUSED: Final = 1
UNREACHABLE: Final = 3
UNTRUE: Final = 4

UNTRUTHS: Final = (
    *(ChunkedError, MerkleError, SealError, FetchError, ReconcileError, ReplayError, BadLog),
    *(BadDocument, BadSample, MetadataAltered, SampleAltered),
)

HINTS: Final[Mapping[str, str]] = {
    "Listings_Refused": "The rule pack refuses it: rule 5 is a missing attestation, 6 a missing transfer "
    "approval. See `socai listing show`.",
    "Participants_Ineligible": "The account is not accredited for this role now. The operator accredits: "
    "`socai accredit`; a suspension ends by itself or on review.",
    "Licences_StaleBalance": "Another purchase of yours got there first. See `socai status`, then buy again "
    "if you want a second licence.",
    "Listings_DepositUsed": "This file was published before. The same command again publishes it once more.",
    "ERC20InsufficientBalance": "The account has too little money for this purchase.",
    "Listings_SoldOut": "The plan has sold as many licences as it may. Choose another plan.",
    "Listings_PlanNotOpen": "There is no such plan, or its seller closed it.",
    "AccessManagedUnauthorized": "This account holds no such administrative power.",
    "Exchange_NotHolder": "Only the holder of the licence can do this.",
}


@dataclass(frozen=True, slots=True)
class Options:
    """What every command takes."""

    data: Path
    service_url: str
    rpc_url: str
    manifest: Path
    dev_name: str | None
    output: Output

    def account(self) -> LocalAccount:
        """From --as (local chain only), SOCAI_KEY_FILE or SOCAI_PRIVATE_KEY, in this order."""
        if self.dev_name is not None:
            return dev_account(self, self.dev_name)
        if key_file := os.environ.get("SOCAI_KEY_FILE"):
            passphrase = os.environ.get("SOCAI_KEY_PASSPHRASE") or typer.prompt(
                f"Passphrase of {key_file}", hide_input=True, err=True
            )
            return accounts.from_key_file(Path(key_file), passphrase)
        return accounts.from_environment("SOCAI_PRIVATE_KEY")

    def load_manifest(self) -> Manifest:
        return Manifest.load(self.manifest)

    @asynccontextmanager
    async def client(self, account: LocalAccount | None = None) -> AsyncIterator[Client]:
        async with Client.open(
            service_url=self.service_url,
            rpc_url=self.rpc_url,
            manifest=self.load_manifest(),
            account=account or self.account(),
            folder=self.data / "client",
        ) as client:
            yield client

    @asynccontextmanager
    async def listed(self, listing: int, version: int) -> AsyncIterator[tuple[Service, structs.Version]]:
        """The service, and what the chain says of a version: for anybody, without an account."""
        manifest = self.load_manifest()
        async with Rpc(self.rpc_url) as rpc, Service(self.service_url) as service:
            await manifest.check(rpc)
            head = await rpc.request("eth_getBlockByNumber", ["latest", False])
            call = Contracts.of(manifest).listings.version(listing, version)
            yield service, await rpc.call(call, from_hex(head["hash"], 32))


def dev_account(options: Options, name: str) -> LocalAccount:
    """An account of the local chain, whose key everybody knows."""
    known = dev_accounts()
    if name not in known:
        raise typer.BadParameter(f"--as is one of {', '.join(known)}")
    if options.load_manifest().chain_id != CHAIN_ID:
        raise typer.BadParameter("--as is for the local chain only: its keys are public knowledge")
    return accounts.from_private_key(known[name].key)


def options(
    context: typer.Context,
    data: Annotated[Path, typer.Option(envvar="SOCAI_DATA", help="Folder of what is kept.")] = Path("var"),
    service_url: Annotated[
        str | None,
        typer.Option("--url", envvar="SOCAI_URL", help="Address of the service; default: the local one."),
    ] = None,
    rpc_url: Annotated[
        str | None,
        typer.Option(
            "--rpc", envvar="SOCAI_RPC_URL", help="JSON-RPC address of the chain; default: the local one."
        ),
    ] = None,
    manifest: Annotated[
        Path | None,
        typer.Option(envvar="SOCAI_MANIFEST", help="Deployment manifest; default: manifest.json in --data."),
    ] = None,
    dev_name: Annotated[
        str | None,
        typer.Option("--as", metavar="NAME", help="Act as an account of the local chain: seller, buyer, …"),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """The ledger of a data exchange.

    Keys come from SOCAI_KEY_FILE (an encrypted key file) or SOCAI_PRIVATE_KEY.
    """
    running = local_addresses(data)
    context.obj = Options(
        data,
        service_url or running["service"],
        rpc_url or running["chain"],
        manifest or data / "manifest.json",
        dev_name,
        Output(as_json),
    )


def local_addresses(data: Path) -> dict[str, str]:
    """Where `socai up` on this data folder last answered."""
    try:
        found: dict[str, str] = json.loads((data / "running.json").read_text())
    except FileNotFoundError:
        return {"service": "http://127.0.0.1:8000", "chain": "http://127.0.0.1:8545"}
    return found


def run(output: Output, work: Callable[[], Awaitable[T]]) -> T:
    """The result of `work`; every known error becomes a message and an exit code."""

    async def guarded() -> T:
        return await work()

    try:
        return asyncio.run(guarded())
    except Refused as error:
        output.failed(error.code, error.detail, "", error.extra)
        raise typer.Exit(REFUSED) from None
    except CallReverted as error:
        raise _contract(output, error.reason) from None
    except ContractError as error:
        raise _contract(output, error) from None
    except (ServiceUnreachable, NodeUnreachable, RpcError) as error:
        output.failed("unreachable", str(error), "Is the exchange running? Start it with scripts/up.", {})
        raise typer.Exit(UNREACHABLE) from None
    except UNTRUTHS as error:
        output.failed(type(error).__name__, str(error), "Nothing was kept. Tell the operator.", {})
        raise typer.Exit(UNTRUE) from None
    except ProofError as error:
        output.failed(type(error).__name__, str(error), "It proves nothing: do not rely on it.", {})
        raise typer.Exit(UNTRUE) from None
    except (
        ClientError,
        ManifestError,
        WrongChain,
        accounts.AccountError,
        SenderError,
        DeployError,
        FinalityError,
        DevnetError,
        ChildError,
        DatabaseUrlRefused,
        NotMigratable,
        SecretFileError,
        NoAttachment,
        CustodyError,
        BackupUnusable,
        DumpFailed,
        NotImportable,
        ObjectError,
        BlockUnknown,
        ExportTooLarge,
        FormatUnavailable,
        OSError,
    ) as error:
        output.failed(type(error).__name__, str(error), "", {})
        raise typer.Exit(REFUSED) from None


def _contract(output: Output, error: ContractError) -> typer.Exit:
    facts: dict[str, Any] = {"arguments": error.arguments}
    output.failed(error.abi_name, str(error), HINTS.get(error.abi_name, ""), facts)
    return typer.Exit(REFUSED)
