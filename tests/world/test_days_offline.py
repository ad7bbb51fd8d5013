"""Weeks without the central system (P4, P5; reliability bar 5; docs/decisions/too-many-readings.md)."""

from collections import Counter
from typing import Any

import pytest
from tests.rules.rig import SILENCE, Rig
from tests.rules.test_power_cut import fresh
from tests.soak import times

from chargepost import signals as sig
from chargepost.ocpp import frames
from chargepost.ocpp.outbox import METERS_MAX

DAYS = times(30, 90)
CHARGES_A_DAY = 10
CHARGE_S = 1_800.0
SAMPLES = int(CHARGE_S) // 60
TRANSACTION = ("StartTransaction", "MeterValues", "StopTransaction")


def days_offline(days: int) -> Rig:
    """Ten charges of half an hour a day, sampled each minute; frames and wishes are forgotten as they come."""
    rig = fresh("evlink-pro-ac")
    rig.own(AllowOfflineTxForUnknownId="true", LocalAuthorizeOffline="true", MeterValueSampleInterval="60")
    rig.cut()
    for _ in range(days * CHARGES_A_DAY):
        rig.plug()
        rig.badge()
        rig.run(CHARGE_S)
        rig.badge()
        rig.run(2)
        rig.unplug()
        rig.run(86_400 / CHARGES_A_DAY - CHARGE_S - 5)
        rig.forget()
    return rig


def told(rig: Rig) -> list[Any]:
    return [
        frame.payload
        for _, way, frame in rig.frames
        if way == "sent" and isinstance(frame, frames.Call) and frame.action in TRANSACTION
    ]


def in_order(said: list[Any], charges: int) -> bool:
    """Each charge from its start to its stop, before the next one begins."""
    expected, stamp = "StartTransaction", None
    for payload in said:
        name = type(payload).__name__
        if name == "StartTransaction":
            if expected != name or (stamp is not None and payload.timestamp <= stamp):
                return False
            expected, stamp = "StopTransaction", payload.timestamp
        elif expected != "StopTransaction":
            return False
        elif name == "StopTransaction":
            expected = "StartTransaction"
    kinds = Counter(type(payload).__name__ for payload in said)
    return kinds["StartTransaction"] == kinds["StopTransaction"] == charges


@pytest.mark.slow
def test_p4_p5_weeks_offline_lose_no_start_and_no_stop_and_drain_in_order() -> None:
    charges = DAYS * CHARGES_A_DAY
    rig = days_offline(DAYS)
    assert len(rig.records) == charges
    waiting = sum(key.startswith("outbox/") for key in rig.memory)
    assert waiting <= 2 * charges + METERS_MAX, "the store has its stated bound"
    assert waiting > 2 * charges + METERS_MAX // 3, "and is used"
    assert rig.station.view(rig.now).link.waiting_messages == waiting, "memory holds what the store holds"
    rig.power_cycle()  # what follows comes from the store
    answer = rig.answers["StartTransaction"]
    rig.answers["StartTransaction"] = SILENCE
    rig.mend_at_once()
    rig.forget()
    rig.plug()
    rig.run(120)
    assert rig.statuses()[-1:] == ["Preparing"], "a queue that does not move holds nothing else up"
    rig.unplug()
    rig.answers["StartTransaction"] = answer
    rig.forget()
    rig.run(3_600)
    assert in_order(told(rig), charges)
    assert not [key for key in rig.memory if key.split("/")[0] in ("outbox", "data", "number", "record", "transaction")]
    assert all(record.delivered for record in rig.records.values())
    assert not rig.wished(sig.Dial)


def test_a_queue_with_two_entries_swapped_is_found() -> None:
    rig = days_offline(1)
    rig.mend_at_once()
    rig.run(600)
    said = told(rig)
    assert in_order(said, CHARGES_A_DAY)
    first_stop = next(n for n, payload in enumerate(said) if type(payload).__name__ == "StopTransaction")
    said[first_stop], said[first_stop + 1] = said[first_stop + 1], said[first_stop]
    assert not in_order(said, CHARGES_A_DAY)
    del said[0]
    assert not in_order(said, CHARGES_A_DAY)
