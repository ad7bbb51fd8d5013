"""OCPP 1.6, chapter 5: what a central system asks for beyond the happy path; traps 14 to 20, 30, 49, 61 to 66."""

import re
from typing import Any, get_args

import msgspec
import pytest

from chargepost import signals as sig
from chargepost.catalogue import names
from chargepost.ocpp import frames, messages
from tests.rules.rig import CAR, SILENCE, TAG, Refuse, Rig, two_connectors, utc

MODELS = ["evlink-pro-ac", "evlink-smart-wallbox"]
both = pytest.mark.parametrize("model", MODELS)
PRODUCTS = sorted({re.sub("/.*@", "@", name) for name in names()})
"""Each line and release, in its most common variant."""
TX_PROFILE = messages.ChargingProfile(
    charging_profile_id=1, stack_level=0, charging_profile_purpose="TxProfile", charging_profile_kind="Relative",
    charging_schedule=messages.ChargingSchedule(
        charging_rate_unit="A",
        charging_schedule_period=(messages.ChargingSchedulePeriod(start_period=0, limit=10),),
    ),
)  # fmt: skip


def idle(model: str = "evlink-pro-ac", **settings: str) -> Rig:
    rig = Rig(model)
    rig.own(**settings)
    rig.run(2)
    rig.forget()
    return rig


def charging(model: str = "evlink-pro-ac", **settings: str) -> Rig:
    rig = idle(model, **settings)
    rig.charge()
    rig.forget()
    return rig


def available(rig: Rig, kind: Any, connector: int = 1) -> str:
    status: str = rig.ask(messages.ChangeAvailability(connector_id=connector, type=kind)).status
    rig.run(1)
    return status


def remote_start(rig: Rig, connector: int | None = 1, tag: str = TAG, **more: Any) -> str:
    if connector is not None:
        more["connector_id"] = connector
    status: str = rig.ask(messages.RemoteStartTransaction(id_tag=tag, **more)).status
    rig.run(2)
    return status


def trigger(rig: Rig, what: Any, connector: int | None = None) -> str:
    more: Any = {} if connector is None else {"connector_id": connector}
    status: str = rig.ask(messages.TriggerMessage(requested_message=what, **more)).status
    rig.run(1)
    return status


# --- before Accepted -------------------------------------------------------------------------------------------------


def booting(status: Any, interval: int = 60, model: str = "evlink-pro-ac") -> Rig:
    rig = Rig(model, start=False)
    rig.answers["BootNotification"] = lambda r, _: messages.BootNotificationResponse(
        status=status, current_time=utc(r), interval=interval
    )
    rig.start()
    rig.run(1)
    return rig


@pytest.mark.parametrize(("what", "said"), [
    ("StatusNotification", ["Available 0", "Available 1"]),
    ("Heartbeat", ["Heartbeat"]),
    ("MeterValues", ["MeterValues"]),
    ("DiagnosticsStatusNotification", ["DiagnosticsStatusNotification"]),
    ("FirmwareStatusNotification", ["FirmwareStatusNotification"]),
    ("BootNotification", ["BootNotification"]),
])  # fmt: skip
def test_4_2_pending_says_what_it_is_triggered_to_and_nothing_else(what: str, said: list[str]) -> None:
    rig = booting("Pending")
    rig.plug(None)
    rig.unplug()
    rig.forget()
    assert trigger(rig, what) == "Accepted"
    assert rig.calls()[: len(said)] == said
    rig.run(20)
    assert rig.calls() == said


def test_4_2_pending_keeps_a_transaction_for_later() -> None:
    rig = booting("Pending")
    rig.own(AllowOfflineTxForUnknownId="true")
    rig.forget()
    rig.plug()
    rig.badge()
    rig.run(20)
    assert rig.calls() == []
    rig.answers.clear()
    rig.run(60)
    assert rig.calls()[:3] == ["BootNotification", "Available 0", "Charging 1"]
    assert "StartTransaction" in rig.calls()


@pytest.mark.parametrize("status", ["Pending", "Rejected"])
def test_trap_14_the_interval_holds_across_a_reconnect(status: str) -> None:
    rig = booting(status, 120)
    rig.forget()
    rig.cut()
    rig.mend_at_once()
    rig.run(20)
    assert rig.connected
    assert rig.calls() == [], "not before the interval is over"
    assert (rig.ask(messages.GetConfiguration(key=("HeartbeatInterval",))) is None) == (status == "Rejected")
    rig.run(100)
    assert rig.calls()[0] == "BootNotification"


