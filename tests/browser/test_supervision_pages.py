"""The supervision's pages in a real browser: they live, keep the focus, and fit a phone."""

import json
import re
from typing import Any

import pytest
from ocpp.v16 import call
from playwright.async_api import Browser, Page

from chargepost.supervision.examples import EXAMPLES
from tests.shells.supervised import HOSTILE, Foreign, Site, running


async def operator(browser: Browser, site: Site, **options: Any) -> tuple[Page, list[str]]:
    """A page that is logged in by hand, and what its console said."""
    page = await (await browser.new_context(**options)).new_page()
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    await page.goto(site.url)
    assert page.url.endswith("/login")
    await page.fill("[name=password]", site.password)
    await page.get_by_role("button", name="Log in").click()
    await page.get_by_role("heading", name="Stations").wait_for()
    return page, said


async def tell(station: Foreign, status: str) -> None:
    await station.call(call.StatusNotification(connector_id=1, error_code="NoError", status=status))


@pytest.mark.slow
async def test_a_charge_appears_by_itself_and_runs_no_foreign_script(browser: Browser) -> None:
    async with running() as site:
        page, said = await operator(browser, site)
        await page.get_by_text("No station yet").wait_for()
        async with site.station("PROAC-1") as station:
            await station.boot()
            await station.charge()
            await page.get_by_role("table", name="Stations").get_by_text("Charging").wait_for()
            await page.get_by_text(HOSTILE).wait_for()
            await page.get_by_text("7.36 kW").first.wait_for()
        assert said == []


@pytest.mark.slow
async def test_refreshing_keeps_focus_and_what_was_typed(browser: Browser) -> None:
    async with running() as site, site.station("PROAC-1") as station:
        await station.boot()
        page, said = await operator(browser, site)
        await page.get_by_role("link", name="PROAC-1").click()
        await page.get_by_text("Events").click()
        await page.get_by_role("textbox", name="Payload").fill('{"half": ')
        await tell(station, "SuspendedEV")
        await page.get_by_role("table", name="Connectors").get_by_text("SuspendedEV").wait_for()
        assert await page.get_by_role("textbox", name="Payload").input_value() == '{"half": '
        assert await page.evaluate("document.activeElement.name") == "payload"
        assert await page.locator("details").get_attribute("open") is not None
        assert said == []


@pytest.mark.slow
async def test_a_command_is_sent_and_the_frames_are_seen_and_filtered(browser: Browser) -> None:
    async with running() as site, site.station("PROAC-1") as station:
        await station.boot()
        page, said = await operator(browser, site)
        await page.goto(f"{site.url}/stations/PROAC-1")
        await page.get_by_role("combobox", name="Message").select_option("ClearCache")
        await page.get_by_role("textbox", name="Payload").fill("")
        await page.get_by_role("button", name="Send").click()
        await page.get_by_role("status").get_by_text('"Accepted"').wait_for()
        frames = page.get_by_role("table", name="Frames")
        await frames.get_by_text("ClearCache").first.wait_for()
        await page.get_by_role("textbox", name="Action").fill("BootNotification")
        await page.get_by_role("button", name="Filter").click()
        await page.wait_for_url("**action=BootNotification**")
        assert await frames.get_by_text("ClearCache").count() == 0
        assert await frames.get_by_text("chargePointVendor").count() == 1
        assert said == []


CUT_OFF = """() => [...document.querySelectorAll("main :not(thead *)")].filter((each) => {
  const box = each.getBoundingClientRect();
  return box.right > innerWidth || box.left < 0;
}).map((each) => each.outerHTML)"""
"""What stands beyond the edge of the window, in a scrolling box or not. A hidden head is for screen readers."""


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1280])
async def test_pages_fit_a_phone_and_a_screen_in_light_and_dark(browser: Browser, width: int, scheme: str) -> None:
    async with running() as site, site.station("A-STATION-WITH-A-VERY-LONG-IDENTITY-0001") as station:
        await station.boot()
        await station.charge()
        words = {"vendor_error_code": "E" * 50, "info": "contactor " * 5}
        await station.call(
            call.StatusNotification(connector_id=2, error_code="PowerSwitchFailure", status="Faulted", **words)
        )
        options = {"viewport": {"width": width, "height": 800}, "color_scheme": scheme}
        page, said = await operator(browser, site, **options)
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        for path in ("/", f"/stations/{station.id}", "/docs", "/nope", "/login"):
            await page.goto(site.url + path)
            assert await page.evaluate("document.documentElement.scrollWidth") <= width
            if path not in ("/docs", "/nope"):
                assert await page.evaluate(CUT_OFF) == []
        ground = await page.evaluate("getComputedStyle(document.body).backgroundColor")
        assert ground == {"light": "rgb(255, 255, 255)", "dark": "rgb(15, 23, 32)"}[scheme]
        assert [words for words in said if "404" not in words] == []
        assert [url for url in asked if not url.startswith(f"{site.url}/")] == []


