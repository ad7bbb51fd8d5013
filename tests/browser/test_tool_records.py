"""Tab Charge Data Record in a real browser: by keyboard and eye, on a telephone and in the dark (ux.md, 5.1)."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Browser, expect

from chargepost.commissioning.access import USER
from chargepost.run.store import hold
from chargepost.signals import ChargeDetail
from tests.browser.seeing import tool_page
from tests.tool.rig import Commissioned, commissioned
from tests.tool.test_records import HOSTILE, charged, record

pytestmark = pytest.mark.slow


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Commissioned]:
    """A Parking with forty charges, one of them of a badge with a script on it."""
    async with commissioned("evlink-parking", store=hold(tmp_path)) as site:
        charged(site, *(record(n) for n in range(1, 40)), record(40, ChargeDetail("3N15", "DC", "CCS2", HOSTILE)))
        yield site


async def test_pages_have_no_barrier_and_fit(browser: Browser, site: Commissioned) -> None:
    """Level A and AA, no scrolling sideways, no console error, no foreign request (ux.md, 8: checks 13 and 14)."""
    seen = await tool_page(browser, site)
    for path in ("records/charges", "records/charges?badge=nobody"):
        await seen.go(path)
        await seen.assert_good_everywhere()


async def test_r_327_a_new_charge_appears_by_itself_under_the_filter(browser: Browser, site: Commissioned) -> None:
    """What is in the address chooses also what comes later; a script on a badge is a text."""
    seen = await tool_page(browser, site, USER)
    page = await seen.go("records/charges")
    await page.get_by_role("cell", name=HOSTILE).wait_for()
    await page.get_by_label("Badge", exact=True).fill("04A9")
    await page.get_by_role("button", name="Show").click()
    await page.get_by_text("in one charge").wait_for()
    assert "badge=04A9" in page.url
    charged(site, record(41, id_tag="04A9"), record(42))
    await page.get_by_text("in 2 charges").wait_for()
    await expect(page.get_by_role("row")).to_have_count(3)
    await page.reload()
    assert await page.get_by_label("Badge", exact=True).input_value() == "04A9"
    await seen.assert_good()


async def test_r_328_the_file_comes_down(browser: Browser, site: Commissioned) -> None:
    seen = await tool_page(browser, site, USER)
    page = await seen.go("records/charges")
    async with page.expect_download() as coming:
        await page.get_by_role("link", name="Export as .csv").click()
    download = await coming.value
    assert download.suggested_filename == "S1-charges.csv"
    assert (await download.path()).read_text("utf-8-sig").count("\n") == 41


async def test_r_336_fields_come_with_the_protocol_and_the_authentication(browser: Browser, site: Commissioned) -> None:
    """Publication settings: user name and password "Displayed if Authentication required is set to on"."""
    seen = await tool_page(browser, site)
    page = await seen.go("records/publication")

    async def there(*names: str) -> list[bool]:
        return [await page.locator(f'[data-field="{name}"]').is_visible() for name in names]

    asked = ("smtp-user", "smtp-password", "ftp-user", "ftp-password", "http-user")
    assert await there("smtp-server", "ftp-server", "http-server", *asked) == [True] + [False] * 7
    await page.locator('[data-field="smtp-authentication"]').get_by_label("on", exact=True).check()
    assert await there(*asked) == [True, True, False, False, False]
    await page.get_by_label("FTP", exact=True).check()
    assert await there("smtp-server", "ftp-server", "ftp-passive", *asked) == [False, True, True] + [False] * 5
    await page.locator('[data-field="ftp-authentication"]').get_by_label("on", exact=True).check()
    assert await there(*asked) == [False, False, True, True, False]
    await page.get_by_label("HTTP", exact=True).check()
    assert await there("http-path", "http-field-name", *asked) == [True, True] + [False] * 5


async def test_a_test_says_on_the_page_what_went_wrong(browser: Browser, site: Commissioned) -> None:
    seen = await tool_page(browser, site)
    page = await seen.go("records/publication")
    await page.get_by_label("FTP", exact=True).check()
    await page.locator("#ftp-server").fill("127.0.0.1")
    await page.get_by_role("button", name="Save", exact=True).click()
    await page.get_by_text("Saved: 2 changes.").wait_for()
    await page.get_by_role("button", name="Send a test now").click()
    await page.get_by_role("alert").get_by_text("The test did not arrive. ftp 127.0.0.1:21").wait_for()
    assert await page.get_by_role("row", name="Test failed").count() == 1
    assert site.setting("ReportProtocol") == "FTP"
    await seen.assert_good()


async def test_q_062_a_user_reads_and_sends_nothing(browser: Browser, site: Commissioned) -> None:
    seen = await tool_page(browser, site, USER)
    page = await seen.go("records/publication")
    assert await page.get_by_role("button", name="Send a test now").count() == 0
    assert await page.get_by_role("button", name="Save").count() == 0
    assert await page.get_by_label("Server").count() >= 1
    assert await page.locator("#smtp-server").get_attribute("readonly") is not None
    await seen.assert_good()
