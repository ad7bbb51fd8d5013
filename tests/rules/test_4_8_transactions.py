"""OCPP 1.6, 4.8 StartTransaction, 4.10 StopTransaction and 3.7 transaction messages; traps 32 to 42; Q-152, Q-185."""

import itertools
from collections.abc import Callable

import msgspec
import pytest

from chargepost import signals as sig
from chargepost.drivers import outlet
from chargepost.ocpp import frames, messages
from tests.rules.rig import ACCEPTED, CAR, SILENCE, TAG, Refuse, Rig, info

MODELS = ["evlink-pro-ac", "evlink-smart-wallbox"]
both = pytest.mark.parametrize("model", MODELS)
START_ANSWER = messages.StartTransactionResponse(transaction_id=77, id_tag_info=ACCEPTED)


def charging(model: str = "evlink-pro-ac", **settings: str) -> Rig:
    rig = Rig(model, register_wh=1234.9)
    rig.own(**settings)
    rig.run(2)
    rig.charge()
    rig.forget()
    return rig


def refused(status: str = "Invalid", number: int = 55) -> messages.StartTransactionResponse:
    return messages.StartTransactionResponse(transaction_id=number, id_tag_info=info(status))


def gaps(rig: Rig, action: str) -> list[int]:
    return [round(b - a) for a, b in itertools.pairwise(rig.said_at(action))]


# --- reasons ---------------------------------------------------------------------------------------------------------


def by_group(rig: Rig) -> None:
    tx = rig.station.connectors[0].transaction
    assert tx
    tx.parent = "GROUP"
    rig.answers["Authorize"] = messages.AuthorizeResponse(id_tag_info=info(parent="group"))
    rig.badge("COLLEAGUE")


def remotely(rig: Rig) -> None:
    running = rig.view.transaction
    assert running
    rig.ask(messages.RemoteStopTransaction(transaction_id=running.transaction or 0))


def refused_late(rig: Rig) -> None:
    """A charge begun offline that the central system does not want."""
    rig.badge()
    rig.run(2)
    rig.unplug()
    rig.forget()
    rig.answers["StartTransaction"] = refused()
    rig.plug()
    rig.badge()


def by_self(rig: Rig) -> None:
    rig.tell(sig.StopAsked(1, "Reboot"))


REASONS: dict[str, tuple[str, Callable[[Rig], object]]] = {
    "its badge": ("Local", lambda rig: rig.badge()),
    "its group": ("Local", by_group),
    "the stop button": ("Local", lambda rig: rig.tell(sig.ButtonPressed("stop"))),
    "the car": ("EVDisconnected", lambda rig: rig.hardware.unplug_car(1, rig.now)),
    "remote stop": ("Remote", remotely),
    "unlock": ("UnlockCommand", lambda rig: rig.ask(messages.UnlockConnector(connector_id=1))),
    "soft reset": ("SoftReset", lambda rig: rig.ask(messages.Reset(type="Soft"))),
    "hard reset": ("HardReset", lambda rig: rig.ask(messages.Reset(type="Hard"))),
    "refused start": ("DeAuthorized", refused_late),
    "emergency stop": ("EmergencyStop", lambda rig: rig.tell(sig.ButtonPressed("emergency_stop"))),
    "a fault": ("Other", lambda rig: rig.tell(sig.FaultRaised(1, "GroundFailure"))),
    "asked for": ("Reboot", by_self),
    "factory settings": ("Reboot", lambda rig: rig.tell(sig.Restored())),
}
"""What ends a charge -> the reason told. PowerLoss stands in test_power_cut.py."""


@both
@pytest.mark.parametrize("cause", REASONS)
def test_7_36_reason(model: str, cause: str) -> None:
    rig = charging(model)
    reason, act = REASONS[cause]
    act(rig)
    rig.run(20)
    (stop,) = rig.said("StopTransaction")
    assert stop.reason == reason
    assert not rig.power()
    (record,) = list(rig.records.values())[-1:]
    assert (record.reason, record.stop_wh) == (reason, stop.meter_stop)


