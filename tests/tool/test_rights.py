"""Who sees and changes what: every sub-tab and field of every product, as nobody, user and admin."""

import pytest

from chargepost.commissioning import tabs, views
from chargepost.commissioning.access import ADMIN, USER
from chargepost.commissioning.words import words
from tests.tool.rig import Client, Commissioned, commissioned

PRODUCTS = ("evlink-smart-wallbox@R7", "evlink-parking@R5", "evlink-city@R6", "evlink-pro-ac", "evlink-pro-dc",
            "schneider-charge")  # fmt: skip

GUIDE = {
    "general": {ADMIN, USER}, "network": {ADMIN}, "wifi": {ADMIN, USER}, "supervision": {ADMIN},
    "time": {ADMIN, USER}, "advanced": {ADMIN}, "sockets": {ADMIN}, "meters": {ADMIN}, "badges": {ADMIN, USER},
    "records": {ADMIN, USER}, "publication": {ADMIN, USER}, "status": {ADMIN, USER}, "report": {ADMIN, USER},
    "control": {ADMIN, USER}, "passwords": {ADMIN, USER}, "firmware": {ADMIN},
}  # fmt: skip
"""Commissioning guide, Access rights to tabs."""


def test_r_254_r_255_sub_tabs_are_of_the_accounts_that_the_guide_says() -> None:
    for sub in tabs.SUB_TABS:
        if sub.name in GUIDE:
            assert GUIDE[sub.name] == ({ADMIN, USER} if sub.user else {ADMIN}), sub.name


@pytest.mark.parametrize("product", PRODUCTS)
async def test_r_254_r_255_r_256_every_page_and_field_as_nobody_user_and_admin(product: str) -> None:
    async with commissioned(product) as site:
        port = site.embedded().port
        async with site.client() as nobody:
            await walk(site, nobody, "")
            assert (await nobody.get("api/fields")).status_code == 401
        for account in (USER, ADMIN):
            async with site.client(account) as client:
                await walk(site, client, account)
                fields = await client.fields()
                for row, sub in tabs.every_field(port):
                    right = views.right(row, sub, account, port)
                    assert (row.name in fields) == (right != "N"), row.name
                    may_write = fields.get(row.name, {}).get("writable", False)
                    assert may_write <= (right == "RW"), row.name
                    if not may_write:
                        await refused(site, client, row.name)


async def walk(site: Commissioned, client: Client, account: str) -> None:
    """Each sub-tab there is: its page, its form, its actions and its files."""
    port = site.embedded().port
    for sub in tabs.SUB_TABS:
        at = f"{sub.tab}/{sub.name}"
        there = bool(account) and tabs.is_there(sub, account, port)
        expected = 200 if there else 404 if account else 303
        assert (await client.get(at)).status_code == expected, at
        posted = await client.http.post(f"{client.at}{at}", data={"csrf": "wrong"})
        assert posted.status_code == (403 if there else expected), at
        else_ = 404 if account else 303
        for file in (row for row in tabs.DOWNLOADS if row.sub == sub.name):
            may = there and views.may(file, sub, account, port)
            assert (await client.get(f"{at}/files/{file.name}")).status_code == (200 if may else else_), file.name
        for action in (row for row in tabs.ACTIONS if row.sub == sub.name):
            may = there and views.may(action, sub, account, port)
            posted = await client.http.post(f"{client.at}{at}/do/{action.name}", data={"csrf": "wrong"})
            assert posted.status_code == (403 if may else else_), action.name


async def refused(site: Commissioned, client: Client, name: str) -> None:
    before = dict(site.host().station.core.settings.changed)  # type: ignore[union-attr]
    answer = await client.http.patch(
        f"{client.at}api/fields", json={"values": {name: "1"}}, headers={"x-csrf": await client.csrf()}
    )
    assert answer.status_code == 200
    assert name in answer.json()["refused"], name
    assert before == site.host().station.core.settings.changed  # type: ignore[union-attr]


@pytest.mark.parametrize("product", PRODUCTS)
async def test_names_of_fields_are_one_of_a_kind_and_every_field_says_what_it_is(product: str) -> None:
    async with commissioned(product, settings={"WifiPresent": True} if "wallbox" in product else {}) as site:
        port = site.embedded().port
        names = [row.name for row, _sub in tabs.every_field(port)]
        assert len(names) == len(set(names))
        for row, sub in tabs.every_field(port):
            shown = views.shown(row, sub, ADMIN, port, words("en"))
            assert shown.label, row.name
            assert shown.help or shown.kind == "shown" or shown.range or shown.choices, row.name


async def test_r_253_a_station_that_is_not_supervised_has_no_page_for_the_supervision() -> None:
    async with commissioned() as site, site.client(ADMIN) as client:
        assert (await client.get("configuration/supervision")).status_code == 404
        assert (await client.save("configuration/general", station_type="true")).status_code == 303
        assert (await client.get("configuration/supervision")).status_code == 200
