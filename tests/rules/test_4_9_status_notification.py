"""OCPP 1.6, 4.9 StatusNotification: each transition a station can make, what is told of it and when; traps 43 to 48."""

from collections.abc import Callable
from datetime import UTC, datetime

import msgspec
import pytest

from chargepost import signals as sig
from chargepost.ocpp import messages
from tests.rules.rig import CAR, EPOCH_UTC_S, SILENCE, TAG, Refuse, Rig, info, two_connectors
from tests.rules.table_4_9 import CODES

MODELS = ["evlink-pro-ac", "evlink-smart-wallbox"]
FAULT = sig.FaultRaised(1, "GroundFailure")
CLEAR = sig.FaultCleared(1, "GroundFailure")


def charging(model: str = "evlink-smart-wallbox") -> Rig:
    rig = Rig(model)
    rig.charge()
    rig.forget()
    return rig


def steps(rig: Rig, connector: int = 1) -> list[tuple[str, str]]:
    return [(w.old, w.new) for w in rig.wished(sig.StatusChanged) if w.connector == connector]


def available(rig: Rig, kind: str, connector: int = 1) -> str:
    status: str = rig.ask(messages.ChangeAvailability(connector_id=connector, type=kind)).status  # type: ignore[arg-type]
    return status


def pause(rig: Rig) -> None:
    """The station gives nothing: the wallbox is derated to 0 A."""
    rig.own(maxIntensitySocket="0")
    rig.run(2)


def resume(rig: Rig) -> None:
    rig.own(maxIntensitySocket="16")


def idle_car(rig: Rig) -> None:
    rig.hardware.set_car(1, rig.now, ready=False)
    rig.run(2)


def suspended_ev() -> Rig:
    rig = charging()
    idle_car(rig)
    return rig


def suspended_evse() -> Rig:
    rig = charging()
    pause(rig)
    return rig


def finishing() -> Rig:
    rig = charging()
    rig.badge()
    return rig


def unavailable() -> Rig:
    rig = Rig("evlink-smart-wallbox")
    available(rig, "Inoperative")
    return rig


def faulted(rig: Rig) -> Rig:
    rig.tell(FAULT)
    rig.run(1)
    return rig


def a2() -> Rig:
    rig = Rig()
    rig.badge()
    return rig


def a8() -> Rig:
    return unavailable()


def a9() -> Rig:
    return faulted(Rig())


def b1() -> Rig:
    rig = Rig()
    rig.plug()
    rig.unplug()
    return rig


def b3() -> Rig:
    rig = Rig()
    rig.charge()
    return rig


def b4() -> Rig:
    rig = Rig()
    rig.plug(msgspec.structs.replace(CAR, ready=False))
    rig.badge()
    rig.run(10)
    return rig


def b5() -> Rig:
    rig = Rig("evlink-smart-wallbox")
    pause(rig)
    rig.plug()
    rig.badge()
    rig.run(10)
    return rig


def b6() -> Rig:
    rig = two_connectors()
    rig.plug()
    rig.run(61)
    return rig


def b9() -> Rig:
    rig = Rig()
    rig.plug()
    return faulted(rig)


def cable_car() -> Rig:
    rig = Rig("evlink-smart-wallbox/rfid-cable")
    rig.charge()
    rig.forget()
    return rig


def c1() -> Rig:
    rig = cable_car()
    rig.unplug()
    return rig


def c8() -> Rig:
    rig = cable_car()
    assert available(rig, "Inoperative") == "Scheduled"
    rig.unplug()
    return rig


def c9() -> Rig:
    return faulted(charging())


def d1() -> Rig:
    rig = cable_car()
    idle_car(rig)
    rig.unplug()
    return rig


def d3() -> Rig:
    rig = suspended_ev()
    rig.hardware.set_car(1, rig.now, ready=True)
    rig.run(2)
    return rig


def d5() -> Rig:
    rig = suspended_ev()
    pause(rig)
    return rig


def d6() -> Rig:
    rig = suspended_ev()
    rig.badge()
    return rig


def d8() -> Rig:
    rig = cable_car()
    idle_car(rig)
    available(rig, "Inoperative")
    rig.unplug()
    return rig


def e1() -> Rig:
    rig = cable_car()
    pause(rig)
    rig.unplug()
    return rig


def e3() -> Rig:
    """Given again before the car has noticed that nothing was given."""
    rig = charging()
    rig.own(maxIntensitySocket="0")
    rig.run(0.2)
    resume(rig)
    rig.run(3)
    return rig


def e4() -> Rig:
    rig = suspended_evse()
    resume(rig)
    rig.run(5)
    return rig


def e6() -> Rig:
    rig = suspended_evse()
    rig.badge()
    return rig


def e8() -> Rig:
    rig = cable_car()
    pause(rig)
    available(rig, "Inoperative")
    rig.unplug()
    return rig


