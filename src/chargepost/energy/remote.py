"""External control: a station as registers of 16 bits, by the rows of its product; no Modbus library and no socket.

What is read is an image of one connector, made of a view; what is written becomes facts for the station. This is the
one boundary for words from outside: past it everything is typed. Two rules that no source tells:

- A read that touches an address without a register is refused (ILLEGAL_ADDRESS), whole: nothing is made up for holes.
  Part of a value of several words may be read. Two reads of two parts are two instants.
- A write is taken whole or not at all, and holds whole values: half a number is no number.
"""

import struct
from collections.abc import Callable, Mapping, Sequence
from math import isnan, nan
from typing import Protocol, get_args

from chargepost.signals import (
    ExternalCommand,
    ExternalLife,
    ExternalOperand,
    ExternalSetPoint,
    ExternalView,
    ExternalWord,
    SettingChanged,
)

ILLEGAL_ADDRESS, ILLEGAL_VALUE = 2, 3
"""Exception codes (Modbus application protocol 1.1b3, 7)."""

LIFE_BIT, SET_POINTS = "life_bit", ("set_point", "station_set_point")

ControlFact = ExternalSetPoint | ExternalLife | ExternalCommand | ExternalOperand | SettingChanged
Value = float | str | tuple[str, ...]
"""What a row shows: a number in base units, a word of an enum, a text, or the errors that there are."""


class IllegalError(Exception):
    """The request is answered with an exception code."""

    def __init__(self, code: int, why: str) -> None:
        super().__init__(why)
        self.code = code


class Register(Protocol):
    """A row of a product's map; `catalogue.model.RegisterSpec` is one."""

    @property
    def name(self) -> str: ...
    @property
    def address(self) -> int: ...
    @property
    def words(self) -> int: ...
    @property
    def type(self) -> str: ...
    @property
    def access(self) -> str: ...
    @property
    def scale(self) -> float: ...
    @property
    def min(self) -> float | None: ...
    @property
    def max(self) -> float | None: ...
    @property
    def values(self) -> Mapping[str, int]: ...
    @property
    def writes(self) -> Mapping[str, int]: ...
    @property
    def other(self) -> int | None: ...
    @property
    def key(self) -> str: ...


class Image:
    """The registers of one product."""

    def __init__(self, rows: Mapping[str, Register], *, low_word_first: bool) -> None:
        self._low_first = low_word_first
        self._at: dict[int, tuple[Register, int]] = {
            row.address + word: (row, word) for row in rows.values() for word in range(row.words)
        }
        """Each address with its row and which word of it this is."""

    def read(self, address: int, count: int, view: ExternalView) -> bytes:
        """The words, two bytes each. Raises IllegalError."""
        words: list[int] = []
        known: dict[int, list[int]] = {}
        for at in range(address, address + count):
            row, word = self._row(at)
            if row.address not in known:
                known[row.address] = self._words(row, view)
            words.append(known[row.address][word])
        return struct.pack(f">{count}H", *words)

    def write(
        self, address: int, words: Sequence[int], connector: int, view: ExternalView, *, allowed: bool
    ) -> list[ControlFact]:
        """What the station is to be told, in the order of the addresses. Raises IllegalError, and then nothing is.

        `allowed`: somebody may control; else every register is read only.
        """
        facts: list[ControlFact] = []
        at = address
        while at < address + len(words):
            row, word = self._row(at)
            if row.access == "R" or not allowed:
                raise IllegalError(ILLEGAL_ADDRESS, f"{row.name} is read only")
            if word or at + row.words > address + len(words):
                raise IllegalError(ILLEGAL_ADDRESS, f"{row.name} is written whole")
            facts.append(_fact(row, self._value(row, words[at - address :][: row.words]), connector, view))
            at += row.words
        return facts

    def _row(self, address: int) -> tuple[Register, int]:
        if address not in self._at:
            raise IllegalError(ILLEGAL_ADDRESS, f"there is no register {address}")
        return self._at[address]

    def _words(self, row: Register, view: ExternalView) -> list[int]:
        """In the order of the product."""
        value = view.settings.get(row.key, "") if row.key else SHOWS[row.name](view)
        if row.key:
            value = float(value) if isinstance(value, str) and value.isdigit() else 0.0
        if row.type == "text":
            assert isinstance(value, str)
            return list(struct.unpack(f">{row.words}H", _padded(value, 2 * row.words)))  # characters, in their order
        words = list(struct.unpack(f">{row.words}H", _packed(row, value, view)))
        return words[::-1] if self._low_first else words

    def _value(self, row: Register, words: Sequence[int]) -> int | str:
        """What stands in words that were written. Nothing signed, and no float, can be written in any map."""
        if row.type == "text":
            return _text(struct.pack(f">{row.words}H", *words))
        ordered = words[::-1] if self._low_first else words
        return int.from_bytes(struct.pack(f">{row.words}H", *ordered), "big")


# --- shown -----------------------------------------------------------------------------------------------------------


def _phase(field: str, phase: int) -> Callable[[ExternalView], Value]:
    return lambda view: getattr(view.reading, field)[phase] if view.reading else nan


def _average(field: str) -> Callable[[ExternalView], Value]:
    """Of the phases that there are."""

    def average(view: ExternalView) -> Value:
        if view.reading is None:
            return nan
        there = [each for each, volt in zip(getattr(view.reading, field), view.reading.voltage_v, strict=True) if volt]
        return sum(there) / len(there) if there else 0.0

    return average


def _apparent_va(view: ExternalView) -> Value:
    if view.reading is None:
        return nan
    return sum(volt * amp for volt, amp in zip(view.reading.voltage_v, view.reading.current_a, strict=True))


