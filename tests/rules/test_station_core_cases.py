"""The charge point cases of the compliance tool for the Core profile, by their id (conformance, 1.1 to 1.16 and 1.22).

TC_001 and TC_002 stand in test_4_2_boot.py, TC_008, TC_042 and TC_043 in test_5_15_local_list.py.
"""

from datetime import datetime
from typing import Any

import msgspec
import pytest

from chargepost import signals as sig
from chargepost.ocpp import frames, messages
from tests.rules.rig import CAR, EPOCH_UTC_S, TAG, Rig, info

MODELS = ["evlink-pro-ac", "evlink-smart-wallbox"]
both = pytest.mark.parametrize("model", MODELS)


def idle(model: str, **settings: str) -> Rig:
    """Booted, with these keys set by the owner; only what follows is looked at."""
    rig = Rig(model)
    rig.own(**settings)
    rig.run(5)
    rig.forget()
    return rig


def charging(model: str, **settings: str) -> Rig:
    rig = idle(model, **settings)
    rig.charge()
    rig.forget()
    return rig


def remote_start(rig: Rig, tag: str = TAG, connector: int | None = 1) -> str:
    named: Any = {} if connector is None else {"connector_id": connector}
    status: str = rig.ask(messages.RemoteStartTransaction(id_tag=tag, **named)).status
    rig.run(2)
    return status


def remote_stop(rig: Rig, number: int | None = None) -> str:
    running = rig.view.transaction
    asked = number if number is not None else running.transaction if running else 0
    status: str = rig.ask(messages.RemoteStopTransaction(transaction_id=asked or 0)).status
    rig.run(2)
    return status


def reset(rig: Rig, kind: Any) -> None:
    assert rig.ask(messages.Reset(type=kind)).status == "Accepted"
    rig.run(10)


def available(rig: Rig, kind: Any, connector: int = 1) -> str:
    status: str = rig.ask(messages.ChangeAvailability(connector_id=connector, type=kind)).status
    rig.run(1)
    return status


def unlock(rig: Rig, connector: int = 1) -> str:
    rig.ask(messages.UnlockConnector(connector_id=connector))
    rig.run(8)
    status: str = rig.answer_to(f"cs-{rig.asks}", "UnlockConnector").status
    return status


def sent_at(rig: Rig, stamp: datetime) -> float:
    """A time stamp on the wire as seconds of the rig."""
    return stamp.timestamp() - EPOCH_UTC_S


# --- 1.2 start of a session ------------------------------------------------------------------------------------------


@both
def test_tc_003_plug_in_first(model: str) -> None:
    rig = idle(model)
    rig.plug()
    rig.badge()
    rig.run(5)
    assert rig.calls() == ["Preparing 1", "Authorize", "StartTransaction", "Charging 1"]
    start = rig.last("StartTransaction")
    assert (start.connector_id, start.id_tag, start.meter_start) == (1, TAG, 0)
    assert sent_at(rig, start.timestamp) == pytest.approx(rig.said_at("StartTransaction")[0], abs=0.01)


@both
def test_tc_004_1_identification_first(model: str) -> None:
    rig = idle(model)
    rig.badge()
    rig.plug()
    rig.run(5)
    assert rig.calls() == ["Authorize", "Preparing 1", "StartTransaction", "Charging 1"]
    assert rig.last("StartTransaction").id_tag == TAG


@both
def test_tc_004_2_connection_time_out(model: str) -> None:
    rig = idle(model, ConnectionTimeOut="20")
    rig.badge()
    rig.run(18)
    assert rig.calls() == ["Authorize", "Preparing 1"]
    rig.run(3)
    assert rig.calls() == ["Authorize", "Preparing 1", "Available 1"]
    rig.plug()
    rig.run(10)
    assert not rig.said("StartTransaction"), "the badge has expired"


# --- 1.3 stop of a session -------------------------------------------------------------------------------------------


