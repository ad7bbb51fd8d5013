"""The tool in a real browser: log in and change the password, set something, restart, and see others change things."""

import asyncio
import gzip
import re
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.async_api import Browser, Page, expect

from chargepost import signals as sig
from chargepost.commissioning import pages, tabs
from chargepost.commissioning.access import ADMIN, USER
from tests.browser.seeing import LOOKS, passing, tool_page
from tests.shells.rig import until
from tests.tool.rig import OWN, Commissioned, commissioned
from tests.tool.test_access_table import PRODUCTS, SUB_TABS, expected, guide

pytestmark = pytest.mark.slow

GENERAL = "configuration/general"


async def test_r_248_r_250_log_in_and_the_first_password_is_changed(browser: Browser) -> None:
    async with commissioned() as site:
        page = await (await browser.new_context()).new_page()
        await page.goto(site.page())
        await page.get_by_label("User name").fill("admin")
        await page.get_by_label("Password").fill("ADMIN")
        await page.get_by_role("button", name="Log in").click()
        await page.get_by_text("User name or password is wrong.").wait_for()
        await page.get_by_label("Password").fill(site.first())
        await page.get_by_role("button", name="Log in").click()
        await page.get_by_role("heading", name="Choose your own password").wait_for()
        await page.get_by_label("Present password").fill(site.first())
        await page.get_by_label("New password", exact=True).fill(OWN)
        await page.get_by_label("New password once more").fill(OWN)
        await page.get_by_role("button", name="Save").click()
        await page.get_by_role("heading", name="Overview").wait_for()
        await page.get_by_role("button", name="Log out").click()
        await page.get_by_role("heading", name="Log in").wait_for()
        await page.go_back()
        await page.get_by_role("heading", name="Log in").wait_for()


RIGHTS = """() => Object.fromEntries([...document.querySelectorAll(".field")].map((field) => [field.dataset.field,
  field.querySelector(":is(input, select):not([type=hidden], [readonly], [disabled])") ? "RW" : "R"]))"""
"""Each field on the page, and whether it lets itself be edited."""

WAYS = """() => [...document.querySelectorAll("a[href]")].map((each) => each.pathname)"""

HALVES = {ADMIN: LOOKS[::2], USER: LOOKS[1::2]}
"""How each sub-tab is looked at: what both accounts see, in all four ways."""


@pytest.mark.parametrize("product", PRODUCTS)
async def test_r_252_r_254_r_256_every_sub_tab_is_good_and_gives_each_account_its_own(
    browser: Browser, product: str
) -> None:
    """No violation of WCAG A or AA, no line that is too wide, nothing said in the console, nothing from elsewhere;
    fields are edited, read or absent as the guide's tables have it, and no way leads to what is not theirs."""
    async with commissioned(product, settings=PRODUCTS[product]) as site:
        port = site.embedded().port
        for account, looks in HALVES.items():
            seen = await tool_page(browser, site, account)
            page, theirs = seen.page, [sub for _tab, subs in tabs.seen_by(account, port) for sub in subs]
            paths = {urlsplit(seen.at).path + f"{sub.tab}/{sub.name}" for sub in theirs}
            for sub in theirs:
                assert guide(SUB_TABS.get(f"{sub.tab}/{sub.name}", "X X"), account) == "X"
                await seen.go(f"{sub.tab}/{sub.name}")
                rights = {row.name: expected(row, sub, account, port) for row in tabs.fields_of(sub, port)}
                assert await page.evaluate(RIGHTS) == {name: may for name, may in rights.items() if may != "N"}, sub
                ways = {way for way in await page.evaluate(WAYS) if way.count("/") == 4}
                assert ways <= paths, sub
                assert await page.locator("button[value=save]").count() == ("RW" in rights.values()), sub
                for scheme, width in looks:
                    await seen.look(scheme, width)
                    await seen.assert_good()


async def test_r_253_a_change_is_marked_checked_saved_and_read_by_ocpp(browser: Browser) -> None:
    async with commissioned() as site:
        page = await (await tool_page(browser, site)).go(GENERAL)
        timeout = page.get_by_label("Authentication timeout")
        await timeout.fill("70000")
        await timeout.blur()
        await page.get_by_role("alert").get_by_text("A number from 0 to 65535 s.").wait_for()
        await page.get_by_role("button", name="Save", exact=True).click()
        assert site.setting("rfidStatusTimeout") == "10"  # the browser has refused it already
        await timeout.fill("20")
        await page.get_by_text("1 unsaved change").wait_for()
        await page.get_by_label("Charging station name").fill("Gate 3")
        await page.get_by_text("2 unsaved changes").wait_for()
        await page.get_by_role("button", name="Save", exact=True).click()
        await page.get_by_text("Saved: 2 changes.").wait_for()
        assert (site.setting("rfidStatusTimeout"), site.setting("stationName")) == ("20", "Gate 3")
        await page.get_by_label("Charging station name").fill("Never")
        await page.get_by_role("link", name="Cancel").click()
        await expect(page.get_by_label("Charging station name")).to_have_value("Gate 3")


