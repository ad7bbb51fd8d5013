"""Register maps as data: which value stands where, and what the words mean."""

import struct
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files
from math import isfinite
from tomllib import loads
from typing import Final, Literal

import msgspec

Type = Literal["uint16", "uint32", "float32", "int64"]

_FORMATS: Final[Mapping[Type, str]] = {"uint16": ">H", "uint32": ">I", "float32": ">f", "int64": ">q"}

READ_MAX: Final = 125
"""Registers in one question (Modbus application protocol, 6.3)."""


class Value(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One value, or the same on several phases."""

    at: tuple[int, ...]
    type: Type
    scale: float = 1.0
    """What is read times this is in our unit."""

    @property
    def words(self) -> int:
        return struct.calcsize(_FORMATS[self.type]) // 2


class Map(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Of one family of instruments."""

    source: str
    words: Literal["high first", "low first"]
    registers: dict[str, Value]

    def questions(self) -> list[tuple[int, int]]:
        """(address, count): values that lie side by side are one question."""
        spans = sorted((at, value.words) for value in self.registers.values() for at in value.at)
        asked: list[tuple[int, int]] = []
        for at, count in spans:
            first, length = asked[-1] if asked else (at, 0)
            if asked and at == first + length and length + count <= READ_MAX:
                asked[-1] = (first, length + count)
            else:
                asked.append((at, count))
        return asked

    def values(self, read: Mapping[int, int]) -> dict[str, tuple[float, ...]]:
        """By name, from the words by address. What an instrument says is no number is 0."""
        return {name: tuple(self._one(value, at, read) for at in value.at) for name, value in self.registers.items()}

    def _one(self, value: Value, at: int, read: Mapping[int, int]) -> float:
        words = [read[at + place] for place in range(value.words)]
        (number,) = struct.unpack(_FORMATS[value.type], packed(words if self.words == "high first" else words[::-1]))
        return float(number) * value.scale if isfinite(number) else 0.0


def packed(words: Sequence[int]) -> bytes:
    return b"".join(word.to_bytes(2) for word in words)


@cache
def load(name: str) -> Map:
    """A map beside this file, by its name."""
    text = files("chargepost.drivers.real").joinpath(f"{name}.toml").read_text("utf-8")
    return msgspec.convert(loads(text), Map)
