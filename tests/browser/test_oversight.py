"""A supervisor's console: what happened, how it stood, and a measure that is signed as it is said."""

from playwright.sync_api import Page, expect

from tests.browser.conftest import Listed
from tests.browser.test_buyer import connect, plain, said
from tests.browser.wallet import Wallet, decoded
from tests.e2e.conftest import Local


def enter(page: Page, wallet: Wallet, path: str) -> None:
    wallet.name = "supervisor"
    connect(page)
    page.goto(path)
    page.get_by_role("button", name="Đăng nhập bằng ví").click()
    expect(page.get_by_role("searchbox")).to_be_visible()


def test_R03_one_search_box_leads_to_a_licence_s_history_and_state(
    page: Page, wallet: Wallet, market: Local, listed: Listed
) -> None:
    licence = market("buy", listed.plan, "--again").facts["licence"]
    enter(page, wallet, "/#/oversight")
    expect(page.get_by_role("row").filter(has_text="Purchased").first).to_be_visible()
    page.get_by_role("searchbox").fill("nothing <at all>")
    page.get_by_role("button", name="Tìm").click()
    expect(page.get_by_text("Không nhận ra điều cần tìm")).to_be_visible()
    page.get_by_role("searchbox").fill(str(licence))
    page.get_by_role("button", name="Tìm").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text(str(licence))
    bought = page.get_by_role("row").filter(has_text="Purchased")
    expect(bought).to_have_count(1)
    expect(bought).to_contain_text("1.000.003 ₫")
    with page.expect_download() as download:
        page.get_by_role("button", name="Tải mọi mục đang lọc (CSV)").click()
    assert "Purchased" in download.value.path().read_text()


def test_R19_a_licence_is_revoked_with_a_reason_through_the_wallet(
    page: Page, wallet: Wallet, market: Local, listed: Listed
) -> None:
    licence = market("buy", listed.plan, "--again").facts["licence"]
    enter(page, wallet, f"/#/oversight/licences/{licence}")
    page.get_by_label("Lý do").fill("Quyết định 12/2026")
    page.get_by_role("button", name="Thu hồi giấy phép").click()
    desk = page.get_by_role("dialog")
    assert said(desk.locator("dl.facts").first)["Giấy phép"] == str(licence)
    desk.get_by_text("Nội dung sẽ ký").click()
    call = said(desk.locator("[data-signed=call]"))
    desk.get_by_role("button", name="Ký trong ví").click()
    expect(page.get_by_role("row").filter(has_text="Revoked").first).to_be_visible()
    ((transaction,),) = wallet.of("eth_sendTransaction")
    function, arguments = decoded(transaction)
    assert call.pop("Hàm") == function == "revoke"
    call.pop("Hợp đồng")
    assert plain(arguments) == plain(call)
    assert market("fetch", licence, "--to", "/dev/null").code == 1


def test_R21_figures_are_drawn_with_a_table_beside_them(
    page: Page, wallet: Wallet, market: Local, listed: Listed
) -> None:
    market("buy", listed.plan, "--again")
    enter(page, wallet, "/#/oversight/figures")
    expect(page.locator("canvas")).to_have_count(3)
    value = page.get_by_role("region", name="Giá trị")
    expect(value.get_by_role("row").last).to_contain_text("₫")
    with page.expect_download() as download:
        page.get_by_role("button", name="Tải số liệu (CSV)").first.click()
    assert download.value.path().read_text().startswith("date,")
