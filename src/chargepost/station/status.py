"""What is reported of a connector, as a view over its facts (OCPP 1.6, 4.9, 7.6, 7.7). Nothing here is stored."""

from chargepost.station.connector import Connector
from chargepost.station.usage import Usage

SHOWN_BESIDE = "EVCommunicationError"
"""An errorCode that goes with Preparing, Suspended and Finishing, never with Faulted (1.6, 7.6)."""


def status(c: Connector) -> str:
    """The ChargePointStatus of a connector; the first rule that fits."""
    if any(fault.stops and fault.ocpp != SHOWN_BESIDE for fault in c.faults.values()):
        return "Faulted"
    if not c.operative and c.transaction is None:
        return "Unavailable"
    if c.usage is Usage.CHARGING:
        if c.offered_a == 0 and c.stopping is None:
            return "SuspendedEVSE"  # goes before SuspendedEV: 4.9
        if c.pilot not in ("C", "D") and c.stopping is None:
            return "SuspendedEV"
        return c.status if c.stopping and c.status.startswith("Suspended") else "Charging"
    return c.usage.value


def station_status(operative: bool, faulted: bool) -> str:
    """Connector 0 knows three words only."""
    return "Faulted" if faulted else "Available" if operative else "Unavailable"


def error(c: Connector) -> tuple[str, str, str]:
    """errorCode, vendorErrorCode and info: of the first fault that stops, else of the first warning."""
    worst = next((f for f in c.faults.values() if f.stops), None) or next(iter(c.faults.values()), None)
    return (worst.ocpp, worst.code, worst.name[:50]) if worst else ("NoError", "", "")


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
