"""How a whole fleet is: figures that cost little enough to be taken each second of ten thousand stations."""

from typing import NamedTuple

import msgspec

from chargepost import signals as sig
from chargepost.run.house import House
from chargepost.run.tally import Histogram
from chargepost.run.words import Event

EXAMPLES_MAX = 100
"""Kinds of trouble that are told apart, each with its last example."""


class Trouble(NamedTuple):
    """One kind of trouble: how often, and where and how it was last."""

    times: int
    station: str
    text: str


class Look(msgspec.Struct, frozen=True):
    """The fleet at one instant; rates and latencies since the look before."""

    lasted_s: float
    """Of the world, since the start."""
    wanted: int
    """Stations, those that are still to be switched on included."""
    booted: int
    links: dict[str, int]
    connectors: dict[str, int]
    power_w: float
    energy_wh: float
    waiting_messages: int
    transactions_begun: int
    transactions_ended: int
    messages: int
    messages_per_s: float
    p50_s: float | None
    """From a CALL to its answer."""
    p95_s: float | None
    p99_s: float | None
    lost: dict[str, int]
    """Links and dials that ended, by kind."""
    troubles: dict[str, int]
    """Warnings and errors, by what happened."""
    seed: int


class Pulse:
    """Takes looks at a house; one for each who looks."""

    def __init__(self, house: House) -> None:
        self._house = house
        self.troubles: dict[str, Trouble] = {}
        self._messages, self._at_s = 0, house.clock.loop.time()
        self._durations = Histogram()
        house.stations.listeners.append(self._heard)

    def _heard(self, event: Event) -> None:
        what = event.what
        if isinstance(what, sig.Note) and what.level in ("warning", "error"):
            known = self.troubles.get(what.event)
            if known or len(self.troubles) < EXAMPLES_MAX:
                self.troubles[what.event] = Trouble(known.times + 1 if known else 1, event.station, what.text)

    def look(self, *, whole: bool = False) -> Look:
        """`whole`: rates and latencies of all the time, not of that since the last look."""
        house, tally = self._house, self._house.stations.tally
        sums, now_s = house.stations.sums(), house.clock.loop.time()
        messages, durations = tally.count, tally.whole()
        if whole:
            new, took_s, latest = messages, max(house.clock.machine_s(house.clock.now()), 1e-3), durations
        else:
            new, took_s = messages - self._messages, max(now_s - self._at_s, 1e-3)
            latest = durations.since(self._durations)
        self._messages, self._at_s, self._durations = messages, now_s, durations
        counts = house.stations.counts
        return Look(
            lasted_s=round(house.clock.now(), 1),
            wanted=len(house.wanted),
            booted=sums.booted,
            links=dict(sums.links),
            connectors=dict(sums.connectors),
            power_w=round(sums.power_w),
            energy_wh=round(sums.energy_wh),
            waiting_messages=sums.waiting_messages,
            transactions_begun=counts["transaction begins"],
            transactions_ended=counts["transaction ends"],
            messages=messages,
            messages_per_s=round(new / took_s, 1),
            p50_s=_rounded(latest.quantile_s(0.5)),
            p95_s=_rounded(latest.quantile_s(0.95)),
            p99_s=_rounded(latest.quantile_s(0.99)),
            lost=dict(tally.lost.most_common()),
            troubles={kind: trouble.times for kind, trouble in self.troubles.items()},
            seed=house.plan.site.seed,
        )


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 4)
