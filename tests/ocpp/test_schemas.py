"""Every message against its official schema: the same verdict, the same content, the same order of keys.

The judge is the copy of the schemas that the Python package `ocpp` carries. Instances are plain values with Decimals;
`as_json` writes them exactly. The judge and the makers of instances know nothing of how chargepost reads.
"""

import json
import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import cache
from importlib import resources
from typing import Any

import jsonschema
import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chargepost.ocpp import frames
from chargepost.ocpp.deviations import Violation, read_slowly
from chargepost.ocpp.messages import WIRE_NAMES, Message

# --- the judge ------------------------------------------------------------------------------------------------------

SCHEMAS = resources.files("ocpp.v16") / "schemas"

NAMES = sorted(path.name.removesuffix(".json") for path in SCHEMAS.iterdir() if path.name.endswith(".json"))

VALUES = ("properties", "meterValue", "items", "properties", "sampledValue")

PACKAGE_DEVIATIONS = (
    ("MeterValues", (*VALUES, "items", "properties", "unit", "enum"), "Hertz"),
    ("MeterValues", VALUES, "minItems"),
    ("MeterValues", VALUES[:2], "minItems"),
)
"""Where the package's copy differs from the schemas of the Open Charge Alliance: schema, path, what it adds."""


@cache
def schema(name: str) -> Any:
    found = json.loads((SCHEMAS / f"{name}.json").read_text("utf-8-sig"), parse_float=Decimal)
    for where, path, added in PACKAGE_DEVIATIONS:
        if where == name:
            node = found
            for step in path:
                node = node[step]
            node.remove(added) if isinstance(node, list) else node.pop(added)
    return found


def is_draft_6(name: str) -> bool:
    """The security extension; draft 6 takes 1.0 for an integer, draft 4 does not."""
    return "draft-06" in schema(name)["$schema"]


def resolve(name: str, node: Any) -> Any:
    """The schema node itself, or what its `$ref` points to."""
    return schema(name)["definitions"][node["$ref"].rpartition("/")[2]] if "$ref" in node else node


def is_date_time(value: object) -> bool:
    """RFC 3339, without leap seconds, and with a date that exists in UTC."""
    if not isinstance(value, str):
        return True
    match = re.fullmatch(r"(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d:\d\d)(?:\.\d+)?([Zz]|[+-]\d\d:\d\d)", value, flags=re.ASCII)
    if match is None:
        return False
    try:
        datetime.fromisoformat(f"{match[1]}T{match[2]}{match[3].upper().replace('Z', '+00:00')}")
    except ValueError:
        return False
    return True


FORMATS = jsonschema.FormatChecker(formats=())
FORMATS.checks("date-time")(is_date_time)


@cache
def validator(name: str) -> Any:
    kind = jsonschema.Draft6Validator if is_draft_6(name) else jsonschema.Draft4Validator
    return kind(schema(name), format_checker=FORMATS)


def accepts(name: str, data: bytes) -> bool:
    """The verdict of the schema; decimals stay decimals, as `multipleOf: 0.1` needs."""
    value = json.loads(data) if is_draft_6(name) else json.loads(data, parse_float=Decimal)
    return bool(validator(name).is_valid(value))


as_json = msgspec.json.Encoder(decimal_format="number").encode

# --- instances ------------------------------------------------------------------------------------------------------


@st.composite
def dates(draw: st.DrawFn) -> str:
    """RFC 3339 in all its forms: any fraction, any zone, either case."""
    day = datetime(2, 1, 1, tzinfo=UTC) + timedelta(seconds=draw(st.integers(0, 9996 * 365 * 86400)))
    fraction = draw(st.sampled_from(["", ".5", ".123", ".123456", ".000000001", ".12345678901234"]))
    zone = draw(st.sampled_from(["Z", "Z", "z", "+00:00", "+02:00", "-11:30", "+23:59"]))
    return f"{day.replace(tzinfo=None).isoformat(draw(st.sampled_from('Tt')))}{fraction}{zone}"


WHOLE = st.integers(-(2**63), 2**63 - 1) | st.integers(-3, 300)
TENTHS = st.integers(-(10**12), 10**12).map(lambda n: Decimal(n) / 10) | st.integers(0, 10**6)


