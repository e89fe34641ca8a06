"""A buyer's journey, from an empty browser to a licence, with a wallet that knows nothing of us."""

import hashlib
import json
import random
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import pytest
from playwright.sync_api import Locator, Page, Route, expect

from ledger.chain.devnet import CHAIN_ID
from ledger.cli.sell import dcat
from tests.browser.acts import connect, said
from tests.browser.conftest import Listed, acting, buy, publish, run
from tests.browser.wallet import Wallet, decoded
from tests.e2e.conftest import Local


def plain(values: Mapping[str, object]) -> dict[str, str]:
    """For comparison: addresses are spelled with and without a checksum."""
    return {name: str(value).lower() for name, value in values.items()}


def open_listing(page: Page, listed: Listed) -> None:
    page.goto(f"/#/listings/{listed.listing}")
    expect(page.get_by_role("heading", level=1)).to_have_text("Dân số theo xã")


def start_buying(page: Page, listed: Listed) -> Locator:
    page.get_by_role("button", name=f"Mua: {listed.plan}").click()
    desk = page.get_by_role("dialog", name="Mua giấy phép: Dân số theo xã")
    expect(desk).to_be_visible()
    return desk


def test_R26_threat_S23_a_purchase_is_one_transaction_and_is_what_the_page_said(
    page: Page, wallet: Wallet, listed: Listed
) -> None:
    connect(page)
    open_listing(page, listed)
    desk = start_buying(page, listed)
    told = said(desk.locator("dl.facts").first)
    assert told["Bạn trả"] == "1.000.003 ₫"
    assert told["trong đó phí sàn (2,5%)"] == "25.000 ₫"
    assert told["trong đó bên bán nhận"] == "875.003 ₫"
    desk.get_by_text("Nội dung sẽ ký").click()
    typed, call = said(desk.locator("[data-signed=typed]")), said(desk.locator("[data-signed=call]"))
    desk.get_by_role("button", name="Ký trong ví").click()
    expect(page.get_by_text("là của bạn.")).to_be_visible()

    assert wallet.chain_id == CHAIN_ID
    assert [len(wallet.of(f"wallet_{verb}EthereumChain")) for verb in ("switch", "add")] == [2, 1]
    ((account, signed),) = wallet.of("eth_signTypedData_v4")
    assert account == wallet.address
    assert plain(json.loads(signed)["message"]) == plain(typed)
    ((transaction,),) = wallet.of("eth_sendTransaction")
    function, arguments = decoded(transaction)
    assert call.pop("Hàm") == function == "buyWithPermit"
    assert call.pop("Hợp đồng") == f"Exchange {transaction['to']}"
    unsigned = {name: value for name, value in arguments.items() if name[-2:] not in (".v", ".r", ".s")}
    assert plain(unsigned).items() <= plain(call).items()
    assert set(call) == set(arguments)


def test_a_transaction_is_followed_to_the_end_and_known_after_a_reload(
    page: Page, wallet: Wallet, listed: Listed
) -> None:
    connect(page)
    open_listing(page, listed)
    start_buying(page, listed).get_by_role("button", name="Ký trong ví").click()
    expect(page.get_by_text("là của bạn.")).to_be_visible()
    page.reload()
    expect(page.locator(".tray summary")).to_contain_text("đã chung cuộc")
    expect(page.get_by_role("banner").get_by_role("button", name="Tài khoản 0x")).to_be_visible()


def test_saying_no_in_the_wallet_is_no_error(page: Page, wallet: Wallet, listed: Listed) -> None:
    connect(page)
    open_listing(page, listed)
    wallet.declining = ["eth_signTypedData_v4"]
    desk = start_buying(page, listed)
    desk.get_by_role("button", name="Ký trong ví").click()
    expect(desk.get_by_role("alert")).to_contain_text("Bạn đã từ chối trong ví. Không có gì được gửi đi")
    wallet.declining = ["eth_sendTransaction"]
    desk.get_by_role("button", name="Thử lại").click()
    expect(desk.get_by_role("alert")).to_contain_text("Bạn đã từ chối trong ví")
    desk.get_by_role("button", name="Để sau").click()
    expect(desk).to_be_hidden()


