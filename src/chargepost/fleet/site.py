"""The sites of a fleet: stations under fuses, their leader, and links between them that lose, delay and cut.

The very Leader and Member of a real site, in virtual time or on a clock. What the outlets draw is measured on the
physics, on each phase of each fuse, at every instant at which it changes.
"""

from collections.abc import Callable, Sequence
from math import inf
from random import Random
from typing import NamedTuple, Protocol

import msgspec

from chargepost.drivers.building import METER_EVERY_S, building_a
from chargepost.energy.cluster import Grant, Leader, Member, Report, Rules, Terms
from chargepost.energy.tree import WIRINGS, Amperes, Tree, amperes
from chargepost.fleet.fuses import FuseTable, SiteTable, tree_of
from chargepost.signals import Allowance, Demand, Fact, Managed

RECORDED_MAX = 500_000
"""Changes kept for a plot: a day of a few clusters; what comes after is not drawn."""


class Outlet(Protocol):
    """What is measured."""

    @property
    def number(self) -> int: ...
    @property
    def current_a(self) -> Amperes: ...
    @property
    def power_w(self) -> float: ...


class Stationed(Protocol):
    """A station of a site."""

    @property
    def identity(self) -> str: ...
    @property
    def connector_count(self) -> int: ...
    @property
    def is_on(self) -> bool:
        """Its program runs: it says and hears."""

    @property
    def outlets(self) -> Sequence[Outlet]: ...
    def tell(self, fact: Fact) -> None: ...


class Time(Protocol):
    """Seconds since the beginning, and what is still to come."""

    @property
    def now(self) -> float: ...
    def at(self, when: float, what: Callable[..., None], *args: object) -> None: ...
    def after(self, wait_s: float, what: Callable[..., None], *args: object) -> None: ...


class Law(Protocol):
    """Who judges what is measured."""

    def fuse(self, station: str, line: str, current_a: float, rating_a: float) -> None: ...


class Drawn(NamedTuple):
    """From this instant on a connector draws so much."""

    at_s: float
    place: int
    current_a: Amperes
    """On the phases of the site."""
    power_w: float


class Shed(NamedTuple):
    """From this instant on a connector wants current and gets none, or gets some again; and why."""

    at_s: float
    place: int
    is_shed: bool
    author: str


class Record(msgspec.Struct):
    """What a plot is drawn from."""

    name: str
    tree: Tree
    building_a: float = 0.0
    """What draws beside the stations under the first fuse, at its busiest."""
    drawn: list[Drawn] = []
    shed: list[Shed] = []


