"""Configuration keys: three layers (standard, product, what the owner changed), one row each, whatever its names.

Answers follow OCPP 1.6, 5.3 and 9: an unknown key is NotSupported; read-only, malformed or out of range is Rejected.
"""

import math
import re
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from typing import Literal, NamedTuple

from chargepost.catalogue.model import KeySpec, Model
from chargepost.station.memory import Memory
from chargepost.station.meter_key import public_key

Verdict = Literal["Accepted", "Rejected", "RebootRequired", "NotSupported"]

VALUE_MAX = 500
"""Characters of a value: the schema of ChangeConfiguration."""

CONNECTORS = "numberofconnectors"
"""The inner name of a key that is not read from its text."""

READ_MAX = 1_000
"""Texts whose meaning is remembered: thousands of stations have the same few, and ask with each message."""

FILLED: dict[str | None, Callable[[str], str]] = {"{meter_public_key}": public_key}
"""Defaults that are made of the serial number, and how; `{serial}` may also stand inside a text."""

ROTATIONS = {"NotApplicable", "Unknown", "RST", "RTS", "SRT", "STR", "TRS", "TSR"}
_IPV4 = re.compile(r"(25[0-5]|2[0-4]\d|1?\d?\d)(\.(25[0-5]|2[0-4]\d|1?\d?\d)){3}")
_TIME = re.compile(r"([01]\d|2[0-3]):[0-5]\d")
_INT = re.compile(r"[+-]?\d{1,18}")
_TRUTH = {"true": "true", "false": "false", "1": "true", "0": "false"}


AUTHOR = "author/"
"""Beginning of the memory keys that say who changed a setting last, and when."""


class Row(NamedTuple):
    """A key with the name its value is kept under."""

    spec: KeySpec
    inner: str


def connectors_of(model: Model, memory: Mapping[str, bytes]) -> int:
    """NumberOfConnectors at the next start of the program, from what it will remember."""
    return Settings(model, dict(Memory(memory).load_all("setting/", str))).connectors


@lru_cache(READ_MAX)
def _number(text: str | None) -> int | None:
    return int(text) if text and _INT.fullmatch(text) else None


@lru_cache(READ_MAX)
def _flag(text: str | None) -> bool | None:
    return text.lower() == "true" if text else None


@lru_cache(READ_MAX)
def _parts(text: str) -> tuple[str, ...]:
    return tuple(item for item in (part.strip() for part in text.split(",")) if item)


class _Meant(NamedTuple):
    row: Row | None
    inner: str
    text: str | None
    """The default; None where it is not the same for every station of the model."""
    number: int | None
    flag: bool | None


class _Index(NamedTuple):
    by_inner: dict[str, Row]
    by_name: dict[str, Row]
    meant: dict[str, _Meant]


_INDICES: dict[int, tuple[Model, _Index]] = {}


def _index(model: Model) -> _Index:
    """The rows of a model by inner and by any name; made once a model, shared by its stations."""
    known = _INDICES.get(id(model))
    if known is None or known[0] is not model:
        by_inner: dict[str, Row] = {}
        by_name: dict[str, Row] = {}
        for table in (model.hidden, model.keys):
            for lower, spec in table.items():
                row = Row(spec, (spec.setting or spec.name or lower).lower())
                by_inner[row.inner] = row
                by_name[lower] = row
        for inner, row in by_inner.items():
            by_name.setdefault(inner, row)
        known = _INDICES[id(model)] = (model, _Index(by_inner, by_name, {}))
    return known[1]


