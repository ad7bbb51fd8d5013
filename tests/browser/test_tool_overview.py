"""Overview and frames in a real browser: they live, keep their place, and say what is wrong (ux, checks 5, 13, 14, 19,
20, 26, 27, 28)."""

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator
from itertools import pairwise
from typing import Any

import pytest
from playwright.async_api import Browser, Page, expect

from chargepost.commissioning.access import ADMIN
from chargepost.drivers.simulated import CarSpec
from tests.browser.seeing import Seen, tool_page
from tests.shells.rig import until
from tests.shells.wires import RawServer
from tests.tool.rig import Commissioned, commissioned
from tests.tool.test_ladder import answering, central

pytestmark = pytest.mark.slow


@contextlib.asynccontextmanager
async def at(
    browser: Browser, path: str, speed: float = 20, supervision: str = "", own_supervision: bool = False, **options: Any
) -> AsyncIterator[tuple[Commissioned, Seen]]:
    """A page of a station that lets every badge charge, at 16 A."""
    settings = {"enableUnknown": "true", "maxIntensitySocket": "16"}
    async with commissioned(
        speed=speed, settings=settings, supervision=supervision, own_supervision=own_supervision
    ) as site:
        seen = await tool_page(browser, site, **options)
        await seen.go(path)
        yield site, seen


async def other(browser: Browser, seen: Seen, path: str) -> Page:
    """The same address in a second browser of the same person."""
    page = await (await browser.new_context(storage_state=await seen.page.context.storage_state())).new_page()
    await page.goto(seen.at + path)
    return page


def was_good(seen: Seen) -> None:
    assert (seen.said, seen.foreign) == ([], [])


async def test_a_whole_visit_is_done_by_hands_and_seen_at_once(browser: Browser) -> None:
    async with at(browser, "overview/station") as (site, seen):
        page = seen.page
        await page.get_by_role("button", name="Plug in").click()
        await expect(page.locator(".overview")).to_contain_text("Compact")
        await page.get_by_role("button", name="Present the badge").click()
        card = page.locator("#connector-1")
        await expect(card.locator(".big")).to_contain_text("Charging")
        await expect(card).to_contain_text(re.compile(r"1\d\.\d kW"))
        await expect(card).to_contain_text("Limited to 16 A by the setting Derated charging current")
        assert await page.locator(".lamp.blue.breathes").count() == 1
        await card.get_by_text("Who limits the current?").click()
        await expect(card.locator(".limits strong")).to_have_text("16 A the setting Derated charging current")
        await page.get_by_role("button", name="Unplug").click()
        await expect(page.locator("#told")).to_contain_text("The cable is locked.")
        await page.get_by_role("button", name="Stop the charge").click()
        await until(lambda: not site.host().hardware.connector(1).locked, asyncio.Event())
        await page.get_by_role("button", name="Unplug").click()
        await expect(card.locator(".big")).to_contain_text("Available")
        was_good(seen)


async def test_the_curve_has_the_step_and_is_there_again_after_a_reload(browser: Browser) -> None:
    """Check 26: author and value within one refresh, and the step in the curve."""
    async with at(browser, "overview/station") as (site, seen):
        page, host = seen.page, site.host()
        assert site.house.tools
        history = site.house.tools.tools.history
        host.plug_in(1, None)
        await page.get_by_role("button", name="Unplug").click()
        await page.get_by_role("button", name="Plug in").click()
        await page.get_by_role("button", name="Present the badge").click()
        await until(lambda: host.view().connectors[0].power_w > 0, asyncio.Event())
        history.sample()
        site.embedded().port.change({"maxIntensitySocket": "14"}, ADMIN)
        await expect(page.locator("#connector-1")).to_contain_text(
            "Limited to 14 A by the setting Derated charging current"
        )
        history.sample()
        said = page.locator("#curve-said")
        await expect(said).to_contain_text("at 14 A offered")
        assert await page.locator("#curve canvas").count() == 1
        await page.reload()
        await expect(said).to_contain_text("at 14 A offered")
        was_good(seen)


TELL_CANVAS = """
window.written = [];
const write = CanvasRenderingContext2D.prototype.fillText;
CanvasRenderingContext2D.prototype.fillText = function (text, ...rest) {
  written.push(text);
  write.call(this, text, ...rest);
};
"""
"""Keeps what is written on a canvas, which a page does not tell."""


async def test_an_axis_says_where_its_lines_are(browser: Browser) -> None:
    """At 16 A the lines stand 2.5 A apart: none is called 3 A."""
    async with at(browser, "about") as (site, seen):
        host = site.host()
        host.plug_in(1, CarSpec())
        host.present_badge("04A2", 1)
        await until(lambda: host.view().connectors[0].power_w > 0, asyncio.Event())
        assert site.house.tools
        site.house.tools.tools.history.sample()
        await seen.page.add_init_script(TELL_CANVAS)
        await seen.go("overview/station")
        await seen.page.locator("#curve canvas").wait_for()
        for unit in ("A", "kW"):
            texts: list[str] = await seen.page.evaluate("written")
            told = sorted({float(each.split()[0]) for each in texts if each.endswith(f" {unit}")})
            steps = [high - low for low, high in pairwise(told)]
            assert len(steps) > 2
            assert max(steps) - min(steps) < 0.001, told
        was_good(seen)


