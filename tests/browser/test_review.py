"""A reviewer's work: what waits, what changed, and a result that is signed as it is said."""

from pathlib import Path

import pytest
from eth_utils.crypto import keccak
from playwright.sync_api import Page, expect

from ledger.cli.sell import dcat
from tests.browser.conftest import acting, run
from tests.browser.test_buyer import connect, plain, said
from tests.browser.wallet import Wallet, decoded
from tests.e2e.conftest import Local


@pytest.fixture
def waiting(market: Local, tmp_path: Path) -> int:
    """A listing that nobody has reviewed."""
    path = tmp_path / "rows.csv"
    path.write_bytes(b"a,b\n1,2\n")
    published = market("publish", path, "--title", "Chờ thẩm định", "--price", 5, name="seller")
    assert published.code == 0, published
    return int(published.facts["listing"])


@pytest.mark.parametrize(("button", "method"), [("Thẩm định: đạt", "attest"), ("Từ chối", "refuse")])
def test_R15_a_review_is_recorded_as_the_page_said(
    page: Page, wallet: Wallet, waiting: int, button: str, method: str
) -> None:
    wallet.name = "reviewer"
    connect(page)
    page.goto("/#/review")
    page.get_by_role("link", name="Chờ thẩm định").last.click()
    earlier = page.get_by_role("group", name="Các kết quả đã có").get_by_role("row")
    expect(page.get_by_role("heading", level=1)).to_contain_text(f"Tin đăng {waiting}")
    expect(page.get_by_text("dct:title")).to_be_visible()
    page.get_by_label("Bản thẩm định").fill("Đã đọc toàn bộ")
    page.get_by_role("button", name=button).click()
    desk = page.get_by_role("dialog")
    assert said(desk.locator("dl.facts").first)["Văn bản"] == "Đã đọc toàn bộ"
    desk.get_by_text("Nội dung sẽ ký").click()
    call = said(desk.locator("[data-signed=call]"))
    desk.get_by_role("button", name="Ký trong ví").click()
    expect(page.get_by_text("Đã ghi lên chuỗi.")).to_be_visible()
    expect(earlier.filter(has_text="pháp lý")).to_contain_text("đạt" if method == "attest" else "từ chối")

    ((transaction,),) = wallet.of("eth_sendTransaction")
    function, arguments = decoded(transaction)
    assert call.pop("Hàm") == function == method
    assert call.pop("Hợp đồng") == f"Reviews {transaction['to']}"
    assert plain(arguments) == plain(call)
    digest = "0x" + keccak(text="Đã đọc toàn bộ").hex()
    assert list(arguments.values()) == [waiting, 1, 1, digest, 0]


def test_R15_a_new_version_is_reviewed_beside_the_one_before(
    page: Page, wallet: Wallet, market: Local, waiting: int, tmp_path: Path
) -> None:
    async def second() -> None:
        path = tmp_path / "second.csv"
        path.write_bytes(b"a,b\n1,2\n3,4\n")
        metadata = dcat("Chờ thẩm định, bản hai", "Thêm một dòng", "text/csv", 12)
        async with acting(market, "seller") as seller:
            await seller.add_version(waiting, path, metadata=metadata, media_type="text/csv")

    run(second())
    wallet.name = "reviewer"
    connect(page)
    page.goto(f"/#/review/{waiting}")
    changes = page.get_by_role("group", name="Khác với phiên bản 1").get_by_role("row")
    title = changes.filter(has_text="dct:title")
    expect(title.locator("del")).to_have_text("Chờ thẩm định")
    expect(title.locator("ins")).to_have_text("Chờ thẩm định, bản hai")
    recorded = page.get_by_role("group", name="Khác nhau trên chuỗi").get_by_role("row")
    expect(recorded.filter(has_text="Gốc Merkle của bản mã")).to_be_visible()
    page.get_by_label("Bản thẩm định").fill("Đã đọc phần khác")
    page.get_by_role("button", name="Thẩm định: đạt").click()
    page.get_by_role("dialog").get_by_role("button", name="Ký trong ví").click()
    expect(page.get_by_text("Đã ghi lên chuỗi.")).to_be_visible()
    function, arguments = decoded(wallet.of("eth_sendTransaction")[0][0])
    assert (function, list(arguments.values())[:2]) == ("attest", [waiting, 2])
