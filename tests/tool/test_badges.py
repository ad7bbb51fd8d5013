"""The badges of the tool: list, window, file (commissioning guide, chapter 5; R-315, R-319 to R-325)."""

from typing import Any

import pytest

from chargepost import signals as sig
from chargepost.commissioning import badge_file
from chargepost.commissioning.access import ADMIN, USER
from chargepost.commissioning.badge_file import BadFileError
from chargepost.commissioning.words import words
from chargepost.signals import OwnBadge
from chargepost.spreadsheet import FORMULA
from chargepost.station import badge_window
from tests.tool.rig import Client, Commissioned, commissioned

SAY = words("en")
LIST = (
    OwnBadge(1, "04A1", "User", "Anna; desk 3"),
    OwnBadge(2, "=1+2", "VIP", '@SUM("x")'),
    OwnBadge(5, "'04", "Admin"),
)
ALONE = {"authenticationManager": "0"}
PAGE = "authentication/badges"


def listed(site: Commissioned) -> list[tuple[str, str, str]]:
    station = site.host().station
    assert station
    return [(each.id_tag, each.type, each.comment) for each in badge_window.listed(station)]


def fill(site: Commissioned, *badges: OwnBadge) -> None:
    site.host().tell(*(sig.BadgeKept(each.id_tag, each.type, each.comment) for each in badges))


async def act(client: Client, action: str, **form: str | list[str]) -> str:
    csrf = await client.csrf()
    at = f"{client.at}{PAGE}/do/{action}"
    answer = await client.http.post(at, data=form | {"csrf": csrf}, follow_redirects=True)
    assert answer.status_code in (200, 422), answer.text
    return answer.text


async def send(client: Client, data: bytes) -> tuple[int, str]:
    headers = {"x-csrf": await client.csrf(), "content-type": "application/octet-stream"}
    answer = await client.http.post(f"{client.at}{PAGE}/do/import", content=data, headers=headers)
    return answer.status_code, answer.text


# --- the file --------------------------------------------------------------------------------------------------------


def test_r_323_what_is_exported_is_read_back() -> None:
    assert badge_file.read(badge_file.written(LIST), SAY) == LIST
    assert badge_file.read(b"\xef\xbb\xbf" + badge_file.written(()), SAY) == ()


def test_r_323_no_cell_of_the_file_is_a_formula() -> None:
    lines = badge_file.written(LIST).decode().splitlines()
    cells = [cell.strip('"') for line in lines for cell in line.split(";")]
    assert not [cell for cell in cells if cell.startswith(FORMULA)]


GOOD = badge_file.written(LIST)


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (GOOD.replace(b"VIP", b"Admin"), "changed after its export"),
        (GOOD.replace(b"VIP", b"Boss"), "Line 3: the type"),
        (GOOD.replace(b"04A1", b"x" * 21), "Line 2: the identifier"),
        (GOOD.replace(b"Anna; desk 3", b"x" * 51), "Line 2: the comment"),
        (GOOD.replace(b"2;'=1+2", b"two;'=1+2"), "Line 3: it needs"),
        (GOOD.replace(b"'=1+2", b"04a1"), "Line 3: the badge 04a1 is there twice"),
        (GOOD.rsplit(b"\r\n", 2)[0], "its end is missing"),
        (b"", "cannot be read"),
        (b"\x00\x01\xff\xfe", "cannot be read"),
        ("number;identifier".encode("utf-16"), "cannot be read"),
        (b"a,b,c\r\n1,2,3\r\n", "no list of badges"),
        (b"\x00" * 100, "no list of badges"),
        (b";" * 999_999, "no list of badges"),
        (b'"' * 3, "cannot be read"),
        (b"1\n" * 600_000, "larger"),
    ],
)
def test_r_325_a_file_that_was_edited_or_is_foreign_is_refused_with_its_line(data: bytes, why: str) -> None:
    with pytest.raises(BadFileError, match=why):
        badge_file.read(data, SAY)


# --- the page --------------------------------------------------------------------------------------------------------


async def test_r_326_q_061_the_tab_is_there_while_the_own_list_decides() -> None:
    async with commissioned("evlink-parking", "evlink-parking/key-two") as site:
        async with site.client(ADMIN) as client:
            assert (await client.get(PAGE)).status_code == 200
            site.host().tell(sig.SettingChanged("ocppCentralAddress", "ws://127.0.0.1:9/ocpp"))
            assert (await client.get(PAGE)).status_code == 404
            site.host().tell(sig.SettingChanged("authenticationManager", "0"))
            assert (await client.get(PAGE)).status_code == 200
        async with site.client(ADMIN, "S2") as client:
            assert (await client.get(PAGE)).status_code == 404  # no reader


async def test_r_315_r_322_both_accounts_change_type_and_comment() -> None:
    async with commissioned("evlink-parking") as site:
        fill(site, *LIST)
        for account, kind in ((ADMIN, "VIP"), (USER, "User")):
            async with site.client(account) as client:
                assert "Badge 04A1 is saved." in await act(client, "change", badge="04A1", type=kind, comment=account)
                assert listed(site)[0] == ("04A1", kind, account)
                assert "at most 50" in await act(client, "change", badge="04A1", type=kind, comment="x" * 51)
                assert "not on the list" in await act(client, "change", badge="04FF", type=kind, comment="")
                assert "not on the list" in await act(client, "change", badge="04A1", type="Boss", comment="")
                assert listed(site)[0] == ("04A1", kind, account)


