"""Numbers, ages and empty places on the supervision's pages."""

import pytest

from chargepost.supervision.live import Live
from chargepost.supervision.pages import pages
from chargepost.supervision.pages.markup import Row, table
from chargepost.supervision.state import Connector, Station
from chargepost.supervision.views import Census, ConnectorOut, StationOut, TransactionOut, census, chosen
from chargepost.supervision.wishes import ConnectorRow, StationRow


@pytest.mark.parametrize(
    ("power_w", "text"),
    [
        (None, ""), (0, "0 W"), (0.0004, "0 W"), (7.2, "7.20 W"), (850, "850 W"), (999.4, "999 W"), (999.6, "1.00 kW"),
        (7360, "7.36 kW"), (9_999, "10.0 kW"), (22_080, "22.1 kW"), (180_000, "180 kW"), (1_250_000, "1.25 MW"),
        (-7360, "-7.36 kW"),
    ],
)  # fmt: skip
def test_a_quantity_has_three_significant_digits_and_the_unit_that_fits(power_w: float | None, text: str) -> None:
    assert pages.quantity(power_w, "W") == text


def test_energy_is_told_to_the_watt_hour() -> None:
    assert [pages.energy(wh) for wh in (None, 0, 7, 12_345)] == ["", "0.000 kWh", "0.007 kWh", "12.345 kWh"]


@pytest.mark.parametrize(
    ("past_s", "words"),
    [
        (-5, "1 s"), (0, "1 s"), (12, "12 s"), (59, "59 s"), (60, "1 min"), (3599, "59 min"), (7200, "2 h"),
        (200_000, "2 d"),
    ],
)  # fmt: skip
def test_an_age_is_told_in_the_largest_unit_that_fits(past_s: int, words: str) -> None:
    assert f">{words} ago<" in pages.age("2026-11-20T12:00:00Z", 1795176000 + past_s)


def test_what_was_never_seen_has_no_age() -> None:
    assert ">never<" in pages.age(None, 0)


def test_each_cell_carries_its_head_and_none_is_left_over() -> None:
    html = table(["A", "B"], [Row(["x", 7], "bad", "3")], "", "Things", {"B"})
    assert '<tr class="bad" data-key="3" role="row"><td data-label="A" role="cell">x</td>' in html
    assert '<td class="number" data-label="B" role="cell">7</td>' in html
    with pytest.raises(ValueError, match="zip"):
        table(["A", "B"], [Row(["x"])], "", "Things")


def test_a_log_without_frames_says_what_to_do() -> None:
    assert "when the station connects" in pages.frames_part([], pages.Filter())
    assert "Clear it" in pages.frames_part([], pages.Filter(errors=True))


def test_a_reason_of_ours_says_what_it_means() -> None:
    rows = [TransactionOut(n, "S1", 1, "B", "Accepted", "", 0, reason=r) for n, r in ((1, "Superseded"), (2, "Local"))]
    html = pages.transactions_table(rows)
    assert ">Superseded<" in html
    assert html.count("no stop told") == 1


def test_a_charge_whose_power_is_not_told_is_counted_as_such() -> None:
    place = ConnectorOut(1, "Charging", "NoError", "")
    station = StationOut("S1", True, "Accepted", "Accepted", False, "V", "M", "", "", None, None, 0, [place])
    census = Census(stations=1, online=1, charging=1, untold=1, power_w=0.0, faults=0)
    shown = pages.Home([station], 1, census, [], [], 0, "ws://x/", pages.Choice())
    assert ">1 of 1 not told<" in pages.home_part(shown)


def test_a_long_list_is_paged_and_says_where_one_is() -> None:
    census = Census(stations=10_000, online=1, charging=0, untold=0, power_w=0.0, faults=0)
    shown = pages.Home([], 1_234, census, [], [], 0, "ws://x/", pages.Choice("FLEET &", "online", 2))
    html = pages.home(shown)
    assert "51 to 100 of 1234" in html
    for page, word in ((1, "First"), (1, "Previous"), (3, "Next"), (25, "Last")):
        at = f"&amp;page={page}" if page > 1 else ""
        assert f'href="/?find=FLEET+%26&amp;show=online{at}"' in html, word
    assert 'data-live="/parts/home?find=FLEET+%26&amp;show=online&amp;page=2"' in html


def test_all_stations_are_counted_and_not_only_those_of_the_page() -> None:
    stations = {}
    for number in range(120):
        row = ConnectorRow(f"S{number}", 1, "Charging" if number % 2 else "Available", "NoError", 0.0)
        stations[f"S{number}"] = Station(StationRow(f"S{number}"), connectors={1: Connector(row, Live(power_w=7000.0))})
    assert census(stations.values()) == Census(120, 0, 60, 0, 420_000.0, 0), "what an idle connector told last is past"
    assert len(chosen(stations, "", "charging")) == 60
    assert chosen(stations, "s11", "") == sorted(f"S{n}" for n in (11, *range(110, 120)))
    assert chosen(stations, "", "online") == []
