"""A fleet in shards under Ray: the process of one is killed, and goes on as itself (promises P1 to P3).

Needs the extra `ray`; `make test-ray` brings it.
"""

import os
import shutil
import signal
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest
from tests.shells.exposition import Family, read
from tests.shells.killing import DRAIN_S, Process, drained, rows, supervision, verify, wrong
from tests.soak import times

pytestmark = [pytest.mark.ray, pytest.mark.slow]

STATIONS, SHARDS, SPEED = 40, 2, 30
KILLS = times(1, 20)
OPEN_MIN = 4
"""Transactions under way in the shard that is killed."""

SCENARIO = """
stations = 40
models = { evlink-pro-ac = 1.0, evlink-smart-wallbox = 1.0 }
settings = { MeterValueSampleInterval = "15", RestoreTimeout = "3600" }
ramp_s = 0.0
people = { visits_per_day = 200.0, stay_s = 300.0 }
"""

OVERLAP = """
from chargepost.run import nodes
cut = nodes.cut
nodes.cut = lambda site, number, shards: cut(site, 0, shards)
"""
"""Both shards are the first one."""

ANEW = """
from chargepost.run.nodes import RayNodes
begin = RayNodes.begin
RayNodes.begin = lambda self, number, again: begin(self, number, False)
"""
"""A shard that died may begin without its store."""


class Rig(NamedTuple):
    """A supervision, a fleet at it, and where they keep things."""

    folder: Path
    central: Process
    fleet: Process

    @property
    def stores(self) -> list[Path]:
        return [self.folder / "fleet" / f"shard-{number}-of-{SHARDS}" for number in range(SHARDS)]

    def metrics(self) -> dict[str, Family]:
        with urllib.request.urlopen(self.fleet.served["control"] + "metrics") as answer:
            return read(answer.read().decode())

    def figure(self, name: str) -> float:
        return sum(sample.value for sample in self.metrics()[f"chargepost_{name}"].samples)

    def pid(self, number: int) -> int:
        return int((self.stores[number] / "lock").read_text())

    def under_way(self, number: int) -> list[tuple[str, int, int, float]]:
        """Transactions of a shard that its supervision knows and has no end of."""
        first, last = number * STATIONS // SHARDS + 1, (number + 1) * STATIONS // SHARDS
        return rows(
            self.folder / "central" / "supervision.sqlite",
            "SELECT identity, connector, start_wh, start_utc_s FROM transactions WHERE stop_wh IS NULL "
            f"AND identity BETWEEN 'FLEET-{first:05}' AND 'FLEET-{last:05}'",
        )

    def kill(self, number: int) -> None:
        os.kill(self.pid(number), signal.SIGKILL)


def begun(folder: Path, monkeypatch: pytest.MonkeyPatch, plant: str = "") -> Rig:
    monkeypatch.setenv("HOME", str(folder))  # Ray keeps a token there
    (folder / "day.toml").write_text(SCENARIO)
    central = supervision(folder / "central", [f"FLEET{number:05}" for number in range(1, STATIONS + 1)])
    url = central.served["supervision"]["ocpp"].replace("/{id}", "")
    fleet = Process(
        "fleet", str(folder / "day.toml"), "--shards", str(SHARDS), "--supervision", url, "--speed", str(SPEED),
        "--store", str(folder / "fleet"), "--control", "127.0.0.1:0", plant=plant,
    )  # fmt: skip
    fleet.start()
    return Rig(folder, central, fleet)


def until(what: Callable[[], object], wanted: str) -> None:
    deadline = time.monotonic() + DRAIN_S
    while not what():
        assert time.monotonic() < deadline, f"still not: {wanted}"
        time.sleep(0.05)


