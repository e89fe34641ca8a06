"""What holds on every page: whatever a seller wrote, whoever reads it, on whatever screen."""

import os
import re
from pathlib import Path
from typing import Any, Final

import pytest
from playwright.sync_api import Browser, Locator, Page, Request, expect

from ledger.chain.devnet import CHAIN_ID, dev_accounts
from ledger.cli.sell import dcat
from tests.browser.acts import connect, sign_in
from tests.browser.conftest import TITLE, Listed, acting, publish, run
from tests.browser.wallet import Wallet
from tests.e2e.conftest import Local

ROOT: Final = Path(__file__).parents[2]
AXE: Final = (ROOT / "node_modules/axe-core/axe.min.js").read_text()
ROUTES: Final = re.findall(r'page\("([^"]+)"', (ROOT / "api/web/src/routes.ts").read_text())
SELLING: Final = ("/#/sell", "/#/sales")
SIGN_IN: Final = "Đăng nhập bằng ví"
MOVING: Final = """() => [...document.querySelectorAll("*")].filter((one) => {
  const { animationName, transitionDuration } = getComputedStyle(one);
  return animationName !== "none" || transitionDuration !== "0s";
}).map((one) => one.outerHTML)"""
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
    return [address_of(route, listing, licence) for route in ROUTES]


def address_of(route: str, listing: int, licence: int) -> str:
    ids = {"listings": listing, "licences": licence, "participants": dev_accounts()["seller"].address}
    *_, noun, _ = ["", *route.split("/")]
    return f"/#{route.replace(':id', str(ids.get(noun, listing)))}"


def settle(page: Page, address: str) -> None:
    page.goto(address)
    expect(page.get_by_role("heading", level=1).first).to_be_visible()
    expect(page.locator("[aria-busy=true]")).to_have_count(0)
    page.wait_for_load_state("networkidle")


def become(page: Page, wallet: Wallet, name: str) -> None:
    """Signed in."""
    wallet.switch_account(page, name)
    settle(page, "/#/licences")
    sign_in(page)
    expect(page.get_by_role("banner").get_by_text("Đã đăng nhập")).to_be_visible()


def test_threat_S21_what_a_seller_wrote_never_runs(
    page: Page, wallet: Wallet, hostile: tuple[int, int], addresses: list[str]
) -> None:
    connect(page)
    for name in ("buyer", "seller"):
        become(page, wallet, name)
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
    assert not asked & {"eth_sendTransaction", "eth_signTypedData_v4"}
    assert len(wallet.of("personal_sign")) == 2, "the two that we asked for"


def test_R24_every_page_is_accessible(page: Page, wallet: Wallet, addresses: list[str]) -> None:
    connect(page)
    found = {}
    for person, read in (
        ("buyer", [one for one in addresses if one not in SELLING]),
        ("seller", [*SELLING, *(one for one in addresses if "/licences/" in one)]),
    ):
        become(page, wallet, person)
        wallet.emit(page, "chainChanged", hex(CHAIN_ID))
        for address in read:
            settle(page, address)
            if address.startswith("/#/licences/"):
                page.get_by_role("button", name="Lập chứng nhận").click()
                expect(page.get_by_role("img", name="Mã QR")).to_be_visible()
            found[f"{person} {address}"] = violations(page)
    page.get_by_role("banner").get_by_role("button", name="Tài khoản").click()
    found["the wallet's dialog"] = violations(page)
    assert not {address: faults for address, faults in found.items() if faults}


def violations(page: Page) -> list[str]:
    """Of WCAG 2.2 A and AA, as axe sees them, in the dark too; and what moves though nothing should."""
    page.evaluate(AXE)
    tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
    found = []
    for theme, rules in (("light", tags), ("dark", ["color-contrast"])):  # a theme changes colours only
        page.emulate_media(color_scheme=theme, reduced_motion="reduce")  # type: ignore[arg-type]
        result = page.evaluate("rules => axe.run(document, { runOnly: rules })", rules)
        nodes = [(one["id"], node["html"][:160]) for one in result["violations"] for node in one["nodes"]]
        found += [f"{theme} {rule}: {html}" for rule, html in nodes]
    return found + [f"moves: {html[:160]}" for html in page.evaluate(MOVING)]


