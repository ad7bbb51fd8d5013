"""What a product file must hold together beyond its types: words of OCPP, references between rows, defaults.

Each check is one function from a model to the problems it finds; `CHECKS` lists them. The words of OCPP are those of
the message types themselves.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from difflib import get_close_matches
from ipaddress import AddressValueError, IPv4Address
from math import isfinite
from typing import NamedTuple, get_args
from urllib.parse import urlsplit

from msgspec import structs

from chargepost.catalogue.model import KeySpec, Meaning, Model
from chargepost.ocpp import messages as core
from chargepost.ocpp import security


def one_line(text: str) -> str:
    """The text with everything that would break the line, or hide in it, written as an escape."""
    return "".join(each if each.isprintable() else repr(each)[1:-1] for each in text)


class Finding(NamedTuple):
    """One thing wrong in a product file."""

    path: str
    """keys.HeartbeatInterval.min"""
    what: str

    def line(self, file: object) -> str:
        """file: path: what is wrong; on one line."""
        return one_line(f"{file}: {self.path}: {self.what}")


SENT = frozenset(
    {
        "Authorize",
        "BootNotification",
        "DataTransfer",
        "DiagnosticsStatusNotification",
        "FirmwareStatusNotification",
        "Heartbeat",
        "LogStatusNotification",
        "MeterValues",
        "SecurityEventNotification",
        "SignCertificate",
        "SignedFirmwareStatusNotification",
        "StartTransaction",
        "StatusNotification",
        "StopTransaction",
    }
)
"""Actions a charge point begins (OCPP 1.6 section 4, security extension section 4)."""
ANSWERED = (core.REQUESTS.keys() | security.REQUESTS.keys()) - SENT | {"DataTransfer"}
"""Actions a central system begins (OCPP 1.6 section 5, security extension section 4)."""
ERROR_CODES = frozenset(get_args(core.ChargePointErrorCode)) - {"NoError"}
MEASURANDS = frozenset(get_args(core.Measurand))
UNITS = frozenset(get_args(core.UnitOfMeasure))
PHASES = frozenset(get_args(core.Phase))
PURPOSES = frozenset(get_args(core.ChargingProfilePurposeType))
KINDS = frozenset(get_args(core.ChargingProfileKindType))
RECURRENCIES = frozenset(get_args(core.RecurrencyKindType))
ATTRIBUTES = frozenset(
    name
    for kind in (core.ChargingProfile, core.ChargingSchedule, core.ChargingSchedulePeriod)
    for name in kind.__struct_encode_fields__
)
DIALECTS = frozenset({"1.6J", "1.5J", "1.5S"})
FILE_TRANSFERS = frozenset({"FTP", "FTPS", "HTTP", "HTTPS", "SFTP"})
ROTATIONS = ("NotApplicable", "Unknown", "RST", "RTS", "SRT", "STR", "TRS", "TSR")
ROTATION = re.compile(rf"(\d+\.)?({'|'.join(ROTATIONS)})", re.ASCII)
"""One item of ConnectorPhaseRotation (OCPP 1.6 section 9.1.7); one word alone stands for every connector."""
TIME = re.compile(r"([01]\d|2[0-3]):[0-5]\d")
READING = re.compile(r"[QR]-\d{3}")
"""A numbered reading or requirement, besides the file's own sources."""


def nearest(word: str, words: Iterable[str]) -> str:
    """`; did you mean X?` with the closest words, or nothing."""
    by_lower = {each.lower(): each for each in words}
    near = get_close_matches(word.lower(), by_lower, n=3, cutoff=0.5)
    return f"; did you mean {' or '.join(by_lower[each] for each in near)}?" if near else ""


def items(value: str) -> list[str]:
    """The items of a comma-separated value."""
    return [item for item in map(str.strip, value.split(",")) if item]


# --- values ---------------------------------------------------------------------------------------------------------


def _number(spec: KeySpec, number: float) -> str | None:
    if spec.zero and number == 0:
        return None
    if spec.min is not None and number < spec.min:
        return f"{number:g} is below the minimum of {spec.min:g}"
    if spec.max is not None and number > spec.max:
        return f"{number:g} is above the maximum of {spec.max:g}"
    return None


def _int(spec: KeySpec, value: str, model: Model) -> str | None:
    return _number(spec, int(value)) if re.fullmatch(r"-?\d+", value, re.ASCII) else f"{value!r} is no whole number"


def _decimal(spec: KeySpec, value: str, model: Model) -> str | None:
    try:
        number = float(value)
    except ValueError:
        return f"{value!r} is no number"
    return _number(spec, number) if isfinite(number) else f"{value!r} is no number"


def _bool(spec: KeySpec, value: str, model: Model) -> str | None:
    return None if value.lower() in ("true", "false") else f"{value!r} is neither true nor false"


