"""Conformance 4, booting and malformed input: what the suites of other stacks add about the begin of a conversation."""

import itertools
from collections.abc import Callable
from typing import Any

from chargepost.ocpp import frames, messages
from tests.rules.conformance.case import RESTART_S, Case, covers
from tests.rules.rig import ACCEPTED, SILENCE, TAG, Refuse

INTERVAL_S = 60


def until_booted(case: Case) -> None:
    case.expect("BootNotification", within_s=4 * RESTART_S)
    case.expect_statuses("Available")


@covers("boot.unfinished_transaction")
def test_an_unfinished_transaction_is_closed_after_a_crash(case: Case) -> None:
    """3.7, 4.10: PowerLoss, unless the product goes on with it."""
    case.booted()
    number = case.charging()
    case.hands.power_cycle()
    case.expect("BootNotification", within_s=RESTART_S)
    power = case.model.after_power_cut
    if power.resumes:
        case.expect_any_statuses()
        soon_s = float(case.setting(power.delay_key)) + 15
        case.expect("Charging 1", within_s=soon_s, perhaps=("SuspendedEVSE 1", "SuspendedEV 1"))
        case.deviates("goes on with the charge after a power cut", power.source)
        assert case.stop().transaction_id == number
        return
    stop = case.expect("StopTransaction", reason="PowerLoss", perhaps=statuses(case))
    assert stop.transaction_id == number
    case.forget()


def statuses(case: Case) -> list[str]:
    return [f"{status} {number}" for number in (0, *case.connectors) for status in ("Available", "Finishing")]


@covers("boot.pending_remote_start_stop")
def test_while_pending_nothing_is_started_or_stopped_remotely(case: Case) -> None:
    """4.2: Rejected."""
    case.booting("Pending", INTERVAL_S)
    case.bench.start()
    case.expect("BootNotification", within_s=RESTART_S)
    case.wait(1)
    case.asked(messages.RemoteStartTransaction(id_tag=TAG, connector_id=1), "Rejected")
    case.asked(messages.RemoteStopTransaction(transaction_id=1), "Rejected")
    case.nothing(INTERVAL_S - 10)
    case.booting("Accepted", 300)
    until_booted(case)


def refused_boot(case: Case, answer: object) -> None:
    """Until it is answered well, it is tried again, and nothing else is said."""
    case.answers["BootNotification"] = answer
    case.bench.start()
    case.expect("BootNotification", within_s=RESTART_S)
    first = case.at
    case.expect("BootNotification", within_s=10 * RESTART_S)
    assert case.at > first
    del case.answers["BootNotification"]
    case.expect("BootNotification", within_s=10 * RESTART_S)
    case.expect_statuses("Available")


@covers("boot.rejected_then_accepted")
def test_a_rejected_boot_is_tried_again_after_the_interval(case: Case) -> None:
    """4.2: the interval holds on a new connection too."""
    case.booting("Rejected", 4 * INTERVAL_S)
    case.bench.start()
    case.expect("BootNotification", within_s=RESTART_S)
    first = case.at
    case.booting("Accepted", 300)
    case.hands.cut_link()
    case.hands.mend_link()
    case.wait(5)
    until_booted(case)
    assert case.said_at("BootNotification")[-1] - first >= 4 * INTERVAL_S


@covers("boot.callerror")
def test_a_boot_answered_with_a_callerror_is_tried_again(case: Case) -> None:
    """4.2, traps 17"""
    refused_boot(case, Refuse("InternalError"))


@covers("boot.no_answer")
def test_a_boot_that_nobody_answers_is_tried_again(case: Case) -> None:
    """4.2, traps 17"""
    refused_boot(case, SILENCE)


@covers("boot.pending_triggers")
def test_while_pending_what_is_triggered_is_sent(case: Case) -> None:
    """4.2, 5.17"""
    case.booting("Pending", 10 * INTERVAL_S)
    case.bench.start()
    case.expect("BootNotification", within_s=RESTART_S)
    case.wait(1)
    can = case.model.messages.triggers or case.model.messages.sends
    for name in ("StatusNotification", "Heartbeat", "BootNotification"):
        if name in can:
            case.asked(messages.TriggerMessage(requested_message=name))
            case.expect("StatusNotification" if name == "StatusNotification" else name)
            case.wait(2)
            case.forget()
    case.needs("TriggerMessage" in case.model.messages.answers, "TriggerMessage is none of its messages")


