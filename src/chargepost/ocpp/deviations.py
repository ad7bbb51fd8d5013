"""What peers send that the schema refuses: why it is refused, and which of it a tolerant reader takes all the same.

Only reached when the compiled decoder of a message has refused its payload. The payload is then read again, field by
field, along the same types: the first fault that no allowed row of `DEVIATIONS` mends is the verdict.
"""

from collections.abc import Callable, Collection, Iterator
from datetime import datetime
from functools import cache
from typing import Any, Final

import msgspec
from msgspec import UNSET, inspect

from chargepost.ocpp import security
from chargepost.ocpp.messages import Message, Response, in_utc

CODES: Final = {
    "required": "OccurenceConstraintViolation",
    "minItems": "OccurenceConstraintViolation",
    "type": "TypeConstraintViolation",
    "integer": "TypeConstraintViolation",
    "number": "TypeConstraintViolation",
    "null": "TypeConstraintViolation",
    "payload": "FormationViolation",
    "additionalProperties": "FormationViolation",
    "maxLength": "FormationViolation",
    "enum": "PropertyConstraintViolation",
    "range": "PropertyConstraintViolation",
    "multipleOf": "PropertyConstraintViolation",
    "format": "PropertyConstraintViolation",
}
"""What is violated -> the CALLERROR code, in the spelling of OCPP-J 1.6 (4.2.3; errata 5.1 leaves it so).

`payload` is a payload that is no object, `range` an integer beyond 64 bits or a number no float can hold; `integer`,
`number` and `null` are what was wanted or given where `type` is broken; the other names are the schema's keywords.
"""

SHOWN_CHARACTERS = 40
"""So much of a foreign value stands in an error text: enough to recognise it, too little to flood a log."""


class Violation(Exception):
    """The payload breaks `keyword` of its schema; the text says where and how, made for people."""

    def __init__(self, keyword: str, text: str) -> None:
        super().__init__(text)
        self.keyword = keyword
        self.text = text


class Deviation(msgspec.Struct, frozen=True):
    """One way in which peers leave the specification, and that can be understood."""

    name: str
    keywords: frozenset[str]
    """What of `CODES` it breaks; none when it is about the array around the payload, which `frames` reads."""
    fields: frozenset[str]
    """Wire names of the fields where it is taken; empty: anywhere."""
    what: str
    source: str
    mend: Callable[[Any], Any] | None = None
    """The faulty value -> the one to take, or `UNMENDED`."""
    answers: bool = False
    """Taken in a CALLRESULT only."""


UNMENDED: Final = object()


def _whole(value: Any) -> Any:
    return int(value) if isinstance(value, float) and value.is_integer() else UNMENDED


def _number_in_text(value: Any) -> Any:
    """ASCII digits with a sign, a point and digits: never underscores, blanks, NaN or another script's digits."""
    if not (isinstance(value, str) and len(value) <= SHOWN_CHARACTERS and value.isascii()):
        return UNMENDED
    whole, point, fraction = value.removeprefix("-").partition(".")
    if not whole.isdigit() or (point and not fraction.isdigit()):
        return UNMENDED
    return float(value) if point else int(value)


def _utc_added(value: Any) -> Any:
    try:
        date = msgspec.convert(value, datetime)
    except msgspec.ValidationError:
        return UNMENDED
    return in_utc(date) if date.tzinfo is None else UNMENDED


LONGEST_SERIAL = 50
"""The longest serial seen has 34 characters; beyond this it is no serial."""

LONGEST_ID = 40
"""Message ids of up to 40 characters were seen; OCPP-J allows 36."""

