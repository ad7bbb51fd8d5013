"""Tab Charge Data Record (commissioning guide, chapter 6): what a browser gets, and what it may set."""

import asyncio
import csv
import io
import re
from pathlib import Path
from typing import Any

import pytest

from chargepost.commissioning.access import ADMIN, USER
from chargepost.commissioning.tabs.records import top
from chargepost.drivers.simulated import CarSpec
from chargepost.records.ledger import remember_statements
from chargepost.records.publish import State
from chargepost.run import charges
from chargepost.run.gate import Place
from chargepost.run.store import hold
from chargepost.run.verify import verify
from chargepost.signals import (
    BadgeCommented,
    ChargeDetail,
    ChargeRecord,
    ClockSet,
    PublicationResult,
    Remember,
    SettingChanged,
    StopAsked,
)
from tests.shells import file_servers as servers
from tests.shells.rig import until
from tests.tool.rig import Commissioned, commissioned

NOON_UTC_S = 1_772_366_400.0
"""2026-03-01 12:00 UTC."""
DAY_S = 86_400.0
HOSTILE = '"><script>alert(1)</script>'


def record(n: int, detail: ChargeDetail | None = None, *, delivered: bool = True, id_tag: str = "") -> ChargeRecord:
    begun = NOON_UTC_S + n * DAY_S / 4
    detail = detail or ChargeDetail("3N15", "AC_SINGLE_PHASE", "TYPE2", f"Anna {n % 3}")
    return ChargeRecord(
        f"1-{n}",
        1 + n % 2,
        id_tag or f"04A{n}",
        begun,
        begun + 3600,
        n,
        n + 1500,
        3600.0,
        "Local",
        n,
        delivered,
        detail,
    )


def charged(site: Commissioned, *records: ChargeRecord) -> None:
    site.host().ledger.keep("S1", {}, lambda: None, Remember(1, {}, records=records))
    assert site.house.stations.journal.flush(20)


def rows(page: str) -> list[list[str]]:
    body = re.search(r"<tbody>(.*?)</tbody>", page, re.S)
    lines = re.findall(r"<tr>(.*?)</tr>", body[1], re.S) if body else []
    return [[" ".join(cell.split()) for cell in re.findall(r"<t[hd][^>]*>([^<]*)</t[hd]>", line)] for line in lines]


async def test_r_327_the_last_thirty_with_twelve_fields_for_both_accounts(tmp_path: Path) -> None:
    """Chapter 6: "displays the last thirty charge logs"; both accounts see the tab (Access rights to tabs)."""
    async with commissioned("evlink-parking", store=hold(tmp_path)) as site:
        charged(site, *(record(n) for n in range(1, 41)))
        for account in (ADMIN, USER):
            async with site.client(account) as client:
                page = (await client.get("records/charges")).text
                assert [row[0] for row in rows(page)] == [str(n) for n in range(40, 10, -1)]
                assert rows(page)[0] == [
                    "40", "3N15", "1", "40", "04A40", "AC_SINGLE_PHASE", "2026-03-11 12:00", "2026-03-11 13:00",
                    "1.500", "TYPE2", "01:00:00", "Anna 1",
                ]  # fmt: skip
                assert "60.000 kWh" in page
                assert "in 40 charges" in page
                assert "The last 30 of these charges" in page


async def test_times_are_those_of_the_stations_zone(tmp_path: Path) -> None:
    settings = {"TimeZone": "Asia/Kolkata"}
    async with commissioned("evlink-parking", store=hold(tmp_path), settings=settings) as site:
        charged(site, record(0))
        async with site.client(USER) as client:
            assert rows((await client.get("records/charges")).text)[0][6:9] == [
                "2026-03-01 17:30", "2026-03-01 18:30", "1.500",
            ]  # fmt: skip
            site.host().tell(SettingChanged("TimeZone", "UTC"))
            assert rows((await client.get("records/charges")).text)[0][6] == "2026-03-01 12:00"


