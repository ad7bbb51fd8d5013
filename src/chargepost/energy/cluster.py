"""A leader and its members: who may draw how much, over links that lose, delay and cut.

A member reports what its connectors want; the leader answers with a grant, which is a lease. The member counts the
lease from when it sent the report that the grant answers, the leader from when it heard that report, which is later:
so the member's ends first, whatever is lost and however late a message comes, and no clock has to agree with another.

Take before give: each member counts with the most of what it may still hold. A grant that lowers it is believed only
when a report says that it was heard, or when the lease before it is over.

In silence a member falls, at the end of its lease, to its stated floor, or to the less that it had; only `grace_s`
later it may rise to the floor, and by then the leader has made room for it. A leader that begins to run gives nothing
before every lease of an earlier one is over.
"""

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from math import inf
from typing import NamedTuple

import msgspec

from chargepost.energy.regulation import Regulation
from chargepost.energy.share import ENOUGH, Part, Taker, give, share
from chargepost.energy.shed import ENTRY_A, By, rank
from chargepost.energy.tree import STEPS_PER_A, Amperes, Tree, amperes, steps_around, steps_within
from chargepost.signals import Allowance, Demand, Limit

SLACK_S = 8.0
"""From the end of a lease until its car draws no more: it has 5 s to follow, and is cut off by 7 (IEC 61851-1)."""

CYCLE_S = 1.0
"""Between two cycles of a leader: what changes meanwhile is looked at together."""

REPORT_SOON_S = 0.2
"""A change is reported at once, but no sooner than this after the last report: a station may tell many in a row."""

SILENT = "the site is silent: its floor"
"""Who says so, when nobody says anything."""

METER_S = 30.0
"""What draws beside the stations is known for so long; then all of the fuse may be drawn by others."""


class Terms(msgspec.Struct, frozen=True):
    """What leader and members agree on. Durations count on the clock of whoever waits."""

    report_s: float = 10.0
    """A member reports so often, or when something changes."""
    lease_s: float = 30.0
    """A grant holds so long: at least two reports may be lost."""
    meter_s: float = METER_S
    """What draws beside the stations is known for so long."""
    slack_s: float = SLACK_S
    """From the end of a lease until its car draws no more."""

    @property
    def grace_s(self) -> float:
        """From the end of a lease until a member may rise to its floor: the leader has noticed, and has taken.

        It notices when the grant heard last is two leases old, half a lease later at most, and what it takes then is
        taken a lease and the slack after that; a lease of all that is over when this begins.
        """
        return 3 * self.lease_s + self.slack_s


class Report(msgspec.Struct, frozen=True):
    """What a member wants, for its leader."""

    member: str
    number: int
    """Of this report; only rises."""
    grant: int
    """The last grant heard; 0: none."""
    demands: tuple[Demand, ...]
    begins: tuple[int, ...] = ()
    """Connectors whose charge the owner lets begin at any hour."""


class Granted(msgspec.Struct, frozen=True, gc=False):
    """What one connector may draw."""

    current_a: float
    author: str
    phases: int
    """As many as were counted; on more of them it is nothing."""
    is_vip: bool = False


class Grant(msgspec.Struct, frozen=True):
    """The leader's answer to a report."""

    member: str
    number: int
    report: int
    """The report it answers."""
    lease_s: float
    limits: tuple[Granted, ...]
    """By connector, 1 and up."""
    confirm: bool = False
    """The leader wants to know at once that it was heard: it does not know enough of this member yet."""


