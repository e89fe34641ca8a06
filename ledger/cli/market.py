"""What participants do."""

import time
from enum import IntFlag, StrEnum
from pathlib import Path
from typing import Annotated

import typer
from eth_utils.crypto import keccak

from ledger.chain.bindings import structs
from ledger.cli.session import Options, run
from ledger.domain.ids import plan_id
from ledger.domain.market import DONG, NEVER, Kind, Role

DAY = 86_400

LicenceId = Annotated[int, typer.Argument(help="Token id of the licence.")]


class MarketRole(StrEnum):
    seller = "seller"
    buyer = "buyer"


class ReviewKind(StrEnum):
    legal = "legal"
    security = "security"
    quality = "quality"


def digest(text: str) -> bytes:
    """A 32-byte hash given as 0x…, else the hash of the text."""
    if text.startswith("0x") and len(text) == 66:
        return bytes.fromhex(text[2:])
    return keccak(text=text)


def names(flags: IntFlag) -> str:
    """The bits that are set, for people."""
    return ", ".join(flag.name.lower() for flag in type(flags) if flag in flags and flag.name) or "none"


def accredit(
    context: typer.Context,
    account: Annotated[str, typer.Argument(help="Address of the participant.")],
    role: Annotated[list[MarketRole], typer.Option(help="Repeat for both.")],
    credential: Annotated[str, typer.Option(help="Salted hash of the identity documents (0x…).")],
    jurisdiction: Annotated[str, typer.Option(help="ISO 3166-1 alpha-2.")] = "VN",
    public_body: Annotated[bool, typer.Option(help="A state body.")] = False,
    days: Annotated[int, typer.Option(min=1, help="How long the accreditation lasts.")] = 365,
) -> None:
    """Accredits a seller or buyer (operator)."""
    options: Options = context.obj
    roles = Role(0)
    for name in role:
        roles |= Role[name.value.upper()]
    until = int(time.time()) + days * DAY

    async def work() -> None:
        async with options.client() as client:
            receipt = await client.accredit(
                account,
                roles,
                jurisdiction=jurisdiction,
                public_body=public_body,
                valid_until=until,
                credential=digest(credential),
            )
        options.output.done(
            f"{account} is accredited as {' and '.join(name.value for name in role)}.",
            {"transaction": receipt.transaction_hash, "block": receipt.block_number, "valid_until": until},
        )

    run(options.output, work)


def mint(
    context: typer.Context,
    account: Annotated[str, typer.Argument(help="Who receives it.")],
    amount: Annotated[int, typer.Argument(min=1, help="đồng.")],
) -> None:
    """Creates pilot money (operator; local chains and pilots only)."""
    options: Options = context.obj

    async def work() -> None:
        async with options.client() as client:
            receipt = await client.mint(account, amount)
        options.output.done(f"{account} received {amount:,} đồng.", {"transaction": receipt.transaction_hash})

    run(options.output, work)


def attest(
    context: typer.Context,
    listing: Annotated[int, typer.Argument(help="The listing.")],
    evidence: Annotated[str, typer.Option(help="The review, or its hash (0x…).")],
    kind: Annotated[ReviewKind, typer.Option()] = ReviewKind.legal,
    version: Annotated[int, typer.Option(min=1)] = 1,
    epoch: Annotated[
        int, typer.Option(min=0, help="How often the listing was reclassified before the review.")
    ] = 0,
) -> None:
    """Records a review of a listing version (reviewer)."""
    options: Options = context.obj

    async def work() -> None:
        async with options.client() as client:
            receipt = await client.attest(listing, version, Kind[kind.name.upper()], digest(evidence), epoch)
        options.output.done(
            f"Version {version} of listing {listing} is attested ({kind.value}).",
            {"transaction": receipt.transaction_hash, "block": receipt.block_number},
        )

    run(options.output, work)


def buy(
    context: typer.Context,
    plan: Annotated[int, typer.Argument(help="The plan.")],
    version: Annotated[int | None, typer.Option(min=1, help="The newest unless named.")] = None,
    again: Annotated[bool, typer.Option(help="Buy although a licence of this plan is held.")] = False,
) -> None:
    """Buys a licence: one signature, one transaction (buyer)."""
    options: Options = context.obj

    async def work() -> None:
        async with options.client() as client:
            bought = await client.buy(plan, version, again=again)
        options.output.done(
            f"Licence {bought.licence} is yours. {bought.price:,} đồng wait in escrow until you confirm.",
            {
                "licence": bought.licence,
                "price": bought.price,
                "fee_basis_points": bought.fee_bps,
                "tax_basis_points": bought.tax_bps,
                "dispute_until": bought.deadline,
                "transaction": bought.receipt.transaction_hash,
                "gas": bought.receipt.gas_used,
            },
        )

    run(options.output, work)


def fetch(
    context: typer.Context,
    licence: LicenceId,
    to: Annotated[Path, typer.Option(help="File to write; appears only when all of it is verified.")],
    purpose: Annotated[str, typer.Option(help="Recorded with the key release.")] = "use",
) -> None:
    """Is released the key if the chain says so, downloads, verifies and decrypts (buyer)."""
    options: Options = context.obj

    async def work() -> None:
        async with options.client() as client:
            size = (await client.licence(licence)).entitlement.size
            with options.output.progress(f"Receiving {to.name}", size) as progress:
                fetched = await client.fetch(licence, to, purpose=purpose, progress=progress)
        options.output.done(
            f"{to} is what was listed, byte for byte.",
            {
                "sha256": fetched.sha256.hex(),
                "root": fetched.root,
                "decided_at_block": fetched.block_number,
                "block_hash": fetched.block_hash,
            },
        )

    run(options.output, work)