async def test_five_thousand_exchanges_are_filtered_opened_linked_and_followed(browser: Browser) -> None:
    """Check 27."""
    async with at(browser, "about") as (site, seen):
        log, now = site.house.stations.log, site.house.clock.utc_s()
        for number in range(5_000):
            action = "Authorize" if number % 10 == 0 else "Heartbeat"
            log.sent("S1", f'[2,"n{number}","{action}",{{}}]'.encode(), now)
            answer = f'[4,"n{number}","InternalError","no",{{}}]' if number % 500 == 7 else f'[3,"n{number}",{{}}]'
            log.received("S1", answer.encode(), now)
        page = seen.page
        await page.goto(site.page("overview/frames"))
        rows = page.locator(".exchanges > li")
        assert await rows.count() == 100
        await page.get_by_label("Message").fill("Heartbeat")
        await page.get_by_label("Outcome").select_option("error")
        await page.get_by_role("button", name="Filter").click()
        await page.wait_for_url("**action=Heartbeat&outcome=error**")
        await expect(rows).to_have_count(10)
        await rows.first.locator("summary").click()
        await expect(rows.first.locator("pre").first).to_contain_text('"Heartbeat"')
        await expect(rows.first.locator("pre").last).to_contain_text("InternalError")
        link = await rows.first.locator("a.link-to").get_attribute("href")
        second = await other(browser, seen, f"overview/frames{link}")
        await expect(second.locator(".exchanges pre").first).to_contain_text('"Heartbeat"')
        assert await second.locator(".exchanges > li").count() == 1
        was_good(seen)


async def test_frames_appear_by_themselves_and_scrolling_pauses_and_counts(browser: Browser) -> None:
    async with at(browser, "about") as (site, seen):
        log, clock = site.house.stations.log, site.house.clock

        def exchange(ident: str) -> None:
            log.sent("S1", f'[2,"{ident}","Heartbeat",{{}}]'.encode(), clock.utc_s())
            log.received("S1", f'[3,"{ident}",{{"currentTime":"2026-11-20T12:00:00Z"}}]'.encode(), clock.utc_s())

        for number in range(60):
            exchange(f"old{number}")
        page = seen.page
        await page.goto(site.page("overview/frames"))
        rows = page.locator(".exchanges > li")
        await expect(rows).to_have_count(60)
        exchange("new1")
        await expect(rows).to_have_count(61)
        await page.evaluate("scrollTo(0, 1500)")
        exchange("new2")
        exchange("new3")
        button = page.locator("#new button")
        await expect(button).to_have_text("2 new ones")
        assert await rows.count() == 61
        await expect(button).to_be_in_viewport()
        await button.click()
        await expect(rows).to_have_count(63)
        was_good(seen)


async def test_what_went_wrong_is_worded_with_both_frames_one_click_away(browser: Browser) -> None:
    """Check 28."""
    async with at(browser, "about") as (site, seen):
        log, now = site.house.stations.log, site.house.clock.utc_s()
        for up, text in (
            (True, '[2,"a","Authorize",{"idTag":"X"}]'), (False, '[4,"a","SecurityError","not you",{}]'),
            (True, '[2,"b","Authorize",{"idTag":"X"}]'), (False, '[3,"b",{"idTagInfo":{"status":"Perhaps"}}]'),
            (True, '[2,"c","Authorize",{"idTag":"X"}]'), (True, '[2,"d","Heartbeat",{}]'),
            (False, '[2,"e","ChangeConfiguration",{"key":"AuthorizationKey","value":"hush-hush-hush-1"}]'),
        ):  # fmt: skip
            (log.sent if up else log.received)("S1", text.encode(), now)
        page = seen.page
        await page.goto(site.page("overview/frames?outcome=trouble"))
        rows = page.locator(".exchanges > li")
        await expect(rows).to_have_count(3)
        for place, words, frames in ((2, "SecurityError: not you", 2), (1, "status", 2), (0, "No answer", 1)):
            await expect(rows.nth(place)).to_contain_text(words)
            await rows.nth(place).locator("summary").click()
            await expect(rows.nth(place).locator("pre")).to_have_count(frames)
            await expect(rows.nth(place).locator("pre").first).to_be_visible()
        await page.goto(site.page("overview/frames"))
        assert "hush-hush" not in await page.content()
        was_good(seen)


