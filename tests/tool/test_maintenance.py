"""The tab Maintenance (commissioning guide, chapter 7; R-338 to R-354)."""

import asyncio
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from chargepost import signals as sig
from chargepost.catalogue import load
from chargepost.catalogue.image import draw_key, make
from chargepost.commissioning.access import ADMIN, USER
from chargepost.commissioning.pages import local_time
from chargepost.commissioning.state_words import PLAIN
from chargepost.commissioning.tabs.maintenance import ENDS, STEPS
from chargepost.drivers.simulated import CARS
from chargepost.records.ledger import records
from chargepost.run.store import Store
from chargepost.run.transfer import Terms
from chargepost.station import electrics, pilot
from chargepost.station.maintenance import STEPS as STATION_STEPS
from tests.shells.rig import until
from tests.tool.rig import OWN, Client, Commissioned, commissioned


async def act(client: Client, at: str, **form: str) -> tuple[int, str]:
    sub, action = at.rsplit("/", 1)
    data = form | {"csrf": await client.csrf()}
    answer = await client.http.post(f"{client.at}maintenance/{sub}/do/{action}", data=data, follow_redirects=True)
    return answer.status_code, answer.text


async def seen(check: Callable[[], bool]) -> None:
    await until(check, asyncio.Event())


# --- status ----------------------------------------------------------------------------------------------------------


async def test_r_338_r_341_to_r_345_the_status_is_that_of_the_hardware() -> None:
    async with commissioned("evlink-parking") as site, site.client(USER) as client:
        live = (await client.get("maintenance/status/live")).text
        for word in ("EVSE_Available_StateA", "Not_Plugged", "A_Not_Present_12V", "Normal_Mode_3", "Not_Initialized"):
            assert word in live, word
        host = site.host()
        host.plug_in(1, CARS["Compact"])
        host.present_badge("04A1", 1)

        def charges() -> bool:  # the car and the transaction begin one after the other
            outlet = site.embedded().port.outlets()[0]
            return (outlet.cpw_state, outlet.outlet_status) == ("EV_Charging_StateC2", "OK_ChargeLoopStarted")

        await seen(charges)
        live = (await client.get("maintenance/status/live")).text
        for word in ("EV_Charging_StateC2", "32 A", "C_Ready_6V_M12V", "OK_ChargeLoopStarted", "charging"):
            assert word in live, word


async def test_r_340_without_an_error_it_says_so_and_each_error_has_its_remedy() -> None:
    async with commissioned("evlink-parking") as site, site.client(ADMIN) as client:
        assert "No error found on the charging station" in (await client.get("maintenance/status/live")).text
        site.host().tell(sig.FaultRaised(1, "12"))
        live = (await client.get("maintenance/status/live")).text
        assert "No error found" not in live
        assert "Err #12 - Power Meter Communication" in re.sub(r"\s+", " ", live)
        (since_utc_s,) = (each.since_utc_s for each in site.embedded().port.errors() if each.connectors)
        assert since_utc_s
        site.embedded().port.change({"TimeZone": "Asia/Tokyo"}, ADMIN)
        assert f"since {local_time(since_utc_s, 'Asia/Tokyo')}" in (await client.get("maintenance/status/live")).text
        glance = (await client.get("overview/station/live")).text
        assert f"since {local_time(since_utc_s, 'Asia/Tokyo')[11:16]}" in glance.partition("Power Meter Comm")[2][:200]
        assert load("evlink-parking").errors["12"].remedy in live.replace("&#39;", "'")


async def test_r_240_r_241_the_report_has_every_error_of_the_product_as_ok_or_ko() -> None:
    async with commissioned("evlink-parking") as site, site.client(ADMIN) as client:
        site.host().tell(sig.FaultRaised(2, "12"))
        report = (await client.get("maintenance/report")).text
        rows = dict(re.findall(r'<span lang="en">(\d+ [^<]+)</span></th><td lang="en">([^<]+)</td>', report))
        assert rows["12 Power Meter Communication"] == "KO: connector 2"
        assert len(rows) == 25  # R7
        assert [each for each in rows.values() if each != "OK"] == ["KO: connector 2"]


