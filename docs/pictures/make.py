"""Makes the pictures of the documentation, from the demo site and a browser, so that none is older than its page.

    .venv/bin/python docs/pictures/make.py

Needs Debian's Chromium (`make test` fetches it). Every picture has a size of its own that does not depend on what it
shows; the figures on it are of the day it was made.
"""

import asyncio
import re
import shutil
from contextlib import AsyncExitStack
from io import StringIO
from pathlib import Path

from playwright.async_api import Page, async_playwright
from rich._export_format import CONSOLE_SVG_FORMAT
from rich.console import Console

from chargepost.run import site
from chargepost.run.addresses import Address
from chargepost.run.house import House, Plan, opened
from chargepost.run.store import hold
from chargepost.run.terminal import LiveView, heading

HERE = Path(__file__).parent
SPEED = 8.0
"""Fast enough for some charges before the picture, slow enough for a page to show one instant."""
CHARGES = 4
"""Ended or running, so that the tables have something to show."""
PATIENCE_S = 120.0
BYTES_MAX = 150_000
"""Of one picture: the repository carries every version of it."""
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--disable-lcd-text",
]  # fmt: skip
COLUMNS, LINES = 104, 15


async def main() -> None:
    async with AsyncExitStack() as stack:
        plan = Plan(site.demo(), hold(None), "0", SPEED, supervision=Address("127.0.0.1", 0))
        house = await stack.enter_async_context(opened(plan))
        playwright = await stack.enter_async_context(async_playwright())
        browser = await playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        stack.push_async_callback(browser.close)
        page = await browser.new_page(viewport={"width": 1280, "height": 720}, locale="en-GB")
        await log_in(page, house)
        await page.get_by_role("table", name="Transactions").get_by_role("row").nth(CHARGES).wait_for()
        power = page.get_by_role("table", name="Stations").get_by_role("cell").filter(has_text=re.compile("kW"))
        await power.first.wait_for()
        terminal = as_svg(house)
        await shoot(page, "supervision")
        await page.emulate_media(color_scheme="dark")
        await shoot(page, "supervision-dark")
        await page.emulate_media(color_scheme="light")
        await page.set_viewport_size({"width": 1280, "height": 1080})
        await page.get_by_role("link", name="PROAC-1").first.click()
        await page.get_by_role("table", name="Frames").wait_for()
        await shoot(page, "station")
        await page.set_viewport_size({"width": 1000, "height": 417})
        await page.goto("about:blank")
        await page.set_content(f"<body style='margin:0;background:#fff'>{terminal}</body>")
        await shoot(page, "terminal")


async def log_in(page: Page, house: House) -> None:
    assert house.supervision, "the demo site has a supervision"
    page.set_default_timeout(PATIENCE_S * 1000)
    await page.goto(house.supervision.pages)
    await page.fill("[name=password]", house.supervision.first_password or "")
    await page.get_by_role("button", name="Log in").click()
    await page.get_by_role("heading", name="Stations").wait_for()


async def shoot(page: Page, name: str) -> None:
    path = HERE / f"{name}.png"
    await page.screenshot(path=path, animations="disabled", caret="hide")
    size = path.stat().st_size
    assert size <= BYTES_MAX, f"{path.name} has {size} bytes, more than {BYTES_MAX}"
    print(f"{path.name}: {size / 1000:.0f} kB")


def as_svg(house: House) -> str:
    """The terminal view, drawn with the machine's own monospaced font: rich's template names one from elsewhere."""
    console = Console(file=StringIO(), record=True, width=COLUMNS, height=LINES, force_terminal=True)
    for line in heading(house):
        console.print(line, highlight=False, markup=False, no_wrap=True, overflow="ellipsis")
    console.print(LiveView(console).render(house))
    template = re.sub(r"@font-face\s*{{.*?}}", "", CONSOLE_SVG_FORMAT, flags=re.DOTALL).replace(
        "Fira Code", "monospace"
    )
    return console.export_svg(title="chargepost run", code_format=template)


if __name__ == "__main__":
    asyncio.run(main())
