"""A supervisor's console: what happened, how it stood, and a measure that is signed as it is said."""

import time
from pathlib import Path

import pytest
from eth_account import Account
from eth_utils.crypto import keccak
from playwright.sync_api import Page, expect

from ledger.chain.manifest import Manifest
from ledger.chain.sender import CallReverted
from ledger.chain.trust import trust_of
from ledger.domain.market import Role
from ledger.indexer import exported
from ledger.pdf import attachment
from ledger.proofs.dossier import verify
from ledger.services.dossier_paper import ATTACHED
from tests.browser.conftest import Listed, acting, buy, run
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
    licence = buy(market, listed.plan).licence
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


def test_R03_how_a_licence_stood_at_an_earlier_block(
    page: Page, wallet: Wallet, market: Local, listed: Listed
) -> None:
    bought = buy(market, listed.plan)

    async def revoked() -> None:
        async with acting(market, "supervisor") as supervisor:
            await supervisor.revoke(bought.licence, keccak(b"decision 14/2026"))

    run(revoked())
    enter(page, wallet, f"/#/oversight/licences/{bought.licence}")
    facts = page.locator("dl.facts").first
    expect(facts).to_contain_text("đã thu hồi")
    block = bought.receipt.block_number
    page.get_by_label("Tại khối").fill(str(block))
    page.get_by_label("Tại khối").press("Enter")
    expect(page.get_by_text(f"Tính tới khối {block};")).to_be_visible()
    expect(facts).to_contain_text("có hiệu lực")
    expect(facts).not_to_contain_text("đã thu hồi")


def test_R03_what_happens_appears_without_asking(
    page: Page, wallet: Wallet, market: Local, listed: Listed
) -> None:
    enter(page, wallet, "/#/oversight")
    expect(page.get_by_role("row").nth(1)).to_be_visible()
    licence = buy(market, listed.plan).licence
    expect(page.get_by_role("row").filter(has_text="Purchased").filter(has_text=str(licence))).to_be_visible()


def test_R19_a_licence_is_revoked_with_a_reason_through_the_wallet(
    page: Page, wallet: Wallet, market: Local, listed: Listed
) -> None:
    licence = buy(market, listed.plan).licence
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
    buy(market, listed.plan)
    enter(page, wallet, "/#/oversight/figures")
    expect(page.locator("canvas")).to_have_count(3)
    value = page.get_by_role("region", name="Giá trị")
    expect(value.get_by_role("row").last).to_contain_text("₫")
    with page.expect_download() as download:
        page.get_by_role("button", name="Tải số liệu (CSV)").first.click()
    assert download.value.path().read_text().startswith("date,")


def measure(page: Page, wallet: Wallet, button: str, reason: str) -> tuple[str, dict[str, object]]:
    """Taken through the wallet, as the page says it; the function called and its arguments."""
    page.get_by_label("Lý do").fill(reason)
    page.get_by_role("button", name=button, exact=True).click()
    desk = page.get_by_role("dialog")
    desk.get_by_text("Nội dung sẽ ký").click()
    call = said(desk.locator("[data-signed=call]"))
    desk.get_by_role("button", name="Ký trong ví").click()
    expect(desk).to_be_hidden()
    function, arguments = decoded(wallet.of("eth_sendTransaction")[-1][0])
    assert call.pop("Hàm") == function
    call.pop("Hợp đồng")
    assert plain(arguments) == plain(call)
    return function, arguments