def instances(name: str, node: Any) -> st.SearchStrategy[Any]:
    """Valid instances of one schema node."""
    node = resolve(name, node)
    if "enum" in node:
        return st.sampled_from(node["enum"])
    if node["type"] == "object":
        parts = {key: instances(name, part) for key, part in node.get("properties", {}).items()}
        required = node.get("required", [])
        return st.fixed_dictionaries(
            {key: parts[key] for key in required},
            optional={key: part for key, part in parts.items() if key not in required},
        )
    if node["type"] == "array":
        return st.lists(instances(name, node["items"]), min_size=node.get("minItems", 0), max_size=3)
    if node["type"] == "string":
        longest = node.get("maxLength", 600)
        full = st.sampled_from("aé\U0001f600").map(lambda letter: letter * longest)
        return dates() if node.get("format") == "date-time" else st.text(max_size=min(longest, 20)) | full
    return {"integer": WHOLE, "number": TENTHS, "boolean": st.booleans()}[node["type"]]


def places(name: str, node: Any, value: Any, path: tuple[Any, ...] = ()) -> list[tuple[tuple[Any, ...], Any]]:
    """Every place in an instance: its path and the schema node it falls under."""
    node = resolve(name, node)
    found = [(path, node)]
    if isinstance(value, dict):
        for key, part in value.items():
            found += places(name, node["properties"][key], part, (*path, key))
    elif isinstance(value, list):
        for index, part in enumerate(value):
            found += places(name, node["items"], part, (*path, index))
    return found


ANYTHING: list[Any] = [
    None,
    True,
    False,
    0,
    1,
    -1,
    Decimal("1.0"),
    Decimal("1.5"),
    Decimal("6.35"),
    "",
    "1",
    "1.0",
    "x",
    [],
    {},
]
ANYTHING += [[1], {"a": 1}, "2026-01-01", "2026-01-01T00:00:00", "2026-13-01T00:00:00Z", "2026-01-01T25:00:00Z"]
ANYTHING += [Decimal("0.05"), Decimal("0.1"), Decimal("16.0"), Decimal("6.3"), Decimal("-0.1"), "Wh", "Accepted"]


@st.composite
def mutants(draw: st.DrawFn, name: str) -> Any:
    """An instance with one thing changed; most are invalid now, and which are is the judge's business."""
    value = draw(instances(name, schema(name)))
    path, node = draw(st.sampled_from(places(name, schema(name), value)))
    holder: Any = [value]
    last: Any = 0
    for step in path:
        holder, last = holder[last], step
    old = holder[last]
    changes: list[Any] = draw(st.permutations(ANYTHING))[:1]
    if isinstance(old, dict):
        changes += [old | {"unknown": 1}, old | {"id_tag": "a", "": None}]
        changes += [{key: part for key, part in old.items() if key != gone} for gone in old]
        changes += [old | {key: None} for key in node.get("properties", {})]
    if isinstance(old, str):
        longest = node.get("maxLength", 30)
        changes += ["x" * longest, "x" * (longest + 1), "\U0001f600" * (longest + 1), old + "?", old.lower(), [old]]
    if isinstance(old, list):
        changes += [[], {}, [*old, None], [*old, 1], [*old, *old]]
    if isinstance(old, int | Decimal) and not isinstance(old, bool):
        changes += [str(old), [old]]
        if abs(Decimal(old)) < 2**52:  # beyond it no double holds a fraction for the judge to see
            changes += [old + Decimal("0.01"), old + Decimal("0.1")]
    holder[last] = draw(st.sampled_from(changes))
    return path, value if path else holder[0]


# --- what is judged -------------------------------------------------------------------------------------------------

KINDS: dict[str, type[Message]] = {
    **frames.REQUESTS,
    **{f"{action}Response": kind for action, kind in frames.RESPONSES.items()},
}