def _string(spec: KeySpec, value: str, model: Model) -> str | None:
    return f"has fewer than {spec.min:g} characters" if spec.min is not None and len(value) < spec.min else None


def _any(spec: KeySpec, value: str, model: Model) -> str | None:
    return None


def _measurands(spec: KeySpec, value: str, model: Model) -> str | None:
    for item in items(value):
        if item not in measurand_items(model):
            return f"{item} is no measurand of this product{nearest(item, measurand_items(model))}"
    return None


def measurand_items(model: Model) -> set[str]:
    """What a list of measurands may hold: each name, alone and with each of its phases."""
    with_phase = {f"{name}.{phase}" for name, spec in model.measurands.items() for phase in spec.phases}
    return {name for name, spec in model.measurands.items() if not spec.phase_required} | with_phase


def _phase_rotation(spec: KeySpec, value: str, model: Model) -> str | None:
    for item in items(value):
        if not ROTATION.fullmatch(item):
            return f"{item} is no <connector>.<rotation>{nearest(item.rpartition('.')[2], ROTATIONS)}"
    return None


def _url(spec: KeySpec, value: str, model: Model) -> str | None:
    scheme = urlsplit(value).scheme.lower()
    return None if not value or scheme in spec.allowed else f"{value!r} begins with none of {', '.join(spec.allowed)}"


def _ipv4(spec: KeySpec, value: str, model: Model) -> str | None:
    try:
        IPv4Address(value)
    except AddressValueError:
        return f"{value!r} is no IPv4 address"
    return None


def _time(spec: KeySpec, value: str, model: Model) -> str | None:
    return None if TIME.fullmatch(value) else f"{value!r} is no time of day, hh:mm"


TYPES: dict[str, Callable[[KeySpec, str, Model], str | None]] = {
    "bool": _bool,
    "int": _int,
    "decimal": _decimal,
    "string": _string,
    "list": _any,
    "measurands": _measurands,
    "phase_rotation": _phase_rotation,
    "url": _url,
    "ipv4": _ipv4,
    "time": _time,
}


def value_problem(spec: KeySpec, value: str, model: Model) -> str | None:
    """Why a row does not take a value; None when it does. Of a url `allowed` holds the schemes, of a string `min` is
    the least number of characters, of a list `allowed` holds for each item."""
    if spec.max_length is not None and len(value) > spec.max_length:
        return f"has {len(value)} characters, {spec.max_length} are allowed"
    if spec.allowed and spec.type != "url":
        for item in items(value) if spec.type == "list" else [value]:
            if item not in spec.allowed:
                return f"{item} is none of {', '.join(spec.allowed)}"
    bound = model.key(spec.max_items_key) if spec.max_items_key else None
    if bound and bound.default and len(items(value)) > int(bound.default):
        return f"has {len(items(value))} items, {bound.name} allows {bound.default}"
    return TYPES[spec.type](spec, value, model) or _pattern(spec, value)


def _pattern(spec: KeySpec, value: str) -> str | None:
    matches = not spec.pattern or re.fullmatch(spec.pattern, value)
    return None if matches else f"{value!r} does not match {spec.pattern}"


# --- checks ---------------------------------------------------------------------------------------------------------


def _among(path: str, words: Iterable[str], known: Iterable[str], kind: str) -> Iterator[Finding]:
    known = set(known)
    for word in words:
        if word not in known:
            yield Finding(path, f"{word} is no {kind}{nearest(word, known)}")


def _names_key(model: Model, path: str, name: str) -> Iterator[Finding]:
    if name and model.key(name) is None:
        yield Finding(path, f"there is no key {name}{nearest(name, [row.name for row in _rows(model)])}")


def _rows(model: Model) -> Iterator[KeySpec]:
    yield from model.keys.values()
    yield from model.hidden.values()