def test_7_36_a_stop_names_the_badge_that_stopped_it_and_no_other() -> None:
    rig = charging()
    by_group(rig)
    assert rig.last("StopTransaction").id_tag == "COLLEAGUE"
    rig = charging()
    remotely(rig)
    rig.run(2)
    assert rig.last("StopTransaction").id_tag is msgspec.UNSET


def test_an_emergency_stop_holds_the_station_until_it_is_released() -> None:
    rig = charging()
    rig.tell(sig.ButtonPressed("emergency_stop"))
    rig.run(3)
    assert (rig.statuses(0)[-1], rig.statuses(1)[-1]) == ("Faulted", "Faulted")
    rig.badge("OTHER")
    rig.run(5)
    assert not rig.power()
    rig.tell(sig.ButtonPressed("emergency_stop", False))
    rig.run(1)
    assert (rig.statuses(0)[-1], rig.statuses(1)[-1]) == ("Available", "Finishing")


# --- what is told ----------------------------------------------------------------------------------------------------


@both
def test_trap_37_meter_values_are_whole_wh_of_the_register(model: str) -> None:
    rig = charging(model)
    rig.run(120)
    rig.badge()
    rig.run(2)
    stop = rig.last("StopTransaction")
    (record,) = rig.records.values()
    assert record.start_wh == 1234
    assert stop.meter_stop == record.stop_wh == int(rig.register_wh) > 1500
    assert record.duration_s == pytest.approx(record.stop_utc_s - record.start_utc_s, abs=0.01)
    assert (record.transaction, record.delivered, record.id_tag) == (501, True, TAG)


@both
def test_starts_never_share_a_time_stamp_whatever_the_clock_does(model: str) -> None:
    """The time stamp is part of what makes a start recognisable when it is told again."""
    rig = charging(model)
    for _ in range(3):
        rig.badge()
        rig.run(2)
        rig.unplug()
        rig.tell(sig.ClockSet(rig.station.core.utc(rig.now) - 7200, "somebody"))
        rig.charge()
    stamps = [p.timestamp for p in rig.said("StartTransaction")]
    assert len(stamps) == 3
    assert stamps == sorted(set(stamps))
    rig.badge()
    rig.run(2)
    assert all(r.duration_s < 30 and r.stop_utc_s >= r.start_utc_s for r in rig.records.values())


def test_a_clock_step_does_not_change_a_duration() -> None:
    rig = charging()
    rig.tell(sig.ClockSet(rig.station.core.utc(rig.now) + 86400, "somebody"))
    rig.run(10)
    rig.badge()
    rig.run(2)
    (record,) = rig.records.values()
    assert record.duration_s < 40


@both
def test_a_silent_meter_at_the_start_does_not_let_the_register_fall(model: str) -> None:
    rig = charging(model)
    rig.badge()
    rig.run(2)
    rig.unplug()
    rig.hardware.mute_meter(1, True)
    rig.charge(seconds=4)
    first = next(iter(rig.records.values()))
    assert rig.last("StartTransaction").meter_start >= first.stop_wh


@both
def test_a_silent_meter_at_the_end_tells_the_last_reading(model: str) -> None:
    rig = charging(model, MeterValueSampleInterval="15")
    rig.run(60)
    rig.hardware.mute_meter(1, True)
    rig.badge()
    rig.run(5)
    stop = rig.last("StopTransaction")
    assert 1300 < stop.meter_stop <= int(rig.register_wh)


def test_trap_52_the_end_is_there_though_the_meter_is_silent() -> None:
    """As far as it is known: the register that meterStop says."""
    energy = "Energy.Active.Import.Register"
    rig = charging(MeterValueSampleInterval="15", StopTxnSampledData=f"Voltage.L1,{energy}")
    rig.run(60)
    rig.hardware.mute_meter(1, True)
    rig.badge()
    rig.run(5)
    stop = rig.last("StopTransaction")
    (last,) = stop.transaction_data[-1].sampled_value
    assert (last.context, last.measurand, last.value) == ("Transaction.End", energy, str(stop.meter_stop))


