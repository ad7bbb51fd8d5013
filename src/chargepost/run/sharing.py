"""The fuses of a site: its leader and the members' sides of its stations, in the time of this process.

The same Leader and Member as in a virtual fleet. Where they are in one process, no message between them is lost; a
station without power is silent all the same, and falls to its floor. Stations of other processes: `cluster`.
"""

import asyncio
import random
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Mapping, Sequence
from math import inf
from typing import Protocol, Self

import msgspec

from chargepost import signals as sig
from chargepost.catalogue.model import Model
from chargepost.drivers.building import METER_EVERY_S, building_a
from chargepost.drivers.real.meter import ModbusMeter
from chargepost.energy.cluster import METER_S, SLACK_S, Grant, Leader, Member, Report, Rules, Terms
from chargepost.energy.regulation import DELAY_MAX_S, Regulation, delay_s, read_hours
from chargepost.energy.tree import LEAST_A, Fuse, Place, Tree, TreeError, wiring
from chargepost.run.addresses import parse
from chargepost.run.clock import Clock
from chargepost.run.hardware import MeterPart
from chargepost.run.parts import Part
from chargepost.run.quantities import Current, Duration
from chargepost.station.settings import Settings

STALL_S = 1.0
"""Of the machine: a loop may be held up for so long without anybody being given up."""

ROTATION_KEY = "ConnectorPhaseRotation"

CLUSTER_AT = "127.0.0.1:8640"
"""Where a manager listens unless told: for processes of the same machine."""


class FusePart(Part, frozen=True, kw_only=True):
    """One fuse of the site."""

    name: str
    rating: str | int | float | tuple[str | int | float, ...]
    """Of each phase ("63 A"), or of L1, L2 and L3."""
    parent: str = ""
    """The fuse before it; empty for the main one."""
    members: tuple[str, ...] = ()
    """Ids of the stations under it, but for those under a fuse behind it."""
    building: Current = Current(0)
    """What draws beside the stations, at its busiest: it is simulated over the day."""
    building_meter: MeterPart | None = None
    """A real meter of what draws beside the stations, instead: silent, all of the fuse counts as drawn."""

    @property
    def metered(self) -> bool:
        return self.building > 0 or self.building_meter is not None

    def fuse(self) -> Fuse:
        """Raises ValueError for a rating that is none."""
        written = self.rating if isinstance(self.rating, tuple) else (self.rating,) * 3
        if len(written) != 3:
            raise ValueError(f"{len(written)} values: give one, or one for each of the three phases")
        first, second, third = (float(Current.read(each)) for each in written)
        return Fuse(self.name, (first, second, third), self.parent, self.metered, float(self.building))


class RemotePart(Part, frozen=True, kw_only=True):
    """A station under the fuses that another process runs."""

    id: str
    model: str
    """Says how many connectors it has, and on how many phases."""


class ClusterPart(Part, frozen=True, kw_only=True):
    """How stations of several processes share the fuses of one of them."""

    manager: str = ""
    """HOST:PORT of the process that has the fuses; empty: this one."""
    listen: str = CLUSTER_AT
    """Where the manager takes reports, by UDP."""
    key_file: str = ""
    """Holds what all of them know, and nobody else; or the environment says it."""

    def __post_init__(self) -> None:
        parse(self.listen)
        parse(self.manager or self.listen)


class Delay(Duration):
    example = '"10min", or true for as much'

    @classmethod
    def read(cls, written: object) -> Self:
        return cls(delay_s(written)) if isinstance(written, bool) else super().read(written)


class SharingPart(Part, frozen=True, kw_only=True):
    """How the stations under the fuses share."""

    shed_by: str = "duration"
    """duration or energy: who is shed first has charged longest, or has the most."""
    floor: Current = Current(0)
    """What a station falls back to when nobody tells it anything."""
    vips: tuple[str, ...] = ()
    """Badges that go before others."""
    wiring: dict[str, str] = msgspec.field(default_factory=dict)
    """Station -> how it is wired ("STR"), instead of its own key ConnectorPhaseRotation."""
    random_delay: Delay = Delay(0)
    """A charge begins up to so long after it could; true: the usual 10 minutes."""
    off_peak: tuple[str, ...] = ()
    """Hours at which charges go on, as "22:00-06:00"; empty: at any."""
    zone: str = "UTC"
    """Of those hours."""
    report: Duration = Duration(10)
    """A station says so often what it wants."""
    lease: Duration = Duration(30)
    """An allowance holds so long."""
    cluster: ClusterPart | None = None
    """With stations of other processes."""

    def rules(self) -> Rules:
        """Raises ValueError."""
        regulation = Regulation(float(self.random_delay), read_hours(self.off_peak), self.zone)
        regulation.is_open(0.0)
        by = "energy" if self.shed_by == "energy" else "duration"
        return Rules(by, frozenset(tag.lower() for tag in self.vips), regulation)  # type: ignore[arg-type]

    def terms(self, speed: float) -> Terms:
        return stretched(Terms(float(self.report), float(self.lease)), speed)