LIGHT = settings(
    deadline=None,
    database=None,
    max_examples=50,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
HEAVY = settings(LIGHT, max_examples=80)


def read(name: str, data: bytes) -> Any:
    """One payload through the door it comes in by."""
    if name in frames.REQUESTS:
        call = frames.read(b'[2,"1","%b",%b]' % (name.encode(), data))
        assert isinstance(call, frames.Call)
        assert call.deviations == ()
        return call.payload
    return frames.read_result(name.removesuffix("Response"), data)


def accepted(name: str, data: bytes) -> bool:
    try:
        read(name, data)
    except frames.BadMessage:
        return False
    return True


def accepted_slowly(name: str, data: bytes) -> bool:
    try:
        _, used = read_slowly(KINDS[name], data, False)
    except Violation:
        return False
    assert used == ()
    return True


def turned(value: Any) -> Any:
    """The same with the keys of every object the other way round: order in must not be order out."""
    if isinstance(value, dict):
        return {key: turned(value[key]) for key in reversed(value)}
    return [turned(one) for one in value] if isinstance(value, list) else value


def assert_same(name: str, node: Any, said: Any, given: Any) -> None:
    """Equal content, dates as instants to the millisecond, and the keys in the order of the schema."""
    node = resolve(name, node)
    if isinstance(given, dict):
        assert list(said) == [key for key in node.get("properties", {}) if key in given]
        for key, part in given.items():
            assert_same(name, node["properties"][key], said[key], part)
    elif isinstance(given, list):
        assert len(said) == len(given)
        for one, part in zip(said, given, strict=True):
            assert_same(name, node["items"], one, part)
    elif node.get("format") == "date-time":
        assert len(said) in (20, 24)
        assert said[-1] == "Z"
        assert abs(datetime.fromisoformat(said) - msgspec.convert(given, datetime)) <= timedelta(milliseconds=1)
    else:
        assert said == given
        assert isinstance(said, bool) == isinstance(given, bool)


def test_there_are_78_schemas_and_a_type_for_each() -> None:
    assert len(NAMES) == 78
    assert sorted(KINDS) == NAMES
    assert len(frames.REQUESTS) == 28 + 11
    for action, kind in frames.REQUESTS.items():
        assert kind.action == action == kind.__name__
        assert kind.response.__name__ == f"{action}Response"


@pytest.mark.parametrize("name", NAMES)
def test_what_the_schema_accepts_is_accepted_and_said_again(name: str) -> None:
    @LIGHT
    @given(instances(name, schema(name)))
    def check(value: Any) -> None:
        data = as_json(turned(value))
        assert accepts(name, data)
        message = read(name, data)
        said = frames.write_payload(message)
        assert accepts(name, said)
        assert_same(name, schema(name), json.loads(said, parse_float=Decimal), value)
        assert read_slowly(KINDS[name], data, False) == (message, ())
        assert read(name, said) == message

    check()


@pytest.mark.parametrize("name", NAMES)
def test_what_the_schema_refuses_is_refused(name: str) -> None:
    @HEAVY
    @given(mutants(name))
    def check(mutant: Any) -> None:
        path, value = mutant
        data = as_json(value)
        verdict = accepts(name, data)
        assert accepted(name, data) is verdict, f"at {path}"
        assert accepted_slowly(name, data) is verdict, f"at {path}"

    check()


def test_the_package_and_the_schemas_of_the_alliance_differ_where_named() -> None:
    """Hertz and minItems are no part of the schema: the first is refused, an empty list is not."""
    values = b'{"connectorId":1,"meterValue":[{"timestamp":"2026-01-01T00:00:00Z","sampledValue":[%b]}]}'
    assert not accepted("MeterValues", values % b'{"value":"50","unit":"Hertz"}')
    assert accepted("MeterValues", values % b"")
    assert accepted("MeterValues", b'{"connectorId":1,"meterValue":[]}')


# --- decimals (multipleOf 0.1) --------------------------------------------------------------------------------------


def profile(limit: str) -> bytes:
    return (
        b'{"status":"Accepted","chargingSchedule":{"chargingRateUnit":"A","chargingSchedulePeriod":'
        b'[{"startPeriod":0,"limit":%b}],"minChargingRate":%b}}' % (limit.encode(), limit.encode())
    )


@pytest.mark.parametrize("limit", ["0.1", "6.3", "16.0", "16", "0", "-0.1", "0.30", "1e1", "63e-1", "22000.7", "1e15"])
def test_a_limit_has_one_decimal(limit: str) -> None:
    assert accepts("GetCompositeScheduleResponse", profile(limit))
    answer = frames.read_result("GetCompositeSchedule", profile(limit))
    said = json.loads(frames.write_payload(answer), parse_float=Decimal)
    assert said["chargingSchedule"]["minChargingRate"] == Decimal(limit)


@pytest.mark.parametrize("limit", ["6.35", "0.05", "0.01", "6.300001", "0.30000000000004", "63e-2", "-6.35"])
def test_a_limit_with_two_decimals_is_refused(limit: str) -> None:
    assert not accepts("GetCompositeScheduleResponse", profile(limit))
    with pytest.raises(frames.BadMessage, match=r"PropertyConstraintViolation.*more than one decimal"):
        frames.read_result("GetCompositeSchedule", profile(limit))


@LIGHT
@given(st.integers(-(10**14), 10**14))
def test_every_tenth_up_to_15_digits_is_exact(tenths: int) -> None:
    limit = str(Decimal(tenths) / 10)
    assert accepted("GetCompositeScheduleResponse", profile(limit))
    assert not accepted("GetCompositeScheduleResponse", profile(str(Decimal(tenths % 10**13) / 10 + Decimal("0.05"))))


# --- dates ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("2026-08-21T12:00:00Z", "2026-08-21T12:00:00Z"),
        ("2026-08-21T12:00:00+02:00", "2026-08-21T10:00:00Z"),
        ("2026-01-01T00:30:00.5+01:00", "2025-12-31T23:30:00.500Z"),
        ("2026-08-21T12:00:00.123456789012Z", "2026-08-21T12:00:00.123Z"),
        ("2026-08-21T12:00:00.0004Z", "2026-08-21T12:00:00Z"),
        ("2016-12-31T23:59:60Z", "2016-12-31T23:59:59Z"),
        ("0001-01-01T00:00:00Z", "0001-01-01T00:00:00Z"),
    ],
)
def test_j_dates_are_utc_inside_and_said_with_milliseconds_at_most(given: str, said: str) -> None:
    answer = frames.read_result("Heartbeat", as_json({"currentTime": given}))
    assert answer.current_time.tzinfo is UTC
    assert frames.write_payload(answer) == as_json({"currentTime": said})


