"""Sixty scripts as names, comments and settings, in a real browser: nothing of them runs, on no page.

The browser is told to forget the pages' policy, so that it is the pages themselves that hold; and once more with it,
so that nothing of ours is against it. What a script would do is call `hit`, open a dialog, ask another host, or leave.
"""

from pathlib import Path
from urllib.parse import quote

import pytest
from playwright.async_api import Browser, Dialog

from chargepost import signals as sig
from chargepost.commissioning import badge_file, tabs, views
from chargepost.commissioning.access import ADMIN
from chargepost.commissioning.words import words
from chargepost.signals import OwnBadge
from tests.browser.seeing import Seen, tool_page
from tests.tool.payloads import PAYLOADS, SHORT_MAX
from tests.tool.rig import Commissioned, commissioned
from tests.tool.test_hostile import refuses, say_all, sealed

pytestmark = pytest.mark.slow

CANARY = """
window.hits = [];
window.hit = () => { window.hits.push(location.pathname); };
document.addEventListener("securitypolicyviolation", (event) => window.hits.push(`${event.violatedDirective}`));
"""
SHORT = [each for each in PAYLOADS if len(each) <= SHORT_MAX and each.isprintable()]
COMMENTS = [each for each in PAYLOADS if len(each) <= badge_file.COMMENT_MAX and each.isprintable()]
BADGES = [OwnBadge(n, SHORT[n - 1] if n <= len(SHORT) else f"B{n}", "User", each) for n, each in enumerate(COMMENTS, 1)]


async def watched(browser: Browser, site: Commissioned, *, bypass: bool) -> Seen:
    seen = await tool_page(browser, site, bypass_csp=bypass)
    await seen.page.add_init_script(CANARY)

    async def asked(dialog: Dialog) -> None:
        if dialog.type == "beforeunload":  # the page asks whether to leave what was typed
            await dialog.accept()
            return
        seen.said.append(f"dialog: {dialog.message}")
        await dialog.dismiss()

    seen.page.on("dialog", asked)
    return seen


async def assert_untouched(seen: Seen, where: str) -> None:
    """All that could move has moved: what is under the pointer and what has the focus, too."""
    await seen.page.mouse.move(200, 200)
    await seen.page.evaluate("for (const each of document.querySelectorAll('main *')) each.focus?.()")
    assert await seen.page.evaluate("window.hits") == [], where
    assert (seen.said, seen.foreign) == ([], []), where
    assert seen.page.url.startswith(seen.at), where


def fill(site: Commissioned, turn: int) -> int:
    """Every setting that takes a text has one of them, another in each turn; how many."""
    port = site.embedded().port
    filled = 0
    for number, (row, sub) in enumerate(tabs.every_field(port)):
        shown = views.shown(row, sub, ADMIN, port, words("en"))
        if not shown.writable or not row.key or shown.kind != "text":
            continue
        for at in range(len(PAYLOADS)):
            payload = PAYLOADS[(at + number + turn * 7) % len(PAYLOADS)]
            if not refuses(port, row, payload):
                port.change(row.sets(port, payload) if row.sets else {row.key: payload}, payload[:20])
                filled += 1
                break
    return filled


@pytest.mark.parametrize("bypass", [True, False], ids=["without the policy", "with the policy"])
async def test_stored_scripts_run_on_no_page(browser: Browser, bypass: bool) -> None:
    async with commissioned("evlink-parking") as site:
        seen = await watched(browser, site, bypass=bypass)
        host, port = site.host(), site.embedded().port
        host.tell(sig.BadgesReplaced(tuple(BADGES)))
        for each in SHORT:
            host.present_badge(each, 1)
        assert fill(site, turn=int(bypass)) >= 10
        places = [f"{sub.tab}/{sub.name}" for _tab, subs in tabs.seen_by(ADMIN, port) for sub in subs]
        for place in (*places, "configuration/supervision"):
            if place == "configuration/supervision":
                host.tell(sig.SettingChanged("Supervised", "true", ADMIN))
            await seen.go(place)
            await assert_untouched(seen, place)
        for path in ("about", "help", "login"):
            await seen.go(path)
            await assert_untouched(seen, path)


async def test_what_comes_by_an_import_a_search_or_a_form_runs_nowhere(browser: Browser, tmp_path: Path) -> None:
    async with commissioned("evlink-parking") as site:
        seen = await watched(browser, site, bypass=True)
        page = await seen.go("authentication/badges")
        file = tmp_path / "badges.csv"
        file.write_bytes(badge_file.written(BADGES))
        await page.get_by_label("List of badges (.csv)").set_input_files(file)
        await page.get_by_role("button", name="Import").click()
        await page.get_by_role("heading", name=f"New ({len(BADGES)})").wait_for()
        await assert_untouched(seen, "preview of badges")
        await page.get_by_role("button", name="Replace the list").click()
        await page.get_by_text(f"The list has {len(BADGES)} badges now.").wait_for()
        await assert_untouched(seen, "badges")
        await bring_settings(seen, site, tmp_path / "S1.cfg")
        await type_in(seen)


async def bring_settings(seen: Seen, site: Commissioned, file: Path) -> None:
    for number in range(0, len(PAYLOADS), 10):
        page = await seen.go("configuration/general")
        one, other = PAYLOADS[number], PAYLOADS[number + 1].replace("\t", " ")
        text = sealed(site, box_identity=one.replace("\n", " "), NetworkGateway=other.replace("\n", " "))
        file.write_text(text)  # noqa: ASYNC240 - some kB
        await page.get_by_label("File (.cfg)").set_input_files(file)
        await page.get_by_role("button", name="Import").click()
        await page.get_by_role("heading", name="Import of a configuration").wait_for()
        await assert_untouched(seen, one)


async def type_in(seen: Seen) -> None:
    """Into the search, and into a form that comes back with what was typed."""
    for payload in PAYLOADS[::3]:
        await seen.go(f"authentication/badges?search={quote(payload)}")
        await assert_untouched(seen, payload)
    page = await seen.go("configuration/network")
    for payload in PAYLOADS[1::12]:
        await page.get_by_label("Default gateway").evaluate("(each, text) => { each.value = text; }", payload)
        async with page.expect_navigation():  # the page before may have said the same
            await page.locator("form.settings").evaluate("each => setTimeout(() => each.submit())")
        await page.get_by_text("Nothing was saved.").wait_for()
        seen.said = [each for each in seen.said if "422" not in each]  # the browser tells of each refusal
        await assert_untouched(seen, payload)


async def test_what_changes_under_an_open_page_runs_nowhere(browser: Browser) -> None:
    """By the script's own way: a value of another hand, with a name that is a script, too."""
    async with commissioned() as site:
        seen = await watched(browser, site, bypass=True)
        page = await seen.go("configuration/general")
        for payload in ("<img src=x onerror=hit()>", '"><script>hit()</script>'):
            site.host().tell(sig.SettingChanged("stationName", payload, payload))
            await page.get_by_text(f"Changed to {payload} by {payload}").wait_for()
            await assert_untouched(seen, payload)


async def test_what_a_supervision_says_meanwhile_runs_nowhere(browser: Browser) -> None:
    """Told at once, over the page's WebSocket."""
    async with commissioned("evlink-parking") as site:
        seen = await watched(browser, site, bypass=True)
        page = await seen.go("overview/frames")
        say_all(site, PAYLOADS[::3])
        await page.get_by_text("hit()").first.wait_for(state="attached")
        await page.evaluate("for (const each of document.querySelectorAll('details')) each.open = true")
        await assert_untouched(seen, "frames")
