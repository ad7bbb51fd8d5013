"""A wrong word in a product file is refused in one line: file, path, what is wrong, the nearest right word.

Every check is shown a file that is right but for one planted fault.
"""

from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chargepost.catalogue import ModelError, load, read
from chargepost.catalogue.checks import inconsistencies
from chargepost.catalogue.load import MODELS, STANDARD, assemble
from chargepost.catalogue.report import check

PRO_AC = (MODELS / "evlink-pro-ac" / "2.0.1.toml").read_text("utf-8")
WALLBOX = (MODELS / "evlink-smart-wallbox" / "R7.toml").read_text("utf-8")


def planted(folder: Path, text: str, right: str, wrong: str) -> Path:
    assert right in text, "the fault has no place to be planted"
    path = folder / "wrong.toml"
    path.write_text(text.replace(right, wrong, 1), "utf-8")
    return path


FAULTS = [
    # registers
    ("vehicle_state = { address", "vehicle_stat = { address", "registers.vehicle_stat: ", "did you mean vehicle_state"),
    ("current_l2 = { address = 3001", "current_l2 = { address = 3000", "registers.current_l2.address: ", "3000 is a"),
    (
        "energy = { address = 3203, words = 4",
        "energy = { address = 3203, words = 2",
        "registers.energy.words: ",
        "has 4",
    ),
    ("energy = { address = 3203", "energy = { address = 65533", "registers.energy.address: ", "above 65535"),
    ("energy = { address = 3203", "energy = { address = 65537", "registers.energy.address: ", "<= 65535"),
    ('3027, words = 2, type = "float"', '3027, words = 2, type = "double"', "registers.voltage_l1.type: ", "invalid"),
    (
        ", values = { none = 0, alive = 1, lost = 0, off = 2 }, writes = { on = 1, off = 2 }",
        "",
        "registers.life_bit.values: ",
        "missing",
    ),
    ("writes = { on = 1, off = 2 }", "writes = { on = 1, off = 1 }", "registers.life_bit.writes: ", "two words"),
    (
        'type = "uint16", access = "RW", max = 32, unit = "A", other',
        'type = "uint16", max = 32, unit = "A", other',
        "registers.set_point.access: ",
        "goes with RW",
    ),
    (
        '", key = "DegradedSetPointSinglePhase"',
        '", key = "DegradedSetPointSingle"',
        "registers.degraded_single_phase.key: ",
        "did you mean",
    ),
    ('lost_error = "18.0"', 'lost_error = "18.1"', "modbus.lost_error: ", "did you mean"),
    ('enable_key = "ModbusEnable"', 'enable_key = "ModbusEnabled"', "modbus.enable_key: ", "did you mean ModbusEnable"),
    ('three_key = "Deg', 'three_key = "Dag', "modbus.degraded_three_key: ", "did you mean Deg"),
    (
        'frequency = { address = 3109, words = 2, type = "float", unit = "Hz", source = "driver"',
        'frequency = { address = 3109, words = 2, type = "float", unit = "Hz", source = "drivers"',
        "registers.frequency.source: ",
        "did you mean driver",
    ),
    # words and types
    (
        "HeartbeatInterval = { min = 1,",
        "HeartbeatInterval = { mim = 1,",
        "keys.HeartbeatInterval: ",
        "did you mean min",
    ),
    ("HeartbeatInterval = { min = 1,", 'HeartbeatInterval = { min = "1",', "keys.HeartbeatInterval.min: ", "expected"),
    (
        'EvPresenceNotification = { type = "bool"',
        'EvPresenceNotification = { type = "boole"',
        "keys.EvPresenceNotification.type: ",
        "did you mean bool",
    ),
    (
        'EvPresenceNotification = { type = "bool", ',
        "EvPresenceNotification = { ",
        "keys.EvPresenceNotification: ",
        "`type` is missing",
    ),
    ('default = "80", source = "p1"', 'default = 80, source = "p1"', "LightIntensity.default: is a text", "in quotes"),
    ("[after_power_cut]", "[after_power_cuts]", "after_power_cuts: ", "did you mean after_power_cut?"),
    ('title = "EVlink Pro AC"\n', "", "title: ", "is missing"),
    ('kind = "cable", lock', 'kind = "cabel", lock', "variants.cable.connectors[0].kind: ", "did you mean cable"),
    ('units = ["A"]', 'units = ["VA"]', "smart_charging.units[0]: ", "invalid enum value"),
    ("DhcpEnabled = {", 'ocppenable = { type = "bool" }\nDhcpEnabled = {', "keys.OcppEnable: ", "keys have no case"),
    # words of OCPP
    ('dialects = ["1.6J"]', 'dialects = ["1.6S"]', "dialects: 1.6S is no dialect", "did you mean 1.6J"),
    ('"FTPS", "HTTP"', '"FTPES", "HTTP"', "file_transfers: FTPES is no", "did you mean FTPS"),
    ('"Authorize", "Boot', '"Autorise", "Boot', "messages.sends: Autorise is no action", "did you mean Authorize"),
    ('"ReserveNow", "Reset"', '"Heartbeat", "Reset"', "messages.answers: Heartbeat is no action", "system begins"),
    ("comments.SignCertificate", "comments.SignCertificat", "messages.comments: ", "did you mean SignCertificate"),
    (
        'reader issue", ocpp = "ReaderFailure"',
        'reader issue", ocpp = "RaederFailure"',
        "errors.9.0.ocpp: RaederFailure is no OCPP errorCode",
        "did you mean ReaderFailure",
    ),
    ('"Frequency" = {', '"Frequencies" = {', "measurands.Frequencies: ", "did you mean Frequency?"),
    (
        'Power.Active.Import" = { unit = "kW", scale',
        'Power.Active.Import" = { unit = "KW", scale',
        "measurands.Power.Active.Import.unit: KW is no OCPP unit",
        "kW",
    ),
    ('phases = ["L1", "L2", "L3"], s', 'phases = ["L1", "L4"], s', "measurands.Current.Import.phases: L4", "L1"),
    (
        '"Current.Offered" = { unit = "A",',
        '"Current.Offered" = { default_phases = ["L1"], unit = "A",',
        "measurands.Current.Offered.default_phases: ",
        "no phase of this measurand",
    ),
    ('"TxDefaultProfile"', '"TxDefault"', "smart_charging.purposes: TxDefault", "did you mean TxDefaultProfile"),
    ('"Relative"]', '"Relativ"]', "smart_charging.kinds: Relativ", "did you mean Relative?"),
    ('"Weekly"]', '"Monthly"]', "smart_charging.recurrencies: Monthly is no recurrency kind", ""),
    ('"numberPhases"]', '"numberPhase"]', "smart_charging.ignored_attributes: ", "did you mean numberPhases"),
    # references
    ('enable_key = "OcppEnable"', 'enable_key = "OcppEnabel"', "transport.enable_key: ", "did you mean OcppEnable"),
    ('mode_key = "Auth', 'mode_key = "Oath', "authentication.mode_key: there is no key OathenticationOCPPMode", ""),
    ('delay_key = "Rest', 'delay_key = "Tes', "after_power_cut.delay_key: ", "did you mean RestoreTimeout"),
    ('while_key = "Plug', 'while_key = "Plag', "quirks.outlets_share_connector.while_key: ", "PlugNumberingMode"),
    ('enable_key = "Ev', 'enable_key = "Evs', "data_transfers[0].enable_key: ", "EvPresenceNotification"),
    ('variant = "socket"', 'variant = "sockte"', "variant: sockte is no variant", "did you mean socket"),
    (
        'variants = ["socket-eichrecht", ',
        'variants = ["eichrecht", ',
        "errors.2.4.variants: eichrecht is",
        "socket-eich",
    ),
    (
        'description = "T2S socket"\n',
        'description = "T2S socket"\nkeys = { Nothing = "1" }\n',
        "variants.socket.keys.Nothing: there is no key Nothing",
        "",
    ),
    (
        'description = "T2S socket"\n',
        'description = "T2S socket"\nkeys = { ResetRetries = "9" }\n',
        "variants.socket.keys.ResetRetries: 9 is above",
        "",
    ),
    (
        'MeterValuesSampledData = { default = "',
        'MeterValuesSampledData = { max_items_key = "MeterValuesMax", default = "',
        "keys.MeterValuesSampledData.max_items_key: there is no key MeterValuesMax",
        "",
    ),
    # ranges and defaults
    ("min = 10, max = 600", "min = 601, max = 600", "keys.ConnectionTimeOut.min: 601 is above the maximum of 600", ""),
    ('max = 600, default = "60"', 'max = 600, default = "9"', "keys.ConnectionTimeOut.default: 9 is below", "10"),
    ('max = 600, default = "60"', 'max = 600, default = "1 min"', "keys.ConnectionTimeOut.default: ", "whole number"),
    ('zero = true, default = "0"', 'default = "0"', "keys.MeterValueSampleInterval.default: 0 is below", ""),
    (
        'AllowOfflineTxForUnknownId = { default = "true"',
        'AllowOfflineTxForUnknownId = { default = "yes"',
        "keys.AllowOfflineTxForUnknownId.default: 'yes' is neither true nor false",
        "",
    ),
    (
        'allowed = ["Current"], default = "Current"',
        'allowed = ["Power"], default = "Current"',
        "Unit.default: ",
        "none",
    ),
    ('"8", "10"], default = "10"', '"8", "10"], default = "7"', "keys.IMaxEvseCapacityTE.default: 7 is none of", "8"),
    ("max_length = 20, pattern", "max_length = 10, pattern", "keys.DefaultIdTag.default: has 11", "10 are"),
    ("min = 7, max_length = 64", "min = 8, max_length = 64", "CommonName.default: has fewer than 8 characters", ""),
    ('"0.RST, 1.RST', '"0.RST, 1.RSR', "keys.ConnectorPhaseRotation.default: 1.RSR is no", "did you mean"),
    ('max = 3, default = "3"', 'max = 3, default = "2"', "ConnectorPhaseRotation.default: has 3 items", "allows 2"),
    (
        'MeterValuesSampledData = { default = "Energy.Active.Import.Register"',
        'MeterValuesSampledData = { default = "SoC"',
        "keys.MeterValuesSampledData.default: SoC is no measurand of this product",
        "",
    ),
    (
        'allowed = ["ws", "wss"], ',
        'allowed = ["ws", "wss"], default = "http://x", ',
        "keys.SupervisionUrl.default: 'http://x' begins with none of ws, wss",
        "",
    ),
    ('default = "192.168.0.102"', 'default = "192.168.0.256"', "keys.IpAddress.default: ", "no IPv4 address"),
    ('default = "08:00"', 'default = "24:00"', "keys.LedDayStartHour.default: ", "no time of day"),
    (
        'RestoreTimeout = { type = "int"',
        'RestoreTimeout = { type = "decimal"',
        "",
        "",
    ),
    (
        'RestoreTimeout = { type = "int", unit = "s", min = 0, max = 86400, default = "600"',
        'RestoreTimeout = { type = "decimal", unit = "s", min = 0, max = 86400, default = "nan"',
        "keys.RestoreTimeout.default: 'nan' is no number",
        "",
    ),
    ('pattern = "[A-Za-z0-9 _.-]*"', 'pattern = "("', "keys.StationName.pattern: '(' is no regular", ""),
    ('pattern = "[A-Za-z0-9 _.-]*"', 'pattern = "[a-z]*"', "keys.StationName.default: ", "does not match [a-z]*"),
    ("RestoreTimeout = {", 'RestoreTimeout = { pattern = "x",', "RestoreTimeout.pattern: goes with type string", ""),
    # what belongs together
    (
        'clears = "unplug", source = "errors", description = "More',
        'clears = "self", source = "errors", description = "More',
        "errors.5.0.clears_after_s: is missing",
        "self",
    ),
    (
        'clears = "unplug", source = "errors", description = "More',
        'clears = "unplug", clears_after_s = 5, source = "errors", description = "More',
        "errors.5.0.clears_after_s: goes with",
        "self",
    ),
    ('connectors = [{ kind = "T2S" }]', "connectors = []", "variants.socket.connectors: is empty", ""),
    (
        'connectors = [{ kind = "T2S" }]',
        'connectors = [{ kind = "T2S", max_current_a = 5 }]',
        "variants.socket.connectors[0]: min_current_a is above",
        "",
    ),
    ('"BootNotification", "DataTransfer",', '"BootNotification",', "data_transfers[0]: messages.sends has no", ""),
    # sources
    ('default = "80", source = "p1"', 'default = "80"', "", ""),  # the source of the standard row stands in
    ('digits = 0, source = "p3"', "digits = 0", "measurands.Energy.Active.Import.Register.source: is missing", ""),
    ('default = "80", source = "p1"', 'default = "80", source = "p9"', "keys.LightIntensity.source: p9 is not", "p2"),
]
"""What stands in the Pro AC file, what stands there instead, and what the finding says; empty: the file stays right."""


