"""Smart charging: OCPP 1.6, 3.13, 5.5, 5.7, 5.16; traps 77 to 90; TC_056 to TC_072; the worked examples.

`at0` is the instant of the first question: schedules are placed against it.
"""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from chargepost import signals as sig
from chargepost.catalogue import load
from chargepost.catalogue.model import Model
from chargepost.drivers.simulated import CarSpec
from chargepost.ocpp import frames, messages
from chargepost.station import profiles
from tests.rules import rig as rig_of_rules
from tests.rules.rig import CAR, EPOCH_UTC_S, TAG, Rig

DAY = 86_400
Periods = Iterable[tuple[int, float]]
ONE_PHASE = msgspec.structs.replace(CAR, phases=1, max_current_a=32)


def date(utc_s: float) -> datetime:
    return datetime.fromtimestamp(utc_s, UTC)


def utc_s(rig: Rig) -> float:
    return EPOCH_UTC_S + rig.now


def idle(model: str | Model = "evlink-pro-ac", **settings: str) -> Rig:
    rig = Rig(model)
    rig.own(**settings)
    rig.run(2)
    rig.forget()
    return rig


def charging(model: str | Model = "evlink-pro-ac", car: CarSpec = CAR) -> Rig:
    rig = idle(model)
    rig.plug(car)
    if rig.model.authentication.reader:
        rig.badge()
    else:
        rig.ask(messages.RemoteStartTransaction(id_tag=TAG, connector_id=1))
    rig.run(10)
    assert rig.power()
    rig.forget()
    return rig


def profile(
    rig: Rig, number: int, purpose: str, periods: Periods, *, kind: str = "Absolute", level: int = 0, unit: str = "A",
    start: float | None = 0, duration: int | None = None, recurs: str | None = None, phases: int | None = None,
    transaction: int | None = None, valid: tuple[float | None, float | None] = (None, None), rate: float | None = None,
) -> messages.ChargingProfile:  # fmt: skip
    """A profile whose schedule begins `start` seconds from now."""

    def given(**fields: Any) -> dict[str, Any]:
        return {name: value for name, value in fields.items() if value is not None}

    now = utc_s(rig)
    since, until = (None if bound is None else date(now + bound) for bound in valid)
    begin = None if start is None or kind == "Relative" else date(now + start)
    return messages.ChargingProfile(
        charging_profile_id=number,
        stack_level=level,
        charging_profile_purpose=purpose,  # type: ignore[arg-type]
        charging_profile_kind=kind,  # type: ignore[arg-type]
        charging_schedule=messages.ChargingSchedule(
            charging_rate_unit=unit,  # type: ignore[arg-type]
            charging_schedule_period=tuple(
                messages.ChargingSchedulePeriod(start_period=at, limit=limit, **given(number_phases=phases))
                for at, limit in periods
            ),
            **given(duration=duration, start_schedule=begin, min_charging_rate=rate),
        ),
        **given(recurrency_kind=recurs, transaction_id=transaction, valid_from=since, valid_to=until),
    )


def ask_to_set(rig: Rig, connector: int, *args: Any, **more: Any) -> Any:
    return rig.ask(
        messages.SetChargingProfile(connector_id=connector, cs_charging_profiles=profile(rig, *args, **more))
    )


def install(rig: Rig, connector: int, *args: Any, **more: Any) -> str:
    """SetChargingProfile; its status."""
    status: str = ask_to_set(rig, connector, *args, **more).status
    rig.run(0.001)
    return status


def clear(rig: Rig, **fields: Any) -> str:
    status: str = rig.ask(messages.ClearChargingProfile(**fields)).status
    rig.run(0.001)
    return status


def composite(rig: Rig, duration: int, connector: int = 1, unit: Any = None) -> Any:
    more: Any = {} if unit is None else {"charging_rate_unit": unit}
    return rig.ask(messages.GetCompositeSchedule(connector_id=connector, duration=duration, **more))


def periods(rig: Rig, duration: int, connector: int = 1, unit: Any = None) -> list[tuple[int, float]]:
    """What GetCompositeSchedule answers, as (second, limit)."""
    answer = composite(rig, duration, connector, unit)
    assert answer.status == "Accepted"
    return [(p.start_period, p.limit) for p in answer.charging_schedule.charging_schedule_period]


def offered(rig: Rig, connector: int = 1) -> float:
    return rig.station.view(rig.now).connectors[connector - 1].offered_a


def source(rig: Rig, connector: int = 1) -> str:
    return rig.station.view(rig.now).connectors[connector - 1].limit_source


# --- worked examples (reference 10.6) --------------------------------------------------------------------------------


def test_3_13_example_a_the_maximum_and_a_transaction_profile_that_ends() -> None:
    """TC_066."""
    rig = charging()
    number = rig.station.connectors[0].transaction
    assert number
    assert install(rig, 0, 1, "ChargePointMaxProfile", [(0, 10)], duration=DAY) == "Accepted"
    default = [(0, 6), (60, 10), (120, 8), (180, 25), (260, 8)]
    assert install(rig, 1, 2, "TxDefaultProfile", default, duration=300) == "Accepted"
    own = [(0, 8), (50, 11), (140, 16), (200, 6), (240, 12)]
    assert install(rig, 1, 3, "TxProfile", own, duration=260, transaction=number.number) == "Accepted"
    rig.now -= 0.003  # back to the instant all of it is counted from
    assert periods(rig, 400) == [(0, 8), (50, 10), (200, 6), (240, 10), (260, 8), (300, 10)]


def test_3_13_2_example_b_a_higher_level_falls_back_when_it_is_over() -> None:
    """TC_072."""
    rig = idle()
    install(rig, 1, 1, "TxDefaultProfile", [(0, 6), (50, 5), (100, 8), (200, 10)], duration=400)
    install(rig, 1, 2, "TxDefaultProfile", [(0, 7), (100, 9)], duration=150, level=1)
    assert periods(rig, 350) == [(0, 7), (100, 9), (150, 8), (200, 10)]


@pytest.mark.parametrize("later", [0, 7, 59, 60, 61, 119])
def test_5_7_example_c_asked_later_and_then_the_hardware(later: int) -> None:
    """TC_056."""
    rig = idle()
    install(rig, 1, 1, "TxDefaultProfile", [(0, 6), (60, 10), (120, 8)], duration=300)
    rig.run(later)
    steps = [(0, 6), (60, 10), (120, 8), (300, 32)]
    present = [limit for at, limit in steps if at <= later][-1]
    ahead = [(at - later, limit) for at, limit in steps if at > later]
    assert periods(rig, 310) == [(0, present), *ahead]


def test_example_d_relative_and_for_all_connectors() -> None:
    """relative_*: a level of connector 0 goes before a lower one of connector 1."""
    rig = idle()
    install(rig, 1, 1, "TxDefaultProfile", [(0, 16), (100, 20)], kind="Relative")
    install(rig, 0, 2, "TxDefaultProfile", [(0, 10), (50, 6)], kind="Relative", level=1, duration=200)
    assert periods(rig, 300) == [(0, 10), (50, 6), (200, 20)]