@both
def test_tc_068_stop_with_the_same_tag(model: str) -> None:
    rig = charging(model)
    rig.answers["Authorize"] = messages.AuthorizeResponse(id_tag_info=info("Invalid"))
    rig.badge("WRONG")
    assert rig.calls() == ["Authorize"]
    assert rig.view.contactor
    rig.badge(TAG.lower())
    rig.run(2)
    stop = rig.last("StopTransaction")
    assert rig.calls()[1:] == ["StopTransaction", "Finishing 1"], "no Authorize for the tag that started"
    assert (stop.id_tag.upper(), stop.reason) == (TAG, "Local")
    rig.unplug()
    assert rig.calls()[-1] == "Available 1"


@both
def test_tc_069_stop_with_a_tag_of_the_same_group(model: str) -> None:
    rig = idle(model)
    rig.answers["Authorize"] = messages.AuthorizeResponse(id_tag_info=info(parent="GROUP"))
    rig.charge()
    rig.forget()
    rig.badge("COLLEAGUE")
    rig.run(2)
    stop = rig.last("StopTransaction")
    assert rig.calls() == ["Authorize", "StopTransaction", "Finishing 1"]
    assert (stop.id_tag, stop.reason) == ("COLLEAGUE", "Local")


@both
def test_tc_005_1_ev_side_disconnected(model: str) -> None:
    rig = charging(model)
    rig.hardware.unplug_car(1, rig.now)
    rig.run(3)
    assert rig.last("StopTransaction").reason == "EVDisconnected"
    assert rig.statuses()[-1] == "Finishing"
    assert not rig.locked()
    rig.unplug()
    assert rig.statuses()[-1] == "Available"


@both
def test_tc_005_2_ev_side_disconnected_and_the_cable_stays_locked(model: str) -> None:
    rig = charging(model, UnlockConnectorOnEVSideDisconnect="false")
    rig.hardware.unplug_car(1, rig.now)
    rig.run(3)
    assert rig.last("StopTransaction").reason == "EVDisconnected"
    assert rig.statuses()[-1] == "Finishing"
    assert rig.locked()
    assert unlock(rig) == "Unlocked"
    rig.unplug()
    assert rig.statuses()[-1] == "Available"


@both
def test_tc_005_3_ev_side_disconnected_and_the_transaction_goes_on(model: str) -> None:
    rig = charging(model, StopTransactionOnEVSideDisconnect="false", UnlockConnectorOnEVSideDisconnect="false")
    rig.hardware.unplug_car(1, rig.now)
    rig.run(3)
    assert rig.calls() == ["SuspendedEV 1"]
    rig.hardware.plug_car(1, CAR, rig.now)
    rig.run(5)
    assert rig.calls() == ["SuspendedEV 1", "Charging 1"]
    assert remote_stop(rig) == "Accepted"
    assert rig.last("StopTransaction").reason == "Remote"
    assert rig.statuses()[-1] == "Finishing"


# --- 1.4 authorization cache -----------------------------------------------------------------------------------------


def cached(model: str, **settings: str) -> Rig:
    rig = idle(model, AuthorizationCacheEnabled="true", LocalPreAuthorize="true", **settings)
    rig.badge()  # learned from Authorize
    rig.badge()  # and given up
    rig.forget()
    return rig


@both
def test_tc_007_1_a_cached_tag_starts_without_authorize(model: str) -> None:
    rig = cached(model)
    rig.plug()
    rig.badge()
    rig.run(5)
    assert rig.calls() == ["Preparing 1", "StartTransaction", "Charging 1"]


@both
def test_tc_007_2_a_cached_tag_starts_remotely_without_authorize(model: str) -> None:
    rig = cached(model, AuthorizeRemoteTxRequests="true")
    assert remote_start(rig) == "Accepted"
    rig.plug()
    rig.run(5)
    assert rig.calls() == ["Preparing 1", "StartTransaction", "Charging 1"]


@both
def test_tc_061_1_a_cleared_cache_asks_again(model: str) -> None:
    rig = cached(model)
    assert rig.ask(messages.ClearCache()).status == "Accepted"
    rig.badge()
    assert rig.said("Authorize")


