"""/metrics of every process: the text format, names and units of Prometheus, and what the board asks for."""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from pathlib import Path

import httpx2
import msgspec
import pytest
from tests.shells.exposition import Family, read
from tests.shells.rig import until

from chargepost.fleet.scenario import People
from chargepost.journal import Journal
from chargepost.run import fleet
from chargepost.run.addresses import parse
from chargepost.run.house import House, Plan, opened
from chargepost.run.metrics import Metric, Sample, exposition
from chargepost.run.pulse import Pulse
from chargepost.run.site import Site, SupervisionPart
from chargepost.run.store import Store
from chargepost.run.tally import BUCKETS_S, Histogram, Tally, kind_of

BOARD = Path(__file__).parents[2] / "deploy" / "grafana" / "chargepost.json"
ANYWHERE = parse("127.0.0.1:0")


@pytest.fixture
async def house() -> AsyncIterator[House]:
    """Three stations that are booted and ours is their supervision: all that a process can tell."""
    plan = msgspec.structs.replace(fleet.DEFAULT, stations=3, people=People(visits_per_day=0))
    site = fleet.site(plan, "", {"HeartbeatInterval": "1"})
    async with opened(Plan(site, Store(None), "0", supervision=ANYWHERE, control=ANYWHERE, crowd=True)) as house:
        happening = asyncio.Event()
        house.stations.listeners.append(lambda _: happening.set())
        await until(lambda: house.stations.counts["boot accepted"] >= 3, happening)
        yield house


async def scrape(house: House) -> dict[str, Family]:
    async with httpx2.AsyncClient(base_url=house.control_url, trust_env=False) as http:
        return read((await http.get("/metrics")).text)


async def test_the_figures_are_prometheus_text_and_right(house: House) -> None:
    found = await scrape(house)

    def value(name: str, **labels: str) -> float:
        return sum(each.value for each in found[name].samples if labels.items() <= each.labels.items())

    assert value("chargepost_stations", link="open") == 3
    assert value("chargepost_stations_booted") == 3
    assert value("chargepost_supervision_stations", link="online") == 3
    for side, way in (("station", "out"), ("supervision", "in")):
        boots = {"side": side, "direction": way, "action": "BootNotification", "outcome": "call"}
        assert value("chargepost_ocpp_messages_total", **boots) == 3
        assert value("chargepost_ocpp_messages_total", side=side, action="BootNotification", outcome="result") == 3
    count = sum(
        each.value
        for each in found["chargepost_ocpp_call_duration_seconds"].samples
        if each.name.endswith("_count") and each.labels["action"] == "BootNotification"
    )
    assert count == 6, "both sides measure"
    assert value("process_open_fds") > 6
    assert value("process_max_fds") >= value("process_open_fds")
    assert value("process_resident_memory_bytes") > 1e6
    assert {each.labels["store"] for each in found["chargepost_store_lag_seconds"].samples} == {
        "stations",
        "supervision",
    }


async def test_a_supervision_alone_has_figures_too() -> None:
    site = Site(name="supervision", supervision=SupervisionPart())
    async with opened(Plan(site, Store(None), "0", supervision=ANYWHERE, control=ANYWHERE)) as house:
        assert "chargepost_supervision_open_transactions" in await scrape(house)


async def test_every_metric_of_the_board_is_there(house: House) -> None:
    board = json.loads(BOARD.read_text("utf-8"))
    queries = [target["expr"] for panel in board["panels"] for target in panel.get("targets", ())]
    named = {name for query in queries for name in re.findall(r"(?:chargepost|process)_\w+", query)}
    assert len(queries) > 8
    there = set(await scrape(house))
    there |= {f"{name}_bucket" for name in there if name.endswith("_duration_seconds")}
    assert not named - there


async def test_a_fleet_is_looked_at_without_looking_at_each_station(house: House) -> None:
    look = Pulse(house).look(whole=True)
    assert (look.booted, look.wanted, look.connectors["Available"]) == (3, 3, 3)
    assert look.messages >= 12
    assert look.p50_s is not None
    assert look.p50_s < BUCKETS_S[-1]


