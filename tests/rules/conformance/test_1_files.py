"""Conformance 1.18: firmware and diagnostics; and what other suites add to them (4 and 5)."""

import functools
import itertools
from typing import Any

from chargepost.catalogue import image, load
from chargepost.catalogue.load import releases
from chargepost.ocpp import messages, security
from tests.rules.conformance.bench import SIGNER
from tests.rules.conformance.case import RESTART_S, Case, covers

NOTHING_THERE = "nothing-there.fw"
DAMAGED = b"this is no firmware"


@functools.cache
def firmware(line: str) -> tuple[bytes, str]:
    """An image of another release where there is one, and that release."""
    known = releases()[line]
    release = known[1] if len(known) > 1 else known[0]
    return image.make(line, release, "chargepost test", SIGNER[0]), release


def files(case: Case, action: str) -> None:
    case.booted()
    case.needs(action in case.model.messages.answers, f"{action} is none of its messages")
    case.needs("HTTP" in case.model.file_transfers, "it moves no files by HTTP")


def update(case: Case, url: str, in_s: float = -60.0, **more: Any) -> None:
    answer = case.ask(messages.UpdateFirmware(location=url, retrieve_date=case.date(in_s), **more))
    assert isinstance(answer, messages.UpdateFirmwareResponse), answer


def status(case: Case, *statuses: str, within_s: float = RESTART_S, perhaps: Any = ()) -> None:
    for each in statuses:
        case.expect("FirmwareStatusNotification", within_s=within_s, perhaps=perhaps, status=each)


def out_of_service(case: Case) -> list[str]:
    return [f"Unavailable {number}" for number in (0, *case.connectors)]


def expect_installed(case: Case, release: str) -> None:
    """Installing, a boot with the new version, and all available again."""
    status(case, "Installing", perhaps=out_of_service(case))
    target = load(f"{case.model.line}/{case.model.variant}@{release}")
    case.expect("BootNotification", within_s=3 * RESTART_S, firmware_version=target.identity.firmware)
    whats = [f"Available {number}" for number in (0, *case.connectors)]
    told = case.expect_all(*whats, "FirmwareStatusNotification", within_s=RESTART_S)
    assert told["FirmwareStatusNotification"].status == "Installed"


@covers("TC_044_1_CS")
def test_tc_044_1_download_and_install(case: Case) -> None:
    """4.5, 5.19"""
    files(case, "UpdateFirmware")
    data, release = firmware(case.model.line)
    update(case, case.bench.offer("new.fw", data))
    status(case, "Downloading", "Downloaded")
    expect_installed(case, release)


@covers("TC_044_2_CS")
def test_tc_044_2_download_failed(case: Case) -> None:
    """4.5: and it keeps working."""
    files(case, "UpdateFirmware")
    case.bench.offer("other.fw", DAMAGED)
    update(case, case.bench.url(NOTHING_THERE))
    status(case, "Downloading", "DownloadFailed")
    case.nothing(120)
    case.charging()


@covers("TC_044_3_CS")
def test_tc_044_3_installation_failed(case: Case) -> None:
    """4.5: and it keeps working."""
    files(case, "UpdateFirmware")
    update(case, case.bench.offer("bad.fw", DAMAGED))
    status(case, "Downloading", "Downloaded")
    case.expect("FirmwareStatusNotification", within_s=RESTART_S, perhaps=out_of_service(case), status="Installing")
    case.expect("FirmwareStatusNotification", within_s=3 * RESTART_S, status="InstallationFailed",
                perhaps=["BootNotification", *(f"Available {number}" for number in (0, *case.connectors))])  # fmt: skip
    case.wait(RESTART_S)
    case.forget()
    assert case.view().status == "Available"


def diagnostics(case: Case, url: str, **more: Any) -> str:
    answer = case.ask(messages.GetDiagnostics(location=url, start_time=case.date(-3600), stop_time=case.date(), **more))
    name: str = answer.file_name
    assert name
    return name


@covers("TC_045_1_CS")
def test_tc_045_1_get_diagnostics(case: Case) -> None:
    """5.9: the file is there, under the name that was told."""
    files(case, "GetDiagnostics")
    name = diagnostics(case, case.bench.url(""))
    for each in ("Uploading", "Uploaded"):
        case.expect("DiagnosticsStatusNotification", within_s=RESTART_S, status=each)
    assert [each.rpartition("/")[2] for each in case.bench.uploaded()] == [name]


@covers("TC_045_2_CS")
def test_tc_045_2_upload_failed(case: Case) -> None:
    """5.9"""
    files(case, "GetDiagnostics")
    diagnostics(case, case.bench.nowhere())
    for each in ("Uploading", "UploadFailed"):
        case.expect("DiagnosticsStatusNotification", within_s=RESTART_S, status=each)
    case.nothing(120)


