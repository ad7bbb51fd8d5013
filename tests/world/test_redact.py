"""No secret leaves: bar 23 of the reliability plan, twenty ways a canary could get into a log (redact.py)."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chargepost.redact import MASK, redact_frame, redact_text, redact_url

CANARY = "C4nary-5ecret"

FRAMES = [
    '[2,"1","ChangeConfiguration",{"key":"AuthorizationKey","value":"%s"}]',
    '[2,"1","ChangeConfiguration",{"value":"%s","key":"authorizationKEY"}]',
    r'[2,"1","ChangeConfiguration",{"key":"\u0041uthorizationKey","value":"%s"}]',
    '[3,"1",{"configurationKey":[{"key":"HeartbeatInterval","readonly":false,"value":"60"},'
    '{"key":"AuthorizationKey","readonly":false,"value":"%s"}]}]',
    '[2,"1","GetDiagnostics",{"location":"ftp://user:%s@files.example/up"}]',
    '[2,"1","UpdateFirmware",{"location":"https://user:p@%s@files.example/up","retrieveDate":"2026-01-01T00:00:00Z"}]',
    '[2,"1","GetLog",{"log":{"remoteLocation":"https://files.example/?token=%s&a=1"}}]',
    '[2,"1","DataTransfer",{"vendorId":"x","data":"{\\"key\\":\\"AuthorizationKey\\",\\"value\\":\\"%s\\"}"}]',
    '[2,"1","DataTransfer",{"vendorId":"x","data":"Password=%s"}]',
    '[4,"1","GenericError","no",{"password":"%s"}]',
    '[4,"1","GenericError","Authorization: Basic %s",{}]',
    '[2,"1","ChangeConfiguration",{"key":"AuthorizationKey","value":"%s"}',  # cut off
    '[2,"1","ChangeConfiguration",{"value":"%s","key":"AuthorizationKey"',
    '[2,"1","ChangeConfiguration",{"key":"CpoPassword","value":["%s"]}]',
]

TEXTS = [
    "dialling wss://EVSE1:%s@central.example:9000/ocpp/EVSE1",
    "GET /ocpp/1 Authorization: Bearer %s",
    "{'Authorization': 'Basic %s'}",
    "sent header bearer %s, refused",
    "chargepost station evlink-pro-ac --set AuthorizationKey=%s --json",
    'password = "%s"',
    "<ns:key>AuthorizationKey</ns:key> <ns:value>%s</ns:value>",
]

HARMLESS = [
    '[2,"1","ChangeConfiguration",{"key":"WebSocketPingInterval","value":"60"}]',
    '[2,"1","Heartbeat",{}]',
    '[2,"1","DataTransfer",{"vendorId":"x","data":"{\\"idToken\\":\\"04A291\\"}"}]',
    '[2,"1","GetDiagnostics",{"location":"ftp://files.example:2121/up"}]',
    "connect yours ws://127.0.0.1:8610/ocpp/a@b, Basic authentication refused",
    "not json at all",
]


@pytest.mark.parametrize("template", FRAMES)
def test_23_no_canary_in_a_frame(template: str) -> None:
    clean = redact_frame((template % CANARY).encode()).decode()
    assert CANARY not in clean
    assert MASK in clean


@pytest.mark.parametrize("template", TEXTS + FRAMES[:2] + FRAMES[4:7])
def test_23_no_canary_in_a_line_of_text(template: str) -> None:
    clean = redact_text(template % CANARY)
    assert CANARY not in clean
    assert MASK in clean


def test_23_no_canary_in_a_basic_header_without_its_name() -> None:
    assert "RVZTRTE6czNjcmV0" not in redact_text("sent Basic RVZTRTE6czNjcmV0 to the central system")


@pytest.mark.parametrize("text", HARMLESS)
def test_what_carries_no_secret_passes_byte_for_byte(text: str) -> None:
    assert redact_text(text) == text
    assert redact_frame(text.encode()) == text.encode()


def test_a_url_keeps_who_and_where() -> None:
    assert redact_url("wss://EVSE1:pw@central.example:9000/o?password=x&b=1") == (
        f"wss://EVSE1:{MASK}@central.example:9000/o?password={MASK}&b=1"
    )


def test_a_masked_frame_is_still_a_frame() -> None:
    clean = json.loads(redact_frame((FRAMES[3] % CANARY).encode()))
    assert clean[2]["configurationKey"][0] == {"key": "HeartbeatInterval", "readonly": False, "value": "60"}
    assert clean[2]["configurationKey"][1]["value"] == MASK


SECRETS = st.text(min_size=6).filter(lambda s: s not in MASK and s not in "ChangeConfigurationAuthorizationKey")


@given(SECRETS, st.sampled_from([True, False]))
def test_23_any_secret_is_masked_however_it_is_written(secret: str, escaped: bool) -> None:
    call = [2, "1", "ChangeConfiguration", {"key": "AuthorizationKey", "value": secret}]
    clean = json.loads(redact_frame(json.dumps(call, ensure_ascii=escaped).encode("utf-8", "surrogatepass")))
    assert clean[3]["value"] == MASK


@given(st.binary(max_size=300) | st.text(max_size=300).map(str.encode))
def test_nothing_that_comes_in_makes_it_fail(data: bytes) -> None:
    redact_frame(data)


def test_deep_nesting_is_masked_not_followed() -> None:
    deep = b'[2,"1","DataTransfer",' + b'{"a":' * 500 + b'{"password":"' + CANARY.encode() + b'"}' + b"}" * 500 + b"]"
    assert CANARY.encode() not in redact_frame(deep)
    assert CANARY.encode() not in redact_frame(b"[" * 100_000 + b'"password=' + CANARY.encode() + b'"')