def test_4_2_an_interval_of_0_is_the_stations_own_choice_and_no_tight_loop() -> None:
    rig = booting("Rejected", 0)
    rig.run(600)
    assert 2 <= len(rig.said("BootNotification")) <= 20


def test_change_configuration_persists_after_restart() -> None:
    rig = booting("Pending")
    assert rig.change("MeterValueSampleInterval", "45") == "Accepted"
    rig.answers.clear()
    rig.power_cycle()
    rig.run(5)
    assert rig.value("MeterValueSampleInterval") == "45"


def test_boot_refused_by_error_then_a_new_link_boots_again() -> None:
    rig = Rig(start=False)
    rig.answers["BootNotification"] = Refuse("NotSupported")
    rig.start()
    rig.run(5)
    rig.cut()
    rig.answers.clear()
    rig.mend()
    assert rig.calls()[1:4] == ["BootNotification", "Available 0", "Available 1"]


def test_j_3_a_peer_that_agrees_to_a_version_that_was_not_offered_is_left() -> None:
    rig = Rig(start=False)
    rig.reachable = False
    rig.start()
    rig.tell(sig.LinkUp("ocpp1.5"))
    assert rig.wished(sig.HangUp)
    assert not rig.said("BootNotification")


# --- availability ----------------------------------------------------------------------------------------------------


@both
@pytest.mark.parametrize("connector", [0, 1])
def test_trap_49_the_same_state_twice_is_accepted_and_told_once(model: str, connector: int) -> None:
    """R-136: ChangeAvailability, for the station or one connector."""
    rig = idle(model)
    assert [available(rig, "Operative", connector) for _ in range(2)] == ["Accepted"] * 2
    assert rig.calls() == []
    assert [available(rig, "Inoperative", connector) for _ in range(2)] == ["Accepted"] * 2
    assert rig.calls() == [*(["Unavailable 0"] if connector == 0 else []), "Unavailable 1"]
    assert [available(rig, "Operative", connector) for _ in range(2)] == ["Accepted"] * 2
    assert rig.calls()[-1:] == ["Available 1"]


@both
def test_trap_49_an_unknown_connector_is_rejected(model: str) -> None:
    assert available(idle(model), "Inoperative", 2) == "Rejected"


@both
@pytest.mark.parametrize("connector", [0, 1])
def test_5_2_a_transaction_is_let_end_first(model: str, connector: int) -> None:
    rig = charging(model)
    assert available(rig, "Inoperative", connector) == "Scheduled"
    assert rig.calls() == (["Unavailable 0"] if connector == 0 else [])
    assert rig.power()
    rig.badge()
    rig.run(2)
    rig.unplug()
    assert rig.statuses() == ["Finishing", "Unavailable"]


@both
def test_5_2_a_schedule_can_be_taken_back(model: str) -> None:
    rig = charging(model)
    assert available(rig, "Inoperative") == "Scheduled"
    assert available(rig, "Operative") == "Accepted"
    rig.badge()
    rig.run(2)
    rig.unplug()
    assert rig.statuses() == ["Finishing", "Available"]
    rig.power_cycle()
    rig.run(2)
    assert rig.view.status == "Available"


@both
def test_5_2_a_schedule_survives_a_power_cut(model: str) -> None:
    rig = charging(model, RestoreTimeout="10")
    available(rig, "Inoperative")
    rig.power_cycle()
    rig.run(60)
    if rig.view.transaction:
        assert rig.view.status == "Charging", "not Unavailable while it charges"
        rig.badge()
        rig.run(2)
    rig.unplug()
    assert rig.view.status == "Unavailable"


def test_availability_inoperative_while_preparing_is_scheduled_there_and_at_once_elsewhere() -> None:
    rig = two_connectors()
    rig.plug()
    rig.forget()
    assert available(rig, "Inoperative", 0) == "Scheduled"
    assert rig.calls() == ["Unavailable 0", "Unavailable 2"]
    rig.unplug()
    assert rig.statuses(1) == ["Available", "Unavailable"]


