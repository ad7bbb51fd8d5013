"""What a calibrated meter signs at the begin and the end of a charge: one line of Open Charge Metering Format (1.0).

`OCMF|{payload}|{signature}`: both are JSON, the signature is of the payload's bytes as they stand there (ECDSA on P-256
with SHA-256, DER, hexadecimal). Whoever has the key of MeterPublicKey checks it. The end carries the begin's reading
too, so it proves the whole charge alone. The meter says of itself that it is a simulation: it is not calibrated.
"""

import json
import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal

from chargepost.ocpp.messages import SampledValue
from chargepost.station import metering
from chargepost.station.connector import Transaction
from chargepost.station.memory import SIGNED_PAGES
from chargepost.station.meter_key import signing_key

if TYPE_CHECKING:
    from chargepost.station.core import Core

UID = re.compile(r"([0-9A-F]{8}|[0-9A-F]{14}|[0-9A-F]{20})")
"""A badge's own number (ISO/IEC 14443-3); any other idTag is one that the central system gave."""

OBIS_IMPORT = "1-b:1.8.0"
"""Active import register of all phases."""

Edge = Literal["B", "E"]


def signs(core: "Core") -> bool:
    """This variant's meter is one under Eichrecht."""
    return core.model.variants[core.model.variant].signed_values


def signed(core: "Core", tx: Transaction, edge: Edge, energy_wh: float, utc_s: float) -> SampledValue:
    """The signed value of this instant, as StopTransaction carries it (OCPP 1.6, 7.43: SignedData).

    A page number is used once, whatever happens: it is kept with what it stands in.
    """
    core.signed_pages += 1
    core.memory.put(SIGNED_PAGES, core.signed_pages)
    readings = [_reading("B", tx.start_wh, tx.start_utc_s, core)]
    if edge == "E":
        readings.append(_reading("E", energy_wh, utc_s, core))
    return SampledValue(
        value=text(_payload(core, tx, readings), core.serial),
        context="Transaction.Begin" if edge == "B" else "Transaction.End",
        format="SignedData",
        measurand=metering.ENERGY,  # type: ignore[arg-type]  # a measurand of OCPP
    )


def text(payload: dict[str, Any], serial: str) -> str:
    """The whole line. A bar inside the JSON is escaped: it parts the three fields."""
    from cryptography.hazmat.primitives.asymmetric.ec import ECDSA  # noqa: PLC0415 - for few stations
    from cryptography.hazmat.primitives.hashes import SHA256  # noqa: PLC0415

    data = json.dumps(payload, separators=(",", ":")).replace("|", "\\u007c")
    signature = signing_key(serial).sign(data.encode(), ECDSA(SHA256(), deterministic_signing=True))
    proof = {"SA": "ECDSA-secp256r1-SHA256", "SE": "hex", "SM": "application/x-der", "SD": signature.hex().upper()}
    return f"OCMF|{data}|{json.dumps(proof, separators=(',', ':'))}"


def _payload(core: "Core", tx: Transaction, readings: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "FV": "1.0",
        "GI": "chargepost",
        "GS": core.serial,
        "GV": core.model.release,
        "PG": f"T{core.signed_pages}",
        "MV": "chargepost",
        "MM": "simulation, not calibrated",
        "MS": core.serial,
        "IS": True,
        "IL": "NONE",
        "IF": [],
        "IT": "ISO14443" if UID.fullmatch(tx.id_tag) else "CENTRAL",
        "ID": tx.id_tag,
        "CT": "CBIDC",
        "CI": f"{core.identity} {tx.connector}",
        "RD": readings,
    }


def _reading(edge: Edge, energy_wh: float, utc_s: float, core: "Core") -> dict[str, Any]:
    """To the full Wh, as meterStart and meterStop say it; S: the clock is that of the central system, U: of nobody."""
    at = datetime.fromtimestamp(utc_s, UTC)
    return {
        "TM": f"{at:%Y-%m-%dT%H:%M:%S},{at.microsecond // 1000:03d}+0000 {'S' if core.synchronized else 'U'}",
        "TX": edge,
        "RV": int(energy_wh),
        "RI": OBIS_IMPORT,
        "RU": "Wh",
        "EF": "",
        "ST": "G",
    }
