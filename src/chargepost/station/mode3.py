"""What a station does as the control pilot and the contactor change: the rules of IEC 61851-1 behind pilot.py's tables.

| what | the product's row |
|---|---|
| ventilation asked for where there is none | quirk `ventilation`: its error, and the setting that says where it is |
| no diode in the vehicle | its first error that is OCPP's EVCommunicationError |
| pilot shorted | quirk `pilot_short` (faults.py) |
| contactor not where it was sent | quirk `contactor_watched` |
| more than one phase in simplified mode 3 | quirk `simplified` |
| more current than is offered | quirk `overconsumption` |
| the car is unplugged under load | quirk `disconnect_watched` |
| a plug whose resistor says nothing | quirk `proximity_watched` |
"""

from typing import TYPE_CHECKING

from chargepost.signals import PilotChanged, PilotState, PowerSwitched, PulsePilot, SwitchPower
from chargepost.station import charging, faults, pilot
from chargepost.station.connector import Connector
from chargepost.station.core import Core

if TYPE_CHECKING:
    from chargepost.station.station import Station

CLOSED = frozenset({"C", "D"})
"""The vehicle has closed its switch: it wants to charge, or still does."""
TOLERATED = 1.1
"""Of its offer a vehicle may draw so much: its own error and that of the meter."""


def _error(s: "Station", quirk: str) -> str:
    """The product's error; empty where it has none."""
    return str(s.core.model.quirks.get(quirk, {}).get("error", ""))


# --- the pilot -------------------------------------------------------------------------------------------------------


def pilot_changed(s: "Station", c: Connector, fact: PilotChanged, before: PilotState, now: float) -> None:
    faults.watch_pilot(s, c, before, now)
    if c.pilot in CLOSED:
        c.pulsed = True  # it is awake
        s.core.wake_at("pulse", c.number, None)
    if before in CLOSED and c.pilot == "A" and c.contactor and (code := _error(s, "disconnect_watched")):
        faults.raised(s, c.number, code, now)
        if not c.plugged:
            faults.unplugged(s, c)  # the cable is the station's own: with the car it is over
    _simplified(s, c, before)
    watch_ventilation(s, c, now)
    if not fact.diode:
        faults.raised(s, c.number, faults.of_product(s, "EVCommunicationError"), now)


def _simplified(s: "Station", c: Connector, before: PilotState) -> None:
    """It went from nothing to C: there is no switch that a car could have closed later."""
    if c.pilot in ("A", "B"):
        c.simplified = False
    elif before == "A" and c.pilot in CLOSED:
        known = ("settle", 0) not in s.core.alarms and c.transaction is None
        c.simplified = known and not charging.is_domestic(c) and not c.spec.direct


def watch_ventilation(s: "Station", c: Connector, now: float) -> None:
    """A car that asks for it is an error where there is none: indoors, or wherever the product cannot give it."""
    rule = s.core.model.quirks.get("ventilation")
    if c.pilot != "D" or rule is None:
        return
    key = str(rule.get("location_key", ""))
    if not key or s.core.settings.text(key) != rule["open_air"]:
        faults.raised(s, c.number, str(rule["error"]), now)


def cable_told(s: "Station", c: Connector, now: float) -> None:
    """The proximity pilot has no value of a cable (IEC 61851-1, annex B): what it can carry is unknown."""
    if c.cable_in and c.cable_rating_a <= 0 and (code := _error(s, "proximity_watched")):
        faults.raised(s, c.number, code, now)


def metered(s: "Station", c: Connector, now: float) -> bool:
    """A vehicle draws no more than it is offered, and in simplified mode 3 on one phase; True when this one does."""
    followed = c.offered_a > 0 and c.contactor and now > c.offered_at + pilot.SEQUENCES["follow"].within_s
    too_much = followed and c.reading is not None and max(c.reading.current_a) > c.offered_a * TOLERATED
    wrong = {"simplified": c.simplified and c.flowing > 1, "overconsumption": too_much and not c.blocked}
    codes = [code for quirk, is_so in wrong.items() if is_so and (code := _error(s, quirk))]
    for code in codes:
        faults.raised(s, c.number, code, now)
    return bool(codes)


# --- the car that sleeps ---------------------------------------------------------------------------------------------


def watch_sleep(core: Core, c: Connector, now: float) -> None:
    """The car is offered current and has never asked: it gets its time, then a pulse."""
    if c.pilot == "B" and not c.pulsed and not c.spec.direct and ("pulse", c.number) not in core.alarms:
        core.wake_at("pulse", c.number, now + pilot.WAKE.after_s)


def wake_car(s: "Station", c: Connector, now: float) -> None:
    """Alarm: it had its time."""
    if c.pilot == "B" and c.offered_a > 0 and not c.pulsed:
        c.pulsed = True
        s.core.note("info", "pilot pulse", "the car was offered current and did not ask for it", c.number)
        s.core.wish(PulsePilot(c.number, pilot.WAKE.lasts_s))


# --- the contactor ---------------------------------------------------------------------------------------------------


def holds(core: Core, c: Connector, now: float) -> bool:
    """The contactor stays closed for a moment, so that the car stops drawing before it opens (sequence "let go").

    Not where the car cannot be told (a domestic socket, a simplified pilot), nor where something is broken, nor for a
    refused badge: nothing more is given to it.
    """
    told = c.pilot in CLOSED and c.offered_a == 0 and not c.blocked and not c.simplified
    refused = c.transaction is not None and c.transaction.refused
    if not told or refused or not c.contactor or charging.is_domestic(c):
        return False
    if c.cut_at is None:
        c.cut_at = now + pilot.SEQUENCES["cut"].within_s
        core.wake_at("cut", c.number, c.cut_at)
    return now < c.cut_at


def sent(core: Core, c: Connector, now: float) -> None:
    """The contactor was sent somewhere: it has its time to arrive."""
    core.wake_at("contactor", c.number, now + pilot.CONTACTOR_WAIT_S)
    if c.stopping:
        core.wake_at("opened", c.number, now + pilot.CONTACTOR_WAIT_S)


def switched(s: "Station", c: Connector, fact: PowerSwitched, now: float) -> None:
    """The contactor says where it is: what is closed and should not be is sent open, once."""
    if fact.closed == c.power_wanted:
        s.core.wake_at("contactor", c.number, None)
    elif ("contactor", c.number) not in s.core.alarms and not c.stuck:
        sent(s.core, c, now)
        if fact.closed:
            s.core.wish(SwitchPower(c.number, False))
    c.stuck = c.stuck and fact.closed != c.power_wanted


def overdue(s: "Station", c: Connector, now: float) -> None:
    """Alarm: it should have arrived; a stuck contactor is an error."""
    if c.contactor != c.power_wanted and not c.stuck:
        c.stuck = True
        if code := _error(s, "contactor_watched"):
            faults.raised(s, c.number, code, now)
