"""IEC 61851-1 mode 3 as tables: the states of the control pilot, and what has to happen between two of them, how soon.

The rules that obey them are in mode3.py; voltages and duty cycles as a driver makes them, in drivers/pilot.py.
"""

from typing import Final, Literal, NamedTuple

from chargepost.signals import PilotState


class State(NamedTuple):
    """One state of the control pilot (IEC 61851-1, annex A; commissioning guide of the EVlink family, EV state)."""

    name: str
    """As the standard has it: the letter is what the vehicle does, 1 is without modulation, 2 with it."""
    guide: str
    """As the commissioning tool shows it."""
    voltage_v: float
    """The positive level at the station's end after it has settled, 1 V more or less (the guide, EV state)."""
    modulated: bool
    """The station offers current: a square wave down to -12 V."""
    connected: bool
    """A vehicle is there."""
    closed: bool
    """The vehicle has closed its switch S2: it wants to charge."""


STATES: Final = {
    row.name: row
    for row in (
        State("A", "A_Not_Present_12V", 12.0, modulated=False, connected=False, closed=False),
        State("B1", "B_Present_9V", 9.0, modulated=False, connected=True, closed=False),
        State("B2", "B_Present_Asked_9V_M12V", 9.0, modulated=True, connected=True, closed=False),
        State("C1", "C_Ready_6V", 6.0, modulated=False, connected=True, closed=True),
        State("C2", "C_Ready_6V_M12V", 6.0, modulated=True, connected=True, closed=True),
        State("D1", "D_Ready_VR_3V", 3.0, modulated=False, connected=True, closed=True),  # VR: required
        State("D2", "D_Ready_VR_3V_M12V", 3.0, modulated=True, connected=True, closed=True),
        State("E", "E_ShortCut", 0.0, modulated=False, connected=True, closed=False),
        State("F", "F_NotAvailable", -12.0, modulated=False, connected=True, closed=False),
    )
}
"""By the standard's name."""

LETTERS: Final = frozenset("BCD")
"""States of a connected vehicle, which say by a figure whether the pilot is modulated."""


def state(vehicle: PilotState, *, modulated: bool) -> State:
    """What the vehicle does, as far as it can be told, and whether the station offers current."""
    return STATES[f"{vehicle}{2 if modulated else 1}" if vehicle in LETTERS else vehicle]


class Step(NamedTuple):
    """One row of the sequences of IEC 61851-1, annex A, in our own words."""

    name: str
    before: str
    after: str
    """States; the same twice where it is not the pilot that changes."""
    who: Literal["station", "vehicle"]
    has_to: str
    within_s: float
    """At the latest."""


SEQUENCES: Final = {
    row.name: row
    for row in (
        Step("power", "B2", "C2", "station", "close the contactor", 3.0),
        Step("follow", "C2", "C2", "vehicle", "draw no more than a changed duty cycle says", 5.0),
        Step("release", "C2", "B2", "station", "open the contactor: the vehicle has stopped by itself", 0.1),
        Step("let go", "C2", "C1", "vehicle", "stop drawing and open its switch: nothing is offered any more", 3.0),
        Step("cut", "C1", "C1", "station", "open the contactor, though the vehicle has not let go", 6.0),
        Step("pulled", "C2", "A", "station", "open the contactor: the plug is out", 0.1),
        Step("short", "C2", "E", "station", "open the contactor: the pilot is shorted", 3.0),
        Step("lost", "C2", "F", "station", "open the contactor: there is no pilot", 3.0),
        Step("diode", "C2", "C2", "station", "open the contactor: the negative half has no -12 V", 3.0),
        Step("ventilation", "C2", "D2", "station", "ventilate, or open the contactor", 3.0),
    )
}
"""By name."""


CONTACTOR_WAIT_S: Final = 2.0
"""A contactor that is not where it was sent by then is stuck: a fault of its own; the meter is read all the same."""


class Pulse(NamedTuple):
    """How a car is woken that has been offered current and does not ask for it: the pilot goes away for a moment.

    The standard wakes by a change of state and leaves when and how long to the station; no guide says it. Chosen: long
    enough after the offer that a car which is awake would have asked, and once, since a car that is full or waits for
    its own timer looks the same.
    """

    after_s: float
    lasts_s: float


WAKE: Final = Pulse(after_s=30.0, lasts_s=4.0)

SIMPLIFIED_A: Final = 10.0
"""A vehicle with a simplified control pilot (no switch S2: state C from the start) gets no more, on one phase."""
