"""Logs by GetLog (white paper "Improved security for OCPP 1.6-J", N01; reference 15.7; TC_079; trap 93)."""

from datetime import timedelta
from typing import Any

import pytest

from chargepost import signals as sig
from chargepost.catalogue.load import releases
from chargepost.ocpp import frames, messages, security
from tests.rules.rig import Rig, utc

URL = "https://files.example/logs"


def fresh(model: str = "evlink-pro-ac") -> Rig:
    rig = Rig(model)
    rig.answers["LogStatusNotification"] = security.LogStatusNotificationResponse()
    rig.folders[URL] = []
    rig.run(2)
    rig.forget()
    return rig


def ask(rig: Rig, request: int = 7, kind: Any = "SecurityLog", url: str = URL, **more: Any) -> Any:
    return rig.ask(
        security.GetLog(log_type=kind, request_id=request, log=security.LogParameters(remote_location=url), **more)
    )


def told(rig: Rig) -> list[tuple[str, Any]]:
    return [(each.status, each.request_id) for each in rig.said("LogStatusNotification")]


def test_r_048_r_049_a_security_log_is_sent_and_told_with_its_request() -> None:
    """TC_079."""
    rig = fresh()
    answer = ask(rig)
    assert answer.status == "Accepted"
    rig.run(5)
    (sent,) = rig.folders[URL]
    assert sent.name == answer.filename
    assert sent.text.startswith("Security log\n")
    assert "Configuration" not in sent.text
    assert told(rig) == [("Uploading", 7), ("Uploaded", 7)]


def test_a_diagnostics_log_is_the_report() -> None:
    rig = fresh()
    since = utc(rig) - timedelta(days=1)
    log = security.LogParameters(remote_location=URL, oldest_timestamp=since)
    rig.ask(security.GetLog(log_type="DiagnosticsLog", request_id=8, log=log))
    rig.run(5)
    (sent,) = rig.folders[URL]
    assert sent.text.startswith("Maintenance report\n")
    assert (sent.since_utc_s, sent.until_utc_s) == (since.timestamp(), None)


def test_a_second_request_cancels_the_first() -> None:
    rig = fresh()
    rig.slow = True
    assert ask(rig, 7).status == "Accepted"
    rig.run(1)
    assert ask(rig, 8).status == "AcceptedCanceled"
    rig.run(1)
    rig.transfer()
    rig.run(2)
    assert told(rig) == [("Uploading", 7), ("Uploading", 8), ("Uploaded", 8)]
    assert len(rig.folders[URL]) == 1


def test_retries_are_attempts_after_the_first() -> None:
    """Conformance, section 4: three rounds of Uploading and UploadFailure, as the wire has it."""
    rig = fresh()
    ask(rig, url="https://nowhere.example/", retries=2, retry_interval=10)
    rig.run(100)
    assert told(rig) == [("Uploading", 7), ("UploadFailure", 7)] * 3


def test_a_power_cut_ends_an_upload_and_its_request_is_told_so() -> None:
    rig = fresh()
    rig.slow = True
    ask(rig, 9)
    rig.run(1)
    rig.power_cycle()
    rig.run(5)
    assert told(rig) == [("Uploading", 9), ("UploadFailure", 9)]


def test_a_trigger_for_diagnostics_is_not_about_a_log() -> None:
    rig = fresh()
    rig.slow = True
    ask(rig)
    rig.run(1)
    rig.ask(messages.TriggerMessage(requested_message="DiagnosticsStatusNotification"))
    rig.run(1)
    assert rig.last("DiagnosticsStatusNotification").status == "Idle"


@pytest.mark.parametrize("line", releases())
def test_trap_4_a_product_whose_table_has_no_get_log_says_so(line: str) -> None:
    rig = fresh(line)
    answer = ask(rig)
    if "GetLog" in rig.model.messages.answers:
        assert answer.status == "Accepted"
    else:
        assert isinstance(answer, frames.Error)
        assert answer.code == "NotSupported"
        assert not rig.wished(sig.SendReport)
