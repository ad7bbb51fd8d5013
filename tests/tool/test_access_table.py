"""The table of rights, as the commissioning guide prints it, against what pages and API do (R-254 to R-256, Q-040).

What the guide says stands here by hand; what it does not know is walked by its own row. So a row that is added is
covered by itself, and one that gives the account user something to write has to be written down here first.
"""

import re
from collections.abc import Mapping
from typing import Any

import pytest

from chargepost.commissioning import tabs, views
from chargepost.commissioning.access import ADMIN, USER
from chargepost.commissioning.api import Tool
from chargepost.commissioning.views import Field, SubTab
from chargepost.commissioning.words import words
from chargepost.web import Files, Page, Route
from tests.tool.rig import Client, Commissioned, commissioned

PRODUCTS: Mapping[str, dict[str, Any]] = {
    "evlink-smart-wallbox@R7": {"WifiPresent": True}, "evlink-parking@R7": {}, "evlink-city@R6": {"Supervised": True},
    "evlink-pro-ac": {}, "evlink-pro-dc": {}, "schneider-charge": {},
}  # fmt: skip
"""One of each line, alone or supervised, with what shows most of it."""

SUB_TABS = {
    "configuration/general": "X X", "configuration/network": "X -", "configuration/wifi": "X X",
    "configuration/supervision": "X -", "configuration/time": "X X",
    "energy/advanced": "X -", "energy/sockets": "X -", "energy/meters": "X -",
    "authentication/badges": "X X",
    "records/charges": "X X", "records/publication": "X X",
    "maintenance/status": "X X", "maintenance/report": "X X", "maintenance/control": "X X",
    "maintenance/passwords": "X X", "maintenance/firmware": "X -",
}  # fmt: skip
"""Access rights to tabs: administrator and user."""

FIELDS = {
    "station-type": "RW R", "remote-command": "RW RW", "authentication-done-by": "RW RW", "unknown-badges": "RW RW",
    "unknown-badges-offline": "RW RW", "push-button": "RW R", "station-location": "RW R", "cable-may-stay": "RW RW",
    "mac-address": "R N", "ip-address": "RW N", "second-ip-address": "RW N", "network-mask": "RW N",
    "network-gateway": "RW N", "dns-1": "RW N", "dns-2": "RW N",
    "time-settings": "RW RW", "ntp-server": "RW RW", "time-zone": "RW RW",
    "load-balancing": "RW N", "shedding-priority": "RW N", "external-control": "RW N",
    "socket-1-position": "R N", "socket-2-position": "R N", "socket-1-type": "R N", "socket-2-type": "R N",
    "socket-1-rated": "R N", "socket-2-rated": "R N", "derated-current": "RW N", "input-1": "RW N", "input-2": "RW N",
    "input-1-open": "RW N", "input-2-open": "RW N", "delayed-start": "RW N", "limit-contact": "RW N",
    "set-point": "RW N", "phase-voltage": "RW N", "energy-metering": "RW N",
    "report-frequency": "RW R", "report-protocol": "RW R", "field-separator": "RW R", "decimal-separator": "RW R",
    "smtp-server": "RW R", "smtp-port": "RW R", "smtp-authentication": "RW R", "smtp-user": "RW N",
    "smtp-password": "RW N", "smtp-sender": "RW R", "smtp-receiver": "RW R",
    "ftp-server": "RW R", "ftp-authentication": "RW R", "ftp-user": "RW N", "ftp-password": "RW N", "ftp-port": "RW N",
    "ftp-passive": "RW N",
    "http-server": "RW R", "http-authentication": "RW R", "http-user": "RW N", "http-password": "RW N",
    "http-port": "RW N", "http-path": "RW N", "http-field-name": "RW N",
}  # fmt: skip
"""Parameter tables: administrator and user. Where a table and that of the tabs disagree, the tab wins (Q-040); the
MAC address is read only (Q-041); a dash is N (Q-062)."""

USER_WRITES_TOO = {"station-name", "authentication-timeout", "authentication", "light", "light-night", "day-starts",
                   "day-ends", "date"}  # fmt: skip
"""What the account user writes besides, of releases and products newer than the guide's tables."""

FILES = {"configuration.cfg": "X -", "badges.csv": "X X", "charges.csv": "X X", "report.html": "X X"}
ACTIONS = {
    "general/import-preview": "X -", "general/import": "X -",
    "badges/learn": "X X", "badges/change": "X X", "badges/selected": "X X", "badges/import": "X X",
    "badges/replace": "X X",
    "control/restart": "X X", "control/restore": "X -", "passwords/change": "X X", "firmware/bring": "X -",
}  # fmt: skip

OPEN = {"/", "/stations/{id}/login", "/stations/{id}/logout", "/stations/{id}/about", "/stations/{id}/help",
        "/stations/{id}/api/login", "/stations/{id}/api/state"}  # fmt: skip
"""What is answered to nobody. All else asks for a login: what is added, too."""


def guide(text: str, account: str) -> str:
    return text.split()[account == USER]


# --- rows against the guide ------------------------------------------------------------------------------------------