# --- on disk first ---------------------------------------------------------------------------------------------------


@both
def test_p_order_on_disk_before_the_contactor_closes(model: str) -> None:
    rig = Rig(model)
    rig.run(2)
    rig.disk = False
    rig.plug()
    rig.badge()
    rig.run(30)
    assert not rig.power()
    assert not rig.said("StartTransaction")
    rig.disk = True
    rig.write()
    rig.run(1)
    assert rig.power()


@both
def test_p7_no_new_charge_while_the_disk_refuses(model: str) -> None:
    rig = Rig(model)
    rig.run(2)
    rig.disk = False
    rig.own(MeterValueSampleInterval="60")
    rig.tell(sig.NotRemembered("no space left on device"))
    rig.plug()
    rig.badge()
    rig.run(20)
    assert rig.view.status == "Faulted"
    assert not rig.said("StartTransaction")
    rig.disk = True
    rig.write()
    rig.run(20)
    assert rig.view.status != "Faulted"


@both
def test_p7_while_the_disk_refuses_each_request_is_answered_and_nothing_promised(model: str) -> None:
    """What needs no disk is answered as ever, and Heartbeats go on; what would have to be kept is an InternalError."""
    rig = Rig(model)
    rig.run(2)
    rig.disk = False
    rig.tell(sig.NotRemembered("no space left on device"))
    rig.forget()
    assert rig.ask(messages.GetConfiguration(key=("HeartbeatInterval",))).configuration_key
    refused = rig.ask(messages.ChangeConfiguration(key="MeterValueSampleInterval", value="77"))
    assert refused.code == "InternalError"
    rig.run(400)
    assert rig.said("Heartbeat")
    rig.disk = True
    rig.write()
    rig.run(1)
    assert rig.change("MeterValueSampleInterval", "78") == "Accepted"


# --- the queue -------------------------------------------------------------------------------------------------------


def failing(answer: object, **settings: str) -> Rig:
    """A charge whose start the central system fails to process."""
    rig = Rig()
    rig.own(**settings)
    rig.run(2)
    rig.answers["StartTransaction"] = answer
    rig.forget()
    rig.charge()
    return rig


@pytest.mark.parametrize("answer", [Refuse("InternalError"), SILENCE], ids=["callerror", "silence"])
def test_3_7_1_attempts_and_interval(answer: object) -> None:
    """R-099: sent at 0, after the interval, after twice the interval; then given up and the rest goes on with -1."""
    rig = failing(answer, TransactionMessageAttempts="3", TransactionMessageRetryInterval="60",
                  MeterValueSampleInterval="30")  # fmt: skip
    rig.run(300)
    assert len(rig.said("StartTransaction")) == 3
    time_out_s = 10 if answer is SILENCE else 0
    assert gaps(rig, "StartTransaction") == [60 + time_out_s, 120 + time_out_s]
    assert len({p.timestamp for p in rig.said("StartTransaction")}) == 1
    assert {p.transaction_id for p in rig.said("MeterValues")} == {-1}
    rig.badge()
    rig.run(5)
    assert rig.last("StopTransaction").transaction_id == -1
    (record,) = rig.records.values()
    assert not record.delivered, "Q-185: the central system knows nothing of it"


def test_3_7_1_the_interval_grows_as_long_as_attempts_are_counted() -> None:
    """Attempt n waits n times the interval, however long that is: only an endless row has a longest wait."""
    rig = failing(Refuse(), TransactionMessageAttempts="5", TransactionMessageRetryInterval="300")
    rig.run(4000)
    assert gaps(rig, "StartTransaction") == [300, 600, 900, 1200]


@pytest.mark.parametrize("attempts", ["1"])
def test_q_185_one_attempt_is_one_send(attempts: str) -> None:
    rig = failing(Refuse(), TransactionMessageAttempts=attempts, TransactionMessageRetryInterval="10")
    rig.run(300)
    assert len(rig.said("StartTransaction")) == 1


