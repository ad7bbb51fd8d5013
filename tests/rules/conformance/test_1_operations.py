"""Conformance 1.5 to 1.8, 1.10 to 1.12, 1.15, 1.20 and 1.22: what the central system asks for, and a refused start."""

import msgspec

from chargepost.ocpp import frames, messages
from tests.rules.conformance.case import RESTART_S, Case, covers
from tests.rules.rig import TAG


def authorizes(case: Case) -> tuple[str, ...]:
    """What comes before a remotely started transaction (9.1.2)."""
    return ("Authorize",) if case.setting("AuthorizeRemoteTxRequests") == "true" else ()


def remote_start(tag: str = TAG, connector: int = 1) -> messages.RemoteStartTransaction:
    return messages.RemoteStartTransaction(id_tag=tag, connector_id=connector)


def each_authorization(case: Case) -> list[str]:
    """The values that AuthorizeRemoteTxRequests can have."""
    spec = case.model.keys.get("authorizeremotetxrequests")
    return ["true", "false"] if spec and spec.access == "RW" else [case.setting("AuthorizeRemoteTxRequests")]


# --- 1.5 remote actions ----------------------------------------------------------------------------------------------


@covers("TC_010_CS")
def test_tc_010_remote_start_with_the_cable_in(case: Case) -> None:
    """5.11: Authorize only if AuthorizeRemoteTxRequests is true."""
    case.booted()
    for value in each_authorization(case):
        case.configure(AuthorizeRemoteTxRequests=value)
        case.hands.plug()
        case.expect("Preparing 1")
        case.asked(remote_start())
        for action in authorizes(case):
            case.expect(action, id_tag=TAG)
        case.expect("StartTransaction", connector_id=1, id_tag=TAG)
        case.expect("Charging 1")
        case.stop()


@covers("TC_011_1_CS")
def test_tc_011_1_remote_start_first(case: Case) -> None:
    """5.11"""
    case.booted()
    for value in each_authorization(case):
        case.configure(AuthorizeRemoteTxRequests=value)
        start_unplugged(case)
        case.hands.plug()
        case.expect("StartTransaction", connector_id=1, id_tag=TAG)
        case.expect("Charging 1")
        case.stop()


def start_unplugged(case: Case) -> None:
    """A remote start before the car is there."""
    gate = case.model.authentication.remote_unplugged_key
    if gate:
        case.configure(**{gate: "true"})
    case.asked(remote_start())
    for action in authorizes(case):
        case.expect(action, id_tag=TAG)
    case.expect("Preparing 1")


@covers("TC_011_2_CS")
def test_tc_011_2_remote_start_times_out(case: Case) -> None:
    """5.11, 9.1.4"""
    case.booted()
    timeout_s = case.seconds("ConnectionTimeOut", 20)
    start_unplugged(case)
    at = case.at
    case.expect("Available 1", within_s=timeout_s + 5)
    assert abs(case.at - at - timeout_s) <= 2
    case.nothing(10)


@covers("TC_012_CS")
def test_tc_012_remote_stop(case: Case) -> None:
    """5.12"""
    case.booted()
    number = case.charging()
    case.asked(messages.RemoteStopTransaction(transaction_id=number))
    stop = case.expect_stop("Remote")
    assert (stop.transaction_id, stop.id_tag) == (number, msgspec.UNSET)
    case.hands.unplug()
    case.expect("Available 1")


# --- 1.6 reset -------------------------------------------------------------------------------------------------------


def reset_while_unavailable(case: Case, kind: str) -> None:
    case.booted()
    case.asked(messages.ChangeAvailability(connector_id=1, type="Inoperative"))
    case.expect("Unavailable 1")
    case.asked(messages.Reset(type=kind))  # type: ignore[arg-type]
    case.expect("BootNotification", within_s=RESTART_S)
    case.expect_statuses("Unavailable", "Available")
    case.asked(messages.ChangeAvailability(connector_id=1, type="Operative"))
    case.expect("Available 1")


@covers("TC_013_CS")
def test_tc_013_hard_reset_without_a_transaction(case: Case) -> None:
    """5.14, 5.2: the availability stays."""
    reset_while_unavailable(case, "Hard")