@pytest.mark.parametrize(
    "given",
    [
        "9999-12-31T23:59:59-14:00",
        "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:59:60-01:00",
        "0000-01-01T00:00:00Z",
        "2024-W01-1",
        "2024-02-30T00:00:00Z",
        "2026-08-21T24:00:00Z",
        "2026-08-21T12:00:00",
        "12:00",
        "",
    ],
)
def test_j_what_is_no_date_is_refused(given: str) -> None:
    with pytest.raises(frames.BadMessage, match=r"PropertyConstraintViolation: currentTime: "):
        frames.read_result("Heartbeat", as_json({"currentTime": given}))


def test_every_date_is_cut_to_milliseconds_and_nothing_else_is() -> None:
    found: set[str] = set()

    def walk(shape: Any) -> None:
        for field in getattr(shape, "fields", ()):
            if isinstance(field.type, msgspec.inspect.DateTimeType):
                found.add(field.encode_name)
            walk(field.type)
        if item := getattr(shape, "item_type", None):
            walk(item)

    for kind in KINDS.values():
        walk(msgspec.inspect.type_info(kind))
    assert found == set(frames.DATE_NAMES)
    date = "2026-08-21T12:00:00.123000Z"
    data = as_json({"vendorId": date, "messageId": f'"timestamp":"{date}"', "data": date})
    assert frames.write_payload(read("DataTransfer", data)) == data


# --- the types themselves -------------------------------------------------------------------------------------------


def test_wire_names_are_the_schemas_words_and_none_is_left_over() -> None:
    words: set[str] = set()

    def walk(node: Any) -> None:
        if isinstance(node, dict):
            words.update(node.get("properties", {}))
            for part in node.values():
                walk(part)

    for name in NAMES:
        walk(schema(name))
    assert set(WIRE_NAMES.values()) == {word for word in words if not word.islower()}


def test_messages_are_frozen_and_hashable() -> None:
    value = b'{"listVersion":1,"updateType":"Full","localAuthorizationList":[{"idTag":"a"}]}'
    message = read("SendLocalList", value)
    assert hash(message) == hash(read("SendLocalList", value))
    with pytest.raises(AttributeError):
        message.list_version = 2
