"""IEC 61851-1 mode 3 as tables: the states of the control pilot, as the standard and the guides name them."""

from typing import Final, NamedTuple

from chargepost.signals import PilotState


class State(NamedTuple):
    """One state of the control pilot (IEC 61851-1, annex A; commissioning guide of the EVlink family, EV state)."""

    name: str
    """As the standard has it: the letter is what the vehicle does, 1 is without modulation, 2 with it."""
    guide: str
    """As the commissioning tool shows it."""
    voltage_v: float
    """The positive level at the station's end, after it has settled."""
    modulated: bool
    """The station offers current: a square wave down to -12 V."""
    connected: bool
    """A vehicle is there."""
    closed: bool
    """The vehicle has closed its switch S2: it wants to charge."""


TOLERANCE_V: Final = 1.0
"""All levels, after the settling time (commissioning guide, EV state)."""

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
