"""Schneider Charge 1.13.4 against PKR9492300, copied by hand from the guide. Q-numbers are the readings of it."""

import msgspec
import pytest

from chargepost.catalogue import ModelError, load
from chargepost.catalogue.load import MODELS
from chargepost.catalogue.model import KeySpec
from chargepost.ocpp.messages import BootNotification

MODEL = load("schneider-charge")


def row(name: str) -> KeySpec:
    spec = MODEL.key(name)
    assert spec is not None, name
    return spec


def from_table(word: str) -> list[KeySpec]:
    return [spec for spec in MODEL.keys.values() if word in spec.source.split(", ")]


# --- references -------------------------------------------------------------------------------------------------------

REFERENCES = [
    ("Evh5A22N2S", "T2S", 3, 32),
    ("Evh5A22N400F", "T2S", 3, 32),
    ("Evh5A07N2C7", "cable", 1, 32),
    ("Evh5A11N2C7", "cable", 3, 16),
    ("Evh5A07N2C5", "cable", 1, 32),
    ("Evh5A11N2C5", "cable", 3, 16),
]


def test_r_010_the_6_references_and_no_other() -> None:
    assert [reference for reference, *_ in REFERENCES] == list(MODEL.variants)
    assert len(MODEL.variants) == 6
    assert {name for name, facts in MODEL.variants.items() if "TIC" in facts.description} == {"Evh5A22N400F"}
    assert {name for name, facts in MODEL.variants.items() if "7 m" in facts.description} == {
        "Evh5A07N2C7",
        "Evh5A11N2C7",
    }


@pytest.mark.parametrize(("reference", "kind", "phases", "current_a"), REFERENCES)
def test_r_010_a_reference_has_the_printed_outlet(reference: str, kind: str, phases: int, current_a: float) -> None:
    """R-010, and R-011: one connector. PhaseNumber and IMaxUser read what the reference has (Q-129)."""
    model = load(reference)
    (outlet,) = model.connectors
    assert (outlet.kind, outlet.phases, outlet.max_current_a, outlet.lock) == (kind, phases, current_a, kind == "T2S")
    keys = {name: spec.default for name in ("PhaseNumber", "IMaxUser") if (spec := model.key(name))}
    assert keys == {"PhaseNumber": str(phases), "IMaxUser": f"{current_a:g}"}


@pytest.mark.parametrize("reference", [reference for reference, *_ in REFERENCES])
def test_a_reference_is_a_name_with_and_without_line_and_release(reference: str) -> None:
    named = load(f"schneider-charge/{reference}@1.13.4")
    assert named.name == f"schneider-charge/{reference}@1.13.4"
    assert named.variants[named.variant].reference == reference
    for word in (reference.upper(), f"{reference}@1.13.4", f"schneider-charge/{reference}", reference.lower()):
        assert load(word) is named


@pytest.mark.parametrize("said", ["EVH5A11N2C", "schneider-charge/EVH5A11N2C"])
def test_a_wrong_reference_is_answered_with_the_nearest(said: str) -> None:
    with pytest.raises(ModelError, match=r"did you mean .*Evh5A11N2C5"):
        load(said)


def test_r_012_software_1_13_4_and_the_reference_as_model() -> None:
    assert (MODEL.release, MODEL.identity.firmware) == ("1.13.4", "1.13.4")
    assert load("schneider-charge@1.13.4") is MODEL
    assert (MODEL.identity.vendor, MODEL.identity.model) == ("Schneider Electric", "{reference}")
    for reference in MODEL.variants:
        said = {"chargePointVendor": MODEL.identity.vendor, "chargePointModel": reference}
        assert msgspec.convert(said, BootNotification).charge_point_model == reference


# --- keys -------------------------------------------------------------------------------------------------------------

STANDARD = [
    ("AuthorizeRemoteTxRequests", "RW", "true"),
    ("ClockAlignedDataInterval", "RW", "0"),
    ("ConnectionTimeOut", "RW", "0"),
    ("GetConfigurationMaxKeys", "R", "100"),
    ("HeartbeatInterval", "RW", "60"),
    ("MeterValuesAlignedData", "RW", ""),
    ("MeterValuesAlignedDataMaxLength", "R", "0"),
    (
        "MeterValuesSampledData",  # printed with semicolons: Q-116
        "RW",
        "Voltage,Power.Active.Import,Energy.Active.Import.Register,Current.Import,Current.Offered,Frequency",
    ),
    ("MeterValuesSampledDataMaxLength", "R", "20"),
    ("MeterValueSampleInterval", "RW", "30"),
    ("NumberOfConnectors", "R", "1"),
    ("ResetRetries", "RW", "0"),
    ("ConnectorPhaseRotation", "RW", "NotApplicable"),
    ("ConnectorPhaseRotationMaxLength", "R", "0"),
    ("StopTransactionOnEVSideDisconnect", "RW", "true"),
    ("StopTransactionOnInvalidId", "RW", "true"),
    ("StopTxnAlignedData", "RW", ""),
    ("StopTxnAlignedDataMaxLength", "R", "0"),
    ("StopTxnSampledData", "RW", ""),
    ("StopTxnSampledDataMaxLength", "R", "0"),
    ("SupportedFeatureProfiles", "R", "Core,FirmwareManagement,SmartCharging,RemoteTrigger"),
    ("TransactionMessageAttempts", "RW", "3"),
    ("TransactionMessageRetryInterval", "RW", "15"),
    ("UnlockConnectorOnEVSideDisconnect", "RW", "true"),
    ("MessageTimeout", "RW", "30"),  # printed 30s
    ("WebSocketPingInterval", "RW", "60"),  # printed 60s: Q-118
    ("SupportedFileTransferProtocols", "R", "HTTP,HTTPS,FTP,FTPS"),
    ("ChargeProfileMaxStackLevel", "R", "200"),  # printed ...Stacklevel: Q-118
    ("ChargingScheduleMaxPeriods", "R", "100"),
    ("ChargingScheduleAllowedChargingRateUnit", "R", "Current,Power"),  # printed with quotes: Q-118
    ("MaxChargingProfilesInstalled", "R", "200"),
    ("ConnectorSwitch3to1PhaseSupported", "R", "true"),
    ("ReserveConnectorZeroSupported", "R", "true"),
]

