"""Alarms of many stations on one timer: each rings once, up to a step of the grid late and never early (design 2)."""

from collections.abc import Callable
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chargepost.run.clock import LEFT_MAX, Alarms, Clock


class Handle:
    def __init__(self) -> None:
        self.cancelled = False

    def cancel(self) -> None:
        self.cancelled = True


class HandClock:
    """Time that goes on by hand."""

    speed = 1.0

    def __init__(self) -> None:
        self.time_s = 0.0
        self.timers: list[tuple[float, Callable[[], object], Handle]] = []

    def now(self) -> float:
        return self.time_s

    def call_at(self, now: float, what: Callable[[], object]) -> Handle:
        self.timers.append((now, what, Handle()))
        return self.timers[-1][2]

    def pass_to(self, until_s: float) -> None:
        while waiting := [each for each in self.live() if each[0] <= until_s]:
            first = min(waiting, key=lambda each: each[0])
            self.timers.remove(first)
            self.time_s = max(self.time_s, first[0])
            first[1]()
        self.time_s = until_s

    def live(self) -> list[tuple[float, Callable[[], object], Handle]]:
        return [each for each in self.timers if not each[2].cancelled]


class Sleeper:
    def __init__(self, clock: HandClock) -> None:
        self.clock = clock
        self.rung: list[float] = []

    def ring(self) -> None:
        self.rung.append(self.clock.now())


def alarms() -> tuple[HandClock, Alarms]:
    clock = HandClock()
    return clock, Alarms(cast(Clock, clock))


@given(st.lists(st.floats(0, 10), min_size=1, max_size=30), st.data())
def test_each_alarm_rings_once_and_never_early(dues: list[float], data: st.DataObject) -> None:
    clock, grid = alarms()
    sleepers = [Sleeper(clock) for _ in dues]
    for due, sleeper in zip(dues, sleepers, strict=True):
        grid.set(grid.step(due), sleeper)
    dropped = data.draw(st.sets(st.integers(0, len(dues) - 1)))
    for number in dropped:
        grid.drop(grid.step(dues[number]), sleepers[number])
    assert len(clock.live()) <= 1, "one timer for all"
    clock.pass_to(11)
    for number, (due, sleeper) in enumerate(zip(dues, sleepers, strict=True)):
        assert len(sleeper.rung) == (number not in dropped)
        assert all(due <= at <= due + 0.05 for at in sleeper.rung)
    assert not clock.live()


def test_who_fails_does_not_stop_those_behind(caplog: pytest.LogCaptureFixture) -> None:
    clock, grid = alarms()

    class Failing:
        def ring(self) -> None:
            raise RuntimeError("planted")

    behind = Sleeper(clock)
    for who in (cast(Any, Failing()), behind):
        grid.set(grid.step(1.0), who)
    clock.pass_to(2)
    assert behind.rung
    assert "an alarm failed" in caplog.text


def test_who_sets_an_alarm_that_has_come_lets_others_have_their_turn() -> None:
    clock, grid = alarms()

    class Hasty(Sleeper):
        def ring(self) -> None:
            super().ring()
            grid.set(grid.step(0.0), self)

    hasty = Hasty(clock)
    hasty.ring()
    (first,) = clock.live()
    clock.timers.remove(first)
    clock.time_s = first[0]
    first[1]()
    assert len(hasty.rung) == 2, "the next one is a turn of the loop away"
    assert len(clock.live()) == 1


def test_alarms_taken_back_leave_a_bounded_rest() -> None:
    clock, grid = alarms()
    sleeper = Sleeper(clock)
    for step in range(3 * LEFT_MAX, 0, -1):
        grid.set(step, sleeper)
        grid.drop(step, sleeper)
    assert len(grid._steps) <= LEFT_MAX