@both
def test_tc_061_2_a_cleared_cache_asks_again_for_a_remote_start(model: str) -> None:
    rig = cached(model, AuthorizeRemoteTxRequests="true")
    assert rig.ask(messages.ClearCache()).status == "Accepted"
    assert remote_start(rig) == "Accepted"
    assert rig.said("Authorize")


# --- 1.5 remote actions ----------------------------------------------------------------------------------------------


@both
@pytest.mark.parametrize("authorize", ["true", "false"])
def test_tc_010_remote_start_with_the_cable_in(model: str, authorize: str) -> None:
    rig = idle(model, AuthorizeRemoteTxRequests=authorize)
    rig.plug()
    assert remote_start(rig) == "Accepted"
    rig.run(5)
    asked = ["Authorize"] if authorize == "true" else []
    assert rig.calls() == ["Preparing 1", *asked, "StartTransaction", "Charging 1"]
    assert (rig.last("StartTransaction").connector_id, rig.last("StartTransaction").id_tag) == (1, TAG)


@both
@pytest.mark.parametrize("authorize", ["true", "false"])
def test_tc_011_1_remote_start_first(model: str, authorize: str) -> None:
    rig = idle(model, AuthorizeRemoteTxRequests=authorize)
    assert remote_start(rig) == "Accepted"
    rig.plug()
    rig.run(5)
    asked = ["Authorize"] if authorize == "true" else []
    assert rig.calls() == [*asked, "Preparing 1", "StartTransaction", "Charging 1"]


@both
def test_tc_011_2_remote_start_times_out(model: str) -> None:
    rig = idle(model, ConnectionTimeOut="20")
    assert remote_start(rig) == "Accepted"
    rig.run(21)
    assert rig.statuses() == ["Preparing", "Available"]
    assert not rig.said("StartTransaction")


@both
def test_tc_012_remote_stop(model: str) -> None:
    rig = charging(model)
    assert remote_stop(rig) == "Accepted"
    assert rig.calls() == ["StopTransaction", "Finishing 1"]
    stop = rig.last("StopTransaction")
    assert (stop.reason, stop.id_tag) == ("Remote", msgspec.UNSET)
    rig.unplug()
    assert rig.calls()[-1] == "Available 1"


# --- 1.6 reset -------------------------------------------------------------------------------------------------------


@both
@pytest.mark.parametrize(("case", "kind"), [("TC_013", "Hard"), ("TC_014", "Soft")])
def test_tc_013_tc_014_reset_without_a_transaction_keeps_unavailable(model: str, case: str, kind: str) -> None:
    rig = idle(model)
    assert available(rig, "Inoperative") == "Accepted"
    assert rig.calls() == ["Unavailable 1"]
    rig.forget()
    reset(rig, kind)
    assert rig.calls() == ["BootNotification", "Available 0", "Unavailable 1"], case
    assert [w.hard for w in rig.wished(sig.Restart)] == [kind == "Hard"]
    assert available(rig, "Operative") == "Accepted"
    assert rig.calls()[-1] == "Available 1"


@both
@pytest.mark.parametrize(("case", "kind"), [("TC_015", "Hard"), ("TC_016", "Soft")])
def test_tc_015_tc_016_reset_with_a_transaction(model: str, case: str, kind: str) -> None:
    rig = charging(model)
    reset(rig, kind)
    calls = rig.calls()
    assert rig.last("StopTransaction").reason == f"{kind}Reset", case
    assert calls.index("StopTransaction") < calls.index("BootNotification")
    assert calls[calls.index("BootNotification") :][:2] == ["BootNotification", "Available 0"]
    assert len(rig.said("StopTransaction")) == 1


# --- 1.7 unlock ------------------------------------------------------------------------------------------------------


@both
def test_tc_017_1_unlock_without_a_session(model: str) -> None:
    assert unlock(idle(model)) == "Unlocked"


@pytest.mark.parametrize("model", ["evlink-pro-ac/cable", "evlink-smart-wallbox/rfid-cable"])
def test_tc_017_2_unlock_of_a_fixed_cable(model: str) -> None:
    assert unlock(idle(model)) == "NotSupported"