async def test_on_a_phone_a_row_is_a_block_of_labelled_lines(browser: Browser) -> None:
    async with running() as site, site.station("PROAC-1") as station:
        await station.boot()
        await station.charge()
        page, _ = await operator(browser, site, viewport={"width": 360, "height": 800})
        row = page.get_by_role("table", name="Stations").get_by_role("row").nth(1)
        cells = await row.get_by_role("cell").all()
        tops = [box["y"] for cell in cells if (box := await cell.bounding_box())]
        assert tops == sorted(set(tops)), "one under the other"
        heads = "(cell) => getComputedStyle(cell, '::before').content"
        assert [await cell.evaluate(heads) for cell in cells[:2]] == ['"Station"', '"Product"']


async def test_times_are_of_24_hours_and_the_last_message_has_an_age(browser: Browser) -> None:
    async with running() as site, site.station("PROAC-1") as station:
        await station.boot()
        await station.charge()
        page, _ = await operator(browser, site, locale="en-US", timezone_id="Pacific/Auckland")
        table = page.get_by_role("table", name="Transactions")
        assert await table.locator("time").first.text_content() == "2027-01-15 21:00:00"
        age = page.get_by_role("table", name="Stations").locator("time")
        assert re.fullmatch(r"\d+ (s|min) ago", await age.text_content() or "")


async def test_an_empty_page_says_where_a_station_connects(browser: Browser) -> None:
    async with running() as site:
        page, _ = await operator(browser, site)
        await page.get_by_text(f"ws://127.0.0.1:{site.server.port}/ocpp/ID").wait_for()


async def test_the_login_ends_for_an_open_page_too(browser: Browser) -> None:
    async with running() as site:
        page, _ = await operator(browser, site)
        await page.get_by_role("button", name="Log out").click()
        await page.wait_for_url("**/login")
        await page.goto(f"{site.url}/stations/x")
        assert page.url.endswith("/login?next=/stations/x")


async def test_the_payload_follows_the_message_unless_somebody_typed(browser: Browser) -> None:
    async with running() as site, site.station("PROAC-1") as station:
        await station.boot()
        page, said = await operator(browser, site)
        await page.goto(f"{site.url}/stations/PROAC-1")
        message = page.get_by_role("combobox", name="Message")
        payload = page.get_by_role("textbox", name="Payload")
        assert json.loads(await payload.input_value()) == EXAMPLES["TriggerMessage"]
        for action in ("Reset", "SetChargingProfile"):
            await message.select_option(action)
            assert json.loads(await payload.input_value()) == EXAMPLES[action]
        await payload.fill('{"mine": 1}')
        await message.select_option("UnlockConnector")
        assert await payload.input_value() == '{"mine": 1}'
        await payload.fill("")
        await message.select_option("Reset")
        assert json.loads(await payload.input_value()) == EXAMPLES["Reset"]
        assert said == []


async def test_a_refused_payload_is_told_line_by_line(browser: Browser) -> None:
    async with running() as site, site.station("PROAC-1") as station:
        await station.boot()
        page, _ = await operator(browser, site)
        await page.goto(f"{site.url}/stations/PROAC-1")
        await page.get_by_role("textbox", name="Payload").fill('{"requestedMessage": "Nothing"}')
        await page.get_by_role("button", name="Send").click()
        answer = page.get_by_role("status")
        await answer.get_by_text("Not a valid payload").wait_for()
        _, detail, remedy = (await answer.inner_text()).split("\n")
        assert detail.endswith(".")
        assert remedy == "TriggerMessage has: requestedMessage, connectorId."


async def test_a_shared_link_survives_the_login(browser: Browser) -> None:
    async with running() as site, site.station("PROAC-1") as station:
        await station.boot()
        page = await (await browser.new_context()).new_page()
        path = "/stations/PROAC-1?action=BootNotification"
        await page.goto(site.url + path)
        for password in ("wrong", site.password):
            await page.fill("[name=password]", password)
            async with page.expect_navigation():  # the next word is for the next page
                await page.get_by_role("button", name="Log in").click()
        await page.get_by_role("heading", name="PROAC-1").wait_for()
        assert page.url == site.url + path


async def test_19_after_a_logout_back_shows_nothing(browser: Browser) -> None:
    async with running() as site, site.station("PROAC-1") as station:
        await station.boot()
        page, _ = await operator(browser, site)
        await page.get_by_role("link", name="PROAC-1").click()
        await page.get_by_role("heading", name="PROAC-1").wait_for()
        await page.get_by_role("button", name="Log out").click()
        await page.wait_for_url("**/login")
        await page.go_back()
        await page.wait_for_url("**/login?next=/stations/PROAC-1")
        assert await page.get_by_role("table").count() == 0


async def test_a_long_conversation_is_a_short_page_with_a_way_to_more(browser: Browser) -> None:
    async with running() as site, site.station("PROAC-1") as station:
        await station.boot()
        for _ in range(30):
            await station.call(call.Heartbeat())
        page, said = await operator(browser, site, viewport={"width": 360, "height": 800})
        await page.goto(f"{site.url}/stations/PROAC-1")
        height = "document.documentElement.scrollHeight"
        assert await page.evaluate(height) < 4200, "it was 7000 once"
        await page.get_by_role("link", name="More frames").click()
        await page.wait_for_url("**more=true**")
        assert await page.get_by_role("table", name="Frames").get_by_text("BootNotification").count()
        assert await page.get_by_role("link", name="More frames").count() == 0
        assert said == []
