"""Whatever bytes come in, nothing but NotAFrame and BadMessage leaves the boundary, and both can be said."""

import contextlib
import json

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from chargepost.ocpp import frames

RUNS = settings(
    deadline=None,
    database=None,
    max_examples=2500,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)

SEEDS = [
    b'[2,"1","Authorize",{"idTag":"A1"}]',
    b'[2,"2","MeterValues",{"connectorId":1,"meterValue":[{"timestamp":"2026-08-21T12:00:00.5+02:00","sampledValue":'
    b'[{"value":"1","unit":"Wh","phase":"L1-N"}]}]}]',
    b'[2,"3","SetChargingProfile",{"connectorId":1,"csChargingProfiles":{"chargingProfileId":1,"stackLevel":0,'
    b'"chargingProfilePurpose":"TxProfile","chargingProfileKind":"Absolute","chargingSchedule":{"chargingRateUnit":"A",'
    b'"minChargingRate":6.3,"chargingSchedulePeriod":[{"startPeriod":0,"limit":16.0}]}}}]',
    b'[2,"4","GetInstalledCertificateIds",{"certificateType":"ManufacturerRootCertificate"}]',
    b'[2,"5","StatusNotification",{"connectorId":0,"errorCode":"NoError","status":"Available","info":"\\u00e9\xc3\xa9"}]',
    b'[3,"6",{"currentTime":"2026-08-21T12:00:00Z"}]',
    b'[4,"7","InternalError","text",{"a":[1,2.5,null]}]',
]

SHREDS = [
    *(b"[", b"]", b"{", b"}", b'"', b",", b":", b"\\", b"\\ud800", b"\\udc00", b"\\u0000", b"\x00", b"\xff"),
    *(b"\xed\xa0\x80", b"\xf0\x9f", b"null", b"true", b"NaN", b"Infinity", b"-", b"1e999", b"-1e999", b"0.05", b"1.0"),
    *(b"9" * 5000, b"9" * 400, b"[" * 3000, b'{"a":' * 3000, str(2**63).encode(), str(-(2**63) - 1).encode()),
    *(b'"1"', b"\xef\xbb\xbf", b"9999-12-31T23:59:59-14:00", b"0001-01-01T00:00:00+14:00", b"2016-12-31T23:59:60Z"),
    *(b'"idTag":"a","idTag":1,', b'"":null,', b'[2,"', b"\xe2\x80\xa8", b"2024-W01-1"),
]


@st.composite
def broken(draw: st.DrawFn) -> bytes:
    """A seed frame that was cut, doubled and sprinkled with what has broken parsers before."""
    data = draw(st.sampled_from(SEEDS))
    for _ in range(draw(st.integers(1, 4))):
        start, end = sorted(draw(st.tuples(st.integers(0, len(data)), st.integers(0, len(data)))))
        if draw(st.booleans()):
            end = min(end, start + 2)
        data = data[:start] + draw(st.sampled_from([b"", data[start:end] * 2, *SHREDS])) + data[end:]
    return data


def outcome(data: bytes, *, tolerant: bool) -> object:
    """What the boundary makes of it; any other exception fails the test."""
    try:
        return frames.read(data, tolerant=tolerant)
    except (frames.NotAFrame, frames.BadMessage) as error:
        return error


def check(data: bytes) -> None:
    for tolerant in (False, True):
        match outcome(data, tolerant=tolerant):
            case frames.BadMessage() as error:
                reply = json.loads(frames.write_error(error.message_id, error.code, error.description))
                assert reply[:3] == [4, error.message_id, error.code]
                assert error.code in frames.ERROR_CODES
                assert len(reply[3]) <= 255
                assert str(error).encode()
            case frames.NotAFrame() as error:
                assert str(error).encode()
            case frames.Call() as call:
                kept = tuple(name for name in call.deviations if name in ("long_id", "long_serial"))
                said = frames.write_call(call.id, call.payload)
                assert frames.read(said, tolerant=True) == frames.Call(call.id, call.action, call.payload, kept)
            case frames.Result() as result:
                for action in ("Heartbeat", "GetCompositeSchedule", "GetInstalledCertificateIds"):
                    with contextlib.suppress(frames.BadMessage):
                        frames.read_result(action, result.payload, tolerant=tolerant)


@pytest.mark.slow
@RUNS
@given(broken())
def test_broken_frames_are_refused_cleanly(data: bytes) -> None:
    check(data)


@settings(RUNS, max_examples=1000)
@given(st.binary(max_size=60) | st.text(max_size=60).map(str.encode))
@example(b"[" * 100_000)
@example(b"9" * 5000)
def test_noise_is_refused_cleanly(data: bytes) -> None:
    check(data)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=30),
    lambda part: st.lists(part, max_size=4) | st.dictionaries(st.text(max_size=8), part, max_size=4),
    max_leaves=8,
)


@pytest.mark.slow
@settings(RUNS, max_examples=1000)
@given(
    st.sampled_from([2, 3, 4, 5, None]),
    st.text(max_size=45) | JSON,
    st.sampled_from(sorted(frames.REQUESTS)) | JSON,
    st.lists(JSON, max_size=3),
)
def test_any_json_array_is_refused_cleanly(kind: object, ident: object, action: object, rest: list[object]) -> None:
    check(json.dumps([kind, ident, action, *rest], ensure_ascii=False).encode())
