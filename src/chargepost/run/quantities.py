"""Quantities as people write them in a file: "30s", "7.4 kW". Kept in base units, as floats."""

import re
from typing import ClassVar, Self

_WRITTEN = re.compile(r"\s*([+-]?\d+(?:\.\d+)?)\s*([a-zA-Z]*)\s*")


class Quantity(float):
    """A number with a unit; a bare number is in the base unit."""

    units: ClassVar[dict[str, float]]
    """Unit -> how many base units it is; the first is the base unit."""
    example: ClassVar[str]

    @classmethod
    def read(cls, written: object) -> Self:
        """Raises ValueError saying how it may be written."""
        if isinstance(written, int | float) and not isinstance(written, bool):
            return cls(written)
        match = _WRITTEN.fullmatch(written) if isinstance(written, str) else None
        unit = match and (match[2] or next(iter(cls.units)))
        if match and unit in cls.units:
            return cls(float(match[1]) * cls.units[unit])
        raise ValueError(f"{written!r} is no {cls.__name__.lower()}: write it as {cls.example}")


class Duration(Quantity):
    units: ClassVar = {"s": 1.0, "ms": 0.001, "m": 60.0, "min": 60.0, "h": 3600.0, "d": 86_400.0}
    example = '"30s", "5min" or "2h"'


class Power(Quantity):
    units: ClassVar = {"W": 1.0, "kW": 1000.0, "MW": 1e6}
    example = '"7.4 kW"'


class Energy(Quantity):
    units: ClassVar = {"Wh": 1.0, "kWh": 1000.0, "MWh": 1e6}
    example = '"52 kWh"'


class Current(Quantity):
    units: ClassVar = {"A": 1.0}
    example = '"16 A"'
