"""A car as the station meets it: what it wants, how fast it can, and when it has had enough."""

from itertools import pairwise
from typing import Final

import msgspec

from chargepost.drivers.pilot import LEAST_OFFER_A

SOC_STEP: Final = 0.5
"""A tapering charger lowers its current in steps, here each half percent of charge: between two, all is constant."""
SOC_EQUAL: Final = 1e-6
"""States of charge closer than this are the same one (%): far above rounding, far below a step."""
LEAST_FRACTION: Final = 0.01
"""A curve that ends lower would never fill the battery."""

FLAT_THEN_TAPER: Final = ((0.0, 1.0), (80.0, 1.0), (100.0, 0.1))


class CarSpec(msgspec.Struct, frozen=True, kw_only=True):
    """One car on one visit. Currents are per phase, energies and powers on the mains' side unless said."""

    name: str = "Compact"
    battery_wh: float = 52_000.0
    soc_percent: float = 40.0
    """On arrival."""
    target_soc: float = 100.0
    """It stops asking here (%)."""
    phases: int = 3
    max_current_a: float = 16.0
    """Of its own charger."""
    min_current_a: float = LEAST_OFFER_A
    """Offered less, it pauses; on AC alone: on DC it takes what it gets."""
    curve: tuple[tuple[float, float], ...] = FLAT_THEN_TAPER
    """State of charge -> fraction of `max_current_a`, straight between the rows, from 0 to 100 %."""
    efficiency: float = 0.9
    """Energy into the battery per energy from the mains."""
    power_factor: float = 0.99
    ready: bool = True
    """Wants to charge; false for one that waits for its own timer."""
    ventilation: bool = False
    """Asks for it: state D instead of C."""
    simplified: bool = False
    """A simplified control pilot: no switch, so it is in state C (or D) from the moment it is plugged in."""
    diode: bool = True
    """Its diode is sound; without it a station must not give power."""
    overdraws: float = 1.0
    """Draws so many times what it may: 1.2 is a fifth too much."""
    asleep: bool = False
    """Reacts to nothing until a pilot pulse (E, F, a power cut) or a new plug wakes it."""

    def __post_init__(self) -> None:
        """Raises ValueError naming the field and what it may be."""
        for ok, field, must in (
            (100 <= self.battery_wh <= 10_000_000, "battery_wh", "lie in 100 to 10 000 000"),
            (0 <= self.soc_percent <= 100, "soc_percent", "lie in 0 to 100"),
            (0 <= self.target_soc <= 100, "target_soc", "lie in 0 to 100"),
            (self.phases in (1, 2, 3), "phases", "be 1, 2 or 3"),
            (1 <= self.max_current_a <= 1000, "max_current_a", "lie in 1 to 1000"),
            (LEAST_OFFER_A <= self.min_current_a <= 1000, "min_current_a", f"lie in {LEAST_OFFER_A:g} to 1000"),
            (0.1 <= self.efficiency <= 1, "efficiency", "lie in 0.1 to 1"),
            (1 <= self.overdraws <= 2, "overdraws", "lie in 1 to 2"),
            (0.1 <= self.power_factor <= 1, "power_factor", "lie in 0.1 to 1"),
            (_is_curve(self.curve), "curve", f"rise from 0 to 100 % with fractions of {LEAST_FRACTION} to 1"),
        ):
            if not ok:
                raise ValueError(f"car {self.name!r}: {field} must {must}, not {getattr(self, field)!r}")

    def full(self, soc: float) -> bool:
        return soc >= self.target_soc - SOC_EQUAL

    def wish_a(self, soc: float) -> float:
        """What its charger would draw if nothing outside limited it; constant within a step."""
        step = (soc + SOC_EQUAL) // SOC_STEP * SOC_STEP
        for (low, from_), (high, to) in pairwise(self.curve):
            if soc + SOC_EQUAL < high:
                return self.max_current_a * (from_ + (to - from_) * max(step - low, 0.0) / (high - low))
        return self.max_current_a * self.curve[-1][1]

    def next_step(self, soc: float) -> float:
        """The state of charge at which `wish_a` is next looked at: a row of the curve, a step of the taper, the end."""
        stop = self.target_soc
        for (low, from_), (high, to) in pairwise(self.curve):
            if low <= soc + SOC_EQUAL < high:
                if from_ == to:
                    return min(high, stop)
                return min(((soc + SOC_EQUAL) // SOC_STEP + 1) * SOC_STEP, high, stop)
        return stop


def _is_curve(curve: tuple[tuple[float, float], ...]) -> bool:
    return (
        len(curve) >= 2
        and curve[0][0] == 0
        and curve[-1][0] == 100
        and all(low < high for (low, _), (high, _) in pairwise(curve))
        and all(LEAST_FRACTION <= fraction <= 1 for _, fraction in curve)
    )


CARS: Final[dict[str, CarSpec]] = {
    car.name: car
    for car in (
        CarSpec(),
        CarSpec(name="City car", battery_wh=26_800, phases=1, max_current_a=32, soc_percent=55),
        CarSpec(name="Saloon", battery_wh=77_000, soc_percent=30, target_soc=80),
        CarSpec(name="Fast charger", battery_wh=52_000, max_current_a=32, soc_percent=25, efficiency=0.88),
        CarSpec(
            name="Plug-in hybrid",
            battery_wh=12_000,
            phases=1,
            soc_percent=10,
            curve=((0.0, 1.0), (90.0, 1.0), (100.0, 0.2)),
            power_factor=0.97,
        ),
        CarSpec(name="Two-phase", battery_wh=36_000, phases=2, soc_percent=45),
        CarSpec(name="Van", battery_wh=90_000, max_current_a=16, min_current_a=8, soc_percent=20, power_factor=0.98),
        CarSpec(name="Forklift", battery_wh=30_000, max_current_a=16, ventilation=True, soc_percent=35),
        CarSpec(name="Sleeper", battery_wh=60_000, soc_percent=50, asleep=True),
        CarSpec(name="Timer", battery_wh=60_000, soc_percent=50, ready=False),
    )
}
"""Believable cars by name; `msgspec.structs.replace` makes others of them."""
