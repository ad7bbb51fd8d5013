"""EVlink Pro DC against DOCA0311EN-01, copied by hand from the guide. Q-numbers are the readings of it."""

import msgspec
import pytest

from chargepost.catalogue import ModelError, load
from chargepost.catalogue.load import MODELS
from chargepost.catalogue.model import KeySpec
from chargepost.ocpp.messages import BootNotification

MODEL = load("evlink-pro-dc")


def row(name: str) -> KeySpec:
    spec = MODEL.key(name)
    assert spec is not None, name
    return spec


def from_table(word: str) -> list[KeySpec]:
    return [spec for spec in MODEL.keys.values() if word in spec.source.split(", ")]


# --- references: power in kW and the second outlet, as the table of BootNotification prints them ----------------------

REFERENCES = {
    (60, "CCS2"): "EVD1S60TBB EVD1S60TBCC5 EVD1S60TBCC7",
    (60, "CHAdeMO"): "EVD1S60THB EVD1S60THBCC5",
    (120, "CCS2"): "EVD1S120TBB EVD1S120TBCC EVD1S120TBCC7 EVD1S120TBB-AN EVD1S120TBCC7-AN",
    (120, "CHAdeMO"): "EVD1S120THB EVD1S120THBCC EVD1S120THB-AN",
    (150, "CCS2"): "EVD1S150TBB EVD1S150TBCC EVD1S150TBCC7 EVD1S150TBB-AN EVD1S150TBCC7-AN",
    (150, "CHAdeMO"): "EVD1S150THB EVD1S150THBCC EVD1S150THB-AN",
    (180, "CCS2"): "EVD1S180TBB EVD1S180TBCC EVD1S180TBCC7 EVD1S180TBB-AN EVD1S180TBCC7-AN",
    (180, "CHAdeMO"): "EVD1S180THB EVD1S180THBCC EVD1S180THB-AN",
}
ROWS = [(reference, *facts) for facts, references in REFERENCES.items() for reference in references.split()]


def test_r_008_the_29_references_and_no_other() -> None:
    assert len(ROWS) == 29
    assert set(MODEL.variants) == {reference for reference, *_ in ROWS}


@pytest.mark.parametrize(("reference", "power_kw", "second"), ROWS)
def test_r_008_a_reference_has_the_printed_power_and_outlets(reference: str, power_kw: int, second: str) -> None:
    """R-008, and R-197: the three powers read what the reference has, in kW."""
    model = load(f"evlink-pro-dc/{reference}")
    facts = model.variants[reference]
    assert (facts.reference, facts.power_w) == (reference, power_kw * 1000)
    assert [(outlet.kind, outlet.lock) for outlet in facts.connectors] == [("CCS2", False), (second, False)]
    powers = [model.key(f"{of}LimitedPower") for of in ("Charge", "ConnectorA", "ConnectorB")]
    assert [(each.access, each.unit, each.default) for each in powers if each] == [("R", "kW", str(power_kw))] * 3


@pytest.mark.parametrize(("reference", "power_kw", "second"), ROWS)
def test_one_outlet_may_take_all_of_the_cabinet_and_as_little_as_1_kw(
    reference: str, power_kw: int, second: str
) -> None:
    """Three phases of 230 V on the grid's side, as every power is worked out: never above the cabinet's own."""
    for outlet in MODEL.variants[reference].connectors:
        assert 0 <= power_kw * 1000 - outlet.max_current_a * 230 * outlet.phases < 10
        assert 0 <= 1000 - outlet.min_current_a * 230 * outlet.phases < 10


@pytest.mark.parametrize("reference", [reference for reference, *_ in ROWS])
def test_a_reference_is_a_name_with_and_without_line_and_release(reference: str) -> None:
    named = load(f"evlink-pro-dc/{reference}@2024-04")
    assert named.name == f"evlink-pro-dc/{reference}@2024-04"
    for word in (reference, f"{reference}@2024-04", f"evlink-pro-dc/{reference}", reference.lower()):
        assert load(word) is named


@pytest.mark.parametrize("said", ["EVD1S180THBB", "evlink-pro-dc/EVD1S180THBB"])
def test_a_wrong_reference_is_answered_with_the_nearest(said: str) -> None:
    with pytest.raises(ModelError, match=r"did you mean .*EVD1S180THB\b"):
        load(said)


def test_without_a_reference_it_is_the_one_of_180_kw_with_two_ccs2() -> None:
    assert load("evlink-pro-dc@2024-04") is MODEL
    assert MODEL.variant == "EVD1S180TBB"


