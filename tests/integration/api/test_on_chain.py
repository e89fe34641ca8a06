"""The service over a real chain: what it grants, denies and shows is what the contracts say."""

from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest

from ledger.chain.devnet import dev_accounts
from ledger.client import Client as Participant
from ledger.client import Refused
from ledger.domain.market import Kind
from tests.integration.api.conftest import Client, indexed
from tests.integration.api.market import CLASSIFICATION, PLAN, Market
from tests.integration.node import Node

DATASET = b"province,population\n" * 100_000


class Exchange:
    """A deployed exchange and its service."""

    def __init__(self, folder: Path, market: Market, node: Node, client: Client) -> None:
        self.folder, self.market, self.node, self.client = folder, market, node, client

    def acting(self, name: str) -> AbstractAsyncContextManager[Participant]:
        return self.market.acting(name, self.client.origin, self.folder)


@pytest.fixture
def exchange(tmp_path: Path, market: Market, node: Node, client: Client) -> Exchange:
    return Exchange(tmp_path, market, node, client)


async def test_a_sale_and_its_revocation(exchange: Exchange, tmp_path: Path) -> None:
    anybody = exchange.client
    file = tmp_path / "provinces.csv"
    file.write_bytes(DATASET)
    metadata = {"@type": "dcat:Dataset", "dct:title": "Tỉnh thành"}
    async with exchange.acting("outsider") as outsider:
        with pytest.raises(Refused) as refused:
            await outsider.publish(
                file, metadata=metadata, media_type="text/csv", classification=CLASSIFICATION, plans=[PLAN]
            )
        assert refused.value.code == "seller-ineligible"
    async with exchange.acting("seller") as seller:
        published = await seller.publish(
            file, metadata=metadata, media_type="text/csv", classification=CLASSIFICATION, plans=[PLAN]
        )
    async with exchange.acting("reviewer") as reviewer:
        for kind in (Kind.LEGAL, Kind.SECURITY, Kind.QUALITY):
            await reviewer.attest(published.listing, 1, kind, b"\x03" * 32)

    await indexed(anybody, exchange.market)
    status, page = await anybody.call("GET", "/v1/listings?limit=1")
    assert (status, page["next"]) == (200, str(published.listing))
    (item,) = page["items"]
    assert item["newest"]["root"] == f"0x{published.payload.root.hex()}"
    assert item["holder"] == dev_accounts()["seller"].address
    assert [found["id"] for found in item["plans"]] == [str(published.plans[0])]
    status, rest = await anybody.call("GET", f"/v1/listings?cursor={page['next']}")
    assert (status, rest["items"], rest["next"]) == (200, [], None)
    assert item["title"] == "Tỉnh thành"
    of_chain = (await anybody.call("GET", f"/v1/listings/{published.listing}"))[1]["listing"]
    assert of_chain.items() <= item.items()
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

        exchange.node.down = True
        with pytest.raises(Refused) as refused:
            await buyer.service.json(
                "POST",
                f"/v1/licences/{bought.licence}/grants",
                {"public_key": "0x002000010002" + "09" + "00" * 31, "purpose": "use"},
            )
        assert refused.value.code == "node-unreachable"