def f1() -> Rig:
    rig = finishing()
    rig.unplug()
    return rig


def f2() -> Rig:
    rig = finishing()
    rig.badge("ANOTHER")
    return rig


def f8() -> Rig:
    rig = finishing()
    available(rig, "Inoperative")
    return rig


def h1() -> Rig:
    rig = unavailable()
    available(rig, "Operative")
    return rig


def h2() -> Rig:
    rig = unavailable()
    rig.plug()
    available(rig, "Operative")
    return rig


def cleared(rig: Rig) -> Rig:
    faulted(rig).tell(CLEAR)
    return rig


def i2() -> Rig:
    rig = Rig()
    rig.plug()
    return cleared(rig)


def i3() -> Rig:
    """The fault is over before the contactor has opened for it."""
    rig = charging()
    rig.tell(FAULT)
    rig.tell(CLEAR)
    rig.run(1)
    return rig


def reserved() -> Rig:
    rig = Rig()
    until = datetime.fromtimestamp(EPOCH_UTC_S + rig.now + 600, UTC)
    ask = messages.ReserveNow(connector_id=1, expiry_date=until, id_tag=TAG, reservation_id=1)
    assert rig.ask(ask).status == "Accepted"
    return rig


def g1() -> Rig:
    rig = reserved()
    rig.ask(messages.CancelReservation(reservation_id=1))
    return rig


def g2() -> Rig:
    rig = reserved()
    rig.badge()
    return rig


def g8() -> Rig:
    rig = reserved()
    available(rig, "Inoperative")
    return rig


REACHED: dict[str, Callable[[], Rig]] = {
    "A2": a2, "A7": reserved, "A8": a8, "A9": a9,
    "B1": b1, "B3": b3, "B4": b4, "B5": b5, "B6": b6, "B9": b9,
    "C1": c1, "C4": suspended_ev, "C5": suspended_evse, "C6": finishing, "C8": c8, "C9": c9,
    "D1": d1, "D3": d3, "D5": d5, "D6": d6, "D8": d8, "D9": lambda: faulted(suspended_ev()),
    "E1": e1, "E3": e3, "E4": e4, "E6": e6, "E8": e8, "E9": lambda: faulted(suspended_evse()),
    "F1": f1, "F2": f2, "F8": f8, "F9": lambda: faulted(finishing()),
    "G1": g1, "G2": g2, "G8": g8, "G9": lambda: faulted(reserved()),
    "H1": h1, "H2": h2, "H9": lambda: faulted(unavailable()),
    "I1": lambda: cleared(Rig()), "I2": i2, "I3": i3, "I6": lambda: cleared(finishing()),
    "I8": lambda: cleared(unavailable()),
}  # fmt: skip
"""How each transition comes about; the rig itself refuses every step that the table does not know."""

UNREACHABLE = {
    "A3": "a charge without authorization begins with Preparing too",
    "A4": "a charge without authorization begins with Preparing too",
    "A5": "a charge without authorization begins with Preparing too",
    "I7": "a fault ends a reservation (5.13)",
    "H3": "a connector with a transaction is never Unavailable: it is scheduled",
    "H4": "a connector with a transaction is never Unavailable: it is scheduled",
    "H5": "a connector with a transaction is never Unavailable: it is scheduled",
    "I4": "what makes a connector Faulted ends its transaction",
    "I5": "what makes a connector Faulted ends its transaction",
}


def test_4_9_every_transition_is_driven_or_named_unreachable() -> None:
    assert sorted([*REACHED, *UNREACHABLE]) == sorted(CODES.values())


@pytest.mark.parametrize("code", REACHED)
def test_4_9_transition(code: str) -> None:
    assert code in [CODES[step] for step in steps(REACHED[code]())]


@pytest.mark.parametrize("model", MODELS)
def test_4_9_back_in_service_with_the_cable_still_in_is_preparing(model: str) -> None:
    """H2: from Unavailable the table knows no way back to Finishing."""
    rig = charging(model)
    rig.badge()
    assert available(rig, "Inoperative") == "Accepted"
    assert available(rig, "Operative") == "Accepted"
    assert steps(rig)[-2:] == [("Finishing", "Unavailable"), ("Unavailable", "Preparing")]
    rig.unplug()
    assert rig.view.status == "Available"


@pytest.mark.parametrize("model", MODELS)
def test_4_9_a_scheduled_connector_that_is_given_up_goes_by_available(model: str) -> None:
    """From Preparing the table knows no way to Unavailable (no B8)."""
    rig = Rig(model)
    rig.plug()
    assert available(rig, "Inoperative") == "Scheduled"
    rig.forget()
    rig.unplug()
    assert steps(rig) == [("Preparing", "Available"), ("Available", "Unavailable")]
    assert rig.statuses() == ["Available", "Unavailable"]


