"""What a connector does now, from the meter values it sends: power, current, register, state of charge. Pure."""

from collections.abc import Iterable

import msgspec

from chargepost.ocpp.messages import SampledValue

KILO_UNITS = ("kW", "kWh")
REGISTER = "Energy.Active.Import.Register"
"""What a sample without a measurand is (7.43)."""


class Live(msgspec.Struct, frozen=True, gc=False):
    """The last measured values; None: never told."""

    measured_utc_s: float = 0.0
    power_w: float | None = None
    current_a: float | None = None
    """The highest phase."""
    energy_wh: float | None = None
    """The register."""
    soc_percent: float | None = None


Phases = dict[str, float]
"""Value by phase; the empty phase is the whole."""

Told = dict[str, Phases]
"""What samples of one instant say, by measurand."""


def update(live: Live, measured_utc_s: float, told: Told) -> Live:
    """The newer of both: what came late (an offline station's backlog) changes nothing."""
    if measured_utc_s < live.measured_utc_s:
        return live
    currents = told.get("Current.Import", {})
    return Live(
        measured_utc_s,
        _first(_power_w(told, currents), live.power_w),
        _first(max(currents.values(), default=None), live.current_a),
        _first(_total(told.get(REGISTER)), live.energy_wh),
        _first(_total(told.get("SoC")), live.soc_percent),
    )


def register_wh(told: Told) -> float | None:
    """The register told with these samples."""
    return _total(told.get(REGISTER))


def by_measurand(samples: Iterable[SampledValue]) -> Told:
    """Values measured at the outlet (the default) and told in clear, by measurand and phase, in base units."""
    told: Told = {}
    for sample in samples:
        if sample.location == "Inlet" or sample.format == "SignedData":
            continue
        value = _number(sample.value)
        if value is None:
            continue
        if sample.unit in KILO_UNITS:
            value *= 1000.0
        measurand = sample.measurand or REGISTER
        if measurand in told:
            told[measurand][sample.phase or ""] = value
        else:
            told[measurand] = {sample.phase or "": value}
    return told


def _power_w(told: Told, currents: Phases) -> float | None:
    """As told, else from current and voltage per phase: some stations send no power (field notes)."""
    if "Power.Active.Import" in told:
        return _total(told["Power.Active.Import"])
    voltages = {phase.removesuffix("-N"): volts for phase, volts in told.get("Voltage", {}).items()}
    powers = [amps * voltages[phase] for phase, amps in currents.items() if phase in voltages]
    return sum(powers) if powers else None


def _total(phases: Phases | None) -> float | None:
    """The value without a phase, else the sum over the phases."""
    if not phases:
        return None
    return phases[""] if "" in phases else sum(phases.values())


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if abs(value) < 1e15 else None  # also refuses NaN and infinity, which are no measurement


def _first(new: float | None, old: float | None) -> float | None:
    return old if new is None else new