DEVIATIONS: Final = (
    Deviation(
        "null_payload",
        frozenset({"payload"}),
        frozenset(),
        "null where the empty object is meant",
        "OCPP-J 1.6, 4.2.1 (the payload may be null)",
        lambda value: {} if value is None else UNMENDED,
    ),
    Deviation(
        "null_field",
        frozenset({"null"}),
        frozenset(),
        "null for an optional field that is absent",
        "own choice: what languages without absent fields write",
        lambda value: UNSET if value is None else UNMENDED,
    ),
    Deviation(
        "whole_float",
        frozenset({"integer"}),
        frozenset(),
        "an integer written 1.0",
        "own choice: JSON knows one kind of number; draft 6 of JSON Schema allows it",
        _whole,
    ),
    Deviation(
        "number_in_text",
        frozenset({"integer", "number"}),
        frozenset(),
        'a number written "1"',
        "own choice: what loosely typed back ends write",
        _number_in_text,
    ),
    Deviation(
        "date_without_zone",
        frozenset({"format"}),
        frozenset(),
        "a date without a zone, taken as UTC",
        "own choice: OCPP 1.6 strongly recommends UTC",
        _utc_added,
    ),
    Deviation(
        "long_serial",
        frozenset({"maxLength"}),
        frozenset({"chargeBoxSerialNumber", "chargePointSerialNumber"}),
        "serial numbers of up to 34 characters in BootNotification, kept whole",
        "EVlink Smart Wallbox: lbbrhzn/ocpp#213, mobilityhouse/ocpp#122",
        lambda value: value if len(value) <= LONGEST_SERIAL else UNMENDED,
    ),
    Deviation(
        "hertz",
        frozenset({"enum"}),
        frozenset({"unit"}),
        "the unit Hertz, which the schema lacks; the reading is kept without a unit, as Frequency goes",
        "the schema copy of the Python package ocpp allows it",
        lambda value: UNSET if value == "Hertz" else UNMENDED,
    ),
    Deviation(
        "empty_list",
        frozenset({"minItems"}),
        frozenset(),
        "an empty list where at least one item is wanted",
        "own choice: stations answer NotFound with an empty list instead of none",
        lambda value: (),
    ),
    Deviation(
        "extra_field",
        frozenset({"additionalProperties"}),
        frozenset(),
        "a field that the schema does not know in an answer, passed over; in a CALL it is refused",
        "central systems in the field; refused, a StartTransaction.conf would leave its transaction without a number",
        lambda value: UNSET,
        answers=True,
    ),
    Deviation(
        "long_id",
        frozenset(),
        frozenset(),
        "a message id of 37 to 40 characters",
        "central systems in the field; OCPP-J 1.6, 4.1.4 allows 36",
    ),
    Deviation(
        "error_spelling",
        frozenset(),
        frozenset(),
        "a CALLERROR code in its corrected spelling, taken as the one of OCPP-J 1.6",
        "OCPP-J 1.6 errata 5.1, 5.2",
    ),
    Deviation(
        "error_code",
        frozenset(),
        frozenset(),
        "a CALLERROR code that OCPP-J 1.6 does not know",
        "OCPP 2.0.1 (RpcFrameworkError, MessageTypeNotSupported); central systems with codes of their own",
    ),
    Deviation(
        "error_form",
        frozenset(),
        frozenset(),
        "a CALLERROR without description or details, with others than text and object, or with a too long text",
        "own choice: an answer that can be understood is better than a time-out",
    ),
)
"""The named tolerances. `error_...` are taken by every reader: what cannot be answered is better understood.

`Celcius` and `Celsius` are no deviation: the schema has both.
"""

NAMES: Final = frozenset(row.name for row in DEVIATIONS)


def allowed(tolerant: bool | Collection[str]) -> Collection[str]:
    """The rows meant by a `tolerant` argument: none, all, or those named. Raises ValueError for an unknown name."""
    if isinstance(tolerant, bool):
        return NAMES if tolerant else ()
    if unknown := set(tolerant) - NAMES:
        raise ValueError(f"no such deviation: {', '.join(sorted(unknown))}; there are {', '.join(sorted(NAMES))}")
    return tolerant


def plain(text: str, characters: int = SHOWN_CHARACTERS) -> str:
    """`text` as it can be shown and sent: at most so many characters, lone surrogates escaped."""
    return text[:characters].encode("utf-8", "backslashreplace").decode()[:characters]


def read_slowly(
    kind: type[Message], raw: bytes | msgspec.Raw, tolerant: bool | Collection[str]
) -> tuple[Any, tuple[str, ...]]:
    """Read a payload that the compiled decoder refused: the message and the names of the deviations in it.

    Raises Violation for what is not allowed.
    """
    try:
        value = msgspec.json.decode(raw)
    except msgspec.ValidationError as error:
        raise Violation("range", str(error)) from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Violation("payload", f"not JSON: {error}") from None
    except RecursionError:
        raise Violation("payload", "nested too deep") from None
    answer = issubclass(kind, Response)
    taken = {row.name for row in DEVIATIONS if row.name in allowed(tolerant) and (answer or not row.answers)}
    reader = _Reader(taken, whole_floats=kind.__module__ == security.__name__)
    return reader.payload(kind, value), tuple(dict.fromkeys(reader.used))


@cache
def _shape(kind: type[Message]) -> inspect.Type:
    return inspect.type_info(kind)


