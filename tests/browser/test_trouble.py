"""What becomes of a licence after it was bought, and of a transaction that does not go as it was sent."""

import json
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from eth_utils.crypto import keccak
from playwright.sync_api import Locator, Page, expect

from ledger.chain.bindings import structs
from ledger.chain.manifest import Manifest
from ledger.domain.ids import plan_id
from ledger.domain.market import DONG, NO_LIMIT
from tests.browser.acts import connect, said, sign_in
from tests.browser.conftest import PRICE, Listed, acting, buy, run
from tests.browser.test_buyer import open_licence, open_listing
from tests.browser.wallet import Wallet, decoded
from tests.e2e.conftest import Local


@pytest.fixture
def licence(listed: Listed, market: Local) -> int:
    """The buyer's, just bought."""

    async def bought() -> int:
        async with acting(market, "buyer") as buyer:
            return (await buyer.buy(listed.plan, again=True)).licence

    return run(bought())


async def confirmed(market: Local, licence: int) -> None:
    async with acting(market, "buyer") as buyer:
        await buyer.confirm(licence)


def sent(wallet: Wallet) -> list[str]:
    """The functions that the wallet was asked to call."""
    return [decoded(transaction)[0] for (transaction,) in wallet.of("eth_sendTransaction")]


def test_R03_a_licence_is_renewed_after_what_it_costs_was_said(
    page: Page, wallet: Wallet, licence: int, market: Local
) -> None:
    open_licence(page, licence)
    expect(page.get_by_role("button", name="Gia hạn")).to_be_disabled()  # its price is in escrow still
    run(confirmed(market, licence))
    page.reload()
    facts = page.get_by_role("main").locator("dl.facts").first
    before = said(facts)["Hết hạn"]
    page.get_by_role("button", name="Gia hạn").click()
    allow = page.get_by_role("dialog", name="Cho phép sàn lấy 1.000.003 ₫")
    expect(allow).to_contain_text(f"Gia hạn giấy phép {licence}")
    allow.get_by_role("button", name="Ký trong ví").click()
    desk = page.get_by_role("dialog", name=f"Gia hạn giấy phép {licence}")
    expect(desk).to_contain_text("tiền được chia ngay")
    told = said(desk.locator("dl.facts").first)
    assert (told["Bạn trả"], told["trong đó bên bán nhận"]) == ("1.000.003 ₫", "875.003 ₫")
    assert told["Hạn hiện tại"] == before != told["Hạn mới"]
    desk.get_by_role("button", name="Ký trong ví").click()
    expect(facts).to_contain_text(told["Hạn mới"])
    assert sent(wallet) == ["approve", "renew"]