def test_example_e_daily() -> None:
    """recurring_*: a daily profile comes again each day."""
    rig = idle()
    day = [(0, 10.0), (10_000, 22.0), (20_000, 6.0)]
    install(rig, 1, 1, "TxDefaultProfile", day, kind="Recurring", recurs="Daily", level=1, duration=DAY)
    assert periods(rig, 2 * DAY) == [*day, *((DAY + at, limit) for at, limit in day)]


def test_example_f_weekly_of_one_day_falls_back() -> None:
    rig = idle()
    week = [(0, 14.0), (5_000, 16.0), (15_000, 20.0)]
    day = [(0, 10.0), (10_000, 22.0), (20_000, 6.0)]
    install(rig, 1, 1, "TxDefaultProfile", week, kind="Recurring", recurs="Weekly")
    install(rig, 1, 2, "TxDefaultProfile", day, kind="Recurring", recurs="Weekly", level=1, duration=DAY)
    assert periods(rig, 2 * DAY) == [*day, (DAY, 20.0)]
    assert periods(rig, 8 * DAY)[-3:] == [(7 * DAY, 10), (7 * DAY + 10_000, 22), (7 * DAY + 20_000, 6)]


# --- what may be installed (reference 10.2) --------------------------------------------------------------------------

GOOD: dict[str, Any] = {"number": 1, "purpose": "TxDefaultProfile", "periods": [(0, 10)]}

REJECTED: dict[str, tuple[int, dict[str, Any]]] = {
    "trap 77: a maximum of one connector": (1, {"purpose": "ChargePointMaxProfile"}),
    "a relative maximum": (0, {"purpose": "ChargePointMaxProfile", "kind": "Relative"}),
    "TC_058_1: a TxProfile without transaction": (1, {"purpose": "TxProfile"}),
    "trap 77: a TxProfile for all connectors": (0, {"purpose": "TxProfile"}),
    "a transaction with another purpose": (1, {"transaction": 501}),
    "a level below 0": (1, {"level": -1}),
    "trap 78: a level above ChargeProfileMaxStackLevel": (1, {"level": 1000}),
    "trap 78: a unit that is not allowed": (1, {"unit": "W"}),
    "trap 78: more periods than ChargingScheduleMaxPeriods": (1, {"periods": [(n, 10) for n in range(51)]}),
    "no period": (1, {"periods": []}),
    "trap 82: a first period that is not 0": (1, {"periods": [(1, 10)]}),
    "trap 82: periods that do not ascend": (1, {"periods": [(0, 10), (60, 12), (30, 10)]}),
    "two periods at once": (1, {"periods": [(0, 10), (60, 12), (60, 10)]}),
    "recurring_*: recurring without how often": (1, {"kind": "Recurring"}),
    "recurring_*: recurring without a start": (1, {"kind": "Recurring", "recurs": "Daily", "start": None}),
    "absolute without a start": (1, {"start": None}),
    "recurring said of another kind": (1, {"recurs": "Daily"}),
    "valid to before from": (1, {"valid": (100, 50)}),
    "valid until now": (1, {"valid": (None, 0)}),
    "a duration of 0": (1, {"duration": 0}),
    "a negative limit": (1, {"periods": [(0, -1)]}),
}


@pytest.mark.parametrize(("connector", "fields"), REJECTED.values(), ids=REJECTED)
def test_5_16_a_profile_that_cannot_be_is_rejected_and_not_stored(connector: int, fields: dict[str, Any]) -> None:
    rig = idle()
    assert install(rig, 1, **GOOD) == "Accepted"
    assert clear(rig) == "Accepted"
    assert install(rig, connector, **{**GOOD, **fields}) == "Rejected"
    assert clear(rig) == "Unknown"
    assert not [key for key in rig.memory if key.startswith("profile/")]


def test_5_16_the_greatest_that_is_allowed_is_taken() -> None:
    rig = idle()
    assert install(rig, 1, 1, "TxDefaultProfile", [(n, 10) for n in range(50)], level=999) == "Accepted"
    assert install(rig, 1, -(2**31), "TxDefaultProfile", [(0, 0)], level=0, valid=(0, 1)) == "Accepted"


@pytest.mark.parametrize("connector", [-1, 2, 99])
def test_trap_79_an_unknown_connector_is_a_call_error(connector: int) -> None:
    answer = ask_to_set(idle(), connector, **GOOD)
    assert isinstance(answer, frames.Error)
    assert answer.code == "PropertyConstraintViolation"


@pytest.mark.parametrize("action", ["SetChargingProfile", "ClearChargingProfile", "GetCompositeSchedule"])
def test_r_217_trap_79_a_station_without_smart_charging_answers_not_supported(action: str) -> None:
    """R-217: only releases from R6 on have the three messages, and only in OCPP 1.6."""
    rig = idle("evlink-smart-wallbox@R5")
    asks = {
        "SetChargingProfile": messages.SetChargingProfile(connector_id=1, cs_charging_profiles=profile(rig, **GOOD)),
        "ClearChargingProfile": messages.ClearChargingProfile(),
        "GetCompositeSchedule": messages.GetCompositeSchedule(connector_id=1, duration=60),
    }
    answer = rig.ask(asks[action])
    assert isinstance(answer, frames.Error)
    assert answer.code == "NotSupported"
    answer = idle("evlink-smart-wallbox@R6").ask(asks[action])
    assert not isinstance(answer, frames.Error)


def test_tc_058_2_a_tx_profile_of_another_transaction_is_rejected() -> None:
    rig = charging()
    assert install(rig, 1, 1, "TxProfile", [(0, 10)], kind="Relative", transaction=99) == "Rejected"
    assert offered(rig) == 32
    assert install(rig, 1, 1, "TxProfile", [(0, 10)], kind="Relative", transaction=501) == "Accepted"
    assert install(rig, 1, 2, "TxProfile", [(0, 9)], kind="Relative", level=1) == "Accepted"  # it need not be named
    assert offered(rig) == 9


def test_9_4_as_many_profiles_as_the_key_says_and_one_that_replaces() -> None:
    rig = idle()
    most = int(rig.value("MaxChargingProfilesInstalled") or 0)
    for number in range(most):
        assert install(rig, 1, number, "TxDefaultProfile", [(0, 10)], level=number) == "Accepted"
    assert install(rig, 1, 999, "TxDefaultProfile", [(0, 10)], level=900) == "Rejected"
    assert install(rig, 1, 999, "TxDefaultProfile", [(0, 10)], level=5) == "Accepted"
    assert install(rig, 1, 7, "TxDefaultProfile", [(0, 10)], level=901) == "Accepted"
    assert len([key for key in rig.memory if key.startswith("profile/")]) == most


