"""OCPP 1.6, 5.3, 5.8 and 9: every key of both products, read and written; traps 56 to 58; Q-180 to Q-182."""

from collections.abc import Iterator

import msgspec
import pytest

from chargepost import signals as sig
from chargepost.catalogue import load
from chargepost.catalogue.load import releases
from chargepost.catalogue.model import KeySpec
from chargepost.ocpp import frames, messages
from chargepost.station.settings import Settings
from tests.rules.rig import SILENCE, Rig

MODELS = ["evlink-pro-ac", "evlink-smart-wallbox"]
both = pytest.mark.parametrize("model", MODELS)
KEYS = [(model, spec.name) for model in MODELS for spec in load(model).keys.values()]
each = pytest.mark.parametrize(("model", "key"), KEYS)


def idle(model: str) -> Rig:
    rig = Rig(model)
    rig.run(2)
    rig.forget()
    return rig


RULED_ELSEWHERE = {"SecurityProfile"}
"""It takes no value by its range alone: `test_w_a05_security_profile`."""


def good(spec: KeySpec) -> Iterator[tuple[str, str]]:
    """Values a key takes, and what is read back."""
    match spec.type:
        case "bool":
            yield from (("true", "true"), ("FALSE", "false"), (" True ", "true"))
        case "int" if spec.name in RULED_ELSEWHERE:
            return
        case "int" if spec.allowed:
            yield spec.allowed[-1], spec.allowed[-1]
        case "int":
            low = int(spec.min or 0)
            high = int(spec.max if spec.max is not None else low + 5)
            yield from ((str(low), str(low)), (str(high), str(high)), (f"+{high}", str(high)), (f"0{low}", str(low)))
            if spec.zero:
                yield "0", "0"
        case "measurands":
            yield "Current.Import, Voltage", "Current.Import,Voltage"
            yield "", ""
        case "phase_rotation":
            yield "0.RST,1.STR", "0.RST,1.STR"
            yield "NotApplicable", "NotApplicable"
        case "url":
            yield "ws://other.example:9000/ocpp", "ws://other.example:9000/ocpp"
        case "ipv4":
            yield "10.0.255.1", "10.0.255.1"
        case "time":
            yield "23:59", "23:59"
        case _ if spec.allowed:
            yield spec.allowed[0], spec.allowed[0]
        case _:
            longest = "a" * min(spec.max_length or 40, 400)
            yield longest, longest


def bad(spec: KeySpec) -> Iterator[str]:
    """Values no such key takes."""
    match spec.type:
        case "bool":
            yield from ("yes", "", "2", "null")
        case "int":
            yield from ("", "abc", "1.5", "1e3", "0x10", "--1", "1" * 30)
            if spec.min is not None and spec.out_of_range is None and not (spec.zero and spec.min == 1):
                yield str(int(spec.min) - 1)
            if spec.max is not None and spec.out_of_range is None:
                yield str(int(spec.max) + 1)
            if spec.zero and spec.min and spec.min > 1:
                yield "1"
        case "measurands":
            yield from ("Current.Import,nonsense", "nonsense")
        case "phase_rotation":
            yield from ("0.XYZ", "9.RST", "RSTU", "0.RST,1.RST,1.RTS,1.SRT,1.STR")
        case "url":
            yield from ("ftp://x", "central.example", "ws://", "ws://a b", "wss//x")
        case "ipv4":
            yield from ("256.1.1.1", "1.2.3", "1.2.3.4.5", "", "a.b.c.d")
        case "time":
            yield from ("24:00", "8:00", "12:60", "")
        case "string":
            if spec.max_length is not None and spec.max_length < 500:
                yield "a" * (spec.max_length + 1)
            if spec.min:
                yield "a" * (int(spec.min) - 1)
            if spec.allowed:
                yield "nonsense"


def written(spec: KeySpec) -> str:
    return "RebootRequired" if spec.reboot else "Accepted"


def writable(spec: KeySpec) -> bool:
    return spec.access != "R" and spec.ocpp_writes


def keyed(rig: Rig, key: str) -> messages.KeyValue:
    (row,) = rig.ask(messages.GetConfiguration(key=(key,))).configuration_key
    answer: messages.KeyValue = row
    return answer


