"""Who comes in the course of a day: cars of many kinds, badges good and bad, and people with habits.

A visit is a story: what somebody does, with waits in between. Hands and eyes are the post's; nobody looks inside.
"""

from datetime import UTC, datetime
from random import Random

import msgspec

from chargepost.drivers.simulated import CARS, CarSpec
from chargepost.fleet import scenario
from chargepost.fleet.hub import Hub
from chargepost.fleet.post import Post
from chargepost.fleet.timeline import Story, Timeline
from chargepost.ocpp import messages
from chargepost.supervision.wishes import BadgeRow

CABLES_A = (13.0, 20.0, 20.0, 32.0, 32.0, 32.0)
GROUP_OF = 4
"""Badges that share a parentIdTag come by so many; every third badge has no group."""
LOOKS = 3
"""How often somebody tries before they give up."""
LOOK_S = 40.0
"""How long they wait for the lamp."""
CHARGES = ("blue", "blue blinking")
RESERVATIONS = 1000
"""Ids of reservations; so few that one is replaced now and then."""
COMES_WITHIN_S = 900.0
"""Who has reserved a place comes before it is given away."""
PATIENCE = 60
"""How often somebody pulls at a locked cable before they leave it there."""


class Badge(msgspec.Struct, frozen=True):
    id_tag: str
    group: str = ""