def test_a_named_bound_where_the_product_states_none() -> None:
    model = load("evlink-pro-ac")
    missing = {"maxchargingprofilesinstalled", "chargingschedulemaxperiods", "chargeprofilemaxstacklevel"}
    model = msgspec.structs.replace(
        model,
        keys={name: spec for name, spec in model.keys.items() if name not in missing},
        hidden={name: spec for name, spec in model.hidden.items() if name not in missing},
    )
    rig = idle(model)
    assert install(rig, 1, 1, "TxDefaultProfile", [(n, 10) for n in range(profiles.PERIODS_MAX)]) == "Accepted"
    assert install(rig, 1, 1, "TxDefaultProfile", [(n, 10) for n in range(profiles.PERIODS_MAX + 1)]) == "Rejected"
    for number in range(profiles.PROFILES_MAX):
        assert install(rig, 1, number, "TxDefaultProfile", [(0, 10)], level=number) == "Accepted"
    assert install(rig, 1, 5000, "TxDefaultProfile", [(0, 10)], level=5000) == "Rejected"


# --- replacing and clearing ------------------------------------------------------------------------------------------


def test_trap_78_the_same_id_replaces_wherever_it_was() -> None:
    rig = idle()
    install(rig, 0, 1, "TxDefaultProfile", [(0, 8)], level=3)
    install(rig, 1, 1, "TxDefaultProfile", [(0, 12)], level=0)
    assert periods(rig, 60) == [(0, 12)]
    assert clear(rig, id=1) == "Accepted"
    assert clear(rig) == "Unknown"


def test_trap_78_the_same_purpose_and_level_on_the_connector_replaces() -> None:
    rig = idle()
    install(rig, 1, 1, "TxDefaultProfile", [(0, 8)])
    install(rig, 1, 2, "TxDefaultProfile", [(0, 12)])
    assert clear(rig, id=1) == "Unknown"
    assert periods(rig, 60) == [(0, 12)]


def test_trap_81_a_default_of_a_connector_hides_that_for_all_and_does_not_delete_it() -> None:
    rig = idle()
    install(rig, 0, 1, "TxDefaultProfile", [(0, 8)])
    install(rig, 1, 2, "TxDefaultProfile", [(0, 12)])
    assert periods(rig, 60) == [(0, 12)]
    assert clear(rig, id=2) == "Accepted"
    assert periods(rig, 60) == [(0, 8)]


def test_trap_84_a_replacement_that_is_not_valid_yet_leaves_a_gap() -> None:
    rig = idle()
    install(rig, 1, 1, "TxDefaultProfile", [(0, 8)])
    install(rig, 1, 1, "TxDefaultProfile", [(0, 10)], valid=(100, 200))
    assert periods(rig, 300) == [(0, 32), (100, 10), (200, 32)]


CLEARED: list[tuple[dict[str, Any], set[int]]] = [
    ({"id": 2}, {2}),
    ({"id": 2, "connector_id": 0, "stack_level": 9}, {2}),  # the id alone decides
    ({"id": 9}, set()),
    ({"connector_id": 0}, {1, 2}),
    ({"connector_id": 1}, {3, 4, 5}),
    ({"connector_id": 7}, set()),
    ({"charging_profile_purpose": "TxDefaultProfile"}, {2, 3, 4}),
    ({"stack_level": 0}, {1, 2, 3, 5}),
    ({"connector_id": 1, "stack_level": 0}, {3, 5}),
    ({"connector_id": 1, "charging_profile_purpose": "TxDefaultProfile"}, {3, 4}),
    ({"connector_id": 1, "charging_profile_purpose": "TxDefaultProfile", "stack_level": 1}, {4}),
    ({"charging_profile_purpose": "TxProfile", "stack_level": 1}, set()),
    ({}, {1, 2, 3, 4, 5}),
]


@pytest.mark.parametrize(("fields", "gone"), CLEARED, ids=[str(fields) for fields, _ in CLEARED])
def test_trap_88_tc_067_what_is_cleared(fields: dict[str, Any], gone: set[int]) -> None:
    rig = charging()
    install(rig, 0, 1, "ChargePointMaxProfile", [(0, 20)])
    install(rig, 0, 2, "TxDefaultProfile", [(0, 18)])
    install(rig, 1, 3, "TxDefaultProfile", [(0, 16)])
    install(rig, 1, 4, "TxDefaultProfile", [(0, 14)], level=1)
    install(rig, 1, 5, "TxProfile", [(0, 12)])
    assert clear(rig, **fields) == ("Accepted" if gone else "Unknown")
    assert {int(key.removeprefix("profile/")) for key in rig.memory if "profile/" in key} == {1, 2, 3, 4, 5} - gone
    assert clear(rig, **fields) == "Unknown"


def test_tc_067_each_clear_falls_back_and_is_felt_at_once() -> None:
    rig = charging()
    install(rig, 0, 1, "ChargePointMaxProfile", [(0, 20)])
    install(rig, 1, 2, "TxDefaultProfile", [(0, 14)])
    install(rig, 1, 3, "TxProfile", [(0, 12)])
    seen = [(offered(rig), source(rig))]
    for number in (3, 2, 1):
        clear(rig, id=number)
        seen.append((offered(rig), source(rig)))
    assert seen == [
        (12, "TxProfile 3"),
        (14, "TxDefaultProfile 2"),
        (20, "ChargePointMaxProfile 1"),
        (32, "cable 32 A"),
    ]


# --- the limit is obeyed ---------------------------------------------------------------------------------------------


def test_3_13_the_station_wakes_at_each_change_and_the_car_follows() -> None:
    rig = charging()
    install(rig, 1, 1, "TxProfile", [(0, 10), (60, 8), (120, 0), (180, 5.9), (240, 6)], duration=300)
    seen = []
    for _ in range(6):
        rig.run(9)
        reading = rig.hardware.read_meter(1)
        assert reading
        seen.append((offered(rig), round(max(reading.current_a)), rig.notification().status if rig.statuses() else ""))
        rig.run(51)
    amps = [(a, drawn) for a, drawn, _ in seen]
    assert amps == [(10, 10), (8, 8), (0, 0), (0, 0), (6, 6), (32, 16)]
    assert rig.statuses() == ["SuspendedEVSE", "SuspendedEV", "Charging"]


def test_trap_86_zero_pauses_with_an_open_contactor_and_does_not_stop() -> None:
    rig = charging()
    install(rig, 1, 1, "TxDefaultProfile", [(0, 0)])
    rig.run(5)
    assert rig.statuses()[-1] == "SuspendedEVSE"
    assert not rig.power()
    assert source(rig) == "TxDefaultProfile 1"
    assert not rig.said("StopTransaction")
    clear(rig)
    rig.run(10)
    assert rig.power()
    assert rig.statuses()[-1] == "Charging"


def test_3_13_current_and_power_offered_follow() -> None:
    rig = charging("schneider-charge")
    rig.own(MeterValuesSampledData="Current.Import,Current.Offered,Power.Active.Import", MeterValueSampleInterval="10")
    install(rig, 1, 1, "TxProfile", [(0, 9.5)])
    rig.run(25)
    values = {v.measurand: v.value for v in rig.last("MeterValues").meter_value[0].sampled_value}
    assert float(values["Current.Offered"]) == 9.5


