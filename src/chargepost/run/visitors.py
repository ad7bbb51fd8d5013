"""Cars that come, charge and go, from a seed: the life of the demo site and of any site that asks for it."""

import asyncio
import logging
import random
from collections.abc import Iterator
from itertools import count

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

Story = Iterator[float]
"""What somebody does, one step after another; each yield is a wait in seconds of the world."""

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
    """One after the other on each connector of a station. The same seed gives the same visits.

    A timer for each connector and no task: there may be tens of thousands of them.
    """

    __slots__ = ("_away", "_habits", "_host", "_seed", "_timers")

    def __init__(self, host: StationHost, habits: Habits, seed: int, away: set[str]) -> None:
        """`away`: badges that are at some station now; one set for all stations, for nobody is at two at once."""
        self._host, self._habits, self._seed, self._away = host, habits, seed, away
        self._timers: dict[int, asyncio.TimerHandle] = {}
        for number in range(1, len(host.hardware.connectors) + 1):
            self._follow(number, self._visits(number))

    def stop(self) -> None:
        for timer in self._timers.values():
            timer.cancel()

    def _follow(self, number: int, story: Story) -> None:
        """Let the story at this connector go on now, and again after each of its waits."""
        wait_s = next(story, None)
        if wait_s is not None:
            self._timers[number] = self._host.clock.call_later(wait_s, self._follow, number, story)

    def _visits(self, number: int) -> Story:
        begun = self._transaction(number)  # before the last stop of the process
        if begun and begun.id_tag:
            self._away.add(begun.id_tag)
        yield self._habits.first_s * number
        for visit in count():
            dice = random.Random(f"{self._seed} {self._host.identity} {number} {visit}")  # noqa: S311
            at_home = [badge for badge in self._habits.badges if badge not in self._away]
            badge = begun.id_tag if begun else dice.choice(at_home) if at_home else ""
            pause_s = dice.uniform(*self._habits.pause_s)
            if badge:
                self._away.add(badge)
                yield from self._visit(number, badge, dice)
                self._away.discard(badge)
            begun, dice = None, None  # type: ignore[assignment]  # kilobytes each, and not needed through the pause
            yield pause_s

    def _visit(self, number: int, badge: str, dice: random.Random) -> Story:
        car = dice.choice(self._habits.cars)
        if self._host.plug_in(number, msgspec.structs.replace(car, soc_percent=round(dice.uniform(10, 70)))):
            yield BADGE_S
            self._host.present_badge(badge, number)
            yield dice.uniform(*self._habits.stay_s)
        elif self._transaction(number):
            yield dice.uniform(*self._habits.stay_s)
        yield from self._leave(number, badge)

    def _leave(self, number: int, badge: str) -> Story:
        """End the charge with the badge that began it, then pull until the lock gives way."""
        if transaction := self._transaction(number):
            self._host.present_badge(transaction.id_tag or badge, number)
        for _ in range(PULLS_MAX):
            yield LEAVE_S
            if self._host.unplug(number):
                return
        log.info("%s connector %d: the cable does not come out", self._host.identity, number)

    def _transaction(self, number: int) -> TransactionView | None:
        return self._host.view().connectors[number - 1].transaction