def test_R24_threat_S21_what_overseers_and_reviewers_see_is_accessible_and_runs_nothing(
    page: Page, wallet: Wallet, hostile: tuple[int, int]
) -> None:
    listing, licence = hostile
    wallet.name = "supervisor"
    connect(page)
    page.goto("/#/oversight")
    page.get_by_role("button", name=SIGN_IN).click()
    expect(page.get_by_role("searchbox")).to_be_visible()
    wallet.emit(page, "chainChanged", hex(CHAIN_ID))
    found = {}
    for address in (
        *("/#/oversight", "/#/oversight/figures", "/#/oversight/alerts", "/#/operator"),
        *(f"/#/oversight/listings/{listing}", f"/#/oversight/licences/{licence}", f"/#/review/{listing}"),
        f"/#/oversight/participants/{dev_accounts()['seller'].address}",
    ):
        settle(page, address)
        found[address] = violations(page)
        assert page.evaluate("window.pwned") is None, address
        assert page.locator("main").locator("script, iframe, [onerror], [onload]").count() == 0
    settle(page, f"/#/verify?licence={licence}")
    expect(page.get_by_text(f"licence-{licence}.json")).to_be_visible()
    page.get_by_label("Tệp do chính sàn này công bố").check()
    page.get_by_role("button", name="Kiểm chứng", exact=True).click()
    expect(page.get_by_role("heading", name="✓ Được chứng minh")).to_be_visible()
    found["what is proven"] = violations(page)
    assert not {address: faults for address, faults in found.items() if faults}


def test_a_search_takes_nobody_back_who_went_on(page: Page, listed: Listed) -> None:
    settle(page, "/")
    link = page.get_by_role("listitem").get_by_role("link", name=TITLE, exact=True).first
    expect(link).to_be_visible()
    page.evaluate(
        """([search, link]) => {
          search.value = "nothing is called so";
          search.dispatchEvent(new Event("input", { bubbles: true }));
          link.click();
        }""",
        [page.get_by_role("searchbox").element_handle(), link.element_handle()],
    )
    page.wait_for_timeout(500)
    expect(page.get_by_role("heading", name=TITLE)).to_be_visible()
    assert "/listings/" in page.url


def test_R24_a_purchase_without_a_mouse(page: Page, wallet: Wallet, listed: Listed) -> None:
    def reach(target: Locator) -> None:
        expect(target).to_be_visible()
        for _ in range(80):
            if target.evaluate("one => one === document.activeElement"):
                assert target.evaluate("one => getComputedStyle(one).outlineStyle") != "none"
                return
            page.keyboard.press("Tab")
        raise AssertionError("the keyboard does not get there")

    settle(page, "/")
    banner = page.get_by_role("banner")
    reach(banner.get_by_role("button", name="Kết nối ví"))
    page.keyboard.press("Enter")
    reach(page.get_by_role("button", name="Strict wallet"))
    page.keyboard.press("Enter")
    expect(banner.get_by_role("button", name="Tài khoản 0x")).to_be_visible()
    reach(page.get_by_role("searchbox"))
    page.keyboard.type(TITLE)
    page.wait_for_url("**/#/?q=*")
    expect(page.locator("ul.cards")).to_have_attribute("aria-busy", "false")
    link = page.get_by_role("listitem").get_by_role("link", name=TITLE, exact=True).first
    reach(link)
    page.keyboard.press("Enter")
    reach(page.get_by_role("button", name=f"Mua: {listed.plan}"))
    page.keyboard.press("Enter")
    desk = page.get_by_role("dialog", name="Mua giấy phép")
    reach(desk.get_by_role("button", name="Ký trong ví"))
    page.keyboard.press("Enter")
    expect(page.get_by_text("là của bạn.")).to_be_visible()


def test_R24_no_page_is_wider_than_a_telephone(page: Page, wallet: Wallet, addresses: list[str]) -> None:
    page.set_viewport_size({"width": 360, "height": 740})
    connect(page)
    become(page, wallet, "seller")
    for address in addresses:
        settle(page, address)
        assert page.evaluate("document.scrollingElement.scrollWidth") <= 360, address


def test_R24_all_that_leads_elsewhere_stands_in_one_line(page: Page, wallet: Wallet) -> None:
    connect(page)
    become(page, wallet, "seller")
    page.set_viewport_size({"width": 1200, "height": 800})
    wallet.emit(page, "chainChanged", hex(CHAIN_ID))
    banner = page.get_by_role("banner")
    for language in ("English", "Tiếng Việt"):
        heights = banner.get_by_role("link").evaluate_all(
            "links => links.map(one => one.getBoundingClientRect().top)"
        )
        assert max(heights) - min(heights) < 10, heights
        banner.get_by_role("button", name=language).click()


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
    number = int(licence.rpartition("/")[2])
    who = {
        "sell": "seller",
        "sales": "seller",
        "review": "reviewer",
        "oversight": "supervisor",
        "operator": "operator",
    }
    enter = page.get_by_role("main").get_by_role("button", name=SIGN_IN)
    for width, name in ((1200, "desktop"), (390, "phone")):
        page.set_viewport_size({"width": width, "height": 800})
        for route in ROUTES:
            room = route.strip("/").split("/")[0]
            wallet.switch_account(page, who.get(room, "buyer"))
            address = address_of(route, listed.listing, number)
            settle(page, address)
            if enter.count():
                enter.first.click()
                expect(enter).to_have_count(0)
            settle(page, address)
            title = route.strip("/").replace("/", "-").replace(":", "") or "catalogue"
            picture = folder / f"{title}-{name}.png"
            page.screenshot(path=picture, full_page=True)
            assert picture.stat().st_size > 5_000
