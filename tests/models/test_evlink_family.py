"""EVlink Smart Wallbox, Parking and City in R4 to R7 against the EVlink guides. The tables here are copied from the
guide by hand, in its order; Q-numbers are the readings of it. A line is named by a letter: W, P, C."""

import pytest

from chargepost.catalogue import Model, ModelError, load, names
from chargepost.catalogue.load import releases
from chargepost.catalogue.report import diff
from chargepost.station.station import Station

LINES = {"W": "evlink-smart-wallbox", "P": "evlink-parking", "C": "evlink-city"}
RELEASES = {"R4": "2.7.4.18", "R5": "3.1.1-33", "R6": "3.2.0-12", "R7": "3.3.0.7"}
EACH = [(letter, release) for letter in LINES for release in RELEASES]


def box_serial(known: Model) -> str:
    """chargeBoxSerialNumber of a station as it leaves the factory."""
    return str(Station(known, "CP-1", {}).talk.boot_notification().charge_box_serial_number)


def words(text: str) -> list[str]:
    return text.split()


SENT = words("""BootNotification StatusNotification Heartbeat Authorize StartTransaction MeterValues StopTransaction
FirmwareStatusNotification DiagnosticsStatusNotification""")
"""3.1, UP, ticked in every release."""
ANSWERED = words("""RemoteStartTransaction RemoteStopTransaction ReserveNow CancelReservation ChangeConfiguration
GetConfiguration UpdateFirmware GetDiagnostics ChangeAvailability ClearCache Reset UnlockConnector""")
"""3.1, DOWN, ticked in every release."""
ANSWERED_FROM_R6 = words("SetChargingProfile GetCompositeSchedule ClearChargingProfile DataTransfer TriggerMessage")
"""3.1, DOWN, ticked in R6 and R7 only."""
NEVER = ["SendLocalList", "GetLocalListVersion"]
"""3.1, ticked in no release."""

KEYS = words("""operatingMode allowPluggedCable enableEvDetection loadSheddingSetPoint stationName voltageReference
maxIntensityStation maxIntensitySocket EnableSuspendChargeByButton monophasedLoadSheddingFloorValue
triphasedLoadSheddingFloorValue EMsetting loadSheddingPriority enableUnknown authenticationManager
ControlChargeByRemoteCommand rfidStatusTimeout ocppVersion ocppCentralAddress ocppBoxLocalPort ocppBoxPublicPort
ocppDefaultBoxAddrPublic ocppConfModemAddress ocppConfSimModemAddress confModemRetryInterval boxIdentity defaultIdTag
MeterValuesSampledData meterValueSampleInterval ocppConnectTimeOut WebSocketPingInterval MinimumStatusDuration
TransactionMessageRetryInterval TransactionMessageAttempts truncateBootNotificationsSerialNumbers cacheListEnabled
compressDiagnostic NumberOfConnectors HeartBeatInterval AuthorizeRemoteTxRequests ConnectionTimeOut
GetConfigurationMaxKeys ResetRetries ConnectorPhaseRotation ConnectorPhaseRotationMaxLength
StopTransactionOnEVSideDisconnect StopTransactionOnInvalidId StopTxnAlignedData StopTxnAlignedDataMaxLength
StopTxnSampledData StopTxnSampledDataMaxLength SupportedFeatureProfiles SupportedFeatureProfilesMaxLength
ReserveConnectorZeroSupported UnlockConnectorOnEVSideDisconnect ChargeProfileMaxStackLevel
ChargingScheduleAllowedChargingRateUnit ChargingScheduleMaxPeriods ConnectorSwitch3to1PhaseSupported
MaxChargingProfilesInstalled""")
"""8.1, every row."""
NOT_ALL_TICKED = {
    "allowPluggedCable": "P",
    "enableEvDetection": "C",
    "maxIntensityStation": "PC",
    "EnableSuspendChargeByButton": "W",
}
"""8.1, rows with a blank, their columns read as Smart Wallbox, Parking, City (Q-001)."""
INNER_NAMES = {"AllowOfflineTxForUnknownId", "AuthorizationCacheEnabled"}
"""Rows that are not printed: the OCPP names of enableUnknown and cacheListEnabled (Q-019)."""