async def test_what_depends_on_another_field_appears_with_it(browser: Browser) -> None:
    async with commissioned() as site:
        page = await (await tool_page(browser, site)).go("configuration/time")
        server = page.get_by_label("Time server (NTP) address")
        assert not await server.is_visible()
        await page.get_by_label("NTP server", exact=True).check()
        assert await server.is_visible()
        assert not await page.get_by_label("Set your date and time").is_visible()


async def test_r_258_after_save_and_reboot_the_page_comes_back_by_itself(browser: Browser) -> None:
    """R-258: the light goes off, and is green again about 30 s later."""
    async with commissioned(speed=8) as site:
        page = await (await tool_page(browser, site)).go("configuration/network")
        lamp = site.host().hardware.connector(1)
        assert lamp.light == "green"
        await page.get_by_label("Default gateway").fill("192.168.0.254")
        dark = asyncio.create_task(until(lambda: lamp.light == "off", asyncio.Event()))
        async with passing(page, "The station is starting", "Network"):
            await page.get_by_role("button", name="Save and reboot").click()
        await dark
        await expect(page.get_by_label("Default gateway")).to_have_value("192.168.0.254")
        assert lamp.light == "green"


def changed_elsewhere(site: Commissioned, value: str) -> None:
    site.host().tell(sig.SettingChanged("stationName", value, "the supervision"))


async def test_a_change_from_elsewhere_appears_and_says_who_and_typed_text_is_kept(browser: Browser) -> None:
    async with commissioned() as site:
        page = await (await tool_page(browser, site)).go(GENERAL)
        name = page.get_by_label("Charging station name")
        changed_elsewhere(site, "From afar")
        await page.get_by_text("Changed to From afar by the supervision").wait_for()
        await expect(name).to_have_value("From afar")
        await expect(page.locator("#place")).to_contain_text("From afar")
        await name.fill("Half typ")
        changed_elsewhere(site, "Farther")
        await page.get_by_text("Changed to Farther by the supervision").wait_for()
        await expect(name).to_have_value("Half typ")
        assert await page.evaluate("document.activeElement.name") == "station-name"
        await page.get_by_role("button", name="Take theirs").click()
        await expect(name).to_have_value("Farther")


async def test_a_page_whose_server_is_gone_says_so_and_comes_back(browser: Browser) -> None:
    """What was typed is still there."""
    async with commissioned() as site:
        seen = await tool_page(browser, site)
        page = await seen.go(GENERAL)
        await page.get_by_label("Charging station name").fill("Half typ")
        await page.context.set_offline(True)
        await page.get_by_text("The station does not answer.").wait_for()
        assert await page.get_by_role("button", name="Save", exact=True).is_disabled()
        await page.context.set_offline(False)
        await page.get_by_text("The station does not answer.").wait_for(state="hidden")
        await expect(page.get_by_label("Charging station name")).to_have_value("Half typ")
        assert await page.get_by_role("button", name="Save", exact=True).is_enabled()


async def test_r_251_the_language_is_chosen_in_the_top_line(browser: Browser) -> None:
    async with commissioned() as site:
        page = await (await tool_page(browser, site)).go(GENERAL)
        await page.locator("[name=station-name]").fill("Half typ")
        await page.get_by_label("Language").select_option("de")
        await page.locator("html[lang=de]").wait_for()
        await expect(page.locator("[name=station-name]")).to_have_value("Half typ")
        await expect(page.locator("[data-field=station-name]")).to_have_class(re.compile("changed"))
        await page.locator("[data-cancel]").click()
        for link in ("about", "help"):
            await page.locator(f'header a[href$="/{link}"]').click()
            await page.locator("h1").wait_for()


async def test_r_260_r_261_a_file_is_exported_and_imported(browser: Browser, tmp_path: Path) -> None:
    async with commissioned("evlink-parking@R7", "evlink-parking@R7") as site:
        page = await (await tool_page(browser, site)).go(GENERAL)
        async with page.expect_download() as coming:
            await page.get_by_role("link", name="Export").click()
        file = tmp_path / "S1.cfg"
        await (await coming.value).save_as(file)
        site.host().tell(sig.SettingChanged("maxIntensitySocket", "20"))
        await page.get_by_label("File (.cfg)").set_input_files(file)
        await page.get_by_role("button", name="Import").click()
        await page.get_by_role("row", name="maxIntensitySocket 20 32").wait_for()
        await page.get_by_role("button", name="Import").click()
        await page.get_by_text("2 settings were imported.").wait_for()
        assert site.setting("maxIntensitySocket") == "32"


async def test_by_keyboard_alone(browser: Browser) -> None:
    async with commissioned() as site:
        page = await (await tool_page(browser, site)).go(GENERAL)
        await to(page, "station-name")
        await page.keyboard.press("Control+A")
        await page.keyboard.type("By keys")
        await page.keyboard.press("Enter")
        await page.get_by_text("Saved: one change.").wait_for()
        assert site.setting("stationName") == "By keys"


