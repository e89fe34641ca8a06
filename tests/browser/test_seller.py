"""A seller's journey: from a file on the disk to a listing, and to the money."""

import hashlib
import json
import random
from pathlib import Path
from typing import Final

import pytest
from eth_utils.crypto import keccak
from playwright.sync_api import Locator, Page, Route, expect

from ledger.cli.sell import dcat
from ledger.crypto.chunked import ciphertext_size
from ledger.domain.ids import plan_id
from ledger.domain.market import DONG, Kind
from ledger.pdf import attachment
from tests.browser.acts import connect, said, sign_in
from tests.browser.conftest import PRICE, Listed, acting, buy, publish, run
from tests.browser.wallet import Wallet, decoded
from tests.e2e.conftest import Local

CSV = "mã,tên,dân số\n" + "".join(f"{n},Xã {n},{n * 31}\n" for n in range(150_000))


def describe(page: Page, path: Path, *, columns: bool = True, upstream: int | None = None) -> None:
    """To the last step. `columns`: it is the CSV file; `upstream`: a licence of what it is made of."""
    page.goto("/#/sell")
    page.get_by_label("Thả tệp vào đây").set_input_files(path)
    forward = page.get_by_role("button", name="Tiếp", exact=True)
    forward.click()
    page.get_by_label("Tên dữ liệu").fill("Dân số các xã")
    page.get_by_label("Mô tả dữ liệu").fill("Số dân theo xã, tổng điều tra.")
    if columns:
        expect(page.get_by_label("Ý nghĩa của cột dân số")).to_be_visible()
        page.get_by_label("Ý nghĩa của cột dân số").fill("Số người")
        page.get_by_label("Công khai 5 dòng đầu").check()
    forward.click()
    page.get_by_label("Địa điểm").check()
    if upstream is not None:
        page.get_by_role("button", name="Thêm dữ liệu gốc").click()
        page.get_by_label("Giấy phép dữ liệu gốc").fill(str(upstream))
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


def test_R12_R13_an_upload_goes_on_after_the_page_was_reloaded(
    page: Page, wallet: Wallet, market: Local, tmp_path: Path
) -> None:
    path, other = tmp_path / "lớn.bin", tmp_path / "khác.bin"
    path.write_bytes(random.Random(6).randbytes(6 << 20))  # noqa: S311 - not a secret
    other.write_bytes(path.read_bytes()[:-1] + b"?")
    sent: list[int] = []
    stuck = [True]

    def through(route: Route) -> None:
        """The second piece never gets there while `stuck`."""
        if route.request.method == "PATCH":
            if sent and stuck:
                return
            sent.append(len(route.request.post_data_buffer or b""))
        route.continue_()

    page.route("**/v1/uploads/*", through)
    wallet.name = "seller"
    connect(page)
    describe(page, path, columns=False)
    page.get_by_role("button", name="Mã hóa, gửi và niêm yết").click()
    expect(page.get_by_text("Đang mã hóa và gửi: 4,2 MB")).to_be_visible()
    stuck.clear()
    page.reload()

    expect(page.get_by_role("heading", name="Đang gửi dở: lớn.bin")).to_be_visible()
    page.get_by_label("Thả tệp vào đây").set_input_files(other)
    expect(page.get_by_role("alert")).to_contain_text("Đây không phải tệp lớn.bin")
    page.get_by_label("Thả tệp vào đây").set_input_files(path)
    expect(page.get_by_role("heading", name="Ghi lên chuỗi")).to_be_visible()
    assert page.evaluate(KEPT) == [["AES-GCM", False]]
    page.get_by_role("button", name="Mã hóa, gửi và niêm yết").click()
    desk = page.get_by_role("dialog", name="Niêm yết: Dân số các xã")
    desk.get_by_role("button", name="Ký trong ví").click()
    expect(page.get_by_text("Dữ liệu chỉ bán được khi đã đủ thẩm định")).to_be_visible()
    assert sum(sent) == ciphertext_size(6 << 20), "no block was sent twice"
    assert page.evaluate(KEPT) == []
    page.get_by_role("link", name="Mở trang dữ liệu").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Dân số các xã")
    _, got = run(bought(market, int(page.url.rsplit("/", 1)[1]), tmp_path))
    assert got == path.read_bytes()