def test_a_refusal_of_the_contract_is_explained_before_anything_is_sent(
    page: Page, wallet: Wallet, listed: Listed
) -> None:
    wallet.name = "outsider"
    connect(page)
    open_listing(page, listed)
    desk = start_buying(page, listed)
    desk.get_by_role("button", name="Ký trong ví").click()
    alert = desk.get_by_role("alert")
    expect(alert).to_contain_text("hiện không đủ điều kiện cho vai trò này")
    expect(alert).to_contain_text("Participants_Ineligible(account: 0x")
    assert wallet.of("eth_sendTransaction") == []


def test_the_page_follows_the_wallet(page: Page, wallet: Wallet) -> None:
    connect(page)
    banner = page.get_by_role("banner")
    wallet.switch_account(page, "seller")
    expect(
        banner.get_by_role("button", name=f"Tài khoản {wallet.address[:6]}…{wallet.address[-4:]}")
    ).to_be_visible()
    wallet.emit(page, "chainChanged", hex(CHAIN_ID))
    expect(banner.get_by_role("button", name="Chuyển sang mạng của sàn")).to_be_hidden()
    wallet.emit(page, "chainChanged", "0x1")
    expect(banner.get_by_role("button", name="Chuyển sang mạng của sàn")).to_be_visible()
    wallet.emit(page, "disconnect", {"code": 4900})
    expect(banner.get_by_role("button", name="Kết nối ví")).to_be_visible()


def test_a_wallet_that_only_stands_at_window_ethereum_is_found_and_may_take_its_time(
    page: Page, wallet: Wallet
) -> None:
    page.add_init_script(
        """window.ethereum = {
          request: async ({ method, params = [] }) => {
            const answer = JSON.parse(await window.socaiWallet(method, JSON.stringify(params)));
            if ("error" in answer) throw Object.assign(new Error(answer.error.message), answer.error);
            return answer.result;
          },
          on() {}, removeListener() {},
        };
        window.addEventListener("eip6963:announceProvider", (one) => one.stopImmediatePropagation(), true);"""
    )
    page.reload()
    banner = page.get_by_role("banner")
    banner.get_by_role("button", name="Kết nối ví").click()
    page.get_by_role("button", name="window.ethereum").click()
    account = banner.get_by_role("button", name="Tài khoản 0x")
    expect(account).to_be_visible()
    wallet.delay = 1
    account.click()
    page.get_by_role("button", name="Đăng nhập", exact=True).click()
    expect(banner.get_by_text("Đã đăng nhập")).to_be_visible()
    assert len(wallet.of("personal_sign")) == 1


def test_signing_in_says_what_is_signed_and_lasts_over_a_reload(page: Page, wallet: Wallet) -> None:
    connect(page)
    page.get_by_role("banner").get_by_role("button", name="Tài khoản").click()
    page.get_by_role("button", name="Đăng nhập", exact=True).click()
    expect(page.get_by_role("banner").get_by_text("Đã đăng nhập")).to_be_visible()
    ((message, account),) = wallet.of("personal_sign")
    text = bytes.fromhex(message[2:]).decode()
    assert account == wallet.address
    assert "wants you to sign in with your Ethereum account" in text
    page.reload()
    expect(page.get_by_role("banner").get_by_text("Đã đăng nhập")).to_be_visible()
    assert len(wallet.of("personal_sign")) == 1


def test_a_newcomer_without_a_wallet_tries_the_demo_accounts(page: Page, listed: Listed) -> None:
    page.get_by_role("banner").get_by_role("button", name="Kết nối ví").click()
    expect(page.get_by_text("ai cũng biết khóa")).to_be_visible()
    page.get_by_role("button", name="Bên mua").click()
    open_listing(page, listed)
    start_buying(page, listed).get_by_role("button", name="Ký trong ví").click()
    expect(page.get_by_text("là của bạn.")).to_be_visible()


@pytest.fixture(scope="module")
def licence(listed: Listed, market: Local) -> int:
    """Bought by the buyer."""

    async def bought() -> int:
        async with acting(market, "buyer") as buyer:
            return (await buyer.buy(listed.plan, again=True)).licence

    return run(bought())


def open_licence(page: Page, licence: int) -> None:
    connect(page)
    page.goto(f"/#/licences/{licence}")
    expect(page.get_by_role("heading", name="Nội dung")).to_be_visible()


