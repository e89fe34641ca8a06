"""Backup and restore of what the service keeps, by the service's own settings: see `socai settings`."""

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ledger.chain.finality import final_header, parse_finality
from ledger.chain.manifest import WrongChain
from ledger.chain.rpc import Rpc, RpcError
from ledger.cli.keys import custodian
from ledger.cli.session import Options, run
from ledger.objects import ObjectStore, ObstoreObjects
from ledger.services.backups import Backups, BackupUnusable
from ledger.store.access_log import AccessLog
from ledger.store.database import Database
from ledger.store.dump import dump, load

if TYPE_CHECKING:
    from api.settings import Settings


def backup(
    context: typer.Context,
    to: Annotated[
        Path | None, typer.Option(file_okay=False, help="Folder of backups; default: SOCAI_BACKUP.")
    ] = None,
) -> None:
    """Adds a backup of database, objects and key store to a folder, while the service runs."""
    options: Options = context.obj

    async def work() -> None:
        settings = _settings(options)
        folder = to or settings.backup
        if folder is None:
            raise typer.BadParameter("--to or SOCAI_BACKUP says where to")
        keys = _keys(options, settings)
        made = await Backups(ObstoreObjects.local(folder), time.time).make(
            lambda file: dump(settings.database, file),
            _objects(settings),
            custodian(settings.custody, keys, options.data / "passphrase"),
            options.manifest,
            keys if keys.exists() else None,
        )
        options.output.done(
            f"Backed up to {folder}. Key shares are not in it, and never are: what they forget stays erased.",
            {"time": made.time, "database_bytes": made.database, "objects": made.objects, "new": made.copied},
        )

    run(options.output, work)


def restore(
    context: typer.Context,
    source: Annotated[Path, typer.Argument(exists=True, file_okay=False, help="Folder of backups.")],
    at: Annotated[str | None, typer.Option(help="Time of the backup; default: the newest.")] = None,
) -> None:
    """Puts a backup back where there is no database, key store or manifest; the index then catches up."""
    options: Options = context.obj

    async def work() -> None:
        settings = _settings(options)
        backups = Backups(ObstoreObjects.local(source), time.time)
        times = await backups.times()
        if not times:
            raise BackupUnusable(f"{source} holds no whole backup")
        contents = await backups.contents(at or times[-1])
        keys = _keys(options, settings)
        if "keys" in contents["files"]:
            _keep(keys, await backups.file(contents, "keys"))
        _keep(options.manifest, await backups.file(contents, "manifest"))
        put = await backups.restore(
            contents,
            lambda file: load(settings.database, file),
            _objects(settings),
            custodian(settings.custody, keys, options.data / "passphrase"),
        )
        entries, anchored = await _access_log(options, settings)
        options.output.done(
            f"The backup of {contents['time']} is back. Start the service: the index catches up by itself. "
            + _behind(entries, anchored),
            {
                "time": contents["time"],
                "objects": len(contents["objects"]),
                "put_back": put,
                "log_entries": entries,
                "log_anchored": anchored,
            },
        )

    run(options.output, work)


async def _access_log(options: Options, settings: "Settings") -> tuple[int, int | None]:
    """Entries of the access log that is back, and of the longest of which the chain holds a checkpoint: None
    when the chain is out of reach."""
    from ledger.chain.anchors import anchored  # here: it takes long to import
    from ledger.store.intents import senders

    database, manifest = Database(settings.database), options.load_manifest()
    try:
        async with database.reading() as session:
            entries, custodians = await AccessLog(session).size(), await senders(session)
        async with Rpc(options.rpc_url) as rpc:
            await manifest.check(rpc)
            final = await final_header(rpc, parse_finality(settings.finality))
            at, sizes = manifest.address("LogAnchor"), [0]
            for custodian in custodians:
                sizes += await anchored(rpc, at, custodian, final.hash)
        return entries, max(sizes)
    except (RpcError, WrongChain):
        return entries, None
    finally:
        await database.close()


def _behind(entries: int, anchored: int | None) -> str:
    if anchored is None:
        return "The chain is out of reach: the next audit says whether the access log is behind it."
    if anchored <= entries:
        return "The access log has all that its checkpoints on the chain are of."
    return (
        f"THE ACCESS LOG IS BEHIND: it has {entries} entries, the chain holds a checkpoint of {anchored}. "
        "What was written between is lost, and every audit will say so. If the old database can still be "
        "read, restore that instead, before the service starts and the log forks."
    )


def _settings(options: Options) -> "Settings":
    from api.settings import Settings  # only here: no other command needs the service's packages

    return Settings(data=options.data)


def _keys(options: Options, settings: "Settings") -> Path:
    return settings.keys or options.data / "keys"


def _objects(settings: "Settings") -> ObjectStore:
    return ObstoreObjects.at(settings.object_store)


def _keep(path: Path, content: bytes) -> None:
    """A file of mode 0600; one that is there already must be the same."""
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(content)
    except FileExistsError:
        if path.read_bytes() != content:
            raise BackupUnusable(f"{path} is there and differs from the backup's: move it away") from None