def test_labels_are_escaped_and_numbers_are_whole() -> None:
    text = exposition(
        [
            Metric("chargepost_things", "gauge", "T.", [Sample({"kind": 'a "b" \\ c\nd'}, 12_345_678)]),
            Metric("chargepost_things", "gauge", "T.", [Sample({"kind": "e"}, 0.25)]),
        ]
    )
    assert text.splitlines()[2:] == [
        r'chargepost_things{kind="a \"b\" \\ c\nd"} 12345678',
        'chargepost_things{kind="e"} 0.25',
    ]
    read(text)


@pytest.mark.parametrize(
    "wrong",
    [
        "# HELP chargepost_a T.\n# TYPE chargepost_a counter\nchargepost_a 1\n",  # a counter without _total
        "# HELP chargepost_a_ms T.\n# TYPE chargepost_a_ms gauge\nchargepost_a_ms 1\n",
        "# TYPE chargepost_a gauge\nchargepost_a 1\n",
        "# HELP chargepost_a T.\n# TYPE chargepost_a gauge\nchargepost_a{b=c} 1\n",
        "# HELP chargepost_a T.\n# TYPE chargepost_a gauge\nchargepost_a 1\nchargepost_a 2\n",
        '# HELP chargepost_a T.\n# TYPE chargepost_a gauge\nchargepost_a{station="CP1"} 1\n',
    ],
)
def test_the_strict_reader_refuses_what_prometheus_would(wrong: str) -> None:
    with pytest.raises(AssertionError):
        read(wrong)


def test_an_answer_is_timed_from_its_call_and_nothing_else() -> None:
    tally = Tally()
    tally.passed("A", b'[2,"1","Heartbeat",{}]', True, 10.0)
    tally.passed("B", b'[2,"1","Heartbeat",{}]', True, 10.0)
    tally.passed("A", b'[3,"0",{}]', False, 10.1)  # of an earlier life
    tally.passed("A", b'[3,"1",{"currentTime":"x"}]', False, 10.2)
    tally.link_lost("B", "nothing listens on h:1: is it running?", None)
    tally.passed("B", b'[4,"1","InternalError","",{}]', False, 99.0)
    tally.passed("A", b'[2,"7","Nonsense \\"x",{}]', False, 11.0)
    tally.passed("A", b"rubbish", False, 11.0)
    assert tally.durations["Heartbeat"].sum_s == pytest.approx(0.2)
    assert tally.whole().count == 1
    assert tally.messages[True, "Heartbeat", "call"] == 2
    assert tally.messages[False, "other", "error"] == 1
    assert tally.messages[False, "other", "call"] == 1
    assert tally.lost == {"refused": 1}


def test_a_quantile_lies_within_its_bucket() -> None:
    durations = Histogram()
    for _ in range(99):
        durations.add(0.004)
    durations.add(0.3)
    assert 0.0025 < (durations.quantile_s(0.5) or 0) <= 0.005
    assert 0.25 < (durations.quantile_s(0.999) or 0) <= 0.5
    assert Histogram().quantile_s(0.5) is None
    assert durations.since(durations.copy()).count == 0


@pytest.mark.parametrize(
    ("reason", "status", "kind"),
    [
        ("nothing listens on 127.0.0.1:9: is the central system running, is the port right?", None, "refused"),
        ("the other side closed: 1001 going away", None, "closed"),
        ("127.0.0.1:9 did not answer within 30 s", None, "timeout"),
        ("HTTP 401 from h:1: the user or the password is refused", 401, "http 401"),
        ("whatever a peer may say", None, "other"),
    ],
)
def test_links_are_lost_for_few_kinds_of_reasons(reason: str, status: int | None, kind: str) -> None:
    assert kind_of(reason, status) == kind


def test_a_store_says_how_far_behind_it_is(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "a.sqlite", "CREATE TABLE IF NOT EXISTS t (x)", 1)
    seen: list[tuple[int, float]] = []
    journal.submit([("INSERT INTO t VALUES (1)", ())], lambda: seen.append((journal.waiting, journal.lag_s)))
    assert journal.flush(10)
    assert seen[0][0] == 1
    assert seen[0][1] > 0
    assert (journal.waiting, journal.lag_s) == (0, 0.0)
    journal.close()
