"""A licence's certificate from its own page: as a file, as a code, and presented to whoever asks."""

import json
import secrets
from pathlib import Path

from playwright.sync_api import Page, expect

from ledger.pdf import attachment
from tests.browser.conftest import Listed
from tests.browser.test_buyer import connect, plain, said
from tests.browser.wallet import Wallet
from tests.e2e.conftest import Local


def test_R18_a_holder_gets_a_certificate_and_presents_it(
    page: Page, wallet: Wallet, market: Local, listed: Listed, tmp_path: Path
) -> None:
    licence = market("buy", listed.plan, "--again").facts["licence"]
    connect(page)
    page.goto(f"/#/licences/{licence}")
    page.get_by_role("button", name="Lập chứng nhận").click()
    expect(page.get_by_text("Chứng nhận đã được kiểm tra trong trình duyệt này")).to_be_visible()
    expect(page.get_by_role("img", name="Mã QR")).to_be_visible()
    with page.expect_download() as download:
        page.get_by_role("button", name="Tải tệp chứng nhận").click()
    file = tmp_path / "licence.json"
    download.value.save_as(file)
    assert market("verify", file).facts["claim"]["licence"] == str(licence)

    with page.expect_download() as download:
        page.get_by_role("button", name="Tải bản in (PDF)").click()
    assert attachment(Path(download.value.path()).read_bytes(), "certificate.json") == file.read_bytes()

    challenge = "0x" + secrets.token_hex(32)
    page.get_by_label("Tên bên kiểm chứng").fill("bank.example")
    page.get_by_label("Mã thử thách").fill(challenge)
    told = said(page.locator("[data-signed=typed]").first)
    page.get_by_role("button", name="Ký và tải tệp trình diện").click()
    with page.expect_download() as download:
        page.get_by_role("dialog").get_by_role("button", name="Ký trong ví").click()
    presented = tmp_path / "presented.json"
    download.value.save_as(presented)
    ((account, signed),) = wallet.of("eth_signTypedData_v4")
    assert account == wallet.address
    assert plain(json.loads(signed)["message"]) == plain(told)
    asked = ("--verifier", "bank.example", "--challenge", challenge)
    assert market("verify", presented, *asked).code == 0
    assert market("verify", presented, *asked[:-1], "0x" + "00" * 32).code != 0


def test_R18_a_code_that_is_scanned_opens_the_certificate(page: Page, market: Local, listed: Listed) -> None:
    licence = market("buy", listed.plan, "--again").facts["licence"]
    page.goto(f"/#/verify?licence={licence}")
    expect(page.get_by_text(f"licence-{licence}.json")).to_be_visible()
    page.get_by_label("Tệp do chính sàn này công bố").check()
    page.get_by_role("button", name="Kiểm chứng", exact=True).click()
    expect(page.get_by_text(f"Giấy phép {licence}")).to_be_visible()
