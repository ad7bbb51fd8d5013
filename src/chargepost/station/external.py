"""External control: a building management system, over Modbus, says how much may be drawn and gives commands.

| it | does |
|---|---|
| sets a current | a limit by "external system", of a connector or of all together (equal parts to those in use) |
| shows its life | within the product's time, else it is lost: degraded set points rule, the product's error shows |
| ends its control | set points, suspension and postponed start are over; what it took out of service stays so |
| force_stop | ends the transaction; OCPP hears the reason Other (docs/decisions/an-external-stop-is-other.md) |
| suspend, restart | holds a charge, as SuspendedEVSE, until it lets it go on; over with the visit |
| postpone | the same until a time, or `restart` |
| set_unavailable, set_maintenance | nobody new is let in, OCPP hears Unavailable; until set_available |
| book | reserved for a badge, or for nobody; until it is used, or set_available |

Only while the product's keys allow it: R-297 (EVlink, Controlled by external system), ModbusEnable (Pro AC). What was
set survives a restart; until the controller shows its life again the degraded set points rule as well: in a managed
site no allowance means nothing, not everything. Sources: EVlink commissioning guide, Advanced settings and Status; the
drivers that docs/reference/modbus.md names.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

import msgspec

from chargepost.catalogue.model import ModbusSpec
from chargepost.signals import (
    ExternalCommand,
    ExternalLife,
    ExternalOperand,
    ExternalSetPoint,
    ExternalView,
    Limit,
    Reading,
)
from chargepost.station import (
    charging,
    contacts,
    electrics,
    faults,
    meters,
    reservations,
    sharing,
    tic,
    transactions,
    visits,
)
from chargepost.station.connector import OF_A_VISIT, Connector
from chargepost.station.core import Core
from chargepost.station.memory import Memory
from chargepost.station.status import status
from chargepost.station.usage import Usage

if TYPE_CHECKING:
    from chargepost.station.station import Station

AUTHOR = "external system"
"""Of its limits."""

OUT = frozenset({"unavailable", "maintenance"})
"""Modes in which nobody new is let in."""

CANCELLED_BY_SUPERVISOR = 9
"""How a charge ended that an external system has stopped, as registers say it."""

Life = Literal["none", "alive", "lost", "off"]


class Kept(msgspec.Struct, gc=False, omit_defaults=True):
    """What survives a restart, of one connector or (0) of the station."""

    controlled: bool = False
    set_point_a: float | None = None
    out: tuple[str, ...] = ()
    """Of `OUT`."""
    held: tuple[str, ...] = ()
    """Suspended or postponed; goes on only with the transaction that it was said of."""
    of: str = ""
    until_utc_s: float | None = None
    """When a postponed start is over; None: with `restart`."""


@dataclass(slots=True)
class Control:
    """What an external system has said of one connector, or (0) of the station."""

    life: Life = "none"
    heard: bool = True
    """Since this start of the program."""
    set_point_a: float | None = None
    command: str = "acknowledge"
    result: Literal["none", "done", "refused"] = "none"
    badge: str = ""
    delay_s: float = 0.0
    until_utc_s: float | None = None

    @property
    def is_on(self) -> bool:
        return self.life in ("alive", "lost")


@dataclass(slots=True)
class External:
    """What external systems have said to one station."""

    controls: dict[int, Control] = field(default_factory=dict)

    def of(self, connector: int) -> Control:
        return self.controls.setdefault(connector, Control())


# --- may it ----------------------------------------------------------------------------------------------------------


def answers(core: Core) -> bool:
    """The product has a Modbus server, and it is switched on."""
    spec = core.model.modbus
    return spec is not None and (not spec.enable_key or core.settings.flag(spec.enable_key))


def obeys(core: Core) -> bool:
    """An external system may control this station (R-297)."""
    spec = core.model.modbus
    return spec is not None and answers(core) and (not spec.control_key or core.settings.flag(spec.control_key))


def _heard(s: "Station", connector: int) -> Control | None:
    """Where what it says of a connector is kept; None when it says it in vain."""
    if not 0 <= connector <= len(s.connectors):
        return None
    if not obeys(s.core):
        s.core.note("info", "external control refused", f"{_why_not(s.core)}: nothing is obeyed", connector or None)
        return None
    if s.external is None:
        s.external = External()
    return s.external.of(connector)


def _why_not(core: Core) -> str:
    spec = core.model.modbus
    if spec is None:
        return "this product takes no external control"
    key = spec.control_key or spec.enable_key
    return f"{key} is {core.settings.text(key)}"


def switched(s: "Station", now: float) -> None:
    """A key that allows it was changed: forbidden, everything that was said is over."""
    if not obeys(s.core):
        forget(s, now)


def forget(s: "Station", now: float) -> None:
    """As it left the factory, or as nobody may control it any more."""
    if s.external is None:
        return
    for connector, control in list(s.external.controls.items()):
        _end(s, connector, control, now)
        if connector:
            _back_in_service(s, s.connectors[connector - 1])
        s.core.memory.drop(f"external/{connector}")
    s.external = None
    s.core.external = None


# --- life ------------------------------------------------------------------------------------------------------------


def lives(s: "Station", fact: ExternalLife, now: float) -> bool:
    """The life bit was written, for the station's set point as well. False: nothing follows from it, as mostly."""
    if _heard(s, fact.connector) is None or s.external is None:
        return False
    controls = s.external.controls
    told = [n for n in (fact.connector, 0) if n in controls and (n == fact.connector or controls[n].is_on)]
    changed = [n for n in told if (controls[n].life, controls[n].heard) != (("alive" if fact.on else "off"), True)]
    for number in told:
        controls[number].heard = True
        if fact.on:
            controls[number].life = "alive"
            _watch(s, number, now)
        elif number in changed:
            _end(s, number, controls[number], now)
            controls[number].life = "off"
    if not changed:
        return False
    _found(s, now)
    for number in changed:
        _keep(s, number)
    words = "the external system is there" if fact.on else "ended by the external system"
    s.core.note("info", "external control", words, fact.connector or None)
    return True