@pytest.mark.parametrize(("right", "wrong", "path", "hint"), FAULTS)
def test_a_planted_fault_is_named(tmp_path: Path, right: str, wrong: str, path: str, hint: str) -> None:
    file = planted(tmp_path, PRO_AC, right, wrong)
    if not path:
        assert check(file) == []
        return
    findings = [finding for finding in check(file) if path in finding and hint in finding]
    assert findings, check(file)
    assert findings[0].startswith(f"{file}: ")
    with pytest.raises(ModelError) as error:
        read(file)
    assert "\n" not in str(error.value)


def test_the_error_is_one_line_with_file_path_fault_and_nearest_word(tmp_path: Path) -> None:
    file = planted(tmp_path, PRO_AC, "HeartbeatInterval = { min = 1,", 'HeartbeatInterval = { min = "1",')
    with pytest.raises(ModelError) as error:
        read(file)
    assert str(error.value) == f"{file}: keys.HeartbeatInterval.min: expected `float | null`, got `str`"


def test_the_nearest_word_of_what_is_missing_is_not_itself(tmp_path: Path) -> None:
    file = planted(tmp_path, PRO_AC, 'firmware = "2.0.1"\n', "")
    assert check(file) == [f"{file}: identity: `firmware` is missing"]


def test_all_faults_of_a_file_are_found_at_once(tmp_path: Path) -> None:
    file = tmp_path / "wrong.toml"
    file.write_text(PRO_AC.replace('ocpp = "ReaderFailure"', 'ocpp = "X"').replace('unit = "varh"', 'unit = "Y"'))
    assert len(check(file)) == 2


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("line = ", "is not TOML: "),
        ('line = "\xff"'.encode("latin-1"), "is not TOML: "),
        (
            'extends = "evlink-pro-ac/2.0.2"',
            "extends: there is no evlink-pro-ac/2.0.2; did you mean evlink-pro-ac/2.0.1",
        ),
        ('extends = "evlink-pro-ac/2.0.1"\nwithout = ["keys.Nothing"]', "without: nothing inherited is called"),
        (
            'extends = "evlink-pro-ac/2.0.1"\nwithout = ["messages.answers.Nothing"]',
            "without: nothing inherited is called",
        ),
        ('extends = "evlink-pro-ac/2.0.1"\nwithout = "keys.CpoName"', "without: expected a list"),
    ],
)
def test_a_file_that_cannot_be_read_says_so(tmp_path: Path, text: str | bytes, said: str) -> None:
    file = tmp_path / "wrong.toml"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    assert len(check(file)) == 1
    assert said in check(file)[0]
    assert "\n" not in check(file)[0]