# --- every key -------------------------------------------------------------------------------------------------------


@each
def test_5_8_every_key_is_read_in_its_spelling(model: str, key: str) -> None:
    """R-168: whatever the case it is asked for; never a write-only one (R-188)."""
    rig, spec = idle(model), load(model).keys[key.lower()]
    row = keyed(rig, key.swapcase())
    assert row.key == spec.name
    assert row.readonly == (spec.access == "R")
    if spec.access == "W":
        rig.own(**{key: "0123456789abcdef"})
        rig.run(5)
        assert keyed(rig, key).value is msgspec.UNSET
    elif key.lower() not in CHANGED_BY_THE_RIG:
        default = spec.default.replace("{serial}", rig.station.core.serial) if spec.default is not None else None
        assert row.value == (msgspec.UNSET if default is None else default)


CHANGED_BY_THE_RIG = {
    "ocppenable", "supervisionurl", "ocppcentraladdress", "minimumstatusduration", "heartbeatinterval",
    "truncatebootnotificationsserialnumbers", "boxidentifier", "securityeventsenabled",
}  # fmt: skip
"""What a rig sets so that its station speaks; HeartbeatInterval comes with the answer to BootNotification."""


@each
def test_5_3_every_key_takes_what_is_right_and_refuses_what_is_not(model: str, key: str) -> None:
    """R-188, Q-180: read-only, wrong type and out of range are Rejected and change nothing."""
    rig, spec = idle(model), load(model).keys[key.lower()]
    for value, stored in good(spec):
        if key == "OcppEnable" and stored == "false":
            continue  # it ends the conversation: a test of its own
        verdict = rig.change(key.upper(), value)
        rig.run(1)
        if not writable(spec):
            assert verdict == "Rejected", value
        else:
            assert verdict == written(spec), value
            assert rig.value(key) == stored
    before = rig.value(key)
    for value in bad(spec):
        assert rig.change(key, value) == "Rejected", value
        assert rig.value(key) == before


@pytest.mark.parametrize(
    ("model", "key"), [(m, k) for m, k in KEYS if writable(load(m).keys[k.lower()]) and k not in RULED_ELSEWHERE]
)
def test_5_3_every_changed_key_survives_a_power_cut(model: str, key: str) -> None:
    rig, spec = idle(model), load(model).keys[key.lower()]
    value, stored = next(iter(good(spec)))
    rig.change(key, value)
    rig.power_cycle()
    rig.run(3)
    if key.lower() != "heartbeatinterval":  # the answer to BootNotification sets it again
        assert rig.value(key) == stored


@both
def test_trap_56_an_unknown_key_is_not_supported(model: str) -> None:
    rig = idle(model)
    assert rig.change("NoSuchKey", "1") == "NotSupported"
    answer = rig.ask(messages.GetConfiguration(key=("NoSuchKey", "NumberOfConnectors", "Another")))
    assert [k.key for k in answer.configuration_key] == ["NumberOfConnectors"]
    assert answer.unknown_key == ("NoSuchKey", "Another")


def test_a_hidden_key_is_unknown_to_the_central_system_and_rules_all_the_same() -> None:
    """The wallbox rules by keys that its guide does not list."""
    rig = idle("evlink-smart-wallbox")
    hidden = [spec.name for spec in rig.model.hidden.values()]
    assert "ClockAlignedDataInterval" in hidden
    for name in hidden:
        known = rig.station.core.settings.row(name)
        if known and known.spec.name.lower() in rig.model.keys:
            continue  # shown under the product's own name
        assert rig.change(name, "1") == "NotSupported"
        assert rig.ask(messages.GetConfiguration(key=(name,))).unknown_key == (name,)


@both
def test_r_181_r_210_get_configuration_max_keys(model: str) -> None:
    """R-168, R-181: the wallbox 200; R-210: the Pro AC 100."""
    rig = idle(model)
    most = {"evlink-pro-ac": 100, "evlink-smart-wallbox": 200}[model]
    assert rig.value("GetConfigurationMaxKeys") == str(most)
    names = tuple(f"Key{n}" for n in range(most))
    assert rig.ask(messages.GetConfiguration(key=names)).unknown_key == names
    answer = rig.ask(messages.GetConfiguration(key=(*names, "OneMore")))
    assert isinstance(answer, frames.Error)
    assert answer.code == "OccurenceConstraintViolation"