CUSTOMIZED = [
    ("SupervisionUrl", "RW", "Wss://sandbox.ecostruxure-ev-advisor.se.app/supervision/evcs/v1.6"),
    ("BoxIdentifier", "RW", None),
    ("DefaultIdTag", "RW", "FreeCharge"),
    ("TICdetection", "R", "false"),  # printed 0: Q-110
    ("TICmode", "RW", "0"),
    ("MeterType", "R", "1"),
    ("IMaxUser", "R", "32"),
    ("PhaseNumber", "R", "3"),
    ("TriggerBackendConfigurationDataReset", "RW", "false"),  # printed with hyphens: Q-111
]


def test_r_199_standard_keys_has_33_rows_and_customized_keys_9() -> None:
    assert (len(STANDARD), len(CUSTOMIZED)) == (33, 9)
    assert [spec.name for spec in from_table("k1")] == [name for name, *_ in STANDARD]
    assert [spec.name for spec in from_table("k2")] == [name for name, *_ in CUSTOMIZED]
    assert len(MODEL.keys) == 42


@pytest.mark.parametrize(("name", "access", "default"), STANDARD)
def test_a_standard_key_says_what_the_guide_prints(name: str, access: str, default: str) -> None:
    """R-011, R-040, R-100, R-103, R-142, R-159, R-160, R-161, R-200, R-201, R-202, R-203."""
    assert (row(name).access, row(name).default) == (access, default)


@pytest.mark.parametrize(("name", "access", "default"), CUSTOMIZED)
def test_a_customized_key_says_what_the_guide_prints(name: str, access: str, default: str | None) -> None:
    """R-205."""
    assert (row(name).access, row(name).default) == (access, default)


def test_r_028_an_identity_has_at_most_50_characters_on_all_lines_but_evlink() -> None:
    keys = [load(line).key("BoxIdentifier") for line in ("schneider-charge", "evlink-pro-dc", "evlink-pro-ac")]
    assert [key.max_length for key in keys if key] == [50, 50, 50]


def test_r_135_the_station_as_a_whole_may_be_reserved_on_all_lines_but_evlink() -> None:
    lines = ("schneider-charge", "evlink-pro-dc", "evlink-pro-ac")
    keys = [load(line).key("ReserveConnectorZeroSupported") for line in lines]
    assert [(key.access, key.default) for key in keys if key] == [("R", "true")] * 3


def test_lengths() -> None:
    lengths = {name: row(name).max_length for name in ("SupervisionUrl", "BoxIdentifier", "DefaultIdTag")}
    assert lengths == {"SupervisionUrl": 199, "BoxIdentifier": 50, "DefaultIdTag": 500}


def test_every_key_takes_effect_at_once() -> None:
    """The column "Effective instantly" says yes for all customized keys."""
    assert not [spec.name for spec in MODEL.keys.values() if spec.reboot]


def test_what_a_write_cannot_change_says_why() -> None:
    assert {spec.name for spec in MODEL.keys.values() if spec.inert} == {
        "ClockAlignedDataInterval",
        "MeterValuesAlignedData",
        "ConnectorPhaseRotation",
        "ResetRetries",
        "StopTxnAlignedData",
        "StopTxnSampledData",
    }


def test_q_110_tic_detection_takes_words_and_digits() -> None:
    assert row("TICdetection").allowed == ("false", "true", "0", "1")


def test_q_123_security_profiles_0_to_2_rest_on_keys_that_are_not_listed() -> None:
    assert {"authorizationkey", "securityprofile"} <= set(MODEL.hidden)
    assert (MODEL.hidden["authorizationkey"].access, MODEL.hidden["securityprofile"].max) == ("W", 2)


# --- errors -----------------------------------------------------------------------------------------------------------