def test_r_102_zero_attempts_have_no_end_and_wait_longer_each_time() -> None:
    """Q-152: the Pro AC keeps trying with a growing back-off, at most ten minutes apart."""
    rig = failing(Refuse(), TransactionMessageAttempts="0", TransactionMessageRetryInterval="60")
    rig.run(6 * 3600)
    found = gaps(rig, "StartTransaction")
    assert found[:4] == [60, 120, 180, 240]
    assert max(found) == 600
    assert len(found) > 30
    rig.answers["StartTransaction"] = START_ANSWER
    rig.run(601)
    assert rig.view.transaction
    assert rig.view.transaction.transaction == 77


def test_q_152_an_interval_of_0_is_no_tight_loop() -> None:
    rig = failing(Refuse(), TransactionMessageAttempts="0", TransactionMessageRetryInterval="0")
    rig.run(60)
    assert len(rig.said("StartTransaction")) < 15


def test_q_185_time_offline_and_a_lost_link_do_not_count() -> None:
    rig = failing(SILENCE, TransactionMessageAttempts="3", TransactionMessageRetryInterval="20")
    for _ in range(4):
        rig.cut()
        rig.run(100)
        rig.reachable = True
        while not rig.connected:
            rig.run(1)
        rig.run(5)
    assert len(rig.said("StartTransaction")) == 5
    rig.answers["StartTransaction"] = START_ANSWER
    rig.mend()
    assert rig.view.transaction
    assert rig.view.transaction.transaction == 77


def test_q_185_silence_on_a_dead_link_does_not_count() -> None:
    """A peer that answers neither message nor ping is not there: the link is left, the message stays."""
    rig = failing(START_ANSWER, TransactionMessageAttempts="1", TransactionMessageRetryInterval="5")
    rig.pongs = False
    rig.answers = dict.fromkeys(["StopTransaction", "StatusNotification", "Heartbeat"], SILENCE)
    rig.badge()
    rig.run(60)
    assert rig.wished(sig.HangUp)
    assert any(key.startswith("outbox/") for key in rig.memory)
    rig.pongs = True
    rig.answers.clear()
    rig.forget()
    rig.run(100)
    assert rig.last("StopTransaction").transaction_id == 77
    assert all(r.delivered for r in rig.records.values())


def test_3_7_order_is_kept_and_other_messages_overtake() -> None:
    rig = failing(Refuse(), TransactionMessageAttempts="5", TransactionMessageRetryInterval="60",
                  MeterValueSampleInterval="10")  # fmt: skip
    rig.run(25)
    rig.badge()
    rig.run(2)
    rig.unplug()
    assert rig.calls() == ["Preparing 1", "Authorize", "StartTransaction", "Charging 1", "Finishing 1", "Available 1"]
    rig.answers["StartTransaction"] = START_ANSWER
    rig.forget()
    rig.run(60)
    assert rig.calls() == ["StartTransaction", "MeterValues", "MeterValues", "MeterValues", "StopTransaction"]
    assert {p.transaction_id for p in rig.said("MeterValues")} == {77}
    assert rig.last("StopTransaction").transaction_id == 77


def test_trap_36_a_stop_waits_for_the_number_of_its_start() -> None:
    rig = failing(SILENCE, WebsocketRequestTimeout="60")
    rig.badge()
    rig.run(2)
    assert not rig.said("StopTransaction")
    ident = next(f.id for _, way, f in rig.frames if way == "sent" and getattr(f, "action", "") == "StartTransaction")
    rig.hear(frames.write_result(ident, messages.StartTransactionResponse(transaction_id=-5, id_tag_info=ACCEPTED)))
    rig.drain()
    rig.run(1)
    assert rig.last("StopTransaction").transaction_id == -5, "any integer is a number"


def test_a_start_answered_without_sense_is_a_failure_and_not_the_end() -> None:
    """No idTagInfo: not processed; the charge goes on and the start is told again."""
    rig = Rig()
    rig.own(TransactionMessageAttempts="3", TransactionMessageRetryInterval="5")
    rig.run(2)
    rig.answers["StartTransaction"] = messages.StopTransactionResponse()
    rig.charge()
    assert rig.power()
    rig.answers["StartTransaction"] = START_ANSWER
    rig.run(10)
    assert rig.view.transaction
    assert rig.view.transaction.transaction == 77