async def test_a_page_writes_numbers_as_its_language_does_and_the_file_as_the_setting_says(tmp_path: Path) -> None:
    """The factory's separator is the comma, also for who reads English."""
    async with commissioned("evlink-parking", store=hold(tmp_path)) as site:
        charged(site, record(0))
        async with site.client(USER) as client:
            for language, energy, top in (("en", "1.500", "2 kWh"), ("de", "1,500", "2 kWh")):
                page = (await client.get("records/charges", headers={"accept-language": language})).text
                assert rows(page)[0][8] == energy
                assert f"<strong>{energy} kWh" in page
                assert f"<span>{top}</span>" in page  # the axis of the chart
            assert ";1,500;" in (await client.get("records/charges/files/charges.csv")).text


@pytest.mark.parametrize(
    ("query", "numbers"),
    [
        ("first=2026-03-03", [8, 7, 6]), ("last=2026-03-01&socket=2", [1]), ("badge=4a5", [5]),
        ("comment=anna%202", [8, 5, 2]),
        ("first=yesterday&socket=x", [8, 7, 6, 5, 4, 3, 2, 1]), ("badge=" + "4" * 1000, []),
    ],
)  # fmt: skip
async def test_the_filter_is_in_the_address(tmp_path: Path, query: str, numbers: list[int]) -> None:
    async with commissioned("evlink-parking", store=hold(tmp_path)) as site:
        charged(site, *(record(n) for n in range(1, 9)))
        async with site.client(USER) as client:
            for path in (f"records/charges?{query}", f"records/charges/live?{query}"):
                assert [row[0] for row in rows((await client.get(path)).text)] == [str(n) for n in numbers]
            assert len(rows((await client.get("records/charges")).text)) == 8


async def test_what_is_on_a_badge_is_no_script_and_no_formula(tmp_path: Path) -> None:
    async with commissioned("evlink-parking", store=hold(tmp_path)) as site:
        charged(site, record(1, ChargeDetail(HOSTILE, "DC", "CCS2", "=1+1"), id_tag=HOSTILE))
        async with site.client(ADMIN) as client:
            page = await client.get(f"records/charges?badge={HOSTILE}&comment={HOSTILE}")
            assert "<script>alert" not in page.text + (await client.get("records/charges")).text
            file = (await client.get("records/charges/files/charges.csv")).text
            assert "'=1+1" in file


async def test_r_328_the_export_has_up_to_3000_and_the_separators_that_are_set(tmp_path: Path) -> None:
    """Chapter 6: "export all the charging sessions saved in the charging station in a .csv file (up to 3000)"."""
    settings = {"ReportFieldSeparator": "Tab"}
    async with commissioned("evlink-parking", store=hold(tmp_path), settings=settings) as site:
        charged(site, *(record(n) for n in range(1, 3004)))
        async with site.client(USER) as client:
            answer = await client.get("records/charges/files/charges.csv")
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert "S1-charges.csv" in answer.headers["content-disposition"]
    assert answer.content.startswith(b"\xef\xbb\xbfCharge number\t")
    found = list(csv.reader(io.StringIO(answer.content.decode("utf-8-sig"), newline=""), delimiter="\t"))
    assert len(found) == 3001
    assert (found[1][0], found[-1][0], found[1][8]) == ("3003", "4", "1,500")


async def test_a_charge_that_ends_while_the_file_is_written_takes_no_other_one_out_of_it(tmp_path: Path) -> None:
    """It is written in pieces, and whoever else is served has a turn between them."""
    async with commissioned("evlink-parking", store=hold(tmp_path)) as site:
        charged(site, *(record(n) for n in range(1, 3 * charges.PIECE)))
        pieces = iter(site.embedded().port.charges_csv())
        begun = next(pieces) + next(pieces)
        charged(site, record(1000), record(1001))
        found = list(csv.reader(io.StringIO((begun + b"".join(pieces)).decode()), delimiter=";"))[1:]
        assert [row[0] for row in found] == [str(n) for n in range(3 * charges.PIECE - 1, 0, -1)]


