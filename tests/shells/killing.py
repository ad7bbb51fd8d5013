"""Programs of ours that are killed and started again on the same stores, a crowd at them, and the books afterwards."""

import json
import signal
import sqlite3
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections import deque
from contextlib import closing
from pathlib import Path
from random import Random
from threading import Thread
from typing import Any

import msgspec

CHARGEPOST = [sys.executable, "-m", "chargepost"]
START_S = 30.0
"""A process of ours serves by then, also on a busy machine."""
DRAIN_S = 60.0
"""What waits has arrived by then."""


class Process:
    """One chargepost that prints where it serves; started again on the same store after each death.

    `plant` is Python that is run before it: a fault that the test must see.
    """

    def __init__(self, *arguments: str, plant: str = "") -> None:
        self.arguments = arguments
        self.process: subprocess.Popen[str] | None = None
        self.served: dict[str, Any] = {}
        main = "from chargepost.cli import main; main()"
        self._program = [sys.executable, "-c", f"{plant}\n{main}"] if plant else CHARGEPOST

    def start(self) -> None:
        self.begin()
        self.serving()

    def begin(self) -> None:
        """Start it without waiting for it."""
        self.process = subprocess.Popen(
            [*self._program, *self.arguments, "--json"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )

    def serving(self) -> None:
        """Wait until it serves; what it tells later is thrown away, or it would wait for a reader."""
        assert self.process
        assert self.process.stdout
        self.served = json.loads(self.process.stdout.readline())
        self._reader = Thread(target=deque, args=(self.process.stdout, 0), daemon=True)
        self._reader.start()

    def kill(self) -> None:
        self._stop(signal.SIGKILL)

    def end(self) -> None:
        self._stop(signal.SIGINT)

    def _stop(self, how: signal.Signals) -> None:
        assert self.process
        assert self.process.stdout
        self.process.send_signal(how)
        self.process.wait(START_S)
        self._reader.join()
        self.process.stdout.close()


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
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as store:
        return store.execute(query).fetchall()


def let_in(supervision: dict[str, str], badges: list[str]) -> None:
    """Put the badges on the supervision's table, as its operator does."""
    url, password = supervision["url"], supervision["password"]
    token = request(f"{url}api/login", {"user": supervision["user"], "password": password})["token"]
    for badge in badges:
        request(f"{url}api/badges/{badge}", {}, "PUT", token)


def supervision(folder: Path, badges: list[str], plant: str = "") -> Process:
    """A supervision that serves, and will do so at the same place after each death."""
    central = Process(
        "supervision", "--listen", "127.0.0.1:0", "--store", str(folder), "--accept-unknown", plant=plant
    )  # fmt: skip
    central.start()
    let_in(central.served["supervision"], badges)
    listen = central.served["supervision"]["ocpp"].removeprefix("ws://").split("/")[0]
    central.arguments = tuple(listen if a == "127.0.0.1:0" else a for a in central.arguments)
    return central


def verify(*stores: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*CHARGEPOST, "verify", *map(str, stores)], capture_output=True, text=True, check=False
    )  # fmt: skip


# --- a crowd ----------------------------------------------------------------------------------------------------------

SPEED = 50
MODELS = ("evlink-pro-ac", "evlink-smart-wallbox")
SETTINGS = {
    "evlink-pro-ac": "RestoreTimeout = 1, MeterValueSampleInterval = 10",
    "evlink-smart-wallbox": "MeterValueSampleInterval = 10",
}


