"""The tool of a station: how soon its first page is there, what the process takes then, and a hundred in one process.

Only ours: no other station in software that we know has one.
"""

import re
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from parts.figures import emit, is_quick
from parts.machine import rss_kb

ROUNDS = 1 if is_quick() else 5
MANY = 20 if is_quick() else 100
"""Stations of one process, each with its tool."""
LOGIN = re.compile(r"http://[0-9.:]+/stations/[\w-]+/")


@contextmanager
def process(*words: str) -> Iterator[tuple[int, list[str]]]:
    """Its id, and the addresses of the tools that it tells."""
    command = [sys.executable, "-m", "chargepost", *words, "--tool", "127.0.0.1:0", "--store", "none"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as running:
        assert running.stdout
        line = next(line for line in running.stdout if LOGIN.search(line))
        yield running.pid, LOGIN.findall(line)
        running.kill()


def page(address: str) -> bytes:
    with urllib.request.urlopen(address) as answer:
        data: bytes = answer.read()
    return data


def one() -> tuple[float, float]:
    """Seconds until the first page is there, and MB then."""
    start_s = time.monotonic()
    with process("station", "evlink-parking") as (pid, addresses):
        page(addresses[0])
        return time.monotonic() - start_s, rss_kb(pid) / 1024


def many(count: int) -> float:
    """MB of a process when the first page of each of its tools has been shown."""
    with tempfile.TemporaryDirectory() as folder:
        site = Path(folder) / "site.toml"
        rows = [f'[[stations]]\nid = "S{number}"\nmodel = "evlink-parking"\n' for number in range(count)]
        site.write_text("schema = 1\n" + "".join(rows))
        with process("run", str(site)) as (pid, addresses):
            for number in range(count):
                page(re.sub(r"/stations/.*", f"/stations/S{number}/", addresses[0]))
            return rss_kb(pid) / 1024


if __name__ == "__main__":
    found = [one() for _ in range(ROUNDS)]
    emit("first page of a station's tool", statistics.median(seconds for seconds, _ in found), "chargepost")
    emit("memory of a station with its tool", statistics.median(memory_mb for _, memory_mb in found), "chargepost")
    more_kb = (many(MANY) - many(1)) * 1024 / (MANY - 1)
    emit("memory of one more station with its tool", more_kb, "chargepost", f"of {MANY}")
