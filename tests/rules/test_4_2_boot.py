"""OCPP 1.6, 4.2 BootNotification and 4.6 Heartbeat; traps 11 to 20; cases TC_001, TC_002."""

import itertools
from typing import Any

import pytest

from chargepost import signals as sig
from chargepost.ocpp import frames, messages
from chargepost.station.transactions import _next_sample
from tests.rules.rig import EPOCH_UTC_S, SILENCE, Refuse, Rig, utc

MODELS = ["evlink-pro-ac", "evlink-smart-wallbox"]


def boot(status: Any, interval: int = 30) -> object:
    return lambda rig, _: messages.BootNotificationResponse(status=status, current_time=utc(rig), interval=interval)


@pytest.mark.parametrize("model", MODELS)
def test_4_2_boot_comes_first_then_the_status_of_0_and_every_connector(model: str) -> None:
    rig = Rig(model)
    rig.run(5)
    assert rig.calls() == ["BootNotification", "Available 0", "Available 1"]


def test_tc_001_rejected_says_nothing_until_the_interval_is_over() -> None:
    rig = Rig(start=False)
    rig.answers["BootNotification"] = boot("Rejected", 30)
    rig.start()
    rig.plug()
    rig.run(28)
    assert rig.calls() == ["BootNotification"]
    assert rig.ask(messages.GetConfiguration()) is None, "Rejected: no answers either (trap 16)"
    del rig.answers["BootNotification"]
    rig.run(5)
    assert rig.calls() == ["BootNotification", "BootNotification", "Available 0", "Preparing 1"]


def test_tc_002_pending_answers_requests_but_not_remote_start() -> None:
    rig = Rig(start=False)
    rig.answers["BootNotification"] = boot("Pending", 60)
    rig.start()
    rig.run(5)
    changed = rig.ask(messages.ChangeConfiguration(key="MeterValueSampleInterval", value="45"))
    assert changed.status == "Accepted"
    assert rig.ask(messages.RemoteStartTransaction(id_tag="A")).status == "Rejected"
    assert rig.ask(messages.RemoteStopTransaction(transaction_id=1)).status == "Rejected"
    assert rig.calls() == ["BootNotification"]
    rig.answers.clear()
    rig.run(60)
    assert rig.calls()[1:] == ["BootNotification", "Available 0", "Available 1"]


@pytest.mark.parametrize("answer", [SILENCE, Refuse("InternalError")], ids=["silence", "callerror"])
def test_trap_17_a_boot_without_a_good_answer_is_tried_again_and_never_falls_through(answer: object) -> None:
    rig = Rig(settings={"ResendBootNotificationInterval": "40"}, start=False)
    rig.answers["BootNotification"] = answer
    rig.start()
    rig.run(35)
    assert set(rig.calls()) == {"BootNotification"}
    rig.answers.clear()
    rig.run(60)
    assert rig.calls()[-2:] == ["Available 0", "Available 1"]
    gap = rig.said_at("BootNotification")[1] - rig.said_at("BootNotification")[0]
    assert gap >= 40, "R-062: ResendBootNotificationInterval"


def test_4_2_the_clock_comes_from_the_central_system() -> None:
    rig = Rig(start=False)
    rig.answers["BootNotification"] = lambda r, _: messages.BootNotificationResponse(
        status="Accepted", current_time=utc(r).replace(year=2031), interval=0
    )
    rig.start()
    rig.run(1)
    assert rig.said("StatusNotification")[0].timestamp.year == 2031


def test_4_6_heartbeat_after_the_interval_of_silence_and_not_when_other_traffic_proves_life() -> None:
    rig = Rig(start=False)
    rig.answers["BootNotification"] = boot("Accepted", 30)
    rig.start()
    rig.run(95)
    beats = rig.said_at("Heartbeat")
    assert len(beats) == 3
    assert {round(b - a) for a, b in itertools.pairwise(beats)} == {30}
    rig.forget()
    rig.run(20)
    rig.plug()  # a StatusNotification proves life
    at = rig.said_at("StatusNotification")[-1]
    rig.run(35)
    assert [round(b - at) for b in rig.said_at("Heartbeat")] == [30]


def test_4_6_a_changed_heartbeat_interval_acts_at_once() -> None:
    rig = Rig()
    rig.run(1)
    assert rig.ask(messages.ChangeConfiguration(key="HeartbeatInterval", value="10")).status == "Accepted"
    rig.run(31)
    assert len(rig.said("Heartbeat")) >= 2


def test_trap_11_a_mere_reconnect_sends_no_boot_but_what_changed() -> None:
    rig = Rig()
    rig.run(5)
    rig.forget()
    rig.cut()
    rig.plug()
    rig.mend()
    assert rig.calls()[0] == "Preparing 1"
    assert "BootNotification" not in rig.calls()