def test_trap_87_a_new_default_reaches_the_running_transaction() -> None:
    """TC_082."""
    rig = charging()
    assert offered(rig) == 32
    install(rig, 0, 1, "TxDefaultProfile", [(0, 10)])
    assert offered(rig) == 10
    assert periods(rig, 60) == [(0, 10)]


def test_b5_a_charge_begins_paused_when_the_profile_says_so() -> None:
    rig = idle()
    install(rig, 1, 1, "TxDefaultProfile", [(0, 0), (60, 10)])
    rig.plug()
    rig.badge()
    rig.run(10)
    assert rig.statuses()[-1] == "SuspendedEVSE"
    rig.run(60)
    assert rig.statuses()[-1] == "Charging"
    assert offered(rig) == 10


def test_tc_057_relative_counts_from_the_start_of_the_transaction() -> None:
    rig = charging()
    rig.run(40)
    began = rig.station.connectors[0].started_at
    install(rig, 1, 1, "TxProfile", [(0, 8), (100, 12)], kind="Relative")
    rig.run(began + 99 - rig.now)
    assert offered(rig) == 8
    rig.run(1)
    assert offered(rig) == 12


def test_a_relative_schedule_has_no_start_of_its_own() -> None:
    rig = charging()
    p = profile(rig, 1, "TxProfile", [(0, 8)], kind="Relative")
    schedule = msgspec.structs.replace(p.charging_schedule, start_schedule=date(utc_s(rig) + 3600))
    p = msgspec.structs.replace(p, charging_schedule=schedule)
    assert rig.ask(messages.SetChargingProfile(connector_id=1, cs_charging_profiles=p)).status == "Accepted"
    assert offered(rig) == 8


def heartbeat(rig: Rig, ahead_s: float) -> None:
    """The answer sets the clock, so many seconds ahead of what it was at the start."""
    there = messages.HeartbeatResponse(current_time=date(utc_s(rig) + ahead_s))
    rig.answers["Heartbeat"] = there
    rig.ask(messages.TriggerMessage(requested_message="Heartbeat"))
    rig.run(0.1)
    del rig.answers["Heartbeat"]


def test_a_clock_step_changes_the_limit_at_once() -> None:
    rig = charging()
    install(rig, 1, 1, "TxDefaultProfile", [(0, 8), (3600, 12)])
    rig.run(5)
    assert offered(rig) == 8
    heartbeat(rig, 4000)
    assert offered(rig) == 12
    heartbeat(rig, 0)
    assert offered(rig) == 8
    rig.run(3600)
    assert offered(rig) == 12


@pytest.mark.parametrize("each_s", [0.5, -0.5])
def test_a_clock_set_by_less_than_a_second_moves_the_next_change(each_s: float) -> None:
    rig = charging()
    install(rig, 1, 1, "TxDefaultProfile", [(0, 8), (60, 12)])
    began = rig.now
    rig.run(30)
    heartbeat(rig, each_s)
    heartbeat(rig, 2 * each_s)
    rig.run(began + 60 - 2 * each_s - 0.2 - rig.now)
    assert offered(rig) == 8
    rig.run(0.4)
    assert offered(rig) == 12


def test_a_station_without_profiles_has_no_alarm_of_theirs() -> None:
    rig = charging()
    install(rig, 1, 1, "TxDefaultProfile", [(0, 8), (60, 12)])
    assert ("profile", 0) in rig.station.core.alarms
    clear(rig)
    assert ("profile", 0) not in rig.station.core.alarms
    assert rig.station.core.profiles is None


def test_an_idle_station_is_not_woken_by_a_relative_profile() -> None:
    rig = idle()
    install(rig, 1, 1, "TxDefaultProfile", [(0, 8), (1, 12)], kind="Relative")
    assert ("profile", 0) not in rig.station.core.alarms
    assert periods(rig, 10) == [(0, 8), (1, 12)]


# --- the maximum of the station is shared ----------------------------------------------------------------------------


def two_charging(first: CarSpec = CAR, second: CarSpec = CAR) -> Rig:
    rig = Rig("evlink-parking@R7")
    rig.run(2)
    for connector, car in ((1, first), (2, second)):
        rig.plug(car, connector)
        rig.ask(messages.RemoteStartTransaction(id_tag=f"{TAG[:-1]}{connector}", connector_id=connector))
        rig.run(10)
        assert rig.station.view(rig.now).connectors[connector - 1].contactor
    rig.forget()
    return rig


def most_at_once(rig: Rig) -> float:
    """The greatest sum of what was offered, wish after wish."""
    now: dict[int, float] = {c.number: 0.0 for c in rig.station.connectors}
    sums = []
    for wish in rig.wished(sig.OfferCurrent):
        now[wish.connector] = wish.current_a
        sums.append(sum(now.values()))
    return max(sums)


@pytest.mark.parametrize(("most", "parts"), [
    (40, [20, 20]), (25, [12.5, 12.5]), (64, [32, 32]), (10, [10, 0]), (12, [6, 6]), (11.9, [11.9, 0]), (5, [0, 0]),
    (13.3, [6.6, 6.6]), (0, [0, 0]),
])  # fmt: skip
def test_10_4_the_maximum_is_shared_and_never_exceeded(most: float, parts: list[float]) -> None:
    rig = two_charging()
    assert install(rig, 0, 1, "ChargePointMaxProfile", [(0, most)]) == "Accepted"
    rig.run(10)
    assert [offered(rig, 1), offered(rig, 2)] == parts
    drawn = [rig.hardware.read_meter(n) for n in (1, 2)]
    assert sum(max(reading.current_a) for reading in drawn if reading) <= most + 0.01


def test_10_4_what_one_cannot_use_is_for_the_other() -> None:
    rig = two_charging()
    install(rig, 0, 1, "ChargePointMaxProfile", [(0, 40)])
    install(rig, 2, 2, "TxDefaultProfile", [(0, 8)])
    assert [offered(rig, 1), offered(rig, 2)] == [32, 8]
    install(rig, 2, 2, "TxDefaultProfile", [(0, 0)])
    assert [offered(rig, 1), offered(rig, 2)] == [32, 0]


def test_10_4_who_comes_second_gets_a_part_and_leaves_it_again() -> None:
    rig = Rig("evlink-parking@R7")
    rig.run(2)
    install(rig, 0, 1, "ChargePointMaxProfile", [(0, 30)])
    for connector in (1, 2):
        rig.plug(CAR, connector)
        rig.ask(messages.RemoteStartTransaction(id_tag=f"{TAG[:-1]}{connector}", connector_id=connector))
        rig.run(10)
        assert offered(rig, connector) == 30 / connector
    assert offered(rig, 1) == 15
    rig.ask(messages.RemoteStopTransaction(transaction_id=501))
    rig.run(10)
    assert [offered(rig, 1), offered(rig, 2)] == [0, 30]
    assert most_at_once(rig) <= 30