@both
def test_5_2_out_of_service_nobody_charges(model: str) -> None:
    rig = idle(model)
    available(rig, "Inoperative")
    rig.plug()
    rig.badge()
    rig.run(20)
    assert remote_start(rig) == "Rejected"
    rig.run(20)
    assert not rig.said("StartTransaction")
    assert rig.statuses() == ["Unavailable"]


# --- remote start and stop -------------------------------------------------------------------------------------------


@both
@pytest.mark.parametrize("connector", [0, 2, 99])
def test_trap_30_remote_start_of_no_connector(model: str, connector: int) -> None:
    """R-110, and R-089: the wallbox does not authorize it first, the Pro AC does (R-090)."""
    assert remote_start(idle(model), connector) == "Rejected"


@both
def test_5_11_remote_start_without_a_connector_takes_the_one_there_is(model: str) -> None:
    rig = idle(model)
    assert remote_start(rig, None) == "Accepted"
    rig.plug()
    rig.run(5)
    assert rig.last("StartTransaction").connector_id == 1
    assert bool(rig.said("Authorize")) == (model == "evlink-pro-ac")


@both
@pytest.mark.parametrize("state", ["faulted", "unavailable", "charging", "granted", "resetting"])
def test_5_11_remote_start_is_refused_where_nobody_can_start(model: str, state: str) -> None:
    rig = idle(model)
    if state == "faulted":
        rig.tell(sig.FaultRaised(1, "GroundFailure"))
    elif state == "unavailable":
        available(rig, "Inoperative")
    elif state == "charging":
        rig.charge()
    elif state == "granted":
        rig.badge("OTHER")
    else:
        rig.answers["StopTransaction"] = SILENCE
        rig.charge()
        rig.ask(messages.Reset(type="Soft"))
    assert remote_start(rig) == "Rejected"
    assert remote_start(rig, None) == "Rejected"


@both
def test_5_11_the_profile_of_a_remote_start_is_a_tx_profile_without_a_number(model: str) -> None:
    rig = idle(model)
    other = msgspec.structs.replace(TX_PROFILE, charging_profile_purpose="TxDefaultProfile")
    numbered = msgspec.structs.replace(TX_PROFILE, transaction_id=5)
    assert remote_start(rig, charging_profile=other) == "Rejected"
    assert remote_start(rig, charging_profile=numbered) == "Rejected"
    assert remote_start(rig, charging_profile=TX_PROFILE) == "Accepted"


def test_the_wallbox_refuses_a_remote_start_while_plugged_since_the_last_stop() -> None:
    """Seen in the field; a badge is not concerned, and plugging in again ends it."""
    rig = charging("evlink-smart-wallbox")
    rig.badge()
    rig.run(2)
    assert remote_start(rig) == "Rejected"
    rig.unplug()
    rig.plug()
    assert remote_start(rig) == "Accepted"
    rig = charging("evlink-pro-ac")
    rig.badge()
    rig.run(2)
    assert remote_start(rig) == "Accepted"


def test_the_wallbox_still_refuses_after_a_badge_that_was_given_up() -> None:
    rig = charging("evlink-smart-wallbox")
    rig.badge()
    rig.run(2)
    rig.hardware.set_car(1, rig.now, ready=False)
    rig.badge("OTHER")
    rig.badge("OTHER")
    assert rig.view.status == "Preparing"
    assert remote_start(rig) == "Rejected"


def test_one_reader_a_remote_start_for_connector_2_is_not_for_connector_1() -> None:
    rig = two_connectors()
    assert remote_start(rig, 2) == "Accepted"
    rig.plug(connector=1)
    rig.run(5)
    assert not rig.said("StartTransaction")
    rig.hardware.plug_in(2, CAR, rig.now)
    rig.run(8)
    assert [p.connector_id for p in rig.said("StartTransaction")] == [2]


def test_one_reader_two_remote_starts_without_connector_make_two_charges() -> None:
    rig = two_connectors()
    rig.plug(connector=1)
    assert remote_start(rig, None, "FIRST") == "Accepted"
    rig.run(5)
    assert remote_start(rig, None, "SECOND") == "Accepted"
    rig.hardware.plug_in(2, CAR, rig.now)
    rig.run(8)
    assert [(p.connector_id, p.id_tag) for p in rig.said("StartTransaction")] == [(1, "FIRST"), (2, "SECOND")]
    assert not rig.said("StopTransaction")


