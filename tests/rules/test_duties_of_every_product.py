"""Duties that hold for every line and release, and small ones of one product that no other file is about."""

import re
from itertools import pairwise
from typing import Any

import msgspec
import pytest

from chargepost import signals as sig
from chargepost.catalogue import load, names
from chargepost.ocpp import frames, messages
from tests.rules.rig import EPOCH_UTC_S, SILENCE, TAG, Refuse, Rig

PRODUCTS = sorted({re.sub("/.*@", "@", name) for name in names()})
"""Each line and release, in its most common variant."""

EVLINK = [name for name in PRODUCTS if re.match("evlink-(smart-wallbox|parking|city)@", name)]
DC, CHARGE, AC = "evlink-pro-dc", "schneider-charge", "evlink-pro-ac"

every = pytest.mark.parametrize("name", PRODUCTS)
family = pytest.mark.parametrize("name", EVLINK)


def idle(name: str, **settings: str) -> Rig:
    rig = Rig(name, settings=settings)
    rig.run(3)
    rig.forget()
    return rig


def begin(rig: Rig) -> None:
    """A charge on connector 1, in the way the product begins one."""
    rig.plug()
    if rig.model.authentication.reader:
        rig.badge()
    else:
        rig.ask(messages.RemoteStartTransaction(id_tag=TAG, connector_id=1))
    rig.run(15)
    assert rig.power()


def answers(rig: Rig, key: str, *values: str) -> list[str]:
    return [rig.change(key, value) for value in values]


# --- boot, heartbeat, status -----------------------------------------------------------------------------------------


@every
def test_r_058_the_first_that_is_said_on_a_new_connection_is_boot_notification(name: str) -> None:
    rig = Rig(name)
    rig.run(2)
    boot, *rest = rig.calls()
    assert boot == "BootNotification"
    assert rest == [f"Available {c.number}" for c in rig.station.all_connectors]
    said = rig.said("BootNotification")[0]
    assert said.charge_point_vendor == rig.model.identity.vendor
    assert said.firmware_version == rig.model.identity.firmware


@every
def test_r_063_a_heartbeat_comes_after_the_interval_and_any_other_word_puts_it_off(name: str) -> None:
    rig = idle(name)
    rig.run(1000)
    beats = rig.said_at("Heartbeat")
    assert {round(b - a) for a, b in pairwise(beats)} == {300}, "the interval of BootNotification.conf"
    rig.run(100)
    rig.ask(messages.TriggerMessage(requested_message="StatusNotification"))
    rig.ask(messages.GetConfiguration(key=("HeartbeatInterval",)))
    spoke = bool(rig.said("StatusNotification"))
    rig.run(250)
    assert (len(rig.said("Heartbeat")) == len(beats)) == spoke


def test_r_062_the_pro_ac_boots_again_after_its_own_interval() -> None:
    for key, wait_s in ((None, 40), ("100", 100)):
        rig = Rig(AC, start=False, settings={} if key is None else {"ResendBootNotificationInterval": key})
        rig.answers["BootNotification"] = Refuse("InternalError")
        rig.start()
        rig.run(400)
        assert {round(b - a) for a, b in pairwise(rig.said_at("BootNotification"))} == {wait_s}
    rig = idle(AC)
    assert rig.value("ResendBootNotificationInterval") == "40"
    assert answers(rig, "ResendBootNotificationInterval", "0", "535", "536", "-1") == [
        "Accepted", "Accepted", "Rejected", "Rejected"
    ]  # fmt: skip


@every
def test_r_066_a_status_carries_its_time(name: str) -> None:
    """Optional in OCPP; the guide of the Pro DC promises it, and all have it."""
    rig = idle(name)
    rig.own(MinimumStatusDuration="0")
    rig.plug()
    (told,) = [p for p in rig.said("StatusNotification") if p.connector_id == 1]
    assert told.timestamp.timestamp() - EPOCH_UTC_S == pytest.approx(rig.now - 1, abs=0.1)


# --- transactions ----------------------------------------------------------------------------------------------------


@every
def test_r_073_a_charge_says_authorize_start_meter_values_and_stop(name: str) -> None:
    rig = idle(name, MeterValueSampleInterval="15")
    begin(rig)
    rig.run(40)
    number = rig.view.transaction.transaction if rig.view.transaction else None
    rig.ask(messages.RemoteStopTransaction(transaction_id=number or 0))
    rig.run(5)
    told = [name for name in rig.calls() if " " not in name and name != "Heartbeat"]
    asked = rig.model.authentication.reader or rig.station.core.settings.flag("AuthorizeRemoteTxRequests")
    assert told[: 2 if asked else 1] == [*(["Authorize"] if asked else []), "StartTransaction"]
    assert {*told[2:-1]} <= {"MeterValues", "DataTransfer"}
    assert told.count("MeterValues") >= 2
    assert told[-1] == "StopTransaction"


