"""EVlink Pro AC 2.0.1 against GEX1969200-11, copied by hand from the guide. Q-numbers are the readings of it."""

import pytest

from chargepost.catalogue import load
from chargepost.catalogue.load import MODELS
from chargepost.catalogue.model import KeySpec

MODEL = load("evlink-pro-ac")
NONE: dict[str, object] = {}


def row(name: str) -> KeySpec:
    spec = MODEL.key(name)
    assert spec is not None, name
    return spec


# --- counts: lines of the printed table, counted by hand -------------------------------------------------------------


def test_parameters_1_keys_of_ocpp_has_42_rows() -> None:
    assert len([spec for spec in MODEL.keys.values() if "p1" in spec.source.split(", ")]) == 42


def test_parameters_2_own_keys_has_45_rows_one_of_them_twice() -> None:
    assert len([spec for spec in MODEL.keys.values() if "p2" in spec.source.split(", ")]) == 45 - 1


def test_parameters_3_has_8_measurands() -> None:
    assert len(MODEL.measurands) == 8


def test_parameters_4_has_2_data_transfers() -> None:
    assert [(each.message, each.direction) for each in MODEL.data_transfers] == [
        ("Detection loop", "out"),
        ("Locate", "in"),
    ]


def test_vendor_error_codes_has_26_rows() -> None:
    assert len(MODEL.errors) == 26


def test_operations_has_13_sent_and_24_answered_messages() -> None:
    assert (len(MODEL.messages.sends), len(MODEL.messages.answers)) == (13, 24)


def test_product_family_has_three_kinds_of_station() -> None:
    outlets = {name: [each.kind for each in facts.connectors] for name, facts in MODEL.variants.items()}
    assert outlets["socket"] == ["T2S"]
    assert outlets["cable"] == ["cable"]
    assert outlets["socket-domestic"] == ["T2S", "TE"]


# --- rows ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "access", "low", "high", "default", "more"),
    [
        ("AllowOfflineTxForUnknownId", "RW", None, None, "true", {"type": "bool"}),
        ("ConnectionTimeOut", "RW", 10, 600, "60", {"unit": "s"}),
        ("HeartbeatInterval", "RW", 1, 86400, "30", {"unit": "s"}),
        ("LightIntensity", "RW", 0, 100, "80", {"unit": "%"}),
        ("MeterValueSampleInterval", "RW", 1, None, "0", {"zero": True}),
        ("NumberOfConnectors", "R", 1, 2, "1", NONE),
        ("ResetRetries", "RW", 1, 5, "3", NONE),
        ("StopTransactionOnEVSideDisconnect", "R", None, None, "true", NONE),
        ("StopTxnSampledDataMaxLength", "R", 0, 5, "5", NONE),
        ("SupportedFeatureProfilesMaxLength", "R", 0, 65535, "5", NONE),
        # the rows whose columns are shifted by one: Q-147
        ("UnlockConnectorOnEVSideDisconnect", "R", None, None, "true", NONE),
        ("LocalAuthListEnabled", "RW", None, None, "false", NONE),
        ("ReserveConnectorZeroSupported", "R", None, None, "true", NONE),
        ("ConnectorSwitch3to1PhaseSupported", "R", None, None, "false", NONE),
        ("ChargingScheduleAllowedChargingRateUnit", "R", None, None, "Current", {"allowed": ("Current",)}),
        ("WebSocketPingInterval", "RW", 0, 180, "30", {"name": "WebsocketPingInterval"}),
        # wrapped and double rows
        ("StopTxnMinimumDurationData", "RW", 0, 4294967295, "60", {"unit": "s"}),
        ("NetworkSubmask", "RW", None, None, "255.255.255.0", {"type": "ipv4", "reboot": True}),
        ("NetworkGateway", "RW", None, None, "192.168.0.254", {"type": "ipv4", "reboot": True}),
        ("SelfSignedCertificateAuthorized", "RW", None, None, "false", NONE),
        ("StopTxnMaximaleData", "R", 0, 4294967295, "1440", NONE),
        ("DefaultIdTag", "RW", None, None, "18237379292", {"max_length": 20}),
        ("BoxIdentifier", "RW", None, None, None, {"max_length": 50, "reboot": True}),
        ("SupervisionUrl", "RW", None, None, None, {"allowed": ("ws", "wss"), "reboot": True}),
        ("RestoreTimeout", "RW", 0, 86400, "600", {"unit": "s"}),
        ("SecurityProfile", "RW", 0, 2, "0", NONE),
        ("OcppEnable", "RW", None, None, "false", NONE),
        ("ResendBootNotificationInterval", "RW", 0, 535, "40", NONE),
        ("iMaxDeratingSwCapacity", "RW", 10, 32, "32", {"unit": "A"}),
        ("IMaxEvseCapacityTE", "R", None, None, "10", {"allowed": ("6", "8", "10")}),
        ("LedDayEndHour", "RW", None, None, "20:00", {"type": "time"}),
        ("WebsocketConnectionTimeout", "RW", 5, 60, "5", NONE),
        ("WebsocketRequestTimeout", "RW", 10, 60, "10", NONE),
        ("ISO15118PnCEnabled", "R", None, None, "false", NONE),
        ("SeccLeafSubjectCommonName", "RW", 7, None, "ZZ00000", {"max_length": 64}),
        ("CertSigningWaitMinimum", "RW", 0, 60, "2", NONE),
        ("ISO15118ChargeEnabled", "RW", None, None, "false", NONE),
    ],
)
def test_a_row_says_what_the_guide_prints(
    name: str, access: str, low: float | None, high: float | None, default: str | None, more: dict[str, object]
) -> None:
    spec = row(name)
    assert (spec.access, spec.min, spec.max, spec.default) == (access, low, high, default)
    assert {word: getattr(spec, word) for word in more} == more


