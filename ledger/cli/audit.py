"""The auditor's command."""

import json
from pathlib import Path
from typing import Annotated, Final

import typer
from eth_account.messages import encode_defunct

from ledger.chain.anchors import anchored
from ledger.chain.finality import final_header, parse_finality
from ledger.chain.rpc import Rpc, to_hex
from ledger.cli.evidence import FinalityRule, TrustPath, trusted
from ledger.cli.session import UNTRUE, Options, run
from ledger.client.service import Service
from ledger.indexer.audit import Finding, audit
from ledger.proofs import canonical, tlog
from ledger.proofs.canonical import Json
from ledger.proofs.tlog import Checkpoint, LogError, Verifier, fsck

REPORT: Final = "audit.json"
LARGEST: Final = 1 << 25
"""Bytes of a bundle of 256 entries, and more."""


def audit_command(
    context: typer.Context,
    to: Annotated[Path, typer.Option(help="File to write.")] = Path(REPORT),
    trust: TrustPath = None,
    finality: FinalityRule = "instant",
    without_log: Annotated[
        bool, typer.Option("--without-log", help="Leave out the service's access log.")
    ] = False,
    sign: Annotated[bool, typer.Option("--sign", help="Sign the report with this account.")] = False,
) -> None:
    """Replays the whole history, compares it with the chain, checks the access log; 4 if it finds any."""
    options: Options = context.obj

    async def work() -> bool:
        manifest, believed = options.load_manifest(), trusted(options, trust)
        async with Rpc(options.rpc_url, timeout=60) as rpc:
            await manifest.check(rpc)
            block = await final_header(rpc, parse_finality(finality))
            report = (await audit(rpc, manifest, believed, block.hash)).to_json()
            if not without_log:
                log_anchor = manifest.address("LogAnchor")
                report["access_log"] = await _log(options, rpc, log_anchor, block.hash, report["findings"])
        data = canonical.dumps(report)
        if sign:
            account = options.account()
            signature = bytes(account.sign_message(encode_defunct(data)).signature)
            data = canonical.dumps(
                {"report": report, "signer": account.address, "signature": to_hex(signature)}
            )
        to.write_bytes(data)
        found = report["findings"]
        options.output.done(
            f"{to}: {len(found)} finding(s) as of block {block.number}.",
            {"findings": [f"{one['code']}: {one['message']}" for one in found], "file": str(to)},
        )
        return bool(found)

    if run(options.output, work):
        raise typer.Exit(UNTRUE)


async def _log(options: Options, rpc: Rpc, log_anchor: str, block_hash: bytes, findings: list[Json]) -> Json:
    """The access log, all of it, against what its custodian anchored."""
    async with Service(options.service_url) as service:

        async def read(path: str) -> bytes:
            return await service.whole(f"/v1/log/{path}", LARGEST)

        custodian = (await service.json("GET", "/v1/exchange"))["custodian"]
        known = await anchored(rpc, log_anchor, custodian, block_hash)
        try:
            verifier = Verifier.parse((await read("key")).decode().strip())
            checkpoint = Checkpoint.open(await read("checkpoint"), verifier)
            entries: list[bytes] = []
            for index, width in tlog.tiles(0, checkpoint.size):
                entries += tlog.decode_entries(await read(tlog.tile_path(None, index, width)), width)
            fsck(entries, checkpoint, known)
        except (LogError, UnicodeDecodeError) as error:
            found = Finding("access-log", str(error))
            findings.append({"code": found.code, "message": found.message})
            return None
    kinds = [json.loads(entry)["kind"] for entry in entries]
    return {
        "size": checkpoint.size,
        "root": to_hex(checkpoint.root),
        "anchors": len(known),
        "kinds": {kind: kinds.count(kind) for kind in sorted(set(kinds))},
    }
