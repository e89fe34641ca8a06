"""From the catalogue to a dataset's page, its proof, what it was made of and what was made of it."""

import time
from pathlib import Path

import pytest
from eth_utils.crypto import keccak
from playwright.sync_api import Page, expect

from ledger.chain.bindings import structs
from ledger.chain.devnet import dev_accounts
from ledger.cli.sell import dcat
from ledger.client.client import Client
from ledger.domain.ids import plan_id
from ledger.domain.market import DONG, NO_LIMIT, Role
from tests.browser.acts import connect
from tests.browser.conftest import Listed, acting, publish, run
from tests.browser.test_seller import describe
from tests.browser.wallet import Wallet, decoded
from tests.e2e.conftest import Local

DERIVABLE = 2
ROYALTY = 250
"""Basis points."""


@pytest.fixture(scope="module")
def source(market: Local, tmp_path_factory: pytest.TempPathFactory) -> Listed:
    """A dataset with a sample, that others may derive from under its second plan."""
    path = tmp_path_factory.mktemp("source") / "rows.csv"
    path.write_bytes(b"station,rain\n1,20\n")
    metadata = dcat("Lượng mưa theo trạm", "Trạm khí tượng", "text/csv", 18) | {"adms:sample": "station,rain"}
    listing, _ = run(publish(market, path, metadata))
    draft = structs.PlanDraft(
        500, DONG, 0, NO_LIMIT, 0, DERIVABLE, ROYALTY, "0x" + "00" * 20, keccak(b"terms")
    )

    async def add() -> int:
        async with acting(market, "seller") as seller:
            await seller.send(seller.contracts.listings.add_plan(listing, draft))
        return plan_id(listing, 1)

    return Listed(listing, run(add()), path.read_bytes())


@pytest.fixture(scope="module")
def derivable(market: Local, source: Listed) -> int:
    """The licence of another seller to derive from it."""
    other = dev_accounts()["seller2"].address

    async def prepare(operator: Client) -> None:
        terms = {"jurisdiction": "VN", "public_body": False, "valid_until": int(time.time()) + 86_400}
        await operator.accredit(
            other, Role.SELLER | Role.BUYER, **terms, credential=keccak(b"salted papers of another")
        )
        await operator.mint(other, 1_000_000)

    async def bought() -> int:
        async with acting(market, "operator") as operator:
            await prepare(operator)
        async with acting(market, "seller2") as seller2:
            licence = (await seller2.buy(source.plan)).licence
            await seller2.confirm(licence)
            return licence

    return run(bought())


def test_R02_the_catalogue_is_searched_and_narrowed_down_by_every_facet(page: Page, source: Listed) -> None:
    page.goto("/")
    cards = page.locator("ul.cards")
    link = cards.get_by_role("link", name="Lượng mưa theo trạm")
    expect(link).to_be_visible()
    page.get_by_role("searchbox").fill("khong co gi nhu the")
    expect(page.get_by_text("Không có mục nào khớp")).to_be_visible()
    page.get_by_role("searchbox").fill("luong mua")  # whoever types without diacritics finds too
    expect(cards.get_by_role("listitem")).to_have_count(1)
    seller = dev_accounts()["seller"].address.lower()
    for label, value in (
        ("Mức quan trọng", "other"),
        ("Mức chia sẻ", "shared"),
        ("Đối tượng", "locations"),
        ("Cách tính giá", "fixed"),
        ("Quyền", "derivable"),
        ("Độ mới", "fresh"),
        ("Bên bán", seller),
    ):
        page.get_by_label(label).select_option(value)
        expect(cards).to_have_attribute("aria-busy", "false")
        expect(link).to_be_visible()
        assert value in page.url
    page.reload()  # the address keeps what was chosen
    expect(page.get_by_label("Bên bán")).to_have_value(seller)
    expect(link).to_be_visible()
    link.click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Lượng mưa theo trạm")
    page.get_by_role("link", name="mọi dữ liệu của bên bán này").click()
    expect(page.get_by_label("Bên bán")).to_have_value(seller)
    expect(link).to_be_visible()


def test_R02_R18_a_dataset_s_page_has_all_of_it_and_its_proof(
    page: Page, market: Local, source: Listed, tmp_path: Path
) -> None:
    page.goto(f"/#/listings/{source.listing}")
    expect(page.get_by_role("cell", name="Phiên bản 1")).to_be_visible()
    plans = page.get_by_role("group", name="Các gói bán").get_by_role("row")
    expect(plans.filter(has_text="được tạo dữ liệu mới")).to_contain_text("500 ₫")
    expect(page.locator("pre")).to_have_text("station,rain")
    prices = page.get_by_role("group", name="Lịch sử giá").get_by_role("row")
    expect(prices.filter(has_text="thêm gói")).to_have_count(2)
    attested = page.get_by_role("group", name="Thẩm định").get_by_role("row").filter(has_text="pháp lý")
    expect(attested).to_contain_text("0x" + keccak(b"looked through").hex())
    with page.expect_download() as saving:
        page.get_by_role("link", name="Tải bằng chứng của phiên bản này").click()
    proof = tmp_path / "listing.json"
    saving.value.save_as(proof)
    claim = market("verify", proof).facts["claim"]
    assert (claim["listing"], claim["version"]["number"]) == (str(source.listing), 1)


def test_R06_what_is_derived_names_its_source_and_is_named_by_it(
    page: Page, wallet: Wallet, source: Listed, derivable: int, tmp_path: Path
) -> None:
    path = tmp_path / "made.csv"
    path.write_bytes(b"region,rain\nnorth,20\n")
    wallet.name = "seller2"
    connect(page)
    describe(page, path, columns=False, upstream=derivable)
    expect(page.get_by_role("main")).to_contain_text(f"{derivable}: 5 %")
    page.get_by_role("button", name="Mã hóa, gửi và niêm yết").click()
    page.get_by_role("dialog").get_by_role("button", name="Ký trong ví").click()
    expect(page.get_by_text("Dữ liệu chỉ bán được khi đã đủ thẩm định")).to_be_visible()
    ((transaction,),) = wallet.of("eth_sendTransaction")
    _, arguments = decoded(transaction)
    assert (arguments["upstreams_[0].licence"], arguments["upstreams_[0].shareBps"]) == (derivable, 500)
    page.get_by_role("link", name="Mở trang dữ liệu").click()
    page.get_by_role("link", name=f"Dữ liệu số {source.listing} (giấy phép {derivable}), chia 5%").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Lượng mưa theo trạm")
    page.get_by_role("link", name="được tạo từ đây").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Dân số các xã")
