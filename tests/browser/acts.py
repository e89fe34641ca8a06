"""What a person does on the page, whoever they are."""

from playwright.sync_api import Locator, Page, expect


def connect(page: Page) -> None:
    page.get_by_role("banner").get_by_role("button", name="Kết nối ví").click()
    page.get_by_role("button", name="Strict wallet").click()
    expect(page.get_by_role("banner").get_by_role("button", name="Tài khoản 0x")).to_be_visible()


def sign_in(page: Page) -> None:
    """Where the page asks for it; the account is connected."""
    page.get_by_role("main").get_by_role("button", name="Đăng nhập bằng ví").click()


def said(facts: Locator) -> dict[str, str]:
    """What the page lists, name to value."""
    names, values = facts.evaluate(
        "list => ['dt', 'dd'].map(kind => [...list.querySelectorAll(kind)].map(one => one.innerText))"
    )  # at once: the page may be adding to it
    return dict(zip(names, values, strict=True))