@covers("TC_014_CS")
def test_tc_014_soft_reset_without_a_transaction(case: Case) -> None:
    """5.14, 5.2"""
    reset_while_unavailable(case, "Soft")


def reset_while_charging(case: Case, kind: str) -> None:
    case.booted()
    number = case.charging()
    case.asked(messages.Reset(type=kind))  # type: ignore[arg-type]
    case.expect("StopTransaction", transaction_id=number, reason=f"{kind}Reset")
    case.expect("BootNotification", within_s=RESTART_S, perhaps=("Finishing 1",))
    case.expect_any_statuses()


@covers("TC_015_CS")
def test_tc_015_hard_reset_with_a_transaction(case: Case) -> None:
    """5.14, 7.34"""
    reset_while_charging(case, "Hard")


@covers("TC_016_CS")
def test_tc_016_soft_reset_with_a_transaction(case: Case) -> None:
    """5.14, 7.34"""
    reset_while_charging(case, "Soft")


# --- 1.7 unlock, 1.12 and what does not happen -----------------------------------------------------------------------

UNLOCK = messages.UnlockConnector(connector_id=1)


@covers("TC_017_1_CS")
def test_tc_017_1_unlock_without_a_session(case: Case) -> None:
    """5.18"""
    case.booted()
    case.needs_socket()
    case.asked(UNLOCK, "Unlocked")


@covers("TC_017_2_CS")
def test_tc_017_2_unlock_of_a_fixed_cable(case: Case) -> None:
    """5.18"""
    case.booted()
    case.needs_attached_cable()
    case.asked(UNLOCK, "NotSupported")


@covers("TC_018_1_CS")
def test_tc_018_1_unlock_ends_the_session(case: Case) -> None:
    """5.18, 7.34: UnlockCommand."""
    case.booted()
    case.needs_socket()
    case.charging()
    case.asked(UNLOCK, "Unlocked")
    case.expect_stop("UnlockCommand")
    case.hands.unplug()
    case.expect("Available 1")


@covers("TC_018_2_CS")
def test_tc_018_2_unlock_of_a_fixed_cable_does_not_end_the_session(case: Case) -> None:
    """5.18"""
    case.booted()
    case.needs_attached_cable()
    case.charging()
    case.asked(UNLOCK, "NotSupported")
    case.nothing(5)
    case.stop("Remote")


@covers("TC_030_CS")
def test_tc_030_unlock_failure(case: Case) -> None:
    """5.18"""
    case.booted()
    case.needs_socket()
    case.charging()
    case.hands.jam_lock()
    case.asked(UNLOCK, "UnlockFailed")
    case.expect("StopTransaction", reason="UnlockCommand", perhaps=("Finishing 1", "Faulted 1"))
    case.forget()
    case.wait(5)
    assert case.said("StatusNotification")[-1].error_code == "ConnectorLockFailure"


@covers("TC_031_CS")
def test_tc_031_unlock_of_an_unknown_connector(case: Case) -> None:
    """5.18"""
    case.booted()
    for connector in (len(case.connectors) + 1, 99):
        case.asked(messages.UnlockConnector(connector_id=connector), "NotSupported")


# --- 1.8 and 1.15 configuration --------------------------------------------------------------------------------------

REQUIRED = {
    "AuthorizeRemoteTxRequests": "R or RW", "ClockAlignedDataInterval": "RW", "ConnectionTimeOut": "RW",
    "ConnectorPhaseRotation": "RW", "GetConfigurationMaxKeys": "R", "HeartbeatInterval": "RW",
    "LocalAuthorizeOffline": "RW", "LocalPreAuthorize": "RW", "MeterValuesAlignedData": "RW",
    "MeterValuesSampledData": "RW", "MeterValueSampleInterval": "RW", "NumberOfConnectors": "R", "ResetRetries": "RW",
    "StopTransactionOnInvalidId": "RW", "StopTxnAlignedData": "RW", "StopTxnSampledData": "RW",
    "SupportedFeatureProfiles": "R", "TransactionMessageAttempts": "RW", "TransactionMessageRetryInterval": "RW",
    "UnlockConnectorOnEVSideDisconnect": "R or RW",
}  # fmt: skip
"""What the tool looks for, with the access it expects (conformance, 3)."""