def _watch(s: "Station", connector: int, now: float) -> None:
    spec = _spec(s)
    s.core.wake_at("external", connector, now + spec.life_timeout_s * s.core.speed)  # its seconds are the peer's


def silent(s: "Station", connector: int, now: float) -> None:
    """Alarm: no life bit within its time."""
    control = s.external.controls.get(connector) if s.external else None
    if control is None or control.life != "alive":
        return
    control.life, control.heard = "lost", True
    spec = _spec(s)
    words = f"no life bit for {spec.life_timeout_s:g} s: the degraded set points rule"
    s.core.note("warning", "remote controller lost", words, connector or None)
    faults.raised(s, connector, spec.lost_error, now)


def _found(s: "Station", now: float) -> None:
    """The error is over when nobody is lost any more."""
    lost = s.external is None or any(control.life == "lost" for control in s.external.controls.values())
    if not lost and not tic.is_silent(s):
        faults.cleared(s, 0, _spec(s).lost_error, now)


def _spec(s: "Station") -> ModbusSpec:
    spec = s.core.model.modbus
    assert spec, "checked by obeys"
    return spec


def _end(s: "Station", connector: int, control: Control, now: float) -> None:
    """No control any more: the currents are the station's own again, and what was held goes on."""
    s.core.wake_at("external", connector, None)
    control.life, control.set_point_a = "none", None
    if connector:
        _release(s, connector, control)
    _found(s, now)


# --- how much --------------------------------------------------------------------------------------------------------


def set_point(s: "Station", fact: ExternalSetPoint, now: float) -> None:
    """The first one begins its control, as the life bit does; it has to show its life from then on."""
    control = _heard(s, fact.connector)
    if control is None:
        return
    if control.life == "off":
        s.core.note("info", "set point refused", "the external system has ended its control: write its life bit")
        return
    changed = control.set_point_a != fact.current_a
    control.set_point_a = fact.current_a
    if control.life == "none":
        control.life = "alive"
        _watch(s, fact.connector, now)
    if changed:
        _keep(s, fact.connector)
        s.core.note("info", "external set point", f"{fact.current_a:g} A", fact.connector or None)


def govern(s: "Station", now: float) -> None:
    """Bring the limits of all connectors up to date; `charging` takes them as they are."""
    if s.external is not None:
        if len(s.connectors) > 1:
            _divide(s, s.external, now)
        limits = {c.number: limit for c in s.connectors if (limit := _limit(s, s.external, c))}
        if limits or s.core.external:
            s.core.external = limits


def _limit(s: "Station", external: External, c: Connector) -> Limit | None:
    """The lowest of what it says; None while it says nothing."""
    spec = _spec(s)
    limits = [Limit(0.0, f"{AUTHOR}: {word}") for word in sorted(c.modes & OF_A_VISIT)]
    control, whole = external.controls.get(c.number), external.controls.get(0)
    degraded = [each for each in (control, whole) if each and each.is_on and (each.life == "lost" or not each.heard)]
    if degraded:
        limits.append(Limit(_degraded_a(s, c), f"{AUTHOR} lost: degraded set point"))
    for each in (control, whole):
        replaced = each is not None and each.life == "lost" and spec.degraded_raises
        if each and each.is_on and each.set_point_a is not None and not replaced:
            limits.append(Limit(each.set_point_a if each is control or c.part_a is None else c.part_a, AUTHOR))
    return min(limits, default=None)