def test_every_word_of_the_status_has_a_plain_one() -> None:
    said = {row.name for row in (*electrics.CPW_STATES, *electrics.EVSE_STATUS, *electrics.OUTLET_STATUS)}
    said |= {*electrics.LAST_ERRORS, *electrics.LAST_CHARGE.values(), *(row.guide for row in pilot.STATES.values())}
    said |= {name for _, name in electrics.CABLES} | {electrics.NO_CABLE, electrics.NOT_INITIALIZED}
    assert said == set(PLAIN)


# --- report ----------------------------------------------------------------------------------------------------------


async def test_r_347_the_report_is_a_page_and_a_file_that_needs_nothing_else() -> None:
    secret = "Secret-of-the-owner-1"
    async with commissioned("evlink-parking", settings={"AuthorizationKey": secret}) as site:
        async with site.client(USER) as client:
            page = (await client.get("maintenance/report")).text
            answer = await client.get("maintenance/report/files/report.html")
        assert "S1-report.html" in answer.headers["content-disposition"]
        for text in (page, answer.text):
            for word in ("Boot counter", "Firmware version", "3.3.0.7", "Serial number", "Cable state", "Not_Plugged"):
                assert word in text, word
            assert secret not in text
            for outlet in site.embedded().port.outlets():  # the words of the page Status, and no others
                for said in (outlet.cpw_state, outlet.cable_state, outlet.ev_state, *outlet.evse_status,
                             outlet.outlet_status, outlet.outlet_last_error):  # fmt: skip
                    assert said in text, said
        assert not re.search(r"(src|href)\s*=|url\(|<script|@import", answer.text)


# --- control ---------------------------------------------------------------------------------------------------------


async def test_who_restarts_is_told_of_the_charges_that_end() -> None:
    async with commissioned("evlink-parking") as site, site.client(USER) as client:
        assert 'data-asks="Restart S1?"' in (await client.get("maintenance/control")).text
        site.host().plug_in(1, CARS["Compact"])
        site.host().present_badge("04A1", 1)
        await seen(lambda: site.host().view().connectors[0].transaction is not None)
        assert "Restart S1? One charge is running: it ends." in (await client.get("maintenance/control")).text


async def test_the_page_of_the_report_is_in_the_language_of_its_reader() -> None:
    """What is of the product stays as it is: errors and settings by name."""
    async with commissioned("evlink-parking") as site, site.client(USER) as client:
        page = (await client.get("maintenance/report", headers={"accept-language": "de"})).text
        for word in ("Seriennummer", "Zähler der Starts", "12 Power Meter Communication"):
            assert word in page, word
        assert "Boot counter" not in page


async def test_r_348_both_accounts_restart_and_admin_alone_restores() -> None:
    async with commissioned("evlink-parking", speed=60) as site:
        for account in (USER, ADMIN):
            async with site.client(account) as client:
                if account == USER:
                    assert (await act(client, "control/restore", identity="S1"))[0] == 404
                    assert "Restore" not in (await client.get("maintenance/control")).text
                before = site.host().station
                assert "The station is starting" in (await act(client, "control/restart"))[1]
                await seen(lambda old=before: site.host().station not in (None, old))  # type: ignore[misc]


async def test_r_349_a_restore_is_typed_and_keeps_badges_and_software() -> None:
    async with commissioned("evlink-parking", speed=60) as site, site.client(ADMIN) as client:
        host = site.host()
        host.tell(sig.SettingChanged("stationName", "Mine"), sig.BadgeKept("04A1", "VIP", "Anna"))
        status, text = await act(client, "control/restore", identity="s1")
        assert (status, "type the identity of the station, S1" in text) == (200, True)
        assert site.setting("stationName") == "Mine"
        before = host.station
        await act(client, "control/restore", identity="S1")
        await seen(lambda: host.station not in (None, before))
        assert site.setting("stationName") != "Mine"
        assert [(each.id_tag, each.comment) for each in site.embedded().port.badges()] == [("04A1", "Anna")]
        assert (await client.get("maintenance/control")).headers["location"].startswith("/stations/S1/login")
        assert (await client.log_in(ADMIN, OWN)).status_code == 401
        assert (await client.log_in(ADMIN, site.first())).status_code == 303


