"""Evidence, checked in the browser by somebody who asks no server."""

import json
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import Listed
from tests.e2e.conftest import Local


@dataclass(frozen=True, slots=True)
class Files:
    """A licence's certificate, the trust file, and who holds the licence."""

    licence: Path
    trust: Path
    holder: str


@pytest.fixture(scope="module")
def files(market: Local, listed: Listed, tmp_path_factory: pytest.TempPathFactory) -> Files:
    folder = tmp_path_factory.mktemp("evidence")
    licence, trust = folder / "licence.json", folder / "trust.json"
    number = market("buy", listed.plan, "--again").facts["licence"]
    assert market("certificate", "licence", number, "--to", licence).code == 0
    assert market("trust", "--development", "--to", trust).code == 0
    return Files(licence, trust, json.loads(licence.read_bytes())["claim"]["holder"])


@pytest.fixture
def verify(browser: Browser, address: str) -> Iterator[Page]:
    """The page for it, with the network cut once it is loaded."""
    context = browser.new_context(locale="vi-VN", base_url=address)
    context.set_default_timeout(20_000)
    page = context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto("/#/verify")
    expect(page.get_by_text("dùng được cả khi mất mạng")).to_be_visible(timeout=20_000)
    context.set_offline(True)
    yield page
    context.close()
    assert errors == []


def choose(page: Page, evidence: Path, trust: Path) -> None:
    page.get_by_label("Chọn tệp bằng chứng").set_input_files(evidence)
    page.get_by_label("Tệp tin cậy của tôi").check()
    page.get_by_label("Chọn tệp tin cậy").set_input_files(trust)


def press(page: Page) -> None:
    page.get_by_role("button", name="Kiểm chứng", exact=True).click()


def test_R18_a_licence_is_verified_without_a_network(verify: Page, files: Files) -> None:
    choose(verify, files.licence, files.trust)
    press(verify)
    expect(verify.get_by_role("heading", name="Được chứng minh", exact=False).first).to_be_visible()
    expect(verify.locator("dl")).to_contain_text(files.holder)
    expect(verify.get_by_text("Chuỗi thử nghiệm")).to_be_visible()
    expect(verify.get_by_text("người đưa tệp này là người giữ giấy phép")).to_be_visible()


def test_R18_the_page_opens_again_without_a_network(verify: Page, files: Files) -> None:
    verify.reload()
    choose(verify, files.licence, files.trust)
    press(verify)
    expect(verify.locator("dl")).to_contain_text(files.holder)


def test_threat_S20_forged_evidence_is_refused(verify: Page, files: Files, tmp_path: Path) -> None:
    whole = files.licence.read_text()
    for number, (text, said) in enumerate(
        (
            (whole.replace(files.holder, "0x" + "99" * 20), "ClaimMismatch"),
            (whole.replace('"id":84084', '"id":1'), "WrongChain"),
            (whole[:-1], "BadBundle"),
            (whole.replace('"status":"active"', '"status":"revoked"'), "ClaimMismatch"),
        )
    ):
        assert text != whole
        forged = tmp_path / f"forged-{number}.json"
        forged.write_text(text)
        choose(verify, forged, files.trust)
        press(verify)
        expect(verify.get_by_role("heading", name="Không chứng minh được gì")).to_be_visible()
        expect(verify.get_by_text(said)).to_be_visible()
        expect(verify.locator("dl")).to_have_count(0)


def test_R18_a_presentation_answers_the_challenge_of_who_verifies(
    exchange: Local, verify: Page, files: Files, tmp_path: Path
) -> None:
    challenge, presented = "0x" + secrets.token_hex(32), tmp_path / "presented.json"
    asked = ("--verifier", "bank.example", "--challenge", challenge)
    assert exchange("present", files.licence, *asked, "--to", presented).code == 0
    choose(verify, presented, files.trust)
    verify.get_by_label("Tên của bạn").fill("bank.example")
    verify.get_by_label("Mã thử thách").fill(challenge)
    press(verify)
    expect(verify.get_by_text("Chính người giữ giấy phép đã trình diện")).to_be_visible()
    verify.get_by_role("button", name="Tạo mã mới").click()
    press(verify)
    expect(verify.get_by_text("OtherChallenge")).to_be_visible()


def test_the_exchange_s_own_trust_file_is_named_as_such(page: Page, files: Files) -> None:
    page.goto("/#/verify")
    page.get_by_label("Chọn tệp bằng chứng").set_input_files(files.licence)
    page.get_by_label("Tệp do chính sàn này công bố").check()
    press(page)
    expect(page.locator("dl")).to_contain_text(files.holder)
    expect(page.locator(".notice").get_by_text("sàn đang tự xác nhận cho mình")).to_be_visible()


def test_verifying_asks_no_server(page: Page, files: Files) -> None:
    page.goto("/#/verify")
    page.get_by_label("Tệp tin cậy của tôi").check()
    page.wait_for_load_state("networkidle")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    choose(page, files.licence, files.trust)
    press(page)
    expect(page.locator("dl")).to_contain_text(files.holder)
    assert asked == []
