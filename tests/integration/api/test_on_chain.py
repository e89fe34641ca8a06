"""The service over a real chain: what it grants, denies and shows is what the contracts say."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from eth_account import Account
from pydantic import SecretStr

from api.settings import Settings
from ledger.chain.bindings import structs
from ledger.chain.deploy import Constitution, deploy
from ledger.chain.devnet import CHAIN_ID, Devnet, dev_accounts
from ledger.chain.manifest import Manifest
from ledger.chain.rpc import Rpc
from ledger.client import Client as Participant
from ledger.client import Refused
from ledger.domain.market import DONG, NO_LIMIT, Kind, Role
from tests.integration.api.conftest import PASSPHRASE, Chain, Client, open_keys, running

DAY = 86_400
DATASET = b"province,population\n" * 100_000


class Exchange:
    """A deployed exchange and its service."""

    def __init__(self, folder: Path, manifest: Manifest, chain: Devnet, client: Client) -> None:
        self.folder, self.manifest, self.chain, self.client = folder, manifest, chain, client

    @asynccontextmanager
    async def acting(self, name: str) -> AsyncIterator[Participant]:
        async with Participant.open(
            service_url=self.client.origin,
            rpc_url=self.chain.url,
            manifest=self.manifest,
            account=Account.from_key(dev_accounts()[name].key),
            folder=self.folder / "clients",
        ) as participant:
            yield participant

    async def accredit(self, name: str, role: Role) -> None:
        async with self.acting("operator") as operator:
            await operator.accredit(
                dev_accounts()[name].address,
                role,
                jurisdiction="VN",
                public_body=False,
                valid_until=int(time.time()) + DAY,
                credential=b"\x01" * 32,
            )


@pytest.fixture
async def exchange(tmp_path: Path) -> AsyncIterator[Exchange]:
    settings = Settings(data=tmp_path, passphrase=SecretStr(PASSPHRASE))
    known = {name: account.address for name, account in dev_accounts().items()}
    constitution = Constitution(
        operator=known["operator"],
        governor=known["governor"],
        guardian=known["guardian"],
        treasury=known["treasury"],
        tax_authority=known["tax"],
        oversight={
            Role.REVIEWER: known["reviewer"],
            Role.CUSTODIAN: open_keys(settings).custodian().address,
            Role.SUPERVISOR: known["supervisor"],
        },
        valid_until=int(time.time()) + DAY,
    )
    async with Devnet(tmp_path / "chain", port=18645) as chain:
        async with Rpc(chain.url) as rpc:
            manifest = await deploy(rpc, CHAIN_ID, constitution, tmp_path / "deployment.json")
        manifest.save(tmp_path / "manifest.json")
        settings = settings.model_copy(update={"rpc_url": chain.url})
        async with running(settings, Chain(), real=True) as client:
            yield Exchange(tmp_path, manifest, chain, client)


async def test_a_sale_and_its_revocation(exchange: Exchange, tmp_path: Path) -> None:
    anybody = exchange.client
    file = tmp_path / "provinces.csv"
    file.write_bytes(DATASET)
    plan = structs.PlanDraft(
        price=0,
        currency=DONG,
        duration=0,
        cap=NO_LIMIT,
        quota=0,
        flags=0,
        royalty_bps=0,
        only_buyer=f"0x{'0' * 40}",
        terms=b"\x02" * 32,
    )
    classification = structs.Classification(
        structs.Importance.OTHER,
        structs.Sharing.OPEN,
        structs.Subject.LOCATIONS,
        structs.PersonalData.NONE,
    )
    metadata = {"@type": "dcat:Dataset", "dct:title": "Tỉnh thành"}
    async with exchange.acting("seller") as seller:
        with pytest.raises(Refused) as refused:
            await seller.publish(
                file, metadata=metadata, media_type="text/csv", classification=classification, plans=[plan]
            )
        assert refused.value.code == "seller-ineligible"
        await exchange.accredit("seller", Role.SELLER)
        await exchange.accredit("buyer", Role.BUYER)
        published = await seller.publish(
            file, metadata=metadata, media_type="text/csv", classification=classification, plans=[plan]
        )
    async with exchange.acting("reviewer") as reviewer:
        for kind in (Kind.LEGAL, Kind.SECURITY, Kind.QUALITY):
            await reviewer.attest(published.listing, 1, kind, b"\x03" * 32)

    status, page = await anybody.call("GET", "/v1/listings?limit=1")
    assert (status, page["next"]) == (200, str(published.listing))
    (item,) = page["items"]
    assert item["newest"]["root"] == f"0x{published.payload.root.hex()}"
    assert item["holder"] == dev_accounts()["seller"].address
    assert [found["id"] for found in item["plans"]] == [str(published.plans[0])]
    status, rest = await anybody.call("GET", f"/v1/listings?cursor={page['next']}")
    assert (status, rest["items"], rest["next"]) == (200, [], None)
    assert (await anybody.call("GET", f"/v1/listings/{published.listing}"))[1]["listing"] == item
    status, answer = await anybody.call("GET", f"/v1/listings/{published.listing}/versions/1")
    assert (status, answer["version"]) == (200, item["newest"])
    for missing in (f"/v1/listings/{published.listing}/versions/2", "/v1/listings/99", "/v1/licences/99"):
        assert (await anybody.call("GET", missing))[0] == 404
    assert (await anybody.call("GET", f"/v1/metadata/{item['newest']['metadata']}"))[1] == metadata

    async with exchange.acting("buyer") as buyer:
        bought = await buyer.buy(published.plans[0])
        status, answer = await anybody.call("GET", f"/v1/licences/{bought.licence}")
        assert (status, answer["licence"]["holder"]) == (200, dev_accounts()["buyer"].address)
        assert answer["licence"]["status"] == "Active"
        fetched = await buyer.fetch(bought.licence, tmp_path / "fetched.csv")
        assert (tmp_path / "fetched.csv").read_bytes() == DATASET
        assert fetched.root == published.payload.root

        async with exchange.acting("outsider") as outsider:
            with pytest.raises(Refused) as refused:
                await outsider.fetch(bought.licence, tmp_path / "stolen.csv")
        assert (refused.value.code, refused.value.extra["reason"]) == ("denied", "NotHolder")

        async with exchange.acting("supervisor") as supervisor:
            receipt = await supervisor.revoke(bought.licence, b"\x04" * 32)
        with pytest.raises(Refused) as refused:
            await buyer.fetch(bought.licence, tmp_path / "again.csv")
        assert (refused.value.code, refused.value.extra["reason"]) == ("denied", "Revoked")
        assert refused.value.extra["block_number"] == receipt.block_number

        await exchange.chain.stop()
        with pytest.raises(Refused) as refused:
            await buyer.service.json(
                "POST",
                f"/v1/licences/{bought.licence}/grants",
                {"public_key": "0x002000010002" + "09" + "00" * 31, "purpose": "use"},
            )
        assert refused.value.code == "node-unreachable"
