"""Meter values: which measurand, phase and unit are sent, worked out of one reading (OCPP 1.6, 3.16 and 7.43)."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from math import floor
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from chargepost.catalogue.model import MeasurandSpec, Model
from chargepost.ocpp.messages import MeterValue, SampledValue
from chargepost.signals import Reading
from chargepost.station.connector import Connector
from chargepost.station.core import Core
from chargepost.station.settings import measurand

if TYPE_CHECKING:
    from chargepost.station.station import Station

NOMINAL_V = 230.0

ENERGY = "Energy.Active.Import.Register"
"""The register that is billed."""

PHASES = {"L1": 0, "L2": 1, "L3": 2, "L1-N": 0, "L2-N": 1, "L3-N": 2}
LINES = {"L1-L2": (0, 1), "L2-L3": (1, 2), "L3-L1": (2, 0)}


def _phase_current(r: Reading, phase: int) -> float:
    return r.current_a[phase]


def _line_voltage(r: Reading, first: int, second: int) -> float:
    """Between two lines 120 degrees apart."""
    a, b = r.voltage_v[first], r.voltage_v[second]
    return (a * a + b * b + a * b) ** 0.5 if a and b else 0.0


def _mean_voltage(r: Reading) -> float:
    live = [v for v in r.voltage_v if v]
    return sum(live) / len(live) if live else 0.0


Outlets = Sequence[Connector]
"""Whom a meter is for: the one of a connector, or the main meter of them all."""

EMPTY_V, FULL_V = 320.0, 420.0
"""Of a battery of a hundred cells, which is what most cars have."""


def _output_v(r: Reading, outlets: Outlets) -> float | None:
    """Of direct current: what the battery asks for, 0 without one. None where alternating current is metered."""
    if len(outlets) != 1 or not outlets[0].spec.direct:
        return None
    return EMPTY_V + (FULL_V - EMPTY_V) * r.soc_percent / 100 if r.soc_percent is not None else 0.0


def _offered_w(outlets: Outlets) -> float:
    return sum(c.offered_a * NOMINAL_V * c.spec.phases for c in outlets)


def _current(r: Reading, outlets: Outlets) -> float:
    volt = _output_v(r, outlets)
    return max(r.current_a) if volt is None else sum(r.power_w) / volt if volt else 0.0


def _offered_a(r: Reading, outlets: Outlets) -> float:
    volt = _output_v(r, outlets)
    return sum(c.offered_a for c in outlets) if volt is None else _offered_w(outlets) / volt if volt else 0.0


def _voltage(r: Reading, outlets: Outlets) -> float:
    volt = _output_v(r, outlets)
    return _mean_voltage(r) if volt is None else volt


Total = Callable[[Reading, Outlets], float | None]

TOTALS: dict[str, Total] = {
    ENERGY: lambda r, _: r.energy_wh,
    "Energy.Reactive.Import.Register": lambda r, _: r.reactive_varh,
    "Power.Active.Import": lambda r, _: sum(r.power_w),
    "Power.Factor": lambda r, _: r.power_factor,
    "Power.Offered": lambda _, outlets: _offered_w(outlets),
    "Current.Import": _current,
    "Current.Offered": _offered_a,
    "Voltage": _voltage,
    "Frequency": lambda r, _: r.frequency_hz,
    "Temperature": lambda r, _: r.temperature_c,
    "SoC": lambda r, _: r.soc_percent,
}
"""Each measurand without a phase, in base units; None when the meter has no such value."""

BY_PHASE: dict[str, Callable[[Reading, int], float]] = {
    "Current.Import": _phase_current,
    "Power.Active.Import": lambda r, phase: r.power_w[phase],
    "Voltage": lambda r, phase: r.voltage_v[phase],
}


def items(core: Core, key: str) -> list[str]:
    """What a measurand list asks for, and the measurand that a key of its own adds (quirk voltage_by_key)."""
    listed = core.settings.items(key)
    rule = core.model.quirks.get("voltage_by_key")
    if rule and core.settings.flag(str(rule["enable_key"])) and rule["measurand"] not in listed:
        listed.append(str(rule["measurand"]))
    return listed


def interval_key(core: Core, *, online: bool) -> str:
    """The key that says how often a charge is sampled: some products have another one while offline."""
    rule = core.model.quirks.get("offline_samples")
    return str(rule["interval_key"]) if rule and not online else "MeterValueSampleInterval"


def never_falling(c: Connector, reading: Reading) -> Reading:
    """After an estimate that was too high the register stays where it is until the meter has caught up."""
    told_wh = max(c.reading.energy_wh if c.reading else 0.0, c.register_wh)
    return msgspec.structs.replace(reading, energy_wh=told_wh) if reading.energy_wh < told_wh else reading


class Line(NamedTuple):
    """One value of a measurand list: how it is read, and how it is written."""

    read: Total
    name: str
    phase: str
    spec: MeasurandSpec
    is_register: bool


PLANS_MAX = 1_000
"""Lists of measurands that are remembered: a few for each product, and what central systems make of them."""

_PLANS: dict[tuple[int, tuple[str, ...]], tuple[Model, tuple[Line, ...]]] = {}


def _plan(model: Model, listed: tuple[str, ...]) -> tuple[Line, ...]:
    """What a measurand list of a model asks for, in its order; worked out once, shared by its stations."""
    known = _PLANS.get((id(model), listed))
    if known is None or known[0] is not model:
        if len(_PLANS) >= PLANS_MAX:
            _PLANS.clear()
        known = _PLANS[id(model), listed] = model, tuple(line for item in listed for line in _lines(model, item))
    return known[1]


def _lines(model: Model, item: str) -> Iterator[Line]:
    found = measurand(model, item)
    if found is None:
        return
    name, phase = found
    spec = model.measurands[name]
    for each in (phase,) if phase else spec.default_phases or ("",):
        if read := _reader(name, each):
            yield Line(read, name, each, spec, name.endswith(".Register"))


def _reader(name: str, phase: str) -> Total | None:
    """How one value is read, in base units; None when no meter has such a value."""
    if not phase:
        return TOTALS.get(name)
    if phase in LINES:
        first, second = LINES[phase]
        return (lambda r, _: _line_voltage(r, first, second)) if name == "Voltage" else None
    by_phase, place = BY_PHASE.get(name), PHASES.get(phase)
    return (lambda r, _: by_phase(r, place)) if by_phase and place is not None else None


def text(number: float, digits: int, *, register: bool = False) -> str:
    """As the wire has it: a decimal string without needless zeros; never -0.

    A register shows what is full, as meterStart and meterStop do: rounded up, it would fall at the end of a charge.
    """
    if register:
        number = floor(number * 10**digits + 1e-6) / 10**digits
    if not digits:
        return str(round(number))
    written = f"{number:.{digits}f}".rstrip("0").rstrip(".")
    return "0" if written == "-0" else written


def sampled(
    model: Model, items: Iterable[str], reading: Reading, outlets: Outlets, context: str, location: str = ""
) -> list[SampledValue]:
    """The sampled values of a measurand list, in its order."""
    return [
        SampledValue(
            value=text(number * spec.scale, spec.digits, register=is_register),
            context=context,  # type: ignore[arg-type]  # our own words of ReadingContext
            measurand=name,  # type: ignore[arg-type]  # checked when the model was loaded
            phase=phase or msgspec.UNSET,  # type: ignore[arg-type]
            location=location or msgspec.UNSET,  # type: ignore[arg-type]  # absent is the outlet (7.43)
            unit=spec.unit or msgspec.UNSET,  # type: ignore[arg-type]
        )
        for read, name, phase, spec, is_register in _plan(model, tuple(items))
        if (number := read(reading, outlets)) is not None
    ]


def register(model: Model, items: Iterable[str], energy_wh: float, context: str) -> list[SampledValue]:
    """Of a measurand list what can be said of an instant of which only the register is known."""
    known = [item for item in items if measurand(model, item) == (ENERGY, "")]
    nothing = (0.0, 0.0, 0.0)
    return sampled(model, known, Reading(energy_wh, nothing, nothing, nothing), (), context)


def has_main(s: "Station") -> bool:
    """Several connectors have a main meter ahead of them, connector 0; one has its own meter and no other."""
    return len(s.connectors) > 1


def date(utc_s: float) -> datetime:
    """A time stamp for the wire, to the millisecond."""
    return datetime.fromtimestamp(round(utc_s, 3), UTC)


def meter_value(utc_s: float, values: list[SampledValue]) -> MeterValue:
    return MeterValue(timestamp=date(utc_s), sampled_value=tuple(values))


GRID_NEAR_S = 0.001
"""A point of the grid this near has come: what two clocks add up to may fall short of it by a rounding."""


def next_aligned(utc_s: float, interval_s: int) -> float:
    """The next point of the grid that is counted from midnight UTC (trap 51)."""
    day, utc_s = 86400.0, utc_s + GRID_NEAR_S
    midnight = utc_s // day * day
    steps = int((utc_s - midnight) // interval_s) + 1
    return midnight + min(steps * interval_s, day)