class Member:
    """The side of a station. Tell it what the station demands and what the leader grants."""

    def __init__(self, name: str, connectors: int, floor_a: float, terms: Terms, now: float) -> None:
        self.name, self.floor_a, self.terms = name, floor_a, terms
        self.demands: list[Demand | None] = [None] * connectors
        self.limits: tuple[Granted, ...] = (Granted(0.0, SILENT, 3),) * connectors
        self.heard = 0
        self.until = now
        """The end of the lease."""
        self.number = 0
        """Of the last report."""
        self._sent: deque[tuple[int, float]] = deque()
        """Reports whose answer would still be worth something, and when they were sent."""
        self._begins: set[int] = set()
        self._report_at = now
        self._last_report = -inf
        self._rises_at = now + terms.grace_s

    def want(self, demand: Demand, now: float) -> None:
        """The station says what a connector wants now."""
        if self.demands[demand.connector - 1] == demand:
            return
        self.demands[demand.connector - 1] = demand
        if not demand.most_a:
            self._begins.discard(demand.connector)
        self._report_soon(now)

    def override(self, connector: int, now: float) -> bool:
        """The owner wants the charge there now, whatever delay or hour: told until it ends. False where nobody is."""
        demand = self.demands[connector - 1] if 0 < connector <= len(self.demands) else None
        if demand is None or not demand.most_a:
            return False
        self._begins.add(connector)
        self._report_soon(now)
        return True

    def catch_up(self, number: int, now: float) -> None:
        """The leader has heard reports up to this number from an earlier life, or has not heard of this one."""
        self.number = max(self.number, number)
        self._report_soon(now)

    def _report_soon(self, now: float) -> None:
        self._report_at = min(self._report_at, max(now, self._last_report + REPORT_SOON_S))

    def hear(self, grant: Grant, now: float) -> list[Allowance]:
        """A grant has come: what the station is told. A late one tells nothing; one that changes much is confirmed."""
        sent = next((at for number, at in self._sent if number == grant.report), None)
        if grant.number <= self.heard or sent is None or sent + grant.lease_s <= now:
            return []
        is_new = any(old.current_a != new.current_a for old, new in zip(self.limits, grant.limits, strict=True))
        if is_new or grant.confirm:
            self._report_soon(now)
        self.heard, self.limits = grant.number, grant.limits
        if grant.lease_s != self.terms.lease_s:  # the leader says how long one is, and so how often to report
            report_s = min(self.terms.report_s, grant.lease_s / 3)
            self.terms = msgspec.structs.replace(self.terms, lease_s=grant.lease_s, report_s=report_s)
        self.until = sent + grant.lease_s
        self._rises_at = self.until + self.terms.grace_s
        return self.allowances(now)

    def allowances(self, now: float) -> list[Allowance]:
        """What holds now: for a station whose program has just begun, too."""
        if now < self.until:
            return [
                Allowance(number, each.current_a, each.author, self.until - now, each.is_vip, each.phases)
                for number, each in enumerate(self.limits, 1)
            ]
        if now >= self.until + self.terms.grace_s:
            return [Allowance(number, self.floor_a, SILENT, inf) for number in range(1, len(self.limits) + 1)]
        return [
            Allowance(number, min(self.floor_a, each.current_a), SILENT, inf, phases=each.phases)
            for number, each in enumerate(self.limits, 1)
        ]

    def wake(self, now: float) -> tuple[Report | None, list[Allowance]]:
        """A report, when it is time for one; what the station may draw, when the silence has lasted."""
        report, risen = None, []
        if now >= self._report_at:
            self.number += 1
            self._report_at, self._last_report = now + self.terms.report_s, now
            while self._sent and self._sent[0][1] + self.terms.lease_s <= now:
                self._sent.popleft()
            self._sent.append((self.number, now))
            demands = tuple(each for each in self.demands if each)
            report = Report(self.name, self.number, self.heard, demands, tuple(sorted(self._begins)))
        if now >= self._rises_at:
            risen = self.allowances(now)
            self._rises_at = inf
        return report, risen

    def next_wake(self) -> float:
        return min(self._report_at, self._rises_at)


class Rules(msgspec.Struct, frozen=True):
    """What a site decides about its charges."""

    by: By = "duration"
    vips: frozenset[str] = frozenset()
    """Badges that go before others, in lower case."""
    regulation: Regulation = Regulation()


class _Sent(msgspec.Struct):
    """A grant that may be in force at a member."""

    number: int
    sent_at: float
    base_at: float
    """The report that it answers was not sent before this."""
    until: float
    """It is over by then, and its car draws no more."""
    steps: tuple[int, ...]
    phases: tuple[int, ...]


class _Claim(NamedTuple):
    """So much on so many phases."""

    steps: int
    phases: int