def told_to_the_end(rig: Rig) -> bool:
    """The fleet is over: each shard once more, without cars that come, until nothing runs and nothing waits."""
    url = rig.central.served["supervision"]["ocpp"].replace("/{id}", "")
    done = []
    for number, store in enumerate(rig.stores):
        each = range(number * STATIONS // SHARDS + 1, (number + 1) * STATIONS // SHARDS + 1)
        models = ("evlink-pro-ac", "evlink-smart-wallbox")
        site = [f'supervision.url = "{url}"']
        site += [f'[[stations]]\nid = "FLEET-{one:05}"\nmodel = "{models[(one - 1) % 2]}"' for one in each]
        path = rig.folder / f"{number}.toml"
        path.write_text("\n".join(site))
        process = Process("run", str(path), "--store", str(store), "--control", "127.0.0.1:0", "--speed", "30")
        process.start()
        done.append(drained(process))
        process.end()
    rig.central.end()
    return all(done)


def test_p1_p2_p3_a_shard_that_is_killed_goes_on_as_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rig = begun(tmp_path, monkeypatch)
    ran: set[tuple[str, int, int, float]] = set()
    for kill in range(KILLS):
        number = kill % SHARDS
        until(lambda: rig.figure("stations_booted") == STATIONS, "all are booted")
        until(lambda number=number: len(rig.under_way(number)) >= OPEN_MIN, "enough charges run")  # type: ignore[misc]
        before, other = rig.pid(number), rig.pid(1 - number)
        energy_j, counted = rig.figure("energy_joules_total"), rig.figure("transactions_begun_total")
        ran |= set(rig.under_way(number))
        rig.kill(number)
        until(lambda kill=kill: rig.figure("shard_restarts_total") == kill + 1, "it is missed")  # type: ignore[misc]
        until(lambda: rig.metrics()["chargepost_shards"].samples[1].value == 0, "it is back")
        assert rig.pid(number) != before
        assert rig.pid(1 - number) == other, "the other one ran on"
        assert rig.figure("energy_joules_total") >= energy_j
        assert rig.figure("transactions_begun_total") >= counted
    until(lambda: rig.figure("stations_booted") == STATIONS, "all are back")
    assert {model for (model,) in rows(rig.stores[0] / "stations.sqlite", "SELECT DISTINCT station FROM memory")} == {
        f"FLEET-{number:05}" for number in range(1, STATIONS // SHARDS + 1)
    }
    rig.fleet.end()
    assert told_to_the_end(rig), "messages still wait"

    assert wrong(tmp_path, *rig.stores) == []
    done = verify(*rig.stores, tmp_path / "central")
    assert done.returncode == 0, done.stdout + done.stderr
    ends = {
        row[:4]: row[4]
        for store in rig.stores
        for row in rows(
            store / "stations.sqlite", "SELECT station, connector, start_wh, start_utc_s, reason FROM records"
        )
    }
    assert ran <= ends.keys(), "each charge of the killed shard has its one record"
    reasons = {identity: ends[identity, *rest] for identity, *rest in ran}
    print(f"{len(ran)} charges ran at {KILLS} kills, of {len(ends)}: {sorted(reasons.values())}")


def test_a_shard_whose_store_is_gone_does_not_begin_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rig = begun(tmp_path, monkeypatch)
    assert rig.fleet.process
    rig.kill(0)
    shutil.rmtree(rig.stores[0])
    assert rig.fleet.process.wait(DRAIN_S) == 1
    rig.central.end()


@pytest.mark.parametrize(
    ("plant", "sign"), [(OVERLAP, ""), (ANEW, "told, and never happened")], ids=("overlap", "anew")
)
def test_a_planted_fault_shows(plant: str, sign: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rig = begun(tmp_path, monkeypatch, plant)
    if plant == OVERLAP:
        found = [
            {row[0] for row in rows(store / "stations.sqlite", "SELECT DISTINCT station FROM memory")}
            for store in rig.stores
        ]
        assert found[0] & found[1], "stations are in both"
        rig.fleet.kill()
        rig.central.end()
        return
    until(lambda: len(rig.under_way(0)) >= OPEN_MIN, "enough charges run")
    rig.kill(0)
    shutil.rmtree(rig.stores[0])
    until(lambda: rig.figure("shard_restarts_total") == 1, "it is missed")
    until(lambda: rig.metrics()["chargepost_shards"].samples[1].value == 0, "it is back")
    rig.fleet.end()
    told_to_the_end(rig)
    found_wrong = wrong(tmp_path, *rig.stores)
    assert any(line.startswith(sign) for line in found_wrong), found_wrong