def download(page: Page) -> Locator:
    """Agrees to the registration of the browser's key; gives what says that all is there."""
    page.get_by_role("button", name="Tải về và giải mã").click()
    desk = page.get_by_role("dialog", name="Đăng ký khóa của trình duyệt này")
    expect(desk).to_be_visible()
    desk.get_by_role("button", name="Ký trong ví").click()
    return page.get_by_text("đúng từng byte với bản niêm yết")


def test_R12_the_browser_verifies_and_decrypts_what_was_listed(
    page: Page, wallet: Wallet, listed: Listed, licence: int
) -> None:
    open_licence(page, licence)
    expect(download(page)).to_be_visible()
    assert hashlib.sha256(listed.content).hexdigest() in page.get_by_role("main").inner_text()
    with page.expect_download() as saving:
        page.get_by_role("link", name="Lưu tệp").click()
    assert saving.value.suggested_filename.startswith("Dân số theo xã-")
    assert Path(saving.value.path()).read_bytes() == listed.content
    ((_, typed),) = wallet.of("eth_signTypedData_v4")
    assert json.loads(typed)["primaryType"] == "EncryptionKey"
    page.get_by_role("button", name="Tải về và giải mã").click()  # the browser's key is registered now
    expect(page.get_by_text("đúng từng byte với bản niêm yết")).to_be_visible()
    assert len(wallet.of("eth_signTypedData_v4")) == 1


def test_R12_a_key_is_sealed_to_a_post_quantum_key(page: Page, wallet: Wallet, licence: int) -> None:
    open_licence(page, licence)
    page.get_by_label("máy tính lượng tử cũng không mở được").check()
    expect(download(page)).to_be_visible()
    ((_, typed),) = wallet.of("eth_signTypedData_v4")
    assert len(json.loads(typed)["message"]["publicKey"]) == 2 + 2 * (6 + 1184 + 32)
    page.reload()
    expect(page.get_by_label("máy tính lượng tử cũng không mở được")).to_be_checked()
    page.get_by_role("button", name="Tải về và giải mã").click()  # by the key that is kept
    expect(page.get_by_text("đúng từng byte với bản niêm yết")).to_be_visible()
    assert len(wallet.of("eth_signTypedData_v4")) == 1


def test_R13_a_download_that_is_cut_goes_on_where_it_was(page: Page, licence: int) -> None:
    asked: list[str | None] = []

    def cut(route: Route) -> None:
        asked.append(route.request.headers.get("range"))
        answer = route.fetch()
        route.fulfill(response=answer, body=answer.body()[: 3 << 19] if len(asked) == 1 else answer.body())

    page.route(lambda url: "/v1/payloads/" in url and "leaves" not in url, cut)
    open_licence(page, licence)
    expect(download(page)).to_be_visible()
    assert asked == [None, "bytes=1049656-"]


def test_R13_a_download_goes_on_after_the_page_was_reloaded(page: Page, licence: int, listed: Listed) -> None:
    asked: list[str | None] = []

    def hold(route: Route) -> None:
        """The first answer ends after a block and a half, what is asked next never comes."""
        asked.append(route.request.headers.get("range"))
        if len(asked) == 1:
            answer = route.fetch()
            route.fulfill(response=answer, body=answer.body()[: 3 << 19])
        elif len(asked) > 2:
            route.continue_()

    page.route(lambda url: "/v1/payloads/" in url and "leaves" not in url, hold)
    open_licence(page, licence)
    with page.expect_request(lambda request: "/v1/payloads/" in request.url and "range" in request.headers):
        download(page)
    expect(page.get_by_text("Đang nối lại sau khi đứt")).to_be_visible()
    page.reload()
    expect(page.get_by_text("còn giữ một phần của lần tải trước, đã mã hóa")).to_be_visible()
    (kept,) = page.evaluate(KEPT)
    assert listed.content[:16] not in bytes(kept)
    page.get_by_role("button", name="Tải tiếp và giải mã").click()
    expect(page.get_by_text("đúng từng byte với bản niêm yết")).to_be_visible()
    assert hashlib.sha256(listed.content).hexdigest() in page.get_by_role("main").inner_text()
    assert asked[-1] == "bytes=1049656-"
    assert page.evaluate(KEPT) == []


KEPT: Final = """async () => {
  const kept = [];
  const root = await navigator.storage.getDirectory();
  for await (const payload of (await root.getDirectoryHandle("payloads")).values())
    for await (const file of payload.values())
      kept.push([...new Uint8Array(await (await file.getFile()).slice(0, 256).arrayBuffer())]);
  return kept;
}"""
"""How the files of the page's private file system begin."""