async def test_charges_keep_their_numbers_while_one_is_written_that_nobody_heard_of_yet(tmp_path: Path) -> None:
    """The store has it some moments before it says so: what is sent then must be what its name says."""
    async with commissioned("evlink-parking", store=hold(tmp_path)) as site:
        charged(site, *(record(n) for n in range(1, 4)))
        stations = site.house.stations
        assert stations.publisher.newest("S1") == 3
        stations.journal.submit(remember_statements("S1", Remember(1, {}, records=(record(4),))))
        assert stations.journal.flush(20)
        for last in (None, 2):
            found = stations.publisher.charges("S1", 2, last)
            assert [(each.number, each.transaction) for each in found] == [(n, n) for n in (last or 3, (last or 3) - 1)]


def test_the_axis_of_the_chart_ends_above_the_highest_day() -> None:
    assert [top(wh) for wh in (0, 9, 11, 1500, 20_000, 20_001)] == [10, 10, 20, 2000, 20_000, 50_000]


async def test_a_page_that_is_looked_at_again_has_what_is_new(tmp_path: Path) -> None:
    async with commissioned("evlink-parking", store=hold(tmp_path)) as site, site.client(USER) as client:
        steps = [
            (record(1, delivered=False), ["not sent"]),
            (record(2), ["sent", "not sent"]),
            (record(1), ["sent"] * 2),
        ]
        for changed, told in steps:
            charged(site, changed)
            view = charges.chosen(site.house.stations.publisher, "S1", {})
            assert [each.told for each in view.charges] == told
            assert view is charges.chosen(site.house.stations.publisher, "S1", {}), "worked out once"
            assert (await client.get("records/charges")).text.count("</svg>Sent<") == told.count("sent")


async def test_a_row_shows_what_became_of_it(tmp_path: Path) -> None:
    """As it waits for the supervision, was taken by it, or was given up; and whether it is published."""
    async with commissioned("evlink-parking", store=hold(tmp_path)) as site:
        charged(site, record(1), record(2, delivered=False))
        station = site.host().station
        assert station
        async with site.client(USER) as client:
            for waiting, words in (({}, ["Not sent", "Sent"]), ({"1-2": record(2)}, ["Waiting", "Sent"])):
                station.undelivered.update(waiting)
                page = (await client.get("records/charges")).text
                assert re.findall(r"</svg>(Sent|Waiting|Not sent|Published)<", page) == words


async def test_without_a_store_there_is_nothing_to_show(tmp_path: Path) -> None:
    async with commissioned("evlink-parking") as site, site.client(ADMIN) as client:
        assert "This station keeps nothing" in (await client.get("records/charges")).text
        assert (await client.get("records/charges/files/charges.csv")).text.count("\r\n") == 1


HIDDEN = {
    "smtp-user", "smtp-password", "ftp-user", "ftp-password", "ftp-port", "ftp-passive", "http-user", "http-password",
    "http-port", "http-path", "http-field-name",
}  # fmt: skip


async def test_q_062_what_the_guide_shows_a_dash_for_is_not_shown_to_user() -> None:
    """Publication settings, columns of access rights."""
    async with commissioned("evlink-parking") as site:
        async with site.client(ADMIN) as client:
            own = {name: row for name, row in (await client.fields()).items() if row["sub"] == "publication"}
        async with site.client(USER) as client:
            theirs = {name: row for name, row in (await client.fields()).items() if row["sub"] == "publication"}
            page = (await client.get("records/publication")).text
            assert "Send a test now" not in page
            refused = await client.http.post(
                f"{client.at}records/publication/do/test", data={"csrf": await client.csrf()}
            )
            assert refused.status_code == 404
            assert (await client.save("records/publication", report_frequency="Daily")).status_code == 422
    assert set(own) - set(theirs) == HIDDEN
    assert all(row["writable"] for row in own.values())
    assert not any(row["writable"] for row in theirs.values())
    assert not [name for name in HIDDEN if f'name="{name}"' in page]


