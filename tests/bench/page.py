"""scripts/bench page [LISTINGS]: the catalogue's web vitals in Chromium, and what its first view weighs.

An exchange of its own, with rows of so many listings, their plans, documents and words put into its index.
Each load is by a browser without a cache: as this machine is, and as a telephone on slow 4G (Lighthouse's:
1.6 Mbit/s, 150 ms, a processor a quarter as fast). Interactions are keys and clicks as people make them;
medians of the loads are told.
"""

import asyncio
import json
import re
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from random import Random
from typing import Any, Final

from playwright.async_api import Browser, CDPSession, Page, async_playwright

from ledger.domain import document
from ledger.domain.dcat import words_of
from ledger.domain.document import Document
from ledger.store.bulk import bulk_insert
from ledger.store.database import Database
from ledger.store.index.rows import index_table
from ledger.store.metadata import DocumentRow, WordRow
from tests.bench.figures import Figure, show
from tests.e2e.conftest import Local

LOADS: Final = 5
AT_ONCE: Final = 2000
GOOD: Final = {"LCP": 2500, "CLS": 0.1, "INP": 200, "bytes": 200_000}
"""Milliseconds, a ratio, milliseconds (web.dev's bounds of good), and bytes over the wire."""
UNITS: Final = {"LCP": "ms", "CLS": "", "INP": "ms", "bytes": "bytes"}
VITALS: Final = Path(__file__).parents[2] / "node_modules/web-vitals/dist/web-vitals.iife.js"
KEEP: Final = """
window.vitals = {};
for (const name of ["LCP", "CLS", "INP"])
  webVitals[`on${name}`](
    ({ value }) => (window.vitals[name] = value),
    { reportAllChanges: true, durationThreshold: 16 },
  );
"""
SLOW_4G: Final = {
    "offline": False,
    "latency": 150,
    "downloadThroughput": 1.6e6 / 8,
    "uploadThroughput": 0.75e6 / 8,
}
NAMES: Final = re.findall(
    r"\w+", "dân số giao thông đất đai thủy lợi giáo dục y tế khí tượng hải quan du lịch nông nghiệp"
)
PLACES: Final = (
    "Hà Nội",
    "Huế",
    "Đà Nẵng",
    "Cần Thơ",
    "Hải Phòng",
    "Lào Cai",
    "Cà Mau",
    "An Giang",
    "Gia Lai",
)


def described(number: int, random: Random) -> Document:
    words = " ".join(random.choices(NAMES, k=12))
    place = PLACES[number % len(PLACES)]
    text = {"@type": "dcat:Dataset", "dct:title": f"{words[:24].strip()} {place} {number}"}
    found = text | {"dct:description": f"{words}, {place}.", "dcat:keyword": random.choices(NAMES, k=3)}
    return document.read(json.dumps(found).encode())


def rows(count: int) -> Iterator[dict[str, list[tuple[Any, ...]]]]:
    """Of one listing each, by table."""
    random, now = Random(1), int(time.time())  # noqa: S311 - the same ones each time
    for number in range(1, count + 1):
        told = described(number, random)
        seller = (1 + number % 97).to_bytes(20)
        importance, subject = 1 + number % 3, number % 5
        required = 9 if importance == 1 else 11
        listing = (number, importance, number % 4, subject, 0, b"VN", 1, 1, 0, required, 0)
        about = (random.randrange(1 << 30), b"VN", now - number, 0, 15 if number % 5 else 8, 0, False)
        flags, duration, price = number % 16, (number % 3) * 86_400 * 30, (number % 7) * 50_000
        yield {
            "listings": [(*listing, False, 0, 1, False, bytes(32), "[]", seller, bytes(20))],
            "versions": [(number, 1, number.to_bytes(32), told.hash, number.to_bytes(32), *about)],
            "plans": [
                (
                    number << 16,
                    price,
                    1,
                    duration,
                    2**32 - 1,
                    number % 40,
                    0,
                    flags,
                    1,
                    bytes(20),
                    0,
                    bytes(32),
                )
            ],
            "documents": [(told.hash, told.canonical, seller, now)],
            "words": [(word.encode(), told.hash) for word in words_of(json.loads(told.canonical))],
        }