OF_PROFILES = {
    "LocalAuthListManagement": ("LocalAuthListEnabled", "LocalAuthListMaxLength", "SendLocalListMaxLength"),
    "SmartCharging": (
        "ChargeProfileMaxStackLevel", "ChargingScheduleAllowedChargingRateUnit", "ChargingScheduleMaxPeriods",
        "MaxChargingProfilesInstalled",
    ),
}  # fmt: skip
OF_PROFILES_ACCESS = {"LocalAuthListEnabled": "RW"}


@covers("TC_019_CS")
def test_tc_019_retrieve_configuration(case: Case) -> None:
    """5.8, 9. A key of the tool's that the product does not show, or shows with other access, is its own table's."""
    case.booted()
    one = case.ask(messages.GetConfiguration(key=("SupportedFeatureProfiles",)))
    assert [each.key.lower() for each in one.configuration_key] == ["supportedfeatureprofiles"]
    assert one.unknown_key is msgspec.UNSET
    every = {each.key.lower(): each for each in case.ask(messages.GetConfiguration()).configuration_key}
    assert list(every) == list(case.model.keys)
    named = case.ask(messages.GetConfiguration(key=("NumberOfConnectors", "ConnectionTimeOut")))
    assert [each.key.lower() for each in named.configuration_key] == ["numberofconnectors", "connectiontimeout"]
    profiles = case.setting("SupportedFeatureProfiles").split(",")
    wanted = REQUIRED | {
        key: OF_PROFILES_ACCESS.get(key, "R") for each in profiles for key in OF_PROFILES.get(each.strip(), ())
    }
    absent = sorted(key for key in wanted if key.lower() not in every)
    other = sorted(
        f"{key} {'R' if every[key.lower()].readonly else 'RW'}"
        for key, access in wanted.items()
        if key not in absent and access != "R or RW" and every[key.lower()].readonly != (access == "R")
    )
    source = case.source("NumberOfConnectors")
    if absent:
        case.deviates(f"shows no {', '.join(absent)}", source)
    if other:
        case.deviates(f"has {', '.join(other)}", source)


@covers("TC_021_CS")
def test_tc_021_change_configuration(case: Case) -> None:
    """5.3"""
    case.booted()
    before = case.setting("MeterValueSampleInterval")
    case.asked(messages.ChangeConfiguration(key="MeterValueSampleInterval", value="61"))
    assert case.setting("MeterValueSampleInterval") == "61"
    case.asked(messages.ChangeConfiguration(key="MeterValueSampleInterval", value=before))
    assert case.setting("MeterValueSampleInterval") == before


@covers("TC_040_1_CS")
def test_tc_040_1_unknown_key(case: Case) -> None:
    """5.3"""
    case.booted()
    case.asked(messages.ChangeConfiguration(key="NoSuchKey", value="1"), "NotSupported")


@covers("TC_040_2_CS")
def test_tc_040_2_invalid_value(case: Case) -> None:
    """5.3"""
    case.booted()
    before = case.setting("MeterValueSampleInterval")
    case.asked(messages.ChangeConfiguration(key="MeterValueSampleInterval", value="-1"), "Rejected")
    assert case.setting("MeterValueSampleInterval") == before


# --- 1.10 a refused start --------------------------------------------------------------------------------------------


@covers("TC_023_4_CS")
def test_tc_023_4_a_refused_tag_starts_nothing(case: Case) -> None:
    """4.1, 7.2"""
    case.booted()
    case.hands.plug()
    case.expect("Preparing 1")
    for number, status in enumerate(("Invalid", "Expired", "Blocked", "ConcurrentTx")):
        case.refuse(status=status)
        case.hands.badge(f"WRONG{number}", 1)
        case.expect("Authorize", id_tag=f"WRONG{number}")
        case.nothing(5)
        assert not case.view().contactor


