"""The badges in a real browser: the window with its countdown and beep, the guide's question, the import."""

import asyncio
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page

from chargepost import signals as sig
from chargepost.commissioning import badge_file
from chargepost.signals import OwnBadge
from tests.browser.seeing import tool_page
from tests.tool.rig import commissioned
from tests.tool.test_badges import LIST, fill, listed

pytestmark = pytest.mark.slow

PAGE = "authentication/badges"

COUNT_BEEPS = """() => {
  const start = OscillatorNode.prototype.start;
  OscillatorNode.prototype.start = function (...when) { window.beeped(); return start.apply(this, when); };
}"""


async def ok(page: Page) -> None:
    await page.get_by_role("dialog").get_by_role("button", name="OK").click()


async def test_r_317_ux_24_the_window_counts_down_beeps_and_lists(browser: Browser) -> None:
    async with commissioned("evlink-parking") as site:
        seen = await tool_page(browser, site, viewport={"width": 360, "height": 740})
        page = await seen.go(PAGE)
        await seen.assert_good()
        await page.get_by_role("button", name="Add badges").click()
        ring = page.get_by_role("timer")
        await ring.wait_for()
        beeped = asyncio.Event()
        await page.expose_function("beeped", beeped.set)
        await page.evaluate(COUNT_BEEPS)
        site.host().present_badge("04A1B2", None)
        await page.get_by_text("was added").wait_for()
        await asyncio.wait_for(beeped.wait(), 10)
        await seen.assert_good()
        await page.get_by_role("button", name="Stop").click()
        await page.get_by_role("row", name="04A1B2").wait_for()
        assert await ring.count() == 0
        assert listed(site) == [("04A1B2", "User", "")]


async def test_r_320_the_question_of_the_guide_comes_first(browser: Browser) -> None:
    async with commissioned("evlink-parking") as site:
        fill(site, *LIST)
        seen = await tool_page(browser, site)
        page = await seen.go(PAGE)
        await page.get_by_label("With the selected badges").select_option("Remove all badges")
        button = page.get_by_role("button", name="OK")
        await button.click()
        dialog = page.get_by_role("dialog")
        assert "Are you sure you want to delete those badges ?" in await dialog.inner_text()
        for _press in range(4):  # it keeps the focus, and gives it back (ux.md, 8: check 15)
            await page.keyboard.press("Tab")
            assert await page.evaluate("document.hasFocus() ? !document.activeElement.closest('main, header') : true")
        await page.keyboard.press("Escape")
        await dialog.wait_for(state="hidden")
        assert await button.evaluate("each => each === document.activeElement")
        await button.click()
        await dialog.get_by_role("button", name="Cancel").click()
        assert await button.evaluate("each => each === document.activeElement")
        assert len(listed(site)) == 3
        await button.click()
        await ok(page)
        await page.get_by_text("3 badges were removed.").wait_for()
        assert listed(site) == []
        assert seen.said == []


async def test_r_319_the_upper_left_box_takes_the_page(browser: Browser) -> None:
    async with commissioned("evlink-parking") as site:
        fill(site, *(OwnBadge(n, f"T{n}") for n in range(1, 61)))
        seen = await tool_page(browser, site)
        page = await seen.go(PAGE)
        await page.get_by_label("All badges of this page").check()
        await page.get_by_label("With the selected badges").select_option("Change badge type to VIP")
        await page.get_by_role("button", name="OK").click()  # no question: nothing is removed
        await page.get_by_text("50 badges were changed.").wait_for()
        assert [kind for _, kind, _ in listed(site)] == ["VIP"] * 50 + ["User"] * 10


async def test_ux_23_an_import_is_seen_before_it_happens(browser: Browser, tmp_path: Path) -> None:
    async with commissioned("evlink-parking") as site:
        site.host().tell(sig.BadgeKept("04OLD"))
        seen = await tool_page(browser, site)
        page = await seen.go(PAGE)
        file = tmp_path / "badges.csv"
        file.write_bytes(badge_file.written(LIST).replace(b"VIP", b"Boss"))
        await page.get_by_label("List of badges (.csv)").set_input_files(file)
        await page.get_by_role("button", name="Import").click()
        await page.get_by_text("Line 3: the type is User, VIP or Admin. Nothing was changed.").wait_for()
        file.write_bytes(badge_file.written(LIST))
        await page.get_by_label("List of badges (.csv)").set_input_files(file)
        await page.get_by_role("button", name="Import").click()
        await page.get_by_role("heading", name="Removed (1)").wait_for()
        assert listed(site) == [("04OLD", "User", "")]
        assert await seen.violations() == []
        await page.get_by_role("button", name="Replace the list").click()
        await page.get_by_text("The list has 3 badges now.").wait_for()
        assert [badge for badge, _, _ in listed(site)] == [each.id_tag for each in LIST]


async def test_ux_14_the_list_can_be_read_by_all(browser: Browser) -> None:
    async with commissioned("evlink-parking") as site:
        fill(site, *LIST)
        seen = await tool_page(browser, site)
        page = await seen.go(PAGE)
        await page.get_by_role("row", name="04A1").wait_for()
        await seen.assert_good_everywhere()
