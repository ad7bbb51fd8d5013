"""What the commissioning tool and a Modbus client see of one outlet: the enumerations of the guides as tables.

Each table is complete, also where nothing here can lead to one of its rows yet. A view over facts: nothing is stored
but what the guide wants kept after it is over, the last error and how the last charge ended. Sources: commissioning
guide of the EVlink family, Maintenance, Status; numbers: Modbus registers 6 and 9 (seen in the field). Spelling: Q-056.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Final, NamedTuple

from chargepost.signals import OutletState
from chargepost.station import charging, pilot
from chargepost.station.connector import ATTACHED, Connector
from chargepost.station.usage import Usage

if TYPE_CHECKING:
    from chargepost.station.station import Station

Rule = Callable[["Station", Connector], bool]


class Named(NamedTuple):
    """A value with the number a Modbus register has for it."""

    number: int
    name: str
    fits: Rule


class Line(NamedTuple):
    """A word that a list of words may hold."""

    name: str
    fits: Rule


NOT_INITIALIZED: Final = "Not_Initialized"

# --- cable state (R-341) ---------------------------------------------------------------------------------------------

NO_CABLE: Final = "Not_Plugged"

CABLES: Final = ((13.0, "13 A"), (20.0, "20 A"), (32.0, "32 A"), (63.0, "63 A_OR_70 A"))
"""What a cable can carry: the resistor between proximity pilot and earth (IEC 61851-1, annex B)."""


def cable_state(c: Connector) -> str:
    if not c.cable_in:
        return NO_CABLE
    return next((name for rating_a, name in CABLES if c.cable_rating_a <= rating_a), CABLES[-1][1])


# --- CPW state: the visit as the control pilot sees it ---------------------------------------------------------------


def _is(*states: str) -> Rule:
    return lambda _s, c: pilot_state(c).name in states


def _powered(*states: str) -> Rule:
    return lambda _s, c: c.contactor and pilot_state(c).name in states


CPW_STATES: Final = (
    Named(14, "EV_Short_Cut_StateE", _is("E")),
    Named(13, "EVSE_Alarm", lambda _s, c: c.blocked),
    Named(12, "EVSE_Stop_Charging", lambda _s, c: c.stopping is not None),
    Named(15, "EVSE_Digital_Communication", lambda _s, c: c.spec.direct and c.offered_a > 0),
    Named(11, "EV_Charging_Ventilation_Required_StateD2", _powered("D2")),
    Named(9, "EV_Charging_StateC2", _powered("C2")),
    Named(10, "EV_Ready_Ventilation_Required_StateD2", _is("D2")),
    Named(8, "EV_Ready_StateC2", _is("C2")),
    Named(7, "EVSE_Ready_StateB2", _is("B2")),
    Named(6, "EV_Connected_Ventilation_Required_StateD1", _is("D1")),
    Named(5, "EV_Connected_StateC1", _is("C1")),
    Named(4, "EV_Connected_StateB1", _is("B1")),
    Named(0, "EVSE_Not_Available", lambda _s, c: not c.operative or bool(c.shut) or c.pilot == "F"),
    Named(2, "EVSE_Plug_Detected_StateA", lambda _s, c: c.cable_in and c.spec.kind not in ATTACHED),
    Named(1, "EVSE_Available_StateA", lambda _s, _c: True),
)
"""The first that fits. One name is printed, EVSE_Available_StateA: the others are made after it, from the words seen
beside the numbers."""

# --- last charge status ----------------------------------------------------------------------------------------------

NO_CHARGE_YET: Final = 255
LAST_CHARGE: Final = {
    0: "Circuit_Breaker",
    1: "OK",
    2: "Ended_By_Cluster_Manager_Loss",
    3: "End_Of_Charge_In_SM3",
    4: "Communication_Error",
    5: "Cable_Disconnected",
    6: "EV_Disconnected",
    7: "Short_Cut",
    8: "Overload",
    9: "Cancelled_By_Supervisor",
    10: "Ventilation_Not_Allowed",
    11: "Unexpected_Contactor_Open",
    12: "Simplified_Mode_3_Not_Allowed",
    13: "Power_Supply_Internal_Error",
    14: "Unexpected_Plug_Unlock",
    15: "Default_Number_Of_Phases",
    69: "Surge_Arrestor",
    70: "Anti_Intrusion",
    73: "Shutter_Unlock",
    74: "FLSI",
    75: "Emergency_Stop",
    76: "Undervoltage",
    77: "CI",
    254: "Other",
    NO_CHARGE_YET: NOT_INITIALIZED,
}
"""How the last charge ended, by the number of the Modbus register. An error of the product names its own
(`ErrorSpec.charge_end`)."""

ENDS: Final = {
    "Local": 1,
    "Remote": 9,
    "DeAuthorized": 9,
    "EVDisconnected": 6,
    "EmergencyStop": 75,
    "PowerLoss": 76,
    "HardReset": 254,
    "SoftReset": 254,
    "Reboot": 254,
    "UnlockCommand": 9,
    "Other": 254,
}
"""By the reason of StopTransaction, where no error of the product says it better."""


def charge_ends(c: Connector, reason: str) -> None:
    """A charge is being ended: keep how."""
    told = (fault.charge_end for fault in c.faults.values() if fault.stops and fault.charge_end is not None)
    c.last_charge = next(told, ENDS[reason]) if reason == "Other" else ENDS[reason]


def cable_told(c: Connector) -> None:
    """It was the cable that was pulled, not the car's plug."""
    if not c.cable_in and c.stopping and c.stopping.reason == "EVDisconnected":
        c.last_charge = 5


