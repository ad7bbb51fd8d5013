"""The tool in other languages: nothing untranslated, nothing cut, and the choice stays (R-251, UX check 16)."""

import asyncio
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.async_api import Browser, expect

from chargepost import signals as sig
from chargepost.commissioning import tabs
from chargepost.commissioning import words as spoken
from chargepost.commissioning.access import ADMIN
from chargepost.drivers.simulated import CARS
from tests.browser.seeing import Seen, tool_page
from tests.shells.rig import until
from tests.tool.rig import Commissioned, commissioned
from tests.tool.test_rights import PRODUCTS
from tests.tool.words import compile_into, pseudo_catalogue

pytestmark = pytest.mark.slow

GENERAL = "configuration/general"
OF_PSEUDO = "de"
"""In whose place the pseudo-language stands."""

ENGLISH = r"""known => {
  const skipped = "[lang=en], script, style, noscript, pre, header .place, header .account, select#language, datalist";
  const words = (text) => text.replace(/\{\w+\}/g, "").split(/[^\p{L}\p{N}_/:@#+-]+/u)
    .map((word) => word.replace(/^[^\p{L}\p{N}]+|[^\p{L}\p{N}]+$/gu, ""))
    .filter((word) => /^[A-Za-z]{2,}$/.test(word) && !known.includes(word));
  const found = [];
  const look = (node) => {
    if (node.nodeType === Node.TEXT_NODE && words(node.data).length) found.push(node.data.trim());
    if (node.nodeType !== Node.ELEMENT_NODE || node.matches(skipped)) return;
    const said = ["aria-label", "title", "placeholder", "alt", "data-asks", "data-wrong"]
      .map((name) => node.getAttribute(name));
    if (node.dataset.words) said.push(...Object.values(JSON.parse(node.dataset.words)));
    found.push(...said.filter((text) => text && words(text).length));
    node.childNodes.forEach(look);
  };
  look(document.body);
  return found;
}"""
"""Texts with a word in plain letters that is not among those that stay English."""

CUT = """() => [...document.querySelectorAll("body *")].filter((each) => {
  if (each.closest(".scroll, .hidden, .skip, svg, input, select, pre") || !each.checkVisibility()) return false;
  const texts = [...each.childNodes].filter((node) => node.nodeType === Node.TEXT_NODE && node.data.trim());
  const box = each.getBoundingClientRect();
  const hides = getComputedStyle(each).overflowX !== "visible" && each.scrollWidth > each.clientWidth + 1;
  return hides || texts.some((node) => {
    const range = document.createRange();
    range.selectNodeContents(node);
    const text = range.getBoundingClientRect();
    const isBlock = getComputedStyle(each).display !== "inline";
    return text.right > innerWidth + 1 || text.left < -1 || (isBlock && text.bottom > box.bottom + 2);
  });
}).map((each) => each.outerHTML.slice(0, 200))"""
"""Elements whose own text goes beyond the window or their own box, or is cut off."""

STAYS = (
    "Compact City car Saloon Fast charger Plug-in hybrid Van Forklift Sleeper Timer ws wss http https UNDEFINED TLS "
    "STARTTLS FTP HTTP UID User VIP Admin admin user Available Preparing Charging NoError Accepted Heartbeat "
    "Schneider Electric EVlink Modbus TCP RTU Phase Term UTC kW Wh chargepost pool.ntp.org"
)
"""Data, OCPP's words and the guide's enumerations."""


