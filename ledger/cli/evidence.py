"""Certificates: got from the chain, verified by anybody, with no network."""

import re
import time
from collections.abc import Iterator, Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from eth_typing import Hash32
from eth_utils.address import is_address

from ledger.chain.capture import capture
from ledger.chain.devnet import CHAIN_ID
from ledger.chain.finality import final_header, parse_finality
from ledger.chain.rpc import MalformedAnswer, NodeError, Rpc, from_hex
from ledger.chain.trust import trust_file
from ledger.cli.session import Options, run
from ledger.client.service import Service
from ledger.domain.evidence import Subject
from ledger.indexer import exported
from ledger.paper import NoAttachment
from ledger.proofs import dossier, evidence, presentation
from ledger.proofs import trust as trusts
from ledger.proofs.canonical import Json
from ledger.proofs.presentation import Challenge
from ledger.proofs.trust import Anchor, Development, Qbft, Trust
from ledger.services import certificate_paper, dossier_paper

DEADLINE: Final = 600
"""Seconds in which a presentation is to be verified."""
LARGEST: Final = 1 << 22
"""Bytes of a certificate, and many more."""
SAID: Final[Mapping[str, str]] = {
    "licence": "licence {licence} is {status}, and {holder} holds it",
    "listing": "version {version[number]} of listing {listing} is as follows",
    "payment": "the order of licence {licence} is {order}",
    "journal": "{contract} has emitted the {entries} entries, none missing, altered or added",
}
"""What a claim comes to, by type."""
TIMES: Final = frozenset(
    {"time", "issued_at", "expires_at", "published_at", "stale_at", "frozen_until", "deadline"}
)

To = Annotated[Path | None, typer.Option(help="File to write; default: named after the claim.")]
FinalityRule = Annotated[
    str, typer.Option(envvar="SOCAI_FINALITY", help="`instant`, `depth N`, `tag finalized` or `tag safe`.")
]
TrustPath = Annotated[
    Path | None,
    typer.Option(
        envvar="SOCAI_TRUST",
        exists=True,
        dir_okay=False,
        help="Trust file; default, on a local chain only: the manifest.",
    ),
]
Nonce = Annotated[str | None, typer.Option(help="The verifier's challenge: 32 random bytes, 0x….")]
Verifier = Annotated[str | None, typer.Option(help="Who verifies, as in their challenge.")]


class Kind(StrEnum):
    """What can be certified."""

    LICENCE = "licence"
    PAYMENT = "payment"
    LISTING = "listing"
    JOURNAL = "journal"


def certificate(
    context: typer.Context,
    kind: Annotated[Kind, typer.Argument(help="What to certify.")],
    of: Annotated[str, typer.Argument(help="Number of the licence or listing; of a journal, the contract.")],
    version: Annotated[int | None, typer.Argument(help="Of the listing.")] = None,
    after: Annotated[int | None, typer.Option(help="Of a journal: block after which to begin.")] = None,
    stored: Annotated[
        bool, typer.Option("--stored", help="The newest that the service kept, instead of one of now.")
    ] = False,
    to: To = None,
    trust: TrustPath = None,
    finality: FinalityRule = "instant",
) -> None:
    """Evidence that anybody can verify, as of a final block.

    Of a licence: who holds it, to what, on which terms, how it stands. Of a payment: where the money of a
    licence went. Of a listing's version: what it is, how classified and attested. Of a journal: every event
    that a contract emitted. What the node has forgotten comes from the service, which kept it.
    """
    options: Options = context.obj
    if (version is None) is (kind is Kind.LISTING) or (after is not None and kind is not Kind.JOURNAL):
        raise typer.BadParameter(
            "a listing has a version, a journal may begin --after a block, others neither"
        )
    if kind is Kind.JOURNAL and stored:
        raise typer.BadParameter("journals are not kept: the chain has them")
    if kind is not Kind.JOURNAL and not (of.isascii() and of.isdecimal()):
        raise typer.BadParameter(f"{of} is no number of a {kind}")
    if to is not None and to.suffix == ".pdf" and kind is not Kind.LICENCE:
        raise typer.BadParameter("only a licence's certificate is printed")
    subject = None if kind is Kind.JOURNAL else Subject(kind, int(of), version or 0)

    async def work() -> None:
        believed, note = trusted(options, trust), ""
        if subject is None:
            data = await _captured(options, believed, finality, {"type": "journal", "contract": of}, after)
        elif stored:
            data = await _stored(options, believed, subject)
        else:
            try:
                data = await _captured(options, believed, finality, subject.to_json(), None)
            except NodeError as error:
                data, note = await _stored(options, believed, subject), f" The node has it no more: {error}."
        written = to or Path(f"{'-'.join([kind, of, *([] if version is None else [str(version)])])}.json")
        if written.suffix == ".pdf":
            from ledger.pdf import pdf

            written.write_bytes(pdf(certificate_paper.paper(data, options.service_url)))
        else:
            written.write_bytes(data)
        number = evidence.decode(data).claim["block"]["number"]
        options.output.done(
            f"{written} is true as of block {number}. Verify it with `socai verify`.{note}",
            {"file": str(written), "bytes": len(data), "block": number},
        )

    run(options.output, work)