@both
def test_tc_018_1_unlock_ends_the_session(model: str) -> None:
    rig = charging(model)
    assert unlock(rig) == "Unlocked"
    assert rig.last("StopTransaction").reason == "UnlockCommand"
    assert rig.statuses() == ["Finishing"]
    rig.unplug()
    assert rig.statuses()[-1] == "Available"


@pytest.mark.parametrize("model", ["evlink-pro-ac/cable", "evlink-smart-wallbox/rfid-cable"])
def test_tc_018_2_unlock_of_a_fixed_cable_does_not_end_the_session(model: str) -> None:
    rig = charging(model)
    assert unlock(rig) == "NotSupported"
    assert not rig.said("StopTransaction")
    assert remote_stop(rig) == "Accepted"
    assert rig.last("StopTransaction").reason == "Remote"


# --- 1.8 configuration -----------------------------------------------------------------------------------------------

REQUIRED = {
    "AuthorizeRemoteTxRequests": "R or RW", "ClockAlignedDataInterval": "RW", "ConnectionTimeOut": "RW",
    "ConnectorPhaseRotation": "RW", "GetConfigurationMaxKeys": "R", "HeartbeatInterval": "RW",
    "LocalAuthorizeOffline": "RW", "LocalPreAuthorize": "RW", "MeterValuesAlignedData": "RW",
    "MeterValuesSampledData": "RW", "MeterValueSampleInterval": "RW", "NumberOfConnectors": "R", "ResetRetries": "RW",
    "StopTransactionOnInvalidId": "RW", "StopTxnAlignedData": "RW", "StopTxnSampledData": "RW",
    "SupportedFeatureProfiles": "R", "TransactionMessageAttempts": "RW", "TransactionMessageRetryInterval": "RW",
    "UnlockConnectorOnEVSideDisconnect": "R or RW",
}  # fmt: skip
"""What the tool looks for, with the access it expects (conformance, 3). The wallbox deviates, as its guide prints."""


@both
def test_tc_019_retrieve_configuration(model: str) -> None:
    rig = idle(model)
    one = rig.ask(messages.GetConfiguration(key=("SupportedFeatureProfiles",)))
    assert [k.key for k in one.configuration_key] == ["SupportedFeatureProfiles"]
    assert one.unknown_key is msgspec.UNSET
    every = {k.key.lower(): k for k in rig.ask(messages.GetConfiguration()).configuration_key}
    assert [k.lower() for k in every] == list(rig.model.keys)
    if model == "evlink-pro-ac":
        for key, access in REQUIRED.items():
            assert access == "R or RW" or every[key.lower()].readonly == (access == "R"), key
    assert rig.ask(messages.GetConfiguration(key=())).configuration_key == tuple(every.values())


@both
def test_tc_021_change_configuration(model: str) -> None:
    rig = idle(model)
    assert rig.change("MeterValueSampleInterval", "60") == "Accepted"
    assert rig.value("MeterValueSampleInterval") == "60"


# --- 1.9 meter values ------------------------------------------------------------------------------------------------


def test_tc_070_sampled_meter_values() -> None:
    listed = "Energy.Active.Import.Register,Current.Import,Voltage"
    rig = idle("evlink-pro-ac", MeterValuesSampledData=listed, MeterValueSampleInterval="20",
               StopTxnSampledData="Energy.Active.Import.Register", StopTxnMinimumDurationData="0")  # fmt: skip
    rig.charge(seconds=65)
    rig.badge()
    rig.run(2)
    start = rig.last("StartTransaction")
    samples = rig.said("MeterValues")
    assert [round(sent_at(rig, p.meter_value[0].timestamp) - sent_at(rig, start.timestamp)) for p in samples] == [
        20, 40, 60,
    ]  # fmt: skip
    for p in samples:
        assert (p.connector_id, p.transaction_id) == (1, 501)
        assert [v.measurand for v in p.meter_value[0].sampled_value] == listed.split(",")
        assert {v.context for v in p.meter_value[0].sampled_value} == {"Sample.Periodic"}
    data = rig.last("StopTransaction").transaction_data
    assert [v.sampled_value[0].context for v in data] == [
        "Transaction.Begin", "Sample.Periodic", "Sample.Periodic", "Sample.Periodic", "Transaction.End",
    ]  # fmt: skip