class Badges:
    """The pool: whoever comes takes one and gives it back when they leave."""

    def __init__(self, connectors: int) -> None:
        count = max(8, 3 * connectors)
        self.good = [Badge(f"{n:06X}A1", f"GROUP-{n // GROUP_OF}" if n % 3 else "") for n in range(count)]
        self.bad = [Badge(f"{n:06X}B7") for n in range(max(4, count // 8))]
        self.rows = tuple(
            [BadgeRow(each.id_tag, parent=each.group) for each in self.good]
            + [BadgeRow(each.id_tag, "Blocked") for each in self.bad]
        )
        self._free = list(range(count))
        self._in_use: dict[int, None] = {}
        self._members: dict[str, list[Badge]] = {}
        for badge in self.good:
            self._members.setdefault(badge.group, []).append(badge)

    def take(self, dice: Random) -> Badge:
        place = dice.randrange(len(self._free))
        self._free[place], self._free[-1] = self._free[-1], self._free[place]
        number = self._free.pop()
        self._in_use[number] = None
        return self.good[number]

    def give_back(self, badge: Badge) -> None:
        number = int(badge.id_tag[:6], 16)
        if self._in_use.pop(number, 0) is None:
            self._free.append(number)

    def borrowed(self, dice: Random) -> Badge | None:
        """A badge that somebody else is charging with."""
        return self.good[dice.choice(list(self._in_use))] if self._in_use else None

    def of_group(self, badge: Badge, dice: Random) -> Badge:
        """The badge, or another one of its group."""
        return dice.choice(self._members[badge.group]) if badge.group else badge


class People:
    """The visitors of one connector after the other."""

    def __init__(
        self, plan: scenario.Scenario, timeline: Timeline, hub: Hub, badges: Badges, last_arrival_s: float,
        closing_s: float,
    ) -> None:  # fmt: skip
        """Nobody comes after `last_arrival_s`, and everybody leaves at `closing_s` at the latest."""
        self.plan, self.habits = plan, plan.people
        self.timeline, self.hub, self.badges = timeline, hub, badges
        self.last_arrival_s, self.closing_s = last_arrival_s, closing_s
        self.visits = 0
        mean = sum(self.habits.by_hour) / 24
        self._busy = [hour / mean for hour in self.habits.by_hour]
        self._busiest = max(self._busy)
        self._first_hour = plan.start.hour

    def arrivals(self, post: Post, connector: int, dice: Random) -> Story:
        """One visit after another, as busy as the hour is."""
        rate = self.habits.visits_per_day * self._busiest / 86400
        if not rate:
            return
        while True:
            yield dice.expovariate(rate)
            now = self.timeline.now
            if now > self.last_arrival_s:
                return
            hour = (self._first_hour + int(now // 3600)) % 24
            if dice.random() * self._busiest < self._busy[hour]:
                self.visits += 1
                yield from self.visit(post, connector, dice)

    def visit(self, post: Post, n: int, dice: Random) -> Story:
        """From the arrival of somebody until the place is free again."""
        habits, draw = self.habits, dice.random()
        badge = self._badge(dice)
        reader = n if len(post.hardware.connectors) > 1 else None
        if habits.reserves and dice.random() < habits.reserves:
            reserve(self.hub, post, dice.choice((n, 0)), badge.id_tag, badge.group, COMES_WITHIN_S, dice)
            yield dice.uniform(60, COMES_WITHIN_S)
        if draw < habits.no_car:
            post.present_badge(badge.id_tag, reader)
            yield dice.uniform(60, 300)
            if post.lamp(n) == "green blinking" and dice.random() < 0.5:
                post.present_badge(badge.id_tag, reader)
        elif draw < habits.no_car + habits.no_badge:
            if post.plug_in(n, self._car(dice), dice.choice(CABLES_A)):
                yield dice.uniform(60, 1800)
                yield from self._take_cable(post, n, None, reader, dice)
        else:
            yield from self._charge(post, n, badge, reader, dice)
        self.badges.give_back(badge)

    def _charge(self, post: Post, n: int, badge: Badge, reader: int | None, dice: Random) -> Story:
        habits = self.habits
        leave_s = min(self.timeline.now + dice.gammavariate(2.0, habits.stay_s / 2), self.closing_s)
        by_app = dice.random() < habits.by_app
        if not by_app and dice.random() < habits.badge_first:
            post.present_badge(badge.id_tag, reader)
            yield dice.uniform(2, 40)
            plugged = post.plug_in(n, self._car(dice), dice.choice(CABLES_A))
        else:
            plugged = post.plug_in(n, self._car(dice), dice.choice(CABLES_A))
            yield dice.uniform(1, 30)
            self._ask(post, n, badge, reader, by_app)
        if not plugged:
            return
        if dice.random() < habits.second_swipe:
            yield dice.uniform(0.1, 8)
            post.present_badge(badge.id_tag, reader)
        for _ in range(LOOKS):
            yield LOOK_S
            if post.lamp(n) in CHARGES:
                break
            self._ask(post, n, badge, reader, False)
        if post.lamp(n) in CHARGES:
            yield max(leave_s - self.timeline.now, 0.0)
        yield from self._leave(post, n, badge, reader, by_app, dice)

    def _ask(self, post: Post, n: int, badge: Badge, reader: int | None, by_app: bool) -> None:
        if by_app:
            self.hub.command(post.identity, messages.RemoteStartTransaction(id_tag=badge.id_tag, connector_id=n))
        else:
            post.present_badge(badge.id_tag, reader)

    def _leave(self, post: Post, n: int, badge: Badge, reader: int | None, by_app: bool, dice: Random) -> Story:
        if dice.random() < self.habits.pulls_plug:
            post.unplug_car(n)
            yield dice.uniform(1, 20)
        elif by_app and (number := self._running(post, n)):
            self.hub.command(post.identity, messages.RemoteStopTransaction(transaction_id=number))
            yield dice.uniform(3, 20)
        else:
            mine = self.badges.of_group(badge, dice) if dice.random() < self.habits.group_stop else badge
            if post.lamp(n) in CHARGES:
                post.present_badge(mine.id_tag, reader)
            yield dice.uniform(2, 20)
        yield from self._take_cable(post, n, badge, reader, dice)

    def _take_cable(self, post: Post, n: int, badge: Badge | None, reader: int | None, dice: Random) -> Story:
        """Pull at the cable until it is free: show the badge again, wait, pull the car's end, come back later."""
        for pull in range(PATIENCE):
            if post.unplug(n) or not self._there(post, n):
                return
            if badge and pull % 3 == 1:
                post.present_badge(badge.id_tag, reader)
            if pull == 6:
                post.unplug_car(n)
            yield dice.uniform(5, 30) if pull < 8 else 300.0
            if self.timeline.now > self.plan.duration_s - 600:
                return

    def _there(self, post: Post, n: int) -> bool:
        outlet = post.hardware.connector(n)
        return outlet.car is not None or (outlet.plugged and outlet.spec.kind != "cable")

    def _running(self, post: Post, n: int) -> int | None:
        """What the app shows: the transaction on this connector."""
        station = self.hub.central.state.stations.get(post.identity)
        connector = station.connectors.get(n) if station else None
        return connector.transaction if connector else None

    def _badge(self, dice: Random) -> Badge:
        habits, draw = self.habits, dice.random()
        if draw < habits.blocked:
            return dice.choice(self.badges.bad)
        if draw < habits.blocked + habits.unknown:
            return Badge(f"{dice.randrange(16**6):06X}EE")
        if draw < habits.blocked + habits.unknown + habits.shared_badge and (other := self.badges.borrowed(dice)):
            return Badge(other.id_tag.lower(), other.group)
        return self.badges.take(dice)

    def _car(self, dice: Random) -> CarSpec:
        car = dice.choice(KINDS)
        soc = min(max(car.soc_percent + dice.gauss(0, 18), 3.0), 97.0)
        return msgspec.structs.replace(car, soc_percent=round(soc, 1))


def reserve(hub: Hub, post: Post, connector: int, id_tag: str, group: str, lasts_s: float, dice: Random) -> int:
    """Have a place held for a badge, now and then for all of its group; the id of the reservation."""
    ident = dice.randrange(1, RESERVATIONS)
    until = datetime.fromtimestamp(hub.timeline.now + hub.offset_s + lasts_s, UTC)
    parent = group if group and dice.random() < 0.5 else msgspec.UNSET
    ask = messages.ReserveNow(
        connector_id=connector, expiry_date=until, id_tag=id_tag, parent_id_tag=parent, reservation_id=ident
    )
    hub.command(post.identity, ask)
    return ident


KINDS = tuple(CARS.values())