@pytest.fixture
def pseudo_language(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    compile_into(tmp_path, OF_PSEUDO, pseudo_catalogue(OF_PSEUDO))
    monkeypatch.setattr(spoken, "LOCALE", tmp_path)
    spoken.words.cache_clear()
    yield
    spoken.words.cache_clear()


async def in_pseudo_language(seen: Seen) -> None:
    await seen.go(f"{GENERAL}?language={OF_PSEUDO}")
    await seen.page.set_viewport_size({"width": 360, "height": 800})


async def english(seen: Seen, site: Commissioned, identity: str = "S1") -> list[str]:
    """What is read on the page in English, but for what is of OCPP and of the product: names of keys, their values."""
    model = site.host(identity).model
    data = [f"{each.name} {each.default or ''}" for each in model.keys.values()]
    stays = " ".join([STAYS, *data, *model.messages.sends, *model.messages.answers])
    found: list[str] = await seen.page.evaluate(ENGLISH, re.findall("[A-Za-z]{2,}", stays))
    return found


@pytest.mark.parametrize("product", PRODUCTS)
@pytest.mark.usefixtures("pseudo_language")
async def test_every_sub_tab_is_translated_and_nothing_is_cut_when_words_are_longer(
    browser: Browser, product: str
) -> None:
    """Words that have their accents, and a third more letters, on the narrowest screen."""
    settings = {"Supervised": True} if "schneider" not in product and "pro" not in product else {}
    async with commissioned(product, settings=settings) as site:
        seen = await tool_page(browser, site)
        await in_pseudo_language(seen)
        faults: list[str] = []
        for sub in (sub for _tab, subs in tabs.seen_by(ADMIN, site.embedded().port) for sub in subs):
            await seen.go(f"{sub.tab}/{sub.name}")
            for what, found in (
                ("English", await english(seen, site)),
                ("cut", await seen.page.evaluate(CUT)),
                ("too wide", await seen.beyond()),
            ):
                faults += [f"{sub.name}, {what}: {each}" for each in found]
        assert not faults, "\n".join(faults)


@pytest.mark.usefixtures("pseudo_language")
async def test_what_happens_is_translated_too(browser: Browser) -> None:
    """A charge, a fault, badges, refusals, and the pages before anybody is logged in."""
    async with commissioned("evlink-parking") as site:
        seen = await tool_page(browser, site)
        await in_pseudo_language(seen)
        faults: list[str] = []

        async def look(path: str) -> None:
            if path:
                await seen.go(path)
            found = [*await english(seen, site), *await seen.page.evaluate(CUT), *await seen.beyond()]
            faults.extend(f"{path}: {each}" for each in found)

        site.host().plug_in(1, CARS["Compact"])
        site.host().present_badge("04A1", 1)
        site.host().tell(sig.FaultRaised(2, "12"))
        await until(lambda: any(outlet.contactor for outlet in site.host().view().connectors), asyncio.Event())
        for path in (
            "overview/station",
            "maintenance/status",
            "authentication/badges",
            "about",
            "help",
            "nowhere/at-all",
        ):
            await look(path)
        await seen.go("configuration/network")
        await seen.page.fill("[name='ip-address']", "192.168.0.255")
        await seen.page.locator("[name=do][value=save]").click()
        await seen.page.locator(".field.bad").first.wait_for()
        await look("")
        await seen.page.locator("header form[method=post] button").click()
        await seen.page.locator("form.narrow").wait_for()
        await look("")
        await seen.page.fill("[name=user]", "admin")
        await seen.page.fill("[name=password]", "wrong")
        await seen.page.locator("form.narrow button").click()
        await seen.page.locator(".problem:not([id])").wait_for()
        await look("")
        assert not faults, "\n".join(faults)


async def test_r_251_the_choice_of_a_language_stays_and_what_was_typed_too(browser: Browser) -> None:
    async with commissioned() as site:
        seen = await tool_page(browser, site)
        page = await seen.go(GENERAL)
        await page.fill("[name='station-name']", "Half typ")
        await page.locator("[name='unknown-badges']:not(:checked)").first.check()
        for language in ("fr", "de", "es", "it"):
            async with page.expect_navigation():
                await page.locator("#language").select_option(language)
            assert await page.locator("html").get_attribute("lang") == language
            await expect(page.locator("[name='station-name']")).to_have_value("Half typ")
            assert await page.locator(".field.changed").count() == 2
            await expect(page.locator("#language")).to_have_value(language)
        await page.locator("[name=do][value=save]").click()
        await page.get_by_text("Salvato: 2 modifiche.").wait_for()
        assert site.setting("stationName") == "Half typ"
        await seen.go("overview/station")
        assert await page.locator("html").get_attribute("lang") == "it"
        await seen.assert_good()


async def test_the_address_keeps_its_filter_when_the_language_changes(browser: Browser) -> None:
    async with commissioned() as site:
        seen = await tool_page(browser, site)
        page = await seen.go("overview/frames?action=Heartbeat&outcome=error")
        async with page.expect_navigation():
            await page.locator("#language").select_option("es")
        assert page.url.endswith("overview/frames?action=Heartbeat&outcome=error")


async def test_numbers_have_a_comma_but_in_english(browser: Browser) -> None:
    async with commissioned("evlink-parking", settings={"AuthenticationOCPPMode": "false"}, speed=20) as site:
        seen = await tool_page(browser, site)
        site.host().plug_in(1, CARS["Compact"])
        await until(lambda: site.host().view().connectors[0].power_w > 100, asyncio.Event())
        for language, mark in (("en", "."), ("fr", ","), ("de", ","), ("es", ","), ("it", ",")):
            page = await seen.go(f"overview/station?language={language}")
            power = await page.locator(".figure").first.inner_text()
            assert re.fullmatch(rf"\d+({re.escape(mark)}\d+)? k?W", power), power