def test_q_187_the_printed_key_is_told_but_is_no_default() -> None:
    key = row("AuthorizationKey")
    assert (key.access, key.default, key.max_length, key.ocpp_writes) == ("W", None, 20, False)
    assert "EVlink_Pro_AC_Autho" in key.meaning


def test_q_159_feature_profiles_are_spelled_as_in_ocpp() -> None:
    assert (row("SupportedFeatureProfiles").default or "").split(",") == [
        "Core",
        "FirmwareManagement",
        "Reservation",
        "SmartCharging",
        "RemoteTrigger",
        "LocalAuthListManagement",
    ]


@pytest.mark.parametrize(
    ("code", "name", "ocpp"),
    [
        ("1.1", "Software downgrade", "OtherError"),
        ("3.0", "MNX tripping", "OverCurrentFailure"),
        ("5.0", "6mA DC leakage detected", "OtherError"),
        ("9.0", "Badge reader issue", "ReaderFailure"),
        ("10.2", "EV issue: short-circuit CPW", "EVCommunicationError"),
        ("11.0", "Lock/Unlock cable failure", "ConnectorLockFailure"),
        ("14.0", "EV overconsumption", "OverCurrentFailure"),
        ("19.0", "Temperature out of the authorized range", "OtherError"),
    ],
)
def test_an_error_says_what_the_guide_prints(code: str, name: str, ocpp: str) -> None:
    assert (MODEL.errors[code].name, MODEL.errors[code].ocpp) == (name, ocpp)


def test_q_162_there_is_no_error_2_3() -> None:
    assert "2.3" not in MODEL.errors


def test_errors_of_the_calibrated_variant_only() -> None:
    assert {code for code, error in MODEL.errors.items() if error.variants} == {"2.4", "19.0"}


@pytest.mark.parametrize(
    ("name", "unit", "phases"),
    [
        ("Current.Import", "A", True),
        ("Current.Offered", "A", False),
        ("Energy.Active.Import.Register", "Wh", False),
        ("Energy.Reactive.Import.Register", "varh", False),
        ("Frequency", None, False),
        ("Power.Active.Import", "kW", True),
        ("Voltage", "V", True),
        ("Power.Offered", "kW", False),
    ],
)
def test_a_measurand_has_the_printed_unit_and_phases(name: str, unit: str | None, phases: bool) -> None:
    spec = MODEL.measurands[name]
    assert (spec.unit, bool(spec.phases)) == (unit, phases)
    assert spec.scale == (0.001 if unit == "kW" else 1)


def test_smart_charging_refuses_watts_and_ignores_what_is_not_used() -> None:
    assert MODEL.smart_charging.units == ("A",)
    assert MODEL.smart_charging.ignored_attributes == ("minChargingRate", "numberPhases")
    assert MODEL.smart_charging.refused_attributes == ()


def test_q_153_sign_certificate_is_not_sent() -> None:
    assert "SignCertificate" not in MODEL.messages.sends
    assert row("CertSigningRepeatTimes").inert


def test_q_188_a_transaction_goes_on_after_restore_timeout() -> None:
    assert (MODEL.after_power_cut.resumes, MODEL.after_power_cut.delay_key) == (True, "RestoreTimeout")


def test_only_network_and_identity_need_a_reboot() -> None:
    """Q-181; the numbering of the connectors is part of the identity, as stations are built at boot."""
    assert {spec.name for spec in MODEL.keys.values() if spec.reboot} == {
        "SupervisionUrl",
        "BoxIdentifier",
        "PlugNumberingMode",
        "DhcpEnabled",
        "IpAddress",
        "NetworkSubmask",
        "NetworkGateway",
        "DnsAddress1",
        "DnsAddress2",
    }


def test_the_file_keeps_to_its_place() -> None:
    assert (MODELS / MODEL.line / f"{MODEL.release}.toml").is_file()
