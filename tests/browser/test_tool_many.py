"""Ten tabs of ten stations of one origin: all live, none blocked (a browser opens six connections to an origin)."""

import pytest
from playwright._impl._api_structures import SetCookieParam
from playwright.async_api import Browser, Page

from chargepost.commissioning.api import COOKIE
from chargepost.drivers.simulated import CARS
from tests.tool.rig import commissioned
from tests.tool.test_many_tools import logged_in

pytestmark = pytest.mark.slow

TABS = 10


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
