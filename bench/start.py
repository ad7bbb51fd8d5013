"""The process of one station: seconds from its start until it is booted, and its memory then.

Ours is the real command with its control API; the others are a bare process with one connection.
"""

import statistics
import subprocess
import sys
import time
from collections.abc import Callable

from parts.ends import STATIONS, present, said_all, until, url
from parts.figures import Of, emit, is_quick
from parts.machine import Child, rss_kb

ROUNDS = 1 if is_quick() else 5
SETTLED_S = 0.2
"""After the boot, before memory is read."""


def ours(central: Child) -> tuple[float, float]:
    """Seconds and MB."""
    at = url(central)
    words = ("station", "evlink-pro-ac", "--supervision", at, "--store", "none", "--control", "127.0.0.1:0", "--json")
    start_s = time.monotonic()
    with subprocess.Popen([sys.executable, "-m", "chargepost", *words], stdout=subprocess.DEVNULL) as process:
        until(lambda: said_all(central, 1), "one station booted")
        took_s = time.monotonic() - start_s
        time.sleep(SETTLED_S)
        memory_mb = rss_kb(process.pid) / 1024
        process.kill()
    return took_s, memory_mb


def other(of: Of) -> Callable[[Child], tuple[float, float]]:
    def begin(central: Child) -> tuple[float, float]:
        start_s = time.monotonic()
        with Child(STATIONS[of], url(central), "[]") as process:
            process.ask("connect", n=1)
            until(lambda: said_all(central, 1), "one station booted")
            return time.monotonic() - start_s, process.rss_kb() / 1024

    return begin


def measure(of: Of) -> None:
    begin = ours if of == "chargepost" else other(of)
    found = []
    for _ in range(ROUNDS):
        with Child("light_central") as central:
            found.append(begin(central))
    how = "with its control API" if of == "chargepost" else "without any page"
    emit("start of one station's process", statistics.median(seconds for seconds, _ in found), of, how)
    emit("memory of the first station's process", statistics.median(memory_mb for _, memory_mb in found), of, how)


if __name__ == "__main__":
    for who in present(STATIONS):
        measure(who)