@pytest.mark.parametrize("how", ["badge", "remote"])
def test_r_091_the_pro_dc_asks_the_operator_for_a_badge_and_for_a_remote_request(how: str) -> None:
    rig = idle(DC)
    assert rig.value("AuthenticationOCPPMode") == "true"
    rig.answers["Authorize"] = messages.AuthorizeResponse(id_tag_info=messages.IdTagInfo(status="Blocked"))
    rig.plug()
    rig.run(30)
    assert rig.calls()[-1:] != ["StartTransaction"], "plugging in alone is not enough"
    if how == "badge":
        rig.badge()
    else:
        rig.ask(messages.RemoteStartTransaction(id_tag=TAG, connector_id=1))
    rig.run(10)
    assert [p.id_tag for p in rig.said("Authorize")] == [TAG]
    assert not rig.said("StartTransaction")


def test_r_106_schneider_charge_waits_without_end_unless_told_how_long() -> None:
    rig = idle(CHARGE)
    assert rig.value("ConnectionTimeOut") == "0"
    rig.ask(messages.RemoteStartTransaction(id_tag=TAG, connector_id=1))
    rig.run(86400)
    assert rig.view.status == "Preparing"
    rig.plug()
    rig.run(10)
    assert rig.power()
    rig = idle(CHARGE)
    assert rig.change("ConnectionTimeOut", "30") == "Accepted"
    rig.ask(messages.RemoteStartTransaction(id_tag=TAG, connector_id=1))
    rig.run(40)
    assert rig.view.status == "Available"


# --- unlock, cache ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("charges", [False, True])
def test_r_144_the_pro_dc_answers_unlock_connector_and_does_nothing(charges: bool) -> None:
    """Q-085: its cables are its own."""
    rig = idle(DC)
    if charges:
        begin(rig)
    assert rig.ask(messages.UnlockConnector(connector_id=1)).status == "NotSupported"
    rig.run(10)
    assert rig.power() == charges
    assert not rig.said("StopTransaction")


@every
def test_r_147_the_cache_is_cleared_where_the_product_has_one(name: str) -> None:
    """R-137: Schneider Charge knows no ClearCache; where the cache is off there is none to clear (errata 3.23)."""
    rig = idle(name, AuthorizationCacheEnabled="true")
    answer = rig.ask(messages.ClearCache())
    if name.startswith(CHARGE):
        assert (type(answer), answer.code) == (frames.Error, "NotSupported")
        return
    assert answer.status == "Accepted"
    rig.own(AuthorizationCacheEnabled="false")
    assert rig.ask(messages.ClearCache()).status == "Rejected"


# --- meter values ----------------------------------------------------------------------------------------------------


def test_r_154_what_the_pro_dc_measures_its_units_context_and_format() -> None:
    """Format Raw is what OCPP takes a value for that says none (1.6, 7.43)."""
    rig = idle(DC, MeterValueSampleInterval="20")
    begin(rig)
    rig.run(20)
    values: list[Any] = list(rig.last("MeterValues").meter_value[0].sampled_value)
    units = {v.measurand: v.unit for v in values}
    wanted = {
        "Energy.Active.Import.Register": "Wh", "Power.Active.Import": "W", "Power.Offered": "W", "SoC": "Percent"
    }  # fmt: skip
    assert wanted.items() <= units.items()
    assert {v.context for v in values} == {"Sample.Periodic"}
    assert {v.format for v in values} <= {"Raw", msgspec.UNSET}
    assert all(re.fullmatch(r"-?\d+(\.\d+)?", v.value) for v in values)


# --- keys ------------------------------------------------------------------------------------------------------------


@family
def test_r_172_voltage_reference_and_the_current_of_the_socket_have_their_range(name: str) -> None:
    rig = idle(name)
    most_a = int(max(c.spec.max_current_a for c in rig.station.connectors))
    assert answers(rig, "voltageReference", "0", "400", "401", "-1") == [*["Accepted"] * 2, *["Rejected"] * 2]
    assert answers(rig, "maxIntensitySocket", "0", str(most_a), str(most_a + 1), "-1") == [
        *["Accepted"] * 2, *["Rejected"] * 2
    ]  # fmt: skip


@family
def test_r_178_the_keys_of_the_authentication_have_their_range(name: str) -> None:
    rig = idle(name)
    assert answers(rig, "enableUnknown", "true", "false", "2") == ["Accepted", "Accepted", "Rejected"]
    assert answers(rig, "authenticationManager", "3", "0", "2", "4", "-1") == [*["Accepted"] * 3, *["Rejected"] * 2]
    assert answers(rig, "ControlChargeByRemoteCommand", "true", "false", "x") == [*["Accepted"] * 2, "Rejected"]
    assert answers(rig, "rfidStatusTimeout", "0", "65535", "65536", "-1") == [*["Accepted"] * 2, *["Rejected"] * 2]


