"""SIGKILL at any instant, of the station or of the supervision, on the real command line with real stores.

What must hold afterwards (promises P1 to P3 and P9): each transaction the station began is one record at the station
and one transaction at the supervision, with the same register at both ends; nothing is twice, nothing is lost.
"""

import random
import time
from pathlib import Path

import pytest
from tests.shells.killing import (
    START_S,
    Crowd,
    Process,
    ask,
    rows,
    supervision,
    verify,
    wrong,
)
from tests.soak import times

SPEED = 60
KILLS = 6


@pytest.mark.parametrize("model", ["evlink-pro-ac", "evlink-smart-wallbox"])
@pytest.mark.slow
def test_p1_p2_p3_sigkill_at_any_instant_of_a_charge_loses_and_doubles_nothing(model: str, tmp_path: Path) -> None:
    dice = random.Random(f"kill {model}")
    central = supervision(tmp_path / "central", [f"TAG{kill}" for kill in range(KILLS)])
    url = central.served["supervision"]["ocpp"].replace("/{id}", "")
    station = Process(
        "station", model, "--id", "K1", "--supervision", url, "--store", str(tmp_path / "station"),
        "--control", "127.0.0.1:0", "--speed", str(SPEED), "--set", "MeterValueSampleInterval=15",
        "--set", "RestoreTimeout=5" if "pro" in model else "truncateBootNotificationsSerialNumbers=true",
    )  # fmt: skip
    station.start()
    for kill in range(KILLS):
        ask(station, "/stations/K1/start", {"connector": 1, "id_tag": f"TAG{kill}"})
        charge(station, dice.randrange(50, 150))  # the kill comes at any instant of a charge
        victims = dice.choice([(station,), (central,), (central, station)])
        if kill % 2:  # the end is told to nobody, and then forgotten, unless it is on disk
            victims = (central, station)
        for process in victims:
            process.kill()
            if process is central and kill % 2:
                freed(station)
        for process in victims:
            process.start()
        if dice.random() < 0.7:  # else the charge, or what is left of it, meets the next kill
            freed(station)
    drained(station)
    station.end()
    central.end()

    ours = rows(
        tmp_path / "station" / "stations.sqlite",
        "select connector, id_tag, start_wh, start_utc_s, stop_wh, reason, delivered from records order by start_utc_s",
    )
    theirs = rows(
        tmp_path / "central" / "supervision.sqlite",
        "select connector, id_tag, start_wh, start_utc_s, stop_wh, reason from transactions order by start_utc_s",
    )
    assert len(ours) >= 3, "too few charges to prove anything"
    assert sum(row[4] - row[2] for row in ours) > 0, "too little energy to prove anything"
    assert [row[:6] for row in ours] == theirs
    assert all(row[6] for row in ours), "every record says that it was delivered"
    assert all(row[4] >= row[2] for row in ours), "never negative"
    registers = [wh for row in ours for wh in (row[2], row[4])]
    assert registers == sorted(registers), "the register never falls"
    for store in ("station", "central"):
        done = verify(tmp_path / store)
        assert done.returncode == 0, done.stdout + done.stderr


def charge(station: Process, least_wh: float) -> None:
    """Look on until the running transaction has so much energy, or none runs."""
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline:
        seen = ask(station, "/stations/K1")
        transaction = seen["connectors"][0].get("transaction") if seen else None
        if transaction is None or transaction["energy_wh"] >= least_wh:
            return


def freed(station: Process) -> None:
    """End what runs and take the cable out; a killed station may take a moment to be able to."""
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline:
        seen = ask(station, "/stations/K1")
        if seen and seen["connectors"][0]["status"] == "Available":
            return
        ask(station, "/stations/K1/stop", {"connector": 1})
        ask(station, "/stations/K1/unplug", {"connector": 1})


def drained(station: Process) -> None:
    """End what runs and wait until the supervision has all of it."""
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline:
        seen = ask(station, "/stations/K1")
        if seen and seen["connectors"][0].get("transaction"):
            ask(station, "/stations/K1/stop", {"connector": 1})
        elif seen and seen["link"]["state"] == "open" and not seen["link"]["waiting_messages"]:
            return
    raise AssertionError(f"messages still wait: {seen}")


# --- a hundred stations ----------------------------------------------------------------------------------------------

STATIONS = times(20, 100)
CROWD_KILLS = times(6, 60)
CHARGES = times(60, 4_000)
KILLS_MAX = 10 * CROWD_KILLS
"""A machine on which so few charges fit between two kills is too slow for this test."""

SLOW = """
from threading import Timer
from chargepost.supervision.ledger import Ledger
store = Ledger.store
def slowly(self, wish, done):
    store(self, wish, done and (lambda wish: Timer(0.2, done, [wish]).start()))
Ledger.store = slowly
"""
"""What is durable is answered a moment later: nearly each kill falls between the two."""

WITHOUT_KEYS = r"""
import re
from chargepost.supervision import ledger, state
ledger.SCHEMA = re.sub(r",\s*UNIQUE \([^)]*\)", "", ledger.SCHEMA)
state.State.same_start = lambda *_: None
"""
"""Neither on the disk nor in memory: what is told again is another transaction, another sample."""

FORGETFUL = """
from chargepost.station.memory import Memory
load_all = Memory.load_all
Memory.load_all = lambda self, prefix, kind: () if prefix == "outbox/" else load_all(self, prefix, kind)
"""
"""What waits to be told is on the disk, and is not read back."""


@pytest.mark.slow
def test_p1_p2_p3_a_crowd_survives_kill_after_kill(tmp_path: Path) -> None:
    crowd = Crowd(tmp_path, STATIONS, "crowd")
    while crowd.kills < CROWD_KILLS or crowd.told() < CHARGES:
        crowd.kill()
        assert crowd.kills < KILLS_MAX, f"{crowd.told()} charges after {crowd.kills} kills"
    assert crowd.drain(), "messages still wait"
    crowd.end()
    assert wrong(tmp_path) == []
    done = verify(tmp_path / "station", tmp_path / "central")
    assert done.returncode == 0, done.stdout + done.stderr
    print(f"{crowd.kills} kills, {crowd.told()} charges")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("sign", "central_plant", "station_plant"),
    [
        ("", SLOW, ""),
        ("told, and never happened", SLOW + WITHOUT_KEYS, ""),
        ("lost", SLOW, FORGETFUL),
    ],
    ids=("nothing", "no unique keys", "outbox not read back"),
)
def test_the_books_show_a_planted_fault(sign: str, central_plant: str, station_plant: str, tmp_path: Path) -> None:
    crowd = Crowd(tmp_path, 10, "planted", central_plant=central_plant, station_plant=station_plant)
    for _ in range(3):
        crowd.kill()
    crowd.drain()
    crowd.end()
    found = wrong(tmp_path)
    assert any(line.startswith(sign) for line in found) if sign else not found, found