@covers("TC_023_5_CS")
def test_tc_023_5_a_refused_tag_starts_nothing_remotely(case: Case) -> None:
    """5.11, 9.1.2"""
    case.booted()
    case.configure(AuthorizeRemoteTxRequests="true")
    case.refuse()
    case.hands.plug()
    case.expect("Preparing 1")
    case.asked(remote_start())
    case.expect("Authorize", id_tag=TAG)
    case.nothing(20)


@covers("TC_024_CS")
def test_tc_024_lock_failure(case: Case) -> None:
    """7.6: ConnectorLockFailure; no charge."""
    case.booted()
    case.needs_socket()
    case.hands.jam_lock()
    if case.reader:
        case.hands.badge()
        case.expect("Authorize")
    else:
        start_unplugged(case)
    case.hands.plug()
    case.expect("Faulted 1", perhaps=("Preparing 1",), error_code="ConnectorLockFailure")


# --- 1.11 remote actions that are refused ----------------------------------------------------------------------------


@covers("TC_026_CS")
def test_tc_026_remote_start_of_a_busy_connector(case: Case) -> None:
    """5.11"""
    case.booted()
    case.charging()
    case.asked(remote_start("OTHER"), "Rejected")
    case.nothing(5)


@covers("TC_027_CS")
def test_tc_027_remote_start_of_connector_0(case: Case) -> None:
    """5.11, 6.35: connectorId is above 0. Rejected, not a CALLERROR."""
    case.booted()
    case.asked(remote_start(connector=0), "Rejected")
    case.nothing(5)


@covers("TC_028_CS")
def test_tc_028_remote_stop_of_an_unknown_transaction(case: Case) -> None:
    """5.12"""
    case.booted()
    case.charging()
    case.asked(messages.RemoteStopTransaction(transaction_id=999_999), "Rejected")
    case.nothing(5)
    assert case.view().contactor


# --- 1.20 remote trigger ---------------------------------------------------------------------------------------------

STATUS_OF_FILES = {
    "DiagnosticsStatusNotification": "GetDiagnostics",
    "FirmwareStatusNotification": "UpdateFirmware",
}


def trigger(name: str, connector: int | None = None) -> messages.TriggerMessage:
    named = {} if connector is None else {"connector_id": connector}
    return messages.TriggerMessage(requested_message=name, **named)  # type: ignore[arg-type]


@covers("TC_054_CS")
def test_tc_054_trigger_message(case: Case) -> None:
    """5.17, 7.8: Trigger."""
    case.booted()
    can = case.model.messages.triggers or case.model.messages.sends
    case.charging()
    case.asked(trigger("MeterValues", 1))
    sample = case.expect("MeterValues", connector_id=1).meter_value[0].sampled_value
    assert {value.context for value in sample} == {"Trigger"}
    listed = [item.partition(".L")[0].lower() for item in case.setting("MeterValuesSampledData").split(",")]
    told = {"Energy.Active.Import.Register" if v.measurand is msgspec.UNSET else v.measurand for v in sample}
    assert {measurand.lower() for measurand in told} <= set(listed)
    case.asked(trigger("Heartbeat"))
    case.expect("Heartbeat")
    case.asked(trigger("StatusNotification", 1))
    case.expect("Charging 1")
    for name in STATUS_OF_FILES:
        if name in can:
            case.asked(trigger(name))
            case.expect(name, status="Idle")
        else:
            case.asked(trigger(name), "NotImplemented")
            case.deviates(f"does not send {name} when asked", case.model.messages.source or "messages")


@covers("TC_055_CS")
def test_tc_055_trigger_message_for_an_unknown_connector(case: Case) -> None:
    """5.17"""
    case.booted()
    case.asked(trigger("MeterValues", 99), "Rejected")
    case.nothing(5)
    assert not case.said("MeterValues")


# --- 1.22 data transfer ----------------------------------------------------------------------------------------------


@covers("TC_062_CS")
def test_tc_062_data_transfer_of_an_unknown_vendor(case: Case) -> None:
    """4.3, 5.6"""
    case.booted()
    answer = case.ask(messages.DataTransfer(vendor_id="org.example.unknown", message_id="x", data="{}"))
    assert not isinstance(answer, frames.Error)
    assert (answer.status, answer.data) == ("UnknownVendorId", msgspec.UNSET)
