"""A month in virtual time takes no more memory on its last day than on its fifth, and keeps no more on disk.

Reliability bar 13. Fifty stations and thirty days in `make soak`, some stations and a week in `make test`: what is
judged is what lives in this process and the size of what each station keeps. The memory that the system has given to
the process is no measure to 2 %: what was needed at once on the worst day, it keeps.
"""

import gc
import logging
import sys
from pathlib import Path
from typing import NamedTuple

import msgspec
import pytest
from tests.soak import SOAK, times
from tests.world.test_fleet_laws import BUSY, ROUGH

from chargepost.fleet.scenario import Disturbances, Scenario, load
from chargepost.fleet.world import World
from chargepost.station.memory import Memory
from chargepost.supervision.state import start_key

STATIONS = times(3, 50)
DAYS = times(8, 30)
SETTLED_DAY = 5
GROWTH_MAX = 0.02
RESIDENT_GROWTH_MAX = 0.05
KEPT_MAX_BYTES = 10_000
"""Of one station, at the end, when all is told: its settings, badges, certificates, profiles and the local list."""

DAY_S = 86_400.0


def month(stations: int = STATIONS, days: int = DAYS) -> Scenario:
    trouble = Disturbances(power_cuts_per_day=1, clock_steps_per_day=1, disk_troubles_per_day=0.5, commands_per_day=10)
    return msgspec.structs.replace(load(), stations=stations, hours=24.0 * days, link=ROUGH, disturbances=trouble)


def resident_bytes() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096


def forget_the_books(world: World) -> None:
    """What the laws and the central system of a test keep of every charge is not the station's to bound."""
    for post in world.posts:
        told = [name for name, record in post.disk.records.items() if record.delivered]
        for name in told:
            del post.disk.records[name]
            post.witness.charges.pop(name, None)
        post.witness.ids.clear()
    books = world.ledger
    books.starts = {number: row for number, row in books.starts.items() if number not in books.stops}
    books._numbers = {start_key(row): number for number, row in books.starts.items()}
    books.stops.clear()
    books.events.clear()


class Day(NamedTuple):
    """The end of one."""

    blocks: int
    """Pieces of memory in use."""
    resident_bytes: int
    kept_bytes: int
    """The most that one station keeps."""


def days_of(world: World) -> list[Day]:
    seen = []
    for day in range(1, round(world.plan.hours / 24) + 1):
        world.run(day * DAY_S)
        forget_the_books(world)
        gc.collect()
        kept = max(sum(len(k) + len(v) for k, v in post.disk.durable.items()) for post in world.posts)
        seen.append(Day(sys.getallocatedblocks(), resident_bytes(), kept))
    return seen


@pytest.mark.slow
def test_a_month_takes_no_more_memory_and_no_more_disk(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL, "chargepost")  # or pytest keeps every line of the month
    world = World(month())
    seen = days_of(world)
    settled, last = seen[SETTLED_DAY - 1], seen[-1]
    print(f"{STATIONS} stations, {DAYS} days, {world.frames} frames: {settled} -> {last}", file=sys.stderr)
    assert last.kept_bytes <= KEPT_MAX_BYTES
    if SOAK:
        assert last.blocks <= settled.blocks * (1 + GROWTH_MAX)
        assert last.resident_bytes <= settled.resident_bytes * (1 + RESIDENT_GROWTH_MAX)


@pytest.mark.slow
def test_what_is_never_forgotten_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """Planted: what was told is not dropped from the disk."""
    drop = Memory.drop
    told = "record/"
    monkeypatch.setattr(Memory, "drop", lambda self, key: None if key.startswith(told) else drop(self, key))
    seen = days_of(World(msgspec.structs.replace(month(2, 2), people=BUSY)))
    assert seen[-1].kept_bytes > KEPT_MAX_BYTES