class Site:
    """One leader and its stations."""

    def __init__(
        self, name: str, table: SiteTable, fuses: Sequence[FuseTable], posts: Sequence[Stationed], rules: Rules,
        *, timeline: Time, laws: Law, dice: Random, utc_s: float, until_s: float, terms: Terms | None = None,
    ) -> None:  # fmt: skip
        """`until_s`: from then on no link is cut and no leader begins anew. `terms`: instead of the table's."""
        self.name, self.table, self.rules = name, table, rules
        self.terms = terms or Terms(table.report_s, table.lease_s)
        self._timeline, self._laws, self._dice, self._utc_s, self._until_s = timeline, laws, dice, utc_s, until_s
        self.tree = tree_of(table, fuses, [(post.identity, post.connector_count) for post in posts])
        self.buildings = [fuse for fuse in fuses if fuse.building_a]
        self.posts = {post.identity: post for post in posts}
        self.members = {
            post.identity: Member(post.identity, post.connector_count, table.floor_a, self.terms, timeline.now)
            for post in posts
        }
        self.leader: Leader | None = None
        self.record = Record(name, self.tree, sum(fuse.building_a for fuse in fuses))
        self.trouble = {"site link cut": 0, "site leader stopped": 0}
        self._deaf: dict[str, float] = {}
        self._due: dict[str, float] = {}
        self._places = {(place.station, place.connector): n for n, place in enumerate(self.tree.places)}
        self._last: list[Amperes] = [(0.0, 0.0, 0.0)] * len(self.tree.places)
        self._load = [0.0] * len(self.tree.rating)
        self._buildings = [0.0] * len(self.tree.rating)
        """What draws beside the stations at its busiest, of each line."""
        for fuse in self.buildings:
            for line in (line for phase in range(3) for line in self.tree.carrying(fuse.name, phase)):
                self._buildings[line] += fuse.building_a
        self._reacts_s = METER_EVERY_S + self.terms.lease_s + self.terms.slack_s + 1.0
        """From a change of a building until every station has given way, whatever message was lost; a second for what
        the links delay."""
        self._shed: dict[int, tuple[bool, str]] = {}
        self._begin()
        for identity in self.members:
            self._arm(identity, timeline.now + dice.uniform(0, table.report_s))
            if table.outages_per_day:
                timeline.after(dice.expovariate(table.outages_per_day / 86400), self._cut, identity)
        if table.leader_restarts_per_day:
            timeline.after(dice.expovariate(table.leader_restarts_per_day / 86400), self._die)
        if self.buildings:
            self._read_meters()

    # --- the side of the stations ------------------------------------------------------------------------------------

    def began(self, post: Stationed) -> None:
        """Its program begins to run."""
        post.tell(Managed(self.table.floor_a))
        self._tell(post.identity, self.members[post.identity].allowances(self._timeline.now))

    def demanded(self, post: Stationed, demand: Demand) -> None:
        member = self.members[post.identity]
        member.want(demand, self._timeline.now)
        self._arm(post.identity, member.next_wake())

    def charge_now(self, identity: str, connector: int) -> bool:
        """The owner overrides delay and hours for the charge that waits there. False where none does."""
        if self.leader is None or not self.leader.override(identity, connector, self._timeline.now):
            return False
        self._arm("", self.leader.next_wake())
        return True

    def _tell(self, identity: str, allowances: Sequence[Allowance]) -> None:
        for allowance in allowances:
            self.posts[identity].tell(allowance)

    # --- time --------------------------------------------------------------------------------------------------------

    def _arm(self, name: str, due: float) -> None:
        """One alarm for each member, and one for the leader, whose name is empty."""
        due = max(due, self._timeline.now)
        if due < self._due.get(name, inf):
            self._due[name] = due
            self._timeline.at(due, self._ring, name, due)

    def _ring(self, name: str, due: float) -> None:
        if self._due.get(name) != due:
            return
        del self._due[name]
        now = self._timeline.now
        if name:
            member = self.members[name]
            report, allowances = member.wake(now)
            self._tell(name, allowances)
            if report and self.posts[name].is_on:
                self._post(name, self._leader_hears, report)
            self._arm(name, member.next_wake())
        elif self.leader:
            self.leader.wake(now)
            self._send_grants(self.leader)
            self._look(self.leader)

    # --- the links ---------------------------------------------------------------------------------------------------

    def _post(self, name: str, hears: object, message: Report | Grant) -> None:
        if self._dice.random() >= self.table.lose and self._deaf.get(name, 0.0) <= self._timeline.now:
            self._timeline.after(self._dice.expovariate(1 / self.table.delay_s), hears, message)  # type: ignore[arg-type]

    def _send_grants(self, leader: Leader) -> None:
        for grant in leader.take():
            self._post(grant.member, self._member_hears, grant)
        self._arm("", leader.next_wake())

    def _leader_hears(self, report: Report) -> None:
        if self.leader:
            self.leader.hear(report, self._timeline.now)
            self._send_grants(self.leader)

    def _member_hears(self, grant: Grant) -> None:
        if self.posts[grant.member].is_on:
            member = self.members[grant.member]
            self._tell(grant.member, member.hear(grant, self._timeline.now))
            self._arm(grant.member, member.next_wake())

    # --- what goes wrong ---------------------------------------------------------------------------------------------

    def _begin(self) -> None:
        now = self._timeline.now
        self.leader = Leader(self.tree, self.rules, self.terms, self._dice.random, utc_s=self._utc_s + now, now=now)
        self._arm("", self.leader.next_wake())

    def _die(self) -> None:
        """The leader begins anew some time later, and knows nothing."""
        if self._timeline.now < self._until_s:
            self.leader = None
            self.trouble["site leader stopped"] += 1
            self._timeline.after(self._dice.expovariate(1 / self.table.outage_s), self._begin)
            self._timeline.after(self._dice.expovariate(self.table.leader_restarts_per_day / 86400), self._die)

    def _cut(self, identity: str) -> None:
        """The link of a member lets nothing through for a while."""
        if self._timeline.now < self._until_s:
            self._deaf[identity] = self._timeline.now + self._dice.expovariate(1 / self.table.outage_s)
            self.trouble["site link cut"] += 1
            self._timeline.after(self._dice.expovariate(self.table.outages_per_day / 86400), self._cut, identity)

    # --- meters ------------------------------------------------------------------------------------------------------

    def _read_meters(self) -> None:
        now = self._timeline.now
        for fuse in self.buildings:
            load_a = building_a(fuse.building_a, self._utc_s + now)
            if self.leader:
                self.leader.beside(fuse.name, (load_a,) * 3, now)
                self._arm("", self.leader.next_wake())
        self._timeline.after(METER_EVERY_S, self._read_meters)

    def moved(self, post: Stationed) -> None:
        """Something may have changed at its outlets: what they draw counts from this instant on."""
        for outlet in post.outlets:
            place = self._places[post.identity, outlet.number]
            drawn = outlet.current_a
            if drawn == self._last[place]:
                continue
            wiring = WIRINGS[self.tree.places[place].wiring]
            before, self._last[place] = self._last[place], drawn
            current = [0.0, 0.0, 0.0]
            for phase in range(3):
                current[wiring[phase]] = drawn[phase]
                for line in self._above(place, wiring[phase]):
                    self._load[line] += drawn[phase] - before[phase]
            now, power_w = self._timeline.now, outlet.power_w
            if len(self.record.drawn) < RECORDED_MAX:
                self.record.drawn.append(Drawn(now, place, (current[0], current[1], current[2]), power_w))
            for line in self.tree.path(place, 3):
                load_a = self._load[line] + self._beside_a(line)
                self._laws.fuse(post.identity, self.tree.name(line), load_a, amperes(self.tree.rating[line]))

    def carries_a(self, name: str) -> float:
        """What a phase of a fuse carries, as it was measured last."""
        line = next(line for line in range(len(self._load)) if self.tree.name(line) == name)
        return self._load[line] + self._beside_a(line)

    def _beside_a(self, line: int) -> float:
        """What buildings draw under a fuse, as far as there was time to make room for it."""
        most_a, utc_s = self._buildings[line], self._utc_s + self._timeline.now
        if not most_a:
            return 0.0
        return min(building_a(most_a, utc_s), building_a(most_a, utc_s - self._reacts_s))

    def _above(self, place: int, phase: int) -> list[int]:
        return [line for line in self.tree.path(place, 3) if line % 3 == phase]

    def _look(self, leader: Leader) -> None:
        """Who is shed, for the plot."""
        for place, shown in enumerate(leader.view()):
            told = (shown.is_shed, shown.author if shown.is_shed else "")
            if self._shed.get(place, (False, "")) != told and len(self.record.shed) < RECORDED_MAX:
                self._shed[place] = told
                self.record.shed.append(Shed(self._timeline.now, place, *told))