# --- EVSE status (R-343) ---------------------------------------------------------------------------------------------


def _mode(word: str) -> Rule:
    return lambda _s, c: word in c.modes


def _vip(s: "Station", c: Connector) -> bool:
    who = c.transaction or c.grant
    return "vip" in c.modes or (who is not None and s.authorization.is_vip(who.id_tag))


def _starved(s: "Station", c: Connector) -> bool:
    """Somebody may charge here, and there is no current to give."""
    waits = c.usage is Usage.CHARGING or (c.usage is Usage.PREPARING and c.grant is not None)
    return waits and c.ev_in and c.limit.current_a == 0 and not c.modes & {"suspended", "postponed"}


EVSE_STATUS: Final = (
    Line("Simplified_Mode_3", lambda _s, c: c.simplified),
    Line("Normal_Mode_3", lambda _s, c: not c.simplified),
    Line("Ventilation_required", lambda _s, c: c.pilot == "D"),
    Line("Cluster_Mode", _mode("cluster")),
    Line("Single-Phase", lambda _s, c: charging.phases(c) == 1),
    Line("Three-Phase", lambda _s, c: charging.phases(c) == 3),
    Line("Domestic_cable_detected", lambda _s, c: c.cable_in and charging.is_domestic(c)),
    Line("VIP_badge_mode", _vip),
    Line("Unavailable_OCPP_Cmd_Received", lambda _s, c: not c.operative or c.out_when_free),
    Line("not_Enough_Energy_To_Start_Charge", _starved),
    Line("Charge_Postpone", _mode("postponed")),
    Line("Maintenance_Plc_Cmd_Received", _mode("maintenance")),
    Line("Booked_Plc_Cmd_Received", _mode("booked")),
    Line("Suspend_Plc_Cmd_Received", _mode("suspended")),
    Line("Unavailable_Plc_Cmd_Received", _mode("unavailable")),
)
"""All that fit: the guide's thirteen lines, two of which hold one of two words."""

# --- outlet status (R-344) -------------------------------------------------------------------------------------------


def _preparing(s: "Station", c: Connector) -> bool:
    return c.usage is Usage.PREPARING and c.grant is not None


def _off(s: "Station", c: Connector) -> bool:
    return not s.started


def _settling(s: "Station", c: Connector) -> bool:
    return ("settle", 0) in s.core.alarms


def _contract(s: "Station", c: Connector) -> bool:
    """The transaction is agreed on and being put on disk."""
    return c.transaction is not None and not c.contactor and c.token > s.core.memory.durable


OUTLET_STATUS: Final = (
    Line(NOT_INITIALIZED, _off),
    Line("OK_InitDone", _settling),
    Line("OK_ChargeLoopEnded", lambda _s, c: c.stopping is not None),
    Line("OK_ChargeContractDone", _contract),
    Line("OK_ChargeLoopStarted", lambda _s, c: c.transaction is not None),
    Line("OK_MaintenanceCity", _mode("maintenance")),
    Line("OK_Unavailable", lambda _s, c: not c.operative or bool(c.shut) or "unavailable" in c.modes),
    Line("OK_ChargeContractStarted", lambda _s, c: c.starting),
    Line("OK_PlugProcedureDone", lambda s, c: _preparing(s, c) and c.ev_in and (c.locked or not c.spec.lock)),
    Line("OK_PlugProcedureStarted", _preparing),
    Line("OK_UnplugProcedureStarted", lambda _s, c: c.usage is Usage.FINISHING and c.plugged),
    Line("OK_UnplugProcedureDone", lambda _s, c: c.usage is Usage.FINISHING),
    Line("OK_ChargeAuthorisationDone", lambda s, _c: s.waiting_grant is not None),
    Line("OK_ChargeAuthorisationStarted", lambda _s, _c: True),
)
"""The first that fits."""

