"""A tool's pages as somebody sees them: logged in by hand, with all that went wrong meanwhile."""

import contextlib
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

from playwright.async_api import Browser, Page, Request

from chargepost.commissioning.access import ADMIN
from tests.tool.rig import OWN, Commissioned

AXE = Path(__file__).parents[2] / "node_modules" / "axe-core" / "axe.min.js"
LEVELS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]

BEYOND = """() => [...document.querySelectorAll("main *")].filter((each) => {
  const box = each.getBoundingClientRect();
  const scrolls = each.closest(".scroll, .hidden");
  const counts = !scrolls || (scrolls === each && !each.matches(".hidden"));
  return counts && box.width && (box.right > innerWidth + 1 || box.left < -1);
}).map((each) => each.outerHTML.slice(0, 200))"""
"""What stands beyond the edge of the window, but for what scrolls in a box of its own."""


Scheme = Literal["light", "dark"]
LOOKS: tuple[tuple[Scheme, int], ...] = (("light", 1280), ("dark", 1280), ("dark", 360), ("light", 360))


@dataclass
class Seen:
    """A page with what its console said and where it went."""

    page: Page
    at: str
    """Address of the tool, with a slash at its end."""
    said: list[str] = field(default_factory=list)
    foreign: list[str] = field(default_factory=list)

    async def go(self, path: str) -> Page:
        await self.page.goto(self.at + path)
        return self.page

    async def violations(self) -> list[str]:
        """Of WCAG, levels A and AA, as axe-core finds them."""
        await self.page.evaluate(AXE.read_text())
        found = await self.page.evaluate("levels => axe.run({runOnly: levels})", LEVELS)
        return [f"{each['id']}: {node['html']}" for each in found["violations"] for node in each["nodes"]]

    async def beyond(self) -> list[str]:
        found: list[str] = await self.page.evaluate(BEYOND)
        wide = await self.page.evaluate("document.documentElement.scrollWidth > innerWidth")
        return found + ["the whole page"] * wide

    async def assert_good_everywhere(self) -> None:
        """In the light and in the dark, on a wide screen and on a telephone."""
        for scheme, width in LOOKS:
            await self.look(scheme, width)
            await self.assert_good()

    async def look(self, scheme: Scheme, width: int) -> None:
        await self.page.emulate_media(color_scheme=scheme)
        await self.page.set_viewport_size({"width": width, "height": 800})

    async def assert_good(self) -> None:
        """Nothing foreign was asked for, nothing went wrong, everybody can read it, and it fits."""
        assert (self.said, self.foreign) == ([], [])
        assert await self.violations() == []
        assert await self.beyond() == []


HEADINGS = """addEventListener("DOMContentLoaded", () => {
  const seen = JSON.parse(sessionStorage.getItem("headings") || "[]");
  sessionStorage.setItem("headings", JSON.stringify([...seen, document.querySelector("h1").textContent]));
})"""


@contextlib.asynccontextmanager
async def passing(page: Page, *headings: str) -> AsyncIterator[None]:
    """What is done within brings pages with these headings, one after the other: none is too short to be seen."""
    await page.add_init_script(HEADINGS)
    yield
    await page.wait_for_function(
        """wanted => sessionStorage.getItem("headings") === wanted""", arg=json.dumps(headings, separators=(",", ":"))
    )


async def tool_page(
    browser: Browser, site: Commissioned, account: str = ADMIN, identity: str = "S1", **options: Any
) -> Seen:
    """Logged in, with the first password changed: by hand, as an installer does it."""
    page = await (await browser.new_context(**options)).new_page()
    seen = Seen(page, site.page(identity=identity))
    own = urlsplit(seen.at).netloc
    # hints of the browser to developers, such as what a form with three passwords ought to be, are no fault
    page.on("console", lambda message: seen.said.append(message.text) if message.text[:5] != "[DOM]" else None)
    page.on("pageerror", lambda error: seen.said.append(str(error)))

    def asked(request: Request) -> None:
        if urlsplit(request.url).netloc != own:
            seen.foreign.append(request.url)

    page.on("request", asked)
    await page.goto(seen.at)
    await page.fill("[name=user]", account)
    await page.fill("[name=password]", site.first(account, identity))
    await page.locator("form.narrow button").click()
    await page.fill("[name=old]", site.first(account, identity))
    await page.fill("[name=new]", OWN)
    await page.fill("[name=again]", OWN)
    await page.locator("form.narrow button").click()
    await page.locator("nav.tabs").wait_for()
    return seen