ERRORS = {
    "1": ("WPC", "Rfid Status"),
    "3": ("PC", "Internal Communication"),
    "4": ("WPC", "Outlet Lock"),
    "5": ("WPC", "Contactor State"),
    "6": ("PC", "Surge Arrestor"),
    "7": ("PC", "Anti-intrusion"),
    "8": ("WPC", "Hardware Configuration"),  # the id of the screens, on every line
    "9": ("WPC", "Software Configuration"),
    "10": ("PC", "Flap Sensor"),
    "11": ("WPC", "Upstream Protection Devices"),
    "12": ("WPC", "Power Meter Communication"),
    "13": ("WPC", "Remote Authentication Communication"),
    "14": ("WPC", "[Un]Plug Process"),
    "15": ("PC", "Load tri-phase compliancy"),
    "16": ("WPC", "Plc Communication"),
    "17": ("WPC", "Control Pilot (CP) Signal conformity"),
    "18": ("WPC", "Plug Presence (PP) conformity"),
    "19": ("WPC", "Charge Alarm EV Disconnected"),
    "20": ("WPC", "Charge Alarm ShortCut"),
    "21": ("WPC", "Charge Alarm Overload"),
    "22": ("WPC", "Charge Alarm Ventilation Not Allowed"),
    "24": ("WPC", "Modem Communication"),
    "25": ("W", "Energy Reserve"),
    "29": ("WPC", "Remote EM Communication"),
    "30": ("WPC", "Supervision Communication"),
    "31": ("WPC", "NTP Server Communication"),
}
"""7.1: which lines have it (Q-006), and its name."""


def model(letter: str, release: str = "R7", variant: str = "") -> Model:
    return load(f"{LINES[letter]}{variant and '/' + variant}@{release}")


def default_of(one: Model, key: str) -> str | None:
    row = one.key(key)
    assert row is not None, key
    return row.default


# --- releases -------------------------------------------------------------------------------------------------------


def test_r_003_every_line_has_four_releases_the_newest_first() -> None:
    assert {letter: releases()[line] for letter, line in LINES.items()} == dict.fromkeys(
        "WPC", ("R7", "R6", "R5", "R4")
    )


@pytest.mark.parametrize(("letter", "release"), EACH)
def test_a_release_says_its_firmware(letter: str, release: str) -> None:
    assert model(letter, release).identity.firmware == RELEASES[release]
    assert model(letter, release).sources["messages"].endswith(RELEASES[release])


@pytest.mark.parametrize(("letter", "release"), EACH)
def test_r_018_three_protocols_and_neither_1_6_soap_nor_2_0(letter: str, release: str) -> None:
    """3.1, the table of protocols, which has no columns of releases."""
    assert model(letter, release).dialects == ("1.6J", "1.5J", "1.5S")


NAMES_A_RELEASE = {"release", "identity.firmware", "sources.messages"}
BROUGHT_BY_R6 = {
    "messages.answers",
    "messages.triggers",
    "messages.source",
    *(f"messages.comments.{action}" for action in [*ANSWERED_FROM_R6, "RemoteStartTransaction"]),
}
BROUGHT_BY_R6_AS_A_WHOLE = {
    "smart_charging",
    "quirks.trigger_only_charging",
    "sources.field-profile",
    "errors.29",
    "modbus.lost_error",
}
BROUGHT_BY_R6_TO_ITS_LINE = {
    "W": {"keys.emsetting.inert"},  # it rules the profiles
    "P": {"keys.emsetting.default"},  # printed for the wallbox; from R6 on for all
    "C": {
        "keys.emsetting.default",
        "keys.enableevdetection.inert",
        "messages.sends",
        "data_transfers",
    },
}


