"""A whole exchange, once per session, and a real browser that looks at its page."""

import asyncio
import random
import shutil
import time
from collections.abc import AsyncIterator, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar

import pytest
from eth_account import Account
from eth_utils.crypto import keccak
from playwright.sync_api import Browser, ConsoleMessage, Page, expect, sync_playwright

from ledger.chain.bindings import structs
from ledger.chain.devnet import dev_accounts
from ledger.chain.manifest import Manifest
from ledger.cli.sell import dcat
from ledger.client import Client
from ledger.client.client import Bought
from ledger.domain.market import DONG, NO_LIMIT, Kind, Role
from tests.browser.wallet import Wallet
from tests.e2e.conftest import Local

T = TypeVar("T")
PATIENCE: Final = 30_000
"""Milliseconds that the page may take for a step, on a machine that others use too."""
expect.set_options(timeout=PATIENCE)


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
def camera(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the browser's camera films, once a test has written it (YUV4MPEG2)."""
    return tmp_path_factory.mktemp("camera") / "film.y4m"


@pytest.fixture(scope="session")
def browser(camera: Path) -> Iterator[Browser]:
    found = shutil.which("chromium")
    assert found is not None, "scripts/setup tests installs chromium"
    with sync_playwright() as playwright:
        filming = (
            "--use-fake-ui-for-media-stream",
            "--use-fake-device-for-media-stream",
            f"--use-file-for-fake-video-capture={camera}",
        )
        browser = playwright.chromium.launch(executable_path=Path(found), args=["--no-sandbox", *filming])
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
    context.set_default_timeout(PATIENCE)
    wallet.install(context)
    page = context.new_page()
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda message: complaints.append(message.text) if serious(message) else None)
    page.goto("/")
    yield page
    context.close()
    assert complaints == []


def run(work: Coroutine[Any, Any, T]) -> T:
    """In a thread of its own: Playwright keeps a loop in this one."""
    with ThreadPoolExecutor(1) as threads:
        return threads.submit(asyncio.run, work).result()


@asynccontextmanager
async def acting(exchange: Local, name: str) -> AsyncIterator[Client]:
    """As one of the development accounts, from Python."""
    async with Client.open(
        service_url=f"http://127.0.0.1:{exchange.port}",
        rpc_url=f"http://127.0.0.1:{exchange.rpc_port}",
        manifest=Manifest.load(exchange.folder / "manifest.json"),
        account=Account.from_key(dev_accounts()[name].key),
        folder=exchange.folder / "client",
    ) as client:
        yield client


def serious(message: ConsoleMessage) -> bool:
    """What a server refused is no fault of the page's, if it bears it."""
    return message.type == "error" and not message.text.startswith("Failed to load resource")


@pytest.fixture(scope="session")
def market(exchange: Local) -> Local:
    """With an accredited seller and buyer, and money."""

    async def prepare() -> None:
        async with acting(exchange, "operator") as operator:
            for name, role in (("seller", Role.SELLER), ("buyer", Role.BUYER)):
                until = int(time.time()) + 365 * 86_400
                await operator.accredit(
                    dev_accounts()[name].address,
                    role,
                    jurisdiction="VN",
                    public_body=False,
                    valid_until=until,
                    credential=keccak(text=f"salted {name}"),
                )
            await operator.mint(dev_accounts()["buyer"].address, 1_000_000_000)

    run(prepare())
    return exchange


@dataclass(frozen=True)
class Listed:
    listing: int
    plan: int
    content: bytes


TITLE: Final = "Dân số theo xã"
PRICE: Final = 1_000_003


@pytest.fixture(scope="session")
def listed(market: Local, tmp_path_factory: pytest.TempPathFactory) -> Listed:
    """A dataset of three blocks and a bit, attested, for 30 days."""
    path = tmp_path_factory.mktemp("data") / "rows.csv"
    path.write_bytes(random.Random(5).randbytes(3 << 20) + b"the end")  # noqa: S311 - not a secret
    listing, plan = run(publish(market, path, dcat(TITLE, "Theo tổng điều tra", "text/csv", 1)))
    return Listed(listing, plan, path.read_bytes())


async def publish(market: Local, path: Path, metadata: dict[str, Any]) -> tuple[int, int]:
    """A new listing, attested, and its plan."""
    plan = structs.PlanDraft(PRICE, DONG, 30 * 86_400, NO_LIMIT, 0, 0, 0, "0x" + "00" * 20, keccak(b"terms"))
    kinds = (
        structs.Importance.OTHER,
        structs.Sharing.SHARED,
        structs.Subject.LOCATIONS,
        structs.PersonalData.NONE,
    )
    async with acting(market, "seller") as seller, acting(market, "reviewer") as reviewer:
        published = await seller.publish(
            path,
            metadata=metadata,
            media_type="text/csv",
            classification=structs.Classification(*kinds),
            plans=[plan],
        )
        await reviewer.attest(published.listing, 1, Kind.LEGAL, keccak(b"looked through"))
    return published.listing, published.plans[0]


def buy(market: Local, plan: int) -> Bought:
    """By the buyer, without the command: it takes a second to start."""

    async def bought() -> Bought:
        async with acting(market, "buyer") as buyer:
            return await buyer.buy(plan, again=True)

    return run(bought())