async def test_r_349_a_restore_shows_no_charge_of_before_and_keeps_its_row(tmp_path: Path) -> None:
    async with commissioned("evlink-parking", speed=60, store=Store(tmp_path)) as site, site.client(ADMIN) as client:
        host = site.host()
        await charge(site)
        await seen(lambda: "04A1" in b"".join(site.embedded().port.charges_csv()).decode())
        before = host.station
        await act(client, "control/restore", identity="S1")
        await seen(lambda: host.station not in (None, before))
        assert "04A1" not in b"".join(site.embedded().port.charges_csv()).decode()
        await charge(site)
        await seen(lambda: b"".join(site.embedded().port.charges_csv()).decode().count("04A1") == 1)
        assert len(records(site.house.stations.journal, "S1")) == 2


async def charge(site: Commissioned) -> None:
    host = site.host()
    host.plug_in(1, CARS["Compact"])
    host.present_badge("04A1", 1)
    await seen(lambda: any(outlet.contactor and outlet.transaction for outlet in host.view().connectors))
    host.present_badge("04A1", 1)
    await seen(lambda: all(outlet.transaction is None for outlet in host.view().connectors))
    host.unplug(1)


# --- passwords -------------------------------------------------------------------------------------------------------

OTHER = "Other-pass 2"


async def test_r_350_both_accounts_change_their_password_and_admin_that_of_user() -> None:
    async with commissioned("evlink-parking") as site:
        async with site.client(USER) as client:
            assert (
                "Only the administrator"
                in (await act(client, "passwords/change", whose=ADMIN, old=OWN, new=OTHER, again=OTHER))[1]
            )
            assert 'name="whose"' not in (await client.get("maintenance/passwords")).text
            await act(client, "passwords/change", old=OWN, new=OTHER, again=OTHER)
            assert (await client.get("maintenance/passwords")).status_code == 303
            assert (await client.log_in(USER, OTHER)).status_code == 303
        async with site.client(ADMIN) as client:
            text = (await act(client, "passwords/change", whose=USER, old=OWN, new="New-pass 3", again="New-pass 3"))[1]
            assert "The password of user is changed." in text
            async with site.client() as other:
                assert (await other.log_in(USER, "New-pass 3")).status_code == 303
                assert "Choose your own" in (await other.get("password")).text


@pytest.mark.parametrize(
    ("form", "why"),
    [
        ({"old": "wrong", "new": OTHER, "again": OTHER}, "present password is wrong"),
        ({"old": OWN, "new": OTHER, "again": "Other-pass 3"}, "not alike"),
        ({"old": OWN, "new": "weak", "again": "weak"}, "too weak"),
    ],
)
async def test_r_352_a_password_that_is_not_taken_says_why(form: dict[str, str], why: str) -> None:
    async with commissioned("evlink-parking") as site, site.client(ADMIN) as client:
        assert why in (await act(client, "passwords/change", **form))[1]
        assert (await client.get("maintenance/passwords")).status_code == 200


async def test_r_351_a_lost_password_of_admin_needs_a_restore_by_hand() -> None:
    async with commissioned("evlink-parking", speed=60) as site, site.client(ADMIN) as client:
        before = site.host().station
        await site.house.stations.restore("S1")  # as the control API does, past the tool
        await seen(lambda: site.host().station not in (None, before))
        assert (await client.log_in(ADMIN, OWN)).status_code == 401
        assert (await client.log_in(ADMIN, site.first())).status_code == 303