@pytest.mark.parametrize(("most", "parts"), [(10, [0, 10]), (20, [6, 14]), (40, [6, 32])])
def test_10_4_a_full_car_keeps_no_share_from_one_that_charges(most: float, parts: list[float]) -> None:
    rig = two_charging()
    install(rig, 0, 1, "ChargePointMaxProfile", [(0, most)])
    rig.hardware.set_car(1, rig.now, ready=False)
    rig.run(profiles.IDLE_S - 5)
    first = offered(rig, 1)
    assert first >= 10  # it may only have paused
    rig.run(15)
    assert [offered(rig, 1), offered(rig, 2)] == parts
    rig.run(3600)
    assert [offered(rig, 1), offered(rig, 2)] == parts
    assert rig.station.view(rig.now).connectors[1].contactor
    rig.hardware.set_car(1, rig.now, ready=True)
    rig.run(20)
    if parts[0]:  # what is offered it takes, and has its equal part again
        assert [offered(rig, 1), offered(rig, 2)] == [most / 2, most / 2]
    rig.ask(messages.RemoteStopTransaction(transaction_id=502))
    rig.run(10)
    assert [offered(rig, 1), offered(rig, 2)] == [min(most, 32), 0]
    assert rig.power()
    assert most_at_once(rig) <= most


def test_10_4_two_full_cars_are_not_told_again_and_again() -> None:
    rig = two_charging()
    install(rig, 0, 1, "ChargePointMaxProfile", [(0, 10)])
    for connector in (1, 2):
        rig.hardware.set_car(connector, rig.now, ready=False)
        rig.run(2 * profiles.IDLE_S)
    rig.forget()
    rig.run(7200)
    assert len(rig.wished(sig.OfferCurrent)) <= 1


def test_10_4_who_gives_way_is_told_first() -> None:
    rig = two_charging()
    install(rig, 1, 1, "TxProfile", [(0, 10), (20, 22)])
    install(rig, 0, 2, "ChargePointMaxProfile", [(0, 32)])
    assert [offered(rig, 1), offered(rig, 2)] == [10, 22]
    rig.forget()
    rig.run(30)
    assert [offered(rig, 1), offered(rig, 2)] == [16, 16]
    assert [wish.connector for wish in rig.wished(sig.OfferCurrent)] == [2, 1]


def test_10_4_equal_shares_of_a_maximum_in_watts() -> None:
    model = load("evlink-parking@R7")
    rules = msgspec.structs.replace(model.smart_charging, units=("A", "W"))
    key = msgspec.structs.replace(
        model.keys["chargingscheduleallowedchargingrateunit"], allowed=("Current", "Power"), default="Current,Power"
    )
    keys = {**model.keys, "chargingscheduleallowedchargingrateunit": key}
    model = msgspec.structs.replace(model, smart_charging=rules, keys=keys)
    rig = idle(model)
    for connector, car in ((1, CAR), (2, ONE_PHASE)):
        rig.plug(car, connector)
        rig.ask(messages.RemoteStartTransaction(id_tag=f"{TAG[:-1]}{connector}", connector_id=connector))
        rig.run(70)
    assert install(rig, 0, 1, "ChargePointMaxProfile", [(0, 11_040)], unit="W") == "Accepted"
    rig.run(1)
    assert [offered(rig, 1), offered(rig, 2)] == [8, 24]  # 5,520 W each


# --- units and phases ------------------------------------------------------------------------------------------------


def test_trap_85_watts_are_the_total_of_the_phases_in_use() -> None:
    rig = charging("schneider-charge")
    install(rig, 1, 1, "TxProfile", [(0, 6900)], unit="W")
    assert offered(rig) == 10
    assert periods(rig, 60, unit="W") == [(0, 6900)]
    assert periods(rig, 60) == [(0, 10)]


def test_trap_85_a_single_phase_car_takes_its_watts_from_one_phase() -> None:
    rig = charging("schneider-charge", ONE_PHASE)
    rig.own(MeterValueSampleInterval="10")
    install(rig, 1, 1, "TxProfile", [(0, 4600)], unit="W")
    rig.run(25)
    assert offered(rig) == 20
    reading = rig.hardware.read_meter(1)
    assert reading
    assert sum(reading.power_w) <= 4600


def test_trap_85_a_pause_does_not_forget_that_a_car_is_single_phase() -> None:
    """3700 W are 16 A on its one phase; on three they would be 5.3 A, too little to go on at all."""
    rig = charging("schneider-charge", ONE_PHASE)
    rig.run(60)
    install(rig, 1, 1, "TxProfile", [(0, 3700), (100, 0), (200, 3700)], unit="W")
    rig.run(90)
    assert offered(rig) == 16
    rig.run(100)
    assert offered(rig) == 0
    rig.run(60)
    assert offered(rig) == 16
    assert rig.power()


def test_trap_85_the_next_car_is_not_taken_for_the_last_one() -> None:
    rig = charging("schneider-charge", ONE_PHASE)
    rig.own(StopTransactionOnEVSideDisconnect="false")
    rig.run(60)
    install(rig, 1, 1, "TxProfile", [(0, 4600)], unit="W")
    assert offered(rig) == 20
    rig.hardware.unplug_car(1, rig.now)
    rig.run(5)
    rig.hardware.plug_car(1, CAR, rig.now)
    rig.run(5)
    assert offered(rig) == 6.6


@pytest.mark.parametrize("unit", ["A", "W"])
@pytest.mark.parametrize("limit", [1e15, 1e308, 1.7e308])
def test_5_16_the_largest_of_numbers_is_no_limit(limit: float, unit: str) -> None:
    rig = charging("schneider-charge")
    assert install(rig, 1, 1, "TxProfile", [(0, limit)], unit=unit) == "Accepted"
    assert install(rig, 0, 2, "ChargePointMaxProfile", [(0, limit)], unit=unit) == "Accepted"
    assert offered(rig) == 32
    for connector in (0, 1):
        assert periods(rig, 60, connector, "A") == [(0, 32)]
        assert periods(rig, 60, connector, "W") == [(0, 22_080)]


def test_10_4_the_lower_of_two_units_decides_and_it_is_rounded_down() -> None:
    rig = charging("schneider-charge")
    install(rig, 0, 1, "ChargePointMaxProfile", [(0, 11_000)], unit="W")
    install(rig, 1, 2, "TxProfile", [(0, 15), (60, 16)])
    assert periods(rig, 120) == [(0, 15), (60, 15.9)]
    assert periods(rig, 120, unit="W") == [(0, 10_350), (60, 11_000)]
    rig.run(61)
    assert offered(rig) == 15.9
    assert source(rig) == "ChargePointMaxProfile 1"


