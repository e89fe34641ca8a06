"""Who operates and who governs: decisions that wait, accreditation, the state of all parts."""

import json
import urllib.request
from typing import Any

from eth_account import Account
from eth_utils.crypto import keccak
from playwright.sync_api import Page, expect

from ledger.chain.manifest import Manifest
from tests.browser.acts import connect, said
from tests.browser.test_buyer import plain
from tests.browser.wallet import Wallet, decoded
from tests.e2e.conftest import Local


def asked(market: Local, method: str, params: list[Any]) -> Any:
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).encode()
    url = f"http://127.0.0.1:{market.rpc_port}"
    request = urllib.request.Request(url, body, {"content-type": "application/json"})
    with urllib.request.urlopen(request, timeout=20) as response:  # noqa: S310
        return json.load(response)["result"]


def contract(market: Local, name: str) -> str:
    return Manifest.load(market.folder / "manifest.json").address(name)


def let_wait(market: Local, operation: str) -> None:
    """The waiting time of this one decision passes: AccessManager's `_schedules[id].timepoint` is over."""
    manager = contract(market, "AccessManager")
    slot = "0x" + keccak(bytes.fromhex(operation[2:]) + (2).to_bytes(32, "big")).hex()
    word = int(asked(market, "eth_getStorageAt", [manager, slot, "latest"]), 16)
    head = int(asked(market, "eth_getBlockByNumber", ["latest", False])["timestamp"], 16)
    assert head < word % (1 << 48) <= head + 400, "the slot is of another layout"
    passed = (word >> 48 << 48) | (head - 1)
    asked(market, "anvil_setStorageAt", [manager, slot, f"0x{passed:064x}"])
    asked(market, "evm_mine", [])


def schedule(page: Page, wallet: Wallet, days: str) -> dict[str, str]:
    """A new time to arbitrate; what the page said that it would be."""
    page.get_by_label("Thời hạn phân xử (ngày)").fill(days)
    page.get_by_role("button", name="Lên lịch", exact=True).click()
    desk = page.get_by_role("dialog")
    told = said(desk.locator("dl.facts").first)
    desk.get_by_text("Nội dung sẽ ký").click()
    call = said(desk.locator("[data-signed=call]"))
    desk.get_by_role("button", name="Ký trong ví").click()
    expect(page.get_by_text("Đã lên lịch trên chuỗi.")).to_be_visible()
    function, arguments = decoded(wallet.of("eth_sendTransaction")[-1][0])
    assert call.pop("Hàm") == function == "schedule"
    call.pop("Hợp đồng")
    assert plain(arguments) == plain(call)
    return told


def test_R26_threat_S23_a_decision_waits_in_the_open_then_bites_or_is_cancelled(
    page: Page, wallet: Wallet, market: Local
) -> None:
    wallet.name = "governor"
    connect(page)
    page.goto("/#/operator")
    told = schedule(page, wallet, "15")
    assert told["Thời hạn phân xử (ngày)"] == "14 ngày → 15 ngày"
    assert told["Phí sàn (%)"] == "2,5% (giữ nguyên)"
    pending = page.get_by_role("region", name="Quyết định của ban quản trị").get_by_role("row")
    first = pending.filter(has_text="14 ngày → 15 ngày")
    expect(first).to_contain_text("đang chờ")
    expect(first.get_by_role("button", name="Thực hiện")).to_be_disabled()
    schedule(page, wallet, "16")

    second = pending.filter(has_text="14 ngày → 16 ngày")
    second.get_by_role("button", name="Hủy").click()
    page.get_by_role("dialog").get_by_role("button", name="Ký trong ví").click()
    expect(second).to_have_count(0)

    let_wait(market, first.locator("code[title]").first.get_attribute("title") or "")
    page.reload()
    first.get_by_role("button", name="Thực hiện").click()
    page.get_by_role("dialog").get_by_role("button", name="Ký trong ví").click()
    in_force = page.locator("dl.facts").filter(has_text="Thời hạn phân xử")
    expect(in_force.first).to_contain_text("15 ngày")
    page.get_by_text("Quyết định đã qua (2)").click()
    past = page.get_by_role("region", name="Quyết định đã qua").get_by_role("row")
    expect(past.filter(has_text="đã thực hiện")).to_have_count(1)
    expect(past.filter(has_text="đã hủy")).to_have_count(1)


def test_R14_only_a_newer_rule_pack_and_only_who_governs(page: Page, wallet: Wallet, market: Local) -> None:
    wallet.name = "outsider"
    connect(page)
    page.goto("/#/operator")
    button = page.get_by_role("button", name="Lên lịch", exact=True)
    button.click()
    expect(page.get_by_text("Tài khoản này không quyết định được việc đó")).to_be_visible()
    page.get_by_label("Việc cần quyết định").select_option("pack")
    page.get_by_label("Hợp đồng bộ quy tắc").fill(contract(market, "RulePack"))
    expect(page.get_by_text("Phiên bản 1, nước VN")).to_be_visible()
    button.click()
    expect(page.get_by_role("alert")).to_contain_text("phải có phiên bản cao hơn 1")
    page.get_by_label("Hợp đồng bộ quy tắc").fill(wallet.address)
    button.click()
    expect(page.get_by_role("alert")).to_have_text("không phải bộ quy tắc")
    assert wallet.of("eth_sendTransaction") == []


def test_an_operator_accredits_and_sees_every_part(page: Page, wallet: Wallet, market: Local) -> None:
    wallet.name = "operator"
    connect(page)
    page.goto("/#/operator")
    page.get_by_role("button", name="Đăng nhập bằng ví").click()
    parts = page.locator("dl.facts").filter(has_text="Lưu giữ khóa")
    expect(parts).to_contain_text("kho khóa tại chỗ")
    expect(parts.locator(".badge.good")).to_have_count(5)
    expect(parts).to_contain_text("đang dẫn đầu")
    expect(page.get_by_role("region", name="Các nút của chuỗi").get_by_role("row")).to_have_count(2)

    newcomer = Account.create().address
    page.get_by_label("Tài khoản (0x…)").fill(newcomer)
    page.get_by_label("Giấy tờ").fill("Giấy phép số 7")
    page.get_by_role("button", name="Công nhận thành viên").click()
    desk = page.get_by_role("dialog")
    assert said(desk.locator("dl.facts").first)["Vai trò"] == "bên mua"
    desk.get_by_role("button", name="Ký trong ví").click()
    expect(page.get_by_text("Đã ghi lên chuỗi.")).to_be_visible()
    ((transaction,),) = wallet.of("eth_sendTransaction")
    function, arguments = decoded(transaction)
    assert function == "accredit"
    assert arguments["account"] == newcomer
    assert "Giấy phép" not in transaction["data"]