def confirm(context: typer.Context, licence: LicenceId) -> None:
    """Accepts delivery: the money is split (buyer)."""
    options: Options = context.obj

    async def work() -> None:
        async with options.client() as client:
            shares = await client.confirm(licence)
        total = sum(share.amount for share in shares)
        options.output.shares([(s.part.name.lower(), s.account, s.amount) for s in shares], total)
        options.output.done(
            f"Delivery of licence {licence} is accepted.",
            {
                "split": {share.part.name.lower(): share.amount for share in shares},
                "sum": total,
            },
        )

    run(options.output, work)


def withdraw(
    context: typer.Context, currency: Annotated[int, typer.Option(help="1 is the đồng token.")] = DONG
) -> None:
    """Takes out all that the account is owed."""
    options: Options = context.obj

    async def work() -> None:
        async with options.client() as client:
            amount = await client.withdraw(currency)
        options.output.done(f"{amount:,} đồng withdrawn.", {"amount": amount})

    run(options.output, work)


def suspend(
    context: typer.Context,
    account: Annotated[str, typer.Argument(help="Address of the participant.")],
    reason: Annotated[str, typer.Option(help="The decision, or its hash (0x…).")],
    days: Annotated[int, typer.Option(min=1, max=180)] = 30,
) -> None:
    """Suspends a participant (supervisor)."""
    options: Options = context.obj
    until = int(time.time()) + days * DAY

    async def work() -> None:
        async with options.client() as client:
            receipt = await client.suspend(account, until, digest(reason))
        options.output.done(
            f"{account} is suspended.", {"until": until, "transaction": receipt.transaction_hash}
        )

    run(options.output, work)


def licence_show(context: typer.Context, licence: LicenceId) -> None:
    """Shows a licence as the chain has it."""
    options: Options = context.obj

    async def work() -> None:
        async with options.client() as client:
            state = await client.licence(licence)
        record, entitlement = state.licence, state.entitlement
        options.output.done(
            f"Licence {licence} of listing {entitlement.listing}, version {record.version}",
            {
                "holder": state.holder,
                "status": record.status.name.lower(),
                "order": record.order.name.lower(),
                "key_release": "granted"
                if entitlement.denial is structs.Denial.GRANTED
                else f"denied: {entitlement.denial.name.lower()}",
                "price": state.plan.price,
                "expires": "never" if record.expires_at == NEVER else record.expires_at,
                "rule_pack": record.pack,
                "root": entitlement.root,
            },
        )

    run(options.output, work)


def licence_revoke(
    context: typer.Context,
    licence: LicenceId,
    reason: Annotated[str, typer.Option(help="The decision, or its hash (0x…).")],
) -> None:
    """Revokes a licence: no key from the next block on (supervisor)."""
    options: Options = context.obj

    async def work() -> None:
        async with options.client() as client:
            receipt = await client.revoke(licence, digest(reason))
        options.output.done(f"Licence {licence} is revoked.", {"transaction": receipt.transaction_hash})

    run(options.output, work)


def listing_show(
    context: typer.Context, listing: Annotated[int, typer.Argument(help="The listing.")]
) -> None:
    """Shows a listing as the chain has it."""
    options: Options = context.obj

    async def work() -> None:
        async with options.client() as client:
            listings = client.contracts.listings
            record = await client.read(listings.listing(listing))
            version = await client.read(listings.version(listing, record.versions))
            standing = Kind(await client.read(listings.attestations(listing, record.versions)))
            holder = await client.read(listings.holder_of(listing))
            plans = [
                await client.read(listings.plan(plan_id(listing, index))) for index in range(record.plans)
            ]
        options.output.done(
            f"Listing {listing}, {record.versions} version(s)",
            {
                "seller": holder,
                "importance": record.class_.importance.name.lower(),
                "sharing": record.class_.sharing.name.lower(),
                "attested": names(standing),
                "required": names(Kind(record.required)),
                "for_sale": not record.delisted and standing & record.required == record.required,
                "root": version.root,
                "ciphertext_bytes": version.size,
                "plans": [
                    f"{listing << 16 | i}: {p.price:,} đồng, {p.sold} sold" for i, p in enumerate(plans)
                ],
            },
        )

    run(options.output, work)


def status(context: typer.Context) -> None:
    """Shows the exchange, and what this account is and has."""
    options: Options = context.obj

    async def work() -> None:
        async with options.client() as client:
            info = await client.service.json("GET", "/v1/exchange")
            mine = client.account.address
            participant = await client.read(client.contracts.participants.participant(mine))
            balance = await client.read(client.contracts.token.balance_of(mine))
            owed = await client.read(client.contracts.exchange.owed(DONG, mine))
            licences = await client.licences()
        options.output.done(
            f"Exchange on chain {client.manifest.chain_id}, deployed at block {client.manifest.block}",
            {
                "service": client.service.url,
                "service_version": info["version"],
                "account": mine,
                "roles": names(Role(participant.roles)),
                "balance": balance,
                "owed": owed,
                "licences": licences,
            },
        )

    run(options.output, work)