def three_units(**restrictions: Any) -> Model:
    """A product that looks at phases."""
    model = load("schneider-charge")
    rules = msgspec.structs.replace(model.smart_charging, ignored_attributes=(), **restrictions)
    return msgspec.structs.replace(model, smart_charging=rules)


def test_10_5_the_phases_of_the_deciding_period_are_carried_over() -> None:
    rig = idle(three_units())
    install(rig, 1, 1, "TxDefaultProfile", [(0, 10)], phases=1, duration=60)
    install(rig, 0, 2, "ChargePointMaxProfile", [(0, 20)], phases=3)
    schedule = composite(rig, 100).charging_schedule
    assert [(p.limit, p.number_phases) for p in schedule.charging_schedule_period] == [(10, 1), (20, 3)]
    assert periods(rig, 30, unit="W") == [(0, 2300)]


@pytest.mark.parametrize("phases", [0, 4, -1])
def test_10_2_phases_are_one_to_three(phases: int) -> None:
    assert install(idle(three_units()), 1, 1, "TxDefaultProfile", [(0, 10)], phases=phases) == "Rejected"


# --- GetCompositeSchedule --------------------------------------------------------------------------------------------


def test_trap_89_the_answer_begins_now_and_names_no_other_start() -> None:
    rig = idle()
    install(rig, 1, 1, "TxDefaultProfile", [(0, 10)])
    answer = composite(rig, 60)
    assert answer.connector_id == 1
    assert 0 <= utc_s(rig) - answer.schedule_start.timestamp() < 1
    assert answer.charging_schedule.start_schedule is msgspec.UNSET
    assert answer.charging_schedule.duration == 60
    assert answer.charging_schedule.charging_rate_unit == "A"


@pytest.mark.parametrize(("connector", "duration"), [(2, 60), (-1, 60), (1, 0), (1, -5)])
def test_trap_89_what_cannot_be_answered_is_rejected(connector: int, duration: int) -> None:
    answer = composite(idle(), duration, connector)
    assert answer == messages.GetCompositeScheduleResponse(status="Rejected")


def test_10_5_connector_zero_without_transactions_is_the_maximum() -> None:
    rig = idle()
    install(rig, 0, 1, "ChargePointMaxProfile", [(0, 10), (60, 12)], duration=120)
    install(rig, 0, 2, "TxDefaultProfile", [(0, 8)])
    assert periods(rig, 200, connector=0) == [(0, 10), (60, 12), (120, 32)]


def test_10_5_connector_zero_is_the_sum_of_what_runs_below_the_maximum() -> None:
    rig = two_charging()
    model = msgspec.structs.replace(
        rig.model, smart_charging=msgspec.structs.replace(rig.model.smart_charging, composite_connector_zero=True)
    )
    rig.station.core.model = model
    install(rig, 1, 1, "TxProfile", [(0, 10), (60, 20)])
    install(rig, 2, 2, "TxProfile", [(0, 12)])
    install(rig, 0, 3, "ChargePointMaxProfile", [(0, 25)])
    rig.now -= 0.003
    assert periods(rig, 100, connector=0) == [(0, 22), (60, 25)]
    assert periods(rig, 100, connector=1) == [(0, 10), (60, 20)]


def test_5_7_a_second_question_does_not_change_the_answer() -> None:
    rig = charging()
    install(rig, 1, 1, "TxProfile", [(0, 8), (60, 12)])
    first = composite(rig, 100)
    memory, limit = dict(rig.memory), offered(rig)
    assert composite(rig, 100) == first
    assert composite(rig, 100, unit="W").charging_schedule.charging_schedule_period[0].limit == 8 * 690
    assert composite(rig, 100) == first
    assert (rig.memory, offered(rig)) == (memory, limit)


def test_5_7_at_every_moment_it_says_what_is_offered() -> None:
    rig = charging()
    install(rig, 1, 1, "TxDefaultProfile", [(0, 10), (31, 8), (62, 14)], duration=93)
    install(rig, 1, 2, "TxProfile", [(0, 12), (17, 9)], kind="Relative", duration=60)
    told = []
    for _ in range(150):
        told.append(periods(rig, 1)[0][1])
        assert told[-1] == offered(rig)
        rig.run(0.7)
    assert list(dict.fromkeys(told)) == [12, 9, 8, 14, 32]


def test_10_5_a_long_question_is_answered_as_far_as_is_reckoned() -> None:
    rig = idle()
    install(rig, 1, 1, "TxDefaultProfile", [(0, 10), (3600, 12)], kind="Recurring", recurs="Daily")
    schedule = composite(rig, 10**9).charging_schedule
    assert schedule.duration == profiles.COMPOSITE_MAX_S
    rows = [(at, 10 + at % 2) for at in range(50)]
    for number in range(30):
        install(
            rig, 1, number, "TxDefaultProfile", rows, kind="Recurring", recurs="Daily", level=number, duration=50 * 60,
            start=number * 3600 - DAY,
        )  # fmt: skip
    schedule = composite(rig, 10**9).charging_schedule
    assert len(schedule.charging_schedule_period) == profiles.COMPOSITE_PERIODS_MAX
    assert schedule.duration > schedule.charging_schedule_period[-1].start_period
    assert schedule.duration < profiles.COMPOSITE_MAX_S


# --- life of a profile -----------------------------------------------------------------------------------------------


def test_trap_87_a_tx_profile_ends_with_its_transaction_and_others_stay() -> None:
    rig = charging()
    install(rig, 0, 1, "ChargePointMaxProfile", [(0, 20)])
    install(rig, 1, 2, "TxDefaultProfile", [(0, 15)])
    install(rig, 1, 3, "TxProfile", [(0, 12)])
    rig.badge()
    rig.run(5)
    assert {key for key in rig.memory if key.startswith("profile/")} == {"profile/1", "profile/2"}
    assert clear(rig, id=3) == "Unknown"
    assert periods(rig, 60) == [(0, 15)]


@pytest.mark.parametrize("how", ["power", "Soft", "Hard"])
def test_trap_87_profiles_survive_a_restart(how: Any) -> None:
    rig = idle()
    install(rig, 0, 1, "ChargePointMaxProfile", [(0, 20)])
    install(rig, 1, 2, "TxDefaultProfile", [(0, 15), (600, 8)], kind="Recurring", recurs="Daily", valid=(-5, 9000))
    if how == "power":
        rig.power_cycle()
    else:
        rig.ask(messages.Reset(type=how))
    rig.run(10)
    rig.plug()
    rig.badge()
    rig.run(10)
    assert offered(rig) == 15
    rig.run(600)
    assert offered(rig) == 8


def test_a_tx_profile_survives_a_power_cut_with_its_transaction() -> None:
    rig = charging()
    rig.own(RestoreTimeout="0")
    began = rig.now - rig.station.connectors[0].started_at
    install(rig, 1, 1, "TxProfile", [(0, 12), (100, 9)], kind="Relative")
    rig.power_cycle(off_s=30)
    rig.run(10)
    assert offered(rig) == 12
    rig.run(100 - began - 30)
    assert offered(rig) == 9