def test_identity_is_the_reference_and_fits_boot_notification() -> None:
    assert (MODEL.identity.vendor, MODEL.identity.model) == ("Schneider Electric", "{reference}")
    assert MODEL.identity.charge_point_serial == "{serial}"
    assert MODEL.identity.firmware == MODEL.release, "no software is printed: the date of the guide stands for both"
    assert "firmware" in MODEL.unknown
    for reference in MODEL.variants:
        said = {"chargePointVendor": MODEL.identity.vendor, "chargePointModel": reference}
        assert msgspec.convert(said, BootNotification).charge_point_model == reference


# --- keys -------------------------------------------------------------------------------------------------------------

ALIGNED = "Current.Import,Current.Offered,Energy.Active.Import.Register,Power.Offered,Power.Active.Import"

STANDARD = [
    ("AllowOfflineTxForUnknownId", "RW", "true"),
    ("AuthorizationCacheEnabled", "RW", "false"),
    ("AuthorizeRemoteTxRequests", "RW", "true"),
    ("ClockAlignedDataInterval", "RW", "0"),
    ("ConnectionTimeOut", "RW", "120"),
    ("GetConfigurationMaxKeys", "R", "50"),
    ("HeartbeatInterval", "RW", "60"),
    ("LocalAuthorizeOffline", "RW", "true"),
    ("LocalPreAuthorize", "RW", "false"),
    ("MeterValuesAlignedData", "RW", ALIGNED),
    ("MeterValuesAlignedDataMaxLength", "R", "9"),
    ("MeterValuesSampledData", "RW", f"{ALIGNED},SoC"),
    ("MeterValuesSampledDataMaxLength", "R", "9"),  # RO one column right, default lost
    ("MeterValueSampleInterval", "RW", "60"),
    ("MinimumStatusDuration", "RW", "10"),
    ("NumberOfConnectors", "R", "2"),
    ("ResetRetries", "RW", "2"),
    ("ConnectorPhaseRotationMaxLength", "R", "1"),
    ("ConnectorPhaseRotation", "RW", "NotApplicable"),
    ("StopTransactionOnEVSideDisconnect", "RW", "true"),
    ("StopTransactionOnInvalidId", "RW", "true"),
    ("StopTxnAlignedDataMaxLength", "R", "0"),
    ("StopTxnSampledDataMaxLength", "R", "0"),
    (
        "SupportedFeatureProfiles",
        "R",
        "Core,FirmwareManagement,LocalAuthListManagement,Reservation,SmartCharging,RemoteTrigger",
    ),
    ("SupportedFeatureProfilesMaxLength", "R", "6"),
    ("TransactionMessageAttempts", "RW", "2"),
    ("TransactionMessageRetryInterval", "RW", "10"),
    ("UnlockConnectorOnEVSideDisconnect", "RW", "false"),
    ("WebSocketPingInterval", "RW", "20"),
    ("LocalAuthListEnabled", "RW", "false"),
    ("LocalAuthListMaxLength", "R", "4000"),  # RO one column right: Q-080
    # seven values printed in the access column, their access inherited: Q-080
    ("SendLocalListMaxLength", "R", "400"),
    ("ReserveConnectorZeroSupported", "R", "true"),
    ("ChargeProfileMaxStackLevel", "R", "20"),
    ("ChargingScheduleMaxPeriods", "R", "20"),
    ("ConnectorSwitch3to1PhaseSupported", "R", "false"),
    ("MaxChargingProfilesInstalled", "R", "40"),
    ("ChargingScheduleAllowedChargingRateUnit", "R", "Power"),
    ("StopTxnAlignedData", "RW", ""),  # "-" one column right: Q-080
    ("StopTxnSampledData", "RW", ""),
    ("AuthorizationKey", "W", None),
]

OWN = [
    ("AuthenticationOCPPMode", "RW", "true"),
    ("DefaultIdTag", "RW", "SIMTAG"),
    ("SupervisionUrl", "RW", None),
    ("BoxIdentifier", "RW", None),
    ("ChargeLimitedPower", "R", "180"),
    ("ConnectorALimitedPower", "R", "180"),
    ("ConnectorBLimitedPower", "R", "180"),
    ("disconnectedMeterValueSampleInterval", "RW", "900"),
    ("SecurityEventsEnabled", "RW", "true"),  # access "False": Q-082
    ("EnableMeterValuesContainVoltage", "RW", "false"),  # access "False": Q-082
    ("EnableRemoteStartNoConnectedEV", "RW", "true"),
]


