"""Cars that come, charge and go, from a seed: the life of the demo site and of any site that asks for it."""

import asyncio
import logging
import random

import msgspec

from chargepost.drivers.simulated import CARS, CarSpec
from chargepost.run.runner import StationHost
from chargepost.signals import TransactionView

BADGE_S = 2.0
"""From the plug to the badge: a person turns round and finds it."""
LEAVE_S = 1.0
"""Between two pulls at a cable that is still locked."""
PULLS_MAX = 60
"""Then the driver gives up and leaves with the next round: the station may be broken."""

log = logging.getLogger("chargepost.visitors")


class Habits(msgspec.Struct, frozen=True, kw_only=True):
    """What the visitors of one station are like. Spans are seconds of the world, drawn evenly."""

    badges: tuple[str, ...]
    cars: tuple[CarSpec, ...] = tuple(CARS.values())[:6]
    first_s: float = 2.0
    """From the start to the first car; each further connector as much later."""
    stay_s: tuple[float, float] = (60.0, 180.0)
    pause_s: tuple[float, float] = (10.0, 40.0)


class Visitors:
    """One after the other on each connector of a station. The same seed gives the same visits."""

    def __init__(self, host: StationHost, habits: Habits, seed: int, away: set[str]) -> None:
        """`away`: badges that are at some station now; one set for all stations, for nobody is at two at once."""
        self._host, self._habits, self._away = host, habits, away
        self._tasks = [
            asyncio.create_task(self._visits(number, random.Random(f"{seed} {host.identity} {number}")))  # noqa: S311
            for number in range(1, len(host.hardware.connectors) + 1)
        ]

    def stop(self) -> None:
        for task in self._tasks:
            task.cancel()

    async def _visits(self, number: int, dice: random.Random) -> None:
        sleep = self._host.clock.sleep
        begun = self._transaction(number)  # before the last stop of the process
        if begun and begun.id_tag:
            self._away.add(begun.id_tag)
        await sleep(self._habits.first_s * number)
        while True:
            at_home = [badge for badge in self._habits.badges if badge not in self._away]
            badge = begun.id_tag if begun else dice.choice(at_home) if at_home else ""
            if badge:
                self._away.add(badge)
                await self._visit(number, badge, dice)
                self._away.discard(badge)
            begun = None
            await sleep(dice.uniform(*self._habits.pause_s))

    async def _visit(self, number: int, badge: str, dice: random.Random) -> None:
        sleep, car = self._host.clock.sleep, dice.choice(self._habits.cars)
        if self._host.plug_in(number, msgspec.structs.replace(car, soc_percent=round(dice.uniform(10, 70)))):
            await sleep(BADGE_S)
            self._host.present_badge(badge, number)
            await sleep(dice.uniform(*self._habits.stay_s))
        elif self._transaction(number):
            await sleep(dice.uniform(*self._habits.stay_s))
        await self._leave(number, badge)

    async def _leave(self, number: int, badge: str) -> None:
        """End the charge with the badge that began it, then pull until the lock gives way."""
        if transaction := self._transaction(number):
            self._host.present_badge(transaction.id_tag or badge, number)
        for _ in range(PULLS_MAX):
            await self._host.clock.sleep(LEAVE_S)
            if self._host.unplug(number):
                return
        log.info("%s connector %d: the cable does not come out", self._host.identity, number)

    def _transaction(self, number: int) -> TransactionView | None:
        return self._host.view().connectors[number - 1].transaction
