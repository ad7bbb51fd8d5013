"""One station in virtual time: the very Station and SimulatedStation of the real runner, with a disk and a line.

Facts in, wishes done at once and in order, one alarm. A power cut throws the program away; only what its disk had is
left.
"""

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from math import inf
from random import Random
from typing import Any, Protocol
from zlib import crc32

import msgspec

from chargepost import signals as sig
from chargepost.catalogue.model import Model
from chargepost.drivers.simulated import CarSpec, SimulatedConnector, SimulatedStation
from chargepost.fleet.files import TAKES_S, Files, Work
from chargepost.fleet.laws import LawBroken, Laws
from chargepost.fleet.link import Line, Network
from chargepost.fleet.timeline import Stopped, Timeline, dice
from chargepost.station.conversation import PING
from chargepost.station.core import restart_s
from chargepost.station.memory import installed_model
from chargepost.station.settings import connectors_of
from chargepost.station.station import Station

RESTART_S = 3.0
"""How long the program of a station takes to begin anew."""

GRAIN_S = 1e-6
"""A clock has a grain: an alarm rings this much late, so that what was to be over is over in floating point too."""

RINGS_MAX = 100
"""Alarms of one station at one instant; more will not end."""


class Watch(Protocol):
    """Who is told what passes at a station."""

    def frame_up(self, post: "Post", data: bytes) -> None: ...
    def noted(self, who: str, note: sig.Note) -> None: ...
    def answered(self, action: bytes, latency_s: float) -> None: ...
    def count(self, kind: str) -> None: ...


class Managing(Protocol):
    """The site of a station."""

    def began(self, post: "Post") -> None: ...
    def demanded(self, post: "Post", demand: sig.Demand) -> None: ...
    def moved(self, post: "Post") -> None: ...


class Disk:
    """What outlives a power cut. Pieces become durable in order, each a moment after it was written."""

    __slots__ = ("_dice", "_pending", "durable", "records", "refuses", "refuses_since_s")

    def __init__(self, durable: Mapping[str, bytes], dice: Random) -> None:
        self.durable = dict(durable)
        self.records: dict[str, sig.ChargeRecord] = {}
        self.refuses = False
        """Full or failing: what is written waits."""
        self.refuses_since_s = 0.0
        self._dice = dice
        self._pending: deque[sig.Remember] = deque()

    def write(self, piece: sig.Remember) -> None:
        self._pending.append(piece)

    def sync(self) -> int:
        """The first piece that waits is durable: its token."""
        piece = self._pending.popleft()
        self.durable.update(piece.puts)
        for key in piece.drops:
            self.durable.pop(key, None)
        self.records.update((record.record, record) for record in piece.records)
        return piece.token

    @property
    def waiting(self) -> int:
        return len(self._pending)

    def power_cut(self) -> None:
        """Of what was on its way some made it, in order, and nobody was told."""
        if self._pending and not self.refuses:
            for _ in range(self._dice.randint(0, len(self._pending))):
                self.sync()
        self._pending.clear()

    def draw_sync_s(self) -> float:
        return 0.002 + 0.018 * self._dice.random()