def changed(letter: str, older: str, newer: str) -> set[str]:
    """Paths in which two releases differ; what came as a whole by its name."""
    paths = {each.path for each in diff(model(letter, older), model(letter, newer))}
    wholes = {
        *BROUGHT_BY_R6_AS_A_WHOLE, "quirks.datecode_above", "quirks.authentication_done_by", "quirks.newer_pages",
        "hidden.dhcpenabled",
    }  # fmt: skip
    return {next((whole for whole in wholes if path.startswith(f"{whole}.")), path) for path in paths}


@pytest.mark.parametrize("letter", LINES)
def test_releases_differ_where_the_guides_say_and_nowhere_else(letter: str) -> None:
    datecode = set[str]() if letter == "W" else {"quirks.datecode_above"}
    assert changed(letter, "R4", "R5") == NAMES_A_RELEASE | datecode
    assert changed(letter, "R5", "R6") == (
        NAMES_A_RELEASE | BROUGHT_BY_R6 | BROUGHT_BY_R6_AS_A_WHOLE | BROUGHT_BY_R6_TO_ITS_LINE[letter] | datecode
    )
    pages = {"quirks.authentication_done_by", "quirks.newer_pages", "hidden.dhcpenabled"}
    assert changed(letter, "R6", "R7") == NAMES_A_RELEASE | pages


@pytest.mark.parametrize("letter", LINES)
def test_q_044_supervised_the_station_itself_decides_on_badges_from_r7_on(letter: str) -> None:
    offered = {release: model(letter, release).quirks["authentication_done_by"]["supervised"] for release in RELEASES}
    assert offered == dict.fromkeys(("R4", "R5", "R6"), "Supervision, Disable") | {
        "R7": "Supervision, Charging station, Disable"
    }


def test_software_3101_knows_the_oldest_boards_it_runs_on() -> None:
    """Commissioning guide, At a Glance: Parking above 15271, City above 15401; nothing on the wallbox."""
    known = {
        (letter, release): model(letter, release).quirks["datecode_above"]["datecode"]
        for letter, release in EACH
        if "datecode_above" in model(letter, release).quirks
    }
    assert known == {("P", "R5"): 15271, ("C", "R5"): 15401}


# --- messages -------------------------------------------------------------------------------------------------------


def test_3_1_has_28_rows_two_of_them_never_ticked() -> None:
    assert (len(SENT), len(ANSWERED), len(ANSWERED_FROM_R6), len(NEVER)) == (9, 12, 5, 2)


@pytest.mark.parametrize(("letter", "release"), EACH)
def test_3_1_a_release_knows_the_messages_of_its_column(letter: str, release: str) -> None:
    """DataTransfer upwards is of the City only (Q-027); there is no local list."""
    from_r6 = release in ("R6", "R7")
    said = model(letter, release).messages
    assert list(said.sends) == SENT + (["DataTransfer"] if letter == "C" and from_r6 else [])
    assert list(said.answers) == ANSWERED + (ANSWERED_FROM_R6 if from_r6 else [])
    assert set(NEVER) <= set(said.comments)
    assert said.triggers == (("StatusNotification", "Heartbeat", "MeterValues") if from_r6 else ())


def test_q_027_the_city_tells_what_its_loop_detects() -> None:
    for letter, release in EACH:
        told = [(each.direction, each.enable_key) for each in model(letter, release).data_transfers]
        assert told == ([("out", "enableEvDetection")] if letter == "C" and release in ("R6", "R7") else [])


@pytest.mark.parametrize("release", ["R4", "R5"])
def test_detection_does_nothing_before_data_transfer_exists(release: str) -> None:
    row = model("C", release).key("enableEvDetection")
    assert row is not None
    assert row.inert