ERRORS = [
    # code, description, OCPP, recoverable by unplug gun, need contact service
    ("0x100206", "Ground fault", "GroundFailure", True, True),
    ("0x200206", "Power Input over voltage", "OverVoltage", True, True),
    ("0x200208", "Power input under voltage", "UnderVoltage", True, True),
    ("0x100213", "Charging over current", "OverCurrentFailure", True, True),
    ("0x100102", "Cable over temperature", "HighTemperature", True, False),
    ("0x10020F", "Metering chip data error", "PowerMeterFailure", True, True),
    ("0x100215", "Current leakage fault", "GroundFailure", True, True),
    ("0x100218", "Cable fault", "OtherError", True, True),
    ("0x100205", "Electronic lock fault", "ConnectorLockFailure", True, True),
    ("0x100217", "CP signal fault", "EVCommunicationError", True, True),
    ("0x100208", "Relay fault", "PowerSwitchFailure", False, True),
    ("0x10020C", "Tamper detected", "OtherError", True, False),
]


def test_vendor_error_codes_has_12_rows() -> None:
    assert [code for code, *_ in ERRORS] == list(MODEL.errors)
    assert len(MODEL.errors) == 12


@pytest.mark.parametrize(("code", "name", "ocpp", "by_unplugging", "service"), ERRORS)
def test_r_245_an_error_says_what_the_guide_prints(
    code: str, name: str, ocpp: str, by_unplugging: bool, service: bool
) -> None:
    """Q-124: unplugging and the service are both as printed."""
    error = MODEL.errors[code]
    assert (error.name, error.ocpp, error.service) == (name, ocpp, service)
    assert error.clears == ("unplug" if by_unplugging else "service")
    assert error.stops
    assert error.description
    assert error.remedy


def test_q_183_the_same_numbers_mean_other_things_on_the_pro_dc() -> None:
    theirs = load("evlink-pro-dc").errors
    shared = MODEL.errors.keys() & theirs.keys()
    assert len(shared) == 9
    assert {"0x10020C", "0x10020F"} <= {code for code in shared if MODEL.errors[code].name != theirs[code].name}


# --- messages, measurands, restrictions ------------------------------------------------------------------------------


def test_operations_has_10_sent_and_15_answered_messages() -> None:
    assert (len(set(MODEL.messages.sends)), len(set(MODEL.messages.answers))) == (10, 15)


def test_q_114_four_messages_are_not_supported_and_the_table_says_so() -> None:
    absent = ("ChangeAvailability", "ClearCache", "GetLocalListVersion", "SendLocalList")
    assert not set(absent) & set(MODEL.messages.answers)
    assert all(MODEL.messages.comments[action].startswith("not supported") for action in absent)


def test_r_238_no_message_of_its_own_either_way() -> None:
    assert MODEL.data_transfers == ()
    assert "DataTransfer" in MODEL.messages.sends
    assert "DataTransfer" in MODEL.messages.answers


def test_r_165_hertz_has_no_word_in_ocpp_and_is_sent_without_unit() -> None:
    assert [load(line).measurands["Frequency"].unit for line in ("schneider-charge", "evlink-pro-ac")] == [None, None]


@pytest.mark.parametrize(
    ("name", "unit"),
    [
        ("Current.Import", "A"),
        ("Current.Offered", "A"),
        ("Energy.Active.Import.Register", "Wh"),
        ("Energy.Reactive.Import.Register", "varh"),
        ("Frequency", None),
        ("Power.Active.Import", "kW"),
        ("Voltage", "V"),
    ],
)
def test_r_158_a_measurand_has_the_printed_unit(name: str, unit: str | None) -> None:
    spec = MODEL.measurands[name]
    assert (spec.unit, spec.scale) == (unit, 0.001 if unit == "kW" else 1)
    assert len(MODEL.measurands) == 7


def test_smart_charging_takes_amperes_and_watts_and_ignores_what_is_not_used() -> None:
    charging = MODEL.smart_charging
    assert charging.units == ("A", "W")
    assert set(charging.purposes) == {"ChargePointMaxProfile", "TxDefaultProfile", "TxProfile"}
    assert charging.recurrencies == ("Daily", "Weekly")
    assert (charging.refused_attributes, charging.ignored_attributes) == ((), ("minChargingRate", "numberPhases"))


def test_no_reader_and_who_plugs_in_without_supervision_charges() -> None:
    """R-011, Q-122."""
    said = MODEL.authentication
    assert (said.reader, said.plug_starts_offline, said.default_tag_key) == (False, True, "DefaultIdTag")
    assert said.mode_key == ""


def test_message_timeout_rules_the_patience_of_a_request() -> None:
    assert (MODEL.transport.call_timeout_key, MODEL.transport.call_timeout_s) == ("MessageTimeout", 30)


def test_files_travel_by_four_protocols() -> None:
    assert MODEL.file_transfers == ("FTP", "FTPS", "HTTP", "HTTPS")
    assert set((row("SupportedFileTransferProtocols").default or "").split(",")) == set(MODEL.file_transfers)


def test_q_188_a_transaction_is_closed_after_a_power_cut() -> None:
    assert not MODEL.after_power_cut.resumes


def test_the_file_keeps_to_its_place() -> None:
    assert (MODELS / MODEL.line / f"{MODEL.release}.toml").is_file()