def trust(
    context: typer.Context,
    to: Annotated[Path, typer.Option(help="File to write.")] = Path("trust.json"),
    validator: Annotated[
        list[str] | None, typer.Option(help="Address of a QBFT validator; once for each.")
    ] = None,
    by_contract: Annotated[
        bool, typer.Option("--validator-contract", help="A contract keeps the validators: headers list none.")
    ] = False,
    development: Annotated[bool, typer.Option("--development", help="A local chain without seals.")] = False,
    maximum_age: Annotated[
        int | None, typer.Option(help="Seconds after which a certificate counts as too old.")
    ] = None,
) -> None:
    """Writes what a verifier must know beforehand, from the manifest. Give it to them by a way they trust."""
    options: Options = context.obj
    if development == bool(validator):
        raise typer.BadParameter("name the validators, or say --development")
    if wrong := [address for address in validator or [] if not is_address(address)]:
        raise typer.BadParameter(f"{wrong[0]} is no address")
    members = frozenset(bytes.fromhex(address.removeprefix("0x")) for address in validator or [])
    anchor: Anchor = Qbft(((0, members),), not by_contract) if members else Development()

    async def work() -> None:
        manifest = options.load_manifest()
        to.write_bytes(trust_file(manifest, anchor, maximum_age))
        options.output.done(f"{to} is written.", {"anchor": str(anchor), "chain_id": manifest.chain_id})

    run(options.output, work)


def present(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="Your licence's certificate.")],
    verifier: Verifier,
    challenge: Nonce,
    to: To = None,
    trust: TrustPath = None,
) -> None:
    """Signs a verifier's challenge: shows that you hold the licence, to them and now."""
    options: Options = context.obj

    async def work() -> None:
        asked = Challenge(str(verifier), _nonce(challenge), int(time.time()) + DEADLINE)
        data = file.read_bytes()
        digest = asked.digest(data, trusted(options, trust))
        signature = bytes(options.account().unsafe_sign_hash(Hash32(digest)).signature)
        written = to or file.with_suffix(".presented.json")
        written.write_bytes(presentation.encode(data, asked, signature))
        options.output.done(f"{written} is for {verifier} alone.", {"deadline": asked.deadline})

    run(options.output, work)


def verify(
    context: typer.Context,
    file: Annotated[
        Path,
        typer.Argument(exists=True, dir_okay=False, help="Certificate, presentation, dossier or history."),
    ],
    trust: TrustPath = None,
    verifier: Verifier = None,
    challenge: Nonce = None,
) -> None:
    """Verifies a certificate, a presentation of one, a dossier or an exported history.

    Needs no network, no account.
    """
    options: Options = context.obj

    async def work() -> None:
        believed, now = trusted(options, trust), time.time()
        if exported.is_export(file):
            _complete(options, exported.verify(file, believed, now))
            return
        data = file.read_bytes()
        if file.suffix == ".pdf":
            data = _attached(data)
        if dossier.is_dossier(data):
            _verify_dossier(options, data, believed, now)
            return
        presented = presentation.is_presentation(data)
        if presented != (challenge is not None and verifier is not None):
            raise typer.BadParameter("--verifier and --challenge belong to a presentation, and only to one")
        if presented:
            proven = presentation.verify(data, believed, now, str(verifier), _nonce(challenge))
            note = " Its holder presented it, to this challenge."
        else:
            proven, note = evidence.verify(data, believed, now), ""
        facts = {"claim": proven.claim, "anchor": proven.anchor, "not_proven": list(proven.not_proven)}
        if not options.output.as_json:
            facts = {**dict(_flat(proven.claim)), "anchor": proven.anchor, "not_proven": proven.not_proven}
        options.output.done(
            f"Proven, as of block {proven.block.number} ({_utc(proven.block.time)}): "
            f"{SAID[proven.claim['type']].format_map(proven.claim)}.{note}",
            facts,
        )

    run(options.output, work)