async def test_r_319_r_320_r_321_several_badges_at_once() -> None:
    async with commissioned("evlink-parking") as site, site.client(ADMIN) as client:
        fill(site, *LIST)
        assert "2 badges were changed" in await act(client, "selected", badge=["04A1", "=1+2"], do="Admin")
        assert [kind for _, kind, _ in listed(site)] == ["Admin"] * 3
        assert "No badge is selected" in await act(client, "selected", badge=["04FF"], do="remove")
        assert "Choose what to do" in await act(client, "selected", badge=["04A1"], do="")
        assert "1 badge was removed" in await act(client, "selected", badge=["04A1"], do="remove")
        assert [badge for badge, _, _ in listed(site)] == ["=1+2", "'04"]
        await act(client, "selected", do="remove-all")
        assert listed(site) == []


async def test_r_324_an_import_shows_what_it_changes_and_then_replaces_all() -> None:
    async with commissioned("evlink-parking") as site, site.client(ADMIN) as client:
        fill(site, OwnBadge(1, "04A1", "Admin"), OwnBadge(2, "04OLD"))
        status, text = await send(client, GOOD)
        assert status == 200
        for told in ("The file holds 3 badges.", "New (2)", "Changed (1)", "Removed (1)"):
            assert told in text
        assert [badge for badge, _, _ in listed(site)] == ["04A1", "04OLD"]
        assert "The list has 3 badges now." in await act(client, "replace", file=GOOD.decode())
        assert listed(site) == [(each.id_tag, each.type, each.comment) for each in LIST]
        exported = (await client.get(f"{PAGE}/files/badges.csv")).content
        again = (await send(client, exported))[1]
        assert "nothing would change" in again
        assert "Replace the list" not in again
        assert [each.id_tag for each in badge_file.read(exported, SAY)] == [each.id_tag for each in LIST]


async def test_r_325_a_refused_import_changes_nothing() -> None:
    async with commissioned("evlink-parking") as site, site.client(ADMIN) as client:
        fill(site, *LIST)
        status, text = await send(client, GOOD.replace(b"VIP", b"Boss"))
        assert (status, "Line 3: the type is User, VIP or Admin. Nothing was changed." in text) == (422, True)
        assert "changed after its export" in await act(client, "replace", file=GOOD.decode().replace("04A1", "04A2"))
        assert [badge for badge, _, _ in listed(site)] == [each.id_tag for each in LIST]


async def test_thousands_of_badges_are_searched_and_paged() -> None:
    async with commissioned("evlink-parking") as site, site.client(ADMIN) as client:
        fill(site, *(OwnBadge(n, f"TAG{n}", "VIP" if n % 1000 == 0 else "User", f"desk {n}") for n in range(1, 3001)))
        first, last = (await client.get(PAGE)).text, (await client.get(f"{PAGE}?page=60")).text
        assert (first.count("<tr>"), "TAG50<" in first, "TAG51<" in first, "TAG3000<" in last) == (
            51,
            True,
            False,
            True,
        )
        found = (await client.get(f"{PAGE}?search=desk+2999")).text
        assert ("TAG2999<" in found, "1 badge" in found, found.count("<tr>")) == (True, True, 2)
        assert (await client.get(f"{PAGE}?search=vip")).text.count("<tr>") == 4
        for strange in ("page=0", "page=x", "page=" + "9" * 30, "page=-1"):
            assert (await client.get(f"{PAGE}?{strange}")).status_code == 200


async def test_r_317_r_318_the_window_opens_hears_and_stops() -> None:
    async with commissioned("evlink-parking") as site, site.client(USER) as client:
        text = await act(client, "learn", mode="add")
        assert "seconds left" in text
        for unread in ("hello", "04AE0", "04", "04" * 11):
            assert "hexadecimal" in await act(client, "present", badge=unread)
        await act(client, "present", badge="04AE01")
        live = (await client.get(f"{PAGE}/live")).text
        assert "04AE01" in live
        assert "was added" in live
        assert "seconds left" not in await act(client, "learn", mode="")
        assert listed(site) == [("04AE01", "User", "")]
        await act(client, "learn", mode="remove")
        await act(client, "present", badge="04AE01")
        assert listed(site) == []
        for unread in ("hello", "04AE0", "04", "04" * 11):
            assert "hexadecimal" in await act(client, "present", badge=unread)


@pytest.mark.parametrize(
    ("product", "settings", "path", "why"),
    [
        (
            "evlink-parking",
            {"Supervised": True, "SupervisionUrl": "ws://127.0.0.1:1/"},
            PAGE,
            "does not decide who charges",
        ),
        ("evlink-parking", {}, "configuration/supervision", "The station type is Standalone"),
        ("schneider-charge", {}, PAGE, "There is no such page"),
    ],
)
async def test_a_page_that_is_not_there_now_says_why(
    product: str, settings: dict[str, Any], path: str, why: str
) -> None:
    async with commissioned(product, settings=settings) as site, site.client(ADMIN) as client:
        answer = await client.get(path)
        assert (answer.status_code, why in answer.text) == (404, True)
    async with commissioned(product, settings=settings) as site, site.client(USER) as client:
        told = (await client.get("configuration/supervision")).text
        assert "There is no such page, or not for this account." in told