# --- firmware --------------------------------------------------------------------------------------------------------

PRIVATE, PUBLIC = draw_key()


async def bring(client: Client, data: bytes) -> tuple[int, str]:
    headers = {"x-csrf": await client.csrf(), "content-type": "application/octet-stream"}
    at = f"{client.at}maintenance/firmware/do/bring"
    answer = await client.http.post(at, content=data, headers=headers, follow_redirects=True)
    return answer.status_code, answer.text


def image(line: str, release: str, key: bytes = PRIVATE) -> bytes:
    return make(line, release, "2026-11-20", key)


def terms() -> Terms:
    return Terms(keys=(PUBLIC,))


async def test_r_353_r_354_a_package_is_examined_installed_and_its_end_is_shown() -> None:
    async with commissioned("evlink-parking@R6", speed=60, files=terms()) as site, site.client(ADMIN) as client:
        page = (await client.get("maintenance/firmware")).text
        assert re.findall(r"<td[^>]*>(.*?)</td>", page)[:6] == [
            "102",
            "3.2.0-12",
            "3.2.0-12",
            "not told",
            "103",
            "3.2.0-12",
        ]
        host = site.host()
        status, _ = await bring(client, image("evlink-parking", "R7"))
        assert status in (200, 503)  # already starting anew
        await seen(lambda: host.station is not None and host.model.release == "R7" and view(site).step == "")
        assert (view(site).last, view(site).release) == ("Installed", "R7")
        await site.up()
        assert "The last update was installed." in (await client.get("maintenance/firmware")).text


def view(site: Commissioned) -> sig.FirmwareView:
    return site.embedded().port.firmware()


GOOD = image("evlink-parking", "R7")


@pytest.mark.parametrize(
    ("data", "end"),
    [
        (b"PK\x03\x04" + bytes(100), "InstallationFailed"),
        (image("evlink-city", "R7"), "InstallationFailed"),
        (image("evlink-parking", "R7", draw_key()[0]), "InstallationFailed"),
        (GOOD[:-10], "InstallationFailed"),
        (GOOD[:200] + bytes([GOOD[200] ^ 1]) + GOOD[201:], "InstallationFailed"),
    ],
)
async def test_r_354_a_wrong_package_is_refused_in_words_and_the_station_goes_on(data: bytes, end: str) -> None:
    async with commissioned("evlink-parking@R6", files=terms()) as site, site.client(ADMIN) as client:
        await bring(client, data)
        await seen(lambda: view(site).last != "")
        assert (view(site).last, site.host().model.release) == (end, "R6")
        assert view(site).reason
        page = (await client.get("maintenance/firmware")).text
        assert "was refused" in page
        assert "The old firmware goes on." in page


async def test_r_354_too_large_or_empty_is_refused_at_once() -> None:
    async with commissioned("evlink-parking@R6", files=terms()) as site, site.client(ADMIN) as client:
        assert (await bring(client, bytes(1 << 21)))[0] == 413
        assert "The file is empty" in (await bring(client, b""))[1]
        assert view(site) == sig.FirmwareView("")


async def test_r_354_a_brought_package_is_told_to_no_supervision_and_only_one_at_a_time() -> None:
    async with commissioned("evlink-parking@R6", files=terms()) as site, site.client(ADMIN) as client:
        host = site.host()
        host.plug_in(1, CARS["Compact"])
        host.present_badge("04A1", 1)
        await seen(lambda: any(outlet.contactor for outlet in host.view().connectors))
        await bring(client, GOOD)
        await seen(lambda: view(site).step == "ready")  # it waits for who charges
        assert "as soon as nobody charges" in (await client.get("maintenance/firmware")).text
        assert "under way already" in (await bring(client, GOOD))[1]
        assert host.station
        assert host.station.maintenance.untold == []


def test_every_step_and_end_of_an_update_has_words() -> None:
    assert set(STEPS) == set(STATION_STEPS)
    assert "Installed" in ENDS