def _degraded_a(s: "Station", c: Connector) -> float:
    spec = _spec(s)
    key = spec.degraded_single_key if charging.phases(c) == 1 else spec.degraded_three_key
    return float(s.core.settings.number(key))


def _divide(s: "Station", external: External, now: float) -> None:
    """The set point of the station: equal parts to those in use, and nobody has more before another has less."""
    whole = external.controls.get(0)
    wanting = [c for c in s.connectors if charging.wants(c)]
    set_a = whole.set_point_a if whole and whole.is_on else None
    had = {c: sharing.may_draw_a(c, now) if c.part_a is None else c.part_a for c in s.connectors}
    parts: dict[Connector, float] = {}
    if wanting and set_a is not None:
        parts = sharing.freed(set_a, dict.fromkeys(wanting, set_a / len(wanting)), had, now)
    for c in s.connectors:
        c.part_a = parts.get(c)


# --- commands --------------------------------------------------------------------------------------------------------


def operand(s: "Station", fact: ExternalOperand, now: float) -> None:
    control = _heard(s, fact.connector)
    if control is not None:
        control.badge = control.badge if fact.id_tag is None else fact.id_tag
        control.delay_s = control.delay_s if fact.delay_s is None else fact.delay_s


def command(s: "Station", fact: ExternalCommand, now: float) -> None:
    control = _heard(s, fact.connector)
    if control is None or not fact.connector:
        return
    c = s.connectors[fact.connector - 1]
    control.command = fact.command
    refusal = COMMANDS[fact.command](s, c, control, fact, now)
    control.result = "none" if fact.command == "acknowledge" else "refused" if refusal else "done"
    if refusal:
        s.core.note("info", "external command refused", f"{fact.command}: {refusal}", c.number)
    elif fact.command != "acknowledge":
        s.core.note("info", "external command", fact.command, c.number)
    _keep(s, c.number)


def _acknowledge(s: "Station", c: Connector, control: Control, fact: ExternalCommand, now: float) -> str:
    return ""


def _force_stop(s: "Station", c: Connector, control: Control, fact: ExternalCommand, now: float) -> str:
    if c.transaction and not c.stopping:
        transactions.stop(s, c, "Other", None, now)
        c.last_charge = CANCELLED_BY_SUPERVISOR
    elif c.usage is Usage.PREPARING and c.grant and not c.starting:
        visits.give_up(s, c, now)
    else:
        return "there is no charge"
    return ""


def _has_visit(c: Connector) -> bool:
    return c.transaction is not None or c.grant is not None


def _suspend(s: "Station", c: Connector, control: Control, fact: ExternalCommand, now: float) -> str:
    if not _has_visit(c):
        return "there is no charge"
    c.modes |= {"suspended"}
    return ""


def _postpone(s: "Station", c: Connector, control: Control, fact: ExternalCommand, now: float) -> str:
    """Also of a charge that somebody is still to begin."""
    c.modes |= {"postponed"}
    control.until_utc_s = s.core.utc(now) + fact.delay_s if fact.delay_s else None
    s.core.wake_at("postponed", c.number, now + fact.delay_s if fact.delay_s else None)
    return ""


def _restart(s: "Station", c: Connector, control: Control, fact: ExternalCommand, now: float) -> str:
    if not c.modes & OF_A_VISIT:
        return "nothing is suspended or postponed"
    _release(s, c.number, control)
    return ""


def postponed_over(s: "Station", connector: int) -> None:
    """Alarm: a postponed start may begin."""
    s.connectors[connector - 1].modes -= {"postponed"}
    _keep(s, connector)


def _release(s: "Station", connector: int, control: Control) -> None:
    s.connectors[connector - 1].modes -= OF_A_VISIT
    s.core.wake_at("postponed", connector, None)
    control.until_utc_s = None


def _out_of_service(mode: str) -> "Command":
    def take_out(s: "Station", c: Connector, control: Control, fact: ExternalCommand, now: float) -> str:
        c.modes |= {mode}
        visits.shut(c, mode)
        return ""

    return take_out


def _set_available(s: "Station", c: Connector, control: Control, fact: ExternalCommand, now: float) -> str:
    _back_in_service(s, c)
    return ""


def _back_in_service(s: "Station", c: Connector) -> None:
    for mode in OUT & c.modes:
        c.modes -= {mode}
        visits.reopen(c, mode)
    reservations.unbook(s, c)


def _book(s: "Station", c: Connector, control: Control, fact: ExternalCommand, now: float) -> str:
    refusal = reservations.book(s, c, fact.id_tag)
    control.badge = control.badge if refusal else ""
    return refusal