def stretched(terms: Terms, speed: float) -> Terms:
    """In a world that runs faster than the clock a process that stalls for a moment is silent for long."""
    least_s = STALL_S * speed
    return Terms(
        max(terms.report_s, least_s / 3), max(terms.lease_s, least_s), max(METER_S, least_s),
        SLACK_S + STALL_S * max(speed - 1.0, 0.0),
    )  # fmt: skip


class Outlets(Protocol):
    """What is known of a station before it runs."""

    @property
    def identity(self) -> str: ...
    @property
    def model(self) -> Model: ...
    @property
    def settings(self) -> Mapping[str, str]: ...


def tree_of(sharing: SharingPart, parts: Sequence[FusePart], stations: Sequence[Outlets]) -> Tree:
    """Raises TreeError."""
    under = {member: part.name for part in parts for member in part.members}
    places = []
    for station in stations:
        if station.identity not in under:
            continue
        rotation = Settings(station.model, dict(station.settings)).text(ROTATION_KEY)
        for number, outlet in enumerate(station.model.connectors, 1):
            wired = sharing.wiring.get(station.identity) or wiring(rotation, number)
            if wired == "Unknown" and outlet.phases == 3:
                wired = "RST"  # all three phases are loaded, whichever is which
            places.append(Place(station.identity, number, under[station.identity], wired, float(sharing.floor)))
    return Tree([part.fuse() for part in parts], places)


def inconsistencies(
    sharing: SharingPart, parts: Sequence[FusePart], ids: Sequence[str], known: Sequence[Outlets]
) -> list[tuple[str, str]]:
    """What types cannot say: the key, and what is wrong with it. `known`: of the stations, those whose model is."""
    if sharing.cluster and sharing.cluster.manager:
        return _of_a_member(sharing, parts)
    found: list[tuple[str, str]] = []
    if sharing.cluster and not parts:
        found.append(("site.cluster", "there is nothing to share: add [[fuses]], or name the manager that has them"))
    seen: dict[str, str] = {}
    for at, part in enumerate(parts):
        try:
            part.fuse()
        except ValueError as error:
            found.append((f"fuses[{at}].rating", str(error)))
        if part.building < 0 or (part.building and part.building_meter):
            found.append((f"fuses[{at}].building", "must be 0 or more, and there is none beside a building_meter"))
        for member in part.members:
            if member not in ids:
                found.append((f"fuses[{at}].members", f"there is no station {member!r}: add it to [[stations]]"))
            if member in seen:
                found.append((f"fuses[{at}].members", f"{member!r} is under {seen[member]!r} already: name it once"))
            seen[member] = part.name
    for ok, key, must in (
        (sharing.shed_by in ("duration", "energy"), "shed_by", 'is "duration" or "energy"'),
        (0 <= sharing.random_delay <= DELAY_MAX_S, "random_delay", f"lies in 0 to {DELAY_MAX_S:g} s"),
        (sharing.report > 0, "report", "is above 0"),
        (sharing.lease >= 2 * sharing.report, "lease", "is twice report at least"),
    ):
        if not ok:
            found.append((f"site.{key}", f"must be so that it {must}"))
    found += [
        ("site.wiring", f"there is no station {name!r} under a fuse") for name in sharing.wiring if name not in seen
    ]
    try:
        sharing.rules()
    except (ValueError, KeyError, OSError) as error:
        key = "off_peak" if "hours" in str(error) else "zone"
        found.append((f"site.{key}", str(error.args[0]) if error.args else str(error)))
    if parts and not found:
        try:
            tree_of(sharing, parts, known)
        except TreeError as error:
            of_site = "site.floor" if "floor" in error.path else "site.wiring"
            found.append((error.path if error.path.startswith("fuses") else of_site, str(error)))
    return found


def _of_a_member(sharing: SharingPart, parts: Sequence[FusePart]) -> list[tuple[str, str]]:
    found = []
    if parts:
        found.append(("fuses", "are in the site file of the manager: leave them out here, or site.cluster.manager"))
    if sharing.floor and sharing.floor < LEAST_A:
        found.append(("site.floor", f"{sharing.floor:g} A cannot be offered: 0, or {LEAST_A:g} A and more"))
    return found


class Sharing(Protocol):
    """Who gives out the current of the stations of this process."""

    def manages(self, identity: str) -> bool: ...
    def began(self, identity: str, tell: Callable[[sig.Fact], None]) -> None: ...
    def ended(self, identity: str) -> None: ...
    def demanded(self, identity: str, demand: sig.Demand) -> None: ...
    def charge_now(self, identity: str, connector: int) -> bool: ...