@covers("boot.rejected_answers_nothing")
def test_while_rejected_no_request_is_answered(case: Case) -> None:
    """4.2, trap 16"""
    case.booting("Rejected", INTERVAL_S)
    case.bench.start()
    case.expect("BootNotification", within_s=RESTART_S)
    case.wait(1)
    assert case.ask(messages.GetConfiguration(), within_s=5) is None
    case.booting("Accepted", 300)
    until_booted(case)


@covers("boot.configuration_stays")
def test_a_changed_key_is_still_changed_after_a_restart(case: Case) -> None:
    """5.3, 9"""
    case.booted()
    case.asked(messages.ChangeConfiguration(key="MeterValueSampleInterval", value="63"))
    case.hands.power_cycle()
    until_booted(case)
    assert case.setting("MeterValueSampleInterval") == "63"


# --- malformed input -------------------------------------------------------------------------------------------------

FORMATION = ("FormationViolation", "ProtocolError")
"""OCPP-J, table 7; a finer code is as good."""

FINER = (*FORMATION, "OccurenceConstraintViolation", "TypeConstraintViolation", "PropertyConstraintViolation")


def refused(case: Case, action: str, payload: dict[str, Any]) -> None:
    case.booted()
    answer = case.ask_raw(action, payload)
    assert isinstance(answer, frames.Error), answer
    assert answer.code in FINER, answer
    case.nothing(2)
    assert case.setting("NumberOfConnectors"), "and it goes on"


@covers("wrong.missing_field")
def test_a_payload_without_a_required_field(case: Case) -> None:
    """J 4.2.3: a CALLERROR with the code for it."""
    refused(case, "ChangeConfiguration", {"key": "HeartbeatInterval"})


@covers("wrong.extra_field")
def test_a_payload_with_a_field_too_many(case: Case) -> None:
    """J 4.2.3: a CALLERROR with the code for it."""
    refused(case, "ChangeConfiguration", {"key": "HeartbeatInterval", "value": "60", "unknown": 1})


@covers("wrong.type")
def test_a_payload_with_a_field_of_another_type(case: Case) -> None:
    """J 4.2.3: a CALLERROR with the code for it."""
    refused(case, "RemoteStopTransaction", {"transactionId": "one"})


@covers("wrong.too_long")
def test_a_payload_with_a_text_that_is_too_long(case: Case) -> None:
    """J 4.2.3: a CALLERROR with the code for it."""
    refused(case, "RemoteStartTransaction", {"connectorId": 1, "idTag": "X" * 21})


@covers("wrong.utf8")
def test_a_frame_that_is_not_utf_8(case: Case) -> None:
    """J 4.2.3: GenericError at most, and the conversation goes on; by WebSocket it is the end of that connection."""
    case.booted()
    case.frame(b'[2,"raw","GetConfiguration",{"key":["\xff\xfe"]}]')
    case.wait(RESTART_S)
    case.forget()
    assert case.setting("NumberOfConnectors"), "and it goes on"


@covers("wrong.authorize_answer")
def test_a_wrong_answer_to_authorize_starts_nothing(case: Case) -> None:
    """J 4.2.2, 3.4"""
    case.booted()
    case.needs(case.reader, "it has no badge reader")
    case.configure(AllowOfflineTxForUnknownId="false")
    case.answers["Authorize"] = b'[3,"%s",{"idTagInfo":{"status":"Splendid"}}]'
    case.hands.plug()
    case.expect("Preparing 1")
    case.hands.badge(TAG, 1)
    case.expect("Authorize")
    case.nothing(10)
    assert not case.view().contactor
    assert case.setting("NumberOfConnectors"), "and it goes on"


@covers("wrong.boot_callerror_reconnect")
def test_a_refused_boot_comes_again_after_a_new_connection(case: Case) -> None:
    """4.2"""
    case.answers["BootNotification"] = Refuse("InternalError")
    case.bench.start()
    case.expect("BootNotification", within_s=RESTART_S)
    case.hands.cut_link()
    del case.answers["BootNotification"]
    case.hands.mend_link()
    until_booted(case)


@covers("wrong.start_refused")
def test_a_start_without_an_answer_is_told_again_and_its_stop_has_the_number(case: Case) -> None:
    """4.8, 9.1.31: order is kept."""
    case.booted()
    case.needs(case.setting("TransactionMessageAttempts") != "1", "it tries only once")
    case.answers["StartTransaction"] = once(Refuse("InternalError"))
    case.hands.plug()
    if case.reader:
        case.hands.badge(TAG, 1)
    else:
        case.asked(messages.RemoteStartTransaction(id_tag=TAG, connector_id=1))
    told = case.expect_all("StartTransaction", "Charging 1", perhaps=("Preparing 1", "Authorize"))
    again = case.expect("StartTransaction", within_s=600)
    assert told["StartTransaction"] == again
    case.stop()