# --- the last error (R-345, R-346) -----------------------------------------------------------------------------------

LAST_ERRORS: Final = (
    "KO_BadgeUnknown",
    "KO_BadgeIsNotTheBooker",
    "KO_PlugOrShutterAbnormallyLocked",
    "KO_ShutterNotOpened",
    "KO_PlugNotDetected",
    "KO_EvNotDetected",
    "KO_PlugOrShutterAbnormallyNotLocked",
    "KO_PlugProcedureError",
    "KO_BadgeIsNotTheCurrentUser",
    "KO_UnlockPlugInCharge",
    "KO_OnStreetOpenShutterInCharge",
    "KO_ShutterNotClosed",
    "KO_PlugStillDetected",
    "KO_EVStillDetected",
    "KO_UnplugProcedureError",
)


def badge_refused(s: "Station", connector: int | None) -> None:
    """A badge is not let in: it is another's reservation or charge that is in its way, or nobody knows it."""
    for c in s.connectors:
        if connector in (None, c.number):
            if c.reservation is not None:
                c.last_error = "KO_BadgeIsNotTheBooker"
            elif c.transaction is not None:
                c.last_error = "KO_BadgeIsNotTheCurrentUser"
            else:
                c.last_error = "KO_BadgeUnknown"


def plug_missed(s: "Station", c: Connector) -> None:
    """Nobody plugged in, or the car did not show, in the time there was."""
    closed = "shutter_watched" in s.core.model.quirks and not _shutter_open(s, c)
    if c.cable_in and c.spec.kind not in ATTACHED:
        c.last_error = "KO_PlugStillDetected" if c.plugged_since_stop else "KO_EvNotDetected"
    else:
        c.last_error = "KO_ShutterNotOpened" if closed else "KO_PlugNotDetected"


def _shutter_open(s: "Station", c: Connector) -> bool:
    names = ("shutter", "shutter_1") if c.number == 1 else (f"shutter_{c.number}",)
    return any(name in s.core.inputs for name in names)


def lock_told(c: Connector, *, was_locked: bool) -> None:
    """The lock has told where it is."""
    if c.jammed:
        c.last_error = "KO_PlugOrShutterAbnormallyNotLocked" if c.lock_wanted else "KO_PlugOrShutterAbnormallyLocked"
    elif was_locked and not c.locked and c.lock_wanted and c.transaction:
        c.last_error = "KO_UnlockPlugInCharge"


def fault_raised(c: Connector) -> None:
    """A fault while somebody plugs in or out, of which nothing better is known."""
    if c.usage is Usage.PREPARING and c.grant is not None:
        c.last_error = "KO_PlugProcedureError"
    elif c.usage is Usage.FINISHING:
        c.last_error = "KO_UnplugProcedureError"


def unplug_overdue(s: "Station", c: Connector) -> None:
    """Alarm: a while after the charge the cable, the car or the open shutter is still there."""
    if c.transaction is None and c.plugged_since_stop and c.plugged:
        c.last_error = "KO_EVStillDetected" if c.ev_in else "KO_PlugStillDetected"
    elif c.transaction is None and not c.plugged and _shutter_open(s, c):
        c.last_error = "KO_ShutterNotClosed"


# --- the view --------------------------------------------------------------------------------------------------------


def pilot_state(c: Connector) -> pilot.State:
    return pilot.state(c.pilot, modulated=c.offered_a > 0)


def outlet_state(s: "Station", c: Connector) -> OutletState:
    """Everything the page Status and the Modbus registers say of one outlet, now."""
    cpw = next(row for row in CPW_STATES if row.fits(s, c))
    return OutletState(
        connector=c.number,
        cable_state=cable_state(c),
        ev_state=pilot_state(c).guide,
        evse_status=tuple(row.name for row in EVSE_STATUS if row.fits(s, c)),
        outlet_status=next(row.name for row in OUTLET_STATUS if row.fits(s, c)),
        outlet_last_error=c.last_error,
        cpw_state=cpw.name,
        cpw_number=cpw.number,
        last_charge=LAST_CHARGE[c.last_charge],
        last_charge_number=c.last_charge,
        inputs=tuple((name, True) for name in sorted(s.core.inputs)),
        outputs=(("contactor", c.contactor), *((("lock", c.locked),) if c.spec.lock else ())),
    )