class Members(ABC):
    """The members' sides of the stations of this process. Who leads them is up to those below."""

    def __init__(self, clock: Clock, connectors: Mapping[str, int], floor_a: float, terms: Terms) -> None:
        """`connectors`: of each station, how many."""
        self.clock, self.floor_a, self.terms = clock, floor_a, terms
        now = clock.now()
        self.members = {name: Member(name, count, floor_a, terms, now) for name, count in connectors.items()}
        self._tell: dict[str, Callable[[sig.Fact], None]] = {}
        """Of the stations that run."""
        self._at = inf
        self._timer = clock.call_at(now, self._ring)

    @abstractmethod
    def send(self, report: Report) -> None:
        """To whoever leads."""

    @abstractmethod
    def charge_now(self, identity: str, connector: int) -> bool:
        """The owner overrides delay and hours for the charge that waits there. False where none does."""

    # --- the side of the stations ------------------------------------------------------------------------------------

    def manages(self, identity: str) -> bool:
        return identity in self.members

    def began(self, identity: str, tell: Callable[[sig.Fact], None]) -> None:
        """Its program begins to run."""
        self._tell[identity] = tell
        tell(sig.Managed(self.floor_a))
        for allowance in self.members[identity].allowances(self.clock.now()):
            tell(allowance)

    def ended(self, identity: str) -> None:
        """It has no power, or its program begins anew: it says and hears nothing."""
        self._tell.pop(identity, None)

    def demanded(self, identity: str, demand: sig.Demand) -> None:
        self.members[identity].want(demand, self.clock.now())
        self._arm()

    def granted(self, grant: Grant) -> None:
        """From whoever leads; for a station without power it is lost."""
        if grant.member in self._tell:
            self._allow(grant.member, self.members[grant.member].hear(grant, self.clock.now()))

    # --- time --------------------------------------------------------------------------------------------------------

    def _next_wake(self) -> float:
        return min((member.next_wake() for member in self.members.values()), default=inf)

    def _arm(self) -> None:
        due = self._next_wake()
        if due < self._at:
            self._timer.cancel()
            self._at = due
            self._timer = self.clock.call_at(due, self._ring)

    def _ring(self) -> None:
        self._at, now = inf, self.clock.now()
        for identity, member in self.members.items():
            if member.next_wake() > now:
                continue
            report, allowances = member.wake(now)
            self._allow(identity, allowances)
            if report and identity in self._tell:
                self.send(report)
        self._lead(now)
        self._arm()

    @abstractmethod
    def _lead(self, now: float) -> None:
        """What the leader does, where it is here."""

    def _allow(self, identity: str, allowances: Sequence[sig.Allowance]) -> None:
        if tell := self._tell.get(identity):
            for allowance in allowances:
                tell(allowance)

    async def close(self) -> None:
        self._timer.cancel()


class SharedSite(Members):
    """The leader, and the members of the stations of this process."""

    def __init__(
        self, clock: Clock, tree: Tree, sharing: SharingPart, parts: Sequence[FusePart], remote: Collection[str] = ()
    ) -> None:
        """`remote`: stations that other processes run, who may have something from an earlier leader."""
        self.tree, self.remote = tree, remote
        self.connectors: dict[str, int] = {}
        for place in tree.places:
            self.connectors[place.station] = max(self.connectors.get(place.station, 0), place.connector)
        self.post: Callable[[Grant], None] = lambda grant: None
        """To a station of another process."""
        terms = sharing.terms(clock.speed)
        self.leader = Leader(
            tree, sharing.rules(), terms, random.random, utc_s=clock.utc_s(), now=clock.now(), is_first=not remote
        )
        own = {name: count for name, count in self.connectors.items() if name not in remote}
        super().__init__(clock, own, float(sharing.floor), terms)
        self._buildings = [part for part in parts if part.building > 0]
        self._meters = clock.call_at(clock.now(), self._read_meters) if self._buildings else None
        self._tasks = [
            clock.loop.create_task(self._watch(part.name, part.building_meter.meter()))
            for part in parts
            if part.building_meter
        ]

    def send(self, report: Report) -> None:
        self.leader.hear(report, self.clock.now())

    def hear(self, report: Report) -> None:
        """From another process: it is answered at once."""
        self.send(report)
        self._hand_out()
        self._arm()

    def charge_now(self, identity: str, connector: int) -> bool:
        done = self.leader.override(identity, connector, self.clock.now())
        self._arm()
        return done

    def _next_wake(self) -> float:
        return min(self.leader.next_wake(), super()._next_wake())

    def _lead(self, now: float) -> None:
        self.leader.wake(now)
        self._hand_out()

    def _hand_out(self) -> None:
        for grant in self.leader.take():
            (self.post if grant.member in self.remote else self.granted)(grant)

    def _read_meters(self) -> None:
        for part in self._buildings:
            load_a = building_a(float(part.building), self.clock.utc_s())
            self.leader.beside(part.name, (load_a, load_a, load_a), self.clock.now())
        self._arm()
        self._meters = self.clock.call_later(METER_EVERY_S, self._read_meters)

    async def _watch(self, fuse: str, meter: ModbusMeter) -> None:
        """Follow a real meter for as long as the site lasts."""

        def heard() -> None:
            if not meter.silent:
                self.leader.beside(fuse, meter.read().current_a, self.clock.now())
                self._arm()

        await meter.run(heard)

    async def close(self) -> None:
        await super().close()
        if self._meters:
            self._meters.cancel()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
