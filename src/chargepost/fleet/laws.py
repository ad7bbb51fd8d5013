"""What must hold whatever happens. Pure: told what passes, raises `LawBroken` at the first thing that may not be.

The laws know the physics, what is durable at each station, the frames, and the central system's records; they share no
rule with the station or the central system they judge.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

import msgspec

from chargepost.drivers.outlet import NO_PILOT
from chargepost.drivers.simulated import SimulatedConnector, SimulatedStation
from chargepost.fleet import allowed
from chargepost.ocpp import messages
from chargepost.signals import ChargeRecord, OfferCurrent, Reading, Remember, StatusChanged
from chargepost.supervision.wishes import StopRow, TransactionRow

LAWS = {
    "status step": "each step of a status is in the table of OCPP 1.6, 4.9",
    "energy": "energy billed is energy metered, to the Wh",
    "car": "no transaction starts without a car",
    "limit": "nothing is offered above the limit, and no current flows above the offer",
    "profile": "no current flows above what charging profiles allow, nor all together above the station's maximum",
    "fuse": "no phase of a fuse carries more than its rating",
    "refused badge": "nothing is charged for a badge once its refusal reached the station, beyond MaxEnergyOnInvalidId",
    "reservation": "only who a connector is held for begins there, and that uses the reservation up",
    "local list": "nobody whom the local list refuses begins without a word of the central system",
    "exactly once": "the central system has each started transaction exactly once, and none is open without a car",
    "order": "StartTransaction and StopTransaction are told in the order in which they happened",
    "duration": "a transaction lasted as long as it lasted, whatever the date says",
    "disk full": "nothing begins at a station that knows that its disk refuses",
    "disk first": "no contactor closes before its transaction is on disk",
    "outbox": "nothing waits to be told after a quiet hour",
    "message id": "no message id is used twice by a station, restarts included",
    "no crash": "nothing that happens stops a program",
}
"""Name -> what it says."""

TABLE: Mapping[str, frozenset[str]] = {
    old: frozenset(new.split())
    for old, new in {
        "Available": "Preparing Charging SuspendedEV SuspendedEVSE Reserved Unavailable Faulted",
        "Preparing": "Available Charging SuspendedEV SuspendedEVSE Finishing Faulted",
        "Charging": "Available SuspendedEV SuspendedEVSE Finishing Unavailable Faulted",
        "SuspendedEV": "Available Charging SuspendedEVSE Finishing Unavailable Faulted",
        "SuspendedEVSE": "Available Charging SuspendedEV Finishing Unavailable Faulted",
        "Finishing": "Available Preparing Unavailable Faulted",
        "Reserved": "Available Preparing Unavailable Faulted",
        "Unavailable": "Available Preparing Charging SuspendedEV SuspendedEVSE Faulted",
        "Faulted": "Available Preparing Charging SuspendedEV SuspendedEVSE Finishing Reserved Unavailable",
    }.items()
}
"""OCPP 1.6, 4.9: from -> to, for connectors above 0."""

TABLE_ZERO: Mapping[str, frozenset[str]] = {
    "Available": frozenset({"Unavailable", "Faulted"}),
    "Unavailable": frozenset({"Available", "Faulted"}),
    "Faulted": frozenset({"Available", "Unavailable"}),
}
"""The same for the station as a whole."""

REACTION_S = 5.0
"""A car has so long to follow a lower offer (IEC 61851-1)."""
CHANGED_S = 7.0
"""After a change of profiles, or of a limit, so long: the station hears of it, and the car follows."""
CLOCK_S = 0.1
"""A date that moves by more than this was set."""
REFUSED_SLACK_WH = 1.0
"""What flows while a contactor opens: 0.05 s at 22 kW, and the rounding to whole Wh."""
UNSAVED_S = 65.0
"""A power cut may cost what was charged in so long: the register goes to the disk each minute."""
GRANT_S = 600.0
"""Who was let in before the list said otherwise has begun by then, or has given up (ConnectionTimeOut)."""
DURATION_S = 0.01
"""Durations are kept to the millisecond."""
SUPPLY_V = 250.0
EPSILON_WH = 1e-6
EPSILON_A = 1e-3


class LawBroken(Exception):
    """A law that did not hold."""

    def __init__(self, law: str, station: str, text: str) -> None:
        super().__init__(f"{station}: {text} ({law}: {LAWS[law]})")
        self.law, self.station, self.text = law, station, text


class _Kept(msgspec.Struct):
    """What of an open transaction a station keeps (`transaction/<name>`)."""

    name: str
    connector: int
    id_tag: str
    start_utc_s: float
    start_wh: int
    last_wh: float
    parent: str | None = None


class _Held(msgspec.Struct):
    """What of a reservation a station keeps (`reservation/<id>`)."""

    connector: int
    id_tag: str
    parent: str | None = None

    def is_of(self, kept: _Kept) -> bool:
        same = self.id_tag.casefold() == kept.id_tag.casefold()
        return same or (self.parent or "").casefold() == (kept.parent or "-").casefold()


class _Listed(msgspec.Struct):
    """What of an entry of the local list a station keeps (`list/<tag>`)."""

    status: str
    since_s: float = 0.0


class _Queued(msgspec.Struct):
    """What of a queued message a station keeps (`outbox/<seq>`)."""

    kind: str
    payload: msgspec.Raw


class _Stamp(msgspec.Struct):
    timestamp: str


class _Shown(msgspec.Struct, rename="camel"):
    id_tag: str


class _Judged(msgspec.Struct, rename="camel"):
    id_tag_info: dict[str, str]


@dataclass(slots=True)
class Charge:
    """One transaction as the physics saw it."""

    station: str
    name: str
    connector: int
    id_tag: str
    start_ms: int
    start_wh: int
    metered_wh: float = 0.0
    """What flowed while the contactor was closed."""
    unsaved_s: float = 0.0
    """Of charging that power cuts may have kept from the disk."""
    began_s: float = 0.0
    resumed: bool = False
    """It outlived a program: of its beginning only the date is known."""
    refused_at_wh: float | None = None
    """The register when the refusal reached the station."""
    granted_wh: float = 0.0
    record: ChargeRecord | None = None
    end_wh: float = 0.0
    """The register when it was over."""


class Kept(Protocol):
    """What is durable at a station."""

    @property
    def durable(self) -> Mapping[str, bytes]: ...
    @property
    def records(self) -> Mapping[str, ChargeRecord]: ...


@dataclass(slots=True)
class Outlet:
    """One connector as the laws see it."""

    physics: SimulatedConnector
    charge: Charge | None = None
    closed_at_wh: float | None = None
    offered_s: float = 0.0
    """When the offer last changed."""

    @property
    def taken(self) -> bool:
        """A car is there; where no pilot tells of one, its plug."""
        physics = self.physics
        return physics.plugged if physics.spec.kind in NO_PILOT else physics.car is not None


@dataclass(slots=True)
class Witness:
    """One station as the laws see it."""

    identity: str
    outlets: list[Outlet]
    queue: dict[str, tuple[str, str]] = field(default_factory=dict)
    """Starts and stops that are not told yet, in the order in which they happened: key -> kind, time stamp."""
    charges: dict[str, Charge] = field(default_factory=dict)
    starts: dict[str, tuple[int, int]] = field(default_factory=dict)
    """Message id of a StartTransaction that was said -> its connector and its time in ms."""
    ids: set[bytes] = field(default_factory=set)
    """Every message id it ever used."""
    held: dict[str, _Held] = field(default_factory=dict)
    """Its reservations, by their keys."""
    listed: dict[str, _Listed] = field(default_factory=dict)
    """Its local list, by badges in lower case."""
    list_on: bool = False
    asked: dict[str, str] = field(default_factory=dict)
    """Message id of the Authorize that is open -> its badge."""
    let_in: set[str] = field(default_factory=set)
    """Badges that the central system let in, and that have not begun yet."""
    profiles: dict[str, allowed.Placed] = field(default_factory=dict)
    """Charging profiles, by their key on the disk."""
    profiles_since: float = 0.0
    """When they or the date last changed."""
    offset_s: float = 0.0
    """The station's date minus virtual time, as it was last seen."""
    refused: bool = False
    """Its disk refuses, and it was told so."""


