"""The whole exchange as files that any database and object store takes up (R30)."""

import hashlib
import json
import shutil
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from ledger.chain.devnet import take_up
from ledger.chain.rpc import Rpc, from_quantity
from ledger.cli.session import Options, run
from ledger.objects import ObjectStore, ObstoreObjects
from ledger.store.database import Database
from ledger.store.portable import NotImportable, read_rows, state, write_rows

FORMAT: Final = "socai/exchange@v1"
CONTENTS: Final = "exchange.json"
CHAIN: Final = "chain.state"


def export_exchange(
    context: typer.Context,
    to: Annotated[Path, typer.Option(file_okay=False, help="A new folder.")],
) -> None:
    """Writes rows, objects, key store, deployment and a local chain's state to a folder.

    Stop the service first. Key shares are not in it: move their folders yourself. The chain of validators is
    theirs to carry on.
    """
    options: Options = context.obj

    async def work() -> None:
        from api.settings import Settings  # only here: no other command needs the service's packages

        settings = Settings(data=options.data)
        to.mkdir(mode=0o700, parents=True)
        database = Database(settings.database)
        try:
            await database.migrate()
            tables = await write_rows(database, to)
        finally:
            await database.close()
        objects = await _copy(ObstoreObjects.at(settings.object_store), ObstoreObjects.local(to / "objects"))
        shutil.copy2(options.manifest, to / "manifest.json")
        shutil.copy2(settings.keys or options.data / "keys", to / "keys")
        async with Rpc(options.rpc_url) as rpc:
            await options.load_manifest().check(rpc)
            head = await rpc.request("eth_getBlockByNumber", ["latest", False])
            local = (await rpc.request("web3_clientVersion")).startswith("anvil")
            genesis = await rpc.request("eth_getBlockByNumber", ["0x0", False])
            if local:
                (to / CHAIN).write_text(await rpc.request("anvil_dumpState", [True]))
        first = {"hash": genesis["hash"], "timestamp": from_quantity(genesis["timestamp"])}
        contents = {
            "format": FORMAT,
            "genesis": first,
            "head": head["hash"],
            "tables": tables,
            "objects": objects,
        }
        (to / CONTENTS).write_text(json.dumps(contents, indent=1, sort_keys=True))
        options.output.done(
            f"The exchange is in {to}, as of block {int(head['number'], 16)}. Key shares are not: move them.",
            {"head": head["hash"], "tables": len(tables), "objects": len(objects), "chain": local},
        )

    run(options.output, work)


def import_exchange(
    context: typer.Context,
    source: Annotated[Path, typer.Argument(exists=True, file_okay=False, help="What was exported.")],
    chain: Annotated[
        bool, typer.Option(help="Also put the local chain where `socai up` goes on from.")
    ] = False,
) -> None:
    """Takes up an export where there is nothing yet, and compares every hash."""
    options: Options = context.obj

    async def work() -> None:
        from api.settings import Settings  # only here: no other command needs the service's packages

        contents = _contents(source)
        if chain:
            take_up(options.data / "chain", (source / CHAIN).read_text(), contents["genesis"])
        options.data.mkdir(mode=0o700, parents=True, exist_ok=True)
        settings = Settings(data=options.data)
        files = {"manifest.json": options.manifest, "keys": settings.keys or options.data / "keys"}
        for path in files.values():
            if path.exists():
                raise NotImportable(f"{path} is there already: import where there is nothing")
        there = ObstoreObjects.local(source / "objects")
        if await _copy(there, ObstoreObjects.at(settings.object_store)) != contents["objects"]:
            raise NotImportable("the objects are not those that were exported")
        database = Database(settings.database)
        try:
            await database.migrate()
            await read_rows(database, source, contents["tables"])
            if await state(database) != contents["tables"]:
                raise NotImportable("the rows are not those that were exported")
        finally:
            await database.close()
        for name, path in files.items():
            shutil.copy2(source / name, path)
        options.output.done(
            f"The exchange of {source} is here, and equal in every table and object.",
            {"tables": len(contents["tables"]), "objects": len(contents["objects"])},
        )

    run(options.output, work)


def _contents(source: Path) -> dict[str, Any]:
    try:
        found = json.loads((source / CONTENTS).read_text())
    except (FileNotFoundError, ValueError) as error:
        raise NotImportable(f"{source} holds no whole export") from error
    if not isinstance(found, dict) or found.get("format") != FORMAT:
        raise NotImportable(f"{source} is no export of this version")
    return found


async def _copy(source: ObjectStore, to: ObjectStore) -> dict[str, str]:
    """SHA-256 of each object."""
    digests = {}
    async for found in source.list():
        digest = hashlib.sha256()
        async with await to.create() as writer:
            async for piece in source.read(found.name):
                digest.update(piece)
                await writer.write(piece)
            await writer.commit(found.name)
        digests[found.name] = digest.hexdigest()
    return digests
