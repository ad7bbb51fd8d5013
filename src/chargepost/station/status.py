"""What is reported of a connector, as a view over its facts (OCPP 1.6, 4.9, 7.6, 7.7). Nothing here is stored."""

from chargepost.station.connector import Connector
from chargepost.station.usage import Usage

SHOWN_BESIDE = "EVCommunicationError"
"""An errorCode that goes with these statuses only, never with Faulted (1.6, 7.6)."""

BESIDE = frozenset({"Preparing", "SuspendedEV", "SuspendedEVSE", "Finishing"})

EV_LEFT = "EV side disconnected"
"""What StatusNotification says of a plug pulled at the car during a transaction (1.6, 4.9)."""


def status(c: Connector) -> str:
    """The ChargePointStatus of a connector; the first rule that fits."""
    if any(fault.stops and fault.ocpp != SHOWN_BESIDE for fault in c.faults.values()):
        return "Faulted"
    if not c.operative and c.transaction is None:
        return "Unavailable"
    if c.shut and c.transaction is None and (c.usage is Usage.FREE or c.status == "Unavailable"):
        return "Unavailable"  # at the station's own discretion
    if c.usage is Usage.CHARGING:
        if c.stopping is not None:
            return c.status if c.status.startswith("Suspended") else "Charging"
        if c.limit.current_a == 0:
            return "SuspendedEVSE"  # goes before SuspendedEV: 4.9
        return "Charging" if c.pilot in ("C", "D") else "SuspendedEV"
    if c.reservation is not None and c.grant is None and (c.usage is Usage.FREE or c.status in ("Reserved", "")):
        return "Reserved"  # also when somebody else plugs in: only the badge it is held for leads on (G2)
    return c.usage.value


def station_status(operative: bool, faulted: bool) -> str:
    """Connector 0 knows three words only."""
    return "Faulted" if faulted else "Available" if operative else "Unavailable"


def error(c: Connector) -> tuple[str, str, str]:
    """errorCode, vendorErrorCode and info: of the first fault that stops, else of the first warning."""
    faults = list(c.faults.values())
    if any(f.ocpp == SHOWN_BESIDE for f in faults) and status(c) not in BESIDE:
        faults = [f for f in faults if f.ocpp != SHOWN_BESIDE]
    if c.ev_left:  # the product's own error for it is no other news
        faults = [f for f in faults if f.ocpp != SHOWN_BESIDE]
    worst = next((f for f in faults if f.stops), None) or next(iter(faults), None)
    if worst:
        return worst.ocpp, worst.code, worst.name[:50]
    return "NoError", "", EV_LEFT if c.ev_left else ""


LIGHTS = {
    "Available": "green",
    "Preparing": "green blinking",
    "Charging": "blue",
    "SuspendedEV": "blue blinking",
    "SuspendedEVSE": "blue blinking",
    "Finishing": "green blinking",
    "Reserved": "white",
    "Unavailable": "red blinking",
    "Faulted": "red",
}
"""The lamp of a connector by its status."""
