"""The sites of a fleet on real sockets: the very sites of a virtual fleet, on the clock of this process.

Leaders, members and the links between them are those of the scenario; what the outlets draw is measured whenever
something happens at a station.
"""

from collections import Counter
from collections.abc import Callable, Sequence

from chargepost import signals as sig
from chargepost.energy.cluster import Terms
from chargepost.energy.tree import TreeError
from chargepost.fleet.fuses import rules_of
from chargepost.fleet.plot import busiest, in_hours, shed_hours, svg
from chargepost.fleet.scenario import Scenario, ScenarioError
from chargepost.fleet.site import Outlet, Site
from chargepost.fleet.timeline import dice
from chargepost.run.clock import Clock
from chargepost.run.fleet import badge_of
from chargepost.run.given import Given
from chargepost.run.runner import StationHost
from chargepost.run.sharing import stretched

GRAIN_A = 1e-3
"""Of floating point."""


class RealTime:
    """The clock as sites know time."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._stopped = False

    def stop(self) -> None:
        self._stopped = True

    @property
    def now(self) -> float:
        return self._clock.now()

    def at(self, when: float, what: Callable[..., None], *args: object) -> None:
        self._clock.call_at(when, self._do, what, *args)

    def after(self, wait_s: float, what: Callable[..., None], *args: object) -> None:
        self._clock.call_later(wait_s, self._do, what, *args)

    def _do(self, what: Callable[..., None], *args: object) -> None:
        if not self._stopped:
            what(*args)


class Seat:
    """A station of the fleet as its site knows it."""

    __slots__ = ("connector_count", "host", "identity", "site", "tell_it")

    def __init__(self, given: Given) -> None:
        self.identity, self.connector_count = given.identity, len(given.model.connectors)
        self.host: StationHost | None = None
        """None: it was not switched on yet."""
        self.tell_it: Callable[[sig.Fact], None] | None = None
        """None: its program does not run."""
        self.site: Site

    @property
    def is_on(self) -> bool:
        return self.tell_it is not None

    @property
    def outlets(self) -> Sequence[Outlet]:
        return self.host.hardware.connectors if self.host else ()

    def tell(self, fact: sig.Fact) -> None:
        if self.tell_it:
            self.tell_it(fact)


class FleetSites:
    """All sites of a process; for its stations what `sharing` is for those of a site file."""

    def __init__(self, plan: Scenario, clock: Clock, stations: Sequence[Given]) -> None:
        """Raises ScenarioError."""
        self.clock = clock
        self._seats = {given.identity: Seat(given) for given in stations}
        self._is_looking = False
        self.checks = 0
        self.above: Counter[str] = Counter()
        """Phases of fuses that carried more than their rating, and how often."""
        self._time = RealTime(clock)
        table, count = plan.site, min(plan.site.clusters, len(stations))
        terms = stretched(Terms(table.report_s, table.lease_s), clock.speed)
        badges = [badge_of(number) for number in range(1, plan.stations + 1)]
        rules, seats = rules_of(table, badges, dice(plan.seed, "vips")), list(self._seats.values())
        try:
            self.sites = [
                Site(
                    f"site {n + 1}", table, plan.fuses, seats[n::count], rules, timeline=self._time, laws=self,
                    dice=dice(plan.seed, f"site {n}"), utc_s=clock.utc_at(0.0), until_s=float("inf"), terms=terms,
                )
                for n in range(count)
            ]  # fmt: skip
        except TreeError as error:
            raise ScenarioError(f"{error.path}: {error}") from None
        for n, seat in enumerate(seats):
            seat.site = self.sites[n % count]

    # --- the side of the stations ------------------------------------------------------------------------------------

    def manages(self, identity: str) -> bool:
        return identity in self._seats

    def began(self, identity: str, tell: Callable[[sig.Fact], None]) -> None:
        seat = self._seats[identity]
        seat.tell_it = tell
        seat.site.began(seat)

    def ended(self, identity: str) -> None:
        if seat := self._seats.get(identity):
            seat.tell_it = None

    def demanded(self, identity: str, demand: sig.Demand) -> None:
        seat = self._seats[identity]
        seat.site.demanded(seat, demand)

    def charge_now(self, identity: str, connector: int) -> bool:
        return self._seats[identity].site.charge_now(identity, connector)

    # --- what the outlets draw ---------------------------------------------------------------------------------------

    def moved(self, host: StationHost) -> None:
        """Something has happened at a station, or its power is gone."""
        if seat := self._seats.get(host.identity):
            seat.host = host
            seat.site.moved(seat)

    def fuse(self, station: str, line: str, current_a: float, rating_a: float) -> None:
        """A site's measure of one phase of a fuse."""
        self.checks += 1
        if current_a > rating_a + GRAIN_A and not self._is_looking and self._is_above(station, line, rating_a):
            self.above[f"{self._seats[station].site.name}: {line}"] += 1

    def _is_above(self, station: str, line: str, rating_a: float) -> bool:
        """Also with what every other station of the site draws by now: until it wakes, it is known as it was."""
        site, self._is_looking = self._seats[station].site, True
        for seat in self._seats.values():
            if seat.site is site and seat.host:
                seat.host.look()
        self._is_looking = False
        return site.carries_a(line) > rating_a + GRAIN_A

    # --- the end -----------------------------------------------------------------------------------------------------

    def as_json(self) -> dict[str, object]:
        """Under the names that a virtual day has; `above`: phases of fuses, and how often above their rating."""
        return {
            "shed": self._shed(),
            "trouble": self._trouble(),
            "work": {"fuse": self.checks},
            "above": dict(self.above),
        }

    def lines(self) -> list[str]:
        """The same for people."""
        above = ", ".join(f"{count:,} times {where}" for where, count in self.above.items())
        rows = {
            "trouble": ", ".join(f"{count:,} {kind}" for kind, count in self._trouble().items()) or "none",
            "shed": in_hours(self._shed()) or "nobody",
            "fuses": f"{f'ABOVE THEIR RATING: {above}' if above else 'never above'} ({self.checks:,} checks)",
        }
        return [f"{word:<13} {value}" for word, value in rows.items()]

    def _shed(self) -> dict[str, float]:
        return shed_hours([site.record for site in self.sites], self.clock.now())

    def _trouble(self) -> dict[str, int]:
        """What was done to links and leaders."""
        counts: Counter[str] = Counter()
        for site in self.sites:
            counts.update({kind: count for kind, count in site.trouble.items() if count})
        return dict(sorted(counts.items()))

    def picture(self) -> str:
        """Of the site that was short the most, as SVG."""
        record = busiest([site.record for site in self.sites])
        return svg(record, start_utc_s=self.clock.utc_at(0.0), end_s=self.clock.now())

    async def close(self) -> None:
        """What is still to come comes to nobody."""
        self._time.stop()