class Settings:
    """The keys of one station. Values are kept as text, as OCPP has them."""

    __slots__ = ("_index", "_meant", "authors", "changed", "connectors", "model", "serial", "version")

    def __init__(self, model: Model, changed: dict[str, str], serial: str = "") -> None:
        self.model = model
        self.serial = serial
        """Stands where a default says {serial}."""
        self.changed = changed
        self.authors: dict[str, tuple[str, float]] = {}
        """Who changed a setting last, and its date; by inner name, of those that were changed while the station ran."""
        self.version = 0
        """Counts changes: what was worked out of keys holds while it stays."""
        self._index = _index(model)
        self._meant = self._index.meant
        self.connectors = self._connectors()
        """NumberOfConnectors as it is since the start of the program."""

    def _connectors(self) -> int:
        """Outlets may share one number, for good or while a key has a value (quirk outlets_share_connector)."""
        outlets = len(self.model.connectors)
        quirk = self.model.quirks.get("outlets_share_connector", {})
        key = str(quirk.get("while_key", ""))
        if key and self.text(key) != quirk["while_value"]:
            return outlets
        return min(self.number("NumberOfConnectors", 1), outlets)

    def row(self, name: str) -> Row | None:
        lower = name.lower()
        found = self._index.by_name.get(lower)
        return self._of_connector(lower) if found is None and "/" in lower else found

    def _of_connector(self, name: str) -> Row | None:
        """`name/2`: the value of connector 2, where each has its own."""
        stem, _, number = name.rpartition("/")
        first = self._index.by_name.get(stem)
        if first is None or not first.spec.per_connector or not (number.isascii() and number.isdecimal()):
            return None
        named = 2 <= int(number) <= self.connectors and number == str(int(number))
        return Row(first.spec, f"{first.inner}/{number}") if named else None

    def shown(self) -> Iterator[Row]:
        """What GetConfiguration without keys lists, in the order of the guide."""
        for lower in self.model.keys:
            yield self._index.by_name[lower]

    def value(self, row: Row) -> str | None:
        """The value in force; None for a key that is known but unset."""
        if row.inner == CONNECTORS:
            return str(self.connectors)
        changed = self.changed.get(row.inner)
        if changed is None and "/" in row.inner:
            changed = self.changed.get(row.inner.partition("/")[0])
        return self._default(row) if changed is None else changed

    def _printed(self, row: Row) -> str | None:
        """The default as the product's file has it."""
        variant = self.model.variants[self.model.variant].keys
        own = next((variant[name] for name in (row.spec.name, row.spec.setting) if name in variant), None)
        return row.spec.default if own is None else own

    def _default(self, row: Row) -> str | None:
        default = self._printed(row)
        if default in FILLED:
            return FILLED[default](self.serial)
        return default.replace("{serial}", self.serial) if default else default

    def _learn(self, name: str) -> "_Meant":
        """The row a rule means by a name, with the numbers its default stands for; worked out once a model."""
        row = self._index.by_inner.get(name.lower()) or self.row(name)
        default = self._default(row) if row else None
        shared = row is not None and row.inner != CONNECTORS and self._printed(row) == default
        text = default if shared else None
        meant = self._meant[name] = _Meant(row, row.inner if row else "", text, _number(default), _flag(default))
        return meant

    def text(self, name: str, default: str = "") -> str:
        meant = self._meant.get(name) or self._learn(name)
        if meant.text is not None:
            return self.changed.get(meant.inner, meant.text)
        value = self.value(meant.row) if meant.row else None
        return default if value is None else value

    def named(self, name: str) -> str:
        """The text the owner set; never a factory default (that of a supervision's address is a real vendor's)."""
        return self.changed.get((self._meant.get(name) or self._learn(name)).inner, "")

    def own(self, name: str, connector: int) -> str:
        """The text of a key that each connector may have for itself; else that of the station, or of connector 1."""
        if connector > 1 and self.changed:
            meant = self._meant.get(name) or self._learn(name)
            own = self.changed.get(f"{meant.inner}/{connector}")
            if own is not None:
                return own
        return self.text(name)

    def own_number(self, name: str, connector: int) -> int:
        """The same of an integer key; 0 when it is unset."""
        return _number(self.own(name, connector)) or 0

    def number(self, name: str, default: int = 0) -> int:
        """An integer key; `default` when it is unset, absent or not a number."""
        meant = self._meant.get(name) or self._learn(name)
        changed = self.changed.get(meant.inner)
        number = meant.number if changed is None else _number(changed)
        return default if number is None else number

    def flag(self, name: str, default: bool = False) -> bool:
        """A bool key; `default` when it is unset or absent."""
        meant = self._meant.get(name) or self._learn(name)
        changed = self.changed.get(meant.inner)
        flag = meant.flag if changed is None else _flag(changed)
        return default if flag is None else flag

    def factory(self, name: str) -> str:
        """What a key says as long as nobody changes it."""
        row = (self._meant.get(name) or self._learn(name)).row
        return (self._default(row) if row else None) or ""

    def forget(self) -> None:
        """Back to what the product has from the factory."""
        self.changed.clear()
        self.authors.clear()
        self.version += 1

    def items(self, name: str) -> list[str]:
        return list(_parts(self.text(name)))

    # changing

    def check(self, row: Row, value: str) -> str | None:
        """The text to store, or None when the value is refused."""
        spec = row.spec
        if len(value) > VALUE_MAX or (spec.max_length is not None and len(value) > spec.max_length):
            return None
        value = value.strip() if spec.type != "string" else value
        stored = _CHECKS[spec.type](self, spec, value)
        if spec.pattern and not re.fullmatch(spec.pattern, value):
            return None
        if stored is None and spec.out_of_range is not None and _INT.fullmatch(value):
            return spec.out_of_range
        if stored is not None and spec.allowed and spec.type != "url":
            return next((allowed for allowed in spec.allowed if allowed.lower() == stored.lower()), None)
        return stored

    def change(self, name: str, value: str, *, owner: bool = False) -> tuple[Verdict, Row | None, str]:
        """Judge and store a value. `owner` goes past the access rules of OCPP, never past type and range."""
        row = self.row(name)
        if row is None or (not owner and name.lower() not in self.model.keys):
            return "NotSupported", None, ""
        if not owner and (row.spec.access == "R" or not row.spec.ocpp_writes):
            return "Rejected", row, ""
        stored = self.check(row, value)
        if stored is None:
            return "Rejected", row, ""
        self.changed[row.inner] = stored
        self.version += 1
        return ("RebootRequired" if row.spec.reboot else "Accepted"), row, stored


