"""A diagnostics report: asked for, sent, or not to be sent (OCPP 1.6, 4.4, 5.9; reference 14.2; TC_045; trap 68)."""

import re
from datetime import timedelta
from typing import Any

import pytest

from chargepost import signals as sig
from chargepost.catalogue.load import releases
from chargepost.ocpp import messages
from chargepost.station import report
from tests.rules.rig import SILENCE, PowerCut, Rig, utc

URL = "ftp://files.example/reports"


def fresh(model: str = "evlink-pro-ac") -> Rig:
    rig = Rig(model)
    rig.folders[URL] = []
    rig.run(2)
    rig.forget()
    return rig


def ask(rig: Rig, url: str = URL, **more: Any) -> str:
    answer = rig.ask(messages.GetDiagnostics(location=url, **more))
    assert isinstance(answer.file_name, str)
    return answer.file_name


def told(rig: Rig) -> list[str]:
    return [each.status for each in rig.said("DiagnosticsStatusNotification")]


@pytest.mark.parametrize("line", releases())
def test_r_230_every_product_sends_its_report_under_the_name_it_answered(line: str) -> None:
    """TC_045_1."""
    rig = fresh(line)
    name = ask(rig)
    rig.run(5)
    (sent,) = rig.folders[URL]
    assert sent.name == name
    assert re.fullmatch(r"report-[A-Za-z0-9-]+-\d{8}T\d{6}Z\.txt(\.gz)?", name)
    assert told(rig) == ["Uploading", "Uploaded"]
    assert rig.model.identity.firmware in sent.text
    assert not [key for key in rig.memory if key.startswith("maintenance/")]


@pytest.mark.parametrize("line", releases())
def test_r_180_r_213_r_233_a_report_is_compressed_as_the_key_says(line: str) -> None:
    """The key is CompressDiagnostic or compressDiagnostic, true from the factory; others have none and do not."""
    rig = fresh(line)
    keys = {"evlink-pro-ac": "CompressDiagnostic"} | dict.fromkeys(releases(), "compressDiagnostic")
    keys["evlink-pro-ac"] = "CompressDiagnostic"
    has = line not in ("evlink-pro-dc", "schneider-charge")
    assert (rig.value(keys[line]) == "true") == has
    for value in ("true", "false"):
        if has:
            assert rig.change(keys[line], value) == "Accepted"
        name = ask(rig)
        rig.run(5)
        sent = rig.folders[URL][-1]
        assert sent.compressed == name.endswith(".gz") == (has and value == "true")


def test_the_dates_asked_for_bound_the_log() -> None:
    rig = fresh()
    since, until = utc(rig) - timedelta(days=2), utc(rig) - timedelta(days=1)
    ask(rig, start_time=since, stop_time=until)
    rig.run(5)
    ask(rig)
    rig.run(5)
    first, second = rig.folders[URL]
    assert (first.since_utc_s, first.until_utc_s) == (since.timestamp(), until.timestamp())
    assert (second.since_utc_s, second.until_utc_s) == (None, None)


@pytest.mark.parametrize(("retries", "rounds"), [(None, 1), (2, 3)])
def test_retries_are_attempts_after_the_first(retries: int | None, rounds: int) -> None:
    """TC_045_2; conformance, section 4."""
    rig = fresh()
    more = {} if retries is None else {"retries": retries, "retry_interval": 10}
    ask(rig, "ftp://nowhere.example/", **more)
    rig.run(100)
    assert told(rig) == ["Uploading", "UploadFailed"] * rounds
    at = [t for t, wish in rig.wishes if isinstance(wish, sig.SendReport)]
    assert [after - at[0] for after in at] == pytest.approx([10.0 * n for n in range(rounds)])


def test_a_second_request_takes_the_place_of_the_first() -> None:
    """1.6 does not say; GetLog cancels the upload that runs (white paper, N01), and so does this."""
    rig = fresh()
    rig.slow = True
    ask(rig)
    rig.run(2)
    second = ask(rig, start_time=utc(rig))
    rig.run(2)
    rig.transfer()
    rig.run(2)
    assert [sent.name for sent in rig.folders[URL]] == [second]
    assert told(rig) == ["Uploading", "Uploading", "Uploaded"]


def test_a_report_that_a_power_cut_ends_has_failed() -> None:
    rig = fresh()
    rig.slow = True
    ask(rig)
    rig.run(2)
    rig.power_cycle()
    rig.run(5)
    assert told(rig) == ["Uploading", "UploadFailed"]
    rig.power_cycle()
    rig.run(5)
    assert told(rig) == ["Uploading", "UploadFailed"], "once"