class Post:
    """A station, its hardware, its disk and its line."""

    __slots__ = (
        "_busy", "_called", "_due", "_inbox", "_line", "_rang", "_rings", "_seed", "_timeline", "bought", "disk",
        "files", "hardware", "identity", "laws", "life", "model", "network", "on_write", "site", "station",
        "utc_of_machine_s", "watch", "witness",
    )  # fmt: skip

    def __init__(
        self, identity: str, model: Model, memory: Mapping[str, bytes], *, seed: int, timeline: Timeline,
        network: Network, laws: Laws, watch: Watch, utc_s: float,
    ) -> None:  # fmt: skip
        """`utc_s`: the date at the beginning."""
        self.bought = model
        self.model, _ = installed_model(memory, model)
        self.files = Files()
        self.identity, self.network, self.laws, self.watch = identity, network, laws, watch
        self._timeline, self._seed = timeline, seed
        self.hardware = SimulatedStation(
            model.connectors, points=connectors_of(model, memory), seed=crc32(f"{seed} {identity}".encode())
        )
        self.disk = Disk(memory, dice(seed, f"disk {identity}"))
        self.witness = laws.watch(identity, self.hardware)
        self.station: Station | None = None
        """None: it has no power, or its program is just beginning."""
        self.utc_of_machine_s = utc_s
        """The date of the machine minus virtual time."""
        self.life = 0
        """Counts programs: what was meant for an earlier one does not reach a later one."""
        self.on_write: Callable[[Post], None] | None = None
        """Told of each piece on its way to the disk."""
        self.site: Managing | None = None
        """Who gives out its current, in a managed site."""
        self._inbox: deque[sig.Fact] = deque()
        self._busy = False
        self._due = inf
        self._rang = 0.0
        self._rings = 0
        self._line: Line | None = None
        self._called: tuple[bytes, float] = (b"", 0.0)

    # --- the heart ---------------------------------------------------------------------------------------------------

    def tell(self, fact: sig.Fact) -> None:
        """Let the program know; what it wishes is done before this returns."""
        if self.station is not None:
            self._inbox.append(fact)
            self._work()

    def seen(self) -> None:
        """The hardware was touched: let the program know what it tells."""
        self._see()
        self._work()

    def _work(self, wake: bool = False) -> None:
        """Until neither the station nor its hardware has anything more to say."""
        if self._busy:
            return
        self._busy = True
        self.laws.work["no crash"] += 1
        now, inbox, station = self._timeline.now, self._inbox, self.station
        try:
            if station is not None and station.core.unrung:
                station.talk.ponged_at_once(now, GRAIN_S)
            if wake and station is not None:
                station.wake(now)
                self._do_wishes(station, now)
            while inbox and station is not None:
                station.handle(inbox.popleft(), now)
                self._do_wishes(station, now)
        except (LawBroken, Stopped):
            raise
        except Exception as error:
            raise LawBroken("no crash", self.identity, f"{type(error).__name__}: {error}") from error
        finally:
            self._busy = False
        self._arm()

    def _do_wishes(self, station: Station, now: float) -> None:
        touched = False
        for wish in station.take():
            done = DO.get(type(wish))
            if done:
                done(self, wish)
            else:
                self.hardware.do(wish, now)
                touched = True
        if touched:
            self._see()

    def _see(self) -> None:
        """Take what the hardware tells, past the eyes of the laws."""
        for fact in self.hardware.take():
            match fact:
                case sig.MeterRead(connector, _, reading) if connector and reading:
                    now = self._timeline.now
                    self.laws.metered(self.witness, connector, reading, now)
                    if self.station is not None and self.witness.profiles:
                        self.laws.profiled(self.witness, connector, reading, now, self.station.core.utc(now))
                case sig.PowerSwitched(connector, closed):
                    self.laws.contactor(self.witness, connector, closed, self.disk.durable)
            if self.station is not None:
                self._inbox.append(fact)
        if self.site is not None:
            self.site.moved(self)

    def _arm(self) -> None:
        """One alarm for all that comes by itself; a later one is not set anew, it is looked at when it rings."""
        self._set(self._next())

    def _set(self, due: float) -> None:
        if due < self._due:
            self._due = due = max(due, self._timeline.now)
            self._timeline.at(due, self._ring, due)

    def _next(self) -> float:
        """When the hardware or the program next wants to be looked at."""
        station = self.station
        due = inf if station is None else station.core.soonest + GRAIN_S
        for outlet in self.hardware.connectors:
            if (wake := outlet.next_wake) < due:
                due = wake
        return due

    def _ring(self, due: float) -> None:
        if due != self._due:
            return
        self._due = inf
        if (later := self._next()) > due:  # what it was set for has been called off
            self._set(later)
            return
        self._rings = self._rings + 1 if due == self._rang else 0
        self._rang = due
        if self._rings > RINGS_MAX and self.station is not None:
            alarms = ", ".join(what for (what, _), when in self.station.core.alarms.items() if when <= due)
            raise LawBroken("no crash", self.identity, f"it wants to be woken at one instant for ever: {alarms}")
        self.hardware.advance(due)
        self._see()
        self._work(wake=True)

    # --- wishes ------------------------------------------------------------------------------------------------------

    def _send(self, wish: sig.SendFrame) -> None:
        data = wish.data
        if self._line is not None:
            self.watch.frame_up(self, data)
            self.laws.said(self.witness, data)
            if data.startswith(b"[2"):
                self._called = data[: data.find(b",{")], self._timeline.now
            self._line.send(data)

    def _remember(self, wish: sig.Remember) -> None:
        self.laws.kept(self.witness, wish, self._timeline.now)
        self.disk.write(wish)
        if self.disk.refuses:
            self._timeline.after(0.01, self._refused, self.life)
        else:
            self._timeline.after(self.disk.draw_sync_s(), self._synced, self.life)
        if self.on_write:
            self.on_write(self)

    def _synced(self, life: int) -> None:
        if life != self.life or self.disk.refuses or not self.disk.waiting:
            return
        self.tell(sig.Remembered(self.disk.sync()))

    def _refused(self, life: int) -> None:
        if life == self.life and self.disk.refuses:
            self.laws.disk_refuses(self.witness, True)
            self.tell(sig.NotRemembered("database or disk is full"))

    def disk_trouble(self, on: bool) -> None:
        """The disk refuses from now on; or takes all that waited."""
        self.disk.refuses, self.disk.refuses_since_s = on, self._timeline.now
        if not on:
            self.laws.disk_refuses(self.witness, False)
        while not on and self.disk.waiting and self.station is not None:
            self.tell(sig.Remembered(self.disk.sync()))

    def _dial(self, wish: sig.Dial) -> None:
        self._leave_line()
        self._line = Line(self.network, self)
        self._line.dial(wish)

    def _hang_up(self, wish: sig.HangUp) -> None:
        if self._line is not None:
            self._line.hang_up(wish.reason)

    def _ping(self, wish: sig.SendPing) -> None:
        if self._line is not None:
            self._line.ping()

    def _restart(self, wish: sig.Restart) -> None:
        self._timeline.after(0.0, self._restarted, wish.hard, self.life)

    def _file(self, wish: Work) -> None:
        self.files.begin(wish)
        self._timeline.after(TAKES_S, self._filed, wish)

    def _filed(self, wish: Work) -> None:
        if fact := self.files.end(wish, self.model):
            self.tell(fact)

    def _discard(self, wish: sig.Discard) -> None:
        self.files.discard(wish.job)

    def _offer(self, wish: sig.OfferCurrent) -> None:
        self.laws.offered(self.witness, wish, self._timeline.now)
        self.hardware.do(wish, self._timeline.now)
        self._see()

    def _status(self, wish: sig.StatusChanged) -> None:
        self.laws.status(self.witness, wish)

    def _demand(self, wish: sig.Demand) -> None:
        if self.site is not None:
            self.site.demanded(self, wish)

    def _note(self, wish: sig.Note) -> None:
        self.watch.noted(self.identity, wish)

    def _judged(self, wish: sig.BadgeJudged) -> None:
        pass

    # --- its program -------------------------------------------------------------------------------------------------

    def start(self, life: int | None = None) -> None:
        """Build the program from what is durable, and let it find out what it is connected to."""
        if self.station is not None or (life is not None and life != self.life) or not self.hardware.powered:
            return
        self.life += 1
        self._inbox.clear()
        self.hardware.take()
        self.model, trouble = installed_model(self.disk.durable, self.bought)
        if trouble:
            self._note(sig.Note("warning", "firmware", trouble))
        self.station = Station(self.model, self.identity, self.disk.durable, self._dice().random)
        self.tell(sig.Started(self.utc_s))
        if self.site is not None:
            self.site.began(self)
        self.hardware.tell_again()
        self.seen()

    def _dice(self) -> Random:
        return dice(self._seed, f"station {self.identity} {self.life}")

    def _restarted(self, hard: bool, life: int) -> None:
        """A reset: the program ends in order, what it wrote is durable, and it begins anew."""
        if life != self.life or self.station is None:
            return
        while self.disk.waiting and not self.disk.refuses:
            self.disk.sync()
        self._leave_line()
        pause_s = restart_s(self.model, RESTART_S)
        if hard:
            self.power_cut()
            self._timeline.after(pause_s, self.power_up, self.life)
        else:
            self._end_program()
            self.laws.program_lost(self.witness, self.disk)
            self._timeline.after(pause_s, self.start, self.life)

    def _end_program(self) -> None:
        self.station = None
        self.life += 1
        self._inbox.clear()
        self.files.power_cut()
        self.disk.power_cut()

    @property
    def is_on(self) -> bool:
        return self.station is not None

    @property
    def outlets(self) -> Sequence[SimulatedConnector]:
        return self.hardware.connectors

    @property
    def connector_count(self) -> int:
        return len(self.hardware.connectors)

    def power_cut(self) -> None:
        """The mains off, at once: nothing is flushed."""
        if not self.hardware.powered:
            return
        self.hardware.power_cut(self._timeline.now)
        if self.site is not None:
            self.site.moved(self)
        if self._line is not None:
            self._line.die()
            self._line = None
        self._end_program()
        unwritten_s = self._timeline.now - self.disk.refuses_since_s if self.disk.refuses else 0.0
        self.laws.power_cut(self.witness, self.disk, unwritten_s)

    def power_up(self, life: int | None = None) -> None:
        """The mains on; the program begins some seconds later."""
        if self.hardware.powered or (life is not None and life != self.life):
            return
        self.hardware.power_up(self._timeline.now)
        self._timeline.after(RESTART_S, self.start, self.life)
        self.seen()

    # --- its line ----------------------------------------------------------------------------------------------------

    @property
    def line(self) -> Line | None:
        return self._line

    def _leave_line(self) -> None:
        line, self._line = self._line, None
        self._let_pings_ring()
        if line is not None:
            line.hang_up("the station starts anew")

    def line_up(self, line: Line, subprotocol: str) -> None:
        if line is self._line:
            if self.station is not None and line.answers:
                self.station.core.leave_unrung(PING)  # most of what happens is pings, and none of them is lost any more
            self.tell(sig.LinkUp(subprotocol))

    def line_received(self, line: Line, data: bytes) -> None:
        if line is not self._line or self.station is None:
            return
        opened = self.station.talk.session.open
        if opened is not None and not data.startswith(b"[2"):
            self.watch.answered(self._called[0], self._timeline.now - self._called[1])
            if opened.id in self.witness.starts:
                self.hardware.advance(self._timeline.now)
                granted_wh = self.station.core.settings.number("MaxEnergyOnInvalidId")
                self.laws.heard(self.witness, data, opened.id, granted_wh)
        if self.witness.asked or data.startswith(b"[2"):
            self.laws.admitted(self.witness, data, opened.id if opened else None)
        self.tell(sig.FrameReceived(data))

    def line_ponged(self, line: Line) -> None:
        if line is self._line:
            self.tell(sig.PongReceived())

    def line_deaf(self, line: Line) -> None:
        if line is self._line and self.station is not None:
            self.station.talk.ponged_at_once(self._timeline.now, GRAIN_S)
            self._let_pings_ring()
            self._arm()

    def _let_pings_ring(self) -> None:
        if self.station is not None:
            self.station.core.leave_unrung(None)

    def line_down(self, line: Line, reason: str, status: int | None) -> None:
        if line is self._line:
            self._line = None
            self._let_pings_ring()
            self.tell(sig.LinkDown(reason, status))

    # --- hands -------------------------------------------------------------------------------------------------------

    def plug_in(self, connector: int, car: CarSpec, cable_rating_a: float) -> bool:
        done = self.hardware.plug_in(connector, car, self._timeline.now, cable_rating_a)
        self.seen()
        return done

    def unplug(self, connector: int) -> bool:
        done = self.hardware.unplug(connector, self._timeline.now)
        self.seen()
        return done

    def unplug_car(self, connector: int) -> bool:
        done = self.hardware.unplug_car(connector, self._timeline.now)
        self.seen()
        return done

    def present_badge(self, id_tag: str, connector: int | None) -> None:
        self.hardware.present_badge(id_tag, connector)
        self.seen()

    def lamp(self, connector: int) -> str:
        return self.hardware.connector(connector).light

    @property
    def utc_s(self) -> float:
        """The date of the machine."""
        return self._timeline.now + self.utc_of_machine_s

    def set_clock(self, utc_s: float) -> None:
        """The date of the machine is set."""
        self.utc_of_machine_s = utc_s - self._timeline.now
        self.tell(sig.ClockSet(utc_s, "by hand"))


DO: dict[type, Callable[[Post, Any], None]] = {
    sig.SendFrame: Post._send,
    sig.Remember: Post._remember,
    sig.Dial: Post._dial,
    sig.HangUp: Post._hang_up,
    sig.SendPing: Post._ping,
    sig.Restart: Post._restart,
    sig.Fetch: Post._file,
    sig.Examine: Post._file,
    sig.SendReport: Post._file,
    sig.Discard: Post._discard,
    sig.OfferCurrent: Post._offer,
    sig.StatusChanged: Post._status,
    sig.Note: Post._note,
    sig.BadgeJudged: Post._judged,
    sig.Demand: Post._demand,
}
"""What a wish is to the carrier; all others are the hardware's."""


def factory_memory(model: Model, url: str, settings: Mapping[str, str]) -> dict[str, bytes]:
    """The memory of a station that was just installed: its address, and what the owner set of what it knows."""
    given = {model.transport.url_key: url}
    if model.transport.enable_key:
        given[model.transport.enable_key] = "true"
    for name, value in settings.items():
        spec = model.key(name)
        if spec is not None:
            given[spec.setting or spec.name or name] = value
    return {f"setting/{inner.lower()}": msgspec.json.encode(value) for inner, value in given.items()}