def test_a_relative_profile_survives_a_power_cut_that_the_clock_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    """The fleet found it: the date was wrong by days when the transaction was resumed, and set right after."""
    this = charging()
    this.own(RestoreTimeout="0")
    began_at = this.station.connectors[0].started_at
    install(this, 1, 1, "TxProfile", [(0, 12), (100, 9)], kind="Relative")
    with monkeypatch.context() as patch:
        patch.setattr(rig_of_rules, "EPOCH_UTC_S", EPOCH_UTC_S + 170_000)
        this.power_cycle()
    this.tell(sig.ClockSet(utc_s(this), "owner"))
    this.run(10)
    assert offered(this) == 12
    this.run(began_at + 101 - this.now)
    assert offered(this) == 9


def test_a_tx_profile_ends_with_a_transaction_that_a_power_cut_ended() -> None:
    rig = charging("evlink-smart-wallbox")
    assert install(rig, 1, 1, "TxProfile", [(0, 12)]) == "Accepted"
    rig.power_cycle()
    rig.run(10)
    assert not [key for key in rig.memory if key.startswith("profile/")]


def test_a_tx_profile_whose_transaction_was_not_kept_is_forgotten() -> None:
    rig = charging()
    install(rig, 1, 1, "TxProfile", [(0, 12)])
    for key in [key for key in rig.memory if key.startswith("transaction/")]:
        del rig.memory[key]
    rig.power_cycle()
    rig.run(5)
    assert not [key for key in rig.memory if key.startswith("profile/")]


def test_factory_settings_forget_profiles() -> None:
    rig = idle()
    install(rig, 0, 1, "ChargePointMaxProfile", [(0, 20)])
    rig.tell(sig.Restored())
    rig.run(10)
    assert not [key for key in rig.memory if key.startswith("profile/")]


def test_q_111_the_reset_key_forgets_profiles() -> None:
    rig = charging("schneider-charge")
    install(rig, 0, 1, "ChargePointMaxProfile", [(0, 10)])
    assert offered(rig) == 10
    rig.change("TriggerBackendConfigurationDataReset", "true")
    rig.run(1)
    assert not [key for key in rig.memory if key.startswith("profile/")]
    assert offered(rig) == 32


# --- RemoteStartTransaction with a profile ---------------------------------------------------------------------------


def remote_start(rig: Rig, p: messages.ChargingProfile, connector: int | None = 1) -> str:
    more: Any = {} if connector is None else {"connector_id": connector}
    status: str = rig.ask(messages.RemoteStartTransaction(id_tag=TAG, charging_profile=p, **more)).status
    rig.run(10)
    return status


@pytest.mark.parametrize("model", ["evlink-pro-ac", "schneider-charge", "evlink-smart-wallbox"])
@pytest.mark.parametrize("authorize", ["true", "false"])
@pytest.mark.parametrize("connector", [1, None])
def test_r_117_tc_059_the_profile_of_a_remote_start_governs_that_transaction(
    model: str, authorize: str, connector: int | None
) -> None:
    """R-117: a remote start may carry a charging profile."""
    rig = idle(model, AuthorizeRemoteTxRequests=authorize)
    rig.plug()
    p = profile(rig, 4, "TxProfile", [(0, 12), (60, 9)], kind="Relative")
    assert remote_start(rig, p, connector) == "Accepted"
    assert (offered(rig), source(rig)) == (12, "TxProfile 4")
    rig.run(60)
    assert offered(rig) == 9
    rig.ask(messages.RemoteStopTransaction(transaction_id=501))
    rig.run(5)
    assert not [key for key in rig.memory if key.startswith("profile/")]


def test_tc_059_the_profile_waits_for_the_car() -> None:
    rig = idle()
    assert remote_start(rig, profile(rig, 4, "TxProfile", [(0, 12)], kind="Relative")) == "Accepted"
    rig.plug()
    rig.run(10)
    assert offered(rig) == 12


def test_tc_060_a_remote_start_with_another_purpose_or_a_bad_profile_is_rejected() -> None:
    rig = idle()
    rig.plug()
    for p in (
        profile(rig, 4, "TxDefaultProfile", [(0, 12)]),
        profile(rig, 4, "TxProfile", [(0, 12)], transaction=5),
        profile(rig, 4, "TxProfile", [(0, 12)], level=1000),
        profile(rig, 4, "TxProfile", [(7, 12)]),
        profile(rig, 4, "TxProfile", [(0, 12)], unit="W"),
    ):
        assert remote_start(rig, p) == "Rejected"
    assert not rig.power()


def test_trap_90_who_knows_no_profiles_starts_without() -> None:
    rig = idle("evlink-smart-wallbox@R5")
    rig.plug()
    assert remote_start(rig, profile(rig, 4, "TxDefaultProfile", [(0, 7)])) == "Accepted"
    assert rig.power()
    assert offered(rig) > 7


# --- products --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("model", ["evlink-smart-wallbox", "evlink-parking", "evlink-city"])
def test_r_218_r_219_r_220_the_evlink_family(model: str) -> None:
    """R-218: amperes only; R-219: no composite schedule of connector 0; R-220: two attributes are refused (Q-028)."""
    rig = idle(model)
    assert install(rig, 1, 1, "TxDefaultProfile", [(0, 10)], unit="W") == "Rejected"
    assert install(rig, 1, 1, "TxDefaultProfile", [(0, 10)], rate=6) == "Rejected"
    assert install(rig, 1, 1, "TxDefaultProfile", [(0, 10)], phases=3) == "Rejected"
    for number, recurs in enumerate(("Daily", "Weekly")):
        status = install(
            rig, 1, number, "TxDefaultProfile", [(0, 10)], kind="Recurring", recurs=recurs, level=number,
            valid=(0, 5000), duration=100,
        )  # fmt: skip
        assert status == "Accepted"
    assert composite(rig, 60, connector=0).status == "Rejected"
    assert periods(rig, 60) == [(0, 10)]


@pytest.mark.parametrize("model", ["schneider-charge", "evlink-pro-ac"])
def test_r_221_all_purposes_and_what_is_not_used_is_ignored(model: str) -> None:
    """R-221: minChargingRate and numberPhases are not used, which is not "not supported" (Q-120)."""
    rig = charging(model)
    for number, (purpose, connector) in enumerate(
        {"ChargePointMaxProfile": 0, "TxDefaultProfile": 1, "TxProfile": 1}.items()
    ):
        assert install(rig, connector, number, purpose, [(0, 10 + number)], rate=6, phases=9) == "Accepted"
    for recurs in ("Daily", "Weekly"):
        assert install(rig, 1, 8, "TxDefaultProfile", [(0, 9)], kind="Recurring", recurs=recurs) == "Accepted"
    schedule = composite(rig, 60).charging_schedule
    assert schedule.charging_schedule_period[0].number_phases is msgspec.UNSET


