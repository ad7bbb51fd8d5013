"""The tool for who has no mouse, sees no colours, or has a small and dark screen."""

from pathlib import Path

import pytest
from playwright.async_api import Browser, Page

from chargepost import signals as sig
from chargepost.commissioning import tabs
from chargepost.commissioning.access import ADMIN
from chargepost.commissioning.pages import SHAPES
from chargepost.commissioning.tabs.overview import STATUSES
from chargepost.drivers.simulated import CARS
from tests.browser.seeing import tool_page
from tests.tool.rig import OWN, commissioned
from tests.tool.test_badges import listed

pytestmark = pytest.mark.slow

REPORTS = Path(__file__).parents[2] / "reports" / "tool"
"""Kept as artefacts, compared with nothing."""

TABS_MAX = 80
"""Presses of the key until somebody gives up."""

SEEN_FOCUS = """() => {
  const each = document.activeElement, style = getComputedStyle(each);
  return each.matches(":focus-visible") && (style.outlineStyle !== "none" || style.boxShadow !== "none");
}"""


ALL_SHOWN = """all => all.map((each) => {
  const shape = each.querySelector("svg");
  return [each.innerText.trim(), shape.innerHTML, shape.getBoundingClientRect().width];
})"""
"""Word, shape and its width of each status, of one moment: the pages live."""


async def to(page: Page, selector: str) -> None:
    """By Tab, in the order of the page; where it arrives can be seen."""
    for _press in range(TABS_MAX):
        await page.keyboard.press("Tab")
        if await page.evaluate("selector => document.activeElement.matches(selector)", selector):
            assert await page.evaluate(SEEN_FOCUS), f"{selector}: the focus cannot be seen"
            return
    raise AssertionError(f"{selector} cannot be reached by Tab")


async def write(page: Page, selector: str, text: str) -> None:
    await to(page, selector)
    await page.keyboard.press("Control+A")
    await page.keyboard.type(text)


async def test_ux_15_by_keyboard_from_the_login_to_the_logout(browser: Browser) -> None:
    async with commissioned() as site:
        await site.up()
        page = await browser.new_page()
        await page.goto(site.page())
        await write(page, "[name=user]", ADMIN)
        await write(page, "[name=password]", site.first())
        await page.keyboard.press("Enter")
        await page.get_by_role("heading", name="Choose your own password").wait_for()
        for name, text in (("old", site.first()), ("new", OWN), ("again", OWN)):
            await write(page, f"[name={name}]", text)
        await page.keyboard.press("Enter")
        await page.locator("nav.tabs").wait_for()

        await to(page, "nav.tabs a[href$='configuration/general']")
        await page.keyboard.press("Enter")
        await page.get_by_role("heading", name="General settings").wait_for()
        await write(page, "[name=station-name]", "By keys")
        await to(page, "button[value=save]")
        await page.keyboard.press("Space")
        await page.get_by_text("Saved: one change.").wait_for()
        assert site.setting("stationName") == "By keys"

        await to(page, "nav.tabs a[href$='authentication/badges']")
        await page.keyboard.press("Enter")
        await page.get_by_role("heading", name="With the badge reader").wait_for()
        await to(page, "button[value=add]")
        await page.keyboard.press("Enter")
        await page.get_by_role("timer").wait_for()
        await write(page, "[name=badge].badge", "04A1B2")
        await page.keyboard.press("Enter")
        await page.get_by_text("was added").wait_for()
        assert [badge for badge, _kind, _comment in listed(site)] == ["04A1B2"]

        await to(page, "form[action$='/logout'] button")
        await page.keyboard.press("Enter")
        await page.get_by_role("heading", name="Log in").wait_for()


def test_ux_17_no_two_statuses_have_one_word_and_each_has_a_shape() -> None:
    assert len({word for word, _shape in STATUSES.values()}) == len(STATUSES) == 9
    assert {shape for _word, shape in STATUSES.values()} <= set(SHAPES)
    assert len(set(SHAPES.values())) == len(SHAPES)


async def test_ux_17_without_colours_a_status_is_told_by_word_and_shape(browser: Browser) -> None:
    async with commissioned(*["evlink-parking"] * 2) as site:
        await site.up("S2")
        host, other = site.host(), site.host("S2")
        host.plug_in(1, CARS["Compact"])
        host.present_badge("04A1", 1)
        host.tell(sig.FaultRaised(2, "12"))
        other.plug_in(2, CARS["Compact"])
        for identity in ("S1", "S2"):
            seen = await tool_page(browser, site, identity=identity, viewport={"width": 1280, "height": 800})
            await seen.page.emulate_media(forced_colors="active")
            words: dict[str, str] = {}
            for path in ("overview/station", "overview/frames", "records/charges", "maintenance/status"):
                page = await seen.go(path)
                for word, shape, width in await page.locator(".status").evaluate_all(ALL_SHOWN):
                    assert word, path
                    assert width >= 8, (path, word)
                    assert words.setdefault(word, shape) == shape, f"{word} has one shape everywhere"
            assert len(words) >= 2, words
            assert len(set(words.values())) >= 2, words


async def test_dark_and_narrow_pictures_are_kept(browser: Browser) -> None:
    REPORTS.mkdir(parents=True, exist_ok=True)
    async with commissioned("evlink-parking") as site:
        phone = {"width": 360, "height": 740}
        seen = await tool_page(browser, site, viewport=phone, color_scheme="dark")
        port = site.embedded().port
        for _tab, subs in tabs.seen_by(ADMIN, port):
            for sub in subs:
                page = await seen.go(f"{sub.tab}/{sub.name}")
                await page.screenshot(path=REPORTS / f"{sub.tab}-{sub.name}.png", full_page=True)
        assert await page.evaluate("matchMedia('(prefers-color-scheme: dark)').matches")
        assert (seen.said, seen.foreign) == ([], [])
