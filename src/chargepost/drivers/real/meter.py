"""A Modbus meter behind the port `Meter`: the iEM3155 and iEM3255 of the guides, or another with a register map."""

import asyncio
from typing import Final

from chargepost.drivers.real import registers
from chargepost.drivers.real.instrument import AGAIN_S, Instrument
from chargepost.drivers.real.modbus import ANSWER_S, Framing, Master
from chargepost.drivers.real.wires import Line, Wire
from chargepost.signals import Reading

POLL_S: Final = 1.0
"""From one question to the next: the instrument itself measures once a second."""

UNITS: Final = range(1, 256)
"""Modbus addresses of a meter (commissioning guide, Meters sub-tab)."""
UNIT: Final = 30
"""As the station leaves the factory."""


class ModbusMeter(Instrument):
    """Polled over TCP (also through a gateway, by its unit) or RTU. Silent as soon as one poll goes unanswered."""

    def __init__(
        self, line: Line, unit: int = UNIT, *, framing: Framing | None = None, kind: str = "iem3x5x",
        poll_s: float = POLL_S, answer_s: float = ANSWER_S, again_s: float = AGAIN_S,
    ) -> None:  # fmt: skip
        """Raises ValueError for a unit that no meter has."""
        if unit not in UNITS:
            raise ValueError(f"unit: a meter has 1 to 255, not {unit}")
        super().__init__("the meter", line, again_s)
        self._unit, self._map = unit, registers.load(kind)
        self._framing: Framing = framing or ("rtu" if line.serial else "tcp")
        self._poll_s, self._answer_s = poll_s, answer_s
        self._reading: Reading | None = None

    def read(self) -> Reading:
        """As of the last poll. OSError when that was not answered."""
        self.must_speak()
        assert self._reading
        return self._reading

    async def converse(self, wire: Wire) -> None:
        master = Master(wire, self._framing, self._answer_s)
        while True:
            words: dict[int, int] = {}
            for address, count in self._map.questions():
                words |= dict(enumerate(await master.holding(self._unit, address, count), address))
            self._reading = reading(self._map.values(words))
            self.heard()
            await asyncio.sleep(self._poll_s)


def reading(values: dict[str, tuple[float, ...]]) -> Reading:
    """What a map's values come to; the power factor follows from powers, currents and voltages."""

    def phases(name: str) -> tuple[float, float, float]:
        first, second, third = (*values[name], 0.0, 0.0)[:3]
        return (first, second, third)

    current_a, voltage_v, power_w = phases("current_a"), phases("voltage_v"), phases("power_w")
    apparent_va = sum(volt * ampere for volt, ampere in zip(voltage_v, current_a, strict=True))
    return Reading(
        energy_wh=values["energy_wh"][0],
        current_a=current_a,
        voltage_v=voltage_v,
        power_w=power_w,
        power_factor=min(max(sum(power_w) / apparent_va, 0.01), 1.0) if apparent_va else 1.0,
        frequency_hz=values["frequency_hz"][0],
        reactive_varh=values["reactive_varh"][0],
    )