def _attached(data: bytes) -> bytes:
    """What a PDF of ours carries as its proof."""
    from ledger.pdf import attachment

    try:
        return attachment(data, dossier_paper.ATTACHED)
    except NoAttachment:
        return attachment(data, certificate_paper.ATTACHED)


def _verify_dossier(options: Options, data: bytes, believed: Trust, now: float) -> None:
    found = dossier.verify(data, believed, now)
    licence = found.proven["licence"]
    claims = {kind: one.claim for kind, one in found.proven.items()}
    unproven = [*licence.not_proven, "what the dossier tells besides its certificates"]
    facts: dict[str, Any] = {"proven": claims, "anchor": licence.anchor, "not_proven": unproven}
    if not options.output.as_json:
        facts = {f"{kind}.{name}": value for kind in claims for name, value in _flat(claims[kind])}
        facts |= {"anchor": licence.anchor, "not_proven": unproven}
    options.output.done(
        f"The dossier of licence {found.licence}: {len(claims)} certificates are proven, the licence's as of "
        f"block {licence.block.number} ({_utc(licence.block.time)}).",
        facts,
    )


def _complete(options: Options, proven: exported.Proven) -> None:
    entries: dict[str, Any] = {"entries": dict(proven.entries)}
    facts = (entries if options.output.as_json else dict(proven.entries)) | {
        "first_block": proven.first_block,
        "block": proven.block.number,
        "anchor": proven.anchor,
        "not_proven": proven.not_proven,
    }
    options.output.done(
        f"Complete: {sum(proven.entries.values())} entries of blocks {proven.first_block} to "
        f"{proven.block.number} ({_utc(proven.block.time)}), none missing, altered or added.",
        facts,
    )


async def _captured(
    options: Options, believed: Trust, finality: str, subject: Json, after: int | None
) -> bytes:
    manifest = options.load_manifest()
    async with Rpc(options.rpc_url) as rpc:
        await manifest.check(rpc)
        block = await final_header(rpc, parse_finality(finality))
        start = await _hash_of(rpc, after) if after is not None else None
        return await capture(rpc, believed, subject, block.hash, since=manifest.block, after=start)


async def _stored(options: Options, believed: Trust, subject: Subject) -> bytes:
    """What the service kept, verified: it is not believed."""
    kind, number = f"{subject.kind}s", str(subject.id)
    path = f"{kind}/{number}/versions/{subject.version}" if subject.version else f"{kind}/{number}"
    async with Service(options.service_url) as service:
        data = await service.whole(f"/v1/evidence/{path}", LARGEST)
    claim = evidence.verify(data, believed, time.time()).claim
    wanted = subject.to_json()
    told = claim | ({"version": {"number": claim["version"]["number"]}} if subject.version else {})
    if {name: told[name] for name in wanted} != wanted:
        raise evidence.ClaimMismatch(f"the service gave a certificate of something else than {path}")
    return data


async def _hash_of(rpc: Rpc, number: int) -> bytes:
    block = await rpc.request("eth_getBlockByNumber", [hex(number), False])
    if not isinstance(block, dict):
        raise MalformedAnswer(f"the node has no block {number}")
    return from_hex(block.get("hash"), 32)


def trusted(options: Options, path: Path | None) -> Trust:
    """Raises BadTrust; BadParameter for no file where the chain is not the local one."""
    if path is not None:
        return trusts.read(path.read_bytes())
    manifest = options.load_manifest()
    if manifest.chain_id != CHAIN_ID:
        raise typer.BadParameter("--trust is needed: only the local chain is believed on its manifest's word")
    return trusts.read(trust_file(manifest, Development(), None))


def _nonce(text: str | None) -> bytes:
    if text is None or not re.fullmatch("0x[0-9a-fA-F]{64}", text):
        raise typer.BadParameter("--challenge is 0x and 64 hexadecimal digits")
    return bytes.fromhex(text[2:])


def _flat(value: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, inner in value.items():
        if isinstance(inner, Mapping):
            yield from _flat(inner, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", _shown(name, inner)


def _shown(name: str, value: Any) -> Any:
    if value is None:
        return "-"
    if isinstance(value, bool) or not isinstance(value, int):
        return value
    return _utc(value) if name in TIMES else str(value)


def _utc(seconds: int) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(seconds))