class _Seat:
    """What the leader knows of one member."""

    __slots__ = ("acked", "base_at", "grants", "heard_at", "name", "number", "places", "proven_at")

    def __init__(self, name: str) -> None:
        self.name = name
        self.places: list[int] = []
        """By connector."""
        self.number = 0
        self.heard_at = -inf
        self.proven_at = -inf
        """The last report heard was not sent before this: it knows a grant that was sent then."""
        self.acked = 0
        self.base_at = -inf
        """Of the grant that was heard last: the member does not rise to its floor before base + lease + grace."""
        self.grants: deque[_Sent] = deque()


class _Spot:
    """What the leader knows of one connector."""

    __slots__ = ("author", "begins_utc_s", "demand", "granted", "is_free", "phases", "shed", "vip")

    def __init__(self, floor: int) -> None:
        self.demand: Demand | None = None
        self.granted = floor
        """Steps, as they stand. At the beginning nobody has more than the floor."""
        self.phases = 3
        self.author = "no demand"
        self.vip = False
        self.shed = False
        """It had current, was paused, and still wants some."""
        self.begins_utc_s: float | None = None
        """By regulation; None: it does not want anything."""
        self.is_free = False
        """The owner lets this charge begin at any hour."""


class Shown(msgspec.Struct, frozen=True):
    """One connector as the leader sees it, for pages and plots."""

    station: str
    connector: int
    fuse: str
    wants_a: float
    granted_a: float
    author: str
    is_shed: bool