def test_standard_keys_has_41_rows_and_own_keys_11() -> None:
    assert (len(STANDARD), len(OWN)) == (41, 11)
    assert [spec.name for spec in from_table("k1")] == [name for name, *_ in STANDARD]
    assert [spec.name for spec in from_table("k2")] == [name for name, *_ in OWN]
    assert len(MODEL.keys) == 52


@pytest.mark.parametrize(("name", "access", "default"), STANDARD)
def test_a_standard_key_says_what_the_guide_prints(name: str, access: str, default: str | None) -> None:
    """R-009, R-036, R-042, R-067, R-101, R-104, R-140, R-155, R-157, R-166, R-190, R-191, R-192, R-193, R-194, R-195,
    R-196."""
    assert (row(name).access, row(name).default) == (access, default)


@pytest.mark.parametrize(("name", "access", "default"), OWN)
def test_a_key_of_its_own_says_what_the_guide_prints(name: str, access: str, default: str | None) -> None:
    """R-198."""
    assert (row(name).access, row(name).default) == (access, default)


def test_r_025_lengths_and_the_one_printed_range() -> None:
    lengths = {name: row(name).max_length for name in ("SupervisionUrl", "BoxIdentifier", "DefaultIdTag")}
    assert lengths == {"SupervisionUrl": 255, "BoxIdentifier": 50, "DefaultIdTag": 20}
    interval = row("disconnectedMeterValueSampleInterval")
    assert (interval.unit, interval.min, interval.max, interval.zero) == ("s", 5, 3600, False)


def test_r_189_keys_have_no_case() -> None:
    assert row("AUTHENTICATIONOCPPMODE") is row("authenticationOcppMode") is row("AuthenticationOCPPMode")


def test_only_address_and_identity_need_a_reboot() -> None:
    """Q-181."""
    assert {spec.name for spec in MODEL.keys.values() if spec.reboot} == {"SupervisionUrl", "BoxIdentifier"}


def test_what_a_write_cannot_change_says_why() -> None:
    """Q-097, no lock at the station, nothing that rests on the key."""
    assert {spec.name for spec in MODEL.keys.values() if spec.inert} == {
        "ConnectorPhaseRotation",
        "ResetRetries",
        "UnlockConnectorOnEVSideDisconnect",
        "StopTxnAlignedData",
        "StopTxnSampledData",
    }


def test_q_096_the_four_modes_of_security_are_told() -> None:
    profile = MODEL.hidden["securityprofile"]
    assert (profile.access, profile.max, profile.ocpp_writes) == ("R", 2, False)
    assert "all four" in profile.meaning


# --- errors: DTCs under the OCPP code of their block, as printed -----------------------------------------------------

CODES = {
    "ReaderFailure": "100005",
    "OtherError": "100007 10000C 10000F 10020A 10020B 10020C 10020D 10020E 200008 200203 200204 200209 20020B 20020C",
    "InternalError": "100009 100102 100202 100207 100208 100210 100211 100212 100214 100216"
    " 200001 200002 200003 200004 200101 200102 200103 200104 200202",
    "HighTemperature": "100101",
    "ConnectorLockFailure": "100205",
    "GroundFailure": "100206",
    "PowerMeterFailure": "10020F",
    "OverCurrentFailure": "100213",
    "OverVoltage": "200206",
    "PowerSwitchFailure": "200207",
    "UnderVoltage": "200208",
}
DTCS = {f"0x{code}": ocpp for ocpp, codes in CODES.items() for code in codes.split()}


def test_r_244_42_dtcs_with_their_ocpp_codes() -> None:
    assert len(DTCS) == 42
    assert {code: error.ocpp for code, error in MODEL.errors.items()} == DTCS


@pytest.mark.parametrize(
    ("code", "name"),
    [
        ("0x100005", "Card reader communication failure alarm"),
        ("0x100102", "Cable connector over-temperature alarm"),
        ("0x10020B", "Power cabinet water level error"),
        ("0x10020C", "Terminal door open"),
        ("0x10020F", "Meter failure error"),
        ("0x200003", "PDU relay control fault alarm"),
        ("0x200203", "Power cabinet water level error"),
        ("0x20020C", "Fusing error"),
    ],
)
def test_a_dtc_has_the_printed_name(code: str, name: str) -> None:
    assert MODEL.errors[code].name == name


def test_a_dtc_stops_by_the_group_of_its_number() -> None:
    """Not printed, and written down as unknown: ..00.. and ..01.. warn, ..02.. stop."""
    assert "error_effects" in MODEL.unknown
    assert {code for code, error in MODEL.errors.items() if error.stops} == {code for code in DTCS if code[4:6] == "02"}


