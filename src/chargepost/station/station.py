"""One charging station, the only door: tell it what happened, take what it wants done, ask when to wake it.

No socket, clock, dice or task inside. A carrier calls `handle(fact, now)`, does each wish of `take()` at once and
in order, and calls `wake(now)` when `next_wake()` has come. The door keeps the order of things and has no rules of
its own: facts change, then each connector advances a row at a time, then the views are compared with what was last
told and only differences go out.
"""

from collections.abc import Callable, Mapping
from math import inf
from typing import Any

import msgspec

from chargepost import signals as sig
from chargepost.catalogue.model import ConnectorSpec, Model
from chargepost.ocpp import messages
from chargepost.station import (
    cabinet,
    charging,
    electrics,
    external,
    faults,
    lamp,
    maintenance,
    metering,
    mode3,
    profiles,
    reservations,
    security_events,
    security_profile,
    sharing,
    surroundings,
    tic,
    transactions,
    visits,
)
from chargepost.station.authorization import Authorization
from chargepost.station.connector import Connector, Grant, Transaction
from chargepost.station.conversation import Conversation
from chargepost.station.core import EMPTY, Core
from chargepost.station.happenings import (
    ALARMS,
    EFFECTS,
    HANDLERS,
    OUTLET_FACTS,
    QUIET,
    all_keys_changed,
    forget_settings,
    relink,
)
from chargepost.station.maintenance import Maintenance
from chargepost.station.memory import Memory
from chargepost.station.security_events import SecurityEvents
from chargepost.station.settings import AUTHOR, Row, Verdict
from chargepost.station.status import LIGHTS, error, status
from chargepost.station.usage import Usage

LIMITED = frozenset({"Charging", "SuspendedEV", "SuspendedEVSE"})
"""The log says who limits a charge, and when that becomes somebody else."""

RESET_PATIENCE_S = 10.0
"""A reset waits so long for its last messages to be processed; what is not told by then is told after it."""

NO_OUTLET = ConnectorSpec(kind="cable", lock=False)
"""Connector 0 is the station as a whole."""

UNNAMED_TAG = "UNDEFINED"
"""Who charges freely where no default idTag is set."""

LOCATE_S = 10.0
"""How long the lamp blinks on Locate."""