class Leader:
    """The side of the site. Tell it reports and meters, send the grants it hands out."""

    def __init__(
        self, tree: Tree, rules: Rules, terms: Terms, chance: Callable[[], float], *, utc_s: float, now: float,
        is_first: bool = False,
    ) -> None:  # fmt: skip
        """`chance` gives numbers from 0 to 1, for randomised delays. `is_first`: no earlier leader has given anything
        to these members, so there is nothing to wait for."""
        self.tree, self.rules, self.terms, self._chance = tree, rules, terms, chance
        self.offset_s = utc_s - now
        """The date minus the clock."""
        self._seats: dict[str, _Seat] = {}
        self._spots = [_Spot(floor) for floor in tree.floors]
        for number, place in enumerate(tree.places):
            seat = self._seats.setdefault(place.station, _Seat(place.station))
            seat.places.append(number)
        self._seat_of = [self._seats[place.station] for place in tree.places]
        self._beside: dict[str, tuple[Amperes, float]] = {}
        self._number = int(utc_s * 1000)
        """Of the last grant. Members take none with a lower number, also not from a leader that began anew."""
        self.starts_at = now if is_first else now + terms.lease_s + terms.slack_s
        """From then on it gives."""
        self._cycle_at = self.starts_at
        self._grants: list[Grant] = []
        self._limits: list[int] = list(tree.rating)

    # --- what it is told ---------------------------------------------------------------------------------------------

    def hear(self, report: Report, now: float) -> None:
        """A report; one that was overtaken by a later one says nothing."""
        seat = self._seats.get(report.member)
        if seat is None or report.number <= seat.number:
            return
        was_heard, was_sure = self._is_heard(seat, now), self._is_sure(seat, now)
        seat.number, seat.heard_at = report.number, now
        self._number = max(self._number, report.grant)  # of an earlier leader, whose clock was ahead
        if self._hear_ack(seat, report.grant) or self._is_sure(seat, now) != was_sure:
            self._soon(now)
        for demand in report.demands:
            if 0 < demand.connector <= len(seat.places):
                spot = self._spots[seat.places[demand.connector - 1]]
                if _differs(spot.demand, demand):
                    self._soon(now)
                spot.demand = demand
        for connector in report.begins:
            self._override(seat, connector, now)
        if was_heard and now >= self.starts_at:
            self._send(seat, now)

    def _hear_ack(self, seat: _Seat, number: int) -> bool:
        """The member says which grant it heard last: those before it are void. True when something is free by that."""
        voided = []
        while seat.grants and seat.grants[0].number < number:
            voided.append(seat.grants.popleft())
        if not seat.grants or seat.grants[0].number != number:
            return bool(voided)
        heard = seat.grants[0]
        seat.acked, seat.base_at = number, heard.base_at
        seat.proven_at = max(seat.proven_at, heard.sent_at)
        return any((each.steps, each.phases) != (heard.steps, heard.phases) for each in voided)

    def beside(self, fuse: str, current_a: Amperes, now: float) -> None:
        """What draws under a metered fuse beside the stations, in A per phase. KeyError for a fuse there is not."""
        self.tree.line(fuse, 0)
        before = self._beside.get(fuse)
        self._beside[fuse] = (current_a, now)
        if before is None or before[0] != current_a:
            self._soon(now)

    def override(self, station: str, connector: int, now: float) -> bool:
        """The owner wants this charge now, whatever delay or hour. False where nobody waits."""
        seat = self._seats.get(station)
        return seat is not None and self._override(seat, connector, now)

    def _override(self, seat: _Seat, connector: int, now: float) -> bool:
        if not 0 < connector <= len(seat.places):
            return False
        spot = self._spots[seat.places[connector - 1]]
        waits = spot.begins_utc_s is not None
        if waits != spot.is_free:
            spot.is_free = waits
            self._soon(now)
        return waits

    def heard(self, station: str) -> int:
        """The number of the last report of a member; 0: none yet."""
        seat = self._seats.get(station)
        return seat.number if seat else 0

    def _soon(self, now: float) -> None:
        self._cycle_at = min(self._cycle_at, max(now + CYCLE_S, self.starts_at))

    # --- time --------------------------------------------------------------------------------------------------------

    def next_wake(self) -> float:
        return self._cycle_at

    def wake(self, now: float) -> None:
        if now >= self._cycle_at:
            self._cycle(now)

    def take(self) -> list[Grant]:
        """Grants to be sent."""
        grants, self._grants = self._grants, []
        return grants

    # --- the cycle ---------------------------------------------------------------------------------------------------

    def _cycle(self, now: float) -> None:
        """Share what there is among those who are heard; what the silent may still draw is not there."""
        self._cycle_at = now + self.terms.lease_s / 2
        limits = self._limits = self._room(now)
        claims: dict[int, _Claim] = {}
        order: list[int] = []
        for seat in self._seats.values():
            is_sure = self._is_sure(seat, now)
            self._forget_leases(seat, now)
            for at, place in enumerate(seat.places):
                claim, spot = self._claim(seat, at, place, now), self._spots[place]
                if is_sure and self._may_begin(spot, now + self.offset_s):
                    order.append(place)
                elif is_sure:
                    spot.granted = 0
                else:
                    # No more than it has: to its floor it rises by itself, when others have made room.
                    spot.granted = min(spot.granted, self.tree.floors[place])
                    spot.author = "its floor: it is not heard"
                    self._reserve(limits, place, claim)
                    continue
                claims[place] = claim
        order.sort(key=self._rank)
        parts = self._share(limits, order)
        for place, steps in self._give(list(limits), order, claims, parts).items():
            self._decide(place, steps, parts[place])
        for seat in self._seats.values():
            if self._is_heard(seat, now):
                self._renew(seat, now)

    def _reserve(self, limits: list[int], place: int, claim: _Claim) -> None:
        for line in self.tree.path(place, claim.phases):
            limits[line] -= claim.steps

    def _give(
        self, limits: list[int], order: Sequence[int], claims: Mapping[int, _Claim], parts: Mapping[int, Part]
    ) -> dict[int, int]:
        """What may be granted now on the way to the parts."""
        takers, owed, held = [], [], []
        for place, claim in claims.items():
            demand = self._spots[place].demand
            if place not in parts or (demand and claim.phases < demand.phases):
                self._reserve(limits, place, claim)  # nothing new, or another car: what the last one had is on its own
        for place in order:
            claim, demand = claims[place], self._spots[place].demand
            assert demand
            is_apart = claim.phases < demand.phases
            phases = max(claim.phases, demand.phases)
            takers.append(Taker(self.tree.path(place, phases), 0, steps_around(demand.least_a), 0))
            owed.append(0 if is_apart else claim.steps)
            held.append(0 if is_apart else self._in_force(place))
        granted = give(limits, takers, owed, held, [parts[place].steps for place in order])
        return dict(zip(order, granted, strict=True))

    def _room(self, now: float) -> list[int]:
        """Of each line, without what draws beside the stations."""
        room = list(self.tree.rating)
        for fuse in self.tree.fuses:
            if not fuse.metered:
                continue
            current_a, at = self._beside.get(fuse.name, (fuse.rating_a, -inf))
            known = current_a if now < at + self.terms.meter_s else fuse.rating_a
            for phase in range(3):
                for line in self.tree.carrying(fuse.name, phase):
                    room[line] = max(room[line] - steps_around(max(known[phase], 0.0)), 0)
            if now < at + self.terms.meter_s:
                self._cycle_at = min(self._cycle_at, at + self.terms.meter_s)
        return room

    def _is_heard(self, seat: _Seat, now: float) -> bool:
        return now < seat.heard_at + self.terms.lease_s

    def _is_sure(self, seat: _Seat, now: float) -> bool:
        """It is heard, and it hears: it cannot be at its floor, nor on the way there."""
        return self._is_heard(seat, now) and now < seat.base_at + 2 * self.terms.lease_s

    def _forget_leases(self, seat: _Seat, now: float) -> None:
        while seat.grants and seat.grants[0].until <= now:
            seat.grants.popleft()

    def _claim(self, seat: _Seat, at: int, place: int, now: float) -> _Claim:
        """What a connector may still draw in the worst case."""
        found = [_Claim(grant.steps[at], grant.phases[at]) for grant in seat.grants]
        demand = self._spots[place].demand
        if demand is not None and (seat.grants or self._is_heard(seat, now)):
            found.append(_Claim(steps_around(demand.may_draw_a), demand.phases))
        if not self._is_sure(seat, now):
            found.append(_Claim(self.tree.floors[place], 3))
        phases = max((claim.phases for claim in found if claim.steps), default=demand.phases if demand else 3)
        return _Claim(max((claim.steps for claim in found), default=0), phases)

    def _in_force(self, place: int) -> int:
        """Of a claim, what our own grants have kept without a break. What a report says beside may be long over: it can
        have been on its way while its lease ended, and others were given the room."""
        seat = self._seat_of[place]
        at = seat.places.index(place)
        return max((grant.steps[at] for grant in seat.grants), default=0)

    def _may_begin(self, spot: _Spot, utc_s: float) -> bool:
        """The connector wants current, and regulation lets it."""
        if spot.demand is None or not spot.demand.most_a:
            spot.begins_utc_s, spot.is_free, spot.shed, spot.author = None, False, False, "no demand"
            return False
        regulation = self.rules.regulation
        if spot.begins_utc_s is None or (spot.begins_utc_s <= utc_s and not regulation.is_open(utc_s)):
            spot.begins_utc_s = regulation.begins_at(utc_s, self._chance())
        if edge := regulation.changes_at(utc_s):
            self._cycle_at = min(self._cycle_at, edge - self.offset_s)
        if spot.is_free or spot.begins_utc_s <= utc_s:
            return True
        self._cycle_at = min(self._cycle_at, spot.begins_utc_s - self.offset_s)
        is_hour = regulation.is_open(utc_s)
        spot.author = "regulation: a random delay" if is_hour else "regulation: waits for off-peak hours"
        return False

    def _rank(self, place: int) -> tuple[float, ...]:
        spot = self._spots[place]
        demand = spot.demand
        assert demand
        spot.vip = demand.is_vip or demand.id_tag.lower() in self.rules.vips
        return (*rank(
            self.rules.by, priority=int(spot.vip), is_idle=demand.is_idle, is_running=spot.granted > 0,
            since_utc_s=demand.since_utc_s, energy_wh=demand.energy_wh,
        ), place)  # fmt: skip

    def _share(self, limits: Sequence[int], order: Sequence[int]) -> dict[int, Part]:
        """What each is to have in the end. Only where it is not enough for all, what a car leaves is for others."""
        limits, stations = [*limits], {}
        for seat in {self._seat_of[place].name: self._seat_of[place] for place in order}.values():
            if common := self._common(seat):
                stations[seat.name] = len(limits)
                limits.append(steps_within(common.current_a))
        parts = share(limits, [self._taker(place, stations, all_of_it=True) for place in order])
        if any(part.line != ENOUGH for part in parts):
            parts = share(limits, [self._taker(place, stations, all_of_it=False) for place in order])
        return dict(zip(order, parts, strict=True))

    def _common(self, seat: _Seat) -> Limit | None:
        """What the connectors of a station may take together. It divides that itself: here nobody is to be given what
        it cannot use."""
        demands = [self._spots[place].demand for place in seat.places]
        return min((each.station for each in demands if each and each.station), default=None)

    def _taker(self, place: int, stations: Mapping[str, int], *, all_of_it: bool) -> Taker:
        spot = self._spots[place]
        demand = spot.demand
        assert demand
        least = steps_around(demand.least_a)
        entry = least + (round(ENTRY_A * STEPS_PER_A) if spot.shed else 0)
        most = steps_within(demand.most_a if all_of_it else demand.takes_a)
        lines = self.tree.path(place, demand.phases)
        if (line := stations.get(self._seat_of[place].name)) is not None:
            lines = (*lines, line)
        return Taker(lines, most, least, entry, int(spot.vip))

    def _decide(self, place: int, steps: int, part: Part) -> None:
        spot = self._spots[place]
        assert spot.demand
        spot.shed = steps == 0 and (spot.shed or spot.granted > 0)
        spot.granted, spot.phases = steps, spot.demand.phases
        spot.author = self._author(place, part.line)
        if steps < part.steps:
            spot.author += ": given when others have less"

    def _author(self, place: int, line: int) -> str:
        """Who holds a connector where it is."""
        if line == ENOUGH:
            return "the site"
        if line < len(self._limits):
            return f"{self.tree.name(line)}, {amperes(self._limits[line]):g} A"
        common = self._common(self._seat_of[place])
        return common.source if common else "the site"

    # --- grants ------------------------------------------------------------------------------------------------------

    def _renew(self, seat: _Seat, now: float) -> None:
        """Tell a member, if it would learn something."""
        last = seat.grants[-1] if seat.grants else None
        told = (last.steps, last.phases) if last else None
        if told != self._standing(seat):
            self._send(seat, now)

    def _standing(self, seat: _Seat) -> tuple[tuple[int, ...], tuple[int, ...]]:
        spots = [self._spots[place] for place in seat.places]
        return tuple(spot.granted for spot in spots), tuple(spot.phases for spot in spots)

    def _send(self, seat: _Seat, now: float) -> None:
        self._number += 1
        steps, phases = self._standing(seat)
        until = seat.heard_at + self.terms.lease_s + self.terms.slack_s
        seat.grants.append(_Sent(self._number, now, seat.proven_at, until, steps, phases))
        limits = tuple(
            Granted(amperes(spot.granted), spot.author, spot.phases, spot.vip)
            for spot in (self._spots[place] for place in seat.places)
        )
        confirm = not self._is_sure(seat, now)
        self._grants.append(Grant(seat.name, self._number, seat.number, self.terms.lease_s, limits, confirm))

    # --- what others see ---------------------------------------------------------------------------------------------

    def view(self) -> list[Shown]:
        """Every connector."""
        return [
            Shown(
                place.station, place.connector, place.fuse, spot.demand.most_a if spot.demand else 0.0,
                amperes(spot.granted), spot.author,
                bool(spot.demand and spot.demand.most_a and not spot.granted),
            )
            for place, spot in zip(self.tree.places, self._spots, strict=True)
        ]  # fmt: skip


def _differs(old: Demand | None, new: Demand) -> bool:
    """Something that sharing looks at has changed; energy by a whole step of it."""
    if old is None:
        return True
    return msgspec.structs.replace(old, energy_wh=0.0) != msgspec.structs.replace(new, energy_wh=0.0) or (
        old.energy_wh // ENERGY_STEP_WH != new.energy_wh // ENERGY_STEP_WH
    )


ENERGY_STEP_WH = 200.0
"""A fifth of what has to lie between two charges before they change places."""
