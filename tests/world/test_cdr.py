"""Charge records as the guide's tool shows and exports them (commissioning guide, chapter 6)."""

import csv
import io
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest
from msgspec.structs import replace

from chargepost.records import cdr
from chargepost.records.cdr import Chosen
from chargepost.signals import ChargeDetail, ChargeRecord, ChargeView
from chargepost.spreadsheet import FORMULA

PARIS = ZoneInfo("Europe/Paris")
SERIAL = "3N152820234A1S1B7551700014"
START = datetime(2017, 4, 5, 13, 40, 10, tzinfo=PARIS).timestamp()
DETAIL = ChargeDetail(SERIAL, "AC_SINGLE_PHASE", "TYPE2", "Anna")
RECORD = ChargeRecord(
    "1-1", 1, "E00700001F8AC3FB", START, START + 140, 1_000, 13_045, 140.2, "Local", 607_901, True, DETAIL
)


def charge(record: ChargeRecord = RECORD, number: int = 10) -> ChargeView:
    return cdr.view(record, number, serial="now", published="not yet", waiting=False)


def test_r_327_the_twelve_fields_as_the_guide_prints_them() -> None:
    """Chapter 6, Charge Data Record, its first row; with energy, and a comment."""
    assert cdr.HEADINGS == (
        "Charge number", "Charging station", "Socket ID", "Transaction ID", "UID", "Type of charge", "Start time",
        "End time", "Energy (kWh)", "Socket Type", "Duration", "Comment",
    )  # fmt: skip
    assert cdr.fields(charge(), PARIS) == (
        "10", SERIAL, "1", "607901", "E00700001F8AC3FB", "AC_SINGLE_PHASE", "2017-04-05 13:40",
        "2017-04-05 13:42", "12,045", "TYPE2", "00:02:20", "Anna",
    )  # fmt: skip


@pytest.mark.parametrize(("transaction", "shown"), [(None, "0"), (-1, "0"), (2**70, str(2**70))])
def test_r_337_the_transaction_id_is_the_supervisions_and_0_where_it_said_none(
    transaction: int | None, shown: str
) -> None:
    """Chapter 6 shows 0 for two charges of no time; -1 is what is told of a start that was never taken."""
    assert cdr.fields(charge(replace(RECORD, transaction=transaction)), PARIS)[3] == shown


def test_a_charge_of_an_older_program_has_what_is_known_of_it() -> None:
    old = replace(RECORD, detail=None)
    assert cdr.fields(charge(old), PARIS)[1] == "now"
    assert cdr.fields(charge(old), PARIS)[9] == ""


@pytest.mark.parametrize(("duration_s", "shown"), [(0.4, "00:00:00"), (3599.6, "01:00:00"), (360_000, "100:00:00")])
def test_a_duration_is_of_the_monotonic_clock_and_has_no_end(duration_s: float, shown: str) -> None:
    """Over the hour that comes twice, start and end alone would say one hour less."""
    assert cdr.fields(charge(replace(RECORD, duration_s=duration_s)), PARIS)[10] == shown


def test_r_327_times_are_local_summer_and_winter() -> None:
    before = datetime(2026, 3, 29, 0, 59, tzinfo=UTC).timestamp()
    over = replace(RECORD, start_utc_s=before, stop_utc_s=before + 120)
    assert cdr.fields(charge(over), PARIS)[6:8] == ("2026-03-29 01:59", "2026-03-29 03:01")
    assert cdr.fields(charge(over), cdr.zone_of("UTC"))[6:8] == ("2026-03-29 00:59", "2026-03-29 01:01")


@pytest.mark.parametrize("name", ["", "Nowhere/Atall", "../../etc/passwd", "Europe", "\0"])
def test_a_zone_that_is_none_is_utc(name: str) -> None:
    assert cdr.zone_of(name) is UTC


@pytest.mark.parametrize("separator", ["Semicolon", "Comma", "Tab"])
@pytest.mark.parametrize("decimal", ["Comma", "Dot"])
def test_r_332_every_pair_of_separators_can_be_read_back(separator: str, decimal: str) -> None:
    """Publication settings. Two commas cannot be told apart, so the number stands in quotes (RFC 4180)."""
    text = cdr.to_csv([charge()], PARIS, separator, decimal)
    between, point = {"Semicolon": ";", "Comma": ",", "Tab": "\t"}[separator], {"Comma": ",", "Dot": "."}[decimal]
    headings, row = csv.reader(io.StringIO(text, newline=""), delimiter=between)
    assert tuple(headings) == cdr.HEADINGS
    assert tuple(row) == cdr.fields(charge(), PARIS, point)
    assert ('"12,045"' in text) == (separator == decimal == "Comma")
    assert text.count("\r\n") == 2


@pytest.mark.parametrize(
    "written", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "＝1", "=cmd|' /C calc'!A0", '";=1', "a\r\n=1;b", "\0"]
)
def test_what_somebody_wrote_is_no_formula_and_no_new_line(written: str) -> None:
    for record in (replace(RECORD, id_tag=written), replace(RECORD, detail=replace(DETAIL, comment=written))):
        _, row = csv.reader(io.StringIO(cdr.to_csv([charge(record)], PARIS, "Semicolon", "Comma")), delimiter=";")
        assert len(row) == 12
        assert not [cell for cell in row if cell.startswith(FORMULA) or not cell.isprintable()]


def test_what_became_of_a_charge_is_said() -> None:
    waits = replace(RECORD, delivered=False)
    views = [cdr.view(waits, 9, serial="", published="published", waiting=waiting) for waiting in (True, False)]
    assert [(each.told, each.published) for each in [charge(), *views]] == [
        ("sent", "not yet"), ("waiting", "published"), ("not sent", "published"),
    ]  # fmt: skip


OTHERS = [
    replace(charge(), number=n, start_utc_s=START + (n - 1) * 43_200, socket=1 + n % 2, id_tag=f"Tag{n}", energy_wh=n)
    for n in range(1, 9)
]


@pytest.mark.parametrize(
    ("chosen", "numbers"),
    [
        (Chosen(), [1, 2, 3, 4, 5, 6, 7, 8]),
        (Chosen(first=date(2017, 4, 8)), [6, 7, 8]),
        (Chosen(last=date(2017, 4, 5)), [1]),
        (Chosen(first=date(2017, 4, 6), last=date(2017, 4, 6), socket=1), [2]),
        (Chosen(badge="tAG3"), [3]),
        (Chosen(socket=2), [1, 3, 5, 7]),
        (Chosen(comment="ANN", badge="8"), [8]),
        (Chosen(comment="somebody"), []),
    ],
)
def test_charges_are_chosen_by_day_badge_socket_and_comment(chosen: Chosen, numbers: list[int]) -> None:
    assert [each.number for each in OTHERS if chosen.has(each, PARIS)] == numbers


def test_energy_per_day_has_no_gap_and_is_bounded() -> None:
    one, other = OTHERS[0], replace(OTHERS[7], start_utc_s=START + 3 * 86_400)
    days = cdr.per_day([other, one, one], PARIS)
    assert [(int(each.day[-2:]), each.energy_wh, each.charges) for each in days] == [
        (5, 2, 2),
        (6, 0, 0),
        (7, 0, 0),
        (8, 8, 1),
    ]
    assert cdr.per_day([], PARIS) == []
    far = cdr.per_day([one, replace(one, start_utc_s=START + 1e8)], PARIS)
    assert (len(far), far[-1].charges) == (cdr.DAYS_MAX, 1)
