"""What is around every page."""

from playwright.sync_api import Page, expect


def test_R24_vietnamese_first_and_english_on_request(page: Page) -> None:
    expect(page.get_by_role("heading", level=1)).to_have_text("Danh mục dữ liệu")
    assert page.locator("html").get_attribute("lang") == "vi"
    page.get_by_role("button", name="English").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Data catalogue")
    page.reload()
    expect(page.get_by_role("heading", level=1)).to_have_text("Data catalogue")
    assert page.locator("html").get_attribute("lang") == "en"


def test_R24_light_and_dark(page: Page) -> None:
    ground = "getComputedStyle(document.body.parentElement).backgroundColor"
    theme = page.get_by_role("button", name="Giao diện")
    theme.click()
    dark = page.evaluate(ground)
    theme.click()
    assert page.evaluate(ground) != dark


def test_R24_the_keyboard_reaches_everything(page: Page) -> None:
    page.keyboard.press("Tab")
    skip = page.get_by_role("link", name="Tới nội dung chính")
    expect(skip).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("main")).to_be_focused()


def test_an_address_that_is_none_says_so(page: Page) -> None:
    page.goto("/#/nothing/here")
    expect(page.get_by_role("heading", level=1)).to_have_text("Không có trang này")