async def to(page: Page, name: str) -> None:
    for _press in range(60):
        await page.keyboard.press("Tab")
        if await page.evaluate("document.activeElement.name") == name:
            return
    raise AssertionError(f"{name} was never reached")


def test_script_and_style_together_are_small() -> None:
    """At most 120 kB compressed."""
    files = [*pages.STATIC.iterdir(), *pages.VENDOR.iterdir()]
    loaded = [file for file in files if file.suffix in (".js", ".css", ".svg")]
    assert {"htmx.min.js", "uPlot.iife.min.js"} <= {file.name for file in loaded}
    assert sum(len(gzip.compress(file.read_bytes())) for file in loaded) < 120_000


def test_no_page_has_script_or_style_within() -> None:
    for template in set(pages.HERE.glob("*.html")) - {pages.HERE / "report-file.html"}:  # a file of its own
        text = template.read_text("utf-8")
        assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son\w+=|https?://", text), template.name


async def test_twenty_open_pages_all_live(browser: Browser) -> None:
    """One origin, ten stations: no stream holds a connection for itself."""
    async with commissioned(*["evlink-smart-wallbox@R7"] * 5) as site:
        opened = [await tool_page(browser, site, identity=f"S{number}") for number in range(1, 6)]
        for seen in opened:
            await seen.go(GENERAL)
        for number in range(1, 6):
            site.host(f"S{number}").tell(sig.SettingChanged("stationName", f"Number {number}", "a test"))
        for number, seen in enumerate(opened, 1):
            await seen.page.get_by_text(f"Changed to Number {number} by a test").wait_for()


async def test_a_user_sees_no_more_than_the_guide_says(browser: Browser) -> None:
    """R-291: what concerns the supervision is for the administrator alone."""
    async with commissioned(settings={"Supervised": True}) as site:
        page = await (await tool_page(browser, site, account=USER)).go(GENERAL)
        shown = await page.locator("nav.subs a").all_inner_texts()
        assert shown == ["General settings", "Wi-Fi", "Date and time"]
        assert await page.get_by_label("Supervised", exact=True).is_disabled()


PAYLOADS = [
    f"{before}{attack}{after}"
    for before, after in (("", ""), ('">', ""), ("'>", "<!--"), ("</textarea>", ""), ("</script>", "<script>"))
    for attack in (
        "<script>document.title='hacked'</script>",
        "<img src=x onerror=document.title='hacked'>",
        "<svg onload=document.title='hacked'>",
        "javascript:document.title='hacked'",
        "{{ 7 * 7 }}",
        "${document.title='hacked'}",
        "<a href=javascript:document.title='hacked' autofocus onfocus=document.title='hacked'>x</a>",
        "<iframe srcdoc='<script>parent.document.title=1</script>'>",
        "<style>*{display:none}</style>",
        '" autofocus onfocus="document.title=1',
        "\u202e\u2028</p><base href=//evil.example>",
        "<form action=//evil.example><input name=csrf>",
    )
]


async def test_sixty_payloads_in_a_name_run_nowhere(browser: Browser) -> None:
    assert len(PAYLOADS) == 60
    async with commissioned() as site:
        seen = await tool_page(browser, site)
        for payload in PAYLOADS:
            site.host().tell(sig.SettingChanged("stationName", payload, "the supervision"))
            page = await seen.go(GENERAL)
            await expect(page.get_by_label("Charging station name")).to_have_value(payload)
            assert payload in await page.locator("#place .name").inner_text()
            assert (await page.title()).startswith("General settings - ")
        assert (seen.said, seen.foreign) == ([], [])


async def test_a_page_that_refreshes_itself_does_not_keep_its_session_alive(browser: Browser) -> None:
    """And what was typed waits for the next login."""
    async with commissioned() as site:
        seen = await tool_page(browser, site)
        page = await seen.go(GENERAL)
        polls: dict[str, str | None] = {}
        page.on("request", lambda request: polls.update({request.url: request.headers.get("x-poll")}))
        async with page.expect_response(re.compile("/parts/place$")):
            await page.evaluate("refresh()")
        asked = {address: poll for address, poll in polls.items() if "/static/" not in address}
        assert len(asked) >= 3
        assert set(asked.values()) == {"1"}
        await page.get_by_label("Charging station name").fill("Half typ")
        site.embedded().access.end_all(ADMIN)
        await page.evaluate("void refresh()")  # which leaves the page: no answer to wait for
        await page.get_by_role("heading", name="Log in").wait_for()
        await page.get_by_label("User name").fill("admin")
        await page.get_by_label("Password").fill(OWN)
        await page.get_by_role("button", name="Log in").click()
        await expect(page.get_by_label("Charging station name")).to_have_value("Half typ")


async def test_a_hidden_page_asks_for_nothing(browser: Browser) -> None:
    async with commissioned() as site:
        seen = await tool_page(browser, site)
        await seen.page.add_init_script("Object.defineProperty(document, 'hidden', {value: true})")
        page = await seen.go(GENERAL)
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        await page.evaluate("refresh()")
        assert not [address for address in asked if "/static/" not in address]