@both
def test_trap_57_the_same_key_twice_is_answered_once(model: str) -> None:
    answer = idle(model).ask(messages.GetConfiguration(key=("NumberOfConnectors", "NUMBEROFCONNECTORS")))
    assert len(answer.configuration_key) == 1


@both
def test_trap_57_all_keys_come_in_the_order_of_the_guide(model: str) -> None:
    answer = idle(model).ask(messages.GetConfiguration())
    assert [k.key for k in answer.configuration_key] == [spec.name for spec in load(model).keys.values()]
    assert answer.unknown_key is msgspec.UNSET


# --- the rows that replace instead of refuse -------------------------------------------------------------------------


@pytest.mark.parametrize(("key", "value", "stored"), [
    ("ocppConnectTimeOut", "1", "60"), ("ocppConnectTimeOut", "61", "60"), ("ocppConnectTimeOut", "2", "2"),
    ("confModemRetryInterval", "14", "0"), ("confModemRetryInterval", "61", "0"),
    ("confModemRetryInterval", "15", "15"),
])  # fmt: skip
def test_r_030_r_032_out_of_range_is_replaced(key: str, value: str, stored: str) -> None:
    """Q-014, Q-015: Accepted, and this is read back; what is no number is refused all the same."""
    rig = idle("evlink-smart-wallbox")
    assert rig.change(key, value) == "Accepted"
    assert rig.value(key) == stored
    assert rig.change(key, "soon") == "Rejected"
    assert rig.value(key) == stored


def test_r_038_the_ping_interval_of_the_wallbox_is_read_only() -> None:
    rig = idle("evlink-smart-wallbox")
    assert [rig.change("WebSocketPingInterval", v) for v in ("-1", "0", "20")] == ["Rejected"] * 3


def test_r_064_the_heartbeat_interval_of_the_wallbox_is_read_only_and_set_by_the_boot() -> None:
    rig = idle("evlink-smart-wallbox")
    assert rig.change("HeartBeatInterval", "10") == "Rejected"
    assert rig.value("HeartbeatInterval") == "300"


def test_r_056_names_in_certificates_have_a_least_length() -> None:
    rig = idle("evlink-pro-ac")
    assert [rig.change("SeccLeafSubjectCommonName", v) for v in ("Z" * 6, "Z" * 7, "Z" * 64, "Z" * 65)] == [
        "Rejected", "Accepted", "Accepted", "Rejected",
    ]  # fmt: skip
    assert [rig.change("SeccLeafSubjectCountry", v) for v in ("F", "DE", "DEU")] == ["Rejected", "Accepted", "Rejected"]


def test_r_045_the_authorization_key_is_written_by_its_owner_only() -> None:
    """Q-146: never over OCPP, never read."""
    rig = idle("evlink-pro-ac")
    assert rig.change("AuthorizationKey", "0123456789abcdef") == "Rejected"
    rig.own(AuthorizationKey="0123456789abcdef")
    rig.run(10)
    assert keyed(rig, "AuthorizationKey").value is msgspec.UNSET
    assert rig.dials[-1][1].password == b"0123456789abcdef"
    assert rig.dials[-1][1].user == "CP-1"


# --- what a change does ----------------------------------------------------------------------------------------------


def test_r_024_another_address_is_dialled_after_the_restart_it_asks_for() -> None:
    """R-024: ws:// and wss:// only."""
    rig = idle("evlink-pro-ac")
    assert rig.change("SupervisionUrl", "https://other.example") == "Rejected"
    assert rig.change("SupervisionUrl", "wss://other.example/x") == "RebootRequired"
    rig.run(5)
    assert len(rig.dials) == 1, "no restart by itself"
    assert not rig.wished(sig.Restart)
    rig.ask(messages.Reset(type="Soft"))
    rig.run(5)
    assert rig.dials[-1][1].url == "wss://other.example/x/CP-1"


