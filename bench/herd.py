"""A herd over real WebSockets: the supervision is killed and started again, and the whole fleet comes back to it.

Each in a process of its own, as a person starts them: `chargepost supervision`, its ledger on disk, and `chargepost
fleet`. While they come, a page of the supervision is asked for twice a second.
"""

import json
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from itertools import pairwise
from pathlib import Path
from typing import Any

from parts.figures import emit, is_quick

STATIONS = 300 if is_quick() else 10_000
AWAY_S = 3.0
"""Between the kill and the new start: a restart by hand or by a service manager."""
HEARTBEAT = "5s" if is_quick() else "30s"
PATIENCE_S = 120.0
PAGE_EVERY_S = 0.5
SAMPLE = re.compile(r"(\w+)(?:\{(.*)\})? (\S+)")


class Program:
    """chargepost with these words; its first line says what it serves."""

    def __init__(self, *words: str) -> None:
        program = shutil.which("chargepost", path=str(Path(sys.executable).parent))
        assert program, "chargepost is not beside this Python: make setup"
        self._process = subprocess.Popen([program, *words, "--json"], stdout=subprocess.PIPE)
        assert self._process.stdout
        self.serving: dict[str, Any] = json.loads(self._process.stdout.readline())
        threading.Thread(target=self._process.stdout.read, daemon=True).start()

    def end(self, *, at_once: bool = False) -> None:
        if at_once:
            self._process.kill()
        else:
            self._process.terminate()
        self._process.wait()


def get(url: str, token: str = "", body: object = None) -> bytes:
    headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})
    data = None if body is None else json.dumps(body).encode()
    with urllib.request.urlopen(urllib.request.Request(url, data, headers), timeout=30) as answer:
        found: bytes = answer.read()
        return found


def metrics(fleet: Program) -> dict[tuple[str, str], float]:
    lines = get(f"{fleet.serving['control']}metrics").decode().splitlines()
    matches = [SAMPLE.fullmatch(line) for line in lines if not line.startswith("#")]
    return {(match[1], match[2] or ""): float(match[3]) for match in matches if match}


def booted(found: dict[tuple[str, str], float]) -> int:
    return int(found["chargepost_stations_booted", ""])


def failed_dials(found: dict[tuple[str, str], float]) -> float:
    """All but connections that were up and ended."""
    ended = ('kind="closed"', 'kind="lost"', 'kind="reset"')
    rows = [row for row in found.items() if row[0][0] == "chargepost_link_errors_total"]
    return sum(value for (_, labels), value in rows if not any(kind in labels for kind in ended))


def p99_s(before: dict[tuple[str, str], float], after: dict[tuple[str, str], float], action: str) -> tuple[float, int]:
    """Of the answers to this action in between, by the buckets; and how many there were."""
    rows = []
    for (name, labels), value in after.items():
        if name == "chargepost_ocpp_call_duration_seconds_bucket" and f'action="{action}"' in labels:
            bound = labels.rpartition('le="')[2].rstrip('"')
            rows.append((float(bound), value - before.get((name, labels), 0.0)))
    rows.sort()
    if not rows or not rows[-1][1]:
        return 0.0, 0
    count, below_s, below = rows[-1][1], 0.0, 0.0
    for bound_s, seen in rows:
        if seen >= 0.99 * count and seen > below:
            return below_s + (bound_s - below_s) * (0.99 * count - below) / (seen - below), int(count)
        below_s, below = bound_s, seen
    return below_s, int(count)


class Reader(threading.Thread):
    """Somebody with the page of the supervision open."""

    def __init__(self, pages: str, token: str) -> None:
        super().__init__(daemon=True)
        self._url, self._token = f"{pages}parts/home?page=3", token
        self.took_s: list[float] = []
        self.over = threading.Event()

    def run(self) -> None:
        while not self.over.wait(PAGE_EVERY_S):
            begun_s = time.monotonic()
            get(self._url, self._token)
            self.took_s.append(time.monotonic() - begun_s)

    @property
    def p99_s(self) -> float:
        return sorted(self.took_s)[int(0.99 * (len(self.took_s) - 1))]


def supervise(port: int, store: str) -> Program:
    return Program(
        "supervision", "--listen", f"127.0.0.1:{port}", "--store", store, "--admit", "FLEET-*",
        "--accept-badge", "FLEET*", "--heartbeat", HEARTBEAT, "--log-level", "error",
    )  # fmt: skip


def wait_until_all(fleet: Program) -> float:
    begun_s = time.monotonic()
    while booted(metrics(fleet)) < STATIONS:
        assert time.monotonic() - begun_s < PATIENCE_S, f"{booted(metrics(fleet))} of {STATIONS} are booted"
        time.sleep(0.5)
    return time.monotonic() - begun_s


def herd(fleet: Program, supervision: Program, token: str) -> None:
    """From the moment it listens again."""
    begun_s, before = time.monotonic(), metrics(fleet)
    reader = Reader(supervision.serving["supervision"]["url"], token)
    reader.start()
    counts = [(0.0, booted(before))]
    while counts[-1][1] < STATIONS and counts[-1][0] < PATIENCE_S:
        time.sleep(max(len(counts) - (time.monotonic() - begun_s), 0))
        counts.append((time.monotonic() - begun_s, booted(metrics(fleet))))
    reader.over.set()
    after = metrics(fleet)
    back_s = counts[-1][0]
    rates = [(count - earlier) / (at_s - before_s) for (before_s, earlier), (at_s, count) in pairwise(counts)]
    how = f"{STATIONS:,} stations, {AWAY_S:g} s away"
    beat_s, beats = p99_s(before, after, "Heartbeat")
    emit("a herd is back", back_s, "chargepost", how)
    emit("busiest second of a herd, against the mean", max(rates) / (STATIONS / back_s), "chargepost", how)
    emit("failed dials of a herd", failed_dials(after) - failed_dials(before), "chargepost", how)
    emit("Heartbeat answered while a herd comes in, p99", 1000 * beat_s, "chargepost", f"{how}, {beats} heartbeats")
    emit("page of the supervision while a herd comes in, p99", 1000 * reader.p99_s, "chargepost",
         f"{how}, {len(reader.took_s)} times")  # fmt: skip


def main() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with tempfile.TemporaryDirectory() as store:
        supervision = supervise(port, store)
        pages, password = supervision.serving["supervision"]["url"], supervision.serving["supervision"]["password"]
        fleet = Program(
            "fleet", "--stations", str(STATIONS), "--supervision", f"ws://127.0.0.1:{port}/ocpp", "--control",
            "127.0.0.1:0", "--log-level", "error",
        )  # fmt: skip
        try:
            wait_until_all(fleet)
            supervision.end(at_once=True)
            time.sleep(AWAY_S)
            supervision = supervise(port, store)
            login = {"user": "operator", "password": password}
            herd(fleet, supervision, json.loads(get(f"{pages}api/login", body=login))["token"])
        finally:
            fleet.end()
            supervision.end()


if __name__ == "__main__":
    main()