def test_R26_a_dispute_is_raised_followed_and_decided(
    page: Page, wallet: Wallet, licence: int, market: Local
) -> None:
    open_licence(page, licence)
    page.get_by_label("Lý do khiếu nại").fill("Thiếu 3 xã")
    page.get_by_role("button", name="Khiếu nại").click()
    desk = page.get_by_role("dialog", name=f"Khiếu nại giấy phép {licence}")
    told = said(desk.locator("dl.facts").first)
    assert told["Mã băm ghi lên chuỗi"] == "0x" + keccak(text="Thiếu 3 xã").hex()
    desk.get_by_role("button", name="Ký trong ví").click()
    expect(page.get_by_text("Trọng tài quyết định trước")).to_be_visible()
    assert decoded(wallet.of("eth_sendTransaction")[0][0])[1]["licence"] == licence

    async def decide() -> None:
        async with acting(market, "arbiter") as arbiter:
            await arbiter.send(arbiter.contracts.exchange.resolve(licence, PRICE // 2, keccak(b"half")))

    run(decide())
    page.reload()
    expect(page.get_by_role("main").locator("dl.facts").first).to_contain_text("đã thanh toán")
    expect(page.get_by_text("Trọng tài quyết định trước")).to_be_hidden()
    money = page.get_by_role("region", name="Tiền đã được chia")
    expect(money).to_contain_text("Hoàn cho bên mua")
    split = {name: int(value.removesuffix(" ₫").replace(".", "")) for name, value in said(money).items()}
    assert split["Hoàn cho bên mua"] == PRICE // 2
    assert sum(split.values()) == PRICE
    money.get_by_role("button", name="Rút tiền").click()
    desk = page.get_by_role("dialog", name="Rút")
    assert said(desk.locator("dl.facts").first)["Về tài khoản"] == wallet.address
    desk.get_by_role("button", name="Ký trong ví").click()
    expect(money.get_by_role("button", name="Rút tiền")).to_be_hidden()
    assert sent(wallet) == ["dispute", "withdraw"]


@contextmanager
def windows(market: Local, seconds: int) -> Iterator[None]:
    """Of disputes and decisions, for now: from governors the chain takes no less than a day."""
    place = (Manifest.load(market.folder / "manifest.json").address("Exchange"), "0x4")  # `_terms`, packed
    word = ask(market, "eth_getStorageAt", *place, "latest")
    kept = int(word, 16) & ~(((1 << 64) - 1) << 32)
    ask(market, "anvil_setStorageAt", *place, f"0x{kept | seconds << 32 | seconds << 64:064x}")
    try:
        yield
    finally:
        ask(market, "anvil_setStorageAt", *place, word)


def second_over(market: Local) -> None:
    """Since the last transaction, and on the chain's clock too."""
    time.sleep(2)
    ask(market, "evm_mine")


def test_R26_money_is_released_by_the_seller_once_nobody_disputed(
    page: Page, wallet: Wallet, listed: Listed, market: Local
) -> None:
    with windows(market, 1):
        licence = buy(market, listed.plan).licence
    second_over(market)
    wallet.name = "seller"
    connect(page)
    page.goto("/#/sales")
    sign_in(page)
    row = page.get_by_role("row").filter(has_text=str(licence))
    row.get_by_role("button", name=f"Chia tiền giấy phép {licence}").click()
    desk = page.get_by_role("dialog", name=f"Chia tiền giấy phép {licence}")
    desk.get_by_role("button", name="Ký trong ví").click()
    expect(row).to_contain_text("đã thanh toán")
    ((transaction,),) = wallet.of("eth_sendTransaction")
    assert decoded(transaction) == ("release", {"licence": licence})
    row.get_by_role("link", name=str(licence)).click()
    money = page.get_by_role("region", name="Tiền đã được chia")
    expect(money).to_contain_text("875.003 ₫")
    assert "Hoàn cho bên mua" not in said(money)


def test_R26_a_dispute_that_nobody_decided_gives_the_whole_price_back(
    page: Page, wallet: Wallet, licence: int, market: Local
) -> None:
    async def disputed() -> None:
        async with acting(market, "buyer") as buyer:
            await buyer.dispute(licence, keccak(b"nothing arrived"))

    with windows(market, 1):
        run(disputed())
    second_over(market)
    open_licence(page, licence)
    page.get_by_role("button", name="Đòi lại tiền").click()
    desk = page.get_by_role("dialog", name=f"Đòi lại tiền, giấy phép {licence}")
    expect(desk).to_contain_text("bạn được hoàn toàn bộ, giấy phép chấm dứt")
    desk.get_by_role("button", name="Ký trong ví").click()
    expect(page.get_by_role("main").locator("dl.facts").first).to_contain_text("đã hoàn tiền")
    money = page.get_by_role("region", name="Tiền đã được chia")
    expect(money).to_contain_text("1.000.003 ₫")
    assert list(said(money)) == ["Hoàn cho bên mua"]
    assert sent(wallet) == ["lapse"]


def test_R03_a_licence_that_expired_is_said_to_be_and_opens_nothing(
    page: Page, wallet: Wallet, listed: Listed, market: Local
) -> None:
    async def for_a_second() -> int:
        plan = structs.PlanDraft(0, DONG, 1, NO_LIMIT, 0, 0, 0, "0x" + "00" * 20, keccak(b"terms"))
        async with acting(market, "seller") as seller, acting(market, "buyer") as buyer:
            await seller.send(seller.contracts.listings.add_plan(listed.listing, plan))
            held = await seller.read(seller.contracts.listings.listing(listed.listing))
            return (await buyer.buy(plan_id(listed.listing, held.plans - 1), again=True)).licence

    licence = run(for_a_second())
    second_over(market)
    open_licence(page, licence)
    expect(page.get_by_role("main").locator("dl.facts").first).to_contain_text("đã hết hạn")
    page.get_by_role("button", name="Tải về và giải mã").click()
    page.get_by_role("dialog").get_by_role("button", name="Ký trong ví").click()
    expect(page.get_by_role("alert")).to_be_visible()
    expect(page.get_by_text("đúng từng byte với bản niêm yết")).to_be_hidden()
    expect(page.get_by_role("button", name="Gia hạn")).to_be_visible()


def ask(market: Local, method: str, *params: object) -> Any:
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).encode()
    request = urllib.request.Request(
        f"http://127.0.0.1:{market.rpc_port}", body, {"content-type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=20) as response:  # noqa: S310
        return json.load(response)["result"]


def without(behind: str, *functions: str) -> str:
    """EVM code that does what the code at `behind` does, but for these functions, which it lacks."""
    forward = f"3660006000376000600036600073{behind[2:]}5af43d600060003e"
    done = 6 + 11 * len(functions) + len(forward) // 2 + 8
    lacking = "".join(f"8063{keccak(text=function)[:4].hex()}1461{done + 5:04x}57" for function in functions)
    return f"0x60003560e01c{lacking}{forward}61{done:04x}573d6000fd5b3d6000f35b60006000fd"


@pytest.fixture
def plain_token(market: Local) -> Iterator[str]:
    """The settlement token, without permits for now."""
    token = Manifest.load(market.folder / "manifest.json").address("SettlementToken")
    behind = "0x" + "be" * 20
    code = ask(market, "eth_getCode", token, "latest")
    ask(market, "anvil_setCode", behind, code)
    functions = ("eip712Domain()", "nonces(address)", "DOMAIN_SEPARATOR()")
    ask(market, "anvil_setCode", token, without(behind, *functions))
    yield token
    ask(market, "anvil_setCode", token, code)


def test_R26_a_token_without_permits_is_allowed_first_then_spent(
    page: Page, wallet: Wallet, listed: Listed, plain_token: str
) -> None:
    connect(page)
    open_listing(page, listed)
    page.get_by_role("button", name=f"Mua: {listed.plan}").click()
    allow = page.get_by_role("dialog", name="Cho phép sàn lấy 1.000.003 ₫")
    expect(allow).to_contain_text("nên cần hai giao dịch")
    allow.get_by_role("button", name="Ký trong ví").click()
    desk = page.get_by_role("dialog", name="Mua giấy phép: Dân số theo xã")
    expect(desk).to_contain_text("Ví sẽ hỏi bạn ký một giao dịch")
    desk.get_by_role("button", name="Ký trong ví").click()
    expect(page.get_by_text("là của bạn.")).to_be_visible()
    assert sent(wallet) == ["approve", "buy"]
    (approval, _) = (decoded(transaction) for (transaction,) in wallet.of("eth_sendTransaction"))
    assert PRICE in approval[1].values()
    assert wallet.of("eth_signTypedData_v4") == []


def confirming(page: Page, licence: int) -> Locator:
    open_licence(page, licence)
    page.get_by_role("button", name="Xác nhận đã nhận đủ").click()
    return page.get_by_role("dialog", name=f"Xác nhận đã nhận hàng, giấy phép {licence}")


def test_a_transaction_that_was_sped_up_is_found_by_its_number(
    page: Page, wallet: Wallet, licence: int
) -> None:
    desk = confirming(page, licence)
    wallet.second_thought = "again"
    desk.get_by_role("button", name="Ký trong ví").click()
    expect(page.get_by_role("main").locator("dl.facts").first).to_contain_text("đã thanh toán")
    page.locator(".tray summary").click()
    expect(page.locator(".tray")).to_contain_text("Ví đã gửi lại giao dịch này")
    expect(page.locator(".tray summary")).to_contain_text("đã chung cuộc")


def test_a_transaction_that_was_cancelled_is_said_to_be(page: Page, wallet: Wallet, licence: int) -> None:
    desk = confirming(page, licence)
    wallet.second_thought = "cancel"
    desk.get_by_role("button", name="Ký trong ví").click()
    expect(desk.get_by_role("alert")).to_contain_text("Bạn đã hủy giao dịch này trong ví")
    desk.get_by_role("button", name="Để sau").click()
    expect(page.locator(".tray summary")).to_contain_text("đã hủy trong ví")
    page.get_by_role("button", name="Xác nhận đã nhận đủ").click()
    desk.get_by_role("button", name="Ký trong ví").click()
    expect(page.get_by_role("main").locator("dl.facts").first).to_contain_text("đã thanh toán")


def test_a_transaction_that_failed_says_with_which_error_of_the_contract(
    page: Page, wallet: Wallet, licence: int, market: Local
) -> None:
    desk = confirming(page, licence)
    wallet.meanwhile = lambda: run(confirmed(market, licence))
    desk.get_by_role("button", name="Ký trong ví").click()
    alert = desk.get_by_role("alert")
    expect(alert).to_contain_text("nhưng không thành công, không có gì thay đổi")
    expect(alert).to_contain_text("Đơn này đã được xác nhận")
    expect(alert).to_contain_text(f"Exchange_OrderNotOpen(licence: {licence})")
    desk.get_by_role("button", name="Để sau").click()
    page.reload()
    expect(page.locator(".tray summary")).to_contain_text("không thành công")