@both
def test_the_owner_moves_the_station_at_once(model: str) -> None:
    rig = idle(model)
    transport = rig.model.transport
    rig.own(**{transport.url_key: "ws://elsewhere.example/a/"})
    rig.run(2)
    assert rig.dials[-1][1].url == "ws://elsewhere.example/a/CP-1"
    rig.own(**{transport.identity_key: "RDAM 123"})
    rig.run(2)
    assert rig.dials[-1][1].url == "ws://elsewhere.example/a/RDAM%20123"
    assert rig.calls().count("BootNotification") >= 1


def test_r_039_ocpp_can_be_switched_off_and_says_so_first() -> None:
    """The answer comes before the link goes (reference 1.2)."""
    rig = idle("evlink-pro-ac")
    assert rig.change("OcppEnable", "false") == "Accepted"
    rig.run(60)
    assert not rig.connected
    assert rig.station.view(rig.now).link.state == "off"
    rig.own(OcppEnable="true")
    rig.run(5)
    assert rig.connected


def test_4_6_heartbeat_interval_and_connection_time_out_act_at_once() -> None:
    """R-107, R-207: their ranges are those of the guide."""
    rig = idle("evlink-pro-ac")
    assert [rig.change("ConnectionTimeOut", v) for v in ("9", "601", "10")] == ["Rejected", "Rejected", "Accepted"]
    assert [rig.change("HeartbeatInterval", v) for v in ("0", "86401", "15")] == ["Rejected", "Rejected", "Accepted"]
    rig.forget()
    rig.badge()
    rig.run(11)
    assert rig.statuses()[-1] == "Available"
    rig.run(40)
    assert len(rig.said("Heartbeat")) >= 2


@pytest.mark.parametrize(("interval", "pings"), [("10", 6), ("0", 0)])
def test_trap_12_the_ping_interval_acts_on_the_live_link(interval: str, pings: int) -> None:
    """R-035: 0 to 180 s."""
    rig = idle("evlink-pro-ac")
    assert rig.change("WebSocketPingInterval", interval) == "Accepted"
    rig.forget()
    rig.run(65)
    assert len(rig.wished(sig.SendPing)) == pings
    assert [rig.change("WebsocketPingInterval", v) for v in ("-1", "181")] == ["Rejected", "Rejected"]


def test_r_030_silence_of_the_supervision_ends_the_link_of_the_wallbox() -> None:
    rig = idle("evlink-smart-wallbox")
    rig.change("ocppConnectTimeOut", "60")
    rig.run(100)
    assert not rig.wished(sig.HangUp), "pongs are signs of life"
    rig.pongs = False
    rig.answers = {"Heartbeat": SILENCE}
    rig.run(125)
    assert rig.wished(sig.HangUp)


def test_r_030_a_silent_link_is_left_when_its_time_is_over_though_the_next_ping_comes_later() -> None:
    """A message in doubt (Q-185) puts the ping off by 10 s; of the 20 s of silence 5 are left by then."""
    rig = idle("evlink-smart-wallbox")
    rig.answers = {"StartTransaction": SILENCE}
    rig.charge()
    assert rig.station.talk.session.open
    deadline = rig.station.talk.session.open.deadline
    rig.run(deadline - 25 - rig.now)
    assert rig.change("ocppConnectTimeOut", "20") == "Accepted", "pings each 10 s from now"
    rig.run(deadline - 14 - rig.now)
    rig.pongs = False
    rig.answers["StatusNotification"] = SILENCE
    rig.run(deadline + 4.9 - rig.now)
    assert not rig.wished(sig.HangUp)
    rig.run(0.2)
    assert [(hang_up.code, hang_up.reason) for hang_up in rig.wished(sig.HangUp)] == [(1001, "silence")]