def test_r_254_r_255_sub_tabs_are_of_the_accounts_that_the_guide_says() -> None:
    ours = {f"{sub.tab}/{sub.name}": "X X" if sub.user else "X -" for sub in tabs.SUB_TABS}
    assert {at: ours.get(at) for at in SUB_TABS} == SUB_TABS


def test_r_256_fields_are_written_by_whom_the_guide_says_and_the_rest_by_the_administrator() -> None:
    for row in tabs.FIELDS:
        sub = tabs.SUB_TAB[row.sub]
        if row.name in FIELDS:
            assert row.admin == "RW", row.name  # what cannot be written at all is seen at the product's key
            assert guide(FIELDS[row.name], USER) == (row.user if sub.user else "N"), row.name
        elif row.name not in USER_WRITES_TOO:
            assert row.user != "RW" or not sub.user, row.name
    assert set(FIELDS) <= {row.name for row in tabs.FIELDS}


def test_files_and_actions_are_of_the_accounts_that_the_guide_says() -> None:
    files = {row.name: "X X" if row.user and tabs.SUB_TAB[row.sub].user else "X -" for row in tabs.DOWNLOADS}
    actions = {
        f"{row.sub}/{row.name}": "X X" if row.user and tabs.SUB_TAB[row.sub].user else "X -" for row in tabs.ACTIONS
    }
    assert files == FILES | {name: files[name] for name in set(files) - set(FILES)}
    assert actions == ACTIONS | {name: actions[name] for name in set(actions) - set(ACTIONS)}


# --- pages and API ---------------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("product", PRODUCTS)
async def test_r_254_r_255_r_256_pages_and_api_as_nobody_user_and_admin(product: str) -> None:
    async with commissioned(product, settings=PRODUCTS[product]) as site:
        await site.up()
        async with site.client() as nobody:
            await assert_closed(site, nobody)
        for account in (USER, ADMIN):
            async with site.client(account) as client:
                seen: set[str] = set()
                for sub in tabs.SUB_TABS:
                    seen |= await walk_sub(site, client, account, sub)
                assert set(await client.fields()) == seen


async def assert_closed(site: Commissioned, nobody: Client) -> None:
    """Every route there is, but for those that let somebody in."""
    for row in Tool(None, lambda: 0.0, "").rows():  # type: ignore[arg-type]  # rows do not ask
        if isinstance(row, Files) or row.path in OPEN:
            continue
        assert isinstance(row, Page | Route)
        at = site.url.rstrip("/") + row.path.format(
            id="S1", tab="configuration", sub="general", file="configuration.cfg", action="import"
        )
        answer = await nobody.http.request(row.method, at)
        if answer.status_code == 303:
            assert "/login" in answer.headers["location"], row.path
        else:
            assert answer.status_code == 401, row.path
        assert len(answer.content) < 1000, row.path


async def walk_sub(site: Commissioned, client: Client, account: str, sub: SubTab) -> set[str]:
    """The sub-tab as this account: its page, what is on it, and what can be written. The names of its fields."""
    port, at = site.embedded().port, f"{sub.tab}/{sub.name}"
    there = tabs.is_there(sub, account, port)
    if at in SUB_TABS and guide(SUB_TABS[at], account) == "-":
        assert not there, at
    page = await client.get(at)
    assert page.status_code == (200 if there else 404), at
    for linked in re.findall(r'href="/stations/S1/(\w+/\w+)"', page.text):
        assert guide(SUB_TABS.get(linked, "X X"), account) == "X", (at, linked)
    for file in (row for row in tabs.DOWNLOADS if row.sub == sub.name):
        may = there and guide(FILES.get(file.name, "X X" if file.user else "X -"), account) == "X"
        assert (await client.get(f"{at}/files/{file.name}")).status_code == (200 if may else 404), file.name
    for action in (row for row in tabs.ACTIONS if row.sub == sub.name):
        may = there and guide(ACTIONS.get(f"{sub.name}/{action.name}", "X X" if action.user else "X -"), account) == "X"
        posted = await client.http.post(f"{client.at}{at}/do/{action.name}", data={"csrf": "wrong"})
        assert posted.status_code == (403 if may else 404), action.name
    live = await client.get(f"{at}/live")
    assert live.status_code == (200 if there and sub.live else 404), at

    api = {each["name"]: each for each in (await client.get("api/fields", params={"sub": sub.name})).json()}
    names = set()
    for row in tabs.fields_of(sub, port):
        right = expected(row, sub, account, port)
        on_page = f'data-field="{row.name}"' in page.text
        to_write = f'name="was.{row.name}"' in page.text
        assert (on_page, to_write) == (right != "N", right == "RW"), (row.name, right)
        assert (row.name in api, row.name in api and api[row.name]["writable"]) == (on_page, to_write), row.name
        if right == "RW":
            await assert_saved(site, client, row, sub, api[row.name])
        else:
            await assert_refused(site, client, row, at, is_page=there)
        names |= {row.name} if on_page else set()
    assert set(re.findall(r'data-field="([^"]*)"', page.text)) == names == set(api), at
    return names