TABLES: Final = {
    **{name: index_table(name) for name in ("listings", "versions", "plans")},
    "documents": DocumentRow.__table__,  # type: ignore[attr-defined]
    "words": WordRow.__table__,  # type: ignore[attr-defined]
}


async def fill(folder: Path, count: int) -> None:
    database, made = Database(f"sqlite:///{folder / 'socai.sqlite'}"), rows(count)
    while some := list(islice(made, AT_ONCE)):
        async with database.transaction(queue=False) as session:
            connection = await session.connection()
            for name, table in TABLES.items():
                found = [row for one in some for row in one[name]]
                await connection.run_sync(bulk_insert, table, found)
    await database.close()


async def settled(page: Page) -> None:
    """The search began, which waits until typing pauses, and what it found is painted."""
    await page.wait_for_timeout(500)
    await page.locator("ul.cards[aria-busy=false]").wait_for()
    await page.wait_for_timeout(300)


async def interact(page: Page) -> None:
    """Searching word by word, narrowing down, reading on, opening a listing and coming back."""
    await page.get_by_role("searchbox").press_sequentially("giao thông", delay=60)
    await settled(page)
    await page.locator("select").first.focus()
    await page.keyboard.press("ArrowDown")
    await settled(page)
    await page.get_by_role("searchbox").fill("")
    await settled(page)
    await page.get_by_role("button", name="Thêm").click()
    await settled(page)
    first = page.locator(".cards a").first
    await first.scroll_into_view_if_needed()
    await page.wait_for_timeout(300)  # a person sees what they click; painting a jump is no part of the click
    await first.click()
    await page.get_by_role("heading", level=2).first.wait_for()
    await page.wait_for_load_state("networkidle")
    await page.wait_for_timeout(300)


async def load(browser: Browser, url: str, slow: bool) -> dict[str, float]:
    context = await browser.new_context(
        locale="vi-VN", viewport={"width": 412, "height": 823} if slow else None
    )
    await context.add_init_script(VITALS.read_text() + KEEP)
    page = await context.new_page()
    if slow:
        session: CDPSession = await context.new_cdp_session(page)
        await session.send("Network.emulateNetworkConditions", SLOW_4G)
        await session.send("Emulation.setCPUThrottlingRate", {"rate": 4})
    finished: list[Any] = []
    page.on("requestfinished", lambda request: finished.append(request))
    await page.goto(url)
    await settled(page)
    sizes = [await request.sizes() for request in finished]
    weight = sum(one["responseBodySize"] + one["responseHeadersSize"] for one in sizes)
    await page.wait_for_timeout(500)
    first = await page.evaluate("({ ...window.vitals })")
    await interact(page)
    last = await page.evaluate("({ ...window.vitals })")
    await context.close()
    return {"LCP": first["LCP"], "CLS": last["CLS"], "INP": last["INP"], "bytes": weight}


async def figures(count: int = 10_000) -> list[Figure]:
    found: list[Figure] = []
    with tempfile.TemporaryDirectory(prefix="socai-bench-") as name:
        local = Local(Path(name))
        await asyncio.to_thread(local.start)
        try:
            await fill(local.folder, count)
            async with async_playwright() as playwright:
                chromium = shutil.which("chromium")
                browser = await playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
                for slow, what in ((False, "this machine"), (True, "telephone, slow 4G")):
                    loads = [
                        await load(browser, f"http://127.0.0.1:{local.port}/", slow) for _ in range(LOADS)
                    ]
                    found += [
                        Figure(
                            name=f"{vital}, {count:,} listings, {what}",
                            value=(value := statistics.median(one[vital] for one in loads)),
                            unit=UNITS[vital],
                            reference="what counts as good",
                            ratio=value / bound,
                            less=True,
                        )
                        for vital, bound in GOOD.items()
                    ]
                await browser.close()
        finally:
            await asyncio.to_thread(local.stop)
    return found


if __name__ == "__main__":
    show(asyncio.run(figures(*map(int, sys.argv[1:]))))
