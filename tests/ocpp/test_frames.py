"""OCPP-J frames (section 4): what is read, what is refused and by which code, and what is tolerated by name."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from chargepost.ocpp import frames
from chargepost.ocpp.deviations import DEVIATIONS, NAMES
from chargepost.ocpp.frames import BadMessage, Call, Error, NotAFrame, Result
from chargepost.ocpp.messages import (
    Authorize,
    Heartbeat,
    HeartbeatResponse,
    MeterValuesResponse,
    Reset,
    StartTransaction,
)

NOW = datetime(2026, 8, 21, 12, tzinfo=UTC)


def call(action: str, payload: str, ident: str = "1") -> bytes:
    return f'[2,"{ident}","{action}",{payload}]'.encode()


def refusal(data: bytes, *, tolerant: Any = False) -> BadMessage:
    with pytest.raises(BadMessage) as caught:
        frames.read(data, tolerant=tolerant)
    return caught.value


# --- said -----------------------------------------------------------------------------------------------------------


def test_j_4_2_frames_are_compact_arrays() -> None:
    start = StartTransaction(connector_id=1, id_tag="A1", meter_start=0, timestamp=NOW)
    assert frames.write_call("7", start) == (
        b'[2,"7","StartTransaction",{"connectorId":1,"idTag":"A1","meterStart":0,"timestamp":"2026-08-21T12:00:00Z"}]'
    )
    assert frames.write_call("8", Heartbeat()) == b'[2,"8","Heartbeat",{}]'
    assert frames.write_result("8", HeartbeatResponse(current_time=NOW)) == (
        b'[3,"8",{"currentTime":"2026-08-21T12:00:00Z"}]'
    )
    assert frames.write_result("9", MeterValuesResponse()) == b'[3,"9",{}]'


def test_j_4_2_3_a_callerror_has_five_elements_and_a_short_description() -> None:
    assert frames.write_error("1", "InternalError") == b'[4,"1","InternalError","",{}]'
    written = json.loads(frames.write_error("1", "InternalError", "\ud800" + "x" * 300, {"a": 1}))
    assert len(written) == 5
    assert written[3].startswith("\\ud800xxx")
    assert len(written[3]) == 255
    assert written[4] == {"a": 1}


def test_what_is_said_is_read() -> None:
    request = Authorize(id_tag="A1")
    assert frames.read(frames.write_call("1", request)) == Call("1", "Authorize", request)
    answer = HeartbeatResponse(current_time=NOW)
    result = frames.read(frames.write_result("1", answer))
    assert isinstance(result, Result)
    assert type(result.payload) is bytes
    assert frames.read_result("Heartbeat", result.payload) == answer
    assert frames.read(frames.write_error("1", "NotSupported", "no", {"a": [1]})) == Error(
        "1", "NotSupported", "no", {"a": [1]}
    )


# --- refused --------------------------------------------------------------------------------------------------------

START = '{"connectorId":1,"idTag":"A1","meterStart":0,"timestamp":"2026-08-21T12:00:00Z"}'
PROFILE = (
    '{"connectorId":1,"csChargingProfiles":{"chargingProfileId":1,"stackLevel":0,"chargingProfilePurpose":"TxProfile",'
    '"chargingProfileKind":"Absolute","chargingSchedule":{"chargingRateUnit":"A","chargingSchedulePeriod":'
    '[{"startPeriod":0,"limit":16.0}]}}}'
)
VALUES = (
    '{"connectorId":1,"meterValue":[{"timestamp":"2026-08-21T12:00:00Z","sampledValue":[{"value":"1","unit":"Wh"}]}]}'
)
LIST = (
    '{"listVersion":1,"updateType":"Full","localAuthorizationList":[{"idTag":"A1","idTagInfo":{"status":"Blocked"}}]}'
)

OCCURENCE, TYPE = "OccurenceConstraintViolation", "TypeConstraintViolation"
FORMATION, PROPERTY = "FormationViolation", "PropertyConstraintViolation"

VIOLATIONS = (
    # action, a valid payload, what is replaced in it, by what, code, where the description points
    ("StartTransaction", START, '"idTag":"A1",', "", OCCURENCE, "idTag is missing"),
    (
        "SendLocalList",
        LIST,
        '"status":"Blocked"',
        "",
        OCCURENCE,
        "localAuthorizationList[0].idTagInfo.status is missing",
    ),
    ("StartTransaction", START, "1", '"1"', TYPE, "connectorId: an integer is wanted, not the text '1'"),
    ("StartTransaction", START, "1", "1.5", TYPE, "connectorId: an integer is wanted, not the number 1.5"),
    ("StartTransaction", START, "1", "1.0", TYPE, "connectorId: an integer is wanted"),
    ("StartTransaction", START, "1", "true", TYPE, "connectorId: an integer is wanted, not true"),
    ("StartTransaction", START, "1", "[" * 50 + "]" * 50, TYPE, "connectorId: an integer is wanted, not a list"),
    ("StartTransaction", START, '"A1"', "null", TYPE, "idTag: text is wanted, not null"),
    ("StartTransaction", START, '"A1"', "7", TYPE, "idTag: text is wanted, not the integer 7"),
    ("StartTransaction", START, '"A1"', '"A1","reservationId":null', TYPE, "reservationId: null is no value"),
    ("SetChargingProfile", PROFILE, "16.0", '"16.0"', TYPE, "limit: a number is wanted"),
    ("SetChargingProfile", PROFILE, '[{"startPeriod":0,"limit":16.0}]', "{}", TYPE, "a list is wanted, not an object"),
    ("MeterValues", VALUES, '{"value":"1","unit":"Wh"}', "1", TYPE, "sampledValue[0]: an object is wanted"),
    ("StartTransaction", START, "{", '{"extra":1,', FORMATION, "has no field 'extra'"),
    ("MeterValues", VALUES, '"unit":', '"Unit":', FORMATION, "meterValue[0].sampledValue[0] has no field 'Unit'"),
    ("StartTransaction", START, "A1", "A" * 21, FORMATION, "idTag: 21 characters, 20 are allowed"),
    ("StartTransaction", START, START, "[]", FORMATION, "the payload is a list, not an object"),
    ("StartTransaction", START, START, "null", FORMATION, "the payload is null, not an object"),
    (
        "MeterValues",
        VALUES,
        '"Wh"',
        '"Hertz"',
        PROPERTY,
        "meterValue[0].sampledValue[0].unit: 'Hertz' is none of A, Celcius, Celsius",
    ),
    ("Reset", '{"type":"Soft"}', "Soft", "soft", PROPERTY, "type: 'soft' is none of Hard, Soft"),
    ("SetChargingProfile", PROFILE, "16.0", "16.05", PROPERTY, "limit: 16.05 has more than one decimal"),
    ("StartTransaction", START, "2026-08-21T", "2026-08-21 at ", PROPERTY, "timestamp: '2026-08-21 at 12:00:00Z'"),
    ("StartTransaction", START, "1", str(2**63), PROPERTY, "connectorId: the integer is beyond 64 bits"),
    ("StartTransaction", START, "1", "9" * 5000, PROPERTY, "out of range"),
    ("SetChargingProfile", PROFILE, "16.0", "1e999", PROPERTY, "out of range"),
)


@pytest.mark.parametrize("row", VIOLATIONS, ids=lambda row: f"{row[0]}: {row[5]}")
def test_j_4_2_3_each_violation_has_its_code(row: tuple[str, ...]) -> None:
    action, valid, old, new, code, where = row
    assert isinstance(frames.read(call(action, valid)), Call)
    error = refusal(call(action, valid.replace(old, new, 1)))
    assert (error.message_id, error.code) == ("1", code)
    assert where in error.description
    assert len(error.description) <= 255


def test_j_4_2_3_an_empty_list_where_one_item_is_needed_breaks_the_cardinality() -> None:
    with pytest.raises(BadMessage, match=r"OccurenceConstraintViolation: certificateHashData: the list is empty"):
        frames.read_result("GetInstalledCertificateIds", b'{"status":"Accepted","certificateHashData":[]}')


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b'[2,"1","NoSuchAction",{}]', "NotImplemented"),
        (b'[2,"1","authorize",{"idTag":"a"}]', "NotImplemented"),  # actions are case-sensitive
        (b'[2,"1","Heartbeat"]', FORMATION),
        (b'[2,"1","Heartbeat",{},{}]', FORMATION),
        (b'[2,"1"]', FORMATION),
        (b'[2,"1",["Heartbeat"],{}]', FORMATION),
        (b'[2,"1",null,{}]', FORMATION),
        (b'[2,"1","\\ud800",{}]', "GenericError"),
        (b'[2,"1","Authorize",{"idTag":"\\uDFFF"}]', "GenericError"),
        (b'[2,"1","Authorize",{"idTag":"\\ud800\\u0041"}]', "GenericError"),
        (b'[2,"1","Authorize",{"idTag":"\xff"}]', "GenericError"),
        (b'[2,"1","Authorize",{"idTag":"\xed\xa0\x80"}]', "GenericError"),
        (b'[2,"1","NoSuchAction",{"a":"\xff"}]', "GenericError"),
    ],
)
def test_j_4_2_3_a_call_with_an_id_is_answered(data: bytes, code: str) -> None:
    for tolerant in (False, True):
        error = refusal(data, tolerant=tolerant)
        assert (error.message_id, error.code) == ("1", code)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b" ",
        b"{}",
        b"[]",
        b"null",
        b"[2]",
        b'[5,"1",{}]',
        b'["2","1","Heartbeat",{}]',
        b'[2.0,"1","Heartbeat",{}]',
        b'[true,"1","Heartbeat",{}]',
        b'[[2],"1","Heartbeat",{}]',
        b'[2,1,"Heartbeat",{}]',
        b'[2,["1"],"Heartbeat",{}]',
        b'[2,null,"Heartbeat",{}]',
        b'[2,"\\ud800","Heartbeat",{}]',
        b'[2,"\xff","Heartbeat",{}]',
        b'[2,"1","Heartbeat",{}',
        b'[2,"1","Heartbeat",{}]]',
        b'[2,"1","Heartbeat",{"a":NaN}]',
        b'[2,"1","Heartbeat",{"a":-Infinity}]',
        b'\xef\xbb\xbf[2,"1","Heartbeat",{}]',
        b'[3,"1"]',
        b'[3,"1",{},{}]',
        b'[3,"1",{"a":"\xff"}]',
        b'[3,"' + b"1" * 41 + b'",{}]',
        b'[4,"1"]',
        b'[4,"1",["NotSupported"],"",{}]',
        b'[4,"1","NotSupported","",{},{}]',
        b"[" * 100_000,
        b'[2,"1","Heartbeat",' + b"[" * 100_000 + b"]" * 100_000 + b"]",
        b'[2,"1","Heartbeat",' + b'{"a":' * 100_000 + b"1" + b"}" * 100_000 + b"]",
        b'[2,"1","Heartbeat",{"a":"' + b"x" * frames.MAX_FRAME_BYTES + b'"}]',
    ],
    ids=lambda data: data[:30],
)
def test_j_4_1_3_what_cannot_be_answered_is_no_frame(data: bytes) -> None:
    for tolerant in (False, True):
        with pytest.raises(NotAFrame) as caught:
            frames.read(data, tolerant=tolerant)
        assert 0 < len(str(caught.value)) < 300


def test_a_frame_of_just_the_bound_is_read() -> None:
    head = b'[2,"1","DataTransfer",{"vendorId":"a","data":"'
    data = head + b"x" * (frames.MAX_FRAME_BYTES - len(head) - 3) + b'"}]'
    assert len(data) == frames.MAX_FRAME_BYTES
    assert isinstance(frames.read(data), Call)
    with pytest.raises(NotAFrame, match="1048577 bytes"):
        frames.read(data + b" ")


@pytest.mark.parametrize(
    "raw", [b"", b"{", b"[]", b"\xff", b'{"currentTime":"\\ud800"}', b"[" * 100_000, b"NaN", b"1e999"]
)
def test_a_broken_answer_is_a_bad_message(raw: bytes) -> None:
    for tolerant in (False, True):
        with pytest.raises(BadMessage):
            frames.read_result("Heartbeat", raw, tolerant=tolerant)


def test_of_a_key_given_twice_the_last_is_taken() -> None:
    for data in (call("Reset", '{"type":"Hard","type":"Soft"}'), call("Reset", '{"type":7,"type":"Soft"}')):
        read = frames.read(data)
        assert isinstance(read, Call)
        assert read.payload == Reset(type="Soft")


# --- tolerated ------------------------------------------------------------------------------------------------------

BOOT = '{"chargePointVendor":"Schneider Electric","chargePointModel":"EVlink Smart Wallbox",%s}'

TOLERATED: dict[str, tuple[bytes, dict[str, Any]]] = {
    "null_payload": (call("Heartbeat", "null"), {}),
    "null_field": (call("TriggerMessage", '{"requestedMessage":"Heartbeat","connectorId":null}'), {}),
    "whole_float": (call("CancelReservation", '{"reservationId":7.0}'), {"reservation_id": 7}),
    "number_in_text": (call("CancelReservation", '{"reservationId":"-7"}'), {"reservation_id": -7}),
    "date_without_zone": (call("StartTransaction", START.replace("00Z", "00")), {"timestamp": NOW}),
    "long_serial": (
        call("BootNotification", BOOT % '"chargeBoxSerialNumber":"EVB1A22P2RI3N182341200100350795E5"'),
        {"charge_box_serial_number": "EVB1A22P2RI3N182341200100350795E5"},
    ),
    "hertz": (call("MeterValues", VALUES.replace("Wh", "Hertz")), {}),
    "empty_list": (b'{"status":"NotFound","certificateHashData":[]}', {"certificate_hash_data": ()}),
    "extra_field": (b'{"status":"NotFound","vendor":{"a":[1]}}', {"status": "NotFound"}),
    "long_id": (call("Reset", '{"type":"Soft"}', "a" * 40), {"type": "Soft"}),
}
"""Row -> a frame with this deviation (for `empty_list` and `extra_field` an answer) and what must be understood."""

ALWAYS = {
    "error_spelling": (b'[4,"1","FormatViolation","",{}]', "FormationViolation"),
    "error_code": (b'[4,"1","RpcFrameworkError","",{}]', "RpcFrameworkError"),
    "error_form": (b'[4,"1","GenericError",null,[]]', "GenericError"),
}


def test_every_tolerance_has_its_example() -> None:
    assert set(TOLERATED) | set(ALWAYS) == NAMES == {row.name for row in DEVIATIONS}
    assert len(NAMES) == len(DEVIATIONS)
    assert all(row.what and row.source for row in DEVIATIONS)


@pytest.mark.parametrize("name", TOLERATED)
def test_a_deviation_is_taken_when_its_row_is_allowed_and_only_then(name: str) -> None:
    data, understood = TOLERATED[name]

    def read(tolerant: Any) -> tuple[Any, tuple[str, ...]]:
        if not data.startswith(b"["):
            return frames.judge_result("GetInstalledCertificateIds", data, tolerant=tolerant)
        frame = frames.read(data, tolerant=tolerant)
        assert isinstance(frame, Call)
        return frame.payload, frame.deviations

    for refusing in (False, (), NAMES - {name}):
        with pytest.raises(BadMessage):
            read(refusing)
    for taking in (True, NAMES, {name}):
        payload, deviations = read(taking)
        assert deviations == (name,)
        for field, value in understood.items():
            assert getattr(payload, field) == value


@pytest.mark.parametrize("name", ALWAYS)
def test_an_error_that_can_be_understood_is(name: str) -> None:
    data, code = ALWAYS[name]
    for tolerant in (False, True):
        error = frames.read(data, tolerant=tolerant)
        assert isinstance(error, Error)
        assert (error.code, error.deviations) == (code, (name,))
        assert error.details == {}


@pytest.mark.parametrize(
    "payload",
    [
        '{"reservationId":"1.5"}',
        '{"reservationId":"1e3"}',
        '{"reservationId":"1_000"}',
        '{"reservationId":"٣"}',
        '{"reservationId":" 1"}',
        '{"reservationId":""}',
        '{"reservationId":null}',
        '{"reservationId":1.5}',
        '{"reservationId":true}',
        '{"reservationId":"' + "9" * 30 + '"}',
        '{"reservationId":1e300}',
        "[]",
    ],
)
def test_tolerance_ends_where_the_meaning_does(payload: str) -> None:
    refusal(call("CancelReservation", payload), tolerant=True)


@pytest.mark.parametrize(
    ("action", "payload"),
    [
        ("Authorize", '{"idTag":7.0}'),
        ("Authorize", '{"idTag":"' + "a" * 21 + '"}'),
        ("BootNotification", BOOT % ('"chargeBoxSerialNumber":"' + "a" * 51 + '"')),
        ("GetConfiguration", '{"key":"1"}'),
        ("GetConfiguration", '{"key":[null]}'),
        ("SetChargingProfile", PROFILE.replace("16.0", '"16.05"')),
        ("StartTransaction", START.replace("2026-08-21T12:00:00Z", "2026-08-21")),
        ("MeterValues", VALUES.replace("Wh", "hertz")),
        ("Reset", '{"type":"Soft","extra":1}'),
        ("MeterValues", VALUES.replace('"unit":', '"Unit":')),
    ],
)
def test_a_tolerance_is_for_its_kind_of_field_only(action: str, payload: str) -> None:
    refusal(call(action, payload), tolerant=True)


def test_a_number_in_text_is_a_limit_too() -> None:
    read = frames.read(call("SetChargingProfile", PROFILE.replace("16.0", '"6.3"')), tolerant=True)
    assert isinstance(read, Call)
    assert read.deviations == ("number_in_text",)
    assert b'"limit":6.3}' in frames.write_payload(read.payload)


def test_several_deviations_are_all_told_once() -> None:
    payload = (
        START.replace("1", '"1"', 1)
        .replace("0,", "0.0,")
        .replace("00Z", "00")
        .replace('"meter', '"reservationId":null,"meter')
    )
    read = frames.read(call("StartTransaction", payload, "a" * 37), tolerant=True)
    assert isinstance(read, Call)
    assert read.deviations == ("long_id", "number_in_text", "whole_float", "null_field", "date_without_zone")
    assert read.payload == StartTransaction(connector_id=1, id_tag="A1", meter_start=0, timestamp=NOW)


def test_an_id_too_long_for_a_strict_reader_is_answered() -> None:
    assert refusal(call("Heartbeat", "{}", "a" * 37)).code == FORMATION
    assert refusal(call("Heartbeat", "{}", "a" * 41), tolerant=True).message_id == "a" * 41
    assert isinstance(frames.read(call("Heartbeat", "{}", "a" * 36)), Call)
    answer = frames.read(b'[3,"' + b"a" * 40 + b'",{}]', tolerant=True)
    assert answer == Result("a" * 40, b"{}", ("long_id",))


def test_an_unknown_deviation_is_named() -> None:
    with pytest.raises(ValueError, match="no such deviation: nulls; there are date_without_zone"):
        frames.read(call("Heartbeat", "null"), tolerant={"nulls"})


def test_je_2_1_both_spellings_of_celsius_are_in_the_schema() -> None:
    for unit in ("Celcius", "Celsius"):
        assert isinstance(frames.read(call("MeterValues", VALUES.replace("Wh", unit))), Call)