@both
def test_restored_puts_every_key_back_and_keeps_what_is_not_told(model: str) -> None:
    rig = idle(model)
    rig.own(MeterValueSampleInterval="60", AuthorizationCacheEnabled="true")
    rig.cut()
    rig.own(AllowOfflineTxForUnknownId="true")
    rig.charge()
    rig.tell(sig.Restored())
    rig.run(30)
    spec = rig.model.key("MeterValueSampleInterval")
    assert spec
    assert rig.station.core.settings.text("MeterValueSampleInterval") == spec.default
    assert sum(key.startswith("outbox/") for key in rig.memory) >= 2
    assert "setting/metervaluesampleinterval" not in rig.memory


def test_r_207_r_208_defaults_of_the_pro_ac() -> None:
    """R-209, R-211, R-212, R-213, R-214, R-141, R-102, R-105, R-128: as printed in the guide."""
    rig = idle("evlink-pro-ac")
    printed = {
        "AllowOfflineTxForUnknownId": "true", "AuthorizationCacheEnabled": "false", "ClockAlignedDataInterval": "0",
        "ConnectionTimeOut": "60", "ConnectorPhaseRotation": "0.RST, 1.RST, 2.RST", "LightIntensity": "80",
        "LedNightIntensity": "40", "LedDayStartHour": "08:00", "LedDayEndHour": "20:00",
        "ChargeProfileMaxStackLevel": "999", "ChargingScheduleMaxPeriods": "50", "MaxChargingProfilesInstalled": "99",
        "SupportedFeatureProfilesMaxLength": "5", "DhcpEnabled": "true", "IpAddress": "192.168.0.102",
        "NetworkSubmask": "255.255.255.0", "NetworkGateway": "192.168.0.254", "DnsAddress1": "8.8.8.8",
        "DnsAddress2": "4.4.4.4", "CompressDiagnostic": "true", "ModbusEnable": "false", "PlugNumberingMode": "0",
        "EvPresenceNotification": "false", "iMaxDeratingSwCapacity": "32", "IMaxEvseCapacityTE": "10",
        "ResetRetries": "3", "TransactionMessageAttempts": "0", "TransactionMessageRetryInterval": "0",
        "StopTransactionOnEVSideDisconnect": "true", "StopTransactionOnInvalidId": "true", "RestoreTimeout": "600",
        "UnlockConnectorOnEVSideDisconnect": "true", "LocalAuthListEnabled": "false", "LocalAuthorizeOffline": "true",
    }  # fmt: skip
    assert {key: rig.value(key) for key in printed} == printed


def test_r_182_r_183_r_184_values_of_the_wallbox() -> None:
    """R-085, R-087, R-089, R-139: as printed in the guide, and read only."""
    rig = idle("evlink-smart-wallbox")
    printed = {
        "AuthorizeRemoteTxRequests": "false", "ConnectionTimeOut": "30", "ResetRetries": "0",
        "StopTransactionOnEVSideDisconnect": "true", "StopTransactionOnInvalidId": "true",
        "UnlockConnectorOnEVSideDisconnect": "true", "StopTxnAlignedDataMaxLength": "0",
        "StopTxnSampledDataMaxLength": "0", "SupportedFeatureProfilesMaxLength": "4",
        "SupportedFeatureProfiles": "Core,FirmwareManagement,Reservation,SmartCharging",
        "ChargeProfileMaxStackLevel": "999", "ChargingScheduleAllowedChargingRateUnit": "Current",
        "ConnectorSwitch3to1PhaseSupported": "false", "MaxChargingProfilesInstalled": "99",
    }  # fmt: skip
    assert {key: rig.value(key) for key in printed} == printed
    assert all(keyed(rig, key).readonly for key in printed)


# --- factory values (found where a variant has fewer connectors than its line) ---------------------------------------

EVERY = [
    f"{line}/{variant}@{release}"
    for line, known in releases().items()
    for release in known
    for variant in load(f"{line}@{release}").variants
]


def test_what_a_product_has_from_the_factory_can_be_set_back() -> None:
    refused = []
    for name in EVERY:
        settings = Settings(load(name), {})
        rows = [row for row in settings.shown() if row.spec.access != "R"]
        values = {row.spec.name: (row, settings.factory(row.spec.name)) for row in rows}
        refused += [
            (name, key) for key, (row, value) in values.items() if value and settings.check(row, value) != value
        ]
    assert refused == []
