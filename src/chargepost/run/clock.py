"""The time of the simulated world: `speed` times as fast as the machine's, network time-outs included."""

import asyncio
import time
from collections.abc import Callable
from typing import TypeVarTuple, Unpack

Ts = TypeVarTuple("Ts")

SPEED_MAX = 10_000.0
"""Past it a second of the world is shorter than what one loop of the machine needs."""


class Clock:
    """One per process: stations, hardware, visitors and the embedded supervision all live by it.

    `now` is seconds of the world since the start; the date goes on from the machine's at the start, as fast.
    """

    def __init__(self, speed: float = 1.0) -> None:
        """To be made on the running loop. Raises ValueError for a speed that is none."""
        if not 0 < speed <= SPEED_MAX:
            raise ValueError(f"a speed of {speed:g} is not above 0 and up to {SPEED_MAX:g}")
        self.speed = speed
        self.loop = asyncio.get_running_loop()
        self._start = self.loop.time()
        self._start_utc_s = time.time()

    def now(self) -> float:
        return (self.loop.time() - self._start) * self.speed

    def utc_s(self) -> float:
        return self._start_utc_s + self.now()

    def machine_s(self, world_s: float) -> float:
        """How long that is for the machine."""
        return world_s / self.speed

    def call_at(self, now: float, what: Callable[[Unpack[Ts]], object], *args: *Ts) -> asyncio.TimerHandle:
        return self.loop.call_at(self._start + now / self.speed, what, *args)

    def call_later(self, wait_s: float, what: Callable[[Unpack[Ts]], object], *args: *Ts) -> asyncio.TimerHandle:
        return self.loop.call_later(wait_s / self.speed, what, *args)

    async def sleep(self, wait_s: float) -> None:
        await asyncio.sleep(wait_s / self.speed)