@pytest.mark.parametrize(
    "line", ["evlink-smart-wallbox", "evlink-city", "evlink-pro-ac", "evlink-pro-dc", "schneider-charge"]
)
async def test_every_product_publishes(line: str) -> None:
    async with commissioned(line) as site, site.client(ADMIN) as client:
        assert "smtp-server" in await client.fields()
        assert (await client.get("records/charges")).status_code == 200


async def test_r_336_user_and_password_belong_to_authentication() -> None:
    """Publication settings: "Displayed if Authentication required is set to on"."""
    async with commissioned("evlink-parking") as site, site.client(ADMIN) as client:
        page = (await client.get("records/publication")).text
    for protocol in ("smtp", "ftp", "http"):
        for name in ("user", "password"):
            assert f'data-field="{protocol}-{name}" data-stored="" data-when="{protocol}-authentication"' in page
        assert f'data-field="{protocol}-server" data-stored="" data-when="report-protocol"' in page


async def test_what_publication_needs_is_asked_for() -> None:
    """Publication settings: "All these parameters are mandatory"."""
    async with commissioned("evlink-parking") as site, site.client(ADMIN) as client:
        answer = await client.save("records/publication", report_frequency="Daily", report_protocol="FTP")
        assert answer.status_code == 422
        assert "It is needed to publish charge records." in answer.text
        assert site.setting("ReportFrequency") == "Disabled"
        whole: dict[str, Any] = {"report_frequency": "Daily", "report_protocol": "FTP", "ftp_server": "files.example"}
        assert (await client.save("records/publication", **whole)).status_code == 303
        page = (await client.get("records/publication")).text
        assert "Next date:" in page
        more = await client.save("records/publication", ftp_authentication="true")
        assert more.status_code == 422


async def test_a_password_is_set_kept_and_never_shown() -> None:
    """Whoever saves the page without typing it keeps it, and no page, answer or sentence holds it."""
    async with commissioned("evlink-parking") as site, site.client(ADMIN) as client:
        form = {"was.smtp-password": "", "was.smtp-user": ""}
        for typed, kept in (("s3cret one", "s3cret one"), ("", "s3cret one"), ("s3cret two", "s3cret two")):
            sent = form | {"csrf": await client.csrf(), "smtp-password": typed}
            answer = await client.http.post(f"{client.at}records/publication", data=sent)
            assert answer.status_code == 303, answer.text
            assert site.setting("ReportSmtpPassword") == kept
        seen = [(await client.get(path)).text for path in ("records/publication", "api/fields")]
        wrong = await client.save("records/publication", smtp_password="x" * 101, smtp_port="9")
        assert wrong.status_code == 422
        assert "s3cret" not in "".join(seen) + wrong.text


async def test_a_test_is_told_on_the_page_and_in_the_list(tmp_path: Path) -> None:
    settings = {"ReportProtocol": "FTP", "ReportFtpServer": "127.0.0.1"}
    async with commissioned("evlink-parking", settings=settings) as site, site.client(ADMIN) as client:
        answer = await client.http.post(f"{client.at}records/publication/do/test", data={"csrf": await client.csrf()})
        assert answer.status_code == 303
        page = (await client.get("records/publication")).text
        assert "The test did not arrive. ftp 127.0.0.1:21: the name leads to 127.0.0.1: the owner can allow it" in page
        assert rows(page)[0][1] == "FTP"
        live = await client.get("records/publication/live")
        assert "Test failed" in live.text


