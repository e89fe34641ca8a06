"""What an account sees of its own dealings: licences, sales, money; and a licence's certificate on paper."""

import io
import json
import time
from typing import Final

from msgspec.structs import replace
from pypdf import PdfReader

from ledger.chain.bindings import SettlementToken
from ledger.chain.trust import trust_file
from ledger.domain.market import DONG
from ledger.pdf import attachment
from ledger.proofs import evidence
from ledger.proofs import trust as trusts
from ledger.proofs.trust import Development
from tests.integration.api.conftest import ON_BOTH, Client, captured, indexed
from tests.integration.api.dataset import Dataset
from tests.integration.api.market import BUYER, PLAN, SELLER, Market, account
from tests.integration.api.test_grants import selling

ACCOUNT: Final = "/v1/account"


@ON_BOTH
async def test_R26_each_sees_what_it_holds_sold_and_was_paid_and_nobody_elses(
    client: Client, market: Market
) -> None:
    plan = replace(PLAN, price=1_000_003, currency=DONG)
    listed = await market.publish(market.signed_for(b"\x01" * 32, 1000, b"\x02" * 32), [plan])
    token, exchange = SettlementToken(market.manifest.address("SettlementToken")), market.contracts.exchange
    await market.send("operator", token.mint(BUYER.address, plan.price))
    await market.send("buyer", token.approve(exchange.address, plan.price))
    licence = await market.buy(listed.plans[0])
    await market.send("buyer", exchange.confirm(licence))
    ahead = int(time.time()) + 60  # as after blocks made at once, or by a validator whose clock is
    await market.rpc.request("evm_setNextBlockTimestamp", [ahead])
    await market.send("seller", exchange.withdraw(DONG))
    await indexed(client, market)
    buyer, seller = await client.sign_in(BUYER), await client.sign_in(SELLER)
    outsider = await client.sign_in(account("outsider"))

    _, held = await buyer.call("GET", f"{ACCOUNT}/licences?limit=1")
    (holding,) = held["items"]
    assert (holding["licence"]["id"], holding["listing"]) == (str(licence), str(listed.id))
    assert holding["licence"]["holder"] == BUYER.address
    behind = await buyer.call("GET", f"{ACCOUNT}/licences?cursor={held['next']}")
    assert behind[1]["items"] == []
    _, page = await seller.call("GET", f"{ACCOUNT}/sales?limit=1")
    (sale,) = page["items"]
    assert (sale["licence"]["id"], sale["buyer"]) == (str(licence), BUYER.address)
    assert sale["licence"]["order"].lower() == "settled"
    assert (await seller.call("GET", f"{ACCOUNT}/sales?cursor={page['next']}"))[1]["items"] == []

    _, statement = await seller.call("GET", f"{ACCOUNT}/statement")
    paid, taken = statement["movements"]
    assert (paid["part"], taken["part"]) == ("seller", "withdrawn")
    assert paid["amount"] == taken["amount"] == "875003"
    assert (paid["licence"], taken["licence"]) == (str(licence), None)
    assert statement["until"] == taken["time"] == ahead
    _, before = await seller.call("GET", f"{ACCOUNT}/statement?until={paid['time'] - 1}")
    assert before["movements"] == []
    async with seller.request("GET", f"{ACCOUNT}/statement?format=csv") as response:
        lines = (await response.text()).splitlines()
    assert lines[0] == "time,licence,part,currency,amount,by_bank,block,transaction"
    assert f",{licence},seller,1,{paid['amount']},no,{paid['block_number']},0x" in lines[1]
    async with seller.request("GET", f"{ACCOUNT}/statement?format=pdf") as response:
        assert response.content_type == "application/pdf"
        printed = await response.read()
    assert json.loads(attachment(printed, "statement.json"))["movements"] == statement["movements"]
    for said in ("Sao kê tài khoản", "Đã rút", str(licence)):
        assert said in _text(printed)

    for path in ("licences", "sales"):
        assert (await outsider.call("GET", f"{ACCOUNT}/{path}"))[1]["items"] == []
        assert (await client.call("GET", f"{ACCOUNT}/{path}"))[0] == 401
    assert (await outsider.call("GET", f"{ACCOUNT}/statement"))[1]["movements"] == []
    assert (await buyer.call("GET", f"{ACCOUNT}/sales"))[1]["items"] == []
    assert (await seller.call("GET", f"{ACCOUNT}/licences"))[1]["items"] == []


async def test_R18_a_licences_certificate_on_paper_carries_its_proof(client: Client, market: Market) -> None:
    sold = await selling(market, await Dataset.deposited(await client.sign_in(SELLER)))
    await captured(client, f"licences/{sold.licence}")
    async with client.request("GET", f"/v1/evidence/licences/{sold.licence}?format=pdf") as response:
        assert (response.status, response.content_type) == (200, "application/pdf")
        printed = await response.read()
    trust = trusts.read(trust_file(market.manifest, Development(), None))
    proven = evidence.verify(attachment(printed, "certificate.json"), trust, time.time())
    assert proven.claim["holder"] == BUYER.address.lower()
    text = _text(printed)
    for said in ("Chứng nhận giấy phép", str(sold.licence), BUYER.address.lower(), "socai verify"):
        assert said in text


def _text(printed: bytes) -> str:
    return "".join(page.extract_text() for page in PdfReader(io.BytesIO(printed)).pages)
