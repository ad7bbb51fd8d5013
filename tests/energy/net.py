"""A site without stations: a leader, members and cars over links that lose, delay and cut; pure, of one seed.

The cars are as slow as the standard lets them be: they draw by a higher offer for 5 s more, and 7 s until they are cut
off. What is measured is what they draw.
"""

from heapq import heappop, heappush
from math import inf
from random import Random
from typing import Any

from chargepost.energy.cluster import Grant, Leader, Member, Report, Rules, Terms
from chargepost.energy.tree import WIRINGS, Fuse, Place, Tree, TreeError, steps_around
from chargepost.signals import Allowance, Demand

FOLLOW_S, CUT_S = 5.0, 7.0


class Car:
    """One connector as physics: what it is allowed, what it wants, what it draws."""

    def __init__(self) -> None:
        self.phases, self.least_a, self.most_a = 3, 6.0, 0.0
        self.since_s = 0.0
        self.allowed_a, self.allowed_phases, self.valid_until = 0.0, 3, inf
        self.floor_a = 0.0
        self.fading: tuple[float, float] = (0.0, 0.0)
        self.offered_a = 0.0

    def update(self, now: float) -> None:
        """As a station does: the offer follows the allowance at once, the car some seconds later."""
        if now >= self.valid_until:
            self.allowed_a, self.valid_until = min(self.allowed_a, self.floor_a), inf
        offer = min(self.allowed_a, self.most_a) if self.phases <= self.allowed_phases else 0.0
        offer = offer if offer >= self.least_a else 0.0
        if offer < self.offered_a:
            self.fading = (self.drawn_a(now), now + (FOLLOW_S if offer else CUT_S))
        self.offered_a = offer

    def drawn_a(self, now: float) -> float:
        before_a, until = self.fading
        return max(self.offered_a, before_a if now < until else 0.0)

    def demand(self, now: float) -> Demand:
        least_a, most_a = min(self.least_a, self.most_a), self.most_a
        return Demand(1, self.phases, least_a, most_a, most_a, self.drawn_a(now), self.since_s, 0.0, "")