def test_trap_63_remote_stop_twice_stops_once() -> None:
    rig = charging()
    stops = [rig.ask(messages.RemoteStopTransaction(transaction_id=501)).status for _ in range(2)]
    rig.run(2)
    assert stops == ["Accepted", "Accepted"]
    assert len(rig.said("StopTransaction")) == 1
    assert rig.ask(messages.RemoteStopTransaction(transaction_id=501)).status == "Rejected"


# --- reset -----------------------------------------------------------------------------------------------------------


@both
@pytest.mark.parametrize("kind", ["Soft", "Hard"])
def test_trap_61_the_answer_comes_first_then_the_stop_then_the_restart(model: str, kind: Any) -> None:
    """R-138."""
    rig = charging(model)
    rig.ask(messages.Reset(type=kind))
    rig.run(5)
    order = [
        "restart" if isinstance(w, sig.Restart) else "answer" if b'[3,"cs-' in w.data else "stop"
        for _, w in rig.wishes
        if isinstance(w, sig.Restart)
        or (isinstance(w, sig.SendFrame) and (b'[3,"cs-' in w.data or b"StopTransaction" in w.data))
    ]
    assert order == ["answer", "stop", "restart"]


@both
def test_trap_61_what_is_not_told_before_the_restart_is_told_after_it(model: str) -> None:
    rig = charging(model)
    rig.answers["StopTransaction"] = SILENCE
    rig.ask(messages.Reset(type="Soft"))
    rig.run(15)
    assert rig.wished(sig.Restart), "a central system that does not answer cannot hold it up"
    rig.answers.clear()
    rig.run(200)
    assert rig.last("StopTransaction").reason == "SoftReset"
    assert rig.last("StopTransaction").transaction_id == 501
    assert not any(key.startswith("outbox/") for key in rig.memory)


def test_trap_61_offline_it_restarts_at_once() -> None:
    rig = charging()
    rig.ask(messages.Reset(type="Hard"))
    rig.cut()
    rig.run(5)
    assert len(rig.wished(sig.Restart)) == 1


def test_a_reset_does_not_wait_longer_than_for_the_call_that_is_open() -> None:
    rig = idle()
    late: list[str] = []
    rig.answers["StatusNotification"] = SILENCE
    rig.plug()
    rig.ask(messages.Reset(type="Soft"))
    rig.run(1)
    assert not rig.wished(sig.Restart)
    late += [f.id for _, way, f in rig.frames if way == "sent" and getattr(f, "action", "") == "StatusNotification"]
    rig.hear(frames.write_result(late[-1], messages.StatusNotificationResponse()))
    rig.drain()
    assert rig.wished(sig.Restart)


def test_a_program_that_has_asked_for_its_restart_says_no_more() -> None:
    """The answer that comes at the very end of its patience lets nothing more go out (the rig watches)."""
    rig = charging()
    rig.answers["StatusNotification"] = SILENCE
    rig.tell(sig.FaultRaised(0, "InternalError"))
    rig.ask(messages.Reset(type="Soft"))
    rig.run(9.9)
    late = [f.id for _, way, f in rig.frames if way == "sent" and getattr(f, "action", "") == "StatusNotification"]
    rig.now += 0.2
    rig.hear(frames.write_result(late[-1], messages.StatusNotificationResponse()))
    rig.drain()
    assert rig.wished(sig.Restart)
    rig.answers.clear()
    rig.run(60)
    assert rig.calls().count("StopTransaction") == 1


# --- unlock ----------------------------------------------------------------------------------------------------------


@both
def test_trap_62_unlock_gives_up_a_badge_that_waits(model: str) -> None:
    """R-143."""
    rig = idle(model)
    rig.plug(None)
    rig.badge()
    rig.run(1)
    rig.ask(messages.UnlockConnector(connector_id=1))
    rig.run(2)
    assert rig.answer_to(f"cs-{rig.asks}", "UnlockConnector").status == "Unlocked"
    rig.unplug()
    assert not rig.said("StartTransaction")


@both
def test_trap_62_connector_0_has_no_lock(model: str) -> None:
    assert idle(model).ask(messages.UnlockConnector(connector_id=0)).status == "NotSupported"


