"""One station on the event loop: facts in, wishes done at once, one alarm.

The station is a value machine and its hardware another; this is the carrier between the two, the wire and the disk.
"""

import asyncio
import logging
import secrets
import ssl
from collections.abc import Callable, Mapping
from typing import Any
from zlib import crc32

import msgspec

from chargepost import signals as sig
from chargepost.catalogue.model import Model
from chargepost.drivers.simulated import MODEM, CarSpec, SimulatedStation
from chargepost.journal import Acknowledgements, Journal, StoreError
from chargepost.records.ledger import StationLedger
from chargepost.redact import redact_text, redact_url
from chargepost.run import kept, ntp
from chargepost.run.clock import Alarms, Clock
from chargepost.run.frames import Frames
from chargepost.run.gate import host_of
from chargepost.run.given import Given
from chargepost.run.line import Line, LinkFaults
from chargepost.run.sharing import Sharing
from chargepost.run.tally import Tally
from chargepost.run.tls import is_untrusted
from chargepost.run.transfer import Terms, Transfers
from chargepost.station import contacts
from chargepost.station.core import restart_s
from chargepost.station.memory import installed_model
from chargepost.station.station import Station
from chargepost.station.surroundings import NTP

RESTART_S = 3.0
"""How long the program of a station takes to begin anew, unless its product says otherwise."""

CRASH_PAUSE_S = 30.0
"""After a fault of ours the station begins anew from its memory, as by a watchdog; never in a tight loop."""

GIVEN = "world/given"
"""Memory key: the settings the start asked for last time. Only what is asked for anew is applied."""

log = logging.getLogger("chargepost.station")

LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}

Happening = sig.StatusChanged | sig.Note | sig.BadgeJudged

LogBetween = Callable[[str, float | None, float | None], str]

FILES = "files"
"""Beside the store: a folder for each station, with the files it has fetched."""


class Carriage:
    """What all stations of a process share."""

    def __init__(
        self,
        clock: Clock,
        journal: Journal,
        frames: Frames,
        dice: Callable[[], float],
        publish: Callable[[str, Happening], None],
        recall: LogBetween = lambda identity, since_utc_s, until_utc_s: "",
        terms: Terms = Terms(),
        faults_for: Callable[[str], LinkFaults] = lambda identity: LinkFaults(),
    ) -> None:
        """`publish`: what happened at which station, for the terminal, the event streams and the counters.

        `recall`: what is kept of a station's log between two dates, without secrets. `faults_for`: what is wrong with
        its link from the beginning.
        """
        self.clock, self.frames, self.dice, self.publish = clock, frames, dice, publish
        self.ledger = StationLedger(journal)
        self.alarms = Alarms(clock)
        self.tally = Tally()
        self.recall = recall
        self.faults_for = faults_for
        folder = journal.path.parent / FILES if journal.path else None
        self.transfers = Transfers(clock.loop, folder, terms)
        self.durable = Acknowledgements(clock.loop.call_soon_threadsafe) if journal.path else None
        """None without a disk: nothing need be waited for."""
        self._pinned: tuple[str, ssl.SSLContext] | None = None
        self.site: Sharing | None = None
        """Who gives out the current of stations under fuses."""
        self.moved: Callable[[StationHost], None] | None = None
        """Who measures what outlets draw, where somebody does."""
        self._asking: set[asyncio.Task[None]] = set()
        """Questions to time servers under way: one a station at most, each ends by itself."""

    def ask_time(self, host: "StationHost", server: str) -> None:
        """In a world that runs faster than the clock the answer counts, and its date does not."""
        task = self.clock.loop.create_task(self._asked_time(host, server, host.life))
        self._asking.add(task)
        task.add_done_callback(self._asking.discard)

    async def _asked_time(self, host: "StationHost", server: str, life: int) -> None:
        try:
            utc_s = await ntp.ask(server, secrets.token_bytes, self.transfers.allowed, host.way)
        except ntp.NoTime as error:
            log.info("%s: time server %s", host.identity, error)
            fact: sig.Fact = sig.NtpSilent(server)
        else:
            fact = sig.ClockSet(utc_s if self.clock.speed == 1 else self.clock.utc_s(), NTP)
        if host.life == life:
            host.tell(fact)

    def pin(self, url: str | None, context: ssl.SSLContext | None) -> None:
        """The central system under this address is the one of this process: it is known by this, not by roots."""
        self._pinned = (f"{url}/", context) if url and context else None

    def trust(self, dial: sig.Dial) -> ssl.SSLContext | None:
        """Instead of the dial's own roots."""
        return self._pinned[1] if self._pinned and dial.url.startswith(self._pinned[0]) else None

    def passed(self, identity: str, data: bytes, *, up: bool) -> None:
        """A frame on the line of a station, logged and counted; `up`: from the station."""
        now = self.clock.now()
        (self.frames.sent if up else self.frames.received)(identity, data, self.clock.utc_at(now))
        self.tally.passed(identity, data, up, self.clock.machine_s(now))


