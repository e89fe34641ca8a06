"""Evidence, checked in the browser by somebody who asks no server."""

import json
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import segno
from playwright.sync_api import Browser, Page, expect

from ledger.pdf import attachment
from ledger.proofs import canonical
from ledger.services.dossier_paper import ATTACHED
from tests.browser.conftest import Listed, buy
from tests.e2e.conftest import Local


@dataclass(frozen=True, slots=True)
class Files:
    """A licence's certificate, the trust file, and who holds the licence."""

    licence: Path
    dossier: Path
    trust: Path
    holder: str
    number: int


@pytest.fixture(scope="module")
def files(market: Local, listed: Listed, tmp_path_factory: pytest.TempPathFactory) -> Files:
    folder = tmp_path_factory.mktemp("evidence")
    licence, trust = folder / "licence.json", folder / "trust.json"
    dossier = folder / "dossier.pdf"
    number = buy(market, listed.plan).licence
    assert market("certificate", "licence", number, "--to", licence).code == 0
    assert market("trust", "--development", "--to", trust).code == 0
    assert market("dossier", number, "--to", dossier).code == 0
    return Files(licence, dossier, trust, json.loads(licence.read_bytes())["claim"]["holder"], number)


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


def test_R18_a_file_may_be_dropped(verify: Page, files: Files) -> None:
    choose(verify, files.licence, files.trust)
    dropped = verify.evaluate_handle(
        """text => {
          const data = new DataTransfer();
          data.items.add(new File([text], "dropped.json", { type: "application/json" }));
          return data;
        }""",
        files.licence.read_text(),
    )
    verify.get_by_role("group", name="Tệp bằng chứng").dispatch_event("drop", {"dataTransfer": dropped})
    expect(verify.get_by_text("dropped.json")).to_be_visible()
    press(verify)
    expect(verify.locator("dl")).to_contain_text(files.holder)


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


def test_R29_a_dossier_s_paper_is_verified_by_what_is_attached(
    verify: Page, files: Files, tmp_path: Path
) -> None:
    choose(verify, files.dossier, files.trust)
    expect(verify.get_by_text("dossier.pdf: tệp đính kèm")).to_be_visible()
    press(verify)
    expect(verify.get_by_role("heading", name="✓ Được chứng minh")).to_have_count(3)
    expect(verify.locator("dl").first).to_contain_text(files.holder)
    expect(verify.get_by_text("Hồ sơ còn kể thêm")).to_be_visible()

    dossier = canonical.loads(attachment(files.dossier.read_bytes(), ATTACHED))
    forged = tmp_path / "forged.json"
    forged.write_bytes(canonical.dumps(dossier | {"licence": str(files.number + 1)}))
    choose(verify, forged, files.trust)
    press(verify)
    expect(verify.get_by_text("BadDossier")).to_be_visible()

    blank = tmp_path / "blank.pdf"
    blank.write_bytes(b"%PDF-1.4\n%%EOF\n")
    choose(verify, blank, files.trust)
    expect(verify.get_by_role("alert")).to_contain_text("không đính kèm bằng chứng nào")
    expect(verify.get_by_role("button", name="Kiểm chứng", exact=True)).to_be_disabled()


def film(text: str, to: Path) -> None:
    """A code held before a camera of 640 by 480, for two frames."""
    width, height, side = 640, 480, 8
    shade = bytearray(b"\xb0" * (width * height))
    rows = list(segno.make(text, error="m", micro=False).matrix_iter(scale=side, border=4))
    left, top = (width - len(rows)) // 2, (height - len(rows)) // 2
    for down, row in enumerate(rows):
        start = (top + down) * width + left
        shade[start : start + len(rows)] = bytes(30 if dark else 230 for dark in row)
    frame = b"FRAME\n" + bytes(shade) + b"\x80" * (width * height // 2)
    to.write_bytes(f"YUV4MPEG2 W{width} H{height} F10:1 Ip A1:1 C420jpeg\n".encode() + 2 * frame)


def test_R18_a_code_before_the_camera_is_read_and_its_certificate_verified(
    page: Page, files: Files, camera: Path, address: str
) -> None:
    page.goto("/#/verify")
    film("https://other.example/#/verify?licence=1", camera)
    page.get_by_role("button", name="Quét mã QR bằng camera").click()
    expect(page.get_by_role("alert")).to_contain_text("thuộc một sàn khác (https://other.example)")
    film(f"{address}#/verify?licence={files.number}", camera)
    page.get_by_role("button", name="Quét mã QR bằng camera").click()
    expect(page.get_by_text(f"licence-{files.number}.json")).to_be_visible()
    expect(page.locator("video")).to_have_count(0)
    page.get_by_label("Tệp do chính sàn này công bố").check()
    press(page)
    expect(page.locator("dl")).to_contain_text(files.holder)
