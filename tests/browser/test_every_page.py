"""What holds on every page: whatever a seller wrote, whoever reads it, on whatever screen."""

import os
import re
from pathlib import Path
from typing import Any, Final

import pytest
from playwright.sync_api import Browser, Page, Request, expect

from ledger.chain.devnet import CHAIN_ID
from ledger.cli.market import dcat
from tests.browser.acts import connect
from tests.browser.conftest import Listed, acting, publish, run
from tests.browser.wallet import Wallet
from tests.e2e.conftest import Local

ROOT: Final = Path(__file__).parents[2]
AXE: Final = (ROOT / "node_modules/axe-core/axe.min.js").read_text()
ROUTES: Final = re.findall(r'page\("([^"]+)"', (ROOT / "api/web/src/routes.ts").read_text())
FIRST_VIEW: Final = 200_000
"""Bytes over the wire, the catalogue's data with them."""

HOSTILE: Final = (
    "<script>window.ethereum?.request({method:'eth_sendTransaction'});window.pwned=1</script>",
    '"><img src=x onerror="window.pwned=2">',
    "<svg/onload=window.pwned=3>",
    "javascript:window.pwned=4//",
    "{{constructor.constructor('window.pwned=5')()}}",
    "${window.pwned=6}",
    "</textarea></title><iframe srcdoc='<script>parent.pwned=7</script>'>",
    "<a href='javascript:window.pwned=8'>x</a>",
    "<math><mtext></form><form><mglyph><style></math><img src onerror=window.pwned=9>",
    "\u202e<b onmouseover=window.pwned=10>",
)


@pytest.fixture(scope="module")
def hostile(market: Local, tmp_path_factory: pytest.TempPathFactory) -> tuple[int, int]:
    """A listing whose every text is out to run a script, and a licence of it."""
    path = tmp_path_factory.mktemp("hostile") / "rows.csv"
    path.write_bytes(b"a,b\n1,2\n")
    every = " ".join(HOSTILE)
    metadata: dict[str, Any] = dcat(every, every, "text/csv", 8) | {
        "dcat:keyword": list(HOSTILE),
        "dct:publisher": every,
        "dct:license": "javascript:window.pwned=11",
        "adms:sample": every,
        "csvw:tableSchema": {
            "csvw:column": [
                {"csvw:name": text, "csvw:datatype": text, "dct:description": text} for text in HOSTILE
            ]
        },
    }

    async def made() -> tuple[int, int]:
        listing, plan = await publish(market, path, metadata)
        async with acting(market, "buyer") as buyer:
            return listing, (await buyer.buy(plan)).licence

    return run(made())


@pytest.fixture
def addresses(hostile: tuple[int, int]) -> list[str]:
    """Of every page that there is, each with something to show."""
    listing, licence = hostile
    ids = {"/listings/:id": listing, "/licences/:id": licence}
    return [f"/#{route.replace(':id', str(ids.get(route, 1)))}" for route in ROUTES]


def settle(page: Page, address: str) -> None:
    page.goto(address)
    expect(page.get_by_role("heading", level=1).first).to_be_visible()
    expect(page.locator("[aria-busy=true]")).to_have_count(0)
    page.wait_for_load_state("networkidle")


def test_threat_S21_what_a_seller_wrote_never_runs(
    page: Page, wallet: Wallet, hostile: tuple[int, int], addresses: list[str]
) -> None:
    connect(page)
    for name in ("buyer", "seller"):
        wallet.switch_account(page, name)
        for address in addresses:
            settle(page, address)
            page.evaluate(
                "for (const one of document.querySelectorAll('main *')) "
                "one.dispatchEvent(new MouseEvent('mouseover', { bubbles: true }))"
            )
            assert page.evaluate("window.pwned") is None, address
            assert page.locator("main").locator("script, iframe, [onerror], [onload]").count() == 0
            assert page.locator("[href^='javascript:' i]").count() == 0
    page.goto(f"/#/listings/{hostile[0]}")
    expect(page.get_by_role("heading", level=1)).to_contain_text(HOSTILE[0])
    asked = {method for method, _ in wallet.asked}
    assert not any(
        method in asked for method in ("eth_sendTransaction", "personal_sign", "eth_signTypedData_v4")
    )


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_R24_every_page_is_accessible(page: Page, wallet: Wallet, addresses: list[str], theme: str) -> None:
    page.emulate_media(color_scheme="dark" if theme == "dark" else "light", reduced_motion="reduce")
    connect(page)
    wallet.emit(page, "chainChanged", hex(CHAIN_ID))
    found = {}
    for address in addresses:
        settle(page, address)
        found[address] = violations(page)
    page.get_by_role("banner").get_by_role("button", name="Tài khoản").click()
    found["the wallet's dialog"] = violations(page)
    assert not {address: faults for address, faults in found.items() if faults}


def violations(page: Page) -> list[str]:
    """Of WCAG 2.2 A and AA, as axe sees them."""
    page.evaluate(AXE)
    tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
    result = page.evaluate("tags => axe.run(document, { runOnly: tags })", tags)
    return [f"{one['id']}: {node['html'][:160]}" for one in result["violations"] for node in one["nodes"]]


def test_R24_no_page_is_wider_than_a_telephone(page: Page, addresses: list[str]) -> None:
    page.set_viewport_size({"width": 360, "height": 740})
    connect(page)
    for address in addresses:
        settle(page, address)
        assert page.evaluate("document.scrollingElement.scrollWidth") <= 360, address


def test_the_first_view_of_the_catalogue_is_light(
    browser: Browser, address: str, hostile: tuple[int, int]
) -> None:
    context = browser.new_context(base_url=address)
    page = context.new_page()
    seen: list[Request] = []
    page.on("requestfinished", lambda request: seen.append(request))
    settle(page, "/")
    loaded = {request.url: request.sizes()["responseBodySize"] for request in seen}
    context.close()
    assert any("/v1/listings" in url for url in loaded)
    assert 10_000 < sum(loaded.values()) < FIRST_VIEW, loaded
    assert all(url.startswith((address, "data:")) for url in loaded), "nothing comes from elsewhere"


def test_a_picture_of_every_page(
    page: Page, wallet: Wallet, market: Local, listed: Listed, tmp_path: Path
) -> None:
    """`scripts/screenshots` keeps them."""
    folder = Path(os.environ.get("SOCAI_SCREENSHOTS", tmp_path))
    connect(page)
    page.goto(f"/#/listings/{listed.listing}")
    page.get_by_role("button", name=f"Mua: {listed.plan}").click()
    desk = page.get_by_role("dialog", name="Mua giấy phép")
    expect(desk).to_be_visible()
    page.screenshot(path=folder / "buying-desktop.png")
    desk.get_by_role("button", name="Ký trong ví").click()
    licence = page.get_by_role("link", name="Mở giấy phép").get_attribute("href") or ""
    ids = {"/listings/:id": listed.listing, "/licences/:id": licence.rpartition("/")[2]}
    for width, name in ((1200, "desktop"), (390, "phone")):
        page.set_viewport_size({"width": width, "height": 800})
        for route in ROUTES:
            wallet.switch_account(page, "seller" if route in ("/sell", "/sales") else "buyer")
            settle(page, f"/#{route.replace(':id', str(ids.get(route, 1)))}")
            picture = (
                folder / f"{route.strip('/').replace('/', '-').replace(':', '') or 'catalogue'}-{name}.png"
            )
            page.screenshot(path=picture, full_page=True)
            assert picture.stat().st_size > 5_000