def ocpp_words(model: Model) -> Iterator[Finding]:
    """Actions, error codes, measurands, units, phases and words of charging profiles are OCPP's."""
    yield from _among("dialects", model.dialects, DIALECTS, "dialect")
    yield from _among("file_transfers", model.file_transfers, FILE_TRANSFERS, "file transfer protocol of OCPP")
    yield from _among("messages.sends", model.messages.sends, SENT, "action a charge point begins")
    yield from _among("messages.answers", model.messages.answers, ANSWERED, "action a central system begins")
    yield from _among("messages.comments", model.messages.comments, SENT | ANSWERED, "action of OCPP")
    for code, error in model.errors.items():
        yield from _among(f"errors.{code}.ocpp", [error.ocpp], ERROR_CODES, "OCPP errorCode")
    for name, measurand in model.measurands.items():
        yield from _among(f"measurands.{name}", [name], MEASURANDS, "OCPP measurand")
        yield from _among(f"measurands.{name}.unit", [measurand.unit] if measurand.unit else [], UNITS, "OCPP unit")
        yield from _among(f"measurands.{name}.phases", measurand.phases, PHASES, "OCPP phase")
        yield from _among(
            f"measurands.{name}.default_phases", measurand.default_phases, measurand.phases, "phase of this measurand"
        )
    charging = model.smart_charging
    yield from _among("smart_charging.purposes", charging.purposes, PURPOSES, "charging profile purpose")
    yield from _among("smart_charging.kinds", charging.kinds, KINDS, "charging profile kind")
    yield from _among("smart_charging.recurrencies", charging.recurrencies, RECURRENCIES, "recurrency kind")
    for word in ("refused_attributes", "ignored_attributes"):
        yield from _among(f"smart_charging.{word}", getattr(charging, word), ATTRIBUTES, "charging profile attribute")


def references(model: Model) -> Iterator[Finding]:
    """Every `..._key` names a key of the product, and every variant that is named exists."""
    parts = ("identity", "transport", "authentication", "after_power_cut", *(("modbus",) if model.modbus else ()))
    for part in parts:
        for word, value in structs.asdict(getattr(model, part)).items():
            if word.endswith("_key"):
                yield from _names_key(model, f"{part}.{word}", value)
    for quirk, words in model.quirks.items():
        for word, value in words.items():
            if word.endswith("_key"):
                yield from _names_key(model, f"quirks.{quirk}.{word}", str(value))
    for name, contact in model.inputs.items():
        for word in ("function_key", "normally_key"):
            yield from _names_key(model, f"inputs.{name}.{word}", getattr(contact, word))
        raises = contact.does in ("error", "emergency")
        yield from _among(f"inputs.{name}.error", [contact.error] * raises, model.errors, "error of this product")
    for number, transfer in enumerate(model.data_transfers):
        yield from _names_key(model, f"data_transfers[{number}].enable_key", transfer.enable_key)
    for row in _rows(model):
        yield from _names_key(model, f"keys.{row.name}.max_items_key", row.max_items_key)
    if model.modbus:
        yield from _among("modbus.lost_error", [model.modbus.lost_error], model.errors, "error of this product")
    for name, register in model.registers.items():
        yield from _names_key(model, f"registers.{name}.key", register.key)
    for name in model.smart_charging.while_setting:
        yield from _names_key(model, f"smart_charging.while_setting.{name}", name)
    yield from _among("variant", [model.variant], model.variants, "variant of this file")
    for variant, facts in model.variants.items():
        for name in facts.keys:
            yield from _names_key(model, f"variants.{variant}.keys.{name}", name)
    for code, error in model.errors.items():
        yield from _among(f"errors.{code}.variants", error.variants, model.variants, "variant of this file")


def ranges_and_defaults(model: Model) -> Iterator[Finding]:
    """A range is not empty, and a default is a value its own row would take."""
    for part, rows in (("keys", model.keys), ("hidden", model.hidden)):
        for row in rows.values():
            path = f"{part}.{row.name}"
            if row.min is not None and row.max is not None and row.min > row.max:
                yield Finding(f"{path}.min", f"{row.min:g} is above the maximum of {row.max:g}")
            elif row.default is not None:
                yield from _default(model, f"{path}.default", row, row.default)
    for variant, facts in model.variants.items():
        for name, default in facts.keys.items():
            spec = model.key(name)
            if spec:
                yield from _default(model, f"variants.{variant}.keys.{name}", spec, default)


def _default(model: Model, path: str, row: KeySpec, default: str) -> Iterator[Finding]:
    if not _compiles(row.pattern):
        return  # said by `patterns`
    problem = value_problem(row, default.replace("{serial}", "0"), model)
    if problem:
        yield Finding(path, problem)


def patterns(model: Model) -> Iterator[Finding]:
    """A pattern is a regular expression, and stands at a text."""
    for row in _rows(model):
        if not _compiles(row.pattern):
            yield Finding(f"keys.{row.name}.pattern", f"{row.pattern!r} is no regular expression")
        elif row.pattern and row.type != "string":
            yield Finding(f"keys.{row.name}.pattern", f"goes with type string, not with {row.type}")


def _compiles(pattern: str) -> bool:
    try:
        re.compile(pattern)
    except re.error:
        return False
    return True


def charges_end(model: Model) -> Iterator[Finding]:
    """An error that clears by itself says after how long, and only such a one does."""
    for code, error in model.errors.items():
        path = f"errors.{code}.clears_after_s"
        if error.clears == "self" and error.clears_after_s is None:
            yield Finding(path, 'is missing: clears = "self" needs it')
        elif error.clears != "self" and error.clears_after_s is not None:
            yield Finding(path, 'goes with clears = "self", and only with it')