def test_R19_a_listing_is_frozen_and_a_participant_suspended_for_a_time_and_let_go(
    page: Page, wallet: Wallet, market: Local, listed: Listed
) -> None:
    enter(page, wallet, f"/#/oversight/listings/{listed.listing}")
    function, arguments = measure(page, wallet, "Đóng băng tin đăng", "Quyết định 13/2026")
    assert (function, arguments["id"]) == ("freeze", listed.listing)
    assert arguments["reason"] == "0x" + keccak(text="Quyết định 13/2026").hex()
    expect(page.get_by_text("đang bị đóng băng đến")).to_be_visible()
    with pytest.raises(CallReverted, match="Listings_IsFrozen"):
        buy(market, listed.plan)
    assert measure(page, wallet, "Bỏ đóng băng", "Đã xem xét lại")[0] == "unfreeze"
    expect(page.get_by_text("đang bị đóng băng đến")).to_be_hidden()
    expect(page.get_by_role("row").filter(has_text="Unfrozen").first).to_be_visible()

    account = Account.create().address

    async def accredited() -> None:
        terms = {"jurisdiction": "VN", "public_body": False, "valid_until": int(time.time()) + 86_400}
        async with acting(market, "operator") as operator:
            await operator.accredit(account, Role.BUYER, **terms, credential=keccak(b"salted papers"))

    run(accredited())
    page.get_by_role("searchbox").fill(account)
    page.get_by_role("button", name="Tìm").click()
    expect(page.get_by_role("row").filter(has_text="Accredited")).to_have_count(1)
    function, arguments = measure(page, wallet, "Đình chỉ thành viên", "Đang điều tra")
    assert (function, str(arguments["account"]).lower()) == ("suspend", account.lower())
    expect(page.get_by_text("đang bị đình chỉ đến")).to_be_visible()
    assert measure(page, wallet, "Khôi phục", "Hết điều tra")[0] == "reinstate"
    expect(page.get_by_text("đang bị đình chỉ đến")).to_be_hidden()
    page.get_by_label("Tại khối").fill("1")
    page.get_by_label("Tại khối").press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("never accredited")


def test_R28_an_alert_is_explained_by_the_entries_that_caused_it(
    page: Page, wallet: Wallet, market: Local, listed: Listed
) -> None:
    async def repeatedly() -> int:
        async with acting(market, "buyer") as buyer:
            return [await buyer.buy(listed.plan, again=True) for _ in range(5)][-1].licence

    licence = run(repeatedly())
    enter(page, wallet, "/#/oversight/alerts")
    alert = page.get_by_role("listitem").filter(has_text="Mua lặp lại").first
    expect(alert).to_contain_text("Một bên mua trả tiền cho cùng một gói nhiều lần")
    assert said(alert.locator("dl.facts").first)["Gói"] == str(listed.plan)
    alert.get_by_text("mục làm căn cứ").click()
    causes = alert.get_by_role("listitem")
    kinds = page.get_by_role("row").filter(has_text="Mua lặp lại")
    expect(kinds.get_by_role("progressbar")).to_be_visible()
    expect(causes.first).to_contain_text("Purchased")
    expect(causes.first).to_contain_text("1.000.003 ₫")
    causes.first.get_by_role("link", name="Giấy phép").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Giấy phép")
    assert licence >> 32 == listed.plan


def test_R29_R03_dossier_and_history_leave_the_page_with_their_proofs(
    page: Page, wallet: Wallet, market: Local, listed: Listed, tmp_path: Path
) -> None:
    bought = buy(market, listed.plan)
    enter(page, wallet, f"/#/oversight/licences/{bought.licence}")
    files = []
    for button in ("Tải hồ sơ giao dịch (PDF)", "Tải hồ sơ giao dịch (JSON)"):
        with page.expect_download() as download:
            page.get_by_role("button", name=button).click()
        files.append(tmp_path / download.value.suggested_filename)
        download.value.save_as(files[-1])
    page.get_by_role("searchbox").fill("0x" + bought.receipt.transaction_hash.hex())
    page.get_by_role("button", name="Tìm").click()
    expect(page.get_by_role("row").filter(has_text="Purchased")).to_have_count(1)
    with page.expect_download() as download:
        page.get_by_role("button", name="Xuất toàn bộ lịch sử").click()
    files.append(tmp_path / "history.zip")
    download.value.save_as(files[-1])
    trust, now = trust_of(Manifest.load(market.folder / "manifest.json"), None), time.time()
    paper, data, history = files
    for dossier in (attachment(paper.read_bytes(), ATTACHED), data.read_bytes()):
        assert verify(dossier, trust, now).licence == str(bought.licence)
    assert exported.verify(history, trust, now).entries["Exchange"] > 0
