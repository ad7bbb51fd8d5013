"""The mains of a site: a voltage and a frequency that move smoothly, the same for the same seed and instant.

A phase is 230 V plus a few slow sines, so that its integral over time is closed form: energy needs no stepping.
"""

from math import cos, sin, tau
from typing import Final

NOMINAL_V: Final = 230.0
NOMINAL_HZ: Final = 50.0
SWING: Final = ((1.8, tau / 2700), (0.7, tau / 307))
"""Amplitude in V and angular speed in rad/s of each sine: the quarter's load in 45 minutes, a neighbour's in 5."""
FREQUENCY_SWING_HZ: Final = 0.02
FREQUENCY_SPEED: Final = tau / 97
IMPEDANCE_OHM: Final = 0.05
"""Of the supply of one outlet: 32 A pull the voltage down by 1.6 V."""


def angle(seed: int, place: int) -> float:
    """An angle in 0 to 2 pi that looks arbitrary but is always the same for a seed and a place (splitmix64)."""
    mixed = (seed * 0x9E3779B97F4A7C15 + (place + 1) * 0xBF58476D1CE4E5B9) & 0xFFFF_FFFF_FFFF_FFFF
    mixed = ((mixed ^ (mixed >> 30)) * 0x94D049BB133111EB) & 0xFFFF_FFFF_FFFF_FFFF
    return tau * ((mixed ^ (mixed >> 31)) >> 11) / (1 << 53)


class Mains:
    """Three phases of one connection point. Immutable; the stations of a site may share one."""

    __slots__ = ("_angles", "seed")

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self._angles = tuple(angle(seed, place) for place in range(3 * len(SWING)))

    def voltage_v(self, phase: int, now: float) -> float:
        """Phase 0, 1 or 2 against neutral, without load."""
        first, second = 2 * phase, 2 * phase + 1
        return (
            NOMINAL_V
            + SWING[0][0] * sin(SWING[0][1] * now + self._angles[first])
            + SWING[1][0] * sin(SWING[1][1] * now + self._angles[second])
        )

    def volt_seconds(self, phase: int, start: float, end: float) -> float:
        """The integral of `voltage_v` from start to end, in V s."""
        (slow_v, slow), (fast_v, fast) = SWING
        first, second = self._angles[2 * phase : 2 * phase + 2]
        area = NOMINAL_V * (end - start) - slow_v / slow * (cos(slow * end + first) - cos(slow * start + first))
        return area - fast_v / fast * (cos(fast * end + second) - cos(fast * start + second))

    def frequency_hz(self, now: float) -> float:
        return NOMINAL_HZ + FREQUENCY_SWING_HZ * sin(FREQUENCY_SPEED * now + self._angles[0])