# --- refused starts --------------------------------------------------------------------------------------------------


@both
@pytest.mark.parametrize("status", ["Invalid", "Blocked", "Expired", "ConcurrentTx"])
def test_8_4_a_refused_start_is_stopped(model: str, status: str) -> None:
    """R-088: StopTransactionOnInvalidId true."""
    rig = Rig(model)
    rig.run(2)
    rig.answers["StartTransaction"] = refused(status)
    rig.plug()
    rig.badge()
    rig.run(5)
    assert (rig.last("StopTransaction").reason, rig.last("StopTransaction").transaction_id) == ("DeAuthorized", 55)
    assert not rig.power()
    assert rig.view.status == "Finishing"
    assert rig.locked()


def test_8_4_a_refused_start_with_the_key_false_is_paused_and_kept() -> None:
    rig = Rig(settings={"StopTransactionOnInvalidId": "false"})
    rig.run(2)
    rig.answers["StartTransaction"] = refused()
    rig.plug()
    rig.badge()
    rig.run(5)
    assert rig.view.status == "SuspendedEVSE"
    assert not rig.said("StopTransaction")
    before_wh = rig.register_wh
    rig.power_cycle()
    rig.run(900)
    assert (rig.view.status, rig.register_wh) == ("SuspendedEVSE", before_wh), "also after a power cut"
    assert rig.ask(messages.RemoteStopTransaction(transaction_id=55)).status == "Accepted"


@pytest.mark.parametrize("cut", [False, True], ids=["", "through a power cut"])
def test_8_4_max_energy_on_invalid_id(cut: bool) -> None:
    """Blocked badges get so much and no more, whatever happens in between."""
    rig = Rig()
    rig.own(StopTransactionOnInvalidId="false", MaxEnergyOnInvalidId="100", RestoreTimeout="10")
    rig.run(2)
    rig.answers["StartTransaction"] = refused()
    rig.plug()
    rig.badge()
    rig.run(5)
    assert rig.power()
    if cut:
        rig.power_cycle()
    rig.run(3600)
    assert rig.view.status == "SuspendedEVSE"
    assert 95 <= rig.register_wh <= 101
    assert not rig.said("StopTransaction")


def test_8_4_a_start_refused_after_the_charge_is_over_only_teaches_the_cache() -> None:
    rig = Rig(settings={"AuthorizationCacheEnabled": "true", "LocalAuthorizeOffline": "true"})
    rig.run(2)
    rig.cut()
    rig.charge()
    rig.badge()
    rig.run(2)
    rig.unplug()
    rig.answers["StartTransaction"] = refused("Blocked")
    rig.mend()
    assert len(rig.said("StopTransaction")) == 1
    assert rig.station.authorization.cache[TAG.casefold()].status == "Blocked"
    rig.cut()
    rig.plug()
    rig.badge()
    rig.run(5)
    assert not rig.power(), "and offline it is refused"


# --- conditions of a start -------------------------------------------------------------------------------------------


@both
def test_4_8_no_transaction_without_a_car(model: str) -> None:
    rig = Rig(model)
    rig.run(2)
    rig.plug(None)
    rig.badge()
    rig.run(200)
    assert not rig.said("StartTransaction")


@both
def test_4_8_no_transaction_before_the_cable_is_locked(model: str) -> None:
    rig = Rig(model)
    rig.run(2)
    rig.charge()
    locked_at = next(t for t, w in rig.wishes if isinstance(w, sig.LockCable) and w.locked)
    power_at = next(t for t, w in rig.wishes if isinstance(w, sig.SwitchPower) and w.on)
    assert locked_at < power_at
    assert not rig.hardware.unplug(1, rig.now)