# --- 4 and 5 ---------------------------------------------------------------------------------------------------------

RETRIES, RETRY_S = 2, 30


def expect_rounds(case: Case, action: str, begin: str, end: str) -> None:
    """Three of them, an interval apart, and nothing more."""
    at = []
    for _ in range(1 + RETRIES):
        case.expect(action, within_s=2 * RETRY_S, status=begin)
        at.append(case.at)
        case.expect(action, within_s=2 * RETRY_S, status=end)
    assert all(later - sooner >= RETRY_S for sooner, later in itertools.pairwise(at))
    case.nothing(5 * RETRY_S)


@covers("files.diagnostics_retries")
def test_diagnostics_are_tried_three_times_with_two_retries(case: Case) -> None:
    """5.9"""
    files(case, "GetDiagnostics")
    diagnostics(case, case.bench.nowhere(), retries=RETRIES, retry_interval=RETRY_S)
    expect_rounds(case, "DiagnosticsStatusNotification", "Uploading", "UploadFailed")


@covers("files.log_retries")
def test_a_log_is_tried_three_times_with_two_retries(case: Case) -> None:
    """Security extension, GetLog."""
    files(case, "GetLog")
    log = security.LogParameters(remote_location=case.bench.nowhere())
    case.asked(
        security.GetLog(log=log, log_type="DiagnosticsLog", request_id=5, retries=RETRIES, retry_interval=RETRY_S)
    )
    expect_rounds(case, "LogStatusNotification", "Uploading", "UploadFailure")


@covers("files.firmware_retries")
def test_a_firmware_is_tried_three_times_with_two_retries(case: Case) -> None:
    """5.19"""
    files(case, "UpdateFirmware")
    update(case, case.bench.nowhere(), retries=RETRIES, retry_interval=RETRY_S)
    expect_rounds(case, "FirmwareStatusNotification", "Downloading", "DownloadFailed")


@covers("files.firmware_in_service")
def test_an_install_that_leaves_the_connectors_in_service(case: Case) -> None:
    """4.5"""
    files(case, "UpdateFirmware")
    case.not_applicable("no key leaves its connectors in service")


@covers("files.download_fails_twice")
def test_the_third_download_works(case: Case) -> None:
    """5.19"""
    files(case, "UpdateFirmware")
    data, release = firmware(case.model.line)
    case.bench.offer("other.fw", DAMAGED)
    update(case, case.bench.url("late.fw"), retries=RETRIES, retry_interval=RETRY_S)
    for _ in range(2):
        status(case, "Downloading", "DownloadFailed")
    case.bench.offer("late.fw", data)
    status(case, "Downloading", "Downloaded")
    expect_installed(case, release)


@covers("files.install_fails_twice")
def test_the_third_installation_works(case: Case) -> None:
    """5.19: each asked for anew."""
    files(case, "UpdateFirmware")
    for name in ("bad1.fw", "bad2.fw"):
        update(case, case.bench.offer(name, DAMAGED))
        status(case, "Downloading", "Downloaded", "Installing", "InstallationFailed", perhaps=every_status(case))
        case.wait(RESTART_S)
        case.forget()
    data, release = firmware(case.model.line)
    update(case, case.bench.offer("new.fw", data))
    status(case, "Downloading", "Downloaded")
    expect_installed(case, release)


def every_status(case: Case) -> list[str]:
    return [
        "BootNotification",
        *(f"{word} {n}" for word in ("Available", "Unavailable") for n in (0, *case.connectors)),
    ]


@covers("files.waits")
def test_it_waits_for_its_date_and_for_the_end_of_sessions(case: Case) -> None:
    """5.19"""
    files(case, "UpdateFirmware")
    data, release = firmware(case.model.line)
    number = case.charging()
    update(case, case.bench.offer("new.fw", data), in_s=300)
    case.nothing(290)
    status(case, "Downloading", "Downloaded")
    case.wait(120)
    assert case.view().contactor, "the charge goes on"
    others = [f"Unavailable {connector}" for connector in case.connectors if connector != 1]
    case.expect_all(*others) if others else None
    case.asked(messages.RemoteStopTransaction(transaction_id=number))
    case.expect_stop("Remote", perhaps=out_of_service(case))
    case.hands.unplug()
    case.expect("FirmwareStatusNotification", within_s=RESTART_S, perhaps=every_status(case), status="Installing")
    target = load(f"{case.model.line}/{case.model.variant}@{release}")
    case.expect("BootNotification", within_s=3 * RESTART_S, firmware_version=target.identity.firmware)
    case.wait(RESTART_S)
    case.forget()
    assert case.said("FirmwareStatusNotification")[-1].status == "Installed"
