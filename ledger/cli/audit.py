"""The auditor's command."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer
from eth_account import Account
from eth_account.messages import encode_defunct

from ledger.chain.events import Decoder
from ledger.chain.finality import final_header, parse_finality
from ledger.chain.rpc import Rpc, from_hex, to_hex
from ledger.cli.evidence import FinalityRule, TrustPath, trusted
from ledger.cli.session import Options, run
from ledger.client.service import Service
from ledger.indexer.audit.report import CODES
from ledger.proofs import canonical, tlog
from ledger.proofs.error import ProofError
from ledger.proofs.tlog import Checkpoint, LogError, Verifier

if TYPE_CHECKING:
    from ledger.indexer.audit.access import Record
    from ledger.indexer.audit.report import Report
    from ledger.indexer.audit.run import Audited, Base
    from ledger.store.database import Database

REPORT: Final = "audit.json"
LARGEST: Final = 1 << 25
"""Bytes of a bundle of 256 entries, and more."""

HELP: Final = "\n".join(
    [
        "Replays the whole history and compares it with the chain, the index and the access log.",
        "",
        "Exit codes, of the first finding:",
        "",
        *(f"- {code}: {name}: {meaning}" for name, (code, meaning) in CODES.items()),
    ]
)


class BadReport(ProofError):
    """Not a signed report without findings, or not signed by who is trusted to."""


@dataclass(frozen=True, slots=True)
class Earlier:
    """What a report from before proved: `log` is the size and root of the access log."""

    base: "Base"
    log: dict[int, bytes]


def audit_command(
    context: typer.Context,
    to: Annotated[Path, typer.Option(help="File to write; the state goes beside it.")] = Path(REPORT),
    since: Annotated[
        Path | None,
        typer.Option(exists=True, dir_okay=False, help="A signed report to go on from; default: genesis."),
    ] = None,
    signer: Annotated[
        str | None, typer.Option(help="Whose signature --since must bear; default: this account's.")
    ] = None,
    trust: TrustPath = None,
    finality: FinalityRule = "instant",
    database_url: Annotated[
        str | None,
        typer.Option("--database", envvar="SOCAI_DATABASE_URL", help="Default: the SQLite file in --data."),
    ] = None,
    without_index: Annotated[
        bool, typer.Option("--without-index", help="Leave out the service's database.")
    ] = False,
    without_log: Annotated[
        bool, typer.Option("--without-log", help="Leave out the service's access log.")
    ] = False,
    sign: Annotated[bool, typer.Option("--sign", help="Sign the report with this account.")] = False,
    pdf: Annotated[
        Path | None, typer.Option("--pdf", help="Also write it for people, with the report attached.")
    ] = None,
) -> None:
    from ledger.cli.audit_paper import paper
    from ledger.indexer.audit.run import audit
    from ledger.indexer.fetch import Source
    from ledger.pdf import pdf as printed
    from ledger.store.database import Database

    options: Options = context.obj
    if signer is not None and since is None:
        raise typer.BadParameter("--signer is of the report that --since names")

    async def work() -> int:
        manifest, believed = options.load_manifest(), trusted(options, trust)
        earlier = None if since is None else _earlier(since, signer or options.account().address)
        url = database_url or f"sqlite:///{options.data / 'socai.sqlite'}"
        database = None if without_index else Database(url)
        try:
            async with Rpc(options.rpc_url, timeout=60) as rpc:
                await manifest.check(rpc)
                final = await final_header(rpc, parse_finality(finality))
                audited = await audit(
                    rpc,
                    Source(rpc, Decoder(manifest), believed.anchor),
                    manifest,
                    believed,
                    final.number,
                    database=database,
                    since=None if earlier is None else earlier.base,
                )
                if not without_log:
                    known = {} if earlier is None else earlier.log
                    log_anchor = manifest.address("LogAnchor")
                    await _access_log(options, rpc, log_anchor, final.hash, known, audited.report, database)
        finally:
            if database is not None:
                await database.close()
        _write(audited, to, options.account if sign else None)
        if pdf is not None:
            pdf.write_bytes(printed(paper(to.read_bytes())))
        report = audited.report
        options.output.done(
            f"{to}: {_counted(len(report.findings))} as of block {report.block.number}.",
            {"findings": [f"{one.code}: {one.message}" for one in report.findings], "file": str(to)},
        )
        return report.exit_code

    if code := run(options.output, work):
        raise typer.Exit(code)


def _counted(findings: int) -> str:
    return "nothing is wrong" if not findings else "1 finding" if findings == 1 else f"{findings} findings"


def state_file(report: Path) -> Path:
    """Where the state is kept that a report names."""
    return report.with_suffix(".state.json")


def _write(audited: "Audited", to: Path, account: Callable[[], Any] | None) -> None:
    if audited.report.findings:
        audited.report.state = None
    else:
        state_file(to).write_bytes(audited.state)
    data = canonical.dumps(report := audited.report.to_json())
    if account is not None:
        by = account()
        signature = bytes(by.sign_message(encode_defunct(data)).signature)
        data = canonical.dumps({"report": report, "signer": by.address, "signature": to_hex(signature)})
    to.write_bytes(data)


def _earlier(path: Path, signer: str) -> Earlier:
    """Raises BadReport, BadCheckpoint."""
    from ledger.indexer.audit import checkpoint
    from ledger.indexer.audit.run import Base

    try:
        signed = canonical.loads(path.read_bytes())
        report, signature = signed["report"], from_hex(signed["signature"], 65)
        message = encode_defunct(canonical.dumps(report))
        if Account.recover_message(message, signature=signature).lower() != signer.lower():
            raise BadReport(f"{path} is not signed by {signer}")
        if report["state"] is None or report["findings"]:
            raise BadReport(f"{path} has findings: nothing can go on from it")
        state = checkpoint.decode(state_file(path).read_bytes(), from_hex(report["state"], 32))
        block, log = report["block"], report["access_log"]
        base = Base(block["number"], from_hex(block["hash"], 32), state)
        return Earlier(base, {} if log is None else {log["size"]: from_hex(log["root"], 32)})
    except (LookupError, TypeError, ValueError) as error:
        raise BadReport(f"{path} is no signed report: {error!r}") from error


async def _access_log(
    options: Options,
    rpc: Rpc,
    log_anchor: str,
    block_hash: bytes,
    known: dict[int, bytes],
    report: "Report",
    database: "Database | None",
) -> None:
    """The access log, all of it, against what its custodian anchored and the rows that it is of."""
    from ledger.chain.anchors import anchored  # here: it takes long to import
    from ledger.indexer.audit.access import check_log, check_records

    async with Service(options.service_url) as service:

        async def read(path: str) -> bytes:
            return await service.whole(f"/v1/log/{path}", LARGEST)

        custodian = (await service.json("GET", "/v1/exchange"))["custodian"]
        anchors = await anchored(rpc, log_anchor, custodian, block_hash)
        try:
            verifier = Verifier.parse((await read("key")).decode().strip())
            seen = Checkpoint.open(await read("checkpoint"), verifier)
            entries: list[bytes] = []
            for index, width in tlog.tiles(0, seen.size):
                entries += tlog.decode_entries(await read(tlog.tile_path(None, index, width)), width)
        except (LogError, UnicodeDecodeError) as error:
            report.found("access-log", str(error))
            return
    check_log(report, entries, seen, known | anchors)
    if database is not None:
        check_records(report, entries, *await _records(database))


async def _records(database: "Database") -> "tuple[list[bytes], list[Record]]":
    """The database's entries, and the rows that they are of, in one snapshot."""
    from ledger.indexer.audit.access import Record
    from ledger.store.access_log import AccessLog
    from ledger.store.grants import Grants
    from ledger.store.inquiries import Inquiries

    async with database.reading() as session:
        log, kept = AccessLog(session), list[bytes]()
        for index, width in tlog.tiles(0, await log.size()):
            kept += await log.entries(index, width)
        grants = [Record.of_grant(*found) for found in await Grants(session).every()]
        return kept, [*grants, *(Record.of_inquiry(*found) for found in await Inquiries(session).every())]
