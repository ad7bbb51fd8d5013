"""Where the time and the memory of our stations go, layer by layer: for who wants to make them lighter.

`.venv/bin/python bench/layers.py [--quick] [--lines]` prints shares as lines of JSON; with `--lines` also the dearest
functions and lines.
"""

import json
import sys
import time
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from parts.ends import boot, stations, until
from parts.figures import is_quick
from parts.machine import Child

STATIONS = 50 if is_quick() else 2_000
DAY_STATIONS = 5 if is_quick() else 100
WATCH_S = 1.0 if is_quick() else 5.0
LINES = 60

LAYERS = (
    ("chargepost/run/websocket", "sockets"),
    ("chargepost/run/frames", "frame log"),
    ("chargepost/supervision/tracelog", "frame log"),
    ("chargepost/ocpp/session", "session"),
    ("chargepost/ocpp/outbox", "session"),
    ("chargepost/station/conversation", "session"),
    ("chargepost/ocpp/", "frames"),
    ("chargepost/station/settings", "settings"),
    ("chargepost/catalogue/", "settings"),
    ("chargepost/station/status", "views"),
    ("chargepost/station/charging", "views"),
    ("chargepost/station/metering", "views"),
    ("chargepost/station/", "station"),
    ("chargepost/signals", "station"),
    ("chargepost/drivers/", "hardware"),
    ("chargepost/journal", "journal"),
    ("chargepost/records/", "journal"),
    ("threading", "journal"),
    ("chargepost/run/", "carrier"),
    ("chargepost/web", "carrier"),
    ("chargepost/fleet/", "fleet"),
    ("chargepost/supervision/", "supervision"),
    ("asyncio/", "sockets"),
    ("picows", "sockets"),
    ("", "the rest"),
)
"""Part of a path -> layer; the first that fits. What has no file (C, the kernel) counts where it is called."""


def layer(path: str) -> str:
    return next(name for part, name in LAYERS if part in path)


def shares(what: str, costs: Iterable[tuple[str, float]], unit: str, count: float) -> None:
    by_layer: Counter[str] = Counter()
    for path, cost in costs:
        by_layer[layer(path)] += cost  # type: ignore[assignment]  # a Counter takes any number
    total = sum(by_layer.values())
    for name, cost in by_layer.most_common():
        line = {"figure": what, "layer": name, "percent": round(cost / total * 100, 1), "value": round(cost / count, 3)}
        print(json.dumps(line | {"unit": unit, "of": "chargepost"}), flush=True)


def time_shares(what: str, rows: list[Any], cpu_us: float) -> None:
    """Rows as `orders.seen` gives them; `cpu_us` is what the process used for one piece of the work."""
    looks = sum(at for _, _, at, _ in rows)
    shares(what, [(path, at * cpu_us / looks) for path, _, at, _ in rows], "us", 1)
    for path, name, at, under in sorted(rows, key=lambda row: -int(row[3]))[:LINES]:
        cost = f"{at / looks * cpu_us:7.1f} us of its own, {under / looks * cpu_us:7.1f} with what it calls"
        show(what, f"{Path(path).name}:{name}", cost)


def show(what: str, where: str, cost: str) -> None:
    if "--lines" in sys.argv:
        print(f"  {what}: {cost}  {where}", file=sys.stderr)


def threads_us(pid: int) -> dict[str, float]:
    """CPU of each thread so far."""
    tasks = Path(f"/proc/{pid}/task").iterdir()
    return {task.name: int((task / "schedstat").read_text().split()[0]) / 1000 for task in tasks}


def booting() -> None:
    with stations("chargepost") as (under_test, at_other_end):
        boot(under_test, at_other_end, STATIONS, 0)
        under_test.ask("look")
        before_s = under_test.cpu_s()
        boot(under_test, at_other_end, STATIONS, STATIONS)
        cpu_us = (under_test.cpu_s() - before_s) / STATIONS * 1e6
        time_shares("CPU to boot one station", under_test.ask("seen"), cpu_us)
        under_test.ask("trace")
        boot(under_test, at_other_end, STATIONS, 2 * STATIONS)
        rows = under_test.ask("traced")
    shares("memory of one more connected station", [(path, size) for path, _, size in rows], "bytes", STATIONS)
    for path, number, size in rows[:LINES]:
        show("memory", f"{Path(path).name}:{number}", f"{size / STATIONS:8.1f} bytes")


def talking() -> None:
    with stations("chargepost", interval_s=1) as (under_test, at_other_end):
        boot(under_test, at_other_end, STATIONS, 0, talk=True)
        watch(under_test, at_other_end, "CPU of one heartbeat")
        under_test.ask("charge")
        until(lambda: at_other_end.ask("counts").get("StartTransaction", 0) >= STATIONS, "all charge")
        watch(under_test, at_other_end, "CPU of one message, half of them MeterValues")


def watch(under_test: Child, at_other_end: Child, what: str) -> None:
    time.sleep(WATCH_S)
    before, before_us = at_other_end.ask("counts"), threads_us(under_test.pid)
    time.sleep(WATCH_S)
    after, after_us = at_other_end.ask("counts"), threads_us(under_test.pid)
    count = sum(after.values()) - sum(before.values())
    for name, used_us in after_us.items():
        thread = "the loop's thread" if int(name) == under_test.pid else "the journal's thread"
        line = {"figure": what, "layer": thread, "value": round((used_us - before_us.get(name, 0.0)) / count, 1)}
        print(json.dumps(line | {"unit": "us", "of": "chargepost"}), flush=True)
    before, before_s = at_other_end.ask("counts"), under_test.cpu_s()
    under_test.ask("look")
    time.sleep(WATCH_S)
    rows, used_s = under_test.ask("seen"), under_test.cpu_s() - before_s
    said = sum(at_other_end.ask("counts").values()) - sum(before.values())
    time_shares(what, rows, used_s / said * 1e6)


def virtual_day() -> None:
    with Child("virtual_day") as under_test:
        under_test.ask("look")
        before_s = under_test.cpu_s()
        frames = under_test.ask("live", n=DAY_STATIONS, seed=1)
        cpu_us = (under_test.cpu_s() - before_s) / frames * 1e6
        time_shares("CPU of one frame of a virtual day", under_test.ask("seen"), cpu_us)


if __name__ == "__main__":
    booting()
    talking()
    virtual_day()
