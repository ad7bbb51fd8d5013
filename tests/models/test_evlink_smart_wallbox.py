"""EVlink Smart Wallbox R7 against the EVlink OCPP guide, copied by hand. Q-numbers are the readings of it."""

import pytest

from chargepost.catalogue import load
from chargepost.catalogue.model import KeySpec

MODEL = load("evlink-smart-wallbox")
NONE: dict[str, object] = {}
INNER_NAMES = {"AllowOfflineTxForUnknownId", "AuthorizationCacheEnabled"}
"""Rows that are not printed: the OCPP names of enableUnknown and cacheListEnabled (Q-019)."""


def row(name: str) -> KeySpec:
    spec = MODEL.key(name)
    assert spec is not None, name
    return spec


def test_8_1_has_60_rows_57_of_them_for_the_smart_wallbox() -> None:
    """Not its own, the columns read as Q-001 says: allowPluggedCable, enableEvDetection, maxIntensityStation."""
    printed = [spec.name for spec in MODEL.keys.values() if spec.name not in INNER_NAMES]
    assert len(printed) == 60 - 3
    assert "EnableSuspendChargeByButton" in printed
    assert not {"allowPluggedCable", "enableEvDetection", "maxIntensityStation"} & set(printed)


def test_7_1_has_26_errors_21_of_them_for_the_smart_wallbox() -> None:
    """Not ticked: 3, 6, 7, 10 and 15 (R-241)."""
    assert len(MODEL.errors) == 26 - 5
    assert not {"3", "6", "7", "10", "15"} & set(MODEL.errors)


def test_3_1_has_9_sent_and_17_answered_messages_in_r7() -> None:
    """Of the 26 rows of 3.1 SendLocalList and GetLocalListVersion are not ticked; of DataTransfer both ways are, and
    the way up is of the City only (Q-027)."""
    assert (len(MODEL.messages.sends), len(MODEL.messages.answers)) == (9, 17)
    assert not {"SendLocalList", "GetLocalListVersion"} & set(MODEL.messages.answers)


@pytest.mark.parametrize(
    ("name", "access", "low", "high", "default", "more"),
    [
        ("operatingMode", "RW", 0, 5, "2", NONE),
        ("voltageReference", "RW", 0, 400, "230", {"unit": "V"}),
        ("monophasedLoadSheddingFloorValue", "RW", 6, 20, "8", {"unit": "A"}),
        ("triphasedLoadSheddingFloorValue", "RW", 6, 20, "14", {"unit": "A"}),
        ("EMsetting", "RW", 0, 3, "2", NONE),
        ("authenticationManager", "RW", 0, 3, "2", NONE),
        ("rfidStatusTimeout", "RW", 0, 65535, "10", {"unit": "s"}),
        ("ocppVersion", "RW", None, None, "1.5", {"allowed": ("1.5", "1.6")}),
        ("ocppCentralAddress", "RW", None, None, None, {"setting": "SupervisionUrl", "reboot": True}),
        ("ocppBoxPublicPort", "RW", 1, 65535, None, NONE),
        ("ocppDefaultBoxAddrPublic", "RW", None, None, None, {"type": "string"}),
        ("confModemRetryInterval", "RW", 15, 60, "30", {"out_of_range": "0"}),
        ("ocppConnectTimeOut", "RW", 2, 60, "60", {"out_of_range": "60"}),
        ("boxIdentity", "RW", None, None, "UNDEFINED", {"setting": "BoxIdentifier", "reboot": True}),
        ("defaultIdTag", "RW", None, None, "UNDEFINED", NONE),
        ("MeterValuesSampledData", "RW", None, None, "Energy.Active.Import.Register", {"max_length": 500}),
        ("meterValueSampleInterval", "RW", 15, 7200, "900", {"zero": True}),
        ("WebSocketPingInterval", "R", 0, None, "30", NONE),
        ("truncateBootNotificationsSerialNumbers", "RW", None, None, "false", NONE),
        ("compressDiagnostic", "RW", None, None, "true", NONE),
        ("AuthorizeRemoteTxRequests", "R", None, None, "false", NONE),
        ("ConnectionTimeOut", "R", 0, None, "30", {"unit": "s"}),
        ("GetConfigurationMaxKeys", "R", 1, None, "200", NONE),
        ("ResetRetries", "R", 0, None, "0", NONE),
        ("StopTxnAlignedDataMaxLength", "R", 0, None, "0", NONE),
        ("SupportedFeatureProfiles", "R", None, None, "Core,FirmwareManagement,Reservation,SmartCharging", NONE),
        ("SupportedFeatureProfilesMaxLength", "R", 0, None, "4", NONE),
        ("ChargeProfileMaxStackLevel", "R", 0, None, "999", NONE),
        ("MaxChargingProfilesInstalled", "R", 1, None, "99", NONE),
    ],
)
def test_a_row_says_what_the_guide_prints(
    name: str, access: str, low: float | None, high: float | None, default: str | None, more: dict[str, object]
) -> None:
    spec = row(name)
    assert (spec.access, spec.min, spec.max, spec.default) == (access, low, high, default)
    assert {word: getattr(spec, word) for word in more} == more