@family
def test_r_179_the_keys_of_the_link_have_their_range(name: str) -> None:
    """All but the badge need a restart (Q-181)."""
    rig = idle(name)
    restart = "RebootRequired"
    assert answers(rig, "ocppVersion", "1.5", "1.6", "2.0") == [restart, restart, "Rejected"]
    assert answers(rig, "ocppCentralAddress", "ws://h/x", "https://h/x", "ftp://h") == [restart, restart, "Rejected"]
    for key in ("ocppBoxLocalPort", "ocppBoxPublicPort"):
        assert answers(rig, key, "1", "65535", "0", "65536") == [restart, restart, "Rejected", "Rejected"]
    for key in ("ocppDefaultBoxAddrPublic", "ocppConfModemAddress", "ocppConfSimModemAddress", "boxIdentity"):
        assert answers(rig, key, "192.168.0.9") == [restart]
    assert answers(rig, "defaultIdTag", "A" * 20, "A" * 21) == ["Accepted", "Rejected"]


READ_ONLY = [
    "WebSocketPingInterval", "NumberOfConnectors", "HeartBeatInterval", "ConnectorPhaseRotation",
    "ConnectorPhaseRotationMaxLength", "StopTxnAlignedData", "StopTxnSampledData", "ReserveConnectorZeroSupported",
    "ChargingScheduleMaxPeriods",
]  # fmt: skip


@family
@pytest.mark.parametrize("key", READ_ONLY)
def test_r_185_keys_without_a_printed_value_are_read_only_and_have_one(name: str, key: str) -> None:
    """Q-025. R-186: ConnectorPhaseRotation is a list of index.value."""
    rig = idle(name)
    before = rig.value(key)
    assert before is not None
    assert answers(rig, key, "1", "true", "") == ["Rejected"] * 3
    assert rig.value(key) == before
    (row,) = rig.ask(messages.GetConfiguration(key=(key,))).configuration_key
    assert row.readonly
    if key == "ConnectorPhaseRotation":
        rotations = "NotApplicable|Unknown|RST|RTS|SRT|STR|TRS|TSR"
        assert all(re.fullmatch(rf"\d\.({rotations})", item.strip()) for item in before.split(","))


@family
@pytest.mark.parametrize(
    "key", ["MinimumStatusDuration", "TransactionMessageRetryInterval", "TransactionMessageAttempts"]
)
def test_r_187_three_keys_take_0_and_up(name: str, key: str) -> None:
    rig = idle(name)
    assert answers(rig, key, "0", "1", "86400", "-1", "1.5", "x") == [*["Accepted"] * 3, *["Rejected"] * 3]
    assert rig.value(key) == "86400"


CUSTOMIZED = ["SupervisionUrl", "BoxIdentifier", "DefaultIdTag", "TICmode", "TriggerBackendConfigurationDataReset"]


def test_r_204_the_customized_keys_of_schneider_charge_take_effect_at_once() -> None:
    """R-026: also a new SupervisionUrl, of at most 199 characters, which is dialled without a reboot."""
    writable = {k.name for k in load(CHARGE).keys.values() if k.access == "RW" and "k2" in k.source}
    assert writable == {*CUSTOMIZED}
    assert not any(load(CHARGE).keys[name.lower()].reboot for name in CUSTOMIZED)
    rig = idle(CHARGE)
    assert rig.change("SupervisionUrl", "ws://" + "a" * 195) == "Rejected"
    assert rig.change("SupervisionUrl", "ws://elsewhere.example/" + "a" * 176) == "Accepted"
    rig.run(5)
    assert rig.dials[-1][1].url.startswith("ws://elsewhere.example/aaa")
    assert rig.calls()[0] == "BootNotification", "nobody knows us there"
    assert not rig.wished(sig.Restart)
    assert rig.change("BoxIdentifier", "NEW-NAME") == "Accepted"
    rig.run(5)
    assert rig.dials[-1][1].url.endswith("/NEW-NAME")


def test_r_037_schneider_charge_pings_each_minute_and_not_at_all_with_0() -> None:
    rig = idle(CHARGE)
    assert rig.value("WebSocketPingInterval") == "60"
    rig.run(600)
    assert len(rig.wished(sig.SendPing)) == 10
    assert rig.change("WebSocketPingInterval", "0") == "Accepted"
    rig.forget()
    rig.run(600)
    assert not rig.wished(sig.SendPing)


@pytest.mark.parametrize(("value", "answer"), [
    ("Car park 3-B_west.", "Accepted"), ("x" * 31, "Accepted"), ("x" * 32, "Rejected"), ("a/b", "Rejected"),
    ("Größe", "Rejected"),
])  # fmt: skip
def test_r_215_the_name_of_a_pro_ac(value: str, answer: str) -> None:
    """Q-148: digits too, as its own default has them."""
    rig = idle(AC)
    assert rig.value("StationName") == f"ProAC - {rig.station.core.serial}"
    assert rig.change("StationName", value) == answer


def test_r_123_the_pro_dc_lets_everybody_charge_while_offline() -> None:
    rig = idle(DC)
    assert rig.value("AllowOfflineTxForUnknownId") == "true"
    rig.cut()
    rig.plug()
    rig.badge("NOBODY-KNOWS")
    rig.run(10)
    assert rig.power()
    rig.answers["Authorize"] = SILENCE
    rig.mend()
    assert rig.last("StartTransaction").id_tag == "NOBODY-KNOWS"
    assert not rig.said("Authorize")