def test_threat_S23_what_is_not_what_was_listed_is_never_kept(page: Page, licence: int) -> None:
    def tamper(route: Route) -> None:
        answer = route.fetch()
        body = bytearray(answer.body())
        body[2 << 20] ^= 1
        route.fulfill(response=answer, body=bytes(body))

    page.route(lambda url: "/v1/payloads/" in url and "leaves" not in url, tamper)
    open_licence(page, licence)
    done = download(page)
    expect(page.get_by_role("alert")).to_contain_text("không đúng với bản niêm yết. Không giữ lại gì")
    expect(done).to_be_hidden()
    expect(page.get_by_role("link", name="Lưu tệp")).to_be_hidden()


CHOOSE: Final = """
window.agreed = false;
window.showSaveFilePicker = async ({ suggestedName }) => {
  document.documentElement.dataset.suggested = suggestedName;
  if (!window.agreed) throw new DOMException("The user aborted a request.", "AbortError");
  return (await navigator.storage.getDirectory()).getFileHandle("chosen", { create: true });
};
window.chosen = async () => {
  const file = await (await (await navigator.storage.getDirectory()).getFileHandle("chosen")).getFile();
  const digest = await crypto.subtle.digest("SHA-256", await file.arrayBuffer());
  return [file.size, [...new Uint8Array(digest)].map((byte) => byte.toString(16).padStart(2, "0")).join("")];
};"""
"""The browser's dialog cannot be pressed by a test: a file of the page's own file system is chosen."""


def test_R12_R13_a_large_file_is_streamed_to_the_file_that_was_chosen(
    page: Page, market: Local, tmp_path: Path
) -> None:
    path = tmp_path / "large.bin"
    path.write_bytes(random.Random(7).randbytes(33 << 20))  # noqa: S311 - not a secret
    _, plan = run(publish(market, path, dcat("Ảnh vệ tinh", "", "application/octet-stream", 33 << 20)))
    licence = buy(market, plan).licence
    page.add_init_script(CHOOSE)
    page.reload()
    open_licence(page, licence)
    start = page.get_by_role("button", name="Tải về và giải mã")
    start.click()
    expect(page.locator("html")).to_have_attribute("data-suggested", re.compile("^Ảnh vệ tinh-"))
    expect(start).to_be_visible()  # nothing was chosen
    expect(page.get_by_role("alert")).to_be_hidden()

    def tamper(route: Route) -> None:
        answer = route.fetch(headers={**route.request.headers, "range": f"bytes=0-{3 << 20}"})
        body = bytearray(answer.body())
        body[2 << 20] ^= 1
        route.fulfill(status=200, body=bytes(body))

    page.evaluate("window.agreed = true")
    page.route(lambda url: "/v1/payloads/" in url and "leaves" not in url, tamper, times=1)
    done = download(page)
    expect(page.get_by_role("alert")).to_contain_text("không đúng với bản niêm yết. Không giữ lại gì")
    assert page.evaluate("window.chosen()")[0] == 0, "what is not all there does not appear"
    page.get_by_role("button", name="giải mã").click()
    expect(done).to_be_visible()
    expect(page.get_by_role("link", name="Lưu tệp")).to_be_hidden()
    assert page.evaluate("window.chosen()") == [33 << 20, hashlib.sha256(path.read_bytes()).hexdigest()]


def test_R26_confirming_delivery_says_how_the_money_is_split(
    page: Page, wallet: Wallet, licence: int
) -> None:
    open_licence(page, licence)
    page.get_by_role("button", name="Xác nhận đã nhận đủ").click()
    desk = page.get_by_role("dialog", name=f"Xác nhận đã nhận hàng, giấy phép {licence}")
    facts = desk.locator("dl.facts").first
    expect(facts).to_contain_text("trong đó bên bán nhận")
    assert said(facts)["trong đó bên bán nhận"] == "875.003 ₫"
    desk.get_by_role("button", name="Ký trong ví").click()
    expect(page.get_by_text("đã thanh toán")).to_be_visible()
    ((transaction,),) = wallet.of("eth_sendTransaction")
    assert decoded(transaction) == ("confirm", {"licence": licence})