def test_j_3_a_peer_that_agrees_to_no_version_is_left() -> None:
    rig = Rig(start=False)
    rig.reachable = False
    rig.start()
    rig.tell(sig.LinkUp(""))
    assert isinstance(rig.wishes[-1][1], sig.HangUp)
    assert not rig.said("BootNotification")


def test_j_5_3_half_open_is_found_within_two_ping_intervals() -> None:
    rig = Rig(settings={"WebSocketPingInterval": "30"})
    rig.run(100)
    rig.pongs = False
    rig.answers = dict.fromkeys(["Heartbeat", "StatusNotification"], SILENCE)
    before = rig.now
    rig.run(61)
    hung_up = [t for t, w in rig.wishes if isinstance(w, sig.HangUp)]
    assert len(hung_up) == 1
    assert hung_up[0] - before <= 60


def test_j_4_1_4_message_ids_never_repeat_across_restarts() -> None:
    rig = Rig()
    rig.run(5)
    rig.power_cycle()
    rig.run(5)
    ids = [f.id for _, way, f in rig.frames if way == "sent" and isinstance(f, frames.Call)]
    assert len(ids) == len(set(ids)) >= 6
    assert all(len(i) <= 36 for i in ids)


def test_j_4_1_1_one_call_at_a_time_and_answers_while_it_is_open() -> None:
    rig = Rig()
    rig.run(2)
    rig.answers["StatusNotification"] = SILENCE
    rig.plug()
    rig.badge()
    open_calls = len([f for _, way, f in rig.frames if way == "sent" and isinstance(f, frames.Call)])
    assert rig.calls()[-1] == "Preparing 1"
    assert rig.ask(messages.GetConfiguration(key=("HeartbeatInterval",))).configuration_key
    assert len([f for _, way, f in rig.frames if way == "sent" and isinstance(f, frames.Call)]) == open_calls


def test_j_4_2_late_and_foreign_answers_are_ignored_and_logged() -> None:
    rig = Rig()
    rig.run(2)
    rig.forget()
    rig.hear(frames.write_result("nobody-asked", messages.HeartbeatResponse(current_time=utc(rig))))
    rig.drain()
    assert not rig.frames
    assert [n.event for n in rig.wished(sig.Note)] == ["frame ignored"]


def test_r_061_serial_numbers_are_cut_only_when_the_key_says_so() -> None:
    rig = Rig("evlink-smart-wallbox", tolerant=True)
    rig.run(1)
    assert len(rig.said("BootNotification")[0].charge_box_serial_number) > 25
    asked = messages.ChangeConfiguration(key="truncateBootNotificationsSerialNumbers", value="true")
    assert rig.ask(asked).status in ("Accepted", "RebootRequired")
    rig.power_cycle()
    rig.run(1)
    assert len(rig.said("BootNotification")[-1].charge_box_serial_number) == 25


def test_4_6_a_heartbeat_due_at_an_instant_that_rounds_badly_is_sent_and_not_set_anew() -> None:
    rig = Rig(start=False)
    rig.answers["BootNotification"] = boot("Accepted", 7)
    rig.now = 1000.1 + 0.2  # a sum that floating point does not hold exactly
    rig.start()
    rig.run(70)
    assert len(rig.said("Heartbeat")) in (9, 10)


def test_at_another_speed_the_date_of_a_peer_does_not_throw_ours_back_and_it_has_its_own_seconds_to_answer() -> None:
    rig = Rig(settings={"WebsocketRequestTimeout": "10", "WebSocketPingInterval": "0"}, start=False)
    rig.answers["BootNotification"] = lambda r, _: messages.BootNotificationResponse(
        status="Accepted", current_time=utc(r).replace(year=2001), interval=300
    )
    rig.station.handle(sig.Started(EPOCH_UTC_S + rig.now, speed=60), rig.now)
    rig.hardware.tell_again()
    rig.run(5)
    assert rig.said("StatusNotification")[0].timestamp.year == 2023
    rig.answers["StatusNotification"] = SILENCE
    rig.forget()
    rig.plug()
    rig.run(500)
    assert rig.calls() == ["Preparing 1"], "ten seconds of the peer are ten minutes here"
    rig.answers.clear()
    rig.run(150)
    assert len(rig.calls()) > 1


def test_3_16_the_next_sample_is_always_later_than_now() -> None:
    for thousandths in range(0, 5000, 7):
        started_at = thousandths / 1000 + 0.1
        for steps in (1, 3, 7, 61):
            now = started_at + steps * 0.1 * 10
            assert now < _next_sample(started_at, 1, now) <= now + 1.001