class Laws:
    """All the laws over a whole fleet."""

    def __init__(self) -> None:
        self.work = dict.fromkeys(LAWS, 0)
        """How often each law was put to the test."""
        self.witnesses: dict[str, Witness] = {}

    @property
    def checked(self) -> int:
        return sum(self.work.values())

    def watch(self, identity: str, hardware: SimulatedStation) -> Witness:
        witness = self.witnesses[identity] = Witness(identity, [Outlet(each) for each in hardware.connectors])
        return witness

    # --- steps, offers, currents -------------------------------------------------------------------------------------

    def status(self, w: Witness, step: StatusChanged) -> None:
        self.work["status step"] += 1
        table = TABLE if step.connector else TABLE_ZERO
        if step.new not in table.get(step.old, ()):
            raise LawBroken("status step", w.identity, f"connector {step.connector}: {step.old} to {step.new}")

    def offered(self, w: Witness, offer: OfferCurrent, now: float) -> None:
        self.work["limit"] += 1
        outlet = w.outlets[offer.connector - 1]
        outlet.offered_s = now
        limit_a = outlet.physics.spec.max_current_a
        if outlet.physics.plugged:
            limit_a = min(limit_a, outlet.physics.cable_rating_a)
        if offer.current_a > limit_a:
            text = f"connector {offer.connector}: offered {offer.current_a:g} A, the limit is {limit_a:g} A"
            raise LawBroken("limit", w.identity, text)

    def fuse(self, station: str, line: str, current_a: float, rating_a: float) -> None:
        """What the outlets under one phase of a fuse draw together, just after one of them changed."""
        self.work["fuse"] += 1
        if current_a > rating_a + EPSILON_A:
            raise LawBroken("fuse", station, f"{line} carries {current_a:.1f} A, its rating is {rating_a:g} A")

    def metered(self, w: Witness, connector: int, reading: Reading, now: float) -> None:
        self.work["limit"] += 1
        outlet = w.outlets[connector - 1]
        offered_a, current_a = outlet.physics.offered_a, max(reading.current_a)
        if current_a > offered_a + 0.01 and now - outlet.offered_s > REACTION_S:
            text = f"connector {connector}: {current_a:.1f} A flow, {offered_a:g} A are offered"
            raise LawBroken("limit", w.identity, text)
        if outlet.charge:
            self._refused(w, outlet, outlet.charge)

    def profiled(self, w: Witness, connector: int, reading: Reading, now: float, utc_s: float) -> None:
        """A reading beside what the profiles allow now, and allowed before the car could follow."""
        if abs(utc_s - now - w.offset_s) > CLOCK_S:
            w.offset_s, w.profiles_since = utc_s - now, now
        outlet = w.outlets[connector - 1]
        charge = outlet.charge
        if not w.profiles or charge is None or now - w.profiles_since <= CHANGED_S:
            return
        self.work["profile"] += 1
        known = w.profiles.values()
        instants = utc_s + 1, utc_s, utc_s - CHANGED_S  # relative schedules count from a whole second
        dated_s = min(charge.start_ms / 1000, utc_s)
        began_utc_s = dated_s if charge.resumed else utc_s - (now - charge.began_s)
        limits = [allowed.connector_a(known, connector, charge.name, began_utc_s, instant) for instant in instants]
        current_a = max(reading.current_a)
        if None not in limits and current_a > max(limit for limit in limits if limit is not None) + 0.01:
            text = f"connector {connector}: {current_a:.1f} A flow, the profiles allow {limits[1]:g} A"
            raise LawBroken("profile", w.identity, text)
        together = [allowed.station_a(known, instant) for instant in instants]
        settled = all(now - each.offered_s > REACTION_S for each in w.outlets)
        sum_a = sum(max(each.physics.reading.current_a) for each in w.outlets)
        if settled and None not in together and sum_a > max(most for most in together if most is not None) + 0.01:
            text = f"{sum_a:.1f} A flow together, the profiles allow {together[1]:g} A"
            raise LawBroken("profile", w.identity, text)

    # --- the contactor -----------------------------------------------------------------------------------------------

    def contactor(self, w: Witness, connector: int, closed: bool, durable: Mapping[str, bytes]) -> None:
        """The contacts moved, or were told once more."""
        outlet = w.outlets[connector - 1]
        if closed == (outlet.closed_at_wh is not None):
            return
        register_wh, charge = outlet.physics.energy_wh, outlet.charge
        if closed:
            self.work["disk first"] += 1
            if charge is None or f"transaction/{charge.name}" not in durable:
                name = charge.name if charge else "none"
                text = f"connector {connector}: the contactor closed, its transaction ({name}) is not on disk"
                raise LawBroken("disk first", w.identity, text)
            outlet.closed_at_wh = register_wh
            return
        assert outlet.closed_at_wh is not None
        flowed_wh, outlet.closed_at_wh = register_wh - outlet.closed_at_wh, None
        if charge is None:
            text = f"connector {connector}: {flowed_wh:.3f} Wh flowed after the transaction was over"
            raise LawBroken("energy", w.identity, text)
        charge.metered_wh += flowed_wh
        self._refused(w, outlet, charge)

    def _refused(self, w: Witness, outlet: Outlet, charge: Charge) -> None:
        if charge.refused_at_wh is None:
            return
        self.work["refused badge"] += 1
        used_wh = outlet.physics.energy_wh - charge.refused_at_wh
        if used_wh > charge.granted_wh + REFUSED_SLACK_WH:
            text = (
                f"connector {charge.connector}: {used_wh:.1f} Wh for badge {charge.id_tag} after it was refused, "
                f"{charge.granted_wh:g} Wh are granted"
            )
            raise LawBroken("refused badge", w.identity, text)

    # --- what the station keeps --------------------------------------------------------------------------------------

    def kept(self, w: Witness, piece: Remember, now: float) -> None:
        """The station wishes to remember: transactions begin and end, messages are queued and done with."""
        for key, value in piece.puts.items():
            if key.startswith("outbox/"):
                if not value.startswith(b'{"kind":"meter"'):
                    w.queue[key] = _queued(value)
            elif key.startswith("transaction/") and key[12:] not in w.charges:
                kept = msgspec.json.decode(value, type=_Kept)
                self._begun(w, kept, now)
                self._was_held(w, kept, piece)
                self._was_listed(w, kept, now)
            elif key.startswith("profile/"):
                w.profiles[key], w.profiles_since = allowed.placed(value), now
        for record in piece.records:
            self._recorded(w, record, now)
        for key in piece.drops:
            if key.startswith("outbox/"):
                w.queue.pop(key, None)
            elif w.profiles.pop(key, None):
                w.profiles_since = now
        _keep_holds(w, piece.puts, now)
        for key in piece.drops:
            w.held.pop(key, None)
            if key.startswith("list/"):
                w.listed.pop(key[5:], None)

    def _begun(self, w: Witness, kept: _Kept, now: float) -> None:
        self.work["car"] += 1
        outlet = w.outlets[kept.connector - 1]
        if not outlet.taken:
            raise LawBroken("car", w.identity, f"connector {kept.connector}: transaction {kept.name} without a car")
        if outlet.charge is not None:
            text = f"connector {kept.connector}: {kept.name} begins while {outlet.charge.name} runs"
            raise LawBroken("exactly once", w.identity, text)
        if w.refused:
            raise LawBroken("disk full", w.identity, f"connector {kept.connector}: {kept.name} begins")
        if kept.start_wh != int(outlet.physics.energy_wh):
            text = (
                f"connector {kept.connector}: starts at {kept.start_wh} Wh, the meter is at {outlet.physics.energy_wh}"
            )
            raise LawBroken("energy", w.identity, text)
        start_ms = round(kept.start_utc_s * 1000)
        charge = Charge(w.identity, kept.name, kept.connector, kept.id_tag, start_ms, kept.start_wh)
        charge.began_s = now
        w.charges[kept.name] = outlet.charge = charge

    def _was_held(self, w: Witness, kept: _Kept, piece: Remember) -> None:
        """A transaction begins: nobody else's connector, and not the last one that is kept free."""
        if not w.held:
            return
        self.work["reservation"] += 1
        n = kept.connector
        mine = [key for key, held in w.held.items() if held.connector in (0, n) and held.is_of(kept)]
        others = [held for held in w.held.values() if not held.is_of(kept)]
        if not mine and any(held.connector == n for held in others):
            text = f"connector {n}: {kept.id_tag} begins, it is held for {others[0].id_tag}"
            raise LawBroken("reservation", w.identity, text)
        if mine and not set(mine) & set(piece.drops):
            raise LawBroken("reservation", w.identity, f"connector {n}: {kept.id_tag} begins and uses nothing up")
        named = {held.connector for held in w.held.values()}
        rest = [o for o in w.outlets if o.charge is None and o.physics.number not in named]
        if not mine and len(rest) < sum(not held.connector for held in others):
            raise LawBroken("reservation", w.identity, f"connector {n}: {kept.id_tag} takes the last one that is kept")

    def _was_listed(self, w: Witness, kept: _Kept, now: float) -> None:
        tag = kept.id_tag.casefold()
        listed, let_in = w.listed.get(tag), tag in w.let_in
        w.let_in.discard(tag)
        if listed is None or not w.list_on:
            return
        self.work["local list"] += 1
        refused = listed.status not in ("Accepted", "ConcurrentTx") and now - listed.since_s > GRANT_S
        if refused and not let_in:
            text = f"connector {kept.connector}: {kept.id_tag} begins, the list calls it {listed.status}"
            raise LawBroken("local list", w.identity, text)

    def disk_refuses(self, w: Witness, refuses: bool) -> None:
        """The station is told that its disk refuses; or its disk takes all again."""
        self.work["disk full"] += refuses
        w.refused = refuses

    def _recorded(self, w: Witness, record: ChargeRecord, now: float) -> None:
        charge = w.charges.get(record.record)
        if charge is None:
            raise LawBroken("exactly once", w.identity, f"a record of {record.record}, which never began")
        if charge.record is not None:
            if charge.record.stop_wh != record.stop_wh:
                raise LawBroken("energy", w.identity, f"{record.record}: the record changed after it was closed")
            charge.record = record
            return
        self.work["energy"] += 1
        outlet = w.outlets[charge.connector - 1]
        charge.record, outlet.charge = record, None
        register_wh = outlet.physics.energy_wh
        still_wh = register_wh - outlet.closed_at_wh if outlet.closed_at_wh is not None else 0.0
        metered_wh = charge.metered_wh + still_wh
        unbilled_wh = int(register_wh) - record.stop_wh
        spec = outlet.physics.spec
        most_wh = spec.max_current_a * SUPPLY_V * spec.phases * charge.unsaved_s / 3600 + bool(charge.unsaved_s)
        if not 0 <= unbilled_wh <= most_wh or record.start_wh != charge.start_wh or record.stop_wh < record.start_wh:
            text = (
                f"connector {charge.connector}: {record.record} is billed from {record.start_wh} to "
                f"{record.stop_wh} Wh, the meter went from {charge.start_wh} to {register_wh:.3f} Wh ({record.reason})"
            )
            raise LawBroken("energy", w.identity, text)
        if abs(register_wh - charge.start_wh - metered_wh) > 1 + EPSILON_WH:
            text = (
                f"connector {charge.connector}: {register_wh - charge.start_wh:.3f} Wh on the register of "
                f"{record.record}, {metered_wh:.3f} Wh through the closed contactor"
            )
            raise LawBroken("energy", w.identity, text)
        self.work["duration"] += 1
        lasted_s, told_s = now - charge.began_s, record.duration_s
        least_s = 0.0 if charge.resumed else lasted_s - DURATION_S
        if not least_s <= told_s <= lasted_s + DURATION_S or record.stop_utc_s < record.start_utc_s:
            text = f"{record.record} lasted {lasted_s:.3f} s, its record says {told_s:.3f} s and ends "
            raise LawBroken("duration", w.identity, text + f"{record.stop_utc_s - record.start_utc_s:.3f} s later")
        charge.end_wh = register_wh

    def power_cut(self, w: Witness, disk: Kept, unwritten_s: float) -> None:
        """The power is gone and the contactors have fallen: what is not durable never was.

        `unwritten_s`: for how long the disk had refused to write anything.
        """
        for outlet in w.outlets:
            self.contactor(w, outlet.physics.number, False, disk.durable)
        self.program_lost(w, disk)
        for outlet in w.outlets:
            if outlet.charge:
                outlet.charge.unsaved_s += UNSAVED_S + unwritten_s

    def program_lost(self, w: Witness, disk: Kept) -> None:
        """The station's program begins anew from what is durable."""
        durable = disk.durable
        w.refused = False
        w.starts.clear()
        w.asked.clear()
        w.let_in.clear()
        w.held.clear()
        w.listed.clear()
        _keep_holds(w, durable, 0.0)
        w.profiles = allowed.read(durable)
        w.queue = {
            key: _queued(durable[key])
            for key in sorted(durable)
            if key.startswith("outbox/") and not durable[key].startswith(b'{"kind":"meter"')
        }
        for outlet in w.outlets:
            outlet.charge = None
        running = {key[12:]: value for key, value in durable.items() if key.startswith("transaction/")}
        for name, charge in list(w.charges.items()):
            if name in running:
                charge.record = None  # or its end was still on its way to the disk
                charge.resumed = True
                w.outlets[charge.connector - 1].charge = charge
            elif name not in disk.records:
                del w.charges[name]  # its beginning was

    # --- frames ------------------------------------------------------------------------------------------------------

    def said(self, w: Witness, data: bytes) -> None:
        """A frame of the station's, before it is on its way."""
        if not data.startswith(b"[2"):
            return
        self.work["message id"] += 1
        _, ident, rest = data.split(b'"', 2)
        if ident in w.ids:
            raise LawBroken("message id", w.identity, f"message id {ident.decode()} once more")
        w.ids.add(ident)
        if rest.startswith(b',"Authorize"'):
            w.asked = {ident.decode(): msgspec.json.decode(data[data.index(b"{") : -1], type=_Shown).id_tag}
        kind = {b',"StartT': "start", b',"StopTr': "stop"}.get(rest[:8])
        if kind is None:
            return
        self.work["order"] += 1
        payload = data[data.index(b"{") : data.rindex(b"}") + 1]
        stamp = msgspec.json.decode(payload, type=_Stamp).timestamp
        first = next(iter(w.queue.values()), ("nothing", ""))
        if first != (kind, stamp):
            raise LawBroken(
                "order", w.identity, f"the {kind} of {stamp} is told, the {first[0]} of {first[1]} waits first"
            )
        if kind == "start":
            start = msgspec.json.decode(payload, type=messages.StartTransaction)
            w.starts.clear()
            w.starts[ident.decode()] = start.connector_id, round(start.timestamp.timestamp() * 1000)

    def heard(self, w: Witness, data: bytes, open_id: str | None, granted_wh: float) -> None:
        """A frame is about to reach the station, whose open call has this id."""
        if not w.starts or not data.startswith(b"[3"):
            return
        ident = data.split(b'"', 2)[1].decode()
        start = w.starts.get(ident)
        if start is None or ident != open_id:
            return
        payload = data[data.index(b"{") : data.rindex(b"}") + 1]
        status = msgspec.json.decode(payload, type=_Judged).id_tag_info["status"]
        connector, start_ms = start
        charge = w.outlets[connector - 1].charge
        if status != "Accepted" and charge and charge.start_ms == start_ms and charge.refused_at_wh is None:
            charge.refused_at_wh = w.outlets[connector - 1].physics.energy_wh
            charge.granted_wh = granted_wh

    def admitted(self, w: Witness, data: bytes, open_id: str | None) -> None:
        """A frame is about to reach the station: it may let somebody in."""
        if data.startswith(b"[2"):
            if b'"RemoteStartTransaction"' in data[:80]:
                shown = msgspec.json.decode(data[data.index(b"{") : -1], type=_Shown)
                w.let_in.add(shown.id_tag.casefold())
            return
        ident = data.split(b'"', 2)[1].decode()
        tag = w.asked.pop(ident, None)
        if tag is None or ident != open_id or not data.startswith(b"[3"):
            return
        if msgspec.json.decode(data[data.index(b"{") : -1], type=_Judged).id_tag_info["status"] == "Accepted":
            w.let_in.add(tag.casefold())

    # --- the end -----------------------------------------------------------------------------------------------------

    def quiet(self, w: Witness, durable: Mapping[str, bytes], online: bool) -> None:
        """After a quiet hour: all is told, everybody is gone."""
        self.work["outbox"] += 1
        waiting = [key for key in durable if key.startswith("outbox/")]
        if waiting or not online:
            text = f"{len(waiting)} messages wait" if waiting else "it is not connected"
            raise LawBroken("outbox", w.identity, f"after a quiet hour {text}")
        for outlet in w.outlets:
            if outlet.charge and not outlet.taken:
                text = f"connector {outlet.physics.number}: {outlet.charge.name} is open without a car"
                raise LawBroken("exactly once", w.identity, text)

    def books(self, starts: Iterable[TransactionRow], stops: Mapping[int, StopRow]) -> None:
        """The central system's records against what happened."""
        told: dict[tuple[str, int, int], TransactionRow] = {}
        for row in starts:
            key = row.identity, row.connector, round(row.start_utc_s * 1000)
            if key in told:
                raise LawBroken(
                    "exactly once", row.identity, f"{told[key].transaction} and {row.transaction} are one start"
                )
            told[key] = row
        for w in self.witnesses.values():
            for charge in w.charges.values():
                self._told(charge, told.pop((w.identity, charge.connector, charge.start_ms), None), stops)
        for row in told.values():
            raise LawBroken("exactly once", row.identity, f"transaction {row.transaction} was told and never happened")

    def _told(self, charge: Charge, row: TransactionRow | None, stops: Mapping[int, StopRow]) -> None:
        self.work["exactly once"] += 1
        if row is None:
            raise LawBroken("exactly once", charge.station, f"{charge.name} was never told")
        stop, record = stops.get(row.transaction), charge.record
        if record is None or stop is None:
            if (record is None) != (stop is None):
                where = "the central system" if record else "the station"
                raise LawBroken("exactly once", charge.station, f"{charge.name} is open at {where} only")
            return
        billed_wh, metered_wh = stop.stop_wh - row.start_wh, record.stop_wh - record.start_wh
        if billed_wh != metered_wh or row.id_tag != charge.id_tag:
            text = f"{charge.name}: billed {billed_wh} Wh to {row.id_tag}, metered {metered_wh} Wh for {charge.id_tag}"
            raise LawBroken("energy", charge.station, text)

    def totals(self) -> tuple[int, int, int]:
        """Finished transactions, Wh billed, and Wh metered in them."""
        over = [c for w in self.witnesses.values() for c in w.charges.values() if c.record]
        billed_wh = sum(c.record.stop_wh - c.record.start_wh for c in over if c.record)
        return len(over), billed_wh, sum(int(c.end_wh) - c.start_wh for c in over)


def _keep_holds(w: Witness, puts: Mapping[str, bytes], now: float) -> None:
    """Reservations, and the local list with its switch."""
    for key, value in puts.items():
        if key.startswith("reservation/"):
            w.held[key] = msgspec.json.decode(value, type=_Held)
        elif key.startswith("list/"):
            w.listed[key[5:]] = _Listed(msgspec.json.decode(value, type=_Listed).status, now)
        elif key == "setting/localauthlistenabled":
            w.list_on = value == b'"true"'


def _queued(value: bytes) -> tuple[str, str]:
    """Kind and time stamp of a queued start or stop."""
    entry = msgspec.json.decode(value, type=_Queued)
    return entry.kind, msgspec.json.decode(entry.payload, type=_Stamp).timestamp