class _Reader:
    """One payload, read along its types. `where` is a path in wire names, its last word the field."""

    def __init__(self, allowed: Collection[str], *, whole_floats: bool) -> None:
        self.allowed = allowed
        self.whole_floats = whole_floats  # draft 6 of JSON Schema (the security extension) takes 1.0 for an integer
        self.used: list[str] = []

    def payload(self, kind: type[Message], value: Any) -> Any:
        if not isinstance(value, dict):
            value = self.fault("payload", "", value, f"the payload is {_called(value)}, not an object")
        return self.read(_shape(kind), value, "")

    def fault(self, keyword: str, where: str, value: Any, text: str) -> Any:
        """The value to take instead. Raises Violation when no allowed row mends it."""
        field = where.rpartition(".")[2]
        for row in DEVIATIONS:
            if keyword in row.keywords and row.name in self.allowed and (not row.fields or field in row.fields):
                assert row.mend is not None
                mended = row.mend(value)
                if mended is not UNMENDED:
                    self.used.append(row.name)
                    return mended
        raise Violation(keyword, f"{where}: {text}" if where else text)

    def read(self, shape: inspect.Type, value: Any, where: str) -> Any:
        match shape:
            case inspect.StructType():
                return self.struct(shape, value, where)
            case inspect.VarTupleType(item_type=item, min_length=least):
                if not isinstance(value, list):
                    return self.fault("type", where, value, f"a list is wanted, not {_called(value)}")
                if len(value) < (least or 0):
                    return self.fault("minItems", where, value, "the list is empty")
                return tuple(self.read(item, one, f"{where}[{index}]") for index, one in enumerate(value))
            case inspect.Metadata(type=inner):
                number = self.read(inner, value, where)
                if round(number, 1) != number:
                    return self.fault("multipleOf", where, number, f"{number} has more than one decimal")
                return number
            case inspect.FloatType():
                return self.number(value, where)
            case inspect.IntType():
                return self.integer(shape, value, where)
            case inspect.BoolType():
                if not isinstance(value, bool):
                    return self.fault("type", where, value, f"true or false is wanted, not {_called(value)}")
                return value
            case _:
                if not isinstance(value, str):
                    return self.fault("type", where, value, f"text is wanted, not {_called(value)}")
                return self.text(shape, value, where)

    def struct(self, shape: inspect.StructType, value: Any, where: str) -> Any:
        if not isinstance(value, dict):
            return self.fault("type", where, value, f"an object is wanted, not {_called(value)}")
        known = {field.encode_name for field in shape.fields}
        for key in value:
            if key not in known:
                text = f"{where or 'the payload'} has no field {plain(key)!r}"
                self.fault("additionalProperties", "", value[key], text)
        return shape.cls(**dict(self.fields(shape, value, where)))

    def fields(self, shape: inspect.StructType, value: dict[str, Any], where: str) -> Iterator[tuple[str, Any]]:
        for field in shape.fields:
            path = f"{where}.{field.encode_name}" if where else field.encode_name
            if field.encode_name in value:
                one = value[field.encode_name]
                if one is None and not field.required:
                    yield field.name, self.fault("null", path, one, "null is no value; leave the field out")
                else:
                    yield field.name, self.read(field.type, one, path)
            elif field.required:
                raise Violation("required", f"{path} is missing")

    def number(self, value: Any, where: str) -> float:
        if not isinstance(value, int | float) or isinstance(value, bool):
            value = self.fault("number", where, value, f"a number is wanted, not {_called(value)}")
        try:
            return float(value)
        except OverflowError:
            raise Violation("range", f"{where}: the number is too large") from None

    def integer(self, shape: inspect.IntType, value: Any, where: str) -> int:
        wanted = f"an integer is wanted, not {_called(value)}"
        if isinstance(value, bool) or not isinstance(value, int):
            whole = _whole(value) if self.whole_floats else UNMENDED
            value = self.fault("integer", where, value, wanted) if whole is UNMENDED else whole
        if value != int(value):
            raise Violation("integer", f"{where}: {wanted}")
        if not (shape.ge or 0) <= value <= (shape.le or 0):
            raise Violation("range", f"{where}: the integer is beyond 64 bits")
        return int(value)

    def text(self, shape: inspect.Type, value: str, where: str) -> Any:
        match shape:
            case inspect.LiteralType(values=values):
                if value not in values:
                    words = ", ".join(map(str, values))
                    return self.fault("enum", where, value, f"{plain(value)!r} is none of {words}")
            case inspect.StrType(max_length=longest):
                if longest is not None and len(value) > longest:
                    return self.fault("maxLength", where, value, f"{len(value)} characters, {longest} are allowed")
            case inspect.DateTimeType():
                return self.date(value, where)
        return value

    def date(self, value: str, where: str) -> datetime:
        leap = value[16:19] == ":60"  # a leap second is RFC 3339, but no datetime: taken as the second before
        try:
            date = msgspec.convert(value[:16] + ":59" + value[19:] if leap else value, datetime)
            if date.tzinfo is not None:
                return in_utc(date)
        except ValueError:
            pass
        mended: datetime = self.fault("format", where, value, f"{plain(value)!r} is no date with time and zone")
        return mended


def _called(value: Any) -> str:
    """What the JSON value is called in an error text; a short one is shown."""
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case str():
            return f"the text {plain(value)!r}"
        case list():
            return "a list"
        case dict():
            return "an object"
        case float():
            return f"the number {value}"
        case _:
            return f"the integer {value}" if abs(value) < 2**63 else "a huge integer"