def test_tc_071_clock_aligned_meter_values() -> None:
    energy = "Energy.Active.Import.Register"
    rig = idle("evlink-pro-ac", ClockAlignedDataInterval="60", MeterValuesAlignedData=f"{energy},Voltage",
               StopTxnAlignedData=energy, StopTxnMinimumDurationData="0")  # fmt: skip
    rig.charge(seconds=200)
    rig.badge()
    rig.run(2)
    samples = [p for p in rig.said("MeterValues") if p.transaction_id is not msgspec.UNSET]
    assert len(samples) >= 3
    for p in samples:
        stamp = p.meter_value[0].timestamp
        assert (stamp.second, stamp.microsecond) == (0, 0)
        assert [v.measurand for v in p.meter_value[0].sampled_value] == ["Energy.Active.Import.Register", "Voltage"]
        assert {v.context for v in p.meter_value[0].sampled_value} == {"Sample.Clock"}
    contexts = [v.sampled_value[0].context for v in rig.last("StopTransaction").transaction_data]
    assert contexts == ["Transaction.Begin", *["Sample.Clock"] * len(samples), "Transaction.End"]


# --- 1.10 basic actions, non-happy -----------------------------------------------------------------------------------


@both
@pytest.mark.parametrize("status", ["Invalid", "Expired", "Blocked", "ConcurrentTx"])
def test_tc_023_4_a_refused_tag_starts_nothing(model: str, status: str) -> None:
    rig = idle(model)
    rig.answers["Authorize"] = messages.AuthorizeResponse(id_tag_info=info(status))
    rig.plug()
    rig.badge()
    rig.run(20)
    assert rig.calls() == ["Preparing 1", "Authorize"]
    judged = rig.wished(sig.BadgeJudged)
    assert [j.accepted for j in judged] == [False]
    assert status in judged[0].why


@both
@pytest.mark.parametrize("plugged", [True, False])
def test_tc_023_5_a_refused_tag_starts_nothing_remotely(model: str, plugged: bool) -> None:
    rig = idle(model, AuthorizeRemoteTxRequests="true")
    rig.answers["Authorize"] = messages.AuthorizeResponse(id_tag_info=info("Invalid"))
    if plugged:
        rig.plug()
    assert remote_start(rig) == "Accepted"
    rig.run(20)
    assert rig.calls() == [*(["Preparing 1"] if plugged else []), "Authorize"]


@both
def test_tc_024_lock_failure(model: str) -> None:
    rig = idle(model)
    rig.badge()
    rig.hardware.jam_lock(1, True)
    rig.plug()
    rig.run(5)
    assert rig.calls() == ["Authorize", "Preparing 1", "Faulted 1"]
    assert rig.notification().error_code == "ConnectorLockFailure"
    assert not rig.said("StartTransaction")


# --- 1.11 remote actions, non-happy ----------------------------------------------------------------------------------


@both
def test_tc_026_remote_start_of_a_busy_connector(model: str) -> None:
    rig = charging(model)
    assert remote_start(rig, "OTHER") == "Rejected"
    assert rig.calls() == []


@both
def test_tc_027_remote_start_of_connector_0(model: str) -> None:
    rig = idle(model)
    assert remote_start(rig, connector=0) == "Rejected"
    assert rig.calls() == []


@both
def test_tc_028_remote_stop_of_an_unknown_transaction(model: str) -> None:
    rig = charging(model)
    assert remote_stop(rig, 999_999) == "Rejected"
    assert rig.view.contactor
    assert rig.calls() == []


# --- 1.12 unlock, non-happy ------------------------------------------------------------------------------------------