def test_q_025_the_nine_rows_without_a_value_are_read_only_and_have_one() -> None:
    nine = [
        "WebSocketPingInterval",
        "NumberOfConnectors",
        "HeartBeatInterval",
        "ConnectorPhaseRotation",
        "ConnectorPhaseRotationMaxLength",
        "StopTxnAlignedData",
        "StopTxnSampledData",
        "ReserveConnectorZeroSupported",
        "ChargingScheduleMaxPeriods",
    ]
    assert [(row(name).access, row(name).default is None) for name in nine] == [("R", False)] * 9


@pytest.mark.parametrize(
    ("code", "name", "ocpp"),
    [
        ("1", "Rfid Status", "ReaderFailure"),
        ("4", "Outlet Lock", "ConnectorLockFailure"),
        ("8", "Hardware Configuration", "InternalError"),  # as the screens number them
        ("9", "Software Configuration", "InternalError"),
        ("12", "Power Meter Communication", "PowerMeterFailure"),
        ("17", "Control Pilot (CP) Signal conformity", "EVCommunicationError"),
        ("24", "Modem Communication", "WeakSignal"),
        ("31", "NTP Server Communication", "OtherError"),
    ],
)
def test_an_error_has_the_printed_name_and_the_closest_code(code: str, name: str, ocpp: str) -> None:
    """Q-010: 7.1 prints no OCPP code."""
    assert (MODEL.errors[code].name, MODEL.errors[code].ocpp) == (name, ocpp)


def test_r_242_error_25_clears_by_itself() -> None:
    assert (MODEL.errors["25"].clears, MODEL.errors["25"].clears_after_s) == ("self", 5)


def test_r_148_measurands_and_r_149_phases() -> None:
    assert set(MODEL.measurands) == {"Energy.Active.Import.Register", "Current.Import", "Voltage", "Current.Offered"}
    assert len(MODEL.measurands["Voltage"].phases) == 9
    assert MODEL.measurands["Current.Import"].phases == ("L1", "L2", "L3")


def test_4_1_smart_charging() -> None:
    charging = MODEL.smart_charging
    assert charging.units == ("A",)
    assert charging.refused_attributes == ("minChargingRate", "numberPhases")
    assert charging.composite_connector_zero is False
    assert charging.while_setting == {"EMsetting": ("2", "3")}


def test_what_the_field_saw() -> None:
    assert MODEL.authentication.refuse_plugged_since_stop
    assert MODEL.identity.charge_box_serial == "{reference}{serial}"
    assert MODEL.identity.truncate_serials_key == "truncateBootNotificationsSerialNumbers"
    assert MODEL.variants["rfid"].reference == "EVB1A22P2RI"
    assert load("evb1a22p2ri") is MODEL


def test_q_188_a_transaction_is_closed_after_a_power_cut() -> None:
    assert not MODEL.after_power_cut.resumes


@pytest.mark.parametrize(
    ("ours", "inner"),
    [
        ("enableUnknown", "AllowOfflineTxForUnknownId"),
        ("cacheListEnabled", "AuthorizationCacheEnabled"),
        ("ocppCentralAddress", "SupervisionUrl"),
        ("boxIdentity", "BoxIdentifier"),
    ],
)
def test_q_019_both_spellings_are_one_setting(ours: str, inner: str) -> None:
    mine, theirs = row(ours), row(inner.upper())
    assert mine.setting == theirs.setting == inner
    assert (mine.name, theirs.name) == (ours, inner)
    assert (mine.type, mine.access, mine.default) == (theirs.type, theirs.access, theirs.default)


def test_q_019_names_of_ocpp_work_over_ocpp_and_our_own_inside_only() -> None:
    assert {spec.name for spec in MODEL.keys.values()} >= INNER_NAMES
    assert {"supervisionurl", "boxidentifier"} <= set(MODEL.hidden)


def test_the_key_variant_asks_for_no_badges() -> None:
    key = load("evlink-smart-wallbox/key")
    defaults = {
        name: spec.default
        for name in ("operatingMode", "AuthenticationOCPPMode")
        if (spec := key.key(name)) is not None
    }
    assert defaults == {"operatingMode": "1", "AuthenticationOCPPMode": "false"}
    assert row("operatingMode").default == "2", "the shared model of another variant is as it was"


def test_a_standard_key_that_is_not_listed_still_rules() -> None:
    """R-122: no local list, so LocalAuthListEnabled counts as false although OCPP's own default is true."""
    hidden = MODEL.hidden["localauthlistenabled"]
    assert (hidden.access, hidden.default, hidden.ocpp_writes) == ("R", "false", False)
    assert MODEL.hidden["localauthorizeoffline"].default == "true"
