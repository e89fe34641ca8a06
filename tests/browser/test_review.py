"""A reviewer's work: what waits, what changed, and a result that is signed as it is said."""

from pathlib import Path

import pytest
from eth_utils.crypto import keccak
from playwright.sync_api import Page, expect

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

    ((transaction,),) = wallet.of("eth_sendTransaction")
    function, arguments = decoded(transaction)
    assert call.pop("Hàm") == function == method
    assert call.pop("Hợp đồng") == f"Reviews {transaction['to']}"
    assert plain(arguments) == plain(call)
    digest = "0x" + keccak(text="Đã đọc toàn bộ").hex()
    assert list(arguments.values()) == [waiting, 1, 1, digest, 0]
