"""The time of the simulated world: `speed` times as fast as the machine's, network time-outs included."""

import asyncio
import logging
import math
import time
from collections.abc import Callable
from heapq import heappop, heappush
from typing import Protocol, TypeVarTuple, Unpack

Ts = TypeVarTuple("Ts")

log = logging.getLogger(__name__)

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
        return self.utc_at(self.now())

    def utc_at(self, now: float) -> float:
        """The date at an instant of `now`."""
        return self._start_utc_s + now

    def machine_s(self, world_s: float) -> float:
        """How long that is for the machine."""
        return world_s / self.speed

    def call_at(self, now: float, what: Callable[[Unpack[Ts]], object], *args: *Ts) -> asyncio.TimerHandle:
        return self.loop.call_at(self._start + now / self.speed, what, *args)

    def call_later(self, wait_s: float, what: Callable[[Unpack[Ts]], object], *args: *Ts) -> asyncio.TimerHandle:
        return self.loop.call_later(wait_s / self.speed, what, *args)

    async def sleep(self, wait_s: float) -> None:
        await asyncio.sleep(wait_s / self.speed)


GRID_S = 0.02
"""Of the world: alarms ring on this grid, so that one timer of the loop serves all that are due in one of its steps."""

GRID_MIN_S = 0.002
"""Of the machine: uvloop counts whole milliseconds."""

SLACK_S = 0.0015
"""Of the machine: when the timer rings its step has come, however it was rounded."""

LEFT_MAX = 1_000
"""Steps without an alarm that are left in order for their time to come, before they are cleared away."""


class Ringing(Protocol):
    """Who can be woken."""

    def ring(self) -> None: ...


class Alarms:
    """The alarms of all stations of a process, on one timer of the loop: up to a step late, never early."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._step_s = max(GRID_S, clock.speed * GRID_MIN_S)
        """Of the world."""
        self._rings: dict[int, dict[Ringing, None]] = {}
        """By step of the grid: who is woken then."""
        self._steps: list[int] = []
        """A heap: every key of `_rings`, and those that are left."""
        self._timer: asyncio.TimerHandle | None = None

    def step(self, now: float) -> int:
        """The first step at which this instant has come."""
        return math.ceil(now / self._step_s)

    def set(self, step: int, who: Ringing) -> None:
        """Wake them then, once; soon if it has come already."""
        if rings := self._rings.get(step):
            rings[who] = None
            return
        self._rings[step] = {who: None}
        heappush(self._steps, step)
        if self._steps[0] == step:
            self._arm()

    def drop(self, step: int, who: Ringing) -> None:
        """Take back an alarm, unless it has rung."""
        rings = self._rings.get(step, {})
        rings.pop(who, None)
        if not rings:
            self._rings.pop(step, None)
            if len(self._steps) > len(self._rings) + LEFT_MAX:
                self._steps = sorted(self._rings)

    def _arm(self) -> None:
        if self._timer:
            self._timer.cancel()
        self._timer = self._clock.call_at(self._steps[0] * self._step_s + self._clock.speed * SLACK_S, self._ring)

    def _ring(self) -> None:
        now = self._clock.now()
        due: list[Ringing] = []
        while self._steps and self._steps[0] * self._step_s <= now:
            due += self._rings.pop(heappop(self._steps), ())
        for who in due:
            try:
                who.ring()
            except Exception:  # theirs must not stop those behind
                log.exception("an alarm failed")
        if self._steps:
            self._arm()