Command = Callable[["Station", Connector, Control, ExternalCommand, float], str]
"""Gives why it is refused; empty when it is done."""

COMMANDS: dict[str, Command] = {
    "acknowledge": _acknowledge,
    "force_stop": _force_stop,
    "suspend": _suspend,
    "restart": _restart,
    "set_available": _set_available,
    "set_unavailable": _out_of_service("unavailable"),
    "set_maintenance": _out_of_service("maintenance"),
    "book": _book,
    "postpone": _postpone,
}

# --- through a restart -----------------------------------------------------------------------------------------------


def _keep(s: "Station", connector: int) -> None:
    assert s.external
    control = s.external.of(connector)
    kept = Kept(control.is_on, control.set_point_a)
    if connector:
        c = s.connectors[connector - 1]
        kept.out = tuple(sorted(c.modes & OUT))
        if c.transaction:
            kept.held, kept.of = tuple(sorted(c.modes & OF_A_VISIT)), c.transaction.name
            kept.until_utc_s = control.until_utc_s
    if kept == Kept():
        s.core.memory.drop(f"external/{connector}")
    else:
        s.core.memory.put(f"external/{connector}", kept)


def recall(s: "Station", store: Memory) -> None:
    """What was said before the program began anew; whom it was said by has not been heard since."""
    for number, kept in store.load_numbered("external/", Kept):
        if number > len(s.connectors) or not obeys(s.core):
            continue
        s.external = s.external or External()
        control = s.external.of(number)
        control.set_point_a = kept.set_point_a
        control.life, control.heard = ("alive", False) if kept.controlled else ("none", True)
        if number:
            c = s.connectors[number - 1]
            for mode in OUT & set(kept.out):
                c.modes |= {mode}
                visits.shut(c, mode)
            if c.transaction and c.transaction.name == kept.of:
                c.modes |= OF_A_VISIT & set(kept.held)
                control.until_utc_s = kept.until_utc_s


def started(s: "Station", now: float) -> None:
    """The program begins: its time to be heard again runs from here."""
    for number, control in s.external.controls.items() if s.external else ():
        if control.life == "alive":
            _watch(s, number, now)
        if control.until_utc_s is not None:
            s.core.wake_at("postponed", number, control.until_utc_s - s.core.offset_s)


# --- the view --------------------------------------------------------------------------------------------------------


def vehicle_state(c: Connector) -> str:
    """Where the visit is, for the register of the vehicle's state."""
    word = status(c)
    if word in ("Faulted", "Unavailable", "Reserved"):
        return {"Faulted": "failed", "Unavailable": "out of service", "Reserved": "reserved"}[word]
    if not c.ev_in:
        return "free"
    if word == "Charging":
        return "charging, ventilation required" if c.pilot == "D" else "charging"
    if c.transaction:
        return "waiting"
    if c.usage is Usage.FINISHING:
        return "finished"
    return "let in" if c.grant else "plugged"


def view(s: "Station", c: Connector, now: float, reading: Reading | None) -> ExternalView:
    """One connector as its registers show it; `reading` as its meter has it now."""
    core, tx, outlet = s.core, c.transaction, electrics.outlet_state(s, c)
    reading = reading or meters.estimated(core, c, now)
    energy_wh = max(reading.energy_wh if reading else 0.0, c.register_wh)
    control, whole = (s.external.of(c.number), s.external.of(0)) if s.external else (Control(), Control())
    own_a = charging.standing(core, c, now).current_a
    return ExternalView(
        status=status(c),
        vehicle_state=vehicle_state(c),
        cpw_number=outlet.cpw_number,
        last_charge_number=outlet.last_charge_number,
        errors=tuple(dict.fromkeys([*c.faults, *s.zero.faults])),
        charge_s=c.closed_s + (now - c.closed_at if c.closed_at is not None else 0.0) if tx else 0.0,
        session_s=now - c.started_at if tx else 0.0,
        session_wh=max(energy_wh - tx.start_wh, 0.0) if tx else 0.0,
        energy_wh=energy_wh,
        reading=reading,
        vehicle_present=contacts.any_active(core, contacts.DETECT, c.number),
        limit_a=c.limit.current_a,
        limit_author=charging.author(core, c, now),
        offered_a=c.offered_a,
        command=control.command,
        command_status=control.result,
        set_point_a=own_a if control.set_point_a is None else control.set_point_a,
        station_set_point_a=own_a if whole.set_point_a is None else whole.set_point_a,
        life=control.life if control.heard else "none",
        badge=control.badge,
        delay_s=control.delay_s,
        settings={row.key: core.settings.text(row.key) for row in core.model.registers.values() if row.key},
    )