def test_a_file_that_is_not_there_says_so(tmp_path: Path) -> None:
    assert check(tmp_path / "none.toml") == [f"{tmp_path / 'none.toml'}: cannot be read: No such file or directory"]


def test_extends_takes_over_all_but_what_is_said(tmp_path: Path) -> None:
    file = tmp_path / "older.toml"
    file.write_text(
        'extends = "evlink-pro-ac/2.0.1"\nrelease = "2.0.0"\nidentity.firmware = "2.0.0"\n'
        'without = ["keys.ISO15118ChargeEnabled"]\n[keys]\nHeartbeatInterval = { default = "60" }\n'
    )
    older, newer = read(file), load("evlink-pro-ac")
    assert (older.release, older.identity.firmware, older.identity.vendor) == ("2.0.0", "2.0.0", newer.identity.vendor)
    assert older.key("ISO15118ChargeEnabled") is None
    assert older.keys["heartbeatinterval"].default == "60"
    assert older.keys["heartbeatinterval"].max == 86400
    assert older.errors == newer.errors


def test_without_takes_a_word_of_a_list_or_a_row_away(tmp_path: Path) -> None:
    file = tmp_path / "older.toml"
    file.write_text(
        'extends = "evlink-pro-ac/2.0.1"\n'
        'without = ["messages.answers.GetLog", "errors.2.4", "smart_charging.units.A"]\n'
    )
    older, newer = read(file), load("evlink-pro-ac")
    assert set(newer.messages.answers) - set(older.messages.answers) == {"GetLog"}
    assert newer.errors.keys() - older.errors.keys() == {"2.4"}
    assert older.smart_charging.units == ()
    assert read(MODELS / "evlink-pro-ac" / "2.0.1.toml") == read(MODELS / newer.line / f"{newer.release}.toml")


