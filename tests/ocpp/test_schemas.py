"""Every message against its official schema: the same verdict, the same content, the same order of keys."""

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import judge
import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chargepost.ocpp import frames
from chargepost.ocpp.deviations import Violation, read_slowly
from chargepost.ocpp.messages import WIRE_NAMES, Message

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
    node = judge.resolve(name, node)
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
    assert len(judge.NAMES) == 78
    assert sorted(KINDS) == judge.NAMES
    assert len(frames.REQUESTS) == 28 + 11
    for action, kind in frames.REQUESTS.items():
        assert kind.action == action == kind.__name__
        assert kind.response.__name__ == f"{action}Response"


@pytest.mark.parametrize("name", judge.NAMES)
def test_what_the_schema_accepts_is_accepted_and_said_again(name: str) -> None:
    @LIGHT
    @given(judge.instances(name, judge.schema(name)))
    def check(value: Any) -> None:
        data = judge.as_json(turned(value))
        assert judge.accepts(name, data)
        message = read(name, data)
        said = frames.write_payload(message)
        assert judge.accepts(name, said)
        assert_same(name, judge.schema(name), json.loads(said, parse_float=Decimal), value)
        assert read_slowly(KINDS[name], data, False) == (message, ())
        assert read(name, said) == message

    check()


@pytest.mark.parametrize("name", judge.NAMES)
def test_what_the_schema_refuses_is_refused(name: str) -> None:
    @HEAVY
    @given(judge.mutants(name))
    def check(mutant: Any) -> None:
        path, value = mutant
        data = judge.as_json(value)
        verdict = judge.accepts(name, data)
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
    assert judge.accepts("GetCompositeScheduleResponse", profile(limit))
    answer = frames.read_result("GetCompositeSchedule", profile(limit))
    said = json.loads(frames.write_payload(answer), parse_float=Decimal)
    assert said["chargingSchedule"]["minChargingRate"] == Decimal(limit)


@pytest.mark.parametrize("limit", ["6.35", "0.05", "0.01", "6.300001", "0.30000000000004", "63e-2", "-6.35"])
def test_a_limit_with_two_decimals_is_refused(limit: str) -> None:
    assert not judge.accepts("GetCompositeScheduleResponse", profile(limit))
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
    answer = frames.read_result("Heartbeat", judge.as_json({"currentTime": given}))
    assert answer.current_time.tzinfo is UTC
    assert frames.write_payload(answer) == judge.as_json({"currentTime": said})


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
        frames.read_result("Heartbeat", judge.as_json({"currentTime": given}))


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
    data = judge.as_json({"vendorId": date, "messageId": f'"timestamp":"{date}"', "data": date})
    assert frames.write_payload(read("DataTransfer", data)) == data


# --- the types themselves -------------------------------------------------------------------------------------------


def test_wire_names_are_the_schemas_words_and_none_is_left_over() -> None:
    words: set[str] = set()

    def walk(node: Any) -> None:
        if isinstance(node, dict):
            words.update(node.get("properties", {}))
            for part in node.values():
                walk(part)

    for name in judge.NAMES:
        walk(judge.schema(name))
    assert set(WIRE_NAMES.values()) == {word for word in words if not word.islower()}


def test_messages_are_frozen_and_hashable() -> None:
    value = b'{"listVersion":1,"updateType":"Full","localAuthorizationList":[{"idTag":"a"}]}'
    message = read("SendLocalList", value)
    assert hash(message) == hash(read("SendLocalList", value))
    with pytest.raises(AttributeError):
        message.list_version = 2