def test_a_dtc_of_the_cabinet_is_of_the_whole_station() -> None:
    """One cabinet feeds both outlets; of the terminal's DTCs, those of an outlet are told of that connector."""
    assert not any(error.connector_only for code, error in MODEL.errors.items() if code.startswith("0x20"))
    of_an_outlet = {code[-3:] for code, error in MODEL.errors.items() if error.connector_only}
    assert of_an_outlet == {"007", "00C", "102", "205", "206", "207", "208", "20A", "20F", "213", "214", "216"}


def test_every_dtc_is_told_in_our_words_and_none_says_whether_the_service_has_to_come() -> None:
    assert all(error.description and error.remedy for error in MODEL.errors.values())
    assert {error.service for error in MODEL.errors.values()} == {None}


# --- messages, measurands, restrictions ------------------------------------------------------------------------------


def test_operations_has_9_sent_and_19_answered_messages() -> None:
    assert len(set(MODEL.messages.sends) - {"SecurityEventNotification"}) == 9
    assert len(set(MODEL.messages.answers)) == 19
    assert "DataTransfer" not in MODEL.messages.sends


def test_q_085_unlock_connector_is_answered_and_not_applicable() -> None:
    assert "UnlockConnector" in MODEL.messages.answers
    assert "not applicable" in MODEL.messages.comments["UnlockConnector"]


def test_r_023_ocpp_1_6_json_only() -> None:
    assert {load(line).dialects for line in ("evlink-pro-dc", "evlink-pro-ac", "schneider-charge")} == {("1.6J",)}


@pytest.mark.parametrize(
    ("name", "unit"),
    [
        ("Energy.Active.Import.Register", "Wh"),
        ("Power.Active.Import", "W"),
        ("Power.Offered", "W"),
        ("SoC", "Percent"),
        ("Current.Import", "A"),
        ("Current.Offered", "A"),
        ("Voltage", "V"),  # EnableMeterValuesContainVoltage
    ],
)
def test_a_measurand_has_the_printed_unit_and_no_phase(name: str, unit: str) -> None:
    spec = MODEL.measurands[name]
    assert (spec.unit, spec.scale, spec.phases) == (unit, 1, ())
    assert len(MODEL.measurands) == 7


def test_smart_charging_is_in_watts_on_ccs2_from_1_kw() -> None:
    """Q-090 to Q-092, Q-184."""
    charging = MODEL.smart_charging
    assert (charging.units, charging.purposes) == (("W",), ("TxDefaultProfile", "TxProfile"))
    assert (charging.kinds, charging.recurrencies) == (("Absolute", "Recurring", "Relative"), ("Daily", "Weekly"))
    assert (charging.refused_attributes, charging.ignored_attributes) == (("minChargingRate",), ("numberPhases",))
    assert (charging.connector_kinds, charging.min_limit_w) == (("CCS2",), 1000)
    assert charging.residual_a_per_module == 0.5
    module_w = float(MODEL.quirks["power_modules"]["module_w"])
    modules = [(facts.power_w or 0.0) / module_w for facts in MODEL.variants.values()]
    assert set(modules) == {2, 4, 5, 6}, "whole modules; their number is unknown and chosen"


def test_user_authentication() -> None:
    """Free charging, remote starts without a car, the connector on the screen."""
    said = MODEL.authentication
    assert (said.mode_key, said.default_tag_key) == ("AuthenticationOCPPMode", "DefaultIdTag")
    assert (said.remote_unplugged_key, said.shown_connector) == ("EnableRemoteStartNoConnectedEV", True)
    assert (said.reader, said.plug_starts_offline) == (True, False)


def test_q_088_cost_updated_is_the_one_transfer_and_its_example_is_json() -> None:
    (cost,) = MODEL.data_transfers
    assert (cost.vendor, cost.message, cost.direction) == ("com.se.cost", "CostUpdated", "in")
    assert set(msgspec.json.decode(cost.data)) == {"currency", "method", "connectID", "totalCost", "transactionId"}


def test_files_travel_by_three_protocols() -> None:
    assert MODEL.file_transfers == ("FTP", "HTTP", "HTTPS")


def test_q_188_a_transaction_is_closed_after_a_power_cut() -> None:
    assert not MODEL.after_power_cut.resumes


def test_the_file_keeps_to_its_place() -> None:
    assert (MODELS / MODEL.line / f"{MODEL.release}.toml").is_file()