class Net:
    """Runs a site for some time and keeps the worst that each line has carried."""

    def __init__(
        self, seed: int, *, lose: float = 0.1, leader: type[Leader] = Leader, terms: Terms | None = None
    ) -> None:
        self.dice = dice = Random(seed)
        self.lose, self.terms, self.make = lose, terms or Terms(), leader
        self.now = 0.0
        self.tree = self._tree()
        self.leader: Leader | None = None
        places = self.tree.places
        self.cars = {place.station: Car() for place in places}
        self.members = {place.station: Member(place.station, 1, place.floor_a, self.terms, 0.0) for place in places}
        for place in places:
            self.cars[place.station].floor_a = place.floor_a
        self.deaf: dict[str, float] = {}
        """Until when a link lets nothing through, by name and direction."""
        self.worst = [0] * len(self.tree.rating)
        self._heap: list[tuple[float, int, Any, tuple[Any, ...]]] = []
        self._count = 0
        self._due: dict[str, float] = {}
        self._at(0.0, self._leader_begins)
        for name in self.members:
            self._arm(name, dice.uniform(0, 20))
            self._at(dice.uniform(0, 60), self._people, name)
        self._at(dice.expovariate(1 / 300), self._trouble)

    def _tree(self) -> Tree:
        dice = self.dice
        while True:
            main = dice.choice((20.0, 32.0, 63.0))
            fuses = [Fuse("main", (main, main, main)), Fuse("sub", (25.0, 20.0, 16.0), "main")]
            floor_a = dice.choice((0.0, 0.0, 6.0, 8.0))
            places = [
                Place(f"S{n}", 1, dice.choice(("main", "sub")), dice.choice(list(WIRINGS)), floor_a)
                for n in range(dice.randint(2, 6))
            ]
            try:
                return Tree(fuses, places)
            except TreeError:
                continue

    # --- time ---

    def _at(self, when: float, what: Any, *args: Any) -> None:
        self._count += 1
        heappush(self._heap, (when, self._count, what, args))

    def run(self, until: float) -> None:
        while self._heap[0][0] <= until:
            self.now, _, what, args = heappop(self._heap)
            what(*args)
            self.measure()

    def measure(self) -> None:
        load = [0] * len(self.tree.rating)
        for number, place in enumerate(self.tree.places):
            car = self.cars[place.station]
            for line in self.tree.path(number, car.phases):
                load[line] += steps_around(car.drawn_a(self.now))
        self.worst = [max(pair) for pair in zip(self.worst, load, strict=True)]

    # --- the links ---

    def _post(self, way: str, then: Any, *args: Any) -> None:
        if self.dice.random() >= self.lose and self.deaf.get(way, 0.0) <= self.now:
            slow = self.dice.random() < 0.05
            self._at(self.now + self.dice.expovariate(1 / (20.0 if slow else 0.1)), then, *args)

    def _leader_begins(self) -> None:
        rules = Rules(by=self.dice.choice(("duration", "energy")))
        self.leader = self.make(self.tree, rules, self.terms, self.dice.random, utc_s=self.now, now=self.now)
        self._arm("", self.leader.next_wake())

    def _arm(self, name: str, due: float) -> None:
        """One alarm for each member, and one for the leader, whose name is empty."""
        due = max(due, self.now)
        if due < self._due.get(name, inf):
            self._due[name] = due
            self._at(due, self._ring, name, due)

    def _ring(self, name: str, due: float) -> None:
        if self._due.get(name) != due:
            return
        del self._due[name]
        if name:
            report, allowances = self.members[name].wake(self.now)
            self._obey(name, allowances)
            if report:
                self._post(f"up {name}", self._leader_hears, report)
            self._arm(name, self.members[name].next_wake())
        elif self.leader:
            self.leader.wake(self.now)
            self._send_grants(self.leader)

    def _send_grants(self, leader: Leader) -> None:
        for grant in leader.take():
            self._post(f"down {grant.member}", self._member_hears, grant)
        self._arm("", leader.next_wake())

    def _leader_hears(self, report: Report) -> None:
        if self.leader:
            self.leader.hear(report, self.now)
            self._send_grants(self.leader)

    def _member_hears(self, grant: Grant) -> None:
        self._obey(grant.member, self.members[grant.member].hear(grant, self.now))
        self._arm(grant.member, self.members[grant.member].next_wake())

    def _obey(self, name: str, allowances: list[Allowance]) -> None:
        car = self.cars[name]
        if not allowances:
            return
        for each in allowances:
            car.allowed_a, car.allowed_phases = each.current_a, each.phases
            car.valid_until = self.now + each.valid_s
            if car.valid_until < inf:
                self._at(car.valid_until, self._car_changes, name)
        self._car_changes(name)

    def _car_changes(self, name: str) -> None:
        car, member = self.cars[name], self.members[name]
        before = car.fading
        car.update(self.now)
        if car.fading != before:
            self._at(car.fading[1], self._car_changes, name)
        member.want(car.demand(self.now), self.now)
        self._arm(name, member.next_wake())

    # --- what happens ---

    def _people(self, name: str) -> None:
        """A car comes, or goes; with the next one nobody knows yet on how many phases it charges."""
        car = self.cars[name]
        if car.most_a:
            car.most_a = 0.0
            car.update(self.now)
            car.fading = (0.0, 0.0)  # the plug is out
        else:
            car.phases, car.most_a = self.dice.choice((1, 3, 3)), self.dice.choice((10.0, 16.0, 32.0))
            car.since_s = self.now
        self._car_changes(name)
        self._at(self.now + self.dice.expovariate(1 / 200), self._people, name)

    def _trouble(self) -> None:
        """A link is cut one way or both, or the leader begins anew."""
        name = self.dice.choice(list(self.members))
        for way in self.dice.choice((("up",), ("down",), ("up", "down"))):
            self.deaf[f"{way} {name}"] = self.now + self.dice.expovariate(1 / 150)
        if self.dice.random() < 0.1:
            self.leader = None
            self._at(self.now + self.dice.expovariate(1 / 100), self._leader_begins)
        self._at(self.now + self.dice.expovariate(1 / 200), self._trouble)
