"""OCPP-J 1.6, 4: whatever the other end does, a charge goes on and the station keeps talking; traps 1 to 8."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chargepost import signals as sig
from chargepost.ocpp import frames, messages
from chargepost.station.metering import date
from tests.rules.rig import ACCEPTED, SILENCE, TAG, Refuse, Rig, utc

MODELS = ["evlink-pro-ac", "evlink-smart-wallbox"]
both = pytest.mark.parametrize("model", MODELS)


def charging(model: str = "evlink-pro-ac") -> Rig:
    rig = Rig(model)
    rig.own(MeterValueSampleInterval="15")
    rig.run(2)
    rig.charge()
    rig.forget()
    return rig


def still_well(rig: Rig) -> None:
    """It charges, answers, samples and ends as ever."""
    rig.answers.clear()
    assert rig.power()
    rig.run(100)
    assert rig.power()
    if not rig.connected:
        rig.mend_at_once()
        rig.run(5)
    assert rig.ask(messages.GetConfiguration(key=("NumberOfConnectors",))).configuration_key
    assert rig.said("MeterValues")
    rig.badge()
    rig.run(60)
    stop = rig.last("StopTransaction")
    assert (stop.transaction_id, stop.reason) == (501, "Local")
    assert [r.delivered for r in rig.records.values()] == [True]


def deep(n: int) -> bytes:
    return b"[" * n + b"]" * n


GARBAGE: dict[str, bytes] = {
    "nothing": b"",
    "not json": b"hello",
    "half": b'[2,"1","Res',
    "not utf-8": b'[2,"1","\xff\xfe",{}]',
    "no array": b'{"a":1}',
    "empty array": b"[]",
    "a number": b"42",
    "unknown type": b'[9,"1",{}]',
    "type as text": b'["2","1","Reset",{}]',
    "id as number": b'[2,1,"Reset",{"type":"Soft"}]',
    "id as list": b'[2,["1"],"Reset",{"type":"Soft"}]',
    "null": b"null",
    "nan": b'[2,"1","GetCompositeSchedule",{"connectorId":NaN,"duration":1}]',
    "huge number": b'[2,"1","UnlockConnector",{"connectorId":' + b"9" * 5000 + b"}]",
    "lone surrogate": b'[2,"1","DataTransfer",{"vendorId":"\\ud800"}]',
    "nested": deep(100_000),
    "nested payload": b'[2,"1","Reset",' + b'{"a":' * 20_000 + b"1" + b"}" * 20_000 + b"]",
    "too long": b'[2,"1","DataTransfer",{"vendorId":"x","data":"' + b"x" * (2 << 20) + b'"}]',
    "answer to nothing": b'[3,"nobody",{}]',
    "error to nothing": b'[4,"nobody","InternalError","",{}]',
    "error without a code": b'[4,"nobody"]',
    "a reset that is none": b'[2,"1","Reset",{"type":"Warm"}]',
    "a stop that is none": b'[2,"1","RemoteStopTransaction",{"transactionId":"soon"}]',
    "one field too many": b'[2,"1","RemoteStopTransaction",{"transactionId":501,"now":true}]',
}


@both
@pytest.mark.parametrize("kind", GARBAGE)
def test_4_garbage_stops_no_charge(model: str, kind: str) -> None:
    rig = charging(model)
    for _ in range(3):
        rig.hear(GARBAGE[kind])
        rig.drain()
    rig.run(1)
    assert not rig.said("StopTransaction")
    still_well(rig)


@pytest.mark.parametrize(("payload", "codes"), [
    ({}, {"OccurenceConstraintViolation", "ProtocolError"}),
    ({"type": "Soft", "extra": 1}, {"FormationViolation"}),
    ({"type": 5}, {"TypeConstraintViolation"}),
    ({"type": "Warm"}, {"PropertyConstraintViolation"}),
    ([], {"FormationViolation", "TypeConstraintViolation"}),
])  # fmt: skip
def test_trap_6_what_is_wrong_with_a_request_is_said(payload: Any, codes: set[str]) -> None:
    rig = charging()
    rig.hear(json.dumps([2, "x", "Reset", payload]).encode())
    rig.drain()
    answer = rig.answer_to("x", "Reset")
    assert isinstance(answer, frames.Error)
    assert answer.code in codes
    still_well(rig)


@pytest.mark.parametrize("payload", ["{}", "[]", "null", '{"x":1}', '{"location":5}'])
@pytest.mark.parametrize(("model", "action"), [
    ("evlink-smart-wallbox", "GetLog"), ("schneider-charge", "ChangeAvailability"), ("evlink-pro-dc", "GetLog"),
    ("evlink-smart-wallbox", "ExtendedTriggerMessage"),
])  # fmt: skip
def test_trap_4_what_is_not_supported_is_said_whatever_its_payload(model: str, action: str, payload: str) -> None:
    """Before the payload is judged: who asks is told what to do without, not how to ask better."""
    rig = Rig(model)
    rig.run(2)
    rig.hear(f'[2,"x","{action}",{payload}]'.encode())
    rig.drain()
    answer = rig.answer_to("x", action)
    assert isinstance(answer, frames.Error)
    assert answer.code == "NotSupported"


def test_trap_4_an_action_nobody_knows_is_not_implemented() -> None:
    rig = charging()
    rig.hear(b'[2,"x","Dance",{}]')
    rig.drain()
    answer = rig.answer_to("x", "Dance")
    assert isinstance(answer, frames.Error)
    assert answer.code == "NotImplemented"


def test_malformed_bytes_that_are_no_text_are_a_generic_error() -> None:
    rig = charging()
    rig.hear(b'[2,"x","DataTransfer",{"vendorId":"\xff"}]')
    rig.drain()
    assert rig.answer_to("x", "DataTransfer").code == "GenericError"


def silent(rig: Rig) -> None:
    rig.answers = dict.fromkeys(["MeterValues", "StatusNotification", "Heartbeat", "StopTransaction"], SILENCE)
    rig.run(90)


def refusing(rig: Rig) -> None:
    rig.answers = dict.fromkeys(["MeterValues", "StatusNotification", "Heartbeat"], Refuse("InternalError"))
    rig.run(90)


def senseless(rig: Rig) -> None:
    """Answers that are none to what was asked."""
    nonsense = messages.ResetResponse(status="Rejected")
    rig.answers = dict.fromkeys(["StatusNotification", "Heartbeat", "MeterValues"], nonsense)
    rig.run(90)


def twice(rig: Rig) -> None:
    """Each answer a second time, and with another id before it."""
    seen = 0
    for _ in range(90):
        rig.run(1)
        ours = [f for _, way, f in rig.frames if way == "sent" and isinstance(f, frames.Call)]
        for call in ours[seen:]:
            for ident in ("wrong", call.id, call.id):
                rig.hear(frames.write_result(ident, messages.MeterValuesResponse()))
        seen = len(ours)


def late(rig: Rig) -> None:
    """Every answer comes after the time-out."""
    rig.answers = {"Heartbeat": SILENCE, "StatusNotification": SILENCE}
    rig.ask(messages.TriggerMessage(requested_message="Heartbeat"))
    rig.run(45)
    for call in [f for _, way, f in rig.frames if way == "sent" and getattr(f, "action", "") == "Heartbeat"]:
        rig.hear(frames.write_result(call.id, messages.HeartbeatResponse(current_time=utc(rig))))
    rig.drain()


def two_at_once(rig: Rig) -> None:
    """Calls that do not wait for their answers are answered all the same, each once."""
    for n in range(50):
        rig.hear(frames.write_call(f"burst-{n}", messages.GetConfiguration(key=("NumberOfConnectors",))))
    rig.drain()
    assert all(rig.answer_to(f"burst-{n}", "GetConfiguration") for n in range(50))
    answers = [f.id for _, way, f in rig.frames if way == "sent" and isinstance(f, frames.Result)]
    assert len(answers) == len(set(answers)) == 50


def the_same_id_twice(rig: Rig) -> None:
    for _ in range(2):
        rig.hear(frames.write_call("same", messages.ClearCache()))
    rig.drain()


def hanging_up(rig: Rig) -> None:
    """A link that breaks as soon as it is there."""
    for _ in range(20):
        rig.cut()
        rig.mend_at_once()
    assert rig.connected


def booting_us_anew(rig: Rig) -> None:
    """It sends answers to a BootNotification that was never sent, and a date of long ago."""
    rig.hear(frames.write_result("boot", messages.BootNotificationResponse(
        status="Rejected", current_time=utc(rig), interval=86400)))  # fmt: skip
    rig.drain()


PEERS: dict[str, Callable[[Rig], None]] = {
    "silent": silent, "refusing": refusing, "senseless": senseless, "twice": twice, "late": late,
    "many calls at once": two_at_once, "the same id twice": the_same_id_twice, "hanging up": hanging_up,
    "booting us anew": booting_us_anew,
}  # fmt: skip


@both
@pytest.mark.parametrize("peer", PEERS)
def test_4_1_a_misbehaving_peer_stops_no_charge(model: str, peer: str) -> None:
    rig = charging(model)
    PEERS[peer](rig)
    assert not rig.said("StopTransaction")
    still_well(rig)


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("when", ["9999-12-31T23:59:59Z", "0001-01-01T00:00:00Z", "1970-01-01T00:00:00Z"])
def test_a_date_that_cannot_be_is_refused(model: str, when: str) -> None:
    """After the last second of the year 9999 there is no date to say anything with."""
    rig = charging(model)
    rig.answers["Heartbeat"] = {"currentTime": when}
    rig.ask(messages.TriggerMessage(requested_message="Heartbeat"))
    rig.run(60)
    assert "date refused" in rig.notes()
    still_well(rig)
    (record,) = rig.records.values()
    assert record.stop_utc_s - record.start_utc_s == pytest.approx(record.duration_s, abs=1)


@pytest.mark.parametrize("utc_s", [1_000_000_000.0, 4_000_000_000.0])
def test_a_clock_set_to_nonsense_by_the_peer_stops_no_charge(utc_s: float) -> None:
    rig = charging()
    rig.answers["Heartbeat"] = messages.HeartbeatResponse(current_time=date(utc_s))
    rig.ask(messages.TriggerMessage(requested_message="Heartbeat"))
    rig.run(60)
    still_well(rig)
    (record,) = rig.records.values()
    assert record.stop_utc_s >= record.start_utc_s
    assert record.duration_s < 400


def test_trap_2_calls_of_ours_stay_bounded_while_nobody_answers() -> None:
    rig = charging()
    rig.answers = dict.fromkeys(["StatusNotification", "Heartbeat", "MeterValues", "Authorize"], SILENCE)
    for n in range(300):
        rig.ask(messages.TriggerMessage(requested_message="StatusNotification"))
        rig.tell(sig.BadgePresented(f"BADGE{n}"))
    assert len(rig.station.talk.calls) <= 64
    assert len(rig.station.asking) <= 8
    rig.run(20)
    assert rig.power()


def test_trap_3_an_answer_with_a_wrong_id_answers_nothing() -> None:
    rig = Rig()
    rig.run(2)
    rig.answers["Authorize"] = SILENCE
    rig.plug()
    rig.badge()
    rig.hear(frames.write_result("wrong", messages.AuthorizeResponse(id_tag_info=ACCEPTED)))
    rig.hear(frames.write_error("wrong", "InternalError", ""))
    rig.drain()
    rig.run(5)
    assert not rig.wished(sig.BadgeJudged)
    assert rig.notes().count("frame ignored") == 2


def test_trap_3_an_answer_after_the_time_out_changes_nothing() -> None:
    rig = Rig()
    rig.own(AllowOfflineTxForUnknownId="false")
    rig.run(2)
    rig.answers["Authorize"] = SILENCE
    rig.plug()
    rig.badge(TAG)
    rig.run(40)
    (call,) = [f for _, way, f in rig.frames if way == "sent" and getattr(f, "action", "") == "Authorize"]
    rig.hear(frames.write_result(call.id, messages.AuthorizeResponse(id_tag_info=ACCEPTED)))
    rig.drain()
    rig.run(10)
    assert not rig.said("StartTransaction")


# --- anything at all, drawn from a seed ------------------------------------------------------------------------------

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=10,
)

HARMLESS = [
    messages.GetConfiguration(key=("NumberOfConnectors",)), messages.ClearCache(), messages.DataTransfer(vendor_id="x"),
    messages.TriggerMessage(requested_message="MeterValues"), messages.RemoteStopTransaction(transaction_id=9),
    messages.TriggerMessage(requested_message="StatusNotification", connector_id=1),
    messages.RemoteStartTransaction(id_tag="SOMEBODY"), messages.ChangeAvailability(connector_id=1, type="Operative"),
    messages.ChangeConfiguration(key="nothing", value="x"), messages.GetLocalListVersion(),
]  # fmt: skip
"""Requests that are none to end a charge."""

OURS = ["StatusNotification", "Heartbeat", "MeterValues"]
"""What a station says while it charges."""

ANSWERING = st.one_of(
    st.just(SILENCE),
    st.sampled_from(sorted(frames.ERROR_CODES)).map(Refuse),
    json_values,
    st.just({"status": "Accepted", "currentTime": "2001-01-01T00:00:00Z", "interval": 5, "more": [1]}),
    st.datetimes().map(lambda date: {"currentTime": f"{date.isoformat(timespec='seconds')}Z"}),
)

Act = Callable[[Rig], object]


def heard(data: bytes) -> Act:
    return lambda rig: rig.hear(data)


def asked(payload: Any) -> Act:
    return lambda rig: rig.ask(payload)


def answering(action: str, answer: Any) -> Act:
    return lambda rig: rig.answers.update({action: answer})


def waiting(seconds: int) -> Act:
    return lambda rig: rig.run(seconds)


def told_again(way: str, back: int, payload: Any) -> Act:
    """An answer, or an error, to a call of before, or to the one that is open."""

    def act(rig: Rig) -> None:
        ours = [f.id for _, sent, f in rig.frames if sent == "sent" and isinstance(f, frames.Call)]
        if ours:
            ident = ours[-1 - back % len(ours)]
            number = 3 if way == "result" else 4
            rest = [payload] if number == 3 else ["InternalError", "", {}]
            rig.hear(json.dumps([number, ident, *rest]).encode())

    return act


def at_once(first: Any, second: Any) -> Act:
    """Two calls, neither of which waits for the other."""

    def act(rig: Rig) -> None:
        for n, payload in enumerate((first, second)):
            rig.hear(frames.write_call(f"pair-{n}", payload))

    return act


def spoilt(payload: Any, at: int, junk: bytes) -> Act:
    """A request with a few bytes of it replaced."""
    data = frames.write_call("spoilt", payload)
    return heard(data[: at % len(data)] + junk + data[at % len(data) + len(junk) :])


def lost(rig: Rig) -> None:
    rig.cut()
    rig.mend_at_once()


ACTS = st.one_of(
    st.binary(max_size=80).map(heard),
    json_values.map(lambda value: heard(json.dumps(value).encode())),
    st.builds(lambda ident, action, payload: heard(json.dumps([2, ident, action, payload]).encode()),
              json_values, st.sampled_from(sorted(frames.REQUESTS)), json_values),
    st.sampled_from(sorted(GARBAGE)).map(lambda kind: heard(GARBAGE[kind])),
    st.sampled_from(HARMLESS).map(asked),
    st.builds(at_once, st.sampled_from(HARMLESS), st.sampled_from(HARMLESS)),
    st.builds(spoilt, st.sampled_from(HARMLESS), st.integers(0, 200), st.binary(min_size=1, max_size=4)),
    st.builds(answering, st.sampled_from(OURS), ANSWERING),
    st.builds(told_again, st.sampled_from(["result", "error"]), st.integers(0, 5), json_values),
    st.integers(1, 20).map(waiting),
    st.just(lost),
)  # fmt: skip


@both
@settings(max_examples=60, derandomize=True, deadline=None)
@given(acts=st.lists(ACTS, min_size=3, max_size=12))
def test_4_whatever_a_peer_does_a_charge_goes_on_and_ends_as_ever(model: str, acts: list[Act]) -> None:
    """Wrong ids, types and fields, silence, doubled and late answers, two calls at once, bytes that are no frame."""
    rig = charging(model)
    for act in acts:
        act(rig)
        rig.drain()
    rig.run(30)
    assert not rig.said("StopTransaction")
    still_well(rig)