# --- what is told ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("model", MODELS)
def test_4_9_each_change_is_told_with_its_time_and_no_error(model: str) -> None:
    rig = Rig(model)
    rig.forget()
    rig.charge()
    rig.badge()
    rig.unplug()
    assert rig.statuses() == ["Preparing", "Charging", "Finishing", "Available"]
    assert {p.error_code for p in rig.said("StatusNotification")} == {"NoError"}
    assert all(p.timestamp is not msgspec.UNSET for p in rig.said("StatusNotification"))
    assert all(p.vendor_error_code is msgspec.UNSET for p in rig.said("StatusNotification"))


def test_4_9_connector_0_is_told_of_the_station_and_not_of_a_visit() -> None:
    rig = Rig()
    rig.charge()
    rig.badge()
    rig.unplug()
    assert rig.statuses(0) == ["Available"]


@pytest.mark.parametrize("model", MODELS)
def test_4_9_minimum_status_duration_swallows_what_does_not_last(model: str) -> None:
    """R-065: a status is told once it was stable for so long, and the last one always is."""
    rig = Rig(model)
    assert rig.change("MinimumStatusDuration", "20") == "Accepted"
    rig.run(30)
    rig.forget()
    rig.plug()
    rig.run(10)
    rig.unplug()
    rig.run(60)
    assert rig.statuses() == [], "Preparing lasted 11 s"
    rig.plug()
    at = rig.now - 1
    rig.run(18)
    assert rig.statuses() == []
    rig.run(2)
    assert rig.statuses() == ["Preparing"]
    assert rig.said_at("StatusNotification")[-1] == pytest.approx(at + 20, abs=0.1)


def test_r_068_the_pro_ac_waits_5_s_by_default_and_takes_0_to_120() -> None:
    rig = Rig(settings={"MinimumStatusDuration": "5"})
    rig.run(2)
    assert rig.value("MinimumStatusDuration") == rig.model.keys["minimumstatusduration"].default == "5"
    assert [rig.change("MinimumStatusDuration", v) for v in ("0", "120", "121", "-1")] == [
        "Accepted", "Accepted", "Rejected", "Rejected",
    ]  # fmt: skip


def test_4_9_a_transaction_is_told_in_order_whatever_statuses_are_swallowed() -> None:
    rig = Rig(settings={"MinimumStatusDuration": "30"})
    rig.run(2)
    rig.forget()
    rig.charge(seconds=5)
    rig.badge()
    rig.run(60)
    assert rig.calls() == ["Authorize", "StartTransaction", "StopTransaction", "Finishing 1"]


@pytest.mark.parametrize("model", MODELS)
def test_trap_46_an_error_is_told_at_once_and_so_is_its_end(model: str) -> None:
    rig = Rig(model)
    rig.run(2)
    rig.change("MinimumStatusDuration", "60")
    rig.forget()
    faulted(rig)
    assert rig.notification().status == "Faulted"
    assert rig.notification().error_code == "GroundFailure"
    rig.tell(CLEAR)
    rig.run(0.1)
    assert (rig.notification().status, rig.notification().error_code) == ("Available", "NoError")


@pytest.mark.parametrize(("model", "code", "ocpp"), [
    ("evlink-pro-ac", "14.0", "OverCurrentFailure"), ("evlink-smart-wallbox", "21", "OverCurrentFailure"),
])  # fmt: skip
def test_4_9_a_vendor_code_goes_with_its_vendor_and_its_name(model: str, code: str, ocpp: str) -> None:
    rig = Rig(model)
    rig.run(2)
    rig.tell(sig.FaultRaised(1, code))
    told = rig.notification()
    assert (told.status, told.error_code, told.vendor_error_code) == ("Faulted", ocpp, code)
    assert told.vendor_id == "Schneider Electric"
    assert told.info == rig.model.errors[code].name[:50]


def test_trap_48_a_warning_stands_beside_the_status() -> None:
    rig = Rig()
    rig.charge()
    rig.forget()
    rig.tell(sig.FaultRaised(1, "9.0"))
    rig.run(5)
    assert (rig.notification().status, rig.notification().error_code) == ("Charging", "ReaderFailure")
    assert rig.view.contactor
    rig.tell(sig.FaultCleared(1, "9.0"))
    rig.run(1)
    assert (rig.notification().status, rig.notification().error_code) == ("Charging", "NoError")