async def test_what_is_in_doubt_has_a_button_for_admin(tmp_path: Path) -> None:
    async with commissioned("evlink-parking", store=hold(tmp_path)) as site:
        publisher = site.house.stations.publisher
        charged(site, record(1))
        doubt = PublicationResult(NOON_UTC_S, "in doubt", "SMTP", 1, 1, "no answer")
        publisher._keep("S1", State(sent_to=1, results=(doubt,)))
        async with site.client(USER) as client:
            assert "Send again" not in (await client.get("records/publication")).text
            form = {"csrf": await client.csrf(), "first": "1", "last": "1"}
            assert (await client.http.post(f"{client.at}records/publication/do/again", data=form)).status_code == 404
        async with site.client(ADMIN) as client:
            assert "Send again" in (await client.get("records/publication/live")).text
            assert "</svg>In doubt<" in (await client.get("records/charges")).text
            for last, words in (("2", "Nothing was sent"), ("x", "Nothing was sent"), ("1", "They are sent again now")):
                form = {"csrf": await client.csrf(), "first": "1", "last": last}
                await client.http.post(f"{client.at}records/publication/do/again", data=form)
                assert words in (await client.get("records/publication")).text


async def test_r_329_published_from_the_page_to_a_server(tmp_path: Path) -> None:
    """From the form to the file: set, due at the next 0:01 of the station, and listed."""
    with servers.web() as there:
        async with commissioned("evlink-parking", store=hold(tmp_path)) as site, site.client(ADMIN) as client:
            charged(site, record(1), record(2))
            publisher = site.house.stations.publisher
            assert publisher._timer, "it looks by itself"
            publisher._terms = publisher._terms._replace(allowed=(Place("127.0.0.1"),))
            values: dict[str, Any] = {"report_frequency": "Daily", "report_protocol": "HTTP", "http_field_name": "file"}
            values["http_server"] = "127.0.0.1"
            assert (await client.save("records/publication", **values)).status_code == 303
            station = site.host().station
            assert station
            station.core.settings.changed["reporthttpport"] = str(there.port)
            publisher.start()
            site.host().tell(ClockSet(site.host().clock.utc_s() + DAY_S, "NTP"))
            publisher.start()
            await until(lambda: bool(publisher.state("S1").results), asyncio.Event())
            page = (await client.get("records/publication")).text
            assert rows(page)[0][1:3] == ["HTTP", "1–2"]
            assert "0 charges are not published yet" in page
            assert (await client.get("records/charges")).text.count("Published") == 2
    assert len(there.posted) == 1


async def test_r_327_r_337_a_charge_of_the_station_becomes_a_row(tmp_path: Path) -> None:
    """From the car to the page: the twelve fields, with the comment of the badge; and the store is in order."""
    settings = {"AuthenticationOCPPMode": "false", "defaultIdTag": "04A2B3"}
    async with commissioned("evlink-parking", store=hold(tmp_path), settings=settings, speed=60) as site:
        host, publisher = site.host(), site.house.stations.publisher
        host.tell(BadgeCommented("04A2B3", "Anna"))
        assert host.plug_in(1, CarSpec(name="car", battery_wh=60_000, soc_percent=20, phases=1, max_current_a=16))
        await until(lambda: host.view().connectors[0].power_w > 0, asyncio.Event())
        await until(
            lambda: (tx := host.view().connectors[0].transaction) is not None and tx.energy_wh > 50, asyncio.Event()
        )
        host.tell(StopAsked(1))
        await until(lambda: publisher.newest("S1") == 1, asyncio.Event())
        async with site.client(USER) as client:
            (row,) = rows((await client.get("records/charges")).text)
        assert host.station
        assert [*row[:6], row[9], row[11]] == [
            "1", host.station.core.serial, "1", "0", "04A2B3", "AC_SINGLE_PHASE", "TYPE2", "Anna",
        ]  # fmt: skip
        assert row[8] >= "0.050"
    assert verify(tmp_path) == []