def test_several_bases_are_laid_over_one_another(tmp_path: Path) -> None:
    """What lines share stands in a file that is no product itself."""
    (tmp_path / "family.toml").write_text(PRO_AC.replace('release = "2.0.1"\n', ""))
    (tmp_path / "line.toml").write_text('title = "Other"\n[keys]\nHeartbeatInterval = { default = "60" }')
    file = tmp_path / "product.toml"
    file.write_text('extends = ["family", "line"]\nrelease = "1"\n[keys]\nHeartbeatInterval = { max = 90 }\n')
    product = read(file)
    heartbeat = product.keys["heartbeatinterval"]
    assert (product.title, product.release, heartbeat.default, heartbeat.min, heartbeat.max) == (
        "Other",
        "1",
        "60",
        1,
        90,
    )


def test_extends_goes_one_level_only(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text('extends = "evlink-pro-ac/2.0.1"')
    (tmp_path / "b.toml").write_text('extends = "a"')
    assert "a.toml extends another file itself; one level only" in check(tmp_path / "b.toml")[0]


def test_the_files_as_they_are_have_no_findings() -> None:
    for path in MODELS.glob("*/*.toml"):
        assert check(path) == []


def test_standard_keys_are_57_and_sourced() -> None:
    """36 core keys; 3 of the local list, 1 of reservations, 5 of smart charging, 1 of firmware; 6 of the security
    extension; 5 more of Plug & Charge."""
    standard = msgspec.toml.decode(STANDARD.read_bytes())
    assert len(standard["keys"]) == 36 + 10 + 6 + 5
    assert all(row["source"] in standard["sources"] and row["meaning"] for row in standard["keys"].values())


def leaves(value: Any, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    """Paths of all that stands in a document, tables included."""
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(each for name, item in inside for each in leaves(item, (*path, name)))]


DOCUMENT = msgspec.toml.decode(WALLBOX)
STRANGE = st.one_of(
    st.booleans(), st.integers(), st.floats(), st.text(max_size=5), st.just([]), st.just({}), st.just([{}])
)


@settings(max_examples=150, deadline=None)
@given(place=st.sampled_from(leaves(DOCUMENT)[1:]), strange=STRANGE)
def test_nothing_but_findings_comes_out_of_a_strange_file(place: tuple[str | int, ...], strange: Any) -> None:
    document = msgspec.toml.decode(WALLBOX)
    inside = document
    for step in place[:-1]:
        inside = inside[step]
    inside[place[-1]] = strange
    model, findings = assemble(document)
    findings = findings or (inconsistencies(model) if model else [])
    assert model is not None or findings
    assert not any("\n" in finding.line("file") for finding in findings)