def once(first: object) -> Callable[[Any, Any], Any]:
    """This answer, and good ones from then on."""
    answers = [first]

    def answer(central: Any, _: Any) -> Any:
        if answers:
            return answers.pop()
        return messages.StartTransactionResponse(transaction_id=next(central.numbers), id_tag_info=ACCEPTED)

    return answer


# --- message queue ---------------------------------------------------------------------------------------------------


@covers("queue.attempts")
def test_a_refused_start_is_tried_so_many_times_then_comes_the_stop(case: Case) -> None:
    """9.1.31, 9.1.32"""
    case.booted()
    case.configure(TransactionMessageAttempts="3", TransactionMessageRetryInterval="10")
    case.answers["StartTransaction"] = Refuse("InternalError")
    case.hands.plug()
    if case.reader:
        case.hands.badge(TAG, 1)
    else:
        case.asked(messages.RemoteStartTransaction(id_tag=TAG, connector_id=1))
    case.expect_all("StartTransaction", "Charging 1", perhaps=("Preparing 1", "Authorize"))
    for _ in range(2):
        case.expect("StartTransaction", within_s=120)
    case.nothing(120)
    at = case.said_at("StartTransaction")
    assert len(at) == 3
    assert at[1] - at[0] >= 10
    assert at[2] - at[1] >= 20, "9.1.32: the interval grows with each attempt"
    case.asked(messages.UnlockConnector(connector_id=1), "Unlocked" if case.outlet.lock else "NotSupported")
    if case.outlet.lock:
        case.expect_all("StopTransaction", "Finishing 1")


@covers("stay.retry_back_off")
def test_the_pause_between_attempts_grows(case: Case) -> None:
    """9.1.32: the interval times the number of attempts so far."""
    case.booted()
    case.configure(TransactionMessageAttempts="4", TransactionMessageRetryInterval="10")
    case.charging()
    case.answers["StopTransaction"] = Refuse("InternalError")
    case.asked(messages.RemoteStopTransaction(transaction_id=case.transaction()))
    case.expect_stop("Remote")
    for _ in range(3):
        case.expect("StopTransaction", within_s=120)
    at = case.said_at("StopTransaction")
    gaps = [round(later - sooner) for sooner, later in itertools.pairwise(at)]
    assert gaps == [10, 20, 30]
    case.nothing(120)


# --- availability ----------------------------------------------------------------------------------------------------


def make(case: Case, kind: Any, connector: int, status: str = "Accepted") -> None:
    case.asked(messages.ChangeAvailability(connector_id=connector, type=kind), status)


@covers("available.same_twice")
def test_the_same_availability_twice_is_told_once(case: Case) -> None:
    """5.2"""
    case.booted()
    make(case, "Operative", 1)
    case.nothing(5)
    make(case, "Inoperative", 1)
    case.expect("Unavailable 1")
    make(case, "Inoperative", 1)
    case.nothing(5)


@covers("available.zero_is_all")
def test_connector_0_is_all_of_them(case: Case) -> None:
    """5.2"""
    case.booted()
    make(case, "Inoperative", 0)
    case.expect_statuses("Unavailable", zero="Unavailable")
    make(case, "Operative", 0)
    case.expect_statuses("Available")


@covers("available.while_preparing")
def test_a_connector_in_use_waits_and_the_others_do_not(case: Case) -> None:
    """5.2: Preparing is in use, Scheduled there."""
    case.booted()
    case.hands.plug()
    case.expect("Preparing 1")
    make(case, "Inoperative", 0, "Scheduled")
    others = [f"Unavailable {number}" for number in case.connectors if number > 1]
    case.expect_all(*others, perhaps=("Unavailable 0",)) if others else None
    case.wait(5)
    assert case.view().status == "Preparing"
    case.forget()
    case.hands.unplug()
    case.expect("Unavailable 1", perhaps=("Unavailable 0", "Available 1"))
    case.wait(2)
    case.forget()


@covers("available.while_charging")
def test_a_charge_goes_on_and_then_the_connector_is_out_of_service(case: Case) -> None:
    """5.2: Scheduled; Unavailable instead of Available."""
    case.booted()
    number = case.charging()
    make(case, "Inoperative", 1, "Scheduled")
    case.nothing(20)
    assert case.view().contactor
    case.asked(messages.RemoteStopTransaction(transaction_id=number))
    case.expect("StopTransaction", perhaps=("Finishing 1", "Unavailable 1"))
    case.wait(5)
    case.hands.unplug()
    case.wait(2)
    case.forget()
    assert case.view().status == "Unavailable"
