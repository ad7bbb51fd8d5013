"""OCPP 1.6, 5.2, 5.11, 5.12, 5.14, 5.17, 5.18: each operation in each status, its answer and where it leads.

Read the table by its rows: a status of connector 1, then for each operation "answer > status a while later", with the
reason where a transaction ends. What is the same as before is told to nobody.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from chargepost import signals as sig
from chargepost.ocpp import messages as m
from tests.rules.rig import EPOCH_UTC_S, Rig

MODEL = "evlink-smart-wallbox"
"""A socket with a lock; derated to nothing it suspends, and once stopped it takes no remote start while plugged."""


def idle() -> Rig:
    rig = Rig(MODEL)
    rig.run(2)
    return rig


def charging() -> Rig:
    rig = idle()
    rig.charge()
    return rig


def plugged() -> Rig:
    rig = idle()
    rig.plug()
    return rig


def badged() -> Rig:
    rig = idle()
    rig.badge()
    return rig


def suspended_ev() -> Rig:
    rig = charging()
    rig.hardware.set_car(1, rig.now, ready=False)
    return rig


def suspended_evse() -> Rig:
    rig = charging()
    rig.own(maxIntensitySocket="0")
    return rig


def finishing() -> Rig:
    rig = charging()
    rig.badge()
    return rig


def unavailable() -> Rig:
    rig = idle()
    rig.ask(OPERATIONS["inoperative"])
    return rig


def scheduled() -> Rig:
    rig = charging()
    rig.ask(OPERATIONS["inoperative"])
    return rig


def faulted() -> Rig:
    rig = idle()
    rig.tell(sig.FaultRaised(1, "GroundFailure"))
    return rig


def reserved() -> Rig:
    rig = idle()
    until = datetime.fromtimestamp(EPOCH_UTC_S + rig.now + 3600, UTC)
    rig.ask(m.ReserveNow(connector_id=1, expiry_date=until, id_tag="SOMEBODY", reservation_id=1))
    return rig


OPERATIONS: dict[str, Any] = {
    "inoperative": m.ChangeAvailability(connector_id=1, type="Inoperative"),
    "operative": m.ChangeAvailability(connector_id=1, type="Operative"),
    "soft": m.Reset(type="Soft"),
    "hard": m.Reset(type="Hard"),
    "unlock": m.UnlockConnector(connector_id=1),
    "start": m.RemoteStartTransaction(id_tag="REMOTE", connector_id=1),
    "stop": m.RemoteStopTransaction(transaction_id=501),
    "trigger": m.TriggerMessage(requested_message="StatusNotification", connector_id=1),
}

STATES: dict[str, tuple[Callable[[], Rig], str]] = {
    "free": (idle, "Available"),
    "plugged": (plugged, "Preparing"),
    "badged": (badged, "Preparing"),
    "charging": (charging, "Charging"),
    "suspended-ev": (suspended_ev, "SuspendedEV"),
    "suspended-evse": (suspended_evse, "SuspendedEVSE"),
    "scheduled": (scheduled, "Charging"),
    "finishing": (finishing, "Finishing"),
    "reserved": (reserved, "Reserved"),
    "unavailable": (unavailable, "Unavailable"),
    "faulted": (faulted, "Faulted"),
}

TABLE = """
               inoperative               operative              soft                             hard                             unlock                              start                 stop                        trigger
