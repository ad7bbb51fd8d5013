"""A fleet in shards: each is some of its stations, with a store of their own, in a process of its own.

Which stations is a pure function, the same at each start; so a shard that died goes on from its store as itself.
"""

import asyncio
import threading
from collections.abc import Coroutine
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import msgspec

from chargepost.journal import StoreError
from chargepost.run.fleet import STARTS_PER_S
from chargepost.run.house import House, Plan, opened
from chargepost.run.limits import need
from chargepost.run.metrics import Metric, counted, one
from chargepost.run.pulse import Pulse
from chargepost.run.site import Site
from chargepost.run.store import STATIONS_FILE, Store, hold

SHARDS_MAX = 256
"""A core each; each is a store, and a series of calls a second of the process that shows them all."""

KEPT = "chargepost_transactions_kept"
"""Told at the end alone."""

T = TypeVar("T")


class Job(NamedTuple):
    """What all shards are told."""

    site: Site
    """The fleet, or a shard of it."""
    shards: int
    folder: Path
    """On each node; a shard keeps its things in a folder below."""
    version: str
    speed: float = 1.0
    ramp_s: float = 0.0
    """Over how long the stations are switched on; 0: as fast as a process can."""


def cut(site: Site, number: int, shards: int) -> Site:
    """Shard `number` (from 0) of `shards`: consecutive stations, each in exactly one; no two sizes differ by over one.

    Products are mixed along the fleet, so each shard has the same mix.
    """
    count = len(site.stations)
    stations = site.stations[count * number // shards : count * (number + 1) // shards]
    return msgspec.structs.replace(site, name=f"{site.name}, shard {number} of {shards}", stations=stations)


def folder_of(folder: Path, number: int, shards: int) -> Path:
    return folder / f"shard-{number}-of-{shards}"


def hold_shard(folder: Path, number: int, shards: int, *, again: bool) -> Store:
    """Take the store of a shard. `again`: it has run before in this run, so its store must be here.

    Raises StoreError: what was begun elsewhere would be forgotten, or begun a second time.
    """
    own = folder_of(folder, number, shards)
    others = [path.name for path in folder.glob("shard-*-of-*") if not path.name.endswith(f"-of-{shards}")]
    if others or (folder / STATIONS_FILE).exists():
        been = f"in {others[0].rpartition('-')[2]} shards" if others else "without shards"
        raise StoreError(f"{folder}: this fleet ran {been}: run it so again, or give another folder with --store")
    if again and not (own / STATIONS_FILE).exists():
        raise StoreError(
            f"{own}: the store of this shard is not here, so what runs would be lost: bring its node back, or keep "
            "--store on a disk that all nodes share"
        )
    return hold(own)


class Shard:
    """Runs one: on a loop in a thread of its own, so that whoever hosts it only calls. All calls block."""

    def __init__(self, job: Job, number: int) -> None:
        """`job.site`: its part of the fleet."""
        self.job, self._number = job, number
        self._stack = AsyncExitStack()

    def begin(self, again: bool) -> None:
        """`again`: after its process died. Raises StoreError or TooFewFiles with one clear line."""
        job, site = self.job, self.job.site
        need(len(site.stations), served_here=False)
        store = hold_shard(job.folder, self._number, job.shards, again=again)
        ramp_s = job.ramp_s or len(site.stations) / STARTS_PER_S
        self._loop = _new_loop()
        threading.Thread(target=self._loop.run_forever, name=site.name, daemon=True).start()
        self._house = self._do(self._open(Plan(site, store, job.version, job.speed, ramp_s=ramp_s, crowd=True)))
        self._pulse = Pulse(self._house)

    async def _open(self, plan: Plan) -> House:
        return await self._stack.enter_async_context(opened(plan))

    def figures(self) -> list[Metric]:
        """What this process tells Prometheus, and what went wrong by kind."""
        troubles = {kind: trouble.times for kind, trouble in self._pulse.troubles.items()}
        return [
            *self._do(self._house.stations.families()),
            counted("chargepost_troubles_total", "counter", "Warnings and errors of stations, by what happened.",
                    "event", troubles),
        ]  # fmt: skip

    def end(self) -> list[Metric]:
        """Hang up, and the last figures; what runs goes on from the store at the next start."""
        running = self._house.running()
        figures = self.figures()
        self._do(self._stack.aclose())
        self._loop.call_soon_threadsafe(self._loop.stop)
        return [*figures, one(KEPT, "gauge", "Under way at the end.", running)]

    def _do(self, what: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(what, self._loop).result()


def _new_loop() -> asyncio.AbstractEventLoop:
    try:
        import uvloop  # noqa: PLC0415 - not on every platform
    except ImportError:
        return asyncio.new_event_loop()
    return uvloop.new_event_loop()