class Crowd:
    """A hundred stations in one process against one supervision, cars that come and go, and a killer."""

    def __init__(
        self, folder: Path, stations: int, seed: str, central_plant: str = "", station_plant: str = ""
    ) -> None:
        self.folder, self.stations, self.dice = folder, stations, Random(seed)
        self.kills = 0
        badges = [f"TAG{n}" for n in range(2 * stations)]
        self.central = supervision(folder / "central", badges, central_plant)
        self.site = Process(
            "run", str(self._file("busy", True)), "--store", str(folder / "station"), "--control", "127.0.0.1:0",
            "--speed", str(SPEED), plant=station_plant,
        )  # fmt: skip
        self.site.start()

    def _file(self, name: str, visitors: bool) -> Path:
        url = self.central.served["supervision"]["ocpp"].replace("/{id}", "")
        parts = [f'supervision.url = "{url}"']
        for n in range(self.stations):
            model = MODELS[n % len(MODELS)]
            parts.append(f'[[stations]]\nid = "K{n:03}"\nmodel = "{model}"\nsettings = {{ {SETTINGS[model]} }}')
            if visitors:
                parts.append(
                    f'visitors = {{ badges = ["TAG{2 * n}", "TAG{2 * n + 1}"], first = "{1 + n % 20} s", '
                    'stay = ["10 s", "40 s"], pause = ["3 s", "10 s"] }'
                )
        path = self.folder / f"{name}.toml"
        path.write_text("\n".join(parts))
        return path

    def kill(self) -> None:
        """At any instant: the stations, the supervision, or both, which come back in any order."""
        time.sleep(self.dice.uniform(0.05, 1.0))
        victims = self.dice.choice([[self.site], [self.central], [self.central, self.site], [self.site, self.central]])
        for process in victims:
            process.kill()
            self.kills += 1
        for process in victims:
            process.begin()
        for process in victims:
            process.serving()

    def told(self) -> int:
        """Transactions that the supervision has."""
        return int(rows(self.folder / "central" / "supervision.sqlite", "SELECT count(*) FROM transactions")[0][0])

    def drain(self) -> bool:
        """Nobody comes any more, everybody leaves, and all is told; False: something still waits."""
        self.site.kill()
        self.site.arguments = tuple(
            str(self._file("quiet", False)) if a.endswith(".toml") else a for a in self.site.arguments
        )
        self.site.start()
        return drained(self.site)

    def end(self) -> None:
        for process in (self.site, self.central):
            process.end()


def drained(site: Process) -> bool:
    """End what runs, and wait until all is told; False: something still waits."""
    deadline = time.monotonic() + DRAIN_S
    while time.monotonic() < deadline:
        views = ask(site, "/stations?limit=1000") or []
        busy = [(view["id"], each) for view in views for each in view["connectors"] if each.get("transaction")]
        for identity, outlet in busy:
            ask(site, f"/stations/{identity}/stop", {"connector": outlet["connector"]})
        links = [view["link"] for view in views]
        if links and not busy and all(each["state"] == "open" and not each["waiting_messages"] for each in links):
            return True
    return False


class Charged(msgspec.Struct):
    """What a store has of an outlet's meter."""

    energy_wh: float


def wrong(folder: Path, *stations: Path) -> list[str]:
    """What is lost, doubled or not metered between the two stores; nothing when the books are right.

    `stations`: folders of the stations' stores, where there are several.
    """
    central = folder / "central" / "supervision.sqlite"

    def told(query: str) -> list[tuple[Any, ...]]:
        stores = stations or (folder / "station",)
        return [row for store in stores for row in rows(store / "stations.sqlite", query)]

    columns = "connector, id_tag, start_wh, start_utc_s, stop_wh, reason"
    ours = told(f"SELECT station, {columns} FROM records")
    ours.sort(key=lambda row: (row[0], row[1], row[4]))
    theirs = rows(central, f"SELECT identity, {columns} FROM transactions")
    found = [f"lost: {row}" for row in sorted(set(ours) - set(theirs))]
    found += [f"told, and never happened: {row}" for row in set(theirs) - set(ours)]
    found += [f"{len(each) - len(set(each))} twice" for each in (ours, theirs) if len(each) > len(set(each))]
    twice = (
        "SELECT identity, count(*) FROM metered GROUP BY identity, connector, transaction_id, measured_utc_s, samples"
    )
    found += [f"sample twice: {row}" for row in rows(central, f"{twice} HAVING count(*) > 1")]
    undelivered = told("SELECT station, record FROM records WHERE NOT delivered")
    found += [f"not delivered: {row}" for row in undelivered]
    meters: dict[tuple[str, str], float] = {
        (name, key[6:]): msgspec.json.decode(value, type=Charged).energy_wh
        for name, key, value in told("SELECT station, key, value FROM memory WHERE key LIKE 'world/%'")
        if key[6:].isdigit()
    }
    stands: dict[tuple[str, str], int] = {}
    for name, connector, _, start_wh, _, stop_wh, _ in ours:
        before_wh = stands.get((name, str(connector)), 0)
        if start_wh != before_wh or stop_wh < start_wh:
            found.append(f"{name}: billed from {start_wh} to {stop_wh} Wh after {before_wh} Wh")
        stands[name, str(connector)] = stop_wh
    found += [
        f"{outlet}: {stands.get(outlet, 0)} Wh are billed, the meter is at {wh} Wh"
        for outlet, wh in meters.items()
        if stands.get(outlet, 0) != int(wh)
    ]
    return found
