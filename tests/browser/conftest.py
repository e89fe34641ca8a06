"""A whole exchange, once per session, and a real browser that looks at its page."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from tests.e2e.conftest import Local


@pytest.fixture(scope="session")
def exchange(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Local]:
    local = Local(tmp_path_factory.mktemp("exchange"))
    local.start()
    yield local
    local.stop()


@pytest.fixture(scope="session")
def address(exchange: Local) -> str:
    """Of the page."""
    return f"http://127.0.0.1:{exchange.port}/"


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    found = shutil.which("chromium")
    assert found is not None, "scripts/setup tests installs chromium"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=Path(found), args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def page(browser: Browser, address: str) -> Iterator[Page]:
    """At the catalogue, in Vietnamese. What the browser complains about fails the test."""
    context = browser.new_context(locale="vi-VN", base_url=address)
    context.set_default_timeout(20_000)
    page = context.new_page()
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.goto("/")
    yield page
    context.close()
    assert complaints == []
