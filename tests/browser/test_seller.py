"""A seller's journey: from a file on the disk to a listing, and to the money."""

import hashlib
import json
from pathlib import Path

from eth_utils.crypto import keccak
from playwright.sync_api import Page, Route, expect

from ledger.domain.ids import plan_id
from ledger.domain.market import Kind
from tests.browser.acts import connect, said
from tests.browser.conftest import PRICE, Listed, acting, run
from tests.browser.wallet import Wallet, decoded
from tests.e2e.conftest import Local

CSV = "mã,tên,dân số\n" + "".join(f"{n},Xã {n},{n * 31}\n" for n in range(150_000))


def describe(page: Page, path: Path) -> None:
    """To the last step."""
    page.goto("/#/sell")
    page.get_by_label("Thả tệp vào đây").set_input_files(path)
    forward = page.get_by_role("button", name="Tiếp", exact=True)
    forward.click()
    page.get_by_label("Tên dữ liệu").fill("Dân số các xã")
    page.get_by_label("Mô tả dữ liệu").fill("Số dân theo xã, tổng điều tra.")
    expect(page.get_by_label("Ý nghĩa của cột dân số")).to_be_visible()
    page.get_by_label("Ý nghĩa của cột dân số").fill("Số người")
    page.get_by_label("Công khai 5 dòng đầu").check()
    forward.click()
    page.get_by_label("Địa điểm").check()
    forward.click()
    page.get_by_label("Giá (₫)").fill("700000")
    forward.click()
    expect(page.get_by_role("heading", name="Ghi lên chuỗi")).to_be_visible()


def test_R12_R16_R25_a_file_is_encrypted_sent_and_listed(
    page: Page, wallet: Wallet, market: Local, tmp_path: Path
) -> None:
    path = tmp_path / "dân số.csv"
    path.write_text(CSV)
    sent: list[bytes] = []
    cuts = [1]

    def through(route: Route) -> None:
        """Once, the first piece does not get there."""
        if route.request.method == "PATCH" and cuts and cuts.pop():
            route.abort("connectionreset")
            return
        if route.request.method == "PATCH":
            sent.append(route.request.post_data_buffer or b"")
        route.continue_()

    page.route("**/v1/uploads/*", through)
    wallet.name = "seller"
    connect(page)
    describe(page, path)
    hashed = page.get_by_role("main").locator("dl code").last.inner_text()
    page.get_by_role("button", name="Mã hóa, gửi và niêm yết").click()
    desk = page.get_by_role("dialog", name="Niêm yết: Dân số các xã")
    expect(desk).to_be_visible()
    desk.get_by_text("Nội dung sẽ ký").click()
    call = said(desk.locator("[data-signed=call]"))
    desk.get_by_role("button", name="Ký trong ví").click()
    expect(page.get_by_text("Dữ liệu chỉ bán được khi đã đủ thẩm định")).to_be_visible()

    ((transaction,),) = wallet.of("eth_sendTransaction")
    function, arguments = decoded(transaction)
    assert function == call["Hàm"] == "publish"
    assert arguments["plans[0].price"] == 700_000
    assert arguments["first.metadata"] == call["first.metadata"] == hashed
    assert "Xã 149999".encode() not in b"".join(sent)

    page.get_by_role("link", name="Mở trang dữ liệu").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Dân số các xã")
    expect(page.get_by_role("cell", name="Số người")).to_be_visible()
    listing = int(page.url.rsplit("/", 1)[1])
    kept, got = run(bought(market, listing, tmp_path))
    assert keccak(kept) == bytes.fromhex(hashed[2:])
    assert json.loads(kept)["dct:title"] == "Dân số các xã"
    assert hashlib.sha256(got).digest() == hashlib.sha256(CSV.encode()).digest()


async def bought(market: Local, listing: int, folder: Path) -> tuple[bytes, bytes]:
    """The metadata as the service keeps it, and the payload as a buyer with the command gets it."""
    async with acting(market, "reviewer") as reviewer:
        await reviewer.attest(listing, 1, Kind.LEGAL, keccak(b"looked through"))
    async with acting(market, "buyer") as buyer:
        licence = (await buyer.buy(plan_id(listing, 0))).licence
        fetched = await buyer.fetch(licence, folder / "got")
        version = await buyer.read(buyer.contracts.listings.version(listing, 1))
        kept = await buyer.service.whole(f"/v1/metadata/0x{version.metadata.hex()}", 1 << 20)
    return kept, fetched.path.read_bytes()


def test_R26_sales_are_shown_and_what_is_owed_is_withdrawn(
    page: Page, wallet: Wallet, market: Local, listed: Listed
) -> None:
    async def sell() -> None:
        async with acting(market, "buyer") as buyer:
            await buyer.confirm((await buyer.buy(listed.plan, again=True)).licence)

    run(sell())
    wallet.name = "seller"
    connect(page)
    page.goto("/#/sales")
    expect(page.get_by_role("cell", name="đã thanh toán").first).to_be_visible()
    page.get_by_role("button", name="Rút tiền").click()
    desk = page.get_by_role("dialog", name="Rút")
    owed = int(said(desk.locator("dl.facts").first)["Số tiền"].removesuffix(" ₫").replace(".", ""))
    assert owed % 875_003 == 0
    assert PRICE - 25_000 - 100_000 == 875_003
    desk.get_by_role("button", name="Ký trong ví").click()
    expect(page.get_by_text("Sàn đang giữ cho bạn 0 ₫")).to_be_visible()
    with page.expect_download() as saving:
        page.get_by_role("button", name="Tải sao kê (CSV)").click()
    lines = Path(saving.value.path()).read_text().splitlines()
    assert lines[0] == "time,licence,part,amount_vnd,transaction"
    assert any(",seller,875003,0x" in line for line in lines)


def test_a_seller_can_think_again(page: Page, wallet: Wallet, listed: Listed) -> None:
    wallet.name = "seller"
    connect(page)
    page.goto("/#/sales")
    page.get_by_role("button", name=f"Đóng gói {listed.plan}").click()
    desk = page.get_by_role("dialog", name=f"Đóng gói {listed.plan}")
    desk.get_by_role("button", name="Để sau").click()
    expect(desk).to_be_hidden()
    assert wallet.of("eth_sendTransaction") == []