def connectors(model: Model) -> Iterator[Finding]:
    """Every variant has an outlet, and its currents are in order."""
    for variant, facts in model.variants.items():
        if not facts.connectors:
            yield Finding(f"variants.{variant}.connectors", "is empty")
        for number, connector in enumerate(facts.connectors):
            if not 0 < connector.min_current_a <= connector.max_current_a:
                yield Finding(f"variants.{variant}.connectors[{number}]", "min_current_a is above max_current_a")


def transfers(model: Model) -> Iterator[Finding]:
    """A vendor's own message needs DataTransfer in its direction."""
    actions = {"in": model.messages.answers, "out": model.messages.sends}
    for number, transfer in enumerate(model.data_transfers):
        if "DataTransfer" not in actions[transfer.direction]:
            word = {"in": "answers", "out": "sends"}[transfer.direction]
            yield Finding(f"data_transfers[{number}]", f"messages.{word} has no DataTransfer")


REGISTER_WORDS = {"uint16": 1, "enum": 1, "uint32": 2, "float": 2, "bits": 2, "int64": 4}
"""Of 16 bits, for each type but text."""
MEANINGS = frozenset(get_args(Meaning))
REGISTER_LAST = 65535


def registers(model: Model) -> Iterator[Finding]:
    """Registers do not overlap, hold what their type needs, and mean something."""
    if model.registers and model.modbus is None:
        yield Finding("modbus", "is missing: registers need to know who may read and write them")
    taken: dict[int, str] = {}
    for name, row in model.registers.items():
        path = f"registers.{name}"
        if not row.key and name not in MEANINGS:
            yield Finding(path, f"{name} is nothing that a station shows or takes{nearest(name, MEANINGS)}")
        if row.type in REGISTER_WORDS and row.words != REGISTER_WORDS[row.type]:
            yield Finding(f"{path}.words", f"is {row.words}: {row.type} has {REGISTER_WORDS[row.type]}")
        for address in range(row.address, row.address + row.words):
            if address > REGISTER_LAST:
                yield Finding(f"{path}.address", f"{address} is above {REGISTER_LAST}")
            elif taken.setdefault(address, name) != name:
                yield Finding(f"{path}.address", f"{address} is a register of {taken[address]} too")
        if row.type in ("enum", "bits") and not row.values and not row.writes:
            yield Finding(f"{path}.values", f"is missing: {row.type} needs its numbers")
        if len(set(row.writes.values())) < len(row.writes):
            yield Finding(f"{path}.writes", "a number stands for two words")
        if (row.writes or row.min is not None or row.max is not None) and row.access == "R":
            yield Finding(f"{path}.access", "is R, and what may be written goes with RW")
        if row.type == "bits" and not all(0 <= bit < 16 * row.words for bit in row.values.values()):
            yield Finding(f"{path}.values", f"a bit is none of 0 to {16 * row.words - 1}")


PARTS = ("identity", "messages", "transport", "authentication", "smart_charging", "after_power_cut")
"""Parts of a file that are one table."""


def sourced(model: Model) -> Iterator[Finding]:
    """Every row says where it is from: names of `sources`, and numbered readings."""
    parts = {
        **{part: getattr(model, part).source for part in PARTS},
        **{f"keys.{row.name}": row.source for row in model.keys.values()},
        **{f"hidden.{row.name}": row.source for row in model.hidden.values()},
        **{f"errors.{name}": row.source for name, row in model.errors.items()},
        **{f"measurands.{name}": row.source for name, row in model.measurands.items()},
        **{f"inputs.{name}": row.source for name, row in model.inputs.items()},
        **{f"variants.{name}": row.source for name, row in model.variants.items()},
        **{f"quirks.{name}": str(row.get("source", "")) for name, row in model.quirks.items()},
        **{f"data_transfers[{number}]": row.source for number, row in enumerate(model.data_transfers)},
        **({"modbus": model.modbus.source} if model.modbus else {}),
        **{f"registers.{name}": row.source for name, row in model.registers.items()},
    }
    for path, source in parts.items():
        if not items(source):
            yield Finding(f"{path}.source", "is missing")
        for word in items(source):
            if word not in model.sources and not READING.fullmatch(word):
                yield Finding(f"{path}.source", f"{word} is not in sources{nearest(word, model.sources)}")


CHECKS = (
    ocpp_words, references, patterns, ranges_and_defaults, charges_end, connectors, transfers, registers, sourced,
)  # fmt: skip


def inconsistencies(model: Model) -> list[Finding]:
    """Everything that does not fit together, in the order of `CHECKS`."""
    return [finding for check in CHECKS for finding in check(model)]