SHOWS: dict[str, Callable[[ExternalView], Value]] = {
    "apparent_power": _apparent_va,
    "booking_badge": lambda view: view.badge,
    "charge_status": lambda view: view.last_charge_number,
    "charge_time": lambda view: view.charge_s,
    "command": lambda view: view.command,
    "command_status": lambda view: view.command_status,
    "cpw_state": lambda view: view.cpw_number,
    "current_average": _average("current_a"),
    "current_l1": _phase("current_a", 0),
    "current_l2": _phase("current_a", 1),
    "current_l3": _phase("current_a", 2),
    "degraded_mode": lambda view: float(view.life == "lost"),
    "energy": lambda view: view.energy_wh,
    "error_status": lambda view: view.errors,
    "frequency": lambda view: view.reading.frequency_hz if view.reading else nan,
    "life_bit": lambda view: view.life,
    "limit": lambda view: view.limit_a,
    "limit_author": lambda view: view.limit_author,
    "ocpp_status": lambda view: view.status,
    "offered_current": lambda view: view.offered_a,
    "postponed_start": lambda view: view.delay_s,
    "power": lambda view: sum(view.reading.power_w) if view.reading else nan,
    "power_factor": lambda view: view.reading.power_factor if view.reading else nan,
    "power_l1": _phase("power_w", 0),
    "power_l2": _phase("power_w", 1),
    "power_l3": _phase("power_w", 2),
    "reactive_energy": lambda view: view.reading.reactive_varh if view.reading else nan,
    "session_energy": lambda view: view.session_wh,
    "session_time": lambda view: view.session_s,
    "set_point": lambda view: view.set_point_a,
    "station_set_point": lambda view: view.station_set_point_a,
    "vehicle_present": lambda view: float(view.vehicle_present),
    "vehicle_state": lambda view: view.vehicle_state,
    "voltage_average": _average("voltage_v"),
    "voltage_l1": _phase("voltage_v", 0),
    "voltage_l2": _phase("voltage_v", 1),
    "voltage_l3": _phase("voltage_v", 2),
}
"""What each meaning shows. A silent meter is no number (NaN) in a float, 0 elsewhere."""

FORMATS = {"uint16": ">H", "enum": ">H", "uint32": ">I", "bits": ">I", "int64": ">q"}
UNTIL = {">H": 0xFFFF, ">I": 0xFFFF_FFFF, ">q": 0x7FFF_FFFF_FFFF_FFFF}


def _packed(row: Register, value: Value, view: ExternalView) -> bytes:
    """The value with its high byte first. What is too large for its words stays at their end."""
    if row.type == "float":
        assert isinstance(value, float | int)
        return struct.pack(">f", value * row.scale)
    if row.type == "bits":
        assert isinstance(value, tuple)
        bits = {row.values[code] for code in value if code in row.values}
        number = sum(1 << bit for bit in bits)
    elif isinstance(value, str):
        number = row.values.get(value, row.other or 0)
    else:
        assert not isinstance(value, tuple)
        number = 0 if isnan(value) else round(value * row.scale)
        if row.name in SET_POINTS and row.other is not None and not view.charging:
            number = row.other
    form = FORMATS[row.type]
    return struct.pack(form, min(max(number, 0), UNTIL[form]))


def _padded(text: str, size: int) -> bytes:
    return text.encode("ascii", "replace")[:size].ljust(size, b"\0")


# --- set -------------------------------------------------------------------------------------------------------------


def _text(data: bytes) -> str:
    """What is printed of ASCII, up to its end. Raises IllegalError."""
    text = data.rstrip(b"\0 ").decode("latin-1")
    if not text.isascii() or (text and not text.isprintable()):
        raise IllegalError(ILLEGAL_VALUE, "a badge has printable characters of ASCII")
    return text


def _fact(row: Register, value: int | str, connector: int, view: ExternalView) -> ControlFact:
    """What a written value asks of the station. Raises IllegalError for one that is out of range."""
    if row.type == "enum":
        return _commanded(row, value, connector, view)
    if isinstance(value, int):
        least, most = (
            row.min if row.min is not None else 0,
            row.max if row.max is not None else UNTIL[FORMATS[row.type]],
        )
        if not least <= value <= most:
            raise IllegalError(ILLEGAL_VALUE, f"{row.name} takes {least:g} to {most:g}, not {value}")
    if row.key:
        return SettingChanged(row.key, str(value))
    if row.name == "booking_badge":
        return ExternalOperand(connector, id_tag=str(value))
    if row.name == "postponed_start":
        return ExternalOperand(connector, delay_s=float(value))
    assert row.name in SET_POINTS, f"nothing is set by {row.name}"
    return ExternalSetPoint(connector if row.name == "set_point" else 0, float(value) / row.scale)


WORDS: frozenset[str] = frozenset(get_args(ExternalWord))


def _commanded(row: Register, value: int | str, connector: int, view: ExternalView) -> ControlFact:
    word = next((word for word, number in row.writes.items() if number == value), None)
    if row.name == LIFE_BIT and value == 0:
        return ExternalOperand(connector)  # taking the bit back says nothing
    if word is None:
        raise IllegalError(ILLEGAL_VALUE, f"{row.name} has no number {value}")
    if row.name == LIFE_BIT:
        return ExternalLife(connector, word == "on")
    assert word in WORDS, f"{word} is no command"
    return ExternalCommand(connector, word, view.badge, view.delay_s)  # type: ignore[arg-type]  # looked up just now