def test_an_unlock_whose_link_is_gone_is_not_answered_on_the_next() -> None:
    rig = charging()
    rig.hardware.jam_lock(1, True)
    rig.hear(frames.write_call("lost", messages.UnlockConnector(connector_id=1)))
    rig.cut()
    rig.run(60)
    rig.mend()
    assert rig.answer_to("lost", "UnlockConnector") is None
    rig.hardware.jam_lock(1, False)
    rig.ask(messages.UnlockConnector(connector_id=1))
    rig.run(3)
    assert rig.answer_to(f"cs-{rig.asks}", "UnlockConnector").status == "Unlocked"


def test_two_unlocks_at_once_are_both_answered() -> None:
    rig = charging()
    for ident in ("one", "two"):
        rig.hear(frames.write_call(ident, messages.UnlockConnector(connector_id=1)))
    rig.run(8)
    assert {rig.answer_to(i, "UnlockConnector").status for i in ("one", "two")} == {"Unlocked", "UnlockFailed"}


# --- trigger ---------------------------------------------------------------------------------------------------------


@both
def test_tc_054_trigger_the_answer_first_then_the_message(model: str) -> None:
    """R-145: the wallbox triggers three messages, MeterValues only while charging; R-146: the Pro AC all."""
    rig = idle(model)
    pro = model == "evlink-pro-ac"
    assert trigger(rig, "Heartbeat") == "Accepted"
    assert rig.calls() == ["Heartbeat"]
    assert trigger(rig, "StatusNotification", 1) == "Accepted"
    assert trigger(rig, "StatusNotification") == "Accepted"
    assert rig.calls()[1:] == ["Available 1", "Available 0", "Available 1"]
    rig.forget()
    assert trigger(rig, "MeterValues", 1) == ("Accepted" if pro else "Rejected")
    assert trigger(rig, "DiagnosticsStatusNotification") == ("Accepted" if pro else "NotImplemented")
    assert trigger(rig, "FirmwareStatusNotification") == ("Accepted" if pro else "NotImplemented")
    assert trigger(rig, "BootNotification") == ("Rejected" if pro else "NotImplemented"), "trap 20"
    assert rig.calls() == (
        ["MeterValues", "DiagnosticsStatusNotification", "FirmwareStatusNotification"] if pro else []
    )
    assert {p.status for a in rig.calls()[1:] for p in rig.said(a)} <= {"Idle"}
    rig.charge()
    rig.forget()
    assert trigger(rig, "MeterValues") == "Accepted"
    (told,) = rig.said("MeterValues")
    assert {v.context for v in told.meter_value[0].sampled_value} == {"Trigger"}
    assert (told.connector_id, told.transaction_id) == (1, 501)
    order = [type(f).__name__ for _, way, f in rig.frames if way == "sent"]
    assert order == ["Result", "Call"]


@both
def test_tc_055_trigger_of_an_unknown_connector(model: str) -> None:
    rig = idle(model)
    assert trigger(rig, "MeterValues", 2) == "Rejected"
    assert trigger(rig, "StatusNotification", 99) == "Rejected"
    assert rig.calls() == []


@both
@pytest.mark.parametrize("connector", [-1, -7])
def test_trap_65_there_is_no_connector_below_0(model: str, connector: int) -> None:
    rig = idle(model)
    assert trigger(rig, "StatusNotification", connector) == "Rejected"
    assert trigger(rig, "MeterValues", connector) == "Rejected"
    assert available(rig, "Inoperative", connector) == "Rejected"
    assert remote_start(rig, connector) == "Rejected"
    assert rig.ask(messages.UnlockConnector(connector_id=connector)).status == "NotSupported"
    assert rig.calls() == []


@pytest.mark.parametrize("connector", [0, 1, 9])
@pytest.mark.parametrize("what", ["Heartbeat", "DiagnosticsStatusNotification", "FirmwareStatusNotification"])
def test_trap_64_of_a_message_about_no_connector_the_number_is_ignored(what: str, connector: int) -> None:
    rig = idle()
    assert trigger(rig, what, connector) == "Accepted"
    assert rig.calls() == [what]


WHERE = {None: ["Available 0", "Available 1"], 0: ["Available 0"], 1: ["Available 1"], 2: []}