def test_the_mains_go_away_after_every_wish_of_an_upload() -> None:
    """It was never asked for, or it is told how it ended."""
    for after in range(100):
        rig = fresh()
        rig.cut_at = rig.done + after
        try:
            ask(rig)
            rig.run(5)
        except (PowerCut, AttributeError):
            rig.cut_at = None
            rig.power_cycle()
            rig.run(10)
        else:
            break
        where = f"cut after wish {after}: {told(rig)}"
        assert not told(rig) or told(rig)[-1] in ("Uploaded", "UploadFailed"), where
        assert not [key for key in rig.memory if key.startswith("maintenance/")], where
    else:
        raise AssertionError("it never came to its end")


def test_a_trigger_tells_the_true_present_state() -> None:
    """Trap 64."""
    rig = fresh()
    rig.slow = True

    def triggered() -> str:
        before = len(told(rig))
        rig.ask(messages.TriggerMessage(requested_message="DiagnosticsStatusNotification"))
        rig.run(1)
        (status,) = told(rig)[before:]
        return status

    assert triggered() == "Idle"
    ask(rig)
    rig.run(1)
    assert triggered() == "Uploading"
    rig.transfer()
    rig.run(1)
    assert triggered() == "Idle"


def test_an_upload_and_an_update_do_not_disturb_each_other() -> None:
    rig = fresh()
    rig.slow = True
    ask(rig)
    rig.ask(messages.UpdateFirmware(location="http://files.example/x.fw", retrieve_date=utc(rig)))
    rig.run(2)
    rig.transfer()
    rig.run(2)
    assert told(rig) == ["Uploading", "Uploaded"]
    assert [each.status for each in rig.said("FirmwareStatusNotification")] == ["Downloading", "DownloadFailed"]


# --- the report ------------------------------------------------------------------------------------------------------


def sections(rig: Rig) -> dict[str, dict[str, str]]:
    return {each.title: dict(each.lines) for each in report.sections(rig.station, rig.now)}


@pytest.mark.parametrize("line", releases())
def test_a_report_tells_identity_versions_boot_counter_and_states(line: str) -> None:
    rig = fresh(line)
    rig.power_cycle()
    rig.run(3)
    found = sections(rig)
    assert found["Identity"]["Serial number"] == rig.station.core.serial
    assert found["Versions and counters"]["Firmware version"] == rig.model.identity.firmware
    assert found["Versions and counters"]["Boot counter"] == "2"
    for c in rig.station.connectors:
        assert found[f"Connector {c.number}"]["Status"] == "Available"
        assert found[f"Connector {c.number}"]["EV state"] == "A_Not_Present_12V"
    assert set(found["Errors"].values()) <= {"OK"}
    assert found["Configuration"].keys() == {row.spec.name for row in rig.station.core.settings.shown()}


@pytest.mark.parametrize("line", releases())
def test_an_error_is_ko_where_it_is(line: str) -> None:
    rig = fresh(line)
    for code in rig.model.errors:
        rig.tell(sig.FaultRaised(1, code))
    for label, value in sections(rig)["Errors"].items():
        assert value.startswith("KO: "), label
        assert "connector 1" in value


@pytest.mark.parametrize("line", releases())
def test_a_report_holds_no_secret(line: str) -> None:
    rig = fresh(line)
    secrets = []
    for row in rig.station.core.settings.shown():
        if row.spec.type == "string" and row.spec.access == "W":
            secrets.append("hunter2hunter2hunter2")
            rig.tell(sig.SettingChanged(row.spec.name, secrets[-1]))
    url_key = rig.model.transport.url_key
    rig.tell(sig.SettingChanged(url_key, "ws://user:tops3cret@central.example/ocpp"))
    text = report.text(rig.station, rig.now)
    for secret in (*secrets, "tops3cret"):
        assert secret not in text
    assert "central.example" in text


def test_no_value_breaks_a_line_of_the_report() -> None:
    rig = fresh()
    rig.tell(sig.SettingChanged("CpoName", "a\nErrors\n  1: OK"))
    assert "\n" in rig.station.core.settings.text("CpoName")
    lines = report.text(rig.station, rig.now).splitlines()
    titles = [each for each in lines if each and not each.startswith("  ")]
    assert titles == [report.TITLE, *(each.title for each in report.sections(rig.station, rig.now))]


def test_a_silent_central_system_hears_of_it_later() -> None:
    rig = fresh()
    rig.answers["DiagnosticsStatusNotification"] = SILENCE
    ask(rig)
    rig.run(3)
    rig.cut()
    del rig.answers["DiagnosticsStatusNotification"]
    rig.mend_at_once()
    rig.run(5)
    assert told(rig) == ["Uploading", "Uploading", "Uploaded"]