@pytest.mark.parametrize(("letter", "release"), EACH)
def test_4_1_smart_charging_begins_with_r6(letter: str, release: str) -> None:
    """R-217, R-218: from R6 on, limits in A only; GetCompositeSchedule above connector 0; W, minChargingRate and
    numberPhases are refused (Q-028); EMsetting has to be 2 or 3 (Q-189)."""
    charging = model(letter, release).smart_charging
    if release in ("R4", "R5"):
        assert (charging.units, charging.purposes, charging.kinds) == ((), (), ())
        return
    assert charging.units == ("A",)
    assert set(charging.purposes) == {"TxDefaultProfile", "TxProfile", "ChargePointMaxProfile"}
    assert set(charging.kinds) == {"Absolute", "Recurring", "Relative"}
    assert set(charging.recurrencies) == {"Daily", "Weekly"}
    assert set(charging.refused_attributes) == {"minChargingRate", "numberPhases"}
    assert charging.composite_connector_zero is False
    assert charging.while_setting == {"EMsetting": ("2", "3")}
    assert default_of(model(letter, release), "EMsetting") == "2"


# --- keys -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("letter", "count"), [("W", 60 - 3), ("P", 60 - 2), ("C", 60 - 2)])
@pytest.mark.parametrize("release", RELEASES)
def test_8_1_has_60_rows_in_this_order_and_a_line_those_of_its_column(letter: str, count: int, release: str) -> None:
    """R-170, R-171, R-173, R-174, with the columns as Q-001 reads them."""
    assert len(KEYS) == len(set(KEYS)) == 60
    own = [key for key in KEYS if letter in NOT_ALL_TICKED.get(key, "WPC")]
    assert len(own) == count
    printed = [row.name for row in model(letter, release).keys.values() if row.name not in INNER_NAMES]
    assert printed == own


@pytest.mark.parametrize(
    ("letters", "key", "kind", "access", "low", "high", "default"),
    [
        ("P", "allowPluggedCable", "bool", "RW", None, None, "false"),
        ("C", "enableEvDetection", "bool", "RW", None, None, "false"),
        ("W", "EnableSuspendChargeByButton", "bool", "RW", None, None, "false"),
        ("PC", "maxIntensityStation", "int", "RW", 0, 64, "64"),  # Q-003; of two charge points
        ("PC", "maxIntensitySocket", "int", "RW", 0, 32, "32"),
        ("W", "maxIntensitySocket", "int", "RW", 0, 32, "16"),
        ("WPC", "loadSheddingSetPoint", "int", "RW", 0, 32, "0"),
        ("WPC", "voltageReference", "int", "RW", 0, 400, "230"),
        ("WPC", "monophasedLoadSheddingFloorValue", "int", "RW", 6, 20, "8"),
        ("WPC", "triphasedLoadSheddingFloorValue", "int", "RW", 6, 20, "14"),
        ("WPC", "loadSheddingPriority", "int", "RW", 0, 1, "0"),
        ("WPC", "enableUnknown", "bool", "RW", None, None, "true"),
        ("WPC", "authenticationManager", "int", "RW", 0, 3, "2"),
        ("WPC", "ControlChargeByRemoteCommand", "bool", "RW", None, None, "false"),
        ("WPC", "rfidStatusTimeout", "int", "RW", 0, 65535, "10"),
        ("WPC", "ocppBoxLocalPort", "int", "RW", 1, 65535, None),
        ("WPC", "ocppDefaultBoxAddrPublic", "string", "RW", None, None, None),
        ("WPC", "confModemRetryInterval", "int", "RW", 15, 60, "30"),
        ("WPC", "boxIdentity", "string", "RW", None, None, "UNDEFINED"),
        ("WPC", "meterValueSampleInterval", "int", "RW", 15, 7200, "900"),
        ("WPC", "ocppConnectTimeOut", "int", "RW", 2, 60, "60"),
        ("WPC", "truncateBootNotificationsSerialNumbers", "bool", "RW", None, None, "false"),
        ("WPC", "compressDiagnostic", "bool", "RW", None, None, "true"),
        ("WPC", "AuthorizeRemoteTxRequests", "bool", "R", None, None, "false"),
        ("WPC", "ConnectionTimeOut", "int", "R", 0, None, "30"),
        ("WPC", "GetConfigurationMaxKeys", "int", "R", 1, None, "200"),
        ("WPC", "ResetRetries", "int", "R", 0, None, "0"),
        ("WPC", "ChargeProfileMaxStackLevel", "int", "R", 0, None, "999"),
        ("WPC", "MaxChargingProfilesInstalled", "int", "R", 1, None, "99"),
        ("PC", "NumberOfConnectors", "int", "R", 1, None, "2"),
        ("W", "NumberOfConnectors", "int", "R", 1, None, "1"),
    ],
)
def test_a_row_says_what_the_guides_print(
    letters: str, key: str, kind: str, access: str, low: float | None, high: float | None, default: str | None
) -> None:
    for letter in letters:
        for release in RELEASES:
            row = model(letter, release).keys[key.lower()]
            assert (row.type, row.access, row.min, row.max, row.default) == (kind, access, low, high, default), letter