@pytest.mark.parametrize(("model", "code"), [("evlink-pro-ac", "10.0"), ("evlink-smart-wallbox", "17")])
@pytest.mark.parametrize("when", ["free", "preparing", "charging"])
def test_7_6_ev_communication_error_goes_with_four_statuses_only(model: str, code: str, when: str) -> None:
    """With Preparing, Suspended and Finishing; the rig refuses it with any other. It ends a charge all the same."""
    rig = Rig(model)
    rig.run(2)
    if when == "charging":
        rig.charge()
    elif when == "preparing":
        rig.plug()
    rig.forget()
    rig.tell(sig.FaultRaised(1, code))
    rig.run(3)
    told = [(p.status, p.error_code) for p in rig.said("StatusNotification")]
    wanted = {"free": [], "preparing": [("Preparing", "EVCommunicationError")],
              "charging": [("Finishing", "EVCommunicationError")]}  # fmt: skip
    assert told == wanted[when]
    assert not rig.view.contactor
    assert len(rig.said("StopTransaction")) == (when == "charging")


# --- outages ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("model", MODELS)
def test_trap_47_after_an_outage_the_present_status_only(model: str) -> None:
    rig = Rig(model, settings={"LocalAuthorizeOffline": "true"})
    rig.own(AllowOfflineTxForUnknownId="true")
    rig.run(2)
    rig.forget()
    rig.cut()
    rig.charge()
    rig.badge()
    rig.mend()
    assert rig.statuses() == ["Finishing"]
    assert rig.statuses(0) == []


def test_trap_47_what_is_as_before_the_outage_is_not_told_again() -> None:
    rig = Rig()
    rig.run(2)
    rig.forget()
    rig.cut()
    rig.plug()
    rig.unplug()
    rig.mend()
    assert rig.statuses() == []


def test_4_9_a_status_that_was_lost_with_the_link_is_told_on_the_next() -> None:
    """What was said but not answered when the link broke may never have arrived."""
    rig = Rig()
    rig.run(2)
    rig.answers["StatusNotification"] = SILENCE
    rig.plug()
    rig.cut()
    rig.forget()
    rig.answers.clear()
    rig.mend()
    assert rig.statuses() == ["Preparing"]


def test_4_9_a_status_that_waited_behind_another_call_is_not_lost_with_the_link() -> None:
    rig = Rig()
    rig.run(2)
    rig.answers["Authorize"] = SILENCE
    rig.badge()
    rig.plug()
    assert rig.statuses()[-1:] == ["Available"], "it waits for the answer to Authorize"
    rig.cut()
    rig.forget()
    rig.answers.clear()
    rig.mend()
    assert rig.statuses()[:1] == ["Preparing"] or rig.statuses() == ["Charging"]


# --- who pauses ------------------------------------------------------------------------------------------------------


def test_trap_45_paused_by_both_is_suspended_evse() -> None:
    rig = suspended_ev()
    pause(rig)
    assert rig.view.status == "SuspendedEVSE"
    resume(rig)
    rig.run(5)
    assert rig.view.status == "SuspendedEV"


def test_trap_45_a_refused_start_pauses_as_evse() -> None:
    rig = Rig(settings={"StopTransactionOnInvalidId": "false"})
    rig.answers["StartTransaction"] = messages.StartTransactionResponse(transaction_id=7, id_tag_info=info("Invalid"))
    rig.plug()
    rig.badge(TAG)
    rig.run(10)
    assert rig.view.status == "SuspendedEVSE"
    assert not rig.view.contactor


def test_trap_41_a_pulled_plug_that_does_not_end_the_transaction_is_suspended_ev() -> None:
    """1.6, 4.9: with StopTransactionOnEVSideDisconnect false the information says so."""
    rig = Rig()
    rig.own(StopTransactionOnEVSideDisconnect="false")
    rig.charge()
    rig.forget()
    rig.hardware.unplug_car(1, rig.now)
    rig.run(3)
    told = rig.notification()
    assert (told.status, told.error_code, told.info) == ("SuspendedEV", "NoError", "EV side disconnected")
    assert rig.view.locked, "nobody else gets the cable"
    rig.hardware.plug_car(1, CAR, rig.now)
    rig.run(5)
    assert (rig.notification().status, rig.notification().info) == ("Charging", msgspec.UNSET)
    assert not rig.said("StopTransaction")


@pytest.mark.parametrize("model", MODELS)
def test_4_9_a_pulled_plug_that_ends_the_transaction_says_so(model: str) -> None:
    rig = Rig(model)
    rig.charge()
    rig.forget()
    rig.hardware.unplug_car(1, rig.now)
    rig.run(3)
    told = rig.notification()
    assert (told.status, told.error_code, told.info) == ("Finishing", "NoError", "EV side disconnected")
    rig.unplug()
    assert (rig.notification().status, rig.notification().info) == ("Available", msgspec.UNSET)


def test_4_9_a_status_refused_by_the_central_system_is_not_repeated() -> None:
    rig = Rig()
    rig.run(2)
    rig.answers["StatusNotification"] = Refuse()
    rig.plug()
    rig.run(60)
    assert rig.statuses().count("Preparing") == 1
