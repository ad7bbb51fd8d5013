"""What each connector is metered by: current transformers in the station, or a power meter of its own, and its wiring.

Commissioning guide of the EVlink family, Meters: current transformers know the current only, so power and energy are
apparent, at the voltage between phase and neutral that the installer has measured. The register goes on when the
metering is changed. A power meter tells the phases it is wired to, the station those at its terminals.
"""

import re
from typing import TYPE_CHECKING

import msgspec

from chargepost.signals import MeterBy, Reading
from chargepost.station import charging
from chargepost.station.connector import Connector
from chargepost.station.core import Core
from chargepost.station.settings import Settings

if TYPE_CHECKING:
    from chargepost.station.station import Station

METERING_KEY = "EnergyMetering"
"""Per charge point, where the product lets its owner choose."""
TRANSFORMERS = "Internal CT"
VOLTAGE_KEY = "voltageReference"
METER_PHASES_KEY, NETWORK_PHASES_KEY = "PowerMeterPhases", "NetworkPhases"
"""Which phase of the network each measuring input of the meter, and each terminal of the station, is connected to."""
PROTOCOL_KEY, ADDRESS_KEY, GATEWAY_KEY = "PowerMeterProtocol", "PowerMeterRtuAddress", "PowerMeterGatewayAddress"
RTU = "Modbus RTU"


def tell(s: "Station", now: float) -> None:
    """The hardware learns it at the start of the program, and whenever it is changed."""
    settings = s.core.settings
    if settings.row(METERING_KEY) is None:
        return
    order = wiring(settings.text(METER_PHASES_KEY), settings.text(NETWORK_PHASES_KEY))
    for c in s.connectors:
        by_transformers = settings.own(METERING_KEY, c.number) == TRANSFORMERS
        volt = float(settings.number(VOLTAGE_KEY)) if by_transformers else None
        s.core.wish(MeterBy(c.number, volt, order, None if by_transformers else address(settings, c.number)))


def address(settings: Settings, connector: int) -> tuple[int, int] | None:
    """Where its power meter is asked by Modbus RTU; None by TCP (commissioning guide, Meters)."""
    if settings.own(PROTOCOL_KEY, connector) != RTU:
        return None
    return settings.own_number(ADDRESS_KEY, connector), settings.own_number(GATEWAY_KEY, connector)


def wiring(meter: str, network: str) -> tuple[int, int, int]:
    """For the terminals 1, 2, 3 the input of the meter that measures what stands there, counted from 0.

    Both as the guide writes them: `Phase 3 - Phase 1 - Phase 2`.
    """
    measured = [int(digit) for digit in re.findall(r"\d", meter)]
    first, second, third = (measured.index(int(digit)) for digit in re.findall(r"\d", network))
    return (first, second, third)


def estimated(core: Core, c: Connector, now: float) -> Reading | None:
    """What a silent meter would say, by the product's reference voltage and the current offered (R-153).

    On the phases that the meter has seen the car charge with, a single-phase one on one (R-303). None where the product
    has no such voltage, or the meter has never said where it stands.
    """
    last, volt = c.reading, float(core.settings.number(VOLTAGE_KEY))
    if last is None or not volt:
        return None
    current_a = c.offered_a if c.contactor and c.pilot in ("C", "D") else 0.0
    seen = c.flowing or charging.phases(c)
    return msgspec.structs.replace(
        last,
        energy_wh=last.energy_wh + volt * sum(_on_first(seen, current_a)) * (now - c.read_at) / 3600,
        current_a=_on_first(seen, current_a),
        voltage_v=_on_first(c.spec.phases, volt),
        power_w=_on_first(seen, volt * current_a),
    )


def _on_first(phases: int, value: float) -> tuple[float, float, float]:
    return (value, value if phases > 1 else 0.0, value if phases > 2 else 0.0)


def own_register(s: "Station", c: Connector, reading: Reading) -> Reading:
    """A meter's own register never falls: one that is lower is another meter, and the station's goes on from there.

    So no Wh is told twice and none is lost but what passed unseen between the last reading of the old meter and the
    first of the new one. Who bills by the meter's own display finds both registers in the log.
    """
    own_wh = reading.energy_wh
    if c.own_wh is not None and own_wh < c.own_wh:
        told_wh = max(c.reading.energy_wh if c.reading else 0.0, c.register_wh)
        c.base_wh = told_wh - own_wh
        words = f"from {c.own_wh:.0f} to {own_wh:.0f} Wh; the register of the station goes on at {told_wh:.0f} Wh"
        s.core.note("warning", "meter exchanged", words, c.number)
        if c.transaction:
            c.transaction.exchanged = True
    c.own_wh = own_wh
    return msgspec.structs.replace(reading, energy_wh=own_wh + c.base_wh) if c.base_wh else reading
