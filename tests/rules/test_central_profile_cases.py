"""The cases of the other profiles for a central system: what the operator can send, and what must be answered."""

import json
from typing import Any

import pytest

from chargepost.supervision import commands
from chargepost.supervision.examples import EXAMPLES

from .central_harness import GOOD, OTHER, Peer, World, status_notification
from .test_central_core_cases import charging, command

HASH = {
    "hashAlgorithm": "SHA256",
    "issuerNameHash": "00" * 32,
    "issuerKeyHash": "11" * 32,
    "serialNumber": "01",
}
LOG = {"requestId": 1, "logType": "SecurityLog", "log": {"remoteLocation": "ftp://host/logs"}}
FIRMWARE = {
    "requestId": 2,
    "firmware": {
        "location": "ftp://host/f.bin",
        "retrieveDateTime": "2027-01-15T08:00:00Z",
        "signature": "00",
        "signingCertificate": "PEM",
    },
}
RESERVE = {"connectorId": 1, "expiryDate": "2027-01-15T10:00:00Z", "idTag": GOOD, "reservationId": 7}


def profile(purpose: str, number: int, **more: Any) -> dict[str, Any]:
    """A ChargingProfile of one period."""
    schedule = {"chargingRateUnit": "A", "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 6.0}]}
    kind = {"chargingProfileId": number, "stackLevel": 0, "chargingProfilePurpose": purpose}
    return {**kind, "chargingProfileKind": "Absolute", "chargingSchedule": schedule, **more}


def with_profile(connector: int, purpose: str, number: int, **more: Any) -> dict[str, Any]:
    return {"connectorId": connector, "csChargingProfiles": profile(purpose, number, **more)}


def local_list(kind: str, entries: list[dict[str, Any]]) -> dict[str, Any]:
    return {"listVersion": 2, "localAuthorizationList": entries, "updateType": kind}


SENT: list[tuple[str, str, dict[str, Any], dict[str, Any]]] = [
    ("TC_042_1_CSMS", "GetLocalListVersion", {}, {"listVersion": -1}),
    ("TC_042_2_CSMS", "GetLocalListVersion", {}, {"listVersion": 0}),
    *[
        (
            case,
            "SendLocalList",
            {"listVersion": 2, "localAuthorizationList": entries, "updateType": kind},
            {"status": status},
        )
        for case, kind, status, entries in [
            ("TC_043_1_CSMS", "Full", "NotSupported", []),
            ("TC_043_3_CSMS", "Full", "Failed", []),
            ("TC_043_4_CSMS", "Full", "Accepted", [{"idTag": GOOD, "idTagInfo": {"status": "Accepted"}}]),
            ("TC_043_5_CSMS", "Differential", "Accepted", [{"idTag": OTHER, "idTagInfo": {"status": "Blocked"}}]),
        ]
    ],
    *[
        (case, "ReserveNow", RESERVE, {"status": status})
        for case, status in [
            ("TC_047_CSMS", "Accepted"),
            ("TC_048_1_CSMS", "Faulted"),
            ("TC_048_2_CSMS", "Occupied"),
            ("TC_048_3_CSMS", "Unavailable"),
            ("TC_048_4_CSMS", "Rejected"),
        ]
    ],
    ("TC_049_CSMS", "ReserveNow", {**RESERVE, "connectorId": 0}, {"status": "Accepted"}),
    ("TC_051_CSMS", "CancelReservation", {"reservationId": 7}, {"status": "Accepted"}),
    ("TC_052_CSMS", "CancelReservation", {"reservationId": 7}, {"status": "Rejected"}),
    ("TC_048_3_CSMS", "ChangeAvailability", {"connectorId": 1, "type": "Inoperative"}, {"status": "Accepted"}),
    ("TC_055_CSMS", "TriggerMessage", {"requestedMessage": "MeterValues"}, {"status": "Rejected"}),
    (
        "TC_056_CSMS",
        "SetChargingProfile",
        with_profile(1, "TxDefaultProfile", 1, validFrom="2027-01-15T08:00:00Z", validTo="2027-01-16T08:00:00Z"),
        {"status": "Accepted"},
    ),
    ("TC_057_CSMS", "SetChargingProfile", with_profile(1, "TxProfile", 2, transactionId=9), {"status": "Accepted"}),
    (
        "TC_059_CSMS",
        "RemoteStartTransaction",
        {"connectorId": 1, "idTag": GOOD, "chargingProfile": profile("TxProfile", 3)},
        {"status": "Accepted"},
    ),
    (
        "TC_066_CSMS",
        "GetCompositeSchedule",
        {"connectorId": 1, "duration": 300, "chargingRateUnit": "A"},
        {"status": "Accepted", "connectorId": 1},
    ),
    ("TC_067_CSMS", "ClearChargingProfile", {"id": 1}, {"status": "Accepted"}),
    (
        "TC_067_CSMS",
        "ClearChargingProfile",
        {"connectorId": 1, "chargingProfilePurpose": "TxProfile", "stackLevel": 0},
        {"status": "Accepted"},
    ),
    ("TC_067_CSMS", "ClearChargingProfile", {}, {"status": "Unknown"}),
    (
        "TC_074_CSMS",
        "ExtendedTriggerMessage",
        {"requestedMessage": "SignChargePointCertificate"},
        {"status": "Accepted"},
    ),
    ("TC_074_CSMS", "CertificateSigned", {"certificateChain": "PEM"}, {"status": "Accepted"}),
    (
        "TC_075_1_CSMS",
        "InstallCertificate",
        {"certificateType": "ManufacturerRootCertificate", "certificate": "PEM"},
        {"status": "Accepted"},
    ),
    (
        "TC_075_2_CSMS",
        "GetInstalledCertificateIds",
        {"certificateType": "CentralSystemRootCertificate"},
        {"status": "Accepted", "certificateHashData": [HASH]},
    ),
    ("TC_076_CSMS", "DeleteCertificate", {"certificateHashData": HASH}, {"status": "Accepted"}),
    ("TC_079_CSMS", "GetLog", LOG, {"status": "Accepted", "filename": "log.txt"}),
    ("TC_080_CSMS", "SignedUpdateFirmware", FIRMWARE, {"status": "Accepted"}),
]


@pytest.mark.parametrize(("case", "action", "payload", "answer"), SENT, ids=[f"{row[0]}-{row[1]}" for row in SENT])
def test_the_operator_can_send_it_and_sees_the_answer(
    case: str, action: str, payload: dict[str, Any], answer: dict[str, Any]
) -> None:
    sent, seen = command(World().station(), action, json.dumps(payload), answer)
    assert sent == payload
    assert seen == answer


def kept_events(peer: Peer) -> list[str]:
    return [f"{event.event} {event.text}" for event in peer.world.books.events]


@pytest.mark.parametrize(
    ("case", "steps"),
    [
        ("TC_044_1_CSMS", ["Downloading", "Downloaded", "Installing", "Installed"]),
        ("TC_044_2_CSMS", ["Downloading", "DownloadFailed"]),
        ("TC_044_3_CSMS", ["Downloading", "Downloaded", "Installing", "InstallationFailed"]),
    ],
)
def test_TC_044_CSMS_firmware_update(case: str, steps: list[str]) -> None:
    peer = World().station()
    command(
        peer,
        "UpdateFirmware",
        '{"location": "ftp://host/f.bin", "retrieveDate": "2027-01-15T08:00:00Z"}',
        {},
    )
    for step in steps:
        assert peer.ask("FirmwareStatusNotification", {"status": step}) == {}
    assert kept_events(peer)[-len(steps) :] == [f"firmware {step}" for step in steps]


@pytest.mark.parametrize(("case", "end"), [("TC_045_1_CSMS", "Uploaded"), ("TC_045_2_CSMS", "UploadFailed")])
def test_TC_045_CSMS_get_diagnostics(case: str, end: str) -> None:
    peer = World().station()
    command(peer, "GetDiagnostics", '{"location": "ftp://host/d"}', {"fileName": "d.zip"})
    for step in ("Uploading", end):
        assert peer.ask("DiagnosticsStatusNotification", {"status": step}) == {}
    assert kept_events(peer)[-1] == f"diagnostics {end}"


def test_TC_046_CSMS_reservation_ends_in_a_transaction_and_TC_053_CSMS_the_group_comes_with_the_badge() -> None:
    peer = World().station()
    peer.status("Reserved")
    assert peer.ask("Authorize", {"idTag": GOOD})["idTagInfo"]["parentIdTag"] == "FAMILY"
    answer = peer.ask(
        "StartTransaction",
        {"connectorId": 1, "idTag": GOOD, "meterStart": 0, "timestamp": "2027-01-15T08:00:00Z", "reservationId": 7},
    )
    assert answer["idTagInfo"]["status"] == "Accepted"
    assert peer.world.books.starts[answer["transactionId"]].reservation == 7


def test_TC_054_CSMS_each_triggered_message_is_answered() -> None:
    peer = World().station()
    transaction = charging(peer)
    sample = {"timestamp": "2027-01-15T08:01:00Z", "sampledValue": [{"value": "1", "context": "Trigger"}]}
    triggered: dict[str, dict[str, Any]] = {
        "MeterValues": {
            "connectorId": 1,
            "transactionId": transaction,
            "meterValue": [sample],
        },
        "Heartbeat": {},
        "StatusNotification": status_notification("Charging", 1),
        "DiagnosticsStatusNotification": {"status": "Idle"},
        "FirmwareStatusNotification": {"status": "Idle"},
    }
    for ticket, (action, payload) in enumerate(triggered.items()):
        command(peer, "TriggerMessage", json.dumps({"requestedMessage": action}), {"status": "Accepted"}, ticket)
        assert peer.ask(action, payload) is not None


@pytest.mark.parametrize(
    ("case", "event"),
    [("TC_077_CSMS", "InvalidChargePointCertificate"), ("TC_078_CSMS", "InvalidCentralSystemCertificate")],
)
def test_TC_077_078_CSMS_security_events_are_answered_and_kept(case: str, event: str) -> None:
    peer = World().station()
    assert peer.ask("SecurityEventNotification", {"type": event, "timestamp": "2027-01-15T08:00:00Z"}) == {}
    assert event in kept_events(peer)[-1]


def test_TC_081_CSMS_secure_firmware_with_an_invalid_signature() -> None:
    peer = World().station()
    for step in ("Downloading", "Downloaded", "InvalidSignature"):
        assert peer.ask("SignedFirmwareStatusNotification", {"status": step, "requestId": 2}) == {}
    assert kept_events(peer)[-1] == "firmware InvalidSignature"


def test_a_certificate_request_is_refused_while_there_is_no_authority() -> None:
    peer = World().station()
    assert peer.ask("SignCertificate", {"csr": "PEM"}) == {"status": "Rejected"}
    assert peer.ask("LogStatusNotification", {"status": "Uploaded"}) == {}


@pytest.mark.parametrize("action", commands.ACTIONS)
def test_every_message_has_an_example_that_can_be_sent(action: str) -> None:
    assert commands.read(action, json.dumps(EXAMPLES[action]).encode())


def test_no_example_is_of_no_message() -> None:
    assert EXAMPLES.keys() == commands.ACTIONS.keys()