class StationHost:
    """A station with its hardware and its line. Lives on one loop's thread."""

    __slots__ = (
        "_alarm", "_at_work", "_durable", "_inbox", "_life", "_line", "bought", "carriage", "clock", "faults", "given",
        "hardware", "identity", "ledger", "model", "removed", "station",
    )  # fmt: skip

    def __init__(self, given: Given, carriage: Carriage) -> None:
        self.identity, self.bought = given.identity, given.model
        self.carriage = carriage
        self.clock, self.ledger = carriage.clock, carriage.ledger
        self.given = given.settings
        self.faults = carriage.faults_for(given.identity)
        self.station: Station | None = None
        """None: it has no power, or its program is just beginning."""
        self.removed = False
        memory, seed = self.ledger.recall(self.identity), crc32(self.identity.encode())
        self.model, _ = installed_model(memory, self.bought)
        self.hardware: SimulatedStation = kept.build(self.model, memory, self.clock.now(), seed, given.fittings)
        self.hardware.around = given.around
        self._life = 0
        """Counts programs: what was meant for an earlier one does not reach a later one."""
        self._durable = 0
        """The last token of this life up to which all is on disk."""
        self._line: Line | None = None
        self._inbox: list[sig.Fact] = []
        """A few at a time: a deque is ten times as large."""
        self._at_work = False
        self._alarm: int | None = None
        """The step of the clock's grid at which it rings."""

    @property
    def life(self) -> int:
        """Counts its programs."""
        return self._life

    # --- the heart ---------------------------------------------------------------------------------------------------

    def tell(self, *facts: sig.Fact) -> None:
        """Let the station know; what it wishes is done before this returns."""
        if self.station is not None:
            self._inbox.extend(facts)
            self._work()

    def _work(self, wake: bool = False) -> None:
        """Until neither the station nor its hardware has anything more to say. What comes back meanwhile waits."""
        if self._at_work:
            return
        self._at_work = True
        inbox = self._inbox
        try:
            now = self.clock.now()
            self.hardware.advance(now)
            inbox += self.hardware.take()
            self._hear(now)  # before an alarm, which may be late, says that it was not heard in time
            if wake and self.station is not None:
                self.station.wake(now)
                self._do_wishes(self.station, now)
                self._hear(now)
        except Exception as error:
            self._crash(error)
        finally:
            self._at_work = False
        self._set_alarm()
        if self.carriage.moved:
            self.carriage.moved(self)

    def _hear(self, now: float) -> None:
        inbox = self._inbox
        while inbox and self.station is not None:
            self.station.handle(inbox.pop(0), now)
            self._do_wishes(self.station, now)

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
            self._inbox += self.hardware.take()

    def _demand(self, wish: sig.Demand) -> None:
        if self.carriage.site:
            self.carriage.site.demanded(self.identity, wish)

    def _send(self, wish: sig.SendFrame) -> None:
        if self._line:
            self.carriage.passed(self.identity, wish.data, up=True)
            self._line.send(wish.data)

    def _dial(self, wish: sig.Dial) -> None:
        self._leave_line()
        self._mind_modem()
        self._line = Line(self, self.clock, self.faults)
        if why := self.way(host_of(wish.url)):
            self._line.fail(why)
        else:
            self._line.dial(wish, self.carriage.trust(wish))

    def _hang_up(self, wish: sig.HangUp) -> None:
        if self._line:
            self._line.hang_up(wish.code, wish.reason)

    def _ping(self, wish: sig.SendPing) -> None:
        if self._line:
            self._line.ping()

    def _restart(self, wish: sig.Restart) -> None:
        log.info("%s: starts anew: %s", self.identity, wish.reason)
        self.clock.loop.call_soon(self.restart, wish.hard)

    def way(self, host: str) -> str:
        """Why this station does not reach that host; empty when nothing is known to stand in between."""
        stands = self.hardware.obstacle(host)
        return stands.told if stands else ""

    def _file(self, wish: sig.Fetch | sig.Examine | sig.SendReport | sig.Discard) -> None:
        self.carriage.transfers.do(self, wish)

    def _ask_time(self, wish: sig.AskTime) -> None:
        self.carriage.ask_time(self, wish.server)

    def _set_alarm(self) -> None:
        """One for all that comes by itself. An alarm too early is harmless, so a later one is not set anew."""
        due = self.hardware.next_wake()
        if self.station and (own := self.station.next_wake()) is not None and (due is None or own < due):
            due = own
        if due is None or self.removed:
            return
        step = self.carriage.alarms.step(due)
        if self._alarm is None or step < self._alarm:
            self._forget_alarm()
            self._alarm = step
            self.carriage.alarms.set(step, self)

    def _forget_alarm(self) -> None:
        if self._alarm is not None:
            self.carriage.alarms.drop(self._alarm, self)
            self._alarm = None

    def ring(self) -> None:
        """The alarm."""
        self._alarm = None
        self._work(wake=True)

    def _happened(self, what: Happening) -> None:
        match what:
            case sig.Note(level, event, text, connector) if log.isEnabledFor(LEVELS[level]):
                where = f" connector {connector}" if connector else ""
                extra = {"event": event, "station": self.identity, "connector": connector}
                log.log(LEVELS[level], "%s%s: %s: %s", self.identity, where, event, redact_text(text), extra=extra)
        self.carriage.publish(self.identity, what)

    # --- its program -------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Build the program from what is durable, and let it find out what it is connected to."""
        if self.station is not None or self.removed:
            return
        memory = self.ledger.recall(self.identity)
        self.model, trouble = installed_model(memory, self.bought)
        if trouble:
            self._happened(sig.Note("warning", "firmware", trouble))
        changes = self._settings_given(memory)
        self.station = Station(self.model, self.identity, memory | changes, self.carriage.dice)
        self._life += 1
        self._durable = 0
        self._inbox.clear()
        self.hardware.number_outlets(len(self.station.connectors), self.clock.now())
        self.hardware.take()
        ahead_s = sum(kept.decoded(memory, kept.CLOCK, float))
        self.tell(sig.Started(self.clock.utc_s() + ahead_s, self.clock.speed))
        if (site := self.carriage.site) and site.manages(self.identity):
            site.began(self.identity, self.tell)
        self.hardware.tell_again()
        self._work()

    def _settings_given(self, memory: Mapping[str, bytes]) -> dict[str, bytes]:
        """What this start asks for and the last one did not: over what was changed since, that stays."""
        (last,) = kept.decoded(memory, GIVEN, dict[str, str]) or [{}]
        changes = {
            f"setting/{inner.lower()}": msgspec.json.encode(value)
            for inner, value in self.given.items()
            if last.get(inner) != value
        }
        if changes or last != self.given:
            self._put(changes | {GIVEN: msgspec.json.encode(self.given)})
        return changes

    def stop(self) -> None:
        """The power goes away, at once: nothing is flushed, the line is dead, what was not on disk is not."""
        self.station = None
        self._life += 1
        self._inbox.clear()
        if self.carriage.site:
            self.carriage.site.ended(self.identity)
        self.carriage.transfers.give_up(self.identity)
        if self._line:
            self._line.cut()
            self._line = None

    def restart(self, hard: bool, pause_s: float | None = None) -> None:
        """Throw the program away and build it anew; `hard` takes the power of the outlets away meanwhile."""
        pause_s = restart_s(self.model, RESTART_S) if pause_s is None else pause_s
        self._leave_line()
        self.stop()
        if hard:
            self._power_cut()
        self.clock.call_later(pause_s, self._come_back, self._life)

    def power_cycle(self, off_s: float) -> None:
        """The mains off and, after so long, on again."""
        self.stop()
        self._power_cut()
        self.clock.call_later(off_s, self._come_back, self._life)

    def _power_cut(self) -> None:
        self.hardware.power_cut(self.clock.now())
        if self.carriage.moved:
            self.carriage.moved(self)

    def _come_back(self, life: int) -> None:
        """With power, and with a memory in which nothing of the last program is under way any more."""
        if life != self._life:
            return
        if not self.hardware.powered:
            self.hardware.power_up(self.clock.now())
        self._put({}, then=lambda: self.start() if life == self._life else None)

    def remove(self) -> None:
        """No more, in good order: what a running charge has drawn is kept, the line is hung up, the alarm forgotten."""
        self.tell(sig.Ending())
        self.removed = True
        self._keep_world()
        self._leave_line("the station is switched off")
        self.stop()
        self._forget_alarm()

    def _crash(self, error: Exception) -> None:
        """A fault of ours must not stop the other stations."""
        log.error("%s: its program failed (%s: %s) and starts anew", self.identity, type(error).__name__, error)
        log.debug("%s: where it failed", self.identity, exc_info=error)
        self.clock.loop.call_soon(self.restart, False, CRASH_PAUSE_S)
        self.station = None

    # --- its line ----------------------------------------------------------------------------------------------------

    def _leave_line(self, why: str = "the station starts anew") -> None:
        """A line that is still there is hung up and finishes by itself; it tells us nothing any more."""
        line, self._line = self._line, None
        if line:
            line.hang_up(1001, why)

    def line_up(self, line: Line, subprotocol: str) -> None:
        if line is self._line:
            self.tell(sig.LinkUp(subprotocol))

    def line_received(self, line: Line, data: bytes) -> None:
        if line is self._line:
            self.carriage.passed(self.identity, data, up=False)
            self.tell(sig.FrameReceived(data))

    def line_ponged(self, line: Line) -> None:
        if line is self._line:
            self.tell(sig.PongReceived())

    def line_down(self, line: Line, reason: str, status: int | None) -> None:
        if line is self._line:
            self._line = None
            self.carriage.tally.link_lost(self.identity, reason, status)
            self.tell(sig.LinkDown(redact_url(reason), status, is_untrusted(reason)))

    # --- its files ---------------------------------------------------------------------------------------------------

    def line_settings(self) -> tuple[str, bool]:
        if self.station is None:
            return "", False
        settings = self.station.core.settings
        return settings.named(self.model.transport.url_key), settings.flag("SelfSignedCertificateAuthorized")

    def log_between(self, since_utc_s: float | None, until_utc_s: float | None) -> str:
        return self.carriage.recall(self.identity, since_utc_s, until_utc_s)

    # --- its memory --------------------------------------------------------------------------------------------------

    def _remember(self, wish: sig.Remember) -> None:
        """One piece, and with a reading that the station keeps the outlet around it. StoreError: as a crash."""
        puts, token = wish.puts, wish.token
        read = [outlet for outlet in self.hardware.connectors if f"meter/{outlet.number}" in puts] if puts else []
        self._keep(kept.puts(read), lambda: self._kept(token), wish)

    def _kept(self, token: int) -> None:
        """A piece is durable, and with it all before: unless one was dropped, after which nothing counts as kept."""
        if token == self._durable + 1:
            self._durable = token
            self.tell(sig.Remembered(token))

    def _keep(self, puts: Mapping[str, bytes], then: Callable[[], None], wish: sig.Remember | None = None) -> None:
        """`then` is called on our thread, once they are durable, in the order of submission: so what an earlier
        program wrote is acknowledged before a later one starts (`_come_back`), and reaches nobody.
        """
        durable = self.carriage.durable
        self.ledger.keep(self.identity, puts, (lambda: durable.carry(then)) if durable else then, wish)

    def _keep_world(self) -> None:
        self.hardware.advance(self.clock.now())
        self._put(kept.puts(self.hardware.connectors))

    def put(self, puts: Mapping[str, bytes]) -> None:
        """Keep values beside the station's own, under keys that it does not know."""
        self._put(puts)

    def _put(self, puts: Mapping[str, bytes], then: Callable[[], None] = lambda: None) -> None:
        try:
            self._keep(puts, then)
        except StoreError as error:
            log.error("%s: %s", self.identity, error)

    # --- hands -------------------------------------------------------------------------------------------------------

    def plug_in(self, connector: int, car: CarSpec | None, cable_rating_a: float = 32.0, outlet: str = "") -> bool:
        """A cable with a car (None: nobody at its other end), or a car to the cable that is there.

        False when something is in the way.
        """
        now = self.clock.now()
        done = self.hardware.plug_in(connector, car, now, cable_rating_a, outlet)
        return self._done_by_hand(done or (car is not None and self.hardware.plug_car(connector, car, now)))

    def unplug(self, connector: int, outlet: str = "") -> bool:
        """False when the cable is locked, or not there."""
        return self._done_by_hand(self.hardware.unplug(connector, self.clock.now(), outlet))

    def change_car(self, connector: int, changes: Mapping[str, object]) -> bool:
        return self._done_by_hand(self.hardware.set_car(connector, self.clock.now(), **changes))

    def present_badge(self, id_tag: str, connector: int | None = None) -> None:
        self.hardware.present_badge(id_tag, connector)
        self._work()

    def authorize_remotely(self, id_tag: str, connector: int | None = None) -> None:
        self.hardware.authorize_remotely(id_tag, connector)
        self._work()

    def press(self, name: str, active: bool = True) -> None:
        was = self.hardware.locked
        self.hardware.press(name, active)
        if self.hardware.locked != was:
            self._put(kept.key_switch(self.hardware))
        self._work()

    def inputs(self) -> list[str]:
        """What `set_input` takes: wired contacts of the product, and whether modem and meters answer."""
        wired = contacts.names(self.station.core) if self.station else ()
        return [*wired, *self.hardware.answering()]

    def set_clock(self, utc_s: float) -> None:
        """The date, by hand: the clock goes on from it, also through a restart."""
        if self.station is not None:
            self.put({kept.CLOCK: msgspec.json.encode(utc_s - self.clock.utc_s())})
            self.tell(sig.ClockSet(utc_s, "by hand"))

    def set_input(self, name: str, active: bool) -> None:
        self.hardware.set_input(name, active)
        if name == MODEM:
            self._mind_modem()
        self._work()

    def _mind_modem(self) -> None:
        """What is on its way through a modem waits while that is silent."""
        self.faults.set(no_modem=self.hardware.behind_modem and self.hardware.read_modem() is None)

    def look(self) -> None:
        """A real instrument has something new."""
        self._work()

    def _done_by_hand(self, done: bool) -> bool:
        if done:
            self._keep_world()
        self._work()
        return done

    def mend(self) -> None:
        """End every fault that hands can cause: of the line, the lock, the contactor, the pilot and the meter."""
        now = self.clock.now()
        self.faults.end()
        for outlet in self.hardware.connectors:
            outlet.advance(now)
            outlet.jam_lock(False)
            outlet.weld(False)
            outlet.mute_meter(False)
            outlet.short_pilot(False, now)
            outlet.leak(0.0, now)
        self.tell(*(sig.FaultCleared(number) for number in range(len(self.hardware.connectors) + 1)))

    # --- what others see ---------------------------------------------------------------------------------------------

    def view(self) -> sig.StationView:
        """What the station says, with power and register as the meter has them at this moment."""
        now = self.clock.now()
        self.hardware.advance(now)
        if self.station is None:
            link = sig.LinkView("off", "", error="the station has no power, or is just starting")
            return sig.StationView(self.identity, *_model_words(self.model), link, self._dark(), self.clock.utc_s())
        view = self.station.view(now)
        connectors = tuple(self._metered(each) for each in view.connectors)
        return msgspec.structs.replace(
            view,
            connectors=connectors,
            link=msgspec.structs.replace(view.link, url=redact_url(view.link.url)),
        )

    def _metered(self, view: sig.ConnectorView) -> sig.ConnectorView:
        power_w, register_wh = self.hardware.shown(view.connector)
        energy_wh, tx = round(register_wh, 1), view.transaction
        if tx:
            tx = msgspec.structs.replace(tx, energy_wh=round(max(energy_wh - tx.start_wh, 0.0), 1))
        return msgspec.structs.replace(view, power_w=round(power_w, 1), energy_wh=energy_wh, transaction=tx)

    def _dark(self) -> tuple[sig.ConnectorView, ...]:
        return tuple(
            sig.ConnectorView(
                outlet.number, "Unavailable", "NoError", outlet.pilot, 0.0, "no power", 0.0,
                round(outlet.energy_wh, 1), outlet.locked, outlet.closed,
            )
            for outlet in self.hardware.connectors
        )  # fmt: skip


DO: dict[type, Callable[[StationHost, Any], None]] = {
    sig.SendFrame: StationHost._send,
    sig.Remember: StationHost._remember,
    sig.Dial: StationHost._dial,
    sig.HangUp: StationHost._hang_up,
    sig.SendPing: StationHost._ping,
    sig.Restart: StationHost._restart,
    sig.StatusChanged: StationHost._happened,
    sig.BadgeJudged: StationHost._happened,
    sig.Note: StationHost._happened,
    sig.Fetch: StationHost._file,
    sig.Examine: StationHost._file,
    sig.SendReport: StationHost._file,
    sig.Discard: StationHost._file,
    sig.AskTime: StationHost._ask_time,
    sig.Demand: StationHost._demand,
}
"""What a wish is to the carrier; all others are the hardware's."""


def _model_words(model: Model) -> tuple[str, str]:
    """As a StationView names it: line with variant, and release."""
    return model.name.partition("@")[0], model.release
