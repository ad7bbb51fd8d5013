"""A herd: the central system goes away, and a whole fleet comes back to it (reliability, bar 11; OCPP-J 3.2).

Within 60 s of its return everybody is booted, no dial fails, and the busiest second has at most twice the mean.
"""

from functools import partial

import msgspec
import pytest

from chargepost import catalogue
from chargepost.catalogue.model import Model
from chargepost.fleet import world
from chargepost.fleet.scenario import Disturbances, Link, People, Scenario, load
from chargepost.fleet.world import World

BACK_WITHIN_S = 60
CALM = Link(refuse_dial=0, lose=0, duplicate=0, cuts_per_day=0, outages_per_day=0)
NO_TROUBLE = Disturbances(
    power_cuts_per_day=0, unlucky_cut=0, clock_steps_per_day=0, disk_troubles_per_day=0, hardware_faults_per_day=0,
    resets_per_day=0, commands_per_day=0, central_restarts_per_day=0, central_clock_steps_per_day=0,
)  # fmt: skip
SPREAD_MIN_S = 15
"""A herd that comes within fewer seconds is no mean of anything."""
BOOTED_S = 90.0
"""From the start until everybody is: the ramp, and one more dial."""


def plan(stations: int) -> Scenario:
    nobody = People(visits_per_day=0, reserves=0)
    return msgspec.structs.replace(load(), stations=stations, link=CALM, disturbances=NO_TROUBLE, people=nobody)


class Herd:
    """A fleet whose central system goes away."""

    def __init__(self, stations: int) -> None:
        self.world = World(plan(stations))
        self.world.run(BOOTED_S)
        assert self.online() == stations

    def online(self) -> int:
        return sum(post.station is not None and post.station.talk.online for post in self.world.posts)

    def comes_back(self, away_s: float) -> list[int]:
        """The central system goes away for so long: how many were booted again in each second after its return."""
        now = self.world.timeline.now
        self.world.hub.die(told=True)
        self.world.run(now + away_s)
        assert self.online() == 0
        self.world.hub.start()
        failed = self.failed_dials()
        arrived, before = [], 0
        for second in range(1, BACK_WITHIN_S + 1):
            self.world.run(now + away_s + second)
            arrived.append(self.online() - before)
            before += arrived[-1]
        assert self.failed_dials() == failed
        return arrived

    def failed_dials(self) -> int:
        kinds = self.world.errors
        return sum(count for kind, count in kinds.items() if kind.startswith(("dial", "handshake")))


def fault_of(arrived: list[int], stations: int) -> str:
    """What is wrong with how a herd came back; empty: nothing."""
    if sum(arrived) != stations:
        return f"{sum(arrived)} of {stations} are back after {len(arrived)} s"
    seconds = [second for second, count in enumerate(arrived) if count]
    mean = stations / max(seconds[-1] - seconds[0] + 1, SPREAD_MIN_S)
    return f"{max(arrived)} in the busiest second, {mean:.0f} in the mean" if max(arrived) > 2 * mean else ""


AWAY_S = (3.0, 40.0, 300.0)
"""A restart, an update, and an outage."""


def test_bar_11_a_herd_comes_back_spread_out() -> None:
    herd = Herd(1_000)
    for away_s in AWAY_S:
        assert not fault_of(herd.comes_back(away_s), 1_000), f"after {away_s:g} s"


@pytest.mark.slow
def test_bar_11_ten_thousand_come_back_spread_out() -> None:
    herd = Herd(10_000)
    for away_s in AWAY_S:
        assert not fault_of(herd.comes_back(away_s), 10_000), f"after {away_s:g} s"


def with_backoff(least_s: float, range_s: float, plan: Scenario) -> list[Model]:
    model = catalogue.load("evlink-pro-ac")
    transport = msgspec.structs.replace(model.transport, backoff_least_s=least_s, backoff_range_s=range_s)
    return [msgspec.structs.replace(model, transport=transport)] * plan.stations


@pytest.mark.parametrize(
    ("least_s", "range_s", "away_s", "fault"),
    [
        (2.0, 0.0, 3.0, "in the busiest second"),  # no jitter
        (2.0, 2.0, 3.0, "in the busiest second"),  # jitter, and not of the size of a herd
        (2.0, 300.0, 1800.0, "are back after"),  # so much that the minute is over
    ],
)
def test_bar_11_a_back_off_that_is_wrong_is_caught(
    least_s: float, range_s: float, away_s: float, fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(world, "assign", partial(with_backoff, least_s, range_s))
    assert fault in fault_of(Herd(200).comes_back(away_s), 200)
