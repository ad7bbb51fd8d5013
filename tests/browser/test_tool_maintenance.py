"""The tab Maintenance in a real browser: the rhythm of the live status, a restart, an update, who can read it."""

import asyncio
import re
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page, expect

from chargepost import signals as sig
from chargepost.drivers.simulated import CARS
from tests.browser.seeing import Seen, passing, tool_page
from tests.shells.rig import until
from tests.tool.rig import commissioned
from tests.tool.test_maintenance import GOOD, terms

pytestmark = pytest.mark.slow


async def test_r_338_r_339_ux_18_the_status_lives_stops_and_is_forced(browser: Browser) -> None:
    async with commissioned("evlink-parking") as site:
        seen = await tool_page(browser, site)
        page = await seen.go("maintenance/status")
        stop, force, start = (
            page.get_by_role("button", name=name)
            for name in ("Stop automatic refresh", "Force refresh", "Start automatic refresh")
        )
        assert (await stop.is_visible(), await force.is_visible(), await start.is_visible()) == (True, False, False)
        site.host().plug_in(1, CARS["Compact"])
        await page.get_by_text("B_Present_9V").first.wait_for()  # within the rhythm
        await expect(page.locator("#age")).to_have_text(re.compile(r"^\d+ s old$"))
        await stop.click()
        assert (await stop.is_visible(), await force.is_visible(), await start.is_visible()) == (False, True, True)
        site.host().present_badge("04A1", 1)
        await until(lambda: any(outlet.contactor for outlet in site.host().view().connectors), asyncio.Event())
        assert await page.get_by_text("EV_Charging_StateC2").count() == 0
        await force.click()
        await page.get_by_text("EV_Charging_StateC2").wait_for()
        await start.click()
        site.host().tell(sig.FaultRaised(1, "12"))
        await page.get_by_role("heading", name="Err #12").wait_for()
        await seen.assert_good()


async def test_r_258_ux_22_a_restart_shows_its_steps_and_the_page_comes_back(browser: Browser) -> None:
    async with commissioned("evlink-parking", speed=10) as site:
        seen = await tool_page(browser, site)
        other = await page_beside(seen, "overview/station")
        page = await seen.go("maintenance/control")
        await page.get_by_role("button", name="Restart the charging station").click()
        async with passing(page, "The station is starting", "Control"):
            await page.get_by_role("dialog").get_by_role("button", name="OK").click()
        assert page.url.endswith("maintenance/control")
        site.host().plug_in(1, CARS["Compact"])  # what else is open lives on
        await other.locator(".status", has_text="Preparing").first.wait_for()
        assert not await other.locator("#stale").is_visible()


async def page_beside(seen: Seen, path: str) -> Page:
    """A second one of the same browser."""
    page = await seen.page.context.new_page()
    await page.goto(seen.at + path)
    return page


async def test_r_354_ux_25_an_update_is_uploaded_and_its_end_is_told(browser: Browser, tmp_path: Path) -> None:
    async with commissioned("evlink-parking@R6", speed=20, files=terms()) as site:
        seen = await tool_page(browser, site)
        page = await seen.go("maintenance/firmware")
        file = tmp_path / "package.zip"
        file.write_bytes(b"PK\x03\x04" + bytes(1000))
        await page.get_by_label("Select a package").set_input_files(file)
        await page.get_by_role("button", name="Install", exact=True).click()
        await page.get_by_text("The last update was refused").wait_for()
        file.write_bytes(GOOD)
        await page.get_by_label("Select a package").set_input_files(file)
        await page.get_by_role("button", name="Install", exact=True).dblclick()
        await page.get_by_text("The last update was installed.").wait_for()
        assert site.host().model.release == "R7"


async def test_ux_14_errors_can_be_read_by_all(browser: Browser) -> None:
    async with commissioned("evlink-parking") as site:
        site.host().tell(sig.FaultRaised(1, "12"), sig.FaultRaised(2, "4"))
        seen = await tool_page(browser, site)
        for sub in ("status", "report"):
            page = await seen.go(f"maintenance/{sub}")
            await page.locator("h1").wait_for()
            await seen.assert_good_everywhere()
