"""The frames that are said: a usual station, at its usual length."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

SUBPROTOCOL = "ocpp1.6"
EPOCH = datetime(2026, 11, 20, 10, tzinfo=UTC)


def stamp(step: int) -> str:
    """A time stamp of its own for every step: the same meter value told twice would be stored once."""
    return (EPOCH + timedelta(milliseconds=step)).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _sample(value: str, measurand: str, unit: str, phase: str | None = None) -> dict[str, str]:
    sample = {"value": value, "context": "Sample.Periodic", "measurand": measurand, "unit": unit}
    return sample | ({"phase": phase} if phase else {})


SAMPLES = [
    _sample("1482733", "Energy.Active.Import.Register", "Wh"),
    _sample("10984", "Power.Active.Import", "W"),
    _sample("15.9", "Current.Import", "A", "L1"),
    _sample("16.0", "Current.Import", "A", "L2"),
    _sample("15.9", "Current.Import", "A", "L3"),
    _sample("231.2", "Voltage", "V", "L1-N"),
    _sample("16", "Current.Offered", "A"),
]
"""Seven: what a site with load management asks for."""

BOOT = {"chargePointVendor": "ACME", "chargePointModel": "Duo 22", "firmwareVersion": "3.10"}


def meter_values(step: int) -> dict[str, Any]:
    return {
        "connectorId": 1,
        "transactionId": 1784,
        "meterValue": [{"timestamp": stamp(step), "sampledValue": SAMPLES}],
    }


def status(connector: int) -> dict[str, Any]:
    return {"connectorId": connector, "errorCode": "NoError", "status": "Available", "timestamp": stamp(0)}


PAYLOADS: dict[str, dict[str, Any]] = {
    "MeterValues": meter_values(0),
    "StartTransaction": {"connectorId": 1, "idTag": "04A2B3C4D5E680", "meterStart": 1482, "timestamp": stamp(0)},
    "StatusNotification": status(1),
    "Heartbeat": {},
}


def call(ident: str, action: str, payload: object) -> bytes:
    return json.dumps([2, ident, action, payload], separators=(",", ":")).encode()


BOOTING: tuple[tuple[str, dict[str, Any]], ...] = (
    ("BootNotification", BOOT),
    ("StatusNotification", status(0)),
    ("StatusNotification", status(1)),
)
"""What a station with one connector says once it is connected."""