class Station:
    """A station of one model; everything it knows comes from its memory and from what it is told."""

    __slots__ = (
        "_tickets",
        "after_answer",
        "all_connectors",
        "asking",
        "asks",
        "authorization",
        "boots",
        "comments",
        "connectors",
        "core",
        "data",
        "external",
        "house",
        "maintenance",
        "profile_before",
        "reservations",
        "restarting",
        "security_events",
        "shown",
        "speaks_after",
        "started",
        "surroundings",
        "talk",
        "tickets",
        "transactions",
        "undelivered",
        "waiting_grant",
        "zero",
    )

    def __init__(
        self, model: Model, identity: str, memory: Mapping[str, bytes], dice: Callable[[], float] = lambda: 0.5
    ) -> None:
        store = Memory(memory)
        self.core = core = Core(model, identity, store, dice)
        self.boots = (store.load("boot", int) or 0) + 1
        store.put("boot", self.boots)
        self.talk: Conversation = Conversation(core, self.boots)
        self.authorization = Authorization(core)
        self.security_events = SecurityEvents(core)
        self.zero = Connector(0, NO_OUTLET)
        self.connectors = [Connector(n, spec) for n, spec in enumerate(model.connectors[: core.settings.connectors], 1)]
        self.all_connectors = [self.zero, *self.connectors]
        self.reservations: dict[int, reservations.Reservation] = {}
        self.transactions = 0
        """Transactions begun since the start of the program."""
        self.data: dict[str, dict[int, messages.MeterValue]] = {}
        """Readings kept for the stop of each open transaction, by number."""
        self.undelivered: dict[str, sig.ChargeRecord] = {}
        self.comments: dict[str, str] | None = dict(store.load_all("comment/", str)) or None
        """Of badges, by folded idTag."""
        self.asking: dict[int, visits.Asking] = {}
        self.asks = 0
        self.waiting_grant: Grant | None = None
        self.tickets: dict[int, tuple[str, Any]] = {}
        self._tickets = 0
        self.after_answer: list[Callable[[], None]] = []
        self.started = False
        self.speaks_after: int | None = None
        self.shown = 1
        """The connector on the screen, where there is one."""
        self.restarting: tuple[bool, str, float] | None = None
        self.surroundings = surroundings.Surroundings()
        self.external: external.External | None = None
        """None: no external system has said anything yet."""
        self.house: tic.House | None = None
        """None: nobody listens to the meter of the house."""
        self.maintenance = Maintenance(store)
        self.profile_before = store.load(security_profile.BEFORE_KEY, int)
        """The security profile to go back to, while the present one has not worked yet."""
        self._recall(store)

    def _recall(self, store: Memory) -> None:
        for c in self.all_connectors:
            c.operative = store.load(f"availability/{c.number}", str) != "Inoperative"
            register = store.load(f"meter/{c.number}", transactions.Register)
            if register:
                c.last_start_utc_s, c.register_wh = register.last_start_utc_s, register.energy_wh
                c.own_wh, c.base_wh = register.own_wh, register.base_wh
        for name, record in store.load_all("record/", sig.ChargeRecord):
            self.undelivered[name] = record
        for key, point in store.load_all("data/", messages.MeterValue):
            name, _, n = key.rpartition("/")
            if n.isdigit():
                self.data.setdefault(name, {})[int(n)] = point
        homeless = []
        for _, tx in store.load_all("transaction/", Transaction):
            tx.kept_readings = max(self.data.get(tx.name, ()), default=-1) + 1
            if 0 < tx.connector <= len(self.connectors):
                self.connectors[tx.connector - 1].transaction = tx
            else:
                homeless.append(tx)
        profiles.recall(self.core, {c.transaction.name for c in self.connectors if c.transaction})
        faults.recall(self)
        reservations.recall(self)
        external.recall(self, store)
        for tx in homeless:  # its connector has no number of its own any more
            transactions.lost_power(self, self.zero, tx)
        store.loaded()
        for key in store.broken:
            self.core.note("error", "memory damaged", f"{key} cannot be read and is left out")
        if "boot" in store.broken:
            self.talk.draw_life()

    # --- the door --------------------------------------------------------------------------------------------------

    def handle(self, fact: sig.Fact, now: float) -> None:
        """Tell the station what happened."""
        kind = type(fact)
        if kind in OUTLET_FACTS and not 0 < fact.connector <= len(self.connectors):  # type: ignore[operator, union-attr]
            return  # an outlet that has no connector number of its own
        self._settle(now, quiet=HANDLERS[kind](self, fact, now) is QUIET)

    def wake(self, now: float) -> None:
        """Do what is due."""
        alarms, quiet = self.core.alarms, True
        due = [(when, alarm) for alarm, when in alarms.items() if when <= now] if self.core.soonest <= now else []
        if len(due) > 1:
            due.sort()
        for when, alarm in due:
            if alarms.get(alarm) == when:
                what, connector = alarm
                self.core.wake_at(what, connector, None)
                quiet = ALARMS[what.partition(" ")[0]](self, connector, what, now) is QUIET and quiet
        self._settle(now, quiet=quiet)

    def next_wake(self) -> float | None:
        """When `wake` is wanted next, in monotonic seconds."""
        soonest = self.core.soonest
        return None if soonest == inf else soonest

    def take(self) -> list[sig.Wish]:
        """What the station wants done since the last time, in order."""
        wishes, self.core.wishes = self.core.wishes, []
        return wishes

    # --- facts advance, then views are told ------------------------------------------------------------------------

    def _settle(self, now: float, *, quiet: bool) -> None:
        if self.started and not quiet:
            maintenance.advance(self, now)
            for c in self.connectors:
                self._advance(c, now)
            external.govern(self, now)
            if self.house is not None:
                tic.govern(self)
            if len(self.connectors) > 1:
                sharing.balance(self, now)
            connectors = profiles.govern(self, now)
            if len(self.connectors) > 1:
                cabinet.divide(self, now)
                connectors = cabinet.in_order(self, connectors, now)
            for c in connectors:
                self._tell_hardware(c, now)
            if self.core.floor_a is not None:
                sharing.tell(self, now)
            if self.reservations:
                reservations.hold(self)
            for c in self.all_connectors:
                self._tell_status(c, now)
        if self.restarting is not None:
            self._restart_when_done(now)
        remember = self.core.memory.take()
        if remember:
            self.core.wish(remember)
        self.talk.pump(now)

    def _advance(self, c: Connector, now: float) -> None:
        if c.shut and c.usage is Usage.FREE and c.status == Usage.PREPARING:
            shut, c.shut = c.shut, EMPTY
            self._tell_status(c, now)  # B1, then A8: the table knows no way from Preparing to Unavailable
            c.shut = shut
        if c.out_when_free and c.usage is Usage.FREE and c.transaction is None:
            if c.status == Usage.PREPARING:
                self._tell_status(c, now)  # B1, then A8
            c.out_when_free, c.operative = False, False  # A8, C8, F8
        faults.watch_disk(self, c, now)
        visits.let_in_freely(self, c, now)
        if transactions.may_begin(self, c, now):
            transactions.begin(self, c, now)

    def _tell_hardware(self, c: Connector, now: float) -> None:
        core, preparing = self.core, c.usage is Usage.PREPARING and c.grant is not None
        running = c.usage is Usage.CHARGING and c.stopping is None
        c.limit = charging.limit(core, c, now)
        offered_a = c.limit.current_a if charging.wants(c) else 0.0
        if offered_a != c.offered_a:
            c.pulsed = c.pulsed and c.offered_a > 0
            sharing.offering(self, c, offered_a, now)
            c.offered_a, c.offered_at = offered_a, now
            core.wish(sig.OfferCurrent(c.number, offered_a))
            if preparing and offered_a and c.ev_offered_at is None:
                c.ev_offered_at = now
                core.wake_at("ready", c.number, now + transactions.EV_READY_WAIT_S)
        durable = c.token <= core.memory.durable
        power = running and durable and offered_a > 0 and not c.blocked and c.pilot in ("C", "D")
        if offered_a:
            mode3.watch_sleep(core, c, now)
        if power:
            c.cut_at = None
        if power != c.power_wanted and (power or not mode3.holds(core, c, now)):
            c.power_wanted = power
            c.powered = c.powered or power
            mode3.sent(core, c, now)
            core.wish(sig.SwitchPower(c.number, power))
        held = c.release is not None or c.usage is Usage.CHARGING or (preparing and c.ev_in and not c.wants_out)
        lock = c.spec.lock and c.cable_in and held
        if lock != c.lock_wanted:
            c.lock_wanted = lock
            if lock:
                core.wish(sig.LockCable(c.number, True))
            else:
                self.unlock(c)

    def _tell_status(self, c: Connector, now: float) -> None:
        core, new = self.core, status(c)
        if new == "Reserved" and c.status not in ("", "Available", "Faulted", "Reserved"):
            held, c.reservation = c.reservation, None
            self._tell_status(c, now)  # B1, F1, H1, then A7: the table knows no other way
            c.reservation = held
        limit = c.limit if new in LIMITED else None
        if new != c.status:
            if c.status:
                core.wish(sig.StatusChanged(c.number, c.status, new, error(c)[0], now, limit))
            c.status, c.status_since = new, now
        elif limit and limit.source != c.limited_by:
            core.note("info", "limit", f"{limit.current_a:g} A, {limit.source}", c.number)
        c.limited_by = limit.source if limit else ""
        light = "off" if surroundings.KEY_BUTTON in c.shut and c.transaction is None else LIGHTS[new]
        if c is not self.zero and light != c.light and ("locate", 0) not in core.alarms:
            c.light = light
            core.wish(sig.ShowLight(c.number, light, lamp.intensity_percent(core, now)))
        if not self.talk.online:
            return
        current = (new, *error(c))
        if current == c.reported or (c.reported and not current[3] and current[:3] == c.reported[:3]):
            core.wake_at("status", c.number, None)
        elif c.reported is None or current[1:3] != c.reported[1:3]:
            self.report(c, now)  # errors are not delayed (trap 46)
        else:
            due = c.status_since + core.settings.number("MinimumStatusDuration")
            if now >= due:
                self.report(c, now)
            else:
                core.wake_at("status", c.number, due)

    def report(self, c: Connector, now: float, *, triggered: bool = False) -> None:
        """Send StatusNotification with the present status, error and time."""
        word = status(c)
        code, vendor_code, info = error(c)
        vendor = self.core.model.identity.vendor
        payload = messages.StatusNotification(
            connector_id=c.number,
            error_code=code,  # type: ignore[arg-type]  # checked when the model was loaded
            status=word,  # type: ignore[arg-type]  # the view knows only OCPP's words
            timestamp=metering.date(self.core.utc(now)),
            info=info or msgspec.UNSET,
            vendor_id=vendor if vendor_code else msgspec.UNSET,
            vendor_error_code=vendor_code or msgspec.UNSET,
        )
        if self.talk.say(payload, ("status", c.number), now, triggered=triggered):
            c.reported = (word, code, vendor_code, info)
            self.core.wake_at("status", c.number, None)

    # --- small services of the parts -------------------------------------------------------------------------------

    def read_meter(self, connector: int, purpose: str, data: Any) -> None:
        """Ask for a reading; the purpose says what is done with it."""
        self._tickets += 1
        self.tickets[self._tickets] = (purpose, data)
        self.core.wish(sig.ReadMeter(connector, self._tickets))

    def unlock(self, c: Connector) -> None:
        c.lock_wanted = False
        self.core.wish(sig.LockCable(c.number, False))

    def connector_of(self, transaction: str) -> Connector | None:
        return next((c for c in self.connectors if c.transaction and c.transaction.name == transaction), None)

    @property
    def free_charging(self) -> bool:
        """Nobody is asked for a badge: everybody charges with the default idTag."""
        key = self.core.model.authentication.mode_key
        return bool(key) and not self.core.settings.flag(key, True)

    @property
    def default_tag(self) -> str:
        key = self.core.model.authentication.default_tag_key
        tag = self.core.settings.text(key)[:20] if key else ""
        return tag or UNNAMED_TAG

    def shows(self, row: Row) -> bool:
        """GetConfiguration knows the key, by one name or another."""
        return "/" not in row.inner and row.spec.name.lower() in self.core.model.keys

    def restart(self, hard: bool, why: str, reason: str, now: float) -> None:
        """Stop what runs, let it be told, then start the program anew."""
        self.restarting = (hard, why, now + RESET_PATIENCE_S)
        security_events.happened(self, "ResetOrReboot", now, why)
        self.core.wake_at("restart", 0, now + RESET_PATIENCE_S)
        for c in self.connectors:
            c.grant = None
            transactions.stop(self, c, reason, None, now)

    def _restart_when_done(self, now: float) -> None:
        assert self.restarting
        hard, why, patience = self.restarting
        running = any(c.transaction for c in self.connectors)
        told = not self.talk.outbox and self.talk.idle and not self.maintenance.untold
        if not running and (told or not self.talk.online or now >= patience):
            self.restarting = (hard, why, float("inf"))
            if patience != float("inf"):
                for c in self.connectors:
                    self.core.wish(sig.ShowLight(c.number, "off"))
                if not hard:
                    faults.keep_for_service(self)
                remember = self.core.memory.take()
                if remember:
                    self.core.wish(remember)
                self.core.wish(sig.Restart(hard, why))
                self.talk.leave()

    def change_setting(
        self, name: str, value: str, now: float, *, owner: bool, by: str = "the supervision", at_once: bool = True
    ) -> Verdict:
        """Judge, store and let a changed key take effect. `by`: who wants it, for who reads it later. `at_once`: an
        owner's change works now, even where the product takes it at a reboot."""
        verdict, row, stored = self.core.settings.change(name, value, owner=owner)
        if row is None or verdict not in ("Accepted", "RebootRequired"):
            return verdict
        self.core.memory.put(f"setting/{row.inner}", stored)
        author = self.core.settings.authors[row.inner] = (by, round(self.core.utc(now)))
        self.core.memory.put(f"{AUTHOR}{row.inner}", author)
        reset = self.core.model.quirks.get("reset_by_key")
        if reset and row is self.core.settings.row(str(reset["trigger_key"])) and stored == "true":
            forget_settings(self, now)
            self.after_answer.append(lambda: all_keys_changed(self, now))
            return verdict
        transport = self.core.model.transport
        linked = (transport.url_key, transport.identity_key, transport.enable_key, transport.password_key)
        if verdict == "Accepted" or (owner and at_once):
            effect = EFFECTS.get(row.inner.partition("/")[0])
            if row.inner in {key.lower() for key in linked if key}:
                effect = relink
            if effect:
                self.after_answer.append(lambda: effect(self, now))
        return verdict

    def locate(self, now: float) -> None:
        """The lamps blink, so that somebody in the car park finds the station."""
        for c in self.connectors:
            c.light = "white blinking"
            self.core.wish(sig.ShowLight(c.number, c.light))
        self.core.wake_at("locate", 0, now + LOCATE_S)

    def run_after_answer(self) -> None:
        work, self.after_answer = self.after_answer, []
        for each in work:
            each()

    def view(self, now: float) -> sig.StationView:
        """What pages and the control API show."""
        return sig.StationView(
            self.core.identity,
            self.core.model.name.partition("@")[0],
            self.core.model.release,
            self.talk.view(),
            tuple(_connector_view(self, c) for c in self.connectors),
            self.core.utc(now),
            self.surroundings.modem,
            self.surroundings.locked,
        )

    def glance(self, connector: int, now: float) -> sig.OutletGlance:
        """What a picture of the connector shows besides its view."""
        c = self.connectors[connector - 1]
        found = tuple(
            (code, spec.name, spec.remedy or spec.description, c.faults_since[code]) for code, spec in c.faults.items()
        )
        return sig.OutletGlance(
            c.number,
            c.spec.kind,
            c.light or "off",
            c.plugged,
            c.ev_in,
            self.core.utc(c.status_since),
            tuple(charging.limits(self.core, c, now)),
            found,
            c.reading.soc_percent if c.reading and c.ev_in else None,
        )

    def outlet_state(self, connector: int, now: float) -> sig.OutletState:
        """What the page Status and the Modbus registers say of one outlet. Raises IndexError for none of ours."""
        if not 0 < connector <= len(self.connectors):
            raise IndexError(f"no connector {connector}: this station has 1 to {len(self.connectors)}")
        return electrics.outlet_state(self, self.connectors[connector - 1])


def _connector_view(s: Station, c: Connector) -> sig.ConnectorView:
    tx, reading = c.transaction, c.reading
    energy_wh = reading.energy_wh if reading else tx.last_wh if tx else 0.0
    code, vendor_code, _ = error(c)
    return sig.ConnectorView(
        connector=c.number,
        status=c.status or status(c),
        error=code,
        pilot=c.pilot,
        offered_a=c.offered_a,
        limit_source=c.limit.source,
        power_w=round(sum(reading.power_w), 1) if reading and c.contactor else 0.0,
        energy_wh=round(energy_wh, 1),
        locked=c.locked,
        contactor=c.contactor,
        transaction=sig.TransactionView(
            tx.number, tx.id_tag, tx.start_utc_s, tx.start_wh, round(max(energy_wh - tx.start_wh, 0.0), 1)
        )
        if tx
        else None,
        vendor_error=vendor_code,
        reservation=reservations.view(s, c),
    )