async def test_a_wrong_address_is_named_from_the_page_alone_four_ways(browser: Browser) -> None:
    """Check 5: a typing error in the name, a closed port, HTTP 404, another subprotocol; and then one that is right."""
    upgraded = answering("101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade")
    async with (
        at(browser, "configuration/supervision", supervision="ws://127.0.0.1:1/ocpp", speed=1) as (site, seen),
        RawServer(answering("404 Not Found")) as lost, RawServer(upgraded) as silent, central() as (good, _serials),
    ):  # fmt: skip
        page = seen.page
        before = site.setting("SupervisionUrl")
        found = page.locator("#link-tested")
        for url, words in (
            ("ws://supervision.invalid/ocpp", "does not resolve"),
            ("ws://127.0.0.1:1/other", "nothing listens at this port"),
            (lost, "does not know this path (HTTP 404)"),
            (silent, "does not agree to OCPP 1.6"),
            ("http://supervision.example/soap", "OCPP by SOAP"),
            (good, "The way is good"),
        ):
            await page.locator("[name=supervision-url]").fill(url)
            await page.get_by_role("button", name="Test the address below").click()
            await expect(found).to_contain_text(words)
        assert site.setting("SupervisionUrl") == before
        assert await page.locator("[name=supervision-url]").input_value() == good
        was_good(seen)


async def test_a_stopped_station_greys_the_page_and_it_comes_back(browser: Browser) -> None:
    """Check 19: grey within 12 s, buttons off, back by itself; what was typed is still there."""
    async with at(browser, "overview/station") as (site, seen):
        page = seen.page
        await page.get_by_label("Badge").fill("HALF-TYPED")
        await page.context.set_offline(True)
        await expect(page.locator("#stale")).to_be_visible()
        await expect(page.get_by_role("button", name="Plug in")).to_be_disabled()
        await page.context.set_offline(False)
        await expect(page.locator("#stale")).to_be_hidden()
        await expect(page.get_by_role("button", name="Plug in")).to_be_enabled()
        assert await page.get_by_label("Badge").input_value() == "HALF-TYPED"
        host = site.host()
        host.plug_in(1, None)
        await expect(page.locator(".drawing .plug")).to_have_count(1)


async def test_ten_tabs_of_ten_stations_are_all_live(browser: Browser) -> None:
    """Check 20, in its short form: one origin, none blocked."""
    models = ["evlink-smart-wallbox@R7"] * 10
    async with commissioned(*models) as site, contextlib.AsyncExitStack() as stack:
        context = await browser.new_context()
        tabs = []
        for number in range(1, 11):
            identity = f"S{number}"
            client = await stack.enter_async_context(site.client(ADMIN, identity))
            token = client.http.cookies["chargepost_tool"]
            path = f"/stations/{identity}/"
            await context.add_cookies(
                [{"name": "chargepost_tool", "value": token, "domain": "127.0.0.1", "path": path}]
            )
            page = await context.new_page()
            await page.goto(site.page("overview/station", identity))
            tabs.append(page)
        assert site.house.tools
        streams = site.house.tools.streams
        await until(lambda: len(streams.open) == 10, asyncio.Event())
        for number in range(1, 11):
            site.host(f"S{number}").plug_in(1, None)
        for page in tabs:
            await expect(page.locator(".drawing .plug")).to_have_count(1)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1280])
async def test_pages_fit_and_axe_has_nothing_to_say(browser: Browser, width: int, scheme: str) -> None:
    """Checks 13 and 14."""
    options: dict[str, Any] = {"viewport": {"width": width, "height": 800}, "color_scheme": scheme}
    async with at(browser, "overview/station", own_supervision=True, **options) as (site, seen):
        page = seen.page
        assert site.house.tools
        await page.get_by_role("button", name="Plug in").click()
        await page.get_by_role("button", name="Present the badge").click()
        await until(lambda: site.embedded().port.last_frame() > 8, asyncio.Event())
        site.house.tools.tools.history.sample()
        await page.locator("#curve canvas").wait_for()
        await page.get_by_text("Buttons, contacts, faults, the car, the mains").click()
        await page.locator(".limits").evaluate("each => each.closest('details').open = true")
        for path in ("overview/station", "overview/frames", "configuration/supervision"):
            if path != "overview/station":
                await page.goto(site.page(path))
            if path == "overview/frames":
                await page.locator(".exchanges summary").first.click()
            assert await page.evaluate("document.documentElement.scrollWidth") <= width, path
            await seen.assert_good()


async def test_the_keyboard_reaches_everything_and_motion_can_be_off(browser: Browser) -> None:
    async with at(browser, "overview/station", reduced_motion="reduce") as (site, seen):
        page = seen.page
        await page.locator("#main").focus()
        reached = []
        for _press in range(60):
            await page.keyboard.press("Tab")
            what = await page.evaluate("document.activeElement.textContent.trim() || document.activeElement.name")
            reached.append(what)
            if what == "Plug in":
                break
        assert "Who limits the current?" in reached
        assert reached[-1] == "Plug in"
        await page.keyboard.press("Enter")
        await until(lambda: site.host().hardware.connector(1).plugged, asyncio.Event())
        await expect(page.locator(".drawing .plug")).to_have_count(1)
        moving = "each => getComputedStyle(each).animationName"
        assert await page.locator(".lamp").evaluate(moving) == "none"
        was_good(seen)