@both
@pytest.mark.parametrize("connector", WHERE)
def test_5_17_a_status_of_the_station_of_one_connector_or_of_all(model: str, connector: int | None) -> None:
    """Trap 65: 0 is the station itself."""
    rig = idle(model)
    assert trigger(rig, "StatusNotification", connector) == ("Accepted" if WHERE[connector] else "Rejected")
    assert rig.calls() == WHERE[connector]


@pytest.mark.parametrize("name", PRODUCTS)
def test_5_17_each_product_is_triggered_to_what_it_can_say(name: str) -> None:
    """NotImplemented for what the product never says, Rejected for what it cannot say now."""
    rig = idle(name)
    if "TriggerMessage" not in rig.model.messages.answers:
        answer = rig.ask(messages.TriggerMessage(requested_message="Heartbeat"))
        assert (type(answer), answer.code) == (frames.Error, "NotSupported")
        return
    said = set(rig.model.messages.triggers or rig.model.messages.sends)
    for what in get_args(messages.MessageTrigger):
        expected = "Accepted" if what in said else "NotImplemented"
        only_charging = "trigger_only_charging" in rig.model.quirks and what == "MeterValues"
        if what in said and (what == "BootNotification" or only_charging):
            expected = "Rejected"
        rig.forget()
        assert trigger(rig, what) == expected, what
        assert bool(rig.said(what)) == (expected == "Accepted"), what


def test_trap_20_a_boot_that_failed_may_be_triggered_and_a_rejected_one_is_not_answered() -> None:
    rig = Rig(start=False)
    rig.answers["BootNotification"] = Refuse("InternalError")
    rig.start()
    rig.run(2)
    rig.forget()
    assert trigger(rig, "Heartbeat") == "Rejected"
    assert trigger(rig, "BootNotification") == "Accepted"
    assert rig.calls() == ["BootNotification"]
    rig = booting("Rejected")
    assert rig.ask(messages.TriggerMessage(requested_message="BootNotification")) is None


# --- data transfer ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("vendor", "message", "data", "status"), [
    ("Schneider Electric", "Locate", "{}", "Accepted"),
    ("SCHNEIDER ELECTRIC", "Locate", '{"a":[1]}', "Accepted"),
    ("Schneider Electric", "Locate", "not json", "Rejected"),
    ("Schneider Electric", "Locate", None, "Rejected"),
    ("Schneider Electric", "Dance", "{}", "UnknownMessageId"),
    ("Schneider Electric", None, "{}", "UnknownMessageId"),
    ("Somebody", "Locate", "{}", "UnknownVendorId"),
])  # fmt: skip
def test_r_237_locate(vendor: str, message: str | None, data: str | None, status: str) -> None:
    """Q-156: the Pro AC blinks; data must be JSON."""
    rig = idle()
    more: Any = {k: v for k, v in {"message_id": message, "data": data}.items() if v is not None}
    answer = rig.ask(messages.DataTransfer(vendor_id=vendor, **more))
    assert (answer.status, answer.data) == (status, msgspec.UNSET)
    blinks = [w.light for w in rig.wished(sig.ShowLight)]
    assert blinks == (["white blinking"] if status == "Accepted" else [])
    rig.run(15)
    if blinks:
        assert rig.wished(sig.ShowLight)[-1].light == "green"


def test_q_027_the_wallbox_knows_no_data_transfer() -> None:
    """The one of the family is of City only."""
    answer = idle("evlink-smart-wallbox").ask(
        messages.DataTransfer(vendor_id="Schneider Electric", message_id="Locate")
    )
    assert answer.status == "UnknownVendorId"


def test_p9_what_could_not_be_promised_does_not_happen_later() -> None:
    rig = idle()
    rig.plug()
    rig.disk = False
    rig.own(MeterValueSampleInterval="60")
    rig.forget()
    rig.hear(frames.write_call("start", messages.RemoteStartTransaction(id_tag=TAG)))
    rig.drain()
    assert rig.answer_to("start", "RemoteStartTransaction") is None, "it waits for the disk"
    rig.tell(sig.NotRemembered("no space left on device"))
    assert rig.answer_to("start", "RemoteStartTransaction").code == "InternalError"
    rig.disk = True
    rig.write()
    rig.run(20)
    assert not rig.said("Authorize")
    assert not rig.power()