@both
def test_tc_030_unlock_failure(model: str) -> None:
    rig = charging(model)
    rig.hardware.jam_lock(1, True)
    assert unlock(rig) == "UnlockFailed"
    assert rig.last("StopTransaction").reason == "UnlockCommand"
    assert rig.notification().error_code == "ConnectorLockFailure"


@both
@pytest.mark.parametrize("connector", [2, 99])
def test_tc_031_unlock_of_an_unknown_connector(model: str, connector: int) -> None:
    assert unlock(idle(model), connector) == "NotSupported"


# --- 1.13 power failure ----------------------------------------------------------------------------------------------


def test_tc_032_2_power_failure_closes_the_transaction_after_it() -> None:
    """The wallbox has no back-up power: TC_032_1 does not apply to it."""
    rig = charging("evlink-smart-wallbox", MeterValueSampleInterval="15")
    rig.run(60)
    kept_wh = int(rig.register_wh)
    rig.power_cycle()
    rig.run(20)
    calls = rig.calls()
    assert calls[calls.index("BootNotification") :] == [
        "BootNotification",
        "Available 0",
        "Finishing 1",
        "StopTransaction",
    ]
    stop = rig.last("StopTransaction")
    assert (stop.reason, stop.transaction_id) == ("PowerLoss", 501)
    assert kept_wh - 50 <= stop.meter_stop <= kept_wh
    rig.unplug()
    assert rig.calls()[-1] == "Available 1"


@both
def test_tc_034_unavailable_survives_a_power_failure(model: str) -> None:
    rig = idle(model)
    assert available(rig, "Inoperative", 0) == "Accepted"
    assert rig.calls() == ["Unavailable 0", "Unavailable 1"]
    rig.power_cycle()
    rig.run(5)
    assert rig.calls()[2:] == ["BootNotification", "Unavailable 0", "Unavailable 1"]
    assert available(rig, "Operative", 0) == "Accepted"
    assert rig.calls()[-2:] == ["Available 0", "Available 1"]


# --- 1.14 offline behaviour ------------------------------------------------------------------------------------------


@both
def test_tc_036_connection_loss_during_a_transaction(model: str) -> None:
    rig = charging(model, MeterValueSampleInterval="15")
    rig.cut()
    rig.run(60)
    assert rig.calls() == []
    rig.mend()
    missed = rig.said("MeterValues")[:4]
    assert "BootNotification" not in rig.calls()
    stamps = [p.meter_value[0].timestamp.timestamp() for p in rig.said("MeterValues")]
    assert stamps == sorted(stamps)
    assert sent_at(rig, missed[0].meter_value[0].timestamp) < rig.said_at("MeterValues")[0] - 30
    assert {p.transaction_id for p in missed} == {501}
    assert remote_stop(rig) == "Accepted"


def offline(model: str, **settings: str) -> Rig:
    rig = idle(model, LocalAuthorizeOffline="true", AllowOfflineTxForUnknownId="true", **settings)
    rig.cut()
    return rig


@both
def test_tc_037_1_offline_start(model: str) -> None:
    rig = offline(model)
    rig.charge()
    at = rig.now
    rig.run(100)
    rig.mend()
    start = rig.last("StartTransaction")
    assert sent_at(rig, start.timestamp) < at
    assert [c for c in rig.calls() if c not in ("MeterValues", "Heartbeat")] == ["Charging 1", "StartTransaction"]


@both
def test_tc_037_2_offline_start_refused_and_kept_open(model: str) -> None:
    rig = offline(model, StopTransactionOnInvalidId="false")
    rig.answers["StartTransaction"] = messages.StartTransactionResponse(transaction_id=8, id_tag_info=info("Invalid"))
    rig.charge()
    rig.mend()
    assert rig.view.status == "SuspendedEVSE"
    assert not rig.view.contactor
    assert not rig.said("StopTransaction")
    rig.badge()
    rig.run(2)
    stop = rig.last("StopTransaction")
    assert (stop.transaction_id, stop.reason) == (8, "Local")