KEPT: Final = """() => new Promise(resolve => {
  const opening = indexedDB.open("socai");
  opening.onsuccess = () => {
    const all = opening.result.transaction("uploads").objectStore("uploads").getAll();
    all.onsuccess = () => {
      opening.result.close();
      resolve(all.result.map(({ begun: { key } }) => [key.algorithm.name, key.extractable]));
    };
  };
})"""
"""The keys of the uploads that the browser keeps: of which kind, and whether a script can read them out."""


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
    async def sell() -> int:
        """What the exchange owes the seller then."""
        async with acting(market, "buyer") as buyer, acting(market, "seller") as seller:
            await buyer.confirm((await buyer.buy(listed.plan, again=True)).licence)
            return await seller.read(seller.contracts.exchange.owed(DONG, seller.account.address))

    owed = run(sell())
    wallet.name = "seller"
    connect(page)
    page.goto("/#/sales")
    sign_in(page)
    expect(page.get_by_role("cell", name="đã thanh toán").first).to_be_visible()
    page.get_by_role("button", name="Rút tiền").click()
    desk = page.get_by_role("dialog", name="Rút")
    shown = said(desk.locator("dl.facts").first)["Số tiền"]
    assert int(shown.removesuffix(" ₫").replace(".", "")) == owed
    assert PRICE - 25_000 - 100_000 == 875_003
    desk.get_by_role("button", name="Ký trong ví").click()
    expect(page.get_by_text("Sàn đang giữ cho bạn 0 ₫")).to_be_visible()
    with page.expect_download() as saving:
        page.get_by_role("button", name="Tải sao kê (CSV)").click()
    lines = Path(saving.value.path()).read_text().splitlines()
    assert lines[0] == "time,licence,part,currency,amount,by_bank,block,transaction"
    assert any(",seller,1,875003,no," in line for line in lines)
    assert f",withdrawn,1,{owed},no," in lines[-1]
    with page.expect_download() as saving:
        page.get_by_role("button", name="Tải sao kê (PDF)").click()
    printed = attachment(Path(saving.value.path()).read_bytes(), "statement.json")
    assert len(json.loads(printed)["movements"]) == len(lines) - 1


def test_a_seller_can_think_again(page: Page, wallet: Wallet, listed: Listed) -> None:
    wallet.name = "seller"
    connect(page)
    page.goto("/#/sales")
    sign_in(page)
    page.get_by_role("button", name=f"Đóng gói {listed.plan}").click()
    desk = page.get_by_role("dialog", name=f"Đóng gói {listed.plan}")
    desk.get_by_role("button", name="Để sau").click()
    expect(desk).to_be_hidden()
    assert wallet.of("eth_sendTransaction") == []


@pytest.fixture(scope="module")
def mine(market: Local, tmp_path_factory: pytest.TempPathFactory) -> Listed:
    """A listing of the seller's that nobody else needs."""
    path = tmp_path_factory.mktemp("mine") / "rows.csv"
    path.write_bytes(b"a,b\n1,2\n")
    return Listed(*run(publish(market, path, dcat("Hàng của tôi", "", "text/csv", 8))), path.read_bytes())


def card(page: Page, listed: Listed) -> Locator:
    """Of a listing, among the seller's own."""
    page.goto("/#/sales")
    return page.get_by_role("listitem").filter(
        has=page.locator(f"a[href='#/listings/{listed.listing}']"), has_text="Hàng của tôi"
    )


