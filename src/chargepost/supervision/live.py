"""What a connector does now, from the meter values it sends: power, current, register, state of charge. Pure."""

from collections.abc import Iterable

import msgspec

from chargepost.ocpp.messages import MeterValue, SampledValue

KILO_UNITS = {"kW": 1000.0, "kWh": 1000.0}


class Live(msgspec.Struct, frozen=True, gc=False):
    """The last measured values; None: never told."""

    measured_utc_s: float = 0.0
    power_w: float | None = None
    current_a: float | None = None
    """The highest phase."""
    energy_wh: float | None = None
    """The register."""
    soc_percent: float | None = None


def update(live: Live, meter_value: MeterValue) -> Live:
    """The newer of both: what came late (an offline station's backlog) changes nothing."""
    measured_utc_s = meter_value.timestamp.timestamp()
    if measured_utc_s < live.measured_utc_s:
        return live
    samples = [sample for sample in meter_value.sampled_value if _is_own(sample)]
    currents = dict(_phases(samples, "Current.Import"))
    return Live(
        measured_utc_s,
        _first(_power_w(samples, currents), live.power_w),
        _first(max(currents.values(), default=None), live.current_a),
        _first(_total(samples, "Energy.Active.Import.Register"), live.energy_wh),
        _first(_total(samples, "SoC"), live.soc_percent),
    )


def _power_w(samples: list[SampledValue], currents: dict[str, float]) -> float | None:
    """As told, else from current and voltage per phase: some stations send no power (field notes)."""
    told = _total(samples, "Power.Active.Import")
    if told is not None:
        return told
    voltages = {phase.removesuffix("-N"): volts for phase, volts in _phases(samples, "Voltage")}
    powers = [amps * voltages[phase] for phase, amps in currents.items() if phase in voltages]
    return sum(powers) if powers else None


def _total(samples: list[SampledValue], measurand: str) -> float | None:
    """The value without a phase, else the sum over the phases."""
    values = dict(_phases(samples, measurand))
    if not values:
        return None
    return values[""] if "" in values else sum(values.values())


def _phases(samples: Iterable[SampledValue], measurand: str) -> Iterable[tuple[str, float]]:
    for sample in samples:
        if (sample.measurand or "Energy.Active.Import.Register") == measurand:
            value = _number(sample.value)
            if value is not None:
                yield sample.phase or "", value * KILO_UNITS.get(sample.unit or "", 1.0)


def _is_own(sample: SampledValue) -> bool:
    """Measured at the outlet (the default), in clear."""
    return (sample.location or "Outlet") != "Inlet" and (sample.format or "Raw") == "Raw"


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if abs(value) < 1e15 else None  # also refuses NaN and infinity, which are no measurement


def _first(new: float | None, old: float | None) -> float | None:
    return old if new is None else new
