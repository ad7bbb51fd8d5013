"""SIGKILL at any instant, of the station or of the supervision, on the real command line with real stores.

What must hold afterwards (promises P1 to P3 and P9): each transaction the station began is one record at the station
and one transaction at the supervision, with the same register at both ends; nothing is twice, nothing is lost.
"""

import json
import random
import signal
import sqlite3
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest

CHARGEPOST = [sys.executable, "-m", "chargepost"]
START_S = 30.0
"""A process of ours serves by then, also on a busy machine."""
SPEED = 60
KILLS = 6


class Process:
    """One chargepost that prints where it serves; started again on the same store after each death."""

    def __init__(self, *arguments: str) -> None:
        self.arguments = arguments
        self.process: subprocess.Popen[str] | None = None
        self.served: dict[str, Any] = {}

    def start(self) -> None:
        self.process = subprocess.Popen(
            [*CHARGEPOST, *self.arguments, "--json"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        assert self.process.stdout
        self.served = json.loads(self.process.stdout.readline())

    def kill(self) -> None:
        assert self.process
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        assert self.process.stdout
        self.process.stdout.close()

    def end(self) -> None:
        assert self.process
        self.process.send_signal(signal.SIGINT)
        self.process.communicate(timeout=START_S)


def ask(process: Process, path: str, body: object | None = None) -> Any:
    """The control API of a station's process; None when it refuses or is just being killed."""
    try:
        return request(process.served["control"] + path[1:], body)
    except (urllib.error.URLError, ConnectionError, TimeoutError):
        return None


def request(url: str, body: object | None = None, method: str | None = None, token: str = "") -> Any:
    headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})
    data = None if body is None else json.dumps(body).encode()
    asked = urllib.request.Request(url, data=data, headers=headers, method=method)
    with urllib.request.urlopen(asked, timeout=START_S) as answer:
        return json.loads(answer.read() or b"null")


def rows(path: Path, query: str) -> list[tuple[Any, ...]]:
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as store:
        return store.execute(query).fetchall()


@pytest.mark.parametrize("model", ["evlink-pro-ac", "evlink-smart-wallbox"])
def test_p1_p2_p3_sigkill_at_any_instant_of_a_charge_loses_and_doubles_nothing(model: str, tmp_path: Path) -> None:
    dice = random.Random(f"kill {model}")
    central = Process(
        "supervision", "--listen", "127.0.0.1:0", "--store", str(tmp_path / "central"), "--accept-unknown"
    )
    central.start()
    let_in(central.served["supervision"])
    url = central.served["supervision"]["ocpp"].replace("/{id}", "")
    listen = url.removeprefix("ws://").split("/")[0]
    central.arguments = tuple(listen if a == "127.0.0.1:0" else a for a in central.arguments)
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
        done = subprocess.run(
            [*CHARGEPOST, "verify", str(tmp_path / store)], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr


def let_in(supervision: dict[str, str]) -> None:
    """Put the badges on the supervision's table, as its operator does."""
    url, password = supervision["url"], supervision["password"]
    token = request(f"{url}api/login", {"user": supervision["user"], "password": password})["token"]
    for kill in range(KILLS):
        request(f"{url}api/badges/TAG{kill}", {}, "PUT", token)


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