@both
def test_tc_037_3_offline_start_refused_and_ended(model: str) -> None:
    rig = offline(model, StopTransactionOnInvalidId="true")
    rig.answers["StartTransaction"] = messages.StartTransactionResponse(
        transaction_id=9, id_tag_info=info("Invalid", "GROUP")
    )
    rig.charge()
    rig.mend()
    stop = rig.last("StopTransaction")
    assert (stop.transaction_id, stop.reason, stop.id_tag) == (9, "DeAuthorized", msgspec.UNSET)
    assert rig.statuses()[-1] == "Finishing"
    assert rig.locked(), "errata 3.17: until the same tag or its group is shown"
    rig.answers["Authorize"] = messages.AuthorizeResponse(id_tag_info=info("Invalid"))
    rig.badge("STRANGER")
    assert rig.locked()
    rig.badge(TAG)
    assert not rig.locked()
    rig.unplug()


@both
def test_tc_037_3_the_group_of_a_refused_tag_releases_its_cable(model: str) -> None:
    rig = offline(model, StopTransactionOnInvalidId="true")
    rig.answers["StartTransaction"] = messages.StartTransactionResponse(
        transaction_id=9, id_tag_info=info("Blocked", "GROUP")
    )
    rig.charge()
    rig.mend()
    assert rig.locked()
    rig.answers["Authorize"] = messages.AuthorizeResponse(id_tag_info=info(parent="GROUP"))
    rig.forget()
    rig.badge("COLLEAGUE")
    assert not rig.locked()
    assert not rig.said("StartTransaction"), "it releases the cable, it does not charge"
    rig.unplug()


@both
def test_tc_038_offline_stop(model: str) -> None:
    rig = charging(model)
    rig.cut()
    rig.badge()
    at = rig.now
    rig.run(100)
    rig.mend()
    stop = rig.last("StopTransaction")
    assert (stop.reason, stop.transaction_id) == ("Local", 501)
    assert sent_at(rig, stop.timestamp) <= at
    assert rig.statuses() == ["Finishing"]


@both
def test_tc_039_offline_transaction(model: str) -> None:
    rig = offline(model)
    rig.charge(seconds=120)
    rig.badge()
    rig.run(2)
    rig.unplug()
    rig.mend()
    assert [c for c in rig.calls() if c != "Heartbeat"] == ["StartTransaction", "StopTransaction"]
    start, stop = rig.last("StartTransaction"), rig.last("StopTransaction")
    assert (stop.transaction_id, stop.reason) == (501, "Local")
    assert stop.meter_stop > start.meter_start


# --- 1.15 configuration keys, 1.16 faults, 1.17 local list, 1.22 data transfer ----------------------------------------


@both
def test_tc_040_1_unknown_key(model: str) -> None:
    assert idle(model).change("NoSuchKey", "1") == "NotSupported"


@both
def test_tc_040_2_invalid_value(model: str) -> None:
    rig = idle(model)
    before = rig.value("MeterValueSampleInterval")
    assert rig.change("MeterValueSampleInterval", "-1") == "Rejected"
    assert rig.value("MeterValueSampleInterval") == before


@both
def test_tc_041_fault_behaviour(model: str) -> None:
    rig = idle(model)
    rig.plug()
    rig.hardware.leak(1, 40, rig.now)
    rig.run(1)
    assert (rig.notification().status, rig.notification().error_code) == ("Faulted", "GroundFailure")
    rig.badge()
    rig.run(10)
    assert not rig.said("StartTransaction")
    rig.hardware.leak(1, 0, rig.now)
    rig.run(1)
    assert (rig.notification().status, rig.notification().error_code) == ("Preparing", "NoError")


@both
def test_tc_062_data_transfer_of_an_unknown_vendor(model: str) -> None:
    answer = idle(model).ask(messages.DataTransfer(vendor_id="org.example.unknown", message_id="x", data="{}"))
    assert not isinstance(answer, frames.Error)
    assert (answer.status, answer.data) == ("UnknownVendorId", msgspec.UNSET)