free           Accepted>Unavailable      Accepted>Available     Accepted>Available               Accepted>Available               Unlocked>Available                  Accepted>Preparing    Rejected>Available          Accepted>Available
plugged        Scheduled>Preparing       Accepted>Preparing     Accepted>Preparing               Accepted>Preparing               Unlocked>Preparing                  Accepted>Charging     Rejected>Preparing          Accepted>Preparing
badged         Scheduled>Preparing       Accepted>Preparing     Accepted>Available               Accepted>Available               Unlocked>Available                  Rejected>Preparing    Rejected>Preparing          Accepted>Preparing
charging       Scheduled>Charging        Accepted>Charging      Accepted>Preparing:SoftReset     Accepted>Preparing:HardReset     Unlocked>Finishing:UnlockCommand    Rejected>Charging     Accepted>Finishing:Remote   Accepted>Charging
suspended-ev   Scheduled>SuspendedEV     Accepted>SuspendedEV   Accepted>Preparing:SoftReset     Accepted>Preparing:HardReset     Unlocked>Finishing:UnlockCommand    Rejected>SuspendedEV  Accepted>Finishing:Remote   Accepted>SuspendedEV
suspended-evse Scheduled>SuspendedEVSE   Accepted>SuspendedEVSE Accepted>Preparing:SoftReset     Accepted>Preparing:HardReset     Unlocked>Finishing:UnlockCommand    Rejected>SuspendedEVSE Accepted>Finishing:Remote  Accepted>SuspendedEVSE
scheduled      Scheduled>Charging        Accepted>Charging      Accepted>Unavailable:SoftReset   Accepted>Unavailable:HardReset   Unlocked>Finishing:UnlockCommand    Rejected>Charging     Accepted>Finishing:Remote   Accepted>Charging
finishing      Accepted>Unavailable      Accepted>Finishing     Accepted>Preparing               Accepted>Preparing               Unlocked>Finishing                  Rejected>Finishing    Rejected>Finishing          Accepted>Finishing
reserved       Accepted>Unavailable      Accepted>Reserved      Accepted>Reserved                Accepted>Reserved                Unlocked>Reserved                   Rejected>Reserved     Rejected>Reserved           Accepted>Reserved
unavailable    Accepted>Unavailable      Accepted>Available     Accepted>Unavailable             Accepted>Unavailable             Unlocked>Unavailable                Rejected>Unavailable  Rejected>Unavailable        Accepted>Unavailable
faulted        Accepted>Faulted          Accepted>Faulted       Accepted>Available               Accepted>Available               Unlocked>Faulted                    Rejected>Faulted      Rejected>Faulted            Accepted>Faulted
"""  # noqa: E501 - a table is read by its rows


def cells() -> list[tuple[str, str, str]]:
    """(state, operation, expected)."""
    header, *rows = (line.split() for line in TABLE.strip().splitlines())
    assert {*header} == {*OPERATIONS}
    assert [row[0] for row in rows] == [*STATES]
    return [(row[0], operation, cell) for row in rows for operation, cell in zip(header, row[1:], strict=True)]


@pytest.mark.parametrize(("state", "operation", "expected"), cells())
def test_5_each_operation_in_each_status(state: str, operation: str, expected: str) -> None:
    build, before = STATES[state]
    rig = build()
    rig.run(2)
    assert rig.view.status == before
    rig.forget()
    ask = OPERATIONS[operation]
    rig.ask(ask)
    rig.run(10)
    answer = rig.answer_to(f"cs-{rig.asks}", ask.action).status
    after = rig.view.status
    reasons = "".join(f":{stop.reason}" for stop in rig.said("StopTransaction"))
    assert f"{answer}>{after}{reasons}" == expected
    if operation == "trigger":
        assert rig.statuses() == [before]
    elif operation not in ("soft", "hard"):
        assert rig.statuses()[-1:] == ([after] if after != before else [])
    assert rig.statuses(0) == (["Available"] if operation in ("soft", "hard") else [])


@pytest.mark.parametrize("state", ["charging", "suspended-ev", "suspended-evse", "scheduled"])
def test_5_2_what_was_scheduled_comes_when_the_cable_is_out(state: str) -> None:
    rig = STATES[state][0]()
    assert rig.ask(OPERATIONS["inoperative"]).status == "Scheduled"
    rig.run(2)
    rig.badge()
    rig.run(2)
    assert rig.view.status == "Finishing"
    rig.unplug()
    assert rig.view.status == "Unavailable"
    assert rig.last("StopTransaction").reason == "Local"


@pytest.mark.parametrize("kind", ["Soft", "Hard"])
def test_5_14_a_second_reset_while_the_first_is_under_way_stops_nothing_twice(kind: Any) -> None:
    rig = charging()
    rig.forget()
    assert [rig.ask(m.Reset(type=kind)).status for _ in range(2)] in (["Accepted"], ["Accepted", "Accepted"])
    rig.run(20)
    assert len(rig.said("StopTransaction")) == 1
    assert len(rig.wished(sig.Restart)) == 1


def test_5_18_a_lock_that_jams_answers_so_and_is_told_as_its_fault_until_it_moves() -> None:
    rig = charging()
    rig.hardware.jam_lock(1, True)
    rig.forget()
    rig.ask(OPERATIONS["unlock"])
    rig.run(10)
    assert rig.answer_to(f"cs-{rig.asks}", "UnlockConnector").status == "UnlockFailed"
    assert rig.last("StopTransaction").reason == "UnlockCommand"
    told = rig.notification()
    assert (told.status, told.error_code) == ("Faulted", "ConnectorLockFailure")
    rig.hardware.jam_lock(1, False)
    rig.ask(OPERATIONS["unlock"])
    rig.run(10)
    assert rig.answer_to(f"cs-{rig.asks}", "UnlockConnector").status == "Unlocked"
    assert (rig.notification().status, rig.notification().error_code) == ("Finishing", "NoError")
    assert rig.notification().vendor_error_code is msgspec.UNSET