def test_r_222_r_223_units() -> None:
    """R-222: Schneider Charge takes A and W; R-223: the Pro AC takes A, and rejects W."""
    assert install(idle("schneider-charge"), 1, 1, "TxDefaultProfile", [(0, 4000)], unit="W") == "Accepted"
    assert install(idle("schneider-charge"), 1, 1, "TxDefaultProfile", [(0, 10)], unit="A") == "Accepted"
    assert install(idle("evlink-pro-ac"), 1, 1, "TxDefaultProfile", [(0, 4000)], unit="W") == "Rejected"


PRO_DC = "evlink-pro-dc/EVD1S180THB"
"""Connector 1 is CCS2, connector 2 CHAdeMO."""


def test_r_224_the_pro_dc_takes_watts_and_no_maximum() -> None:
    """R-224: TxDefaultProfile and TxProfile, every kind, W; ChargePointMaxProfile is NotSupported (Q-091, Q-092)."""
    rig = charging(PRO_DC, msgspec.structs.replace(CAR, max_current_a=100))
    assert install(rig, 0, 1, "ChargePointMaxProfile", [(0, 50_000)], unit="W") == "NotSupported"
    assert install(rig, 1, 1, "TxDefaultProfile", [(0, 16)], unit="A") == "Rejected"
    assert install(rig, 1, 1, "TxDefaultProfile", [(0, 50_000)], unit="W") == "Accepted"
    for kind, recurs in (("Relative", None), ("Recurring", "Daily"), ("Recurring", "Weekly"), ("Absolute", None)):
        assert install(rig, 1, 2, "TxProfile", [(0, 30_000)], kind=kind, recurs=recurs, unit="W") == "Accepted"
    rig.run(10)
    assert offered(rig) * 690 == pytest.approx(30_000)
    answer = composite(rig, 60)
    assert answer.charging_schedule.charging_rate_unit == "W"
    assert periods(rig, 60) == [(0, 30_000)]
    clear(rig)
    assert periods(rig, 60) == [(0, 180_000)]
    assert periods(rig, 60, connector=0) == [(0, 180_000)]


def test_r_225_chademo_takes_no_profile() -> None:
    """R-225: a CHAdeMO connector has none of its own, and none of those for all (Q-091)."""
    rig = idle(PRO_DC)
    assert install(rig, 2, 1, "TxDefaultProfile", [(0, 50_000)], unit="W") == "NotSupported"
    assert install(rig, 0, 1, "TxDefaultProfile", [(0, 50_000)], unit="W") == "Accepted"
    assert periods(rig, 60, connector=1) == [(0, 50_000)]
    assert periods(rig, 60, connector=2) == [(0, 180_000)]


@pytest.mark.parametrize(
    ("limit", "status"), [(999.9, "Rejected"), (0.1, "Rejected"), (1000, "Accepted"), (0, "Accepted")]
)
def test_r_227_a_limit_of_the_pro_dc_is_0_or_at_least_1_kw(limit: float, status: str) -> None:
    """R-227: below 1 kW it is refused; exactly 1 kW is taken and offered (Q-090)."""
    rig = charging(PRO_DC)
    assert install(rig, 1, 1, "TxProfile", [(0, limit)], unit="W") == status
    if limit == 1000:
        assert offered(rig) * 690 == pytest.approx(1000)
        rig.run(30)
        assert rig.view.status == "Charging", "the least current of a pilot (IEC 61851-1) is none of DC"


def test_r_226_at_a_limit_of_0_the_power_modules_leave_about_half_an_ampere_each() -> None:
    """R-226: six modules of 30 kW; the charge goes on with 3 A at the output, and the limit keeps its author."""
    rig = charging(PRO_DC)
    install(rig, 1, 1, "TxProfile", [(0, 0), (60, 20_000)], unit="W")
    rig.run(30)
    reading = rig.hardware.read_meter(1)
    assert reading
    assert reading.soc_percent is not None
    output_v = 320 + reading.soc_percent
    assert sum(reading.power_w) / output_v == pytest.approx(3, rel=0.2)
    assert (rig.view.status, source(rig), periods(rig, 10)) == ("Charging", "TxProfile 1", [(0, 0)])
    rig.run(60)
    assert offered(rig) * 690 == pytest.approx(20_000)


def test_r_226_what_else_says_0_leaves_nothing() -> None:
    """The badge is refused after the start: a limit of 0 that is none of a profile's."""
    rig = idle(PRO_DC)
    rig.own(StopTransactionOnInvalidId="false")
    install(rig, 1, 1, "TxDefaultProfile", [(0, 0)], unit="W")
    refused = messages.StartTransactionResponse(id_tag_info=messages.IdTagInfo(status="Invalid"), transaction_id=7)
    rig.answers["StartTransaction"] = refused
    rig.plug()
    rig.badge()
    rig.run(30)
    assert rig.station.connectors[0].transaction
    assert (offered(rig), rig.power()) == (0, False)


def test_r_228_the_pro_dc_refuses_one_attribute_and_ignores_the_other() -> None:
    """R-228: minChargingRate is not supported, numberPhases not applicable (Q-184)."""
    rig = idle(PRO_DC)
    assert install(rig, 1, 1, "TxDefaultProfile", [(0, 50_000)], unit="W", rate=2000) == "Rejected"
    assert install(rig, 1, 1, "TxDefaultProfile", [(0, 50_000)], unit="W", phases=1) == "Accepted"
    assert periods(rig, 60) == [(0, 50_000)]


def test_r_297_a_supervision_is_let_in_by_emsetting_whatever_modbus_may() -> None:
    """The guide has one setting for a supervision and for Modbus, the keys have EMsetting: each rules its own half."""
    rig = charging("evlink-smart-wallbox")
    assert rig.station.core.settings.text("ControlledByExternalSystem") == "false"
    assert install(rig, 1, 1, "TxDefaultProfile", [(0, 10)]) == "Accepted"
    assert offered(rig) == 10
    rig.own(ControlledByExternalSystem="true", EMsetting="1")
    assert install(rig, 1, 1, "TxDefaultProfile", [(0, 8)]) == "Rejected"
    rig.tell(sig.ExternalSetPoint(1, 9.0))
    rig.run(1)
    assert offered(rig) == 9


@pytest.mark.parametrize("value", ["0", "1"])
def test_q_189_profiles_are_looked_at_only_while_the_key_allows_it(value: str) -> None:
    rig = charging("evlink-smart-wallbox")
    assert install(rig, 1, 1, "TxDefaultProfile", [(0, 10)]) == "Accepted"
    assert offered(rig) == 10
    rig.own(EMsetting=value)
    assert install(rig, 1, 1, "TxDefaultProfile", [(0, 8)]) == "Rejected"
    assert offered(rig) > 10
    assert periods(rig, 60)[0][1] > 10
    rig.own(EMsetting="3")
    assert offered(rig) == 10
    assert install(rig, 1, 1, "TxDefaultProfile", [(0, 8)]) == "Accepted"
