"""A fleet in shards, as far as it goes without Ray: who is where, whose store, and figures as one (design, 2: run)."""

import sys
from collections import Counter
from pathlib import Path

import msgspec
import pytest

from chargepost.cli import run_with
from chargepost.journal import StoreError
from chargepost.run import fleet, shards
from chargepost.run.merged import Looks, Merged
from chargepost.run.metrics import Metric, Sample, counted, of_tally, one
from chargepost.run.shards import Job, Shard, cut, folder_of, hold_shard
from chargepost.run.tally import Tally

WISHED = ["fleet", "--shards", "2", "--stations", "4", "--supervision", "ws://127.0.0.1:1/x"]


# --- who is where -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("stations", "count"), [(40, 2), (41, 2), (7, 3), (3, 8), (1000, 7)])
def test_each_station_is_in_exactly_one_shard_at_each_start(stations: int, count: int) -> None:
    plan = msgspec.structs.replace(fleet.DEFAULT, stations=stations)
    parts = [cut(fleet.site(plan, "ws://h/x", {}), number, count).stations for number in range(count)]
    seen = Counter(part.id for each in parts for part in each)
    assert seen == Counter(part.id for part in fleet.site(plan, "ws://h/x", {}).stations)
    assert max(seen.values()) == 1, "nobody is twice"
    assert max(map(len, parts)) - min(map(len, parts)) <= 1
    assert parts == [cut(fleet.site(plan, "ws://h/x", {}), number, count).stations for number in range(count)]


def test_a_mix_of_products_is_a_mix_in_each_shard() -> None:
    plan = fleet.with_models(
        msgspec.structs.replace(fleet.DEFAULT, stations=40), ["evlink-pro-ac", "evlink-smart-wallbox"]
    )
    for number in range(2):
        models = Counter(part.model for part in cut(fleet.site(plan, "ws://h/x", {}), number, 2).stations)
        assert list(models.values()) == [10, 10]


# --- whose store ------------------------------------------------------------------------------------------------------


def test_a_shard_that_ran_does_not_begin_without_its_store(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="what runs would be lost"):
        hold_shard(tmp_path, 0, 2, again=True)
    hold_shard(tmp_path, 0, 2, again=False).close()


def test_a_fleet_is_not_cut_anew_over_stores_it_has(tmp_path: Path) -> None:
    folder_of(tmp_path, 1, 3).mkdir()
    with pytest.raises(StoreError, match="ran in 3 shards"):
        hold_shard(tmp_path, 0, 2, again=False)


def test_a_fleet_is_not_cut_over_the_store_of_one_process(tmp_path: Path) -> None:
    (tmp_path / "stations.sqlite").touch()
    with pytest.raises(StoreError, match="ran without shards"):
        hold_shard(tmp_path, 0, 2, again=False)


# --- figures as one ---------------------------------------------------------------------------------------------------


def figures(begun: int, energy_j: float, booted: int, took_s: float) -> list[Metric]:
    tally = Tally()
    tally.passed("S", b'[2,"1","Heartbeat",{}]', True, 0.0)
    tally.passed("S", b'[3,"1",{}]', False, took_s)
    return [
        one("chargepost_transactions_begun_total", "counter", "", begun),
        one("chargepost_energy_joules_total", "counter", "", energy_j),
        one("chargepost_stations_booted", "gauge", "", booted),
        one("chargepost_event_loop_lag_seconds", "gauge", "", took_s),
        counted("chargepost_connectors", "gauge", "", "status", {"Charging": begun}),
        *of_tally("station", tally),
    ]


def value(metrics: list[Metric], name: str) -> float:
    return sum(sample.value for metric in metrics if metric.name == f"chargepost_{name}" for sample in metric.samples)


def test_counts_and_histograms_add_and_of_a_lag_the_worst_is_told() -> None:
    merged = Merged(2)
    merged.told(0, figures(3, 3600.0, 20, 0.002))
    merged.told(1, figures(4, 7200.0, 19, 0.2))
    look = Looks(merged, 40, 1).look(10.0, whole=True)
    assert (look.transactions_begun, look.booted, look.energy_wh, look.messages) == (7, 39, 3, 4)
    assert look.connectors == {"Charging": 7}
    assert look.p50_s is not None
    assert look.p50_s <= 0.0025
    assert look.p99_s is not None
    assert 0.1 < look.p99_s <= 0.25
    assert value(merged.metrics(), "event_loop_lag_seconds") == 0.2
    counts = [each for each in merged.metrics() if each.name == "chargepost_ocpp_call_duration_seconds"]
    assert len(counts) == 1
    assert [sample.value for sample in counts[0].samples if sample.suffix == "_count"] == [2]


def test_what_a_life_has_counted_stays_and_its_registers_are_not_counted_twice() -> None:
    merged = Merged(2)
    merged.told(0, figures(3, 3600.0, 20, 0.002))
    merged.told(1, figures(4, 7200.0, 20, 0.002))
    merged.died(0)
    assert value(merged.metrics(), "stations_booted") == 20, "nobody is there"
    assert value(merged.metrics(), "energy_joules_total") == 10_800.0, "a count never falls"
    assert value(merged.metrics(), "transactions_begun_total") == 7
    merged.told(0, figures(1, 3700.0, 20, 0.002))  # from its store: the register goes on, its counts begin at zero
    for _ in range(2):
        assert value(merged.metrics(), "stations_booted") == 40
        assert value(merged.metrics(), "energy_joules_total") == 10_900.0
        assert value(merged.metrics(), "transactions_begun_total") == 8
        merged.told(0, figures(1, 3700.0, 20, 0.002))
    shards = {sample.labels["state"]: sample.value for sample in merged.metrics()[0].samples}
    assert shards == {"running": 2, "away": 0}
    assert merged.metrics()[1].samples == [Sample({}, 1)]


def test_a_shard_tells_the_figures_of_its_stations(tmp_path: Path) -> None:
    site = cut(fleet.site(msgspec.structs.replace(fleet.DEFAULT, stations=4), "ws://127.0.0.1:1/x", {}), 1, 2)
    shard = Shard(Job(site, 2, tmp_path, "0", 1.0, 0.001), 1)
    shard.begin(again=False)
    names = {metric.name for metric in shard.figures()}
    ended = {metric.name: metric for metric in shard.end()}
    assert {"chargepost_stations", "chargepost_troubles_total", "process_cpu_seconds_total"} <= names
    assert ended[shards.KEPT].samples[0].value == 0
    hold_shard(tmp_path, 1, 2, again=True).close()  # it has let go, and its store is there


# --- the command line -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ([], "give --store FOLDER"),
        (["--store", "S", "--shards", "0"], "give 1 to 256"),
        (["--store", "S", "--supervision", ""], "with --supervision"),
        (["--store", "S", "--virtual"], "leave one of the two out"),
        (["--store", "S", "--stations", "30000"], "give more --shards"),
    ],
)
def test_what_shards_need_is_said(more: list[str], says: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_with([*WISHED, *more]) == 2
    assert says in capsys.readouterr().err


def test_without_ray_one_line_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    assert run_with([*WISHED, "--store", str(tmp_path)]) == 1
    assert capsys.readouterr().err.strip().endswith("pip install 'chargepost[ray]'")
