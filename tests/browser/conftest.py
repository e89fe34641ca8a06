"""A whole exchange, once per session, and a real browser that looks at its page."""

import random
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from ledger.chain.devnet import dev_accounts
from tests.browser.wallet import Wallet
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
def wallet(exchange: Local) -> Wallet:
    """The buyer's, on another chain."""
    return Wallet(f"http://127.0.0.1:{exchange.rpc_port}")


@pytest.fixture
def page(browser: Browser, address: str, wallet: Wallet) -> Iterator[Page]:
    """At the catalogue, in Vietnamese. What the browser complains about fails the test."""
    context = browser.new_context(locale="vi-VN", base_url=address)
    context.set_default_timeout(20_000)
    wallet.install(context)
    page = context.new_page()
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.goto("/")
    yield page
    context.close()
    assert complaints == []


@pytest.fixture(scope="session")
def market(exchange: Local) -> Local:
    """With an accredited seller and buyer, and money."""
    for role in ("seller", "buyer"):
        account = dev_accounts()[role].address
        accredit = ("accredit", account, "--role", role, "--credential", f"salted {role}")
        assert exchange(*accredit, name="operator").code == 0
    funded = exchange("mint", dev_accounts()["buyer"].address, 1_000_000_000, name="operator")
    assert funded.code == 0
    return exchange


@dataclass(frozen=True)
class Listed:
    listing: int
    plan: int
    content: bytes


@pytest.fixture(scope="session")
def listed(market: Local, tmp_path_factory: pytest.TempPathFactory) -> Listed:
    """A dataset of three blocks and a bit, attested, at 1,000,003 đồng for 30 days."""
    path = tmp_path_factory.mktemp("data") / "rows.csv"
    path.write_bytes(random.Random(5).randbytes(3 << 20) + b"the end")  # noqa: S311 - not a secret
    published = market(
        "publish", path, "--title", "Dân số theo xã", "--price", 1_000_003, "--days", 30, name="seller"
    )
    assert published.code == 0, published
    listing = int(published.facts["listing"])
    assert market("attest", listing, "--evidence", "looked through", name="reviewer").code == 0
    return Listed(listing, int(published.facts["plans"][0]), path.read_bytes())