def test_q_018_without_remote_energy_management_before_r6_but_on_the_wallbox() -> None:
    assert {letter: default_of(model(letter, "R5"), "EMsetting") for letter in LINES} == {"W": "2", "P": "1", "C": "1"}


def test_r_272_where_the_cable_setting_is_not_shown_it_still_rules() -> None:
    """On the wallbox the cable may stay, at the City not; the Parking's is a key, off by factory (R-271)."""
    assert {letter: default_of(model(letter), "allowPluggedCable") for letter in LINES} == {
        "W": "true",
        "P": "false",
        "C": "false",
    }
    assert {letter: "allowpluggedcable" in model(letter).keys for letter in LINES} == {
        "W": False,
        "P": True,
        "C": False,
    }


def test_r_269_the_push_button_suspends_where_there_is_a_key() -> None:
    pressed = {
        name: default_of(load(f"{LINES['W']}/{name}"), "EnableSuspendChargeByButton") for name in ("key", "rfid")
    }
    assert pressed == {"key": "true", "rfid": "false"}


def test_input_1_watches_protection_devices_on_the_parking_only() -> None:
    """Q-049: the City has an input of its own for them."""
    assert model("P").hidden["input1function"].allowed == ("Not used", "Protection devices", "Load-shedding")
    assert model("C").hidden["input1function"].allowed == ("Not used", "Load-shedding")
    assert "input1function" not in model("W").hidden


# --- errors and measurands ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("letter", "count"), [("W", 26 - 5), ("P", 26 - 1), ("C", 26 - 1)])
@pytest.mark.parametrize("release", RELEASES)
def test_7_1_has_26_errors_and_a_line_those_of_its_column(letter: str, count: int, release: str) -> None:
    """R-072, R-241: the pages of the Parking show 25 in R7, and 24 in 3101, where 29 is missing (Q-008)."""
    absent = {"29"} if release in ("R4", "R5") else set[str]()
    own = {code: name for code, (letters, name) in ERRORS.items() if letter in letters and code not in absent}
    assert (len(ERRORS), len(own)) == (26, count - len(absent))
    assert [(code, error.name) for code, error in model(letter, release).errors.items()] == list(own.items())


@pytest.mark.parametrize("letter", LINES)
def test_r_239_every_error_has_a_description_and_a_remedy(letter: str) -> None:
    for code, error in model(letter).errors.items():
        assert (error.description[-1:], error.remedy[-1:]) == (".", "."), code