# --- one check a type: the text to store, or None --------------------------------------------------------------------


def _bool(_: Settings, spec: KeySpec, value: str) -> str | None:
    return _TRUTH.get(value.lower())


def _int(_: Settings, spec: KeySpec, value: str) -> str | None:
    if not _INT.fullmatch(value):
        return None
    number = int(value)
    if number == 0 and spec.zero:
        return "0"
    low, high = spec.min, spec.max
    inside = (low is None or number >= low) and (high is None or number <= high)
    return str(number) if inside else None


def _decimal(_: Settings, spec: KeySpec, value: str) -> str | None:
    try:
        number = float(value)
    except ValueError:
        return None
    inside = (spec.min is None or number >= spec.min) and (spec.max is None or number <= spec.max)
    return value if inside and math.isfinite(number) else None


def _string(_: Settings, spec: KeySpec, value: str) -> str | None:
    """Of a text, `min` is the least number of characters."""
    return value if spec.min is None or len(value) >= spec.min else None


def _items(settings: Settings, spec: KeySpec, value: str) -> list[str] | None:
    """The items of a list, or None when there are more than its MaxLength key allows."""
    items = list(_parts(value))
    limit = settings.number(spec.max_items_key, len(items)) if spec.max_items_key else len(items)
    return items if len(items) <= limit else None


def _list(settings: Settings, spec: KeySpec, value: str) -> str | None:
    items = _items(settings, spec, value)
    return None if items is None else ",".join(items)


def _measurands(settings: Settings, spec: KeySpec, value: str) -> str | None:
    """Each item is a measurand of the product, with a phase it has (trap 53: one wrong item refuses all)."""
    items = _items(settings, spec, value)
    if items is None:
        return None
    return ",".join(items) if all(measurand(settings.model, item) for item in items) else None


def _phase_rotation(settings: Settings, spec: KeySpec, value: str) -> str | None:
    items = _items(settings, spec, value)
    if items is None:
        return None
    connectors = len(settings.model.connectors)
    if spec.default and tuple(items) == _parts(spec.default):
        return spec.default  # which names a connector more than a variant has
    for item in items:
        index, dot, rotation = item.partition(".")
        if item in ROTATIONS:
            continue
        if not dot or not index.isdigit() or int(index) > connectors or rotation not in ROTATIONS:
            return None
    return ",".join(items)


def _url(_: Settings, spec: KeySpec, value: str) -> str | None:
    scheme, separator, rest = value.partition("://")
    schemes = spec.allowed or ("ws", "wss", "http", "https")
    good = bool(separator) and scheme.lower() in {s.removesuffix("://") for s in schemes}
    return value if not value or (good and rest and not re.search(r"\s", rest)) else None


def _ipv4(_: Settings, spec: KeySpec, value: str) -> str | None:
    return value if _IPV4.fullmatch(value) else None


def _time(_: Settings, spec: KeySpec, value: str) -> str | None:
    return value if _TIME.fullmatch(value) else None


_CHECKS = {
    "bool": _bool,
    "int": _int,
    "decimal": _decimal,
    "string": _string,
    "list": _list,
    "measurands": _measurands,
    "phase_rotation": _phase_rotation,
    "url": _url,
    "ipv4": _ipv4,
    "time": _time,
}


def measurand(model: Model, item: str) -> tuple[str, str] | None:
    """A list item as (measurand, phase suffix or ""); None when the product does not have it."""
    if item in model.measurands:
        return None if model.measurands[item].phase_required else (item, "")
    name, _, phase = item.rpartition(".")
    spec = model.measurands.get(name)
    return (name, phase) if spec is not None and phase in spec.phases else None