def expected(row: Field, sub: SubTab, account: str, port: Any) -> str:
    """What the guide says; else what the row says. What the product only tells is read by whoever sees it."""
    right = guide(FIELDS[row.name], account) if row.name in FIELDS else views.right(row, sub, account, port)
    fixed = not views.shown(row, sub, ADMIN, port, words("en")).writable
    return "R" if right == "RW" and fixed and not has_to_be_written(row, port) else right


def has_to_be_written(row: Field, port: Any) -> bool:
    """The product's key can be set, or the row has a way of its own."""
    spec = port.model.key(row.key) if row.key else None
    return row.kind != "shown" and (bool(row.sets or row.does) or (spec is not None and spec.access != "R"))


async def assert_refused(site: Commissioned, client: Client, row: Field, at: str, *, is_page: bool) -> None:
    """By the API and by a forged form alike."""
    before = everything(site)
    csrf = await client.csrf()
    answer = await client.http.patch(
        f"{client.at}api/fields", json={"values": {row.name: "1"}}, headers={"x-csrf": csrf}
    )
    assert row.name in answer.json()["refused"], row.name
    form = {"csrf": csrf, "do": "save", row.name: "1", f"was.{row.name}": ""}
    assert (await client.http.post(f"{client.at}{at}", data=form)).status_code == (422 if is_page else 404), row.name
    assert everything(site) == before, row.name


def everything(site: Commissioned) -> dict[str, Any]:
    station = site.host().station
    assert station
    return dict(station.core.settings.changed)


FOLLOWS = {"second-ip-address"}
"""Has one value that it takes: another field decides."""
PASSING = {"date", "key-triggerbackendconfigurationdatareset"}
"""Does not stay as it was written: a clock goes on, and what was triggered is done."""
BY_RULE = {"ip-address": "192.168.0.110", "network-mask": "255.255.0.0", "network-gateway": "192.168.0.253",
           "set-point": "10"}  # fmt: skip
"""What the rules over several fields take."""
FITTING = (
    "walk.example", "a@walk.example", "0", "1", "2", "60", "900", "192.168.0.110", "192.168.0.253", "2026-11-20T14:30",
    "wss://127.0.0.1/ocpp", "07:00", "21:00", "0.RST", "DE", "WALK", "Power.Active.Import",
    "Energy.Active.Import.Register", "Current.Import", "Voltage", "SoC",
)  # fmt: skip
"""Something for each type of key."""
TOGETHER = {
    "report-frequency": {"smtp-server": "a.example", "smtp-sender": "a@a.example", "smtp-receiver": "b@a.example"},
}


async def assert_saved(
    site: Commissioned, client: Client, row: Field, sub: SubTab, told: Mapping[str, Any]
) -> None:  # fmt: skip
    """By the API, then back by the form."""
    value = another(row, site, told)
    if not value:
        return
    together = {name: with_ for name, with_ in TOGETHER.get(row.name, {}).items() if name in await client.fields()}
    answer = await change(client, {row.name: value} | together)
    assert not answer["refused"], answer
    assert row.name in answer["changed"], row.name
    secret = told["value"] == "" and views.shown(row, sub, ADMIN, site.embedded().port, words("en")).kind == "password"
    if secret:
        assert site.setting(row.key) == value
        return
    if row.name not in PASSING:
        assert (await client.fields())[row.name]["value"] == value, row.name
    if row.key and not row.sets and site.embedded().port.refuses(row.key, told["value"]):
        return  # a guide's factory value that names connectors which this variant has not
    back = await client.http.post(
        f"{client.at}{sub.tab}/{sub.name}",
        data={"csrf": await client.csrf(), "do": "save", row.name: told["value"], f"was.{row.name}": value},
    )
    if row.name not in {*TOGETHER, *PASSING}:
        assert back.status_code == 303, (row.name, re.findall(r'class="wrong"[^>]*>([^<]+)', back.text))
        assert (await client.fields())[row.name]["value"] == told["value"], row.name


async def change(client: Client, values: Mapping[str, str]) -> Any:
    answer = await client.http.patch(
        f"{client.at}api/fields", json={"values": values}, headers={"x-csrf": await client.csrf()}
    )
    return answer.json()


def another(row: Field, site: Commissioned, told: Mapping[str, Any]) -> str:
    """A value that is not the present one, and fits; empty where there is none."""
    port = site.embedded().port
    if row.name in FOLLOWS or (row.name == "ip-address" and tabs.SUB_TAB["wifi"].shown(port)):
        return ""
    if told["choices"]:
        return next((str(choice) for choice in told["choices"] if choice != told["value"]), "")
    spec = port.model.key(row.key) if row.key else None
    if spec and spec.max_items_key and site.setting(spec.max_items_key) == "0":
        return ""  # the product has the list, and room for nothing in it
    bounds = (f"{spec.min:g}", f"{spec.max:g}") if spec and spec.min is not None and spec.max is not None else ()
    for each in (BY_RULE.get(row.name, ""), *bounds, *FITTING):
        refused = row.refuses(port, each) if row.refuses else ""
        if each not in ("", told["value"]) and not refused and (row.does or not port.refuses(row.key, each)):
            return str(each)
    raise AssertionError(f"{row.name}: write a value that it takes into FITTING")