@pytest.mark.parametrize(
    ("code", "ocpp", "stops", "clears"),
    [
        ("3", "InternalError", True, "cause"),
        ("6", "InternalError", True, "cause"),
        ("7", "OtherError", True, "cause"),
        ("10", "ConnectorLockFailure", True, "cause"),
        ("15", "OtherError", True, "unplug"),
    ],
)
def test_an_error_of_parking_and_city_has_the_closest_code(code: str, ocpp: str, stops: bool, clears: str) -> None:
    """Q-010: the guide prints none, nor what an error does to a charge."""
    for letter in "PC":
        error = model(letter).errors[code]
        assert (error.ocpp, error.stops, error.clears) == (ocpp, stops, clears)


def test_the_city_words_two_errors_for_its_two_sockets_a_side() -> None:
    for code in ("11", "14"):
        assert "domestic socket" in model("C").errors[code].description
        assert "domestic socket" not in model("P").errors[code].description


@pytest.mark.parametrize(("letter", "release"), EACH)
def test_r_148_r_149_measurands_and_phases(letter: str, release: str) -> None:
    measurands = model(letter, release).measurands
    assert list(measurands) == ["Energy.Active.Import.Register", "Current.Import", "Voltage", "Current.Offered"]
    assert measurands["Voltage"].phases == ("L1", "L2", "L3", "L1-N", "L2-N", "L3-N", "L1-L2", "L2-L3", "L3-L1")
    assert measurands["Current.Import"].phases == ("L1", "L2", "L3")


# --- variants -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("evlink-smart-wallbox", "evlink-smart-wallbox/rfid@R7"),
        ("evlink-parking", "evlink-parking/rfid-two@R7"),
        ("evlink-city", "evlink-city/rfid-two@R7"),
        ("EVlink-Parking@r6", "evlink-parking/rfid-two@R6"),
        ("evlink-city/key@R4", "evlink-city/key@R4"),
    ],
)
def test_a_name_means_the_newest_release_and_the_most_common_variant(said: str, meant: str) -> None:
    assert load(said).name == meant


@pytest.mark.parametrize(
    ("letters", "variant", "outlets"),
    [
        ("WPC", "rfid", ["T2"]),
        ("WPC", "key", ["T2"]),
        ("WPC", "rfid-te", ["T2", "TE"]),
        ("WPC", "rfid-t3", ["T3"]),
        ("WPC", "key-te-only", ["TE"]),
        ("W", "rfid-cable", ["cable"]),
        ("W", "key-t1", ["T1"]),
        ("PC", "rfid-two", ["T2", "T2"]),
        ("PC", "key-two-t3", ["T3", "T3"]),
        ("PC", "rfid-two-te", ["T2", "T2", "TE", "TE"]),
    ],
)
def test_a_variant_has_its_outlets(letters: str, variant: str, outlets: list[str]) -> None:
    for letter in letters:
        for release in RELEASES:
            assert [each.kind for each in model(letter, release, variant).connectors] == outlets


def test_r_006_r_007_one_charge_point_or_two_each_with_its_board() -> None:
    """The wallbox is one charge point; of a Parking or City half the variants are two. A T2 - TE point has two outlets
    and one number."""
    for letter in LINES:
        points = {name: default_of(model(letter, "R7", name), "NumberOfConnectors") for name in model(letter).variants}
        assert points == {name: "2" if "-two" in name else "1" for name in points}
        assert len(points) == {"W": 12, "P": 16, "C": 16}[letter]
        assert sum(each == "2" for each in points.values()) == (0 if letter == "W" else 8)
        assert ("board_for_each_connector" in model(letter).quirks) == (letter != "W")


@pytest.mark.parametrize("letter", LINES)
def test_a_variant_with_a_key_asks_for_no_badges_and_is_else_its_twin(letter: str) -> None:
    readerless = {name for name in model(letter).variants if name.startswith("key")}
    assert {name.replace("key", "rfid") for name in readerless} == model(letter).variants.keys() - readerless
    for name in readerless:
        key, twin = model(letter, "R7", name), model(letter, "R7", name.replace("key", "rfid"))
        assert key.connectors == twin.connectors
        assert (default_of(key, "operatingMode"), default_of(twin, "operatingMode")) == ("1", "2")
        assert (default_of(key, "AuthenticationOCPPMode"), default_of(twin, "AuthenticationOCPPMode")) == (
            "false",
            "true",
        )