@both
def test_4_8_a_slow_lock_is_waited_for(model: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also when the car asks for power long before."""
    monkeypatch.setattr(outlet, "LOCK_S", 3.0)
    rig = Rig(model)
    rig.run(2)
    rig.forget()
    rig.plug()
    rig.badge()
    at = rig.now - 1
    rig.run(10)
    assert rig.said_at("StartTransaction")[0] >= at + 3


@pytest.mark.parametrize("fault", [True, False], ids=["fault", "no car"])
def test_4_8_no_transaction_begins_paused_where_none_could_begin(fault: bool) -> None:
    """A station derated to nothing begins paused (B5), but not without a car and not with a fault."""
    rig = Rig("evlink-smart-wallbox")
    rig.own(maxIntensitySocket="0", ConnectionTimeOut="0")
    rig.run(2)
    rig.badge()
    if fault:
        rig.tell(sig.FaultRaised(1, "5"))
    rig.plug(CAR if fault else None)
    rig.run(20)
    assert not rig.said("StartTransaction")


@both
def test_a_car_that_does_not_ask_is_waited_for_only_so_long(model: str) -> None:
    rig = Rig(model)
    rig.run(2)
    rig.plug(msgspec.structs.replace(CAR, asleep=True))
    rig.badge()
    rig.run(3)
    assert not rig.said("StartTransaction")
    rig.run(5)
    assert rig.said("StartTransaction")
    assert rig.view.status == "SuspendedEV"
    assert not rig.power()
    rig.hardware.pulse_pilot(1, rig.now)
    rig.run(5)
    assert rig.power()


@both
@pytest.mark.parametrize("number", [0, -7, 2**31 - 1, -(2**31)])
def test_e_3_54_any_integer_is_a_number_also_one_that_comes_late(model: str, number: int) -> None:
    """0 and negatives too (trap 36), in what is told live, in what waited for the number, and in a remote stop."""
    rig = Rig(model)
    rig.own(MeterValueSampleInterval="15", AllowOfflineTxForUnknownId="true", LocalAuthorizeOffline="true")
    rig.run(2)
    rig.answers["StartTransaction"] = messages.StartTransactionResponse(transaction_id=number, id_tag_info=ACCEPTED)
    rig.cut()
    rig.charge(seconds=50)
    rig.mend_at_once()
    rig.run(20)
    assert rig.ask(messages.RemoteStopTransaction(transaction_id=number)).status == "Accepted"
    rig.run(5)
    assert {p.transaction_id for p in rig.said("MeterValues")} == {number}
    assert len(rig.said("MeterValues")) >= 4
    assert (rig.last("StopTransaction").transaction_id, rig.last("StopTransaction").reason) == (number, "Remote")


@pytest.mark.parametrize("answer", [
    {"transactionId": "9", "idTagInfo": {"status": "Accepted"}},
    {"transactionId": 9.0, "idTagInfo": {"status": "Accepted", "expiryDate": None}},
    {"transactionId": 9, "idTagInfo": {"status": "Accepted", "name": "Ann"}, "more": {"x": [1]}},
])  # fmt: skip
def test_a_start_whose_answer_is_oddly_written_is_answered_all_the_same(answer: object) -> None:
    """What can only mean one thing is taken: a station that asked again would be billed twice by some."""
    rig = failing(answer, MeterValueSampleInterval="10")
    rig.run(30)
    assert len(rig.said("StartTransaction")) == 1
    assert {p.transaction_id for p in rig.said("MeterValues")} == {9}


@pytest.mark.parametrize("answer", [
    {}, {"transactionId": 9}, {"idTagInfo": {"status": "Accepted"}}, [], "yes", None,
    {"TransactionId": 9, "idTagInfo": {"status": "Accepted"}},
])  # fmt: skip
def test_a_start_whose_answer_is_none_is_told_again_and_the_charge_goes_on(answer: object) -> None:
    rig = failing(answer, TransactionMessageAttempts="3", TransactionMessageRetryInterval="20")
    rig.run(5)
    rig.answers["StartTransaction"] = START_ANSWER
    rig.run(30)
    assert gaps(rig, "StartTransaction") == [20]
    assert rig.power()
    assert rig.view.transaction
    assert rig.view.transaction.transaction == 77