def test_R06_plans_are_added_and_closed(page: Page, wallet: Wallet, mine: Listed) -> None:
    wallet.name = "seller"
    connect(page)
    of = card(page, mine)
    sign_in(page)
    of.get_by_role("button", name=f"Thêm gói cho dữ liệu số {mine.listing}").click()
    of.get_by_label("Giá (₫)").fill("200000")
    of.get_by_label("Số ngày").fill("7")
    of.get_by_role("button", name="Xem lại và ký gói này").click()
    desk = page.get_by_role("dialog", name=f"Thêm gói cho dữ liệu số {mine.listing}")
    assert said(desk.locator("dl.facts").first)["Giá"] == "200.000 ₫"
    desk.get_by_role("button", name="Ký trong ví").click()
    expect(of).to_contain_text("200.000 ₫")
    function, arguments = decoded(wallet.of("eth_sendTransaction")[-1][0])
    assert (function, arguments["draft.price"], arguments["draft.duration"]) == (
        "addPlan",
        200_000,
        7 * 86_400,
    )

    added = plan_id(mine.listing, 1)
    of.get_by_role("button", name=f"Đóng gói {added}").click()
    desk = page.get_by_role("dialog", name=f"Đóng gói {added}")
    expect(desk).to_contain_text("giấy phép đã bán giữ nguyên")
    desk.get_by_role("button", name="Ký trong ví").click()
    expect(of.get_by_role("button", name=f"Đóng gói {added}")).to_be_hidden()
    expect(of).to_contain_text("đã đóng")
    assert decoded(wallet.of("eth_sendTransaction")[-1][0]) == ("closePlan", {"id": added})


def test_R05_a_new_version_is_added(page: Page, wallet: Wallet, mine: Listed, tmp_path: Path) -> None:
    path = tmp_path / "mới.csv"
    path.write_bytes(b"a,b\n1,2\n3,4\n")
    wallet.name = "seller"
    connect(page)
    of = card(page, mine)
    sign_in(page)
    of.get_by_role("link", name="Thêm phiên bản").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(f"Phiên bản mới của dữ liệu số {mine.listing}")
    page.get_by_label("Thả tệp vào đây").set_input_files(path)
    forward = page.get_by_role("button", name="Tiếp", exact=True)
    forward.click()
    page.get_by_label("Tên dữ liệu").fill("Hàng của tôi, mới")
    page.get_by_label("Mô tả dữ liệu").fill("Thêm một dòng.")
    forward.click()
    page.get_by_role("button", name="Mã hóa, gửi và niêm yết").click()
    desk = page.get_by_role("dialog", name="Thêm phiên bản: Hàng của tôi, mới")
    desk.get_by_role("button", name="Ký trong ví").click()
    expect(page.get_by_text("Đã thêm phiên bản mới")).to_be_visible()
    page.get_by_role("link", name="Mở trang dữ liệu").click()
    expect(page.get_by_role("cell", name="Phiên bản 2")).to_be_visible()
    assert decoded(wallet.of("eth_sendTransaction")[-1][0])[0] == "addVersion"


def test_R26_a_seller_refunds_an_order(page: Page, wallet: Wallet, listed: Listed, market: Local) -> None:
    licence = buy(market, listed.plan).licence
    wallet.name = "seller"
    connect(page)
    page.goto("/#/sales")
    sign_in(page)
    row = page.get_by_role("row").filter(has_text=str(licence))
    row.get_by_role("button", name=f"Hoàn tiền giấy phép {licence}").click()
    desk = page.get_by_role("dialog", name=f"Hoàn tiền giấy phép {licence}")
    assert said(desk.locator("dl.facts").first)["Giá"] == "1.000.003 ₫"
    desk.get_by_role("button", name="Ký trong ví").click()
    expect(row).to_contain_text("đã hoàn tiền")
    expect(row.get_by_role("button")).to_have_count(0)


def test_R05_a_dataset_is_delisted_with_a_reason(page: Page, wallet: Wallet, mine: Listed) -> None:
    wallet.name = "seller"
    connect(page)
    of = card(page, mine)
    sign_in(page)
    of.get_by_role("button", name=f"Gỡ dữ liệu số {mine.listing}").click()
    of.get_by_label("Lý do").fill("Dữ liệu đã cũ")
    of.get_by_role("button", name="Xem lại và gỡ").click()
    desk = page.get_by_role("dialog", name=f"Gỡ dữ liệu số {mine.listing}")
    expect(desk).to_contain_text("không niêm yết lại được")
    desk.get_by_role("button", name="Ký trong ví").click()
    expect(of).to_contain_text("Đã gỡ")
    function, arguments = decoded(wallet.of("eth_sendTransaction")[-1][0])
    assert (function, arguments["reason"]) == ("delist", "0x" + keccak(text="Dữ liệu đã cũ").hex())