def test_a_domestic_socket_gives_10_a_on_one_phase() -> None:
    """Q-050."""
    for letter in LINES:
        for facts in model(letter).variants.values():
            for outlet in facts.connectors:
                if outlet.kind == "TE":
                    assert (outlet.phases, outlet.max_current_a) == (1, 10)
                else:
                    assert outlet.max_current_a == 32


# --- quirks ---------------------------------------------------------------------------------------------------------

QUIRKS = {
    "pilot_short",
    "cluster_watched",
    "overconsumption",
    "disconnect_watched",
    "proximity_watched",
    "low_current_zeroed",
    "ventilation",
    "contactor_watched",
    "undefined_is_unset",
    "modem_retry_zero",
    "plug_procedure",
    "meter_polled",
    "supervision_watched",
    "operating_mode",
    "authentication_manager",
    "authentication_done_by",
    "less_in_1_5",
    "outlets_share_connector",
    "over_long_serials",
    "ntp_watched",
    "key_lock",
    "slow_restart",
}
"""What all three lines do, by the names it is looked up with."""
QUIRKS_OF_LINE = {
    "W": {"push_button"},
    "P": {"board_for_each_connector", "simplified"},
    "C": {"board_for_each_connector", "simplified", "shutter_watched"},
}


@pytest.mark.parametrize(("letter", "release"), EACH)
def test_quirks_are_those_of_the_family_the_line_and_the_release(letter: str, release: str) -> None:
    of_release = {"trigger_only_charging"} if release in ("R6", "R7") else set[str]()
    of_release |= {"newer_pages"} if release == "R7" else set()
    if release == "R5" and letter != "W":
        of_release |= {"datecode_above"}
    assert model(letter, release).quirks.keys() == QUIRKS | QUIRKS_OF_LINE[letter] | of_release


def test_a_box_serial_begins_with_the_reference_of_its_line_and_breaks_the_25_characters() -> None:
    """EVlink OCPP guide, 1.1, prints EVB, EVF2 (among others) and EVC; the field saw 33 characters of a wallbox."""
    serials = {letter: box_serial(model(letter)) for letter in LINES}
    assert {letter: len(serial) for letter, serial in serials.items()} == {"W": 33, "P": 30, "C": 29}
    assert {letter: serial[:3] for letter, serial in serials.items()} == {"W": "EVB", "P": "EVF", "C": "EVC"}


@pytest.mark.parametrize("name", [name for name in names() if name.partition("/")[0] in LINES.values()])
def test_r_002_every_box_serial_begins_with_a_prefix_of_its_line(name: str) -> None:
    """EVlink OCPP guide, 1.1: EVB, EVF1, EVW1, EVF2, EVW2, EVC; the digit is the number of charge points."""
    known = load(name)
    serial = box_serial(known)
    assert serial.startswith(known.reference_prefixes)
    if known.line == "evlink-parking":
        assert serial[:4] == ("EVF2" if "two" in known.variant else "EVF1")


@pytest.mark.parametrize(
    ("reference", "line"),
    [
        ("EVB1A22PCKI", "evlink-smart-wallbox"),
        ("evf2s22p44", "evlink-parking"),
        ("EVW1S7P04R", "evlink-parking"),
        ("EVC1S22P4", "evlink-city"),
    ],
)
def test_r_002_a_reference_tells_its_line_by_its_first_letters(reference: str, line: str) -> None:
    """Which one of the line it is, no guide tells: that is asked back."""
    with pytest.raises(ModelError) as error:
        load(reference)
    said = str(error.value)
    assert f"by its first letters {reference} is an {load(line).title}, " in said
    assert f"say {line}/ and one of {load(line).variant}, " in said
