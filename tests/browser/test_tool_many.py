"""Ten tabs of ten stations of one origin: all live, none blocked (a browser opens six connections to an origin)."""

import re

import pytest
from playwright._impl._api_structures import SetCookieParam
from playwright.async_api import Browser, Page

from chargepost.commissioning.api import COOKIE
from chargepost.drivers.simulated import CARS
from tests.browser.seeing import tool_page
from tests.soak import times
from tests.tool.rig import commissioned
from tests.tool.test_many_tools import logged_in

pytestmark = pytest.mark.slow

TABS = 10

WARM = 60
"""Refreshes until a page has all that it keeps."""
REFRESHES = times(30, 120)
"""In the long form as many as a tab makes in ten minutes."""
HEAP_PERCENT = times(130, 115)
"""Of what it was: ten in a hundred, and what a browser keeps of requests; over a few refreshes it swings more."""


async def test_ux_20_ten_tabs_of_ten_stations_stay_live(browser: Browser) -> None:
    async with commissioned(*["evlink-parking"] * TABS) as site:
        ids = list(site.house.stations.hosts)
        context = await browser.new_context()
        for each in ids:
            await site.up(each)
            path = f"/stations/{each}/"
            cookie = SetCookieParam(name=COOKIE, value=logged_in(site, each), domain="127.0.0.1", path=path)
            await context.add_cookies([cookie])
        pages: list[tuple[str, Page]] = []
        for each in ids:
            page = await context.new_page()
            await page.goto(site.page("overview/station", each))
            pages.append((each, page))
        for turn in (1, 2):
            for each, _page in pages:
                if turn == 1:
                    assert site.host(each).plug_in(1, CARS["Compact"])
                else:
                    site.host(each).present_badge("04A1", 1)
            for each, page in pages:
                word = "Preparing" if turn == 1 else "Charging"
                await page.locator("main .status", has_text=word).first.wait_for()
                assert not await page.locator("#stale").is_visible(), each
        late = await context.new_page()
        await late.goto(site.page("maintenance/status", ids[-1]))
        await late.get_by_text("EVSE status").first.wait_for()
        assert len(context.pages) == TABS + 1


async def test_ux_20_a_page_that_refreshes_itself_keeps_nothing_of_what_it_has_shown(browser: Browser) -> None:
    async with commissioned("evlink-parking") as site:
        page = await (await tool_page(browser, site)).go("overview/station")
        inspector = await page.context.new_cdp_session(page)

        async def heap_bytes(refreshes: int) -> float:
            for number in range(refreshes):
                site.host().plug_in(1, CARS["Compact"]) if number % 2 == 0 else site.host().unplug(1)
                async with page.expect_response(re.compile("/live$")):
                    await page.evaluate("refresh()")
            await inspector.send("HeapProfiler.collectGarbage")
            used: float = (await inspector.send("Runtime.getHeapUsage"))["usedSize"]
            return used

        before = await heap_bytes(WARM)
        assert await heap_bytes(REFRESHES) < before * HEAP_PERCENT / 100
